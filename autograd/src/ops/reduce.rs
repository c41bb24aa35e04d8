//! Reductions whose derivative depends on the values: max and logsumexp. (The sum is
//! [linear](super::linear).)
//!
//! Like the sum, the primitive leaves the reduced axes with length one; the methods then drop them unless
//! asked to keep them.
//!
//! ```text
//! y = max x         x̄ = ȳ [x = y] / c     ẏ = Σ ẋ [x = y] / c     c = number of ties: they share equally
//! y = ln Σ e^x      x̄ = ȳ e^(x - y)       ẏ = Σ ẋ e^(x - y)
//! ```

use super::linear::{all_axes, resolve_axes};
use super::{Call, Op};
use crate::graph::Var;
use crate::real::Real;
use crate::shape::{MAX_RANK, Shape};
use smallvec::SmallVec;

impl<'g, T: Real> Var<'g, T> {
    /// The largest element, a scalar; -∞ if there are none, NaN if there is one. Ties share the
    /// cotangent equally.
    #[track_caller]
    pub fn max(self) -> Var<'g, T> {
        self.reduced(Op::Max, &all_axes(self), false)
    }

    /// The largest elements along `axes`, which disappear.
    ///
    /// # Panics
    /// If an axis is out of range.
    #[track_caller]
    pub fn max_over(self, axes: &[isize]) -> Var<'g, T> {
        self.reduced(Op::Max, &resolve_axes("max", self, axes), false)
    }

    /// The largest elements along `axes`, which stay with length one.
    ///
    /// # Panics
    /// If an axis is out of range.
    #[track_caller]
    pub fn max_keep(self, axes: &[isize]) -> Var<'g, T> {
        self.reduced(Op::Max, &resolve_axes("max", self, axes), true)
    }

    /// `ln Σ eˣ` along `axes`, which disappear; without overflow for any finite input.
    ///
    /// # Panics
    /// If an axis is out of range.
    #[track_caller]
    pub fn logsumexp(self, axes: &[isize]) -> Var<'g, T> {
        self.reduced(Op::LogSumExp, &resolve_axes("logsumexp", self, axes), false)
    }

    /// [`Var::logsumexp`] with the axes kept, of length one.
    ///
    /// # Panics
    /// If an axis is out of range.
    #[track_caller]
    pub fn logsumexp_keep(self, axes: &[isize]) -> Var<'g, T> {
        self.reduced(Op::LogSumExp, &resolve_axes("logsumexp", self, axes), true)
    }
}

/// `[x = y] / c`: each of the c elements that equal the maximum has weight 1/c.
fn max_weights<'g, T: Real>(call: &Call<'g, T>) -> Var<'g, T> {
    let (x, y) = (call.input(0), call.output());
    let ties = x.equal(y);
    ties / sum_onto(ties, y.shape())
}

/// `e^(x - y)`: the softmax of x along the reduced axes.
fn softmax_weights<'g, T: Real>(call: &Call<'g, T>) -> Var<'g, T> {
    (call.input(0) - call.output()).exp()
}

fn sum_onto<'g, T: Real>(value: Var<'g, T>, shape: Shape) -> Var<'g, T> {
    value.graph.record_real(Op::Sum, &[value.id], shape)
}

pub(super) fn max_vjp<'g, T: Real>(call: &Call<'g, T>, cotangent: Var<'g, T>) -> Var<'g, T> {
    cotangent * max_weights(call)
}

pub(super) fn max_jvp<'g, T: Real>(call: &Call<'g, T>, tangent: Var<'g, T>) -> Var<'g, T> {
    sum_onto(tangent * max_weights(call), call.output().shape())
}

pub(super) fn logsumexp_vjp<'g, T: Real>(call: &Call<'g, T>, cotangent: Var<'g, T>) -> Var<'g, T> {
    cotangent * softmax_weights(call)
}

pub(super) fn logsumexp_jvp<'g, T: Real>(call: &Call<'g, T>, tangent: Var<'g, T>) -> Var<'g, T> {
    sum_onto(tangent * softmax_weights(call), call.output().shape())
}

/// A reduction over the middle axis of `[outer, reduced, inner]`:
/// (input, outer, reduced, inner, output).
pub(crate) type ReduceKernel<T> = fn(&[T], usize, usize, usize, &mut [T]);

/// One pass of a reduction: the middle axis of `[outer, reduced, inner]` becomes one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Pass {
    pub outer: usize,
    pub reduced: usize,
    pub inner: usize,
}

/// The passes that reduce `from` onto `to` (equal rank), one for each run of neighbouring reduced axes,
/// the last run first. Both evaluators follow them, so that both add in the same order.
pub(crate) fn passes(from: Shape, to: Shape) -> SmallVec<[Pass; MAX_RANK]> {
    let mut passes = SmallVec::new();
    let mut current = from;
    let mut end = from.rank();
    while end > 0 {
        let start = (0..end).rev().find(|&axis| from[axis] == to[axis]).map_or(0, |axis| axis + 1);
        if start < end {
            let product = |range: std::ops::Range<usize>| current.lengths()[range].iter().product();
            let (outer, reduced, inner) = (product(0..start), product(start..end), product(end..from.rank()));
            passes.push(Pass { outer, reduced, inner });
            current = (start..end).fold(current, |shape, axis| shape.with_axis(axis, 1));
        }
        end = start.saturating_sub(1);
    }
    passes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbouring_axes_are_reduced_in_one_pass() {
        let of = |from: &[usize], to: &[usize]| {
            passes(Shape::new(from), Shape::new(to))
                .iter()
                .map(|p| [p.outer, p.reduced, p.inner])
                .collect::<Vec<_>>()
        };
        assert_eq!(of(&[2, 3, 4], &[1, 1, 1]), [[1, 24, 1]]);
        assert_eq!(of(&[2, 3, 4], &[2, 1, 1]), [[2, 12, 1]]);
        assert_eq!(of(&[2, 3, 4], &[1, 3, 1]), [[6, 4, 1], [1, 2, 3]]);
        assert_eq!(of(&[2, 3, 4], &[1, 3, 4]), [[1, 2, 12]]);
        assert_eq!(of(&[2, 0, 4], &[2, 1, 4]), [[2, 0, 4]]);
        assert_eq!(of(&[5], &[5]), Vec::<[usize; 3]>::new());
    }
}
