//! Every parser of files on bytes that nobody meant: the corpus in `data/malformed`, random ones, and good files
//! with bytes changed, cut and repeated. A parser must return, and must not ask for memory by what a header
//! claims.
//!
//! The entries are those of the fuzz targets (`nn/fuzz`), which look further than a test run can.

#[path = "../fuzz/entries.rs"]
mod entries;

use autograd::{Parameters, Tensor};
use entries::{ENTRIES, Entry};
use nn::{Checkpoint, data::idx};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;
use std::path::Path;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// What a parser may allocate in all for an input of `length` bytes, buffers that grow by doubling counted
/// each time.
///
/// Each byte of a table's text can be an empty field's comma: 16 bytes of offsets in two records and of names.
/// Each byte of an image becomes a number of 4 bytes, copied once or twice. Four megabytes are for decompression
/// and for the names of 65,536 classes, whatever the input. The claims in the corpus begin at 99 megabytes.
fn most(length: usize) -> usize {
    (4 << 20) + 256 * length
}

/// Runs an entry within its bound; whether the bytes were accepted.
fn within_bounds(name: &str, entry: Entry, bytes: &[u8]) -> bool {
    let region = Region::new(ALLOCATOR);
    let accepted = entry(bytes);
    let allocated = region.change().bytes_allocated;
    assert!(
        allocated <= most(bytes.len()),
        "{name} allocated {allocated} bytes for an input of {}: {:02x?}",
        bytes.len(),
        &bytes[..bytes.len().min(64)]
    );
    accepted
}

fn corpus() -> Vec<(String, Vec<u8>)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/malformed");
    let mut files: Vec<_> = std::fs::read_dir(directory)
        .unwrap()
        .map(|file| file.unwrap())
        .map(|file| (file.file_name().into_string().unwrap(), std::fs::read(file.path()).unwrap()))
        .collect();
    files.sort();
    files
}

/// A good file for each parser, small.
fn good(name: &str) -> Vec<u8> {
    match name {
        "checkpoint" => {
            let mut parameters = Parameters::<f32>::new();
            parameters.insert("w", Tensor::from_fn([2, 3], |i| i as f32));
            parameters.insert("b", Tensor::zeros([3]));
            Checkpoint::new(parameters).with_metadata("key", "value").encode()
        }
        "cifar" => [vec![3; 3073], vec![9; 3073]].concat(),
        "csv" => b"x,z,y\n1,2.5,a\n-3e2,0,\"b\"\n".to_vec(),
        "digits" => ["1,".repeat(64) + "7\n", "0,".repeat(64) + "2"].concat().into_bytes(),
        "idx" => idx::encode(&Tensor::from_fn([2, 3, 3], |i| i as u8)),
        "npy" => {
            let header = b"{'descr': '<f8', 'fortran_order': True, 'shape': (2, 3), }\n";
            [b"\x93NUMPY\x01\x00", &[header.len() as u8, 0][..], header, &[0; 48]].concat()
        }
        other => panic!("no good file for {other}"),
    }
}

fn cases(count: u32) -> TestRunner {
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(count) };
    TestRunner::new(config)
}

/// One test, not several: what is allocated is counted for the whole process.
#[test]
fn no_bytes_make_a_parser_panic_or_ask_for_memory_without_bound() {
    // Whatever is made once, on first use, is not the input's fault.
    for (name, entry) in ENTRIES {
        assert!(entry(&good(name)), "the good file of {name} is refused");
    }

    let files = corpus();
    assert!(files.len() > 50, "the corpus is gone");
    for (file, bytes) in &files {
        for (name, entry) in ENTRIES {
            assert!(!within_bounds(name, entry, bytes), "{name} accepts {file}");
        }
    }

    // Every cut; every bit flipped, of large files the first and last thousand bytes.
    for (name, entry) in ENTRIES {
        let whole = good(name);
        for length in 0..whole.len() {
            within_bounds(name, entry, &whole[..length]);
        }
        for at in (0..whole.len()).filter(|at| *at < 1000 || whole.len() - at < 1000) {
            for bit in 0..8 {
                let mut bytes = whole.clone();
                bytes[at] ^= 1 << bit;
                within_bounds(name, entry, &bytes);
            }
        }
    }

    cases(2000)
        .run(&(0..ENTRIES.len(), any::<Vec<u8>>()), |(which, bytes)| {
            let (name, entry) = ENTRIES[which];
            within_bounds(name, entry, &bytes);
            Ok(())
        })
        .unwrap();

    // Several bytes changed, then a piece of the file put in once more.
    let change = (any::<prop::sample::Index>(), any::<u8>());
    let changes = prop::collection::vec(change, 0..6);
    let piece = (any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0usize..40);
    cases(3000)
        .run(&(0..ENTRIES.len(), changes, piece), |(which, changes, (from, to, length))| {
            let (name, entry) = ENTRIES[which];
            let mut bytes = good(name);
            for (at, value) in changes {
                let at = at.index(bytes.len());
                bytes[at] = value;
            }
            let from = from.index(bytes.len());
            let repeated = bytes[from..(from + length).min(bytes.len())].to_vec();
            let to = to.index(bytes.len());
            bytes.splice(to..to, repeated);
            within_bounds(name, entry, &bytes);
            Ok(())
        })
        .unwrap();
}
