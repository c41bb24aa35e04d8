//! The smallest perturbation by optimisation: Carlini and Wagner's attack in the Euclidean norm (IEEE S&P
//! 2017).
//!
//! ```text
//! minimise over w    ‖x' - x‖² + c max(κ - m(x'), 0)      x' = l + (u - l) (tanh w + 1) / 2
//! ```
//!
//! `m` is the margin of [`AttackLoss::Margin`], above 0 where the attack has succeeded, `κ` the confidence it
//! should succeed with. The `tanh` keeps `x'` in the box `[l, u]` without clipping, so the objective is smooth
//! and Adam minimises it. The weight `c` is found for each example by itself: ten times as large while the
//! attack fails, then by bisection, since a small `c` gives a small perturbation and one too small none that
//! succeeds. What is returned is the nearest point that ever succeeded, or `x` if none did.

use super::attack::{Attack, Evidence, Moved};
use super::evaluator::difference;
use super::loss::AttackLoss;
use super::norm::Norm;
use super::threat::Threat;
use super::victim::{Targets, Victim};
use crate::error::{RegularizeError, at_least_one, at_least_zero};
use crate::host::rows;
use autograd::{Real, Tensor};
use nn::optimise::HyperparameterError;

/// The attack of Carlini and Wagner. See the [module documentation](self).
///
/// ```
/// use autograd::{Parameters, Tensor};
/// use nn::{Sequential, data::Dataset};
/// use regularize::adversarial::{AttackEvaluator, CarliniWagner, Threat};
/// let model = Sequential::<f64>::new(); // the logits are the inputs
/// let data = Dataset::new(Tensor::new([1, 2], vec![0.625, 0.375]), Tensor::new([1], vec![0]), 2)?;
/// let attack = CarliniWagner::new(Threat::two(2.0)?.within(0.0, 1.0)?, 5, 100)?.rate(0.02)?;
/// let found = AttackEvaluator::new(&model, attack, 1).attack(&data, &Parameters::new())?;
/// // The boundary is at a distance of 0.25/√2; nothing nearer can succeed.
/// let distance = 0.25 / 2f64.sqrt();
/// assert!(found.success[0] && found.norms[0] > distance && found.norms[0] < 1.05 * distance);
/// assert!(CarliniWagner::new(Threat::two(2.0)?, 5, 100).is_err(), "it needs a box");
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CarliniWagner {
    threat: Threat,
    bounds: (f64, f64),
    searches: usize,
    steps: usize,
    rate: f64,
    weight: f64,
    confidence: f64,
}

impl CarliniWagner {
    /// `searches` weights are tried, the first of them 1, with `steps` steps of Adam at a rate of 0.05 each;
    /// `κ = 0`. The threat's budget is only what results are judged by.
    ///
    /// # Errors
    /// If there is no search or step, no box, or the norm is not the Euclidean one.
    pub fn new(threat: Threat, searches: usize, steps: usize) -> Result<CarliniWagner, RegularizeError> {
        at_least_one("attack's number of searches", searches)?;
        at_least_one("attack's number of steps", steps)?;
        let (Some(bounds), Norm::Two) = (threat.bounds(), threat.norm()) else {
            let needs = "a box and the Euclidean norm";
            return Err(RegularizeError::AttackNeeds { attack: "the attack of Carlini and Wagner", needs });
        };
        let (rate, weight, confidence) = (0.05, 1.0, 0.0);
        Ok(CarliniWagner { threat, bounds, searches, steps, rate, weight, confidence })
    }

    /// The same with another learning rate.
    ///
    /// # Errors
    /// If it is not above 0 and finite.
    pub fn rate(self, rate: f64) -> Result<CarliniWagner, RegularizeError> {
        let fits = rate > 0.0 && rate.is_finite();
        HyperparameterError::unless(fits, "attack's learning rate", rate, "above 0 and finite")?;
        Ok(CarliniWagner { rate, ..self })
    }

    /// The same that asks for a margin of `κ`.
    ///
    /// # Errors
    /// If it is negative or not finite.
    pub fn confidence(self, kappa: f64) -> Result<CarliniWagner, RegularizeError> {
        Ok(CarliniWagner { confidence: at_least_zero("attack's confidence", kappa)?, ..self })
    }

