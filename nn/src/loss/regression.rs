//! Losses of numbers: functions of the residual `r = prediction - target`, one value for each element.
//!
//! | function | value | its minimum in one number |
//! |---|---|---|
//! | [`squared_error`] | `r²` | the mean |
//! | [`absolute_error`] | `abs(r)` | the median |
//! | [`huber`] | `r²/2` up to `δ`, then a straight line | between them |

use super::{Reduction, check_shapes};
use autograd::{Real, Var};

/// `(prediction - target)²`, one value for each element. Its mean is the mean squared error, over all
/// elements and not over examples only (*Deep Learning*, equation 5.5).
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use nn::loss::{Reduction, squared_error};
/// let graph = Graph::<f64>::new();
/// let [prediction, target] =
///     [[1.0, 2.0], [0.0, 4.0]].map(|values| graph.constant(Tensor::new([2], values.to_vec())));
/// let loss = squared_error(prediction, target, Reduction::Mean);
/// assert_eq!(interpret(&[loss], &[], None)?[0].item(), 2.5);
/// # Ok::<(), autograd::RunError>(())
/// ```
///
/// # Panics
/// If the shapes differ: a target of shape `[n]` for predictions of shape `[n, 1]` would else stretch to
/// `[n, n]` and train something else.
#[track_caller]
pub fn squared_error<'g, T: Real>(
    prediction: Var<'g, T>,
    target: Var<'g, T>,
    reduction: Reduction,
) -> Var<'g, T> {
    check_shapes("squared_error", ("prediction", prediction), ("target", target));
    reduction.of((prediction - target).powi(2))
}

/// `|prediction - target|`, one value for each element; derivative 0 at 0.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use nn::loss::{Reduction, absolute_error};
/// let graph = Graph::<f64>::new();
/// let [prediction, target] =
///     [[1.0, 2.0], [0.0, 4.0]].map(|values| graph.constant(Tensor::new([2], values.to_vec())));
/// let loss = absolute_error(prediction, target, Reduction::Mean);
/// assert_eq!(interpret(&[loss], &[], None)?[0].item(), 1.5);
/// # Ok::<(), autograd::RunError>(())
/// ```
///
/// # Panics
/// If the shapes differ.
#[track_caller]
pub fn absolute_error<'g, T: Real>(
    prediction: Var<'g, T>,
    target: Var<'g, T>,
    reduction: Reduction,
) -> Var<'g, T> {
    check_shapes("absolute_error", ("prediction", prediction), ("target", target));
    reduction.of((prediction - target).abs())
}

/// `r²/2` where `|r| ≤ δ`, `δ (|r| - δ/2)` beyond, with `r = prediction - target`; one value for each element
/// (Huber, *Annals of Mathematical Statistics* 35, 1964). Its slope is `r` cut to `[-δ, δ]`.
///
/// The "smooth L1" loss with parameter `β` (Girshick, ICCV 2015, equation 3, where `β = 1`) is this with `δ =
/// β`, divided by `β`: `r²/(2β)`, then `|r| - β/2`.
///
/// Computed as `c (r - c/2)` with `c = clamp(r, -δ, δ)`: no branch, and exact derivatives of every order at 0.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use nn::loss::{Reduction, huber};
/// let graph = Graph::<f64>::new();
/// let [prediction, target] =
///     [[0.5, 3.0], [0.0, 0.0]].map(|values| graph.constant(Tensor::new([2], values.to_vec())));
/// let loss = huber(prediction, target, 1.0, Reduction::Each);
/// assert_eq!(interpret(&[loss], &[], None)?[0].data(), [0.125, 2.5]);
/// # Ok::<(), autograd::RunError>(())
/// ```
///
/// # Panics
/// If the shapes differ, or `δ` is not finite and above 0.
#[track_caller]
pub fn huber<'g, T: Real>(
    prediction: Var<'g, T>,
    target: Var<'g, T>,
    delta: f64,
    reduction: Reduction,
) -> Var<'g, T> {
    check_shapes("huber", ("prediction", prediction), ("target", target));
    assert!(delta.is_finite() && delta > 0.0, "huber: delta is {delta}, it must be finite and above 0");
    let residual = prediction - target;
    let cut = residual.clamp(-delta, delta);
    reduction.of(cut * (residual - cut * 0.5))
}
