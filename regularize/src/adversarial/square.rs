//! An attack that sees no gradient: Square (Andriushchenko, Croce, Flammarion, Hein, ECCV 2020), in the
//! infinity norm.
//!
//! The perturbation is `±ε` in every entry; it starts as random vertical stripes. Each step proposes a square
//! at a random place, all of it `+ε` or `-ε` in each channel, and keeps it if the margin of
//! [`AttackLoss::Margin`] rises. The squares' area is a share `p` of the image that falls in steps as the
//! queries are used up. The attack asks only for the network's scores, one forward look for each step, so
//! gradients that are masked do not hinder it: where it beats an attack *with* gradients, these are not to be
//! trusted.
//!
//! Examples are `[channels, height, width]`, `[height, width]`, or plain rows, in which a square is a run of
//! entries.

use super::attack::{Attack, Best, Evidence, Moved};
use super::loss::AttackLoss;
use super::norm::{Norm, rows};
use super::pgd::at_least_one;
use super::threat::Threat;
use super::victim::{Targets, Victim};
use crate::error::RegularizeError;
use autograd::{Real, Shape};
use nn::optimise::HyperparameterError;

/// The square attack. See the [module documentation](self).
///
/// ```
/// use regularize::adversarial::{Square, Threat};
/// let attack = Square::new(Threat::infinity(0.1)?.within(0.0, 1.0)?, 1000)?;
/// assert!(Square::new(Threat::two(1.0)?, 1000).is_err());
/// # let _ = attack;
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
    /// If there is none, or the norm is not that of infinity.
    pub fn new(threat: Threat, queries: usize) -> Result<Square, RegularizeError> {
        at_least_one("attack's number of queries", queries)?;
        if threat.norm() != Norm::Infinity {
            return Err(RegularizeError::AttackNeeds { attack: "Square", needs: "the infinity norm" });
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
fn image(shape: Shape) -> [usize; 3] {
    match shape.lengths() {
        [_, channels, height, width] => [*channels, *height, *width],
        [_, height, width] => [1, *height, *width],
        _ => [1, 1, rows(shape)[1]],
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
        let (x, shape) = (targets.x, targets.x.shape());
        let [channels, height, width] = image(shape);
        let size = channels * height * width;
        let mut evidence = Evidence::new(shape[0]);
        let mut best = Best::new(x);
        if size == 0 {
            return Ok(evidence.moved(x, best.points, false));
        }
        let sign = |u: T| if u.to_f64() < 0.5 { -epsilon } else { epsilon };
        let place = |x: T, change: f64| {
            let moved = x.to_f64() + change;
            T::from_f64(self.threat.bounds().map_or(moved, |(low, high)| moved.clamp(low, high)))
        };
        let clean = victim.losses(AttackLoss::Margin, x, targets)?;
        evidence.add_losses(&clean);
        best.see(x, &clean);
        // Stripes: a sign for each channel and column.
        let stripes = targets.uniform("square.stripes", channels * width);
        let mut proposal = x.clone();
        for (example, (to, x)) in proposal.data_mut().chunks_mut(size).zip(x.data().chunks(size)).enumerate()
        {
            for (k, (to, x)) in to.iter_mut().zip(x).enumerate() {
                let (channel, column) = (k / (height * width), k % width);
                *to = place(*x, sign(stripes[example * channels * width + channel * width + column]));
            }
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
            let area = self.share_at(step) * (height * width) as f64;
            let tall = (area.sqrt().round() as usize).clamp(1, height);
            let wide = ((area / tall as f64).round() as usize).clamp(1, width);
            let draws = targets.uniform(&format!("square.{step}"), channels + 2);
            proposal = best.points.clone();
            for (example, to) in proposal.data_mut().chunks_mut(size).enumerate() {
                let draws = &draws[example * (channels + 2)..(example + 1) * (channels + 2)];
                let at = |u: T, free: usize| ((u.to_f64() * (free + 1) as f64) as usize).min(free);
                let (top, left) = (at(draws[0], height - tall), at(draws[1], width - wide));
                for (channel, draw) in draws[2..].iter().enumerate() {
                    for (row, column) in
                        (top..top + tall).flat_map(|r| (left..left + wide).map(move |c| (r, c)))
                    {
                        let k = (channel * height + row) * width + column;
                        to[k] = place(x.data()[example * size + k], sign(*draw));
                    }
                }
            }
        }
        Ok(evidence.moved(x, best.points, false))
    }
}

#[cfg(test)]
mod tests;
