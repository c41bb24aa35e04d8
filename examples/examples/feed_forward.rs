//! A multilayer perceptron that reads the embedded digits, epoch by epoch.
//!
//! `cargo run --release -p examples --example feed_forward`
//!
//! The 1,797 images of 8 by 8 pixels are split into two thirds to learn from and a third that is only looked at.
//! The network is 64-128-64-10 with rectifiers; AdamW with a learning rate that falls along a cosine takes a
//! second or two. At the end: the mistakes, and which digit was taken for which.

use nn::data::{Standardise, digits};
use nn::train::Evaluator;
use nn::{Activation, Optimiser, Schedule, Sequential, Trainer, initialise};
use std::error::Error;
use std::ops::ControlFlow;

const EPOCHS: u64 = 30;
const BATCH: usize = 32;
const SEED: u64 = 7;

fn main() -> Result<(), Box<dyn Error>> {
    let [train, test] = digits::load()?.flattened().split([2.0 / 3.0, 1.0 / 3.0], SEED)?;
    let scale = Standardise::fit(&train)?;
    let (train, test) = (scale.apply(&train)?, scale.apply(&test)?);

    let model = Sequential::<f32>::mlp(&[64, 128, 64, 10], Activation::Relu);
    let mut parameters = initialise(&model, SEED);
    println!("{} numbers learn from {} images", parameters.numel(), train.len());

    let steps = EPOCHS * train.len().div_ceil(BATCH) as u64;
    let optimiser = Optimiser::adamw(Schedule::Cosine { initial: 2e-3, last: 0.0, steps }, 0.05);
    let mut trainer = Trainer::new(&model, optimiser).batch_size(BATCH).epochs(EPOCHS).seed(SEED);
    trainer.fit_observed(
        &train,
        Some(&test),
        &mut parameters,
        &mut |m: &nn::train::EpochMetrics, _: &_| {
            let held_out = m.validation.map_or(f64::NAN, |v| 100.0 * v.accuracy());
            println!(
                "epoch {:2}   loss {:.4}   {:6.2} % right in training   {held_out:6.2} % held out",
                m.epoch + 1,
                m.train.loss,
                100.0 * m.train.accuracy()
            );
            ControlFlow::Continue(())
        },
    )?;

    let logits = Evaluator::new(&model, 256).logits(&test, &parameters)?;
    let mut confusions = [[0; 10]; 10];
    for (row, &label) in logits.data().chunks(10).zip(test.labels().data()) {
        let predicted = (0..10).max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap_or(0);
        confusions[label as usize][predicted] += 1;
    }
    println!("\nwritten (rows) and read (columns)\n\n      0   1   2   3   4   5   6   7   8   9");
    for (digit, row) in confusions.iter().enumerate() {
        let cells: String =
            row.iter().map(|&n| if n == 0 { "   .".into() } else { format!("{n:4}") }).collect();
        println!("  {digit}{cells}");
    }
    let right: usize = (0..10).map(|digit| confusions[digit][digit]).sum();
    println!(
        "\n{right} of {} held-out digits are right: {:.2} %",
        test.len(),
        100.0 * right as f64 / test.len() as f64
    );
    Ok(())
}
