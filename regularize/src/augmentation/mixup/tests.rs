use super::*;
use crate::testing::{check, numbers, value};
use autograd::{Draw, Graph, Interpreter, Parameters, grad, interpret, interpret_indices};
use nn::{Activation, Layer, Sequential, initialise};
use proptest::prelude::*;
use std::collections::HashMap;

fn order(draws: &[f64]) -> Vec<u32> {
    let graph = Graph::<f64>::new();
    let draws = graph.constant(Tensor::new([draws.len()], draws.to_vec()));
    interpret_indices(permutation(draws), &[], None).unwrap().into_data()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(60) })]

    #[test]
    fn mixing_is_the_weighted_sum(n in 0usize..5, c in 0usize..4, seed: u64) {
        let [a, b] = [1, 2].map(|k| numbers([n, c, 2], -1.0, 1.0, seed ^ k));
        let lambda = numbers([n], 0.0, 1.0, seed ^ 3);
        let found = value(&[a.clone(), b.clone(), lambda.clone()], |x| mix(x[0], x[1], x[2]));
        for i in 0..n * c * 2 {
            let share = lambda.data()[i / (c * 2)];
            let expected = b.data()[i] + share * (a.data()[i] - b.data()[i]);
            // Three roundings of numbers below 2.
            prop_assert!((found.data()[i] - expected).abs() < 1e-15);
        }
    }

    /// With many ties: of equal draws the first comes first, as a stable sort has it.
    #[test]
    fn the_order_is_that_of_a_stable_sort(draws in prop::collection::vec(0u32..6, 1..12)) {
        let draws: Vec<f64> = draws.into_iter().map(|d| f64::from(d) / 8.0).collect();
        let mut sorted: Vec<u32> = (0..draws.len() as u32).collect();
        sorted.sort_by(|&i, &j| draws[i as usize].total_cmp(&draws[j as usize]));
        prop_assert_eq!(order(&draws), sorted);
    }

    /// `H(λ t + (1-λ) t', q) = λ H(t, q) + (1-λ) H(t', q)`.
    #[test]
    fn the_loss_of_mixed_targets_is_the_mixture_of_losses(
        n in 1usize..6,
        labels in prop::collection::vec((0u32..4, 0u32..4), 6),
        seed: u64,
    ) {
        let graph = Graph::<f64>::new();
        let z = graph.constant(numbers([n, 4], -5.0, 5.0, seed));
        let lambda = graph.constant(numbers([n], 0.0, 1.0, seed ^ 1));
        let index = |f: &dyn Fn(&(u32, u32)) -> u32| {
            graph.index_constant(Tensor::new([n], labels[..n].iter().map(f).collect()))
        };
        let (own, other) = (index(&|l| l.0), index(&|l| l.1));
        let mixed = soft_cross_entropy(z, mix(own.one_hot(4), other.one_hot(4), lambda), Reduction::Each);
        let apart = lambda * z.cross_entropy_each(own) + (1.0 - lambda) * z.cross_entropy_each(other);
        let found = interpret(&[mixed, apart], &[], None).unwrap();
        for (a, b) in found[0].data().iter().zip(found[1].data()) {
            // Log-probabilities of size 10, each rounded a few times.
            prop_assert!((a - b).abs() < 1e-14, "{a} and {b}");
        }
    }
}

#[test]
fn derivatives_in_both_examples_and_the_share_are_right() {
    let values = [numbers([3, 2], -1.0, 1.0, 1), numbers([3, 2], -1.0, 1.0, 2), numbers([3], 0.1, 0.9, 3)];
    check("mix", &values, |x| mix(x[0], x[1], x[2]).powi(3).sum());
}

/// Shares of 0 and 1 give one of the examples, bit for bit.
#[test]
fn whole_shares_are_the_identity() {
    let [a, b] = [1, 2].map(|k| numbers([2, 3], -1.0, 1.0, k));
    let found = value(&[a.clone(), b.clone(), Tensor::new([2], vec![1.0, 0.0])], |x| mix(x[0], x[1], x[2]));
    assert_eq!(found.data()[..3], a.data()[..3]);
    assert_eq!(found.data()[3..], b.data()[3..]);
}

/// All 24 orders of four, equally often up to chance.
#[test]
fn every_order_is_equally_likely() {
    let mut counts: HashMap<Vec<u32>, f64> = HashMap::new();
    let (graph, parameters) = (Graph::<f64>::new(), Parameters::new());
    let draws = graph.uniform("mixup.order", [4]);
    let runs = 4800;
    for run in 0..runs {
        let interpreter = Interpreter { parameters: &parameters, draw: Draw { seed: 3, run } };
        let found = interpreter.run(&graph, &[draws.id()], &[]).unwrap().get(draws).clone();
        *counts.entry(order(found.data())).or_default() += 1.0;
    }
    let expected = runs as f64 / 24.0;
    let square: f64 = counts.values().map(|count| (count - expected).powi(2) / expected).sum();
    // Chi-squared with 23 degrees of freedom passes 70.5 once in a million.
    assert!(counts.len() == 24 && square < 70.5, "{square}");
}

fn model() -> Sequential<f64> {
    Sequential::mlp(&[3, 4, 2], Activation::Tanh)
}

