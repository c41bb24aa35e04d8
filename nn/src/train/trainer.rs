//! The trainer.

use super::evaluate::{Compiled, INPUTS, LABELS};
use super::{
    Batch, EpochMetrics, EpochObserver, Evaluation, Evaluator, Interrupt, LearningCurve, Position,
    StepMetrics, TrainError, check_model,
};
use crate::checkpoint::{Checkpoint, LoadError, TrainingState};
use crate::data::{Batches, Dataset};
use crate::initialise::initialise_missing;
use crate::layer::{Layer, Mode};
use crate::loss::{Reduction, cross_entropy, error_count};
use crate::optimise::{LEARNING_RATE, Optimiser, OptimiserStep, Plateau};
use crate::parameter::ParameterSpec;
use autograd::ops::random::Draw;
use autograd::{Feed, Graph, Interpreter, NonFinite, Parameters, Plan, Real, Shape, Tensor, Var};
use indicatif::{ProgressBar, ProgressStyle};
use std::ops::ControlFlow;
use std::time::Instant;

/// How a network is measured on its own training set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TrainingMeasure {
    /// Batch by batch in the steps themselves, with draws of [`Mode::Train`] and parameters that change
    /// during the epoch: costs next to nothing.
    #[default]
    Running,
    /// After the epoch, in [`Mode::Evaluate`], like the validation set: one more pass over the data. The
    /// difference to the validation error is then the generalisation gap.
    Evaluated,
}

/// What is minimised, as a function of a batch.
type Objective<'m, T> = dyn for<'g, 'b> Fn(&Batch<'g, 'b, T>) -> Var<'g, T> + Send + Sync + 'm;

/// Trains one network. See the [module documentation](super).
pub struct Trainer<'m, T: Real> {
    model: &'m dyn Layer<T>,
    specs: Vec<ParameterSpec>,
    optimiser: Optimiser<T>,
    plateau: Option<Plateau>,
    /// The plateau with what it has seen in this training.
    plateau_now: Option<Plateau>,
    objective: Box<Objective<'m, T>>,
    batch_size: usize,
    epochs: u64,
    start: Position,
    seed: u64,
    measure: TrainingMeasure,
    progress: Option<String>,
    interrupt: Interrupt,
    evaluator: Evaluator<'m, T>,
    /// One plan for each shape of batch that has come.
    plans: Vec<Compiled<T>>,
    /// What the optimiser remembers; known when there is a plan.
    state: Vec<ParameterSpec>,
    /// Whether the optimiser's chain has a learning rate; known when there is a plan.
    takes_learning_rate: bool,
}

