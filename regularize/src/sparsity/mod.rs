//! Sparse representations: few of a layer's units are active for any one example (*Deep Learning*, section
//! 7.10).
//!
//! A penalty on *weights* makes a sparse parametrisation; here it is the *activations* `h` of an example that
//! have many zeros.
//!
//! | technique | what | zeros |
//! |---|---|---|
//! | [`ActivationL1`] | penalty `α Σ abs(h)` | with rectifiers exact, for they can reach them |
//! | [`StudentT`] | penalty `α (ν + 1)/2 Σ ln(1 + h²/ν)` | small, few large ones |
//! | [`TargetRate`] | penalty `α Σⱼ KL(ρ ‖ ρ̂ⱼ)` of each unit's mean activation | small for most examples |
//! | [`KWinners`] | layer that keeps the `k` largest | all but `k`, exact |
//! | [`matching_pursuit`](matching_pursuit()) | the code of `x` with at most `k` atoms of a dictionary | all but `k`, exact |
//! | [`ista`], [`fista`], [`SparseCoder`] | the code that minimises `½‖x - hD‖² + α‖h‖₁` | exact |
//!
//! The penalties are means over the examples of a batch, as the loss is, and sums over units.
//! [`Sequential::outputs`](nn::Sequential::outputs) has the activations of every layer.
//!
//! ```
//! use nn::loss::{Reduction, cross_entropy};
//! use nn::{Activation, Optimiser, Sequential, Trainer};
//! use regularize::sparsity::{ActivationL1, ActivationPenalty};
//! let model = Sequential::<f32>::mlp(&[64, 32, 10], Activation::Relu);
//! let sparse = ActivationL1::new(1e-3)?;
//! let trainer = Trainer::new(&model, Optimiser::adam(0.01)).objective(|batch| {
//!     let outputs = model.outputs(batch.inputs, batch.mode);
//!     // linear, relu, linear
//!     sparse.added_to(cross_entropy(outputs[2], batch.labels, Reduction::Mean), &[outputs[1]])
//! });
//! # let _ = trainer;
//! assert_eq!(model.layers().len(), 3);
//! # Ok::<(), regularize::RegularizeError>(())
//! ```

pub mod activation;
pub mod dictionary;
pub mod k_winners;
pub mod matching_pursuit;
pub mod shrinkage;

pub use activation::{ActivationL1, ActivationPenalty, StudentT, TargetRate};
pub use dictionary::Dictionary;
pub use k_winners::{KWinners, k_winners, winners};
pub use matching_pursuit::{MatchingPursuit, matching_pursuit};
pub use shrinkage::{Codes, SparseCoder, fista, ista};

use autograd::{Real, Tensor};

/// The share of values that are exactly 0: the sparsity that Glorot, Bordes and Bengio (*Deep Sparse Rectifier
/// Neural Networks*, AISTATS 2011) report of hidden units. NaN if there are no values.
///
/// ```
/// use autograd::Tensor;
/// use regularize::sparsity::share_of_zeros;
/// assert_eq!(share_of_zeros(&Tensor::new([4], vec![0.0f32, 1.0, -0.0, 2.0])), 0.5);
/// ```
pub fn share_of_zeros<T: Real>(values: &Tensor<T>) -> f64 {
    let zeros = values.data().iter().filter(|&&value| value == T::ZERO).count();
    zeros as f64 / values.data().len() as f64
}
