use super::super::tests::made;
use super::*;
use crate::constraint::{Projection, SpectralBall};
use crate::testing::{assert_close, check, numbers, value};
use autograd::check::Checker;
use autograd::{Tensor, grad};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(30) })]

    /// In every entry, to the second order, with equal smaller values and 0 among them; the kernel against the
    /// expression.
    #[test]
    fn the_largest_singular_value_has_its_derivatives(
        rows in 1usize..5,
        columns in 1usize..5,
        smaller in prop::collection::vec(prop_oneof![Just(0.0), Just(0.6), 0.05..0.8f64], 3),
        largest in 1.0..4.0f64,
        seed in 0u64..1000,
    ) {
        let values = [vec![largest], smaller].concat();
        let w = made(rows, columns, &values, seed);
        let found = value(std::slice::from_ref(&w), |x| largest_singular_value(x[0])).item();
        assert_close(found, largest, 1e-14);
        check("largest", std::slice::from_ref(&w), |x| largest_singular_value(x[0]).powi(3));
        Checker::new("kernel").agrees(LargestSingularValue, std::slice::from_ref(&w)).assert();
        // What a ball reports of a point.
        let ball = SpectralBall::new(0.9).unwrap();
        check("slack", std::slice::from_ref(&w), |x| ball.slack(x[0]).powi(2));
        // Of a single number the multiplier does not change with it: the number itself is added.
        let values = [w, numbers([rows, columns], -1.0, 1.0, seed)];
        check("multiplier", &values, |x| ball.multiplier(x[0], x[1]).sin() + x[0].sum());
    }

    /// `u₁ v₁ᵀ`, whose product with `W` is `σ₁`, of Frobenius norm 1.
    #[test]
    fn its_gradient_is_the_product_of_the_first_singular_vectors(
        rows in 1usize..6, columns in 1usize..6, seed: u64,
    ) {
        let w = numbers([rows, columns], -1.0, 1.0, seed);
        let slope = value(std::slice::from_ref(&w), |x| grad(largest_singular_value(x[0]), &[x[0]])[0]);
        let sigma = value(std::slice::from_ref(&w), |x| largest_singular_value(x[0])).item();
        let dot = |a: &Tensor<f64>, b: &Tensor<f64>| a.data().iter().zip(b.data()).map(|(a, b)| a * b).sum::<f64>();
        // Two singular values may be near each other: what rounding mixes of them cancels in these sums.
        assert_close(dot(&slope, &w), sigma, 1e-12);
        assert_close(dot(&slope, &slope), 1.0, 1e-9);
    }
}

/// Of two equal ones the mean of both slopes, of a matrix of 0 none, of no matrix nothing.
#[test]
fn at_its_kinks_it_has_the_mean_slope() {
    let slope = |w: Tensor<f64>| value(&[w], |x| grad(largest_singular_value(x[0]), &[x[0]])[0]);
    let equal = slope(Tensor::new([3, 2], vec![2.0, 0.0, 0.0, -2.0, 0.0, 0.0]));
    for (found, expected) in equal.data().iter().zip([0.5, 0.0, 0.0, -0.5, 0.0, 0.0]) {
        assert_close(*found, expected, 1e-15);
    }
    assert_eq!(slope(Tensor::zeros([2, 3])), Tensor::zeros([2, 3]));
    assert_eq!(slope(Tensor::zeros([0, 3])), Tensor::zeros([0, 3]));
    // A kernel is the matrix of its maps.
    let kernel = numbers([2, 2, 3], -1.0, 1.0, 5);
    assert_eq!(slope(kernel.clone()).reshape([4, 3]), slope(kernel.reshape([4, 3])));
}
