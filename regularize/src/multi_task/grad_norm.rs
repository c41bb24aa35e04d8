//! Task weights that balance gradients (Chen et al., *GradNorm: Gradient Normalization for Adaptive Loss
//! Balancing in Deep Multitask Networks*, ICML 2018).
//!
//! The weights `wᵢ` of the sum `Σ wᵢ Jᵢ` are moved at each step so that all tasks pull on the shared
//! parameters `θ` about equally, those that lag behind a little more:
//!
//! ```text
//! Gᵢ = ‖∇_θ wᵢ Jᵢ‖ = wᵢ ‖∇_θ Jᵢ‖               the length of a task's gradient
//! rᵢ = (Jᵢ / Jᵢ(0)) / mean of these ratios      its training rate: above 1 for a task that lags behind
//! J_grad = Σᵢ |Gᵢ - Ḡ rᵢ^α|                      Ḡ = mean of Gᵢ; the term Ḡ rᵢ^α is a constant
//! w := w - ε ∂J_grad/∂w,  then scaled to Σ wᵢ = number of tasks
//! ```
//!
//! The lengths are nodes of the graph, made of gradients that are nodes, and `∂J_grad/∂w` is one more
//! [`grad`](grad()). The network itself is trained on `Σ wᵢ Jᵢ` with the weights as constants. Weights and
//! first losses are states that the graph [proposes](autograd::Graph::propose_update) to update, as batch
//! normalisation does its statistics: an optimiser that is given [`GradNorm::parameters`] carries it out.
//!
//! `α = 0` asks for equal lengths; the paper uses 0.12 to 1.5. Losses are taken to be at least 0. Two
//! conventions of ours: a weight never falls below 1e-3 before the scaling (the paper's formula can make it
//! negative, and the task's loss would be maximised), and a loss of 0 at the start counts as a ratio of 1.
//!
//! ```
//! use regularize::multi_task::GradNorm;
//! let balance = GradNorm::new("balance", 2, 0.5, 0.025)?;
//! let names: Vec<_> = balance.parameters().into_iter().map(|spec| spec.name).collect();
//! assert_eq!(names, ["balance.weights", "balance.initial_losses"]);
//! # Ok::<(), regularize::RegularizeError>(())
//! ```

use super::{check_losses, sum};
use crate::error::{RegularizeError, at_least_one, at_least_zero};
use autograd::{Real, Shape, Var, grad, grad_or_zero};
use nn::{Initialiser, ParameterSpec, Role};

/// The smallest weight before the weights are scaled.
const SMALLEST: f64 = 1e-3;

/// Balancing by gradient lengths. See the [module documentation](self).
#[derive(Debug, Clone, PartialEq)]
pub struct GradNorm {
    name: String,
    tasks: usize,
    alpha: f64,
    rate: f64,
}

impl GradNorm {
    /// For so many tasks, with the exponent `alpha` and the step `rate` of the weights.
    ///
    /// # Errors
    /// If there are no tasks, or `alpha` or `rate` is negative or not finite.
    pub fn new(name: &str, tasks: usize, alpha: f64, rate: f64) -> Result<GradNorm, RegularizeError> {
        at_least_one("number of tasks", tasks)?;
        let (alpha, rate) =
            (at_least_zero("GradNorm exponent", alpha)?, at_least_zero("GradNorm rate", rate)?);
        Ok(GradNorm { name: name.into(), tasks, alpha, rate })
    }

    /// Whether there is nothing to balance.
    fn is_idle(&self) -> bool {
        self.rate == 0.0 || self.tasks == 1
    }

    /// The weights, 1 at first, and the first losses, 0 until there are any: two states, `[tasks]` each. None
    /// for rate 0 or a single task.
    pub fn parameters(&self) -> Vec<ParameterSpec> {
        if self.is_idle() {
            return Vec::new();
        }
        let state = |slot: &str, initialiser| ParameterSpec {
            name: format!("{}.{slot}", self.name),
            shape: [self.tasks].into(),
            role: Role::State,
            initialiser,
        };
        vec![state("weights", Initialiser::Constant(1.0)), state("initial_losses", Initialiser::Zeros)]
    }

