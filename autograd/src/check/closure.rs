//! The checker for plain functions: it needs `f` and its gradient, and knows nothing of graphs.
//!
//! | given | compared |
//! |---|---|
//! | `f`, `grad f` | gradient with differences |
//! | `f`, `vjp` | `J^T c` with differences of `<c, f>`, for two cotangents `c`; linearity in `c` |
//! | also `jvp` | `J v` with differences, and with `J^T` by `<J v, c> = <v, J^T c>` |
//!
//! In each case: finite values, right shapes, the same bits on repeat, and a function that is the same
//! after differentiating as before. Up to [`Checker::MANY`] entries are looked at one by one; beyond
//! that, along random directions.
//!
//! ```
//! use autograd::check::check_gradient;
//! // Rosenbrock's valley
//! let f = |x: &[f64]| (1.0 - x[0]).powi(2) + 100.0 * (x[1] - x[0] * x[0]).powi(2);
//! let gradient = |x: &[f64]| {
//!     let slope = 200.0 * (x[1] - x[0] * x[0]);
//!     vec![-2.0 * (1.0 - x[0]) - 2.0 * x[0] * slope, slope]
//! };
//! let report = check_gradient(f, gradient, &[-1.2, 1.0]).assert();
//! assert_eq!(report.checked_fraction(), 1.0);
//! assert!(report.smallest_detectable().unwrap() < 1e-5);
//! ```

use super::compare::{self, Findings, Subject};
use super::differences;
use super::line::{Function, Product, Reach, Sample};
use super::random::SplitMix64;
use super::report::Report;
use super::sum;
use super::verdict::{Place, Record, Stage, Test, Trouble};
use crate::ops::random::Draw;
use crate::shape::Shape;

/// Options of a check, and the check itself.
#[derive(Clone, Debug)]
pub struct Checker {
    pub(crate) name: String,
    pub(crate) arguments: Vec<(String, Shape)>,
    pub(crate) mode: Mode,
    pub(crate) seed: u64,
    pub(crate) threshold: f64,
    pub(crate) relative: f64,
    pub(crate) absolute: f64,
    pub(crate) resolution: f64,
    pub(crate) scale: Option<f64>,
    pub(crate) zero_gradient: bool,
    pub(crate) order: usize,
    pub(crate) draw: Draw,
    pub(crate) ulps: f64,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Mode {
    Automatic,
    Entries,
    Directions(usize),
}

/// Checks the gradient of a scalar function with the default options: [`Checker::gradient`].
pub fn check_gradient(f: impl Fn(&[f64]) -> f64, gradient: impl Fn(&[f64]) -> Vec<f64>, x: &[f64]) -> Report {
    Checker::new("gradient").gradient(f, gradient, x)
}

impl Checker {
    /// The number of entries beyond which a check goes along directions. An entry costs 13 evaluations,
    /// so 200 entries cost some 2600.
    pub const MANY: usize = 200;

    /// A check with default options, named in its report.
    pub fn new(name: impl Into<String>) -> Checker {
        Checker {
            name: name.into(),
            arguments: Vec::new(),
            mode: Mode::Automatic,
            seed: 1,
            threshold: 0.75,
            // Beyond the bar an analytic derivative deserves some rounding of its own: sums of thousands
            // of terms stay below 1e-12, but functions that cancel do not.
            relative: 1e-8,
            absolute: 1e-10,
            resolution: 1e-6,
            scale: None,
            zero_gradient: false,
            order: 2,
            draw: Draw::default(),
            ulps: 64.0,
        }
    }

    /// Names the next argument: the entries of `x` are those of the arguments, one after the other.
    pub fn argument(mut self, name: impl Into<String>, shape: impl Into<Shape>) -> Checker {
        self.arguments.push((name.into(), shape.into()));
        self
    }

    /// Looks at every entry, however many there are.
    pub fn entries(mut self) -> Checker {
        self.mode = Mode::Entries;
        self
    }

    /// Looks along `count` random directions and at some sampled entries, however few entries there are.
    pub fn directions(mut self, count: usize) -> Checker {
        self.mode = Mode::Directions(count.max(1));
        self
    }

    /// The seed of all random choices.
    pub fn seed(mut self, seed: u64) -> Checker {
        self.seed = seed;
        self
    }

    /// The fraction of the entries that must be verified for the check to be a success (0.75).
    pub fn threshold(mut self, fraction: f64) -> Checker {
        self.threshold = fraction;
        self
    }

