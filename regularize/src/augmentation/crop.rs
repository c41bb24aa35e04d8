//! Crops and flips.
//!
//! A crop reads a smaller image out of a larger one at an offset; a *random crop* of images with an empty margin
//! added around them is a translation by whole pixels. A flip is a mirror, taken or not. Both move pixels and
//! compute none: the result of whole offsets is exact.
//!
//! Mirrors change what letters and digits mean; see [`LabelContract`](super::LabelContract).

use super::contract::{Change, Kind};
use super::sampling::{Border, bilinear, check_parameter, dimensions, range};
use super::{Augmentation, drawn, each};
use crate::error::RegularizeError;
use autograd::{Real, Var};
use nn::optimise::HyperparameterError;

/// The parts of `size`, `[height', width']`, whose top left pixel is at `offset`, `[n, 2]` in rows and columns,
/// of images `[n, channels, height, width]`. Offsets need not be whole, nor the part inside: sampling is
/// [`bilinear`], and the result differentiable in both.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::augmentation::{Border, crop};
/// let graph = Graph::<f64>::new();
/// let image = graph.constant(Tensor::from_fn([1, 1, 3, 3], |i| i as f64));
/// let corner = graph.fill([1, 2], 1.0);
/// let found = interpret(&[crop::crop(image, corner, [2, 2], Border::Fill(0.0))], &[], None)?;
/// assert_eq!(found[0].data(), [4.0, 5.0, 7.0, 8.0]);
/// # Ok::<(), autograd::RunError>(())
/// ```
///
/// # Panics
/// If the shapes are not these.
#[track_caller]
pub fn crop<'g, T: Real>(
    images: Var<'g, T>,
    offset: Var<'g, T>,
    size: [usize; 2],
    border: Border,
) -> Var<'g, T> {
    let [n, ..] = dimensions("crop", images);
    check_parameter("crop", "offset", offset, &[n, 2]);
    let [height, width] = size;
    let along = |axis: usize, shape: [usize; 3]| {
        let at = offset.slice(1, axis, axis + 1).reshape([n, 1, 1]);
        (at + range(images.graph(), size[axis], 0.0).reshape(shape)).broadcast_to([n, height, width])
    };
    bilinear(images, along(0, [1, height, 1]), along(1, [1, 1, width]), border)
}

/// Random crops of the whole size out of the image with `margin` pixels around it: a translation by a whole
/// number of pixels along each axis, all from `-margin` to `margin` equally likely (stream `STREAM.offset`).
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::augmentation::{Augmentation, Crop};
/// let graph = Graph::<f64>::new();
/// let crop = Crop::new(1);
/// let draws = graph.constant(Tensor::new([2, 2], vec![0.1, 0.5, 0.9, 0.3]));
/// assert_eq!(interpret(&[crop.offset(draws)], &[], None)?[0].data(), [-1.0, 0.0, 1.0, -1.0]);
/// // The point in the middle moves by whole pixels, and stays inside.
/// let points = Tensor::from_fn([20, 1, 3, 3], |i| if i % 9 == 4 { 1.0 } else { 0.0 });
/// let found = interpret(&[crop.apply(graph.constant(points), "crop")], &[], None)?.remove(0);
/// assert!(found.data().chunks(9).all(|image| image.iter().filter(|v| **v == 1.0).count() == 1));
/// # Ok::<(), autograd::RunError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Crop {
    margin: usize,
}

impl Crop {
    /// Crops of images with so many empty pixels added on each side.
    pub fn new(margin: usize) -> Crop {
        Crop { margin }
    }

    /// The offsets of draws `[n, 2]` uniform on [0, 1): whole numbers in `±margin`.
    pub fn offset<'g, T: Real>(&self, draws: Var<'g, T>) -> Var<'g, T> {
        // The number of thresholds that a draw has passed.
        let places = 2 * self.margin + 1;
        let passed = |k: usize| draws.greater_equal(k as f64 / places as f64);
        (1..places).fold(draws.like(-(self.margin as f64)), |sum, k| sum + passed(k))
    }
}

