//! The reference interpreter: node after node, each by the plainest loop.
//!
//! It computes what the requested variables need and nothing else, keeps every value it computed, and is
//! what compiled plans are tested against, bit for bit. Element functions, sums, matrix products and
//! random draws are the kernels' own (each is tested by itself against a naive loop): what the interpreter
//! leaves out is everything that a plan does to a graph.

use crate::IndexVar;
use crate::feed::{Feed, InputSlot, RunError, check_feeds};
use crate::graph::{Element, Graph, Node, NodeId, Var};
use crate::kernel;
use crate::kernel::gemm::{Layout, MatrixMut, MatrixRef, gemm};
use crate::ops::matmul::Extents;
use crate::ops::random::{Distribution, Draw};
use crate::ops::reduce::{ReduceKernel, passes};
use crate::ops::{Op, index, linear, pointwise, window};
use crate::parameters::Parameters;
use crate::real::Real;
use crate::shape::Shape;
use crate::tensor::Tensor;
use smallvec::SmallVec;
use std::fmt;
use std::sync::Arc;

/// The value of a node.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<T: Real> {
    /// Real numbers.
    Real(Arc<Tensor<T>>),
    /// Integers.
    Index(Arc<Tensor<u32>>),
}

impl<T: Real> Value<T> {
    fn real(&self) -> (&[T], Shape) {
        match self {
            Value::Real(value) => (value.data(), value.shape()),
            Value::Index(_) => unreachable!("recording keeps real and integer values apart"),
        }
    }

    fn index(&self) -> &[u32] {
        match self {
            Value::Index(value) => value.data(),
            Value::Real(_) => unreachable!("recording keeps real and integer values apart"),
        }
    }
}

