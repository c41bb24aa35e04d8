//! Elementary functions of one real number, written so that a loop over them vectorises.
//!
//! A call into the system's mathematics library is opaque to the compiler, so a loop over `f32::exp`
//! computes one element at a time. The functions here are short straight-line programs: argument
//! reduction, a polynomial, reconstruction, with a selection (never a branch) for special values. Inlined
//! into a loop compiled for AVX-512 (see [`simd`](super::simd)) they compute sixteen elements at once.
//!
//! | function | file | `f32` bound, ulp | `f64` bound, ulp |
//! |---|---|---|---|
//! | e^x | [`exp`] | 1 | 0.8 |
//! | ln x | [`log`] | 1 | 0.8 |
//! | sin x, cos x | [`trigonometric`] | 2 | 0.8 |
//! | tanh x, sigmoid x | [`hyperbolic`] | 3 | 2 |
//! | ln(1 + e^x) | [`hyperbolic`] | 2 | 2 |
//! | erf x | [`error_function`] | 3 | 2 |
//! | x^y | [`power`] | 1 | 0.8 |
//! | x^n | [`power`] | \|n\| | \|n\| |
//!
//! An ulp is the distance between neighbouring numbers at the exact result; the bounds are held by tests
//! against `f64` (for `f32`) and against values computed with fifty digits (for `f64`).
//!
//! **The same bits everywhere.** Every fused step is written `mul_add`, which rounds once on any machine,
//! and nothing else is ever contracted, so the interpreter's scalar call and the vector kernel agree bit
//! for bit (except for the sign and payload of NaNs, which no operation here looks at). On a machine
//! without fused multiply-add the same bits come out slowly, through the system's emulation.
//!
//! The coefficients are near-minimax fits (Chebyshev interpolation at fifty digits, then rounded) of the
//! functions named beside them.
//!
//! ```
//! use autograd::Real;
//! fn logit<T: Real>(p: T) -> T {
//!     (p / (T::ONE - p)).ln()
//! }
//! assert_eq!(logit(0.5f64), 0.0);
//! ```

pub mod error_function;
pub mod exp;
pub mod hyperbolic;
pub mod log;
pub mod power;
pub mod trigonometric;

/// What differs between `f32` and `f64` inside the kernels.
pub trait Native: Copy + super::philox::Draw + super::gemm::Scalar {
    /// `self * a + b`, rounded once.
    fn mul_add(self, a: Self, b: Self) -> Self;
    /// e^x.
    fn exp(self) -> Self;
    /// Natural logarithm.
    fn ln(self) -> Self;
    /// Sine.
    fn sin(self) -> Self;
    /// Cosine.
    fn cos(self) -> Self;
    /// Hyperbolic tangent.
    fn tanh(self) -> Self;
    /// 1 / (1 + e^-x).
    fn sigmoid(self) -> Self;
    /// ln(1 + e^x).
    fn softplus(self) -> Self;
    /// The error function.
    fn erf(self) -> Self;
    /// x^y.
    fn powf(self, y: Self) -> Self;
    /// x^n.
    fn powi(self, n: i32) -> Self;
}

macro_rules! native {
    ($type:ident, $precision:ident) => {
        impl Native for $type {
            #[inline(always)]
            fn mul_add(self, a: Self, b: Self) -> Self {
                $type::mul_add(self, a, b)
            }
            #[inline(always)]
            fn exp(self) -> Self {
                exp::$precision(self)
            }
            #[inline(always)]
            fn ln(self) -> Self {
                log::$precision(self)
            }
            #[inline(always)]
            fn sin(self) -> Self {
                trigonometric::$precision::sin(self)
            }
            #[inline(always)]
            fn cos(self) -> Self {
                trigonometric::$precision::cos(self)
            }
            #[inline(always)]
            fn tanh(self) -> Self {
                hyperbolic::$precision::tanh(self)
            }
            #[inline(always)]
            fn sigmoid(self) -> Self {
                hyperbolic::$precision::sigmoid(self)
            }
            #[inline(always)]
            fn softplus(self) -> Self {
                hyperbolic::$precision::softplus(self)
            }
            #[inline(always)]
            fn erf(self) -> Self {
                error_function::$precision(self)
            }
            #[inline(always)]
            fn powf(self, y: Self) -> Self {
                power::$precision::powf(self, y)
            }
            #[inline(always)]
            fn powi(self, n: i32) -> Self {
                power::$precision::powi(self, n)
            }
        }
    };
}
native!(f32, single);
native!(f64, double);

/// `c[0] + c[1] x + .. + c[N-1] x^(N-1)` by Horner's rule, one rounding per step.
#[inline(always)]
fn polynomial<T: Native, const N: usize>(coefficients: [T; N], x: T) -> T {
    let mut sum = coefficients[N - 1];
    for i in (0..N - 1).rev() {
        sum = sum.mul_add(x, coefficients[i]);
    }
    sum
}

#[cfg(test)]
mod tests;
