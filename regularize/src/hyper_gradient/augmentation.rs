//! Augmentations whose strength is tuned: how far to turn, move, scale, brighten.
//!
//! An augmentation draws its parameters anew in each step, an angle `φ` uniform in `±a`, say. Written as `φ = a
//! (2u - 1)` with a draw `u` that depends on nothing, the changed image has a derivative in the extent `a`, as noise
//! `σ n` has one in `σ`: through the [bilinear sampling](crate::augmentation::sampling), through the step that learned
//! from the image, to the validation loss. So `a` is a [`Hyperparameter`] like any other.
//!
//! | | `u` from stream | extent |
//! |---|---|---|
//! | [`TunedAffine::rotate`] | `STREAM.angle` | degrees to either side |
//! | [`TunedAffine::shear`] | `STREAM.shear` | the slope to either side |
//! | [`TunedAffine::scale`] | `STREAM.scale` | `f - 1`, for factors from `1/f` to `f` of height and of width |
//! | [`TunedAffine::translate`] | `STREAM.shift` | pixels along each axis, to either side |
//! | [`TunedBrightness`] | `STREAM.amount` | what is added or taken away |
//! | [`TunedContrast`] | `STREAM.factor` | `f - 1`, for factors from `1/f` to `f` |
//!
//! At equal extents each draws what the augmentation of the same name does whose extent is a number
//! ([`Affine`](crate::augmentation::Affine), ...), up to rounding.
//!
//! # Labels
//!
//! A gradient knows nothing of a six that becomes a nine. What an extent may grow to is therefore part of the
//! [`LabelContract`](crate::augmentation::LabelContract)'s check: a [bounded](Hyperparameter::bounded) one passes if
//! its bound does, whatever becomes of it in training; one that is only [positive](Hyperparameter::positive) has
//! no bound, and only labels that no extent changes allow it.
//!
//! # At the kinks
//!
//! Sampling between pixels has a kink at each whole one. Draws miss them with probability 1, so the derivative
//! is that of the piece where they fell; over many examples and steps its mean is that of the expected loss.
//!
//! ```
//! use nn::data::digits;
//! use nn::{Activation, Optimiser, Sequential, initialise};
//! use regularize::augmentation::{LabelContract, Pipeline};
//! use regularize::hyper_gradient::{HyperTuner, Hyperparameter, TunedAffine};
//! # fn main() -> Result<(), regularize::RegularizeError> {
//! let turn = Hyperparameter::bounded("turn", 5.0, 45.0)?;
//! let shift = Hyperparameter::bounded("shift", 0.3, 2.0)?;
//! let warps = TunedAffine::new().rotate(turn.clone())?.translate(shift.clone());
//! let augment = Pipeline::new([1, 8, 8]).then(warps).for_labels(&LabelContract::digits())?;
//!
//! let [train, validation, _] = digits::load()?.flattened().split([0.05, 0.05, 0.9], 1)?;
//! let model = Sequential::<f32>::mlp(&[64, 16, 10], Activation::Tanh);
//! let course = HyperTuner::new(&model, Optimiser::momentum(0.1, 0.9), vec![turn, shift])
//!     .objective(move |batch| augment.on(batch).cross_entropy())
//!     .steps(2)
//!     .windows(5)
//!     .fit(&train, &validation, &mut initialise(&model, 1))?;
//! let degrees = course.windows.last().unwrap().values[0];
//! assert!(degrees != 5.0 && degrees < 45.0);
//!
//! // Nothing keeps this one from a half turn.
//! let free = TunedAffine::new().rotate(Hyperparameter::positive("turn", 5.0)?)?;
//! let refusal = Pipeline::<f32>::new([1, 8, 8]).then(free).for_labels(&LabelContract::digits());
//! assert!(refusal.unwrap_err().to_string().contains("6/9"));
//! # Ok(())
//! # }
//! ```

use super::Hyperparameter;
use crate::augmentation::affine::{Part, random_matrix, warp};
use crate::augmentation::colour::{brightness, contrast};
use crate::augmentation::sampling::dimensions;
use crate::augmentation::{Augmentation, Border, Change, Kind, drawn};
use crate::error::RegularizeError;
use autograd::{Real, Var};
use nn::optimise::HyperparameterError;

/// Draws uniform on [0, 1), spread over `±extent`.
fn spread<'g, T: Real>(draws: Var<'g, T>, extent: Var<'g, T>) -> Var<'g, T> {
    (draws * 2.0 - 1.0) * extent
}

