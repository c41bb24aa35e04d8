use super::*;
use crate::testing::{assert_close, numbers, value};
use autograd::check::Checker;
use autograd::{Feed, Graph, Tensor, interpret, try_grad};
use nn::{Activation, Layer, Mode, Sequential, initialise};
use proptest::prelude::*;

const NORMS: [Norm; 3] = [Norm::Infinity, Norm::Two, Norm::One];

fn attack(epsilon: f64) -> FastGradient {
    FastGradient::new(epsilon).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]

    /// The increase promised by the gradient is there, for a small budget on a random network.
    #[test]
    fn a_small_attack_increases_the_loss(seed in 0u64..1000) {
        let model = Sequential::<f64>::mlp(&[5, 7, 3], Activation::Tanh);
        let (graph, parameters) = (Graph::new(), initialise(&model, seed));
        let x = graph.input("x", [4, 5]);
        let labels = graph.index_constant(Tensor::new([4], vec![0, 1, 2, 1]));
        let loss_of = |x| model.forward(x, Mode::Evaluate).cross_entropy(labels);
        let loss = loss_of(x);
        let mut outputs = vec![loss];
        for norm in NORMS {
            outputs.push(loss_of(attack(1e-4).in_norm(norm).examples(loss, x, Perturbation::Constant)));
        }
        let value = numbers([4, 5], -1.0, 1.0, seed);
        let losses = interpret(&outputs, &[("x", Feed::from(&value))], Some(&parameters)).unwrap();
        for norm in 0..3 {
            prop_assert!(losses[1 + norm].item() > losses[0].item(), "{:?}", NORMS[norm]);
        }
    }
}

/// Inputs and a linear loss whose gradient is `g`, the attack's result for `x`.
fn moved(attack: FastGradient, x: &[f64], g: &[f64]) -> Vec<f64> {
    let shape = [1, x.len()];
    value(&[Tensor::new(shape, x.to_vec()), Tensor::new(shape, g.to_vec())], |v| {
        attack.examples((v[0] * v[1]).sum(), v[0], Perturbation::Constant)
    })
    .into_data()
}

#[test]
fn no_budget_is_no_change_and_records_nothing() {
    let graph = Graph::<f64>::new();
    let x = graph.input("x", [2, 3]);
    let loss = x.powi(2).sum();
    let recorded = graph.len();
    for norm in NORMS {
        let attack = attack(0.0).in_norm(norm).within(0.0, 1.0).unwrap();
        assert_eq!(attack.examples(loss, x, Perturbation::Constant).id(), x.id());
        assert_eq!(attack.examples(loss, x, Perturbation::Differentiated).id(), x.id());
    }
    assert_eq!(graph.len(), recorded);
    // A fed budget of 0 changes no number either.
    let same = fgsm(loss, x, graph.scalar("epsilon"));
    let value = numbers([2, 3], -1.0, 1.0, 1);
    let feeds = [("x", Feed::from(&value)), ("epsilon", Feed::from(0.0))];
    assert_eq!(interpret(&[same], &feeds, None).unwrap()[0], value);
}

#[test]
fn a_gradient_of_zero_moves_nothing() {
    for norm in NORMS {
        assert_eq!(moved(attack(0.5).in_norm(norm), &[0.3, -0.2], &[0.0, 0.0]), [0.3, -0.2], "{norm:?}");
    }
    // Where only some entries are 0, the others carry the budget.
    assert_eq!(moved(attack(0.5), &[0.25, -0.25], &[0.0, 3.0]), [0.25, 0.25]);
}

#[test]
fn results_stay_in_the_box() {
    let boxed = attack(0.5).within(0.0, 1.0).unwrap();
    assert_eq!(moved(boxed, &[0.25, 0.75, 0.25], &[1.0, 1.0, -1.0]), [0.75, 1.0, 0.0]);
    assert_eq!(boxed.bounds(), Some((0.0, 1.0)));
    // Within the box the step has the full budget: on multiples of 1/8 exactly.
    let x = [0.5, -0.25, 0.125];
    let d: Vec<f64> = moved(attack(0.125), &x, &[2.0, -1.0, 0.1]).iter().zip(x).map(|(m, x)| m - x).collect();
    assert_eq!(d, [0.125, -0.125, 0.125]);
}

