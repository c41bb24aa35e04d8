//! Mixup: a network trained on averages behaves more linearly between examples.
//!
//! `cargo run --release -p examples --example mixup`
//!
//! The first table is the distribution of the share `λ ~ Beta(α, α)`, drawn from the stream that a training draws
//! from, beside the exact probabilities. The second one compares networks trained plainly, with mixup and with CutMix:
//! test error, calibration, the mean confidence on averages of two test digits of different classes at `λ = ½` (which
//! mixup's target says is ½), and the mean distance of the output from the average of the two outputs.
//!
//! Halfway, mixed networks are less sure and nearer to the average. On the digits themselves they make no fewer errors
//! than the plain one, and are worse calibrated.

use autograd::{Graph, Tensor, Var, interpret};
use comfy_table::{CellAlignment, Table, presets};
use nn::data::{Dataset, digits};
use nn::metrics::{CALIBRATION_BINS, Predictions};
use nn::train::{Batch, Evaluator};
use nn::{Activation, Optimiser, Sequential, Trainer, initialise};
use regularize::augmentation::beta::Beta;
use regularize::augmentation::{CutMix, Mixup};
use std::error::Error;

const SEEDS: u64 = 8;
const DRAWS: usize = 20_000;

type Objective = Box<dyn for<'g, 'b> Fn(&Batch<'g, 'b, f32>) -> Var<'g, f32> + Send + Sync>;

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN);
    table.set_header(header);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// Shares in five equal intervals, drawn and exact, in per cent.
fn distribution() -> Result<Table, Box<dyn Error>> {
    let mut table = table(&["α", "0 to 0.2", "0.2 to 0.4", "0.4 to 0.6", "0.6 to 0.8", "0.8 to 1"]);
    for alpha in [0.2, 1.0, 4.0] {
        let graph = Graph::<f64>::new();
        let beta = Beta::symmetric(alpha)?;
        let shares = beta.shares(graph.uniform("mixup.share", [DRAWS]));
        let drawn = interpret(&[shares], &[], None)?.remove(0);
        let mut row = vec![format!("{alpha}")];
        for k in 0..5 {
            let (low, high) = (f64::from(k) / 5.0, f64::from(k + 1) / 5.0);
            let count = drawn.data().iter().filter(|&&x| low <= x && x < high).count();
            let exact = beta.probability(high) - beta.probability(low);
            row.push(format!("{:.1} ({:.1})", 100.0 * count as f64 / DRAWS as f64, 100.0 * exact));
        }
        table.add_row(row);
    }
    Ok(table)
}

fn way(name: &str) -> Result<Objective, Box<dyn Error>> {
    Ok(match name {
        "plain" => Box::new(|batch| batch.cross_entropy()),
        "CutMix, α = 1" => {
            let cutmix = CutMix::new([1, 8, 8], 1.0)?;
            Box::new(move |batch| cutmix.objective(batch, 10))
        }
        _ => {
            let mixup = Mixup::new(if name.ends_with("0.2") { 0.2 } else { 1.0 })?;
            Box::new(move |batch| mixup.objective(batch, 10))
        }
    })
}

fn softmax(logits: &[f32]) -> Vec<f64> {
    let largest = logits.iter().fold(f32::NEG_INFINITY, |m, &z| m.max(z));
    let e: Vec<f64> = logits.iter().map(|&z| f64::from(z - largest).exp()).collect();
    let sum: f64 = e.iter().sum();
    e.into_iter().map(|e| e / sum).collect()
}

/// Error, calibration error, confidence halfway and distance from the average, in per cent.
fn measure(name: &str, seed: u64) -> Result<[f64; 4], Box<dyn Error>> {
    let [train, test] = digits::load()?.flattened().split([0.2, 0.8], seed)?;
    let model = Sequential::<f32>::mlp(&[64, 64, 10], Activation::Relu);
    let mut parameters = initialise(&model, seed);
    let objective = way(name)?;
    let mut trainer = Trainer::new(&model, Optimiser::adam(0.003)).epochs(80).seed(seed);
    trainer = trainer.objective(move |batch| objective(batch));
    trainer.fit(&train, None, &mut parameters)?;

    let mut evaluator = Evaluator::new(&model, 256);
    let logits = evaluator.logits(&test, &parameters)?;
    let predictions = Predictions::new(&logits, test.labels())?;
    // Each example with the next one, if that is of another class.
    let n = test.len();
    let labels = test.labels().data();
    let pairs: Vec<usize> = (0..n - 1).filter(|&i| labels[i] != labels[i + 1]).collect();
    let half = |i: usize, k: usize| 0.5 * (test.example(pairs[i])[k] + test.example(pairs[i] + 1)[k]);
    let halves = Tensor::from_fn([pairs.len(), 64], |i| half(i / 64, i % 64));
    let halves = Dataset::new(halves, Tensor::full([pairs.len()], 0), 10)?;
    let between = evaluator.logits(&halves, &parameters)?;
    let (mut confidence, mut distance) = (0.0, 0.0);
    for (found, &i) in between.data().chunks(10).zip(&pairs) {
        let found = softmax(found);
        confidence += found.iter().fold(0.0f64, |m, &p| m.max(p));
        let [a, b] = [i, i + 1].map(|row| softmax(&logits.data()[row * 10..][..10]));
        // Total variation: half the sum of absolute differences.
        let differences = (0..10).map(|k| (found[k] - 0.5 * (a[k] + b[k])).abs());
        distance += 0.5 * differences.sum::<f64>();
    }
    let pairs = pairs.len() as f64;
    let calibration = predictions.calibration_error(CALIBRATION_BINS);
    let error = 1.0 - predictions.accuracy();
    Ok([error, calibration, confidence / pairs, distance / pairs].map(|x| 100.0 * x))
}

fn main() -> Result<(), Box<dyn Error>> {
    println!("Shares λ of {DRAWS} draws in each interval, exact ones in brackets, per cent\n");
    println!("{}", distribution()?);
    let mut results = table(&["training", "test error", "calibration", "confidence at ½", "from average"]);
    for name in ["plain", "mixup, α = 0.2", "mixup, α = 1", "CutMix, α = 1"] {
        let found = (0..SEEDS).map(|seed| measure(name, seed)).collect::<Result<Vec<_>, _>>()?;
        let column = |k: usize| {
            let n = found.len() as f64;
            let mean = found.iter().map(|x| x[k]).sum::<f64>() / n;
            let variance = found.iter().map(|x| (x[k] - mean).powi(2)).sum::<f64>() / (n - 1.0);
            format!("{mean:.1} ± {:.1}", (variance / n).sqrt())
        };
        results.add_row([name.to_string(), column(0), column(1), column(2), column(3)]);
    }
    println!("\nTrained on a fifth of the digits, {SEEDS} seeds, all in per cent ± standard error\n");
    println!("{results}");
    println!("\n`confidence at ½`: the largest probability halfway between digits of two");
    println!("classes. `from average`: how far that output is from the average of both.");
    Ok(())
}
