//! One training of a study: a network, a technique, a seed; and what came of it.

use super::data::{Parts, Source};
use super::technique::recipe::{Trained, Training};
use super::technique::{Sizes, Technique};
use crate::random::mixed;
use autograd::Parameters;
use indicatif::ProgressBar;
use nn::Sequential;
use nn::data::{DataError, Dataset};
use nn::train::{EpochMetrics, EpochObserver, Evaluation, Evaluator, Interrupt};
use regularize::{AttackEvaluator, FastGradient, RegularizeError};
use serde::Serialize;
use std::ops::ControlFlow;

/// Examples in a step. Small, so that a few hundred examples make several steps in an epoch.
const BATCH: usize = 32;
/// Examples in a batch that is measured or attacked, which is only a matter of speed.
const MEASURED_BATCH: usize = 256;

/// What all trainings of a study share.
#[derive(Debug, Clone)]
pub struct Task<'s> {
    /// The examples.
    pub source: &'s Source,
    /// How many to train on.
    pub train: usize,
    /// How many to validate on.
    pub validation: usize,
    /// The share of training labels that are made wrong.
    pub noise: f64,
    /// What networks are made for.
    pub sizes: Sizes,
    /// Passes over the training part.
    pub epochs: u64,
    /// Budgets to attack with, in pixel units.
    pub epsilons: Vec<f64>,
    /// Ends trainings between two steps.
    pub interrupt: Interrupt,
}

/// Where networks are measured at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measured {
    /// On the fixed test part: a study.
    Test,
    /// On the validation part: a choice of strengths, which must not look at the test part.
    Validation,
}

/// One point of a learning curve.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Point {
    /// The epoch, counted from 1.
    pub epoch: u64,
    /// Mean cross-entropy on the training part, its wrong labels included.
    pub train_loss: f64,
    /// Share of wrong answers on the training part.
    pub train_error: f64,
    /// Mean cross-entropy on the validation part.
    pub validation_loss: f64,
    /// Share of wrong answers on the validation part.
    pub validation_error: f64,
}

/// How a network does under attack with one budget.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct UnderAttack {
    /// The budget of each pixel.
    pub epsilon: f64,
    /// The share of wrong answers.
    pub error: f64,
}

/// What came of one training.
#[derive(Debug, Serialize)]
pub struct Member {
    /// The seed of split, wrong labels, initial weights, order and draws.
    pub seed: u64,
    /// Share of wrong answers on the training part, whose wrong labels count as right.
    pub train_error: f64,
    /// Share of wrong answers on the measured part.
    pub test_error: f64,
    /// Mean cross-entropy on the measured part.
    pub test_loss: f64,
    /// The measured part under attack, for each budget.
    pub attacks: Vec<UnderAttack>,
    /// Share of weights that are exactly 0.
    pub zero_weights: f64,
    /// Epochs trained.
    pub epochs: u64,
    /// The epoch whose weights were kept.
    pub kept_epoch: u64,
    /// Seconds that the training steps took.
    pub seconds: f64,
    /// After each epoch.
    pub curve: Vec<Point>,
    /// The weights themselves.
    #[serde(skip)]
    pub parameters: Parameters<f32>,
}

impl Task<'_> {
    /// The training and validation part of a seed, with the wrong labels in place.
    ///
    /// # Errors
    /// If there are too few examples.
    pub fn parts(&self, seed: u64) -> Result<Parts, crate::error::LabError> {
        let mut parts = self.source.parts(self.train, self.validation, seed)?;
        parts.train = with_wrong_labels(parts.train, self.noise, seed)?;
        Ok(parts)
    }

    /// The network that `technique` trains.
    ///
    /// # Errors
    /// If a strength makes no sense.
    pub fn network(&self, technique: Technique) -> Result<Sequential<f32>, RegularizeError> {
        Ok((technique.recipe()?.network)(&self.sizes))
    }

    /// Trains one network and measures it; `None` if it was interrupted, for a network that stopped anywhere
    /// says nothing about a technique.
    ///
    /// # Errors
    /// If a strength makes no sense, data and network do not fit, or a value stops being finite.
    pub fn run(
        &self,
        technique: Technique,
        seed: u64,
        parts: &Parts,
        measured: Measured,
        bar: &ProgressBar,
    ) -> Result<Option<Member>, RegularizeError> {
        if self.interrupt.is_requested() {
            return Ok(None);
        }
        let recipe = technique.recipe()?;
        let network = (recipe.network)(&self.sizes);
        let mut watcher = Watcher { task: self, bar, done: 0, curve: Vec::new() };
        let training = Training {
            network: &network,
            optimiser: &recipe.optimiser,
            objective: &*recipe.objective,
            parts,
            sizes: self.sizes,
            seed,
            epochs: self.epochs,
            batch_size: BATCH,
            interrupt: &self.interrupt,
        };
        let trained = (recipe.procedure)(training, &mut watcher);
        if self.interrupt.is_requested() {
            return Ok(None);
        }
        let Trained { parameters, kept_epoch, further_seconds } = trained?;
        bar.inc(self.epochs - watcher.done);
        let curve = watcher.curve;
        let epochs = curve.last().map_or(0, |metrics| metrics.epoch + 1);

        let data = match measured {
            Measured::Test => &self.source.test,
            Measured::Validation => &parts.validation,
        };
        let mut evaluator = Evaluator::new(&network, MEASURED_BATCH);
        let train = evaluator.evaluate(&parts.train, &parameters)?;
        let test = evaluator.evaluate(data, &parameters)?;
        let attack = FastGradient::new(0.0)?.within(0.0, 1.0)?;
        let attacks = AttackEvaluator::new(&network, attack, MEASURED_BATCH)
            .curve(data, &parameters, &self.epsilons)?
            .iter()
            .map(|robustness| UnderAttack { epsilon: robustness.epsilon, error: robustness.error })
            .collect();
        Ok(Some(Member {
            seed,
            train_error: train.error,
            test_error: test.error,
            test_loss: test.loss,
            attacks,
            zero_weights: share_of_zeros(&parameters),
            epochs,
            kept_epoch: kept_epoch.map_or(epochs, |epoch| epoch + 1),
            seconds: curve.iter().map(|metrics| metrics.seconds).sum::<f64>() + further_seconds,
            curve: curve.iter().map(point).collect(),
            parameters,
        }))
    }
}

