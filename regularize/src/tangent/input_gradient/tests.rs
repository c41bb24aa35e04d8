use super::*;
use crate::adversarial::{FastGradient, Norm, Perturbation};
use crate::tangent::testing::{network, values};
use crate::testing::{assert_close, check, numbers, value};
use autograd::{Graph, Tensor};
use proptest::prelude::*;

fn penalty(norm: GradientNorm) -> InputGradientPenalty {
    InputGradientPenalty::new(1.0, norm).unwrap()
}

/// A smooth loss of each example.
fn each<'g>(x: &[Var<'g, f64>]) -> Var<'g, f64> {
    network(x).logsumexp(&[1])
}

/// The loss on the examples of a fast gradient attack is `J + ε ‖∇ₓ J‖` in the dual norm, with an error of
/// order `ε²`: the measured order.
#[test]
fn an_attack_is_the_penalty_to_second_order() {
    for (attack, dual) in [(Norm::Two, GradientNorm::Two), (Norm::Infinity, GradientNorm::One)] {
        for seed in 1..4 {
            let given = values(3, 4, 5, 3, seed);
            let error = |epsilon: f64| {
                let difference = value(&given, |x| {
                    let (losses, inputs) = (each(x), x[0]);
                    let attack = FastGradient::new(epsilon).unwrap().in_norm(attack);
                    let moved = attack.examples(losses.sum(), inputs, Perturbation::Constant);
                    let attacked = each(&[moved, x[1], x[2]]).mean();
                    attacked - losses.mean() - penalty(dual).value(losses, inputs) * epsilon
                });
                difference.item().abs()
            };
            let slope = (error(2e-3) / error(1e-3)).log2();
            assert!((slope - 2.0).abs() < 0.1, "{attack:?}, seed {seed}: {slope}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]

    /// `J = ½ xᵀ diag(a) x` has the gradient `a x`.
    #[test]
    fn the_penalty_is_the_mean_norm(n in 0usize..4, d in 0usize..4, seed: u64) {
        let given = [numbers([n, d], -1.0, 1.0, seed), numbers([d], -2.0, 2.0, seed ^ 1)];
        let found = |norm| value(&given, |x| penalty(norm).value((x[0].powi(2) * x[1]).sum_over(&[1]) * 0.5, x[0])).item();
        let (mut one, mut two) = (0.0, 0.0);
        for i in 0..n {
            let g: Vec<f64> = (0..d).map(|k| given[0].data()[i * d + k] * given[1].data()[k]).collect();
            one += g.iter().map(|g| g.abs()).sum::<f64>() / n as f64;
            two += g.iter().map(|g| g * g).sum::<f64>().sqrt() / n as f64;
        }
        assert_close(found(GradientNorm::One), one, 1e-14);
        assert_close(found(GradientNorm::Two), two, 1e-14);
    }
}

#[test]
fn derivatives_through_the_derivative_are_right() {
    for norm in [GradientNorm::One, GradientNorm::Two] {
        for (n, seed) in [(1, 3), (2, 4)] {
            check("input gradient", &values(n, 2, 3, 2, seed), |x| penalty(norm).value(each(x), x[0]));
        }
    }
}

/// An example whose gradient is 0 takes part with 0 and has the derivative 0, where a root alone gives NaN.
#[test]
fn a_zero_gradient_has_no_slope() {
    for norm in [GradientNorm::One, GradientNorm::Two] {
        let slope = value(&[Tensor::zeros([2, 3])], |x| {
            grad(penalty(norm).value(x[0].powi(2).sum_over(&[1]), x[0]), &[x[0]])[0]
        });
        assert_eq!(slope, Tensor::zeros([2, 3]));
    }
}

/// The mean of the losses would make the gradient of each smaller by their number; here a batch of one is a row
/// of a batch.
#[test]
fn examples_do_not_leak_into_each_other() {
    let given = values(3, 2, 3, 2, 8);
    let at = |rows: std::ops::Range<usize>| {
        let mut given = given.clone();
        given[0] = Tensor::new([rows.len(), 2], given[0].data()[2 * rows.start..2 * rows.end].to_vec());
        value(&given, |x| penalty(GradientNorm::Two).value(each(x), x[0])).item()
    };
    assert_close(at(0..3), (at(0..1) + at(1..2) + at(2..3)) / 3.0, 1e-15);
}

#[test]
fn without_strength_the_objective_is_itself() {
    let graph = Graph::<f64>::new();
    let x = graph.input("x", [2, 3]);
    let each = x.powi(2).sum_over(&[1]);
    let loss = each.mean();
    let before = graph.len();
    let none = InputGradientPenalty::new(0.0, GradientNorm::One).unwrap();
    assert_eq!(none.added_to(loss, each, x).id(), loss.id());
    assert_eq!(graph.len(), before);
}

#[test]
fn bad_numbers_are_refused() {
    for bad in [-0.1, f64::NAN, f64::INFINITY] {
        let expected =
            format!("the strength of the input-gradient penalty is {bad}, it must be finite and at least 0");
        assert_eq!(InputGradientPenalty::new(bad, GradientNorm::One).unwrap_err().to_string(), expected);
    }
}

#[test]
#[should_panic(expected = "input_gradients: losses [] and inputs [2, 3] are not of the same examples")]
fn losses_are_of_the_same_examples() {
    let graph = Graph::<f64>::new();
    let x = graph.input("x", [2, 3]);
    input_gradients(x.sum(), x);
}
