//! Reductions over the middle axis of `[outer, reduced, inner]`: sum, maximum, log-sum-exp, position of the
//! maximum.
//!
//! Any reduction of a row-major array over neighbouring axes has this form; `inner = 1` reduces the last
//! axis, `outer = 1` the first.
//!
//! # The order of a sum
//!
//! Floating-point addition is not associative, so the order is part of the result and is fixed by the shape
//! alone. The reduced axis is cut into chunks, and the sums of the chunks are combined by a tree:
//!
//! - *inner = 1*: chunks of 1024. Within a chunk, 32 sums run side by side, the r-th element going into sum
//!   r mod 32; then sum l and l + 16 are added, l and l + 8, and so on.
//! - *otherwise*: chunks of 64, each summed from the first to the last.
//! - *The tree* of n > 1 chunks: the first 2^p, the largest power of two below n, by a tree; the others by a
//!   tree; the two results added.
//!
//! Side by side means in one vector register; the tree means that chunks may be summed by different threads.
//! Neither the instruction level nor the number of threads changes a bit. An error of n u becomes one of
//! about (32 + log2 n) u (N. J. Higham, *Accuracy and Stability of Numerical Algorithms*, section 4.2).
//!
//! ```
//! use autograd::kernel::reduce;
//! let x = [1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0];
//! let mut rows = [0.0; 2];
//! reduce::sum(&x, 2, 3, 1, &mut rows);
//! assert_eq!(rows, [6.0, 15.0]);
//! let mut columns = [0.0; 3];
//! reduce::max(&x, 1, 2, 3, &mut columns);
//! assert_eq!(columns, [4.0, 5.0, 6.0]);
//! ```

mod columns;
mod rows;

use super::simd::Level;
use crate::real::Real;
use rayon::prelude::*;

/// Chunks that one thread reduces without asking for help; a power of two, so that the cut is one of the
/// tree's.
const LEAF_CHUNKS: usize = 16;
/// Below this many elements the calling thread works alone: a few microseconds.
const PARALLEL_ELEMENTS: usize = 1 << 16;
/// About this many elements are one thread's piece of work.
const LEAF_ELEMENTS: usize = 1 << 14;

/// Sum over the middle axis: `out[o, i] = sum_r x[o, r, i]`. Over an empty axis: 0.
///
/// # Panics
/// If the lengths of the slices are not those of the shapes.
#[track_caller]
pub fn sum<T: Real>(x: &[T], outer: usize, reduced: usize, inner: usize, out: &mut [T]) {
    reduce::<T, Sum>(Level::detect(), x, [outer, reduced, inner], out);
}

/// Maximum over the middle axis: `out[o, i] = max_r x[o, r, i]`. NaN if there is one; over an empty axis:
/// minus infinity. Of zeros of both signs, either.
///
/// # Panics
/// If the lengths of the slices are not those of the shapes.
#[track_caller]
pub fn max<T: Real>(x: &[T], outer: usize, reduced: usize, inner: usize, out: &mut [T]) {
    reduce::<T, Max>(Level::detect(), x, [outer, reduced, inner], out);
}

/// Logarithm of the sum of exponentials over the middle axis, `m + ln sum_r e^(x[o, r, i] - m)` with m the
/// maximum, so that nothing overflows and at least one term is 1. Over an empty axis, or one of minus
/// infinities: minus infinity. Plus infinity if there is one and no NaN.
///
/// # Panics
/// If the lengths of the slices are not those of the shapes.
#[track_caller]
pub fn logsumexp<T: Real>(x: &[T], outer: usize, reduced: usize, inner: usize, out: &mut [T]) {
    reduce::<T, LogSumExp>(Level::detect(), x, [outer, reduced, inner], out);
}

/// Position of the first largest element of each row. A NaN counts as larger than any number.
///
/// # Panics
/// If the lengths of the slices are not those of the shapes, or rows are empty.
#[track_caller]
pub fn argmax<T: Real>(x: &[T], rows: usize, width: usize, out: &mut [u32]) {
    assert!(x.len() == rows * width && out.len() == rows, "argmax of {rows} rows of {width}");
    assert!(width > 0 || rows == 0, "argmax of rows without elements");
    argmax_at(Level::detect(), x, width, out);
}

fn argmax_at<T: Real>(level: Level, x: &[T], width: usize, out: &mut [u32]) {
    let group = (LEAF_ELEMENTS / width.max(1)).max(1);
    let leaf = |(x, out): (&[T], &mut [u32])| rows::argmax(level, x, width, out);
    if x.len() < PARALLEL_ELEMENTS {
        leaf((x, out));
    } else {
        x.par_chunks(group * width).zip(out.par_chunks_mut(group)).for_each(leaf);
    }
}

