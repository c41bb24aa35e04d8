//! When to stop: patience, and the three families of Prechelt (*Early stopping - but when?*, in *Neural
//! Networks: Tricks of the Trade*, Springer, 1998).
//!
//! Validation curves have many local minima. Each criterion weighs in its own way what a rise may mean. With the
//! validation loss `E_va(t)` after epoch `t = 1, 2, ...`, its minimum so far `E_opt(t)`, and the training loss
//! `E_tr(t)`:
//!
//! | criterion | stops after the first epoch in which | |
//! |---|---|---|
//! | [`Criterion::Patience`] | `n` epochs in a row brought no improvement | the book's algorithm 7.1 |
//! | [`Criterion::GeneralisationLoss`] | `GL(t) = 100 (E_va(t)/E_opt(t) - 1) > α` | `GL_α` |
//! | [`Criterion::ProgressQuotient`] | a strip of `k` epochs ends and `GL(t)/P_k(t) > α` | `PQ_α` |
//! | [`Criterion::Rising`] | a strip ends, the `s`-th in a row after which `E_va(t) > E_va(t - k)` | `UP_s` |
//!
//! `P_k(t) = 1000 (mean / min - 1)`, of the training losses in the strip, is how much the training still gains:
//! while it is large, a rise of the validation loss may yet be made good. In Prechelt's 1296 runs slower
//! criteria found networks about 4 % better, for about 4 times the training.
//!
//! A value that is not finite is taken for `+∞`: above every finite one, and no rise from another such. A
//! criterion never stops before there was a finite value. A training loss that is not finite, or a minimum of 0, is
//! no progress.
//!
//! ```
//! use autograd::Parameters;
//! use regularize::{Criterion, EarlyStopping, Reason};
//! let mut stopping = EarlyStopping::<f64>::by(Criterion::GeneralisationLoss(20.0))?;
//! let curve = [1.0, 0.5, 0.55, 0.4, 0.45, 0.5, 0.6];
//! let seen = curve.iter().zip(0..).position(|(&loss, epoch)| {
//!     stopping.observe(epoch, loss, &Parameters::new()).is_break()
//! });
//! assert_eq!(seen, Some(5)); // 0.5 is 25 % above 0.4
//! assert_eq!(stopping.finish()?.reason, Reason::GeneralisationLoss);
//! # Ok::<(), regularize::RegularizeError>(())
//! ```

use super::Reason;
use crate::error::{RegularizeError, at_least_zero};
use nn::optimise::HyperparameterError;

/// When to stop. See the [module documentation](self).
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Criterion {
    /// After so many epochs in a row without improvement; 0 is the same as 1.
    Patience(u64),
    /// When the value is more than so many per cent above its minimum: `GL_α`.
    GeneralisationLoss(f64),
    /// When the rise in per cent, divided by the progress of the training in per mille, is above `alpha`: `PQ_α`.
    ProgressQuotient {
        /// The bound.
        alpha: f64,
        /// The length `k` of a strip; Prechelt has 5.
        strip: u64,
    },
    /// When the value has risen from the end of one strip to that of the next, so many times in a row: `UP_s`.
    Rising {
        /// The number `s` of strips.
        times: u64,
        /// The length `k` of a strip; Prechelt has 5.
        strip: u64,
    },
}

impl Criterion {
    /// Whether the numbers make sense.
    pub(super) fn check(&self) -> Result<(), RegularizeError> {
        let at_least_one = |name, n: u64| HyperparameterError::unless(n > 0, name, n as f64, "at least 1");
        match *self {
            Criterion::Patience(_) => {}
            Criterion::GeneralisationLoss(alpha) => drop(at_least_zero("generalisation loss", alpha)?),
            Criterion::ProgressQuotient { alpha, strip } => {
                at_least_zero("progress quotient", alpha)?;
                at_least_one("length of a strip", strip)?;
            }
            Criterion::Rising { times, strip } => {
                at_least_one("number of strips", times)?;
                at_least_one("length of a strip", strip)?;
            }
        }
        Ok(())
    }

