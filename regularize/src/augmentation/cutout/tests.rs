use super::*;
use crate::testing::{check, numbers, value};
use proptest::prelude::*;

#[test]
fn a_box_holds_the_pixels_from_start_to_end() {
    let start = Tensor::new([2, 2], vec![0.5, -3.0, 1.0, 2.0]);
    let end = Tensor::new([2, 2], vec![2.0, 1.5, 3.0, 3.0]);
    let found = value(&[start.clone(), end.clone()], |x| boxes(x[0], x[1], [3, 4]));
    for (i, &found) in found.data().iter().enumerate() {
        let (n, row, column) = (i / 12, (i / 4 % 3) as f64, (i % 4) as f64);
        let within = |at: f64, axis: usize| start.data()[2 * n + axis] <= at && at < end.data()[2 * n + axis];
        assert_eq!(found, if within(row, 0) && within(column, 1) { 1.0 } else { 0.0 });
    }
}

/// The whole distribution: every draw at the middle of an interval of length 1/steps.
#[test]
fn squares_are_of_the_size_and_their_middle_is_uniform() {
    for (side, size) in [(5, 3), (5, 2), (4, 1), (3, 5)] {
        let steps = 10 * side;
        let at = |i: usize| ((i / 2) as f64 + 0.5) / steps as f64;
        let draws = Tensor::from_fn([steps, 2], |i| if i % 2 == 0 { at(i) } else { 0.5 });
        let masks = value(&[draws], |x| Cutout::new(size).mask(x[0], [side, side]));
        for (step, mask) in masks.data().chunks(side * side).enumerate() {
            let middle = (step / 10) as isize;
            for row in 0..side as isize {
                let first = middle - size as isize / 2;
                let covered = first <= row && row < first + size as isize;
                let count = mask[row as usize * side..][..side].iter().sum::<f64>();
                assert_eq!(
                    count,
                    if covered { size.min(side) as f64 } else { 0.0 },
                    "{side}, {size}, {step}"
                );
            }
        }
    }
}

#[test]
fn what_is_covered_has_the_fill_and_no_derivative() {
    let x = numbers([2, 2, 4, 4], 0.1, 0.9, 1);
    let cutout = Cutout::new(2).fill(-7.0).unwrap();
    let found = value(std::slice::from_ref(&x), |x| cutout.apply(x[0], "s"));
    let slope =
        value(std::slice::from_ref(&x), |x| autograd::grad(cutout.apply(x[0], "s").sum(), &[x[0]])[0]);
    let mut covered = 0;
    for i in 0..64 {
        let kept = found.data()[i] == x.data()[i];
        covered += usize::from(!kept);
        assert_eq!(found.data()[i], if kept { x.data()[i] } else { -7.0 });
        assert_eq!(slope.data()[i], if kept { 1.0 } else { 0.0 });
    }
    assert!(covered > 0 && covered <= 2 * 2 * 4);
    check("cutout", &[x], |x| cutout.apply(x[0], "s").powi(2));
}

#[test]
fn fills_are_finite() {
    for bad in [f64::NAN, f64::INFINITY] {
        let error = Cutout::new(2).fill(bad).unwrap_err().to_string();
        assert_eq!(error, format!("the cutout's fill is {bad}, it must be finite"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]

    #[test]
    fn boxes_are_those_of_a_loop((n, h, w) in (1usize..4, 1usize..6, 1usize..6), seed: u64) {
        let (start, end) = (numbers([n, 2], -2.0, 5.0, seed), numbers([n, 2], -1.0, 7.0, !seed));
        let found = value(&[start.clone(), end.clone()], |x| boxes(x[0], x[1], [h, w]));
        for (i, found) in found.data().iter().enumerate() {
            let (n, row, column) = (i / (h * w), (i / w % h) as f64, (i % w) as f64);
            let within = |at: f64, k: usize| start.data()[2 * n + k] <= at && at < end.data()[2 * n + k];
            assert_eq!(*found, f64::from(within(row, 0) && within(column, 1)));
        }
    }
}
