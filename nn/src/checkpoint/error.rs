//! Why a checkpoint cannot be used.

use autograd::{MAX_RANK, Shape};
use safetensors::SafeTensorError;
use std::io;
use std::path::{Path, PathBuf};

/// What is wrong with a file of parameters, or with parameters for a model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// An error in a file.
    #[error("{}: {error}", path.display())]
    In {
        /// The file.
        path: PathBuf,
        /// What is wrong there.
        error: Box<LoadError>,
    },
    /// The operating system refused.
    #[error("cannot be read: {error}")]
    Io {
        /// The operating system's reason.
        error: io::Error,
    },
    /// A file that is cut short, has bytes too many, or is none of this format.
    #[error("not a whole safetensors file: {error}")]
    Malformed {
        /// What is wrong with it.
        error: SafeTensorError,
    },
    /// A header whose account of the training makes no sense.
    #[error("the header's account of the training cannot be read: {reason}")]
    Header {
        /// What is wrong with it.
        reason: String,
    },
    /// A tensor of other numbers than the model computes with.
    #[error("the tensor `{name}` is of type {found}, the model computes in {expected}")]
    WrongType {
        /// The tensor.
        name: String,
        /// The type that is needed.
        expected: String,
        /// Its type.
        found: String,
    },
    /// A tensor that has no [`Shape`].
    #[error(
        "the tensor `{name}` has shape {lengths:?}: at most {MAX_RANK} axes are supported, and as many elements as memory can hold"
    )]
    TooManyAxes {
        /// The tensor.
        name: String,
        /// The lengths of its axes.
        lengths: Vec<usize>,
    },
    /// A parameter without a tensor.
    #[error("there is no tensor for the parameter `{name}` of shape {shape}")]
    Missing {
        /// The parameter.
        name: String,
        /// Its shape.
        shape: Shape,
    },
    /// A tensor of another shape than its parameter.
    #[error("the tensor `{name}` has shape {found}, the parameter {expected}")]
    WrongShape {
        /// The parameter.
        name: String,
        /// Its shape.
        expected: Shape,
        /// The tensor's shape.
        found: Shape,
    },
    /// Tensors that are no parameters.
    #[error("there are tensors that belong to no parameter: {}", names.join(", "))]
    Extra {
        /// Their names.
        names: Vec<String>,
    },
    /// Parameters alone, where a training was to go on.
    #[error("there are parameters, but no seed and no position from which a training could go on")]
    NoTraining,
}

impl LoadError {
    /// The same error with the file in front of its message.
    pub(super) fn at(self, path: &Path) -> LoadError {
        LoadError::In { path: path.into(), error: Box::new(self) }
    }

    /// The error without the files that [`LoadError::In`] wrapped around it.
    pub fn root(&self) -> &LoadError {
        match self {
            LoadError::In { error, .. } => error.root(),
            other => other,
        }
    }
}
