//! Brightness, contrast, saturation: an image moved along a line of images.
//!
//! | function | result | drawn by |
//! |---|---|---|
//! | [`brightness`] | `x + b` | [`Brightness`]: `b` in `±` the strength |
//! | [`contrast`] | `m + c (x - m)`, `m` the mean of the image | [`Contrast`]: `c = eᵘ`, from `1/factor` to `factor` |
//! | [`saturation`] | `g + s (x - g)`, `g` the grey of each pixel | [`Saturation`]: `s` in `1 ± strength` |
//!
//! Parameters are `[n]`, one for each image; everything is linear in the image and smooth in the parameter. Grey
//! is `0.299 R + 0.587 G + 0.114 B`, the luma of ITU-R BT.601. Results are not clipped: a range of valid values is
//! not theirs to know, and clipping kills gradients.
//!
//! ```
//! use autograd::{Graph, Tensor, interpret};
//! use regularize::augmentation::colour::{brightness, contrast};
//! use regularize::augmentation::{Brightness, Contrast, Saturation};
//! let graph = Graph::<f64>::new();
//! let image = graph.constant(Tensor::new([1, 1, 1, 2], vec![0.25, 0.75]));
//! let lighter = brightness(image, graph.fill([1], 0.125));
//! let harder = contrast(image, graph.fill([1], 2.0));
//! let found = interpret(&[lighter, harder], &[], None)?;
//! assert_eq!(found[0].data(), [0.375, 0.875]);
//! assert_eq!(found[1].data(), [0.0, 1.0]);
//! assert!(Brightness::new(-0.1).is_err() && Contrast::new(0.5).is_err() && Saturation::new(1.5).is_err());
//! # Ok::<(), autograd::RunError>(())
//! ```

use super::contract::{Change, Kind};
use super::sampling::{check_parameter, dimensions};
use super::{Augmentation, between, drawn, each};
use crate::error::{RegularizeError, at_least_zero};
use autograd::{Real, Shape, Tensor, Var};
use nn::optimise::HyperparameterError;

/// Images `[n, channels, height, width]` plus `amount`, `[n]`.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::augmentation::colour::brightness;
/// let graph = Graph::<f64>::new();
/// let amount = graph.constant(Tensor::new([2], vec![0.25, -0.5]));
/// let found = interpret(&[brightness(graph.fill([2, 1, 1, 1], 0.5), amount)], &[], None)?.remove(0);
/// assert_eq!(found.data(), [0.75, 0.0]);
/// # Ok::<(), autograd::RunError>(())
/// ```
///
/// # Panics
/// If the shapes are not these.
#[track_caller]
pub fn brightness<'g, T: Real>(images: Var<'g, T>, amount: Var<'g, T>) -> Var<'g, T> {
    let [n, ..] = dimensions("brightness", images);
    check_parameter("brightness", "amount", amount, &[n]);
    images + each(amount)
}

/// Images `[n, channels, height, width]` with deviations from their mean multiplied by `factor`, `[n]`.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::augmentation::colour::contrast;
/// let graph = Graph::<f64>::new();
/// let image = graph.constant(Tensor::new([1, 1, 1, 2], vec![0.25, 0.75]));
/// let [flat, same, twice] = [0.0, 1.0, 2.0].map(|factor| contrast(image, graph.fill([1], factor)));
/// let found = interpret(&[flat, same, twice], &[], None)?;
/// assert_eq!(found[0].data(), [0.5, 0.5]); // their mean
/// assert_eq!((found[1].data(), found[2].data()), (&[0.25, 0.75][..], &[0.0, 1.0][..]));
/// # Ok::<(), autograd::RunError>(())
/// ```
///
/// # Panics
/// If the shapes are not these.
#[track_caller]
pub fn contrast<'g, T: Real>(images: Var<'g, T>, factor: Var<'g, T>) -> Var<'g, T> {
    let [n, ..] = dimensions("contrast", images);
    check_parameter("contrast", "factor", factor, &[n]);
    let mean = images.mean_keep(&[1, 2, 3]);
    mean + each(factor) * (images - mean)
}

