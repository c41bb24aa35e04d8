//! Sparse activations.

use super::network::{activations, perceptron};
use super::{Kind, Recipe};
use nn::Activation;
use nn::loss::{Reduction, cross_entropy};
use regularize::sparsity::{ActivationL1, ActivationPenalty, KWinners, StudentT};

/// Sparse representations: section 7.10 of the book.
pub static KINDS: &[Kind] = &[
    Kind {
        name: "activation L1",
        symbol: "α",
        chosen: 0.01,
        candidates: &[0.0003, 0.001, 0.003, 0.01, 0.03],
        description: "Adds α times the sum of what the hidden units say, averaged over the examples.",
        recipe: |alpha| Ok(penalising(Activation::Relu, ActivationL1::new(alpha)?)),
    },
    Kind {
        name: "Student-t",
        symbol: "α",
        chosen: 0.01,
        candidates: &[0.0003, 0.001, 0.003, 0.01, 0.03],
        description: "Adds α Σ ln(1 + h²) of the hidden units, averaged over the examples: weak activations \
                      shrink, strong ones are let be.",
        recipe: |alpha| Ok(penalising(Activation::Relu, StudentT::new(alpha, 1.0)?)),
    },
    Kind {
        name: "k winners",
        symbol: "k",
        chosen: 48.0,
        candidates: &[4.0, 8.0, 16.0, 32.0, 48.0],
        description: "Of every hidden layer the k most active units stay, the others are 0.",
        recipe: |k| {
            let winners = KWinners::new(k as usize)?;
            Ok(Recipe::of(move |sizes| perceptron(sizes, |hidden| hidden.then(winners))))
        },
    },
];

/// Plain training with a penalty on the hidden layers of a perceptron of this activation.
pub fn penalising(activation: Activation, penalty: impl ActivationPenalty<f32> + 'static) -> Recipe {
    Recipe::minimising(move |batch| {
        let (hidden, logits) = activations(activation, batch);
        penalty.added_to(cross_entropy(logits, batch.labels, Reduction::Mean), &hidden)
    })
}
