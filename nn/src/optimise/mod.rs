//! Optimisers: chains of transforms from a gradient to an update, recorded as graph expressions.
//!
//! A [`Transform`] turns the update of each parameter into another: scaling, momentum, decay, clipping. An
//! [`Optimiser`] is a list of them; it starts from the gradients and ends with `w := w - update`. The order
//! *is* the meaning: weight decay before Adam's scaling is L2 regularisation, which the scaling then
//! weakens for the weights with large gradients; after it, it is decoupled decay (Loshchilov and Hutter,
//! ICLR 2019).
//!
//! | preset | chain |
//! |---|---|
//! | [`Optimiser::sgd`] | learning rate |
//! | [`Optimiser::momentum`], [`Optimiser::nesterov`] | momentum, learning rate |
//! | [`Optimiser::adagrad`], [`Optimiser::rmsprop`], [`Optimiser::adadelta`] | the scaling, learning rate |
//! | [`Optimiser::adam`] | Adam's scaling, learning rate |
//! | [`Optimiser::amsgrad`] | Adam's scaling with a divisor that never falls, learning rate |
//! | [`Optimiser::adamw`] | Adam's scaling, decayed weights, learning rate |
//! | [`Optimiser::lion`] | Lion's direction, decayed weights, learning rate |
//! | [`Optimiser::groups`] | a chain for each group of parameters |
//!
//! A chain begins with the gradients of the loss, or with what a [`GradientRule`] makes of it.
//!
//! [`Lbfgs`] is none of these: a protocol on the host that runs a plan of loss and gradient as often as it
//! needs, for small problems in full batches. The learning rate follows a [`Schedule`]; a
//! [`Plateau`] lowers it when the validation loss stops falling.
//!
//! Everything a transform remembers (velocities, moments, the number of steps) is a parameter of role
//! [`State`](Role::State), named `PARAMETER/SLOT`, beside the model's in
//! [`Parameters`]: it is saved and restored with them. The new values of weights and
//! memory are pointwise expressions of the old ones and the gradient, so that a compiled plan makes all of
//! them in one pass over memory.
//!
//! ```
//! use autograd::{Graph, Parameters, Plan};
//! use nn::{Linear, Layer, Mode, Optimiser, initialise};
//! let layer = Linear::new("l", 3, 1);
//! let graph = Graph::<f32>::new();
//! let loss = layer.forward(graph.input("x", [8, 3]), Mode::Train).powi(2).mean();
//!
//! let optimiser = Optimiser::adam(1e-3);
//! let step = optimiser.minimise(loss, &Layer::<f32>::parameters(&layer));
//! let plan = step.add_to(Plan::builder(&graph).output("loss", loss)).compile();
//! let mut parameters = initialise(&layer, 1);
//! step.initialise_state(&mut parameters);
//! assert!(parameters.get("l.weight/first_moment").is_some());
//! ```

mod adadelta;
mod adagrad;
mod adam;
mod clip;
mod decay;
mod gradient;
mod groups;
mod lbfgs;
mod lion;
mod momentum;
mod plateau;
mod rms_prop;
mod scale;
mod schedule;

pub use adadelta::AdadeltaScaling;
pub use adagrad::AdaGradScaling;
pub use adam::AdamScaling;
pub use clip::{ClipGlobalNorm, ClipNorm, ClipValue};
pub use decay::AddDecayedWeights;
pub use gradient::{GradientRule, PlainGradient};
pub use lbfgs::{Lbfgs, LbfgsOutcome, LbfgsReport};
pub use lion::LionDirection;
pub use momentum::Momentum;
pub use plateau::Plateau;
pub use rms_prop::RmsScaling;
pub use scale::{Scale, ScaleByLearningRate};
pub use schedule::Schedule;

use crate::initialise::{Initialiser, initialise_missing};
use crate::parameter::{ParameterSpec, Role, Selection};
use autograd::{Graph, Parameters, PlanBuilder, Real, Shape, Var};
use std::fmt::Debug;
use std::sync::Arc;

/// The name of the scalar input that takes the learning rate.
pub const LEARNING_RATE: &str = "learning_rate";

/// A number that an optimiser cannot work with.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("the {name} is {value}, it must be {expected}")]
pub struct HyperparameterError {
    /// What the number is.
    pub name: &'static str,
    /// Its value.
    pub value: f64,
    /// The values that are taken, in words.
    pub expected: &'static str,
}

