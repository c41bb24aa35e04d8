//! Strengths of regularization tuned by gradient while a network trains, beside a grid.
//!
//! `cargo run --release -p examples --example hyper_gradients`
//!
//! A network learns 256 digits, three in ten of whose labels were redrawn at random. How much decay for each layer, how
//! much noise on the pixels, how much dropout? Three answers, each over the same seeds:
//!
//! - untuned: some weak values;
//! - a grid of 27 points (one decay for both layers), each point a whole training, the best by the loss on 256
//!   validation digits, whose labels are as noisy;
//! - tuned: the four numbers follow the derivative of the validation loss, in windows of five steps, within one
//!   training that begins at the untuned values. With the horizon of a window, and with derivatives carried
//!   through the whole training.
//!
//! The error is that on the other digits, with true labels, which nothing else looks at.
//!
//! Untuned, the network learns the wrong labels by heart: 26.5 % errors. The grid comes to 11.9 % with 27
//! trainings. The gradient comes to 13.5 % (window) and 13.8 % (carried) within one, with a standard error of half a
//! point each, for the time of some two plain trainings and of five. It does not find the grid's answer: it lowers the
//! noise early, dropout and decay rise instead, and the noise stays low. A derivative is local, and a training that
//! is under way does not begin again.

use comfy_table::{CellAlignment, Table, presets};
use nn::data::{Dataset, digits};
use nn::initialise::initial_value;
use nn::train::{Evaluation, Evaluator};
use nn::{Activation, Initialiser, Optimiser, Selection, Sequential, Trainer, initialise};
use regularize::hyper_gradient::{
    ConcreteDropout, Course, Horizon, HyperTuner, Hyperparameter, TunedL2, TunedNoise,
};
use regularize::{Penalties, RegularizeError};
use std::error::Error;
use std::time::Instant;

#[path = "../src/mean.rs"]
mod mean;
use mean::Mean;

const SEEDS: u64 = 10;
const EXAMPLES: usize = 256;
const BATCH: usize = 32;
const EPOCHS: usize = 100;
const WINDOW: usize = 5;
const REDRAWN: f64 = 0.3;
/// Decay of the first and of the second layer, noise, dropout: where the tuning begins.
const UNTUNED: [f64; 4] = [1e-4, 1e-4, 0.05, 0.05];
const DECAYS: [f64; 3] = [1e-4, 3e-3, 3e-2];
const NOISES: [f64; 3] = [0.05, 0.2, 0.5];
const RATES: [f64; 3] = [0.05, 0.3, 0.6];

type Split = [Dataset<f32>; 3];

/// Training and validation digits with wrong labels among them, and the rest.
fn data(seed: u64) -> Result<Split, Box<dyn Error>> {
    let all = digits::load()?.flattened();
    let share = EXAMPLES as f64 / all.len() as f64;
    let [train, validation, test] = all.split([share, share, 1.0 - 2.0 * share], seed)?;
    let draws = |name: &str| {
        let uniform = Initialiser::Uniform { low: 0.0, high: 1.0 };
        initial_value::<f64>(uniform, seed, name, [2 * EXAMPLES].into()).into_data()
    };
    let (whether, which) = (draws("whether a label is wrong"), draws("which one it is instead"));
    let spoil = |data: Dataset<f32>, first: usize| {
        let (examples, mut labels, classes) = data.into_parts();
        for (i, label) in labels.data_mut().iter_mut().enumerate() {
            if whether[first + i] < REDRAWN {
                *label = (which[first + i] * classes as f64) as u32;
            }
        }
        Dataset::new(examples, labels, classes)
    };
    Ok([spoil(train, 0)?, spoil(validation, EXAMPLES)?, test])
}

/// The four numbers, at given values.
fn strengths(values: [f64; 4]) -> Result<Vec<Hyperparameter>, RegularizeError> {
    let [first, second, noise, rate] = values;
    Ok(vec![
        Hyperparameter::positive("decay 1", first)?,
        Hyperparameter::positive("decay 2", second)?,
        Hyperparameter::positive("noise", noise)?,
        Hyperparameter::probability("dropout", rate)?,
    ])
}

fn model(strengths: &[Hyperparameter]) -> Result<Sequential<f32>, RegularizeError> {
    Ok(Sequential::new()
        .then(TunedNoise(strengths[2].clone()))
        .linear(64, 64)
        .then(Activation::Relu)
        .then(ConcreteDropout::new(strengths[3].clone(), 0.1)?)
        .linear(64, 10))
}

fn penalties(strengths: &[Hyperparameter]) -> Penalties<f32> {
    Penalties::new()
        .with(Selection::named("linear1.weight"), TunedL2(strengths[0].clone()))
        .with(Selection::named("linear2.weight"), TunedL2(strengths[1].clone()))
}

fn optimiser() -> Optimiser<f32> {
    Optimiser::momentum(0.05, 0.9)
}

/// What became of a training: losses and errors on validation and test digits.
struct Outcome {
    validation: Evaluation,
    test: Evaluation,
}

/// A training at fixed values.
fn fixed(values: [f64; 4], split: &Split, seed: u64) -> Result<Outcome, Box<dyn Error>> {
    let strengths = strengths(values)?;
    let (model, penalties) = (model(&strengths)?, penalties(&strengths));
    let mut parameters = initialise(&model, seed);
    for strength in &strengths {
        parameters.insert(strength.name(), strength.initial_value());
    }
    Trainer::new(&model, optimiser())
        .objective(move |batch| penalties.added_to(batch.cross_entropy(), batch.parameters))
        .batch_size(BATCH)
        .epochs(EPOCHS as u64)
        .seed(seed)
        .fit(&split[0], None, &mut parameters)?;
    let mut evaluator = Evaluator::new(&model, 256);
    let [validation, test] = [1, 2].map(|part: usize| evaluator.evaluate(&split[part], &parameters));
    Ok(Outcome { validation: validation?, test: test? })
}

