//! Decoupled decay beside L2 in Adam's gradient: which weights shrink, and where the best coefficient is.
//!
//! ```text
//! cargo run --release -p examples --example decoupled_decay
//! cargo run --release -p examples --example decoupled_decay pick
//! ```
//!
//! (Loshchilov and Hutter, *Decoupled Weight Decay Regularization*, ICLR 2019.) Adam divides each number of a gradient
//! by the size that this number usually has. An L2 penalty in the gradient is divided too; decay beside it is not.
//!
//! 1. Weights that the data pull to neither side: their gradients are noise, of one size for each row. What is left of
//!    them after a thousand steps of Adam, beside what the two formulas say; that of L2 is for gradients much larger
//!    than `α w`. With L2 in the gradient weights of large gradients hardly shrink, decoupled all alike.
//! 2. A network on the embedded digits, some of whose labels are wrong: validation error by the coefficient `α` and the
//!    learning rate `ε`. The least errors of both ways are about the same, and the best `α` moves with the rate in
//!    both: this does not tell them apart. (The step is `ε α w`; the paper calls `ε α` the coefficient.)
//! 3. The same by `α` and a factor of the loss, which Adam alone does not notice. The best `α` of L2 in the gradient
//!    moves with the factor, column for column; decoupled it stays where it is.
//!
//! The second command prints the grids on the seeds on which their ranges were picked.

use autograd::kernel::philox::{Stream, stream_of_name};
use autograd::{Feed, Graph, Parameters, Plan, Tensor};
use nn::data::digits;
use nn::{
    Activation, Initialiser, LEARNING_RATE, Optimiser, ParameterSpec, Role, Schedule, Selection, Sequential,
    Trainer, initialise,
};
use regularize::{DecoupledDecay, L2, Penalties, RegularizeError};
use std::ops::Range;

#[path = "labels/mod.rs"]
mod labels;
#[path = "../src/mean.rs"]
mod mean;

use labels::with_wrong_labels;
use mean::Mean;

#[derive(Clone, Copy, PartialEq)]
enum Decay {
    /// L2 in the objective, and so in the gradient.
    Coupled,
    Decoupled,
}

impl Decay {
    /// Adam and what is added to the objective.
    fn adam<T: autograd::Real>(
        self,
        rate: Schedule,
        alpha: f64,
    ) -> Result<(Optimiser<T>, Penalties<T>), RegularizeError> {
        Ok(match self {
            Decay::Coupled => {
                (Optimiser::adam(rate), Penalties::new().with(Selection::weights(), L2::new(alpha)?))
            }
            Decay::Decoupled => {
                let decay = DecoupledDecay::new(alpha, Selection::weights())?;
                (Optimiser::adam(rate).then(decay), Penalties::new())
            }
        })
    }
}

/// The sizes of gradients of the first table, a row of weights for each.
const SIZES: [f64; 5] = [0.3, 1.0, 3.0, 10.0, 30.0];
const COPIES: usize = 2000;
const STEPS: u64 = 1000;
const RATE: f64 = 5e-3;
const ALPHA: f64 = 0.1;

/// What is left of weights that begin with 1.
fn left(decay: Decay) -> Result<Vec<f64>, RegularizeError> {
    let shape = [SIZES.len(), COPIES];
    let graph = Graph::new();
    let specs = [ParameterSpec {
        name: "w".into(),
        shape: shape.into(),
        role: Role::Weight,
        initialiser: Initialiser::Constant(1.0),
    }];
    let loss = (specs[0].declare(&graph) * graph.input("gradient", shape)).sum();
    let (optimiser, penalties) = decay.adam::<f64>(RATE.into(), ALPHA)?;
    let step = optimiser.minimise(penalties.added_to(loss, &specs), &specs);
    let mut plan = step.add_to(Plan::builder(&graph)).compile();
    let mut parameters: Parameters<f64> = nn::initialise_parameters(&specs, 1);
    step.initialise_state(&mut parameters);
    let mut gradient = Tensor::<f64>::zeros(shape);
    for k in 0..STEPS {
        Stream::new(1, stream_of_name("gradient"), k).fill_normal(0, gradient.data_mut());
        for (row, size) in gradient.data_mut().chunks_mut(COPIES).zip(SIZES) {
            row.iter_mut().for_each(|g| *g *= size);
        }
        plan.run(&mut parameters, &[("gradient", Feed::from(&gradient)), (LEARNING_RATE, RATE.into())])?;
    }
    Ok(parameters["w"].data().to_vec())
}

fn shrinking() -> Result<(), RegularizeError> {
    println!("Weights that were 1, after {STEPS} steps of Adam at ε = {RATE} with α = {ALPHA}; their");
    println!("gradients are noise of a deviation s. Mean of {COPIES} weights ± standard error.\n");
    println!("         L2 in the gradient                  decoupled");
    println!("      s            measured   exp(-εαt/s)             measured    (1-εα)^t");
    let [coupled, decoupled] = [left(Decay::Coupled)?, left(Decay::Decoupled)?];
    let rows = coupled.chunks(COPIES).zip(decoupled.chunks(COPIES));
    for (size, (coupled, decoupled)) in SIZES.into_iter().zip(rows) {
        let [coupled, decoupled] = [coupled, decoupled].map(|row| Mean::of(row.iter().copied()));
        let scaled = (-RATE * ALPHA * STEPS as f64 / size).exp();
        let plain = (1.0 - RATE * ALPHA).powi(STEPS as i32);
        println!("  {size:5} {coupled:>19.4} {scaled:13.4} {decoupled:>20.4} {plain:11.4}");
    }
    Ok(())
}

