//! Label smoothing and the confidence penalty: what they do to a network's confidence.
//!
//! `cargo run --release -p examples --example label_smoothing [SEEDS]`
//!
//! Smoothed targets, in the book's convention (`ε` to the other classes), and the negative entropy of the output as
//! a penalty both hold back how sure a network is. The table has the error, the mean confidence, the log-loss
//! and the calibration error: the mean gap between confidence and accuracy, in 15 bins.
//!
//! On these digits a plain network is hardly surer than it is right. So there is little to mend: a little of the
//! penalty brings confidence and accuracy together, smoothing lowers the error somewhat, and more of either
//! makes the network much less sure than it is right. Where a network is overconfident, the same pull helps.

use nn::data::digits;
use nn::metrics::{CALIBRATION_BINS, Predictions};
use nn::train::Evaluator;
use nn::{Activation, Optimiser, Sequential, Trainer, initialise};
use regularize::{ConfidencePenalty, LabelSmoothing};
use std::error::Error;

const EPOCHS: u64 = 60;

fn main() -> Result<(), Box<dyn Error>> {
    let seeds: u64 = std::env::args().nth(1).map_or(Ok(5), |text| text.parse())?;
    println!("64-128-128-10, 300 digits to learn from, 1000 held out, mean of {seeds} seeds\n");
    println!("{:<26} {:>8} {:>11} {:>9} {:>12}", "", "error", "confidence", "log-loss", "calibration");
    let smooth = |epsilon| (format!("label smoothing {epsilon}"), epsilon, 0.0);
    let penalty = |beta| (format!("confidence penalty {beta}"), 0.0, beta);
    let rows = [
        ("cross-entropy".to_string(), 0.0, 0.0),
        smooth(0.02),
        smooth(0.05),
        smooth(0.1),
        smooth(0.2),
        penalty(0.05),
        penalty(0.1),
        penalty(0.2),
        penalty(0.5),
    ];
    for (name, epsilon, beta) in rows {
        let mut sums = [0.0; 4];
        for seed in 0..seeds {
            let found = train(epsilon, beta, seed)?;
            (0..4).for_each(|k| sums[k] += found[k] / seeds as f64);
        }
        println!(
            "{name:<26} {:>6.1} % {:>9.1} % {:>9.3} {:>10.1} %",
            100.0 * sums[0],
            100.0 * sums[1],
            sums[2],
            100.0 * sums[3]
        );
    }

    println!("\nThe gap of the logits at the optimum of 10 classes, by convention\n");
    println!("{:>5} {:>34} {:>30}", "ε", "book, ln((1-ε)(K-1)/ε)", "uniform, ln(((1-ε)K+ε)/ε)");
    for epsilon in [0.02, 0.1, 0.2f64] {
        let (book, uniform) = ((1.0 - epsilon) * 9.0 / epsilon, ((1.0 - epsilon) * 10.0 + epsilon) / epsilon);
        println!("{epsilon:>5} {:>34.3} {:>30.3}", book.ln(), uniform.ln());
    }
    Ok(())
}

/// Error, mean confidence, log-loss and calibration error on held-out digits.
fn train(epsilon: f64, beta: f64, seed: u64) -> Result<[f64; 4], Box<dyn Error>> {
    let parts = [300.0, 1000.0, 497.0].map(|part| part / 1797.0);
    let [train, test, _] = digits::load()?.flattened().split(parts, seed)?;
    let model = Sequential::<f32>::mlp(&[64, 128, 128, 10], Activation::Relu);
    let (smoothing, penalty) = (LabelSmoothing::new(epsilon)?, ConfidencePenalty::new(beta)?);
    let mut parameters = initialise(&model, seed);
    let mut trainer =
        Trainer::new(&model, Optimiser::adam(0.002)).epochs(EPOCHS).seed(seed).objective(move |batch| {
            let loss = smoothing.cross_entropy(batch.logits(), batch.labels).mean();
            penalty.added_to(loss, batch.logits())
        });
    trainer.fit(&train, None, &mut parameters)?;
    let logits = Evaluator::new(&model, 256).logits(&test, &parameters)?;
    let found = Predictions::new(&logits, test.labels())?;
    let confidence = |row: &[f32]| {
        let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        row.iter().map(|&z| f64::from(z - largest).exp()).sum::<f64>().recip()
    };
    let sure = logits.data().chunks(10).map(confidence).sum::<f64>() / test.len() as f64;
    Ok([1.0 - found.accuracy(), sure, found.log_loss(), found.calibration_error(CALIBRATION_BINS)])
}
