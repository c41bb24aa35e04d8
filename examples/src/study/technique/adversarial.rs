//! Training against an adversary.

use super::{Kind, Recipe};
use nn::Mode;
use regularize::adversarial::{InputBox, IntervalTraining, Pgd, Threat, Trades};
use regularize::{AdversarialTraining, FastGradient, RegularizeError};

/// Adversarial training: section 7.13 of the book.
pub static KINDS: &[Kind] = &[
    Kind {
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
    },
    Kind {
        name: "fast adv.",
        symbol: "ε",
        chosen: 0.2,
        candidates: &[0.05, 0.1, 0.15, 0.2, 0.25, 0.3],
        description: "All of the loss is that after one step of 1.25 ε from a random point of the ball.",
        recipe: |epsilon| {
            let training = AdversarialTraining::new(Pgd::fast(threat(epsilon)?)?, 0.0, Mode::Evaluate)?;
            Ok(Recipe::minimising(move |batch| training.objective(batch, |batch| batch.cross_entropy())))
        },
    },
    Kind {
        name: "PGD",
        symbol: "ε",
        chosen: 0.2,
        candidates: &[0.05, 0.1, 0.15, 0.2, 0.25],
        description: "All of the loss is that after five projected steps of ε/2 from a random point of the ball.",
        recipe: |epsilon| {
            let attack = Pgd::new(threat(epsilon)?, 5)?.from_random();
            let training = AdversarialTraining::new(attack, 0.0, Mode::Evaluate)?;
            Ok(Recipe::minimising(move |batch| training.objective(batch, |batch| batch.cross_entropy())))
        },
    },
    Kind {
        name: "TRADES",
        symbol: "ε",
        chosen: 0.15,
        candidates: &[0.05, 0.1, 0.15, 0.2, 0.25],
        description: "The loss and three times the divergence that five projected steps within ε find between the \
                      predictions for an image and for its neighbours.",
        recipe: |epsilon| {
            let trades = Trades::new(Pgd::new(threat(epsilon)?, 5)?, 3.0, Mode::Evaluate)?;
            Ok(Recipe::minimising(move |batch| trades.objective(batch)))
        },
    },
    Kind {
        name: "intervals",
        symbol: "ε",
        chosen: 0.05,
        candidates: &[0.005, 0.01, 0.02, 0.05],
        description: "Half of the loss is that of the worst logits that interval bounds allow within ε.",
        recipe: |epsilon| {
            let worst = IntervalTraining::new(InputBox::new(epsilon)?.within(0.0, 1.0)?, 0.5)?;
            Ok(Recipe::minimising(move |batch| worst.objective(batch)))
        },
    },
];

fn threat(epsilon: f64) -> Result<Threat, RegularizeError> {
    Threat::infinity(epsilon)?.within(0.0, 1.0)
}