#[test]
fn the_shortest_form_is_the_same_attack() {
    let (x, w) = (numbers([3, 4], -1.0, 1.0, 1), numbers([4, 2], -1.0, 1.0, 2));
    let difference = value(&[x, w], |v| {
        let loss = v[0].matmul(v[1]).tanh().powi(2).sum();
        let short = fgsm(loss, v[0], v[0].graph().fill([], 0.3));
        short - attack(0.3).examples(loss, v[0], Perturbation::Constant)
    });
    assert!(difference.data().iter().all(|&d| d == 0.0));
}

/// A linear network: the linearised loss is the loss, so the attack attains `J + ε ‖w‖` of the dual norm
/// exactly.
#[test]
fn on_a_linear_loss_the_attack_attains_the_dual_norm() {
    let (x, g) = (numbers([1, 5], -1.0, 1.0, 1), numbers([1, 5], -2.0, 2.0, 2));
    for p in [1.0, 1.25, 2.0, 3.0, 10.0, f64::INFINITY] {
        let norm = Norm::p(p).unwrap();
        let after = moved(attack(0.3).in_norm(norm), x.data(), g.data());
        let loss = |x: &[f64]| x.iter().zip(g.data()).map(|(x, g)| x * g).sum::<f64>();
        assert_close(loss(&after) - loss(x.data()), 0.3 * norm.dual().of(g.data()), 1e-14);
    }
}

