//! A data set under attack, with the evidence.
//!
//! The network is attacked in [`Mode::Evaluate`], unless told otherwise, on the *sum* of the examples' losses:
//! each example's gradient is its own and does not shrink with the batch. Success is what the network says
//! when the *clipped* example is given to it again, not what the attack hopes for.
//!
//! An example whose gradient is 0 everywhere is left where it is and counted: many of them mean that
//! gradients are masked, not that the network is robust (Carlini et al., arXiv 1902.06705). One whose
//! gradient has a NaN or an infinity is left where it is and counted too. Neither is hidden.
//!
//! ```
//! use nn::data::digits;
//! use nn::{Activation, Sequential, initialise};
//! use regularize::{AttackEvaluator, FastGradient};
//! # fn main() -> Result<(), regularize::RegularizeError> {
//! let data = digits::load()?.flattened().subset(&[0, 1, 2, 3])?;
//! let model = Sequential::<f32>::mlp(&[64, 10], Activation::Relu);
//! let mut parameters = initialise(&model, 1);
//! let mut evaluator = AttackEvaluator::new(&model, FastGradient::new(0.25)?.within(0.0, 1.0)?, 64);
//! for found in evaluator.curve(&data, &mut parameters, &[0.0, 0.1, 0.25])? {
//!     println!("ε = {}: error {:.0} %", found.epsilon, 100.0 * found.error);
//! }
//! let attack = evaluator.attack(&data, &mut parameters)?;
//! assert_eq!(attack.clipped.shape(), data.examples().shape());
//! # Ok(())
//! # }
//! ```

use super::fast_gradient::FastGradient;
use crate::error::{RegularizeError, at_least_zero};
use autograd::{Feed, Graph, Outputs, Parameters, Plan, Real, Shape, Tensor, grad};
use nn::data::{Batches, Dataset};
use nn::loss::{Reduction, cross_entropy};
use nn::train::Evaluator;
use nn::{Layer, Mode};

/// How a network does under one budget.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Robustness {
    /// The budget.
    pub epsilon: f64,
    /// The share of examples that are wrong after the attack, those that were wrong before among them.
    pub error: f64,
    /// The share of examples that are wrong without attack.
    pub clean_error: f64,
    /// The mean cross-entropy after the attack.
    pub loss: f64,
    /// The mean probability of the predicted class over the examples that are wrong after the attack; `None`
    /// if there are none.
    pub confidence_when_wrong: Option<f64>,
    /// How many examples have a gradient that is 0 everywhere.
    pub zero_gradients: usize,
    /// How many examples have a gradient with a NaN or an infinity.
    pub non_finite_gradients: usize,
    /// How many examples there are.
    pub examples: usize,
}

/// The adversarial examples of a data set and what became of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Attack<T: Real> {
    /// `x + d`, of the examples' shape.
    pub raw: Tensor<T>,
    /// The same clipped to the box: what the network is given.
    pub clipped: Tensor<T>,
    /// What the network predicts for each clipped example, `[n]`.
    pub predicted: Tensor<u32>,
    /// Whether that is another class than the label's, `[n]`.
    pub success: Vec<bool>,
    /// The summary.
    pub robustness: Robustness,
}

/// The plan for one shape of batch, with the tensors that its batches are copied into.
struct Compiled<T: Real> {
    plan: Plan<T>,
    inputs: Tensor<T>,
    labels: Tensor<u32>,
}

/// Attacks a network on data sets, in batches; plans are compiled when first needed and kept.
pub struct AttackEvaluator<'m, T: Real> {
    model: &'m dyn Layer<T>,
    attack: FastGradient,
    batch_size: usize,
    mode: Mode,
    seed: u64,
    plans: Vec<Compiled<T>>,
}

impl<'m, T: Real> AttackEvaluator<'m, T> {
    /// Attacks `model` in [`Mode::Evaluate`].
    pub fn new(model: &'m dyn Layer<T>, attack: FastGradient, batch_size: usize) -> Self {
        AttackEvaluator { model, attack, batch_size, mode: Mode::Evaluate, seed: 0, plans: Vec::new() }
    }

    /// The same on the network in another mode, with the seed of its draws. Gradient and prediction of a
    /// batch use the same draws.
    pub fn in_mode(self, mode: Mode, seed: u64) -> Self {
        AttackEvaluator { mode, seed, plans: Vec::new(), ..self }
    }

    /// The adversarial examples of `data`. The parameters are not changed.
    ///
    /// # Errors
    /// If data, model and parameters do not fit.
    pub fn attack(
        &mut self,
        data: &Dataset<T>,
        parameters: &mut Parameters<T>,
    ) -> Result<Attack<T>, RegularizeError> {
        let (mut raw, mut clipped, mut predicted) = (Vec::new(), Vec::new(), Vec::new());
        let clean = self.clean_error(data, parameters)?;
        let robustness = self.run(data, parameters, self.attack.epsilon(), clean, &mut |outputs| {
            raw.extend_from_slice(outputs.values("raw"));
            clipped.extend_from_slice(outputs.values("clipped"));
            predicted.extend_from_slice(outputs.indices("predicted"));
        })?;
        let success = predicted.iter().zip(data.labels().data()).map(|(p, l)| p != l).collect();
        let shape = data.examples().shape();
        Ok(Attack {
            raw: Tensor::new(shape, raw),
            clipped: Tensor::new(shape, clipped),
            predicted: Tensor::new([data.len()], predicted),
            success,
            robustness,
        })
    }

