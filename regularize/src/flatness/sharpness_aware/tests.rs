use super::*;
use crate::testing::{Quadratic, assert_close, descend, numbers, value};
use autograd::check::Checker;
use autograd::{Feed, Graph, Parameters, Plan, Tensor, interpret};
use nn::data::digits;
use nn::{Activation, BatchNorm, Layer, Mode, Optimiser, Sequential, Trainer, initialise};
use proptest::prelude::*;

const QUADRATIC: Quadratic = Quadratic { angle: 0.7, eigenvalues: [3.0, 0.4], minimum: [1.5, -0.8] };

/// `H v` of the quadratic, by hand.
fn hessian_times(v: [f64; 2]) -> [f64; 2] {
    let Quadratic { angle, eigenvalues, .. } = QUADRATIC;
    let along = QUADRATIC.along_eigenvectors(&v);
    let scaled = [along[0] * eigenvalues[0], along[1] * eigenvalues[1]];
    let (sin, cos) = angle.sin_cos();
    [cos * scaled[0] - sin * scaled[1], sin * scaled[0] + cos * scaled[1]]
}

/// The gradient at `w` that the rule gives on the quadratic.
fn found_gradient(rule: SharpnessAware, w: [f64; 2]) -> [f64; 2] {
    let found =
        value(&[Tensor::new([2], w.to_vec())], |x| rule.gradients_of(QUADRATIC.loss(x[0]), &[x[0]])[0]);
    [found.data()[0], found.data()[1]]
}

/// On a quadratic the gradient is `H (w + ρ H w̃ / ‖H w̃‖ - w*)` with `w̃ = w - w*`.
#[test]
fn on_a_quadratic_the_gradient_has_a_closed_form() {
    for (w, rho) in [([0.3, 0.9], 0.05), ([-2.0, 1.0], 0.5), ([1.4, -0.7], 2.0)] {
        let offset = [w[0] - QUADRATIC.minimum[0], w[1] - QUADRATIC.minimum[1]];
        let g = hessian_times(offset);
        let norm = g[0].hypot(g[1]);
        let expected = hessian_times([0, 1].map(|i| offset[i] + rho * g[i] / norm));
        let found = found_gradient(SharpnessAware::new(rho).unwrap(), w);
        // ASAM with T = diag(|w| + η).
        let eta = 0.1;
        let t = w.map(|w: f64| w.abs() + eta);
        let norm = (t[0] * g[0]).hypot(t[1] * g[1]);
        let adaptive = hessian_times([0, 1].map(|i| offset[i] + rho * t[i] * t[i] * g[i] / norm));
        let found_adaptive = found_gradient(SharpnessAware::adaptive(rho, eta).unwrap(), w);
        for i in 0..2 {
            // Some twenty roundings.
            assert_close(found[i], expected[i], 1e-14);
            assert_close(found_adaptive[i], adaptive[i], 1e-14);
        }
    }
}

/// How much higher the neighbour is: on a quadratic `ρ ‖g‖ + ½ ρ² gᵀ H g / ‖g‖²`.
#[test]
fn on_a_quadratic_the_sharpness_has_a_closed_form() {
    for (w, rho) in [([0.3, 0.9], 0.05), ([-2.0, 1.0], 0.5), ([1.4, -0.7], 0.0)] {
        let g = hessian_times([w[0] - QUADRATIC.minimum[0], w[1] - QUADRATIC.minimum[1]]);
        let (norm, hg) = (g[0].hypot(g[1]), hessian_times(g));
        let expected = rho * norm + 0.5 * rho * rho * (g[0] * hg[0] + g[1] * hg[1]) / (norm * norm);
        let rule = SharpnessAware::new(rho).unwrap();
        let found = value(&[Tensor::new([2], w.to_vec())], |x| rule.sharpness(QUADRATIC.loss(x[0]), &[x[0]]));
        assert_close(found.item(), expected, 1e-14);
    }
}

