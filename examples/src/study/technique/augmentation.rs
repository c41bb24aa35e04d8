//! Changed and mixed examples.

use super::{Kind, Recipe};
use autograd::Var;
use nn::train::Batch;
use regularize::RegularizeError;
use regularize::augmentation::aug_mix::Consistency;
use regularize::augmentation::{
    Affine, AugMix, Augment, Blur, Brightness, Contrast, Crop, CutMix, Cutout, Elastic, LabelContract, Mixup,
    Perspective, Pipeline, RandAugment, SaltAndPepper,
};

/// Data augmentation: section 7.4 of the book.
pub static KINDS: &[Kind] = &[
    Kind {
        name: "affine",
        symbol: "s",
        chosen: 0.6,
        candidates: &[0.1, 0.2, 0.3, 0.4, 0.6, 0.8],
        description: "Each example is warped in each step: turned, sheared, scaled and moved by up to s times \
                      30 degrees, a slope of 0.3, a factor of 1.3 and 15 % of the side.",
        recipe: |s| augmented(s, |s, side| Ok(Pipeline::new([1, side, side]).then(affine(s, side)?))),
    },
    Kind {
        name: "elastic",
        symbol: "s",
        chosen: 0.08,
        candidates: &[0.02, 0.04, 0.06, 0.08, 0.1],
        description: "Each pixel is displaced by a smooth random field in each step: s of the side, alike over a \
                      fifth of it.",
        recipe: |s| {
            augmented(s, |s, side| {
                let pixels = side as f64;
                Ok(Pipeline::new([1, side, side]).then(Elastic::new(s * pixels, 0.2 * pixels)?))
            })
        },
    },
    Kind {
        name: "perspective",
        symbol: "s",
        chosen: 0.1,
        candidates: &[0.1, 0.2, 0.3, 0.5],
        description: "The corners of each example are moved in each step, by up to s of half the side.",
        recipe: |s| augmented(s, |s, side| Ok(Pipeline::new([1, side, side]).then(Perspective::new(s)?))),
    },
    Kind {
        name: "crop",
        symbol: "s",
        chosen: 0.125,
        candidates: &[0.125, 0.25],
        description: "Each example is moved in each step by whole pixels, up to s of the side, and what comes in is blank.",
        recipe: |s| {
            augmented(s, |s, side| Ok(Pipeline::new([1, side, side]).then(Crop::new(pixels(s, side)))))
        },
    },
    Kind {
        name: "blur",
        symbol: "s",
        chosen: 0.05,
        candidates: &[0.05, 0.1, 0.15],
        description: "Each example is blurred in each step, with a width of up to s of the side.",
        recipe: |s| {
            augmented(s, |s, side| Ok(Pipeline::new([1, side, side]).then(Blur::new(s * side as f64)?)))
        },
    },
    Kind {
        name: "tones",
        symbol: "s",
        chosen: 1.0,
        candidates: &[0.1, 0.2, 0.4, 0.7, 1.0],
        description: "Each example is made brighter or darker in each step, by up to s/2, and its contrast up to 1 + 2s \
                      times stronger or weaker.",
        recipe: |s| {
            augmented(s, |s, side| {
                let brighter = Pipeline::new([1, side, side]).then(Brightness::new(0.5 * s)?);
                Ok(brighter.then(Contrast::new(1.0 + 2.0 * s)?))
            })
        },
    },
    Kind {
        name: "salt and pepper",
        symbol: "p",
        chosen: 0.3,
        candidates: &[0.05, 0.1, 0.2, 0.3, 0.5],
        description: "Each pixel is replaced with probability p in each step, by white or black.",
        recipe: |p| {
            augmented(
                p,
                |p, side| Ok(Pipeline::new([1, side, side]).then(SaltAndPepper::new(p, [0.0, 1.0])?)),
            )
        },
    },
    Kind {
        name: "cutout",
        symbol: "s",
        chosen: 0.5,
        candidates: &[0.25, 0.375, 0.5],
        description: "A square of s of the side is blanked somewhere in each example in each step.",
        recipe: |s| {
            augmented(s, |s, side| Ok(Pipeline::new([1, side, side]).then(Cutout::new(pixels(s, side)))))
        },
    },
    Kind {
        name: "RandAugment",
        symbol: "s",
        chosen: 0.6,
        candidates: &[0.1, 0.2, 0.4, 0.6],
        description: "Two of eight warps and tones are chosen for each example in each step, at strength s.",
        recipe: |s| {
            augmented(s, |s, side| {
                Ok(Pipeline::new([1, side, side]).then(RandAugment::new(2, s, [1, side, side])?))
            })
        },
    },
    Kind {
        name: "AugMix",
        symbol: "s",
        chosen: 0.5,
        candidates: &[0.1, 0.2, 0.3, 0.5],
        description: "Adds 12 times the divergence between the predictions for an image and for two mixtures of \
                      chains of one or two warps and tones at strength s.",
        recipe: |s| {
            let mixed = move |side: usize| {
                // Two chains of at most two, where the paper has three of three: a third of the time.
                let choices = RandAugment::new(1, s, [1, side, side])?.choices().to_vec();
                let mixtures = Pipeline::new([1, side, side]).then(AugMix::of(2, 2, choices)?);
                Consistency::new(allowed(mixtures)?, 12.0)
            };
            mixed(8)?;
            Ok(Recipe::minimising(move |batch| {
                mixed(side(batch.inputs)).expect("strengths are shares of the side").objective(batch)
            }))
        },
    },
    Kind {
        name: "mixup",
        symbol: "α",
        chosen: 2.0,
        candidates: &[0.1, 0.2, 0.4, 1.0, 2.0],
        description: "Each example and its label are averaged with another's, with shares from Beta(α, α).",
        recipe: |alpha| {
            let mixup = Mixup::new(alpha)?;
            Ok(Recipe::minimising(move |batch| mixup.objective(batch, classes(batch))))
        },
    },
    Kind {
        name: "CutMix",
        symbol: "α",
        chosen: 2.0,
        candidates: &[0.1, 0.2, 0.4, 1.0, 2.0],
        description: "A box of another example is put into each, and their labels are mixed by area; the box's \
                      from Beta(α, α).",
        recipe: |alpha| {
            CutMix::new([1, 1, 1], alpha)?;
            Ok(Recipe::minimising(move |batch| {
                let side = side(batch.inputs);
                let cutmix = CutMix::new([1, side, side], alpha).expect("the strength was looked at above");
                cutmix.objective(batch, classes(batch))
            }))
        },
    },
];

