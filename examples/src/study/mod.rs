//! A study: a network trained on a small training part, plain and under each technique, with several seeds.
//!
//! Trainings are *paired*: seed `i` means the same training part, the same wrong labels, the same initial
//! weights and the same order of examples for every technique, so that the difference of two techniques is
//! taken seed by seed, and most of what varies between seeds cancels. Some techniques are for other networks than a
//! perceptron: they are compared with a plain training of their own network, the [baseline](Technique::baseline) of
//! their row.
//!
//! Trainings run in parallel, each by itself, and are put back in order: results do not depend on the number
//! of threads.

pub mod data;
pub mod robustness;
pub mod run;
pub mod summary;
pub mod technique;

use crate::error::LabError;
use data::Source;
use indicatif::{ProgressBar, ProgressStyle};
use nn::train::Interrupt;
use rayon::prelude::*;
use regularize::RegularizeError;
use robustness::Robust;
use run::{Measured, Member, Task};
use serde::Serialize;
use std::path::PathBuf;
use summary::Summary;
use technique::{Sizes, Technique};

/// Each study seed stands for this many training seeds, so that studies of different seeds share none.
const SEEDS_OF_A_STUDY: u64 = 10_000;
/// Seeds from here on are those of sweeps.
pub const FIRST_SWEEP_SEED: u64 = 5_000;
/// The budget of attacks in the table, in pixel units: with the digits' seventeen grey values, 1.6 of them.
pub const EPSILON: f64 = 0.1;
/// Budgets of the robustness curve.
const EPSILONS: [f64; 7] = [0.0, 0.025, 0.05, EPSILON, 0.15, 0.2, 0.3];

/// What a study is to do.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Settings {
    /// A directory of IDX files instead of the embedded digits.
    pub data: Option<PathBuf>,
    /// Examples to train on.
    pub train: usize,
    /// Examples to stop early and choose strengths with.
    pub validation: usize,
    /// The share of training labels made wrong.
    pub noise: f64,
    /// Hidden units.
    pub hidden: usize,
    /// Passes over the training part.
    pub epochs: u64,
    /// Networks for each technique.
    pub seeds: usize,
    /// The seed of the study.
    pub seed: u64,
}

impl Settings {
    /// The settings of the tour.
    pub fn full(seed: u64) -> Settings {
        Settings {
            data: None,
            // Few enough that the network overfits, enough that it learns something.
            train: 200,
            validation: 300,
            noise: 0.1,
            hidden: 256,
            // Twice what early stopping ever needs.
            epochs: 100,
            // Standard errors of a third of a percentage point.
            seeds: 20,
            seed,
        }
    }

    /// Small enough for a few seconds without optimisation; techniques have not converged by then.
    pub fn quick(seed: u64) -> Settings {
        Settings { train: 100, validation: 100, hidden: 64, epochs: 25, seeds: 3, ..Settings::full(seed) }
    }
}

/// One technique's trainings.
#[derive(Debug, Serialize)]
pub struct Row {
    /// The technique with its strength.
    pub technique: Technique,
    /// Means and standard errors over the seeds.
    pub summary: Summary,
    /// One training for each seed.
    pub members: Vec<Member>,
}

/// The result of a study.
#[derive(Debug, Serialize)]
pub struct Study {
    /// What was to be done.
    pub settings: Settings,
    /// Where the examples come from.
    pub source: String,
    /// The number of test examples.
    pub test_examples: usize,
    /// The budget of attacks in summaries.
    pub epsilon: f64,
    /// One row for each technique, after its baseline's.
    pub rows: Vec<Row>,
    /// Plain and adversarially trained networks under attacks and by certificates; nothing in a sweep.
    pub robustness: Vec<Robust>,
}

