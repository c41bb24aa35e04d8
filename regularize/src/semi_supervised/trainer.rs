//! Two kinds of batches in one step: examples with labels and examples without.
//!
//! An objective is a function of a [`MixedBatch`]: a labelled batch as every training has one, unlabelled
//! inputs, a weight that rises from step to step, and the teacher, if there is one. Forward, all terms,
//! gradient, update and the teacher's average are one compiled plan.
//!
//! An epoch goes once through the unlabelled examples, in full batches in a fresh order; those that fill no
//! batch are left out of it. Labelled batches are drawn likewise, over and over. So with forty labels and a
//! thousand unlabelled examples every step still sees labels. Everything is a pure function of seed and step.
//!
//! Running statistics of batch normalisation are those of the labelled batch: it is recorded first.

use super::consistency::RampUp;
use super::mean_teacher::MeanTeacher;
use crate::error::RegularizeError;
use autograd::{Feed, Graph, Parameters, Plan, Real, Tensor, Var};
use nn::data::{Batches, DataError, Dataset, LastBatch};
use nn::loss::error_count;
use nn::optimise::OptimiserStep;
use nn::train::{
    Batch, BatchSums, EpochMetrics, EpochObserver, Evaluation, Evaluator, Position, StepMetrics,
};
use nn::{LEARNING_RATE, Layer, Mode, Optimiser, ParameterSpec};
use std::cell::RefCell;
use std::ops::ControlFlow;
use std::time::Instant;

const INPUTS: &str = "inputs";
const LABELS: &str = "labels";
const UNLABELLED: &str = "unlabelled";
const WEIGHT: &str = "ramp_up";

/// What an objective is made of.
pub struct MixedBatch<'g, 'm, T: Real> {
    /// The examples with labels.
    pub labelled: Batch<'g, 'm, T>,
    /// Examples without, `[m, ..example shape]`.
    pub unlabelled: Var<'g, T>,
    /// The weight of this step, a scalar: what [`RampUp::at`] says.
    pub weight: Var<'g, T>,
    weightless: bool,
    teacher: Option<MeanTeacher>,
    measured: RefCell<Vec<(String, Var<'g, T>)>>,
}

impl<'g, T: Real> MixedBatch<'g, '_, T> {
    /// The network's logits for other inputs, in [`Mode::Train`].
    ///
    /// # Panics
    /// As [`Layer::forward`].
    #[track_caller]
    pub fn logits(&self, x: Var<'g, T>) -> Var<'g, T> {
        self.labelled.model.forward(x, self.labelled.mode)
    }

    /// `J + w Ω`: an objective with a term for unlabelled examples, times the weight of the step. With a ramp-up to 0
    /// the objective itself: the term is not recorded.
    #[track_caller]
    pub fn ramped(&self, objective: Var<'g, T>, term: impl FnOnce() -> Var<'g, T>) -> Var<'g, T> {
        if self.weightless { objective } else { objective + term() * self.weight }
    }