impl HyperparameterError {
    /// An error, unless `fits`.
    ///
    /// # Errors
    /// If `fits` is false.
    pub fn unless(
        fits: bool,
        name: &'static str,
        value: f64,
        expected: &'static str,
    ) -> Result<(), HyperparameterError> {
        if fits { Ok(()) } else { Err(HyperparameterError { name, value, expected }) }
    }

    /// An error, unless `value` is the share of a running mean that stays: in [0, 1).
    fn unless_share(name: &'static str, value: f64) -> Result<(), HyperparameterError> {
        HyperparameterError::unless((0.0..1.0).contains(&value), name, value, "in [0, 1)")
    }

    /// An error, unless `value` can keep a divisor from 0.
    fn unless_epsilon(value: f64) -> Result<(), HyperparameterError> {
        HyperparameterError::unless(value.is_finite() && value > 0.0, "epsilon", value, "finite and above 0")
    }
}

/// One parameter on its way through a chain.
#[derive(Debug, Clone, Copy)]
pub struct Update<'g, 's, T: Real> {
    /// The parameter's name, shape and role.
    pub spec: &'s ParameterSpec,
    /// Its value before the step.
    pub parameter: Var<'g, T>,
    /// What would be subtracted from it, if the chain ended here. At the beginning: the gradient.
    pub value: Var<'g, T>,
}

/// One link of a chain: a pure function of updates, parameters and what it remembers.
pub trait Transform<T: Real>: Debug + Send + Sync {
    /// The new update of each parameter, in order and of the same shapes.
    fn transform<'g>(&self, updates: &[Update<'g, '_, T>], memory: &mut Memory<'g, T>) -> Vec<Var<'g, T>>;

    /// Whether the transform's numbers make sense.
    ///
    /// # Errors
    /// [`HyperparameterError`] with the first that does not.
    fn check(&self) -> Result<(), HyperparameterError> {
        Ok(())
    }
}

/// What the transforms of a chain remember from step to step, and the learning rate.
pub struct Memory<'g, T: Real> {
    graph: &'g Graph<T>,
    specs: Vec<ParameterSpec>,
    updates: Vec<(Var<'g, T>, Var<'g, T>)>,
    learning_rate: Option<Var<'g, T>>,
    /// What a group multiplies the learning rate with.
    rate_factor: f64,
    /// What the names of the memory and of the learning rate begin with.
    prefix: String,
}

impl<'g, T: Real> Memory<'g, T> {
    /// The fed learning rate, times the factor of the group that asks; a scalar.
    #[track_caller]
    pub fn learning_rate(&mut self) -> Var<'g, T> {
        // A `match`: a closure would not pass the caller's line on.
        let rate = match self.learning_rate {
            Some(rate) => rate,
            None => {
                let name = format!("{}{LEARNING_RATE}", self.prefix);
                *self.learning_rate.insert(self.graph.scalar(&name))
            }
        };
        if self.rate_factor == 1.0 { rate } else { rate * self.rate_factor }
    }

    /// A remembered value that starts at 0 everywhere, named `OWNER/SLOT`; if the chain has that name
    /// already, a number is added to it. The new value is set by [`Memory::keep`].
    #[track_caller]
    pub fn recall(&mut self, owner: &str, slot: &str, shape: Shape) -> Var<'g, T> {
        let taken = |name: &str| self.specs.iter().any(|spec| spec.name == name);
        let owner = format!("{}{owner}", self.prefix);
        let mut name = format!("{owner}/{slot}");
        for number in 2.. {
            if !taken(&name) {
                break;
            }
            name = format!("{owner}/{slot}{number}");
        }
        let spec = ParameterSpec { name, shape, role: Role::State, initialiser: Initialiser::Zeros };
        let variable = spec.declare(self.graph);
        self.specs.push(spec);
        variable
    }

    /// Sets what `recalled` will be at the next step.
    pub fn keep(&mut self, recalled: Var<'g, T>, new: Var<'g, T>) {
        self.updates.push((recalled, new));
    }
}

/// A chain of transforms and the schedule of its learning rate.
#[derive(Debug, Clone)]
pub struct Optimiser<T: Real> {
    gradients: Arc<dyn GradientRule<T>>,
    transforms: Vec<Arc<dyn Transform<T>>>,
    schedule: Schedule,
    prefix: String,
}

