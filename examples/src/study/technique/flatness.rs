//! Flat minima and averages of weights.

use super::{Kind, Recipe};
use autograd::Parameters;
use nn::{Initialiser, ParameterSpec, Role};
use regularize::{ExponentialAverage, SharpnessAware, WeightAverage};

/// The network's parameters among all that a training leaves: an optimiser's memory has a slash in its names. A
/// perceptron has no running statistics, so that all are learned.
fn learned(all: &Parameters<f32>) -> Vec<ParameterSpec> {
    let own = all.iter().filter(|(name, _)| !name.contains('/'));
    own.map(|(name, value)| ParameterSpec {
        name: name.into(),
        shape: value.shape(),
        role: Role::Weight,
        initialiser: Initialiser::Zeros,
    })
    .collect()
}

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
            let mut recipe = Recipe::plain();
            recipe.optimiser = recipe.optimiser.then(average);
            recipe.kept = Some(Box::new(move |all| {
                average.averaged(all, &learned(all)).unwrap_or_else(|_| all.clone())
            }));
            Ok(recipe)
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
            let mut recipe = Recipe::plain();
            recipe.optimiser = recipe.optimiser.then(average);
            recipe.kept = Some(Box::new(move |all| {
                average.averaged(all, &learned(all)).unwrap_or_else(|_| all.clone())
            }));
            Ok(recipe)
        },
    },
];
