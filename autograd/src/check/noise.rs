//! How noisy a function is: the rounding error of its evaluation, measured.
//!
//! `x^2 - 1` near `x = 1` is small, but its rounding error is that of numbers near one; a sum of a
//! thousand terms has more noise than one operation. So the noise is not guessed from the size of the
//! result alone. Sampled at nine points so close together that a smooth function is linear between them,
//! whatever remains in the higher differences is noise (Moré and Wild, *Estimating computational noise*,
//! 2011).

use super::line::{Line, Sample};
use super::sum;

/// Distance between neighbouring samples, relative to the scale of the argument. Far above the spacing of
/// doubles, so that the rounding errors differ from sample to sample; so small that the bend of a function
/// stays below them, and that a kink among the samples looks like noise of 1e-13 at most. Not a power of
/// two: results on a regular grid would be rounded exactly alike.
const SPACING: f64 = 421.0 * f64::EPSILON;

/// Samples for measuring noise along one line.
pub(crate) struct NoiseSamples(Vec<Vec<f64>>);

impl NoiseSamples {
    /// Nine samples around the point; nothing if one of them is not like the others.
    pub(crate) fn take(line: &Line<'_>) -> NoiseSamples {
        let samples: Vec<Sample> = (-4..=4).map(|k| line.sample(f64::from(k) * SPACING)).collect();
        let length = line.center().outputs.len();
        let usable =
            samples.iter().all(|s| s.outputs.len() == length && s.outputs.iter().all(|y| y.is_finite()));
        NoiseSamples(if usable { samples.into_iter().map(|s| s.outputs).collect() } else { Vec::new() })
    }

    /// Number of evaluations spent.
    pub(crate) fn evaluations(&self) -> usize {
        9
    }

    /// The standard deviation of the noise of `<cotangent, f>`; zero where it cannot be told.
    pub(crate) fn of(&self, cotangent: &[f64]) -> f64 {
        let Some(middle) = self.0.get(4) else { return 0.0 };
        let values: Vec<f64> =
            self.0.iter().map(|outputs| sum::dot_difference(cotangent, outputs, middle)).collect();
        estimate(&values)
    }
}

/// The noise level of equally spaced values from their `k`-th differences, `k = 3 .. 6`: independent
/// noise of variance `s^2` makes `k`-th differences of variance `s^2 (2k)! / (k!)^2`. The median of the
/// four, so that one accident does not count.
fn estimate(values: &[f64]) -> f64 {
    // One step among constants, or two (an isolated value, or a sign), is a jump, not noise.
    let mut rises: Vec<f64> = values.windows(2).map(|pair| (pair[1] - pair[0]).abs()).collect();
    rises.sort_by(|a, b| b.total_cmp(a));
    if rises[0] + rises[1] > 0.95 * rises.iter().sum::<f64>() {
        return 0.0;
    }
    let mut differences = values.to_vec();
    let mut levels = Vec::new();
    let mut binomial = 1.0; // (2k)! / (k!)^2
    for k in 1..=6u32 {
        differences = differences.windows(2).map(|pair| pair[1] - pair[0]).collect();
        binomial *= f64::from(2 * k) * f64::from(2 * k - 1) / f64::from(k * k);
        if k >= 3 {
            levels.push(sum::root_mean_square(&differences) / f64::sqrt(binomial));
        }
    }
    levels.sort_by(f64::total_cmp);
    0.5 * (levels[1] + levels[2])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::random::SplitMix64;

    #[test]
    fn the_level_of_known_noise_is_found() {
        let mut random = SplitMix64::new(3, 0);
        for _ in 0..50 {
            // Uniform in [-1, 1): standard deviation 0.577. Nine values tell it to within a factor 5.
            let values: Vec<f64> =
                (0..9).map(|k| 1e6 * f64::from(k) + 2.0 * random.uniform() - 1.0).collect();
            let level = estimate(&values);
            assert!((0.577 / 5.0..0.577 * 5.0).contains(&level), "{level}");
        }
        let line: Vec<f64> = (0..9).map(f64::from).collect();
        assert_eq!(estimate(&line), 0.0);
        let jump: Vec<f64> = (0..9).map(|k| f64::from(k >= 4) + 1e-12 * f64::from(k)).collect();
        assert_eq!(estimate(&jump), 0.0);
    }

    #[test]
    fn cancellation_is_noticed() {
        let function = |x: &[f64]| Sample::plain(vec![(x[0] * x[0] + 1e3) - 1e3 - 1.0]);
        let point = [1.0000001];
        let center = function(&point);
        let line = Line::new(&function, &point, vec![1.0], &center);
        let noise = NoiseSamples::take(&line).of(&[1.0]);
        // The value is 2e-7; numbers near 1000 are spaced by 1.1e-13.
        assert!((1e-14..3e-13).contains(&noise), "{noise}");
    }
}
