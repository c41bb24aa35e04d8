//! What an attack makes large, one number for each example.
//!
//! With logits `z`, label `y`, and for a targeted attack the class `t` to reach:
//!
//! | loss | away from `y` | towards `t` |
//! |---|---|---|
//! | [`AttackLoss::CrossEntropy`] | `-ln softmax(z)[y]` | `ln softmax(z)[t]` |
//! | [`AttackLoss::Margin`] (Carlini and Wagner, 2017) | `max_{i≠y} zᵢ - z_y` | `z_t - max_{i≠t} zᵢ` |
//! | [`AttackLoss::LogitRatio`] (Croce and Hein, 2020: DLR) | `(max_{i≠y} zᵢ - z_y) / (z_(1) - z_(3))` | `(z_t - z_y) / (z_(1) - (z_(3) + z_(4))/2)` |
//!
//! `z_(k)` is the `k`-th largest logit. The margin is above 0 exactly if the attack has succeeded. The ratio is
//! the same for logits scaled by any factor: where a network's logits are so large that cross-entropy rounds
//! to 0 and has no gradient, the ratio still has one.

use crate::error::RegularizeError;
use autograd::{IndexVar, Real, Var};

/// What an attack makes large. See the [module documentation](self).
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::adversarial::AttackLoss;
/// let graph = Graph::<f64>::new();
/// let logits = graph.constant(Tensor::new([1, 3], vec![3.0, 1.0, 2.0]));
/// let label = graph.index_constant(Tensor::new([1], vec![0]));
/// let of = [AttackLoss::Margin, AttackLoss::LogitRatio].map(|loss| loss.each(logits, label, None));
/// let found = interpret(&of, &[], None)?;
/// assert_eq!(found[0].data(), [-1.0]); // 2 - 3
/// assert!((found[1].data()[0] + 0.5).abs() < 1e-9); // -1 over 3 - 1
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum AttackLoss {
    /// Cross-entropy.
    #[default]
    CrossEntropy,
    /// The lead of the best other class.
    Margin,
    /// The lead over the spread of the largest logits.
    LogitRatio,
}

/// Which answer an attack wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Goal {
    /// Any but the label.
    #[default]
    AnyOther,
    /// This class.
    Class(u32),
    /// The class that many further than the label, counted round: one target for each label.
    Shift(u32),
}

impl AttackLoss {
    /// The loss of each example, `[n]`: logits `[n, classes]`, labels and targets `[n]`.
    ///
    /// ```
    /// use autograd::{Graph, Tensor, interpret};
    /// use regularize::adversarial::AttackLoss;
    /// let graph = Graph::<f64>::new();
    /// let logits = graph.constant(Tensor::new([1, 4], vec![5.0, 4.0, 2.0, 1.0]));
    /// let [label, target] = [0, 2].map(|class| graph.index_constant(Tensor::new([1], vec![class])));
    /// let towards = [AttackLoss::Margin, AttackLoss::LogitRatio];
    /// let found = interpret(&towards.map(|loss| loss.each(logits, label, Some(target))), &[], None)?;
    /// assert_eq!(found[0].item(), -3.0); // 2 - 5
    /// assert!((found[1].item() + 3.0 / 3.5).abs() < 1e-9); // (2 - 5) over 5 - (2 + 1)/2
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    ///
    /// # Panics
    /// If there are fewer classes than the loss compares: 2, for the ratio 3, towards a target 4.
    #[track_caller]
    pub fn each<'g, T: Real>(
        self,
        logits: Var<'g, T>,
        labels: IndexVar<'g, T>,
        targets: Option<IndexVar<'g, T>>,
    ) -> Var<'g, T> {
        let classes = logits.shape().last();
        if let Err(error) = self.check(classes, targets.is_some()) {
            panic!("{error}");
        }
        let of = |class: IndexVar<'g, T>| (class.one_hot(classes) * logits).sum_over(&[-1]);
        // Signed so that larger is nearer to success.
        let lead = |class: IndexVar<'g, T>| {
            let other = class.one_hot(classes).select(logits.like(f64::NEG_INFINITY), logits);
            other.max_over(&[-1]) - of(class)
        };
        match (self, targets) {
            (AttackLoss::CrossEntropy, None) => logits.cross_entropy_each(labels),
            (AttackLoss::CrossEntropy, Some(targets)) => -logits.cross_entropy_each(targets),
            (AttackLoss::Margin, None) => lead(labels),
            (AttackLoss::Margin, Some(targets)) => -lead(targets),
            (AttackLoss::LogitRatio, None) => {
                let top = largest(logits, 3);
                over(lead(labels), top[0] - top[2])
            }
            (AttackLoss::LogitRatio, Some(targets)) => {
                let top = largest(logits, 4);
                over(of(targets) - of(labels), top[0] - (top[2] + top[3]) * 0.5)
            }
        }
    }

    /// That there are enough classes.
    ///
    /// # Errors
    /// [`RegularizeError::TooFewClasses`].
    pub(super) fn check(self, classes: usize, targeted: bool) -> Result<(), RegularizeError> {
        let needed = match (self, targeted) {
            (AttackLoss::LogitRatio, true) => 4,
            (AttackLoss::LogitRatio, false) => 3,
            _ => 2,
        };
        if classes < needed {
            return Err(RegularizeError::TooFewClasses { needed, classes });
        }
        Ok(())
    }
}

impl Goal {
    /// The class to reach for each label; `None` if any other will do.
    ///
    /// # Errors
    /// [`RegularizeError::NoSuchClass`] if there is no such class.
    pub(super) fn targets(self, labels: &[u32], classes: usize) -> Result<Option<Vec<u32>>, RegularizeError> {
        let known = |class: u32| match (class as usize) < classes {
            true => Ok(class),
            false => Err(RegularizeError::NoSuchClass { class, classes }),
        };
        Ok(match self {
            Goal::AnyOther => None,
            Goal::Class(class) => Some(vec![known(class)?; labels.len()]),
            Goal::Shift(by) => {
                let by = known(by)?;
                Some(labels.iter().map(|label| (label + by) % classes as u32).collect())
            }
        })
    }
}

/// The `count` largest logits in order, `[n]` each.
fn largest<'g, T: Real>(logits: Var<'g, T>, count: usize) -> Vec<Var<'g, T>> {
    let mut left = logits;
    let mut found = Vec::new();
    for _ in 0..count {
        found.push(left.max_over(&[-1]));
        // The first of equals alone: the second of two equal logits is the same number again.
        left = left.argmax().one_hot(logits.shape().last()).select(left.like(f64::NEG_INFINITY), left);
    }
    found
}

/// A quotient whose denominator is at least 0, and is kept off it: with logits that are all equal there is
/// nothing to compare.
fn over<'g, T: Real>(lead: Var<'g, T>, spread: Var<'g, T>) -> Var<'g, T> {
    lead / (spread + 1e-12)
}

#[cfg(test)]
mod tests;
