//! Augmentation as a regularizer: the test error of a network on a few digits, with and without.
//!
//! `cargo run --release -p examples --example augmented_training`
//!
//! A tenth of the digits is for training, the rest for testing. Each row is one augmentation in the training step
//! itself, over several seeds; differences are paired, since split, first weights and order of examples are those of
//! the plain training. Warps teach what the labels are invariant to, and help; noise of the same kind on every pixel
//! teaches little about handwriting. Nothing here was tuned on the test part beyond what is written down.

use autograd::Var;
use comfy_table::{CellAlignment, Table, presets};
use nn::data::digits;
use nn::train::Batch;
use nn::{Activation, Optimiser, Sequential, Trainer, initialise};
use regularize::RegularizeError;
use regularize::augmentation::aug_mix::Consistency;
use regularize::augmentation::{
    Affine, AugMix, Augment, CutMix, Cutout, Elastic, GaussianNoise, LabelContract, Mixup, Pipeline,
    RandAugment,
};
use std::error::Error;
use std::time::Instant;

const SEEDS: u64 = 10;
const EPOCHS: u64 = 100;
const IMAGE: [usize; 3] = [1, 8, 8];

type Objective = Box<dyn for<'g, 'b> Fn(&Batch<'g, 'b, f32>) -> Var<'g, f32> + Send + Sync>;

fn of(
    objective: impl for<'g, 'b> Fn(&Batch<'g, 'b, f32>) -> Var<'g, f32> + Send + Sync + 'static,
) -> Objective {
    Box::new(objective)
}

/// On augmented inputs alone.
fn on(pipeline: Pipeline<f32>) -> Result<Objective, RegularizeError> {
    let augment: Augment<f32> = pipeline.for_labels(&LabelContract::digits())?;
    Ok(of(move |batch| augment.on(batch).cross_entropy()))
}

fn ways() -> Result<Vec<(&'static str, Objective)>, RegularizeError> {
    let pipeline = || Pipeline::<f32>::new(IMAGE);
    let affine = Affine::new().rotate(12.0)?.shear(0.15)?.scale(1.15)?.translate(0.7)?;
    let mixed = pipeline().then(AugMix::new(0.4, IMAGE)?).for_labels(&LabelContract::digits())?;
    let consistency = Consistency::new(mixed, 4.0)?;
    let (mixup, cutmix) = (Mixup::new(0.4)?, CutMix::new(IMAGE, 0.4)?);
    Ok(vec![
        ("none", of(|batch| batch.cross_entropy())),
        ("Gaussian noise, 0.1", on(pipeline().then(GaussianNoise::new(0.1)?))?),
        ("translation, 0.7 pixels", on(pipeline().then(Affine::new().translate(0.7)?))?),
        ("affine", on(pipeline().then(affine))?),
        ("elastic", on(pipeline().then(Elastic::new(0.4, 1.5)?))?),
        ("affine, elastic", on(pipeline().then(affine).then(Elastic::new(0.3, 1.5)?))?),
        ("cutout, 2 by 2", on(pipeline().then(Cutout::new(2)))?),
        ("RandAugment, 2 at 0.4", on(pipeline().then(RandAugment::new(2, 0.4, IMAGE)?))?),
        ("AugMix, consistent", of(move |batch| consistency.objective(batch))),
        ("mixup, 0.4", of(move |batch| mixup.objective(batch, 10))),
        ("CutMix, 0.4", of(move |batch| cutmix.objective(batch, 10))),
    ])
}

/// Training error and test error in per cent.
fn errors(way: usize, seed: u64) -> Result<(f64, f64), Box<dyn Error>> {
    let [train, test] = digits::load()?.flattened().split([0.1, 0.9], seed)?;
    let model = Sequential::<f32>::mlp(&[64, 64, 10], Activation::Relu);
    let mut parameters = initialise(&model, seed);
    let objective = ways()?.remove(way).1;
    let mut trainer = Trainer::new(&model, Optimiser::adam(0.003))
        .epochs(EPOCHS)
        .batch_size(16)
        .seed(seed)
        .objective(move |batch| objective(batch));
    trainer.fit(&train, None, &mut parameters)?;
    let [train, test] = [&train, &test].map(|data| trainer.evaluate(data, &parameters));
    Ok((100.0 * train?.error, 100.0 * test?.error))
}

/// Mean and standard error.
fn mean(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, (variance / n).sqrt())
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN);
    table.set_header(["augmentation", "train", "test", "less than none", "seconds"]);
    let mut plain = Vec::new();
    for (way, (name, _)) in ways()?.iter().enumerate() {
        let start = Instant::now();
        let found = (0..SEEDS).map(|seed| errors(way, seed)).collect::<Result<Vec<_>, _>>()?;
        let seconds = start.elapsed().as_secs_f64() / SEEDS as f64;
        let (train, test): (Vec<f64>, Vec<f64>) = found.into_iter().unzip();
        if way == 0 {
            plain = test.clone();
        }
        let gains: Vec<f64> = plain.iter().zip(&test).map(|(plain, test)| plain - test).collect();
        let (gain, error) = mean(&gains);
        table.add_row([
            name.to_string(),
            format!("{:.1}", mean(&train).0),
            format!("{:.2} ± {:.2}", mean(&test).0, mean(&test).1),
            if way == 0 { "".into() } else { format!("{gain:+.2} ± {error:.2}") },
            format!("{seconds:.2}"),
        ]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    println!("Error in per cent on 180 training and 1617 test digits after {EPOCHS} epochs,");
    println!("mean of {SEEDS} seeds ± standard error; paired differences; seconds each\n");
    println!("{table}");
    Ok(())
}
