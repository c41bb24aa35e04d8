//! Double back-propagation: `½ ‖∇ₓ J‖²` (Drucker and LeCun, *Improving generalization performance using double
//! backpropagation*, IEEE Transactions on Neural Networks 1992; *Deep Learning*, section 7.14).
//!
//! ```text
//! Ω = (1/n) Σ ½ ‖∇ₓ Jᵢ‖²        over examples i, with the loss Jᵢ of each
//! ```
//!
//! A small change of the input then changes the loss little, in every direction. The authors built a second
//! network for the backward pass and propagated back through both, hence the name. Here the gradient is an
//! expression, and its square is differentiated like any other.
//!
//! To tangent propagation it is what noise is to augmentation: all directions instead of given ones.
//!
//! ```
//! use autograd::{Feed, Graph, Tensor, grad, interpret};
//! use regularize::tangent::DoubleBackpropagation;
//! let graph = Graph::<f64>::new();
//! let (x, w) = (graph.input("x", [2]), graph.input("w", []));
//! let each = (x * w).powi(2); // ∇ₓ J = 2 w² x
//! let omega = DoubleBackpropagation::new(1.0)?.value(each, x);
//! let at = Tensor::new([2], vec![1.0, 3.0]);
//! let feeds = [("x", Feed::from(&at)), ("w", Feed::from(0.5))];
//! let found = interpret(&[omega, grad(omega, &[w])[0]], &feeds, None)?;
//! assert_eq!(found[0].item(), 0.5 * (0.5f64.powi(2) + 1.5f64.powi(2)) / 2.0);
//! assert_eq!(found[1].item(), 4.0 * found[0].item() / 0.5); // Ω goes as w⁴
//! # Ok::<(), regularize::RegularizeError>(())
//! ```

use super::input_gradient::input_gradients;
use super::{mean, squares};
use crate::error::{RegularizeError, at_least_zero};
use autograd::{Real, Var};
use nn::train::Batch;

/// The penalty with its strength. See the [module documentation](self).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DoubleBackpropagation {
    strength: f64,
}

impl DoubleBackpropagation {
    /// The penalty `strength · Ω`.
    ///
    /// # Errors
    /// If `strength` is negative or not finite.
    pub fn new(strength: f64) -> Result<DoubleBackpropagation, RegularizeError> {
        let strength = at_least_zero("strength of double backpropagation", strength)?;
        Ok(DoubleBackpropagation { strength })
    }

    /// `Ω`, a scalar, without its strength, for losses `each` whose first axis is that of `inputs`; 0 if there
    /// are no examples.
    ///
    /// # Panics
    /// As [`input_gradients`].
    #[track_caller]
    pub fn value<'g, T: Real>(&self, each: Var<'g, T>, inputs: Var<'g, T>) -> Var<'g, T> {
        mean(squares(input_gradients(each, inputs))) * 0.5
    }

    /// `J + strength · Ω` with the mean cross-entropy `J` of a batch. With strength 0 it is `J`, and nothing
    /// else is recorded.
    ///
    /// ```
    /// use autograd::{Graph, Tensor, interpret};
    /// use nn::{Mode, Sequential, train::Batch};
    /// use regularize::DoubleBackpropagation;
    /// let (graph, model) = (Graph::<f64>::new(), Sequential::new()); // the logits are the inputs
    /// let x = graph.constant(Tensor::zeros([1, 2]));
    /// let label = graph.index_constant(Tensor::new([1], vec![0]));
    /// let batch = Batch::new(x, label, &model, &[], Mode::Train);
    /// let objective = DoubleBackpropagation::new(4.0)?.objective(&batch);
    /// // The gradient is p - t = (-½, ½): half its square is ¼.
    /// assert!((interpret(&[objective], &[], None)?[0].item() - (2f64.ln() + 4.0 * 0.25)).abs() < 1e-15);
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    ///
    /// # Panics
    /// If the logits do not depend on the inputs.
    #[track_caller]
    pub fn objective<'g, T: Real>(&self, batch: &Batch<'g, '_, T>) -> Var<'g, T> {
        if self.strength == 0.0 {
            return batch.cross_entropy();
        }
        let each = batch.logits().cross_entropy_each(batch.labels);
        batch.cross_entropy() + self.value(each, batch.inputs) * self.strength
    }
}

#[cfg(test)]
mod tests;
