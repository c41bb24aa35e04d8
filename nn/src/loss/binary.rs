//! Losses of a yes or no, one for each element: logits against numbers in [0, 1].

use super::{Reduction, check_shapes};
use autograd::{Real, Var};

/// `-t ln σ(x) - (1 - t) ln (1 - σ(x))` for logits `x` and targets `t` in [0, 1], one value for each
/// element.
///
/// Computed as `t ζ(-x) + (1 - t) ζ(x)` with `ζ(x) = ln(1 + eˣ)`: finite for logits of any size, smooth at 0.
/// The usual `ζ(x) - x t` is the same function with one softplus less, but it and its gradient `σ(x) - t`
/// cancel for a confident right answer, where this one keeps its relative precision: at `x = 20`, `t = 1`
/// single precision would find a loss and a gradient of 0 instead of 2e-9.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use nn::loss::{Reduction, binary_cross_entropy};
/// let graph = Graph::<f64>::new();
/// let logits = graph.constant(Tensor::new([3], vec![0.0, 1e4, 1e4]));
/// let targets = graph.constant(Tensor::new([3], vec![1.0, 1.0, 0.0]));
/// let loss = binary_cross_entropy(logits, targets, Reduction::Each);
/// assert_eq!(interpret(&[loss], &[], None)?[0].data(), [2f64.ln(), 0.0, 1e4]);
/// # Ok::<(), autograd::RunError>(())
/// ```
///
/// # Panics
/// If the shapes differ.
#[track_caller]
pub fn binary_cross_entropy<'g, T: Real>(
    logits: Var<'g, T>,
    targets: Var<'g, T>,
    reduction: Reduction,
) -> Var<'g, T> {
    check_shapes("binary_cross_entropy", ("logits", logits), ("targets", targets));
    reduction.of(targets * (-logits).softplus() + (1.0 - targets) * logits.softplus())
}
