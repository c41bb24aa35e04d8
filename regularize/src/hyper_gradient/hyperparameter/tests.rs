use super::*;
use crate::testing::{assert_close, numbers, run, shapes, value, weight};
use crate::{L2, Penalties};
use autograd::check::Checker;
use autograd::{Draw, Feed, interpret};
use nn::Selection;
use proptest::prelude::*;

fn with(h: &Hyperparameter) -> Parameters<f64> {
    [(h.name(), h.initial_value())].into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]

    #[test]
    fn the_value_is_the_one_it_began_with(strength in 1e-9..1e3, p in 1e-6..0.999) {
        for (h, expected) in [
            (Hyperparameter::positive("h", strength).unwrap(), strength),
            (Hyperparameter::probability("h", p).unwrap(), p),
            (Hyperparameter::bounded("h", p * strength, strength).unwrap(), p * strength),
        ] {
            let (parameters, graph) = (with(&h), Graph::new());
            let found = run(h.value(&graph), &parameters, Draw::default()).item();
            // The logarithm is at most 21 and rounded to 2e-15, by which the value changes relatively.
            prop_assert!((found / expected - 1.0).abs() < 1e-14, "{found}, {expected}");
            prop_assert!((h.value_in(&parameters).unwrap() / expected - 1.0).abs() < 1e-14);
        }
    }

    #[test]
    fn a_tuned_penalty_is_the_penalty_at_its_value(shape in shapes(), alpha in 0.01..4.0, seed: u64) {
        let w = numbers(shape, -3.0, 3.0, seed);
        let h = Hyperparameter::positive("alpha", alpha).unwrap();
        let graph = Graph::new();
        let penalties: [&dyn Penalty<f64>; 2] = [&TunedL2(h.clone()), &TunedL1(h.clone())];
        for (order, penalty) in [(2, penalties[0]), (1, penalties[1])] {
            let found = run(penalty.value(graph.constant(w.clone())), &with(&h), Draw::default()).item();
            let term = |w: &f64| if order == 2 { alpha / 2.0 * w * w } else { alpha * w.abs() };
            let naive: f64 = w.data().iter().map(term).sum();
            // At most 27 terms and the coefficient, each rounded a few times.
            assert_close(found, naive, 1e-13);
        }
    }

    #[test]
    fn a_smooth_l1_is_its_formula_and_just_below_l1(
        shape in shapes(),
        (alpha, width) in (0.01..4.0, 1e-6..2.0),
        seed: u64,
    ) {
        let w = numbers(shape, -3.0, 3.0, seed);
        let h = Hyperparameter::positive("alpha", alpha).unwrap();
        let graph = Graph::new();
        let penalty = TunedSmoothL1::new(h.clone(), width).unwrap();
        let found = run(penalty.value(graph.constant(w.clone())), &with(&h), Draw::default()).item();
        let naive: f64 = w.data().iter().map(|w| alpha * (w.hypot(width) - width)).sum();
        // 27 differences of numbers up to 4, each rounded to 1e-15.
        assert_close(found, naive, 1e-12);
        let below: f64 = w.data().iter().map(|w| alpha * w.abs()).sum::<f64>() - found;
        prop_assert!(-1e-12 < below && below < alpha * width * w.data().len() as f64 + 1e-12);
    }

    #[test]
    fn a_smooth_l1_is_differentiable_at_and_about_zero(alpha in 0.01..4.0, width in 0.05..2.0, seed: u64) {
        let mut values = numbers([5], -1.5, 1.5, seed);
        values.data_mut()[2] = 0.0;
        let graph = Graph::new();
        let h = Hyperparameter::positive("alpha", alpha).unwrap();
        let w = graph.input("w", [5]);
        let output = TunedSmoothL1::new(h.clone(), width).unwrap().value(w);
        let feeds = [("w", Feed::from(&values))];
        let checker = Checker::new("smooth L1").entries();
        let report = checker.graph(output, &[w, h.raw(&graph)], &feeds, Some(&with(&h))).unwrap().assert();
        prop_assert_eq!(report.checked_fraction(), 1.0, "{}", report);
    }

    /// In the strength and in the values; draws are an input here.
    #[test]
    fn derivatives_are_right(shape in shapes(), sigma in 0.1..2.0, seed: u64) {
        let graph = Graph::new();
        let h = Hyperparameter::positive("sigma", sigma).unwrap();
        let (x, draws) = (graph.input("x", shape), graph.input("draws", shape));
        let noisy = TunedNoise(h.clone()).apply(x, draws);
        let sum = (noisy.powi(3).sum() + TunedL2(h.clone()).value(x)) * 0.1 + h.value(&graph);
        let values = [numbers(shape, -1.0, 1.0, seed), numbers(shape, -1.0, 1.0, seed ^ 1)];
        let feeds = [("x", Feed::from(&values[0])), ("draws", Feed::from(&values[1]))];
        let report = Checker::new("noise").entries().graph(sum, &[x, h.raw(&graph)], &feeds, Some(&with(&h)));
        report.unwrap().assert();
    }
}

#[test]
fn the_derivative_of_a_bounded_number_is_right() {
    let graph = Graph::new();
    for p in [0.01, 0.3, 0.9] {
        let bounded = Hyperparameter::bounded("p", 45.0 * p, 45.0).unwrap();
        for h in [Hyperparameter::probability("p", p).unwrap(), bounded] {
            let output = h.value(&graph).powi(2);
            let checker = Checker::new("p").entries();
            checker.graph(output, &[h.raw(&graph)], &[], Some(&with(&h))).unwrap().assert();
        }
    }
}

