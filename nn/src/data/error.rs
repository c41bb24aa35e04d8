//! One error type for everything that can be wrong with data from outside.
//!
//! A file is written by somebody else: no length, label or byte of it is trusted, and nothing in it may
//! make the program panic or allocate without bound. Each variant says what is wrong, where, and what
//! was expected; [`DataError::In`] puts the file's name in front.
//!
//! ```
//! use autograd::Tensor;
//! use nn::data::{DataError, Dataset};
//! let error = Dataset::new(Tensor::new([2, 1], vec![0.5f32, 1.0]), Tensor::new([2], vec![0, 7]), 3).unwrap_err();
//! assert!(matches!(error, DataError::LabelOutOfRange { position: 1, label: 7, classes: 3 }));
//! assert_eq!(error.to_string(), "label 7 at position 1: labels of 3 classes run from 0 to 2");
//! ```

use autograd::{MAX_RANK, Shape};
use std::fmt::Display;
use std::io;
use std::path::PathBuf;

/// What is wrong with a data set, a file of one, or a request for a part of one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// An error in a named place, usually a file.
    #[error("{origin}: {error}")]
    In {
        /// The file or files.
        origin: String,
        /// What is wrong there.
        error: Box<DataError>,
    },

    /// The operating system refused.
    #[error("cannot be read: {error}")]
    Io {
        /// The operating system's reason.
        error: io::Error,
    },
    /// A directory that does not exist.
    #[error("{}: no such directory", path.display())]
    MissingDirectory {
        /// As it was given.
        path: PathBuf,
    },
    /// Something else where a directory was expected.
    #[error("{}: not a directory", path.display())]
    NotADirectory {
        /// As it was given.
        path: PathBuf,
    },
    /// A file that exists under none of its usual names.
    #[error("{}: none of the files {} exists", directory.display(), tried.join(", "))]
    MissingFile {
        /// Where it was looked for.
        directory: PathBuf,
        /// The names, in the order of trying.
        tried: Vec<String>,
    },
    /// A compressed stream that is cut short or corrupt.
    #[error("cannot be decompressed as gzip: {error}")]
    Gzip {
        /// The decompressor's reason.
        error: io::Error,
    },
    /// More text than any sensible file of this format holds.
    #[error("holds more than {limit} bytes once decompressed, the limit for this format")]
    TooLong {
        /// The limit.
        limit: u64,
    },

    /// No examples, or examples without values.
    #[error("a data set needs at least one example of at least one value; the examples have shape {shape}")]
    Empty {
        /// The shape of the examples.
        shape: Shape,
    },
    /// Examples without an axis to count them.
    #[error("examples need a first axis that counts them; got a scalar")]
    NoExampleAxis,
    /// Labels that are not a list.
    #[error("labels need shape [n], one for each example; got shape {shape}")]
    LabelShape {
        /// The shape of the labels.
        shape: Shape,
    },
    /// Examples and labels that differ in number.
    #[error("{examples} examples but {labels} labels; each example needs exactly one label")]
    CountMismatch {
        /// How many examples there are.
        examples: usize,
        /// How many labels there are.
        labels: usize,
    },
    /// Nothing to tell apart.
    #[error("{classes} classes: classification needs at least 2")]
    TooFewClasses {
        /// The number of classes that was given.
        classes: usize,
    },
    /// A label that names no class.
    #[error("label {label} at position {position}: labels of {classes} classes run from 0 to {}", classes - 1)]
    LabelOutOfRange {
        /// Which label.
        position: usize,
        /// Its value.
        label: u32,
        /// The number of classes, at least 2.
        classes: usize,
    },
    /// A NaN or an infinity among the examples.
    #[error("example {example} holds {value} at {index:?}: every value must be finite")]
    NonFinite {
        /// Which example.
        example: usize,
        /// Where in the example.
        index: Vec<usize>,
        /// The value.
        value: f64,
    },
    /// An index of an example that does not exist.
    #[error("index {index} at position {position}: the data set has {len} examples, 0 to {}", len - 1)]
    IndexOutOfRange {
        /// Which of the indices.
        position: usize,
        /// Its value.
        index: usize,
        /// The number of examples, at least 1.
        len: usize,
    },
    /// An example shape with another number of values, or too many axes.
    #[error("examples of shape {from} cannot take the shape {to:?}: the number of values must be the same, and the axes at most {}", MAX_RANK - 1)]
    ExampleShape {
        /// The shape of one example.
        from: Shape,
        /// The lengths that were asked for.
        to: Vec<usize>,
    },
    /// A tensor given to be filled that has another shape than what goes into it.
    #[error("the batch's {what} have shape {expected:?}, the tensor to fill has shape {given:?}")]
    BatchShape {
        /// `examples` or `labels`.
        what: &'static str,
        /// The shape of what goes in.
        expected: Vec<usize>,
        /// The shape of the tensor.
        given: Vec<usize>,
    },

    /// A fraction that is no part of a whole.
    #[error("fraction {fraction} at position {position}: a fraction lies above 0 and at most at 1")]
    FractionOutOfRange {
        /// Which fraction.
        position: usize,
        /// Its value.
        fraction: f64,
    },
    /// Fractions that leave something over or ask for too much.
    #[error("the fractions add up to {sum}, not to 1")]
    FractionSum {
        /// What they add up to.
        sum: f64,
    },
    /// A part of a split that would get no example.
    #[error("part {part}, a fraction of {fraction}, gets none of {len} examples")]
    EmptyPart {
        /// Which part.
        part: usize,
        /// Its fraction.
        fraction: f64,
        /// The number of examples to share out.
        len: usize,
    },
    /// A number of folds that makes no folds.
    #[error("{folds} folds of {len} examples: there must be at least 2, and an example for each")]
    Folds {
        /// The number of folds.
        folds: usize,
        /// The number of examples.
        len: usize,
    },
    /// Values whose standard deviation is zero, or too large to be computed.
    #[error(
        "cannot be standardised: the values have standard deviation {deviation}; it must be positive and finite"
    )]
    NoSpread {
        /// The computed standard deviation.
        deviation: f64,
    },
    /// Minibatches of no examples.
    #[error("batch size 0: a minibatch needs at least one example")]
    ZeroBatchSize,
    /// Minibatches of nothing.
    #[error("no examples to draw minibatches from")]
    NothingToBatch,
    /// Incomplete batches dropped where no batch is complete.
    #[error("batch size {batch_size} with {len} examples: dropping the incomplete batch leaves none")]
    NoFullBatch {
        /// The batch size.
        batch_size: usize,
        /// The number of examples.
        len: usize,
    },

    /// A file that does not begin as IDX files do.
    #[error("not an IDX file: it begins with bytes {magic:02x?}, expected [00, 00, type, number of axes]")]
    NotIdx {
        /// The first four bytes.
        magic: [u8; 4],
    },
    /// An IDX file of values other than unsigned bytes.
    #[error("IDX type code 0x{code:02x} ({}) is not supported, only 0x08 (unsigned byte)", idx_type_name(*code))]
    IdxType {
        /// The type code, the third byte.
        code: u8,
    },
    /// An IDX file of no axes, or of more than a tensor has.
    #[error("an IDX file of {rank} axes: from 1 to {MAX_RANK} are supported")]
    IdxRank {
        /// The number of axes, the fourth byte.
        rank: u8,
    },
    /// An IDX header whose number of values overflows.
    #[error("the IDX header asks for {sizes:?} values, more than any memory holds")]
    IdxTooLarge {
        /// The sizes in the header.
        sizes: Vec<u32>,
    },
    /// A file that ends within its IDX header.
    #[error("cut short: the IDX header takes {expected} bytes, the data ends after {found}")]
    IdxHeaderCut {
        /// The length of the header.
        expected: u64,
        /// The number of bytes there are.
        found: u64,
    },
    /// An IDX file with fewer values than its header promises.
    #[error(
        "cut short: the IDX header with sizes {sizes:?} makes {expected} bytes, the data ends after {found}"
    )]
    IdxCut {
        /// The sizes in the header.
        sizes: Vec<u32>,
        /// The length that follows from the header, the header included.
        expected: u64,
        /// The number of bytes there are.
        found: u64,
    },
    /// An IDX file with more bytes than its header promises.
    #[error(
        "trailing bytes: the IDX header with sizes {sizes:?} makes {expected} bytes, there are at least {found}"
    )]
    IdxTrailing {
        /// The sizes in the header.
        sizes: Vec<u32>,
        /// The length that follows from the header, the header included.
        expected: u64,
        /// A number of bytes that there are.
        found: u64,
    },
    /// A sound IDX file of another kind, such as labels where images were expected.
    #[error("IDX magic number {magic} ({}), expected {expected} ({})", idx_kind(*magic), idx_kind(*expected))]
    IdxKind {
        /// The magic number of the kind that was expected.
        expected: u32,
        /// The magic number of the file.
        magic: u32,
    },
    /// Training and test images that differ in size.
    #[error("training images have shape {train}, test images {test}; they must agree")]
    ImageShapes {
        /// The shape of a training image.
        train: Shape,
        /// The shape of a test image.
        test: Shape,
    },

    /// A file that no number of CIFAR-10 records makes.
    #[error("{length} bytes are no whole number of CIFAR-10 records of 3073 bytes")]
    CifarLength {
        /// The length of the file.
        length: u64,
    },

    /// A file that does not begin as `.npy` files do.
    #[error(
        "not an .npy file: it begins with bytes {magic:02x?}, expected [93, 4e, 55, 4d, 50, 59] and a version"
    )]
    NotNpy {
        /// The first eight bytes.
        magic: [u8; 8],
    },
    /// An `.npy` file of a version that is not known.
    #[error(".npy version {major}.{minor} is not supported, only 1.0, 2.0 and 3.0")]
    NpyVersion {
        /// The seventh byte.
        major: u8,
        /// The eighth byte.
        minor: u8,
    },
    /// A file that ends within its `.npy` header.
    #[error("cut short: the .npy header takes {expected} bytes, the data ends after {found}")]
    NpyHeaderCut {
        /// How many bytes there should be, as far as was read.
        expected: u64,
        /// The number of bytes there are.
        found: u64,
    },
    /// An `.npy` header that is no dictionary of the three entries.
    #[error("the .npy header at byte {offset}: expected {expected}")]
    NpyHeader {
        /// Where in the header.
        offset: u64,
        /// What should be there.
        expected: &'static str,
    },
    /// An `.npy` file of elements that are not read.
    #[error(
        "elements of type {descr:?} are not supported, only \"<f4\", \"<f8\", \"<i4\", \"<i8\" and \"|u1\""
    )]
    NpyType {
        /// The type as NumPy writes it.
        descr: String,
    },
    /// An `.npy` file of too many axes or elements.
    #[error(
        "an array of shape {lengths:?}: at most {MAX_RANK} axes are supported, and as many elements as memory can hold"
    )]
    NpyShape {
        /// The lengths of the axes.
        lengths: Vec<usize>,
    },
    /// An `.npy` file with fewer or more bytes than its header promises.
    #[error("an array of shape {shape} makes a file of {expected} bytes, there are {found}")]
    NpyLength {
        /// The shape in the header.
        shape: Shape,
        /// The length that follows from the header, the header included.
        expected: u64,
        /// The number of bytes there are.
        found: u64,
    },
    /// An element of an array that can be no label.
    #[error("label {text} at position {position}: labels are integers from 0 to {}", u32::MAX)]
    NpyLabel {
        /// Which element.
        position: usize,
        /// The element as text.
        text: String,
    },

    /// A column that is not there, or more than once.
    #[error("there must be exactly one column {column}; the header has: {}", known.join(", "))]
    CsvColumn {
        /// What was asked for.
        column: String,
        /// The names in the header.
        known: Vec<String>,
    },
    /// A table of labels alone.
    #[error("there is no column but that of labels, {column}")]
    CsvNoFeatures {
        /// Its name.
        column: String,
    },
    /// A line of comma-separated values with too few or too many.
    #[error("line {line}: {found} comma-separated values, expected {expected}")]
    CsvFields {
        /// Which line, counted from 1.
        line: usize,
        /// How many values a line has.
        expected: usize,
        /// How many this one has.
        found: usize,
    },
    /// A comma-separated value that is not what its column holds.
    #[error("line {line}, column {column}: {text:?} is not {expected}")]
    CsvValue {
        /// Which line, counted from 1.
        line: usize,
        /// Which value of the line, counted from 1.
        column: usize,
        /// The value as it stands, shortened.
        text: String,
        /// What the column holds.
        expected: &'static str,
    },
}

impl DataError {
    /// The same error with the place where it occurred in front of its message.
    pub(crate) fn at(self, origin: impl Display) -> DataError {
        DataError::In { origin: origin.to_string(), error: Box::new(self) }
    }

    /// The error without the places that [`DataError::In`] wrapped around it.
    pub fn root(&self) -> &DataError {
        match self {
            DataError::In { error, .. } => error.root(),
            other => other,
        }
    }
}

/// The name of an IDX type code, from the description of the format on the MNIST page.
fn idx_type_name(code: u8) -> &'static str {
    match code {
        0x08 => "unsigned byte",
        0x09 => "signed byte",
        0x0b => "16-bit integer",
        0x0c => "32-bit integer",
        0x0d => "32-bit float",
        0x0e => "64-bit float",
        _ => "unknown",
    }
}

/// What a file with this IDX magic number holds.
fn idx_kind(magic: u32) -> String {
    match magic {
        2049 => "labels: unsigned bytes, 1 axis".into(),
        2051 => "images: unsigned bytes, 3 axes".into(),
        _ => format!("unsigned bytes, {} axes", magic & 0xff),
    }
}

#[cfg(test)]
mod tests;
