//! A small convolutional network on MNIST: over 99 % of the test digits right after five epochs.
//!
//! ```text
//! cargo run --release -p examples --example mnist_convolution -- --data DIRECTORY
//! ```
//!
//! Five epochs took 40 to 50 seconds on a small machine with two busy cores. Ctrl-C ends the training between two
//! steps; what it has reached by then is measured and shown.
//!
//! The directory holds the four IDX files, plain or compressed: `train-images-idx3-ubyte`,
//! `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte`, `t10k-labels-idx1-ubyte`, with `.gz` or without. Any
//! other set in the same format (Fashion-MNIST, KMNIST) does as well.

#[path = "mnist/mod.rs"]
mod mnist;

use autograd::Window;
use clap::Parser;
use nn::data::{Dataset, Standardise};
use nn::metrics::{CALIBRATION_BINS, Predictions};
use nn::train::{Evaluator, Interrupt};
use nn::{Activation, Flatten, Optimiser, Pooling, Schedule, Sequential, Trainer, initialise};
use regularize::Dropout;
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

const SEED: u64 = 1;
const EPOCHS: u64 = 5;
const BATCH: usize = 64;
/// Two windows of 5 with a halving after each leave one pixel of this.
const SMALLEST: usize = 16;

#[derive(Parser)]
#[command(about = "A small convolutional network on MNIST")]
struct Options {
    /// Where the four IDX files are.
    #[arg(long)]
    data: PathBuf,
}

fn main() -> ExitCode {
    mnist::run(&Options::parse().data, program)
}

fn program(train: Dataset, test: Dataset) -> Result<(), Box<dyn Error>> {
    let &[rows, columns] = train.example_shape().lengths() else { return Err("these are no images".into()) };
    if rows < SMALLEST || columns < SMALLEST {
        return Err(format!(
            "images of {rows} by {columns} are too small, {SMALLEST} by {SMALLEST} is the least"
        )
        .into());
    }
    let scale = Standardise::fit(&train)?;
    let (train, test) =
        (train.with_example_shape(&[1, rows, columns])?, test.with_example_shape(&[1, rows, columns])?);

    // 28 x 28 -> 24 x 24 -> 12 x 12 -> 8 x 8 -> 4 x 4.
    let maps = |side: usize| (side - 4) / 2;
    let features = 32 * maps(maps(rows)) * maps(maps(columns));
    let window = Window::new([5, 5]);
    let model = Sequential::<f32>::new()
        .then(scale.layer())
        .convolution(1, 16, window)
        .then(Activation::Relu)
        .then(Pooling::max([2, 2]))
        .convolution(16, 32, window)
        .then(Activation::Relu)
        .then(Pooling::max([2, 2]))
        .then(Flatten)
        .linear(features, 128)
        .then(Activation::Relu)
        .then(Dropout::new(0.5)?)
        .linear(128, train.classes());
    let mut parameters = initialise(&model, SEED);
    println!("{} training and {} test images, {} parameters", train.len(), test.len(), parameters.numel());

    let steps = EPOCHS * train.len().div_ceil(BATCH) as u64;
    let schedule = Schedule::Cosine { initial: 2e-3, last: 0.0, steps };
    let trainer = Trainer::new(&model, Optimiser::adam(schedule))
        .batch_size(BATCH)
        .epochs(EPOCHS)
        .seed(SEED)
        .progress("mnist");
    let interrupt = Interrupt::new();
    let handler = interrupt.clone();
    ctrlc::set_handler(move || handler.request())?;
    let mut trainer = trainer.interrupt(interrupt);
    let start = Instant::now();
    let curve = trainer.fit(&train, Some(&test), &mut parameters)?;
    print!("{curve}");
    let stopped = if curve.stopped { ", interrupted" } else { "" };
    println!("{:.0} s{stopped}\n", start.elapsed().as_secs_f64());

    let logits = Evaluator::new(&model, 256).logits(&test, &parameters)?;
    let predictions = Predictions::new(&logits, test.labels())?;
    println!("{}", predictions.confusion());
    println!(
        "{:.2} % of the test images right, {:.2} % among the first two; calibration error {:.2} %",
        100.0 * predictions.accuracy(),
        100.0 * predictions.top(2),
        100.0 * predictions.calibration_error(CALIBRATION_BINS),
    );
    Ok(())
}
