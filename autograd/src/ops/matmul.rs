//! The batched matrix product, the one bilinear operation.
//!
//! `C = op(A) op(B)` over the last two axes, where `op` is the identity or the transpose; leading axes
//! are a batch and equal on both sides. A transpose is a flag, never a copy. The derivatives are products
//! again:
//!
//! ```text
//! C = A B      Ā = C̄ Bᵀ     B̄ = Aᵀ C̄
//! C = Aᵀ B     Ā = B C̄ᵀ     B̄ = A C̄
//! C = A Bᵀ     Ā = C̄ B      B̄ = C̄ᵀ A
//! C = Aᵀ Bᵀ    Ā = Bᵀ C̄ᵀ    B̄ = C̄ᵀ Aᵀ
//! Ċ = Ȧ B + A Ḃ, with the same flags
//! ```

use super::{Call, Op};
use crate::error::{GraphError, OrPanic};
use crate::graph::Var;
use crate::real::Real;
use crate::shape::Shape;

/// Lengths of one product: `[m, k]` times `[k, n]`, `batch` times.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Extents {
    pub batch: usize,
    pub m: usize,
    pub k: usize,
    pub n: usize,
}

impl Extents {
    /// The extents of a recorded product, from its operands' shapes.
    pub fn of(lhs: Shape, transpose_lhs: bool, rhs: Shape, transpose_rhs: bool) -> Extents {
        let rank = lhs.rank();
        let [a0, a1] = [lhs[rank - 2], lhs[rank - 1]];
        let [b0, b1] = [rhs[rank - 2], rhs[rank - 1]];
        let (m, k) = if transpose_lhs { (a1, a0) } else { (a0, a1) };
        let n = if transpose_rhs { b0 } else { b1 };
        Extents { batch: lhs.lengths()[..rank - 2].iter().product(), m, k, n }
    }
}

