use super::*;
use crate::testing::{assert_close, check, numbers, run, shapes, value};
use autograd::check::Checker;
use autograd::{Draw, Feed, Graph, Plan, grad, interpret};
use nn::{Activation, Linear, Sequential, initialise};
use proptest::prelude::*;

fn dropout(p: f64) -> Dropout {
    Dropout::new(p).unwrap()
}

/// The layer's result for fixed inputs.
fn forward(layer: &dyn Layer<f64>, x: &Tensor<f64>, mode: Mode, draw: Draw) -> Tensor<f64> {
    let graph = Graph::new();
    run(layer.forward(graph.constant(x.clone()), mode), &Parameters::new(), draw)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]

    #[test]
    fn the_value_is_the_masked_one(shape in shapes(), p in 0.0..0.95, seed: u64) {
        let (x, draw) = (numbers(shape, -2.0, 2.0, seed), numbers(shape, 0.0, 1.0, !seed));
        for layer in [dropout(p), dropout(p).classic()] {
            let scale = if layer.form == Form::Inverted { 1.0 / (1.0 - p) } else { 1.0 };
            let found = value(&[x.clone(), draw.clone()], |v| layer.apply(v[0], layer.mask(v[1])));
            for ((found, x), draw) in found.data().iter().zip(x.data()).zip(draw.data()) {
                prop_assert_eq!(*found, if *draw < p { 0.0 } else { x * scale });
            }
        }
    }

    /// One mask for forward and backward: where a unit is dropped its gradient is 0, elsewhere it is the same
    /// scale. (A draw made anew for the backward pass fails here.)
    #[test]
    fn forward_and_backward_share_the_mask(p in 0.1..0.9, seed: u64, run: u64) {
        let (graph, x) = (Graph::new(), numbers([6, 5], 1.0, 2.0, seed));
        let input = graph.input("x", [6, 5]);
        let y = dropout(p).forward(input, Mode::Train);
        let mut plan =
            Plan::builder(&graph).output("y", y).output("slope", grad(y.sum(), &[input])[0]).compile();
        plan.set_seed(seed);
        plan.set_run(run);
        let outputs = plan.run(&mut Parameters::new(), &[("x", Feed::from(&x))]).unwrap();
        for ((y, slope), x) in outputs.values("y").iter().zip(outputs.values("slope")).zip(x.data()) {
            prop_assert!(*slope == 0.0 || *slope == 1.0 / (1.0 - p));
            prop_assert_eq!(*y, x * slope);
        }
    }
}

#[test]
fn derivatives_in_units_and_mask_are_right() {
    let values = [numbers([3, 4], -2.0, 2.0, 1), numbers([3, 4], 0.0, 1.0, 2)];
    check("inverted", &values, |v| dropout(0.4).apply(v[0], v[1]).powi(3).sum());
    check("classic", &values, |v| dropout(0.4).classic().apply(v[0], v[1]).powi(3).sum());
}

#[test]
fn derivatives_of_a_network_with_a_frozen_draw_are_right() {
    let model = Sequential::new()
        .linear(3, 6)
        .then(Activation::Tanh)
        .then_named("dropout", |name| dropout(0.5).named(name))
        .linear(6, 2);
    let (graph, parameters) = (Graph::<f64>::new(), initialise(&model, 1));
    let loss = model.forward(graph.input("x", [4, 3]), Mode::Train).powi(2).sum();
    let weights: Vec<_> = graph.parameters().into_iter().map(|(_, var)| var).collect();
    let x = numbers([4, 3], -1.0, 1.0, 2);
    let checker = Checker::new("network").entries().draw(Draw { seed: 7, run: 3 });
    let report = checker.graph(loss, &weights, &[("x", Feed::from(&x))], Some(&parameters)).unwrap().assert();
    // A unit that is dropped for all four examples has a gradient of 0, and is counted as checked.
    assert_eq!(report.checked_fraction(), 1.0, "{report}");
}

