//! Tangents: directions in which an input may move without a change of what it means, and penalties on how
//! much a network's result changes there (Goodfellow, Bengio, Courville, *Deep Learning*, section 7.14).
//!
//! | | what is kept small, or measured | where the directions come from |
//! |---|---|---|
//! | [`TangentPropagation`] | `Σ ‖∂f/∂x t‖²` along tangents `t` | [`Transformations`], or given |
//! | [`ManifoldTangents`] | the same: the manifold tangent classifier | an [`Atlas`] of the training set |
//! | [`tangent_distance`], [`TangentNeighbour`] | the distance between planes through two examples | [`Transformations`], or given |
//! | [`DoubleBackpropagation`] | `½ ‖∂J/∂x‖²` | all |
//! | [`InputGradientPenalty`] | `‖∂J/∂x‖₁` or `‖∂J/∂x‖₂` | all |
//! | [`GradientPenalty`], [`R1`] | `(‖∂D/∂x‖ - 1)²`, `½ ‖∂D/∂x‖²` of a critic | all |
//! | [`JacobianNorm`] | `½ ‖∂f/∂x‖²` by a random projection | all |
//!
//! Every derivative in the table is an ordinary expression ([`grad`](autograd::grad()),
//! [`jvp`](autograd::jvp)), and a training differentiates it once more.
//!
//! The first axis counts examples, and each is treated by itself. That asks for a network which treats them so
//! too: with batch normalisation in training mode an example's result depends on the others, and what is
//! penalised is not its own derivative.

pub mod atlas;
pub mod distance;
pub mod double_backpropagation;
pub mod gradient_penalty;
pub mod input_gradient;
pub mod jacobian_norm;
mod orthogonal;
pub mod propagation;
pub mod transforms;

#[cfg(test)]
mod testing;

pub use atlas::{Atlas, ManifoldTangents};
pub use distance::{Sides, TangentNeighbour, TangentPlane, tangent_distance};
pub use double_backpropagation::DoubleBackpropagation;
pub use gradient_penalty::{GradientPenalty, R1, interpolates};
pub use input_gradient::{GradientNorm, InputGradientPenalty, input_gradients};
pub use jacobian_norm::{JacobianNorm, projected_jacobian_norm, unit_directions};
pub use propagation::{TangentPropagation, tangent_penalty};
pub use transforms::{Transformation, Transformations};

use crate::host::rows;
use autograd::{Real, Var};

/// `Σ x²` of each example, `[n]`.
#[track_caller]
fn squares<'g, T: Real>(x: Var<'g, T>) -> Var<'g, T> {
    x.reshape(rows(x.shape())).powi(2).sum_over(&[1])
}

/// The mean over the examples; 0 if there are none.
#[track_caller]
fn mean<'g, T: Real>(each: Var<'g, T>) -> Var<'g, T> {
    each.sum() * (1.0 / each.shape().numel().max(1) as f64)
}
