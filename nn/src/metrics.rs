//! Metrics: how good a classifier's predictions are, beyond its loss.
//!
//! [`Predictions`] are logits and labels that fit each other, checked once; everything else is a method of
//! them, computed in `f64` in the order of the examples. `k` below counts classes, `n` examples.
//!
//! | metric | formula |
//! |---|---|
//! | [`accuracy`](Predictions::accuracy) | the share with `argmax z = y` |
//! | [`top`](Predictions::top) | the share with `y` among the `k` largest logits |
//! | [`log_loss`](Predictions::log_loss) | `-1/n Σ ln softmax(z)[y]` |
//! | [`calibration_error`](Predictions::calibration_error) | `Σ over bins of |B|/n · |accuracy(B) - confidence(B)|` |
//! | [`confusion`](Predictions::confusion) | counts of label and prediction; precision, recall, F₁ of each class |
//!
//! **Ties.** Of equal logits the first counts as the larger one, everywhere, as in `argmax` on a graph: a
//! network whose logits are all equal predicts class 0, and is not right at everything.
//!
//! ```
//! use autograd::Tensor;
//! use nn::metrics::Predictions;
//! # fn main() -> Result<(), nn::metrics::MetricError> {
//! let logits = Tensor::new([3, 3], vec![2.0f32, 1.0, 0.0, 0.0, 3.0, 1.0, 1.0, 0.0, 0.5]);
//! let labels = Tensor::new([3], vec![0, 1, 2]);
//! let predictions = Predictions::new(&logits, &labels)?;
//! assert_eq!(predictions.accuracy(), 2.0 / 3.0);
//! assert_eq!(predictions.top(2), 1.0);
//! assert_eq!(predictions.confusion().recall(2), Some(0.0));
//! # Ok(())
//! # }
//! ```

mod confusion;

pub use confusion::ConfusionMatrix;

use autograd::{IndexVar, Real, Shape, Tensor, Var};

/// The number of bins in which Guo et al. measure calibration.
pub const CALIBRATION_BINS: usize = 15;

/// Logits and labels that make no predictions.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MetricError {
    /// Logits that are not one row of at least two for each of at least one label.
    #[error(
        "logits of shape {logits} and labels of shape {labels}: [n, classes] and [n] are needed, n at least 1, classes at least 2"
    )]
    Shapes {
        /// The shape of the logits.
        logits: Shape,
        /// The shape of the labels.
        labels: Shape,
    },
    /// A label that has no logit.
    #[error("label {label} at position {position}: there are logits for classes 0 to {}", classes - 1)]
    LabelOutOfRange {
        /// Which label.
        position: usize,
        /// Its value.
        label: u32,
        /// The number of logits of an example.
        classes: usize,
    },
    /// A logit that is no number to compare.
    #[error("the logit of class {class} for example {example} is {value}")]
    NonFinite {
        /// Which example.
        example: usize,
        /// Which of its logits.
        class: usize,
        /// Its value.
        value: f64,
    },
}

/// Logits with the labels that they should have led to.
///
/// Invariants: logits `[n, k]` with `n ≥ 1` and `k ≥ 2`, all finite; labels `[n]`, all below `k`.
#[derive(Debug, Clone, Copy)]
pub struct Predictions<'p, T: Real> {
    logits: &'p Tensor<T>,
    labels: &'p Tensor<u32>,
}

