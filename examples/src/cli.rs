//! The command line: verbs, options, their ranges and their help.
//!
//! Numbers are checked here, against what can be said without looking at any data; whether a training part
//! fits the data is the study's to say. Help is wrapped to 80 columns.

use clap::{Args, CommandFactory, Parser, Subcommand};
use std::path::PathBuf;

/// Regularization for deep learning, seen at work: every technique an operation of a differentiated graph.
///
/// Without a verb: a tour of about a minute on embedded handwritten digits. It verifies the gradient rules,
/// trains a network that overfits, plain and under each technique, prints a table, and writes a report with
/// pictures.
#[derive(Debug, Parser)]
#[command(name = "lab", version, max_term_width = 80, after_help = EXAMPLES)]
pub struct Cli {
    /// What to do; without a verb, the tour.
    #[command(subcommand)]
    pub verb: Option<Verb>,
    /// Options of every verb.
    #[command(flatten)]
    pub common: Common,
    /// Where the tour's report goes.
    #[command(flatten)]
    pub report: ReportFile,
}

const EXAMPLES: &str = "\
Examples:
  lab                                the tour; report in lab-report.html
  lab --quick                        the same in seconds, with rougher figures
  lab study --seeds 20 --json s.json a longer study, its figures for a program
  lab study --data mnist --train 500 on the four IDX files of a directory
  lab verify                         a line for each derivative checked
  lab trace                          one small network, node by node";

/// What can be asked for.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Train a network plain and under each technique; print a table, write a report
    #[command(max_term_width = 80)]
    Study(StudyArguments),
    /// Check every derivative rule, layer, loss and technique against differences
    #[command(max_term_width = 80, after_help = "The exit status is 1 if a check fails.")]
    Verify(VerifyArguments),
    /// Print one small network node by node, forward and backward, with its values
    #[command(max_term_width = 80)]
    Trace(TraceArguments),
}

/// Options that every verb takes.
#[derive(Debug, Clone, Args)]
pub struct Common {
    /// Also write the results to FILE as JSON
    #[arg(long, value_name = "FILE", global = true)]
    pub json: Option<PathBuf>,
    /// Seed of everything random: the same seed gives the same results
    #[arg(long, value_name = "N", default_value_t = 1, global = true)]
    pub seed: u64,
    /// Threads to use [default: one for each core]; results do not depend on it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024), global = true)]
    pub threads: Option<u16>,
    /// Take seconds instead of minutes, with rougher figures
    #[arg(long, global = true)]
    pub quick: bool,
}

/// The name that a report has unless another is asked for.
const DEFAULT_REPORT: &str = "lab-report.html";

/// Where a report goes.
#[derive(Debug, Clone, Args)]
pub struct ReportFile {
    /// Write the report to FILE [default: lab-report.html]
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

impl ReportFile {
    /// The path of the report.
    pub fn path(&self) -> PathBuf {
        self.report.clone().unwrap_or_else(|| DEFAULT_REPORT.into())
    }
}

/// What a study can be told. Without a value, `--quick` and the data decide.
#[derive(Debug, Clone, Args)]
pub struct StudyArguments {
    /// Read IDX files (MNIST and its relatives) from DIR instead of the embedded digits: train-images,
    /// train-labels, t10k-images, t10k-labels, plain or .gz
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Examples to train on, few enough that a network overfits [default: 200]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub train: Option<u32>,
    /// Share of training labels made wrong: what a network can only learn by heart [default: 0.1]
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub noise: Option<f64>,
    /// Passes over the training part [default: 100]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub epochs: Option<u32>,
    /// Networks for each technique, each with a training part and initial weights of its own, the same for
    /// all techniques [default: 20]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=5_000))]
    pub seeds: Option<u32>,
    /// Only techniques whose name contains TEXT, or one of several separated by commas, beside the plain
    /// training that they are compared with
    #[arg(long, value_name = "TEXT", value_delimiter = ',')]
    pub only: Vec<String>,
    /// Instead of the study, train each technique at several strengths and print validation errors: how
    /// the built-in strengths were chosen
    #[arg(long)]
    pub sweep: bool,
    /// Where the report goes.
    #[command(flatten)]
    pub report: ReportFile,
}

/// What a verification can be told.
#[derive(Debug, Clone, Args)]
pub struct VerifyArguments {
    /// Check only cases whose name contains TEXT, and print each one's full report
    #[arg(long, value_name = "TEXT")]
    pub only: Option<String>,
}

/// What a trace can be told.
#[derive(Debug, Clone, Args)]
pub struct TraceArguments {
    /// Also write the graph to FILE in Graphviz' language
    #[arg(long, value_name = "FILE")]
    pub dot: Option<PathBuf>,
}

/// A number from 0 to 1.
fn share(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("a share is a number from 0 to 1".into()),
    }
}

impl Cli {
    /// The arguments of the process. Ends it with a message if they make no sense, or help was asked for.
    pub fn of_process() -> Cli {
        let cli = Cli::parse();
        if cli.verb.is_some() && cli.report.report.is_some() {
            let message = "before a verb, `--report` means the tour's; put it after the verb";
            Cli::command().error(clap::error::ErrorKind::ArgumentConflict, message).exit();
        }
        cli
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }
}
