//! AugMix: several chains of augmentations mixed with the image itself, and a network that must say the same of all
//! of them (Hendrycks et al., ICLR 2020).
//!
//! ```text
//! x̃ = m x + (1 - m) Σᵢ wᵢ chainᵢ(x),   w ~ Dirichlet(α, .., α),   m ~ Beta(β, β)
//! J(x) + λ JS(p(x), p(x̃₁), p(x̃₂)),     JS(p₁, .., pₖ) = 1/k Σᵢ KL(pᵢ ‖ (p₁ + .. + pₖ)/k)
//! ```
//!
//! A chain is one to `depth` augmentations drawn from a list. Averages of chains differ more from each other than
//! single augmentations, and stay closer to the image than long chains. The *Jensen-Shannon* term uses no label:
//! `x̃₁` and `x̃₂` are two draws. The paper takes three chains of one to three, `λ = 12`, and `α = β = 1`:
//! weights uniform on the simplex, a uniform share. Small concentrations choose, one chain alone, the image alone or
//! not at all; large ones average evenly ([`AugMix::concentrations`]).

use super::beta::Beta;
use super::contract::Change;
use super::rand_augment::{RandAugment, one_of};
use super::sampling::dimensions;
use super::{Augment, Augmentation, dirichlet, drawn, each};
use crate::error::{RegularizeError, above_zero, at_least_one, at_least_zero};
use autograd::{Real, Var};
use nn::Mode;
use nn::train::Batch;
use std::sync::Arc;

/// Mixed chains of augmentations (streams `STREAM.weights`, `STREAM.share`, `STREAM.depth`, and those of each chain).
///
/// ```
/// use autograd::{Graph, interpret};
/// use regularize::augmentation::{Affine, AugMix, Augmentation, Border};
/// use std::sync::Arc;
/// let graph = Graph::<f64>::new();
/// let images = graph.fill([3, 1, 8, 8], 0.5);
/// let turn = Affine::new().rotate(20.0)?.border(Border::Edge);
/// let mixed = AugMix::of(3, 2, vec![Arc::new(turn)])?;
/// // Weights sum to 1, so what every chain leaves as it is stays.
/// let found = interpret(&[mixed.apply(images, "mix")], &[], None)?.remove(0);
/// assert!(found.data().iter().all(|v| (v - 0.5).abs() < 1e-14));
/// assert_eq!(AugMix::new(0.0, [1, 8, 8])?.apply(images, "mix").id(), images.id());
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone)]
pub struct AugMix<T: Real> {
    width: usize,
    depth: usize,
    choices: Vec<Arc<dyn Augmentation<T>>>,
    /// Of the weights' Dirichlet distribution.
    of_weights: f64,
    /// Of the share's Beta distribution.
    of_share: Beta,
}

impl<T: Real> AugMix<T> {
    /// `width` chains of one to `depth` out of the list, with both concentrations 1.
    ///
    /// # Errors
    /// If `width` or `depth` is 0.
    pub fn of(
        width: usize,
        depth: usize,
        choices: Vec<Arc<dyn Augmentation<T>>>,
    ) -> Result<AugMix<T>, RegularizeError> {
        at_least_one("number of chains", width)?;
        at_least_one("length of a chain", depth)?;
        Ok(AugMix { width, depth, choices, of_weights: 1.0, of_share: Beta::UNIFORM })
    }

    /// Three chains of one to three of [`RandAugment::new`]'s list at a strength in [0, 1].
    ///
    /// # Errors
    /// If `strength` is not in [0, 1].
    pub fn new(strength: f64, image: [usize; 3]) -> Result<AugMix<T>, RegularizeError> {
        AugMix::of(3, 3, RandAugment::new(1, strength, image)?.choices().to_vec())
    }

