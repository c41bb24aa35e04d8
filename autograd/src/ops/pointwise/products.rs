//! Both derivative products of every pointwise operation, from its partial derivatives.

use super::Binary;
use super::Partial::{self, Factor, MinusOne, One, Singular, Where, Zero};
use crate::graph::Var;
use crate::ops::{Call, Op};
use crate::real::Real;

/// The partial derivative of a pointwise call in its input at `position`.
fn partial<'g, T: Real>(call: &Call<'g, T>, position: usize) -> Partial<'g, T> {
    let y = call.output();
    match &call.op {
        Op::Unary(unary) => unary.partial(call.input(0), y),
        Op::Binary(binary) => (binary.rule().partials)(call.input(0), call.input(1), y, position),
        Op::Select if position == 0 => Zero,
        Op::Select if position == 1 => Where(call.input(0)),
        Op::Select => Where(call.input(0).equal(0.0)),
        other => unreachable!("{other:?} is not pointwise"),
    }
}

/// `v · p`, where `v` is a cotangent or a tangent and `p` a partial derivative.
fn times<'g, T: Real>(v: Var<'g, T>, partial: Partial<'g, T>) -> Option<Var<'g, T>> {
    match partial {
        Zero => None,
        One => Some(v),
        MinusOne => Some(-v),
        Where(mask) => Some(mask.select(v, v.graph().fill(v.shape(), 0.0))),
        Factor(factor) => Some(v * factor),
        Singular(factor) => {
            let guarded = [v.id(), factor.id()];
            Some(v * v.graph().record_real(Op::Binary(Binary::Guard), &guarded, v.shape()))
        }
    }
}

/// x̄ = ȳ ∂y/∂x.
pub(crate) fn vjp<'g, T: Real>(
    call: &Call<'g, T>,
    position: usize,
    cotangent: Var<'g, T>,
) -> Option<Var<'g, T>> {
    times(cotangent, partial(call, position))
}

/// ẏ = Σ ẋᵢ ∂y/∂xᵢ.
pub(crate) fn jvp<'g, T: Real>(call: &Call<'g, T>, tangents: &[Option<Var<'g, T>>]) -> Option<Var<'g, T>> {
    tangents
        .iter()
        .enumerate()
        .filter_map(|(position, tangent)| times((*tangent)?, partial(call, position)))
        .reduce(|sum, term| sum + term)
}

/// The derivative of `max(a, b)` in `a`: 1, 1/2 at a tie, 0. Written as the mean of [a > b] and [a ≥ b].
pub(super) fn step<'g, T: Real>(a: Var<'g, T>, b: Var<'g, T>) -> Var<'g, T> {
    (a.greater(b) + a.greater_equal(b)) * 0.5
}
