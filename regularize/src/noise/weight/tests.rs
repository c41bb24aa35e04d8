use super::*;
use crate::testing::{assert_close, check, numbers, run, value};
use autograd::check::Checker;
use autograd::{Draw, Feed, Graph, Parameters, Tensor, grad, interpret};
use nn::{Activation, Linear, Sequential, initialise};
use proptest::prelude::*;

fn noise(deviation: f64) -> WeightNoise<Linear> {
    WeightNoise::new(Linear::new("l", 3, 2), Selection::weights(), deviation).unwrap()
}

/// `(y - (w + σ ν)ᵀx)²` of `x`, `w` and `ν`.
fn loss<'g>(v: &[Var<'g, f64>], y: f64, deviation: f64) -> Var<'g, f64> {
    (y - (noise(deviation).apply(v[1], v[2]) * v[0]).sum()).powi(2)
}

/// All vectors of `±1`, `[n]`.
fn signs(n: usize) -> impl Iterator<Item = Tensor<f64>> {
    (0..1u32 << n).map(move |bits| Tensor::from_fn([n], |i| if bits >> i & 1 == 1 { 1.0 } else { -1.0 }))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(20) })]

    #[test]
    fn the_layer_is_at_noisy_weights(
        (n, inputs, outputs) in (0usize..4, 1usize..5, 1usize..5), deviation in 0.1..2.0, seed: u64,
    ) {
        let layer = Linear::new("l", inputs, outputs);
        let layer = WeightNoise::new(layer, Selection::weights(), deviation).unwrap();
        let mut parameters: Parameters<f64> = initialise(&layer, seed);
        parameters.insert("l.bias", numbers([outputs], -1.0, 1.0, seed));
        let (graph, x, draw) = (Graph::new(), numbers([n, inputs], -1.0, 1.0, seed), Draw { seed, run: 1 });
        let y = run(layer.forward(graph.constant(x.clone()), Mode::Train), &parameters, draw);
        let drawn = run(graph.normal("l.weight.weight_noise", [inputs, outputs]), &parameters, draw);
        for (k, y) in y.data().iter().enumerate() {
            let (row, out) = (k / outputs, k % outputs);
            let weight = |i: usize| parameters["l.weight"][[i, out]] + deviation * drawn[[i, out]];
            let expected: f64 = (0..inputs).map(|i| x[[row, i]] * weight(i)).sum();
            // The bias stays. Sums of five numbers of up to a dozen.
            assert_close(*y, expected + parameters["l.bias"].data()[out], 1e-13);
        }
    }

    /// A linear model gains the constant `σ² ‖x‖²`, over all signs; its gradient in the weights is the same.
    #[test]
    fn a_linear_model_gains_a_constant(n in 1usize..7, deviation in 0.0..2.0, y in -2.0..2.0, seed: u64) {
        let (x, w) = (numbers([n], -2.0, 2.0, seed), numbers([n], -2.0, 2.0, !seed));
        let (mut mean, mut slope, share) = (0.0, vec![0.0; n], 0.5f64.powi(n as i32));
        for draw in signs(n) {
            let inputs = [x.clone(), w.clone(), draw];
            mean += value(&inputs, |v| loss(v, y, deviation)).item() * share;
            let gradient = value(&inputs, |v| grad(loss(v, y, deviation), &[v[1]])[0]);
            (0..n).for_each(|i| slope[i] += gradient.data()[i] * share);
        }
        let residual: f64 = y - x.data().iter().zip(w.data()).map(|(x, w)| x * w).sum::<f64>();
        let constant: f64 = deviation * deviation * x.data().iter().map(|x| x * x).sum::<f64>();
        assert_close(mean, residual * residual + constant, 1e-13);
        (0..n).for_each(|i| assert_close(slope[i], -2.0 * residual * x.data()[i], 1e-12));
    }
}