/// Evaluates variables of a graph. Short for [`Interpreter`] without parameters or draws of its own:
/// `parameters` may be left out where the variables use none, and draws are those of seed 0, run 0.
///
/// # Errors
/// If an input is not fed or fed wrongly, or a parameter has no value.
///
/// ```
/// use autograd::{Feed, Graph, Tensor, interpret};
/// let graph = Graph::<f64>::new();
/// let x = graph.input("x", [3]);
/// let y = x.softmax();
/// let feed = Tensor::new([3], vec![1.0, 1.0, 1.0]);
/// let values = interpret(&[y], &[("x", Feed::from(&feed))], None)?;
/// assert!((values[0][[0]] - 1.0 / 3.0).abs() < 1e-15);
/// # Ok::<(), autograd::RunError>(())
/// ```
pub fn interpret<T: Real>(
    outputs: &[Var<'_, T>],
    feeds: &[(&str, Feed<'_, T>)],
    parameters: Option<&Parameters<T>>,
) -> Result<Vec<Tensor<T>>, RunError> {
    let Some(first) = outputs.first() else { return Ok(Vec::new()) };
    let empty = Parameters::new();
    let interpreter = Interpreter { parameters: parameters.unwrap_or(&empty), draw: Draw::default() };
    let ids: Vec<_> = outputs.iter().map(|output| output.id).collect();
    let run = interpreter.run(first.graph, &ids, feeds)?;
    Ok(outputs.iter().map(|&output| run.get(output).clone()).collect())
}

/// Evaluates integer variables of a graph; see [`interpret`].
///
/// # Errors
/// As [`interpret`].
pub fn interpret_indices<T: Real>(
    output: IndexVar<'_, T>,
    feeds: &[(&str, Feed<'_, T>)],
    parameters: Option<&Parameters<T>>,
) -> Result<Tensor<u32>, RunError> {
    let empty = Parameters::new();
    let interpreter = Interpreter { parameters: parameters.unwrap_or(&empty), draw: Draw::default() };
    let run = interpreter.run(output.graph, &[output.id], feeds)?;
    match run.value(output.id) {
        Some(Value::Index(value)) => Ok((**value).clone()),
        _ => unreachable!("the node was asked for and holds integers"),
    }
}

/// The interpreter with all that a run depends on.
#[derive(Clone, Copy, Debug)]
pub struct Interpreter<'p, T: Real> {
    /// The parameters' values.
    pub parameters: &'p Parameters<T>,
    /// Which random numbers are drawn.
    pub draw: Draw,
}

/// Every value of one interpreted run.
#[derive(Debug)]
pub struct Run<T: Real> {
    values: Vec<Option<Value<T>>>,
}

impl<T: Real> Run<T> {
    /// The value of a variable.
    ///
    /// # Panics
    /// If it was not needed for the outputs that were asked for.
    #[track_caller]
    pub fn get(&self, var: Var<'_, T>) -> &Tensor<T> {
        match self.value(var.id) {
            Some(Value::Real(value)) => value,
            _ => panic!("{} was not evaluated", var.id),
        }
    }

    /// The value of a node, or `None` if it was not needed.
    pub fn value(&self, id: NodeId) -> Option<&Value<T>> {
        self.values.get(id.index())?.as_ref()
    }
}

impl<T: Real> Interpreter<'_, T> {
    /// Evaluates `outputs` and everything they need.
    ///
    /// # Errors
    /// If an input is not fed or fed wrongly, or a parameter has no value.
    pub fn run(
        &self,
        graph: &Graph<T>,
        outputs: &[NodeId],
        feeds: &[(&str, Feed<'_, T>)],
    ) -> Result<Run<T>, RunError> {
        let nodes = graph.nodes();
        let last = outputs.iter().map(|output| output.index() + 1).max().unwrap_or(0);
        let mut needed = vec![false; last];
        outputs.iter().for_each(|output| needed[output.index()] = true);
        mark_needed(&nodes, &mut needed);
        let mut values: Vec<Option<Value<T>>> = vec![None; last];
        self.place_feeds(graph, &needed, feeds, &mut values)?;
        for index in (0..last).filter(|&index| needed[index]) {
            if values[index].is_some() {
                continue;
            }
            let node = &nodes[index];
            values[index] = Some(match &node.op {
                Op::Parameter(name) => self.parameter(name, node)?,
                _ => {
                    let of = |input: &NodeId| values[input.index()].clone().expect("inputs come first");
                    let inputs: SmallVec<[Value<T>; 3]> = node.inputs.iter().map(of).collect();
                    evaluate_node(node, &inputs, self.draw)
                }
            });
        }
        Ok(Run { values })
    }

    /// Checks the feeds and puts them in place.
    fn place_feeds(
        &self,
        graph: &Graph<T>,
        needed: &[bool],
        feeds: &[(&str, Feed<'_, T>)],
        values: &mut [Option<Value<T>>],
    ) -> Result<(), RunError> {
        let slots = InputSlot::all(graph, needed);
        check_feeds(&slots, feeds, |position, feed| {
            values[slots[position].id.index()] = Some(match *feed {
                Feed::Real(value) => Value::Real(Arc::new(value.clone())),
                Feed::Index(value) => Value::Index(Arc::new(value.clone())),
                Feed::Scalar(value) => Value::Real(Arc::new(Tensor::scalar(T::from_f64(value)))),
            });
        })
    }

    fn parameter(&self, name: &str, node: &Node<T>) -> Result<Value<T>, RunError> {
        let origin = || format!("{}:{}", node.location.file(), node.location.line());
        let name_owned = || name.to_string();
        match self.parameters.get(name) {
            Some(value) if value.shape() == node.shape => Ok(Value::Real(Arc::new(value.clone()))),
            Some(value) => Err(RunError::WrongShape {
                name: name_owned(),
                expected: node.shape,
                given: value.shape(),
                origin: origin(),
            }),
            None => {
                Err(RunError::MissingParameter { name: name_owned(), shape: node.shape, origin: origin() })
            }
        }
    }

    /// The first node, in recording order, whose value is not finite although all its inputs are: where
    /// NaN or infinity comes from. `None` if `outputs` need no such node.
    ///
    /// # Errors
    /// As [`Interpreter::run`].
    pub fn first_non_finite(
        &self,
        graph: &Graph<T>,
        outputs: &[NodeId],
        feeds: &[(&str, Feed<'_, T>)],
    ) -> Result<Option<NonFinite>, RunError> {
        let run = self.run(graph, outputs, feeds)?;
        let bad = |index: usize| match &run.values[index] {
            Some(Value::Real(value)) => value.first_non_finite().map(|at| (at, value.data()[at].to_f64())),
            _ => None,
        };
        let found = (0..run.values.len()).find_map(|index| bad(index).map(|found| (index, found)));
        Ok(found.map(|(index, (position, value))| {
            let node = graph.node(NodeId(index as u32));
            NonFinite {
                node: NodeId(index as u32),
                operation: node.op.name(),
                name: graph.name_of(NodeId(index as u32)).map(|name| name.to_string()),
                value,
                position,
                derived: node.derived,
                origin: format!("{}:{}", node.location.file(), node.location.line()),
            }
        }))
    }
}

/// Where the first NaN or infinity of a run comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct NonFinite {
    /// The node.
    pub node: NodeId,
    /// Its operation.
    pub operation: String,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// The value found.
    pub value: f64,
    /// The flat index of that value.
    pub position: usize,
    /// Whether the node belongs to a gradient.
    pub derived: bool,
    /// The line that recorded the node.
    pub origin: String,
}

impl fmt::Display for NonFinite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} first appears in {} = {}", self.value, self.node, self.operation)?;
        if let Some(name) = &self.name {
            write!(f, " `{name}`")?;
        }
        let relation = if self.derived { "the derivative of the operation" } else { "recorded" };
        write!(f, " at element {}, {relation} at {}", self.position, self.origin)
    }
}

/// One node, from the values of its inputs. Inputs and parameters have none: their values come from
/// outside.
pub(crate) fn evaluate_node<T: Real>(node: &Node<T>, inputs: &[Value<T>], draw: Draw) -> Value<T> {
    let shape = node.shape;
    let real = |position: usize| inputs[position].real();
    let data = |position: usize| real(position).0;
    let elements: Vec<T> = match &node.op {
        Op::Input(_) | Op::IndexInput(_) | Op::Parameter(_) => {
            unreachable!("the values of {:?} come from outside", node.op)
        }
        Op::Constant(constant) => return Value::Real(constant.0.clone()),
        Op::IndexConstant(constant) => return Value::Index(constant.0.clone()),
        Op::Fill(value) => vec![value.0; shape.numel()],
        Op::Random(distribution, stream) => {
            let mut draws = vec![T::ZERO; shape.numel()];
            fill_random(*distribution, stream, draw, &mut draws);
            draws
        }
        Op::Unary(unary) => data(0).iter().map(|&x| unary.evaluate(x)).collect(),
        Op::Binary(binary) => data(0).iter().zip(data(1)).map(|(&a, &b)| binary.evaluate(a, b)).collect(),
        Op::Select => (data(0).iter().zip(data(1)).zip(data(2)))
            .map(|((&mask, &a), &b)| pointwise::select(mask, a, b))
            .collect(),
        Op::Broadcast | Op::Reshape | Op::Permute(_) | Op::Slice(_) | Op::Pad(_) | Op::Flip(_) => {
            linear::evaluate(&node.op, &[real(0)], shape)
        }
        Op::Detach => data(0).to_vec(),
        Op::Concat(_) => {
            let all: Vec<_> = (0..inputs.len()).map(real).collect();
            linear::evaluate(&node.op, &all, shape)
        }
        Op::Gather | Op::ScatterAdd => {
            index::evaluate(&node.op, data(0), real(0).1, inputs[1].index(), shape)
        }
        Op::OneHot => index::one_hot(inputs[0].index(), shape.last()),
        Op::ArgMax => {
            let mut result = vec![0; shape.numel()];
            kernel::reduce::argmax(data(0), shape.numel(), real(0).1.last(), &mut result);
            return Value::Index(Arc::new(Tensor::new(shape, result)));
        }
        Op::Unfold(window) => window::unfold(data(0), real(0).1, window),
        Op::Fold(window) => window::fold(data(0), shape, window),
        Op::MatMul { transpose_lhs, transpose_rhs } => {
            let extents = Extents::of(real(0).1, *transpose_lhs, real(1).1, *transpose_rhs);
            let mut product = vec![T::ZERO; shape.numel()];
            multiply(extents, (data(0), *transpose_lhs), (data(1), *transpose_rhs), &mut product);
            product
        }
        Op::Sum => reduce(kernel::reduce::sum, real(0), shape),
        Op::Max => reduce(kernel::reduce::max, real(0), shape),
        Op::LogSumExp => reduce(kernel::reduce::logsumexp, real(0), shape),
        Op::Custom(custom) => {
            let all: Vec<_> = (0..inputs.len()).map(real).collect();
            let mut output = vec![T::ZERO; shape.numel()];
            custom.0.forward(&all, &mut output);
            output
        }
    };
    debug_assert_eq!(node.element, Element::Real);
    Value::Real(Arc::new(Tensor::new(shape, elements)))
}

/// Marks the inputs of marked nodes, from the last node down.
pub(crate) fn mark_needed<T: Real>(nodes: &[Node<T>], needed: &mut [bool]) {
    for index in (0..needed.len()).rev() {
        if needed[index] {
            nodes[index].inputs.iter().for_each(|input| needed[input.index()] = true);
        }
    }
}

/// Draws of a stream from its first index on.
pub(crate) fn fill_random<T: Real>(distribution: Distribution, stream: &str, draw: Draw, out: &mut [T]) {
    let stream = kernel::philox::Stream::new(draw.seed, kernel::philox::stream_of_name(stream), draw.run);
    match distribution {
        Distribution::Uniform => stream.fill_uniform(0, out),
        Distribution::Normal => stream.fill_normal(0, out),
    }
}

/// A batched product of dense matrices.
fn multiply<T: Real>(
    extents: Extents,
    (lhs, transpose_lhs): (&[T], bool),
    (rhs, transpose_rhs): (&[T], bool),
    product: &mut [T],
) {
    let Extents { batch, m, k, n } = extents;
    let operand = |data, rows, cols, transpose| {
        let stored = if transpose { Layout::row_major(cols, rows) } else { Layout::row_major(rows, cols) };
        let matrix = MatrixRef::batch(data, stored, batch, rows * cols);
        if transpose { matrix.transposed() } else { matrix }
    };
    let (a, b) = (operand(lhs, m, k, transpose_lhs), operand(rhs, k, n, transpose_rhs));
    gemm(T::ONE, a, b, T::ZERO, MatrixMut::batch(product, Layout::row_major(m, n), batch, m * n));
}

/// A reduction of a value onto `shape`, one pass after another.
fn reduce<T: Real>(kernel: ReduceKernel<T>, (x, from): (&[T], Shape), shape: Shape) -> Vec<T> {
    let mut values = x.to_vec();
    for pass in passes(from, shape) {
        let mut next = vec![T::ZERO; pass.outer * pass.inner];
        kernel(&values, pass.outer, pass.reduced, pass.inner, &mut next);
        values = next;
    }
    values
}
