//! Reductions along columns: what is neighbours in memory belongs to different outputs.

use super::{LEAF_CHUNKS, LEAF_ELEMENTS, Max, Reduction, cut};
use crate::kernel::simd::{Kernel, Level, dispatch_at};
use crate::real::Real;
use rayon::prelude::*;

/// Rows of a chunk.
pub(super) const CHUNK: usize = 64;
/// Columns that are reduced together: their partial results stay in the first-level cache.
const WIDTH: usize = 128;
/// Depth of the tree over [`LEAF_CHUNKS`] chunks, and one.
const LEVELS: usize = LEAF_CHUNKS.ilog2() as usize + 1;

/// Partial results of [`WIDTH`] columns or fewer.
type Partial<T> = [T; WIDTH];

/// Each plane of `rows` by `cols` elements of `x` into `cols` elements of `out`.
pub(super) fn reduce<T: Real, R: Reduction>(
    level: Level,
    x: &[T],
    rows: usize,
    cols: usize,
    out: &mut [T],
    parallel: bool,
) {
    if rows <= LEAF_CHUNKS * CHUNK && !(parallel && rows * cols > 2 * LEAF_ELEMENTS) {
        return dispatch_at(level, Planes { x, rows, cols, out, reduction: R::default() });
    }
    for (x, out) in x.chunks_exact(rows * cols).zip(out.chunks_exact_mut(cols)) {
        let strip = |(index, out): (usize, &mut [T])| {
            let strip = Strip { x, rows, cols, col: index * WIDTH, width: out.len() };
            let mut shift = [T::ZERO; WIDTH];
            if R::SHIFTED {
                tree::<T, Max>(level, strip, &[T::ZERO; WIDTH], &mut shift, parallel);
            }
            let mut all = [R::identity(); WIDTH];
            tree::<T, R>(level, strip, &shift, &mut all, parallel);
            for ((out, &all), &shift) in out.iter_mut().zip(&all).zip(&shift) {
                *out = R::finish(all, shift);
            }
        };
        if parallel {
            out.par_chunks_mut(WIDTH).enumerate().for_each(strip);
        } else {
            out.chunks_mut(WIDTH).enumerate().for_each(strip);
        }
    }
}

/// Columns `col .. col + width` of a matrix.
#[derive(Clone, Copy)]
struct Strip<'a, T> {
    x: &'a [T],
    rows: usize,
    cols: usize,
    col: usize,
    width: usize,
}

impl<'a, T> Strip<'a, T> {
    #[inline(always)]
    fn row(&self, row: usize) -> &'a [T] {
        &self.x[row * self.cols + self.col..][..self.width]
    }

    /// Rows `start .. end`.
    #[inline(always)]
    fn part(&self, start: usize, end: usize) -> Strip<'a, T> {
        Strip { x: &self.x[start * self.cols..end * self.cols], rows: end - start, ..*self }
    }
}

/// The tree over the chunks of a strip, down to leaves that are dispatched.
fn tree<T: Real, R: Reduction>(
    level: Level,
    strip: Strip<'_, T>,
    shift: &Partial<T>,
    all: &mut Partial<T>,
    parallel: bool,
) {
    let chunks = strip.rows.div_ceil(CHUNK);
    if chunks <= LEAF_CHUNKS {
        return dispatch_at(level, Leaf { strip, shift, all, reduction: R::default() });
    }
    let middle = cut(chunks) * CHUNK;
    let mut others = [R::identity(); WIDTH];
    let mut left = || tree::<T, R>(level, strip.part(0, middle), shift, all, parallel);
    let mut right = || tree::<T, R>(level, strip.part(middle, strip.rows), shift, &mut others, parallel);
    if parallel {
        rayon::join(left, right);
    } else {
        left();
        right();
    }
    for (all, &other) in all.iter_mut().zip(&others) {
        *all = R::combine(*all, other);
    }
}

/// Planes of at most [`LEAF_CHUNKS`] chunks.
struct Planes<'a, T, R> {
    x: &'a [T],
    rows: usize,
    cols: usize,
    out: &'a mut [T],
    #[allow(dead_code)] // names the reduction
    reduction: R,
}

