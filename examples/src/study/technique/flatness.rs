//! Flat minima and averages of weights.

use super::recipe::Trained;
use super::{Kind, Recipe};
use autograd::Parameters;
use nn::optimise::Transform;
use nn::{Layer, ParameterSpec};
use regularize::{ExponentialAverage, RegularizeError, SharpnessAware, WeightAverage};

/// What the average is of: every so many steps, after so many.
const PERIOD: u64 = 20;

/// Sharpness-aware minimisation, and the two averages.
pub static KINDS: &[Kind] = &[
    Kind {
        name: "SAM",
        symbol: "ρ",
        chosen: 0.5,
        candidates: &[0.02, 0.05, 0.1, 0.2, 0.5],
        description: "Each step goes along the gradient at the worst neighbour of the weights at distance ρ.",
        recipe: |rho| {
            let mut recipe = Recipe::plain();
            recipe.optimiser = recipe.optimiser.with_gradients(SharpnessAware::new(rho)?);
            Ok(recipe)
        },
    },
    Kind {
        name: "ASAM",
        symbol: "ρ",
        chosen: 2.0,
        candidates: &[0.1, 0.2, 0.5, 1.0, 2.0],
        description: "The same with distances in units of each weight.",
        recipe: |rho| {
            let mut recipe = Recipe::plain();
            recipe.optimiser = recipe.optimiser.with_gradients(SharpnessAware::adaptive(rho, 0.01)?);
            Ok(recipe)
        },
    },
    Kind {
        name: "moving average",
        symbol: "b",
        chosen: 0.997,
        candidates: &[0.9, 0.97, 0.99, 0.997],
        description: "The weights are measured as a moving average, of which the share b stays at each step.",
        recipe: |decay| {
            let average = ExponentialAverage::new(decay)?;
            Ok(averaging(average, move |all, learned| average.averaged(all, learned)))
        },
    },
    Kind {
        name: "weight average",
        symbol: "from step",
        chosen: 100.0,
        candidates: &[100.0, 200.0, 400.0],
        description: "The weights are measured as the mean of every 20th set from a step on; as they are, if the \
                      training ends before.",
        recipe: |start| {
            let average = WeightAverage::new(start as u64, PERIOD)?;
            Ok(averaging(average, move |all, learned| average.averaged(all, learned)))
        },
    },
];

/// Plain training whose steps an average follows, and the network with what `averaged` takes out of what a training
/// leaves; with its last weights if there was no average yet.
fn averaging(
    average: impl Transform<f32> + 'static,
    averaged: impl Fn(&Parameters<f32>, &[ParameterSpec]) -> Result<Parameters<f32>, RegularizeError>
    + Send
    + Sync
    + 'static,
) -> Recipe {
    let recipe = Recipe::by(move |training, observer| {
        let last = training.fit(observer)?.parameters;
        Ok(Trained::from(averaged(&last, &training.network.parameters()).unwrap_or(last)))
    });
    let optimiser = recipe.optimiser.clone().then(average);
    Recipe { optimiser, ..recipe }
}
