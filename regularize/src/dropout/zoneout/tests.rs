use super::*;
use crate::dropout::Dropout;
use crate::testing::{assert_close, check, numbers, run, shapes, value};
use autograd::check::Checker;
use autograd::{Draw, Feed, Graph, Parameters, Tensor};
use nn::initialise;
use nn::recurrent::{Elman, Gru, Lstm};
use proptest::prelude::*;

const SHAPE: [usize; 3] = [2, 4, 3];

fn wrapped<C: Cell<f64>>(cell: C, hidden: f64, memory: f64) -> Zoneout<C> {
    Zoneout::new(Recurrent::new(cell), hidden, memory).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(30) })]

    #[test]
    fn a_unit_keeps_its_value_or_takes_the_new_one(shape in shapes(), seed: u64) {
        let (old, new) = (numbers(shape, -2.0, 2.0, seed), numbers(shape, -2.0, 2.0, !seed));
        let mask = Tensor::from_fn(shape, |i| f64::from(i % 2 == 0));
        let found = value(&[old.clone(), new.clone(), mask], |v| Zoneout::<Elman>::apply(v[0], v[1], v[2]));
        for (i, found) in found.data().iter().enumerate() {
            prop_assert_eq!(*found, if i % 2 == 0 { new.data()[i] } else { old.data()[i] });
        }
    }

    /// The mean over both masks of a unit is what prediction says.
    #[test]
    fn the_mean_is_the_prediction(p in 0.0..0.95, old in -2.0..2.0, new in -2.0..2.0) {
        let mut mean = 0.0;
        for (probability, mask) in Dropout::new(p).unwrap().masks::<f64>(1).unwrap() {
            let inputs = [Tensor::full([1], old), Tensor::full([1], new), mask];
            mean += probability * value(&inputs, |v| Zoneout::<Elman>::apply(v[0], v[1], v[2])).item();
        }
        assert_close(mean, (1.0 - p) * new + p * old, 1e-15);
    }

    /// Elman's recurrence by hand, with the draws of each step, and its mean in evaluation.
    #[test]
    fn steps_skip_updates_by_draws_of_their_own(
        p in 0.1..0.9,
        (rows, steps, inputs, units) in (1usize..4, 1usize..6, 1usize..4, 1usize..4),
        seed: u64,
    ) {
        let layer = wrapped(Elman::new("e", inputs, units), p, 0.0);
        let (x, draw) = (numbers([rows, steps, inputs], -1.0, 1.0, seed), Draw { seed, run: 2 });
        let parameters: Parameters<f64> = initialise(&layer, 1);
        let graph = Graph::<f64>::new();
        let input = graph.constant(x.clone());
        let found = run(layer.forward(input, Mode::Train), &parameters, draw);
        let expected = run(layer.forward(input, Mode::Evaluate), &parameters, draw);
        let (w, u) = (&parameters["e.input_weight"], &parameters["e.recurrent_weight"]);
        for n in 0..rows {
            let (mut drawn, mut mean) = (vec![0.0; units], vec![0.0; units]);
            for t in 0..steps {
                let uniform = graph.uniform(&format!("e.zoneout.hidden.{t}"), [rows, units]);
                let uniform = run(uniform, &Parameters::new(), draw);
                let step = |h: &[f64]| -> Vec<f64> {
                    let unit = |j: usize| {
                        let from_x: f64 = (0..inputs).map(|i| x[[n, t, i]] * w[[i, j]]).sum();
                        (from_x + (0..units).map(|i| h[i] * u[[i, j]]).sum::<f64>()).tanh()
                    };
                    (0..units).map(unit).collect()
                };
                let (of_drawn, of_mean) = (step(&drawn), step(&mean));
                for j in 0..units {
                    drawn[j] = if uniform[[n, j]] < p { drawn[j] } else { of_drawn[j] };
                    mean[j] = (1.0 - p) * of_mean[j] + p * mean[j];
                    assert_close(found[[n, t, j]], drawn[j], 1e-13);
                    assert_close(expected[[n, t, j]], mean[j], 1e-13);
                }
            }
        }
    }
}

#[test]
fn derivatives_are_right() {
    let values = [1, 2, 3].map(|seed| numbers([3, 2], 0.1, 0.9, seed));
    check("apply", &values, |v| Zoneout::<Elman>::apply(v[0], v[1], v[2]).powi(3).sum());
    let layer = wrapped(Lstm::new("c", 3, 2), 0.3, 0.5);
    let (graph, parameters) = (Graph::<f64>::new(), initialise(&layer, 1));
    let input = graph.input("x", SHAPE);
    let loss = layer.forward(input, Mode::Train).powi(2).sum();
    let mut targets: Vec<_> = graph.parameters().into_iter().map(|(_, var)| var).collect();
    targets.push(input);
    let x = numbers(SHAPE, -1.0, 1.0, 2);
    let checker = Checker::new("zoneout").draw(Draw { seed: 7, run: 3 }).allow_zero_gradient();
    checker.graph(loss, &targets, &[("x", Feed::from(&x))], Some(&parameters)).unwrap().assert();
}

#[test]
fn the_memory_has_a_probability_of_its_own() {
    let graph = Graph::<f64>::new();
    let x = graph.input("x", SHAPE);
    let streams = |hidden, memory| {
        let y = wrapped(Lstm::new("c", 3, 2), hidden, memory).forward(x, Mode::Train);
        let mut found: Vec<_> =
            crate::dropout::bernoulli_masks(&[y]).iter().map(|m| m.stream.to_string()).collect();
        found.sort();
        found
    };
    assert_eq!(streams(0.1, 0.0), (0..4).map(|t| format!("c.zoneout.hidden.{t}")).collect::<Vec<_>>());
    // The output of a step is made of the new memory: what the last one keeps is seen by nobody.
    assert_eq!(streams(0.0, 0.1), (0..3).map(|t| format!("c.zoneout.memory.{t}")).collect::<Vec<_>>());
}

#[test]
fn without_probabilities_it_is_the_layer() {
    let (one, other) = (Graph::<f64>::new(), Graph::<f64>::new());
    wrapped(Gru::new("c", 3, 2), 0.0, 0.5).forward(one.input("x", SHAPE), Mode::Train);
    Layer::<f64>::forward(&Recurrent::new(Gru::new("c", 3, 2)), other.input("x", SHAPE), Mode::Train);
    // A GRU has no memory: its probability has no say. The name is the layer's.
    assert_eq!(one.len(), other.len());
}

#[test]
fn bad_input_is_refused() {
    let layer = || Recurrent::new(Elman::new("e", 3, 2));
    for p in [1.0, -0.1, f64::NAN] {
        assert!(Zoneout::new(layer(), p, 0.5).is_err());
        assert!(Zoneout::new(layer(), 0.5, p).is_err());
    }
    let text = Zoneout::new(layer(), 0.5, 1.0).unwrap_err().to_string();
    assert_eq!(text, "the zoneout probability of the memory is 1, it must be in [0, 1)");
}
