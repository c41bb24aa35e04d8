//! Tuning hyper-parameters while the network trains.
//!
//! A window is one compiled plan: `k` steps of the network's optimiser on `k` minibatches, the loss of the new
//! weights on a validation batch, its hyper-gradient through the window, and with it one step of an optimiser
//! for the hyper-parameters. Then the next window begins at the new weights (Luketina et al., ICML 2016, with
//! `k = 1`; Franceschi et al., ICML 2017). What a hyper-parameter did before the window is not seen. Its choice
//! is greedy: what pays off only later is undervalued (Wu et al., *Understanding short-horizon bias*, ICLR
//! 2018), the more so the shorter the window. [`Horizon::Carried`] forgets nothing: beside each parameter it
//! keeps its derivative with respect to each hyper-parameter, moved on step by step.
//!
//! What a window costs is measured by `cargo bench -p benches --bench hyper_gradient`.
//!
//! A start within reach of the minimum is needed all the same: on the digits of the tests, a decay that began at
//! 2.7, which flattens every weight within a few steps, was raised further and not lowered. Begin low.
//!
//! | horizon | what of the past counts | cost of a window of `k` steps | memory |
//! |---|---|---|---|
//! | [`Horizon::Window`] | the window | two to three times its `k` steps, for any number of hyper-parameters | the window's activations |
//! | [`Horizon::Carried`] | all of it | one more tangent of its `k` steps for each hyper-parameter | a copy of parameters and memory for each |
//!
//! The carried form is forward differentiation: with `s` all that changes and `s₁ = Φ(s₀, θ)` the window,
//! `Z₁ = ∂Φ/∂s Z₀ + ∂Φ/∂θ` is `ds₁/dθ`, and the hyper-gradient is `∂V/∂s · Z₁` (Williams and Zipser 1989 for
//! recurrent networks; *real-time hyper-gradient* of Franceschi et al.). It is exact while `θ` stands still and
//! an approximation while it changes slowly.
//!
//! ```
//! use nn::data::digits;
//! use nn::{Activation, Optimiser, Selection, Sequential, initialise};
//! use regularize::Penalties;
//! use regularize::hyper_gradient::{HyperTuner, Hyperparameter, TunedL2};
//! # fn main() -> Result<(), regularize::RegularizeError> {
//! let [train, validation, _] = digits::load()?.flattened().split([0.1, 0.1, 0.8], 1)?;
//! let model = Sequential::<f32>::mlp(&[64, 16, 10], Activation::Tanh);
//! let decay = Hyperparameter::positive("decay", 1e-3)?;
//! let penalties = Penalties::new().with(Selection::weights(), TunedL2(decay.clone()));
//! let mut parameters = initialise(&model, 1);
//! let course = HyperTuner::new(&model, Optimiser::momentum(0.1, 0.9), vec![decay])
//!     .objective(move |batch| penalties.added_to(batch.cross_entropy(), batch.parameters))
//!     .steps(4)
//!     .windows(20)
//!     .fit(&train, &validation, &mut parameters)?;
//! let last = course.windows.last().unwrap();
//! assert!(last.validation_loss < course.windows[0].validation_loss);
//! println!("decay {}", last.values[0]);
//! # Ok(())
//! # }
//! ```

use super::{Hyperparameter, Unrolled, hyper_gradient, step_name, unroll};
use crate::error::{RegularizeError, at_least_one};
use autograd::{Feed, Graph, IndexVar, Parameters, Plan, Real, Tensor, Var, jvp, try_jvp};
use nn::data::{Batches, DataError, Dataset, LastBatch};
use nn::initialise::initialise_parameters;
use nn::train::{Batch, check_model};
use nn::{Layer, Mode, Optimiser, ParameterSpec};

const INPUTS: &str = "inputs";
const LABELS: &str = "labels";
const VALIDATION_INPUTS: &str = "validation.inputs";
const VALIDATION_LABELS: &str = "validation.labels";
const OBJECTIVE: &str = "objective";
const VALIDATION_LOSS: &str = "validation_loss";
const GRADIENT: &str = "gradient";
/// What the names of the outer optimiser's memory begin with.
const OUTER: &str = "outer";

