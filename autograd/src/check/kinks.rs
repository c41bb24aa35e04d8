//! The declared convention at each kink, tested exactly.
//!
//! At a kink differences can only say that a value is *some* subgradient; one that is wrong may be another
//! subgradient. But each operation declares which one it returns ([`pointwise`](crate::ops::pointwise),
//! [`reduce`](crate::ops::reduce)), and that can be tested to the last bit:
//!
//! | operation | at the tie | derivative |
//! |---|---|---|
//! | relu, abs, sign | x = 0 | 0 |
//! | max, min of two | a = b | one half to each |
//! | max along axes | c largest elements | 1/c to each of them, 0 to the others |
//! | comparisons, argmax | anywhere | 0 |
//!
//! The last weights are non-negative, add up to one and rest on the tied elements only: an element of
//! Clarke's subdifferential of the maximum.

use super::probe::{Branching, Probe, branching_nodes};
use super::switching::stretch;
use super::verdict::{Place, Record, Test};
use crate::eval::interpret;
use crate::feed::Feed;
use crate::grad::{try_jvp, try_vjp};
use crate::graph::{Graph, NodeId, Var};
use crate::ops::Op;
use crate::ops::pointwise::{Binary, Unary};
use crate::tensor::Tensor;

/// Tests the convention of every non-smooth node that `output` needs and that sits at a kink, with the
/// values it has. Only the worst element of each node is recorded.
pub(crate) fn in_graph(graph: &Graph<f64>, output: Var<'_, f64>, probe: &Probe<'_>) -> Vec<Record> {
    let mut records = Vec::new();
    for (id, branching) in branching_nodes(graph, &[output.id()]) {
        let node = graph.node(id);
        let differentiable = !matches!(node.op, Op::ArgMax | Op::Select) && node.op.is_differentiable(0);
        if differentiable {
            let inputs: Vec<Tensor<f64>> =
                node.inputs.iter().map(|input| probe.at_point(graph.var(*input)).clone()).collect();
            let worst = records_of(graph, id, branching, &inputs);
            records.extend(worst.into_iter().max_by(|a, b| a.ratio().total_cmp(&b.ratio())));
        }
    }
    records
}

/// Tests the convention of one node at the given values: every element that sits at a kink.
fn records_of(graph: &Graph<f64>, id: NodeId, branching: Branching, inputs: &[Tensor<f64>]) -> Vec<Record> {
    let node = graph.node(id);
    let expected = conventions(branching, inputs, node.shape);
    if expected.iter().flatten().all(Option::is_none) {
        return Vec::new();
    }
    // The node alone, on inputs of its own.
    let alone = Graph::<f64>::new();
    let names: Vec<String> = (0..inputs.len()).map(|position| position.to_string()).collect();
    let vars: Vec<Var<'_, f64>> =
        names.iter().zip(inputs).map(|(name, value)| alone.input(name, value.shape())).collect();
    let ids: Vec<NodeId> = vars.iter().map(|var| var.id()).collect();
    let y = alone.record_real(node.op.clone(), &ids, node.shape);
    let feeds: Vec<(&str, Feed<'_, f64>)> =
        names.iter().zip(inputs).map(|(name, value)| (name.as_str(), Feed::from(value))).collect();

    let mut records = Vec::new();
    for (position, expected) in expected.iter().enumerate() {
        // Through both sweeps: the weights as the cotangent of ones, and as the tangent of ones where the
        // operation is pointwise, so that the two give the same numbers.
        let reverse = try_vjp(y, y.like(1.0), &[vars[position]]).ok().map(|found| found[0]);
        let pointwise = vars[position].shape() == node.shape && branching != Branching::Largest;
        let x = vars[position];
        let forward = pointwise.then(|| try_jvp(y, &[x], &[x.like(1.0)]).ok()).flatten();
        for got in [reverse, forward].into_iter().flatten() {
            let Ok(values) = interpret(&[got], &feeds, None) else { continue };
            for (flat, expected) in expected.iter().enumerate() {
                let Some(expected) = *expected else { continue };
                let place = Place::Entry {
                    argument: format!("{id} {}, input {position}", node.op.name()),
                    flat,
                    index: vec![flat],
                };
                records.push(Record::exact(
                    Test::KinkConvention,
                    place,
                    expected,
                    values[0].data()[flat],
                    0.0,
                ));
            }
        }
    }
    records
}

/// For each input and element the declared derivative, where the element sits at a kink.
fn conventions(
    branching: Branching,
    inputs: &[Tensor<f64>],
    shape: crate::shape::Shape,
) -> Vec<Vec<Option<f64>>> {
    let x = inputs[0].data();
    match branching {
        Branching::Unary(Unary::Relu | Unary::Abs) => {
            vec![x.iter().map(|x| (*x == 0.0).then_some(0.0)).collect()]
        }
        Branching::Tie(Binary::Max | Binary::Min) => {
            let tied = x.iter().zip(inputs[1].data()).map(|(a, b)| (a == b).then_some(0.5));
            vec![tied.collect(); 2]
        }
        Branching::Largest if inputs[0].shape().rank() == shape.rank() => {
            let Some(largest) = largest_along(&inputs[0], shape) else { return Vec::new() };
            let spread = stretch(&largest, inputs[0].shape());
            let equal: Vec<f64> = x.iter().zip(&spread).map(|(x, y)| f64::from(x == y)).collect();
            let counts =
                stretch(&sum_along(&Tensor::new(inputs[0].shape(), equal.clone()), shape), inputs[0].shape());
            let weight = |(equal, count): (&f64, &f64)| (*count > 1.0).then_some(equal / count);
            vec![equal.iter().zip(&counts).map(weight).collect()]
        }
        _ => Vec::new(),
    }
}

fn largest_along(x: &Tensor<f64>, shape: crate::shape::Shape) -> Option<Tensor<f64>> {
    fold_along(x, shape, f64::NEG_INFINITY, f64::max)
}

fn sum_along(x: &Tensor<f64>, shape: crate::shape::Shape) -> Tensor<f64> {
    fold_along(x, shape, 0.0, |a, b| a + b).unwrap_or_else(|| Tensor::zeros(shape))
}

/// A fold onto `shape`, along the axes where that has length one. `None` without elements.
fn fold_along(
    x: &Tensor<f64>,
    shape: crate::shape::Shape,
    start: f64,
    f: impl Fn(f64, f64) -> f64,
) -> Option<Tensor<f64>> {
    if x.data().is_empty() {
        return None;
    }
    let (from, to) = (x.shape().strides(), shape.strides());
    let mut result = Tensor::full(shape, start);
    for (flat, value) in x.data().iter().enumerate() {
        let target: usize = (0..shape.rank())
            .map(|axis| if shape[axis] == 1 { 0 } else { flat / from[axis] % x.shape()[axis] * to[axis] })
            .sum();
        let place = &mut result.data_mut()[target];
        *place = f(*place, *value);
    }
    Some(result)
}