    /// The same with weights from `Dirichlet(weights, .., weights)` and the image's share from `Beta(share, share)`.
    ///
    /// # Errors
    /// If one is not finite and above 0.
    ///
    /// ```
    /// use autograd::{Graph, interpret};
    /// use regularize::augmentation::{AugMix, Augmentation, Brightness};
    /// use std::sync::Arc;
    /// let graph = Graph::<f64>::new();
    /// let images = graph.fill([100, 1, 1, 1], 0.0);
    /// let change = |share| {
    ///     let mixed = AugMix::of(1, 1, vec![Arc::new(Brightness::new(1.0)?)])?.concentrations(1.0, share)?;
    ///     let found = interpret(&[mixed.apply(images, "mix")], &[], None)?;
    ///     Ok::<_, regularize::RegularizeError>(found[0].data().iter().fold(0.0f64, |a, b| a.max(b.abs())))
    /// };
    /// // A share of ½ nearly always: no change is above ½ or so. A share of 0 or 1: some are.
    /// assert!(change(1000.0)? < 0.55 && change(0.01)? > 0.9);
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    pub fn concentrations(self, weights: f64, share: f64) -> Result<AugMix<T>, RegularizeError> {
        for (name, value) in
            [("concentration of the weights", weights), ("concentration of the share", share)]
        {
            above_zero(name, value)?;
        }
        Ok(AugMix { of_weights: weights, of_share: Beta::symmetric(share)?, ..self })
    }

    /// One chain: a number of augmentations for each image, from one to `depth`.
    fn chain<'g>(&self, images: Var<'g, T>, stream: &str) -> Var<'g, T> {
        let [n, ..] = dimensions("aug_mix", images);
        let draw = drawn(images.graph(), stream, "depth", &[n]);
        (0..self.depth).fold(images, |images, step| {
            let further = one_of(&self.choices, images, &format!("{stream}.step{step}"));
            each(draw.greater_equal(step as f64 / self.depth as f64)).select(further, images)
        })
    }
}

/// `m x + (1 - m) Σᵢ wᵢ xᵢ` of images `[n, channels, height, width]`, with `m` of `[n]` and weights of `[n, k]`
/// for `k` changed images.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::augmentation::aug_mix::mix_chains;
/// let graph = Graph::<f64>::new();
/// let [image, first, second] = [2.0, 4.0, 8.0].map(|value| graph.fill([1, 1, 1, 1], value));
/// let weights = graph.constant(Tensor::new([1, 2], vec![0.25, 0.75]));
/// let mixed = mix_chains(image, &[first, second], weights, graph.fill([1], 0.5));
/// assert_eq!(interpret(&[mixed], &[], None)?[0].item(), 0.5 * 2.0 + 0.5 * (0.25 * 4.0 + 0.75 * 8.0));
/// # Ok::<(), autograd::RunError>(())
/// ```
///
/// # Panics
/// If the shapes are not these.
#[track_caller]
pub fn mix_chains<'g, T: Real>(
    images: Var<'g, T>,
    chains: &[Var<'g, T>],
    weights: Var<'g, T>,
    share: Var<'g, T>,
) -> Var<'g, T> {
    let [n, ..] = dimensions("mix_chains", images);
    let (of_weights, of_share) = (weights.shape(), share.shape());
    let alike = chains.iter().all(|chain| chain.shape() == images.shape());
    let fits = alike && of_weights.lengths() == [n, chains.len()] && of_share.lengths() == [n];
    assert!(
        fits,
        "mix_chains: {} of {} by weights {of_weights} and {of_share}: alike, of [n, chains] and [n]",
        chains.len(),
        images.shape()
    );
    let weight = |i: usize| each(weights.slice(1, i, i + 1).reshape([n]));
    let share = each(share);
    let kept = share * images;
    chains.iter().enumerate().fold(kept, |sum, (i, &chain)| sum + (1.0 - share) * weight(i) * chain)
}

impl<T: Real> Augmentation<T> for AugMix<T> {
    fn name(&self) -> &'static str {
        "aug_mix"
    }

    /// Every step of a chain may choose the strongest.
    fn changes(&self, image: [usize; 3]) -> Vec<Change> {
        RandAugment::of(self.depth, self.choices.clone()).changes(image)
    }

    fn check(&self, image: [usize; 3]) -> Result<(), RegularizeError> {
        self.choices.iter().try_for_each(|choice| choice.check(image))
    }

    fn apply<'g>(&self, images: Var<'g, T>, stream: &str) -> Var<'g, T> {
        let [n, channels, height, width] = dimensions("aug_mix", images);
        if self.changes([channels, height, width]).is_empty() {
            return images;
        }
        let graph = images.graph();
        let weights = dirichlet::weights(drawn(graph, stream, "weights", &[n, self.width]), self.of_weights);
        let share = self.of_share.shares(drawn(graph, stream, "share", &[n]));
        let chains: Vec<_> =
            (0..self.width).map(|i| self.chain(images, &format!("{stream}.chain{i}"))).collect();
        mix_chains(images, &chains, weights, share)
    }
}

