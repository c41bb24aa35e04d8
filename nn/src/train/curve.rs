//! What training leaves behind besides parameters: measures for each epoch.

use std::fmt;

/// How a network does on a data set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evaluation {
    /// The mean cross-entropy, without penalties.
    pub loss: f64,
    /// The share of examples whose largest logit is not the label's.
    pub error: f64,
    /// The number of examples.
    pub examples: usize,
}

impl Evaluation {
    /// The share of examples that are right: one minus the error.
    pub fn accuracy(&self) -> f64 {
        1.0 - self.error
    }
}

/// The measures of one epoch.
#[derive(Debug, Clone, PartialEq)]
pub struct EpochMetrics {
    /// The epoch, counted from 0.
    pub epoch: u64,
    /// What was minimised, penalties included: the mean over the epoch's examples, each as it was when its
    /// batch came.
    pub objective: f64,
    /// On the training set, as [`TrainingMeasure`](super::TrainingMeasure) says.
    pub train: Evaluation,
    /// On the validation set, after the epoch.
    pub validation: Option<Evaluation>,
    /// The learning rate of the last step.
    pub learning_rate: f64,
    /// The seconds that the training steps took, evaluations not counted.
    pub seconds: f64,
}

/// The measures of one step, as an observer sees them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepMetrics {
    /// What was minimised, penalties included, before the update.
    pub objective: f64,
    /// The learning rate of the step.
    pub learning_rate: f64,
    /// Where the training stands after the step.
    pub position: Position,
}

/// Where a training stands: between two steps. With parameters and seed it is all that going on needs.
///
/// ```
/// use nn::train::Position;
/// assert_eq!(Position::epoch(3).batch, 0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Position {
    /// The epoch of the next step, counted from 0.
    pub epoch: u64,
    /// How many batches of it are done.
    pub batch: u64,
    /// What those batches measured. Without it the parameters would go on all the same, but the epoch's
    /// measures would not.
    pub measured: BatchSums,
}

impl Position {
    /// Before the first step of an epoch.
    pub fn epoch(epoch: u64) -> Position {
        Position { epoch, ..Position::default() }
    }
}

/// Sums over the examples of the batches of an epoch that are done.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct BatchSums {
    /// Of what is minimised.
    pub objective: f64,
    /// Of the cross-entropy; 0 if it is measured after the epoch.
    pub loss: f64,
    /// Of wrong answers; 0 if they are counted after the epoch.
    pub errors: f64,
}

/// The measures of all epochs of one training, in order. `Display` is a table.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LearningCurve {
    /// One entry for each finished epoch.
    pub epochs: Vec<EpochMetrics>,
    /// Whether an observer or an [`Interrupt`](super::Interrupt) stopped the training before its last step.
    pub stopped: bool,
    /// Where the training stands: what [`Trainer::go_on_from`](super::Trainer::go_on_from) takes.
    pub position: Position,
}

impl LearningCurve {
    /// The last finished epoch.
    pub fn last(&self) -> Option<&EpochMetrics> {
        self.epochs.last()
    }

    /// The epoch with the smallest validation loss, the first of equals. A loss that is no number is no
    /// candidate.
    pub fn best(&self) -> Option<&EpochMetrics> {
        let validated = self.epochs.iter().filter_map(|m| Some((m, m.validation?.loss)));
        // By sign and bits alone, 0/0 would come before every number.
        let validated = validated.filter(|(_, loss)| !loss.is_nan());
        validated.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(metrics, _)| metrics)
    }
}

impl fmt::Display for LearningCurve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "epoch  objective  train loss  train error  valid. loss  valid. error  seconds")?;
        for m in &self.epochs {
            let EpochMetrics { epoch, objective, train, seconds, .. } = m;
            write!(f, "{epoch:5}  {objective:9.4}  {:10.4}  {:10.2}%", train.loss, 100.0 * train.error)?;
            match m.validation {
                Some(v) => write!(f, "  {:11.4}  {:11.2}%", v.loss, 100.0 * v.error)?,
                None => write!(f, "  {:>11}  {:>12}", "-", "-")?,
            }
            writeln!(f, "  {seconds:7.3}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metrics(epoch: u64, loss: f64) -> EpochMetrics {
        let evaluation = Evaluation { loss, error: 0.25, examples: 8 };
        EpochMetrics {
            epoch,
            objective: 1.0,
            train: evaluation,
            validation: Some(evaluation),
            learning_rate: 0.1,
            seconds: 0.5,
        }
    }

    #[test]
    fn the_best_epoch_is_the_first_of_equals_and_never_nan() {
        let nan = [f64::NAN, -f64::NAN].map(|nan| metrics(0, nan));
        let epochs = [&nan[..], &[metrics(1, 0.5), metrics(2, 0.3), metrics(3, 0.3)]].concat();
        let curve = LearningCurve { epochs, ..LearningCurve::default() };
        assert_eq!(curve.best().unwrap().epoch, 2);
        assert_eq!(LearningCurve::default().best(), None);
        assert_eq!(curve.last().unwrap().train.accuracy(), 0.75);
    }

    #[test]
    fn the_table_has_one_line_for_each_epoch() {
        let mut curve = LearningCurve { epochs: vec![metrics(7, 0.5)], ..LearningCurve::default() };
        curve.epochs.push(EpochMetrics { validation: None, ..metrics(8, 0.5) });
        assert_eq!(
            curve.to_string(),
            "epoch  objective  train loss  train error  valid. loss  valid. error  seconds
    7     1.0000      0.5000       25.00%       0.5000        25.00%    0.500
    8     1.0000      0.5000       25.00%            -             -    0.500
"
        );
    }
}
