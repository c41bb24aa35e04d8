//! Singular values on the host, by one-sided Jacobi rotations in double precision.

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
    /// One-sided Jacobi (Hestenes, *J. SIAM* 6, 1958): turns pairs of columns until all are orthogonal. `None` for
    /// an empty matrix, or one that is not finite.
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

/// In eight sums side by side, which a processor adds at once.
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
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