    /// How the network does under each of several budgets, in the attack's norm and box. The parameters are
    /// not changed.
    ///
    /// # Errors
    /// If a budget is negative or not finite, or data, model and parameters do not fit.
    pub fn curve(
        &mut self,
        data: &Dataset<T>,
        parameters: &mut Parameters<T>,
        epsilons: &[f64],
    ) -> Result<Vec<Robustness>, RegularizeError> {
        for &epsilon in epsilons {
            at_least_zero("attack's budget epsilon", epsilon)?;
        }
        let clean = self.clean_error(data, parameters)?;
        epsilons.iter().map(|&epsilon| self.run(data, parameters, epsilon, clean, &mut |_| ())).collect()
    }

    /// The error without attack. Also checks that model and data fit.
    fn clean_error(&self, data: &Dataset<T>, parameters: &mut Parameters<T>) -> Result<f64, RegularizeError> {
        let mut evaluator = Evaluator::new(self.model, self.batch_size).in_mode(self.mode, self.seed);
        Ok(evaluator.evaluate(data, parameters)?.error)
    }

    /// Attacks all batches in order and hands each one's outputs to `each`.
    fn run(
        &mut self,
        data: &Dataset<T>,
        parameters: &mut Parameters<T>,
        epsilon: f64,
        clean_error: f64,
        each: &mut dyn FnMut(Outputs<'_, T>),
    ) -> Result<Robustness, RegularizeError> {
        let mut batches = Batches::in_order(data.len(), self.batch_size)?;
        let (mut zero_gradients, mut non_finite_gradients) = (0, 0);
        let (mut loss, mut wrong, mut confidence) = (0.0, 0usize, 0.0);
        for (number, indices) in batches.epoch(0).enumerate() {
            let compiled = self.compiled(data.examples().shape().with_axis(0, indices.len()));
            let Compiled { plan, inputs, labels } = compiled;
            data.gather_into(indices, inputs, labels)?;
            plan.set_run(number as u64);
            let feeds = [
                ("inputs", Feed::from(&*inputs)),
                ("labels", Feed::from(&*labels)),
                ("epsilon", Feed::from(epsilon)),
            ];
            let outputs = plan.run(parameters, &feeds)?;
            for gradient in outputs.values("gradient").chunks(data.width()) {
                zero_gradients += usize::from(gradient.iter().all(|&g| g == T::ZERO));
                non_finite_gradients += usize::from(gradient.iter().any(|g| !g.is_finite()));
            }
            loss += outputs.scalar("loss").to_f64();
            let predictions = outputs.indices("predicted").iter().zip(labels.data());
            for ((predicted, label), sure) in predictions.zip(outputs.values("confidence")) {
                if predicted != label {
                    wrong += 1;
                    confidence += sure.to_f64();
                }
            }
            each(outputs);
        }
        let examples = data.len();
        Ok(Robustness {
            epsilon,
            error: wrong as f64 / examples as f64,
            clean_error,
            loss: loss / examples as f64,
            confidence_when_wrong: (wrong > 0).then(|| confidence / wrong as f64),
            zero_gradients,
            non_finite_gradients,
            examples,
        })
    }

    /// The plan for a batch of this shape.
    fn compiled(&mut self, shape: Shape) -> &mut Compiled<T> {
        let found = self.plans.iter().position(|compiled| compiled.inputs.shape() == shape);
        let position = found.unwrap_or_else(|| {
            self.plans.push(self.compile(shape));
            self.plans.len() - 1
        });
        &mut self.plans[position]
    }

    fn compile(&self, shape: Shape) -> Compiled<T> {
        let graph = Graph::new();
        let (x, labels) = (graph.input("inputs", shape), graph.indices("labels", [shape[0]]));
        let epsilon = graph.scalar("epsilon");
        let clean = cross_entropy(self.model.forward(x, self.mode), labels, Reduction::Sum);
        let gradient = grad(clean, &[x])[0];
        // A comparison with a NaN is false.
        let finite = gradient.abs().less(f64::INFINITY).reshape([shape[0], shape.numel() / shape[0]]);
        let usable = (1.0 - (1.0 - finite).max_keep(&[1])).broadcast_to(finite.shape()).reshape(shape);
        let safe = usable.select(gradient, gradient.like(0.0));
        let raw = x + self.attack.norm().steepest(safe) * epsilon;
        let clipped = self.attack.clip(raw);
        let logits = self.model.forward(clipped, self.mode);
        let predicted = logits.argmax();
        let mut plan = Plan::builder(&graph)
            .output("gradient", gradient)
            .output("raw", raw)
            .output("clipped", clipped)
            .output("loss", cross_entropy(logits, labels, Reduction::Sum))
            .output("confidence", logits.softmax().max_over(&[-1]))
            .index_output("predicted", predicted)
            .compile();
        plan.set_seed(self.seed);
        Compiled { plan, inputs: Tensor::zeros(shape), labels: Tensor::full([shape[0]], 0) }
    }
}

#[cfg(test)]
mod tests;
