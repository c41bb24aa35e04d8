//! The numbers behind a certificate: normal distribution, binomial tails, Clopper and Pearson's limit.
//!
//! A wrong digit here is a false certificate, so each function has two independent checks in its tests:
//! an identity (inverse, symmetry, exact coverage by summing the binomial distribution) and a published value.

use crate::augmentation::beta::Beta;
use std::f64::consts::{FRAC_1_SQRT_2, TAU};

/// `Φ(x)`, the probability that a standard normal number is below `x`; relative error below 1e-13 in both
/// tails.
///
/// ```
/// use regularize::adversarial::smoothing::statistics::normal_cdf;
/// assert_eq!(normal_cdf(0.0), 0.5);
/// assert!((normal_cdf(-1.0) + normal_cdf(1.0) - 1.0).abs() < 1e-15);
/// assert!((normal_cdf(1.959963984540054) - 0.975).abs() < 1e-15);
/// ```
pub fn normal_cdf(x: f64) -> f64 {
    0.5 * erfc(-x * FRAC_1_SQRT_2)
}

/// `1 - erf x`. Near 0 by the series of `erf`, elsewhere by the continued fraction of the upper tail.
fn erfc(x: f64) -> f64 {
    if x < 0.0 {
        return 2.0 - erfc(-x);
    }
    let square = x * x;
    if square < 4.0 {
        // erf x = 2/√π e^(-x²) Σ 2ⁿ x^(2n+1) / (1·3·5·..·(2n+1)): all terms positive, no cancellation.
        let (mut term, mut sum, mut odd) = (x, x, 1.0);
        while term > sum * 1e-17 {
            odd += 2.0;
            term *= 2.0 * square / odd;
            sum += term;
        }
        return 1.0 - std::f64::consts::FRAC_2_SQRT_PI * (-square).exp() * sum;
    }
    // e^(x²) √π erfc x = 1/(x + (1/2)/(x + (2/2)/(x + (3/2)/(x + ..)))), from far enough down upwards.
    let fraction = (1..=120).rev().fold(x, |below, k| x + 0.5 * f64::from(k) / below);
    (-square).exp() / (fraction * (TAU / 2.0).sqrt())
}

/// `Φ⁻¹(p)`, infinite at 0 and 1, NaN outside.
///
/// Bisection on [`normal_cdf`] of the smaller tail: slow beside a rational formula, and it cannot be wrong.
///
/// ```
/// use regularize::adversarial::smoothing::statistics::normal_quantile;
/// assert!((normal_quantile(0.975) - 1.959963984540054).abs() < 1e-14);
/// ```
pub fn normal_quantile(p: f64) -> f64 {
    if !(0.0..=1.0).contains(&p) {
        return f64::NAN;
    }
    if p > 0.5 {
        return -normal_quantile(1.0 - p);
    }
    if p == 0.0 {
        return f64::NEG_INFINITY;
    }
    // Φ(-39) is below the smallest positive number.
    bisect(-39.0, 0.0, |x| normal_cdf(x) < p)
}

/// `P(X ≥ k)` for `X` binomial of `n` trials with probability `p`: the regularised incomplete beta function
/// `I_p(k, n - k + 1)`.
///
/// ```
/// use regularize::adversarial::smoothing::statistics::binomial_upper_tail;
/// // Tolerances: a few roundings of ln Γ.
/// assert!((binomial_upper_tail(2, 3, 0.5) - 0.5).abs() < 1e-14);
/// assert!((binomial_upper_tail(3, 3, 0.2) - 0.008).abs() < 1e-14); // 0.2³
/// assert_eq!((binomial_upper_tail(0, 3, 0.2), binomial_upper_tail(4, 3, 0.2)), (1.0, 0.0));
/// ```
pub fn binomial_upper_tail(k: u64, n: u64, p: f64) -> f64 {
    match k {
        0 => 1.0,
        _ if k > n => 0.0,
        _ => Beta::of_order_statistic(k, n).probability(p.clamp(0.0, 1.0)),
    }
}

/// The lower limit of Clopper and Pearson (Biometrika 26, 1934) for a probability of which `n` trials had
/// `k` successes: the `p` with `P(X ≥ k) = α`. Whatever the true probability is, the limit lies above it
/// with probability at most `α`. 0 if there were no successes or no trials.
///
/// ```
/// use regularize::adversarial::smoothing::statistics::clopper_pearson_lower;
/// // All of n: the n-th root of α.
/// assert!((clopper_pearson_lower(100, 100, 0.05) - 0.05f64.powf(0.01)).abs() < 1e-14);
/// ```
///
/// # Panics
/// If there are more successes than trials, or `alpha` is not in (0, 1).
#[track_caller]
pub fn clopper_pearson_lower(successes: u64, trials: u64, alpha: f64) -> f64 {
    assert!(successes <= trials, "{successes} successes in {trials} trials");
    assert!(alpha > 0.0 && alpha < 1.0, "the level alpha is {alpha}, it must be in (0, 1)");
    if successes == 0 {
        return 0.0;
    }
    // Of the last two numbers the lower one, whose tail is still below α.
    bisect(0.0, 1.0, |p| binomial_upper_tail(successes, trials, p) < alpha)
}

/// The probability that a fair coin thrown `n` times is at least as far from `n/2` as `k` is.
///
/// ```
/// use regularize::adversarial::smoothing::statistics::binomial_two_sided;
/// // Of 16 outcomes of four throws 6 have two heads, 2 are all alike. Tolerances: a few roundings of ln Γ.
/// assert!((binomial_two_sided(3, 4) - 10.0 / 16.0).abs() < 1e-14);
/// assert!((binomial_two_sided(0, 4) - 2.0 / 16.0).abs() < 1e-14);
/// assert_eq!(binomial_two_sided(2, 4), 1.0);
/// ```
///
/// # Panics
/// If `k` is above `n`.
#[track_caller]
pub fn binomial_two_sided(k: u64, n: u64) -> f64 {
    assert!(k <= n, "{k} successes in {n} trials");
    (2.0 * binomial_upper_tail(k.max(n - k), n, 0.5)).min(1.0)
}

/// The largest number in `[low, high]` below which `is_below` holds, to the last bit or so.
fn bisect(mut low: f64, mut high: f64, is_below: impl Fn(f64) -> bool) -> f64 {
    loop {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            return low;
        }
        if is_below(middle) { low = middle } else { high = middle }
    }
}

#[cfg(test)]
mod tests;
