//! Catastrophic overfitting, provoked and caught.
//!
//! `cargo run --release -p examples --example catastrophic_overfitting`
//!
//! A network is trained against attacks of ten steps, and withstands them better and better. Then, to save time,
//! against single steps. What it withstands of these goes up from epoch to epoch, and what it withstands of twenty
//! steps goes down: it bends its loss so that one step finds nothing.
//!
//! The monitor measures both after each epoch on held-out images, stops the training and gives back the parameters
//! that were best under twenty steps. The first training here has the alarm off, to show what becomes of it.

use nn::data::digits;
use nn::{Activation, Mode, Optimiser, Sequential, Trainer, initialise};
use regularize::FastGradient;
use regularize::adversarial::{
    AdversarialTraining, OverfittingMonitor, Pgd, Threat, TrainingAttack, Withstood,
};
use std::error::Error;

const SEED: u64 = 1;
/// Epochs against ten steps, and against one.
const EPOCHS: [u64; 2] = [20, 40];
const EPSILON: f64 = 0.25;

fn main() -> Result<(), Box<dyn Error>> {
    let [train, held_out] = digits::load()?.flattened().split([0.7, 0.3], SEED)?;
    let threat = Threat::infinity(EPSILON)?.within(0.0, 1.0)?;
    let model = Sequential::<f32>::mlp(&[64, 128, 128, 10], Activation::Relu);
    let run = |share: f64| -> Result<_, Box<dyn Error>> {
        let mut monitor = OverfittingMonitor::new(&model, threat, 20, &held_out)?.alarm_at(share)?;
        let mut parameters = initialise(&model, SEED);
        let attacks: [TrainingAttack; 2] =
            [Pgd::new(threat, 10)?.from_random().into(), FastGradient::of(threat).into()];
        let mut first = 0;
        for (attack, epochs) in attacks.into_iter().zip(EPOCHS) {
            let training = AdversarialTraining::new(attack, 0.0, Mode::Evaluate)?;
            let mut trainer = Trainer::new(&model, Optimiser::adam(3e-3))
                .epochs(epochs)
                .first_epoch(first)
                .seed(SEED)
                .objective(move |batch| training.objective(batch, |batch| batch.cross_entropy()));
            trainer.fit_observed(&train, None, &mut parameters, &mut monitor)?;
            first += epochs;
        }
        Ok(monitor.finish()?)
    };
    // Without alarm, then with it: up to the alarm both are the same.
    let all = run(1e-9)?;
    println!("Accuracy on held-out images, budget {EPSILON}; single steps from epoch {} on:\n", EPOCHS[0]);
    println!("epoch   clean    one step   twenty steps");
    for found in &all.history {
        let turn = found.epoch.abs_diff(EPOCHS[0]) < 4;
        if turn || found.epoch % 5 == 4 {
            println!("{}   {}", line(found), bar(found));
        }
    }
    let caught = run(0.75)?;
    match caught.caught {
        Some(epoch) => println!("\nThe alarm goes off after epoch {epoch}."),
        None => println!("\nNo alarm: this training did not overfit."),
    }
    println!("Given back, the best under twenty steps:\n{}", line(&caught.best));
    Ok(())
}

fn line(found: &Withstood) -> String {
    let [clean, single, iterated] =
        [found.clean, found.single_step, found.iterated].map(|right| format!("{:5.1} %", 100.0 * right));
    format!("{:5}  {clean}    {single}        {iterated}", found.epoch)
}

/// Twenty steps as filled, one step as the outline around it.
fn bar(found: &Withstood) -> String {
    let [single, iterated] = [found.single_step, found.iterated].map(|right| (30.0 * right).round() as usize);
    format!("{}{}", "█".repeat(iterated), "░".repeat(single.saturating_sub(iterated)))
}
