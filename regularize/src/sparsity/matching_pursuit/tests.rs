use super::*;
use crate::testing::{assert_close, check, numbers, value};
use proptest::prelude::*;

/// Solves `A c = b` by elimination with pivots.
fn solve(mut a: Vec<Vec<f64>>, mut b: Vec<f64>) -> Vec<f64> {
    let n = b.len();
    for column in 0..n {
        let pivot = (column..n).max_by(|&i, &j| a[i][column].abs().total_cmp(&a[j][column].abs())).unwrap();
        a.swap(column, pivot);
        b.swap(column, pivot);
        for row in 0..n {
            if row != column {
                let factor = a[row][column] / a[column][column];
                let pivot = a[column].clone();
                a[row].iter_mut().zip(&pivot).for_each(|(a, pivot)| *a -= factor * pivot);
                b[row] -= factor * b[column];
            }
        }
    }
    (0..n).map(|i| b[i] / a[i][i]).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The pursuit by normal equations, solved anew for each atom. `None` where a step was a close call.
fn naive(x: &[f64], atoms: &[Vec<f64>], k: usize) -> Option<Vec<f64>> {
    let (mut taken, mut left, mut code) = (Vec::<usize>::new(), x.to_vec(), vec![0.0; atoms.len()]);
    for _ in 0..k {
        let score = |a: usize| dot(&atoms[a], &left).abs() / dot(&atoms[a], &atoms[a]).sqrt();
        let mut open: Vec<usize> = (0..atoms.len()).filter(|a| !taken.contains(a)).collect();
        open.sort_by(|&a, &b| score(b).total_cmp(&score(a)));
        if score(open[0]) < 1e-6 || (open.len() > 1 && score(open[0]) - score(open[1]) < 1e-6) {
            return None;
        }
        taken.push(open[0]);
        let gram = |&i: &usize| taken.iter().map(|&j| dot(&atoms[i], &atoms[j])).collect::<Vec<f64>>();
        let target: Vec<f64> = taken.iter().map(|&i| dot(&atoms[i], x)).collect();
        let solution = solve(taken.iter().map(gram).collect(), target);
        code.fill(0.0);
        left = x.to_vec();
        for (&atom, &coefficient) in taken.iter().zip(&solution) {
            code[atom] = coefficient;
            left.iter_mut().zip(&atoms[atom]).for_each(|(left, d)| *left -= coefficient * d);
        }
    }
    Some(code)
}

/// Rows of a matrix turned by random plane rotations: orthonormal to rounding.
fn orthonormal(n: usize, seed: u64) -> Vec<Vec<f64>> {
    let mut rows: Vec<Vec<f64>> =
        (0..n).map(|i| (0..n).map(|j| f64::from(u8::from(i == j))).collect()).collect();
    let angles = numbers([n * n], 0.0, 6.0, seed);
    for i in 0..n {
        for j in 0..i {
            let (sin, cos) = angles.data()[i * n + j].sin_cos();
            let (before, from) = rows.split_at_mut(i);
            for (a, b) in from[0].iter_mut().zip(&mut before[j]) {
                (*a, *b) = (cos * *a - sin * *b, sin * *a + cos * *b);
            }
        }
    }
    rows
}

fn encoded(x: &Tensor<f64>, atoms: &[Vec<f64>], k: usize) -> Tensor<f64> {
    let d = Tensor::new([atoms.len(), atoms[0].len()], atoms.concat());
    value(&[x.clone(), d], |v| matching_pursuit(v[0], v[1], k))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(60) })]

    #[test]
    fn codes_are_those_of_normal_equations(
        examples in 0usize..4, features in 1usize..6, atoms in 1usize..8, k in 0usize..4, seed: u64,
    ) {
        // No more atoms than are independent: beyond that there is nothing left.
        let k = k.min(atoms).min(features);
        let x = numbers([examples, features], -2.0, 2.0, seed);
        let d = numbers([atoms, features], -1.0, 1.0, !seed);
        let rows: Vec<Vec<f64>> = d.data().chunks(features).map(<[f64]>::to_vec).collect();
        prop_assume!(rows.iter().all(|row| dot(row, row) > 1e-2));
        let found = encoded(&x, &rows, k);
        for (i, row) in x.data().chunks(features).enumerate() {
            let Some(expected) = naive(row, &rows, k) else { continue };
            let size = expected.iter().fold(1.0, |m: f64, c| m.max(c.abs()));
            prop_assume!(size < 1e3);
            for (found, expected) in found.data()[i * atoms..][..atoms].iter().zip(&expected) {
                // Nearly dependent atoms enlarge the rounding by the square of the codes they lead to.
                prop_assert!((found - expected).abs() <= 1e-11 * size * size, "{} {}", found, expected);
                prop_assert_eq!(*found == 0.0, *expected == 0.0);
            }
        }
    }

    /// Orthonormal atoms: the `k` largest entries of `x Dᵀ`, and those entries.
    #[test]
    fn with_orthonormal_atoms_the_k_largest_stay(n in 1usize..7, k in 1usize..7, seed: u64) {
        let (k, rows, x) = (k.min(n), orthonormal(n, seed), numbers([1, n], -2.0, 2.0, !seed));
        let correlations: Vec<f64> = rows.iter().map(|row| dot(row, x.data())).collect();
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(|&a, &b| correlations[b].abs().total_cmp(&correlations[a].abs()));
        let found = encoded(&x, &rows, k);
        for (rank, &atom) in order.iter().enumerate() {
            let expected = if rank < k { correlations[atom] } else { 0.0 };
            // Some n² roundings of numbers below 6.
            prop_assert!((found.data()[atom] - expected).abs() < 1e-13);
        }
    }

    /// What is left is at right angles to every atom used; a row alone is that row of a batch.
    #[test]
    fn what_is_left_is_orthogonal_to_the_atoms_used(k in 1usize..4, seed: u64) {
        let x = numbers([3, 5], -2.0, 2.0, seed);
        let dictionary = Dictionary::new(numbers([9, 5], -1.0, 1.0, !seed)).unwrap();
        let pursuit = MatchingPursuit::new(k).unwrap();
        let codes = pursuit.encode(&dictionary, &x).unwrap();
        let decoded = dictionary.decode(&codes).unwrap();
        for i in 0..3 {
            let left: Vec<f64> = (0..5).map(|f| x.data()[i * 5 + f] - decoded.data()[i * 5 + f]).collect();
            let code = &codes.data()[i * 9..][..9];
            prop_assert!(code.iter().filter(|&&c| c != 0.0).count() <= k);
            let size = code.iter().fold(1.0, |m: f64, c| m.max(c.abs()));
            for a in (0..9).filter(|&a| code[a] != 0.0) {
                prop_assert!(dot(&dictionary.atoms().data()[a * 5..][..5], &left).abs() < 1e-12 * size * size);
            }
            let alone = pursuit.encode(&dictionary, &x.rows(&[i])).unwrap();
            for (a, b) in alone.data().iter().zip(code) {
                prop_assert!((a - b).abs() < 1e-11 * size * size);
            }
        }
    }
}

