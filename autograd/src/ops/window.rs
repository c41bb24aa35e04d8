//! Sliding windows: unfold (im2col) and its adjoint, fold.
//!
//! Unfold turns each window of an image batch `[n, c, h, w]` into a column: `[n, c·kh·kw, oh·ow]`. A
//! convolution is then one matrix product with the weights as `[out, c·kh·kw]`. Fold adds every column
//! back to where it came from; overlapping places receive the sum.
//!
//! ```text
//! unfold:  y[n, (c, p, q), (i, j)] = x[n, c, i·s + p·d - pad, j·s + q·d - pad], zero outside
//! fold:    the adjoint, x[n, c, r, t] = Σ of y over every (p, q, i, j) that reads (r, t)
//! ```
//!
//! with stride `s` and dilation `d`, and `oh = (h + 2 pad - d (kh - 1) - 1) / s + 1`, rounded down.

use super::Op;
use crate::error::GraphError;
use crate::graph::Var;
use crate::real::Real;
use crate::shape::Shape;

/// The geometry of a sliding window, per spatial axis `[height, width]`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Window {
    /// Size of the window.
    pub size: [usize; 2],
    /// Distance between windows.
    pub stride: [usize; 2],
    /// Zeros around the image, on each side.
    pub padding: [usize; 2],
    /// Distance between the elements of a window.
    pub dilation: [usize; 2],
}

impl Window {
    /// A window of `size` with stride one, no padding and no dilation.
    pub fn new(size: [usize; 2]) -> Window {
        Window { size, stride: [1; 2], padding: [0; 2], dilation: [1; 2] }
    }

    /// The number of windows along each spatial axis of an `[h, w]` image, or `None` if not one fits or
    /// the geometry is degenerate (a zero size, stride or dilation).
    pub fn count(&self, image: [usize; 2]) -> Option<[usize; 2]> {
        let mut count = [0; 2];
        for axis in 0..2 {
            let reach = self.dilation[axis].checked_mul(self.size[axis].checked_sub(1)?)?.checked_add(1)?;
            let room = image[axis].checked_add(self.padding[axis].checked_mul(2)?)?.checked_sub(reach)?;
            if self.dilation[axis] == 0 {
                return None;
            }
            count[axis] = room.checked_div(self.stride[axis])? + 1;
        }
        Some(count)
    }

    /// The image position that element `offset` of window `window` reads along `axis`, or `None` where it
    /// lies in the padding.
    #[inline]
    pub fn position(&self, axis: usize, window: usize, offset: usize, length: usize) -> Option<usize> {
        let padded = window * self.stride[axis] + offset * self.dilation[axis];
        padded.checked_sub(self.padding[axis]).filter(|&at| at < length)
    }
}

impl<'g, T: Real> Var<'g, T> {
    /// Every window of `[n, c, h, w]` as a column: `[n, c·kh·kw, oh·ow]`.
    ///
    /// # Panics
    /// If there are not four axes, or no window fits.
    ///
    /// ```
    /// use autograd::{Graph, Window};
    /// let graph = Graph::<f32>::new();
    /// let x = graph.input("x", [8, 3, 28, 28]);
    /// let columns = x.unfold(Window { padding: [1, 1], ..Window::new([3, 3]) });
    /// assert_eq!(columns.shape().lengths(), [8, 27, 784]);
    /// ```
    #[track_caller]
    pub fn unfold(self, window: Window) -> Var<'g, T> {
        let shape = self.shape();
        if shape.rank() != 4 || window.count([shape[2], shape[3]]).is_none() {
            let error = GraphError::new("unfold", format!("no window {window:?} fits"))
                .operand("image", self.graph, self.id)
                .help("the image is [batch, channels, height, width]; stride and dilation at least 1");
            panic!("{error}");
        }
        self.unfold_window(window)
    }

    /// The adjoint of [`Var::unfold`]: columns `[n, c·kh·kw, oh·ow]` added into images `[n, c, h, w]`.
    ///
    /// # Panics
    /// If the columns are not those of such an image.
    #[track_caller]
    pub fn fold(self, window: Window, image: [usize; 2]) -> Var<'g, T> {
        let shape = self.shape();
        let area = window.size[0] * window.size[1];
        let fits = shape.rank() == 3
            && area > 0
            && shape[1].is_multiple_of(area)
            && window.count(image).is_some_and(|count| count[0] * count[1] == shape[2]);
        if !fits {
            let error =
                GraphError::new("fold", format!("these are not the columns of {window:?} on {image:?}"))
                    .operand("columns", self.graph, self.id)
                    .help("columns are [batch, channels x window, windows], as unfold makes them");
            panic!("{error}");
        }
        self.fold_to(window, Shape::from([shape[0], shape[1] / area, image[0], image[1]]))
    }

    #[track_caller]
    pub(super) fn unfold_window(self, window: Window) -> Var<'g, T> {
        let shape = self.shape();
        let count = window.count([shape[2], shape[3]]).expect("checked where the window was recorded");
        let columns =
            Shape::from([shape[0], shape[1] * window.size[0] * window.size[1], count[0] * count[1]]);
        self.graph.record_real(Op::Unfold(Box::new(window)), &[self.id], columns)
    }

    #[track_caller]
    pub(super) fn fold_to(self, window: Window, image: Shape) -> Var<'g, T> {
        self.graph.record_real(Op::Fold(Box::new(window)), &[self.id], image)
    }
}

/// Evaluates unfold on `x` of shape `image`.
pub(crate) fn unfold<T: Real>(x: &[T], image: Shape, window: &Window) -> Vec<T> {
    let mut columns = Vec::new();
    for_each_read(image, window, |place| columns.push(place.map_or(T::ZERO, |place| x[place])));
    columns
}

/// Evaluates fold onto images of shape `image`: contributions are added in the order of the columns.
pub(crate) fn fold<T: Real>(columns: &[T], image: Shape, window: &Window) -> Vec<T> {
    let mut x = vec![T::ZERO; image.numel()];
    let mut next = columns.iter();
    for_each_read(image, window, |place| {
        let value = *next.next().expect("as many columns as reads");
        if let Some(place) = place {
            x[place] += value;
        }
    });
    x
}

/// Visits every element of the columns in order, with the flat position in the image that it reads.
fn for_each_read(image: Shape, window: &Window, mut visit: impl FnMut(Option<usize>)) {
    let [n, c, h, w] = [image[0], image[1], image[2], image[3]];
    let count = window.count([h, w]).expect("checked where the window was recorded");
    for plane in 0..n * c {
        for p in 0..window.size[0] {
            for q in 0..window.size[1] {
                for i in 0..count[0] {
                    for j in 0..count[1] {
                        let row = window.position(0, i, p, h);
                        let column = window.position(1, j, q, w);
                        visit(row.zip(column).map(|(row, column)| (plane * h + row) * w + column));
                    }
                }
            }
        }
    }
}
