//! Elastic deformation: every pixel displaced at random, its neighbours nearly alike (Simard, Steinkraus, Platt,
//! *Best Practices for Convolutional Neural Networks*, ICDAR 2003).
//!
//! A field of independent random displacements is smoothed by a Gaussian of width `σ` pixels and scaled by `α`:
//! for small `σ` it is noise, for large `σ` a translation, in between it looks like another hand's writing. The
//! field is `[n, 2, height, width]`, down and to the right; where a pixel of the result looks in the image is its
//! own place plus its displacement.
//!
//! The paper scales by `α` after smoothing, so that its strength shrinks as `σ` grows. Here the smoothed field is
//! normalised first: `α` is the standard deviation of a displacement, in pixels.

use super::Augmentation;
use super::blur::kernel;
use super::contract::{Change, Kind};
use super::sampling::{Border, bilinear, check_parameter, dimensions, range};
use crate::error::{RegularizeError, above_zero, at_least_zero};
use autograd::{Real, Var};

/// Images `[n, channels, height, width]` with each pixel looking as far from its place as `field`, `[n, 2, height,
/// width]`, says: first down, then to the right, in pixels. Differentiable in both.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::augmentation::{Border, elastic::displace};
/// let graph = Graph::<f64>::new();
/// let image = graph.constant(Tensor::new([1, 1, 1, 3], vec![1.0, 2.0, 4.0]));
/// // Nothing down; to the right by 1, 0.5 and 0.
/// let field = graph.constant(Tensor::new([1, 2, 1, 3], vec![0.0, 0.0, 0.0, 1.0, 0.5, 0.0]));
/// let found = interpret(&[displace(image, field, Border::Edge)], &[], None)?.remove(0);
/// assert_eq!(found.data(), [2.0, 3.0, 4.0]);
/// # Ok::<(), autograd::RunError>(())
/// ```
///
/// # Panics
/// If the shapes are not these.
#[track_caller]
pub fn displace<'g, T: Real>(images: Var<'g, T>, field: Var<'g, T>, border: Border) -> Var<'g, T> {
    let [n, _, height, width] = dimensions("displace", images);
    check_parameter("displace", "field", field, &[n, 2, height, width]);
    let along = |axis: usize| field.slice(1, axis, axis + 1).reshape([n, height, width]);
    let rows = along(0) + range(images.graph(), height, 0.0).reshape([1, height, 1]);
    let columns = along(1) + range(images.graph(), width, 0.0).reshape([1, 1, width]);
    bilinear(images, rows, columns, border)
}

/// Random elastic deformations (stream `STREAM.field`, normal).
///
/// ```
/// use autograd::{Graph, interpret};
/// use regularize::augmentation::{Augmentation, Border, Elastic};
/// let graph = Graph::<f64>::new();
/// let handwriting = Elastic::new(1.5, 4.0)?.border(Border::Edge);
/// // Neighbours are displaced nearly alike; each by 1.5 pixels, typically.
/// let field = handwriting.field(graph.normal("draws", [50, 2, 8, 8]));
/// let along = field.slice(3, 1, 8) - field.slice(3, 0, 7);
/// let deformed = handwriting.apply(graph.fill([1, 1, 8, 8], 0.5), "elastic");
/// let found = interpret(&[field.powi(2).mean(), along.powi(2).mean(), deformed], &[], None)?;
/// assert!((found[0].item().sqrt() - 1.5).abs() < 0.3 && found[1].item().sqrt() < 0.4);
/// assert!(found[2].data().iter().all(|v| (v - 0.5).abs() < 1e-15));
/// assert!(Elastic::new(1.5, 0.0).is_err());
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Elastic {
    alpha: f64,
    sigma: f64,
    border: Border,
}

impl Elastic {
    /// Displacements of standard deviation `alpha` pixels, alike over `sigma` pixels.
    ///
    /// # Errors
    /// If `alpha` is negative, `sigma` is not above 0, or one of them not finite.
    pub fn new(alpha: f64, sigma: f64) -> Result<Elastic, RegularizeError> {
        let alpha = at_least_zero("elastic displacement alpha", alpha)?;
        above_zero("elastic width sigma", sigma)?;
        Ok(Elastic { alpha, sigma, border: Border::default() })
    }

    /// The same with something else beyond the border than zeros.
    pub fn border(self, border: Border) -> Elastic {
        Elastic { border, ..self }
    }

    /// The field of independent draws `[n, 2, height, width]` with mean 0 and variance 1: smoothed, each
    /// displacement of variance `α²`.
    ///
    /// # Panics
    /// If the shape is another.
    #[track_caller]
    pub fn field<'g, T: Real>(&self, draws: Var<'g, T>) -> Var<'g, T> {
        let [_, _, height, width] = dimensions("elastic", draws);
        let one = draws.graph().fill([1], self.sigma);
        let [down, across] = [height, width].map(|length| {
            let weights = kernel(one, length).reshape([length, length]);
            // A weighted sum of independent draws has the sum of squared weights as its variance.
            weights / weights.powi(2).sum_keep(&[1]).sqrt()
        });
        let smooth = draws.permute(&[0, 1, 3, 2]).matmul_transposed(down, false, true);
        smooth.permute(&[0, 1, 3, 2]).matmul_transposed(across, false, true) * self.alpha
    }
}

impl<T: Real> Augmentation<T> for Elastic {
    fn name(&self) -> &'static str {
        "elastic"
    }

    fn changes(&self, [_, height, width]: [usize; 3]) -> Vec<Change> {
        Change::some(Kind::Elastic, self.alpha / height.min(width).max(1) as f64)
    }

    fn apply<'g>(&self, images: Var<'g, T>, stream: &str) -> Var<'g, T> {
        if self.alpha == 0.0 {
            return images;
        }
        let [n, _, height, width] = dimensions("elastic", images);
        let draws = images.graph().normal(&format!("{stream}.field"), [n, 2, height, width]);
        displace(images, self.field(draws), self.border)
    }
}

#[cfg(test)]
mod tests;
