//! The orthogonality penalty in deep tanh networks: singular values of the weights, and training at depth.
//!
//! ```text
//! cargo run --release -p examples --example orthogonality
//! cargo run --release -p examples --example orthogonality pick
//! ```
//!
//! A chain of square layers multiplies its weights, and with them their singular values. Random Gaussian weights have
//! singular values from nearly 0 to 2: through many layers most directions vanish, signals on the way forward and
//! gradients on the way back. The penalty `α ‖WᵀW - I‖²` of each square matrix draws all of them to 1 (Bansal, Chen,
//! Wang, NeurIPS 2018). Three parts:
//!
//! 1. all singular values of a network's square weights, before training and after it, as a picture;
//! 2. those of the product of these weights;
//! 3. error on the digits by depth, with the penalty and without, from Gaussian and from orthogonal initial weights,
//!    and at one depth by learning rate.
//!
//! Learning rates and coefficients were picked on other seeds, for each way and depth by itself (the second command).
//!
//! Training alone leaves the spread of singular values as it was; with the penalty they end near 1, and so do those of
//! the product. Deep networks then learn better and bear larger rates. Orthogonal initial weights alone do much of that,
//! at 40 layers more than the penalty on Gaussian ones; the penalty adds some to them. With few layers it does little,
//! and with too small a rate it is in the way.

use autograd::{Parameters, Tensor};
use nn::data::digits;
use nn::train::Evaluation;
use nn::{Activation, Initialiser, Linear, Optimiser, Role, Selection, Sequential, Trainer, initialise};
use regularize::{Orthogonality, Penalties, RegularizeError, constraint};
use std::ops::Range;

#[path = "../src/mean.rs"]
mod mean;

use mean::Mean;

const WIDTH: usize = 32;
const DEPTHS: [usize; 3] = [5, 20, 40];
/// The depth of the pictures.
const SHOWN: usize = 20;
const EPOCHS: u64 = 15;
const SEEDS: Range<u64> = 10..20;
const PICKING_SEEDS: Range<u64> = 0..3;
const RATES: [f64; 5] = [0.002, 0.005, 0.01, 0.02, 0.05];
const ALPHAS: [f64; 5] = [0.01, 0.03, 0.1, 0.3, 1.0];
/// The coefficient of the table by learning rate.
const ALPHA: f64 = 0.1;

/// Initial weights, and learning rate and coefficient for each depth, as picked.
struct Way {
    name: &'static str,
    initialiser: Initialiser,
    picked: [(f64, f64); 3],
}

const GAUSSIAN: Initialiser = Initialiser::Kaiming { gain: 1.0 };
const ORTHOGONAL: Initialiser = Initialiser::Orthogonal { gain: 1.0 };
const WAYS: [Way; 4] = [
    Way { name: "Gaussian", initialiser: GAUSSIAN, picked: [(0.02, 0.0), (0.005, 0.0), (0.005, 0.0)] },
    Way { name: "Gaussian, penalty", initialiser: GAUSSIAN, picked: [(0.05, 0.3), (0.02, 1.0), (0.02, 0.1)] },
    Way { name: "orthogonal", initialiser: ORTHOGONAL, picked: [(0.02, 0.0), (0.01, 0.0), (0.002, 0.0)] },
    Way {
        name: "orthogonal, penalty",
        initialiser: ORTHOGONAL,
        picked: [(0.05, 0.03), (0.01, 0.01), (0.005, 0.03)],
    },
];

/// `depth` square layers between one that takes the digits and one that names them.
fn network(depth: usize, initialiser: Initialiser) -> Sequential<f32> {
    let layer =
        |inputs, outputs| move |name: &str| Linear::new(name, inputs, outputs).with_initialiser(initialiser);
    let first = Sequential::new().then_named("linear", layer(64, WIDTH)).then(Activation::Tanh);
    let square = |network: Sequential<f32>, _| {
        network.then_named("square", layer(WIDTH, WIDTH)).then(Activation::Tanh)
    };
    (0..depth).fold(first, square).then_named("linear", layer(WIDTH, 10))
}

/// The weights of the square layers.
fn squares() -> Selection {
    Selection::by("square weights", |spec| spec.role == Role::Weight && spec.shape == [WIDTH, WIDTH].into())
}

