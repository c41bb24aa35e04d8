//! Hyper-gradients: the derivative of a validation loss with respect to the strengths of regularization.
//!
//! How strong a penalty, how much dropout, how much noise: the book's answer is a grid and a validation set
//! (*Deep Learning*, section 11.4), one training for each point, and the grid grows exponentially with the
//! number of strengths. But the validation loss of a trained network is a function of these numbers, made of
//! differentiable steps. Here a step of training is an expression like any other, and so the function has a
//! derivative, for all strengths at once.
//!
//! | module | what | source |
//! |---|---|---|
//! | [`hyperparameter`] | strengths and probabilities as parameters; [`TunedL2`], [`TunedL1`], [`TunedSmoothL1`], [`TunedNoise`] | |
//! | [`augmentation`] | augmentations whose extent has a derivative: [`TunedAffine`], ... | |
//! | [`concrete_dropout`] | dropout whose rate has a derivative | Gal, Hron, Kendall 2017 |
//! | [`mod@unroll`] | `k` steps as one expression; the derivative through them | Maclaurin, Duvenaud, Adams 2015; Domke 2012 |
//! | [`implicit`] | the derivative at a minimum, without the path to it | Bengio 2000; Pedregosa 2016 |
//! | [`tuner`] | strengths tuned while the network trains | Luketina et al. 2016; Franceschi et al. 2017 |
//!
//! The two ways to the derivative meet where training converges: on a quadratic loss the error of the
//! unrolled one falls like `k ρᵏ` with the factor `ρ` by which a step shrinks the distance to the minimum.
//!
//! What it does not do: nothing here prevents *overfitting the validation set*, which is unlikely with a
//! handful of strengths and likely with one for each weight. And a derivative is local: it is followed
//! downhill, to a minimum nearby.
//!
//! ```
//! use autograd::{Feed, Graph, Tensor, interpret};
//! use nn::{Initialiser, Optimiser, ParameterSpec, Role};
//! use regularize::hyper_gradient::{
//!     ConjugateGradients, Hyperparameter, hyper_gradient, implicit_hyper_gradient, unroll,
//! };
//! use regularize::l2_penalty;
//! // (w - 1)²/2 + α/2 w² in training, (w - 0.6)²/2 in validation: w = 1/(1 + α), best at α = 2/3.
//! let graph = Graph::<f64>::new();
//! let spec = ParameterSpec {
//!     name: "w".into(), shape: [].into(), role: Role::Weight, initialiser: Initialiser::Zeros,
//! };
//! let strength = Hyperparameter::positive("alpha", 2.0 / 3.0)?;
//! let (w, alpha) = (spec.declare(&graph), strength.raw(&graph));
//! let training = (w - 1.0).powi(2) * 0.5 + l2_penalty(w, strength.value(&graph));
//! let validation = (w - 0.6).powi(2) * 0.5;
//!
//! let step = Optimiser::sgd(0.1).minimise(training, &[spec]);
//! let unrolled = unroll(&step, &[], 250, &["learning_rate"]);
//! let through_steps = hyper_gradient(validation, &unrolled, &[alpha])?[0];
//! let at_minimum =
//!     implicit_hyper_gradient(training, validation, &[w], &[alpha], ConjugateGradients::new(1)?)?.gradient[0];
//!
//! let parameters =
//!     [("w", Tensor::scalar(0.6)), ("alpha", strength.initial_value())].into_iter().collect();
//! let feeds = [("learning_rate", Feed::Scalar(0.1))];
//! let found = interpret(&[through_steps, at_minimum], &feeds, Some(&parameters))?;
//! assert!(found.iter().all(|slope| slope.item().abs() < 1e-15)); // nothing left to gain
//! # Ok::<(), regularize::RegularizeError>(())
//! ```

pub mod augmentation;
pub mod concrete_dropout;
pub mod hyperparameter;
pub mod implicit;
pub mod tuner;
pub mod unroll;

pub use augmentation::{TunedAffine, TunedBrightness, TunedContrast};
pub use concrete_dropout::ConcreteDropout;
pub use hyperparameter::{Hyperparameter, TunedL1, TunedL2, TunedNoise, TunedSmoothL1};
pub use implicit::{ConjugateGradients, Implicit, implicit_hyper_gradient};
pub use tuner::{Course, Horizon, HyperTuner, Window};
pub use unroll::{Unrolled, hyper_gradient, step_name, unroll};
