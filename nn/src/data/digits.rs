//! The embedded data set: 1,797 handwritten digits of 8 by 8 pixels.
//!
//! It is the test part of *Optical Recognition of Handwritten Digits* (E. Alpaydin, C. Kaynak, UCI Machine
//! Learning Repository, 1998) as bundled with scikit-learn (`load_digits`); where it comes from and under
//! which terms stands in `examples/data/digits/README.md`. Small enough to be part of the program, real
//! enough to overfit: every example and most tests run on it without a download.
//!
//! Each 32 by 32 bitmap was cut into blocks of 4 by 4 and the set pixels of each block counted: values 0 to
//! 16, scaled here to 0 to 1 by dividing by 16, which is exact.
//!
//! ```
//! # fn main() -> Result<(), nn::data::DataError> {
//! let digits = nn::data::digits::load()?;
//! assert_eq!(digits.examples().shape().lengths(), [1797, 8, 8]);
//! assert_eq!(digits.labels().data()[..4], [0, 1, 2, 3]);
//! let columns = digits.flattened();
//! assert_eq!(columns.examples().shape().lengths(), [1797, 64]);
//! # Ok(())
//! # }
//! ```

use super::gzip::decompressed;
use super::{DataError, Dataset, shortened};
use autograd::Tensor;

/// The file, compiled into the program.
const EMBEDDED: &[u8] = include_bytes!("../../../examples/data/digits/digits.csv.gz");
/// Pixels along each side of an image.
const SIDE: usize = 8;
/// Pixels of an image.
const PIXELS: usize = SIDE * SIDE;
/// The digits 0 to 9.
const CLASSES: usize = 10;
/// The largest pixel value: 4 by 4 set pixels.
const LARGEST_PIXEL: u8 = 16;
/// 16 MiB of text, over eighty thousand images: the limit on what a compressed file may expand to.
const TEXT_LIMIT: u64 = 16 << 20;

/// The 1,797 embedded images `[n, 8, 8]` with values in 0 to 1, their labels, 10 classes.
///
/// # Errors
/// None for the embedded file, which a test reads; the type is that of [`parse`], which reads it.
pub fn load() -> Result<Dataset, DataError> {
    parse(EMBEDDED)
}

/// The images of a file in the embedded one's format: a line for each image, 64 pixels from 0 to 16 in row
/// order and the digit, separated by commas; plain or gzip-compressed.
///
/// # Errors
/// [`Gzip`](DataError::Gzip) for a corrupt stream, [`TooLong`](DataError::TooLong) beyond 16 MiB of text,
/// [`CsvFields`](DataError::CsvFields) and [`CsvValue`](DataError::CsvValue) with line and column,
/// [`Empty`](DataError::Empty) for no line at all.
pub fn parse(bytes: &[u8]) -> Result<Dataset, DataError> {
    let text = decompressed(bytes, TEXT_LIMIT)?;
    let (mut pixels, mut labels) = (Vec::new(), Vec::new());
    for (number, line) in lines(&text).enumerate() {
        parse_line(line, number + 1, &mut pixels, &mut labels)?;
    }
    let count = labels.len();
    Dataset::new(Tensor::new([count, SIDE, SIDE], pixels), Tensor::new([count], labels), CLASSES)
}

/// The lines of a text, with either line ending; the last one may lack it.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split_inclusive(|&byte| byte == b'\n').map(|line| {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        line.strip_suffix(b"\r").unwrap_or(line)
    })
}