/// How far back a hyper-gradient looks. See the [module documentation](self).
///
/// In the first window there is no past, and the two agree; then the carried one knows more:
///
/// ```
/// use autograd::Tensor;
/// use nn::data::Dataset;
/// use nn::{Activation, Optimiser, Selection, Sequential, initialise};
/// use regularize::Penalties;
/// use regularize::hyper_gradient::{Course, Horizon, HyperTuner, Hyperparameter, TunedL2};
/// # fn main() -> Result<(), regularize::RegularizeError> {
/// let part = |shift: f64| {
///     let x = Tensor::from_fn([8, 1], |i| i as f64 / 4.0 - shift);
///     Dataset::new(x, Tensor::from_fn([8], |i| i as u32 / 4), 2)
/// };
/// let (train, validation) = (part(1.0)?, part(0.8)?);
/// let model = Sequential::<f64>::mlp(&[1, 2], Activation::Tanh);
/// let tuned = |horizon| -> Result<Course, regularize::RegularizeError> {
///     let decay = Hyperparameter::positive("decay", 0.1)?;
///     let penalties = Penalties::new().with(Selection::weights(), TunedL2(decay.clone()));
///     HyperTuner::new(&model, Optimiser::sgd(0.5), vec![decay])
///         .objective(move |batch| penalties.added_to(batch.cross_entropy(), batch.parameters))
///         .outer(Optimiser::sgd(0.1))
///         .horizon(horizon)
///         .batch_size(4)
///         .steps(2)
///         .windows(2)
///         .fit(&train, &validation, &mut initialise(&model, 1))
/// };
/// let (window, carried) = (tuned(Horizon::Window)?.windows, tuned(Horizon::Carried)?.windows);
/// assert!((window[0].gradient[0] - carried[0].gradient[0]).abs() < 1e-15);
/// assert!((window[1].gradient[0] - carried[1].gradient[0]).abs() > 1e-4);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Horizon {
    /// To the beginning of the window.
    #[default]
    Window,
    /// To the beginning of the training.
    Carried,
}

/// What is minimised, as a function of a batch.
type Objective<'m, T> = dyn for<'g, 'b> Fn(&Batch<'g, 'b, T>) -> Var<'g, T> + Send + Sync + 'm;

/// Trains a network and tunes its hyper-parameters in one. See the [module documentation](self).
pub struct HyperTuner<'m, T: Real> {
    model: &'m dyn Layer<T>,
    hyperparameters: Vec<Hyperparameter>,
    optimiser: Optimiser<T>,
    outer: Optimiser<T>,
    objective: Box<Objective<'m, T>>,
    horizon: Horizon,
    steps: usize,
    windows: u64,
    batch_size: usize,
    validation_batch_size: usize,
    seed: u64,
}

/// What a window of steps did.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    /// The mean of the objective over the window's steps, each before its update.
    pub objective: f64,
    /// The mean cross-entropy of a validation batch at the weights after the window.
    pub validation_loss: f64,
    /// The derivative of that with respect to each hyper-parameter's logarithm or log-odds.
    pub gradient: Vec<f64>,
    /// Each hyper-parameter's value after the window.
    pub values: Vec<f64>,
}

/// The course of a training and of its hyper-parameters.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Course {
    /// The names of the hyper-parameters, in the order of each window's values.
    pub names: Vec<String>,
    /// One entry for each window.
    pub windows: Vec<Window>,
}

