//! Normalisation layers.

use crate::check::{check, values};
use autograd::check::Build;
use autograd::{Graph, Real, Shape, Var};
use nn::{BatchNorm, Layer, Mode};
use proptest::prelude::*;

/// A normalisation of an input `x`.
enum Norm {
    Batch(BatchNorm, Mode),
}

struct NormCase {
    norm: Norm,
    input: Shape,
}

impl Build for NormCase {
    fn build<'g, T: Real>(&self, graph: &'g Graph<T>) -> Var<'g, T> {
        let x = graph.parameter("x", self.input);
        match &self.norm {
            Norm::Batch(layer, mode) => layer.forward(x, *mode),
        }
    }
}

proptest! {
    // A case costs some thousand evaluations.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(12) })]

    #[test]
    fn batch(n in 1usize..4, channels in 1usize..3, field in prop::collection::vec(1usize..3, 0..3), train: bool,
            values in values()) {
        let mode = if train { Mode::Train } else { Mode::Evaluate };
        // Running variances are among the values, and positive.
        let values: Vec<f64> = if train { values } else { values.iter().map(|v| v.abs() + 0.1).collect() };
        let input = Shape::new(&[&[n, channels], &field[..]].concat());
        let layer = BatchNorm::new("b", channels).with_epsilon(0.1);
        check(&NormCase { norm: Norm::Batch(layer, mode), input }, &values);
    }
}
