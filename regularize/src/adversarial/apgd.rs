//! Projected gradient ascent that chooses its own step sizes: APGD (Croce and Hein, ICML 2020), in the one norm in
//! its sparse form (Croce and Hein, ICML 2021).
//!
//! In the infinity and the Euclidean norm a step is a projected step with a share of the step before it added,
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
//!
//! In the one norm the steepest direction is a single entry, too few to get anywhere in a hundred steps; how many
//! are right depends on image and network, and is found on the way: [`sparse`].

pub mod sparse;

use super::attack::{Attack, Best, Evidence, Moved};
use super::loss::AttackLoss;
use super::norm::Norm;
use super::pgd::random_start;
use super::threat::Threat;
use super::victim::{Slope, Targets, Victim};
use crate::error::{RegularizeError, at_least_one};
use crate::host::rows;
use autograd::{Feed, Graph, Plan, Real, Tensor};

/// The share of the new step in what is gone.
const NEW: f64 = 0.75;
/// The share of steps that must raise the loss.
const RISING: f64 = 0.75;

/// APGD. See the [module documentation](self).
///
/// ```
/// use autograd::{Parameters, Tensor};
/// use nn::{Sequential, data::Dataset};
/// use regularize::AttackEvaluator;
/// use regularize::adversarial::{Apgd, Attack, AttackLoss, Threat};
/// let attack = Apgd::new(Threat::infinity(0.25)?.within(0.0, 1.0)?, 100)?;
/// assert_eq!(attack.checkpoints(), [22, 41, 57, 70, 80, 87, 93, 99]);
/// assert_eq!(Attack::<f64>::name(&attack.on(AttackLoss::LogitRatio)), "APGD-DLR-100");
///
/// let model = Sequential::<f64>::new(); // the logits are the inputs
/// let data = Dataset::new(Tensor::new([1, 2], vec![0.625, 0.375]), Tensor::new([1], vec![0]), 2)?;
/// let found = AttackEvaluator::new(&model, attack, 1).attack(&data, &Parameters::new())?;
/// assert_eq!(found.clipped.data(), [0.375, 0.625]); // the corner where the label's lead is smallest
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Apgd {
    threat: Threat,
    steps: usize,
    loss: AttackLoss,
    from_larger: bool,
}

impl Apgd {
    /// `steps` steps on cross-entropy; in the one norm sparse ones.
    ///
    /// # Errors
    /// If there is no step, or no projection in the norm.
    pub fn new(threat: Threat, steps: usize) -> Result<Apgd, RegularizeError> {
        at_least_one("attack's number of steps", steps)?;
        Ok(Apgd { threat: threat.projectable()?, steps, loss: AttackLoss::CrossEntropy, from_larger: false })
    }

    /// The same on another loss.
    pub fn on(self, loss: AttackLoss) -> Apgd {
        Apgd { loss, ..self }
    }

    /// The same with 30 % of the steps in the ball of three budgets and 30 % in that of two before the ball itself
    /// (Croce and Hein 2021): see [`sparse`].
    ///
    /// # Errors
    /// If the norm is not the one norm.
    ///
    /// ```
    /// use regularize::adversarial::{Apgd, Attack, Threat};
    /// let attack = Apgd::new(Threat::one(12.0)?.within(0.0, 1.0)?, 100)?.from_larger_balls()?;
    /// assert_eq!(Attack::<f64>::name(&attack), "APGD-CE-100 from 3 ε");
    /// assert!(Apgd::new(Threat::two(0.5)?, 100)?.from_larger_balls().is_err());
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    pub fn from_larger_balls(self) -> Result<Apgd, RegularizeError> {
        match self.threat.norm() {
            Norm::One => Ok(Apgd { from_larger: true, ..self }),
            _ => {
                let attack = "APGD from larger balls";
                Err(RegularizeError::AttackNeeds { attack, needs: "the one norm" })
            }
        }
    }

    /// The steps after which progress is looked at. In the one norm every [`sparse::EVERY`] of all steps in a ball, else
    /// `⌈pⱼ N⌉` with `p₀ = 0`, `p₁ = 0.22` and `pⱼ₊₁ = pⱼ + max(pⱼ - pⱼ₋₁ - 0.03, 0.06)`.
    pub fn checkpoints(&self) -> Vec<usize> {
        if self.threat.norm() == Norm::One {
            let mut begun = 0;
            let mut found = Vec::new();
            for (_, steps) in self.phases() {
                found.extend(sparse::checkpoints(steps).into_iter().map(|step| begun + step));
                begun += steps;
            }
            return found;
        }
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
        let from = if self.from_larger { " from 3 ε" } else { "" };
        format!("APGD-{loss}-{}{from}", self.steps)
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
        match self.threat.norm() {
            Norm::One => self.run_sparse(victim, targets, epsilon),
            _ => self.run_with_momentum(victim, targets, epsilon),
        }
    }
}

