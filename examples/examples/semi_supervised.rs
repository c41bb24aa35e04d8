//! Forty labels and a thousand images without: semi-supervised learning on the embedded digits.
//!
//! `cargo run --release -p examples --example semi_supervised [EPOCHS]`
//!
//! Four images of each digit have a label, about 1,200 others have none, 540 are for testing. One network,
//! 64-64-10, is trained on the labels alone, and then with each way to use the rest. Everything else is the same
//! within a seed: initial weights, labels, number and order of batches. The table has the test error, mean over the
//! seeds, and the difference to the labels alone with its standard error, paired by seed.
//!
//! Consistency is asked under noise on the pixels and under small random warps. Warps help by themselves, since the
//! labelled images are warped as well; so these rows have a second difference, to the labels alone, warped. The mean
//! teacher takes its time: after 60 epochs it has gained nothing under noise (-0.5 ± 0.6) and little under warps (0.6
//! ± 0.4), after 250 it is near the Π-model.

use autograd::{Graph, Parameters, Tensor, Var, interpret};
use comfy_table::{CellAlignment, Table, presets};
use nn::data::{Dataset, digits};
use nn::train::{Batch, Evaluator};
use nn::{Activation, Mode, Optimiser, Sequential, initialise};
use regularize::augmentation::{Affine, Augment, LabelContract, Pipeline};
use regularize::semi_supervised::{
    Consistency, EntropyMinimisation, MeanTeacher, MixedBatch, PseudoLabels, RampUp, SemiSupervisedTrainer,
    VirtualAdversarial, hide_labels, propagate_labels, similarity,
};
use std::error::Error;

#[path = "../src/mean.rs"]
mod mean;

use mean::Mean;

const SEEDS: u64 = 5;
const PER_CLASS: usize = 4;
/// The deviation of the noise on inputs that consistency is asked under.
const NOISE: f64 = 0.15;

type Step = for<'g, 'b> fn(&MixedBatch<'g, 'b, f32>) -> Var<'g, f32>;

/// `x` with noise of its own.
fn noisy<'g>(x: Var<'g, f32>, stream: &str) -> Var<'g, f32> {
    x + x.graph().normal(stream, x.shape()) * NOISE
}

/// `x`, each image turned, stretched and moved a little, by draws of its own.
fn warped<'g>(x: Var<'g, f32>, stream: &str) -> Var<'g, f32> {
    let affine = || Affine::new().rotate(10.0)?.scale(1.1)?.translate(0.7);
    let pipeline = Pipeline::new([1, 8, 8]).then(affine().expect("numbers in their ranges"));
    let augment: Augment<f32> = pipeline.for_labels(&LabelContract::digits()).expect("small warps");
    augment.named(stream).inputs(x, Mode::Train)
}

/// The labelled images, warped.
fn on_warped<'g, 'b>(batch: &MixedBatch<'g, 'b, f32>) -> Batch<'g, 'b, f32> {
    batch.labelled.on(warped(batch.labelled.inputs, "labelled"))
}

fn methods() -> Vec<(&'static str, Option<MeanTeacher>, f64, Step)> {
    let teacher = MeanTeacher::new(0.99).expect("a share");
    vec![
        ("labels alone", None, 0.0, |batch| batch.labelled.cross_entropy()),
        ("entropy minimisation", None, 0.1, |batch| {
            let sure = EntropyMinimisation::new(1.0).expect("a weight");
            let none = batch.weight.like(0.0);
            batch.labelled.cross_entropy()
                + sure.added_to(none, batch.logits(batch.unlabelled)) * batch.weight
        }),
        ("pseudo-labels", None, 1.0, |batch| {
            let logits = batch.logits(batch.unlabelled);
            let found = PseudoLabels::new(0.95).expect("a threshold").loss(logits, logits);
            batch.measure("used", found.used);
            batch.labelled.cross_entropy() + found.loss * batch.weight
        }),
        ("Π-model, noise", None, 20.0, |batch| {
            let [first, second] = ["first", "second"].map(|s| batch.logits(noisy(batch.unlabelled, s)));
            batch.labelled.cross_entropy() + Consistency::default().loss(first, second) * batch.weight
        }),
        ("mean teacher, noise", Some(teacher), 20.0, |batch| {
            let student = batch.logits(noisy(batch.unlabelled, "student"));
            let target = batch.teacher(noisy(batch.unlabelled, "teacher's"));
            batch.labelled.cross_entropy() + Consistency::default().loss(student, target) * batch.weight
        }),
        ("labels alone, warped", None, 0.0, |batch| on_warped(batch).cross_entropy()),
        ("Π-model, warps", None, 20.0, |batch| {
            let [first, second] = ["first", "second"].map(|s| batch.logits(warped(batch.unlabelled, s)));
            on_warped(batch).cross_entropy() + Consistency::default().loss(first, second) * batch.weight
        }),
        ("mean teacher, warps", Some(teacher), 20.0, |batch| {
            let student = batch.logits(warped(batch.unlabelled, "student"));
            let target = batch.teacher(warped(batch.unlabelled, "teacher's"));
            on_warped(batch).cross_entropy() + Consistency::default().loss(student, target) * batch.weight
        }),
        ("random direction", None, 1.0, |batch| {
            let control = VirtualAdversarial::new(1.0).expect("a budget").iterations(0);
            batch.labelled.cross_entropy() + control.on(&batch.labelled, batch.unlabelled) * batch.weight
        }),
        ("virtual adversarial", None, 1.0, |batch| {
            let smooth = VirtualAdversarial::new(1.0).expect("a budget");
            batch.labelled.cross_entropy() + smooth.on(&batch.labelled, batch.unlabelled) * batch.weight
        }),
        ("virtual adv. + entropy", None, 1.0, |batch| {
            let smooth = VirtualAdversarial::new(1.0).expect("a budget");
            let sure = EntropyMinimisation::new(0.3).expect("a weight");
            let term = smooth.on(&batch.labelled, batch.unlabelled);
            let term = sure.added_to(term, batch.logits(batch.unlabelled));
            batch.labelled.cross_entropy() + term * batch.weight
        }),
    ]
}

