//! IDX files: the format of MNIST, Fashion-MNIST, KMNIST and EMNIST.
//!
//! A file is a magic number, a list of sizes and the values, last axis fastest; integers are big-endian:
//!
//! ```text
//! byte 0    0
//! byte 1    0
//! byte 2    type of the values: 0x08 is unsigned byte, the only one read here
//! byte 3    number of axes r
//! then      r sizes, 4 bytes each
//! then      the product of the sizes in bytes
//! ```
//!
//! So images (3 axes) have magic number 2051, labels (1 axis) 2049. The format is described by Y. LeCun,
//! C. Cortes, C. J. C. Burges, *The MNIST database of handwritten digits*, section "File formats".
//!
//! Files may be gzip-compressed; content decides, not the name. The sizes in a header are only a claim:
//! they are held against the file's length before memory is asked for, and a compressed file is
//! decompressed up to one byte more than the claim, into memory that grows with what is really there.
//!
//! ```
//! use autograd::Tensor;
//! use nn::data::idx;
//! # fn main() -> Result<(), nn::data::DataError> {
//! let labels = Tensor::new([3], vec![5u8, 0, 4]);
//! let file = idx::encode(&labels);
//! assert_eq!(file, [0, 0, 8, 1, 0, 0, 0, 3, 5, 0, 4]);
//! assert_eq!(idx::parse(&file)?, labels);
//! assert!(idx::parse(&file[..10]).is_err());
//! # Ok(())
//! # }
//! ```

use super::gzip::Source;
use super::{DataError, Dataset};
use autograd::{MAX_RANK, Shape, Tensor};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

/// The type code of unsigned bytes.
const UNSIGNED_BYTE: u8 = 0x08;
/// The magic number of a file of labels: unsigned bytes, 1 axis.
const LABELS_MAGIC: u32 = 2049;
/// The magic number of a file of images: unsigned bytes, 3 axes.
const IMAGES_MAGIC: u32 = 2051;

/// The training and test set of a directory with the four usual files, each under one of its usual names:
/// `train-images-idx3-ubyte` and `train-labels-idx1-ubyte`, `t10k-` for the test set, with `.` in place of
/// the hyphen before `idx`, and with `.gz` at the end. The first that exists is read, in that order.
///
/// Images have shape `[n, rows, columns]` with values in 0 to 1: the byte divided by 255. The number of
/// classes is one more than the largest label of either set, at least 2.
///
/// # Errors
/// [`MissingDirectory`](DataError::MissingDirectory), [`NotADirectory`](DataError::NotADirectory),
/// [`MissingFile`](DataError::MissingFile) with the names tried; what [`read_images`], [`read_labels`] and
/// [`Dataset::new`] refuse; [`ImageShapes`](DataError::ImageShapes) if the sets differ in image size.
pub fn load_directory(directory: impl AsRef<Path>) -> Result<(Dataset, Dataset), DataError> {
    let directory = directory.as_ref();
    super::check_directory(directory)?;
    // All names first: a missing file is better known before the others are read.
    let [train_images, train_labels, test_images, test_labels] = [
        "train-images?idx3-ubyte",
        "train-labels?idx1-ubyte",
        "t10k-images?idx3-ubyte",
        "t10k-labels?idx1-ubyte",
    ]
    .map(|name| find(directory, name));
    let train_files = [train_images?, train_labels?];
    let test_files = [test_images?, test_labels?];

    let (images, labels) = (read_images(&train_files[0])?, read_labels(&train_files[1])?);
    let (test_images, test_labels) = (read_images(&test_files[0])?, read_labels(&test_files[1])?);
    let largest = labels.data().iter().chain(test_labels.data()).copied().max().unwrap_or(0);
    let classes = (largest as usize + 1).max(2);
    let dataset = |images, labels, [images_path, labels_path]: [PathBuf; 2]| {
        Dataset::new(images, labels, classes).map_err(|error| {
            error.at(format_args!("{} with {}", images_path.display(), labels_path.display()))
        })
    };
    let train = dataset(images, labels, train_files)?;
    let test = dataset(test_images, test_labels, test_files)?;
    if train.example_shape() != test.example_shape() {
        let error = DataError::ImageShapes { train: train.example_shape(), test: test.example_shape() };
        return Err(error.at(directory.display()));
    }
    Ok((train, test))
}

/// The file that exists under one of the variants of `pattern`, whose `?` stands for `-` or `.`.
fn find(directory: &Path, pattern: &str) -> Result<PathBuf, DataError> {
    let tried = ["-", ".", "-.gz", "..gz"].map(|variant| {
        let (separator, end) = variant.split_at(1);
        pattern.replace('?', separator) + end
    });
    let found = tried.iter().map(|name| directory.join(name)).find(|path| path.exists());
    found.ok_or_else(|| DataError::MissingFile { directory: directory.into(), tried: tried.into() })
}

/// The images of an IDX file, `[n, rows, columns]`, scaled to 0 to 1: each byte divided by 255.
///
/// # Errors
/// As for [`read`], and [`IdxKind`](DataError::IdxKind) if the file holds no images.
pub fn read_images(path: impl AsRef<Path>) -> Result<Tensor<f32>, DataError> {
    let bytes = read_kind(path.as_ref(), IMAGES_MAGIC)?;
    let values = bytes.data();
    Ok(Tensor::from_fn(bytes.shape(), |i| f32::from(values[i]) / 255.0))
}

/// The labels of an IDX file, `[n]`.
///
/// # Errors
/// As for [`read`], and [`IdxKind`](DataError::IdxKind) if the file holds no labels.
pub fn read_labels(path: impl AsRef<Path>) -> Result<Tensor<u32>, DataError> {
    let bytes = read_kind(path.as_ref(), LABELS_MAGIC)?;
    let values = bytes.data();
    Ok(Tensor::from_fn(bytes.shape(), |i| u32::from(values[i])))
}

