//! How noisy a function is: the rounding error of its evaluation, measured.
//!
//! `x^2 - 1` near `x = 1` is small, but its rounding error is that of numbers near one; a sum of a
//! thousand terms has more noise than one operation. So the noise is not guessed from the size of the
//! result alone. Sampled at nine points so close together that a smooth function is linear between them,
//! whatever remains in the higher differences is noise (Moré and Wild, *Estimating computational noise*,
//! 2011).

use super::line::Line;
use super::sum;

/// Distances between neighbouring samples, relative to the scale of the argument. The first is so small
/// that rounding errors differ from sample to sample but nothing else does. The second shows the steps of a
/// function whose value is a small difference of large numbers, and so moves in quanta: between closer
/// samples it does not move at all. Not powers of two: results on a regular grid would be rounded alike.
const SPACINGS: [f64; 2] = [421.0 * f64::EPSILON, 1.7 / 33554432.0];

/// Samples for measuring noise along one line.
pub(crate) struct NoiseSamples(Vec<[Vec<f64>; 9]>);

impl NoiseSamples {
    /// Nine samples around the point at each spacing, but for those where one is not like the others.
    pub(crate) fn take(line: &Line<'_>) -> NoiseSamples {
        let length = line.center().outputs.len();
        let around = |spacing: f64| {
            let samples: [Vec<f64>; 9] =
                std::array::from_fn(|k| line.sample((k as f64 - 4.0) * spacing).outputs);
            let usable = samples.iter().all(|s| s.len() == length && s.iter().all(|y| y.is_finite()));
            usable.then_some(samples)
        };
        NoiseSamples(SPACINGS.into_iter().filter_map(around).collect())
    }

    /// Number of evaluations spent.
    pub(crate) fn evaluations(&self) -> usize {
        9 * SPACINGS.len()
    }

    /// The standard deviation of the noise of `<cotangent, f>`; zero where it cannot be told.
    pub(crate) fn of(&self, cotangent: &[f64]) -> f64 {
        let level = |samples: &[Vec<f64>; 9]| {
            estimate(&samples.each_ref().map(|outputs| sum::dot_difference(cotangent, outputs, &samples[4])))
        };
        self.0.iter().map(level).fold(0.0, f64::max)
    }
}

/// The noise level of equally spaced values from their `k`-th differences, `k = 3 .. 6`: independent
/// noise of variance `s^2` makes `k`-th differences of variance `s^2 (2k)! / (k!)^2`. The median of the
/// four, so that one accident does not count.
fn estimate(values: &[f64; 9]) -> f64 {
    let rises: Vec<f64> = values.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let bends: Vec<f64> = rises.windows(2).map(|pair| pair[1] - pair[0]).collect();
    // A kink bends the values once, in one direction; noise bends them to and fro.
    let bent = bends.iter().map(|bend| bend.abs()).sum::<f64>();
    if (rises[7] - rises[0]).abs() > 0.5 * bent {
        return 0.0;
    }
    // One step among constants, or two (an isolated value, or a sign), is a jump.
    let mut steps: Vec<f64> = rises.iter().map(|rise| rise.abs()).collect();
    steps.sort_by(|a, b| b.total_cmp(a));
    if steps[0] + steps[1] > 0.95 * steps.iter().sum::<f64>() {
        return 0.0;
    }
    let mut differences = rises;
    let mut levels = Vec::new();
    let mut binomial = 2.0; // (2k)! / (k!)^2
    for k in 2..=6u32 {
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
    use crate::check::Sample;
    use crate::check::random::SplitMix64;

    #[test]
    fn the_level_of_known_noise_is_found() {
        let mut random = SplitMix64::new(3, 0);
        for _ in 0..50 {
            // Uniform in [-1, 1): standard deviation 0.577. Nine values tell it to within a factor 5.
            let values = std::array::from_fn(|k| 1e3 * k as f64 + 2.0 * random.uniform() - 1.0);
            let level = estimate(&values);
            assert!((0.577 / 5.0..0.577 * 5.0).contains(&level), "{level}");
        }
        let line = std::array::from_fn(|k| k as f64);
        assert_eq!(estimate(&line), 0.0);
        let jump = std::array::from_fn(|k| f64::from(k >= 4) + 1e-12 * k as f64);
        assert_eq!(estimate(&jump), 0.0);
        let kink = std::array::from_fn(|k| (k as f64 - 3.7).abs());
        assert_eq!(estimate(&kink), 0.0);
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
