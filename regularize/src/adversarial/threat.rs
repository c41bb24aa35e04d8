//! What an attacker may do: a norm, a budget in it, and the box of valid inputs.
//!
//! The three belong together and are checked together: a budget means nothing without the scale of the
//! inputs, and a result outside the box is no input. The set `‖d‖ ≤ ε`, `l ≤ x + d ≤ u` is convex; iterated
//! attacks return to it after each step by [`Threat::project`], the *nearest* point of ball and box together
//! (see [`projection`](super::projection)), and start from a random point of it ([`Threat::random`]).
//!
//! ```
//! use autograd::{Graph, Tensor, interpret};
//! use regularize::adversarial::Threat;
//! let threat = Threat::one(1.0)?.within(0.0, 1.0)?;
//! let graph = Graph::<f64>::new();
//! let x = graph.constant(Tensor::new([1, 3], vec![0.5, 0.5, 0.5]));
//! let far = graph.constant(Tensor::new([1, 3], vec![1.5, 0.25, 0.0]));
//! // The first entry stops at the box; the others share what is left of the budget, 0.125 for 0.25 and
//! // 0.375 for 0.5.
//! let near = interpret(&[threat.project(x, far)], &[], None)?.remove(0);
//! assert_eq!(near.data(), [1.0, 0.375, 0.125]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use super::norm::Norm;
use super::projection::Multiplier;
use crate::error::{RegularizeError, at_least_zero};
use crate::host::rows;
use autograd::{Graph, Real, Shape, Var};
use nn::data::Dataset;
use std::fmt;

/// Norm, budget and box, checked together. See the [module documentation](self).
///
/// ```
/// use regularize::adversarial::{Norm, Threat};
/// let threat = Threat::two(0.5)?.within(0.0, 1.0)?;
/// assert_eq!(threat.to_string(), "L2 ≤ 0.5 in [0, 1]");
/// assert_eq!(threat.in_norm(Norm::One).with_epsilon(2.0)?, Threat::one(2.0)?.within(0.0, 1.0)?);
/// assert_eq!(Threat::new(Norm::Infinity, 0.1)?, Threat::infinity(0.1)?);
/// assert!(Threat::infinity(-0.1).is_err() && Threat::infinity(0.1)?.within(1.0, 0.0).is_err());
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Threat {
    norm: Norm,
    epsilon: f64,
    bounds: Option<(f64, f64)>,
}

/// The draws of a random start for inputs of one shape: plain variables, so that they can be frozen.
#[derive(Debug, Clone, Copy)]
pub struct StartDraws<'g, T: Real> {
    /// Of the inputs' shape: uniform on [0, 1), in the Euclidean norm normal.
    pub entries: Var<'g, T>,
    /// One for each example, `[n, 1]`: uniform on [0, 1). The infinity norm does not need it.
    pub radius: Var<'g, T>,
}

impl Threat {
    /// A budget in a norm, without a box.
    ///
    /// # Errors
    /// If the budget is negative or not finite.
    pub fn new(norm: Norm, epsilon: f64) -> Result<Threat, RegularizeError> {
        Ok(Threat { norm, epsilon: at_least_zero("attack's budget epsilon", epsilon)?, bounds: None })
    }

    /// A budget for each entry.
    ///
    /// # Errors
    /// As [`Threat::new`].
    pub fn infinity(epsilon: f64) -> Result<Threat, RegularizeError> {
        Threat::new(Norm::Infinity, epsilon)
    }

    /// A Euclidean budget.
    ///
    /// # Errors
    /// As [`Threat::new`].
    pub fn two(epsilon: f64) -> Result<Threat, RegularizeError> {
        Threat::new(Norm::Two, epsilon)
    }

    /// A budget for the sum of all changes.
    ///
    /// # Errors
    /// As [`Threat::new`].
    pub fn one(epsilon: f64) -> Result<Threat, RegularizeError> {
        Threat::new(Norm::One, epsilon)
    }

    /// The same with the box `[low, high]` of valid inputs.
    ///
    /// # Errors
    /// If the bounds are not finite or `low` is not below `high`.
    pub fn within(self, low: f64, high: f64) -> Result<Threat, RegularizeError> {
        if !(low.is_finite() && high.is_finite() && low < high) {
            return Err(RegularizeError::Bounds { low, high });
        }
        Ok(Threat { bounds: Some((low, high)), ..self })
    }

    /// The same in another norm.
    pub fn in_norm(self, norm: Norm) -> Threat {
        Threat { norm, ..self }
    }

    /// The same with another budget.
    ///
    /// # Errors
    /// As [`Threat::new`].
    pub fn with_epsilon(self, epsilon: f64) -> Result<Threat, RegularizeError> {
        Ok(Threat { epsilon: at_least_zero("attack's budget epsilon", epsilon)?, ..self })
    }

