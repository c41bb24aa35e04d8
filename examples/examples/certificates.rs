//! Certificates: what no attack can do, by randomised smoothing and by interval bounds.
//!
//! `cargo run --release -p examples --example certificates`
//!
//! First, networks trained on noisy digits and smoothed with the same noise: the share of test images that are
//! right and certified within a Euclidean radius. More noise certifies further, up to a point, and costs accuracy
//! near 0.
//!
//! Second, interval bounds in the maximum norm: the error that twenty projected gradient steps find, and the
//! error that cannot be excluded: by bounds of the differences of logits, which merge the last layer with them,
//! and in brackets by bounds of each logit by itself. The truth lies between the first two. For a plain network and
//! for one trained against attacks the bounds say little beyond the smallest box, however robust it is; one trained
//! for bounds has tight ones.

use comfy_table::{CellAlignment, Table, presets};
use nn::data::{Dataset, digits};
use nn::{Activation, Mode, Optimiser, Sequential, Trainer, initialise};
use regularize::adversarial::{
    AdversarialTraining, InputBox, IntervalTraining, OverfittingMonitor, Pgd, SmoothedClassifier, Smoothing,
    Threat, certified_accuracy, verify,
};
use std::error::Error;

const SEED: u64 = 1;
const EPOCHS: u64 = 30;

fn main() -> Result<(), Box<dyn Error>> {
    let [train, test] = digits::load()?.flattened().split([0.7, 0.3], SEED)?;
    smoothing(&train, &test)?;
    println!();
    intervals(&train, &test)
}

fn model() -> Sequential<f32> {
    Sequential::mlp(&[64, 64, 10], Activation::Relu)
}

fn table(header: Vec<String>) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_HORIZONTAL_ONLY);
    table.set_header(header);
    table.column_iter_mut().skip(1).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    table
}

fn smoothing(train: &Dataset, test: &Dataset) -> Result<(), Box<dyn Error>> {
    const RADII: [f64; 8] = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.6];
    // The first 200 test images: a thousand and a hundred copies of each.
    let test = &test.subset(&(0..200).collect::<Vec<_>>())?;
    let header = ["certified, %, R ≥".to_string()].into_iter();
    let mut table =
        table(header.chain(RADII.iter().map(|r| format!("{r}"))).chain(["none".into()]).collect());
    for sigma in [0.125, 0.25, 0.5, 1.0] {
        let smoothing = Smoothing::new(sigma)?.samples(100, 1000)?.level(0.001)?;
        let model = model();
        let mut trainer =
            Trainer::new(&model, Optimiser::adam(3e-3)).epochs(EPOCHS).seed(SEED).objective(move |batch| {
                batch.on(smoothing.noisy(batch.inputs, "training noise")).cross_entropy()
            });
        let mut parameters = initialise(&model, SEED);
        trainer.fit(train, None, &mut parameters)?;
        let certificates = SmoothedClassifier::new(&model, smoothing, SEED).certify_all(test, &parameters)?;
        let shares = certified_accuracy(&certificates, test.labels().data(), &RADII)?;
        let abstained = certificates.iter().filter(|found| found.is_none()).count();
        let mut row = vec![format!("σ = {sigma}")];
        row.extend(shares.iter().map(|share| format!("{:.0}", 100.0 * share)));
        row.push(format!("{:.0}", 100.0 * abstained as f64 / test.len() as f64));
        table.add_row(row);
    }
    println!("Smoothing: right and certified within R, each with probability 99.9 %:\n{table}");
    println!("With n = 1000 copies no certificate is longer than {:.2} σ.", {
        Smoothing::new(1.0)?.samples(1, 1000)?.certificate(0, 1000)?.map_or(0.0, |best| best.radius)
    });
    Ok(())
}

fn intervals(train: &Dataset, test: &Dataset) -> Result<(), Box<dyn Error>> {
    const EPSILON: f64 = 0.1;
    const SHOWN: [f64; 3] = [0.02, 0.05, 0.1];
    let region = |epsilon: f64| InputBox::new(epsilon)?.within(0.0, 1.0);
    let threat = |epsilon: f64| Threat::infinity(epsilon)?.within(0.0, 1.0);
    let header = ["error, %", "clean"].map(String::from).into_iter();
    let mut table = table(header.chain(SHOWN.iter().map(|e| format!("ε = {e}"))).collect());
    for name in ["plain", "trained with PGD", "trained for bounds"] {
        let model = model();
        let mut parameters = initialise(&model, SEED);
        // The box grows from stage to stage: bounds of a fresh network are too wide to learn from.
        for stage in 1..=3u32 {
            let epsilon = EPSILON * f64::from(stage) / 3.0;
            let attacked =
                AdversarialTraining::new(Pgd::new(threat(epsilon)?, 7)?.from_random(), 0.0, Mode::Evaluate)?;
            let worst = IntervalTraining::new(region(epsilon)?, 0.5)?;
            let mut trainer = Trainer::new(&model, Optimiser::adam(3e-3))
                .epochs(EPOCHS)
                .first_epoch(u64::from(stage - 1) * EPOCHS)
                .seed(SEED)
                .objective(move |batch| match name {
                    "plain" => batch.cross_entropy(),
                    "trained with PGD" => attacked.objective(batch, |batch| batch.cross_entropy()),
                    _ => worst.objective(batch),
                });
            trainer.fit(train, None, &mut parameters)?;
        }
        let mut row = vec![name.to_string()];
        for (i, epsilon) in SHOWN.into_iter().enumerate() {
            let proven = verify(&model, region(epsilon)?, test, &parameters)?;
            let found =
                OverfittingMonitor::new(&model, threat(epsilon)?, 20, test)?.measure(0, &parameters)?;
            if i == 0 {
                row.push(format!("{:.1}", 100.0 * proven.clean_error));
            }
            let [merged, separate] = [proven.verified_error, proven.separate_error].map(|e| 100.0 * e);
            row.push(format!("{:.0} … {merged:.0} ({separate:.0})", 100.0 * (1.0 - found.iterated)));
        }
        table.add_row(row);
    }
    println!("Interval bounds, {} test images, trainings with ε = {EPSILON}. The error that an", test.len());
    println!("attack of twenty steps finds … the one that bounds cannot exclude (the same of");
    println!("each logit by itself, without merging the last layer):\n{table}");
    Ok(())
}
