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
//! the wall. This and the start, a uniform point of the ball, are those of the other attacks here. The paper's
//! detour through larger balls at the beginning is not taken.
//!
//! [`Threat::project`]: crate::Threat::project

use super::{Apgd, Peaks};
use crate::adversarial::attack::{Evidence, Moved};
use crate::adversarial::norm::rows;
use crate::adversarial::pgd::random_start;
use crate::adversarial::threat::Threat;
use crate::adversarial::victim::{Targets, Victim};
use crate::error::RegularizeError;
use autograd::{Feed, Graph, Plan, Real};

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

    /// What follows if `changed` entries of the best point are changed now; whether they are fewer.
    fn next(self, changed: usize, epsilon: f64) -> (Sparsity, bool) {
        let sparser = (changed as f64) < SPARSER * self.changed as f64;
        let stride = match sparser {
            true => epsilon,
            false => (self.stride / SHRINK).max(SHORTEST * epsilon),
        };
        let entries = ((changed as f64 / SHRINK) as usize).max(1);
        (Sparsity { entries, stride, changed }, sparser)
    }
}

impl Apgd {
    pub(super) fn run_sparse<T: Real>(
        &self,
        victim: &mut Victim<'_, T>,
        targets: &Targets<'_, T>,
        epsilon: f64,
    ) -> Result<Moved<T>, RegularizeError> {
        let (x, shape, threat) = (targets.x, targets.x.shape(), self.threat);
        let [examples, width] = [rows(shape)[0], rows(shape)[1]];
        let mut evidence = Evidence::new(examples);
        let mut peaks = Peaks::new(x);
        let mut point = random_start(threat, victim, targets, epsilon)?;
        let mut sparsity = vec![Sparsity::first(width, epsilon); examples];
        let checkpoints = self.checkpoints();
        let build = |graph: &Graph<T>| {
            let (x, moved) = (graph.input("x", shape), graph.input("moved", shape));
            let next = threat.project_within(x, moved, graph.scalar("epsilon"));
            Plan::builder(graph).output("next", next).compile()
        };
        for step in 0..self.steps {
            let mut slope = victim.slope(self.loss, &point, targets)?;
            evidence.add(&slope);
            peaks.see(&point, &slope);
            if checkpoints.binary_search(&step).is_ok() {
                let changed = |(a, b): &(&T, &T)| (a.to_f64() - b.to_f64()).abs() > NOTHING * epsilon;
                for (example, sparsity) in sparsity.iter_mut().enumerate() {
                    let here = example * width..(example + 1) * width;
                    let pairs = peaks.best.points.data()[here.clone()].iter().zip(&x.data()[here]);
                    let (next, sparser) = sparsity.next(pairs.filter(changed).count(), epsilon);
                    *sparsity = next;
                    if sparser {
                        peaks.return_to(example, &mut point, &mut slope.gradient);
                    }
                }
            }
            let mut moved = point.clone();
            let all =
                moved.data_mut().chunks_mut(width.max(1)).zip(slope.gradient.data().chunks(width.max(1)));
            for ((moved, gradient), sparsity) in all.zip(&sparsity) {
                step_along(threat, moved, gradient, *sparsity);
            }
            let feeds = [("x", Feed::from(x)), ("moved", Feed::from(&moved)), ("epsilon", epsilon.into())];
            let name = format!("projection, {threat}");
            point = victim.compute(&name, shape, build, &feeds, |outputs| outputs.tensor("next"))?;
        }
        let losses = victim.losses(self.loss, &point, targets)?;
        evidence.trace_of(&losses);
        peaks.best.see(&point, &losses);
        Ok(evidence.moved(x, peaks.best.points, true))
    }
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
