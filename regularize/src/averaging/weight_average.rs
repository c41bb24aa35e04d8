//! Stochastic weight averaging: the arithmetic mean of the parameters at regular steps (SWA; Izmailov,
//! Podoprikhin, Garipov, Vetrov, Wilson, UAI 2018, algorithm 1).
//!
//! The training goes on at a learning rate that stays high (or comes back to it in cycles), so that it keeps
//! moving about the minimum; from step `start` on, and every `period` steps after that, its parameters are
//! taken into the mean:
//!
//! ```text
//! a := (n a + w) / (n + 1)        n := n + 1
//! ```
//!
//! computed as `a + (w - a)/(n + 1)`, which does not grow. With a cyclic rate the period is the length of a
//! cycle, and its end the lowest rate.
//!
//! ```
//! use nn::data::digits;
//! use nn::{Activation, Layer, Optimiser, Sequential, Trainer, initialise};
//! use regularize::WeightAverage;
//! # fn main() -> Result<(), regularize::RegularizeError> {
//! let data = digits::load()?.flattened().subset(&(0..200).collect::<Vec<_>>())?;
//! let model = Sequential::<f32>::mlp(&[64, 16, 10], Activation::Relu);
//! // After step 14, and every 7 steps after it: an epoch of 200 examples is 7 steps.
//! let average = WeightAverage::new(14, 7)?;
//! let mut parameters = initialise(&model, 1);
//! let mut trainer = Trainer::new(&model, Optimiser::momentum(0.05, 0.9).then(average)).epochs(4);
//! trainer.fit(&data, None, &mut parameters)?;
//! assert_eq!(average.count(&parameters), 3); // after epochs 2, 3 and 4
//! let averaged = average.averaged(&parameters, &model.parameters())?;
//! assert_ne!(averaged["linear1.weight"], parameters["linear1.weight"]);
//! # Ok(())
//! # }
//! ```

use super::taken_out;
use crate::error::RegularizeError;
use autograd::{Parameters, Real, Shape, Var};
use nn::ParameterSpec;
use nn::optimise::{HyperparameterError, Memory, Transform, Update};

/// The mean of the parameters at regular steps, the last transform of a chain. See the [module
/// documentation](self). Slots: `weight_average(START,PERIOD)` of each parameter, and under that name `count`, which
/// is `n`, and `since`, the steps since the last that was taken: several means stand beside each other in one chain.
///
/// ```
/// use autograd::{Feed, Graph, Parameters, Plan, Tensor};
/// use nn::{Initialiser, LEARNING_RATE, Optimiser, ParameterSpec, Role};
/// use regularize::WeightAverage;
/// let average = WeightAverage::new(2, 3)?;
/// let spec = ParameterSpec {
///     name: "w".into(),
///     shape: [1].into(),
///     role: Role::Weight,
///     initialiser: Initialiser::Constant(9.0),
/// };
/// let graph = Graph::<f64>::new();
/// let loss = spec.declare(&graph).sum(); // of slope 1
/// let step = Optimiser::sgd(1.0).then(average).minimise(loss, &[spec.clone()]);
/// let mut plan = step.add_to(Plan::builder(&graph)).compile();
/// let mut parameters: Parameters<f64> = [("w", Tensor::full([1], 9.0))].into_iter().collect();
/// step.initialise_state(&mut parameters);
/// for _ in 0..6 {
///     plan.run(&mut parameters, &[(LEARNING_RATE, Feed::from(1.0))])?;
/// }
/// // The weight is 7 after step 2 and 4 after step 5.
/// assert_eq!(average.count(&parameters), 2);
/// assert_eq!(average.averaged(&parameters, &[spec])?["w"].item(), 5.5);
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WeightAverage {
    start: u64,
    period: u64,
}

impl WeightAverage {
    /// The mean of the parameters after step `start`, counted from 1, and after every `period` steps more.
    ///
    /// # Errors
    /// If a number is 0, or above 2²⁴, which is how far `f32` counts.
    pub fn new(start: u64, period: u64) -> Result<WeightAverage, RegularizeError> {
        for (name, value) in [("first step of the average", start), ("period of the average", period)] {
            let fits = (1..=1 << 24).contains(&value);
            HyperparameterError::unless(fits, name, value as f64, "in 1 to 2^24")?;
        }
        Ok(WeightAverage { start, period })
    }

    /// How many sets of parameters are in the mean; 0 before the first.
    pub fn count<T: Real>(&self, parameters: &Parameters<T>) -> u64 {
        let count = parameters.get(&format!("{}/count", self.slot()));
        count.map_or(0, |count| count.item().to_f64() as u64)
    }

    /// The averaged parameters of a model, out of what a training with this transform left; running
    /// statistics as they are, to be [estimated](super::estimate_statistics) anew.
    ///
    /// # Errors
    /// [`RegularizeError::NothingAveraged`] if the training ended before the first was taken,
    /// [`RegularizeError::MissingParameter`] if there is no average of one of them.
    pub fn averaged<T: Real>(
        &self,
        parameters: &Parameters<T>,
        specs: &[ParameterSpec],
    ) -> Result<Parameters<T>, RegularizeError> {
        let taken = taken_out(&self.slot(), parameters, specs)?;
        match self.count(parameters) {
            0 => Err(RegularizeError::NothingAveraged { start: self.start }),
            _ => Ok(taken),
        }
    }

    /// The slot of each parameter's mean.
    fn slot(&self) -> String {
        format!("weight_average({},{})", self.start, self.period)
    }
}

impl<T: Real> Transform<T> for WeightAverage {
    fn transform<'g>(&self, updates: &[Update<'g, '_, T>], memory: &mut Memory<'g, T>) -> Vec<Var<'g, T>> {
        let slot = self.slot();
        let count = memory.recall(&slot, "count", Shape::SCALAR);
        let since = memory.recall(&slot, "since", Shape::SCALAR);
        let waited = since + 1.0;
        let due = count.equal(0.0).select(count.like(self.start as f64), count.like(self.period as f64));
        let taken = waited.greater_equal(due);
        memory.keep(count, count + taken);
        memory.keep(since, waited * (1.0 - taken));
        let share = taken / (count + 1.0);
        for Update { spec, parameter, value } in updates {
            let mean = memory.recall(&spec.name, &slot, spec.shape);
            // A share of 0 leaves the mean as it is, bit for bit; one of 1 makes it the parameter.
            memory.keep(mean, mean + (*parameter - *value - mean) * share);
        }
        updates.iter().map(|update| update.value).collect()
    }
}

#[cfg(test)]
mod tests;
