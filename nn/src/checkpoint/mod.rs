//! Checkpoints: parameters on disk, with everything that a training needs to go on.
//!
//! A [`Checkpoint`] is one file in the safetensors format: a JSON header with name, type, shape and place of
//! every tensor, then their bytes, little-endian. A model's parameters and an optimiser's memory (`OWNER/SLOT`)
//! lie side by side, as they do in [`Parameters`]; seed and [`Position`] stand in the header. That is all of a
//! training's state: order of examples, draws and learning rate are functions of seed and step.
//!
//! # Whole or not there
//!
//! [`Checkpoint::save`] writes a temporary file beside the old one, brings it to the disk and renames it
//! ([`files`](crate::files)): a process that dies at any moment leaves the old checkpoint or the new one.
//! [`Checkpoint::load`] trusts nothing: every length is held against the file's own before memory is asked for,
//! and [`Checkpoint::restore`] changes nothing until every name and shape has been compared.
//!
//! # From Python
//!
//! Names are those of [`ParameterSpec`]s, shapes those of the graph, row-major:
//!
//! ```text
//! >>> from safetensors.numpy import load_file
//! >>> {name: (t.dtype, t.shape) for name, t in load_file("digits.safetensors").items()}
//! {'linear1.bias': (dtype('float32'), (32,)), 'linear1.weight': (dtype('float32'), (64, 32)), ...
//! ```
//!
//! A file that Python saved opens too, if its tensors are of the model's precision; it says nothing about
//! seed and position, so it can be restored but not resumed.
//!
//! ```
//! use nn::data::digits;
//! use nn::{Activation, Checkpoint, Optimiser, Sequential, Trainer, initialise};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let data = digits::load()?.flattened();
//! let model = Sequential::<f32>::mlp(&[64, 10], Activation::Relu);
//! let trainer = || Trainer::new(&model, Optimiser::adam(0.01)).seed(7);
//!
//! let mut parameters = initialise(&model, 7);
//! let mut first = trainer().epochs(1);
//! let curve = first.fit(&data, None, &mut parameters)?;
//! let path = tempfile::tempdir()?.keep().join("digits.safetensors");
//! first.checkpoint(curve.position, &parameters).save(&path)?;
//!
//! let mut resumed = autograd::Parameters::new();
//! trainer().resume(&Checkpoint::load(&path)?, &mut resumed)?.epochs(1).fit(&data, None, &mut resumed)?;
//! let mut whole = initialise(&model, 7);
//! trainer().epochs(2).fit(&data, None, &mut whole)?;
//! assert_eq!(resumed, whole);
//! # std::fs::remove_dir_all(path.parent().unwrap())?;
//! # Ok(())
//! # }
//! ```

mod error;
mod header;

pub use error::LoadError;

use crate::files::{WriteError, write_atomically};
use crate::parameter::ParameterSpec;
use crate::train::Position;
use autograd::{Parameters, Real, Shape, Tensor};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use std::collections::BTreeMap;
use std::path::Path;

/// What goes into a file and comes out of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint<T: Real> {
    /// A model's parameters, and the memory of its optimiser if there is one.
    pub parameters: Parameters<T>,
    /// How the training goes on; `None` for parameters alone.
    pub training: Option<TrainingState>,
    /// Whatever else is worth knowing.
    pub metadata: BTreeMap<String, String>,
}

/// What a training needs besides parameters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrainingState {
    /// The seed of the order of examples and of all draws.
    pub seed: u64,
    /// Where the training stands.
    pub position: Position,
}

impl<T: Real> Checkpoint<T> {
    /// Parameters alone.
    pub fn new(parameters: Parameters<T>) -> Checkpoint<T> {
        Checkpoint { parameters, training: None, metadata: BTreeMap::new() }
    }

    /// The same with a further line of metadata.
    pub fn with_metadata(mut self, key: &str, value: &str) -> Checkpoint<T> {
        self.metadata.insert(key.into(), value.into());
        self
    }

