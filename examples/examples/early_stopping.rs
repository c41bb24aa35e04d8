//! When to stop: each criterion on the same validation curve; and what stopping has to do with L2.
//!
//! `cargo run --release -p examples --example early_stopping [PICTURE.svg]`
//!
//! *Deep Learning*, section 7.8; the criteria are those of Prechelt (1998). A network learns 180 noisy digits
//! by heart. One long training gives the curves; each criterion is shown them epoch by epoch and stops where
//! it would have stopped. It prints where, the best validation loss seen by then, and the error on a test
//! part that plays no other role, over ten seeds with their own splits; and draws the curve of the first.
//! Then both of the book's ways to use the validation part too, and the equivalence with L2 on a quadratic:
//! the coefficient that a number of steps stands for.

use autograd::Parameters;
use nn::data::{Dataset, digits};
use nn::train::{EpochMetrics, TrainingMeasure};
use nn::{Activation, Optimiser, Sequential, Trainer, initialise};
use plotters::prelude::*;
use regularize::early_stopping::{Length, refit_from_scratch, refit_onwards};
use regularize::{Criterion, EarlyStopping, RegularizeError, Stopped};
use std::error::Error;
use std::ops::ControlFlow;

#[path = "../src/mean.rs"]
mod mean;

use mean::Mean;

const SEEDS: u64 = 10;
const EPOCHS: u64 = 150;
/// The criterion whose trainings go on with all data, for so many epochs at most.
const PATIENT: Criterion = Criterion::Patience(20);
const LIMIT: u64 = 200;
const CRITERIA: [(&str, Criterion); 9] = [
    ("patience 1", Criterion::Patience(1)),
    ("patience 5", Criterion::Patience(5)),
    ("patience 20", PATIENT),
    ("GL 2", Criterion::GeneralisationLoss(2.0)),
    ("GL 10", Criterion::GeneralisationLoss(10.0)),
    ("PQ 0.1", Criterion::ProgressQuotient { alpha: 0.1, strip: 5 }),
    ("PQ 0.5", Criterion::ProgressQuotient { alpha: 0.5, strip: 5 }),
    ("UP 2", Criterion::Rising { times: 2, strip: 5 }),
    ("UP 4", Criterion::Rising { times: 4, strip: 5 }),
];

fn trainer(model: &Sequential<f32>, seed: u64) -> Trainer<'_, f32> {
    let optimiser = Optimiser::momentum(0.02, 0.9);
    Trainer::new(model, optimiser).batch_size(20).seed(seed).training_measure(TrainingMeasure::Evaluated)
}

/// Digits of which every eighth has a wrong label: what can be learned by heart and should not be.
fn data(seed: u64) -> Result<[Dataset<f32>; 4], RegularizeError> {
    let [train, validation, test, _] = digits::load()?.flattened().split([0.1, 0.05, 0.5, 0.35], seed)?;
    let noisy = |data: &Dataset<f32>| {
        let mut labels = data.labels().clone();
        labels.data_mut().iter_mut().step_by(8).for_each(|label| *label = (*label + 3) % 10);
        Dataset::new(data.examples().clone(), labels, 10)
    };
    let (train, validation) = (noisy(&train)?, noisy(&validation)?);
    let both = |data: [&Dataset<f32>; 2]| {
        let examples = data.iter().flat_map(|d| d.examples().data().to_vec()).collect::<Vec<_>>();
        let labels = data.iter().flat_map(|d| d.labels().data().to_vec()).collect::<Vec<_>>();
        let count = labels.len();
        Dataset::new(autograd::Tensor::new([count, 64], examples), autograd::Tensor::new([count], labels), 10)
    };
    let all = both([&train, &validation])?;
    Ok([train, validation, test, all])
}

/// The validation curve as text, with the epochs at which criteria stop.
fn drawing(validation: &[f64], training: &[f64], stops: &[(&str, u64)]) -> String {
    const LINES: usize = 14;
    let top = validation.iter().chain(training).copied().fold(0.0, f64::max);
    let columns = validation.len() / 2;
    let mut canvas = vec![vec![' '; columns]; LINES];
    for (curve, mark) in [(training, '.'), (validation, 'o')] {
        for (epoch, value) in curve.iter().enumerate() {
            let y = ((1.0 - value / top) * (LINES - 1) as f64).round() as usize;
            canvas[y][(epoch / 2).min(columns - 1)] = mark;
        }
    }
    let mut text: String =
        canvas.into_iter().map(|line| format!("  |{}\n", line.into_iter().collect::<String>())).collect();
    text.push_str(&format!("  +{}\n", "-".repeat(columns)));
    for (name, epoch) in stops {
        let label = format!("^ {name}");
        let at = (*epoch as usize / 2).min(columns.saturating_sub(label.chars().count() - 1));
        text.push_str(&format!("   {}{label}\n", " ".repeat(at)));
    }
    text
}

