//! Hyper-gradients: a validation loss after some steps of training, as a function of the strengths.

use super::{COLUMNS, Case, ROWS, function, technique};
use autograd::{Var, grad, substitute};
use nn::OptimiserStep;
use regularize::augmentation::Augmentation;
use regularize::hyper_gradient::{
    ConcreteDropout, Hyperparameter, TunedAffine, TunedBrightness, TunedContrast, TunedNoise, unroll,
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
