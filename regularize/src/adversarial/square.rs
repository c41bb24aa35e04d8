//! An attack that sees no gradient: Square (Andriushchenko, Croce, Flammarion, Hein, ECCV 2020), in the infinity
//! and the Euclidean norm.
//!
//! In the infinity norm the perturbation is `±ε` in every entry; it starts as random vertical stripes. Each step
//! proposes a square at a random place, all of it `+ε` or `-ε` in each channel, and keeps it if the margin of
//! [`AttackLoss::Margin`] rises. In the Euclidean norm entries share one budget: it starts as bumps all over the
//! image, and a step moves what one square spends to another ([`bump`]). The squares' area is a share `p` of the
//! image that falls in steps as the queries are used up. The attack asks only for the network's scores, one forward
//! look for each step, so gradients that are masked do not hinder it: where it beats an attack *with* gradients,
//! these are not to be trusted.
//!
//! Examples are `[channels, height, width]`, `[height, width]`, or plain rows, in which a square is a run of
//! entries.

pub mod bump;

use super::attack::{Attack, Best, Evidence, Moved};
use super::evaluator::difference;
use super::loss::AttackLoss;
use super::norm::Norm;
use super::threat::Threat;
use super::victim::{Targets, Victim};
use crate::error::{RegularizeError, at_least_one};
use crate::host::rows;
use autograd::{Real, Shape};
use bump::Bumps;
use nn::optimise::HyperparameterError;

/// The square attack. See the [module documentation](self).
///
/// ```
/// use autograd::{Parameters, Tensor};
/// use nn::{Sequential, data::Dataset};
/// use regularize::adversarial::{AttackEvaluator, Square, Threat};
/// let attack = Square::new(Threat::infinity(0.25)?.within(0.0, 1.0)?, 100)?.first_share(0.5)?;
/// // After a thousandth of the queries squares have half the area, after five thousandths a quarter.
/// assert_eq!([0, 1, 2].map(|step| attack.share_at(step)), [0.5, 0.125, 0.125]);
///
/// let model = Sequential::<f64>::new(); // the logits are the inputs
/// let data = Dataset::new(Tensor::new([1, 2], vec![0.625, 0.375]), Tensor::new([1], vec![0]), 2)?;
/// let found = AttackEvaluator::new(&model, attack, 1).attack(&data, &Parameters::new())?;
/// assert_eq!(found.clipped.data(), [0.375, 0.625]);
/// assert!(Square::new(Threat::one(1.0)?, 1000).is_err());
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Square {
    threat: Threat,
    queries: usize,
    share: f64,
}

impl Square {
    /// So many proposals for each example; squares of 0.8 of the image at first.
    ///
    /// # Errors
    /// If there is none, or the norm is not 2 or infinity.
    pub fn new(threat: Threat, queries: usize) -> Result<Square, RegularizeError> {
        at_least_one("attack's number of queries", queries)?;
        if !matches!(threat.norm(), Norm::Two | Norm::Infinity) {
            let needs = "the Euclidean or the infinity norm";
            return Err(RegularizeError::AttackNeeds { attack: "Square", needs });
        }
        Ok(Square { threat, queries, share: 0.8 })
    }

    /// The same with another share of the image for the first squares.
    ///
    /// # Errors
    /// If it is not in (0, 1].
    pub fn first_share(self, share: f64) -> Result<Square, RegularizeError> {
        let fits = share > 0.0 && share <= 1.0;
        HyperparameterError::unless(fits, "share of the first squares", share, "in (0, 1]")?;
        Ok(Square { share, ..self })
    }

    /// The share of the image at a step: halved when 10, 50, 200, 500, 1000, 2000, 4000, 6000 and 8000 of
    /// 10 000 queries are used up.
    pub fn share_at(&self, step: usize) -> f64 {
        let of_ten_thousand = step as f64 * 10_000.0 / self.queries as f64;
        let halvings = [10.0, 50.0, 200.0, 500.0, 1000.0, 2000.0, 4000.0, 6000.0, 8000.0];
        self.share * 0.5f64.powi(halvings.iter().filter(|at| of_ten_thousand > **at).count() as i32)
    }
}

/// Channels, height and width of an example.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Image {
    channels: usize,
    height: usize,
    width: usize,
}

impl Image {
    /// That of a batch of this shape.
    fn of(shape: Shape) -> Image {
        let [channels, height, width] = match shape.lengths() {
            [_, channels, height, width] => [*channels, *height, *width],
            [_, height, width] => [1, *height, *width],
            _ => [1, 1, rows(shape)[1]],
        };
        Image { channels, height, width }
    }

    fn size(self) -> usize {
        self.channels * self.height * self.width
    }

    /// Height and width of a window of about this share of the image.
    fn window(self, share: f64) -> [usize; 2] {
        let area = share * (self.height * self.width) as f64;
        let tall = (area.sqrt().round() as usize).clamp(1, self.height);
        [tall, ((area / tall as f64).round() as usize).clamp(1, self.width)]
    }
}

