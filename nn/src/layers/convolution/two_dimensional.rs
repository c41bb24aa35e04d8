//! Convolution of images.

use super::Kernel;
use crate::initialise::Initialiser;
use crate::layer::{Layer, LayerShapeError, Mode};
use crate::parameter::ParameterSpec;
use autograd::{Real, Shape, Var, Window};

/// `y[n, o, i, j] = b[o] + Σ over c, p, q of W[c, p, q, o] x[n, c, i s + p d - pad, j s + q d - pad]`, with `x`
/// zero outside the image: `x` is `[n, in, h, w]`, `W` is `[in, kh, kw, out]`, `b` is `[out]`, `y` is
/// `[n, out, oh, ow]` (Goodfellow, Bengio, Courville, *Deep Learning*, equation 9.6: the kernel is not flipped;
/// section 9.5 for stride `s` and padding). The size `k` of a window, `s`, `pad` and the dilation `d` are those
/// of the [`Window`], and `oh = (h + 2 pad - d (kh - 1) - 1) / s + 1`, rounded down.
///
/// With [groups](Convolution::with_groups) `W` is `[in / g, kh, kw, out]`, and `c` runs over the inputs of the
/// group of `o`: from `o / (out / g) · in / g` on.
///
/// Computed as one matrix product for each image, with its windows as columns ([`Var::unfold`]). The parameters
/// are `NAME.weight` and `NAME.bias`; unless told otherwise the weight starts normal with deviation
/// `√(2 / (in / g · kh kw))`, and the bias 0.
///
/// ```
/// use autograd::{Graph, Window};
/// use nn::{Convolution, Layer, Mode};
/// let graph = Graph::<f32>::new();
/// let images = graph.input("x", [32, 1, 8, 8]);
/// let same = Window { padding: [1, 1], ..Window::new([3, 3]) };
/// let maps = Convolution::new("edges", 1, 16, same).forward(images, Mode::Train);
/// assert_eq!(maps.shape().lengths(), [32, 16, 8, 8]);
///
/// // Each map by itself, then all maps of a pixel: a separable convolution.
/// let depthwise = Convolution::new("depthwise", 16, 16, same).with_groups(16).without_bias();
/// let pointwise = Convolution::new("pointwise", 16, 64, Window::new([1, 1]));
/// let maps = pointwise.forward(depthwise.forward(maps, Mode::Train), Mode::Train);
/// assert_eq!(maps.shape().lengths(), [32, 64, 8, 8]);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Convolution {
    kernel: Kernel,
    window: Window,
}

impl Convolution {
    /// A convolution from `inputs` to `outputs` channels.
    pub fn new(name: &str, inputs: usize, outputs: usize, window: Window) -> Convolution {
        Convolution { kernel: Kernel::new(name, inputs, outputs, window.size), window }
    }

    /// The same in `groups` groups of channels.
    ///
    /// # Panics
    /// If the inputs or the outputs do not divide into so many groups.
    #[track_caller]
    pub fn with_groups(self, groups: usize) -> Convolution {
        Convolution { kernel: self.kernel.with_groups(groups), ..self }
    }

    /// The same without the bias.
    pub fn without_bias(self) -> Convolution {
        Convolution { kernel: Kernel { bias: false, ..self.kernel }, ..self }
    }

    /// The same with another initial distribution of the weight.
    pub fn with_initialiser(self, initialiser: Initialiser) -> Convolution {
        Convolution { kernel: Kernel { initialiser, ..self.kernel }, ..self }
    }

    /// The windows of `x` as columns.
    fn columns<'g, T: Real>(&self, x: Var<'g, T>) -> Var<'g, T> {
        // A window of one pixel at every pixel: the image itself, without a copy.
        if self.window == Window::new([1, 1]) { x.flatten(2) } else { x.unfold(self.window) }
    }
}

impl<T: Real> Layer<T> for Convolution {
    fn forward<'g>(&self, x: Var<'g, T>, _: Mode) -> Var<'g, T> {
        let output = match Layer::<T>::output_shape(self, x.shape()) {
            Ok(shape) => shape,
            Err(error) => panic!("{error}"),
        };
        self.kernel.add_bias(self.kernel.apply(self.columns(x)).reshape(output))
    }

    fn parameters(&self) -> Vec<ParameterSpec> {
        self.kernel.parameters()
    }

    fn output_shape(&self, input: Shape) -> Result<Shape, LayerShapeError> {
        if let [examples, channels, height, width] = *input.lengths()
            && channels == self.kernel.inputs
            && let Some([rows, columns]) = self.window.count([height, width])
        {
            return Ok([examples, self.kernel.outputs, rows, columns].into());
        }
        Err(LayerShapeError {
            layer: format!("the convolution `{}`", self.kernel.name),
            expected: format!("[n, {}, height, width] in which a window fits", self.kernel.inputs),
            given: input,
        })
    }
}
