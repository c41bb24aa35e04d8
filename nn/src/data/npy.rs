//! NumPy's `.npy` files: one array each, with its type and shape in a header.
//!
//! ```text
//! 6 bytes        0x93 "NUMPY"
//! 2 bytes        version: 1.0, 2.0 or 3.0
//! 2 or 4 bytes   length of the header, little-endian; 2 in version 1
//! the header     {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), } and spaces, a newline at its end
//! then           the elements
//! ```
//!
//! Read are `f4`, `f8`, `i4`, `i8` (little-endian) and `u1`, in C and in Fortran order. The format is that of
//! NumPy's documentation, `numpy.lib.format`. The header is an expression of Python; the few forms of it that
//! stand for such an array are read here, by a parser without recursion: a general one can be sent into a stack
//! overflow by a header of brackets.
//!
//! A data set is two files, as `numpy.save("x.npy", x)` and `numpy.save("y.npy", y)` write them:
//!
//! ```
//! use nn::data::npy;
//! # fn main() -> Result<(), nn::data::DataError> {
//! let header = "{'descr': '<i4', 'fortran_order': False, 'shape': (2,), }\n";
//! let start = [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes()].concat();
//! let file = [&start[..], &7i32.to_le_bytes(), &1i32.to_le_bytes()].concat();
//! let array = npy::parse(&file)?;
//! assert_eq!(array.labels()?.data(), [7, 1]);
//! assert_eq!(array.real::<f32>().data(), [7.0, 1.0]);
//! # Ok(())
//! # }
//! ```

mod header;

use super::{DataError, Dataset};
use autograd::{Real, Shape, Tensor};
use header::{ElementType, Header};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

/// An array in one of the types that are read, row-major whatever the file's order.
#[derive(Debug, Clone, PartialEq)]
pub enum Array {
    /// `f4`.
    F32(Tensor<f32>),
    /// `f8`.
    F64(Tensor<f64>),
    /// `i4`.
    I32(Tensor<i32>),
    /// `i8`.
    I64(Tensor<i64>),
    /// `u1`.
    U8(Tensor<u8>),
}

impl Array {
    /// The lengths of the axes.
    pub fn shape(&self) -> Shape {
        match self {
            Array::F32(values) => values.shape(),
            Array::F64(values) => values.shape(),
            Array::I32(values) => values.shape(),
            Array::I64(values) => values.shape(),
            Array::U8(values) => values.shape(),
        }
    }

    /// The values as real numbers, each rounded to the nearest.
    pub fn real<T: Real>(&self) -> Tensor<T> {
        match self {
            Array::F32(values) => values.cast(),
            Array::F64(values) => values.cast(),
            Array::I32(values) => converted(values, |x| T::from_f64(x.into())),
            // An integer beyond 2^53 is rounded twice, which may be off by one last place in f32.
            Array::I64(values) => converted(values, |x| T::from_f64(x as f64)),
            Array::U8(values) => converted(values, |x| T::from_f64(x.into())),
        }
    }

    /// The values as labels.
    ///
    /// # Errors
    /// [`NpyLabel`](DataError::NpyLabel) for the first that is no integer from 0 to 2³² - 1.
    pub fn labels(&self) -> Result<Tensor<u32>, DataError> {
        match self {
            Array::F32(values) => labels(values, |x| integer(x.into())),
            Array::F64(values) => labels(values, integer),
            Array::I32(values) => labels(values, |x| u32::try_from(x).ok()),
            Array::I64(values) => labels(values, |x| u32::try_from(x).ok()),
            Array::U8(values) => labels(values, |x| Some(x.into())),
        }
    }
}

fn converted<E: Copy, F>(values: &Tensor<E>, convert: impl Fn(E) -> F) -> Tensor<F> {
    Tensor::from_fn(values.shape(), |flat| convert(values.data()[flat]))
}

fn integer(x: f64) -> Option<u32> {
    // A cast saturates, and turns NaN into 0: what comes back is another number then.
    (f64::from(x as u32) == x).then_some(x as u32)
}

