//! A small convolutional network on MNIST, trained by single steps against attacks of 0.3.
//!
//! ```text
//! cargo run --release -p examples --example mnist_adversarial_training -- --data DIRECTORY
//!     [--epochs N] [--warm-up N] [--seed N]
//! ```
//!
//! The network and settings of fast adversarial training (Wong, Rice, Kolter, ICLR 2020): two convolutions of 4
//! by 4 with stride 2 to 16 and 32 maps, 100 hidden units, batches of 100, Adam with a rate that rises to 5e-3 and
//! falls; one step of 0.375 from a random point of the ball of radius 0.3. After each epoch a monitor measures
//! what the network withstands; the epoch that is best under ten steps is kept. Measured at the end: the error on
//! all test images, and on the first 1,000 the worst of ten attacks of 50 steps of 0.01, each from a random point.
//!
//! Two details differ from the obvious. The gradient is taken at a random point of the whole ball, not of its
//! valid part: clipped to valid pixels before the step, every blank pixel ends at 0 or at 0.3. And weights begin
//! with the deviation `1/√(3 fan_in)`, not with `√(2/fan_in)`, two and a half times as large. Trainings that
//! differ in them, and in the length of their schedule, so that no single cause is isolated; right of 500 training
//! images under ten steps, with seed 1:
//!
//! | random point | first weights | epochs of the schedule | after the first | after the second |
//! |---|---|---|---|---|
//! | valid part | `√(2/fan_in)` | 10 | 0.2 % | 0.0 % |
//! | whole ball | `√(2/fan_in)` | 10 | 2.6 % | 1.2 % |
//! | whole ball | `1/√(3 fan_in)` | 6 | 16.0 % | 70.4 % |
//!
//! The third training went on to 89.8 % after its fifth epoch: `--epochs 6` ended with 97.86 % of all test images
//! right, and 81.9 % of 1,000 under the worst of ten attacks. The details were found with this seed, and no
//! other was tried.
//!
//! `--warm-up N` lets the budget rise in equal parts over N epochs; with the larger first weights and two such
//! epochs, nothing withstood ten steps after the first.

#[path = "mnist/mod.rs"]
mod mnist;

use autograd::Window;
use clap::Parser;
use nn::data::Dataset;
use nn::train::Evaluator;
use nn::{
    Activation, Convolution, Flatten, Initialiser, Linear, Mode, Optimiser, Schedule, Sequential, Trainer,
    initialise,
};
use regularize::AttackEvaluator;
use regularize::adversarial::{AdversarialTraining, OverfittingMonitor, Pgd, Restarts, Threat};
use std::error::Error;
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
    /// Epochs until the budget is that of the attack: it rises in equal parts.
    #[arg(long, default_value_t = 0)]
    warm_up: u64,
    /// The seed of weights, order and attacks.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn main() -> ExitCode {
    let options = Options::parse();
    mnist::run(&options.data, |train, test| program(&options, train, test))
}

/// Weights and kernels begin uniform with deviation `1/√(3 fan_in)`, as those of the paper do.
const BEGIN: Initialiser = Initialiser::KaimingUniform { gain: 0.577_350_269_189_625_8 };

fn network() -> Sequential<f32> {
    let window = Window { stride: [2, 2], padding: [1, 1], ..Window::new([4, 4]) };
    let convolution = |model: Sequential<f32>, inputs, outputs| {
        model
            .then_named("convolution", |name| {
                Convolution::new(name, inputs, outputs, window).with_initialiser(BEGIN)
            })
            .then(Activation::Relu)
    };
    let linear = |model: Sequential<f32>, inputs, outputs| {
        model.then_named("linear", |name| Linear::new(name, inputs, outputs).with_initialiser(BEGIN))
    };
    let features = convolution(convolution(Sequential::new(), 1, 16), 16, 32).then(Flatten);
    linear(linear(features, 32 * 7 * 7, 100).then(Activation::Relu), 100, 10)
}

fn program(options: &Options, train: Dataset, test: Dataset) -> Result<(), Box<dyn Error>> {
    let (train, test) = (train.with_example_shape(&[1, 28, 28])?, test.with_example_shape(&[1, 28, 28])?);
    let (epochs, model) = (options.epochs, network());
    let ball = Threat::infinity(EPSILON)?;
    let threat = ball.within(0.0, 1.0)?;
    let steps = epochs * train.len().div_ceil(BATCH) as u64;
    let schedule = Schedule::OneCycle { initial: 0.0, peak: 5e-3, last: 0.0, rise: steps * 2 / 5, steps };
    // The last 500 training images are seen in training too: a collapse shows on them all the same.
    let watched = train.subset(&(train.len().saturating_sub(500)..train.len()).collect::<Vec<_>>())?;
    let mut monitor = OverfittingMonitor::new(&model, threat, 10, &watched)?;
    let mut parameters = initialise(&model, options.seed);
    println!("{} parameters, {} training images", parameters.numel(), train.len());
    println!("Right of {} of them after each epoch, in %:\n", watched.len());
    println!("epoch  budget    loss   clean  one step  ten steps      s");
    let start = Instant::now();
    for epoch in 0..epochs {
        let share = (epoch + 1) as f64 / (options.warm_up + 1) as f64;
        let ball = ball.with_epsilon(EPSILON * share.min(1.0))?;
        // The gradient is taken at a point of the whole ball; only what is trained on is clipped to valid pixels.
        let training = AdversarialTraining::new(Pgd::fast(ball)?, 0.0, Mode::Evaluate)?;
        let mut trainer = Trainer::new(&model, Optimiser::adam(schedule.clone()))
            .batch_size(BATCH)
            .epochs(1)
            .first_epoch(epoch)
            .seed(options.seed)
            .progress("fast adversarial training")
            .objective(move |batch| {
                let moved = training.examples(batch, |batch| batch.cross_entropy());
                batch.on(threat.clip(moved)).cross_entropy()
            });
        let curve = trainer.fit(&train, None, &mut parameters)?;
        let found = monitor.measure(epoch, &parameters)?;
        println!(
            "{epoch:5} {:7.2} {:7.3} {:7.1} {:9.1} {:10.1} {:6.0}",
            ball.epsilon(),
            curve.last().map_or(f64::NAN, |metrics| metrics.objective),
            100.0 * found.clean,
            100.0 * found.single_step,
            100.0 * found.iterated,
            start.elapsed().as_secs_f64()
        );
        // Its alarm is not heeded: near chance, at the beginning, it means little. Its best epoch is kept.
        let _ = monitor.observe(found, &parameters);
    }
    let kept = monitor.finish()?;
    let parameters = kept.parameters;
    println!("\nKept: epoch {}, the best under ten steps.", kept.best.epoch);

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
