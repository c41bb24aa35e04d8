use super::*;
use crate::testing::{assert_close, check, numbers, value};
use autograd::{Graph, Tensor, grad};
use proptest::prelude::*;

/// Probabilities of each row, each divided by its sum.
fn softmax(logits: &[f64]) -> Vec<f64> {
    let total: f64 = logits.iter().map(|z| z.exp()).sum();
    logits.iter().map(|z| z.exp() / total).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(32) })]

    #[test]
    fn the_value_is_the_sum_over_classes(n in 0usize..4, m in 0usize..3, k in 1usize..5, seed: u64) {
        let logits = numbers([n, m, k], -3.0, 3.0, seed);
        let found = value(std::slice::from_ref(&logits), |x| entropy(x[0]));
        prop_assert_eq!(found.shape(), autograd::Shape::from([n, m]));
        for (row, found) in logits.data().chunks(k).zip(found.data()) {
            let expected: f64 = softmax(row).iter().map(|p| p * p.recip().ln()).sum();
            assert_close(*found, expected, 1e-14);
        }
    }

    /// `∂H/∂zₖ = -pₖ (ln pₖ + H)`.
    #[test]
    fn the_gradient_is_the_closed_form(n in 1usize..4, k in 1usize..5, seed: u64) {
        let logits = numbers([n, k], -3.0, 3.0, seed);
        let found = value(std::slice::from_ref(&logits), |x| grad(entropy(x[0]).sum(), &[x[0]])[0]);
        for (row, found) in logits.data().chunks(k).zip(found.data().chunks(k)) {
            let p = softmax(row);
            let h: f64 = p.iter().map(|p| -p * p.ln()).sum();
            p.iter().zip(found).for_each(|(p, g)| assert_close(*g, -p * (p.ln() + h), 1e-13));
        }
    }
}

#[test]
fn derivatives_are_right() {
    for (n, k) in [(1, 1), (2, 3), (3, 2)] {
        check("entropy", &[numbers([n, k], -2.0, 2.0, 7)], |x| {
            EntropyMinimisation::new(0.7).unwrap().added_to(x[0].powi(2).sum(), x[0])
        });
    }
}

#[test]
fn rows_are_each_by_themselves_and_extremes_are_finite() {
    let logits = Tensor::new([3, 2], vec![1e5, -1e5, 0.5, 0.25, 0.25, 0.5]);
    let found = value(&[logits], |x| entropy(x[0]));
    assert_eq!(found.data()[0], 0.0);
    assert_eq!(found.data()[1], found.data()[2]);
}

#[test]
fn no_weight_records_nothing() {
    let graph = Graph::<f64>::new();
    let (loss, logits) = (graph.scalar("loss"), graph.input("z", [2, 3]));
    let before = graph.len();
    assert_eq!(EntropyMinimisation::new(0.0).unwrap().added_to(loss, logits).id(), loss.id());
    assert_eq!(graph.len(), before);
}

#[test]
fn the_weight_is_checked() {
    for bad in [-0.1, f64::NAN, f64::INFINITY] {
        assert!(EntropyMinimisation::new(bad).is_err());
    }
}
