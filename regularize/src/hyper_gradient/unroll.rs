//! Several steps of an optimiser as one expression, and the derivative through them.
//!
//! A recorded [`OptimiserStep`] says what becomes of each parameter and of each number that the optimiser
//! remembers: `s₁ = Φ(s₀, batch, draws)`. The next step is the same expression with `s₁` in the place of
//! `s₀`, another batch and other draws: [`unroll`] is nothing but
//! [`substitute_with_indices`], and so works for every chain of transforms
//! and for running statistics.
//!
//! # Names
//!
//! Each step has inputs and streams of its own. The first step keeps the names; step `i`, counted from 0, has
//! `NAME@i` ([`step_name`]): the inputs `inputs`, `inputs@1`, `inputs@2`, the learning rates `learning_rate`,
//! `learning_rate@1`, and the stream `dropout.mask@1`. What all steps have in common is named as shared.
//! Draws so differ from step to step within a run, and from run to run by the number of the run.
//!
//! The first step of an optimiser that divides by the root of a mean square (Adam, RMSProp, AdaGrad) is, without
//! a memory, a multiple of the gradient's sign: hardly any strength changes it, and its hyper-gradient is
//! nearly 0. That is no defect of the derivative, but a reason to unroll some steps more, or later.
//!
//! ```
//! use autograd::{Feed, Graph, interpret};
//! use nn::{Initialiser, Optimiser, ParameterSpec, Role};
//! use regularize::hyper_gradient::{hyper_gradient, unroll};
//! // Two steps on α w²/2 at rate ½, and how far they leave w from 0.
//! let graph = Graph::<f64>::new();
//! let spec = ParameterSpec {
//!     name: "w".into(), shape: [].into(), role: Role::Weight, initialiser: Initialiser::Zeros,
//! };
//! let (w, alpha) = (spec.declare(&graph), graph.scalar("alpha"));
//! let loss = alpha * w.powi(2) * 0.5;
//! let step = Optimiser::sgd(0.5).minimise(loss, &[spec]);
//! let two = unroll(&step, &[loss], 2, &["alpha", "learning_rate"]);
//! let far = w.powi(2) * 0.5;
//! let slope = hyper_gradient(far, &two, &[alpha])?[0];
//! let parameters = [("w", autograd::Tensor::scalar(1.0))].into_iter().collect();
//! let feeds = [("alpha", Feed::Scalar(1.0)), ("learning_rate", Feed::Scalar(0.5))];
//! let found = interpret(&[two.at(&[w])[0], slope], &feeds, Some(&parameters))?;
//! assert_eq!(found[0].item(), 0.25); // (1 - α/2)²
//! assert_eq!(found[1].item(), -0.125); // -(1 - α/2)³
//! # Ok::<(), regularize::RegularizeError>(())
//! ```

use crate::error::{RegularizeError, at_least_one};
use autograd::ops::random::Distribution;
use autograd::{IndexVar, NodeId, Op, Real, Var, substitute, substitute_with_indices, try_grad};
use nn::OptimiserStep;
use std::collections::BTreeSet;

/// The name of an input or a stream in step `i`, counted from 0: `NAME` in the first, then `NAME@i`.
///
/// ```
/// use regularize::hyper_gradient::step_name;
/// assert_eq!((step_name("inputs", 0), step_name("inputs", 2)), ("inputs".into(), "inputs@2".into()));
/// ```
pub fn step_name(name: &str, i: usize) -> String {
    if i == 0 { name.into() } else { format!("{name}@{i}") }
}

/// Steps of an optimiser as expressions of what was before the first. See the [module
/// documentation](self).
#[derive(Debug, Clone)]
pub struct Unrolled<'g, T: Real> {
    /// Each parameter, the optimiser's own included, with its value after the last step: what
    /// [`PlanBuilder::update`](autograd::PlanBuilder::update) takes. None if there are no steps.
    pub updates: Vec<(Var<'g, T>, Var<'g, T>)>,
    /// What was to be observed, for each step: its value before the step's update.
    pub observed: Vec<Vec<Var<'g, T>>>,
}

impl<'g, T: Real> Unrolled<'g, T> {
    /// The number of steps.
    pub fn steps(&self) -> usize {
        self.observed.len()
    }

