//! A small convolutional network that reads the embedded digits, and shows those that it misreads.
//!
//! `cargo run --release -p examples --example convolutional_network`
//!
//! Two thirds of the 1,797 images of 8 by 8 pixels are learned from, a third is only looked at. The network is
//! what the layers of `nn` are for:
//!
//! ```text
//! [n, 1, 8, 8]   convolution 3x3, batch normalisation, relu         [n, 32, 8, 8]
//!                x + block of two such convolutions, max of 2x2     [n, 32, 4, 4]
//!                convolution 3x3, batch normalisation, relu         [n, 64, 4, 4]
//!                the mean and the largest value of each channel     [n, 128]
//!                linear                                             [n, 10]
//! ```

use autograd::Window;
use nn::data::{Dataset, Standardise, digits};
use nn::train::{EpochMetrics, Evaluator};
use nn::{
    Activation, BatchNorm, Convolution, GlobalPooling, Layer, Linear, Optimiser, Parallel, Pooling, Residual,
    Schedule, Sequential, Trainer, initialise,
};
use std::error::Error;
use std::ops::ControlFlow;
use std::time::Instant;

const EPOCHS: u64 = 15;
const BATCH: usize = 32;
const SEED: u64 = 1;
const SIDE: usize = 8;

/// Windows of 3 by 3 with a border of zeros: maps keep their size.
const SAME: Window = Window { size: [3, 3], stride: [1, 1], padding: [1, 1], dilation: [1, 1] };

/// Convolution, batch normalisation, rectifier. The normalisation's offset makes a bias before it useless.
fn block(name: &str, inputs: usize, outputs: usize) -> Sequential<f32> {
    Sequential::new()
        .then(Convolution::new(&format!("{name}.convolution"), inputs, outputs, SAME).without_bias())
        .then(BatchNorm::new(&format!("{name}.norm"), outputs))
        .then(Activation::Relu)
}

fn network() -> Sequential<f32> {
    Sequential::new()
        .then(block("block1", 1, 32))
        .then(Residual::new(block("block2", 32, 32).then(block("block3", 32, 32))))
        .then(Pooling::max([2, 2]))
        .then(block("block4", 32, 64))
        .then(Parallel::concatenated(1).branch(GlobalPooling::mean()).branch(GlobalPooling::max()))
        .then(Linear::new("output", 128, 10))
}

fn main() -> Result<(), Box<dyn Error>> {
    let images = digits::load()?.with_example_shape(&[1, SIDE, SIDE])?;
    let [train, test] = images.split([2.0 / 3.0, 1.0 / 3.0], SEED)?;
    let scale = Standardise::fit(&train)?;
    let (standard, held_out) = (scale.apply(&train)?, scale.apply(&test)?);

    let model = network();
    let mut parameters = initialise(&model, SEED);
    println!(
        "{} parameters, {} numbers, {} images",
        model.parameters().len(),
        parameters.numel(),
        train.len()
    );

    let steps = EPOCHS * train.len().div_ceil(BATCH) as u64;
    let optimiser = Optimiser::adamw(Schedule::Cosine { initial: 3e-3, last: 0.0, steps }, 0.05);
    let mut trainer = Trainer::new(&model, optimiser).batch_size(BATCH).epochs(EPOCHS).seed(SEED);
    let start = Instant::now();
    trainer.fit_observed(&standard, Some(&held_out), &mut parameters, &mut |m: &EpochMetrics, _: &_| {
        let held_out = m.validation.map_or(f64::NAN, |v| 100.0 * v.accuracy());
        println!(
            "epoch {:2}   loss {:.4}   {:6.2} % right in training   {held_out:6.2} % held out",
            m.epoch + 1,
            m.train.loss,
            100.0 * m.train.accuracy()
        );
        ControlFlow::Continue(())
    })?;
    println!("{:.1} seconds\n", start.elapsed().as_secs_f64());

    let logits = Evaluator::new(&model, 256).logits(&held_out, &parameters)?;
    let misread: Vec<_> = (logits.data().chunks(10).enumerate())
        .map(|(example, row)| (example, largest(row)))
        .filter(|&(example, predicted)| predicted != test.labels().data()[example] as usize)
        .collect();
    println!("the misread digits, as written and as read:\n");
    for &(example, predicted) in &misread {
        show(&test, example, predicted);
    }
    let right = test.len() - misread.len();
    println!(
        "{right} of {} held-out digits are right: {:.2} %",
        test.len(),
        100.0 * right as f64 / test.len() as f64
    );
    Ok(())
}

/// The class of the largest logit.
fn largest(row: &[f32]) -> usize {
    (0..row.len()).max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap_or(0)
}

/// An image as text, two characters for a pixel, with its label and what it was taken for.
fn show(data: &Dataset, example: usize, predicted: usize) {
    const SHADES: [&str; 5] = ["  ", "..", "++", "##", "@@"];
    println!("  a {}, read as a {predicted}", data.labels().data()[example]);
    for row in data.example(example).chunks(SIDE) {
        let shade = |&pixel: &f32| SHADES[(pixel * 4.0).round() as usize];
        println!("    {}", row.iter().map(shade).collect::<String>());
    }
    println!();
}
