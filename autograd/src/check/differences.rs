//! Derivatives by differences, each with an error bar, and an account of where there is none.
//!
//! A function is looked at along a line, `t -> <c, f(x + t v)>`, at steps `h0, h0/2, .. , h0/32` to both
//! sides. Ridders' tableau extrapolates the central slopes to `h = 0`; its internal differences give the
//! error bar. All levels are always computed and the best entry is picked: stopping as soon as the bar
//! grows, as is usual, once returned an error of 130 % with a small bar for `sin(30 x)`.
//!
//! Extrapolation believes in smoothness, so it must be shown. The tests, per scale `h0`:
//!
//! * the slopes converge like `4^-level`, within a factor 8 and the noise;
//! * the second differences `(f(x+h) - 2 f(x) + f(x-h)) / h` shrink like `2^-level`, likewise;
//! * their own extrapolated limit, which is the difference of the one-sided slopes and hence zero for
//!   any smooth function, widens the bar by half its size. A kink hidden under a large curvature passes
//!   the first two tests; this third one makes the bar own up to it.
//!
//! A refused scale is followed by a smaller one. Where all are refused the one-sided slopes decide: two
//! different limits make a kink, slopes that grow like `1/h` a jump.
//!
//! ```
//! use autograd::check::differences::{Derivative, derivative_of};
//! match derivative_of(|t| (30.0 * t).sin(), 0.1) {
//!     Derivative::Smooth(slope) => {
//!         let error = (slope.value - 30.0 * 3f64.cos()).abs();
//!         assert!(error <= slope.bar && slope.bar < 1e-7);
//!     }
//!     other => panic!("{other:?}"),
//! }
//! assert!(matches!(derivative_of(f64::abs, 0.0), Derivative::Kink { .. }));
//! assert!(matches!(derivative_of(|t| t + f64::from(t >= 0.0), 0.0), Derivative::Jump { .. }));
//! ```

use super::line::{Line, Pair, Sample};
use super::sum;
use super::tableau::{Estimate, LEVELS, Powers, order, shrinks, tableau};

/// The relative error granted to an evaluation of `f`, in each output: eight times the spacing of
/// doubles. Where the measured noise is larger, that is used instead.
pub const EVALUATION_ERROR: f64 = 8.0 * f64::EPSILON;

/// What differences can say about the derivative along a line.
#[derive(Clone, Debug, PartialEq)]
pub enum Derivative {
    /// The derivative exists.
    Smooth(Estimate),
    /// The one-sided derivatives exist and differ.
    Kink {
        /// Slope of approach from below.
        left: Estimate,
        /// Slope of departure above.
        right: Estimate,
    },
    /// The slopes grow like 1/h: the function is discontinuous here.
    Jump {
        /// Change of the function over `step` to the left.
        left: f64,
        /// Change of the function over `step` to the right.
        right: f64,
        /// The smallest step tried.
        step: f64,
    },
    /// No stencil at any scale had finite values only.
    NonFinite,
    /// The number of outputs depends on the input.
    ShapeChange {
        /// Outputs at the point itself.
        expected: usize,
        /// Outputs at a point of the stencil.
        got: usize,
    },
    /// No scale was accepted, and the one-sided slopes settle nothing.
    Unresolved {
        /// One-sided slope to the left over the smallest step.
        left: f64,
        /// One-sided slope to the right over the smallest step.
        right: f64,
        /// Bound on the rounding noise of the two.
        noise: f64,
        /// Whether the slopes grow without bound, as of a square root at zero.
        unbounded: bool,
    },
}

/// Where to look and how closely.
#[derive(Clone, Debug)]
pub struct Search {
    /// Largest steps `h0` of the scales, in the order in which they are tried, in units of the direction.
    pub starts: Vec<f64>,
    /// Absolute noise of `<c, f>`, in addition to [`EVALUATION_ERROR`]. Usually measured.
    pub noise: f64,
    /// A bar below this fraction of the value ends the search.
    pub relative: f64,
    /// A bar below this ends the search.
    pub absolute: f64,
}

impl Default for Search {
    /// Four scales. The first is good for any function of moderate curvature, the last reaches to
    /// within 1e-6 of a kink; each is fine enough to start where the one before it ends.
    fn default() -> Search {
        let starts = [-4, -11, -17, -20].map(|e| 2f64.powi(e)).to_vec();
        Search { starts, noise: 0.0, relative: 1e-9, absolute: 1e-11 }
    }
}

