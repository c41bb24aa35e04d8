//! Noise on pixels: a Gaussian added to each, or some of them replaced by black and white.
//!
//! Noise is drawn anew in each step, so that no two epochs show the same example. For a linear model under squared
//! error Gaussian noise of variance `σ²` is an L2 penalty `σ² ‖w‖²` (*Deep Learning*, section 7.5).

use super::contract::{Change, Kind};
use super::sampling::dimensions;
use super::{Augmentation, drawn};
use crate::error::{RegularizeError, at_least_zero};
use autograd::{Real, Var};
use nn::optimise::HyperparameterError;

/// Gaussian noise (stream `STREAM.noise`): `x + σ ε` with `ε` normal, for each value.
///
/// ```
/// use autograd::{Graph, interpret};
/// use regularize::augmentation::{Augmentation, GaussianNoise};
/// let graph = Graph::<f64>::new();
/// let images = graph.fill([1, 1, 100, 100], 0.5);
/// let noise = GaussianNoise::new(0.1)?.apply(images, "noise") - images;
/// let found = interpret(&[noise.powi(2).mean().sqrt()], &[], None)?[0].item();
/// // The standard error of a deviation of 10 000 draws is 0.7 % of it.
/// assert!((found / 0.1 - 1.0).abs() < 0.03);
/// assert!(GaussianNoise::new(-0.1).is_err());
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GaussianNoise {
    sigma: f64,
}

impl GaussianNoise {
    /// Noise of standard deviation `sigma`.
    ///
    /// # Errors
    /// If `sigma` is negative or not finite.
    pub fn new(sigma: f64) -> Result<GaussianNoise, RegularizeError> {
        Ok(GaussianNoise { sigma: at_least_zero("standard deviation of the noise", sigma)? })
    }
}

impl<T: Real> Augmentation<T> for GaussianNoise {
    fn name(&self) -> &'static str {
        "gaussian_noise"
    }

    fn changes(&self, _: [usize; 3]) -> Vec<Change> {
        Change::some(Kind::Noise, self.sigma)
    }

    fn apply<'g>(&self, images: Var<'g, T>, stream: &str) -> Var<'g, T> {
        if self.sigma == 0.0 {
            return images;
        }
        images + images.graph().normal(&format!("{stream}.noise"), images.shape()) * self.sigma
    }
}

/// Images `[n, channels, height, width]` with pixels at `low` where a draw `[n, 1, height, width]`, uniform on
/// [0, 1), is below `p/2`, and at `high` where it is above that and below `p`.
///
/// The derivative in the image is 0 at a replaced pixel and 1 elsewhere.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::augmentation::noise::salt_and_pepper;
/// let graph = Graph::<f64>::new();
/// let image = graph.fill([1, 1, 1, 3], 0.5);
/// let draws = graph.constant(Tensor::new([1, 1, 1, 3], vec![0.1, 0.3, 0.9]));
/// let found = interpret(&[salt_and_pepper(image, draws, 0.4, [0.0, 1.0])], &[], None)?;
/// assert_eq!(found[0].data(), [0.0, 1.0, 0.5]);
/// # Ok::<(), autograd::RunError>(())
/// ```
///
/// # Panics
/// If the shapes are not these.
#[track_caller]
pub fn salt_and_pepper<'g, T: Real>(
    images: Var<'g, T>,
    draws: Var<'g, T>,
    p: f64,
    [low, high]: [f64; 2],
) -> Var<'g, T> {
    let [n, _, height, width] = dimensions("salt_and_pepper", images);
    let given = draws.shape();
    let fits = given.lengths() == [n, 1, height, width];
    assert!(fits, "salt_and_pepper: draws of shape {given}, they are [{n}, 1, {height}, {width}]");
    let salted = draws.less(p).select(images.like(high), images);
    draws.less(0.5 * p).select(images.like(low), salted)
}

/// Salt-and-pepper noise (stream `STREAM.pixels`): each pixel is replaced with probability `p`, by the lowest or
/// by the highest value, in all channels alike.
///
/// ```
/// use autograd::{Graph, interpret};
/// use regularize::augmentation::{Augmentation, SaltAndPepper};
/// let graph = Graph::<f64>::new();
/// let noisy = SaltAndPepper::new(0.2, [0.0, 1.0])?.apply(graph.fill([1, 1, 100, 100], 0.5), "noise");
/// let found = interpret(&[noisy], &[], None)?.remove(0);
/// let share = |value| found.data().iter().filter(|v| **v == value).count() as f64 / 1e4;
/// // Half of the replaced pixels each; the standard error of such a share is 0.003.
/// assert!((share(0.0) - 0.1).abs() < 0.01 && (share(1.0) - 0.1).abs() < 0.01);
/// assert_eq!(found.data().iter().filter(|v| ![0.0, 0.5, 1.0].contains(v)).count(), 0);
/// assert!(SaltAndPepper::new(1.5, [0.0, 1.0]).is_err());
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SaltAndPepper {
    p: f64,
    values: [f64; 2],
}

impl SaltAndPepper {
    /// Each pixel replaced with probability `p` by one of `values`.
    ///
    /// # Errors
    /// If `p` is not in [0, 1], or the values are not finite and in order.
    pub fn new(p: f64, values: [f64; 2]) -> Result<SaltAndPepper, RegularizeError> {
        HyperparameterError::unless((0.0..=1.0).contains(&p), "share of replaced pixels", p, "in [0, 1]")?;
        let [low, high] = values;
        if !(low.is_finite() && high.is_finite() && low < high) {
            return Err(RegularizeError::Bounds { low, high });
        }
        Ok(SaltAndPepper { p, values })
    }
}

impl<T: Real> Augmentation<T> for SaltAndPepper {
    fn name(&self) -> &'static str {
        "salt_and_pepper"
    }

    fn changes(&self, _: [usize; 3]) -> Vec<Change> {
        Change::some(Kind::Noise, self.p)
    }

    fn apply<'g>(&self, images: Var<'g, T>, stream: &str) -> Var<'g, T> {
        if self.p == 0.0 {
            return images;
        }
        let [n, _, height, width] = dimensions("salt_and_pepper", images);
        let draws = drawn(images.graph(), stream, "pixels", &[n, 1, height, width]);
        salt_and_pepper(images, draws, self.p, self.values)
    }
}

#[cfg(test)]
mod tests;