    /// The teacher's logits, a constant to differentiation, with draws of its own.
    ///
    /// # Panics
    /// If the training has no teacher.
    #[track_caller]
    pub fn teacher(&self, x: Var<'g, T>) -> Var<'g, T> {
        let Some(teacher) = self.teacher else { panic!("the training has no teacher") };
        teacher.forward(self.labelled.model, x, self.labelled.mode)
    }

    /// Reports the mean of a scalar over each epoch under a name: the share of pseudo-labels that were used.
    ///
    /// # Panics
    /// If it is no scalar.
    #[track_caller]
    pub fn measure(&self, name: &str, value: Var<'g, T>) {
        assert!(value.shape().rank() == 0, "`{name}` is measured, but no scalar: {}", value.shape());
        self.measured.borrow_mut().push((name.into(), value));
    }
}

/// What is minimised, as a function of a batch.
type Objective<'m, T> = dyn for<'g, 'b> Fn(&MixedBatch<'g, 'b, T>) -> Var<'g, T> + Send + Sync + 'm;

/// One epoch of a semi-supervised training.
#[derive(Debug, Clone, PartialEq)]
pub struct SemiSupervisedEpoch {
    /// The mean of what was minimised.
    pub objective: f64,
    /// The labelled examples as they came, in the steps themselves.
    pub labelled: Evaluation,
    /// The validation set after the epoch, by the teacher if there is one.
    pub validation: Option<Evaluation>,
    /// What the objective [measured](MixedBatch::measure), means over the epoch.
    pub measured: Vec<(String, f64)>,
}

/// Trains one network on labelled and unlabelled examples. See the [module documentation](self).
///
/// Labels for four of twelve points; on the others the network is to agree with its teacher:
///
/// ```
/// use autograd::Tensor;
/// use nn::data::Dataset;
/// use nn::{Activation, Optimiser, Sequential, initialise};
/// use regularize::semi_supervised::{Consistency, MeanTeacher, RampUp, SemiSupervisedTrainer};
/// let point = |i: usize| if i % 2 == 0 { 1.0 } else { -1.0 };
/// let labelled = Dataset::new(Tensor::from_fn([4, 1], point), Tensor::new([4], vec![0, 1, 0, 1]), 2)?;
/// let unlabelled = Tensor::from_fn([8, 1], |i| 0.5 * point(i));
/// let model = Sequential::<f64>::mlp(&[1, 4, 2], Activation::Tanh);
/// let mut trainer = SemiSupervisedTrainer::new(&model, Optimiser::adam(0.05))
///     .teacher(MeanTeacher::new(0.5)?)
///     .ramp_up(RampUp::new(1.0, 10)?)
///     .batch_sizes(4, 4) // two steps in an epoch
///     .epochs(20)
///     .objective(|batch| {
///         let (own, target) = (batch.logits(batch.unlabelled), batch.teacher(batch.unlabelled));
///         let apart = Consistency::default().loss(own, target);
///         batch.measure("apart", apart);
///         batch.ramped(batch.labelled.cross_entropy(), || apart)
///     });
/// let curve = trainer.fit(&labelled, &unlabelled, Some(&labelled), &mut initialise(&model, 1))?;
/// assert_eq!(curve.len(), 20);
/// assert_eq!(curve[19].measured[0].0, "apart");
/// assert_eq!(curve[19].validation.unwrap().error, 0.0); // the teacher's
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
pub struct SemiSupervisedTrainer<'m, T: Real> {
    model: &'m dyn Layer<T>,
    specs: Vec<ParameterSpec>,
    optimiser: Optimiser<T>,
    objective: Box<Objective<'m, T>>,
    teacher: Option<MeanTeacher>,
    ramp_up: RampUp,
    sizes: [usize; 2],
    epochs: u64,
    seed: u64,
}

impl<'m, T: Real> SemiSupervisedTrainer<'m, T> {
    /// Trains `model` by `optimiser`, so far on the cross-entropy of the labelled examples alone: batches of
    /// 32 labelled and 128 unlabelled examples, 10 epochs, seed 0, weight 1.
    pub fn new(model: &'m dyn Layer<T>, optimiser: Optimiser<T>) -> Self {
        SemiSupervisedTrainer {
            model,
            specs: model.parameters(),
            optimiser,
            objective: Box::new(|batch| batch.labelled.cross_entropy()),
            teacher: None,
            ramp_up: RampUp::default(),
            sizes: [32, 128],
            epochs: 10,
            seed: 0,
        }
    }

    /// What is minimised: a scalar made of a batch.
    pub fn objective(
        mut self,
        objective: impl for<'g, 'b> Fn(&MixedBatch<'g, 'b, T>) -> Var<'g, T> + Send + Sync + 'm,
    ) -> Self {
        self.objective = Box::new(objective);
        self
    }

    /// A teacher that follows the network, for [`MixedBatch::teacher`] and for the validation.
    pub fn teacher(self, teacher: MeanTeacher) -> Self {
        SemiSupervisedTrainer { teacher: Some(teacher), ..self }
    }

    /// The weight of each step.
    pub fn ramp_up(self, ramp_up: RampUp) -> Self {
        SemiSupervisedTrainer { ramp_up, ..self }
    }

