//! Projected gradient ascent that chooses its own step sizes: APGD (Croce and Hein, ICML 2020).
//!
//! A step is a projected step with a share of the step before it added,
//!
//! ```text
//! z    = P(xₖ + η d(gₖ))
//! xₖ₊₁ = P(xₖ + a (z - xₖ) + (1 - a) (xₖ - xₖ₋₁))      a = ¾, in the first step 1
//! ```
//!
//! with `η = 2 ε` at first. At checkpoints, ever closer to each other, each example is looked at by itself: if
//! its loss rose in fewer than ¾ of the steps since the last one, or neither its step size nor its best loss
//! has changed since, `η` is halved and the example goes back to its best point. So there is nothing to tune
//! but the number of steps; the start is random. On [`AttackLoss::LogitRatio`] the attack does not care about
//! the scale of the logits.

use super::attack::{Attack, Best, Evidence, Moved};
use super::loss::AttackLoss;
use super::norm::rows;
use super::pgd::{at_least_one, random_start};
use super::threat::Threat;
use super::victim::{Targets, Victim};
use crate::error::RegularizeError;
use autograd::{Feed, Graph, Plan, Real, Tensor};

/// The share of the new step in what is gone.
const NEW: f64 = 0.75;
/// The share of steps that must raise the loss.
const RISING: f64 = 0.75;

/// APGD. See the [module documentation](self).
///
/// ```
/// use regularize::adversarial::{Apgd, AttackLoss, Threat};
/// let threat = Threat::infinity(0.1)?.within(0.0, 1.0)?;
/// let attacks = [Apgd::new(threat, 100)?, Apgd::new(threat, 100)?.on(AttackLoss::LogitRatio)];
/// # let _ = attacks;
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Apgd {
    threat: Threat,
    steps: usize,
    loss: AttackLoss,
}

impl Apgd {
    /// `steps` steps on cross-entropy.
    ///
    /// # Errors
    /// If there is no step, or no projection in the norm.
    pub fn new(threat: Threat, steps: usize) -> Result<Apgd, RegularizeError> {
        at_least_one("attack's number of steps", steps)?;
        Ok(Apgd { threat: threat.projectable()?, steps, loss: AttackLoss::CrossEntropy })
    }

    /// The same on another loss.
    pub fn on(self, loss: AttackLoss) -> Apgd {
        Apgd { loss, ..self }
    }

    /// The steps after which progress is looked at: `⌈pⱼ N⌉` with `p₀ = 0`, `p₁ = 0.22` and
    /// `pⱼ₊₁ = pⱼ + max(pⱼ - pⱼ₋₁ - 0.03, 0.06)`.
    pub fn checkpoints(&self) -> Vec<usize> {
        let (mut before, mut at) = (0.0, 0.22);
        let mut found = Vec::new();
        while at <= 1.0 {
            // Less a rounding: 0.57 of 100 is 57.
            found.push((at * self.steps as f64 - 1e-9).ceil() as usize);
            (before, at) = (at, at + f64::max(at - before - 0.03, 0.06));
        }
        found.dedup();
        found
    }
}

/// Returned is, for each example, the point with the largest loss among all that were visited.
impl<T: Real> Attack<T> for Apgd {
    fn name(&self) -> String {
        let loss = match self.loss {
            AttackLoss::CrossEntropy => "CE",
            AttackLoss::Margin => "margin",
            AttackLoss::LogitRatio => "DLR",
        };
        format!("APGD-{loss}-{}", self.steps)
    }

    fn threat(&self) -> Threat {
        self.threat
    }