    /// Expressions of the parameters, at their values after the last step. Without steps the variables
    /// themselves.
    ///
    /// # Panics
    /// If the outputs are of another graph.
    #[track_caller]
    pub fn at(&self, outputs: &[Var<'g, T>]) -> Vec<Var<'g, T>> {
        substitute(outputs, &self.updates)
    }
}

/// `steps` steps, one after the other. `observed` are expressions of the step's batch, like its loss, to be
/// known for each step; `shared` are the names of inputs and streams that all steps have in common.
///
/// # Panics
/// If a step has no input or stream of a shared name.
///
/// ```
/// use autograd::{Feed, Graph, Tensor, interpret};
/// use nn::{Initialiser, Optimiser, ParameterSpec, Role};
/// use regularize::hyper_gradient::unroll;
/// let (name, shape) = ("w".to_string(), [].into());
/// let spec = ParameterSpec { name, shape, role: Role::Weight, initialiser: Initialiser::Zeros };
/// let graph = Graph::<f64>::new();
/// let w = spec.declare(&graph);
/// let loss = (w - graph.scalar("target")).powi(2) * 0.5;
/// let step = Optimiser::sgd(0.5).minimise(loss, &[spec]);
/// let two = unroll(&step, &[loss], 2, &["learning_rate"]); // a target for each step, one rate for both
/// let values = [("w", Tensor::scalar(0.0))].into_iter().collect();
/// let feeds = [("target", 2.0), ("target@1", 5.0), ("learning_rate", 0.5)];
/// let feeds = feeds.map(|(name, value)| (name, Feed::from(value)));
/// let outputs = [two.observed[0][0], two.observed[1][0], two.at(&[w])[0]];
/// let found = interpret(&outputs, &feeds, Some(&values))?;
/// assert_eq!((found[0].item(), found[1].item()), (2.0, 8.0)); // at 0, and at 1
/// assert_eq!(found[2].item(), 3.0); // 0 → 1 → 3
/// # Ok::<(), autograd::RunError>(())
/// ```
#[track_caller]
pub fn unroll<'g, T: Real>(
    step: &OptimiserStep<'g, T>,
    observed: &[Var<'g, T>],
    steps: usize,
    shared: &[&str],
) -> Unrolled<'g, T> {
    let mut unrolled = Unrolled { updates: Vec::new(), observed: Vec::new() };
    let (parameters, new): (Vec<_>, Vec<_>) = step.updates.iter().copied().unzip();
    let expressions = [&new[..], observed].concat();
    let own = Own::of(&expressions, shared);
    for i in 0..steps {
        let (mut reals, indices) = own.in_step(i);
        reals.extend(&unrolled.updates);
        let next = substitute_with_indices(&expressions, &reals, &indices);
        unrolled.updates = parameters.iter().copied().zip(next.iter().copied()).collect();
        unrolled.observed.push(next[new.len()..].to_vec());
    }
    unrolled
}

/// The derivative of a validation loss, a scalar expression of the parameters, at their values after the
/// last step, with respect to each of `hyperparameters`: any variables that the steps depend on. What was
/// before the first step counts as constant: a *truncated* derivative, if more steps had gone before.
///
/// A validation loss that contains a hyper-parameter itself has the total derivative. A penalty does not
/// belong there: its coefficient would be tuned to 0.
///
/// # Errors
/// If there are no steps or no hyper-parameters, or the result depends on one of them nowhere.
///
/// # Panics
/// If the validation loss is no scalar.
///
/// ```
/// use autograd::{Feed, Graph, Tensor, interpret};
/// use nn::{Initialiser, Optimiser, ParameterSpec, Role};
/// use regularize::hyper_gradient::{hyper_gradient, unroll};
/// let (name, shape) = ("w".to_string(), [].into());
/// let spec = ParameterSpec { name, shape, role: Role::Weight, initialiser: Initialiser::Zeros };
/// let graph = Graph::<f64>::new();
/// let (w, target, unused) = (spec.declare(&graph), graph.scalar("target"), graph.scalar("unused"));
/// let step = Optimiser::sgd(0.5).minimise((w - target).powi(2) * 0.5, &[spec]);
/// let one = unroll(&step, &[], 1, &["learning_rate"]); // w := w - ε (w - target)
/// let slope = hyper_gradient(w.powi(2), &one, &[target])?[0];
/// let values = [("w", Tensor::scalar(0.0))].into_iter().collect();
/// let feeds = [("target", Feed::from(3.0)), ("learning_rate", Feed::from(0.5))];
/// assert_eq!(interpret(&[slope], &feeds, Some(&values))?[0].item(), 2.0 * 1.5 * 0.5); // 2 w · ε
/// assert!(hyper_gradient(w, &one, &[unused]).is_err());
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[track_caller]
pub fn hyper_gradient<'g, T: Real>(
    validation: Var<'g, T>,
    unrolled: &Unrolled<'g, T>,
    hyperparameters: &[Var<'g, T>],
) -> Result<Vec<Var<'g, T>>, RegularizeError> {
    let steps = unrolled.steps();
    at_least_one("number of unrolled steps", steps)?;
    total_derivative(unrolled.at(&[validation])[0], hyperparameters)
}

