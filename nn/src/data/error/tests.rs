//! The text of every error, as it reads.

use super::*;
use DataError::*;

/// One of each variant with its full text.
fn golden() -> Vec<(DataError, &'static str)> {
    let io = |text: &str| io::Error::other(text.to_string());
    vec![
        (ZeroBatchSize.at("a.gz"), "a.gz: batch size 0: a minibatch needs at least one example"),
        (Io { error: io("disk on fire") }, "cannot be read: disk on fire"),
        (MissingDirectory { path: "no/where".into() }, "no/where: no such directory"),
        (NotADirectory { path: "a.txt".into() }, "a.txt: not a directory"),
        (
            MissingFile { directory: "mnist".into(), tried: vec!["a".into(), "a.gz".into()] },
            "mnist: none of the files a, a.gz exists",
        ),
        (Gzip { error: io("corrupt stream") }, "cannot be decompressed as gzip: corrupt stream"),
        (TooLong { limit: 10 }, "holds more than 10 bytes once decompressed, the limit for this format"),
        (
            Empty { shape: [0, 8, 8].into() },
            "a data set needs at least one example of at least one value; the examples have shape [0, 8, 8]",
        ),
        (NoExampleAxis, "examples need a first axis that counts them; got a scalar"),
        (
            LabelShape { shape: [5, 1].into() },
            "labels need shape [n], one for each example; got shape [5, 1]",
        ),
        (
            CountMismatch { examples: 5, labels: 4 },
            "5 examples but 4 labels; each example needs exactly one label",
        ),
        (TooFewClasses { classes: 1 }, "1 classes: classification needs at least 2"),
        (
            LabelOutOfRange { position: 17, label: 10, classes: 10 },
            "label 10 at position 17: labels of 10 classes run from 0 to 9",
        ),
        (
            NonFinite { example: 3, index: vec![2, 5], value: f64::NAN },
            "example 3 holds NaN at [2, 5]: every value must be finite",
        ),
        (
            IndexOutOfRange { position: 2, index: 100, len: 100 },
            "index 100 at position 2: the data set has 100 examples, 0 to 99",
        ),
        (
            ExampleShape { from: [8, 8].into(), to: vec![63] },
            "examples of shape [8, 8] cannot take the shape [63]: the number of values must be the same, \
             and the axes at most 5",
        ),
        (
            BatchShape { what: "examples", expected: vec![4, 64], given: vec![5, 64] },
            "the batch's examples have shape [4, 64], the tensor to fill has shape [5, 64]",
        ),
        (
            FractionOutOfRange { position: 1, fraction: -0.5 },
            "fraction -0.5 at position 1: a fraction lies above 0 and at most at 1",
        ),
        (FractionSum { sum: 0.75 }, "the fractions add up to 0.75, not to 1"),
        (
            EmptyPart { part: 1, fraction: 0.01, len: 10 },
            "part 1, a fraction of 0.01, gets none of 10 examples",
        ),
        (
            NoSpread { deviation: 0.0 },
            "cannot be standardised: the values have standard deviation 0; it must be positive and finite",
        ),
        (ZeroBatchSize, "batch size 0: a minibatch needs at least one example"),
        (NothingToBatch, "no examples to draw minibatches from"),
        (
            NoFullBatch { batch_size: 32, len: 20 },
            "batch size 32 with 20 examples: dropping the incomplete batch leaves none",
        ),
        (
            NotIdx { magic: *b"\x89PNG" },
            "not an IDX file: it begins with bytes [89, 50, 4e, 47], expected [00, 00, type, number of axes]",
        ),
        (
            IdxType { code: 0x0d },
            "IDX type code 0x0d (32-bit float) is not supported, only 0x08 (unsigned byte)",
        ),
        (IdxRank { rank: 9 }, "an IDX file of 9 axes: from 1 to 6 are supported"),
        (
            IdxTooLarge { sizes: vec![u32::MAX; 3] },
            "the IDX header asks for [4294967295, 4294967295, 4294967295] values, more than any memory holds",
        ),
        (
            IdxHeaderCut { expected: 16, found: 9 },
            "cut short: the IDX header takes 16 bytes, the data ends after 9",
        ),
        (
            IdxCut { sizes: vec![2, 3], expected: 18, found: 17 },
            "cut short: the IDX header with sizes [2, 3] makes 18 bytes, the data ends after 17",
        ),
        (
            IdxTrailing { sizes: vec![2, 3], expected: 18, found: 19 },
            "trailing bytes: the IDX header with sizes [2, 3] makes 18 bytes, there are at least 19",
        ),
        (
            IdxKind { expected: 2051, magic: 2049 },
            "IDX magic number 2049 (labels: unsigned bytes, 1 axis), expected 2051 (images: unsigned bytes, \
             3 axes)",
        ),
        (
            IdxKind { expected: 2049, magic: 2052 },
            "IDX magic number 2052 (unsigned bytes, 4 axes), expected 2049 (labels: unsigned bytes, 1 axis)",
        ),
        (
            ImageShapes { train: [28, 28].into(), test: [8, 8].into() },
            "training images have shape [28, 28], test images [8, 8]; they must agree",
        ),
        (CsvFields { line: 3, expected: 65, found: 64 }, "line 3: 64 comma-separated values, expected 65"),
        (
            CsvValue { line: 3, column: 7, text: "17".into(), expected: "a pixel, an integer from 0 to 16" },
            "line 3, column 7: \"17\" is not a pixel, an integer from 0 to 16",
        ),
        (CifarLength { length: 5 }, "5 bytes are no whole number of CIFAR-10 records of 3073 bytes"),
        (
            NotNpy { magic: *b"\x89PNG\r\n\x1a\n" },
            "not an .npy file: it begins with bytes [89, 50, 4e, 47, 0d, 0a, 1a, 0a], expected [93, 4e, 55, 4d, \
             50, 59] and a version",
        ),
        (NpyVersion { major: 4, minor: 1 }, ".npy version 4.1 is not supported, only 1.0, 2.0 and 3.0"),
        (
            NpyHeaderCut { expected: 128, found: 9 },
            "cut short: the .npy header takes 128 bytes, the data ends after 9",
        ),
        (NpyHeader { offset: 3, expected: "a colon" }, "the .npy header at byte 3: expected a colon"),
        (
            NpyType { descr: ">f4".into() },
            "elements of type \">f4\" are not supported, only \"<f4\", \"<f8\", \"<i4\", \"<i8\" and \"|u1\"",
        ),
        (
            NpyShape { lengths: vec![1; 7] },
            "an array of shape [1, 1, 1, 1, 1, 1, 1]: at most 6 axes are supported, and as many elements as \
             memory can hold",
        ),
        (
            NpyLength { shape: [2, 3].into(), expected: 152, found: 151 },
            "an array of shape [2, 3] makes a file of 152 bytes, there are 151",
        ),
        (
            NpyLabel { position: 4, text: "0.5".into() },
            "label 0.5 at position 4: labels are integers from 0 to 4294967295",
        ),
        (
            CsvColumn { column: "number 2".into(), known: vec!["a".into(), "b".into()] },
            "there must be exactly one column number 2; the header has: a, b",
        ),
        (CsvNoFeatures { column: "y".into() }, "there is no column but that of labels, y"),
        (
            Folds { folds: 1, len: 10 },
            "1 folds of 10 examples: there must be at least 2, and an example for each",
        ),
    ]
}

