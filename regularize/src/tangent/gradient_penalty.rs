//! Penalties on the input gradient of a critic: a network with one number for each example.
//!
//! | | penalty | where | source |
//! |---|---|---|---|
//! | [`GradientPenalty`] | `λ (‖∇ₓ D‖ - 1)²` | between real and generated examples | WGAN-GP: Gulrajani et al., NIPS 2017, equation 3; they take `λ = 10` |
//! | [`R1`] | `γ/2 ‖∇ₓ D‖²` | at real examples | Mescheder, Geiger, Nowozin, ICML 2018, equation 9 |
//!
//! The first keeps a critic near slope 1, as an optimal one has it along the lines between the two
//! distributions; the second makes it flat where the data lie. Both are means over the examples.
//!
//! ```
//! use autograd::{Feed, Graph, Plan, Tensor};
//! use nn::{Activation, LEARNING_RATE, Layer, Mode, Optimiser, Sequential, initialise};
//! use regularize::tangent::{GradientPenalty, interpolates};
//! let critic = Sequential::<f32>::mlp(&[2, 16, 1], Activation::Tanh);
//! let graph = Graph::<f32>::new();
//! // Real examples at (2, 0), made ones at (0, 0).
//! let real = graph.constant(Tensor::from_fn([32, 2], |i| [2.0, 0.0][i % 2]));
//! let made = graph.fill([32, 2], 0.0);
//! let between = interpolates(real, made, graph.uniform("share", [32, 1]));
//! let omega = GradientPenalty::new(10.0)?.value(critic.forward(between, Mode::Train), between);
//! let difference = critic.forward(made, Mode::Train).mean() - critic.forward(real, Mode::Train).mean();
//! let step = Optimiser::adam(0.01).minimise(difference + omega, &critic.parameters());
//! let mut plan = step.add_to(Plan::builder(&graph).output("difference", difference)).compile();
//! let mut parameters = initialise(&critic, 1);
//! step.initialise_state(&mut parameters);
//! let mut found = 0.0;
//! for _ in 0..300 {
//!     found = plan.run(&mut parameters, &[(LEARNING_RATE, Feed::from(0.01))])?.scalar("difference");
//! }
//! // Of all slopes s the best one makes 10 (s - 1)² - 2 s smallest: s is 1.1, and the distance is 2.
//! assert!((found + 2.2).abs() < 0.1, "{found}");
//! # Ok::<(), regularize::RegularizeError>(())
//! ```

use super::input_gradient::{GradientNorm, input_gradients};
use super::{mean, squares};
use crate::error::{RegularizeError, at_least_zero};
use autograd::{Real, Shape, Var};

/// `u a + (1 - u) b`, for each example a `u` of its own: points on the lines between two sets of examples.
///
/// `a` and `b` are `[n, ..]`; `shares` has `n` elements, drawn uniform from 0 to 1.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::tangent::interpolates;
/// let graph = Graph::<f64>::new();
/// let (a, b) = (graph.fill([3, 1], 4.0), graph.fill([3, 1], 8.0));
/// let shares = graph.constant(Tensor::new([3, 1], vec![1.0, 0.75, 0.0]));
/// assert_eq!(interpret(&[interpolates(a, b, shares)], &[], None)?[0].data(), [4.0, 5.0, 8.0]);
/// # Ok::<(), autograd::RunError>(())
/// ```
///
/// # Panics
/// If the shapes differ, or there is not one share for each example.
#[track_caller]
pub fn interpolates<'g, T: Real>(a: Var<'g, T>, b: Var<'g, T>, shares: Var<'g, T>) -> Var<'g, T> {
    let (shape, other, given) = (a.shape(), b.shape(), shares.shape());
    assert!(shape == other && shape.rank() > 0, "interpolates: examples of shapes {shape} and {other}");
    assert!(given.numel() == shape[0], "interpolates: {given} shares for {} examples", shape[0]);
    let mut lengths = vec![1; shape.rank()];
    lengths[0] = shape[0];
    let u = shares.reshape(Shape::new(&lengths));
    b + (a - b) * u
}

