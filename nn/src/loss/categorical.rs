//! Losses of one class among several: logits against labels or distributions.

use super::{Reduction, check_labels, check_shapes};
use autograd::{IndexVar, Real, Tensor, Var};

/// `-ln softmax(logits)[label]`, one value for each example: logits `[.., classes]`, labels `[..]`.
///
/// Computed as `logsumexp(logits) - logits[label]` (Goodfellow, Bengio, Courville, *Deep Learning*, section
/// 6.2.2.3): no exponential overflows and no logarithm of 0 is taken.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use nn::loss::{Reduction, cross_entropy};
/// let graph = Graph::<f64>::new();
/// let logits = graph.constant(Tensor::new([1, 2], vec![0.0, 1e4]));
/// let label = graph.index_constant(Tensor::new([1], vec![0]));
/// let loss = cross_entropy(logits, label, Reduction::Mean);
/// assert_eq!(interpret(&[loss], &[], None)?[0].item(), 1e4);
/// # Ok::<(), autograd::RunError>(())
/// ```
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
/// example: logits and targets `[.., classes]`. What mixed labels and distillation use.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use nn::loss::{Reduction, soft_cross_entropy};
/// let graph = Graph::<f64>::new();
/// let logits = graph.constant(Tensor::new([1, 2], vec![0.0, 0.0]));
/// let targets = graph.constant(Tensor::new([1, 2], vec![0.3, 0.7]));
/// let loss = soft_cross_entropy(logits, targets, Reduction::Mean);
/// assert_eq!(interpret(&[loss], &[], None)?[0].item(), 2f64.ln());
/// # Ok::<(), autograd::RunError>(())
/// ```
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

/// [`cross_entropy`] with smoothed labels, one value for each example: logits `[.., classes]`, labels
/// `[..]`.
///
/// With `K` classes and the smoothing `e` in [0, 1), the target distribution is `1 - e + e/K` at the label
/// and `e/K` elsewhere: the mixture of one-hot and uniform distribution (Szegedy et al., CVPR 2016, section
/// 7). The value is
///
/// ```text
/// (1 - e) (-ln softmax(z)[label]) + e (1/K) Σₖ -ln softmax(z)ₖ
/// ```
///
/// *Deep Learning*, section 7.5.1, has the other convention, `1 - ε` at the label and `ε/(K-1)` elsewhere:
/// it is this one with `e = ε K/(K-1)`.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use nn::loss::{Reduction, smoothed_cross_entropy, soft_cross_entropy};
/// let graph = Graph::<f64>::new();
/// let logits = graph.constant(Tensor::new([1, 2], vec![1.0, 0.0]));
/// let label = graph.index_constant(Tensor::new([1], vec![0]));
/// let targets = graph.constant(Tensor::new([1, 2], vec![0.95, 0.05]));
/// let smoothed = smoothed_cross_entropy(logits, label, 0.1, Reduction::Mean);
/// let soft = soft_cross_entropy(logits, targets, Reduction::Mean);
/// let values = interpret(&[smoothed, soft], &[], None)?;
/// assert!((values[0].item() - values[1].item()).abs() < 1e-15);
/// # Ok::<(), autograd::RunError>(())
/// ```
///
/// # Panics
/// If there is not one label for each example, or the smoothing is not in [0, 1).
#[track_caller]
pub fn smoothed_cross_entropy<'g, T: Real>(
    logits: Var<'g, T>,
    labels: IndexVar<'g, T>,
    smoothing: f64,
    reduction: Reduction,
) -> Var<'g, T> {
    check_labels("smoothed_cross_entropy", logits, labels);
    assert!(
        (0.0..1.0).contains(&smoothing),
        "smoothed_cross_entropy: the smoothing is {smoothing}, it must be in [0, 1)"
    );
    let hard = logits.cross_entropy_each(labels);
    let uniform = -logits.log_softmax().mean_over(&[-1]);
    reduction.of(hard * (1.0 - smoothing) + uniform * smoothing)
}

/// [`cross_entropy`] with a weight for each class, `w[label] · -ln softmax(logits)[label]` for each example:
/// logits `[.., classes]`, labels `[..]`, class weights `[classes]`.
///
/// [`Reduction::Sum`] adds these up. [`Reduction::Mean`] is the *weighted* mean: their sum divided by the sum
/// of the examples' weights, `Σᵢ w[labelᵢ] lossᵢ / Σᵢ w[labelᵢ]`, not by the number of examples; a common
/// factor of all weights changes nothing. A class of weight 0 is ignored, and a batch of ignored examples
/// has loss 0 and gradient 0, not 0/0.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use nn::loss::{Reduction, weighted_cross_entropy};
/// let graph = Graph::<f64>::new();
/// let logits = graph.constant(Tensor::new([2, 2], vec![0.0, 0.0, 5.0, 0.0]));
/// let labels = graph.index_constant(Tensor::new([2], vec![0, 1]));
/// let loss = weighted_cross_entropy(logits, labels, &[3.0, 0.0], Reduction::Mean);
/// assert_eq!(interpret(&[loss], &[], None)?[0].item(), 2f64.ln()); // the second example is ignored
/// # Ok::<(), autograd::RunError>(())
/// ```
///
/// # Panics
/// If there is not one label for each example and one weight for each class, or a weight is negative or not
/// finite.
#[track_caller]
pub fn weighted_cross_entropy<'g, T: Real>(
    logits: Var<'g, T>,
    labels: IndexVar<'g, T>,
    class_weights: &[f64],
    reduction: Reduction,
) -> Var<'g, T> {
    check_labels("weighted_cross_entropy", logits, labels);
    let classes = logits.shape().last();
    assert!(
        class_weights.len() == classes,
        "weighted_cross_entropy: {classes} classes need as many weights, not {}",
        class_weights.len()
    );
    for (class, weight) in class_weights.iter().enumerate() {
        assert!(
            weight.is_finite() && *weight >= 0.0,
            "weighted_cross_entropy: the weight of class {class} is {weight}, it must be finite and at least 0"
        );
    }
    let table = Tensor::from_fn([classes], |class| T::from_f64(class_weights[class]));
    let weights = (labels.one_hot(classes) * logits.graph().constant(table)).sum_over(&[-1]);
    let each = weights * logits.cross_entropy_each(labels);
    match reduction {
        Reduction::Mean => {
            let total = weights.sum();
            each.sum() / total.equal(0.0).select(total.like(1.0), total)
        }
        Reduction::Sum => each.sum(),
        Reduction::Each => each,
    }
}