fn main() -> Result<(), Box<dyn Error>> {
    let epochs: u64 = std::env::args().nth(1).map_or(Ok(250), |text| text.parse())?;
    let mut rows: Vec<(&str, Vec<f64>)> = methods().iter().map(|&(name, ..)| (name, Vec::new())).collect();
    rows.push(("label propagation", Vec::new()));
    let mut used = Vec::new();
    for seed in 0..SEEDS {
        let [train, test] = digits::load()?.flattened().split([0.7, 0.3], seed)?;
        let (labelled, unlabelled) = hide_labels(&train, PER_CLASS, seed)?;
        if seed == 0 {
            let counts = (labelled.len(), unlabelled.shape()[0], test.len());
            println!("{} images with a label, {} without, {} to test\n", counts.0, counts.1, counts.2);
        }
        for ((_, teacher, weight, step), (name, errors)) in methods().into_iter().zip(&mut rows) {
            let model = Sequential::<f32>::mlp(&[64, 64, 10], Activation::Relu);
            let mut trainer = SemiSupervisedTrainer::new(&model, Optimiser::adam(2e-3))
                .objective(step)
                .ramp_up(RampUp::new(weight, 200)?)
                .batch_sizes(40, 128)
                .epochs(epochs)
                .seed(seed);
            let mut parameters = initialise(&model, seed);
            if let Some(teacher) = teacher {
                trainer = trainer.teacher(teacher);
            }
            let curve = trainer.fit(&labelled, &unlabelled, None, &mut parameters)?;
            if *name == "pseudo-labels" {
                used = curve
                    .iter()
                    .step_by(epochs.div_ceil(10) as usize)
                    .map(|epoch| epoch.measured[0].1)
                    .collect();
            }
            let specs = nn::Layer::<f32>::parameters(&model);
            let judged = match teacher {
                Some(teacher) => teacher.parameters_of(&specs, &parameters)?,
                None => parameters,
            };
            errors.push(error(&model, &judged, &test)?);
        }
        rows.last_mut().expect("there are rows").1.push(propagated(&labelled, &unlabelled, &test)?);
    }
    show(&rows);
    let shares: Vec<String> = used.iter().map(|share| format!("{:.0} %", 100.0 * share)).collect();
    println!("\nPseudo-labels: the share of images that the network was sure enough of, at every");
    println!("tenth of the last seed's training:\n{}", shares.join(", "));
    println!("\nLabel propagation trains no network and sees the test images too, without their");
    println!("labels. A random direction is the control of virtual adversarial training: it");
    println!("moves images as far.");
    Ok(())
}

fn error(
    model: &Sequential<f32>,
    parameters: &Parameters<f32>,
    test: &Dataset<f32>,
) -> Result<f64, Box<dyn Error>> {
    Ok(100.0 * Evaluator::new(model, 256).evaluate(test, parameters)?.error)
}

/// The test error of label propagation over all images.
fn propagated(labelled: &Dataset, unlabelled: &Tensor<f32>, test: &Dataset) -> Result<f64, Box<dyn Error>> {
    let parts = [labelled.examples(), unlabelled, test.examples()];
    let values: Vec<f32> = parts.iter().flat_map(|part| part.data().iter().copied()).collect();
    let n = values.len() / 64;
    let graph = Graph::<f32>::new();
    let x = graph.constant(Tensor::new([n, 64], values));
    let labels = labelled.labels().data();
    let y = Tensor::from_fn([n, 10], |i| {
        f32::from(u8::from(labels.get(i / 10).is_some_and(|&label| label as usize == i % 10)))
    });
    let found = propagate_labels(similarity(x, 0.6)?, graph.constant(y), 0.95, 60)?;
    let found = interpret(&[found], &[], None)?.remove(0);
    let first = n - test.len();
    let class = |row: &[f32]| (0..10).max_by(|&a, &b| row[a].total_cmp(&row[b]));
    let rows = found.data().chunks(10).skip(first).zip(test.labels().data());
    let wrong = rows.filter(|(row, label)| class(row) != Some(**label as usize)).count();
    Ok(100.0 * wrong as f64 / test.len() as f64)
}

fn show(rows: &[(&str, Vec<f64>)]) {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_HORIZONTAL_ONLY);
    table.set_header(["test error, %", "mean", "less than alone", "than warped alone"]);
    let baselines = ["labels alone", "labels alone, warped"]
        .map(|baseline| &rows.iter().find(|(name, _)| *name == baseline).expect("a row").1);
    for (name, errors) in rows {
        let [gain, beyond] = baselines.map(|baseline| {
            let gain = Mean::of(baseline.iter().zip(errors).map(|(a, e)| a - e));
            if baseline == errors { String::new() } else { format!("{gain:+.1}") }
        });
        let beyond = if name.contains("warp") { beyond } else { String::new() };
        table.add_row([name.to_string(), format!("{:.1}", Mean::of(errors.iter().copied())), gain, beyond]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    println!("{table}");
}
