//! Tables of comma-separated values with a header: one column of labels, the others numbers.
//!
//! ```text
//! length,width,species
//! 5.1,3.5,setosa
//! 7.0,3.2,versicolor
//! ```
//!
//! The text is cut into fields by the `csv` crate: quotes as RFC 4180 has them, every usual line ending, spaces
//! around a field dropped, empty lines skipped. If every label is an integer from 0 to 65,535, labels are
//! themselves, and there are as many classes as the largest says; otherwise they are names, and classes are
//! numbered in the order of their names, which does not depend on the order of the lines.
//!
//! ```
//! use nn::data::csv::{self, Column};
//! # fn main() -> Result<(), nn::data::DataError> {
//! let text = "length,width,species\n5.1,3.5,setosa\n7.0,3.2,versicolor\n4.9,3.0,setosa\n";
//! let table = csv::parse(text.as_bytes(), Column::Named("species"))?;
//! assert_eq!(table.features, ["length", "width"]);
//! assert_eq!(table.classes, ["setosa", "versicolor"]);
//! assert_eq!(table.data.labels().data(), [0, 1, 0]);
//! assert_eq!(table.data.example(1), [7.0, 3.2]);
//!
//! let error = csv::parse(b"x,y\n1,2\n1.5.2,1\n", Column::At(1)).unwrap_err();
//! assert_eq!(error.to_string(), "line 3, column 1: \"1.5.2\" is not a finite number");
//! # Ok(())
//! # }
//! ```

use super::{DataError, Dataset, shortened};
use ::csv::{ByteRecord, ReaderBuilder, Trim};
use autograd::Tensor;
use std::collections::BTreeMap;
use std::path::Path;

/// Integers above this are taken for names: each class costs an output of the network.
const LARGEST_LABEL: u32 = u16::MAX as u32;

/// Which column holds the labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column<'n> {
    /// The one of this name in the header.
    Named(&'n str),
    /// The one at this place, counted from 0.
    At(usize),
}

/// A data set with the names that its columns and classes have in the file.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Examples `[n, features]` and labels.
    pub data: Dataset,
    /// The names of the columns that are no labels, in order.
    pub features: Vec<String>,
    /// The names of the classes, in the order of their labels.
    pub classes: Vec<String>,
}

/// The table in the file at `path`.
///
/// # Errors
/// [`In`](DataError::In) the file: [`Io`](DataError::Io), or what [`parse`] refuses.
pub fn read(path: impl AsRef<Path>, labels: Column<'_>) -> Result<Table, DataError> {
    let path = path.as_ref();
    let text = std::fs::read(path).map_err(|error| DataError::Io { error });
    text.and_then(|text| parse(&text, labels)).map_err(|error| error.at(path.display()))
}

/// The table in a text that is already in memory.
///
/// # Errors
/// [`CsvColumn`](DataError::CsvColumn) if there is no such column, or several of this name;
/// [`CsvNoFeatures`](DataError::CsvNoFeatures) if there is no other; [`CsvFields`](DataError::CsvFields) for a
/// line of another length than the header's; [`CsvValue`](DataError::CsvValue) with line and column for a field
/// that is no finite number, or an empty label; [`Empty`](DataError::Empty) for a header alone,
/// [`TooFewClasses`](DataError::TooFewClasses) if all labels are the same.
pub fn parse(text: &[u8], labels: Column<'_>) -> Result<Table, DataError> {
    // Lines of any length: what is wrong with one is said here, with its number.
    let mut reader = ReaderBuilder::new().flexible(true).trim(Trim::All).from_reader(text);
    let header = reader.byte_headers().map_err(failure)?.clone();
    let label_column = position(&header, labels)?;
    let others = (0..header.len()).filter(|&column| column != label_column);
    let features: Vec<String> = others.map(|column| name(&header[column])).collect();
    if features.is_empty() {
        return Err(DataError::CsvNoFeatures { column: name(&header[label_column]) });
    }

    let (mut values, mut names) = (Vec::new(), Vec::new());
    let mut record = ByteRecord::new();
    while reader.read_byte_record(&mut record).map_err(failure)? {
        let start = record.position().map_or(0, |position| position.byte() as usize);
        if record.len() != header.len() {
            let line = line_at(text, start);
            return Err(DataError::CsvFields { line, expected: header.len(), found: record.len() });
        }
        for (column, field) in record.iter().enumerate() {
            let unfit = |expected| DataError::CsvValue {
                line: line_at(text, start),
                column: column + 1,
                text: shortened(field),
                expected,
            };
            if column != label_column {
                values.push(number(field).ok_or_else(|| unfit("a finite number"))?);
            } else if field.is_empty() {
                return Err(unfit("a label"));
            } else {
                names.push(field.to_vec());
            }
        }
    }
    let (labels, classes) = numbered(&names);
    let examples = Tensor::new([names.len(), features.len()], values);
    let data = Dataset::new(examples, Tensor::new([labels.len()], labels), classes.len())?;
    Ok(Table { data, features, classes })
}

