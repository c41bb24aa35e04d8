//! Convolution of images.

use crate::initialise::Initialiser;
use crate::layer::{Layer, LayerShapeError, Mode};
use crate::parameter::{ParameterSpec, Role};
use autograd::{Real, Shape, Var, Window};

/// `y[n, o, i, j] = b[o] + Σ over c, p, q of W[c, p, q, o] x[n, c, i s + p d - pad, j s + q d - pad]`, with `x`
/// zero outside the image: `x` is `[n, in, h, w]`, `W` is `[in, kh, kw, out]`, `b` is `[out]`, `y` is
/// `[n, out, oh, ow]` (Goodfellow, Bengio, Courville, *Deep Learning*, equation 9.6: the kernel is not flipped).
///
/// Computed as one matrix product for each image, with its windows as columns ([`Var::unfold`]). The parameters
/// are `NAME.weight` and `NAME.bias`; unless told otherwise the weight starts normal with deviation
/// `√(2 / (in kh kw))`, and the bias 0.
///
/// ```
/// use autograd::{Graph, Window};
/// use nn::{Convolution, Layer, Mode};
/// let graph = Graph::<f32>::new();
/// let images = graph.input("x", [32, 1, 8, 8]);
/// let same = Window { padding: [1, 1], ..Window::new([3, 3]) };
/// let maps = Convolution::new("edges", 1, 16, same).forward(images, Mode::Train);
/// assert_eq!(maps.shape().lengths(), [32, 16, 8, 8]);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Convolution {
    name: String,
    inputs: usize,
    outputs: usize,
    window: Window,
    initialiser: Initialiser,
}

impl Convolution {
    /// A convolution from `inputs` to `outputs` channels.
    pub fn new(name: &str, inputs: usize, outputs: usize, window: Window) -> Convolution {
        let initialiser = Initialiser::Kaiming { gain: std::f64::consts::SQRT_2 };
        Convolution { name: name.into(), inputs, outputs, window, initialiser }
    }

    /// The same with another initial distribution of the weight.
    pub fn with_initialiser(self, initialiser: Initialiser) -> Convolution {
        Convolution { initialiser, ..self }
    }

    fn weight(&self) -> ParameterSpec {
        let [height, width] = self.window.size;
        ParameterSpec {
            name: format!("{}.weight", self.name),
            shape: [self.inputs, height, width, self.outputs].into(),
            role: Role::Weight,
            initialiser: self.initialiser,
        }
    }

    fn bias(&self) -> ParameterSpec {
        ParameterSpec {
            name: format!("{}.bias", self.name),
            shape: [self.outputs].into(),
            role: Role::Bias,
            initialiser: Initialiser::Zeros,
        }
    }
}

impl<T: Real> Layer<T> for Convolution {
    fn forward<'g>(&self, x: Var<'g, T>, _: Mode) -> Var<'g, T> {
        let output = match Layer::<T>::output_shape(self, x.shape()) {
            Ok(shape) => shape,
            Err(error) => panic!("{error}"),
        };
        let [height, width] = self.window.size;
        let weight = self.weight().declare(x.graph());
        let kernels = weight.reshape([self.inputs * height * width, self.outputs]);
        let maps = kernels.matmul_transposed(x.unfold(self.window), true, false).reshape(output);
        let bias = self.bias().declare(x.graph()).reshape([self.outputs, 1, 1]);
        (maps + bias).named(&self.name)
    }

    fn parameters(&self) -> Vec<ParameterSpec> {
        vec![self.weight(), self.bias()]
    }

    fn output_shape(&self, input: Shape) -> Result<Shape, LayerShapeError> {
        if let [examples, channels, height, width] = *input.lengths()
            && channels == self.inputs
            && let Some([rows, columns]) = self.window.count([height, width])
        {
            return Ok([examples, self.outputs, rows, columns].into());
        }
        Err(LayerShapeError {
            layer: format!("the convolution `{}`", self.name),
            expected: format!("[n, {}, height, width] in which a window fits", self.inputs),
            given: input,
        })
    }
}
