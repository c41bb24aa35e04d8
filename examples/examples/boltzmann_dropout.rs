//! Dropout in a restricted Boltzmann machine: hidden units that are on less often, and smoother features.
//!
//! `cargo run --release -p examples --example boltzmann_dropout [SEEDS]`
//!
//! Two machines of 128 hidden units learn the digits, black and white, by contrastive divergence: one whole, one
//! with a mask over its hidden units for each example, the same in both phases. Measured are, on held-out digits
//! and over several seeds, what Srivastava et al. 2014, section 8, show of such a machine in pictures:
//!
//! - *sparser*: they find most hidden units nearly off. Here too: 37 % are on for a digit, not 44 %, and few are surely
//!   on.
//! - *other features*: here they are smoother, by the difference of neighbouring weights over their variance, and
//!   more alike. Any half of the units must be able to say what digits have in common, so that each carries a part
//!   of it (paper at the border, ink in the middle).
//! - *fewer dead units*: not here. Without dropout hardly a unit says the same of all digits, with it one in thirteen
//!   does.

use autograd::{Feed, Graph, Parameters, Plan, Tensor, Var, interpret};
use nn::data::{Batches, Dataset, LastBatch, digits};
use nn::probabilistic::BoltzmannMachine;
use nn::{LEARNING_RATE, Optimiser, Schedule, initialise_parameters};
use regularize::dropout::DropoutMachine;
use std::error::Error;

#[path = "../src/mean.rs"]
mod mean;
mod text;

use mean::Mean;

const PIXELS: usize = 64;
const HIDDEN: usize = 128;
const BATCH: usize = 50;
const EPOCHS: u64 = 150;
/// Parts of the histogram.
const BINS: usize = 10;

fn main() -> Result<(), Box<dyn Error>> {
    let seeds: u64 = std::env::args().nth(1).map_or(Ok(5), |text| text.parse())?;
    let machine = BoltzmannMachine::new("machine", PIXELS, HIDDEN);
    let dropped = DropoutMachine::new(machine.clone(), 0.5)?;
    let mut found: [Vec<Found>; 2] = Default::default();
    for seed in 0..seeds {
        let [train, test] = digits::load()?.flattened().split([0.8, 0.2], seed)?;
        let (train, test) = (black_and_white(train)?, black_and_white(test)?);
        let whole = trained(&machine, &train, seed, |v| machine.contrastive_divergence(v, 1))?;
        let masked = trained(&machine, &train, seed, |v| {
            dropped.contrastive_divergence(v, dropped.sample(v.graph(), BATCH), 1)
        })?;
        for (found, parameters) in found.iter_mut().zip([whole, masked]) {
            found.push(Found::of(&machine, &test, parameters)?);
        }
    }

    println!(
        "{PIXELS} visible and {HIDDEN} hidden units learn the digits; {seeds} seeds, ± standard error.\n"
    );
    println!("{:<34} {:>12} {:>12} {:>16}", "", "whole", "dropout", "difference");
    type Measure = fn(&Found) -> f64;
    let rows: [(&str, Measure); 7] = [
        ("hidden units on, %", |f| 100.0 * f.activity()),
        ("never on, % of units", |f| 100.0 * f.share(|on| on.iter().all(|&p| p < 0.5))),
        ("always on, % of units", |f| 100.0 * f.share(|on| on.iter().all(|&p| p > 0.5))),
        ("say nothing, % of units", |f| 100.0 * f.share(|on| deviation(on) < 0.1)),
        ("roughness of features", Found::roughness),
        ("features alike, mean |cos|", Found::likeness),
        ("entries near 0, %", |f| 100.0 * f.near_zero()),
    ];
    for (name, of) in rows {
        let [whole, masked] = [0, 1].map(|i: usize| Mean::of(found[i].iter().map(of)));
        let pairs = found[0].iter().zip(&found[1]);
        let difference = Mean::of(pairs.map(|(whole, masked)| of(masked) - of(whole)));
        println!("{name:<34} {:>12.2} {:>12.2} {difference:>+16.2}", whole.mean, masked.mean);
    }

    println!("\nHow likely a hidden unit is to be on for a held-out digit, share of all in %\n");
    let histograms = found.each_ref().map(|found| histogram(found));
    println!("  {:<10} {:>7}  {:<24} {:>7}", "", "whole", "", "dropout");
    for bin in 0..BINS {
        let [whole, masked] = histograms.each_ref().map(|h| 100.0 * h[bin]);
        let bar = |share: f64| "#".repeat((share / 3.0).round() as usize);
        let (low, high) = (bin as f64 / BINS as f64, (bin + 1) as f64 / BINS as f64);
        println!("  {low:.1} - {high:.1}  {whole:>7.1}  {:<24} {masked:>7.1}  {}", bar(whole), bar(masked));
    }

    for (name, found) in [("Without dropout", &found[0][0]), ("With dropout", &found[1][0])] {
        println!("\n{name}: weights of 12 hidden units, negative as paper, positive as ink\n");
        let features: Vec<Vec<f32>> = found.features[..12]
            .iter()
            .map(|column| {
                let largest = column.iter().fold(0f64, |m, w| m.max(w.abs()));
                column.iter().map(|w| (0.5 + 0.5 * w / largest) as f32).collect()
            })
            .collect();
        print!("{}", text::pictures(&features.iter().map(Vec::as_slice).collect::<Vec<_>>(), 8, 4));
    }
    Ok(())
}

/// A machine that was trained, and what it sees in held-out digits.
struct Found {
    /// The weights of each hidden unit.
    features: Vec<Vec<f64>>,
    /// For each hidden unit the probability to be on, digit by digit.
    on: Vec<Vec<f64>>,
}

