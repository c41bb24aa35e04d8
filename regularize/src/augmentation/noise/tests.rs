use super::*;
use crate::testing::{check, numbers, value};
use autograd::{Graph, Tensor};
use proptest::prelude::*;

#[test]
fn gaussian_noise_is_sigma_times_the_stream() {
    let x = numbers([2, 1, 2, 3], 0.0, 1.0, 1);
    let noisy = value(std::slice::from_ref(&x), |x| GaussianNoise::new(0.3).unwrap().apply(x[0], "s"));
    let draws =
        value(std::slice::from_ref(&x), |x| x[0].graph().normal("s.noise", [2, 1, 2, 3]) + x[0] * 0.0);
    for i in 0..12 {
        assert!((noisy.data()[i] - (x.data()[i] + 0.3 * draws.data()[i])).abs() < 1e-15);
    }
}

#[test]
fn pixels_are_replaced_by_their_draws_in_all_channels() {
    let x = numbers([1, 2, 1, 4], 0.2, 0.8, 1);
    let draws = Tensor::new([1, 1, 1, 4], vec![0.0, 0.19, 0.2, 0.4]);
    let found = value(&[x.clone(), draws], |x| salt_and_pepper(x[0], x[1], 0.4, [-1.0, 2.0]));
    for (channel, row) in found.data().chunks(4).enumerate() {
        assert_eq!(row, [-1.0, -1.0, 2.0, x.data()[channel * 4 + 3]]);
    }
}

#[test]
fn a_replaced_pixel_has_no_derivative() {
    let x = numbers([1, 1, 2, 2], 0.2, 0.8, 1);
    let draws = Tensor::new([1, 1, 2, 2], vec![0.1, 0.9, 0.3, 0.7]);
    check("salt_and_pepper", std::slice::from_ref(&x), |x| {
        salt_and_pepper(x[0], x[0].graph().constant(draws.clone()), 0.4, [0.0, 1.0]).powi(2)
    });
    let slope = value(&[x], |x| {
        let noisy = salt_and_pepper(x[0], x[0].graph().constant(draws.clone()), 0.4, [0.0, 1.0]);
        autograd::grad(noisy.sum(), &[x[0]])[0]
    });
    assert_eq!(slope.data(), [0.0, 1.0, 0.0, 1.0]);
}

/// The share of replaced pixels, and of black ones among them.
#[test]
fn as_many_are_replaced_as_were_asked_for() {
    let pixels = 40_000;
    let x = Tensor::full([1, 1, 1, pixels], 0.5);
    let found = value(&[x], |x| SaltAndPepper::new(0.3, [0.0, 1.0]).unwrap().apply(x[0], "s"));
    let count = |value: f64| found.data().iter().filter(|&&x| x == value).count() as f64;
    // Binomial counts of mean 6000 and deviation 71.4: five deviations are passed once in 1.7 million.
    assert!((count(0.0) - 6000.0).abs() < 360.0 && (count(1.0) - 6000.0).abs() < 360.0);
    assert_eq!(count(0.0) + count(1.0) + count(0.5), pixels as f64);
}

#[test]
fn strengths_are_checked() {
    for bad in [-0.1, f64::NAN, f64::INFINITY] {
        assert!(GaussianNoise::new(bad).is_err() && SaltAndPepper::new(bad, [0.0, 1.0]).is_err());
    }
    assert!(SaltAndPepper::new(1.1, [0.0, 1.0]).is_err());
    for values in [[1.0, 0.0], [0.0, f64::NAN], [0.0, f64::INFINITY], [0.5, 0.5]] {
        assert!(matches!(SaltAndPepper::new(0.1, values), Err(RegularizeError::Bounds { .. })));
    }
}

#[test]
#[should_panic(expected = "salt_and_pepper: draws of shape [2, 2], they are [2, 1, 3, 3]")]
fn draws_are_one_for_each_pixel() {
    let graph = Graph::<f64>::new();
    salt_and_pepper(graph.input("x", [2, 3, 3, 3]), graph.fill([2, 2], 0.0), 0.1, [0.0, 1.0]);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]

    #[test]
    fn noise_is_that_of_a_loop(
        (n, c, h, w) in (0usize..3, 1usize..4, 0usize..4, 1usize..4), p in 0.0..1.0f64, seed: u64,
    ) {
        let x = numbers([n, c, h, w], 0.2, 0.8, seed);
        let draws = numbers([n, 1, h, w], 0.0, 1.0, !seed);
        let found = value(&[x.clone(), draws.clone()], |x| salt_and_pepper(x[0], x[1], p, [-1.0, 2.0]));
        for (i, found) in found.data().iter().enumerate() {
            let draw = draws.data()[i / (c * h * w) * h * w + i % (h * w)];
            let kept = if draw < p { 2.0 } else { x.data()[i] };
            assert_eq!(*found, if draw < 0.5 * p { -1.0 } else { kept });
        }
        let noisy = value(std::slice::from_ref(&x), |x| GaussianNoise::new(p).unwrap().apply(x[0], "s"));
        let normal = value(std::slice::from_ref(&x), |x| {
            x[0].graph().normal("s.noise", [n, c, h, w]) + x[0] * 0.0
        });
        for i in 0..x.data().len() {
            assert!((noisy.data()[i] - (x.data()[i] + p * normal.data()[i])).abs() < 1e-14);
        }
    }
}
