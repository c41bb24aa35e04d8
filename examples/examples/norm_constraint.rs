//! A penalty is a constraint: the multiplier of the one is the coefficient of the other.
//!
//! `cargo run --release -p examples --example norm_constraint`
//!
//! *Deep Learning*, section 7.2. The minimum of `J(w) + α/2 ‖w‖²` is that of `J` on the ball of radius
//! `‖w(α)‖`. The first table takes the embedded digits 3 and 8 by logistic regression: the penalised minimum
//! for each `α` by L-BFGS, then the constrained one on a ball of its radius by projected gradient descent,
//! which is told nothing of `α` and finds it as the multiplier.
//!
//! The second shows what a constraint can do that a penalty cannot: it holds after every step, whatever the
//! learning rate. A network on all digits with momentum, at rates up to far too large ones.

use autograd::{Feed, Graph, Parameters, Tensor};
use nn::data::digits;
use nn::{
    Activation, Initialiser, Lbfgs, Optimiser, ParameterSpec, Role, Selection, Sequential, Trainer,
    initialise,
};
use regularize::{
    L2, L2Ball, MaxNorm, Penalties, Projected, ProjectedGradient, RegularizeError, SolverOutcome,
};

#[path = "../src/mean.rs"]
mod mean;

use mean::Mean;

const SEEDS: u64 = 8;

fn norm(w: &[f64]) -> f64 {
    w.iter().map(|w| w * w).sum::<f64>().sqrt()
}

/// Threes and eights with the targets -1 and 1.
fn threes_and_eights() -> Result<(Tensor<f64>, Tensor<f64>), RegularizeError> {
    let data = digits::load()?.flattened();
    let chosen: Vec<usize> = (0..data.len()).filter(|&i| [3, 8].contains(&data.labels().data()[i])).collect();
    let data = data.subset(&chosen)?;
    let sign = |&label: &u32| if label == 8 { 1.0 } else { -1.0 };
    let targets = data.labels().data().iter().map(sign).collect();
    Ok((data.examples().cast(), Tensor::new([chosen.len()], targets)))
}

fn path() -> Result<(), RegularizeError> {
    let (x, y) = threes_and_eights()?;
    let graph = Graph::new();
    let specs = [ParameterSpec {
        name: "w".into(),
        shape: [64].into(),
        role: Role::Weight,
        initialiser: Initialiser::Zeros,
    }];
    let w = specs[0].declare(&graph);
    let (inputs, targets) = (graph.input("x", x.shape()), graph.input("y", y.shape()));
    let margins = inputs.matmul(w.reshape([64, 1])).reshape(y.shape()) * targets;
    let loss = (-margins).softplus().mean();
    let feeds = [("x", Feed::from(&x)), ("y", Feed::from(&y))];

    println!("Logistic regression, digits 3 and 8. Penalty: minimum of J + α/2 ‖w‖².");
    println!("Constraint: minimum of J for ‖w‖ ≤ k, with the penalised minimum's norm k.\n");
    println!("   penalty                 constraint");
    println!("       α   ‖w(α)‖      loss   multiplier  KKT residual  steps    ‖difference‖");
    for alpha in [1.0, 0.3, 0.1, 0.03, 0.01, 0.003] {
        let mut penalised: Parameters<f64> = [("w", Tensor::zeros([64]))].into_iter().collect();
        let objective = Penalties::new().with(Selection::all(), L2::new(alpha)?).added_to(loss, &specs);
        let lbfgs = Lbfgs { gradient_norm: 1e-11, ..Lbfgs::default() };
        lbfgs.minimise(objective, &specs, &mut penalised, &feeds)?;
        let radius = norm(penalised["w"].data());

        let mut constrained: Parameters<f64> = [("w", Tensor::zeros([64]))].into_iter().collect();
        let (ball, solver) = (L2Ball::new(radius)?, ProjectedGradient { rate: 8.0, ..Default::default() });
        let report = solver.minimise(loss, &specs, &[(Selection::all(), &ball)], &mut constrained, &feeds)?;
        let pairs = penalised["w"].data().iter().zip(constrained["w"].data());
        let difference = norm(&pairs.map(|(a, b)| a - b).collect::<Vec<_>>());
        let multiplier = report.constraints[0].multiplier.item();
        let converged = if report.outcome == SolverOutcome::Converged { ' ' } else { '!' };
        println!(
            "  {alpha:6} {radius:8.4} {:9.5} {multiplier:12.8} {:13.1e} {:6}{converged} {difference:14.1e}",
            report.loss,
            report.residual(),
            report.steps
        );
    }
    println!("\nThe smaller the coefficient, the larger the ball: α is the price of its radius.\n");
    Ok(())
}

fn rates() -> Result<(), RegularizeError> {
    let model = Sequential::<f32>::mlp(&[64, 32, 10], Activation::Relu);
    println!("A 64-32-10 network on all digits, 20 epochs with momentum 0.9; {SEEDS} seeds. The");
    println!("validation error in % ± standard error, and the largest norm of a unit's weights");
    println!("in any of the trainings.\n");
    println!("   rate            free   norm         max-norm 2   norm      less than free");
    let mut overflows = 0;
    for rate in [0.03, 0.1, 0.2, 0.3, 0.5, 1.0] {
        let free = Optimiser::momentum(rate, 0.9);
        let bounded = free.clone().then(Projected::new(Selection::weights(), MaxNorm::new(2.0)?));
        let (mut errors, mut norms) = ([const { Vec::new() }; 2], [0.0f32; 2]);
        for (i, optimiser) in [free, bounded].into_iter().enumerate() {
            for seed in 1..=SEEDS {
                let [train, validation] = digits::load()?.flattened().split([0.7, 0.3], seed)?;
                let mut trainer = Trainer::new(&model, optimiser.clone()).epochs(20).seed(seed);
                let mut parameters = initialise(&model, seed);
                overflows += u32::from(trainer.fit(&train, None, &mut parameters).is_err());
                errors[i].push(100.0 * trainer.evaluate(&validation, &parameters)?.error);
                for name in ["linear1.weight", "linear2.weight"] {
                    norms[i] = norms[i].max(largest_column_norm(&parameters[name]));
                }
            }
        }
        let gain = Mean::of(errors[0].iter().zip(&errors[1]).map(|(free, bounded)| free - bounded));
        let [free, bounded] = errors.map(Mean::of);
        println!(
            "  {rate:5} {free:>15.1} {:>6.2}    {bounded:>15.1} {:>6.2} {gain:>+19.1}",
            norms[0], norms[1]
        );
    }
    println!("\n{overflows} of {} trainings overflowed.", 12 * SEEDS);
    println!("\nThe projection is the last link of the optimiser's chain: no step ends outside.");
    println!("It does not save a training: at the largest rate nearly nine in ten are named");
    println!("wrong, bounded or not, and guessing is wrong for nine.");
    Ok(())
}

/// The largest norm of a unit's incoming weights.
fn largest_column_norm(w: &Tensor<f32>) -> f32 {
    let units = w.shape().last();
    let square = |unit| w.data().iter().skip(unit).step_by(units).map(|w| w * w).sum::<f32>();
    (0..units).map(|unit| square(unit).sqrt()).fold(0.0, f32::max)
}

fn main() -> Result<(), RegularizeError> {
    path()?;
    rates()
}
