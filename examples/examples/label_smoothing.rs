//! Label smoothing and the confidence penalty: what they do to a network's confidence.
//!
//! `cargo run --release -p examples --example label_smoothing [SEEDS]`
//!
//! Smoothed targets, in the book's convention (`ε` to the other classes), and the negative entropy of the output as
//! a penalty both hold back how sure a network is. The network here has reason to be held back: it learns few
//! digits by heart, every fifth of them with a wrong label, and is surer of held-out ones than it is right.
//! Printed are the error, the mean confidence (*sure*), the log-loss, the expected calibration error (ECE: the
//! mean gap between confidence and accuracy, in 15 bins), and the gap between the label's logit and the mean of
//! the others on what was learned, which smoothing brings near the formula below the tables.
//!
//! A little of either lowers calibration error and log-loss. More overshoots: the network is then less sure than
//! it is right, and calibration is worse than without. Errors differ by little more than their standard errors.
//! The two smallest `ε` were added after larger ones had been seen to overshoot, on these same seeds.

use nn::data::digits;
use nn::metrics::{CALIBRATION_BINS, Predictions};
use nn::train::Evaluator;
use nn::{Activation, Optimiser, Sequential, Trainer, initialise};
use regularize::{ConfidencePenalty, LabelSmoothing};
use std::error::Error;

#[path = "labels/mod.rs"]
mod labels;
#[path = "../src/mean.rs"]
mod mean;

use labels::with_wrong_labels;
use mean::Mean;

const EPOCHS: u64 = 100;
const CLASSES: usize = 10;
/// Every so manieth training label is wrong.
const WRONG: usize = 5;
/// What is measured of each network.
const MEASURES: usize = 5;

fn main() -> Result<(), Box<dyn Error>> {
    let seeds: u64 = std::env::args().nth(1).map_or(Ok(5), |text| text.parse())?;
    println!("64-256-256-10; 300 digits to learn from, every fifth with a wrong label; 1000");
    println!("held out, with the right ones. Means of {seeds} seeds, ± one standard error.\n");
    println!(
        "{:<23} {:>11} {:>5} {:>12} {:>12} {:>12}",
        "", "error, %", "sure", "log-loss", "ECE, %", "logit gap"
    );
    let smooth = |epsilon| (format!("label smoothing {epsilon}"), epsilon, 0.0);
    let penalty = |beta| (format!("confidence penalty {beta}"), 0.0, beta);
    let rows = [
        ("cross-entropy".to_string(), 0.0, 0.0),
        smooth(0.01),
        smooth(0.02),
        smooth(0.05),
        smooth(0.2),
        penalty(0.1),
        penalty(0.3),
        penalty(1.0),
    ];
    let (mut plain, mut differences) = (Vec::new(), Vec::new());
    for (name, epsilon, beta) in rows {
        let found = (0..seeds).map(|seed| train(epsilon, beta, seed)).collect::<Result<Vec<_>, _>>()?;
        let of = |k: usize| Mean::of(found.iter().map(|measured| measured[k]));
        let [error, sure, loss, calibration, gap] = std::array::from_fn::<_, MEASURES, _>(of);
        println!(
            "{name:<23} {error:>11.1} {:>5.1} {loss:>12.2} {calibration:>12.1} {:>12.1}",
            sure.mean, gap.mean
        );
        if plain.is_empty() {
            plain = found;
        } else {
            let less = |k: usize| Mean::of(found.iter().zip(&plain).map(|(a, b)| a[k] - b[k]));
            differences.push((name, [0, 2, 3].map(less)));
        }
    }

    println!("\nThe difference to cross-entropy alone, seed by seed\n");
    println!("{:<23} {:>14} {:>16} {:>16}", "", "error, %", "log-loss", "ECE, %");
    for (name, [error, loss, calibration]) in differences {
        println!("{name:<23} {error:>+14.1} {loss:>+16.2} {calibration:>+16.1}");
    }

    println!("\nThe gap of the logits at the optimum of 10 classes, by convention\n");
    println!("{:>5} {:>34} {:>30}", "ε", "book, ln((1-ε)(K-1)/ε)", "uniform, ln(((1-ε)K+ε)/ε)");
    for epsilon in [0.01, 0.02, 0.05, 0.2f64] {
        let (book, uniform) = ((1.0 - epsilon) * 9.0 / epsilon, ((1.0 - epsilon) * 10.0 + epsilon) / epsilon);
        println!("{epsilon:>5} {:>34.3} {:>30.3}", book.ln(), uniform.ln());
    }
    Ok(())
}

/// Error and mean confidence in per cent, log-loss, and calibration error in per cent on held-out digits; and on
/// the training part the mean gap between the label's logit and the mean of the others.
fn train(epsilon: f64, beta: f64, seed: u64) -> Result<[f64; MEASURES], Box<dyn Error>> {
    let parts = [300.0, 1000.0, 497.0].map(|part| part / 1797.0);
    let [train, test, _] = digits::load()?.flattened().split(parts, seed)?;
    let train = with_wrong_labels(train, WRONG)?;
    let model = Sequential::<f32>::mlp(&[64, 256, 256, CLASSES], Activation::Relu);
    let (smoothing, penalty) = (LabelSmoothing::new(epsilon)?, ConfidencePenalty::new(beta)?);
    let mut parameters = initialise(&model, seed);
    let mut trainer =
        Trainer::new(&model, Optimiser::adam(0.001)).epochs(EPOCHS).seed(seed).objective(move |batch| {
            let loss = smoothing.cross_entropy(batch.logits(), batch.labels).mean();
            penalty.added_to(loss, batch.logits())
        });
    trainer.fit(&train, None, &mut parameters)?;
    let mut evaluator = Evaluator::new(&model, 256);
    let learned = evaluator.logits(&train, &parameters)?;
    let rows = learned.data().chunks(CLASSES).zip(train.labels().data());
    let gap = |(row, &label): (&[f32], &u32)| {
        let own = f64::from(row[label as usize]);
        let all: f64 = row.iter().map(|&z| f64::from(z)).sum();
        own - (all - own) / (CLASSES - 1) as f64
    };
    let gap = rows.map(gap).sum::<f64>() / train.len() as f64;
    let logits = evaluator.logits(&test, &parameters)?;
    let found = Predictions::new(&logits, test.labels())?;
    let confidence = |row: &[f32]| {
        let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        row.iter().map(|&z| f64::from(z - largest).exp()).sum::<f64>().recip()
    };
    let sure = logits.data().chunks(CLASSES).map(confidence).sum::<f64>() / test.len() as f64;
    let calibration = found.calibration_error(CALIBRATION_BINS);
    Ok([100.0 * (1.0 - found.accuracy()), 100.0 * sure, found.log_loss(), 100.0 * calibration, gap])
}
