//! Operators and named methods for pointwise operations, and the one place where broadcasts come from.
//!
//! `a + b` stretches both operands to their common shape by explicit reshape and broadcast nodes and then
//! records a pointwise node over equal shapes. Numbers are written as `f64` literals for graphs of either
//! precision and rounded once to the graph's type: `x * 0.1`, `1.0 - y`.

use super::pointwise::{Binary, Unary};
use super::{Literal, Op};
use crate::error::{GraphError, OrPanic};
use crate::graph::Var;
use crate::real::Real;
use crate::shape::Shape;
use std::ops::{Add, Div, Mul, Neg, Sub};

impl<'g, T: Real> Var<'g, T> {
    #[track_caller]
    fn unary(self, function: Unary) -> Var<'g, T> {
        self.graph.record_real(Op::Unary(function), &[self.id], self.shape())
    }

    #[track_caller]
    fn binary(self, function: Binary, other: Var<'g, T>) -> Var<'g, T> {
        self.try_binary(function, other).or_panic()
    }

    /// Records `function` of `self` and `other`, broadcast to their common shape, or returns an error if
    /// they have none. The operators and named methods panic with the same text.
    #[track_caller]
    pub fn try_binary(self, function: Binary, other: Var<'g, T>) -> Result<Var<'g, T>, GraphError> {
        let [a, b] = broadcast_all(function.name(), [("lhs", self), ("rhs", other)])?;
        Ok(a.graph.record_real(Op::Binary(function), &[a.id, b.id], a.shape()))
    }

    /// A number, repeated over this variable's shape.
    #[track_caller]
    pub fn like(self, value: f64) -> Var<'g, T> {
        self.graph.fill(self.shape(), value)
    }

    /// `e^x`.
    #[track_caller]
    pub fn exp(self) -> Var<'g, T> {
        self.unary(Unary::Exp)
    }

    /// Natural logarithm; -∞ at 0, NaN below.
    #[track_caller]
    pub fn ln(self) -> Var<'g, T> {
        self.unary(Unary::Ln)
    }

    /// Square root; its derivative at 0 is +∞. For a norm, see [`Var::norm`], which is safe there.
    #[track_caller]
    pub fn sqrt(self) -> Var<'g, T> {
        self.unary(Unary::Sqrt)
    }

    /// `x^n` for a fixed integer `n`.
    #[track_caller]
    pub fn powi(self, n: i32) -> Var<'g, T> {
        self.unary(Unary::Powi(n))
    }

    /// `x^p` for a fixed real `p`.
    #[track_caller]
    pub fn powf(self, p: f64) -> Var<'g, T> {
        self.pow(p)
    }

    /// `a^b`, both differentiable; `∂/∂b` is 0 where `a ≤ 0`.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn pow(self, exponent: impl Operand<'g, T>) -> Var<'g, T> {
        self.binary(Binary::Pow, exponent.over(self))
    }

    /// Sine.
    #[track_caller]
    pub fn sin(self) -> Var<'g, T> {
        self.unary(Unary::Sin)
    }

    /// Cosine.
    #[track_caller]
    pub fn cos(self) -> Var<'g, T> {
        self.unary(Unary::Cos)
    }

    /// Hyperbolic tangent.
    #[track_caller]
    pub fn tanh(self) -> Var<'g, T> {
        self.unary(Unary::Tanh)
    }

    /// `1 / (1 + e^-x)`.
    #[track_caller]
    pub fn sigmoid(self) -> Var<'g, T> {
        self.unary(Unary::Sigmoid)
    }

    /// `ln(1 + e^x)`, without overflow; its derivative is [`Var::sigmoid`], at 0 too.
    #[track_caller]
    pub fn softplus(self) -> Var<'g, T> {
        self.unary(Unary::Softplus)
    }

    /// `max(x, 0)`, derivative 0 at 0.
    #[track_caller]
    pub fn relu(self) -> Var<'g, T> {
        self.unary(Unary::Relu)
    }

    /// Absolute value, derivative 0 at 0.
    #[track_caller]
    pub fn abs(self) -> Var<'g, T> {
        self.unary(Unary::Abs)
    }

    /// -1, 0 or 1; derivative 0 everywhere.
    #[track_caller]
    pub fn sign(self) -> Var<'g, T> {
        self.unary(Unary::Sign)
    }

    /// The error function.
    #[track_caller]
    pub fn erf(self) -> Var<'g, T> {
        self.unary(Unary::Erf)
    }

    /// The larger of two values; a tie gives each side half of the cotangent.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn maximum(self, other: impl Operand<'g, T>) -> Var<'g, T> {
        self.binary(Binary::Max, other.over(self))
    }

    /// The smaller of two values; a tie gives each side half of the cotangent.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn minimum(self, other: impl Operand<'g, T>) -> Var<'g, T> {
        self.binary(Binary::Min, other.over(self))
    }

    /// `min(max(x, low), high)`: at a bound, half of the cotangent passes.
    #[track_caller]
    pub fn clamp(self, low: impl Operand<'g, T>, high: impl Operand<'g, T>) -> Var<'g, T> {
        self.maximum(low).minimum(high)
    }

    /// 1 where `a < b`, else 0.
    #[track_caller]
    pub fn less(self, other: impl Operand<'g, T>) -> Var<'g, T> {
        self.binary(Binary::Less, other.over(self))
    }

    /// 1 where `a ≤ b`, else 0.
    #[track_caller]
    pub fn less_equal(self, other: impl Operand<'g, T>) -> Var<'g, T> {
        self.binary(Binary::LessEqual, other.over(self))
    }

    /// 1 where `a > b`, else 0.
    #[track_caller]
    pub fn greater(self, other: impl Operand<'g, T>) -> Var<'g, T> {
        self.binary(Binary::Greater, other.over(self))
    }

    /// 1 where `a ≥ b`, else 0.
    #[track_caller]
    pub fn greater_equal(self, other: impl Operand<'g, T>) -> Var<'g, T> {
        self.binary(Binary::GreaterEqual, other.over(self))
    }

    /// 1 where `a = b`, else 0.
    #[track_caller]
    pub fn equal(self, other: impl Operand<'g, T>) -> Var<'g, T> {
        self.binary(Binary::Equal, other.over(self))
    }

    /// `self ≠ 0 ? a : b`, element by element. A NaN or infinity in the branch not taken leaks neither
    /// into the value nor into the derivatives of the branch taken.
    ///
    /// # Panics
    /// If the three shapes do not broadcast.
    #[track_caller]
    pub fn select(self, a: Var<'g, T>, b: Var<'g, T>) -> Var<'g, T> {
        let [mask, a, b] = broadcast_all("select", [("mask", self), ("then", a), ("else", b)]).or_panic();
        mask.graph.record_real(Op::Select, &[mask.id, a.id, b.id], mask.shape())
    }
}

/// The right-hand side of a pointwise operation: a variable or a number.
pub trait Operand<'g, T: Real>: Copy {
    /// The operand as a variable of the same graph as `other`; a number takes `other`'s shape.
    #[track_caller]
    fn over(self, other: Var<'g, T>) -> Var<'g, T>;
}

impl<'g, T: Real> Operand<'g, T> for Var<'g, T> {
    fn over(self, _: Var<'g, T>) -> Var<'g, T> {
        self
    }
}

impl<'g, T: Real> Operand<'g, T> for f64 {
    #[track_caller]
    fn over(self, other: Var<'g, T>) -> Var<'g, T> {
        other.like(self)
    }
}

/// Stretches operands to their common shape.
#[track_caller]
fn broadcast_all<'g, T: Real, const N: usize>(
    operation: &str,
    operands: [(&str, Var<'g, T>); N],
) -> Result<[Var<'g, T>; N], GraphError> {
    let mut shape = operands[0].1.shape();
    for (_, operand) in &operands[1..] {
        operand.same_graph(operands[0].1.graph, operation);
        match shape.broadcast_with(&operand.shape()) {
            Some(common) => shape = common,
            None => return Err(broadcast_error(operation, &operands)),
        }
    }
    let mut stretched = operands.map(|(_, operand)| operand);
    // A loop: a closure would not pass the caller's line on to the nodes it records.
    for operand in &mut stretched {
        *operand = stretch(*operand, shape);
    }
    Ok(stretched)
}

/// The operand under a shape to which it is known to broadcast.
#[track_caller]
pub(super) fn stretch<'g, T: Real>(operand: Var<'g, T>, shape: Shape) -> Var<'g, T> {
    if operand.shape() == shape {
        return operand;
    }
    // A repeated number needs no broadcast node: it is repeated over the larger shape instead.
    let literal = match operand.graph.node(operand.id).op {
        Op::Fill(Literal(value)) => Some(value),
        _ => None,
    };
    if let Some(value) = literal {
        return operand.graph.record_real(Op::Fill(Literal(value)), &[], shape);
    }
    let aligned = operand.reshape(operand.shape().with_rank(shape.rank()));
    if aligned.shape() == shape {
        return aligned;
    }
    operand.graph.record_real(Op::Broadcast, &[aligned.id], shape)
}

/// The error for shapes that do not broadcast, with carets under the axes that disagree.
fn broadcast_error<T: Real, const N: usize>(
    operation: &str,
    operands: &[(&str, Var<'_, T>); N],
) -> GraphError {
    // Axes are compared counted from the last: `back` is 1 for the last axis.
    let length = |v: &Var<'_, T>, back: usize| {
        let shape = v.shape();
        (back <= shape.rank()).then(|| shape[shape.rank() - back])
    };
    let rank = operands.iter().map(|(_, v)| v.shape().rank()).max().unwrap_or(0);
    let faulty_back: Vec<usize> = (1..=rank)
        .filter(|&back| {
            let mut lengths: Vec<_> =
                operands.iter().filter_map(|(_, v)| length(v, back)).filter(|&n| n != 1).collect();
            lengths.dedup();
            lengths.len() > 1
        })
        .collect();
    let mut error = GraphError::new(operation, "the shapes do not broadcast");
    for (role, v) in operands {
        let rank = v.shape().rank();
        let faulty: Vec<usize> =
            faulty_back.iter().filter(|&&back| back <= rank).map(|back| rank - back).collect();
        error = error.operand_at(role, v.graph, v.id, &faulty);
    }
    error.help("axes are aligned from the last; they must be equal, or one of them 1")
}

macro_rules! operator {
    ($trait:ident, $method:ident, $function:expr) => {
        impl<'g, T: Real> $trait<Var<'g, T>> for Var<'g, T> {
            type Output = Var<'g, T>;
            #[track_caller]
            fn $method(self, other: Var<'g, T>) -> Var<'g, T> {
                self.binary($function, other)
            }
        }
        impl<'g, T: Real> $trait<f64> for Var<'g, T> {
            type Output = Var<'g, T>;
            #[track_caller]
            fn $method(self, other: f64) -> Var<'g, T> {
                self.binary($function, self.like(other))
            }
        }
        impl<'g, T: Real> $trait<Var<'g, T>> for f64 {
            type Output = Var<'g, T>;
            #[track_caller]
            fn $method(self, other: Var<'g, T>) -> Var<'g, T> {
                other.like(self).binary($function, other)
            }
        }
    };
}
operator!(Add, add, Binary::Add);
operator!(Sub, sub, Binary::Sub);
operator!(Mul, mul, Binary::Mul);
operator!(Div, div, Binary::Div);

impl<'g, T: Real> Neg for Var<'g, T> {
    type Output = Var<'g, T>;
    #[track_caller]
    fn neg(self) -> Var<'g, T> {
        self.unary(Unary::Neg)
    }
}
