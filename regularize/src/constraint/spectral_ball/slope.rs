//! The derivative of the projection onto the spectral ball along a direction.
//!
//! With `A = U Σ Vᵀ`, what the projection takes away is `U h(Σ) Vᵀ`, `h(σ) = max(σ - c, 0)`. Its derivative along
//! `E` is, with `E' = Uᵀ E V` (Daleckii and Krein 1965; for singular vectors Noferini, *SIAM J. Matrix Anal.
//! Appl.* 38, 2017),
//!
//! ```text
//! U (S ∘ ½ (E' + E'ᵀ) + K ∘ ½ (E' - E'ᵀ)) Vᵀ + (I - U Uᵀ) E V diag(h/σ) Vᵀ
//! Sᵢⱼ = (hᵢ - hⱼ) / (σᵢ - σⱼ),  h' where they are equal      Kᵢⱼ = (hᵢ + hⱼ) / (σᵢ + σⱼ)
//! ```
//!
//! Every coefficient is in [0, 1], so nothing grows where singular values come close to each other, and nothing
//! is lost where they are 0.

use super::decomposition::Decomposition;
use super::symmetric::{absolute, root, solve};
use crate::host::dot;
use autograd::{Custom, Real, Shape, Tensor, Var, jvp};

/// `D P(W)[E]` of the projection with this bound: linear in `E`, and its own adjoint.
#[derive(Debug)]
pub(super) struct Slope(pub f64);

impl<T: Real> Custom<T> for Slope {
    fn name(&self) -> String {
        format!("slope of singular values up to {}", self.0)
    }

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        match inputs {
            [w, direction] if w == direction => Ok(*w),
            _ => Err("it takes a matrix and a direction of its shape".into()),
        }
    }

    fn forward(&self, inputs: &[(&[T], Shape)], output: &mut [T]) {
        let [(w, shape), (direction, _)] = inputs else { unreachable!("shape() checks") };
        output.copy_from_slice(direction);
        let Some(found) = Decomposition::of(w, *shape) else { return };
        if found.lengths().iter().all(|&sigma| sigma < self.0) {
            return;
        }
        let mut removed = vec![0.0; w.len()];
        self.removed(found, direction, shape.last()).write(&mut removed, shape.last());
        output.iter_mut().zip(removed).for_each(|(e, gone)| *e = T::from_f64(e.to_f64() - gone));
    }

    fn expression<'g>(&self, inputs: &[Var<'g, T>]) -> Option<Var<'g, T>> {
        let (w, direction) = (inputs[0], inputs[1]);
        Some(jvp(in_graph(w, self.0), &[w], &[direction]))
    }
}

impl Slope {
    /// What the projection takes away of `direction`, as a product with the same `Vᵀ`.
    fn removed<T: Real>(&self, found: Decomposition, direction: &[T], width: usize) -> Decomposition {
        let sigma = found.lengths();
        let excess: Vec<f64> = sigma.iter().map(|sigma| (sigma - self.0).max(0.0)).collect();
        let share: Vec<f64> = excess.iter().zip(&sigma).map(|(&h, &sigma)| quotient(h, sigma)).collect();
        let Decomposition { columns: mut left, right, transposed } = found;
        for (column, &sigma) in left.iter_mut().zip(&sigma) {
            // The vector of a 0 has no direction. It is left to I - U Uᵀ, whose coefficient is the same there.
            column.iter_mut().for_each(|x| *x = quotient(*x, sigma));
        }
        let rows = left.first().map_or(0, Vec::len);
        let at = |row: usize, column: usize| {
            let place = if transposed { column * width + row } else { row * width + column };
            direction[place].to_f64()
        };
        // E V by columns, and Uᵀ E V.
        let moved: Vec<Vec<f64>> = (right.iter())
            .map(|v| (0..rows).map(|row| v.iter().enumerate().map(|(k, v)| at(row, k) * v).sum()).collect())
            .collect();
        let inner: Vec<Vec<f64>> =
            left.iter().map(|u| moved.iter().map(|column| dot(u, column)).collect()).collect();
        let columns = (0..right.len())
            .map(|j| {
                let mut column: Vec<f64> = moved[j].iter().map(|x| x * share[j]).collect();
                for (i, u) in left.iter().enumerate() {
                    let even = self.divided_difference(sigma[i], sigma[j]);
                    let odd = quotient(excess[i] + excess[j], sigma[i] + sigma[j]);
                    let inside = 0.5 * (even + odd) * inner[i][j] + 0.5 * (even - odd) * inner[j][i];
                    let weight = inside - share[j] * inner[i][j];
                    column.iter_mut().zip(u).for_each(|(x, u)| *x += weight * u);
                }
                column
            })
            .collect();
        Decomposition { columns, right, transposed }
    }

    /// `(h(a) - h(b)) / (a - b)`, and `h'` where they are equal; no difference of nearly equal numbers is divided
    /// by another.
    fn divided_difference(&self, a: f64, b: f64) -> f64 {
        let (low, high) = (a.min(b), a.max(b));
        match self.0 {
            c if low == c && high == c => 0.5,
            c if high <= c => 0.0,
            c if low >= c => 1.0,
            c => (high - c) / (high - low),
        }
    }
}

/// `a / b`, and 0 where `b` is 0.
fn quotient(a: f64, b: f64) -> f64 {
    if b == 0.0 { 0.0 } else { a / b }
}

/// The projection as an expression that can be differentiated again and again: `c W max(WᵀW, c²)^(-1/2)`, the
/// larger one by `max(a, b) = ½ (a + b + |a - b|)` of each eigenvalue. For a wide matrix with `W Wᵀ`, from the left.
///
/// Squares of singular values are formed: with `σ₁` a thousand times the bound six digits are lost.
pub(super) fn in_graph<T: Real>(w: Var<'_, T>, bound: f64) -> Var<'_, T> {
    let (shape, matrix) = (w.shape(), as_matrix(w));
    let gram = gram(w);
    let limit = identity(gram, bound * bound);
    let larger = (gram + limit + absolute(gram - limit)) * 0.5;
    // R X + X R = 2 I has the inverse of R as its solution.
    let inverse = solve(root(larger), identity(gram, 2.0));
    let cut = if is_wide(matrix.shape()) { inverse.matmul(matrix) } else { matrix.matmul(inverse) };
    (cut * bound).reshape(shape)
}

/// `[.., out]` as a matrix.
fn as_matrix<T: Real>(w: Var<'_, T>) -> Var<'_, T> {
    let shape = w.shape();
    w.reshape([shape.lengths()[..shape.rank() - 1].iter().product(), shape.last()])
}

fn is_wide(matrix: Shape) -> bool {
    matrix[0] < matrix[1]
}

/// `WᵀW`, or of a wide matrix `W Wᵀ`: the smaller one.
pub(super) fn gram<T: Real>(w: Var<'_, T>) -> Var<'_, T> {
    let matrix = as_matrix(w);
    let wide = is_wide(matrix.shape());
    matrix.matmul_transposed(matrix, !wide, wide)
}

/// The identity of a square matrix's size, times a number.
pub(super) fn identity<'g, T: Real>(like: Var<'g, T>, times: f64) -> Var<'g, T> {
    let n = like.shape().last();
    let entry = |i: usize| T::from_f64(if i / n == i % n { times } else { 0.0 });
    like.graph().constant(Tensor::from_fn([n, n], entry))
}
