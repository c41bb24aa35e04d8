//! Why a training cannot begin or go on.

use super::LearningCurve;
use crate::data::DataError;
use crate::layer::LayerShapeError;
use crate::optimise::HyperparameterError;
use autograd::{NonFinite, RunError, Shape};

/// A training or an evaluation that cannot begin or go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// An optimiser's number makes no sense.
    #[error("the optimiser cannot work: {0}")]
    Hyperparameter(#[from] HyperparameterError),
    /// A batch cannot be made.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The model does not take the examples.
    #[error("the model does not take examples of shape {example}: {error}")]
    ExampleShape {
        /// The shape of one example.
        example: Shape,
        /// The layer that does not take what it is given; the first axis counts examples.
        error: LayerShapeError,
    },
    /// The model's result is not one row of logits for each example.
    #[error("the model makes {output} of {inputs}; a classifier makes [{}, classes]", inputs.lengths()[0])]
    OutputShape {
        /// The batch.
        inputs: Shape,
        /// What the model makes of it.
        output: Shape,
    },
    /// The data set has more classes than the model.
    #[error("the data set has {data} classes, the model only {model}")]
    TooManyClasses {
        /// The number of classes of the data set.
        data: usize,
        /// The number of logits.
        model: usize,
    },
    /// Validation examples have another shape than training examples.
    #[error("validation examples have shape {validation}, training examples {train}")]
    ValidationShape {
        /// The shape of a training example.
        train: Shape,
        /// The shape of a validation example.
        validation: Shape,
    },
    /// A training is to go on where there is nothing.
    #[error(
        "the training is to go on with epoch {epoch} after {batch} batches of it, and an epoch has {per_epoch}; \
         were data or batch size others then?"
    )]
    NoSuchPosition {
        /// The epoch.
        epoch: u64,
        /// The number of its batches that are said to be done.
        batch: u64,
        /// The number of batches that an epoch has.
        per_epoch: u64,
    },
    /// The plan refused its parameters or feeds.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The objective or, at the end of an epoch, a parameter became NaN or infinite. The parameters were set
    /// back to their values after the last good epoch.
    #[error("{what} became {value} in batch {batch} of epoch {epoch}{}", origin(cause))]
    NonFinite {
        /// The objective, or the parameter by its name.
        what: String,
        /// NaN or an infinity.
        value: f64,
        /// The epoch, counted from 0.
        epoch: u64,
        /// The batch in it, counted from 0.
        batch: usize,
        /// The node it came from, found by repeating the epoch up to that batch.
        cause: Option<NonFinite>,
        /// The epochs that were finished.
        curve: LearningCurve,
    },
}

fn origin(cause: &Option<NonFinite>) -> String {
    cause.as_ref().map(|cause| format!(": {cause}")).unwrap_or_default()
}
