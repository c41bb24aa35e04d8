use super::*;
use crate::testing::{assert_close, check, numbers, value};
use proptest::prelude::*;

/// The iteration on plain numbers, for one example.
fn naive(x: &[f64], d: &[Vec<f64>], alpha: f64, step: f64, iterations: usize, fast: bool) -> Vec<f64> {
    let (mut h, mut start, mut t) = (vec![0.0; d.len()], vec![0.0; d.len()], 1.0f64);
    for _ in 0..iterations {
        let left: Vec<f64> =
            (0..x.len()).map(|f| (0..d.len()).map(|a| start[a] * d[a][f]).sum::<f64>() - x[f]).collect();
        let new: Vec<f64> = (0..d.len())
            .map(|a| {
                let slope: f64 = left.iter().zip(&d[a]).map(|(r, d)| r * d).sum();
                let v = start[a] - step * slope;
                v.signum() * (v.abs() - step * alpha).max(0.0)
            })
            .collect();
        let next = (1.0 + (1.0 + 4.0 * t * t).sqrt()) / 2.0;
        let factor = if fast { (t - 1.0) / next } else { 0.0 };
        t = next;
        start = new.iter().zip(&h).map(|(new, old)| new + factor * (new - old)).collect();
        h = new;
    }
    h
}

/// Coordinate descent: another algorithm for the same minimum.
fn by_coordinates(x: &[f64], d: &[Vec<f64>], alpha: f64) -> Vec<f64> {
    let mut h = vec![0.0; d.len()];
    for _ in 0..20_000 {
        for a in 0..d.len() {
            let left: Vec<f64> = (0..x.len())
                .map(|f| x[f] - (0..d.len()).filter(|&b| b != a).map(|b| h[b] * d[b][f]).sum::<f64>())
                .collect();
            let (dot, square): (f64, f64) =
                left.iter().zip(&d[a]).fold((0.0, 0.0), |(p, s), (r, d)| (p + r * d, s + d * d));
            h[a] = dot.signum() * (dot.abs() - alpha).max(0.0) / square;
        }
    }
    h
}

fn objective(x: &[f64], d: &[Vec<f64>], h: &[f64], alpha: f64) -> f64 {
    let square: f64 =
        (0..x.len()).map(|f| (x[f] - (0..d.len()).map(|a| h[a] * d[a][f]).sum::<f64>()).powi(2)).sum();
    square / 2.0 + alpha * h.iter().map(|h| h.abs()).sum::<f64>()
}

fn rows(d: &Tensor<f64>) -> Vec<Vec<f64>> {
    d.data().chunks(d.shape()[1]).map(<[f64]>::to_vec).collect()
}

