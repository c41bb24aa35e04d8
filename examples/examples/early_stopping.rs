//! When to stop: each criterion on the same validation curve; and what stopping has to do with L2.
//!
//! `cargo run --release -p examples --example early_stopping [PICTURE.svg]`
//!
//! *Deep Learning*, section 7.8; the criteria are those of Prechelt (1998). A network learns 180 noisy digits by
//! heart. One long training gives the curves; each criterion is shown them epoch by epoch and stops where it
//! would have stopped. It prints where, the best validation loss seen by then, the error on a test part that plays
//! no other role, and draws the curve. Then both of the book's ways to use the validation part too, and the
//! equivalence with L2 on a quadratic: the coefficient that a number of steps stands for.

use autograd::Parameters;
use nn::data::{Dataset, digits};
use nn::train::{EpochMetrics, TrainingMeasure};
use nn::{Activation, Optimiser, Sequential, Trainer, initialise};
use plotters::prelude::*;
use regularize::early_stopping::{Length, refit_from_scratch, refit_onwards};
use regularize::{Criterion, EarlyStopping, RegularizeError, Stopped};
use std::error::Error;
use std::ops::ControlFlow;

const EPOCHS: u64 = 150;
const CRITERIA: [(&str, Criterion); 9] = [
    ("patience 1", Criterion::Patience(1)),
    ("patience 5", Criterion::Patience(5)),
    ("patience 20", Criterion::Patience(20)),
    ("GL 2", Criterion::GeneralisationLoss(2.0)),
    ("GL 10", Criterion::GeneralisationLoss(10.0)),
    ("PQ 0.1", Criterion::ProgressQuotient { alpha: 0.1, strip: 5 }),
    ("PQ 0.5", Criterion::ProgressQuotient { alpha: 0.5, strip: 5 }),
    ("UP 2", Criterion::Rising { times: 2, strip: 5 }),
    ("UP 4", Criterion::Rising { times: 4, strip: 5 }),
];

fn trainer(model: &Sequential<f32>) -> Trainer<'_, f32> {
    let optimiser = Optimiser::momentum(0.02, 0.9);
    Trainer::new(model, optimiser).batch_size(20).seed(2).training_measure(TrainingMeasure::Evaluated)
}

/// Digits of which every eighth has a wrong label: what can be learned by heart and should not be.
fn data() -> Result<[Dataset<f32>; 4], RegularizeError> {
    let [train, validation, test, _] = digits::load()?.flattened().split([0.1, 0.05, 0.5, 0.35], 3)?;
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

fn main() -> Result<(), Box<dyn Error>> {
    let [train, validation, test, all] = data()?;
    let model = Sequential::<f32>::mlp(&[64, 32, 10], Activation::Relu);
    let mut watching = Vec::new();
    for (_, criterion) in CRITERIA {
        watching.push((EarlyStopping::<f32>::by(criterion)?, None));
    }
    let mut parameters = initialise(&model, 1);
    // One training for all of them: each sees it until it has stopped.
    let mut observer = |metrics: &EpochMetrics, parameters: &Parameters<f32>| {
        let loss = metrics.validation.expect("there is a validation part").loss;
        for (stopping, stopped) in watching.iter_mut().filter(|(_, stopped)| stopped.is_none()) {
            let found = stopping.observe_both(metrics.epoch, loss, metrics.train.loss, parameters);
            *stopped = found.is_break().then_some(metrics.epoch);
        }
        ControlFlow::Continue(())
    };
    let curve = trainer(&model).epochs(EPOCHS).fit_observed(
        &train,
        Some(&validation),
        &mut parameters,
        &mut observer,
    )?;
    let losses: Vec<f64> = curve.epochs.iter().map(|e| e.validation.expect("measured").loss).collect();
    let training: Vec<f64> = curve.epochs.iter().map(|e| e.train.loss).collect();

    let mut measure = trainer(&model);
    println!("{} digits, an eighth with wrong labels; {EPOCHS} epochs at most.\n", train.len());
    println!("                stops after   best epoch   validation loss   test error");
    let mut stops: Vec<(&str, u64)> = Vec::new();
    let mut patient: Option<Stopped<f32>> = None;
    for ((name, criterion), (stopping, stopped)) in CRITERIA.into_iter().zip(watching) {
        let found = stopping.finish()?;
        let error = measure.evaluate(&test, &found.parameters)?.error;
        let after = stopped.map_or("never".into(), |epoch| epoch.to_string());
        println!("  {name:<14}{after:>11}{:>13}{:>18.4}{:>11.1} %", found.epoch, found.value, 100.0 * error);
        stops.extend(stopped.map(|epoch| (name, epoch)));
        if criterion == Criterion::Patience(20) {
            patient = Some(found);
        }
    }
    let last = measure.evaluate(&test, &parameters)?.error;
    println!(
        "  {:<14}{:>11}{:>13}{:>18.4}{:>11.1} %",
        "none",
        "-",
        EPOCHS - 1,
        losses[losses.len() - 1],
        100.0 * last
    );
    stops.sort_by_key(|&(_, epoch)| epoch);
    println!("\nThe validation loss (o) and the training loss (.), two epochs to a column, and");
    println!("the stops:\n");
    print!("{}", drawing(&losses, &training, &stops));

    let stopped = patient.expect("it is among the criteria");
    println!("\nWith the validation part trained on as well, by algorithms 7.2 and 7.3: test\nerror in %.\n");
    let mut report =
        |name: &str, parameters: &Parameters<f32>, note: String| -> Result<(), RegularizeError> {
            println!("  {name:<22}{:5.1}   {note}", 100.0 * measure.evaluate(&test, parameters)?.error);
            Ok(())
        };
    report("stopping alone", &stopped.parameters, format!("{} epochs", stopped.epoch + 1))?;
    let scratch = refit_from_scratch(trainer(&model), &all, initialise(&model, 1), &stopped, Length::Epochs)?;
    report("7.2: as many epochs", &scratch.parameters, format!("{} epochs", stopped.epoch + 1))?;
    let onwards = refit_onwards(trainer(&model), &all, &train, &validation, &stopped, 200)?;
    let note = format!(
        "{} epochs more, {}: {:.3} for {:.3}",
        onwards.curve.epochs.len(),
        if onwards.reached { "reached" } else { "limit" },
        onwards.loss,
        onwards.target
    );
    report("7.3: to the old loss", &onwards.parameters, note)?;
    equivalence();
    if let Some(file) = std::env::args().nth(1) {
        picture(&losses, &training, &stops, &file)?;
        println!("\nwritten: {file}");
    }
    Ok(())
}
