//! Annealed noise on gradients: `g + σ(t) ν`, `σ(t)² = η / (1 + t)^γ` (Neelakantan et al., *Adding Gradient Noise
//! Improves Learning for Very Deep Networks*, 2015, equation 1).
//!
//! Noise that is large at first and dies out lets a training leave bad regions early and settle later. The
//! authors use `γ = 0.55` and `η` of 0.01, 0.3 or 1.
//!
//! It is a link of the optimiser's chain, usually the first: the noise is then part of the gradient, and
//! momentum or Adam treat it so. Steps `t` are counted from 0 in a parameter of
//! [`Role::State`](nn::Role::State), so that a training which is interrupted goes on with the right noise.
//!
//! ```
//! use nn::Optimiser;
//! use regularize::noise::GradientNoise;
//! let noise = GradientNoise::new(0.01)?;
//! let optimiser = Optimiser::<f32>::adam(1e-3).first(noise);
//! # let _ = optimiser;
//! assert_eq!(noise.deviation(0), 0.1);
//! assert_eq!(noise.with_decay(1.0)?.deviation(3), 0.05); // √(0.01 / 4)
//! assert_eq!(noise.with_decay(0.0)?.deviation(1_000_000), 0.1);
//! # Ok::<(), regularize::RegularizeError>(())
//! ```

use crate::error::{RegularizeError, at_least_zero};
use autograd::{Real, Shape, Var};
use nn::optimise::{Memory, Transform, Update};

/// Adds annealed noise to every update. See the [module documentation](self).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GradientNoise {
    eta: f64,
    gamma: f64,
}

impl GradientNoise {
    /// Noise of variance `eta` in the first step, with the authors' decay `γ = 0.55`. A parameter's stream is
    /// `PARAMETER.gradient_noise`.
    ///
    /// # Errors
    /// If `eta` is negative or not finite.
    pub fn new(eta: f64) -> Result<GradientNoise, RegularizeError> {
        Ok(GradientNoise { eta: at_least_zero("variance of the gradient noise", eta)?, gamma: 0.55 })
    }

    /// The same with another exponent; 0 is noise that does not die out.
    ///
    /// # Errors
    /// If `gamma` is negative or not finite.
    pub fn with_decay(self, gamma: f64) -> Result<GradientNoise, RegularizeError> {
        Ok(GradientNoise { gamma: at_least_zero("decay of the gradient noise", gamma)?, ..self })
    }

    /// `σ(t)` of step `t`, counted from 0.
    pub fn deviation(&self, step: u64) -> f64 {
        (self.eta / (1.0 + step as f64).powf(self.gamma)).sqrt()
    }
}

impl<T: Real> Transform<T> for GradientNoise {
    /// With `η = 0` the same updates, and nothing is remembered.
    fn transform<'g>(&self, updates: &[Update<'g, '_, T>], memory: &mut Memory<'g, T>) -> Vec<Var<'g, T>> {
        let unchanged: Vec<_> = updates.iter().map(|update| update.value).collect();
        if self.eta == 0.0 || updates.is_empty() {
            return unchanged;
        }
        let step = memory.recall("gradient_noise", "step", Shape::SCALAR);
        let next = step + 1.0;
        memory.keep(step, next);
        let deviation = (next.powf(-self.gamma) * self.eta).sqrt();
        let noisy = |update: &Update<'g, '_, T>| {
            let stream = format!("{}.gradient_noise", update.spec.name);
            update.value + step.graph().normal(&stream, update.spec.shape) * deviation
        };
        updates.iter().map(noisy).collect()
    }
}

#[cfg(test)]
mod tests;
