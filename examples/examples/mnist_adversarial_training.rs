//! A small convolutional network on MNIST, trained by single steps against attacks of 0.3.
//!
//! ```text
//! cargo run --release -p examples --example mnist_adversarial_training -- --data DIRECTORY
//!     [--epochs N] [--seed N]
//! ```
//!
//! The network and settings of fast adversarial training (Wong, Rice, Kolter, ICLR 2020): two convolutions of 4
//! by 4 with stride 2 to 16 and 32 maps, 100 hidden units, batches of 100, Adam with a rate that rises to 5e-3 and
//! falls; one step of 0.375 from a random point of the ball of radius 0.3. After each epoch a monitor looks out
//! for catastrophic overfitting. Measured at the end: the error on all test images, and on the first 1,000 the
//! worst of ten attacks of 50 steps of 0.01, each from a random point.

#[path = "mnist/mod.rs"]
mod mnist;

use autograd::{Parameters, Window};
use clap::Parser;
use nn::data::Dataset;
use nn::train::{EpochMetrics, EpochObserver, Evaluator};
use nn::{Activation, Flatten, Mode, Optimiser, Schedule, Sequential, Trainer, initialise};
use regularize::AttackEvaluator;
use regularize::adversarial::{AdversarialTraining, OverfittingMonitor, Pgd, Restarts, Threat};
use std::error::Error;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

const EPSILON: f64 = 0.3;
const BATCH: usize = 100;
const RESTARTS: usize = 10;
/// How many test images are attacked.
const ATTACKED: usize = 1000;

#[derive(Parser)]
#[command(about = "Fast adversarial training on MNIST, and what the network withstands")]
struct Options {
    /// Where the four IDX files are.
    #[arg(long)]
    data: PathBuf,
    /// Epochs of training.
    #[arg(long, default_value_t = 10)]
    epochs: u64,
    /// The seed of weights, order and attacks.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn main() -> ExitCode {
    let options = Options::parse();
    mnist::run(&options.data, |train, test| program(&options, train, test))
}

fn network() -> Sequential<f32> {
    let window = Window { stride: [2, 2], padding: [1, 1], ..Window::new([4, 4]) };
    Sequential::new()
        .convolution(1, 16, window)
        .then(Activation::Relu)
        .convolution(16, 32, window)
        .then(Activation::Relu)
        .then(Flatten)
        .linear(32 * 7 * 7, 100)
        .then(Activation::Relu)
        .linear(100, 10)
}

fn program(options: &Options, train: Dataset, test: Dataset) -> Result<(), Box<dyn Error>> {
    let (train, test) = (train.with_example_shape(&[1, 28, 28])?, test.with_example_shape(&[1, 28, 28])?);
    let (epochs, model) = (options.epochs, network());
    let ball = Threat::infinity(EPSILON)?;
    let threat = ball.within(0.0, 1.0)?;
    // The gradient is taken at a point of the whole ball; only what is trained on is clipped to valid pixels.
    let training = AdversarialTraining::new(Pgd::fast(ball)?, 0.0, Mode::Evaluate)?;
    let steps = epochs * train.len().div_ceil(BATCH) as u64;
    let schedule = Schedule::OneCycle { initial: 0.0, peak: 5e-3, last: 0.0, rise: steps * 2 / 5, steps };
    let mut trainer = Trainer::new(&model, Optimiser::adam(schedule))
        .batch_size(BATCH)
        .epochs(epochs)
        .seed(options.seed)
        .progress("fast adversarial training")
        .objective(move |batch| {
            let moved = training.examples(batch, |batch| batch.cross_entropy());
            batch.on(threat.clip(moved)).cross_entropy()
        });
    // The last 500 training images are seen in training too: a collapse shows on them all the same.
    let watched = train.subset(&(train.len() - 500..train.len()).collect::<Vec<_>>())?;
    let mut monitor = OverfittingMonitor::new(&model, threat, 10, &watched)?;
    let mut parameters = initialise(&model, options.seed);
    let start = Instant::now();
    println!(
        "{} parameters, {} training images; right of {} images, in %\n",
        parameters.numel(),
        train.len(),
        watched.len()
    );
    println!("epoch    loss   clean   one step   ten steps      s");
    let mut observer = Printing { monitor: &mut monitor, start };
    trainer.fit_observed(&train, None, &mut parameters, &mut observer)?;
    let found = monitor.finish()?;
    if let Some(epoch) = found.caught {
        println!(
            "\nCatastrophic overfitting in epoch {epoch}; taken are the parameters of epoch {}.",
            found.best.epoch
        );
        parameters = found.parameters;
    }

    let clean = Evaluator::new(&model, 256).evaluate(&test, &parameters)?.accuracy();
    let first = test.subset(&(0..ATTACKED.min(test.len())).collect::<Vec<_>>())?;
    let attack = Restarts::new(Pgd::new(threat, 50)?.step_size(0.01)?.from_random(), RESTARTS)?;
    let start = Instant::now();
    let found = AttackEvaluator::new(&model, attack, 125).attack(&first, &parameters)?.robustness;
    println!("\nclean: {:.2} % of {} test images right", 100.0 * clean, test.len());
    println!(
        "worst of {RESTARTS} attacks of 50 steps: {:.1} % of {} right ({:.0} s)",
        100.0 * (1.0 - found.error),
        first.len(),
        start.elapsed().as_secs_f64()
    );
    Ok(())
}

/// Prints what the monitor saw of each epoch.
struct Printing<'a, 'm> {
    monitor: &'a mut OverfittingMonitor<'m, f32>,
    start: Instant,
}

impl EpochObserver<f32> for Printing<'_, '_> {
    fn epoch_ended(&mut self, metrics: &EpochMetrics, parameters: &Parameters<f32>) -> ControlFlow<()> {
        let found = match self.monitor.measure(metrics.epoch, parameters) {
            Ok(found) => found,
            // The monitor meets the same error, and keeps it.
            Err(_) => return self.monitor.epoch_ended(metrics, parameters),
        };
        let [clean, single, iterated] =
            [found.clean, found.single_step, found.iterated].map(|right| 100.0 * right);
        let seconds = self.start.elapsed().as_secs_f64();
        println!(
            "{:5} {:7.3} {clean:7.1} {single:10.1} {iterated:11.1} {seconds:6.0}",
            found.epoch, metrics.objective
        );
        self.monitor.observe(found, parameters)
    }
}
