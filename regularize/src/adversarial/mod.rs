//! Adversarial examples and training on them, the attack inside the graph (*Deep Learning*, section 7.13).
//!
//! The gradient of the loss with respect to the *input* is a node like any other, so the fast gradient sign
//! method is one expression, `x + ε sign(∇ₓ J)`, and a training step that attacks its own batch is one plan.
//!
//! | module | what |
//! |---|---|
//! | [`norm`], [`threat`], [`projection`] | what is allowed: a norm, its steepest direction, a budget, a box; the nearest allowed point |
//! | [`fast_gradient`] | one step: [`fgsm`], [`FastGradient`] for any norm and a box |
//! | [`pgd`] | many steps, each projected: [`Pgd`], with random start and momentum |
//! | [`training`] | `α J(x) + (1 - α) J(x̃)` as an objective: [`AdversarialTraining`], by one step, from a random point, or by many |
//! | [`trades`] | `J(x) + β D(p(x)‖p(x'))`: [`Trades`] |
//! | [`overfitting`] | stops a training that withstands its own attack only: [`OverfittingMonitor`] |
//! | [`smoothing`] | a certified radius by asking about noisy copies: [`SmoothedClassifier`] |
//! | [`interval`] | bounds of every value over a box of inputs, and training for them: [`interval_bounds`], [`margin_bounds`], [`IntervalTraining`] |
//! | [`apgd`] | steps that choose their own size, in the one norm sparse ones: [`Apgd`] |
//! | [`deep_fool`], [`carlini_wagner`] | the smallest perturbation: [`DeepFool`], [`CarliniWagner`] |
//! | [`square`] | no gradient, only scores: [`Square`] |
//! | [`mod@diagnose`] | masked gradients: [`diagnose()`] |
//! | [`linearity`], [`boundary`] | why it works: logits along the gradient, decisions in a plane |
//! | [`loss`], [`victim`], [`attack`] | what every attack has: a [`loss`](AttackLoss), the network it asks, [`Attack`]; restarts and worst case |
//! | [`evaluator`] | a data set under any attack: [`AttackEvaluator`], with its evidence |
//!
//! Whether the attack sees the network in [`Mode::Evaluate`](nn::Mode) or in
//! [`Mode::Train`](nn::Mode), and whether later gradients go through the perturbation, is said explicitly.

pub mod apgd;
pub mod attack;
pub mod boundary;
pub mod carlini_wagner;
pub mod deep_fool;
pub mod diagnose;
pub mod evaluator;
pub mod fast_gradient;
pub mod interval;
pub mod linearity;
pub mod loss;
pub mod norm;
pub mod overfitting;
pub mod pgd;
pub mod projection;
pub mod smoothing;
pub mod square;
pub mod threat;
pub mod trades;
pub mod training;
pub mod victim;

pub use apgd::Apgd;
pub use attack::{Attack, Moved, Restarts, WorstOf};
pub use carlini_wagner::CarliniWagner;
pub use deep_fool::DeepFool;
pub use diagnose::{Check, Diagnosis, Diagnostics, Finding, diagnose};
pub use evaluator::{AttackEvaluator, Attacked, Robustness};
pub use fast_gradient::{FastGradient, Perturbation, fgsm};
pub use interval::{InputBox, Interval, IntervalTraining, Verified, interval_bounds, margin_bounds, verify};
pub use loss::{AttackLoss, Goal};
pub use norm::Norm;
pub use overfitting::{Monitored, OverfittingMonitor, Withstood};
pub use pgd::Pgd;
pub use smoothing::{Certified, SmoothedClassifier, Smoothing, certified_accuracy};
pub use square::Square;
pub use threat::{StartDraws, Threat};
pub use trades::Trades;
pub use training::{AdversarialTraining, TrainingAttack};
pub use victim::{Slope, Targets, Victim};
