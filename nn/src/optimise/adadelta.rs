//! Adadelta's scaling.

use super::{HyperparameterError, Memory, Transform, Update, without_subnormals};
use autograd::{Real, Var};

/// Scales each element by the ratio of two running root mean squares, of its steps and of its gradients
/// (Zeiler, arXiv 1212.5701, algorithm 1):
///
/// ```text
/// r := ρ r + (1 - ρ) u²
/// d = √(s + ε) / √(r + ε) · u
/// s := ρ s + (1 - ρ) d²        new update = d
/// ```
///
/// A step has the unit of the parameter, so that the paper needs no learning rate: it is 1. Slots
/// `mean_square` and `mean_square_step`.
///
/// ```
/// use nn::optimise::{AdadeltaScaling, ScaleByLearningRate};
/// use nn::Optimiser;
/// // What `Optimiser::adadelta(1.0)` is.
/// let optimiser = Optimiser::<f32>::new(1.0).then(AdadeltaScaling::default()).then(ScaleByLearningRate);
/// assert!(optimiser.check().is_ok());
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdadeltaScaling {
    /// The share of the means that stays, `ρ` in [0, 1).
    pub rho: f64,
    /// What is added under both roots, `ε`: it sets the size of the first steps.
    pub epsilon: f64,
}

impl Default for AdadeltaScaling {
    /// The author's constants: 0.95, 1e-6.
    fn default() -> AdadeltaScaling {
        AdadeltaScaling { rho: 0.95, epsilon: 1e-6 }
    }
}

impl<T: Real> Transform<T> for AdadeltaScaling {
    fn transform<'g>(&self, updates: &[Update<'g, '_, T>], memory: &mut Memory<'g, T>) -> Vec<Var<'g, T>> {
        let mean =
            |old: Var<'g, T>, x: Var<'g, T>| without_subnormals(old * self.rho + x * x * (1.0 - self.rho));
        let one = |&Update { spec, value, .. }: &Update<'g, '_, T>| {
            let gradients = memory.recall(&spec.name, "mean_square", spec.shape);
            let steps = memory.recall(&spec.name, "mean_square_step", spec.shape);
            let new = mean(gradients, value);
            let step = (steps + self.epsilon).sqrt() / (new + self.epsilon).sqrt() * value;
            memory.keep(gradients, new);
            memory.keep(steps, mean(steps, step));
            step
        };
        updates.iter().map(one).collect()
    }

    fn check(&self) -> Result<(), HyperparameterError> {
        HyperparameterError::unless_share("rho", self.rho)?;
        HyperparameterError::unless_epsilon(self.epsilon)
    }
}
