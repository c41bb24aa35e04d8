//! Singular values on the host, by one-sided Jacobi rotations in double precision.

use crate::host::{dot, orthogonalise, turn};
use autograd::{Real, Shape};

/// `A = (U Σ) Vᵀ` with the columns of `U Σ` orthogonal: their lengths are the singular values. `A` is the matrix
/// or its transpose, whichever has fewer columns.
pub(super) struct Decomposition {
    /// The columns of `U Σ`.
    pub columns: Vec<Vec<f64>>,
    /// The columns of `V`.
    pub right: Vec<Vec<f64>>,
    /// Whether `A` is the transpose of the matrix.
    pub transposed: bool,
}

impl Decomposition {
    /// By [`orthogonalise`]. `None` for an empty matrix, or one that is not finite.
    pub fn of<T: Real>(w: &[T], shape: Shape) -> Option<Decomposition> {
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
        orthogonalise(&mut columns, |p, q, cos, sin| turn(&mut right, p, q, cos, sin));
        Some(Decomposition { columns, right, transposed })
    }

    /// The singular values, one for each column, in no order.
    pub fn lengths(&self) -> Vec<f64> {
        self.columns.iter().map(|column| dot(column, column).sqrt()).collect()
    }

    /// The product as a matrix of `width` columns.
    pub fn write<T: Real>(&self, output: &mut [T], width: usize) {
        for (at, place) in output.iter_mut().enumerate() {
            let (i, j) = (at / width, at % width);
            let (row, column) = if self.transposed { (j, i) } else { (i, j) };
            let sum: f64 = self.columns.iter().zip(&self.right).map(|(u, v)| u[row] * v[column]).sum();
            *place = T::from_f64(sum);
        }
    }
}
