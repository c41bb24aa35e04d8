//! A gradient against differences: entry by entry, or along random directions with a bisection that names
//! the culprit.
//!
//! A direction has an entry `+s` or `-s` everywhere, `s` being a power of two of the size of the entry of
//! the argument. An error `d` in a single entry therefore shows as `s d` in full; a random direction of
//! normal deviates could hide it. Two or more directions make it unlikely that errors in several entries
//! cancel in all of them.

use super::closure::Checker;
use super::differences::{self, Derivative, Search};
use super::hints;
use super::line::{Function, Line, Reach, Sample};
use super::noise::NoiseSamples;
use super::random::SplitMix64;
use super::sum;
use super::verdict::{Gap, Place, Record, Stage, Test, Trouble, Verdict};

/// How many derivatives along parts of a direction may be spent on naming culprits.
const BISECTIONS: usize = 160;

/// A kink nearer than this, relative to the size of the argument, counts as one at the point itself: no
/// stencil fits in between without drowning in rounding errors.
const SHORTEST_REACH: f64 = 5.960464477539063e-8; // 2^-24

/// How many coordinates are looked at singly beside the directions.
const SAMPLED: usize = 32;

/// A function under test at a point, with what is known of it.
pub(crate) struct Subject<'a> {
    pub function: &'a Function<'a>,
    pub point: &'a [f64],
    pub center: &'a Sample,
    /// The largest step along a direction that certainly crosses no kink, where that is known.
    pub reach: Option<&'a Reach<'a>>,
    pub noise: Vec<NoiseSamples>,
    /// The size of each entry of the argument, a power of two.
    pub units: Vec<f64>,
}

/// What comparing a gradient found.
#[derive(Default)]
pub(crate) struct Findings {
    pub records: Vec<Record>,
    /// Whether each entry was verified.
    pub covered: Vec<bool>,
    pub evaluations: usize,
    pub hints: Vec<String>,
}

/// A derivative that has been measured but not yet judged: that takes the size of all others.
struct Measured {
    place: Place,
    derivative: Derivative,
    got: f64,
    same_branch: Option<bool>,
    /// Whether the point lies at a kink and several coordinates move off it at once.
    mixed_kinks: bool,
}

