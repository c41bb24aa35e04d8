//! Hidden sparsity: how many units of a network are exactly 0, or nearly.
//!
//! `cargo run --release -p examples --example hidden_sparsity`
//!
//! Glorot, Bordes and Bengio (*Deep Sparse Rectifier Neural Networks*, AISTATS 2011) measured that trained rectifier
//! networks are sparse by themselves, more so with an L1 penalty on activations, and that up to about 85 % of zeros
//! cost hardly any accuracy. Here on the embedded digits, with two hidden layers of 128 units: networks of
//! tanh and of rectifiers, rectifiers with L1 and with Student's penalty of growing strength, layers where k units of
//! 128 win, and networks of sigmoids, whose mean activation a target rate sets. For each, what is 0, what is near it,
//! and the mean size among the hidden activations of the test examples, and the error with its difference to the
//! plain network of the same units, paired by seed.

use autograd::{Feed, Graph, Plan, Tensor};
use nn::data::digits;
use nn::loss::{Reduction, cross_entropy};
use nn::{Activation, Mode, Optimiser, Sequential, Trainer, initialise};
use regularize::RegularizeError;
use regularize::sparsity::{ActivationL1, ActivationPenalty, KWinners, StudentT, TargetRate, share_of_zeros};

#[path = "../src/mean.rs"]
mod mean;

use mean::Mean;

const HIDDEN: usize = 128;
/// Each is a split of the digits, initial weights and an order of examples.
const SEEDS: std::ops::RangeInclusive<u64> = 1..=6;
/// What counts as nearly 0.
const SMALL: f32 = 0.05;

/// A network of two hidden layers, and which of its layers' results are the hidden activations.
struct Network {
    model: Sequential<f32>,
    hidden: [usize; 2],
}

fn dense(activation: Activation) -> Network {
    Network { model: Sequential::mlp(&[64, HIDDEN, HIDDEN, 10], activation), hidden: [1, 3] }
}

fn k_sparse(k: usize) -> Result<Network, RegularizeError> {
    let winners = KWinners::new(k)?;
    let layer =
        |model: Sequential<f32>, inputs| model.linear(inputs, HIDDEN).then(Activation::Relu).then(winners);
    Ok(Network { model: layer(layer(Sequential::new(), 64), HIDDEN).linear(HIDDEN, 10), hidden: [2, 5] })
}

/// Of a trained network, in percent but for the mean.
struct Found {
    /// Activations that are exactly 0.
    zeros: f64,
    /// Activations smaller than [`SMALL`].
    small: f64,
    /// The mean of `abs(h)`.
    mean: f64,
    /// Units that are 0 for every test example.
    silent: f64,
    /// Wrong test examples.
    error: f64,
}

fn measure(
    network: &Network,
    penalty: &dyn ActivationPenalty<f32>,
    seed: u64,
) -> Result<Found, RegularizeError> {
    let [train, test] = digits::load()?.flattened().split([0.7, 0.3], seed)?;
    let Network { model, hidden } = network;
    let mut trainer = Trainer::new(model, Optimiser::adam(0.002)).epochs(20).seed(seed).objective(|batch| {
        let outputs = model.outputs(batch.inputs, batch.mode);
        let logits = *outputs.last().expect("there are layers");
        let loss = cross_entropy(logits, batch.labels, Reduction::Mean);
        penalty.added_to(loss, &hidden.map(|layer| outputs[layer]))
    });
    let mut parameters = initialise(model, seed);
    trainer.fit(&train, None, &mut parameters)?;
    let error = 100.0 * trainer.evaluate(&test, &parameters)?.error;

    let graph = Graph::new();
    let outputs = model.outputs(graph.input("x", test.examples().shape()), Mode::Evaluate);
    let layers = hidden.map(|layer| outputs[layer]);
    let mut plan = Plan::builder(&graph).output("h1", layers[0]).output("h2", layers[1]).compile();
    let found = plan.evaluate(&parameters, &[("x", Feed::from(test.examples()))])?;
    let both: [Tensor<f32>; 2] = ["h1", "h2"].map(|name| found.tensor(name));
    // Both layers have as many activations.
    let over_both = |of: &dyn Fn(&Tensor<f32>) -> f64| (of(&both[0]) + of(&both[1])) / 2.0;
    let count = |h: &Tensor<f32>| h.data().len() as f64;
    let is_silent =
        |h: &Tensor<f32>, unit: usize| h.data().iter().skip(unit).step_by(HIDDEN).all(|&a| a == 0.0);
    Ok(Found {
        zeros: 100.0 * over_both(&|h| share_of_zeros(h)),
        small: 100.0 * over_both(&|h| h.data().iter().filter(|a| a.abs() < SMALL).count() as f64 / count(h)),
        mean: over_both(&|h| h.data().iter().map(|a| f64::from(a.abs())).sum::<f64>() / count(h)),
        silent: 100.0
            * over_both(&|h| (0..HIDDEN).filter(|&unit| is_silent(h, unit)).count() as f64 / HIDDEN as f64),
        error,
    })
}