    /// `Σ wᵢ Jᵢ`, a scalar, with the weights as they are; proposes the new weights. `shared` are the parameters
    /// on which gradients are measured: the trunk's, or its last layer's only, which costs less and is what
    /// the paper does. For rate 0 or a single task it is `Σ Jᵢ`, and nothing is proposed.
    ///
    /// # Panics
    /// If there is not a scalar for each task, or no shared parameter.
    ///
    /// ```
    /// use autograd::{Graph, Parameters, Tensor, interpret};
    /// use regularize::multi_task::GradNorm;
    /// let balance = GradNorm::new("balance", 2, 0.5, 0.025)?;
    /// let graph = Graph::<f64>::new();
    /// let w = graph.parameter("w", []);
    /// let objective = balance.objective(&[w * w, w * 3.0], &[w]);
    /// let values: Parameters<f64> = [
    ///     ("w", Tensor::scalar(2.0)),
    ///     ("balance.weights", Tensor::new([2], vec![0.5, 1.5])),
    ///     ("balance.initial_losses", Tensor::new([2], vec![4.0, 6.0])),
    /// ]
    /// .into_iter()
    /// .collect();
    /// assert_eq!(interpret(&[objective], &[], Some(&values))?[0].item(), 0.5 * 4.0 + 1.5 * 6.0);
    /// assert_eq!(graph.proposed_updates().len(), 2); // of the weights, and of the first losses
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    #[track_caller]
    pub fn objective<'g, T: Real>(&self, losses: &[Var<'g, T>], shared: &[Var<'g, T>]) -> Var<'g, T> {
        check_losses("GradNorm", losses, self.tasks);
        assert!(!shared.is_empty(), "GradNorm: there are no shared parameters");
        if self.is_idle() {
            return sum(losses);
        }
        let graph = losses[0].graph();
        let [weights, first] = &self.parameters()[..] else { unreachable!("two states") };
        let (weights, first) = (weights.declare(graph), first.declare(graph));
        let now = Var::stack(losses);
        let first_or_now = first.greater(0.0).select(first, now);
        let lengths = gradient_lengths(losses, shared);
        graph.propose_update(weights, self.new_weights(weights, lengths, now, first_or_now));
        graph.propose_update(first, first_or_now);
        (weights.detach() * now).sum()
    }

    /// The weights after one step: a pure function of the weights, of `‖∇_θ Jᵢ‖` of each unweighted task, and
    /// of its loss now and at first, all `[tasks]`.
    ///
    /// # Panics
    /// If shapes differ.
    ///
    /// Two tasks, the gradient of one three times as long: its weight falls, the other's rises.
    ///
    /// ```
    /// use autograd::{Graph, Tensor, interpret};
    /// use regularize::multi_task::GradNorm;
    /// let balance = GradNorm::new("balance", 2, 0.0, 0.125)?;
    /// let graph = Graph::<f64>::new();
    /// let [ones, lengths] = [[1.0, 1.0], [3.0, 1.0]].map(|v| graph.constant(Tensor::new([2], v.to_vec())));
    /// let imbalance = balance.imbalance(ones, lengths, ones, ones); // |3 - 2| + |1 - 2|
    /// let weights = balance.new_weights(ones, lengths, ones, ones);
    /// let found = interpret(&[imbalance, weights], &[], None)?;
    /// assert_eq!(found[0].item(), 2.0);
    /// // 1 - 3/8 and 1 + 1/8, scaled to a sum of 2.
    /// let expected = [0.625, 1.125].map(|w| w * 2.0 / 1.75);
    /// assert!((0..2).all(|i| (found[1].data()[i] - expected[i]).abs() < 1e-15));
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    #[track_caller]
    pub fn new_weights<'g, T: Real>(
        &self,
        weights: Var<'g, T>,
        lengths: Var<'g, T>,
        now: Var<'g, T>,
        first: Var<'g, T>,
    ) -> Var<'g, T> {
        let slope = grad(self.imbalance(weights, lengths, now, first), &[weights])[0];
        let moved = (weights - slope * self.rate).maximum(SMALLEST);
        moved * (moved.sum().like(self.tasks as f64) / moved.sum())
    }

    /// `J_grad`, a scalar whose derivative is meant for the weights only: `Σ |wᵢ ‖∇Jᵢ‖ - Ḡ rᵢ^α|`.
    ///
    /// # Panics
    /// If shapes differ.
    #[track_caller]
    pub fn imbalance<'g, T: Real>(
        &self,
        weights: Var<'g, T>,
        lengths: Var<'g, T>,
        now: Var<'g, T>,
        first: Var<'g, T>,
    ) -> Var<'g, T> {
        let expected = Shape::from([self.tasks]);
        for shape in [weights, lengths, now, first].map(Var::shape) {
            assert!(shape == expected, "GradNorm: values of shape {shape} for {} tasks", self.tasks);
        }
        // 1 instead of 0/0.
        let ratio = |a: Var<'g, T>, b: Var<'g, T>| b.greater(0.0).select(a / b, a.like(1.0));
        let progress = ratio(now, first);
        let rates = ratio(progress, progress.mean().broadcast_to(expected));
        let pulls = weights * lengths.detach();
        let wanted = if self.alpha == 0.0 { rates.like(1.0) } else { rates.powf(self.alpha) };
        (pulls - (wanted * pulls.mean()).detach()).abs().sum()
    }
}

/// `‖∇_θ Jᵢ‖` of each loss, `[tasks]`, over all of `shared` together; 0 where a loss does not depend on them.
fn gradient_lengths<'g, T: Real>(losses: &[Var<'g, T>], shared: &[Var<'g, T>]) -> Var<'g, T> {
    let length = |&loss: &Var<'g, T>| {
        let squares: Vec<_> = grad_or_zero(loss, shared).iter().map(|slope| slope.norm_squared()).collect();
        sum(&squares).sqrt()
    };
    Var::stack(&losses.iter().map(length).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests;
