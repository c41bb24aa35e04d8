//! RMSProp's scaling.

use super::{HyperparameterError, Memory, Transform, Update, without_subnormals};
use autograd::{Real, Var};

/// Divides each element by the root of the running mean of its squares (Hinton, Coursera lecture 6e, 2012;
/// *Deep Learning*, algorithm 8.5, whose `δ` stands under the root):
///
/// ```text
/// r := ρ r + (1 - ρ) u²        new update = u / √(r + δ)
/// ```
///
/// Centred (Graves, arXiv 1308.0850, equations 38 to 41), the running *variance* takes the place of the mean
/// square: `r - m²` with `m := ρ m + (1 - ρ) u`. It is computed as
///
/// ```text
/// d = u - m        m := m + (1 - ρ) d        r := ρ (r + (1 - ρ) d²)
/// ```
///
/// which is the same number without a difference that could round to below zero.
///
/// Slots `mean_square`, or `mean` and `variance`. With momentum (algorithm 8.6): [`Momentum`](super::Momentum)
/// behind it.
///
/// ```
/// use nn::optimise::{Momentum, RmsScaling, ScaleByLearningRate};
/// use nn::Optimiser;
/// let optimiser = Optimiser::<f32>::new(0.001)
///     .then(RmsScaling { centred: true, ..RmsScaling::default() })
///     .then(Momentum { momentum: 0.9, nesterov: false })
///     .then(ScaleByLearningRate);
/// assert!(optimiser.check().is_ok());
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RmsScaling {
    /// The share of the means that stays, `ρ` in [0, 1).
    pub rho: f64,
    /// What is added under the root, `δ`.
    pub epsilon: f64,
    /// Whether to divide by the deviation from the mean.
    pub centred: bool,
}

impl Default for RmsScaling {
    /// Not centred, with Hinton's `ρ = 0.9` and the book's `δ = 1e-6`.
    fn default() -> RmsScaling {
        RmsScaling { rho: 0.9, epsilon: 1e-6, centred: false }
    }
}

impl<T: Real> Transform<T> for RmsScaling {
    fn transform<'g>(&self, updates: &[Update<'g, '_, T>], memory: &mut Memory<'g, T>) -> Vec<Var<'g, T>> {
        let one = |&Update { spec, value, .. }: &Update<'g, '_, T>| {
            let deviation = if self.centred {
                let mean = memory.recall(&spec.name, "mean", spec.shape);
                let deviation = value - mean;
                memory.keep(mean, without_subnormals(mean + deviation * (1.0 - self.rho)));
                deviation
            } else {
                value
            };
            let old =
                memory.recall(&spec.name, if self.centred { "variance" } else { "mean_square" }, spec.shape);
            let square = deviation * deviation * (1.0 - self.rho);
            // The variance is of the old mean and the new value, each with its share: hence ρ on both.
            let new = if self.centred { (old + square) * self.rho } else { old * self.rho + square };
            let new = without_subnormals(new);
            memory.keep(old, new);
            value / (new + self.epsilon).sqrt()
        };
        updates.iter().map(one).collect()
    }

    fn check(&self) -> Result<(), HyperparameterError> {
        HyperparameterError::unless_share("rho", self.rho)?;
        HyperparameterError::unless_epsilon(self.epsilon)
    }
}
