//! Gaussian dropout: each unit is multiplied by normal noise of mean 1 (Srivastava et al., *JMLR* 15, 2014,
//! section 10).
//!
//! ```text
//! y = x (1 + σ ν),   ν ~ N(0, 1),   σ² = p / (1 - p)
//! ```
//!
//! The factor of inverted dropout, `μ / (1 - p)`, has mean 1 and variance `p / (1 - p)` too: this is the noise
//! with the same first two moments and the largest entropy. Nothing is to be scaled for prediction.
//!
//! ```
//! use nn::{Activation, Sequential};
//! use regularize::dropout::GaussianDropout;
//! let noisy = GaussianDropout::new(0.5)?;
//! assert_eq!(noisy.deviation(), 1.0);
//! let model = Sequential::<f32>::new()
//!     .linear(64, 32)
//!     .then(Activation::Relu)
//!     .then_named("noise", |name| noisy.named(name))
//!     .linear(32, 10);
//! # let _ = model;
//! assert!(GaussianDropout::new(1.0).is_err());
//! # Ok::<(), regularize::RegularizeError>(())
//! ```

use super::drop_probability;
use crate::error::RegularizeError;
use autograd::{Graph, Real, Shape, Var};
use nn::{Layer, Mode};

/// Multiplicative normal noise. See the [module documentation](self).
#[derive(Debug, Clone, PartialEq)]
pub struct GaussianDropout {
    name: String,
    p: f64,
}

impl GaussianDropout {
    /// The noise whose variance is that of inverted dropout with probability `p`, named `gaussian_dropout`.
    ///
    /// # Errors
    /// If `p` is not in [0, 1).
    pub fn new(p: f64) -> Result<GaussianDropout, RegularizeError> {
        let p = drop_probability("dropout probability", p)?;
        Ok(GaussianDropout { name: "gaussian_dropout".into(), p })
    }

    /// The same under another name, which is the name of its stream of draws.
    pub fn named(&self, name: &str) -> GaussianDropout {
        GaussianDropout { name: name.into(), ..*self }
    }

    /// `σ = √(p / (1 - p))`.
    pub fn deviation(&self) -> f64 {
        (self.p / (1.0 - self.p)).sqrt()
    }

    /// `ν`, drawn from the stream `NAME.noise`.
    #[track_caller]
    pub fn sample<'g, T: Real>(&self, graph: &'g Graph<T>, shape: impl Into<Shape>) -> Var<'g, T> {
        graph.normal(&format!("{}.noise", self.name), shape)
    }

    /// `x (1 + σ ν)`. Differentiable in both.
    ///
    /// # Panics
    /// If the noise is not of `x`'s shape.
    ///
    /// ```
    /// use autograd::{Graph, Tensor, interpret};
    /// use regularize::dropout::GaussianDropout;
    /// let graph = Graph::<f64>::new();
    /// let x = graph.constant(Tensor::new([2], vec![3.0, 5.0]));
    /// let noise = graph.constant(Tensor::new([2], vec![2.0, -1.0]));
    /// let y = GaussianDropout::new(0.5)?.apply(x, noise); // σ = 1
    /// assert_eq!(interpret(&[y], &[], None)?[0].data(), [9.0, 0.0]);
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    #[track_caller]
    pub fn apply<'g, T: Real>(&self, x: Var<'g, T>, noise: Var<'g, T>) -> Var<'g, T> {
        let (shape, of_noise) = (x.shape(), noise.shape());
        assert!(shape == of_noise, "Gaussian dropout: noise of shape {of_noise} for values of shape {shape}");
        x * (noise * self.deviation() + 1.0)
    }
}

impl<T: Real> Layer<T> for GaussianDropout {
    /// Records nothing for `p = 0`, and in [`Mode::Evaluate`].
    fn forward<'g>(&self, x: Var<'g, T>, mode: Mode) -> Var<'g, T> {
        if self.p == 0.0 || !mode.is_stochastic() {
            return x;
        }
        self.apply(x, self.sample(x.graph(), x.shape())).named(&self.name)
    }
}

#[cfg(test)]
mod tests;
