//! Ridders' tableau: the limit of a sequence of slopes as the step goes to zero, with an error bar.

/// Halvings per scale. Six give errors near 1e-14 at 12 evaluations; more reach into the noise.
pub const LEVELS: usize = 6;

/// Slack of the convergence tests: a sequence may be this much worse than its ideal.
const SLACK: f64 = 8.0;

/// A limit with its uncertainty.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The extrapolated slope.
    pub value: f64,
    /// Half-width of the interval around `value` that holds the true slope.
    pub bar: f64,
    /// The smallest step that the chosen tableau entry used, in units of the direction.
    pub step: f64,
    /// The observed order of convergence of the plain slopes: near 2 for central ones of a smooth
    /// function, near 1 for one-sided ones. `None` where they agree to within the noise.
    pub order: Option<f64>,
}

/// Which powers of the step the error of a slope is made of.
#[derive(Clone, Copy)]
pub(crate) enum Powers {
    /// 2, 4, 6, ..: central slopes.
    Even,
    /// 1, 3, 5, ..: second differences divided by the step once.
    Odd,
    /// 1, 2, 3, ..: one-sided slopes.
    All,
}

impl Powers {
    /// The power that column `k` of the tableau removes, `k >= 1`.
    fn removed_by(self, k: usize) -> i32 {
        match self {
            Powers::Even => 2 * k as i32,
            Powers::Odd => 2 * k as i32 - 1,
            Powers::All => k as i32,
        }
    }
}

/// Ridders' tableau: `a[l][k] = a[l][k-1] + (a[l][k-1] - a[l-1][k-1]) / (r^p - 1)`, where `r` is the ratio
/// of the steps of the two levels and `p` the removed power. Of all entries, that with the smallest bar
/// `2 max(|a[l][k] - a[l][k-1]|, |a[l][k] - a[l-1][k-1]|, |a[l][k] - a[l-1][k]|) + noise[l]`.
///
/// The first two differences, Ridders' own, are multiples of one number, which one accident can make
/// zero: a second derivative that jumps 5e-7 away gave an error ten times the bar. The third is
/// independent of them; entries that have none (the diagonal) only serve to compute the others.
pub(crate) fn tableau(slopes: &[f64], steps: &[f64], noise: &[f64], powers: Powers) -> Estimate {
    let mut best = Estimate { value: slopes[0], bar: f64::INFINITY, step: steps[0], order: None };
    let mut previous: Vec<f64> = Vec::new();
    for level in 0..slopes.len() {
        let mut row = vec![slopes[level]];
        for k in 1..=level {
            let ratio = steps[level - 1] / steps[level];
            let (fine, coarse) = (row[k - 1], previous[k - 1]);
            let value = fine + (fine - coarse) / (ratio.powi(powers.removed_by(k)) - 1.0);
            row.push(value);
            let Some(same_order) = previous.get(k) else { continue };
            let spread = (value - fine).abs().max((value - coarse).abs()).max((value - same_order).abs());
            let bar = 2.0 * spread + noise[level];
            if bar < best.bar {
                best = Estimate { value, bar, step: steps[level], order: None };
            }
        }
        previous = row;
    }
    best
}

/// Whether `errors[l]` falls at least like `ratio^-l`, within the slack and the noise. The first two set
/// the size: one alone may be small by accident.
pub(crate) fn shrinks(errors: &[f64], noise: &[f64], ratio: f64) -> bool {
    let size = errors[0].max(ratio * errors[1]);
    errors
        .iter()
        .zip(noise)
        .enumerate()
        .all(|(level, (error, noise))| *error <= SLACK * size / ratio.powi(level as i32) + 2.0 * noise)
}

/// The exponent with which the errors fall, from the last two that stand clear of the noise.
pub(crate) fn order(errors: &[f64], noise: &[f64]) -> Option<f64> {
    (1..errors.len())
        .rev()
        .find(|&level| errors[level] > 8.0 * noise[level] && errors[level - 1] > 8.0 * noise[level - 1])
        .map(|level| (errors[level - 1] / errors[level]).log2())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO_NOISE: [f64; LEVELS] = [0.0; LEVELS];

    fn steps() -> Vec<f64> {
        (0..LEVELS).map(|level| 0.5f64.powi(level as i32)).collect()
    }

    #[test]
    fn polynomial_errors_are_removed_exactly() {
        let steps = steps();
        let of = |f: fn(f64) -> f64| steps.iter().map(|h| f(*h)).collect::<Vec<f64>>();
        let even = tableau(&of(|h| 3.0 + h * h - 2.0 * h.powi(4)), &steps, &NO_NOISE, Powers::Even);
        assert!((even.value - 3.0).abs() <= even.bar + 1e-15 && even.bar < 1e-13, "{even:?}");
        let all = tableau(&of(|h| 3.0 + h - h * h), &steps, &NO_NOISE, Powers::All);
        assert!((all.value - 3.0).abs() <= all.bar + 1e-15 && all.bar < 1e-13, "{all:?}");
        let odd = tableau(&of(|h| h + 5.0 * h.powi(3)), &steps, &NO_NOISE, Powers::Odd);
        assert!(odd.value.abs() <= odd.bar + 1e-15 && odd.bar < 1e-13, "{odd:?}");
        // Powers that the tableau does not expect stay, but the bar says so.
        let wrong = tableau(&of(|h| 3.0 + h), &steps, &NO_NOISE, Powers::Even);
        assert!((wrong.value - 3.0).abs() <= wrong.bar && wrong.bar > 1e-3, "{wrong:?}");
    }

    #[test]
    fn the_bar_is_at_least_the_noise() {
        let noise = [1e-9; LEVELS];
        assert_eq!(tableau(&[2.0; LEVELS], &steps(), &noise, Powers::Even).bar, 1e-9);
    }

    #[test]
    fn shrinking_is_judged_within_the_slack() {
        let fall = |ratio: f64| (0..LEVELS).map(|l| ratio.powi(-(l as i32))).collect::<Vec<f64>>();
        assert!(shrinks(&fall(4.0), &NO_NOISE, 4.0) && shrinks(&fall(3.0), &NO_NOISE, 4.0));
        assert!(!shrinks(&fall(2.0), &NO_NOISE, 4.0) && !shrinks(&[1.0; LEVELS], &NO_NOISE, 2.0));
        assert!(shrinks(&[1e-9; LEVELS], &[1e-9; LEVELS], 4.0), "within the noise");
        assert_eq!(order(&fall(4.0), &NO_NOISE), Some(2.0));
        assert_eq!(order(&[1e-9; LEVELS], &[1e-9; LEVELS]), None);
    }
}
