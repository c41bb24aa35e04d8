//! Tangent propagation: the result shall not change along given directions (Simard, Victorri, LeCun, Denker,
//! NIPS 1992; *Deep Learning*, section 7.14, equation 7.67).
//!
//! ```text
//! Ω = (1/n) Σ Σ ‖∂f/∂x(xᵢ) tᵢₖ‖²        over examples i and tangents k
//! ```
//!
//! It is what training on slightly moved examples does, in the limit of small moves and without the noise: with
//! `x + α t` for `α` of mean 0 and variance `s²`, the mean squared change of the result is `s² Ω` up to order
//! `s⁴`. Unlike augmentation it regularises infinitesimal moves only; with rectifiers it says nothing of where
//! the next kink is (section 7.14).
//!
//! Which result is kept still matters. Probabilities are bounded, as the outputs of the paper's networks were;
//! logits are not, and a penalty on them asks first of all for small ones. On the digits it helps on the
//! probabilities and harms on the logits, at any strength that was tried.
//!
//! The product with the Jacobian is one forward sweep for each tangent ([`jvp`]).
//!
//! ```
//! use nn::data::digits;
//! use nn::{Activation, Optimiser, Sequential, Trainer, initialise};
//! use regularize::tangent::{TangentPropagation, Transformations};
//! # fn main() -> Result<(), regularize::RegularizeError> {
//! let data = digits::load()?.flattened().subset(&(0..200).collect::<Vec<_>>())?;
//! let model = Sequential::<f32>::mlp(&[64, 16, 10], Activation::Tanh);
//! let moves = Transformations::new(8, 8, 0.9)?; // all of them
//! let propagation = TangentPropagation::new(3.0)?;
//! let mut trainer = Trainer::new(&model, Optimiser::adam(0.01)).epochs(3).objective(move |batch| {
//!     let (loss, probabilities) = (batch.cross_entropy(), batch.logits().softmax());
//!     propagation.added_to(loss, probabilities, batch.inputs, &moves.tangents(batch.inputs))
//! });
//! let curve = trainer.fit(&data, None, &mut initialise(&model, 1))?;
//! assert!(curve.epochs[2].objective < curve.epochs[0].objective);
//! # Ok(())
//! # }
//! ```

use super::{mean, squares};
use crate::error::{RegularizeError, at_least_zero};
use autograd::{Real, Var, jvp};

/// `Ω`, a scalar, for results `outputs` of any shape whose first axis is that of `inputs`; each tangent is of
/// the inputs' shape. Without tangents, or without examples, it is 0.
///
/// The tangents are directions: later gradients do not go through how they depend on the inputs or anything
/// else.
///
/// # Panics
/// If a shape is another, or `outputs` does not depend on `inputs`.
///
/// ```
/// use autograd::{Feed, Graph, Tensor, interpret};
/// use regularize::tangent::tangent_penalty;
/// let graph = Graph::<f64>::new();
/// let x = graph.input("x", [1, 2]);
/// let f = x.powi(2); // the Jacobian is diag(2 x)
/// let t = graph.constant(Tensor::new([1, 2], vec![1.0, 0.5]));
/// let omega = tangent_penalty(f, x, &[t]);
/// let at = Tensor::new([1, 2], vec![1.0, 3.0]);
/// assert_eq!(interpret(&[omega], &[("x", Feed::from(&at))], None)?[0].item(), 4.0 + 9.0);
/// # Ok::<(), autograd::RunError>(())
/// ```
#[track_caller]
pub fn tangent_penalty<'g, T: Real>(
    outputs: Var<'g, T>,
    inputs: Var<'g, T>,
    tangents: &[Var<'g, T>],
) -> Var<'g, T> {
    let (shape, results) = (inputs.shape(), outputs.shape());
    let matches = shape.rank() > 0 && results.rank() > 0 && shape[0] == results[0];
    assert!(matches, "tangent_penalty: inputs {shape} and outputs {results} are not of the same examples");
    let mut sum: Option<Var<'g, T>> = None;
    for &tangent in tangents {
        let change = squares(jvp(outputs, &[inputs], &[tangent.detach()]));
        sum = Some(sum.map_or(change, |sum| sum + change));
    }
    sum.map_or_else(|| outputs.graph().fill([], 0.0), mean)
}

/// The penalty with its strength. See the [module documentation](self).
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::TangentPropagation;
/// let graph = Graph::<f64>::new();
/// let x = graph.constant(Tensor::new([1, 2], vec![1.0, 3.0]));
/// let tangent = graph.constant(Tensor::new([1, 2], vec![1.0, 0.5]));
/// let (loss, outputs) = (graph.fill([], 1.0), x.powi(2)); // the Jacobian is diag(2, 6)
/// let objective = TangentPropagation::new(0.5)?.added_to(loss, outputs, x, &[tangent]);
/// assert_eq!(interpret(&[objective], &[], None)?[0].item(), 1.0 + 0.5 * (4.0 + 9.0));
/// assert_eq!(TangentPropagation::new(0.0)?.added_to(loss, outputs, x, &[tangent]).id(), loss.id());
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TangentPropagation {
    strength: f64,
}

impl TangentPropagation {
    /// The penalty `strength · Ω`.
    ///
    /// # Errors
    /// If `strength` is negative or not finite.
    pub fn new(strength: f64) -> Result<TangentPropagation, RegularizeError> {
        Ok(TangentPropagation { strength: at_least_zero("strength of tangent propagation", strength)? })
    }

    /// The strength.
    pub fn strength(&self) -> f64 {
        self.strength
    }

    /// `J + strength · Ω`. With strength 0, or without tangents, the variable `objective` itself.
    ///
    /// # Panics
    /// As [`tangent_penalty`].
    #[track_caller]
    pub fn added_to<'g, T: Real>(
        &self,
        objective: Var<'g, T>,
        outputs: Var<'g, T>,
        inputs: Var<'g, T>,
        tangents: &[Var<'g, T>],
    ) -> Var<'g, T> {
        if self.strength == 0.0 || tangents.is_empty() {
            return objective;
        }
        objective + tangent_penalty(outputs, inputs, tangents) * self.strength
    }
}

#[cfg(test)]
mod tests;
