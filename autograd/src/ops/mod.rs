//! The primitive operations and all their rules.
//!
//! [`Op`] is a closed enum of plain data, so that printing, fusion and tests can match on it. What an
//! operation *means* stands in one place per family: how a call is recorded and which shapes it takes,
//! its evaluation, its vector-Jacobian product, its Jacobian-vector product, its convention at kinks.
//! Rules are written in graph variables, so every rule is its own second-order rule.
//!
//! From an operation's kind both products follow for all but a few:
//!
//! | kind | VJP | JVP | operations |
//! |---|---|---|---|
//! | [`pointwise`] | `x̄ᵢ = ȳ ∂y/∂xᵢ` | `ẏ = Σ ẋᵢ ∂y/∂xᵢ` | arithmetic, elementary functions, comparisons, select |
//! | [`linear`], [`index`], [`window`] | the adjoint operation on `ȳ` | the same operation on `ẋ` | broadcast/sum, slice/pad, reshape, permute, flip, concat, gather/scatter-add, unfold/fold |
//! | [`matmul`] (bilinear) | products with the other operand | `Ȧ B + A Ḃ` | matmul |
//! | [`reduce`] (general) | by hand | by hand | max, logsumexp |
//! | [`custom`] | from the user's expression, or the user's own | likewise | custom |
//!
//! Operations without a derivative: sources, comparisons, sign, one-hot, argmax, random draws, detach.

pub mod arithmetic;
pub mod composite;
pub mod custom;
pub mod index;
pub mod linear;
pub mod matmul;
pub mod pointwise;
pub mod random;
pub mod reduce;
pub mod window;

use crate::graph::{Graph, IndexVar, Inputs, NodeId, Var};
use crate::real::Real;
use crate::shape::{MAX_RANK, Shape};
use crate::tensor::Tensor;
use custom::Custom;
use pointwise::{Binary, Unary};
use random::Distribution;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// What a node computes. Shapes are those of the node and of its inputs, not of the operation.
///
/// Two operations are equal if they compute the same from the same inputs as far as can be told without
/// comparing data: constants and custom operations are equal if they are the same object.
#[derive(Clone)]
pub enum Op<T: Real> {
    /// A real value fed under a name.
    Input(Arc<str>),
    /// An integer value fed under a name.
    IndexInput(Arc<str>),
    /// A value kept in `Parameters` under a name.
    Parameter(Arc<str>),
    /// A fixed value.
    Constant(Shared<Tensor<T>>),
    /// A fixed integer value.
    IndexConstant(Shared<Tensor<u32>>),
    /// One number, repeated.
    Fill(Literal<T>),
    /// Random draws of a named stream.
    Random(Distribution, Arc<str>),

    /// A function of one number, applied to each element.
    Unary(Unary),
    /// A function of two numbers, applied to equal shapes.
    Binary(Binary),
    /// `mask ≠ 0 ? a : b`, element by element.
    Select,

    /// Repeats axes of length one up to the node's shape (equal rank).
    Broadcast,
    /// Sums onto the node's shape (equal rank): axes that become one are added up.
    Sum,
    /// The same elements under another shape.
    Reshape,
    /// Axis `i` of the result is axis `order[i]` of the input.
    Permute([u8; MAX_RANK]),
    /// Every `step`-th element from `start` on, along each axis.
    Slice(Box<Strided>),
    /// Zeros, with the input's elements at the places that the slice would take.
    Pad(Box<Strided>),
    /// Inputs one after another along an axis.
    Concat(u8),
    /// Reverses the axes whose bit is set.
    Flip(u8),

    /// Rows of the first input at the integer second input.
    Gather,
    /// Rows of the first input, added to zeros at the integer second input.
    ScatterAdd,
    /// One where the last axis' position equals the integer input, zero elsewhere.
    OneHot,
    /// The position of the largest element along the last axis.
    ArgMax,

