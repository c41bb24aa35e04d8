//! Forty labels and a thousand images without: semi-supervised learning on the embedded digits.
//!
//! ```text
//! cargo run --release -p examples --example semi_supervised [EPOCHS]
//! cargo run --release -p examples --example semi_supervised pick
//! ```
//!
//! Four images of each digit have a label, about 1,200 others have none, 540 are for testing. One network,
//! 64-64-10, is trained on the labels alone, and then with each way to use the rest. Everything else is the
//! same within a seed: initial weights, labels, number and order of batches. The table, over eight seeds, has
//! the test error, mean over the seeds, and the difference to the labels alone with its standard error,
//! paired by seed.
//!
//! Consistency is asked under noise on the pixels, under small random warps, and under dropout, where the two
//! passes of [`two_passes`] differ by their masks alone. Warps and dropout change the labelled images' part
//! too, so these rows have a second difference: to the labels alone, warped or with dropout.
//!
//! The strength of each term was picked from six by the error on validation images, with the second command:
//! the test images are a part of their own that is the same for all seeds, and the strengths were picked on
//! other seeds than those of the table. A strength is the weight of the term; of virtual adversarial
//! training, whose weight is 1, it is the radius. Epochs, thresholds, noise and warps are not picked by it.
//!
//! The mean teacher takes its time: under noise it has gained nothing after 60 epochs (-0.4 ± 0.5), and 4.6 ±
//! 0.7 after 250. Dropout by itself changes nothing, two passes under it that have to agree gain 3.1 ± 1.1. A
//! random direction, three times as far, gains as much as the adversarial one, and entropy on top gains
//! nothing more.

use autograd::{Graph, Tensor, Var, interpret};
use comfy_table::{CellAlignment, Table, presets};
use nn::data::{Dataset, digits};
use nn::train::Batch;
use nn::{Activation, Mode, Optimiser, Sequential, initialise};
use regularize::augmentation::{Affine, Augment, LabelContract, Pipeline};
use regularize::semi_supervised::{
    Consistency, EntropyMinimisation, MeanTeacher, MixedBatch, PseudoLabels, RampUp, SemiSupervisedEpoch,
    SemiSupervisedTrainer, VirtualAdversarial, hide_labels, propagate_labels, similarity, two_passes,
};
use regularize::{Dropout, RegularizeError};
use std::error::Error;
use std::ops::Range;

#[path = "../src/mean.rs"]
mod mean;

use mean::Mean;

/// The seeds of the table: draws of labels, initial weights and batches.
const SEEDS: Range<u64> = 10..18;
/// The seeds that strengths are picked on.
const PICKING_SEEDS: Range<u64> = 100..104;
/// The seed of the one test part, which picking leaves alone.
const TEST_SEED: u64 = 1000;
/// The strengths that are picked from, in units of a method's scale.
const FACTORS: [f64; 6] = [0.03, 0.1, 0.3, 1.0, 3.0, 10.0];
/// When the early error is taken.
const EARLY: u64 = 60;
const EPOCHS: u64 = 250;
const PER_CLASS: usize = 4;
/// The deviation of the noise on inputs that consistency is asked under.
const NOISE: f64 = 0.15;

const WARPED: &str = "labels alone, warped";
const DROPPED: &str = "labels alone, dropout";
/// The objective, given the strength of its term.
type Step = for<'g, 'b> fn(&MixedBatch<'g, 'b, f32>, f64) -> Var<'g, f32>;

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

/// A way to use images without labels.
struct Method {
    name: &'static str,
    /// What its second difference is to.
    baseline: Option<&'static str>,
    dropout: bool,
    teacher: Option<MeanTeacher>,
    /// The strength of its term as picked; 0 if it has none.
    strength: f64,
    /// The unit of what it was picked from.
    scale: f64,
    step: Step,
}

