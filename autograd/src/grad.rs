//! Differentiation: reverse sweep, forward sweep, and what follows from them.
//!
//! The reverse sweep marks the nodes on a path from the targets, walks indices downward from the output,
//! asks each marked node's rule for the cotangents of its marked inputs, and adds contributions up in
//! index order. All results are ordinary nodes of the same graph, so every function here can be applied
//! to its own results.
//!
//! A structural zero is an absent node, never a tensor of zeros. A target that the output does not
//! depend on differentiably is an error ([`grad`] panics), unless zero is asked for ([`grad_or_zero`]).
//!
//! | function | gives | cost |
//! |---|---|---|
//! | [`grad`] | `∇ₓ J` of a scalar | one reverse sweep |
//! | [`vjp`] | `ȳᵀ ∂y/∂x` | one reverse sweep |
//! | [`jvp`] | `∂y/∂x ẋ` | one forward sweep |
//! | [`hvp`] | `∇² J v` | forward over reverse |
//! | [`jacobian`], [`hessian`] | full matrices | one sweep for each output element: for small cases |

mod cotangents;

use crate::error::{GraphError, OrPanic};
use crate::graph::{Graph, Var};
use crate::ops::{self, Call};
use crate::real::Real;
use cotangents::Cotangent;

/// The gradient of a scalar with respect to each of `targets`, as new nodes.
///
/// # Panics
/// If `output` is not a scalar, or does not depend differentiably on one of the targets.
///
/// ```
/// use autograd::{Feed, Graph, grad, interpret};
/// let graph = Graph::<f64>::new();
/// let x = graph.scalar("x");
/// let y = x.powi(3);
/// let slope = grad(y, &[x])[0];
/// let curvature = grad(slope, &[x])[0];
/// let values = interpret(&[slope, curvature], &[("x", Feed::Scalar(2.0))], None).unwrap();
/// assert_eq!((values[0].item(), values[1].item()), (12.0, 12.0));
/// ```
#[track_caller]
pub fn grad<'g, T: Real>(output: Var<'g, T>, targets: &[Var<'g, T>]) -> Vec<Var<'g, T>> {
    try_grad(output, targets).or_panic()
}

/// [`grad`], with an error where it would panic.
#[track_caller]
pub fn try_grad<'g, T: Real>(
    output: Var<'g, T>,
    targets: &[Var<'g, T>],
) -> Result<Vec<Var<'g, T>>, GraphError> {
    check_scalar(output, "grad")?;
    try_vjp(output, output.like(1.0), targets)
}

/// [`grad`], with zeros for a target that `output` does not depend on.
///
/// # Panics
/// If `output` is not a scalar.
#[track_caller]
pub fn grad_or_zero<'g, T: Real>(output: Var<'g, T>, targets: &[Var<'g, T>]) -> Vec<Var<'g, T>> {
    check_scalar(output, "grad").or_panic();
    let found = reverse_sweep(output, output.like(1.0), targets);
    found.into_iter().zip(targets).map(|(g, target)| g.unwrap_or_else(|| target.like(0.0))).collect()
}

/// The vector-Jacobian product `x̄ = ȳᵀ ∂y/∂x` for each of `targets`, with the cotangent `ȳ` of
/// `output`'s shape.
///
/// # Panics
/// If the shapes differ, or `output` does not depend differentiably on a target.
#[track_caller]
pub fn vjp<'g, T: Real>(
    output: Var<'g, T>,
    cotangent: Var<'g, T>,
    targets: &[Var<'g, T>],
) -> Vec<Var<'g, T>> {
    try_vjp(output, cotangent, targets).or_panic()
}

/// [`vjp`], with an error where it would panic.
#[track_caller]
pub fn try_vjp<'g, T: Real>(
    output: Var<'g, T>,
    cotangent: Var<'g, T>,
    targets: &[Var<'g, T>],
) -> Result<Vec<Var<'g, T>>, GraphError> {
    check_seed("vjp", ("output", output), ("cotangent", cotangent))?;
    let found = reverse_sweep(output, cotangent, targets);
    found
        .into_iter()
        .zip(targets)
        .map(|(found, &target)| found.ok_or_else(|| disconnected(output, target)))
        .collect()
}

