//! Noise on inputs, weights, gradients and targets.

use super::network::perceptron;
use super::{Kind, Recipe};
use nn::{Selection, Sequential};
use regularize::noise::{GradientNoise, WeightNoise};
use regularize::{ConfidencePenalty, GaussianNoise, LabelSmoothing, Langevin};

/// Robustness by noise: section 7.5 of the book.
pub static KINDS: &[Kind] = &[
    Kind {
        name: "input noise",
        symbol: "σ",
        chosen: 0.3,
        candidates: &[0.1, 0.2, 0.3, 0.5],
        description: "Normal noise of deviation σ is added to the pixels.",
        recipe: |deviation| {
            let noise = GaussianNoise::new(deviation)?;
            Ok(Recipe::of(move |sizes| {
                Sequential::new().then(noise.named("inputs")).then(perceptron(sizes, |hidden| hidden))
            }))
        },
    },
    Kind {
        name: "weight noise",
        symbol: "σ",
        chosen: 0.2,
        candidates: &[0.02, 0.05, 0.1, 0.2],
        description: "Normal noise of deviation σ is added to the weights.",
        recipe: |deviation| {
            // Refused here, and not when a network is made.
            WeightNoise::new((), Selection::weights(), deviation)?;
            Ok(Recipe::of(move |sizes| {
                let network = perceptron(sizes, |hidden| hidden);
                let noisy = WeightNoise::new(network, Selection::weights(), deviation);
                Sequential::new().then(noisy.expect("the deviation was checked"))
            }))
        },
    },
    Kind {
        name: "gradient noise",
        symbol: "η",
        chosen: 0.001,
        candidates: &[0.001, 0.01, 0.1],
        description: "Normal noise of variance η/(1+t)^0.55 is added to the gradient of step t.",
        recipe: |eta| {
            let plain = Recipe::plain();
            let optimiser = plain.optimiser.clone().first(GradientNoise::new(eta)?);
            Ok(Recipe { optimiser, ..plain })
        },
    },
    Kind {
        name: "Langevin",
        symbol: "τ",
        chosen: 0.000001,
        candidates: &[0.000001, 0.00001, 0.0001, 0.001],
        description: "Normal noise of variance 2ετ is added to every weight in each step: the weights are drawn, \
                      and not found.",
        recipe: |temperature| Recipe::stepping(Langevin::new(temperature)?),
    },
    Kind {
        name: "label smoothing",
        symbol: "ε",
        chosen: 0.2,
        candidates: &[0.02, 0.05, 0.1, 0.2],
        description: "The label is the target with probability 1-ε, the other classes share ε.",
        recipe: |epsilon| {
            let smoothing = LabelSmoothing::new(epsilon)?;
            Ok(Recipe::minimising(move |batch| smoothing.cross_entropy(batch.logits(), batch.labels).mean()))
        },
    },
    Kind {
        name: "confidence",
        symbol: "β",
        chosen: 0.5,
        candidates: &[0.05, 0.1, 0.2, 0.5],
        description: "β times the entropy of the output is subtracted from the loss.",
        recipe: |beta| {
            let penalty = ConfidencePenalty::new(beta)?;
            Ok(Recipe::minimising(move |batch| penalty.added_to(batch.cross_entropy(), batch.logits())))
        },
    },
];
