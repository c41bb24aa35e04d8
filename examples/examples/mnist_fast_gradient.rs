//! Two linear models of MNIST under the fast gradient sign method (Goodfellow, Shlens, Szegedy, ICLR 2015).
//!
//! ```text
//! cargo run --release -p examples --example mnist_fast_gradient -- --data DIRECTORY
//! ```
//!
//! Softmax regression on all ten digits, and logistic regression on threes and sevens, each attacked with `ε =
//! 0.25` and, as in the paper, without a box. The paper prints 99.9 % wrong with a mean confidence of 79.3 % for
//! the first, 1.6 % to 99 % for the second. Clipped to valid pixels, which changes figures, they are given too.
//!
//! The error does not depend on how large the weights are, the confidence does: the attack moves a logit by `ε
//! ‖w‖₁`. So the softmax is trained with several weight decays. For logistic regression the loss under attack has
//! a closed form, `ζ(ε ‖w‖₁ - y (wᵀx + b))`: both are computed, in double precision.

use autograd::{Parameters, Real, Tensor};
use nn::data::{Dataset, idx};
use nn::{Activation, Optimiser, Selection, Sequential, Trainer, initialise};
use regularize::{AttackEvaluator, FastGradient, L2, Penalties, RegularizeError, Robustness};
use std::error::Error;
use std::process::ExitCode;

const EPSILON: f64 = 0.25;
const SEED: u64 = 1;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let [flag, directory] = &arguments[..] else {
        eprintln!("usage: mnist_fast_gradient --data DIRECTORY, where the four IDX files of MNIST are");
        return ExitCode::from(2);
    };
    if flag != "--data" {
        eprintln!("usage: mnist_fast_gradient --data DIRECTORY");
        return ExitCode::from(2);
    }
    match run(directory.as_ref()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mnist_fast_gradient: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(directory: &std::path::Path) -> Result<(), Box<dyn Error>> {
    let (train, test) = idx::load_directory(directory)?;
    let (train, test) = (train.flattened(), test.flattened());
    for decay in [0.0, 0.001, 0.01, 0.03, 0.1] {
        let parameters = linear(&train, decay)?;
        println!("Softmax regression, decay {decay}, {} test images, ε = {EPSILON}", test.len());
        report(&parameters, &test)?;
    }

    let (train, test) = (sevens(&train)?, sevens(&test)?);
    let parameters = linear(&train, 0.0)?;
    println!("\nLogistic regression, 3 against 7, {} test images, ε = {EPSILON}", test.len());
    let attacked = report(&parameters, &test)?;
    // Two logits are logistic regression with the difference of their weights.
    let weight = parameters["linear1.weight"].cast::<f64>();
    let w: Vec<f64> = weight.data().chunks(2).map(|w| w[1] - w[0]).collect();
    let bias = parameters["linear1.bias"].cast::<f64>();
    let b = bias.data()[1] - bias.data()[0];
    let norm: f64 = w.iter().map(|w| w.abs()).sum();
    let closed = |example: usize| {
        let y = if test.labels().data()[example] == 1 { 1.0 } else { -1.0 };
        let z: f64 = test.example(example).iter().zip(&w).map(|(x, w)| f64::from(*x) * w).sum::<f64>() + b;
        let a = EPSILON * norm - y * z;
        a.max(0.0) + (-a.abs()).exp().ln_1p()
    };
    let mean = (0..test.len()).map(closed).sum::<f64>() / test.len() as f64;
    println!("loss under attack {:.10}, by the closed form {mean:.10}", attacked.loss);
    Ok(())
}

fn model<T: Real>(data: &Dataset<impl Real>) -> Sequential<T> {
    Sequential::mlp(&[data.width(), data.classes()], Activation::Relu)
}

/// A linear model trained with `decay/2 ‖w‖²` in its loss.
fn linear(train: &Dataset, decay: f64) -> Result<Parameters<f32>, RegularizeError> {
    let model = model::<f32>(train);
    let mut parameters = initialise(&model, SEED);
    let penalties = Penalties::new().with(Selection::weights(), L2::new(decay)?);
    let mut trainer = Trainer::new(&model, Optimiser::adam(0.001)).batch_size(100).epochs(10).seed(SEED);
    trainer = trainer.objective(move |batch| penalties.added_to(batch.cross_entropy(), batch.parameters));
    trainer.fit(train, None, &mut parameters)?;
    Ok(parameters)
}

/// The threes and sevens, as classes 0 and 1.
fn sevens(data: &Dataset) -> Result<Dataset, RegularizeError> {
    let labels = data.labels().data();
    let chosen: Vec<usize> = (0..data.len()).filter(|&i| labels[i] == 3 || labels[i] == 7).collect();
    let (examples, labels) = data.gather(&chosen)?;
    let labels = Tensor::from_fn([chosen.len()], |i| u32::from(labels.data()[i] == 7));
    Ok(Dataset::new(examples, labels, 2)?)
}

/// Prints both attacks and returns the one without a box. In double precision: the gradient of an example that
/// is classified with great confidence rounds to 0 in single precision.
fn report(parameters: &Parameters<f32>, test: &Dataset) -> Result<Robustness, RegularizeError> {
    let (test, parameters) = (test.cast::<f64>(), parameters.cast::<f64>());
    let model = model::<f64>(&test);
    println!("{:<12}{:>10}{:>10}{:>26}", "", "clean", "attacked", "confidence when wrong");
    let attack = FastGradient::new(EPSILON)?;
    let mut found = Vec::new();
    for (name, attack) in [("without box", attack), ("clipped", attack.within(0.0, 1.0)?)] {
        let robustness = AttackEvaluator::new(&model, attack, 256).attack(&test, &parameters)?.robustness;
        println!(
            "{name:<12}{:>8.2} %{:>8.2} %{:>24.1} %",
            100.0 * robustness.clean_error,
            100.0 * robustness.error,
            100.0 * robustness.confidence_when_wrong.unwrap_or(0.0)
        );
        found.push(robustness);
    }
    Ok(found.remove(0))
}
