//! Compiled plans: a function of fed inputs and parameters, with updates of the parameters.
//!
//! A [`Plan`] is built once from a graph and run many times. A whole training step (forward, backward,
//! penalty, update) is one plan. Compiling goes through four stages, a file each:
//!
//! | stage | what |
//! |---|---|
//! | [`program`] | what the results need: dead code, constants, common subexpressions |
//! | [`schedule`] | the order of steps, which pointwise nodes are fused, which products go straight into them |
//! | [`memory`] | where every value lies, in one arena |
//! | [`run`] | the steps themselves |
//!
//! [`Plan::explain`] prints what came of them. A run allocates nothing once every thread has its scratch
//! memory, changes parameters only after everything fed was checked, and gives the same bits as the
//! [interpreter](crate::eval) and for any number of threads.
//!
//! ```
//! use autograd::{Feed, Graph, Parameters, Plan, Tensor, grad};
//! let graph = Graph::<f64>::new();
//! let (x, w, lr) = (graph.input("x", [2]), graph.parameter("w", [2]), graph.scalar("lr"));
//! let loss = (x * w).sum().powi(2);
//! let step = grad(loss, &[w])[0] * lr;
//! let mut plan = Plan::builder(&graph).output("loss", loss).update(w, w - step).compile();
//!
//! let mut parameters = Parameters::new();
//! parameters.insert("w", Tensor::new([2], vec![1.0, 1.0]));
//! let batch = Tensor::new([2], vec![1.0, 2.0]);
//! let outputs = plan.run(&mut parameters, &[("x", Feed::from(&batch)), ("lr", Feed::from(0.1))])?;
//! assert_eq!(outputs.scalar("loss"), 9.0);
//! # Ok::<(), autograd::RunError>(())
//! ```

mod codegen;
mod epilogue;
mod explain;
pub mod memory;
mod outputs;
pub mod program;
mod readers;
pub mod run;
pub mod schedule;

use crate::error::{GraphError, OrPanic};
use crate::feed::{Feed, InputSlot, RunError, check_feeds};
use crate::graph::{Element, Graph, IndexVar, NodeId, Var};
use crate::kernel::aligned::Aligned;
use crate::kernel::memory::{Access, Lent, Memory, Place};
use crate::ops::Op;
use crate::ops::random::Draw;
use crate::parameters::Parameters;
use crate::real::Real;
use crate::shape::Shape;
use explain::Summary;
use memory::Layout;
pub use outputs::Outputs;
use program::Program;
pub use program::Simplify;
use run::{Compiled, State, compile_steps};
use schedule::Schedule;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Collects what a plan computes. Made by [`Plan::builder`].
pub struct PlanBuilder<'g, T: Real> {
    graph: &'g Graph<T>,
    outputs: Vec<(Arc<str>, NodeId)>,
    updates: Vec<(NodeId, NodeId)>,
    simplify: Simplify,
    fusion: bool,
}

/// A compiled function; see the [module documentation](self).
#[derive(Debug)]
pub struct Plan<T: Real> {
    steps: Vec<Compiled<T>>,
    state: State<T>,
    inputs: Vec<InputSlot>,
    /// The place of each input: real inputs in the arena, integer inputs in a buffer of their own.
    input_places: Vec<InputPlace>,
    parameters: Vec<ParameterSlot>,
    outputs: Vec<(Arc<str>, OutputPlace)>,
    copied_updates: Vec<(Place, usize)>,
    /// What holds nothing after each step; filled with NaN when debug assertions are on.
    dead_after: Vec<Vec<Place>>,
    draw: Draw,
    /// Whether some step is worth more than one thread.
    is_large: bool,
    /// Whether a run changes parameters.
    updates: bool,
    summary: Summary,
    /// The time of each step of the present run, while [`Plan::profile`] asks for it.
    times: Option<Vec<Duration>>,
}

#[derive(Debug)]
enum InputPlace {
    Real(Place),
    Index(usize),
    Unused,
}

#[derive(Debug)]
enum OutputPlace {
    Real(Place, Shape),
    Index(usize, Shape),
}

#[derive(Debug)]
struct ParameterSlot {
    name: Arc<str>,
    shape: Shape,
    origin: String,
    /// Where the parameter stood in the last run's [`Parameters`]: the first place to look.
    hint: usize,
}

