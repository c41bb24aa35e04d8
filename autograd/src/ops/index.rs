//! Operations with integer operands: gather, scatter-add, one-hot, argmax.
//!
//! Integers have a variable type of their own, [`IndexVar`], without arithmetic: a gradient with respect
//! to a label cannot be written. Whether an index is in range is checked when it is fed, before anything
//! runs.
//!
//! ```text
//! gather:       y[i.., :] = x[index[i..], :]         x̄ = scatter_add(ȳ, index)
//! scatter_add:  y[r, :] = Σ over i with index[i] = r of x[i, :]     x̄ = gather(ȳ, index)
//! ```

use super::{Call, Op};
use crate::error::GraphError;
use crate::graph::{Element, IndexVar, Var};
use crate::real::Real;
use crate::shape::Shape;

impl<'g, T: Real> Var<'g, T> {
    /// The rows `self[index[i]]`, in the order of `index`: for `x` of shape `[n, rest..]` the result is
    /// `[index.., rest..]`. The embedding look-up.
    ///
    /// # Panics
    /// If `self` has no axis, or the result would have too many.
    #[track_caller]
    pub fn gather(self, index: IndexVar<'g, T>) -> Var<'g, T> {
        self.same_graph(index.graph, "gather");
        let shape = self.shape();
        assert!(shape.rank() > 0, "gather: a scalar has no rows");
        let result = Shape::new(&[index.shape().lengths(), &shape.lengths()[1..]].concat());
        self.graph.record_real(Op::Gather, &[self.id, index.id], result)
    }

    /// Adds each row `self[i..]` to row `index[i..]` of zeros with `rows` rows: the adjoint of
    /// [`Var::gather`].
    ///
    /// # Panics
    /// If the leading axes of `self` are not those of `index`.
    #[track_caller]
    pub fn scatter_add(self, index: IndexVar<'g, T>, rows: usize) -> Var<'g, T> {
        self.same_graph(index.graph, "scatter_add");
        let (shape, leading) = (self.shape(), index.shape());
        if !shape.lengths().starts_with(leading.lengths()) {
            let error = GraphError::new("scatter_add", "the rows are not those of the index")
                .operand("values", self.graph, self.id)
                .operand("index", index.graph, index.id)
                .help(format!("values must be {leading} followed by the shape of a row"));
            panic!("{error}");
        }
        let result = Shape::new(&[&[rows], &shape.lengths()[leading.rank()..]].concat());
        self.graph.record_real(Op::ScatterAdd, &[self.id, index.id], result)
    }

    /// The position of the largest element along the last axis, which disappears; the first of equals.
    ///
    /// # Panics
    /// If there is no axis, or the last is empty.
    #[track_caller]
    pub fn argmax(self) -> IndexVar<'g, T> {
        let shape = self.shape();
        assert!(shape.rank() > 0 && shape.last() > 0, "argmax along the last axis of shape {shape}");
        let result = Shape::new(&shape.lengths()[..shape.rank() - 1]);
        IndexVar { graph: self.graph, id: self.graph.record(Op::ArgMax, &[self.id], result, Element::Index) }
    }
}

impl<'g, T: Real> IndexVar<'g, T> {
    /// A new last axis of length `classes` with a one at the index and zeros elsewhere.
    ///
    /// # Panics
    /// If the result would have too many axes.
    #[track_caller]
    pub fn one_hot(self, classes: usize) -> Var<'g, T> {
        let shape = Shape::new(&[self.shape().lengths(), &[classes]].concat());
        self.graph.record_real(Op::OneHot, &[self.id], shape)
    }
}

/// The adjoint: gather and scatter-add are each other's.
pub(super) fn vjp<'g, T: Real>(call: &Call<'g, T>, cotangent: Var<'g, T>) -> Var<'g, T> {
    let index = call.index_input(1);
    match call.op {
        Op::Gather => cotangent.scatter_add(index, call.input_shape(0)[0]),
        Op::ScatterAdd => cotangent.gather(index),
        ref other => unreachable!("{other:?} takes no index"),
    }
}

/// The same operation on the tangent.
pub(super) fn jvp<'g, T: Real>(call: &Call<'g, T>, tangent: Var<'g, T>) -> Var<'g, T> {
    let index = call.index_input(1);
    match call.op {
        Op::Gather => tangent.gather(index),
        Op::ScatterAdd => tangent.scatter_add(index, call.output().shape()[0]),
        ref other => unreachable!("{other:?} takes no index"),
    }
}

/// Evaluates gather and scatter-add. Rows are added in the order of the index.
///
/// # Panics
/// If an index is out of range; the evaluators check what is fed before they run anything.
pub(crate) fn evaluate<T: Real>(op: &Op<T>, x: &[T], from: Shape, index: &[u32], shape: Shape) -> Vec<T> {
    let mut result = vec![T::ZERO; shape.numel()];
    let rows = match op {
        Op::Gather => from[0],
        _ => shape[0],
    };
    if rows == 0 || result.is_empty() {
        return result;
    }
    let table = if matches!(op, Op::Gather) { x.len() } else { result.len() };
    let width = table / rows;
    for (i, &row) in index.iter().enumerate() {
        let (row, i) = (row as usize * width, i * width);
        match op {
            Op::Gather => result[i..i + width].copy_from_slice(&x[row..row + width]),
            _ => (0..width).for_each(|j| result[row + j] += x[i + j]),
        }
    }
    result
}

/// Evaluates one-hot.
pub(crate) fn one_hot<T: Real>(index: &[u32], classes: usize) -> Vec<T> {
    let mut result = vec![T::ZERO; index.len() * classes];
    for (i, &label) in index.iter().enumerate() {
        result[i * classes + label as usize] = T::ONE;
    }
    result
}