#[test]
fn derivatives_in_examples_and_atoms_are_right() {
    for (features, atoms, k) in [(3, 5, 2), (4, 4, 1), (3, 4, 3)] {
        let values = [numbers([2, features], -2.0, 2.0, 3), numbers([atoms, features], -1.0, 1.0, 4)];
        let weights = numbers([2, atoms], 0.5, 2.0, 6);
        // The cubes give the atoms that are not used an influence.
        check("matching pursuit", &values, |x| {
            let weights = x[0].graph().constant(weights.clone());
            (matching_pursuit(x[0], x[1], k) * weights).powi(2).sum() + x[1].powi(3).sum()
        });
    }
}

/// Examples that fewer atoms explain: no atoms are made up from rounding.
#[test]
fn codes_end_when_nothing_is_left() {
    let dictionary = Dictionary::new(numbers([6, 4], -1.0, 1.0, 8)).unwrap();
    let mut code = Tensor::zeros([3, 6]);
    code.data_mut()[2] = 1.5;
    code.data_mut()[6 + 4] = -0.5;
    let x = dictionary.decode(&code).unwrap();
    let found = MatchingPursuit::new(3).unwrap().encode(&dictionary, &x).unwrap();
    for (found, expected) in found.data().iter().zip(code.data()) {
        assert_close(*found, *expected, 1e-14);
        assert_eq!(*found == 0.0, *expected == 0.0);
    }
    let single = MatchingPursuit::new(3).unwrap();
    let dictionary = Dictionary::new(dictionary.atoms().cast::<f32>()).unwrap();
    let found = single.encode(&dictionary, &x.cast::<f32>()).unwrap();
    assert_eq!(found.data().iter().filter(|&&c| c != 0.0).count(), 2);
}

/// The same atom twice: the second is no new direction.
#[test]
fn an_atom_that_is_contained_gets_nothing() {
    let rows = [vec![1.0, 0.0], vec![1.0, 0.0], vec![0.6, 0.8]];
    let found = encoded(&Tensor::new([1, 2], vec![2.0, 1.0]), &rows, 3);
    assert!(found.data().iter().all(|c| c.is_finite()));
    assert_eq!(found.data()[1], 0.0);
    let decoded: Vec<f64> = (0..2).map(|f| (0..3).map(|a| found.data()[a] * rows[a][f]).sum()).collect();
    assert_close(decoded[0], 2.0, 1e-14);
    assert_close(decoded[1], 1.0, 1e-14);
}

#[test]
fn the_first_of_equals_is_taken() {
    let rows = [vec![0.0, 1.0], vec![1.0, 0.0]];
    assert_eq!(encoded(&Tensor::new([1, 2], vec![3.0, 3.0]), &rows, 1).data(), [3.0, 0.0]);
    assert_eq!(encoded(&Tensor::new([1, 2], vec![3.0, 3.0]), &rows, 0).data(), [0.0, 0.0]);
}

#[test]
fn bad_requests_are_refused() {
    let error = MatchingPursuit::new(0).unwrap_err().to_string();
    assert_eq!(error, "the number of atoms in a code is 0, it must be at least 1");
    let (pursuit, cosines) = (MatchingPursuit::new(2).unwrap(), Dictionary::<f64>::cosine(2).unwrap());
    let error = pursuit.encode(&cosines, &Tensor::zeros([2, 3])).unwrap_err().to_string();
    assert_eq!(error, "the examples have shape [2, 3], not [2, 4]");
    let error = pursuit.encode(&cosines, &Tensor::full([1, 4], f64::NAN)).unwrap_err().to_string();
    assert_eq!(error, "element 0 of the examples is NaN");
    // All atoms are enough.
    assert!(MatchingPursuit::new(99).unwrap().encode(&cosines, &Tensor::zeros([1, 4])).is_ok());
}

#[test]
#[should_panic(expected = "matching pursuit: 3 of 2 atoms")]
fn there_are_no_more_atoms_than_there_are() {
    encoded(&Tensor::zeros([1, 2]), &[vec![0.0, 1.0], vec![1.0, 0.0]], 3);
}