/// A small curved network with its loss, input `x` and weights `w`.
fn network<'g>(graph: &'g Graph<f64>) -> (Var<'g, f64>, Var<'g, f64>, impl Fn(Var<'g, f64>) -> Var<'g, f64>) {
    let (x, w) = (graph.input("x", [2, 3]), graph.input("w", [3, 2]));
    (x, w, move |x: Var<'g, f64>| x.matmul(w).tanh().powi(2).sum())
}

fn point() -> (Tensor<f64>, Tensor<f64>) {
    (numbers([2, 3], -1.0, 1.0, 1), numbers([3, 2], -1.0, 1.0, 2))
}

/// What is constant contributes nothing: the gradient is, bit for bit, the one for adversarial examples that
/// were fed from outside; and the perturbation has no derivative at all.
#[test]
fn a_constant_perturbation_contributes_no_gradient() {
    for norm in NORMS {
        let graph = Graph::new();
        let (x, w, loss) = network(&graph);
        let examples = attack(0.2).in_norm(norm).examples(loss(x), x, Perturbation::Constant);
        assert!(try_grad(examples.sum(), &[w]).is_err(), "{norm:?}");
        let slope = grad(loss(examples), &[w])[0];
        let outside = graph.input("outside", [2, 3]);
        let expected = grad(loss(outside), &[w])[0];
        let (x, w) = point();
        let feeds = [("x", Feed::from(&x)), ("w", Feed::from(&w))];
        let found = interpret(&[examples, slope], &feeds, None).unwrap();
        let feeds = [("outside", Feed::from(&found[0])), ("w", Feed::from(&w))];
        assert_eq!(found[1], interpret(&[expected], &feeds, None).unwrap()[0], "{norm:?}");
    }
}

/// Gradients through the perturbation, by second derivatives, against differences; and with the perturbation
/// frozen.
#[test]
fn derivatives_of_the_attacked_loss_are_right() {
    for norm in [Norm::Infinity, Norm::Two] {
        for perturbation in [Perturbation::Constant, Perturbation::Differentiated] {
            let graph = Graph::new();
            let (x, w, loss) = network(&graph);
            let attacked = loss(attack(0.2).in_norm(norm).examples(loss(x), x, perturbation));
            let (x_value, w_value) = point();
            let feeds = [("x", Feed::from(&x_value)), ("w", Feed::from(&w_value))];
            let name = format!("{norm:?} {perturbation:?}");
            // First derivatives: they hold second ones of the network already.
            let checker = Checker::new(name).entries().order(1);
            let report = checker.graph(attacked, &[x, w], &feeds, None).unwrap().assert();
            assert_eq!(report.checked_fraction(), 1.0, "{report}");
        }
    }
}

/// The same for the largest coordinate, in `w` and as a plain function of it: where no other coordinate
/// becomes the largest, the perturbation does not change.
#[test]
fn derivatives_under_the_one_norm_are_right() {
    let graph = Graph::new();
    let (x, w, loss) = network(&graph);
    let attacked = loss(attack(0.2).in_norm(Norm::One).examples(loss(x), x, Perturbation::Differentiated));
    let slope = grad(attacked, &[w])[0];
    let (x_value, w_value) = point();
    let at = |output: Var<'_, f64>, w: &[f64]| {
        let w = Tensor::new([3, 2], w.to_vec());
        interpret(&[output], &[("x", Feed::from(&x_value)), ("w", Feed::from(&w))], None).unwrap().remove(0)
    };
    let (f, gradient) = (|w: &[f64]| at(attacked, w).item(), |w: &[f64]| at(slope, w).into_data());
    let report = Checker::new("One").gradient(f, gradient, w_value.data()).assert();
    assert_eq!(report.checked_fraction(), 1.0, "{report}");
}

/// Only for the Euclidean norm is there something to differentiate.
#[test]
fn differentiated_and_constant_differ_only_for_the_euclidean_norm() {
    for norm in NORMS {
        let graph = Graph::new();
        let (x, w, loss) = network(&graph);
        let slope = |p| grad(loss(attack(0.2).in_norm(norm).examples(loss(x), x, p)), &[w])[0];
        let slopes = [slope(Perturbation::Constant), slope(Perturbation::Differentiated)];
        let (x, w) = point();
        let found = interpret(&slopes, &[("x", Feed::from(&x)), ("w", Feed::from(&w))], None).unwrap();
        assert_eq!(found[0] == found[1], norm != Norm::Two, "{norm:?}");
    }
}

#[test]
fn one_example_is_attacked_like_a_row_of_many() {
    let (x, w) = point();
    for norm in NORMS {
        let attacked = |x: Tensor<f64>| {
            value(&[x, w.clone()], |v| {
                let loss = v[0].matmul(v[1]).tanh().powi(2).sum();
                attack(0.2).in_norm(norm).examples(loss, v[0], Perturbation::Constant)
            })
        };
        let both = attacked(x.clone());
        for row in 0..2 {
            assert_eq!(both.rows(&[row]), attacked(x.rows(&[row])), "{norm:?}");
        }
    }
}

#[test]
fn budgets_and_boxes_are_checked() {
    for bad in [-0.1, f64::NAN, f64::INFINITY] {
        let error = FastGradient::new(bad).unwrap_err().to_string();
        assert_eq!(error, format!("the attack's budget epsilon is {bad}, it must be finite and at least 0"));
    }
    for (low, high) in [(1.0, 0.0), (0.0, 0.0), (f64::NAN, 1.0), (0.0, f64::INFINITY)] {
        let error = attack(0.1).within(low, high).unwrap_err().to_string();
        let text = "is none: bounds are finite, the lower one below the upper one";
        assert_eq!(error, format!("the box [{low}, {high}] {text}"));
    }
    assert_eq!((attack(0.1).epsilon(), attack(0.1).norm()), (0.1, Norm::Infinity));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]

    #[test]
    fn the_step_is_that_of_a_loop(
        n in 1usize..4, d in 1usize..6, epsilon in 0.01..2.0f64, seed in 0u64..10000,
    ) {
        let (x, g) = (numbers([n, d], -1.0, 1.0, seed), numbers([n, d], -2.0, 2.0, !seed));
        for norm in [Norm::Infinity, Norm::Two, Norm::One] {
            let found = value(&[x.clone(), g.clone()], |v| {
                attack(epsilon).in_norm(norm).examples((v[0] * v[1]).sum(), v[0], Perturbation::Constant)
            });
            for (i, found) in found.data().iter().enumerate() {
                let row = &g.data()[i / d * d..][..d];
                let largest = row.iter().fold(0.0f64, |m, g| m.max(g.abs()));
                let g = g.data()[i];
                let direction = match norm {
                    Norm::Infinity => g.signum(),
                    Norm::One => if g.abs() == largest { g.signum() } else { 0.0 },
                    _ => g / row.iter().map(|g| g * g).sum::<f64>().sqrt(),
                };
                assert_close(*found, x.data()[i] + epsilon * direction, 1e-14);
            }
        }
    }
}