impl Found {
    fn of(
        machine: &BoltzmannMachine,
        data: &Dataset<f32>,
        parameters: Parameters<f32>,
    ) -> Result<Found, Box<dyn Error>> {
        let graph = Graph::new();
        let mean = machine.hidden_mean(graph.input("v", data.examples().shape()));
        let mean = interpret(&[mean], &[("v", Feed::from(data.examples()))], Some(&parameters))?.remove(0);
        let columns = |x: &Tensor<f32>| {
            let column = |unit| x.data().iter().skip(unit).step_by(HIDDEN).map(|&x| f64::from(x)).collect();
            (0..HIDDEN).map(column).collect()
        };
        Ok(Found { features: columns(&parameters["machine.weight"]), on: columns(&mean) })
    }

    /// The mean probability of a hidden unit to be on.
    fn activity(&self) -> f64 {
        self.on.iter().flatten().sum::<f64>() / (HIDDEN * self.on[0].len()) as f64
    }

    /// The share of hidden units of which something is true.
    fn share(&self, of: fn(&[f64]) -> bool) -> f64 {
        self.on.iter().filter(|on| of(on)).count() as f64 / HIDDEN as f64
    }

    /// The mean squared difference of neighbouring weights over twice their variance, in the mean over hidden units: 1
    /// for weights that know nothing of their neighbours, 0 for a smooth feature.
    fn roughness(&self) -> f64 {
        let of = |w: &Vec<f64>| {
            let mean = w.iter().sum::<f64>() / PIXELS as f64;
            let variance = w.iter().map(|w| (w - mean).powi(2)).sum::<f64>() / PIXELS as f64;
            let right = (0..PIXELS).filter(|i| i % 8 < 7).map(|i| (i, i + 1));
            let below = (0..PIXELS - 8).map(|i| (i, i + 8));
            let squares: Vec<f64> = right.chain(below).map(|(i, j)| (w[i] - w[j]).powi(2)).collect();
            squares.iter().sum::<f64>() / squares.len() as f64 / (2.0 * variance)
        };
        self.features.iter().map(of).sum::<f64>() / HIDDEN as f64
    }

    /// The mean absolute cosine between the weights of two hidden units.
    fn likeness(&self) -> f64 {
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let (mut sum, mut count) = (0.0, 0.0);
        for (i, a) in self.features.iter().enumerate() {
            for b in &self.features[..i] {
                sum += (dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()).abs();
                count += 1.0;
            }
        }
        sum / count
    }

    /// The share of weights below a tenth of their unit's largest.
    fn near_zero(&self) -> f64 {
        let small = |column: &Vec<f64>| {
            let largest = column.iter().fold(0f64, |m, w| m.max(w.abs()));
            column.iter().filter(|w| w.abs() < 0.1 * largest).count() as f64 / PIXELS as f64
        };
        self.features.iter().map(small).sum::<f64>() / HIDDEN as f64
    }
}

/// By how much a hidden unit's probability differs from digit to digit.
fn deviation(on: &[f64]) -> f64 {
    let mean = on.iter().sum::<f64>() / on.len() as f64;
    (on.iter().map(|p| (p - mean).powi(2)).sum::<f64>() / on.len() as f64).sqrt()
}

/// The share of all probabilities to be on that lie in each tenth.
fn histogram(found: &[Found]) -> [f64; BINS] {
    let mut counts = [0.0; BINS];
    let all: Vec<f64> = found.iter().flat_map(|f| f.on.iter().flatten().copied()).collect();
    all.iter().for_each(|p| counts[((p * BINS as f64) as usize).min(BINS - 1)] += 1.0 / all.len() as f64);
    counts
}

/// Each pixel 1 if it is at least half black, else 0.
fn black_and_white(data: Dataset<f32>) -> Result<Dataset<f32>, Box<dyn Error>> {
    let (mut examples, labels, classes) = data.into_parts();
    examples.data_mut().iter_mut().for_each(|x| *x = f32::from(u8::from(*x >= 0.5)));
    Ok(Dataset::new(examples, labels, classes)?)
}

/// The parameters after training by the gradient of `loss`, the whole step one plan.
fn trained(
    machine: &BoltzmannMachine,
    train: &Dataset<f32>,
    seed: u64,
    loss: impl for<'g> Fn(Var<'g, f32>) -> Var<'g, f32>,
) -> Result<Parameters<f32>, Box<dyn Error>> {
    let (graph, specs) = (Graph::new(), machine.parameters());
    let mut parameters = initialise_parameters::<f32>(&specs, seed);
    let mut batches = Batches::new(train.len(), BATCH, seed)?.with_last(LastBatch::Drop)?;
    let steps = EPOCHS * batches.batches_per_epoch() as u64;
    let optimiser = Optimiser::momentum(Schedule::Cosine { initial: 0.05, last: 0.0, steps }, 0.5);
    let step = optimiser.minimise(loss(graph.input("v", [BATCH, PIXELS])), &specs);
    step.initialise_state(&mut parameters);
    let mut plan = step.add_to(Plan::builder(&graph)).compile();
    plan.set_seed(seed);
    let mut number = 0;
    for epoch in 0..EPOCHS {
        for indices in batches.epoch(epoch) {
            let (examples, _) = train.gather(indices)?;
            let rate = Feed::from(optimiser.learning_rate(number));
            plan.run(&mut parameters, &[("v", Feed::from(&examples)), (LEARNING_RATE, rate)])?;
            number += 1;
        }
    }
    Ok(parameters)
}
