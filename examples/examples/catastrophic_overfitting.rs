//! Catastrophic overfitting, provoked and caught.
//!
//! `cargo run --release -p examples --example catastrophic_overfitting`
//!
//! A network is trained against attacks of ten steps, and withstands them better and better. Then, to save time,
//! against single steps. What it withstands of these goes up, and what it withstands of twenty steps goes down: it
//! bends its loss so that one step finds less, and several find more.
//!
//! The monitor measures both after each epoch on held-out images, stops the training and gives back the parameters
//! that were best under twenty steps. The single steps are shown without its alarm first, to see what becomes of it;
//! then with it, from the same start; then the two ends for more seeds.

use autograd::Parameters;
use nn::data::{Dataset, digits};
use nn::{Activation, Mode, Optimiser, Sequential, Trainer, initialise};
use regularize::FastGradient;
use regularize::adversarial::{
    AdversarialTraining, Monitored, OverfittingMonitor, Pgd, Threat, TrainingAttack, Withstood,
};
use std::error::Error;

#[path = "../src/mean.rs"]
mod mean;

use mean::Mean;

const SEED: u64 = 1;
const SEEDS: u64 = 5;
/// Epochs against ten steps, and against one.
const EPOCHS: [u64; 2] = [20, 40];
const EPSILON: f64 = 0.25;
/// A share of the best accuracy at which no alarm goes off.
const NEVER: f64 = 1e-9;

/// Images to train on, held-out ones, and what both are attacked with.
struct Setting {
    train: Dataset,
    held_out: Dataset,
    threat: Threat,
    seed: u64,
}

impl Setting {
    fn new(seed: u64) -> Result<Setting, Box<dyn Error>> {
        let [train, held_out] = digits::load()?.flattened().split([0.7, 0.3], seed)?;
        Ok(Setting { train, held_out, threat: Threat::infinity(EPSILON)?.within(0.0, 1.0)?, seed })
    }

    /// Trains against ten steps, or from what that gave against single ones, under watch.
    fn trained(
        &self,
        before: Option<&Parameters<f32>>,
        alarm: f64,
    ) -> Result<(Parameters<f32>, Monitored<f32>), Box<dyn Error>> {
        let model = Sequential::<f32>::mlp(&[64, 128, 128, 10], Activation::Relu);
        let mut monitor =
            OverfittingMonitor::new(&model, self.threat, 20, &self.held_out)?.alarm_at(alarm)?;
        let (mut parameters, attack): (_, TrainingAttack) = match before {
            None => (initialise(&model, self.seed), Pgd::new(self.threat, 10)?.from_random().into()),
            Some(before) => (before.clone(), FastGradient::of(self.threat).into()),
        };
        let (first, epochs) = if before.is_some() { (EPOCHS[0], EPOCHS[1]) } else { (0, EPOCHS[0]) };
        if first > 0 {
            // What it has to hold.
            let start = monitor.measure(first - 1, &parameters)?;
            let _ = monitor.observe(start, &parameters);
        }
        let training = AdversarialTraining::new(attack, 0.0, Mode::Evaluate)?;
        let mut trainer = Trainer::new(&model, Optimiser::adam(3e-3))
            .epochs(epochs)
            .first_epoch(first)
            .seed(self.seed)
            .objective(move |batch| training.objective(batch, |batch| batch.cross_entropy()));
        trainer.fit_observed(&self.train, None, &mut parameters, &mut monitor)?;
        Ok((parameters, monitor.finish()?))
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let setting = Setting::new(SEED)?;
    let (start, ten) = setting.trained(None, NEVER)?;
    let (_, single) = setting.trained(Some(&start), NEVER)?;
    println!("Accuracy on held-out images, budget {EPSILON}; single steps from epoch {} on:\n", EPOCHS[0]);
    println!("epoch   clean    one step   twenty steps");
    // The first of the single steps' history is the last of the ten steps'.
    for found in ten.history.iter().chain(&single.history[1..]) {
        let turn = found.epoch.abs_diff(EPOCHS[0]) < 4;
        if turn || found.epoch % 5 == 4 {
            println!("{}   {}", line(found), bar(found));
        }
    }
    let (_, caught) = setting.trained(Some(&start), 0.75)?;
    match caught.caught {
        Some(epoch) => println!("\nThe alarm at three quarters of the best goes off after epoch {epoch}."),
        None => println!("\nNo alarm: this training did not overfit."),
    }
    println!("Given back, the best under twenty steps:\n{}", line(&caught.best));

    let mut ends = [Vec::new(), Vec::new()];
    for seed in 0..SEEDS {
        let setting = Setting::new(seed)?;
        let (start, _) = setting.trained(None, NEVER)?;
        let (_, single) = setting.trained(Some(&start), NEVER)?;
        ends[0].push(single.history[0]);
        ends[1].push(single.history[single.history.len() - 1]);
    }
    println!("\nBefore the single steps and after, {SEEDS} seeds, in per cent ± standard error:\n");
    type Measure = fn(&Withstood) -> f64;
    let rows: [(&str, Measure); 3] =
        [("clean", |w| w.clean), ("one step", |w| w.single_step), ("twenty steps", |w| w.iterated)];
    for (name, of) in rows {
        let [before, after] = ends.each_ref().map(|end| Mean::of(end.iter().map(|w| 100.0 * of(w))));
        println!("{name:<14} {before:>12.1} {after:>12.1}");
    }
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