    /// The numbers of labelled and of unlabelled examples in a step; if there are fewer, all of them.
    pub fn batch_sizes(self, labelled: usize, unlabelled: usize) -> Self {
        SemiSupervisedTrainer { sizes: [labelled, unlabelled], ..self }
    }

    /// The number of epochs.
    pub fn epochs(self, epochs: u64) -> Self {
        SemiSupervisedTrainer { epochs, ..self }
    }

    /// The seed of the orders and of all random draws.
    pub fn seed(self, seed: u64) -> Self {
        SemiSupervisedTrainer { seed, ..self }
    }

    /// Trains `parameters`; the optimiser's memory and the teacher are kept among them.
    ///
    /// # Errors
    /// [`RegularizeError`] if data, model and parameters do not fit, or the objective stops being finite; the
    /// parameters are then as that step left them.
    pub fn fit(
        &mut self,
        labelled: &Dataset<T>,
        unlabelled: &Tensor<T>,
        validation: Option<&Dataset<T>>,
        parameters: &mut Parameters<T>,
    ) -> Result<Vec<SemiSupervisedEpoch>, RegularizeError> {
        let mut nobody = |_: &_, _: &_| ControlFlow::Continue(());
        self.fit_observed(labelled, unlabelled, validation, parameters, &mut nobody)
    }

