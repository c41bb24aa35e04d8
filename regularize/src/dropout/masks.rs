//! The masks in an expression, found in its graph.
//!
//! A draw of zeros and ones is recorded as a comparison of a uniform draw with a number, `u ≥ p` or `u < q`.
//! So an expression says itself which masks it depends on and how probable their ones are, whoever recorded
//! them: dropout of units, of weights, of residual blocks. The [weight scaling rule](super::weight_scaling)
//! and the [enumeration of subnetworks](super::ensemble) need no more.
//!
//! ```
//! use autograd::Graph;
//! use nn::{Layer, Mode};
//! use regularize::Dropout;
//! use regularize::dropout::bernoulli_masks;
//! let graph = Graph::<f64>::new();
//! let x = graph.input("x", [3, 4]);
//! let y = Dropout::new(0.25)?.named("d").forward(x, Mode::Train);
//! let masks = bernoulli_masks(&[y.sum()]);
//! assert_eq!((&*masks[0].stream, masks[0].keep), ("d.mask", 0.75));
//! assert!(bernoulli_masks(&[x]).is_empty());
//! # Ok::<(), regularize::RegularizeError>(())
//! ```

use autograd::ops::pointwise::Binary;
use autograd::ops::random::Distribution;
use autograd::{Node, NodeId, Op, Real, Var};
use std::sync::Arc;

/// A node of zeros and ones, each one with the same probability and independent of the others.
#[derive(Debug, Clone)]
pub struct BernoulliMask<'g, T: Real> {
    /// The node.
    pub mask: Var<'g, T>,
    /// The stream that it draws from.
    pub stream: Arc<str>,
    /// The probability of a one.
    pub keep: f64,
}

/// Every mask that the outputs depend on, in the order of recording: comparisons of a uniform draw with a
/// number in [0, 1]. A comparison with a variable (a unit of a Boltzmann machine is on with a probability
/// that is computed) is none.
///
/// # Panics
/// If the outputs are of different graphs.
#[track_caller]
pub fn bernoulli_masks<'g, T: Real>(outputs: &[Var<'g, T>]) -> Vec<BernoulliMask<'g, T>> {
    let Some(graph) = outputs.first().map(|output| output.graph()) else { return Vec::new() };
    let needed = needed(outputs);
    let nodes = graph.nodes();
    let mask = |id: NodeId| {
        let (stream, keep) = mask_of(&nodes, &nodes[id.index()])?;
        Some(BernoulliMask { mask: graph.var(id), stream, keep })
    };
    graph.ids().filter(|id| needed.get(id.index()) == Some(&true)).filter_map(mask).collect()
}

/// Whether the outputs depend on a node, for all nodes up to the last output.
pub(super) fn needed<T: Real>(outputs: &[Var<'_, T>]) -> Vec<bool> {
    let length = outputs.iter().map(|output| output.id().index() + 1).max().unwrap_or(0);
    let mut needed = vec![false; length];
    for output in outputs {
        assert!(
            std::ptr::eq(output.graph(), outputs[0].graph()),
            "the outputs whose masks are looked for are of different graphs"
        );
        needed[output.id().index()] = true;
    }
    let Some(first) = outputs.first() else { return needed };
    let nodes = first.graph().nodes();
    for id in (0..length).rev().filter(|&id| nodes[id].inputs.iter().len() > 0) {
        if needed[id] {
            nodes[id].inputs.iter().for_each(|input| needed[input.index()] = true);
        }
    }
    needed
}

/// The stream of a mask and the probability of its ones, if the node is one.
fn mask_of<T: Real>(nodes: &[Node<T>], node: &Node<T>) -> Option<(Arc<str>, f64)> {
    let Op::Binary(comparison) = node.op else { return None };
    let [draw, threshold] = node.inputs[..] else { return None };
    let Op::Random(Distribution::Uniform, stream) = &nodes[draw.index()].op else { return None };
    let Op::Fill(threshold) = nodes[threshold.index()].op else { return None };
    let threshold = threshold.0.to_f64();
    if !(0.0..=1.0).contains(&threshold) {
        return None;
    }
    match comparison {
        Binary::GreaterEqual => Some((stream.clone(), 1.0 - threshold)),
        Binary::Less => Some((stream.clone(), threshold)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use autograd::Graph;

    #[test]
    fn both_comparisons_are_masks_and_nothing_else_is() {
        let graph = Graph::<f64>::new();
        let x = graph.input("x", [3]);
        let (a, b) = (graph.bernoulli("a", 0.25, [3]), graph.uniform("b", [3]).greater_equal(0.25));
        let computed = graph.uniform("c", [3]).less(x.sigmoid());
        let normal = graph.normal("d", [3]).less(0.5);
        let unused = graph.bernoulli("e", 0.5, [3]);
        let found = bernoulli_masks(&[x * a, b + computed * normal]);
        let found: Vec<_> = found.iter().map(|m| (m.mask.id(), &*m.stream, m.keep)).collect();
        assert_eq!(found, [(a.id(), "a", 0.25), (b.id(), "b", 0.75)]);
        assert_eq!(bernoulli_masks(&[unused]).len(), 1);
        assert!(bernoulli_masks::<f64>(&[]).is_empty());
    }
}
