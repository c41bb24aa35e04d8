//! Networks of one architecture, asked together.
//!
//! The parameters of several trainings with one model: members of a [`Bagging`](super::Bagging),
//! [`Snapshots`](super::Snapshots) of one training, or checkpoints. The mean of their predictions is recorded
//! with them on one graph, a copy of the network for each; see [`Committee::log_probabilities`].

use crate::ensemble::Average;
use crate::error::{RegularizeError, listed};
use autograd::{Feed, Graph, Parameters, Plan, Real, Tensor, Var, substitute};
use nn::data::Dataset;
use nn::train::{Evaluator, TrainError};
use nn::{Layer, Mode, ParameterSpec, Selection};

/// One model with several sets of parameters.
///
/// ```
/// use nn::data::digits;
/// use nn::{Activation, Sequential, initialise};
/// use regularize::ensemble::{Average, Committee};
/// # fn main() -> Result<(), regularize::RegularizeError> {
/// let data = digits::load()?.flattened().subset(&[0, 1, 2])?;
/// let model = Sequential::<f32>::mlp(&[64, 10], Activation::Relu);
/// let committee = Committee::new(&model, vec![initialise(&model, 1), initialise(&model, 2)])?;
/// let probabilities = committee.probabilities(&data, Average::Geometric)?;
/// assert_eq!(probabilities.shape().lengths(), [3, 10]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Committee<'m, T: Real> {
    model: &'m dyn Layer<T>,
    specs: Vec<ParameterSpec>,
    members: Vec<Parameters<T>>,
}