fn affine(s: f64, side: usize) -> Result<Affine, RegularizeError> {
    Affine::new().rotate(30.0 * s)?.shear(0.3 * s)?.scale(1.0 + 0.3 * s)?.translate(0.15 * s * side as f64)
}

/// A share of the side in whole pixels.
fn pixels(share: f64, side: usize) -> usize {
    (share * side as f64).round() as usize
}

/// The pixels along each side of square images in rows.
fn side(inputs: Var<'_, f32>) -> usize {
    (inputs.shape().last() as f64).sqrt().round() as usize
}

fn classes(batch: &Batch<'_, '_, f32>) -> usize {
    batch.logits().shape().last()
}

/// Training on images changed by a pipeline of a strength, which the digits' contract allows. How large images are
/// is known when there is a batch.
fn augmented(
    strength: f64,
    pipeline: fn(f64, usize) -> Result<Pipeline<f32>, RegularizeError>,
) -> Result<Recipe, RegularizeError> {
    let make = move |side: usize| allowed(pipeline(strength, side)?);
    make(8)?;
    Ok(Recipe::minimising(move |batch| {
        let augment = make(side(batch.inputs)).expect("strengths are shares of the side");
        augment.on(batch).cross_entropy()
    }))
}

/// What the digits' contract allows.
fn allowed(pipeline: Pipeline<f32>) -> Result<Augment<f32>, RegularizeError> {
    pipeline.for_labels(&LabelContract::digits())
}