    /// [`SemiSupervisedTrainer::fit`] with an observer of each step and epoch, such as
    /// [`EarlyStopping`](crate::EarlyStopping). It sees the measures of the validation, which are the teacher's if
    /// there is one, and all parameters: the teacher's own among them are what
    /// [`MeanTeacher::parameters_of`] takes out of those that were kept.
    ///
    /// # Errors
    /// As [`SemiSupervisedTrainer::fit`].
    ///
    /// ```
    /// use autograd::Tensor;
    /// use nn::data::Dataset;
    /// use nn::{Activation, Optimiser, Sequential, initialise};
    /// use regularize::EarlyStopping;
    /// use regularize::semi_supervised::SemiSupervisedTrainer;
    /// let points = |shift: f64| Tensor::from_fn([4, 1], |i| (i % 2) as f64 + shift);
    /// let labelled = Dataset::new(points(0.0), Tensor::new([4], vec![0, 1, 0, 1]), 2)?;
    /// let model = Sequential::<f64>::mlp(&[1, 2], Activation::Relu);
    /// // At a learning rate of 0 nothing improves: the first epoch is the best, and two more are waited for.
    /// let mut trainer = SemiSupervisedTrainer::new(&model, Optimiser::sgd(0.0)).epochs(50);
    /// let (mut parameters, mut stopping) = (initialise(&model, 1), EarlyStopping::new(2));
    /// let curve =
    ///     trainer.fit_observed(&labelled, &points(0.1), Some(&labelled), &mut parameters, &mut stopping)?;
    /// assert_eq!((curve.len(), stopping.finish()?.epoch), (3, 0));
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    pub fn fit_observed(
        &mut self,
        labelled: &Dataset<T>,
        unlabelled: &Tensor<T>,
        validation: Option<&Dataset<T>>,
        parameters: &mut Parameters<T>,
        observer: &mut dyn EpochObserver<T>,
    ) -> Result<Vec<SemiSupervisedEpoch>, RegularizeError> {
        self.optimiser.check().map_err(RegularizeError::from)?;
        // The labels are never read; the checks of shape and values are wanted.
        let nameless = Tensor::full([unlabelled.shape().lengths().first().copied().unwrap_or(0)], 0);
        let unlabelled = Dataset::new(unlabelled.clone(), nameless, 2)?;
        if unlabelled.example_shape() != labelled.example_shape() {
            let (labelled, unlabelled) = (labelled.example_shape(), unlabelled.example_shape());
            return Err(RegularizeError::UnlabelledShape { labelled, unlabelled });
        }
        let mut evaluator = Evaluator::new(self.model, 256);
        evaluator.evaluate(labelled, parameters)?;

        let sizes = [self.sizes[0].min(labelled.len()), self.sizes[1].min(unlabelled.len())];
        let batches = |len, size, seed| -> Result<Batches, DataError> {
            Batches::new(len, size, seed)?.with_last(LastBatch::Drop)
        };
        let mut with_labels = batches(labelled.len(), sizes[0], self.seed)?;
        // Another seed: two sets of one size would come in one order.
        let mut without = batches(unlabelled.len(), sizes[1], self.seed ^ 0x5EED_0F0D_DB17_5EED)?;
        let graph = Graph::new();
        let (step, mut plan, names) = self.compile(&graph, labelled, sizes);
        step.initialise_state(parameters);
        if let Some(teacher) = self.teacher {
            teacher.start(&self.specs, parameters);
        }
        let fed: Vec<String> = plan.inputs().map(|(name, ..)| name.to_string()).collect();

        let shape = |size: usize| labelled.examples().shape().with_axis(0, size);
        let (mut inputs, mut labels) = (Tensor::zeros(shape(sizes[0])), Tensor::full([sizes[0]], 0));
        let (mut others, mut ignored) = (Tensor::zeros(shape(sizes[1])), Tensor::full([sizes[1]], 0));
        let (per_epoch, cycle) = (without.batches_per_epoch() as u64, with_labels.batches_per_epoch() as u64);
        let mut curve = Vec::new();
        for epoch in 0..self.epochs {
            let begun = Instant::now();
            let mut sums = vec![0.0; names.len() + 3];
            let mut position = Position::epoch(epoch);
            for (number, indices) in without.epoch(epoch).enumerate() {
                let at = epoch * per_epoch + number as u64;
                unlabelled.gather_into(indices, &mut others, &mut ignored)?;
                let mut round = with_labels.epoch(at / cycle);
                let indices = round.nth((at % cycle) as usize).expect("a round has that many batches");
                labelled.gather_into(indices, &mut inputs, &mut labels)?;
                let feeds = [
                    (INPUTS, Feed::from(&inputs)),
                    (LABELS, Feed::from(&labels)),
                    (UNLABELLED, Feed::from(&others)),
                    (WEIGHT, Feed::from(self.ramp_up.at(at))),
                    (LEARNING_RATE, Feed::from(self.optimiser.learning_rate(at))),
                ];
                let feeds: Vec<_> =
                    feeds.into_iter().filter(|(name, _)| fed.iter().any(|fed| fed == name)).collect();
                plan.set_run(at);
                let outputs = plan.run(parameters, &feeds)?;
                let value = outputs.scalar("objective").to_f64();
                if !value.is_finite() {
                    return Err(RegularizeError::NonFiniteObjective { value, epoch, batch: number });
                }
                let measured = ["objective", "loss", "errors"].into_iter().chain(names.iter().map(|n| &**n));
                sums.iter_mut().zip(measured).for_each(|(sum, name)| *sum += outputs.scalar(name).to_f64());
                let size = sizes[0] as f64;
                let measured = BatchSums { objective: sums[0] * size, loss: sums[1] * size, errors: sums[2] };
                position = Position { batch: position.batch + 1, measured, ..position };
                let learning_rate = self.optimiser.learning_rate(at);
                let metrics = StepMetrics { objective: value, learning_rate, position };
                if observer.step_ended(&metrics, parameters).is_break() {
                    return Ok(curve);
                }
            }
            let seconds = begun.elapsed().as_secs_f64();
            let mean: Vec<f64> = sums.iter().map(|sum| sum / per_epoch as f64).collect();
            let examples = per_epoch as usize * sizes[0];
            let found = Evaluation { loss: mean[1], error: mean[2] / sizes[0] as f64, examples };
            let judged = match self.teacher {
                Some(teacher) => Some(teacher.parameters_of(&self.specs, parameters)?),
                None => None,
            };
            let validation = match validation {
                Some(data) => Some(evaluator.evaluate(data, judged.as_ref().unwrap_or(parameters))?),
                None => None,
            };
            let measured = names.iter().cloned().zip(mean[3..].iter().copied()).collect();
            curve.push(SemiSupervisedEpoch { objective: mean[0], labelled: found, validation, measured });
            let metrics = EpochMetrics {
                epoch,
                objective: mean[0],
                train: found,
                validation,
                learning_rate: self.optimiser.learning_rate((epoch + 1) * per_epoch - 1),
                seconds,
            };
            if observer.epoch_ended(&metrics, parameters).is_break() {
                break;
            }
        }
        Ok(curve)
    }

