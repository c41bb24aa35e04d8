//! Reductions of rows whose elements are neighbours.

use super::{LEAF_CHUNKS, Max, Reduction, cut};
use crate::kernel::simd::{Kernel, Level, dispatch_at};
use crate::real::Real;

/// Elements of a chunk.
pub(super) const CHUNK: usize = 1024;
/// Partial results that run side by side: two registers of AVX-512 in `f32`, eight of AVX2 in `f64`.
const LANES: usize = 32;
/// Depth of the tree over [`LEAF_CHUNKS`] chunks, and one.
const LEVELS: usize = LEAF_CHUNKS.ilog2() as usize + 1;

/// Each row of `width` elements of `x` into an element of `out`.
pub(super) fn reduce<T: Real, R: Reduction>(
    level: Level,
    x: &[T],
    width: usize,
    out: &mut [T],
    parallel: bool,
) {
    if width <= LEAF_CHUNKS * CHUNK {
        return dispatch_at(level, Rows { x, width, out, reduction: R::default() });
    }
    for (x, out) in x.chunks_exact(width).zip(out) {
        let shift = if R::SHIFTED { tree::<T, Max>(level, x, T::ZERO, parallel) } else { T::ZERO };
        *out = R::finish(tree::<T, R>(level, x, shift, parallel), shift);
    }
}

/// The tree over the chunks of one long row, down to leaves that are dispatched.
fn tree<T: Real, R: Reduction>(level: Level, x: &[T], shift: T, parallel: bool) -> T {
    let chunks = x.len().div_ceil(CHUNK);
    if chunks <= LEAF_CHUNKS {
        return dispatch_at(level, Leaf { x, shift, reduction: R::default() });
    }
    let (left, right) = x.split_at(cut(chunks) * CHUNK);
    let left = || tree::<T, R>(level, left, shift, parallel);
    let right = || tree::<T, R>(level, right, shift, parallel);
    let (left, right) = if parallel { rayon::join(left, right) } else { (left(), right()) };
    R::combine(left, right)
}

/// Rows of at most [`LEAF_CHUNKS`] chunks.
struct Rows<'a, T, R> {
    x: &'a [T],
    width: usize,
    out: &'a mut [T],
    #[allow(dead_code)] // names the reduction
    reduction: R,
}

impl<T: Real, R: Reduction> Kernel for Rows<'_, T, R> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        match self.width {
            1 => short_rows::<T, R, 1>(self.x, self.out),
            2 => short_rows::<T, R, 2>(self.x, self.out),
            3 => short_rows::<T, R, 3>(self.x, self.out),
            4 => short_rows::<T, R, 4>(self.x, self.out),
            5 => short_rows::<T, R, 5>(self.x, self.out),
            6 => short_rows::<T, R, 6>(self.x, self.out),
            7 => short_rows::<T, R, 7>(self.x, self.out),
            8 => short_rows::<T, R, 8>(self.x, self.out),
            width => {
                for (x, out) in self.x.chunks_exact(width).zip(self.out) {
                    let shift = if R::SHIFTED { leaf::<T, Max>(x, T::ZERO) } else { T::ZERO };
                    *out = R::finish(leaf::<T, R>(x, shift), shift);
                }
            }
        }
    }
}

/// Rows much shorter than the lanes, of a length that is known: without the lanes that they would leave empty.
#[inline(always)]
fn short_rows<T: Real, R: Reduction, const WIDTH: usize>(x: &[T], out: &mut [T]) {
    for (x, out) in x.as_chunks::<WIDTH>().0.iter().zip(out) {
        let shift = if R::SHIFTED { short::<T, Max, WIDTH>(x, T::ZERO) } else { T::ZERO };
        *out = R::finish(short::<T, R, WIDTH>(x, shift), shift);
    }
}