fn picture(
    validation: &[f64],
    training: &[f64],
    stops: &[(&str, u64)],
    file: &str,
) -> Result<(), Box<dyn Error>> {
    let top = validation.iter().chain(training).copied().fold(0.0, f64::max);
    let root = SVGBackend::new(file, (900, 520)).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .margin(8)
        .x_label_area_size(30)
        .y_label_area_size(40)
        .build_cartesian_2d(0.0..validation.len() as f64, 0.0..top)?;
    chart.configure_mesh().x_desc("epoch").y_desc("cross-entropy").draw()?;
    for (curve, colour) in [(validation, RED), (training, BLUE)] {
        let points = curve.iter().enumerate().map(|(epoch, &loss)| (epoch as f64, loss));
        chart.draw_series(LineSeries::new(points, colour.stroke_width(2)))?;
    }
    for (number, (name, epoch)) in stops.iter().enumerate() {
        let (x, y) = (*epoch as f64, top * (0.95 - 0.05 * number as f64));
        chart.draw_series(LineSeries::new([(x, 0.0), (x, y)], BLACK.mix(0.4)))?;
        chart.draw_series([Text::new(name.to_string(), (x, y), ("sans-serif", 15))])?;
    }
    root.present()?;
    Ok(())
}

/// Steps of gradient descent on `λ/2 (w - 1)²` from 0, and the L2 coefficient that leaves as much.
fn equivalence() {
    println!("\nOn a quadratic of curvature λ, τ steps of rate ε from 0 are L2 with");
    println!("α = λ r/(1 - r), r = (1 - ελ)^τ; where ελτ is small that is near 1/(ετ), the");
    println!("same for every direction.\n");
    println!("      τ      ελτ   w after τ   λ/(λ + α)         α    1/(ετ)   error of it");
    let (epsilon, lambda) = (0.1f64, 0.05f64);
    for steps in [2, 10, 50, 200, 1000] {
        let w = (0..steps).fold(0.0, |w, _| w - epsilon * lambda * (w - 1.0));
        let left = (1.0 - epsilon * lambda).powi(steps);
        let (alpha, guess) = (lambda * left / (1.0 - left), 1.0 / (epsilon * f64::from(steps)));
        println!(
            "  {steps:5} {:8.3} {w:11.7} {:11.7} {alpha:9.4} {guess:9.4} {:11.1} %",
            epsilon * lambda * f64::from(steps),
            lambda / (lambda + alpha),
            100.0 * (guess / alpha - 1.0)
        );
    }
}

/// What one training came to.
struct Run {
    validation: Vec<f64>,
    training: Vec<f64>,
    criteria: Vec<Found>,
    /// No criterion: the last epoch.
    last: Found,
    /// Test errors in per cent: the training that patience stopped, then both ways to use the validation part.
    refitted: [f64; 3],
    /// Epochs of the second way, and whether it came to the old loss.
    onwards: (usize, bool),
}

/// What was kept.
struct Found {
    /// The epoch after which it stopped, if it did.
    stopped: Option<u64>,
    /// The best epoch up to then.
    best: u64,
    loss: f64,
    /// In per cent.
    error: f64,
}

fn run(seed: u64) -> Result<Run, RegularizeError> {
    let [train, validation, test, all] = data(seed)?;
    let model = Sequential::<f32>::mlp(&[64, 32, 10], Activation::Relu);
    let mut watching = Vec::new();
    for (_, criterion) in CRITERIA {
        watching.push((EarlyStopping::<f32>::by(criterion)?, None));
    }
    let mut parameters = initialise(&model, seed);
    // One training for all of them: each sees it until it has stopped.
    let mut observer = |metrics: &EpochMetrics, parameters: &Parameters<f32>| {
        let loss = metrics.validation.expect("there is a validation part").loss;
        for (stopping, stopped) in watching.iter_mut().filter(|(_, stopped)| stopped.is_none()) {
            let found = stopping.observe_both(metrics.epoch, loss, metrics.train.loss, parameters);
            *stopped = found.is_break().then_some(metrics.epoch);
        }
        ControlFlow::Continue(())
    };
    let curve = trainer(&model, seed).epochs(EPOCHS).fit_observed(
        &train,
        Some(&validation),
        &mut parameters,
        &mut observer,
    )?;
    let losses: Vec<f64> = curve.epochs.iter().map(|e| e.validation.expect("measured").loss).collect();
    let training: Vec<f64> = curve.epochs.iter().map(|e| e.train.loss).collect();

    let mut measure = trainer(&model, seed);
    let mut error = |parameters: &Parameters<f32>| -> Result<f64, RegularizeError> {
        Ok(100.0 * measure.evaluate(&test, parameters)?.error)
    };
    let mut criteria = Vec::new();
    let mut patient: Option<Stopped<f32>> = None;
    for ((_, criterion), (stopping, stopped)) in CRITERIA.into_iter().zip(watching) {
        let found = stopping.finish()?;
        let error = error(&found.parameters)?;
        criteria.push(Found { stopped, best: found.epoch, loss: found.value, error });
        if criterion == PATIENT {
            patient = Some(found);
        }
    }
    let last =
        Found { stopped: None, best: EPOCHS - 1, loss: losses[losses.len() - 1], error: error(&parameters)? };

    let stopped = patient.expect("it is among the criteria");
    let start = initialise(&model, seed);
    let scratch = refit_from_scratch(trainer(&model, seed), &all, start, &stopped, Length::Epochs)?;
    let onwards = refit_onwards(trainer(&model, seed), &all, &train, &validation, &stopped, LIMIT)?;
    Ok(Run {
        validation: losses,
        training,
        criteria,
        last,
        refitted: [error(&stopped.parameters)?, error(&scratch.parameters)?, error(&onwards.parameters)?],
        onwards: (onwards.curve.epochs.len(), onwards.reached),
    })
}

