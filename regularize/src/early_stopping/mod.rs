//! Early stopping: train until the validation error has stopped falling, and keep the parameters of its
//! minimum (*Deep Learning*, section 7.8, algorithm 7.1).
//!
//! An [`EarlyStopping`] is shown a value and the parameters after each epoch. It keeps an owned copy of the
//! best parameters, says when to stop, and hands them back with the evidence: [`Stopped`]. It is an
//! [`EpochObserver`], so a [`Trainer`](nn::Trainer) takes it as it is; and it works alone, through
//! [`EarlyStopping::observe`].
//!
//! | rule | |
//! |---|---|
//! | best | the smallest finite value; the first of equals |
//! | improvement | more than `min_delta` below the value that last counted as one; a tie is none |
//! | stop | after `patience` epochs in a row without improvement |
//! | patience 0 | the same as 1: an epoch is seen when it is over (the algorithm would not train at all) |
//! | NaN, ±∞ | never best, never an improvement: counted as an epoch without one |
//! | all of them NaN | [`RegularizeError::NothingToKeep`]; the caller still has the initial parameters |
//! | training ends by itself | the best parameters are handed back all the same |
//!
//! So many small improvements count once their sum exceeds `min_delta`, and what comes back is the true
//! minimum whether or not it counted.
//!
//! Patience is one [`Criterion`] of several: see [`criterion`] for those of Prechelt. The validation set has by
//! then cost some training data; [`refit`] gets it back, by both of the book's algorithms.
//!
//! For a quadratic loss, `τ` steps of gradient descent from 0 are L2 regularisation with a coefficient of
//! `λ r / (1 - r)`, `r = (1 - ε λ)^τ`, along an eigenvector with eigenvalue `λ`: about `1 / (ε τ)` where
//! `ε λ τ` is small (equations 7.40 to 7.45). The tests check both.
//!
//! ```
//! use nn::data::digits;
//! use nn::{Activation, Optimiser, Sequential, Trainer, initialise};
//! use regularize::{EarlyStopping, Measure};
//! # fn main() -> Result<(), regularize::RegularizeError> {
//! let [train, validation] = digits::load()?.flattened().split([0.7, 0.3], 1)?;
//! let model = Sequential::<f32>::mlp(&[64, 10], Activation::Relu);
//! let mut parameters = initialise(&model, 1);
//! let mut stopping = EarlyStopping::new(2).watching(Measure::ValidationLoss);
//! let mut trainer = Trainer::new(&model, Optimiser::adam(0.1)).epochs(20);
//! trainer.fit_observed(&train, Some(&validation), &mut parameters, &mut stopping)?;
//! let stopped = stopping.finish()?;
//! println!("epoch {} was best: {:.3} ({:?})", stopped.epoch, stopped.value, stopped.reason);
//! let best = trainer.evaluate(&validation, &stopped.parameters)?;
//! assert_eq!(best.loss, stopped.value);
//! # Ok(())
//! # }
//! ```

pub mod criterion;
pub mod refit;

pub use criterion::Criterion;
pub use refit::{Length, Refitted, refit_from_scratch, refit_onwards};

use crate::error::{RegularizeError, at_least_zero};
use autograd::{Parameters, Real};
use criterion::Watch;
use nn::train::{EpochMetrics, EpochObserver, StepMetrics};
use std::ops::ControlFlow;

/// What is watched; smaller is better.
///
/// ```
/// use nn::train::{EpochMetrics, Evaluation};
/// use regularize::Measure;
/// let metrics = EpochMetrics {
///     epoch: 0,
///     objective: 0.75,
///     train: Evaluation { loss: 0.5, error: 0.25, examples: 100 },
///     validation: None,
///     learning_rate: 0.1,
///     seconds: 1.0,
/// };
/// assert_eq!(Measure::Objective.of(&metrics), Some(0.75));
/// assert_eq!(Measure::TrainingLoss.of(&metrics), Some(0.5));
/// assert_eq!(Measure::ValidationError.of(&metrics), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Measure {
    /// The mean cross-entropy on the validation set.
    #[default]
    ValidationLoss,
    /// The share of validation examples that are wrong.
    ValidationError,
    /// The mean cross-entropy on the training set.
    TrainingLoss,
    /// What is minimised, penalties included, on the training set.
    Objective,
}

