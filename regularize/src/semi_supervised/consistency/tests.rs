use super::*;
use crate::dropout::Dropout;
use crate::testing::{assert_close, check, numbers, run, value};
use autograd::{Draw, Graph, Parameters, Plan};
use nn::{BatchNorm, Sequential, initialise};
use proptest::prelude::*;

fn softmax(logits: &[f64]) -> Vec<f64> {
    let total: f64 = logits.iter().map(|z| z.exp()).sum();
    logits.iter().map(|z| z.exp() / total).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(32) })]

    #[test]
    fn the_value_is_the_naive_one(n in 1usize..4, k in 1usize..5, seed: u64) {
        let (a, b) = (numbers([n, k], -2.0, 2.0, seed), numbers([n, k], -2.0, 2.0, seed ^ 1));
        let (mut squared, mut divergence) = (0.0, 0.0);
        for (a, b) in a.data().chunks(k).zip(b.data().chunks(k)) {
            for (p, q) in softmax(a).into_iter().zip(softmax(b)) {
                squared += (p - q) * (p - q) / (n * k) as f64;
                divergence += q * (q / p).ln() / n as f64;
            }
        }
        for (disagreement, expected) in
            [(Disagreement::SquaredError, squared), (Disagreement::KullbackLeibler, divergence)]
        {
            let term = Consistency::new(disagreement);
            let found = value(&[a.clone(), b.clone()], |x| term.loss(x[0], x[1])).item();
            assert_close(found, expected, 1e-14);
            // Nothing to agree on.
            let same = value(std::slice::from_ref(&a), |x| term.loss(x[0], x[0])).item();
            assert_eq!(same, 0.0);
        }
    }
}

#[test]
fn derivatives_are_right_in_both_predictions() {
    for disagreement in [Disagreement::SquaredError, Disagreement::KullbackLeibler] {
        let logits = [numbers([2, 3], -2.0, 2.0, 3), numbers([2, 3], -2.0, 2.0, 4)];
        check("consistency", &logits, |x| Consistency::new(disagreement).loss(x[0], x[1]));
    }
}

#[test]
fn two_passes_have_two_masks_and_one_input_noise() {
    let graph = Graph::<f64>::new();
    let x = graph.normal("noise of the input", [3, 16]);
    let model = Sequential::new().then(Dropout::new(0.5).unwrap());
    let [first, second] = two_passes(&model, x, Mode::Train);
    let (none, draw) = (Parameters::new(), Draw { seed: 5, run: 2 });
    let [x, first, second] = [x, first, second].map(|var| run(var, &none, draw));
    assert_ne!(first, second);
    for ((x, a), b) in x.data().iter().zip(first.data()).zip(second.data()) {
        assert!([0.0, 2.0 * x].contains(a) && [0.0, 2.0 * x].contains(b));
    }
    // Both kinds of disagreement between masks occur, or one would be a function of the other.
    let kept = |y: &f64| *y != 0.0;
    let pairs: Vec<_> = first.data().iter().map(kept).zip(second.data().iter().map(kept)).collect();
    for pair in [(false, false), (false, true), (true, false), (true, true)] {
        assert!(pairs.contains(&pair), "{pair:?}");
    }
}

#[test]
fn a_network_without_draws_agrees_with_itself_exactly() {
    let model = Sequential::<f64>::new().linear(4, 3);
    let (parameters, graph) = (initialise(&model, 1), Graph::new());
    let x = graph.constant(numbers([5, 4], -1.0, 1.0, 1));
    let [first, second] = two_passes(&model, x, Mode::Train);
    let loss = Consistency::default().loss(first, second);
    assert_eq!(run(loss, &parameters, Draw::default()).item(), 0.0);
}

/// The compiled plan does not merge the two masks.
#[test]
fn a_plan_keeps_the_passes_apart() {
    let graph = Graph::<f64>::new();
    let model = Sequential::new().then(Dropout::new(0.5).unwrap());
    let [first, second] = two_passes(&model, graph.fill([2, 16], 1.0), Mode::Train);
    let loss = Consistency::default().loss(first, second);
    let mut plan = Plan::builder(&graph).output("loss", loss).compile();
    assert!(plan.run(&mut Parameters::new(), &[]).unwrap().scalar("loss") > 0.0);
}

/// The statistics that a step leaves behind are those of the first pass.
#[test]
fn the_second_pass_proposes_nothing_new() {
    let model = Sequential::<f64>::new().then(BatchNorm::new("norm", 3));
    let graph = Graph::new();
    let x = graph.input("x", [4, 3]);
    model.forward(x, Mode::Train);
    let ids = || graph.proposed_updates().iter().map(|(_, new)| new.id()).collect::<Vec<_>>();
    let proposed = ids();
    independent_pass(&model, x * 2.0, Mode::Train, "again");
    assert_eq!(ids(), proposed);
}

#[test]
fn the_ramp_up_is_the_formula_and_checked() {
    let ramp = RampUp::new(2.0, 10).unwrap();
    for step in 0..10 {
        assert_close(ramp.at(step), 2.0 * (-5.0 * (1.0 - step as f64 / 10.0).powi(2)).exp(), 1e-15);
    }
    assert_eq!([ramp.at(10), ramp.at(u64::MAX), RampUp::default().at(0)], [2.0, 2.0, 1.0]);
    for bad in [-1.0, f64::NAN, f64::INFINITY] {
        assert!(RampUp::new(bad, 5).is_err());
    }
}
