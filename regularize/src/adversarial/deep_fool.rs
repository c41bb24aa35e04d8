//! The nearest decision boundary, were the network affine: DeepFool (Moosavi-Dezfooli, Fawzi, Frossard, CVPR
//! 2016).
//!
//! Around `x` each class `k` is separated from the predicted one, `p`, by a hyperplane: with `f = z_k - z_p`
//! and `w = ∇z_k - ∇z_p`, its distance is `|f| / ‖w‖` in the dual norm, and the shortest way to it
//!
//! | norm | step to the nearest hyperplane |
//! |---|---|
//! | [`Norm::Two`] | `|f| w / ‖w‖₂²` |
//! | [`Norm::Infinity`] | `|f| sign(w) / ‖w‖₁` |
//!
//! The attack goes there, looks again, and stops when the class has changed. What it goes is lengthened by a
//! factor `1 + overshoot`, to be beyond the boundary and not on it. For an affine network one step is exact:
//! `min_k |z_k - z_p| / ‖w_k - w_p‖` is the distance.
//!
//! It looks for the smallest perturbation and knows no budget; an example that is wrong already stays where it
//! is. With a target only that class's hyperplane counts.

use super::attack::{Attack, Evidence, Moved};
use super::evaluator::classes_of;
use super::norm::Norm;
use super::threat::Threat;
use super::victim::{Targets, Victim};
use crate::error::{RegularizeError, at_least_one, at_least_zero};
use crate::host::rows;
use autograd::Real;

/// DeepFool. See the [module documentation](self).
///
/// ```
/// use autograd::{Parameters, Tensor};
/// use nn::{Sequential, data::Dataset};
/// use regularize::adversarial::{AttackEvaluator, DeepFool, Threat};
/// let model = Sequential::<f64>::new(); // the logits are the inputs
/// let data = Dataset::new(Tensor::new([1, 2], vec![0.625, 0.375]), Tensor::new([1], vec![0]), 2)?;
/// let attack = DeepFool::new(Threat::two(2.0)?.within(0.0, 1.0)?, 50)?.overshoot(0.1)?;
/// let found = AttackEvaluator::new(&model, attack, 1).attack(&data, &Parameters::new())?;
/// // The distance to the boundary, 0.25/√2, and a tenth more.
/// assert!((found.norms[0] - 1.1 * 0.25 / 2f64.sqrt()).abs() < 1e-12 && found.success[0]);
/// assert!(DeepFool::new(Threat::one(1.0)?, 50).is_err());
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DeepFool {
    threat: Threat,
    steps: usize,
    overshoot: f64,
}

impl DeepFool {
    /// At most `steps` steps, an overshoot of 0.02. The threat's budget is only what results are judged by.
    ///
    /// # Errors
    /// If there is no step, or the norm is not 2 or infinity.
    pub fn new(threat: Threat, steps: usize) -> Result<DeepFool, RegularizeError> {
        at_least_one("attack's number of steps", steps)?;
        if !matches!(threat.norm(), Norm::Two | Norm::Infinity) {
            let needs = "the Euclidean or the infinity norm";
            return Err(RegularizeError::AttackNeeds { attack: "DeepFool", needs });
        }
        Ok(DeepFool { threat, steps, overshoot: 0.02 })
    }

    /// The same with another overshoot; with 0 it ends on the boundary of an affine network.
    ///
    /// # Errors
    /// If it is negative or not finite.
    pub fn overshoot(self, overshoot: f64) -> Result<DeepFool, RegularizeError> {
        Ok(DeepFool { overshoot: at_least_zero("DeepFool's overshoot", overshoot)?, ..self })
    }

