//! APGD in the one norm, where the number of entries that a step changes is adapted (Croce and Hein, *Mind the
//! box: l1-APGD for sparse adversarial attacks on image classifiers*, ICML 2021, algorithm 1).
//!
//! ```text
//! xᵢ₊₁ = P(xᵢ + η s / ‖s‖₁)      s = sign(gᵢ) at the k entries of largest |gᵢ|, 0 elsewhere
//! ```
//!
//! `P` is the nearest point of L1 ball and box together ([`Threat::project`]): in the box the best perturbation
//! is not one entry but as many as it takes to spend the budget. At first `k` is a fifth of all entries and
//! `η = ε`. After every [`EVERY`] of all steps each example is looked at by itself. With `n` the number of
//! entries that its best point has changed so far,
//!
//! ```text
//! k = max(⌊n / 1.5⌋, 1)
//! η = ε              if n is below 0.95 of what it was at the last look; the example goes back to its best
//! η = η / 1.5        else, but no less than ε / 10
//! ```
//!
//! so that the steps get sparser as long as that pays, and then shorter. Rounded up, `k` would never fall from 2 to
//! the single entry that is best far from the walls.
//!
//! Entries that the box holds back are not among the `k`: they would take a share of the step and leave it at
//! the wall. This and the start, a uniform point of the ball, are those of the other attacks here.
//!
//! [`Apgd::from_larger_balls`] makes three attacks of one, as the paper does for large images: in the ball of
//! `3 ε`, then of `2 ε`, then of `ε`, each from the point of it that is nearest to the best one of the ball before.
//! That leaves fewer steps for the ball itself, and on images of a few dozen pixels the plain attack may be the
//! stronger one: [`WorstOf`](crate::adversarial::WorstOf) takes both.
//!
//! [`Threat::project`]: crate::Threat::project

use super::{Apgd, Peaks};
use crate::adversarial::attack::{Evidence, Moved};
use crate::adversarial::pgd::random_start;
use crate::adversarial::threat::Threat;
use crate::adversarial::victim::{Targets, Victim};
use crate::error::RegularizeError;
use crate::host::rows;
use autograd::{Feed, Graph, Plan, Real, Tensor};

/// The share of all steps between two looks.
pub const EVERY: f64 = 0.04;
/// The share of all entries that the first steps change.
const FIRST_SHARE: f64 = 0.2;
/// By what steps get sparser or shorter.
const SHRINK: f64 = 1.5;
/// A support smaller than this share of what it was counts as sparser.
const SPARSER: f64 = 0.95;
/// The shortest step, as a share of the first.
const SHORTEST: f64 = 0.1;
/// A change of less than this share of the budget is rounding: the threshold of the projection may leave it of an
/// entry that it takes back.
const NOTHING: f64 = 1e-6;

/// How many entries an example's steps change, and how far they go.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Sparsity {
    entries: usize,
    stride: f64,
    /// How many entries of the best point were changed at the last look.
    changed: usize,
}

impl Sparsity {
    fn first(width: usize, epsilon: f64) -> Sparsity {
        let entries = (FIRST_SHARE * width as f64).ceil() as usize;
        Sparsity { entries, stride: epsilon, changed: width }
    }

    /// That of an attack which starts at a point with `changed` entries changed.
    fn resumed(changed: usize, epsilon: f64) -> Sparsity {
        Sparsity { entries: fewer(changed), stride: epsilon, changed }
    }

    /// What follows if `changed` entries of the best point are changed now; whether they are fewer.
    fn next(self, changed: usize, epsilon: f64) -> (Sparsity, bool) {
        let sparser = (changed as f64) < SPARSER * self.changed as f64;
        let stride = match sparser {
            true => epsilon,
            false => (self.stride / SHRINK).max(SHORTEST * epsilon),
        };
        (Sparsity { entries: fewer(changed), stride, changed }, sparser)
    }
}

/// `max(⌊n / 1.5⌋, 1)`.
fn fewer(changed: usize) -> usize {
    ((changed as f64 / SHRINK) as usize).max(1)
}

impl Apgd {
    /// Radii, in budgets, and numbers of steps of the balls one after another; those without a step left out.
    pub(super) fn phases(&self) -> Vec<(f64, usize)> {
        let large = if self.from_larger { 3 * self.steps / 10 } else { 0 };
        let all = [(3.0, large), (2.0, large), (1.0, self.steps - 2 * large)];
        all.into_iter().filter(|(_, steps)| *steps > 0).collect()
    }

