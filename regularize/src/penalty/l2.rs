//! L2: `α/2 ‖w‖²`, weight decay (*Deep Learning*, section 7.1.1).
//!
//! The factor ½ is the book's (equation 7.1): the gradient is `α w`. Libraries that leave it out need `α/2`
//! for the same effect.
//!
//! One step of gradient descent is `w := (1 - ε α) w - ε ∇J` (equation 7.5): the weight shrinks by a constant
//! factor before the usual step. Along an eigenvector of the loss's Hessian with eigenvalue `λ` the minimum
//! moves to `λ / (λ + α)` of what it was (equation 7.13): directions in which the loss hardly changes are
//! decayed away, the others stay.
//!
//! ```
//! use autograd::{Feed, Graph, Tensor, grad, interpret};
//! use regularize::{L2, Penalty};
//! let graph = Graph::<f64>::new();
//! let w = graph.input("w", [2]);
//! let omega = L2::new(0.5)?.value(w);
//! let value = Tensor::new([2], vec![3.0, -4.0]);
//! let values = interpret(&[omega, grad(omega, &[w])[0]], &[("w", Feed::from(&value))], None)?;
//! assert_eq!(values[0].item(), 0.5 / 2.0 * 25.0);
//! assert_eq!(values[1].data(), [1.5, -2.0]); // α w
//! # Ok::<(), regularize::RegularizeError>(())
//! ```

use crate::error::{RegularizeError, at_least_zero};
use crate::penalty::{Penalty, ProximalPenalty, check_coefficient};
use autograd::{Real, Var};

/// The penalty `α/2 ‖w‖²` with a number as its coefficient. See the [module documentation](self).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct L2 {
    alpha: f64,
}

impl L2 {
    /// The penalty with coefficient `alpha`.
    ///
    /// # Errors
    /// If `alpha` is negative or not finite.
    pub fn new(alpha: f64) -> Result<L2, RegularizeError> {
        Ok(L2 { alpha: at_least_zero("L2 coefficient", alpha)? })
    }

    /// The coefficient.
    pub fn alpha(&self) -> f64 {
        self.alpha
    }
}

impl<T: Real> Penalty<T> for L2 {
    fn value<'g>(&self, w: Var<'g, T>) -> Var<'g, T> {
        l2_penalty(w, w.graph().fill([], self.alpha))
    }

    fn is_zero(&self) -> bool {
        self.alpha == 0.0
    }
}

impl<T: Real> ProximalPenalty<T> for L2 {
    /// `v / (1 + t α)`.
    fn proximal<'g>(&self, v: Var<'g, T>, t: Var<'g, T>) -> Var<'g, T> {
        shrink(v, t * self.alpha)
    }
}

/// `α/2 ‖w‖²` with a coefficient that is a scalar of the graph: fed, scheduled, or learned.
///
/// `w` may have any shape; the result is a scalar, 0 for an empty `w`.
///
/// # Panics
/// If `alpha` is no scalar.
///
/// ```
/// use autograd::{Feed, Graph, Tensor, grad, interpret};
/// use regularize::l2_penalty;
/// let graph = Graph::<f64>::new();
/// let (w, alpha) = (graph.constant(Tensor::new([2], vec![3.0, -4.0])), graph.scalar("alpha"));
/// let omega = l2_penalty(w, alpha);
/// let found = interpret(&[omega, grad(omega, &[alpha])[0]], &[("alpha", Feed::from(0.2))], None)?;
/// assert_eq!((found[0].item(), found[1].item()), (2.5, 12.5)); // the slope in α is ½ ‖w‖²
/// # Ok::<(), autograd::RunError>(())
/// ```
#[track_caller]
pub fn l2_penalty<'g, T: Real>(w: Var<'g, T>, alpha: Var<'g, T>) -> Var<'g, T> {
    check_coefficient("l2_penalty", alpha);
    // The halving is exact and meets the doubling of the square's derivative: the gradient is α w, rounded
    // once.
    w.norm_squared() * (alpha * 0.5)
}

/// How many of the directions in weight space the data still decide: `Σ λᵢ / (λᵢ + α)` over the eigenvalues of
/// the loss's Hessian, the effective number of parameters (*The Elements of Statistical Learning*, equation 3.50).
///
/// A direction that L2 does not touch counts 1, one that it decays away counts 0. For ridge regression it is
/// the trace of the matrix that maps targets to predictions. A direction with `λ = 0` counts 0, also at `α = 0`.
///
/// ```
/// assert_eq!(regularize::effective_parameters(&[3.0, 1.0], 1.0), 0.75 + 0.5);
/// ```
pub fn effective_parameters(eigenvalues: &[f64], alpha: f64) -> f64 {
    eigenvalues.iter().filter(|&&lambda| lambda != 0.0).map(|lambda| lambda / (lambda + alpha)).sum()
}

/// The proximal operator of `t/2 ‖u‖²`: `v / (1 + t)`.
///
/// `t ≥ 0` is a scalar or broadcasts with `v`.
///
/// # Panics
/// If the shapes do not broadcast.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::shrink;
/// let graph = Graph::<f64>::new();
/// let v = graph.constant(Tensor::new([2], vec![3.0, -6.0]));
/// let [same, third] = [0.0, 2.0].map(|t| shrink(v, graph.fill([], t)));
/// let found = interpret(&[same, third], &[], None)?;
/// assert_eq!((found[0].data(), found[1].data()), (&[3.0, -6.0][..], &[1.0, -2.0][..]));
/// # Ok::<(), autograd::RunError>(())
/// ```
#[track_caller]
pub fn shrink<'g, T: Real>(v: Var<'g, T>, t: Var<'g, T>) -> Var<'g, T> {
    v / (t + 1.0)
}

#[cfg(test)]
mod tests;