impl<'m, T: Real> Trainer<'m, T> {
    /// Trains `model` by `optimiser` on the mean cross-entropy: batches of 32, 10 epochs, seed 0.
    pub fn new(model: &'m dyn Layer<T>, optimiser: Optimiser<T>) -> Trainer<'m, T> {
        Trainer {
            model,
            specs: model.parameters(),
            optimiser,
            plateau: None,
            plateau_now: None,
            objective: Box::new(|batch| batch.cross_entropy()),
            batch_size: 32,
            epochs: 10,
            start: Position::default(),
            seed: 0,
            measure: TrainingMeasure::default(),
            progress: None,
            interrupt: Interrupt::new(),
            // Large enough for full matrix kernels, small enough that activations stay in cache.
            evaluator: Evaluator::new(model, 256),
            plans: Vec::new(),
            state: Vec::new(),
            takes_learning_rate: false,
        }
    }

    /// What is minimised: a scalar made of a batch.
    pub fn objective(
        mut self,
        objective: impl for<'g, 'b> Fn(&Batch<'g, 'b, T>) -> Var<'g, T> + Send + Sync + 'm,
    ) -> Self {
        self.objective = Box::new(objective);
        self.plans.clear();
        self
    }

    /// The number of examples in a step. The last batch of an epoch may be smaller.
    pub fn batch_size(mut self, batch_size: usize) -> Self {
        self.batch_size = batch_size;
        self
    }

    /// The number of epochs, counted from where the training begins or goes on; one that is taken up in its
    /// middle counts as one.
    pub fn epochs(mut self, epochs: u64) -> Self {
        self.epochs = epochs;
        self
    }

    /// The number of the first epoch: where a training goes on whose parameters, the optimiser's among them,
    /// were kept after that many epochs.
    pub fn first_epoch(self, epoch: u64) -> Self {
        self.go_on_from(Position::epoch(epoch))
    }

    /// Where a training goes on whose parameters, the optimiser's among them, were kept there. Batch size and
    /// training set must be the ones it began with.
    pub fn go_on_from(mut self, position: Position) -> Self {
        self.start = position;
        self
    }

    /// Goes on with the training whose checkpoint this is: takes its seed and position, and gives
    /// `parameters` its values, the optimiser's among them. What follows is bit for bit what would have
    /// followed then, if model, optimiser, objective, batch size and data are the same.
    ///
    /// # Errors
    /// [`LoadError`] if the checkpoint does not hold exactly the parameters of this model and optimiser, or
    /// does not say where the training stands. `parameters` are as they were then.
    pub fn resume(
        self,
        checkpoint: &Checkpoint<T>,
        parameters: &mut Parameters<T>,
    ) -> Result<Self, LoadError> {
        let training = checkpoint.training.ok_or(LoadError::NoTraining)?;
        let memory = self.optimiser.memory(&self.specs);
        checkpoint.restore_exactly(&[self.specs.clone(), memory].concat(), parameters)?;
        Ok(self.seed(training.seed).go_on_from(training.position))
    }

    /// What can be saved and resumed: `parameters` after a training, and where it stopped.
    pub fn checkpoint(&self, position: Position, parameters: &Parameters<T>) -> Checkpoint<T> {
        let training = Some(TrainingState { seed: self.seed, position });
        Checkpoint { training, ..Checkpoint::new(parameters.clone()) }
    }

    /// Stops between two steps when this is requested. See [`Interrupt`].
    pub fn interrupt(mut self, interrupt: Interrupt) -> Self {
        self.interrupt = interrupt;
        self
    }

    /// The seed of the order of examples and of all random draws.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self.plans.clear();
        self
    }

    /// How the network is measured on the training set.
    pub fn training_measure(mut self, measure: TrainingMeasure) -> Self {
        self.measure = measure;
        self.plans.clear();
        self
    }

    /// Lowers the learning rate when the validation loss stops falling, or the training loss if there is no
    /// validation. Every training begins with the plateau as it is given here; one that goes on
    /// ([`Trainer::first_epoch`]) is given what [`Trainer::plateau_now`] returned.
    pub fn plateau(mut self, plateau: Plateau) -> Self {
        self.plateau = Some(plateau);
        self
    }

    /// The plateau with what it has seen in the last training. It is the one thing beside the parameters that
    /// a training remembers.
    pub fn plateau_now(&self) -> Option<&Plateau> {
        self.plateau_now.as_ref()
    }

    /// Shows a progress bar with this title on standard error, if that is a terminal.
    pub fn progress(mut self, title: &str) -> Self {
        self.progress = Some(title.into());
        self
    }

    /// Trains `parameters` and measures each epoch. The optimiser's memory is kept among them; what is
    /// missing of it is begun.
    ///
    /// # Errors
    /// [`TrainError`] if data, model and parameters do not fit, or a value stops being finite; the
    /// parameters are then those of the last good epoch.
    pub fn fit(
        &mut self,
        train: &Dataset<T>,
        validation: Option<&Dataset<T>>,
        parameters: &mut Parameters<T>,
    ) -> Result<LearningCurve, TrainError> {
        self.fit_observed(train, validation, parameters, &mut |_: &_, _: &_| ControlFlow::Continue(()))
    }

