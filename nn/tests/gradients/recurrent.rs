//! Recurrent layers.

use crate::check::{check, values};
use autograd::check::Build;
use autograd::{Graph, Real, Tensor, Var};
use nn::Activation;
use nn::recurrent::{Bidirectional, Cell, Elman, Gru, Lstm, Recurrent, Unrolled};
use proptest::prelude::*;

#[derive(Clone, Copy, Debug)]
enum Kind {
    Elman,
    Rectified,
    Gru,
    Lstm,
}

/// One layer on `x [n, time, features]`, with everything it gives in one vector.
struct Case {
    kind: Kind,
    shape: [usize; 3],
    hidden: usize,
    both: bool,
    lengths: Option<Vec<u32>>,
}

impl Case {
    fn unroll<'g, T: Real, C: Cell<T>>(
        &self,
        x: Var<'g, T>,
        cell: impl Fn(&str, usize, usize) -> C,
    ) -> Unrolled<'g, T> {
        let index =
            |lengths: &Vec<u32>| x.graph().index_constant(Tensor::new([lengths.len()], lengths.clone()));
        let lengths = self.lengths.as_ref().map(index);
        let cell = |name| cell(name, self.shape[2], self.hidden);
        if self.both {
            Bidirectional::new(cell("a"), cell("b")).with_learned_start().unroll(x, lengths)
        } else {
            Recurrent::new(cell("a")).with_learned_start().unroll_from(x, &[], lengths)
        }
    }
}

impl Build for Case {
    fn build<'g, T: Real>(&self, graph: &'g Graph<T>) -> Var<'g, T> {
        let x = graph.parameter("x", self.shape);
        let unrolled = match self.kind {
            Kind::Elman => self.unroll(x, Elman::new),
            Kind::Rectified => self.unroll(x, |name, features, hidden| {
                Elman::new(name, features, hidden).with_activation(Activation::Relu)
            }),
            Kind::Gru => self.unroll(x, Gru::new),
            Kind::Lstm => self.unroll(x, Lstm::new),
        };
        let flat = |v: Var<'g, T>| v.reshape([v.shape().numel()]);
        let mut parts = vec![flat(unrolled.sequence)];
        parts.extend(unrolled.last.into_iter().map(flat));
        Var::concat(&parts, 0)
    }
}

proptest! {
    // A case costs some thousand evaluations of a graph of some hundred nodes.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(12) })]

    #[test]
    fn recurrent_layers(
        n in 1usize..3, time in 1usize..4, features in 1usize..3, hidden in 1usize..3, both: bool,
        masked: bool, values in values(),
    ) {
        for kind in [Kind::Elman, Kind::Rectified, Kind::Gru, Kind::Lstm] {
            let lengths = masked.then(|| (0..n).map(|i| ((i + 1) % (time + 1)) as u32).collect());
            check(&Case { kind, shape: [n, time, features], hidden, both, lengths }, &values);
        }
    }
}
