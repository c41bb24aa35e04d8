//! Norm penalties as constrained optimisation (*Deep Learning*, section 7.2): `min J(w)` over the `w` of a set.
//!
//! A penalty `α Ω(w)` and a constraint `Ω(w) ≤ k` have the same minima: that of `J + α Ω` is that of `J` on the
//! set with `k = Ω(w(α))`, and the multiplier of the constraint there is `α`. The constraint is the better form
//! where a good `k` is known and a good `α` is not; it does nothing to weights that are small anyway, so
//! that none gets caught in a small dead end; and it bounds every step, so that a large learning rate cannot
//! run away (Hinton et al., 2012, for [`MaxNorm`]).
//!
//! | set | `Ω(w) ≤ k` | projection of `v` |
//! |---|---|---|
//! | [`L2Ball`] | `½ ‖w‖² ≤ ½ r²` | `v r / ‖v‖` if that is shorter |
//! | [`L1Ball`] | `‖w‖₁ ≤ r` | the [soft threshold](crate::soft_threshold) that leaves `r` |
//! | [`MaxNorm`] | `½ ‖w_u‖² ≤ ½ c²` for each unit `u` | each unit as in [`L2Ball`] |
//! | [`Interval`] | `low ≤ wᵢ ≤ high` | `min(max(v, low), high)` |
//! | [`Simplex`] | `Σ w = s`, `w ≥ 0` | `max(v - τ, 0)` with the `τ` that leaves `s` |
//! | [`SpectralBall`] | `σ₁(W) ≤ c` | singular values above `c` cut to `c` |
//!
//! A [`Projection`] is the mathematics, an expression on the graph; [`Projected`] makes it the last link of an
//! optimiser's chain, so that a compiled training step ends on the set; [`ProjectedGradient`] solves one
//! constrained problem and says how well, with the multiplier and what is left of the Karush-Kuhn-Tucker
//! conditions.
//!
//! ```
//! use nn::data::digits;
//! use nn::{Activation, Optimiser, Selection, Sequential, Trainer, initialise};
//! use regularize::{MaxNorm, Projected};
//! # fn main() -> Result<(), regularize::RegularizeError> {
//! let model = Sequential::<f32>::mlp(&[64, 16, 10], Activation::Relu);
//! let optimiser =
//!     Optimiser::momentum(0.1, 0.9).then(Projected::new(Selection::weights(), MaxNorm::new(0.5)?));
//! let mut parameters = initialise(&model, 1);
//! let some = digits::load()?.flattened().subset(&[0, 1, 2, 3])?;
//! Trainer::new(&model, optimiser).epochs(1).fit(&some, None, &mut parameters)?;
//! let weights = &parameters["linear2.weight"]; // [16, 10]: a column for each unit
//! for unit in 0..10 {
//!     let squares = weights.data().iter().skip(unit).step_by(10).map(|w| w * w);
//!     assert!(squares.sum::<f32>().sqrt() < 0.5 + 1e-6);
//! }
//! # Ok(())
//! # }
//! ```

mod balls;
mod interval;
mod projected;
mod simplex;
mod solver;
mod spectral_ball;

pub use balls::{L1Ball, L2Ball, MaxNorm, project_onto_l1_ball, project_onto_l2_ball};
pub use interval::Interval;
pub use projected::Projected;
pub use simplex::{Simplex, project_onto_simplex};
pub use solver::{Kkt, ProjectedGradient, SolverOutcome, SolverReport};
pub use spectral_ball::{SpectralBall, project_onto_spectral_ball, singular_values};

use crate::error::RegularizeError;
use autograd::{Real, Var};
use nn::optimise::HyperparameterError;
use std::fmt::Debug;

/// A closed convex set of parameters, `Ω(w) ≤ k`.
///
/// One of your own, the half space `Σ w ≤ 1`:
///
/// ```
/// use autograd::{Graph, Tensor, Var, interpret};
/// use regularize::Projection;
/// #[derive(Debug)]
/// struct SumAtMostOne;
/// impl Projection<f64> for SumAtMostOne {
///     fn project<'g>(&self, v: Var<'g, f64>) -> Var<'g, f64> {
///         v - (v.sum() - 1.0).relu() / v.shape().numel() as f64
///     }
///     fn slack<'g>(&self, w: Var<'g, f64>) -> Var<'g, f64> {
///         1.0 - w.sum()
///     }
///     fn multiplier<'g>(&self, _: Var<'g, f64>, gradient: Var<'g, f64>) -> Var<'g, f64> {
///         -gradient.mean() // ∇J = -λ (1, .., 1)
///     }
/// }
/// let graph = Graph::new();
/// let w = SumAtMostOne.project(graph.constant(Tensor::new([2], vec![4.0, 1.0])));
/// let found = interpret(&[w, SumAtMostOne.slack(w)], &[], None)?;
/// assert_eq!((found[0].data(), found[1].item()), (&[2.0, -1.0][..], 0.0));
/// # Ok::<(), autograd::RunError>(())
/// ```
pub trait Projection<T: Real>: Debug + Send + Sync {
    /// The point of the set nearest to `v`, of `v`'s shape. A point of the set comes back bit for bit.
    fn project<'g>(&self, v: Var<'g, T>) -> Var<'g, T>;

    /// Whether the set is everything: then nothing is recorded, and the graph is the one without constraint.
    fn is_everything(&self) -> bool {
        false
    }

    /// `k - Ω(w)`: how far a constraint is from holding `w` back; one number for each constraint.
    fn slack<'g>(&self, w: Var<'g, T>) -> Var<'g, T>;

    /// The multipliers `λ` with `∇J + λ ∇Ω = 0` where `w` is a constrained minimum: of the shape of
    /// [`slack`](Projection::slack). Elsewhere, the best guess along `w`.
    fn multiplier<'g>(&self, w: Var<'g, T>, gradient: Var<'g, T>) -> Var<'g, T>;
}

/// A bound that must be above 0; infinity is no bound.
fn radius(name: &'static str, value: f64) -> Result<f64, RegularizeError> {
    HyperparameterError::unless(value > 0.0, name, value, "above 0")?;
    Ok(value)
}

/// `a / b`, and 0 where `b` is 0.
fn quotient<'g, T: Real>(a: Var<'g, T>, b: Var<'g, T>) -> Var<'g, T> {
    let none = b.equal(0.0);
    none.select(a.like(0.0), a / none.select(b.like(1.0), b))
}

#[cfg(test)]
mod tests;
