//! Penalties on the norm of the loss's gradient in the input.
//!
//! ```text
//! Ω = (1/n) Σ ‖∇ₓ Jᵢ‖        over examples i, with the loss Jᵢ of each
//! ```
//!
//! An attack with budget `ε` raises the loss to first order by `ε` times the dual norm of the gradient. So the
//! loss on adversarial examples is
//!
//! | attack | loss on its examples |
//! |---|---|
//! | `‖d‖∞ ≤ ε` (fast gradient sign) | `J + ε ‖∇ₓ J‖₁ + O(ε²)` |
//! | `‖d‖₂ ≤ ε` | `J + ε ‖∇ₓ J‖₂ + O(ε²)` |
//!
//! and the penalty of strength `ε` is adversarial training without the attack (Goodfellow, Shlens, Szegedy,
//! ICLR 2015; Simon-Gabriel et al., ICML 2019; Ross and Doshi-Velez, AAAI 2018). The square of the norm is
//! [`DoubleBackpropagation`](super::DoubleBackpropagation).
//!
//! ```
//! use nn::data::digits;
//! use nn::{Activation, Optimiser, Sequential, Trainer, initialise};
//! use regularize::tangent::{GradientNorm, InputGradientPenalty};
//! # fn main() -> Result<(), regularize::RegularizeError> {
//! let data = digits::load()?.flattened().subset(&(0..200).collect::<Vec<_>>())?;
//! let model = Sequential::<f32>::mlp(&[64, 16, 10], Activation::Tanh);
//! let smooth = InputGradientPenalty::new(0.05, GradientNorm::One)?;
//! let mut trainer = Trainer::new(&model, Optimiser::adam(0.01)).epochs(3).objective(move |batch| {
//!     let each = batch.logits().cross_entropy_each(batch.labels);
//!     smooth.added_to(each.mean(), each, batch.inputs)
//! });
//! let curve = trainer.fit(&data, None, &mut initialise(&model, 1))?;
//! assert!(curve.epochs[2].objective < curve.epochs[0].objective);
//! # Ok(())
//! # }
//! ```

use super::mean;
use crate::error::{RegularizeError, at_least_zero};
use crate::host::rows;
use autograd::{Real, Var, grad};

/// How the size of a gradient is measured.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::tangent::GradientNorm;
/// let graph = Graph::<f64>::new();
/// let g = graph.constant(Tensor::new([2, 2], vec![3.0, -4.0, 0.0, 0.0]));
/// let norms = interpret(&[GradientNorm::One.of(g), GradientNorm::Two.of(g)], &[], None)?;
/// assert_eq!((norms[0].data(), norms[1].data()), (&[7.0, 0.0][..], &[5.0, 0.0][..]));
/// # Ok::<(), autograd::RunError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GradientNorm {
    /// The sum of absolute values: what a budget in the largest change can do.
    One,
    /// The Euclidean norm: what a Euclidean budget can do. Where it is 0 its derivative is 0.
    Two,
}

impl GradientNorm {
    /// The norm of each example, `[n]`, for `g` of shape `[n, ..]`.
    #[track_caller]
    pub fn of<'g, T: Real>(self, g: Var<'g, T>) -> Var<'g, T> {
        let g = g.reshape(rows(g.shape()));
        match self {
            GradientNorm::One => g.abs().sum_over(&[1]),
            GradientNorm::Two => g.norm(&[1]),
        }
    }
}

/// The gradient of each example's loss in its own input, of the inputs' shape, for losses `each` whose first
/// axis is that of `inputs`. It is not divided by the number of examples, as the gradient of a mean would be.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::tangent::input_gradients;
/// let graph = Graph::<f64>::new();
/// let x = graph.constant(Tensor::new([2, 2], vec![1.0, 2.0, 3.0, 4.0]));
/// let each = x.powi(2).sum_over(&[1]);
/// assert_eq!(interpret(&[input_gradients(each, x)], &[], None)?[0].data(), [2.0, 4.0, 6.0, 8.0]);
/// # Ok::<(), autograd::RunError>(())
/// ```
///
/// # Panics
/// If the first axes differ, or `each` does not depend on `inputs`.
#[track_caller]
pub fn input_gradients<'g, T: Real>(each: Var<'g, T>, inputs: Var<'g, T>) -> Var<'g, T> {
    let (losses, shape) = (each.shape(), inputs.shape());
    let matches = losses.rank() > 0 && shape.rank() > 0 && losses[0] == shape[0];
    assert!(matches, "input_gradients: losses {losses} and inputs {shape} are not of the same examples");
    grad(each.sum(), &[inputs])[0]
}

/// A penalty on the norm of the input gradient. See the [module documentation](self).
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::tangent::{GradientNorm, InputGradientPenalty};
/// let graph = Graph::<f64>::new();
/// let x = graph.constant(Tensor::new([2, 2], vec![1.0, 1.0, 2.0, 0.0]));
/// let each = x.matmul(graph.constant(Tensor::new([2, 1], vec![3.0, -4.0]))); // gradients (3, -4)
/// let penalty = |strength, norm| InputGradientPenalty::new(strength, norm);
/// let [one, two] = [GradientNorm::One, GradientNorm::Two].map(|norm| penalty(0.5, norm));
/// let objective = each.mean();
/// let found = interpret(&[one?.value(each, x), two?.added_to(objective, each, x), objective], &[], None)?;
/// assert_eq!(found[0].item(), 7.0);
/// assert_eq!(found[1].item() - found[2].item(), 0.5 * 5.0);
/// assert_eq!(penalty(0.0, GradientNorm::One)?.added_to(objective, each, x).id(), objective.id());
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InputGradientPenalty {
    strength: f64,
    norm: GradientNorm,
}

impl InputGradientPenalty {
    /// The penalty `strength · Ω` in a norm.
    ///
    /// # Errors
    /// If `strength` is negative or not finite.
    pub fn new(strength: f64, norm: GradientNorm) -> Result<InputGradientPenalty, RegularizeError> {
        let strength = at_least_zero("strength of the input-gradient penalty", strength)?;
        Ok(InputGradientPenalty { strength, norm })
    }

    /// `Ω`, a scalar, without its strength; 0 if there are no examples.
    ///
    /// # Panics
    /// As [`input_gradients`].
    #[track_caller]
    pub fn value<'g, T: Real>(&self, each: Var<'g, T>, inputs: Var<'g, T>) -> Var<'g, T> {
        mean(self.norm.of(input_gradients(each, inputs)))
    }

    /// `J + strength · Ω`. With strength 0 the variable `objective` itself.
    ///
    /// # Panics
    /// As [`input_gradients`].
    #[track_caller]
    pub fn added_to<'g, T: Real>(
        &self,
        objective: Var<'g, T>,
        each: Var<'g, T>,
        inputs: Var<'g, T>,
    ) -> Var<'g, T> {
        if self.strength == 0.0 { objective } else { objective + self.value(each, inputs) * self.strength }
    }
}

#[cfg(test)]
mod tests;
