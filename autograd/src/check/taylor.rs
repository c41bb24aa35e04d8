//! Taylor's formula as a test: no tolerance, only a rate.
//!
//! ```text
//! R1(h) = |f(x + h v) - f(x) - h <g, v>|                         falls like h^2 if g is the gradient
//! R2(h) = |f(x + h v) - f(x) - h <g, v> - h^2/2 <v, H v>|        falls like h^3 if H is the Hessian
//! ```
//!
//! A gradient that is wrong, by however little, leaves a remainder that falls like `h` in the end. The
//! test is coarse, but it depends on nothing: neither on the scale of `f` nor on a step.

use super::differences::EVALUATION_ERROR;
use super::line::Line;
use super::noise::NoiseSamples;
use super::sum;
use super::verdict::{Gap, Place, Record, Test, Verdict};

/// Enough to come from the size of the argument below any bend of the function and into the noise.
const HALVINGS: i32 = 30;

/// The rate may be this much below its ideal.
const SLACK: f64 = 0.1;

/// A rate this much below its ideal is on its way to the next smaller power. In between, powers of the step
/// are mixed in a way that settles nothing.
const MISS: f64 = 0.5;

/// Rates within this of each other have settled on one power.
const SETTLED: f64 = 0.3;

/// A number and the size of its rounding error.
#[derive(Clone, Copy)]
pub(crate) struct Noisy {
    pub value: f64,
    pub noise: f64,
}

/// Rates of the two remainders of `t -> <cotangent, f(x + t v)>`, given its first and second derivative,
/// for steps from `start` down.
pub(crate) fn rates(
    line: &mut Line<'_>,
    cotangent: &[f64],
    start: f64,
    slope: Noisy,
    curvature: Noisy,
) -> [Record; 2] {
    let noise = 4.0 * NoiseSamples::take(line).of(cotangent);
    let center = line.center();
    let mut first = Vec::new();
    let mut second = Vec::new();
    let mut floor = Vec::new();
    for level in 0..HALVINGS {
        let step = start * 0.5f64.powi(level);
        let pair = line.pair(step);
        if !pair.is_finite() || !pair.same_branch(center) || pair.lengths()[0] != cotangent.len() {
            continue;
        }
        let rise = sum::dot_difference(cotangent, &pair.plus.outputs, &center.outputs);
        let size = sum::dot_magnitude(cotangent, &pair.plus.outputs);
        let (linear, quadratic) = (step * slope.value, 0.5 * step * step * curvature.value);
        let remainder = rise - linear;
        // The subtractions lose digits of the terms themselves as well.
        let rounding = EVALUATION_ERROR * (size + linear.abs() + quadratic.abs());
        floor.push(rounding + noise + step * slope.noise + 0.5 * step * step * curvature.noise);
        first.push(remainder.abs());
        second.push((remainder - quadratic).abs());
    }
    [judge(1, 2.0, &first, &floor), judge(2, 3.0, &second, &floor)]
}

/// The rates of the last four halvings that stand clear of the noise. A remainder that never does is as
/// small as can be: the formula holds to the last digit, as for linear functions.
fn judge(number: usize, ideal: f64, remainders: &[f64], floor: &[f64]) -> Record {
    let clear: Vec<f64> = remainders
        .iter()
        .zip(floor)
        .take_while(|(remainder, floor)| **remainder > 32.0 * **floor)
        .map(|(remainder, _)| *remainder)
        .collect();
    let rates: Vec<f64> = clear.windows(2).map(|pair| (pair[0] / pair[1]).log2()).collect();
    let mut last: Vec<f64> = rates.iter().rev().take(4).copied().collect();
    last.sort_by(f64::total_cmp);
    let rate = last.get(last.len() / 2).copied().unwrap_or(ideal);
    // Rates that still change have not reached the smallest power of the step.
    let settled = last.len() == 4 && last[3] - last[0] <= SETTLED;
    let place = Place::Entry { argument: "remainder".to_string(), flat: number, index: vec![number] };
    let blank = Record::exact(Test::TaylorRate, place, ideal, rate, SLACK);
    let verdict = if remainders.is_empty() {
        Verdict::Unchecked(Gap::NearKink)
    } else if clear.is_empty() || (last.len() >= 3 && rate >= ideal - SLACK) {
        Verdict::Pass
    } else if settled && rate < ideal - MISS {
        Verdict::Fail
    } else {
        Verdict::Unchecked(Gap::NoRate)
    };
    Record { verdict, ..blank }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Sample;

    fn verdicts(f: fn(f64) -> f64, x: f64, slope: f64, curvature: f64) -> [Verdict; 2] {
        let function = |x: &[f64]| Sample::plain(vec![f(x[0])]);
        let (point, center) = ([x], function(&[x]));
        let mut line = Line::new(&function, &point, vec![1.0], &center);
        let exact = |value| Noisy { value, noise: 0.0 };
        let records = rates(&mut line, &[1.0], 0.125, exact(slope), exact(curvature));
        [records[0].verdict.clone(), records[1].verdict.clone()]
    }

    #[test]
    fn right_derivatives_have_the_right_rates_and_wrong_ones_have_not() {
        use Verdict::{Fail, Pass};
        let e = 1f64.exp();
        assert_eq!(verdicts(f64::exp, 1.0, e, e), [Pass, Pass]);
        assert_eq!(verdicts(f64::exp, 1.0, 1.001 * e, e), [Fail, Fail]);
        assert_eq!(verdicts(f64::exp, 1.0, e, 1.01 * e), [Pass, Fail]);
        assert_eq!(verdicts(f64::exp, 1.0, e, 0.0), [Pass, Fail]);
        assert_eq!(verdicts(|x| 3.0 * x + 1.0, 1.0, 3.0, 0.0), [Pass, Pass]);
        assert_eq!(verdicts(|x| 3.0 * x + 1.0, 1.0, 3.001, 0.0), [Fail, Fail]);
        assert_eq!(verdicts(|x| x * x, 1.0, 2.0, 2.0), [Pass, Pass]);
    }
}
