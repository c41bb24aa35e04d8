use super::*;
use crate::testing::{assert_close, check, numbers, run, shapes, value};
use autograd::{Draw, Parameters, Tensor, grad};
use proptest::prelude::*;

fn noise(deviation: f64) -> GaussianNoise {
    GaussianNoise::new(deviation).unwrap()
}

/// `(y - wᵀ(x + σ ν))²` of `x`, `w` and `ν`.
fn loss<'g>(v: &[Var<'g, f64>], y: f64, deviation: f64) -> Var<'g, f64> {
    (y - (noise(deviation).apply(v[0], v[2]) * v[1]).sum()).powi(2)
}

/// All vectors of `±1`: noise of variance 1 whose mean over all can be taken exactly.
fn signs(n: usize) -> impl Iterator<Item = Vec<f64>> {
    (0..1u32 << n).map(move |bits| (0..n).map(|i| if bits >> i & 1 == 1 { 1.0 } else { -1.0 }).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]

    #[test]
    fn the_noise_is_scaled_and_added(shape in shapes(), deviation in 0.0..3.0, seed: u64) {
        let (x, draw) = (numbers(shape, -2.0, 2.0, seed), numbers(shape, -3.0, 3.0, !seed));
        let found = value(&[x.clone(), draw.clone()], |v| noise(deviation).apply(v[0], v[1]));
        for ((found, x), draw) in found.data().iter().zip(x.data()).zip(draw.data()) {
            assert_close(*found, x + deviation * draw, 1e-15);
        }
    }

    /// Least squares on noisy inputs is least squares with weight decay: value and gradient in `w`, over all signs.
    #[test]
    fn noise_on_the_inputs_of_a_linear_model_is_weight_decay(deviation in 0.0..2.0, y in -2.0..2.0, seed: u64) {
        let (x, w) = (numbers([4], -2.0, 2.0, seed), numbers([4], -2.0, 2.0, !seed));
        let (mut mean, mut slope) = (0.0, [0.0; 4]);
        for draw in signs(4) {
            let inputs = [x.clone(), w.clone(), Tensor::new([4], draw)];
            mean += value(&inputs, |v| loss(v, y, deviation)).item() / 16.0;
            let gradient = value(&inputs, |v| grad(loss(v, y, deviation), &[v[1]])[0]);
            (0..4).for_each(|i| slope[i] += gradient.data()[i] / 16.0);
        }
        let residual: f64 = y - x.data().iter().zip(w.data()).map(|(x, w)| x * w).sum::<f64>();
        let decay: f64 = deviation * deviation * w.data().iter().map(|w| w * w).sum::<f64>();
        // Sums of 16 squares of size up to 1e3.
        assert_close(mean, residual * residual + decay, 1e-13);
        for (i, slope) in slope.iter().enumerate() {
            let expected = -2.0 * residual * x.data()[i] + 2.0 * deviation * deviation * w.data()[i];
            assert_close(*slope, expected, 1e-12);
        }
    }
}

#[test]
fn derivatives_are_right() {
    let values = [numbers([3, 4], -2.0, 2.0, 1), numbers([3, 4], -2.0, 2.0, 2)];
    check("gaussian noise", &values, |v| noise(0.4).apply(v[0], v[1]).powi(3).sum());
}

#[test]
fn it_draws_in_training_only_and_replays() {
    let graph = Graph::<f64>::new();
    let x = graph.fill([200, 100], 3.0);
    let at = |layer: &GaussianNoise, number| {
        run(layer.forward(x, Mode::Train), &Parameters::new(), Draw { seed: 1, run: number })
    };
    let half = noise(0.5);
    assert_eq!(half.forward(x, Mode::Evaluate).id(), x.id());
    assert_eq!(noise(0.0).forward(x, Mode::Train).id(), x.id());
    assert_eq!(at(&half, 1), at(&half, 1));
    assert_ne!(at(&half, 1), at(&half, 2));
    assert_ne!(at(&half, 1), at(&half.named("other"), 1));
    // Mean and variance of 20,000 draws within five deviations.
    let (y, n) = (at(&half, 1), 20_000.0);
    let mean = y.data().iter().sum::<f64>() / n;
    let variance = y.data().iter().map(|y| (y - 3.0).powi(2)).sum::<f64>() / n;
    assert!((mean - 3.0).abs() < 5.0 * 0.5 / f64::sqrt(n), "{mean}");
    assert!((variance - 0.25).abs() < 5.0 * 0.25 * (2.0 / n).sqrt(), "{variance}");
}

#[test]
fn deviations_are_checked() {
    for deviation in [-0.1, f64::NAN, f64::INFINITY] {
        let error = GaussianNoise::new(deviation).unwrap_err().to_string();
        let text = format!("the deviation of the noise is {deviation}, it must be finite and at least 0");
        assert_eq!(error, text);
    }
}

#[test]
#[should_panic(expected = "Gaussian noise: noise of shape [3] for values of shape [2, 3]")]
fn noise_is_of_the_shape_of_what_it_is_added_to() {
    value(&[Tensor::zeros([2, 3]), Tensor::zeros([3])], |v| noise(0.5).apply(v[0], v[1]));
}
