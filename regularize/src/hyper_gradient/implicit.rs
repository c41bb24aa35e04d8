//! The hyper-gradient at a minimum, by the implicit function theorem.
//!
//! Where training has ended, at `∇_w J(w, α) = 0`, the minimum `w(α)` moves with the hyper-parameter so that
//! the gradient stays 0: `H dw/dα + ∂/∂α ∇_w J = 0` with the Hessian `H`. The validation loss `V(w(α))`
//! changes by
//!
//! ```text
//! dV/dα = ∂V/∂α - vᵀ ∂/∂α ∇_w J,    H v = ∇_w V
//! ```
//!
//! (Bengio, *Gradient-based optimization of hyperparameters*, Neural Computation 12, 2000; Pedregosa, ICML
//! 2016). Nothing of the path to the minimum is needed: the cost does not grow with the number of steps, and
//! nothing is truncated. But it is right at a minimum only, and where `H` is positive definite.
//!
//! The system is solved by conjugate gradients (Hestenes and Stiefel 1952), which need of `H` only products
//! with vectors: forward sweeps over the gradient. Their iterations are unrolled like steps of an optimiser.
//! At a direction of no positive curvature they stop; [`Implicit::residual`] says what is missing then.

use super::unroll::total_derivative;
use crate::error::{RegularizeError, at_least_one, at_least_zero};
use autograd::{Real, Var, grad, try_jvp};

/// Conjugate gradients on `(H + λ) v = b`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ConjugateGradients {
    iterations: usize,
    damping: f64,
}

impl ConjugateGradients {
    /// So many iterations, without damping. As many as there are numbers in the parameters solve the system
    /// but for rounding; fewer do where the eigenvalues of `H` lie in few clusters.
    ///
    /// # Errors
    /// If there are none.
    pub fn new(iterations: usize) -> Result<ConjugateGradients, RegularizeError> {
        at_least_one("number of iterations", iterations)?;
        Ok(ConjugateGradients { iterations, damping: 0.0 })
    }

    /// With `λ` added to the Hessian, where it is singular or not quite positive.
    ///
    /// # Errors
    /// If `damping` is negative or not finite.
    pub fn damped(self, damping: f64) -> Result<ConjugateGradients, RegularizeError> {
        Ok(ConjugateGradients { damping: at_least_zero("damping", damping)?, ..self })
    }

