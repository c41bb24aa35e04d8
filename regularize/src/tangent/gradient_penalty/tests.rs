use super::*;
use crate::tangent::testing::{network, values};
use crate::testing::{assert_close, check, numbers, value};
use autograd::{Graph, Tensor};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]

    /// A linear critic `wᵀx` has the gradient `w` everywhere: `λ (‖w‖ - 1)²` and `γ/2 ‖w‖²`.
    #[test]
    fn a_linear_critic_has_a_closed_form(n in 1usize..4, d in 1usize..5, strength in 0.0..5.0, seed: u64) {
        let given = [numbers([n, d], -1.0, 1.0, seed), numbers([d, 1], -1.0, 1.0, seed ^ 1)];
        let square: f64 = given[1].data().iter().map(|w| w * w).sum();
        let found = value(&given, |x| {
            let scores = x[0].matmul(x[1]);
            let penalty = GradientPenalty::new(strength).unwrap();
            Var::stack(&[
                penalty.value(scores, x[0]),
                penalty.one_sided().value(scores, x[0]),
                penalty.towards(0.0).unwrap().value(scores, x[0]),
                R1::new(strength).unwrap().value(scores, x[0]),
            ])
        });
        let excess = square.sqrt() - 1.0;
        let expected = [
            strength * excess.powi(2),
            strength * excess.max(0.0).powi(2),
            strength * square,
            strength / 2.0 * square,
        ];
        for (found, expected) in found.data().iter().zip(expected) {
            assert_close(*found, expected, 1e-13);
        }
    }

    /// On the line between two examples, at the share of each.
    #[test]
    fn interpolates_are_between(n in 0usize..4, d in 0usize..4, seed: u64) {
        let given = [numbers([n, d], -1.0, 1.0, seed), numbers([n, d], -1.0, 1.0, seed ^ 1), numbers([n], 0.0, 1.0, seed ^ 2)];
        let found = value(&given, |x| interpolates(x[0], x[1], x[2]));
        for i in 0..n * d {
            let u = given[2].data()[i / d];
            assert_close(found.data()[i], u * given[0].data()[i] + (1.0 - u) * given[1].data()[i], 1e-15);
        }
    }
}

#[test]
fn a_share_of_zero_or_one_is_one_of_them() {
    let given = [numbers([2, 3], -1.0, 1.0, 1), Tensor::zeros([2, 3])];
    for (share, factor) in [(0.0, 0.0), (1.0, 1.0)] {
        let found = value(&given, |x| interpolates(x[0], x[1], x[0].graph().fill([2, 1], share)));
        let expected: Vec<f64> = given[0].data().iter().map(|x| x * factor).collect();
        assert_eq!(found.data(), expected);
    }
}

#[test]
fn derivatives_through_the_derivative_are_right() {
    for seed in 3..5 {
        let given = values(2, 2, 3, 1, seed);
        check("gradient penalty", &given, |x| GradientPenalty::new(2.0).unwrap().value(network(x), x[0]));
        check("R1", &given, |x| R1::new(2.0).unwrap().value(network(x), x[0]));
    }
}

#[test]
fn examples_do_not_leak_into_each_other() {
    let given = values(3, 2, 3, 1, 8);
    let at = |rows: std::ops::Range<usize>| {
        let mut given = given.clone();
        given[0] = Tensor::new([rows.len(), 2], given[0].data()[2 * rows.start..2 * rows.end].to_vec());
        value(&given, |x| GradientPenalty::new(1.0).unwrap().value(network(x), x[0])).item()
    };
    assert_close(at(0..3), (at(0..1) + at(1..2) + at(2..3)) / 3.0, 1e-15);
}

#[test]
fn without_strength_nothing_is_recorded() {
    let graph = Graph::<f64>::new();
    let x = graph.input("x", [2, 3]);
    let scores = x.powi(2).sum_over(&[1]);
    let before = graph.len();
    GradientPenalty::new(0.0).unwrap().value(scores, x);
    R1::new(0.0).unwrap().value(scores, x);
    assert_eq!(graph.len(), before + 2); // two zeros
}

#[test]
fn bad_numbers_are_refused() {
    for bad in [-0.1, f64::NAN, f64::INFINITY] {
        assert!(GradientPenalty::new(bad).is_err());
        assert!(GradientPenalty::new(1.0).unwrap().towards(bad).is_err());
        assert!(R1::new(bad).is_err());
    }
}

#[test]
#[should_panic(expected = "interpolates: [3] shares for 2 examples")]
fn there_is_one_share_for_each_example() {
    let graph = Graph::<f64>::new();
    let x = graph.input("x", [2, 3]);
    interpolates(x, x, graph.input("u", [3]));
}