    /// Sliding windows of an image as columns (im2col).
    Unfold(Box<window::Window>),
    /// The adjoint of unfold: overlapping columns are added into an image.
    Fold(Box<window::Window>),

    /// Batched matrix product, either side transposed.
    MatMul {
        /// Whether the first operand is used transposed.
        transpose_lhs: bool,
        /// Whether the second operand is used transposed.
        transpose_rhs: bool,
    },

    /// The largest element along axes; like [`Op::Sum`], the axes stay with length one.
    Max,
    /// `ln Σ eˣ` along axes; like [`Op::Sum`], the axes stay with length one.
    LogSumExp,

    /// The identity, with derivative zero.
    Detach,
    /// An operation of the user's own.
    Custom(CustomOp<T>),
}

/// A number inside an operation.
#[derive(Clone, Copy)]
pub struct Literal<T>(pub T);

/// A value shared between nodes and plans.
pub struct Shared<V: ?Sized>(pub Arc<V>);

/// A shared custom operation.
pub type CustomOp<T> = Shared<dyn Custom<T>>;

impl<V: ?Sized> Clone for Shared<V> {
    fn clone(&self) -> Self {
        Shared(self.0.clone())
    }
}

impl<V: ?Sized> Shared<V> {
    fn address(&self) -> usize {
        Arc::as_ptr(&self.0).cast::<()>() as usize
    }
}

/// What an operation holds beside its kind, in a form that can be compared and hashed: numbers by their
/// bits (NaN equals itself, -0 is not 0), shared values by address.
#[derive(PartialEq, Eq, Hash)]
enum Payload<'a> {
    None,
    Name(&'a str),
    Address(usize),
    Bits(u64),
    Draw(Distribution, &'a str),
    Unary(Unary),
    Binary(Binary),
    Order(&'a [u8; MAX_RANK]),
    Strided(&'a Strided),
    Axes(u8),
    Window(&'a window::Window),
    Transposed(bool, bool),
}

impl<T: Real> Op<T> {
    fn payload(&self) -> Payload<'_> {
        match self {
            Op::Input(name) | Op::IndexInput(name) | Op::Parameter(name) => Payload::Name(name),
            Op::Constant(value) => Payload::Address(value.address()),
            Op::IndexConstant(value) => Payload::Address(value.address()),
            Op::Custom(custom) => Payload::Address(custom.address()),
            Op::Fill(value) => Payload::Bits(value.0.bits()),
            Op::Random(distribution, stream) => Payload::Draw(*distribution, stream),
            Op::Unary(unary) => Payload::Unary(*unary),
            Op::Binary(binary) => Payload::Binary(*binary),
            Op::Permute(order) => Payload::Order(order),
            Op::Slice(strided) | Op::Pad(strided) => Payload::Strided(strided),
            Op::Concat(axes) | Op::Flip(axes) => Payload::Axes(*axes),
            Op::Unfold(window) | Op::Fold(window) => Payload::Window(window),
            Op::MatMul { transpose_lhs, transpose_rhs } => {
                Payload::Transposed(*transpose_lhs, *transpose_rhs)
            }
            Op::Select | Op::Broadcast | Op::Sum | Op::Reshape | Op::Gather | Op::ScatterAdd => Payload::None,
            Op::OneHot | Op::ArgMax | Op::Max | Op::LogSumExp | Op::Detach => Payload::None,
        }
    }
}

impl<T: Real> PartialEq for Op<T> {
    fn eq(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other) && self.payload() == other.payload()
    }
}
impl<T: Real> Eq for Op<T> {}
impl<T: Real> Hash for Op<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::mem::discriminant(self).hash(state);
        self.payload().hash(state);
    }
}

/// Where a slice begins along each axis and how far apart its elements are.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Strided {
    /// First position.
    pub start: [usize; MAX_RANK],
    /// Distance between neighbours, at least one.
    pub step: [usize; MAX_RANK],
}

