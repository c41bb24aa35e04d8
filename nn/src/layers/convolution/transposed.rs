//! Transposed convolution: from small maps to large ones.

use super::Kernel;
use crate::initialise::Initialiser;
use crate::layer::{Layer, LayerShapeError, Mode};
use crate::parameter::ParameterSpec;
use autograd::{Real, Shape, Var, Window};

/// `y[n, o, i s + p d - pad, j s + q d - pad] += W[c, p, q, o] x[n, c, i, j]` over all `c, p, q, i, j`, then
/// `+ b[o]`: `x` is `[n, in, h, w]`, `W` is `[in / g, kh, kw, out]`, `b` is `[out]`, `y` is `[n, out, oh, ow]`
/// (Goodfellow, Bengio, Courville, *Deep Learning*, section 9.5; Zeiler et al., CVPR 2010).
///
/// Without its bias it is the adjoint of the [`Convolution`](super::Convolution) from `out` to `in` channels with
/// the same [`Window`] and the weights' channels exchanged: `⟨conv(y), x⟩ = ⟨y, transposed(x)⟩`. It is what
/// gradients go through on their way back, as a layer: it puts back the size that a stride took away, as a
/// decoder or a generator does.
///
/// ```text
/// oh = (h - 1) s + d (kh - 1) + 1 - 2 pad + extra
/// ```
///
/// A convolution with stride `s` makes the same `h` from `s` different sizes; `extra` in `0..s`, 0 unless [told
/// otherwise](TransposedConvolution::with_extra), says which of them comes out. Parameters, their initial values
/// and groups are as for [`Convolution`](super::Convolution).
///
/// ```
/// use autograd::{Graph, Window};
/// use nn::{Layer, Mode, TransposedConvolution};
/// let graph = Graph::<f32>::new();
/// let code = graph.input("x", [32, 16, 4, 4]);
/// let double = Window { stride: [2, 2], padding: [1, 1], ..Window::new([4, 4]) };
/// let images = TransposedConvolution::new("decoder", 16, 1, double).forward(code, Mode::Train);
/// assert_eq!(images.shape().lengths(), [32, 1, 8, 8]);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct TransposedConvolution {
    kernel: Kernel,
    window: Window,
    extra: [usize; 2],
}

impl TransposedConvolution {
    /// A transposed convolution from `inputs` to `outputs` channels; the window is that of the convolution
    /// whose adjoint it is.
    pub fn new(name: &str, inputs: usize, outputs: usize, window: Window) -> TransposedConvolution {
        let kernel = Kernel::new(name, inputs, outputs, window.size);
        TransposedConvolution { kernel, window, extra: [0, 0] }
    }

    /// The same with so many rows and columns more at the end of the result.
    ///
    /// # Panics
    /// If they are not fewer than the stride: the convolution would have seen another window in them.
    #[track_caller]
    pub fn with_extra(self, extra: [usize; 2]) -> TransposedConvolution {
        let stride = self.window.stride;
        assert!(
            extra[0] < stride[0] && extra[1] < stride[1],
            "the transposed convolution `{}`: {extra:?} extra rows and columns are not below the stride {stride:?}",
            self.kernel.name
        );
        TransposedConvolution { extra, ..self }
    }

    /// The same in `groups` groups of channels.
    ///
    /// # Panics
    /// If the inputs or the outputs do not divide into so many groups.
    #[track_caller]
    pub fn with_groups(self, groups: usize) -> TransposedConvolution {
        TransposedConvolution { kernel: self.kernel.with_groups(groups), ..self }
    }

    /// The same without the bias.
    pub fn without_bias(self) -> TransposedConvolution {
        TransposedConvolution { kernel: Kernel { bias: false, ..self.kernel }, ..self }
    }

    /// The same with another initial distribution of the weight.
    pub fn with_initialiser(self, initialiser: Initialiser) -> TransposedConvolution {
        TransposedConvolution { kernel: Kernel { initialiser, ..self.kernel }, ..self }
    }

    /// The size of the image whose windows `places` are, along one axis; `None` if there is no such image.
    fn image(&self, axis: usize, places: usize) -> Option<usize> {
        let Window { size, stride, padding, dilation } = self.window;
        let reach = dilation[axis] * size[axis].checked_sub(1)? + 1;
        let padded = stride[axis] * places.checked_sub(1)? + reach + self.extra[axis];
        padded.checked_sub(2 * padding[axis]).filter(|&length| length > 0)
    }
}

impl<T: Real> Layer<T> for TransposedConvolution {
    fn forward<'g>(&self, x: Var<'g, T>, _: Mode) -> Var<'g, T> {
        let output = match Layer::<T>::output_shape(self, x.shape()) {
            Ok(shape) => shape,
            Err(error) => panic!("{error}"),
        };
        let columns = self.kernel.apply_adjoint(x.flatten(2));
        self.kernel.add_bias(columns.fold(self.window, [output[2], output[3]]))
    }

    fn parameters(&self) -> Vec<ParameterSpec> {
        self.kernel.parameters()
    }

    fn output_shape(&self, input: Shape) -> Result<Shape, LayerShapeError> {
        if let [examples, channels, rows, columns] = *input.lengths()
            && channels == self.kernel.inputs
            && let (Some(height), Some(width)) = (self.image(0, rows), self.image(1, columns))
            && self.window.count([height, width]) == Some([rows, columns])
        {
            return Ok([examples, self.kernel.outputs, height, width].into());
        }
        Err(LayerShapeError {
            layer: format!("the transposed convolution `{}`", self.kernel.name),
            expected: format!("[n, {}, rows, columns] that are the windows of an image", self.kernel.inputs),
            given: input,
        })
    }
}
