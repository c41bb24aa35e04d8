//! Notes on a graph: what should become of a parameter when a pass is run for real.

use super::{Graph, Var};
use crate::error::{GraphError, OrPanic};
use crate::ops::Op;
use crate::real::Real;

/// A parameter, and the expression of what it should become.
pub type ProposedUpdate<'g, T> = (Var<'g, T>, Var<'g, T>);

impl<T: Real> Graph<T> {
    /// Leaves a note on the graph: a plan that runs this pass for real should give `parameter` the value of
    /// `expression`. Nothing is updated by itself; whoever builds the plan reads
    /// [`Graph::proposed_updates`].
    ///
    /// This is how a layer with a memory (the running statistics of batch normalisation) says what should
    /// become of it, without a value of its own and without a second result that everything which runs a
    /// network would have to pass on.
    ///
    /// The *first* proposal for a parameter counts; later ones are ignored. A network recorded twice on one
    /// graph, on clean and then on adversarial examples, so updates its memory once, from the pass recorded
    /// first; were it the last, a technique that runs a network once more in order to look at it would change
    /// what evaluation does.
    ///
    /// # Panics
    /// If `parameter` is none, or is not of the expression's shape or graph.
    ///
    /// ```
    /// use autograd::{Graph, Plan};
    /// let graph = Graph::<f64>::new();
    /// let (x, seen) = (graph.input("x", [8]), graph.parameter("seen", []));
    /// graph.propose_update(seen, seen + 8.0);
    /// graph.propose_update(seen, seen + 1000.0); // ignored
    /// let mut plan = Plan::builder(&graph).output("mean", x.mean());
    /// for (parameter, expression) in graph.proposed_updates() {
    ///     plan = plan.update(parameter, expression);
    /// }
    /// # use autograd::{Feed, Parameters, Tensor};
    /// # let batch = Tensor::<f64>::zeros([8]);
    /// # let mut parameters: Parameters<f64> = [("seen", Tensor::zeros([]))].into_iter().collect();
    /// plan.compile().run(&mut parameters, &[("x", Feed::from(&batch))])?;
    /// assert_eq!(parameters["seen"].item(), 8.0);
    /// # Ok::<(), autograd::RunError>(())
    /// ```
    #[track_caller]
    pub fn propose_update<'g>(&'g self, parameter: Var<'g, T>, expression: Var<'g, T>) {
        self.check_update("propose_update", parameter, expression).or_panic();
        let mut proposals = self.proposals.borrow_mut();
        if proposals.iter().all(|(known, _)| *known != parameter.id) {
            proposals.push((parameter.id, expression.id));
        }
    }

    /// What `record` returns; what it [proposes](Graph::propose_update) meanwhile is not heard.
    ///
    /// For a pass that only looks at a network before the one that counts is recorded: an attack on a network
    /// in training mode looks first, and the running statistics should still be those of the examples that
    /// are trained on.
    ///
    /// ```
    /// use autograd::Graph;
    /// let graph = Graph::<f64>::new();
    /// let seen = graph.parameter("seen", []);
    /// graph.without_proposals(|| graph.propose_update(seen, seen + 1000.0));
    /// assert!(graph.proposed_updates().is_empty());
    /// ```
    pub fn without_proposals<R>(&self, record: impl FnOnce() -> R) -> R {
        self.intercepting_proposals(record).0
    }

    /// What `record` returns, and what it [proposes](Graph::propose_update) meanwhile, which is not heard unless it is
    /// proposed again: for a technique that rewrites what a layer recorded, and must rewrite that as well.
    ///
    /// ```
    /// use autograd::Graph;
    /// let graph = Graph::<f64>::new();
    /// let seen = graph.parameter("seen", []);
    /// let ((), proposed) = graph.intercepting_proposals(|| graph.propose_update(seen, seen + 1.0));
    /// assert!(graph.proposed_updates().is_empty());
    /// for (parameter, new) in proposed {
    ///     graph.propose_update(parameter, new * 2.0);
    /// }
    /// assert_eq!(graph.proposed_updates().len(), 1);
    /// ```
    pub fn intercepting_proposals<'g, R>(
        &'g self,
        record: impl FnOnce() -> R,
    ) -> (R, Vec<ProposedUpdate<'g, T>>) {
        let before = self.proposals.take();
        let result = record();
        let found = self.proposals.replace(before);
        let var = |id| Var { graph: self, id };
        (result, found.into_iter().map(|(parameter, new)| (var(parameter), var(new))).collect())
    }

    /// What [`Graph::propose_update`] was told, each parameter with the expression of its new value, in the
    /// order of the proposals.
    pub fn proposed_updates(&self) -> Vec<ProposedUpdate<'_, T>> {
        let var = |id| Var { graph: self, id };
        self.proposals.borrow().iter().map(|&(parameter, new)| (var(parameter), var(new))).collect()
    }

    /// Whether `expression` can become the new value of `parameter`.
    #[track_caller]
    pub(crate) fn check_update(
        &self,
        operation: &str,
        parameter: Var<'_, T>,
        expression: Var<'_, T>,
    ) -> Result<(), GraphError> {
        parameter.same_graph(self, operation);
        expression.same_graph(self, operation);
        let problem = if !matches!(self.node(parameter.id).op, Op::Parameter(_)) {
            "only a parameter can be updated"
        } else if parameter.shape() != expression.shape() {
            "the expression is not of the parameter's shape"
        } else {
            return Ok(());
        };
        Err(GraphError::new(operation, problem).operand("parameter", self, parameter.id).operand(
            "expression",
            self,
            expression.id,
        ))
    }
}