impl Settings {
    /// The examples.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn source(&self) -> Result<Source, LabError> {
        match &self.data {
            Some(directory) => Source::directory(directory),
            None => Source::digits(),
        }
    }

    /// What the trainings share.
    pub fn task<'s>(&self, source: &'s Source) -> Task<'s> {
        Task {
            source,
            train: self.train,
            validation: self.validation,
            noise: self.noise,
            sizes: Sizes { picture: source.picture, hidden: self.hidden, classes: source.classes() },
            epochs: self.epochs,
            epsilons: EPSILONS.to_vec(),
            interrupt: Interrupt::new(),
        }
    }

    /// Trains with every technique on every seed. The baseline of each is among them.
    ///
    /// After an interrupt the result is that of a study with fewer seeds, those with which every technique was
    /// through; its settings say how many.
    ///
    /// # Errors
    /// If there are too few examples, or a training fails; [`LabError::Interrupted`] if no seed was through.
    pub fn run(
        &self,
        source: &Source,
        techniques: &[Technique],
        measured: Measured,
        interrupt: &Interrupt,
    ) -> Result<Study, LabError> {
        let task = Task { interrupt: interrupt.clone(), ..self.task(source) };
        let first = if measured == Measured::Validation { FIRST_SWEEP_SEED } else { 0 };
        let seed =
            |member: usize| self.seed.wrapping_mul(SEEDS_OF_A_STUDY).wrapping_add(first + member as u64);
        // Too few examples are better known before the first training than in the middle of all.
        let parts = (0..self.seeds).map(|member| task.parts(seed(member))).collect::<Result<Vec<_>, _>>()?;
        let bar = progress_bar(techniques.len() as u64 * self.seeds as u64 * self.epochs);
        // Seed after seed, so that an interrupt leaves whole seeds.
        let jobs: Vec<(usize, Technique)> =
            (0..self.seeds).flat_map(|member| techniques.iter().map(move |&t| (member, t))).collect();
        let trained: Result<Vec<Option<Member>>, LabError> = jobs
            .into_par_iter()
            .map(|(member, technique)| {
                task.run(technique, seed(member), &parts[member], measured, &bar)
                    .map_err(|error| failed(technique, seed(member), error))
            })
            .collect();
        bar.finish_and_clear();
        let mut rows: Vec<Vec<Member>> = techniques.iter().map(|_| Vec::new()).collect();
        let mut trained = trained?.into_iter();
        for _ in 0..self.seeds {
            let of_seed: Vec<Option<Member>> = trained.by_ref().take(techniques.len()).collect();
            if of_seed.iter().all(Option::is_some) {
                rows.iter_mut().zip(of_seed.into_iter().flatten()).for_each(|(row, member)| row.push(member));
            }
        }
        let seeds = rows.first().map_or(0, Vec::len);
        if seeds == 0 {
            return Err(LabError::Interrupted);
        }
        let baseline = |technique: &Technique| {
            let found = techniques.iter().position(|other| other.name() == technique.baseline());
            &rows[found.expect("no technique comes without its baseline")]
        };
        let summaries: Vec<Summary> = techniques
            .iter()
            .zip(&rows)
            .map(|(technique, members)| Summary::of(members, baseline(technique), EPSILON))
            .collect();
        let row = |((&technique, summary), members)| Row { technique, summary, members };
        let rows: Vec<Row> = techniques.iter().zip(summaries).zip(rows).map(row).collect();
        let robustness = match measured {
            Measured::Test => robustness::measure(&task, source, &rows)
                .map_err(|(row, error)| failed(row.technique, row.members[0].seed, error))?,
            Measured::Validation => Vec::new(),
        };
        let test_examples = source.test.len();
        Ok(Study {
            settings: Settings { seeds, ..self.clone() },
            source: source.name.clone(),
            test_examples,
            epsilon: EPSILON,
            rows,
            robustness,
        })
    }
}

fn failed(technique: Technique, seed: u64, error: RegularizeError) -> LabError {
    LabError::Train { technique: technique.to_string(), seed, error }
}

/// On standard error, and silent by itself if that is not a terminal.
fn progress_bar(epochs: u64) -> ProgressBar {
    const TEMPLATE: &str = "training [{bar:36}] {percent:>3} %, {eta} left";
    let style = ProgressStyle::with_template(TEMPLATE).expect("the template is well formed");
    ProgressBar::new(epochs).with_style(style.progress_chars("=> "))
}

