//! Dropout.
//!
//! | defect | found in | test |
//! |---|---|---|
//! | the backward pass draws a mask of its own | optirs DropConnect | [`backward_has_the_mask_of_forward`] |
//! | "dropout" that masks gradients of parameters, and no activation | optirs | [`a_dropped_unit_contributes_nothing`] |
//! | scaled by `1 - p` where `1 / (1 - p)` is meant | burn's documentation | [`the_mean_over_masks_is_the_unit`] |
//! | `p = 1` and NaN accepted: `x · 0 · (1/0)` | burn | [`everything_dropped_is_refused`] |
//! | dropout is on exactly when gradients are recorded | burn | [`mode_has_nothing_to_do_with_gradients`] |
//! | DropConnect whose backward pass has another mask | optirs DropConnect | [`a_dropped_weight_has_no_gradient`] |
//! | both branches of stochastic depth return the features | optirs | [`a_block_that_is_skipped_is_not_one_that_is_not`] |
//! | ShakeDrop whose noise cancels: drawn only where the factor is 1 | optirs | [`noise_shakes_the_block_where_the_gate_is_shut`] |
//! | DropBlock scaled by the count of the whole batch | timm | [`an_example_is_scaled_by_its_own_count`] |
//! | a mask for every step of a recurrence | recurrent networks before Gal and Ghahramani 2016 | [`a_sequence_has_one_mask`] |

use crate::{value, vector};
use autograd::check::check_gradient;
use autograd::{Draw, Graph, Interpreter, Parameters, Tensor, Var, grad};
use nn::recurrent::{Cell, Elman, Recurrent};
use nn::{Layer, Linear, Mode, Selection};
use regularize::Dropout;
use regularize::dropout::shake_drop::Shake;
use regularize::dropout::{
    DropBlock, DropConnect, ShakeDrop, StochasticDepth, VariationalDropout, bernoulli_masks,
};

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
        for (probability, mask) in layer.masks::<f64>(1).unwrap() {
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

/// Input, weight and the name of a run's masks to the output of a linear map with dropped weights.
type Connect<'c> = &'c dyn for<'g> Fn(Var<'g, f64>, &'static str) -> Var<'g, f64>;

#[test]
fn a_dropped_weight_has_no_gradient() {
    let weight: Vec<f64> = (0..12).map(|i| 0.4 + 0.1 * f64::from(i)).collect();
    let layer = DropConnect::new(Linear::new("l", 12, 1), Selection::weights(), 0.5).unwrap();
    // Loss and gradient, as an implementation with passes of its own has them: under a name each.
    let holds = |connect: Connect<'_>, forward: &'static str, backward: &'static str| {
        let loss = |name: &'static str, w: &[f64], slope: bool| {
            value(&vector(w), |w| {
                let loss = connect(w, name).powi(2).sum();
                if slope { grad(loss, &[w])[0] } else { loss }
            })
        };
        let masked = value(&vector(&weight), |w| connect(w, forward));
        let gradient = loss(backward, &weight, true);
        let zeros = masked.iter().zip(&gradient).all(|(w, g)| (*w == 0.0) == (*g == 0.0));
        zeros
            && check_gradient(|w| loss(forward, w, false)[0], |w| loss(backward, w, true), &weight)
                .is_success()
    };
    let masked: Connect<'_> = &|w, name| {
        let mask = w.graph().uniform(name, w.shape()).greater_equal(0.5);
        layer.apply(w, mask)
    };
    assert!(holds(masked, "mask", "mask"));
    assert!(!holds(masked, "mask", "drawn again"));
}

/// A value, its body and a gate to the block's result.
type Block<'b> = &'b dyn for<'g> Fn(Var<'g, f64>, Var<'g, f64>, Var<'g, f64>) -> Var<'g, f64>;