const DIGITS: f64 = 200.0;
/// Every so manieth training label is wrong.
const WRONG: usize = 5;
const EPOCHS: u64 = 100;
const BATCH: usize = 32;
const RATES: [f64; 3] = [0.001, 0.004, 0.016];
/// What the loss is multiplied by, at the middle rate.
const FACTORS: [f64; 3] = [0.25, 1.0, 4.0];
/// From each coefficient to the next a factor of 2, half of that from each rate to the next.
const COUPLED: [f64; 7] = [0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128];
const DECOUPLED: [f64; 7] = [0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0];
/// The seeds of the grid, and those that its ranges were picked on.
const SEEDS: Range<u64> = 100..110;
const PICKING_SEEDS: Range<u64> = 0..4;

/// The validation error of one training, in per cent, with the loss multiplied by `factor`.
fn error(decay: Decay, [rate, factor]: [f64; 2], alpha: f64, seed: u64) -> Result<f64, RegularizeError> {
    let parts = [DIGITS, 900.0, 897.0 - DIGITS].map(|part| part / 1797.0);
    let [train, validation, _] = digits::load()?.flattened().split(parts, seed)?;
    let train = with_wrong_labels(train, WRONG)?;
    let model = Sequential::<f32>::mlp(&[64, 64, 10], Activation::Relu);
    let steps = EPOCHS * train.len().div_ceil(BATCH) as u64;
    let schedule = Schedule::Cosine { initial: rate, last: 0.0, steps };
    let (optimiser, penalties) = decay.adam(schedule, alpha)?;
    let mut parameters = initialise(&model, seed);
    let mut trainer = Trainer::new(&model, optimiser)
        .batch_size(BATCH)
        .epochs(EPOCHS)
        .seed(seed)
        .objective(move |batch| penalties.added_to(batch.cross_entropy() * factor, batch.parameters));
    trainer.fit(&train, None, &mut parameters)?;
    Ok(100.0 * trainer.evaluate(&validation, &parameters)?.error)
}

/// The place of the least error in a row, the mean of equals.
fn place_of_least(errors: &[f64]) -> f64 {
    let least = errors.iter().copied().fold(f64::INFINITY, f64::min);
    Mean::of((0..errors.len()).filter(|&i| errors[i] == least).map(|i| i as f64)).mean
}

/// A row for each rate and factor of the loss, named by what varies.
fn grid(
    title: &str,
    (decay, alphas): (Decay, [f64; 7]),
    rows: [(f64, [f64; 2]); 3],
    seeds: Range<u64>,
) -> Result<(), RegularizeError> {
    println!("\n{title}\n");
    println!("       α{}          best", alphas.map(|alpha| format!("{alpha:8}")).concat());
    // The place of the best coefficient, by row and seed.
    let mut places = Vec::new();
    let mut largest_error = 0.0f64;
    for (name, setting) in rows {
        let mut errors = Vec::new();
        for seed in seeds.clone() {
            let row = alphas.iter().map(|&alpha| error(decay, setting, alpha, seed));
            errors.push(row.collect::<Result<Vec<f64>, _>>()?);
        }
        let means: Vec<Mean> = (0..alphas.len()).map(|i| Mean::of(errors.iter().map(|row| row[i]))).collect();
        let least = means.iter().map(|mean| mean.mean).fold(f64::INFINITY, f64::min);
        let cell = |mean: &Mean| format!("{:7.1}{}", mean.mean, if mean.mean == least { '*' } else { ' ' });
        largest_error = means.iter().filter_map(|mean| mean.standard_error).fold(largest_error, f64::max);
        places.push(errors.iter().map(|row| place_of_least(row)).collect::<Vec<_>>());
        let place = Mean::of(places[places.len() - 1].iter().map(|place| 1.0 + place));
        println!("{name:8}{}  {place:>11.1}", means.iter().map(cell).collect::<String>());
    }
    let moved = Mean::of(places[0].iter().zip(&places[2]).map(|(first, last)| last - first));
    println!("\n  From the first row to the last, a factor of 16 or four columns, the best place");
    println!("  moves by {moved:+.1} columns. Entries have standard errors of at most {largest_error:.1}.");
    Ok(())
}

fn main() -> Result<(), RegularizeError> {
    let pick = std::env::args().nth(1).as_deref() == Some("pick");
    let seeds = if pick { PICKING_SEEDS } else { SEEDS };
    if !pick {
        shrinking()?;
    }
    println!("\n{DIGITS} digits, every fifth label wrong; a 64-64-10 network, {EPOCHS} epochs of Adam; the");
    println!(
        "rate falls from ε along a cosine. Validation error in %, mean of {} seeds; * is",
        seeds.clone().count()
    );
    println!("the least of a row; best: the place (1 to 7) of the least of a seed, mean ±");
    println!("standard error. The coefficients of L2 are about 60 times smaller.");
    let rates = RATES.map(|rate| (rate, [rate, 1.0]));
    let (coupled, decoupled) = ((Decay::Coupled, COUPLED), (Decay::Decoupled, DECOUPLED));
    grid("L2 in the gradient, by ε", coupled, rates, seeds.clone())?;
    grid("Decoupled, by ε", decoupled, rates, seeds.clone())?;
    let factors = FACTORS.map(|factor| (factor, [RATES[1], factor]));
    let by_factor = |name: &str| format!("{name}, by a factor of the loss, ε = {}", RATES[1]);
    grid(&by_factor("L2 in the gradient"), coupled, factors, seeds.clone())?;
    grid(&by_factor("Decoupled"), decoupled, factors, seeds)
}
