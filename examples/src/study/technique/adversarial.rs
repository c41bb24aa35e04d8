//! Training against an adversary.

use super::{Kind, Recipe};
use nn::Mode;
use regularize::{AdversarialTraining, FastGradient};

/// Adversarial training: section 7.13 of the book.
pub static KINDS: &[Kind] = &[Kind {
    name: "adversarial",
    symbol: "ε",
    chosen: 0.2,
    candidates: &[0.05, 0.1, 0.15, 0.2, 0.25, 0.3],
    description: "Half of the loss is that on the batch moved by ε against the network, pixel by pixel: \
                      x + ε sign(∂J/∂x).",
    recipe: |epsilon| {
        let attack = FastGradient::new(epsilon)?.within(0.0, 1.0)?;
        let training = AdversarialTraining::new(attack, 0.5, Mode::Evaluate)?;
        Ok(Recipe::minimising(move |batch| training.objective(batch, |batch| batch.cross_entropy())))
    },
}];
