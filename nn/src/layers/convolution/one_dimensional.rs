//! Convolution of sequences.

use super::Kernel;
use crate::initialise::Initialiser;
use crate::layer::{Layer, LayerShapeError, Mode};
use crate::parameter::ParameterSpec;
use autograd::{Real, Shape, Var, Window};

/// `y[n, o, i] = b[o] + Σ over c, p of W[c, p, o] x[n, c, i s + p d - pad]`, with `x` zero outside the sequence:
/// `x` is `[n, in, length]`, `W` is `[in / g, k, out]`, `b` is `[out]`, `y` is `[n, out, olength]` with
/// `olength = (length + 2 pad - d (k - 1) - 1) / s + 1`, rounded down (Goodfellow, Bengio, Courville, *Deep
/// Learning*, section 9.1).
///
/// Stride `s` and dilation `d` are 1 and the padding 0 unless told otherwise. Parameters, their initial values
/// and groups are as for [`Convolution`](super::Convolution), of which this is the case of images one pixel
/// high.
///
/// ```
/// use autograd::Graph;
/// use nn::{Convolution1d, Layer, Mode};
/// let graph = Graph::<f32>::new();
/// let signal = graph.input("x", [32, 2, 100]);
/// let layer = Convolution1d::new("filter", 2, 16, 5).with_stride(2).with_padding(2);
/// assert_eq!(layer.forward(signal, Mode::Train).shape().lengths(), [32, 16, 50]);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Convolution1d {
    kernel: Kernel,
    /// The window over an image of height 1.
    window: Window,
}

impl Convolution1d {
    /// A convolution from `inputs` to `outputs` channels by windows of `size`.
    pub fn new(name: &str, inputs: usize, outputs: usize, size: usize) -> Convolution1d {
        Convolution1d { kernel: Kernel::new(name, inputs, outputs, [size]), window: Window::new([1, size]) }
    }

    /// The same with windows that begin `stride` places after one another.
    pub fn with_stride(self, stride: usize) -> Convolution1d {
        Convolution1d { window: Window { stride: [1, stride], ..self.window }, ..self }
    }

    /// The same with `padding` zeros on each side of the sequence.
    pub fn with_padding(self, padding: usize) -> Convolution1d {
        Convolution1d { window: Window { padding: [0, padding], ..self.window }, ..self }
    }

    /// The same with the elements of a window `dilation` places apart.
    pub fn with_dilation(self, dilation: usize) -> Convolution1d {
        Convolution1d { window: Window { dilation: [1, dilation], ..self.window }, ..self }
    }

    /// The same in `groups` groups of channels.
    ///
    /// # Panics
    /// If the inputs or the outputs do not divide into so many groups.
    #[track_caller]
    pub fn with_groups(self, groups: usize) -> Convolution1d {
        Convolution1d { kernel: self.kernel.with_groups(groups), ..self }
    }

    /// The same without the bias.
    pub fn without_bias(self) -> Convolution1d {
        Convolution1d { kernel: Kernel { bias: false, ..self.kernel }, ..self }
    }

    /// The same with another initial distribution of the weight.
    pub fn with_initialiser(self, initialiser: Initialiser) -> Convolution1d {
        Convolution1d { kernel: Kernel { initialiser, ..self.kernel }, ..self }
    }
}

impl<T: Real> Layer<T> for Convolution1d {
    fn forward<'g>(&self, x: Var<'g, T>, _: Mode) -> Var<'g, T> {
        let output = match Layer::<T>::output_shape(self, x.shape()) {
            Ok(shape) => shape,
            Err(error) => panic!("{error}"),
        };
        let [examples, channels, length] = [x.shape()[0], x.shape()[1], x.shape()[2]];
        let columns = x.reshape([examples, channels, 1, length]).unfold(self.window);
        self.kernel.add_bias(self.kernel.apply(columns).reshape(output))
    }

    fn parameters(&self) -> Vec<ParameterSpec> {
        self.kernel.parameters()
    }

    fn output_shape(&self, input: Shape) -> Result<Shape, LayerShapeError> {
        if let [examples, channels, length] = *input.lengths()
            && channels == self.kernel.inputs
            && let Some([_, places]) = self.window.count([1, length])
        {
            return Ok([examples, self.kernel.outputs, places].into());
        }
        Err(LayerShapeError {
            layer: format!("the convolution `{}`", self.kernel.name),
            expected: format!("[n, {}, length] in which a window fits", self.kernel.inputs),
            given: input,
        })
    }
}