/// The number, from 1, of the line that is read next at `start`. The reader's own count takes neither empty
/// lines before a record nor both halves of a line ending as part of the record before.
fn line_at(text: &[u8], start: usize) -> usize {
    let is_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
    let skipped = text[start..].iter().take_while(|byte| is_end(byte)).count();
    let before = &text[..start + skipped];
    let ends = before
        .iter()
        .enumerate()
        .filter(|&(at, byte)| *byte == b'\n' || (*byte == b'\r' && before.get(at + 1) != Some(&b'\n')));
    1 + ends.count()
}

/// The place of the column of labels.
fn position(header: &ByteRecord, labels: Column<'_>) -> Result<usize, DataError> {
    let known = || header.iter().map(name).collect();
    match labels {
        Column::At(position) if position < header.len() => Ok(position),
        Column::At(position) => {
            Err(DataError::CsvColumn { column: format!("number {position}"), known: known() })
        }
        Column::Named(name) => {
            let mut places = (0..header.len()).filter(|&column| &header[column] == name.as_bytes());
            match (places.next(), places.next()) {
                (Some(place), None) => Ok(place),
                _ => Err(DataError::CsvColumn { column: format!("named {name:?}"), known: known() }),
            }
        }
    }
}

/// A field as a number that is finite in `f32` too.
fn number(field: &[u8]) -> Option<f32> {
    let value: f32 = str::from_utf8(field).ok()?.parse().ok()?;
    value.is_finite().then_some(value)
}

/// Each label's number, and the classes' names in that order.
fn numbered(names: &[Vec<u8>]) -> (Vec<u32>, Vec<String>) {
    let integer = |name: &Vec<u8>| {
        let number: Option<u32> = str::from_utf8(name).ok().and_then(|name| name.parse().ok());
        number.filter(|&number| number <= LARGEST_LABEL)
    };
    if let Some(labels) = names.iter().map(integer).collect::<Option<Vec<u32>>>() {
        let classes = labels.iter().max().map_or(0, |largest| largest + 1);
        return (labels, (0..classes).map(|class| class.to_string()).collect());
    }
    let mut numbers: BTreeMap<&[u8], u32> = names.iter().map(|name| (&name[..], 0)).collect();
    for (number, place) in numbers.values_mut().enumerate() {
        *place = number as u32;
    }
    let labels = names.iter().map(|name| numbers[&name[..]]).collect();
    (labels, numbers.keys().map(|key| name(key)).collect())
}

/// A name, whatever bytes it has.
fn name(field: &[u8]) -> String {
    String::from_utf8_lossy(field).into_owned()
}