impl<'g, T: Real> PlanBuilder<'g, T> {
    /// A value that each run returns under `name`.
    ///
    /// # Panics
    /// If the name is taken, or the variable is of another graph.
    #[track_caller]
    pub fn output(mut self, name: &str, value: Var<'g, T>) -> Self {
        value.same_graph(self.graph, "output");
        self.add_output(name, value.id);
        self
    }

    /// An integer value that each run returns under `name`.
    ///
    /// # Panics
    /// As [`PlanBuilder::output`].
    #[track_caller]
    pub fn index_output(mut self, name: &str, value: IndexVar<'g, T>) -> Self {
        assert!(std::ptr::eq(value.graph, self.graph), "output `{name}` is of another graph");
        self.add_output(name, value.id);
        self
    }

    #[track_caller]
    fn add_output(&mut self, name: &str, id: NodeId) {
        assert!(self.outputs.iter().all(|(known, _)| **known != *name), "there are two outputs `{name}`");
        self.outputs.push((name.into(), id));
    }

    /// Gives `parameter` the value of `expression` at the end of each run. All expressions are computed
    /// from the values before the run.
    ///
    /// # Panics
    /// If `parameter` is none, is updated already, or has another shape than the expression.
    #[track_caller]
    pub fn update(self, parameter: Var<'g, T>, expression: Var<'g, T>) -> Self {
        self.try_update(parameter, expression).or_panic()
    }

    /// [`PlanBuilder::update`], with an error where it would panic.
    #[track_caller]
    pub fn try_update(mut self, parameter: Var<'g, T>, expression: Var<'g, T>) -> Result<Self, GraphError> {
        self.graph.check_update("update", parameter, expression)?;
        if self.updates.iter().any(|(known, _)| *known == parameter.id) {
            return Err(GraphError::new("update", "the parameter is updated already")
                .operand("parameter", self.graph, parameter.id)
                .operand("expression", self.graph, expression.id));
        }
        self.updates.push((parameter.id, expression.id));
        Ok(self)
    }

    /// Which simplifications to make; all by default.
    pub fn simplify(mut self, simplify: Simplify) -> Self {
        self.simplify = simplify;
        self
    }

    /// Whether pointwise operations share steps; they do by default.
    pub fn fusion(mut self, fusion: bool) -> Self {
        self.fusion = fusion;
        self
    }

    /// Compiles the plan. The graph is left as it is, and is not needed any more.
    pub fn compile(self) -> Plan<T> {
        let program = Program::new(self.graph, &self.outputs, &self.updates, self.simplify);
        let schedule = Schedule::new(&program, self.fusion);
        let layout = Layout::new(&program, &schedule);
        let steps = compile_steps(&program, &schedule, &layout);
        let summary = Summary::new(self.graph, &program, &schedule, &layout, &steps);
        let shape = |id: NodeId| program.nodes[id.index()].shape;
        let place = |id: NodeId| layout.places[schedule.root(id).index()].clone();
        let input_places = (program.inputs.iter())
            .map(|slot| match (slot.needed, slot.element) {
                (false, _) => InputPlace::Unused,
                (true, Element::Index) => {
                    InputPlace::Index(layout.index_buffers[slot.id.index()].expect("it has a buffer"))
                }
                (true, Element::Real) => InputPlace::Real(place(slot.id).expect("it has a place")),
            })
            .collect();
        let outputs = (program.outputs.iter())
            .map(|(name, id)| {
                let place = match layout.index_buffers[id.index()] {
                    Some(buffer) => OutputPlace::Index(buffer, shape(*id)),
                    None => OutputPlace::Real(place(*id).expect("every output has a place"), shape(*id)),
                };
                (name.clone(), place)
            })
            .collect();
        let parameters = (layout.parameters.iter())
            .map(|id| {
                let node = &program.nodes[id.index()];
                let Op::Parameter(name) = &node.op else { unreachable!("the layout lists parameters") };
                let origin = format!("{}:{}", node.location.file(), node.location.line());
                ParameterSlot { name: name.clone(), shape: node.shape, origin, hint: 0 }
            })
            .collect::<Vec<_>>();
        let constant = |id: &NodeId| match &program.nodes[id.index()].op {
            Op::Constant(value) => value.0.clone(),
            other => unreachable!("{other:?} is no constant"),
        };
        let buffer = |id: &NodeId| match &program.nodes[id.index()].op {
            Op::IndexConstant(value) => value.0.data().to_vec(),
            _ => vec![0; shape(*id).numel()],
        };
        let memory = Memory {
            arena: Aligned::zeros(layout.arena),
            parameters: vec![Vec::new(); parameters.len()],
            constants: layout.constants.iter().map(constant).collect(),
        };
        let copied = layout.copied_updates.iter();
        Plan {
            updates: !program.updates.is_empty(),
            is_large: steps.iter().any(Compiled::is_large),
            state: State { memory, indices: layout.indices.iter().map(buffer).collect() },
            copied_updates: copied.map(|(id, slot)| (place(*id).expect("it has a place"), *slot)).collect(),
            steps,
            input_places,
            parameters,
            outputs,
            dead_after: layout.dead_after,
            draw: Draw::default(),
            inputs: program.inputs,
            summary,
            times: None,
        }
    }
}