impl<T: Real> Optimiser<T> {
    /// No transforms yet: `w := w - gradient`. The learning rate acts where [`ScaleByLearningRate`] stands.
    pub fn new(learning_rate: impl Into<Schedule>) -> Optimiser<T> {
        let gradients = Arc::new(PlainGradient);
        Optimiser { gradients, transforms: Vec::new(), schedule: learning_rate.into(), prefix: String::new() }
    }

    /// The same chain on other gradients than those of the loss; see [`GradientRule`]. It is of the whole
    /// optimiser: that of a [group](Optimiser::groups) is not asked.
    pub fn with_gradients(self, rule: impl GradientRule<T> + 'static) -> Self {
        Optimiser { gradients: Arc::new(rule), ..self }
    }

    /// The same with another name for its memory and its learning rate: `PREFIX.adam/steps`,
    /// `PREFIX.learning_rate`. Two optimisers whose steps are recorded on one graph need different ones.
    ///
    /// ```
    /// use autograd::Graph;
    /// use nn::{Initialiser, Optimiser, ParameterSpec, Role};
    /// let graph = Graph::<f32>::new();
    /// let spec = |name: &str| ParameterSpec {
    ///     name: name.into(), shape: [].into(), role: Role::Weight, initialiser: Initialiser::Zeros,
    /// };
    /// let (a, b) = (spec("a"), spec("b"));
    /// let loss = (a.declare(&graph) * b.declare(&graph)).powi(2);
    /// let inner = Optimiser::adam(0.1).minimise(loss, &[a]);
    /// let outer = Optimiser::adam(0.1).under("outer").minimise(loss, &[b]);
    /// assert_eq!((&*inner.state[0].name, &*outer.state[0].name), ("adam/steps", "outer.adam/steps"));
    /// ```
    pub fn under(self, prefix: &str) -> Self {
        Optimiser { prefix: format!("{prefix}."), ..self }
    }

    /// The name of the input that takes the learning rate: [`LEARNING_RATE`], unless the optimiser has a
    /// name of its own by [`Optimiser::under`].
    pub fn learning_rate_name(&self) -> String {
        format!("{}{LEARNING_RATE}", self.prefix)
    }

    /// Adds a transform at the end of the chain.
    pub fn then(mut self, transform: impl Transform<T> + 'static) -> Self {
        self.transforms.push(Arc::new(transform));
        self
    }

    /// Adds a transform at the beginning of the chain, where updates are still gradients.
    pub fn first(mut self, transform: impl Transform<T> + 'static) -> Self {
        self.transforms.insert(0, Arc::new(transform));
        self
    }

    /// Stochastic gradient descent: `w := w - ε g` (*Deep Learning*, algorithm 8.1).
    pub fn sgd(learning_rate: impl Into<Schedule>) -> Optimiser<T> {
        Optimiser::new(learning_rate).then(ScaleByLearningRate)
    }

    /// Gradient descent with momentum; see [`Momentum`].
    pub fn momentum(learning_rate: impl Into<Schedule>, momentum: f64) -> Optimiser<T> {
        Optimiser::new(learning_rate).then(Momentum { momentum, nesterov: false }).then(ScaleByLearningRate)
    }

    /// Gradient descent with Nesterov's momentum; see [`Momentum`].
    pub fn nesterov(learning_rate: impl Into<Schedule>, momentum: f64) -> Optimiser<T> {
        Optimiser::new(learning_rate).then(Momentum { momentum, nesterov: true }).then(ScaleByLearningRate)
    }

    /// AdaGrad with the book's constant; see [`AdaGradScaling`].
    pub fn adagrad(learning_rate: impl Into<Schedule>) -> Optimiser<T> {
        Optimiser::new(learning_rate).then(AdaGradScaling::default()).then(ScaleByLearningRate)
    }

    /// RMSProp, not centred and without momentum; see [`RmsScaling`].
    pub fn rmsprop(learning_rate: impl Into<Schedule>) -> Optimiser<T> {
        Optimiser::new(learning_rate).then(RmsScaling::default()).then(ScaleByLearningRate)
    }

    /// Adadelta with its author's constants, to whom the learning rate is 1; see [`AdadeltaScaling`].
    pub fn adadelta(learning_rate: impl Into<Schedule>) -> Optimiser<T> {
        Optimiser::new(learning_rate).then(AdadeltaScaling::default()).then(ScaleByLearningRate)
    }