    /// [`Trainer::fit`] with an observer of each epoch.
    ///
    /// # Errors
    /// As [`Trainer::fit`].
    pub fn fit_observed(
        &mut self,
        train: &Dataset<T>,
        validation: Option<&Dataset<T>>,
        parameters: &mut Parameters<T>,
        observer: &mut dyn EpochObserver<T>,
    ) -> Result<LearningCurve, TrainError> {
        self.check(train, validation)?;
        let mut batches = Batches::new(train.len(), self.batch_size, self.seed)?;
        let first_batch = train.len().min(self.batch_size);
        self.compiled(train.examples().shape().with_axis(0, first_batch));
        initialise_missing(&self.state, parameters);
        self.plateau_now = self.plateau.clone();
        let per_epoch = batches.batches_per_epoch() as u64;
        let Position { epoch, batch, .. } = self.start;
        let last_step = epoch.checked_add(self.epochs).and_then(|epochs| epochs.checked_mul(per_epoch));
        if batch > per_epoch || last_step.is_none() {
            return Err(TrainError::NoSuchPosition { epoch, batch, per_epoch });
        }
        let bar = self.progress_bar(per_epoch);
        let mut curve = LearningCurve { position: self.start, ..LearningCurve::default() };
        let mut last_good = parameters.clone();
        for _ in 0..self.epochs {
            let begun = curve.position;
            let mut run = EpochRun { batches: &mut batches, observer: &mut *observer, bar: &bar };
            let done = self.epoch(train, &mut run, &mut curve.position, parameters);
            let mut metrics = match done {
                Ok(Some(metrics)) => metrics,
                Ok(None) => {
                    curve.stopped = true;
                    break;
                }
                Err(Stop::Error(error)) => {
                    copy(&last_good, parameters);
                    return Err(error);
                }
                Err(Stop::NonFinite { what, value, batch }) => {
                    copy(&last_good, parameters);
                    let cause = self.trace(train, &mut batches, begun, batch, last_good).ok().flatten();
                    curve.position = begun;
                    return Err(TrainError::NonFinite {
                        what,
                        value,
                        epoch: begun.epoch,
                        batch,
                        cause,
                        curve,
                    });
                }
            };
            copy(parameters, &mut last_good);
            if self.measure == TrainingMeasure::Evaluated {
                metrics.train = self.evaluator.evaluate(train, parameters)?;
            }
            if let Some(validation) = validation {
                metrics.validation = Some(self.evaluator.evaluate(validation, parameters)?);
            }
            if let Some(plateau) = &mut self.plateau_now {
                plateau.observe(metrics.validation.unwrap_or(metrics.train).loss);
            }
            show(&bar, &metrics);
            let decision = observer.epoch_ended(&metrics, parameters);
            curve.epochs.push(metrics);
            if decision.is_break() {
                curve.stopped = true;
                break;
            }
        }
        bar.finish_and_clear();
        Ok(curve)
    }

    /// Mean cross-entropy and error of the network on a data set, in [`Mode::Evaluate`].
    ///
    /// # Errors
    /// As [`Evaluator::evaluate`].
    pub fn evaluate(
        &mut self,
        data: &Dataset<T>,
        parameters: &Parameters<T>,
    ) -> Result<Evaluation, TrainError> {
        self.evaluator.evaluate(data, parameters)
    }

    fn check(&self, train: &Dataset<T>, validation: Option<&Dataset<T>>) -> Result<(), TrainError> {
        self.optimiser.check()?;
        if let Some(plateau) = &self.plateau {
            plateau.check()?;
        }
        check_model(self.model, train)?;
        let Some(validation) = validation else { return Ok(()) };
        if validation.example_shape() != train.example_shape() {
            return Err(TrainError::ValidationShape {
                train: train.example_shape(),
                validation: validation.example_shape(),
            });
        }
        check_model(self.model, validation)
    }

