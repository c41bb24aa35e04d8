use super::*;
use crate::tangent::testing::{jacobian, network, values};
use crate::testing::{assert_close, check, numbers, run, value};
use autograd::{Draw, Parameters, Tensor};
use proptest::prelude::*;

/// `‖∂f/∂x‖²` of example `i`, entry by entry.
fn whole(values: &[Tensor<f64>], i: usize) -> f64 {
    jacobian(values, i).iter().flatten().map(|j| j * j).sum()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(30) })]

    /// Two distributions of `v` with `E v vᵀ = I/c`, each enumerated: an axis at random, and random signs. The
    /// mean over all draws is the norm of the whole Jacobian.
    #[test]
    fn the_estimate_has_no_bias(n in 1usize..3, d in 1usize..4, h in 1usize..4, c in 1usize..5, seed: u64) {
        let given = values(n, d, h, c, seed);
        let at = |v: Vec<f64>| {
            let directions = Tensor::from_fn([n, c], |i| v[i % c]);
            value(&given, |x| projected_jacobian_norm(network(x), x[0], x[0].graph().constant(directions.clone())))
        };
        let axes: Vec<_> = (0..c).map(|k| at((0..c).map(|i| f64::from(i == k)).collect())).collect();
        let sign = |mask: usize, i: usize| if mask >> i & 1 == 1 { 1.0 } else { -1.0 };
        let signs: Vec<_> =
            (0..1 << c).map(|mask| at((0..c).map(|i| sign(mask, i) / (c as f64).sqrt()).collect())).collect();
        for i in 0..n {
            for draws in [&axes, &signs] {
                let mean = draws.iter().map(|draw| draw.data()[i]).sum::<f64>() / draws.len() as f64;
                assert_close(mean, whole(&given, i), 1e-13);
            }
        }
    }

    #[test]
    fn directions_have_norm_one(n in 0usize..5, c in 1usize..6, seed: u64) {
        let graph = Graph::<f64>::new();
        let v = unit_directions(&graph, "v", [n, c]);
        let found = run(v, &Parameters::new(), Draw { seed, run: 0 });
        for row in found.data().chunks(c) {
            assert_close(row.iter().map(|v| v * v).sum(), 1.0, 1e-15);
        }
    }
}

/// Over many drawn directions the estimate comes to the norm, with the error of a mean of so many: the standard
/// deviation of one is below the norm itself, so six of them over the root of 4000 are 10 %.
#[test]
fn many_directions_come_to_the_norm() {
    let given = values(1, 3, 4, 3, 2);
    let repeated = |k: usize| {
        let x = Tensor::from_fn([k, 3], |i| given[0].data()[i % 3]);
        let graph = Graph::new();
        let vars: Vec<_> =
            [&x, &given[1], &given[2]].into_iter().map(|value| graph.constant(value.clone())).collect();
        let estimate = JacobianNorm::new(1.0, 1).unwrap().value(network(&vars), vars[0]);
        run(estimate, &Parameters::new(), Draw { seed: 1, run: 0 }).item()
    };
    let expected = 0.5 * whole(&given, 0);
    assert!((repeated(4000) / expected - 1.0).abs() < 0.1);
}

/// With one result there is one direction, up to its sign: no estimate but the norm.
#[test]
fn one_result_needs_no_luck() {
    let given = values(3, 2, 4, 1, 2);
    let graph = Graph::new();
    let vars: Vec<_> = given.iter().map(|value| graph.constant(value.clone())).collect();
    let estimate = JacobianNorm::new(1.0, 2).unwrap().value(network(&vars), vars[0]);
    let found = run(estimate, &Parameters::new(), Draw { seed: 1, run: 0 }).item();
    assert_close(found, (0..3).map(|i| 0.5 * whole(&given, i)).sum::<f64>() / 3.0, 1e-14);
}

#[test]
fn derivatives_through_the_derivative_are_right() {
    for (n, seed) in [(1, 3), (2, 4)] {
        let mut given = values(n, 2, 3, 2, seed);
        given.push(numbers([n, 2], -1.0, 1.0, 9));
        check("projected Jacobian", &given, |x| projected_jacobian_norm(network(x), x[0], x[3]).sum());
    }
}

#[test]
fn directions_are_replayed_and_differ_between_runs_and_streams() {
    let given = values(2, 3, 4, 3, 2);
    let graph = Graph::new();
    let vars: Vec<_> = given.iter().map(|value| graph.constant(value.clone())).collect();
    let of = |penalty: JacobianNorm, number: u64| {
        let estimate = penalty.value(network(&vars), vars[0]);
        run(estimate, &Parameters::new(), Draw { seed: 1, run: number }).item()
    };
    let penalty = JacobianNorm::new(1.0, 1).unwrap();
    assert_eq!(of(penalty.clone(), 0), of(penalty.clone(), 0));
    assert_ne!(of(penalty.clone(), 0), of(penalty.clone(), 1));
    assert_ne!(of(penalty.clone(), 0), of(penalty.named("other"), 0));
}

#[test]
fn without_strength_the_objective_is_itself() {
    let graph = Graph::<f64>::new();
    let x = graph.input("x", [2, 3]);
    let (f, loss) = (x.tanh(), x.sum());
    let before = graph.len();
    assert_eq!(JacobianNorm::new(0.0, 1).unwrap().added_to(loss, f, x).id(), loss.id());
    assert_eq!(graph.len(), before);
}

#[test]
fn bad_numbers_are_refused() {
    for bad in [-0.1, f64::NAN, f64::INFINITY] {
        assert!(JacobianNorm::new(bad, 1).is_err());
    }
    assert_eq!(
        JacobianNorm::new(1.0, 0).unwrap_err().to_string(),
        "the number of directions is 0, it must be at least 1"
    );
}

#[test]
#[should_panic(expected = "projected_jacobian_norm: directions [2, 2] for outputs [2, 3]")]
fn directions_are_of_the_outputs_shape() {
    let graph = Graph::<f64>::new();
    let x = graph.input("x", [2, 3]);
    projected_jacobian_norm(x.tanh(), x, graph.input("v", [2, 2]));
}

/// Each direction is a draw of its own, and the penalty half their mean.
#[test]
fn several_directions_are_several_draws() {
    let given = values(2, 3, 2, 4, 5);
    let penalty = |directions: usize| JacobianNorm::new(1.0, directions).unwrap();
    let whole = value(&given, |x| penalty(3).value(network(x), x[0])).item();
    let each = value(&given, |x| {
        let f = network(x);
        let of = |k: usize| {
            let directions = unit_directions(f.graph(), &format!("jacobian_norm/{k}"), [2, 4]);
            projected_jacobian_norm(f, x[0], directions)
        };
        Var::stack(&[of(0), of(1), of(2)])
    });
    let rows: Vec<f64> = each.data().chunks(2).map(|row| 0.5 * (row[0] + row[1]) / 2.0).collect();
    assert_close(whole, rows.iter().sum::<f64>() / 3.0, 1e-14);
    assert!((rows[0] - rows[1]).abs() > 1e-3 && (rows[1] - rows[2]).abs() > 1e-3, "{rows:?}");
}
