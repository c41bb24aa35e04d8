//! The cotangents that a reverse sweep has sent so far, and how those of one node are added up.
//!
//! What several consumers send to one node is added in the order in which it comes. The cotangents of
//! slices are an exception: each is the slice's own, with zeros all around, and a node that is read slice by
//! slice (the steps of a sequence, the gates of a cell) would be sent as many full-size values as it has
//! slices, nearly all of it zeros. They are kept apart until their node is reached and then laid side by
//! side by one [concat](Var::concat): the adjoint of a split.

use crate::graph::Var;
use crate::ops::{Call, Op};
use crate::real::Real;
use crate::shape::Shape;

/// What was sent to one node.
#[derive(Clone)]
pub(super) struct Cotangent<'g, T: Real> {
    /// The sum of what is of the node's shape.
    sum: Option<Var<'g, T>>,
    /// What belongs to a range of one axis.
    pieces: Vec<Piece<'g, T>>,
}

/// The cotangent of a slice of a range along one axis.
#[derive(Clone, Copy)]
struct Piece<'g, T: Real> {
    axis: usize,
    start: usize,
    value: Var<'g, T>,
}

impl<'g, T: Real> Piece<'g, T> {
    fn end(&self) -> usize {
        self.start + self.value.shape()[self.axis]
    }

    /// The piece that `cotangent` is to the input of `call`, if that is a slice of a range along one axis.
    fn of(call: &Call<'g, T>, cotangent: Var<'g, T>) -> Option<Piece<'g, T>> {
        let Op::Slice(strided) = &call.op else { return None };
        let (from, to) = (call.input_shape(0), cotangent.shape());
        let mut shorter = (0..from.rank()).filter(|&axis| from[axis] != to[axis]);
        let axis = shorter.next()?;
        let whole = shorter.next().is_none() && strided.step[axis] == 1;
        whole.then_some(Piece { axis, start: strided.start[axis], value: cotangent })
    }
}

impl<'g, T: Real> Cotangent<'g, T> {
    /// Nothing was sent: a structural zero.
    pub fn none() -> Self {
        Cotangent { sum: None, pieces: Vec::new() }
    }

    /// Exactly this.
    pub fn of(value: Var<'g, T>) -> Self {
        Cotangent { sum: Some(value), pieces: Vec::new() }
    }

    /// Takes what `call` sends to an input, given its own cotangent: by `rule`, unless it is a piece.
    pub fn receive(
        &mut self,
        call: &Call<'g, T>,
        cotangent: Var<'g, T>,
        rule: impl FnOnce() -> Option<Var<'g, T>>,
    ) {
        match Piece::of(call, cotangent) {
            Some(piece) => self.pieces.push(piece),
            None => self.add(rule()),
        }
    }

    fn add(&mut self, sent: Option<Var<'g, T>>) {
        self.sum = match (self.sum, sent) {
            (Some(sum), Some(sent)) => Some(sum + sent),
            (sum, sent) => sum.or(sent),
        };
    }

    /// Everything that was sent to a node of the given shape, added up.
    pub fn total(&mut self, shape: Shape) -> Option<Var<'g, T>> {
        let mut pieces = std::mem::take(&mut self.pieces);
        // A stable sort: pieces that begin alike stay in the order in which they came.
        pieces.sort_by_key(|piece| (piece.axis, piece.start));
        // Pieces that overlap go to different rows; each takes the first row that it fits behind.
        let mut rows: Vec<Vec<Piece<'g, T>>> = Vec::new();
        for piece in pieces {
            let fits = |row: &&mut Vec<Piece<'g, T>>| {
                row.last().is_some_and(|last| last.axis == piece.axis && last.end() <= piece.start)
            };
            match rows.iter_mut().find(fits) {
                Some(row) => row.push(piece),
                None => rows.push(vec![piece]),
            }
        }
        for row in rows {
            self.add(Some(side_by_side(&row, shape)));
        }
        self.sum
    }
}

/// Pieces along one axis in their places, zeros between them.
fn side_by_side<'g, T: Real>(row: &[Piece<'g, T>], shape: Shape) -> Var<'g, T> {
    let axis = row[0].axis;
    if let [Piece { start, value, .. }] = *row {
        return value.pad(axis as isize, start, shape[axis] - row[0].end());
    }
    let mut parts = Vec::new();
    let mut end = 0;
    let gap = |parts: &mut Vec<_>, from: usize, to: usize| {
        if from < to {
            parts.push(row[0].value.graph().fill(shape.with_axis(axis, to - from), 0.0));
        }
    };
    for piece in row {
        gap(&mut parts, end, piece.start);
        parts.push(piece.value);
        end = piece.end();
    }
    gap(&mut parts, end, shape[axis]);
    Var::concat(&parts, axis as isize)
}