fn labels<E: Copy + ToString>(
    values: &Tensor<E>,
    label: impl Fn(E) -> Option<u32>,
) -> Result<Tensor<u32>, DataError> {
    if let Some(position) = values.data().iter().position(|&value| label(value).is_none()) {
        return Err(DataError::NpyLabel { position, text: values.data()[position].to_string() });
    }
    Ok(converted(values, |value| label(value).expect("all were looked at")))
}

/// The data set of two files: examples, counted by the first axis, and their labels, of shape `[n]`.
///
/// # Errors
/// What [`read`], [`Array::labels`] and [`Dataset::new`] refuse: a NaN among the examples, a label that is no
/// class, numbers that do not agree.
pub fn read_dataset<T: Real>(
    examples: impl AsRef<Path>,
    labels: impl AsRef<Path>,
    classes: usize,
) -> Result<Dataset<T>, DataError> {
    let (examples, labels) = (examples.as_ref(), labels.as_ref());
    let values = read(examples)?.real();
    let chosen = read(labels)?.labels().map_err(|error| error.at(labels.display()))?;
    Dataset::new(values, chosen, classes)
        .map_err(|error| error.at(format_args!("{} with {}", examples.display(), labels.display())))
}

/// The array of the file at `path`.
///
/// # Errors
/// [`In`](DataError::In) the file: [`Io`](DataError::Io), or what [`parse`] refuses.
pub fn read(path: impl AsRef<Path>) -> Result<Array, DataError> {
    let path = path.as_ref();
    let open = || {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        Ok((BufReader::new(file), length))
    };
    open()
        .map_err(|error| DataError::Io { error })
        .and_then(|(file, length)| decode(file, length))
        .map_err(|error| error.at(path.display()))
}

/// The array of a file that is already in memory.
///
/// # Errors
/// [`NotNpy`](DataError::NotNpy), [`NpyVersion`](DataError::NpyVersion),
/// [`NpyHeaderCut`](DataError::NpyHeaderCut), [`NpyHeader`](DataError::NpyHeader),
/// [`NpyType`](DataError::NpyType), [`NpyShape`](DataError::NpyShape) for an unfit header;
/// [`NpyLength`](DataError::NpyLength) for a length that does not follow from it.
pub fn parse(bytes: &[u8]) -> Result<Array, DataError> {
    decode(bytes, bytes.len() as u64)
}

/// The one decoder behind [`read`] and [`parse`]: `length` is how many bytes `input` has.
fn decode(mut input: impl Read, length: u64) -> Result<Array, DataError> {
    let header = Header::read(&mut input, length)?;
    let mut bytes = Vec::new();
    // The file is as long as this, yet a sparse file can be longer than memory.
    let reserved = bytes.try_reserve_exact(header.data_length() as usize);
    reserved.map_err(|error| DataError::Io { error: error.into() })?;
    let read = input.take(header.data_length()).read_to_end(&mut bytes);
    read.map_err(|error| DataError::Io { error })?;
    // Only a file that shrank since its length was asked for ends early here.
    header.check_length(header.length + bytes.len() as u64)?;
    Ok(match header.element {
        ElementType::F32 => Array::F32(elements(&header, &bytes, f32::from_le_bytes)),
        ElementType::F64 => Array::F64(elements(&header, &bytes, f64::from_le_bytes)),
        ElementType::I32 => Array::I32(elements(&header, &bytes, i32::from_le_bytes)),
        ElementType::I64 => Array::I64(elements(&header, &bytes, i64::from_le_bytes)),
        ElementType::U8 => Array::U8(elements(&header, &bytes, u8::from_le_bytes)),
    })
}

/// The elements of `N` bytes each, brought into row-major order.
fn elements<E, const N: usize>(header: &Header, bytes: &[u8], element: impl Fn([u8; N]) -> E) -> Tensor<E> {
    let shape = header.shape;
    let at = |place: usize| element(bytes[N * place..][..N].try_into().expect("N bytes"));
    if !header.fortran_order {
        return Tensor::from_fn(shape, at);
    }
    // In the file the first axis is the fastest.
    let strides = shape.strides();
    Tensor::from_fn(shape, |flat| {
        let (mut place, mut step) = (0, 1);
        for (axis, &length) in shape.lengths().iter().enumerate() {
            place += flat / strides[axis] % length * step;
            step *= length;
        }
        at(place)
    })
}

#[cfg(test)]
mod tests;