/// `ln(1 + x)` of a factor less 1: the extent of its logarithm.
fn logarithm<'g, T: Real>(factor: &Hyperparameter, like: Var<'g, T>) -> Var<'g, T> {
    (factor.value(like.graph()) + 1.0).ln()
}

/// Random affine warps of tuned extents: turned, sheared, scaled, then moved, in one look. See the [module
/// documentation](self).
///
/// At equal extents it is [`Affine`](crate::augmentation::Affine):
///
/// ```
/// use autograd::{Graph, Parameters, Tensor, interpret};
/// use regularize::augmentation::{Affine, Augmentation, Border};
/// use regularize::hyper_gradient::{Hyperparameter, TunedAffine};
/// let slope = Hyperparameter::positive("slope", 0.2)?;
/// let excess = Hyperparameter::bounded("excess", 0.5, 1.0)?;
/// let values: Parameters<f64> =
///     [("slope", slope.initial_value()), ("excess", excess.initial_value())].into_iter().collect();
/// let tuned = TunedAffine::new().shear(slope).scale(excess).border(Border::Edge);
/// let fixed = Affine::new().shear(0.2)?.scale(1.5)?.border(Border::Edge);
/// let graph = Graph::<f64>::new();
/// let images = graph.constant(Tensor::from_fn([2, 1, 4, 4], |i| i as f64 / 32.0));
/// let warped = [tuned.apply(images, "warp"), fixed.apply(images, "warp")];
/// let found = interpret(&warped, &[], Some(&values))?;
/// assert!((0..32).all(|i| (found[0].data()[i] - found[1].data()[i]).abs() < 1e-14));
/// assert_eq!(TunedAffine::new().apply(images, "warp").id(), images.id());
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TunedAffine {
    degrees: Option<Hyperparameter>,
    shear: Option<Hyperparameter>,
    scale: Option<Hyperparameter>,
    shift: Option<Hyperparameter>,
    border: Border,
}

impl TunedAffine {
    /// The identity.
    pub fn new() -> TunedAffine {
        TunedAffine::default()
    }

    /// The same with angles of up to so many degrees, to either side.
    ///
    /// # Errors
    /// If it begins above 180 degrees, or has a bound that is above.
    pub fn rotate(self, degrees: Hyperparameter) -> Result<TunedAffine, RegularizeError> {
        let bound = degrees.largest();
        let known = if bound.is_finite() { bound } else { degrees.initial() };
        HyperparameterError::unless(known <= 180.0, "rotation", known, "in [0, 180]")?;
        Ok(TunedAffine { degrees: Some(degrees), ..self })
    }

    /// The same with slopes of up to `slope`, to either side.
    pub fn shear(self, slope: Hyperparameter) -> TunedAffine {
        TunedAffine { shear: Some(slope), ..self }
    }

    /// The same with factors from `1 / (1 + excess)` to `1 + excess`, of height and of width each.
    pub fn scale(self, excess: Hyperparameter) -> TunedAffine {
        TunedAffine { scale: Some(excess), ..self }
    }

    /// The same with shifts of up to `pixels` along each axis, to either side.
    pub fn translate(self, pixels: Hyperparameter) -> TunedAffine {
        TunedAffine { shift: Some(pixels), ..self }
    }

    /// The same with something else beyond the border than zeros.
    pub fn border(self, border: Border) -> TunedAffine {
        TunedAffine { border, ..self }
    }

    /// The extent of a part, in its own unit.
    fn extent<'g, T: Real>(&self, part: Part, like: Var<'g, T>) -> Option<Var<'g, T>> {
        let graph = like.graph();
        match part {
            Part::Angle => self.degrees.as_ref().map(|h| h.value(graph) * 1f64.to_radians()),
            Part::Shear => self.shear.as_ref().map(|h| h.value(graph)),
            Part::Scale => self.scale.as_ref().map(|h| logarithm(h, like)),
            Part::Shift => self.shift.as_ref().map(|h| h.value(graph)),
        }
    }
}