/// The derivative of a function of one variable at `x`, with the default scales times `max(|x|, 1)`.
pub fn derivative_of(f: impl Fn(f64) -> f64, x: f64) -> Derivative {
    let function = |x: &[f64]| Sample::plain(vec![f(x[0])]);
    let point = [x];
    let center = function(&point);
    let unit = power_of_two(x.abs().max(1.0));
    let mut line = Line::new(&function, &point, vec![unit], &center);
    scale(derivative(&mut line, &[1.0], &Search::default()), unit)
}

/// The power of two nearest to `x` on a logarithmic scale: multiplying by it is exact.
pub fn power_of_two(x: f64) -> f64 {
    // Clamped to where neither it nor its square over- or underflows.
    2f64.powf(x.log2().round().clamp(-500.0, 500.0))
}

/// The same finding in other units of the line's parameter: slopes divided by `unit`, steps multiplied.
pub fn scale(derivative: Derivative, unit: f64) -> Derivative {
    let estimate =
        |e: Estimate| Estimate { value: e.value / unit, bar: e.bar / unit, step: e.step * unit, ..e };
    match derivative {
        Derivative::Smooth(e) => Derivative::Smooth(estimate(e)),
        Derivative::Kink { left, right } => Derivative::Kink { left: estimate(left), right: estimate(right) },
        Derivative::Jump { left, right, step } => Derivative::Jump { left, right, step: step * unit },
        Derivative::Unresolved { left, right, noise, unbounded } => {
            Derivative::Unresolved { left: left / unit, right: right / unit, noise: noise / unit, unbounded }
        }
        other @ (Derivative::NonFinite | Derivative::ShapeChange { .. }) => other,
    }
}

/// The derivative of `t -> <cotangent, f(x + t v)>` at zero.
///
/// Samples are kept in the line, so several cotangents cost the evaluations of one.
pub fn derivative(line: &mut Line<'_>, cotangent: &[f64], search: &Search) -> Derivative {
    let expected = line.center().outputs.len();
    let mut smooth: Option<Estimate> = None;
    let mut sides: Option<(Estimate, Estimate)> = None;
    let mut finest: Option<Slopes> = None;
    for &start in &search.starts {
        let steps: Vec<f64> = (0..LEVELS).map(|level| start * 0.5f64.powi(level as i32)).collect();
        let pairs: Vec<Pair> = steps.iter().map(|&step| line.pair(step)).collect();
        if let Some(got) = pairs.iter().flat_map(Pair::lengths).find(|&length| length != expected) {
            return Derivative::ShapeChange { expected, got };
        }
        if !pairs.iter().all(Pair::is_finite) {
            continue;
        }
        // A different branch of the function is a kink by construction: no need to guess from values.
        let same_branch = pairs.iter().all(|pair| pair.same_branch(line.center()));
        let slopes = Slopes::new(&pairs, line.center(), cotangent, search.noise);
        if let Some(estimate) = slopes.central().filter(|_| same_branch) {
            if smooth.is_none_or(|best| estimate.bar < best.bar) {
                smooth = Some(estimate);
            }
            if estimate.bar <= search.absolute || estimate.bar <= search.relative * estimate.value.abs() {
                break;
            }
        } else if let Some((left, right)) = slopes.one_sided() {
            let bars = left.bar + right.bar;
            if sides.is_none_or(|(l, r)| bars < l.bar + r.bar) {
                sides = Some((left, right));
            }
        }
        finest = Some(slopes);
    }
    // A jump in the seventh digit is the rounding of a function that computes in single precision. Taken
    // for what it is, noise, it leaves a slope with a wide bar.
    if let Some(step) = finest.as_ref().filter(|_| smooth.is_none()).and_then(Slopes::jump) {
        let size = sum::dot_magnitude(cotangent, &line.center().outputs);
        if step <= 2f64.powi(-20) * size && search.noise < step {
            return derivative(line, cotangent, &Search { noise: 2.0 * step, ..search.clone() });
        }
    }
    // One-sided slopes come from larger steps than the central ones that were accepted last, so they
    // may be much sharper; two slopes that differ by more than the central bar knows of are a kink.
    if let Some((left, right)) = sides {
        let (bar, apart) = (left.bar.max(right.bar), (left.value - right.value).abs());
        let larger = left.value.abs().max(right.value.abs());
        let differ = apart > left.bar + right.bar + search.relative * larger;
        // Equal one-sided slopes: the derivative exists although its own derivative jumps (Huber, ELU).
        if !differ && smooth.is_none_or(|central| bar < 0.1 * central.bar) {
            let value = 0.5 * (left.value + right.value);
            return Derivative::Smooth(Estimate { value, bar: bar + 0.5 * apart, ..left });
        }
        let jumps = finest.as_ref().is_some_and(|slopes| slopes.jump().is_some());
        if differ && !jumps && smooth.is_none_or(|central| 4.0 * central.bar > apart) {
            return Derivative::Kink { left, right };
        }
    }
    match (smooth, finest) {
        (Some(estimate), _) => Derivative::Smooth(estimate),
        (None, None) => Derivative::NonFinite,
        (None, Some(slopes)) => slopes.unresolved(),
    }
}

