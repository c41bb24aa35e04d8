//! The report of a check: what failed and where, and how much was looked at.
//!
//! A [`Report`] is data; [`Report::into_result`] turns it into a `Result`, [`Report::assert`] into a panic
//! at the caller's line, and its `Display` into a page that fits 80 columns. It is a success only if
//! nothing failed *and* enough was checked: a check that looked at nothing does not pass.
//!
//! ```
//! use autograd::check::Checker;
//! let report = Checker::new("square").gradient(|x| x[0] * x[0], |x| vec![3.0 * x[0]], &[2.0]);
//! assert!(!report.is_success());
//! assert!(report.to_string().contains("1.5 x expected"));
//! ```

use super::verdict::{Record, Test, Verdict};
use crate::shape::Shape;
use std::fmt;

/// How many of the worst comparisons are printed.
const SHOWN: usize = 10;

/// The page width of the printed report.
const WIDTH: usize = 80;

/// Everything a check found.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// What was checked.
    pub name: String,
    /// The arguments, in order, with their shapes.
    pub arguments: Vec<(String, Shape)>,
    /// Every comparison made.
    pub records: Vec<Record>,
    /// How many entries of the arguments had their derivative verified.
    pub covered: usize,
    /// How many entries the arguments have.
    pub entries: usize,
    /// The fraction of entries that must be covered.
    pub threshold: f64,
    /// How often the function under test was evaluated.
    pub evaluations: usize,
    /// The seed of all random directions.
    pub seed: u64,
    /// Guesses at the cause of a failure.
    pub hints: Vec<String>,
}

/// A check that did not succeed. Its text is the whole report.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct Failure(pub Box<Report>);

impl Report {
    /// The worst finding of all; `Pass` if nothing was compared.
    pub fn verdict(&self) -> Verdict {
        let worst = self.records.iter().map(|record| &record.verdict).max_by_key(|verdict| verdict.rank());
        worst.cloned().unwrap_or(Verdict::Pass)
    }

    /// The covered fraction of the entries; one if there are none.
    pub fn checked_fraction(&self) -> f64 {
        if self.entries == 0 { 1.0 } else { self.covered as f64 / self.entries as f64 }
    }

    /// Whether nothing failed and enough was checked.
    pub fn is_success(&self) -> bool {
        !self.verdict().is_failure() && self.checked_fraction() >= self.threshold
    }

    /// The smallest error, in any one checked entry of a derivative, that would certainly have been
    /// reported. `None` if no entry was verified by differences.
    pub fn smallest_detectable(&self) -> Option<f64> {
        self.verified().map(Record::detectable).reduce(f64::max)
    }

    fn verified(&self) -> impl Iterator<Item = &Record> {
        let by_differences = [Test::VjpDifferences, Test::JvpDifferences, Test::HigherOrder];
        self.records.iter().filter(move |r| by_differences.contains(&r.test) && r.verdict == Verdict::Pass)
    }

    /// How many comparisons of `test` ended in each verdict, in order of precedence.
    pub fn tally(&self, test: Test) -> [usize; 7] {
        let mut counts = [0; 7];
        for record in self.records.iter().filter(|record| record.test == test) {
            counts[record.verdict.rank()] += 1;
        }
        counts
    }

    /// The comparisons by difference over tolerance, worst first; failures always before the rest.
    pub fn worst(&self) -> Vec<&Record> {
        let mut ranked: Vec<&Record> = self.records.iter().collect();
        ranked.sort_by(|a, b| {
            let failure = b.verdict.is_failure().cmp(&a.verdict.is_failure());
            failure.then(b.ratio().total_cmp(&a.ratio()))
        });
        ranked
    }

    /// The report if it is a success, otherwise the report as an error.
    pub fn into_result(self) -> Result<Report, Failure> {
        if self.is_success() { Ok(self) } else { Err(Failure(Box::new(self))) }
    }

    /// Checks nothing further, but insists.
    ///
    /// # Panics
    /// With the whole report, at the caller's line, if the check is not a success.
    #[track_caller]
    pub fn assert(self) -> Report {
        match self.into_result() {
            Ok(report) => report,
            Err(failure) => panic!("{failure}"),
        }
    }

    /// Adds the findings of another check of the same function; coverage is that of the worse one.
    pub fn absorb(&mut self, other: Report) {
        if other.checked_fraction() < self.checked_fraction() {
            (self.covered, self.entries) = (other.covered, other.entries);
        }
        self.evaluations += other.evaluations;
        self.records.extend(other.records);
        for hint in other.hints {
            if !self.hints.contains(&hint) {
                self.hints.push(hint);
            }
        }
    }

