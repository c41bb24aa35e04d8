//! Summaries of neighbouring pixels.

use crate::layer::{Layer, LayerShapeError, Mode};
use autograd::{Real, Shape, Var, Window};

/// The largest or the mean value of each window, channel by channel: `[n, c, h, w]` becomes `[n, c, oh, ow]`
/// (Goodfellow, Bengio, Courville, *Deep Learning*, section 9.3).
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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Summary {
    Max,
    Mean,
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
}

impl<T: Real> Layer<T> for Pooling {
    fn forward<'g>(&self, x: Var<'g, T>, _: Mode) -> Var<'g, T> {
        let output = match Layer::<T>::output_shape(self, x.shape()) {
            Ok(shape) => shape,
            Err(error) => panic!("{error}"),
        };
        let [examples, channels, rows, columns] = [output[0], output[1], output[2], output[3]];
        let area = self.window.size[0] * self.window.size[1];
        let windows = x.unfold(self.window).reshape([examples, channels, area, rows * columns]);
        let summary = match self.summary {
            Summary::Max => windows.max_over(&[2]),
            Summary::Mean => windows.mean_over(&[2]),
        };
        summary.reshape(output)
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
