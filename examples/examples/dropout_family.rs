//! The dropout family side by side: one convolutional network, few digits, some of their labels wrong.
//!
//! `cargo run --release -p examples --example dropout_family [SEEDS] [DIGITS]`
//!
//! Every fifth of 200 labels is wrong, and a wide network learns them all by heart. Each member of the family starts
//! from the same weights, sees the same digits in the same order, and leaves something out while training. The table
//! has the error on the training part and on 900 held-out digits, and the paired difference to the network without:
//! mean and standard error over the seeds.
//!
//! What is left out cannot learn by heart so well. Dropped weights and dropped units save about a fifth of the
//! errors; channels, squares and residual blocks less, some of it within two or three standard errors. Of ShakeDrop
//! nothing is seen. Some of the rates are the better of two that were tried on these same seeds.

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

#[path = "labels/mod.rs"]
mod labels;
#[path = "../src/mean.rs"]
mod mean;

use labels::with_wrong_labels;
use mean::Mean;

const EPOCHS: u64 = 60;
const BATCH: usize = 32;
const HIDDEN: usize = 512;
/// Every so manieth training label is wrong.
const WRONG: usize = 5;
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
    (Member::Alpha, "alpha dropout, p = 0.2"),
    (Member::Spatial, "spatial dropout, p = 0.4"),
    (Member::Block, "DropBlock of 2 by 2, p = 0.4"),
    (Member::Connect, "DropConnect, p = 0.5"),
    (Member::Depth, "stochastic depth, q = 0.5"),
    (Member::Shake, "ShakeDrop, q = 0.5"),
];

/// Convolution, three residual blocks on 4 by 4 maps, a wide hidden layer. Each member of the family acts in its place.
fn network(member: Member) -> Result<Sequential<f32>, RegularizeError> {
    let only = |at: Member, p: f64| if member == at { p } else { 0.0 };
    let block = |number: usize| -> Result<Box<dyn Layer<f32>>, RegularizeError> {
        let body = Convolution::new(&format!("body{number}"), 16, 16, SAME);
        let (body, name) = (Sequential::new().then(body).then(Activation::Relu), format!("block{number}"));
        Ok(match member {
            Member::Shake => Box::new(ShakeDrop::new(body, 0.5)?.named(&name)),
            _ => Box::new(StochasticDepth::new(body, 1.0 - only(Member::Depth, 0.5))?.named(&name)),
        })
    };
    let hidden = Linear::new("hidden", 256, HIDDEN);
    Ok(Sequential::new()
        .then(Convolution::new("maps", 1, 16, SAME))
        .then(Activation::Relu)
        .then(Pooling::max([2, 2]))
        .then(block(1)?)
        .then(block(2)?)
        .then(block(3)?)
        .then(SpatialDropout::new(only(Member::Spatial, 0.4))?)
        .then(DropBlock::new(only(Member::Block, 0.4), 2)?)
        .then(Flatten)
        .then(DropConnect::new(hidden, Selection::weights(), only(Member::Connect, 0.5))?)
        .then(Activation::Relu)
        .then(Dropout::new(only(Member::Bernoulli, 0.5))?)
        .then(GaussianDropout::new(only(Member::Gaussian, 0.5))?)
        .then(AlphaDropout::new(only(Member::Alpha, 0.2))?)
        .then(Linear::new("output", HIDDEN, 10)))
}

fn main() -> Result<(), Box<dyn Error>> {
    let seeds: u64 = std::env::args().nth(1).map_or(Ok(10), |text| text.parse())?;
    let count: usize = std::env::args().nth(2).map_or(Ok(200), |text| text.parse())?;
    let images = digits::load()?.with_example_shape(&[1, 8, 8])?;
    let mut errors = vec![Vec::new(); MEMBERS.len()];
    let mut learned = vec![Vec::new(); MEMBERS.len()];
    for seed in 0..seeds {
        let [train, test, _] =
            images.split([count, 900, 897 - count].map(|part| part as f64 / 1797.0), seed)?;
        let train = with_wrong_labels(train, WRONG)?;
        for (position, (member, _)) in MEMBERS.iter().enumerate() {
            let model = network(*member)?;
            let mut parameters = initialise(&model, seed);
            let steps = EPOCHS * train.len().div_ceil(BATCH) as u64;
            let optimiser = Optimiser::adam(Schedule::Cosine { initial: 0.003, last: 0.0, steps });
            let mut trainer = Trainer::new(&model, optimiser).batch_size(BATCH).epochs(EPOCHS).seed(seed);
            trainer.fit(&train, None, &mut parameters)?;
            learned[position].push(100.0 * trainer.evaluate(&train, &parameters)?.error);
            errors[position].push(100.0 * trainer.evaluate(&test, &parameters)?.error);
        }
    }
    println!("{count} digits to learn from, every fifth with a wrong label; {EPOCHS} epochs; {seeds} seeds.");
    println!("Errors in per cent, mean ± standard error; differences paired by seed.\n");
    println!("{:<30} {:>9} {:>14} {:>18}", "left out", "training", "held out", "less than none");
    for ((found, learned), (member, name)) in errors.iter().zip(learned).zip(MEMBERS) {
        let less = Mean::of(found.iter().zip(&errors[0]).map(|(found, plain)| plain - found));
        let less = if member == Member::None { String::new() } else { format!("{less:+.2}") };
        let (learned, error) = (Mean::of(learned).mean, Mean::of(found.iter().copied()));
        println!("{name:<30} {learned:>9.1} {error:>14.2} {less:>18}");
    }
    Ok(())
}
