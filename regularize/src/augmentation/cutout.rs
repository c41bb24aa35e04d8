//! Cutout: a square of each image is covered, so that no single part of it can be relied on (DeVries and Taylor,
//! *Improved Regularization of Convolutional Neural Networks with Cutout*, 2017).
//!
//! Its middle is uniform over the image, as in the paper: near the border a part of the square lies outside, and
//! less is covered. The result does not depend smoothly on where the box is, and its derivative there is 0.

use super::contract::{Change, Kind};
use super::sampling::{check_parameter, dimensions, range};
use super::{Augmentation, drawn};
use crate::error::RegularizeError;
use autograd::{Real, Tensor, Var};
use nn::optimise::HyperparameterError;

/// A mask `[n, 1, height, width]`: 1 at the pixels `i` with `start ≤ i < end` along both axes, for boxes `start` and
/// `end` of `[n, 2]` in rows and columns.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::augmentation::cutout::boxes;
/// let graph = Graph::<f64>::new();
/// let [start, end] = [[0.0, 1.0], [1.0, 9.0]].map(|at| graph.constant(Tensor::new([1, 2], at.to_vec())));
/// let mask = interpret(&[boxes(start, end, [2, 3])], &[], None)?.remove(0);
/// assert_eq!(mask.data(), [0.0, 1.0, 1.0, 0.0, 0.0, 0.0]); // row 0, columns from 1 on
/// # Ok::<(), autograd::RunError>(())
/// ```
///
/// # Panics
/// If the shapes are not these.
#[track_caller]
pub fn boxes<'g, T: Real>(start: Var<'g, T>, end: Var<'g, T>, [height, width]: [usize; 2]) -> Var<'g, T> {
    let n = start.shape().lengths().first().copied().unwrap_or(0);
    check_parameter("boxes", "start", start, &[n, 2]);
    check_parameter("boxes", "end", end, &[n, 2]);
    let along = |axis: usize, length: usize| {
        let places = range(start.graph(), length, 0.0);
        let [start, end] = [start, end].map(|bound| bound.slice(1, axis, axis + 1));
        start.less_equal(places) * end.greater(places)
    };
    along(0, height).reshape([n, 1, height, 1]) * along(1, width).reshape([n, 1, 1, width])
}

/// Random squares covered (stream `STREAM.middle`).
///
/// ```
/// use autograd::{Graph, interpret};
/// use regularize::augmentation::{Augmentation, Cutout};
/// let graph = Graph::<f64>::new();
/// let cutout = Cutout::new(2).fill(0.5)?;
/// let mask = interpret(&[cutout.mask(graph.fill([1, 2], 0.6), [4, 4])], &[], None)?.remove(0);
/// assert_eq!(mask.data()[4..8], [0.0, 1.0, 1.0, 0.0]);
/// assert_eq!(mask.data().iter().sum::<f64>(), 4.0);
/// let covered = cutout.apply(graph.fill([20, 1, 4, 4], 1.0), "cutout");
/// let found = interpret(&[covered], &[], None)?.remove(0);
/// // Four pixels, or two or one at the border.
/// let count = |image: &[f64]| image.iter().filter(|v| **v == 0.5).count();
/// assert!(found.data().chunks(16).all(|image| [1, 2, 4].contains(&count(image))));
/// assert!(cutout.fill(f64::NAN).is_err());
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cutout {
    size: usize,
    fill: f64,
}

impl Cutout {
    /// Squares of `size` by `size` pixels, covered by zeros.
    pub fn new(size: usize) -> Cutout {
        Cutout { size, fill: 0.0 }
    }

    /// The same covered by another value.
    ///
    /// # Errors
    /// If `fill` is not finite.
    pub fn fill(self, fill: f64) -> Result<Cutout, RegularizeError> {
        HyperparameterError::unless(fill.is_finite(), "cutout's fill", fill, "finite")?;
        Ok(Cutout { fill, ..self })
    }

    /// The mask `[n, 1, height, width]` of draws `[n, 2]` uniform on [0, 1), for images of `[height, width]`: 1 at a
    /// square around the middle that is drawn, less what is outside.
    ///
    /// # Panics
    /// If the draws are not `[n, 2]`.
    #[track_caller]
    pub fn mask<'g, T: Real>(&self, draws: Var<'g, T>, size: [usize; 2]) -> Var<'g, T> {
        let sides =
            draws.graph().constant(Tensor::new([2], size.map(|side| T::from_f64(side as f64)).to_vec()));
        // Half-open and `size` long from wherever it starts, it holds exactly `size` whole numbers: from `y -
        // size/2` on, halves rounded down, for a middle `y` of which all are equally likely.
        let start = draws * sides - (self.size / 2 + 1) as f64;
        boxes(start, start + self.size as f64, size)
    }
}

impl<T: Real> Augmentation<T> for Cutout {
    fn name(&self) -> &'static str {
        "cutout"
    }

    fn changes(&self, [_, height, width]: [usize; 3]) -> Vec<Change> {
        let share = (self.size * self.size) as f64 / (height * width).max(1) as f64;
        Change::some(Kind::Occlusion, share.min(1.0))
    }

    fn apply<'g>(&self, images: Var<'g, T>, stream: &str) -> Var<'g, T> {
        if self.size == 0 {
            return images;
        }
        let [n, _, height, width] = dimensions("cutout", images);
        let mask = self.mask(drawn(images.graph(), stream, "middle", &[n, 2]), [height, width]);
        mask.select(images.like(self.fill), images)
    }
}

#[cfg(test)]
mod tests;