#[test]
fn penalties_take_a_coefficient_for_each_layer() {
    let graph = Graph::<f64>::new();
    let specs = ["a", "b"].map(|name| ParameterSpec { name: name.into(), ..weight(2) });
    let [first, second] = ["of a", "of b"].map(|name| Hyperparameter::positive(name, 0.5).unwrap());
    let value = Penalties::new()
        .with(Selection::named("a"), TunedL2(first.clone()))
        .with(Selection::named("b"), TunedL2(second.clone()))
        .value(&graph, &specs)
        .unwrap();
    let slopes = autograd::grad(value, &[first.raw(&graph), second.raw(&graph)]);
    let mut parameters: Parameters<f64> =
        [("a", Tensor::new([2], vec![1.0, 2.0])), ("b", Tensor::new([2], vec![3.0, 4.0]))]
            .into_iter()
            .collect();
    parameters.insert("of a", Tensor::scalar(0.0));
    parameters.insert("of b", Tensor::scalar(2f64.ln()));
    let found = interpret(&[value, slopes[0], slopes[1]], &[], Some(&parameters)).unwrap();
    // ½ · 1 · 5 and ½ · 2 · 25; each is its own derivative in the logarithm.
    let found: Vec<f64> = found.iter().map(|v| v.item()).collect();
    for (found, expected) in found.iter().zip([27.5, 2.5, 25.0]) {
        assert_close(*found, expected, 1e-15);
    }
}

#[test]
fn proximal_steps_are_those_at_the_value() {
    let (v, t) = (numbers([4], -2.0, 2.0, 1), Tensor::scalar(0.4));
    let h = Hyperparameter::positive("h", 2.0).unwrap();
    let by_number = value(&[v.clone(), t.clone()], |x| L2::new(2.0).unwrap().proximal(x[0], x[1]));
    let graph = Graph::new();
    let tuned = TunedL2(h.clone()).proximal(graph.constant(v), graph.constant(t));
    let found = run(tuned, &with(&h), Draw::default());
    // `exp(ln 2)` is rounded twice.
    found.data().iter().zip(by_number.data()).for_each(|(a, b)| assert_close(*a, *b, 1e-15));
}

#[test]
fn noise_is_drawn_while_training_and_absent_in_evaluation() {
    let (graph, h) = (Graph::<f64>::new(), Hyperparameter::positive("jitter", 0.3).unwrap());
    let (x, layer) = (graph.fill([500], 2.0), TunedNoise(h.clone()));
    let before = graph.len();
    assert_eq!(layer.forward(x, Mode::Evaluate).id(), x.id());
    assert_eq!(graph.len(), before);
    assert!(Layer::<f64>::parameters(&layer).is_empty());
    let noisy = run(layer.forward(x, Mode::Train), &with(&h), Draw { seed: 1, run: 0 });
    let draws = run(graph.normal("jitter.noise", [500]), &with(&h), Draw { seed: 1, run: 0 });
    for (y, n) in noisy.data().iter().zip(draws.data()) {
        assert_close(*y, 2.0 + 0.3 * n, 1e-15);
    }
}

#[test]
fn bad_values_are_refused() {
    for strength in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let error = Hyperparameter::positive("h", strength).unwrap_err().to_string();
        assert_eq!(error, format!("the initial strength is {strength}, it must be finite and above 0"));
    }
    for p in [0.0, 1.0, -0.1, 1.5, f64::NAN] {
        let error = Hyperparameter::probability("h", p).unwrap_err().to_string();
        assert_eq!(error, format!("the initial probability is {p}, it must be in (0, 1)"));
    }
    for (initial, largest) in [(0.0, 2.0), (2.0, 2.0), (3.0, 2.0), (f64::NAN, 2.0)] {
        let error = Hyperparameter::bounded("h", initial, largest).unwrap_err().to_string();
        assert_eq!(
            error,
            format!("the initial strength is {initial}, it must be above 0 and below the largest")
        );
    }
    for largest in [0.0, -1.0, f64::INFINITY, f64::NAN] {
        let error = Hyperparameter::bounded("h", 1.0, largest).unwrap_err().to_string();
        assert_eq!(error, format!("the largest strength is {largest}, it must be finite and above 0"));
    }
    for width in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let h = Hyperparameter::positive("h", 1.0).unwrap();
        let error = TunedSmoothL1::new(h, width).unwrap_err().to_string();
        assert_eq!(
            error,
            format!("the width of the smooth L1 penalty is {width}, it must be finite and above 0")
        );
    }
    let error = Hyperparameter::positive("h", 1.0).unwrap().value_in(&Parameters::<f64>::new()).unwrap_err();
    assert_eq!(error.to_string(), "there is no parameter `h`; there are: none");
}

#[test]
fn its_parameter_is_no_part_of_the_network() {
    let spec = Hyperparameter::positive("h", 1.0).unwrap().spec();
    assert_eq!((spec.role, spec.shape), (Role::Hyperparameter, Shape::SCALAR));
    assert!(!Selection::weights().contains(&spec) && !Selection::biases().contains(&spec));
}