    /// The relative difference tolerated beyond the error bar (1e-8).
    pub fn relative(mut self, tolerance: f64) -> Checker {
        self.relative = tolerance;
        self
    }

    /// The absolute difference below which an entry is excused, though never passed (1e-10).
    pub fn absolute(mut self, tolerance: f64) -> Checker {
        self.absolute = tolerance;
        self
    }

    /// The relative error that must be visible for an entry to pass (1e-6). A wider bar is `Unchecked`.
    pub fn resolution(mut self, fraction: f64) -> Checker {
        self.resolution = fraction;
        self
    }

    /// The typical size of an argument's entries. By default their root mean square.
    pub fn scale(mut self, scale: f64) -> Checker {
        self.scale = Some(scale);
        self
    }

    /// Accepts that the function does not depend on an argument at all. Without this a gradient that is
    /// zero in every entry is `Unchecked`, since nothing could have been seen.
    pub fn allow_zero_gradient(mut self) -> Checker {
        self.zero_gradient = true;
        self
    }

    /// How many orders of derivatives of a graph are checked: 1 the gradient, 2 (the default) also the
    /// gradient of the gradient, and so on.
    pub fn order(mut self, order: usize) -> Checker {
        self.order = order.max(1);
        self
    }

    /// Which random numbers a graph draws. They are the same in all evaluations of a check.
    pub fn draw(mut self, draw: Draw) -> Checker {
        self.draw = draw;
        self
    }

    /// How many units in the last place of single precision are tolerated between the precisions (64).
    pub fn ulps(mut self, bound: f64) -> Checker {
        self.ulps = bound;
        self
    }

    /// Checks `gradient(x)` as the gradient of the scalar function `f`.
    pub fn gradient(
        &self,
        f: impl Fn(&[f64]) -> f64,
        gradient: impl Fn(&[f64]) -> Vec<f64>,
        x: &[f64],
    ) -> Report {
        let function = |x: &[f64]| Sample::plain(vec![f(x)]);
        let vjp = |x: &[f64], _: &[f64]| gradient(x);
        self.run(&Given { function: &function, vjp: &vjp, jvp: None, reach: None, scalar: true }, x)
    }

    /// Checks `vjp(x, c)` as `J(x)^T c`, the vector-Jacobian product of `f`.
    pub fn vjp(
        &self,
        f: impl Fn(&[f64]) -> Vec<f64>,
        vjp: impl Fn(&[f64], &[f64]) -> Vec<f64>,
        x: &[f64],
    ) -> Report {
        let function = |x: &[f64]| Sample::plain(f(x));
        self.run(&Given { function: &function, vjp: &vjp, jvp: None, reach: None, scalar: false }, x)
    }

    /// Checks `vjp(x, c)` as `J(x)^T c` and `jvp(x, v)` as `J(x) v`, against differences and each other.
    pub fn vjp_and_jvp(
        &self,
        f: impl Fn(&[f64]) -> Vec<f64>,
        vjp: impl Fn(&[f64], &[f64]) -> Vec<f64>,
        jvp: impl Fn(&[f64], &[f64]) -> Vec<f64>,
        x: &[f64],
    ) -> Report {
        let function = |x: &[f64]| Sample::plain(f(x));
        self.run(&Given { function: &function, vjp: &vjp, jvp: Some(&jvp), reach: None, scalar: false }, x)
    }

    /// The arguments with their place in a point of `n` entries; one named `x` if none was declared.
    pub(crate) fn ranges(&self, n: usize) -> Vec<(String, Shape, usize)> {
        if self.arguments.is_empty() {
            return vec![("x".to_string(), Shape::from([n]), 0)];
        }
        let mut start = 0;
        let place = |(name, shape): &(String, Shape)| {
            let range = (name.clone(), *shape, start);
            start += shape.numel();
            range
        };
        self.arguments.iter().map(place).collect()
    }

    /// The name of entry `i` of a point of `n` entries.
    pub(crate) fn place(&self, i: usize, n: usize) -> Place {
        let ranges = self.ranges(n);
        let (argument, shape, start) = ranges
            .into_iter()
            .find(|(_, shape, start)| (*start..start + shape.numel()).contains(&i))
            .unwrap_or_else(|| ("x".to_string(), Shape::from([n]), 0));
        let flat = i - start;
        let strides = shape.strides();
        let index = (0..shape.rank()).map(|axis| flat / strides[axis] % shape[axis]).collect();
        Place::Entry { argument, flat, index }
    }

