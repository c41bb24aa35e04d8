//! Functions of numbers that more than one table entry or kernel evaluates.

use crate::real::Real;

/// One for true.
#[inline(always)]
pub(super) fn mask<T: Real>(condition: bool) -> T {
    if condition { T::ONE } else { T::ZERO }
}

/// max(x, 0); a NaN stays NaN, so that it can be traced.
#[inline(always)]
pub fn relu<T: Real>(x: T) -> T {
    if x <= T::ZERO { T::ZERO } else { x }
}

/// -1, 0 or 1; a NaN stays NaN.
#[inline(always)]
pub fn sign<T: Real>(x: T) -> T {
    let sign = mask::<T>(x > T::ZERO) - mask::<T>(x < T::ZERO);
    if x.is_nan() { x } else { sign }
}

/// The larger of two numbers; NaN if either is.
#[inline(always)]
pub fn maximum<T: Real>(a: T, b: T) -> T {
    if a > b || a.is_nan() { a } else { b }
}

/// The smaller of two numbers; NaN if either is.
#[inline(always)]
pub fn minimum<T: Real>(a: T, b: T) -> T {
    if a < b || a.is_nan() { a } else { b }
}

/// `mask ≠ 0 ? a : b`. Nothing is multiplied: a NaN in the branch not taken does not appear. In the
/// derivatives it appears only if the branch multiplies with a value that is itself infinite or NaN; see
/// [`Partial::Singular`](super::Partial::Singular).
#[inline(always)]
pub fn select<T: Real>(mask: T, a: T, b: T) -> T {
    if mask != T::ZERO { a } else { b }
}

/// `factor`, but zero where it is not finite and would be multiplied with zero.
#[inline(always)]
pub fn guard<T: Real>(multiplier: T, factor: T) -> T {
    if multiplier != T::ZERO || factor.is_finite() { factor } else { T::ZERO }
}
