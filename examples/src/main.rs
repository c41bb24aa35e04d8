//! `lab`: regularization for deep learning, seen at work.
//!
//! | verb | what it does | module |
//! |---|---|---|
//! | none | the tour: verification, study, report | this one |
//! | `study` | trains plain and under each technique | [`mod@study`] |
//! | `verify` | checks every derivative | [`mod@verify`] |
//! | `trace` | prints one small network node by node | [`trace`] |
//!
//! The verbs compute; what is printed comes from [`table`], what is drawn from [`report`], where it goes is
//! checked beforehand by [`output`]. Whatever fails is a [`error::LabError`], printed as one paragraph.

mod cli;
mod error;
mod interrupt;
mod mean;
mod output;
mod random;
mod report;
mod study;
mod table;
mod trace;
mod verify;

use cli::{Cli, Common, StudyArguments, TraceArguments, Verb, VerifyArguments};
use error::LabError;
use interrupt::on_ctrl_c;
use output::{check_destinations, say, write_json};
use report::Report;
use serde::Serialize;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;
use study::run::Measured;
use study::technique::Technique;
use study::{Settings, Study};
use table::wrapped;
use verify::{Verification, verify};

/// Columns of a terminal that text is wrapped to.
const COLUMNS: usize = 80;

fn main() -> ExitCode {
    let cli = Cli::of_process();
    let done = in_threads(&cli.common, || match &cli.verb {
        None => tour(&cli.common, &cli.report.path()),
        Some(Verb::Study(arguments)) => study(&cli.common, arguments),
        Some(Verb::Verify(arguments)) => verification(&cli.common, arguments),
        Some(Verb::Trace(arguments)) => tracing(&cli.common, arguments),
    });
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{}", wrapped(&format!("lab: {error}"), COLUMNS));
            ExitCode::FAILURE
        }
    }
}

/// Runs in as many threads as were asked for.
fn in_threads<R: Send>(
    common: &Common,
    run: impl FnOnce() -> Result<R, LabError> + Send,
) -> Result<R, LabError> {
    let Some(threads) = common.threads else { return run() };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.into()).build();
    pool.map_err(|error| LabError::Threads { threads, error })?.install(run)
}

/// The results of a run, as they are written to JSON.
#[derive(Serialize)]
struct Results<'r> {
    program: &'static str,
    version: &'static str,
    verification: Option<&'r Verification>,
    study: Option<&'r Study>,
}

impl<'r> Results<'r> {
    fn new(verification: Option<&'r Verification>, study: Option<&'r Study>) -> Results<'r> {
        let (program, version) = (env!("CARGO_BIN_NAME"), env!("CARGO_PKG_VERSION"));
        Results { program, version, verification, study }
    }
}

