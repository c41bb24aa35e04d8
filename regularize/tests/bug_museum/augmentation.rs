//! Data augmentation.
//!
//! | defect | found in | test |
//! |---|---|---|
//! | `alpha` is never read: the share is uniform | optirs `mixup`, `cutmix` | [`shares_are_distributed_as_beta`] |
//! | partners from a generator without a seed | optirs `mixup`, `cutmix` | [`the_same_seed_gives_the_same_partners`] |
//! | the batch is paired with its own reverse, which must be even, and is changed in place | timm `Mixup` | [`odd_batches_are_mixed_and_left_as_they_were`] |
//! | the share of CutMix is the one that was drawn, not that of the box that was cut | common recipes | [`the_share_is_that_of_the_box`] |
//! | hue is shifted without wrapping round | common recipes | [`hue_wraps_round`] |
//! | the slope at a whole pixel is one-sided, or 0 | gradient checks of kornia's warps, pinned to one angle | [`a_shift_by_nothing_has_its_tangent`] |
//! | parameters are detached: no gradient arrives at the angle | kornia #673 | [`gradients_arrive_at_the_parameters`] |
//! | a gradient check that is skipped, of a radial warp whose Jacobian is wrong | kornia fisheye | [`every_parameter_of_a_warp_is_checked_and_none_skipped`] |
//! | a mirror of digits is taken for harmless | generic image recipes | [`digits_refuse_what_changes_them`] |

use crate::value;
use autograd::check::check_gradient;
use autograd::{Feed, Graph, IndexVar, Tensor, Var, grad, interpret, interpret_indices};
use regularize::augmentation::beta::Beta;
use regularize::augmentation::crop::Mirror;
use regularize::augmentation::elastic::displace;
use regularize::augmentation::sampling::bilinear;
use regularize::augmentation::{Affine, Border, CutMix, Flip, LabelContract, Pipeline, affine, hue, mixup};

/// Uniform draws to shares.
type Shares<'s> = &'s dyn Fn(&[f64], f64) -> Vec<f64>;

#[test]
fn shares_are_distributed_as_beta() {
    // The quantiles of a grid: an empirical distribution without chance, off by half a step.
    let n = 2000;
    let draws: Vec<f64> = (0..n).map(|i| (f64::from(i) + 0.5) / f64::from(n)).collect();
    let holds = |shares: Shares<'_>| {
        [0.2, 1.0, 4.0].iter().all(|&alpha| {
            let mut found = shares(&draws, alpha);
            found.sort_by(f64::total_cmp);
            // Up to ½: just below 1 shares are rounded, to 1 among others.
            let lower = found.iter().zip(&draws).take(draws.len() / 2);
            let distance = lower.map(|(&x, &p)| (Beta::symmetric(alpha).unwrap().probability(x) - p).abs());
            distance.fold(0.0, f64::max) < 1e-10
        })
    };
    assert!(holds(&|draws, alpha| {
        let draws = Tensor::new([draws.len()], draws.to_vec());
        value(&draws, |draws| Beta::symmetric(alpha).unwrap().shares(draws))
    }));
    assert!(!holds(&|draws, _| draws.to_vec()));
}

#[test]
fn the_same_seed_gives_the_same_partners() {
    let holds = |order: &dyn Fn() -> Vec<u32>| {
        let first = order();
        (0..5).all(|_| order() == first)
    };
    assert!(holds(&|| {
        let graph = Graph::<f64>::new();
        let order: IndexVar<'_, f64> = mixup::permutation(graph.uniform("mixup.order", [12]));
        interpret_indices(order, &[], None).unwrap().into_data()
    }));
    // A generator of its own, which goes on where it stopped.
    let calls = std::cell::Cell::new(0);
    assert!(!holds(&|| {
        calls.set(calls.get() + 5);
        (0..12).map(|i| (i + calls.get()) % 12).collect()
    }));
}

/// A batch, mixed with itself by a share of ¾: what comes out, and the batch afterwards. `None` for a refusal.
type Mixing<'m> = &'m dyn Fn(Vec<f64>) -> Option<(Vec<f64>, Vec<f64>)>;

