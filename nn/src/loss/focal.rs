//! Focal losses: cross-entropies in which what is already right counts little.
//!
//! With `p` the probability of the right answer, the factor `(1 - p)^γ` takes weight from easy examples
//! (Lin et al., ICCV 2017, equation 4). Both losses here are one function of the log-odds `d = ln (1-p)/p`
//! against the right answer,
//!
//! ```text
//! FL = (1 - p)^γ (-ln p) = e^(-γ ζ(-d)) ζ(d)        ζ(x) = ln(1 + eˣ)
//! ```
//!
//! because `p = σ(-d)`. In this form no power of a difference `1 - p` is taken: it neither cancels nor has
//! infinite derivatives where `p` is 1 and `γ` no integer.

use super::{Reduction, check_labels, check_shapes, only_others, picked};
use autograd::{IndexVar, Real, Var};

/// `(1 - p)^γ (-ln p)` with `p = softmax(logits)[label]`, one value for each example: logits `[.., classes]`,
/// labels `[..]`. With `γ = 0` it is [`cross_entropy`](super::cross_entropy).
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use nn::loss::{Reduction, focal};
/// let graph = Graph::<f64>::new();
/// let logits = graph.constant(Tensor::new([1, 2], vec![0.0, 0.0]));
/// let label = graph.index_constant(Tensor::new([1], vec![0]));
/// let loss = interpret(&[focal(logits, label, 2.0, Reduction::Mean)], &[], None)?[0].item();
/// assert!((loss - 0.25 * 2f64.ln()).abs() < 1e-15);
/// # Ok::<(), autograd::RunError>(())
/// ```
///
/// # Panics
/// If there is not one label for each example, or `γ` is negative or not finite.
#[track_caller]
pub fn focal<'g, T: Real>(
    logits: Var<'g, T>,
    labels: IndexVar<'g, T>,
    gamma: f64,
    reduction: Reduction,
) -> Var<'g, T> {
    check_labels("focal", logits, labels);
    check_gamma("focal", gamma);
    let others = only_others(logits, labels).logsumexp(&[-1]);
    reduction.of(of_odds(others - picked(logits, labels), gamma))
}

/// `t α (1 - σ(x))^γ (-ln σ(x)) + (1 - t)(1 - α) σ(x)^γ (-ln (1 - σ(x)))` for logits `x` and targets `t`, one
/// value for each element. Targets are 0 or 1 in the paper; between them this is the mean of both losses.
///
/// The balance `α` in [0, 1] is the weight of targets 1 against targets 0 (the paper's best: `γ = 2`, `α =
/// 0.25`). Without one, both have weight one, so that `γ = 0` is
/// [`binary_cross_entropy`](super::binary_cross_entropy).
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use nn::loss::{Reduction, binary_focal};
/// let graph = Graph::<f64>::new();
/// let logits = graph.constant(Tensor::new([2], vec![0.0, 0.0]));
/// let targets = graph.constant(Tensor::new([2], vec![1.0, 0.0]));
/// let loss = binary_focal(logits, targets, 2.0, Some(0.25), Reduction::Each);
/// let values = interpret(&[loss], &[], None)?;
/// assert!((values[0][[0]] - 0.25 * 0.25 * 2f64.ln()).abs() < 1e-15);
/// assert!((values[0][[1]] - 0.75 * 0.25 * 2f64.ln()).abs() < 1e-15);
/// # Ok::<(), autograd::RunError>(())
/// ```
///
/// # Panics
/// If the shapes differ, `γ` is negative or not finite, or `α` is not in [0, 1].
#[track_caller]
pub fn binary_focal<'g, T: Real>(
    logits: Var<'g, T>,
    targets: Var<'g, T>,
    gamma: f64,
    alpha: Option<f64>,
    reduction: Reduction,
) -> Var<'g, T> {
    check_shapes("binary_focal", ("logits", logits), ("targets", targets));
    check_gamma("binary_focal", gamma);
    let (positive, negative) = match alpha {
        Some(alpha) => {
            let fits = (0.0..=1.0).contains(&alpha);
            assert!(fits, "binary_focal: the balance is {alpha}, it must be in [0, 1]");
            (alpha, 1.0 - alpha)
        }
        None => (1.0, 1.0),
    };
    let on_positive = targets * positive * of_odds(-logits, gamma);
    let on_negative = (1.0 - targets) * negative * of_odds(logits, gamma);
    reduction.of(on_positive + on_negative)
}

/// `e^(-γ ζ(-d)) ζ(d)`: the loss at the log-odds `d` against the right answer.
#[track_caller]
fn of_odds<'g, T: Real>(odds: Var<'g, T>, gamma: f64) -> Var<'g, T> {
    ((-odds).softplus() * -gamma).exp() * odds.softplus()
}

#[track_caller]
fn check_gamma(loss: &str, gamma: f64) {
    let fits = gamma.is_finite() && gamma >= 0.0;
    assert!(fits, "{loss}: the exponent is {gamma}, it must be finite and at least 0");
}
