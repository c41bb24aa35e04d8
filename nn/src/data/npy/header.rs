//! The header of an `.npy` file.

use super::super::DataError;
use autograd::Shape;
use std::io::Read;

/// More than any array's header needs; NumPy itself refuses to read longer ones.
const LONGEST: u64 = 10_000;

/// The types of elements that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ElementType {
    F32,
    F64,
    I32,
    I64,
    U8,
}

impl ElementType {
    fn of(descr: &str) -> Option<ElementType> {
        Some(match descr {
            "<f4" => ElementType::F32,
            "<f8" => ElementType::F64,
            "<i4" => ElementType::I32,
            "<i8" => ElementType::I64,
            "|u1" => ElementType::U8,
            _ => return None,
        })
    }

    fn width(self) -> u64 {
        match self {
            ElementType::U8 => 1,
            ElementType::F32 | ElementType::I32 => 4,
            ElementType::F64 | ElementType::I64 => 8,
        }
    }
}

/// What a header says.
#[derive(Debug)]
pub struct Header {
    pub element: ElementType,
    pub fortran_order: bool,
    pub shape: Shape,
    /// The number of bytes before the first element.
    pub length: u64,
}

impl Header {
    /// Reads the header of a file of `length` bytes, and holds what it says against that.
    pub fn read(input: &mut impl Read, length: u64) -> Result<Header, DataError> {
        let magic: [u8; 8] = read_exactly(input, 8, 0)?.try_into().expect("eight bytes");
        let [0x93, b'N', b'U', b'M', b'P', b'Y', major, minor] = magic else {
            return Err(DataError::NotNpy { magic });
        };
        let (start, header) = match (major, minor) {
            (1, 0) => {
                let bytes = read_exactly(input, 2, 8)?;
                (10, u64::from(u16::from_le_bytes(bytes.try_into().expect("two bytes"))))
            }
            (2 | 3, 0) => {
                let bytes = read_exactly(input, 4, 8)?;
                (12, u64::from(u32::from_le_bytes(bytes.try_into().expect("four bytes"))))
            }
            _ => return Err(DataError::NpyVersion { major, minor }),
        };
        if start + header > length {
            return Err(DataError::NpyHeaderCut { expected: start + header, found: length });
        }
        if header > LONGEST {
            return Err(DataError::NpyHeader { offset: LONGEST, expected: "its end" });
        }
        let text = read_exactly(input, header, start)?;
        let dictionary = Dictionary::parse(&text)?;
        let Some(element) = ElementType::of(&dictionary.descr) else {
            return Err(DataError::NpyType { descr: dictionary.descr });
        };
        let Some(shape) = Shape::try_new(&dictionary.shape) else {
            return Err(DataError::NpyShape { lengths: dictionary.shape });
        };
        let header =
            Header { element, fortran_order: dictionary.fortran_order, shape, length: start + header };
        header.check_length(length)?;
        Ok(header)
    }

    /// The number of bytes of all elements.
    pub fn data_length(&self) -> u64 {
        // No overflow: a shape has at most isize::MAX / 8 elements.
        self.shape.numel() as u64 * self.element.width()
    }

    /// Checks that the whole file, header and elements, takes `found` bytes.
    pub fn check_length(&self, found: u64) -> Result<(), DataError> {
        let expected = self.length.saturating_add(self.data_length());
        if found == expected {
            Ok(())
        } else {
            Err(DataError::NpyLength { shape: self.shape, expected, found })
        }
    }
}

/// The next `count` bytes of a header, `before` of which have been read already.
fn read_exactly(input: &mut impl Read, count: u64, before: u64) -> Result<Vec<u8>, DataError> {
    let mut bytes = Vec::new();
    input.take(count).read_to_end(&mut bytes).map_err(|error| DataError::Io { error })?;
    let found = bytes.len() as u64;
    if found < count {
        return Err(DataError::NpyHeaderCut { expected: before + count, found: before + found });
    }
    Ok(bytes)
}

/// The dictionary of a header.
#[derive(Debug, PartialEq)]
struct Dictionary {
    descr: String,
    fortran_order: bool,
    shape: Vec<usize>,
}

