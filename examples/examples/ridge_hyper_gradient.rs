//! The derivative of ridge regression's validation loss with respect to its decay, in four ways.
//!
//! `cargo run --release -p examples --example ridge_hyper_gradient`
//!
//! ```text
//! J(w) = ½ ‖X w - y‖² + α/2 ‖w‖²,    V(w) = ½ ‖X' w - y'‖²
//! ```
//!
//! Two numbers are fitted to two examples, `X = diag(2, ½)`, so that everything is known: the minimum is `wᵢ =
//! xᵢ yᵢ / (xᵢ² + α)` and `dV/d ln α = -α Σ Vᵢ' wᵢ / (xᵢ² + α)`. Beside that stand the central difference of two
//! such minima, the derivative by the implicit function theorem, and the one through `k` steps of gradient
//! descent. A step leaves `ρ = 1 - ε (¼ + α)` of the distance to the minimum in its slowest direction: the
//! last column, the error over `ρᵏ`, grows like a straight line in `k`.

use autograd::{Feed, Graph, Interpreter, Parameters, Tensor, Var};
use nn::{Initialiser, Optimiser, ParameterSpec, Role};
use regularize::hyper_gradient::{
    ConjugateGradients, Hyperparameter, hyper_gradient, implicit_hyper_gradient, unroll,
};
use regularize::l2_penalty;
use std::error::Error;

const X: [f64; 2] = [2.0, 0.5];
const Y: [f64; 2] = [1.0, -2.0];
/// The validation examples are the axes, with these targets.
const TARGETS: [f64; 2] = [0.3, -0.6];
const ALPHA: f64 = 0.25;
const RATE: f64 = 0.2;

fn minimum(alpha: f64) -> [f64; 2] {
    [0, 1].map(|i| X[i] * Y[i] / (X[i] * X[i] + alpha))
}

fn validation(w: [f64; 2]) -> f64 {
    (0..2).map(|i| (w[i] - TARGETS[i]).powi(2) / 2.0).sum()
}

fn closed_form() -> f64 {
    let w = minimum(ALPHA);
    -ALPHA * (0..2).map(|i| (w[i] - TARGETS[i]) * w[i] / (X[i] * X[i] + ALPHA)).sum::<f64>()
}

/// The derivative by the graph: through so many steps from 0, or implicitly at the minimum.
fn by_graph(steps: Option<usize>) -> Result<f64, Box<dyn Error>> {
    let graph = Graph::new();
    let spec = ParameterSpec {
        name: "w".into(),
        shape: [2].into(),
        role: Role::Weight,
        initialiser: Initialiser::Zeros,
    };
    let vector = |v: [f64; 2]| Tensor::new([2], v.to_vec());
    let decay = Hyperparameter::positive("decay", ALPHA)?;
    let (w, raw): (Var<'_, f64>, _) = (spec.declare(&graph), decay.raw(&graph));
    let fitted = (graph.constant(vector(X)) * w - graph.constant(vector(Y))).norm_squared() * 0.5;
    let training = fitted + l2_penalty(w, decay.value(&graph));
    let validation = (w - graph.constant(vector(TARGETS))).norm_squared() * 0.5;
    let (slope, at) = match steps {
        Some(k) => {
            let step = Optimiser::sgd(RATE).minimise(training, &[spec]);
            let unrolled = unroll(&step, &[], k, &["learning_rate"]);
            (hyper_gradient(validation, &unrolled, &[raw])?[0], [0.0, 0.0])
        }
        None => {
            let solver = ConjugateGradients::new(2)?;
            let found = implicit_hyper_gradient(training, validation, &[w], &[raw], solver)?;
            (found.gradient[0], minimum(ALPHA))
        }
    };
    let parameters: Parameters<f64> =
        [("w", vector(at)), ("decay", decay.initial_value())].into_iter().collect();
    let rate = [("learning_rate", Feed::Scalar(RATE))];
    let feeds = if steps.is_some() { &rate[..] } else { &[] };
    let run = Interpreter { parameters: &parameters, draw: Default::default() };
    Ok(run.run(&graph, &[slope.id()], feeds)?.get(slope).item())
}

fn main() -> Result<(), Box<dyn Error>> {
    let closed = closed_form();
    let h = 1e-4f64;
    let difference =
        (validation(minimum(ALPHA * h.exp())) - validation(minimum(ALPHA * (-h).exp()))) / (2.0 * h);
    println!("dV/d ln α                          value                 error");
    println!("closed form           {closed:>22.16}");
    for (name, value) in [("difference of minima", difference), ("implicit", by_graph(None)?)] {
        println!("{name:<22}{value:>22.16} {:>21.1e}", (value - closed).abs());
    }
    let rho = 1.0 - RATE * (X[1] * X[1] + ALPHA);
    println!("through k steps                                                 error / ρᵏ");
    for k in [1, 2, 5, 10, 20, 40, 80, 160, 320] {
        let value = by_graph(Some(k))?;
        let error = (value - closed).abs();
        // Below this, what is left is rounding.
        let scaled = if error > 1e-14 { format!("{:.3}", error / rho.powi(k as i32)) } else { "-".into() };
        println!("{k:<22}{value:>22.16} {error:>17.1e} {scaled:>12}");
    }
    Ok(())
}
