//! Normalisation: values brought to mean 0 and variance 1, then scaled and shifted as is learned.
//!
//! The layers differ in what is averaged over. For `x` of shape `[n, c, h, w]`:
//!
//! | layer | one mean and variance for each | depends on other examples |
//! |---|---|---|
//! | [`BatchNorm`] | channel | in training, yes |
//! | [`GroupNorm`] | example and group of channels | no |
//! | [`LayerNorm`] | example, channel and row: everything but the last axis | no |
//! | [`RmsNorm`] | the same, without a mean | no |
//!
//! `ε` stands inside the root, `(x - μ) / √(σ² + ε)`, so that constant inputs have derivatives of every order:
//! the root's argument is never 0.

mod batch;
mod group;
mod layer;

pub use batch::BatchNorm;
pub use group::GroupNorm;
pub use layer::{LayerNorm, RmsNorm};

use crate::initialise::Initialiser;
use crate::parameter::{ParameterSpec, Role};
use autograd::{Real, Shape, Var};

/// The usual `ε`.
const EPSILON: f64 = 1e-5;

/// An `ε` that keeps the root away from 0.
#[track_caller]
fn check_epsilon(layer: &str, epsilon: f64) -> f64 {
    assert!(
        epsilon > 0.0 && epsilon.is_finite(),
        "{layer}: epsilon is {epsilon}, it must be above 0 and finite"
    );
    epsilon
}

/// `(x - μ) / √(σ² + ε)` with the statistics that it used, the reduced axes kept with length one.
struct Standardised<'g, T: Real> {
    value: Var<'g, T>,
    mean: Var<'g, T>,
    variance: Var<'g, T>,
}

/// Standardises `x` over `axes`; the variance is the mean of the squared deviations.
///
/// Deviations are squared rather than `E[x²] - μ²` taken: for a large mean the latter cancels.
fn standardise<'g, T: Real>(x: Var<'g, T>, axes: &[isize], epsilon: f64) -> Standardised<'g, T> {
    let mean = x.mean_keep(axes);
    let centred = x - mean;
    let variance = centred.powi(2).mean_keep(axes);
    // The root and the quotient are taken once for each mean, not once for each element.
    Standardised { value: centred * (1.0 / (variance + epsilon).sqrt()), mean, variance }
}

/// The shape under which one number for each channel stretches to `[n, c, ..]`.
fn channel_shape(input: Shape) -> Shape {
    (0..input.rank()).filter(|&axis| axis != 1).fold(input, |shape, axis| shape.with_axis(axis, 1))
}

/// What is learned after a normalisation: `γ x + β`, or nothing.
#[derive(Debug, Clone, PartialEq)]
struct Scaling {
    specs: Vec<ParameterSpec>,
}

impl Scaling {
    /// `NAME.scale`, starting at 1, and `NAME.offset`, starting at 0.
    fn new(name: &str, shape: Shape) -> Scaling {
        let spec = |part: &str, initial| ParameterSpec {
            name: format!("{name}.{part}"),
            shape,
            role: Role::Norm,
            initialiser: Initialiser::Constant(initial),
        };
        Scaling { specs: vec![spec("scale", 1.0), spec("offset", 0.0)] }
    }

    /// `NAME.scale` alone.
    fn without_offset(name: &str, shape: Shape) -> Scaling {
        Scaling { specs: Scaling::new(name, shape).specs[..1].to_vec() }
    }

    /// The identity.
    fn none() -> Scaling {
        Scaling { specs: Vec::new() }
    }

    fn parameters(&self) -> Vec<ParameterSpec> {
        self.specs.clone()
    }

    /// The scaled `x`; `shape` is what the parameters take to stretch to `x`.
    fn apply<'g, T: Real>(&self, x: Var<'g, T>, shape: Shape) -> Var<'g, T> {
        let mut parts = self.specs.iter().map(|spec| spec.declare(x.graph()).reshape(shape));
        let scaled = parts.next().map_or(x, |scale| x * scale);
        parts.next().map_or(scaled, |offset| scaled + offset)
    }
}

#[cfg(test)]
mod tests;