/// What [`chunk`] computes, in its order: lanes beyond the row hold the identity, and adding it to what began
/// with it changes no bit.
#[inline(always)]
fn short<T: Real, R: Reduction, const WIDTH: usize>(x: &[T; WIDTH], shift: T) -> T {
    let mut lanes = [R::identity::<T>(); WIDTH];
    for (lane, &x) in lanes.iter_mut().zip(x) {
        *lane = R::combine(*lane, R::term(x, shift));
    }
    let mut half = WIDTH.next_power_of_two() / 2;
    while half > 0 {
        for lane in 0..half.min(WIDTH - half) {
            lanes[lane] = R::combine(lanes[lane], lanes[lane + half]);
        }
        half /= 2;
    }
    lanes[0]
}

/// At most [`LEAF_CHUNKS`] chunks of one row.
struct Leaf<'a, T, R> {
    x: &'a [T],
    shift: T,
    #[allow(dead_code)] // names the reduction
    reduction: R,
}

impl<T: Real, R: Reduction> Kernel for Leaf<'_, T, R> {
    type Output = T;
    #[inline(always)]
    fn run(self) -> T {
        leaf::<T, R>(self.x, self.shift)
    }
}

/// The tree over the chunks of `x` without recursion, which could not be inlined: like a binary counter,
/// entry p of `pending` waits for another subtree of 2^p chunks.
#[inline(always)]
fn leaf<T: Real, R: Reduction>(x: &[T], shift: T) -> T {
    if x.len() <= CHUNK {
        return chunk::<T, R>(x, shift);
    }
    let mut pending = [R::identity(); LEVELS];
    let mut done = 0usize;
    for x in x.chunks(CHUNK) {
        let mut subtree = chunk::<T, R>(x, shift);
        let mut p = 0;
        while done >> p & 1 == 1 {
            subtree = R::combine(pending[p], subtree);
            p += 1;
        }
        pending[p] = subtree;
        done += 1;
    }
    // The rest from the smallest subtree up: each is the right-hand side of the next.
    let mut p = done.trailing_zeros() as usize;
    let mut subtree = pending[p];
    while done >> (p + 1) != 0 {
        p += 1;
        if done >> p & 1 == 1 {
            subtree = R::combine(pending[p], subtree);
        }
    }
    subtree
}

#[inline(always)]
fn chunk<T: Real, R: Reduction>(x: &[T], shift: T) -> T {
    let mut lanes = [R::identity::<T>(); LANES];
    let (blocks, rest) = x.as_chunks::<LANES>();
    for block in blocks {
        for (lane, &x) in lanes.iter_mut().zip(block) {
            *lane = R::combine(*lane, R::term(x, shift));
        }
    }
    if !rest.is_empty() {
        let mut block = [R::padding(); LANES];
        block[..rest.len()].copy_from_slice(rest);
        for (lane, &x) in lanes.iter_mut().zip(&block) {
            *lane = R::combine(*lane, R::term(x, shift));
        }
    }
    let mut half = LANES / 2;
    while half > 0 {
        let (low, high) = lanes.split_at_mut(half);
        for (low, &high) in low.iter_mut().zip(&*high) {
            *low = R::combine(*low, high);
        }
        half /= 2;
    }
    lanes[0]
}

/// The position of the first largest element of each row of `width` elements.
pub(super) fn argmax<T: Real>(level: Level, x: &[T], width: usize, out: &mut [u32]) {
    dispatch_at(level, ArgMax { x, width, out });
}

struct ArgMax<'a, T> {
    x: &'a [T],
    width: usize,
    out: &'a mut [u32],
}

impl<T: Real> Kernel for ArgMax<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        for (x, out) in self.x.chunks_exact(self.width.max(1)).zip(self.out) {
            let largest =
                x.chunks(CHUNK).fold(-T::INFINITY, |m, x| Max::combine(m, chunk::<T, Max>(x, T::ZERO)));
            // Found in blocks, whose test vectorises; if the largest is NaN, only a NaN is not a number.
            let found = |x: T| (x == largest) | x.is_nan();
            let block = x.chunks(LANES).position(|x| x.iter().fold(false, |any, &x| any | found(x)));
            let start = block.unwrap_or(0) * LANES;
            *out = (start + x[start..].iter().position(|&x| found(x)).unwrap_or(0)) as u32;
        }
    }
}
