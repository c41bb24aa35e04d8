//! One entry for each parser of bytes from outside: it must return, whatever the bytes are.
//!
//! The fuzz targets call these, and so does `nn/tests/hostile.rs`, which needs no nightly compiler.

use nn::Checkpoint;
use nn::data::csv::Column;
use nn::data::{cifar, csv, digits, idx, npy};

/// An entry: whether the bytes were accepted.
pub type Entry = fn(&[u8]) -> bool;

/// Every parser by its name, which is that of its fuzz target.
pub const ENTRIES: [(&str, Entry); 6] = [
    ("checkpoint", checkpoint),
    ("cifar", cifar),
    ("csv", csv),
    ("digits", digits),
    ("idx", idx),
    ("npy", npy),
];

pub fn checkpoint(bytes: &[u8]) -> bool {
    let single = Checkpoint::<f32>::decode(bytes);
    if let Ok(checkpoint) = &single {
        // What was read can be written, and reads the same.
        let again = Checkpoint::<f32>::decode(&checkpoint.encode()).expect("written by ourselves");
        assert_eq!(again.training, checkpoint.training);
        assert_eq!(again.parameters.len(), checkpoint.parameters.len());
    }
    single.is_ok() || Checkpoint::<f64>::decode(bytes).is_ok()
}

pub fn cifar(bytes: &[u8]) -> bool {
    cifar::parse(bytes).is_ok()
}

pub fn csv(bytes: &[u8]) -> bool {
    let named = csv::parse(bytes, Column::Named("y"));
    if let Ok(table) = &named {
        assert_eq!(table.features.len(), table.data.width());
        assert_eq!(table.classes.len(), table.data.classes());
    }
    named.is_ok() || csv::parse(bytes, Column::At(0)).is_ok()
}

pub fn digits(bytes: &[u8]) -> bool {
    digits::parse(bytes).is_ok()
}

pub fn idx(bytes: &[u8]) -> bool {
    idx::parse(bytes).is_ok()
}

pub fn npy(bytes: &[u8]) -> bool {
    let array = npy::parse(bytes);
    if let Ok(array) = &array {
        assert_eq!(array.real::<f32>().shape(), array.shape());
        let _ = array.labels();
    }
    array.is_ok()
}
