use super::*;
use crate::penalty::ElasticNet;
use crate::penalty::ProximalStep;
use crate::testing::{assert_close, check, descend, numbers, shapes, value};
use autograd::{Tensor, grad};
use nn::{Optimiser, Selection};
use proptest::prelude::*;

/// `sign(v) max(|v| - t, 0)`, as printed.
fn naive_threshold(v: f64, t: f64) -> f64 {
    if v > t {
        v - t
    } else if v < -t {
        v + t
    } else {
        0.0
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]

    #[test]
    fn the_value_is_the_sum_of_absolute_values(shape in shapes(), alpha in 0.0..4.0, seed: u64) {
        let w = numbers(shape, -3.0, 3.0, seed);
        let naive: f64 = w.data().iter().map(|w| alpha * w.abs()).sum();
        let found = value(&[w], |x| L1::new(alpha).unwrap().value(x[0])).item();
        // At most 27 terms, each rounded twice, and the order of addition.
        assert_close(found, naive, 1e-14);
    }

    #[test]
    fn the_threshold_is_the_printed_one(shape in shapes(), t in 0.0..2.0, seed: u64) {
        let v = numbers(shape, -3.0, 3.0, seed);
        let expected: Vec<f64> = v.data().iter().map(|&v| naive_threshold(v, t)).collect();
        let found = value(&[v, Tensor::scalar(t)], |x| soft_threshold(x[0], x[1]));
        prop_assert_eq!(found.into_data(), expected);
    }

    /// No other point has a smaller `t |u| + (u - v)²/2`.
    #[test]
    fn the_threshold_is_the_minimum(v in -3.0..3.0f64, t in 0.0..2.0, other in -4.0..4.0) {
        let cost = |u: f64| t * u.abs() + (u - v).powi(2) / 2.0;
        // Beside the minimum costs differ by less than a rounding of numbers below 50.
        prop_assert!(cost(naive_threshold(v, t)) <= cost(other) + 1e-14);
    }
}

#[test]
fn derivatives_in_weights_and_coefficient_are_right() {
    let values = [numbers([2, 3], -2.0, 2.0, 1), Tensor::scalar(0.7)];
    check("l1_penalty", &values, |x| l1_penalty(x[0], x[1]));
    check("soft_threshold", &values, |x| soft_threshold(x[0], x[1]).powi(3).sum());
    check("elastic net", &values[..1], |x| ElasticNet::new(0.3, 0.8).unwrap().value(x[0]));
}

#[test]
fn at_zero_nothing_pulls() {
    let w = Tensor::new([3], vec![0.0, -0.0, 2.0]);
    let slope = value(&[w], |x| grad(L1::new(0.5).unwrap().value(x[0]), &[x[0]])[0]);
    assert_eq!(slope.data(), [0.0, 0.0, 0.5]);
    let stayed = descend::<f64>(&[0.0, 1.0], 5, &Optimiser::sgd(0.1), |w| L1::new(0.5).unwrap().value(w));
    assert_eq!(stayed[0], 0.0);
}

#[test]
fn a_threshold_of_zero_changes_no_bit() {
    let v = numbers([9], -3.0, 3.0, 4);
    let same = value(&[v.clone(), Tensor::scalar(0.0)], |x| soft_threshold(x[0], x[1]));
    assert_eq!(same, v);
    // A zero it makes is +0, so that no sign is left of what was there.
    let zeros =
        value(&[Tensor::new([2], vec![-0.5, 0.5]), Tensor::scalar(1.0)], |x| soft_threshold(x[0], x[1]));
    assert!(zeros.data().iter().all(|zero| zero.to_bits() == 0));
}

/// A quadratic with diagonal Hessian `h` and minimum `w*`.
fn diagonal<'g, T: Real>(w: Var<'g, T>, h: &[f64], minimum: &[f64]) -> Var<'g, T> {
    let constant = |values: &[f64]| {
        w.graph().constant(Tensor::new([values.len()], values.iter().map(|&v| T::from_f64(v)).collect()))
    };
    ((w - constant(minimum)).powi(2) * constant(h)).sum() * 0.5
}

const H: [f64; 6] = [0.5, 1.0, 2.0, 4.0, 1.0, 3.0];
const MINIMUM: [f64; 6] = [1.0, -0.3, 0.2, -0.1, 0.0, -2.0];

