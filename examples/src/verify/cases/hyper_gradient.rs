//! Hyper-gradients: a validation loss after some steps of training, as a function of the strengths.

use super::{COLUMNS, Case, ROWS, function, technique};
use autograd::{Var, grad, substitute};
use nn::OptimiserStep;
use regularize::hyper_gradient::{ConcreteDropout, Hyperparameter, TunedNoise, unroll};
use regularize::l2_penalty;

/// A case for each part.
pub fn cases() -> Vec<Case> {
    let matrix: &[usize] = &[ROWS, COLUMNS];
    let rate = Hyperparameter::probability("rate", 0.5).expect("in (0, 1)");
    let dropout = ConcreteDropout::new(rate, 0.5).expect("a temperature above 0");
    let noise = TunedNoise(Hyperparameter::positive("noise", 1.0).expect("above 0"));
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
    ]
}

/// An expression with an input in the place of a hyper-parameter's own variable.
fn at<'g>(output: Var<'g, f64>, hyperparameter: &Hyperparameter, input: Var<'g, f64>) -> Var<'g, f64> {
    substitute(&[output], &[(hyperparameter.raw(output.graph()), input)])[0]
}
