//! Robustness by noise: on inputs, hidden units, weights, gradients and targets (*Deep Learning*, section 7.5).
//!
//! | module | noise on | shape | to second order, what it penalises |
//! |---|---|---|---|
//! | [`gaussian`] | inputs and hidden units | activation transform | the output's slope in them: `σ² ‖∇ₓ y‖²` |
//! | [`weight`] | weights | a layer at other weights | the output's slope in them: `σ² ‖∇_W y‖²` |
//! | [`gradient`] | gradients, less with time | update transform | |
//! | [`langevin`] | updates, as much as the learning rate says | update transform | nothing: it samples the posterior |
//! | [`label_smoothing`] | targets | loss | certainty |
//! | [`confidence_penalty`] | | loss | certainty, by the entropy of the output |
//!
//! Every draw is a node of its own that `apply` takes: it can be frozen, fed and enumerated.

pub mod confidence_penalty;
pub mod gaussian;
pub mod gradient;
pub mod label_smoothing;
pub mod langevin;
pub mod weight;

pub use confidence_penalty::{ConfidencePenalty, entropy};
pub use gaussian::GaussianNoise;
pub use gradient::GradientNoise;
pub use label_smoothing::{LabelSmoothing, Wrong};
pub use langevin::Langevin;
pub use weight::WeightNoise;
