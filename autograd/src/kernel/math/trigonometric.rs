//! Sine and cosine.
//!
//! With n the integer nearest to 2x / pi and r = x - n pi/2, so that |r| <= pi/4 and z = r^2,
//!
//! ```text
//! sin r = r + r z s(z)        cos r = 1 - z/2 + z^2 c(z)
//! ```
//!
//! and n modulo 4 says which of the two is the result, and with which sign.
//!
//! - `f32`: the reduction is done in `f64`, where pi/2 as a sum of two constants has 106 bits.
//! - `f64`: pi/2 is a sum of three constants; each fused step is exact or its rounding error is
//!   recovered, and r is a sum of two numbers.
//!
//! Beyond |x| = 2^40 (10^12) a reduction with these constants would lose digits: the result is NaN rather
//! than a wrong number in disguise.

/// The largest |x| for which sine and cosine are computed: 2^40.
pub const LARGEST_ANGLE: f64 = 1_099_511_627_776.0;

/// pi/2 as a sum.
const HALF_PI: [f64; 3] =
    [std::f64::consts::FRAC_PI_2, 6.123_233_995_736_766e-17, -1.497_384_904_859_169_8e-33];

pub(super) mod single {
    //! `f32`.
    use super::super::{exp::ROUND_DOUBLE, polynomial};
    use super::{HALF_PI, LARGEST_ANGLE};

    /// (sin r - r) / (r z) on z in [0, (pi/4)^2], within 3.1e-11.
    const S: [f32; 4] = [-1.6666667e-1, 8.333332e-3, -1.9840039e-4, 2.7243811e-6];
    /// (cos r - 1 + z/2) / z^2 on z in [0, (pi/4)^2], within 2.6e-12.
    const C: [f32; 4] = [4.1666668e-2, -1.3888888e-3, 2.480056e-5, -2.7295857e-7];

    /// sin x. Error below 2 ulp for |x| <= 2^40, NaN beyond.
    #[inline(always)]
    pub fn sin(x: f32) -> f32 {
        let (n, r) = reduce(x);
        let y = quadrant(n, r);
        // The sign of a zero.
        if x == 0.0 { x } else { y }
    }

    /// cos x. Error below 2 ulp for |x| <= 2^40, NaN beyond.
    #[inline(always)]
    pub fn cos(x: f32) -> f32 {
        let (n, r) = reduce(x);
        quadrant(n.wrapping_add(1), r)
    }

    /// sin(2 pi u) and cos(2 pi u) for u in [0, 1]: no rounded multiple of pi is reduced. Error below
    /// 2 ulp.
    #[inline(always)]
    pub(in super::super::super) fn sin_cos_turns(u: f32) -> (f32, f32) {
        let quarter = 4.0 * u;
        let shifted = quarter + super::super::exp::ROUND_SINGLE;
        let r = (quarter - (shifted - super::super::exp::ROUND_SINGLE)) * std::f32::consts::FRAC_PI_2;
        let n = shifted.to_bits();
        (quadrant(n, r), quadrant(n.wrapping_add(1), r))
    }

    #[inline(always)]
    fn reduce(x: f32) -> (u32, f32) {
        let x = x as f64;
        let x = if x.abs() <= LARGEST_ANGLE { x } else { f64::NAN };
        let shifted = x.mul_add(std::f64::consts::FRAC_2_PI, ROUND_DOUBLE);
        let n = shifted - ROUND_DOUBLE;
        let r = n.mul_add(-HALF_PI[1], n.mul_add(-HALF_PI[0], x));
        (shifted.to_bits() as u32, r as f32)
    }

    /// sin(n pi/2 + r).
    #[inline(always)]
    fn quadrant(n: u32, r: f32) -> f32 {
        let z = r * r;
        let sin = (r * z).mul_add(polynomial(S, z), r);
        let cos = (z * z).mul_add(polynomial(C, z), z.mul_add(-0.5, 1.0));
        let y = if n & 1 == 0 { sin } else { cos };
        f32::from_bits(y.to_bits() ^ ((n & 2) << 30))
    }
}