    pub(crate) fn direction_count(&self, n: usize) -> Option<usize> {
        match self.mode {
            Mode::Entries => None,
            Mode::Directions(count) => Some(count),
            Mode::Automatic => (n > Checker::MANY).then_some(8),
        }
    }

    pub(crate) fn blank_report(&self, n: usize) -> Report {
        Report {
            name: self.name.clone(),
            arguments: self.ranges(n).into_iter().map(|(name, shape, _)| (name, shape)).collect(),
            records: Vec::new(),
            covered: 0,
            entries: n,
            threshold: self.threshold,
            evaluations: 0,
            seed: self.seed,
            hints: Vec::new(),
        }
    }

    /// Runs every comparison that the given functions allow.
    ///
    /// # Panics
    /// If the declared arguments do not have as many entries as `x`.
    #[track_caller]
    pub(crate) fn run(&self, given: &Given<'_>, x: &[f64]) -> Report {
        let n = x.len();
        let declared: usize = self.ranges(n).iter().map(|(_, shape, _)| shape.numel()).sum();
        assert!(declared == n, "the declared arguments have {declared} entries, the point has {n}");
        let mut report = self.blank_report(n);
        if let Err(invalid) = self.compare_all(given, x, &mut report) {
            report.covered = 0;
            report.records.push(*invalid);
        }
        report
    }

    fn compare_all(&self, given: &Given<'_>, x: &[f64], report: &mut Report) -> Result<(), Box<Record>> {
        let center = (given.function)(x);
        finite(Stage::Value, &center.outputs)?;
        let m = center.outputs.len();
        let subject = Subject::new(self, given.function, x, &center, given.reach);
        report.evaluations += 1 + subject.noise.iter().map(|noise| noise.evaluations()).sum::<usize>();
        let mut random = SplitMix64::new(self.seed, 0);

        // Two cotangents: an error in the Jacobian that one of them happens not to see, the other may.
        let cotangents: Vec<Vec<f64>> = match given.scalar {
            true => vec![vec![1.0]],
            false => (0..2).map(|_| random.cotangent(m)).collect(),
        };
        let mut covered = vec![true; x.len()];
        for cotangent in &cotangents {
            let gradient = sized_and_finite(Stage::Vjp, (given.vjp)(x, cotangent), x.len())?;
            same_bits(&gradient, &(given.vjp)(x, cotangent), |first| {
                (Stage::Vjp, Trouble::NonDeterministic { first })
            })?;
            let again = (given.function)(x);
            same_bits(&center.outputs, &again.outputs, |first| (Stage::Value, Trouble::Impure { first }))?;
            let again = (given.function)(x);
            same_bits(&center.outputs, &again.outputs, |first| {
                (Stage::Value, Trouble::NonDeterministic { first })
            })?;
            let count = self.direction_count(x.len());
            let findings = subject.compare(self, Test::VjpDifferences, cotangent, &gradient, count);
            for (all, this) in covered.iter_mut().zip(&findings.covered) {
                *all &= this;
            }
            take(report, findings);
        }
        report.covered = covered.iter().filter(|covered| **covered).count();
        report.records.push(Record::exact(Test::Sanity, Place::Whole, 0.0, 0.0, 0.0));
        if !given.scalar {
            self.linearity(given, x, &cotangents, report)?;
        }
        if let Some(jvp) = given.jvp {
            self.forward(given, jvp, &subject, &cotangents, &mut random, report)?;
        }
        Ok(())
    }

