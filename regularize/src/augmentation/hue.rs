//! Hue: colours turned round the circle from red over green and blue back to red, by way of HSV (Smith, *Color
//! Gamut Transform Pairs*, SIGGRAPH 1978).
//!
//! With the value `V = max(R, G, B)`, the chroma `C = V - min(R, G, B)` and the hue `h` in sixths of the circle,
//!
//! ```text
//! h = (G-B)/C  if V = R,    2 + (B-R)/C  if V = G,    4 + (R-G)/C  if V = B
//! R' = V - C w(5 + h + 6Δ),  G' = V - C w(3 + h + 6Δ),  B' = V - C w(1 + h + 6Δ)
//! w(k) = max(0, min(k, 4 - k, 1)),  k taken modulo 6
//! ```
//!
//! Value and chroma stay. A shift by `Δ = 1` is the identity, and so is every whole number: hue wraps modulo 1.
//!
//! At a grey pixel, `C = 0`, there is no hue and the result is that grey, whatever the shift. It is a kink: the
//! derivative in the image is declared to be the one of hue 0 held fixed, with the conventions of [`max`] for the
//! tie; in the shift it is 0. Other kinks are where two of the colours are equal.
//!
//! [`max`]: autograd::Var::max_keep

use super::colour::{coloured, unless_coloured};
use super::contract::{Change, Kind};
use super::sampling::check_parameter;
use super::{Augmentation, between, drawn, each};
use crate::error::RegularizeError;
use autograd::{Custom, Real, Shape, Var};
use nn::optimise::HyperparameterError;

/// Images `[n, 3, height, width]` of red, green and blue with hues shifted by `shift`, `[n]`, in turns of the
/// circle. Differentiable in both.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::augmentation::hue::hue;
/// let graph = Graph::<f64>::new();
/// let red = graph.constant(Tensor::new([1, 3, 1, 1], vec![0.9, 0.1, 0.1]));
/// let third = graph.fill([1], 1.0 / 3.0);
/// let green = interpret(&[hue(red, third)], &[], None)?.remove(0);
/// assert!(green.data().iter().zip([0.1, 0.9, 0.1]).all(|(a, b)| (a - b).abs() < 1e-12));
/// # Ok::<(), autograd::RunError>(())
/// ```
///
/// # Panics
/// If the shapes are not these.
#[track_caller]
pub fn hue<'g, T: Real>(images: Var<'g, T>, shift: Var<'g, T>) -> Var<'g, T> {
    let [n, ..] = coloured("hue", images);
    check_parameter("hue", "shift", shift, &[n]);
    let [red, green, blue] = [0, 1, 2].map(|channel| images.slice(1, channel, channel + 1));
    let value = images.max_keep(&[1]);
    let chroma = value + (-images).max_keep(&[1]);
    let grey = chroma.equal(0.0);
    let divisor = grey.select(chroma.like(1.0), chroma);
    let of_blue = (red - green) / divisor + 4.0;
    let of_green = value.equal(green).select((blue - red) / divisor + 2.0, of_blue);
    let sixths = value.equal(red).select((green - blue) / divisor, of_green);
    let shifted = grey.select(sixths.like(0.0), sixths + each(shift) * 6.0);
    let channel = |start: f64| {
        let k = shifted + start;
        let k = k - Var::custom(Floor, &[k / 6.0]) * 6.0;
        value - chroma * k.minimum(4.0 - k).minimum(1.0).maximum(0.0)
    };
    Var::concat(&[channel(5.0), channel(3.0), channel(1.0)], 1)
}

/// The largest whole number not above; its derivative is 0.
#[derive(Debug)]
struct Floor;

impl<T: Real> Custom<T> for Floor {
    fn name(&self) -> String {
        "floor".into()
    }

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        Ok(inputs[0])
    }

    fn forward(&self, inputs: &[(&[T], Shape)], output: &mut [T]) {
        output.iter_mut().zip(inputs[0].0).for_each(|(y, x)| *y = T::from_f64(x.to_f64().floor()));
    }

    fn vjp<'g>(&self, _: &[Var<'g, T>], _: Var<'g, T>, _: usize, _: Var<'g, T>) -> Option<Var<'g, T>> {
        None
    }

    fn jvp<'g>(&self, _: &[Var<'g, T>], _: Var<'g, T>, _: &[Option<Var<'g, T>>]) -> Option<Var<'g, T>> {
        None
    }
}

/// Random shifts of hue, uniform to either side (stream `STREAM.shift`).
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::augmentation::{Augmentation, Hue};
/// let graph = Graph::<f64>::new();
/// let pixel = graph.constant(Tensor::new([1, 3, 1, 1], vec![0.75, 0.25, 0.5]));
/// let found = interpret(&[Hue::new(0.5)?.apply(pixel, "hue")], &[], None)?.remove(0);
/// // Another colour, with the largest and the smallest channel that it had.
/// let mut sorted = found.data().to_vec();
/// sorted.sort_by(f64::total_cmp);
/// assert!((sorted[2] - 0.75).abs() < 1e-15 && (sorted[0] - 0.25).abs() < 1e-15);
/// assert_ne!(found.data(), [0.75, 0.25, 0.5]);
/// assert!(Hue::new(0.6).is_err());
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hue {
    strength: f64,
}

impl Hue {
    /// Up to `strength` turns of the circle.
    ///
    /// # Errors
    /// If `strength` is not in [0, 0.5]: half a turn to either side is every hue.
    pub fn new(strength: f64) -> Result<Hue, RegularizeError> {
        HyperparameterError::unless(
            (0.0..=0.5).contains(&strength),
            "shift of hue",
            strength,
            "in [0, 0.5]",
        )?;
        Ok(Hue { strength })
    }
}

impl<T: Real> Augmentation<T> for Hue {
    fn name(&self) -> &'static str {
        "hue"
    }

    fn changes(&self, _: [usize; 3]) -> Vec<Change> {
        Change::some(Kind::Hue, self.strength)
    }

    fn check(&self, image: [usize; 3]) -> Result<(), RegularizeError> {
        unless_coloured(image)
    }

    fn apply<'g>(&self, images: Var<'g, T>, stream: &str) -> Var<'g, T> {
        if self.strength == 0.0 {
            return images;
        }
        let [n, ..] = coloured("hue", images);
        let draws = drawn(images.graph(), stream, "shift", &[n]);
        hue(images, between(draws, -self.strength, self.strength))
    }
}

#[cfg(test)]
mod tests;
