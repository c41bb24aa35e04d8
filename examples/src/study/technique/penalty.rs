//! Norm penalties.

use super::{Kind, Recipe};
use nn::Selection;
use regularize::{L1, L2, Penalties, ProximalStep};

/// Norm penalties: sections 7.1 and 7.2 of the book.
pub static KINDS: &[Kind] = &[
    Kind {
        name: "L2",
        symbol: "α",
        chosen: 0.02,
        candidates: &[0.003, 0.01, 0.015, 0.02, 0.03, 0.05],
        description: "α/2 ‖W‖² is added to the loss, so that every step also shrinks each weight by a \
                          constant factor.",
        recipe: |alpha| {
            let penalties = Penalties::new().with(Selection::weights(), L2::new(alpha)?);
            Ok(Recipe::minimising(move |batch| penalties.added_to(batch.cross_entropy(), batch.parameters)))
        },
    },
    Kind {
        name: "L1",
        symbol: "α",
        chosen: 0.01,
        candidates: &[0.003, 0.005, 0.007, 0.01, 0.015, 0.02],
        description: "After each gradient step every weight moves by εα towards 0 and stops there: the \
                          proximal step of α ‖W‖₁.",
        recipe: |alpha| {
            let step = ProximalStep::new(Selection::weights(), L1::new(alpha)?);
            let plain = Recipe::plain();
            Ok(Recipe { optimiser: plain.optimiser.clone().then(step), ..plain })
        },
    },
];
