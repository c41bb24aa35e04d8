//! Training with noise as large as an attack, against training with the attack, on MNIST.
//!
//! ```text
//! cargo run --release -p examples --example mnist_noise_controls -- --data DIRECTORY
//!     [--images N] [--epochs N] [--seed N]
//! ```
//!
//! Three networks 784-240-240-10 of rectifiers: trained half on images attacked by the fast gradient sign method
//! with `ε = 0.25`, on images with every pixel moved by 0.25 up or down at random, and on images with noise uniform
//! on [-0.25, 0.25). All begin with the same weights. Each is then attacked by one step of 0.25 without a box: the
//! noise is as large as the attack (Goodfellow, Shlens, Szegedy, ICLR 2015, section 7, where the errors are 17.9 %
//! after adversarial training of maxout networks and 86.2 % and 90.4 % after training with noise).
//!
//! With seed 1, all images and 4 epochs: 15.4 % after adversarial training, 99.6 % after either noise. On 10,000
//! images and 4 epochs, too few steps, the first is 60.3 %.

#[path = "mnist/mod.rs"]
mod mnist;

use clap::Parser;
use nn::data::Dataset;
use nn::{Activation, Mode, Optimiser, Schedule, Sequential, Trainer, initialise};
use regularize::adversarial::AdversarialTraining;
use regularize::{AttackEvaluator, FastGradient};
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

const EPSILON: f64 = 0.25;
const BATCH: usize = 100;

#[derive(Parser)]
#[command(about = "Training with noise against training with attacks, on MNIST")]
struct Options {
    /// Where the four IDX files are.
    #[arg(long)]
    data: PathBuf,
    /// How many training images; all, if not given.
    #[arg(long)]
    images: Option<usize>,
    /// Epochs of each training.
    #[arg(long, default_value_t = 10)]
    epochs: u64,
    /// The seed of weights, order and noise.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// What a network is trained on.
#[derive(Clone, Copy)]
enum Inputs {
    Attacked,
    Signs,
    Uniform,
}

fn main() -> ExitCode {
    let options = Options::parse();
    mnist::run(&options.data, |train, test| program(&options, train.flattened(), test.flattened()))
}

fn program(options: &Options, train: Dataset, test: Dataset) -> Result<(), Box<dyn Error>> {
    let count = options.images.unwrap_or(train.len()).min(train.len());
    let train = train.subset(&(0..count).collect::<Vec<_>>())?;
    let model = Sequential::<f32>::mlp(&[train.width(), 240, 240, train.classes()], Activation::Relu);
    let attack = FastGradient::new(EPSILON)?;
    let training = AdversarialTraining::new(attack, 0.5, Mode::Evaluate)?;
    let steps = options.epochs * count.div_ceil(BATCH) as u64;
    println!("{count} training and {} test images, {} epochs; errors in %\n", test.len(), options.epochs);
    println!("trained on             clean   attacked      s");
    let mut errors = Vec::new();
    for (name, inputs) in [
        ("attacked images", Inputs::Attacked),
        ("±0.25 at random", Inputs::Signs),
        ("uniform noise", Inputs::Uniform),
    ] {
        let mut trainer =
            Trainer::new(&model, Optimiser::adam(Schedule::Cosine { initial: 1e-3, last: 0.0, steps }))
                .batch_size(BATCH)
                .epochs(options.epochs)
                .seed(options.seed)
                .progress(name)
                .objective(move |batch| {
                    let centred = || batch.graph.uniform("noise", batch.inputs.shape()) - 0.5;
                    let noise = match inputs {
                        Inputs::Attacked => {
                            return training.objective(batch, |batch| batch.cross_entropy());
                        }
                        Inputs::Signs => centred().sign() * EPSILON,
                        Inputs::Uniform => centred() * (2.0 * EPSILON),
                    };
                    batch.on(batch.inputs + noise).cross_entropy()
                });
        let mut parameters = initialise(&model, options.seed);
        let start = Instant::now();
        trainer.fit(&train, None, &mut parameters)?;
        let seconds = start.elapsed().as_secs_f64();
        let found = AttackEvaluator::new(&model, attack, 250).attack(&test, &parameters)?.robustness;
        println!(
            "{name:<20} {:>7.2} {:>10.1} {seconds:>6.0}",
            100.0 * found.clean_error,
            100.0 * found.error
        );
        errors.push(found.error);
    }
    let below = errors[1..].iter().all(|noise| errors[0] < noise / 2.0);
    let verdict = if below { "less than half" } else { "not less than half" };
    println!("\nUnder attack, adversarial training leaves {verdict} of either noise's errors.");
    Ok(())
}
