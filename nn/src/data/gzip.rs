//! Bytes that may be gzip-compressed, read as plain ones with a bound on how many.
//!
//! Whether they are compressed is told from their first two bytes, never from a file name. A few
//! kilobytes of gzip can expand to gigabytes, so nothing here reads without a limit, and memory grows
//! with what was really read, never with what a header promises.

use super::DataError;
use flate2::bufread::MultiGzDecoder;
use std::io::{self, BufRead, Read};

/// The first two bytes of every gzip stream (RFC 1952, section 2.3.1).
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// A stream of bytes, decompressed on the way if it is gzip.
pub(super) enum Source<R: BufRead> {
    Plain(R),
    /// A gzip file may consist of several members, as written by parallel compressors; bytes after the
    /// last member that are no further member are an error.
    Gzip(MultiGzDecoder<R>),
}

impl<R: BufRead> Source<R> {
    /// Looks at the first bytes of `input`.
    pub fn detect(mut input: R) -> Result<Source<R>, DataError> {
        let start = input.fill_buf().map_err(|error| DataError::Io { error })?;
        Ok(if start.starts_with(&GZIP_MAGIC) {
            Source::Gzip(MultiGzDecoder::new(input))
        } else {
            Source::Plain(input)
        })
    }

    /// The next bytes, up to `limit` of them, fewer if there are no more, appended to `bytes`.
    pub fn read_up_to(&mut self, limit: u64, bytes: &mut Vec<u8>) -> Result<(), DataError> {
        let result = match self {
            Source::Plain(input) => input.take(limit).read_to_end(bytes),
            Source::Gzip(input) => input.take(limit).read_to_end(bytes),
        };
        result.map(drop).map_err(|error| self.failure(error))
    }

    /// Whether the length of the file says how many bytes there are to read.
    pub fn is_plain(&self) -> bool {
        matches!(self, Source::Plain(_))
    }

    fn failure(&self, error: io::Error) -> DataError {
        match self {
            Source::Plain(_) => DataError::Io { error },
            Source::Gzip(_) => DataError::Gzip { error },
        }
    }
}

/// All of `bytes`, decompressed if they are gzip.
///
/// # Errors
/// [`Gzip`](DataError::Gzip) for a corrupt stream, [`TooLong`](DataError::TooLong) for more than `limit`
/// bytes.
pub(super) fn decompressed(bytes: &[u8], limit: u64) -> Result<Vec<u8>, DataError> {
    let mut result = Vec::new();
    // One more than allowed: enough to know that there is too much.
    Source::detect(bytes)?.read_up_to(limit + 1, &mut result)?;
    if result.len() as u64 > limit {
        return Err(DataError::TooLong { limit });
    }
    Ok(result)
}

/// `bytes` compressed, for tests.
#[cfg(test)]
pub(super) fn compressed(bytes: &[u8]) -> Vec<u8> {
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_decides_whether_it_is_compressed() {
        let text = b"some text, some text, some text";
        assert_eq!(decompressed(text, 100).unwrap(), text);
        assert_eq!(decompressed(&compressed(text), 100).unwrap(), text);
        assert_eq!(decompressed(b"", 100).unwrap(), b"");
        assert_eq!(decompressed(&GZIP_MAGIC[..1], 100).unwrap(), GZIP_MAGIC[..1]);
    }

    #[test]
    fn several_members_are_one_file_and_garbage_behind_them_is_an_error() {
        let mut bytes = [compressed(b"one "), compressed(b"two")].concat();
        assert_eq!(decompressed(&bytes, 100).unwrap(), b"one two");
        bytes.push(7);
        assert!(matches!(decompressed(&bytes, 100), Err(DataError::Gzip { .. })));
    }

    #[test]
    fn the_limit_is_a_limit() {
        let bomb = compressed(&vec![0; 1 << 20]);
        assert!(bomb.len() < 2000, "a thousandth of what it expands to");
        assert_eq!(
            decompressed(&bomb, 1000).unwrap_err().to_string(),
            "holds more than 1000 bytes once decompressed, the limit for this format"
        );
        assert_eq!(decompressed(&bomb, 1 << 20).unwrap().len(), 1 << 20);
        assert!(decompressed(&bomb, (1 << 20) - 1).is_err());
    }

    #[test]
    fn every_cut_is_an_error() {
        let whole = compressed(b"a short text to be cut");
        for length in 2..whole.len() {
            let result = decompressed(&whole[..length], 100);
            assert!(matches!(result, Err(DataError::Gzip { .. })), "cut to {length}: {result:?}");
        }
    }
}
