//! Data sets: where examples and labels come from and how they reach a training step.
//!
//! What is here, in the order in which data passes through it:
//!
//! | step | item |
//! | --- | --- |
//! | read, trusting nothing | [`digits`] (embedded), [`idx`] (MNIST and its relatives) |
//! | hold, with its invariants checked once | [`Dataset`] |
//! | share out | [`Dataset::split`], stratified by class |
//! | scale | [`Standardise`], fitted on the training part only |
//! | draw | [`Batches`]: shuffled minibatches, a pure function of seed and epoch |
//! | copy | [`Dataset::gather_into`]: rows into tensors that the caller keeps |
//!
//! Everything from outside fails with a [`DataError`]; nothing panics on bytes. A new format is a new
//! file beside [`idx`] that ends in [`Dataset::new`].
//!
//! ```
//! use autograd::Tensor;
//! use nn::data::{Batches, LastBatch, Standardise, digits};
//!
//! # fn main() -> Result<(), nn::data::DataError> {
//! let [train, test] = digits::load()?.flattened().split([0.8, 0.2], 7)?;
//! let scale = Standardise::fit(&train)?;
//! let (train, test) = (scale.apply(&train)?, scale.apply(&test)?);
//! assert_eq!((train.len(), test.len()), (1438, 359));
//!
//! let mut batches = Batches::new(train.len(), 32, 7)?.with_last(LastBatch::Drop)?;
//! let (mut x, mut labels) = (Tensor::zeros([32, 64]), Tensor::full([32], 0));
//! for epoch in 0..2 {
//!     for indices in batches.epoch(epoch) {
//!         train.gather_into(indices, &mut x, &mut labels)?;
//!         // a training step on x and labels
//!     }
//! }
//! # Ok(())
//! # }
//! ```

mod batches;
mod dataset;
pub mod digits;
mod error;
mod gzip;
pub mod idx;
mod order;
mod split;
mod standardise;

pub use batches::{Batches, LastBatch};
pub use dataset::Dataset;
pub use error::DataError;
pub use standardise::Standardise;
