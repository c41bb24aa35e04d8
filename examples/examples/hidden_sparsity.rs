//! Hidden sparsity: how many units of a rectifier network are exactly 0.
//!
//! `cargo run --release -p examples --example hidden_sparsity`
//!
//! Glorot, Bordes and Bengio (*Deep Sparse Rectifier Neural Networks*, AISTATS 2011) measured that trained rectifier
//! networks are sparse by themselves, more so with an L1 penalty on activations, and that up to about 85 % of zeros
//! cost hardly any accuracy. Here on the embedded digits, with two hidden layers of 128 units: networks of
//! tanh and of rectifiers, rectifiers with L1 penalties of growing strength, and layers where k units of 128
//! win. For each, the share of exact zeros among the hidden activations of the test examples, and the error.

use autograd::{Feed, Graph, Plan, Tensor};
use comfy_table::{CellAlignment, Table, presets};
use nn::data::{Dataset, digits};
use nn::loss::{Reduction, cross_entropy};
use nn::{Activation, Mode, Optimiser, Sequential, Trainer, initialise};
use regularize::RegularizeError;
use regularize::sparsity::{ActivationL1, ActivationPenalty, KWinners, share_of_zeros};

const HIDDEN: usize = 128;
const SEEDS: u64 = 3;

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

/// The share of zeros, the share of units that are silent for every test example, and the test error, in
/// percent.
fn measure(
    network: &Network,
    alpha: f64,
    [train, test]: &[Dataset<f32>; 2],
    seed: u64,
) -> Result<[f64; 3], RegularizeError> {
    let Network { model, hidden } = network;
    let penalty = ActivationL1::new(alpha)?;
    let mut trainer = Trainer::new(model, Optimiser::adam(0.002)).epochs(20).seed(seed).objective(|batch| {
        let outputs = model.outputs(batch.inputs, batch.mode);
        let logits = *outputs.last().expect("there are layers");
        let loss = cross_entropy(logits, batch.labels, Reduction::Mean);
        penalty.added_to(loss, &hidden.map(|layer| outputs[layer]))
    });
    let mut parameters = initialise(model, seed);
    trainer.fit(train, None, &mut parameters)?;
    let error = trainer.evaluate(test, &parameters)?.error;

    let graph = Graph::new();
    let outputs = model.outputs(graph.input("x", test.examples().shape()), Mode::Evaluate);
    let layers = hidden.map(|layer| outputs[layer]);
    let mut plan = Plan::builder(&graph).output("h1", layers[0]).output("h2", layers[1]).compile();
    let found = plan.evaluate(&parameters, &[("x", Feed::from(test.examples()))])?;
    let both: [Tensor<f32>; 2] = ["h1", "h2"].map(|name| found.tensor(name));
    let zeros = (share_of_zeros(&both[0]) + share_of_zeros(&both[1])) / 2.0;
    let is_silent =
        |h: &Tensor<f32>, unit: usize| h.data().iter().skip(unit).step_by(HIDDEN).all(|&a| a == 0.0);
    let silent = |h: &Tensor<f32>| (0..HIDDEN).filter(|&unit| is_silent(h, unit)).count();
    let silent = both.iter().map(silent).sum::<usize>() as f64 / (2 * HIDDEN) as f64;
    Ok([zeros, silent, error].map(|share| 100.0 * share))
}

fn main() -> Result<(), RegularizeError> {
    let data = digits::load()?.flattened().split([0.7, 0.3], 1)?;
    let mut settings = vec![("tanh".to_string(), dense(Activation::Tanh), 0.0)];
    for alpha in [0.0, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1] {
        let name = if alpha == 0.0 { "rectifier".into() } else { format!("rectifier, L1 {alpha}") };
        settings.push((name, dense(Activation::Relu), alpha));
    }
    for k in [64, 32, 16, 8, 4] {
        settings.push((format!("{k} winners of {HIDDEN}"), k_sparse(k)?, 0.0));
    }
    let mut table = Table::new();
    table
        .load_preset(presets::ASCII_MARKDOWN)
        .set_header(["network", "zeros %", "silent %", "error %", "zeros"]);
    for (name, network, alpha) in &settings {
        let mut mean = [0.0; 3];
        for seed in 0..SEEDS {
            let found = measure(network, *alpha, &data, seed)?;
            mean.iter_mut().zip(found).for_each(|(mean, value)| *mean += value / SEEDS as f64);
        }
        let numbers = mean.map(|value| format!("{value:.1}"));
        let bar = "o".repeat((mean[0] / 5.0).round() as usize);
        table.add_row([std::slice::from_ref(name), &numbers[..], &[format!("{bar:.<20}")]].concat());
    }
    for column in table.column_iter_mut().skip(1).take(3) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    println!("Zeros among hidden activations of the test digits, mean of {SEEDS} trainings\n\n{table}");
    println!(
        "\nA unit is silent if it is 0 for every test example. A penalty makes most\n\
         activations 0 at no cost in error, until it silences whole units. Winners are\n\
         as sparse, but the same few units win for all examples: it costs accuracy."
    );
    Ok(())
}