    pub(super) fn run_sparse<T: Real>(
        &self,
        victim: &mut Victim<'_, T>,
        targets: &Targets<'_, T>,
        epsilon: f64,
    ) -> Result<Moved<T>, RegularizeError> {
        let x = targets.x;
        let [examples, width] = [rows(x.shape())[0], rows(x.shape())[1]];
        let mut evidence = Evidence::new(examples);
        let mut before: Option<Tensor<T>> = None;
        for (radius, steps) in self.phases() {
            let epsilon = radius * epsilon;
            let (start, sparsity) = match before {
                None => {
                    let start = random_start(self.threat, victim, targets, epsilon)?;
                    (start, vec![Sparsity::first(width, epsilon); examples])
                }
                Some(best) => {
                    let start = self.nearest(victim, x, &best, epsilon)?;
                    let changed = (0..examples).map(|example| changed(x, &start, example, epsilon));
                    let sparsity = changed.map(|changed| Sparsity::resumed(changed, epsilon)).collect();
                    (start, sparsity)
                }
            };
            before = Some(self.phase(victim, targets, (epsilon, steps), (start, sparsity), &mut evidence)?);
        }
        Ok(evidence.moved(x, before.expect("one step at least"), true))
    }

    /// So many steps in one ball: the best points.
    fn phase<T: Real>(
        &self,
        victim: &mut Victim<'_, T>,
        targets: &Targets<'_, T>,
        (epsilon, steps): (f64, usize),
        (mut point, mut sparsity): (Tensor<T>, Vec<Sparsity>),
        evidence: &mut Evidence,
    ) -> Result<Tensor<T>, RegularizeError> {
        let (x, width) = (targets.x, rows(targets.x.shape())[1].max(1));
        let mut peaks = Peaks::new(x);
        let checkpoints = checkpoints(steps);
        for step in 0..steps {
            let mut slope = victim.slope(self.loss, &point, targets)?;
            evidence.add(&slope);
            peaks.see(&point, &slope);
            if checkpoints.binary_search(&step).is_ok() {
                for (example, sparsity) in sparsity.iter_mut().enumerate() {
                    let changed = changed(x, &peaks.best.points, example, epsilon);
                    let (next, sparser) = sparsity.next(changed, epsilon);
                    *sparsity = next;
                    if sparser {
                        peaks.return_to(example, &mut point, &mut slope.gradient);
                    }
                }
            }
            let mut moved = point;
            let all = moved.data_mut().chunks_mut(width).zip(slope.gradient.data().chunks(width));
            for ((moved, gradient), sparsity) in all.zip(&sparsity) {
                step_along(self.threat, moved, gradient, *sparsity);
            }
            point = self.nearest(victim, x, &moved, epsilon)?;
        }
        let losses = victim.losses(self.loss, &point, targets)?;
        evidence.trace_of(&losses);
        peaks.best.see(&point, &losses);
        Ok(peaks.best.points)
    }

    /// The nearest points of ball and box.
    fn nearest<T: Real>(
        &self,
        victim: &mut Victim<'_, T>,
        x: &Tensor<T>,
        moved: &Tensor<T>,
        epsilon: f64,
    ) -> Result<Tensor<T>, RegularizeError> {
        let (shape, threat) = (x.shape(), self.threat);
        let build = |graph: &Graph<T>| {
            let (x, moved) = (graph.input("x", shape), graph.input("moved", shape));
            let next = threat.project_within(x, moved, graph.scalar("epsilon"));
            Plan::builder(graph).output("next", next).compile()
        };
        let feeds = [("x", Feed::from(x)), ("moved", Feed::from(moved)), ("epsilon", epsilon.into())];
        let name = format!("projection, {threat}");
        victim.compute(&name, shape, build, &feeds, |outputs| outputs.tensor("next"))
    }
}

/// Every [`EVERY`] of so many steps.
pub(super) fn checkpoints(steps: usize) -> Vec<usize> {
    let every = (EVERY * steps as f64).floor().max(1.0) as usize;
    (every..steps).step_by(every).collect()
}

/// How many entries of an example differ from its input.
fn changed<T: Real>(x: &Tensor<T>, points: &Tensor<T>, example: usize, epsilon: f64) -> usize {
    let width = rows(x.shape())[1];
    let here = example * width..(example + 1) * width;
    let differs = |(a, b): &(&T, &T)| (a.to_f64() - b.to_f64()).abs() > NOTHING * epsilon;
    points.data()[here.clone()].iter().zip(&x.data()[here]).filter(differs).count()
}

/// Moves a point by `η s / ‖s‖₁`: in the entries of largest gradient that the box lets move, the first of equals.
fn step_along<T: Real>(threat: Threat, point: &mut [T], gradient: &[T], sparsity: Sparsity) {
    let free = |&k: &usize| gradient[k] != T::ZERO && !threat.holds(point[k].to_f64(), gradient[k].to_f64());
    let mut order: Vec<usize> = (0..point.len()).filter(free).collect();
    let size = |k: usize| gradient[k].to_f64().abs();
    order.sort_by(|&a, &b| size(b).total_cmp(&size(a)));
    order.truncate(sparsity.entries);
    let each = sparsity.stride / order.len().max(1) as f64;
    for k in order {
        point[k] = T::from_f64(point[k].to_f64() + each * gradient[k].to_f64().signum());
    }
}

#[cfg(test)]
mod tests;