/// The gradient with respect to hyper-parameters, each of which must be used.
#[track_caller]
pub(super) fn total_derivative<'g, T: Real>(
    loss: Var<'g, T>,
    hyperparameters: &[Var<'g, T>],
) -> Result<Vec<Var<'g, T>>, RegularizeError> {
    let shape = loss.shape();
    assert!(shape.rank() == 0, "hyper-gradient: the validation loss is a scalar, not {shape}");
    if hyperparameters.is_empty() {
        return Err(RegularizeError::NoHyperparameters);
    }
    if let Ok(found) = try_grad(loss, hyperparameters) {
        return Ok(found);
    }
    let unused = hyperparameters.iter().find(|&&h| try_grad(loss, &[h]).is_err());
    let id = unused.expect("together they failed").id();
    let name = loss.graph().name_of(id).map_or_else(|| id.to_string(), |name| name.to_string());
    Err(RegularizeError::UnusedHyperparameter { name })
}

/// The inputs and draws that each step has for itself.
struct Own<'g, T: Real> {
    reals: Vec<(String, Var<'g, T>, Option<Distribution>)>,
    indices: Vec<(String, IndexVar<'g, T>)>,
}

impl<'g, T: Real> Own<'g, T> {
    /// Those that `expressions` depend on and that are not `shared`.
    #[track_caller]
    fn of(expressions: &[Var<'g, T>], shared: &[&str]) -> Own<'g, T> {
        let mut own = Own { reals: Vec::new(), indices: Vec::new() };
        let Some(graph) = expressions.first().map(|expression| expression.graph()) else { return own };
        let mut absent: BTreeSet<&str> = shared.iter().copied().collect();
        for id in ancestors(expressions) {
            let op = graph.node(id).op.clone();
            let (Op::Input(name) | Op::IndexInput(name) | Op::Random(_, name)) = &op else { continue };
            if shared.contains(&&**name) {
                absent.remove(&**name);
                continue;
            }
            match &op {
                Op::IndexInput(_) => own.indices.push((name.to_string(), graph.index_var(id))),
                Op::Random(distribution, _) => {
                    own.reals.push((name.to_string(), graph.var(id), Some(*distribution)));
                }
                _ => own.reals.push((name.to_string(), graph.var(id), None)),
            }
        }
        assert!(absent.is_empty(), "unroll: no step has an input or a stream {absent:?} to share");
        own
    }

    /// What stands in their places in step `i`.
    #[track_caller]
    #[expect(clippy::type_complexity, reason = "replacements of the two kinds")]
    fn in_step(&self, i: usize) -> (Vec<(Var<'g, T>, Var<'g, T>)>, Vec<(IndexVar<'g, T>, IndexVar<'g, T>)>) {
        if i == 0 {
            return (Vec::new(), Vec::new());
        }
        let real = |(name, var, distribution): &(String, Var<'g, T>, Option<Distribution>)| {
            let (graph, name, shape) = (var.graph(), step_name(name, i), var.shape());
            let new = match distribution {
                None => graph.input(&name, shape),
                Some(Distribution::Uniform) => graph.uniform(&name, shape),
                Some(Distribution::Normal) => graph.normal(&name, shape),
            };
            (*var, new)
        };
        let index = |(name, var): &(String, IndexVar<'g, T>)| {
            (*var, var.graph().indices(&step_name(name, i), var.shape()))
        };
        (self.reals.iter().map(real).collect(), self.indices.iter().map(index).collect())
    }
}

/// The nodes that expressions depend on, themselves included, in recording order.
fn ancestors<T: Real>(expressions: &[Var<'_, T>]) -> Vec<NodeId> {
    let Some(graph) = expressions.first().map(|expression| expression.graph()) else { return Vec::new() };
    let mut needed: BTreeSet<NodeId> = expressions.iter().map(|expression| expression.id()).collect();
    let mut found = Vec::new();
    // A node's inputs stand before it.
    while let Some(id) = needed.pop_last() {
        needed.extend(graph.node(id).inputs.iter());
        found.push(id);
    }
    found.reverse();
    found
}

#[cfg(test)]
mod tests;