#[test]
fn odd_batches_are_mixed_and_left_as_they_were() {
    let holds = |mixing: Mixing<'_>| {
        [3, 4].into_iter().all(|n| {
            let batch: Vec<f64> = (0..n).map(|i| f64::from(1 << i)).collect();
            let Some((mixed, afterwards)) = mixing(batch.clone()) else { return false };
            let is_mixture =
                |(own, mixed): (&f64, &f64)| batch.iter().any(|other| *mixed == 0.75 * own + 0.25 * other);
            afterwards == batch && batch.iter().zip(&mixed).all(is_mixture)
        })
    };
    assert!(holds(&|batch| {
        let graph = Graph::<f64>::new();
        let x = graph.constant(Tensor::new([batch.len()], batch));
        let partner = mixup::permutation(graph.uniform("mixup.order", x.shape()));
        let mixed = mixup::mix(x, x.gather(partner), x.like(0.75));
        let found = interpret(&[mixed, x], &[], None).unwrap();
        Some((found[0].data().to_vec(), found[1].data().to_vec()))
    }));
    // Element by element, each with the one at the other end, over the batch itself.
    let in_place = |mut batch: Vec<f64>| {
        for i in 0..batch.len() {
            batch[i] = 0.75 * batch[i] + 0.25 * batch[batch.len() - 1 - i];
        }
        batch
    };
    assert!(!holds(&|batch| Some((in_place(batch.clone()), in_place(batch)))));
    assert!(!holds(&|batch| batch.len().is_multiple_of(2).then(|| (in_place(batch.clone()), batch))));
}

#[test]
fn the_share_is_that_of_the_box() {
    // A third of an image of 5 by 5 around a corner: most of the box lies outside.
    let cutmix = CutMix::new([1, 5, 5], 1.0).unwrap();
    let asked = 2.0 / 3.0;
    let mask = value(&Tensor::new([1], vec![asked]), |lambda| {
        cutmix.mask(lambda, lambda.graph().fill([1, 2], 0.05))
    });
    let kept = mask.iter().filter(|&&covered| covered == 0.0).count() as f64 / 25.0;
    let holds = |share: f64| share == kept;
    assert!(holds(1.0 - mask.iter().sum::<f64>() / 25.0));
    assert!(!holds(asked));
}

/// The hue of a colour, in turns, to another.
type Shift<'s> = &'s dyn Fn(f64) -> Vec<f64>;

#[test]
fn hue_wraps_round() {
    let violet = Tensor::new([1, 3, 1, 1], vec![0.9, 0.1, 0.6]);
    let holds = |shift: Shift<'_>| {
        let near = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12);
        near(&shift(0.25), &shift(1.25))
            && near(&shift(0.0), violet.data())
            && near(&shift(-0.3), &shift(0.7))
    };
    assert!(holds(&|by| value(&violet, |x| hue::hue(x, x.graph().fill([1], by)))));
    // The hue is clamped to the circle's ends.
    let here = 0.9 + 1.0 / 60.0;
    assert!(!holds(&|by| value(&violet, |x| {
        hue::hue(x, x.graph().fill([1], (here + by).clamp(0.0, 1.0) - here))
    })));
}

/// An image of one row and a shift to the right, to the image shifted.
type Shifting<'s> = &'s dyn for<'g> Fn(Var<'g, f64>, Var<'g, f64>) -> Var<'g, f64>;

#[test]
fn a_shift_by_nothing_has_its_tangent() {
    let pixels = Tensor::new([1, 1, 1, 4], vec![1.0, 4.0, 2.0, 7.0]);
    let holds = |shifting: Shifting<'_>| {
        let slope = |place: usize| {
            value(&Tensor::new([1], vec![0.0]), |shift| {
                let moved = shifting(shift.graph().constant(pixels.clone()), shift);
                grad(moved.slice(3, place, place + 1).sum(), &[shift])[0]
            })[0]
        };
        [1, 2].iter().all(|&i| slope(i) == -(pixels.data()[i + 1] - pixels.data()[i - 1]) / 2.0)
    };
    assert!(holds(&|image, shift| {
        let across = Var::concat(&[shift.like(0.0), shift], 0).reshape([1, 2]);
        affine::translate(image, across, Border::Fill(0.0))
    }));
    // A rectifier for the weight of a neighbour, whose derivative at its kink is 0.
    assert!(!holds(&|image, shift| {
        let graph = image.graph();
        let places = graph.constant(Tensor::from_fn([4, 1], |i| i as f64)) - shift;
        let neighbours = graph.constant(Tensor::from_fn([1, 4], |i| i as f64));
        let weights = (1.0 - (places - neighbours).abs()).relu();
        weights.matmul(image.reshape([4, 1])).reshape([1, 1, 1, 4])
    }));
}