    /// The whole step as a plan, and the names of what it measures.
    fn compile<'g>(
        &self,
        graph: &'g Graph<T>,
        labelled: &Dataset<T>,
        sizes: [usize; 2],
    ) -> (OptimiserStep<'g, T>, Plan<T>, Vec<String>) {
        let shape = |size: usize| labelled.examples().shape().with_axis(0, size);
        let (inputs, labels) = (graph.input(INPUTS, shape(sizes[0])), graph.indices(LABELS, [sizes[0]]));
        let batch = MixedBatch {
            labelled: Batch::new(inputs, labels, self.model, &self.specs, Mode::Train),
            unlabelled: graph.input(UNLABELLED, shape(sizes[1])),
            weight: graph.scalar(WEIGHT),
            weightless: self.ramp_up.is_zero(),
            teacher: self.teacher,
            measured: RefCell::default(),
        };
        let logits = batch.labelled.logits();
        let objective = (self.objective)(&batch).named("objective");
        let mut step = self.optimiser.minimise(objective, &self.specs);
        if let Some(teacher) = self.teacher {
            step = teacher.following(&self.specs, step, graph);
        }
        let mut builder = step
            .add_to(Plan::builder(graph))
            .output("objective", objective)
            .output("loss", batch.labelled.cross_entropy())
            .output("errors", error_count(logits, labels));
        let mut names = Vec::new();
        for (name, value) in batch.measured.into_inner() {
            builder = builder.output(&name, value);
            names.push(name);
        }
        let mut plan = builder.compile();
        plan.set_seed(self.seed);
        (step, plan, names)
    }
}

/// `per_class` examples of each class with their labels, and the inputs of all others without: which ones is
/// drawn from `seed`.
///
/// # Errors
/// [`RegularizeError::TooFewOfAClass`] if a class has fewer than `per_class` examples; that there are none
/// ([`DataError::Empty`]) if `per_class` is 0, or if nothing would be left without a label.
///
/// ```
/// use autograd::Tensor;
/// use nn::data::Dataset;
/// use regularize::semi_supervised::hide_labels;
/// let inputs = Tensor::from_fn([5, 1], |i| i as f64);
/// let data = Dataset::new(inputs, Tensor::new([5], vec![0, 1, 0, 1, 0]), 2)?;
/// let (labelled, unlabelled) = hide_labels(&data, 1, 7)?;
/// assert_eq!(labelled.class_counts(), [1, 1]);
/// assert_eq!(unlabelled.shape().lengths(), [3, 1]);
/// assert!(hide_labels(&data, 3, 7).is_err()); // class 1 has two examples
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
pub fn hide_labels<T: Real>(
    data: &Dataset<T>,
    per_class: usize,
    seed: u64,
) -> Result<(Dataset<T>, Tensor<T>), RegularizeError> {
    let mut order = Batches::new(data.len(), data.len(), seed)?;
    let order = order.epoch(0).next().expect("one batch of everything");
    let mut left = vec![per_class; data.classes()];
    let (mut kept, mut hidden) = (Vec::new(), Vec::new());
    for &index in order {
        let left = &mut left[data.labels().data()[index] as usize];
        if *left > 0 {
            *left -= 1;
            kept.push(index);
        } else {
            hidden.push(index);
        }
    }
    if let Some(class) = left.iter().position(|&left| left > 0) {
        let found = data.class_counts()[class];
        return Err(RegularizeError::TooFewOfAClass { class, found, wanted: per_class });
    }
    kept.sort_unstable();
    hidden.sort_unstable();
    Ok((data.subset(&kept)?, data.subset(&hidden)?.into_parts().0))
}

#[cfg(test)]
mod tests;