/// The perturbation is the largest that the neighbourhood allows along the gradient: no other feasible one has
/// a larger product with it.
#[test]
fn the_neighbour_is_the_worst_to_first_order() {
    let (w, g) = (numbers([5], -2.0, 2.0, 1), numbers([5], -1.0, 1.0, 2));
    for (rule, t) in [
        (SharpnessAware::new(0.3).unwrap(), vec![1.0; 5]),
        (SharpnessAware::adaptive(0.3, 0.05).unwrap(), w.data().iter().map(|w| w.abs() + 0.05).collect()),
    ] {
        let moved = value(&[w.clone(), g.clone()], |x| rule.neighbour(&x[..1], &x[1..])[0]);
        let e: Vec<f64> = moved.data().iter().zip(w.data()).map(|(m, w)| m - w).collect();
        let gain = |e: &[f64]| -> f64 { e.iter().zip(g.data()).map(|(e, g)| e * g).sum() };
        let size = |e: &[f64]| e.iter().zip(&t).map(|(e, t)| (e / t).powi(2)).sum::<f64>().sqrt();
        assert_close(size(&e), 0.3, 1e-14);
        for seed in 3..200 {
            let other = numbers([5], -1.0, 1.0, seed);
            let scaled: Vec<f64> = other.data().iter().zip(&t).map(|(o, t)| o * t).collect();
            let feasible: Vec<f64> = scaled.iter().map(|s| s * 0.3 / size(&scaled)).collect();
            assert!(gain(&feasible) <= gain(&e) + 1e-14);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]

    /// Against the formula written out, over two parameters of any lengths: the norm is a common one.
    #[test]
    fn the_neighbour_is_the_formula(a in 0usize..5, b in 0usize..4, rho in 0.0..2.0, eta in 0.0..1.0, seed: u64) {
        let lengths = [a, b];
        let [w0, w1] = [0, 1].map(|i| numbers([lengths[i]], -2.0, 2.0, seed ^ i as u64));
        let [g0, g1] = [0, 1].map(|i| numbers([lengths[i]], -2.0, 2.0, seed ^ (7 + i as u64)));
        for adaptive in [false, true] {
            let rule = if adaptive { SharpnessAware::adaptive(rho, eta) } else { SharpnessAware::new(rho) }.unwrap();
            let scale = |w: f64| if adaptive { w.abs() + eta } else { 1.0 };
            let pairs = || w0.data().iter().zip(g0.data()).chain(w1.data().iter().zip(g1.data()));
            let norm = pairs().map(|(&w, &g)| (scale(w) * g).powi(2)).sum::<f64>().sqrt();
            let values = [w0.clone(), w1.clone(), g0.clone(), g1.clone()];
            let found = value(&values, |x| Var::concat(&rule.neighbour(&x[..2], &x[2..]), 0));
            for (found, (&w, &g)) in found.data().iter().zip(pairs()) {
                // Five roundings and those of the sum.
                assert_close(*found, w + rho * scale(w).powi(2) * g / norm, 1e-13);
            }
        }
    }
}

/// What the gradient is of: the neighbour held fixed. Differentiated once more, as a function of `w`, the
/// rewritten expression is held to differences; that covers every node of the second pass.
#[test]
fn derivatives_of_the_rewritten_gradient_are_right() {
    let model = Sequential::<f64>::mlp(&[3, 4, 2], Activation::Tanh);
    for rule in [SharpnessAware::new(0.1).unwrap(), SharpnessAware::adaptive(0.2, 0.1).unwrap()] {
        let graph = Graph::new();
        let x = graph.constant(numbers([3, 3], -1.0, 1.0, 3));
        let labels = graph.index_constant(Tensor::new([3], vec![0, 1, 1]));
        let loss = model.forward(x, Mode::Train).cross_entropy(labels);
        let variables = nn::Selection::all().variables(&graph, &model.parameters());
        let there = rule.gradients_of(loss, &variables);
        let sum = there.iter().map(|g| g.powi(2).sum()).reduce(|a, b| a + b).unwrap();
        let parameters = initialise(&model, 5);
        Checker::new("sharpness-aware gradient")
            .entries()
            .graph(sum, &variables, &[], Some(&parameters))
            .unwrap()
            .assert();
        let sharpness = rule.sharpness(loss, &variables);
        Checker::new("sharpness").graph(sharpness, &variables, &[], Some(&parameters)).unwrap().assert();
    }
}

/// The rewritten gradient is the gradient of the loss at the neighbour, computed in two separate runs.
#[test]
fn two_passes_in_one_plan_are_two_passes_apart() {
    let model = Sequential::<f64>::mlp(&[3, 4, 2], Activation::Tanh);
    let rule = SharpnessAware::new(0.1).unwrap();
    let parameters = initialise(&model, 5);
    let gradients = |parameters: &Parameters<f64>, aware: bool| {
        let graph = Graph::new();
        let x = graph.constant(numbers([3, 3], -1.0, 1.0, 3));
        let labels = graph.index_constant(Tensor::new([3], vec![0, 1, 1]));
        let loss = model.forward(x, Mode::Train).cross_entropy(labels);
        let variables = nn::Selection::all().variables(&graph, &model.parameters());
        let found = if aware { rule.gradients_of(loss, &variables) } else { grad(loss, &variables) };
        interpret(&found, &[], Some(parameters)).unwrap()
    };
    let here = gradients(&parameters, false);
    let norm = here.iter().flat_map(|g| g.data()).map(|g| g * g).sum::<f64>().sqrt();
    let mut moved = parameters.clone();
    for (spec, g) in model.parameters().iter().zip(&here) {
        let w = moved.get_mut(&spec.name).unwrap();
        w.data_mut().iter_mut().zip(g.data()).for_each(|(w, g)| *w += 0.1 * g / norm);
    }
    for (found, expected) in gradients(&parameters, true).iter().zip(gradients(&moved, false)) {
        for (found, expected) in found.data().iter().zip(expected.data()) {
            assert_close(*found, *expected, 1e-14);
        }
    }
}

/// A layer times `a`, the next divided by it: the same function of rectifiers. ASAM's sharpness is the same;
/// SAM's is another.
#[test]
fn adaptive_sharpness_does_not_see_the_scale_of_layers() {
    let model = Sequential::<f64>::mlp(&[3, 4, 2], Activation::Relu);
    let sharpness = |rule: SharpnessAware, a: f64| {
        let graph = Graph::new();
        let x = graph.constant(numbers([4, 3], -1.0, 1.0, 3));
        let labels = graph.index_constant(Tensor::new([4], vec![0, 1, 1, 0]));
        let loss = model.forward(x, Mode::Train).cross_entropy(labels);
        let variables = nn::Selection::all().variables(&graph, &model.parameters());
        let mut parameters = initialise(&model, 5);
        parameters.insert("linear1.bias", numbers([4], -0.2, 0.2, 9));
        for (name, factor) in [("linear1.weight", a), ("linear1.bias", a), ("linear2.weight", 1.0 / a)] {
            parameters.get_mut(name).unwrap().data_mut().iter_mut().for_each(|w| *w *= factor);
        }
        interpret(&[rule.sharpness(loss, &variables)], &[], Some(&parameters)).unwrap()[0].item()
    };
    let (adaptive, plain) = (SharpnessAware::adaptive(0.2, 0.0).unwrap(), SharpnessAware::new(0.2).unwrap());
    assert_close(sharpness(adaptive, 8.0), sharpness(adaptive, 1.0), 1e-13);
    assert!((sharpness(plain, 8.0) - sharpness(plain, 1.0)).abs() > 0.01);
}

#[test]
fn without_a_radius_the_gradient_is_the_gradient() {
    for rule in [SharpnessAware::new(0.0).unwrap(), SharpnessAware::adaptive(0.0, 0.1).unwrap()] {
        let graph = Graph::<f64>::new();
        let w = graph.input("w", [2]);
        let loss = QUADRATIC.loss(w);
        let before = graph.len();
        grad(loss, &[w]);
        let plain = graph.len() - before;
        rule.gradients_of(loss, &[w]);
        assert_eq!(graph.len() - before, 2 * plain);
        assert_eq!(rule.neighbour(&[w], &[w])[0].id(), w.id());
        let aware = Optimiser::sgd(0.1).with_gradients(rule);
        let (start, steps) = ([0.3, 0.9], 20);
        assert_eq!(
            descend(&start, steps, &aware, |w| QUADRATIC.loss(w)),
            descend(&start, steps, &Optimiser::sgd(0.1), |w| QUADRATIC.loss(w))
        );
    }
}

/// At a minimum the gradient is 0 and has no direction; a tiny one in single precision has.
#[test]
fn a_zero_gradient_moves_nothing_and_a_tiny_one_by_rho() {
    for rule in [SharpnessAware::new(0.5).unwrap(), SharpnessAware::adaptive(0.5, 0.0).unwrap()] {
        let w = numbers([3], -2.0, 2.0, 1);
        let moved = value(&[w.clone(), Tensor::zeros([3])], |x| rule.neighbour(&x[..1], &x[1..])[0]);
        assert_eq!(moved, w);
    }
    let graph = Graph::<f32>::new();
    let (w, g) = (graph.fill([2], 0.0), graph.constant(Tensor::new([2], vec![3e-25f32, 4e-25])));
    let moved = SharpnessAware::new(1.0).unwrap().neighbour(&[w], &[g])[0];
    let found = interpret(&[moved], &[], None).unwrap().remove(0);
    assert!((found.data()[0] - 0.6).abs() < 1e-6 && (found.data()[1] - 0.8).abs() < 1e-6);
    let nothing = graph.fill([0], 0.0);
    assert_eq!(SharpnessAware::new(1.0).unwrap().neighbour(&[nothing], &[nothing])[0].id(), nothing.id());
}

/// Running statistics after a step are those of one pass at the parameters before it, bit for bit.
#[test]
fn statistics_of_batch_normalisation_are_updated_once() {
    let model = Sequential::<f64>::new().linear(3, 4).then(BatchNorm::new("norm", 4)).linear(4, 2);
    let run = |optimiser: Optimiser<f64>| {
        let (graph, specs) = (Graph::new(), model.parameters());
        let x = graph.constant(numbers([6, 3], -1.0, 1.0, 3));
        let labels = graph.index_constant(Tensor::new([6], vec![0, 1, 1, 0, 1, 0]));
        let loss = model.forward(x, Mode::Train).cross_entropy(labels);
        let step = optimiser.minimise(loss, &specs);
        let mut plan = step.add_to(Plan::builder(&graph)).compile();
        let mut parameters = initialise(&model, 2);
        step.initialise_state(&mut parameters);
        plan.run(&mut parameters, &[(nn::LEARNING_RATE, Feed::from(0.1))]).unwrap();
        parameters
    };
    let plain = run(Optimiser::sgd(0.1));
    let aware = run(Optimiser::sgd(0.1).with_gradients(SharpnessAware::new(0.5).unwrap()));
    for name in ["norm.running_mean", "norm.running_variance"] {
        assert_eq!(plain[name], aware[name]);
        assert_ne!(aware[name], initialise(&model, 2)[name]);
    }
    assert_ne!(plain["linear1.weight"], aware["linear1.weight"]);
}

#[test]
fn a_trainer_takes_it() {
    let data = digits::load().unwrap().flattened().subset(&(0..100).collect::<Vec<_>>()).unwrap();
    let model = Sequential::<f32>::mlp(&[64, 12, 10], Activation::Relu);
    let aware = Optimiser::adam(0.03).with_gradients(SharpnessAware::new(0.05).unwrap());
    let mut parameters = initialise(&model, 1);
    let curve = Trainer::new(&model, aware).epochs(8).fit(&data, None, &mut parameters).unwrap();
    let objectives: Vec<f64> = curve.epochs.iter().map(|epoch| epoch.objective).collect();
    assert!(objectives[7] < 0.5 * objectives[0], "{objectives:?}");
}

#[test]
fn bad_numbers_are_refused() {
    for bad in [-0.1, f64::NAN, f64::INFINITY] {
        let expected = format!("the radius rho is {bad}, it must be finite and at least 0");
        assert_eq!(SharpnessAware::new(bad).unwrap_err().to_string(), expected);
        assert_eq!(SharpnessAware::adaptive(bad, 0.1).unwrap_err().to_string(), expected);
        let expected = format!("the offset eta is {bad}, it must be finite and at least 0");
        assert_eq!(SharpnessAware::adaptive(0.1, bad).unwrap_err().to_string(), expected);
    }
    assert_eq!(SharpnessAware::new(0.25).unwrap().rho(), 0.25);
}

#[test]
#[should_panic(expected = "SharpnessAware: a gradient of shape [3] for a parameter of shape [2]")]
fn gradients_are_of_the_parameters_shapes() {
    let graph = Graph::<f64>::new();
    let (w, g) = (graph.input("w", [2]), graph.input("g", [3]));
    SharpnessAware::new(0.1).unwrap().neighbour(&[w], &[g]);
}

/// A narrow valley beside a wide one of the same depth: plain descent stays in the narrow one, the
/// sharpness-aware step leaves it. (It comes to rest where its neighbour is at the bottom.)
#[test]
fn a_narrow_valley_is_left() {
    fn loss(w: Var<'_, f64>) -> Var<'_, f64> {
        let valley = |at: f64, width: f64| (((w - at) * (1.0 / width)).powi(2) * -0.5).exp();
        -(valley(0.0, 0.1) + valley(2.0, 1.0)).sum()
    }
    let plain = descend(&[0.02], 3000, &Optimiser::sgd(0.005), loss)[0];
    let rule = SharpnessAware::new(0.5).unwrap();
    let aware = descend(&[0.02], 3000, &Optimiser::sgd(0.005).with_gradients(rule), loss)[0];
    assert!(plain.abs() < 0.05, "{plain}");
    assert!(aware > 0.4, "{aware}");
}
