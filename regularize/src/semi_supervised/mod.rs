//! Learning from examples without labels beside a few that have one (*Deep Learning*, section 7.6).
//!
//! Labels are dear, inputs are cheap. Each technique here turns unlabelled inputs into a term of the loss
//! that asks something of the network's own predictions: that they be sure, that they hold still when the
//! network or the input is disturbed, that they agree with an average of the network over time.
//!
//! | module | term on unlabelled examples |
//! |---|---|
//! | [`mod@entropy`] | `H(p(x))`: be sure ([`EntropyMinimisation`]) |
//! | [`pseudo_label`] | cross-entropy against the predicted class, where that is likely enough ([`PseudoLabels`]) |
//! | [`consistency`] | two noisy passes agree: the Π-model ([`Consistency`], [`two_passes`]), with [`RampUp`] |
//! | [`mean_teacher`] | agree with the exponential average of the weights, a state of the plan ([`MeanTeacher`]) |
//! | [`virtual_adversarial`] | `D(p(x)‖p(x + r))` for the worst small `r` ([`VirtualAdversarial`]) |
//! | [`label_propagation`] | no network: labels spread along a similarity graph ([`propagate_labels`]) |
//! | [`trainer`] | the protocol: two kinds of batches in one step ([`SemiSupervisedTrainer`], [`hide_labels`]) |
//!
//! ```
//! use nn::data::digits;
//! use nn::{Activation, Optimiser, Sequential, initialise};
//! use regularize::semi_supervised::{SemiSupervisedTrainer, VirtualAdversarial, hide_labels};
//! # fn main() -> Result<(), regularize::RegularizeError> {
//! let [train, test] = digits::load()?.flattened().split([0.7, 0.3], 1)?;
//! let (labelled, unlabelled) = hide_labels(&train, 4, 1)?;
//! assert_eq!((labelled.len(), unlabelled.shape()[0]), (40, train.len() - 40));
//! let model = Sequential::<f32>::mlp(&[64, 32, 10], Activation::Relu);
//! let smooth = VirtualAdversarial::new(0.5)?;
//! let mut trainer = SemiSupervisedTrainer::new(&model, Optimiser::adam(0.005))
//!     .epochs(2)
//!     .objective(move |batch| batch.labelled.cross_entropy() + smooth.on(&batch.labelled, batch.unlabelled));
//! let mut parameters = initialise(&model, 1);
//! let curve = trainer.fit(&labelled, &unlabelled, Some(&test), &mut parameters)?;
//! assert!(curve[1].validation.unwrap().error < 0.8);
//! # Ok(())
//! # }
//! ```

pub mod consistency;
pub mod entropy;
pub mod label_propagation;
pub mod mean_teacher;
pub mod pseudo_label;
pub mod trainer;
pub mod virtual_adversarial;

pub use consistency::{Consistency, Disagreement, RampUp, independent_pass, two_passes};
pub use entropy::{EntropyMinimisation, entropy};
pub use label_propagation::{propagate_labels, similarity};
pub use mean_teacher::MeanTeacher;
pub use pseudo_label::{PseudoLabelled, PseudoLabels};
pub use trainer::{MixedBatch, SemiSupervisedEpoch, SemiSupervisedTrainer, hide_labels};
pub use virtual_adversarial::{PowerStep, VirtualAdversarial};