type Unrolled = for<'g> fn(Var<'g, f64>, Var<'g, f64>, Var<'g, f64>, Var<'g, f64>, usize) -> Var<'g, f64>;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(60) })]

    #[test]
    fn unrolled_steps_are_those_of_the_formula(
        examples in 0usize..3, features in 1usize..5, atoms in 1usize..6, iterations in 0usize..7, seed: u64,
    ) {
        let (x, d) = (numbers([examples, features], -2.0, 2.0, seed), numbers([atoms, features], -1.0, 1.0, !seed));
        let (alpha, step) = (0.2, 0.15);
        for fast in [false, true] {
            let run: Unrolled = if fast { fista } else { ista };
            let values = [x.clone(), d.clone(), Tensor::scalar(alpha), Tensor::scalar(step)];
            let found = value(&values, |v| run(v[0], v[1], v[2], v[3], iterations));
            prop_assert_eq!(found.shape(), autograd::Shape::from([examples, atoms]));
            for (i, row) in x.data().chunks(features).enumerate() {
                let expected = naive(row, &rows(&d), alpha, step, iterations, fast);
                for (found, expected) in found.data()[i * atoms..][..atoms].iter().zip(&expected) {
                    // Seven steps of some ten roundings; FISTA enlarges them a little.
                    assert_close(*found, *expected, 1e-12);
                }
            }
        }
    }

    /// Orthonormal atoms: one step of size 1 is the soft threshold of the correlations, and the minimum.
    #[test]
    fn with_orthonormal_atoms_the_code_is_a_soft_threshold(side in 1usize..4, alpha in 0.01..1.0, seed: u64) {
        let (cosines, n) = (Dictionary::<f64>::cosine(side).unwrap(), side * side);
        let x = numbers([2, n], -2.0, 2.0, seed);
        let coded = SparseCoder::new(alpha).unwrap().tolerance(1e-13).unwrap().encode(&cosines, &x).unwrap();
        prop_assert!(coded.converged);
        // Without a tolerance: forty steps, each of which leaves about a hundredth.
        let exact = SparseCoder::new(alpha).unwrap().tolerance(0.0).unwrap().iterations(40);
        let exact = exact.encode(&cosines, &x).unwrap();
        let threshold = |row: &[f64], atom: &Vec<f64>| {
            let dot: f64 = atom.iter().zip(row).map(|(a, x)| a * x).sum();
            dot.signum() * (dot.abs() - alpha).max(0.0)
        };
        let atoms = rows(cosines.atoms());
        let expected: Vec<f64> =
            x.data().chunks(n).flat_map(|row| atoms.iter().map(move |atom| threshold(row, atom))).collect();
        prop_assert_eq!((coded.codes.data().len(), exact.codes.data().len()), (expected.len(), expected.len()));
        for ((coded, exact), expected) in coded.codes.data().iter().zip(exact.codes.data()).zip(&expected) {
            // The gap of 1e-13 · ½‖x‖² bounds the square of the error.
            assert_close(*coded, *expected, 1e-5);
            assert_close(*exact, *expected, 1e-12);
        }
        for iterations in [1, 2, 5] {
            let values =
                [x.clone(), cosines.atoms().clone(), Tensor::scalar(alpha), Tensor::scalar(1.0)];
            for run in [ista as Unrolled, fista] {
                let found = value(&values, |v| run(v[0], v[1], v[2], v[3], iterations));
                prop_assert_eq!(found.data().len(), expected.len());
                for (found, expected) in found.data().iter().zip(&expected) {
                    // Sums of nine products below 2.
                    assert_close(*found, *expected, 1e-13);
                }
            }
        }
    }

    /// The gap is a bound: the objective is no more above that of coordinate descent.
    #[test]
    fn the_gap_bounds_the_distance_from_the_minimum(iterations in 0usize..60, seed: u64) {
        let (x, alpha) = (numbers([2, 4], -2.0, 2.0, seed), 0.3);
        let dictionary = Dictionary::new(numbers([6, 4], -1.0, 1.0, !seed)).unwrap();
        let coder = SparseCoder::new(alpha).unwrap().tolerance(0.0).unwrap().iterations(iterations);
        let found = coder.encode(&dictionary, &x).unwrap();
        prop_assert!(found.iterations <= iterations);
        for i in 0..2 {
            let (row, d) = (&x.data()[i * 4..][..4], rows(dictionary.atoms()));
            let best = objective(row, &d, &by_coordinates(row, &d, alpha), alpha);
            let above = objective(row, &d, &found.codes.data()[i * 6..][..6], alpha) - best;
            prop_assert!(above >= -1e-12 && above <= found.gap + 1e-12, "{} {}", above, found.gap);
        }
    }
}

#[test]
fn the_protocol_finds_the_minimum() {
    let (x, alpha) = (numbers([3, 4], -2.0, 2.0, 1), 0.3);
    let dictionary = Dictionary::new(numbers([6, 4], -1.0, 1.0, 2)).unwrap();
    let coder = SparseCoder::new(alpha).unwrap().tolerance(1e-12).unwrap().iterations(20_000);
    let found = coder.encode(&dictionary, &x).unwrap();
    assert!(found.converged, "{found:?}");
    for i in 0..3 {
        let row = &x.data()[i * 4..][..4];
        let expected = by_coordinates(row, &rows(dictionary.atoms()), alpha);
        for (found, expected) in found.codes.data()[i * 6..][..6].iter().zip(&expected) {
            // A gap of 1e-12 times a few is the square of the distance, times the smallest curvature.
            assert!((found - expected).abs() < 1e-5, "{found} {expected}");
        }
    }
}

/// The compiled steps are FISTA's, and after so many of them where the unrolled ones are.
#[test]
fn the_protocol_takes_the_unrolled_steps() {
    let (x, alpha) = (numbers([3, 4], -2.0, 2.0, 1), 0.3);
    let dictionary = Dictionary::new(numbers([6, 4], -1.0, 1.0, 2)).unwrap();
    for steps in [1, 2, 5, 13] {
        let coder = SparseCoder::new(alpha).unwrap().tolerance(0.0).unwrap().iterations(steps);
        let found = coder.encode(&dictionary, &x).unwrap();
        let step = Tensor::scalar(1.0 / dictionary.curvature());
        let values = [x.clone(), dictionary.atoms().clone(), Tensor::scalar(alpha), step];
        let expected = value(&values, |v| fista(v[0], v[1], v[2], v[3], steps));
        for (a, b) in found.codes.data().iter().zip(expected.data()) {
            assert_close(*a, *b, 1e-13);
        }
    }
}