impl<'g, T: Real> Var<'g, T> {
    /// Matrix product over the last two axes: `[.., m, k]` times `[.., k, n]` is `[.., m, n]`.
    ///
    /// A right-hand side with fewer leading axes is repeated over the batch.
    ///
    /// # Panics
    /// If the inner lengths differ, the batch axes do not broadcast, or an operand has fewer than two
    /// axes.
    ///
    /// ```
    /// use autograd::Graph;
    /// let graph = Graph::<f64>::new();
    /// let (a, b) = (graph.input("a", [5, 2, 3]), graph.input("b", [3, 4]));
    /// assert_eq!(a.matmul(b).shape().lengths(), [5, 2, 4]);
    /// ```
    #[track_caller]
    pub fn matmul(self, rhs: Var<'g, T>) -> Var<'g, T> {
        self.try_matmul(rhs).or_panic()
    }

    /// [`Var::matmul`], with an error where it would panic.
    #[track_caller]
    pub fn try_matmul(self, rhs: Var<'g, T>) -> Result<Var<'g, T>, GraphError> {
        self.try_matmul_transposed(rhs, false, false)
    }

    /// Matrix product with either side transposed in its last two axes.
    ///
    /// # Panics
    /// As [`Var::matmul`].
    #[track_caller]
    pub fn matmul_transposed(self, rhs: Var<'g, T>, transpose_lhs: bool, transpose_rhs: bool) -> Var<'g, T> {
        self.try_matmul_transposed(rhs, transpose_lhs, transpose_rhs).or_panic()
    }

    /// [`Var::matmul_transposed`], with an error where it would panic.
    #[track_caller]
    pub fn try_matmul_transposed(
        self,
        rhs: Var<'g, T>,
        transpose_lhs: bool,
        transpose_rhs: bool,
    ) -> Result<Var<'g, T>, GraphError> {
        self.same_graph(rhs.graph, "matmul");
        let (a, b) = (self.shape(), rhs.shape());
        if a.rank() < 2 || b.rank() < 2 {
            return Err(GraphError::new("matmul", "both operands need at least two axes")
                .operand("lhs", self.graph, self.id)
                .operand("rhs", rhs.graph, rhs.id)
                .help("a vector is a matrix with one row or one column: reshape it first"));
        }
        let inner_a = if transpose_lhs { a.rank() - 2 } else { a.rank() - 1 };
        let inner_b = if transpose_rhs { b.rank() - 1 } else { b.rank() - 2 };
        if a[inner_a] != b[inner_b] {
            let fit = b.with_axis(inner_b, a[inner_a]);
            let name = rhs.graph.name_of(rhs.id).map_or_else(|| rhs.id.to_string(), |n| n.to_string());
            return Err(GraphError::new(
                "matmul",
                format!("inner lengths differ, {} and {}", a[inner_a], b[inner_b]),
            )
            .operand_at("lhs", self.graph, self.id, &[inner_a])
            .operand_at("rhs", rhs.graph, rhs.id, &[inner_b])
            .help(format!("`{name}` as {fit} would fit")));
        }
        let leading = |shape: Shape| Shape::new(&shape.lengths()[..shape.rank() - 2]);
        let Some(batch) = leading(a).broadcast_with(&leading(b)) else {
            return Err(GraphError::new("matmul", "the batch axes do not broadcast")
                .operand("lhs", self.graph, self.id)
                .operand("rhs", rhs.graph, rhs.id));
        };
        // One matrix for a whole batch of rows is one tall product, not many small ones.
        if b.rank() == 2 && a.rank() > 2 && !transpose_lhs {
            let tall = self.reshape([batch.numel() * a[a.rank() - 2], a[a.rank() - 1]]);
            let product = tall.try_matmul_transposed(rhs, false, transpose_rhs)?;
            let width = product.shape()[1];
            return Ok(product.reshape(a.with_axis(a.rank() - 1, width)));
        }
        let (lhs, rhs) = (self.repeated_over(batch), rhs.repeated_over(batch));
        Ok(lhs.product(rhs, transpose_lhs, transpose_rhs))
    }

    /// The matrices of this value, repeated over the leading axes `batch`.
    #[track_caller]
    fn repeated_over(self, batch: Shape) -> Var<'g, T> {
        let shape = self.shape();
        let matrix = &shape.lengths()[shape.rank() - 2..];
        self.broadcast_to([batch.lengths(), matrix].concat().as_slice())
    }

    /// The product of operands whose shapes are known to fit.
    #[track_caller]
    fn product(self, rhs: Var<'g, T>, transpose_lhs: bool, transpose_rhs: bool) -> Var<'g, T> {
        let extents = Extents::of(self.shape(), transpose_lhs, rhs.shape(), transpose_rhs);
        let rank = self.shape().rank();
        let shape = self.shape().with_axis(rank - 2, extents.m).with_axis(rank - 1, extents.n);
        self.graph.record_real(Op::MatMul { transpose_lhs, transpose_rhs }, &[self.id, rhs.id], shape)
    }

    /// The inner product `Σ aᵢ bᵢ` of two values of one shape, a scalar.
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    pub fn dot(self, other: Var<'g, T>) -> Var<'g, T> {
        assert!(
            self.shape() == other.shape(),
            "dot of values of shapes {} and {}",
            self.shape(),
            other.shape()
        );
        (self * other).sum()
    }
}

fn flags<T: Real>(op: &Op<T>) -> (bool, bool) {
    match op {
        Op::MatMul { transpose_lhs, transpose_rhs } => (*transpose_lhs, *transpose_rhs),
        other => unreachable!("{other:?} is not a product"),
    }
}

/// The table at the top of this file.
pub(super) fn vjp<'g, T: Real>(call: &Call<'g, T>, position: usize, cotangent: Var<'g, T>) -> Var<'g, T> {
    let (a, b, c) = (call.input(0), call.input(1), cotangent);
    match (position, flags(&call.op)) {
        (0, (false, tb)) => c.product(b, false, !tb),
        (0, (true, tb)) => b.product(c, tb, true),
        (_, (ta, false)) => a.product(c, !ta, false),
        (_, (ta, true)) => c.product(a, true, ta),
    }
}

/// Ċ = Ȧ B + A Ḃ.
pub(super) fn jvp<'g, T: Real>(call: &Call<'g, T>, tangents: &[Option<Var<'g, T>>]) -> Option<Var<'g, T>> {
    let (ta, tb) = flags(&call.op);
    let left = tangents[0].map(|tangent| tangent.product(call.input(1), ta, tb));
    let right = tangents[1].map(|tangent| call.input(0).product(tangent, ta, tb));
    match (left, right) {
        (Some(left), Some(right)) => Some(left + right),
        (left, right) => left.or(right),
    }
}
