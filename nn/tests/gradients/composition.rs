//! Layers of several inputs, tables, and layers made of layers.

use crate::check::{check, shapes, values};
use autograd::check::Build;
use autograd::{Graph, Real, Shape, Tensor, Var};
use nn::{
    Activation, Bilinear, Embedding, Heads, Layer, Linear, Maxout, Mode, Parallel, Residual, Sequential,
};
use proptest::prelude::*;

/// What is recorded, and on what.
enum Case {
    /// `[n, 2]` and `[n, 3]`.
    Bilinear { n: usize, bias: bool },
    /// `[.., 3]`.
    Maxout(Shape),
    /// Five rows of three, a row more than once, one that pads.
    Embedding(Vec<u32>),
    /// `x + f(x)` for `f` of two layers, and with a projection.
    Residual { projected: bool },
    /// Two branches and one that shares the first's parameters.
    Parallel { summed: bool },
    /// The sum of the results of two heads.
    Heads,
    /// An autoencoder with one weight.
    TiedDecoder,
}

fn body<T: Real>(outputs: usize) -> Sequential<T> {
    Sequential::with_prefix("body").linear(3, 2).then(Activation::Tanh).linear(2, outputs)
}

impl Build for Case {
    fn build<'g, T: Real>(&self, graph: &'g Graph<T>) -> Var<'g, T> {
        let x = |shape: &[usize]| graph.parameter("x", Shape::new(shape));
        match self {
            Case::Bilinear { n, bias } => {
                let layer = Bilinear::new("b", 2, 3, 2);
                let layer = if *bias { layer } else { layer.without_bias() };
                layer.forward(x(&[*n, 2]), graph.parameter("z", [*n, 3]))
            }
            Case::Maxout(shape) => Maxout::new("m", 3, 2, 2).forward(x(shape.lengths()), Mode::Train),
            Case::Embedding(index) => {
                let index = graph.index_constant(Tensor::new([index.len()], index.clone()));
                Embedding::new("e", 5, 3).with_padding(1).forward(index)
            }
            Case::Residual { projected: false } => Residual::new(body(3)).forward(x(&[2, 3]), Mode::Train),
            Case::Residual { projected: true } => {
                let block = Residual::new(body(2)).with_projection(Linear::new("projection", 3, 2));
                block.forward(x(&[2, 3]), Mode::Train)
            }
            Case::Parallel { summed } => {
                let join = if *summed { Parallel::summed() } else { Parallel::concatenated(1) };
                let again = Sequential::new().then(Activation::Tanh).then(body(3));
                join.branch(body(3))
                    .branch(Activation::Sigmoid)
                    .branch(again)
                    .forward(x(&[2, 3]), Mode::Train)
            }
            Case::Heads => {
                let heads =
                    Heads::new(body(2)).head("a", Linear::new("a", 2, 1)).head("b", Linear::new("b", 2, 3));
                let results = heads.forward(x(&[2, 3]), Mode::Train);
                results.iter().map(|(_, y)| y.tanh().sum()).reduce(|a, b| a + b).expect("there are two")
            }
            Case::TiedDecoder => {
                let encoder = Linear::new("encoder", 3, 2);
                let decoder = encoder.transposed("decoder");
                let model = Sequential::new().then(encoder).then(Activation::Tanh).then(decoder);
                model.forward(x(&[2, 3]), Mode::Train)
            }
        }
    }
}

proptest! {
    // A case costs some thousand evaluations.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(12) })]

    #[test]
    fn bilinear(n in 0usize..4, bias: bool, values in values()) {
        check(&Case::Bilinear { n, bias }, &values);
    }

    #[test]
    fn maxout(lead in shapes(), values in values()) {
        check(&Case::Maxout(Shape::new(&[&lead[..lead.len().min(2)], &[3]].concat())), &values);
    }

    #[test]
    fn embedding(index in prop::collection::vec(0u32..5, 0..6), values in values()) {
        check(&Case::Embedding(index), &values);
    }

    #[test]
    fn residual_and_parallel(other: bool, values in values()) {
        check(&Case::Residual { projected: other }, &values);
        check(&Case::Parallel { summed: other }, &values);
    }

    #[test]
    fn heads_and_tied_weights(values in values()) {
        check(&Case::Heads, &values);
        check(&Case::TiedDecoder, &values);
    }
}
