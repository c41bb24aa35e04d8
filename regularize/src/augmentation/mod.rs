//! Data augmentation: new examples from old ones, by changes that leave the label as it is (Goodfellow, Bengio,
//! Courville, *Deep Learning*, section 7.4).
//!
//! Everything is an expression in the graph of the training step: images `[n, channels, height, width]` and
//! parameters, one row for each image, to images. So an augmentation is differentiable in the images (which
//! attacks and consistency losses need) and in its parameters (whose derivative at the identity is the tangent
//! vector of section 7.14); it can be replayed, checked and fused into the step. A batch is never changed: what
//! comes out is another variable.
//!
//! | module | what | differentiable in |
//! |---|---|---|
//! | [`sampling`] | an image read between its pixels: [`bilinear`](sampling::bilinear), [`Border`] | images, places |
//! | [`affine`] | translate, rotate, scale, shear, all in one: [`Affine`] | images, matrices |
//! | [`perspective`](mod@perspective) | four corners: [`Perspective`] | images, corners |
//! | [`elastic`] | a smooth random displacement of each pixel: [`Elastic`] | images, displacements |
//! | [`crop`] | [`Crop`], [`Flip`] | images; crop also in offsets |
//! | [`colour`] | [`Brightness`], [`Contrast`], [`Saturation`] | images, factors |
//! | [`hue`] | [`Hue`], by way of HSV | images, shifts |
//! | [`blur`] | [`Blur`]: a Gaussian of a width of its own for each image | images, widths |
//! | [`noise`] | [`GaussianNoise`], [`SaltAndPepper`] | images, noise |
//! | [`cutout`] | [`Cutout`]: a square is left out | images |
//! | [`mixup`] | [`Mixup`]: two examples and their labels, averaged | images, shares |
//! | [`cutmix`] | [`CutMix`]: a box of one image in the other | images |
//! | [`rand_augment`] | [`RandAugment`]: some of many, at one strength | images |
//! | [`aug_mix`] | [`AugMix`]: chains, mixed, and their [`jensen_shannon`] consistency | images |
//! | [`contract`] | what labels are invariant to: [`LabelContract`] | |
//!
//! # A pipeline, and what it may do to labels
//!
//! A [`Pipeline`] is a list of augmentations for images of one shape. Before it can be used somebody has to
//! answer for the labels: [`Pipeline::for_labels`] holds it to a data set's [`LabelContract`] and refuses a half
//! turn of digits with an error that names 6 and 9; [`Pipeline::forced`] goes without. Either gives an
//! [`Augment`], which changes batches in [`Mode::Train`] and in no other mode.
//!
//! ```
//! use nn::data::digits;
//! use nn::{Activation, Optimiser, Sequential, Trainer, initialise};
//! use regularize::augmentation::{Affine, Augment, LabelContract, Pipeline};
//! # fn main() -> Result<(), regularize::RegularizeError> {
//! let warps = Affine::new().rotate(10.0)?.scale(1.1)?.translate(0.7)?;
//! let augment: Augment<f32> = Pipeline::new([1, 8, 8]).then(warps).for_labels(&LabelContract::digits())?;
//!
//! let [train, validation] = digits::load()?.flattened().split([0.8, 0.2], 1)?;
//! let model = Sequential::<f32>::mlp(&[64, 32, 10], Activation::Relu);
//! let mut trainer = Trainer::new(&model, Optimiser::adam(0.01))
//!     .epochs(2)
//!     .objective(move |batch| augment.on(batch).cross_entropy());
//! trainer.fit(&train, Some(&validation), &mut initialise(&model, 1))?;
//!
//! let turned = Pipeline::<f32>::new([1, 8, 8]).then(Affine::new().rotate(180.0)?);
//! let refusal = turned.for_labels(&LabelContract::digits()).unwrap_err().to_string();
//! assert!(refusal.contains("6/9"), "{refusal}");
//! # Ok(())
//! # }
//! ```
//!
//! # Every draw can be found again
//!
//! Draws are nodes: pure functions of the trainer's seed, a stream's name, the number of the step and the place
//! in the batch ([`autograd::ops::random`]). The stream of an augmentation is named `NAME.KIND`, `augment.affine`
//! unless [`Augment::named`] says otherwise, with a number from the second of a kind on, `augment.affine2`; its
//! parameters append theirs, `augment.affine.angle`. Inserting an augmentation of another kind changes no draw of
//! the others, and neither do threads. Step and place of an example in an epoch are a pure function of the seed as
//! well, so for batches of a given size seed, epoch and example determine every parameter:
//! [`Batches::find`](nn::data::Batches::find) says in which step and row the example's draws are.

