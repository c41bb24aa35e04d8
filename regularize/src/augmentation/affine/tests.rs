use super::*;
use crate::augmentation::tests::naive_bilinear;
use crate::testing::{check, numbers, value};
use autograd::{grad, interpret};
use proptest::prelude::*;

/// Each pixel of the result by hand, for one plane; `look` takes row and column from the middle.
fn by_hand(plane: &[f64], size: [usize; 2], look: impl Fn(f64, f64) -> (f64, f64)) -> Vec<f64> {
    let [height, width] = size;
    let (top, left) = ((height as f64 - 1.0) / 2.0, (width as f64 - 1.0) / 2.0);
    let pixel = |i: usize| {
        let (r, c) = look((i / width) as f64 - top, (i % width) as f64 - left);
        naive_bilinear(plane, size, r + top, c + left)
    };
    (0..height * width).map(pixel).collect()
}

fn assert_all_close(found: &[f64], expected: &[f64]) {
    // Places are rounded at 1e-15 of a pixel, pixels differ by less than 2.
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-13, "{found} for {expected}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]

    #[test]
    fn each_warp_is_what_its_formula_says(
        (h, w) in (1usize..5, 1usize..5),
        (a, b) in (-1.2..1.2f64, -1.2..1.2f64),
        seed: u64,
    ) {
        let image = numbers([1, 1, h, w], -1.0, 1.0, seed);
        let number = Tensor::new([1], vec![a]);
        let two = Tensor::new([1, 2], vec![a, b]);
        let warped = |parameter: &Tensor<f64>, matrix: &dyn for<'g> Fn(Var<'g, f64>) -> Var<'g, f64>| {
            value(&[image.clone(), parameter.clone()], |x| warp(x[0], matrix(x[1]), Border::Fill(0.0)))
        };
        let hand = |look: &dyn Fn(f64, f64) -> (f64, f64)| by_hand(image.data(), [h, w], look);
        assert_all_close(warped(&two, &|p| translation(p)).data(), &hand(&|r, c| (r - a, c - b)));
        let (sin, cos) = a.sin_cos();
        assert_all_close(
            warped(&number, &|p| rotation(p)).data(),
            &hand(&|r, c| (r * cos + c * sin, c * cos - r * sin)),
        );
        assert_all_close(warped(&number, &|p| shear(p)).data(), &hand(&|r, c| (r, c - a * r)));
        let (tall, wide) = (a.exp(), b.exp());
        let factors = Tensor::new([1, 2], vec![tall, wide]);
        assert_all_close(warped(&factors, &|p| scaling(p)).data(), &hand(&|r, c| (r / tall, c / wide)));
    }
}

#[test]
fn derivatives_in_image_and_parameters_are_right() {
    let image = numbers([2, 1, 3, 4], -1.0, 1.0, 1);
    let (one, two) = (numbers([2], 0.1, 0.9, 2), numbers([2, 2], 0.55, 0.95, 3));
    check("rotation", &[image.clone(), one.clone()], |x| rotate(x[0], x[1], Border::Fill(0.0)).powi(2).sum());
    check("translation", &[image.clone(), two.clone()], |x| {
        translate(x[0], x[1], Border::Fill(0.3)).powi(2).sum()
    });
    check("scaling", &[image.clone(), two], |x| warp(x[0], scaling(x[1]), Border::Edge).powi(2).sum());
    check("shear", &[image.clone(), one], |x| warp(x[0], shear(x[1]), Border::Fill(0.0)).powi(2).sum());
    let matrix = numbers([2, 3, 3], -0.9, 0.9, 4);
    check("matrix", &[image, matrix], |x| warp(x[0], x[1], Border::Fill(0.0)).powi(2).sum());
}

#[test]
fn quarter_turns_go_round_anticlockwise() {
    // 1 2    2 4    4 3    3 1
    // 3 4    1 3    2 1    4 2
    let image = Tensor::new([1, 1, 2, 2], vec![1.0, 2.0, 3.0, 4.0]);
    for (quarters, expected) in
        [[2.0, 4.0, 1.0, 3.0], [4.0, 3.0, 2.0, 1.0], [3.0, 1.0, 4.0, 2.0]].iter().enumerate()
    {
        let angle = Tensor::new([1], vec![(quarters + 1) as f64 * std::f64::consts::FRAC_PI_2]);
        let turned = value(&[image.clone(), angle], |x| rotate(x[0], x[1], Border::Edge));
        assert_all_close(turned.data(), expected);
    }
}

#[test]
fn whole_translations_move_pixels_exactly() {
    let image = numbers([1, 2, 4, 3], -1.0, 1.0, 2);
    let moved = value(&[image.clone(), Tensor::new([1, 2], vec![1.0, -1.0])], |x| {
        translate(x[0], x[1], Border::Fill(0.0))
    });
    for i in 0..24 {
        let (plane, row, column) = (i / 12, i / 3 % 4, i % 3);
        let from = if row >= 1 && column + 1 < 3 {
            image.data()[plane * 12 + (row - 1) * 3 + column + 1]
        } else {
            0.0
        };
        assert_eq!(moved.data()[i], from);
    }
}

#[test]
fn identity_parameters_give_the_image_exactly() {
    let image = numbers([2, 1, 3, 4], -1.0, 1.0, 3);
    let found =
        value(&[image.clone(), Tensor::zeros([2]), Tensor::zeros([2, 2]), Tensor::full([2, 2], 1.0)], |x| {
            let matrix = rotation(x[1]).matmul(shear(x[1])).matmul(scaling(x[3])).matmul(translation(x[2]));
            warp(x[0], matrix, Border::Fill(0.0))
        });
    assert_eq!(found, image);
}