/// The values of the IDX file at `path` if it has the magic number `expected`.
fn read_kind(path: &Path, expected: u32) -> Result<Tensor<u8>, DataError> {
    let bytes = read(path)?;
    let magic = u32::from(UNSIGNED_BYTE) << 8 | bytes.shape().rank() as u32;
    if magic == expected { Ok(bytes) } else { Err(DataError::IdxKind { expected, magic }.at(path.display())) }
}

/// The values of an IDX file of unsigned bytes, plain or gzip-compressed, in the shape of its header.
///
/// # Errors
/// [`In`](DataError::In) the file: [`Io`](DataError::Io), or what [`parse`] refuses.
pub fn read(path: impl AsRef<Path>) -> Result<Tensor<u8>, DataError> {
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

/// The values of an IDX file of unsigned bytes that is already in memory, plain or gzip-compressed.
///
/// # Errors
/// [`Gzip`](DataError::Gzip) for a corrupt stream; [`NotIdx`](DataError::NotIdx),
/// [`IdxType`](DataError::IdxType), [`IdxRank`](DataError::IdxRank), [`IdxTooLarge`](DataError::IdxTooLarge)
/// for an unfit header; [`IdxHeaderCut`](DataError::IdxHeaderCut), [`IdxCut`](DataError::IdxCut),
/// [`IdxTrailing`](DataError::IdxTrailing) for a length that does not follow from it.
pub fn parse(bytes: &[u8]) -> Result<Tensor<u8>, DataError> {
    decode(bytes, bytes.len() as u64)
}

/// The IDX file of `values`.
///
/// # Panics
/// If there are no axes, or an axis is longer than the format's 32 bits can say.
#[track_caller]
pub fn encode(values: &Tensor<u8>) -> Vec<u8> {
    let shape = values.shape();
    assert!(shape.rank() > 0, "an IDX file has at least one axis");
    let mut file = vec![0, 0, UNSIGNED_BYTE, shape.rank() as u8];
    for &length in shape.lengths() {
        let length = u32::try_from(length).unwrap_or_else(|_| panic!("shape {shape} in an IDX file"));
        file.extend(length.to_be_bytes());
    }
    file.extend(values.data());
    file
}

/// The one decoder behind [`read`] and [`parse`]: `length` is how many bytes `input` has.
fn decode<R: BufRead>(input: R, length: u64) -> Result<Tensor<u8>, DataError> {
    let mut source = Source::detect(input)?;
    let header = Header::read(&mut source)?;
    let count = header.shape.numel() as u64;
    let mut values = Vec::new();
    if source.is_plain() {
        header.check_length(length)?;
        // The file is as long as this, yet a sparse file can be longer than memory.
        let reserved = values.try_reserve_exact(count as usize);
        reserved.map_err(|error| DataError::Io { error: error.into() })?;
    }
    // One byte more than there should be: enough to see that there are too many. In a compressed file it
    // also makes the decompressor check the checksum at the end.
    source.read_up_to(count + 1, &mut values)?;
    header.check_length(header.length() + values.len() as u64)?;
    Ok(Tensor::new(header.shape, values))
}

/// The header of an IDX file of unsigned bytes.
///
/// Invariant: `shape` has the lengths `sizes`.
struct Header {
    sizes: Vec<u32>,
    shape: Shape,
}

impl Header {
    fn read<R: BufRead>(source: &mut Source<R>) -> Result<Header, DataError> {
        let magic: [u8; 4] = read_exactly(source, 4, 0)?.try_into().expect("four bytes");
        let [0, 0, code, rank] = magic else {
            return Err(DataError::NotIdx { magic });
        };
        if code != UNSIGNED_BYTE {
            return Err(DataError::IdxType { code });
        }
        if !(1..=MAX_RANK).contains(&usize::from(rank)) {
            return Err(DataError::IdxRank { rank });
        }
        let bytes = read_exactly(source, 4 * u64::from(rank), 4)?;
        let sizes: Vec<u32> = bytes
            .chunks_exact(4)
            .map(|size| u32::from_be_bytes(size.try_into().expect("four bytes")))
            .collect();
        let lengths: Option<Vec<usize>> = sizes.iter().map(|&size| usize::try_from(size).ok()).collect();
        match lengths.and_then(|lengths| Shape::try_new(&lengths)) {
            Some(shape) => Ok(Header { sizes, shape }),
            None => Err(DataError::IdxTooLarge { sizes }),
        }
    }

    /// The number of bytes of the header itself.
    fn length(&self) -> u64 {
        4 + 4 * self.sizes.len() as u64
    }

    /// Checks that the whole file, header and values, takes `found` bytes.
    fn check_length(&self, found: u64) -> Result<(), DataError> {
        let sizes = self.sizes.clone();
        // No overflow: a shape has at most isize::MAX / 8 elements.
        let expected = self.length() + self.shape.numel() as u64;
        match found.cmp(&expected) {
            std::cmp::Ordering::Less => Err(DataError::IdxCut { sizes, expected, found }),
            std::cmp::Ordering::Equal => Ok(()),
            std::cmp::Ordering::Greater => Err(DataError::IdxTrailing { sizes, expected, found }),
        }
    }
}

/// The next `count` bytes of a header, `before` of which have been read already.
fn read_exactly<R: BufRead>(source: &mut Source<R>, count: u64, before: u64) -> Result<Vec<u8>, DataError> {
    let mut bytes = Vec::new();
    source.read_up_to(count, &mut bytes)?;
    let found = bytes.len() as u64;
    if found < count {
        return Err(DataError::IdxHeaderCut { expected: before + count, found: before + found });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
