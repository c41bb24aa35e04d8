//! Penalties on the gradient in the input: a smoother network, on the digits.
//!
//! `cargo run --release -p examples --example input_gradients`
//!
//! Each row is one training with another penalty: none, double backpropagation (`½‖∇ₓJ‖²`), the norm of the
//! gradient (`‖∇ₓJ‖₁`, which is a fast gradient attack to first order), the norm of the whole Jacobian by one
//! random projection. The strengths are chosen so that the clean error stays about what it is.
//!
//! It prints for the validation digits: the clean error; the mean norm of the gradient of the loss in the input;
//! the share of digits whose class changes with noise; the error under the fast gradient sign method.

use autograd::{Draw, Graph, Interpreter, Parameters, Tensor};
use nn::data::{Dataset, digits};
use nn::train::{Batch, Evaluator};
use nn::{Activation, Layer, Mode, Optimiser, Sequential, Trainer, initialise};
use regularize::tangent::{GradientNorm, input_gradients};
use regularize::{AttackEvaluator, DoubleBackpropagation, FastGradient, InputGradientPenalty, JacobianNorm};
use std::error::Error;

const NOISE: f64 = 0.25;
const BUDGET: f64 = 0.1;

/// Mean `‖∇ₓ J‖₂`, and the share of digits that noise of this deviation gives another class.
fn smoothness(
    model: &dyn Layer<f32>,
    data: &Dataset,
    parameters: &Parameters<f32>,
) -> Result<[f64; 2], Box<dyn Error>> {
    let graph = Graph::<f32>::new();
    let x = graph.constant(data.examples().clone());
    let labels = graph.index_constant(data.labels().clone());
    let logits = model.forward(x, Mode::Evaluate);
    let slope = GradientNorm::Two.of(input_gradients(logits.cross_entropy_each(labels), x)).mean();
    let disturbed = model.forward(x + graph.normal("noise", x.shape()) * NOISE, Mode::Evaluate);
    let run = Interpreter { parameters, draw: Draw { seed: 1, run: 0 } };
    let found = run.run(&graph, &[slope.id(), logits.id(), disturbed.id()], &[])?;
    let class = |logits: &Tensor<f32>| -> Vec<usize> {
        let best = |row: &[f32]| (0..10).max_by(|&a, &b| row[a].total_cmp(&row[b])).expect("ten classes");
        logits.data().chunks(10).map(best).collect()
    };
    let (before, after) = (class(found.get(logits)), class(found.get(disturbed)));
    let changed = before.iter().zip(&after).filter(|(a, b)| a != b).count();
    Ok([f64::from(found.get(slope).item()), changed as f64 / data.len() as f64])
}

/// What is minimised.
type Objective = Box<dyn for<'g, 'b> Fn(&Batch<'g, 'b, f32>) -> autograd::Var<'g, f32> + Send + Sync>;

fn main() -> Result<(), Box<dyn Error>> {
    let [train, validation] = digits::load()?.flattened().split([0.7, 0.3], 1)?;
    let attack = FastGradient::new(BUDGET)?.within(0.0, 1.0)?;
    let double = |strength| -> Result<Objective, Box<dyn Error>> {
        let penalty = DoubleBackpropagation::new(strength)?;
        Ok(Box::new(move |batch| penalty.objective(batch)))
    };
    let norm = |strength, norm| -> Result<Objective, Box<dyn Error>> {
        let penalty = InputGradientPenalty::new(strength, norm)?;
        Ok(Box::new(move |batch| {
            let each = batch.logits().cross_entropy_each(batch.labels);
            penalty.added_to(batch.cross_entropy(), each, batch.inputs)
        }))
    };
    let jacobian = JacobianNorm::new(0.01, 1)?;
    let rows: Vec<(&str, Objective)> = vec![
        ("none", Box::new(|batch| batch.cross_entropy())),
        ("double backpropagation, 0.3", double(0.3)?),
        ("double backpropagation, 1", double(1.0)?),
        ("Euclidean norm, 0.3", norm(0.3, GradientNorm::Two)?),
        ("sum of absolute values, 0.1", norm(BUDGET, GradientNorm::One)?),
        (
            "Jacobian by projection, 0.01",
            Box::new(move |batch| jacobian.added_to(batch.cross_entropy(), batch.logits(), batch.inputs)),
        ),
    ];
    println!("{} digits to train on, {} to validate\n", train.len(), validation.len());
    println!("| penalty                      | error | gradient | changed by | under  |");
    println!("|                              |     % | norm     | noise %    | attack |");
    println!("|------------------------------|-------|----------|------------|--------|");
    for (name, objective) in rows {
        let model = Sequential::<f32>::mlp(&[64, 64, 10], Activation::Tanh);
        let mut parameters = initialise(&model, 1);
        let mut trainer = Trainer::new(&model, Optimiser::adam(0.005)).epochs(30).objective(objective);
        trainer.fit(&train, None, &mut parameters)?;
        let clean = Evaluator::new(&model, 256).evaluate(&validation, &parameters)?.error;
        let [slope, changed] = smoothness(&model, &validation, &parameters)?;
        let attacked = AttackEvaluator::new(&model, attack, 256).attack(&validation, &parameters)?.success;
        let attacked = attacked.iter().filter(|&&success| success).count() as f64 / validation.len() as f64;
        let [clean, changed, attacked] = [clean, changed, attacked].map(|share| 100.0 * share);
        println!("| {name:<28} | {clean:>5.1} | {slope:>8.3} | {changed:>10.1} | {attacked:>6.1} |");
    }
    println!("\nNoise of deviation {NOISE}; fast gradient sign attack of {BUDGET}, pixels from 0 to 1.");
    Ok(())
}
