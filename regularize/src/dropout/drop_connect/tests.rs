use super::*;
use crate::testing::{assert_close, check, numbers, run, value};
use autograd::check::Checker;
use autograd::{Draw, Feed, Graph, Parameters, Tensor, grad, interpret};
use nn::recurrent::{Elman, Recurrent};
use nn::{Activation, Linear, Sequential, initialise};
use proptest::prelude::*;

fn linear(p: f64) -> DropConnect<Linear> {
    sized(3, 2, p)
}

fn sized(inputs: usize, outputs: usize, p: f64) -> DropConnect<Linear> {
    DropConnect::new(Linear::new("l", inputs, outputs), Selection::weights(), p).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(30) })]

    /// The layer against a product with a weight masked by hand; the bias stays.
    #[test]
    fn the_product_is_one_with_masked_weights(
        (n, inputs, outputs) in (0usize..4, 1usize..5, 1usize..5), p in 0.1..0.9, seed: u64,
    ) {
        let layer = sized(inputs, outputs, p);
        let mut parameters: Parameters<f64> = initialise(&layer, seed);
        parameters.insert("l.bias", numbers([outputs], -1.0, 1.0, seed));
        let graph = Graph::new();
        let x = numbers([n, inputs], -1.0, 1.0, seed);
        let y = layer.forward(graph.constant(x.clone()), Mode::Train);
        let mask = graph.uniform("l.weight.drop_connect.mask", [inputs, outputs]).greater_equal(p);
        let draw = Draw { seed, run: 1 };
        let (y, mask) = (run(y, &parameters, draw), run(mask, &parameters, draw));
        for (k, y) in y.data().iter().enumerate() {
            let (row, out) = (k / outputs, k % outputs);
            let weight = |i: usize| parameters["l.weight"][[i, out]] * mask[[i, out]] / (1.0 - p);
            let expected: f64 = (0..inputs).map(|i| x[[row, i]] * weight(i)).sum();
            assert_close(*y, expected + parameters["l.bias"][[out]], 1e-14);
        }
    }

    /// Mean and variance of `v W'` over all masks, up to 2⁹, are the formulas.
    #[test]
    fn moments_are_those_over_all_masks(
        p in 0.05..0.95, (inputs, outputs) in (1usize..4, 1usize..4), seed: u64,
    ) {
        let (v, w) = (numbers([1, inputs], -2.0, 2.0, seed), numbers([inputs, outputs], -2.0, 2.0, !seed));
        for layer in [sized(inputs, outputs, p), sized(inputs, outputs, p).classic()] {
            let (mut mean, mut square) = (vec![0.0; outputs], vec![0.0; outputs]);
            for (probability, mask) in Dropout::new(p).unwrap().masks::<f64>(inputs * outputs).unwrap() {
                let operands = [v.clone(), w.clone(), mask.reshape([inputs, outputs])];
                let y = value(&operands, |x| x[0].matmul(layer.apply(x[1], x[2])));
                for out in 0..outputs {
                    mean[out] += probability * y.data()[out];
                    square[out] += probability * y.data()[out].powi(2);
                }
            }
            let graph = Graph::new();
            let (m, s) = layer.moments(graph.constant(v.clone()), graph.constant(w.clone()));
            let found = interpret(&[m, s], &[], None).unwrap();
            for out in 0..outputs {
                assert_close(found[0].data()[out], mean[out], 1e-13);
                // A difference of squares of up to 1e4 at p near 1.
                assert_close(found[1].data()[out], square[out] - mean[out].powi(2), 1e-11);
            }
        }
    }
}

