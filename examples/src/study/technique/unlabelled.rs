//! Pictures without labels beside the training part.

use super::recipe::Training;
use super::{Kind, Recipe};
use autograd::Var;
use nn::{Layer, initialise};
use regularize::RegularizeError;
use regularize::semi_supervised::{
    Consistency, EntropyMinimisation, MeanTeacher, MixedBatch, PseudoLabels, RampUp, SemiSupervisedTrainer,
};

/// The deviation of the noise on pictures whose predictions are to agree.
const NOISE: f64 = 0.15;

/// Semi-supervised learning: section 7.6 of the book.
pub static KINDS: &[Kind] = &[
    Kind {
        name: "entropy min.",
        symbol: "λ",
        chosen: 10.0,
        candidates: &[0.03, 0.1, 0.3, 1.0, 3.0, 10.0],
        description: "Adds λ times the mean entropy of the predictions for pictures without labels: the network \
                      should be sure of them.",
        recipe: |lambda| {
            let sure = EntropyMinimisation::new(1.0)?;
            mixed(lambda, None, move |batch| {
                sure.added_to(batch.weight.like(0.0), batch.logits(batch.unlabelled))
            })
        },
    },
    Kind {
        name: "pseudo-labels",
        symbol: "τ",
        chosen: 0.0,
        candidates: &[0.0, 0.8, 0.9, 0.95, 0.99],
        description: "Pictures without labels count with the class that the network predicts, if it does with a \
                      probability of τ at least.",
        recipe: |threshold| {
            let labels = PseudoLabels::new(threshold)?;
            mixed(1.0, None, move |batch| {
                let logits = batch.logits(batch.unlabelled);
                labels.loss(logits, logits).loss
            })
        },
    },
    Kind {
        name: "Π-model",
        symbol: "λ",
        chosen: 100.0,
        candidates: &[3.0, 10.0, 30.0, 100.0, 300.0, 1000.0],
        description: "Adds λ times the mean squared difference of two predictions for a picture without a label, \
                      each under noise of deviation 0.15 on its pixels.",
        recipe: |lambda| {
            mixed(lambda, None, |batch| {
                let [first, second] = ["first", "second"].map(|of| batch.logits(noisy(batch.unlabelled, of)));
                Consistency::default().loss(first, second)
            })
        },
    },
    Kind {
        name: "mean teacher",
        symbol: "λ",
        chosen: 100.0,
        candidates: &[3.0, 10.0, 30.0, 100.0, 300.0, 1000.0],
        description: "The same with the second prediction by a teacher, whose weights are a moving average of the \
                      network's; the teacher is measured.",
        recipe: |lambda| {
            mixed(lambda, Some(MeanTeacher::new(0.99)?), |batch| {
                let student = batch.logits(noisy(batch.unlabelled, "student"));
                let target = batch.teacher(noisy(batch.unlabelled, "teacher's"));
                Consistency::default().loss(student, target)
            })
        },
    },
];

/// Pictures under noise of their own.
fn noisy<'g>(x: Var<'g, f32>, stream: &str) -> Var<'g, f32> {
    x + x.graph().normal(stream, x.shape()) * NOISE
}

/// Cross-entropy of the labelled examples plus a term of both, whose weight rises over a fifth of the training.
fn mixed(
    weight: f64,
    teacher: Option<MeanTeacher>,
    term: impl for<'g, 'b> Fn(&MixedBatch<'g, 'b, f32>) -> Var<'g, f32> + Send + Sync + 'static,
) -> Result<Recipe, RegularizeError> {
    RampUp::new(weight, 1)?;
    Ok(Recipe::by(move |training, observer| {
        let Training { parts, network, .. } = training;
        let per_epoch = training.steps_per_epoch();
        // As many steps as plain training has: an epoch is over with the pictures without labels.
        let without = (parts.unlabelled.shape()[0] / per_epoch as usize).max(1);
        let mut trainer = SemiSupervisedTrainer::new(network, training.optimiser.clone())
            .objective(|batch| batch.ramped(batch.labelled.cross_entropy(), || term(batch)))
            .ramp_up(RampUp::new(weight, training.epochs * per_epoch / 5)?)
            .batch_sizes(training.batch_size, without)
            .epochs(training.epochs)
            .seed(training.seed);
        if let Some(teacher) = teacher {
            trainer = trainer.teacher(teacher);
        }
        let mut parameters = initialise(network, training.seed);
        let validation = Some(&parts.validation);
        trainer.fit_observed(&parts.train, &parts.unlabelled, validation, &mut parameters, observer)?;
        Ok(match teacher {
            Some(teacher) => teacher.parameters_of(&network.parameters(), &parameters)?.into(),
            None => parameters.into(),
        })
    }))
}
