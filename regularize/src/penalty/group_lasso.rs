//! Group lasso: `α Σ ‖w_g‖`, the sum of the Euclidean norms of groups of weights, which removes whole groups
//! (Yuan and Lin, *J. R. Stat. Soc. B* 68, 2006). With the columns of a matrix as groups it is the norm
//! written `‖W‖₂,₁`.
//!
//! It is L1 between groups and L2 within one: [`L1`](crate::L1) of the norms. A group has length one along the
//! chosen axis of the parameter and is whole along all others:
//!
//! | | axis | a group is | what a zero group removes |
//! |---|---|---|---|
//! | [`GroupLasso::outputs`] | last | a column of `[in, out]`, all of a kernel `[in, h, w, out]` that makes one map | a unit, a channel |
//! | [`GroupLasso::inputs`] | 0 | a row: all weights on one input | a feature |
//! | [`GroupLasso::axis`] | any | | a place in the kernel's window, ... |
//!
//! The gradient is `α w_g / ‖w_g‖`, and 0 at a group of zeros. As with L1, exact zeros take the proximal step,
//! `(1 - t α / ‖v_g‖)₊ v_g`. For a quadratic loss with Hessian `h I` the minimum is `(1 - α / (h ‖w*_g‖))₊ w*_g`.
//!
//! Groups of different sizes are often weighted by `√size`, so that none is removed for being small: see
//! [`GroupLasso::weighted_by_size`].
//!
//! ```
//! use autograd::{Feed, Graph, Tensor, interpret};
//! use regularize::{GroupLasso, Penalty, group_threshold};
//! let graph = Graph::<f64>::new();
//! let w = graph.input("w", [2, 2]);
//! let omega = GroupLasso::outputs(0.5)?.value(w);
//! let sparse = group_threshold(w, graph.fill([], 2.5), -1);
//! let value = Tensor::new([2, 2], vec![3.0, 1.0, 4.0, -2.0]);
//! let values = interpret(&[omega, sparse], &[("w", Feed::from(&value))], None)?;
//! assert_eq!(values[0].item(), 0.5 * (5.0 + 5f64.sqrt()));
//! assert_eq!(values[1].data(), [1.5, 0.0, 2.0, 0.0]); // the second column is removed
//! # Ok::<(), regularize::RegularizeError>(())
//! ```

use crate::error::{RegularizeError, at_least_zero};
use crate::penalty::{Penalty, ProximalPenalty, check_coefficient};
use autograd::{Real, Var};

/// The penalty `α Σ ‖w_g‖`. See the [module documentation](self).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GroupLasso {
    alpha: f64,
    axis: isize,
    by_size: bool,
}

impl GroupLasso {
    /// Groups that lead to one output: coefficient `alpha`, each position on the last axis a group.
    ///
    /// # Errors
    /// If `alpha` is negative or not finite.
    pub fn outputs(alpha: f64) -> Result<GroupLasso, RegularizeError> {
        GroupLasso::axis(alpha, -1)
    }

    /// Groups that come from one input: each position on the first axis a group.
    ///
    /// # Errors
    /// If `alpha` is negative or not finite.
    pub fn inputs(alpha: f64) -> Result<GroupLasso, RegularizeError> {
        GroupLasso::axis(alpha, 0)
    }

    /// Each position on `axis` a group; a negative axis counts from the last. On a parameter without that
    /// axis the penalty's value and its proximal step panic.
    ///
    /// # Errors
    /// If `alpha` is negative or not finite.
    ///
    /// ```
    /// use autograd::{Graph, Tensor, interpret};
    /// use regularize::{GroupLasso, Penalty};
    /// let graph = Graph::<f64>::new();
    /// // A kernel of one input, a window of 1 by 2 and two maps.
    /// let w = graph.constant(Tensor::new([1, 1, 2, 2], vec![3.0, 0.0, 4.0, 1.0]));
    /// let penalties = [GroupLasso::outputs(1.0)?, GroupLasso::axis(1.0, 2)?, GroupLasso::inputs(1.0)?];
    /// let found = interpret(&penalties.map(|penalty| penalty.value(w)), &[], None)?;
    /// assert_eq!(found[0].item(), 5.0 + 1.0); // (3, 4) and (0, 1): the maps
    /// assert_eq!(found[1].item(), 3.0 + 17f64.sqrt()); // (3, 0) and (4, 1): the places of the window
    /// assert_eq!(found[2].item(), 26f64.sqrt()); // one input: all of it
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    pub fn axis(alpha: f64, axis: isize) -> Result<GroupLasso, RegularizeError> {
        Ok(GroupLasso { alpha: at_least_zero("group lasso coefficient", alpha)?, axis, by_size: false })
    }

    /// The same with `α √size` for groups of `size` weights, as Yuan and Lin have it.
    ///
    /// ```
    /// use autograd::{Graph, Tensor, interpret};
    /// use regularize::{GroupLasso, Penalty};
    /// let graph = Graph::<f64>::new();
    /// let w = graph.constant(Tensor::new([4, 1], vec![1.0; 4])); // one output: a group of 4, of length 2
    /// let [plain, weighted] = [GroupLasso::outputs(0.5)?, GroupLasso::outputs(0.5)?.weighted_by_size()];
    /// let found = interpret(&[plain.value(w), weighted.value(w)], &[], None)?;
    /// assert_eq!((found[0].item(), found[1].item()), (1.0, 2.0));
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    pub fn weighted_by_size(self) -> GroupLasso {
        GroupLasso { by_size: true, ..self }
    }

