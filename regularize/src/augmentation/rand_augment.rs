//! RandAugment: some augmentations out of a list, chosen anew for each image, at one strength (Cubuk, Zoph, Shlens,
//! Le, 2020).
//!
//! The search over a policy is replaced by two numbers: how many are applied, and how strongly. Each layer draws
//! one of the list for each image; the identity is one of them. The parameters of each are uniform up to the
//! strength, which is the paper's *random magnitude*; it found constant, random and growing magnitudes alike.
//!
//! Every augmentation of the list is computed for every image, and one is taken: a graph has no branches. A list of
//! ten applied twice costs twenty augmentations; sampling is cheap beside the network that is trained.

use super::contract::Change;
use super::sampling::dimensions;
use super::{Affine, Augmentation, Blur, Brightness, Contrast, Cutout, drawn, each};
use crate::error::RegularizeError;
use autograd::{Real, Var};
use nn::optimise::HyperparameterError;
use std::iter::repeat_n;
use std::sync::Arc;

/// One of a list, chosen for each image (stream `STREAM.choice`; the others' streams are `STREAM.K.KIND`, with the
/// place `K` in the list).
pub(super) fn one_of<'g, T: Real>(
    choices: &[Arc<dyn Augmentation<T>>],
    images: Var<'g, T>,
    stream: &str,
) -> Var<'g, T> {
    let [n, ..] = dimensions("one of several augmentations", images);
    let draw = drawn(images.graph(), stream, "choice", &[n]);
    // The last one whose interval begins at or below the draw; the first interval is the identity's.
    let intervals = choices.len() as f64 + 1.0;
    let taken = choices.iter().enumerate().map(|(k, choice)| {
        let changed = choice.apply(images, &format!("{stream}.{k}.{}", choice.name()));
        (each(draw.greater_equal((k + 1) as f64 / intervals)), changed)
    });
    taken.fold(images, |chosen, (passed, changed)| passed.select(changed, chosen))
}

/// Warps, tones, blur and cutout of a strength in [0, 1], for images of `[channels, height, width]` with values in
/// [0, 1].
fn standard<T: Real>(
    strength: f64,
    [_, height, width]: [usize; 3],
) -> Result<Vec<Arc<dyn Augmentation<T>>>, RegularizeError> {
    HyperparameterError::unless((0.0..=1.0).contains(&strength), "strength", strength, "in [0, 1]")?;
    let side = height.min(width) as f64;
    Ok(vec![
        Arc::new(Affine::new().rotate(30.0 * strength)?),
        Arc::new(Affine::new().shear(0.3 * strength)?),
        Arc::new(Affine::new().scale(1.0 + 0.3 * strength)?),
        Arc::new(Affine::new().translate(0.15 * side * strength)?),
        Arc::new(Brightness::new(0.3 * strength)?),
        Arc::new(Contrast::new(1.0 + strength)?),
        Arc::new(Blur::new(0.05 * side * strength)?),
        Arc::new(Cutout::new((0.3 * side * strength).round() as usize)),
    ])
}

/// A list of augmentations, of which some are chosen for each image. See the [module documentation](self).
///
/// ```
/// use autograd::{Graph, interpret};
/// use regularize::augmentation::{Augmentation, Brightness, Change, Kind, RandAugment};
/// use std::sync::Arc;
/// let lighter = Arc::new(Brightness::new(0.25)?);
/// let some = RandAugment::of(2, vec![lighter]);
/// assert_eq!(some.changes([1, 1, 1]), [Change::new(Kind::Brightness, 0.5)]); // both layers
/// let graph = Graph::<f64>::new();
/// let found = interpret(&[some.apply(graph.fill([400, 1, 1, 1], 0.0), "some")], &[], None)?.remove(0);
/// // Each layer is the identity for every second image: one in four stays, with a standard error of 9.
/// let same = found.data().iter().filter(|v| **v == 0.0).count();
/// assert!(same.abs_diff(100) < 27 && found.data().iter().all(|v| v.abs() <= 0.5));
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone)]
pub struct RandAugment<T: Real> {
    layers: usize,
    choices: Vec<Arc<dyn Augmentation<T>>>,
}

impl<T: Real> RandAugment<T> {
    /// `layers` times one of the list, or the identity.
    pub fn of(layers: usize, choices: Vec<Arc<dyn Augmentation<T>>>) -> RandAugment<T> {
        RandAugment { layers, choices }
    }

    /// `layers` times one of rotation, shear, scaling, translation, brightness, contrast, blur, cutout, or the
    /// identity, at a strength from 0 (nothing) to 1 (30 degrees, slope 0.3, factor 1.3, 15 % of the side, ±0.3,
    /// factor 2, a width of 5 % of the side, 30 % of the side).
    ///
    /// # Errors
    /// If `strength` is not in [0, 1].
    ///
    /// ```
    /// use autograd::Graph;
    /// use regularize::augmentation::{Augmentation, LabelContract, Pipeline, RandAugment};
    /// let some = RandAugment::<f32>::new(2, 0.5, [1, 8, 8])?;
    /// assert_eq!(some.choices().len(), 8);
    /// assert!(Pipeline::new([1, 8, 8]).then(some).for_labels(&LabelContract::digits()).is_ok());
    /// let graph = Graph::<f32>::new();
    /// let images = graph.input("images", [4, 1, 8, 8]);
    /// assert_eq!(RandAugment::new(2, 0.0, [1, 8, 8])?.apply(images, "some").id(), images.id());
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    pub fn new(layers: usize, strength: f64, image: [usize; 3]) -> Result<RandAugment<T>, RegularizeError> {
        Ok(RandAugment::of(layers, standard(strength, image)?))
    }

    /// The list.
    pub fn choices(&self) -> &[Arc<dyn Augmentation<T>>] {
        &self.choices
    }
}

impl<T: Real> Augmentation<T> for RandAugment<T> {
    fn name(&self) -> &'static str {
        "rand_augment"
    }

    /// Every layer may choose the strongest.
    fn changes(&self, image: [usize; 3]) -> Vec<Change> {
        let one = Change::largest(self.choices.iter().flat_map(|choice| choice.changes(image)));
        Change::sum(repeat_n(one, self.layers).flatten())
    }

    fn check(&self, image: [usize; 3]) -> Result<(), RegularizeError> {
        self.choices.iter().try_for_each(|choice| choice.check(image))
    }

    fn apply<'g>(&self, images: Var<'g, T>, stream: &str) -> Var<'g, T> {
        let [_, channels, height, width] = dimensions("rand_augment", images);
        if self.changes([channels, height, width]).is_empty() {
            return images;
        }
        (0..self.layers)
            .fold(images, |images, layer| one_of(&self.choices, images, &format!("{stream}.layer{layer}")))
    }
}

#[cfg(test)]
mod tests;