    /// The steps of one epoch from `position` on, which moves with each of them. `None` if the observer or an
    /// interrupt ended it.
    fn epoch(
        &mut self,
        train: &Dataset<T>,
        run: &mut EpochRun<'_, T>,
        position: &mut Position,
        parameters: &mut Parameters<T>,
    ) -> Result<Option<EpochMetrics>, Stop> {
        let start = Instant::now();
        let per_epoch = run.batches.batches_per_epoch() as u64;
        let Position { epoch, batch: first, .. } = *position;
        let mut stopped = false;
        for (batch, indices) in run.batches.epoch(epoch).enumerate().skip(first as usize) {
            if stopped || self.interrupt.is_requested() {
                stopped = true;
                break;
            }
            let step = epoch * per_epoch + batch as u64;
            let found = self.step(train, indices, step, parameters).map_err(Stop::Error)?;
            if !found.objective.is_finite() {
                return Err(Stop::NonFinite { what: "the objective".into(), value: found.objective, batch });
            }
            position.batch += 1;
            position.measured.objective += found.objective * indices.len() as f64;
            position.measured.loss += found.loss * indices.len() as f64;
            position.measured.errors += found.errors;
            run.bar.inc(1);
            let (objective, learning_rate) = (found.objective, self.learning_rate(step));
            let metrics = StepMetrics { objective, learning_rate, position: *position };
            stopped = run.observer.step_ended(&metrics, parameters).is_break();
        }
        // The last update has been through no objective yet.
        if let Some((name, at)) = parameters.first_non_finite() {
            let (what, value) = (format!("the parameter `{name}`"), parameters[name].data()[at].to_f64());
            return Err(Stop::NonFinite { what, value, batch: position.batch.max(1) as usize - 1 });
        }
        if stopped {
            return Ok(None);
        }
        let (examples, measured) = (train.len(), position.measured);
        *position = Position::epoch(epoch + 1);
        let mean = |sum: f64| sum / examples as f64;
        Ok(Some(EpochMetrics {
            epoch,
            objective: mean(measured.objective),
            train: Evaluation { loss: mean(measured.loss), error: mean(measured.errors), examples },
            validation: None,
            learning_rate: self.learning_rate((epoch + 1) * per_epoch - 1),
            seconds: start.elapsed().as_secs_f64(),
        }))
    }

    /// One step. Loss and errors are 0 if they are measured after the epoch.
    fn step(
        &mut self,
        train: &Dataset<T>,
        indices: &[usize],
        step: u64,
        parameters: &mut Parameters<T>,
    ) -> Result<StepMeasures, TrainError> {
        let running = self.measure == TrainingMeasure::Running;
        let learning_rate = self.learning_rate(step);
        let shape = train.examples().shape().with_axis(0, indices.len());
        let fed = self.number_of_feeds();
        let Compiled { plan, inputs, labels } = self.compiled(shape);
        train.gather_into(indices, inputs, labels)?;
        plan.set_run(step);
        let outputs = plan.run(parameters, &feeds(inputs, labels, learning_rate)[..fed])?;
        let measured = |name: &str| if running { outputs.scalar(name).to_f64() } else { 0.0 };
        Ok(StepMeasures {
            objective: outputs.scalar("objective").to_f64(),
            loss: measured("loss"),
            errors: measured("errors"),
        })
    }

    /// The learning rate of a step: the schedule's, lowered by the plateau.
    fn learning_rate(&self, step: u64) -> f64 {
        let scheduled = self.optimiser.learning_rate(step);
        self.plateau_now.as_ref().map_or(scheduled, |plateau| plateau.rate(scheduled))
    }

    /// The plan for a batch of this shape.
    fn compiled(&mut self, shape: Shape) -> &mut Compiled<T> {
        if let Some(position) = self.plans.iter().position(|compiled| compiled.inputs.shape() == shape) {
            return &mut self.plans[position];
        }
        let graph = Graph::new();
        let (batch, objective, step) = self.record(&graph, shape);
        let mut plan = step.add_to(Plan::builder(&graph).output("objective", objective));
        if self.measure == TrainingMeasure::Running {
            let (logits, labels) = (batch.logits(), batch.labels);
            plan = plan.output("loss", cross_entropy(logits, labels, Reduction::Mean));
            plan = plan.output("errors", error_count(logits, labels));
        }
        let mut plan = plan.compile();
        plan.set_seed(self.seed);
        self.takes_learning_rate = step.learning_rate.is_some();
        self.state = step.state;
        self.plans.push(Compiled::new(plan, shape));
        self.plans.last_mut().expect("just added")
    }

