//! Hyper-gradients: shortcuts that leave a part of the derivative out.
//!
//! | defect | found in | test |
//! |---|---|---|
//! | momentum is unrolled as if each step were plain gradient descent | one-step approximations of unrolled training | [`the_velocity_is_carried_through_the_steps`] |
//! | every unrolled step draws the same noise | loops over one recorded step | [`each_step_has_draws_of_its_own`] |

use autograd::{Feed, Graph, Interpreter, Tensor, Var, grad, substitute};
use nn::{Initialiser, Optimiser, OptimiserStep, ParameterSpec, Role};
use regularize::hyper_gradient::{hyper_gradient, unroll};

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