/// The Jacobian-vector product `ẏ = Σ ∂y/∂xᵢ ẋᵢ`: the change of `output` as the `inputs` move along
/// `tangents`.
///
/// # Panics
/// If the numbers or shapes differ, or `output` depends differentiably on none of the inputs.
#[track_caller]
pub fn jvp<'g, T: Real>(output: Var<'g, T>, inputs: &[Var<'g, T>], tangents: &[Var<'g, T>]) -> Var<'g, T> {
    try_jvp(output, inputs, tangents).or_panic()
}

/// [`jvp`], with an error where it would panic.
#[track_caller]
pub fn try_jvp<'g, T: Real>(
    output: Var<'g, T>,
    inputs: &[Var<'g, T>],
    tangents: &[Var<'g, T>],
) -> Result<Var<'g, T>, GraphError> {
    if inputs.len() != tangents.len() {
        return Err(GraphError::new("jvp", format!("{} inputs, {} tangents", inputs.len(), tangents.len())));
    }
    for (&input, &tangent) in inputs.iter().zip(tangents) {
        check_seed("jvp", ("input", input), ("tangent", tangent))?;
        input.same_graph(output.graph, "jvp");
    }
    forward_sweep(output, inputs, tangents).ok_or_else(|| match inputs.first() {
        Some(&input) => disconnected(output, input),
        None => GraphError::new("jvp", "no inputs are given"),
    })
}

/// The Hessian-vector product `∇² J v`, one for each of `targets`, by the forward sweep over the reverse
/// one (Pearlmutter 1994). Zero where `J` is linear.
///
/// # Panics
/// If `output` is not a scalar, a target is disconnected, or shapes differ.
#[track_caller]
pub fn hvp<'g, T: Real>(
    output: Var<'g, T>,
    targets: &[Var<'g, T>],
    vectors: &[Var<'g, T>],
) -> Vec<Var<'g, T>> {
    assert!(targets.len() == vectors.len(), "hvp: {} targets, {} vectors", targets.len(), vectors.len());
    for (&target, &vector) in targets.iter().zip(vectors) {
        check_seed("hvp", ("target", target), ("vector", vector)).or_panic();
    }
    let gradients = grad(output, targets);
    gradients
        .into_iter()
        .map(|gradient| forward_sweep(gradient, targets, vectors).unwrap_or_else(|| gradient.like(0.0)))
        .collect()
}

/// The Jacobian `∂yᵢ/∂xⱼ` as a matrix `[numel y, numel x]`, one reverse sweep for each row. For small
/// cases: the graph grows by a sweep for each element of `output`.
///
/// # Panics
/// If `output` has no elements.
#[track_caller]
pub fn jacobian<'g, T: Real>(output: Var<'g, T>, target: Var<'g, T>) -> Var<'g, T> {
    let (rows, columns) = (output.shape().numel(), target.shape().numel());
    assert!(rows > 0, "jacobian of an empty output");
    let flat = output.reshape([rows]);
    let rows: Vec<_> = (0..rows)
        .map(|row| {
            let element = flat.slice(0, row, row + 1).reshape(crate::Shape::SCALAR);
            grad_or_zero(element, &[target])[0].reshape([1, columns])
        })
        .collect();
    Var::concat(&rows, 0)
}

/// The Hessian of a scalar as a matrix `[numel x, numel x]`. For small cases.
///
/// # Panics
/// If `output` is not a scalar, or does not depend differentiably on `target`.
#[track_caller]
pub fn hessian<'g, T: Real>(output: Var<'g, T>, target: Var<'g, T>) -> Var<'g, T> {
    jacobian(grad(output, &[target])[0], target)
}