/// `λ (‖∇ₓ D‖₂ - 1)²`, one-sided or two-sided.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::tangent::GradientPenalty;
/// let graph = Graph::<f64>::new();
/// let x = graph.constant(Tensor::new([1, 2], vec![1.0, 1.0]));
/// let scores = x.matmul(graph.constant(Tensor::new([2, 1], vec![3.0, 4.0]))); // of slope 5
/// let ten = GradientPenalty::new(10.0)?;
/// let penalties = [ten, ten.towards(7.0)?, ten.towards(7.0)?.one_sided()];
/// let found = interpret(&penalties.map(|penalty| penalty.value(scores, x)), &[], None)?;
/// assert_eq!(found[0].item(), 160.0); // 10 (5 - 1)²
/// assert_eq!((found[1].item(), found[2].item()), (40.0, 0.0));
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GradientPenalty {
    strength: f64,
    target: f64,
    one_sided: bool,
}

impl GradientPenalty {
    /// The penalty with strength `λ` and the target norm 1.
    ///
    /// # Errors
    /// If `strength` is negative or not finite.
    pub fn new(strength: f64) -> Result<GradientPenalty, RegularizeError> {
        let strength = at_least_zero("strength of the gradient penalty", strength)?;
        Ok(GradientPenalty { strength, target: 1.0, one_sided: false })
    }

    /// The same with another target norm.
    ///
    /// # Errors
    /// If `target` is negative or not finite.
    pub fn towards(self, target: f64) -> Result<GradientPenalty, RegularizeError> {
        Ok(GradientPenalty { target: at_least_zero("norm that a gradient should have", target)?, ..self })
    }

    /// The same for norms above the target only: `max(0, ‖∇ₓ D‖ - 1)²`.
    pub fn one_sided(self) -> GradientPenalty {
        GradientPenalty { one_sided: true, ..self }
    }

    /// The penalty, a scalar, its strength included, for scores whose first axis is that of `inputs`. With
    /// strength 0 it is 0, and no gradient is recorded.
    ///
    /// # Panics
    /// As [`input_gradients`].
    #[track_caller]
    pub fn value<'g, T: Real>(&self, scores: Var<'g, T>, inputs: Var<'g, T>) -> Var<'g, T> {
        if self.strength == 0.0 {
            return scores.graph().fill([], 0.0);
        }
        let excess = GradientNorm::Two.of(input_gradients(scores, inputs)) - self.target;
        let excess = if self.one_sided { excess.relu() } else { excess };
        mean(excess.powi(2)) * self.strength
    }
}

/// `γ/2 ‖∇ₓ D‖²` at real examples.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::tangent::R1;
/// let graph = Graph::<f64>::new();
/// let x = graph.constant(Tensor::new([1, 2], vec![1.0, 1.0])) * 1.0;
/// let scores = x.matmul(graph.constant(Tensor::new([2, 1], vec![3.0, 4.0])));
/// let found = interpret(&[R1::new(2.0)?.value(scores, x)], &[], None)?;
/// assert_eq!(found[0].item(), 25.0); // γ/2 ‖w‖²
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct R1 {
    gamma: f64,
}

impl R1 {
    /// The penalty with strength `gamma`.
    ///
    /// # Errors
    /// If `gamma` is negative or not finite.
    pub fn new(gamma: f64) -> Result<R1, RegularizeError> {
        Ok(R1 { gamma: at_least_zero("strength gamma of R1", gamma)? })
    }

    /// The penalty, a scalar, its strength included. With strength 0 it is 0, and no gradient is recorded.
    ///
    /// # Panics
    /// As [`input_gradients`].
    #[track_caller]
    pub fn value<'g, T: Real>(&self, scores: Var<'g, T>, inputs: Var<'g, T>) -> Var<'g, T> {
        if self.gamma == 0.0 {
            return scores.graph().fill([], 0.0);
        }
        mean(squares(input_gradients(scores, inputs))) * (0.5 * self.gamma)
    }
}

#[cfg(test)]
mod tests;
