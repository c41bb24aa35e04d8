//! The norm of the Jacobian by random projection (Hoffman, Roberts, Yaida, *Robust learning with Jacobian
//! regularization*, 2019).
//!
//! ```text
//! Ω = (1/n) Σ ½ ‖∂f/∂x(xᵢ)‖²        over examples i; the norm is Frobenius's
//! ```
//!
//! All results of a network and not the loss alone: `c` rows. Instead of `c` reverse sweeps one is enough, for
//! a random direction `v` of norm 1 in the space of results:
//!
//! ```text
//! E v vᵀ = I/c,    so    c · E ‖vᵀ ∂f/∂x‖² = ‖∂f/∂x‖²
//! ```
//!
//! without bias, for each example with a direction of its own; several directions are averaged. The derivative
//! of the estimate is an estimate of the derivative, also without bias (their section 2.2).
//!
//! ```
//! use nn::data::digits;
//! use nn::{Activation, Optimiser, Sequential, Trainer, initialise};
//! use regularize::tangent::JacobianNorm;
//! # fn main() -> Result<(), regularize::RegularizeError> {
//! let data = digits::load()?.flattened().subset(&(0..200).collect::<Vec<_>>())?;
//! let model = Sequential::<f32>::mlp(&[64, 16, 10], Activation::Tanh);
//! let smooth = JacobianNorm::new(0.01, 1)?;
//! let mut trainer = Trainer::new(&model, Optimiser::adam(0.01))
//!     .epochs(3)
//!     .objective(move |batch| smooth.added_to(batch.cross_entropy(), batch.logits(), batch.inputs));
//! let curve = trainer.fit(&data, None, &mut initialise(&model, 1))?;
//! assert!(curve.epochs[2].objective < curve.epochs[0].objective);
//! # Ok(())
//! # }
//! ```

use super::{mean, squares};
use crate::error::{RegularizeError, at_least_one, at_least_zero};
use crate::host::rows;
use autograd::{Graph, Real, Var, vjp};

/// `c ‖vᵀ ∂f/∂x‖²` of each example, `[n]`, for `outputs` and directions of shape `[n, c]` and inputs `[n, ..]`.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::tangent::projected_jacobian_norm;
/// let graph = Graph::<f64>::new();
/// let x = graph.constant(Tensor::new([1, 2], vec![1.0, 1.0]));
/// let outputs = x.matmul(graph.constant(Tensor::new([2, 2], vec![3.0, 0.0, 0.0, 4.0])));
/// let along = [[1.0, 0.0], [0.0, 1.0]].map(|v| {
///     projected_jacobian_norm(outputs, x, graph.constant(Tensor::new([1, 2], v.to_vec())))
/// });
/// let found = interpret(&along, &[], None)?;
/// assert_eq!((found[0].item(), found[1].item()), (18.0, 32.0)); // 2 · 3², 2 · 4²
/// // Their mean is the square of the Jacobian's norm, 3² + 4².
/// assert_eq!((found[0].item() + found[1].item()) / 2.0, 25.0);
/// # Ok::<(), autograd::RunError>(())
/// ```
///
/// # Panics
/// If a shape is another, or `outputs` does not depend on `inputs`.
#[track_caller]
pub fn projected_jacobian_norm<'g, T: Real>(
    outputs: Var<'g, T>,
    inputs: Var<'g, T>,
    directions: Var<'g, T>,
) -> Var<'g, T> {
    let (results, shape, given) = (outputs.shape(), inputs.shape(), directions.shape());
    let matches = results.rank() == 2 && shape.rank() > 0 && results[0] == shape[0];
    assert!(matches, "projected_jacobian_norm: outputs {results} for inputs {shape}");
    assert!(given == results, "projected_jacobian_norm: directions {given} for outputs {results}");
    squares(vjp(outputs, directions, &[inputs])[0]) * results[1] as f64
}

