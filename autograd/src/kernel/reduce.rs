//! Reductions over the middle axis of `[outer, reduced, inner]`.

use crate::real::Real;

fn fold<T: Real>(
    x: &[T],
    outer: usize,
    reduced: usize,
    inner: usize,
    out: &mut [T],
    start: T,
    f: impl Fn(T, T) -> T,
) {
    for o in 0..outer {
        for i in 0..inner {
            out[o * inner + i] = (0..reduced).fold(start, |sum, r| f(sum, x[(o * reduced + r) * inner + i]));
        }
    }
}

/// Sum.
pub fn sum<T: Real>(x: &[T], outer: usize, reduced: usize, inner: usize, out: &mut [T]) {
    fold(x, outer, reduced, inner, out, T::ZERO, |a, b| a + b);
}

/// Maximum.
pub fn max<T: Real>(x: &[T], outer: usize, reduced: usize, inner: usize, out: &mut [T]) {
    fold(x, outer, reduced, inner, out, -T::INFINITY, |a, b| if a > b || a.is_nan() { a } else { b });
}

/// Log of the sum of exponentials.
pub fn logsumexp<T: Real>(x: &[T], outer: usize, reduced: usize, inner: usize, out: &mut [T]) {
    max(x, outer, reduced, inner, out);
    for o in 0..outer {
        for i in 0..inner {
            let m = out[o * inner + i];
            if m.is_finite() {
                let s = (0..reduced).fold(T::ZERO, |s, r| s + (x[(o * reduced + r) * inner + i] - m).exp());
                out[o * inner + i] = m + s.ln();
            }
        }
    }
}

/// Position of the first largest along the last axis.
pub fn argmax<T: Real>(x: &[T], rows: usize, width: usize, out: &mut [u32]) {
    for r in 0..rows {
        let row = &x[r * width..(r + 1) * width];
        let mut best = 0;
        for j in 1..width {
            if row[j] > row[best] {
                best = j;
            }
        }
        out[r] = best as u32;
    }
}