    /// Replaces the file at `path`, or creates it, in one step.
    ///
    /// # Errors
    /// As [`write_atomically`].
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), WriteError> {
        write_atomically(path, &self.encode())
    }

    /// The bytes of the file. The same checkpoint makes the same bytes.
    pub fn encode(&self) -> Vec<u8> {
        let tensors = self.parameters.iter().map(|(name, value)| (name.to_string(), Bytes::of(value)));
        let header = header::encode(self.training.as_ref(), &self.metadata);
        safetensors::serialize(tensors, Some(header)).expect("lengths and shapes agree")
    }

    /// The checkpoint at `path`.
    ///
    /// # Errors
    /// [`LoadError::In`] the file: [`LoadError::Io`], or what [`Checkpoint::decode`] refuses.
    pub fn load(path: impl AsRef<Path>) -> Result<Checkpoint<T>, LoadError> {
        let path = path.as_ref();
        let bytes = std::fs::read(path).map_err(|error| LoadError::Io { error });
        bytes.and_then(|bytes| Checkpoint::decode(&bytes)).map_err(|error| error.at(path))
    }

    /// The checkpoint in the bytes of a file. Tensors come in the order of their names.
    ///
    /// # Errors
    /// [`LoadError::Malformed`] if they are cut short, or no safetensors file at all;
    /// [`LoadError::WrongType`], [`LoadError::TooManyAxes`] for a tensor that does not fit `T` or a
    /// [`Shape`]; [`LoadError::Header`] for a training state that makes no sense.
    pub fn decode(bytes: &[u8]) -> Result<Checkpoint<T>, LoadError> {
        let malformed = |error| LoadError::Malformed { error };
        let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(malformed)?;
        let (training, metadata) = header::decode(metadata.metadata().as_ref())?;
        let file = SafeTensors::deserialize(bytes).map_err(malformed)?;
        let mut tensors = file.tensors();
        tensors.sort_by(|a, b| a.0.cmp(&b.0));
        // Everything is looked at before the first tensor is copied.
        let shapes =
            tensors.iter().map(|(name, view)| shape::<T>(name, view)).collect::<Result<Vec<_>, _>>()?;
        let mut parameters = Parameters::new();
        for ((name, view), shape) in tensors.iter().zip(shapes) {
            parameters.insert(name, Tensor::new(shape, values(view.data())));
        }
        Ok(Checkpoint { parameters, training, metadata })
    }

    /// Gives `parameters` the values of those that `specs` names, in that order if they are new. Anything else
    /// among `parameters` stays as it is.
    ///
    /// What an optimiser remembers, by its name `OWNER/SLOT`, may be in the checkpoint and not be asked for: a
    /// model is restored for predictions by `checkpoint.restore(&model.parameters(), &mut parameters)`. No
    /// other tensor may.
    ///
    /// # Errors
    /// [`LoadError::Missing`], [`LoadError::WrongShape`] or [`LoadError::Extra`], with nothing changed.
    pub fn restore(&self, specs: &[ParameterSpec], parameters: &mut Parameters<T>) -> Result<(), LoadError> {
        self.restore_all_but(|name| name.contains('/'), specs, parameters)
    }

    /// [`Checkpoint::restore`], but nothing may be left over: for a training that goes on.
    pub(crate) fn restore_exactly(
        &self,
        specs: &[ParameterSpec],
        parameters: &mut Parameters<T>,
    ) -> Result<(), LoadError> {
        self.restore_all_but(|_| false, specs, parameters)
    }

    fn restore_all_but(
        &self,
        may_be_left: impl Fn(&str) -> bool,
        specs: &[ParameterSpec],
        parameters: &mut Parameters<T>,
    ) -> Result<(), LoadError> {
        for ParameterSpec { name, shape, .. } in specs {
            let (name, expected) = (name.clone(), *shape);
            match self.parameters.get(&name).map(Tensor::shape) {
                None => return Err(LoadError::Missing { name, shape: expected }),
                Some(found) if found != expected => {
                    return Err(LoadError::WrongShape { name, expected, found });
                }
                Some(_) => {}
            }
        }
        let asked = |name: &str| specs.iter().any(|spec| spec.name == name);
        let names = self.parameters.iter().map(|(name, _)| name);
        let extra = names.filter(|name| !asked(name) && !may_be_left(name));
        let names: Vec<String> = extra.map(String::from).collect();
        if !names.is_empty() {
            return Err(LoadError::Extra { names });
        }
        for ParameterSpec { name, .. } in specs {
            parameters.insert(name, self.parameters[name].clone());
        }
        Ok(())
    }
}

/// The bytes of a tensor, little-endian.
struct Bytes {
    dtype: Dtype,
    shape: Vec<usize>,
    data: Vec<u8>,
}

impl Bytes {
    fn of<T: Real>(tensor: &Tensor<T>) -> Bytes {
        let width = size_of::<T>();
        let bytes = tensor.data().iter().map(|value| value.bits().to_le_bytes());
        Bytes {
            dtype: dtype::<T>(),
            shape: tensor.shape().lengths().to_vec(),
            data: bytes.flat_map(|bytes| bytes.into_iter().take(width)).collect(),
        }
    }
}

impl safetensors::View for Bytes {
    fn dtype(&self) -> Dtype {
        self.dtype
    }
    fn shape(&self) -> &[usize] {
        &self.shape
    }
    fn data(&self) -> std::borrow::Cow<'_, [u8]> {
        (&self.data[..]).into()
    }
    fn data_len(&self) -> usize {
        self.data.len()
    }
}

fn dtype<T: Real>() -> Dtype {
    if size_of::<T>() == 4 { Dtype::F32 } else { Dtype::F64 }
}

/// The values of a tensor of `T`'s type.
fn values<T: Real>(bytes: &[u8]) -> Vec<T> {
    let single = |bytes: &[u8]| f64::from(f32::from_le_bytes(bytes.try_into().expect("four bytes")));
    let double = |bytes: &[u8]| f64::from_le_bytes(bytes.try_into().expect("eight bytes"));
    let value = |bytes: &[u8]| if bytes.len() == 4 { single(bytes) } else { double(bytes) };
    bytes.chunks_exact(size_of::<T>()).map(|bytes| T::from_f64(value(bytes))).collect()
}

/// The shape of a tensor that can become one of `T`.
fn shape<T: Real>(name: &str, view: &TensorView<'_>) -> Result<Shape, LoadError> {
    if view.dtype() != dtype::<T>() {
        let found = view.dtype().to_string();
        return Err(LoadError::WrongType { name: name.into(), expected: dtype::<T>().to_string(), found });
    }
    let lengths = view.shape();
    Shape::try_new(lengths)
        .ok_or_else(|| LoadError::TooManyAxes { name: name.into(), lengths: lengths.into() })
}

#[cfg(test)]
mod tests;
