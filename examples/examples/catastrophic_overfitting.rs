//! Catastrophic overfitting, provoked and caught.
//!
//! `cargo run --release -p examples --example catastrophic_overfitting`
//!
//! Adversarial training with single steps from the example, a large budget and a large network: after some epochs
//! the network withstands the step it is trained with better and better, and any other attack not at all. The
//! monitor measures both after each epoch on held-out images, stops the training and gives back the
//! parameters that were best under twenty steps. A second training, with the monitor's alarm off, shows what
//! would have become of it; a third, with twenty steps itself, that the budget can be withstood.

use nn::data::digits;
use nn::{Activation, Mode, Optimiser, Sequential, Trainer, initialise};
use regularize::FastGradient;
use regularize::adversarial::{
    AdversarialTraining, OverfittingMonitor, Pgd, Threat, TrainingAttack, Withstood,
};
use std::error::Error;

const SEED: u64 = 1;
const EPOCHS: u64 = 60;
const EPSILON: f64 = 0.25;

fn main() -> Result<(), Box<dyn Error>> {
    let [train, held_out] = digits::load()?.flattened().split([0.7, 0.3], SEED)?;
    let threat = Threat::infinity(EPSILON)?.within(0.0, 1.0)?;
    let model = Sequential::<f32>::mlp(&[64, 256, 256, 10], Activation::Relu);
    // All epochs without alarm, then with it: the accuracies up to the alarm are the same.
    let run = |attack: TrainingAttack, alarm: bool| -> Result<_, Box<dyn Error>> {
        let training = AdversarialTraining::new(attack, 0.0, Mode::Evaluate)?;
        let mut trainer = Trainer::new(&model, Optimiser::adam(3e-3))
            .epochs(EPOCHS)
            .seed(SEED)
            .objective(move |batch| training.objective(batch, |batch| batch.cross_entropy()));
        let monitor = OverfittingMonitor::new(&model, threat, 20, &held_out)?;
        let mut monitor = if alarm { monitor } else { monitor.alarm_at(1e-9)? };
        let mut parameters = initialise(&model, SEED);
        trainer.fit_observed(&train, None, &mut parameters, &mut monitor)?;
        Ok(monitor.finish()?)
    };
    let single = || TrainingAttack::from(FastGradient::of(threat));
    let on = run(single(), false)?;
    println!("Accuracy on held-out images, training with single steps of {EPSILON}:\n");
    println!("epoch   clean    one step   twenty steps");
    for found in on.history.iter().filter(|found| found.epoch % 4 == 0 || found.epoch + 1 == EPOCHS) {
        println!("{}   {}", line(found), bar(found));
    }
    let caught = run(single(), true)?;
    match caught.caught {
        Some(epoch) => println!("\nThe alarm goes off after epoch {epoch}."),
        None => println!("\nNo alarm: this training did not overfit."),
    }
    println!("Given back, the best under twenty steps:\n{}", line(&caught.best));
    let many = run(Pgd::new(threat, 20)?.from_random().into(), true)?;
    println!("\nTrained with twenty steps itself, the last epoch (alarm: {:?}):", many.caught);
    println!("{}", line(many.history.last().ok_or("no epoch")?));
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
