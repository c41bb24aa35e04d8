use super::*;
use crate::testing::{assert_close, check, numbers, run, shapes, value};
use autograd::{Draw, Parameters, Tensor};
use proptest::prelude::*;

fn layer(p: f64) -> AlphaDropout {
    AlphaDropout::new(p).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]

    #[test]
    fn a_dropped_unit_is_a_saturated_one(shape in shapes(), p in 0.01..0.95, seed: u64) {
        let x = numbers(shape, -2.0, 2.0, seed);
        let mask = Tensor::from_fn(shape, |i| f64::from(i % 3 != 0));
        let found = value(&[x.clone(), mask.clone()], |v| layer(p).apply(v[0], v[1]));
        let q = 1.0 - p;
        let saturated = -1.0507009873554805 * 1.6732632423543772;
        let a = 1.0 / (q + saturated * saturated * q * p).sqrt();
        for ((found, x), mask) in found.data().iter().zip(x.data()).zip(mask.data()) {
            let unit = if *mask == 0.0 { saturated } else { *x };
            assert_close(*found, a * unit - a * p * saturated, 1e-14);
        }
    }

    /// Over both values of the mask and of a two-point `x = m ± s`: mean 0 and variance 1 stay, for every
    /// probability; other moments do not.
    #[test]
    fn mean_zero_and_variance_one_are_kept(p in 0.0..0.95, share in 0.1..0.9) {
        let layer = layer(p);
        // Two points of mean 0 and variance 1, of different probability.
        let points: [(f64, f64); 2] =
            [(share, ((1.0 - share) / share).sqrt()), (1.0 - share, -(share / (1.0 - share)).sqrt())];
        let (mut mean, mut square) = (0.0, 0.0);
        for (of_mask, mask) in Dropout::new(p).unwrap().masks::<f64>(1).unwrap() {
            for (of_point, x) in points {
                let y = value(&[Tensor::full([1], x), mask.clone()], |v| layer.apply(v[0], v[1])).item();
                mean += of_mask * of_point * y;
                square += of_mask * of_point * y * y;
            }
        }
        assert!(mean.abs() < 1e-14, "{mean}");
        assert_close(square, 1.0, 1e-13);
    }
}

#[test]
fn derivatives_are_right() {
    let values = [numbers([3, 4], -2.0, 2.0, 1), numbers([3, 4], 0.0, 1.0, 2)];
    check("alpha dropout", &values, |v| layer(0.3).apply(v[0], v[1]).powi(3).sum());
}

/// The constants are those of the activation: a SELU unit of a very negative input.
#[test]
fn the_saturation_is_the_activations() {
    let limit = value(&[Tensor::full([1], -100.0)], |v| Activation::Selu.apply(v[0])).item();
    assert_close(limit, SATURATION, 1e-15);
}

#[test]
fn it_draws_in_training_only_and_replays() {
    let graph = Graph::<f64>::new();
    let x = graph.constant(numbers([8, 16], -1.0, 1.0, 1));
    let at = |layer: &AlphaDropout, number| {
        run(layer.forward(x, Mode::Train), &Parameters::new(), Draw { seed: 1, run: number })
    };
    let half = layer(0.5);
    assert_eq!(half.forward(x, Mode::Evaluate).id(), x.id());
    assert_eq!(layer(0.0).forward(x, Mode::Train).id(), x.id());
    assert_eq!(layer(0.0).affine(), (1.0, 0.0));
    assert_eq!(at(&half, 1), at(&half, 1));
    assert_ne!(at(&half, 1), at(&half, 2));
    assert_ne!(at(&half, 1), at(&half.named("other"), 1));
}

#[test]
fn probabilities_are_checked() {
    for p in [1.0, -0.1, f64::NAN] {
        assert!(AlphaDropout::new(p).is_err());
    }
}

#[test]
#[should_panic(expected = "alpha dropout: a mask of shape [3] for values of shape [2, 3]")]
fn masks_are_of_the_units_shape() {
    value(&[Tensor::zeros([2, 3]), Tensor::zeros([3])], |v| layer(0.5).apply(v[0], v[1]));
}