/// Slopes of one scale, largest step first.
struct Slopes {
    /// Half the realised distance between the two points.
    steps: Vec<f64>,
    central: Vec<f64>,
    left: Vec<f64>,
    right: Vec<f64>,
    /// `(f(x+h) - 2 f(x) + f(x-h)) / h`.
    second: Vec<f64>,
    /// Bound on the rounding error of each central slope.
    noise: Vec<f64>,
}

impl Slopes {
    fn new(pairs: &[Pair], center: &Sample, cotangent: &[f64], noise: f64) -> Slopes {
        let mut slopes = Slopes {
            steps: Vec::new(),
            central: Vec::new(),
            left: Vec::new(),
            right: Vec::new(),
            second: Vec::new(),
            noise: Vec::new(),
        };
        for pair in pairs {
            let step = 0.5 * (pair.forward + pair.backward);
            let rise = sum::dot_difference(cotangent, &pair.plus.outputs, &center.outputs);
            let fall = sum::dot_difference(cotangent, &center.outputs, &pair.minus.outputs);
            let across = sum::dot_difference(cotangent, &pair.plus.outputs, &pair.minus.outputs);
            let size = sum::dot_magnitude(cotangent, &pair.plus.outputs)
                .max(sum::dot_magnitude(cotangent, &pair.minus.outputs));
            slopes.steps.push(step);
            slopes.central.push(across / (2.0 * step));
            slopes.right.push(rise / pair.forward);
            slopes.left.push(fall / pair.backward);
            slopes.second.push(rise / pair.forward - fall / pair.backward);
            slopes.noise.push((EVALUATION_ERROR * size + noise) / step);
        }
        slopes
    }

    /// The extrapolated central slope, if this scale looks smooth.
    fn central(&self) -> Option<Estimate> {
        let estimate = tableau(&self.central, &self.steps, &self.noise, Powers::Even);
        let errors: Vec<f64> = self.central.iter().map(|slope| (slope - estimate.value).abs()).collect();
        let bends: Vec<f64> = self.second.iter().map(|second| second.abs()).collect();
        if !(shrinks(&errors, &self.noise, 4.0) && shrinks(&bends, &self.noise, 2.0)) {
            return None;
        }
        let hidden = tableau(&self.second, &self.steps, &self.noise, Powers::Odd);
        let bar = estimate.bar + 0.5 * hidden.value.abs();
        // A bar far wider than the noise belongs to a function that is not smooth at this scale.
        let size = self.left.iter().chain(&self.right).fold(0.0f64, |m, slope| m.max(slope.abs()));
        if bar > 1e-5 * size + 16.0 * self.noise[self.noise.len() - 1] {
            return None;
        }
        Some(Estimate { bar, order: order(&errors, &self.noise), ..estimate })
    }

