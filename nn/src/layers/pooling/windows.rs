//! Windows of one size.

use super::Summary;
use crate::layer::{Layer, LayerShapeError, Mode};
use autograd::{Real, Shape, Var, Window};

/// The largest or the mean (average) value of each window, channel by channel: `[n, c, h, w]` becomes
/// `[n, c, oh, ow]` with `oh = (h - kh) / s + 1`, rounded down (Goodfellow, Bengio, Courville, *Deep Learning*,
/// section 9.3).
///
/// Where two pixels of a window are both the largest, each gets half of the gradient. Rows and columns that
/// fill no window are left out.
///
/// ```
/// use autograd::Graph;
/// use nn::{Layer, Mode, Pooling};
/// let graph = Graph::<f32>::new();
/// let maps = graph.input("x", [32, 16, 8, 8]);
/// assert_eq!(Pooling::max([2, 2]).forward(maps, Mode::Train).shape().lengths(), [32, 16, 4, 4]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pooling {
    window: Window,
    summary: Summary,
}

impl Pooling {
    /// The largest value of each window; windows touch and do not overlap.
    pub fn max(size: [usize; 2]) -> Pooling {
        Pooling { window: Window { stride: size, ..Window::new(size) }, summary: Summary::Max }
    }

    /// The mean value of each window; windows touch and do not overlap.
    pub fn mean(size: [usize; 2]) -> Pooling {
        Pooling { summary: Summary::Mean, ..Pooling::max(size) }
    }

    /// The same with windows that begin `stride` pixels after one another.
    pub fn with_stride(self, stride: [usize; 2]) -> Pooling {
        Pooling { window: Window { stride, ..self.window }, ..self }
    }

    /// The summaries of the windows of `x`, `[n, c, h, w]`, of which there are `count`.
    fn summarise<'g, T: Real>(&self, x: Var<'g, T>, count: [usize; 2]) -> Var<'g, T> {
        let [n, c] = [x.shape()[0], x.shape()[1]];
        let ([rows, columns], [height, width]) = (count, self.window.size);
        // Also where the windows tile the image: as axes of their own, without a copy, they leave inner loops of
        // two elements, and forward and backward pass together take four times as long.
        let windows = x.unfold(self.window).reshape([n, c, height * width, rows * columns]);
        self.summary.over(windows, &[2]).reshape([n, c, rows, columns])
    }
}

impl<T: Real> Layer<T> for Pooling {
    fn forward<'g>(&self, x: Var<'g, T>, _: Mode) -> Var<'g, T> {
        let output = match Layer::<T>::output_shape(self, x.shape()) {
            Ok(shape) => shape,
            Err(error) => panic!("{error}"),
        };
        self.summarise(x, [output[2], output[3]])
    }

    fn output_shape(&self, input: Shape) -> Result<Shape, LayerShapeError> {
        if let [examples, channels, height, width] = *input.lengths()
            && let Some([rows, columns]) = self.window.count([height, width])
        {
            return Ok([examples, channels, rows, columns].into());
        }
        Err(LayerShapeError {
            layer: "pooling".into(),
            expected: format!(
                "[n, channels, height, width] in which a window of {:?} fits",
                self.window.size
            ),
            given: input,
        })
    }
}

/// [`Pooling`] of sequences: `[n, c, length]` becomes `[n, c, olength]` with `olength = (length - k) / s + 1`,
/// rounded down.
///
/// ```
/// use autograd::Graph;
/// use nn::{Layer, Mode, Pooling1d};
/// let graph = Graph::<f32>::new();
/// let signal = graph.input("x", [32, 16, 100]);
/// let halved = Pooling1d::mean(3).with_stride(2).forward(signal, Mode::Train);
/// assert_eq!(halved.shape().lengths(), [32, 16, 49]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pooling1d {
    /// Over images of height 1.
    pooling: Pooling,
}

impl Pooling1d {
    /// The largest value of each window of `size`; windows touch and do not overlap.
    pub fn max(size: usize) -> Pooling1d {
        Pooling1d { pooling: Pooling::max([1, size]) }
    }

    /// The mean value of each window of `size`; windows touch and do not overlap.
    pub fn mean(size: usize) -> Pooling1d {
        Pooling1d { pooling: Pooling::mean([1, size]) }
    }

    /// The same with windows that begin `stride` places after one another.
    pub fn with_stride(self, stride: usize) -> Pooling1d {
        Pooling1d { pooling: self.pooling.with_stride([1, stride]) }
    }
}

impl<T: Real> Layer<T> for Pooling1d {
    fn forward<'g>(&self, x: Var<'g, T>, _: Mode) -> Var<'g, T> {
        let output = match Layer::<T>::output_shape(self, x.shape()) {
            Ok(shape) => shape,
            Err(error) => panic!("{error}"),
        };
        let image = x.reshape([output[0], output[1], 1, x.shape()[2]]);
        self.pooling.summarise(image, [1, output[2]]).reshape(output)
    }

    fn output_shape(&self, input: Shape) -> Result<Shape, LayerShapeError> {
        if let [examples, channels, length] = *input.lengths()
            && let Some([_, places]) = self.pooling.window.count([1, length])
        {
            return Ok([examples, channels, places].into());
        }
        Err(LayerShapeError {
            layer: "pooling".into(),
            expected: format!(
                "[n, channels, length] in which a window of {} fits",
                self.pooling.window.size[1]
            ),
            given: input,
        })
    }
}
