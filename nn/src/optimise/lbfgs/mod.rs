//! L-BFGS: a quasi-Newton method for deterministic objectives.
//!
//! The Newton step `-H⁻¹ g` needs a Hessian; BFGS builds an approximation of its inverse from the changes of
//! parameters and gradients between iterates, `s` and `y`; limited-memory BFGS keeps only the last few pairs
//! and applies the matrix without ever forming it (Nocedal and Wright, *Numerical Optimization*, 2nd edition,
//! algorithms 7.4 and 7.5; *Deep Learning*, section 8.6.4). A line search by the strong Wolfe conditions
//! chooses the length of each step and sees to it that `sᵀy > 0`, so that the matrix stays positive definite
//! ([`line_search`]).
//!
//! This is no chain of transforms: how often loss and gradient are evaluated depends on their values. It is a
//! protocol on the host that drives a plan, for problems small enough for full batches.

mod line_search;

use super::HyperparameterError;
use crate::parameter::{ParameterSpec, Selection};
use autograd::{Feed, Parameters, Plan, Real, RunError, Tensor, Var, grad};
use line_search::{Line, Point};
use std::collections::VecDeque;
use std::fmt;

/// Minimises a deterministic function by limited-memory BFGS.
///
/// ```
/// use autograd::{Graph, Parameters, Tensor};
/// use nn::optimise::{Lbfgs, LbfgsOutcome};
/// use nn::{Initialiser, ParameterSpec, Role};
/// let spec = ParameterSpec {
///     name: "x".into(),
///     shape: [2].into(),
///     role: Role::Weight,
///     initialiser: Initialiser::Zeros,
/// };
/// // Rosenbrock's valley, whose minimum is at (1, 1).
/// let graph = Graph::<f64>::new();
/// let x = spec.declare(&graph);
/// let (a, b) = (x.slice(0, 0, 1), x.slice(0, 1, 2));
/// let loss = ((1.0 - a).powi(2) + 100.0 * (b - a * a).powi(2)).sum();
///
/// let mut parameters = Parameters::new();
/// parameters.insert("x", Tensor::new([2], vec![-1.2, 1.0]));
/// let report = Lbfgs::default().minimise(loss, &[spec], &mut parameters, &[])?;
/// println!("{report}");
/// assert_eq!(report.outcome, LbfgsOutcome::Converged);
/// assert!((parameters["x"][[0]] - 1.0).abs() < 1e-7);
/// # Ok::<(), autograd::RunError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lbfgs {
    /// How many pairs of changes are kept, at least 1. More make a better matrix and a dearer step.
    pub pairs: usize,
    /// Converged is a gradient whose norm is at most this.
    pub gradient_norm: f64,
    /// The largest number of steps.
    pub iterations: usize,
    /// A step must decrease the loss by this share `c₁` of what its slope promises, in (0, 1/2).
    pub decrease: f64,
    /// A step must flatten the slope to this share `c₂`, in (`c₁`, 1).
    pub curvature: f64,
}

impl Default for Lbfgs {
    /// 10 pairs, a gradient of 1e-8, 1000 steps, and Nocedal and Wright's `c₁ = 1e-4`, `c₂ = 0.9`. Single
    /// precision rarely comes below a gradient of 1e-5.
    fn default() -> Lbfgs {
        Lbfgs { pairs: 10, gradient_norm: 1e-8, iterations: 1000, decrease: 1e-4, curvature: 0.9 }
    }
}

/// How a minimisation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LbfgsOutcome {
    /// The gradient is as small as was asked.
    Converged,
    /// The number of steps was used up.
    OutOfSteps,
    /// No step along the direction of steepest descent decreases the loss enough: the rounding of the loss
    /// hides what is left to gain, or the gradient is not the loss's.
    LineSearchFailed,
    /// Loss or gradient is NaN or infinite at the start. (A step that leads there is shortened.)
    NotFinite,
}

/// What a minimisation came to. The parameters are those of the last good step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LbfgsReport {
    /// How it ended.
    pub outcome: LbfgsOutcome,
    /// The loss that was reached.
    pub loss: f64,
    /// The Euclidean norm of the gradient there.
    pub gradient_norm: f64,
    /// The number of steps.
    pub iterations: usize,
    /// How often loss and gradient were evaluated.
    pub evaluations: usize,
}

