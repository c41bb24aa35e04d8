//! Early stopping that gives the validation part back.
//!
//! A sweep measures on the validation part, which these train on: it cannot choose their strength, which is that of
//! early stopping alone.

use super::recipe::{Both, Trained, Training};
use super::{Kind, Recipe};
use autograd::Tensor;
use nn::data::Dataset;
use nn::initialise;
use nn::train::EpochObserver;
use regularize::early_stopping::{Length, Refitted, refit_from_scratch, refit_onwards};
use regularize::{EarlyStopping, RegularizeError, Stopped};
use std::time::Instant;

/// Algorithms 7.2 and 7.3 of the book.
pub static KINDS: &[Kind] = &[
    Kind {
        name: "refit anew",
        symbol: "k",
        chosen: 3.0,
        candidates: &[3.0],
        description: "Early stopping of patience k finds a number of steps; a new network is trained for as many on \
                      training and validation part together, whose labels are right.",
        recipe: |patience| {
            Ok(Recipe::by(move |training, observer| {
                refitted(training, observer, patience, |training, all, stopped| {
                    let initial = initialise(training.network, training.seed);
                    refit_from_scratch(training.trainer(), all, initial, stopped, Length::Steps)
                })
            }))
        },
    },
    Kind {
        name: "refit onwards",
        symbol: "k",
        chosen: 3.0,
        candidates: &[3.0],
        description: "Early stopping of patience k; its network is trained on with both parts until the validation \
                      loss is below what the training loss was, or for as many epochs as plain training has.",
        recipe: |patience| {
            Ok(Recipe::by(move |training, observer| {
                refitted(training, observer, patience, |training, all, stopped| {
                    let Training { parts, epochs, .. } = training;
                    refit_onwards(training.trainer(), all, &parts.train, &parts.validation, stopped, epochs)
                })
            }))
        },
    },
];

/// Early stopping, and what follows with all examples. The observer sees the first training.
fn refitted<'t>(
    training: Training<'t>,
    observer: &mut dyn EpochObserver<f32>,
    patience: f64,
    refit: impl Fn(Training<'t>, &Dataset, &Stopped<f32>) -> Result<Refitted<f32>, RegularizeError>,
) -> Result<Trained, RegularizeError> {
    let mut stopping = EarlyStopping::new(patience as u64);
    training.fit(&mut Both(observer, &mut stopping))?;
    let stopped = stopping.finish()?;
    let all = joined(&training.parts.train, &training.parts.validation)?;
    let begun = Instant::now();
    let parameters = refit(training, &all, &stopped)?.parameters;
    let further_seconds = begun.elapsed().as_secs_f64();
    Ok(Trained { parameters, kept_epoch: Some(stopped.epoch), further_seconds })
}

/// The examples of both.
fn joined(first: &Dataset, second: &Dataset) -> Result<Dataset, RegularizeError> {
    let count = first.len() + second.len();
    let values = [first.examples().data(), second.examples().data()].concat();
    let labels = [first.labels().data(), second.labels().data()].concat();
    let examples = Tensor::new(first.examples().shape().with_axis(0, count), values);
    Ok(Dataset::new(examples, Tensor::new([count], labels), first.classes())?)
}
