//! Bounds on each number.

use super::Projection;
use crate::error::RegularizeError;
use autograd::{Real, Var};

/// `low ≤ wᵢ ≤ high` for every number of a parameter: a box.
///
/// One multiplier for each number: at `high` it is `-∂J/∂wᵢ`, at `low` `∂J/∂wᵢ`; where neither bound is met, 0
/// at a minimum.
///
/// ```
/// use autograd::{Feed, Graph, Tensor, interpret};
/// use regularize::{Interval, Projection};
/// let graph = Graph::<f64>::new();
/// let w = Interval::at_least(0.0)?.project(graph.input("v", [3]));
/// let v = Tensor::new([3], vec![1.5, -1.0, 0.2]);
/// assert_eq!(interpret(&[w], &[("v", Feed::from(&v))], None)?[0].data(), [1.5, 0.0, 0.2]);
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    low: f64,
    high: f64,
}

impl Interval {
    /// Numbers from `low` to `high`.
    ///
    /// # Errors
    /// If the bounds are not finite, or the lower one is not below the upper one.
    ///
    /// ```
    /// use autograd::{Graph, Tensor, interpret};
    /// use regularize::{Interval, Projection};
    /// let graph = Graph::<f64>::new();
    /// let v = graph.constant(Tensor::new([3], vec![1.5, -3.0, 0.2]));
    /// let w = Interval::new(-1.0, 1.0)?.project(v);
    /// assert_eq!(interpret(&[w], &[], None)?[0].data(), [1.0, -1.0, 0.2]);
    /// assert!(Interval::new(1.0, -1.0).is_err());
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    pub fn new(low: f64, high: f64) -> Result<Interval, RegularizeError> {
        if !(low.is_finite() && high.is_finite() && low < high) {
            return Err(RegularizeError::Bounds { low, high });
        }
        Ok(Interval { low, high })
    }

    /// Numbers from `low` on: nonnegative weights.
    ///
    /// # Errors
    /// If `low` is not finite.
    pub fn at_least(low: f64) -> Result<Interval, RegularizeError> {
        if !low.is_finite() {
            return Err(RegularizeError::Bounds { low, high: f64::INFINITY });
        }
        Ok(Interval { low, high: f64::INFINITY })
    }
}

impl<T: Real> Projection<T> for Interval {
    fn project<'g>(&self, v: Var<'g, T>) -> Var<'g, T> {
        v.maximum(self.low).minimum(self.high)
    }

    /// The distance to the nearer bound.
    fn slack<'g>(&self, w: Var<'g, T>) -> Var<'g, T> {
        (w - self.low).minimum(self.high - w)
    }

    fn multiplier<'g>(&self, w: Var<'g, T>, gradient: Var<'g, T>) -> Var<'g, T> {
        let at_high = (self.high - w).less(w - self.low);
        at_high.select(-gradient, gradient)
    }
}
