//! Tests of the IDX reader: every unfit file, every cut, every flipped bit.

use super::*;
use crate::data::gzip::compressed;
use proptest::prelude::*;
use tempfile::TempDir;

/// A file with the given magic number, sizes and values.
fn file(magic: [u8; 4], sizes: &[u32], values: &[u8]) -> Vec<u8> {
    let mut bytes = magic.to_vec();
    bytes.extend(sizes.iter().flat_map(|size| size.to_be_bytes()));
    bytes.extend(values);
    bytes
}

/// What the parser says to bytes, the same whether they are compressed or not.
fn refusal(bytes: &[u8]) -> String {
    let plain = parse(bytes).unwrap_err().to_string();
    assert_eq!(parse(&compressed(bytes)).unwrap_err().to_string(), plain);
    plain
}

#[test]
fn unfit_headers_are_refused() {
    assert_eq!(refusal(b""), "cut short: the IDX header takes 4 bytes, the data ends after 0");
    assert_eq!(refusal(b"\0\0\x08"), "cut short: the IDX header takes 4 bytes, the data ends after 3");
    assert_eq!(
        refusal(&file([0, 0, 8, 3], &[1, 2], &[])),
        "cut short: the IDX header takes 16 bytes, the data ends after 12"
    );
    assert_eq!(
        refusal(b"\x89PNG\r\n"),
        "not an IDX file: it begins with bytes [89, 50, 4e, 47], expected [00, 00, type, number of axes]"
    );
    assert_eq!(
        refusal(&file([0, 0, 0x0d, 1], &[1], &[0; 4])),
        "IDX type code 0x0d (32-bit float) is not supported, only 0x08 (unsigned byte)"
    );
    assert_eq!(
        refusal(&file([0, 0, 0x77, 1], &[1], &[0; 4])),
        "IDX type code 0x77 (unknown) is not supported, only 0x08 (unsigned byte)"
    );
    assert_eq!(refusal(&file([0, 0, 8, 0], &[], &[1])), "an IDX file of 0 axes: from 1 to 6 are supported");
    assert_eq!(
        refusal(&file([0, 0, 8, 7], &[1; 7], &[1])),
        "an IDX file of 7 axes: from 1 to 6 are supported"
    );
}

#[test]
fn lengths_must_follow_from_the_header() {
    assert_eq!(
        refusal(&file([0, 0, 8, 2], &[2, 3], &[0; 5])),
        "cut short: the IDX header with sizes [2, 3] makes 18 bytes, the data ends after 17"
    );
    assert_eq!(
        refusal(&file([0, 0, 8, 2], &[2, 3], &[0; 7])),
        "trailing bytes: the IDX header with sizes [2, 3] makes 18 bytes, there are at least 19"
    );
    assert_eq!(parse(&file([0, 0, 8, 2], &[2, 0], &[])).unwrap().shape(), Shape::from([2, 0]));
}

/// 3.29 TiB of values claimed in 24 bytes, and more than 2^64. Asking for that memory would abort.
#[test]
fn enormous_claims_are_errors() {
    assert_eq!(
        refusal(&file([0, 0, 8, 3], &[60_000, 7_768, 7_768], &[0; 8])),
        "cut short: the IDX header with sizes [60000, 7768, 7768] makes 3620509440016 bytes, the data ends \
         after 24"
    );
    let all = "[4294967295, 4294967295, 4294967295]";
    assert_eq!(
        refusal(&file([0, 0, 8, 3], &[u32::MAX; 3], &[])),
        format!("the IDX header asks for {all} values, more than any memory holds")
    );
    // Empty, but only because of one axis: the other two must not pass unseen.
    assert!(refusal(&file([0, 0, 8, 4], &[0, u32::MAX, u32::MAX, u32::MAX], &[])).contains("more than any"));
}

/// A megabyte of zeros behind a header that claims a hundred: no more than 101 are decompressed.
#[test]
fn a_bomb_is_not_unpacked() {
    let mut bytes = file([0, 0, 8, 1], &[100], &[0; 100]);
    bytes.resize(1 << 20, 0);
    let text = "trailing bytes: the IDX header with sizes [100] makes 108 bytes, there are at least 109";
    assert_eq!(parse(&compressed(&bytes)).unwrap_err().to_string(), text);
}

