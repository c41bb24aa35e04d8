//! Compiled plans: a function of fed inputs and parameters, with updates of the parameters.
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

mod program;

use crate::feed::{Feed, RunError};
use crate::graph::{Graph, IndexVar, NodeId, Var};
use crate::ops::random::Draw;
use crate::{Interpreter, Parameters, Real, Shape, Tensor, Value};

/// Collects what a plan computes.
pub struct PlanBuilder<'g, T: Real> {
    graph: &'g Graph<T>,
    outputs: Vec<(String, NodeId)>,
    updates: Vec<(String, NodeId)>,
}

/// A compiled function.
pub struct Plan<T: Real> {
    graph: Graph<T>,
    outputs: Vec<(String, NodeId)>,
    updates: Vec<(String, NodeId)>,
    draw: Draw,
    values: Vec<Value<T>>,
}

/// The outputs of one run; they borrow the plan.
pub struct Outputs<'p, T: Real> {
    plan: &'p Plan<T>,
}

impl<T: Real> Plan<T> {
    /// Starts a plan over `graph`.
    pub fn builder(graph: &Graph<T>) -> PlanBuilder<'_, T> {
        PlanBuilder { graph, outputs: Vec::new(), updates: Vec::new() }
    }

    /// Sets the seed of all random draws, and starts counting runs from 0 again.
    pub fn set_seed(&mut self, seed: u64) {
        self.draw = Draw { seed, run: 0 };
    }

    /// Sets the number of the next run: the same seed and number draw the same values.
    pub fn set_run(&mut self, run: u64) {
        self.draw.run = run;
    }

    /// The draws of the next run.
    pub fn draw(&self) -> Draw {
        self.draw
    }

    /// Runs once: computes the outputs from the old parameters, then updates the parameters.
    ///
    /// # Errors
    /// If feeds or parameters do not fit; nothing was computed or changed then.
    pub fn run(
        &mut self,
        parameters: &mut Parameters<T>,
        feeds: &[(&str, Feed<'_, T>)],
    ) -> Result<Outputs<'_, T>, RunError> {
        let ids: Vec<_> = self.outputs.iter().chain(&self.updates).map(|(_, id)| *id).collect();
        let run = Interpreter { parameters, draw: self.draw }.run(&self.graph, &ids, feeds)?;
        let value = |id: &NodeId| run.value(*id).expect("asked for").clone();
        self.values = self.outputs.iter().map(|(_, id)| value(id)).collect();
        for (name, id) in &self.updates {
            if let Value::Real(new) = value(id) {
                parameters.insert(name, (*new).clone());
            }
        }
        self.draw.run += 1;
        Ok(Outputs { plan: self })
    }
}

impl<'g, T: Real> PlanBuilder<'g, T> {
    /// A value that each run returns under `name`.
    #[track_caller]
    pub fn output(mut self, name: &str, value: Var<'g, T>) -> Self {
        self.outputs.push((name.into(), value.id()));
        self
    }

    /// An integer value that each run returns under `name`.
    #[track_caller]
    pub fn index_output(mut self, name: &str, value: IndexVar<'g, T>) -> Self {
        self.outputs.push((name.into(), value.id()));
        self
    }

    /// Gives `parameter` the value of `expression` at the end of each run.
    #[track_caller]
    pub fn update(mut self, parameter: Var<'g, T>, expression: Var<'g, T>) -> Self {
        assert!(parameter.shape() == expression.shape(), "update: the shapes differ");
        let name = parameter.graph().name_of(parameter.id()).expect("update of a parameter");
        self.updates.push((name.to_string(), expression.id()));
        self
    }

    /// Compiles.
    #[track_caller]
    pub fn compile(self) -> Plan<T> {
        Plan {
            graph: self.graph.clone(),
            outputs: self.outputs,
            updates: self.updates,
            draw: Draw::default(),
            values: Vec::new(),
        }
    }
}

impl<'p, T: Real> Outputs<'p, T> {
    #[track_caller]
    fn value(&self, name: &str) -> &'p Value<T> {
        let found = self.plan.outputs.iter().position(|(output, _)| output == name);
        &self.plan.values[found.unwrap_or_else(|| panic!("there is no output `{name}`"))]
    }

    /// The elements of a real output.
    #[track_caller]
    pub fn values(&self, name: &str) -> &'p [T] {
        match self.value(name) {
            Value::Real(value) => value.data(),
            Value::Index(_) => panic!("output `{name}` holds integers"),
        }
    }

    /// The elements of an integer output.
    #[track_caller]
    pub fn indices(&self, name: &str) -> &'p [u32] {
        match self.value(name) {
            Value::Index(value) => value.data(),
            Value::Real(_) => panic!("output `{name}` holds real numbers"),
        }
    }

    /// The only element of a real output.
    #[track_caller]
    pub fn scalar(&self, name: &str) -> T {
        self.values(name)[0]
    }

    /// The shape of an output.
    #[track_caller]
    pub fn shape(&self, name: &str) -> Shape {
        match self.value(name) {
            Value::Real(value) => value.shape(),
            Value::Index(value) => value.shape(),
        }
    }

    /// A copy of a real output.
    #[track_caller]
    pub fn tensor(&self, name: &str) -> Tensor<T> {
        Tensor::new(self.shape(name), self.values(name).to_vec())
    }
}
