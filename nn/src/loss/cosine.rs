//! Cosine similarity.

use super::{Reduction, check_shapes};
use autograd::{Real, Var};

/// `1 - cos(a, b)` of vectors along the last axis, with `cos(a, b) = a·b / (‖a‖ ‖b‖)`; one value for each
/// example, both `[.., features]`: 0 for the same direction, 1 at right angles, 2 for opposite directions.
///
/// The zero vector has no direction: its cosine with anything is taken as 0 and its derivatives, of every
/// order, too. Each vector is first divided by its largest element, which changes no cosine, so vectors of
/// any other size have their right value: no square overflows or vanishes.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use nn::loss::{Reduction, cosine_distance};
/// let graph = Graph::<f64>::new();
/// let a = graph.constant(Tensor::new([3, 2], vec![3.0, 0.0, 1e200, 0.0, 0.0, 0.0]));
/// let b = graph.constant(Tensor::new([3, 2], vec![0.0, 2.0, 1e200, 0.0, 1.0, 2.0]));
/// let loss = cosine_distance(a, b, Reduction::Each);
/// assert_eq!(interpret(&[loss], &[], None)?[0].data(), [1.0, 0.0, 1.0]);
/// # Ok::<(), autograd::RunError>(())
/// ```
///
/// # Panics
/// If the shapes differ or there is no axis.
#[track_caller]
pub fn cosine_distance<'g, T: Real>(a: Var<'g, T>, b: Var<'g, T>, reduction: Reduction) -> Var<'g, T> {
    check_shapes("cosine_distance", ("first", a), ("second", b));
    let (a, b) = (scaled(a), scaled(b));
    let lengths = a.norm(&[-1]) * b.norm(&[-1]);
    let none = lengths.equal(0.0);
    let zero = lengths.like(0.0);
    let cosine = (a * b).sum_over(&[-1]) / none.select(lengths.like(1.0), lengths);
    reduction.of(1.0 - none.select(zero, cosine))
}

/// `x` divided by its largest absolute value along the last axis. The divisor is a constant to the
/// derivative: the cosine does not depend on it, so that its derivatives are exact all the same.
#[track_caller]
fn scaled<'g, T: Real>(x: Var<'g, T>) -> Var<'g, T> {
    let largest = x.abs().max_keep(&[-1]).detach();
    x / largest.equal(0.0).select(largest.like(1.0), largest)
}
