//! Two linear models of MNIST under the fast gradient sign method (Goodfellow, Shlens, Szegedy, ICLR 2015).
//!
//! ```text
//! cargo run --release -p examples --example adversarial_mnist -- --data DIRECTORY
//! ```
//!
//! Softmax regression on all ten digits, and logistic regression on threes and sevens, each attacked with `ε =
//! 0.25` and, as in the paper, without a box. The paper prints 99.9 % wrong with a mean confidence of 79.3 % for
//! the first, 1.6 % to 99 % for the second. Clipped to valid pixels, which changes figures, they are given too.
//! For logistic regression the loss under attack has a closed form, `ζ(ε ‖w‖₁ - y (wᵀx + b))`: both are
//! computed.

use autograd::{Parameters, Tensor};
use nn::data::{Dataset, idx};
use nn::{Activation, Optimiser, Sequential, Trainer, initialise};
use regularize::{AttackEvaluator, FastGradient, RegularizeError, Robustness};
use std::error::Error;
use std::process::ExitCode;

const EPSILON: f64 = 0.25;
const SEED: u64 = 1;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let [flag, directory] = &arguments[..] else {
        eprintln!("usage: adversarial_mnist --data DIRECTORY, where the four IDX files of MNIST are");
        return ExitCode::from(2);
    };
    if flag != "--data" {
        eprintln!("usage: adversarial_mnist --data DIRECTORY");
        return ExitCode::from(2);
    }
    match run(directory.as_ref()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("adversarial_mnist: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(directory: &std::path::Path) -> Result<(), Box<dyn Error>> {
    let (train, test) = idx::load_directory(directory)?;
    let (train, test) = (train.flattened(), test.flattened());
    let (model, parameters) = linear(&train)?;
    println!("Softmax regression, {} test images, ε = {EPSILON}", test.len());
    report(&model, &parameters, &test)?;

    let (train, test) = (sevens(&train)?, sevens(&test)?);
    let (model, parameters) = linear(&train)?;
    println!("\nLogistic regression, 3 against 7, {} test images, ε = {EPSILON}", test.len());
    let attacked = report(&model, &parameters, &test)?;
    // Two logits are logistic regression with the difference of their weights.
    let weight = parameters["linear1.weight"].data();
    let w: Vec<f64> = weight.chunks(2).map(|w| f64::from(w[1]) - f64::from(w[0])).collect();
    let bias = parameters["linear1.bias"].data();
    let b = f64::from(bias[1]) - f64::from(bias[0]);
    let norm: f64 = w.iter().map(|w| w.abs()).sum();
    let closed = |example: usize| {
        let y = if test.labels().data()[example] == 1 { 1.0 } else { -1.0 };
        let z: f64 = test.example(example).iter().zip(&w).map(|(x, w)| f64::from(*x) * w).sum::<f64>() + b;
        let a = EPSILON * norm - y * z;
        a.max(0.0) + (-a.abs()).exp().ln_1p()
    };
    let mean = (0..test.len()).map(closed).sum::<f64>() / test.len() as f64;
    println!("loss under attack {:.6}, by the closed form {mean:.6}", attacked.loss);
    Ok(())
}

/// A linear model, trained.
fn linear(train: &Dataset) -> Result<(Sequential<f32>, Parameters<f32>), RegularizeError> {
    let model = Sequential::<f32>::mlp(&[train.width(), train.classes()], Activation::Relu);
    let mut parameters = initialise(&model, SEED);
    let optimiser = Optimiser::adam(0.001);
    Trainer::new(&model, optimiser).batch_size(100).epochs(10).seed(SEED).fit(
        train,
        None,
        &mut parameters,
    )?;
    Ok((model, parameters))
}

/// The threes and sevens, as classes 0 and 1.
fn sevens(data: &Dataset) -> Result<Dataset, RegularizeError> {
    let labels = data.labels().data();
    let chosen: Vec<usize> = (0..data.len()).filter(|&i| labels[i] == 3 || labels[i] == 7).collect();
    let (examples, labels) = data.gather(&chosen)?;
    let labels = Tensor::from_fn([chosen.len()], |i| u32::from(labels.data()[i] == 7));
    Ok(Dataset::new(examples, labels, 2)?)
}

/// Prints both attacks and returns the one without a box.
fn report(
    model: &Sequential<f32>,
    parameters: &Parameters<f32>,
    test: &Dataset,
) -> Result<Robustness, RegularizeError> {
    println!("{:<12}{:>10}{:>10}{:>26}", "", "clean", "attacked", "confidence when wrong");
    let mut first = None;
    for (name, attack) in [
        ("without box", FastGradient::new(EPSILON)?),
        ("clipped", FastGradient::new(EPSILON)?.within(0.0, 1.0)?),
    ] {
        let found = AttackEvaluator::new(model, attack, 256).attack(test, parameters)?.robustness;
        println!(
            "{name:<12}{:>8.2} %{:>8.2} %{:>24.1} %",
            100.0 * found.clean_error,
            100.0 * found.error,
            100.0 * found.confidence_when_wrong.unwrap_or(0.0)
        );
        first.get_or_insert(found);
    }
    Ok(first.expect("two attacks"))
}