    /// The norm.
    pub fn norm(&self) -> Norm {
        self.norm
    }

    /// The budget.
    pub fn epsilon(&self) -> f64 {
        self.epsilon
    }

    /// The box of valid inputs.
    pub fn bounds(&self) -> Option<(f64, f64)> {
        self.bounds
    }

    /// That all examples lie in the box: from outside, budgets and success mean nothing.
    ///
    /// ```
    /// use autograd::Tensor;
    /// use nn::data::Dataset;
    /// use regularize::adversarial::Threat;
    /// let data = |value| Dataset::new(Tensor::<f64>::full([2, 2], value), Tensor::full([2], 0), 2);
    /// let threat = Threat::infinity(0.1)?;
    /// assert!(threat.check(&data(7.0)?).is_ok()); // there is no box
    /// assert!(threat.within(0.0, 1.0)?.check(&data(0.5)?).is_ok());
    /// let refusal = threat.within(0.0, 1.0)?.check(&data(7.0)?).unwrap_err();
    /// assert_eq!(refusal.to_string(), "example 0 holds 7, outside the attack's box [0, 1]");
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    ///
    /// # Errors
    /// [`RegularizeError::OutsideBox`] with the first that does not.
    pub fn check<T: Real>(&self, data: &Dataset<T>) -> Result<(), RegularizeError> {
        let Some((low, high)) = self.bounds else { return Ok(()) };
        let (low, high) = (T::from_f64(low), T::from_f64(high));
        // A NaN in the data is the network's matter: it gives a NaN gradient, which is counted.
        let outside = data.examples().data().iter().position(|v| *v < low || *v > high);
        match outside {
            None => Ok(()),
            Some(position) => Err(RegularizeError::OutsideBox {
                example: position / data.width(),
                value: data.examples().data()[position].to_f64(),
                low: low.to_f64(),
                high: high.to_f64(),
            }),
        }
    }

    /// That [`Threat::project`] knows the norm.
    ///
    /// # Errors
    /// [`RegularizeError::NoProjection`] for a general exponent.
    pub(super) fn projectable(self) -> Result<Threat, RegularizeError> {
        match self.norm {
            Norm::P(p) => Err(RegularizeError::NoProjection { exponent: p.value() }),
            _ => Ok(self),
        }
    }

