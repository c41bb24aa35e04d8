//! The affine map, and the way back by the same weights.

use crate::initialise::Initialiser;
use crate::layer::{Layer, LayerShapeError, Mode};
use crate::parameter::{ParameterSpec, Role};
use autograd::{Real, Shape, Var};

/// `y = x W + b`: `x` is `[.., in]`, `W` is `[in, out]`, `b` is `[out]`, `y` is `[.., out]`
/// (Goodfellow, Bengio, Courville, *Deep Learning*, section 6.1).
///
/// The parameters are `NAME.weight` and `NAME.bias`. Unless told otherwise the weight starts normal with
/// deviation `√(2 / in)`, right before a rectifier (He et al., ICCV 2015), and the bias 0.
///
/// ```
/// use autograd::Graph;
/// use nn::{Layer, Linear, Mode};
/// let graph = Graph::<f32>::new();
/// let x = graph.input("x", [32, 784]);
/// let y = Linear::new("hidden", 784, 256).forward(x, Mode::Train);
/// assert_eq!(y.shape().lengths(), [32, 256]);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Linear {
    name: String,
    inputs: usize,
    outputs: usize,
    bias: bool,
    initialiser: Initialiser,
}

impl Linear {
    /// An affine map from `inputs` to `outputs` numbers.
    pub fn new(name: &str, inputs: usize, outputs: usize) -> Linear {
        let initialiser = Initialiser::Kaiming { gain: std::f64::consts::SQRT_2 };
        Linear { name: name.into(), inputs, outputs, bias: true, initialiser }
    }

    /// The same without the bias: `y = x W`.
    pub fn without_bias(self) -> Linear {
        Linear { bias: false, ..self }
    }

    /// The same with another initial distribution of the weight.
    pub fn with_initialiser(self, initialiser: Initialiser) -> Linear {
        Linear { initialiser, ..self }
    }

    /// The way back with the same weights: `x = y Wᵀ + c`, with a bias `c` of its own, `NAME.bias`. See
    /// [`TransposedLinear`].
    pub fn transposed(&self, name: &str) -> TransposedLinear {
        TransposedLinear::of(name, self.weight())
    }

    fn weight(&self) -> ParameterSpec {
        ParameterSpec {
            name: format!("{}.weight", self.name),
            shape: [self.inputs, self.outputs].into(),
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
}

impl<T: Real> Layer<T> for Linear {
    fn forward<'g>(&self, x: Var<'g, T>, _: Mode) -> Var<'g, T> {
        let product = x.matmul(self.weight().declare(x.graph()));
        let y = match self.bias() {
            Some(bias) => product + bias.declare(x.graph()),
            None => product,
        };
        y.named(&self.name)
    }

    fn parameters(&self) -> Vec<ParameterSpec> {
        [self.weight()].into_iter().chain(self.bias()).collect()
    }

    fn output_shape(&self, input: Shape) -> Result<Shape, LayerShapeError> {
        match input.lengths() {
            [_, .., last] if *last == self.inputs => Ok(input.with_axis(input.rank() - 1, self.outputs)),
            _ => Err(LayerShapeError {
                layer: format!("the linear layer `{}`", self.name),
                expected: format!("[.., {}]", self.inputs),
                given: input,
            }),
        }
    }
}

/// `x = y Wᵀ + c` with the weight `W`, `[in, out]`, of another layer: `y` is `[.., out]`, `x` is `[.., in]`. Made by
/// [`Linear::transposed`] and [`Embedding::transposed`](super::Embedding::transposed).
///
/// The weight is tied: both layers declare the one parameter, and its gradient is the sum over both uses. An
/// autoencoder so decodes by the weights that encoded (Vincent et al., JMLR 11, 2010), and a
/// language model scores words by the vectors that it reads them with (Press and Wolf, EACL 2017).
///
/// ```
/// use autograd::Graph;
/// use nn::{Activation, Layer, Linear, Mode, Sequential};
/// let encoder = Linear::new("encoder", 64, 16);
/// let decoder = encoder.transposed("decoder");
/// let model = Sequential::<f32>::new().then(encoder).then(Activation::Sigmoid).then(decoder);
/// let names: Vec<_> = model.parameters().into_iter().map(|spec| spec.name).collect();
/// assert_eq!(names, ["encoder.weight", "encoder.bias", "decoder.bias"]);
/// let graph = Graph::new();
/// assert_eq!(model.forward(graph.input("x", [32, 64]), Mode::Train).shape().lengths(), [32, 64]);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct TransposedLinear {
    name: String,
    weight: ParameterSpec,
    bias: Option<ParameterSpec>,
}

impl TransposedLinear {
    /// The way back by `weight`.
    pub(super) fn of(name: &str, weight: ParameterSpec) -> TransposedLinear {
        let bias = ParameterSpec {
            name: format!("{name}.bias"),
            shape: [weight.shape[0]].into(),
            role: Role::Bias,
            initialiser: Initialiser::Zeros,
        };
        TransposedLinear { name: name.into(), weight, bias: Some(bias) }
    }

    /// The same without the bias: `x = y Wᵀ`.
    pub fn without_bias(self) -> TransposedLinear {
        TransposedLinear { bias: None, ..self }
    }
}

impl<T: Real> Layer<T> for TransposedLinear {
    fn forward<'g>(&self, y: Var<'g, T>, _: Mode) -> Var<'g, T> {
        if let Err(error) = Layer::<T>::output_shape(self, y.shape()) {
            panic!("{error}");
        }
        let product = y.matmul_transposed(self.weight.declare(y.graph()), false, true);
        self.bias.iter().fold(product, |x, bias| x + bias.declare(y.graph())).named(&self.name)
    }

    fn parameters(&self) -> Vec<ParameterSpec> {
        [self.weight.clone()].into_iter().chain(self.bias.clone()).collect()
    }

    fn output_shape(&self, input: Shape) -> Result<Shape, LayerShapeError> {
        match input.lengths() {
            [_, .., last] if *last == self.weight.shape[1] => {
                Ok(input.with_axis(input.rank() - 1, self.weight.shape[0]))
            }
            _ => Err(LayerShapeError {
                layer: format!("the transposed linear layer `{}`", self.name),
                expected: format!("[.., {}]", self.weight.shape[1]),
                given: input,
            }),
        }
    }
}
