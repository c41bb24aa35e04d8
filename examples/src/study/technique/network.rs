//! The networks of the study, in pieces that techniques put something between.
//!
//! Layers are named by kind, so what is added changes no initial weight: a technique starts from the weights of its
//! baseline.

use super::Sizes;
use autograd::{Shape, Var};
use nn::parameter::merge_parameters;
use nn::train::Batch;
use nn::{Activation, Initialiser, Layer, LayerShapeError, Linear, Mode, ParameterSpec, Sequential};
use regularize::ensemble::Average;

/// A perceptron with rectifiers, each hidden layer followed by what `after_hidden` adds.
pub fn perceptron(
    sizes: &Sizes,
    after_hidden: impl Fn(Sequential<f32>) -> Sequential<f32>,
) -> Sequential<f32> {
    perceptron_of(Activation::Relu, sizes, after_hidden)
}

/// The same with another activation, and weights that begin as it wants them.
pub fn perceptron_of(
    activation: Activation,
    sizes: &Sizes,
    after_hidden: impl Fn(Sequential<f32>) -> Sequential<f32>,
) -> Sequential<f32> {
    layers(Sequential::new(), activation, &sizes.widths(), after_hidden)
}

fn layers(
    mut network: Sequential<f32>,
    activation: Activation,
    widths: &[usize],
    after_hidden: impl Fn(Sequential<f32>) -> Sequential<f32>,
) -> Sequential<f32> {
    for (position, pair) in widths.windows(2).enumerate() {
        let last = position + 2 == widths.len();
        let gain = if last { 1.0 } else { activation.gain() };
        network = network.then_named("linear", |name| {
            Linear::new(name, pair[0], pair[1]).with_initialiser(Initialiser::Kaiming { gain })
        });
        if !last {
            network = after_hidden(network.then(activation));
        }
    }
    network
}

/// What the layers of a perceptron with nothing between them give for a batch: the hidden activations, and the
/// logits.
pub fn activations<'g>(
    activation: Activation,
    batch: &Batch<'g, '_, f32>,
) -> (Vec<Var<'g, f32>>, Var<'g, f32>) {
    let network = layers(Sequential::new(), activation, &widths(batch.parameters), |hidden| hidden);
    // Linear map and activation in turn, and a linear map at the end.
    let mut outputs = network.outputs(batch.inputs, batch.mode);
    let logits = outputs.pop().expect("a perceptron has a last layer");
    (outputs.into_iter().skip(1).step_by(2).collect(), logits)
}

/// The widths of a perceptron's layers, inputs and classes included, as its weights `[inputs, outputs]` say.
pub fn widths(parameters: &[ParameterSpec]) -> Vec<usize> {
    let is_weight = |spec: &&ParameterSpec| spec.name.starts_with("linear") && spec.name.ends_with(".weight");
    let weights: Vec<Shape> = parameters.iter().filter(is_weight).map(|spec| spec.shape).collect();
    let inputs = weights.first().map(|shape| shape[0]);
    inputs.into_iter().chain(weights.iter().map(|shape| shape[1])).collect()
}

/// Every example in another shape: rows of numbers as pictures or sequences.
#[derive(Debug, Clone)]
pub struct Reshaped(pub Vec<usize>);

impl Reshaped {
    fn shape(&self, input: Shape) -> Shape {
        [&[input[0]], &self.0[..]].concat()[..].into()
    }
}

impl Layer<f32> for Reshaped {
    fn forward<'g>(&self, x: Var<'g, f32>, _: Mode) -> Var<'g, f32> {
        x.reshape(self.shape(x.shape()))
    }

    fn output_shape(&self, input: Shape) -> Result<Shape, LayerShapeError> {
        let numbers: usize = self.0.iter().product();
        if input.rank() > 0 && input.lengths()[1..].iter().product::<usize>() == numbers {
            return Ok(self.shape(input));
        }
        let (layer, expected) = ("the change of shape".into(), format!("examples of {numbers} numbers"));
        Err(LayerShapeError { layer, expected, given: input })
    }
}

/// Perceptrons beside each other whose predictions are averaged: one network that predicts, is measured and is
/// attacked as any other. The result is the logarithm of the mean distribution.
#[derive(Debug)]
pub struct Members {
    members: Vec<Sequential<f32>>,
    average: Average,
}

impl Members {
    /// `count` perceptrons; parameters of the first are named as those of one alone, and it begins as that.
    pub fn new(sizes: &Sizes, count: usize, average: Average) -> Members {
        let member = |number: usize| {
            let start = match number {
                0 => Sequential::new(),
                _ => Sequential::with_prefix(prefix(number).trim_end_matches('.')),
            };
            layers(start, Activation::Relu, &sizes.widths(), |hidden| hidden)
        };
        Members { members: (0..count).map(member).collect(), average }
    }
}

/// What the names of a member's parameters begin with; members are counted from 0.
pub fn prefix(number: usize) -> String {
    if number == 0 { String::new() } else { format!("member{}.", number + 1) }
}

impl Layer<f32> for Members {
    fn forward<'g>(&self, x: Var<'g, f32>, mode: Mode) -> Var<'g, f32> {
        let logits: Vec<_> = self.members.iter().map(|member| member.forward(x, mode)).collect();
        self.average.log_probabilities(&logits)
    }

    fn parameters(&self) -> Vec<ParameterSpec> {
        merge_parameters(self.members.iter().map(|member| member.parameters()))
    }

    fn output_shape(&self, input: Shape) -> Result<Shape, LayerShapeError> {
        self.members[0].output_shape(input)
    }
}
