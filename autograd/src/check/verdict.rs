//! What a check can find, and the record it keeps of every comparison.
//!
//! A checker that says "ok" must say what it looked at. Only [`Verdict::Pass`] and [`Verdict::KinkOk`]
//! count as checked; an entry that was saved by the absolute floor is [`Verdict::Excused`], one that no
//! difference could resolve is [`Verdict::Unchecked`], and neither is ever called a pass.
//!
//! ```
//! use autograd::check::Verdict;
//! assert!(Verdict::Fail > Verdict::Pass); // the worst of several stands for all of them
//! assert!(Verdict::Fail.is_failure() && !Verdict::Excused.is_failure());
//! assert!(Verdict::Pass.is_checked() && !Verdict::Excused.is_checked());
//! ```

use std::fmt;

/// The finding of one comparison, from best to worst; the order is the precedence.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
pub enum Verdict {
    /// The derivative exists and agrees to within its error bar.
    Pass,
    /// The function has a kink here and the value is one of its subgradients.
    KinkOk,
    /// The values differ by more than the bar, but by less than the absolute floor.
    Excused,
    /// Nothing could be said.
    Unchecked(Gap),
    /// The question makes no sense here.
    Invalid {
        /// What was being evaluated.
        stage: Stage,
        /// What was wrong with it.
        reason: Trouble,
    },
    /// The function has a kink here and the value is not one of its subgradients.
    KinkBad,
    /// The values differ by more than every tolerance.
    Fail,
}

impl Verdict {
    /// Whether the check as a whole fails because of this.
    pub fn is_failure(&self) -> bool {
        matches!(self, Verdict::Invalid { .. } | Verdict::KinkBad | Verdict::Fail)
    }

    /// Whether the comparison proved something.
    pub fn is_checked(&self) -> bool {
        matches!(self, Verdict::Pass | Verdict::KinkOk)
    }

    /// The name alone, without reason.
    pub fn name(&self) -> &'static str {
        Verdict::NAMES[self.rank()]
    }

    /// The position in the order of precedence, 0 for `Pass`.
    pub fn rank(&self) -> usize {
        match self {
            Verdict::Pass => 0,
            Verdict::KinkOk => 1,
            Verdict::Excused => 2,
            Verdict::Unchecked(_) => 3,
            Verdict::Invalid { .. } => 4,
            Verdict::KinkBad => 5,
            Verdict::Fail => 6,
        }
    }

    /// All names, in order of precedence.
    pub const NAMES: [&'static str; 7] =
        ["Pass", "KinkOk", "Excused", "Unchecked", "Invalid", "KinkBad", "Fail"];
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Unchecked(gap) => write!(f, "Unchecked ({gap})"),
            Verdict::Invalid { stage, reason } => write!(f, "Invalid ({stage} {reason})"),
            other => f.write_str(other.name()),
        }
    }
}

/// Why nothing could be said of an entry.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub enum Gap {
    /// The error bar is wider than the resolution asked for: the function is noisy or wild here.
    WideBar,
    /// The function does not depend on this argument at all here, so an error could not show.
    Unobservable,
    /// There is a kink so near that no stencil fits between it and the point.
    NearKink,
    /// The slope grows without bound, as that of a square root at zero.
    UnboundedSlope,
    /// The function is not finite on any stencil: the point lies at the edge of the domain.
    DomainEdge,
    /// The remainder sank into rounding noise before it showed a clear rate.
    NoRate,
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Gap::WideBar => "error bar too wide",
            Gap::Unobservable => "no influence on the output",
            Gap::NearKink => "kink too near",
            Gap::UnboundedSlope => "slope grows without bound",
            Gap::DomainEdge => "edge of the domain",
            Gap::NoRate => "no clear rate above the noise",
        })
    }
}

/// What was evaluated when a question turned out to make no sense.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub enum Stage {
    /// The function itself, at the point.
    Value,
    /// The function itself, on the stencil around the point.
    Stencil,
    /// The vector-Jacobian product, or the gradient.
    Vjp,
    /// The Jacobian-vector product.
    Jvp,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Stage::Value => "value",
            Stage::Stencil => "stencil",
            Stage::Vjp => "vjp",
            Stage::Jvp => "jvp",
        })
    }
}

