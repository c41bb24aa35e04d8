//! The ball of the spectral norm: no singular value above a bound.

mod decomposition;
mod largest;
mod slope;
mod symmetric;

use super::{Projection, quotient, radius};
use crate::error::RegularizeError;
use autograd::{Custom, Real, Shape, Tensor, Var};
use decomposition::Decomposition;
use largest::largest_singular_value;
use slope::{Slope, in_graph};

/// `σ₁(W) ≤ c` for a parameter as the matrix `[.., out]`: the layer stretches no vector by more than `c`
/// (Yoshida and Miyato, arXiv:1705.10941, 2017, as a penalty; Gouk et al., *Machine Learning* 110, 2021, as a
/// projection).
///
/// The nearest matrix of the ball in the Frobenius norm is `U min(Σ, c) Vᵀ`. (Gouk et al. divide the whole
/// matrix by `σ₁ / c`: in the ball too, but not the nearest point.) The multiplier is `-⟨∇J, W⟩ / σ₁`.
///
/// The singular values are found on the host by one-sided Jacobi rotations in double precision: exact, for `m`
/// rows and `n` columns some `50 m n²` operations for `n ≤ m`. That is little beside a training step for a layer
/// of a hundred units, and too much for a thousand; [`SpectralNorm`](crate::SpectralNorm) is the cheap way.
///
/// The projection has derivatives in `v`, of any order: the first ones by the formula of Daleckii and Krein in
/// the same singular vectors, for the price of one more decomposition; higher ones through an expression that
/// takes some ten of a matrix of `n` rows. Nothing happens where singular values meet each other: the divided
/// differences in the formula are the derivative then. A kink is where one of them is exactly `c`; the
/// derivative there is the mean of both sides, as that of [`minimum`](Var::minimum). The largest singular value
/// in `slack` and `multiplier` has derivatives of any order too; where several are the largest, the mean of theirs.
///
/// ```
/// use autograd::{Feed, Graph, Tensor, interpret};
/// use regularize::{Projection, SpectralBall};
/// let graph = Graph::<f64>::new();
/// let w = SpectralBall::new(1.0)?.project(graph.input("v", [2, 2]));
/// let v = Tensor::new([2, 2], vec![0.5, 0.0, 0.0, -3.0]);
/// assert_eq!(interpret(&[w], &[("v", Feed::from(&v))], None)?[0].data(), [0.5, 0.0, 0.0, -1.0]);
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpectralBall {
    bound: f64,
}

impl SpectralBall {
    /// Matrices that stretch no vector by more than `bound`; an infinite one is no bound.
    ///
    /// # Errors
    /// If `bound` is not above 0.
    pub fn new(bound: f64) -> Result<SpectralBall, RegularizeError> {
        Ok(SpectralBall { bound: radius("largest singular value", bound)? })
    }
}

impl<T: Real> Projection<T> for SpectralBall {
    fn project<'g>(&self, v: Var<'g, T>) -> Var<'g, T> {
        if self.bound == f64::INFINITY { v } else { project_onto_spectral_ball(v, self.bound) }
    }

    fn is_everything(&self) -> bool {
        self.bound == f64::INFINITY
    }

    fn slack<'g>(&self, w: Var<'g, T>) -> Var<'g, T> {
        self.bound - largest_singular_value(w)
    }

    fn multiplier<'g>(&self, w: Var<'g, T>, gradient: Var<'g, T>) -> Var<'g, T> {
        quotient(-(w * gradient).sum(), largest_singular_value(w))
    }
}

