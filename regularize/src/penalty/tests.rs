use super::*;
use crate::penalty::ElasticNet;
use crate::penalty::L1;
use crate::penalty::L2;
use crate::testing::{descend, numbers};
use autograd::{Parameters, interpret};
use nn::{Initialiser, Optimiser, Role};

fn specs() -> Vec<ParameterSpec> {
    let spec = |name: &str, shape: &[usize], role| ParameterSpec {
        name: name.into(),
        shape: shape.into(),
        role,
        initialiser: Initialiser::Zeros,
    };
    vec![
        spec("a.weight", &[2, 3], Role::Weight),
        spec("a.bias", &[3], Role::Bias),
        spec("b.weight", &[3, 1], Role::Weight),
    ]
}

fn parameters() -> Parameters<f64> {
    specs().iter().zip(1..).map(|(spec, seed)| (&*spec.name, numbers(spec.shape, -2.0, 2.0, seed))).collect()
}

#[test]
fn each_parameter_has_its_own_coefficient_and_biases_none() {
    let graph = Graph::new();
    let penalties = Penalties::new()
        .with(Selection::weights(), L2::new(0.1).unwrap())
        .with(Selection::named("b."), L1::new(0.3).unwrap());
    let sum = penalties.value(&graph, &specs()).unwrap();
    let parameters = parameters();
    let squares = |name: &str| parameters[name].data().iter().map(|w| w * w).sum::<f64>();
    let sizes = |name: &str| parameters[name].data().iter().map(|w| w.abs()).sum::<f64>();
    let expected = 0.05 * (squares("a.weight") + squares("b.weight")) + 0.3 * sizes("b.weight");
    let found = interpret(&[sum], &[], Some(&parameters)).unwrap()[0].item();
    // A dozen terms of order one.
    assert!((found - expected).abs() < 1e-14, "{found} and {expected}");
    assert!(graph.find_parameter("a.bias").is_none(), "a bias takes no part");
}

#[test]
fn coefficients_of_zero_leave_the_graph_as_it_is() {
    let graph = Graph::<f64>::new();
    let objective = graph.scalar("objective");
    let nothing = Penalties::new()
        .with(Selection::weights(), L2::new(0.0).unwrap())
        .with(Selection::weights(), L1::new(0.0).unwrap())
        .with(Selection::all(), ElasticNet::new(0.0, 0.0).unwrap());
    assert_eq!(nothing.added_to(objective, &specs()).id(), objective.id());
    assert_eq!(Penalties::new().added_to(objective, &specs()).id(), objective.id());
    assert_eq!(graph.len(), 1);
}

#[test]
fn a_proximal_step_of_zero_leaves_the_path_as_it_is() {
    fn quartic<'g>(w: Var<'g, f64>) -> Var<'g, f64> {
        (w.powi(4) + w).sum()
    }
    let start = [0.3, -0.7];
    let plain = descend(&start, 5, &Optimiser::sgd(0.1), quartic);
    let step = || ProximalStep::new(Selection::weights(), L1::new(0.0).unwrap());
    assert_eq!(descend(&start, 5, &Optimiser::sgd(0.1).then(step()), quartic), plain);
    // Nor does one for other parameters.
    let biases = ProximalStep::new(Selection::biases(), L1::new(1.0).unwrap());
    assert_eq!(descend(&start, 5, &Optimiser::sgd(0.1).then(biases), quartic), plain);
}

/// The proximal step of L2 is the implicit step of its gradient: `w = (w - u) / (1 + ε α)`.
#[test]
fn the_proximal_step_of_l2_divides() {
    let step = ProximalStep::new(Selection::weights(), L2::new(2.0).unwrap());
    // ε α = 1 and multiples of 1/8: nothing is rounded.
    let w = descend(&[1.5, -0.25], 1, &Optimiser::<f64>::sgd(0.5).then(step), |w| w.sum());
    assert_eq!(w, [(1.5 - 0.5) / 2.0, (-0.25 - 0.5) / 2.0]);
}

#[test]
fn a_selection_of_nothing_is_an_error() {
    let penalties = Penalties::<f64>::new().with(Selection::named("c."), L2::new(0.1).unwrap());
    let error = penalties.check(&specs()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the selection `named c.` chooses none of the parameters: a.weight, a.bias, b.weight"
    );
    let empty = Penalties::<f64>::new().with(Selection::all(), L2::new(0.1).unwrap());
    assert_eq!(
        empty.check(&[]).unwrap_err().to_string(),
        "the selection `all` chooses none of the parameters: none"
    );
}

#[test]
#[should_panic(expected = "chooses none of the parameters")]
fn a_selection_of_nothing_is_not_recorded() {
    let graph = Graph::<f64>::new();
    Penalties::new().with(Selection::named("c."), L2::new(0.1).unwrap()).value(&graph, &specs());
}

#[test]
fn the_optimisers_memory_is_never_penalised() {
    let mut all = specs();
    all.push(ParameterSpec { name: "a.weight/velocity".into(), role: Role::State, ..all[0].clone() });
    let graph = Graph::<f64>::new();
    Penalties::new().with(Selection::all(), L2::new(0.1).unwrap()).value(&graph, &all).unwrap();
    assert!(graph.find_parameter("a.weight/velocity").is_none());
}