/// Why a question made no sense.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub enum Trouble {
    /// A NaN or an infinity.
    NonFinite {
        /// Flat index of the first.
        first: usize,
    },
    /// The function jumps here.
    Discontinuous,
    /// Two runs on the same input gave different bits.
    NonDeterministic {
        /// Flat index of the first difference.
        first: usize,
    },
    /// The function gives other bits after a derivative was taken than before.
    Impure {
        /// Flat index of the first difference.
        first: usize,
    },
    /// The wrong number of elements.
    Shape {
        /// Elements there should be.
        expected: usize,
        /// Elements there are.
        got: usize,
    },
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::NonFinite { first } => write!(f, "not finite at {first}"),
            Trouble::Discontinuous => f.write_str("discontinuous"),
            Trouble::NonDeterministic { first } => write!(f, "differs on repeat at {first}"),
            Trouble::Impure { first } => write!(f, "changed by differentiating, at {first}"),
            Trouble::Shape { expected, got } => write!(f, "has {got} elements, not {expected}"),
        }
    }
}

/// Which oracle a value was compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Test {
    /// Finite values, right shapes, the same bits on repeat.
    Sanity,
    /// The gradient or vector-Jacobian product against differences.
    VjpDifferences,
    /// The Jacobian-vector product against differences.
    JvpDifferences,
    /// `<J v, u> = <v, J^T u>`: no step size, no differences.
    DotProduct,
    /// `vjp(a u + b w) = a vjp(u) + b vjp(w)`, and `vjp(0) = 0` exactly.
    Linearity,
    /// A derivative of the gradient against differences of the gradient, and so on.
    HigherOrder,
    /// `v^T H u = u^T H v`.
    HessianSymmetry,
    /// The remainder of Taylor's formula falls with the right power of the step.
    TaylorRate,
    /// The declared convention at a kink, exactly.
    KinkConvention,
    /// Single against double precision.
    Precision,
    /// Two implementations of one function.
    Agreement,
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Test::Sanity => "sanity",
            Test::VjpDifferences => "vjp ~ differences",
            Test::JvpDifferences => "jvp ~ differences",
            Test::DotProduct => "vjp ~ jvp",
            Test::Linearity => "vjp is linear",
            Test::HigherOrder => "higher order",
            Test::HessianSymmetry => "hessian symmetric",
            Test::TaylorRate => "taylor rate",
            Test::KinkConvention => "kink convention",
            Test::Precision => "f32 ~ f64",
            Test::Agreement => "agreement",
        })
    }
}

/// What a comparison was about.
#[derive(Clone, Debug, PartialEq)]
pub enum Place {
    /// One entry of an argument or output.
    Entry {
        /// Name of the argument.
        argument: String,
        /// Position in the argument, row-major.
        flat: usize,
        /// Position along each axis.
        index: Vec<usize>,
    },
    /// A sum over several entries, each with a sign.
    Direction {
        /// Number of the direction, from zero.
        number: usize,
        /// How many entries take part.
        entries: usize,
    },
    /// Everything at once.
    Whole,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Entry { argument, flat, index } if index.len() > 1 => {
                write!(f, "{argument}{index:?} (flat {flat})")
            }
            Place::Entry { argument, index, .. } if index.is_empty() => f.write_str(argument),
            Place::Entry { argument, index, .. } => write!(f, "{argument}{index:?}"),
            Place::Direction { number, entries } => write!(f, "direction {number} of {entries} entries"),
            Place::Whole => f.write_str("all"),
        }
    }
}

/// One comparison and its finding.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The oracle.
    pub test: Test,
    /// What was compared.
    pub place: Place,
    /// The oracle's value.
    pub expected: f64,
    /// The value under test.
    pub got: f64,
    /// Error bar of the oracle's value.
    pub bar: f64,
    /// The difference that is tolerated.
    pub tolerance: f64,
    /// The smallest step of the differences, in units of the argument.
    pub step: Option<f64>,
    /// Observed order of convergence of the differences.
    pub order: Option<f64>,
    /// Whether all points of the stencil took the same branches; `None` where branches are not known.
    pub same_branch: Option<bool>,
    /// The finding.
    pub verdict: Verdict,
}