impl<T: Real> Augmentation<T> for Crop {
    fn name(&self) -> &'static str {
        "crop"
    }

    fn changes(&self, [_, height, width]: [usize; 3]) -> Vec<Change> {
        Change::some(Kind::Translation, self.margin as f64 / height.min(width).max(1) as f64)
    }

    fn apply<'g>(&self, images: Var<'g, T>, stream: &str) -> Var<'g, T> {
        if self.margin == 0 {
            return images;
        }
        let [n, _, height, width] = dimensions("crop", images);
        let offset = self.offset(drawn(images.graph(), stream, "offset", &[n, 2]));
        crop(images, offset, [height, width], Border::default())
    }
}

/// Along which axes an image is turned round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mirror {
    /// Left becomes right.
    LeftRight,
    /// Top becomes bottom.
    TopBottom,
    /// Both: a half turn.
    Both,
}

/// Images `[n, channels, height, width]` mirrored where `mask`, `[n]`, is not 0.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::augmentation::{Mirror, crop::flip};
/// let graph = Graph::<f64>::new();
/// let images = graph.constant(Tensor::new([2, 1, 1, 2], vec![0.0, 1.0, 2.0, 3.0]));
/// let first = graph.constant(Tensor::new([2], vec![1.0, 0.0]));
/// let found = interpret(&[flip(images, first, Mirror::LeftRight)], &[], None)?;
/// assert_eq!(found[0].data(), [1.0, 0.0, 2.0, 3.0]);
/// # Ok::<(), autograd::RunError>(())
/// ```
///
/// # Panics
/// If the shapes are not these.
#[track_caller]
pub fn flip<'g, T: Real>(images: Var<'g, T>, mask: Var<'g, T>, mirror: Mirror) -> Var<'g, T> {
    let [n, ..] = dimensions("flip", images);
    check_parameter("flip", "mask", mask, &[n]);
    let axes: &[isize] = match mirror {
        Mirror::LeftRight => &[3],
        Mirror::TopBottom => &[2],
        Mirror::Both => &[2, 3],
    };
    each(mask).select(images.flip(axes), images)
}

/// Random mirrors (stream `STREAM.mask`).
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::augmentation::{Augmentation, Flip, Mirror};
/// let graph = Graph::<f64>::new();
/// let image = graph.constant(Tensor::new([1, 1, 2, 2], vec![1.0, 2.0, 3.0, 4.0]));
/// let flipped = |mirror, p| Ok::<_, regularize::RegularizeError>(Flip::new(mirror, p)?.apply(image, "flip"));
/// let always = [Mirror::LeftRight, Mirror::TopBottom, Mirror::Both].map(|mirror| flipped(mirror, 1.0));
/// let [across, down, both] = always;
/// let found = interpret(&[across?, down?, both?], &[], None)?;
/// assert_eq!(found[0].data(), [2.0, 1.0, 4.0, 3.0]);
/// assert_eq!(found[1].data(), [3.0, 4.0, 1.0, 2.0]);
/// assert_eq!(found[2].data(), [4.0, 3.0, 2.0, 1.0]);
/// assert_eq!(flipped(Mirror::Both, 0.0)?.id(), image.id());
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Flip {
    mirror: Mirror,
    p: f64,
}

impl Flip {
    /// Mirrored with probability `p`.
    ///
    /// # Errors
    /// If `p` is not in [0, 1].
    pub fn new(mirror: Mirror, p: f64) -> Result<Flip, RegularizeError> {
        HyperparameterError::unless((0.0..=1.0).contains(&p), "flip probability", p, "in [0, 1]")?;
        Ok(Flip { mirror, p })
    }
}

impl<T: Real> Augmentation<T> for Flip {
    fn name(&self) -> &'static str {
        "flip"
    }

    fn changes(&self, _: [usize; 3]) -> Vec<Change> {
        let change = match self.mirror {
            Mirror::LeftRight => Change::new(Kind::MirrorLeftRight, 1.0),
            Mirror::TopBottom => Change::new(Kind::MirrorTopBottom, 1.0),
            Mirror::Both => Change::new(Kind::Rotation, 180.0),
        };
        if self.p > 0.0 { vec![change] } else { Vec::new() }
    }

    fn apply<'g>(&self, images: Var<'g, T>, stream: &str) -> Var<'g, T> {
        if self.p == 0.0 {
            return images;
        }
        let [n, ..] = dimensions("flip", images);
        flip(images, drawn(images.graph(), stream, "mask", &[n]).less(self.p), self.mirror)
    }
}

#[cfg(test)]
mod tests;
