//! CIFAR-10 in its binary version: 60,000 colour images of 32 by 32 pixels in ten classes.
//!
//! A file is a sequence of records of 3,073 bytes without any header (A. Krizhevsky, *Learning Multiple Layers
//! of Features from Tiny Images*, 2009, and the data set's page, section "Binary version"):
//!
//! ```text
//! byte 0         label, 0 to 9
//! then 1024      the red values, row by row
//! then 1024      the green ones
//! then 1024      the blue ones
//! ```
//!
//! So a record is already an image of shape `[3, 32, 32]`. Nothing but its length tells such a file from any
//! other: it must be a multiple of 3,073, which is checked before memory is asked for.
//!
//! ```
//! use nn::data::cifar;
//! # fn main() -> Result<(), nn::data::DataError> {
//! let mut file = vec![0u8; 2 * 3073];
//! file[3073] = 9; // the second label
//! file[3074] = 255; // its first red value
//! let data = cifar::parse(&file)?;
//! assert_eq!(data.examples().shape().lengths(), [2, 3, 32, 32]);
//! assert_eq!((data.labels()[[1]], data.example(1)[0]), (9, 1.0));
//! assert!(cifar::parse(&file[1..]).is_err());
//! # Ok(())
//! # }
//! ```

use super::{DataError, Dataset};
use autograd::Tensor;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The names of the classes, in the order of their labels.
pub const CLASSES: [&str; 10] =
    ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

/// Rows and columns of an image.
const SIDE: usize = 32;
/// Values of an image.
const VALUES: usize = 3 * SIDE * SIDE;
/// Bytes of a label and its image.
const RECORD: usize = 1 + VALUES;

/// The training and test set of a directory with `data_batch_1.bin` to `data_batch_5.bin` and
/// `test_batch.bin`, as they are unpacked: 50,000 and 10,000 images if it is the original.
///
/// # Errors
/// [`MissingDirectory`](DataError::MissingDirectory), [`NotADirectory`](DataError::NotADirectory),
/// [`MissingFile`](DataError::MissingFile); what [`read`] refuses.
pub fn load_directory(directory: impl AsRef<Path>) -> Result<(Dataset, Dataset), DataError> {
    let directory = directory.as_ref();
    super::check_directory(directory)?;
    let find = |name: String| {
        let path = directory.join(&name);
        let missing = || DataError::MissingFile { directory: directory.into(), tried: vec![name.clone()] };
        if path.exists() { Ok(path) } else { Err(missing()) }
    };
    // All names first: a missing file is better known before the others are read.
    let batches: Vec<PathBuf> =
        (1..=5).map(|number| find(format!("data_batch_{number}.bin"))).collect::<Result<_, _>>()?;
    let test = find("test_batch.bin".into())?;
    let mut train = Vec::new();
    for path in &batches {
        read_records(path, &mut train)?;
    }
    let train = parse(&train).map_err(|error| error.at(directory.display()))?;
    Ok((train, read(test)?))
}

/// The images `[n, 3, 32, 32]` of one file, with values in 0 to 1: each byte divided by 255.
///
/// # Errors
/// [`In`](DataError::In) the file: [`Io`](DataError::Io), or what [`parse`] refuses.
pub fn read(path: impl AsRef<Path>) -> Result<Dataset, DataError> {
    let (path, mut bytes) = (path.as_ref(), Vec::new());
    read_records(path, &mut bytes)?;
    parse(&bytes).map_err(|error| error.at(path.display()))
}

/// The images of a file that is already in memory.
///
/// # Errors
/// [`CifarLength`](DataError::CifarLength) if it is no sequence of whole records,
/// [`LabelOutOfRange`](DataError::LabelOutOfRange), [`Empty`](DataError::Empty) for no record.
pub fn parse(bytes: &[u8]) -> Result<Dataset, DataError> {
    check_length(bytes.len() as u64)?;
    check_labels(bytes)?;
    let records = bytes.chunks_exact(RECORD);
    let count = records.len();
    let labels = records.clone().map(|record| u32::from(record[0])).collect();
    let values = records.flat_map(|record| &record[1..]).map(|&byte| f32::from(byte) / 255.0).collect();
    Dataset::new(Tensor::new([count, 3, SIDE, SIDE], values), Tensor::new([count], labels), CLASSES.len())
}