    /// The solution `v`, a list like `gradient`'s targets, and `‖b - (H + λ) v‖ / ‖b‖`.
    fn solve<'g, T: Real>(
        &self,
        gradient: &[Var<'g, T>],
        parameters: &[Var<'g, T>],
        b: &[Var<'g, T>],
    ) -> (Vec<Var<'g, T>>, Var<'g, T>) {
        let product = |p: &[Var<'g, T>]| -> Vec<Var<'g, T>> {
            let one = |(&gradient, &own): (&Var<'g, T>, &Var<'g, T>)| {
                // A gradient that depends on no parameter has no curvature.
                let curved = try_jvp(gradient, parameters, p).unwrap_or_else(|_| own.like(0.0));
                if self.damping > 0.0 { curved + own * self.damping } else { curved }
            };
            gradient.iter().zip(p).map(one).collect()
        };
        let mut v: Vec<_> = b.iter().map(|b| b.like(0.0)).collect();
        let (mut r, mut p) = (b.to_vec(), b.to_vec());
        let start = dot(b, b);
        let mut squared = start;
        for _ in 0..self.iterations {
            let curved = product(&p);
            let curvature = dot(&p, &curved);
            let step = guarded_ratio(squared, curvature);
            v = along(&v, step, &p);
            r = along(&r, -step, &curved);
            let next = dot(&r, &r);
            // The next direction is none if this one curved downwards: it, too, and all after it.
            let open = curvature.greater(0.0);
            p = along(&r, guarded_ratio(next, squared), &p).into_iter().map(|p| p * open).collect();
            squared = next;
        }
        (v, guarded_ratio(squared, start).sqrt())
    }
}

/// A hyper-gradient at a minimum, and how well its linear system was solved.
#[derive(Debug, Clone)]
pub struct Implicit<'g, T: Real> {
    /// The derivative with respect to each hyper-parameter.
    pub gradient: Vec<Var<'g, T>>,
    /// `‖∇_w V - H v‖ / ‖∇_w V‖`, a scalar: to be looked at. 0 where the validation loss is flat.
    pub residual: Var<'g, T>,
}

/// The derivative of a validation loss with respect to each of `hyperparameters`, where `training` is at a
/// minimum in `parameters`; both losses are scalars. See the [module documentation](self).
///
/// # Errors
/// If there are no hyper-parameters, or the losses depend on one of them nowhere.
///
/// # Panics
/// If a loss is no scalar, or does not depend on one of the parameters.
///
/// Ridge regression of one weight, `½ (w - 1)² + α/2 w²`, with the minimum `w = 1/(1 + α)`:
///
/// ```
/// use autograd::{Feed, Graph, Tensor, interpret};
/// use regularize::hyper_gradient::{ConjugateGradients, implicit_hyper_gradient};
/// let graph = Graph::<f64>::new();
/// let (w, alpha) = (graph.parameter("w", []), graph.scalar("alpha"));
/// let training = (w - 1.0).powi(2) * 0.5 + alpha * w.powi(2) * 0.5;
/// let validation = w.powi(2) * 0.5;
/// let solver = ConjugateGradients::new(1)?;
/// let of = |solver| implicit_hyper_gradient(training, validation, &[w], &[alpha], solver);
/// let (found, damped) = (of(solver)?, of(solver.damped(2.0)?)?);
/// let values = [("w", Tensor::scalar(0.5))].into_iter().collect(); // the minimum for α = 1
/// let outputs = [found.gradient[0], found.residual, damped.gradient[0]];
/// let values = interpret(&outputs, &[("alpha", Feed::from(1.0))], Some(&values))?;
/// assert_eq!(values[0].item(), -0.125); // w dw/dα = -1/(1 + α)³
/// assert_eq!(values[1].item(), 0.0);
/// assert_eq!(values[2].item(), -0.0625); // with H + 2 = 4 in the place of H = 2
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[track_caller]
pub fn implicit_hyper_gradient<'g, T: Real>(
    training: Var<'g, T>,
    validation: Var<'g, T>,
    parameters: &[Var<'g, T>],
    hyperparameters: &[Var<'g, T>],
    solver: ConjugateGradients,
) -> Result<Implicit<'g, T>, RegularizeError> {
    let gradient = grad(training, parameters);
    let (v, residual) = solver.solve(&gradient, parameters, &grad(validation, parameters));
    // With v held fixed, this scalar has the total derivative that is looked for.
    let moved = gradient.iter().zip(&v).map(|(g, v)| (*g * v.detach()).sum()).reduce(|a, b| a + b);
    let total = validation - moved.unwrap_or_else(|| validation.like(0.0));
    Ok(Implicit { gradient: total_derivative(total, hyperparameters)?, residual })
}

/// `Σ aᵢ · bᵢ`, a scalar.
fn dot<'g, T: Real>(a: &[Var<'g, T>], b: &[Var<'g, T>]) -> Var<'g, T> {
    let products = a.iter().zip(b).map(|(a, b)| (*a * *b).sum());
    products.reduce(|a, b| a + b).expect("there are parameters")
}

/// `x + t y`.
fn along<'g, T: Real>(x: &[Var<'g, T>], t: Var<'g, T>, y: &[Var<'g, T>]) -> Vec<Var<'g, T>> {
    x.iter().zip(y).map(|(x, y)| *x + *y * t).collect()
}

/// `a / b`, and 0 unless `b > 0`: solved already, or no positive curvature.
fn guarded_ratio<'g, T: Real>(a: Var<'g, T>, b: Var<'g, T>) -> Var<'g, T> {
    let positive = b.greater(0.0);
    positive.select(a / positive.select(b, b.like(1.0)), a.like(0.0))
}

#[cfg(test)]
mod tests;
