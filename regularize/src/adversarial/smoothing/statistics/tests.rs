use super::*;

#[track_caller]
fn assert_relative(found: f64, expected: f64, tolerance: f64) {
    assert!((found / expected - 1.0).abs() < tolerance, "{found:e} instead of {expected:e}");
}

/// Abramowitz and Stegun, tables 26.1 and 26.5, and further digits of the same numbers.
#[test]
fn the_normal_distribution_has_its_published_values() {
    assert_eq!(normal_cdf(0.0), 0.5);
    for (x, p) in [
        (1.0, 0.841_344_746_068_542_9),
        (2.0, 0.977_249_868_051_820_8),
        (-1.0, 0.158_655_253_931_457_05),
        (-3.0, 1.349_898_031_630_094_6e-3),
        (-5.0, 2.866_515_718_791_939e-7),
        (-10.0, 7.619_853_024_160_527e-24),
    ] {
        assert_relative(normal_cdf(x), p, 1e-13);
    }
    for (p, x) in
        [(0.999, 3.090_232_306_167_813_5), (0.05, -1.644_853_626_951_472_7), (1e-10, -6.361_340_902_404_056)]
    {
        assert_relative(normal_quantile(p), x, 1e-13);
    }
    assert_eq!([normal_quantile(0.0), normal_quantile(1.0)], [f64::NEG_INFINITY, f64::INFINITY]);
    assert!(normal_quantile(f64::NAN).is_nan() && normal_quantile(1.5).is_nan());
}

#[test]
fn quantile_and_probability_are_inverse_and_symmetric() {
    for i in 1..200 {
        let p = f64::from(i) / 200.0;
        assert_relative(normal_cdf(normal_quantile(p)), p, 1e-13);
        assert!((normal_quantile(p) + normal_quantile(1.0 - p)).abs() < 1e-13);
        let x = 8.0 * (p - 0.5);
        assert!((normal_cdf(x) + normal_cdf(-x) - 1.0).abs() < 1e-15);
    }
}

/// `P(X = k)` by products, no gamma function.
fn mass(k: u64, n: u64, p: f64) -> f64 {
    (1..=k).map(|i| (n - k + i) as f64 / i as f64 * p).product::<f64>() * (1.0 - p).powi((n - k) as i32)
}

#[test]
fn tails_are_sums_of_the_binomial_distribution() {
    for n in [1, 2, 7, 40, 200] {
        for p in [0.01, 0.3, 0.5, 0.77, 0.999] {
            for k in 0..=n {
                let sum: f64 = (k..=n).map(|j| mass(j, n, p)).sum();
                let found = binomial_upper_tail(k, n, p);
                // Exponents of up to a few hundred carry their rounding into the value.
                assert!((found - sum).abs() < 1e-12, "n {n} p {p} k {k}: {found} {sum}");
            }
        }
    }
    assert_eq!(binomial_upper_tail(3, 2, 0.5), 0.0);
}

/// The limit is where the tail is `α`, and its coverage, summed over all outcomes, is at least `1 - α`.
#[test]
fn the_limit_covers_the_probability_as_often_as_it_says() {
    for (n, alpha) in [(5, 0.05), (20, 0.05), (60, 0.001)] {
        let limits: Vec<f64> = (0..=n).map(|k| clopper_pearson_lower(k, n, alpha)).collect();
        for k in 1..=n {
            assert_relative(binomial_upper_tail(k, n, limits[k as usize]), alpha, 1e-10);
            assert!(limits[k as usize] > limits[k as usize - 1] && limits[k as usize] < k as f64 / n as f64);
        }
        for i in 1..100 {
            let p = f64::from(i) / 100.0;
            let missed: f64 = (0..=n).filter(|&k| limits[k as usize] > p).map(|k| mass(k, n, p)).sum();
            assert!(missed <= alpha * (1.0 + 1e-9), "n {n} p {p}: {missed}");
        }
    }
    assert_eq!(clopper_pearson_lower(0, 0, 0.1), 0.0);
    // Where all succeed the equation is pⁿ = α.
    for n in [1u64, 10, 1000, 100_000] {
        assert_relative(clopper_pearson_lower(n, n, 0.001), 0.001f64.powf(1.0 / n as f64), 1e-11);
    }
}

#[test]
fn a_fair_coin_is_tested_on_both_sides() {
    assert_eq!(binomial_two_sided(5, 10), 1.0);
    assert_relative(binomial_two_sided(10, 10), 2.0 / 1024.0, 1e-12);
    assert_eq!(binomial_two_sided(0, 10), binomial_two_sided(10, 10));
    assert_eq!(binomial_two_sided(0, 0), 1.0);
}

#[test]
#[should_panic(expected = "3 successes in 2 trials")]
fn no_more_successes_than_trials() {
    clopper_pearson_lower(3, 2, 0.1);
}

#[test]
#[should_panic(expected = "5 successes in 4 trials")]
fn no_more_heads_than_throws() {
    binomial_two_sided(5, 4);
}
