//! Checkpoints: a training that is interrupted, saved and taken up again ends with the very bits of one that
//! was not.
//!
//! ```text
//! cargo run --release -p examples --example checkpoints -- digits.safetensors
//! ```
//!
//! Without a file name the checkpoint goes to a temporary directory.

use autograd::Parameters;
use nn::data::digits;
use nn::train::{EpochMetrics, EpochObserver, Interrupt, StepMetrics};
use nn::{Activation, Checkpoint, Optimiser, Schedule, Sequential, Trainer, initialise};
use regularize::Dropout;
use std::error::Error;
use std::ops::ControlFlow;
use std::path::PathBuf;

const SEED: u64 = 3;
const EPOCHS: u64 = 6;

/// Asks to stop after some steps, as a handler of ctrl-C would.
struct Impatient {
    interrupt: Interrupt,
    steps: u64,
}

impl EpochObserver<f32> for Impatient {
    fn epoch_ended(&mut self, _: &EpochMetrics, _: &Parameters<f32>) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
    fn step_ended(&mut self, _: &StepMetrics, _: &Parameters<f32>) -> ControlFlow<()> {
        self.steps -= 1;
        if self.steps == 0 {
            self.interrupt.request();
        }
        ControlFlow::Continue(())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let [train, validation] = digits::load()?.flattened().split([0.8, 0.2], SEED)?;
    let model = Sequential::<f32>::new()
        .linear(64, 48)
        .then(Activation::Relu)
        .then(Dropout::new(0.3)?)
        .linear(48, 10);
    // Order, draws and learning rate are functions of seed and step; moments are kept among the parameters.
    let trainer = || {
        let schedule = Schedule::Cosine { initial: 0.01, last: 0.0, steps: EPOCHS * 45 };
        Trainer::new(&model, Optimiser::adam(schedule)).seed(SEED)
    };

    let mut whole = initialise(&model, SEED);
    let curve = trainer().epochs(EPOCHS).fit(&train, Some(&validation), &mut whole)?;
    println!("At once:\n{curve}");

    let mut parameters = initialise(&model, SEED);
    let mut observer = Impatient { interrupt: Interrupt::new(), steps: 150 };
    let mut first = trainer().epochs(EPOCHS).interrupt(observer.interrupt.clone());
    let curve = first.fit_observed(&train, Some(&validation), &mut parameters, &mut observer)?;
    println!(
        "Interrupted after {} batches of epoch {}:\n{curve}",
        curve.position.batch, curve.position.epoch
    );
    let directory = tempfile::tempdir()?;
    let kept = std::env::args_os().nth(1).map(PathBuf::from);
    let path = kept.unwrap_or_else(|| directory.path().join("digits.safetensors"));
    let checkpoint = first.checkpoint(curve.position, &parameters).with_metadata("data", "embedded digits");
    checkpoint.save(&path)?;
    println!("{} tensors saved, {} bytes\n", checkpoint.parameters.len(), std::fs::metadata(&path)?.len());

    // Nothing of the first training is used from here on but the file.
    let checkpoint = Checkpoint::load(&path)?;
    let mut resumed = Parameters::new();
    let mut second = trainer().resume(&checkpoint, &mut resumed)?.epochs(EPOCHS - curve.position.epoch);
    let curve = second.fit(&train, Some(&validation), &mut resumed)?;
    println!("Resumed:\n{curve}");

    let bits = |parameters: &Parameters<f32>| -> Vec<u32> {
        parameters.iter().flat_map(|(_, value)| value.data().iter().map(|x| x.to_bits())).collect()
    };
    let (whole, resumed) = (bits(&whole), bits(&resumed));
    let equal = whole.iter().zip(&resumed).filter(|(a, b)| a == b).count();
    println!("{equal} of {} numbers have the same bits", whole.len());
    if whole != resumed {
        return Err("the trainings differ".into());
    }
    Ok(())
}
