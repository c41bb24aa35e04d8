//! Concrete dropout: a relaxed mask, through which the rate of dropout has a derivative (Gal, Hron, Kendall,
//! *Concrete Dropout*, NeurIPS 2017, equation 5).
//!
//! Whether a unit is dropped, `u < p` for a uniform draw `u`, has no derivative with respect to `p`. The
//! concrete distribution (Maddison, Mnih, Teh, ICLR 2017) puts a steep sigmoid in the place of the step:
//!
//! ```text
//! keep = σ((logit u - logit p) / t),    y = x keep / (1 - p),    logit p = ln p - ln(1 - p)
//! ```
//!
//! As the temperature `t` goes to 0, `keep` becomes the mask of [`Dropout`](crate::Dropout) for the same draw:
//! 1 for `u > p`. The paper writes `1 - u` for `u`, which is distributed alike, and takes `t = 0.1`.
//! At a positive temperature `keep` is between 0 and 1, and its mean is `1 - p` only nearly.
//!
//! The rate is a [`Hyperparameter`]. The paper trains it with the weights, against the entropy term of a
//! variational bound; without one, training data would always ask for no dropout. Here validation data tune
//! it, by [`hyper_gradient`](super::hyper_gradient).
//!
//! ```
//! use nn::{Activation, Sequential};
//! use regularize::hyper_gradient::{ConcreteDropout, Hyperparameter};
//! let rate = Hyperparameter::probability("dropout", 0.2)?;
//! let dropout = ConcreteDropout::new(rate, 0.1)?;
//! let model = Sequential::<f32>::new()
//!     .linear(64, 32)
//!     .then(Activation::Relu)
//!     .then(dropout)
//!     .linear(32, 10);
//! # let _ = model;
//! let strength = Hyperparameter::positive("dropout", 0.2)?;
//! assert!(ConcreteDropout::new(strength, 0.1).is_err()); // no probability
//! # Ok::<(), regularize::RegularizeError>(())
//! ```

use super::Hyperparameter;
use crate::error::{RegularizeError, above_zero};
use autograd::{Real, Var};
use nn::{Layer, Mode};

/// Dropout with a relaxed mask and a tuned rate. See the [module documentation](self).
#[derive(Debug, Clone, PartialEq)]
pub struct ConcreteDropout {
    rate: Hyperparameter,
    temperature: f64,
}

impl ConcreteDropout {
    /// Dropout at the rate `rate`, a [probability](Hyperparameter::probability).
    ///
    /// # Errors
    /// If the temperature is not finite and above 0, or the rate is no probability.
    pub fn new(rate: Hyperparameter, temperature: f64) -> Result<ConcreteDropout, RegularizeError> {
        above_zero("temperature", temperature)?;
        rate.check_probability()?;
        Ok(ConcreteDropout { rate, temperature })
    }

    /// The hyper-parameter.
    pub fn rate(&self) -> &Hyperparameter {
        &self.rate
    }

    /// The relaxed mask of uniform draws on [0, 1), of their shape. A draw of exactly 0 drops.
    ///
    /// ```
    /// use autograd::{Graph, Parameters, Tensor, interpret};
    /// use regularize::hyper_gradient::{ConcreteDropout, Hyperparameter};
    /// let rate = Hyperparameter::probability("rate", 0.25)?;
    /// let values: Parameters<f64> = [("rate", rate.initial_value())].into_iter().collect();
    /// let graph = Graph::new();
    /// let draws = graph.constant(Tensor::new([4], vec![0.0, 0.2, 0.25, 0.3]));
    /// let [warm, cold] = [0.1, 1e-3].map(|t| ConcreteDropout::new(rate.clone(), t).unwrap().mask(draws));
    /// let found = interpret(&[warm, cold], &[], Some(&values))?;
    /// assert!((found[0].data()[2] - 0.5).abs() < 1e-14 && found[0].data()[1] > 0.05); // between 0 and 1
    /// // Cold, it is the mask of dropout: 1 where u > p.
    /// let mut masks = found[1].data().iter().zip([0.0, 0.0, 0.5, 1.0]);
    /// assert!(masks.all(|(keep, mask)| (keep - mask).abs() < 1e-12));
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    #[track_caller]
    pub fn mask<'g, T: Real>(&self, draws: Var<'g, T>) -> Var<'g, T> {
        let of_draws = draws.ln() - (1.0 - draws).ln();
        let graph = draws.graph();
        ((of_draws - self.rate.raw(graph)) / self.temperature).sigmoid()
    }

    /// `x keep / (1 - p)`.
    ///
    /// # Panics
    /// If the mask is not of `x`'s shape.
    ///
    /// ```
    /// use autograd::{Graph, Parameters, Tensor, interpret};
    /// use regularize::hyper_gradient::{ConcreteDropout, Hyperparameter};
    /// let dropout = ConcreteDropout::new(Hyperparameter::probability("rate", 0.5)?, 0.1)?;
    /// let values: Parameters<f64> = [("rate", dropout.rate().initial_value())].into_iter().collect();
    /// let graph = Graph::new();
    /// let [x, mask] = [[3.0, 5.0], [1.0, 0.25]].map(|v| graph.constant(Tensor::new([2], v.to_vec())));
    /// assert_eq!(interpret(&[dropout.apply(x, mask)], &[], Some(&values))?[0].data(), [6.0, 2.5]);
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    #[track_caller]
    pub fn apply<'g, T: Real>(&self, x: Var<'g, T>, mask: Var<'g, T>) -> Var<'g, T> {
        let (shape, of_mask) = (x.shape(), mask.shape());
        assert!(shape == of_mask, "concrete dropout: a mask of shape {of_mask} for values of shape {shape}");
        // 1/(1 - σ(θ)) = 1 + e^θ, without cancellation.
        x * mask * (self.rate.raw(x.graph()).exp() + 1.0)
    }
}

impl<T: Real> Layer<T> for ConcreteDropout {
    /// Draws from the stream `NAME.mask`, where NAME is that of the hyper-parameter. In evaluation the
    /// variable `x` itself.
    fn forward<'g>(&self, x: Var<'g, T>, mode: Mode) -> Var<'g, T> {
        if !mode.is_stochastic() {
            return x;
        }
        let draws = x.graph().uniform(&format!("{}.mask", self.rate.name()), x.shape());
        self.apply(x, self.mask(draws)).named(self.rate.name())
    }
}

#[cfg(test)]
mod tests;