impl<T: Real> Augmentation<T> for TunedAffine {
    fn name(&self) -> &'static str {
        "affine"
    }

    /// At their bounds.
    fn changes(&self, [_, height, width]: [usize; 3]) -> Vec<Change> {
        let side = height.min(width).max(1) as f64;
        let all = [
            (Kind::Rotation, &self.degrees, 1.0),
            (Kind::Shear, &self.shear, 1.0),
            (Kind::Scale, &self.scale, 1.0),
            (Kind::Translation, &self.shift, side),
        ];
        let change = |(kind, extent, unit): (Kind, &Option<Hyperparameter>, f64)| {
            extent.as_ref().map(|h| Change::new(kind, h.largest() / unit))
        };
        all.into_iter().filter_map(change).collect()
    }

    fn apply<'g>(&self, images: Var<'g, T>, stream: &str) -> Var<'g, T> {
        let [n, ..] = dimensions("affine", images);
        let matrix = random_matrix(images.graph(), n, stream, |part, draws| {
            self.extent(part, images).map(|extent| spread(draws(), extent))
        });
        matrix.map_or(images, |matrix| warp(images, matrix, self.border))
    }
}

/// Random brightness of a tuned extent: `x + b`, `b` uniform to either side. See the [module
/// documentation](self).
///
/// ```
/// use autograd::{Graph, Parameters, grad, interpret};
/// use regularize::augmentation::Augmentation;
/// use regularize::hyper_gradient::{Hyperparameter, TunedBrightness};
/// let extent = Hyperparameter::positive("light", 0.25)?;
/// let values: Parameters<f64> = [("light", extent.initial_value())].into_iter().collect();
/// let graph = Graph::new();
/// let images = graph.fill([3, 1, 2, 2], 0.5);
/// let added = TunedBrightness(extent.clone()).apply(images, "train") - images;
/// let slope = grad(added.sum(), &[extent.raw(&graph)])[0];
/// let found = interpret(&[added, added.sum(), slope], &[], Some(&values))?;
/// assert!(found[0].data().iter().all(|b| b.abs() <= 0.25));
/// // b = (2u - 1) e^θ, so that its derivative in θ is b.
/// assert!((found[1].item() - found[2].item()).abs() < 1e-14);
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct TunedBrightness(pub Hyperparameter);

impl<T: Real> Augmentation<T> for TunedBrightness {
    fn name(&self) -> &'static str {
        "brightness"
    }

    /// At its bound.
    fn changes(&self, _: [usize; 3]) -> Vec<Change> {
        Change::some(Kind::Brightness, self.0.largest())
    }

    fn apply<'g>(&self, images: Var<'g, T>, stream: &str) -> Var<'g, T> {
        let ([n, ..], graph) = (dimensions("brightness", images), images.graph());
        brightness(images, spread(drawn(graph, stream, "amount", &[n]), self.0.value(graph)))
    }
}

/// Random contrast of a tuned extent: deviations from the mean times a factor from `1 / (1 + excess)` to `1 +
/// excess`, its logarithm uniform. See the [module documentation](self).
///
/// ```
/// use autograd::{Graph, Parameters, Tensor, interpret};
/// use regularize::augmentation::Augmentation;
/// use regularize::hyper_gradient::{Hyperparameter, TunedContrast};
/// let excess = Hyperparameter::bounded("contrast", 0.5, 1.0)?;
/// let values: Parameters<f64> = [("contrast", excess.initial_value())].into_iter().collect();
/// let graph = Graph::new();
/// // Eight images of a dark and a bright pixel, ½ from their mean.
/// let images = graph.constant(Tensor::from_fn([8, 1, 1, 2], |i| (i % 2) as f64));
/// let found = interpret(&[TunedContrast(excess).apply(images, "train")], &[], Some(&values))?.remove(0);
/// for pixels in found.data().chunks(2) {
///     assert!((pixels[0] + pixels[1] - 1.0).abs() < 1e-15); // the mean stays
///     assert!((1.0 / 1.5..=1.5).contains(&(pixels[1] - pixels[0])));
/// }
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct TunedContrast(pub Hyperparameter);

impl<T: Real> Augmentation<T> for TunedContrast {
    fn name(&self) -> &'static str {
        "contrast"
    }

    /// At its bound.
    fn changes(&self, _: [usize; 3]) -> Vec<Change> {
        Change::some(Kind::Contrast, self.0.largest())
    }

    fn apply<'g>(&self, images: Var<'g, T>, stream: &str) -> Var<'g, T> {
        let ([n, ..], graph) = (dimensions("contrast", images), images.graph());
        let draws = drawn(graph, stream, "factor", &[n]);
        contrast(images, spread(draws, logarithm(&self.0, images)).exp())
    }
}

#[cfg(test)]
mod tests;
