use super::*;
use crate::augmentation::tests::naive_bilinear;
use crate::testing::{check, numbers, value};
use autograd::Tensor;
use proptest::prelude::*;

#[test]
fn each_pixel_looks_as_far_as_its_displacement_says() {
    let image = numbers([2, 2, 3, 4], -1.0, 1.0, 1);
    let field = numbers([2, 2, 3, 4], -1.5, 1.5, 2);
    let found = value(&[image.clone(), field.clone()], |x| displace(x[0], x[1], Border::Fill(0.0)));
    for (i, found) in found.data().iter().enumerate() {
        let (plane, at) = (i / 12, i % 12);
        let shift = |axis: usize| field.data()[(plane / 2 * 2 + axis) * 12 + at];
        let (row, column) = ((at / 4) as f64 + shift(0), (at % 4) as f64 + shift(1));
        let expected = naive_bilinear(&image.data()[plane * 12..][..12], [3, 4], row, column);
        assert!((found - expected).abs() < 1e-14);
    }
}

#[test]
fn the_field_is_smoothed_by_a_gaussian_and_has_variance_alpha_squared() {
    let (height, width, alpha, sigma) = (4, 3, 0.7, 1.1);
    let elastic = Elastic::new(alpha, sigma).unwrap();
    // The field is linear in the draws: unit vectors give its matrix.
    let pixels = height * width;
    let mut matrix = vec![0.0; pixels * pixels];
    for draw in 0..pixels {
        let mut unit = Tensor::zeros([1, 2, height, width]);
        unit.data_mut()[draw] = 1.0;
        let field = value(&[unit], |x| elastic.field(x[0]));
        assert!(field.data()[pixels..].iter().all(|&x| x == 0.0), "rows and columns are drawn apart");
        field.data()[..pixels].iter().enumerate().for_each(|(at, &x)| matrix[at * pixels + draw] = x);
    }
    for (at, weights) in matrix.chunks(pixels).enumerate() {
        let variance: f64 = weights.iter().map(|w| w * w).sum();
        assert!((variance - alpha * alpha).abs() < 1e-14, "{variance}");
        let gaussian = |draw: usize| {
            let (r, c) = (at / width, at % width);
            let square =
                (r as f64 - (draw / width) as f64).powi(2) + (c as f64 - (draw % width) as f64).powi(2);
            (-square / (2.0 * sigma * sigma)).exp()
        };
        for draw in 0..pixels {
            assert!((weights[draw] / weights[at] - gaussian(draw)).abs() < 1e-13);
        }
    }
}

#[test]
fn derivatives_in_image_and_field_are_right() {
    let values = [numbers([1, 2, 3, 3], -1.0, 1.0, 1), numbers([1, 2, 3, 3], 0.1, 0.9, 2)];
    check("displace", &values, |x| displace(x[0], x[1], Border::Fill(0.0)).powi(2).sum());
    let elastic = Elastic::new(0.5, 0.8).unwrap();
    check("field", &[numbers([1, 2, 2, 3], -1.0, 1.0, 3)], |x| elastic.field(x[0]).powi(2).sum());
}

#[test]
fn limits_are_checked() {
    for bad in [-1.0, f64::NAN, f64::INFINITY] {
        assert!(Elastic::new(bad, 1.0).is_err() && Elastic::new(1.0, bad).is_err());
    }
    let error = Elastic::new(1.0, 0.0).unwrap_err().to_string();
    assert_eq!(error, "the elastic width sigma is 0, it must be finite and above 0");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]

    #[test]
    fn displaced_images_are_those_of_a_loop(
        (n, c, h, w) in (1usize..3, 1usize..3, 1usize..5, 1usize..5), seed: u64,
    ) {
        let (image, field) = (numbers([n, c, h, w], -1.0, 1.0, seed), numbers([n, 2, h, w], -1.5, 1.5, !seed));
        let found = value(&[image.clone(), field.clone()], |x| displace(x[0], x[1], Border::Fill(0.0)));
        for (i, found) in found.data().iter().enumerate() {
            let (plane, at) = (i / (h * w), i % (h * w));
            let shift = |axis: usize| field.data()[(plane / c * 2 + axis) * h * w + at];
            let (row, column) = ((at / w) as f64 + shift(0), (at % w) as f64 + shift(1));
            let expected = naive_bilinear(&image.data()[plane * h * w..][..h * w], [h, w], row, column);
            assert!((found - expected).abs() < 1e-14);
        }
    }
}
