//! The error function, erf x = 2/sqrt(pi) times the integral of e^(-t^2) from 0 to x.
//!
//! ```text
//! |x| < 1    erf x = x p(x^2)
//! |x| >= 1   erf |x| = 1 - e^(-x^2) R(|x|),      R(x) ~ e^(x^2) erfc x
//! ```
//!
//! with p a polynomial and R a quotient of two. Both are computed and one is selected. In the second form
//! what is subtracted from one is at most 0.16, so that the rounding of x^2 and of the quotient counts
//! for little. The Gaussian error linear unit is built on this function.

use super::{exp, polynomial};

/// erf(x) / x as a function of x^2 in [0, 1], within 3.4e-11.
const P_SINGLE: [f32; 8] = [
    std::f32::consts::FRAC_2_SQRT_PI,
    -3.7612638e-1,
    1.1283782e-1,
    -2.686543e-2,
    5.2210316e-3,
    -8.4840803e-4,
    1.1265959e-4,
    -9.667045e-6,
];
/// e^(x^2) erfc x on [1, 4]: numerator. e^(-x^2) times the error is within 1.7e-10.
const NUMERATOR_SINGLE: [f32; 3] = [1.0010215, 7.6152223e-1, 2.4608153e-1];
/// Denominator.
const DENOMINATOR_SINGLE: [f32; 4] = [1.0, 1.8964807, 1.3662483, 4.348914e-1];

/// erf(x) / x as a function of x^2 in [0, 1], within 1.3e-19.
const P_DOUBLE: [f64; 13] = [
    std::f64::consts::FRAC_2_SQRT_PI,
    -0.3761263890318375,
    0.11283791670954879,
    -0.026866170645076792,
    0.0052239776248180145,
    -0.000854832698083379,
    0.0001205533111164271,
    -1.4925595266831182e-05,
    1.6461000484121368e-06,
    -1.6350312701054695e-07,
    1.4659775274047436e-08,
    -1.1372848856791674e-09,
    5.957176147748911e-11,
];
/// e^(x^2) erfc x on [1, 6]: numerator. e^(-x^2) times the error is within 1.5e-18.
const NUMERATOR_DOUBLE: [f64; 6] = [
    0.9999998908999712,
    1.3897241730770573,
    0.9484592195554113,
    0.372964912708846,
    0.08414660940735132,
    0.008899869029025379,
];
/// Denominator.
const DENOMINATOR_DOUBLE: [f64; 7] = [
    1.0,
    2.518102187531081,
    2.78983907474097,
    1.7550931609641378,
    0.6690104500292557,
    0.14914203496549347,
    0.015774731126916207,
];

/// erf x in `f32`. Error below 3 ulp.
#[inline(always)]
pub fn single(x: f32) -> f32 {
    // erf 4 = 1 - 1.5e-8, which rounds to 1.
    let a = if x.abs() > 4.0 { 4.0 } else { x.abs() };
    let z = a * a;
    let small = a * polynomial(P_SINGLE, z);
    let quotient = polynomial(NUMERATOR_SINGLE, a) / polynomial(DENOMINATOR_SINGLE, a);
    let large = exp::single(-z).mul_add(-quotient, 1.0);
    (if a < 1.0 { small } else { large }).copysign(x)
}

/// erf x in `f64`. Error below 2 ulp.
#[inline(always)]
pub fn double(x: f64) -> f64 {
    // erf 6 = 1 - 2.2e-17, which rounds to 1.
    let a = if x.abs() > 6.0 { 6.0 } else { x.abs() };
    let z = a * a;
    let small = a * polynomial(P_DOUBLE, z);
    let quotient = polynomial(NUMERATOR_DOUBLE, a) / polynomial(DENOMINATOR_DOUBLE, a);
    let large = exp::double(-z).mul_add(-quotient, 1.0);
    (if a < 1.0 { small } else { large }).copysign(x)
}