/// A network that fits its target: what the noise adds is `σ² ‖∇_W y‖²`, and the rest falls as `σ⁴`.
#[test]
fn a_network_that_fits_gains_its_slope_squared_to_second_order() {
    let (x, w) = (numbers([2], -1.0, 1.0, 1), numbers([8], -1.0, 1.0, 2));
    fn output<'g>(x: Var<'g, f64>, w: Var<'g, f64>) -> Var<'g, f64> {
        let hidden = x.reshape([1, 2]).matmul(w.slice(0, 0, 4).reshape([2, 2])).tanh();
        (hidden * w.slice(0, 4, 6).reshape([1, 2]) + w.slice(0, 6, 8).reshape([1, 2])).sum()
    }
    let target = value(&[x.clone(), w.clone()], |v| output(v[0], v[1])).item();
    let slope =
        value(&[x.clone(), w.clone()], |v| grad(output(v[0], v[1]), &[v[1]])[0].norm_squared()).item();
    let rest = |deviation: f64| {
        let noise = noise(deviation);
        let loss = |draw: Tensor<f64>| {
            let inputs = [x.clone(), w.clone(), draw];
            value(&inputs, |v| (output(v[0], noise.apply(v[1], v[2])) - target).powi(2)).item()
        };
        (signs(8).map(loss).sum::<f64>() / 256.0 - deviation * deviation * slope).abs()
    };
    let deviations = [0.08, 0.04, 0.02];
    let rests = deviations.map(rest);
    for pair in rests.windows(2) {
        let order = (pair[0] / pair[1]).log2();
        assert!((order - 4.0).abs() < 0.1, "order {order} of {rests:?}");
    }
    assert!(rests[2] < 0.01 * deviations[2].powi(2) * slope);
}

#[test]
fn derivatives_are_right() {
    let values = [numbers([3, 2], -2.0, 2.0, 1), numbers([3, 2], -2.0, 2.0, 2)];
    check("apply", &values, |v| noise(0.4).apply(v[0], v[1]).powi(3).sum());
    let model = Sequential::<f64>::mlp(&[3, 4, 2], Activation::Tanh);
    let layer = WeightNoise::new(model, Selection::all(), 0.3).unwrap();
    let (graph, parameters) = (Graph::new(), initialise(&layer, 1));
    let input = graph.input("x", [2, 3]);
    let loss = layer.forward(input, Mode::Train).powi(2).sum();
    let mut targets = Selection::all().variables(&graph, &layer.parameters());
    targets.push(input);
    let x = numbers([2, 3], -1.0, 1.0, 2);
    let checker = Checker::new("noisy network").entries().draw(Draw { seed: 7, run: 3 });
    let report = checker.graph(loss, &targets, &[("x", Feed::from(&x))], Some(&parameters)).unwrap().assert();
    assert_eq!(report.checked_fraction(), 1.0, "{report}");
}

#[test]
fn without_noise_and_in_evaluation_it_is_the_layer() {
    let (one, other) = (Graph::<f64>::new(), Graph::<f64>::new());
    noise(0.0).forward(one.input("x", [2, 3]), Mode::Train);
    noise(0.5).layer().forward(other.input("x", [2, 3]), Mode::Train);
    assert_eq!(one.len(), other.len());
    let graph = Graph::<f64>::new();
    let x = graph.constant(numbers([2, 3], -1.0, 1.0, 1));
    let [plain, evaluated, first] = [
        noise(0.5).layer().forward(x, Mode::Evaluate),
        noise(0.5).forward(x, Mode::Evaluate),
        noise(0.5).forward(x, Mode::Sample),
    ];
    let parameters = initialise(&noise(0.5), 1);
    let found = interpret(&[plain, evaluated, first], &[], Some(&parameters)).unwrap();
    assert_eq!(found[0], found[1]);
    assert_ne!(found[0], found[2]);
    let at = |number| run(first, &parameters, Draw { seed: 1, run: number });
    assert_eq!(at(1), at(1));
    assert_ne!(at(1), at(2));
}

#[test]
fn deviations_are_checked() {
    for deviation in [-0.1, f64::NAN, f64::INFINITY] {
        assert!(WeightNoise::new(Linear::new("l", 3, 2), Selection::weights(), deviation).is_err());
    }
}
