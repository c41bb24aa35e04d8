//! Multiplying updates by a number.

use super::{HyperparameterError, Memory, Transform, Update};
use autograd::{Real, Var};

/// Multiplies every update by a fixed number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale(pub f64);

impl<T: Real> Transform<T> for Scale {
    fn transform<'g>(&self, updates: &[Update<'g, '_, T>], _: &mut Memory<'g, T>) -> Vec<Var<'g, T>> {
        updates.iter().map(|update| update.value * self.0).collect()
    }

    fn check(&self) -> Result<(), HyperparameterError> {
        HyperparameterError::unless(self.0.is_finite(), "scale", self.0, "finite")
    }
}

/// Multiplies every update by the learning rate, which is fed at each step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScaleByLearningRate;

impl<T: Real> Transform<T> for ScaleByLearningRate {
    fn transform<'g>(&self, updates: &[Update<'g, '_, T>], memory: &mut Memory<'g, T>) -> Vec<Var<'g, T>> {
        let rate = memory.learning_rate();
        updates.iter().map(|update| update.value * rate).collect()
    }
}
