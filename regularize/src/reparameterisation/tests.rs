use super::*;
use crate::dropout::DropConnect;
use crate::noise::WeightNoise;
use crate::testing::{assert_close, check, numbers, run, value};
use autograd::check::check_gradient;
use autograd::{Draw, Feed, Graph, Parameters, Plan, Shape, Tensor, grad};
use nn::initialise::{Initialiser, initial_value};
use nn::{Activation, BatchNorm, Convolution, LEARNING_RATE, Linear, Optimiser, Sequential, initialise};
use proptest::prelude::*;

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// A matrix with these singular values, its first left and its first right singular vector.
fn matrix(rows: usize, columns: usize, sigma: &[f64], seed: u64) -> (Tensor<f64>, Vec<f64>, Vec<f64>) {
    let orthogonal =
        |name, n| initial_value::<f64>(Initialiser::Orthogonal { gain: 1.0 }, seed, name, [n, n].into());
    let (left, right) = (orthogonal("u", rows), orthogonal("v", columns));
    let w = Tensor::from_fn([rows, columns], |at| {
        let (i, j) = (at / columns, at % columns);
        sigma
            .iter()
            .enumerate()
            .map(|(k, s)| left.data()[i * rows + k] * s * right.data()[j * columns + k])
            .sum()
    });
    let first = |m: &Tensor<f64>, n: usize| (0..n).map(|i| m.data()[i * n]).collect();
    (w, first(&left, rows), first(&right, columns))
}

// --- weight normalisation

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]

    #[test]
    fn each_unit_has_its_gain_as_length(rows in 0usize..5, columns in 0usize..5, seed: u64) {
        let (v, g) = (numbers([rows, columns], -2.0, 2.0, seed), numbers([columns], -2.0, 2.0, seed ^ 1));
        let w = value(&[v.clone(), g.clone()], |x| weight_normalised(x[0], x[1]));
        for unit in 0..columns {
            let column = |m: &Tensor<f64>| (0..rows).map(|i| m.data()[i * columns + unit]).collect::<Vec<_>>();
            let (v, w) = (column(&v), column(&w));
            let length = dot(&v, &v).sqrt();
            for (v, w) in v.iter().zip(&w) {
                // Three roundings of numbers of order one.
                assert_close(*w, g.data()[unit] * v / length, 1e-15);
            }
        }
    }

    /// The two printed gradients; that in `v` is orthogonal to `v`.
    #[test]
    fn gradients_in_length_and_direction_are_the_printed_ones(rows in 1usize..5, seed: u64) {
        let (v, g) = (numbers([rows, 1], 0.5, 2.0, seed), 1.7);
        let cotangent = numbers([rows, 1], -2.0, 2.0, seed ^ 1);
        let of = |which: usize| value(&[v.clone(), Tensor::full([1], g), cotangent.clone()], |x| {
            grad((weight_normalised(x[0], x[1]) * x[2]).sum(), &[x[0], x[1]])[which]
        });
        let (v, c) = (v.data(), cotangent.data());
        let length = dot(v, v).sqrt();
        assert_close(of(1).data()[0], dot(c, v) / length, 1e-14);
        let slope = of(0);
        for i in 0..rows {
            let expected = g / length * (c[i] - dot(c, v) * v[i] / (length * length));
            // A few roundings of numbers below 10.
            assert_close(slope.data()[i], expected, 1e-14);
        }
        prop_assert!(dot(slope.data(), v).abs() < 1e-13);
    }

    // --- spectral normalisation

    /// Against singular values that the matrix was made of.
    #[test]
    fn power_iteration_finds_the_largest_singular_value(
        rows in 1usize..6, columns in 1usize..6, rest in prop::array::uniform4(0.0..1.5f64), seed in 0u64..1000,
    ) {
        let sigma: Vec<f64> = [2.0].into_iter().chain(rest).take(rows.min(columns)).collect();
        let (w, u, v) = matrix(rows, columns, &sigma, seed);
        let start = numbers([columns], 0.5, 1.5, seed);
        let of = |which: usize| value(&[w.clone(), start.clone()], |x| {
            // The ratio of the values to the first is at most 0.75: its square to the 100th is 1e-25.
            let found = power_iteration(x[0], x[1], 100);
            [found.sigma, found.left, found.right][which]
        });
        assert_close(of(0).item(), 2.0, 1e-13);
        let sign = dot(of(2).data(), &v).signum();
        for (found, vector) in [(of(1), u), (of(2), v)] {
            found.data().iter().zip(vector).for_each(|(a, b)| assert_close(*a, sign * b, 1e-12));
        }
    }

    /// An estimate is never above the largest singular value, whatever it starts from.
    #[test]
    fn the_estimate_comes_from_below(rounds in 0usize..4, seed in 0u64..1000) {
        let (w, ..) = matrix(4, 3, &[2.0, 1.9, 0.3], seed);
        let start = numbers([3], -1.0, 1.0, seed);
        let sigma = |rounds| value(&[w.clone(), start.clone()], |x| power_iteration(x[0], x[1], rounds).sigma).item();
        prop_assert!(sigma(rounds) <= sigma(rounds + 1) + 1e-14 && sigma(rounds + 1) <= 2.0 + 1e-14);
    }

    /// `G/σ - ⟨G, W⟩/σ² u vᵀ`.
    #[test]
    fn the_gradient_is_the_printed_one(seed in 0u64..1000) {
        let (w, u, v) = matrix(4, 3, &[2.0, 1.2, 0.3], seed);
        let g = numbers([4, 3], -1.0, 1.0, seed);
        let start = numbers([3], 0.5, 1.5, seed);
        let found = value(&[w.clone(), start, g.clone()], |x| {
            let sigma = power_iteration(x[0], x[1], 100).sigma;
            grad((spectrally_normalised(x[0], sigma) * x[2]).sum(), &[x[0]])[0]
        });
        for (i, found) in found.data().iter().enumerate() {
            let expected = g.data()[i] / 2.0 - dot(g.data(), w.data()) / 4.0 * u[i / 3] * v[i % 3];
            assert_close(*found, expected, 1e-12);
        }
    }
}

