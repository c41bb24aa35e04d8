//! The symmetric Dirichlet distribution: random weights that sum to 1.
//!
//! `Dirichlet(α, .., α)` is uniform on the simplex for `α = 1`; for `α < 1` one of the weights is nearly 1, for
//! `α > 1` all are nearly alike. Each weight by itself is [`Beta(α, (k - 1) α)`](super::beta::Beta).

use super::beta::Beta;
use autograd::{Real, Var};

/// `k` weights for each of `n` examples, from draws `[n, k]` uniform on [0, 1). A draw is a constant to
/// differentiation, unless `α = 1`.
///
/// A stick of length 1 is broken: the first weight is a `Beta(α, (k - 1) α)` share of it, the second a
/// `Beta(α, (k - 2) α)` share of what is left, the last is the rest. For `α = 1` there is a shorter way: exponential
/// draws over their sum.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::augmentation::dirichlet;
/// let graph = Graph::<f64>::new();
/// let draws = graph.constant(Tensor::new([1, 3], vec![0.2, 0.5, 0.9]));
/// let weights = interpret(&[dirichlet::weights(draws, 0.3)], &[], None)?.remove(0);
/// assert!((weights.data().iter().sum::<f64>() - 1.0).abs() < 1e-15);
/// # Ok::<(), autograd::RunError>(())
/// ```
///
/// # Panics
/// If `α` is not finite and above 0, or the draws are not `[n, k]` with `k` above 0.
#[track_caller]
pub fn weights<T: Real>(draws: Var<'_, T>, alpha: f64) -> Var<'_, T> {
    let shape = draws.shape();
    assert!(shape.rank() == 2 && shape[1] > 0, "dirichlet: draws of shape {shape} are not [n, k]");
    assert!(alpha > 0.0 && alpha.is_finite(), "dirichlet: a concentration of {alpha}");
    let k = shape[1];
    if k == 1 {
        // A draw of 0 would make 0/0 of the exponential.
        return draws.like(1.0);
    }
    if alpha == 1.0 {
        let exponential = -(1.0 - draws).ln();
        return exponential / exponential.sum_keep(&[1]);
    }
    let mut left = draws.slice(1, 0, 1).like(1.0);
    let mut found = Vec::with_capacity(k);
    for i in 0..k - 1 {
        let rest = (k - 1 - i) as f64 * alpha;
        let share = Beta::new(alpha, rest).expect("checked above").shares(draws.slice(1, i, i + 1));
        found.push(left * share);
        left = left * (1.0 - share);
    }
    found.push(left);
    Var::concat(&found, 1)
}

#[cfg(test)]
mod tests;
