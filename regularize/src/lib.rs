//! Regularization for deep learning: each technique an operation on a graph, its gradient included.
//!
//! A technique takes variables of an [`autograd`] graph and gives variables back, or drives the plans that
//! run one. So every one of them can be printed, differentiated again, checked against finite differences,
//! replayed from a seed, and fused into one training step with everything else. The book is Goodfellow,
//! Bengio, Courville, *Deep Learning*, chapter 7.
//!
//! | technique | graph shape | source | what is verified |
//! |---|---|---|---|
//! | [`L2`] | penalty `w -> α/2 ‖w‖²`; proximal step | book 7.1.1 | one step is `(1 - ε α) w - ε g` bit for bit; minimum scaled by `λ/(λ + α)` along Hessian eigenvectors |
//! | [`L1`] | penalty `w -> α ‖w‖₁`; proximal step | book 7.1.2 | soft-thresholded minimum of a diagonal quadratic, zeros exact; `sign(0) = 0` |
//! | [`ElasticNet`] | penalty, the sum of both; proximal step | Zou and Hastie 2005 | closed-form minimum of a diagonal quadratic |
//! | [`Dropout`] | activation transform `(x, mask) -> x`, and a layer that draws the mask | book 7.12; Srivastava et al. 2014 | all `2ⁿ` masks: arithmetic mean (linear), geometric mean (softmax), ridge (least squares); one mask for both passes; replay |
//! | [`scale_units`](dropout::scale_units), [`scale_weights`](dropout::scale_weights) | rewrite of a graph: each mask becomes its mean | book 7.12; Hinton et al. 2012 | the training expression becomes the predicting one, bit for bit; on weights no unit is scaled |
//! | [`SubNetworks`] | protocol: every subnetwork, one by one | Warde-Farley et al. 2014 | softmax regression and deep linear networks: rule = geometric mean to 1e-12; against masks set by hand |
//! | [`MonteCarlo`] | protocol over [`Mode::Sample`](nn::Mode) | Gal and Ghahramani 2016 | moments of the samples; many samples come to the mean of all subnetworks |
//! | [`GaussianDropout`](dropout::GaussianDropout) | activation transform `x (1 + σ ν)` | Srivastava et al. 2014, section 10 | mean and variance are those of inverted dropout |
//! | [`AlphaDropout`](dropout::AlphaDropout) | activation transform | Klambauer et al. 2017 | mean 0 and variance 1 stay, over masks and two-point inputs |
//! | [`SpatialDropout`](dropout::SpatialDropout) | activation transform, a draw for each channel | Tompson et al. 2015 | a channel stays or goes as a whole; without places it is dropout |
//! | [`DropBlock`](dropout::DropBlock) | activation transform, squares of a map | Ghiasi et al. 2018 | squares painted by hand; coverage by enumeration; blocks of 1 and of all are the two above |
//! | [`DropConnect`](dropout::DropConnect) | a layer at masked weights | Wan et al. 2013 | mean and variance of `v W` over all masks; gradient 0 exactly where a weight is dropped |
//! | [`StochasticDepth`](dropout::StochasticDepth) | residual block `x + g f(x)` | Huang et al. 2016 | linear blocks: mean over gates is `Π (I + q A)` |
//! | [`ShakeDrop`](dropout::ShakeDrop) | residual block, other noise backward | Yamada et al. 2019 | the factor in both passes, over gates and noise; mean factor `q` |
//! | [`VariationalDropout`](dropout::VariationalDropout) | recurrence `f(h μₕ, x μₓ)` | Gal and Ghahramani 2016 | the recurrence by hand; two masks for a sequence in all cells; what is carried over is not masked |
//! | [`Zoneout`](dropout::Zoneout) | recurrence `μ h' + (1 - μ) h` | Krueger et al. 2017 | the recurrence by hand; mean over masks is the prediction |
//! | [`DropoutMachine`](dropout::DropoutMachine) | energy `F(v; r)` of a smaller Boltzmann machine | Srivastava et al. 2014, section 8 | all states of a 4 by 4 machine, for every mask |
//! | [`GaussianNoise`] | activation transform `x + σ ν` | book 7.5; Bishop 1995 | on inputs of least squares it is weight decay, over all signs, value and gradient |
//! | [`WeightNoise`](noise::WeightNoise) | a layer at noisy weights | book 7.5 | linear: a constant; nonlinear: `σ² ‖∇_W y‖²`, rest of order `σ⁴` |
//! | [`GradientNoise`](noise::GradientNoise) | update transform | Neelakantan et al. 2015 | steps by hand from the same draws |
//! | [`Langevin`] | update transform, noise `√(2 ε τ)` | Welling and Teh 2011 | steps by hand; variance `τ / (λ (1 - ελ/2))` on a quadratic |
//! | [`LabelSmoothing`] | loss, both conventions | book 7.5.1; Szegedy et al. 2016 | gap of the logits at the optimum, `ln((1-ε)(K-1)/ε)` and `ln(((1-ε)K+ε)/ε)` |
//! | [`ConfidencePenalty`] | loss term `-β H(p)` | Pereyra et al. 2017 | gradient `β p (ln p + H)`; its minimum is the uniform distribution |
//! | [`EarlyStopping`] | protocol: sees each epoch | book 7.8, algorithm 7.1 | spectral filter `1 - (1 - ε λ)^τ`; equals L2, exactly for one eigenvalue, with `α ≈ 1/(ε τ)` for small ones; NaN, ties, patience |
//! | [`fgsm`], [`FastGradient`] | input transform `(x, ∇ₓ J) -> x` for three norms and a box | book 7.13; Goodfellow et al. 2015 | dual norm attained; identity at `ε = 0`; gradients through the perturbation and without |
//! | [`AdversarialTraining`] | objective `α J(x) + (1 - α) J(x̃)` | Goodfellow et al. 2015, section 6 | on logistic regression `ζ(ε ‖w‖₁ - y (wᵀx + b))`, value and gradient |
//! | [`AttackEvaluator`] | protocol: a data set under attack | Carlini et al. 2019 | every figure found again by a second look; zero and non-finite gradients counted |
//!
//! Each value is also held to a naive implementation over random shapes, each gradient to
//! [`autograd::check`], each limit (`α = 0`, `p = 0`, `ε = 0`) to the graph without the technique, and each
//! number that a caller gives to its range: a bad one is a [`RegularizeError`]. The *bug museum*,
//! `tests/bug_museum/`, plants defects found in other libraries and shows that these properties kill them.
//!
//! ```
//! use nn::data::digits;
//! use nn::{Activation, Mode, Optimiser, Selection, Sequential, Trainer, initialise};
//! use regularize::{
//!     AdversarialTraining, AttackEvaluator, Dropout, EarlyStopping, FastGradient, L2, Penalties,
//! };
//! # fn main() -> Result<(), regularize::RegularizeError> {
//! let [train, validation] = digits::load()?.flattened().split([0.8, 0.2], 1)?;
//! let some = Dropout::new(0.1)?;
//! let model = Sequential::<f32>::new()
//!     .linear(64, 32)
//!     .then(Activation::Relu)
//!     .then_named("dropout", |name| some.named(name))
//!     .linear(32, 10);
//!
//! let attack = FastGradient::new(0.1)?.within(0.0, 1.0)?;
//! let adversarial = AdversarialTraining::new(attack, 0.5, Mode::Evaluate)?;
//! let decay = Penalties::new().with(Selection::weights(), L2::new(1e-4)?);
//! let mut trainer = Trainer::new(&model, Optimiser::adam(0.01)).epochs(4).objective(move |batch| {
//!     let loss = adversarial.objective(batch, |batch| batch.cross_entropy());
//!     decay.added_to(loss, batch.parameters)
//! });
//!
//! let mut parameters = initialise(&model, 1);
//! let mut stopping = EarlyStopping::new(2);
//! trainer.fit_observed(&train, Some(&validation), &mut parameters, &mut stopping)?;
//! let mut best = stopping.finish()?.parameters;
//! let found = &AttackEvaluator::new(&model, attack, 128).curve(&validation, &mut best, &[0.1])?[0];
//! println!("error {:.1} %, under attack {:.1} %", 100.0 * found.clean_error, 100.0 * found.error);
//! assert!(found.clean_error <= found.error && found.error < 0.5);
//! # Ok(())
//! # }
//! ```
//!
//! # Not there yet
//!
//! Norm constraints and projections; augmentation; semi-supervised and
//! multi-task learning; parameter tying by penalty; sparse representations; bagging; tangent
//! distance, tangent propagation and double backpropagation; iterated attacks and certified
//! bounds. Early stopping has the book's algorithm 7.1, not the retraining of 7.2 and 7.3.

pub mod adversarial;
pub mod dropout;
pub mod early_stopping;
mod error;
pub mod noise;
pub mod penalty;
mod reparameterise;

pub use adversarial::{
    AdversarialTraining, Attack, AttackEvaluator, FastGradient, Norm, Perturbation, Robustness, fgsm,
};
pub use dropout::{Dropout, Form, MonteCarlo, SubNetworks};
pub use early_stopping::{EarlyStopping, Measure, Reason, Stopped};
pub use error::RegularizeError;
pub use noise::{ConfidencePenalty, GaussianNoise, LabelSmoothing, Langevin};
pub use penalty::{
    ElasticNet, L1, L2, Penalties, Penalty, ProximalPenalty, ProximalStep, l1_penalty, l2_penalty, shrink,
    soft_threshold,
};

#[cfg(test)]
mod testing;

/// The example in the workspace's README compiles and does what it says.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