/// The matrix nearest to `v`, `[.., out]`, with no singular value above a `bound` `c > 0`: `U min(Σ, c) Vᵀ`,
/// of `v`'s shape; `v` bit for bit if it has none.
///
/// # Panics
/// If `v` has fewer than two axes, or the bound is not above 0.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::project_onto_spectral_ball;
/// let graph = Graph::<f64>::new();
/// let v = graph.constant(Tensor::new([2, 2], vec![0.0, 0.5, 4.0, 0.0])); // singular values 4 and ½
/// let w = project_onto_spectral_ball(v, 1.0);
/// assert_eq!(interpret(&[w], &[], None)?[0].data(), [0.0, 0.5, 1.0, 0.0]);
/// # Ok::<(), autograd::RunError>(())
/// ```
#[track_caller]
pub fn project_onto_spectral_ball<T: Real>(v: Var<'_, T>, bound: f64) -> Var<'_, T> {
    let shape = v.shape();
    assert!(shape.rank() >= 2, "project_onto_spectral_ball: a matrix or a kernel is needed, not {shape}");
    assert!(bound > 0.0, "project_onto_spectral_ball: the bound is {bound}, it must be above 0");
    Var::custom(CutSingularValues(bound), &[v])
}

/// The singular values of a matrix or kernel `[.., out]`, the largest first: as many as its shorter side. Those that
/// rounding cannot tell from 0 are 0.
///
/// # Errors
/// [`RegularizeError::NonFinite`] if an entry is not finite, [`RegularizeError::Shape`] if there are fewer than two
/// axes.
///
/// ```
/// use autograd::Tensor;
/// use regularize::constraint::singular_values;
/// let turned = Tensor::new([2, 2], vec![0.0, -3.0, 2.0, 0.0]);
/// assert_eq!(singular_values(&turned)?, [3.0, 2.0]);
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
pub fn singular_values<T: Real>(matrix: &Tensor<T>) -> Result<Vec<f64>, RegularizeError> {
    let shape = matrix.shape();
    if shape.rank() < 2 {
        let expected = Shape::from([shape.numel(), 1]);
        return Err(RegularizeError::Shape { what: "entries of a matrix", expected, found: shape });
    }
    RegularizeError::unless_finite("entries of a matrix", matrix.data())?;
    let mut values = Decomposition::of(matrix.data(), shape).map_or(Vec::new(), |found| found.lengths());
    values.sort_by(|a, b| b.total_cmp(a));
    Ok(values)
}

#[derive(Debug)]
struct CutSingularValues(f64);

impl<T: Real> Custom<T> for CutSingularValues {
    fn name(&self) -> String {
        format!("singular values up to {}", self.0)
    }

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        Ok(inputs[0])
    }

    fn forward(&self, inputs: &[(&[T], Shape)], output: &mut [T]) {
        let (w, shape) = inputs[0];
        output.copy_from_slice(w);
        let Some(mut found) = Decomposition::of(w, shape) else { return };
        let lengths = found.lengths();
        if lengths.iter().all(|&sigma| sigma <= self.0) {
            return;
        }
        for (column, sigma) in found.columns.iter_mut().zip(lengths) {
            let left = if sigma > self.0 { self.0 / sigma } else { 1.0 };
            column.iter_mut().for_each(|x| *x *= left);
        }
        found.write(output, shape.last());
    }

    fn expression<'g>(&self, inputs: &[Var<'g, T>]) -> Option<Var<'g, T>> {
        Some(in_graph(inputs[0], self.0))
    }

    /// The Jacobian is symmetric, as that of every projection: it is the Hessian of `½ ‖v‖² - ½ ‖v - P(v)‖²`.
    fn vjp<'g>(
        &self,
        inputs: &[Var<'g, T>],
        _: Var<'g, T>,
        _: usize,
        cotangent: Var<'g, T>,
    ) -> Option<Var<'g, T>> {
        Some(Var::custom(Slope(self.0), &[inputs[0], cotangent]))
    }

    fn jvp<'g>(
        &self,
        inputs: &[Var<'g, T>],
        _: Var<'g, T>,
        tangents: &[Option<Var<'g, T>>],
    ) -> Option<Var<'g, T>> {
        tangents[0].map(|tangent| Var::custom(Slope(self.0), &[inputs[0], tangent]))
    }
}

#[cfg(test)]
mod tests;
