//! Orthonormal vectors on the host, for a few vectors of some hundred numbers.

use crate::host::{dot, orthogonalise};

/// `y := y - (vᵀ y) v` for each `v` of an orthonormal set, twice: the first pass leaves rounding errors of the
/// size of what it takes away, the second takes them too.
pub fn project_out(y: &mut [f64], basis: &[Vec<f64>]) {
    for _ in 0..2 {
        for v in basis {
            let along = dot(v, y);
            y.iter_mut().zip(v).for_each(|(y, v)| *y -= along * v);
        }
    }
}

/// Adds to an orthonormal set what the vectors have beyond it, by Gram and Schmidt. A vector that is in the
/// span up to 1e-10 of its length adds nothing.
pub fn extend(basis: &mut Vec<Vec<f64>>, vectors: &[Vec<f64>]) {
    for vector in vectors {
        let length = dot(vector, vector).sqrt();
        let mut rest = vector.clone();
        project_out(&mut rest, basis);
        let left = dot(&rest, &rest).sqrt();
        if left > 1e-10 * length {
            rest.iter_mut().for_each(|x| *x /= left);
            basis.push(rest);
        }
    }
}

/// The right singular vectors of the matrix with these rows, the largest singular value first, at most `count`
/// and only those whose singular value is above 1e-10 of the largest.
///
/// Rows that are turned until they are orthogonal are each a singular value times its vector.
pub fn singular_directions(mut rows: Vec<Vec<f64>>, count: usize) -> Vec<Vec<f64>> {
    orthogonalise(&mut rows, |_, _, _, _| ());
    let mut found: Vec<_> = rows.into_iter().map(|row| (dot(&row, &row).sqrt(), row)).collect();
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    let least = found.first().map_or(0.0, |(largest, _)| 1e-10 * largest);
    let kept = found.into_iter().take(count).filter(|(size, _)| *size > least);
    kept.map(|(size, row)| row.into_iter().map(|x| x / size).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::numbers;

    fn random(rows: usize, columns: usize, seed: u64) -> Vec<Vec<f64>> {
        numbers([rows, columns], -1.0, 1.0, seed).data().chunks(columns).map(<[f64]>::to_vec).collect()
    }

    fn assert_orthonormal(vectors: &[Vec<f64>]) {
        for (i, a) in vectors.iter().enumerate() {
            for (j, b) in vectors.iter().enumerate() {
                let expected = if i == j { 1.0 } else { 0.0 };
                assert!((dot(a, b) - expected).abs() < 1e-14);
            }
        }
    }

    #[test]
    fn what_is_in_the_span_already_adds_nothing() {
        let mut vectors = random(3, 5, 1);
        let sum = (0..5).map(|k| vectors[0][k] - 2.0 * vectors[2][k]).collect();
        vectors.push(sum);
        vectors.push(vec![0.0; 5]);
        let mut basis = Vec::new();
        extend(&mut basis, &vectors);
        assert_eq!(basis.len(), 3);
        assert_orthonormal(&basis);
        for vector in &mut vectors {
            project_out(vector, &basis);
            assert!(dot(vector, vector).sqrt() < 1e-14);
        }
    }

    /// Vectors that are nearly the same lose ten digits in one pass; the second restores them. And what counts as
    /// nothing is a matter of proportion.
    #[test]
    fn nearly_dependent_vectors_of_any_size_have_a_basis() {
        let vectors = random(3, 6, 4);
        let close: Vec<Vec<f64>> = (0..3)
            .map(|k| vectors[0].iter().zip(&vectors[k]).map(|(a, b)| a + 1e-7 * k as f64 * b).collect())
            .collect();
        for size in [1.0, 1e-20, 1e20] {
            let scaled: Vec<Vec<f64>> = close.iter().map(|v| v.iter().map(|x| size * x).collect()).collect();
            let mut basis = Vec::new();
            extend(&mut basis, &scaled);
            assert_eq!(basis.len(), 3, "at {size}");
            assert_orthonormal(&basis);
            // Twice the first is rounding away from the span of all.
            let double = scaled.iter().map(|v| v.iter().map(|x| 2.0 * x).collect()).collect::<Vec<_>>();
            extend(&mut basis, &double);
            assert_eq!(basis.len(), 3, "at {size}");
        }
    }

    /// `Aᵀ A v = σ² v`.
    #[test]
    fn singular_directions_are_eigenvectors() {
        let rows = random(4, 6, 2);
        let found = singular_directions(rows.clone(), 9);
        assert_eq!(found.len(), 4);
        assert_orthonormal(&found);
        let mut last = f64::INFINITY;
        for v in &found {
            let image: Vec<f64> = rows.iter().map(|row| dot(row, v)).collect();
            let back: Vec<f64> = (0..6).map(|k| (0..4).map(|i| image[i] * rows[i][k]).sum()).collect();
            let square = dot(v, &back);
            assert!(square <= last);
            last = square;
            for k in 0..6 {
                assert!((back[k] - square * v[k]).abs() < 1e-13);
            }
        }
        // Three rows of rank two, and none.
        let mut flat = random(2, 4, 3);
        flat.push((0..4).map(|k| flat[0][k] + flat[1][k]).collect());
        assert_eq!(singular_directions(flat, 3).len(), 2);
        assert!(singular_directions(vec![vec![0.0; 3]; 2], 2).is_empty());
    }
}
