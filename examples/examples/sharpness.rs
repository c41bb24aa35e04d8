//! Sharpness-aware minimisation against plain descent: how flat the minima are that they find, on the digits.
//!
//! `cargo run --release -p examples --example sharpness`
//!
//! The same network, data, order and number of steps; only the gradient is another: at `w`, or at the worst
//! neighbour of `w` (SAM, ASAM). Afterwards three measures on the whole training set:
//!
//! - the largest eigenvalue of the Hessian, by power iteration on Hessian-vector products;
//! - how far the loss rises on the way to the worst neighbour at distance 0.5;
//! - the loss along random directions of growing length, as a picture.

use autograd::{Feed, Graph, Parameters, interpret, substitute};
use nn::data::{Dataset, digits};
use nn::optimise::PlainGradient;
use nn::train::Evaluator;
use nn::{Activation, Layer, Mode, Optimiser, Selection, Sequential, Trainer, initialise};
use regularize::SharpnessAware;
use regularize::flatness::largest_curvature;
use std::error::Error;

const LENGTHS: [f64; 8] = [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0];
const DIRECTIONS: u64 = 20;

/// Largest curvature, rise to the worst neighbour, and mean loss along random directions.
fn measure(
    model: &dyn Layer<f32>,
    data: &Dataset,
    parameters: &Parameters<f32>,
) -> Result<(f64, f64, Vec<f64>), Box<dyn Error>> {
    let graph = Graph::<f32>::new();
    let x = graph.constant(data.examples().clone());
    let labels = graph.index_constant(data.labels().clone());
    let loss = model.forward(x, Mode::Evaluate).cross_entropy(labels);
    let specs = model.parameters();
    let curvature = largest_curvature(loss, &specs, parameters, &[], 60, 1)?;
    let variables = Selection::all().variables(&graph, &specs);
    let rise = SharpnessAware::new(0.5)?.sharpness(loss, &variables);
    let rise = interpret(&[rise], &[], Some(parameters))?[0].item();
    // Along a random direction of norm 1: all numbers of all parameters as one vector.
    let length = graph.scalar("length");
    let mut means = vec![0.0; LENGTHS.len()];
    for seed in 0..DIRECTIONS {
        let raw: Vec<_> = variables
            .iter()
            .enumerate()
            .map(|(i, w)| graph.normal(&format!("{seed}/{i}"), w.shape()))
            .collect();
        let norm = raw.iter().map(|v| v.norm_squared()).reduce(|a, b| a + b).expect("parameters").sqrt();
        let moved: Vec<_> = variables.iter().zip(&raw).map(|(&w, &v)| (w, w + v / norm * length)).collect();
        let there = substitute(&[loss], &moved)[0];
        for (mean, &length) in means.iter_mut().zip(&LENGTHS) {
            let found = interpret(&[there], &[("length", Feed::from(length))], Some(parameters))?;
            *mean += f64::from(found[0].item()) / DIRECTIONS as f64;
        }
    }
    Ok((curvature.eigenvalue, f64::from(rise), means))
}

fn main() -> Result<(), Box<dyn Error>> {
    let [train, validation] = digits::load()?.flattened().split([0.5, 0.5], 1)?;
    let plain = || Optimiser::momentum(0.05, 0.9);
    let rows = [
        ("plain gradient", plain().with_gradients(PlainGradient)),
        ("SAM, 0.05", plain().with_gradients(SharpnessAware::new(0.05)?)),
        ("SAM, 0.2", plain().with_gradients(SharpnessAware::new(0.2)?)),
        ("SAM, 0.5", plain().with_gradients(SharpnessAware::new(0.5)?)),
        ("ASAM, 1", plain().with_gradients(SharpnessAware::adaptive(1.0, 0.01)?)),
    ];
    println!("| gradient       | train loss | valid. error % | curvature | rise at 0.5 |");
    println!("|----------------|------------|----------------|-----------|-------------|");
    let mut curves = Vec::new();
    for (name, optimiser) in rows {
        let model = Sequential::<f32>::mlp(&[64, 32, 10], Activation::Relu);
        let mut parameters = initialise(&model, 1);
        Trainer::new(&model, optimiser).epochs(40).fit(&train, None, &mut parameters)?;
        let mut evaluator = Evaluator::new(&model, 256);
        let loss = evaluator.evaluate(&train, &parameters)?.loss;
        let error = 100.0 * evaluator.evaluate(&validation, &parameters)?.error;
        let (curvature, rise, curve) = measure(&model, &train, &parameters)?;
        println!("| {name:<14} | {loss:>10.5} | {error:>14.2} | {curvature:>9.3} | {rise:>11.4} |");
        curves.push((name, curve));
    }
    println!("\nTraining loss at so great a distance, mean of {DIRECTIONS} random directions\n");
    println!("| gradient       |{}", LENGTHS.map(|length| format!(" {length:>5.1} |")).concat());
    println!("|----------------|{}", "-------|".repeat(LENGTHS.len()));
    for (name, curve) in &curves {
        let cells: String = curve.iter().map(|loss| format!(" {loss:>5.3} |")).collect();
        println!("| {name:<14} |{cells}");
    }
    println!("\nThe same at distance {}, as bars\n", LENGTHS[7]);
    let largest = curves.iter().map(|(_, curve)| curve[7]).fold(0.0, f64::max);
    for (name, curve) in &curves {
        println!("  {name:<14} {}", "#".repeat((50.0 * curve[7] / largest).round() as usize));
    }
    Ok(())
}
