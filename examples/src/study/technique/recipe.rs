//! What a technique is made of: a network, an update, an objective, and a procedure that puts them to use.
//!
//! A [`Recipe`] differs from that of its baseline in one of the four, which is the whole point of having every
//! technique as an operation on a graph.

use super::network::perceptron;
use crate::study::data::Parts;
use autograd::{Parameters, Var};
use nn::optimise::Transform;
use nn::train::{Batch, EpochMetrics, EpochObserver, Interrupt, StepMetrics, TrainingMeasure};
use nn::{Optimiser, Sequential, Trainer, initialise};
use regularize::{EarlyStopping, RegularizeError};
use std::ops::ControlFlow;

/// The learning rate and momentum of every training: gradient descent rather than Adam, so that an L2 penalty
/// is weight decay. The plain network learns its training part by heart well before the last epoch.
///
/// Momentum adds up the last ten gradients or so, a penalty's among them, but neither proximal steps nor
/// decoupled decay: an L1 coefficient weighs a tenth of what an L2 coefficient of the same size does.
pub const LEARNING_RATE: f64 = 0.05;
/// See [`LEARNING_RATE`].
pub const MOMENTUM: f64 = 0.9;

/// What a network is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Rows and columns of a picture, which a network is given as one row of numbers.
    pub picture: [usize; 2],
    /// Hidden units of a perceptron; other networks have what is like it.
    pub hidden: usize,
    /// The number of classes.
    pub classes: usize,
}

impl Sizes {
    /// The widths of a perceptron's layers.
    pub fn widths(&self) -> [usize; 3] {
        [self.picture[0] * self.picture[1], self.hidden, self.classes]
    }
}

/// What is minimised, as a function of a batch.
pub type Objective = dyn for<'g, 'b> Fn(&Batch<'g, 'b, f32>) -> Var<'g, f32> + Send + Sync;
/// A network for sizes.
pub type Network = dyn Fn(&Sizes) -> Sequential<f32> + Send + Sync;
type Procedure = dyn for<'t> Fn(Training<'t>, &mut dyn EpochObserver<f32>) -> Result<Trained, RegularizeError>
    + Send
    + Sync;

/// What a study needs of a technique.
pub struct Recipe {
    /// The network. Layers that the technique adds are part of it.
    pub network: Box<Network>,
    /// The update.
    pub optimiser: Optimiser<f32>,
    /// What is minimised.
    pub objective: Box<Objective>,
    /// How these make parameters of the network out of examples.
    pub procedure: Box<Procedure>,
}

/// What a procedure is given.
#[derive(Clone, Copy)]
pub struct Training<'t> {
    /// The network whose parameters are wanted.
    pub network: &'t Sequential<f32>,
    /// The recipe's update.
    pub optimiser: &'t Optimiser<f32>,
    /// The recipe's objective.
    pub objective: &'t Objective,
    /// The examples.
    pub parts: &'t Parts,
    /// What networks are made for.
    pub sizes: Sizes,
    /// The seed of everything random.
    pub seed: u64,
    /// Passes over the training part.
    pub epochs: u64,
    /// Examples in a step.
    pub batch_size: usize,
    /// Ends the training between two steps; what the procedure gives then is not looked at.
    pub interrupt: &'t Interrupt,
}

/// What a procedure gives.
#[derive(Debug)]
pub struct Trained {
    /// Those of the network, and perhaps others.
    pub parameters: Parameters<f32>,
    /// The epoch after which they were those, counted from 0, if it is not the last.
    pub kept_epoch: Option<u64>,
    /// Seconds of training that the observer was not shown.
    pub further_seconds: f64,
}

impl From<Parameters<f32>> for Trained {
    fn from(parameters: Parameters<f32>) -> Trained {
        Trained { parameters, kept_epoch: None, further_seconds: 0.0 }
    }
}

