//! The ball of the spectral norm: no singular value above a bound.

use super::{Projection, quotient, radius};
use crate::error::RegularizeError;
use autograd::{Custom, Real, Shape, Var};

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
/// There is no derivative of it: it is made for the end of a step.
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
        self.bound - Var::custom(LargestSingularValue, &[w])
    }

    fn multiplier<'g>(&self, w: Var<'g, T>, gradient: Var<'g, T>) -> Var<'g, T> {
        quotient(-(w * gradient).sum(), Var::custom(LargestSingularValue, &[w]))
    }
}

/// The matrix nearest to `v`, `[.., out]`, with no singular value above `bound`; `v` bit for bit if it has none.
///
/// # Panics
/// If `v` has fewer than two axes. And when it is differentiated: see [`SpectralBall`].
#[track_caller]
pub fn project_onto_spectral_ball<T: Real>(v: Var<'_, T>, bound: f64) -> Var<'_, T> {
    let shape = v.shape();
    assert!(shape.rank() >= 2, "project_onto_spectral_ball: a matrix or a kernel is needed, not {shape}");
    Var::custom(CutSingularValues(bound), &[v])
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

    fn expression<'g>(&self, _: &[Var<'g, T>]) -> Option<Var<'g, T>> {
        None
    }
}

/// `σ₁`, a scalar.
#[derive(Debug)]
struct LargestSingularValue;

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

    fn expression<'g>(&self, _: &[Var<'g, T>]) -> Option<Var<'g, T>> {
        None
    }
}

/// `A = (U Σ) Vᵀ` with the columns of `U Σ` orthogonal: their lengths are the singular values. `A` is the matrix
/// or its transpose, whichever has fewer columns.
struct Decomposition {
    columns: Vec<Vec<f64>>,
    /// The columns of `V`.
    right: Vec<Vec<f64>>,
    transposed: bool,
}

impl Decomposition {
    /// One-sided Jacobi (Hestenes, *J. SIAM* 6, 1958): turns pairs of columns until all are orthogonal. `None` for
    /// an empty matrix, or one that is not finite.
    fn of<T: Real>(w: &[T], shape: Shape) -> Option<Decomposition> {
        if w.is_empty() || w.iter().any(|w| !w.is_finite()) {
            return None;
        }
        let width = shape.last();
        let height = w.len() / width;
        let transposed = height < width;
        let (rows, count) = if transposed { (width, height) } else { (height, width) };
        let at = |row: usize, column: usize| {
            let (i, j) = if transposed { (column, row) } else { (row, column) };
            w[i * width + j].to_f64()
        };
        let mut columns: Vec<Vec<f64>> = (0..count).map(|c| (0..rows).map(|r| at(r, c)).collect()).collect();
        let mut right: Vec<Vec<f64>> =
            (0..count).map(|c| (0..count).map(|r| f64::from(u8::from(r == c))).collect()).collect();
        // What rounding may leave of a sum of so many products that is 0: less is not turned again.
        let negligible = rows as f64 * f64::EPSILON;
        // Convergence is quadratic: a handful of sweeps; the bound is for what rounding could keep turning.
        for _ in 0..60 {
            let mut turned = false;
            for p in 0..count {
                for q in p + 1..count {
                    let (a, b) = (dot(&columns[p], &columns[p]), dot(&columns[q], &columns[q]));
                    let c = dot(&columns[p], &columns[q]);
                    if c.abs() <= negligible * (a * b).sqrt() {
                        continue;
                    }
                    turned = true;
                    // tan of the angle that makes the pair orthogonal, the smaller one.
                    let zeta = (b - a) / (2.0 * c);
                    let tan = zeta.signum() / (zeta.abs() + zeta.hypot(1.0));
                    let cos = 1.0 / tan.hypot(1.0);
                    turn(&mut columns, p, q, cos, cos * tan);
                    turn(&mut right, p, q, cos, cos * tan);
                }
            }
            if !turned {
                break;
            }
        }
        Some(Decomposition { columns, right, transposed })
    }

    fn lengths(&self) -> Vec<f64> {
        self.columns.iter().map(|column| dot(column, column).sqrt()).collect()
    }

    /// The product as a matrix of `width` columns.
    fn write<T: Real>(&self, output: &mut [T], width: usize) {
        for (at, place) in output.iter_mut().enumerate() {
            let (i, j) = (at / width, at % width);
            let (row, column) = if self.transposed { (j, i) } else { (i, j) };
            let sum: f64 = self.columns.iter().zip(&self.right).map(|(u, v)| u[row] * v[column]).sum();
            *place = T::from_f64(sum);
        }
    }
}

/// In eight sums side by side, which a processor adds at once.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let (eights, rest) = a.as_chunks::<8>();
    let (other_eights, other_rest) = b.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for (a, b) in eights.iter().zip(other_eights) {
        sums.iter_mut().zip(a.iter().zip(b)).for_each(|(sum, (a, b))| *sum += a * b);
    }
    let rest: f64 = rest.iter().zip(other_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f64>() + rest
}

/// Columns `p < q` turned against each other.
fn turn(columns: &mut [Vec<f64>], p: usize, q: usize, cos: f64, sin: f64) {
    let (left, right) = columns.split_at_mut(q);
    for (x, y) in left[p].iter_mut().zip(&mut right[0]) {
        (*x, *y) = (cos * *x - sin * *y, sin * *x + cos * *y);
    }
}
