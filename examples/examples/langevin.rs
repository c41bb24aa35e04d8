//! Langevin dynamics: a training with the right noise is a sampler of the posterior.
//!
//! `cargo run --release -p examples --example langevin`
//!
//! Bayesian linear regression on ten points, with noise and prior of variance 1, has a normal posterior that is
//! known exactly: its precision is `Λ = XᵀX + I`. Gradient descent on the negative log-posterior finds its mean.
//! With noise of variance `2 ε τ` in every step the weights wander, and where they have been is the posterior, up
//! to an error of the order of the step: for a quadratic the chain's covariance is `τ (Λ (I - εΛ/2))⁻¹`.

use autograd::{Feed, Graph, Parameters, Plan, RunError, Tensor};
use nn::optimise::LEARNING_RATE;
use nn::{Initialiser, Optimiser, ParameterSpec, Role};
use regularize::Langevin;
use std::error::Error;

#[path = "../src/random.rs"]
mod random;

const POINTS: usize = 10;
const STEPS: usize = 200_000;
/// Steps that are not counted, until the start is forgotten.
const FORGET: usize = 1000;

fn main() -> Result<(), Box<dyn Error>> {
    let x = Tensor::from_fn([POINTS, 2], |i| if i % 2 == 0 { 1.0 } else { i as f64 / POINTS as f64 - 0.9 });
    let y = Tensor::from_fn([POINTS, 1], |i| 0.5 + x[[i, 1]] + 2.0 * random::uniform(1, i as u64) - 1.0);
    let (mean, covariance) = posterior(&x, &y, 0.0);
    println!("Posterior of offset and slope: mean ({:.3}, {:.3})\n", mean[0], mean[1]);
    println!("{STEPS} steps of Langevin dynamics   variances          covariance   predicted variances");
    println!("{:<34} {:>8.4} {:>8.4} {:>10.4}", "exact", covariance[0], covariance[2], covariance[1]);
    for rate in [0.1, 0.05, 0.01] {
        let samples = sample(&x, &y, rate, 1.0)?;
        let found = moments(&samples);
        let (_, predicted) = posterior(&x, &y, rate);
        println!(
            "{:<34} {:>8.4} {:>8.4} {:>10.4} {:>12.4} {:>8.4}",
            format!("rate {rate}"),
            found[0],
            found[2],
            found[1],
            predicted[0],
            predicted[2]
        );
    }
    let still = moments(&sample(&x, &y, 0.05, 0.0)?);
    println!("{:<34} {:>8.4} {:>8.4} {:>10.4}", "gradient descent, no noise", still[0], still[2], still[1]);

    println!("\nWhere the weights have been at rate 0.01, offset across, slope upward; * is the mean\n");
    print!("{}", picture(&sample(&x, &y, 0.01, 1.0)?, mean, covariance));
    Ok(())
}

/// Mean and covariance `[s₀₀, s₀₁, s₁₁]` of the chain's stationary distribution at a rate; at 0 the posterior's.
fn posterior(x: &Tensor<f64>, y: &Tensor<f64>, rate: f64) -> ([f64; 2], [f64; 3]) {
    let sum = |f: &dyn Fn(usize) -> f64| (0..POINTS).map(f).sum::<f64>();
    let a = sum(&|i| x[[i, 0]] * x[[i, 0]]) + 1.0;
    let b = sum(&|i| x[[i, 0]] * x[[i, 1]]);
    let c = sum(&|i| x[[i, 1]] * x[[i, 1]]) + 1.0;
    let [r, s] = [0, 1].map(|k| sum(&|i| x[[i, k]] * y[[i, 0]]));
    let determinant = a * c - b * b;
    let mean = [(c * r - b * s) / determinant, (a * s - b * r) / determinant];
    // Λ - ε/2 Λ², and its inverse.
    let half = rate / 2.0;
    let (p, q, t) = (a - half * (a * a + b * b), b - half * b * (a + c), c - half * (b * b + c * c));
    let determinant = p * t - q * q;
    (mean, [t / determinant, -q / determinant, p / determinant])
}

/// The weights after each step; one step is one plan.
fn sample(x: &Tensor<f64>, y: &Tensor<f64>, rate: f64, temperature: f64) -> Result<Vec<[f64; 2]>, RunError> {
    let spec = ParameterSpec {
        name: "w".into(),
        shape: [2, 1].into(),
        role: Role::Weight,
        initialiser: Initialiser::Zeros,
    };
    let graph = Graph::new();
    let w = spec.declare(&graph);
    let residual = graph.constant(x.clone()).matmul(w) - graph.constant(y.clone());
    let energy = (residual.norm_squared() + w.norm_squared()) * 0.5;
    let optimiser = Optimiser::sgd(rate).then(Langevin::new(temperature).expect("a temperature"));
    let step = optimiser.minimise(energy, &[spec]);
    let mut plan = step.add_to(Plan::builder(&graph)).compile();
    plan.set_seed(1);
    let mut parameters: Parameters<f64> = [("w", Tensor::zeros([2, 1]))].into_iter().collect();
    let mut samples = Vec::new();
    for number in 0..FORGET + STEPS {
        plan.run(&mut parameters, &[(LEARNING_RATE, Feed::from(rate))])?;
        if number >= FORGET {
            let w = parameters["w"].data();
            samples.push([w[0], w[1]]);
        }
    }
    Ok(samples)
}

fn moments(samples: &[[f64; 2]]) -> [f64; 3] {
    let n = samples.len() as f64;
    let mean = [0, 1].map(|k| samples.iter().map(|w| w[k]).sum::<f64>() / n);
    let product =
        |a: usize, b: usize| samples.iter().map(|w| (w[a] - mean[a]) * (w[b] - mean[b])).sum::<f64>() / n;
    [product(0, 0), product(0, 1), product(1, 1)]
}

/// How often the weights were in each cell of three deviations around the mean.
fn picture(samples: &[[f64; 2]], mean: [f64; 2], covariance: [f64; 3]) -> String {
    const SIZE: [usize; 2] = [60, 21];
    let deviation = [covariance[0].sqrt(), covariance[2].sqrt()];
    let mut counts = vec![vec![0usize; SIZE[0]]; SIZE[1]];
    for w in samples {
        let at = [0, 1].map(|k| ((w[k] - mean[k]) / deviation[k] + 3.0) / 6.0 * SIZE[k] as f64);
        if (0.0..SIZE[0] as f64).contains(&at[0]) && (0.0..SIZE[1] as f64).contains(&at[1]) {
            counts[SIZE[1] - 1 - at[1] as usize][at[0] as usize] += 1;
        }
    }
    let most = counts.iter().flatten().copied().max().unwrap_or(1).max(1);
    let shade = |count: usize| [' ', '.', ':', '-', '=', '+', 'o', '#'][(count * 7).div_ceil(most).min(7)];
    let mut lines: Vec<Vec<char>> =
        counts.iter().map(|row| row.iter().map(|&count| shade(count)).collect()).collect();
    lines[SIZE[1] / 2][SIZE[0] / 2] = '*';
    lines.into_iter().map(|line| format!("  |{}|\n", line.into_iter().collect::<String>())).collect()
}