/// A recorded node seen from its rules: the operation, its inputs and its result, as variables.
pub(crate) struct Call<'g, T: Real> {
    pub graph: &'g Graph<T>,
    pub op: Op<T>,
    pub inputs: Inputs,
    pub id: NodeId,
}

impl<'g, T: Real> Call<'g, T> {
    /// The call that node `id` records.
    pub fn of(graph: &'g Graph<T>, id: NodeId) -> Call<'g, T> {
        let node = graph.node(id);
        Call { graph, op: node.op.clone(), inputs: node.inputs.clone(), id }
    }

    /// The result.
    pub fn output(&self) -> Var<'g, T> {
        Var { graph: self.graph, id: self.id }
    }

    /// The real input at `position`.
    pub fn input(&self, position: usize) -> Var<'g, T> {
        Var { graph: self.graph, id: self.inputs[position] }
    }

    /// The integer input at `position`.
    pub fn index_input(&self, position: usize) -> IndexVar<'g, T> {
        IndexVar { graph: self.graph, id: self.inputs[position] }
    }

    /// The shape of the input at `position`.
    pub fn input_shape(&self, position: usize) -> Shape {
        self.graph.node(self.inputs[position]).shape
    }
}

impl<T: Real> Op<T> {
    /// Whether the result depends differentiably on the input at `position`. Where this is false, the
    /// derivative is a structural zero: no node is ever recorded for it.
    pub fn is_differentiable(&self, position: usize) -> bool {
        match self {
            Op::Unary(unary) => *unary != Unary::Sign,
            Op::Binary(Binary::Guard) => position == 1,
            Op::Binary(binary) => !binary.is_comparison(),
            Op::Select => position > 0,
            Op::Gather | Op::ScatterAdd => position == 0,
            Op::Broadcast | Op::Sum | Op::Reshape | Op::Permute(_) | Op::Slice(_) | Op::Pad(_) => true,
            Op::Concat(_) | Op::Flip(_) | Op::Unfold(_) | Op::Fold(_) => true,
            Op::MatMul { .. } | Op::Max | Op::LogSumExp | Op::Custom(_) => true,
            Op::OneHot | Op::ArgMax | Op::Detach => false,
            Op::Input(_) | Op::IndexInput(_) | Op::Parameter(_) | Op::Constant(_) => false,
            Op::IndexConstant(_) | Op::Fill(_) | Op::Random(..) => false,
        }
    }

    /// The name in listings and messages.
    pub fn name(&self) -> String {
        match self {
            Op::Input(_) => "input".into(),
            Op::IndexInput(_) => "indices".into(),
            Op::Parameter(_) => "parameter".into(),
            Op::Constant(_) | Op::IndexConstant(_) => "constant".into(),
            Op::Fill(value) => format!("fill({})", value.0),
            Op::Random(distribution, stream) => format!("{distribution}(\"{stream}\")"),
            Op::Unary(unary) => unary.to_string(),
            Op::Binary(binary) => binary.name().into(),
            Op::Select => "select".into(),
            Op::Broadcast => "broadcast".into(),
            Op::Sum => "sum".into(),
            Op::Reshape => "reshape".into(),
            Op::Permute(_) => "permute".into(),
            Op::Slice(_) => "slice".into(),
            Op::Pad(_) => "pad".into(),
            Op::Concat(axis) => format!("concat(axis {axis})"),
            Op::Flip(_) => "flip".into(),
            Op::Gather => "gather".into(),
            Op::ScatterAdd => "scatter_add".into(),
            Op::OneHot => "one_hot".into(),
            Op::ArgMax => "argmax".into(),
            Op::Unfold(_) => "unfold".into(),
            Op::Fold(_) => "fold".into(),
            Op::MatMul { transpose_lhs: false, transpose_rhs: false } => "matmul".into(),
            Op::MatMul { transpose_lhs: true, transpose_rhs: false } => "matmul(AᵀB)".into(),
            Op::MatMul { transpose_lhs: false, transpose_rhs: true } => "matmul(ABᵀ)".into(),
            Op::MatMul { transpose_lhs: true, transpose_rhs: true } => "matmul(AᵀBᵀ)".into(),
            Op::Max => "max".into(),
            Op::LogSumExp => "logsumexp".into(),
            Op::Detach => "detach".into(),
            Op::Custom(custom) => custom.0.name(),
        }
    }
}

