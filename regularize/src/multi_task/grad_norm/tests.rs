use super::*;
use crate::testing::{assert_close, numbers, value, weight};
use autograd::check::Checker;
use autograd::{Feed, Graph, Parameters, Plan, Tensor};
use nn::{LEARNING_RATE, Optimiser, initialise_parameters};
use proptest::prelude::*;

fn balance(tasks: usize, alpha: f64, rate: f64) -> GradNorm {
    GradNorm::new("balance", tasks, alpha, rate).unwrap()
}

/// One step in plain numbers.
fn naive(w: &[f64], lengths: &[f64], now: &[f64], first: &[f64], alpha: f64, rate: f64) -> Vec<f64> {
    let k = w.len() as f64;
    let progress: Vec<f64> = now.iter().zip(first).map(|(now, first)| now / first).collect();
    let mean_progress = progress.iter().sum::<f64>() / k;
    let mean_pull = w.iter().zip(lengths).map(|(w, n)| w * n).sum::<f64>() / k;
    let moved: Vec<f64> = (0..w.len())
        .map(|i| {
            let pull = w[i] * lengths[i];
            let wanted = mean_pull * (progress[i] / mean_progress).powf(alpha);
            let sign = if pull > wanted { 1.0 } else { -1.0 };
            f64::max(w[i] - rate * sign * lengths[i], 1e-3)
        })
        .collect();
    let sum: f64 = moved.iter().sum();
    moved.iter().map(|w| w * k / sum).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]

    #[test]
    fn a_step_of_the_weights_is_the_formula(tasks in 2usize..5, alpha in 0.1..2.0, rate in 1e-3..2.0, seed: u64) {
        let values: Vec<_> = (0..4u64).map(|i| numbers([tasks], 0.2, 3.0, seed.wrapping_add(i))).collect();
        let [w, lengths, now, first] = [0, 1, 2, 3].map(|i| values[i].data());
        let found = value(&values, |x| balance(tasks, alpha, rate).new_weights(x[0], x[1], x[2], x[3]));
        for (found, expected) in found.data().iter().zip(naive(w, lengths, now, first, alpha, rate)) {
            // Some thirty roundings; the floor keeps the divisor above 1e-3.
            assert_close(*found, expected, 1e-12);
        }
        assert_close(found.data().iter().sum(), tasks as f64, 1e-14);
    }
}

#[test]
fn the_derivative_in_the_weights_is_right() {
    let values: Vec<_> = (0..4u64).map(|i| numbers([3], 0.2, 3.0, 7 + i)).collect();
    let graph = Graph::new();
    let names = ["w", "lengths", "now", "first"];
    let x = names.map(|name| graph.input(name, [3]));
    let feeds: Vec<_> = names.into_iter().zip(values.iter().map(Feed::from)).collect();
    // Without the target's own derivative, which the method treats as a constant, differences would not agree:
    // so the checked function has the target fed.
    let target = graph.input("target", [3]);
    let by_hand = (x[0] * x[1] - target).abs().sum();
    let slope = grad(balance(3, 0.7, 0.1).imbalance(x[0], x[1], x[2], x[3]), &[x[0]])[0];
    let pulls = x[0] * x[1];
    let progress = x[2] / x[3];
    let wanted = (progress / progress.mean()).powf(0.7) * pulls.mean();
    let found = autograd::interpret(&[wanted, slope], &feeds, None).unwrap();
    let all: Vec<_> = feeds.iter().cloned().chain([("target", Feed::from(&found[0]))]).collect();
    let report = Checker::new("imbalance").entries().graph(by_hand, &[x[0]], &all, None).unwrap().assert();
    assert_eq!(report.checked_fraction(), 1.0);
    let expected = autograd::interpret(&[grad(by_hand, &[x[0]])[0]], &all, None).unwrap();
    assert_eq!(found[1], expected[0]);
}

/// Losses `cᵢ θ + 1` whose gradients have the lengths `cᵢ`: with α = 0 the balanced weights are proportional
/// to 1/cᵢ. Subgradient steps of length ε cᵢ end within a few of them.
#[test]
fn weights_balance_lengths_in_one_plan_with_the_network() {
    let (lengths, rate) = ([4.0, 1.0, 0.5], 1e-4);
    let balance = balance(3, 0.0, rate);
    let specs = [vec![weight(1)], balance.parameters()].concat();
    let graph = Graph::<f64>::new();
    let theta = specs[0].declare(&graph);
    let losses = lengths.map(|c| theta.sum() * c + 1.0);
    let step = Optimiser::sgd(0.0).minimise(balance.objective(&losses, &[theta]), &specs);
    let mut plan = step.add_to(Plan::builder(&graph)).compile();
    let mut parameters: Parameters<f64> = initialise_parameters(&specs, 1);
    for _ in 0..20_000 {
        plan.run(&mut parameters, &[(LEARNING_RATE, Feed::from(0.0))]).unwrap();
    }
    let inverse: f64 = lengths.iter().map(|c| 1.0 / c).sum();
    for (found, c) in parameters["balance.weights"].data().iter().zip(lengths) {
        assert_close(*found, 3.0 / c / inverse, 10.0 * rate * 4.0);
    }
    assert_eq!(parameters["balance.initial_losses"].data(), [1.0; 3]);
}

