//! Stage one: the program. What the plan's results need, simplified.
//!
//! One walk over the needed nodes, in index order, does all of it; the recorded graph stays untouched.
//!
//! - *Dead code*: nodes that no output and no update needs are never visited.
//! - *Identities*: detach, `x · 1`, `x / 1`, `x - 0`, `x + (-0)`, `-(-x)`, reshape of a reshape, a permute that
//!   only exchanges the last two axes of a product's operand. Each gives the same bits as the original
//!   (`x + 0` does not: it turns -0 into 0).
//! - *Constants*: an operation on constants is evaluated once, here.
//! - *Common subexpressions*: equal operations on equal inputs are one. Draws of different streams are
//!   different operations and never merge.
//! - A reduction over separate runs of axes becomes one reduction for each run.

use crate::eval::{Value, evaluate_node, mark_needed};
use crate::feed::InputSlot;
use crate::graph::{Element, Graph, Inputs, Node, NodeId};
use crate::ops::pointwise::{Binary, Unary};
use crate::ops::random::Draw;
use crate::ops::{Literal, Op, Shared};
use crate::real::Real;
use crate::shape::{MAX_RANK, Shape};
use crate::tensor::Tensor;
use std::collections::HashMap;
use std::sync::Arc;

/// Constants up to this many elements are computed at compile time; a larger one would cost more to keep
/// than to compute.
const LARGEST_FOLDED: usize = 1 << 16;

/// A program: nodes in topological order, with their own numbering.
#[derive(Debug)]
pub(super) struct Program<T: Real> {
    /// The nodes; inputs refer to this list.
    pub nodes: Vec<Node<T>>,
    /// For each node, the recorded node that it stands for.
    pub origin: Vec<NodeId>,
    /// What each run returns.
    pub outputs: Vec<(Arc<str>, NodeId)>,
    /// (parameter, expression): which parameters each run changes, and to what.
    pub updates: Vec<(NodeId, NodeId)>,
    /// What each run is fed, in recording order.
    pub inputs: Vec<InputSlot>,
    /// How many recorded nodes the results need.
    pub needed: usize,
}

/// Which simplifications to make. All by default; tests and studies switch them off.
#[derive(Clone, Copy, Debug)]
pub struct Simplify {
    /// Remove operations that change nothing.
    pub identities: bool,
    /// Compute operations on constants once.
    pub constants: bool,
    /// Compute equal expressions once.
    pub common: bool,
}

impl<T: Real> Program<T> {
    /// The program that computes `outputs` and `updates`.
    pub fn new(
        graph: &Graph<T>,
        outputs: &[(Arc<str>, NodeId)],
        updates: &[(NodeId, NodeId)],
        simplify: Simplify,
    ) -> Program<T> {
        let results = outputs.iter().map(|(_, id)| *id);
        let needed = needed(graph, results.chain(updates.iter().flat_map(|&(p, e)| [p, e])));
        let mut builder = Builder { nodes: Vec::new(), origin: Vec::new(), known: HashMap::new(), simplify };
        let mut place: Vec<Option<NodeId>> = vec![None; needed.len()];
        let mut inputs = InputSlot::all(graph, &needed);
        for index in (0..needed.len()).filter(|&index| needed[index]) {
            let recorded = NodeId(index as u32);
            let mut node = graph.node(recorded).clone();
            for input in &mut node.inputs {
                *input = place[input.index()].expect("inputs come before their node");
            }
            place[index] = Some(builder.add(node, recorded));
        }
        // A result that is an input, a parameter or a constant is a copy of it: the original belongs to
        // someone else, and a parameter may change before the result is read.
        let at = |id: NodeId| place[id.index()].expect("a result is needed");
        let outputs = outputs.iter().map(|(name, id)| (name.clone(), builder.result(at(*id), *id))).collect();
        let updates = updates.iter().map(|&(p, e)| (at(p), builder.result(at(e), e))).collect();
        for slot in inputs.iter_mut().filter(|slot| slot.needed) {
            slot.id = at(slot.id);
        }
        let count = needed.iter().filter(|&&needed| needed).count();
        builder.finish(outputs, updates, inputs, count)
    }
}

impl<T: Real> Program<T> {
    /// The nodes that a run returns or gives to a parameter.
    pub fn results(&self) -> impl Iterator<Item = NodeId> {
        let outputs = self.outputs.iter().map(|(_, id)| *id);
        outputs.chain(self.updates.iter().map(|(_, expression)| *expression))
    }
}

/// Which nodes the roots need, themselves included.
fn needed<T: Real>(graph: &Graph<T>, roots: impl Iterator<Item = NodeId> + Clone) -> Vec<bool> {
    let mut needed = vec![false; roots.clone().map(|root| root.index() + 1).max().unwrap_or(0)];
    roots.for_each(|root| needed[root.index()] = true);
    mark_needed(&graph.nodes(), &mut needed);
    needed
}

/// The program as it grows.
struct Builder<T: Real> {
    nodes: Vec<Node<T>>,
    origin: Vec<NodeId>,
    /// Equal operation, inputs and shape: the same value.
    known: HashMap<(Op<T>, Inputs, Shape), NodeId>,
    simplify: Simplify,
}