impl Apgd {
    fn run_with_momentum<T: Real>(
        &self,
        victim: &mut Victim<'_, T>,
        targets: &Targets<'_, T>,
        epsilon: f64,
    ) -> Result<Moved<T>, RegularizeError> {
        let examples = targets.x.shape()[0];
        let mut evidence = Evidence::new(examples);
        let mut peaks = Peaks::new(targets.x);
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
        for step in 0..self.steps {
            let mut slope = victim.slope(self.loss, &point, targets)?;
            evidence.add(&slope);
            for (example, &now) in slope.losses.iter().enumerate() {
                rises[example] += usize::from(now > losses_before[example]);
            }
            peaks.see(&point, &slope);
            losses_before.copy_from_slice(&slope.losses);
            if checkpoints.contains(&step) {
                for example in 0..examples {
                    let (best_then, halved_then) = last[example];
                    let best = peaks.best.values[example];
                    let few = (rises[example] as f64) < RISING * (step - since) as f64;
                    let stuck = !halved_then && best <= best_then;
                    if few || stuck {
                        let eta = &mut stride.data_mut()[example];
                        *eta = T::from_f64(eta.to_f64() / 2.0);
                        peaks.return_to(example, &mut point, &mut slope.gradient);
                        copy_row(example, &mut previous, &point);
                        losses_before[example] = best;
                    }
                    last[example] = (best, few || stuck);
                    rises[example] = 0;
                }
                since = step;
            }
            let new = if step == 0 { 1.0 } else { NEW };
            let way = Way { point: &point, previous: &previous, gradient: &slope.gradient, stride: &stride };
            let next = self.step(victim, targets.x, way, new, epsilon)?;
            previous = std::mem::replace(&mut point, next);
        }
        let losses = victim.losses(self.loss, &point, targets)?;
        evidence.trace_of(&losses);
        peaks.best.see(&point, &losses);
        Ok(evidence.moved(targets.x, peaks.best.points, true))
    }

    /// The next points.
    fn step<T: Real>(
        &self,
        victim: &mut Victim<'_, T>,
        x: &Tensor<T>,
        way: Way<'_, T>,
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
            ("point", Feed::from(way.point)),
            ("previous", Feed::from(way.previous)),
            ("gradient", Feed::from(way.gradient)),
            ("stride", Feed::from(way.stride)),
            ("new", new.into()),
            ("epsilon", epsilon.into()),
        ];
        victim.compute(&format!("APGD step, {threat}"), shape, build, &feeds, |o| o.tensor("next"))
    }
}

/// Where a step starts, and where it leads.
#[derive(Clone, Copy)]
struct Way<'w, T: Real> {
    point: &'w Tensor<T>,
    previous: &'w Tensor<T>,
    gradient: &'w Tensor<T>,
    /// One for each example.
    stride: &'w Tensor<T>,
}

/// Each example's best point, and the gradient there, to go on from.
struct Peaks<T: Real> {
    best: Best<T>,
    gradient: Tensor<T>,
}

impl<T: Real> Peaks<T> {
    fn new(x: &Tensor<T>) -> Peaks<T> {
        Peaks { best: Best::new(x), gradient: Tensor::zeros(x.shape()) }
    }

    fn see(&mut self, point: &Tensor<T>, slope: &Slope<T>) {
        for (example, &now) in slope.losses.iter().enumerate() {
            if now > self.best.values[example] {
                copy_row(example, &mut self.gradient, &slope.gradient);
            }
        }
        self.best.see(point, &slope.losses);
    }

    /// Sets one example back to its best.
    fn return_to(&self, example: usize, point: &mut Tensor<T>, gradient: &mut Tensor<T>) {
        copy_row(example, point, &self.best.points);
        copy_row(example, gradient, &self.gradient);
    }
}

fn copy_row<T: Real>(example: usize, to: &mut Tensor<T>, from: &Tensor<T>) {
    let width = rows(from.shape())[1];
    let here = example * width..(example + 1) * width;
    to.data_mut()[here.clone()].copy_from_slice(&from.data()[here]);
}

#[cfg(test)]
mod tests;
