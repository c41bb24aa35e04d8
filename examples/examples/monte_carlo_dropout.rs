//! Monte Carlo dropout: how far a network's disagreement with itself says that it does not know.
//!
//! `cargo run --release -p examples --example monte_carlo_dropout`
//!
//! A network with dropout learns the embedded digits upright, and is then shown held-out ones that are
//! turned, drowned in noise, or no digits at all. With all its units it gives one answer. Running 100 of its
//! subnetworks shows how much they disagree: the mutual information between answer and subnetwork, which is
//! small where the data decide the answer (even where they decide that it is open) and larger on most of what
//! training said nothing about. Not on all: digits turned by 90 degrees are named wrong nine times in ten,
//! and the subnetworks agree on them more than on those turned by 30. Sorted by disagreement the turned
//! digits are sorted by error too, from the second tenth on; of the tenth that is agreed on most more than a
//! third is named wrong.

use autograd::Tensor;
use nn::data::{Dataset, digits};
use nn::train::Evaluator;
use nn::{Activation, Optimiser, Schedule, Sequential, Trainer, initialise};
use regularize::{Dropout, MonteCarlo};
use std::error::Error;

#[path = "../src/mean.rs"]
mod mean;
#[path = "../src/random.rs"]
mod random;

use mean::Mean;

const SEEDS: u64 = 6;
const SAMPLES: u64 = 100;
const EPOCHS: u64 = 40;
const SIDE: usize = 8;

/// What held-out images of one kind came to.
struct Seen {
    /// Error and confidence in per cent of all units; error in per cent, entropy, entropy of the data and
    /// disagreement of the subnetworks.
    columns: [f64; 6],
    /// For each image its disagreement, and whether the subnetworks name it wrong.
    each: Vec<(f64, bool)>,
}

fn seen(seed: u64) -> Result<Vec<Seen>, Box<dyn Error>> {
    let [train, test] = digits::load()?.flattened().split([0.7, 0.3], seed)?;
    let half = Dropout::new(0.5)?;
    let hidden = |network: Sequential<f32>| {
        network.then(Activation::Relu).then_named("dropout", |name| half.named(name))
    };
    let model = hidden(hidden(Sequential::new().linear(64, 128)).linear(128, 128)).linear(128, 10);
    let mut parameters = initialise(&model, seed);
    let steps = EPOCHS * train.len().div_ceil(32) as u64;
    let optimiser = Optimiser::adam(Schedule::Cosine { initial: 0.003, last: 0.0, steps });
    Trainer::new(&model, optimiser).epochs(EPOCHS).seed(seed).fit(&train, None, &mut parameters)?;

    let mut sampler = MonteCarlo::new(&model, SAMPLES)?.seed(seed);
    let mut all = Vec::new();
    for kind in KINDS {
        let data = Dataset::new(kind.images(&test, seed), test.labels().clone(), 10)?;
        let logits = Evaluator::new(&model, 256).logits(&data, &parameters)?;
        let certain: Vec<Vec<f64>> = logits.data().chunks(10).map(softmax).collect();
        let found = sampler.predict(data.examples(), &parameters)?;
        let mean: Vec<Vec<f64>> = found.mean.data().chunks(10).map(<[f64]>::to_vec).collect();
        let information = found.mutual_information();
        let columns = [
            100.0 * error(&certain, &data),
            100.0 * average(certain.iter().map(|p| p.iter().copied().fold(0.0, f64::max))),
            100.0 * error(&mean, &data),
            average(found.entropy().into_iter()),
            average(found.expected_entropy.iter().copied()),
            average(information.iter().copied()),
        ];
        let wrong = mean.iter().zip(data.labels().data()).map(|(p, y)| largest(p) != *y as usize);
        all.push(Seen { columns, each: information.into_iter().zip(wrong).collect() });
    }
    Ok(all)
}

/// Of all turned digits of one training, sorted by disagreement, the share that is named wrong in each tenth.
fn wrong_by_tenths(seen: &[Seen]) -> Vec<f64> {
    let turned = KINDS.iter().zip(seen).filter(|(kind, _)| matches!(kind, Kind::Turned(_)));
    let mut all: Vec<(f64, bool)> = turned.flat_map(|(_, seen)| seen.each.clone()).collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let share = |tenth: &[(f64, bool)]| average(tenth.iter().map(|&(_, wrong)| f64::from(wrong)));
    all.chunks(all.len().div_ceil(10)).map(|tenth| 100.0 * share(tenth)).collect()
}

fn main() -> Result<(), Box<dyn Error>> {
    let all = (1..=SEEDS).map(seen).collect::<Result<Vec<_>, _>>()?;
    println!("{SAMPLES} subnetworks look at {} held-out digits; entropies in nats;", all[0][0].each.len());
    println!("{SEEDS} trainings, ± standard error\n");
    println!("                all units, % |        subnetworks");
    println!("images          error  conf. |    error, %  entropy  of data    disagreement");
    for (at, kind) in KINDS.iter().enumerate() {
        let [error, confidence, sampled, entropy, data, disagreement] =
            [0, 1, 2, 3, 4, 5].map(|column: usize| Mean::of(all.iter().map(|seen| seen[at].columns[column])));
        println!(
            "{:<14} {:>6.1} {:>6.1} | {sampled:>11.1} {:>8.3} {:>8.3} {disagreement:>15.3}",
            kind.name(),
            error.mean,
            confidence.mean,
            entropy.mean,
            data.mean
        );
    }

    println!("\nOf all turned digits, sorted by disagreement, the share that is named wrong:\n");
    let tenths: Vec<Vec<f64>> = all.iter().map(|seen| wrong_by_tenths(seen)).collect();
    for tenth in 0..10 {
        let wrong = Mean::of(tenths.iter().map(|shares| shares[tenth]));
        println!(
            "  tenth {:>2} {wrong:>12.1} %  {}",
            tenth + 1,
            "#".repeat((wrong.mean / 2.0).round() as usize)
        );
    }
    println!("\nWho asks a person where the subnetworks disagree, asks in the right places, and");
    println!("not in all of them: where they agree, they may be wrong together.");
    Ok(())
}

/// What is done to held-out images.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Turned(i32),
    Noisy(f64),
    Static,
}

const KINDS: [Kind; 9] = [
    Kind::Turned(0),
    Kind::Turned(15),
    Kind::Turned(30),
    Kind::Turned(45),
    Kind::Turned(60),
    Kind::Turned(90),
    Kind::Noisy(0.25),
    Kind::Noisy(0.5),
    Kind::Static,
];

impl Kind {
    fn name(self) -> String {
        match self {
            Kind::Turned(degrees) => format!("turned {degrees:>3}°"),
            Kind::Noisy(size) => format!("noise ±{size:.2}"),
            Kind::Static => "static alone".into(),
        }
    }

    fn images(self, test: &Dataset<f32>, seed: u64) -> Tensor<f32> {
        match self {
            Kind::Turned(degrees) => turn(test, degrees),
            Kind::Noisy(size) => noise(test, size, seed),
            Kind::Static => {
                Tensor::from_fn(test.examples().shape(), |i| random::uniform(!seed, i as u64) as f32)
            }
        }
    }
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
fn noise(data: &Dataset<f32>, size: f64, seed: u64) -> Tensor<f32> {
    let values = data.examples().data();
    Tensor::from_fn(data.examples().shape(), |i| {
        let draw = 2.0 * random::uniform(seed, i as u64) - 1.0;
        (f64::from(values[i]) + 2.0 * size * draw).clamp(0.0, 1.0) as f32
    })
}
