//! How large the numbers are that an entry was added up from.
//!
//! A sum is as exact as its largest terms, not as its result: `1e3 - 1e3 + 1e-3` is off by roundings of 1e3.
//! Beside a value its *magnitude* is computed, the same sums and moves over absolute values (N. J. Higham,
//! *Accuracy and Stability of Numerical Algorithms*, 2nd ed., section 3.1: `|fl(s) - s|` is bounded by
//! `γ Σ |x|`). Any other operation starts anew from values: what a factor was added up from is not followed,
//! since bounds through layers of products soon admit anything.

use crate::graph::{Element, Graph, NodeId, Var};
use crate::ops::Op;
use crate::ops::pointwise::{Binary, Unary};
use crate::real::Real;

/// Records the magnitude of each of `vars`, which are of one graph.
pub(super) fn magnitudes<'g, T: Real>(graph: &'g Graph<T>, vars: &[Var<'g, T>]) -> Vec<Var<'g, T>> {
    let last = vars.iter().map(|var| var.id().index() + 1).max().unwrap_or(0);
    let mut magnitude: Vec<NodeId> = Vec::with_capacity(last);
    for index in 0..last {
        let id = NodeId(index as u32);
        let node = graph.node(id).clone();
        // Not by `iter().map()`: recording borrows the graph.
        let mut inputs = node.inputs.clone();
        inputs.iter_mut().for_each(|input| *input = magnitude[input.index()]);
        let absolute = |input: &NodeId| graph.var(*input).abs().id();
        magnitude.push(match node.op {
            _ if node.element == Element::Index => id,
            // |a - b| is at most |a| + |b|.
            Op::Binary(Binary::Sub) => {
                graph.record(Op::Binary(Binary::Add), &inputs, node.shape, node.element)
            }
            Op::Unary(Unary::Neg) | Op::Detach => inputs[0],
            Op::MatMul { .. } => {
                let factors: Vec<NodeId> = node.inputs.iter().map(absolute).collect();
                graph.record(node.op, &factors, node.shape, node.element)
            }
            Op::Binary(Binary::Add)
            | Op::Sum
            | Op::ScatterAdd
            | Op::Fold(_)
            | Op::Gather
            | Op::Unfold(_)
            | Op::Broadcast
            | Op::Reshape
            | Op::Permute(_)
            | Op::Slice(_)
            | Op::Pad(_)
            | Op::Concat(_)
            | Op::Flip(_) => graph.record(node.op, &inputs, node.shape, node.element),
            _ => graph.var(id).abs().id(),
        });
    }
    vars.iter().map(|var| graph.var(magnitude[var.id().index()])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::interpret;
    use crate::tensor::Tensor;

    #[test]
    fn what_cancels_keeps_the_size_of_its_terms() {
        let graph = Graph::<f64>::new();
        let x = graph.constant(Tensor::new([3], vec![1e3, -1e3, 1e-3]));
        let row = x.reshape([1, 3]);
        let results = [x.sum(), (x - x).sum(), -row.matmul(row.flip(&[-1]).reshape([3, 1])), x.exp().sum()];
        let values = interpret(&magnitudes(&graph, &results), &[], None).unwrap();
        assert_eq!(values[0].item(), 2000.001);
        assert_eq!(values[1].item(), 4000.002);
        assert_eq!(values[2].data(), [1.0 + 1e6 + 1.0]);
        assert_eq!(values[3].item(), 1e3f64.exp() + (-1e3f64).exp() + 1e-3f64.exp());
    }
}
