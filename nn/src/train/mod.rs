//! The training loop: minibatches, one compiled plan for each step, measures for each epoch.
//!
//! A [`Trainer`] compiles the whole step (forward, loss and penalties, gradient, update) as *one* plan, runs
//! it over shuffled minibatches, and measures the network after each epoch. What is minimised is a closure
//! over a [`Batch`] of graph variables, so a penalty, an augmentation or an adversarial example is a line of
//! it. An [`EpochObserver`] sees parameters and measures after each epoch, or each step, and may stop; so may an
//! [`Interrupt`], which a program sets from wherever it likes.
//!
//! # Reproducible
//!
//! Order of examples, random draws and learning rate are pure functions of the seed and of the number of the
//! epoch and step. The same seed gives bit-identical parameters, for any number of threads; a training that
//! goes on from saved parameters is bit for bit the one that was never interrupted, whether it stopped after an
//! epoch or in the middle of one: [`Trainer::resume`] takes it up from a [`Checkpoint`](crate::Checkpoint).
//!
//! ```
//! use nn::data::digits;
//! use nn::train::Trainer;
//! use nn::{Activation, Optimiser, Selection, Sequential, initialise};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let [train, validation] = digits::load()?.flattened().split([0.8, 0.2], 1)?;
//! let model = Sequential::<f32>::mlp(&[64, 16, 10], Activation::Relu);
//! let mut parameters = initialise(&model, 1);
//! let mut trainer = Trainer::new(&model, Optimiser::adam(0.01)).epochs(2).seed(1).objective(|batch| {
//!     let weights = batch.variables(&Selection::weights());
//!     weights.iter().fold(batch.cross_entropy(), |sum, w| sum + w.norm_squared() * 1e-4)
//! });
//! let curve = trainer.fit(&train, Some(&validation), &mut parameters)?;
//! println!("{curve}");
//! assert!(curve.last().unwrap().validation.unwrap().error < 0.2);
//! # Ok(())
//! # }
//! ```

mod batch;
mod curve;
mod error;
mod evaluate;
mod interrupt;
mod trainer;

pub use batch::Batch;
pub use curve::{BatchSums, EpochMetrics, Evaluation, LearningCurve, Position, StepMetrics};
pub use error::TrainError;
pub use evaluate::Evaluator;
pub use interrupt::Interrupt;
pub use trainer::{Trainer, TrainingMeasure};

use crate::data::Dataset;
use crate::layer::Layer;
use autograd::{Parameters, Real, Shape};
use std::ops::ControlFlow;

/// Looks on after each epoch, and if it likes after each step, and may end the training. Any closure of the
/// form of [`epoch_ended`](EpochObserver::epoch_ended) is one.
pub trait EpochObserver<T: Real> {
    /// Called after an epoch with its measures and the parameters as they are now; `Break` ends the
    /// training. Whoever wants to go back to these parameters keeps a clone.
    fn epoch_ended(&mut self, metrics: &EpochMetrics, parameters: &Parameters<T>) -> ControlFlow<()>;

    /// Called after each step; `Break` ends the training there, in the middle of the epoch. Does nothing,
    /// unless the observer says otherwise.
    fn step_ended(&mut self, _metrics: &StepMetrics, _parameters: &Parameters<T>) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

impl<T: Real, F: FnMut(&EpochMetrics, &Parameters<T>) -> ControlFlow<()>> EpochObserver<T> for F {
    fn epoch_ended(&mut self, metrics: &EpochMetrics, parameters: &Parameters<T>) -> ControlFlow<()> {
        self(metrics, parameters)
    }
}

/// The number of logits that the model makes of each of some examples, `[n, ..]`: to be asked before anything is
/// recorded, as a layer refuses what it does not take by a panic.
///
/// # Errors
/// If it does not take them, or its result is not `[n, classes]`.
///
/// ```
/// use nn::{Activation, Sequential, train::check_examples};
/// let model = Sequential::<f32>::mlp(&[64, 16, 10], Activation::Relu);
/// assert_eq!(check_examples(&model, [5, 64].into())?, 10);
/// let error = check_examples(&model, [5, 63].into()).unwrap_err();
/// assert!(error.to_string().starts_with("the model does not take examples of shape [63]"));
/// # Ok::<(), nn::train::TrainError>(())
/// ```
pub fn check_examples<T: Real>(model: &dyn Layer<T>, inputs: Shape) -> Result<usize, TrainError> {
    let example = Shape::new(inputs.lengths().get(1..).unwrap_or_default());
    let output = model.output_shape(inputs).map_err(|error| TrainError::ExampleShape { example, error })?;
    match output.lengths() {
        &[rows, classes] if inputs.rank() > 0 && rows == inputs[0] => Ok(classes),
        _ => Err(TrainError::OutputShape { inputs, output }),
    }
}

/// Checks that the model makes logits of the data set's examples, one for each of its classes.
///
/// # Errors
/// As [`check_examples`], or if it makes fewer than there are classes.
pub fn check_model<T: Real>(model: &dyn Layer<T>, data: &Dataset<T>) -> Result<(), TrainError> {
    let logits = check_examples(model, data.examples().shape())?;
    if logits < data.classes() {
        return Err(TrainError::TooManyClasses { data: data.classes(), model: logits });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