fn parse_line(
    line: &[u8],
    number: usize,
    pixels: &mut Vec<f32>,
    labels: &mut Vec<u32>,
) -> Result<(), DataError> {
    let found = line.split(|&byte| byte == b',').count();
    if found != PIXELS + 1 {
        return Err(DataError::CsvFields { line: number, expected: PIXELS + 1, found });
    }
    for (column, field) in line.split(|&byte| byte == b',').enumerate() {
        let (largest, expected) = if column < PIXELS {
            (LARGEST_PIXEL, "a pixel, an integer from 0 to 16")
        } else {
            (CLASSES as u8 - 1, "a digit, an integer from 0 to 9")
        };
        let value = str::from_utf8(field).ok().and_then(|text| text.parse::<u8>().ok());
        match value {
            Some(pixel) if pixel <= largest && column < PIXELS => {
                pixels.push(f32::from(pixel) / f32::from(LARGEST_PIXEL));
            }
            Some(digit) if digit <= largest => labels.push(digit.into()),
            _ => {
                let text = shortened(field);
                return Err(DataError::CsvValue { line: number, column: column + 1, text, expected });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::gzip::compressed;
    use proptest::prelude::*;

    /// The line of an image with every pixel 3.
    fn line(label: &str) -> String {
        "3,".repeat(PIXELS) + label + "\n"
    }

    fn refusal(text: impl AsRef<[u8]>) -> String {
        let plain = parse(text.as_ref()).unwrap_err().to_string();
        assert_eq!(parse(&compressed(text.as_ref())).unwrap_err().to_string(), plain);
        plain
    }

    /// The facts that scikit-learn reports of its file.
    #[test]
    fn the_embedded_file_is_the_known_one() {
        let digits = load().unwrap();
        assert_eq!(digits.len(), 1797);
        assert_eq!(digits.example_shape().lengths(), [8, 8]);
        assert_eq!(digits.class_counts(), [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);
        assert_eq!(digits.labels().data()[..10], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        let values = digits.examples().data();
        assert_eq!(values[..8], [0.0, 0.0, 5.0, 13.0, 9.0, 1.0, 0.0, 0.0].map(|x: f32| x / 16.0));
        assert!(values.iter().all(|&x| (0.0..=1.0).contains(&x)));
        let scale = crate::data::Standardise::fit(&digits).unwrap();
        // The published figures have six decimals; half of the last one.
        assert!((scale.mean() * 16.0 - 4.884165).abs() < 5e-7, "mean {}", scale.mean() * 16.0);
        assert!((scale.deviation() * 16.0 - 6.016788).abs() < 5e-7, "deviation {}", scale.deviation() * 16.0);
    }

    #[test]
    fn line_endings_do_not_matter() {
        let text = line("7") + &line("2");
        let data = parse(text.as_bytes()).unwrap();
        assert_eq!(data.labels().data(), [7, 2]);
        assert!(data.examples().data().iter().all(|&x| x == 3.0 / 16.0));
        assert_eq!(parse(text.trim_end().as_bytes()).unwrap(), data);
        assert_eq!(parse(text.replace('\n', "\r\n").as_bytes()).unwrap(), data);
        assert_eq!(parse(&compressed(text.as_bytes())).unwrap(), data);
    }

    #[test]
    fn every_malformed_line_is_named() {
        assert_eq!(
            refusal(""),
            "a data set needs at least one example of at least one value; the examples have shape [0, 8, 8]"
        );
        assert_eq!(refusal("\n"), "line 1: 1 comma-separated values, expected 65");
        assert_eq!(refusal(line("1,2")), "line 1: 66 comma-separated values, expected 65");
        assert_eq!(refusal(line("1") + "\n" + &line("1")), "line 2: 1 comma-separated values, expected 65");
        let pixel = "is not a pixel, an integer from 0 to 16";
        for (bad, shown) in
            [("17", "17"), ("-1", "-1"), ("", ""), ("1.5", "1.5"), (" 1", " 1"), ("NaN", "NaN")]
        {
            let text = line("1") + &line("1").replacen('3', bad, 1);
            assert_eq!(refusal(text), format!("line 2, column 1: {shown:?} {pixel}"));
        }
        assert_eq!(refusal(line("10")), "line 1, column 65: \"10\" is not a digit, an integer from 0 to 9");
        let long = line("1").replacen('3', &"9".repeat(100), 1);
        assert_eq!(refusal(long), format!("line 1, column 1: \"{}..\" {pixel}", "9".repeat(20)));
        let mut bytes = line("1").into_bytes();
        bytes[2] = 0xff;
        assert_eq!(refusal(bytes), format!("line 1, column 2: \"\u{fffd}\" {pixel}"));
    }

    #[test]
    fn an_endless_text_is_refused() {
        let bomb = compressed(&vec![b'\n'; TEXT_LIMIT as usize + 1]);
        assert!(matches!(parse(&bomb), Err(DataError::TooLong { limit: TEXT_LIMIT })));
    }

    #[test]
    fn every_cut_of_a_compressed_file_is_an_error() {
        let whole = compressed((line("1") + &line("2")).as_bytes());
        for length in 0..whole.len() {
            assert!(parse(&whole[..length]).is_err(), "cut to {length} of {}", whole.len());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>, compress: bool) {
            // No 65 fields in a hundred random bytes: what is tested is that an error comes back.
            let bytes = if compress { compressed(&bytes) } else { bytes };
            prop_assert!(parse(&bytes).is_err());
        }

        #[test]
        fn a_changed_byte_gives_an_error_or_another_valid_set(at in 0usize..130, byte: u8) {
            let mut text = line("1").into_bytes();
            prop_assert_eq!(text.len(), 130);
            text[at] = byte;
            if let Ok(data) = parse(&text) {
                prop_assert_eq!(data.len(), 1);
                prop_assert!(data.examples().data().iter().all(|&x| (0.0..=1.0).contains(&x)));
            }
        }

        #[test]
        fn what_is_written_is_read(rows in prop::collection::vec((prop::collection::vec(0u8..=16, PIXELS), 0u32..10), 1..5)) {
            let mut text = String::new();
            for (pixels, label) in &rows {
                for pixel in pixels {
                    text += &format!("{pixel},");
                }
                text += &format!("{label}\n");
            }
            let data = parse(text.as_bytes()).unwrap();
            for (i, (pixels, label)) in rows.iter().enumerate() {
                prop_assert_eq!(data.labels().data()[i], *label);
                let restored: Vec<u8> = data.example(i).iter().map(|x| (x * 16.0) as u8).collect();
                prop_assert_eq!(&restored, pixels);
            }
        }
    }
}