#[test]
fn a_draw_replays_and_names_draw_apart() {
    let x = Tensor::full([8, 16], 1.0);
    let at = |name: &str, seed, run| forward(&dropout(0.5).named(name), &x, Mode::Train, Draw { seed, run });
    assert_eq!(at("a", 1, 2), at("a", 1, 2));
    // 128 fair coins fall alike with probability 3e-39.
    assert_ne!(at("a", 1, 2), at("a", 1, 3));
    assert_ne!(at("a", 1, 2), at("a", 2, 2));
    assert_ne!(at("a", 1, 2), at("b", 1, 2));
    // Two layers of one network are two names.
    let twice = Sequential::new()
        .then_named("dropout", |name| dropout(0.5).named(name))
        .then_named("dropout", |name| dropout(0.5).named(name));
    let kept = forward(&twice, &x, Mode::Train, Draw::default()).data().iter().filter(|&&y| y > 0.0).count();
    // A quarter of 128 is 32, with deviation 5; one mask twice would keep 64.
    assert!((10..55).contains(&kept), "{kept} of 128 kept by both");
}

#[test]
fn one_more_layer_changes_no_other_mask() {
    let x = Tensor::full([4, 8], 1.0);
    let build = |between: bool| {
        let first = Sequential::new().then_named("dropout", |name| dropout(0.5).named(name));
        let longer = if between { first.then(Activation::Relu) } else { first };
        longer.then_named("dropout", |name| dropout(0.5).named(name))
    };
    let draw = Draw { seed: 4, run: 1 };
    assert_eq!(forward(&build(false), &x, Mode::Train, draw), forward(&build(true), &x, Mode::Train, draw));
}

#[test]
fn evaluation_is_deterministic_and_sampling_is_not() {
    let x = numbers([4, 8], 1.0, 2.0, 1);
    for layer in [dropout(0.25), dropout(0.25).classic()] {
        let at = |mode, run| forward(&layer, &x, mode, Draw { seed: 1, run });
        let factor = if layer.form == Form::Classic { 0.75 } else { 1.0 };
        let expected = Tensor::from_fn(x.shape(), |i| x.data()[i] * factor);
        assert_eq!(at(Mode::Evaluate, 0), expected);
        assert_eq!(at(Mode::Evaluate, 1), expected);
        assert_ne!(at(Mode::Sample, 0), at(Mode::Sample, 1));
        assert_eq!(at(Mode::Sample, 0), at(Mode::Train, 0));
    }
}

#[test]
fn what_changes_nothing_records_nothing() {
    let graph = Graph::<f64>::new();
    let x = graph.input("x", [2, 3]);
    for mode in [Mode::Train, Mode::Evaluate, Mode::Sample] {
        assert_eq!(dropout(0.0).forward(x, mode).id(), x.id());
        assert_eq!(dropout(0.0).classic().forward(x, mode).id(), x.id());
    }
    assert_eq!(dropout(0.5).forward(x, Mode::Evaluate).id(), x.id());
    assert_eq!(graph.len(), 1);
}

#[test]
fn units_are_dropped_as_often_as_asked() {
    let n = 40_000;
    let x = Tensor::full([n], 1.0);
    for p in [0.1, 0.5, 0.8] {
        let y = forward(&dropout(p), &x, Mode::Train, Draw { seed: 3, run: 0 });
        let dropped = y.data().iter().filter(|&&y| y == 0.0).count() as f64;
        // Five deviations: a false alarm has probability 6e-7, and the draw is always the same.
        let deviation = (n as f64 * p * (1.0 - p)).sqrt();
        assert!((dropped - n as f64 * p).abs() < 5.0 * deviation, "{dropped} of {n} at p = {p}");
    }
}

