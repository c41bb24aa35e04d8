//! Bagging and other ensembles: several models, trained apart, whose predictions are averaged (*Deep
//! Learning*, section 7.11).
//!
//! Why it helps: if the errors of `k` models have variance `v` each and covariance `c` between any two, the
//! expected squared error of their mean is `v/k + (k - 1) c/k` (page 253). Errors that are the same (`c = v`)
//! gain nothing; independent ones (`c = 0`) are divided by `k`. [`Decomposition`] measures `v` and `c`.
//!
//! | piece | what |
//! |---|---|
//! | [`Bootstrap`] | `n` examples drawn with replacement from `n`, and those that were left out |
//! | [`Bagging`] | trains members side by side, the same for any number of threads; of any kind of learner |
//! | [`Ensemble`] | the members; their mean prediction; the out-of-bag estimate of its error |
//! | [`Average`] | arithmetic or renormalised geometric mean of distributions, as graph operations |
//! | [`Committee`] | networks of one architecture with the parameters of several trainings |
//! | [`Snapshots`] | members from a single training whose learning rate restarts |
//! | [`Decomposition`] | error of the mean, mean error, spread, variance and covariance: exact identities |
//!
//! Members differ because their examples differ (bagging), or because their initial weights and the order of
//! examples do, which for networks is often enough ([`Bagging::on_all_examples`]).
//!
//! ```
//! use nn::data::digits;
//! use nn::train::TrainError;
//! use nn::{Activation, Optimiser, Sequential, Trainer, initialise};
//! use regularize::ensemble::{Average, Bagging, Committee};
//! # fn main() -> Result<(), regularize::RegularizeError> {
//! let [train, test] = digits::load()?.flattened().split([0.3, 0.7], 1)?;
//! let model = Sequential::<f32>::mlp(&[64, 16, 10], Activation::Relu);
//! let bagged = Bagging::new(4)?.seed(7).fit(train.len(), |member| {
//!     let mut parameters = initialise(&model, member.seed);
//!     let mut trainer = Trainer::new(&model, Optimiser::adam(0.01)).epochs(6).seed(member.seed);
//!     trainer.fit(&train.subset(member.bootstrap.indices())?, None, &mut parameters)?;
//!     Ok::<_, TrainError>(parameters)
//! })?;
//! let alone = Trainer::new(&model, Optimiser::sgd(0.1)).evaluate(&test, &bagged.members[0])?.error;
//! let together = Committee::new(&model, bagged.members)?.error(&test, Average::Arithmetic)?;
//! println!("one network {:.1} %, the mean of four {:.1} %", 100.0 * alone, 100.0 * together);
//! assert!(together < alone);
//! # Ok(())
//! # }
//! ```

pub mod averaging;
pub mod bagging;
pub mod bootstrap;
pub mod committee;
pub mod error_formula;
pub mod snapshots;

pub use averaging::Average;
pub use bagging::{Bagging, Ensemble, Member, OutOfBag};
pub use bootstrap::Bootstrap;
pub use committee::Committee;
pub use error_formula::{Decomposition, expected_squared_error};
pub use snapshots::Snapshots;