impl<'t> Training<'t> {
    /// A trainer of the network with the recipe's update and objective.
    pub fn trainer(&self) -> Trainer<'t, f32> {
        self.trainer_of(self.network, self.optimiser)
    }

    /// A trainer of another network, or by another update.
    pub fn trainer_of<'m>(&self, network: &'m Sequential<f32>, optimiser: &Optimiser<f32>) -> Trainer<'m, f32>
    where
        't: 'm,
    {
        Trainer::new(network, optimiser.clone())
            .objective(self.objective)
            .batch_size(self.batch_size)
            .epochs(self.epochs)
            .seed(self.seed)
            .interrupt(self.interrupt.clone())
            .training_measure(TrainingMeasure::Evaluated)
    }

    /// Steps in a pass over the training part.
    pub fn steps_per_epoch(&self) -> u64 {
        self.parts.train.len().div_ceil(self.batch_size) as u64
    }

    /// Plain training: the network's initial parameters, trained on the training part.
    ///
    /// # Errors
    /// If data and network do not fit, or a value stops being finite.
    pub fn fit(self, observer: &mut dyn EpochObserver<f32>) -> Result<Trained, RegularizeError> {
        let mut parameters = initialise(self.network, self.seed);
        let parts = self.parts;
        self.trainer().fit_observed(&parts.train, Some(&parts.validation), &mut parameters, observer)?;
        Ok(parameters.into())
    }
}

/// Two observers; either may end the training.
pub struct Both<'o>(pub &'o mut dyn EpochObserver<f32>, pub &'o mut dyn EpochObserver<f32>);

impl EpochObserver<f32> for Both<'_> {
    fn epoch_ended(&mut self, metrics: &EpochMetrics, parameters: &Parameters<f32>) -> ControlFlow<()> {
        either(self.0.epoch_ended(metrics, parameters), self.1.epoch_ended(metrics, parameters))
    }

    fn step_ended(&mut self, metrics: &StepMetrics, parameters: &Parameters<f32>) -> ControlFlow<()> {
        either(self.0.step_ended(metrics, parameters), self.1.step_ended(metrics, parameters))
    }
}

/// Both have looked before either stops.
fn either(first: ControlFlow<()>, second: ControlFlow<()>) -> ControlFlow<()> {
    if first.is_break() { first } else { second }
}

impl Recipe {
    /// Plain training of a perceptron.
    pub fn plain() -> Recipe {
        Recipe {
            network: Box::new(|sizes| perceptron(sizes, |hidden| hidden)),
            optimiser: Optimiser::momentum(LEARNING_RATE, MOMENTUM),
            objective: Box::new(|batch| batch.cross_entropy()),
            procedure: Box::new(|training, observer| training.fit(observer)),
        }
    }

    /// Plain training of another objective.
    pub fn minimising(
        objective: impl for<'g, 'b> Fn(&Batch<'g, 'b, f32>) -> Var<'g, f32> + Send + Sync + 'static,
    ) -> Recipe {
        Recipe { objective: Box::new(objective), ..Recipe::plain() }
    }

    /// Plain training of another network.
    pub fn of(network: impl Fn(&Sizes) -> Sequential<f32> + Send + Sync + 'static) -> Recipe {
        Recipe { network: Box::new(network), ..Recipe::plain() }
    }

    /// Another procedure for the plain network.
    pub fn by(
        procedure: impl for<'t> Fn(Training<'t>, &mut dyn EpochObserver<f32>) -> Result<Trained, RegularizeError>
        + Send
        + Sync
        + 'static,
    ) -> Recipe {
        Recipe { procedure: Box::new(procedure), ..Recipe::plain() }
    }

    /// Plain training with one more link at the end of the optimiser's chain.
    ///
    /// # Errors
    /// None; in the form of a kind's recipe.
    pub fn stepping(last: impl Transform<f32> + 'static) -> Result<Recipe, RegularizeError> {
        let plain = Recipe::plain();
        Ok(Recipe { optimiser: plain.optimiser.clone().then(last), ..plain })
    }

    /// Plain training that is watched, and may be stopped; the parameters of the best epoch are kept.
    pub fn stopped(stopping: EarlyStopping<f32>) -> Recipe {
        Recipe::by(move |training, observer| {
            let mut stopping = stopping.clone();
            training.fit(&mut Both(observer, &mut stopping))?;
            let stopped = stopping.finish()?;
            let kept_epoch = Some(stopped.epoch);
            Ok(Trained { kept_epoch, ..stopped.parameters.into() })
        })
    }
}