/// The Jensen-Shannon divergence of the distributions of several logits, each `[.., classes]`, one value for each
/// example: `1/k Σᵢ KL(pᵢ ‖ p̄)` with the mean `p̄` of all. At least 0, 0 if all are alike, at most `ln k`.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::augmentation::jensen_shannon;
/// let graph = Graph::<f64>::new();
/// let sure = |a: f64| graph.constant(Tensor::new([1, 2], vec![a, -a]));
/// let divergence = interpret(&[jensen_shannon(&[sure(500.0), sure(-500.0)])], &[], None)?;
/// assert!((divergence[0].data()[0] - 2f64.ln()).abs() < 1e-15);
/// # Ok::<(), autograd::RunError>(())
/// ```
///
/// # Panics
/// If there are none, or the shapes differ.
#[track_caller]
pub fn jensen_shannon<'g, T: Real>(logits: &[Var<'g, T>]) -> Var<'g, T> {
    assert!(!logits.is_empty(), "jensen_shannon: of no distribution");
    let logs = Var::stack(&logits.iter().map(|logits| logits.log_softmax()).collect::<Vec<_>>());
    let mean = logs.logsumexp_keep(&[0]) - (logits.len() as f64).ln();
    (logs.exp() * (logs - mean)).sum_over(&[-1]).mean_over(&[0])
}

/// The loss on clean examples plus the divergence of what the network says of them and of two augmented versions.
#[derive(Debug, Clone)]
pub struct Consistency<T: Real> {
    augment: [Augment<T>; 2],
    strength: f64,
}

impl<T: Real> Consistency<T> {
    /// `J(x) + strength · JS(p(x), p(x̃₁), p(x̃₂))` with two draws of `augment`, from streams `first.*` and `second.*`.
    ///
    /// # Errors
    /// If `strength` is negative or not finite.
    ///
    /// ```
    /// use autograd::{Graph, Tensor, interpret};
    /// use nn::{Mode, Sequential, train::Batch};
    /// use regularize::augmentation::aug_mix::Consistency;
    /// use regularize::augmentation::{Crop, LabelContract, Pipeline};
    /// let moved = Pipeline::new([1, 8, 8]).then(Crop::new(2)).for_labels(&LabelContract::digits())?;
    /// let consistency = Consistency::new(moved, 12.0)?;
    /// let (graph, model) = (Graph::<f64>::new(), Sequential::new()); // the logits are the pixels
    /// let image = graph.constant(Tensor::from_fn([1, 64], |i| i as f64 / 64.0));
    /// let label = graph.index_constant(Tensor::new([1], vec![63]));
    /// let [train, evaluate] =
    ///     [Mode::Train, Mode::Evaluate].map(|mode| Batch::new(image, label, &model, &[], mode));
    /// let objectives = [&train, &evaluate].map(|batch| consistency.objective(batch));
    /// let found = interpret(&[objectives[0], objectives[1], train.cross_entropy()], &[], None)?;
    /// assert_eq!(found[1], found[2]);
    /// // The divergence of three is at most ln 3.
    /// let added = found[0].item() - found[2].item();
    /// assert!(added > 0.0 && added < 12.0 * 3f64.ln());
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    pub fn new(augment: Augment<T>, strength: f64) -> Result<Consistency<T>, RegularizeError> {
        let strength = at_least_zero("strength of the consistency", strength)?;
        Ok(Consistency { augment: ["first", "second"].map(|name| augment.named(name)), strength })
    }

    /// The objective, a scalar. With strength 0, and in modes other than [`Mode::Train`], the cross-entropy of the
    /// batch itself.
    ///
    /// # Panics
    /// As [`Augment::inputs`].
    #[track_caller]
    pub fn objective<'g>(&self, batch: &Batch<'g, '_, T>) -> Var<'g, T> {
        let loss = batch.cross_entropy();
        if self.strength == 0.0 || batch.mode != Mode::Train {
            return loss;
        }
        let [first, second] = &self.augment;
        let logits = [batch.logits(), first.on(batch).logits(), second.on(batch).logits()];
        loss + jensen_shannon(&logits).mean() * self.strength
    }
}

#[cfg(test)]
mod tests;
