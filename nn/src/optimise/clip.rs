//! Bounds on updates (Pascanu, Mikolov, Bengio, ICML 2013; *Deep Learning*, section 10.11.1).

use super::{HyperparameterError, Memory, Transform, Update};
use autograd::{Real, Var};

/// Cuts each element of each update to `[-limit, limit]`, infinities too; a NaN stays NaN.
///
/// ```
/// use nn::optimise::ClipValue;
/// use nn::Optimiser;
/// let optimiser = Optimiser::<f32>::sgd(0.1).first(ClipValue(0.5));
/// assert!(optimiser.check().is_ok());
/// ```
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

/// Scales each update by `min(1, limit / ‖u‖)`, where `‖u‖` is the norm of that parameter's update alone: its
/// direction stays, that of all parameters together may change.
///
/// Norms that are not finite: as for [`ClipGlobalNorm`], but within the one parameter.
///
/// ```
/// use nn::optimise::ClipNorm;
/// use nn::Optimiser;
/// let optimiser = Optimiser::<f32>::sgd(0.1).first(ClipNorm(1.0));
/// assert!(optimiser.check().is_ok());
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClipNorm(pub f64);

impl<T: Real> Transform<T> for ClipNorm {
    fn transform<'g>(&self, updates: &[Update<'g, '_, T>], _: &mut Memory<'g, T>) -> Vec<Var<'g, T>> {
        let one = |u: &Update<'g, '_, T>| u.value * shrinkage(self.0, u.value.norm_squared());
        updates.iter().map(one).collect()
    }

    fn check(&self) -> Result<(), HyperparameterError> {
        HyperparameterError::unless(self.0 > 0.0, "limit of the norm", self.0, "above 0")
    }
}

/// Scales all updates by `min(1, limit / ‖u‖)`, where `‖u‖` is the norm of all of them as one vector: the
/// direction stays.
///
/// The squares are added up in the graph's precision. Where they are no number of it:
///
/// | the updates have | the norm is | the updates become |
/// |---|---|---|
/// | a NaN | NaN | NaN, all of them: the step cannot pass for one, and the [`Trainer`](crate::Trainer) stops and goes back |
/// | an infinity | ∞ | NaN where they were infinite, 0 elsewhere |
/// | in `f32`, a norm above 1e19 | ∞ | 0: no step |
///
/// ```
/// use nn::optimise::ClipGlobalNorm;
/// use nn::Optimiser;
/// let optimiser = Optimiser::<f32>::adam(1e-3).first(ClipGlobalNorm(1.0));
/// assert!(optimiser.check().is_ok());
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClipGlobalNorm(pub f64);

impl<T: Real> Transform<T> for ClipGlobalNorm {
    fn transform<'g>(&self, updates: &[Update<'g, '_, T>], _: &mut Memory<'g, T>) -> Vec<Var<'g, T>> {
        let squares = updates.iter().map(|update| update.value.norm_squared()).reduce(|a, b| a + b);
        let Some(square) = squares else { return Vec::new() };
        let factor = shrinkage(self.0, square);
        updates.iter().map(|update| update.value * factor).collect()
    }

    fn check(&self) -> Result<(), HyperparameterError> {
        HyperparameterError::unless(self.0 > 0.0, "limit of the global norm", self.0, "above 0")
    }
}

/// `min(1, limit / √square)`. At the zero vector the quotient is infinite and the factor 1; a NaN stays one.
fn shrinkage<T: Real>(limit: f64, square: Var<'_, T>) -> Var<'_, T> {
    (limit / square.sqrt()).minimum(1.0)
}
