//! CutMix: a box of one image is put into another, and their labels are mixed by area (Yun et al., ICCV 2019).
//!
//! A share `λ ~ Beta(α, α)` asks for a box of `√(1 - λ)` times height and width, with its middle uniform over the
//! image. What is outside the image is lost, and a box holds whole pixels, so the share in the targets is not this
//! `λ` but the share of pixels that the image kept: `1 - box / image`, counted in the mask itself.

use super::beta::Beta;
use super::cutout::boxes;
use super::mixup::{Mixed, mix, permutation};
use super::{as_images, drawn};
use crate::error::RegularizeError;
use autograd::{IndexVar, Real, Tensor, Var};
use nn::Mode;
use nn::train::Batch;

/// CutMix (streams `NAME.order`, `NAME.share`, `NAME.middle`).
///
/// ```
/// use nn::{Activation, Optimiser, Sequential, Trainer};
/// use regularize::augmentation::CutMix;
/// let cutmix = CutMix::new([1, 8, 8], 1.0)?;
/// let model = Sequential::<f32>::mlp(&[64, 16, 10], Activation::Relu);
/// let trainer = Trainer::new(&model, Optimiser::adam(0.01))
///     .objective(move |batch| cutmix.objective(batch, 10));
/// # let _ = trainer;
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct CutMix {
    name: String,
    image: [usize; 3],
    shares: Option<Beta>,
}

impl CutMix {
    /// CutMix for images of `[channels, height, width]` with shares from `Beta(alpha, alpha)`, named `cutmix`. With
    /// 0 nothing is mixed.
    ///
    /// # Errors
    /// If `alpha` is negative or not finite.
    pub fn new(image: [usize; 3], alpha: f64) -> Result<CutMix, RegularizeError> {
        Ok(CutMix { name: "cutmix".into(), image, shares: Beta::of_strength("cutmix's alpha", alpha)? })
    }

    /// The same under another name, which is that of its streams.
    pub fn named(&self, name: &str) -> CutMix {
        CutMix { name: name.into(), ..self.clone() }
    }

    /// The boxes, `[n, 1, height, width]`, of shares `[n]` and middles `[n, 2]` in [0, 1): 1 at the pixels that come
    /// from the partner.
    #[track_caller]
    pub fn mask<'g, T: Real>(&self, lambda: Var<'g, T>, middle: Var<'g, T>) -> Var<'g, T> {
        let [_, height, width] = self.image;
        let n = lambda.shape()[0];
        let sides = Tensor::new([2], [height, width].map(|side| T::from_f64(side as f64)).to_vec());
        let sides = lambda.graph().constant(sides);
        let half = (1.0 - lambda).reshape([n, 1]).sqrt() * sides * 0.5;
        // A pixel belongs to the box if its own middle does.
        let middle = middle * sides - 0.5;
        boxes(middle - half, middle + half, [height, width])
    }

    /// Inputs `[n, ..]` and labels `[n]` of `classes` mixed. With `α = 0` the very same inputs, and one-hot
    /// targets.
    ///
    /// # Panics
    /// If an input has not as many values as an image, or the batch is empty.
    #[track_caller]
    pub fn of<'g, T: Real>(
        &self,
        inputs: Var<'g, T>,
        labels: IndexVar<'g, T>,
        classes: usize,
    ) -> Mixed<'g, T> {
        let (graph, n, targets) = (inputs.graph(), inputs.shape()[0], labels.one_hot(classes));
        let Some(shares) = self.shares else {
            return Mixed { inputs, targets, lambda: graph.fill([n], 1.0) };
        };
        let images = as_images(inputs, self.image);
        let partner = permutation(drawn(graph, &self.name, "order", &[n]));
        let asked = shares.shares(drawn(graph, &self.name, "share", &[n]));
        let mask = self.mask(asked, drawn(graph, &self.name, "middle", &[n, 2]));
        let inputs = mask.select(images.gather(partner), images).reshape(inputs.shape()).named(&self.name);
        let lambda = 1.0 - mask.mean_over(&[1, 2, 3]);
        Mixed { inputs, targets: mix(targets, targets.gather(partner), lambda), lambda }
    }

    /// The mean cross-entropy on the mixed batch in [`Mode::Train`]; in other modes, and with `α = 0`, that of the
    /// batch itself.
    ///
    /// # Panics
    /// As [`CutMix::of`], or if the model does not make `classes` logits.
    #[track_caller]
    pub fn objective<'g, T: Real>(&self, batch: &Batch<'g, '_, T>, classes: usize) -> Var<'g, T> {
        if self.shares.is_none() || batch.mode != Mode::Train {
            return batch.cross_entropy();
        }
        self.of(batch.inputs, batch.labels, classes).cross_entropy(batch)
    }
}

#[cfg(test)]
mod tests;
