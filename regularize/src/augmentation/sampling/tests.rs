use super::*;
use crate::augmentation::tests::naive_bilinear;
use crate::testing::{check, numbers, value};
use autograd::check::Checker;
use autograd::{grad, interpret};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(60) })]

    #[test]
    fn the_value_is_two_linear_interpolations(
        (n, c, h, w) in (0usize..3, 0usize..3, 0usize..4, 0usize..4),
        (rows, columns) in (0usize..3, 0usize..3),
        fill in -1.0..1.0,
        seed: u64,
    ) {
        let images = numbers([n, c, h, w], -1.0, 1.0, seed);
        let v = numbers([n, rows, columns], -2.0, 5.0, seed ^ 1);
        let u = numbers([n, rows, columns], -2.0, 5.0, seed ^ 2);
        let places = rows * columns;
        let found = value(&[images.clone(), v.clone(), u.clone()], |x| bilinear(x[0], x[1], x[2], Border::Fill(fill)));
        for (i, found) in found.data().iter().enumerate() {
            let (plane, at) = (i / places, i % places);
            let plane: Vec<f64> = images.data()[plane * h * w..][..h * w].iter().map(|x| x - fill).collect();
            let place = i / (c * places) * places + at;
            let expected = naive_bilinear(&plane, [h, w], v.data()[place], u.data()[place]) + fill;
            // Four products of numbers below 2, added in another order.
            prop_assert!((found - expected).abs() < 4e-15, "{found} for {expected}");
        }
    }

    /// Kernel against expression, and every derivative to the second order.
    #[test]
    fn the_kernel_is_its_expression(
        (n, c, h, w) in (1usize..3, 1usize..3, 1usize..4, 1usize..4),
        seed in 0u64..1000,
    ) {
        let images = numbers([n, c, h, w], -1.0, 1.0, seed);
        let (v, u) = (numbers([n, 2, 1], -0.9, 2.9, seed ^ 1), numbers([n, 2, 1], -0.9, 2.9, seed ^ 2));
        Checker::new("bilinear").entries().allow_zero_gradient().agrees(Bilinear, &[images, v, u]).assert();
    }
}

#[test]
fn derivatives_in_image_and_places_are_right() {
    let values = [
        numbers([2, 2, 3, 3], -1.0, 1.0, 1),
        numbers([2, 2, 2], 0.1, 1.9, 2),
        numbers([2, 2, 2], 0.1, 1.9, 3),
    ];
    check("fill", &values, |x| bilinear(x[0], x[1], x[2], Border::Fill(0.4)).powi(2).sum());
    check("edge", &values, |x| bilinear(x[0], x[1], x[2], Border::Edge).powi(2).sum());
}

#[test]
fn whole_places_are_copied_exactly() {
    let image = numbers([1, 1, 3, 4], -1.0, 1.0, 1);
    let rows = Tensor::from_fn([1, 5, 6], |i| (i / 6) as f64 - 1.0);
    let columns = Tensor::from_fn([1, 5, 6], |i| (i % 6) as f64 - 1.0);
    let read = |border| {
        value(&[image.clone(), rows.clone(), columns.clone()], |x| bilinear(x[0], x[1], x[2], border))
    };
    let (filled, edge) = (read(Border::Fill(0.0)), read(Border::Edge));
    for i in 0..30 {
        let (row, column) = (i / 6, i % 6);
        let inside = (1..=3).contains(&row) && (1..=4).contains(&column);
        let nearest = image.data()[(row.clamp(1, 3) - 1) * 4 + column.clamp(1, 4) - 1];
        assert_eq!(edge.data()[i], nearest);
        assert_eq!(filled.data()[i], if inside { nearest } else { 0.0 });
    }
}

#[test]
fn the_slope_at_a_whole_place_is_the_central_difference() {
    let pixels = [1.0, 4.0, 2.0, 7.0];
    let slope = |column: f64| {
        let graph = Graph::<f64>::new();
        let image = graph.constant(Tensor::new([1, 1, 1, 4], pixels.to_vec()));
        let at = graph.fill([1, 1, 1], column);
        let read = bilinear(image, at.like(0.0), at, Border::Fill(0.0));
        interpret(&[grad(read.sum(), &[at])[0]], &[], None).unwrap()[0].data()[0]
    };
    assert_eq!(slope(1.0), (pixels[2] - pixels[0]) / 2.0);
    assert_eq!(slope(2.0), (pixels[3] - pixels[1]) / 2.0);
    // Beyond the border are zeros.
    assert_eq!(slope(0.0), pixels[1] / 2.0);
    assert_eq!(slope(3.0), -pixels[2] / 2.0);
    // Between pixels there is one slope only.
    assert_eq!(slope(1.5), pixels[2] - pixels[1]);
}

/// The kernel is the value that plans compute: in single precision and in steady state too.
#[test]
fn plans_give_the_interpreters_bits() {
    let graph = Graph::<f32>::new();
    let images = graph.constant(numbers([2, 2, 5, 5], 0.0, 1.0, 1).cast::<f32>());
    let at = graph.constant(numbers([2, 3, 3], -1.0, 5.0, 2).cast::<f32>());
    let read = bilinear(images, at, at, Border::Edge);
    let mut plan = autograd::Plan::builder(&graph).output("y", read).compile();
    let expected = interpret(&[read], &[], None).unwrap();
    for _ in 0..2 {
        let outputs = plan.run(&mut autograd::Parameters::new(), &[]).unwrap();
        assert_eq!(outputs.values("y"), expected[0].data());
    }
}

#[test]
fn not_a_place_gives_not_a_number() {
    for (v, u) in [(f64::NAN, 0.0), (0.0, f64::NAN)] {
        let one = |x: f64| Tensor::new([1, 1, 1], vec![x]);
        let found = value(&[Tensor::full([1, 1, 2, 2], 1.0), one(v), one(u)], |x| {
            bilinear(x[0], x[1], x[2], Border::Fill(0.0))
        });
        assert!(found.data()[0].is_nan());
    }
    let one = |x: f64| Tensor::new([1, 1, 1], vec![x]);
    let far = value(&[Tensor::full([1, 1, 2, 2], 1.0), one(f64::INFINITY), one(1e300)], |x| {
        bilinear(x[0], x[1], x[2], Border::Fill(0.0))
    });
    assert_eq!(far.data(), [0.0]);
}

#[test]
#[should_panic(expected = "bilinear: rows [2, 3, 3] and columns [2, 3, 4] for images [2, 1, 3, 3]")]
fn places_have_one_shape() {
    let graph = Graph::<f64>::new();
    let images = graph.input("x", [2, 1, 3, 3]);
    bilinear(images, graph.fill([2, 3, 3], 0.0), graph.fill([2, 3, 4], 0.0), Border::Edge);
}

#[test]
#[should_panic(expected = "bilinear: images are [n, channels, height, width], not [2, 9]")]
fn images_have_four_axes() {
    let graph = Graph::<f64>::new();
    let at = graph.fill([2, 3, 3], 0.0);
    bilinear(graph.input("x", [2, 9]), at, at, Border::Edge);
}
