//! Momentum.

use super::{HyperparameterError, Memory, Transform, Update, without_subnormals};
use autograd::{Real, Var};

/// A velocity that gathers updates: `v := μ v + u`, and the new update is `v`, or `u + μ v` with Nesterov's
/// correction. One slot, `velocity`.
///
/// The learning rate comes after, so `v` gathers gradients. With a constant rate `ε` this is *Deep
/// Learning*'s algorithm 8.2, whose velocity is `-ε v` (Polyak 1964). Nesterov's form takes the gradient at
/// `θ + μ v` there (algorithm 8.3; Sutskever et al., ICML 2013); here the parameter *is* that point, so that
/// no gradient is needed anywhere else: the iterates are the same, seen after the look ahead.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Momentum {
    /// The share `μ` of the velocity that stays, in [0, 1).
    pub momentum: f64,
    /// Whether to look ahead.
    pub nesterov: bool,
}

impl<T: Real> Transform<T> for Momentum {
    fn transform<'g>(&self, updates: &[Update<'g, '_, T>], memory: &mut Memory<'g, T>) -> Vec<Var<'g, T>> {
        let one = |update: &Update<'g, '_, T>| {
            let old = memory.recall(&update.spec.name, "velocity", update.spec.shape);
            let velocity = without_subnormals(old * self.momentum + update.value);
            memory.keep(old, velocity);
            if self.nesterov { update.value + velocity * self.momentum } else { velocity }
        };
        updates.iter().map(one).collect()
    }

    fn check(&self) -> Result<(), HyperparameterError> {
        HyperparameterError::unless_share("momentum", self.momentum)
    }
}