/// Fields are bytes and lines of any length here, so only the input itself can fail.
fn failure(error: ::csv::Error) -> DataError {
    DataError::Io { error: error.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str, labels: Column<'_>) -> String {
        parse(text.as_bytes(), labels).unwrap_err().to_string()
    }

    #[test]
    fn integer_labels_are_themselves() {
        let table = parse(b"y,a,b\n2,1,2\n0,3,-4e-1\n", Column::At(0)).unwrap();
        assert_eq!(table.data.labels().data(), [2, 0]);
        assert_eq!(table.classes, ["0", "1", "2"]);
        assert_eq!(table.data.examples().data(), [1.0, 2.0, 3.0, -0.4]);
        assert_eq!(table.features, ["a", "b"]);
    }

    #[test]
    fn other_labels_are_names_in_order() {
        for (labels, classes) in [
            (["b", "a", "b"], vec!["a", "b"]),
            (["1", "-1", "1"], vec!["-1", "1"]),
            (["0", "65536", "0"], vec!["0", "65536"]),
            (["10", "9", "x"], vec!["10", "9", "x"]),
        ] {
            let text = format!("x,y\n1,{}\n2,{}\n3,{}\n", labels[0], labels[1], labels[2]);
            let table = parse(text.as_bytes(), Column::Named("y")).unwrap();
            assert_eq!(table.classes, classes);
            let named: Vec<_> =
                table.data.labels().data().iter().map(|&label| &table.classes[label as usize][..]).collect();
            assert_eq!(named, labels);
        }
    }

    #[test]
    fn quotes_spaces_and_line_endings_are_those_of_the_format() {
        let table = parse(b"x,\"the, label\"\r\n\"1.5\" ,\"a\"\"b\"\r\n\r\n2,c", Column::Named("the, label"));
        let table = table.unwrap();
        assert_eq!(table.data.examples().data(), [1.5, 2.0]);
        assert_eq!(table.classes, ["a\"b", "c"]);
        let table = parse(b"x,y\n1,\xff\n2,b\n", Column::At(1)).unwrap();
        assert_eq!(table.classes, ["b", "\u{fffd}"], "a name need not be text");
    }

    #[test]
    fn unfit_headers_are_refused() {
        assert_eq!(
            refusal("a,b\n1,2\n", Column::Named("label")),
            "there must be exactly one column named \"label\"; the header has: a, b"
        );
        assert_eq!(
            refusal("a,a\n1,2\n", Column::Named("a")),
            "there must be exactly one column named \"a\"; the header has: a, a"
        );
        assert_eq!(
            refusal("a,b\n1,2\n", Column::At(2)),
            "there must be exactly one column number 2; the header has: a, b"
        );
        assert_eq!(refusal("", Column::At(0)), "there must be exactly one column number 0; the header has: ");
        assert_eq!(refusal("y\n1\n", Column::At(0)), "there is no column but that of labels, y");
    }

    #[test]
    fn unfit_fields_are_refused_with_their_place() {
        let of = |text: &str| refusal(text, Column::Named("y"));
        assert_eq!(of("a,b,y\n1,2,0\n1,2\n"), "line 3: 2 comma-separated values, expected 3");
        assert_eq!(of("a,b,y\n1,2,0,4\n"), "line 2: 4 comma-separated values, expected 3");
        for field in ["two", "", "NaN", "inf", "-inf", "1e39", "0x10", "1,000"] {
            let text = format!("a,b,y\n1,2,0\n\n1,\"{field}\",1\n");
            assert_eq!(of(&text), format!("line 4, column 2: {field:?} is not a finite number"));
        }
        assert_eq!(of("a,y\n1,0\n2,\n"), "line 3, column 2: \"\" is not a label");
        for ending in ["\n", "\r\n", "\r"] {
            let text = ["a,y", "1,0", "", "2,1", "", "", "x,0", "3,0"].join(ending);
            assert_eq!(of(&text), "line 7, column 1: \"x\" is not a finite number", "{ending:?}");
        }
        // A line break within quotes counts.
        assert_eq!(of("a,y\n1,\"0\n1\"\nx,0\n"), "line 4, column 1: \"x\" is not a finite number");
        assert!(of("a,y\n").contains("shape [0, 1]"));
        assert_eq!(of("a,y\n1,x\n2,x\n"), "1 classes: classification needs at least 2");
    }

    #[test]
    fn files_are_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("table.csv");
        let error = read(&path, Column::At(0)).unwrap_err();
        assert!(matches!(error.root(), DataError::Io { .. }));
        std::fs::write(&path, "x,y\n1,a\n2,b\n").unwrap();
        assert_eq!(read(&path, Column::Named("y")).unwrap().data.len(), 2);
        let error = read(&path, Column::Named("z")).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{}: there must be", path.display())), "{error}");
    }
}
