//! Lion's direction.

use super::{HyperparameterError, Memory, Transform, Update, without_subnormals};
use autograd::{Real, Var};

/// The sign of an average of gradient and momentum (Chen et al., NeurIPS 2023, algorithm 2):
///
/// ```text
/// new update = sign(β₁ m + (1 - β₁) u)        m := β₂ m + (1 - β₂) u
/// ```
///
/// One slot, `momentum`. Every element moves by the learning rate exactly, or not at all where the average is
/// 0; the paper takes a rate three to ten times below Adam's and a decay as many times above. Decay is
/// decoupled: [`AddDecayedWeights`](super::AddDecayedWeights) behind it.
///
/// ```
/// use nn::optimise::{LionDirection, ScaleByLearningRate};
/// use nn::Optimiser;
/// // What `Optimiser::lion(1e-4, 0.0)` is.
/// let optimiser = Optimiser::<f32>::new(1e-4).then(LionDirection::default()).then(ScaleByLearningRate);
/// assert!(optimiser.check().is_ok());
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LionDirection {
    /// The share of the momentum in the direction, `β₁` in [0, 1).
    pub beta1: f64,
    /// The share of the momentum that stays, `β₂` in [0, 1).
    pub beta2: f64,
}

impl Default for LionDirection {
    /// The authors' constants: 0.9, 0.99.
    fn default() -> LionDirection {
        LionDirection { beta1: 0.9, beta2: 0.99 }
    }
}

impl<T: Real> Transform<T> for LionDirection {
    fn transform<'g>(&self, updates: &[Update<'g, '_, T>], memory: &mut Memory<'g, T>) -> Vec<Var<'g, T>> {
        let one = |&Update { spec, value, .. }: &Update<'g, '_, T>| {
            let old = memory.recall(&spec.name, "momentum", spec.shape);
            memory.keep(old, without_subnormals(old * self.beta2 + value * (1.0 - self.beta2)));
            (old * self.beta1 + value * (1.0 - self.beta1)).sign()
        };
        updates.iter().map(one).collect()
    }

    fn check(&self) -> Result<(), HyperparameterError> {
        HyperparameterError::unless_share("beta1", self.beta1)?;
        HyperparameterError::unless_share("beta2", self.beta2)
    }
}
