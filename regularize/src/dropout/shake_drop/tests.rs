use super::*;
use crate::testing::{assert_close, check, numbers, run, shapes, value};
use autograd::{Draw, Shape, Tensor, grad, interpret};
use nn::{Linear, initialise};
use proptest::prelude::*;

fn block(survival: f64) -> ShakeDrop<f64> {
    ShakeDrop::new(Linear::new("body", 3, 3), survival).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(30) })]

    /// A gate of 1 leaves the block alone whatever the noise; a gate of 0 leaves the noise.
    #[test]
    fn forward_and_backward_have_factors_of_their_own(
        open in prop::collection::vec(any::<bool>(), 0..5), entries in shapes(), seed: u64,
    ) {
        let (n, width) = (open.len(), entries.numel());
        let shape = Shape::new(&[&[n], entries.lengths()].concat());
        let of_each = Shape::new(&[&[n][..], &vec![1; entries.rank()]].concat());
        let (x, f) = (numbers(shape, -1.0, 1.0, seed), numbers(shape, -1.0, 1.0, !seed));
        let gate = Tensor::new(of_each, open.iter().map(|&open| f64::from(u8::from(open))).collect());
        let (a, b) = (numbers(of_each, -1.0, 1.0, seed ^ 1), numbers(of_each, 0.0, 1.0, seed ^ 2));
        let graph = Graph::new();
        let [of_x, of_f, gate, forward, backward] =
            [&x, &f, &gate, &a, &b].map(|tensor| graph.constant(tensor.clone()));
        let y = block(0.5).apply(of_x, of_f, Shake { gate, forward, backward });
        let slope = grad(y.sum(), &[of_f])[0];
        let found = interpret(&[y, slope], &[], None).unwrap();
        for k in 0..n * width {
            let factor = |noise: &Tensor<f64>| if open[k / width] { 1.0 } else { noise.data()[k / width] };
            assert_close(found[0].data()[k], x.data()[k] + factor(&a) * f.data()[k], 1e-15);
            assert_close(found[1].data()[k], factor(&b), 1e-15);
        }
    }
}

/// With one noise for both passes the backward pass is the derivative.
#[test]
fn derivatives_are_right_if_both_passes_agree() {
    let values = [
        numbers([2, 3], -2.0, 2.0, 1),
        numbers([2, 3], -2.0, 2.0, 2),
        numbers([2, 1], 0.1, 0.9, 3),
        numbers([2, 1], 0.1, 0.9, 4),
    ];
    check("shake drop", &values, |v| {
        let draws = Shake { gate: v[2], forward: v[3], backward: v[3] };
        block(0.5).apply(v[0], v[1], draws).powi(3).sum()
    });
}

/// The mean factor is `q`: over both gates, and two points of the noise that have its mean 0.
#[test]
fn the_mean_is_the_prediction() {
    let q = 0.3;
    let mut mean = 0.0;
    for (probability, gate) in [(1.0 - q, 0.0), (q, 1.0)] {
        for a in [-0.7, 0.7] {
            let inputs = [2.0, 5.0, gate, a].map(|value| Tensor::full([1, 1], value));
            let y = value(&inputs, |v| {
                block(q).apply(v[0], v[1], Shake { gate: v[2], forward: v[3], backward: v[3] })
            });
            mean += probability * 0.5 * y.item();
        }
    }
    assert_close(mean, 2.0 + q * 5.0, 1e-15);
}

#[test]
fn draws_are_in_their_ranges_and_replay() {
    let graph = Graph::<f64>::new();
    let draws = block(0.5).sample(&graph, [4000, 3].into());
    let none = autograd::Parameters::new();
    let [gate, forward, backward] =
        [draws.gate, draws.forward, draws.backward].map(|v| run(v, &none, Draw { seed: 1, run: 0 }));
    let mean = |values: &Tensor<f64>| values.data().iter().sum::<f64>() / 4000.0;
    // Five deviations of a mean of 4000: of a coin 0.008 each, of uniform draws 0.009 and 0.005.
    assert!((mean(&gate) - 0.5).abs() < 0.04);
    assert!(mean(&forward).abs() < 0.046 && forward.data().iter().any(|&a| a < -0.9));
    assert!((mean(&backward) - 0.5).abs() < 0.023 && backward.data().iter().all(|&b| b >= 0.0));
}

#[test]
fn limits_are_a_residual_block_and_its_scaled_body() {
    let graph = Graph::<f64>::new();
    let x = graph.constant(numbers([2, 3], -1.0, 1.0, 1));
    let body = Linear::new("body", 3, 3);
    let (residual, half) = (x + body.forward(x, Mode::Train), x + body.forward(x, Mode::Train) * 0.5);
    let parameters = initialise(&body, 1);
    let value = |y| run(y, &parameters, Draw::default());
    assert_eq!(value(block(1.0).forward(x, Mode::Train)), value(residual));
    assert_eq!(value(block(0.5).forward(x, Mode::Evaluate)), value(half));
    assert_ne!(value(block(0.5).forward(x, Mode::Train)), value(half));
}

#[test]
fn bad_input_is_refused() {
    for q in [-0.1, 1.1, f64::NAN] {
        assert!(ShakeDrop::<f64>::new(Linear::new("l", 3, 3), q).is_err());
    }
    assert!(ShakeDrop::<f64>::new(Linear::new("l", 3, 2), 0.5).unwrap().output_shape([1, 3].into()).is_err());
}