impl<'m, T: Real> HyperTuner<'m, T> {
    /// Trains `model` by `optimiser` on the mean cross-entropy, which uses no hyper-parameter: an
    /// [objective](HyperTuner::objective) or a layer has to. Windows of 5 steps, 100 of them; batches of 32,
    /// validation batches of 128; the hyper-parameters by Adam at rate 0.05, which multiplies them by up to
    /// about 1.05 a window; seed 0.
    pub fn new(
        model: &'m dyn Layer<T>,
        optimiser: Optimiser<T>,
        hyperparameters: Vec<Hyperparameter>,
    ) -> HyperTuner<'m, T> {
        HyperTuner {
            model,
            hyperparameters,
            optimiser,
            outer: Optimiser::adam(0.05),
            objective: Box::new(|batch| batch.cross_entropy()),
            horizon: Horizon::default(),
            steps: 5,
            windows: 100,
            batch_size: 32,
            validation_batch_size: 128,
            seed: 0,
        }
    }

    /// What a step makes smaller: a scalar made of a batch, in which the hyper-parameters occur.
    pub fn objective(
        self,
        objective: impl for<'g, 'b> Fn(&Batch<'g, 'b, T>) -> Var<'g, T> + Send + Sync + 'm,
    ) -> Self {
        HyperTuner { objective: Box::new(objective), ..self }
    }

    /// The optimiser of the hyper-parameters, one step after each window.
    pub fn outer(self, outer: Optimiser<T>) -> Self {
        HyperTuner { outer, ..self }
    }

    /// How far back a hyper-gradient looks.
    pub fn horizon(self, horizon: Horizon) -> Self {
        HyperTuner { horizon, ..self }
    }

    /// The number of steps in a window.
    pub fn steps(self, steps: usize) -> Self {
        HyperTuner { steps, ..self }
    }

    /// The number of windows.
    pub fn windows(self, windows: u64) -> Self {
        HyperTuner { windows, ..self }
    }

    /// The number of examples in a step. A smaller rest of an epoch is left out; the whole set, if that is
    /// smaller.
    pub fn batch_size(self, batch_size: usize) -> Self {
        HyperTuner { batch_size, ..self }
    }

    /// The number of validation examples in a window, likewise.
    pub fn validation_batch_size(self, validation_batch_size: usize) -> Self {
        HyperTuner { validation_batch_size, ..self }
    }

    /// The seed of the order of examples and of all draws.
    pub fn seed(self, seed: u64) -> Self {
        HyperTuner { seed, ..self }
    }

    /// Trains `parameters`. Hyper-parameters and the memories of both optimisers are kept among them; what is
    /// missing of those is begun. The validation set is *used* by this: the error of the result is to be
    /// measured on a third set.
    ///
    /// # Errors
    /// If there are no hyper-parameters, no steps, a hyper-parameter that no step uses or whose name is taken;
    /// if data and parameters do not fit; [`RegularizeError::WindowNotFinite`] with the parameters as they
    /// were before that window.
    pub fn fit(
        &self,
        train: &Dataset<T>,
        validation: &Dataset<T>,
        parameters: &mut Parameters<T>,
    ) -> Result<Course, RegularizeError> {
        self.check()?;
        check_model(self.model, train)?;
        check_model(self.model, validation)?;
        let graph = Graph::new();
        let mut batches = Feeder::new(train, self.batch_size, self.seed)?;
        let mut validations = Feeder::new(validation, self.validation_batch_size, !self.seed)?;
        let recorded = self.record(&graph, &batches, &validations)?;
        recorded.begin(parameters);
        let Recorded { mut plan, takes_rate, outer_takes_rate, .. } = recorded;
        plan.set_seed(self.seed);

        let names = self.hyperparameters.iter().map(|h| h.name().to_string()).collect();
        let mut course = Course { names, windows: Vec::new() };
        let steps = self.steps as u64;
        let step_names: Vec<_> = (0..self.steps)
            .map(|i| [INPUTS, LABELS, &self.optimiser.learning_rate_name()].map(|name| step_name(name, i)))
            .collect();
        let outer_rate = self.outer_rate_name();
        for window in 0..self.windows {
            let fed = (0..steps).map(|i| batches.batch(window * steps + i)).collect::<Result<Vec<_>, _>>()?;
            let judged = validations.batch(window)?;
            let mut feeds: Vec<(&str, Feed<'_, T>)> = Vec::new();
            for (i, ([inputs, labels, rate], (x, y))) in step_names.iter().zip(&fed).enumerate() {
                feeds.push((inputs, Feed::from(x)));
                feeds.push((labels, Feed::from(y)));
                if takes_rate {
                    feeds.push((rate, Feed::Scalar(self.optimiser.learning_rate(window * steps + i as u64))));
                }
            }
            feeds.push((VALIDATION_INPUTS, Feed::from(&judged.0)));
            feeds.push((VALIDATION_LABELS, Feed::from(&judged.1)));
            if outer_takes_rate {
                feeds.push((&outer_rate, Feed::Scalar(self.outer.learning_rate(window))));
            }
            let before = parameters.clone();
            let outputs = plan.run(parameters, &feeds)?;
            let mut found = Window {
                objective: outputs.scalar(OBJECTIVE).to_f64(),
                validation_loss: outputs.scalar(VALIDATION_LOSS).to_f64(),
                gradient: outputs.values(GRADIENT).iter().map(|g| g.to_f64()).collect(),
                values: Vec::new(),
            };
            if let Some((what, value)) = not_finite(&found, parameters) {
                *parameters = before;
                return Err(RegularizeError::WindowNotFinite { what, value, window });
            }
            for hyperparameter in &self.hyperparameters {
                found.values.push(hyperparameter.value_in(parameters)?);
            }
            course.windows.push(found);
        }
        Ok(course)
    }

    fn check(&self) -> Result<(), RegularizeError> {
        self.optimiser.check()?;
        self.outer.check()?;
        at_least_one("number of unrolled steps", self.steps)?;
        if self.hyperparameters.is_empty() {
            return Err(RegularizeError::NoHyperparameters);
        }
        let of_model = self.model.parameters();
        for (i, hyperparameter) in self.hyperparameters.iter().enumerate() {
            let name = hyperparameter.name();
            let earlier = self.hyperparameters[..i].iter().any(|h| h.name() == name);
            if earlier || of_model.iter().any(|spec| spec.name == name) {
                return Err(RegularizeError::NameTaken { name: name.into() });
            }
        }
        Ok(())
    }

    fn outer_rate_name(&self) -> String {
        self.outer.clone().under(OUTER).learning_rate_name()
    }

    /// Records and compiles a window.
    fn record(
        &self,
        graph: &Graph<T>,
        batches: &Feeder<'_, T>,
        validations: &Feeder<'_, T>,
    ) -> Result<Recorded<T>, RegularizeError> {
        let specs = self.model.parameters();
        let batch = |[inputs, labels]: [&str; 2], feeder: &Feeder<'_, T>, mode| {
            let (inputs, labels) = feeder.declare(graph, inputs, labels);
            Batch::new(inputs, labels, self.model, &specs, mode)
        };
        let objective = (self.objective)(&batch([INPUTS, LABELS], batches, Mode::Train));
        let step = self.optimiser.minimise(objective, &specs);
        let unrolled = unroll(&step, &[objective], self.steps, &[]);
        let loss = batch([VALIDATION_INPUTS, VALIDATION_LABELS], validations, Mode::Evaluate).cross_entropy();

        let raw: Vec<_> = self.hyperparameters.iter().map(|h| h.raw(graph)).collect();
        // In both cases: a hyper-parameter that is not used is an error.
        let through_window = hyper_gradient(loss, &unrolled, &raw)?;
        let (gradient, sensitivities) = match self.horizon {
            Horizon::Window => (through_window, Vec::new()),
            Horizon::Carried => carried(loss, &unrolled, &raw),
        };
        let outer_specs: Vec<_> = self.hyperparameters.iter().map(Hyperparameter::spec).collect();
        let outer = self.outer.clone().under(OUTER).apply(graph, &outer_specs, &gradient);

        let objectives = unrolled.observed.iter().map(|observed| observed[0]);
        let sum = objectives.reduce(|a, b| a + b).expect("there are steps");
        let flat: Vec<_> = gradient.iter().map(|g| g.reshape([1])).collect();
        let mut builder = outer
            .add_to(Plan::builder(graph))
            .output(OBJECTIVE, sum * (self.steps as f64).recip())
            .output(VALIDATION_LOSS, unrolled.at(&[loss])[0])
            .output(GRADIENT, Var::concat(&flat, 0));
        for &(parameter, expression) in unrolled.updates.iter().chain(&sensitivities) {
            builder = builder.update(parameter, expression);
        }
        let zeros =
            sensitivities.iter().map(|(z, _)| (graph.name_of(z.id()).expect("a parameter"), z.shape()));
        Ok(Recorded {
            plan: builder.compile(),
            takes_rate: step.learning_rate.is_some(),
            outer_takes_rate: outer.learning_rate.is_some(),
            specs: [outer_specs, step.state, outer.state].concat(),
            sensitivities: zeros.map(|(name, shape)| (name.to_string(), Tensor::zeros(shape))).collect(),
        })
    }
}

