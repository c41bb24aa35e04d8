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
//! depth its scaled blocks, zoneout its mean state; of inverted dropout, whose factor `1/(1 - p)` stands in
//! the expression, the plain network is left.
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
use autograd::{NodeId, Op, Real, Var, substitute};

/// The outputs with each of their [masks](bernoulli_masks) replaced by the probability of its ones.
///
/// Other random draws stay. An output without masks is returned as it is.
///
/// # Panics
/// If the outputs are of different graphs.
#[track_caller]
pub fn scale_units<'g, T: Real>(outputs: &[Var<'g, T>]) -> Vec<Var<'g, T>> {
    let masks = bernoulli_masks(outputs);
    let means: Vec<_> = masks.iter().map(|m| (m.mask, m.mask.like(m.keep))).collect();
    substitute(outputs, &means)
}

/// [`scale_units`] with the factor on the weights, where a masked value `h μ` goes into a matrix product with
/// `W` and nowhere else: `(h μ) W` becomes `h (q W)`. Any other mask becomes its mean.
///
/// A factor that stands beside the mask (of the inverted form) makes it such another mask: there the factors
/// cancel on the units.
///
/// # Panics
/// If the outputs are of different graphs.
#[track_caller]
pub fn scale_weights<'g, T: Real>(outputs: &[Var<'g, T>]) -> Vec<Var<'g, T>> {
    let mut outputs = outputs.to_vec();
    // One mask after the other: what stands above it is recorded anew, and looked at again.
    while let Some(mask) = bernoulli_masks(&outputs).into_iter().next() {
        let replaced =
            products(&outputs, &mask).unwrap_or_else(|| vec![(mask.mask, mask.mask.like(mask.keep))]);
        outputs = substitute(&outputs, &replaced);
    }
    outputs
}

/// The products `(h μ) W` of one mask, each with `h (q W)`; `None` if the mask has other uses.
fn products<'g, T: Real>(
    outputs: &[Var<'g, T>],
    mask: &BernoulliMask<'g, T>,
) -> Option<Vec<(Var<'g, T>, Var<'g, T>)>> {
    let graph = mask.mask.graph();
    let needed = needed(outputs);
    let users = |id: NodeId| -> Vec<NodeId> {
        let nodes = graph.nodes();
        let uses = |user: &NodeId| needed[user.index()] && nodes[user.index()].inputs.contains(&id);
        graph.ids().take(needed.len()).filter(uses).collect()
    };
    let mut found = Vec::new();
    for masked in users(mask.mask.id()) {
        let node = graph.node(masked).clone();
        let (Op::Binary(Binary::Mul), [a, b]) = (node.op, &node.inputs[..]) else { return None };
        let h = graph.var(if *a == mask.mask.id() { *b } else { *a });
        if outputs.iter().any(|output| output.id() == masked) {
            return None;
        }
        for product in users(masked) {
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
