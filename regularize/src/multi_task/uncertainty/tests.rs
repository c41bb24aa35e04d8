use super::*;
use crate::testing::{assert_close, check, numbers, value};
use autograd::{Feed, Parameters, Plan, grad};
use nn::{LEARNING_RATE, Optimiser, Selection};
use proptest::prelude::*;

const KINDS: [Likelihood; 4] =
    [Likelihood::Gaussian, Likelihood::Softmax, Likelihood::Softmax, Likelihood::Gaussian];

fn factor(kind: Likelihood) -> f64 {
    if kind == Likelihood::Gaussian { 0.5 } else { 1.0 }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]

    /// In terms of σ: J / (2 σ²) + ln σ, or J / σ² + ln σ.
    #[test]
    fn the_objective_is_the_negative_log_likelihood(tasks in 1usize..5, seed: u64) {
        let weights = UncertaintyWeights::new("tasks", &KINDS[..tasks]).unwrap();
        let mut values: Vec<_> = (0..tasks as u64).map(|i| numbers([], 0.0, 3.0, seed ^ i)).collect();
        let s = numbers([tasks], -2.0, 2.0, !seed);
        let mut naive = 0.0;
        for i in 0..tasks {
            let deviation = (s.data()[i] / 2.0).exp();
            naive += factor(KINDS[i]) * values[i].item() / deviation.powi(2) + deviation.ln();
        }
        values.push(s);
        let found = value(&values, |x| weights.with(&x[..tasks], x[tasks])).item();
        // Four terms below 25, each rounded a few times.
        assert_close(found, naive, 1e-13);
    }

    /// There the derivative in `s` is 0, the task's weight is ½/J, and the value ½ + ½ ln 2aJ.
    #[test]
    fn the_best_variance_is_the_loss(losses in prop::collection::vec(1e-3..1e3, 4)) {
        let weights = UncertaintyWeights::new("tasks", &KINDS).unwrap();
        let best: Vec<f64> = losses.iter().zip(KINDS).map(|(loss, kind)| (2.0 * factor(kind) * loss).ln()).collect();
        let mut values: Vec<_> = losses.iter().map(|&loss| Tensor::scalar(loss)).collect();
        values.push(Tensor::new([4], best.clone()));
        let slopes = value(&values, |x| grad(weights.with(&x[..4], x[4]), &[x[4]])[0]);
        for slope in slopes.data() {
            // ½ - ½, of an exponential of a logarithm below 8.
            prop_assert!(slope.abs() < 1e-14);
        }
        for i in 0..4 {
            let weight = value(&values, |x| grad(weights.with(&x[..4], x[4]), &[x[i]])[0]).item();
            assert_close(weight * losses[i], 0.5, 1e-14);
        }
        let expected: f64 = best.iter().map(|s| 0.5 + 0.5 * s).sum();
        assert_close(value(&values, |x| weights.with(&x[..4], x[4])).item(), expected, 1e-14);
    }
}

#[test]
fn derivatives_in_losses_and_variances_are_right() {
    let values = [numbers([], 0.5, 2.0, 1), numbers([], 0.5, 2.0, 2), numbers([2], -1.0, 1.0, 3)];
    let weights = UncertaintyWeights::new("tasks", &KINDS[..2]).unwrap();
    check("uncertainty weights", &values, |x| weights.with(&x[..2], x[2]));
}

/// Gradient descent on both, in one plan: `s` goes to `ln J` of losses that stay as they are.
#[test]
fn one_plan_learns_network_and_variances() {
    let weights = UncertaintyWeights::for_regression("tasks", 2).unwrap();
    let specs = [vec![crate::testing::weight(2)], weights.parameters()].concat();
    let graph = Graph::<f64>::new();
    let w = specs[0].declare(&graph);
    // Minima 0.3 and 4, at w = (1, 2).
    let losses = [(w.slice(0, 0, 1) - 1.0).powi(2).sum() + 0.3, (w.slice(0, 1, 2) - 2.0).powi(2).sum() + 4.0];
    let step = Optimiser::sgd(0.2).minimise(weights.objective(&losses), &specs);
    let mut plan = step.add_to(Plan::builder(&graph)).compile();
    let mut parameters: Parameters<f64> = nn::initialise_parameters(&specs, 1);
    for _ in 0..1000 {
        plan.run(&mut parameters, &[(LEARNING_RATE, Feed::from(0.2))]).unwrap();
    }
    // The slowest factor of the descent is 1 - 0.2/4: 0.95^1000 is 5e-23.
    let found = parameters["tasks.log_variances"].data();
    assert_close(found[0], 0.3f64.ln(), 1e-12);
    assert_close(found[1], 4f64.ln(), 1e-12);
    assert_close(parameters["w"].data()[1], 2.0, 1e-12);
}

#[test]
fn variances_are_left_out_of_penalties() {
    let weights = UncertaintyWeights::for_classification("tasks", 3).unwrap();
    assert!(Selection::weights().names(&weights.parameters()).is_empty());
    assert_eq!(weights, UncertaintyWeights::new("tasks", &[Likelihood::Softmax; 3]).unwrap());
}

#[test]
fn bad_requests_are_refused() {
    let error = UncertaintyWeights::new("tasks", &[]).unwrap_err().to_string();
    assert_eq!(error, "the number of tasks is 0, it must be at least 1");
}

#[test]
#[should_panic(expected = "uncertainty weights: log-variances of shape [3], not [1]")]
fn every_task_has_a_variance() {
    let weights = UncertaintyWeights::for_regression("tasks", 1).unwrap();
    value(&[Tensor::scalar(1.0), Tensor::zeros([3])], |x| weights.with(&x[..1], x[1]));
}

#[test]
fn with_variances_of_one_it_is_the_plain_sum() {
    let weights = UncertaintyWeights::for_classification("tasks", 2).unwrap();
    let values = [numbers([], 0.5, 2.0, 1), numbers([], 0.5, 2.0, 2), Tensor::zeros([2])];
    let found = value(&values, |x| weights.with(&x[..2], x[2])).item();
    assert_eq!(found, values[0].item() + values[1].item());
}
