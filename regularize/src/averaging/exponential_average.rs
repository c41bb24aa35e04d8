//! The exponential moving average of the parameters (EMA).
//!
//! `a₀ = w₀` and `aₜ = b aₜ₋₁ + (1 - b) wₜ`, which is
//!
//! ```text
//! aₜ = bᵗ w₀ + (1 - b) Σ bᵗ⁻ⁱ wᵢ        over i = 1, .., t
//! ```
//!
//! a mean of the last `1/(1 - b)` steps or so. It starts at `w₀` and not at 0, so no correction is needed.
//!
//! ```
//! use nn::data::digits;
//! use nn::{Activation, Layer, Optimiser, Sequential, Trainer, initialise};
//! use regularize::ExponentialAverage;
//! # fn main() -> Result<(), regularize::RegularizeError> {
//! let data = digits::load()?.flattened().subset(&(0..200).collect::<Vec<_>>())?;
//! let model = Sequential::<f32>::mlp(&[64, 16, 10], Activation::Relu);
//! let trained = |optimiser| {
//!     let mut parameters = initialise(&model, 1);
//!     Trainer::new(&model, optimiser).epochs(2).fit(&data, None, &mut parameters)?;
//!     Ok::<_, regularize::RegularizeError>(parameters)
//! };
//! let average = ExponentialAverage::new(0.99)?;
//! let parameters = trained(Optimiser::adam(0.01).then(average))?;
//! // The training is the one without; the average is beside it.
//! assert_eq!(parameters["linear1.weight"], trained(Optimiser::adam(0.01))?["linear1.weight"]);
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

/// An exponential moving average of every parameter, the last transform of a chain. See the [module
/// documentation](self). Slots: `exponential_average(DECAY)` of each parameter, and
/// `exponential_average(DECAY)/steps`: averages of several decays stand beside each other in one chain.
///
/// ```
/// use autograd::{Feed, Graph, Parameters, Plan, Tensor};
/// use nn::{Initialiser, LEARNING_RATE, Optimiser, ParameterSpec, Role};
/// use regularize::ExponentialAverage;
/// let average = ExponentialAverage::new(0.75)?;
/// let spec = ParameterSpec {
///     name: "w".into(),
///     shape: [1].into(),
///     role: Role::Weight,
///     initialiser: Initialiser::Constant(4.0),
/// };
/// let graph = Graph::<f64>::new();
/// let loss = spec.declare(&graph).sum(); // of slope 1
/// let step = Optimiser::sgd(1.0).then(average).minimise(loss, &[spec.clone()]);
/// let mut plan = step.add_to(Plan::builder(&graph)).compile();
/// let mut parameters: Parameters<f64> = [("w", Tensor::full([1], 4.0))].into_iter().collect();
/// step.initialise_state(&mut parameters);
/// for _ in 0..2 {
///     plan.run(&mut parameters, &[(LEARNING_RATE, Feed::from(1.0))])?;
/// }
/// // The weight was 4, 3, 2; the average 4, then 3.75, then ¾ · 3.75 + ¼ · 2.
/// assert_eq!(parameters["w"].item(), 2.0);
/// assert_eq!(average.averaged(&parameters, &[spec])?["w"].item(), 3.3125);
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ExponentialAverage {
    decay: f64,
}

impl ExponentialAverage {
    /// The average whose share `decay`, the `b` of the formula, stays at each step.
    ///
    /// # Errors
    /// If `decay` is not in [0, 1).
    pub fn new(decay: f64) -> Result<ExponentialAverage, RegularizeError> {
        HyperparameterError::unless((0.0..1.0).contains(&decay), "decay of the average", decay, "in [0, 1)")?;
        Ok(ExponentialAverage { decay })
    }

    /// The averaged parameters of a model, out of what a training with this transform left; running
    /// statistics as they are.
    ///
    /// # Errors
    /// [`RegularizeError::MissingParameter`] if there is no average of one of them.
    pub fn averaged<T: Real>(
        &self,
        parameters: &Parameters<T>,
        specs: &[ParameterSpec],
    ) -> Result<Parameters<T>, RegularizeError> {
        taken_out(&self.slot(), parameters, specs)
    }

    /// The slot of each parameter's average.
    fn slot(&self) -> String {
        format!("exponential_average({})", self.decay)
    }
}

/// `b a + (1 - b) w`.
fn moving_average<'g, T: Real>(average: Var<'g, T>, new: Var<'g, T>, decay: f64) -> Var<'g, T> {
    average * decay + new * (1.0 - decay)
}

impl<T: Real> Transform<T> for ExponentialAverage {
    fn transform<'g>(&self, updates: &[Update<'g, '_, T>], memory: &mut Memory<'g, T>) -> Vec<Var<'g, T>> {
        let slot = self.slot();
        let steps = memory.recall(&slot, "steps", Shape::SCALAR);
        // In f32 a count comes to rest at 2^24; only whether it is 0 matters.
        memory.keep(steps, steps + 1.0);
        let first = steps.equal(0.0);
        for Update { spec, parameter, value } in updates {
            let kept = memory.recall(&spec.name, &slot, spec.shape);
            // Before the first step the average is the parameter itself.
            let old = first.select(*parameter, kept);
            memory.keep(kept, moving_average(old, *parameter - *value, self.decay));
        }
        updates.iter().map(|update| update.value).collect()
    }
}

#[cfg(test)]
pub(super) mod tests;
