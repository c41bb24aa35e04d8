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
    let threat = Threat::infinity(EPSILON)?.within(0.0, 1.0)?;
    let training = AdversarialTraining::new(Pgd::fast(threat)?, 0.0, Mode::Evaluate)?;
    let steps = epochs * train.len().div_ceil(BATCH) as u64;
    let schedule = match std::env::var("SCHED").as_deref() {
        Ok("zero") => Schedule::OneCycle { initial: 0.0, peak: 5e-3, last: 0.0, rise: steps * 2 / 5, steps },
        _ => Schedule::OneCycle { initial: 5e-4, peak: 5e-3, last: 0.0, rise: steps * 2 / 5, steps },
    };
    let mut trainer = Trainer::new(&model, Optimiser::adam(schedule))
        .batch_size(BATCH)
        .epochs(epochs)
        .seed(options.seed)
        .progress("fast adversarial training")
        .objective(move |batch| training.objective(batch, |batch| batch.cross_entropy()));
    // The last 500 training images are seen in training too: a collapse shows on them all the same.
    let watched = train.subset(&(train.len() - 500..train.len()).collect::<Vec<_>>())?;
    let mut monitor = OverfittingMonitor::new(&model, threat, 10, &watched)?;
    let mut parameters = initialise(&model, options.seed);
    let start = Instant::now();
    let mut sum = 0.0;
    let mut observer = Debugging { monitor: &mut monitor, start, sum: &mut sum };
    trainer.fit_observed(&train, None, &mut parameters, &mut observer)?;
    let seconds = start.elapsed().as_secs_f64();
    let found = monitor.finish()?;
    println!("{seconds:.0} s");
    let parameters = if found.caught.is_some() { found.parameters } else { parameters };

    let clean = Evaluator::new(&model, 256).evaluate(&test, &parameters)?.accuracy();
    let start = Instant::now();
    let attack = Restarts::new(Pgd::new(threat, 50)?.step_size(0.01)?.from_random(), RESTARTS)?;
    let first = test.subset(&(0..1000).collect::<Vec<_>>())?;
    let attacked = AttackEvaluator::new(&model, attack, 125).attack(&first, &parameters)?.robustness;
    println!("clean {:.2} %, attacked {:.1} % ({:.0} s)", 100.0 * clean, 100.0 * (1.0 - attacked.error), start.elapsed().as_secs_f64());
    Ok(())
}

struct Debugging<'a, 'm> {
    monitor: &'a mut OverfittingMonitor<'m, f32>,
    start: Instant,
    sum: &'a mut f64,
}

impl EpochObserver<f32> for Debugging<'_, '_> {
    fn epoch_ended(&mut self, metrics: &EpochMetrics, parameters: &Parameters<f32>) -> ControlFlow<()> {
        let found = self.monitor.measure(metrics.epoch, parameters);
        println!("{} objective {:.4} {found:?} {:.0} s", metrics.epoch, metrics.objective, self.start.elapsed().as_secs_f64());
        self.monitor.epoch_ended(metrics, parameters)
    }
    fn step_ended(&mut self, metrics: &nn::train::StepMetrics, parameters: &Parameters<f32>) -> ControlFlow<()> {
        *self.sum += metrics.objective;
        let step = metrics.position.epoch * 600 + metrics.position.batch as u64;
        if step % 60 == 0 {
            let norms: Vec<String> = parameters.iter().filter(|(n, _)| n.ends_with("weight")).map(|(_, v)| format!("{:.2}", v.data().iter().map(|x| x * x).sum::<f32>().sqrt())).collect();
            println!("step {step} loss {:.4} lr {:.5} norms {}", *self.sum / 60.0, metrics.learning_rate, norms.join(" "));
            *self.sum = 0.0;
        }
        if std::env::var("STOP").is_ok_and(|s| s.parse::<u64>().unwrap() == step) { return ControlFlow::Break(()); }
        ControlFlow::Continue(())
    }
}
