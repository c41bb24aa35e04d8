//! Pseudo-labels: the class that the network predicts is taken for the label, where it is likely enough.
//!
//! ```text
//! 1/n Σᵢ [max p(xᵢ) ≥ τ] · -ln softmax(z(x̃ᵢ))[ŷᵢ],      ŷᵢ = argmax p(xᵢ)
//! ```
//!
//! (Lee, *Pseudo-Label*, ICML workshop 2013; with the threshold `τ` Sohn et al., *FixMatch*, NeurIPS 2020.)
//! The prediction that makes the label and the one that is trained may be two: of a clean and of a disturbed
//! input, of a teacher and a student. Label and mask are constants: no gradient goes through them. The sum
//! is divided by all `n` examples, not by those above the threshold, so that few sure examples weigh little.
//!
//! With the trained logits themselves as the source the gradient is `[max p ≥ τ] (pₖ - [k = ŷ]) / n`.
//!
//! ```
//! use autograd::{Graph, Tensor, interpret};
//! use regularize::semi_supervised::PseudoLabels;
//! let graph = Graph::<f64>::new();
//! let logits = graph.constant(Tensor::new([2, 2], vec![0.0, 4.0, 0.1, 0.0]));
//! let found = PseudoLabels::new(0.9)?.loss(logits, logits);
//! let values = interpret(&[found.loss, found.used], &[], None)?;
//! assert!((values[0].item() - (1.0 + (-4f64).exp()).ln() / 2.0).abs() < 1e-15);
//! assert_eq!(values[1].item(), 0.5); // of the second the network is not sure
//! # Ok::<(), regularize::RegularizeError>(())
//! ```

use crate::error::RegularizeError;
use autograd::{Real, Var};
use nn::loss::{Reduction, cross_entropy};
use nn::optimise::HyperparameterError;

/// The threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PseudoLabels {
    threshold: f64,
}

/// What pseudo-labels add to a loss, and how many there were.
#[derive(Debug, Clone, Copy)]
pub struct PseudoLabelled<'g, T: Real> {
    /// The term, a scalar.
    pub loss: Var<'g, T>,
    /// The share of examples that were sure enough, a scalar. Watch it: at 0 the term does nothing, and near 1
    /// early in training the network learns its own mistakes.
    pub used: Var<'g, T>,
}

impl PseudoLabels {
    /// Labels where the largest probability is at least `threshold`; 0 takes all.
    ///
    /// # Errors
    /// If the threshold is not in [0, 1].
    pub fn new(threshold: f64) -> Result<PseudoLabels, RegularizeError> {
        let fits = (0.0..=1.0).contains(&threshold);
        HyperparameterError::unless(fits, "threshold of pseudo-labels", threshold, "in [0, 1]")?;
        Ok(PseudoLabels { threshold })
    }

    /// 1 for each example of `source` that is sure enough, 0 for the others: logits `[n, classes]` give `[n]`.
    ///
    /// # Panics
    /// If there is no axis of classes.
    ///
    /// ```
    /// use autograd::{Graph, Tensor, interpret};
    /// use regularize::semi_supervised::PseudoLabels;
    /// let graph = Graph::<f64>::new();
    /// let logits = graph.constant(Tensor::new([2, 2], vec![0.0, 4.0, 0.1, 0.0])); // 98 % and 52 %
    /// let [some, all] = [0.9, 0.0].map(|threshold| PseudoLabels::new(threshold).unwrap().mask(logits));
    /// let found = interpret(&[some, all], &[], None)?;
    /// assert_eq!((found[0].data(), found[1].data()), (&[1.0, 0.0][..], &[1.0, 1.0][..]));
    /// # Ok::<(), autograd::RunError>(())
    /// ```
    #[track_caller]
    pub fn mask<'g, T: Real>(&self, source: Var<'g, T>) -> Var<'g, T> {
        source.softmax().max_over(&[-1]).greater_equal(self.threshold).detach()
    }

    /// The term for the `trained` logits with labels from the `source` logits, both `[n, classes]`.
    ///
    /// # Panics
    /// If the shapes differ or there is no axis of classes.
    #[track_caller]
    pub fn loss<'g, T: Real>(&self, trained: Var<'g, T>, source: Var<'g, T>) -> PseudoLabelled<'g, T> {
        let (a, b) = (trained.shape(), source.shape());
        assert!(a == b, "pseudo-labels: trained logits of shape {a}, labels from logits of shape {b}");
        let mask = self.mask(source);
        let each = cross_entropy(trained, source.argmax(), Reduction::Each);
        PseudoLabelled { loss: (each * mask).mean(), used: mask.mean() }
    }
}

#[cfg(test)]
mod tests;
