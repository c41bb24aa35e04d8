//! What a technique refuses.

use autograd::RunError;
use nn::data::DataError;
use nn::optimise::HyperparameterError;
use nn::train::TrainError;

/// A strength, a budget or a request that makes no sense, found before anything was recorded or run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegularizeError {
    /// A number out of its range; NaN is in none.
    #[error(transparent)]
    Hyperparameter(#[from] HyperparameterError),
    /// A box whose lower bound is not below its upper one.
    #[error("the box [{low}, {high}] is none: bounds are finite, the lower one below the upper one")]
    Bounds {
        /// The lower bound.
        low: f64,
        /// The upper bound.
        high: f64,
    },
    /// An iterated attack in a norm whose ball has no projection here.
    #[error(
        "there is no projection in the norm of exponent {exponent}: iterated attacks take 1, 2 or infinity"
    )]
    NoProjection {
        /// The norm's exponent.
        exponent: f64,
    },
    /// A loss that compares more classes than there are.
    #[error("the attack's loss compares {needed} classes, there are {classes}")]
    TooFewClasses {
        /// How many it compares.
        needed: usize,
        /// How many there are.
        classes: usize,
    },
    /// A target that is no class.
    #[error("the attack's target is class {class}, there are {classes}")]
    NoSuchClass {
        /// The target.
        class: u32,
        /// How many there are.
        classes: usize,
    },
    /// An example outside the box of valid inputs.
    #[error("example {example} holds {value}, outside the attack's box [{low}, {high}]")]
    OutsideBox {
        /// Its number.
        example: usize,
        /// The value.
        value: f64,
        /// The lower bound.
        low: f64,
        /// The upper bound.
        high: f64,
    },
    /// Attacks of which there is no worst case: of different norms or boxes, or without a budget.
    #[error("`{attack}` has not the norm and box of `{first}`, or no budget: they have no worst case")]
    NotComparable {
        /// The attack that does not fit.
        attack: String,
        /// The first one.
        first: String,
    },
    /// An attack that needs a box, another norm, or images.
    #[error("{attack} needs {needs}")]
    AttackNeeds {
        /// The attack.
        attack: &'static str,
        /// What it needs.
        needs: &'static str,
    },
    /// A selection that chooses none of the parameters: a penalty that would silently be absent.
    #[error("the selection `{selection}` chooses none of the parameters: {known}")]
    SelectsNothing {
        /// The selection.
        selection: String,
        /// The names of the parameters.
        known: String,
    },
    /// A parameter that has no value.
    #[error("there is no parameter `{name}`; there are: {known}")]
    MissingParameter {
        /// Its name.
        name: String,
        /// The names of those that have one.
        known: String,
    },
    /// What early stopping should watch was not measured.
    #[error("early stopping watches the {measure}, which epoch {epoch} did not measure")]
    NotMeasured {
        /// What it watches.
        measure: &'static str,
        /// The epoch, counted from 0.
        epoch: u64,
    },
    /// No epoch gave a finite value, so that no parameters are the best.
    #[error("none of {epochs} epochs had a finite {measure}: there are no best parameters")]
    NothingToKeep {
        /// How many epochs were seen.
        epochs: u64,
        /// What was watched.
        measure: &'static str,
    },
    /// Model, data and parameters do not fit.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// A batch cannot be made.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A run was refused.
    #[error(transparent)]
    Run(#[from] RunError),
}

/// A number that must be finite and at least 0.
pub(crate) fn at_least_zero(name: &'static str, value: f64) -> Result<f64, RegularizeError> {
    let fits = value.is_finite() && value >= 0.0;
    HyperparameterError::unless(fits, name, value, "finite and at least 0")?;
    Ok(value)
}

/// Names as a message lists them.
pub(crate) fn listed<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let names: Vec<_> = names.collect();
    if names.is_empty() { "none".into() } else { names.join(", ") }
}