    /// `x` clipped to the box; `x` itself if there is none.
    ///
    /// ```
    /// use autograd::{Graph, Tensor, interpret};
    /// use regularize::adversarial::Threat;
    /// let graph = Graph::<f64>::new();
    /// let x = graph.constant(Tensor::new([3], vec![-0.5, 0.25, 1.5]));
    /// let threat = Threat::infinity(0.1)?;
    /// assert_eq!(threat.clip(x).id(), x.id());
    /// let clipped = interpret(&[threat.within(0.0, 1.0)?.clip(x)], &[], None)?.remove(0);
    /// assert_eq!(clipped.data(), [0.0, 0.25, 1.0]);
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    #[track_caller]
    pub fn clip<'g, T: Real>(&self, x: Var<'g, T>) -> Var<'g, T> {
        match self.bounds {
            Some((low, high)) => x.clamp(low, high),
            None => x,
        }
    }

    /// The point nearest to `moved` that may be reached from `x`, for each example by itself. With `ε = 0` the
    /// variable `x` itself: nothing is recorded.
    ///
    /// `x` should lie in the box; an entry of it that does not goes no further out.
    ///
    /// ```
    /// use autograd::{Graph, Tensor, interpret};
    /// use regularize::adversarial::Threat;
    /// let graph = Graph::<f64>::new();
    /// let x = graph.constant(Tensor::zeros([1, 2]));
    /// let far = graph.constant(Tensor::new([1, 2], vec![3.0, 4.0]));
    /// let near = [Threat::infinity(1.0)?, Threat::two(2.5)?, Threat::one(3.0)?].map(|t| t.project(x, far));
    /// let found = interpret(&near, &[], None)?;
    /// assert_eq!(found[0].data(), [1.0, 1.0]);
    /// assert_eq!(found[1].data(), [1.5, 2.0]);
    /// assert_eq!(found[2].data(), [1.0, 2.0]); // two off each
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    ///
    /// # Panics
    /// If the shapes differ, or the norm is not one of 1, 2 and infinity.
    #[track_caller]
    pub fn project<'g, T: Real>(&self, x: Var<'g, T>, moved: Var<'g, T>) -> Var<'g, T> {
        if self.epsilon == 0.0 {
            return x;
        }
        self.project_within(x, moved, x.graph().fill([], self.epsilon))
    }

    /// [`Threat::project`] with the budget a scalar of the graph, in place of the threat's own.
    ///
    /// ```
    /// use autograd::{Feed, Graph, Tensor, interpret};
    /// use regularize::adversarial::Threat;
    /// let (graph, threat) = (Graph::<f64>::new(), Threat::two(1.0)?);
    /// let x = graph.constant(Tensor::zeros([1, 2]));
    /// let far = graph.constant(Tensor::new([1, 2], vec![3.0, 4.0]));
    /// let near = threat.project_within(x, far, graph.scalar("epsilon"));
    /// // One expression for all budgets.
    /// for (epsilon, expected) in [(2.5, [1.5, 2.0]), (10.0, [3.0, 4.0])] {
    ///     let found = interpret(&[near], &[("epsilon", Feed::from(epsilon))], None)?;
    ///     assert_eq!(found[0].data(), expected);
    /// }
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    ///
    /// # Panics
    /// As [`Threat::project`], or if the budget is no scalar.
    #[track_caller]
    pub fn project_within<'g, T: Real>(
        &self,
        x: Var<'g, T>,
        moved: Var<'g, T>,
        epsilon: Var<'g, T>,
    ) -> Var<'g, T> {
        let (shape, of_moved) = (x.shape(), moved.shape());
        assert!(shape == of_moved, "project: a point of shape {of_moved} for inputs of shape {shape}");
        assert!(epsilon.shape().rank() == 0, "project: the budget has shape {}", epsilon.shape());
        if shape.is_empty() {
            return moved;
        }
        let multiplier = match self.norm {
            // Two intervals: clipping to one and then the other is clipping to both.
            Norm::Infinity => return self.clip(moved.clamp(x - epsilon, x + epsilon)),
            Norm::One => Multiplier::Threshold,
            Norm::Two => Multiplier::Scale,
            Norm::P(p) => panic!("project: there is no projection in the norm of exponent {}", p.value()),
        };
        let rows = rows(shape);
        let (x, moved) = (x.reshape(rows), moved.reshape(rows));
        let difference = moved - x;
        let up = difference.greater(0.0);
        let room = match self.bounds {
            Some((low, high)) => up.select((high - x).maximum(0.0), (x - low).maximum(0.0)),
            None => difference.like(f64::INFINITY),
        };
        let sizes = difference.abs();
        let found = multiplier.of(sizes, room, epsilon);
        let shrunk = match multiplier {
            Multiplier::Threshold => (sizes - found).maximum(0.0),
            Multiplier::Scale => sizes * found,
        };
        let reached = x + difference.sign() * shrunk;
        let Some((low, high)) = self.bounds else { return reached.reshape(shape) };
        // The wall itself: x + (u - x) may round to a number beside u, of which no attack sees that it is held.
        let wall = up.select(x.like(high), x.like(low));
        self.clip(shrunk.greater_equal(room).select(wall, reached)).reshape(shape)
    }

    /// Whether the box holds an entry back: it is at the wall that the direction points to, or within a millionth of
    /// the box from it, which rounding may leave.
    pub(super) fn holds(&self, point: f64, direction: f64) -> bool {
        let Some((low, high)) = self.bounds else { return false };
        let near = 1e-6 * (high - low);
        (direction > 0.0 && point >= high - near) || (direction < 0.0 && point <= low + near)
    }

    /// `v` without the entries that point out of the box: the others share the step.
    #[track_caller]
    pub(super) fn movable<'g, T: Real>(&self, point: Var<'g, T>, v: Var<'g, T>) -> Var<'g, T> {
        let Some((low, high)) = self.bounds else { return v };
        if self.norm == Norm::Infinity {
            // Entries have a budget each and share nothing.
            return v;
        }
        let up = v.greater(0.0) * point.greater_equal(high);
        let down = v.less(0.0) * point.less_equal(low);
        (up + down).select(v.like(0.0), v)
    }

    /// The draws of a random start from the streams `STREAM.entries` and `STREAM.radius`.
    ///
    /// ```
    /// use autograd::{Graph, interpret};
    /// use regularize::adversarial::{Norm, Threat};
    /// let graph = Graph::<f64>::new();
    /// let x = graph.fill([50, 3], 0.5);
    /// for norm in [Norm::Infinity, Norm::Two, Norm::One] {
    ///     let threat = Threat::new(norm, 0.25)?;
    ///     let start = threat.random(x, threat.draws(&graph, "start", x.shape()));
    ///     let change = interpret(&[start - x], &[], None)?.remove(0);
    ///     // The bound, and the rounding of x + d - x.
    ///     assert!(change.data().chunks(3).all(|d| norm.of(d) > 0.0 && norm.of(d) < 0.25 + 1e-12));
    /// }
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    #[track_caller]
    pub fn draws<'g, T: Real>(&self, graph: &'g Graph<T>, stream: &str, shape: Shape) -> StartDraws<'g, T> {
        let (entries, radius) = (format!("{stream}.entries"), format!("{stream}.radius"));
        StartDraws {
            entries: match self.norm {
                Norm::Two => graph.normal(&entries, shape),
                _ => graph.uniform(&entries, shape),
            },
            radius: graph.uniform(&radius, [rows(shape)[0], 1]),
        }
    }

    /// A random point to start from: uniform in the ball around `x`, brought back into the box.
    ///
    /// In `m` dimensions a uniform point of a ball is a direction times `ε u^(1/m)` with `u` uniform; the
    /// direction is that of normal numbers in the Euclidean norm, of Laplace ones in the one norm. With `ε =
    /// 0` the variable `x` itself.
    ///
    /// ```
    /// use autograd::{Graph, Tensor, interpret};
    /// use regularize::adversarial::{StartDraws, Threat};
    /// let graph = Graph::<f64>::new();
    /// let x = graph.constant(Tensor::zeros([1, 2]));
    /// let (entries, radius) = (Tensor::new([1, 2], vec![0.75, 1.0]), Tensor::full([1, 1], 0.25));
    /// let draws = StartDraws { entries: graph.constant(entries), radius: graph.constant(radius) };
    /// let starts = [Threat::infinity(1.0)?, Threat::two(2.0)?].map(|threat| threat.random(x, draws));
    /// let found = interpret(&starts, &[], None)?;
    /// assert_eq!(found[0].data(), [0.5, 1.0]); // 2u - 1
    /// // Along (3, 4)/5, as far as 2 √0.25.
    /// assert!(found[1].data().iter().zip([0.6, 0.8]).all(|(a, b)| (a - b).abs() < 1e-12));
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    ///
    /// # Panics
    /// If the draws are not of `x`'s shape, or as [`Threat::project`].
    #[track_caller]
    pub fn random<'g, T: Real>(&self, x: Var<'g, T>, draws: StartDraws<'g, T>) -> Var<'g, T> {
        if self.epsilon == 0.0 {
            return x;
        }
        self.random_within(x, draws, x.graph().fill([], self.epsilon))
    }

    /// [`Threat::random`] with the budget a scalar of the graph, in place of the threat's own.
    ///
    /// ```
    /// use autograd::{Feed, Graph, interpret};
    /// use regularize::adversarial::Threat;
    /// let (graph, threat) = (Graph::<f64>::new(), Threat::infinity(1.0)?);
    /// let x = graph.fill([4, 2], 0.0);
    /// let draws = threat.draws(&graph, "start", x.shape());
    /// let start = threat.random_within(x, draws, graph.scalar("epsilon"));
    /// let at = |epsilon: f64| interpret(&[start], &[("epsilon", Feed::from(epsilon))], None);
    /// let (small, large) = (at(0.25)?.remove(0), at(0.5)?.remove(0));
    /// assert!(small.data().iter().zip(large.data()).all(|(a, b)| 2.0 * a == *b));
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    ///
    /// # Panics
    /// As [`Threat::random`].
    #[track_caller]
    pub fn random_within<'g, T: Real>(
        &self,
        x: Var<'g, T>,
        draws: StartDraws<'g, T>,
        epsilon: Var<'g, T>,
    ) -> Var<'g, T> {
        let (shape, of_draws) = (x.shape(), draws.entries.shape());
        assert!(shape == of_draws, "random start: draws of shape {of_draws} for inputs of shape {shape}");
        if shape.is_empty() {
            return x;
        }
        let centred = draws.entries * 2.0 - 1.0;
        let direction = match self.norm {
            Norm::Infinity => return self.project_within(x, x + centred * epsilon, epsilon),
            Norm::One => {
                // The inverse of Laplace's distribution function; a draw of exactly 0 has a finite size.
                let sizes = -(1.0 - centred.abs()).maximum(1e-30).ln();
                centred.sign() * sizes
            }
            _ => draws.entries,
        };
        let rows = rows(shape);
        let direction = direction.reshape(rows);
        let size = match self.norm {
            Norm::One => direction.abs().sum_keep(&[1]),
            _ => direction.powi(2).sum_keep(&[1]).sqrt(),
        };
        let radius = draws.radius.powf(1.0 / rows[1] as f64) * epsilon;
        let step = direction * (radius / size.maximum(1e-30));
        self.project_within(x, x + step.reshape(shape), epsilon)
    }
}

impl fmt::Display for Threat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ≤ {}", self.norm, self.epsilon)?;
        match self.bounds {
            Some((low, high)) => write!(f, " in [{low}, {high}]"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