    /// `w` for a point of the box, kept off its walls, where `tanh` would need an infinite one.
    fn inward(&self, x: f64) -> f64 {
        let (low, high) = self.bounds;
        let centred = 2.0 * (x - low) / (high - low) - 1.0;
        (centred * (1.0 - 1e-6)).atanh()
    }

    /// The point for `w`, and its derivative.
    fn outward(&self, w: f64) -> (f64, f64) {
        let ((low, high), t) = (self.bounds, w.tanh());
        (low + 0.5 * (high - low) * (t + 1.0), 0.5 * (high - low) * (1.0 - t) * (1.0 + t))
    }
}

/// What the search for one example's weight knows.
#[derive(Debug, Clone, Copy)]
struct Search {
    /// The weight to try.
    weight: f64,
    /// The largest that failed.
    failed: f64,
    /// The smallest that succeeded.
    succeeded: f64,
    /// Whether this one has.
    success: bool,
}

impl Search {
    fn next(self) -> Search {
        let Search { weight, mut failed, mut succeeded, success } = self;
        match success {
            true => succeeded = succeeded.min(weight),
            false => failed = failed.max(weight),
        }
        let weight = if succeeded.is_finite() { 0.5 * (failed + succeeded) } else { 10.0 * weight };
        Search { weight, failed, succeeded, success: false }
    }
}

impl<T: Real> Attack<T> for CarliniWagner {
    fn name(&self) -> String {
        "Carlini-Wagner".into()
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
        let [examples, width] = [rows(shape)[0], rows(shape)[1].max(1)];
        let mut evidence = Evidence::new(examples);
        let start: Vec<f64> = x.data().iter().map(|x| self.inward(x.to_f64())).collect();
        let first = Search { weight: self.weight, failed: 0.0, succeeded: f64::INFINITY, success: false };
        let mut searches = vec![first; examples];
        let mut best = x.clone();
        let mut nearest = vec![f64::INFINITY; examples];
        // What is wrong already needs no change.
        let margins = victim.losses(AttackLoss::Margin, x, targets)?;
        for (nearest, margin) in nearest.iter_mut().zip(&margins) {
            if *margin > self.confidence {
                *nearest = 0.0;
            }
        }
        for _ in 0..self.searches {
            let mut w = start.clone();
            let mut adam = vec![(0.0f64, 0.0f64); w.len()];
            for step in 1..=self.steps {
                let placed: Vec<(f64, f64)> = w.iter().map(|w| self.outward(*w)).collect();
                let point = Tensor::new(shape, placed.iter().map(|(p, _)| T::from_f64(*p)).collect());
                let slope = victim.slope(AttackLoss::Margin, &point, targets)?;
                evidence.add(&slope);
                for example in 0..examples {
                    let here = example * width..(example + 1) * width;
                    let (now, clean) = (&point.data()[here.clone()], &x.data()[here.clone()]);
                    let change = difference(now, clean);
                    let distance = Norm::Two.of(&change);
                    // A margin of exactly 0 is a tie, which is not won.
                    let margin = slope.losses[example];
                    if margin > 0.0 && margin >= self.confidence {
                        searches[example].success = true;
                        if distance < nearest[example] {
                            nearest[example] = distance;
                            best.data_mut()[here.clone()].copy_from_slice(now);
                        }
                    }
                    let weight = if margin <= self.confidence { searches[example].weight } else { 0.0 };
                    for (k, change) in here.zip(change) {
                        let slope = slope.gradient.data()[k].to_f64();
                        let g = (2.0 * change - weight * slope) * placed[k].1;
                        let (m, v) = &mut adam[k];
                        (*m, *v) = (0.9 * *m + 0.1 * g, 0.999 * *v + 0.001 * g * g);
                        let (m, v) =
                            (*m / (1.0 - 0.9f64.powi(step as i32)), *v / (1.0 - 0.999f64.powi(step as i32)));
                        w[k] -= self.rate * m / (v.sqrt() + 1e-8);
                    }
                }
            }
            searches.iter_mut().for_each(|search| *search = search.next());
        }
        Ok(evidence.moved(x, best, true))
    }
}

#[cfg(test)]
mod tests;
