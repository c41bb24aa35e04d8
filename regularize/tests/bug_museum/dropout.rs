//! Dropout.
//!
//! | defect | found in | test |
//! |---|---|---|
//! | the backward pass draws a mask of its own | optirs DropConnect | [`backward_has_the_mask_of_forward`] |
//! | "dropout" that masks gradients of parameters, and no activation | optirs | [`a_dropped_unit_contributes_nothing`] |
//! | scaled by `1 - p` where `1 / (1 - p)` is meant | burn's documentation | [`the_mean_over_masks_is_the_unit`] |
//! | `p = 1` and NaN accepted: `x · 0 · (1/0)` | burn | [`everything_dropped_is_refused`] |
//! | dropout is on exactly when gradients are recorded | burn | [`mode_has_nothing_to_do_with_gradients`] |

use crate::{value, vector};
use autograd::check::check_gradient;
use autograd::{Draw, Graph, Interpreter, Parameters, Tensor, Var, grad};
use nn::{Layer, Mode};
use regularize::Dropout;

fn half() -> Dropout {
    Dropout::new(0.5).unwrap()
}

#[test]
fn backward_has_the_mask_of_forward() {
    let x: Vec<f64> = (0..16).map(|i| 0.3 + 0.1 * f64::from(i)).collect();
    // The loss draws under one name, its gradient is taken under another: the same, or the defect.
    let holds = |forward: &'static str, backward: &'static str| {
        let loss = |name: &str, x: &[f64], slope: bool| {
            value(&vector(x), |x| {
                let loss = half().named(name).forward(x, Mode::Train).powi(2).sum();
                if slope { grad(loss, &[x])[0] } else { loss }
            })
        };
        let report = check_gradient(|x| loss(forward, x, false)[0], |x| loss(backward, x, true), &x);
        report.is_success()
    };
    assert!(holds("mask", "mask"));
    assert!(!holds("mask", "mask drawn again"));
}

/// Units and mask to what is left of them.
type Masking<'m> = &'m dyn for<'g> Fn(Var<'g, f64>, Var<'g, f64>) -> Var<'g, f64>;

#[test]
fn a_dropped_unit_contributes_nothing() {
    let mask = vector(&[1.0, 0.0, 1.0]);
    let holds = |layer: Masking<'_>| {
        let sum = |unit: f64| {
            value(&vector(&[1.0, unit, 2.0]), |x| layer(x, x.graph().constant(mask.clone())).sum())
        };
        sum(5.0) == sum(-7.0)
    };
    assert!(holds(&|x, mask| half().apply(x, mask)));
    // The activations pass; a mask on some gradient would come later.
    assert!(!holds(&|x, _| x));
}

#[test]
fn the_mean_over_masks_is_the_unit() {
    let layer = Dropout::new(0.25).unwrap();
    let holds = |transform: Masking<'_>| {
        let mut mean = 0.0;
        for (probability, mask) in layer.masks::<f64>(1) {
            let y = value(&vector(&[3.0]), |x| transform(x, x.graph().constant(mask.clone())));
            mean += probability * y[0];
        }
        (mean - 3.0f64).abs() < 1e-14
    };
    assert!(holds(&|x, mask| layer.apply(x, mask)));
    assert!(!holds(&|x, mask| x * mask * 0.75));
    assert!(!holds(&|x, mask| x * mask));
}

#[test]
fn everything_dropped_is_refused() {
    let holds = |accepts: &dyn Fn(f64) -> bool| {
        accepts(0.0) && accepts(0.9) && ![1.0, f64::NAN, -0.1, 1.1].into_iter().any(accepts)
    };
    assert!(holds(&|p| Dropout::new(p).is_ok()));
    // Refused below 0 and above 1: a NaN is neither, and 1 is not above.
    #[allow(clippy::manual_range_contains, reason = "the defect as it was written")]
    let defect = |p: f64| !(p < 0.0 || p > 1.0);
    assert!(!holds(&defect));
}

#[test]
fn mode_has_nothing_to_do_with_gradients() {
    let graph = Graph::<f64>::new();
    let x = graph.constant(Tensor::full([32], 1.0));
    let run = |y: Var<'_, f64>, run| {
        let parameters = Parameters::new();
        let interpreter = Interpreter { parameters: &parameters, draw: Draw { seed: 1, run } };
        interpreter.run(&graph, &[y.id()], &[]).unwrap().get(y).clone()
    };
    // Differentiated, and nothing is dropped: the input gradient that an attack needs.
    let slope = grad(half().forward(x, Mode::Evaluate).sum(), &[x])[0];
    assert_eq!(run(slope, 0), Tensor::full([32], 1.0));
    // Not differentiated, and units are dropped: Monte Carlo dropout.
    let sample = half().forward(x, Mode::Sample);
    assert!(run(sample, 0).data().contains(&0.0));
    assert_ne!(run(sample, 0), run(sample, 1));
}
