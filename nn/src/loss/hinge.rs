//! Hinge losses: zero where the right answer wins by a margin of one, and growing with what is missing.
//!
//! With scores `s` and `m` what is missing of the margin, a loss is `max(m, 0)` or its square
//! ([`Shortfall`]):
//!
//! | function | what is missing |
//! |---|---|
//! | [`hinge`] | `1 - t s`, targets `t` are -1 or 1 (Cortes and Vapnik 1995) |
//! | [`crammer_singer`] | `1 + maxₖ sₖ - s[label]` over the other classes (Crammer and Singer, JMLR 2001) |
//! | [`weston_watkins`] | `1 + sₖ - s[label]`, added up over the other classes `k` (Weston and Watkins 1999) |
//!
//! The derivative at the kink, where exactly nothing is missing, is 0.

use super::{Reduction, check_labels, check_shapes, only_others, picked};
use autograd::{IndexVar, Real, Var};

/// How a missing margin counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shortfall {
    /// As it is: support vector machines with L1 loss.
    Linear,
    /// Its square: L2 loss, with a continuous slope.
    Squared,
}

impl Shortfall {
    /// `max(missing, 0)` or its square.
    #[track_caller]
    fn of<'g, T: Real>(self, missing: Var<'g, T>) -> Var<'g, T> {
        match self {
            Shortfall::Linear => missing.relu(),
            Shortfall::Squared => missing.relu().powi(2),
        }
    }
}

/// `max(0, 1 - t s)` or its square, for scores `s` and targets `t`, each -1 or 1; one value for each element.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use nn::loss::{Reduction, Shortfall, hinge};
/// let graph = Graph::<f64>::new();
/// let [scores, targets] =
///     [[2.0, 2.0], [1.0, -1.0]].map(|values| graph.constant(Tensor::new([2], values.to_vec())));
/// let loss = hinge(scores, targets, Shortfall::Squared, Reduction::Each);
/// assert_eq!(interpret(&[loss], &[], None)?[0].data(), [0.0, 9.0]);
/// # Ok::<(), autograd::RunError>(())
/// ```
///
/// # Panics
/// If the shapes differ.
#[track_caller]
pub fn hinge<'g, T: Real>(
    scores: Var<'g, T>,
    targets: Var<'g, T>,
    shortfall: Shortfall,
    reduction: Reduction,
) -> Var<'g, T> {
    check_shapes("hinge", ("scores", scores), ("targets", targets));
    reduction.of(shortfall.of(1.0 - targets * scores))
}

/// `max(0, 1 + maxₖ sₖ - s[label])` or its square, `k` over the other classes; one value for each example:
/// scores `[.., classes]`, labels `[..]`. Only the strongest other class counts; equally strong ones share
/// its gradient. A single class has loss 0.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use nn::loss::{Reduction, Shortfall, crammer_singer};
/// let graph = Graph::<f64>::new();
/// let scores = graph.constant(Tensor::new([1, 3], vec![1.0, 2.0, 0.5]));
/// let label = graph.index_constant(Tensor::new([1], vec![0]));
/// let loss = crammer_singer(scores, label, Shortfall::Linear, Reduction::Mean);
/// assert_eq!(interpret(&[loss], &[], None)?[0].item(), 2.0);
/// # Ok::<(), autograd::RunError>(())
/// ```
///
/// # Panics
/// If there is not one label for each example.
#[track_caller]
pub fn crammer_singer<'g, T: Real>(
    scores: Var<'g, T>,
    labels: IndexVar<'g, T>,
    shortfall: Shortfall,
    reduction: Reduction,
) -> Var<'g, T> {
    check_labels("crammer_singer", scores, labels);
    let strongest = only_others(scores, labels).max_over(&[-1]);
    reduction.of(shortfall.of(1.0 + strongest - picked(scores, labels)))
}

/// `Σₖ max(0, 1 + sₖ - s[label])`, or the sum of their squares, `k` over the other classes; one value for each
/// example: scores `[.., classes]`, labels `[..]`. Not divided by the number of classes.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use nn::loss::{Reduction, Shortfall, weston_watkins};
/// let graph = Graph::<f64>::new();
/// let scores = graph.constant(Tensor::new([1, 3], vec![1.0, 2.0, 0.5]));
/// let label = graph.index_constant(Tensor::new([1], vec![0]));
/// let loss = weston_watkins(scores, label, Shortfall::Linear, Reduction::Mean);
/// assert_eq!(interpret(&[loss], &[], None)?[0].item(), 2.5);
/// # Ok::<(), autograd::RunError>(())
/// ```
///
/// # Panics
/// If there is not one label for each example.
#[track_caller]
pub fn weston_watkins<'g, T: Real>(
    scores: Var<'g, T>,
    labels: IndexVar<'g, T>,
    shortfall: Shortfall,
    reduction: Reduction,
) -> Var<'g, T> {
    check_labels("weston_watkins", scores, labels);
    let own = (scores * labels.one_hot(scores.shape().last())).sum_keep(&[-1]);
    reduction.of(shortfall.of(1.0 + only_others(scores, labels) - own).sum_over(&[-1]))
}
