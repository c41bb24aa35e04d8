//! Task weights learned as uncertainties (Kendall, Gal, Cipolla, *Multi-Task Learning Using Uncertainty to
//! Weigh Losses*, CVPR 2018).
//!
//! Each task has a noise of its own, of variance `σᵢ² = e^sᵢ`, that no input explains. The negative
//! logarithm of the likelihood of all tasks is then, up to constants,
//!
//! ```text
//! Σᵢ aᵢ e^(-sᵢ) Jᵢ + ½ sᵢ        aᵢ = ½  for a squared error (Gaussian likelihood; equation 7)
//!                                aᵢ = 1  for a cross-entropy (softmax of logits / σ²; equation 10)
//! ```
//!
//! and `sᵢ` is minimised along with the network. Learning the logarithm needs no constraint and no division.
//! At the minimum `e^sᵢ = 2 aᵢ Jᵢ`: a task is weighted by the inverse of its loss, whatever its units. There
//! the objective is `½ Σ ln Jᵢ` plus a constant, so the relative progress of every task counts alike.
//!
//! ```
//! use regularize::multi_task::{Likelihood, UncertaintyWeights};
//! let weights = UncertaintyWeights::new("tasks", &[Likelihood::Gaussian, Likelihood::Softmax])?;
//! assert_eq!(weights.parameters()[0].name, "tasks.log_variances");
//! # Ok::<(), regularize::RegularizeError>(())
//! ```

use super::check_losses;
use crate::error::{RegularizeError, at_least_one};
use autograd::{Graph, Real, Shape, Tensor, Var};
use nn::{Initialiser, ParameterSpec, Role};

/// What a task's loss is the logarithm of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Likelihood {
    /// The loss is a squared error `‖y - f‖²`: `a = ½`.
    Gaussian,
    /// The loss is a cross-entropy: `a = 1`. The normaliser of the tempered softmax is approximated, as in
    /// the paper.
    Softmax,
}

/// Log-variances of tasks, as a parameter. See the [module documentation](self).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UncertaintyWeights {
    name: String,
    likelihoods: Vec<Likelihood>,
}

impl UncertaintyWeights {
    /// Tasks of these likelihoods; the parameter is `NAME.log_variances`.
    ///
    /// # Errors
    /// If there are no tasks.
    pub fn new(name: &str, likelihoods: &[Likelihood]) -> Result<UncertaintyWeights, RegularizeError> {
        let tasks = likelihoods.len();
        at_least_one("number of tasks", tasks)?;
        Ok(UncertaintyWeights { name: name.into(), likelihoods: likelihoods.to_vec() })
    }

    /// So many tasks whose losses are squared errors.
    ///
    /// # Errors
    /// As [`UncertaintyWeights::new`].
    pub fn for_regression(name: &str, tasks: usize) -> Result<UncertaintyWeights, RegularizeError> {
        UncertaintyWeights::new(name, &vec![Likelihood::Gaussian; tasks])
    }

    /// So many tasks whose losses are cross-entropies.
    ///
    /// # Errors
    /// As [`UncertaintyWeights::new`].
    ///
    /// ```
    /// use autograd::{Graph, grad, interpret};
    /// use regularize::multi_task::UncertaintyWeights;
    /// let weights = UncertaintyWeights::for_classification("tasks", 2)?;
    /// let graph = Graph::<f64>::new();
    /// let losses = [graph.fill([], 0.5), graph.fill([], 2.0)];
    /// let s = graph.fill([2], 0.0);
    /// let objective = weights.with(&losses, s);
    /// let found = interpret(&[objective, grad(objective, &[s])[0]], &[], None)?;
    /// assert_eq!(found[0].item(), 0.5 + 2.0);
    /// assert_eq!(found[1].data(), [0.0, -1.5]); // ½ - J: the first is at its minimum, e⁰ = 2 J
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    pub fn for_classification(name: &str, tasks: usize) -> Result<UncertaintyWeights, RegularizeError> {
        UncertaintyWeights::new(name, &vec![Likelihood::Softmax; tasks])
    }

    /// The log-variances, 0 at first. Of the role of a bias: penalties and decay, which would pull every
    /// variance to 1, leave it out.
    pub fn parameters(&self) -> Vec<ParameterSpec> {
        vec![ParameterSpec {
            name: format!("{}.log_variances", self.name),
            shape: [self.likelihoods.len()].into(),
            role: Role::Bias,
            initialiser: Initialiser::Zeros,
        }]
    }

    /// `s` on a graph, `[tasks]`.
    ///
    /// # Panics
    /// As [`ParameterSpec::declare`].
    #[track_caller]
    pub fn log_variances<'g, T: Real>(&self, graph: &'g Graph<T>) -> Var<'g, T> {
        self.parameters()[0].declare(graph)
    }

    /// `Σ aᵢ e^(-sᵢ) Jᵢ + ½ sᵢ` with the parameter as `s`, a scalar.
    ///
    /// # Panics
    /// If there is not a scalar for each task.
    #[track_caller]
    pub fn objective<'g, T: Real>(&self, losses: &[Var<'g, T>]) -> Var<'g, T> {
        check_losses("uncertainty weights", losses, self.likelihoods.len());
        self.with(losses, self.log_variances(losses[0].graph()))
    }

    /// The same for any variable `s` of shape `[tasks]`.
    ///
    /// # Panics
    /// As [`UncertaintyWeights::objective`], or if `s` has another shape.
    ///
    /// ```
    /// use autograd::{Graph, Tensor, interpret};
    /// use regularize::multi_task::{Likelihood, UncertaintyWeights};
    /// let weights = UncertaintyWeights::new("tasks", &[Likelihood::Gaussian, Likelihood::Softmax])?;
    /// let graph = Graph::<f64>::new();
    /// let s = graph.constant(Tensor::new([2], vec![0.0, 2f64.ln()])); // variances 1 and 2
    /// let objective = weights.with(&[graph.fill([], 6.0), graph.fill([], 4.0)], s);
    /// let expected = 0.5 * 6.0 + 4.0 / 2.0 + 0.5 * 2f64.ln();
    /// assert!((interpret(&[objective], &[], None)?[0].item() - expected).abs() < 1e-15 * expected);
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    #[track_caller]
    pub fn with<'g, T: Real>(&self, losses: &[Var<'g, T>], s: Var<'g, T>) -> Var<'g, T> {
        check_losses("uncertainty weights", losses, self.likelihoods.len());
        let (shape, expected) = (s.shape(), Shape::from([losses.len()]));
        assert!(shape == expected, "uncertainty weights: log-variances of shape {shape}, not {expected}");
        let factor = |likelihood: &Likelihood| match likelihood {
            Likelihood::Gaussian => T::from_f64(0.5),
            Likelihood::Softmax => T::ONE,
        };
        let factors = Tensor::new(expected, self.likelihoods.iter().map(factor).collect());
        let precisions = s.graph().constant(factors) * (-s).exp();
        (precisions * Var::stack(losses) + s * 0.5).sum()
    }
}

#[cfg(test)]
mod tests;