impl Measure {
    /// The measure of an epoch; `None` if it was not taken.
    pub fn of(self, metrics: &EpochMetrics) -> Option<f64> {
        match self {
            Measure::ValidationLoss => metrics.validation.map(|validation| validation.loss),
            Measure::ValidationError => metrics.validation.map(|validation| validation.error),
            Measure::TrainingLoss => Some(metrics.train.loss),
            Measure::Objective => Some(metrics.objective),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Measure::ValidationLoss => "validation loss",
            Measure::ValidationError => "validation error",
            Measure::TrainingLoss => "training loss",
            Measure::Objective => "objective",
        }
    }
}

/// Why no more epochs came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// As many epochs as the patience went by without improvement.
    OutOfPatience,
    /// The value has risen too far above its minimum.
    GeneralisationLoss,
    /// The value has risen too far for what the training still gains.
    ProgressQuotient,
    /// The value has risen over as many strips in a row.
    Rising,
    /// The training ended by itself first.
    TrainingEnded,
}

/// What early stopping hands back.
#[derive(Debug, Clone, PartialEq)]
pub struct Stopped<T: Real> {
    /// The parameters after the best epoch, the optimiser's memory among them.
    pub parameters: Parameters<T>,
    /// The best epoch, counted from 0.
    pub epoch: u64,
    /// The smallest value.
    pub value: f64,
    /// How many steps the training had done after the best epoch, as far as they were seen: 0 unless a trainer
    /// showed them.
    pub steps: u64,
    /// Why no more epochs came.
    pub reason: Reason,
    /// How many epochs were seen.
    pub epochs: u64,
    /// In how many of them the value was not finite.
    pub non_finite: u64,
}

/// Watches a training. See the [module documentation](self).
///
/// Without a trainer:
///
/// ```
/// use autograd::{Parameters, Tensor};
/// use regularize::{EarlyStopping, Reason};
/// let mut stopping = EarlyStopping::<f64>::new(2).min_delta(0.01)?;
/// let mut parameters = Parameters::new();
/// for (epoch, loss) in [0.9, 0.5, f64::NAN, 0.495, 0.1].into_iter().enumerate() {
///     parameters.insert("w", Tensor::scalar(epoch as f64));
///     if stopping.observe(epoch as u64, loss, &parameters).is_break() {
///         break;
///     }
/// }
/// let stopped = stopping.finish()?;
/// assert_eq!((stopped.reason, stopped.epochs, stopped.non_finite), (Reason::OutOfPatience, 4, 1));
/// // 0.495 is no improvement by more than 0.01, but the smallest value all the same.
/// assert_eq!((stopped.epoch, stopped.value), (3, 0.495));
/// assert_eq!(stopped.parameters["w"].item(), 3.0);
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone)]
pub struct EarlyStopping<T: Real> {
    criterion: Criterion,
    min_delta: f64,
    measure: Measure,
    /// What the criterion has seen.
    watch: Watch,
    /// The smallest value.
    best: Option<Best<T>>,
    /// Why the criterion said to stop, once it has.
    stopped: Option<Reason>,
    epochs: u64,
    steps: u64,
    non_finite: u64,
    /// The first epoch that lacked the measure.
    unmeasured: Option<u64>,
}

/// The epoch of the smallest value.
#[derive(Debug, Clone)]
struct Best<T: Real> {
    epoch: u64,
    steps: u64,
    value: f64,
    parameters: Parameters<T>,
}

impl<T: Real> EarlyStopping<T> {
    /// Stops after `patience` epochs in a row without improvement of the validation loss. 0 is the same as 1.
    pub fn new(patience: u64) -> EarlyStopping<T> {
        EarlyStopping::of(Criterion::Patience(patience))
    }

