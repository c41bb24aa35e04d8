//! What a technique refuses.

use crate::augmentation::Change;
use crate::augmentation::contract::refusal;
use autograd::{Real, RunError, Shape};
use nn::data::DataError;
use nn::optimise::HyperparameterError;
use nn::train::TrainError;
use nn::{ParameterSpec, Selection};

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
    /// Labels that are smoothed until another class is as likely.
    #[error("with ε = {epsilon} the label is no longer the likeliest of {classes} classes")]
    TooSmooth {
        /// The probability of a wrong label.
        epsilon: f64,
        /// How many classes there are.
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
    /// Two parameters that should be near each other or the same, of different shapes.
    #[error("`{first}` is {first_shape}, `{second}` is {second_shape}: they cannot be shared")]
    NotAlike {
        /// The name of one.
        first: String,
        /// Its shape.
        first_shape: Shape,
        /// The name of the other.
        second: String,
        /// Its shape.
        second_shape: Shape,
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
    /// A training ended before the first of its parameters were taken into the average.
    #[error("nothing is averaged yet: the first parameters are taken after step {start}")]
    NothingAveraged {
        /// The first step whose parameters are taken.
        start: u64,
    },
    /// A hyper-gradient without anything to differentiate with respect to.
    #[error("a hyper-gradient needs a hyper-parameter; none is given")]
    NoHyperparameters,
    /// A hyper-parameter that the validation loss does not depend on, through no step.
    #[error("the validation loss does not depend on the hyper-parameter `{name}`: no step uses it")]
    UnusedHyperparameter {
        /// Its name.
        name: String,
    },
    /// Two hyper-parameters, or one and a parameter of the network, of one name.
    #[error("there are two parameters of the name `{name}`")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// A window of steps after which something is no finite number.
    #[error("after window {window} the {what} is {value}; the parameters are those before it")]
    WindowNotFinite {
        /// What was found.
        what: String,
        /// The number.
        value: f64,
        /// The window, counted from 0.
        window: u64,
    },
    /// An augmentation that may turn an example into one of another class.
    #[error("{}", refusal(.set, .change, *.limit, .classes))]
    LabelChanging {
        /// The data set, in words.
        set: String,
        /// What would be done to it.
        change: Change,
        /// How far labels are declared invariant to that; 0 if they are not.
        limit: f64,
        /// The pairs of classes known to be taken for each other.
        classes: Vec<(u32, u32)>,
    },
    /// The subnetworks of a network with dropout cannot be walked through one by one.
    #[error("the subnetworks cannot be enumerated: {reason}")]
    NotEnumerable {
        /// Why not.
        reason: String,
    },
    /// There is nothing to work on.
    #[error("there are no {what}")]
    Nothing {
        /// What is missing.
        what: &'static str,
    },
    /// Values of another shape than is needed.
    #[error("the {what} have shape {found}, not {expected}")]
    Shape {
        /// What the values are.
        what: &'static str,
        /// The shape that is needed.
        expected: Shape,
        /// The shape that was given.
        found: Shape,
    },
    /// A NaN or an infinity in data.
    #[error("element {at} of the {what} is {value}")]
    NonFinite {
        /// What the values are.
        what: &'static str,
        /// The place of the first such element.
        at: usize,
        /// Its value.
        value: f64,
    },
    /// Unlabelled examples of another shape than the labelled ones.
    #[error("an example without label has shape {unlabelled}, one with label {labelled}")]
    UnlabelledShape {
        /// The shape of a labelled example.
        labelled: Shape,
        /// The shape of an unlabelled one.
        unlabelled: Shape,
    },
    /// A class that has fewer examples than are asked for.
    #[error("class {class} has {found} examples, {wanted} examples of each class are asked for")]
    TooFewOfAClass {
        /// The class.
        class: usize,
        /// How many examples it has.
        found: usize,
        /// How many are asked for.
        wanted: usize,
    },
    /// What is minimised is no number any more.
    #[error("the objective is {value} in batch {batch} of epoch {epoch}")]
    NonFiniteObjective {
        /// Its value.
        value: f64,
        /// The epoch, counted from 0.
        epoch: u64,
        /// The batch of the epoch, counted from 0.
        batch: usize,
    },
    /// An operation through which no interval can be propagated.
    #[error("there are no interval bounds for `{operation}`, recorded at {place}")]
    NoBounds {
        /// The operation.
        operation: String,
        /// Where it was recorded.
        place: String,
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

impl RegularizeError {
    /// An error, unless the selection chooses some of the parameters.
    pub(crate) fn unless_selected(
        selection: &Selection,
        parameters: &[ParameterSpec],
    ) -> Result<(), RegularizeError> {
        if parameters.iter().any(|spec| selection.contains(spec)) {
            return Ok(());
        }
        let known = listed(parameters.iter().map(|spec| spec.name.as_str()));
        Err(RegularizeError::SelectsNothing { selection: selection.to_string(), known })
    }

    /// An error, unless two parameters have one shape.
    pub(crate) fn unless_alike(a: &ParameterSpec, b: &ParameterSpec) -> Result<(), RegularizeError> {
        if a.shape == b.shape {
            return Ok(());
        }
        let (first, second) = (a.name.clone(), b.name.clone());
        Err(RegularizeError::NotAlike { first, first_shape: a.shape, second, second_shape: b.shape })
    }

    /// An error, unless all of `values` are finite.
    pub(crate) fn unless_finite<T: Real>(what: &'static str, values: &[T]) -> Result<(), RegularizeError> {
        match values.iter().position(|value| !value.is_finite()) {
            None => Ok(()),
            Some(at) => Err(RegularizeError::NonFinite { what, at, value: values[at].to_f64() }),
        }
    }
}

/// A number that must be finite and at least 0.
pub(crate) fn at_least_zero(name: &'static str, value: f64) -> Result<f64, RegularizeError> {
    let fits = value.is_finite() && value >= 0.0;
    HyperparameterError::unless(fits, name, value, "finite and at least 0")?;
    Ok(value)
}

/// A number that must be finite and above 0.
pub(crate) fn above_zero(name: &'static str, value: f64) -> Result<f64, RegularizeError> {
    let fits = value.is_finite() && value > 0.0;
    HyperparameterError::unless(fits, name, value, "finite and above 0")?;
    Ok(value)
}

/// A count that must be at least 1.
pub(crate) fn at_least_one(name: &'static str, count: usize) -> Result<(), RegularizeError> {
    Ok(HyperparameterError::unless(count >= 1, name, count as f64, "at least 1")?)
}

/// Names as a message lists them.
pub(crate) fn listed<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let names: Vec<_> = names.collect();
    if names.is_empty() { "none".into() } else { names.join(", ") }
}
