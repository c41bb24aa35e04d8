use super::*;
use crate::testing::{check, numbers, value};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]

    #[test]
    fn the_value_is_the_weighted_mean_of_all_pixels(
        (n, c, h, w) in (1usize..3, 1usize..3, 1usize..5, 1usize..5),
        seed: u64,
    ) {
        let x = numbers([n, c, h, w], -1.0, 1.0, seed);
        let sigma = numbers([n], 0.3, 3.0, seed ^ 1);
        let found = value(&[x.clone(), sigma.clone()], |x| blur(x[0], x[1]));
        for (i, found) in found.data().iter().enumerate() {
            let (plane, row, column) = (i / (h * w), i / w % h, i % w);
            let (mut sum, mut weights) = (0.0, 0.0);
            for j in 0..h * w {
                let square = (row as f64 - (j / w) as f64).powi(2) + (column as f64 - (j % w) as f64).powi(2);
                let weight = (-square / (2.0 * sigma.data()[plane / c].powi(2))).exp();
                sum += weight * x.data()[plane * h * w + j];
                weights += weight;
            }
            // Weights that sum to 1, of numbers below 1.
            prop_assert!((found - sum / weights).abs() < 1e-14);
        }
    }
}

#[test]
fn derivatives_in_image_and_width_are_right() {
    let values = [numbers([2, 2, 3, 2], -1.0, 1.0, 1), numbers([2], 0.4, 1.5, 2)];
    check("blur", &values, |x| blur(x[0], x[1]).powi(2).sum());
}

#[test]
fn width_zero_is_the_identity_with_derivative_zero() {
    let x = numbers([2, 1, 3, 3], -1.0, 1.0, 1);
    let widths = Tensor::new([2], vec![0.0, 0.7]);
    let found = value(&[x.clone(), widths.clone()], |x| blur(x[0], x[1]));
    assert_eq!(found.data()[..9], x.data()[..9]);
    assert_ne!(found.data()[9..], x.data()[9..]);
    let slope = value(&[x, widths], |x| autograd::grad(blur(x[0], x[1]).powi(2).sum(), &[x[1]])[0]);
    assert!(slope.data()[0] == 0.0 && slope.data()[1].is_finite() && slope.data()[1] != 0.0);
}

#[test]
fn a_constant_image_stays_and_a_great_width_leaves_the_mean() {
    let flat = value(&[Tensor::full([1, 1, 4, 3], 0.7), Tensor::new([1], vec![1.3])], |x| blur(x[0], x[1]));
    assert!(flat.data().iter().all(|x| (x - 0.7).abs() < 1e-15));
    let x = numbers([1, 1, 4, 3], 0.0, 1.0, 2);
    let mean = x.data().iter().sum::<f64>() / 12.0;
    let found = value(&[x, Tensor::new([1], vec![1e4])], |x| blur(x[0], x[1]));
    // Weights differ from each other by 9 / 2e8 at most.
    assert!(found.data().iter().all(|x| (x - mean).abs() < 1e-6));
}

#[test]
fn widths_are_checked() {
    for bad in [-0.1, f64::NAN, f64::INFINITY] {
        let error = Blur::new(bad).unwrap_err().to_string();
        assert_eq!(error, format!("the blur width sigma is {bad}, it must be finite and at least 0"));
    }
}
