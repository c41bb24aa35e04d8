//! Normalisation layers.

use crate::check::{check, values};
use autograd::check::Build;
use autograd::{Graph, Real, Shape, Var};
use nn::{BatchNorm, GroupNorm, Layer, LayerNorm, Mode, RmsNorm};
use proptest::prelude::*;

/// With the usual 1e-5, two values that nearly agree change their normalised ones within a few thousandths:
/// single precision then differs by its rounding times some hundred, which says nothing of a layer.
const EPSILON: f64 = 0.1;

/// A normalisation of an input `x`.
enum Norm {
    Batch(BatchNorm, Mode),
    Group(GroupNorm),
    Layer(LayerNorm),
    Rms(RmsNorm),
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
            Norm::Group(layer) => layer.forward(x, Mode::Train),
            Norm::Layer(layer) => layer.forward(x, Mode::Train),
            Norm::Rms(layer) => layer.forward(x, Mode::Train),
        }
    }
}

proptest! {
    // A case costs some thousand evaluations.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(32) })]

    #[test]
    fn batch(n in 1usize..4, channels in 1usize..3, field in prop::collection::vec(1usize..3, 0..3), train: bool,
            values in values()) {
        let mode = if train { Mode::Train } else { Mode::Evaluate };
        // Running variances are among the values, and positive.
        let values: Vec<f64> = if train { values } else { values.iter().map(|v| v.abs() + 0.1).collect() };
        let input = Shape::new(&[&[n, channels], &field[..]].concat());
        let layer = BatchNorm::new("b", channels).with_epsilon(EPSILON);
        check(&NormCase { norm: Norm::Batch(layer, mode), input }, &values);
    }

    #[test]
    fn group(n in 0usize..3, groups in 1usize..3, width in 1usize..3, field in prop::collection::vec(1usize..3, 0..3),
            values in values()) {
        let channels = groups * width;
        let input = Shape::new(&[&[n, channels], &field[..]].concat());
        let layer = GroupNorm::new("g", groups, channels).with_epsilon(EPSILON);
        check(&NormCase { norm: Norm::Group(layer), input }, &values);
    }

    #[test]
    fn layer_and_rms(lead in prop::collection::vec(0usize..4, 0..3), features in 1usize..5, values in values()) {
        let input = Shape::new(&[&lead[..], &[features]].concat());
        let layer = LayerNorm::new("l", features).with_epsilon(EPSILON);
        check(&NormCase { norm: Norm::Layer(layer), input }, &values);
        let layer = RmsNorm::new("r", features).with_epsilon(EPSILON);
        check(&NormCase { norm: Norm::Rms(layer), input }, &values);
    }
}
