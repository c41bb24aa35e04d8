//! AdaGrad's scaling.

use super::{HyperparameterError, Memory, Transform, Update, root_of_mean_square};
use autograd::{Real, Var};

/// Divides each element by the root of the sum of all its squares so far (Duchi, Hazan, Singer, JMLR 2011;
/// *Deep Learning*, algorithm 8.4):
///
/// ```text
/// r := r + u²        new update = u / (δ + √r)
/// ```
///
/// One slot, `sum_of_squares`. It only grows, so steps only shrink: right for convex problems and rare
/// features, too early an end for deep networks.
///
/// ```
/// use nn::optimise::{AdaGradScaling, ScaleByLearningRate};
/// use nn::Optimiser;
/// // What `Optimiser::adagrad(0.1)` is.
/// let optimiser = Optimiser::<f32>::new(0.1).then(AdaGradScaling::default()).then(ScaleByLearningRate);
/// assert!(optimiser.check().is_ok());
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdaGradScaling {
    /// What is added to the root, `δ`.
    pub epsilon: f64,
}

impl Default for AdaGradScaling {
    /// The book's constant: 1e-7.
    fn default() -> AdaGradScaling {
        AdaGradScaling { epsilon: 1e-7 }
    }
}

impl<T: Real> Transform<T> for AdaGradScaling {
    fn transform<'g>(&self, updates: &[Update<'g, '_, T>], memory: &mut Memory<'g, T>) -> Vec<Var<'g, T>> {
        let one = |update: &Update<'g, '_, T>| {
            let old = memory.recall(&update.spec.name, "sum_of_squares", update.spec.shape);
            // No `without_subnormals`: a sum that never decays does not come to them by itself.
            let sum = old + update.value * update.value;
            memory.keep(old, sum);
            update.value / (root_of_mean_square(sum) + self.epsilon)
        };
        updates.iter().map(one).collect()
    }

    fn check(&self) -> Result<(), HyperparameterError> {
        HyperparameterError::unless_epsilon(self.epsilon)
    }
}
