use super::*;
use crate::testing::{Quadratic, assert_close, check, descend, numbers, shapes, value};
use autograd::Tensor;
use nn::Optimiser;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]

    #[test]
    fn the_value_is_half_the_sum_of_squares(shape in shapes(), alpha in 0.0..4.0, seed: u64) {
        let w = numbers(shape, -3.0, 3.0, seed);
        let naive: f64 = w.data().iter().map(|w| alpha / 2.0 * w * w).sum();
        let found = value(&[w], |x| L2::new(alpha).unwrap().value(x[0])).item();
        // At most 27 terms, each rounded three times, and the order of addition.
        assert_close(found, naive, 1e-14);
    }

    /// On multiples of 1/64 and powers of two nothing is rounded: the identity of equation 7.5 is exact.
    #[test]
    fn a_step_shrinks_before_it_descends(
        pairs in prop::collection::vec((-512i32..512, -512i32..512), 1..6),
        a in 0i32..5,
        e in 1i32..5,
    ) {
        let (alpha, epsilon) = (2f64.powi(-a), 2f64.powi(-e));
        let (w, g): (Vec<f64>, Vec<f64>) =
            pairs.iter().map(|&(w, g)| (f64::from(w) / 64.0, f64::from(g) / 64.0)).unzip();
        let stepped = descend(&w, 1, &Optimiser::sgd(epsilon), |w| {
            let slope = w.graph().constant(Tensor::new([g.len()], g.clone()));
            (w * slope).sum() + L2::new(alpha).unwrap().value(w)
        });
        let expected: Vec<f64> =
            w.iter().zip(&g).map(|(w, g)| (1.0 - epsilon * alpha) * w - epsilon * g).collect();
        prop_assert_eq!(stepped, expected);
    }

    #[test]
    fn the_gradient_is_alpha_w_rounded_once(alpha in 1e-6..10.0, w in prop::array::uniform4(-9.0..9.0)) {
        let found = value(&[Tensor::new([4], w.to_vec())], |x| {
            autograd::grad(L2::new(alpha).unwrap().value(x[0]), &[x[0]])[0]
        });
        prop_assert_eq!(found.into_data(), w.map(|w| alpha * w).to_vec());
    }
}

#[test]
fn derivatives_in_weights_and_coefficient_are_right() {
    let values = [numbers([2, 3], -2.0, 2.0, 1), Tensor::scalar(0.7)];
    check("l2_penalty", &values, |x| l2_penalty(x[0], x[1]));
    check("shrink", &values, |x| shrink(x[0], x[1]).powi(3).sum());
}

/// Equation 7.13: along an eigenvector of the Hessian the minimum moves to λ/(λ + α) of itself.
#[test]
fn the_minimum_shrinks_along_eigenvectors() {
    for (angle, eigenvalues) in [(0.4, [3.0, 0.1]), (1.1, [1.0, 1.0]), (2.5, [0.5, 4.0])] {
        let quadratic = Quadratic { angle, eigenvalues, minimum: [1.5, -0.8] };
        for alpha in [0.05, 0.5, 5.0] {
            // At rate 0.2 the slowest factor is 1 - 0.2 (0.1 + 0.05): 2000 steps leave 1e-26.
            let w = descend(&[0.3, 0.9], 2000, &Optimiser::sgd(0.2), |w| {
                quadratic.loss(w) + L2::new(alpha).unwrap().value(w)
            });
            let (found, start) =
                (quadratic.along_eigenvectors(&w), quadratic.along_eigenvectors(&quadratic.minimum));
            for i in 0..2 {
                let shrunk = eigenvalues[i] / (eigenvalues[i] + alpha) * start[i];
                assert_close(found[i], shrunk, 1e-13);
            }
        }
    }
}

/// Ridge regression: the trace of `X (XᵀX + α I)⁻¹ Xᵀ`, here for two features by the inverse of a 2 by 2
/// matrix, is the sum over the eigenvalues of `XᵀX`.
#[test]
fn effective_parameters_are_the_trace_of_the_smoother() {
    let x = numbers([7, 2], -2.0, 2.0, 9);
    let dot = |i: usize, j: usize| (0..7).map(|n| x.data()[2 * n + i] * x.data()[2 * n + j]).sum::<f64>();
    let (a, b, c) = (dot(0, 0), dot(0, 1), dot(1, 1));
    let root = ((a - c).powi(2) / 4.0 + b * b).sqrt();
    let eigenvalues = [(a + c) / 2.0 + root, (a + c) / 2.0 - root];
    for alpha in [0.0, 0.1, 3.0, 100.0] {
        let determinant = (a + alpha) * (c + alpha) - b * b;
        // tr((XᵀX + α I)⁻¹ XᵀX)
        let trace = ((c + alpha) * a - 2.0 * b * b + (a + alpha) * c) / determinant;
        assert_close(effective_parameters(&eigenvalues, alpha).unwrap(), trace, 1e-13);
    }
    assert_eq!(effective_parameters(&[0.0, 2.0], 0.0).unwrap(), 1.0);
    for bad in [-1.0, f64::NAN, f64::INFINITY] {
        assert!(
            effective_parameters(&[1.0], bad).is_err() && effective_parameters(&[1.0, bad], 1.0).is_err()
        );
    }
}

/// `u = prox(v)` minimises `t α/2 u² + (u - v)²/2`: its derivative there is 0.
#[test]
fn the_proximal_step_is_the_minimum() {
    let v = numbers([5], -3.0, 3.0, 3);
    let u = value(&[v.clone(), Tensor::scalar(0.3)], |x| L2::new(2.0).unwrap().proximal(x[0], x[1]));
    for (u, v) in u.data().iter().zip(v.data()) {
        // Three roundings of numbers below 3.
        assert!((0.3 * 2.0 * u + u - v).abs() < 2e-15);
    }
}

#[test]
fn coefficients_are_checked() {
    for alpha in [-1e-9, f64::NAN, f64::INFINITY] {
        let error = L2::new(alpha).unwrap_err().to_string();
        assert_eq!(error, format!("the L2 coefficient is {alpha}, it must be finite and at least 0"));
    }
    assert_eq!(L2::new(0.25).unwrap().alpha(), 0.25);
}

#[test]
#[should_panic(expected = "l2_penalty: the coefficient is a scalar, not [2]")]
fn a_coefficient_has_no_axes() {
    value(&[Tensor::scalar(1.0), Tensor::zeros([2])], |x| l2_penalty(x[0], x[1]));
}