/// A compiled window, and what must be among the parameters for it to run.
struct Recorded<T: Real> {
    plan: Plan<T>,
    takes_rate: bool,
    outer_takes_rate: bool,
    /// What is begun where it is missing: hyper-parameters and the memories of both optimisers.
    specs: Vec<ParameterSpec>,
    /// The derivatives of what a window changes, which begin at 0 with every training.
    sensitivities: Vec<(String, Tensor<T>)>,
}

impl<T: Real> Recorded<T> {
    fn begin(&self, parameters: &mut Parameters<T>) {
        // None of them is drawn, so any seed will do.
        for (name, value) in initialise_parameters(&self.specs, 0).iter() {
            if parameters.get(name).is_none() {
                parameters.insert(name, value.clone());
            }
        }
        for (name, zeros) in &self.sensitivities {
            parameters.insert(name, zeros.clone());
        }
    }
}

/// The derivative of the validation loss after the window with respect to each hyper-parameter through all
/// the past, and the parameters that hold `Z`, each with what becomes of it.
#[expect(clippy::type_complexity, reason = "the gradient and the updates")]
fn carried<'g, T: Real>(
    loss: Var<'g, T>,
    window: &Unrolled<'g, T>,
    hyperparameters: &[Var<'g, T>],
) -> (Vec<Var<'g, T>>, Vec<(Var<'g, T>, Var<'g, T>)>) {
    let graph = loss.graph();
    let after = window.at(&[loss])[0];
    let (mut gradient, mut updates) = (Vec::new(), Vec::new());
    for &h in hyperparameters {
        let name = |v: Var<'g, T>| graph.name_of(v.id()).expect("a parameter has a name");
        let (states, new): (Vec<_>, Vec<_>) = window.updates.iter().copied().unzip();
        let z: Vec<_> = states
            .iter()
            .map(|&s| graph.parameter(&format!("sensitivity of {} to {}", name(s), name(h)), s.shape()))
            .collect();
        let (from, along) = ([&states[..], &[h]].concat(), [&z[..], &[h.like(1.0)]].concat());
        gradient.push(jvp(after, &from, &along));
        for (&z, &new) in z.iter().zip(&new) {
            // What depends on nothing that moves has the derivative 0 that it began with.
            updates.push((z, try_jvp(new, &from, &along).unwrap_or_else(|_| z.like(0.0))));
        }
    }
    (gradient, updates)
}