    pub(super) fn reason(&self) -> Reason {
        match self {
            Criterion::Patience(_) => Reason::OutOfPatience,
            Criterion::GeneralisationLoss(_) => Reason::GeneralisationLoss,
            Criterion::ProgressQuotient { .. } => Reason::ProgressQuotient,
            Criterion::Rising { .. } => Reason::Rising,
        }
    }

    /// The length of a strip: 1 where there is none.
    pub(super) fn strip(&self) -> u64 {
        match *self {
            Criterion::Patience(_) | Criterion::GeneralisationLoss(_) => 1,
            Criterion::ProgressQuotient { strip, .. } | Criterion::Rising { strip, .. } => strip,
        }
    }

    /// Whether to stop after what was seen.
    pub(super) fn is_met(&self, watch: &Watch) -> bool {
        match *self {
            // An improvement is never a reason to stop, also with patience 0.
            Criterion::Patience(patience) => watch.waited >= patience.max(1),
            Criterion::GeneralisationLoss(alpha) => watch.generalisation_loss() > alpha,
            Criterion::ProgressQuotient { alpha, .. } => {
                // Multiplied out: no progress and no rise is no reason.
                watch.ends_strip && watch.generalisation_loss() > alpha * watch.progress()
            }
            Criterion::Rising { times, .. } => watch.ends_strip && watch.rises >= times,
        }
    }
}

/// What the criteria see of a training.
#[derive(Debug, Clone)]
pub(super) struct Watch {
    /// The last value; `+∞` for one that is not finite.
    value: f64,
    /// The smallest one.
    smallest: f64,
    /// The value that last counted as an improvement, and how many epochs went by since.
    reference: f64,
    waited: u64,
    epochs: u64,
    /// Whether the last epoch was the last one of a strip.
    ends_strip: bool,
    /// The training losses of the strip.
    training: Vec<f64>,
    /// The value at the end of the strip before, and how many strips in a row rose.
    before: Option<f64>,
    rises: u64,
}

impl Default for Watch {
    fn default() -> Watch {
        Watch {
            value: f64::INFINITY,
            smallest: f64::INFINITY,
            reference: f64::INFINITY,
            waited: 0,
            epochs: 0,
            ends_strip: false,
            training: Vec::new(),
            before: None,
            rises: 0,
        }
    }
}

impl Watch {
    pub(super) fn show(&mut self, value: f64, training: f64, min_delta: f64, strip: u64) {
        self.value = if value.is_finite() { value } else { f64::INFINITY };
        self.smallest = self.smallest.min(self.value);
        self.waited += 1;
        if self.value < self.reference - min_delta {
            (self.reference, self.waited) = (self.value, 0);
        }
        if self.ends_strip {
            self.training.clear();
        }
        self.training.push(training);
        self.epochs += 1;
        self.ends_strip = self.epochs.is_multiple_of(strip);
        if self.ends_strip {
            let rose = self.before.is_some_and(|before| self.value > before);
            self.rises = if rose { self.rises + 1 } else { 0 };
            self.before = Some(self.value);
        }
    }

    /// `GL`, in per cent of the minimum's size; 0 at the minimum and before there is one.
    fn generalisation_loss(&self) -> f64 {
        if self.value > self.smallest { 100.0 * beyond(self.value, self.smallest) } else { 0.0 }
    }

    /// `P_k`, in per mille.
    fn progress(&self) -> f64 {
        let mean = self.training.iter().sum::<f64>() / self.training.len() as f64;
        let smallest = self.training.iter().copied().fold(f64::INFINITY, f64::min);
        let progress = 1000.0 * beyond(mean, smallest);
        if progress.is_finite() { progress } else { 0.0 }
    }
}

/// By how much `value` is above `smallest`, as a share of the latter's size: `value / smallest - 1` for positive
/// ones, which Prechelt has in mind, and above 0 for a larger value in every case.
fn beyond(value: f64, smallest: f64) -> f64 {
    if smallest > 0.0 { value / smallest - 1.0 } else { (value - smallest) / smallest.abs() }
}

#[cfg(test)]
mod tests;
