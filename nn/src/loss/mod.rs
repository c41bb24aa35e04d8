//! Losses: scalars to minimise, each over logits or predictions and what they should have been.
//!
//! | function | targets | one value for each | which is |
//! |---|---|---|---|
//! | [`cross_entropy`] | labels | example | `-ln softmax(z)[label]` |
//! | [`smoothed_cross_entropy`] | labels | example | the same, labels mixed with the uniform distribution |
//! | [`weighted_cross_entropy`] | labels | example | the same, times the weight of the label's class |
//! | [`soft_cross_entropy`] | distributions | example | `-Σₖ pₖ ln softmax(z)ₖ` |
//! | [`focal`] | labels | example | `(1 - p)^γ (-ln p)` with `p = softmax(z)[label]` |
//! | [`kl_divergence`], [`kl_divergence_of_logs`] | distributions | example | `Σₖ pₖ (ln pₖ - ln qₖ)` |
//! | [`crammer_singer`], [`weston_watkins`] | labels | example | what a margin of one lacks to the other classes |
//! | [`cosine_distance`] | vectors | example | `1 - cos(a, b)` |
//! | [`binary_cross_entropy`] | numbers in [0, 1] | element | `-t ln σ(x) - (1 - t) ln (1 - σ(x))` |
//! | [`binary_focal`] | 0 or 1 | element | the same, each term with a factor like that of [`focal`] |
//! | [`hinge`] | -1 or 1 | element | `max(0, 1 - t s)` |
//! | [`squared_error`] | numbers | element | `(prediction - target)²` |
//! | [`absolute_error`] | numbers | element | `abs(prediction - target)` |
//! | [`huber`] | numbers | element | squared near 0, straight far out |
//!
//! An example is one entry of all axes but the last, which counts classes or features. A [`Reduction`] says
//! whether the values are averaged, added up or left apart: a mean over examples makes a gradient that does
//! not depend on the batch size; an attack on each example wants the sum, so that one example's gradient does
//! not shrink with the number of its neighbours.
//!
//! Every loss takes logits or log-probabilities, never probabilities: value and gradient are finite and right
//! for logits of any size, which the tests hold them to at ±10⁴.
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

mod binary;
mod categorical;
mod cosine;
mod divergence;
mod focal;
mod hinge;
mod regression;

pub use binary::binary_cross_entropy;
pub use categorical::{cross_entropy, smoothed_cross_entropy, soft_cross_entropy, weighted_cross_entropy};
pub use cosine::cosine_distance;
pub use divergence::{kl_divergence, kl_divergence_of_logs};
pub use focal::{binary_focal, focal};
pub use hinge::{Shortfall, crammer_singer, hinge, weston_watkins};
pub use regression::{absolute_error, huber, squared_error};

use autograd::{IndexVar, Real, Shape, Var};

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

/// The number of examples whose largest logit is not the label's, a scalar; the first of equal logits
/// counts. Not differentiable.
///
/// # Panics
/// If there is not one label for each example, or no class.
#[track_caller]
pub fn error_count<'g, T: Real>(logits: Var<'g, T>, labels: IndexVar<'g, T>) -> Var<'g, T> {
    check_labels("error_count", logits, labels);
    let classes = logits.shape().last();
    let predicted = logits.argmax();
    let right = (predicted.one_hot(classes) * labels.one_hot(classes)).sum();
    labels.shape().numel() as f64 - right
}

/// The score of each example's label: `[.., classes]` and `[..]` give `[..]`.
#[track_caller]
fn picked<'g, T: Real>(scores: Var<'g, T>, labels: IndexVar<'g, T>) -> Var<'g, T> {
    (scores * labels.one_hot(scores.shape().last())).sum_over(&[-1])
}

/// The scores with each example's label put out of the running.
///
/// The number in its place is below all scores that occur, and finite in `f32` too: minus infinity would be
/// NaN if there is no other class.
#[track_caller]
fn only_others<'g, T: Real>(scores: Var<'g, T>, labels: IndexVar<'g, T>) -> Var<'g, T> {
    labels.one_hot(scores.shape().last()).select(scores.like(-1e30), scores)
}

/// One label for each example: logits `[.., classes]`, labels `[..]`.
#[track_caller]
fn check_labels<'g, T: Real>(loss: &str, logits: Var<'g, T>, labels: IndexVar<'g, T>) {
    let shape = logits.shape();
    assert!(shape.rank() > 0, "{loss}: the logits need a last axis of classes");
    let examples = Shape::new(&shape.lengths()[..shape.rank() - 1]);
    let given = labels.shape();
    assert!(
        given == examples,
        "{loss}: logits of shape {shape} need labels of shape {examples}, not {given}"
    );
}

/// Two operands of one shape: broadcasting would silently train something else.
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
