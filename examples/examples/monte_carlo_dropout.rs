//! Monte Carlo dropout: how far a network's disagreement with itself says that it does not know.
//!
//! `cargo run --release -p examples --example monte_carlo_dropout`
//!
//! A network with dropout learns the embedded digits upright, and is then shown held-out ones that are turned,
//! drowned in noise, or no digits at all. With all its units it gives one answer. Running 100 of its subnetworks
//! shows how much they disagree: the mutual information between answer and subnetwork, which is small where the
//! data decide the answer (even where they decide that it is open) and larger on most of what training said nothing
//! about. Not on all: digits turned by 90 degrees are named wrong nine times in ten, and the subnetworks agree on
//! them more than on those turned by 30. Disagreement sorts the turned digits by error, and leaves a quarter of errors in the best tenth.

use autograd::Tensor;
use nn::data::{Dataset, digits};
use nn::train::Evaluator;
use nn::{Activation, Optimiser, Schedule, Sequential, Trainer, initialise};
use regularize::{Dropout, MonteCarlo};
use std::error::Error;

#[path = "../src/random.rs"]
mod random;

const SEED: u64 = 1;
const SAMPLES: u64 = 100;
const EPOCHS: u64 = 40;
const SIDE: usize = 8;

fn main() -> Result<(), Box<dyn Error>> {
    let [train, test] = digits::load()?.flattened().split([0.7, 0.3], SEED)?;
    let half = Dropout::new(0.5)?;
    let hidden = |network: Sequential<f32>| {
        network.then(Activation::Relu).then_named("dropout", |name| half.named(name))
    };
    let model = hidden(hidden(Sequential::new().linear(64, 128)).linear(128, 128)).linear(128, 10);
    let mut parameters = initialise(&model, SEED);
    let steps = EPOCHS * train.len().div_ceil(32) as u64;
    let optimiser = Optimiser::adam(Schedule::Cosine { initial: 0.003, last: 0.0, steps });
    Trainer::new(&model, optimiser).epochs(EPOCHS).seed(SEED).fit(&train, None, &mut parameters)?;

    println!("{SAMPLES} subnetworks look at {} held-out digits; entropies in nats\n", test.len());
    println!("                        all units |                 subnetworks");
    println!("images          error  confidence |  error  entropy  of data  disagreement");
    let mut sampler = MonteCarlo::new(&model, SAMPLES)?.seed(SEED);
    let mut all = Vec::new();
    let turned =
        [0, 15, 30, 45, 60, 90].map(|degrees| (format!("turned {degrees:>3}°"), turn(&test, degrees)));
    let noisy = [0.25, 0.5].map(|size| (format!("noise ±{size:.2}"), noise(&test, size)));
    let nothing = Tensor::from_fn(test.examples().shape(), |i| random::uniform(7, i as u64) as f32);
    let strange = [("static alone".to_string(), nothing)];
    for (name, images) in turned.into_iter().chain(noisy).chain(strange) {
        let data = Dataset::new(images, test.labels().clone(), 10)?;
        let logits = Evaluator::new(&model, 256).logits(&data, &parameters)?;
        let certain: Vec<Vec<f64>> = logits.data().chunks(10).map(softmax).collect();
        let found = sampler.predict(data.examples(), &parameters)?;
        let mean: Vec<Vec<f64>> = found.mean.data().chunks(10).map(<[f64]>::to_vec).collect();
        let information = found.mutual_information();
        println!(
            "{name:<13} {:>5.1} %     {:>6.1} % | {:>4.1} %  {:>7.3}  {:>7.3}  {:>12.3}",
            100.0 * error(&certain, &data),
            100.0 * average(certain.iter().map(|p| p.iter().copied().fold(0.0, f64::max))),
            100.0 * error(&mean, &data),
            average(found.entropy().into_iter()),
            average(found.expected_entropy.iter().copied()),
            average(information.iter().copied())
        );
        if name.starts_with("turned") {
            let wrong = mean.iter().zip(data.labels().data()).map(|(p, y)| largest(p) != *y as usize);
            all.extend(information.into_iter().zip(wrong));
        }
    }

    println!("\nOf all turned digits, sorted by disagreement, the share that is named wrong:\n");
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    for (number, tenth) in all.chunks(all.len().div_ceil(10)).enumerate() {
        let wrong = tenth.iter().filter(|(_, wrong)| *wrong).count() as f64 / tenth.len() as f64;
        let bar = "#".repeat((50.0 * wrong).round() as usize);
        println!(
            "  tenth {:>2}  up to {:.3}  {:>5.1} %  {bar}",
            number + 1,
            tenth[tenth.len() - 1].0,
            100.0 * wrong
        );
    }
    println!("\nWho asks a person where the subnetworks disagree, asks in the right places, and");
    println!("not in all of them: where they agree, they may be wrong together.");
    Ok(())
}

fn softmax(logits: &[f32]) -> Vec<f64> {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f64> = logits.iter().map(|&z| f64::from(z - largest).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|power| power / sum).collect()
}

fn largest(p: &[f64]) -> usize {
    (0..p.len()).max_by(|&a, &b| p[a].total_cmp(&p[b])).expect("there are classes")
}

fn error(predictions: &[Vec<f64>], data: &Dataset<f32>) -> f64 {
    let labels = data.labels().data();
    average(predictions.iter().zip(labels).map(|(p, y)| f64::from(largest(p) != *y as usize)))
}

fn average(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len() as f64;
    values.sum::<f64>() / count
}

/// Images turned about their centre, pixels between four others taken from them by their nearness.
fn turn(data: &Dataset<f32>, degrees: i32) -> Tensor<f32> {
    let (sin, cos) = f64::from(degrees).to_radians().sin_cos();
    let centre = (SIDE as f64 - 1.0) / 2.0;
    let between = |at: f64| at - at.floor();
    Tensor::from_fn(data.examples().shape(), |i| {
        let image = data.example(i / (SIDE * SIDE));
        let (y, x) = ((i / SIDE % SIDE) as f64 - centre, (i % SIDE) as f64 - centre);
        let (row, column) = (cos * y - sin * x + centre, sin * y + cos * x + centre);
        let mut value = 0.0;
        for (r, near_row) in [(row.floor(), 1.0 - between(row)), (row.floor() + 1.0, between(row))] {
            for (c, near) in
                [(column.floor(), 1.0 - between(column)), (column.floor() + 1.0, between(column))]
            {
                let inside = |at: f64| (0.0..SIDE as f64).contains(&at);
                if inside(r) && inside(c) {
                    value += near_row * near * f64::from(image[r as usize * SIDE + c as usize]);
                }
            }
        }
        value as f32
    })
}

/// Each pixel moved by up to `size`, and kept between paper and ink.
fn noise(data: &Dataset<f32>, size: f64) -> Tensor<f32> {
    let values = data.examples().data();
    Tensor::from_fn(data.examples().shape(), |i| {
        let draw = 2.0 * random::uniform(3, i as u64) - 1.0;
        (f64::from(values[i]) + 2.0 * size * draw).clamp(0.0, 1.0) as f32
    })
}
