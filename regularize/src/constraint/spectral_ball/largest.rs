//! The largest singular value, and its derivatives of every order.
//!
//! The kernel takes it from the decomposition. For derivatives it is an expression: with the Gram matrix `G` of
//! eigenvalues `λ₁ ≥ λ₂ ≥ ..` and a number `τ` between `λ₁` and the next one,
//!
//! ```text
//! Σ max(λᵢ - τ, 0) = ½ tr(G - τ I + |G - τ I|) = m (λ₁ - τ)        σ₁ = √λ₁
//! ```
//!
//! if `λ₁` is there `m` times. Near `G` that holds for every `τ` in the gap, so that `τ` and `m` are constants to
//! differentiation. Where the largest ones are equal there is a kink; the derivative is the mean of theirs.

use super::decomposition::Decomposition;
use super::slope::{gram, identity};
use super::symmetric::absolute;
use autograd::{Custom, Real, Shape, Var};

/// Eigenvalues this near to the largest, relative to it, are equal to it: rounding of the decomposition.
const EQUAL: f64 = 1e-12;

/// `σ₁` of `[.., out]` as a matrix, a scalar; 0 if there is no entry, with a derivative of 0 where it is 0.
#[track_caller]
pub(super) fn largest_singular_value<T: Real>(w: Var<'_, T>) -> Var<'_, T> {
    Var::custom(LargestSingularValue, &[w])
}

#[derive(Debug)]
pub(super) struct LargestSingularValue;

impl<T: Real> Custom<T> for LargestSingularValue {
    fn name(&self) -> String {
        "largest singular value".into()
    }

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        if inputs[0].rank() < 2 { Err("it has no matrix".into()) } else { Ok(Shape::SCALAR) }
    }

    fn forward(&self, inputs: &[(&[T], Shape)], output: &mut [T]) {
        let (w, shape) = inputs[0];
        let largest =
            Decomposition::of(w, shape).map_or(0.0, |d| d.lengths().into_iter().fold(0.0, f64::max));
        output[0] = T::from_f64(largest);
    }

    fn expression<'g>(&self, inputs: &[Var<'g, T>]) -> Option<Var<'g, T>> {
        let gram = gram(inputs[0]);
        let gap = Var::custom(Gap, &[inputs[0]]);
        let [level, times] = [0, 1].map(|at| gap.slice(0, at, at + 1).reshape(Shape::SCALAR));
        let one = identity(gram, 1.0);
        let above = gram - one * level;
        let largest = level + ((above + absolute(above)) * one).sum() * 0.5 / times;
        let none = largest.equal(0.0);
        Some(none.select(largest.like(0.0), none.select(largest.like(1.0), largest).sqrt()))
    }
}

/// `[τ, m]`: the middle between the largest eigenvalue of the Gram matrix and the next one, or 0, and how many
/// are the largest. A constant to differentiation.
#[derive(Debug)]
struct Gap;

impl<T: Real> Custom<T> for Gap {
    fn name(&self) -> String {
        "gap below the largest singular value".into()
    }

    fn shape(&self, _: &[Shape]) -> Result<Shape, String> {
        Ok([2].into())
    }

    fn forward(&self, inputs: &[(&[T], Shape)], output: &mut [T]) {
        let (w, shape) = inputs[0];
        let mut values = Decomposition::of(w, shape).map_or(Vec::new(), |found| found.lengths());
        values.iter_mut().for_each(|sigma| *sigma *= *sigma);
        values.sort_by(|a, b| b.total_cmp(a));
        let largest = values.first().copied().unwrap_or(0.0);
        let times = values.partition_point(|&value| value >= largest * (1.0 - EQUAL)).max(1);
        let next = values.get(times).copied().unwrap_or(0.0);
        output[0] = T::from_f64(0.5 * (largest + next));
        output[1] = T::from_f64(times as f64);
    }

    fn vjp<'g>(&self, _: &[Var<'g, T>], _: Var<'g, T>, _: usize, _: Var<'g, T>) -> Option<Var<'g, T>> {
        None
    }

    fn jvp<'g>(&self, _: &[Var<'g, T>], _: Var<'g, T>, _: &[Option<Var<'g, T>>]) -> Option<Var<'g, T>> {
        None
    }
}

#[cfg(test)]
mod tests;
