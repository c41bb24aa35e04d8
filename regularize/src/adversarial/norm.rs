//! How the size of a perturbation is measured, and where a gradient is steepest under that measure.
//!
//! Over all `‖d‖ ≤ 1` the product `gᵀd` is largest, the *dual norm* of `g`, at
//!
//! | norm of `d` | direction `d` of each example | `gᵀd`, the dual norm |
//! |---|---|---|
//! | [`Norm::Infinity`] | `sign(g)` | `‖g‖₁` |
//! | [`Norm::Two`] | `g / ‖g‖₂` | `‖g‖₂` |
//! | [`Norm::One`] | `sign(gₖ)` at the largest `abs(gₖ)`, the first of equals; 0 elsewhere | `‖g‖∞` |
//! | [`Norm::p`], `1 < p < ∞` | `sign(g) abs(g)^(q-1) / ‖g‖_q^(q-1)` | `‖g‖_q` with `1/p + 1/q = 1` |
//!
//! The last row is where Hölder's inequality holds with equality. `sign(0) = 0`, and an example whose gradient
//! is 0 gets the direction 0, in every norm: nothing is divided by 0.

use crate::error::RegularizeError;
use crate::host::rows;
use autograd::{Real, Var};
use nn::optimise::HyperparameterError;
use std::fmt;

/// How the size of a perturbation is measured.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::Norm;
/// let g = [3.0, -4.0];
/// assert_eq!([Norm::Infinity, Norm::Two, Norm::One].map(|norm| norm.of(&g)), [4.0, 5.0, 7.0]);
/// let graph = Graph::<f64>::new();
/// let gradient = graph.constant(Tensor::new([1, 2], g.to_vec()));
/// for norm in [Norm::Infinity, Norm::Two, Norm::One, Norm::p(3.0)?] {
///     let d = interpret(&[norm.steepest(gradient)], &[], None)?.remove(0);
///     let product = g[0] * d.data()[0] + g[1] * d.data()[1];
///     assert!((norm.of(d.data()) - 1.0).abs() < 1e-12 && (product - norm.dual().of(&g)).abs() < 1e-12);
/// }
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Norm {
    /// The largest absolute value.
    #[default]
    Infinity,
    /// The Euclidean norm.
    Two,
    /// The sum of absolute values.
    One,
    /// `(Σ abs(dᵢ)^p)^(1/p)` for another `p > 1`, from [`Norm::p`].
    P(Exponent),
}

/// The `p` of a norm that has no name of its own: finite, above 1 and not 2.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exponent(f64);

impl Exponent {
    /// The number.
    pub fn value(self) -> f64 {
        self.0
    }
}

impl Norm {
    /// The norm of this exponent, infinity included.
    ///
    /// ```
    /// use regularize::Norm;
    /// assert_eq!(Norm::p(2.0)?, Norm::Two);
    /// assert_eq!(Norm::p(1.5)?.dual(), Norm::p(3.0)?);
    /// assert!(Norm::p(0.5).is_err());
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    ///
    /// # Errors
    /// If `p` is below 1, where it makes no norm, or NaN.
    pub fn p(p: f64) -> Result<Norm, RegularizeError> {
        HyperparameterError::unless(p >= 1.0, "exponent of a norm", p, "at least 1")?;
        Ok(if p == 1.0 {
            Norm::One
        } else if p == 2.0 {
            Norm::Two
        } else if p == f64::INFINITY {
            Norm::Infinity
        } else {
            Norm::P(Exponent(p))
        })
    }

    /// The exponent.
    pub fn exponent(self) -> f64 {
        match self {
            Norm::Infinity => f64::INFINITY,
            Norm::Two => 2.0,
            Norm::One => 1.0,
            Norm::P(p) => p.0,
        }
    }

    /// The norm of `g` that is `max gᵀd` over `‖d‖ ≤ 1`.
    pub fn dual(self) -> Norm {
        match self {
            Norm::Infinity => Norm::One,
            Norm::Two => Norm::Two,
            Norm::One => Norm::Infinity,
            // p - 1 of a p barely above 1 is a tiny number, and q is large but finite.
            Norm::P(Exponent(p)) => Norm::P(Exponent(p / (p - 1.0))),
        }
    }

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
                let (scaled, zero) = over_largest(g);
                let norm = scaled.powi(2).sum_keep(&[1]);
                scaled / zero.select(norm.like(1.0), norm).sqrt()
            }
            Norm::One => g.abs().argmax().one_hot(rows[1]) * g.sign(),
            Norm::P(Exponent(p)) => {
                let q = p / (p - 1.0);
                let (scaled, zero) = over_largest(g);
                let sizes = scaled.abs();
                let sum = sizes.powf(q).sum_keep(&[1]);
                // ‖g‖_q^(q-1) is the sum to the power (q - 1)/q, which is 1/p.
                let norm = zero.select(sum.like(1.0), sum).powf(1.0 / p);
                g.sign() * sizes.powf(q - 1.0) / norm
            }
        };
        direction.reshape(shape)
    }

    /// The norm of the entries of one example, computed in `f64`; NaN if one of them is.
    pub fn of<T: Real>(self, values: &[T]) -> f64 {
        let sizes = values.iter().map(|value| value.to_f64().abs());
        let largest = |sizes: &mut dyn Iterator<Item = f64>| {
            sizes.fold(0.0f64, |largest, size| match size > largest || size.is_nan() {
                true => size,
                false => largest,
            })
        };
        match self {
            Norm::Infinity => largest(&mut { sizes }),
            Norm::Two => sizes.map(|size| size * size).sum::<f64>().sqrt(),
            Norm::One => sizes.sum(),
            Norm::P(Exponent(p)) => {
                // Over the largest: a power of 1000 overflows otherwise.
                let scale = largest(&mut sizes.clone());
                if scale == 0.0 || scale.is_nan() {
                    return scale;
                }
                scale * sizes.map(|size| (size / scale).powf(p)).sum::<f64>().powf(p.recip())
            }
        }
    }
}

impl fmt::Display for Norm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Norm::Infinity => f.pad("L∞"),
            Norm::Two => f.pad("L2"),
            Norm::One => f.pad("L1"),
            Norm::P(p) => f.pad(&format!("L{}", p.0)),
        }
    }
}

/// Each row divided by its largest entry, and which rows are 0: the squares of a gradient of 1e-25 underflow
/// in single precision, and would pass for 0.
fn over_largest<'g, T: Real>(g: Var<'g, T>) -> (Var<'g, T>, Var<'g, T>) {
    let largest = g.abs().max_keep(&[1]);
    let zero = largest.equal(0.0);
    (g / zero.select(largest.like(1.0), largest), zero)
}

#[cfg(test)]
mod tests;