    fn run(
        &self,
        victim: &mut Victim<'_, T>,
        targets: &Targets<'_, T>,
        epsilon: f64,
    ) -> Result<Moved<T>, RegularizeError> {
        let (x, shape) = (targets.x, targets.x.shape());
        let [examples, width] = [rows(shape)[0], rows(shape)[1].max(1)];
        let mut evidence = Evidence::new(examples);
        let mut best = Best::new(x);
        let mut point = random_start(self.threat, victim, targets, epsilon)?;
        let mut previous = point.clone();
        let mut stride = Tensor::full([examples, 1], T::from_f64(2.0 * epsilon));
        let checkpoints = self.checkpoints();
        // Since the last checkpoint: where it was, how often the loss rose, and what was best and the stride
        // then.
        let mut since = 0;
        let mut rises = vec![0usize; examples];
        let mut last: Vec<(f64, bool)> = vec![(f64::NEG_INFINITY, true); examples];
        let mut losses_before = vec![f64::INFINITY; examples];
        // The gradient at each example's best point, to go on from there.
        let mut best_gradient = Tensor::zeros(shape);
        for step in 0..self.steps {
            let mut slope = victim.slope(self.loss, &point, targets)?;
            evidence.add(&slope);
            for (example, &now) in slope.losses.iter().enumerate() {
                rises[example] += usize::from(now > losses_before[example]);
                if now > best.values[example] {
                    let here = example * width..(example + 1) * width;
                    best_gradient.data_mut()[here.clone()].copy_from_slice(&slope.gradient.data()[here]);
                }
            }
            best.see(&point, &slope.losses);
            losses_before.copy_from_slice(&slope.losses);
            if checkpoints.contains(&step) {
                for example in 0..examples {
                    let (best_then, halved_then) = last[example];
                    let few = (rises[example] as f64) < RISING * (step - since) as f64;
                    let stuck = !halved_then && best.values[example] <= best_then;
                    if few || stuck {
                        let eta = &mut stride.data_mut()[example];
                        *eta = T::from_f64(eta.to_f64() / 2.0);
                        let here = example * width..(example + 1) * width;
                        let back = |to: &mut Tensor<T>, from: &Tensor<T>| {
                            to.data_mut()[here.clone()].copy_from_slice(&from.data()[here.clone()])
                        };
                        back(&mut point, &best.points);
                        back(&mut previous, &best.points);
                        back(&mut slope.gradient, &best_gradient);
                        losses_before[example] = best.values[example];
                    }
                    last[example] = (best.values[example], few || stuck);
                    rises[example] = 0;
                }
                since = step;
            }
            let new = if step == 0 { 1.0 } else { NEW };
            let next = self.step(victim, x, &point, &previous, &slope.gradient, &stride, new, epsilon)?;
            previous = std::mem::replace(&mut point, next);
        }
        let losses = victim.losses(self.loss, &point, targets)?;
        evidence.trace_of(&losses);
        best.see(&point, &losses);
        Ok(evidence.moved(x, best.points, true))
    }
}

impl Apgd {
    /// The next points.
    #[allow(clippy::too_many_arguments)]
    fn step<T: Real>(
        &self,
        victim: &mut Victim<'_, T>,
        x: &Tensor<T>,
        point: &Tensor<T>,
        previous: &Tensor<T>,
        gradient: &Tensor<T>,
        stride: &Tensor<T>,
        new: f64,
        epsilon: f64,
    ) -> Result<Tensor<T>, RegularizeError> {
        let (shape, threat) = (x.shape(), self.threat);
        let build = |graph: &Graph<T>| {
            let input = |name| graph.input(name, shape);
            let (x, point, previous, gradient) =
                (input("x"), input("point"), input("previous"), input("gradient"));
            let (new, epsilon) = (graph.scalar("new"), graph.scalar("epsilon"));
            let stride = graph.input("stride", [rows(shape)[0], 1]);
            let gradient = threat.movable(point, gradient);
            let direction = threat.norm().steepest(gradient).reshape(rows(shape));
            let stepped = threat.project_within(x, point + (direction * stride).reshape(shape), epsilon);
            let moved = point + (stepped - point) * new + (point - previous) * (1.0 - new);
            Plan::builder(graph).output("next", threat.project_within(x, moved, epsilon)).compile()
        };
        let feeds = [
            ("x", Feed::from(x)),
            ("point", Feed::from(point)),
            ("previous", Feed::from(previous)),
            ("gradient", Feed::from(gradient)),
            ("stride", Feed::from(stride)),
            ("new", new.into()),
            ("epsilon", epsilon.into()),
        ];
        victim.compute(&format!("APGD step, {threat}"), shape, build, &feeds, |o| o.tensor("next"))
    }
}

#[cfg(test)]
mod tests;