#[test]
fn derivatives_of_weight_normalisation_are_right() {
    for shape in [vec![3, 2], vec![2, 1, 2, 3], vec![4, 1]] {
        let units = *shape.last().unwrap();
        let values = [numbers(Shape::new(&shape), -2.0, 2.0, 1), numbers([units], -2.0, 2.0, 2)];
        check("weight_normalised", &values, |x| weight_normalised(x[0], x[1]).powi(3).sum());
    }
    let slope = value(&[Tensor::zeros([2, 2]), Tensor::full([2], 1.0)], |x| {
        grad(weight_normalised(x[0], x[1]).sum(), &[x[0]])[0]
    });
    assert!(slope.data().iter().all(|s| s.is_finite()), "{slope:?}");
}

/// The vectors are constants to differentiation, and at the true ones that makes no difference.
#[test]
fn the_derivative_of_spectral_normalisation_is_that_of_the_whole() {
    let (w, ..) = matrix(3, 4, &[2.0, 1.1, 0.3], 5);
    let of = |w: &[f64], slope: bool| {
        let values = [Tensor::new([3, 4], w.to_vec()), numbers([4], 0.5, 1.5, 1)];
        value(&values, |x| {
            let y = spectrally_normalised(x[0], power_iteration(x[0], x[1], 100).sigma).powi(3).sum();
            if slope { grad(y, &[x[0]])[0] } else { y }
        })
    };
    let report = check_gradient(|w| of(w, false).item(), |w| of(w, true).into_data(), w.data());
    assert!(report.is_success(), "{report}");
}

/// The vectors are constants: whatever the start, the derivative of `σ = uᵀ W v` is `u vᵀ`.
#[test]
fn singular_vectors_are_constants_of_the_estimate() {
    let (w, v) = (numbers([4, 3], -1.0, 1.0, 1), numbers([3], -1.0, 1.0, 2));
    for rounds in [0, 1, 3] {
        let found = value(&[w.clone(), v.clone()], |x| {
            let found = power_iteration(x[0], x[1], rounds);
            let outer = found.left.reshape([4, 1]) * found.right.reshape([1, 3]);
            Var::stack(&[grad(found.sigma, &[x[0]])[0], outer])
        });
        let (slope, outer) = found.data().split_at(12);
        slope.iter().zip(outer).for_each(|(a, b)| assert_close(*a, *b, 1e-15));
    }
}

#[test]
fn empty_and_zero_matrices_are_harmless() {
    for shape in [[0, 3], [3, 0], [0, 0], [2, 3]] {
        let found = value(&[Tensor::zeros(shape), Tensor::full([shape[1]], 1.0)], |x| {
            let sigma = power_iteration(x[0], x[1], 2).sigma;
            let y = spectrally_normalised(x[0], sigma).sum() + sigma;
            y + grad(y, &[x[0]])[0].sum() * 0.0
        });
        assert_eq!(found.item(), 0.0, "{shape:?}");
    }
    // Numbers whose squares single precision does not have.
    let graph = Graph::<f32>::new();
    let w = graph.constant(Tensor::new([2, 2], vec![2e-30, 0.0, 0.0, 1e-30]));
    let sigma = power_iteration(w, graph.constant(Tensor::full([2], 1.0)), 40).sigma;
    let found = autograd::interpret(&[sigma], &[], None).unwrap()[0].item();
    assert!((found / 2e-30 - 1.0).abs() < 1e-6, "{found}");
}