struct Trained {
    before: Parameters<f32>,
    after: Parameters<f32>,
    train: Evaluation,
    test: Evaluation,
}

fn train(
    initialiser: Initialiser,
    depth: usize,
    (rate, alpha): (f64, f64),
    seed: u64,
) -> Result<Trained, RegularizeError> {
    let [train, test] = digits::load()?.flattened().split([0.4, 0.6], seed)?;
    let model = network(depth, initialiser);
    let penalties = Penalties::new().with(squares(), Orthogonality::new(alpha)?);
    let mut trainer = Trainer::new(&model, Optimiser::momentum(rate, 0.9))
        .epochs(EPOCHS)
        .seed(seed)
        .objective(move |batch| penalties.added_to(batch.cross_entropy(), batch.parameters));
    let before = initialise(&model, seed);
    let mut after = before.clone();
    trainer.fit(&train, None, &mut after)?;
    let [train, test] = [trainer.evaluate(&train, &after)?, trainer.evaluate(&test, &after)?];
    Ok(Trained { before, after, train, test })
}

/// The square matrices of a network, from the first layer on, as rows.
fn matrices(depth: usize, parameters: &Parameters<f32>) -> Vec<Vec<Vec<f64>>> {
    let of_layer = |number: usize| {
        let w = parameters[format!("square{number}.weight").as_str()].cast::<f64>();
        w.data().chunks(WIDTH).map(<[f64]>::to_vec).collect()
    };
    (1..=depth).map(of_layer).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn product(a: &[Vec<f64>], b: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let column = |j: usize| b.iter().map(|row| row[j]).collect::<Vec<_>>();
    let columns: Vec<_> = (0..WIDTH).map(column).collect();
    a.iter().map(|row| columns.iter().map(|column| dot(row, column)).collect()).collect()
}

/// The singular values of a square matrix, the largest first.
fn singular_values(rows: Vec<Vec<f64>>) -> Result<Vec<f64>, RegularizeError> {
    constraint::singular_values(&Tensor::new([WIDTH, WIDTH], rows.concat()))
}

/// How many of the values are in each quarter from 0 to 3, as bars side by side.
fn picture(columns: &[(&str, Vec<f64>)]) {
    const BINS: usize = 12;
    let shares = |values: &Vec<f64>| {
        let mut shares = [0.0; BINS];
        for value in values {
            shares[((value * 4.0) as usize).min(BINS - 1)] += 1.0 / values.len() as f64;
        }
        shares
    };
    let names: String = columns.iter().map(|(name, _)| format!("{name:<22}")).collect();
    println!("               {}", names.trim_end());
    let shares: Vec<_> = columns.iter().map(|(_, values)| shares(values)).collect();
    for bin in 0..BINS {
        let bar = |shares: &[f64; BINS]| {
            let length = (20.0 * shares[bin]).ceil() as usize;
            format!("{:<22}", "#".repeat(length))
        };
        let upper = if bin + 1 == BINS { "".into() } else { format!("{:.2}", (bin + 1) as f64 / 4.0) };
        let line: String = shares.iter().map(bar).collect();
        println!("{}", format!("  {:.2} to {upper:<5}{line}", bin as f64 / 4.0).trim_end());
    }
    let range = |values: &Vec<f64>| {
        let (least, largest) = values.iter().fold((f64::INFINITY, 0.0f64), |(l, u), &v| (l.min(v), u.max(v)));
        format!("{:<22}", format!("{least:.3} to {largest:.3}"))
    };
    println!(
        "  in all       {}",
        columns.iter().map(|(_, values)| range(values)).collect::<String>().trim_end()
    );
}

fn values() -> Result<(), RegularizeError> {
    let at = DEPTHS.iter().position(|&depth| depth == SHOWN).expect("a depth");
    let shown = |way: &Way| train(way.initialiser, SHOWN, way.picked[at], SEEDS.start);
    let (plain, penalised) = (shown(&WAYS[0])?, shown(&WAYS[1])?);
    let networks = [
        ("before", &plain.before),
        ("without penalty", &plain.after),
        ("with the penalty", &penalised.after),
    ];
    println!("A tanh network of {SHOWN} square layers, {WIDTH} wide, from Gaussian weights: singular");
    println!("values of all square weights before and after training; a # is 5 % or a part.\n");
    let mut columns = Vec::new();
    for (name, parameters) in networks {
        let mut all = Vec::new();
        for matrix in matrices(SHOWN, parameters) {
            all.extend(singular_values(matrix)?);
        }
        columns.push((name, all));
    }
    picture(&columns);
    println!("\nSingular values of the product of the {SHOWN} matrices\n");
    println!("  {:<18}{:>10}{:>10}{:>10}", "", "largest", "median", "least");
    for (name, parameters) in networks {
        let all = matrices(SHOWN, parameters);
        let whole = all[1..].iter().fold(all[0].clone(), |whole, next| product(&whole, next));
        let values = singular_values(whole)?;
        println!("  {name:<18}{:>10.1e}{:>10.1e}{:>10.1e}", values[0], values[WIDTH / 2], values[WIDTH - 1]);
    }
    Ok(())
}

fn errors() -> Result<(), RegularizeError> {
    println!(
        "\nDigits after {EPOCHS} epochs with momentum 0.9, {} seeds ± standard error; less: test",
        SEEDS.count()
    );
    println!("error less than without the penalty from the same weights, seed by seed.\n");
    println!("depth  {:<19}{:>6}{:>6}{:>15}{:>13}{:>14}", "", "ε", "α", "train loss", "error %", "less");
    for (position, depth) in DEPTHS.into_iter().enumerate() {
        let mut without = Vec::new();
        for way in &WAYS {
            let (rate, alpha) = way.picked[position];
            let one = |seed| train(way.initialiser, depth, (rate, alpha), seed);
            let all: Vec<Trained> = SEEDS.map(one).collect::<Result<_, RegularizeError>>()?;
            let loss = Mean::of(all.iter().map(|trained| trained.train.loss));
            let errors: Vec<f64> = all.iter().map(|trained| 100.0 * trained.test.error).collect();
            let mut less = String::new();
            if alpha == 0.0 {
                without.clone_from(&errors);
            } else {
                less = format!("{:+.1}", Mean::of(without.iter().zip(&errors).map(|(a, b)| a - b)));
            }
            let error = Mean::of(errors);
            let numbers = format!("{rate:>6}{alpha:>6}{loss:>15.3}{error:>13.1}{less:>14}");
            println!("{depth:5}  {:<19}{}", way.name, numbers.trim_end());
        }
    }
    Ok(())
}

/// At one depth, what learning rates the ways bear.
fn by_rate() -> Result<(), RegularizeError> {
    println!("\nTest error in % by learning rate, {SHOWN} square layers, penalty with α = {ALPHA}\n");
    println!("  {:<20}{}", "", RATES.map(|rate| format!("{rate:>11}")).concat());
    for way in &WAYS {
        let alpha = if way.picked[0].1 == 0.0 { 0.0 } else { ALPHA };
        let mut cells = String::new();
        for rate in RATES {
            let error = |seed| Ok(100.0 * train(way.initialiser, SHOWN, (rate, alpha), seed)?.test.error);
            let errors = SEEDS.map(error).collect::<Result<Vec<f64>, RegularizeError>>()?;
            cells += &format!("{:>11.1}", Mean::of(errors));
        }
        println!("  {:<20}{cells}", way.name);
    }
    Ok(())
}

/// Test errors for each learning rate and coefficient, on seeds of their own.
fn pick() -> Result<(), RegularizeError> {
    println!("depth  {:<16}{:>6}{}", "", "α", RATES.map(|rate| format!("{rate:>10}")).concat());
    for depth in DEPTHS {
        for (name, initialiser) in [("Gaussian", GAUSSIAN), ("orthogonal", ORTHOGONAL)] {
            for alpha in [0.0].into_iter().chain(ALPHAS) {
                let mut cells = String::new();
                for rate in RATES {
                    let error = |seed| Ok(100.0 * train(initialiser, depth, (rate, alpha), seed)?.test.error);
                    let errors = PICKING_SEEDS.map(error).collect::<Result<Vec<f64>, RegularizeError>>()?;
                    cells += &format!("{:>10.1}", Mean::of(errors).mean);
                }
                println!("{depth:5}  {name:<16}{alpha:>6}{cells}");
            }
        }
    }
    Ok(())
}

fn main() -> Result<(), RegularizeError> {
    if std::env::args().nth(1).as_deref() == Some("pick") {
        return pick();
    }
    values()?;
    errors()?;
    by_rate()
}
