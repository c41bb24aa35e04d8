//! Averages of the weights while a network trains at a rate that is too high to settle.
//!
//! `cargo run --release -p examples --example weight_averaging`
//!
//! One training, three sets of parameters in it: the weights themselves, their exponential moving average, and
//! the mean of the weights at the end of each epoch from the fifth on (stochastic weight averaging). Both
//! averages are made inside the step's plan and change nothing of the training. The network has batch
//! normalisation; the running statistics of the averaged weights are estimated anew before they are evaluated.
//!
//! It prints the validation loss of all three after each epoch, and at the end what evaluation says of the mean
//! with the statistics that the training left.

use nn::data::digits;
use nn::train::{EpochMetrics, Evaluator};
use nn::{Activation, BatchNorm, Layer, Optimiser, Sequential, Trainer, initialise};
use regularize::{ExponentialAverage, WeightAverage, estimate_statistics};
use std::error::Error;
use std::ops::ControlFlow;

const EPOCHS: u64 = 20;
const BATCH: usize = 16;

fn main() -> Result<(), Box<dyn Error>> {
    let [train, validation] = digits::load()?.flattened().split([0.5, 0.5], 1)?;
    let model = Sequential::<f32>::new()
        .linear(64, 32)
        .then(BatchNorm::new("norm", 32))
        .then(Activation::Relu)
        .linear(32, 10);
    let specs = model.parameters();
    let per_epoch = train.len().div_ceil(BATCH) as u64;
    let exponential = ExponentialAverage::new(0.99)?;
    let mean = WeightAverage::new(5 * per_epoch, per_epoch)?;
    // A high rate and no schedule: the weights keep moving.
    let optimiser = Optimiser::momentum(0.05, 0.9).then(exponential).then(mean);

    println!("Validation loss and error after each epoch\n");
    println!("| epoch | weights          | moving average   | mean of epochs   |");
    println!("|-------|------------------|------------------|------------------|");
    let mut problem: Option<Box<dyn Error>> = None;
    // An observer can stop a training but has no error to return: it is kept.
    let mut row = |metrics: &EpochMetrics, parameters: &autograd::Parameters<f32>| {
        let one =
            |mut parameters: autograd::Parameters<f32>, averaged: bool| -> Result<String, Box<dyn Error>> {
                if averaged {
                    estimate_statistics(&model, &train, &mut parameters, 128)?;
                }
                let found = Evaluator::new(&model, 256).evaluate(&validation, &parameters)?;
                Ok(format!("{:.4}, {:>4.1} %", found.loss, 100.0 * found.error))
            };
        let cells = || -> Result<[String; 3], Box<dyn Error>> {
            let mean = match mean.count(parameters) {
                0 => String::new(),
                _ => one(mean.averaged(parameters, &specs)?, true)?,
            };
            let moving = one(exponential.averaged(parameters, &specs)?, true)?;
            Ok([one(parameters.clone(), false)?, moving, mean])
        };
        match cells() {
            Ok([weights, moving, mean]) => {
                println!("| {:>5} | {weights:>16} | {moving:>16} | {mean:>16} |", metrics.epoch + 1);
                ControlFlow::Continue(())
            }
            Err(error) => {
                problem = Some(error);
                ControlFlow::Break(())
            }
        }
    };
    let mut parameters = initialise(&model, 1);
    let mut trainer = Trainer::new(&model, optimiser).epochs(EPOCHS).batch_size(BATCH);
    trainer.fit_observed(&train, None, &mut parameters, &mut row)?;
    if let Some(problem) = problem {
        return Err(problem);
    }
    let stale = Evaluator::new(&model, 256).evaluate(&validation, &mean.averaged(&parameters, &specs)?)?;
    println!(
        "\nThe mean of {} epochs with the statistics of the last weights, not its own:",
        mean.count(&parameters)
    );
    println!("loss {:.4}, error {:.1} %", stale.loss, 100.0 * stale.error);
    Ok(())
}
