//! Certificates: what no attack can do, by randomised smoothing and by interval bounds.
//!
//! `cargo run --release -p examples --example certificates`
//!
//! First, networks trained on noisy digits and smoothed with the same noise: the share of test images that
//! are right and certified within a Euclidean radius. More noise certifies further, up to a point, and costs
//! accuracy at the smaller radii.
//!
//! Second, interval bounds in the maximum norm: the error that twenty projected gradient steps find, and the
//! error that cannot be excluded: by bounds of each logit by itself ([`interval_bounds`]), and by bounds of
//! the differences of logits, which merge the last layer with them ([`margin_bounds`]). The truth lies
//! between the first and the last. For a plain network and for one trained against attacks the bounds say
//! little beyond the smallest box, however robust it is; one trained for bounds has tight ones.
//!
//! Last, the bounds themselves, for a digit that two of the networks name right, beside what a thousand
//! corners of the box reach.

use autograd::{Graph, Parameters, Tensor, interpret};
use comfy_table::{CellAlignment, Table, presets};
use nn::data::{Dataset, digits};
use nn::train::Evaluator;
use nn::{Activation, Layer, Mode, Optimiser, Sequential, Trainer, initialise};
use regularize::RegularizeError;
use regularize::adversarial::{
    AdversarialTraining, InputBox, IntervalTraining, OverfittingMonitor, Pgd, SmoothedClassifier, Smoothing,
    Threat, certified_accuracy, interval_bounds, margin_bounds, verify,
};
use std::error::Error;

#[path = "../src/mean.rs"]
mod mean;
#[path = "../src/random.rs"]
mod random;

use mean::Mean;

const SEEDS: u64 = 5;
const EPOCHS: u64 = 30;

fn main() -> Result<(), Box<dyn Error>> {
    smoothing()?;
    println!();
    intervals()
}

