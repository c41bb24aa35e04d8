//! Bilinear sampling: an image read between its pixels, differentiable in the image and in the places.
//!
//! The value at row `v` and column `u` is the mean of the four pixels around, weighted by nearness:
//!
//! ```text
//! y = Σᵢⱼ x[i, j] Λ(v - i) Λ(u - j),     Λ(t) = max(0, 1 - |t|)
//! ```
//!
//! A kernel reads the four pixels, so that augmentation is cheap where nothing is differentiated through it.
//! Derivatives come from the same sum as an expression over all rows and all columns, a matrix product and a
//! weighted sum: dearer, exact, and of every order.
//!
//! # At the kinks
//!
//! Between pixels the value is linear in `u` and in `v`. At an integer it has a kink: the slope in `u` is
//! `x[j] - x[j-1]` on one side and `x[j+1] - x[j]` on the other. The derivative there is declared to be their
//! mean, the central difference `(x[j+1] - x[j-1])/2`. So the derivative of a shift at shift 0 is the tangent
//! vector that one would write down by hand.
//!
//! # Beyond the border
//!
//! A [`Border`] says what lies outside. A fill is a colour of its own, and a network can read from it by how
//! much an image was turned; where all images have an empty margin, as digits do, filling with the margin's
//! colour shows nothing.
//!
//! ```
//! use autograd::{Graph, Tensor, interpret};
//! use regularize::augmentation::sampling::{Border, bilinear};
//! let graph = Graph::<f64>::new();
//! let image = graph.constant(Tensor::new([1, 1, 1, 3], vec![0.0, 4.0, 8.0]));
//! let places = |v: &[f64]| graph.constant(Tensor::new([1, 1, 2], v.to_vec()));
//! let read = bilinear(image, places(&[0.0, 0.0]), places(&[0.25, 1.5]), Border::Fill(0.0));
//! assert_eq!(interpret(&[read], &[], None)?[0].data(), [1.0, 6.0]);
//! # Ok::<(), autograd::RunError>(())
//! ```

use autograd::{Custom, Graph, Real, Shape, Tensor, Var};
use rayon::prelude::*;

/// Values below which another thread costs more than it saves.
const LEAST_WORK: usize = 4096;

/// What an image is outside of itself.
///
/// ```
/// use autograd::{Graph, interpret};
/// use regularize::augmentation::sampling::{Border, bilinear};
/// let graph = Graph::<f64>::new();
/// let (image, row) = (graph.fill([1, 1, 1, 1], 4.0), graph.fill([1, 1, 1], 0.0));
/// let half_outside = graph.fill([1, 1, 1], -0.5);
/// let read = [Border::default(), Border::Fill(2.0), Border::Edge]
///     .map(|border| bilinear(image, row, half_outside, border));
/// let found = interpret(&read, &[], None)?;
/// assert_eq!([found[0].item(), found[1].item(), found[2].item()], [2.0, 3.0, 4.0]);
/// # Ok::<(), autograd::RunError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Border {
    /// This value. Half a pixel outside the image half of it is mixed in.
    Fill(f64),
    /// The nearest pixel of the image.
    Edge,
}

impl Default for Border {
    /// Zero: the background of images that are bright on dark.
    fn default() -> Border {
        Border::Fill(0.0)
    }
}

/// `images` at `rows` and `columns`, in pixels from the first one's centre: images `[n, channels, height,
/// width]`, places `[n, height', width']` both, result `[n, channels, height', width']`.
///
/// ```
/// use autograd::{Graph, Tensor, grad, interpret};
/// use regularize::augmentation::sampling::{Border, bilinear};
/// let graph = Graph::<f64>::new();
/// let image = graph.constant(Tensor::new([1, 1, 1, 3], vec![0.0, 4.0, 10.0]));
/// let (row, column) = (graph.fill([1, 1, 1], 0.0), graph.fill([1, 1, 1], 1.0));
/// let read = bilinear(image, row, column, Border::Edge);
/// let found = interpret(&[read, grad(read.sum(), &[column])[0]], &[], None)?;
/// // At a pixel the derivative in the place is the central difference, (10 - 0)/2.
/// assert_eq!((found[0].item(), found[1].item()), (4.0, 5.0));
/// # Ok::<(), autograd::RunError>(())
/// ```
///
/// # Panics
/// If the shapes are not these.
#[track_caller]
pub fn bilinear<'g, T: Real>(
    images: Var<'g, T>,
    rows: Var<'g, T>,
    columns: Var<'g, T>,
    border: Border,
) -> Var<'g, T> {
    let [n, _, height, width] = dimensions("bilinear", images);
    let (of_rows, of_columns) = (rows.shape(), columns.shape());
    assert!(
        of_rows.rank() == 3 && of_rows[0] == n && of_rows == of_columns,
        "bilinear: rows {of_rows} and columns {of_columns} for images {}, they are [{n}, height, width]",
        images.shape()
    );
    match border {
        Border::Fill(0.0) => Var::custom(Bilinear, &[images, rows, columns]),
        Border::Fill(value) => Var::custom(Bilinear, &[images - value, rows, columns]) + value,
        Border::Edge => {
            let inside = |at: Var<'g, T>, length: usize| at.clamp(0.0, length as f64 - 1.0);
            Var::custom(Bilinear, &[images, inside(rows, height), inside(columns, width)])
        }
    }
}

