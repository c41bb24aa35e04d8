//! The bilinear map of two variables.

use crate::initialise::Initialiser;
use crate::layer::LayerShapeError;
use crate::parameter::{ParameterSpec, Role};
use autograd::{Real, Shape, Var};

/// `yₖ = Σ over i, j of x₁ᵢ Wₖᵢⱼ x₂ⱼ + bₖ`: `x₁` is `[n, first]`, `x₂` is `[n, second]`, `W` is
/// `[first, second, out]`, `b` is `[out]`, `y` is `[n, out]` (Tenenbaum and Freeman, *Neural Computation* 12, 2000,
/// equation 1).
///
/// It takes two variables and so is no [`Layer`](crate::Layer); [`Bilinear::forward`] is its method. Computed as
/// one matrix product of the `n` outer products of `x₁` and `x₂`, as rows, with `W` as a matrix of
/// `first · second` rows. The parameters are `NAME.weight` and `NAME.bias`; unless told otherwise the weight
/// starts normal with deviation `1 / √(first · second)`, so that inputs of variance 1 give outputs of variance 1,
/// and the bias 0.
///
/// ```
/// use autograd::Graph;
/// use nn::Bilinear;
/// let graph = Graph::<f32>::new();
/// let (style, content) = (graph.input("style", [32, 5]), graph.input("content", [32, 7]));
/// let y = Bilinear::new("pair", 5, 7, 10).forward(style, content);
/// assert_eq!(y.shape().lengths(), [32, 10]);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Bilinear {
    name: String,
    first: usize,
    second: usize,
    outputs: usize,
    bias: bool,
    initialiser: Initialiser,
}

impl Bilinear {
    /// A map of `first` and `second` numbers to `outputs` numbers.
    pub fn new(name: &str, first: usize, second: usize, outputs: usize) -> Bilinear {
        // The fan of `[first, second, out]` is first · second, which is the number of terms in the sum.
        let initialiser = Initialiser::Kaiming { gain: 1.0 };
        Bilinear { name: name.into(), first, second, outputs, bias: true, initialiser }
    }

    /// The same without the bias: linear in each of the two.
    pub fn without_bias(self) -> Bilinear {
        Bilinear { bias: false, ..self }
    }

    /// The same with another initial distribution of the weight.
    pub fn with_initialiser(self, initialiser: Initialiser) -> Bilinear {
        Bilinear { initialiser, ..self }
    }

    /// Records the map on the graph of the two.
    ///
    /// # Panics
    /// If the shapes do not fit; [`Bilinear::output_shape`] tells beforehand.
    pub fn forward<'g, T: Real>(&self, first: Var<'g, T>, second: Var<'g, T>) -> Var<'g, T> {
        let examples = match self.output_shape(first.shape(), second.shape()) {
            Ok(shape) => shape[0],
            Err(error) => panic!("{error}"),
        };
        let pairs = first.reshape([examples, self.first, 1]) * second.reshape([examples, 1, self.second]);
        let graph = first.graph();
        let weight = self.weight().declare(graph).reshape([self.first * self.second, self.outputs]);
        let product = pairs.flatten(1).matmul(weight);
        let y = match self.bias() {
            Some(bias) => product + bias.declare(graph),
            None => product,
        };
        y.named(&self.name)
    }

    /// The parameters that [`forward`](Bilinear::forward) declares.
    pub fn parameters(&self) -> Vec<ParameterSpec> {
        [self.weight()].into_iter().chain(self.bias()).collect()
    }

    fn weight(&self) -> ParameterSpec {
        ParameterSpec {
            name: format!("{}.weight", self.name),
            shape: [self.first, self.second, self.outputs].into(),
            role: Role::Weight,
            initialiser: self.initialiser,
        }
    }

    fn bias(&self) -> Option<ParameterSpec> {
        self.bias.then(|| ParameterSpec {
            name: format!("{}.bias", self.name),
            shape: [self.outputs].into(),
            role: Role::Bias,
            initialiser: Initialiser::Zeros,
        })
    }

    /// The shape of the result for inputs of these shapes, found without a graph.
    ///
    /// # Errors
    /// [`LayerShapeError`] if the map does not take them.
    pub fn output_shape(&self, first: Shape, second: Shape) -> Result<Shape, LayerShapeError> {
        let check = |input: Shape, features: usize| match *input.lengths() {
            [examples, width] if width == features => Ok(examples),
            _ => Err((format!("[n, {features}]"), input)),
        };
        let fitting = check(first, self.first).and_then(|examples| match check(second, self.second)? {
            same if same == examples => Ok(examples),
            _ => Err((format!("as many examples of both, {examples}"), second)),
        });
        match fitting {
            Ok(examples) => Ok([examples, self.outputs].into()),
            Err((expected, given)) => {
                let layer = format!("the bilinear layer `{}`", self.name);
                Err(LayerShapeError { layer, expected, given })
            }
        }
    }
}
