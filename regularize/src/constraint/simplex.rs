//! The simplex: weights that are shares of a whole. And the threshold that it has in common with the L1 ball.
//!
//! The projection of `v` onto `{w ≥ 0, Σ w = s}` is `max(v - τ, 0)`, with the `τ` for which the sum is `s`
//! (Held, Wolfe, Crowder, *Mathematical Programming* 6, 1974; Duchi et al., ICML 2008). With the entries in
//! falling order, `u₁ ≥ u₂ ≥ ...`, the ones that stay positive are the first `ρ`,
//!
//! ```text
//! ρ = max { j : u_j > (u₁ + ... + u_j - s) / j },     τ = (u₁ + ... + u_ρ - s) / ρ.
//! ```
//!
//! # How that is a graph expression
//!
//! There is no sorting among the graph's operations. Bisection for `τ` needs none but is not exact after a fixed
//! number of steps; ranks by comparison are exact and cost `n²` memory, too much for a layer's weights. So one
//! operation of this module's own sorts a copy of the row and returns the single number `u_ρ`, the smallest
//! entry that stays. All else is recorded with the graph's operations: the mask `v ≥ u_ρ`, and from it
//! `τ = (Σ mask v - s) / Σ mask`. The mask is never empty, whatever is rounded. The operation has derivative
//! zero, as a comparison has, and that is no approximation: between two changes of the mask `τ` depends on `v`
//! and `s` by the recorded quotient alone. So derivatives of every order are exact, and `n log n` is all it costs.

use super::{Projection, quotient, radius};
use crate::error::RegularizeError;
use crate::penalty::check_coefficient;
use autograd::{Custom, Real, Shape, Var};

/// Each row along the last axis is nonnegative and sums to `s`: weights of a mixture, attention, an ensemble.
///
/// One multiplier for each row, that of `Σ w = s`: a minimum has the gradient `-λ` at every positive weight and
/// at least `-λ` at the zeros. It may have either sign.
///
/// ```
/// use autograd::{Feed, Graph, Tensor, interpret};
/// use regularize::{Projection, Simplex};
/// let graph = Graph::<f64>::new();
/// let w = Simplex::new(1.0)?.project(graph.input("v", [3]));
/// let v = Tensor::new([3], vec![1.5, 1.0, -7.0]);
/// assert_eq!(interpret(&[w], &[("v", Feed::from(&v))], None)?[0].data(), [0.75, 0.25, 0.0]);
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Simplex {
    total: f64,
}

impl Simplex {
    /// Rows that sum to `total`.
    ///
    /// # Errors
    /// If `total` is not finite and above 0.
    pub fn new(total: f64) -> Result<Simplex, RegularizeError> {
        let finite = if total.is_finite() { total } else { f64::NAN };
        Ok(Simplex { total: radius("total of the simplex", finite)? })
    }
}

impl<T: Real> Projection<T> for Simplex {
    fn project<'g>(&self, v: Var<'g, T>) -> Var<'g, T> {
        project_onto_simplex(v, v.graph().fill([], self.total))
    }

    /// How much of the total is missing.
    fn slack<'g>(&self, w: Var<'g, T>) -> Var<'g, T> {
        self.total - w.sum_keep(&[-1])
    }

    fn multiplier<'g>(&self, w: Var<'g, T>, gradient: Var<'g, T>) -> Var<'g, T> {
        quotient(-(w * gradient).sum_keep(&[-1]), w.sum_keep(&[-1]))
    }
}

/// Each row along the last axis onto `{w ≥ 0, Σ w = total}`, for a scalar `total > 0`. See the source of this
/// module for the method.
///
/// # Panics
/// If `total` is no scalar, or `v` is one.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::project_onto_simplex;
/// let graph = Graph::<f64>::new();
/// let v = graph.constant(Tensor::new([2, 2], vec![0.75, 0.75, 5.0, 1.0]));
/// let w = project_onto_simplex(v, graph.fill([], 1.0));
/// assert_eq!(interpret(&[w], &[], None)?[0].data(), [0.5, 0.5, 1.0, 0.0]);
/// # Ok::<(), autograd::RunError>(())
/// ```
#[track_caller]
pub fn project_onto_simplex<'g, T: Real>(v: Var<'g, T>, total: Var<'g, T>) -> Var<'g, T> {
    check_coefficient("project_onto_simplex", total);
    (v - left_above(v, cut(v, total), total)).relu()
}

/// `u_ρ` of each row, `[.., 1]`.
#[track_caller]
pub(super) fn cut<'g, T: Real>(v: Var<'g, T>, total: Var<'g, T>) -> Var<'g, T> {
    assert!(v.shape().rank() > 0, "a projection along the last axis: a scalar has none");
    Var::custom(Cut, &[v, total])
}

/// `τ`: what must be taken from each entry of at least `cut` so that they sum to `total`; `[.., 1]`.
pub(super) fn left_above<'g, T: Real>(v: Var<'g, T>, cut: Var<'g, T>, total: Var<'g, T>) -> Var<'g, T> {
    let mask = v.greater_equal(cut);
    ((v * mask).sum_keep(&[-1]) - total) / mask.sum_keep(&[-1])
}

/// The smallest entry of each row that stays positive. See the [module documentation](self).
#[derive(Debug)]
struct Cut;

impl<T: Real> Custom<T> for Cut {
    fn name(&self) -> String {
        "simplex_cut".into()
    }

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        Ok(inputs[0].with_axis(inputs[0].rank() - 1, 1))
    }

    fn forward(&self, inputs: &[(&[T], Shape)], output: &mut [T]) {
        let [(v, shape), (total, _)] = inputs else { unreachable!("two inputs are recorded") };
        if shape.last() == 0 {
            output.fill(T::ZERO);
            return;
        }
        let total = total[0].to_f64();
        let mut row = Vec::with_capacity(shape.last());
        for (v, cut) in v.chunks_exact(shape.last()).zip(output) {
            row.clear();
            row.extend(v.iter().map(|v| v.to_f64()));
            row.sort_by(|a, b| b.total_cmp(a));
            // The first entry always stays: it is above itself less some of the total.
            let (mut sum, mut last) = (0.0, row[0]);
            for (&u, count) in row.iter().zip(1..) {
                sum += u;
                if u > (sum - total) / f64::from(count) {
                    last = u;
                }
            }
            *cut = T::from_f64(last);
        }
    }

    fn vjp<'g>(&self, _: &[Var<'g, T>], _: Var<'g, T>, _: usize, _: Var<'g, T>) -> Option<Var<'g, T>> {
        None
    }

    fn jvp<'g>(&self, _: &[Var<'g, T>], _: Var<'g, T>, _: &[Option<Var<'g, T>>]) -> Option<Var<'g, T>> {
        None
    }
}
