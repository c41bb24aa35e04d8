//! Nonlinearities.

use crate::layer::{Layer, LayerShapeError, Mode};
use autograd::{Graph, Real, Shape, Tensor, Var, interpret};

/// A nonlinearity; each but softmax acts on one number at a time.
///
/// At a kink the derivative is the one from the left.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Activation {
    /// `max(x, 0)` (Nair and Hinton, ICML 2010).
    Relu,
    /// `x` above 0, `slope · x` below (Maas, Hannun, Ng, ICML workshop 2013).
    LeakyRelu {
        /// The slope below 0.
        slope: f64,
    },
    /// `x` above 0, `alpha (eˣ - 1)` below (Clevert, Unterthiner, Hochreiter, ICLR 2016).
    Elu {
        /// Minus the limit at -∞.
        alpha: f64,
    },
    /// `λ x` above 0, `λ α (eˣ - 1)` below, with the `λ = 1.0507…` and `α = 1.6732…` for which mean 0 and variance 1
    /// of a layer's inputs are a fixed point of mean and variance (Klambauer et al., NIPS 2017, equation
    /// 2). Meant for weights of variance `1 / fan_in`: [`Initialiser::Kaiming`](crate::Initialiser::Kaiming)
    /// with gain 1.
    Selu,
    /// `x Φ(x)` with the normal distribution function `Φ(x) = (1 + erf(x/√2)) / 2`: the exact form, no
    /// approximation by tanh (Hendrycks and Gimpel, arXiv 1606.08415).
    Gelu,
    /// `x (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2`, the approximation of [`Activation::Gelu`] by tanh (same
    /// paper, section 2), within 5e-4 of it. For weights that were trained with it.
    GeluTanh,
    /// `x σ(x)` (Elfwing, Uchibe, Doya, *Neural Networks* 107, 2018).
    Silu,
    /// Hyperbolic tangent.
    Tanh,
    /// `σ(x) = 1 / (1 + e⁻ˣ)`.
    Sigmoid,
    /// `ln(1 + eˣ)` (Dugas et al., NIPS 2000).
    Softplus,
    /// `eˣⁱ / Σ eˣʲ` along the last axis. Losses take logits: this one is for looking at probabilities.
    Softmax,
}

impl Activation {
    /// `α` of [`Activation::Selu`]: with `λ`, the solution of "mean 0 and variance 1 stay" to 16 digits.
    pub const SELU_ALPHA: f64 = 1.673_263_242_354_377_2;
    /// `λ` of [`Activation::Selu`].
    pub const SELU_SCALE: f64 = 1.050_700_987_355_480_5;

    /// One of each, with usual constants: what tests and tables walk over.
    pub const ALL: [Activation; 11] = [
        Activation::Relu,
        Activation::LeakyRelu { slope: 0.01 },
        Activation::Elu { alpha: 1.0 },
        Activation::Selu,
        Activation::Gelu,
        Activation::GeluTanh,
        Activation::Silu,
        Activation::Tanh,
        Activation::Sigmoid,
        Activation::Softplus,
        Activation::Softmax,
    ];

    /// The activation of `x`.
    ///
    /// # Panics
    /// Softmax, if there is no axis.
    #[track_caller]
    pub fn apply<'g, T: Real>(self, x: Var<'g, T>) -> Var<'g, T> {
        match self {
            Activation::Relu => x.relu(),
            Activation::LeakyRelu { slope } => x.greater(0.0).select(x, x * slope),
            Activation::Elu { alpha } => {
                let positive = x.greater(0.0);
                // eˣ - 1 = 2h / (1 - h) with h = tanh(x/2): no cancellation near 0. Above 0 the argument
                // is 0, so that nothing overflows in the branch not taken.
                let half = (positive.select(x.like(0.0), x) * 0.5).tanh();
                positive.select(x, half / (1.0 - half) * (2.0 * alpha))
            }
            Activation::Selu => Activation::Elu { alpha: Self::SELU_ALPHA }.apply(x) * Self::SELU_SCALE,
            Activation::GeluTanh => {
                let inner = x * (x * x * 0.044715 + 1.0) * (2.0 / std::f64::consts::PI).sqrt();
                x * (inner.tanh() + 1.0) * 0.5
            }
            Activation::Gelu => x * ((x * std::f64::consts::FRAC_1_SQRT_2).erf() + 1.0) * 0.5,
            Activation::Silu => x * x.sigmoid(),
            Activation::Tanh => x.tanh(),
            Activation::Sigmoid => x.sigmoid(),
            Activation::Softplus => x.softplus(),
            Activation::Softmax => x.softmax(),
        }
    }

    /// The gain of an initialiser before this activation `f`: `1 / √E[f(z)²]` for a standard normal `z`.
    ///
    /// With pre-activations of variance 1, weights of variance `gain² / fan_in` give the next layer
    /// pre-activations of variance 1 again. For a rectifier half of the second moment is lost, so the gain is
    /// `√2` (He et al., ICCV 2015, section 2.2); the same argument gives any other: leaky rectifier
    /// `√(2 / (1 + slope²))`, tanh 1.5925 (the usual 5/3 is a rule of thumb), sigmoid 1.8463. Softmax, which
    /// is not a function of one number, has 1.
    ///
    /// ```
    /// use nn::Activation;
    /// assert!((Activation::Relu.gain() - 2f64.sqrt()).abs() < 1e-12);
    /// ```
    pub fn gain(self) -> f64 {
        if self == Activation::Softmax {
            return 1.0;
        }
        // The trapezoidal rule on [-12, 12]: the density beyond is below 1e-31, and inside the rule converges
        // faster than any power for smooth f. A kink of f at 0 lies on the grid; the Euler-Maclaurin terms of
        // its two sides leave an error of order step⁴ for f(0) = 0.
        const STEP: f64 = 1.0 / 512.0;
        const HALF: i32 = 12 * 512;
        let at = |i: usize| (i as i32 - HALF) as f64 * STEP;
        let graph = Graph::<f64>::new();
        let grid = graph.constant(Tensor::from_fn([2 * HALF as usize + 1], at));
        let values = interpret(&[self.apply(grid)], &[], None).expect("a constant needs no feed");
        let density = |z: f64| (-0.5 * z * z).exp() * STEP / std::f64::consts::TAU.sqrt();
        let second_moment: f64 =
            values[0].data().iter().enumerate().map(|(i, y)| y * y * density(at(i))).sum();
        second_moment.sqrt().recip()
    }
}

impl<T: Real> Layer<T> for Activation {
    fn forward<'g>(&self, x: Var<'g, T>, _: Mode) -> Var<'g, T> {
        self.apply(x)
    }

    fn output_shape(&self, input: Shape) -> Result<Shape, LayerShapeError> {
        if *self == Activation::Softmax && input.rank() == 0 {
            return Err(LayerShapeError {
                layer: "softmax".into(),
                expected: "[.., n]".into(),
                given: input,
            });
        }
        Ok(input)
    }
}

#[cfg(test)]
mod tests;