/// Whether each node up to `last` lies on a differentiable path from one of `starts`.
fn on_path<T: Real>(graph: &Graph<T>, starts: &[Var<'_, T>], last: usize) -> Vec<bool> {
    let nodes = graph.nodes();
    let mut marked = vec![false; last + 1];
    for start in starts.iter().filter(|start| start.id.index() <= last) {
        marked[start.id.index()] = true;
    }
    let first = starts.iter().map(|start| start.id.index()).min().unwrap_or(last);
    for index in first..=last {
        let node = &nodes[index];
        marked[index] |= (node.inputs.iter().enumerate())
            .any(|(position, input)| marked[input.index()] && node.op.is_differentiable(position));
    }
    marked
}

/// Walks from `output` down, handing each marked node's cotangent to its marked inputs. `None` is a
/// structural zero. How what a node is sent is added up: [`cotangents`].
#[track_caller]
fn reverse_sweep<'g, T: Real>(
    output: Var<'g, T>,
    seed: Var<'g, T>,
    targets: &[Var<'g, T>],
) -> Vec<Option<Var<'g, T>>> {
    let graph = output.graph;
    targets.iter().for_each(|target| target.same_graph(graph, "grad"));
    let marked = on_path(graph, targets, output.id.index());
    let mut cotangents: Vec<Cotangent<'g, T>> = vec![Cotangent::none(); marked.len()];
    cotangents[output.id.index()] = Cotangent::of(seed);
    let lowest = targets.iter().map(|target| target.id.index()).min().unwrap_or(marked.len());
    for index in (lowest..marked.len()).rev().filter(|&index| marked[index]) {
        let call = Call::of(graph, crate::graph::NodeId(index as u32));
        let location = graph.node(call.id).location;
        let total = graph.derive(location, || cotangents[index].total(call.output().shape()));
        let Some(cotangent) = total else { continue };
        for (position, input) in call.inputs.iter().enumerate() {
            if !marked[input.index()] || !call.op.is_differentiable(position) {
                continue;
            }
            let received = &mut cotangents[input.index()];
            graph.derive(location, || {
                received.receive(&call, cotangent, || ops::vjp(&call, position, cotangent));
            });
        }
    }
    // Every target was reached: what it was sent is added up already.
    let total = |target: &Var<'g, T>| cotangents.get_mut(target.id.index())?.total(target.shape());
    targets.iter().map(total).collect()
}

/// Walks from the inputs up, carrying tangents. `None` is a structural zero.
#[track_caller]
fn forward_sweep<'g, T: Real>(
    output: Var<'g, T>,
    inputs: &[Var<'g, T>],
    seeds: &[Var<'g, T>],
) -> Option<Var<'g, T>> {
    let graph = output.graph;
    let marked = on_path(graph, inputs, output.id.index());
    let mut tangents: Vec<Option<Var<'g, T>>> = vec![None; marked.len()];
    for (input, &seed) in inputs.iter().zip(seeds).filter(|(input, _)| input.id.index() < marked.len()) {
        let slot = &mut tangents[input.id.index()];
        *slot = Some(slot.map_or(seed, |sum: Var<'g, T>| sum + seed));
    }
    let first = inputs.iter().map(|input| input.id.index()).min().unwrap_or(marked.len());
    for index in (first..marked.len()).filter(|&index| marked[index]) {
        let call = Call::of(graph, crate::graph::NodeId(index as u32));
        let location = graph.node(call.id).location;
        let given: smallvec::SmallVec<[_; 3]> = (call.inputs.iter().enumerate())
            .map(|(position, input)| tangents[input.index()].filter(|_| call.op.is_differentiable(position)))
            .collect();
        if given.iter().all(Option::is_none) {
            continue;
        }
        let through = graph.derive(location, || ops::jvp(&call, &given));
        // An input that depends on another input moves by its own seed as well.
        tangents[index] = match (tangents[index], through) {
            (Some(seed), Some(through)) => Some(graph.derive(location, || seed + through)),
            (seed, through) => seed.or(through),
        };
    }
    tangents[output.id.index()]
}

fn check_scalar<T: Real>(output: Var<'_, T>, operation: &str) -> Result<(), GraphError> {
    if output.shape().rank() == 0 {
        return Ok(());
    }
    Err(GraphError::new(operation, "the output is not a scalar")
        .operand("output", output.graph, output.id)
        .help("reduce it with sum() or mean(), or give a cotangent to vjp()"))
}

#[track_caller]
fn check_seed<T: Real>(
    operation: &str,
    (role, value): (&str, Var<'_, T>),
    (seed_role, seed): (&str, Var<'_, T>),
) -> Result<(), GraphError> {
    seed.same_graph(value.graph, operation);
    if value.shape() == seed.shape() {
        return Ok(());
    }
    Err(GraphError::new(operation, format!("the {seed_role} is not of the {role}'s shape"))
        .operand(role, value.graph, value.id)
        .operand(seed_role, seed.graph, seed.id))
}

fn disconnected<T: Real>(output: Var<'_, T>, target: Var<'_, T>) -> GraphError {
    GraphError::new("grad", "the output does not depend differentiably on the target")
        .operand("output", output.graph, output.id)
        .operand("target", target.graph, target.id)
        .help("if a zero gradient is meant, ask for it: grad_or_zero")
}
