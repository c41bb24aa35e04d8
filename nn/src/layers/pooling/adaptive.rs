//! Windows that adapt to the image.

use super::Summary;
use crate::layer::{Layer, LayerShapeError, Mode};
use autograd::{Real, Shape, Var};
use std::ops::Range;

/// The largest or the mean value of each of `oh · ow` windows, for images of any size: `[n, c, h, w]` becomes
/// `[n, c, oh, ow]`. Window `i` of an axis goes from `⌊i h / oh⌋` to `⌈(i + 1) h / oh⌉`: the windows cover
/// the image, and where `oh` does not divide `h` neighbours share a pixel.
///
/// It brings images of different sizes to the one that a linear layer asks for (Goodfellow, Bengio, Courville,
/// *Deep Learning*, section 9.3, on inputs of varying size).
///
/// ```
/// use autograd::Graph;
/// use nn::{AdaptivePooling, Layer, Mode};
/// let graph = Graph::<f32>::new();
/// let maps = graph.input("x", [32, 16, 13, 9]);
/// let pooled = AdaptivePooling::mean([4, 4]).forward(maps, Mode::Train);
/// assert_eq!(pooled.shape().lengths(), [32, 16, 4, 4]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdaptivePooling {
    size: [usize; 2],
    summary: Summary,
}

impl AdaptivePooling {
    /// The largest value of each window; the result has `size` of them.
    pub fn max(size: [usize; 2]) -> AdaptivePooling {
        AdaptivePooling { size, summary: Summary::Max }
    }

    /// The mean value of each window; the result has `size` of them.
    pub fn mean(size: [usize; 2]) -> AdaptivePooling {
        AdaptivePooling { size, summary: Summary::Mean }
    }

    /// The pixels of window `i` along `axis`.
    fn window(&self, axis: usize, i: usize, length: usize) -> Range<usize> {
        i * length / self.size[axis]..((i + 1) * length).div_ceil(self.size[axis])
    }
}

impl<T: Real> Layer<T> for AdaptivePooling {
    fn forward<'g>(&self, x: Var<'g, T>, _: Mode) -> Var<'g, T> {
        let output = match Layer::<T>::output_shape(self, x.shape()) {
            Ok(shape) => shape,
            Err(error) => panic!("{error}"),
        };
        let [n, c, height, width] = [x.shape()[0], x.shape()[1], x.shape()[2], x.shape()[3]];
        let mut summaries = Vec::with_capacity(self.size[0] * self.size[1]);
        for i in 0..self.size[0] {
            let rows = self.window(0, i, height);
            let band = x.slice(2, rows.start, rows.end);
            for j in 0..self.size[1] {
                let columns = self.window(1, j, width);
                let window = band.slice(3, columns.start, columns.end);
                summaries.push(self.summary.over(window, &[2, 3]).reshape([n, c, 1]));
            }
        }
        Var::concat(&summaries, 2).reshape(output)
    }

    fn output_shape(&self, input: Shape) -> Result<Shape, LayerShapeError> {
        match *input.lengths() {
            [examples, channels, height, width]
                if [height, width, self.size[0], self.size[1]].iter().all(|&length| length > 0) =>
            {
                Ok([examples, channels, self.size[0], self.size[1]].into())
            }
            _ => Err(LayerShapeError {
                layer: format!("adaptive pooling to {:?}", self.size),
                expected: "[n, channels, height, width] with at least one pixel, and gives at least one"
                    .into(),
                given: input,
            }),
        }
    }
}

/// The largest or the mean value of each channel over everything that follows it: `[n, c, ..]` becomes `[n, c]`
/// (the mean: Lin, Chen, Yan, *Network in Network*, ICLR 2014, section 3.2).
///
/// ```
/// use autograd::Graph;
/// use nn::{GlobalPooling, Layer, Mode};
/// let graph = Graph::<f32>::new();
/// let maps = graph.input("x", [32, 16, 8, 8]);
/// assert_eq!(GlobalPooling::mean().forward(maps, Mode::Train).shape().lengths(), [32, 16]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GlobalPooling {
    summary: Summary,
}

impl GlobalPooling {
    /// The largest value of each channel.
    pub fn max() -> GlobalPooling {
        GlobalPooling { summary: Summary::Max }
    }

    /// The mean value of each channel.
    pub fn mean() -> GlobalPooling {
        GlobalPooling { summary: Summary::Mean }
    }
}

impl<T: Real> Layer<T> for GlobalPooling {
    fn forward<'g>(&self, x: Var<'g, T>, _: Mode) -> Var<'g, T> {
        if let Err(error) = Layer::<T>::output_shape(self, x.shape()) {
            panic!("{error}");
        }
        self.summary.over(x.flatten(2), &[2])
    }

    fn output_shape(&self, input: Shape) -> Result<Shape, LayerShapeError> {
        match *input.lengths() {
            [examples, channels, ref field @ ..] if !field.contains(&0) => Ok([examples, channels].into()),
            _ => Err(LayerShapeError {
                layer: "global pooling".into(),
                expected: "[n, channels, ..] with at least one value of each channel".into(),
                given: input,
            }),
        }
    }
}
