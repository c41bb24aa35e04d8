//! What was made for examples without labels, on those with one.

use super::{Kind, Recipe};
use regularize::semi_supervised::VirtualAdversarial;

/// Virtual adversarial training, which asks for no label and regularizes with all of them too.
pub static KINDS: &[Kind] = &[Kind {
    name: "virtual adv.",
    symbol: "ε",
    chosen: 1.0,
    candidates: &[0.25, 0.5, 1.0, 1.5, 2.0],
    description: "Adds the divergence between the predictions for an image and for the image moved by ε in the \
                  Euclidean norm, in the direction in which the prediction changes most.",
    recipe: |epsilon| {
        let smooth = VirtualAdversarial::new(epsilon)?;
        Ok(Recipe::minimising(move |batch| batch.cross_entropy() + smooth.on(batch, batch.inputs)))
    },
}];