impl<'a> Subject<'a> {
    pub(crate) fn new(
        checker: &Checker,
        function: &'a Function<'a>,
        point: &'a [f64],
        center: &'a Sample,
        reach: Option<&'a Reach<'a>>,
    ) -> Subject<'a> {
        let units = units(checker, point);
        let mut random = SplitMix64::new(checker.seed, 1);
        let noise = (0..2)
            .map(|_| {
                let direction = units.iter().map(|unit| unit * random.sign()).collect();
                NoiseSamples::take(&Line::new(function, point, direction, center))
            })
            .collect();
        Subject { function, point, center, reach, noise, units }
    }

    /// Noise of `<cotangent, f>`: four standard deviations of the larger of the two measurements.
    pub(crate) fn noise(&self, cotangent: &[f64]) -> f64 {
        4.0 * self.noise.iter().map(|samples| samples.of(cotangent)).fold(0.0, f64::max)
    }

    pub(crate) fn line(&self, direction: Vec<f64>) -> Line<'_> {
        Line::new(self.function, self.point, direction, self.center)
    }

    /// Scales for a direction: the usual ones; larger ones if the argument is tiny, where a step
    /// proportional to it may drown in noise; and one proportional to the entry itself if that is much
    /// smaller than its neighbours, where a kink at zero or the edge of a domain may be near.
    pub(crate) fn search(&self, direction: &[f64], noise: f64, checker: &Checker) -> Search {
        let mut search = Search {
            noise,
            relative: 1e-3 * checker.resolution,
            absolute: 1e-2 * checker.absolute,
            ..Search::default()
        };
        let moving = || (0..direction.len()).filter(|&i| direction[i] != 0.0);
        let largest = moving().map(|i| self.units[i]).fold(0.0, f64::max);
        if largest > 0.0 && largest < 2f64.powi(-7) {
            search.starts.insert(1, differences::power_of_two(2f64.powi(-4) / largest));
        }
        let own = moving()
            .filter(|&i| self.point[i] != 0.0)
            .map(|i| self.point[i].abs() / self.units[i])
            .fold(f64::INFINITY, f64::min);
        if own < 2f64.powi(-7) {
            search.starts.push(differences::power_of_two(own * 2f64.powi(-4)));
        }
        if let Some(reach) = self.reach(direction).filter(|&reach| reach >= SHORTEST_REACH) {
            // Rounded down to a power of two, so that the steps stay exact.
            let limit = 2f64.powf(reach.log2().floor());
            for start in &mut search.starts {
                *start = start.min(limit);
            }
        }
        search.starts.dedup();
        search
    }

    /// The largest step that crosses no kink, if that is known.
    fn reach(&self, direction: &[f64]) -> Option<f64> {
        self.reach.map(|reach| reach(direction))
    }

    /// Whether the point lies at a kink that a step in this direction leaves.
    pub(crate) fn at_kink(&self, direction: &[f64]) -> bool {
        self.reach(direction).is_some_and(|reach| reach < SHORTEST_REACH)
    }

    fn measure(
        &self,
        checker: &Checker,
        place: Place,
        direction: Vec<f64>,
        cotangent: &[f64],
        gradient: &[f64],
        evaluations: &mut usize,
    ) -> Measured {
        let single = matches!(place, Place::Entry { .. });
        let unit = if single { direction.iter().copied().find(|v| *v != 0.0).unwrap_or(1.0) } else { 1.0 };
        let got = sum::dot(&direction, gradient) / unit;
        // Along several coordinates the realised step is not one number, so the rounding of the points
        // counts as noise of the function.
        let moved: f64 = (0..direction.len())
            .filter(|&i| !single && direction[i] != 0.0)
            .map(|i| (self.point[i] * gradient[i]).abs())
            .sum();
        let noise = self.noise(cotangent) + f64::EPSILON * moved;
        let search = self.search(&direction, noise, checker);
        let mixed_kinks = !single && self.at_kink(&direction);
        let mut line = self.line(direction);
        let derivative = differences::scale(differences::derivative(&mut line, cotangent, &search), unit);
        *evaluations += line.evaluations();
        // Only a function that reports branches (signature not zero) can say that they agree.
        let same_branch = (self.center.signature != 0).then(|| line.same_branch());
        Measured { place, derivative, got, same_branch, mixed_kinks }
    }

    /// The gradient of `<cotangent, f>` against differences.
    pub(crate) fn compare(
        &self,
        checker: &Checker,
        test: Test,
        cotangent: &[f64],
        gradient: &[f64],
        directions: Option<usize>,
    ) -> Findings {
        match directions {
            None => self.entrywise(checker, test, cotangent, gradient),
            Some(count) => self.directional(checker, test, cotangent, gradient, count),
        }
    }

    fn entry(
        &self,
        checker: &Checker,
        i: usize,
        cotangent: &[f64],
        gradient: &[f64],
        evaluations: &mut usize,
    ) -> Measured {
        let mut direction = vec![0.0; self.point.len()];
        direction[i] = self.units[i];
        self.measure(checker, checker.place(i, self.point.len()), direction, cotangent, gradient, evaluations)
    }

    fn entrywise(&self, checker: &Checker, test: Test, cotangent: &[f64], gradient: &[f64]) -> Findings {
        let mut findings = Findings::default();
        let n = self.point.len();
        let measured: Vec<Measured> =
            (0..n).map(|i| self.entry(checker, i, cotangent, gradient, &mut findings.evaluations)).collect();
        let size = measured.iter().map(Measured::size).fold(0.0, f64::max);
        for (argument, shape, start) in checker.ranges(n) {
            let range = start..start + shape.numel();
            let visible = checker.zero_gradient || measured[range.clone()].iter().any(Measured::is_visible);
            let records: Vec<Record> = measured[range.clone()]
                .iter()
                .map(|entry| entry.judge(checker, test, size, visible))
                .collect();
            let wrong: Vec<bool> = records.iter().map(|record| record.verdict.is_failure()).collect();
            let expected: Vec<f64> =
                records.iter().map(|r| if r.expected.is_finite() { r.expected } else { r.got }).collect();
            let (point, got) = (&self.point[range.clone()], &gradient[range]);
            findings.hints.extend(hints::guess(&argument, shape, point, &expected, got, &wrong));
            findings.covered.extend(records.iter().map(|record| record.verdict.is_checked()));
            findings.records.extend(records);
        }
        findings
    }

    fn directional(
        &self,
        checker: &Checker,
        test: Test,
        cotangent: &[f64],
        gradient: &[f64],
        count: usize,
    ) -> Findings {
        let n = self.point.len();
        let mut findings = Findings { covered: vec![false; n], ..Findings::default() };
        let mut random = SplitMix64::new(checker.seed, 2);
        let mut budget = BISECTIONS;
        let mut culprits: Vec<usize> = Vec::new();
        for number in 0..count {
            let signs: Vec<f64> = self.units.iter().map(|unit| unit * random.sign()).collect();
            let mut parts = Vec::with_capacity(2);
            parts.push(0..n);
            let mut whole = true;
            while let Some(part) = parts.pop() {
                let mut direction = vec![0.0; n];
                direction[part.clone()].copy_from_slice(&signs[part.clone()]);
                let place = match part.len() {
                    1 => checker.place(part.start, n),
                    entries => Place::Direction { number, entries },
                };
                let effort = &mut findings.evaluations;
                let measured = self.measure(checker, place, direction, cotangent, gradient, effort);
                let visible = checker.zero_gradient || !whole || measured.is_visible();
                let record = measured.judge(checker, test, measured.size(), visible);
                let (verdict, width) = (record.verdict.clone(), part.len());
                if verdict.is_checked() {
                    findings.covered[part.clone()].fill(true);
                } else if width == 1 && verdict.is_failure() {
                    culprits.push(part.start);
                }
                // A failure is split to name the entry, a gap to save what is not at fault. A later
                // direction need not name again what an earlier one has named.
                let split = width > 1 && !verdict.is_checked() && budget >= 2 && visible;
                if split && (!verdict.is_failure() || culprits.is_empty() || !whole) {
                    budget -= 2;
                    let middle = part.start + width / 2;
                    parts.push(middle..part.end);
                    parts.push(part.start..middle);
                }
                // Of the parts, only what was named or what failed is worth a line.
                if whole || verdict.is_failure() || (verdict.is_checked() && width > 1) || width == 1 {
                    findings.records.push(record);
                }
                whole = false;
            }
        }
        culprits.sort_unstable();
        culprits.dedup();
        for &i in &culprits {
            findings.covered[i] = false;
        }
        if !culprits.is_empty() {
            let named: Vec<String> =
                culprits.iter().take(8).map(|&i| checker.place(i, n).to_string()).collect();
            findings.hints.push(format!("bisection names {}", named.join(", ")));
        }
        self.sample_entries(checker, test, cotangent, gradient, &mut findings);
        findings
    }

    /// Some entries singly: first and last of each argument, both sides of the places where tiles end,
    /// and random ones.
    fn sample_entries(
        &self,
        checker: &Checker,
        test: Test,
        cotangent: &[f64],
        gradient: &[f64],
        findings: &mut Findings,
    ) {
        let n = self.point.len();
        let mut chosen: Vec<usize> = Vec::new();
        for (_, shape, start) in checker.ranges(n) {
            let (length, row) = (shape.numel(), shape.last());
            // Vectors of 8 and 16 lanes, tiles of 256 to 1024 elements, and the row.
            let edges = [1, 8, 16, 256, 512, 1024, row.max(1)].into_iter().flat_map(|edge| [edge - 1, edge]);
            chosen.extend(edges.filter(|&i| i < length).map(|i| start + i));
            chosen.extend(length.checked_sub(1).map(|last| start + last));
        }
        let mut random = SplitMix64::new(checker.seed, 3);
        if n > 0 {
            chosen.extend((0..SAMPLED).map(|_| random.below(n)));
        }
        chosen.sort_unstable();
        chosen.dedup();
        // Too many only if there are very many arguments: thinned evenly.
        let stride = chosen.len().div_ceil(4 * SAMPLED).max(1);
        let measured: Vec<(usize, Measured)> = chosen
            .into_iter()
            .step_by(stride)
            .map(|i| (i, self.entry(checker, i, cotangent, gradient, &mut findings.evaluations)))
            .collect();
        let size = measured.iter().map(|(_, entry)| entry.size()).fold(0.0, f64::max);
        for (i, entry) in measured {
            let record = entry.judge(checker, test, size, true);
            if record.verdict.is_failure() {
                findings.covered[i] = false;
            }
            if findings.records.iter().all(|known| known.place != record.place) {
                findings.records.push(record);
            }
        }
    }
}

