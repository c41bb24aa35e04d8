use super::*;
use crate::augmentation::tests::{naive_bilinear, pixel};
use crate::testing::{check, numbers, value};
use autograd::{Graph, Tensor};
use proptest::prelude::*;

#[test]
fn a_crop_is_the_part_at_its_offset() {
    let image = numbers([2, 1, 4, 5], -1.0, 1.0, 1);
    let offset = Tensor::new([2, 2], vec![1.0, 2.0, -0.5, 0.25]);
    let found = value(&[image.clone(), offset.clone()], |x| crop(x[0], x[1], [3, 2], Border::Fill(0.0)));
    for (i, &found) in found.data().iter().enumerate() {
        let (n, row, column) = (i / 6, i / 2 % 3, i % 2);
        let plane = &image.data()[n * 20..][..20];
        let (row, column) = (row as f64 + offset.data()[2 * n], column as f64 + offset.data()[2 * n + 1]);
        let expected = naive_bilinear(plane, [4, 5], row, column);
        assert!((found - expected).abs() < 1e-15);
        if n == 0 {
            assert_eq!(found, pixel(plane, [4, 5], row, column), "whole offsets are exact");
        }
    }
}

#[test]
fn derivatives_in_image_and_offset_are_right() {
    let values = [numbers([2, 2, 3, 3], -1.0, 1.0, 1), numbers([2, 2], -0.9, -0.1, 2)];
    check("crop", &values, |x| crop(x[0], x[1], [2, 3], Border::Edge).powi(2).sum());
    let mask = Tensor::new([2], vec![1.0, 0.0]);
    check("flip", &[numbers([2, 1, 2, 3], -1.0, 1.0, 3)], |x| {
        flip(x[0], x[0].graph().constant(mask.clone()), Mirror::LeftRight).powi(2)
    });
}

#[test]
fn offsets_are_all_whole_numbers_within_the_margin() {
    let draws = Tensor::from_fn([50, 2], |i| i as f64 / 100.0);
    let found = value(&[draws], |x| Crop::new(2).offset(x[0]));
    for (i, &offset) in found.data().iter().enumerate() {
        assert_eq!(offset, (i as f64 / 20.0).floor() - 2.0, "draw {i}");
    }
}

#[test]
fn mirrors_turn_round_what_they_say() {
    let image = Tensor::from_fn([1, 1, 2, 2], |i| i as f64);
    let flipped = |mirror, mask: f64| {
        value(std::slice::from_ref(&image), |x| flip(x[0], x[0].graph().fill([1], mask), mirror)).into_data()
    };
    assert_eq!(flipped(Mirror::LeftRight, 1.0), [1.0, 0.0, 3.0, 2.0]);
    assert_eq!(flipped(Mirror::TopBottom, 1.0), [2.0, 3.0, 0.0, 1.0]);
    assert_eq!(flipped(Mirror::Both, 1.0), [3.0, 2.0, 1.0, 0.0]);
    assert_eq!(flipped(Mirror::Both, 0.0), [0.0, 1.0, 2.0, 3.0]);
}

#[test]
fn a_certain_flip_flips_all_and_probabilities_are_checked() {
    let always = Flip::new(Mirror::LeftRight, 1.0).unwrap();
    let image = Tensor::from_fn([40, 1, 1, 2], |i| i as f64);
    let found = value(std::slice::from_ref(&image), |x| always.apply(x[0], "s"));
    assert!(found.data().chunks(2).zip(image.data().chunks(2)).all(|(a, b)| a[0] == b[1] && a[1] == b[0]));
    for bad in [-0.1, 1.1, f64::NAN] {
        let error = Flip::new(Mirror::Both, bad).unwrap_err().to_string();
        assert_eq!(error, format!("the flip probability is {bad}, it must be in [0, 1]"));
    }
}

#[test]
#[should_panic(expected = "crop: the offset has shape [1, 2], not [3, 2]: one for each image")]
fn offsets_are_one_for_each_image() {
    let graph = Graph::<f64>::new();
    crop(graph.input("x", [3, 1, 2, 2]), graph.fill([1, 2], 0.0), [1, 1], Border::Edge);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]

    #[test]
    fn crops_and_mirrors_are_those_of_a_loop(
        (n, c, h, w) in (1usize..3, 1usize..3, 1usize..5, 1usize..5),
        (rows, columns) in (1usize..4, 1usize..4),
        seed: u64,
    ) {
        let (image, offset) = (numbers([n, c, h, w], -1.0, 1.0, seed), numbers([n, 2], -2.0, 2.0, !seed));
        let found = value(&[image.clone(), offset.clone()], |x| {
            crop(x[0], x[1], [rows, columns], Border::Fill(0.0))
        });
        assert_eq!(found.shape().lengths(), [n, c, rows, columns]);
        for (i, found) in found.data().iter().enumerate() {
            let (plane, at) = (i / (rows * columns), i % (rows * columns));
            let by = &offset.data()[2 * (plane / c)..][..2];
            let (row, column) = ((at / columns) as f64 + by[0], (at % columns) as f64 + by[1]);
            let expected = naive_bilinear(&image.data()[plane * h * w..][..h * w], [h, w], row, column);
            assert!((found - expected).abs() < 1e-14);
        }
        let mask = Tensor::from_fn([n], |i| ((seed >> i) & 1) as f64);
        for (mirror, down, across) in
            [(Mirror::LeftRight, false, true), (Mirror::TopBottom, true, false), (Mirror::Both, true, true)]
        {
            let found = value(&[image.clone(), mask.clone()], |x| flip(x[0], x[1], mirror));
            for (i, found) in found.data().iter().enumerate() {
                let (plane, row, column) = (i / (h * w), i / w % h, i % w);
                let on = mask.data()[plane / c] == 1.0;
                let row = if on && down { h - 1 - row } else { row };
                let column = if on && across { w - 1 - column } else { column };
                assert_eq!(*found, image.data()[(plane * h + row) * w + column]);
            }
        }
    }
}