#[test]
fn a_block_that_is_skipped_is_not_one_that_is_not() {
    let depth = StochasticDepth::<f64>::new(Linear::new("f", 2, 2), 0.8).unwrap();
    let holds = |block: Block<'_>| {
        let at = |gate: f64| value(&vector(&[1.0, -2.0]), |x| block(x, x.powi(2), x.graph().fill([1], gate)));
        let (skipped, through) = (at(0.0), at(1.0));
        let mean: Vec<f64> = skipped.iter().zip(&through).map(|(s, t)| 0.2 * s + 0.8 * t).collect();
        skipped == [1.0, -2.0] && through != skipped && (mean[0] - 2.0).abs() + (mean[1] - 2.0).abs() < 1e-14
    };
    assert!(holds(&|x, body, gate| depth.apply(x, body, gate)));
    // Both branches return the features.
    assert!(!holds(&|x, body, _| x + body));
    assert!(!holds(&|x, _, _| x));
}

/// Gate and noise `a`, and what the body is multiplied with.
type Factor<'f> = &'f dyn Fn(f64, f64) -> f64;

#[test]
fn noise_shakes_the_block_where_the_gate_is_shut() {
    let block = ShakeDrop::<f64>::new(Linear::new("f", 1, 1), 0.5).unwrap();
    // Over gates and noise: 1 where the gate is open, else the noise itself, whose mean is 0.
    let holds = |factor: Factor<'_>| {
        [-0.5, 0.25, 0.9]
            .iter()
            .all(|&a| (factor(1.0, a) - 1.0).abs() < 1e-15 && (factor(0.0, a) - a).abs() < 1e-15)
    };
    assert!(holds(&|gate, a| {
        let body = value(&vector(&[1.0]), |body| {
            let [gate, forward, backward] = [gate, a, 0.5].map(|v| body.graph().fill([1], v));
            block.apply(body.like(0.0), body, Shake { gate, forward, backward })
        });
        body[0]
    }));
    // The noise is drawn only where the gate is open, and cancels there: the factor is the gate, and nothing shakes.
    assert!(!holds(&|gate, a| {
        let a = if gate == 1.0 { a } else { 0.0 };
        gate + a - gate * a
    }));
}

#[test]
fn an_example_is_scaled_by_its_own_count() {
    let layer = DropBlock::new(0.1, 1).unwrap();
    let mask = Tensor::new([2, 1, 1, 2], vec![1.0, 0.0, 1.0, 1.0]);
    let holds = |apply: Masking<'_>| {
        let both = value(&Tensor::full([2, 1, 1, 2], 3.0), |x| apply(x, x.graph().constant(mask.clone())));
        let alone =
            value(&Tensor::full([1, 1, 1, 2], 3.0), |x| apply(x, x.graph().constant(mask.rows(&[0]))));
        both[..2] == alone[..]
    };
    assert!(holds(&|x, mask| layer.apply(x, mask)));
    // One normaliser for the whole batch.
    assert!(!holds(&|x, mask| x * mask * (mask.shape().numel() as f64 / mask.sum())));
}

#[test]
fn a_sequence_has_one_mask() {
    let holds = |layer: &dyn Layer<f64>| {
        let graph = Graph::new();
        let y = layer.forward(graph.input("x", [1, 5, 2]), Mode::Train);
        let mut streams: Vec<_> = bernoulli_masks(&[y]).into_iter().map(|mask| mask.stream).collect();
        streams.sort();
        streams.dedup();
        streams.len() == 1
    };
    let recurrent = || Recurrent::new(Elman::new("e", 2, 3));
    assert!(holds(&VariationalDropout::new(recurrent(), 0.0, 0.5).unwrap()));
    // A mask for every step, which the state does not survive.
    assert!(!holds(&MaskOfEachStep(recurrent())));
}

/// Dropout of the recurrent state as it was first tried: a draw for every step.
#[derive(Debug)]
struct MaskOfEachStep(Recurrent<Elman>);

impl Layer<f64> for MaskOfEachStep {
    fn forward<'g>(&self, x: Var<'g, f64>, _: Mode) -> Var<'g, f64> {
        let unrolled = self.0.unroll_by(x, &[], None, |t, projected, state| {
            let dropped = half().named(&format!("step{t}")).forward(state[0], Mode::Train);
            self.0.cell().step(projected, &[dropped])
        });
        unrolled.last[0]
    }
}