    /// `vjp(a u + b w) = a vjp(u) + b vjp(w)` and `vjp(0) = 0`.
    fn linearity(
        &self,
        given: &Given<'_>,
        x: &[f64],
        cotangents: &[Vec<f64>],
        report: &mut Report,
    ) -> Result<(), Box<Record>> {
        let [u, w] = [&cotangents[0], &cotangents[1]];
        // Powers of two, so that the multiples are exact, and not equal, so that they cannot be swapped.
        let (a, b) = (-2.0, 0.5);
        let mixed: Vec<f64> = u.iter().zip(w).map(|(u, w)| a * u + b * w).collect();
        let of_mixed = sized_and_finite(Stage::Vjp, (given.vjp)(x, &mixed), x.len())?;
        let vjp = |c: &[f64]| (given.vjp)(x, c);
        let (of_u, of_w) = (vjp(u), vjp(w));
        // A multiple by a power of two is not rounded, so it must come out to the last bit (but for results
        // too small to be stored in full).
        let of_multiple = vjp(&times(u, -4.0));
        let exact = (0..x.len()).map(|i| {
            let place = self.place(i, x.len());
            let smallest = 8.0 * f64::MIN_POSITIVE;
            Record::exact(Test::Linearity, place, -4.0 * of_u[i], of_multiple[i], smallest)
        });
        report.records.extend(exact.max_by(|p, q| p.ratio().total_cmp(&q.ratio())));
        // In sums rounding differs from run to run: a few ulp of the largest entries that could cancel, and
        // what cancels inside of the product, which shows when its argument is multiplied.
        let size = of_u.iter().chain(&of_w).fold(0.0f64, |m, g| m.max(g.abs()));
        let inner = MULTIPLES
            .iter()
            .flat_map(|&k| {
                let multiples = [(vjp(&times(u, k)), &of_u), (vjp(&times(w, k)), &of_w)];
                multiples.map(|(multiple, one)| {
                    let deviations = multiple.iter().zip(one).map(|(m, one)| (m / k - one).abs());
                    deviations.fold(0.0, f64::max)
                })
            })
            .fold(0.0, f64::max);
        let tolerance = 100.0 * f64::EPSILON * (u.len() as f64).sqrt() * size + 256.0 * inner;
        let worst = (0..x.len())
            .map(|i| {
                let expected = a * of_u[i] + b * of_w[i];
                Record::exact(Test::Linearity, self.place(i, x.len()), expected, of_mixed[i], tolerance)
            })
            .max_by(|p, q| p.ratio().total_cmp(&q.ratio()));
        report.records.extend(worst);
        let of_zero = sized_and_finite(Stage::Vjp, (given.vjp)(x, &vec![0.0; u.len()]), x.len())?;
        if let Some(i) = of_zero.iter().position(|g| *g != 0.0) {
            let place = self.place(i, x.len());
            report.records.push(Record::exact(Test::Linearity, place, 0.0, of_zero[i], 0.0));
            report.hints.push("vjp(0) is not zero: a term is not multiplied by the cotangent".to_string());
        }
        Ok(())
    }

    /// The forward mode: against differences in every output, and against the reverse mode.
    fn forward(
        &self,
        given: &Given<'_>,
        jvp: &Product<'_>,
        subject: &Subject<'_>,
        cotangents: &[Vec<f64>],
        random: &mut SplitMix64,
        report: &mut Report,
    ) -> Result<(), Box<Record>> {
        let (x, m) = (subject.point, subject.center.outputs.len());
        for number in 0..2 {
            let direction: Vec<f64> = subject.units.iter().map(|unit| unit * random.sign()).collect();
            let tangent = sized_and_finite(Stage::Jvp, jvp(x, &direction), m)?;
            same_bits(&tangent, &jvp(x, &direction), |first| {
                (Stage::Jvp, Trouble::NonDeterministic { first })
            })?;
            for cotangent in cotangents {
                let gradient = (given.vjp)(x, cotangent);
                let noise = rounding(|k| sum::dot(&direction, &(given.vjp)(x, &times(cotangent, k))))
                    + rounding(|k| sum::dot(cotangent, &jvp(x, &times(&direction, k))));
                let mut record = dot_product(&tangent, cotangent, &direction, &gradient, noise);
                record.place = Place::Direction { number, entries: direction.len() };
                report.records.push(record);
            }
            // Few outputs are looked at one by one; the samples along the line serve all of them.
            let at_kink = subject.at_kink(&direction);
            let mut line = subject.line(direction.clone());
            let questions: Vec<(Place, Vec<f64>)> = if m <= Checker::MANY {
                (0..m).map(|i| (output_place(i), unit_vector(m, i))).collect()
            } else {
                let place = Place::Direction { number, entries: x.len() };
                cotangents.iter().map(|c| (place.clone(), c.clone())).collect()
            };
            // A small output beside large ones is likely the small difference of large numbers, with their
            // rounding errors.
            let largest = subject.center.outputs.iter().fold(0.0f64, |m, y| m.max(y.abs()));
            let shared = differences::EVALUATION_ERROR * largest;
            let derivatives: Vec<_> = questions
                .iter()
                .map(|(_, cotangent)| {
                    let noise = subject.noise(cotangent) + shared;
                    let search = subject.search(&direction, noise, self);
                    differences::derivative(&mut line, cotangent, &search)
                })
                .collect();
            report.evaluations += line.evaluations();
            let size = tangent.iter().fold(0.0f64, |m, t| m.max(t.abs()));
            for ((place, cotangent), derivative) in questions.into_iter().zip(derivatives) {
                let got = sum::dot(&cotangent, &tangent);
                let test = Test::JvpDifferences;
                let mut record = compare::judge(self, test, place, &derivative, got, size);
                compare::forgive_mixed_kinks(&mut record, at_kink);
                report.records.push(record);
            }
        }
        Ok(())
    }
}

/// The functions of one check.
pub(crate) struct Given<'a> {
    pub function: &'a Function<'a>,
    pub vjp: &'a Product<'a>,
    pub jvp: Option<&'a Product<'a>>,
    pub reach: Option<&'a Reach<'a>>,
    /// One output, with the cotangent 1.
    pub scalar: bool,
}