#[test]
fn gradients_arrive_at_the_parameters() {
    let image = Tensor::from_fn([1, 1, 3, 3], |i| (i * i) as f64);
    let holds = |turning: Shifting<'_>| {
        let graph = Graph::<f64>::new();
        let angle = graph.input("angle", [1]);
        let turned = turning(graph.constant(image.clone()), angle);
        let Ok(slope) = autograd::try_grad(turned.powi(2).sum(), &[angle]) else { return false };
        let fed = Tensor::new([1], vec![0.3]);
        interpret(&slope, &[("angle", Feed::from(&fed))], None).unwrap()[0].data()[0].abs() > 1e-3
    };
    assert!(holds(&|image, angle| affine::rotate(image, angle, Border::Edge)));
    assert!(!holds(&|image, angle| affine::rotate(image, angle.detach(), Border::Edge)));
    assert!(!holds(&|image, angle| {
        let at = angle.reshape([1, 1, 1]).detach() + image.graph().constant(Tensor::zeros([1, 3, 3]));
        bilinear(image, at, at, Border::Edge)
    }));
}

#[test]
fn digits_refuse_what_changes_them() {
    let holds = |accepts: &dyn Fn(Pipeline<f32>) -> bool| {
        let one = |step: &dyn Fn(Pipeline<f32>) -> Pipeline<f32>| accepts(step(Pipeline::new([1, 8, 8])));
        let mirrored = |mirror| one(&|empty| empty.then(Flip::new(mirror, 0.5).unwrap()));
        one(&|empty| empty.then(Affine::new().rotate(15.0).unwrap()))
            && !one(&|empty| empty.then(Affine::new().rotate(180.0).unwrap()))
            && ![Mirror::LeftRight, Mirror::TopBottom, Mirror::Both].into_iter().any(mirrored)
    };
    assert!(holds(&|pipeline| pipeline.for_labels(&LabelContract::digits()).is_ok()));
    assert!(!holds(&|pipeline| {
        pipeline.forced();
        true
    }));
}

#[test]
fn every_parameter_of_a_warp_is_checked_and_none_skipped() {
    let image = Tensor::from_fn([1, 1, 3, 3], |i| (1.3 * i as f64).sin());
    let holds = |warp: Shifting<'_>, at: &Tensor<f64>| {
        let of = |p: &[f64], slope: bool| {
            value(&Tensor::new(at.shape(), p.to_vec()), |p| {
                let y = warp(p.graph().constant(image.clone()), p).powi(2).sum();
                if slope { grad(y, &[p])[0] } else { y }
            })
        };
        let report = check_gradient(|p| of(p, false)[0], |p| of(p, true), at.data());
        report.is_success() && report.checked_fraction() == 1.0
    };
    // Away from whole places, where slopes jump.
    let field = Tensor::from_fn([1, 2, 3, 3], |i| 0.3 + 0.02 * i as f64);
    assert!(holds(&|image, field| displace(image, field, Border::Edge), &field));
    let one = Tensor::new([1], vec![0.3]);
    assert!(holds(&|image, angle| affine::rotate(image, angle, Border::Edge), &one));
    // A fisheye: places move away from the middle by the strength times the square of their distance from it.
    fn fisheye<'g>(image: Var<'g, f64>, rows: Var<'g, f64>, columns: Var<'g, f64>) -> Var<'g, f64> {
        let graph = image.graph();
        let off =
            |of: fn(usize) -> usize| graph.constant(Tensor::from_fn([1, 3, 3], move |i| of(i) as f64 - 1.0));
        let (r, c) = (off(|i| i / 3), off(|i| i % 3));
        let square = r.powi(2) + c.powi(2);
        let place =
            |x: Var<'g, f64>, strength: Var<'g, f64>| x * (square * strength.reshape([1, 1, 1]) + 1.0) + 1.0;
        bilinear(image, place(r, rows), place(c, columns), Border::Fill(0.0))
    }
    // Inwards, so that all places are in the image: corners at 0.4 and edges at 0.3 pixels from a whole place.
    let strength = Tensor::new([1], vec![-0.3]);
    assert!(holds(&|image, s| fisheye(image, s, s), &strength));
    // Half of the Jacobian is lost on the way.
    assert!(!holds(&|image, s| fisheye(image, s, s.detach()), &strength));
}
