//! L1 makes zeros, if its step is the proximal one; the group lasso makes them by the row.
//!
//! `cargo run --release -p examples --example sparse_weights`
//!
//! A linear model of 24 features, of which 6 matter, fitted to 80 noisy examples by gradient descent (*Deep
//! Learning*, section 7.1.2). The same penalty by three ways:
//!
//! | | step |
//! |---|---|
//! | L1 by its gradient | `w := w - ε (g + α sign w)` |
//! | L1, proximal | `w := soft threshold of w - ε g, at ε α` |
//! | L2 by its gradient | `w := w - ε (g + α w)` |
//!
//! The gradient of L1 has one size however small a weight is, so that a step jumps over 0 and comes back: weights
//! that should be 0 swing about it, by up to `2 ε α`, for ever. The proximal step stops there.
//!
//! The second table has three outputs for the same features. L1 removes single weights; the group lasso, with the
//! rows of the matrix as groups, removes features.

use autograd::{Feed, Graph, Parameters, Plan, RunError, Tensor, Var};
use nn::{Initialiser, LEARNING_RATE, Optimiser, ParameterSpec, Role, Selection};
use regularize::{GroupLasso, L1, L2, Penalties, ProximalStep, RegularizeError};

const FEATURES: usize = 24;
/// How many of them matter: the first ones.
const USEFUL: usize = 6;
const EXAMPLES: usize = 80;
const RATE: f64 = 0.1;
const STEPS: u64 = 3000;

/// Numbers that look random: of deviation about 1, the same in every run.
fn noise(count: usize, seed: u64) -> Vec<f64> {
    let uniform = |k: u64| {
        let z = (k + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ seed.wrapping_mul(0xD6E8_FEB8_6659_FD93);
        let z = (z ^ (z >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        ((z ^ (z >> 32)) >> 11) as f64 * 2f64.powi(-53)
    };
    (0..count as u64).map(|i| (0..12).map(|k| uniform(12 * i + k)).sum::<f64>() - 6.0).collect()
}

/// Features, `[n, features]`, and what to predict, `[n, outputs]`.
fn data(outputs: usize) -> (Tensor<f64>, Tensor<f64>) {
    let x = noise(EXAMPLES * FEATURES, 1);
    let disturbance = noise(EXAMPLES * outputs, 2);
    let weight = |feature: usize, output: usize| match feature < USEFUL {
        true => [2.0, -1.5, 1.0, -1.0, 0.7, 0.4][(feature + 2 * output) % USEFUL],
        false => 0.0,
    };
    let target = |i: usize| {
        let (n, output) = (i / outputs, i % outputs);
        let sum: f64 = (0..USEFUL).map(|f| x[n * FEATURES + f] * weight(f, output)).sum();
        sum + 0.5 * disturbance[i]
    };
    let y = Tensor::from_fn([EXAMPLES, outputs], target);
    (Tensor::new([EXAMPLES, FEATURES], x), y)
}

fn spec(outputs: usize) -> ParameterSpec {
    ParameterSpec {
        name: "w".into(),
        shape: [FEATURES, outputs].into(),
        role: Role::Weight,
        initialiser: Initialiser::Zeros,
    }
}

/// The weights after descent on half the mean squared error, with a penalty in the objective and steps behind
/// the gradient's.
fn fit(outputs: usize, optimiser: &Optimiser<f64>, penalties: &Penalties<f64>) -> Result<Vec<f64>, RunError> {
    let (graph, specs) = (Graph::new(), [spec(outputs)]);
    let (x, y) = data(outputs);
    let error: Var<'_, f64> = graph.constant(x).matmul(specs[0].declare(&graph)) - graph.constant(y);
    let loss = error.norm_squared() * (0.5 / EXAMPLES as f64);
    let step = optimiser.minimise(penalties.added_to(loss, &specs), &specs);
    let mut plan = step.add_to(Plan::builder(&graph)).compile();
    let mut parameters: Parameters<f64> = [("w", Tensor::zeros(specs[0].shape))].into_iter().collect();
    for _ in 0..STEPS {
        plan.run(&mut parameters, &[(LEARNING_RATE, Feed::from(RATE))])?;
    }
    Ok(parameters["w"].data().to_vec())
}

/// How many weights are exactly 0, how many are near, and the largest of those of useless features.
fn row(name: &str, w: &[f64]) {
    let zeros = w.iter().filter(|&&w| w == 0.0).count();
    let near = w.iter().filter(|w| w.abs() < 0.02).count();
    let useful = w[..USEFUL].iter().filter(|&&w| w != 0.0).count();
    let useless = w[USEFUL..].iter().fold(0.0f64, |m, w| m.max(w.abs()));
    println!("  {name:<22}{zeros:>9}{near:>12}{useful:>13}/{USEFUL}{useless:>16.5}");
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let l1 = |alpha: f64| -> Result<_, RegularizeError> {
        Ok(Penalties::new().with(Selection::weights(), L1::new(alpha)?))
    };
    let none = Penalties::new();
    let plain = || Optimiser::sgd(RATE);
    println!("{FEATURES} weights of which {} are useless, after {STEPS} steps.\n", FEATURES - USEFUL);
    println!("                        exactly 0   below 0.02    useful kept   largest useless");
    row("no penalty", &fit(1, &plain(), &none)?);
    for alpha in [0.05, 0.15, 0.4] {
        println!("α = {alpha}");
        let l2 = Penalties::new().with(Selection::weights(), L2::new(alpha)?);
        row("L2", &fit(1, &plain(), &l2)?);
        row("L1 by its gradient", &fit(1, &plain(), &l1(alpha)?)?);
        let proximal = plain().then(ProximalStep::new(Selection::weights(), L1::new(alpha)?));
        row("L1, proximal", &fit(1, &proximal, &none)?);
    }
    println!("\nL2 makes no zeros. L1 by its gradient comes near some, within 2 ε α, and hits");
    println!("none.\n");

    println!("Three outputs: which weights are left (#), rows are outputs, columns features.\n");
    let penalised = [
        ("L1", plain().then(ProximalStep::new(Selection::weights(), L1::new(0.05)?))),
        ("group lasso", plain().then(ProximalStep::new(Selection::weights(), GroupLasso::inputs(0.12)?))),
    ];
    for (name, optimiser) in penalised {
        let w = fit(3, &optimiser, &none)?;
        for output in 0..3 {
            let marks: String =
                (0..FEATURES).map(|f| if w[3 * f + output] == 0.0 { '.' } else { '#' }).collect();
            println!("  {:<14}{marks}", if output == 0 { name } else { "" });
        }
        let gone = w.chunks_exact(3).filter(|row| row.iter().all(|&w| w == 0.0)).count();
        let zeros = w.iter().filter(|&&w| w == 0.0).count();
        println!("  {:<14}{zeros} zeros, {gone} features without any weight\n", "");
    }
    println!("The group lasso keeps or removes a feature for all outputs at once.");
    Ok(())
}
