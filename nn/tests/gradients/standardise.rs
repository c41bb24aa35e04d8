//! Standardisation as a layer, and its inverse.

use crate::check::{check, shapes, values};
use autograd::check::Build;
use autograd::{Graph, Real, Shape, Tensor, Var};
use nn::data::{Dataset, Standardise, StandardiseLayer};
use nn::{Layer, Mode};
use proptest::prelude::*;

struct Case {
    layer: StandardiseLayer,
    shape: Shape,
}

impl Build for Case {
    fn build<'g, T: Real>(&self, graph: &'g Graph<T>) -> Var<'g, T> {
        self.layer.forward(graph.parameter("x", self.shape), Mode::Train)
    }
}

proptest! {
    // A case costs some thousand evaluations.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(12) })]

    #[test]
    fn standardise(shape in shapes(), low in -1.0..0.0f64, spread in 0.5..2.0f64, values in values()) {
        // Two values: the mean lies between them, the deviation is half of what is between.
        let examples = Tensor::new([2, 1], vec![low, low + spread]);
        let data = Dataset::new(examples, Tensor::new([2], vec![0, 1]), 2).unwrap();
        let layer = Standardise::fit(&data).unwrap().layer();
        for layer in [layer, layer.inverse()] {
            check(&Case { layer, shape: Shape::new(&shape) }, &values);
        }
    }
}
