//! Other variables in the place of some: an expression rewritten as a function of something else.
//!
//! A recorded expression is data, so it can be recorded again with one of its variables replaced. What a
//! network says at other weights (perturbed, noisy, normalised, or the weights after the next step) is
//! [`substitute`]: nothing that recorded the network has to know of it. Everything that does not depend on
//! the replaced variables is shared with the original; random draws are such nodes, so both expressions see
//! the same ones.
//!
//! ```
//! use autograd::{Feed, Graph, Tensor, grad, interpret, substitute};
//! let graph = Graph::<f64>::new();
//! let w = graph.input("w", [2]);
//! let loss = (w * w * w).sum();
//! // The loss one step further down.
//! let next = w - grad(loss, &[w])[0] * 0.1;
//! let later = substitute(&[loss], &[(w, next)])[0];
//! let value = Tensor::new([2], vec![1.0, 2.0]);
//! let found = interpret(&[later], &[("w", Feed::from(&value))], None)?;
//! let by_hand = |w: f64| (w - 0.1 * 3.0 * w * w).powi(3);
//! assert!((found[0].item() - by_hand(1.0) - by_hand(2.0)).abs() < 1e-15);
//! # Ok::<(), autograd::RunError>(())
//! ```

use crate::graph::{Graph, IndexVar, NodeId, Var};
use crate::real::Real;
use crate::shape::Shape;
use std::collections::HashMap;

/// Each of `outputs` as an expression of the replacements: `f(w)` becomes `f(r)` for every pair `(w, r)`.
///
/// All replacements happen at once; a replacement that contains a replaced variable keeps it. Any variable
/// can be replaced: a parameter, an input, or a result in between. A gradient among the nodes in between is
/// an expression like any other; to differentiate the result at the replacement, take
/// [`grad`](crate::grad()) with respect to the replacement. An output that depends on no replaced variable
/// is returned as it is.
///
/// The rewritten nodes keep the source lines of their originals. Updates that layers
/// [proposed](Graph::propose_update) are not proposed again: a second look at a network does not move its
/// running statistics.
///
/// # Panics
/// If variables are of different graphs, or a replacement is not of its variable's shape.
#[track_caller]
pub fn substitute<'g, T: Real>(
    outputs: &[Var<'g, T>],
    replacements: &[(Var<'g, T>, Var<'g, T>)],
) -> Vec<Var<'g, T>> {
    substitute_with_indices(outputs, replacements, &[])
}

/// [`substitute`] that also replaces integer variables: the same expression for another minibatch, whose
/// labels are integers.
///
/// # Panics
/// As [`substitute`].
///
/// ```
/// use autograd::{Feed, Graph, Tensor, interpret, substitute_with_indices};
/// let graph = Graph::<f64>::new();
/// let (table, first, second) = (graph.input("table", [3]), graph.indices("i", [1]), graph.indices("j", [1]));
/// let chosen = table.gather(first);
/// let other = substitute_with_indices(&[chosen], &[], &[(first, second)])[0];
/// let (table, j) = (Tensor::new([3], vec![5.0, 6.0, 7.0]), Tensor::new([1], vec![2u32]));
/// let found = interpret(&[other], &[("table", Feed::from(&table)), ("j", Feed::from(&j))], None)?;
/// assert_eq!(found[0].data(), [7.0]);
/// # Ok::<(), autograd::RunError>(())
/// ```
#[track_caller]
pub fn substitute_with_indices<'g, T: Real>(
    outputs: &[Var<'g, T>],
    replacements: &[(Var<'g, T>, Var<'g, T>)],
    index_replacements: &[(IndexVar<'g, T>, IndexVar<'g, T>)],
) -> Vec<Var<'g, T>> {
    let Some(graph) = outputs.first().map(|output| output.graph) else { return Vec::new() };
    for output in outputs {
        output.same_graph(graph, "substitute");
    }
    let mut renamed: HashMap<NodeId, NodeId> = HashMap::new();
    for &(old, new) in replacements {
        old.same_graph(graph, "substitute");
        new.same_graph(graph, "substitute");
        check_shapes(old.shape(), new.shape());
        renamed.insert(old.id, new.id);
    }
    for &(old, new) in index_replacements {
        for index in [old, new] {
            assert!(std::ptr::eq(index.graph, graph), "substitute: variables of different graphs");
        }
        check_shapes(old.shape(), new.shape());
        renamed.insert(old.id, new.id);
    }
    let Some(first) = renamed.keys().min().copied() else { return outputs.to_vec() };
    let needed = needed(graph, outputs, &renamed, first);
    // Inputs come before their users: one walk upwards meets every input before it is needed. A replacement
    // may stand anywhere, since the new nodes are appended behind all of them.
    for id in (first.index()..needed.len()).filter(|&id| needed[id]).map(|id| NodeId(id as u32)) {
        if renamed.contains_key(&id) {
            continue;
        }
        let node = graph.node(id).clone();
        if !node.inputs.iter().any(|input| renamed.contains_key(input)) {
            continue;
        }
        let inputs: Vec<NodeId> =
            node.inputs.iter().map(|input| renamed.get(input).copied().unwrap_or(*input)).collect();
        let copy = graph.derive(node.location, || graph.record(node.op, &inputs, node.shape, node.element));
        renamed.insert(id, copy);
    }
    let rewritten = |output: &Var<'g, T>| renamed.get(&output.id).map_or(*output, |&id| graph.var(id));
    outputs.iter().map(rewritten).collect()
}

#[track_caller]
fn check_shapes(was: Shape, is: Shape) {
    assert!(was == is, "substitute: a replacement of shape {is} for a variable of shape {was}");
}

