//! Label smoothing: targets that are never certain (Szegedy et al., CVPR 2016, section 7; *Deep Learning*,
//! section 7.5.1).
//!
//! A softmax never gives 0 or 1, so that with hard targets its weights grow for ever. Of `K` classes the label
//! gets less than 1, and the rest is spread over the others. Two conventions are in use:
//!
//! | | label | each other class | at the optimum its logit is above theirs by |
//! |---|---|---|---|
//! | [`Wrong::Others`], the book's | `1 - ε` | `ε / (K - 1)` | `ln((1 - ε)(K - 1) / ε)` |
//! | [`Wrong::Uniform`], Szegedy's and most libraries' | `1 - ε + ε/K` | `ε / K` | `ln(((1 - ε) K + ε) / ε)` |
//!
//! The same `ε` means less smoothing in the second: it is the first with `ε (K - 1)/K`.
//!
//! ```
//! use nn::{Activation, Optimiser, Sequential, Trainer};
//! use regularize::LabelSmoothing;
//! let model = Sequential::<f32>::mlp(&[64, 16, 10], Activation::Relu);
//! let smoothing = LabelSmoothing::new(0.1)?;
//! let trainer = Trainer::new(&model, Optimiser::adam(0.01))
//!     .objective(move |batch| smoothing.cross_entropy(batch.logits(), batch.labels).mean());
//! # let _ = trainer;
//! assert!(LabelSmoothing::new(1.5).is_err());
//! # Ok::<(), regularize::RegularizeError>(())
//! ```

use crate::error::RegularizeError;
use autograd::{IndexVar, Real, Var};
use nn::loss::{Reduction, smoothed_cross_entropy};
use nn::optimise::HyperparameterError;

/// Where the probability goes that the label gives away.
///
/// Of three classes, the same targets in both conventions:
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::LabelSmoothing;
/// use regularize::noise::Wrong;
/// let graph = Graph::<f64>::new();
/// let labels = graph.index_constant(Tensor::new([2], vec![0, 2]));
/// let others = LabelSmoothing::new(0.5)?; // ½ for the label, ½ for the two others together
/// let uniform = LabelSmoothing::uniform(0.75)?; // ¼ for the label, and ¼ for each of the three
/// assert_eq!((others.wrong(), uniform.wrong()), (Wrong::Others, Wrong::Uniform));
/// let targets = interpret(&[others.targets(labels, 3), uniform.targets(labels, 3)], &[], None)?;
/// assert_eq!(targets[0].data(), [0.5, 0.25, 0.25, 0.25, 0.25, 0.5]);
/// assert_eq!(targets[1], targets[0]);
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wrong {
    /// To the `K - 1` other classes.
    Others,
    /// To all `K` classes, the label among them.
    Uniform,
}

/// Smoothed targets. See the [module documentation](self).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LabelSmoothing {
    epsilon: f64,
    wrong: Wrong,
}

impl LabelSmoothing {
    /// The book's convention: `1 - ε` for the label.
    ///
    /// # Errors
    /// If `epsilon` is not in [0, 1).
    pub fn new(epsilon: f64) -> Result<LabelSmoothing, RegularizeError> {
        HyperparameterError::unless((0.0..1.0).contains(&epsilon), "label smoothing", epsilon, "in [0, 1)")?;
        Ok(LabelSmoothing { epsilon, wrong: Wrong::Others })
    }

    /// The convention of a mixture with the uniform distribution: `1 - ε + ε/K` for the label.
    ///
    /// # Errors
    /// As [`LabelSmoothing::new`].
    pub fn uniform(epsilon: f64) -> Result<LabelSmoothing, RegularizeError> {
        Ok(LabelSmoothing { wrong: Wrong::Uniform, ..LabelSmoothing::new(epsilon)? })
    }

    /// `ε`.
    pub fn epsilon(&self) -> f64 {
        self.epsilon
    }

    /// The convention.
    pub fn wrong(&self) -> Wrong {
        self.wrong
    }

    /// The share of the uniform distribution in a mixture with the label.
    #[track_caller]
    fn share(&self, classes: usize) -> f64 {
        if self.epsilon == 0.0 {
            return 0.0;
        }
        match self.wrong {
            Wrong::Uniform => self.epsilon,
            Wrong::Others => {
                let (epsilon, k) = (self.epsilon, classes as f64);
                assert!(
                    epsilon < (k - 1.0) / k,
                    "label smoothing: with ε = {epsilon} the label is no longer the likeliest of {classes} classes"
                );
                epsilon * k / (k - 1.0)
            }
        }
    }

    /// The target distributions of labels `[..]`, as `[.., classes]`.
    ///
    /// # Panics
    /// In the book's convention, if `ε` is not below `(K - 1)/K`: the label would not be the likeliest class.
    #[track_caller]
    pub fn targets<'g, T: Real>(&self, labels: IndexVar<'g, T>, classes: usize) -> Var<'g, T> {
        let (hard, share) = (labels.one_hot(classes), self.share(classes));
        if share == 0.0 { hard } else { hard * (1.0 - share) + share / classes as f64 }
    }

    /// The cross-entropy with smoothed targets of logits `[.., classes]` and labels `[..]`, one value for each
    /// example. For `ε = 0` [`Var::cross_entropy_each`], and nothing else is recorded.
    ///
    /// # Panics
    /// If there is not one label for each example, or as [`LabelSmoothing::targets`].
    ///
    /// ```
    /// use autograd::{Graph, Tensor, interpret};
    /// use regularize::LabelSmoothing;
    /// let graph = Graph::<f64>::new();
    /// let labels = graph.index_constant(Tensor::new([1], vec![0]));
    /// // Log-probabilities of ½, ¼ and ¼: what the smoothed target says.
    /// let logits = graph.constant(Tensor::new([1, 3], vec![2f64.ln(), 0.0, 0.0]));
    /// let loss = LabelSmoothing::new(0.5)?.cross_entropy(logits, labels);
    /// let found = interpret(&[loss, autograd::grad(loss.sum(), &[logits])[0]], &[], None)?;
    /// assert!((found[0].item() - 1.5 * 2f64.ln()).abs() < 1e-15); // the entropy of the target
    /// assert!(found[1].data().iter().all(|slope| slope.abs() < 1e-15)); // and the minimum
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    #[track_caller]
    pub fn cross_entropy<'g, T: Real>(&self, logits: Var<'g, T>, labels: IndexVar<'g, T>) -> Var<'g, T> {
        if self.epsilon == 0.0 {
            return logits.cross_entropy_each(labels);
        }
        smoothed_cross_entropy(logits, labels, self.share(logits.shape().last()), Reduction::Each)
    }
}

#[cfg(test)]
mod tests;
