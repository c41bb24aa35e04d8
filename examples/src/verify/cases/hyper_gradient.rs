//! Hyper-gradients: a validation loss after some steps of training, as a function of the strengths.

use super::{COLUMNS, Case, Group, ROWS, function, technique};
use crate::random::uniform;
use autograd::check::Checker;
use autograd::{Graph, Parameters, Tensor, Var, grad, interpret, substitute};
use nn::OptimiserStep;
use regularize::augmentation::Augmentation;
use regularize::hyper_gradient::{
    ConcreteDropout, ConjugateGradients, Hyperparameter, TunedAffine, TunedBrightness, TunedContrast,
    TunedNoise, implicit_hyper_gradient, unroll,
};
use regularize::{l2_penalty, smooth_l1_penalty};

/// A case for each part.
pub fn cases() -> Vec<Case> {
    let matrix: &[usize] = &[ROWS, COLUMNS];
    let rate = Hyperparameter::probability("rate", 0.5).expect("in (0, 1)");
    let dropout = ConcreteDropout::new(rate, 0.5).expect("a temperature above 0");
    let positive = |name| Hyperparameter::positive(name, 1.0).expect("above 0");
    let noise = TunedNoise(positive("noise"));
    let warp = TunedAffine::new().shear(positive("shear")).scale(positive("scale"));
    let warp = warp.rotate(positive("turn")).expect("below 180").translate(positive("shift"));
    let images: &[usize] = &[2, 1, 3, 4];
    let tone = |name, equation, augmentation: Box<dyn Augmentation<f64>>| {
        function(technique(name, equation), &[images, &[]], (-1.0, 1.0), move |x, _| {
            at(augmentation.apply(x[0], "verify").powi(2), &positive("tone"), x[1])
        })
    };
    vec![
        function(
            technique("three unrolled steps", "V(w₃), w := w - ε ∇(J + α/2 ‖w‖²)"),
            &[matrix, &[]],
            (0.2, 1.0),
            |x, labels| {
                let (w, alpha) = (x[0], x[1]);
                let loss = w.cross_entropy(labels) + l2_penalty(w, alpha);
                let updates = vec![(w, w - grad(loss, &[w])[0] * 0.5)];
                let step = OptimiserStep { updates, state: Vec::new(), learning_rate: None };
                let three = unroll(&step, &[], 3, &["x0", "x1", "labels"]);
                three.at(&[(w - 0.3).powi(2).sum()])[0]
            },
        ),
        implicit(),
        function(
            technique("concrete dropout", "x σ((logit u - θ)/t) (1 + e^θ)"),
            &[matrix, matrix, &[]],
            (0.1, 0.9),
            move |x, _| {
                let dropped = dropout.apply(x[0], dropout.mask(x[1]));
                at(dropped, dropout.rate(), x[2])
            },
        ),
        function(technique("tuned noise", "x + e^θ n"), &[matrix, matrix, &[]], (-1.0, 1.0), move |x, _| {
            at(noise.apply(x[0], x[1]).powi(2), &noise.0, x[2])
        }),
        function(
            technique("tuned affine warp", "x at A(e^θ (2u - 1)) (r, c, 1), u frozen"),
            &[images, &[], &[], &[], &[]],
            (-1.0, 0.0),
            move |x, _| {
                let warped = warp.apply(x[0], "verify");
                let names = ["turn", "shear", "scale", "shift"];
                names.iter().zip(&x[1..]).fold(warped, |y, (name, &input)| at(y, &positive(name), input))
            },
        ),
        tone("tuned brightness", "x + e^θ (2u - 1)", Box::new(TunedBrightness(positive("tone")))),
        tone("tuned contrast", "m + (1 + e^θ)^(2u - 1) (x - m)", Box::new(TunedContrast(positive("tone")))),
        function(
            technique("smooth L1", "α Σ (√(w² + s²) - s)"),
            &[matrix, &[]],
            (-1.0, 1.0),
            |x, _| smooth_l1_penalty(x[0], x[1], 0.3),
        ),
    ]
}

/// An expression with an input in the place of a hyper-parameter's own variable.
fn at<'g>(output: Var<'g, f64>, hyperparameter: &Hyperparameter, input: Var<'g, f64>) -> Var<'g, f64> {
    substitute(&[output], &[(hyperparameter.raw(output.graph()), input)])[0]
}

/// The implicit derivative at a minimum, of first order only: its solution of the linear system is a constant to
/// differentiation. A ridge regression of two weights with a strength for each; its minimum is known for any
/// strengths `α`, and differences of the validation loss there need no derivative at all.
fn implicit() -> Case {
    let name = "implicit derivative";
    let check = move |seed: u64| {
        let of = |place: u64| Tensor::from_fn([ROWS, 2], |i| 2.0 * uniform(seed, place + i as u64) - 1.0);
        let to = |place: u64| Tensor::from_fn([ROWS, 1], |i| 2.0 * uniform(seed, place + i as u64) - 1.0);
        let (x, y, other_x, other_y) = (of(0), to(100), of(200), to(300));
        let validation = |alpha: &[f64]| {
            let w = ridge(&x, &y, alpha);
            let miss = |r: usize| other_x[[r, 0]] * w[0] + other_x[[r, 1]] * w[1] - other_y[[r, 0]];
            (0..ROWS).map(|r| 0.5 * miss(r).powi(2)).sum()
        };
        let gradient = |alpha: &[f64]| {
            let graph = Graph::new();
            let (w, strengths) = (graph.parameter("w", [2, 1]), graph.parameter("alpha", [2, 1]));
            let half = |x: &Tensor<f64>, y: &Tensor<f64>| {
                (graph.constant(x.clone()).matmul(w) - graph.constant(y.clone())).norm_squared() * 0.5
            };
            let training = half(&x, &y) + (strengths * w.powi(2)).sum() * 0.5;
            // As many iterations as weights.
            let solver = ConjugateGradients::new(2).expect("at least 1");
            let found =
                implicit_hyper_gradient(training, half(&other_x, &other_y), &[w], &[strengths], solver);
            let derivative = found.expect("the training loss depends on the strengths").gradient[0];
            let column = |values: &[f64]| Tensor::new([2, 1], values.to_vec());
            let values: Parameters<f64> =
                [("w", column(&ridge(&x, &y, alpha))), ("alpha", column(alpha))].into_iter().collect();
            interpret(&[derivative], &[], Some(&values)).expect("both have values")[0].data().to_vec()
        };
        let alpha = [0, 1].map(|i| 0.2 + uniform(seed, 400 + i));
        Checker::new(name).seed(seed).allow_zero_gradient().gradient(validation, gradient, &alpha)
    };
    let equation = "∂V/∂α - vᵀ ∂/∂α ∇J, H v = ∇V".into();
    Case { group: Group::Technique, name: name.into(), equation, check: Box::new(check) }
}

/// The minimum of `½ ‖x w - y‖² + ½ Σ αᵢ wᵢ²` for two weights, by Cramer's rule.
fn ridge(x: &Tensor<f64>, y: &Tensor<f64>, alpha: &[f64]) -> [f64; 2] {
    let product = |i: usize, j: usize| (0..ROWS).map(|r| x[[r, i]] * x[[r, j]]).sum::<f64>();
    let right = [0, 1].map(|i| (0..ROWS).map(|r| x[[r, i]] * y[[r, 0]]).sum::<f64>());
    let (a, b, c) = (product(0, 0) + alpha[0], product(0, 1), product(1, 1) + alpha[1]);
    let determinant = a * c - b * b;
    [(c * right[0] - b * right[1]) / determinant, (a * right[1] - b * right[0]) / determinant]
}
