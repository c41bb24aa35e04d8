//! Norm penalties, and weights written in another way.

use super::network::perceptron;
use super::{Kind, Recipe};
use nn::{Flatten, Selection, Sequential};
use regularize::{
    DecoupledDecay, ElasticNet, GroupLasso, L1, L2, Orthogonality, Penalties, ProximalStep, SpectralNorm,
    WeightNorm, smooth_l1_penalty,
};

/// Norm penalties: section 7.1 of the book.
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
        name: "decoupled decay",
        symbol: "α",
        chosen: 0.2,
        candidates: &[0.03, 0.1, 0.15, 0.2, 0.3, 0.5],
        description: "Every step also shrinks each weight by the factor 1 - εα, past the momentum, which adds up \
                      the gradient of an L2 penalty.",
        recipe: |alpha| Recipe::stepping(DecoupledDecay::new(alpha, Selection::weights())?),
    },
    Kind {
        name: "L1",
        symbol: "α",
        chosen: 0.01,
        candidates: &[0.003, 0.005, 0.007, 0.01, 0.015, 0.02],
        description: "After each gradient step every weight moves by εα towards 0 and stops there: the \
                          proximal step of α ‖W‖₁.",
        recipe: |alpha| Recipe::stepping(ProximalStep::new(Selection::weights(), L1::new(alpha)?)),
    },
    Kind {
        name: "smooth L1",
        symbol: "α",
        chosen: 0.001,
        candidates: &[0.0001, 0.0003, 0.001, 0.002, 0.005],
        description: "α Σ (√(w² + s²) - s) is added to the loss: an L1 penalty that is smooth within s = 0.01 \
                      of 0, so that no weight becomes exactly 0.",
        recipe: |alpha| {
            L1::new(alpha)?;
            Ok(Recipe::minimising(move |batch| {
                let coefficient = batch.graph.fill([], alpha);
                let weights = batch.variables(&Selection::weights());
                weights.iter().fold(batch.cross_entropy(), |sum, &w| {
                    sum + smooth_l1_penalty(w, coefficient, SMOOTH_WITHIN)
                })
            }))
        },
    },
    Kind {
        name: "elastic net",
        symbol: "α",
        chosen: 0.02,
        candidates: &[0.003, 0.005, 0.01, 0.015, 0.02],
        description: "The proximal step of α ‖W‖₁ + α/2 ‖W‖²: towards 0, stopping there, and by a constant \
                      factor.",
        recipe: |alpha| {
            Recipe::stepping(ProximalStep::new(Selection::weights(), ElasticNet::new(alpha, alpha)?))
        },
    },
    Kind {
        name: "group lasso",
        symbol: "α",
        chosen: 0.2,
        candidates: &[0.01, 0.02, 0.05, 0.1, 0.2],
        description: "The proximal step of α Σ ‖w_u‖ over units: the weights of a unit shrink together, and \
                      become 0 together.",
        recipe: |alpha| {
            Recipe::stepping(ProximalStep::new(Selection::weights(), GroupLasso::outputs(alpha)?))
        },
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
        name: "weight norm",
        symbol: "",
        chosen: 0.0,
        candidates: &[0.0],
        description: "The weights of a unit are g v/‖v‖: its length and its direction are learned apart.",
        recipe: |_| {
            let wrap = |network| Sequential::new().then(WeightNorm::new(network));
            Ok(Recipe::of(move |sizes| wrap(perceptron(sizes, |hidden| hidden))))
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
            Ok(Recipe::of(move |sizes| {
                let network = SpectralNorm::new(perceptron(sizes, |hidden| hidden));
                Sequential::new().then(network.bound(bound).expect("a bound that was tried above"))
            }))
        },
    },
];

/// Far below the deviation that weights begin with, 0.06 and more.
const SMOOTH_WITHIN: f64 = 0.01;