fn methods() -> Vec<Method> {
    let plain = |name, strength, step| Method {
        name,
        baseline: None,
        dropout: false,
        teacher: None,
        strength,
        scale: 1.0,
        step,
    };
    let consistent = |name, strength, step| Method { scale: 20.0, ..plain(name, strength, step) };
    let taught = |name, strength, step| {
        let teacher = Some(MeanTeacher::new(0.99).expect("a share"));
        Method { teacher, ..consistent(name, strength, step) }
    };
    let beside = |baseline, method| Method { baseline: Some(baseline), ..method };
    let dropped = |method| Method { dropout: true, ..method };
    vec![
        plain("labels alone", 0.0, |batch, _| batch.labelled.cross_entropy()),
        plain("entropy minimisation", 0.1, |batch, strength| {
            let sure = EntropyMinimisation::new(1.0).expect("a weight");
            let none = batch.weight.like(0.0);
            batch.labelled.cross_entropy()
                + sure.added_to(none, batch.logits(batch.unlabelled)) * batch.weight * strength
        }),
        plain("pseudo-labels", 1.0, |batch, strength| {
            let logits = batch.logits(batch.unlabelled);
            let found = PseudoLabels::new(0.95).expect("a threshold").loss(logits, logits);
            batch.measure("used", found.used);
            batch.labelled.cross_entropy() + found.loss * batch.weight * strength
        }),
        consistent("Π-model, noise", 20.0, |batch, strength| {
            let [first, second] = ["first", "second"].map(|s| batch.logits(noisy(batch.unlabelled, s)));
            batch.labelled.cross_entropy()
                + Consistency::default().loss(first, second) * batch.weight * strength
        }),
        taught("mean teacher, noise", 6.0, |batch, strength| {
            let student = batch.logits(noisy(batch.unlabelled, "student"));
            let target = batch.teacher(noisy(batch.unlabelled, "teacher's"));
            batch.labelled.cross_entropy()
                + Consistency::default().loss(student, target) * batch.weight * strength
        }),
        plain(WARPED, 0.0, |batch, _| on_warped(batch).cross_entropy()),
        beside(
            WARPED,
            consistent("Π-model, warps", 20.0, |batch, strength| {
                let [first, second] = ["first", "second"].map(|s| batch.logits(warped(batch.unlabelled, s)));
                on_warped(batch).cross_entropy()
                    + Consistency::default().loss(first, second) * batch.weight * strength
            }),
        ),
        beside(
            WARPED,
            taught("mean teacher, warps", 20.0, |batch, strength| {
                let student = batch.logits(warped(batch.unlabelled, "student"));
                let target = batch.teacher(warped(batch.unlabelled, "teacher's"));
                on_warped(batch).cross_entropy()
                    + Consistency::default().loss(student, target) * batch.weight * strength
            }),
        ),
        dropped(plain(DROPPED, 0.0, |batch, _| batch.labelled.cross_entropy())),
        beside(
            DROPPED,
            dropped(consistent("Π-model, dropout", 60.0, |batch, strength| {
                let Batch { model, mode, .. } = batch.labelled;
                let [first, second] = two_passes(model, batch.unlabelled, mode);
                batch.labelled.cross_entropy()
                    + Consistency::default().loss(first, second) * batch.weight * strength
            })),
        ),
        plain("random direction", 1.0, |batch, strength| {
            let control = VirtualAdversarial::new(strength).expect("a budget").iterations(0);
            batch.labelled.cross_entropy() + control.on(&batch.labelled, batch.unlabelled) * batch.weight
        }),
        plain("virtual adversarial", 0.3, |batch, strength| {
            let smooth = VirtualAdversarial::new(strength).expect("a budget");
            batch.labelled.cross_entropy() + smooth.on(&batch.labelled, batch.unlabelled) * batch.weight
        }),
        plain("virtual adv. + entropy", 1.0, |batch, strength| {
            let smooth = VirtualAdversarial::new(strength).expect("a budget");
            let sure = EntropyMinimisation::new(0.3).expect("a weight");
            let term = smooth.on(&batch.labelled, batch.unlabelled);
            let term = sure.added_to(term, batch.logits(batch.unlabelled));
            batch.labelled.cross_entropy() + term * batch.weight
        }),
    ]
}

/// Two hidden units in ten dropped, if asked for.
fn network(dropout: bool) -> Result<Sequential<f32>, RegularizeError> {
    let hidden = Sequential::new().linear(64, 64).then(Activation::Relu);
    let some = Dropout::new(if dropout { 0.2 } else { 0.0 })?;
    Ok(hidden.then_named("dropout", |name| some.named(name)).linear(64, 10))
}

/// Trains by one method; the curve has the errors on `judged`, by the teacher if there is one.
fn trained(
    method: &Method,
    strength: f64,
    epochs: u64,
    [train, judged]: [&Dataset<f32>; 2],
    seed: u64,
) -> Result<Vec<SemiSupervisedEpoch>, RegularizeError> {
    let (labelled, unlabelled) = hide_labels(train, PER_CLASS, seed)?;
    let model = network(method.dropout)?;
    let mut trainer = SemiSupervisedTrainer::new(&model, Optimiser::adam(2e-3))
        .objective(move |batch| (method.step)(batch, strength))
        .ramp_up(RampUp::new(1.0, 200)?)
        .batch_sizes(40, 128)
        .epochs(epochs)
        .seed(seed);
    if let Some(teacher) = method.teacher {
        trainer = trainer.teacher(teacher);
    }
    trainer.fit(&labelled, &unlabelled, Some(judged), &mut initialise(&model, seed))
}

/// The error after so many epochs, in per cent.
fn error_after(curve: &[SemiSupervisedEpoch], epochs: u64) -> f64 {
    100.0 * curve[(epochs as usize).min(curve.len()) - 1].validation.expect("it is measured").error
}