// --- as layers

/// The outputs of a layer for given parameters.
fn outputs(layer: &dyn Layer<f64>, parameters: &Parameters<f64>, mode: Mode, shape: &[usize]) -> Tensor<f64> {
    let graph = Graph::new();
    let x = graph.constant(numbers(Shape::new(shape), -1.0, 1.0, 9));
    run(layer.forward(x, mode), parameters, Draw::default())
}

#[test]
fn adopting_the_lengths_changes_nothing() {
    let convolution = Convolution::new("c", 2, 3, autograd::Window::new([2, 2]));
    let wrapped = WeightNorm::new(convolution.clone());
    let mut parameters = initialise::<f64>(&wrapped, 1);
    assert_eq!(parameters["c.weight.gain"].data(), [1.0; 3]);
    wrapped.adopt(&mut parameters).unwrap();
    let shape = [2, 2, 4, 4];
    let (a, b) = (
        outputs(&wrapped, &parameters, Mode::Train, &shape),
        outputs(&convolution, &parameters, Mode::Train, &shape),
    );
    // The length divided out and multiplied back.
    a.data().iter().zip(b.data()).for_each(|(a, b)| assert_close(*a, *b, 1e-14));
    let error = wrapped.adopt(&mut Parameters::<f64>::new()).unwrap_err().to_string();
    assert_eq!(error, "there is no parameter `c.weight`; there are: none");
}

#[test]
fn a_matrix_below_the_bound_keeps_every_bit() {
    let linear = Linear::new("l", 4, 3);
    let wrapped = SpectralNorm::new(linear.clone()).bound(100.0).unwrap().only_above();
    let parameters = initialise::<f64>(&wrapped, 1);
    for mode in [Mode::Train, Mode::Evaluate] {
        let found = outputs(&wrapped, &parameters, mode, &[5, 4]);
        assert_eq!(found, outputs(&linear, &parameters, mode, &[5, 4]));
    }
}

/// A training at a learning rate of 0 changes nothing but the estimate, which comes to the truth; evaluation does
/// not move it.
#[test]
fn the_estimate_moves_in_training_only() {
    let layer = SpectralNorm::new(Linear::new("l", 4, 3).without_bias());
    let (w, _, v) = matrix(4, 3, &[3.0, 1.0, 0.5], 2);
    let mut parameters = initialise::<f64>(&layer, 1);
    parameters.insert("l.weight", w.clone());
    let begun = parameters.clone();
    let specs = Layer::<f64>::parameters(&layer);
    for mode in [Mode::Evaluate, Mode::Sample] {
        let graph = Graph::<f64>::new();
        let y = layer.forward(graph.constant(numbers([2, 4], -1.0, 1.0, 3)), mode);
        assert!(graph.proposed_updates().is_empty());
        let step = Optimiser::sgd(0.0).minimise(y.norm_squared(), &specs);
        let mut plan = step.add_to(Plan::builder(&graph)).compile();
        plan.run(&mut parameters, &[(LEARNING_RATE, Feed::from(0.0))]).unwrap();
        assert_eq!(parameters, begun, "{mode:?}");
    }
    let graph = Graph::<f64>::new();
    let y = layer.forward(graph.constant(numbers([2, 4], -1.0, 1.0, 3)), Mode::Train);
    assert_eq!(graph.proposed_updates().len(), 1);
    let step = Optimiser::sgd(0.0).minimise(y.norm_squared(), &specs);
    let mut plan = step.add_to(Plan::builder(&graph)).compile();
    for _ in 0..40 {
        plan.run(&mut parameters, &[(LEARNING_RATE, Feed::from(0.0))]).unwrap();
    }
    assert_eq!(parameters["l.weight"], w);
    let found = parameters["l.weight.singular"].data();
    let sign = dot(found, &v).signum();
    // The others have shrunk to (1/9)^40.
    found.iter().zip(&v).for_each(|(a, b)| assert_close(*a, sign * b, 1e-14));
    // And the layer is W / 3.
    let whole = outputs(&Linear::new("l", 4, 3).without_bias(), &parameters, Mode::Evaluate, &[2, 4]);
    let normalised = outputs(&layer, &parameters, Mode::Evaluate, &[2, 4]);
    for (a, b) in normalised.data().iter().zip(whole.data()) {
        assert_close(*a, b / 3.0, 1e-14);
    }
}