/// A number for each variant. Without a `_` arm: a new variant must be added here, and then to the
/// table above, or the test below fails.
fn number(error: &DataError) -> usize {
    match error {
        In { .. } => 0,
        Io { .. } => 1,
        MissingDirectory { .. } => 2,
        NotADirectory { .. } => 3,
        MissingFile { .. } => 4,
        Gzip { .. } => 5,
        TooLong { .. } => 6,
        Empty { .. } => 7,
        NoExampleAxis => 8,
        LabelShape { .. } => 9,
        CountMismatch { .. } => 10,
        TooFewClasses { .. } => 11,
        LabelOutOfRange { .. } => 12,
        NonFinite { .. } => 13,
        IndexOutOfRange { .. } => 14,
        ExampleShape { .. } => 15,
        BatchShape { .. } => 16,
        FractionOutOfRange { .. } => 17,
        FractionSum { .. } => 18,
        EmptyPart { .. } => 19,
        NoSpread { .. } => 20,
        ZeroBatchSize => 21,
        NothingToBatch => 22,
        NoFullBatch { .. } => 23,
        NotIdx { .. } => 24,
        IdxType { .. } => 25,
        IdxRank { .. } => 26,
        IdxTooLarge { .. } => 27,
        IdxHeaderCut { .. } => 28,
        IdxCut { .. } => 29,
        IdxTrailing { .. } => 30,
        IdxKind { .. } => 31,
        ImageShapes { .. } => 32,
        CsvFields { .. } => 33,
        CsvValue { .. } => 34,
        CifarLength { .. } => 35,
        NotNpy { .. } => 36,
        NpyVersion { .. } => 37,
        NpyHeaderCut { .. } => 38,
        NpyHeader { .. } => 39,
        NpyType { .. } => 40,
        NpyShape { .. } => 41,
        NpyLength { .. } => 42,
        NpyLabel { .. } => 43,
        CsvColumn { .. } => 44,
        CsvNoFeatures { .. } => 45,
        Folds { .. } => 46,
    }
}

#[test]
fn every_message_reads_as_written_here() {
    let mut seen = [false; 47];
    for (error, text) in golden() {
        assert_eq!(error.to_string(), text);
        seen[number(&error)] = true;
    }
    assert_eq!(seen.iter().position(|seen| !seen), None, "a variant without a golden text");
}

#[test]
fn root_looks_through_every_place() {
    let error = ZeroBatchSize.at("inner").at("outer");
    assert_eq!(error.to_string(), "outer: inner: batch size 0: a minibatch needs at least one example");
    assert!(matches!(error.root(), ZeroBatchSize));
}
