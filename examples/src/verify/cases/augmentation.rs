//! Augmentation: in the images, and in the parameters where they are smooth.

use super::{COLUMNS, Case, Group, ROWS, function};
use autograd::Var;
use regularize::augmentation::sampling::{Border, bilinear};
use regularize::augmentation::{
    AugMix, Augmentation, Cutout, Elastic, Flip, GaussianNoise, RandAugment, SaltAndPepper, affine, blur,
    colour, crop, cutmix::CutMix, elastic, hue, jensen_shannon, mixup, perspective,
};
use std::sync::Arc;

/// Images of three colours, few of them and small.
const IMAGES: &[usize] = &[2, 3, 3, 3];

/// A case for each augmentation.
pub fn cases() -> Vec<Case> {
    let fill = Border::Fill(0.0);
    let warp = |name, equation, parameter: &'static [usize], range, record: Warp| {
        function((Group::Technique, name, equation), &[IMAGES, parameter], range, move |x, _| {
            record(x[0], x[1])
        })
    };
    let drawn = |name, equation, augmentation: Arc<dyn Augmentation<f64>>| {
        function((Group::Technique, name, equation), &[IMAGES], (0.1, 0.9), move |x, _| {
            augmentation.apply(x[0], "verify")
        })
    };
    let cut = CutMix::new([3, 3, 3], 1.0).expect("a share");
    vec![
        function(
            (Group::Technique, "bilinear sampling", "Σ x[i,j] Λ(v-i) Λ(u-j)"),
            &[IMAGES, &[2, 2, 2], &[2, 2, 2]],
            (0.1, 0.9),
            move |x, _| bilinear(x[0], x[1], x[2], fill),
        ),
        warp("rotation", "x at R(θ) (r, c)", &[2], (0.1, 0.9), |x, p| {
            affine::rotate(x, p, Border::Fill(0.0))
        }),
        warp("translation", "x at (r, c) - t", &[2, 2], (0.1, 0.9), |x, p| {
            affine::translate(x, p, Border::Edge)
        }),
        warp("scaling", "x at (r, c) / s", &[2, 2], (0.55, 0.9), |x, p| {
            affine::warp(x, affine::scaling(p), Border::Fill(0.0))
        }),
        warp("shear", "x at (r, c - k r)", &[2], (0.1, 0.9), |x, p| {
            affine::warp(x, affine::shear(p), Border::Fill(0.0))
        }),
        warp("affine warp", "x at A (r, c, 1)", &[2, 3, 3], (0.1, 0.9), |x, p| {
            affine::warp(x, p, Border::Fill(0.0))
        }),
        warp("perspective", "x at a projective map of (r, c)", &[2, 4, 2], (0.05, 0.95), |x, p| {
            let square = regularize::augmentation::Perspective::new(0.5).expect("a distortion");
            perspective::perspective(x, square.corners(p), Border::Fill(0.0))
        }),
        warp("elastic deformation", "x at (r, c) + d", &[2, 2, 3, 3], (0.1, 0.9), |x, p| {
            let field = Elastic::new(0.7, 1.0).expect("a width").field(p - 0.5);
            elastic::displace(x, field, Border::Fill(0.0))
        }),
        warp("crop", "x at (r, c) + offset", &[2, 2], (0.1, 0.9), |x, p| {
            crop::crop(x, p, [2, 2], Border::Edge)
        }),
        warp("brightness", "x + b", &[2], (-1.0, 1.0), colour::brightness),
        warp("contrast", "m + c (x - m)", &[2], (-1.0, 1.0), colour::contrast),
        warp("saturation", "g + s (x - g)", &[2], (-1.0, 1.0), colour::saturation),
        warp("hue", "V - C w(n + h + 6Δ)", &[2], (0.1, 0.9), hue::hue),
        warp("blur", "A x Bᵀ, Gaussian weights", &[2], (0.4, 1.5), blur::blur),
        drawn(
            "flip",
            "x mirrored or not",
            Arc::new(Flip::new(crop::Mirror::LeftRight, 0.5).expect("a share")),
        ),
        drawn(
            "Gaussian noise",
            "x + σ ε, the draw frozen",
            Arc::new(GaussianNoise::new(0.2).expect("a deviation")),
        ),
        drawn(
            "salt and pepper",
            "x, 0 or 1, the draw frozen",
            Arc::new(SaltAndPepper::new(0.3, [0.0, 1.0]).expect("a share")),
        ),
        drawn("cutout", "x outside a box", Arc::new(Cutout::new(2))),
        drawn(
            "RandAugment",
            "one of a list, the draw frozen",
            Arc::new(RandAugment::new(1, 1.0, [3, 3, 3]).expect("a strength")),
        ),
        drawn(
            "AugMix",
            "m x + (1-m) Σ wᵢ chainᵢ(x), drawn",
            Arc::new(
                AugMix::new(1.0, [3, 3, 3]).and_then(|a| a.concentrations(0.5, 2.0)).expect("concentrations"),
            ),
        ),
        function(
            (Group::Technique, "mixup", "λ x + (1-λ) x'"),
            &[&[ROWS, COLUMNS], &[ROWS, COLUMNS], &[ROWS]],
            (0.1, 0.9),
            |x, _| mixup::mix(x[0], x[1], x[2]),
        ),
        function(
            (Group::Technique, "CutMix", "x' in a box, else x"),
            &[&[ROWS, 27]],
            (0.1, 0.9),
            move |x, labels| cut.of(x[0], labels, COLUMNS).inputs,
        ),
        function(
            (Group::Technique, "Jensen-Shannon", "1/k Σ KL(pᵢ ‖ mean p)"),
            &[&[ROWS, COLUMNS], &[ROWS, COLUMNS], &[ROWS, COLUMNS]],
            (-2.0, 2.0),
            |x, _| jensen_shannon(x),
        ),
    ]
}

/// Images and parameters to images.
type Warp = for<'g> fn(Var<'g, f64>, Var<'g, f64>) -> Var<'g, f64>;
