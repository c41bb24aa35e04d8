//! Elementary functions of one real number, written so that a loop over them vectorises.

/// What differs between `f32` and `f64` inside the elementary functions.
pub trait Native: Copy {
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
    /// The error function.
    fn erf(self) -> Self;
    /// x^y.
    fn powf(self, y: Self) -> Self;
    /// x^n.
    fn powi(self, n: i32) -> Self;
}

macro_rules! native {
    ($type:ident) => {
        impl Native for $type {
            fn exp(self) -> Self {
                $type::exp(self)
            }
            fn ln(self) -> Self {
                $type::ln(self)
            }
            fn sin(self) -> Self {
                $type::sin(self)
            }
            fn cos(self) -> Self {
                $type::cos(self)
            }
            fn tanh(self) -> Self {
                $type::tanh(self)
            }
            fn sigmoid(self) -> Self {
                1.0 / (1.0 + (-self).exp())
            }
            fn erf(self) -> Self {
                0.0
            }
            fn powf(self, y: Self) -> Self {
                $type::powf(self, y)
            }
            fn powi(self, n: i32) -> Self {
                $type::powi(self, n)
            }
        }
    };
}
native!(f32);
native!(f64);
