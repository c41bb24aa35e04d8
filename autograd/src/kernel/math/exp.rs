//! The exponential function.
//!
//! With n the integer nearest to x / ln 2 and r = x - n ln 2, so that |r| <= ln 2 / 2,
//!
//! ```text
//! e^x = 2^n e^r,    e^r = 1 + (r + r^2 q(r)),    q(r) ~ (e^r - 1 - r) / r^2
//! ```
//!
//! - *Rounding to an integer*: adding 1.5 2^23 (2^52) leaves no bits for a fraction; the low bits of the
//!   sum are n as an integer, and subtracting the constant again gives n as a number.
//! - *Reduction*: ln 2 is the sum of two constants. The first product and subtraction are exact (one
//!   fused step whose result fits), the second rounds once.
//! - *Scaling* is by two powers of two, each half of n, so that results that overflow become infinite and
//!   results below the normal range are rounded once, by the last multiplication.
//! - *Ends*: x is first clamped to where the result is already infinite. Where it is zero, zero is selected:
//!   to let the multiplication underflow would cost a hundred cycles on processors that handle results
//!   below the normal range by microcode, and e^-inf is common (masks). The comparisons keep a NaN.

use super::polynomial;

/// 1.5 2^23: added to a number below 2^22 in magnitude, rounds it to an integer.
pub(super) const ROUND_SINGLE: f32 = 12_582_912.0;
/// 1.5 2^52: added to a number below 2^51 in magnitude, rounds it to an integer.
pub(super) const ROUND_DOUBLE: f64 = 6_755_399_441_055_744.0;

/// ln 2 rounded to `f32`, and the rest.
pub(super) const LN_2_SINGLE: [f32; 2] = [std::f32::consts::LN_2, -1.904_654_2e-9];
/// ln 2 rounded to `f64`, and the rest.
pub(super) const LN_2_DOUBLE: [f64; 2] = [std::f64::consts::LN_2, 2.319_046_813_846_299_6e-17];

/// (e^r - 1 - r) / r^2 on |r| <= 0.35, within 1.5e-9.
const Q_SINGLE: [f32; 6] = [0.5, 1.6666667e-1, 4.1666456e-2, 8.3333105e-3, 1.3934541e-3, 1.989198e-4];
/// (e^r - 1 - r) / r^2 on |r| <= 0.35, within 1.6e-18.
const Q_DOUBLE: [f64; 11] = [
    0.5,
    0.1666666666666667,
    0.04166666666666667,
    0.008333333333325544,
    0.0013888888888883327,
    0.00019841269876864356,
    2.4801587327007187e-05,
    2.755725283351691e-06,
    2.75572718102198e-07,
    2.5106274733573296e-08,
    2.0915442297780116e-09,
];

/// e^x in `f32`. Error below 1 ulp.
#[inline(always)]
pub fn single(x: f32) -> f32 {
    let x = if x > 89.0 { 89.0 } else { x };
    let vanishes = x < -105.0;
    let x = if vanishes { 0.0 } else { x };
    let (n, expm1) = reduced_single(x);
    let half = n.wrapping_add(2 * 127) >> 1;
    let rest = n.wrapping_add(2 * 127).wrapping_sub(half);
    let y = (1.0 + expm1) * f32::from_bits(half << 23) * f32::from_bits(rest << 23);
    if vanishes { 0.0 } else { y }
}

/// e^x in `f64`. Error below 0.8 ulp.
#[inline(always)]
pub fn double(x: f64) -> f64 {
    double_sum(x, 0.0)
}

/// e^(x + low) in `f64`, for a `low` far below one: a power needs more digits of its exponent than one
/// number has.
#[inline(always)]
pub(super) fn double_sum(x: f64, low: f64) -> f64 {
    let x = if x > 710.0 { 710.0 } else { x };
    let vanishes = x < -746.0;
    let x = if vanishes { 0.0 } else { x };
    let (n, expm1) = reduced_double(x, low);
    let half = n.wrapping_add(2 * 1023) >> 1;
    let rest = n.wrapping_add(2 * 1023).wrapping_sub(half);
    let y = (1.0 + expm1) * f64::from_bits(half << 52) * f64::from_bits(rest << 52);
    if vanishes { 0.0 } else { y }
}

/// n (in two's complement) and e^r - 1, where x = n ln 2 + r.
#[inline(always)]
pub(super) fn reduced_single(x: f32) -> (u32, f32) {
    let shifted = x.mul_add(std::f32::consts::LOG2_E, ROUND_SINGLE);
    let n = shifted - ROUND_SINGLE;
    let r = n.mul_add(-LN_2_SINGLE[1], n.mul_add(-LN_2_SINGLE[0], x));
    let expm1 = (r * r).mul_add(polynomial(Q_SINGLE, r), r);
    (shifted.to_bits().wrapping_sub(ROUND_SINGLE.to_bits()), expm1)
}

/// n (in two's complement) and e^r - 1, where x + low = n ln 2 + r.
#[inline(always)]
pub(super) fn reduced_double(x: f64, low: f64) -> (u64, f64) {
    let shifted = x.mul_add(std::f64::consts::LOG2_E, ROUND_DOUBLE);
    let n = shifted - ROUND_DOUBLE;
    let r = n.mul_add(-LN_2_DOUBLE[0], x) + n.mul_add(-LN_2_DOUBLE[1], low);
    let expm1 = (r * r).mul_add(polynomial(Q_DOUBLE, r), r);
    (shifted.to_bits().wrapping_sub(ROUND_DOUBLE.to_bits()), expm1)
}