fn tour(common: &Common, report: &Path) -> Result<ExitCode, LabError> {
    check_destinations(common.json.as_deref().into_iter().chain([report]))?;
    let start = Instant::now();
    say("1. Are the gradients right?\n");
    let verification = verify(common.seed, if common.quick { 1 } else { 10 }, None)?;
    say(wrapped(&verification.summary(), COLUMNS));
    say(format_args!("({:.0} s; `lab verify` prints each case)\n", start.elapsed().as_secs_f64()));

    say("2. What does each technique do to a network that overfits?\n");
    let settings = if common.quick { Settings::quick(common.seed) } else { Settings::full(common.seed) };
    let study = study_of(settings, &Technique::of_the_tour(), Some(&verification), report)?;
    if let Some(path) = &common.json {
        write_json(path, &Results::new(Some(&verification), Some(&study)))?;
    }
    say(format_args!("\n{:.0} s in all. More: lab --help", start.elapsed().as_secs_f64()));
    Ok(if verification.is_success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn study(common: &Common, arguments: &StudyArguments) -> Result<ExitCode, LabError> {
    let report = arguments.report.path();
    let report = (!arguments.sweep).then_some(report.as_path());
    check_destinations(common.json.as_deref().into_iter().chain(report))?;
    let mut settings = if common.quick { Settings::quick(common.seed) } else { Settings::full(common.seed) };
    settings.data.clone_from(&arguments.data);
    settings.train = arguments.train.map_or(settings.train, |train| train as usize);
    settings.noise = arguments.noise.unwrap_or(settings.noise);
    settings.epochs = arguments.epochs.map_or(settings.epochs, u64::from);
    settings.seeds = arguments.seeds.map_or(settings.seeds, |seeds| seeds as usize);
    let mut techniques = if arguments.sweep { Technique::candidates() } else { Technique::all() };
    let named = |technique: &Technique, text: &String| technique.name().contains(text.as_str());
    if let Some(text) = arguments.only.iter().find(|text| !techniques.iter().any(|t| named(t, text))) {
        return Err(LabError::NoSuchTechnique(text.clone()));
    }
    if !arguments.only.is_empty() {
        let wanted: Vec<Technique> =
            techniques.iter().copied().filter(|t| arguments.only.iter().any(|text| named(t, text))).collect();
        // With what they are compared with.
        techniques.retain(|technique| {
            let name = technique.name();
            wanted.iter().any(|wanted| wanted.name() == name || wanted.baseline() == name)
        });
    }
    let study = match report {
        Some(report) => study_of(settings, &techniques, None, report)?,
        None => sweep(settings, &techniques)?,
    };
    if let Some(path) = &common.json {
        write_json(path, &Results::new(None, Some(&study)))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Trains, prints the table, writes the report.
fn study_of(
    settings: Settings,
    techniques: &[Technique],
    verification: Option<&Verification>,
    report: &Path,
) -> Result<Study, LabError> {
    let source = settings.source()?;
    say(wrapped(&study::introduction(&settings, &source), COLUMNS));
    let study = settings.run(&source, techniques, Measured::Test, &on_ctrl_c()?)?;
    say_if_interrupted(&settings, &study);
    say(format_args!("\n{}\n", table::study_table(&study)));
    say(wrapped(&study::how_to_read(&study), COLUMNS));
    if !study.robustness.is_empty() {
        say(format_args!("\nUnder attack, and what is certain\n\n{}\n", table::robustness_table(&study)));
        say(wrapped(&study::robustness::how_to_read(study.test_examples), COLUMNS));
    }
    let command = command();
    let html = Report { study: &study, source: &source, verification, command: &command }.html()?;
    nn::files::write_atomically(report, html.as_bytes())?;
    say(format_args!("\nReport  {}", report.display()));
    Ok(study)
}

/// How much of a study an interrupt left.
fn say_if_interrupted(settings: &Settings, study: &Study) {
    let done = study.settings.seeds;
    if done < settings.seeds {
        say(format_args!("\nInterrupted: {done} of {} seeds are shown.", settings.seeds));
    }
}

/// The command that was given, for a shell.
fn command() -> String {
    let quoted = |argument: String| {
        let plain = |c: char| c.is_alphanumeric() || "-_./=+,:".contains(c);
        if argument.chars().all(plain) { argument } else { format!("'{}'", argument.replace('\'', r"'\''")) }
    };
    let arguments = std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned());
    let words = [env!("CARGO_BIN_NAME").to_string()].into_iter().chain(arguments.map(quoted));
    words.collect::<Vec<_>>().join(" ")
}

fn sweep(settings: Settings, techniques: &[Technique]) -> Result<Study, LabError> {
    let source = settings.source()?;
    let study = settings.run(&source, techniques, Measured::Validation, &on_ctrl_c()?)?;
    say_if_interrupted(&settings, &study);
    say(table::sweep_table(&study));
    Ok(study)
}

fn verification(common: &Common, arguments: &VerifyArguments) -> Result<ExitCode, LabError> {
    check_destinations(common.json.as_deref())?;
    let verification = verify(common.seed, if common.quick { 1 } else { 20 }, arguments.only.as_deref())?;
    say(verify::headings());
    for finding in &verification.findings {
        say(finding);
    }
    for finding in &verification.findings {
        if !finding.reports.is_empty() {
            say(format_args!("\n{}", finding.full_reports()));
        }
    }
    say(format_args!("\n{}", wrapped(&verification.summary(), COLUMNS)));
    if let Some(path) = &common.json {
        write_json(path, &Results::new(Some(&verification), None))?;
    }
    Ok(if verification.is_success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn tracing(common: &Common, arguments: &TraceArguments) -> Result<ExitCode, LabError> {
    check_destinations(common.json.as_deref().into_iter().chain(arguments.dot.as_deref()))?;
    let trace = trace::Trace::new(common.seed);
    say(&trace);
    if let Some(path) = &arguments.dot {
        nn::files::write_atomically(path, trace.dot.as_bytes())?;
        say(format_args!("\nGraph   {}", path.display()));
    }
    if let Some(path) = &common.json {
        write_json(path, &trace)?;
    }
    Ok(ExitCode::SUCCESS)
}