pub mod affine;
pub mod aug_mix;
pub mod beta;
pub mod blur;
pub mod colour;
pub mod contract;
pub mod crop;
pub mod cutmix;
pub mod cutout;
pub mod dirichlet;
pub mod elastic;
pub mod hue;
pub mod mixup;
pub mod noise;
pub mod perspective;
pub mod rand_augment;
pub mod sampling;

pub use affine::Affine;
pub use aug_mix::{AugMix, jensen_shannon};
pub use blur::Blur;
pub use colour::{Brightness, Contrast, Saturation};
pub use contract::{Change, Kind, LabelContract};
pub use crop::{Crop, Flip, Mirror};
pub use cutmix::CutMix;
pub use cutout::Cutout;
pub use elastic::Elastic;
pub use hue::Hue;
pub use mixup::{Mixed, Mixup};
pub use noise::{GaussianNoise, SaltAndPepper};
pub use perspective::Perspective;
pub use rand_augment::RandAugment;
pub use sampling::Border;

use crate::error::RegularizeError;
use autograd::{Graph, Real, Var};
use nn::Mode;
use nn::train::Batch;
use std::fmt::Debug;
use std::sync::Arc;

/// A random change of images: a sampler of parameters and a pure function of images and parameters.
///
/// One of one's own draws from streams under the name that it is given, and says what labels may depend on:
///
/// ```
/// use autograd::{Graph, Real, Tensor, Var, interpret};
/// use nn::Mode;
/// use regularize::augmentation::{Augmentation, Change, Kind, LabelContract, Pipeline};
///
/// /// The negative of every second image or so.
/// #[derive(Debug)]
/// struct Negative;
///
/// impl<T: Real> Augmentation<T> for Negative {
///     fn name(&self) -> &'static str {
///         "negative"
///     }
///     /// Contrast multiplied by -1: less by 2.
///     fn changes(&self, _: [usize; 3]) -> Vec<Change> {
///         vec![Change::new(Kind::Contrast, 2.0)]
///     }
///     fn apply<'g>(&self, images: Var<'g, T>, stream: &str) -> Var<'g, T> {
///         let draws = images.graph().uniform(&format!("{stream}.mask"), [images.shape()[0], 1, 1, 1]);
///         draws.less(0.5).select(1.0 - images, images)
///     }
/// }
///
/// let augment = Pipeline::new([1, 1, 2]).then(Negative).for_labels(&LabelContract::digits())?;
/// let graph = Graph::<f64>::new();
/// let inputs = graph.constant(Tensor::from_fn([20, 2], |i| [0.0, 0.25][i % 2]));
/// let found = interpret(&[augment.inputs(inputs, Mode::Train)], &[], None)?.remove(0);
/// assert!(found.data().chunks(2).all(|image| image == [0.0, 0.25] || image == [1.0, 0.75]));
/// assert!(found.data().contains(&0.25) && found.data().contains(&0.75));
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
pub trait Augmentation<T: Real>: Debug + Send + Sync {
    /// The kind, in one word: part of the names of its streams.
    fn name(&self) -> &'static str;

    /// What it does at its strongest to images of `[channels, height, width]`, as far as labels may depend on
    /// it. Empty if it is the identity.
    fn changes(&self, image: [usize; 3]) -> Vec<Change>;