/// Which nodes from `first` on the outputs need, not looking behind those that are replaced.
fn needed<T: Real>(
    graph: &Graph<T>,
    outputs: &[Var<'_, T>],
    replaced: &HashMap<NodeId, NodeId>,
    first: NodeId,
) -> Vec<bool> {
    let length = outputs.iter().map(|output| output.id.index() + 1).max().unwrap_or(0);
    let mut needed = vec![false; length];
    for output in outputs {
        needed[output.id.index()] = true;
    }
    let nodes = graph.nodes();
    for id in (first.index()..length).rev() {
        if needed[id] && !replaced.contains_key(&NodeId(id as u32)) {
            for input in &nodes[id].inputs {
                needed[input.index()] = true;
            }
        }
    }
    needed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Checker;
    use crate::{Feed, Tensor, grad, interpret};

    fn at(values: &[f64]) -> Tensor<f64> {
        Tensor::new([values.len()], values.to_vec())
    }

    #[test]
    fn an_expression_is_evaluated_elsewhere() {
        let graph = Graph::<f64>::new();
        let (x, y) = (graph.input("x", [2]), graph.input("y", [2]));
        let f = (x.sin() * y + x).sum();
        let swapped = substitute(&[f, y], &[(x, y), (y, x)]);
        let (a, b) = (at(&[0.5, -1.0]), at(&[2.0, 3.0]));
        let feeds = [("x", Feed::from(&a)), ("y", Feed::from(&b))];
        let found = interpret(&[swapped[0], swapped[1]], &feeds, None).unwrap();
        let feeds = [("x", Feed::from(&b)), ("y", Feed::from(&a))];
        assert_eq!(found[0], interpret(&[f], &feeds, None).unwrap()[0]);
        // `y` itself was replaced by `x`.
        assert_eq!(found[1], a);
    }

    #[test]
    fn what_does_not_depend_is_shared() {
        let graph = Graph::<f64>::new();
        let (x, w) = (graph.input("x", [3]), graph.input("w", [3]));
        let noise = graph.normal("noise", [3]) * x;
        let f = noise + w;
        let before = graph.len();
        let moved = substitute(&[f, noise], &[(w, x)]);
        assert_eq!(graph.len(), before + 1);
        assert_eq!(moved[1].id(), noise.id());
        assert_eq!(substitute(&[f], &[(graph.scalar("unused"), graph.fill([], 1.0))])[0].id(), f.id());
        assert_eq!(substitute(&[f], &[])[0].id(), f.id());
    }

    #[test]
    fn a_node_in_between_is_replaced_and_what_is_behind_it_is_not_needed() {
        let graph = Graph::<f64>::new();
        let x = graph.input("x", [2]);
        let hidden = x.exp();
        let loss = hidden.powi(2).sum();
        let z = graph.input("z", [2]);
        let moved = substitute(&[loss], &[(hidden, z)])[0];
        let found = interpret(&[moved], &[("z", Feed::from(&at(&[3.0, 4.0])))], None).unwrap();
        assert_eq!(found[0].item(), 25.0);
    }

    /// The derivative of a rewritten gradient is one of second order; the checker holds it to differences.
    #[test]
    fn gradients_are_rewritten_and_differentiated_again() {
        let graph = Graph::<f64>::new();
        let w = graph.input("w", [3]);
        let loss = (w.tanh() * w.powi(2)).sum();
        let slope = grad(loss, &[w])[0];
        let next = w - slope * 0.1;
        let there = substitute(&[slope], &[(w, next)])[0];
        let same = grad(substitute(&[loss], &[(w, next)])[0], &[next])[0];
        let value = at(&[0.3, -0.7, 1.1]);
        let feeds = [("w", Feed::from(&value))];
        let found = interpret(&[there, same], &feeds, None).unwrap();
        for (a, b) in found[0].data().iter().zip(found[1].data()) {
            assert!((a - b).abs() < 1e-14, "{a} and {b}");
        }
        Checker::new("one step further").entries().graph(there.sum(), &[w], &feeds, None).unwrap().assert();
    }

    #[test]
    fn labels_are_replaced_with_their_examples() {
        let graph = Graph::<f64>::new();
        let (x, labels) = (graph.input("x", [2, 3]), graph.indices("labels", [2]));
        let (other, others) = (graph.input("other", [2, 3]), graph.indices("others", [2]));
        let slope = grad(x.cross_entropy(labels), &[x])[0];
        let there = substitute_with_indices(&[slope], &[(x, other)], &[(labels, others)])[0];
        let direct = grad(other.cross_entropy(others), &[other])[0];
        let value = Tensor::from_fn([2, 3], |i| (i as f64).sin());
        let classes = Tensor::new([2], vec![2u32, 0]);
        let feeds = [("other", Feed::from(&value)), ("others", Feed::from(&classes))];
        let found = interpret(&[there, direct], &feeds, None).unwrap();
        assert_eq!(found[0], found[1]);
    }

    #[test]
    #[should_panic(expected = "substitute: a replacement of shape [3] for a variable of shape [2]")]
    fn shapes_of_indices_must_agree() {
        let graph = Graph::<f64>::new();
        let (i, j) = (graph.indices("i", [2]), graph.indices("j", [3]));
        substitute_with_indices(&[i.one_hot(2).sum()], &[], &[(i, j)]);
    }

    #[test]
    #[should_panic(expected = "substitute: a replacement of shape [3] for a variable of shape [2]")]
    fn shapes_must_agree() {
        let graph = Graph::<f64>::new();
        let x = graph.input("x", [2]);
        substitute(&[x.sum()], &[(x, graph.input("y", [3]))]);
    }
}
