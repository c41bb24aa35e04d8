//! Entropy minimisation: a network that is sure of its unlabelled examples.
//!
//! If classes do not overlap, the boundary between them runs where there are no examples, and every example
//! can be classified with confidence. So the mean entropy of the predictions on unlabelled examples is added
//! to the loss (Grandvalet and Bengio, *Semi-supervised Learning by Entropy Minimization*, NIPS 2004):
//!
//! ```text
//! λ/n Σᵢ H(p(xᵢ)),      H(p) = -Σₖ pₖ ln pₖ,      ∂H/∂zₖ = -pₖ (ln pₖ + H)
//! ```
//!
//! With the opposite sign it is the confidence penalty. It pushes towards the class that is likely already,
//! right or wrong, and helps only beside enough labels.
//!
//! ```
//! use autograd::{Graph, Tensor, interpret};
//! use regularize::semi_supervised::entropy;
//! let graph = Graph::<f64>::new();
//! let logits = graph.constant(Tensor::new([2, 2], vec![3.0, 3.0, 0.0, 2000.0]));
//! assert_eq!(interpret(&[entropy(logits)], &[], None)?[0].data(), [2f64.ln(), 0.0]);
//! # Ok::<(), autograd::RunError>(())
//! ```

use crate::error::{RegularizeError, at_least_zero};
pub use crate::noise::entropy;
use autograd::{Real, Var};

/// The term `λ/n Σᵢ H(p(xᵢ))`.
///
/// ```
/// use autograd::Graph;
/// use regularize::semi_supervised::EntropyMinimisation;
/// let graph = Graph::<f32>::new();
/// let loss = graph.scalar("loss");
/// let none = EntropyMinimisation::new(0.0)?.added_to(loss, graph.input("logits", [8, 10]));
/// assert_eq!(none.id(), loss.id());
/// assert!(EntropyMinimisation::new(-1.0).is_err());
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EntropyMinimisation {
    weight: f64,
}

impl EntropyMinimisation {
    /// The term with weight `λ`.
    ///
    /// # Errors
    /// If the weight is negative or not finite.
    pub fn new(weight: f64) -> Result<EntropyMinimisation, RegularizeError> {
        Ok(EntropyMinimisation { weight: at_least_zero("weight of the entropy", weight)? })
    }

    /// The loss with the term for the unlabelled examples' logits `[n, classes]`; with `λ = 0` the variable
    /// `loss` itself.
    ///
    /// # Panics
    /// If the logits have no axis.
    ///
    /// ```
    /// use autograd::{Graph, interpret};
    /// use regularize::semi_supervised::EntropyMinimisation;
    /// let graph = Graph::<f64>::new();
    /// let uniform = graph.fill([3, 4], 0.0); // three examples of entropy ln 4
    /// let loss = EntropyMinimisation::new(0.5)?.added_to(graph.fill([], 1.0), uniform);
    /// assert!((interpret(&[loss], &[], None)?[0].item() - (1.0 + 0.5 * 4f64.ln())).abs() < 1e-15);
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    #[track_caller]
    pub fn added_to<'g, T: Real>(&self, loss: Var<'g, T>, logits: Var<'g, T>) -> Var<'g, T> {
        if self.weight == 0.0 {
            return loss;
        }
        loss + entropy(logits).mean() * self.weight
    }
}

#[cfg(test)]
mod tests;
