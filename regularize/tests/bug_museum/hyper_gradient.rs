//! Hyper-gradients: shortcuts that leave a part of the derivative out.
//!
//! | defect | found in | test |
//! |---|---|---|
//! | momentum is unrolled as if each step were plain gradient descent | one-step approximations of unrolled training | [`the_velocity_is_carried_through_the_steps`] |
//! | every unrolled step draws the same noise | loops over one recorded step | [`each_step_has_draws_of_its_own`] |
//! | an augmentation reads its strength as a number for a part of its parameters | image pipelines outside of the graph | [`every_part_of_a_warp_hears_its_strength`] |

use autograd::{Feed, Graph, Interpreter, Tensor, Var, grad, substitute};
use nn::{Initialiser, Optimiser, OptimiserStep, ParameterSpec, Role};
use regularize::augmentation::{Augmentation, Border, affine};
use regularize::hyper_gradient::{Hyperparameter, TunedAffine, hyper_gradient, unroll};

const STEPS: usize = 3;

fn spec() -> ParameterSpec {
    ParameterSpec { name: "w".into(), shape: [].into(), role: Role::Weight, initialiser: Initialiser::Zeros }
}

/// `d/dα` of `w²/2` after some steps of momentum on `α w²/2`, from `w = 1`.
fn derivative(
    implementation: impl for<'g> Fn(&OptimiserStep<'g, f64>, Var<'g, f64>, Var<'g, f64>) -> Var<'g, f64>,
) -> f64 {
    let (graph, optimiser) = (Graph::new(), Optimiser::momentum(0.1, 0.9));
    let (w, alpha) = (spec().declare(&graph), graph.scalar("alpha"));
    let step = optimiser.minimise(alpha * w.powi(2) * 0.5, &[spec()]);
    let slope = implementation(&step, w.powi(2) * 0.5, alpha);
    let mut parameters = [("w", Tensor::scalar(1.0))].into_iter().collect();
    step.initialise_state(&mut parameters);
    let feeds = [("alpha", Feed::Scalar(0.7)), ("learning_rate", Feed::Scalar(0.1))];
    let run = Interpreter { parameters: &parameters, draw: Default::default() };
    run.run(&graph, &[slope.id()], &feeds).unwrap().get(slope).item()
}

#[test]
fn the_velocity_is_carried_through_the_steps() {
    let trained = |alpha: f64| {
        let (mut w, mut velocity) = (1.0f64, 0.0);
        for _ in 0..STEPS {
            velocity = 0.9 * velocity + alpha * w;
            w -= 0.1 * velocity;
        }
        w * w / 2.0
    };
    let difference = (trained(0.7 + 1e-5) - trained(0.7 - 1e-5)) / 2e-5;
    let holds = |found: f64| (found - difference).abs() < 1e-9;
    let shared = ["alpha", "learning_rate"];
    assert!(holds(derivative(|step, validation, alpha| {
        hyper_gradient(validation, &unroll(step, &[], STEPS, &shared), &[alpha]).unwrap()[0]
    })));
    // The weights alone are put into the next step.
    assert!(!holds(derivative(|step, validation, alpha| {
        let (w, new) = step.updates[0];
        let after = (1..STEPS).fold(new, |after, _| substitute(&[new], &[(w, after)])[0]);
        grad(substitute(&[validation], &[(w, after)])[0], &[alpha])[0]
    })));
}

#[test]
fn each_step_has_draws_of_its_own() {
    let distinct = |unrolled: &dyn for<'g> Fn(&OptimiserStep<'g, f64>) -> Var<'g, f64>| {
        let graph = Graph::new();
        let w = spec().declare(&graph);
        // Each step moves w by its draw: 3 equal draws leave a multiple of 3.
        let step = Optimiser::sgd(1.0).minimise(w * graph.normal("noise", []), &[spec()]);
        let after = unrolled(&step);
        let parameters = [("w", Tensor::scalar(0.0))].into_iter().collect();
        let run = Interpreter { parameters: &parameters, draw: Default::default() };
        let draw = graph.normal("noise", []);
        let found =
            run.run(&graph, &[after.id(), draw.id()], &[("learning_rate", Feed::Scalar(1.0))]).unwrap();
        (found.get(after).item() + STEPS as f64 * found.get(draw).item()).abs() > 1e-9
    };
    assert!(distinct(&|step| unroll(step, &[], STEPS, &["learning_rate"]).updates[0].1));
    assert!(!distinct(&|step| {
        let (w, new) = step.updates[0];
        (1..STEPS).fold(new, |after, _| substitute(&[new], &[(w, after)])[0])
    }));
}

/// One strength for turn and shift, both of draws that are fixed.
#[test]
fn every_part_of_a_warp_hears_its_strength() {
    type Warp = dyn for<'g> Fn(Var<'g, f64>, Var<'g, f64>) -> Var<'g, f64>;
    let strength = Hyperparameter::positive("strength", 0.8).unwrap();
    // How far the weights of one step on warped images are from 0.3, and the derivative of that.
    let trained = |warp: &Warp, raw: f64| {
        let graph = Graph::new();
        let spec = ParameterSpec { shape: [12].into(), ..spec() };
        let w = spec.declare(&graph);
        let pixels = Tensor::from_fn([2, 1, 3, 4], |i| ((i * 7 + 1) as f64).sin());
        let warped = warp(graph.constant(pixels), strength.raw(&graph).exp());
        let step = Optimiser::sgd(0.1).minimise((warped.reshape([2, 12]) * w).sum().powi(2), &[spec]);
        let unrolled = unroll(&step, &[], STEPS, &["learning_rate"]);
        let validation = (w - 0.3).powi(2).sum();
        let slope = hyper_gradient(validation, &unrolled, &[strength.raw(&graph)]).unwrap()[0];
        let after = unrolled.at(&[validation])[0];
        let start = Tensor::from_fn([12], |i| ((i * 3 + 2) as f64).cos());
        let parameters = [("w", start), ("strength", Tensor::scalar(raw))].into_iter().collect();
        let run = Interpreter { parameters: &parameters, draw: Default::default() };
        let feeds = [("learning_rate", Feed::Scalar(0.1))];
        let found = run.run(&graph, &[after.id(), slope.id()], &feeds).unwrap();
        [after, slope].map(|of| found.get(of).item())
    };
    let holds = |warp: &Warp| {
        let raw = 0.8f64.ln();
        let difference = (trained(warp, raw + 1e-5)[0] - trained(warp, raw - 1e-5)[0]) / 2e-5;
        // Differences are good to 1e-10 of the step squared and 1e-16 / 1e-5 of rounding.
        (trained(warp, raw)[1] - difference).abs() < 1e-7 * (1.0 + difference.abs())
    };
    let tuned = TunedAffine::new().rotate(strength.clone()).unwrap().translate(strength.clone());
    assert!(holds(&move |images, _| tuned.apply(images, "warp")));
    assert!(holds(&|images, strength| by_hand(images, strength, strength)));
    assert!(!holds(&|images, strength| by_hand(images, strength, strength.detach())));
}

/// Turned and moved, the shift by a strength of its own.
fn by_hand<'g>(images: Var<'g, f64>, turn: Var<'g, f64>, shift: Var<'g, f64>) -> Var<'g, f64> {
    let graph = images.graph();
    let angle = (graph.uniform("angle", [2]) * 2.0 - 1.0) * turn;
    let moved = (graph.uniform("shift", [2, 2]) * 2.0 - 1.0) * shift;
    affine::warp(images, affine::rotation(angle).matmul(affine::translation(moved)), Border::Fill(0.0))
}