#[test]
fn every_cut_is_an_error_and_no_flipped_bit_a_panic() {
    let plain = file([0, 0, 8, 3], &[2, 2, 3], &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    let packed = compressed(&plain);
    let whole = parse(&plain).unwrap();
    assert_eq!(parse(&packed).unwrap(), whole);
    for file in [plain.clone(), packed.clone()] {
        for length in 0..file.len() {
            assert!(parse(&file[..length]).is_err(), "cut to {length} of {}", file.len());
        }
    }
    for at in 0..plain.len() * 8 {
        let mut bytes = plain.clone();
        bytes[at / 8] ^= 1 << (at % 8);
        // Behind the header any byte is a valid value; in it, every bit of these sizes matters.
        assert_eq!(parse(&bytes).is_ok(), at / 8 >= 16, "bit {at} flipped");
    }
    for at in 0..packed.len() * 8 {
        let mut bytes = packed.clone();
        bytes[at / 8] ^= 1 << (at % 8);
        // Time stamp and system name in the gzip header may change; the checksum guards the rest.
        if let Ok(values) = parse(&bytes) {
            assert_eq!(values, whole, "bit {at} of the compressed file flipped");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn what_is_written_is_read(lengths in prop::collection::vec(0usize..6, 1..=MAX_RANK), start: u8) {
        let values = Tensor::from_fn(Shape::new(&lengths), |i| start.wrapping_add(i as u8));
        let file = encode(&values);
        prop_assert_eq!(&parse(&file).unwrap(), &values);
        prop_assert_eq!(&parse(&compressed(&file)).unwrap(), &values);
    }

    #[test]
    fn arbitrary_bytes_never_panic(
        start in prop::sample::select(vec![vec![], vec![0, 0, 8], vec![0x1f, 0x8b], vec![0x1f, 0x8b, 8, 0]]),
        rest: Vec<u8>,
    ) {
        let bytes = [start, rest].concat();
        if let Ok(values) = parse(&bytes) {
            prop_assert_eq!(&encode(&values), &bytes);
        }
        let _ = parse(&compressed(&bytes));
    }
}

/// A directory with `train` training and 2 test images of 2 by 2 pixels under the names given,
/// compressed or not by the name's end.
fn directory(names: [&str; 4], train: usize, train_labels: &[u8]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let contents = [
        encode(&Tensor::from_fn([train, 2, 2], |i| 51 * (i % 6) as u8)),
        encode(&Tensor::new([train_labels.len()], train_labels.to_vec())),
        encode(&Tensor::from_fn([2, 2, 2], |i| 255 - i as u8)),
        encode(&Tensor::new([2], vec![1, 0])),
    ];
    for (name, content) in names.iter().zip(contents) {
        let content = if name.ends_with(".gz") { compressed(&content) } else { content };
        std::fs::write(directory.path().join(name), content).unwrap();
    }
    directory
}

const HYPHENS: [&str; 4] = [
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
];

/// The error of [`load_directory`] with the directory's own path replaced by `DIR`.
fn load_refusal(directory: &TempDir) -> String {
    let error = load_directory(directory.path()).unwrap_err().to_string();
    error.replace(directory.path().to_str().unwrap(), "DIR")
}

#[test]
fn directories_load_under_every_usual_name() {
    let dots = HYPHENS.map(|name| name.replace("-idx", ".idx"));
    let dots = [0, 1, 2, 3].map(|i| dots[i].as_str());
    let packed = HYPHENS.map(|name| name.to_string() + ".gz");
    let packed = [0, 1, 2, 3].map(|i| packed[i].as_str());
    let mixed = [HYPHENS[0], "train-labels.idx1-ubyte.gz", packed[2], dots[3]];
    for names in [HYPHENS, dots, packed, mixed] {
        let (train, test) = load_directory(directory(names, 3, &[4, 0, 2]).path()).unwrap();
        assert_eq!((train.len(), test.len()), (3, 2));
        assert_eq!((train.classes(), test.classes()), (5, 5));
        assert_eq!(train.example(0), [0.0, 0.2, 0.4, 0.6]);
        assert_eq!(train.example(1), [0.8, 1.0, 0.0, 0.2]);
        assert_eq!(test.examples().data()[0], 1.0);
        assert_eq!(train.labels().data(), [4, 0, 2]);
    }
}

#[test]
fn a_class_that_only_the_test_set_has_counts() {
    let (train, test) = load_directory(directory(HYPHENS, 2, &[0, 0]).path()).unwrap();
    assert_eq!((train.classes(), test.classes()), (2, 2));
    let directory = directory(HYPHENS, 2, &[0, 1]);
    std::fs::write(directory.path().join(HYPHENS[3]), encode(&Tensor::new([2], vec![0, 7]))).unwrap();
    assert_eq!(load_directory(directory.path()).unwrap().0.classes(), 8);
}

#[test]
fn there_are_at_least_two_classes() {
    let directory = directory(HYPHENS, 1, &[0]);
    let labels = encode(&Tensor::new([2], vec![0, 0]));
    std::fs::write(directory.path().join(HYPHENS[3]), labels).unwrap();
    assert_eq!(load_directory(directory.path()).unwrap().0.classes(), 2);
}

#[test]
fn what_is_missing_is_named() {
    let parent = tempfile::tempdir().unwrap();
    let absent = parent.path().join("absent");
    let error = load_directory(&absent).unwrap_err();
    assert_eq!(error.to_string(), format!("{}: no such directory", absent.display()));
    std::fs::write(&absent, "a file").unwrap();
    let error = load_directory(&absent).unwrap_err();
    assert_eq!(error.to_string(), format!("{}: not a directory", absent.display()));

    let directory = directory(HYPHENS, 3, &[0, 1, 2]);
    std::fs::remove_file(directory.path().join(HYPHENS[2])).unwrap();
    assert_eq!(
        load_refusal(&directory),
        "DIR: none of the files t10k-images-idx3-ubyte, t10k-images.idx3-ubyte, t10k-images-idx3-ubyte.gz, \
         t10k-images.idx3-ubyte.gz exists"
    );
}

#[test]
fn files_that_do_not_fit_each_other_are_refused() {
    assert_eq!(
        load_refusal(&directory(HYPHENS, 3, &[0, 1])),
        "DIR/train-images-idx3-ubyte with DIR/train-labels-idx1-ubyte: 3 examples but 2 labels; each example \
         needs exactly one label"
    );
    assert_eq!(
        load_refusal(&directory([HYPHENS[1], HYPHENS[0], HYPHENS[2], HYPHENS[3]], 3, &[0, 1, 2])),
        "DIR/train-images-idx3-ubyte: IDX magic number 2049 (labels: unsigned bytes, 1 axis), expected 2051 \
         (images: unsigned bytes, 3 axes)"
    );
    let empty = load_refusal(&directory(HYPHENS, 0, &[]));
    assert!(empty.ends_with("the examples have shape [0, 2, 2]"), "{empty}");

    let swapped = directory(HYPHENS, 3, &[0, 1, 2]);
    std::fs::copy(swapped.path().join(HYPHENS[0]), swapped.path().join(HYPHENS[1])).unwrap();
    assert_eq!(
        load_refusal(&swapped),
        "DIR/train-labels-idx1-ubyte: IDX magic number 2051 (images: unsigned bytes, 3 axes), expected 2049 \
         (labels: unsigned bytes, 1 axis)"
    );

    let sizes = directory(HYPHENS, 3, &[0, 1, 2]);
    let other = encode(&Tensor::from_fn([2, 1, 4], |_| 0));
    std::fs::write(sizes.path().join(HYPHENS[2]), other).unwrap();
    assert_eq!(
        load_refusal(&sizes),
        "DIR: training images have shape [2, 2], test images [1, 4]; they must agree"
    );
}

#[test]
fn unreadable_files_are_named() {
    let directory = directory(HYPHENS, 3, &[0, 1, 2]);
    let path = directory.path().join(HYPHENS[0]);
    std::fs::write(&path, [0, 0, 8]).unwrap();
    assert_eq!(
        load_refusal(&directory),
        "DIR/train-images-idx3-ubyte: cut short: the IDX header takes 4 bytes, the data ends after 3"
    );
    let error = read(directory.path().join("absent")).unwrap_err();
    assert!(matches!(error.root(), DataError::Io { .. }), "{error}");
    let error = read(directory.path()).unwrap_err();
    assert!(matches!(error.root(), DataError::Io { .. }), "a directory is no file: {error}");
}

#[test]
#[should_panic(expected = "an IDX file has at least one axis")]
fn a_scalar_has_no_file() {
    encode(&Tensor::scalar(1));
}
