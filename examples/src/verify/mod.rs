//! Verifying every derivative: each [case](cases) at several points, and what was found, as a summary that
//! says how much was looked at and how small an error would have been seen.

pub mod cases;

use crate::error::LabError;
use autograd::check::{Report, Verdict};
use cases::{Case, Group};
use indicatif::{ProgressBar, ProgressStyle};
use rayon::prelude::*;
use serde::Serialize;
use std::fmt;

/// What was found for one case, over all its points.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    /// What kind of thing was checked.
    pub group: Group,
    /// Its name.
    pub name: String,
    /// What it is, as mathematics.
    pub equation: String,
    /// The number of points.
    pub points: usize,
    /// Entries of all arguments at all points.
    pub entries: usize,
    /// Entries whose derivative was verified.
    pub covered: usize,
    /// Comparisons made: forward, backward, differences, precisions, orders.
    pub comparisons: usize,
    /// The smallest error in any checked entry that would certainly have been seen; the worst of the points.
    pub detectable: Option<f64>,
    /// `pass`, or why not.
    pub verdict: String,
    /// Whether every point passed.
    pub success: bool,
    /// The full reports of points that did not pass, or of all if they were asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reports: Vec<String>,
}

/// What was found for all cases.
#[derive(Debug, Clone, Serialize)]
pub struct Verification {
    /// The seed of the points.
    pub seed: u64,
    /// Points of each case.
    pub points: usize,
    /// Case by case.
    pub findings: Vec<Finding>,
}

/// Checks the cases whose name contains `only`, at `points` points each, in parallel.
///
/// # Errors
/// [`LabError::NoSuchCase`].
pub fn verify(seed: u64, points: usize, only: Option<&str>) -> Result<Verification, LabError> {
    let mut cases = cases::all();
    if let Some(text) = only {
        cases.retain(|case| case.name.to_lowercase().contains(&text.to_lowercase()));
        if cases.is_empty() {
            return Err(LabError::NoSuchCase(text.into()));
        }
    }
    let bar = progress_bar((cases.len() * points) as u64);
    let jobs: Vec<(usize, u64)> = (0..cases.len())
        // A million apart: the seeds of two verifications share no point.
        .flat_map(|case| (0..points as u64).map(move |point| (case, point)))
        .collect();
    let reports: Vec<Report> = jobs
        .into_par_iter()
        .map(|(case, point)| {
            let report = cases[case].check(seed.wrapping_mul(1_000_000).wrapping_add(point));
            bar.inc(1);
            report
        })
        .collect();
    bar.finish_and_clear();
    let findings = cases.iter().zip(reports.chunks(points));
    let findings = findings.map(|(case, reports)| Finding::of(case, reports, only.is_some())).collect();
    Ok(Verification { seed, points, findings })
}

impl Finding {
    fn of(case: &Case, reports: &[Report], in_full: bool) -> Finding {
        let worst = reports.iter().map(Report::verdict).max_by_key(Verdict::rank).unwrap_or(Verdict::Pass);
        let success = reports.iter().all(Report::is_success);
        let shown = reports.iter().filter(|report| in_full || !report.is_success());
        Finding {
            group: case.group,
            name: case.name.clone(),
            equation: case.equation.clone(),
            points: reports.len(),
            entries: reports.iter().map(|report| report.entries).sum(),
            covered: reports.iter().map(|report| report.covered).sum(),
            comparisons: reports.iter().map(|report| report.records.len()).sum(),
            detectable: reports.iter().filter_map(Report::smallest_detectable).reduce(f64::max),
            verdict: match (success, worst.is_failure()) {
                (true, _) => "pass".into(),
                (false, true) => worst.name().into(),
                (false, false) => "too little checked".into(),
            },
            success,
            reports: shown.map(ToString::to_string).collect(),
        }
    }

    /// Reports in full, with their headings.
    pub fn full_reports(&self) -> String {
        self.reports.join("\n")
    }
}

impl Verification {
    /// Whether every case passed at every point.
    pub fn is_success(&self) -> bool {
        self.findings.iter().all(|finding| finding.success)
    }

    /// The number of cases of a group.
    pub fn count(&self, group: Group) -> usize {
        self.findings.iter().filter(|finding| finding.group == group).count()
    }

    fn sum(&self, of: fn(&Finding) -> usize) -> usize {
        self.findings.iter().map(of).sum()
    }

    /// The smallest errors that would certainly have been seen, in the middle and in the worst case.
    pub fn detectable(&self) -> Option<(f64, f64)> {
        let mut all: Vec<f64> = self.findings.iter().filter_map(|finding| finding.detectable).collect();
        all.sort_by(f64::total_cmp);
        Some((*all.get(all.len() / 2)?, *all.last()?))
    }

    /// What was looked at and found, in sentences.
    pub fn summary(&self) -> String {
        let count = |group, one: &str| match self.count(group) {
            0 => None,
            1 => Some(format!("1 {one}")),
            n => Some(format!("{n} {one}s").replace("losss", "losses")),
        };
        let counts = [(Group::Rule, "rule"), (Group::Layer, "layer"), (Group::Loss, "loss")];
        let mut subjects: Vec<String> = counts.into_iter().filter_map(|(g, one)| count(g, one)).collect();
        subjects.extend(count(Group::Technique, "technique"));
        let (entries, covered) = (self.sum(|finding| finding.entries), self.sum(|finding| finding.covered));
        let share = if entries == 0 { 100.0 } else { 100.0 * covered as f64 / entries as f64 };
        let mut text = format!(
            "{} at {} each: {covered} of {entries} entries verified ({share:.1} %) by {} comparisons, in first \
             and second order{}.",
            subjects.join(", "),
            if self.points == 1 { "1 point".to_string() } else { format!("{} points", self.points) },
            self.sum(|finding| finding.comparisons),
            if self.count(Group::Rule) > 0 { ", the rules in single precision too" } else { "" },
        );
        if let Some((middle, worst)) = self.detectable() {
            text += &format!(
                " An error of {worst:.0e} in any verified entry would have been seen, in half of the cases \
                 one of {middle:.0e}."
            );
        }
        let failed = self.findings.iter().filter(|finding| !finding.success).count();
        text += &match failed {
            0 => " Nothing failed.".to_string(),
            1 => " ONE CASE FAILED.".to_string(),
            n => format!(" {n} CASES FAILED."),
        };
        text
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let share = if self.entries == 0 { 1.0 } else { self.covered as f64 / self.entries as f64 };
        let detectable = self.detectable.map_or("-".into(), |error| format!("{error:.0e}"));
        write!(
            f,
            "{:<10} {:<22} {:>7} {:>10.1} {:>11} {:>11}  {}",
            self.group,
            self.name,
            self.entries,
            100.0 * share,
            self.comparisons,
            detectable,
            self.verdict
        )
    }
}

/// The headings of [`Finding`]'s lines.
pub fn headings() -> String {
    let (kind, name, entries, checked) = ("kind", "name", "entries", "checked %");
    format!(
        "{kind:<10} {name:<22} {entries:>7} {checked:>10} {:>11} {:>11}  verdict",
        "comparisons", "detectable"
    )
}

/// On standard error, and silent by itself if that is not a terminal.
fn progress_bar(points: u64) -> ProgressBar {
    const TEMPLATE: &str = "verifying [{bar:36}] {pos}/{len} points";
    let style = ProgressStyle::with_template(TEMPLATE).expect("the template is well formed");
    ProgressBar::new(points).with_style(style.progress_chars("=> "))
}
