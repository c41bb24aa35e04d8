//! After stopping: a training on all the data, the validation set included (*Deep Learning*, section 7.8).
//!
//! Early stopping keeps some data from the training to find when to stop. Once that is known, they can be had
//! back, in two ways:
//!
//! | | book | begins | ends |
//! |---|---|---|---|
//! | [`refit_from_scratch`] | algorithm 7.2 | at new initial parameters | after as many steps, or as many epochs, as led to the best ones |
//! | [`refit_onwards`] | algorithm 7.3 | at the best parameters | when the loss on the validation set, now trained on, is below the training loss at the best parameters; or at a limit |
//!
//! The first costs a whole training and has no sure notion of "as long": with more data an epoch has more
//! steps, and the book leaves it open whether to count the one or the other ([`Length`]). The second is cheaper,
//! and the objective may never come so low: hence the limit, and [`Refitted::reached`].
//!
//! ```
//! use nn::data::digits;
//! use nn::{Activation, Optimiser, Sequential, Trainer, initialise};
//! use regularize::EarlyStopping;
//! use regularize::early_stopping::{Length, refit_from_scratch, refit_onwards};
//! # fn main() -> Result<(), regularize::RegularizeError> {
//! let all = digits::load()?.flattened();
//! let [train, validation] = all.split([0.7, 0.3], 1)?;
//! let model = Sequential::<f32>::mlp(&[64, 10], Activation::Relu);
//! let trainer = || Trainer::new(&model, Optimiser::adam(0.1));
//! let (mut parameters, mut stopping) = (initialise(&model, 1), EarlyStopping::new(2));
//! trainer().epochs(20).fit_observed(&train, Some(&validation), &mut parameters, &mut stopping)?;
//! let stopped = stopping.finish()?;
//!
//! let again = refit_from_scratch(trainer(), &all, initialise(&model, 2), &stopped, Length::Epochs)?;
//! assert_eq!(again.curve.epochs.len() as u64, stopped.epoch + 1);
//! let onwards = refit_onwards(trainer(), &all, &train, &validation, &stopped, 5)?;
//! assert!(onwards.reached == (onwards.loss < onwards.target));
//! # Ok(())
//! # }
//! ```

use super::Stopped;
use crate::error::RegularizeError;
use autograd::{Parameters, Real};
use nn::Trainer;
use nn::data::Dataset;
use nn::optimise::HyperparameterError;
use nn::train::{EpochMetrics, EpochObserver, LearningCurve, StepMetrics};
use std::ops::ControlFlow;

/// In what a training on more data is as long as the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Length {
    /// As many updates of the parameters, so fewer passes over the data.
    Steps,
    /// As many passes over the data, so more updates.
    Epochs,
}

/// A training on all data.
#[derive(Debug, Clone, PartialEq)]
pub struct Refitted<T: Real> {
    /// The parameters at its end, the optimiser's memory among them.
    pub parameters: Parameters<T>,
    /// How it went. A training of so many steps ends where they do: the epoch of the last one is not in it,
    /// even if that step was the epoch's last. [`LearningCurve::position`] says where it ended.
    pub curve: LearningCurve,
    /// For [`refit_onwards`], the loss on the validation set at the end; NaN for [`refit_from_scratch`].
    pub loss: f64,
    /// For [`refit_onwards`], what that loss should come below; NaN for [`refit_from_scratch`].
    pub target: f64,
    /// Whether the training ended where it should: not at the limit.
    pub reached: bool,
}

/// Trains `initial` parameters on `all` data for as long as led to the best parameters: algorithm 7.2.
///
/// `trainer` is one like the first, with model, objective, optimiser, batch size and seed; its number of epochs is
/// not used.
///
/// # Errors
/// [`RegularizeError::Train`] if data and model do not fit or a value stops being finite, and a
/// [`RegularizeError::Hyperparameter`] if steps are wanted and none were counted: a [`Stopped`] that no trainer made.
///
/// Eight examples in batches of two are four steps an epoch. The best parameters came after two epochs of two
/// steps each, on half of the examples:
///
/// ```
/// use autograd::{Parameters, Tensor};
/// use nn::data::Dataset;
/// use nn::{Activation, Optimiser, Sequential, Trainer, initialise};
/// use regularize::early_stopping::{Length, Reason, Stopped, refit_from_scratch};
/// let all = Dataset::new(Tensor::from_fn([8, 1], |i| i as f64), Tensor::from_fn([8], |i| i as u32 / 4), 2)?;
/// let model = Sequential::<f64>::mlp(&[1, 2], Activation::Relu);
/// let (parameters, reason) = (Parameters::new(), Reason::OutOfPatience);
/// let stopped = Stopped { parameters, epoch: 1, value: 0.1, steps: 4, reason, epochs: 4, non_finite: 0 };
/// let steps = |length| {
///     let trainer = Trainer::new(&model, Optimiser::sgd(0.1)).batch_size(2);
///     let again = refit_from_scratch(trainer, &all, initialise(&model, 1), &stopped, length)?;
///     let end = again.curve.position;
///     Ok::<u64, regularize::RegularizeError>(end.epoch * 4 + end.batch)
/// };
/// assert_eq!(steps(Length::Epochs)?, 8);
/// assert_eq!(steps(Length::Steps)?, 4);
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
pub fn refit_from_scratch<T: Real>(
    trainer: Trainer<'_, T>,
    all: &Dataset<T>,
    initial: Parameters<T>,
    stopped: &Stopped<T>,
    length: Length,
) -> Result<Refitted<T>, RegularizeError> {
    let mut parameters = initial;
    let curve = match length {
        Length::Epochs => trainer.epochs(stopped.epoch + 1).fit(all, None, &mut parameters)?,
        Length::Steps => {
            let counted = stopped.steps > 0;
            HyperparameterError::unless(counted, "number of steps", stopped.steps as f64, "at least 1")?;
            // An epoch has a step at least.
            let mut end = StopAfter(stopped.steps);
            trainer.epochs(stopped.steps).fit_observed(all, None, &mut parameters, &mut end)?
        }
    };
    Ok(Refitted { parameters, curve, loss: f64::NAN, target: f64::NAN, reached: true })
}

