//! Bounds of margins, classes merged with the last layer.

use super::{Interval, interval_bounds};
use crate::error::RegularizeError;
use autograd::ops::pointwise::Binary;
use autograd::{Graph, IndexVar, NodeId, Op, Real, Var};

/// Upper bounds of the margins `z_k - z_y` for all values of `input` in `range`, `[n, classes]`, 0 at the label `y`:
/// negative ones are proven. As logits their cross-entropy is an upper bound of the loss anywhere in the box.
///
/// If the logits are a product with a matrix, with or without something added, the differences of classes are
/// merged with it; else they are those of the bounds of logits that [`interval_bounds`] gives. If the range is
/// `input` itself the margins are those of the logits.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::adversarial::interval::{InputBox, margin_bounds};
/// let graph = Graph::<f64>::new();
/// let x = graph.constant(Tensor::new([1, 1], vec![1.0]));
/// let w = graph.constant(Tensor::new([1, 2], vec![3.0, 2.0]));
/// let label = graph.index_constant(Tensor::new([1], vec![0]));
/// let margins = margin_bounds(x.matmul(w), x, InputBox::new(0.5)?.around(x), label)?;
/// // 2x - 3x is -0.5 at most. By themselves the logits are 3 ∓ 1.5 and 2 ∓ 1, which proves nothing.
/// assert_eq!(interpret(&[margins], &[], None)?[0].data(), [0.0, -0.5]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`RegularizeError::NoBounds`] with the first operation that has no rule.
///
/// # Panics
/// If the logits are not `[n, classes]` with a label for each row, or the shapes of input and range differ.
#[track_caller]
pub fn margin_bounds<'g, T: Real>(
    logits: Var<'g, T>,
    input: Var<'g, T>,
    range: Interval<'g, T>,
    labels: IndexVar<'g, T>,
) -> Result<Var<'g, T>, RegularizeError> {
    let shape = logits.shape();
    assert!(shape.rank() == 2, "margin_bounds: logits of shape {shape}, not [n, classes]");
    let label = labels.one_hot(shape[1]);
    let Some(last) = LastLayer::of(logits, input) else {
        return Ok(separate_margins(interval_bounds(logits, input, range)?, labels));
    };
    let hidden = interval_bounds(last.hidden, input, range)?;
    let (inputs, classes) = (last.weight.shape()[0], shape[1]);
    // The column of each example's label: [n, inputs], then [n, inputs, classes] of differences.
    let own = label.matmul_transposed(last.weight, false, true).reshape([shape[0], inputs, 1]);
    let columns = last.weight.reshape([1, inputs, classes]) - own;
    let product = |h: Var<'g, T>, w: Var<'g, T>| h.reshape([shape[0], 1, inputs]).matmul(w).reshape(shape);
    let centre = product((hidden.low + hidden.high) * 0.5, columns);
    let radius = product((hidden.high - hidden.low) * 0.5, columns.abs());
    Ok(match last.added {
        Some(added) => {
            let added = added.broadcast_to(shape);
            centre + radius + (added - (label * added).sum_keep(&[1]))
        }
        None => centre + radius,
    })
}

/// The margins that bounds of the logits leave, each by itself: the upper one of a class less the lower one of the
/// label.
pub(super) fn separate_margins<'g, T: Real>(logits: Interval<'g, T>, labels: IndexVar<'g, T>) -> Var<'g, T> {
    let label = labels.one_hot(logits.low.shape().last());
    let lowest = (label * logits.low).sum_keep(&[-1]);
    // Exactly 0 at the label, whose bounds are two numbers.
    label.select(logits.low.like(0.0), logits.high - lowest)
}

/// The product with a matrix that logits are, if they are one: `z = h W + b`.
struct LastLayer<'g, T: Real> {
    /// `h`, `[n, inputs]`, which depends on the input.
    hidden: Var<'g, T>,
    /// `W`, `[inputs, classes]`, which does not.
    weight: Var<'g, T>,
    /// `b`, which does not either.
    added: Option<Var<'g, T>>,
}

impl<'g, T: Real> LastLayer<'g, T> {
    fn of(logits: Var<'g, T>, input: Var<'g, T>) -> Option<Self> {
        let graph = logits.graph();
        let depends = |id: NodeId| id == input.id() || depends_on(graph, id, input.id());
        let node = |id: NodeId| {
            let node = graph.node(id);
            (node.op.clone(), node.inputs.clone())
        };
        let (mut op, mut inputs) = node(logits.id());
        let mut added = None;
        if matches!(op, Op::Binary(Binary::Add)) {
            let of_input: Vec<bool> = inputs.iter().map(|&id| depends(id)).collect();
            let (product, other) = match of_input[..] {
                [true, false] => (inputs[0], inputs[1]),
                [false, true] => (inputs[1], inputs[0]),
                _ => return None,
            };
            added = Some(graph.var(other));
            (op, inputs) = node(product);
        }
        let Op::MatMul { transpose_lhs: false, transpose_rhs } = op else { return None };
        let [hidden, weight] = [inputs[0], inputs[1]].map(|id| graph.var(id));
        if depends(weight.id())
            || !depends(hidden.id())
            || hidden.shape().rank() != 2
            || weight.shape().rank() != 2
        {
            return None;
        }
        let weight = if transpose_rhs { weight.transpose() } else { weight };
        Some(LastLayer { hidden, weight, added })
    }
}

/// Whether a node needs another one.
fn depends_on<T: Real>(graph: &Graph<T>, node: NodeId, on: NodeId) -> bool {
    if node.index() <= on.index() {
        return false;
    }
    let ids: Vec<NodeId> = graph.ids().collect();
    let mut reached = vec![false; node.index() + 1];
    reached[on.index()] = true;
    for index in on.index() + 1..=node.index() {
        reached[index] = graph.node(ids[index]).inputs.iter().any(|input| reached[input.index()]);
    }
    reached[node.index()]
}