/// Moves the progress bar, keeps what it is shown, and stops what an interrupt does not reach by itself.
struct Watcher<'w> {
    task: &'w Task<'w>,
    bar: &'w ProgressBar,
    /// Epochs that the bar has been moved by.
    done: u64,
    curve: Vec<EpochMetrics>,
}

impl EpochObserver<f32> for Watcher<'_> {
    fn epoch_ended(&mut self, metrics: &EpochMetrics, _: &Parameters<f32>) -> ControlFlow<()> {
        let done = (metrics.epoch + 1).min(self.task.epochs).max(self.done);
        self.bar.inc(done - self.done);
        self.done = done;
        self.curve.push(metrics.clone());
        if self.task.interrupt.is_requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

fn point(metrics: &EpochMetrics) -> Point {
    let missing = Evaluation { loss: f64::NAN, error: f64::NAN, examples: 0 };
    let validation = metrics.validation.unwrap_or(missing);
    Point {
        epoch: metrics.epoch + 1,
        train_loss: metrics.train.loss,
        train_error: metrics.train.error,
        validation_loss: validation.loss,
        validation_error: validation.error,
    }
}

/// The share of weights, not biases, that are exactly 0.
fn share_of_zeros(parameters: &Parameters<f32>) -> f64 {
    let weights = parameters.iter().filter(|(name, _)| name.ends_with(".weight"));
    let (zeros, all) = weights.fold((0, 0), |(zeros, all), (_, value)| {
        let data = value.data();
        (zeros + data.iter().filter(|&&w| w == 0.0).count(), all + data.len())
    });
    zeros as f64 / all as f64
}

/// The data set with a share of its labels replaced by other classes, which and by what depending on the
/// seed.
fn with_wrong_labels(data: Dataset, share: f64, seed: u64) -> Result<Dataset, DataError> {
    let (examples, mut labels, classes) = data.into_parts();
    let count = labels.data().len();
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by_key(|&index| mixed(seed, index as u64));
    for &index in &order[..(share * count as f64).round() as usize] {
        let label = &mut labels.data_mut()[index];
        // 1 to classes - 1 further: any class but the right one, all alike.
        let shift = 1 + mixed(seed, (count + index) as u64) % (classes as u64 - 1);
        *label = ((u64::from(*label) + shift) % classes as u64) as u32;
    }
    Dataset::new(examples, labels, classes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_labels_are_wrong_as_was_asked_for() {
        let data = nn::data::digits::load().unwrap();
        let noisy = with_wrong_labels(data.clone(), 0.1, 3).unwrap();
        let changed = |other: &Dataset| {
            data.labels().data().iter().zip(other.labels().data()).filter(|(a, b)| a != b).count()
        };
        assert_eq!(changed(&noisy), 180);
        assert_eq!(noisy.examples(), data.examples());
        assert_eq!(changed(&with_wrong_labels(data.clone(), 0.0, 3).unwrap()), 0);
        assert_ne!(noisy, with_wrong_labels(data.clone(), 0.1, 4).unwrap());
    }

    #[test]
    fn zeros_are_counted_among_weights_only() {
        let mut parameters = Parameters::new();
        parameters.insert("a.weight", autograd::Tensor::new([4], vec![0.0, 1.0, -0.0, 1e-30]));
        parameters.insert("a.bias", autograd::Tensor::new([2], vec![0.0, 0.0]));
        assert_eq!(share_of_zeros(&parameters), 0.5);
    }
}
