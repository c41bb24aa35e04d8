use super::*;
use crate::testing::{assert_close, check, numbers, value};
use autograd::{Graph, Tensor, interpret};
use proptest::prelude::*;

fn norms() -> Vec<Norm> {
    [1.0, 1.1, 1.5, 2.0, 3.0, 7.5, f64::INFINITY].map(|p| Norm::p(p).unwrap()).to_vec()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]

    /// Norm 1, and the product with the gradient is the dual norm: by Hölder's inequality no direction of
    /// norm 1 has a larger one.
    #[test]
    fn the_direction_is_the_steepest_there_is(
        lengths in prop::collection::vec(0usize..4, 1..4),
        whole: bool,
        seed: u64,
    ) {
        // Small integers: zeros and ties among the entries.
        let g = numbers(&lengths[..], -3.0, 3.0, seed);
        let g = Tensor::from_fn(g.shape(), |i| if whole { g.data()[i].round() } else { g.data()[i] });
        let width: usize = lengths[1..].iter().product();
        for norm in norms() {
            let d = value(std::slice::from_ref(&g), |v| norm.steepest(v[0]));
            prop_assert_eq!(d.shape(), g.shape());
            for (d, g) in d.data().chunks(width.max(1)).zip(g.data().chunks(width.max(1))) {
                let nonzero = g.iter().any(|&g| g != 0.0);
                // Powers of up to 11 of at most 9 numbers, each to a few units in the last place.
                assert_close(norm.of(d), f64::from(u8::from(nonzero)), 3e-14);
                let product: f64 = d.iter().zip(g).map(|(d, g)| d * g).sum();
                assert_close(product, norm.dual().of(g), 1e-13);
            }
        }
    }

    /// The definition by a plain sum of powers, for moderate numbers.
    #[test]
    fn a_norm_is_the_root_of_a_sum_of_powers(count in 0usize..6, p in 1.0f64..6.0, seed: u64) {
        let x = numbers([count], -2.0, 2.0, seed);
        let plain = x.data().iter().map(|x| x.abs().powf(p)).sum::<f64>().powf(1.0 / p);
        assert_close(Norm::p(p).unwrap().of(x.data()), plain, 1e-13);
    }
}

#[test]
fn a_large_exponent_is_nearly_infinity_and_one_near_1_nearly_one() {
    let g = Tensor::new([1, 3], vec![3.0, -1.0, 0.5]);
    let direction = |p: f64| value(std::slice::from_ref(&g), |v| Norm::p(p).unwrap().steepest(v[0]));
    for (near, limit) in [(1e9, f64::INFINITY), (1.0 + 1e-3, 1.0)] {
        for (a, b) in direction(near).data().iter().zip(direction(limit).data()) {
            // Of order 1/p ln 6, and (1/3)^1000.
            assert_close(*a, *b, 1e-8);
        }
    }
}

/// The direction of a smooth norm has a derivative, and one of second order.
#[test]
fn derivatives_of_the_direction_are_right() {
    for p in [1.5, 2.0, 3.0] {
        let g = numbers([2, 3], 0.5, 2.0, 3);
        check("steepest", &[g], |v| (Norm::p(p).unwrap().steepest(v[0]) * 1.5).sin().sum());
    }
}

#[test]
fn a_nan_is_not_hidden() {
    for norm in norms() {
        assert!([[f64::NAN, 1.0], [1.0, f64::NAN]].iter().all(|values| norm.of(values).is_nan()), "{norm:?}");
        let d = value(&[Tensor::new([1, 2], vec![f64::NAN, 1.0])], |v| norm.steepest(v[0]));
        assert!(d.data().iter().any(|d| d.is_nan()), "{norm:?}: {d:?}");
    }
}

#[test]
fn a_tiny_gradient_is_no_zero() {
    for norm in norms() {
        let graph = Graph::<f32>::new();
        let g = graph.constant(Tensor::new([2, 2], vec![3e-30f32, -4e-30, 0.0, 0.0]));
        let d = interpret(&[norm.steepest(g)], &[], None).unwrap().remove(0);
        assert!((norm.of(&d.data()[..2]) - 1.0).abs() < 1e-6, "{norm:?}: {d:?}");
        assert_eq!(d.data()[2..], [0.0, 0.0]);
    }
}

#[test]
fn no_exponent_below_1_makes_a_norm() {
    for bad in [0.99, 0.0, -1.0, f64::NAN] {
        let error = Norm::p(bad).unwrap_err().to_string();
        assert_eq!(error, format!("the exponent of a norm is {bad}, it must be at least 1"));
    }
    assert_eq!(
        norms().iter().map(|n| n.to_string()).collect::<Vec<_>>().join(" "),
        "L1 L1.1 L1.5 L2 L3 L7.5 L∞"
    );
    for norm in norms() {
        assert_close(1.0 / norm.exponent() + 1.0 / norm.dual().exponent(), 1.0, 1e-15);
    }
}
