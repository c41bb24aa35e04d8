//! The largest curvature of a loss: the eigenvalue of its Hessian that is largest in absolute value.
//!
//! Power iteration: `v := H v / ‖H v‖`, and `λ = vᵀ H v`. The product `H v` is the forward sweep over the
//! reverse one ([`hvp`]), so the Hessian is never written down. The error of `λ` falls by
//! `(λ₂/λ₁)²` with each iteration; the residual `‖H v - λ v‖` says how much is left: some eigenvalue lies
//! within it of `λ`.
//!
//! ```
//! use autograd::{Graph, Parameters, Tensor};
//! use nn::{Initialiser, ParameterSpec, Role};
//! use regularize::flatness::largest_curvature;
//! let spec = ParameterSpec { name: "w".into(), shape: [2].into(), role: Role::Weight, initialiser: Initialiser::Zeros };
//! let graph = Graph::<f64>::new();
//! let w = spec.declare(&graph);
//! let loss = (w.powi(2) * graph.constant(Tensor::new([2], vec![0.5, 3.0]))).sum();
//! let parameters: Parameters<f64> = [("w", Tensor::zeros([2]))].into_iter().collect();
//! let found = largest_curvature(loss, &[spec], &parameters, &[], 60, 1)?;
//! assert!((found.eigenvalue - 6.0).abs() < 1e-12 && found.residual < 1e-12);
//! # Ok::<(), regularize::RegularizeError>(())
//! ```

use super::sharpness_aware::unit;
use crate::error::{RegularizeError, at_least_one};
use autograd::{Feed, Parameters, Plan, Real, Var, hvp};
use nn::{Initialiser, ParameterSpec, Role, Selection, initialise_parameters};

/// What power iteration found.
#[derive(Debug, Clone, PartialEq)]
pub struct Curvature<T: Real> {
    /// `λ = vᵀ H v`.
    pub eigenvalue: f64,
    /// `‖H v - λ v‖`.
    pub residual: f64,
    /// `v`, of norm 1, by the names of the parameters.
    pub direction: Parameters<T>,
}

/// The eigenvalue of `∇² J` of the largest absolute value, at given values of all parameters that are not
/// [`State`](Role::State), after some iterations from a direction drawn from `seed`.
///
/// ```
/// use autograd::{Graph, Parameters, Tensor};
/// use nn::{Initialiser, ParameterSpec, Role};
/// use regularize::flatness::largest_curvature;
/// let (name, initialiser) = ("w".into(), Initialiser::Zeros);
/// let spec = ParameterSpec { name, shape: [2].into(), role: Role::Weight, initialiser };
/// let graph = Graph::<f64>::new();
/// let w = spec.declare(&graph);
/// // A saddle: ½ (3 u² - 5 v²), of curvatures 3 and -5; the larger in absolute value counts.
/// let loss = (w.powi(2) * graph.constant(Tensor::new([2], vec![1.5, -2.5]))).sum();
/// let parameters: Parameters<f64> = [("w", Tensor::zeros([2]))].into_iter().collect();
/// let found = largest_curvature(loss, &[spec], &parameters, &[], 60, 1)?;
/// assert!((found.eigenvalue + 5.0).abs() < 1e-12);
/// assert!((found.direction["w"].data()[1].abs() - 1.0).abs() < 1e-12);
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
///
/// # Errors
/// If there are no iterations; if feeds or parameters do not fit the loss.
///
/// # Panics
/// If `loss` is no scalar, does not depend on one of the parameters, or there is nothing to differentiate in.
#[track_caller]
pub fn largest_curvature<'g, T: Real>(
    loss: Var<'g, T>,
    parameters: &[ParameterSpec],
    values: &Parameters<T>,
    feeds: &[(&str, Feed<'_, T>)],
    iterations: usize,
    seed: u64,
) -> Result<Curvature<T>, RegularizeError> {
    at_least_one("number of iterations", iterations)?;
    let graph = loss.graph();
    let targets = Selection::all().variables(graph, parameters);
    // The direction is a parameter of the plan, which updates it.
    let slots: Vec<_> = (parameters.iter().filter(|spec| spec.role != Role::State))
        .map(|spec| ParameterSpec {
            name: format!("{}/direction", spec.name),
            initialiser: Initialiser::Normal { mean: 0.0, deviation: 1.0 },
            ..spec.clone()
        })
        .collect();
    let raw: Vec<_> = slots.iter().map(|slot| slot.declare(graph)).collect();
    let v = unit(&raw).expect("largest_curvature: there is nothing to differentiate in");
    let product = hvp(loss, &targets, &v);
    let pairs = || v.iter().zip(&product);
    let sum = |terms: Vec<Var<'g, T>>| terms.into_iter().reduce(|a, b| a + b).expect("not empty");
    let eigenvalue = sum(pairs().map(|(&v, &h)| (v * h).sum()).collect());
    let residual = sum(pairs().map(|(&v, &h)| (h - v * eigenvalue).norm_squared()).collect()).sqrt();
    let mut plan = Plan::builder(graph).output("eigenvalue", eigenvalue).output("residual", residual);
    for ((slot, &v), (&raw, &product)) in slots.iter().zip(&v).zip(raw.iter().zip(&product)) {
        plan = plan.output(&slot.name, v).update(raw, product);
    }
    let mut plan = plan.compile();
    let mut values = values.clone();
    for (name, value) in initialise_parameters::<T>(&slots, seed).iter() {
        values.insert(name, value.clone());
    }
    for _ in 1..iterations {
        plan.run(&mut values, feeds)?;
    }
    let outputs = plan.run(&mut values, feeds)?;
    let mut direction = Parameters::new();
    for slot in &slots {
        let owner = slot.name.strip_suffix("/direction").expect("named above");
        direction.insert(owner, outputs.tensor(&slot.name));
    }
    let scalar = |name: &str| outputs.scalar(name).to_f64();
    Ok(Curvature { eigenvalue: scalar("eigenvalue"), residual: scalar("residual"), direction })
}

#[cfg(test)]
mod tests;