/// A frozen mask: the gradient is right, and 0 exactly where the weight is dropped.
#[test]
fn forward_and_backward_share_the_mask() {
    let model = Sequential::<f64>::mlp(&[3, 4, 2], Activation::Tanh);
    let layer = DropConnect::new(model, Selection::named("linear1.weight"), 0.5).unwrap();
    let (graph, parameters) = (Graph::new(), initialise(&layer, 1));
    let x = numbers([2, 3], -1.0, 1.0, 2);
    let input = graph.input("x", [2, 3]);
    let loss = layer.forward(input, Mode::Train).powi(2).sum();
    let specs = layer.parameters();
    let mut targets = Selection::all().variables(&graph, &specs);
    targets.push(input);
    let draw = Draw { seed: 7, run: 3 };
    let checker = Checker::new("drop connect").entries().draw(draw);
    let report = checker.graph(loss, &targets, &[("x", Feed::from(&x))], Some(&parameters)).unwrap().assert();
    assert_eq!(report.checked_fraction(), 1.0, "{report}");
    let weight = graph.parameter("linear1.weight", [3, 4]);
    let mask = graph.uniform("linear1.weight.drop_connect.mask", [3, 4]).greater_equal(0.5);
    let slope = grad(loss, &[weight])[0];
    let interpreter = autograd::Interpreter { parameters: &parameters, draw };
    let found = interpreter.run(&graph, &[mask.id(), slope.id()], &[("x", Feed::from(&x))]).unwrap();
    for (mask, slope) in found.get(mask).data().iter().zip(found.get(slope).data()) {
        assert_eq!(*mask == 0.0, *slope == 0.0);
    }
}

#[test]
fn derivatives_in_weights_and_mask_are_right() {
    let values = [numbers([3, 2], -2.0, 2.0, 1), numbers([3, 2], 0.0, 1.0, 2), numbers([2, 3], -1.0, 1.0, 3)];
    check("apply", &values, |v| v[2].matmul(linear(0.4).apply(v[0], v[1])).tanh().sum());
    check("moments", &[values[0].clone(), values[2].clone()], |v| {
        let (mean, variance) = linear(0.4).moments(v[1], v[0]);
        (mean.sin() + variance.powi(2)).sum()
    });
}

/// One mask for all steps of a recurrence comes for free: the weight is one node.
#[test]
fn any_layer_can_have_its_weights_dropped() {
    let recurrent = Recurrent::new(Elman::new("e", 2, 3)).last();
    let layer = DropConnect::new(recurrent, Selection::named("e.recurrent_weight"), 0.5).unwrap();
    let (graph, parameters) = (Graph::<f64>::new(), initialise(&layer, 1));
    let y = layer.forward(graph.constant(numbers([2, 4, 2], -1.0, 1.0, 1)), Mode::Train);
    assert_eq!(crate::dropout::bernoulli_masks(&[y]).len(), 1);
    let at = |number| run(y, &parameters, Draw { seed: 1, run: number });
    assert_eq!(at(1), at(1));
    assert_ne!(at(1), at(2));
}

/// A layer before it that uses the same weight keeps the whole of it.
#[test]
fn what_the_input_was_made_of_stays() {
    let tied = Linear::new("l", 3, 3);
    let layer = DropConnect::new(tied.clone(), Selection::all(), 0.5).unwrap();
    let (graph, parameters) = (Graph::<f64>::new(), initialise(&tied, 1));
    let first = tied.forward(graph.constant(numbers([2, 3], -1.0, 1.0, 1)), Mode::Train);
    let y = layer.forward(first, Mode::Train);
    let fixed = graph.constant(run(first, &parameters, Draw::default()));
    let expected = layer.forward(fixed, Mode::Train);
    assert_eq!(run(y, &parameters, Draw::default()), run(expected, &parameters, Draw::default()));
}

#[test]
fn what_changes_nothing_records_nothing() {
    let graph = Graph::<f64>::new();
    let x = graph.input("x", [2, 3]);
    let plain = linear(0.0).layer().forward(x, Mode::Train);
    let length = graph.len();
    let (none, evaluated) = (linear(0.0).forward(x, Mode::Train), linear(0.5).forward(x, Mode::Evaluate));
    // The layer again, twice, and nothing more.
    assert_eq!(graph.len() - length, 2 * (length - 3));
    let w = numbers([3, 2], -1.0, 1.0, 1);
    let parameters: Parameters<f64> = [("l.weight", w), ("l.bias", Tensor::zeros([2]))].into_iter().collect();
    let value = numbers([2, 3], -1.0, 1.0, 2);
    let found =
        interpret(&[plain, none, evaluated], &[("x", Feed::from(&value))], Some(&parameters)).unwrap();
    assert_eq!((&found[1], &found[2]), (&found[0], &found[0]));
}

#[test]
fn probabilities_are_checked() {
    for p in [1.0, -0.1, f64::NAN] {
        assert!(DropConnect::new(Linear::new("l", 3, 2), Selection::weights(), p).is_err());
    }
    assert_eq!(Layer::<f64>::output_shape(&linear(0.5), [4, 3].into()), Ok([4, 2].into()));
}