/// What is computed of the elements of an axis.
trait Reduction: Copy + Default + Send + Sync {
    /// Whether terms are relative to the maximum of the elements.
    const SHIFTED: bool;
    /// An element whose term changes nothing: it fills a vector that the elements do not.
    fn padding<T: Real>() -> T;
    /// The result of no terms.
    fn identity<T: Real>() -> T;
    /// What an element contributes.
    fn term<T: Real>(x: T, shift: T) -> T;
    /// Two partial results together.
    fn combine<T: Real>(a: T, b: T) -> T;
    /// The result, of all terms together.
    fn finish<T: Real>(all: T, shift: T) -> T;
}

#[derive(Clone, Copy, Default)]
struct Sum;
impl Reduction for Sum {
    const SHIFTED: bool = false;
    #[inline(always)]
    fn padding<T: Real>() -> T {
        T::ZERO
    }
    #[inline(always)]
    fn identity<T: Real>() -> T {
        T::ZERO
    }
    #[inline(always)]
    fn term<T: Real>(x: T, _shift: T) -> T {
        x
    }
    #[inline(always)]
    fn combine<T: Real>(a: T, b: T) -> T {
        a + b
    }
    #[inline(always)]
    fn finish<T: Real>(all: T, _shift: T) -> T {
        all
    }
}

#[derive(Clone, Copy, Default)]
struct Max;
impl Reduction for Max {
    const SHIFTED: bool = false;
    #[inline(always)]
    fn padding<T: Real>() -> T {
        -T::INFINITY
    }
    #[inline(always)]
    fn identity<T: Real>() -> T {
        -T::INFINITY
    }
    #[inline(always)]
    fn term<T: Real>(x: T, _shift: T) -> T {
        x
    }
    #[inline(always)]
    fn combine<T: Real>(a: T, b: T) -> T {
        // A NaN in b is taken, a NaN in a stays: no comparison with it is true.
        if (b > a) | b.is_nan() { b } else { a }
    }
    #[inline(always)]
    fn finish<T: Real>(all: T, _shift: T) -> T {
        all
    }
}

#[derive(Clone, Copy, Default)]
struct LogSumExp;
impl Reduction for LogSumExp {
    const SHIFTED: bool = true;
    #[inline(always)]
    fn padding<T: Real>() -> T {
        -T::INFINITY
    }
    #[inline(always)]
    fn identity<T: Real>() -> T {
        T::ZERO
    }
    #[inline(always)]
    fn term<T: Real>(x: T, shift: T) -> T {
        (x - shift).exp()
    }
    #[inline(always)]
    fn combine<T: Real>(a: T, b: T) -> T {
        a + b
    }
    #[inline(always)]
    fn finish<T: Real>(all: T, shift: T) -> T {
        // inf - inf is NaN, so the terms mean nothing when the maximum is infinite or NaN; it is the result.
        if shift.is_finite() { shift + all.ln() } else { shift }
    }
}

/// Cuts the outputs, and the reduced axis if it is long, into pieces of work.
#[track_caller]
fn reduce<T: Real, R: Reduction>(level: Level, x: &[T], shape: [usize; 3], out: &mut [T]) {
    let [outer, reduced, inner] = shape;
    assert!(
        x.len() == outer * reduced * inner && out.len() == outer * inner,
        "reduction of {outer} x {reduced} x {inner}: {} elements into {}",
        x.len(),
        out.len()
    );
    if out.is_empty() {
        return;
    }
    if reduced == 0 {
        return out.fill(R::finish(R::identity(), -T::INFINITY));
    }
    let parallel = x.len() >= PARALLEL_ELEMENTS;
    // Whole planes [reduced, inner] per piece, if they are small.
    let plane = reduced * inner;
    let leaf = |(x, out): (&[T], &mut [T])| {
        if inner == 1 {
            rows::reduce::<T, R>(level, x, reduced, out, parallel);
        } else {
            columns::reduce::<T, R>(level, x, reduced, inner, out, parallel);
        }
    };
    if parallel {
        let planes = (LEAF_ELEMENTS / plane).max(1);
        x.par_chunks(planes * plane).zip(out.par_chunks_mut(planes * inner)).for_each(leaf);
    } else {
        leaf((x, out));
    }
}

/// The largest power of two below `n`, for n > 1: where the tree is cut.
#[inline(always)]
fn cut(n: usize) -> usize {
    1 << (n - 1).ilog2()
}

#[cfg(test)]
mod tests;
