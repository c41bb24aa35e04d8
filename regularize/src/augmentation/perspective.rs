//! Perspective: an image as seen from aside, by a projective map of its corners.
//!
//! The map takes the corners of the result to a quadrilateral of the image, straight lines to straight lines
//! (Heckbert, *Fundamentals of Texture Mapping and Image Warping*, 1989, section 2.2.3). On the unit square
//!
//! ```text
//! (p, q) ↦ (a p + b q + c, d p + e q + f) / (g p + h q + 1)
//! ```
//!
//! with the eight numbers in closed form from the four corners, so that the result is differentiable in the
//! corners as in the image. For a parallelogram `g = h = 0`: an affine map.

use super::contract::{Change, Kind};
use super::sampling::{Border, bilinear, check_parameter, dimensions, range};
use super::{Augmentation, drawn};
use crate::error::RegularizeError;
use autograd::{Graph, Real, Tensor, Var};
use nn::optimise::HyperparameterError;

/// Images `[n, channels, height, width]` with the quadrilaterals of `corners` stretched over the whole.
///
/// Corners are `[n, 4, 2]`: `(row, column)` of the top left, top right, bottom right and bottom left one, as
/// shares of height and width counted from the image's outer edge. `(0, 0), (0, 1), (1, 1), (1, 0)` is the
/// identity. Differentiable in both.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::augmentation::{Border, perspective::perspective};
/// let graph = Graph::<f64>::new();
/// let image = graph.constant(Tensor::new([1, 1, 1, 4], vec![1.0, 2.0, 3.0, 4.0]));
/// let corners = |v: [f64; 8]| graph.constant(Tensor::new([1, 4, 2], v.to_vec()));
/// let whole = corners([0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0]);
/// let right = corners([0.0, 0.5, 0.0, 1.0, 1.0, 1.0, 1.0, 0.5]); // the right half, stretched
/// let seen = [whole, right].map(|corners| perspective(image, corners, Border::Edge));
/// let found = interpret(&seen, &[], None)?;
/// assert_eq!(found[0].data(), [1.0, 2.0, 3.0, 4.0]);
/// assert_eq!(found[1].data(), [2.75, 3.25, 3.75, 4.0]);
/// # Ok::<(), autograd::RunError>(())
/// ```
///
/// # Panics
/// If the shapes are not these. The corners must go round a convex quadrilateral, or values are not finite.
#[track_caller]
pub fn perspective<'g, T: Real>(images: Var<'g, T>, corners: Var<'g, T>, border: Border) -> Var<'g, T> {
    let [n, _, height, width] = dimensions("perspective", images);
    check_parameter("perspective", "corners", corners, &[n, 4, 2]);
    let corner =
        |k: usize, axis: usize| corners.slice(1, k, k + 1).slice(2, axis, axis + 1).reshape([n, 1, 1]);
    // Rows y and columns x of the corners; p runs to the right and q downwards.
    let [y, x] = [0, 1].map(|axis| [0, 1, 2, 3].map(|k| corner(k, axis)));
    let edges = |z: [Var<'g, T>; 4]| (z[1] - z[2], z[3] - z[2], z[0] - z[1] + z[2] - z[3]);
    let ((x1, x2, xs), (y1, y2, ys)) = (edges(x), edges(y));
    let area = x1 * y2 - x2 * y1;
    let (g, h) = ((xs * y2 - x2 * ys) / area, (x1 * ys - xs * y1) / area);
    let share = |length: usize| (range(images.graph(), length, 0.5)) / length.max(1) as f64;
    let (p, q) = (share(width).reshape([1, 1, width]), share(height).reshape([1, height, 1]));
    let depth = g * p + h * q + 1.0;
    let along = |z: [Var<'g, T>; 4], length: usize| {
        let flat = (z[1] - z[0] + g * z[1]) * p + (z[3] - z[0] + h * z[3]) * q + z[0];
        flat / depth * length as f64 - 0.5
    };
    bilinear(images, along(y, height), along(x, width), border)
}

/// Random perspectives: each corner is drawn inwards by a uniform share of `distortion` halves of the side,
/// along each axis (stream `STREAM.corners`).
///
/// ```
/// use autograd::{Graph, interpret};
/// use regularize::augmentation::{Augmentation, Border, Perspective};
/// let graph = Graph::<f64>::new();
/// let aside = Perspective::new(0.5)?.border(Border::Edge);
/// let corners = [0.0, 1.0].map(|draw| aside.corners(graph.fill([1, 4, 2], draw)));
/// let seen = aside.apply(graph.fill([2, 1, 6, 6], 0.5), "aside");
/// let found = interpret(&[corners[0], corners[1], seen], &[], None)?;
/// assert_eq!(found[0].data(), [0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0]);
/// assert_eq!(found[1].data(), [0.25, 0.25, 0.25, 0.75, 0.75, 0.75, 0.75, 0.25]);
/// assert!(found[2].data().iter().all(|v| (v - 0.5).abs() < 1e-14));
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Perspective {
    distortion: f64,
    border: Border,
}

impl Perspective {
    /// Corners move by up to `distortion` times half a side.
    ///
    /// # Errors
    /// If `distortion` is not in [0, 0.5]: beyond two thirds a quadrilateral need not be convex.
    pub fn new(distortion: f64) -> Result<Perspective, RegularizeError> {
        let fits = (0.0..=0.5).contains(&distortion);
        HyperparameterError::unless(fits, "perspective distortion", distortion, "in [0, 0.5]")?;
        Ok(Perspective { distortion, border: Border::default() })
    }

    /// The same with something else beyond the border than zeros.
    pub fn border(self, border: Border) -> Perspective {
        Perspective { border, ..self }
    }

    /// The corners for draws `[n, 4, 2]` uniform on [0, 1).
    pub fn corners<'g, T: Real>(&self, draws: Var<'g, T>) -> Var<'g, T> {
        let graph = draws.graph();
        let outer = table(graph, [0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0]);
        let inwards = table(graph, [1.0, 1.0, 1.0, -1.0, -1.0, -1.0, -1.0, 1.0]);
        outer + inwards * (draws * (0.5 * self.distortion))
    }
}

fn table<T: Real>(graph: &Graph<T>, values: [f64; 8]) -> Var<'_, T> {
    graph.constant(Tensor::new([4, 2], values.map(T::from_f64).to_vec()))
}

impl<T: Real> Augmentation<T> for Perspective {
    fn name(&self) -> &'static str {
        "perspective"
    }

    fn changes(&self, _: [usize; 3]) -> Vec<Change> {
        Change::some(Kind::Perspective, self.distortion)
    }

    fn apply<'g>(&self, images: Var<'g, T>, stream: &str) -> Var<'g, T> {
        if self.distortion == 0.0 {
            return images;
        }
        let [n, ..] = dimensions("perspective", images);
        let corners = self.corners(drawn(images.graph(), stream, "corners", &[n, 4, 2]));
        perspective(images, corners, self.border)
    }
}

#[cfg(test)]
mod tests;