/// For a linear network the mean over all subnetworks is the weight scaling rule, in both forms.
#[test]
fn the_rule_is_the_mean_of_a_linear_ensemble() {
    fn network<'g>(h: Var<'g, f64>, w: Var<'g, f64>) -> Var<'g, f64> {
        h.reshape([1, 5]).matmul(w).reshape([3])
    }
    let (n, x, w) = (5, numbers([5], -2.0, 2.0, 1), numbers([5, 3], -1.0, 1.0, 2));
    for layer in [dropout(0.3), dropout(0.3).classic(), dropout(0.5), dropout(0.0)] {
        let mut mean = [0.0; 3];
        let mut total = 0.0;
        for (probability, mask) in layer.masks::<f64>(n).unwrap() {
            let y = value(&[x.clone(), w.clone(), mask], |v| network(layer.apply(v[0], v[2]), v[1]));
            (0..3).for_each(|k| mean[k] += probability * y.data()[k]);
            total += probability;
        }
        let rule = value(&[x.clone(), w.clone()], |v| network(layer.expectation(v[0]), v[1]));
        assert_close(total, 1.0, 1e-15);
        // Sums of 32 terms of order one.
        (0..3).for_each(|k| assert_close(mean[k], rule.data()[k], 1e-14));
    }
}

/// For a softmax over a linear network the renormalised geometric mean over all subnetworks is the rule
/// (equations 7.56 to 7.66): the mean of the logarithms, normalised.
#[test]
fn the_rule_is_the_geometric_mean_of_a_softmax_ensemble() {
    let (x, w, b) = (numbers([6], -2.0, 2.0, 3), numbers([6, 4], -2.0, 2.0, 4), numbers([4], -1.0, 1.0, 5));
    for layer in [dropout(0.5).classic(), dropout(0.2).classic(), dropout(0.7)] {
        let mut log_mean = [0.0; 4];
        for (probability, mask) in layer.masks::<f64>(6).unwrap() {
            let y = value(&[x.clone(), w.clone(), b.clone(), mask], |v| {
                (layer.apply(v[0], v[3]).reshape([1, 6]).matmul(v[1]).reshape([4]) + v[2]).softmax()
            });
            (0..4).for_each(|k| log_mean[k] += probability * y.data()[k].ln());
        }
        let sum: f64 = log_mean.iter().map(|l| l.exp()).sum();
        let rule = value(&[x.clone(), w.clone(), b.clone()], |v| {
            (layer.expectation(v[0]).reshape([1, 6]).matmul(v[1]).reshape([4]) + v[2]).softmax()
        });
        // Sums of 64 terms of size up to 10 in the exponent.
        (0..4).for_each(|k| assert_close(log_mean[k].exp() / sum, rule.data()[k], 1e-13));
    }
}

/// Least squares under dropout of the inputs, over all masks, is least squares with a ridge: with `k` the factor
/// that the mean unit has, `Σ (y - k wᵀx)² + v Σᵢ wᵢ² Σ xᵢ²`, where `k = 1 - p`, `v = p (1 - p)` in the classic
/// form (Srivastava et al. 2014, section 9.1) and `k = 1`, `v = p / (1 - p)` in the inverted one.
#[test]
fn dropout_of_a_linear_regression_is_a_ridge() {
    let (x, w, p) = (numbers([4, 3], -2.0, 2.0, 6), numbers([3], -2.0, 2.0, 7), 0.4);
    let y = numbers([4], -2.0, 2.0, 8);
    let forms = [(dropout(p).classic(), 1.0 - p, p * (1.0 - p)), (dropout(p), 1.0, p / (1.0 - p))];
    for (layer, k, v) in forms {
        let (mut expected, mut ridge) = (0.0, 0.0);
        for row in 0..4 {
            let x = x.rows(&[row]).reshape([3]);
            for (probability, mask) in layer.masks::<f64>(3).unwrap() {
                let predicted =
                    value(&[x.clone(), w.clone(), mask], |v| (layer.apply(v[0], v[2]) * v[1]).sum()).item();
                expected += probability * (y.data()[row] - predicted).powi(2);
            }
            let mean: f64 = (0..3).map(|i| k * w.data()[i] * x.data()[i]).sum();
            let spread: f64 = (0..3).map(|i| (w.data()[i] * x.data()[i]).powi(2)).sum();
            ridge += (y.data()[row] - mean).powi(2) + v * spread;
        }
        assert_close(expected, ridge, 1e-14);
    }
}

