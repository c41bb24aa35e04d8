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
//! | [`multi_task`]: [`FixedWeights`](multi_task::FixedWeights), [`UncertaintyWeights`](multi_task::UncertaintyWeights) | scalar of task losses | book 7.7; Caruana 1997; Kendall et al. 2018 | `eˢ = 2aJ` at the minimum; shuffled extra tasks do not help (example `multi_task`) |
//! | [`GradNorm`](multi_task::GradNorm), [`PcGrad`](multi_task::PcGrad) | gradients -> weights, or gradients | Chen et al. 2018; Yu et al. 2020 | equal lengths where losses are linear; the algorithm on plain vectors, all orders of three tasks |
//! | [`sparsity`]: [`ActivationL1`](sparsity::ActivationL1), [`StudentT`](sparsity::StudentT), [`TargetRate`](sparsity::TargetRate) | penalty of activations | book 7.10; Glorot et al. 2011; Olshausen and Field 1996 | definitions; minimum at the target; `ν -> ∞` is L2; example `hidden_sparsity` |
//! | [`KWinners`](sparsity::KWinners) | activation transform `x -> x m(x)` | Makhzani and Frey 2014 | exactly `k` stay, ties included; gradients of the winners only |
//! | [`matching_pursuit`](sparsity::matching_pursuit()), [`ista`](sparsity::ista), [`fista`](sparsity::fista), [`SparseCoder`](sparsity::SparseCoder) | `(x, D) -> h`; a protocol | book 7.10; Pati et al. 1993; Beck and Teboulle 2009 | orthonormal atoms: the `k` largest, the soft threshold; normal equations; the duality gap bounds the error; example `sparse_codes` |
//! | [`ensemble`]: [`Bagging`](ensemble::Bagging), [`Snapshots`](ensemble::Snapshots), [`Average`](ensemble::Average) | protocols; logits -> distribution | book 7.11; Breiman 1996; Huang et al. 2017 | `v/k + (k - 1)c/k` and the ambiguity identity; all `nⁿ` bootstraps; the same bits for any number of threads; examples `bagging`, `waveform` |
//! | [`Dropout`] | activation transform `(x, mask) -> x`, and a layer that draws the mask | book 7.12; Srivastava et al. 2014 | all `2ⁿ` masks: arithmetic mean (linear), geometric mean (softmax), ridge (least squares); one mask for both passes; replay |
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
//! Norm constraints and projections; augmentation, noise on inputs, weights and targets; semi-supervised
//! learning; parameter tying by penalty; the rest of the dropout family; tangent distance, tangent propagation
//! and double backpropagation; iterated attacks and certified bounds. Early stopping has the book's algorithm
//! 7.1, not the retraining of 7.2 and 7.3.

pub mod adversarial;
pub mod dropout;
pub mod early_stopping;
pub mod ensemble;
mod error;
pub mod multi_task;
pub mod penalty;
pub mod sparsity;

pub use adversarial::{
    AdversarialTraining, Attack, AttackEvaluator, FastGradient, Norm, Perturbation, Robustness, fgsm,
};
pub use dropout::{Dropout, Form};
pub use early_stopping::{EarlyStopping, Measure, Reason, Stopped};
pub use error::RegularizeError;
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
