//! Weight decay beside the gradient, not in it: `w := w - ε α w` after any optimiser's step (Loshchilov and
//! Hutter, ICLR 2019; *Deep Learning*, section 7.1.1, has the decay of plain gradient descent).
//!
//! For gradient descent, decay and the gradient of an [`L2`](crate::L2) penalty are the same: `(1 - ε α) w - ε
//! g`. For an optimiser that scales each number by its history they are not, and the difference is the order
//! of two links in a chain:
//!
//! | chain | step of a weight | the decay of a weight |
//! |---|---|---|
//! | penalty in the objective, or [`AddDecayedWeights`] first: gradient + `α w`, scaling, rate | `w - ε S(g + α w)` | shrinks with the size of the gradients it meets |
//! | [`Optimiser::adamw`](nn::Optimiser::adamw): gradient, scaling, + `α w`, rate | `w - ε (S(g) + α w)` | `ε α w`, for every weight alike |
//! | any optimiser, then [`DecoupledDecay`]: gradient, scaling, rate, + `ε α w` | `w - ε S(g) - ε α w` | the same |
//!
//! Under a gradient of 0 a step of the last two is exactly `w - ε α w`, whatever was met before if the scaling
//! has no momentum left. Multiplied by 1000, a loss has the same decoupled decay and a thousandth of the coupled one.
//!
//! ```
//! use autograd::{Feed, Graph, Parameters, Tensor, interpret};
//! use nn::{Initialiser, LEARNING_RATE, Optimiser, ParameterSpec, Role, Selection};
//! use regularize::DecoupledDecay;
//! // RMSProp with decoupled decay: there is no preset of it.
//! let optimiser = Optimiser::<f64>::rmsprop(1e-3).then(DecoupledDecay::new(0.5, Selection::weights())?);
//!
//! // A step under a gradient of 0, at a learning rate of ¼.
//! let (name, shape) = ("w".to_string(), [1].into());
//! let spec = ParameterSpec { name, shape, role: Role::Weight, initialiser: Initialiser::Zeros };
//! let graph = Graph::new();
//! let step = optimiser.apply(&graph, &[spec], &[graph.fill([1], 0.0)]);
//! let mut values: Parameters<f64> = [("w", Tensor::full([1], 8.0))].into_iter().collect();
//! step.initialise_state(&mut values);
//! let (_, new) = step.updates[0];
//! let found = interpret(&[new], &[(LEARNING_RATE, Feed::from(0.25))], Some(&values))?;
//! assert_eq!(found[0].item(), (1.0 - 0.25 * 0.5) * 8.0);
//! # Ok::<(), regularize::RegularizeError>(())
//! ```
//!
//! [`AddDecayedWeights`]: nn::optimise::AddDecayedWeights

use crate::error::{RegularizeError, at_least_zero};
use autograd::{Real, Var};
use nn::Selection;
use nn::optimise::{Memory, Transform, Update};

/// Adds `ε α w` to the update of each selected parameter, with the learning rate `ε`: a link for the end of a
/// chain. See the [module documentation](self).
#[derive(Debug, Clone)]
pub struct DecoupledDecay {
    alpha: f64,
    selection: Selection,
}

impl DecoupledDecay {
    /// Decay with coefficient `alpha` of each parameter of `selection`.
    ///
    /// # Errors
    /// If `alpha` is negative or not finite.
    pub fn new(alpha: f64, selection: Selection) -> Result<DecoupledDecay, RegularizeError> {
        Ok(DecoupledDecay { alpha: at_least_zero("decoupled decay", alpha)?, selection })
    }
}

impl<T: Real> Transform<T> for DecoupledDecay {
    fn transform<'g>(&self, updates: &[Update<'g, '_, T>], memory: &mut Memory<'g, T>) -> Vec<Var<'g, T>> {
        let one = |update: &Update<'g, '_, T>| {
            if self.alpha == 0.0 || !self.selection.contains(update.spec) {
                return update.value;
            }
            update.value + update.parameter * (memory.learning_rate() * self.alpha)
        };
        updates.iter().map(one).collect()
    }
}

#[cfg(test)]
mod tests;