fn split(seed: u64) -> Result<[Dataset; 2], Box<dyn Error>> {
    Ok(digits::load()?.flattened().split([0.7, 0.3], seed)?)
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

fn smoothing() -> Result<(), Box<dyn Error>> {
    const RADII: [f64; 6] = [0.0, 0.25, 0.5, 0.75, 1.0, 1.5];
    let header = ["certified, %, R ≥".to_string()].into_iter();
    let mut table =
        table(header.chain(RADII.iter().map(|r| format!("{r}"))).chain(["none".into()]).collect());
    for sigma in [0.125, 0.25, 0.5, 1.0] {
        let smoothing = Smoothing::new(sigma)?.samples(100, 1000)?.level(0.001)?;
        let mut columns = vec![Vec::new(); RADII.len() + 1];
        for seed in 1..=SEEDS {
            let [train, test] = split(seed)?;
            // A hundred test images: a thousand and a hundred copies of each.
            let test = &test.subset(&(0..100).collect::<Vec<_>>())?;
            let model = model();
            let mut trainer =
                Trainer::new(&model, Optimiser::adam(3e-3)).epochs(EPOCHS).seed(seed).objective(
                    move |batch| batch.on(smoothing.noisy(batch.inputs, "training noise")).cross_entropy(),
                );
            let mut parameters = initialise(&model, seed);
            trainer.fit(&train, None, &mut parameters)?;
            let certificates =
                SmoothedClassifier::new(&model, smoothing, seed).certify_all(test, &parameters)?;
            let shares = certified_accuracy(&certificates, test.labels().data(), &RADII)?;
            let abstained = certificates.iter().filter(|found| found.is_none()).count();
            let abstained = abstained as f64 / test.len() as f64;
            let found = shares.into_iter().chain([abstained]).map(|share| 100.0 * share);
            columns.iter_mut().zip(found).for_each(|(column, share)| column.push(share));
        }
        let cells = columns.into_iter().map(|column| format!("{:.0}", Mean::of(column)));
        table.add_row([format!("σ = {sigma}")].into_iter().chain(cells));
    }
    println!("Smoothing: right and certified within R, each with probability 99.9 %; 100");
    println!("images for each of {SEEDS} seeds, ± standard error:\n{table}");
    println!("With n = 1000 copies no certificate is longer than {:.2} σ.", {
        Smoothing::new(1.0)?.samples(1, 1000)?.certificate(0, 1000)?.map_or(0.0, |best| best.radius)
    });
    Ok(())
}

/// What a network is trained on.
#[derive(Debug, Clone, Copy)]
enum Training {
    Plain,
    Attacks,
    Bounds,
}

const TRAININGS: [(Training, &str); 3] = [
    (Training::Plain, "plain"),
    (Training::Attacks, "trained with PGD"),
    (Training::Bounds, "trained for bounds"),
];
/// The largest box that is trained in.
const EPSILON: f64 = 0.1;

fn region(epsilon: f64) -> Result<InputBox, RegularizeError> {
    InputBox::new(epsilon)?.within(0.0, 1.0)
}

fn threat(epsilon: f64) -> Result<Threat, RegularizeError> {
    Threat::infinity(epsilon)?.within(0.0, 1.0)
}

fn trained(
    model: &Sequential<f32>,
    training: Training,
    train: &Dataset,
    seed: u64,
) -> Result<Parameters<f32>, Box<dyn Error>> {
    let mut parameters = initialise(model, seed);
    // The box grows from stage to stage: bounds of a fresh network are too wide to learn from.
    for stage in 1..=3u32 {
        let epsilon = EPSILON * f64::from(stage) / 3.0;
        let attacked =
            AdversarialTraining::new(Pgd::new(threat(epsilon)?, 7)?.from_random(), 0.0, Mode::Evaluate)?;
        let worst = IntervalTraining::new(region(epsilon)?, 0.5)?;
        let mut trainer = Trainer::new(model, Optimiser::adam(3e-3))
            .epochs(EPOCHS)
            .first_epoch(u64::from(stage - 1) * EPOCHS)
            .seed(seed)
            .objective(move |batch| match training {
                Training::Plain => batch.cross_entropy(),
                Training::Attacks => attacked.objective(batch, |batch| batch.cross_entropy()),
                Training::Bounds => worst.objective(batch),
            });
        trainer.fit(train, None, &mut parameters)?;
    }
    Ok(parameters)
}

fn intervals() -> Result<(), Box<dyn Error>> {
    const SHOWN: [f64; 3] = [0.02, 0.05, 0.1];
    println!("Interval bounds, trainings with ε = {EPSILON}; {SEEDS} seeds. The error that an attack of");
    println!("twenty steps finds, the one that bounds of margins cannot exclude, and the same");
    println!("of each logit by itself, without merging the last layer:\n");
    let header: String = SHOWN.iter().map(|epsilon| format!("{:>13}", format!("ε = {epsilon}"))).collect();
    println!("{:<19}{:<12}{:>10}{header}", "error, %", "", "clean");
    let mut looked_at = Vec::new();
    for (training, name) in TRAININGS {
        let mut clean = Vec::new();
        let mut errors: [[Vec<f64>; SHOWN.len()]; 3] = Default::default();
        for seed in 1..=SEEDS {
            let ([train, test], model) = (split(seed)?, model());
            let parameters = trained(&model, training, &train, seed)?;
            for (i, epsilon) in SHOWN.into_iter().enumerate() {
                let proven = verify(&model, region(epsilon)?, &test, &parameters)?;
                let found =
                    OverfittingMonitor::new(&model, threat(epsilon)?, 20, &test)?.measure(0, &parameters)?;
                let found = [1.0 - found.iterated, proven.verified_error, proven.separate_error];
                errors.iter_mut().zip(found).for_each(|(errors, found)| errors[i].push(100.0 * found));
                if i == 0 {
                    clean.push(100.0 * proven.clean_error);
                }
            }
            if seed == 1 && !matches!(training, Training::Attacks) {
                looked_at.push((name, model, parameters, test));
            }
        }
        let clean = format!("{:.1}", Mean::of(clean));
        let firsts = [(name, "attack finds", clean.as_str()), ("", "by margins", ""), ("", "by logits", "")];
        for ((name, kind, clean), errors) in firsts.into_iter().zip(errors) {
            let cells = errors.map(|errors| format!("{:>13.1}", Mean::of(errors))).concat();
            println!("{name:<19}{kind:<12}{clean:>10}{cells}");
        }
    }
    // The first digit that both networks name right.
    let (_, _, _, test) = &looked_at[0];
    let answers = looked_at
        .iter()
        .map(|(_, model, parameters, test)| Evaluator::new(model, 256).logits(test, parameters))
        .collect::<Result<Vec<_>, _>>()?;
    let right = |logits: &Tensor<f32>, at: usize| {
        let z = &logits.data()[10 * at..10 * (at + 1)];
        let label = test.labels().data()[at] as usize;
        z.iter().enumerate().all(|(k, &value)| k == label || value < z[label])
    };
    let digit = (0..test.len()).find(|&at| answers.iter().all(|logits| right(logits, at)));
    let digit = digit.expect("both name most digits right");
    for (name, model, parameters, test) in &looked_at {
        one_digit(name, model, parameters, test, digit)?;
    }
    Ok(())
}

/// The bounds for a test digit, and what a thousand random corners of the box reach.
fn one_digit(
    name: &str,
    model: &Sequential<f32>,
    parameters: &Parameters<f32>,
    test: &Dataset,
    digit: usize,
) -> Result<(), Box<dyn Error>> {
    const RADIUS: f64 = 0.05;
    const CORNERS: usize = 1000;
    let (example, label) = (test.example(digit), test.labels().data()[digit] as usize);
    let graph = Graph::new();
    let x = graph.constant(Tensor::new([1, example.len()], example.to_vec()));
    let logits = model.forward(x, Mode::Evaluate);
    let range = region(RADIUS)?.around(x);
    let bounds = interval_bounds(logits, x, range)?;
    let labels = graph.index_constant(Tensor::new([1], vec![label as u32]));
    let margins = margin_bounds(logits, x, range, labels)?;
    let found = interpret(&[logits, bounds.low, bounds.high, margins], &[], Some(parameters))?;
    let [logits, low, high, margins] = [0, 1, 2, 3].map(|i: usize| found[i].data());

    let corner = |i: usize| {
        let sign = if random::uniform(1, i as u64) < 0.5 { -1.0 } else { 1.0 };
        (example[i % example.len()] + sign * RADIUS as f32).clamp(0.0, 1.0)
    };
    let corners = Tensor::from_fn([CORNERS, example.len()], corner);
    let corners = Dataset::new(corners, Tensor::full([CORNERS], label as u32), 10)?;
    let seen = Evaluator::new(model, 256).logits(&corners, parameters)?;
    let extremes = |of: &dyn Fn(&[f32]) -> f32| {
        let values = seen.data().chunks(10).map(of);
        values.fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)))
    };
    println!("\n{name}, first seed: a test digit, a {label}, ε = {RADIUS}.");
    println!("Each logit z, and how far it may be above the label's, in {CORNERS} corners and by");
    println!("bounds:\n");
    println!("  class      z     in corners         bounds     above: corners  margins  logits");
    for k in 0..10 {
        let ((least, most), (_, above)) = (extremes(&|z| z[k]), extremes(&|z| z[k] - z[label]));
        let [margin, separate] = [margins[k], high[k] - low[label]];
        print!("  {k:>5}{:>7.1}  {least:>5.1} … {most:>5.1}  {:>5.1} … {:>5.1}", logits[k], low[k], high[k]);
        match k == label {
            true => println!("{:>16}", "the label"),
            false => println!("{above:>16.1}{margin:>9.1}{separate:>8.1}"),
        }
    }
    let proven = |of: &dyn Fn(usize) -> f32| (0..10).filter(|&k| k != label && of(k) < 0.0).count();
    println!(
        "\n  Below the label's for certain: {} of 9 by margins, {} by logits.",
        proven(&|k| margins[k]),
        proven(&|k| high[k] - low[label])
    );
    Ok(())
}
