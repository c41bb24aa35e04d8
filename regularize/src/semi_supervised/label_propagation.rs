//! Label propagation: labels spread along a similarity graph of the examples.
//!
//! No network is trained. Examples are nodes, alike ones joined by heavy edges `W`, and each takes on what its
//! neighbours say (Zhou et al., *Learning with Local and Global Consistency*, NIPS 2003):
//!
//! ```text
//! F := α S F + (1 - α) Y,      S = D^(-1/2) W D^(-1/2),  Dᵢᵢ = Σⱼ Wᵢⱼ
//! ```
//!
//! with one row of `Y` for each example: its label's one-hot vector, or 0. The iteration converges, by a
//! factor of at least `α` each step, to the solution of the linear system `(I - α S) F = (1 - α) Y`. It is
//! recorded step by step, so it can be differentiated, in the width of the similarity or in the examples.
//!
//! ```
//! use autograd::{Graph, Tensor, interpret};
//! use regularize::semi_supervised::{propagate_labels, similarity};
//! let graph = Graph::<f64>::new();
//! // Two groups on a line, one example of each with a label.
//! let x = graph.constant(Tensor::new([5, 1], vec![0.0, 0.5, 1.0, 5.0, 5.5]));
//! let y = graph.constant(Tensor::new([5, 2], vec![1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0]));
//! let f = propagate_labels(similarity(x, 0.5)?, y, 0.9, 50)?;
//! let f = &interpret(&[f], &[], None)?[0];
//! let found: Vec<bool> = f.data().chunks(2).map(|row| row[1] > row[0]).collect();
//! assert_eq!(found, [false, false, false, true, true]);
//! # Ok::<(), regularize::RegularizeError>(())
//! ```

use crate::error::{RegularizeError, above_zero};
use autograd::{Real, Tensor, Var};
use nn::optimise::HyperparameterError;

/// `Wᵢⱼ = e^(-‖xᵢ - xⱼ‖² / 2σ²)` and `Wᵢᵢ = 0`: examples `[n, ..]` give `[n, n]`.
///
/// # Errors
/// If `sigma` is not above 0 and finite.
///
/// # Panics
/// If the examples have no axis.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::semi_supervised::similarity;
/// let graph = Graph::<f64>::new();
/// let x = graph.constant(Tensor::new([2, 1], vec![0.0, 2.0]));
/// let w = interpret(&[similarity(x, 1.0)?], &[], None)?.remove(0);
/// let beside = (-2f64).exp(); // 2² / 2σ² = 2
/// let expected = [0.0, beside, beside, 0.0];
/// assert!(w.data().iter().zip(expected).all(|(w, expected)| (w - expected).abs() < 1e-15));
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[track_caller]
pub fn similarity<T: Real>(examples: Var<'_, T>, sigma: f64) -> Result<Var<'_, T>, RegularizeError> {
    above_zero("width sigma of the similarity", sigma)?;
    let shape = examples.shape();
    assert!(shape.rank() > 0, "similarity: the examples need an axis");
    let n = shape[0];
    let width = shape.lengths()[1..].iter().product::<usize>();
    let x = examples.reshape([n, width]);
    // ‖a‖² + ‖b‖² - 2 aᵀb needs [n, n] numbers, the differences themselves [n, n, width]. What cancels for close
    // neighbours is an error of one rounding of ‖a‖² in the exponent.
    let squares = x.powi(2).sum_keep(&[1]);
    let apart = (squares + squares.transpose() - x.matmul_transposed(x, false, true) * 2.0).relu();
    let others = Tensor::from_fn([n, n], |i| if i / n == i % n { T::ZERO } else { T::ONE });
    Ok((apart * (-0.5 / (sigma * sigma))).exp() * examples.graph().constant(others))
}

/// `F` after `steps` steps from `F = Y`: weights `[n, n]`, not negative and symmetric, and labels `[n, classes]`.
/// A row without edges keeps `(1 - α) Y`. With `α = 0` the variable `labels` itself.
///
/// # Errors
/// If `alpha` is not in [0, 1).
///
/// # Panics
/// If the shapes do not fit.
///
/// Two examples, joined by one edge, one of them with a label: `F₁ = α F₀` and `F₀ = α F₁ + 1 - α`, so that
/// `F₀ = 1 / (1 + α)`.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::semi_supervised::propagate_labels;
/// let graph = Graph::<f64>::new();
/// let edge = graph.constant(Tensor::new([2, 2], vec![0.0, 3.0, 3.0, 0.0]));
/// let labels = graph.constant(Tensor::new([2, 1], vec![1.0, 0.0]));
/// let found = interpret(&[propagate_labels(edge, labels, 0.5, 60)?], &[], None)?.remove(0);
/// assert!((found.data()[0] - 2.0 / 3.0).abs() < 1e-15 && (found.data()[1] - 1.0 / 3.0).abs() < 1e-15);
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[track_caller]
pub fn propagate_labels<'g, T: Real>(
    weights: Var<'g, T>,
    labels: Var<'g, T>,
    alpha: f64,
    steps: usize,
) -> Result<Var<'g, T>, RegularizeError> {
    let fits = (0.0..1.0).contains(&alpha);
    HyperparameterError::unless(fits, "share alpha of the neighbours", alpha, "in [0, 1)")?;
    let (w, y) = (weights.shape(), labels.shape());
    let square = w.rank() == 2 && y.rank() == 2 && w[0] == w[1] && w[0] == y[0];
    assert!(square, "propagate_labels: weights of shape {w} for labels of shape {y}");
    if alpha == 0.0 {
        return Ok(labels);
    }
    let degree = weights.sum_keep(&[1]);
    let alone = degree.equal(0.0);
    let scale = alone.select(degree.like(0.0), alone.select(degree.like(1.0), degree).sqrt().powi(-1));
    let smooth = weights * scale * scale.transpose();
    let kept = labels * (1.0 - alpha);
    Ok((0..steps).fold(labels, |f, _| smooth.matmul(f) * alpha + kept))
}

#[cfg(test)]
mod tests;