    /// That it is for images of `[channels, height, width]`. By default it is.
    ///
    /// # Errors
    /// [`RegularizeError::Shape`] if not: hue and saturation are for three channels.
    fn check(&self, _image: [usize; 3]) -> Result<(), RegularizeError> {
        Ok(())
    }

    /// Images `[n, channels, height, width]` changed by draws of streams `STREAM.*`, of the same shape. The very
    /// same variable if the strength is 0.
    ///
    /// # Panics
    /// If images have another shape, or a number of channels that it is not for.
    fn apply<'g>(&self, images: Var<'g, T>, stream: &str) -> Var<'g, T>;
}

/// Augmentations in order, for images of one shape. See the [module documentation](self).
///
/// ```
/// use autograd::Graph;
/// use nn::Mode;
/// use regularize::augmentation::{Affine, Change, Flip, Kind, LabelContract, Mirror, Pipeline};
/// use std::sync::Arc;
/// let turn = Arc::new(Affine::new().rotate(30.0)?);
/// let twice = Pipeline::<f32>::new([1, 8, 8]).then_shared(turn.clone()).then_shared(turn);
/// assert_eq!(twice.changes(), [Change::new(Kind::Rotation, 60.0)]);
/// assert!(twice.clone().for_labels(&LabelContract::digits()).is_err());
/// let graph = Graph::<f32>::new();
/// let inputs = graph.input("inputs", [4, 64]);
/// let turned = twice.forced().inputs(inputs, Mode::Train); // at one's own risk
/// assert_eq!(turned.shape(), inputs.shape());
/// // Both mirrors are a half turn as well.
/// let (across, down) = (Flip::new(Mirror::LeftRight, 0.5)?, Flip::new(Mirror::TopBottom, 0.5)?);
/// let both = Pipeline::<f32>::new([1, 8, 8]).then(across).then(down);
/// assert!(both.changes().contains(&Change::new(Kind::Rotation, 180.0)));
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Pipeline<T: Real> {
    image: [usize; 3],
    steps: Vec<(String, Arc<dyn Augmentation<T>>)>,
}

impl<T: Real> Pipeline<T> {
    /// Nothing yet, for images of `[channels, height, width]`.
    pub fn new(image: [usize; 3]) -> Pipeline<T> {
        Pipeline { image, steps: Vec::new() }
    }

    /// These, and then `augmentation`.
    pub fn then(self, augmentation: impl Augmentation<T> + 'static) -> Self {
        self.then_shared(Arc::new(augmentation))
    }

    /// [`Pipeline::then`] with an augmentation that others hold as well.
    pub fn then_shared(mut self, augmentation: Arc<dyn Augmentation<T>>) -> Self {
        let name = augmentation.name();
        let number = 1 + self.steps.iter().filter(|(_, step)| step.name() == name).count();
        let stream = if number == 1 { name.to_string() } else { format!("{name}{number}") };
        self.steps.push((stream, augmentation));
        self
    }

    /// What all of them together do at their strongest. Both mirrors are also a half turn.
    pub fn changes(&self) -> Vec<Change> {
        let mut all = Change::sum(self.steps.iter().flat_map(|(_, step)| step.changes(self.image)));
        let has = |kind| all.iter().any(|change| change.kind == kind);
        if has(Kind::MirrorLeftRight) && has(Kind::MirrorTopBottom) {
            all = Change::sum(all.into_iter().chain([Change::new(Kind::Rotation, 180.0)]));
        }
        all
    }

    /// The pipeline for a data set with this contract.
    ///
    /// # Errors
    /// [`RegularizeError::LabelChanging`] if labels are not invariant to what it does, with the classes that it
    /// would confuse; [`RegularizeError::Shape`] if one of its steps is for other images.
    pub fn for_labels(self, contract: &LabelContract) -> Result<Augment<T>, RegularizeError> {
        self.steps.iter().try_for_each(|(_, step)| step.check(self.image))?;
        contract.check(&self.changes())?;
        Ok(self.forced())
    }

    /// The pipeline without a contract: whoever calls this answers for the labels. A step that is for other images
    /// panics when it is recorded.
    pub fn forced(self) -> Augment<T> {
        Augment { name: "augment".into(), pipeline: self }
    }
}

