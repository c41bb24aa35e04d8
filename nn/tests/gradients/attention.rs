//! Attention and transformer blocks.

use crate::check::{check, values};
use autograd::check::Build;
use autograd::{Graph, Real, Tensor, Var};
use nn::attention::{
    LearnedPositions, MultiHeadAttention, NormPlace, SinusoidalPositions, TransformerBlock, causal_mask,
    scaled_dot_product,
};
use nn::{Activation, Layer, Linear, Mode};
use proptest::prelude::*;

enum Case {
    /// Queries, keys and values of `[time, width]`.
    DotProduct([usize; 2], bool),
    /// Heads over `[n, time, width]` with lengths.
    Heads([usize; 3], bool, Option<Vec<u32>>),
    /// A block with positions; a linear layer stands for a normalisation.
    Block([usize; 3], Option<NormPlace>),
}

impl Build for Case {
    fn build<'g, T: Real>(&self, graph: &'g Graph<T>) -> Var<'g, T> {
        match self {
            Case::DotProduct([time, width], causal) => {
                let [q, k, v] = ["q", "k", "v"].map(|name| graph.parameter(name, [*time, *width]));
                let mask = causal.then(|| causal_mask(graph, *time));
                scaled_dot_product(q, k, v, mask).output
            }
            Case::Heads(shape, causal, lengths) => {
                let layer = MultiHeadAttention::new("a", shape[2], 2);
                let layer = if *causal { layer.causal() } else { layer };
                let index =
                    |lengths: &Vec<u32>| graph.index_constant(Tensor::new([shape[0]], lengths.clone()));
                layer.attend(graph.parameter("x", *shape), lengths.as_ref().map(index)).output
            }
            Case::Block(shape, place) => {
                let block = TransformerBlock::new(
                    MultiHeadAttention::new("a", shape[2], 2),
                    Linear::new("network", shape[2], shape[2]),
                );
                let norm = Linear::new("norm", shape[2], shape[2]);
                let block = match place {
                    Some(place) => block.normalised(*place, norm, Activation::Tanh),
                    None => block,
                };
                let x = graph.parameter("x", *shape);
                let x = LearnedPositions::new("p", shape[1] + 1, shape[2]).forward(x, Mode::Train);
                block.forward(SinusoidalPositions.forward(x, Mode::Train), Mode::Train)
            }
        }
    }
}

proptest! {
    // A case costs some thousand evaluations.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(12) })]

    #[test]
    fn dot_products(time in 1usize..4, width in 1usize..4, causal: bool, values in values()) {
        check(&Case::DotProduct([time, width], causal), &values);
    }

    #[test]
    fn heads(n in 1usize..3, time in 1usize..4, causal: bool, masked: bool, values in values()) {
        let lengths = masked.then(|| (0..n).map(|i| ((i + 1) % (time + 1)) as u32).collect());
        check(&Case::Heads([n, time, 2], causal, lengths), &values);
    }

    #[test]
    fn blocks(n in 1usize..3, time in 1usize..3, values in values()) {
        // Five products deep: weights of size 1.5 would make numbers inside that are much larger than the
        // result, and the comparison of the precisions is relative to the result.
        let values: Vec<f64> = values.iter().map(|value| 0.4 * value).collect();
        for place in [None, Some(NormPlace::Pre), Some(NormPlace::Post)] {
            check(&Case::Block([n, time, 2], place), &values);
        }
    }
}
