//! Two additions, subtractions or multiplications in one loop.
//!
//! Optimisers and normalisations are made of them, and a loop over registers spends most of its time on
//! loading and storing: with two operations in one, what passes between them is neither stored nor loaded.
//! Each operation rounds as it does alone (this is no fused multiply-add), so the bits are the same.

use super::run::Lane;
use crate::ops::pointwise::Binary;
use crate::real::Real;

/// `second(first(a, b), c)`, where the first source is a slice and the others are slices or numbers; the last
/// may be what is overwritten.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Chain {
    first: Arithmetic,
    second: Arithmetic,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Arithmetic {
    /// a + b
    Add,
    /// a - b
    Sub,
    /// b - a
    SubFrom,
    /// a b
    Mul,
}

impl Arithmetic {
    fn of(binary: Binary) -> Option<Arithmetic> {
        match binary {
            Binary::Add => Some(Arithmetic::Add),
            Binary::Sub => Some(Arithmetic::Sub),
            Binary::Mul => Some(Arithmetic::Mul),
            _ => None,
        }
    }

    /// The same with its operands exchanged.
    fn exchanged(self) -> Arithmetic {
        match self {
            Arithmetic::Sub => Arithmetic::SubFrom,
            Arithmetic::SubFrom => Arithmetic::Sub,
            commutative => commutative,
        }
    }
}

impl Chain {
    /// The chain of `first`, with its operands exchanged if `exchange_first`, and `second`, to which it is the
    /// right operand if `is_right`. `None` unless both are additions, subtractions or multiplications.
    pub fn of(first: Binary, exchange_first: bool, second: Binary, is_right: bool) -> Option<Chain> {
        let exchange = |arithmetic: Arithmetic, exchange: bool| {
            if exchange { arithmetic.exchanged() } else { arithmetic }
        };
        Some(Chain {
            first: exchange(Arithmetic::of(first)?, exchange_first),
            second: exchange(Arithmetic::of(second)?, is_right),
        })
    }

    /// Computes the chain of `[a, b, c]` into `out`.
    #[inline(always)]
    pub(super) fn run<T: Real>(self, out: &mut [T], lanes: [Lane<'_, T>; 3]) {
        use Arithmetic::{Add, Mul, Sub, SubFrom};
        match (self.first, self.second) {
            (Add, Add) => run(out, lanes, |a, b, c| (a + b) + c),
            (Add, Sub) => run(out, lanes, |a, b, c| (a + b) - c),
            (Add, SubFrom) => run(out, lanes, |a, b, c| c - (a + b)),
            (Add, Mul) => run(out, lanes, |a, b, c| (a + b) * c),
            (Sub, Add) => run(out, lanes, |a, b, c| (a - b) + c),
            (Sub, Sub) => run(out, lanes, |a, b, c| (a - b) - c),
            (Sub, SubFrom) => run(out, lanes, |a, b, c| c - (a - b)),
            (Sub, Mul) => run(out, lanes, |a, b, c| (a - b) * c),
            (SubFrom, Add) => run(out, lanes, |a, b, c| (b - a) + c),
            (SubFrom, Sub) => run(out, lanes, |a, b, c| (b - a) - c),
            (SubFrom, SubFrom) => run(out, lanes, |a, b, c| c - (b - a)),
            (SubFrom, Mul) => run(out, lanes, |a, b, c| (b - a) * c),
            (Mul, Add) => run(out, lanes, |a, b, c| (a * b) + c),
            (Mul, Sub) => run(out, lanes, |a, b, c| (a * b) - c),
            (Mul, SubFrom) => run(out, lanes, |a, b, c| c - (a * b)),
            (Mul, Mul) => run(out, lanes, |a, b, c| (a * b) * c),
        }
    }
}

#[inline(always)]
fn run<T: Real>(out: &mut [T], lanes: [Lane<'_, T>; 3], function: impl Fn(T, T, T) -> T + Copy) {
    let [Lane::Slice(a), b, c] = lanes else { unreachable!("the first source of a chain is a slice") };
    match (b, c) {
        (Lane::Slice(b), Lane::Slice(c)) => {
            out.iter_mut().zip(a).zip(b).zip(c).for_each(|(((y, &a), &b), &c)| *y = function(a, b, c));
        }
        (Lane::Slice(b), Lane::Number(c)) => {
            out.iter_mut().zip(a).zip(b).for_each(|((y, &a), &b)| *y = function(a, b, c));
        }
        (Lane::Number(b), Lane::Slice(c)) => {
            out.iter_mut().zip(a).zip(c).for_each(|((y, &a), &c)| *y = function(a, b, c));
        }
        (Lane::Number(b), Lane::Number(c)) => {
            out.iter_mut().zip(a).for_each(|(y, &a)| *y = function(a, b, c));
        }
        (Lane::Slice(b), Lane::Target) => {
            out.iter_mut().zip(a).zip(b).for_each(|((y, &a), &b)| *y = function(a, b, *y));
        }
        (Lane::Number(b), Lane::Target) => {
            out.iter_mut().zip(a).for_each(|(y, &a)| *y = function(a, b, *y));
        }
        (Lane::Target, _) => unreachable!("only the last source of a chain is overwritten"),
    }
}
