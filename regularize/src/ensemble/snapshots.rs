//! Snapshot ensembles: several members from one training (Huang et al., *Snapshot Ensembles: Train 1, Get M
//! for Free*, ICLR 2017).
//!
//! The learning rate falls along a cosine and then starts anew from the top, over and over
//! ([`Schedule::CosineRestarts`]). Just before each restart the network is near a minimum, and is copied;
//! the large rate then throws it out, towards another. [`Snapshots`] is the observer that copies: put it into
//! [`Trainer::fit_observed`](nn::Trainer::fit_observed), and the copies into a
//! [`Committee`](super::Committee), the last few of them if there are many.
//!
//! A cycle ends with the step after which the schedule's rate rises. The last cycle of a training counts if
//! the training goes through to its end.
//!
//! ```
//! use nn::data::digits;
//! use nn::{Activation, Optimiser, Schedule, Sequential, Trainer, initialise};
//! use regularize::ensemble::{Average, Committee, Snapshots};
//! # fn main() -> Result<(), regularize::RegularizeError> {
//! let [train, test] = digits::load()?.flattened().split([0.8, 0.2], 1)?;
//! let model = Sequential::<f32>::mlp(&[64, 16, 10], Activation::Relu);
//! let steps = train.len().div_ceil(32) as u64;
//! let schedule = Schedule::CosineRestarts { initial: 0.2, last: 0.0, steps: 5 * steps, growth: 1 };
//! let mut snapshots = Snapshots::of(&schedule);
//! let mut parameters = initialise(&model, 1);
//! Trainer::new(&model, Optimiser::sgd(schedule))
//!     .epochs(15)
//!     .fit_observed(&train, None, &mut parameters, &mut snapshots)?;
//! let members = snapshots.into_members();
//! assert_eq!(members.len(), 3);
//! let error = Committee::new(&model, members)?.error(&test, Average::Arithmetic)?;
//! assert!(error < 0.1, "{error}");
//! # Ok(())
//! # }
//! ```

use autograd::{Parameters, Real};
use nn::Schedule;
use nn::train::{EpochMetrics, EpochObserver, StepMetrics};
use std::ops::ControlFlow;

/// Copies the parameters at the end of each cycle of a schedule.
///
/// ```
/// use autograd::{Parameters, Tensor};
/// use nn::Schedule;
/// use regularize::ensemble::Snapshots;
/// let schedule = Schedule::CosineRestarts { initial: 1.0, last: 0.0, steps: 3, growth: 1 };
/// let mut snapshots = Snapshots::<f64>::of(&schedule);
/// for step in 0..8 {
///     let parameters: Parameters<f64> = [("w", Tensor::scalar(f64::from(step)))].into_iter().collect();
///     snapshots.observe(&parameters);
/// }
/// assert_eq!(snapshots.steps(), [2, 5]); // the last cycle is not at its end
/// let members: Vec<_> = snapshots.into_members().iter().map(|member| member["w"].item()).collect();
/// assert_eq!(members, [2.0, 5.0]);
/// ```
#[derive(Debug, Clone)]
pub struct Snapshots<T: Real> {
    schedule: Schedule,
    /// The number of the next step.
    step: u64,
    taken: Vec<(u64, Parameters<T>)>,
}

impl<T: Real> Snapshots<T> {
    /// None yet, for a training by this schedule from its first step on.
    pub fn of(schedule: &Schedule) -> Snapshots<T> {
        Snapshots::resumed(schedule, 0)
    }

    /// None yet, for a training that goes on with this step.
    ///
    /// ```
    /// use autograd::Parameters;
    /// use nn::Schedule;
    /// use regularize::ensemble::Snapshots;
    /// let schedule = Schedule::CosineRestarts { initial: 1.0, last: 0.0, steps: 3, growth: 1 };
    /// let mut snapshots = Snapshots::<f64>::resumed(&schedule, 4);
    /// assert!(!snapshots.observe(&Parameters::new())); // after step 4
    /// assert!(snapshots.observe(&Parameters::new())); // after step 5, the last of the second cycle
    /// assert_eq!(snapshots.steps(), [5]);
    /// ```
    pub fn resumed(schedule: &Schedule, step: u64) -> Snapshots<T> {
        Snapshots { schedule: schedule.clone(), step, taken: Vec::new() }
    }

    /// Sees one more step and the parameters after it. Returns whether it took a copy.
    pub fn observe(&mut self, parameters: &Parameters<T>) -> bool {
        let (step, next) = (self.step, self.step + 1);
        self.step = next;
        let ends = self.schedule.at(next) > self.schedule.at(step);
        if ends {
            self.taken.push((step, parameters.clone()));
        }
        ends
    }

    /// The steps, counted from 0, after which a copy was taken.
    pub fn steps(&self) -> Vec<u64> {
        self.taken.iter().map(|&(step, _)| step).collect()
    }

    /// The copies, in order.
    pub fn into_members(self) -> Vec<Parameters<T>> {
        self.taken.into_iter().map(|(_, parameters)| parameters).collect()
    }
}

impl<T: Real> EpochObserver<T> for Snapshots<T> {
    fn epoch_ended(&mut self, _: &EpochMetrics, _: &Parameters<T>) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn step_ended(&mut self, _: &StepMetrics, parameters: &Parameters<T>) -> ControlFlow<()> {
        self.observe(parameters);
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests;