impl Study {
    /// The rows under one heading after the other: each heading with the positions of its rows.
    pub fn groups(&self) -> Vec<(&'static str, Vec<usize>)> {
        let mut groups: Vec<(&'static str, Vec<usize>)> = Vec::new();
        for (position, row) in self.rows.iter().enumerate() {
            match groups.last_mut() {
                Some((title, rows)) if *title == row.technique.title() => rows.push(position),
                _ => groups.push((row.technique.title(), vec![position])),
            }
        }
        groups
    }

    /// The position of the row that this one is compared with.
    pub fn baseline_of(&self, row: usize) -> usize {
        let name = self.rows[row].technique.baseline();
        self.rows.iter().position(|row| row.technique.name() == name).unwrap_or(row)
    }
}

/// A number of things.
pub fn counted(number: u64, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}

/// What is about to be trained on what, in sentences.
pub fn introduction(settings: &Settings, source: &Source) -> String {
    let [rows, columns] = source.picture;
    format!(
        "A network of {} learns {} of {rows} by {columns} pixels ({}), {:.0} % of them with a wrong label that \
         it can only learn by heart: {}, {}. A seed draws training part, wrong labels, initial weights and \
         order; it means the same for every technique. {} other pictures stop early, {} measure the test \
         error.",
        counted(settings.hidden as u64, "hidden rectifier"),
        counted(settings.train as u64, "picture"),
        source.name,
        100.0 * settings.noise,
        counted(settings.epochs, "epoch"),
        counted(settings.seeds as u64, "seed"),
        settings.validation,
        source.test.len(),
    )
}

/// How to read the table.
pub fn how_to_read(study: &Study) -> String {
    let mut text = match study.settings.seeds {
        1 => "Errors in per cent, of one seed: without standard errors, small differences say nothing. `vs plain` \
              is the test error minus plain's. "
            .to_string(),
        seeds => format!(
            "Errors in per cent; ± is one standard error over {seeds} seeds. `vs plain` is the test error minus \
             plain's, seed by seed: what is further from 0 than twice its standard error is hardly chance. "
        ),
    };
    if study.rows.iter().any(|row| row.technique.baseline() != "plain") {
        text += "Under the heading of another network, plain is the first row there. ";
    }
    if study.rows.iter().any(|row| row.technique.title() == technique::WITH_OTHER_PICTURES) {
        text += "Where a technique also sees other pictures, without labels or those of the validation part, it is \
                 no longer the same data that are compared. ";
    }
    text + &format!(
        "A training error of 0 means that the wrong labels were learned by heart; gap is test minus training \
         error. FGSM: test error after every pixel moved by up to {} (0 is blank, 1 is black) against the \
         network. zeros: weights that are exactly 0.",
        study.epsilon,
    )
}

#[cfg(test)]
impl Study {
    /// Rows of members that were never trained.
    pub fn untrained(settings: Settings, techniques: &[Technique]) -> Study {
        let member = || Member {
            seed: 0,
            train_error: 0.0,
            test_error: 0.5,
            test_loss: 1.0,
            attacks: vec![run::UnderAttack { epsilon: EPSILON, error: 0.5 }],
            zero_weights: 0.0,
            epochs: 0,
            kept_epoch: 0,
            seconds: 0.0,
            curve: Vec::new(),
            parameters: autograd::Parameters::new(),
        };
        let row = |&technique: &Technique| {
            let members = vec![member()];
            Row { technique, summary: Summary::of(&members, &members, EPSILON), members }
        };
        Study {
            settings,
            source: "nothing".into(),
            test_examples: 0,
            epsilon: EPSILON,
            rows: techniques.iter().map(row).collect(),
            robustness: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interrupt_before_the_first_seed_leaves_nothing_to_show() {
        let source = Source::digits().unwrap();
        let interrupt = Interrupt::new();
        interrupt.request();
        let error = Settings::quick(1)
            .run(&source, &Technique::of_the_tour(), Measured::Test, &interrupt)
            .unwrap_err();
        assert!(matches!(error, LabError::Interrupted), "{error}");
    }
}