/// Ends a training after so many steps.
struct StopAfter(u64);

impl<T: Real> EpochObserver<T> for StopAfter {
    /// Not reached after the last step, which ends the training in the middle of its epoch.
    fn epoch_ended(&mut self, _: &EpochMetrics, _: &Parameters<T>) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn step_ended(&mut self, _: &StepMetrics, _: &Parameters<T>) -> ControlFlow<()> {
        self.0 -= 1;
        if self.0 == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// Trains the best parameters on `all` data until the loss on `validation` is below the loss that they have on
/// `train`, or for at most `limit` epochs: algorithm 7.3.
///
/// Both are mean cross-entropies in [`Mode::Evaluate`](nn::Mode::Evaluate), measured after each epoch. If the loss is
/// low enough at once, nothing is trained. `trainer` is one like the first; the optimiser goes on with the memory that is
/// among the best parameters, and with the schedule and the draws of the epochs after the best one.
///
/// # Errors
/// [`RegularizeError::Train`] if data and model do not fit, or a value stops being finite.
///
/// ```
/// use autograd::Tensor;
/// use nn::data::Dataset;
/// use nn::{Activation, Optimiser, Sequential, Trainer, initialise};
/// use regularize::EarlyStopping;
/// use regularize::early_stopping::refit_onwards;
/// let part = |x: [f64; 2]| Dataset::new(Tensor::new([2, 1], x.to_vec()), Tensor::new([2], vec![0, 1]), 2);
/// let (train, validation) = (part([-2.0, 2.0])?, part([-1.0, 1.0])?);
/// let all = Dataset::new(
///     Tensor::new([4, 1], vec![-2.0, 2.0, -1.0, 1.0]), Tensor::new([4], vec![0, 1, 0, 1]), 2,
/// )?;
/// let model = Sequential::<f64>::mlp(&[1, 2], Activation::Relu);
/// let trainer = || Trainer::new(&model, Optimiser::sgd(0.5)).epochs(5);
/// let mut stopping = EarlyStopping::new(2);
/// trainer().fit_observed(&train, Some(&validation), &mut initialise(&model, 1), &mut stopping)?;
/// let stopped = stopping.finish()?;
///
/// let more = refit_onwards(trainer(), &all, &train, &validation, &stopped, 100)?;
/// assert!(more.reached && more.loss < more.target);
/// // With no epoch to spare the best parameters come back.
/// let none = refit_onwards(trainer(), &all, &train, &validation, &stopped, 0)?;
/// assert!(!none.reached && none.parameters == stopped.parameters);
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
pub fn refit_onwards<T: Real>(
    trainer: Trainer<'_, T>,
    all: &Dataset<T>,
    train: &Dataset<T>,
    validation: &Dataset<T>,
    stopped: &Stopped<T>,
    limit: u64,
) -> Result<Refitted<T>, RegularizeError> {
    let mut parameters = stopped.parameters.clone();
    let mut trainer = trainer.first_epoch(stopped.epoch + 1).epochs(limit);
    let target = trainer.evaluate(train, &parameters)?.loss;
    let mut loss = trainer.evaluate(validation, &parameters)?.loss;
    let mut curve = LearningCurve::default();
    if loss >= target && limit > 0 {
        let mut watch = |metrics: &EpochMetrics, _: &Parameters<T>| {
            loss = metrics.validation.map_or(loss, |validation| validation.loss);
            if loss < target { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        curve = trainer.fit_observed(all, Some(validation), &mut parameters, &mut watch)?;
    }
    Ok(Refitted { parameters, curve, loss, target, reached: loss < target })
}

#[cfg(test)]
mod tests;
