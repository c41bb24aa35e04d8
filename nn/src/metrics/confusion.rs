//! Which classes are taken for which.

use std::fmt;

/// How often each class was taken for each: row by label, column by prediction. `Display` is a table.
///
/// ```
/// use nn::metrics::ConfusionMatrix;
/// let matrix = ConfusionMatrix::of(2, [(0, 0), (0, 0), (0, 1), (1, 1)]);
/// assert_eq!(matrix.count(0, 1), 1);
/// assert_eq!((matrix.precision(1), matrix.recall(0)), (Some(0.5), Some(2.0 / 3.0)));
/// println!("{matrix}");
/// ```
///
/// It prints:
///
/// ```text
/// label  predicted  0  1
///     0             2  1
///     1             0  1
///
/// class  examples  precision  recall     F1
///     0         3      1.000   0.667  0.800
///     1         1      0.500   1.000  0.667
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfusionMatrix {
    classes: usize,
    /// `counts[label * classes + predicted]`.
    counts: Vec<u64>,
}

impl ConfusionMatrix {
    /// The matrix of pairs of label and prediction.
    ///
    /// # Panics
    /// If one of a pair is not below `classes`.
    #[track_caller]
    pub fn of(classes: usize, pairs: impl IntoIterator<Item = (usize, usize)>) -> ConfusionMatrix {
        let mut counts = vec![0; classes * classes];
        for (label, predicted) in pairs {
            assert!(label < classes && predicted < classes, "({label}, {predicted}) among {classes} classes");
            counts[label * classes + predicted] += 1;
        }
        ConfusionMatrix { classes, counts }
    }

    /// The number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// How many examples of class `label` were taken for `predicted`.
    ///
    /// # Panics
    /// If there is no such class.
    #[track_caller]
    pub fn count(&self, label: usize, predicted: usize) -> u64 {
        assert!(label < self.classes && predicted < self.classes, "one of {} classes", self.classes);
        self.counts[label * self.classes + predicted]
    }

    /// How many examples are of class `label`.
    pub fn labelled(&self, label: usize) -> u64 {
        (0..self.classes).map(|predicted| self.count(label, predicted)).sum()
    }

    /// How many examples were taken for `predicted`.
    pub fn predicted(&self, predicted: usize) -> u64 {
        (0..self.classes).map(|label| self.count(label, predicted)).sum()
    }

    /// The share of all examples that are right; `None` without examples.
    pub fn accuracy(&self) -> Option<f64> {
        share((0..self.classes).map(|class| self.count(class, class)).sum(), self.counts.iter().sum())
    }

    /// Of the examples taken for `class`, the share that is right; `None` if there are none.
    pub fn precision(&self, class: usize) -> Option<f64> {
        share(self.count(class, class), self.predicted(class))
    }

    /// Of the examples of `class`, the share that is right; `None` if there are none.
    pub fn recall(&self, class: usize) -> Option<f64> {
        share(self.count(class, class), self.labelled(class))
    }

    /// `F₁ = 2 true / (labelled + predicted)`, the harmonic mean of precision and recall where both exist;
    /// `None` for a class that neither a label nor a prediction names.
    pub fn f1(&self, class: usize) -> Option<f64> {
        share(2 * self.count(class, class), self.labelled(class) + self.predicted(class))
    }

    /// The mean of [`ConfusionMatrix::f1`] over the classes that have one; `None` without examples.
    pub fn macro_f1(&self) -> Option<f64> {
        let scores: Vec<f64> = (0..self.classes).filter_map(|class| self.f1(class)).collect();
        (!scores.is_empty()).then(|| scores.iter().sum::<f64>() / scores.len() as f64)
    }

    /// The wrong pairs of label and prediction with their counts, the most frequent first.
    pub fn confusions(&self) -> Vec<(usize, usize, u64)> {
        let all = (0..self.counts.len()).map(|at| (at / self.classes, at % self.classes, self.counts[at]));
        let mut wrong: Vec<_> = all.filter(|(l, p, count)| l != p && *count > 0).collect();
        wrong.sort_by_key(|&(label, predicted, count)| (std::cmp::Reverse(count), label, predicted));
        wrong
    }

    /// The counts, or, if they would be wider than a terminal, the most frequent confusions.
    fn fmt_counts(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const START: &str = "label  predicted";
        const COLUMNS: usize = 80;
        const SHOWN: usize = 10;
        let digits = |number: u64| number.to_string().len();
        let widest = self.counts.iter().copied().chain([self.classes.saturating_sub(1) as u64]).max();
        let width = widest.map_or(1, digits) + 2;
        if START.len() + self.classes * width > COLUMNS {
            writeln!(f, "label  predicted  examples, the most frequent confusions")?;
            for (label, predicted, count) in self.confusions().into_iter().take(SHOWN) {
                writeln!(f, "{label:5}  {predicted:9}  {count:8}")?;
            }
            return Ok(());
        }
        write!(f, "{START}")?;
        (0..self.classes).try_for_each(|class| write!(f, "{class:width$}"))?;
        writeln!(f)?;
        for label in 0..self.classes {
            write!(f, "{label:5}           ")?;
            (0..self.classes).try_for_each(|class| write!(f, "{:width$}", self.count(label, class)))?;
            writeln!(f)?;
        }
        Ok(())
    }
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

impl fmt::Display for ConfusionMatrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fmt_counts(f)?;
        writeln!(f, "\nclass  examples  precision  recall     F1")?;
        let number = |share: Option<f64>| share.map_or("-".into(), |share| format!("{share:.3}"));
        for class in 0..self.classes {
            writeln!(
                f,
                "{class:5}  {:8}  {:>9}  {:>6}  {:>5}",
                self.labelled(class),
                number(self.precision(class)),
                number(self.recall(class)),
                number(self.f1(class)),
            )?;
        }
        Ok(())
    }
}
