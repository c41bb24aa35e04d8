//! Techniques that are made for other activations than rectifiers, each group with a baseline of its own.

use super::network::perceptron_of;
use super::sparsity::penalising;
use super::{Kind, Recipe};
use nn::Activation;
use regularize::dropout::AlphaDropout;
use regularize::sparsity::TargetRate;

/// A perceptron of scaled exponential units.
pub static SELU: Kind = Kind {
    name: "plain SELU",
    symbol: "",
    chosen: 0.0,
    candidates: &[0.0],
    description: "The perceptron with scaled exponential units in the place of rectifiers.",
    recipe: |_| Ok(Recipe::of(|sizes| perceptron_of(Activation::Selu, sizes, |hidden| hidden))),
};

/// What is made for such units.
pub static OF_SELU: &[Kind] = &[Kind {
    name: "alpha dropout",
    symbol: "p",
    chosen: 0.7,
    candidates: &[0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.8],
    description: "In each step every hidden unit takes its lowest value with probability p, and all are moved so \
                  that mean and variance stay.",
    recipe: |p| {
        let dropout = AlphaDropout::new(p)?;
        Ok(Recipe::of(move |sizes| {
            perceptron_of(Activation::Selu, sizes, |hidden| {
                hidden.then_named("dropout", |name| dropout.named(name))
            })
        }))
    },
}];

/// A perceptron of sigmoids.
pub static SIGMOID: Kind = Kind {
    name: "plain sigmoid",
    symbol: "",
    chosen: 0.0,
    candidates: &[0.0],
    description: "The perceptron with sigmoids in the place of rectifiers: its units are active at a rate \
                  between 0 and 1.",
    recipe: |_| Ok(Recipe::of(|sizes| perceptron_of(Activation::Sigmoid, sizes, |hidden| hidden))),
};

/// What is made for such units.
pub static OF_SIGMOID: &[Kind] = &[Kind {
    name: "target rate",
    symbol: "α",
    chosen: 0.3,
    candidates: &[0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0],
    description: "Adds α times the divergence of every hidden unit's mean rate in a batch from a rate of 0.1.",
    recipe: |alpha| {
        let network = (SIGMOID.recipe)(0.0)?.network;
        Ok(Recipe { network, ..penalising(Activation::Sigmoid, TargetRate::new(alpha, 0.1)?) })
    },
}];