fn take(report: &mut Report, findings: Findings) {
    report.evaluations += findings.evaluations;
    report.records.extend(findings.records);
    for hint in findings.hints {
        if !report.hints.contains(&hint) {
            report.hints.push(hint);
        }
    }
}

/// `<J v, u>` against `<v, J^T u>`: equal but for rounding, which `100 u sum |terms|` bounds amply, as in
/// the adjoint tests of weather models, unless terms cancel inside of the products. That part is measured:
/// it is `noise`.
pub(crate) fn dot_product(
    tangent: &[f64],
    cotangent: &[f64],
    direction: &[f64],
    gradient: &[f64],
    noise: f64,
) -> Record {
    let forward = sum::dot(tangent, cotangent);
    let reverse = sum::dot(direction, gradient);
    let terms = sum::dot_magnitude(tangent, cotangent) + sum::dot_magnitude(direction, gradient);
    let tolerance = 100.0 * 0.5 * f64::EPSILON * terms + noise;
    Record::exact(Test::DotProduct, Place::Whole, forward, reverse, tolerance)
}

/// Factors that change the rounding of whatever they multiply. Not small integers: those leave signs and
/// powers of two, which directions are made of, exact.
pub(crate) const MULTIPLES: [f64; 4] = [1.1, 1.3, 1.7, 2.3];

/// The rounding error of a linear function `k -> k a`, measured: multiples are rounded differently. 64 times
/// the largest deviation of four, since four are few and deviations of a kind. A factor that is wrong makes
/// no deviation, so it cannot hide here.
pub(crate) fn rounding(linear: impl Fn(f64) -> f64) -> f64 {
    let one = linear(1.0);
    64.0 * MULTIPLES.map(|k| (linear(k) / k - one).abs()).into_iter().fold(0.0, f64::max)
}

/// `k a`.
pub(crate) fn times(a: &[f64], k: f64) -> Vec<f64> {
    a.iter().map(|a| k * a).collect()
}

fn output_place(i: usize) -> Place {
    Place::Entry { argument: "output".to_string(), flat: i, index: vec![i] }
}

fn unit_vector(n: usize, i: usize) -> Vec<f64> {
    let mut vector = vec![0.0; n];
    vector[i] = 1.0;
    vector
}

fn invalid(stage: Stage, reason: Trouble) -> Box<Record> {
    Box::new(Record::invalid(Test::Sanity, Place::Whole, stage, reason))
}

fn finite(stage: Stage, values: &[f64]) -> Result<(), Box<Record>> {
    match values.iter().position(|x| !x.is_finite()) {
        Some(first) => Err(invalid(stage, Trouble::NonFinite { first })),
        None => Ok(()),
    }
}

fn sized_and_finite(stage: Stage, values: Vec<f64>, expected: usize) -> Result<Vec<f64>, Box<Record>> {
    if values.len() != expected {
        return Err(invalid(stage, Trouble::Shape { expected, got: values.len() }));
    }
    finite(stage, &values)?;
    Ok(values)
}

fn same_bits(a: &[f64], b: &[f64], reason: impl Fn(usize) -> (Stage, Trouble)) -> Result<(), Box<Record>> {
    let first = match a.len() == b.len() {
        true => a.iter().zip(b).position(|(a, b)| a.to_bits() != b.to_bits()),
        false => Some(a.len().min(b.len())),
    };
    first.map_or(Ok(()), |first| {
        let (stage, trouble) = reason(first);
        Err(invalid(stage, trouble))
    })
}
