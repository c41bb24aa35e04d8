use super::*;
use crate::testing::{assert_close, check, descend_from, numbers, value};
use autograd::{Shape, grad};
use nn::Optimiser;
use nn::initialise::{Initialiser, initial_value};
use proptest::prelude::*;

const ALL: [Gram; 6] =
    [Gram::Columns, Gram::Rows, Gram::Shorter, Gram::Both, Gram::OffDiagonal, Gram::Coherence];

fn entry(w: &Tensor<f64>, columns: usize, row: usize, column: usize) -> f64 {
    w.data()[row * columns + column]
}

/// `(W* W - I)ᵢⱼ` by the sum over the other axis.
fn deviations(w: &Tensor<f64>, of_columns: bool) -> Vec<Vec<f64>> {
    let columns = w.shape().last();
    let rows = w.shape().lengths()[..w.shape().rank() - 1].iter().product();
    let (n, other) = if of_columns { (columns, rows) } else { (rows, columns) };
    let at = |i, k| if of_columns { entry(w, columns, k, i) } else { entry(w, columns, i, k) };
    let product = |i, j| (0..other).map(|k| at(i, k) * at(j, k)).sum::<f64>();
    (0..n).map(|i| (0..n).map(|j| product(i, j) - f64::from(u8::from(i == j))).collect()).collect()
}

fn naive(w: &Tensor<f64>, gram: Gram) -> f64 {
    let squares = |d: &[Vec<f64>]| d.iter().flatten().map(|d| d * d).sum::<f64>();
    let (columns, rows) = (deviations(w, true), deviations(w, false));
    match gram {
        Gram::Columns => squares(&columns),
        Gram::Rows => squares(&rows),
        Gram::Shorter => squares(if rows.len() < columns.len() { &rows } else { &columns }),
        Gram::Both => squares(&columns) + squares(&rows),
        Gram::OffDiagonal => {
            let n = columns.len();
            (0..n)
                .flat_map(|i| (0..n).map(move |j| (i, j)))
                .filter(|(i, j)| i != j)
                .map(|(i, j)| columns[i][j].powi(2))
                .sum()
        }
        Gram::Coherence => columns.iter().flatten().fold(0.0, |m, d| m.max(d.abs())),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]

    #[test]
    fn the_value_is_the_distance_of_the_products_from_the_identity(
        lengths in prop::collection::vec(0usize..4, 2..4), alpha in 0.0..2.0, seed: u64,
    ) {
        let w = numbers(Shape::new(&lengths), -1.5, 1.5, seed);
        for gram in ALL {
            let penalty = Orthogonality::new(alpha).unwrap().of(gram);
            let found = value(std::slice::from_ref(&w), |x| penalty.value(x[0])).item();
            // Up to a hundred terms of order ten, added in another order.
            assert_close(found, alpha * naive(&w, gram), 1e-13);
        }
    }

    #[test]
    fn the_gradient_is_the_printed_one(rows in 1usize..5, columns in 1usize..4, seed: u64) {
        let w = numbers([rows, columns], -1.5, 1.5, seed);
        let found = value(std::slice::from_ref(&w), |x| {
            grad(Orthogonality::new(0.3).unwrap().value(x[0]), &[x[0]])[0]
        });
        let d = deviations(&w, true);
        for row in 0..rows {
            for (column, _) in d.iter().enumerate() {
                let sum: f64 = (0..columns).map(|k| entry(&w, columns, row, k) * d[k][column]).sum();
                // A dozen terms of order ten.
                assert_close(entry(&found, columns, row, column), 4.0 * 0.3 * sum, 1e-13);
            }
        }
    }
}

#[test]
fn derivatives_in_weights_and_coefficient_are_right() {
    for gram in ALL {
        for shape in [vec![3, 2], vec![2, 3], vec![2, 1, 2, 2]] {
            let values = [numbers(Shape::new(&shape), -1.5, 1.5, 1), Tensor::scalar(0.7)];
            check(&format!("{gram:?}"), &values, |x| orthogonality_penalty(x[0], x[1], gram));
        }
    }
}

#[test]
fn an_orthogonal_matrix_costs_nothing_and_stays() {
    for (shape, free) in [
        ([4, 4], &ALL[..]),
        ([5, 3], &[Gram::Columns, Gram::Shorter, Gram::OffDiagonal, Gram::Coherence]),
        ([3, 5], &[Gram::Rows, Gram::Shorter]),
    ] {
        let w = initial_value::<f64>(Initialiser::Orthogonal { gain: 1.0 }, 1, "w", shape.into());
        for &gram in free {
            let found =
                value(std::slice::from_ref(&w), |x| Orthogonality::new(1.0).unwrap().of(gram).value(x[0]));
            // The matrix is orthogonal to a few roundings.
            assert!(found.item() < 1e-14, "{gram:?}: {}", found.item());
        }
    }
    // Columns of other lengths: not orthonormal, but orthogonal.
    let w = Tensor::new([2, 2], vec![3.0, 0.0, 0.0, 0.5]);
    let of = |gram| {
        value(std::slice::from_ref(&w), |x| Orthogonality::new(1.0).unwrap().of(gram).value(x[0])).item()
    };
    assert_eq!(of(Gram::OffDiagonal), 0.0);
    assert_eq!(of(Gram::Columns), 64.0 + 0.75 * 0.75);
}

/// Along the singular directions: descent brings every singular value to 1, so that the columns end
/// orthonormal and spanning what they spanned before.
#[test]
fn descent_makes_all_singular_values_one() {
    let start = numbers([4, 3], -1.0, 1.0, 5);
    let penalty = Orthogonality::new(0.25).unwrap();
    // Near 1 a singular value's error shrinks by 1 - 0.2 · 0.25 · 8 in a step; the start has none near 0.
    let w = descend_from(&start, 400, &Optimiser::sgd(0.2), |w| penalty.value(w));
    for (i, row) in deviations(&w, true).iter().enumerate() {
        for (j, d) in row.iter().enumerate() {
            assert!(d.abs() < 1e-14, "({i}, {j}): {d}");
        }
    }
}

#[test]
fn coefficients_are_checked_and_zero_is_none() {
    for alpha in [-1.0, f64::NAN, f64::INFINITY] {
        let error = Orthogonality::new(alpha).unwrap_err().to_string();
        assert_eq!(
            error,
            format!("the orthogonality coefficient is {alpha}, it must be finite and at least 0")
        );
    }
    assert!(Penalty::<f64>::is_zero(&Orthogonality::new(0.0).unwrap()));
}

#[test]
#[should_panic(expected = "orthogonality_penalty: a matrix or a kernel is needed, not [3]")]
fn a_vector_has_no_columns() {
    value(&[Tensor::zeros([3])], |x| Orthogonality::new(1.0).unwrap().value(x[0]));
}
