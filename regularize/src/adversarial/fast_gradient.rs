//! One step along the gradient of the loss in the input: the largest increase of the linearised loss that
//! a budget allows.
//!
//! Near `x` the loss grows by `gᵀd` with `g = ∇ₓ J`. Over all `‖d‖ ≤ ε` that is largest, `ε` times the dual
//! norm of `g`, at
//!
//! | norm of `d` | perturbation `d` of each example | increase `gᵀd` |
//! |---|---|---|
//! | [`Norm::Infinity`] | `ε sign(g)` (Goodfellow, Shlens, Szegedy, ICLR 2015) | `ε ‖g‖₁` |
//! | [`Norm::Two`] | `ε g / ‖g‖₂` | `ε ‖g‖₂` |
//! | [`Norm::One`] | `ε sign(gₖ)` at the largest `abs(gₖ)`, the first of equals; 0 elsewhere | `ε ‖g‖∞` |
//!
//! `sign(0) = 0`, and an example whose gradient is 0 stays where it is, in every norm. Examples lie along the
//! first axis and are treated each by itself, so the loss may be a sum or a mean over them.

use crate::error::{RegularizeError, at_least_zero};
use autograd::{Real, Shape, Var, grad};

/// How the size of a perturbation is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Norm {
    /// The largest absolute value.
    #[default]
    Infinity,
    /// The Euclidean norm.
    Two,
    /// The sum of absolute values.
    One,
}

/// What a perturbation is to later differentiation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Perturbation {
    /// A constant: later gradients see `x + d` with a fixed `d`. What adversarial training does.
    Constant,
    /// A function of `x` and the parameters: later gradients go through it, by second derivatives. For the
    /// infinity norm that is the same, as the derivative of a sign is 0.
    Differentiated,
}

/// `x + ε sign(∇ₓ J)`: the fast gradient sign method, with the perturbation a constant to later gradients and
/// without a box (Goodfellow, Shlens, Szegedy, ICLR 2015). `epsilon` is a scalar of the graph.
///
/// ```
/// use autograd::{Feed, Graph, Tensor, interpret};
/// use regularize::fgsm;
/// let graph = Graph::<f64>::new();
/// let x = graph.input("x", [1, 3]);
/// let w = graph.constant(Tensor::new([3, 1], vec![2.0, 0.0, -1.0]));
/// let loss = x.matmul(w).softplus().sum();
/// let moved = fgsm(loss, x, graph.fill([], 0.25));
/// let zero = Tensor::<f64>::zeros([1, 3]);
/// assert_eq!(interpret(&[moved], &[("x", Feed::from(&zero))], None)?[0].data(), [0.25, 0.0, -0.25]);
/// # Ok::<(), autograd::RunError>(())
/// ```
///
/// # Panics
/// If the loss is no scalar or does not depend on `x`.
#[track_caller]
pub fn fgsm<'g, T: Real>(loss: Var<'g, T>, x: Var<'g, T>, epsilon: Var<'g, T>) -> Var<'g, T> {
    let gradient = grad(loss, &[x])[0];
    x + Norm::Infinity.steepest(gradient).detach() * epsilon
}

impl Norm {
    /// The perturbation of norm 1 along which `gᵀd` is largest, for each example along the first axis.
    ///
    /// An example whose gradient is 0 gets 0; one with a NaN gets NaN.
    #[track_caller]
    pub fn steepest<'g, T: Real>(self, gradient: Var<'g, T>) -> Var<'g, T> {
        let shape = gradient.shape();
        if self == Norm::Infinity {
            return gradient.sign();
        }
        if shape.is_empty() {
            return gradient;
        }
        let rows = rows(shape);
        let g = gradient.reshape(rows);
        let direction = match self {
            Norm::Infinity => unreachable!("returned above"),
            Norm::Two => {
                // Divided by its largest entry first: the squares of a gradient of 1e-25 underflow in
                // single precision, and would pass for 0.
                let largest = g.abs().max_keep(&[1]);
                let zero = largest.equal(0.0);
                let scaled = g / zero.select(largest.like(1.0), largest);
                let norm = scaled.powi(2).sum_keep(&[1]);
                scaled / zero.select(norm.like(1.0), norm).sqrt()
            }
            Norm::One => g.abs().argmax().one_hot(rows[1]) * g.sign(),
        };
        direction.reshape(shape)
    }

    /// The norm of the entries of one example, computed in `f64`; NaN if one of them is.
    pub fn of<T: Real>(self, values: &[T]) -> f64 {
        let sizes = values.iter().map(|value| value.to_f64().abs());
        match self {
            Norm::Infinity => sizes.fold(0.0, |largest, size| match size > largest || size.is_nan() {
                true => size,
                false => largest,
            }),
            Norm::Two => sizes.map(|size| size * size).sum::<f64>().sqrt(),
            Norm::One => sizes.sum(),
        }
    }
}

