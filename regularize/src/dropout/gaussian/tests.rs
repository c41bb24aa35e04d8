use super::*;
use crate::dropout::Dropout;
use crate::testing::{assert_close, check, numbers, run, shapes, value};
use autograd::{Draw, Parameters, Tensor};
use proptest::prelude::*;

fn noisy(p: f64) -> GaussianDropout {
    GaussianDropout::new(p).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]

    #[test]
    fn each_unit_is_multiplied_by_its_noise(shape in shapes(), p in 0.0..0.95, seed: u64) {
        let (x, noise) = (numbers(shape, -2.0, 2.0, seed), numbers(shape, -3.0, 3.0, !seed));
        let found = value(&[x.clone(), noise.clone()], |v| noisy(p).apply(v[0], v[1]));
        for ((found, x), noise) in found.data().iter().zip(x.data()).zip(noise.data()) {
            // Two roundings of a number of order ten.
            assert_close(*found, x + x * noise * (p / (1.0 - p)).sqrt(), 1e-14);
        }
    }

    /// A mask `μ / (1 - p)` and the noise `1 + σ ν` agree in mean and variance: over the two values of a mask, and
    /// over a two-point `ν = ±1` of variance 1.
    #[test]
    fn mean_and_variance_are_those_of_inverted_dropout(p in 0.01..0.95) {
        let factor = |v: f64| value(&[Tensor::full([1], 1.0), Tensor::full([1], v)], |x| noisy(p).apply(x[0], x[1]));
        let gaussian: Vec<f64> = [-1.0, 1.0].iter().map(|&v| factor(v).item()).collect();
        let mut bernoulli = [0.0; 2];
        for (probability, mask) in Dropout::new(p).unwrap().masks::<f64>(1).unwrap() {
            let y = value(&[Tensor::full([1], 1.0), mask], |x| Dropout::new(p).unwrap().apply(x[0], x[1])).item();
            bernoulli[0] += probability * y;
            bernoulli[1] += probability * (y - 1.0) * (y - 1.0);
        }
        assert_close((gaussian[0] + gaussian[1]) / 2.0, bernoulli[0], 1e-14);
        assert_close(gaussian.iter().map(|y| (y - 1.0).powi(2)).sum::<f64>() / 2.0, bernoulli[1], 1e-13);
        assert_close(bernoulli[1], p / (1.0 - p), 1e-13);
    }
}

#[test]
fn derivatives_are_right() {
    let values = [numbers([3, 4], -2.0, 2.0, 1), numbers([3, 4], -2.0, 2.0, 2)];
    check("gaussian dropout", &values, |v| noisy(0.4).apply(v[0], v[1]).powi(3).sum());
}

#[test]
fn it_draws_in_training_only_and_replays() {
    let graph = Graph::<f64>::new();
    let x = graph.fill([200, 100], 1.0);
    let at = |layer: &GaussianDropout, run_number| {
        let draw = Draw { seed: 1, run: run_number };
        run(layer.forward(x, Mode::Sample), &Parameters::new(), draw)
    };
    let layer = noisy(0.5);
    assert_eq!(layer.forward(x, Mode::Evaluate).id(), x.id());
    assert_eq!(noisy(0.0).forward(x, Mode::Train).id(), x.id());
    assert_eq!(at(&layer, 1), at(&layer, 1));
    assert_ne!(at(&layer, 1), at(&layer, 2));
    assert_ne!(at(&layer, 1), at(&layer.named("other"), 1));
    // Mean 1 and variance 1 of 20,000 draws, within five deviations (of which a variance has √(2/n)).
    let (y, n) = (at(&layer, 1), 20_000.0);
    let mean = y.data().iter().sum::<f64>() / n;
    let variance = y.data().iter().map(|y| (y - 1.0).powi(2)).sum::<f64>() / n;
    assert!((mean - 1.0).abs() < 5.0 / n.sqrt(), "{mean}");
    assert!((variance - 1.0).abs() < 5.0 * (2.0 / n).sqrt(), "{variance}");
}

#[test]
fn probabilities_are_checked() {
    for p in [1.0, -0.1, f64::NAN, f64::INFINITY] {
        let error = GaussianDropout::new(p).unwrap_err().to_string();
        assert_eq!(error, format!("the dropout probability is {p}, it must be in [0, 1)"));
    }
}

#[test]
#[should_panic(expected = "Gaussian dropout: noise of shape [3] for values of shape [2, 3]")]
fn noise_is_of_the_shape_of_what_it_scales() {
    value(&[Tensor::zeros([2, 3]), Tensor::zeros([3])], |v| noisy(0.5).apply(v[0], v[1]));
}