    /// Adam with its authors' constants; see [`AdamScaling`].
    pub fn adam(learning_rate: impl Into<Schedule>) -> Optimiser<T> {
        Optimiser::new(learning_rate).then(AdamScaling::default()).then(ScaleByLearningRate)
    }

    /// Adam whose divisor never falls; see [`AdamScaling::amsgrad`].
    pub fn amsgrad(learning_rate: impl Into<Schedule>) -> Optimiser<T> {
        let scaling = AdamScaling { amsgrad: true, ..AdamScaling::default() };
        Optimiser::new(learning_rate).then(scaling).then(ScaleByLearningRate)
    }

    /// Lion with its authors' constants and decoupled decay of the weights, not of biases; see
    /// [`LionDirection`].
    pub fn lion(learning_rate: impl Into<Schedule>, decay: f64) -> Optimiser<T> {
        Optimiser::new(learning_rate)
            .then(LionDirection::default())
            .then(AddDecayedWeights { decay, selection: Selection::weights() })
            .then(ScaleByLearningRate)
    }

    /// Adam with decoupled decay of the weights, not of biases: `w := w - ε (m̂/(√v̂ + ε') + decay · w)`
    /// (Loshchilov and Hutter, ICLR 2019, algorithm 2, with their schedule multiplier as learning rate).
    pub fn adamw(learning_rate: impl Into<Schedule>, decay: f64) -> Optimiser<T> {
        Optimiser::new(learning_rate)
            .then(AdamScaling::default())
            .then(AddDecayedWeights { decay, selection: Selection::weights() })
            .then(ScaleByLearningRate)
    }

    /// The learning rate of a step, counted from 0.
    pub fn learning_rate(&self, step: u64) -> f64 {
        self.schedule.at(step)
    }

    /// Whether all numbers of the chain and its schedule make sense.
    ///
    /// # Errors
    /// [`HyperparameterError`] with the first that does not.
    pub fn check(&self) -> Result<(), HyperparameterError> {
        self.schedule.check()?;
        self.gradients.check()?;
        self.transforms.iter().try_for_each(|transform| transform.check())
    }

    /// What the chain remembers of these parameters from step to step: names and shapes, found without a
    /// loss.
    ///
    /// # Panics
    /// If a hyperparameter makes no sense.
    #[track_caller]
    pub fn memory(&self, parameters: &[ParameterSpec]) -> Vec<ParameterSpec> {
        let graph = Graph::new();
        // Any expressions of the right shapes serve as gradients.
        let gradients = Selection::all().variables(&graph, parameters);
        self.apply(&graph, parameters, &gradients).state
    }

    /// Records the step that makes a scalar loss smaller, with the [updates that layers
    /// proposed](Graph::propose_update) for parameters of role [`State`](Role::State) among `parameters`.
    ///
    /// # Panics
    /// If the loss is no scalar, or does not depend on one of the parameters.
    #[track_caller]
    pub fn minimise<'g>(&self, loss: Var<'g, T>, parameters: &[ParameterSpec]) -> OptimiserStep<'g, T> {
        let mut variables = Vec::new();
        for spec in parameters.iter().filter(|spec| spec.role != Role::State) {
            variables.push((spec, spec.declare(loss.graph())));
        }
        self.apply(loss.graph(), parameters, &self.gradients.gradients(loss, &variables))
    }

    /// Records the step along given gradients, one for each parameter that is not
    /// [`State`](Role::State), in order.
    ///
    /// A layer recorded so far may have [proposed](Graph::propose_update) what becomes of a state of its own:
    /// running statistics. The step carries that out for each state among `parameters`; whoever
    /// trains the head of a network alone, and so gives the head's parameters only, leaves the statistics of
    /// the rest as they are.
    ///
    /// # Panics
    /// If numbers or shapes differ, or a hyperparameter makes no sense.
    #[track_caller]
    pub fn apply<'g>(
        &self,
        graph: &'g Graph<T>,
        parameters: &[ParameterSpec],
        gradients: &[Var<'g, T>],
    ) -> OptimiserStep<'g, T> {
        if let Err(error) = self.check() {
            panic!("{error}");
        }
        let specs: Vec<_> = parameters.iter().filter(|spec| spec.role != Role::State).collect();
        assert!(
            specs.len() == gradients.len(),
            "{} parameters need as many gradients, not {}",
            specs.len(),
            gradients.len()
        );
        let mut memory = Memory {
            graph,
            specs: Vec::new(),
            updates: Vec::new(),
            learning_rate: None,
            rate_factor: 1.0,
            prefix: self.prefix.clone(),
        };
        let mut updates = Vec::new();
        for (&spec, &value) in specs.iter().zip(gradients) {
            let (name, shape) = (&spec.name, value.shape());
            assert!(shape == spec.shape, "`{name}` is {}, its gradient is {shape}", spec.shape);
            updates.push(Update { spec, parameter: spec.declare(graph), value });
        }
        self.run_chain(&mut updates, &mut memory);
        let mut pairs: Vec<_> = updates.iter().map(|u| (u.parameter, u.parameter - u.value)).collect();
        pairs.extend(memory.updates);
        let is_state =
            |name: &str| parameters.iter().any(|spec| spec.role == Role::State && spec.name == name);
        pairs.extend(
            graph
                .proposed_updates()
                .into_iter()
                .filter(|(state, _)| graph.name_of(state.id()).is_some_and(|name| is_state(&name))),
        );
        OptimiserStep { updates: pairs, state: memory.specs, learning_rate: memory.learning_rate }
    }

    /// Lets each transform of the chain make new updates of the ones before.
    fn run_chain<'g>(&self, updates: &mut [Update<'g, '_, T>], memory: &mut Memory<'g, T>) {
        for transform in &self.transforms {
            let values = transform.transform(updates, memory);
            assert!(values.len() == updates.len(), "{transform:?} made {} updates", values.len());
            updates.iter_mut().zip(values).for_each(|(update, value)| update.value = value);
        }
    }
}

