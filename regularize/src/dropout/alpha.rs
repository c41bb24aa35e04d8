//! Alpha dropout: the dropout that keeps mean 0 and variance 1 (Klambauer et al., *Self-Normalizing Neural
//! Networks*, NIPS 2017, section 3).
//!
//! Layers of [`Selu`](nn::Activation::Selu) units hold their inputs near mean 0 and variance 1. Setting units
//! to 0 would change the variance; here a dropped unit takes the value `α' = -λ α`, the limit of the
//! activation for very negative inputs, and an affine map restores both moments:
//!
//! ```text
//! y = a (x μ + α' (1 - μ)) + b,   a = (q + α'² q (1 - q))^(-1/2),   b = -a (1 - q) α',   q = 1 - p
//! ```
//!
//! For `x` of mean 0 and variance 1, so is `y`. Nothing is to be scaled for prediction.
//!
//! ```
//! use nn::{Activation, Initialiser, Linear, Sequential};
//! use regularize::dropout::AlphaDropout;
//! let some = AlphaDropout::new(0.1)?;
//! let lecun = |name: &str| Linear::new(name, 64, 64).with_initialiser(Initialiser::Kaiming { gain: 1.0 });
//! let model = Sequential::<f32>::new()
//!     .then_named("linear", lecun)
//!     .then(Activation::Selu)
//!     .then_named("dropout", |name| some.named(name));
//! # let _ = model;
//! assert_eq!(AlphaDropout::new(0.0)?.affine(), (1.0, 0.0));
//! # Ok::<(), regularize::RegularizeError>(())
//! ```

use super::bernoulli::Dropout;
use crate::error::RegularizeError;
use autograd::{Graph, Real, Shape, Var};
use nn::{Activation, Layer, Mode};

/// `α'`: what a SELU unit gives for very negative inputs.
const SATURATION: f64 = -Activation::SELU_SCALE * Activation::SELU_ALPHA;

/// Dropout for self-normalising networks. See the [module documentation](self).
#[derive(Debug, Clone, PartialEq)]
pub struct AlphaDropout(Dropout);

impl AlphaDropout {
    /// Drops a unit with probability `p`, named `alpha_dropout`. The authors use 0.05 and 0.1.
    ///
    /// # Errors
    /// If `p` is not in [0, 1).
    pub fn new(p: f64) -> Result<AlphaDropout, RegularizeError> {
        Ok(AlphaDropout(Dropout::new(p)?.named("alpha_dropout")))
    }

    /// The same under another name, which is the name of its stream of draws.
    pub fn named(&self, name: &str) -> AlphaDropout {
        AlphaDropout(self.0.named(name))
    }

    /// The probability of dropping a unit.
    pub fn probability(&self) -> f64 {
        self.0.probability()
    }

    /// The mask `μ`, from the stream `NAME.mask`.
    #[track_caller]
    pub fn sample<'g, T: Real>(&self, graph: &'g Graph<T>, shape: impl Into<Shape>) -> Var<'g, T> {
        self.0.sample(graph, shape)
    }

    /// `a` and `b` of the map that restores mean and variance.
    pub fn affine(&self) -> (f64, f64) {
        let q = 1.0 - self.probability();
        let a = (q + SATURATION * SATURATION * q * (1.0 - q)).sqrt().recip();
        (a, -a * (1.0 - q) * SATURATION)
    }

    /// `a (x μ + α' (1 - μ)) + b`. Differentiable in both.
    ///
    /// # Panics
    /// If the mask is not of `x`'s shape.
    ///
    /// Over inputs of 1 and -1, each kept and dropped, mean and variance stay 0 and 1:
    ///
    /// ```
    /// use autograd::{Graph, Tensor, interpret};
    /// use regularize::dropout::AlphaDropout;
    /// let graph = Graph::<f64>::new();
    /// let x = graph.constant(Tensor::new([4], vec![1.0, 1.0, -1.0, -1.0]));
    /// let mask = graph.constant(Tensor::new([4], vec![1.0, 0.0, 1.0, 0.0])); // all as likely, for p = ½
    /// let y = AlphaDropout::new(0.5)?.apply(x, mask);
    /// let found = interpret(&[y.mean(), y.powi(2).mean()], &[], None)?;
    /// assert!(found[0].item().abs() < 1e-15 && (found[1].item() - 1.0).abs() < 1e-15);
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    #[track_caller]
    pub fn apply<'g, T: Real>(&self, x: Var<'g, T>, mask: Var<'g, T>) -> Var<'g, T> {
        let (shape, of_mask) = (x.shape(), mask.shape());
        assert!(shape == of_mask, "alpha dropout: a mask of shape {of_mask} for values of shape {shape}");
        let (a, b) = self.affine();
        (x * mask + (1.0 - mask) * SATURATION) * a + b
    }
}

impl<T: Real> Layer<T> for AlphaDropout {
    /// Records nothing for `p = 0`, and in [`Mode::Evaluate`].
    fn forward<'g>(&self, x: Var<'g, T>, mode: Mode) -> Var<'g, T> {
        if self.probability() == 0.0 || !mode.is_stochastic() {
            return x;
        }
        self.apply(x, self.sample(x.graph(), x.shape()))
    }
}

#[cfg(test)]
mod tests;