/// Rows of one kind of unit; the first is the plain network.
fn table(rows: Vec<(String, Network, Box<dyn ActivationPenalty<f32>>)>) -> Result<(), RegularizeError> {
    let mut plain: Vec<f64> = Vec::new();
    for (name, network, penalty) in rows {
        let found = SEEDS
            .map(|seed| measure(&network, penalty.as_ref(), seed))
            .collect::<Result<Vec<_>, RegularizeError>>()?;
        let mean = |of: fn(&Found) -> f64| Mean::of(found.iter().map(of)).mean;
        let errors: Vec<f64> = found.iter().map(|found| found.error).collect();
        let more = if plain.is_empty() {
            String::new()
        } else {
            format!("{:+.1}", Mean::of(errors.iter().zip(&plain).map(|(with, plain)| with - plain)))
        };
        println!(
            "{name:<26}{:>6.1}{:>7.1}{:>8.3}{:>8.1}{:>12.1}{more:>13}",
            mean(|found| found.zeros),
            mean(|found| found.small),
            mean(|found| found.mean),
            mean(|found| found.silent),
            Mean::of(errors.iter().copied()),
        );
        if plain.is_empty() {
            plain = errors;
        }
    }
    println!();
    Ok(())
}

fn main() -> Result<(), RegularizeError> {
    println!("Hidden activations of the test digits, mean of {} trainings", SEEDS.count());
    println!("(± standard error)\n");
    println!("                           zero  below    mean  silent               more than");
    println!("network                       %   {SMALL} %   size       %     error %        plain\n");
    let l1 = |alpha| -> Result<Box<dyn ActivationPenalty<f32>>, RegularizeError> {
        Ok(Box::new(ActivationL1::new(alpha)?))
    };
    table(vec![("tanh".into(), dense(Activation::Tanh), l1(0.0)?)])?;

    let mut rows = vec![("rectifier".to_string(), dense(Activation::Relu), l1(0.0)?)];
    for alpha in [1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1] {
        rows.push((format!("rectifier, L1 {alpha}"), dense(Activation::Relu), l1(alpha)?));
    }
    for alpha in [1e-3, 1e-2, 3e-2, 0.1] {
        let student = Box::new(StudentT::new(alpha, 1.0)?);
        rows.push((format!("rectifier, Student {alpha}"), dense(Activation::Relu), student));
    }
    for k in [64, 32, 16, 8, 4] {
        rows.push((format!("{k} winners of {HIDDEN}"), k_sparse(k)?, l1(0.0)?));
    }
    table(rows)?;

    let mut rows = vec![("sigmoid".to_string(), dense(Activation::Sigmoid), l1(0.0)?)];
    for (alpha, rate) in [(1e-3, 0.05), (1e-2, 0.05), (0.1, 0.05), (1e-2, 0.2), (0.1, 0.2)] {
        let target = Box::new(TargetRate::new(alpha, rate)?);
        rows.push((format!("sigmoid, {rate} by {alpha}"), dense(Activation::Sigmoid), target));
    }
    table(rows)?;
    println!("A unit is silent if it is 0 for every test example. L1 and Student's penalty");
    println!("make three quarters and more of a rectifier's activations 0 at no cost in error,");
    println!("until they are too strong. Winners are as sparse, but many units never win, and");
    println!("the error grows. Sigmoids are never 0: the target rate (TARGET by STRENGTH)");
    println!("moves their mean, nearly all the way at strength 0.1, where the target of 0.05");
    println!("costs errors.");
    Ok(())
}
