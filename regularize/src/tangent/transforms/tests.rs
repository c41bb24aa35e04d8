use super::*;
use crate::testing::{assert_close, check, numbers, value};
use autograd::Graph;
use proptest::prelude::*;
use std::f64::consts::PI;

/// The smoothed image of example 0 and its two slopes at a point of the plane, by the definition.
fn surface(image: &Tensor<f64>, [u, v]: [f64; 2], sigma: f64) -> [f64; 3] {
    let (h, w) = (image.shape()[1], image.shape()[2]);
    let mut found = [0.0; 3];
    for i in 0..h {
        for j in 0..w {
            let [a, b] = [u - (j as f64 - (w as f64 - 1.0) / 2.0), v - (i as f64 - (h as f64 - 1.0) / 2.0)];
            let bump = image[[0, i, j]] * (-(a * a + b * b) / (2.0 * sigma * sigma)).exp()
                / (2.0 * PI * sigma * sigma);
            found[0] += bump;
            found[1] -= bump * a / (sigma * sigma);
            found[2] -= bump * b / (sigma * sigma);
        }
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(30) })]

    /// Values and tangents against the table of the module, by direct sums.
    #[test]
    fn tangents_are_slopes_along_the_field(h in 1usize..6, w in 1usize..6, sigma in 0.5..2.0, seed: u64) {
        let image = numbers([1, h, w], 0.0, 1.0, seed);
        let moves = Transformations::new(h, w, sigma).unwrap();
        let found = value(std::slice::from_ref(&image), |x| {
            let smooth = moves.apply(x[0], x[0].graph().fill([6], 0.0));
            Var::concat(&[vec![smooth], moves.tangents(x[0])].concat(), 0)
        });
        let half = h.max(w) as f64 / 2.0;
        for i in 0..h {
            for j in 0..w {
                let (u, v) = (j as f64 - (w as f64 - 1.0) / 2.0, i as f64 - (h as f64 - 1.0) / 2.0);
                let [smooth, du, dv] = surface(&image, [u, v], sigma);
                let (x, y) = (u / half, v / half);
                let expected =
                    [smooth, -du, -dv, y * du - x * dv, -x * du - y * dv, -x * du + y * dv, -y * du - x * dv];
                for (k, expected) in expected.into_iter().enumerate() {
                    assert_close(found[[k, i, j]], expected, 1e-13);
                }
            }
        }
    }
}

/// In the image and in the parameters, away from `α = 0` too.
#[test]
fn derivatives_in_image_and_parameters_are_right() {
    let moves = Transformations::new(3, 4, 0.8).unwrap();
    let values = [numbers([2, 3, 4], 0.0, 1.0, 1), numbers([6], -0.4, 0.4, 2)];
    check("Transformations::apply", &values, |x| moves.apply(x[0], x[1]).powi(2).sum());
}

/// The tangent is the limit of small moves: the error of the central difference falls as the square of its step.
#[test]
fn the_tangent_is_the_limit_of_small_moves() {
    let image = numbers([1, 5, 5], 0.0, 1.0, 3);
    for k in 0..6 {
        let moves = Transformations::new(5, 5, 0.9).unwrap().only(&[Transformation::ALL[k]]);
        let error = |step: f64| {
            let found = value(std::slice::from_ref(&image), |x| {
                let at = |alpha: f64| moves.apply(x[0], x[0].graph().fill([1], alpha));
                ((at(step) - at(-step)) * (0.5 / step) - moves.tangents(x[0])[0]).norm_squared().sqrt()
            });
            found.item()
        };
        let slope = (error(0.04) / error(0.02)).log2();
        assert!((slope - 2.0).abs() < 0.1, "{:?}: {slope}", Transformation::ALL[k]);
    }
}

/// The tangent of an image that was given a quarter turn is the quarter turn of its tangent.
#[test]
fn rotation_does_not_know_where_up_is() {
    let image = numbers([1, 5, 5], 0.0, 1.0, 4);
    let moves = Transformations::new(5, 5, 0.9).unwrap().only(&[Transformation::Rotate]);
    fn quarter(x: Var<'_, f64>) -> Var<'_, f64> {
        x.permute(&[0, 2, 1]).flip(&[2])
    }
    let difference = value(&[image], |x| moves.tangents(quarter(x[0]))[0] - quarter(moves.tangents(x[0])[0]));
    assert!(difference.data().iter().all(|d| d.abs() < 1e-14));
}

#[test]
fn flat_images_are_images() {
    let image = numbers([2, 3, 4], 0.0, 1.0, 1);
    let moves = Transformations::new(3, 4, 0.8).unwrap();
    let whole = value(std::slice::from_ref(&image), |x| moves.tangents(x[0])[2]);
    let flat = Tensor::new([2, 12], image.data().to_vec());
    assert_eq!(value(&[flat], |x| moves.tangents(x[0])[2]).data(), whole.data());
    // One image alone.
    let first = Tensor::new([1, 3, 4], image.data()[..12].to_vec());
    let alone = value(&[first], |x| moves.tangents(x[0])[2]);
    assert_eq!(alone.data(), &whole.data()[..12]);
    assert!(value(&[Tensor::zeros([0, 12])], |x| moves.tangents(x[0])[0]).data().is_empty());
}

#[test]
fn without_transformations_images_are_smoothed() {
    let moves = Transformations::new(3, 3, 0.8).unwrap().only(&[]);
    let image = numbers([1, 3, 3], 0.0, 1.0, 1);
    let found = value(std::slice::from_ref(&image), |x| moves.apply(x[0], x[0].graph().fill([0], 0.0)));
    assert_close(found[[0, 1, 1]], surface(&image, [0.0, 0.0], 0.8)[0], 1e-14);
    assert!(moves.tangents(Graph::<f64>::new().input("x", [1, 9])).is_empty());
}

#[test]
fn bad_numbers_are_refused() {
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let expected = format!("the width of the smoothing is {bad}, it must be finite and above 0");
        assert_eq!(Transformations::new(8, 8, bad).unwrap_err().to_string(), expected);
    }
    assert!(Transformations::new(0, 8, 1.0).is_err() && Transformations::new(8, 0, 1.0).is_err());
}

#[test]
#[should_panic(expected = "Transformations: images of 8 by 8 pixels, not [2, 63]")]
fn images_are_of_the_size() {
    Transformations::new(8, 8, 1.0).unwrap().tangents(Graph::<f64>::new().input("x", [2, 63]));
}