/// A rectangle of an image.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Window {
    top: usize,
    left: usize,
    tall: usize,
    wide: usize,
}

impl Window {
    /// One of this size at a place that two uniform draws name.
    fn at<T: Real>(image: Image, [tall, wide]: [usize; 2], draws: &[T]) -> Window {
        let place = |u: T, free: usize| ((u.to_f64() * (free + 1) as f64) as usize).min(free);
        Window {
            top: place(draws[0], image.height - tall),
            left: place(draws[1], image.width - wide),
            tall,
            wide,
        }
    }

    /// The places of its entries in a channel, row by row.
    fn entries(self, image: Image, channel: usize) -> impl Iterator<Item = usize> {
        let Window { top, left, tall, wide } = self;
        (top..top + tall).flat_map(move |row| {
            (left..left + wide).map(move |column| (channel * image.height + row) * image.width + column)
        })
    }
}

fn sign<T: Real>(u: T) -> f64 {
    if u.to_f64() < 0.5 { -1.0 } else { 1.0 }
}

impl Square {
    /// The perturbation to start with, given the draws of one example: [`Square::draws_to_start`] of them.
    fn start<T: Real>(&self, image: Image, draws: &[T], epsilon: f64) -> Vec<f64> {
        match self.threat.norm() {
            Norm::Two => Bumps { image, epsilon }.start(draws),
            // Stripes: a sign for each channel and column.
            _ => (0..image.size())
                .map(|k| {
                    let (channel, column) = (k / (image.height * image.width), k % image.width);
                    epsilon * sign(draws[channel * image.width + column])
                })
                .collect(),
        }
    }

    fn draws_to_start(&self, image: Image) -> usize {
        match self.threat.norm() {
            Norm::Two => Bumps::draws_to_start(image),
            _ => image.channels * image.width,
        }
    }

    /// The perturbation to try instead of `change`, given draws: [`Square::draws_to_propose`] of them.
    fn propose<T: Real>(&self, image: Image, share: f64, change: &mut [f64], draws: &[T], epsilon: f64) {
        if self.threat.norm() == Norm::Two {
            return Bumps { image, epsilon }.propose(share, change, draws);
        }
        let window = Window::at(image, image.window(share), draws);
        for (channel, draw) in draws[2..].iter().enumerate() {
            window.entries(image, channel).for_each(|k| change[k] = epsilon * sign(*draw));
        }
    }

    fn draws_to_propose(&self, image: Image) -> usize {
        match self.threat.norm() {
            Norm::Two => Bumps::draws_to_propose(image),
            _ => image.channels + 2,
        }
    }
}

impl<T: Real> Attack<T> for Square {
    fn name(&self) -> String {
        format!("Square-{}", self.queries)
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
        let x = targets.x;
        let image = Image::of(x.shape());
        let size = image.size();
        let mut evidence = Evidence::new(x.shape()[0]);
        let mut best = Best::new(x);
        if size == 0 {
            return Ok(evidence.moved(x, best.points, false));
        }
        let place = |to: &mut [T], x: &[T], change: &[f64]| {
            for ((to, x), change) in to.iter_mut().zip(x).zip(change) {
                let moved = x.to_f64() + change;
                *to = T::from_f64(self.threat.bounds().map_or(moved, |(low, high)| moved.clamp(low, high)));
            }
        };
        let clean = victim.losses(AttackLoss::Margin, x, targets)?;
        evidence.add_losses(&clean);
        best.see(x, &clean);
        let count = self.draws_to_start(image);
        let draws = targets.uniform("square.start", count);
        let mut proposal = x.clone();
        let all = proposal.data_mut().chunks_mut(size).zip(x.data().chunks(size));
        for ((to, x), draws) in all.zip(draws.chunks(count)) {
            place(to, x, &self.start(image, draws, epsilon));
        }
        for step in 0..self.queries {
            let mut margins = victim.losses(AttackLoss::Margin, &proposal, targets)?;
            evidence.add_losses(&margins);
            // What has succeeded stays, whatever the others of its batch still need.
            let done = margins.iter_mut().zip(&best.values).filter(|(_, best)| **best > 0.0);
            done.for_each(|(margin, _)| *margin = f64::NEG_INFINITY);
            best.see(&proposal, &margins);
            if best.values.iter().all(|margin| *margin > 0.0) {
                break;
            }
            let count = self.draws_to_propose(image);
            let draws = targets.uniform(&format!("square.{step}"), count);
            proposal = best.points.clone();
            let all = proposal.data_mut().chunks_mut(size).zip(x.data().chunks(size));
            for ((to, x), draws) in all.zip(draws.chunks(count)) {
                let mut change = difference(to, x);
                self.propose(image, self.share_at(step), &mut change, draws, epsilon);
                place(to, x, &change);
            }
        }
        Ok(evidence.moved(x, best.points, false))
    }
}

#[cfg(test)]
mod tests;