    /// Stops when the criterion says so.
    ///
    /// # Errors
    /// If a number of the criterion makes no sense.
    pub fn by(criterion: Criterion) -> Result<EarlyStopping<T>, RegularizeError> {
        criterion.check()?;
        Ok(EarlyStopping::of(criterion))
    }

    fn of(criterion: Criterion) -> EarlyStopping<T> {
        EarlyStopping {
            criterion,
            min_delta: 0.0,
            measure: Measure::default(),
            watch: Watch::default(),
            best: None,
            stopped: None,
            epochs: 0,
            steps: 0,
            non_finite: 0,
            unmeasured: None,
        }
    }

    /// The same, with an improvement only where the value falls by more than `min_delta`. It is patience that
    /// waits for improvements; the other criteria have no use for it.
    ///
    /// # Errors
    /// If `min_delta` is negative or not finite.
    pub fn min_delta(self, min_delta: f64) -> Result<Self, RegularizeError> {
        Ok(EarlyStopping { min_delta: at_least_zero("min_delta", min_delta)?, ..self })
    }

    /// The same, watching another measure of a [`Trainer`](nn::Trainer)'s epochs.
    pub fn watching(self, measure: Measure) -> Self {
        EarlyStopping { measure, ..self }
    }

    /// Shows the value and the parameters after an epoch; `Break` says to stop.
    ///
    /// [`Criterion::ProgressQuotient`] needs the training loss too: see [`EarlyStopping::observe_both`]. Here it
    /// takes the training to make no progress.
    pub fn observe(&mut self, epoch: u64, value: f64, parameters: &Parameters<T>) -> ControlFlow<()> {
        self.observe_both(epoch, value, f64::NAN, parameters)
    }

    /// Shows the value, the training loss and the parameters after an epoch; `Break` says to stop.
    pub fn observe_both(
        &mut self,
        epoch: u64,
        value: f64,
        training: f64,
        parameters: &Parameters<T>,
    ) -> ControlFlow<()> {
        self.epochs += 1;
        if !value.is_finite() {
            self.non_finite += 1;
        } else if self.best.as_ref().is_none_or(|best| value < best.value) {
            self.best = Some(Best { epoch, steps: self.steps, value, parameters: parameters.clone() });
        }
        self.watch.show(value, training, self.min_delta, self.criterion.strip());
        if self.stopped.is_none() && self.criterion.is_met(&self.watch) {
            self.stopped = Some(self.criterion.reason());
        }
        if self.stopped.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// The best parameters so far.
    pub fn best(&self) -> Option<&Parameters<T>> {
        self.best.as_ref().map(|best| &best.parameters)
    }

    /// What was found.
    ///
    /// # Errors
    /// [`RegularizeError::NotMeasured`] if a trainer's epoch lacked the measure,
    /// [`RegularizeError::NothingToKeep`] if no value was finite.
    pub fn finish(self) -> Result<Stopped<T>, RegularizeError> {
        let measure = self.measure.name();
        if let Some(epoch) = self.unmeasured {
            return Err(RegularizeError::NotMeasured { measure, epoch });
        }
        let Some(best) = self.best else {
            return Err(RegularizeError::NothingToKeep { epochs: self.epochs, measure });
        };
        let Best { epoch, steps, value, parameters } = best;
        let reason = self.stopped.unwrap_or(Reason::TrainingEnded);
        let (epochs, non_finite) = (self.epochs, self.non_finite);
        Ok(Stopped { parameters, epoch, value, steps, reason, epochs, non_finite })
    }
}

impl<T: Real> EpochObserver<T> for EarlyStopping<T> {
    fn epoch_ended(&mut self, metrics: &EpochMetrics, parameters: &Parameters<T>) -> ControlFlow<()> {
        match self.measure.of(metrics) {
            Some(value) => self.observe_both(metrics.epoch, value, metrics.train.loss, parameters),
            // The trainer takes no error from an observer: it is kept for `finish`.
            None => {
                self.unmeasured.get_or_insert(metrics.epoch);
                ControlFlow::Break(())
            }
        }
    }

    fn step_ended(&mut self, _: &StepMetrics, _: &Parameters<T>) -> ControlFlow<()> {
        self.steps += 1;
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests;