/// `[examples, entries of one]`.
fn rows(shape: Shape) -> Shape {
    match shape.lengths() {
        [] => Shape::from([1, 1]),
        [examples, entries @ ..] => Shape::from([*examples, entries.iter().product()]),
    }
}

/// A fast gradient attack: budget, norm and box, checked together.
///
/// ```
/// use regularize::{FastGradient, Norm};
/// let attack = FastGradient::new(0.25)?.within(0.0, 1.0)?;
/// let euclidean = FastGradient::new(1.5)?.in_norm(Norm::Two);
/// assert!(FastGradient::new(-0.1).is_err());
/// assert!(attack.within(1.0, 0.0).is_err());
/// # let _ = euclidean;
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FastGradient {
    epsilon: f64,
    norm: Norm,
    bounds: Option<(f64, f64)>,
}

impl FastGradient {
    /// The fast gradient sign method with budget `epsilon` and no box.
    ///
    /// # Errors
    /// If `epsilon` is negative or not finite.
    pub fn new(epsilon: f64) -> Result<FastGradient, RegularizeError> {
        let epsilon = at_least_zero("attack's budget epsilon", epsilon)?;
        Ok(FastGradient { epsilon, norm: Norm::default(), bounds: None })
    }

    /// The same with the budget in another norm.
    pub fn in_norm(self, norm: Norm) -> FastGradient {
        FastGradient { norm, ..self }
    }

    /// The same with results clipped to `[low, high]`, the range of valid inputs.
    ///
    /// # Errors
    /// If the bounds are not finite or `low` is not below `high`.
    pub fn within(self, low: f64, high: f64) -> Result<FastGradient, RegularizeError> {
        if !(low.is_finite() && high.is_finite() && low < high) {
            return Err(RegularizeError::Bounds { low, high });
        }
        Ok(FastGradient { bounds: Some((low, high)), ..self })
    }

    /// The budget.
    pub fn epsilon(&self) -> f64 {
        self.epsilon
    }

    /// The norm of the budget.
    pub fn norm(&self) -> Norm {
        self.norm
    }

    /// The box of valid inputs.
    pub fn bounds(&self) -> Option<(f64, f64)> {
        self.bounds
    }

    /// The adversarial examples of `x` for a scalar loss, clipped to the box, of `x`'s shape. With `ε = 0`
    /// the variable `x` itself: nothing is recorded.
    ///
    /// # Panics
    /// If the loss is no scalar or does not depend on `x`.
    #[track_caller]
    pub fn examples<'g, T: Real>(
        &self,
        loss: Var<'g, T>,
        x: Var<'g, T>,
        perturbation: Perturbation,
    ) -> Var<'g, T> {
        if self.epsilon == 0.0 {
            return x;
        }
        let direction = self.norm.steepest(grad(loss, &[x])[0]);
        let moved = match perturbation {
            Perturbation::Constant => x + (direction * self.epsilon).detach(),
            Perturbation::Differentiated => x + direction * self.epsilon,
        };
        self.clip(moved)
    }

    /// `x` clipped to the box; `x` itself if there is none.
    #[track_caller]
    pub fn clip<'g, T: Real>(&self, x: Var<'g, T>) -> Var<'g, T> {
        match self.bounds {
            Some((low, high)) => x.clamp(low, high),
            None => x,
        }
    }
}

#[cfg(test)]
mod tests;
