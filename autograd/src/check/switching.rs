//! Distances to kinks: the switching arguments of a graph, as graph variables.
//!
//! For every non-smooth element there is a number that changes sign, or becomes zero, where the element
//! switches: `x - kink` for a function of one number, `a - b` for a comparison or a maximum of two,
//! `max x - x` for every other element of a reduction. All of them, flattened into one vector `s`, and its
//! Jacobian-vector product `s'` along a direction bound the step that crosses no kink: half of the smallest
//! `|s / s'|` (half, because `s` need not be linear; a stencil is checked by its branch signature anyway).

use super::probe::{Branching, Values};
use crate::graph::{Graph, NodeId, Var};
use crate::shape::Shape;
use crate::tensor::Tensor;

/// The switching arguments of a graph and their change along a direction.
pub(crate) struct Switching<'g> {
    arguments: Var<'g, f64>,
    /// Change of the arguments, given the tangents of the targets; `None` if none of them can change.
    change: Option<Var<'g, f64>>,
}

impl<'g> Switching<'g> {
    /// Records the switching arguments of `nodes` and their tangents; `None` if there are none.
    pub(crate) fn record(
        graph: &'g Graph<f64>,
        nodes: &[(NodeId, Branching)],
        targets: &[Var<'g, f64>],
        tangents: &[Var<'g, f64>],
    ) -> Option<Switching<'g>> {
        let mut parts: Vec<Var<'g, f64>> = Vec::new();
        for &(id, branching) in nodes {
            let inputs = graph.node(id).inputs.clone();
            let x = graph.var(inputs[0]);
            match branching {
                Branching::Unary(unary) => {
                    parts.extend(unary.rule::<f64>().kinks.iter().map(|kink| x - *kink));
                }
                Branching::Tie(_) => parts.push(x - graph.var(inputs[1])),
                // A mask is nearly always the result of comparisons, which have their own entries.
                Branching::Select => {}
                Branching::Largest => {
                    // Read first: what is recorded below needs the arena to itself.
                    let rank = graph.node(id).shape.rank();
                    let largest = if rank == x.shape().rank() { graph.var(id) } else { x.max_keep(&[-1]) };
                    parts.push(largest.broadcast_to(x.shape()) - x);
                }
            }
        }
        let flat: Vec<Var<'g, f64>> = parts
            .into_iter()
            .filter(|part| part.shape().numel() > 0)
            .map(|part| part.reshape([part.shape().numel()]))
            .collect();
        if flat.is_empty() {
            return None;
        }
        let arguments = Var::concat(&flat, 0);
        Some(Switching { arguments, change: crate::grad::try_jvp(arguments, targets, tangents).ok() })
    }

    /// The nodes that must have been evaluated for [`Switching::reach`].
    pub(crate) fn outputs(&self) -> Vec<NodeId> {
        [Some(self.arguments.id()), self.change.map(|change| change.id())].into_iter().flatten().collect()
    }

    /// The largest step along the direction that crosses no kink; infinite if no element can switch. The
    /// values are those at the point, with the targets' tangents replaced by the direction.
    pub(crate) fn reach(&self, values: &Values<'_>) -> f64 {
        let Some(change) = self.change else { return f64::INFINITY };
        let (arguments, change) = (values.real(self.arguments.id()), values.real(change.id()));
        let pairs = arguments.data().iter().zip(change.data());
        // An element that sits at its switch and does not move (the largest against itself) never
        // switches; one at its switch that moves, at once.
        pairs
            .filter(|(_, rate)| **rate != 0.0)
            .map(|(argument, rate)| 0.5 * (argument / rate).abs())
            .fold(f64::INFINITY, f64::min)
    }
}

/// The elements of `value` repeated along the axes where it has length one, up to `shape`.
pub(crate) fn stretch(value: &Tensor<f64>, shape: Shape) -> Vec<f64> {
    let (to, from) = (shape.strides(), value.shape().strides());
    let source = |flat: usize| -> usize {
        (0..shape.rank())
            .map(|axis| if value.shape()[axis] == 1 { 0 } else { flat / to[axis] % shape[axis] * from[axis] })
            .sum()
    };
    (0..shape.numel()).map(|flat| value.data()[source(flat)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretching_repeats_axes_of_length_one() {
        let column = Tensor::new([2, 1], vec![1.0, 2.0]);
        assert_eq!(stretch(&column, Shape::from([2, 3])), [1.0, 1.0, 1.0, 2.0, 2.0, 2.0]);
        let row = Tensor::new([1, 2], vec![1.0, 2.0]);
        assert_eq!(stretch(&row, Shape::from([2, 2])), [1.0, 2.0, 1.0, 2.0]);
        assert_eq!(stretch(&Tensor::scalar(3.0), Shape::SCALAR), [3.0]);
    }
}