    /// Extrapolated slopes to the left and to the right, if both converge and are sharp.
    fn one_sided(&self) -> Option<(Estimate, Estimate)> {
        let last = self.steps.len() - 1;
        // A kink at a distance d off the point leaves a trace d/h in one of the two sequences. One that
        // is small against the slopes may stay, for the bar is then of the size of the trace.
        let sharp = 1e-6 * self.left[last].abs().max(self.right[last].abs());
        let noise: Vec<f64> = self.noise.iter().map(|noise| noise + 0.25 * sharp).collect();
        let side = |slopes: &[f64]| {
            let estimate = tableau(slopes, &self.steps, &self.noise, Powers::All);
            let errors: Vec<f64> = slopes.iter().map(|slope| (slope - estimate.value).abs()).collect();
            (estimate.bar <= sharp && shrinks(&errors, &noise, 2.0))
                .then(|| Estimate { order: order(&errors, &noise), ..estimate })
        };
        Some((side(&self.left)?, side(&self.right)?))
    }

    /// The size of a jump: a change of the function that does not shrink with the step. Three halvings
    /// multiply the slope of a jump by 8, that of a square root by 2.8.
    fn jump(&self) -> Option<f64> {
        let last = self.steps.len() - 1;
        let (left, right) = self.growth(6.0);
        let size = self.left[last].abs().max(self.right[last].abs()) * self.steps[last];
        (left || right).then_some(size)
    }

    /// Which of the one-sided slopes grow by `factor` over the last three halvings. The slope over a kink
    /// at a tiny distance grows too, but never beyond the slope on the other side.
    fn growth(&self, factor: f64) -> (bool, bool) {
        let last = self.steps.len() - 1;
        let grows = |slopes: &[f64], others: &[f64]| {
            (slopes[last] / slopes[last - 3]).abs() > factor
                && slopes[last].abs() > 8.0 * self.noise[last]
                && slopes[last].abs() > 4.0 * others[last].abs().min(others[last - 3].abs())
        };
        let both = grows(&self.left, &[0.0; LEVELS]) && grows(&self.right, &[0.0; LEVELS]);
        (both || grows(&self.left, &self.right), both || grows(&self.right, &self.left))
    }