impl Record {
    /// A comparison with an oracle that has no steps.
    pub fn exact(test: Test, place: Place, expected: f64, got: f64, tolerance: f64) -> Record {
        // Written so that a NaN on either side fails.
        let agrees = (expected - got).abs() <= tolerance;
        let verdict = if agrees { Verdict::Pass } else { Verdict::Fail };
        Record {
            test,
            place,
            expected,
            got,
            bar: 0.0,
            tolerance,
            step: None,
            order: None,
            same_branch: None,
            verdict,
        }
    }

    /// A question that makes no sense.
    pub fn invalid(test: Test, place: Place, stage: Stage, reason: Trouble) -> Record {
        let verdict = Verdict::Invalid { stage, reason };
        Record { verdict, ..Record::exact(test, place, f64::NAN, f64::NAN, 0.0) }
    }

    /// `|expected - got|`.
    pub fn absolute(&self) -> f64 {
        (self.expected - self.got).abs()
    }

    /// `|expected - got| / |expected|`; zero if both are zero.
    pub fn relative(&self) -> f64 {
        if self.absolute() == 0.0 { 0.0 } else { self.absolute() / self.expected.abs() }
    }

    /// How many representable numbers lie between the two values: doubles, or singles where single
    /// precision is compared with double precision.
    pub fn ulps(&self) -> u64 {
        match self.test {
            // The 29 bits that a double has more.
            Test::Precision => ulps_between(f64::from(self.expected as f32), self.got) >> 29,
            _ => ulps_between(self.expected, self.got),
        }
    }

    /// `|expected - got| / tolerance`, by which the worst are ranked: above one is a failure. A NaN ranks
    /// above everything.
    pub fn ratio(&self) -> f64 {
        match self.absolute() / self.tolerance {
            _ if self.absolute() == 0.0 => 0.0,
            // Nothing was compared.
            _ if matches!(self.verdict, Verdict::Unchecked(_)) && self.expected.is_nan() => 0.0,
            ratio if ratio.is_nan() => f64::INFINITY,
            ratio => ratio,
        }
    }

    /// The smallest error in the value under test that could not have gone unnoticed: the tolerance, plus
    /// once more the bar, by which the oracle itself may be off.
    pub fn detectable(&self) -> f64 {
        self.tolerance + self.bar
    }
}

/// The number of doubles between two, `u64::MAX` if one is NaN. Zero has one place, whatever its sign.
pub fn ulps_between(a: f64, b: f64) -> u64 {
    if a.is_nan() || b.is_nan() {
        return u64::MAX;
    }
    let place = |x: f64| {
        let magnitude = (x.to_bits() & (u64::MAX >> 1)) as i128;
        if x.is_sign_negative() { -magnitude } else { magnitude }
    };
    (place(a) - place(b)).unsigned_abs() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn precedence_is_the_declared_order() {
        let ordered = [
            Verdict::Pass,
            Verdict::KinkOk,
            Verdict::Excused,
            Verdict::Unchecked(Gap::NearKink),
            Verdict::Invalid { stage: Stage::Value, reason: Trouble::Discontinuous },
            Verdict::KinkBad,
            Verdict::Fail,
        ];
        assert!(ordered.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(ordered.iter().enumerate().all(|(rank, verdict)| verdict.rank() == rank));
        assert_eq!(ordered.iter().filter(|v| v.is_failure()).count(), 3);
        assert_eq!(ordered.iter().filter(|v| v.is_checked()).count(), 2);
    }

    #[test]
    fn ulps_count_representable_numbers() {
        assert_eq!(ulps_between(1.0, 1.0 + f64::EPSILON), 1);
        assert_eq!(ulps_between(0.0, -0.0), 0);
        assert_eq!(ulps_between(f64::from_bits(1), -f64::from_bits(1)), 2);
        assert_eq!(ulps_between(1.0, f64::NAN), u64::MAX);
        assert_eq!(ulps_between(f64::MAX, f64::INFINITY), 1);
    }

    #[test]
    fn a_nan_never_passes() {
        for (a, b) in [(f64::NAN, 1.0), (1.0, f64::NAN), (f64::NAN, f64::NAN), (f64::INFINITY, f64::INFINITY)]
        {
            let record = Record::exact(Test::DotProduct, Place::Whole, a, b, f64::MAX);
            assert_eq!(record.verdict, Verdict::Fail);
            assert_eq!(record.ratio(), f64::INFINITY);
        }
    }
}
