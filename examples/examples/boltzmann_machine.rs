//! A restricted Boltzmann machine learns what handwritten digits look like, and dreams some.
//!
//! `cargo run --release -p examples --example boltzmann_machine`
//!
//! Pixels are made black or white; 64 hidden units learn by persistent contrastive divergence, the whole step
//! (Gibbs sampling, gradient, update, new state of the chains) one compiled plan. Printed are the free energies
//! of held-out digits and of the same digits with their pixels shuffled, the features, and what the chains have
//! come to.

use autograd::{Feed, Graph, Parameters, Plan, Tensor, interpret};
use nn::data::{Batches, Dataset, LastBatch, digits};
use nn::probabilistic::BoltzmannMachine;
use nn::{LEARNING_RATE, Optimiser, Schedule, initialise_parameters};
use std::error::Error;

#[path = "../src/random.rs"]
mod random;
mod text;

const PIXELS: usize = 64;
const HIDDEN: usize = 64;
const BATCH: usize = 50;
const CHAINS: usize = 100;
const EPOCHS: u64 = 200;

fn main() -> Result<(), Box<dyn Error>> {
    let [train, test] = digits::load()?.flattened().split([0.8, 0.2], 1)?;
    let (train, test) = (black_and_white(train)?, black_and_white(test)?);
    let machine = BoltzmannMachine::new("machine", PIXELS, HIDDEN);
    let specs = [machine.parameters(), vec![machine.chains(CHAINS)]].concat();
    let mut parameters = initialise_parameters::<f32>(&specs, 1);
    println!("{PIXELS} visible and {HIDDEN} hidden units learn {} digits.\n", train.len());

    let graph = Graph::new();
    let chains = machine.chains(CHAINS).declare(&graph);
    let (loss, moved) = machine.persistent_divergence(graph.input("v", [BATCH, PIXELS]), chains, 1);
    let mut batches = Batches::new(train.len(), BATCH, 1)?.with_last(LastBatch::Drop)?;
    let steps = EPOCHS * batches.batches_per_epoch() as u64;
    let optimiser = Optimiser::momentum(Schedule::Cosine { initial: 0.05, last: 0.0, steps }, 0.5);
    let step = optimiser.minimise(loss, &specs);
    step.initialise_state(&mut parameters);
    let mut plan = step.add_to(Plan::builder(&graph).update(chains, moved)).compile();
    plan.set_seed(1);

    println!("mean free energy         digits   pixels shuffled");
    let shuffled = shuffled_pixels(&test);
    let mut number = 0;
    for epoch in 0..EPOCHS {
        for indices in batches.epoch(epoch) {
            let (examples, _) = train.gather(indices)?;
            let rate = Feed::from(optimiser.learning_rate(number));
            plan.run(&mut parameters, &[("v", Feed::from(&examples)), (LEARNING_RATE, rate)])?;
            number += 1;
        }
        if (epoch + 1) % (EPOCHS / 5) == 0 {
            let energies = [test.examples(), &shuffled].map(|v| free_energy(&machine, v, &parameters));
            println!("after epoch {:>3}  {:>14.2}  {:>16.2}", epoch + 1, energies[0], energies[1]);
        }
    }

    println!("\nThe weights of 16 hidden units, the most negative as paper, positive as ink:\n");
    let weight = &parameters["machine.weight"];
    let features: Vec<Vec<f32>> = (0..16)
        .map(|unit| {
            let column: Vec<f32> = (0..PIXELS).map(|pixel| weight[[pixel, unit]]).collect();
            let largest = column.iter().fold(0f32, |m, w| m.max(w.abs()));
            column.iter().map(|w| 0.5 + 0.5 * w / largest).collect()
        })
        .collect();
    print!("{}", text::pictures(&features.iter().map(Vec::as_slice).collect::<Vec<_>>(), 8, 4));

    println!("Dreams: the mean pixels of 12 chains, 1000 rounds of Gibbs sampling later:\n");
    let dreams = dream(&machine, &mut parameters, 1000)?;
    let tiles: Vec<&[f32]> = dreams.data().chunks(PIXELS).take(12).collect();
    print!("{}", text::pictures(&tiles, 8, 4));
    Ok(())
}

/// Each pixel 1 if it is at least half black, else 0.
fn black_and_white(data: Dataset<f32>) -> Result<Dataset<f32>, Box<dyn Error>> {
    let (mut examples, labels, classes) = data.into_parts();
    examples.data_mut().iter_mut().for_each(|x| *x = f32::from(u8::from(*x >= 0.5)));
    Ok(Dataset::new(examples, labels, classes)?)
}

/// The same digits, the pixels of each in an order of its own: as much ink, no shape.
fn shuffled_pixels(data: &Dataset<f32>) -> Tensor<f32> {
    let mut shuffled = data.examples().clone();
    for (example, pixels) in shuffled.data_mut().chunks_mut(PIXELS).enumerate() {
        for last in (1..PIXELS).rev() {
            let draw = random::uniform(7, (example * PIXELS + last) as u64);
            pixels.swap(last, (draw * (last + 1) as f64) as usize);
        }
    }
    shuffled
}

/// The mean free energy of examples.
fn free_energy(machine: &BoltzmannMachine, v: &Tensor<f32>, parameters: &Parameters<f32>) -> f32 {
    let graph = Graph::new();
    let mean = machine.free_energy(graph.input("v", v.shape())).mean();
    interpret(&[mean], &[("v", Feed::from(v))], Some(parameters)).expect("it is all there")[0].item()
}

/// The chains' mean pixels after more rounds of sampling, from where training left them.
fn dream(
    machine: &BoltzmannMachine,
    parameters: &mut Parameters<f32>,
    rounds: usize,
) -> Result<Tensor<f32>, Box<dyn Error>> {
    let graph = Graph::new();
    let chains = machine.chains(CHAINS).declare(&graph);
    let mean = machine.visible_mean(machine.hidden_mean(chains));
    let moved = machine.gibbs(chains, 1, "dream");
    let mut plan = Plan::builder(&graph).output("mean", mean).update(chains, moved).compile();
    for _ in 1..rounds {
        plan.run(parameters, &[])?;
    }
    Ok(plan.run(parameters, &[])?.tensor("mean"))
}
