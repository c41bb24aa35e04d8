//! Flat minima: parameters around which the loss stays low, and how to find and to measure them.
//!
//! A minimum that is flat needs few bits to be written down (Hochreiter and Schmidhuber, *Flat minima*, 1997)
//! and tends to generalise better than a sharp one. [`SharpnessAware`] looks for one: it minimises the largest
//! loss in a neighbourhood of the parameters. [`largest_curvature`] measures one: the largest eigenvalue of
//! the Hessian, by Hessian-vector products alone.
//!
//! | | what it is | cost |
//! |---|---|---|
//! | [`SharpnessAware::new`] | the neighbourhood is a ball (SAM) | two gradients for each step |
//! | [`SharpnessAware::adaptive`] | an ellipsoid that scales with the weights (ASAM) | the same |
//! | [`SharpnessAware::sharpness`] | how far the loss rises on the way to the worst neighbour | one gradient, one forward pass |
//! | [`largest_curvature`] | `λ₁` of the Hessian | some two gradients for each iteration |

pub mod curvature;
pub mod sharpness_aware;

pub use curvature::{Curvature, largest_curvature};
pub use sharpness_aware::SharpnessAware;