/// The first losses are those of the first step and stay; the network's step has the old weights.
#[test]
fn first_losses_are_kept_and_the_objective_has_the_old_weights() {
    let balance = balance(2, 1.0, 0.1);
    let specs = [vec![weight(1)], balance.parameters()].concat();
    let graph = Graph::<f64>::new();
    let theta = specs[0].declare(&graph);
    let losses = [(theta - 3.0).powi(2).sum(), (theta + 1.0).powi(2).sum() * 5.0];
    let objective = balance.objective(&losses, &[theta]);
    let step = Optimiser::sgd(0.01).minimise(objective, &specs);
    let mut plan = step.add_to(Plan::builder(&graph).output("objective", objective)).compile();
    let mut parameters: Parameters<f64> = initialise_parameters(&specs, 1);
    parameters.insert("w", Tensor::zeros([1]));
    let (mut theta, mut w) = (0.0f64, vec![1.0, 1.0]);
    for _ in 0..5 {
        let now = [(theta - 3.0).powi(2), 5.0 * (theta + 1.0).powi(2)];
        let slopes = [2.0 * (theta - 3.0), 10.0 * (theta + 1.0)];
        let outputs = plan.run(&mut parameters, &[(LEARNING_RATE, Feed::from(0.01))]).unwrap();
        // Few roundings of numbers below 20, in every step.
        assert_close(outputs.scalar("objective"), w[0] * now[0] + w[1] * now[1], 1e-12);
        theta -= 0.01 * (w[0] * slopes[0] + w[1] * slopes[1]);
        w = naive(&w, &slopes.map(f64::abs), &now, &[9.0, 5.0], 1.0, 0.1);
        assert_eq!(parameters["balance.initial_losses"].data(), [9.0, 5.0]);
        assert_close(parameters["w"].data()[0], theta, 1e-12);
        (0..2).for_each(|i| assert_close(parameters["balance.weights"].data()[i], w[i], 1e-12));
    }
}

/// A task that no longer learns, or lost all connection, does not make NaN of the others.
#[test]
fn zeros_are_no_nan() {
    let of = |lengths: [f64; 2], now: [f64; 2], first: [f64; 2]| {
        let values = [[1.0, 1.0], lengths, now, first].map(|v| Tensor::new([2], v.to_vec()));
        value(&values, |x| balance(2, 0.5, 0.1).new_weights(x[0], x[1], x[2], x[3])).into_data()
    };
    for found in [
        of([0.0, 0.0], [1.0, 1.0], [1.0, 1.0]),
        of([1.0, 0.0], [0.0, 1.0], [0.0, 1.0]),
        of([1.0, 1.0], [0.0, 0.0], [1.0, 1.0]),
    ] {
        assert!(found.iter().all(|w| *w > 0.0), "{found:?}");
        assert_close(found[0] + found[1], 2.0, 1e-15);
    }
}

#[test]
fn rate_0_and_a_single_task_are_the_plain_sum() {
    let graph = Graph::<f64>::new();
    let theta = graph.input("theta", [2]);
    let losses = [theta.sum(), theta.norm_squared()];
    let before = graph.len();
    let idle = balance(1, 1.0, 0.1);
    assert_eq!(idle.objective(&losses[..1], &[theta]).id(), losses[0].id());
    assert_eq!(graph.len(), before);
    assert!(idle.parameters().is_empty() && balance(2, 1.0, 0.0).parameters().is_empty());
    balance(2, 1.0, 0.0).objective(&losses, &[theta]);
    assert_eq!(graph.len(), before + 1);
    assert!(graph.proposed_updates().is_empty());
}

#[test]
fn bad_numbers_are_refused() {
    for bad in [-1.0, f64::NAN, f64::INFINITY] {
        let error = GradNorm::new("b", 2, bad, 0.1).unwrap_err().to_string();
        assert_eq!(error, format!("the GradNorm exponent is {bad}, it must be finite and at least 0"));
        let error = GradNorm::new("b", 2, 1.0, bad).unwrap_err().to_string();
        assert_eq!(error, format!("the GradNorm rate is {bad}, it must be finite and at least 0"));
    }
    let error = GradNorm::new("b", 0, 1.0, 0.1).unwrap_err().to_string();
    assert_eq!(error, "the number of tasks is 0, it must be at least 1");
}

#[test]
#[should_panic(expected = "GradNorm: there are no shared parameters")]
fn something_must_be_shared() {
    value(&[Tensor::scalar(1.0), Tensor::scalar(2.0)], |x| balance(2, 1.0, 0.1).objective(x, &[]));
}

/// The weights move by their own rule: to the gradients of the objective they are numbers.
#[test]
fn the_objective_does_not_depend_on_the_weights() {
    let graph = Graph::<f64>::new();
    let (balance, w) = (balance(2, 1.0, 0.1), weight(3).declare(&graph));
    let objective = balance.objective(&[w.norm_squared(), (w - 1.0).norm_squared()], &[w]);
    let [weights, _] = &balance.parameters()[..] else { unreachable!("two states") };
    assert!(autograd::try_grad(objective, &[weights.declare(&graph)]).is_err());
    assert!(autograd::try_grad(objective, &[w]).is_ok());
}
