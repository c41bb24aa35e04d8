//! Data sets: where examples and labels come from and how they reach a training step.
//!
//! What is here, in the order in which data passes through it:
//!
//! | step | item |
//! | --- | --- |
//! | read, trusting nothing | [`digits`] (embedded), [`idx`] (MNIST and its relatives), [`cifar`], [`csv`] (tables), [`npy`] (NumPy's arrays) |
//! | hold, with its invariants checked once | [`Dataset`] |
//! | share out | [`Dataset::split`], stratified by class; [`Dataset::folds`], [`Dataset::stratified_folds`] |
//! | scale | [`Standardise`], fitted on the training part only; as a layer if the model is to take the data's own units |
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
pub mod cifar;
pub mod csv;
mod dataset;
pub mod digits;
mod error;
mod folds;
mod gzip;
pub mod idx;
pub mod npy;
mod order;
mod split;
mod standardise;

pub use batches::{Batches, LastBatch};
pub use dataset::Dataset;
pub use error::DataError;
pub use folds::Fold;
pub use standardise::{Standardise, StandardiseLayer};

use std::io;
use std::path::Path;

/// Checks that a directory is there, and is one.
fn check_directory(directory: &Path) -> Result<(), DataError> {
    match std::fs::metadata(directory) {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        Ok(_) => Err(DataError::NotADirectory { path: directory.into() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(DataError::MissingDirectory { path: directory.into() })
        }
        Err(error) => Err(DataError::Io { error }.at(directory.display())),
    }
}

/// A field for an error message: at most its first 20 bytes, whatever they are.
fn shortened(field: &[u8]) -> String {
    const SHOWN: usize = 20;
    let mut text = String::from_utf8_lossy(&field[..field.len().min(SHOWN)]).into_owned();
    if field.len() > SHOWN {
        text.push_str("..");
    }
    text
}
