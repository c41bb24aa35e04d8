//! Penalties on activations: `J + α/m Σ Ω(h)` over the `m` examples of a batch (*Deep Learning*, equation
//! 7.48).
//!
//! | penalty | `Ω` of an example, or of a batch | source |
//! |---|---|---|
//! | [`ActivationL1`] | `Σⱼ abs(hⱼ)` | book 7.10; Glorot et al. 2011 use 1e-3 |
//! | [`StudentT`] | `(ν + 1)/2 Σⱼ ln(1 + hⱼ²/ν)`: minus the logarithm of Student's density | Olshausen and Field 1996 (`ν = 1`); Bergstra 2011 |
//! | [`TargetRate`] | `Σⱼ KL(ρ ‖ ρ̂ⱼ)`, `ρ̂ⱼ` the mean of `hⱼ` over the batch | Larochelle and Bengio 2008; Ng 2011 |
//!
//! The first two are sums over examples. The third sees a unit's mean only: a unit may be fully active for
//! some examples, if it is silent for most. `h` is `[m, ..]`, of any rank above 0.
//!
//! ```
//! use autograd::{Feed, Graph, Tensor, interpret};
//! use regularize::sparsity::{ActivationL1, ActivationPenalty, TargetRate};
//! let graph = Graph::<f64>::new();
//! let h = graph.input("h", [2, 2]);
//! let values = [ActivationL1::new(0.5)?.value(h), TargetRate::new(1.0, 0.25)?.value(h)];
//! let two_examples = Tensor::new([2, 2], vec![0.5, 0.0, 0.0, 0.5]);
//! let found = interpret(&values, &[("h", Feed::from(&two_examples))], None)?;
//! assert_eq!(found[0].item(), 0.25);
//! assert_eq!(found[1].item(), 0.0); // each unit's mean is 0.25
//! # Ok::<(), regularize::RegularizeError>(())
//! ```

use crate::error::{RegularizeError, above_zero, at_least_zero};
use autograd::{Real, Var};
use nn::optimise::HyperparameterError;
use std::fmt::Debug;

/// A mean rate nearer to 0 or 1 than this counts as this near: the divergence and its gradient stay finite
/// when a unit is silent for a whole batch.
const NEAREST: f64 = 1e-12;

/// A penalty on what a layer says, not on its weights.
///
/// One of your own, the mean over examples of the largest activation:
///
/// ```
/// use autograd::{Graph, Tensor, Var, interpret};
/// use regularize::sparsity::ActivationPenalty;
/// #[derive(Debug)]
/// struct Loudest(f64);
/// impl ActivationPenalty<f64> for Loudest {
///     fn value<'g>(&self, h: Var<'g, f64>) -> Var<'g, f64> {
///         h.abs().max_over(&[-1]).mean() * self.0
///     }
///     fn is_zero(&self) -> bool {
///         self.0 == 0.0
///     }
/// }
/// let graph = Graph::new();
/// let h = graph.constant(Tensor::new([2, 2], vec![1.0, -3.0, 5.0, 0.0]));
/// let sum = Loudest(0.5).added_to(graph.fill([], 10.0), &[h, h]); // two layers
/// assert_eq!(interpret(&[sum], &[], None)?[0].item(), 10.0 + 2.0 * 0.5 * 4.0);
/// # Ok::<(), autograd::RunError>(())
/// ```
pub trait ActivationPenalty<T: Real>: Debug + Send + Sync {
    /// The penalty of a layer's activations `[m, ..]`, a scalar; 0 if there are none.
    fn value<'g>(&self, h: Var<'g, T>) -> Var<'g, T>;

    /// Whether the penalty is 0 whatever the activations are.
    fn is_zero(&self) -> bool;

    /// `J` and the penalty of each of `layers`. With strength 0 or no layers, the variable `objective` itself.
    #[track_caller]
    fn added_to<'g>(&self, objective: Var<'g, T>, layers: &[Var<'g, T>]) -> Var<'g, T> {
        if self.is_zero() {
            return objective;
        }
        let mut sum = objective;
        for &h in layers {
            sum = sum + self.value(h);
        }
        sum
    }
}

/// How many examples `h` has, at least 1.
#[track_caller]
fn examples<T: Real>(penalty: &str, h: Var<'_, T>) -> f64 {
    let shape = h.shape();
    assert!(shape.rank() > 0, "{penalty}: activations have an axis of examples, a scalar has none");
    shape[0].max(1) as f64
}

/// `α/m Σ abs(h)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ActivationL1 {
    alpha: f64,
}

impl ActivationL1 {
    /// The penalty with coefficient `alpha`.
    ///
    /// # Errors
    /// If `alpha` is negative or not finite.
    pub fn new(alpha: f64) -> Result<ActivationL1, RegularizeError> {
        Ok(ActivationL1 { alpha: at_least_zero("L1 coefficient of activations", alpha)? })
    }
}

impl<T: Real> ActivationPenalty<T> for ActivationL1 {
    /// At 0 the derivative is 0: a silent rectifier is not pulled anywhere.
    ///
    /// # Panics
    /// If `h` is a scalar.
    #[track_caller]
    fn value<'g>(&self, h: Var<'g, T>) -> Var<'g, T> {
        h.abs().sum() * (self.alpha / examples("ActivationL1", h))
    }

    fn is_zero(&self) -> bool {
        self.alpha == 0.0
    }
}

