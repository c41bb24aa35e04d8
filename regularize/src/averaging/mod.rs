//! Averages of the parameters over the steps of a training, kept as state inside its plan.
//!
//! Steps along gradients of minibatches wander about a minimum; the mean of where they were is nearer to it
//! than the last of them (Polyak and Juditsky 1992; Goodfellow, Bengio, Courville, *Deep Learning*, section
//! 8.7.3), and lies in a flatter place (Izmailov et al., UAI 2018).
//!
//! | | average | what it is for |
//! |---|---|---|
//! | [`ExponentialAverage`] | `a := b a + (1 - b) w`, from the first step on | a smooth copy at any time |
//! | [`WeightAverage`] | the arithmetic mean of every `c`-th `w` from a given step on (SWA) | the end of a training at a rate that stays high |
//!
//! Both are the last transform of an optimiser's chain: they see what each parameter becomes, keep the average
//! beside it, and change nothing. So the average is made in the same pass over memory as the step, is saved
//! and resumed with the optimiser's memory, and costs no second run. `averaged` takes it out: a set of
//! [`Parameters`] that an evaluator runs with.
//!
//! Running statistics of batch normalisation are not averaged: they belong to the weights that made them, and
//! the averaged weights are others. [`estimate_statistics`] makes them anew, by one pass over the data with
//! the averaged weights (Izmailov et al., section 3.2).
//!
//! ```
//! use nn::data::digits;
//! use nn::train::Evaluator;
//! use nn::{Activation, BatchNorm, Layer, Optimiser, Sequential, Trainer, initialise};
//! use regularize::{WeightAverage, estimate_statistics};
//! # fn main() -> Result<(), regularize::RegularizeError> {
//! let data = digits::load()?.flattened().subset(&(0..200).collect::<Vec<_>>())?;
//! let model = Sequential::<f32>::new()
//!     .linear(64, 16)
//!     .then(BatchNorm::new("norm", 16))
//!     .then(Activation::Relu)
//!     .linear(16, 10);
//! let average = WeightAverage::new(14, 7)?; // 7 steps are an epoch
//! let mut trainer = Trainer::new(&model, Optimiser::sgd(0.1).then(average)).epochs(6);
//! let mut parameters = initialise(&model, 1);
//! trainer.fit(&data, None, &mut parameters)?;
//!
//! let mut averaged = average.averaged(&parameters, &model.parameters())?;
//! estimate_statistics(&model, &data, &mut averaged, 32)?;
//! let found = Evaluator::new(&model, 100).evaluate(&data, &averaged)?;
//! assert!(found.error < 0.5);
//! # Ok(())
//! # }
//! ```

pub mod exponential_average;
pub mod statistics;
pub mod weight_average;

pub use exponential_average::ExponentialAverage;
pub use statistics::estimate_statistics;
pub use weight_average::WeightAverage;

use crate::error::{RegularizeError, listed};
use autograd::{Parameters, Real};
use nn::{ParameterSpec, Role};

/// The values of a model's parameters: of those that are learned the slot `NAME/SLOT`, of running statistics
/// what they are.
fn taken_out<T: Real>(
    slot: &str,
    parameters: &Parameters<T>,
    specs: &[ParameterSpec],
) -> Result<Parameters<T>, RegularizeError> {
    let mut taken = Parameters::new();
    for spec in specs {
        let name = match spec.role {
            Role::State => spec.name.clone(),
            _ => format!("{}/{slot}", spec.name),
        };
        let value = parameters.get(&name).ok_or_else(|| RegularizeError::MissingParameter {
            name,
            known: listed(parameters.iter().map(|(name, _)| name)),
        })?;
        taken.insert(&spec.name, value.clone());
    }
    Ok(taken)
}
