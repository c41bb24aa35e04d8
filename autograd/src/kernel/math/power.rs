//! Powers with a real and with an integer exponent.
//!
//! x^y = e^(y ln x), but an error of one part in 2^53 in y ln x, which may be as large as 745, is an error
//! of 745 parts in the power. So the logarithm must carry about ten more digits than the result:
//!
//! - `f32` computes in `f64`, which has 29 to spare.
//! - `f64` computes the logarithm as a sum of two numbers: s = (m - 1) / (m + 1) and z = s^2 as sums of
//!   two, and
//!   ```text
//!   ln m = 2 artanh s = 2 s + s z (2/3 + z t(z))
//!   ```
//!   where only z t(z), less than 2^-12 of the whole, is one number.
//!
//! Special values follow C (IEEE 754): x^0 = 1 and 1^y = 1 even for NaN, (-0)^y and (-inf)^y keep the sign
//! for odd y, a negative x has a power only for integer y.

pub(super) mod single {
    //! `f32`.
    use super::super::{exp, log};
    use super::{Parity, finish, square_and_multiply};

    /// x^y. Error below 1 ulp.
    #[inline(always)]
    pub fn powf(x: f32, y: f32) -> f32 {
        let (wide_x, wide_y) = (x as f64, y as f64);
        let magnitude = exp::double(wide_y * log::double(wide_x.abs()));
        finish(wide_x, wide_y, magnitude, Parity::of(wide_y)) as f32
    }

    /// x^n by repeated squaring. Error below |n| ulp in the normal range; x^0 = 1, x^1 = x, and x^2 is
    /// rounded once.
    #[inline(always)]
    pub fn powi(x: f32, n: i32) -> f32 {
        let magnitude = square_and_multiply(x, 1.0, n.unsigned_abs(), |a, b| a * b);
        if n < 0 { 1.0 / magnitude } else { magnitude }
    }
}

pub(super) mod double {
    //! `f64`.
    use super::super::exp::{LN_2_DOUBLE, double_sum};
    use super::super::{log::split_double, polynomial};
    use super::{Parity, finish, square_and_multiply};

    /// 2/3 as a sum.
    const TWO_THIRDS: [f64; 2] = [0.666_666_666_666_666_6, 3.700_743_415_417_188e-17];
    /// (2 artanh(s) / s - 2 - 2 z / 3) / z^2 on z in [0, 0.0295], within 1.9e-18.
    const T: [f64; 8] = [
        0.4,
        0.2857142857142937,
        0.22222222221652765,
        0.18181818336099848,
        0.1538459488700718,
        0.1333480879881234,
        0.11706126464563398,
        0.11724327060846747,
    ];

    /// x^y. Error below 0.8 ulp.
    #[inline(always)]
    pub fn powf(x: f64, y: f64) -> f64 {
        let (high, low) = ln_sum(x.abs());
        let exponent = y * high;
        let rest = y.mul_add(high, -exponent) + y * low;
        // Beyond 1000 the result is 0 or infinity whatever the rest is, and the rest may be NaN.
        let rest = if exponent.abs() <= 1000.0 { rest } else { 0.0 };
        finish(x, y, double_sum(exponent, rest), Parity::of(y))
    }

    /// x^n by repeated squaring. Error below |n| ulp in the normal range; x^0 = 1, x^1 = x, and x^2 is
    /// rounded once.
    #[inline(always)]
    pub fn powi(x: f64, n: i32) -> f64 {
        let magnitude = square_and_multiply(x, 1.0, n.unsigned_abs(), |a, b| a * b);
        if n < 0 { 1.0 / magnitude } else { magnitude }
    }

    /// ln x for x >= 0 as a sum of two numbers, within 2^-64 of its value.
    #[inline(always)]
    fn ln_sum(x: f64) -> (f64, f64) {
        let (e, m) = split_double(x);
        // s = f / (2 + f); 2 + f and the quotient as sums of two.
        let f = m - 1.0;
        let d = 2.0 + f;
        let d_low = f - (d - 2.0);
        let inverse = 1.0 / d;
        let s = f * inverse;
        let s_low = (s.mul_add(-d, f) - s * d_low) * inverse;
        // z = s^2
        let z = s * s;
        let z_low = s.mul_add(s, -z) + 2.0 * s * s_low;
        // a = 2/3 + z t(z)
        let tail = z * polynomial(T, z);
        let a = TWO_THIRDS[0] + tail;
        let a_low = ((TWO_THIRDS[0] - a) + tail) + TWO_THIRDS[1];
        // v = z a
        let v = z * a;
        let v_low = z.mul_add(a, -v) + (z * a_low + z_low * a);
        // ln m = 2 s + s v
        let sv = s * v;
        let sv_low = s.mul_add(v, -sv) + (s * v_low + s_low * v);
        let ln_m = 2.0 * s + sv;
        let ln_m_low = ((2.0 * s - ln_m) + sv) + (sv_low + 2.0 * s_low);
        // ln x = e ln 2 + ln m, the larger first.
        let scale = e * LN_2_DOUBLE[0];
        let scale_low = e.mul_add(LN_2_DOUBLE[0], -scale) + e * LN_2_DOUBLE[1];
        let sum = scale + ln_m;
        let low = ((scale - sum) + ln_m) + (scale_low + ln_m_low);
        let sum = if x < f64::INFINITY { sum } else { x };
        (if x == 0.0 { f64::NEG_INFINITY } else { sum }, low)
    }
}

/// Whether a number is an integer, and an odd one.
#[derive(Clone, Copy)]
struct Parity {
    integer: bool,
    odd: bool,
}

impl Parity {
    #[inline(always)]
    fn of(y: f64) -> Parity {
        /// From here on every number is an integer.
        const INTEGERS: f64 = 4_503_599_627_370_496.0;
        let a = y.abs();
        let shifted = a + INTEGERS;
        let all_integers = a >= INTEGERS;
        let integer = all_integers | (shifted - INTEGERS == a);
        let last_bit = (if all_integers { a } else { shifted }).to_bits() & 1;
        // From 2 INTEGERS on every number is an even integer.
        Parity { integer, odd: integer & (last_bit == 1) & (a < 2.0 * INTEGERS) }
    }
}

/// x^y from |x|^y: signs and special values.
#[inline(always)]
fn finish(x: f64, y: f64, magnitude: f64, y_is: Parity) -> f64 {
    let power = if x.abs() == 1.0 { 1.0 } else { magnitude };
    let sign = if y_is.odd { x.to_bits() & (1 << 63) } else { 0 };
    let power = f64::from_bits(power.to_bits() ^ sign);
    let undefined = (x < 0.0) & (x > f64::NEG_INFINITY) & !y_is.integer;
    let power = if undefined { f64::NAN } else { power };
    if y == 0.0 { 1.0 } else { power }
}

/// x^n. The bits of n are walked without an early end, so that a loop over x vectorises; n is usually the
/// same for the whole loop, and a small one takes four steps.
#[inline(always)]
fn square_and_multiply<T: Copy>(x: T, one: T, n: u32, times: impl Fn(T, T) -> T) -> T {
    let walk = |bits: u32| {
        let (mut power, mut square) = (one, x);
        for bit in 0..bits {
            power = if n >> bit & 1 == 1 { times(power, square) } else { power };
            square = times(square, square);
        }
        power
    };
    if n < 16 { walk(4) } else { walk(32) }
}