    /// What the slopes over the smallest step say.
    fn unresolved(&self) -> Derivative {
        let last = self.steps.len() - 1;
        if self.jump().is_some() {
            return Derivative::Jump {
                left: self.left[last] * self.steps[last],
                right: self.right[last] * self.steps[last],
                step: self.steps[last],
            };
        }
        let (left, right) = self.growth(2.0);
        Derivative::Unresolved {
            left: self.left[last],
            right: self.right[last],
            noise: 2.0 * self.noise[last],
            unbounded: left || right,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::random::SplitMix64;

    type Function = fn(f64) -> f64;

    fn sigmoid(x: f64) -> f64 {
        1.0 / (1.0 + (-x).exp())
    }

    /// Name, function, derivative, domain.
    const SMOOTH: [(&str, Function, Function, f64, f64); 12] = [
        ("exp", f64::exp, f64::exp, -3.0, 3.0),
        ("ln", f64::ln, |x| 1.0 / x, 0.01, 5.0),
        ("sin", f64::sin, f64::cos, -6.0, 6.0),
        ("tanh", f64::tanh, |x| 1.0 / x.cosh().powi(2), -4.0, 4.0),
        ("sigmoid", sigmoid, |x| sigmoid(x) * sigmoid(-x), -8.0, 8.0),
        ("softplus", |x| x.exp().ln_1p(), sigmoid, -8.0, 8.0),
        ("sqrt", f64::sqrt, |x| 0.5 / x.sqrt(), 0.01, 9.0),
        ("reciprocal", |x| 1.0 / x, |x| -1.0 / (x * x), 0.05, 4.0),
        ("fifth power", |x| x.powi(5), |x| 5.0 * x.powi(4), -2.0, 2.0),
        ("sin 30x", |x| (30.0 * x).sin(), |x| 30.0 * (30.0 * x).cos(), -3.0, 3.0),
        ("gaussian", |x| (-x * x).exp(), |x| -2.0 * x * (-x * x).exp(), -3.0, 3.0),
        ("product", |x| x * x.exp() - x.cos(), |x| (1.0 + x) * x.exp() + x.sin(), -3.0, 3.0),
    ];

    #[test]
    fn the_bar_holds_the_error() {
        let mut random = SplitMix64::new(1, 0);
        let (mut bars, mut errors) = (Vec::new(), Vec::new());
        for (name, f, slope, low, high) in SMOOTH {
            for _ in 0..300 {
                let x = low + (high - low) * random.uniform();
                let Derivative::Smooth(found) = derivative_of(f, x) else { panic!("{name} at {x}") };
                let error = (found.value - slope(x)).abs();
                assert!(error <= found.bar, "{name} at {x}: error {error:e}, {found:?}");
                bars.push(found.bar / slope(x).abs());
                errors.push(error / slope(x).abs());
            }
        }
        // The bar must also be narrow, or holding the error would be no merit.
        let quantile = |values: &mut Vec<f64>, part: f64| {
            values.sort_by(f64::total_cmp);
            values[(part * (values.len() - 1) as f64) as usize]
        };
        assert!(quantile(&mut errors, 0.5) < 2e-14 && quantile(&mut errors, 0.95) < 5e-12);
        assert!(quantile(&mut bars, 0.5) < 2e-12 && quantile(&mut bars, 0.95) < 3e-10);
        assert!(quantile(&mut bars, 1.0) < 5e-7, "every one of them sees an error of 1e-6");
    }

    #[test]
    fn smooth_slopes_converge_with_order_two() {
        let Derivative::Smooth(found) = derivative_of(f64::exp, 1.0) else { panic!() };
        assert!((found.order.unwrap() - 2.0).abs() < 0.01);
        let Derivative::Smooth(found) = derivative_of(|x| 3.0 * x - 1.0, 1.0) else { panic!() };
        assert_eq!((found.value, found.order), (3.0, None));
    }

    /// All levels must be computed: a tableau that stops when its error grows is fooled by aliasing.
    #[test]
    fn fast_oscillation_is_resolved_or_refused() {
        for frequency in [30.0, 300.0, 3000.0, 30000.0] {
            for i in 0..400 {
                let x = -1.0 + f64::from(i) / 200.0;
                let truth = frequency * (frequency * x).cos();
                match derivative_of(|t| (frequency * t).sin(), x) {
                    Derivative::Smooth(found) => {
                        let error = (found.value - truth).abs();
                        assert!(
                            error <= found.bar + 1e-8 * frequency,
                            "sin({frequency} x) at {x}: {found:?}"
                        );
                        assert!(found.bar < 1e-4 * frequency);
                    }
                    other => panic!("sin({frequency} x) at {x}: {other:?}"),
                }
            }
        }
    }

    const KINKS: [(&str, Function, Function, f64); 7] = [
        ("relu", |x| x.max(0.0), |x| f64::from(x > 0.0), 0.0),
        ("abs", f64::abs, f64::signum, 0.0),
        ("leaky relu", |x| x.max(0.01 * x), |x| if x > 0.0 { 1.0 } else { 0.01 }, 0.0),
        ("relu + sin", |x| x.max(0.0) + x.sin(), |x| f64::from(x > 0.0) + x.cos(), 0.0),
        ("max(x, x^2)", |x| x.max(x * x), |x| if x > x * x { 1.0 } else { 2.0 * x }, 0.0),
        // A kink under a curvature that hides it from the convergence tests.
        ("100 x^2 + relu", |x| 100.0 * x * x + x.max(0.0), |x| 200.0 * x + f64::from(x > 0.0), 0.0),
        // The derivative exists and is continuous, but bends.
        ("huber", |x| if x.abs() < 1.0 { 0.5 * x * x } else { x.abs() - 0.5 }, |x| x.clamp(-1.0, 1.0), 1.0),
    ];

    /// A kink anywhere, inside the smallest stencil included, never makes a slope confidently wrong.
    #[test]
    fn kinks_never_give_a_wrong_slope() {
        for (name, f, slope, kink) in KINKS {
            for i in 0..2000 {
                let distance = 10f64.powf(-10.0 + 9.0 * f64::from(i) / 2000.0);
                let x = kink + if i % 2 == 0 { distance } else { -distance };
                let truth = slope(x);
                match derivative_of(f, x) {
                    Derivative::Smooth(found) => {
                        let tolerance = found.bar + 1e-8 * truth.abs();
                        assert!((found.value - truth).abs() <= tolerance, "{name} at {x:e}: {found:?}");
                    }
                    Derivative::Kink { left, right } => {
                        let pad = left.bar + right.bar;
                        let (low, high) = (left.value.min(right.value), left.value.max(right.value));
                        assert!((low - pad..=high + pad).contains(&truth), "{name} at {x:e}");
                    }
                    Derivative::Unresolved { left, right, unbounded: false, .. } => {
                        assert!(distance < 2e-7, "{name} at {x:e} should be resolved");
                        let pad = 1e-4 * left.abs().max(right.abs());
                        let (low, high) = (left.min(right), left.max(right));
                        assert!((low - pad..=high + pad).contains(&truth), "{name} at {x:e}");
                    }
                    other => panic!("{name} at {x:e}: {other:?}"),
                }
            }
        }
    }

    /// Steps are powers of two, so points are exact, but not across the next power of two, where numbers
    /// are twice as far apart: there the step is off by 1e-11 of itself.
    #[test]
    fn slopes_are_taken_over_the_distance_travelled() {
        for i in 1..200 {
            let x = 2.0 - 1e-7 * f64::from(i) / 7.0;
            let Derivative::Smooth(found) = derivative_of(|x| (x - 1.99997).abs(), x) else { panic!("{x}") };
            assert!((found.value - 1.0).abs() <= found.bar && found.bar < 2e-14, "{x}: {found:?}");
        }
    }

    #[test]
    fn at_a_kink_both_slopes_are_sharp() {
        let Derivative::Kink { left, right } = derivative_of(|x| x.max(0.0) + x.sin(), 0.0) else { panic!() };
        assert!((left.value - 1.0).abs() <= left.bar && left.bar < 1e-9);
        assert!((right.value - 2.0).abs() <= right.bar && right.bar < 1e-9);
        // Huber's derivative exists at its joint.
        let Derivative::Smooth(found) = derivative_of(KINKS[6].1, 1.0) else { panic!() };
        assert!((found.value - 1.0).abs() <= found.bar && found.bar < 1e-9);
    }

    #[test]
    fn jumps_and_infinite_slopes_are_not_kinks() {
        let step = |x: f64| f64::from(x >= 0.0);
        for height in [1e-3, 1.0, 1e6] {
            for slope in [0.0, 1.0, -20.0] {
                let found = derivative_of(|x| height * step(x) + slope * x, 0.0);
                assert!(matches!(found, Derivative::Jump { .. }), "{height} {slope} {found:?}");
                // An isolated value is a jump to both sides.
                let found = derivative_of(|x| height * f64::from(x == 0.0) + slope * x, 0.0);
                assert!(matches!(found, Derivative::Jump { .. }), "{height} {slope} {found:?}");
            }
        }
        for root in [|x: f64| x.abs().sqrt(), |x: f64| x.max(0.0).sqrt()] {
            let found = derivative_of(root, 0.0);
            assert!(matches!(found, Derivative::Unresolved { unbounded: true, .. }), "{found:?}");
        }
        assert_eq!(derivative_of(f64::sqrt, 0.0), Derivative::NonFinite);
        // Next to a jump, but not at it, the derivative exists.
        let Derivative::Smooth(found) = derivative_of(|x| step(x) + x, 1e-5) else { panic!() };
        assert!((found.value - 1.0).abs() <= found.bar);
    }

    #[test]
    fn a_changing_number_of_outputs_is_reported() {
        let function = |x: &[f64]| Sample::plain(vec![1.0; if x[0] > 0.0 { 2 } else { 1 }]);
        let (point, center) = ([0.0], function(&[0.0]));
        let mut line = Line::new(&function, &point, vec![1.0], &center);
        let found = derivative(&mut line, &[1.0], &Search::default());
        assert_eq!(found, Derivative::ShapeChange { expected: 1, got: 2 });
    }

    /// Where the branches are known, the numbers need not be guessed from.
    #[test]
    fn a_branch_change_in_the_stencil_forbids_central_slopes() {
        // A kink of 1e-14 cannot be seen in the values, but in the signature.
        let function = |x: &[f64]| Sample {
            outputs: vec![x[0] + 1e-14 * x[0].max(0.0)],
            signature: 1 + u64::from(x[0] > 0.0),
        };
        let (point, center) = ([1e-3], function(&[1e-3]));
        let mut line = Line::new(&function, &point, vec![1.0], &center);
        let found = derivative(&mut line, &[1.0], &Search::default());
        let Derivative::Smooth(found) = found else { panic!("{found:?}") };
        assert!(found.step < 1e-3 && !line.same_branch());
    }
}
