//! Bagging: the error of `k` networks together, beside the formula.
//!
//! `cargo run --release -p examples --example bagging`
//!
//! Small networks learn a curve from 40 noisy points, each from a bootstrap of the points and from initial
//! weights of its own. Their errors on the curve have a mean square `v` and a mean product `c` of two; the mean
//! of `k` networks should then have the squared error
//!
//! ```text
//! v/k + (k - 1) c/k
//! ```
//!
//! (*Deep Learning*, section 7.11), which falls towards `c`, not towards 0: what all networks get wrong together,
//! averaging does not mend. The 64 networks are divided into 64/k ensembles of k, whose mean error is measured.

use autograd::kernel::philox::{Stream, stream_of_name};
use autograd::{Feed, Graph, Parameters, Plan, RunError, Tensor};
use comfy_table::{CellAlignment, Table, presets};
use nn::loss::{Reduction, squared_error};
use nn::{Activation, LEARNING_RATE, Layer, Mode, Optimiser, Sequential, initialise};
use regularize::RegularizeError;
use regularize::ensemble::{Bagging, Decomposition, expected_squared_error};

const POINTS: usize = 40;
const NETWORKS: usize = 64;
const STEPS: u64 = 1500;
const NOISE: f64 = 0.4;

fn curve(x: f64) -> f64 {
    (3.0 * x).sin() + 0.5 * x
}

/// Points on [-2, 2) with noise.
fn data() -> [Tensor<f64>; 2] {
    let (mut x, mut noise) = ([0.0; POINTS], [0.0; POINTS]);
    Stream::new(1, stream_of_name("points"), 0).fill_uniform(0, &mut x);
    Stream::new(1, stream_of_name("noise"), 0).fill_normal(0, &mut noise);
    let x = x.map(|u: f64| 4.0 * u - 2.0);
    let y = Tensor::from_fn([POINTS, 1], |i| curve(x[i]) + NOISE * noise[i]);
    [Tensor::new([POINTS, 1], x.to_vec()), y]
}

/// Trains on rows of the data: one plan for a step, run over and over.
fn train(
    model: &Sequential<f64>,
    x: &Tensor<f64>,
    y: &Tensor<f64>,
    seed: u64,
) -> Result<Parameters<f64>, RunError> {
    let graph = Graph::new();
    let (input, target) = (graph.input("x", x.shape()), graph.input("y", y.shape()));
    let loss = squared_error(model.forward(input, Mode::Train), target, Reduction::Mean);
    let optimiser = Optimiser::adam(0.02);
    let step = optimiser.minimise(loss, &model.parameters());
    let mut plan = step.add_to(Plan::builder(&graph)).compile();
    let mut parameters = initialise(model, seed);
    step.initialise_state(&mut parameters);
    for k in 0..STEPS {
        let rate = optimiser.learning_rate(k);
        plan.run(
            &mut parameters,
            &[("x", Feed::from(x)), ("y", Feed::from(y)), (LEARNING_RATE, rate.into())],
        )?;
    }
    Ok(parameters)
}

fn main() -> Result<(), RegularizeError> {
    let [x, y] = data();
    let model = Sequential::<f64>::mlp(&[1, 24, 1], Activation::Tanh);
    let networks = Bagging::new(NETWORKS)?.seed(1).fit(POINTS, |member| {
        let rows = member.bootstrap.indices();
        train(&model, &x.rows(rows), &y.rows(rows), member.seed)
    })?;

    // The curve itself is the target: without the noise, which nobody can predict.
    let places = Tensor::from_fn([200, 1], |i| -2.0 + 4.0 * (i as f64 + 0.5) / 200.0);
    let truth = Tensor::from_fn([200, 1], |i| curve(places.data()[i]));
    let at = |places: &Tensor<f64>, parameters: &Parameters<f64>| -> Result<Tensor<f64>, RunError> {
        let graph = Graph::new();
        let output = model.forward(graph.input("x", places.shape()), Mode::Evaluate);
        let mut plan = Plan::builder(&graph).output("y", output).compile();
        Ok(plan.evaluate(parameters, &[("x", Feed::from(places))])?.tensor("y"))
    };
    let predictions = networks.predictions(|parameters| at(&places, parameters))?;
    let all = Decomposition::of(&predictions, &truth)?;
    let left_out = networks.out_of_bag(|parameters, rows| at(&x.rows(rows), parameters))?;
    let out_of_bag = left_out.squared_error(&y.clone().reshape([POINTS]))?.expect("all are covered");

    println!(
        "{NETWORKS} networks on bootstraps of {POINTS} points: squared errors against the curve\n\n\
         mean square v = {:.4}, mean product of two c = {:.4}\n",
        all.variance, all.covariance
    );
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN);
    table.set_header(["k", "measured", "v/k + (k-1)c/k", "mean error", "- spread", ""]);
    for k in [1, 2, 4, 8, 16, 32, 64] {
        let groups: Vec<_> = (predictions.chunks(k))
            .map(|group| Decomposition::of(group, &truth))
            .collect::<Result<Vec<_>, _>>()?;
        let mean = |of: fn(&Decomposition) -> f64| groups.iter().map(of).sum::<f64>() / groups.len() as f64;
        let measured = mean(|group| group.ensemble_error);
        let formula = expected_squared_error(all.variance, all.covariance, k);
        let bar = "#".repeat((measured / all.variance * 24.0).round() as usize);
        let [error, spread] = [mean(|group| group.mean_error), mean(|group| group.spread)];
        let numbers = [measured, formula, error, spread].map(|number| format!("{number:.4}"));
        table.add_row([&[k.to_string()], &numbers[..], &[bar]].concat());
    }
    for column in table.column_iter_mut().take(5) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    println!("{table}");
    println!(
        "\nThe mean error less the spread is the measured error, in every row: exactly.\n\
         The formula is exact for the whole and close for its parts. What is left is c:\n\
         the noise in the {POINTS} points that every bootstrap has seen.\n\n\
         Out of bag, against the noisy points: {out_of_bag:.3}. The noise alone is {:.3}.",
        NOISE * NOISE
    );
    Ok(())
}
