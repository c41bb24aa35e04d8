//! Norm penalties.

use super::{Kind, Recipe, perceptron};
use nn::optimise::Transform;
use nn::{Flatten, Selection, Sequential};
use regularize::{
    ElasticNet, GroupLasso, L1, L2, MaxNorm, Orthogonality, Penalties, Projected, ProximalStep,
    RegularizeError, SpectralNorm, WeightNorm,
};

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
        recipe: |alpha| stepping(ProximalStep::new(Selection::weights(), L1::new(alpha)?)),
    },
    Kind {
        name: "elastic net",
        symbol: "α",
        chosen: 0.02,
        candidates: &[0.003, 0.005, 0.01, 0.015, 0.02],
        description: "The proximal step of α ‖W‖₁ + α/2 ‖W‖²: towards 0, stopping there, and by a constant \
                      factor.",
        recipe: |alpha| stepping(ProximalStep::new(Selection::weights(), ElasticNet::new(alpha, alpha)?)),
    },
    Kind {
        name: "group lasso",
        symbol: "α",
        chosen: 0.2,
        candidates: &[0.01, 0.02, 0.05, 0.1, 0.2],
        description: "The proximal step of α Σ ‖w_u‖ over units: the weights of a unit shrink together, and \
                      become 0 together.",
        recipe: |alpha| stepping(ProximalStep::new(Selection::weights(), GroupLasso::outputs(alpha)?)),
    },
    Kind {
        name: "orthogonal",
        symbol: "α",
        chosen: 0.003,
        candidates: &[0.001, 0.003, 0.01, 0.03, 0.1],
        description: "α ‖WᵀW - I‖² is added to the loss: units are drawn to weights that are orthonormal.",
        recipe: |alpha| {
            let penalties = Penalties::new().with(Selection::weights(), Orthogonality::new(alpha)?);
            Ok(Recipe::minimising(move |batch| penalties.added_to(batch.cross_entropy(), batch.parameters)))
        },
    },
    Kind {
        name: "max norm",
        symbol: "c",
        chosen: 0.7,
        candidates: &[0.3, 0.5, 0.7, 1.0, 1.5, 2.0],
        description: "After each step the weights of every unit that are longer than c are cut to c.",
        recipe: |bound| stepping(Projected::new(Selection::weights(), MaxNorm::new(bound)?)),
    },
    Kind {
        name: "weight norm",
        symbol: "",
        chosen: 0.0,
        candidates: &[0.0],
        description: "The weights of a unit are g v/‖v‖: its length and its direction are learned apart.",
        recipe: |_| {
            let wrap = |network| Sequential::new().then(WeightNorm::new(network));
            Ok(Recipe::of(move |widths| wrap(perceptron(widths, |hidden| hidden))))
        },
    },
    Kind {
        name: "spectral norm",
        symbol: "c",
        chosen: 2.0,
        candidates: &[1.0, 1.5, 2.0, 3.0, 5.0],
        description: "Every weight matrix is divided by its largest singular value and multiplied by c.",
        recipe: |bound| {
            // Refused here rather than where the network is made.
            SpectralNorm::new(Flatten).bound(bound)?;
            Ok(Recipe::of(move |widths| {
                let network = SpectralNorm::new(perceptron(widths, |hidden| hidden));
                Sequential::new().then(network.bound(bound).expect("a bound that was tried above"))
            }))
        },
    },
];

/// Plain training with one more link at the end of the optimiser's chain.
fn stepping(last: impl Transform<f32> + 'static) -> Result<Recipe, RegularizeError> {
    let plain = Recipe::plain();
    Ok(Recipe { optimiser: plain.optimiser.clone().then(last), ..plain })
}
