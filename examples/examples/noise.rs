//! Noise while training, on inputs, hidden units, weights and gradients, and what each makes robust.
//!
//! `cargo run --release -p examples --example noise [SEEDS]`
//!
//! The same network learns 400 digits under each kind of noise. Then it is tested on held-out digits as they are,
//! on digits with noisy pixels, and with noise on its own weights. Noise on what is disturbed later helps there:
//! inputs against inputs, weights against weights. Noise on gradients, meant for very deep networks, does not help
//! this one. (Noise on inputs of a linear model is weight decay, exactly;
//! noise on weights finds flat minima.)

use autograd::{Parameters, Tensor};
use nn::data::{Dataset, digits};
use nn::train::Evaluator;
use nn::{Activation, Layer, Mode, Optimiser, Schedule, Selection, Sequential, Trainer, initialise};
use regularize::noise::{GradientNoise, WeightNoise};
use regularize::{GaussianNoise, RegularizeError};
use std::error::Error;

const EPOCHS: u64 = 60;
/// Deviations of the noise in training, and of the disturbances in the test.
const INPUTS: f64 = 0.3;
const HIDDEN: f64 = 0.5;
const WEIGHTS: f64 = 0.1;

const KINDS: [&str; 5] = ["none", "on inputs", "on hidden units", "on weights", "on gradients"];

type Noisy = WeightNoise<Sequential<f32>>;

/// A perceptron with noise of one kind, or without.
fn network(kind: &str) -> Result<Noisy, RegularizeError> {
    let only = |at: &str, size: f64| if kind == at { size } else { 0.0 };
    let hidden = GaussianNoise::new(only("on hidden units", HIDDEN))?;
    let model = Sequential::new()
        .then(GaussianNoise::new(only("on inputs", INPUTS))?.named("inputs"))
        .linear(64, 64)
        .then(Activation::Relu)
        .then_named("hidden", |name| hidden.named(name))
        .linear(64, 64)
        .then(Activation::Relu)
        .then_named("hidden", |name| hidden.named(name))
        .linear(64, 10);
    WeightNoise::new(model, Selection::weights(), only("on weights", WEIGHTS))
}

fn main() -> Result<(), Box<dyn Error>> {
    let seeds: u64 = std::env::args().nth(1).map_or(Ok(5), |text| text.parse())?;
    println!("64-64-64-10, 400 digits to learn from, 1000 held out, mean error of {seeds} seeds in %\n");
    println!("{:<18} {:>8} {:>14} {:>16}", "noise in training", "clean", "noisy inputs", "noisy weights");
    for kind in KINDS {
        let mut sums = [0.0; 3];
        for seed in 0..seeds {
            let parts = [400.0, 1000.0, 397.0].map(|part| part / 1797.0);
            let [train, test, _] = digits::load()?.flattened().split(parts, seed)?;
            let model = network(kind)?;
            let mut parameters = initialise(&model, seed);
            let steps = EPOCHS * train.len().div_ceil(32) as u64;
            let optimiser = Optimiser::adam(Schedule::Cosine { initial: 0.003, last: 0.0, steps })
                .first(GradientNoise::new(if kind == "on gradients" { 0.01 } else { 0.0 })?);
            Trainer::new(&model, optimiser).epochs(EPOCHS).seed(seed).fit(&train, None, &mut parameters)?;
            let found = [
                error(&network("none")?, Mode::Evaluate, &test, &parameters)?,
                error(&network("on inputs")?, Mode::Sample, &test, &parameters)?,
                error(&network("on weights")?, Mode::Sample, &test, &parameters)?,
            ];
            (0..3).for_each(|k| sums[k] += found[k] / seeds as f64);
        }
        println!("{kind:<18} {:>8.1} {:>14.1} {:>16.1}", sums[0], sums[1], sums[2]);
    }

    println!("\nWeight decay in disguise: a linear unit, w = (2, -1, 0.5), inputs with noise of");
    println!("deviation s, mean over all signs of the noise of (y - w(x + s n))^2\n");
    let (w, x, y) = ([2.0, -1.0, 0.5], [1.0, 3.0, -2.0], 0.7);
    println!("{:>5} {:>16} {:>28}", "s", "mean loss", "loss + s^2 |w|^2");
    for s in [0.0, 0.1, 0.5, 1.0] {
        let mut mean = 0.0;
        for signs in 0..8 {
            let noise = Tensor::from_fn([3], |i| if signs >> i & 1 == 1 { 1.0 } else { -1.0 });
            let graph = autograd::Graph::<f64>::new();
            let noisy = GaussianNoise::new(s)?
                .apply(graph.constant(Tensor::new([3], x.to_vec())), graph.constant(noise));
            let output = (noisy * graph.constant(Tensor::new([3], w.to_vec()))).sum();
            mean += autograd::interpret(&[(y - output).powi(2)], &[], None)?[0].item() / 8.0;
        }
        let clean: f64 = y - (0..3).map(|i| w[i] * x[i]).sum::<f64>();
        let decay = s * s * w.iter().map(|w| w * w).sum::<f64>();
        println!("{s:>5} {mean:>16.10} {:>28.10}", clean * clean + decay);
    }
    Ok(())
}

/// The mean error, in per cent, over ten draws of what is random in a mode.
fn error(
    model: &dyn Layer<f32>,
    mode: Mode,
    data: &Dataset<f32>,
    parameters: &Parameters<f32>,
) -> Result<f64, Box<dyn Error>> {
    let mut sum = 0.0;
    for seed in 0..10 {
        sum += Evaluator::new(model, 500).in_mode(mode, seed).evaluate(data, parameters)?.error;
    }
    Ok(10.0 * sum)
}
