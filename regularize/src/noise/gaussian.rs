//! Additive normal noise on inputs or hidden units: `x + σ ν` (*Deep Learning*, section 7.5).
//!
//! On the inputs of a linear least squares problem it is weight decay, exactly:
//!
//! ```text
//! E (y - wᵀ(x + σ ν))² = (y - wᵀx)² + σ² ‖w‖²
//! ```
//!
//! and for small `σ` on those of any network a penalty on the slope of its output (Bishop, *Neural Computation*
//! 7, 1995). On hidden units it is stronger than a penalty on weights: noise that the next layer cannot
//! average away makes units redundant or sure of themselves.
//!
//! ```
//! use nn::{Activation, Sequential};
//! use regularize::GaussianNoise;
//! let noise = GaussianNoise::new(0.3)?;
//! let model = Sequential::<f32>::new()
//!     .then_named("noise", |name| noise.named(name))
//!     .linear(64, 32)
//!     .then(Activation::Relu)
//!     .then_named("noise", |name| noise.named(name))
//!     .linear(32, 10);
//! assert_eq!(model.layers().len(), 5);
//! assert!(GaussianNoise::new(f64::NAN).is_err());
//! # Ok::<(), regularize::RegularizeError>(())
//! ```

use crate::error::{RegularizeError, at_least_zero};
use autograd::{Graph, Real, Shape, Var};
use nn::{Layer, Mode};

/// A layer that adds noise in [`Mode::Train`] and [`Mode::Sample`]. See the [module documentation](self).
#[derive(Debug, Clone, PartialEq)]
pub struct GaussianNoise {
    name: String,
    deviation: f64,
}

impl GaussianNoise {
    /// Noise of a standard deviation, in the units of what it is added to, named `noise`.
    ///
    /// # Errors
    /// If the deviation is negative or not finite.
    pub fn new(deviation: f64) -> Result<GaussianNoise, RegularizeError> {
        let deviation = at_least_zero("deviation of the noise", deviation)?;
        Ok(GaussianNoise { name: "noise".into(), deviation })
    }

    /// The same under another name, which is the name of its stream of draws.
    pub fn named(&self, name: &str) -> GaussianNoise {
        GaussianNoise { name: name.into(), ..*self }
    }

    /// `σ`.
    pub fn deviation(&self) -> f64 {
        self.deviation
    }

    /// `ν`, normal with variance 1, from the stream `NAME.noise`.
    #[track_caller]
    pub fn sample<'g, T: Real>(&self, graph: &'g Graph<T>, shape: impl Into<Shape>) -> Var<'g, T> {
        graph.normal(&format!("{}.noise", self.name), shape)
    }

    /// `x + σ ν`, for noise of any distribution. Differentiable in both.
    ///
    /// # Panics
    /// If the noise is not of `x`'s shape.
    ///
    /// ```
    /// use autograd::{Graph, Tensor, interpret};
    /// use regularize::GaussianNoise;
    /// let graph = Graph::<f64>::new();
    /// let x = graph.constant(Tensor::new([2], vec![1.0, 2.0]));
    /// let noise = graph.constant(Tensor::new([2], vec![2.0, -1.0]));
    /// let noisy = GaussianNoise::new(0.5)?.apply(x, noise);
    /// assert_eq!(interpret(&[noisy], &[], None)?[0].data(), [2.0, 1.5]);
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    #[track_caller]
    pub fn apply<'g, T: Real>(&self, x: Var<'g, T>, noise: Var<'g, T>) -> Var<'g, T> {
        let (shape, of_noise) = (x.shape(), noise.shape());
        assert!(shape == of_noise, "Gaussian noise: noise of shape {of_noise} for values of shape {shape}");
        x + noise * self.deviation
    }
}

impl<T: Real> Layer<T> for GaussianNoise {
    /// Records nothing for `σ = 0`, and in [`Mode::Evaluate`].
    fn forward<'g>(&self, x: Var<'g, T>, mode: Mode) -> Var<'g, T> {
        if self.deviation == 0.0 || !mode.is_stochastic() {
            return x;
        }
        self.apply(x, self.sample(x.graph(), x.shape())).named(&self.name)
    }
}

#[cfg(test)]
mod tests;
