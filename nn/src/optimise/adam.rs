//! Adam's scaling.

use super::{HyperparameterError, Memory, Transform, Update, root_of_mean_square, without_subnormals};
use autograd::{Real, Shape, Var};

/// Divides an averaged update by the root of its averaged square (Kingma and Ba, ICLR 2015, algorithm 1):
///
/// ```text
/// m := β₁ m + (1 - β₁) u        v := β₂ v + (1 - β₂) u²        t := t + 1
/// new update = m/(1 - β₁ᵗ) / (√(v/(1 - β₂ᵗ)) + ε)
/// ```
///
/// Slots `first_moment` and `second_moment` of each parameter, and `adam/steps`, which is `t`; AMSGrad also
/// `largest_second_moment`.
///
/// ```
/// use nn::optimise::{AdamScaling, ScaleByLearningRate};
/// use nn::Optimiser;
/// // What `Optimiser::adam(1e-3)` is.
/// let optimiser = Optimiser::<f32>::new(1e-3).then(AdamScaling::default()).then(ScaleByLearningRate);
/// assert!(optimiser.check().is_ok());
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamScaling {
    /// The share of the mean that stays, `β₁` in [0, 1).
    pub beta1: f64,
    /// The share of the mean square that stays, `β₂` in [0, 1).
    pub beta2: f64,
    /// What is added to the root, `ε`.
    pub epsilon: f64,
    /// Whether the divisor is of the largest `v/(1 - β₂ᵗ)` so far, so that it never falls and the step of a
    /// rare large gradient is not forgotten (Reddi, Kale, Kumar, ICLR 2018, algorithm 2, which leaves out
    /// the corrections `1 - βᵗ`; here they are Adam's, inside the maximum).
    pub amsgrad: bool,
}

impl Default for AdamScaling {
    /// The authors' constants: 0.9, 0.999, 1e-8. Not AMSGrad.
    fn default() -> AdamScaling {
        AdamScaling { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, amsgrad: false }
    }
}

/// `1 / (1 - βᵗ)` for `t ≥ 1`, a scalar.
///
/// `βᵗ = e⁻ᵃ` with `a = -t ln β`, and `1 - e⁻ᵃ = 2h/(1 + h)` with `h = tanh(a/2)`. Taking `βᵗ` from 1 would
/// cost `f32` four digits at the first steps, where it is 0.999: its rounding error of 3e-8 stands against
/// a difference of 1e-3.
fn correction<'g, T: Real>(beta: f64, t: Var<'g, T>) -> Var<'g, T> {
    let h = if beta > 0.0 { (t * (-0.5 * beta.ln())).tanh() } else { t.like(1.0) };
    (h + 1.0) / (h * 2.0)
}

impl<T: Real> Transform<T> for AdamScaling {
    fn transform<'g>(&self, updates: &[Update<'g, '_, T>], memory: &mut Memory<'g, T>) -> Vec<Var<'g, T>> {
        // A count in f32 is exact up to 2^24 steps and stays there; the corrections are 1 long before.
        let steps = memory.recall("adam", "steps", Shape::SCALAR);
        let t = steps + 1.0;
        memory.keep(steps, t);
        let (unbias1, unbias2) = (correction(self.beta1, t), correction(self.beta2, t));
        let mut scaled = Vec::new();
        for &Update { spec, value, .. } in updates {
            let old1 = memory.recall(&spec.name, "first_moment", spec.shape);
            let old2 = memory.recall(&spec.name, "second_moment", spec.shape);
            let first = without_subnormals(old1 * self.beta1 + value * (1.0 - self.beta1));
            let second = without_subnormals(old2 * self.beta2 + value * value * (1.0 - self.beta2));
            memory.keep(old1, first);
            memory.keep(old2, second);
            let mut square = second * unbias2;
            if self.amsgrad {
                let largest = memory.recall(&spec.name, "largest_second_moment", spec.shape);
                square = largest.maximum(square);
                memory.keep(largest, square);
            }
            scaled.push(first * unbias1 / (root_of_mean_square(square) + self.epsilon));
        }
        scaled
    }

    fn check(&self) -> Result<(), HyperparameterError> {
        HyperparameterError::unless_share("beta1", self.beta1)?;
        HyperparameterError::unless_share("beta2", self.beta2)?;
        HyperparameterError::unless_epsilon(self.epsilon)
    }
}
