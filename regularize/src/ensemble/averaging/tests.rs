use super::*;
use crate::testing::{assert_close, check, numbers, value};
use autograd::{Graph, Tensor};
use proptest::prelude::*;

const BOTH: [Average; 2] = [Average::Arithmetic, Average::Geometric];

/// The softmax of one row, the plain way.
fn softmax(row: &[f64]) -> Vec<f64> {
    let sum: f64 = row.iter().map(|x| x.exp()).sum();
    row.iter().map(|x| x.exp() / sum).collect()
}

fn members(k: usize, shape: [usize; 2], seed: u64) -> Vec<Tensor<f64>> {
    (0..k as u64).map(|i| numbers(shape, -3.0, 3.0, seed.wrapping_add(i))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]

    #[test]
    fn means_are_those_of_the_definition(k in 1usize..5, rows in 0usize..4, classes in 1usize..5, seed: u64) {
        let logits = members(k, [rows, classes], seed);
        let found = BOTH.map(|mean| value(&logits, |x| mean.probabilities(x)));
        let logs = BOTH.map(|mean| value(&logits, |x| mean.log_probabilities(x)));
        for row in 0..rows {
            let range = row * classes..(row + 1) * classes;
            let each: Vec<_> = logits.iter().map(|l| softmax(&l.data()[range.clone()])).collect();
            let arithmetic: Vec<f64> =
                (0..classes).map(|c| each.iter().map(|p| p[c]).sum::<f64>() / k as f64).collect();
            let product: Vec<f64> =
                (0..classes).map(|c| each.iter().map(|p| p[c]).product::<f64>().powf(1.0 / k as f64)).collect();
            let z: f64 = product.iter().sum();
            for c in 0..classes {
                let expected = [arithmetic[c], product[c] / z];
                for i in 0..2 {
                    // Some twenty roundings of numbers below 1, and logarithms below 10.
                    assert_close(found[i].data()[range.start + c], expected[i], 1e-13);
                    assert_close(logs[i].data()[range.start + c], expected[i].ln(), 1e-13);
                }
            }
        }
    }

    /// A permutation of the members changes nothing, nor does one of the examples but their order.
    #[test]
    fn order_does_not_matter(seed: u64) {
        let mut logits = members(3, [2, 3], seed);
        for mean in BOTH {
            let before = value(&logits, |x| mean.probabilities(x));
            logits.rotate_left(1);
            let after = value(&logits, |x| mean.probabilities(x));
            let swapped: Vec<_> = logits.iter().map(|l| l.rows(&[1, 0])).collect();
            let swapped = value(&swapped, |x| mean.probabilities(x)).rows(&[1, 0]);
            for i in 0..6 {
                assert_close(after.data()[i], before.data()[i], 1e-14);
            }
            prop_assert_eq!(swapped, after);
        }
    }

    /// Each mean is the distribution that is nearest to the members, in its own sense.
    #[test]
    fn each_mean_is_the_nearest_distribution(seed: u64) {
        let logits = members(3, [1, 4], seed);
        let each: Vec<_> = logits.iter().map(|l| softmax(l.data())).collect();
        let divergence = |p: &[f64], q: &[f64]| -> f64 { p.iter().zip(q).map(|(p, q)| p * (p / q).ln()).sum() };
        let to_members = |p: &[f64]| -> f64 { each.iter().map(|q| divergence(p, q)).sum() };
        let from_members = |p: &[f64]| -> f64 { each.iter().map(|q| divergence(q, p)).sum() };
        let [arithmetic, geometric] =
            BOTH.map(|mean| value(&logits, |x| mean.probabilities(x)).into_data());
        for other in 0..20u64 {
            let other = softmax(numbers([4], -2.0, 2.0, seed ^ (other + 1)).data());
            prop_assert!(from_members(&arithmetic) <= from_members(&other) + 1e-12);
            prop_assert!(to_members(&geometric) <= to_members(&other) + 1e-12);
        }
    }
}

#[test]
fn derivatives_are_right() {
    for (k, rows, classes) in [(2, 1, 2), (3, 2, 4), (4, 1, 2)] {
        for mean in BOTH {
            let logits = members(k, [rows, classes], 5);
            check(&format!("{mean:?} of {k}"), &logits, |x| {
                let weights = x[0].graph().constant(numbers([rows, classes], 0.5, 2.0, 9));
                (mean.log_probabilities(x) * weights).sum() + (mean.probabilities(x) * weights).powi(2).sum()
            });
        }
    }
}

#[test]
fn one_member_is_itself() {
    let graph = Graph::<f64>::new();
    let logits = graph.input("logits", [2, 3]);
    for mean in BOTH {
        let before = graph.len();
        mean.log_probabilities(&[logits]);
        let recorded = graph.len() - before;
        logits.log_softmax();
        assert_eq!(graph.len() - before, 2 * recorded);
    }
    let x = [numbers([2, 3], -3.0, 3.0, 1)];
    assert_eq!(value(&x, |x| Average::Geometric.probabilities(x)), value(&x, |x| x[0].softmax()));
}

/// Probabilities that are 0 in f64 still have logarithms.
#[test]
fn nothing_underflows() {
    let logits = vec![Tensor::new([1, 2], vec![2000.0, 0.0]), Tensor::new([1, 2], vec![1000.0, 0.0])];
    let arithmetic = value(&logits, |x| Average::Arithmetic.log_probabilities(x));
    assert_eq!(arithmetic.data(), [0.0, -1000.0 - 2f64.ln()]);
    assert_eq!(value(&logits, |x| Average::Geometric.log_probabilities(x)).data(), [0.0, -1500.0]);
}

#[test]
#[should_panic(expected = "the mean of no distributions")]
fn no_members_have_no_mean() {
    Average::Arithmetic.probabilities::<f64>(&[]);
}