impl fmt::Display for LbfgsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outcome = match self.outcome {
            LbfgsOutcome::Converged => "converged",
            LbfgsOutcome::OutOfSteps => "out of steps",
            LbfgsOutcome::LineSearchFailed => "line search failed",
            LbfgsOutcome::NotFinite => "loss or gradient not finite",
        };
        let LbfgsReport { loss, gradient_norm, iterations, evaluations, .. } = self;
        write!(
            f,
            "{outcome} after {iterations} steps and {evaluations} evaluations: loss {loss:.6e}, gradient {gradient_norm:.1e}"
        )
    }
}

/// A step `s` and the change `y` of the gradient that it made.
struct Pair {
    s: Vec<f64>,
    y: Vec<f64>,
    /// `1 / sᵀy`
    rho: f64,
}

impl Lbfgs {
    /// Makes a scalar loss as small as it gets in the parameters that are not [`State`](crate::Role::State),
    /// all examples being fed at once. Random draws are those of run 0 in each evaluation.
    ///
    /// # Errors
    /// [`RunError`] if parameters or feeds do not fit the loss.
    ///
    /// # Panics
    /// If the loss is no scalar or does not depend on one of the parameters, or a number makes no sense.
    #[track_caller]
    pub fn minimise<T: Real>(
        &self,
        loss: Var<'_, T>,
        parameters: &[ParameterSpec],
        values: &mut Parameters<T>,
        feeds: &[(&str, Feed<'_, T>)],
    ) -> Result<LbfgsReport, RunError> {
        let names = Selection::all().names(parameters);
        let variables = Selection::all().variables(loss.graph(), parameters);
        let mut builder = Plan::builder(loss.graph()).output(LOSS, loss);
        for (name, gradient) in names.iter().zip(grad(loss, &variables)) {
            builder = builder.output(name, gradient);
        }
        let mut plan = builder.compile();

        let mut start = Vec::new();
        for (name, variable) in names.iter().zip(&variables) {
            // A value that is missing or of another shape is refused by the plan, with a better message.
            let zeros = Tensor::zeros(variable.shape());
            start.extend(values.get(name).unwrap_or(&zeros).data().iter().map(|v| v.to_f64()));
        }
        plan.set_run(0);
        plan.run(values, feeds)?;
        let set = |values: &mut Parameters<T>, x: &[f64]| {
            let mut rest = x.iter();
            for name in &names {
                let places = values.get_mut(name).expect("the plan has accepted it").data_mut();
                places.iter_mut().zip(&mut rest).for_each(|(place, &x)| *place = T::from_f64(x));
            }
        };
        let report = self.minimise_function(&mut start, |x, gradient| {
            set(values, x);
            plan.set_run(0);
            let outputs = plan.run(values, feeds)?;
            let found = names.iter().flat_map(|name| outputs.values(name));
            gradient.iter_mut().zip(found).for_each(|(place, v)| *place = v.to_f64());
            Ok::<f64, RunError>(outputs.scalar(LOSS).to_f64())
        })?;
        set(values, &start);
        Ok(report)
    }

    /// [`Lbfgs::minimise`] for a plain function: `f(x, gradient)` returns the loss at `x` and fills in the
    /// gradient. The start `x` becomes the best point found.
    ///
    /// ```
    /// use nn::optimise::{Lbfgs, LbfgsOutcome};
    /// use std::convert::Infallible;
    /// let mut x = [3.0];
    /// let square = |x: &[f64], gradient: &mut [f64]| {
    ///     gradient[0] = 2.0 * x[0];
    ///     Ok::<f64, Infallible>(x[0] * x[0])
    /// };
    /// let Ok(report) = Lbfgs::default().minimise_function(&mut x, square);
    /// assert_eq!((report.outcome, x), (LbfgsOutcome::Converged, [0.0]));
    /// ```
    ///
    /// # Errors
    /// Any that `f` returns.
    ///
    /// # Panics
    /// If a number makes no sense.
    #[track_caller]
    pub fn minimise_function<E>(
        &self,
        x: &mut [f64],
        mut f: impl FnMut(&[f64], &mut [f64]) -> Result<f64, E>,
    ) -> Result<LbfgsReport, E> {
        if let Err(error) = self.check() {
            panic!("{error}");
        }
        let n = x.len();
        let (mut gradient, mut at, mut at_gradient) = (vec![0.0; n], x.to_vec(), vec![0.0; n]);
        let mut loss = f(x, &mut gradient)?;
        let mut pairs: VecDeque<Pair> = VecDeque::new();
        let (mut iterations, mut evaluations) = (0, 1);
        let outcome = loop {
            let norm = dot(&gradient, &gradient).sqrt();
            if !(loss.is_finite() && norm.is_finite()) {
                break LbfgsOutcome::NotFinite;
            }
            if norm <= self.gradient_norm {
                break LbfgsOutcome::Converged;
            }
            if iterations == self.iterations {
                break LbfgsOutcome::OutOfSteps;
            }
            let mut direction = quasi_newton(&gradient, &pairs);
            let mut slope = dot(&direction, &gradient);
            if slope >= 0.0 || !slope.is_finite() {
                // Only rounding can have done this.
                pairs.clear();
                direction = gradient.iter().map(|g| -g).collect();
                slope = -norm * norm;
            }
            // Without a matrix the direction has no length; with one, 1 is Newton's.
            let first = if pairs.is_empty() { (1.0 / norm).min(1.0) } else { 1.0 };
            let start = Point { step: 0.0, loss, slope };
            let line = Line { start, decrease: self.decrease, curvature: self.curvature };
            let found = line.search(first, |step| {
                at.iter_mut().zip(&*x).zip(&direction).for_each(|((a, x), d)| *a = x + step * d);
                evaluations += 1;
                let loss = f(&at, &mut at_gradient)?;
                Ok(Point { step, loss, slope: dot(&direction, &at_gradient) })
            })?;
            let Some(found) = found else {
                // Once more without the matrix, unless that was it.
                if pairs.is_empty() {
                    break LbfgsOutcome::LineSearchFailed;
                }
                pairs.clear();
                continue;
            };
            iterations += 1;
            let s: Vec<f64> = at.iter().zip(&*x).map(|(new, old)| new - old).collect();
            let y: Vec<f64> = at_gradient.iter().zip(&gradient).map(|(new, old)| new - old).collect();
            let curvature = dot(&s, &y);
            // Positive by the Wolfe conditions; a pair that only rounding has made tells nothing.
            if curvature > f64::EPSILON * dot(&y, &y) {
                pairs.truncate(self.pairs - 1);
                pairs.push_front(Pair { s, y, rho: 1.0 / curvature });
            }
            x.copy_from_slice(&at);
            gradient.copy_from_slice(&at_gradient);
            loss = found.loss;
        };
        let gradient_norm = dot(&gradient, &gradient).sqrt();
        Ok(LbfgsReport { outcome, loss, gradient_norm, iterations, evaluations })
    }

    /// Whether all numbers make sense.
    ///
    /// # Errors
    /// [`HyperparameterError`] with the first that does not.
    pub fn check(&self) -> Result<(), HyperparameterError> {
        let Lbfgs { pairs, gradient_norm, decrease, curvature, .. } = *self;
        HyperparameterError::unless(pairs > 0, "number of pairs", pairs as f64, "at least 1")?;
        HyperparameterError::unless(gradient_norm >= 0.0, "gradient norm", gradient_norm, "at least 0")?;
        HyperparameterError::unless(decrease > 0.0 && decrease < 0.5, "decrease", decrease, "in (0, 1/2)")?;
        let fits = curvature > decrease && curvature < 1.0;
        HyperparameterError::unless(fits, "curvature", curvature, "above the decrease and below 1")
    }
}

/// The plan's name for the loss; no parameter can have it, since names of parameters are not empty.
const LOSS: &str = "";

/// `-H g`, `H` being the approximate inverse Hessian of the pairs, the newest first: the two-loop recursion
/// (Nocedal and Wright, algorithm 7.4), from `H₀ = (sᵀy / yᵀy) I` of the newest pair (equation 7.20).
fn quasi_newton(gradient: &[f64], pairs: &VecDeque<Pair>) -> Vec<f64> {
    let mut q: Vec<f64> = gradient.iter().map(|g| -g).collect();
    let mut shares = Vec::new();
    for pair in pairs {
        let share = pair.rho * dot(&pair.s, &q);
        add_scaled(&mut q, -share, &pair.y);
        shares.push(share);
    }
    if let Some(newest) = pairs.front() {
        let scale = 1.0 / (newest.rho * dot(&newest.y, &newest.y));
        q.iter_mut().for_each(|q| *q *= scale);
    }
    for (pair, share) in pairs.iter().zip(shares).rev() {
        let other = pair.rho * dot(&pair.y, &q);
        add_scaled(&mut q, share - other, &pair.s);
    }
    q
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// `a := a + factor · b`
fn add_scaled(a: &mut [f64], factor: f64, b: &[f64]) {
    a.iter_mut().zip(b).for_each(|(a, b)| *a += factor * b);
}

#[cfg(test)]
mod tests;
