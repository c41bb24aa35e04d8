//! What several families work out on the host.

use autograd::Shape;

/// `[examples, entries of one]`.
pub(crate) fn rows(shape: Shape) -> Shape {
    match shape.lengths() {
        [] => Shape::from([1, 1]),
        [examples, entries @ ..] => Shape::from([*examples, entries.iter().product()]),
    }
}

/// The position of the largest number, the first of equals. A NaN is never larger.
pub(crate) fn first_largest<T: PartialOrd>(numbers: &[T]) -> usize {
    (1..numbers.len()).fold(0, |best, i| if numbers[i] > numbers[best] { i } else { best })
}

/// `Σ aᵢ bᵢ`, in eight sums side by side, which a processor adds at once.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let (eights, rest) = a.as_chunks::<8>();
    let (other_eights, other_rest) = b.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for (a, b) in eights.iter().zip(other_eights) {
        sums.iter_mut().zip(a.iter().zip(b)).for_each(|(sum, (a, b))| *sum += a * b);
    }
    let rest: f64 = rest.iter().zip(other_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f64>() + rest
}

/// Turns pairs of vectors of one length until all are orthogonal: one-sided Jacobi (Hestenes, *J. SIAM* 6, 1958).
/// The vectors are then those of a singular value decomposition, each as long as its singular value. Each turn is
/// also handed to `turned`, as two positions, cosine and sine. What rounding leaves of a vector that depends on the
/// others, and that has no direction of its own, becomes 0. Returns the number of sweeps over all pairs.
pub(crate) fn orthogonalise(
    vectors: &mut [Vec<f64>],
    mut turned: impl FnMut(usize, usize, f64, f64),
) -> usize {
    // What rounding may leave of a sum of so many products that is 0: less is not turned again.
    let negligible = vectors.first().map_or(0, Vec::len) as f64 * f64::EPSILON;
    // Turns leave the sum of squares as it is.
    let floor = negligible * vectors.iter().map(|v| dot(v, v)).sum::<f64>().sqrt();
    // Convergence is quadratic: a handful of sweeps; the limit is for what rounding could keep turning, and for NaN.
    for sweep in 1..=60 {
        let mut any = false;
        for p in 0..vectors.len() {
            for q in p + 1..vectors.len() {
                let square = |v: &mut Vec<f64>| {
                    if dot(v, v).sqrt() <= floor {
                        v.fill(0.0);
                    }
                    dot(v, v)
                };
                let (a, b) = (square(&mut vectors[p]), square(&mut vectors[q]));
                let c = dot(&vectors[p], &vectors[q]);
                if c.abs() <= negligible * (a * b).sqrt() {
                    continue;
                }
                any = true;
                // tan of the angle that makes the pair orthogonal, the smaller one.
                let zeta = (b - a) / (2.0 * c);
                let tan = zeta.signum() / (zeta.abs() + zeta.hypot(1.0));
                let cos = 1.0 / tan.hypot(1.0);
                turn(vectors, p, q, cos, cos * tan);
                turned(p, q, cos, cos * tan);
            }
        }
        if !any {
            return sweep;
        }
    }
    60
}

/// Vectors `p < q` turned against each other.
pub(crate) fn turn(vectors: &mut [Vec<f64>], p: usize, q: usize, cos: f64, sin: f64) {
    let (left, right) = vectors.split_at_mut(q);
    for (x, y) in left[p].iter_mut().zip(&mut right[0]) {
        (*x, *y) = (cos * *x - sin * *y, sin * *x + cos * *y);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::numbers;
    use proptest::prelude::*;

    #[test]
    fn the_first_of_equals_is_the_largest() {
        assert_eq!(first_largest(&[1.0, 3.0, 3.0, f64::NAN]), 1);
        assert_eq!(first_largest(&[2u64, 2]), 0);
        assert_eq!(first_largest::<f64>(&[]), 0);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]

        /// However long the vectors are, a handful of sweeps: what rounding leaves is not turned again and again.
        #[test]
        fn vectors_become_orthogonal_in_a_handful_of_sweeps(
            count in 1usize..12, length in 1usize..900, seed: u64,
        ) {
            let mut vectors: Vec<Vec<f64>> =
                numbers([count, length], -1.0, 1.0, seed).data().chunks(length).map(<[f64]>::to_vec).collect();
            // The last of three or more depends on the others, half of the time.
            if count > 2 && seed % 2 == 0 {
                vectors[count - 1] = (0..length).map(|k| vectors[0][k] - 3.0 * vectors[1][k]).collect();
            }
            let before: f64 = vectors.iter().map(|v| dot(v, v)).sum();
            prop_assert!(orthogonalise(&mut vectors, |_, _, _, _| ()) <= 12);
            let after: f64 = vectors.iter().map(|v| dot(v, v)).sum();
            prop_assert!((after / before - 1.0).abs() < 1e-12);
            for (i, a) in vectors.iter().enumerate() {
                for b in &vectors[..i] {
                    // To rounding of the sums, beside the longest.
                    prop_assert!(dot(a, b).abs() <= 1e-15 * length as f64 * before);
                }
            }
        }

        #[test]
        fn a_product_of_vectors_is_its_plain_sum(length in 0usize..40, seed: u64) {
            let (a, b) = (numbers([length], -1.0, 1.0, seed), numbers([length], -1.0, 1.0, !seed));
            let plain: f64 = a.data().iter().zip(b.data()).map(|(a, b)| a * b).sum();
            prop_assert!((dot(a.data(), b.data()) - plain).abs() < 1e-14);
        }
    }

    #[test]
    fn what_is_not_finite_ends_too() {
        let mut vectors = vec![vec![f64::NAN, 1.0], vec![1.0, 2.0]];
        assert!(orthogonalise(&mut vectors, |_, _, _, _| ()) <= 60);
    }
}