/// The first number of a window that is not finite, with what it is.
fn not_finite<T: Real>(window: &Window, parameters: &Parameters<T>) -> Option<(String, f64)> {
    let measures = [("objective", window.objective), ("validation loss", window.validation_loss)];
    let gradient = window.gradient.iter().map(|&g| ("hyper-gradient", g));
    if let Some((what, value)) = measures.into_iter().chain(gradient).find(|(_, value)| !value.is_finite()) {
        return Some((what.into(), value));
    }
    let (name, at) = parameters.first_non_finite()?;
    Some((format!("parameter `{name}`"), parameters[name].data()[at].to_f64()))
}

/// Full minibatches of a data set, one epoch after the other.
struct Feeder<'d, T: Real> {
    data: &'d Dataset<T>,
    batches: Batches,
    size: usize,
    /// The order of the epoch that was asked for last.
    epoch: Option<u64>,
    order: Vec<usize>,
}

impl<'d, T: Real> Feeder<'d, T> {
    fn new(data: &'d Dataset<T>, batch_size: usize, seed: u64) -> Result<Feeder<'d, T>, DataError> {
        let size = batch_size.min(data.len());
        let batches = Batches::new(data.len(), size, seed)?.with_last(LastBatch::Drop)?;
        Ok(Feeder { data, batches, size, epoch: None, order: Vec::new() })
    }

    /// The inputs and labels of a batch as inputs of a graph.
    fn declare<'g>(&self, graph: &'g Graph<T>, inputs: &str, labels: &str) -> (Var<'g, T>, IndexVar<'g, T>) {
        let shape = self.data.examples().shape().with_axis(0, self.size);
        (graph.input(inputs, shape), graph.indices(labels, [self.size]))
    }

    /// The batch of a number, counted on over epochs.
    fn batch(&mut self, number: u64) -> Result<(Tensor<T>, Tensor<u32>), DataError> {
        let per_epoch = self.batches.batches_per_epoch() as u64;
        let (epoch, at) = (number / per_epoch, (number % per_epoch) as usize);
        if self.epoch != Some(epoch) {
            self.order = self.batches.epoch(epoch).flatten().copied().collect();
            self.epoch = Some(epoch);
        }
        self.data.gather(&self.order[at * self.size..][..self.size])
    }
}

#[cfg(test)]
mod tests;