impl Measured {
    /// The size of the derivative, as far as it exists.
    fn size(&self) -> f64 {
        match self.derivative {
            Derivative::Smooth(estimate) => estimate.value.abs(),
            Derivative::Kink { left, right } => left.value.abs().max(right.value.abs()),
            _ => 0.0,
        }
    }

    /// Whether the function depends on this entry at all, as far as differences can see.
    fn is_visible(&self) -> bool {
        match self.derivative {
            Derivative::Smooth(estimate) => estimate.value.abs() > estimate.bar,
            _ => true,
        }
    }

    /// The verdict, knowing the `size` of the largest entry and whether any entry was `visible`.
    fn judge(&self, checker: &Checker, test: Test, size: f64, visible: bool) -> Record {
        let mut record = judge(checker, test, self.place.clone(), &self.derivative, self.got, size);
        if !visible && matches!(record.verdict, Verdict::Pass | Verdict::Excused) {
            record.verdict = Verdict::Unchecked(Gap::Unobservable);
        }
        record.same_branch = self.same_branch;
        forgive_mixed_kinks(&mut record, self.mixed_kinks);
        record
    }
}

/// Along a direction that leaves several kinks at once, subgradients of the parts need not add up to one of
/// the whole, however right each of them is: each coordinate must be looked at by itself.
pub(crate) fn forgive_mixed_kinks(record: &mut Record, mixed_kinks: bool) {
    if mixed_kinks && record.verdict >= Verdict::KinkBad {
        record.verdict = Verdict::Unchecked(Gap::NearKink);
    }
}

