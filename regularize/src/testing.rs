//! What the tests of several techniques share.

use autograd::check::Checker;
use autograd::{Draw, interpret};
use autograd::{Feed, Graph, Interpreter, Parameters, Plan, Real, Shape, Tensor, Var};
use nn::optimise::LEARNING_RATE;
use nn::{Initialiser, Optimiser, ParameterSpec, Role};
use proptest::prelude::*;

/// Numbers in `[low, high)`, no two alike, the same in every run.
pub fn numbers(shape: impl Into<Shape>, low: f64, high: f64, seed: u64) -> Tensor<f64> {
    Tensor::from_fn(shape, |i| {
        let z = (i as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ seed.wrapping_mul(0xD6E8_FEB8_6659_FD93);
        let z = (z ^ (z >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        low + (high - low) * ((z ^ (z >> 32)) >> 11) as f64 * 2f64.powi(-53)
    })
}

/// Shapes of up to three axes of lengths 0 to 3.
pub fn shapes() -> impl Strategy<Value = Shape> {
    prop::collection::vec(0usize..4, 0..4).prop_map(|lengths| Shape::new(&lengths))
}

/// The value of one expression of fed inputs `x0`, `x1`, ...
pub fn value(values: &[Tensor<f64>], f: impl for<'g> Fn(&[Var<'g, f64>]) -> Var<'g, f64>) -> Tensor<f64> {
    let graph = Graph::new();
    let names: Vec<String> = (0..values.len()).map(|i| format!("x{i}")).collect();
    let vars: Vec<_> = names.iter().zip(values).map(|(n, v)| graph.input(n, v.shape())).collect();
    let feeds: Vec<_> = names.iter().zip(values).map(|(n, v)| (n.as_str(), Feed::from(v))).collect();
    interpret(&[f(&vars)], &feeds, None).unwrap().remove(0)
}

/// Checks the derivatives, to the second order, of an expression in all of its inputs: every entry.
pub fn check(name: &str, values: &[Tensor<f64>], f: impl for<'g> Fn(&[Var<'g, f64>]) -> Var<'g, f64>) {
    let graph = Graph::new();
    let names: Vec<String> = (0..values.len()).map(|i| format!("x{i}")).collect();
    let vars: Vec<_> = names.iter().zip(values).map(|(n, v)| graph.input(n, v.shape())).collect();
    let feeds: Vec<_> = names.iter().zip(values).map(|(n, v)| (n.as_str(), Feed::from(v))).collect();
    let report = Checker::new(name).entries().graph(f(&vars), &vars, &feeds, None).unwrap().assert();
    assert_eq!(report.checked_fraction(), 1.0, "{report}");
}

/// The value of a variable with parameters, without feeds.
pub fn run<T: Real>(output: Var<'_, T>, parameters: &Parameters<T>, draw: Draw) -> Tensor<T> {
    let run = Interpreter { parameters, draw }.run(output.graph(), &[output.id()], &[]).unwrap();
    run.get(output).clone()
}

/// A parameter `w` of role weight.
pub fn weight(length: usize) -> ParameterSpec {
    let (name, shape) = ("w".to_string(), Shape::from([length]));
    ParameterSpec { name, shape, role: Role::Weight, initialiser: Initialiser::Zeros }
}

/// The vector `w` after some steps of an optimiser, compiled as one plan.
pub fn descend<T: Real>(
    start: &[f64],
    steps: u64,
    optimiser: &Optimiser<T>,
    objective: impl for<'g> Fn(Var<'g, T>) -> Var<'g, T>,
) -> Vec<f64> {
    let start = Tensor::new([start.len()], start.iter().map(|&w| T::from_f64(w)).collect());
    descend_from(&start, steps, optimiser, objective).data().iter().map(|w| w.to_f64()).collect()
}

/// A weight `w` of any shape after some steps of an optimiser, compiled as one plan.
pub fn descend_from<T: Real>(
    start: &Tensor<T>,
    steps: u64,
    optimiser: &Optimiser<T>,
    objective: impl for<'g> Fn(Var<'g, T>) -> Var<'g, T>,
) -> Tensor<T> {
    let (graph, specs) = (Graph::<T>::new(), [ParameterSpec { shape: start.shape(), ..weight(0) }]);
    let loss = objective(specs[0].declare(&graph));
    let step = optimiser.minimise(loss, &specs);
    let mut plan = step.add_to(Plan::builder(&graph).output("loss", loss)).compile();
    let mut parameters = Parameters::new();
    parameters.insert("w", start.clone());
    step.initialise_state(&mut parameters);
    for k in 0..steps {
        plan.run(&mut parameters, &[(LEARNING_RATE, Feed::from(optimiser.learning_rate(k)))]).unwrap();
    }
    parameters["w"].clone()
}

/// `½ (w - w*)ᵀ Q Λ Qᵀ (w - w*)` in two dimensions: the eigenvectors are the axes turned by `angle`.
#[derive(Debug, Clone, Copy)]
pub struct Quadratic {
    pub angle: f64,
    pub eigenvalues: [f64; 2],
    pub minimum: [f64; 2],
}

impl Quadratic {
    pub fn loss<'g>(&self, w: Var<'g, f64>) -> Var<'g, f64> {
        let (sin, cos) = self.angle.sin_cos();
        let graph = w.graph();
        let offset = w - graph.constant(Tensor::new([2], self.minimum.to_vec()));
        let along =
            offset.reshape([1, 2]).matmul(graph.constant(Tensor::new([2, 2], vec![cos, -sin, sin, cos])));
        (along.powi(2) * graph.constant(Tensor::new([2], self.eigenvalues.to_vec()))).sum() * 0.5
    }

    /// `Qᵀ v`: the components along the eigenvectors.
    pub fn along_eigenvectors(&self, v: &[f64]) -> [f64; 2] {
        let (sin, cos) = self.angle.sin_cos();
        [cos * v[0] + sin * v[1], cos * v[1] - sin * v[0]]
    }
}

/// Asserts that two numbers agree to `tolerance`, relative to the larger of 1 and the expected one.
#[track_caller]
pub fn assert_close(found: f64, expected: f64, tolerance: f64) {
    let error = (found - expected).abs();
    assert!(error <= tolerance * expected.abs().max(1.0), "{found} is {error:e} from {expected}");
}
