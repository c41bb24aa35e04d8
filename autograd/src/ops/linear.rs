//! Linear operations that move or add elements, as adjoint pairs.
//!
//! For a linear map `y = A x` the JVP is the map itself, `ẏ = A ẋ`, and the VJP its adjoint,
//! `x̄ = Aᵀ ȳ`. The set is closed: the adjoint of each is in the table again, so derivatives of every
//! order exist by construction.
//!
//! | operation | adjoint |
//! |---|---|
//! | broadcast: repeat an axis of length one | sum over that axis |
//! | sum onto axes of length one | broadcast |
//! | reshape | reshape back |
//! | permute | the inverse permutation |
//! | slice: every `step`-th element from `start` | pad: the elements in their places, zeros elsewhere |
//! | pad | slice |
//! | flip | flip |
//! | concat | for each input, its slice |

use super::arithmetic::stretch;
use super::{Call, Op, Strided};
use crate::error::{GraphError, OrPanic};
use crate::graph::Var;
use crate::real::Real;
use crate::shape::{MAX_RANK, Shape};

impl<'g, T: Real> Var<'g, T> {
    /// The value stretched to `shape` by NumPy's rule: leading axes are added, axes of length one repeat.
    ///
    /// # Panics
    /// If the shape does not stretch to `shape`.
    #[track_caller]
    pub fn broadcast_to(self, shape: impl Into<Shape>) -> Var<'g, T> {
        self.try_broadcast_to(shape).or_panic()
    }

    /// [`Var::broadcast_to`], with an error where it would panic.
    #[track_caller]
    pub fn try_broadcast_to(self, shape: impl Into<Shape>) -> Result<Var<'g, T>, GraphError> {
        let shape = shape.into();
        if self.shape().broadcast_with(&shape) == Some(shape) {
            Ok(stretch(self, shape))
        } else {
            Err(GraphError::new("broadcast_to", format!("the value does not stretch to {shape}"))
                .operand("value", self.graph, self.id)
                .help("axes are aligned from the last; each must be equal to the target's, or 1"))
        }
    }

    /// The same elements under another shape.
    ///
    /// # Panics
    /// If the number of elements differs.
    #[track_caller]
    pub fn reshape(self, shape: impl Into<Shape>) -> Var<'g, T> {
        self.try_reshape(shape).or_panic()
    }

    /// [`Var::reshape`], with an error where it would panic.
    #[track_caller]
    pub fn try_reshape(self, shape: impl Into<Shape>) -> Result<Var<'g, T>, GraphError> {
        let (from, to) = (self.shape(), shape.into());
        if from == to {
            return Ok(self);
        }
        if from.numel() != to.numel() {
            return Err(GraphError::new(
                "reshape",
                format!("{from} has {} elements, {to} has {}", from.numel(), to.numel()),
            )
            .operand("value", self.graph, self.id));
        }
        Ok(self.graph.record_real(Op::Reshape, &[self.id], to))
    }

    /// All axes from `axis` on merged into one: `[n, c, h, w]` flattened from 1 is `[n, chw]`.
    ///
    /// # Panics
    /// If `axis` is above the rank.
    #[track_caller]
    pub fn flatten(self, axis: usize) -> Var<'g, T> {
        let shape = self.shape();
        assert!(axis <= shape.rank(), "flatten: axis {axis} of shape {shape}");
        let mut lengths = shape.lengths()[..axis].to_vec();
        lengths.push(shape.lengths()[axis..].iter().product());
        self.reshape(lengths.as_slice())
    }

    /// The axes in another order: axis `i` of the result is axis `order[i]` of this value.
    ///
    /// # Panics
    /// If `order` is not a permutation of the axes.
    #[track_caller]
    pub fn permute(self, order: &[usize]) -> Var<'g, T> {
        let shape = self.shape();
        let mut seen = [false; MAX_RANK];
        let valid = order.len() == shape.rank()
            && order.iter().all(|&axis| axis < shape.rank() && !std::mem::replace(&mut seen[axis], true));
        if !valid {
            let error = GraphError::new("permute", format!("{order:?} is not an order of the axes"))
                .operand("value", self.graph, self.id)
                .help(format!("each of 0..{} must appear once", shape.rank()));
            panic!("{error}");
        }
        if order.iter().enumerate().all(|(i, &axis)| i == axis) {
            return self;
        }
        let mut packed = [0; MAX_RANK];
        let mut lengths = [0; MAX_RANK];
        for (i, &axis) in order.iter().enumerate() {
            packed[i] = axis as u8;
            lengths[i] = shape[axis];
        }
        self.graph.record_real(Op::Permute(packed), &[self.id], Shape::new(&lengths[..order.len()]))
    }

    /// The last two axes exchanged.
    ///
    /// # Panics
    /// If there are fewer than two axes.
    #[track_caller]
    pub fn transpose(self) -> Var<'g, T> {
        let rank = self.shape().rank();
        assert!(rank >= 2, "transpose of a value of shape {}", self.shape());
        let mut order: Vec<usize> = (0..rank).collect();
        order.swap(rank - 2, rank - 1);
        self.permute(&order)
    }

    /// The elements `start..end` along `axis`.
    ///
    /// # Panics
    /// If the range is not inside the axis.
    #[track_caller]
    pub fn slice(self, axis: isize, start: usize, end: usize) -> Var<'g, T> {
        self.slice_step(axis, start, end, 1)
    }

    /// Every `step`-th element of `start..end` along `axis`.
    ///
    /// # Panics
    /// If the range is not inside the axis, or `step` is zero.
    #[track_caller]
    pub fn slice_step(self, axis: isize, start: usize, end: usize, step: usize) -> Var<'g, T> {
        let shape = self.shape();
        let at = resolve_axis("slice", self, axis);
        if start > end || end > shape[at] || step == 0 {
            let error = GraphError::new("slice", format!("{start}..{end} by {step} of axis {at}"))
                .operand_at("value", self.graph, self.id, &[at])
                .help("start <= end <= the axis' length, and a step of at least 1");
            panic!("{error}");
        }
        let mut strided = Strided { start: [0; MAX_RANK], step: [1; MAX_RANK] };
        strided.start[at] = start;
        strided.step[at] = step;
        self.slice_strided(strided, shape.with_axis(at, (end - start).div_ceil(step)))
    }

    /// A slice along all axes at once; `shape` is the shape of the result.
    #[track_caller]
    fn slice_strided(self, strided: Strided, shape: Shape) -> Var<'g, T> {
        if shape == self.shape() {
            return self;
        }
        self.graph.record_real(Op::Slice(Box::new(strided)), &[self.id], shape)
    }

    /// Zeros before and after the elements of `axis`.
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn pad(self, axis: isize, before: usize, after: usize) -> Var<'g, T> {
        let at = resolve_axis("pad", self, axis);
        let mut strided = Strided { start: [0; MAX_RANK], step: [1; MAX_RANK] };
        strided.start[at] = before;
        let shape = self.shape();
        self.pad_strided(strided, shape.with_axis(at, shape[at] + before + after))
    }

    /// The adjoint of [`Var::slice_strided`].
    #[track_caller]
    fn pad_strided(self, strided: Strided, shape: Shape) -> Var<'g, T> {
        if shape == self.shape() {
            return self;
        }
        self.graph.record_real(Op::Pad(Box::new(strided)), &[self.id], shape)
    }

    /// The order of the elements reversed along the given axes.
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn flip(self, axes: &[isize]) -> Var<'g, T> {
        let mask = axes.iter().fold(0u8, |mask, &axis| mask | 1 << resolve_axis("flip", self, axis));
        if mask == 0 {
            return self;
        }
        self.graph.record_real(Op::Flip(mask), &[self.id], self.shape())
    }

    /// The sum of all elements, a scalar.
    #[track_caller]
    pub fn sum(self) -> Var<'g, T> {
        self.sum_onto(&all_axes(self), false)
    }

    /// The sum along `axes`, which disappear. Negative axes count from the last.
    ///
    /// # Panics
    /// If an axis is out of range.
    #[track_caller]
    pub fn sum_over(self, axes: &[isize]) -> Var<'g, T> {
        self.sum_onto(&resolve_axes("sum", self, axes), false)
    }

    /// The sum along `axes`, which stay with length one.
    ///
    /// # Panics
    /// If an axis is out of range.
    #[track_caller]
    pub fn sum_keep(self, axes: &[isize]) -> Var<'g, T> {
        self.sum_onto(&resolve_axes("sum", self, axes), true)
    }

    #[track_caller]
    fn sum_onto(self, reduced: &[bool; MAX_RANK], keep: bool) -> Var<'g, T> {
        self.reduced(Op::Sum, reduced, keep)
    }

    /// Records a reduction that leaves its axes with length one, then drops them unless they are kept.
    #[track_caller]
    pub(super) fn reduced(self, op: Op<T>, reduced: &[bool; MAX_RANK], keep: bool) -> Var<'g, T> {
        let shape = self.shape();
        let kept = reduced_shape(shape, reduced);
        // Over axes of length one, sum, max and logsumexp are the identity.
        let result = if kept == shape { self } else { self.graph.record_real(op, &[self.id], kept) };
        if keep { result } else { result.reshape(shape.without_axes(|axis| reduced[axis])) }
    }

    /// The mean of all elements, a scalar; NaN if there are none.
    #[track_caller]
    pub fn mean(self) -> Var<'g, T> {
        self.sum() * (1.0 / self.shape().numel() as f64)
    }

    /// The mean along `axes`, which disappear; NaN where there is nothing to average.
    ///
    /// # Panics
    /// If an axis is out of range.
    #[track_caller]
    pub fn mean_over(self, axes: &[isize]) -> Var<'g, T> {
        self.sum_over(axes) * (1.0 / reduced_count(self, axes))
    }

    /// The mean along `axes`, which stay with length one.
    ///
    /// # Panics
    /// If an axis is out of range.
    #[track_caller]
    pub fn mean_keep(self, axes: &[isize]) -> Var<'g, T> {
        self.sum_keep(axes) * (1.0 / reduced_count(self, axes))
    }

    /// Values one after another along `axis`.
    ///
    /// # Panics
    /// If there are none, or if they differ in another axis.
    #[track_caller]
    pub fn concat(values: &[Var<'g, T>], axis: isize) -> Var<'g, T> {
        Var::try_concat(values, axis).or_panic()
    }

    /// [`Var::concat`], with an error where it would panic for shapes that differ.
    #[track_caller]
    pub fn try_concat(values: &[Var<'g, T>], axis: isize) -> Result<Var<'g, T>, GraphError> {
        assert!(!values.is_empty(), "concat of no values");
        let first = values[0];
        let at = resolve_axis("concat", first, axis);
        let mut length = 0;
        for (position, &value) in values.iter().enumerate() {
            value.same_graph(first.graph, "concat");
            let shape = value.shape();
            let expected = first.shape();
            let faulty: Vec<usize> = (0..shape.rank().min(expected.rank()))
                .filter(|&axis| axis != at && shape[axis] != expected[axis])
                .collect();
            if shape.rank() != expected.rank() || !faulty.is_empty() {
                return Err(GraphError::new("concat", format!("the values differ outside axis {at}"))
                    .operand_at("first", first.graph, first.id, &faulty)
                    .operand_at(&format!("value {position}"), value.graph, value.id, &faulty));
            }
            length += shape[at];
        }
        if values.len() == 1 {
            return Ok(first);
        }
        let ids: Vec<_> = values.iter().map(|value| value.id).collect();
        Ok(first.graph.record_real(Op::Concat(at as u8), &ids, first.shape().with_axis(at, length)))
    }

    /// Values of one shape stacked along a new first axis.
    ///
    /// # Panics
    /// If there are none, or if their shapes differ.
    #[track_caller]
    pub fn stack(values: &[Var<'g, T>]) -> Var<'g, T> {
        let mut rows = values.to_vec();
        for row in &mut rows {
            *row = row.reshape(row.shape().with_rank(row.shape().rank() + 1));
        }
        Var::concat(&rows, 0)
    }

    /// The same value, cut off from differentiation: its derivative is zero.
    #[track_caller]
    pub fn detach(self) -> Var<'g, T> {
        self.graph.record_real(Op::Detach, &[self.id], self.shape())
    }
}

/// The axis meant by a possibly negative number.
#[track_caller]
pub(super) fn resolve_axis<T: Real>(operation: &str, value: Var<'_, T>, axis: isize) -> usize {
    let rank = value.shape().rank() as isize;
    let at = if axis < 0 { axis + rank } else { axis };
    if !(0..rank).contains(&at) {
        let error = GraphError::new(operation, format!("there is no axis {axis}"))
            .operand("value", value.graph, value.id)
            .help(format!("axes count from 0 to {}, or back from -1 to -{rank}", rank - 1));
        panic!("{error}");
    }
    at as usize
}

/// The axes meant, as a mask.
#[track_caller]
pub(super) fn resolve_axes<T: Real>(operation: &str, value: Var<'_, T>, axes: &[isize]) -> [bool; MAX_RANK] {
    let mut mask = [false; MAX_RANK];
    for &axis in axes {
        mask[resolve_axis(operation, value, axis)] = true;
    }
    mask
}

/// A mask of all axes.
pub(super) fn all_axes<T: Real>(value: Var<'_, T>) -> [bool; MAX_RANK] {
    std::array::from_fn(|axis| axis < value.shape().rank())
}

/// The shape with the masked axes of length one.
pub(super) fn reduced_shape(shape: Shape, reduced: &[bool; MAX_RANK]) -> Shape {
    (0..shape.rank()).filter(|&axis| reduced[axis]).fold(shape, |shape, axis| shape.with_axis(axis, 1))
}

/// How many elements go into each output of a reduction along `axes`.
#[track_caller]
fn reduced_count<T: Real>(value: Var<'_, T>, axes: &[isize]) -> f64 {
    let reduced = resolve_axes("mean", value, axes);
    let shape = value.shape();
    (0..shape.rank()).filter(|&axis| reduced[axis]).map(|axis| shape[axis] as f64).product()
}

/// x̄ = Aᵀ ȳ, for the input at `position`.
pub(super) fn vjp<'g, T: Real>(call: &Call<'g, T>, position: usize, cotangent: Var<'g, T>) -> Var<'g, T> {
    let shape = call.input_shape(position);
    match &call.op {
        Op::Broadcast => cotangent.graph.record_real(Op::Sum, &[cotangent.id], shape),
        Op::Sum => cotangent.graph.record_real(Op::Broadcast, &[cotangent.id], shape),
        Op::Reshape => cotangent.reshape(shape),
        Op::Permute(order) => {
            let rank = shape.rank();
            let mut inverse = [0; MAX_RANK];
            order[..rank].iter().enumerate().for_each(|(i, &axis)| inverse[axis as usize] = i);
            cotangent.permute(&inverse[..rank])
        }
        Op::Slice(strided) => cotangent.pad_strided(**strided, shape),
        Op::Pad(strided) => cotangent.slice_strided(**strided, shape),
        Op::Flip(mask) => cotangent.graph.record_real(Op::Flip(*mask), &[cotangent.id], shape),
        Op::Concat(axis) => {
            let at = *axis as usize;
            let start = (0..position).map(|before| call.input_shape(before)[at]).sum();
            cotangent.slice(at as isize, start, start + shape[at])
        }
        other => unreachable!("{other:?} is not in this family"),
    }
}

/// ẏ = A ẋ. A missing tangent of a concat is a block of zeros.
pub(super) fn jvp<'g, T: Real>(call: &Call<'g, T>, tangents: &[Option<Var<'g, T>>]) -> Var<'g, T> {
    let inputs: Vec<_> = tangents
        .iter()
        .enumerate()
        .map(|(i, tangent)| tangent.unwrap_or_else(|| call.graph.fill(call.input_shape(i), 0.0)).id)
        .collect();
    call.graph.record_real(call.op.clone(), &inputs, call.output().shape())
}

/// Evaluates an operation of this family, element by element. `Op::Sum` is not among them: its order of
/// summation is that of [`kernel::reduce`](crate::kernel::reduce).
pub(crate) fn evaluate<T: Real>(op: &Op<T>, inputs: &[(&[T], Shape)], shape: Shape) -> Vec<T> {
    let (x, from) = inputs[0];
    let strides = from.strides();
    // The element of x at a multi-index given axis by axis.
    let at = |position: &dyn Fn(usize) -> usize| -> usize {
        (0..from.rank()).map(|axis| position(axis) * strides[axis]).sum()
    };
    let mut result = vec![T::ZERO; shape.numel()];
    let mut next = 0;
    match op {
        Op::Reshape | Op::Detach => result.copy_from_slice(x),
        Op::Broadcast => shape.for_each_index(|index| {
            result[next] = x[at(&|axis| if from[axis] == 1 { 0 } else { index[axis] })];
            next += 1;
        }),
        Op::Permute(order) => shape.for_each_index(|index| {
            let source: usize =
                (0..from.rank()).map(|axis| index[axis] * strides[order[axis] as usize]).sum();
            result[next] = x[source];
            next += 1;
        }),
        Op::Slice(strided) => shape.for_each_index(|index| {
            result[next] = x[at(&|axis| strided.start[axis] + index[axis] * strided.step[axis])];
            next += 1;
        }),
        Op::Pad(strided) => {
            let to = shape.strides();
            from.for_each_index(|index| {
                let place = |axis: usize| strided.start[axis] + index[axis] * strided.step[axis];
                result[(0..from.rank()).map(|axis| place(axis) * to[axis]).sum::<usize>()] = x[next];
                next += 1;
            });
        }
        Op::Flip(mask) => shape.for_each_index(|index| {
            let flipped = |axis: usize| mask & (1 << axis) != 0;
            result[next] =
                x[at(&|axis| if flipped(axis) { from[axis] - 1 - index[axis] } else { index[axis] })];
            next += 1;
        }),
        Op::Concat(axis) => {
            let at = *axis as usize;
            let outer: usize = shape.lengths()[..at].iter().product();
            let mut whole = Vec::with_capacity(shape.numel());
            for block in 0..outer {
                for (values, from) in inputs {
                    let width: usize = from.lengths()[at..].iter().product();
                    whole.extend_from_slice(&values[block * width..(block + 1) * width]);
                }
            }
            result = whole;
        }
        other => unreachable!("{other:?} is not in this family"),
    }
    result
}