impl Dictionary {
    /// `{'descr': TEXT, 'fortran_order': BOOL, 'shape': (INTEGER, ..), }` in any order of the three, each once.
    fn parse(text: &[u8]) -> Result<Dictionary, DataError> {
        let mut cursor = Cursor { text, at: 0 };
        let (mut descr, mut fortran_order, mut shape) = (None, None, None);
        cursor.expect(b"{", "a dictionary in braces")?;
        while !cursor.take(b"}") {
            let before = cursor.at;
            let key = cursor.text("a name in quotes")?;
            cursor.expect(b":", "a colon")?;
            let is_new = match key.as_str() {
                "descr" => descr.replace(cursor.text("a type in quotes")?).is_none(),
                "fortran_order" => fortran_order.replace(cursor.boolean()?).is_none(),
                "shape" => shape.replace(cursor.integers()?).is_none(),
                _ => false,
            };
            if !is_new {
                let expected = "one of descr, fortran_order, shape, each once";
                return Err(DataError::NpyHeader { offset: before as u64, expected });
            }
            if !cursor.take(b",") {
                cursor.expect(b"}", "a comma or the closing brace")?;
                break;
            }
        }
        if !cursor.is_at_end() {
            return Err(cursor.error("nothing behind the dictionary"));
        }
        match (descr, fortran_order, shape) {
            (Some(descr), Some(fortran_order), Some(shape)) => Ok(Dictionary { descr, fortran_order, shape }),
            _ => Err(cursor.error("all of descr, fortran_order, shape")),
        }
    }
}

/// A place in a header. Spaces before what is taken are skipped.
struct Cursor<'t> {
    text: &'t [u8],
    at: usize,
}

impl Cursor<'_> {
    fn error(&self, expected: &'static str) -> DataError {
        DataError::NpyHeader { offset: self.at as u64, expected }
    }

    fn skip_spaces(&mut self) {
        self.at += self.text[self.at..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    }

    /// Whether `token` comes next; it is taken then.
    fn take(&mut self, token: &[u8]) -> bool {
        self.skip_spaces();
        let comes = self.text[self.at..].starts_with(token);
        self.at += if comes { token.len() } else { 0 };
        comes
    }

    fn expect(&mut self, token: &[u8], expected: &'static str) -> Result<(), DataError> {
        if self.take(token) { Ok(()) } else { Err(self.error(expected)) }
    }

    fn is_at_end(&mut self) -> bool {
        self.skip_spaces();
        self.at == self.text.len()
    }

    /// Text in quotes of either kind, without escapes.
    fn text(&mut self, expected: &'static str) -> Result<String, DataError> {
        let Some(quote) = [b"'", b"\""].into_iter().find(|quote| self.take(*quote)) else {
            return Err(self.error(expected));
        };
        let rest = &self.text[self.at..];
        let Some(length) = rest.iter().position(|byte| *byte == quote[0]) else {
            return Err(self.error("a closing quote"));
        };
        self.at += length + 1;
        Ok(String::from_utf8_lossy(&rest[..length]).into_owned())
    }

    fn boolean(&mut self) -> Result<bool, DataError> {
        if self.take(b"True") {
            return Ok(true);
        }
        self.expect(b"False", "True or False").map(|()| false)
    }

    /// `()`, `(3,)`, `(3, 4)`.
    fn integers(&mut self) -> Result<Vec<usize>, DataError> {
        self.expect(b"(", "lengths in parentheses")?;
        let mut integers = Vec::new();
        while !self.take(b")") {
            self.skip_spaces();
            let digits = self.text[self.at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            let digits = &self.text[self.at..self.at + digits];
            let integer = str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
            integers.push(integer.ok_or_else(|| self.error("a length, an integer"))?);
            self.at += digits.len();
            if !self.take(b",") {
                // One length without a comma is no tuple, but what it means is plain.
                self.expect(b")", "a comma or the closing parenthesis")?;
                break;
            }
        }
        Ok(integers)
    }
}
