//! Five ways to train against an adversary, under three looks: clean, one step, twenty steps.
//!
//! `cargo run --release -p examples --example adversarial_training`
//!
//! The embedded digits, 64-64-10, a budget of 0.1 for each pixel. Every training is one compiled plan, its attack
//! included. Errors are on the test images, means over seeds; the seconds of an epoch show what an attack costs:
//! `k` steps are `k` more passes forward and back.

use autograd::Var;
use comfy_table::{CellAlignment, Table, presets};
use nn::data::digits;
use nn::train::Batch;
use nn::{Activation, Mode, Optimiser, Schedule, Sequential, Trainer, initialise};
use regularize::adversarial::{AdversarialTraining, OverfittingMonitor, Pgd, Threat, Trades};
use regularize::{FastGradient, RegularizeError};
use std::error::Error;

const SEEDS: u64 = 3;
const EPOCHS: u64 = 40;
const EPSILON: f64 = 0.1;

type Objective = Box<dyn for<'g, 'b> Fn(&Batch<'g, 'b, f32>) -> Var<'g, f32> + Send + Sync>;

fn methods(threat: Threat) -> Result<Vec<(&'static str, Objective)>, RegularizeError> {
    let on = |training: AdversarialTraining| -> Objective {
        Box::new(move |batch| training.objective(batch, |batch| batch.cross_entropy()))
    };
    let fast = AdversarialTraining::new(FastGradient::of(threat), 0.5, Mode::Evaluate)?;
    let random = AdversarialTraining::new(Pgd::fast(threat)?, 0.0, Mode::Evaluate)?;
    let iterated = AdversarialTraining::new(Pgd::new(threat, 7)?.from_random(), 0.0, Mode::Evaluate)?;
    let trades = Trades::new(Pgd::new(threat, 7)?, 6.0, Mode::Evaluate)?;
    Ok(vec![
        ("plain", Box::new(|batch: &Batch<'_, '_, f32>| batch.cross_entropy())),
        ("FGSM, half of the loss", on(fast)),
        ("FGSM, random start", on(random)),
        ("PGD, 7 steps", on(iterated)),
        ("TRADES, 7 steps, β = 6", Box::new(move |batch| trades.objective(batch))),
    ])
}

fn main() -> Result<(), Box<dyn Error>> {
    let threat = Threat::infinity(EPSILON)?.within(0.0, 1.0)?;
    let mut table = Table::new();
    table.load_preset(presets::UTF8_HORIZONTAL_ONLY);
    table.set_header(["error, %", "clean", "FGSM", "PGD", "PGD, each seed", "ms/epoch"]);
    for at in 0..methods(threat)?.len() {
        let (mut sums, mut each, mut seconds, mut name) = ([0.0; 3], Vec::new(), 0.0, "");
        for seed in 0..SEEDS {
            let [train, test] = digits::load()?.flattened().split([0.7, 0.3], seed)?;
            let model = Sequential::<f32>::mlp(&[64, 64, 10], Activation::Relu);
            let steps = EPOCHS * train.len().div_ceil(32) as u64;
            let optimiser = Optimiser::adam(Schedule::Cosine { initial: 5e-3, last: 0.0, steps });
            let (of, objective) = methods(threat)?.swap_remove(at);
            let mut trainer = Trainer::new(&model, optimiser).epochs(EPOCHS).seed(seed).objective(objective);
            let mut parameters = initialise(&model, seed);
            let curve = trainer.fit(&train, None, &mut parameters)?;
            seconds += curve.epochs.iter().map(|epoch| epoch.seconds).sum::<f64>();
            let found = OverfittingMonitor::new(&model, threat, 20, &test)?.measure(EPOCHS, &parameters)?;
            let errors = [found.clean, found.single_step, found.iterated].map(|right| 100.0 * (1.0 - right));
            sums.iter_mut().zip(errors).for_each(|(sum, error)| *sum += error / SEEDS as f64);
            each.push(format!("{:.1}", errors[2]));
            name = of;
        }
        let [clean, single, iterated] = sums.map(|error| format!("{error:.1}"));
        let cost = format!("{:.0}", 1e3 * seconds / (SEEDS * EPOCHS) as f64);
        table.add_row([name.to_string(), clean, single, iterated, each.join(" "), cost]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    println!("{table}");
    println!("\nBudget {EPSILON} for each pixel of [0, 1]; PGD: 20 steps from a random point. Where it");
    println!("finds much more than one step does, a training has only learned its own attack.");
    Ok(())
}
