use super::*;
use crate::ensemble::Bootstrap;
use crate::testing::{assert_close, numbers};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(60) })]

    #[test]
    fn the_error_of_the_mean_is_the_mean_error_less_the_spread(k in 1usize..6, n in 1usize..20, seed: u64) {
        let members: Vec<_> = (0..k as u64).map(|i| numbers([n], -3.0, 3.0, seed.wrapping_add(i))).collect();
        let targets = numbers([n], -3.0, 3.0, !seed);
        let found = Decomposition::of(&members, &targets).unwrap();
        // Sums of up to 120 squares below 36, each of a few roundings.
        assert_close(found.mean_error - found.spread, found.ensemble_error, 1e-14);
        prop_assert!(found.ensemble_error <= found.mean_error + 1e-14);
        let formula = expected_squared_error(found.variance, found.covariance, k);
        assert_close(formula, found.ensemble_error, 1e-14);
    }
}

/// `k` errors with variance v and covariance c, as sums of a shared and an own part that are ±√c and
/// ±√(v - c): all outcomes of the signs, so no sampling.
#[test]
fn the_expected_error_is_the_formula_over_all_outcomes() {
    for k in 1..=6usize {
        for (v, c) in [(1.0, 0.0), (1.0, 1.0), (2.0, 0.7), (0.3, 0.1)] {
            let (shared, own) = (f64::sqrt(c), f64::sqrt(v - c));
            let outcomes = 1u32 << (k + 1);
            let mut expected = 0.0;
            for signs in 0..outcomes {
                let sign = |i: usize| if signs >> i & 1 == 1 { 1.0 } else { -1.0 };
                let mean = (0..k).map(|i| shared * sign(k) + own * sign(i)).sum::<f64>() / k as f64;
                expected += mean * mean / f64::from(outcomes);
            }
            // At most 128 terms.
            assert_close(expected_squared_error(v, c, k), expected, 1e-14);
        }
    }
}

/// Bagging the mean of `n` numbers, exactly: a member's prediction is the mean of its bootstrap. Members are
/// independent given the data, so the covariance of their errors is the squared error of the mean over all
/// nⁿ bootstraps, and the expected error of `k` bags by enumeration of all pairs is the formula's.
#[test]
fn bagged_means_follow_the_formula_by_enumeration() {
    for n in 2..=4usize {
        let (data, truth) = (numbers([n], -1.0, 1.0, n as u64), 0.3);
        let errors: Vec<f64> = Bootstrap::all(n)
            .unwrap()
            .map(|bag| bag.indices().iter().map(|&i| data.data()[i]).sum::<f64>() / n as f64 - truth)
            .collect();
        let all = errors.len() as f64;
        let variance = errors.iter().map(|e| e * e).sum::<f64>() / all;
        let mean = errors.iter().sum::<f64>() / all;
        let mut of_two = 0.0;
        for a in &errors {
            of_two += errors.iter().map(|b| ((a + b) / 2.0).powi(2)).sum::<f64>() / (all * all);
        }
        // Up to 65536 terms.
        assert_close(expected_squared_error(variance, mean * mean, 2), of_two, 1e-12);
        let sample_mean = data.data().iter().sum::<f64>() / n as f64;
        assert_close(mean, sample_mean - truth, 1e-13);
    }
}

#[test]
fn the_ends_of_the_formula() {
    assert_close(expected_squared_error(3.0, 3.0, 7), 3.0, 1e-15);
    assert_close(expected_squared_error(3.0, 0.0, 6), 0.5, 1e-15);
    assert_eq!(expected_squared_error(3.0, 99.0, 1), 3.0);
}

#[test]
fn what_cannot_be_taken_apart_is_refused() {
    let (two, three) = (numbers([2], 0.0, 1.0, 1), numbers([3], 0.0, 1.0, 1));
    let of = |members: &[Tensor<f64>], targets: &Tensor<f64>| {
        Decomposition::of(members, targets).unwrap_err().to_string()
    };
    assert_eq!(of(&[], &two), "there are no members");
    assert_eq!(of(std::slice::from_ref(&two), &Tensor::zeros([0])), "there are no targets");
    assert_eq!(of(&[two.clone(), three], &two), "the predictions have shape [3], not [2]");
    let broken = Tensor::new([2], vec![0.0, f64::NAN]);
    assert_eq!(of(std::slice::from_ref(&broken), &two), "element 1 of the predictions is NaN");
    assert_eq!(of(std::slice::from_ref(&two), &broken), "element 1 of the targets is NaN");
}