    /// Records one step on a graph: the batch, the objective and the updates.
    fn record<'g>(
        &self,
        graph: &'g Graph<T>,
        shape: Shape,
    ) -> (Batch<'g, '_, T>, Var<'g, T>, OptimiserStep<'g, T>) {
        let (inputs, labels) = (graph.input(INPUTS, shape), graph.indices(LABELS, [shape[0]]));
        let batch = Batch::new(inputs, labels, self.model, &self.specs, Mode::Train);
        let objective = (self.objective)(&batch).named("objective");
        let step = self.optimiser.minimise(objective, &self.specs);
        (batch, objective, step)
    }

    /// Repeats an epoch from where it began here up to batch `last`, or to an earlier step that makes a
    /// parameter non-finite, and finds the node of that step where the first such value appears. A step is a
    /// pure function of parameters and number, so the repetition is exact.
    fn trace(
        &mut self,
        train: &Dataset<T>,
        batches: &mut Batches,
        begun: Position,
        last: usize,
        mut parameters: Parameters<T>,
    ) -> Result<Option<NonFinite>, TrainError> {
        let first_step = begun.epoch * batches.batches_per_epoch() as u64;
        for (batch, indices) in batches.epoch(begun.epoch).enumerate().skip(begun.batch as usize) {
            let (before, number) = (parameters.clone(), first_step + batch as u64);
            self.step(train, indices, number, &mut parameters)?;
            if batch < last && parameters.first_non_finite().is_none() {
                continue;
            }
            let graph = Graph::new();
            let (inputs, labels) = train.gather(indices)?;
            let (_, objective, step) = self.record(&graph, inputs.shape());
            let updates = step.updates.iter().map(|(_, expression)| expression.id());
            let nodes: Vec<_> = [objective.id()].into_iter().chain(updates).collect();
            let interpreter =
                Interpreter { parameters: &before, draw: Draw { seed: self.seed, run: number } };
            let feeds = feeds(&inputs, &labels, self.learning_rate(number));
            return Ok(interpreter.first_non_finite(&graph, &nodes, &feeds[..self.number_of_feeds()])?);
        }
        Ok(None)
    }

    /// How many of [`feeds`] the plans take.
    fn number_of_feeds(&self) -> usize {
        2 + self.takes_learning_rate as usize
    }

    fn progress_bar(&self, batches_per_epoch: u64) -> ProgressBar {
        let Some(title) = &self.progress else { return ProgressBar::hidden() };
        const TEMPLATE: &str = "{prefix} [{bar:24}] {pos}/{len} steps, {per_sec}, {eta} left {msg}";
        let style = ProgressStyle::with_template(TEMPLATE).expect("the template is well formed");
        // On standard error, and silent by itself if that is not a terminal.
        ProgressBar::new((self.epochs * batches_per_epoch).saturating_sub(self.start.batch))
            .with_style(style.progress_chars("=> "))
            .with_prefix(title.clone())
    }
}

/// What one step measured.
struct StepMeasures {
    objective: f64,
    /// The mean cross-entropy.
    loss: f64,
    /// The number of examples that were wrong.
    errors: f64,
}

/// What the epochs of one training share.
struct EpochRun<'r, T: Real> {
    batches: &'r mut Batches,
    observer: &'r mut dyn EpochObserver<T>,
    bar: &'r ProgressBar,
}

/// Why an epoch did not end.
enum Stop {
    Error(TrainError),
    NonFinite { what: String, value: f64, batch: usize },
}

/// Everything that a step may be fed, the learning rate last.
fn feeds<'a, T: Real>(
    inputs: &'a Tensor<T>,
    labels: &'a Tensor<u32>,
    learning_rate: f64,
) -> [(&'static str, Feed<'a, T>); 3] {
    [(INPUTS, Feed::from(inputs)), (LABELS, Feed::from(labels)), (LEARNING_RATE, Feed::from(learning_rate))]
}

/// Copies values over those of the same names and shapes, without allocating for them.
fn copy<T: Real>(from: &Parameters<T>, to: &mut Parameters<T>) {
    for (name, value) in from.iter() {
        match to.get_mut(name) {
            Some(place) if place.shape() == value.shape() => place.data_mut().copy_from_slice(value.data()),
            _ => {
                to.insert(name, value.clone());
            }
        }
    }
}

fn show(bar: &ProgressBar, metrics: &EpochMetrics) {
    let validation = match metrics.validation {
        Some(v) => format!(", validation error {:.2} %", 100.0 * v.error),
        None => String::new(),
    };
    bar.set_message(format!("epoch {}: objective {:.4}{validation}", metrics.epoch, metrics.objective));
}
