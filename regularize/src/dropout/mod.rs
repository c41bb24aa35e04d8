//! The dropout family: parts of a network are left out at random, so that one network trains exponentially
//! many subnetworks that share their weights (*Deep Learning*, section 7.12).
//!
//! | module | what is left out | while training | in prediction |
//! |---|---|---|---|
//! | [`bernoulli`] | units | `x μ`, or inverted `x μ / (1 - p)` | `(1 - p) x`, or `x` |
//! | [`gaussian`] | nothing: units are scaled by noise | `x (1 + √(p/(1-p)) ν)` | `x` |
//! | [`alpha`] | units, for [`Selu`](nn::Activation::Selu) | `a (x μ + α' (1 - μ)) + b` | `x` |
//! | [`spatial`] | whole channels | as [`bernoulli`], one draw for each channel | the same |
//! | [`drop_block`] | squares of each channel | `x m · numel m / Σ m` | `x` |
//! | [`drop_connect`] | weights, of any layer | `f(x; W μ / (1 - p))` | `f(x; W)` |
//! | [`stochastic_depth`] | the bodies of residual blocks | `x + g f(x) / q` | `x + f(x)` |
//! | [`shake_drop`] | the same, by noise that differs backward | `x + (g + a - g a) f(x)` | `x + q f(x)` |
//! | [`variational`] | inputs and recurrent units, one mask for a sequence | `f(h μₕ, x μₓ)` | `f(h, x)` |
//! | [`zoneout`] | updates of recurrent units | `μ h' + (1 - μ) h` | the mean of both |
//! | [`boltzmann`] | hidden units of a Boltzmann machine | the smaller machine | features times `1 - p` |
//!
//! And what can be done with any of them, since what is random in an expression can be found in its graph
//! ([`masks`]):
//!
//! | module | what |
//! |---|---|
//! | [`weight_scaling`] | the weight scaling rule as a rewrite of the graph |
//! | [`ensemble`] | all subnetworks, one by one: arithmetic and geometric mean, and the rule beside them |
//! | [`monte_carlo`] | some of them: predictive mean, variance, entropy |
//!
//! # One way to read each file
//!
//! A technique has a pure function `apply` of values and a mask, which is differentiable in both, replayed,
//! enumerated or fed; `sample`, which draws the mask from the stream `NAME.mask` (or another that the
//! file names); and as a [`Layer`](nn::Layer) it does the one with the other in the modes that draw. There is no
//! trait for this: what is masked differs too much from one technique to the next (units, weights, a whole
//! recurrence), and what they have in common is the mask, which is a node of the graph.

pub mod alpha;
pub mod bernoulli;
pub mod boltzmann;
pub mod drop_block;
pub mod drop_connect;
pub mod ensemble;
pub mod gaussian;
pub mod masks;
pub mod monte_carlo;
pub mod shake_drop;
pub mod spatial;
pub mod stochastic_depth;
pub mod variational;
pub mod weight_scaling;
pub mod zoneout;

pub use alpha::AlphaDropout;
pub use bernoulli::{Dropout, Form};
pub use boltzmann::DropoutMachine;
pub use drop_block::DropBlock;
pub use drop_connect::DropConnect;
pub use ensemble::{EnsembleMeans, SubNetworks, divergence};
pub use gaussian::GaussianDropout;
pub use masks::{BernoulliMask, bernoulli_masks};
pub use monte_carlo::{MonteCarlo, Predictive};
pub use shake_drop::ShakeDrop;
pub use spatial::SpatialDropout;
pub use stochastic_depth::{StochasticDepth, linear_survival};
pub use variational::VariationalDropout;
pub use weight_scaling::{scale_units, scale_weights};
pub use zoneout::Zoneout;

use crate::error::RegularizeError;
use nn::optimise::HyperparameterError;

/// A probability of dropping: in [0, 1), since with 1 nothing is left.
fn drop_probability(name: &'static str, p: f64) -> Result<f64, RegularizeError> {
    HyperparameterError::unless((0.0..1.0).contains(&p), name, p, "in [0, 1)")?;
    Ok(p)
}
