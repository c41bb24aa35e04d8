//! A graph as a function that can be looked at: values at nearby points, branches taken, distance to the
//! next kink.
//!
//! [`Probe`] holds one interpreted run and re-evaluates only what depends on the values that change.
//! Which side of its kink every non-smooth element is on makes the *branch signature*; how far it is from
//! the switch, over how fast it approaches it, makes the *reach*: the largest step that crosses no kink. No
//! difference stencil has to guess when the graph can tell.
//!
//! A detached value stays what it was at the point itself, since that is what its derivative claims.

use crate::eval::{Interpreter, Run, Value, evaluate_node};
use crate::feed::{Feed, RunError};
use crate::graph::{Graph, NodeId, Var};
use crate::ops::Op;
use crate::ops::pointwise::{Binary, Unary};
use crate::parameters::Parameters;
use crate::tensor::Tensor;
use std::sync::Arc;

/// A node with branches.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Branching {
    /// A function of one number with kinks.
    Unary(Unary),
    /// A comparison, or a maximum of two: it switches where its arguments are equal.
    Tie(Binary),
    /// Switches where the mask becomes or stops being zero.
    Select,
    /// Switches where another element becomes the largest.
    Largest,
}

/// The kind of branching of an operation, if it has any.
pub(crate) fn branching(op: &Op<f64>) -> Option<Branching> {
    match op {
        Op::Unary(unary) if !unary.rule::<f64>().kinks.is_empty() => Some(Branching::Unary(*unary)),
        Op::Binary(binary) if binary.rule::<f64>().kink_at_tie => Some(Branching::Tie(*binary)),
        Op::Select => Some(Branching::Select),
        Op::Max | Op::ArgMax => Some(Branching::Largest),
        _ => None,
    }
}

/// The nodes with branches that `outputs` need, in recording order.
pub(crate) fn branching_nodes(graph: &Graph<f64>, outputs: &[NodeId]) -> Vec<(NodeId, Branching)> {
    let nodes = graph.nodes();
    let last = outputs.iter().map(|output| output.index() + 1).max().unwrap_or(0);
    let mut needed = vec![false; last];
    outputs.iter().for_each(|output| needed[output.index()] = true);
    crate::eval::mark_needed(&nodes, &mut needed);
    (0..last)
        .filter(|&index| needed[index])
        .filter_map(|index| Some((NodeId(index as u32), branching(&nodes[index].op)?)))
        .collect()
}

/// One interpreted run of a graph, to be repeated with some values replaced.
pub(crate) struct Probe<'g> {
    graph: &'g Graph<f64>,
    base: Run<f64>,
    draw: crate::ops::random::Draw,
}

impl<'g> Probe<'g> {
    /// Evaluates `outputs` once, with every value they need.
    pub(crate) fn new(
        graph: &'g Graph<f64>,
        outputs: &[NodeId],
        feeds: &[(&str, Feed<'_, f64>)],
        parameters: &Parameters<f64>,
        draw: crate::ops::random::Draw,
    ) -> Result<Probe<'g>, RunError> {
        let base = Interpreter { parameters, draw }.run(graph, outputs, feeds)?;
        Ok(Probe { graph, base, draw })
    }

    /// A value at the point itself.
    pub(crate) fn at_point(&self, var: Var<'_, f64>) -> &Tensor<f64> {
        self.base.get(var)
    }

    /// All values up to the last of `outputs` that differ from the run at the point, `replaced` ones
    /// included.
    pub(crate) fn evaluate(&self, replaced: &[(NodeId, Tensor<f64>)], outputs: &[NodeId]) -> Values<'_> {
        let nodes = self.graph.nodes();
        let last = outputs.iter().map(|output| output.index() + 1).max().unwrap_or(0);
        let mut needed = vec![false; last];
        outputs.iter().for_each(|output| needed[output.index()] = true);
        crate::eval::mark_needed(&nodes, &mut needed);
        let mut changed: Vec<Option<Value<f64>>> = vec![None; last];
        for (id, value) in replaced.iter().filter(|(id, _)| id.index() < last) {
            changed[id.index()] = Some(Value::Real(Arc::new(value.clone())));
        }
        for index in (0..last).filter(|&index| needed[index]) {
            let node = &nodes[index];
            let stale = node.inputs.iter().any(|input| changed[input.index()].is_some());
            if changed[index].is_some() || !stale || matches!(node.op, Op::Detach) {
                continue;
            }
            let inputs: Vec<Value<f64>> = node
                .inputs
                .iter()
                .map(|input| changed[input.index()].clone().unwrap_or_else(|| self.base_value(*input)))
                .collect();
            changed[index] = Some(evaluate_node(node, &inputs, self.draw));
        }
        Values { probe: self, changed }
    }

    fn base_value(&self, id: NodeId) -> Value<f64> {
        self.base.value(id).cloned().expect("the run at the point evaluated everything asked for")
    }
}

/// The values of one evaluation.
pub(crate) struct Values<'p> {
    probe: &'p Probe<'p>,
    changed: Vec<Option<Value<f64>>>,
}

impl Values<'_> {
    fn value(&self, id: NodeId) -> Value<f64> {
        match self.changed.get(id.index()) {
            Some(Some(value)) => value.clone(),
            _ => self.probe.base_value(id),
        }
    }

    /// The elements of a real node.
    pub(crate) fn real(&self, id: NodeId) -> Arc<Tensor<f64>> {
        match self.value(id) {
            Value::Real(value) => value,
            Value::Index(_) => unreachable!("asked for a real value"),
        }
    }

    /// A number that is the same for two points exactly if (but for a collision of hashes) every element
    /// of `nodes` takes the same branch at both. Never zero, which stands for "not known".
    pub(crate) fn signature(&self, nodes: &[(NodeId, Branching)]) -> u64 {
        let mut hash = Hash(0xCBF2_9CE4_8422_2325);
        for &(id, branching) in nodes {
            let inputs = self.probe.graph.node(id).inputs.clone();
            let first = self.real(inputs[0]);
            match branching {
                Branching::Unary(unary) => {
                    let rule = unary.rule::<f64>();
                    for x in first.data() {
                        rule.kinks.iter().for_each(|kink| hash.add(side(*x, *kink)));
                    }
                }
                Branching::Tie(_) => {
                    let second = self.real(inputs[1]);
                    first.data().iter().zip(second.data()).for_each(|(a, b)| hash.add(side(*a, *b)));
                }
                Branching::Select => first.data().iter().for_each(|mask| hash.add(u64::from(*mask != 0.0))),
                Branching::Largest => match self.value(id) {
                    Value::Index(positions) => positions.data().iter().for_each(|p| hash.add(u64::from(*p))),
                    Value::Real(largest) => {
                        let spread = super::switching::stretch(&largest, first.shape());
                        let equal = first.data().iter().zip(&spread).map(|(x, y)| u64::from(x == y));
                        equal.for_each(|equal| hash.add(equal));
                    }
                },
            }
        }
        hash.0.max(1)
    }
}

/// On which side of `kink` the number is: below, at, above, or not a number.
fn side(x: f64, kink: f64) -> u64 {
    match x.partial_cmp(&kink) {
        Some(ordering) => (ordering as i8 + 1) as u64,
        None => 3,
    }
}

/// FNV-1a with a final mixing left out: only equality matters.
struct Hash(u64);

impl Hash {
    fn add(&mut self, value: u64) {
        self.0 = (self.0 ^ value).wrapping_mul(0x0000_0100_0000_01B3).rotate_left(23);
    }
}
