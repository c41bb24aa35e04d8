//! Gaussian blur: each pixel becomes a mean of its surroundings, with weights `exp(-d²/2σ²)` at distance `d`.
//!
//! The Gaussian is a product, so the blur is two matrix products, `A X Bᵀ` with rows of `A` and `B` that sum to
//! 1: weights are those of the pixels inside, so that a constant image stays as it is up to its border. `σ` is
//! one for each image, and the result is differentiable in it. At `σ = 0` it is the identity, exactly, and its
//! derivative in `σ` is 0.

use super::contract::{Change, Kind};
use super::sampling::{check_parameter, dimensions};
use super::{Augmentation, between, drawn};
use crate::error::{RegularizeError, at_least_zero};
use autograd::{Real, Tensor, Var};

/// Images `[n, channels, height, width]` blurred by widths `sigma`, `[n]`, in pixels.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::augmentation::blur::blur;
/// let graph = Graph::<f64>::new();
/// let point = graph.constant(Tensor::new([1, 1, 1, 5], vec![0.0, 0.0, 1.0, 0.0, 0.0]));
/// let found = interpret(&[blur(point, graph.fill([1], 0.5))], &[], None)?;
/// assert!(found[0].data()[2] > 0.7 && (found[0].data()[1] - found[0].data()[3]).abs() < 1e-15);
/// # Ok::<(), autograd::RunError>(())
/// ```
///
/// # Panics
/// If the shapes are not these.
#[track_caller]
pub fn blur<'g, T: Real>(images: Var<'g, T>, sigma: Var<'g, T>) -> Var<'g, T> {
    let [n, channels, height, width] = dimensions("blur", images);
    check_parameter("blur", "sigma", sigma, &[n]);
    let down = kernel(sigma, height);
    let across = kernel(sigma, width);
    let lines = images.permute(&[0, 2, 1, 3]).reshape([n, height, channels * width]);
    let lines = down.matmul(lines).reshape([n, height, channels, width]);
    let lines = lines.reshape([n, height * channels, width]).matmul_transposed(across, false, true);
    lines.reshape([n, height, channels, width]).permute(&[0, 2, 1, 3])
}

/// The weights of a line of `length` pixels, `[n, length, length]`: row `i` says what pixel `i` becomes.
pub(super) fn kernel<'g, T: Real>(sigma: Var<'g, T>, length: usize) -> Var<'g, T> {
    let n = sigma.shape()[0];
    let square = |i: usize| ((i / length) as f64 - (i % length) as f64).powi(2);
    let distance = sigma.graph().constant(Tensor::from_fn([1, length, length], |i| T::from_f64(square(i))));
    let sigma = sigma.reshape([n, 1, 1]);
    let sharp = sigma.equal(0.0);
    let width = sharp.select(sigma.like(1.0), sigma);
    let identity = distance.equal(0.0);
    if length == 0 {
        return identity + sigma;
    }
    // A softmax: weights of any smallness, and their sum 1.
    sharp.select(identity, (-0.5 * distance / width.powi(2)).softmax())
}

/// Random blurs, with widths uniform in `[0, sigma)` (stream `STREAM.sigma`).
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::augmentation::{Augmentation, Blur};
/// let graph = Graph::<f64>::new();
/// let points = Tensor::from_fn([50, 1, 1, 9], |i| if i % 9 == 4 { 1.0 } else { 0.0 });
/// let blurred = Blur::new(1.5)?.apply(graph.constant(points), "blur");
/// let found = interpret(&[blurred], &[], None)?.remove(0);
/// // Each image has a width of its own, below 1.5: its point keeps at least 0.2.
/// let peaks: Vec<f64> = found.data().chunks(9).map(|line| line[4]).collect();
/// assert!(peaks.iter().all(|peak| *peak > 0.2 && *peak <= 1.0) && peaks[0] != peaks[1]);
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Blur {
    sigma: f64,
}

impl Blur {
    /// Widths of up to `sigma` pixels.
    ///
    /// # Errors
    /// If `sigma` is negative or not finite.
    pub fn new(sigma: f64) -> Result<Blur, RegularizeError> {
        Ok(Blur { sigma: at_least_zero("blur width sigma", sigma)? })
    }
}

impl<T: Real> Augmentation<T> for Blur {
    fn name(&self) -> &'static str {
        "blur"
    }

    fn changes(&self, [_, height, width]: [usize; 3]) -> Vec<Change> {
        Change::some(Kind::Blur, self.sigma / height.min(width).max(1) as f64)
    }

    fn apply<'g>(&self, images: Var<'g, T>, stream: &str) -> Var<'g, T> {
        if self.sigma == 0.0 {
            return images;
        }
        let [n, ..] = dimensions("blur", images);
        blur(images, between(drawn(images.graph(), stream, "sigma", &[n]), 0.0, self.sigma))
    }
}

#[cfg(test)]
mod tests;