#[test]
fn a_bound_scales_what_is_left() {
    let bounded = SpectralNorm::new(Linear::new("l", 4, 3).without_bias()).bound(2.5).unwrap();
    let plain = SpectralNorm::new(Linear::new("l", 4, 3).without_bias());
    let parameters = initialise::<f64>(&plain, 1);
    let (a, b) = (
        outputs(&bounded, &parameters, Mode::Train, &[2, 4]),
        outputs(&plain, &parameters, Mode::Train, &[2, 4]),
    );
    a.data().iter().zip(b.data()).for_each(|(a, b)| assert_close(*a, 2.5 * b, 1e-14));
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(SpectralNorm::new(Linear::new("l", 4, 3)).bound(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_whole_network_can_be_wrapped_and_an_example_stands_alone() {
    let model = Sequential::<f64>::mlp(&[4, 5, 3], Activation::Tanh);
    let wrapped = SpectralNorm::new(WeightNorm::new(model));
    let names: Vec<_> = Layer::<f64>::parameters(&wrapped).into_iter().map(|spec| spec.name).collect();
    assert!(
        names.contains(&"linear2.weight.gain".into()) && names.contains(&"linear1.weight.singular".into())
    );
    let parameters = initialise::<f64>(&wrapped, 1);
    let batch = numbers([3, 4], -1.0, 1.0, 9);
    let of = |x: &Tensor<f64>| {
        let graph = Graph::new();
        run(wrapped.forward(graph.constant(x.clone()), Mode::Train), &parameters, Draw::default())
    };
    let whole = of(&batch);
    for row in 0..3 {
        let alone = of(&batch.rows(&[row]));
        alone.data().iter().zip(whole.rows(&[row]).data()).for_each(|(a, b)| assert_close(*a, *b, 1e-15));
    }
}

/// Running statistics are those of what the changed weights make, and never of the weights as they stand.
#[test]
fn batch_normalisation_within_sees_the_changed_weights() {
    let model = || Sequential::<f64>::new().linear(4, 3).then(BatchNorm::new("n", 3)).linear(3, 2);
    let layers: [Box<dyn Layer<f64>>; 3] = [
        Box::new(WeightNorm::new(model())),
        Box::new(DropConnect::new(model(), Selection::weights(), 0.5).unwrap()),
        Box::new(WeightNoise::new(model(), Selection::weights(), 0.5).unwrap()),
    ];
    let (x, draw) = (numbers([5, 4], -1.0, 1.0, 1), Draw { seed: 1, run: 2 });
    for layer in layers {
        let mut parameters = initialise(&*layer, 3);
        if let Some(gain) = parameters.get_mut("linear1.weight.gain") {
            gain.data_mut().fill(7.0);
        }
        let graph = Graph::new();
        let input = graph.constant(x.clone());
        layer.forward(input, Mode::Train);
        let proposed = graph.proposed_updates();
        assert_eq!(proposed.len(), 2);
        // The first layer alone, changed in the same way.
        let first = |inner: Linear| -> Box<dyn Layer<f64>> {
            let name = format!("{layer:?}");
            match () {
                () if name.starts_with("WeightNorm") => Box::new(WeightNorm::new(inner)),
                () if name.starts_with("DropConnect") => {
                    Box::new(DropConnect::new(inner, Selection::weights(), 0.5).unwrap())
                }
                () => Box::new(WeightNoise::new(inner, Selection::weights(), 0.5).unwrap()),
            }
        };
        let before = first(Linear::new("linear1", 4, 3)).forward(input, Mode::Train);
        let plain = Linear::new("linear1", 4, 3).forward(input, Mode::Train);
        let mean = |h: Var<'_, f64>| run(h.mean_over(&[0]) * 0.1, &parameters, draw);
        let found = run(proposed[0].1, &parameters, draw);
        for ((found, expected), plain) in found.data().iter().zip(mean(before).data()).zip(mean(plain).data())
        {
            assert_close(*found, *expected, 1e-15);
            assert!((found - plain).abs() > 1e-6, "{layer:?}: {found}");
        }
    }
}

/// A pass that only looks proposes nothing, changed or not.
#[test]
fn a_look_at_changed_weights_leaves_statistics_alone() {
    let model = Sequential::<f64>::new().linear(4, 3).then(BatchNorm::new("n", 3));
    let (graph, layer) = (Graph::new(), WeightNorm::new(model));
    let x = graph.input("x", [2, 4]);
    graph.without_proposals(|| layer.forward(x, Mode::Train));
    assert!(graph.proposed_updates().is_empty());
}

#[test]
#[should_panic(expected = "weight_normalised: 3 units have no gains of shape [2]")]
fn gains_are_one_for_each_unit() {
    value(&[Tensor::zeros([2, 3]), Tensor::zeros([2])], |x| weight_normalised(x[0], x[1]));
}