/// The verdict on `got`, given what differences found. `size` is that of the largest derivative beside it.
pub(crate) fn judge(
    checker: &Checker,
    test: Test,
    place: Place,
    derivative: &Derivative,
    got: f64,
    size: f64,
) -> Record {
    let blank = Record::exact(test, place, got, got, 0.0);
    match *derivative {
        Derivative::Smooth(estimate) => {
            let tolerance = estimate.bar + checker.relative * estimate.value.abs();
            // Sharp enough to see an error of `resolution` of this entry, or a thousandth of that of the
            // largest: an entry that is zero has no relative errors.
            // One that may be zero altogether has no size to compare with.
            let sharp = 2.0 * estimate.bar <= checker.resolution * estimate.value.abs().max(1e-3 * size)
                || checker.zero_gradient && size <= estimate.bar && estimate.bar <= checker.absolute;
            let difference = (estimate.value - got).abs();
            let verdict = if difference <= tolerance && sharp {
                Verdict::Pass
            } else if difference <= checker.absolute && estimate.bar <= checker.absolute {
                Verdict::Excused
            } else if difference <= tolerance {
                Verdict::Unchecked(Gap::WideBar)
            } else if difference <= tolerance + checker.absolute {
                Verdict::Excused
            } else if !sharp && difference <= 4.0 * tolerance {
                // A wide bar is itself uncertain: it comes from few and noisy numbers.
                Verdict::Unchecked(Gap::WideBar)
            } else {
                Verdict::Fail
            };
            Record {
                expected: estimate.value,
                bar: estimate.bar,
                tolerance,
                step: Some(estimate.step.abs()),
                order: estimate.order,
                verdict,
                ..blank
            }
        }
        Derivative::Kink { left, right } => {
            let bar = left.bar + right.bar;
            let pad = bar + checker.relative * left.value.abs().max(right.value.abs());
            Record { step: Some(left.step.abs()), ..member(blank, left.value, right.value, bar, pad) }
        }
        Derivative::Unresolved { left, right, noise, unbounded } => {
            let larger = left.abs().max(right.abs());
            // Slopes over one finite step, not extrapolated: they contain the bend of the function.
            let pad = 1e-4 * larger + noise;
            if unbounded {
                Record { verdict: Verdict::Unchecked(Gap::UnboundedSlope), ..blank }
            } else if (left - right).abs() > pad {
                member(blank, left, right, noise, pad)
            } else {
                Record { verdict: Verdict::Unchecked(Gap::NearKink), ..blank }
            }
        }
        Derivative::Jump { .. } => Record::invalid(test, blank.place, Stage::Stencil, Trouble::Discontinuous),
        Derivative::NonFinite => Record { verdict: Verdict::Unchecked(Gap::DomainEdge), ..blank },
        Derivative::ShapeChange { expected, got } => {
            Record::invalid(test, blank.place, Stage::Stencil, Trouble::Shape { expected, got })
        }
    }
}

/// Membership in the interval between two one-sided slopes, widened by `pad`.
fn member(blank: Record, left: f64, right: f64, bar: f64, pad: f64) -> Record {
    let nearest = blank.got.clamp(left.min(right), left.max(right));
    let verdict = if (blank.got - nearest).abs() <= pad { Verdict::KinkOk } else { Verdict::KinkBad };
    Record { expected: nearest, bar, tolerance: pad, verdict, ..blank }
}

/// For each entry the power of two nearest to its size, or to the size of its argument if that is larger.
fn units(checker: &Checker, point: &[f64]) -> Vec<f64> {
    let mut units = Vec::with_capacity(point.len());
    for (_, shape, start) in checker.ranges(point.len()) {
        let entries = &point[start..start + shape.numel()];
        let typical = match checker.scale {
            Some(scale) => scale,
            None => sum::root_mean_square(entries),
        };
        let typical = if typical > 0.0 { typical } else { 1.0 };
        units.extend(entries.iter().map(|x| differences::power_of_two(x.abs().max(typical))));
    }
    units
}
