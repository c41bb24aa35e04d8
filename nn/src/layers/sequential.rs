//! Layers one after another.

use super::{Activation, Convolution, Linear};
use crate::initialise::Initialiser;
use crate::layer::{Layer, LayerShapeError, Mode};
use crate::parameter::{ParameterSpec, merge_parameters};
use autograd::{Real, Shape, Var, Window};

/// A chain of layers of any kinds, including those of other crates.
///
/// A layer that needs a name gets its kind and a number, counted for each kind by itself: `linear1`,
/// `linear2`. So a dropout layer put between two linear ones changes neither's name, and with it neither's
/// initial value. With a prefix, names are `PREFIX.linear1` and so on.
///
/// ```
/// use autograd::Graph;
/// use nn::{Activation, Flatten, Layer, Linear, Mode, Sequential};
/// let model = Sequential::<f32>::new()
///     .then(Flatten)
///     .linear(64, 32)
///     .then(Activation::Relu)
///     .then_named("output", |name| Linear::new(name, 32, 10));
/// let names: Vec<_> = model.parameters().into_iter().map(|spec| spec.name).collect();
/// assert_eq!(names, ["linear1.weight", "linear1.bias", "output1.weight", "output1.bias"]);
///
/// let graph = Graph::new();
/// let logits = model.forward(graph.input("x", [32, 1, 8, 8]), Mode::Train);
/// assert_eq!(logits.shape().lengths(), [32, 10]);
/// ```
#[derive(Debug)]
pub struct Sequential<T: Real> {
    prefix: String,
    layers: Vec<Box<dyn Layer<T>>>,
    /// How many layers of each kind were named so far.
    counts: Vec<(String, usize)>,
}

impl<T: Real> Default for Sequential<T> {
    fn default() -> Self {
        Sequential::new()
    }
}

impl<T: Real> Sequential<T> {
    /// The identity: no layers yet.
    pub fn new() -> Sequential<T> {
        Sequential { prefix: String::new(), layers: Vec::new(), counts: Vec::new() }
    }

    /// No layers yet; names given to layers will begin with `prefix` and a dot.
    pub fn with_prefix(prefix: &str) -> Sequential<T> {
        Sequential { prefix: format!("{prefix}."), ..Sequential::new() }
    }

    /// A multilayer perceptron: linear layers of the given widths, input first, with `activation` between
    /// them and none at the end. Weights start with Kaiming's deviation, with the gain of the activation
    /// that follows, and 1 for the last layer.
    ///
    /// # Panics
    /// If there are not at least two widths.
    #[track_caller]
    pub fn mlp(widths: &[usize], activation: Activation) -> Sequential<T> {
        assert!(widths.len() >= 2, "a perceptron has an input and an output width, {widths:?} was given");
        let gain = activation.gain();
        let mut network = Sequential::new();
        for (position, pair) in widths.windows(2).enumerate() {
            let last = position + 2 == widths.len();
            let initialiser = Initialiser::Kaiming { gain: if last { 1.0 } else { gain } };
            network = network.then_named("linear", |name| {
                Linear::new(name, pair[0], pair[1]).with_initialiser(initialiser)
            });
            if !last {
                network = network.then(activation);
            }
        }
        network
    }

    /// Adds a layer that needs no name or has one already.
    pub fn then(mut self, layer: impl Layer<T> + 'static) -> Self {
        self.layers.push(Box::new(layer));
        self
    }

