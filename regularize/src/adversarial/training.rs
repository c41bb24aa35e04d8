//! Adversarial training: `α J(x, y) + (1 - α) J(x̃, y)` with `x̃` made from the same batch by the network as
//! it is (Goodfellow, Shlens, Szegedy, ICLR 2015, section 6; they use `α = ½`).
//!
//! | attack | training |
//! |---|---|
//! | [`FastGradient`] | the fast gradient sign method, as above |
//! | [`Pgd::fast`] | one step from a random point: fast adversarial training (Wong, Rice, Kolter, ICLR 2020); watch it with [`OverfittingMonitor`](super::OverfittingMonitor) |
//! | [`Pgd::new`] with [`Pgd::from_random`] | many steps: the saddle point of Madry et al., ICLR 2018, with `α = 0` |
//!
//! Running statistics of batch normalisation are those of examples that are trained on, never of a pass of the
//! attack: of the clean ones, or with `α = 0` of the adversarial ones.
//!
//! For logistic regression with labels `y = ±1` the second term has a closed form,
//! `ζ(ε ‖w‖₁ - y (wᵀx + b))` with `ζ(z) = ln(1 + eᶻ)`: an L1 norm inside the loss, which vanishes where
//! the margin is large. The tests hold value and gradient to it.

use super::fast_gradient::{FastGradient, Perturbation};
use super::pgd::Pgd;
use crate::error::RegularizeError;
use autograd::{Real, Var};
use nn::Mode;
use nn::optimise::HyperparameterError;
use nn::train::Batch;

/// What makes the adversarial examples of a training step.
///
/// ```
/// use regularize::FastGradient;
/// use regularize::adversarial::{Pgd, Threat, TrainingAttack};
/// let (fast, steps) = (FastGradient::new(0.25)?, Pgd::new(Threat::two(0.5)?, 4)?);
/// assert_eq!(TrainingAttack::from(fast), TrainingAttack::Fast(fast));
/// assert_eq!(TrainingAttack::from(steps).epsilon(), 0.5);
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum TrainingAttack {
    /// One step from the example.
    Fast(FastGradient),
    /// Projected steps; their result is always a constant to the gradient of the training.
    Projected(Pgd),
}

impl From<FastGradient> for TrainingAttack {
    fn from(attack: FastGradient) -> TrainingAttack {
        TrainingAttack::Fast(attack)
    }
}

impl From<Pgd> for TrainingAttack {
    fn from(attack: Pgd) -> TrainingAttack {
        TrainingAttack::Projected(attack)
    }
}

impl TrainingAttack {
    /// The budget.
    pub fn epsilon(&self) -> f64 {
        match self {
            TrainingAttack::Fast(attack) => attack.epsilon(),
            TrainingAttack::Projected(attack) => attack.threat().epsilon(),
        }
    }
}

/// An objective on clean and adversarial examples.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use nn::{Mode, Sequential, train::Batch};
/// use regularize::{AdversarialTraining, FastGradient};
/// let (graph, model) = (Graph::<f64>::new(), Sequential::new()); // the logits are the inputs
/// let x = graph.constant(Tensor::new([1, 2], vec![0.625, 0.375]));
/// let label = graph.index_constant(Tensor::new([1], vec![0]));
/// let batch = Batch::new(x, label, &model, &[], Mode::Train);
/// let attack = FastGradient::new(0.25)?.within(0.0, 1.0)?;
/// let adversarial = AdversarialTraining::new(attack, 0.5, Mode::Evaluate)?;
/// let moved = adversarial.examples(&batch, |batch| batch.cross_entropy());
/// let objective = adversarial.objective(&batch, |batch| batch.cross_entropy());
/// let found = interpret(&[moved, objective], &[], None)?;
/// assert_eq!(found[0].data(), [0.375, 0.625]);
/// // The label leads by 0.25, then by -0.25.
/// let loss = |lead: f64| (-lead).exp().ln_1p();
/// assert!((found[1].item() - 0.5 * (loss(0.25) + loss(-0.25))).abs() < 1e-12);
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdversarialTraining {
    attack: TrainingAttack,
    alpha: f64,
    attacked: Mode,
    perturbation: Perturbation,
}

impl AdversarialTraining {
    /// The share `alpha` of the clean loss, and the mode of the network that the attack looks at:
    /// [`Mode::Evaluate`] for the deterministic one, [`Mode::Train`] for the subnetwork that dropout leaves
    /// in this step (the same that is then trained).
    ///
    /// # Errors
    /// If `alpha` is not in [0, 1].
    pub fn new(
        attack: impl Into<TrainingAttack>,
        alpha: f64,
        attacked: Mode,
    ) -> Result<AdversarialTraining, RegularizeError> {
        let fits = (0.0..=1.0).contains(&alpha);
        HyperparameterError::unless(fits, "share of the clean loss", alpha, "in [0, 1]")?;
        let attack = attack.into();
        Ok(AdversarialTraining { attack, alpha, attacked, perturbation: Perturbation::Constant })
    }

    /// The same with gradients that go through the perturbation, if that is one fast gradient step.
    pub fn differentiated(self) -> AdversarialTraining {
        AdversarialTraining { perturbation: Perturbation::Differentiated, ..self }
    }

    /// `α J(x) + (1 - α) J(x̃)`, a scalar, for a loss `J` of a batch. With `α = 1` or `ε = 0` it is `J(x)`
    /// itself, and nothing else is recorded.
    ///
    /// The attack maximises the same `J`; a penalty in it that does not depend on the inputs does not change
    /// the attack, but belongs outside, or it would be counted for both terms.
    ///
    /// # Panics
    /// If the loss is no scalar or does not depend on the inputs.
    pub fn objective<'g, 'm, T: Real>(
        &self,
        batch: &Batch<'g, 'm, T>,
        loss: impl Fn(&Batch<'g, 'm, T>) -> Var<'g, T>,
    ) -> Var<'g, T> {
        if self.alpha == 1.0 || self.attack.epsilon() == 0.0 {
            return loss(batch);
        }
        let moved = batch.on(self.examples(batch, &loss));
        if self.alpha == 0.0 {
            return loss(&moved);
        }
        loss(batch) * self.alpha + loss(&moved) * (1.0 - self.alpha)
    }

    /// The adversarial examples of a batch.
    ///
    /// # Panics
    /// As [`AdversarialTraining::objective`].
    pub fn examples<'g, 'm, T: Real>(
        &self,
        batch: &Batch<'g, 'm, T>,
        loss: impl Fn(&Batch<'g, 'm, T>) -> Var<'g, T>,
    ) -> Var<'g, T> {
        let Batch { inputs, labels, model, parameters, .. } = *batch;
        let loss = |x| loss(&Batch::new(x, labels, model, parameters, self.attacked));
        batch.graph.without_proposals(|| match self.attack {
            TrainingAttack::Fast(attack) => attack.examples(loss(inputs), inputs, self.perturbation),
            TrainingAttack::Projected(attack) => attack.examples(inputs, loss),
        })
    }
}

#[cfg(test)]
mod tests;