/// A recorded step: what becomes of each parameter, the optimiser's own included.
#[derive(Debug, Clone)]
pub struct OptimiserStep<'g, T: Real> {
    /// Each parameter with the expression of its new value: what
    /// [`PlanBuilder::update`](autograd::PlanBuilder::update) takes.
    pub updates: Vec<(Var<'g, T>, Var<'g, T>)>,
    /// What the optimiser remembers.
    pub state: Vec<ParameterSpec>,
    /// The input named [`Optimiser::learning_rate_name`], if the chain has one.
    pub learning_rate: Option<Var<'g, T>>,
}

impl<'g, T: Real> OptimiserStep<'g, T> {
    /// Adds all updates to a plan.
    #[track_caller]
    pub fn add_to(&self, plan: PlanBuilder<'g, T>) -> PlanBuilder<'g, T> {
        let mut plan = plan;
        // A loop: a closure would not pass the caller's line on.
        for &(parameter, expression) in &self.updates {
            plan = plan.update(parameter, expression);
        }
        plan
    }

    /// Gives the optimiser's memory its initial value, where `parameters` has none yet.
    pub fn initialise_state(&self, parameters: &mut Parameters<T>) {
        initialise_missing(&self.state, parameters);
    }
}

/// `x` rounded to multiples of some 1e-30; what is above 1e-6 keeps its bits, and nothing moves by more than
/// 1e-30.
///
/// A running mean whose input has become zero (that of a rectifier that never fires again) decays
/// geometrically, and in `f32` ends in the subnormal numbers below 1e-38, where `0.9 x` rounds back to `x`: it
/// stays there for ever. Arithmetic on subnormal numbers is many times slower: an Adam step of a 64-128-10
/// network took 35 microseconds at first and 117 after 800 steps on one batch. Adding and subtracting 1e-23
/// lets it come to rest near 1e-29, or at zero, instead.
pub(crate) fn without_subnormals<T: Real>(x: Var<'_, T>) -> Var<'_, T> {
    (x + 1e-23) - 1e-23
}

/// `√x` of a mean square, with derivative 0 instead of infinity at 0, so that a step can be differentiated
/// where a parameter has had no gradient yet.
///
/// The update there is a mean over this root, `m / (√v + ε)`, and `m` is 0 as well: the derivative of the
/// update is that of `m`, over `ε`, and what comes through the root is 0 times infinity. The root of 1e-36
/// adds less than half a rounding unit of `f32` to any `ε` above 1e-11.
pub(crate) fn root_of_mean_square<T: Real>(x: Var<'_, T>) -> Var<'_, T> {
    x.maximum(1e-36).sqrt()
}

#[cfg(test)]
mod tests;
