//! Stochastic gradient Langevin dynamics: gradient descent with noise that samples a distribution of weights
//! (Welling and Teh, ICML 2011).
//!
//! ```text
//! w := w - ε ∇U(w) + √(2 ε τ) ν,    ν ~ N(0, 1)
//! ```
//!
//! For small `ε` the weights come to be distributed like `e^(-U(w) / τ)`. So with `U` the negative log-posterior
//! and `τ = 1` a training becomes a sampler of the posterior. If the loss is the *mean* over `N` examples, `U` is
//! `N` times it, which is the same as the temperature `τ = 1/N`. (The authors write `ε/2` for our `ε`.)
//!
//! On a quadratic `U = λ/2 w²` the chain is an autoregression, and what finite steps do is known exactly: the
//! stationary variance is `τ / (λ (1 - ελ/2))`, not `τ/λ`.
//!
//! It stands last in the chain, after [`ScaleByLearningRate`](nn::optimise::ScaleByLearningRate); the learning
//! rate says how much noise there is.
//!
//! ```
//! use autograd::{Feed, Graph, Parameters, Tensor, interpret};
//! use nn::{Initialiser, LEARNING_RATE, Optimiser, ParameterSpec, Role};
//! use regularize::Langevin;
//! let sampler = Optimiser::<f64>::sgd(1e-3).then(Langevin::new(0.5)?);
//!
//! // One step from 3 on a loss of slope 2, at a learning rate of ¼: 3 - ¼ · 2 + √(2 · ¼ · ½) ν.
//! let (name, shape) = ("w".to_string(), [1].into());
//! let spec = ParameterSpec { name, shape, role: Role::Weight, initialiser: Initialiser::Zeros };
//! let graph = Graph::new();
//! let step = sampler.apply(&graph, &[spec], &[graph.fill([1], 2.0)]);
//! let noise = graph.normal("w.langevin", [1]);
//! let values: Parameters<f64> = [("w", Tensor::full([1], 3.0))].into_iter().collect();
//! let (_, new) = step.updates[0];
//! let found = interpret(&[new, noise], &[(LEARNING_RATE, Feed::from(0.25))], Some(&values))?;
//! assert!((found[0].item() - (2.5 + 0.5 * found[1].item())).abs() < 1e-15);
//! # Ok::<(), regularize::RegularizeError>(())
//! ```

use crate::error::{RegularizeError, at_least_zero};
use autograd::{Real, Var};
use nn::optimise::{Memory, Transform, Update};

/// Adds noise of variance `2 ε τ` to every step. See the [module documentation](self).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Langevin {
    temperature: f64,
}

impl Langevin {
    /// Noise for the temperature `τ`; 0 is plain gradient descent. A parameter's stream is
    /// `PARAMETER.langevin`.
    ///
    /// # Errors
    /// If the temperature is negative or not finite.
    pub fn new(temperature: f64) -> Result<Langevin, RegularizeError> {
        Ok(Langevin { temperature: at_least_zero("temperature", temperature)? })
    }

    /// `τ`.
    pub fn temperature(&self) -> f64 {
        self.temperature
    }
}

impl<T: Real> Transform<T> for Langevin {
    /// With `τ = 0` the same updates.
    fn transform<'g>(&self, updates: &[Update<'g, '_, T>], memory: &mut Memory<'g, T>) -> Vec<Var<'g, T>> {
        if self.temperature == 0.0 || updates.is_empty() {
            return updates.iter().map(|update| update.value).collect();
        }
        let deviation = (memory.learning_rate() * (2.0 * self.temperature)).sqrt();
        let noisy = |update: &Update<'g, '_, T>| {
            let stream = format!("{}.langevin", update.spec.name);
            update.value - deviation.graph().normal(&stream, update.spec.shape) * deviation
        };
        updates.iter().map(noisy).collect()
    }
}

#[cfg(test)]
mod tests;
