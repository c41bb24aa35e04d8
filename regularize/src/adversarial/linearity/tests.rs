use super::*;
use crate::adversarial::{AttackLoss, Targets};
use crate::testing::{assert_close, numbers};
use nn::{Activation, Sequential, initialise};

/// The growth exponents of attack and noise over `n = 2⁴ .. 2¹⁴`. With 64 units the noise's root mean square is
/// known to 9 %; a slope over seven octaves of `e` from two such ends is known to 0.02.
#[test]
fn an_attack_grows_with_the_number_of_inputs_and_noise_with_its_root() {
    let moves: Vec<_> = (4..=14).map(|k| unit_moves(1 << k, 0.25, 64, 1)).collect();
    let of = |f: fn(&UnitMoves) -> f64| moves.iter().map(|m| (m.inputs as f64, f(m))).collect::<Vec<_>>();
    assert_close(growth_exponent(&of(|m| m.attack)), 1.0, 0.02);
    assert_close(growth_exponent(&of(|m| m.noise)), 0.5, 0.06);
    // ‖w‖₁ of normal weights is n √(2/π).
    let last = moves.last().unwrap();
    assert_close(last.attack / (0.25 * 16384.0 * (2.0 / std::f64::consts::PI).sqrt()), 1.0, 0.01);
}

#[test]
fn an_exponent_is_recovered_exactly() {
    let points: Vec<(f64, f64)> = [1.0, 2.0, 5.0, 9.0].map(|x: f64| (x, 3.0 * x.powf(0.7))).to_vec();
    assert_close(growth_exponent(&points), 0.7, 1e-14);
}

/// Along the gradient's sign a rectifier network is piecewise linear: few corners, and fewer on a finer grid. A
/// network of tangents is bent nearly everywhere on the same coarse grid.
#[test]
fn logits_along_the_gradient_are_piecewise_linear_for_rectifiers() {
    let corners = |activation, count: usize| {
        let model = Sequential::<f64>::mlp(&[10, 12, 3], activation);
        let parameters = initialise(&model, 1);
        let (x, labels) = (numbers([1, 10], -1.0, 1.0, 1), Tensor::new([1], vec![0]));
        let mut victim = Victim::new(&model, &parameters);
        let targets = Targets { x: &x, labels: &labels, targets: None, first: 0, seed: 0 };
        let slope = victim.slope(AttackLoss::CrossEntropy, &x, &targets).unwrap().gradient;
        let sign = Tensor::from_fn([1, 10], |i| slope.data()[i].signum());
        let at: Vec<f64> = (0..count).map(|i| 4.0 * (i as f64 / (count - 1) as f64) - 2.0).collect();
        let logits = along(&mut victim, &x, &sign, &at).unwrap();
        let values: Vec<f64> = logits.data().chunks(3).map(|row| row[0]).collect();
        share_of_corners(&values, 1e-9)
    };
    // At most a corner for each of 12 units, each seen by two second differences.
    assert!(corners(Activation::Relu, 401) <= 24.0 / 399.0);
    assert!(corners(Activation::Relu, 4001) <= 24.0 / 3999.0);
    assert!(corners(Activation::Tanh, 401) > 0.9);
}

#[test]
fn a_line_begins_at_the_example() {
    let model = Sequential::<f64>::mlp(&[4, 3], Activation::Relu);
    let parameters = initialise(&model, 1);
    let (x, d) = (numbers([1, 4], -1.0, 1.0, 1), numbers([1, 4], -1.0, 1.0, 2));
    let mut victim = Victim::new(&model, &parameters);
    let line = along(&mut victim, &x, &d, &[0.0, 1.0]).unwrap();
    assert_eq!(line.rows(&[0]), victim.logits(&x).unwrap());
    let end = Tensor::from_fn([1, 4], |i| x.data()[i] + d.data()[i]);
    for (a, b) in line.rows(&[1]).data().iter().zip(victim.logits(&end).unwrap().data()) {
        assert_close(*a, *b, 1e-14);
    }
}

/// Of five values three have neighbours on both sides, and one of them is a corner.
#[test]
fn corners_are_counted_among_inner_values() {
    assert_eq!(share_of_corners(&[0.0, 1.0, 2.0, 2.0, 2.0], 1e-9), 1.0 / 3.0);
    assert_eq!(share_of_corners(&[0.0, 1.0, 0.0], 1e-9), 1.0);
    assert_eq!(share_of_corners(&[0.0, 1.0], 1e-9), 0.0);
    // Second differences of at most a tenth of the range pass for straight.
    assert_eq!(share_of_corners(&[0.0, 1.0, 2.1, 3.1], 0.1), 0.0);
}
