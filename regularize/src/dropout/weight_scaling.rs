//! The weight scaling rule as a rewrite of a graph: the expression of one subnetwork becomes the one that
//! stands for all of them (Hinton et al. 2012; *Deep Learning*, section 7.12).
//!
//! A network with dropout is recorded once, with its masks. What predicts is *the same expression* with each
//! mask `μ` replaced by its mean `q`. Two ways to write that:
//!
//! | rewrite | `(h μ) W` becomes | |
//! |---|---|---|
//! | [`scale_units`] | `(h q) W` | every mask becomes the number `q` |
//! | [`scale_weights`] | `h (q W)` | the same value, with the factor on the weights: `q W` can be stored, and nothing of dropout is left |
//!
//! The result is an expression like any other: it can be printed, differentiated, attacked, compiled. For a
//! linear network it is the mean over all subnetworks, for a softmax of one their renormalised geometric mean;
//! else it approximates. [`SubNetworks`](super::SubNetworks) measures how well.
//!
//! The book states the rule for masks of units. The same rewrite gives DropConnect its mean weights, stochastic
//! depth its scaled blocks, zoneout its mean state. Of inverted dropout, whose factor `1/q` stands beside the mask,
//! the plain network is left: `μ/q` becomes exactly 1, not `q · (1/q)`, which rounding may keep from it.
//!
//! ```
//! use autograd::{Graph, Tensor, interpret};
//! use nn::{Layer, Mode};
//! use regularize::Dropout;
//! use regularize::dropout::{scale_units, scale_weights};
//! let graph = Graph::<f64>::new();
//! let h = graph.constant(Tensor::new([1, 2], vec![3.0, 5.0]));
//! let w = graph.constant(Tensor::new([2, 1], vec![1.0, 1.0]));
//! let y = Dropout::new(0.75)?.classic().forward(h, Mode::Train).matmul(w);
//! let (units, weights) = (scale_units(&[y])[0], scale_weights(&[y])[0]);
//! let found = interpret(&[units, weights], &[], None)?;
//! assert_eq!((found[0].item(), found[1].item()), (2.0, 2.0));
//! # Ok::<(), regularize::RegularizeError>(())
//! ```

use super::masks::{BernoulliMask, bernoulli_masks, needed};
use autograd::ops::pointwise::Binary;
use autograd::{Graph, NodeId, Op, Real, Var, substitute};

/// The outputs with each of their [masks](bernoulli_masks) replaced by the probability of its ones.
///
/// Other random draws stay. An output without masks is returned as it is.
///
/// # Panics
/// If the outputs are of different graphs.
#[track_caller]
pub fn scale_units<'g, T: Real>(outputs: &[Var<'g, T>]) -> Vec<Var<'g, T>> {
    let outputs = without_inverted(outputs);
    let masks = bernoulli_masks(&outputs);
    let means: Vec<_> = masks.iter().map(|m| (m.mask, m.mask.like(m.keep))).collect();
    substitute(&outputs, &means)
}

/// The outputs with each mask of the inverted form, `μ · 1/q`, replaced by its mean: 1.
fn without_inverted<'g, T: Real>(outputs: &[Var<'g, T>]) -> Vec<Var<'g, T>> {
    let needed = needed(outputs);
    let mut means = Vec::new();
    for mask in bernoulli_masks(outputs) {
        let (graph, id) = (mask.mask.graph(), mask.mask.id());
        let nodes = graph.nodes();
        let inverted = |user: &NodeId| {
            let node = &nodes[user.index()];
            let (Op::Binary(Binary::Mul), [a, b]) = (&node.op, &node.inputs[..]) else { return false };
            let factor = if *a == id { b } else { a };
            match nodes[factor.index()].op {
                // q and 1/q are rounded a few times each.
                Op::Fill(factor) => (factor.0.to_f64() * mask.keep - 1.0).abs() <= 8.0 * T::EPSILON.to_f64(),
                _ => false,
            }
        };
        let found: Vec<_> = users(graph, &needed, id).into_iter().filter(inverted).collect();
        drop(nodes);
        means.extend(found.into_iter().map(|user| (graph.var(user), graph.var(user).like(1.0))));
    }
    substitute(outputs, &means)
}

/// [`scale_units`] with the factor on the weights, where a masked value `h μ` goes into a matrix product with
/// `W` and nowhere else: `(h μ) W` becomes `h (q W)`. Any other mask becomes its mean.
///
/// The mask of the inverted form, which brings its factor `1/q` along, becomes 1 as there.
///
/// # Panics
/// If the outputs are of different graphs.
#[track_caller]
pub fn scale_weights<'g, T: Real>(outputs: &[Var<'g, T>]) -> Vec<Var<'g, T>> {
    let mut outputs = without_inverted(outputs);
    // One mask after the other: what stands above it is recorded anew, and looked at again.
    while let Some(mask) = bernoulli_masks(&outputs).into_iter().next() {
        let replaced =
            products(&outputs, &mask).unwrap_or_else(|| vec![(mask.mask, mask.mask.like(mask.keep))]);
        outputs = substitute(&outputs, &replaced);
    }
    outputs
}

/// Which of the needed nodes have this one as an input.
fn users<T: Real>(graph: &Graph<T>, needed: &[bool], id: NodeId) -> Vec<NodeId> {
    let nodes = graph.nodes();
    let uses = |user: &NodeId| needed[user.index()] && nodes[user.index()].inputs.contains(&id);
    graph.ids().take(needed.len()).filter(uses).collect()
}

/// The products `(h μ) W` of one mask, each with `h (q W)`; `None` if the mask has other uses.
fn products<'g, T: Real>(
    outputs: &[Var<'g, T>],
    mask: &BernoulliMask<'g, T>,
) -> Option<Vec<(Var<'g, T>, Var<'g, T>)>> {
    let graph = mask.mask.graph();
    let needed = needed(outputs);
    let mut found = Vec::new();
    for masked in users(graph, &needed, mask.mask.id()) {
        let node = graph.node(masked).clone();
        let (Op::Binary(Binary::Mul), [a, b]) = (node.op, &node.inputs[..]) else { return None };
        let h = graph.var(if *a == mask.mask.id() { *b } else { *a });
        if outputs.iter().any(|output| output.id() == masked) {
            return None;
        }
        for product in users(graph, &needed, masked) {
            let node = graph.node(product).clone();
            let Op::MatMul { transpose_lhs, transpose_rhs } = node.op else { return None };
            if node.inputs[1] == masked {
                return None;
            }
            let scaled = graph.var(node.inputs[1]) * mask.keep;
            found.push((graph.var(product), h.matmul_transposed(scaled, transpose_lhs, transpose_rhs)));
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests;
