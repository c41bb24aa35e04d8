//! L1: `α ‖w‖₁ = α Σ |wᵢ|`, which selects features (*Deep Learning*, section 7.1.2).
//!
//! The gradient is `α sign(w)`, with `sign(0) = 0`: a weight that is 0 feels no penalty. (Rust's
//! `f64::signum(0.0)` is 1 and would push it.) It has the same size however small the weight is, so that
//! weights which the loss does not hold end at 0: for a quadratic loss with diagonal Hessian the minimum is
//! `sign(w*) max(|w*| - α/Hᵢᵢ, 0)` (equation 7.23).
//!
//! *Reaching* 0 takes the proximal step, the soft threshold. Descent along the gradient jumps over 0 and
//! swings about it by up to `2 ε α`; see [`ProximalStep`](crate::ProximalStep).
//!
//! ```
//! use autograd::{Feed, Graph, Tensor, grad, interpret};
//! use regularize::{L1, Penalty, soft_threshold};
//! let graph = Graph::<f64>::new();
//! let w = graph.input("w", [3]);
//! let omega = L1::new(0.5)?.value(w);
//! let sparse = soft_threshold(w, graph.fill([], 2.5));
//! let value = Tensor::new([3], vec![3.0, -2.0, 0.0]);
//! let values = interpret(&[omega, grad(omega, &[w])[0], sparse], &[("w", Feed::from(&value))], None)?;
//! assert_eq!(values[0].item(), 2.5);
//! assert_eq!(values[1].data(), [0.5, -0.5, 0.0]);
//! assert_eq!(values[2].data(), [0.5, 0.0, 0.0]);
//! # Ok::<(), regularize::RegularizeError>(())
//! ```

use crate::error::{RegularizeError, at_least_zero};
use crate::penalty::{Penalty, ProximalPenalty, check_coefficient};
use autograd::{Real, Var};

/// The penalty `α ‖w‖₁` with a number as its coefficient. See the [module documentation](self).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct L1 {
    alpha: f64,
}

impl L1 {
    /// The penalty with coefficient `alpha`.
    ///
    /// # Errors
    /// If `alpha` is negative or not finite.
    pub fn new(alpha: f64) -> Result<L1, RegularizeError> {
        Ok(L1 { alpha: at_least_zero("L1 coefficient", alpha)? })
    }

    /// The coefficient.
    pub fn alpha(&self) -> f64 {
        self.alpha
    }
}

impl<T: Real> Penalty<T> for L1 {
    fn value<'g>(&self, w: Var<'g, T>) -> Var<'g, T> {
        l1_penalty(w, w.graph().fill([], self.alpha))
    }

    fn is_zero(&self) -> bool {
        self.alpha == 0.0
    }
}

impl<T: Real> ProximalPenalty<T> for L1 {
    /// The [soft threshold](soft_threshold) at `t α`.
    fn proximal<'g>(&self, v: Var<'g, T>, t: Var<'g, T>) -> Var<'g, T> {
        soft_threshold(v, t * self.alpha)
    }
}

/// `α ‖w‖₁` with a coefficient that is a scalar of the graph: fed, scheduled, or learned.
///
/// `w` may have any shape; the result is a scalar, 0 for an empty `w`.
///
/// # Panics
/// If `alpha` is no scalar.
///
/// ```
/// use autograd::{Feed, Graph, Tensor, grad, interpret};
/// use regularize::l1_penalty;
/// let graph = Graph::<f64>::new();
/// let (w, alpha) = (graph.constant(Tensor::new([2], vec![3.0, -1.0])), graph.scalar("alpha"));
/// let omega = l1_penalty(w, alpha);
/// let found = interpret(&[omega, grad(omega, &[alpha])[0]], &[("alpha", Feed::from(0.5))], None)?;
/// assert_eq!((found[0].item(), found[1].item()), (2.0, 4.0)); // the slope in α is ‖w‖₁
/// # Ok::<(), autograd::RunError>(())
/// ```
#[track_caller]
pub fn l1_penalty<'g, T: Real>(w: Var<'g, T>, alpha: Var<'g, T>) -> Var<'g, T> {
    check_coefficient("l1_penalty", alpha);
    w.abs().sum() * alpha
}

/// `α Σ (√(w² + s²) - s)`: an L1 penalty that is smooth at 0 (the *pseudo-Huber* function), for a width `s` above 0.
///
/// Beyond `s` it is `α (|w| - s)` nearly, within a parabola `α w² / 2s`; its slope is `α w / √(w² + s²)`. It lies
/// below `α ‖w‖₁` by at most `α s` for each weight. Weights come near 0 and are never exactly 0.
///
/// Written `w² / (√(w² + s²) + s)`, without the difference of two numbers that are nearly equal.
///
/// # Panics
/// If `alpha` is no scalar, or `width` is not above 0.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::smooth_l1_penalty;
/// let graph = Graph::<f64>::new();
/// let w = graph.constant(Tensor::new([2], vec![3.0, 0.0]));
/// let omega = smooth_l1_penalty(w, graph.fill([], 2.0), 4.0);
/// assert_eq!(interpret(&[omega], &[], None)?[0].item(), 2.0); // 2 (5 - 4)
/// # Ok::<(), autograd::RunError>(())
/// ```
#[track_caller]
pub fn smooth_l1_penalty<'g, T: Real>(w: Var<'g, T>, alpha: Var<'g, T>, width: f64) -> Var<'g, T> {
    check_coefficient("smooth_l1_penalty", alpha);
    assert!(width > 0.0, "smooth_l1_penalty: the width is {width}, it must be above 0");
    let square = w.powi(2);
    (square / ((square + width * width).sqrt() + width)).sum() * alpha
}

/// The proximal operator of `t ‖u‖₁`: `sign(v) max(|v| - t, 0)`, for a threshold `t ≥ 0` that broadcasts to
/// `v`.
///
/// Written `max(v - t, 0) - max(-v - t, 0)`: the same number, with a zero that is never -0, and the identity
/// bit for bit at `t = 0`.
///
/// # Panics
/// If the shapes do not broadcast.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::soft_threshold;
/// let graph = Graph::<f64>::new();
/// let v = graph.constant(Tensor::new([3], vec![3.0, -0.5, -2.0]));
/// let left = soft_threshold(v, graph.fill([], 1.0));
/// assert_eq!(interpret(&[left], &[], None)?[0].data(), [2.0, 0.0, -1.0]);
/// # Ok::<(), autograd::RunError>(())
/// ```
#[track_caller]
pub fn soft_threshold<'g, T: Real>(v: Var<'g, T>, t: Var<'g, T>) -> Var<'g, T> {
    (v - t).relu() - (-v - t).relu()
}

#[cfg(test)]
mod tests;