fn main() -> Result<(), Box<dyn Error>> {
    let runs = (1..=SEEDS).map(run).collect::<Result<Vec<_>, _>>()?;
    println!("180 digits, an eighth with wrong labels; {EPOCHS} epochs at most; {SEEDS} seeds,");
    println!("± standard error; the last column is paired by seed.\n");
    println!("               stops after  best epoch  valid. loss  test error, %    below none");
    let row = |name: &str, of: &dyn Fn(&Run) -> &Found| {
        let mean = |value: &dyn Fn(&Found) -> f64| Mean::of(runs.iter().map(|run| value(of(run))));
        let stopped: Vec<f64> = runs.iter().filter_map(|run| of(run).stopped).map(|e| e as f64).collect();
        let after = match stopped.len() {
            0 => "never".into(),
            count if count == runs.len() => format!("{:.0}", Mean::of(stopped)),
            count => format!("{:.0}, {count} of {SEEDS}", Mean::of(stopped)),
        };
        let gain = match name {
            "none" => String::new(),
            _ => format!("{:+.1}", Mean::of(runs.iter().map(|run| run.last.error - of(run).error))),
        };
        let (best, loss, error) = (mean(&|f| f.best as f64), mean(&|f| f.loss).mean, mean(&|f| f.error));
        println!("  {name:<12}{after:>12}{best:>12.0}{loss:>13.3}{error:>15.1}{gain:>14}");
    };
    for (at, (name, _)) in CRITERIA.into_iter().enumerate() {
        row(name, &|run| &run.criteria[at]);
    }
    row("none", &|run| &run.last);
    println!("\nEach saves about a quarter of the errors. They differ by how long they watch,");
    println!("and hardly by what they find.");

    let first = &runs[0];
    let stopped = |(at, found): (usize, &Found)| found.stopped.map(|epoch| (CRITERIA[at].0, epoch));
    let mut stops: Vec<(&str, u64)> = first.criteria.iter().enumerate().filter_map(stopped).collect();
    stops.sort_by_key(|&(_, epoch)| epoch);
    println!("\nThe first seed's validation loss (o) and training loss (.), two epochs to a");
    println!("column, and the stops:\n");
    print!("{}", drawing(&first.validation, &first.training, &stops));

    println!("\nWith the validation part trained on as well, by algorithms 7.2 and 7.3, after");
    println!("patience 20: test error in %, and how much less than by stopping alone.\n");
    for (at, name) in ["stopping alone", "7.2: as many epochs", "7.3: to the old loss"].iter().enumerate() {
        let error = Mean::of(runs.iter().map(|run| run.refitted[at]));
        let gain = Mean::of(runs.iter().map(|run| run.refitted[0] - run.refitted[at]));
        let gain = if at == 0 { String::new() } else { format!("{gain:+14.1}") };
        println!("  {name:<22}{error:>12.1}{gain}");
    }
    let reached: Vec<f64> = runs.iter().filter(|run| run.onwards.1).map(|run| run.onwards.0 as f64).collect();
    print!("\n7.3 came to the old loss within {LIMIT} epochs in {} of {SEEDS} trainings", reached.len());
    match reached.is_empty() {
        true => println!("."),
        false => println!(",\nafter {:.0} epochs in the mean.", Mean::of(reached).mean),
    }
    println!("Neither way gains anything that is seen here.");
    equivalence();
    if let Some(file) = std::env::args().nth(1) {
        picture(&first.validation, &first.training, &stops, &file)?;
        println!("\nwritten: {file}");
    }
    Ok(())
}