/// Appends the bytes of a file whose length and labels are as they must be.
fn read_records(path: &Path, bytes: &mut Vec<u8>) -> Result<(), DataError> {
    let start = bytes.len();
    let io = |error: io::Error| DataError::Io { error };
    let mut append = || {
        let mut file = File::open(path).map_err(io)?;
        let length = file.metadata().map_err(io)?.len();
        check_length(length)?;
        // The file is as long as this, yet a sparse file can be longer than memory.
        let reserved = bytes.try_reserve_exact(length as usize);
        reserved.map_err(|error| io(error.into()))?;
        file.by_ref().take(length).read_to_end(bytes).map_err(io)?;
        check_length((bytes.len() - start) as u64)?;
        check_labels(&bytes[start..])
    };
    append().map_err(|error| error.at(path.display()))
}

fn check_length(length: u64) -> Result<(), DataError> {
    if length.is_multiple_of(RECORD as u64) { Ok(()) } else { Err(DataError::CifarLength { length }) }
}

fn check_labels(bytes: &[u8]) -> Result<(), DataError> {
    let labels = bytes.iter().step_by(RECORD).enumerate();
    for (position, &label) in labels {
        if usize::from(label) >= CLASSES.len() {
            return Err(DataError::LabelOutOfRange { position, label: label.into(), classes: CLASSES.len() });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    /// Records with these labels; the value at place `i` of record `r` is `7 r + i`, wrapped.
    fn file(labels: &[u8]) -> Vec<u8> {
        let record = |(r, &label): (usize, &u8)| {
            let values = (0..VALUES).map(move |i| (7 * r + i) as u8);
            std::iter::once(label).chain(values)
        };
        labels.iter().enumerate().flat_map(record).collect()
    }

    fn refusal(bytes: &[u8]) -> String {
        parse(bytes).unwrap_err().to_string()
    }

    #[test]
    fn records_are_images_channel_after_channel() {
        let data = parse(&file(&[3, 9])).unwrap();
        assert_eq!(data.labels().data(), [3, 9]);
        assert_eq!((data.len(), data.classes()), (2, 10));
        for (channel, row, column) in [(0, 0, 0), (1, 31, 2), (2, 5, 31)] {
            let byte = (7 + channel * 1024 + row * 32 + column) as u8;
            assert_eq!(data.examples()[[1, channel, row, column]], f32::from(byte) / 255.0);
        }
    }

    #[test]
    fn every_cut_is_an_error() {
        let whole = file(&[1, 2]);
        for length in (1..whole.len()).filter(|length| *length != RECORD) {
            assert_eq!(
                refusal(&whole[..length]),
                format!("{length} bytes are no whole number of CIFAR-10 records of 3073 bytes")
            );
        }
        assert!(matches!(parse(&[]), Err(DataError::Empty { .. })));
    }

    #[test]
    fn every_label_above_nine_is_refused() {
        for label in 10..=255 {
            assert_eq!(
                refusal(&file(&[0, 9, label])),
                format!("label {label} at position 2: labels of 10 classes run from 0 to 9")
            );
        }
    }

    fn directory() -> TempDir {
        let directory = tempfile::tempdir().unwrap();
        for number in 1..=5u8 {
            std::fs::write(directory.path().join(format!("data_batch_{number}.bin")), file(&[number, 0]))
                .unwrap();
        }
        std::fs::write(directory.path().join("test_batch.bin"), file(&[7])).unwrap();
        directory
    }

    fn load_refusal(directory: &TempDir) -> String {
        let error = load_directory(directory.path()).unwrap_err().to_string();
        error.replace(directory.path().to_str().unwrap(), "DIR")
    }

    #[test]
    fn a_directory_is_five_batches_and_a_test_batch() {
        let (train, test) = load_directory(directory().path()).unwrap();
        assert_eq!(train.labels().data(), [1, 0, 2, 0, 3, 0, 4, 0, 5, 0]);
        assert_eq!(test.labels().data(), [7]);
    }

    #[test]
    fn what_is_missing_or_unfit_is_named() {
        let directory = directory();
        let path = directory.path().join("data_batch_4.bin");
        std::fs::write(&path, file(&[0, 12])).unwrap();
        assert_eq!(
            load_refusal(&directory),
            "DIR/data_batch_4.bin: label 12 at position 1: labels of 10 classes run from 0 to 9"
        );
        std::fs::write(&path, b"short").unwrap();
        assert_eq!(
            load_refusal(&directory),
            "DIR/data_batch_4.bin: 5 bytes are no whole number of CIFAR-10 records of 3073 bytes"
        );
        std::fs::remove_file(&path).unwrap();
        assert_eq!(load_refusal(&directory), "DIR: none of the files data_batch_4.bin exists");
        let error = load_directory(directory.path().join("absent")).unwrap_err();
        assert!(matches!(error, DataError::MissingDirectory { .. }));
    }
}
