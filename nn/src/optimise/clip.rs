//! Bounds on updates (Pascanu, Mikolov, Bengio, ICML 2013; *Deep Learning*, section 10.11.1).

use super::{HyperparameterError, Memory, Transform, Update};
use autograd::{Real, Var};

/// Cuts each element of each update to `[-limit, limit]`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClipValue(pub f64);

impl<T: Real> Transform<T> for ClipValue {
    fn transform<'g>(&self, updates: &[Update<'g, '_, T>], _: &mut Memory<'g, T>) -> Vec<Var<'g, T>> {
        updates.iter().map(|update| update.value.clamp(-self.0, self.0)).collect()
    }

    fn check(&self) -> Result<(), HyperparameterError> {
        HyperparameterError::unless(self.0 > 0.0, "limit of values", self.0, "above 0")
    }
}

/// Scales all updates by `min(1, limit / ‖u‖)`, where `‖u‖` is the norm of all of them as one vector: the
/// direction stays.
///
/// The squares are added up in the graph's precision: in `f32` a norm above 1e19 counts as infinite, and
/// the step is then none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClipGlobalNorm(pub f64);

impl<T: Real> Transform<T> for ClipGlobalNorm {
    fn transform<'g>(&self, updates: &[Update<'g, '_, T>], _: &mut Memory<'g, T>) -> Vec<Var<'g, T>> {
        let squares = updates.iter().map(|update| update.value.norm_squared()).reduce(|a, b| a + b);
        let Some(square) = squares else { return Vec::new() };
        // At the zero vector the quotient is infinite and the factor 1.
        let factor = (self.0 / square.sqrt()).minimum(1.0);
        updates.iter().map(|update| update.value * factor).collect()
    }

    fn check(&self) -> Result<(), HyperparameterError> {
        HyperparameterError::unless(self.0 > 0.0, "limit of the global norm", self.0, "above 0")
    }
}