/// `[n, channels, height, width]`.
#[track_caller]
pub(crate) fn dimensions<T: Real>(operation: &str, images: Var<'_, T>) -> [usize; 4] {
    match *images.shape().lengths() {
        [n, channels, height, width] => [n, channels, height, width],
        _ => panic!("{operation}: images are [n, channels, height, width], not {}", images.shape()),
    }
}

/// That a parameter has one row for each image.
#[track_caller]
pub(crate) fn check_parameter<T: Real>(operation: &str, name: &str, parameter: Var<'_, T>, shape: &[usize]) {
    let (given, shape) = (parameter.shape(), Shape::new(shape));
    assert!(given == shape, "{operation}: the {name} has shape {given}, not {shape}: one for each image");
}

/// `first, first + 1, ...` as a vector.
pub(crate) fn range<T: Real>(graph: &Graph<T>, length: usize, first: f64) -> Var<'_, T> {
    graph.constant(Tensor::from_fn([length], |i| T::from_f64(first + i as f64)))
}

/// Sampling with zeros outside.
#[derive(Debug, Clone)]
struct Bilinear;

impl<T: Real> Custom<T> for Bilinear {
    fn name(&self) -> String {
        "bilinear".into()
    }

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        Ok(Shape::from([inputs[0][0], inputs[0][1], inputs[1][1], inputs[1][2]]))
    }

    fn forward(&self, inputs: &[(&[T], Shape)], output: &mut [T]) {
        let [(images, shape), (rows, places), (columns, _)] = inputs else { unreachable!("three inputs") };
        let [channels, height, width] = [shape[1], shape[2], shape[3]];
        let (plane, read) = (height * width, places[1] * places[2]);
        if output.is_empty() {
            return;
        }
        let least = LEAST_WORK.div_ceil(channels * read);
        let chunks = output.par_chunks_mut(channels * read).with_min_len(least).enumerate();
        chunks.for_each(|(example, output)| {
            let images = &images[example * channels * plane..][..channels * plane];
            let places = rows[example * read..].iter().zip(&columns[example * read..]).take(read);
            for (at, (&row, &column)) in places.enumerate() {
                let (row, column) = (Neighbours::of(row, height), Neighbours::of(column, width));
                for channel in 0..channels {
                    let image = &images[channel * plane..][..plane];
                    output[channel * read + at] = row.mean(&column, image, width);
                }
            }
        });
    }

    fn expression<'g>(&self, inputs: &[Var<'g, T>]) -> Option<Var<'g, T>> {
        let [n, channels, height, width] = dimensions("bilinear", inputs[0]);
        let places = inputs[1].shape();
        let read = places[1] * places[2];
        let weights = |at: Var<'g, T>, length: usize| {
            let offset = at.reshape([n, read, 1]) - range(at.graph(), length, 0.0);
            // A maximum, not a rectifier: a tie counts half, which makes the slope at an integer central.
            (1.0 - offset.abs()).maximum(0.0)
        };
        let by_row = weights(inputs[1], height);
        let by_column = weights(inputs[2], width).reshape([n, read, 1, width]);
        let lines = inputs[0].permute(&[0, 2, 1, 3]).reshape([n, height, channels * width]);
        let lines = by_row.matmul(lines).reshape([n, read, channels, width]);
        let read = (lines * by_column).sum_over(&[-1]);
        Some(read.permute(&[0, 2, 1]).reshape([n, channels, places[1], places[2]]))
    }
}

/// The two pixels around a place along an axis, with their weights: those inside the image weigh something.
struct Neighbours<T>([(usize, T); 2]);

impl<T: Real> Neighbours<T> {
    fn of(at: T, length: usize) -> Neighbours<T> {
        let at = at.to_f64();
        if at.is_nan() {
            return Neighbours([(0, T::NAN); 2]);
        }
        // Further outside nothing weighs anything either.
        let at = at.clamp(-1.0, length as f64);
        let towards_zero = at as isize;
        let below = towards_zero - isize::from(towards_zero as f64 > at);
        let above_below = at - below as f64;
        let weight = |position: isize, weight: f64| {
            let inside = position >= 0 && position < length as isize;
            if inside { (position as usize, T::from_f64(weight)) } else { (0, T::ZERO) }
        };
        Neighbours([weight(below, 1.0 - above_below), weight(below + 1, above_below)])
    }

    /// The mean of the four pixels of an image in these rows and columns.
    fn mean(&self, columns: &Neighbours<T>, image: &[T], width: usize) -> T {
        let mut sum = T::ZERO;
        for (i, by_row) in self.0 {
            for (j, by_column) in columns.0 {
                // Not read where it weighs nothing: it may lie outside.
                if by_row != T::ZERO && by_column != T::ZERO {
                    let pixel = image.get(i * width + j).copied().unwrap_or(T::ZERO);
                    sum += pixel * (by_row * by_column);
                }
            }
        }
        sum
    }
}

#[cfg(test)]
mod tests;
