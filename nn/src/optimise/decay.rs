//! Weight decay.

use super::{HyperparameterError, Memory, Transform, Update};
use crate::parameter::Selection;
use autograd::{Real, Var};

/// Adds `decay · w` to the update of each selected parameter.
///
/// At the beginning of a chain this is the gradient of the penalty `decay/2 · ‖w‖²` (*Deep Learning*,
/// equation 7.3). After a scaling, before the learning rate, it is decoupled: every weight shrinks by the
/// same factor `1 - ε · decay`, however large its gradients are (Loshchilov and Hutter, ICLR 2019).
#[derive(Debug, Clone)]
pub struct AddDecayedWeights {
    /// The coefficient, at least 0.
    pub decay: f64,
    /// Which parameters decay.
    pub selection: Selection,
}

impl<T: Real> Transform<T> for AddDecayedWeights {
    fn transform<'g>(&self, updates: &[Update<'g, '_, T>], _: &mut Memory<'g, T>) -> Vec<Var<'g, T>> {
        let one = |update: &Update<'g, '_, T>| {
            // No decay records nothing, so that the chain is bit for bit the one without this link.
            if self.decay == 0.0 || !self.selection.contains(update.spec) {
                return update.value;
            }
            update.value + update.parameter * self.decay
        };
        updates.iter().map(one).collect()
    }

    fn check(&self) -> Result<(), HyperparameterError> {
        let fits = self.decay.is_finite() && self.decay >= 0.0;
        HyperparameterError::unless(fits, "weight decay", self.decay, "finite and at least 0")
    }
}
