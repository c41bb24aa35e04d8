//! The dropout family side by side: one convolutional network, few digits to learn from, several seeds.
//!
//! `cargo run --release -p examples --example dropout_family [SEEDS] [DIGITS]`
//!
//! All variants start from the same weights, see the same few digits in the same order, and differ in what is
//! left out while training. The table has the error on the training part and on 900 held-out digits, and the
//! paired difference to the network without: mean and standard error over the seeds. For this small network the
//! differences are of the order of their errors: no member is shown to be better than none.

use autograd::Window;
use nn::data::digits;
use nn::{
    Activation, Convolution, Flatten, Layer, Linear, Optimiser, Pooling, Schedule, Selection, Sequential,
    Trainer, initialise,
};
use regularize::dropout::{
    AlphaDropout, DropBlock, DropConnect, GaussianDropout, ShakeDrop, SpatialDropout, StochasticDepth,
};
use regularize::{Dropout, RegularizeError};
use std::error::Error;

const EPOCHS: u64 = 100;
const BATCH: usize = 32;
const SAME: Window = Window { size: [3, 3], stride: [1, 1], padding: [1, 1], dilation: [1, 1] };

#[derive(Clone, Copy, PartialEq)]
enum Member {
    None,
    Bernoulli,
    Gaussian,
    Alpha,
    Spatial,
    Block,
    Connect,
    Depth,
    Shake,
}

const MEMBERS: [(Member, &str); 9] = [
    (Member::None, "none"),
    (Member::Bernoulli, "dropout of units, p = 0.5"),
    (Member::Gaussian, "Gaussian dropout, p = 0.5"),
    (Member::Alpha, "alpha dropout, p = 0.3"),
    (Member::Spatial, "spatial dropout, p = 0.2"),
    (Member::Block, "DropBlock of 2 by 2, p = 0.2"),
    (Member::Connect, "DropConnect, p = 0.5"),
    (Member::Depth, "stochastic depth, q = 0.5"),
    (Member::Shake, "ShakeDrop, q = 0.5"),
];

/// Convolution, a residual block on 4 by 4 maps, a hidden layer. Each member of the family acts in its place.
fn network(member: Member) -> Result<Sequential<f32>, RegularizeError> {
    let only = |at: Member, p: f64| if member == at { p } else { 0.0 };
    let body = Convolution::new("body", 16, 16, SAME);
    let body = Sequential::new().then(body).then(Activation::Relu);
    let block: Box<dyn Layer<f32>> = match member {
        Member::Shake => Box::new(ShakeDrop::new(body, 0.5)?),
        _ => Box::new(StochasticDepth::new(body, 1.0 - only(Member::Depth, 0.5))?),
    };
    let hidden = Linear::new("hidden", 256, 64);
    Ok(Sequential::new()
        .then(Convolution::new("maps", 1, 16, SAME))
        .then(Activation::Relu)
        .then(Pooling::max([2, 2]))
        .then(block)
        .then(SpatialDropout::new(only(Member::Spatial, 0.2))?)
        .then(DropBlock::new(only(Member::Block, 0.2), 2)?)
        .then(Flatten)
        .then(DropConnect::new(hidden, Selection::weights(), only(Member::Connect, 0.5))?)
        .then(Activation::Relu)
        .then(Dropout::new(only(Member::Bernoulli, 0.5))?)
        .then(GaussianDropout::new(only(Member::Gaussian, 0.5))?)
        .then(AlphaDropout::new(only(Member::Alpha, 0.3))?)
        .then(Linear::new("output", 64, 10)))
}

fn main() -> Result<(), Box<dyn Error>> {
    let seeds: u64 = std::env::args().nth(1).map_or(Ok(5), |text| text.parse())?;
    let count: usize = std::env::args().nth(2).map_or(Ok(100), |text| text.parse())?;
    let images = digits::load()?.with_example_shape(&[1, 8, 8])?;
    let mut errors = vec![Vec::new(); MEMBERS.len()];
    let mut training = vec![0.0; MEMBERS.len()];
    for seed in 0..seeds {
        let [train, test, _] =
            images.split([count, 900, 897 - count].map(|part| part as f64 / 1797.0), seed)?;
        for (position, (member, _)) in MEMBERS.iter().enumerate() {
            let model = network(*member)?;
            let mut parameters = initialise(&model, seed);
            let steps = EPOCHS * train.len().div_ceil(BATCH) as u64;
            let optimiser = Optimiser::adam(Schedule::Cosine { initial: 0.003, last: 0.0, steps });
            let mut trainer = Trainer::new(&model, optimiser).batch_size(BATCH).epochs(EPOCHS).seed(seed);
            trainer.fit(&train, None, &mut parameters)?;
            training[position] += trainer.evaluate(&train, &parameters)?.error / seeds as f64;
            errors[position].push(trainer.evaluate(&test, &parameters)?.error);
        }
    }
    println!("{count} digits to learn from, {EPOCHS} epochs, {seeds} seeds; errors in per cent\n");
    println!("{:<30} {:>8} {:>10} {:>18}", "left out", "training", "held out", "less than none");
    for ((found, training), (_, name)) in errors.iter().zip(&training).zip(MEMBERS) {
        let less: Vec<f64> = found.iter().zip(&errors[0]).map(|(found, plain)| found - plain).collect();
        let ((error, _), (mean, deviation)) = (moments(found), moments(&less));
        println!(
            "{name:<30} {:>8.1} {:>10.2} {:>10.2} ± {:.2}",
            100.0 * training,
            100.0 * error,
            100.0 * mean,
            100.0 * deviation
        );
    }
    Ok(())
}

/// Mean and its standard error.
fn moments(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, (squares / (n - 1.0).max(1.0) / n).sqrt())
}