impl<T: Real, R: Reduction> Kernel for Planes<'_, T, R> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Planes { x, rows, cols, out, .. } = self;
        for (x, out) in x.chunks_exact(rows * cols).zip(out.chunks_exact_mut(cols)) {
            for (index, out) in out.chunks_mut(WIDTH).enumerate() {
                let strip = Strip { x, rows, cols, col: index * WIDTH, width: out.len() };
                let mut shift = [T::ZERO; WIDTH];
                if R::SHIFTED {
                    leaf::<T, Max>(strip, &[T::ZERO; WIDTH], &mut shift);
                }
                let mut all = [R::identity(); WIDTH];
                leaf::<T, R>(strip, &shift, &mut all);
                for ((out, &all), &shift) in out.iter_mut().zip(&all).zip(&shift) {
                    *out = R::finish(all, shift);
                }
            }
        }
    }
}

/// At most [`LEAF_CHUNKS`] chunks of one strip.
struct Leaf<'a, T, R> {
    strip: Strip<'a, T>,
    shift: &'a Partial<T>,
    all: &'a mut Partial<T>,
    #[allow(dead_code)] // names the reduction
    reduction: R,
}

impl<T: Real, R: Reduction> Kernel for Leaf<'_, T, R> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        leaf::<T, R>(self.strip, self.shift, self.all);
    }
}

/// The tree over the chunks of a strip without recursion: see `leaf` of [`rows`](super::rows).
#[inline(always)]
fn leaf<T: Real, R: Reduction>(strip: Strip<'_, T>, shift: &Partial<T>, all: &mut Partial<T>) {
    if strip.rows <= CHUNK {
        return chunk::<T, R>(strip, shift, all);
    }
    let width = strip.width;
    let mut pending = [[R::identity::<T>(); WIDTH]; LEVELS];
    let mut done = 0usize;
    for start in (0..strip.rows).step_by(CHUNK) {
        chunk::<T, R>(strip.part(start, (start + CHUNK).min(strip.rows)), shift, all);
        let mut p = 0;
        while done >> p & 1 == 1 {
            combine::<T, R>(&pending[p][..width], &mut all[..width]);
            p += 1;
        }
        pending[p][..width].copy_from_slice(&all[..width]);
        done += 1;
    }
    let mut p = done.trailing_zeros() as usize;
    all[..width].copy_from_slice(&pending[p][..width]);
    while done >> (p + 1) != 0 {
        p += 1;
        if done >> p & 1 == 1 {
            combine::<T, R>(&pending[p][..width], &mut all[..width]);
        }
    }
}

/// `all <- left combined with all`
#[inline(always)]
fn combine<T: Real, R: Reduction>(left: &[T], all: &mut [T]) {
    for (all, &left) in all.iter_mut().zip(left) {
        *all = R::combine(left, *all);
    }
}

/// The rows of one chunk, first to last, into `all`.
#[inline(always)]
fn chunk<T: Real, R: Reduction>(strip: Strip<'_, T>, shift: &Partial<T>, all: &mut Partial<T>) {
    let all = &mut all[..strip.width];
    let shift = &shift[..strip.width];
    all.fill(R::identity());
    let mut row = 0;
    // Four rows at a time, so that the partial results are read and written a quarter as often; it does not
    // pay when each term is an exponential.
    while !R::SHIFTED && row + 4 <= strip.rows {
        let [x0, x1, x2, x3] = [0, 1, 2, 3].map(|i| strip.row(row + i));
        for (i, all) in all.iter_mut().enumerate() {
            let mut sum = R::combine(*all, R::term(x0[i], shift[i]));
            sum = R::combine(sum, R::term(x1[i], shift[i]));
            sum = R::combine(sum, R::term(x2[i], shift[i]));
            *all = R::combine(sum, R::term(x3[i], shift[i]));
        }
        row += 4;
    }
    for row in row..strip.rows {
        for ((all, &x), &shift) in all.iter_mut().zip(strip.row(row)).zip(shift) {
            *all = R::combine(*all, R::term(x, shift));
        }
    }
}
