use super::*;
use crate::testing::{check, numbers, value};
use autograd::{Graph, Tensor, grad, interpret};
use proptest::prelude::*;

/// By way of HSV with the six cases of the textbook, hue in degrees.
fn by_cases([r, g, b]: [f64; 3], shift: f64) -> [f64; 3] {
    let (v, low) = (r.max(g).max(b), r.min(g).min(b));
    let c = v - low;
    if c == 0.0 {
        return [r, g, b];
    }
    let degrees = match () {
        () if v == r => 60.0 * ((g - b) / c),
        () if v == g => 60.0 * ((b - r) / c) + 120.0,
        () => 60.0 * ((r - g) / c) + 240.0,
    };
    let degrees = (degrees + 360.0 * shift).rem_euclid(360.0);
    let x = c * (1.0 - ((degrees / 60.0).rem_euclid(2.0) - 1.0).abs());
    let (r, g, b) = match (degrees / 60.0) as usize {
        0 => (c, x, 0.0),
        1 => (x, c, 0.0),
        2 => (0.0, c, x),
        3 => (0.0, x, c),
        4 => (x, 0.0, c),
        _ => (c, 0.0, x),
    };
    [r + low, g + low, b + low]
}

fn shifted(colour: [f64; 3], shift: f64) -> [f64; 3] {
    let image = Tensor::new([1, 3, 1, 1], colour.to_vec());
    let found = value(&[image, Tensor::new([1], vec![shift])], |x| hue(x[0], x[1])).into_data();
    [found[0], found[1], found[2]]
}

fn assert_alike(found: [f64; 3], expected: [f64; 3]) {
    // A hue of six sixths, rounded a few times, times a chroma below 1.
    let error = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(error < 2e-14, "{found:?} for {expected:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn the_value_is_that_of_the_six_cases(r in 0.0..1.0, g in 0.0..1.0, b in 0.0..1.0, shift in -2.0..2.0) {
        assert_alike(shifted([r, g, b], shift), by_cases([r, g, b], shift));
    }

    #[test]
    fn hue_wraps_and_shifts_add_up(r in 0.0..1.0, g in 0.0..1.0, b in 0.0..1.0, one in -1.0..1.0, other in -1.0..1.0) {
        let colour = [r, g, b];
        for turns in [-1.0, 0.0, 1.0, 3.0] {
            assert_alike(shifted(colour, turns), colour);
        }
        let error: f64 = shifted(shifted(colour, one), other).iter()
            .zip(shifted(colour, one + other)).map(|(a, b)| (a - b).abs()).sum();
        // Hue is badly conditioned near grey: an error of rounding in the colours is divided by the chroma.
        prop_assert!(error < 1e-13, "{error:e}");
    }
}

#[test]
fn ties_and_corners_are_colours_too() {
    for colour in [[1.0, 1.0, 0.0], [0.0, 1.0, 1.0], [1.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.3, 0.7, 0.7]] {
        for shift in [0.0, 1.0 / 6.0, -0.25, 0.5] {
            assert_alike(shifted(colour, shift), by_cases(colour, shift));
        }
    }
}

#[test]
fn derivatives_in_image_and_shift_are_right() {
    // One colour of each sector, at a distance from the kinks.
    let colours = [0.9, 0.2, 0.5, 0.1, 0.8, 0.3, 0.3, 0.4, 0.9, 0.8, 0.1, 0.3];
    let image = Tensor::from_fn([4, 3, 1, 1], |i| colours[i]);
    let shift = numbers([4], 0.02, 0.09, 1);
    check("hue", &[image, shift], |x| hue(x[0], x[1]).powi(2).sum());
}

#[test]
fn grey_has_no_hue_and_its_kink_a_declared_derivative() {
    assert_eq!(shifted([0.4, 0.4, 0.4], 0.3), [0.4, 0.4, 0.4]);
    let graph = Graph::<f64>::new();
    let (x, shift) = (graph.fill([1, 3, 1, 1], 0.4), graph.fill([1], 0.3));
    let found = hue(x, shift);
    let slopes = grad(found.slice(1, 0, 1).sum(), &[x, shift]);
    let slopes = interpret(&slopes, &[], None).unwrap();
    // Red at hue 0 is the value, whose three candidates share the derivative.
    assert!(slopes[0].data().iter().all(|s| (s - 1.0 / 3.0).abs() < 1e-15), "{slopes:?}");
    assert_eq!(slopes[1].data(), [0.0]);
    // It is a kink: colours next to grey keep no derivative of their own there.
    let beside = shifted([0.4 + 1e-6, 0.4, 0.4], 0.5);
    assert!((beside[1] - 0.4 - 1e-6).abs() < 1e-12 && (beside[0] - 0.4).abs() < 1e-12);
}

#[test]
fn strengths_are_checked() {
    for bad in [-0.1, 0.6, f64::NAN] {
        let error = Hue::new(bad).unwrap_err().to_string();
        assert_eq!(error, format!("the shift of hue is {bad}, it must be in [0, 0.5]"));
    }
}
