//! Gradients at the worst neighbour.

use super::{COLUMNS, Case, Group, ROWS, function};
use autograd::{IndexVar, Var};
use regularize::SharpnessAware;

const HIDDEN: usize = 5;

/// A case for each neighbourhood: the gradient there, as an expression of the weights here.
pub fn cases() -> Vec<Case> {
    let of = |name, equation| (Group::Technique, name, equation);
    let shapes: [&[usize]; 3] = [&[ROWS, COLUMNS], &[COLUMNS, HIDDEN], &[HIDDEN, COLUMNS]];
    let sam = SharpnessAware::new(0.1).expect("a radius");
    let asam = SharpnessAware::adaptive(0.1, 0.1).expect("a radius");
    vec![
        function(of("SAM", "∇J(w + ρ g/‖g‖)"), &shapes, (0.1, 1.0), move |x, labels| {
            gradient(sam, x, labels)
        }),
        function(of("ASAM", "∇J(w + ρ T²g/‖Tg‖)"), &shapes, (0.1, 1.0), move |x, labels| {
            gradient(asam, x, labels)
        }),
    ]
}

/// The squared norm of the gradient at the neighbour.
fn gradient<'g>(rule: SharpnessAware, x: &[Var<'g, f64>], labels: IndexVar<'g, f64>) -> Var<'g, f64> {
    let loss = x[0].matmul(x[1]).tanh().matmul(x[2]).cross_entropy(labels);
    let gradients = rule.gradients_of(loss, &x[1..]);
    gradients[0].norm_squared() + gradients[1].norm_squared()
}