/// The rule as a factor on units, and as a rewrite of the weights they feed into.
#[test]
fn scaled_weights_predict_what_scaled_units_do() {
    let network = |dropout: Dropout| {
        Sequential::<f64>::new().linear(3, 8).then(Activation::Relu).then(dropout).linear(8, 2)
    };
    let (classic, plain) = (network(dropout(0.75).classic()), network(dropout(0.0)));
    let parameters = initialise(&classic, 5);
    let scaled = dropout(0.75).classic().scale_weights(&parameters, &["linear2.weight"]).unwrap();
    let x = numbers([5, 3], -1.0, 1.0, 1);
    let predict = |model: &Sequential<f64>, parameters: &Parameters<f64>| {
        let graph = Graph::new();
        run(model.forward(graph.constant(x.clone()), Mode::Evaluate), parameters, Draw::default())
    };
    // Scaling by 1/4 is exact, so both are the same bits.
    assert_eq!(predict(&classic, &parameters), predict(&plain, &scaled));
    assert_ne!(predict(&classic, &parameters), predict(&plain, &parameters));
    assert_eq!(scaled["linear2.bias"], parameters["linear2.bias"]);
    assert_eq!(scaled["linear1.weight"], parameters["linear1.weight"]);
    let error = dropout(0.5).scale_weights(&Parameters::<f64>::new(), &["w"]).unwrap_err();
    assert_eq!(error.to_string(), "there is no parameter `w`; there are: none");
}

#[test]
fn probabilities_are_checked() {
    for p in [1.0, -0.1, 1.5, f64::NAN, f64::INFINITY] {
        let error = Dropout::new(p).unwrap_err().to_string();
        assert_eq!(error, format!("the dropout probability is {p}, it must be in [0, 1)"));
    }
    assert_eq!(dropout(0.25).probability(), 0.25);
}

#[test]
#[should_panic(expected = "dropout: a mask of shape [3] for values of shape [2, 1]")]
fn a_mask_does_not_enlarge_what_it_masks() {
    value(&[Tensor::zeros([2, 1]), Tensor::zeros([3])], |v| dropout(0.5).apply(v[0], v[1]));
}

/// Dropout leaves units out, not gradients of parameters: a unit without its outputs is one without weights.
#[test]
fn a_dropped_unit_is_a_removed_one() {
    let hidden = Linear::new("hidden", 2, 4);
    let output = Linear::new("output", 4, 1);
    let both = Sequential::new().then(hidden.clone()).then(output.clone());
    let mut parameters = initialise(&both, 3);
    let x = numbers([3, 2], -1.0, 1.0, 1);
    let mask = Tensor::new([4], vec![1.0, 0.0, 1.0, 1.0]);
    let graph = Graph::<f64>::new();
    let h = hidden.forward(graph.constant(x), Mode::Train);
    let masked = output.forward(dropout(0.5).classic().apply(h, graph.constant(mask)), Mode::Train);
    let whole = output.forward(h, Mode::Train);
    let with_mask = interpret(&[masked], &[], Some(&parameters)).unwrap().remove(0);
    parameters.get_mut("output.weight").unwrap().data_mut()[1] = 0.0;
    let removed = interpret(&[whole], &[], Some(&parameters)).unwrap().remove(0);
    assert_eq!(with_mask, removed);
}

#[test]
fn too_many_masks_are_not_walked_through() {
    let error = Dropout::new(0.5).unwrap().masks::<f64>(31).err().expect("refused").to_string();
    assert_eq!(error, "the subnetworks cannot be enumerated: there are 2^31 of them");
}
