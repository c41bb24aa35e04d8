//! Losses: scalars to minimise, each over logits or predictions and what they should have been.
//!
//! | function | targets | one value for each | over `m` of them |
//! |---|---|---|---|
//! | [`cross_entropy`] | labels | example | `-ln softmax(logits)[label]` |
//! | [`soft_cross_entropy`] | distributions | example | `-Σₖ pₖ ln softmax(logits)ₖ` |
//! | [`binary_cross_entropy`] | numbers in [0, 1] | element | `-t ln σ(x) - (1 - t) ln (1 - σ(x))` |
//! | [`squared_error`] | numbers | element | `(prediction - target)²` |
//!
//! A [`Reduction`] says whether the values are averaged, added up or left apart: a mean over examples makes a
//! gradient that does not depend on the batch size; an attack on each example wants the sum, so that one
//! example's gradient does not shrink with the number of its neighbours.
//!
//! ```
//! use autograd::{Feed, Graph, Tensor, grad, interpret};
//! use nn::loss::{Reduction, cross_entropy};
//! let graph = Graph::<f64>::new();
//! let (logits, labels) = (graph.input("logits", [1, 2]), graph.indices("labels", [1]));
//! let loss = cross_entropy(logits, labels, Reduction::Mean);
//! let slope = grad(loss, &[logits])[0];
//! let (z, l) = (Tensor::new([1, 2], vec![0.0, 0.0]), Tensor::new([1], vec![1]));
//! let values = interpret(&[loss, slope], &[("logits", Feed::from(&z)), ("labels", Feed::from(&l))], None)?;
//! assert_eq!(values[0].item(), 2f64.ln());
//! assert_eq!(values[1].data(), [0.5, -0.5]); // softmax - one-hot
//! # Ok::<(), autograd::RunError>(())
//! ```

use autograd::{IndexVar, Real, Var};

/// What becomes of the values of a loss, one for each example or element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reduction {
    /// Their mean: a scalar.
    Mean,
    /// Their sum: a scalar.
    Sum,
    /// Nothing: they stay apart.
    Each,
}

impl Reduction {
    /// Applies the reduction.
    #[track_caller]
    pub fn of<'g, T: Real>(self, values: Var<'g, T>) -> Var<'g, T> {
        match self {
            Reduction::Mean => values.mean(),
            Reduction::Sum => values.sum(),
            Reduction::Each => values,
        }
    }
}

/// `-ln softmax(logits)[label]`, one value for each example: logits `[.., classes]`, labels `[..]`.
///
/// Computed as `logsumexp(logits) - logits[label]` (Goodfellow, Bengio, Courville, *Deep Learning*, section
/// 6.2.2.3): no exponential overflows and no logarithm of 0 is taken.
///
/// # Panics
/// If there is not one label for each example.
#[track_caller]
pub fn cross_entropy<'g, T: Real>(
    logits: Var<'g, T>,
    labels: IndexVar<'g, T>,
    reduction: Reduction,
) -> Var<'g, T> {
    reduction.of(logits.cross_entropy_each(labels))
}

/// `-Σₖ pₖ ln softmax(logits)ₖ` for target distributions `p` along the last axis, one value for each
/// example: logits and targets `[.., classes]`. What smoothed or mixed labels use.
///
/// # Panics
/// If the shapes differ or there is no axis.
#[track_caller]
pub fn soft_cross_entropy<'g, T: Real>(
    logits: Var<'g, T>,
    targets: Var<'g, T>,
    reduction: Reduction,
) -> Var<'g, T> {
    check_shapes("soft_cross_entropy", ("logits", logits), ("targets", targets));
    reduction.of(-(targets * logits.log_softmax()).sum_over(&[-1]))
}

/// `-t ln σ(x) - (1 - t) ln (1 - σ(x))` for logits `x` and targets `t` in [0, 1], one value for each
/// element.
///
/// Computed as `t ζ(-x) + (1 - t) ζ(x)` with `ζ(x) = ln(1 + eˣ)`: finite for logits of any size. The usual
/// `ζ(x) - x t` is the same function, but its gradient `σ(x) - t` cancels for a confident right answer,
/// where this one keeps its relative precision.
///
/// # Panics
/// If the shapes differ.
#[track_caller]
pub fn binary_cross_entropy<'g, T: Real>(
    logits: Var<'g, T>,
    targets: Var<'g, T>,
    reduction: Reduction,
) -> Var<'g, T> {
    check_shapes("binary_cross_entropy", ("logits", logits), ("targets", targets));
    reduction.of(targets * (-logits).softplus() + (1.0 - targets) * logits.softplus())
}

/// `(prediction - target)²`, one value for each element. Its mean is the mean squared error, over all
/// elements and not over examples only.
///
/// # Panics
/// If the shapes differ: a target of shape `[n]` for predictions of shape `[n, 1]` would else stretch to
/// `[n, n]` and train something else.
#[track_caller]
pub fn squared_error<'g, T: Real>(
    prediction: Var<'g, T>,
    target: Var<'g, T>,
    reduction: Reduction,
) -> Var<'g, T> {
    check_shapes("squared_error", ("prediction", prediction), ("target", target));
    reduction.of((prediction - target).powi(2))
}

/// The number of examples whose largest logit is not the label's, a scalar; the first of equal logits
/// counts. Not differentiable.
///
/// # Panics
/// If there is not one label for each example, or no class.
#[track_caller]
pub fn error_count<'g, T: Real>(logits: Var<'g, T>, labels: IndexVar<'g, T>) -> Var<'g, T> {
    let classes = logits.shape().last();
    let predicted = logits.argmax();
    assert!(
        predicted.shape() == labels.shape(),
        "error_count: logits of shape {} need labels of shape {}, not {}",
        logits.shape(),
        predicted.shape(),
        labels.shape()
    );
    let right = (predicted.one_hot(classes) * labels.one_hot(classes)).sum();
    labels.shape().numel() as f64 - right
}

#[track_caller]
fn check_shapes<T: Real>(loss: &str, (a_role, a): (&str, Var<'_, T>), (b_role, b): (&str, Var<'_, T>)) {
    if a.shape() != b.shape() {
        let name = |v: Var<'_, T>| v.graph().name_of(v.id()).map(|n| format!(" (`{n}`)")).unwrap_or_default();
        panic!(
            "{loss}: the {a_role}{} of shape {} and the {b_role}{} of shape {} must have one shape",
            name(a),
            a.shape(),
            name(b),
            b.shape()
        );
    }
}

#[cfg(test)]
mod tests;
