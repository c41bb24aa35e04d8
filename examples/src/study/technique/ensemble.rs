//! Several networks whose predictions are averaged.

use super::network::{Members, perceptron, prefix};
use super::recipe::{Both, LEARNING_RATE, MOMENTUM, Network, Trained, Training};
use super::{Kind, Recipe};
use autograd::Parameters;
use nn::train::{EpochMetrics, EpochObserver, Evaluation, LearningCurve};
use nn::{Layer, Optimiser, Schedule, Sequential, initialise};
use regularize::RegularizeError;
use regularize::ensemble::{Average, Bagging, Snapshots};

/// Bagging and other ensembles: section 7.11 of the book.
pub static KINDS: &[Kind] = &[
    Kind {
        name: "bagging",
        symbol: "k",
        chosen: 10.0,
        candidates: &[3.0, 5.0, 10.0],
        description: "k networks are trained on k samples of the training part, drawn with replacement, and their \
                      probabilities are averaged.",
        recipe: |k| Ok(apart(Bagging::new(k as usize)?, k as usize)),
    },
    Kind {
        name: "ensemble",
        symbol: "k",
        chosen: 10.0,
        candidates: &[3.0, 5.0, 10.0],
        description: "The same with the whole training part for each: the networks differ by initial weights and \
                      order of examples alone.",
        recipe: |k| Ok(apart(Bagging::new(k as usize)?.on_all_examples(), k as usize)),
    },
    Kind {
        name: "snapshots",
        symbol: "k",
        chosen: 10.0,
        candidates: &[2.0, 5.0, 10.0],
        description: "The learning rate falls to 0 along a cosine k times; the probabilities of the networks at its \
                      k lowest points are averaged.",
        recipe: |k| {
            let recipe = Recipe::by(move |training, observer| in_cycles(training, observer, k as usize));
            Ok(Recipe { network: ensemble(k as usize), ..recipe })
        },
    },
];

fn ensemble(count: usize) -> Box<Network> {
    Box::new(move |sizes| Sequential::new().then(Members::new(sizes, count, Average::Arithmetic)))
}

/// Perceptrons that know nothing of each other. The first has the seed of the study, so that one alone is what it is
/// compared with, but for its sample.
fn apart(bagging: Bagging, count: usize) -> Recipe {
    let recipe = Recipe::by(move |training, observer| {
        let network = perceptron(&training.sizes, |hidden| hidden);
        let parts = training.parts;
        let fitted = bagging.seed(training.seed).fit(parts.train.len(), |member| {
            let seed = if member.number == 0 { training.seed } else { member.seed };
            let sample = parts.train.subset(member.bootstrap.indices())?;
            let mut parameters = initialise(&network, seed);
            let mut trainer = training.trainer_of(&network, training.optimiser).seed(seed);
            let curve = trainer.fit(&sample, Some(&parts.validation), &mut parameters)?;
            Ok::<_, RegularizeError>((parameters, curve))
        })?;
        let (members, curves): (Vec<_>, Vec<_>) = fitted.members.into_iter().unzip();
        let parameters = together(&network, &members);
        for metrics in mean_curve(&curves) {
            // They are trained already: there is nothing to stop.
            let _ = observer.epoch_ended(&metrics, &parameters);
        }
        Ok(parameters.into())
    });
    Recipe { network: ensemble(count), ..recipe }
}

/// One perceptron whose learning rate begins anew `count` times, at twice the rate of the others: the same mean.
fn in_cycles(
    training: Training<'_>,
    observer: &mut dyn EpochObserver<f32>,
    count: usize,
) -> Result<Trained, RegularizeError> {
    let network = perceptron(&training.sizes, |hidden| hidden);
    let steps = (training.epochs / count as u64).max(1) * training.steps_per_epoch();
    let schedule = Schedule::CosineRestarts { initial: 2.0 * LEARNING_RATE, last: 0.0, steps, growth: 1 };
    let mut snapshots = Snapshots::of(&schedule);
    let mut parameters = initialise(&network, training.seed);
    training.trainer_of(&network, &Optimiser::momentum(schedule, MOMENTUM)).fit_observed(
        &training.parts.train,
        Some(&training.parts.validation),
        &mut parameters,
        &mut Both(observer, &mut snapshots),
    )?;
    // As many as the ensemble has: the last ones. A training with fewer epochs than cycles has its end twice.
    let mut taken = snapshots.into_members();
    taken.drain(..taken.len().saturating_sub(count));
    taken.resize(count, parameters);
    Ok(together(&network, &taken).into())
}

/// The parameters of [`Members`], from those of each.
fn together(network: &Sequential<f32>, members: &[Parameters<f32>]) -> Parameters<f32> {
    let mut all = Parameters::new();
    for (number, parameters) in members.iter().enumerate() {
        for spec in network.parameters() {
            all.insert(&format!("{}{}", prefix(number), spec.name), parameters[&*spec.name].clone());
        }
    }
    all
}

/// Means over the members, and the seconds of all together.
fn mean_curve(curves: &[LearningCurve]) -> Vec<EpochMetrics> {
    let count = curves.len() as f64;
    let epochs = curves.iter().map(|curve| curve.epochs.len()).min().unwrap_or(0);
    let at = |epoch: usize| {
        let sum = |of: &dyn Fn(&EpochMetrics) -> f64| {
            curves.iter().map(|curve| of(&curve.epochs[epoch])).sum::<f64>()
        };
        let mean = |of: &dyn Fn(&EpochMetrics) -> Evaluation, examples| Evaluation {
            loss: sum(&|metrics| of(metrics).loss) / count,
            error: sum(&|metrics| of(metrics).error) / count,
            examples,
        };
        let first = &curves[0].epochs[epoch];
        let validation = first.validation.map(|one| {
            mean(&|metrics| metrics.validation.expect("all members are validated alike"), one.examples)
        });
        EpochMetrics {
            objective: sum(&|metrics| metrics.objective) / count,
            train: mean(&|metrics| metrics.train, first.train.examples),
            validation,
            seconds: sum(&|metrics| metrics.seconds),
            ..first.clone()
        }
    };
    (0..epochs).map(at).collect()
}