/// FISTA's gap after 100 steps is far below ISTA's, where atoms resemble each other.
#[test]
fn momentum_is_faster() {
    let x = numbers([1, 12], -2.0, 2.0, 1);
    let alike = numbers([8, 12], 0.8, 1.2, 2);
    let dictionary = Dictionary::new(alike).unwrap();
    let d = rows(dictionary.atoms());
    let (alpha, step) = (0.01, 1.0 / dictionary.curvature());
    let best = objective(x.data(), &d, &by_coordinates(x.data(), &d, alpha), alpha);
    let after = |run: Unrolled| {
        let values = [x.clone(), dictionary.atoms().clone(), Tensor::scalar(alpha), Tensor::scalar(step)];
        objective(x.data(), &d, value(&values, |v| run(v[0], v[1], v[2], v[3], 100)).data(), alpha) - best
    };
    let (slow, fast) = (after(ista), after(fista));
    assert!(fast < 0.2 * slow, "ISTA {slow}, FISTA {fast}");
}

#[test]
fn derivatives_in_everything_are_right() {
    for run in [ista as Unrolled, fista] {
        let values = [
            numbers([2, 3], -2.0, 2.0, 3),
            numbers([4, 3], -1.0, 1.0, 4),
            Tensor::scalar(0.1),
            Tensor::scalar(0.3),
        ];
        check("unrolled shrinkage", &values, |v| run(v[0], v[1], v[2], v[3], 3).powi(2).sum());
    }
}

#[test]
fn no_steps_are_no_code() {
    let values = [numbers([2, 3], -1.0, 1.0, 1), numbers([4, 3], -1.0, 1.0, 2)];
    let found =
        value(&values, |v| ista(v[0], v[1], v[0].graph().fill([], 0.1), v[0].graph().fill([], 0.1), 0));
    assert_eq!(found, Tensor::zeros([2, 4]));
    // A penalty above every correlation: the code is 0, proven at once.
    let found = SparseCoder::new(100.0)
        .unwrap()
        .encode(&Dictionary::cosine(2).unwrap(), &numbers([3, 4], -1.0, 1.0, 1));
    let found = found.unwrap();
    assert!(found.converged && found.iterations == 0 && found.codes == Tensor::zeros([3, 4]));
    let nothing =
        SparseCoder::new(1.0).unwrap().encode(&Dictionary::<f64>::cosine(2).unwrap(), &Tensor::zeros([0, 4]));
    assert!(nothing.unwrap().converged);
}

#[test]
fn bad_requests_are_refused() {
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let error = SparseCoder::new(bad).unwrap_err().to_string();
        assert_eq!(error, format!("the coefficient of sparse codes is {bad}, it must be finite and above 0"));
    }
    let coder = SparseCoder::new(1.0).unwrap();
    for bad in [-1.0, f64::NAN] {
        let error = coder.tolerance(bad).unwrap_err().to_string();
        assert_eq!(error, format!("the tolerance of the gap is {bad}, it must be at least 0"));
    }
    let error =
        coder.encode(&Dictionary::<f64>::cosine(2).unwrap(), &Tensor::zeros([1, 3])).unwrap_err().to_string();
    assert_eq!(error, "the examples have shape [1, 3], not [1, 4]");
    let broken = Tensor::full([1, 4], f64::INFINITY);
    let error = coder.encode(&Dictionary::cosine(2).unwrap(), &broken).unwrap_err().to_string();
    assert_eq!(error, "element 0 of the examples is inf");
}

#[test]
#[should_panic(expected = "ista: the coefficient is a scalar, not [1]")]
fn the_coefficient_has_no_axes() {
    value(&[numbers([2, 3], 0.0, 1.0, 1), numbers([4, 3], 0.0, 1.0, 2), Tensor::zeros([1])], |v| {
        ista(v[0], v[1], v[2], v[2], 1)
    });
}

#[test]
#[should_panic(expected = "fista: examples of shape [2, 3] and atoms of shape [4, 2]")]
fn atoms_are_of_the_examples_features() {
    value(&[numbers([2, 3], 0.0, 1.0, 1), numbers([4, 2], 0.0, 1.0, 2), Tensor::scalar(0.1)], |v| {
        fista(v[0], v[1], v[2], v[2], 1)
    });
}
