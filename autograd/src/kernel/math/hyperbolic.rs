//! Hyperbolic tangent, its shifted and scaled twin, the sigmoid, and the sigmoid's integral, softplus.
//!
//! ```text
//! tanh |x|  = t / (t + 2),         t = e^(2|x|) - 1
//! sigmoid x = 1 / (1 + t)          t = e^-|x|,   x >= 0
//!           = t / (1 + t)                        x < 0
//! softplus x = max(x, 0) + ln(1 + t)
//! ```
//!
//! For the tangent, t is computed without forming e^(2|x|): from 2|x| = n ln 2 + r comes
//! t = 2^n (e^r - 1) + (2^n - 1), which for n = 0 is e^r - 1 itself, accurate however small x is. No
//! second formula near zero is needed, and both functions keep every digit of small results (a sigmoid
//! of -100 is 3.8e-44, not 0) without overflow. So does softplus: 1 + t is not formed.

use super::{exp, log};

pub(super) mod single {
    //! `f32`.
    use super::{exp, log};

    /// tanh x. Error below 3 ulp.
    #[inline(always)]
    pub fn tanh(x: f32) -> f32 {
        let twice = 2.0 * x.abs();
        // tanh 10 = 1 - 4e-9, which rounds to 1.
        let twice = if twice > 20.0 { 20.0 } else { twice };
        let (n, expm1) = exp::reduced_single(twice);
        let power = f32::from_bits(n.wrapping_add(127) << 23);
        let t = power.mul_add(expm1, power - 1.0);
        (t / (t + 2.0)).copysign(x)
    }

    /// 1 / (1 + e^-x). Error below 3 ulp.
    #[inline(always)]
    pub fn sigmoid(x: f32) -> f32 {
        let t = exp::single(-x.abs());
        (if x < 0.0 { t } else { 1.0 }) / (1.0 + t)
    }

    /// ln(1 + e^x). Error below 2 ulp.
    #[inline(always)]
    pub fn softplus(x: f32) -> f32 {
        (if x > 0.0 { x } else { 0.0 }) + log::one_plus_single(exp::single(-x.abs()))
    }
}

pub(super) mod double {
    //! `f64`.
    use super::{exp, log};

    /// tanh x. Error below 2 ulp.
    #[inline(always)]
    pub fn tanh(x: f64) -> f64 {
        let twice = 2.0 * x.abs();
        // tanh 20 = 1 - 8e-18, which rounds to 1.
        let twice = if twice > 40.0 { 40.0 } else { twice };
        let (n, expm1) = exp::reduced_double(twice, 0.0);
        let power = f64::from_bits(n.wrapping_add(1023) << 52);
        let t = power.mul_add(expm1, power - 1.0);
        (t / (t + 2.0)).copysign(x)
    }

    /// 1 / (1 + e^-x). Error below 2 ulp.
    #[inline(always)]
    pub fn sigmoid(x: f64) -> f64 {
        let t = exp::double(-x.abs());
        (if x < 0.0 { t } else { 1.0 }) / (1.0 + t)
    }

    /// ln(1 + e^x). Error below 2 ulp.
    #[inline(always)]
    pub fn softplus(x: f64) -> f64 {
        (if x > 0.0 { x } else { 0.0 }) + log::one_plus_double(exp::double(-x.abs()))
    }
}