    fn state(&self) -> &'static str {
        match self.verdict() {
            verdict if verdict.is_failure() => "FAILED",
            _ if self.is_success() => "passed",
            _ => "NOT CHECKED",
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        wrapped(f, "check of ", &format!("{}: {}", self.name, self.state()))?;
        let shapes: Vec<String> =
            self.arguments.iter().map(|(name, shape)| format!("{name} {shape}")).collect();
        wrapped(f, "arguments   ", &shapes.join(", "))?;
        let (percent, asked) = (100.0 * self.checked_fraction(), 100.0 * self.threshold);
        let checked = format!("{percent:.1} % of {} entries (asked for: {asked:.1} %)", self.entries);
        wrapped(f, "checked     ", &checked)?;
        wrapped(f, "detectable  ", &self.detectable_text())?;
        writeln!(f, "effort      {} evaluations, seed {}", self.evaluations, self.seed)?;

        writeln!(f, "\ncomparison        {}", columns(Verdict::NAMES))?;
        let mut tests: Vec<Test> = self.records.iter().map(|record| record.test).collect();
        tests.sort();
        tests.dedup();
        for test in tests {
            let counts = self.tally(test).map(|n| if n == 0 { ".".to_string() } else { n.to_string() });
            writeln!(f, "{test:<18}{}", columns(counts.each_ref().map(String::as_str)))?;
        }

        let shown: Vec<&Record> = self.worst().into_iter().filter(|r| r.verdict != Verdict::Pass).collect();
        if !shown.is_empty() {
            writeln!(f, "\nworst, by difference / tolerance")?;
        }
        for record in shown.iter().take(SHOWN) {
            show(f, record)?;
        }
        if shown.len() > SHOWN {
            writeln!(f, "  and {} more", shown.len() - SHOWN)?;
        }
        for hint in &self.hints {
            wrapped(f, "hint: ", hint)?;
        }
        Ok(())
    }
}

impl Report {
    fn detectable_text(&self) -> String {
        let Some(error) = self.smallest_detectable() else { return "nothing was verified".to_string() };
        let largest = self.verified().fold(0.0f64, |m, record| m.max(record.expected.abs()));
        if largest == 0.0 {
            format!("{error:.1e} in any checked entry")
        } else {
            format!("{error:.1e} in any checked entry, {:.1e} of the largest", error / largest)
        }
    }
}

/// Three or four lines on one comparison.
fn show(f: &mut fmt::Formatter<'_>, record: &Record) -> fmt::Result {
    wrapped(f, "  ", &format!("{} at {} in {}", record.verdict, record.place, record.test))?;
    if let Verdict::Invalid { .. } = record.verdict {
        return Ok(());
    }
    writeln!(f, "      expected {:<24e} got {:e}", record.expected, record.got)?;
    let ulps = match record.ulps() {
        ulps if ulps < 1_000_000 => ulps.to_string(),
        ulps => format!("{:.1e}", ulps as f64),
    };
    writeln!(
        f,
        "      absolute {:.1e}, relative {:.1e}, ulps {ulps}, bar {:.1e}, ratio {:.1e}",
        record.absolute(),
        record.relative(),
        record.bar,
        record.ratio()
    )?;
    let mut details = Vec::new();
    details.extend(record.step.map(|step| format!("step {step:.1e}")));
    details.extend(record.order.map(|order| format!("order {order:.2}")));
    details.extend(record.same_branch.map(|same| {
        if same { "same branch throughout".to_string() } else { "stencil changes branch".to_string() }
    }));
    if details.is_empty() { Ok(()) } else { writeln!(f, "      {}", details.join(", ")) }
}

/// One line of the table of verdicts, each column as wide as its heading.
fn columns(cells: [&str; 7]) -> String {
    let padded = cells.iter().zip(Verdict::NAMES).map(|(cell, name)| {
        let width = name.len().max(5);
        format!(" {cell:>width$}")
    });
    padded.collect::<Vec<_>>().concat()
}

/// Writes `head` and `text`, broken between words to the page width, continued under the text's start.
fn wrapped(f: &mut fmt::Formatter<'_>, head: &str, text: &str) -> fmt::Result {
    let indent = head.chars().count();
    f.write_str(head)?;
    let mut column = indent;
    for (i, word) in text.split_whitespace().enumerate() {
        let length = word.chars().count();
        if i > 0 && column + 1 + length > WIDTH {
            write!(f, "\n{:indent$}", "")?;
            column = indent;
        } else if i > 0 {
            f.write_str(" ")?;
            column += 1;
        }
        f.write_str(word)?;
        column += length;
    }
    writeln!(f)
}
