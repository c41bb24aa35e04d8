//! Strengths that validation examples tune during the training.

use super::recipe::{Trained, Training};
use super::{Kind, Recipe};
use crate::random::mixed;
use nn::train::{EpochMetrics, EpochObserver, Evaluator};
use nn::{Selection, initialise};
use regularize::hyper_gradient::TunedL2;
use regularize::{HyperTuner, Hyperparameter, Penalties, RegularizeError};
use std::time::Instant;

/// Steps that the strength is followed through.
const WINDOW: usize = 5;
/// Windows between two looks at training and validation part.
const BETWEEN: u64 = 7;

/// Hyper-parameters by gradient: section 11.4 of the book.
pub static KINDS: &[Kind] = &[Kind {
    name: "tuned L2",
    symbol: "α₀",
    chosen: 0.001,
    candidates: &[0.0001, 0.001, 0.01],
    description: "The strength of the L2 penalty begins at α₀ and follows the derivative of the validation loss \
                  through the last five steps.",
    recipe: |initial| {
        let strength = Hyperparameter::positive("strength", initial)?;
        Ok(Recipe::by(move |training, observer| tuned(training, observer, &strength)))
    },
}];

/// Plain training with an L2 penalty of this strength, a few windows at a time.
fn tuned(
    training: Training<'_>,
    observer: &mut dyn EpochObserver<f32>,
    strength: &Hyperparameter,
) -> Result<Trained, RegularizeError> {
    let Training { network, parts, .. } = training;
    let penalties = Penalties::new().with(Selection::weights(), TunedL2(strength.clone()));
    let steps = training.epochs * training.steps_per_epoch();
    let windows = steps.div_ceil(WINDOW as u64);
    let mut evaluator = Evaluator::new(network, 256);
    let mut parameters = initialise(network, training.seed);
    let mut done = 0;
    while done < windows {
        let begun = Instant::now();
        let now = BETWEEN.min(windows - done);
        let course = HyperTuner::new(network, training.optimiser.clone(), vec![strength.clone()])
            .objective(|batch| penalties.added_to(batch.cross_entropy(), batch.parameters))
            .steps(WINDOW)
            .windows(now)
            .batch_size(training.batch_size)
            // Each part of the training in an order of its own.
            .seed(mixed(training.seed, done))
            .fit(&parts.train, &parts.validation, &mut parameters)?;
        let seconds = begun.elapsed().as_secs_f64();
        done += now;
        let epochs = (done * WINDOW as u64 / training.steps_per_epoch()).clamp(1, training.epochs);
        let metrics = EpochMetrics {
            epoch: epochs - 1,
            objective: course.windows.iter().map(|window| window.objective).sum::<f64>() / now as f64,
            train: evaluator.evaluate(&parts.train, &parameters)?,
            validation: Some(evaluator.evaluate(&parts.validation, &parameters)?),
            learning_rate: training.optimiser.learning_rate(done * WINDOW as u64 - 1),
            seconds,
        };
        if observer.epoch_ended(&metrics, &parameters).is_break() {
            break;
        }
    }
    Ok(parameters.into())
}
