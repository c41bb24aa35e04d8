use super::*;
use crate::dropout::bernoulli_masks;
use crate::testing::{assert_close, numbers, run};
use autograd::check::Checker;
use autograd::{Draw, Feed, Graph, Parameters, Tensor};
use nn::initialise;
use nn::recurrent::{Elman, Gru, Lstm};
use proptest::prelude::*;

const SHAPE: [usize; 3] = [2, 4, 3];

fn wrapped<C: Cell<f64>>(cell: C, inputs: f64, state: f64) -> VariationalDropout<C> {
    VariationalDropout::new(Recurrent::new(cell), inputs, state).unwrap()
}

fn forward(layer: &dyn Layer<f64>, x: &Tensor<f64>, mode: Mode, draw: Draw) -> Tensor<f64> {
    let graph = Graph::new();
    run(layer.forward(graph.constant(x.clone()), mode), &initialise(layer, 1), draw)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(20) })]

    /// Elman's recurrence by hand, with one mask for inputs and one for the state.
    #[test]
    fn every_step_sees_the_same_masks(
        (p, s) in (0.1..0.8, 0.1..0.8),
        (n, steps, inputs, units) in (1usize..4, 1usize..6, 1usize..4, 1usize..4),
        seed: u64,
    ) {
        let layer = wrapped(Elman::new("e", inputs, units), p, s);
        let x = numbers([n, steps, inputs], -1.0, 1.0, seed);
        let draw = Draw { seed, run: 2 };
        let found = forward(&layer, &x, Mode::Train, draw);
        let parameters: Parameters<f64> = initialise(&layer, 1);
        let graph = Graph::<f64>::new();
        let mask = |stream: &str, shape: &[usize], p: f64| {
            run(graph.uniform(stream, shape).greater_equal(p), &Parameters::new(), draw)
        };
        let (of_x, of_h) = (mask("e.inputs.mask", &[n, 1, inputs], p), mask("e.state.mask", &[n, units], s));
        let (w, u) = (&parameters["e.input_weight"], &parameters["e.recurrent_weight"]);
        for n in 0..n {
            let mut h = vec![0.0; units];
            for t in 0..steps {
                h = (0..units).map(|j| {
                    let part_of_x = |i: usize| x[[n, t, i]] * of_x[[n, 0, i]] / (1.0 - p) * w[[i, j]];
                    let from_x: f64 = (0..inputs).map(part_of_x).sum();
                    let from_h: f64 = (0..units).map(|i| h[i] * of_h[[n, i]] / (1.0 - s) * u[[i, j]]).sum();
                    (from_x + from_h).tanh()
                }).collect();
                (0..units).for_each(|j| assert_close(found[[n, t, j]], h[j], 1e-13));
            }
        }
    }
}

#[test]
fn every_cell_draws_two_masks_for_a_whole_sequence() {
    fn masks<C: Cell<f64>>(cell: C) -> Vec<(String, usize)> {
        let graph = Graph::new();
        let y = wrapped(cell, 0.5, 0.5).forward(graph.input("x", SHAPE), Mode::Train);
        let mut found: Vec<_> =
            bernoulli_masks(&[y]).iter().map(|m| (m.stream.to_string(), m.mask.shape().numel())).collect();
        found.sort();
        found.dedup();
        found
    }
    let expected = [("c.inputs.mask".to_string(), 6), ("c.state.mask".to_string(), 10)];
    assert_eq!(masks(Elman::new("c", 3, 5)), expected);
    assert_eq!(masks(Gru::new("c", 3, 5)), expected);
    assert_eq!(masks(Lstm::new("c", 3, 5)), expected);
}

/// What a GRU or an LSTM carries over is not masked: with recurrent weights of zero the state's mask has no say.
#[test]
fn what_is_carried_over_is_not_masked() {
    fn check<C: Cell<f64> + Clone>(cell: C, recurrent: &str) {
        let graph = Graph::new();
        let x = graph.constant(numbers(SHAPE, -1.0, 1.0, 1));
        let plain = Layer::<f64>::forward(&Recurrent::new(cell.clone()), x, Mode::Train);
        let masked = wrapped(cell.clone(), 0.0, 0.5).forward(x, Mode::Train);
        let mut parameters: Parameters<f64> = initialise(&Recurrent::new(cell), 1);
        parameters.get_mut(recurrent).unwrap().data_mut().fill(0.0);
        assert_eq!(run(masked, &parameters, Draw::default()), run(plain, &parameters, Draw::default()));
    }
    check(Gru::new("c", 3, 5), "c.recurrent_weight");
    check(Lstm::new("c", 3, 5), "c.recurrent_weight");
}

#[test]
fn derivatives_with_frozen_masks_are_right() {
    fn check<C: Cell<f64>>(cell: C) {
        let layer = wrapped(cell, 0.4, 0.4);
        let (graph, parameters) = (Graph::<f64>::new(), initialise(&layer, 1));
        let input = graph.input("x", SHAPE);
        let loss = layer.forward(input, Mode::Train).powi(2).sum();
        let mut targets: Vec<_> = graph.parameters().into_iter().map(|(_, var)| var).collect();
        targets.push(input);
        let x = numbers(SHAPE, -1.0, 1.0, 2);
        let checker = Checker::new("variational").draw(Draw { seed: 7, run: 3 }).allow_zero_gradient();
        checker.graph(loss, &targets, &[("x", Feed::from(&x))], Some(&parameters)).unwrap().assert();
    }
    check(Elman::new("c", 3, 2));
    check(Gru::new("c", 3, 2));
    check(Lstm::new("c", 3, 2));
}

#[test]
fn without_probabilities_and_in_evaluation_it_is_the_layer() {
    let x = numbers(SHAPE, -1.0, 1.0, 1);
    let plain = Recurrent::new(Gru::new("c", 3, 5));
    let expected = forward(&plain, &x, Mode::Train, Draw::default());
    assert_eq!(forward(&wrapped(Gru::new("c", 3, 5), 0.0, 0.0), &x, Mode::Train, Draw::default()), expected);
    let half = wrapped(Gru::new("c", 3, 5), 0.5, 0.5);
    assert_eq!(forward(&half, &x, Mode::Evaluate, Draw::default()), expected);
    let at = |number| forward(&half, &x, Mode::Sample, Draw { seed: 1, run: number });
    assert_eq!(at(1), at(1));
    assert_ne!(at(1), at(2));
    // It records what the layer does, and nothing more.
    let (one, other) = (Graph::<f64>::new(), Graph::<f64>::new());
    half.forward(one.input("x", SHAPE), Mode::Evaluate);
    plain.forward(other.input("x", SHAPE), Mode::Evaluate);
    assert_eq!(one.len(), other.len());
}

#[test]
fn bad_input_is_refused() {
    for p in [1.0, -0.1, f64::NAN] {
        assert!(VariationalDropout::new(Recurrent::new(Elman::new("e", 3, 2)), p, 0.5).is_err());
        assert!(VariationalDropout::new(Recurrent::new(Elman::new("e", 3, 2)), 0.5, p).is_err());
    }
    let layer = wrapped(Elman::new("e", 3, 2), 0.5, 0.5);
    assert!(Layer::<f64>::output_shape(&layer, [2, 3].into()).is_err());
    assert_eq!(Layer::<f64>::output_shape(&layer, [2, 7, 3].into()), Ok([2, 7, 2].into()));
}