/// Images `[n, 3, height, width]` of red, green and blue with deviations from their grey multiplied by `factor`,
/// `[n]`: grey at 0.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::augmentation::colour::saturation;
/// let graph = Graph::<f64>::new();
/// let red = graph.constant(Tensor::new([1, 3, 1, 1], vec![1.0, 0.0, 0.0]));
/// let found = interpret(&[saturation(red, graph.fill([1], 0.0))], &[], None)?.remove(0);
/// assert_eq!(found.data(), [0.299; 3]); // as bright as red is
/// # Ok::<(), autograd::RunError>(())
/// ```
///
/// # Panics
/// If the shapes are not these.
#[track_caller]
pub fn saturation<'g, T: Real>(images: Var<'g, T>, factor: Var<'g, T>) -> Var<'g, T> {
    let [n, ..] = coloured("saturation", images);
    check_parameter("saturation", "factor", factor, &[n]);
    let luma = Tensor::new([1, 3, 1, 1], [0.299, 0.587, 0.114].map(T::from_f64).to_vec());
    let grey = (images * images.graph().constant(luma)).sum_keep(&[1]);
    grey + each(factor) * (images - grey)
}

/// An error, unless images are of red, green and blue.
pub(super) fn unless_coloured([channels, height, width]: [usize; 3]) -> Result<(), RegularizeError> {
    if channels == 3 {
        return Ok(());
    }
    let (expected, found) = (Shape::from([3, height, width]), Shape::from([channels, height, width]));
    Err(RegularizeError::Shape { what: "coloured images", expected, found })
}

/// `[n, 3, height, width]`.
#[track_caller]
pub(super) fn coloured<T: Real>(operation: &str, images: Var<'_, T>) -> [usize; 4] {
    let found = dimensions(operation, images);
    assert!(found[1] == 3, "{operation}: images have red, green and blue, not {} channels", found[1]);
    found
}

/// Random brightness, uniform to either side (stream `STREAM.amount`).
///
/// ```
/// use autograd::{Graph, interpret};
/// use regularize::augmentation::{Augmentation, Brightness};
/// let graph = Graph::<f64>::new();
/// let images = graph.fill([2, 1, 1, 2], 0.5);
/// let found = interpret(&[Brightness::new(0.25)?.apply(images, "light")], &[], None)?.remove(0);
/// // One draw for all pixels of an image, another one for the next.
/// let light = found.data();
/// assert!(light.iter().all(|v| (v - 0.5).abs() <= 0.25));
/// assert!(light[0] == light[1] && light[2] == light[3] && light[0] != light[2]);
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Brightness {
    strength: f64,
}

impl Brightness {
    /// Up to `strength` brighter or darker.
    ///
    /// # Errors
    /// If `strength` is negative or not finite.
    pub fn new(strength: f64) -> Result<Brightness, RegularizeError> {
        Ok(Brightness { strength: at_least_zero("brightness", strength)? })
    }
}

impl<T: Real> Augmentation<T> for Brightness {
    fn name(&self) -> &'static str {
        "brightness"
    }

    fn changes(&self, _: [usize; 3]) -> Vec<Change> {
        Change::some(Kind::Brightness, self.strength)
    }

    fn apply<'g>(&self, images: Var<'g, T>, stream: &str) -> Var<'g, T> {
        if self.strength == 0.0 {
            return images;
        }
        let [n, ..] = dimensions("brightness", images);
        let draws = drawn(images.graph(), stream, "amount", &[n]);
        brightness(images, between(draws, -self.strength, self.strength))
    }
}