impl<T: Real> fmt::Debug for Op<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

/// The cotangent that `call` sends to its input at `position`, given its result's; `None` is a structural
/// zero. Called only where [`Op::is_differentiable`] holds.
pub(crate) fn vjp<'g, T: Real>(
    call: &Call<'g, T>,
    position: usize,
    cotangent: Var<'g, T>,
) -> Option<Var<'g, T>> {
    match &call.op {
        Op::Unary(_) | Op::Binary(_) | Op::Select => pointwise::vjp(call, position, cotangent),
        Op::Broadcast | Op::Sum | Op::Reshape | Op::Permute(_) | Op::Slice(_) | Op::Pad(_) => {
            Some(linear::vjp(call, position, cotangent))
        }
        Op::Concat(_) | Op::Flip(_) => Some(linear::vjp(call, position, cotangent)),
        Op::Gather | Op::ScatterAdd => Some(index::vjp(call, cotangent)),
        Op::Unfold(window) => Some(cotangent.fold_to(**window, call.input_shape(0))),
        Op::Fold(window) => Some(cotangent.unfold_window(**window)),
        Op::MatMul { .. } => Some(matmul::vjp(call, position, cotangent)),
        Op::Max => Some(reduce::max_vjp(call, cotangent)),
        Op::LogSumExp => Some(reduce::logsumexp_vjp(call, cotangent)),
        Op::Custom(custom) => custom::vjp(call, &*custom.0, position, cotangent),
        Op::OneHot | Op::ArgMax | Op::Detach | Op::Random(..) => None,
        Op::Input(_) | Op::IndexInput(_) | Op::Parameter(_) => None,
        Op::Constant(_) | Op::IndexConstant(_) | Op::Fill(_) => None,
    }
}

/// The tangent of `call`'s result, given those of its inputs (`None` is a structural zero).
pub(crate) fn jvp<'g, T: Real>(call: &Call<'g, T>, tangents: &[Option<Var<'g, T>>]) -> Option<Var<'g, T>> {
    match &call.op {
        Op::Unary(_) | Op::Binary(_) | Op::Select => pointwise::jvp(call, tangents),
        Op::Broadcast | Op::Sum | Op::Reshape | Op::Permute(_) | Op::Slice(_) | Op::Pad(_) => {
            Some(linear::jvp(call, tangents))
        }
        Op::Concat(_) | Op::Flip(_) => Some(linear::jvp(call, tangents)),
        Op::Gather | Op::ScatterAdd => Some(index::jvp(call, tangents[0]?)),
        Op::Unfold(window) => Some(tangents[0]?.unfold_window(**window)),
        Op::Fold(window) => Some(tangents[0]?.fold_to(**window, call.output().shape())),
        Op::MatMul { .. } => matmul::jvp(call, tangents),
        Op::Max => Some(reduce::max_jvp(call, tangents[0]?)),
        Op::LogSumExp => Some(reduce::logsumexp_jvp(call, tangents[0]?)),
        Op::Custom(custom) => custom::jvp(call, &*custom.0, tangents),
        Op::OneHot | Op::ArgMax | Op::Detach | Op::Random(..) => None,
        Op::Input(_) | Op::IndexInput(_) | Op::Parameter(_) => None,
        Op::Constant(_) | Op::IndexConstant(_) | Op::Fill(_) => None,
    }
}