pub(super) mod double {
    //! `f64`.
    use super::super::{exp::ROUND_DOUBLE, polynomial};
    use super::{HALF_PI, LARGEST_ANGLE};

    /// (sin r - r) / (r z) on z in [0, (pi/4)^2], within 2.3e-17.
    const S: [f64; 6] = [
        -0.16666666666666666,
        0.0083333333333307,
        -0.00019841269836387345,
        2.755731591191116e-06,
        -2.5051092507061385e-08,
        1.59153232122714e-10,
    ];
    /// (cos r - 1 + z/2) / z^2 on z in [0, (pi/4)^2], within 1.5e-18.
    const C: [f64; 6] = [
        0.041666666666666664,
        -0.0013888888888887241,
        2.4801587298533456e-05,
        -2.755731715246704e-07,
        2.087612165887116e-09,
        -1.1380876948169717e-11,
    ];

    /// sin x. Error below 0.8 ulp for |x| <= 2^40, NaN beyond.
    #[inline(always)]
    pub fn sin(x: f64) -> f64 {
        let (n, r, low) = reduce(x);
        let y = quadrant(n, r, low);
        // The sign of a zero.
        if x == 0.0 { x } else { y }
    }

    /// cos x. Error below 0.8 ulp for |x| <= 2^40, NaN beyond.
    #[inline(always)]
    pub fn cos(x: f64) -> f64 {
        let (n, r, low) = reduce(x);
        quadrant(n.wrapping_add(1), r, low)
    }

    /// sin(2 pi u) and cos(2 pi u) for u in [0, 1]: no rounded multiple of pi is reduced. Error below
    /// 2 ulp.
    #[inline(always)]
    pub(in super::super::super) fn sin_cos_turns(u: f64) -> (f64, f64) {
        let quarter = 4.0 * u;
        let shifted = quarter + ROUND_DOUBLE;
        let r = (quarter - (shifted - ROUND_DOUBLE)) * std::f64::consts::FRAC_PI_2;
        let n = shifted.to_bits();
        (quadrant(n, r, 0.0), quadrant(n.wrapping_add(1), r, 0.0))
    }

    #[inline(always)]
    fn reduce(x: f64) -> (u64, f64, f64) {
        let x = if x.abs() <= LARGEST_ANGLE { x } else { f64::NAN };
        let shifted = x.mul_add(std::f64::consts::FRAC_2_PI, ROUND_DOUBLE);
        let n = shifted - ROUND_DOUBLE;
        // Exact: the multiples of the last bit of the first constant that are below one fit.
        let first = n.mul_add(-HALF_PI[0], x);
        let r = n.mul_add(-HALF_PI[1], first);
        // What the step before rounded off, and the third part of pi/2.
        let low = n.mul_add(-HALF_PI[2], n.mul_add(-HALF_PI[1], first - r));
        (shifted.to_bits(), r, low)
    }

    /// sin(n pi/2 + r + low): to first order in `low`, sin gains low cos r and cos loses low sin r.
    #[inline(always)]
    fn quadrant(n: u64, r: f64, low: f64) -> f64 {
        let z = r * r;
        let sin = r + (r * z).mul_add(polynomial(S, z), low * z.mul_add(-0.5, 1.0));
        let rest = 1.0 - 0.5 * z;
        // 1 - z/2 rounds; what it rounds off is recovered, since cos r is as large as one.
        let lost = (1.0 - rest) - 0.5 * z;
        let cos = rest + (z * z).mul_add(polynomial(C, z), lost - r * low);
        let y = if n & 1 == 0 { sin } else { cos };
        f64::from_bits(y.to_bits() ^ ((n & 2) << 62))
    }
}

pub(in super::super) use double::sin_cos_turns as sin_cos_turns_double;
pub(in super::super) use single::sin_cos_turns as sin_cos_turns_single;