/// What is seen goes through the first factor first.
#[test]
fn products_act_from_the_left() {
    // One bright pixel right of the middle: moved down first and then turned, it ends elsewhere than turned first.
    let mut image = Tensor::zeros([1, 1, 5, 5]);
    image.data_mut()[2 * 5 + 2] = 1.0;
    let brightest = |x: Tensor<f64>| (0..25).max_by(|&a, &b| x.data()[a].total_cmp(&x.data()[b])).unwrap();
    let quarter = Tensor::new([1], vec![std::f64::consts::FRAC_PI_2]);
    let down = Tensor::new([1, 2], vec![1.0, 0.0]);
    let values = [image, quarter, down];
    let moved_first =
        value(&values, |x| warp(x[0], translation(x[2]).matmul(rotation(x[1])), Border::Fill(0.0)));
    let turned_first =
        value(&values, |x| warp(x[0], rotation(x[1]).matmul(translation(x[2])), Border::Fill(0.0)));
    // Down, then a quarter anticlockwise: to the right of the middle.
    assert_eq!((brightest(moved_first), brightest(turned_first)), (2 * 5 + 3, 3 * 5 + 2));
}

/// The tangent vector of a shift to the right, as one would write it down.
#[test]
fn the_derivative_at_the_identity_is_the_tangent_vector() {
    let pixels = numbers([1, 1, 1, 5], -1.0, 1.0, 4);
    let graph = Graph::<f64>::new();
    let (image, shift) = (graph.constant(pixels.clone()), graph.fill([1, 2], 0.0));
    let moved = translate(image, shift, Border::Fill(0.0));
    let x = pixels.data();
    for place in 1..4 {
        let slope = grad(moved.slice(3, place, place + 1).sum(), &[shift])[0];
        let found = interpret(&[slope], &[], None).unwrap()[0].data()[1];
        assert_eq!(found, -(x[place + 1] - x[place - 1]) / 2.0);
    }
}

#[test]
fn random_parameters_are_within_their_limits_and_one_for_each_image() {
    let affine = Affine::new().rotate(30.0).unwrap().scale(2.0).unwrap().translate(3.0).unwrap();
    let graph = Graph::<f64>::new();
    let n = 400;
    let matrix = affine.matrix(&graph, n, "s").unwrap();
    let found = interpret(&[matrix], &[], None).unwrap().remove(0);
    let (mut angles, mut shifts) = (Vec::new(), Vec::new());
    for m in found.data().chunks(9) {
        // R S T: rows of R S are rotated and scaled by 1/s.
        let (tall, wide) = (m[0].hypot(m[3]), m[1].hypot(m[4]));
        assert!((0.5 - 1e-12..=2.0 + 1e-12).contains(&tall) && (0.5 - 1e-12..=2.0 + 1e-12).contains(&wide));
        angles.push((-m[3]).atan2(m[0]).to_degrees());
        // The look-up's shift, undone by the linear part.
        let determinant = m[0] * m[4] - m[1] * m[3];
        shifts.push(-(m[4] * m[2] - m[1] * m[5]) / determinant);
    }
    let range = |values: &[f64]| {
        values.iter().fold((f64::INFINITY, -f64::INFINITY), |(low, high), &x| (x.min(low), x.max(high)))
    };
    let ((low, high), (up, down)) = (range(&angles), range(&shifts));
    // Of 400 uniform draws all miss a tenth of the range with probability 0.9^400, below 1e-18.
    assert!((-30.0..-24.0).contains(&low) && (24.0..30.0).contains(&high), "{low} to {high}");
    assert!((-3.0..-2.4).contains(&up) && (2.4..3.0).contains(&down), "{up} to {down}");
}

/// What a contract is asked about, in its units.
#[test]
fn changes_are_told_in_the_units_of_contracts() {
    let affine = Affine::new().rotate(20.0).unwrap().shear(0.3).unwrap();
    let affine = affine.scale(1.5).unwrap().translate(2.0).unwrap();
    let found = Augmentation::<f64>::changes(&affine, [3, 10, 8]);
    let expected =
        [(Kind::Rotation, 20.0), (Kind::Shear, 0.3), (Kind::Scale, 0.5), (Kind::Translation, 0.25)];
    assert_eq!(found.len(), expected.len());
    for (change, (kind, extent)) in found.iter().zip(expected) {
        // The factor 1.5 is kept as its logarithm.
        assert!(change.kind == kind && (change.extent - extent).abs() < 1e-15, "{change:?}");
    }
}

#[test]
fn limits_are_checked() {
    for bad in [-1.0, f64::NAN, f64::INFINITY] {
        assert!(Affine::new().rotate(bad).is_err() && Affine::new().shear(bad).is_err());
        assert!(Affine::new().translate(bad).is_err() && Affine::new().scale(bad).is_err());
    }
    assert!(Affine::new().rotate(180.5).is_err() && Affine::new().scale(0.99).is_err());
    let error = Affine::new().rotate(200.0).unwrap_err().to_string();
    assert_eq!(error, "the rotation is 200, it must be in [0, 180]");
}

#[test]
#[should_panic(expected = "rotation: the angle has shape [2, 1], not [n]: one for each image")]
fn angles_are_one_for_each_image() {
    rotation(Graph::<f64>::new().fill([2, 1], 0.0));
}

#[test]
#[should_panic(expected = "warp: the matrix has shape [1, 3, 3], not [2, 3, 3]: one for each image")]
fn matrices_are_one_for_each_image() {
    let graph = Graph::<f64>::new();
    warp(graph.input("x", [2, 1, 2, 2]), graph.fill([1, 3, 3], 0.0), Border::Edge);
}
