//! Tangent propagation on few digits: error on digits never seen, with the penalty and without.
//!
//! `cargo run --release -p examples --example tangent_propagation`
//!
//! The published comparison (Simard, Victorri, LeCun, Denker, 1992) in small: a network is trained on 10, 20, 40
//! and 80 of the embedded digits, as many of each class. The penalty keeps its probabilities still along the
//! tangents of six smooth transformations of each image: two translations, rotation, scale, two stretches. It
//! says what a moved digit is without showing one.
//!
//! It prints the mean error over draws of the training digits, for several strengths, with the standard error
//! of the difference to plain training, paired by draw; and an image with its tangents.

use autograd::{Graph, Tensor, interpret};
use nn::data::{Dataset, digits};
use nn::train::Evaluator;
use nn::{Activation, Optimiser, Sequential, Trainer, initialise};
use regularize::TangentPropagation;
use regularize::tangent::Transformations;
use std::error::Error;

const STRENGTHS: [f64; 4] = [0.0, 1.0, 3.0, 10.0];
const DRAWS: usize = 8;

/// The `per_class` digits of each class that come after `skip` others.
fn few(data: &Dataset, per_class: usize, skip: usize) -> Result<Dataset, Box<dyn Error>> {
    let of_class = |class| (0..data.len()).filter(move |&i| data.labels().data()[i] == class);
    let chosen: Vec<usize> = (0..10).flat_map(|class| of_class(class).skip(skip).take(per_class)).collect();
    Ok(data.subset(&chosen)?)
}

/// The error on `test` of a network trained on `train`.
fn error(train: &Dataset, test: &Dataset, strength: f64, seed: u64) -> Result<f64, Box<dyn Error>> {
    let (moves, propagation) = (Transformations::new(8, 8, 0.7)?, TangentPropagation::new(strength)?);
    let model = Sequential::<f32>::mlp(&[64, 40, 10], Activation::Tanh);
    let mut parameters = initialise(&model, seed);
    let mut trainer = Trainer::new(&model, Optimiser::adam(0.01))
        .epochs(200)
        .batch_size(train.len())
        .objective(move |batch| {
            let probabilities = batch.logits().softmax();
            let tangents = moves.tangents(batch.inputs);
            propagation.added_to(batch.cross_entropy(), probabilities, batch.inputs, &tangents)
        });
    trainer.fit(train, None, &mut parameters)?;
    Ok(Evaluator::new(&model, 256).evaluate(test, &parameters)?.error)
}

/// Images side by side, eight rows of text; what is below 0 in its own marks.
fn drawing(images: &[Tensor<f32>]) -> String {
    let mark = |x: f32, largest: f32| {
        let steps = if x < 0.0 { [' ', '-', '='] } else { [' ', '+', '#'] };
        steps[((x.abs() / largest * 3.0) as usize).min(2)]
    };
    let line = |row: usize| {
        let one = |image: &Tensor<f32>| -> String {
            let largest = image.data().iter().fold(1e-6f32, |m, x| m.max(x.abs()));
            image.data()[8 * row..8 * row + 8].iter().map(|&x| mark(x, largest)).collect()
        };
        images.iter().map(|image| format!("  {}", one(image))).collect::<String>() + "\n"
    };
    (0..8).map(line).collect()
}

fn main() -> Result<(), Box<dyn Error>> {
    let data = digits::load()?.flattened();
    let test = data.subset(&(1000..data.len()).collect::<Vec<_>>())?;

    let moves = Transformations::new(8, 8, 0.7)?;
    let graph = Graph::<f32>::new();
    let image = graph.constant(Tensor::new([1, 64], data.example(0).to_vec()));
    let outputs: Vec<_> = [image].into_iter().chain(moves.tangents(image)).collect();
    println!("A digit and its tangents: right, down, turned, larger, two stretches\n");
    println!("{}", drawing(&interpret(&outputs, &[], None)?));

    println!("Error in % on {} other digits, mean of {DRAWS} draws;", test.len());
    println!("in brackets the gain over strength 0, and its standard error\n");
    println!("| digits | {:>5} | {:>17} | {:>17} | {:>17} |", 0, 1, 3, 10);
    println!("|--------|-------|-------------------|-------------------|-------------------|");
    for count in [10, 20, 40, 80] {
        let mut errors = vec![Vec::new(); STRENGTHS.len()];
        for draw in 0..DRAWS {
            let train = few(&data, count / 10, 10 * draw)?;
            for (strength, errors) in STRENGTHS.into_iter().zip(&mut errors) {
                errors.push(100.0 * error(&train, &test, strength, draw as u64)?);
            }
        }
        let mean = |values: &[f64]| values.iter().sum::<f64>() / DRAWS as f64;
        print!("| {count:>6} | {:>5.1} |", mean(&errors[0]));
        for with in &errors[1..] {
            let gains: Vec<f64> = errors[0].iter().zip(with).map(|(plain, with)| plain - with).collect();
            let spread = gains.iter().map(|gain| (gain - mean(&gains)).powi(2)).sum::<f64>();
            let deviation = (spread / (DRAWS * (DRAWS - 1)) as f64).sqrt();
            print!(" {:>4.1} ({:>4.1} ±{:>4.1}) |", mean(with), mean(&gains), deviation);
        }
        println!();
    }
    Ok(())
}
