use super::*;
use crate::augmentation::tests::naive_bilinear;
use crate::testing::{check, numbers, value};
use proptest::prelude::*;

/// A convex quadrilateral, drawn inwards from the square.
fn corners(n: usize, seed: u64) -> Tensor<f64> {
    value(&[numbers([n, 4, 2], 0.0, 1.0, seed)], |x| Perspective::new(0.5).unwrap().corners(x[0]))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]

    /// The eight numbers by Gaussian elimination of the eight equations for the corners, pixel by pixel.
    #[test]
    fn the_map_is_the_one_through_the_four_corners(
        height in 1usize..6, width in 1usize..6, seed in 0u64..1000,
    ) {
        let image = numbers([1, 1, height, width], -1.0, 1.0, seed);
        let corners = corners(1, 7 + seed);
        let found = value(&[image.clone(), corners.clone()], |x| perspective(x[0], x[1], Border::Fill(0.0)));
        let square = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)];
        let mut equations: Vec<[f64; 9]> = Vec::new();
        for (k, (p, q)) in square.into_iter().enumerate() {
            let (y, x) = (corners.data()[2 * k], corners.data()[2 * k + 1]);
            equations.push([p, q, 1.0, 0.0, 0.0, 0.0, -p * x, -q * x, x]);
            equations.push([0.0, 0.0, 0.0, p, q, 1.0, -p * y, -q * y, y]);
        }
        let h = solve(equations);
        for i in 0..height * width {
            let (p, q) =
                (((i % width) as f64 + 0.5) / width as f64, ((i / width) as f64 + 0.5) / height as f64);
            let depth = h[6] * p + h[7] * q + 1.0;
            let column = (h[0] * p + h[1] * q + h[2]) / depth * width as f64 - 0.5;
            let row = (h[3] * p + h[4] * q + h[5]) / depth * height as f64 - 0.5;
            let expected = naive_bilinear(image.data(), [height, width], row, column);
            // Elimination of well-conditioned equations, and pixels that differ by less than 2.
            assert!((found.data()[i] - expected).abs() < 1e-12, "{} for {expected}", found.data()[i]);
        }
    }
}

fn solve(mut rows: Vec<[f64; 9]>) -> Vec<f64> {
    for k in 0..8 {
        let pivot = (k..8).max_by(|&a, &b| rows[a][k].abs().total_cmp(&rows[b][k].abs())).unwrap();
        rows.swap(k, pivot);
        for i in (0..8).filter(|&i| i != k) {
            let factor = rows[i][k] / rows[k][k];
            let from = rows[k];
            rows[i].iter_mut().zip(from).for_each(|(a, b)| *a -= factor * b);
        }
    }
    (0..8).map(|k| rows[k][8] / rows[k][k]).collect()
}

#[test]
fn derivatives_in_image_and_corners_are_right() {
    let values = [numbers([1, 1, 3, 4], -1.0, 1.0, 1), corners(1, 2)];
    check("perspective", &values, |x| perspective(x[0], x[1], Border::Fill(0.0)).powi(2).sum());
}

#[test]
fn the_square_is_the_identity() {
    let image = numbers([2, 2, 4, 3], -1.0, 1.0, 3);
    let square = Tensor::from_fn([2, 4, 2], |i| [0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0][i % 8]);
    let found = value(&[image.clone(), square], |x| perspective(x[0], x[1], Border::Edge));
    for (found, expected) in found.data().iter().zip(image.data()) {
        assert!((found - expected).abs() < 1e-14);
    }
}

#[test]
fn distortions_are_checked() {
    for bad in [-0.1, 0.51, f64::NAN] {
        let error = Perspective::new(bad).unwrap_err().to_string();
        assert_eq!(error, format!("the perspective distortion is {bad}, it must be in [0, 0.5]"));
    }
}

/// Each corner moves inwards by up to half the distortion in both directions, and no further.
#[test]
fn corners_move_inwards_by_half_the_distortion() {
    let outer = [0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0];
    for distortion in [0.0, 0.2, 0.5] {
        let of = |draw: f64| {
            let draws = Tensor::full([1, 4, 2], draw);
            value(&[draws], |x| Perspective::new(distortion).unwrap().corners(x[0]))
        };
        assert_eq!(of(0.0).data(), outer);
        for (corner, from) in of(1.0).data().iter().zip(outer) {
            let inwards = if from == 0.0 { 1.0 } else { -1.0 };
            assert!((corner - from - inwards * 0.5 * distortion).abs() < 1e-15);
        }
    }
}
