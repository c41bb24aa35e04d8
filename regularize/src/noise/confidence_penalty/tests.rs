use super::*;
use crate::testing::{assert_close, check, descend, numbers, value};
use autograd::{Graph, Tensor, grad};
use nn::Optimiser;
use proptest::prelude::*;

fn penalty(beta: f64) -> ConfidencePenalty {
    ConfidencePenalty::new(beta).unwrap()
}

fn softmax(z: &[f64]) -> Vec<f64> {
    let total: f64 = z.iter().map(|z| z.exp()).sum();
    z.iter().map(|z| z.exp() / total).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]

    /// Value and gradient by the formulas: the negative entropy, and `pᵢ (ln pᵢ + H)`.
    #[test]
    fn value_and_gradient_are_those_of_the_negative_entropy(
        n in 1usize..4, classes in 1usize..6, beta in 0.1..2.0, seed: u64,
    ) {
        let z = numbers([n, classes], -3.0, 3.0, seed);
        let found = value(std::slice::from_ref(&z), |v| penalty(beta).value(v[0])).item();
        let slope = value(std::slice::from_ref(&z), |v| grad(penalty(beta).value(v[0]), &[v[0]])[0]);
        let mut sum = 0.0;
        for row in 0..n {
            let p = softmax(&z.data()[row * classes..][..classes]);
            let entropy: f64 = -p.iter().map(|p| p * p.ln()).sum::<f64>();
            sum -= beta * entropy / n as f64;
            for (class, p) in p.iter().enumerate() {
                let expected = beta * p * (p.ln() + entropy) / n as f64;
                assert_close(slope[[row, class]], expected, 1e-14);
            }
        }
        assert_close(found, sum, 1e-14);
    }

    /// Above the threshold nothing is paid, below it what is missing.
    #[test]
    fn entropy_above_the_threshold_is_free(threshold in 0.0..2.0, seed: u64) {
        let z = numbers([1, 4], -3.0, 3.0, seed);
        let p = softmax(z.data());
        let entropy: f64 = -p.iter().map(|p| p * p.ln()).sum::<f64>();
        let found = value(std::slice::from_ref(&z), |v| penalty(0.7).below(threshold).unwrap().value(v[0])).item();
        assert_close(found, 0.7 * (threshold - entropy).max(0.0), 1e-14);
        let slope = value(&[z], |v| grad(penalty(0.7).below(threshold).unwrap().value(v[0]), &[v[0]])[0]);
        prop_assert_eq!(slope.data().iter().all(|&s| s == 0.0), entropy >= threshold);
    }
}

#[test]
fn derivatives_are_right() {
    let z = [numbers([3, 4], -2.0, 2.0, 1)];
    check("entropy", &z, |v| entropy(v[0]).powi(2).sum());
    check("penalty", &z, |v| penalty(0.3).value(v[0]).powi(2));
    check("below", &z, |v| penalty(0.3).below(5.0).unwrap().value(v[0]).powi(2));
}

/// The sign: minimised alone, the penalty ends at the uniform distribution, from wherever it starts.
#[test]
fn minimising_it_makes_the_output_less_sure() {
    let start = [2.0, 0.0, -1.0, 1.0];
    let z = descend(&start, 4000, &Optimiser::<f64>::sgd(0.5), |z| penalty(1.0).value(z.reshape([1, 4])));
    let p = softmax(&z);
    p.iter().for_each(|p| assert_close(*p, 0.25, 1e-10));
}

#[test]
fn certain_outputs_give_numbers() {
    let z = Tensor::new([1, 3], vec![1e4, 0.0, -1e4]);
    assert_eq!(value(std::slice::from_ref(&z), |v| entropy(v[0])).data(), [0.0]);
    let slope = value(&[z], |v| grad(penalty(1.0).value(v[0]), &[v[0]])[0]);
    assert_eq!(slope.data(), [0.0; 3]);
}

#[test]
fn no_penalty_records_nothing() {
    let graph = Graph::<f64>::new();
    let z = graph.input("z", [2, 3]);
    let objective = z.sum();
    let length = graph.len();
    assert_eq!(penalty(0.0).added_to(objective, z).id(), objective.id());
    assert_eq!(graph.len(), length);
}

#[test]
fn strengths_are_checked() {
    for value in [-0.1, f64::NAN, f64::INFINITY] {
        assert!(ConfidencePenalty::new(value).is_err());
        assert!(penalty(0.1).below(value).is_err());
    }
}
