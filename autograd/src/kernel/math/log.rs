//! The natural logarithm.
//!
//! With x = 2^e m and m in [sqrt(1/2), sqrt(2)), ln x = e ln 2 + ln(1 + f), f = m - 1. The interval is
//! centred on one so that e is zero on both sides of x = 1, where the result is small and e ln 2 would
//! cancel it.
//!
//! ```text
//! f32   ln(1 + f) = f - f^2/2 + f^3 p(f)
//! f64   ln(1 + f) = f - (f^2/2 - s (f^2/2 + z p(z))),   s = f / (2 + f),  z = s^2
//! ```
//!
//! The second form follows from ln(1 + f) = 2 artanh s; it converges faster, which pays in `f64`. In both,
//! what is added to the exact f is small, so that its own rounding hardly shows.
//!
//! e and m come from the bits of x: subtracting the bits of sqrt(1/2) makes the carry into the exponent
//! happen at sqrt(1/2) instead of at one. Numbers below the normal range are scaled up first.

use super::exp::{LN_2_DOUBLE, LN_2_SINGLE};
use super::polynomial;

/// The bits of sqrt(1/2), rounded down.
const SQRT_HALF_SINGLE: u32 = 0x3f35_04f3;
/// The bits of sqrt(1/2), rounded down.
const SQRT_HALF_DOUBLE: u64 = 0x3fe6_a09e_667f_3bcc;

/// (ln(1 + f) - f + f^2/2) / f^3 on [-0.293, 0.415], within 2.9e-8.
const P_SINGLE: [f32; 9] = [
    3.333333e-1,
    -2.4999997e-1,
    2.000072e-1,
    -1.666781e-1,
    1.4248876e-1,
    -1.242536e-1,
    1.1687025e-1,
    -1.14830814e-1,
    6.9713466e-2,
];
/// (2 artanh(s) / s - 2) / z on z in [0, 0.0295], within 2.1e-18.
const P_DOUBLE: [f64; 8] = [
    0.6666666666666666,
    0.40000000000000885,
    0.28571428570799784,
    0.22222222392581045,
    0.18181795547521137,
    0.15386244737621665,
    0.13268638369266825,
    0.13088034850927555,
];

/// ln x in `f32`. Error below 1 ulp.
///
/// ln 0 = -inf for both zeros, ln inf = inf, the logarithm of a negative number is NaN.
#[inline(always)]
pub fn single(x: f32) -> f32 {
    let small = x < f32::MIN_POSITIVE;
    // 2^23 makes the smallest number normal.
    let bits = (if small { x * 8_388_608.0 } else { x }).to_bits();
    let exponent = (bits.wrapping_sub(SQRT_HALF_SINGLE) as i32) >> 23;
    let m = f32::from_bits(bits.wrapping_sub((exponent as u32) << 23));
    let e = exponent as f32 - if small { 23.0 } else { 0.0 };
    let y = sum_single(e, m - 1.0);
    let y = if x < f32::INFINITY { y } else { x };
    let y = if x < 0.0 { f32::NAN } else { y };
    if x == 0.0 { f32::NEG_INFINITY } else { y }
}

/// ln(1 + t) in `f32`, for t in [0, 1]. Error below 1 ulp.
///
/// 1 + t is never formed, which would round a small t away: f is t itself, or (1 + t)/2 - 1.
#[inline(always)]
pub fn one_plus_single(t: f32) -> f32 {
    let large = t > std::f32::consts::SQRT_2 - 1.0;
    sum_single(if large { 1.0 } else { 0.0 }, if large { (t - 1.0) * 0.5 } else { t })
}

/// e ln 2 + ln(1 + f) for f in [-0.293, 0.415].
#[inline(always)]
fn sum_single(e: f32, f: f32) -> f32 {
    let square = f * f;
    let tail = (square * f).mul_add(polynomial(P_SINGLE, f), e * LN_2_SINGLE[1]);
    e.mul_add(LN_2_SINGLE[0], f + square.mul_add(-0.5, tail))
}

/// ln x in `f64`. Error below 0.8 ulp.
///
/// ln 0 = -inf for both zeros, ln inf = inf, the logarithm of a negative number is NaN.
#[inline(always)]
pub fn double(x: f64) -> f64 {
    let (e, m) = split_double(x);
    let y = sum_double(e, m - 1.0);
    let y = if x < f64::INFINITY { y } else { x };
    let y = if x < 0.0 { f64::NAN } else { y };
    if x == 0.0 { f64::NEG_INFINITY } else { y }
}

/// ln(1 + t) in `f64`, for t in [0, 1]. Error below 0.8 ulp. See [`one_plus_single`].
#[inline(always)]
pub fn one_plus_double(t: f64) -> f64 {
    let large = t > std::f64::consts::SQRT_2 - 1.0;
    sum_double(if large { 1.0 } else { 0.0 }, if large { (t - 1.0) * 0.5 } else { t })
}

/// e ln 2 + ln(1 + f) for f in [-0.293, 0.415].
#[inline(always)]
fn sum_double(e: f64, f: f64) -> f64 {
    let s = f / (2.0 + f);
    let z = s * s;
    let half_square = 0.5 * f * f;
    let inner = z.mul_add(polynomial(P_DOUBLE, z), half_square);
    let tail = s.mul_add(inner, e * LN_2_DOUBLE[1]);
    e.mul_add(LN_2_DOUBLE[0], f - (half_square - tail))
}

/// e and m with x = 2^e m, m in [sqrt(1/2), sqrt(2)), for a positive finite x; anything for another.
#[inline(always)]
pub(super) fn split_double(x: f64) -> (f64, f64) {
    let small = x < f64::MIN_POSITIVE;
    // 2^52 makes the smallest number normal.
    let bits = (if small { x * 4_503_599_627_370_496.0 } else { x }).to_bits();
    // The exponent plus 1024, a positive number: AVX2 has neither a signed shift of 64 bits nor a
    // conversion of such an integer. The latter is done by putting it into the low bits of 2^52.
    let biased = bits.wrapping_sub(SQRT_HALF_DOUBLE).wrapping_add(1024 << 52) >> 52;
    let m = f64::from_bits(bits.wrapping_sub(biased.wrapping_sub(1024) << 52));
    let e = f64::from_bits(0x4330_0000_0000_0000 | biased) - (4_503_599_627_370_496.0 + 1024.0);
    (e - if small { 52.0 } else { 0.0 }, m)
}