impl<'p, T: Real> Predictions<'p, T> {
    /// Logits `[n, classes]` and labels `[n]`.
    ///
    /// # Errors
    /// [`MetricError`] with the first position at fault.
    pub fn new(logits: &'p Tensor<T>, labels: &'p Tensor<u32>) -> Result<Predictions<'p, T>, MetricError> {
        let shapes = (logits.shape(), labels.shape());
        match (shapes.0.lengths(), shapes.1.lengths()) {
            (&[rows, classes], &[n]) if rows == n && n > 0 && classes >= 2 => {
                let position = labels.data().iter().position(|&label| label as usize >= classes);
                if let Some(position) = position {
                    let label = labels.data()[position];
                    return Err(MetricError::LabelOutOfRange { position, label, classes });
                }
                if let Some(flat) = logits.first_non_finite() {
                    let (example, class) = (flat / classes, flat % classes);
                    let value = logits.data()[flat].to_f64();
                    return Err(MetricError::NonFinite { example, class, value });
                }
                Ok(Predictions { logits, labels })
            }
            _ => Err(MetricError::Shapes { logits: shapes.0, labels: shapes.1 }),
        }
    }

    /// The number of examples, at least 1.
    pub fn examples(&self) -> usize {
        self.labels.data().len()
    }

    /// The number of classes, at least 2.
    pub fn classes(&self) -> usize {
        self.logits.shape().last()
    }

    /// Each example's logits and label.
    fn rows(&self) -> impl Iterator<Item = (&'p [T], usize)> {
        let labels = self.labels.data().iter().map(|&label| label as usize);
        self.logits.data().chunks_exact(self.classes()).zip(labels)
    }

    /// The mean of a number for each example.
    fn mean(&self, of: impl Fn(&[T], usize) -> f64) -> f64 {
        self.rows().map(|(row, label)| of(row, label)).sum::<f64>() / self.examples() as f64
    }

    /// The share of examples whose largest logit is the label's.
    pub fn accuracy(&self) -> f64 {
        self.top(1)
    }

    /// The share of examples whose label is among the `k` largest logits; for `k = 0` none, from the number of
    /// classes on all.
    pub fn top(&self, k: usize) -> f64 {
        self.mean(|row, label| if rank(row, label) < k { 1.0 } else { 0.0 })
    }

    /// The mean of `-ln softmax(z)[y]`, the negative log-likelihood in nats.
    pub fn log_loss(&self) -> f64 {
        self.mean(|row, label| log_sum_exp(row) - row[label].to_f64())
    }

    /// The expected calibration error: `Σ over bins of |B|/n · |accuracy(B) - confidence(B)|` (Guo, Pleiss,
    /// Sun, Weinberger, ICML 2017, equation 3).
    ///
    /// The confidence of an example is its largest probability. Bin `m` of `bins` holds the confidences in
    /// `((m - 1)/bins, m/bins]`, so a certain prediction is in the last one; empty bins count nothing. The usual
    /// number is [`CALIBRATION_BINS`].
    ///
    /// # Panics
    /// If there are no bins.
    #[track_caller]
    pub fn calibration_error(&self, bins: usize) -> f64 {
        assert!(bins > 0, "calibration_error: at least one bin is needed");
        // For each bin: correct predictions less confidences. Their difference is all that the sum needs.
        let mut surplus = vec![0.0; bins];
        for (row, label) in self.rows() {
            let best = predicted(row);
            let confidence = (row[best].to_f64() - log_sum_exp(row)).exp();
            let bin = ((confidence * bins as f64).ceil() as usize).clamp(1, bins) - 1;
            surplus[bin] += f64::from(best == label) - confidence;
        }
        surplus.iter().map(|difference| difference.abs()).sum::<f64>() / self.examples() as f64
    }

    /// How often each class was taken for each.
    pub fn confusion(&self) -> ConfusionMatrix {
        ConfusionMatrix::of(self.classes(), self.rows().map(|(row, label)| (label, predicted(row))))
    }
}

/// How many classes stand before `label` in the order of decreasing logits.
fn rank<T: Real>(row: &[T], label: usize) -> usize {
    let own = row[label];
    row.iter().enumerate().filter(|&(class, &z)| z > own || (z == own && class < label)).count()
}

/// The first of the largest logits.
fn predicted<T: Real>(row: &[T]) -> usize {
    (1..row.len()).fold(0, |best, class| if row[class] > row[best] { class } else { best })
}

/// `ln Σ eᶻ`, the largest logit taken out so that nothing overflows.
fn log_sum_exp<T: Real>(row: &[T]) -> f64 {
    let largest = row[predicted(row)].to_f64();
    largest + row.iter().map(|z| (z.to_f64() - largest).exp()).sum::<f64>().ln()
}

/// The number of examples whose label is among the `k` largest of its logits `[.., classes]`, a scalar of a
/// graph; of equal logits the first counts as the larger one. Not differentiable.
///
/// An example's rank is `Σ over classes c of [z_c > z_y] + [z_c = z_y][c < y]`, and it counts if that is below
/// `k`.
///
/// ```
/// use autograd::{Feed, Graph, Tensor, interpret};
/// let graph = Graph::<f32>::new();
/// let (logits, labels) = (graph.input("z", [2, 3]), graph.indices("y", [2]));
/// let count = nn::metrics::top_k_count(logits, labels, 2);
/// let z = Tensor::new([2, 3], vec![3.0, 2.0, 1.0, 3.0, 2.0, 1.0]);
/// let y = Tensor::new([2], vec![1, 2]);
/// let values = interpret(&[count], &[("z", Feed::from(&z)), ("y", Feed::from(&y))], None)?;
/// assert_eq!(values[0].item(), 1.0);
/// # Ok::<(), autograd::RunError>(())
/// ```
///
/// # Panics
/// If there is not one label for each example, or no class.
#[track_caller]
pub fn top_k_count<'g, T: Real>(logits: Var<'g, T>, labels: IndexVar<'g, T>, k: usize) -> Var<'g, T> {
    let (shape, classes) = (logits.shape(), logits.shape().last());
    let fits = shape.rank() > 0 && shape.lengths()[..shape.rank() - 1] == *labels.shape().lengths();
    assert!(
        fits && classes > 0,
        "top_k_count: logits of shape {shape} and labels of shape {}: [.., classes] and [..] are needed",
        labels.shape()
    );
    let hot = labels.one_hot(classes);
    let own = (hot * logits).sum_over(&[-1]).reshape(shape.with_axis(shape.rank() - 1, 1));
    let order = (logits - own).sign();
    // Row y holds ones before place y.
    let earlier =
        Tensor::from_fn([classes, classes], |flat| T::from_f64(f64::from(flat % classes < flat / classes)));
    let flat = hot.reshape([labels.shape().numel(), classes]);
    let before = flat.matmul(logits.graph().constant(earlier)).reshape(shape);
    let rank = (order.relu() + (1.0 - order.abs()) * before).sum_over(&[-1]);
    // Ranks are whole numbers: half a unit away from k the sign is never 0.
    (k as f64 - 0.5 - rank).sign().relu().sum()
}

#[cfg(test)]
mod tests;