/// A pipeline that somebody answers for. See the [module documentation](self).
///
/// ```
/// use autograd::{Graph, interpret};
/// use nn::Mode;
/// use regularize::augmentation::{Brightness, LabelContract, Pipeline};
/// let lighter = Pipeline::new([1, 2, 2]).then(Brightness::new(0.25)?);
/// let augment = lighter.for_labels(&LabelContract::digits())?;
/// let graph = Graph::<f64>::new();
/// let inputs = graph.fill([1, 4], 0.5);
/// assert_eq!(augment.inputs(inputs, Mode::Evaluate).id(), inputs.id());
/// let looks = [augment.inputs(inputs, Mode::Train), augment.named("second").inputs(inputs, Mode::Train)];
/// let found = interpret(&looks, &[], None)?;
/// // Of the inputs' shape; a second look has draws of its own.
/// assert_eq!(found[0].shape(), inputs.shape());
/// assert_ne!(found[0], found[1]);
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Augment<T: Real> {
    name: String,
    pipeline: Pipeline<T>,
}

impl<T: Real> Augment<T> {
    /// The same with draws of its own, from streams `NAME.*`: for a second look at the same batch.
    pub fn named(&self, name: &str) -> Augment<T> {
        Augment { name: name.into(), pipeline: self.pipeline.clone() }
    }

    /// The batch with augmented inputs in [`Mode::Train`]; in other modes with the very same inputs.
    ///
    /// # Panics
    /// As [`Augment::inputs`].
    #[track_caller]
    pub fn on<'g, 'm>(&self, batch: &Batch<'g, 'm, T>) -> Batch<'g, 'm, T> {
        batch.on(self.inputs(batch.inputs, batch.mode))
    }

    /// Inputs `[n, ..]`, each example an image under any shape, augmented in [`Mode::Train`]; in other modes, and
    /// if every strength is 0, the very same variable.
    ///
    /// # Panics
    /// If an example has not as many values as an image.
    #[track_caller]
    pub fn inputs<'g>(&self, inputs: Var<'g, T>, mode: Mode) -> Var<'g, T> {
        if mode != Mode::Train || self.pipeline.changes().is_empty() {
            return inputs;
        }
        let images = as_images(inputs, self.pipeline.image);
        let apply = |images, (stream, step): &(String, Arc<dyn Augmentation<T>>)| {
            step.apply(images, &format!("{}.{stream}", self.name))
        };
        let augmented = self.pipeline.steps.iter().fold(images, apply);
        augmented.reshape(inputs.shape()).named(&self.name)
    }
}

/// Inputs `[n, ..]` as images.
#[track_caller]
fn as_images<T: Real>(inputs: Var<'_, T>, image: [usize; 3]) -> Var<'_, T> {
    let [channels, height, width] = image;
    let shape = inputs.shape();
    let fits =
        shape.rank() > 0 && shape.lengths()[1..].iter().product::<usize>() == channels * height * width;
    assert!(fits, "augmentation: inputs of shape {shape} for images of {channels} x {height} x {width}");
    let whole = [shape[0], channels, height, width];
    if shape.lengths() == whole { inputs } else { inputs.reshape(whole) }
}

/// Uniform draws of the stream `STREAM.WHAT`.
pub(crate) fn drawn<'g, T: Real>(
    graph: &'g Graph<T>,
    stream: &str,
    what: &str,
    shape: &[usize],
) -> Var<'g, T> {
    graph.uniform(&format!("{stream}.{what}"), shape)
}

/// Draws uniform on [0, 1), spread over `[low, high)`.
fn between<T: Real>(draws: Var<'_, T>, low: f64, high: f64) -> Var<'_, T> {
    draws * (high - low) + low
}

/// A parameter `[n]`, to multiply with images.
fn each<T: Real>(parameter: Var<'_, T>) -> Var<'_, T> {
    parameter.reshape([parameter.shape()[0], 1, 1, 1])
}

#[cfg(test)]
mod tests;
