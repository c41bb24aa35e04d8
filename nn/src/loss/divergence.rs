//! Kullback-Leibler divergence.

use super::{Reduction, check_shapes};
use autograd::{Real, Var};

/// `D(p‖q) = Σₖ pₖ (ln pₖ - ln qₖ)` along the last axis, from `ln q`, the log-probabilities that were
/// predicted, to the distribution `p` that should have been; one value for each example, both `[..,
/// classes]` (*Deep Learning*, equation 3.50). [`Var::log_softmax`] makes log-probabilities of logits.
///
/// `0 ln 0` is 0, also where `ln q` is -∞; the derivatives in `p` and `ln q` count as 0 there. (In `p` it is
/// really -∞: a gradient in `p` means something only inside the simplex.)
///
/// As a loss of `q` it differs from [`soft_cross_entropy`](super::soft_cross_entropy) by the entropy of `p`,
/// a constant: the gradients in `q` are the same.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use nn::loss::{Reduction, kl_divergence};
/// let graph = Graph::<f64>::new();
/// let log_q = graph.constant(Tensor::new([1, 2], vec![0.0, 0.0])).log_softmax();
/// let p = graph.constant(Tensor::new([1, 2], vec![0.0, 1.0]));
/// let loss = kl_divergence(log_q, p, Reduction::Mean);
/// assert_eq!(interpret(&[loss], &[], None)?[0].item(), 2f64.ln());
/// # Ok::<(), autograd::RunError>(())
/// ```
///
/// # Panics
/// If the shapes differ or there is no axis.
#[track_caller]
pub fn kl_divergence<'g, T: Real>(
    log_probabilities: Var<'g, T>,
    targets: Var<'g, T>,
    reduction: Reduction,
) -> Var<'g, T> {
    check_shapes("kl_divergence", ("log-probabilities", log_probabilities), ("targets", targets));
    // Where p is 0, both logarithms are replaced before anything is multiplied: 0 · ∞ would be NaN.
    let positive = targets.greater(0.0);
    let log_p = positive.select(targets, targets.like(1.0)).ln();
    let log_q = positive.select(log_probabilities, targets.like(0.0));
    let terms = positive.select(targets * (log_p - log_q), targets.like(0.0));
    reduction.of(terms.sum_over(&[-1]))
}

/// [`kl_divergence`] with the targets as log-probabilities too, `Σₖ e^(ln pₖ) (ln pₖ - ln qₖ)`: what a
/// teacher's logits give, without an exponential that underflows and a logarithm that then is -∞. Where `ln
/// p` is -∞, the term and its derivatives are 0.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use nn::loss::{Reduction, kl_divergence_of_logs};
/// let graph = Graph::<f64>::new();
/// let [student, teacher] =
///     [[0.0, 0.0], [1e4, 0.0]].map(|logits| graph.constant(Tensor::new([1, 2], logits.to_vec())).log_softmax());
/// let loss = kl_divergence_of_logs(student, teacher, Reduction::Mean);
/// assert_eq!(interpret(&[loss], &[], None)?[0].item(), 2f64.ln());
/// # Ok::<(), autograd::RunError>(())
/// ```
///
/// # Panics
/// If the shapes differ or there is no axis.
#[track_caller]
pub fn kl_divergence_of_logs<'g, T: Real>(
    log_probabilities: Var<'g, T>,
    log_targets: Var<'g, T>,
    reduction: Reduction,
) -> Var<'g, T> {
    let (q, p) = (("log-probabilities", log_probabilities), ("log-targets", log_targets));
    check_shapes("kl_divergence_of_logs", q, p);
    let possible = log_targets.greater(f64::NEG_INFINITY);
    let zero = log_targets.like(0.0);
    let (log_q, log_p) = (possible.select(log_probabilities, zero), possible.select(log_targets, zero));
    reduction.of(possible.select(log_p.exp() * (log_p - log_q), zero).sum_over(&[-1]))
}