/// `α/m (ν + 1)/2 Σ ln(1 + h²/ν)`: activations as if drawn from Student's distribution with `ν` degrees of
/// freedom. Its pull `α (ν + 1) h/(ν + h²)` is strongest at `h = √ν` and fades beyond: large activations are
/// let be, small ones shrink. `ν = 1` is `α Σ ln(1 + h²)`; for `ν → ∞` it becomes `α/2 Σ h²`.
///
/// ```
/// use autograd::{Graph, Tensor, grad, interpret};
/// use regularize::sparsity::{ActivationPenalty, StudentT};
/// let graph = Graph::<f64>::new();
/// let h = graph.constant(Tensor::new([1, 3], vec![0.0, 1.0, 3.0])); // one example
/// let omega = StudentT::new(1.0, 1.0)?.value(h);
/// let found = interpret(&[omega, grad(omega, &[h])[0]], &[], None)?;
/// assert!((found[0].item() - (2f64.ln() + 10f64.ln())).abs() < 1e-15);
/// let pull = found[1].data(); // 2 h / (1 + h²)
/// assert!(pull[0] == 0.0 && (pull[1] - 1.0).abs() < 1e-15 && (pull[2] - 0.6).abs() < 1e-15);
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StudentT {
    alpha: f64,
    freedom: f64,
}

impl StudentT {
    /// The penalty with coefficient `alpha` and `freedom`, the `ν` of the formula.
    ///
    /// # Errors
    /// If `alpha` is negative, `freedom` is not above 0, or one is not finite.
    pub fn new(alpha: f64, freedom: f64) -> Result<StudentT, RegularizeError> {
        let alpha = at_least_zero("coefficient of Student's penalty", alpha)?;
        above_zero("degrees of freedom", freedom)?;
        Ok(StudentT { alpha, freedom })
    }
}

impl<T: Real> ActivationPenalty<T> for StudentT {
    /// # Panics
    /// If `h` is a scalar.
    #[track_caller]
    fn value<'g>(&self, h: Var<'g, T>) -> Var<'g, T> {
        let scale = self.alpha * (self.freedom + 1.0) / (2.0 * examples("StudentT", h));
        (h.powi(2) * self.freedom.recip() + 1.0).ln().sum() * scale
    }

    fn is_zero(&self) -> bool {
        self.alpha == 0.0
    }
}

/// `α Σⱼ ρ ln(ρ/ρ̂ⱼ) + (1 - ρ) ln((1 - ρ)/(1 - ρ̂ⱼ))`, `ρ̂ⱼ` the mean activation of unit `j` over the batch: for
/// activations between 0 and 1. A mean within 1e-12 of 0 or 1 counts as that near, so that the penalty stays
/// finite.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::sparsity::{ActivationPenalty, TargetRate};
/// let graph = Graph::<f64>::new();
/// // Two examples of two units: means of ½ and of ¼.
/// let h = graph.constant(Tensor::new([2, 2], vec![1.0, 0.25, 0.0, 0.25]));
/// let omega = TargetRate::new(2.0, 0.5)?.value(h);
/// // The first is at the target. KL(½ ‖ ¼) = ½ ln 2 + ½ ln ⅔ = ½ ln (4/3).
/// assert!((interpret(&[omega], &[], None)?[0].item() - (4f64 / 3.0).ln()).abs() < 1e-15);
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TargetRate {
    alpha: f64,
    rate: f64,
}

impl TargetRate {
    /// The penalty with coefficient `alpha` for the target `rate`, the `ρ` of the formula.
    ///
    /// # Errors
    /// If `alpha` is negative or not finite, or `rate` is not between 0 and 1.
    pub fn new(alpha: f64, rate: f64) -> Result<TargetRate, RegularizeError> {
        let alpha = at_least_zero("coefficient of the target rate", alpha)?;
        HyperparameterError::unless(rate > 0.0 && rate < 1.0, "target rate", rate, "between 0 and 1")?;
        Ok(TargetRate { alpha, rate })
    }
}

impl<T: Real> ActivationPenalty<T> for TargetRate {
    /// # Panics
    /// If `h` is a scalar.
    #[track_caller]
    fn value<'g>(&self, h: Var<'g, T>) -> Var<'g, T> {
        let (rho, scale) = (self.rate, 1.0 / examples("TargetRate", h));
        if h.shape().numel() == 0 {
            return h.graph().fill([], 0.0);
        }
        let mean = h.sum_over(&[0]) * scale;
        // ρ ln(ρ/ρ̂) + ..., with the entropy of ρ taken out of the logarithms of variables.
        let active = (mean.maximum(NEAREST) * rho.recip()).ln() * -rho;
        let silent = ((1.0 - mean).maximum(NEAREST) * (1.0 - rho).recip()).ln() * -(1.0 - rho);
        (active + silent).sum() * self.alpha
    }

    fn is_zero(&self) -> bool {
        self.alpha == 0.0
    }
}

#[cfg(test)]
mod tests;