impl<T: Real> Builder<T> {
    /// The program's node that has the value of `node`, whose inputs are the program's.
    fn add(&mut self, mut node: Node<T>, recorded: NodeId) -> NodeId {
        if self.simplify.identities {
            if let Some(same) = self.identity(&node) {
                return same;
            }
            self.shorten(&mut node);
        }
        if self.simplify.constants
            && let Some(folded) = self.folded(&node)
        {
            node.op = folded;
            node.inputs.clear();
        }
        if let Op::Sum | Op::Max | Op::LogSumExp = node.op {
            self.split_reduction(&mut node, recorded);
        }
        self.push(node, recorded)
    }

    fn push(&mut self, node: Node<T>, recorded: NodeId) -> NodeId {
        let id = NodeId(self.nodes.len() as u32);
        if self.simplify.common {
            let key = (node.op.clone(), node.inputs.clone(), node.shape);
            let known = *self.known.entry(key).or_insert(id);
            if known != id {
                return known;
            }
        }
        self.nodes.push(node);
        self.origin.push(recorded);
        id
    }

    /// A node with the value of `id` that is no source.
    fn result(&mut self, id: NodeId, recorded: NodeId) -> NodeId {
        match self.op(id) {
            Op::Input(_) | Op::Parameter(_) | Op::Constant(_) => {
                let source = self.nodes[id.index()].clone();
                let copy = Node { op: Op::Reshape, inputs: Inputs::from_slice(&[id]), ..source };
                self.push(copy, recorded)
            }
            _ => id,
        }
    }

    fn op(&self, id: NodeId) -> &Op<T> {
        &self.nodes[id.index()].op
    }

    /// The repeated number that a node is, if it is one.
    fn number(&self, id: NodeId) -> Option<T> {
        match self.op(id) {
            Op::Fill(Literal(value)) => Some(*value),
            _ => None,
        }
    }

    /// The input that `node` merely repeats, bit for bit.
    fn identity(&self, node: &Node<T>) -> Option<NodeId> {
        let input = |position: usize| node.inputs[position];
        let is = |position: usize, value: f64| {
            self.number(input(position)).is_some_and(|x| x.bits() == T::from_f64(value).bits())
        };
        match &node.op {
            Op::Detach => Some(input(0)),
            Op::Reshape if self.nodes[input(0).index()].shape == node.shape => Some(input(0)),
            Op::Binary(Binary::Mul) if is(1, 1.0) => Some(input(0)),
            Op::Binary(Binary::Mul) if is(0, 1.0) => Some(input(1)),
            Op::Binary(Binary::Div) if is(1, 1.0) => Some(input(0)),
            Op::Binary(Binary::Sub) if is(1, 0.0) => Some(input(0)),
            Op::Binary(Binary::Add) if is(1, -0.0) => Some(input(0)),
            Op::Binary(Binary::Add) if is(0, -0.0) => Some(input(1)),
            Op::Unary(Unary::Neg) if *self.op(input(0)) == Op::Unary(Unary::Neg) => {
                Some(self.nodes[input(0).index()].inputs[0])
            }
            _ => None,
        }
    }

    /// Replaces inputs by what they are made of, where that says the same with fewer nodes.
    fn shorten(&self, node: &mut Node<T>) {
        match &mut node.op {
            Op::Reshape => {
                while *self.op(node.inputs[0]) == Op::Reshape {
                    node.inputs[0] = self.nodes[node.inputs[0].index()].inputs[0];
                }
            }
            Op::MatMul { transpose_lhs, transpose_rhs } => {
                for (position, flag) in [(0, transpose_lhs), (1, transpose_rhs)] {
                    let input = &self.nodes[node.inputs[position].index()];
                    if let Op::Permute(order) = &input.op
                        && exchanges_last_two(order, input.shape.rank())
                    {
                        node.inputs[position] = input.inputs[0];
                        *flag = !*flag;
                    }
                }
            }
            _ => {}
        }
    }

    /// The constant that an operation on constants gives.
    fn folded(&self, node: &Node<T>) -> Option<Op<T>> {
        let is_source = node.inputs.is_empty();
        if is_source || node.element == Element::Index || matches!(node.op, Op::Custom(_)) {
            return None;
        }
        // One number stays one number, however often it is repeated.
        let numbers: Option<Vec<T>> = node.inputs.iter().map(|&input| self.number(input)).collect();
        if let (Some(numbers), Some(one)) =
            (numbers, pointwise_at(&node.op, &node.inputs, |id| self.number(id)))
        {
            debug_assert!(!numbers.is_empty());
            return Some(Op::Fill(Literal(one)));
        }
        let constant = |id: NodeId| match self.op(id) {
            Op::Fill(_) | Op::Constant(_) | Op::IndexConstant(_) => self.nodes[id.index()].shape.numel(),
            _ => usize::MAX,
        };
        let largest = node.inputs.iter().map(|&id| constant(id)).max()?.max(node.shape.numel());
        if largest > LARGEST_FOLDED {
            return None;
        }
        let values: Vec<Value<T>> = node
            .inputs
            .iter()
            .map(|&id| match self.op(id) {
                Op::Constant(value) => Value::Real(value.0.clone()),
                Op::IndexConstant(value) => Value::Index(value.0.clone()),
                Op::Fill(value) => Value::Real(Arc::new(Tensor::full(self.nodes[id.index()].shape, value.0))),
                other => unreachable!("{other:?} is no constant"),
            })
            .collect();
        if !indices_in_range(node, &values) {
            return None;
        }
        match evaluate_node(node, &values, Draw::default()) {
            Value::Real(value) => Some(Op::Constant(Shared(value))),
            Value::Index(_) => None,
        }
    }