/// Directions of norm 1 for each example, `[n, c]`, uniform on the sphere: drawn from a named stream.
///
/// ```
/// use autograd::{Graph, interpret};
/// use regularize::tangent::unit_directions;
/// let graph = Graph::<f64>::new();
/// let directions = unit_directions(&graph, "directions", [2000, 3]);
/// let found = interpret(&[directions.norm(&[1]), directions.powi(2).mean_over(&[0])], &[], None)?;
/// assert!(found[0].data().iter().all(|norm| (norm - 1.0).abs() < 1e-15));
/// // No axis is preferred: the mean of each square is 1/3, with a standard error of 0.007.
/// assert!(found[1].data().iter().all(|square| (square - 1.0 / 3.0).abs() < 0.02));
/// # Ok::<(), autograd::RunError>(())
/// ```
#[track_caller]
pub fn unit_directions<'g, T: Real>(graph: &'g Graph<T>, stream: &str, shape: [usize; 2]) -> Var<'g, T> {
    let normals = graph.normal(stream, shape);
    let norm = normals.norm(&[1]).reshape([shape[0], 1]);
    // All normals of a row 0 is not to be expected; the row then stays 0.
    let zero = norm.equal(0.0);
    normals / zero.select(norm.like(1.0), norm)
}

/// The penalty with its strength and number of directions. See the [module documentation](self).
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::tangent::JacobianNorm;
/// let graph = Graph::<f64>::new();
/// let x = graph.constant(Tensor::new([1, 3], vec![1.0, 2.0, 3.0]));
/// let (outputs, objective) = (x * 2.0, graph.fill([], 1.0));
/// let norm = JacobianNorm::new(0.5, 1)?.named("directions");
/// let found = interpret(&[norm.value(outputs, x), norm.added_to(objective, outputs, x)], &[], None)?;
/// // ½ ‖2 I‖² = ½ · 3 · 4, which any direction finds.
/// assert!((found[0].item() - 6.0).abs() < 1e-14 && (found[1].item() - 4.0).abs() < 1e-14);
/// assert!(JacobianNorm::new(0.5, 0).is_err());
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct JacobianNorm {
    strength: f64,
    directions: usize,
    stream: String,
}

impl JacobianNorm {
    /// The penalty `strength · Ω`, estimated by the mean over so many directions; the authors take one.
    ///
    /// # Errors
    /// If `strength` is negative or not finite, or there is no direction.
    pub fn new(strength: f64, directions: usize) -> Result<JacobianNorm, RegularizeError> {
        let strength = at_least_zero("strength of the Jacobian penalty", strength)?;
        at_least_one("number of directions", directions)?;
        Ok(JacobianNorm { strength, directions, stream: "jacobian_norm".into() })
    }

    /// The same with another stream of directions. Two penalties on one graph need two.
    pub fn named(self, stream: &str) -> JacobianNorm {
        JacobianNorm { stream: stream.into(), ..self }
    }

    /// The estimate of `Ω`, a scalar, without its strength, for `outputs` of shape `[n, c]`.
    ///
    /// # Panics
    /// As [`projected_jacobian_norm`].
    #[track_caller]
    pub fn value<'g, T: Real>(&self, outputs: Var<'g, T>, inputs: Var<'g, T>) -> Var<'g, T> {
        let shape = rows(outputs.shape());
        let mut sum: Option<Var<'g, T>> = None;
        for k in 0..self.directions {
            let stream = format!("{}/{k}", self.stream);
            let v = unit_directions(outputs.graph(), &stream, [shape[0], shape[1]]);
            let each = projected_jacobian_norm(outputs, inputs, v);
            sum = Some(sum.map_or(each, |sum| sum + each));
        }
        mean(sum.expect("at least one direction")) * (0.5 / self.directions as f64)
    }

    /// `J + strength · Ω`. With strength 0 the variable `objective` itself.
    ///
    /// # Panics
    /// As [`projected_jacobian_norm`].
    #[track_caller]
    pub fn added_to<'g, T: Real>(
        &self,
        objective: Var<'g, T>,
        outputs: Var<'g, T>,
        inputs: Var<'g, T>,
    ) -> Var<'g, T> {
        if self.strength == 0.0 { objective } else { objective + self.value(outputs, inputs) * self.strength }
    }
}

#[cfg(test)]
mod tests;
