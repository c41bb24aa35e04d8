//! Dropout in a restricted Boltzmann machine: hidden units that are on less often.
//!
//! `cargo run --release -p examples --example boltzmann_dropout`
//!
//! Two machines of 128 hidden units learn the digits, black and white, by contrastive divergence: one whole, one
//! with a mask over its hidden units for each example, the same in both phases. Shown are their features, and
//! three numbers. With dropout a hidden unit is on less often for a held-out digit, as Srivastava et al. 2014,
//! section 8, found. Here the features also become more alike: any half of the units must be able to say what
//! digits have in common, so that each carries a part of it (paper at the border, ink in the middle).

use autograd::{Feed, Graph, Parameters, Plan, Tensor, Var, interpret};
use nn::data::{Batches, Dataset, LastBatch, digits};
use nn::probabilistic::BoltzmannMachine;
use nn::{LEARNING_RATE, Optimiser, Schedule, initialise_parameters};
use regularize::dropout::DropoutMachine;
use std::error::Error;

mod text;

const PIXELS: usize = 64;
const HIDDEN: usize = 128;
const BATCH: usize = 50;
const EPOCHS: u64 = 150;

fn main() -> Result<(), Box<dyn Error>> {
    let [train, test] = digits::load()?.flattened().split([0.8, 0.2], 1)?;
    let (train, test) = (black_and_white(train)?, black_and_white(test)?);
    let machine = BoltzmannMachine::new("machine", PIXELS, HIDDEN);
    let dropped = DropoutMachine::new(machine.clone(), 0.5)?;
    println!("{PIXELS} visible and {HIDDEN} hidden units learn {} digits.\n", train.len());
    let whole = trained(&machine, &train, |v| machine.contrastive_divergence(v, 1))?;
    let masked = trained(&machine, &train, |v| {
        dropped.contrastive_divergence(v, dropped.sample(v.graph(), BATCH), 1)
    })?;
    println!("{:<26} {:>10} {:>10}", "", "whole", "dropout");
    let both = [&whole, &masked];
    row("hidden units on", both.map(|parameters| 100.0 * activity(&machine, &test, parameters)), "%");
    row("features alike, mean |cos|", both.map(likeness), "");
    row("entries near 0", both.map(|parameters| 100.0 * near_zero(parameters)), "%");
    for (name, parameters) in [("Without dropout", &whole), ("With dropout", &masked)] {
        println!("\n{name}: the weights of 12 hidden units, negative as paper, positive as ink\n");
        let weight = &parameters["machine.weight"];
        let features: Vec<Vec<f32>> = (0..12)
            .map(|unit| {
                let column: Vec<f32> = (0..PIXELS).map(|pixel| weight[[pixel, unit]]).collect();
                let largest = column.iter().fold(0f32, |m, w| m.max(w.abs()));
                column.iter().map(|w| 0.5 + 0.5 * w / largest).collect()
            })
            .collect();
        print!("{}", text::pictures(&features.iter().map(Vec::as_slice).collect::<Vec<_>>(), 8, 4));
    }
    Ok(())
}

fn row(name: &str, [a, b]: [f64; 2], unit: &str) {
    println!("{name:<26} {a:>9.2}{unit} {b:>9.2}{unit}");
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
    loss: impl for<'g> Fn(Var<'g, f32>) -> Var<'g, f32>,
) -> Result<Parameters<f32>, Box<dyn Error>> {
    let (graph, specs) = (Graph::new(), machine.parameters());
    let mut parameters = initialise_parameters::<f32>(&specs, 1);
    let mut batches = Batches::new(train.len(), BATCH, 1)?.with_last(LastBatch::Drop)?;
    let steps = EPOCHS * batches.batches_per_epoch() as u64;
    let optimiser = Optimiser::momentum(Schedule::Cosine { initial: 0.05, last: 0.0, steps }, 0.5);
    let step = optimiser.minimise(loss(graph.input("v", [BATCH, PIXELS])), &specs);
    step.initialise_state(&mut parameters);
    let mut plan = step.add_to(Plan::builder(&graph)).compile();
    plan.set_seed(1);
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

/// The mean probability of a hidden unit to be on.
fn activity(machine: &BoltzmannMachine, data: &Dataset<f32>, parameters: &Parameters<f32>) -> f64 {
    let graph = Graph::new();
    let mean = machine.hidden_mean(graph.input("v", data.examples().shape())).mean();
    let feeds = [("v", Feed::from(data.examples()))];
    f64::from(interpret(&[mean], &feeds, Some(parameters)).expect("it is all there")[0].item())
}

/// The columns of the weight.
fn columns(weight: &Tensor<f32>) -> Vec<Vec<f64>> {
    (0..HIDDEN).map(|unit| (0..PIXELS).map(|pixel| f64::from(weight[[pixel, unit]])).collect()).collect()
}

/// The mean absolute cosine between the weights of two hidden units.
fn likeness(parameters: &Parameters<f32>) -> f64 {
    let columns = columns(&parameters["machine.weight"]);
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let (mut sum, mut count) = (0.0, 0.0);
    for (i, a) in columns.iter().enumerate() {
        for b in &columns[..i] {
            sum += (dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()).abs();
            count += 1.0;
        }
    }
    sum / count
}

/// The share of weights below a tenth of their unit's largest.
fn near_zero(parameters: &Parameters<f32>) -> f64 {
    let small = |column: Vec<f64>| {
        let largest = column.iter().fold(0f64, |m, w| m.max(w.abs()));
        column.iter().filter(|w| w.abs() < 0.1 * largest).count() as f64 / PIXELS as f64
    };
    columns(&parameters["machine.weight"]).into_iter().map(small).sum::<f64>() / HIDDEN as f64
}