impl<'m, T: Real> Committee<'m, T> {
    /// The networks that `model` is with each of these parameters.
    ///
    /// # Errors
    /// If there are none, or one lacks a parameter of the model or has it in another shape.
    pub fn new(
        model: &'m dyn Layer<T>,
        members: Vec<Parameters<T>>,
    ) -> Result<Committee<'m, T>, RegularizeError> {
        if members.is_empty() {
            return Err(RegularizeError::Nothing { what: "members" });
        }
        let specs = model.parameters();
        for parameters in &members {
            for spec in &specs {
                let Some(value) = parameters.get(&spec.name) else {
                    let known = listed(parameters.iter().map(|(name, _)| name));
                    return Err(RegularizeError::MissingParameter { name: spec.name.clone(), known });
                };
                if value.shape() != spec.shape {
                    let (expected, found) = (spec.shape, value.shape());
                    return Err(RegularizeError::Shape { what: "values of a parameter", expected, found });
                }
            }
        }
        Ok(Committee { model, specs, members })
    }

    /// The networks' parameters, in order.
    pub fn members(&self) -> &[Parameters<T>] {
        &self.members
    }

    /// The logarithms of the mean distribution for inputs that are a variable, `[batch, classes]`: with every
    /// member's parameters as constants. Its gradient with respect to the inputs is that of the ensemble, so
    /// an attack on it is an attack on any network.
    ///
    /// # Panics
    /// If the model does not take `inputs`.
    ///
    /// ```
    /// use autograd::{Graph, grad, interpret};
    /// use nn::{Activation, Mode, Sequential, initialise};
    /// use regularize::ensemble::{Average, Committee};
    /// let model = Sequential::<f64>::mlp(&[3, 2], Activation::Relu);
    /// let committee = Committee::new(&model, vec![initialise(&model, 1), initialise(&model, 2)])?;
    /// let graph = Graph::new();
    /// let x = graph.fill([1, 3], 1.0);
    /// let logs = committee.log_probabilities(x, Mode::Evaluate, Average::Arithmetic);
    /// let slope = grad(logs.sum(), &[x])[0]; // for an attack on both at once
    /// let found = interpret(&[logs.exp().sum(), slope], &[], None)?; // no parameter is asked for
    /// assert!((found[0].item() - 1.0).abs() < 1e-15);
    /// assert_eq!(found[1].shape().lengths(), [1, 3]);
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    pub fn log_probabilities<'g>(&self, inputs: Var<'g, T>, mode: Mode, average: Average) -> Var<'g, T> {
        let graph = inputs.graph();
        let logits = self.model.forward(inputs, mode);
        let of_member = |parameters: &Parameters<T>| {
            let constant = |spec: &ParameterSpec| {
                (spec.declare(graph), graph.constant(parameters[spec.name.as_str()].clone()))
            };
            let replaced: Vec<_> = self.specs.iter().map(constant).collect();
            substitute(&[logits], &replaced)[0]
        };
        average.log_probabilities(&self.members.iter().map(of_member).collect::<Vec<_>>())
    }

    /// The mean distribution of each example, `[n, classes]`, in [`Mode::Evaluate`].
    ///
    /// # Errors
    /// If model and data do not fit.
    pub fn probabilities(&self, data: &Dataset<T>, average: Average) -> Result<Tensor<T>, RegularizeError> {
        let mut evaluator = Evaluator::new(self.model, 256);
        let logits: Vec<Tensor<T>> = (self.members.iter())
            .map(|parameters| evaluator.logits(data, parameters))
            .collect::<Result<_, TrainError>>()?;
        let graph = Graph::new();
        let names: Vec<String> = (0..logits.len()).map(|i| format!("member{i}")).collect();
        let variables: Vec<_> =
            names.iter().zip(&logits).map(|(name, value)| graph.input(name, value.shape())).collect();
        let feeds: Vec<_> = names.iter().map(String::as_str).zip(logits.iter().map(Feed::from)).collect();
        let mean = average.probabilities(&variables);
        let mut plan = Plan::builder(&graph).output("mean", mean).compile();
        Ok(plan.evaluate(&Parameters::new(), &feeds)?.tensor("mean"))
    }

    /// The share of examples whose most probable class, the first of equals, is not their label.
    ///
    /// # Errors
    /// As [`Committee::probabilities`].
    ///
    /// ```
    /// use autograd::{Parameters, Tensor};
    /// use nn::data::Dataset;
    /// use nn::{Activation, Sequential};
    /// use regularize::ensemble::{Average, Committee};
    /// // Logits (w x, 0): the members agree on the first example and not on the second.
    /// let model = Sequential::<f64>::mlp(&[2, 2], Activation::Relu);
    /// let member = |w: [f64; 2]| -> Parameters<f64> {
    ///     let weight = Tensor::new([2, 2], vec![w[0], 0.0, w[1], 0.0]);
    ///     [("linear1.weight", weight), ("linear1.bias", Tensor::zeros([2]))].into_iter().collect()
    /// };
    /// let committee = Committee::new(&model, vec![member([1.0, 3.0]), member([1.0, -1.0])])?;
    /// let examples = Tensor::new([2, 2], vec![1.0, 0.0, 0.0, 1.0]);
    /// let data = Dataset::new(examples, Tensor::new([2], vec![0, 1]), 2)?;
    /// assert_eq!(committee.error(&data, Average::Geometric)?, 0.5); // 3 - 1 is for class 0
    /// assert_eq!(committee.numel(), 2 * (4 + 2));
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    pub fn error(&self, data: &Dataset<T>, average: Average) -> Result<f64, RegularizeError> {
        let mean = self.probabilities(data, average)?;
        let classes = mean.shape().last();
        let rows = mean.data().chunks_exact(classes).zip(data.labels().data());
        let is_wrong = |&(row, &label): &(&[T], &u32)| {
            let best = (1..row.len()).fold(0, |best, i| if row[i] > row[best] { i } else { best });
            best != label as usize
        };
        Ok(rows.filter(is_wrong).count() as f64 / data.len() as f64)
    }

    /// How many numbers all members have together: what an ensemble costs in memory.
    pub fn numel(&self) -> usize {
        let learned = |spec: &&ParameterSpec| Selection::all().contains(spec);
        self.members.len() * self.specs.iter().filter(learned).map(|spec| spec.shape.numel()).sum::<usize>()
    }
}

#[cfg(test)]
mod tests;
