//! Penalties on derivatives in the input: their own derivatives are of second order, and the check of these of
//! third.

use super::{COLUMNS, Case, Group, ROWS, function, trained};
use autograd::{Tensor, Var};
use regularize::tangent::{Atlas, GradientPenalty, ManifoldTangents, R1};
use regularize::tangent::{GradientNorm, Transformations, projected_jacobian_norm, tangent_penalty};
use regularize::{DoubleBackpropagation, InputGradientPenalty, TangentPropagation};

const HIDDEN: usize = 5;

/// `tanh(x U) V`.
fn network<'g>(x: &[Var<'g, f64>]) -> Var<'g, f64> {
    x[0].matmul(x[1]).tanh().matmul(x[2])
}

/// A case for each penalty, in inputs and weights.
pub fn cases() -> Vec<Case> {
    const NETWORK: [&[usize]; 3] = [&[ROWS, COLUMNS], &[COLUMNS, HIDDEN], &[HIDDEN, COLUMNS]];
    const CRITIC: [&[usize]; 3] = [&[ROWS, COLUMNS], &[COLUMNS, HIDDEN], &[HIDDEN, 1]];
    let of = |name, equation| (Group::Technique, name, equation);
    let range = (-1.0, 1.0);
    let norm = |norm| InputGradientPenalty::new(1.0, norm).expect("a strength");
    let double = DoubleBackpropagation::new(1.0).expect("a strength");
    let (gradient, r1) = (GradientPenalty::new(1.0).expect("a strength"), R1::new(1.0).expect("a strength"));
    let manifold = ManifoldTangents::new(atlas(), TangentPropagation::new(0.7).expect("a strength"));
    let moves = Transformations::new(ROWS, COLUMNS, 0.8).expect("an image");
    vec![
        function(of("tangent propagation", "mean Σ ‖∂f/∂x t‖²"), &NETWORK, range, |x, _| {
            // A direction that does not depend on anything.
            let t = x[0].graph().constant(Tensor::from_fn([ROWS, COLUMNS], |i| (i as f64).sin()));
            tangent_penalty(network(x), x[0], &[t])
        }),
        trained("manifold tangents", "J + λ mean Σ ‖∂p/∂x t(x)‖²", move |batch| {
            manifold.objective(batch)
        }),
        function(
            of("smooth transformation", "I(T(α)⁻¹ (u, v))"),
            &[&[2, ROWS, COLUMNS], &[6]],
            (-0.5, 0.5),
            move |x, _| moves.apply(x[0], x[1]),
        ),
        function(
            of("double backpropagation", "mean ½ ‖∂J/∂x‖²"),
            &NETWORK,
            range,
            move |x, labels| double.value(network(x).cross_entropy_each(labels), x[0]),
        ),
        function(of("input gradient, L1", "mean ‖∂J/∂x‖₁"), &NETWORK, range, move |x, labels| {
            norm(GradientNorm::One).value(network(x).cross_entropy_each(labels), x[0])
        }),
        function(of("input gradient, L2", "mean ‖∂J/∂x‖₂"), &NETWORK, range, move |x, labels| {
            norm(GradientNorm::Two).value(network(x).cross_entropy_each(labels), x[0])
        }),
        function(of("gradient penalty", "mean (‖∂D/∂x‖ - 1)²"), &CRITIC, range, move |x, _| {
            gradient.value(network(x), x[0])
        }),
        function(of("R1", "mean ½ ‖∂D/∂x‖²"), &CRITIC, range, move |x, _| {
            r1.value(network(x), x[0])
        }),
        function(of("Jacobian norm", "c ‖vᵀ ∂f/∂x‖²"), &NETWORK, range, |x, _| {
            let v = x[0].graph().constant(Tensor::from_fn([ROWS, COLUMNS], |i| (i as f64).cos()));
            projected_jacobian_norm(network(x), x[0], v).sum()
        }),
    ]
}

/// Five charts of two tangents: examples of a batch are nearest to different ones.
fn atlas() -> Atlas<f64> {
    let numbers = |i: usize| (i as f64).sin();
    let (centres, tangents) =
        (Tensor::from_fn([5, COLUMNS], numbers), Tensor::from_fn([5, 2, COLUMNS], numbers));
    Atlas::new(centres, tangents).expect("centres and tangents of one length")
}