/// Equation 7.23, by proximal gradient descent: with the right zeros, and exact ones.
#[test]
fn proximal_descent_finds_the_sparse_minimum() {
    for alpha in [0.1, 0.35, 1.0] {
        let step = ProximalStep::new(Selection::weights(), L1::new(alpha).unwrap());
        // The slowest factor is 1 - 0.2 · 0.5: 500 steps leave 1e-23.
        let w =
            descend::<f64>(&[0.7; 6], 500, &Optimiser::sgd(0.2).then(step), |w| diagonal(w, &H, &MINIMUM));
        for i in 0..6 {
            let expected = naive_threshold(MINIMUM[i], alpha / H[i]);
            assert_close(w[i], expected, 1e-14);
            assert_eq!(w[i] == 0.0, expected == 0.0, "weight {i} at α = {alpha}");
        }
    }
}

#[test]
fn proximal_descent_finds_exact_zeros_in_single_precision_too() {
    let step = ProximalStep::new(Selection::weights(), L1::new(0.35).unwrap());
    let w = descend::<f32>(&[0.7; 6], 300, &Optimiser::sgd(0.2).then(step), |w| diagonal(w, &H, &MINIMUM));
    for i in 0..6 {
        let expected = naive_threshold(MINIMUM[i], 0.35 / H[i]);
        // Each step leaves a few roundings of 6e-8, which the contraction by 0.9 adds up tenfold.
        assert_close(w[i], expected, 3e-6);
        assert_eq!(w[i] == 0.0, expected == 0.0);
    }
}

/// What the proximal step is for: along the gradient the weights swing about 0. One that ends there is held
/// with less than α by the loss, so that a step from beside 0 goes up to 2 ε α beyond.
#[test]
fn descent_along_the_gradient_only_comes_near_zero() {
    let alpha = 0.35;
    let w = descend::<f64>(&[0.7; 6], 500, &Optimiser::sgd(0.2), |w| {
        diagonal(w, &H, &MINIMUM) + L1::new(alpha).unwrap().value(w)
    });
    let near = |i: usize| (w[i] - naive_threshold(MINIMUM[i], alpha / H[i])).abs() <= 2.0 * 0.2 * alpha;
    assert!((0..6).all(near), "{w:?}");
    assert!([1, 2, 3].iter().any(|&i| w[i] != 0.0), "{w:?}");
}

#[test]
fn the_elastic_net_thresholds_and_shrinks() {
    for (a1, a2) in [(0.35, 0.5), (0.1, 0.0), (0.0, 2.0)] {
        let step = ProximalStep::new(Selection::weights(), ElasticNet::new(a1, a2).unwrap());
        let w =
            descend::<f64>(&[0.7; 6], 500, &Optimiser::sgd(0.2).then(step), |w| diagonal(w, &H, &MINIMUM));
        for i in 0..6 {
            let expected = naive_threshold(H[i] * MINIMUM[i], a1) / (H[i] + a2);
            assert_close(w[i], expected, 1e-14);
            // Without an L1 part a weight nears its minimum 0, and does not reach it.
            assert!(a1 == 0.0 || (w[i] == 0.0) == (expected == 0.0), "weight {i}");
        }
    }
}

#[test]
fn coefficients_are_checked() {
    for alpha in [-1e-9, f64::NAN, f64::INFINITY] {
        let error = L1::new(alpha).unwrap_err().to_string();
        assert_eq!(error, format!("the L1 coefficient is {alpha}, it must be finite and at least 0"));
        assert!(ElasticNet::new(1.0, alpha).is_err() && ElasticNet::new(alpha, 1.0).is_err());
    }
    assert_eq!(L1::new(0.25).unwrap().alpha(), 0.25);
}

#[test]
#[should_panic(expected = "l1_penalty: the coefficient is a scalar, not [2]")]
fn a_coefficient_has_no_axes() {
    value(&[Tensor::scalar(1.0), Tensor::zeros([2])], |x| l1_penalty(x[0], x[1]));
}

/// With momentum `μ` it comes to rest at the minimum of `J/(1 - μ) + Ω`: the threshold is `(1 - μ) α/λ`.
#[test]
fn proximal_descent_with_momentum_has_the_weaker_threshold() {
    let (alpha, momentum, curvature, target) = (0.8, 0.5, 2.0, [1.0, -0.3, 0.15]);
    for chained in [alpha, alpha / (1.0 - momentum)] {
        let step = ProximalStep::new(Selection::all(), L1::new(chained).unwrap());
        let optimiser = Optimiser::<f64>::momentum(0.1, momentum).then(step);
        let found = descend(&[0.0; 3], 400, &optimiser, |w| {
            (w - w.graph().constant(autograd::Tensor::new([3], target.to_vec()))).powi(2).sum()
                * (0.5 * curvature)
        });
        let threshold = (1.0 - momentum) * chained / curvature;
        for (found, target) in found.iter().zip(target) {
            let expected = target.signum() * (target.abs() - threshold).max(0.0);
            assert!((found - expected).abs() < 1e-13, "{found} for {expected}");
        }
    }
}