    /// Adds a layer made for the next name of its kind.
    pub fn then_named<L: Layer<T> + 'static>(mut self, kind: &str, make: impl FnOnce(&str) -> L) -> Self {
        let position = match self.counts.iter().position(|(counted, _)| counted == kind) {
            Some(position) => position,
            None => {
                self.counts.push((kind.into(), 0));
                self.counts.len() - 1
            }
        };
        self.counts[position].1 += 1;
        let name = format!("{}{kind}{}", self.prefix, self.counts[position].1);
        self.then(make(&name))
    }

    /// Adds an affine map, named `linear` and its number.
    pub fn linear(self, inputs: usize, outputs: usize) -> Self {
        self.then_named("linear", |name| Linear::new(name, inputs, outputs))
    }

    /// Adds a convolution, named `convolution` and its number.
    pub fn convolution(self, inputs: usize, outputs: usize, window: Window) -> Self {
        self.then_named("convolution", |name| Convolution::new(name, inputs, outputs, window))
    }

    /// The layers, in order.
    pub fn layers(&self) -> &[Box<dyn Layer<T>>] {
        &self.layers
    }

    /// Records the network and gives the result of every layer, in order, the last one being what
    /// [`forward`](Layer::forward) gives: for what looks at hidden activations.
    ///
    /// # Panics
    /// If a layer does not take the result of the one before.
    pub fn outputs<'g>(&self, x: Var<'g, T>, mode: Mode) -> Vec<Var<'g, T>> {
        let mut outputs = Vec::with_capacity(self.layers.len());
        for layer in &self.layers {
            let input = outputs.last().copied().unwrap_or(x);
            outputs.push(layer.forward(input, mode));
        }
        outputs
    }
}

impl<T: Real> Layer<T> for Sequential<T> {
    fn forward<'g>(&self, x: Var<'g, T>, mode: Mode) -> Var<'g, T> {
        self.layers.iter().fold(x, |h, layer| layer.forward(h, mode))
    }

    fn parameters(&self) -> Vec<ParameterSpec> {
        merge_parameters(self.layers.iter().map(|layer| layer.parameters()))
    }

    fn output_shape(&self, input: Shape) -> Result<Shape, LayerShapeError> {
        self.layers.iter().try_fold(input, |shape, layer| layer.output_shape(shape))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::initialise;
    use crate::layers::Flatten;

    #[test]
    fn outputs_are_those_of_every_layer() {
        let model = Sequential::<f64>::mlp(&[3, 4, 2], Activation::Tanh);
        let graph = autograd::Graph::new();
        let x = graph.input("x", [5, 3]);
        let outputs = model.outputs(x, Mode::Train);
        let shapes: Vec<_> = outputs.iter().map(|output| output.shape().lengths().to_vec()).collect();
        assert_eq!(shapes, [[5, 4], [5, 4], [5, 2]]);
        let mut plan = autograd::Plan::builder(&graph)
            .output("last", outputs[2])
            .output("whole", model.forward(x, Mode::Train))
            .compile();
        let value = autograd::Tensor::from_fn([5, 3], |i| i as f64 * 0.1);
        let found = plan.evaluate(&initialise(&model, 1), &[("x", autograd::Feed::from(&value))]).unwrap();
        assert_eq!(found.values("last"), found.values("whole"));
        assert!(Sequential::new().outputs(x, Mode::Train).is_empty());
    }

    #[test]
    fn a_layer_more_changes_no_other_initial_value() {
        let plain = Sequential::<f32>::new().linear(3, 4).linear(4, 2);
        let longer = Sequential::<f32>::new()
            .then(Flatten)
            .linear(3, 4)
            .then(Activation::Relu)
            .then_named("extra", |name| Linear::new(name, 4, 4))
            .linear(4, 2);
        let (plain, longer) = (initialise(&plain, 3), initialise(&longer, 3));
        for (name, value) in plain.iter() {
            assert_eq!(longer.get(name), Some(value), "{name}");
        }
        assert_eq!(longer.len(), plain.len() + 2);
    }

    #[test]
    fn a_prefix_stands_before_every_name() {
        let model = Sequential::<f64>::with_prefix("encoder").linear(2, 2);
        assert_eq!(model.parameters()[0].name, "encoder.linear1.weight");
    }

    #[test]
    fn layers_of_one_name_are_tied() {
        let tied =
            Sequential::<f64>::new().then(Linear::new("shared", 3, 3)).then(Linear::new("shared", 3, 3));
        assert_eq!(tied.parameters().len(), 2);
    }

    #[test]
    fn shapes_are_known_without_a_graph() {
        let model = Sequential::<f32>::new().then(Flatten).linear(64, 10).then(Activation::Relu);
        assert_eq!(model.output_shape([7, 1, 8, 8].into()), Ok([7, 10].into()));
        assert_eq!(
            model.output_shape([7, 9].into()).unwrap_err().to_string(),
            "the linear layer `linear1` takes [.., 64], not [7, 9]"
        );
    }
}