/// Random contrast, as often less as more (stream `STREAM.factor`).
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::augmentation::{Augmentation, Contrast};
/// let graph = Graph::<f64>::new();
/// let image = graph.constant(Tensor::new([1, 1, 1, 2], vec![0.25, 0.75]));
/// let found = interpret(&[Contrast::new(2.0)?.apply(image, "contrast")], &[], None)?.remove(0);
/// // The mean stays, and the distance to it is between half and twice 0.25.
/// let [low, high] = [found.data()[0], found.data()[1]];
/// assert!((low + high - 1.0).abs() < 1e-15 && high - 0.5 >= 0.125 && high - 0.5 <= 0.5);
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Contrast {
    /// The logarithm of the largest factor.
    strength: f64,
}

impl Contrast {
    /// Factors from `1 / factor` to `factor`.
    ///
    /// # Errors
    /// If `factor` is below 1 or not finite.
    pub fn new(factor: f64) -> Result<Contrast, RegularizeError> {
        let fits = factor.is_finite() && factor >= 1.0;
        HyperparameterError::unless(fits, "largest contrast", factor, "finite and at least 1")?;
        Ok(Contrast { strength: factor.ln() })
    }
}

impl<T: Real> Augmentation<T> for Contrast {
    fn name(&self) -> &'static str {
        "contrast"
    }

    fn changes(&self, _: [usize; 3]) -> Vec<Change> {
        Change::some(Kind::Contrast, self.strength.exp() - 1.0)
    }

    fn apply<'g>(&self, images: Var<'g, T>, stream: &str) -> Var<'g, T> {
        if self.strength == 0.0 {
            return images;
        }
        let [n, ..] = dimensions("contrast", images);
        let draws = drawn(images.graph(), stream, "factor", &[n]);
        contrast(images, between(draws, -self.strength, self.strength).exp())
    }
}

/// Random saturation (stream `STREAM.factor`).
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::augmentation::{Augmentation, Saturation};
/// let graph = Graph::<f64>::new();
/// // A grey pixel and a red one: the first stays, the second is between grey and twice as red.
/// let pixels = Tensor::new([1, 3, 1, 2], vec![0.5, 0.75, 0.5, 0.25, 0.5, 0.25]);
/// let found = interpret(&[Saturation::new(1.0)?.apply(graph.constant(pixels), "s")], &[], None)?.remove(0);
/// let [grey, red] = [0, 1].map(|pixel| [0, 2, 4].map(|channel| found.data()[channel + pixel]));
/// assert!(grey.iter().all(|v| (v - 0.5).abs() < 1e-15));
/// assert!(red[1] == red[2] && red[0] >= red[1] && red[0] - red[1] <= 1.0);
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Saturation {
    strength: f64,
}

impl Saturation {
    /// Factors in `1 ± strength`.
    ///
    /// # Errors
    /// If `strength` is not in [0, 1]: below 0 a factor would turn colours into their complements.
    pub fn new(strength: f64) -> Result<Saturation, RegularizeError> {
        let fits = (0.0..=1.0).contains(&strength);
        HyperparameterError::unless(fits, "strength of saturation", strength, "in [0, 1]")?;
        Ok(Saturation { strength })
    }
}

impl<T: Real> Augmentation<T> for Saturation {
    fn name(&self) -> &'static str {
        "saturation"
    }

    fn changes(&self, _: [usize; 3]) -> Vec<Change> {
        Change::some(Kind::Saturation, self.strength)
    }

    fn check(&self, image: [usize; 3]) -> Result<(), RegularizeError> {
        unless_coloured(image)
    }

    fn apply<'g>(&self, images: Var<'g, T>, stream: &str) -> Var<'g, T> {
        if self.strength == 0.0 {
            return images;
        }
        let [n, ..] = dimensions("saturation", images);
        let draws = drawn(images.graph(), stream, "factor", &[n]);
        saturation(images, between(draws, 1.0 - self.strength, 1.0 + self.strength))
    }
}

#[cfg(test)]
mod tests;