    /// The coefficient for groups of `w`.
    #[track_caller]
    fn coefficient<T: Real>(&self, w: Var<'_, T>) -> f64 {
        let groups = w.shape()[group_axis("GroupLasso", w, self.axis)];
        // No groups: nothing is multiplied with it.
        let size = w.shape().numel().checked_div(groups).unwrap_or(0);
        self.alpha * if self.by_size { (size as f64).sqrt() } else { 1.0 }
    }
}

impl<T: Real> Penalty<T> for GroupLasso {
    fn value<'g>(&self, w: Var<'g, T>) -> Var<'g, T> {
        group_lasso_penalty(w, w.graph().fill([], self.coefficient(w)), self.axis)
    }

    fn is_zero(&self) -> bool {
        self.alpha == 0.0
    }
}

impl<T: Real> ProximalPenalty<T> for GroupLasso {
    /// The [group threshold](group_threshold) at `t α`.
    fn proximal<'g>(&self, v: Var<'g, T>, t: Var<'g, T>) -> Var<'g, T> {
        group_threshold(v, t * self.coefficient(v), self.axis)
    }
}

/// `α Σ ‖w_g‖` over the positions `g` on `axis`, with a coefficient that is a scalar of the graph: fed,
/// scheduled, or learned.
///
/// The result is a scalar, 0 for an empty `w`. Its derivative at a group of zeros is 0.
///
/// # Panics
/// If `alpha` is no scalar, or `w` has no such axis.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::group_lasso_penalty;
/// let graph = Graph::<f64>::new();
/// let w = graph.constant(Tensor::new([2, 2], vec![3.0, 4.0, 0.0, 0.0]));
/// let alpha = graph.fill([], 2.0);
/// let [rows, columns] = [0, 1].map(|axis| group_lasso_penalty(w, alpha, axis));
/// let found = interpret(&[rows, columns], &[], None)?;
/// assert_eq!(found[0].item(), 2.0 * (5.0 + 0.0));
/// assert_eq!(found[1].item(), 2.0 * (3.0 + 4.0));
/// # Ok::<(), autograd::RunError>(())
/// ```
#[track_caller]
pub fn group_lasso_penalty<'g, T: Real>(w: Var<'g, T>, alpha: Var<'g, T>, axis: isize) -> Var<'g, T> {
    check_coefficient("group_lasso_penalty", alpha);
    w.norm(&others("group_lasso_penalty", w, axis)).sum() * alpha
}

/// The proximal operator of `t Σ ‖u_g‖`: `(1 - t / ‖v_g‖)₊ v_g` for each position `g` on `axis`, with a scalar
/// `t ≥ 0`. Groups shorter than `t` become exactly 0, and at `t = 0` no bit changes.
///
/// # Panics
/// If `t` is no scalar, or `v` has no such axis.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::group_threshold;
/// let graph = Graph::<f64>::new();
/// let v = graph.constant(Tensor::new([2, 2], vec![3.0, 4.0, 1.0, -1.0]));
/// let left = group_threshold(v, graph.fill([], 2.5), 0); // rows of length 5 and √2
/// assert_eq!(interpret(&[left], &[], None)?[0].data(), [1.5, 2.0, 0.0, 0.0]);
/// # Ok::<(), autograd::RunError>(())
/// ```
#[track_caller]
pub fn group_threshold<'g, T: Real>(v: Var<'g, T>, t: Var<'g, T>, axis: isize) -> Var<'g, T> {
    check_coefficient("group_threshold", t);
    let norm = group_norms("group_threshold", v, axis);
    // A group of zeros, or so short that its squares are 0, goes as a whole, unless nothing is taken away; and nothing
    // is divided by 0.
    let (none, unchanged) = (norm.equal(0.0), t.equal(0.0) + norm.like(0.0));
    v * none.select(unchanged, (1.0 - t / none.select(norm.like(1.0), norm)).relu())
}

/// The norms of the groups, with all other axes of length one.
#[track_caller]
pub(crate) fn group_norms<'g, T: Real>(what: &str, v: Var<'g, T>, axis: isize) -> Var<'g, T> {
    let at = group_axis(what, v, axis);
    let kept = (0..v.shape().rank()).fold(v.shape(), |s, i| if i == at { s } else { s.with_axis(i, 1) });
    v.norm(&others(what, v, axis)).reshape(kept)
}

/// All axes but the one of groups.
#[track_caller]
fn others<T: Real>(what: &str, v: Var<'_, T>, axis: isize) -> Vec<isize> {
    let at = group_axis(what, v, axis);
    (0..v.shape().rank()).filter(|&i| i != at).map(|i| i as isize).collect()
}

/// The axis of groups, counted from the first.
#[track_caller]
fn group_axis<T: Real>(what: &str, v: Var<'_, T>, axis: isize) -> usize {
    let (shape, rank) = (v.shape(), v.shape().rank() as isize);
    let at = if axis < 0 { axis + rank } else { axis };
    assert!((0..rank).contains(&at), "{what}: {shape} has no axis {axis}");
    at as usize
}

#[cfg(test)]
mod tests;