/// Inputs, targets and shares of the batch of run 0.
fn mixed(alpha: f64, n: usize) -> [Tensor<f64>; 4] {
    let graph = Graph::<f64>::new();
    let x = graph.constant(numbers([n, 3], -1.0, 1.0, 1));
    let labels = graph.index_constant(Tensor::from_fn([n], |i| (i % 2) as u32));
    let Mixed { inputs, targets, lambda } = Mixup::new(alpha).unwrap().of(x, labels, 2);
    let found = interpret(&[inputs, targets, lambda, x], &[], None).unwrap();
    found.try_into().unwrap()
}

/// Batches of any size; each result is a mixture of the example and one other, and the targets by the same share.
#[test]
fn odd_batches_work_and_the_batch_stays_as_it_was() {
    for n in [1, 2, 3, 5, 8] {
        let [inputs, targets, lambda, x] = mixed(0.7, n);
        assert_eq!(x, numbers([n, 3], -1.0, 1.0, 1), "the input is unchanged");
        let mut partners = Vec::new();
        for i in 0..n {
            let share = lambda.data()[i];
            let partner = (0..n).find(|&j| {
                (0..3).all(|k| {
                    let expected = share * x.data()[3 * i + k] + (1.0 - share) * x.data()[3 * j + k];
                    (inputs.data()[3 * i + k] - expected).abs() < 1e-15
                })
            });
            let j = partner.expect("every mixture has a partner");
            partners.push(j);
            for class in 0..2 {
                let hot = |k: usize| if k % 2 == class { 1.0 } else { 0.0 };
                let expected = share * hot(i) + (1.0 - share) * hot(j);
                assert!((targets.data()[2 * i + class] - expected).abs() < 1e-15);
            }
            assert!((targets.data()[2 * i] + targets.data()[2 * i + 1] - 1.0).abs() < 1e-15);
        }
        partners.sort_unstable();
        assert_eq!(partners, (0..n).collect::<Vec<_>>(), "each is a partner once");
    }
}

#[test]
fn the_same_seed_mixes_the_same_and_another_name_otherwise() {
    assert_eq!(mixed(0.7, 5), mixed(0.7, 5));
    let graph = Graph::<f64>::new();
    let x = graph.constant(numbers([5, 3], -1.0, 1.0, 1));
    let labels = graph.index_constant(Tensor::full([5], 1));
    let other = Mixup::new(0.7).unwrap().named("other").of(x, labels, 2).inputs;
    assert_ne!(interpret(&[other], &[], None).unwrap()[0], mixed(0.7, 5)[0]);
}

#[test]
fn nothing_is_mixed_at_alpha_zero_or_outside_training() {
    let graph = Graph::<f64>::new();
    let (x, labels) = (graph.input("x", [4, 3]), graph.indices("labels", [4]));
    let network = model();
    let specs = Layer::<f64>::parameters(&network);
    let none = Mixup::new(0.0).unwrap();
    assert_eq!(none.of(x, labels, 2).inputs.id(), x.id());
    let plain = Batch::new(x, labels, &network, &specs, Mode::Train).cross_entropy();
    let listing = |objective: &dyn for<'g> Fn(&Batch<'g, '_, f64>) -> Var<'g, f64>, mode: Mode| {
        let graph = Graph::<f64>::new();
        let (x, labels) = (graph.input("x", [4, 3]), graph.indices("labels", [4]));
        objective(&Batch::new(x, labels, &network, &specs, mode));
        graph.nodes().iter().map(|node| node.op.name()).collect::<Vec<_>>()
    };
    let clean = listing(&|batch| batch.cross_entropy(), Mode::Train);
    assert_eq!(listing(&|batch| none.objective(batch, 2), Mode::Train), clean);
    let some = Mixup::new(0.4).unwrap();
    assert_eq!(listing(&|batch| some.objective(batch, 2), Mode::Evaluate), clean);
    assert_ne!(listing(&|batch| some.objective(batch, 2), Mode::Train), clean);
    let _ = plain;
}

/// The objective's gradient in the weights, through network and mixture.
#[test]
fn the_objective_trains() {
    let network = model();
    let specs = Layer::<f64>::parameters(&network);
    let graph = Graph::<f64>::new();
    let x = graph.constant(numbers([5, 3], -1.0, 1.0, 1));
    let labels = graph.index_constant(Tensor::from_fn([5], |i| (i % 2) as u32));
    let loss = Mixup::new(0.4).unwrap().objective(&Batch::new(x, labels, &network, &specs, Mode::Train), 2);
    let targets: Vec<_> = specs.iter().map(|spec| spec.declare(&graph)).collect();
    let parameters = initialise(&network, 1);
    let report =
        autograd::check::Checker::new("mixup").graph(loss, &targets, &[], Some(&parameters)).unwrap();
    report.assert();
    assert!(grad(loss, &targets).len() == 4);
}

#[test]
fn alphas_are_checked() {
    for bad in [-0.1, f64::NAN, f64::INFINITY] {
        let error = Mixup::new(bad).unwrap_err().to_string();
        assert_eq!(error, format!("the mixup's alpha is {bad}, it must be finite and at least 0"));
    }
}

#[test]
#[should_panic(expected = "mix: [2, 3] and [2, 4] by [2]: the first two alike, a share for each row")]
fn examples_are_of_one_shape() {
    let graph = Graph::<f64>::new();
    mix(graph.fill([2, 3], 0.0), graph.fill([2, 4], 0.0), graph.fill([2], 0.5));
}