impl<T: Real> Plan<T> {
    /// Starts a plan over `graph`.
    pub fn builder(graph: &Graph<T>) -> PlanBuilder<'_, T> {
        let simplify = Simplify { identities: true, constants: true, common: true };
        PlanBuilder { graph, outputs: Vec::new(), updates: Vec::new(), simplify, fusion: true }
    }

    /// Sets the seed of all random draws, and counts runs from 0 again.
    pub fn set_seed(&mut self, seed: u64) {
        self.draw = Draw { seed, run: 0 };
    }

    /// Sets the number of the next run: the same seed and number draw the same values.
    pub fn set_run(&mut self, run: u64) {
        self.draw.run = run;
    }

    /// Name, shape and kind of every input, in recording order.
    pub fn inputs(&self) -> impl ExactSizeIterator<Item = (&str, Shape, Element)> {
        self.inputs.iter().map(|slot| (&*slot.name, slot.shape, slot.element))
    }

    /// The draws of the next run.
    pub fn draw(&self) -> Draw {
        self.draw
    }

    /// Runs once: computes all results from the parameters as they are, then updates the parameters, and
    /// counts the run.
    ///
    /// # Errors
    /// If feeds or parameters do not fit. Nothing was computed, changed or counted then.
    ///
    /// # Panics
    /// If a custom operation does; the parameters that the plan updates may be left half changed then.
    pub fn run(
        &mut self,
        parameters: &mut Parameters<T>,
        feeds: &[(&str, Feed<'_, T>)],
    ) -> Result<Outputs<'_, T>, RunError> {
        self.find_parameters(parameters)?;
        self.place_feeds(feeds)?;
        let taken = Taken::new(self, parameters);
        taken.plan.run_in_pool(None);
        drop(taken);
        self.draw.run += 1;
        Ok(Outputs { plan: self })
    }

    /// [`Plan::run`] of a plan without updates, which only reads the parameters: so several plans can run on
    /// the same ones at a time.
    ///
    /// ```
    /// use autograd::{Graph, Parameters, Plan, Tensor};
    /// let graph = Graph::<f64>::new();
    /// let mut plan = Plan::builder(&graph).output("y", graph.parameter("w", [2]).exp().sum()).compile();
    /// let parameters: Parameters<f64> = [("w", Tensor::zeros([2]))].into_iter().collect();
    /// assert_eq!(plan.evaluate(&parameters, &[])?.scalar("y"), 2.0);
    /// # Ok::<(), autograd::RunError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Plan::run`].
    ///
    /// # Panics
    /// If the plan updates a parameter, or a custom operation panics.
    #[track_caller]
    pub fn evaluate(
        &mut self,
        parameters: &Parameters<T>,
        feeds: &[(&str, Feed<'_, T>)],
    ) -> Result<Outputs<'_, T>, RunError> {
        assert!(!self.updates, "evaluate() of a plan that updates parameters; run() does that");
        self.find_parameters(parameters)?;
        self.place_feeds(feeds)?;
        self.run_in_pool(Some(parameters));
        self.draw.run += 1;
        Ok(Outputs { plan: self })
    }

    /// Runs all steps, with the parameters in the memory or lent.
    fn run_in_pool(&mut self, lent: Option<&Parameters<T>>) {
        if self.is_large && rayon::current_thread_index().is_none() {
            // Into the pool once, not at every step.
            rayon::scope(|_| self.run_steps(lent));
        } else {
            self.run_steps(lent);
        }
    }

    /// Runs `runs` times and returns, for each step of [`Plan::explain`], the shortest time it took. The
    /// runs are ordinary ones: parameters are updated.
    ///
    /// # Errors
    /// As [`Plan::run`].
    pub fn profile(
        &mut self,
        parameters: &mut Parameters<T>,
        feeds: &[(&str, Feed<'_, T>)],
        runs: usize,
    ) -> Result<Vec<Duration>, RunError> {
        let mut shortest = vec![Duration::MAX; self.steps.len()];
        for _ in 0..runs {
            self.times = Some(Vec::with_capacity(self.steps.len()));
            let result = self.run(parameters, feeds).map(|_| ());
            let times = self.times.take().unwrap_or_default();
            result?;
            shortest.iter_mut().zip(times).for_each(|(least, time)| *least = time.min(*least));
        }
        Ok(shortest)
    }

    fn run_steps(&mut self, parameters: Option<&Parameters<T>>) {
        let State { memory, indices } = &mut self.state;
        let slots = &self.parameters;
        let value = |slot: usize| {
            let entry = parameters.and_then(|parameters| parameters.entry(slots[slot].hint));
            entry.expect("found before the run").1.data()
        };
        let lent: Option<Lent<'_, T>> = if parameters.is_some() { Some(&value) } else { None };
        let mut memory = Access::new(memory, lent);
        for (step, dead) in self.steps.iter().zip(&self.dead_after) {
            let start = self.times.is_some().then(Instant::now);
            step.run(&mut memory, indices, self.draw);
            if let (Some(times), Some(start)) = (&mut self.times, start) {
                times.push(start.elapsed());
            }
            if cfg!(debug_assertions) {
                // A step that reads what is dead then spoils its results, and a test sees it.
                dead.iter().for_each(|place| memory.write(place).fill(T::NAN));
            }
        }
        for (place, slot) in &self.copied_updates {
            let (parameter, [value]) = memory.split(&Place::Parameter(*slot), [place]);
            parameter.copy_from_slice(value);
        }
    }

    /// Checks that every parameter is there, and finds it.
    fn find_parameters(&mut self, parameters: &Parameters<T>) -> Result<(), RunError> {
        for slot in &mut self.parameters {
            let hinted = parameters.entry(slot.hint).is_some_and(|(name, _)| *name == *slot.name);
            if !hinted {
                slot.hint = parameters.position(&slot.name).ok_or_else(|| RunError::MissingParameter {
                    name: slot.name.to_string(),
                    shape: slot.shape,
                    origin: slot.origin.clone(),
                })?;
            }
            let (_, value) = parameters.entry(slot.hint).expect("just found");
            if value.shape() != slot.shape {
                return Err(RunError::WrongShape {
                    name: slot.name.to_string(),
                    expected: slot.shape,
                    given: value.shape(),
                    origin: slot.origin.clone(),
                });
            }
        }
        Ok(())
    }

    fn place_feeds(&mut self, feeds: &[(&str, Feed<'_, T>)]) -> Result<(), RunError> {
        let State { memory, indices } = &mut self.state;
        let places = &self.input_places;
        check_feeds(&self.inputs, feeds, |position, feed| match (&places[position], feed) {
            (InputPlace::Real(place), Feed::Real(value)) => {
                memory.write(place).copy_from_slice(value.data());
            }
            (InputPlace::Real(place), Feed::Scalar(value)) => memory.write(place)[0] = T::from_f64(*value),
            (InputPlace::Index(buffer), Feed::Index(value)) => indices[*buffer].copy_from_slice(value.data()),
            _ => unreachable!("the kinds were checked"),
        })
    }
}

/// The parameters' elements, moved into the plan's memory for a run and moved back at its end, even if a
/// custom operation panics.
struct Taken<'a, T: Real> {
    plan: &'a mut Plan<T>,
    parameters: &'a mut Parameters<T>,
}

impl<'a, T: Real> Taken<'a, T> {
    fn new(plan: &'a mut Plan<T>, parameters: &'a mut Parameters<T>) -> Self {
        let mut taken = Taken { plan, parameters };
        taken.exchange();
        taken
    }

    fn exchange(&mut self) {
        for (slot, buffer) in self.plan.parameters.iter().zip(&mut self.plan.state.memory.parameters) {
            let (_, value) = self.parameters.entry_mut(slot.hint).expect("found before the run");
            value.swap_data(buffer);
        }
    }
}

impl<T: Real> Drop for Taken<'_, T> {
    fn drop(&mut self) {
        self.exchange();
    }
}
