//! The confidence penalty: what is certain costs (Pereyra et al., *Regularizing Neural Networks by Penalizing
//! Confident Output Distributions*, ICLR workshop 2017).
//!
//! ```text
//! J = cross-entropy - β H(p),    H(p) = -Σₖ pₖ ln pₖ,    p = softmax(z)
//! ```
//!
//! The *negative* entropy is added to what is minimised, and minimising it makes the output less sure. The
//! gradient is `∂(-H)/∂zᵢ = pᵢ (ln pᵢ + H)`: 0 for the uniform distribution. In the other form of the paper
//! only outputs with less entropy than a threshold `Γ` pay, `β max(0, Γ - H)`: so that early in training, when
//! nothing is certain, learning is not slowed.
//!
//! Label smoothing is `D(u‖p)` with the uniform distribution `u`, this is `D(p‖u)` up to a constant.
//!
//! ```
//! use nn::{Activation, Optimiser, Sequential, Trainer};
//! use regularize::ConfidencePenalty;
//! let model = Sequential::<f32>::mlp(&[64, 16, 10], Activation::Relu);
//! let penalty = ConfidencePenalty::new(0.1)?;
//! let trainer = Trainer::new(&model, Optimiser::adam(0.01))
//!     .objective(move |batch| penalty.added_to(batch.cross_entropy(), batch.logits()));
//! # let _ = trainer;
//! # Ok::<(), regularize::RegularizeError>(())
//! ```

use crate::error::{RegularizeError, at_least_zero};
use autograd::{Real, Var};

/// `H(softmax(z))` in nats along the last axis: logits `[.., classes]` to `[..]`.
///
/// From log-probabilities, so that it and its gradient are finite for logits of any size.
///
/// # Panics
/// If there is no axis.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::noise::entropy;
/// let graph = Graph::<f64>::new();
/// let logits = graph.constant(Tensor::new([2, 4], vec![7.0, 7.0, 7.0, 7.0, 1e6, 0.0, 0.0, 0.0]));
/// let found = interpret(&[entropy(logits)], &[], None)?.remove(0);
/// assert!((found.data()[0] - 4f64.ln()).abs() < 1e-15); // uniform
/// assert_eq!(found.data()[1], 0.0); // certain
/// # Ok::<(), autograd::RunError>(())
/// ```
#[track_caller]
pub fn entropy<T: Real>(logits: Var<'_, T>) -> Var<'_, T> {
    let logs = logits.log_softmax();
    -(logs.exp() * logs).sum_over(&[-1])
}

/// Penalises low entropy. See the [module documentation](self).
///
/// ```
/// use autograd::{Graph, interpret};
/// use regularize::ConfidencePenalty;
/// let graph = Graph::<f64>::new();
/// let uniform = graph.fill([5, 2], 3.0); // entropy ln 2
/// let plain = ConfidencePenalty::new(0.5)?;
/// let penalties = [plain, plain.below(1.0)?, plain.below(0.5)?].map(|penalty| penalty.value(uniform));
/// let found = interpret(&penalties, &[], None)?;
/// let ln2 = std::f64::consts::LN_2;
/// assert!((found[0].item() + 0.5 * ln2).abs() < 1e-15);
/// assert!((found[1].item() - 0.5 * (1.0 - ln2)).abs() < 1e-15);
/// assert_eq!(found[2].item(), 0.0); // ln 2 is above ½
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ConfidencePenalty {
    beta: f64,
    threshold: Option<f64>,
}

impl ConfidencePenalty {
    /// `-β H(p)`.
    ///
    /// # Errors
    /// If `beta` is negative or not finite.
    pub fn new(beta: f64) -> Result<ConfidencePenalty, RegularizeError> {
        Ok(ConfidencePenalty { beta: at_least_zero("confidence penalty beta", beta)?, threshold: None })
    }

    /// `β max(0, Γ - H(p))`: entropy from `threshold` nats on is free.
    ///
    /// # Errors
    /// If the threshold is negative or not finite.
    pub fn below(self, threshold: f64) -> Result<ConfidencePenalty, RegularizeError> {
        let threshold = Some(at_least_zero("threshold of the entropy", threshold)?);
        Ok(ConfidencePenalty { threshold, ..self })
    }

    /// `β`.
    pub fn beta(&self) -> f64 {
        self.beta
    }

    /// The mean penalty of all examples, a scalar: `-β H`, or `β max(0, Γ - H)`.
    ///
    /// # Panics
    /// If there is no axis.
    #[track_caller]
    pub fn value<'g, T: Real>(&self, logits: Var<'g, T>) -> Var<'g, T> {
        let entropy = entropy(logits);
        match self.threshold {
            None => entropy.mean() * -self.beta,
            Some(threshold) => (threshold - entropy).relu().mean() * self.beta,
        }
    }

    /// `J` and the penalty. For `β = 0` the variable `objective` itself.
    ///
    /// # Panics
    /// As [`ConfidencePenalty::value`].
    #[track_caller]
    pub fn added_to<'g, T: Real>(&self, objective: Var<'g, T>, logits: Var<'g, T>) -> Var<'g, T> {
        if self.beta == 0.0 { objective } else { objective + self.value(logits) }
    }
}

#[cfg(test)]
mod tests;
