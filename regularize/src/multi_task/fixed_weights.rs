//! Task losses with fixed weights: `Σ wᵢ Jᵢ`.
//!
//! The plain form of multi-task learning. A main task of weight 1 and extra tasks of smaller weights is
//! Caruana's; the extra tasks are there for what they teach the trunk.
//!
//! ```
//! use autograd::{Feed, Graph, interpret};
//! use regularize::multi_task::FixedWeights;
//! let graph = Graph::<f64>::new();
//! let losses = [graph.scalar("main"), graph.scalar("extra")];
//! let objective = FixedWeights::new(&[1.0, 0.25])?.objective(&losses);
//! let feeds = [("main", Feed::Scalar(2.0)), ("extra", Feed::Scalar(8.0))];
//! assert_eq!(interpret(&[objective], &feeds, None).unwrap()[0].item(), 4.0);
//! # Ok::<(), regularize::RegularizeError>(())
//! ```

use super::{check_losses, sum};
use crate::error::{RegularizeError, at_least_zero};
use autograd::{Real, Var};
use nn::optimise::HyperparameterError;

/// A number for each task's loss.
#[derive(Debug, Clone, PartialEq)]
pub struct FixedWeights {
    weights: Vec<f64>,
}

impl FixedWeights {
    /// These weights, in the order of the tasks.
    ///
    /// # Errors
    /// If one is negative or not finite, or none is above 0.
    pub fn new(weights: &[f64]) -> Result<FixedWeights, RegularizeError> {
        for &weight in weights {
            at_least_zero("weight of a task", weight)?;
        }
        let largest = weights.iter().copied().fold(0.0, f64::max);
        HyperparameterError::unless(largest > 0.0, "largest weight of a task", largest, "above 0")?;
        Ok(FixedWeights { weights: weights.to_vec() })
    }

    /// The weights, in order.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// `Σ wᵢ Jᵢ`, a scalar. A task of weight 0 is left out, one of weight 1 is added as it is: with a single
    /// 1 among zeros the objective is that task's loss itself.
    ///
    /// # Panics
    /// If there is not a scalar for each weight.
    #[track_caller]
    pub fn objective<'g, T: Real>(&self, losses: &[Var<'g, T>]) -> Var<'g, T> {
        check_losses("fixed weights", losses, self.weights.len());
        let mut terms = Vec::new();
        for (&loss, &weight) in losses.iter().zip(&self.weights).filter(|&(_, &weight)| weight != 0.0) {
            terms.push(if weight == 1.0 { loss } else { loss * weight });
        }
        sum(&terms)
    }
}

#[cfg(test)]
mod tests;