#[cfg(test)]
mod tests {
    use crate::{Feed, Graph, Op, Plan, Tensor, Var, grad, interpret};

    /// The number of nodes of an operation that a gradient needs.
    fn count(graph: &Graph<f64>, chosen: impl Fn(&Op<f64>) -> bool) -> usize {
        graph.nodes().iter().filter(|node| node.derived && chosen(&node.op)).count()
    }

    /// `Σ cᵢ (slice i)²` by ranges, and its gradient `2 Σ cᵢ x` on each range.
    fn check(ranges: &[(usize, usize)], concats: usize, pads: usize) {
        let graph = Graph::<f64>::new();
        let x = graph.input("x", [2, 9, 3]);
        let weight = |i: usize| (i + 1) as f64;
        let terms = ranges.iter().enumerate();
        let loss = terms.map(|(i, &(a, b))| x.slice(1, a, b).powi(2).sum() * weight(i)).reduce(|a, b| a + b);
        let slope = grad(loss.unwrap(), &[x])[0];
        let fed = Tensor::from_fn([2, 9, 3], |i| i as f64 - 20.0);
        let expected = Tensor::from_fn([2, 9, 3], |i| {
            let inside = |&(_, &(a, b)): &(usize, &(usize, usize))| (a..b).contains(&(i / 3 % 9));
            ranges.iter().enumerate().filter(inside).map(|(k, _)| 2.0 * weight(k) * fed.data()[i]).sum()
        });
        assert_eq!(interpret(&[slope], &[("x", Feed::from(&fed))], None).unwrap()[0], expected);
        let mut plan = Plan::builder(&graph).output("slope", slope).compile();
        let planned = plan.run(&mut Default::default(), &[("x", Feed::from(&fed))]).unwrap().tensor("slope");
        assert_eq!(planned, expected);
        assert_eq!(count(&graph, |op| matches!(op, Op::Concat(_))), concats, "concats for {ranges:?}");
        assert_eq!(count(&graph, |op| matches!(op, Op::Pad(_))), pads, "pads for {ranges:?}");
    }

    #[test]
    fn a_split_is_put_together_again() {
        check(&[(0, 3), (3, 4), (4, 9)], 1, 0);
        check(&[(4, 9), (0, 3), (3, 4)], 1, 0);
        check(&[(1, 3), (5, 8)], 1, 0);
        check(&[(2, 3)], 0, 1);
        // Two that overlap cannot lie in one row.
        check(&[(0, 5), (4, 9)], 0, 2);
        check(&[(0, 5), (5, 9), (0, 5), (5, 9)], 2, 0);
        check(&[(0, 5), (3, 3), (5, 9)], 1, 1);
    }

    #[test]
    fn slices_and_other_uses_are_added() {
        let graph = Graph::<f64>::new();
        let x = graph.input("x", [4]);
        let (a, b) = (x.slice(0, 0, 2), x.slice(0, 2, 4));
        // x² + xᵢ xᵢ₊₂, and every second element by a slice with a step, which is no piece.
        let loss = x.powi(2).sum() + a.dot(b) + x.slice_step(0, 0, 4, 2).sum();
        let slope = grad(loss, &[x])[0];
        let curvature = grad((slope * slope).sum(), &[x])[0];
        let fed = Tensor::new([4], vec![1.0, 2.0, 3.0, 5.0]);
        let found = interpret(&[slope, curvature], &[("x", Feed::from(&fed))], None).unwrap();
        let g = [2.0 + 3.0 + 1.0, 4.0 + 5.0, 6.0 + 1.0 + 1.0, 10.0 + 2.0];
        assert_eq!(found[0].data(), g);
        let hessian_times = |i: usize| 2.0 * (2.0 * g[i] + g[(i + 2) % 4]);
        assert_eq!(found[1].data(), [0, 1, 2, 3].map(hessian_times));
    }

    #[test]
    fn slices_along_two_axes_are_added() {
        let graph = Graph::<f64>::new();
        let x = graph.input("x", [2, 2]);
        let parts = [x.slice(0, 0, 1), x.slice(0, 1, 2) * 2.0].map(Var::sum);
        let columns = [x.slice(1, 0, 1) * 10.0, x.slice(1, 1, 2) * 20.0].map(Var::sum);
        let loss = parts[0] + parts[1] + columns[0] + columns[1];
        let slope = grad(loss, &[x])[0];
        assert_eq!(interpret(&[slope], &[], None).unwrap()[0].data(), [11.0, 21.0, 12.0, 22.0]);
        assert_eq!(count(&graph, |op| matches!(op, Op::Concat(_))), 2);
    }
}