    /// The shortest step to the nearest hyperplane: of class `from`, given logits and their gradients, one row
    /// after the other. Entries of `point` that meet the box stay. `None` if no gradient differs from that of
    /// `from`.
    fn shortest(
        &self,
        point: &[f64],
        logits: &[f64],
        slopes: &[f64],
        from: usize,
        to: Option<usize>,
    ) -> Option<Vec<f64>> {
        let width = slopes.len() / logits.len();
        let dual = self.threat.norm().dual();
        let mut nearest: Option<(f64, Vec<f64>, f64)> = None;
        for class in (0..logits.len()).filter(|&k| k != from && to.is_none_or(|to| to == k)) {
            let [own, other] = [from, class].map(|k| &slopes[k * width..(k + 1) * width]);
            let w = other.iter().zip(own).map(|(a, b)| a - b);
            let w = w.zip(point).map(|(w, at)| if self.threat.holds(*at, w) { 0.0 } else { w });
            let w: Vec<f64> = w.collect();
            let (size, gap) = (dual.of(&w), (logits[class] - logits[from]).abs());
            let distance = gap / size;
            // Also refuses the NaN of 0/0 and the infinity of a class that no gradient leads to.
            if distance.is_finite() && nearest.as_ref().is_none_or(|(best, ..)| distance < *best) {
                nearest = Some((distance, w, size));
            }
        }
        let (distance, w, size) = nearest?;
        Some(match self.threat.norm() {
            Norm::Two => w.iter().map(|w| distance * w / size).collect(),
            _ => w.iter().map(|&w| if w == 0.0 { 0.0 } else { distance * w.signum() }).collect(),
        })
    }
}

impl<T: Real> Attack<T> for DeepFool {
    fn name(&self) -> String {
        match self.threat.norm() {
            Norm::Two => "DeepFool".into(),
            norm => format!("DeepFool {norm}"),
        }
    }

    fn threat(&self) -> Threat {
        self.threat
    }

    fn is_minimal(&self) -> bool {
        true
    }

    fn run(
        &self,
        victim: &mut Victim<'_, T>,
        targets: &Targets<'_, T>,
        _: f64,
    ) -> Result<Moved<T>, RegularizeError> {
        let (x, shape) = (targets.x, targets.x.shape());
        let [examples, width] = [rows(shape)[0], rows(shape)[1]];
        let mut evidence = Evidence::new(examples);
        let mut gone = vec![0.0f64; examples * width];
        let mut point = x.clone();
        let mut done = vec![false; examples];
        for _ in 0..self.steps {
            let (logits, slopes) = victim.jacobian(&point)?;
            let classes = logits.shape().last();
            let predicted = classes_of(&logits);
            let double = |v: &[T]| v.iter().map(|v| v.to_f64()).collect::<Vec<f64>>();
            for example in 0..examples {
                let (from, label) = (predicted[example] as usize, targets.labels.data()[example]);
                let to = targets.targets.map(|targets| targets.data()[example] as usize);
                done[example] |= match to {
                    Some(to) => from == to,
                    None => from != label as usize,
                };
                let z = double(&logits.data()[example * classes..(example + 1) * classes]);
                let of = classes * width;
                let slopes = double(&slopes.data()[example * of..(example + 1) * of]);
                let finite = z.iter().chain(&slopes).all(|v| v.is_finite());
                let zero = slopes.iter().all(|g| *g == 0.0);
                evidence.look(example, zero, !finite);
                if done[example] || !finite {
                    continue;
                }
                let at = double(&point.data()[example * width..(example + 1) * width]);
                if let Some(step) = self.shortest(&at, &z, &slopes, from, to) {
                    let gone = &mut gone[example * width..(example + 1) * width];
                    gone.iter_mut().zip(step).for_each(|(gone, step)| *gone += step);
                    let here = &mut point.data_mut()[example * width..(example + 1) * width];
                    let x = &x.data()[example * width..(example + 1) * width];
                    for ((here, x), gone) in here.iter_mut().zip(x).zip(gone) {
                        let mut moved = x.to_f64() + (1.0 + self.overshoot) * *gone;
                        if let Some((low, high)) = self.threat.bounds() {
                            moved = moved.clamp(low, high);
                            // What the box cuts off was not gone.
                            *gone = (moved - x.to_f64()) / (1.0 + self.overshoot);
                        }
                        *here = T::from_f64(moved);
                    }
                }
            }
            if done.iter().all(|done| *done) {
                break;
            }
        }
        Ok(evidence.moved(x, point, true))
    }
}

#[cfg(test)]
mod tests;