    /// Records all but the last pass of a reduction as nodes of their own, in the order that the
    /// interpreter follows.
    fn split_reduction(&mut self, node: &mut Node<T>, recorded: NodeId) {
        let mut from = self.nodes[node.inputs[0].index()].shape;
        let passes = crate::ops::reduce::passes(from, node.shape);
        for pass in passes.iter().take(passes.len().saturating_sub(1)) {
            // The run of axes after which `inner` elements remain.
            let mut inner = 1;
            let mut end = from.rank();
            while inner < pass.inner || from[end - 1] == node.shape[end - 1] {
                end -= 1;
                inner *= from[end];
            }
            let start =
                (0..end).rev().find(|&axis| from[axis] == node.shape[axis]).map_or(0, |axis| axis + 1);
            let shape = (start..end).fold(from, |shape, axis| shape.with_axis(axis, 1));
            let part = Node { shape, ..node.clone() };
            node.inputs[0] = self.push(part, recorded);
            from = shape;
        }
    }

    /// Drops what simplification left without use, and numbers the rest.
    fn finish(
        self,
        outputs: Vec<(Arc<str>, NodeId)>,
        updates: Vec<(NodeId, NodeId)>,
        inputs: Vec<InputSlot>,
        needed: usize,
    ) -> Program<T> {
        let mut used = vec![false; self.nodes.len()];
        // Inputs stay even if everything that used them was folded away: they are fed all the same.
        outputs.iter().for_each(|(_, id)| used[id.index()] = true);
        updates.iter().flat_map(|&(p, e)| [p, e]).for_each(|id| used[id.index()] = true);
        inputs.iter().filter(|slot| slot.needed).for_each(|slot| used[slot.id.index()] = true);
        mark_needed(&self.nodes, &mut used);
        let mut place = vec![NodeId(0); self.nodes.len()];
        let mut program = Program { nodes: Vec::new(), origin: Vec::new(), outputs, updates, inputs, needed };
        for (index, (mut node, recorded)) in self.nodes.into_iter().zip(self.origin).enumerate() {
            if used[index] {
                place[index] = NodeId(program.nodes.len() as u32);
                node.inputs.iter_mut().for_each(|input| *input = place[input.index()]);
                program.nodes.push(node);
                program.origin.push(recorded);
            }
        }
        program.outputs.iter_mut().for_each(|(_, id)| *id = place[id.index()]);
        program.updates.iter_mut().for_each(|(p, e)| (*p, *e) = (place[p.index()], place[e.index()]));
        let inputs = program.inputs.iter_mut().filter(|slot| slot.needed);
        inputs.for_each(|slot| slot.id = place[slot.id.index()]);
        program
    }
}

/// Whether a permutation keeps all but the last two axes and exchanges those.
fn exchanges_last_two(order: &[u8; MAX_RANK], rank: usize) -> bool {
    rank >= 2
        && order[..rank - 2].iter().enumerate().all(|(i, &axis)| axis as usize == i)
        && order[rank - 2] as usize == rank - 1
}

/// The value of an operation whose inputs are all one repeated number, if that is one number again.
fn pointwise_at<T: Real>(op: &Op<T>, inputs: &[NodeId], number: impl Fn(NodeId) -> Option<T>) -> Option<T> {
    let at = |position: usize| number(inputs[position]);
    match op {
        Op::Unary(unary) => Some(unary.evaluate(at(0)?)),
        Op::Binary(binary) => Some(binary.evaluate(at(0)?, at(1)?)),
        Op::Select => Some(crate::ops::pointwise::select(at(0)?, at(1)?, at(2)?)),
        Op::Broadcast | Op::Reshape | Op::Permute(_) | Op::Slice(_) | Op::Flip(_) => at(0),
        _ => None,
    }
}

/// Whether constant indices fit. If they do not, the error is left to the run that would use them.
fn indices_in_range<T: Real>(node: &Node<T>, values: &[Value<T>]) -> bool {
    let (position, bound) = match &node.op {
        Op::OneHot => (0, node.shape.last()),
        Op::ScatterAdd => (1, node.shape[0]),
        Op::Gather => match &values[0] {
            Value::Real(table) => (1, table.shape()[0]),
            Value::Index(_) => return false,
        },
        _ => return true,
    };
    match &values[position] {
        Value::Index(index) => index.data().iter().all(|&i| (i as usize) < bound),
        Value::Real(_) => false,
    }
}
