//! Measuring a network on a data set.

use super::{Evaluation, TrainError, check_model};
use crate::data::{Batches, Dataset};
use crate::layer::{Layer, Mode};
use crate::loss::{Reduction, cross_entropy, error_count};
use autograd::{Feed, Graph, Parameters, Plan, Real, Shape, Tensor};

/// The names of a batch's inputs on a graph.
pub(super) const INPUTS: &str = "inputs";
pub(super) const LABELS: &str = "labels";

/// A compiled plan for one batch size, with the tensors that its batches are copied into.
pub(super) struct Compiled<T: Real> {
    pub plan: Plan<T>,
    pub inputs: Tensor<T>,
    pub labels: Tensor<u32>,
}

impl<T: Real> Compiled<T> {
    pub fn new(plan: Plan<T>, inputs: Shape) -> Compiled<T> {
        Compiled { plan, inputs: Tensor::zeros(inputs), labels: Tensor::full([inputs[0]], 0) }
    }
}

/// Runs a network over data sets, in batches.
///
/// Plans are compiled when first needed and kept: one for the batch size, one for a smaller last batch. Every
/// example counts once.
///
/// ```
/// use nn::{Activation, Sequential, initialise};
/// use nn::data::digits;
/// use nn::train::Evaluator;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let data = digits::load()?.flattened().subset(&[0, 1, 2])?;
/// let model = Sequential::<f32>::mlp(&[64, 10], Activation::Relu);
/// let found = Evaluator::new(&model, 2).evaluate(&data, &initialise(&model, 1))?;
/// assert_eq!(found.examples, 3);
/// # Ok(())
/// # }
/// ```
pub struct Evaluator<'m, T: Real> {
    model: &'m dyn Layer<T>,
    batch_size: usize,
    mode: Mode,
    seed: u64,
    plans: Vec<Compiled<T>>,
}

impl<'m, T: Real> Evaluator<'m, T> {
    /// An evaluator in [`Mode::Evaluate`].
    pub fn new(model: &'m dyn Layer<T>, batch_size: usize) -> Evaluator<'m, T> {
        Evaluator { model, batch_size, mode: Mode::Evaluate, seed: 0, plans: Vec::new() }
    }

    /// The same in another mode, with the seed of its draws: [`Mode::Sample`] gives one sample of a
    /// stochastic network's predictions.
    pub fn in_mode(self, mode: Mode, seed: u64) -> Evaluator<'m, T> {
        Evaluator { mode, seed, plans: Vec::new(), ..self }
    }

    /// Mean cross-entropy and error.
    ///
    /// # Errors
    /// [`TrainError`] if data and model do not fit, or a parameter has no value.
    pub fn evaluate(
        &mut self,
        data: &Dataset<T>,
        parameters: &Parameters<T>,
    ) -> Result<Evaluation, TrainError> {
        let (mut loss, mut errors) = (0.0, 0.0);
        self.run(data, parameters, |_, outputs| {
            // Sums, not means: a smaller last batch counts by its size.
            loss += outputs.scalar("loss").to_f64();
            errors += outputs.scalar("errors").to_f64();
        })?;
        let examples = data.len();
        Ok(Evaluation { loss: loss / examples as f64, error: errors / examples as f64, examples })
    }

    /// The logits of all examples, `[n, classes]`, in order.
    ///
    /// # Errors
    /// As [`Evaluator::evaluate`].
    pub fn logits(&mut self, data: &Dataset<T>, parameters: &Parameters<T>) -> Result<Tensor<T>, TrainError> {
        let mut rows = Vec::new();
        self.run(data, parameters, |_, outputs| rows.extend_from_slice(outputs.values("logits")))?;
        Ok(Tensor::new([data.len(), rows.len() / data.len()], rows))
    }

    /// Runs all batches in order and hands each one's examples and outputs to `each`.
    fn run(
        &mut self,
        data: &Dataset<T>,
        parameters: &Parameters<T>,
        mut each: impl FnMut(&[usize], autograd::Outputs<'_, T>),
    ) -> Result<(), TrainError> {
        let mut batches = Batches::in_order(data.len(), self.batch_size)?;
        check_model(self.model, data)?;
        for (number, indices) in batches.epoch(0).enumerate() {
            let compiled = self.compiled(data.examples().shape().with_axis(0, indices.len()));
            let Compiled { plan, inputs, labels } = compiled;
            data.gather_into(indices, inputs, labels)?;
            // Two batches of one pass draw apart, whichever of the plans runs them; two passes draw alike.
            plan.set_run(number as u64);
            let feeds = [(INPUTS, Feed::from(&*inputs)), (LABELS, Feed::from(&*labels))];
            each(indices, plan.evaluate(parameters, &feeds)?);
        }
        Ok(())
    }

    /// The plan for a batch of this shape.
    fn compiled(&mut self, shape: Shape) -> &mut Compiled<T> {
        let found = self.plans.iter().position(|compiled| compiled.inputs.shape() == shape);
        let position = found.unwrap_or_else(|| {
            let graph = Graph::new();
            let (inputs, labels) = (graph.input(INPUTS, shape), graph.indices(LABELS, [shape[0]]));
            let logits = self.model.forward(inputs, self.mode);
            let mut plan = Plan::builder(&graph)
                .output("logits", logits)
                .output("loss", cross_entropy(logits, labels, Reduction::Sum))
                .output("errors", error_count(logits, labels))
                .compile();
            plan.set_seed(self.seed);
            self.plans.push(Compiled::new(plan, shape));
            self.plans.len() - 1
        });
        &mut self.plans[position]
    }
}