/// What everything but the last error may see, and the test part.
fn parts() -> Result<[Dataset<f32>; 2], Box<dyn Error>> {
    Ok(digits::load()?.flattened().split([0.7, 0.3], TEST_SEED)?)
}

fn main() -> Result<(), Box<dyn Error>> {
    match std::env::args().nth(1).as_deref() {
        Some("pick") => pick(),
        Some(epochs) => table(epochs.parse()?),
        None => table(EPOCHS),
    }
}

/// Validation errors by the strength of each term, on other seeds and without the test part.
fn pick() -> Result<(), Box<dyn Error>> {
    let [rest, _] = parts()?;
    println!("Validation error in %, {EPOCHS} epochs, mean of the seeds {PICKING_SEEDS:?}, by the strength");
    println!("in units of the second column; * the one in the table\n");
    println!("{:<24}{:>4}{}", "", "unit", FACTORS.map(|factor| format!("{factor:>8}")).concat());
    for method in methods().iter().filter(|method| method.strength > 0.0) {
        let mut cells = String::new();
        for factor in FACTORS {
            let strength = factor * method.scale;
            let mut errors = Vec::new();
            for seed in PICKING_SEEDS {
                let [train, validation] = rest.split([0.75, 0.25], seed)?;
                let curve = trained(method, strength, EPOCHS, [&train, &validation], seed)?;
                errors.push(error_after(&curve, EPOCHS));
            }
            let mark = if (strength / method.strength - 1.0).abs() < 1e-9 { "*" } else { " " };
            cells += &format!("{:>7.1}{mark}", Mean::of(errors).mean);
        }
        println!("{:<24}{:>4}{cells}", method.name, method.scale);
    }
    Ok(())
}

fn table(epochs: u64) -> Result<(), Box<dyn Error>> {
    let [train, test] = parts()?;
    let counts = (10 * PER_CLASS, train.len() - 10 * PER_CLASS, test.len());
    println!(
        "{} images with a label, {} without, {} to test; {epochs} epochs\n",
        counts.0, counts.1, counts.2
    );
    let (methods, mut rows, mut used) = (methods(), Vec::new(), Vec::new());
    for method in &methods {
        let mut row = Row { name: method.name, baseline: method.baseline, early: None, errors: Vec::new() };
        let mut early = Vec::new();
        for seed in SEEDS {
            let curve = trained(method, method.strength, epochs, [&train, &test], seed)?;
            early.push(error_after(&curve, EARLY));
            row.errors.push(error_after(&curve, epochs));
            if method.name == "pseudo-labels" {
                let tenths = curve.iter().step_by(epochs.div_ceil(10) as usize);
                used = tenths.map(|epoch| epoch.measured[0].1).collect();
            }
        }
        row.early = Some(early);
        rows.push(row);
    }
    let mut row = Row { name: "label propagation", baseline: None, early: None, errors: Vec::new() };
    for seed in SEEDS {
        let (labelled, unlabelled) = hide_labels(&train, PER_CLASS, seed)?;
        row.errors.push(propagated(&labelled, &unlabelled, &test)?);
    }
    rows.push(row);
    show(&rows);
    let shares: Vec<String> = used.iter().map(|share| format!("{:.0} %", 100.0 * share)).collect();
    println!("\nPseudo-labels: the share of images that the network was sure enough of, at every");
    println!("tenth of the last seed's training:\n{}", shares.join(", "));
    println!("\nLabel propagation trains no network and sees the test images too, without their");
    println!("labels. A random direction is the control of virtual adversarial training: images");
    println!("are moved by a radius of 1, and by one of 0.3 in the adversarial direction.");
    Ok(())
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

/// The test errors of a method, in per cent, one for each seed.
struct Row {
    name: &'static str,
    baseline: Option<&'static str>,
    /// Those after [`EARLY`] epochs.
    early: Option<Vec<f64>>,
    errors: Vec<f64>,
}

fn show(rows: &[Row]) {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_HORIZONTAL_ONLY);
    let early = format!("after {EARLY}");
    table.set_header(["test error, %", "mean", "below alone", &early, "below own"]);
    let gain = |from: &[f64], errors: &[f64]| {
        let gain = Mean::of(from.iter().zip(errors).map(|(from, error)| from - error));
        format!("{gain:+.1}")
    };
    for (number, row) in rows.iter().enumerate() {
        let mut cells = [(); 4].map(|()| String::new());
        cells[0] = format!("{:.1}", Mean::of(row.errors.iter().copied()));
        if number > 0 {
            cells[1] = gain(&rows[0].errors, &row.errors);
            if let (Some(alone), Some(early)) = (&rows[0].early, &row.early) {
                cells[2] = gain(alone, early);
            }
        }
        if let Some(own) = row.baseline.and_then(|name| rows.iter().find(|row| row.name == name)) {
            cells[3] = gain(&own.errors, &row.errors);
        }
        table.add_row([row.name.to_string()].into_iter().chain(cells));
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    println!("{table}");
}
