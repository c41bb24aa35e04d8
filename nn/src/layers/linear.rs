//! The affine map.

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