/// The best of the grid by validation loss.
fn grid(split: &Split, seed: u64) -> Result<(Outcome, [f64; 4]), Box<dyn Error>> {
    let mut best: Option<(Outcome, [f64; 4])> = None;
    for decay in DECAYS {
        for noise in NOISES {
            for rate in RATES {
                let values = [decay, decay, noise, rate];
                let found = fixed(values, split, seed)?;
                if best.as_ref().is_none_or(|(best, _)| found.validation.loss < best.validation.loss) {
                    best = Some((found, values));
                }
            }
        }
    }
    Ok(best.expect("the grid has points"))
}

/// A training as long as the others, in which the values follow the hyper-gradient.
fn tuned(split: &Split, seed: u64, horizon: Horizon) -> Result<(Outcome, Course), Box<dyn Error>> {
    let strengths = strengths(UNTUNED)?;
    let (model, penalties) = (model(&strengths)?, penalties(&strengths));
    let mut parameters = initialise(&model, seed);
    let course = HyperTuner::new(&model, optimiser(), strengths)
        .objective(move |batch| penalties.added_to(batch.cross_entropy(), batch.parameters))
        .outer(Optimiser::adam(0.1))
        .horizon(horizon)
        .batch_size(BATCH)
        .validation_batch_size(EXAMPLES)
        .steps(WINDOW)
        .windows((EPOCHS * EXAMPLES / BATCH / WINDOW) as u64)
        .seed(seed)
        .fit(&split[0], &split[1], &mut parameters)?;
    let mut evaluator = Evaluator::new(&model, 256);
    let [validation, test] = [1, 2].map(|part: usize| evaluator.evaluate(&split[part], &parameters));
    Ok((Outcome { validation: validation?, test: test? }, course))
}

fn table(headings: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN).set_header(headings);
    table.column_iter_mut().skip(1).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    table
}

fn number(value: f64) -> String {
    if value < 0.001 { format!("{value:.0e}") } else { format!("{value:.3}") }
}

fn main() -> Result<(), Box<dyn Error>> {
    let names = ["untuned", "best of 27", "tuned, window", "tuned, carried"];
    let mut outcomes: [Vec<Outcome>; 4] = Default::default();
    let mut seconds = [0.0; 4];
    let mut chosen = Vec::new();
    let mut courses: [Vec<Course>; 2] = Default::default();
    for seed in 0..SEEDS {
        let split = data(seed)?;
        let mut start = Instant::now();
        let mut done = |which: usize, outcome: Outcome| {
            outcomes[which].push(outcome);
            seconds[which] += start.elapsed().as_secs_f64() / SEEDS as f64;
            start = Instant::now();
        };
        done(0, fixed(UNTUNED, &split, seed)?);
        let (outcome, values) = grid(&split, seed)?;
        done(1, outcome);
        chosen.push(values);
        for (i, horizon) in [Horizon::Window, Horizon::Carried].into_iter().enumerate() {
            let (outcome, course) = tuned(&split, seed, horizon)?;
            done(2 + i, outcome);
            courses[i].push(course);
        }
    }

    println!(
        "{EXAMPLES} digits, {:.0} % of the labels redrawn; means of {SEEDS} seeds ± standard error\n",
        100.0 * REDRAWN
    );
    let mut results = table(&["", "test error %", "less than untuned", "valid. loss", "seconds"]);
    for (which, name) in names.iter().enumerate() {
        let errors = Mean::of(outcomes[which].iter().map(|o| 100.0 * o.test.error));
        let pairs = outcomes[0].iter().zip(&outcomes[which]);
        let gain = Mean::of(pairs.map(|(untuned, o)| 100.0 * (untuned.test.error - o.test.error)));
        results.add_row([
            name.to_string(),
            errors.to_string(),
            if which == 0 { String::new() } else { format!("{gain:+}") },
            format!("{:.3}", Mean::of(outcomes[which].iter().map(|o| o.validation.loss)).mean),
            format!("{:.2}", seconds[which]),
        ]);
    }
    println!("{results}\n");

    let mut ends = table(&["values at the end, seed 0", "decay 1", "decay 2", "noise", "dropout"]);
    let last = |course: &Course| course.windows.last().expect("there are windows").values.clone();
    let rows = [UNTUNED.to_vec(), chosen[0].to_vec(), last(&courses[0][0]), last(&courses[1][0])];
    for (name, values) in names.iter().zip(rows) {
        ends.add_row([name.to_string()].into_iter().chain(values.into_iter().map(number)));
    }
    println!("{ends}\n");

    let course = &courses[1][0];
    let headings =
        [&["after steps", "validation loss"][..], &["decay 1", "decay 2", "noise", "dropout"]].concat();
    println!("The course of the carried form, seed 0:\n");
    let mut rows = table(&headings);
    let windows = course.windows.len();
    for at in (0..windows).step_by(windows / 10).chain([windows - 1]) {
        let window = &course.windows[at];
        let start = [((at + 1) * WINDOW).to_string(), format!("{:.3}", window.validation_loss)];
        rows.add_row(start.into_iter().chain(window.values.iter().map(|&v| number(v))));
    }
    println!("{rows}");
    Ok(())
}
