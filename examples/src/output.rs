//! Where results go: standard output for a reader, files for later.
//!
//! A study takes minutes, so every destination is checked before the work begins ([`check_destinations`]),
//! and written in one step when it is done.

use crate::error::LabError;
use nn::files::{check_writable, write_atomically};
use serde::Serialize;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Prints lines on standard output. A reader that has gone (`lab | head`) is no error: what is left to say
/// is said to nobody.
pub fn say(text: impl std::fmt::Display) {
    let _ = writeln!(io::stdout(), "{text}");
}

/// Checks that all of these files can be written, and that no two are one.
///
/// # Errors
/// [`LabError::Write`] or [`LabError::SameFile`].
pub fn check_destinations<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Result<(), LabError> {
    let mut seen: Vec<PathBuf> = Vec::new();
    for path in paths {
        check_writable(path)?;
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.into());
        if seen.contains(&absolute) {
            return Err(LabError::SameFile(path.into()));
        }
        seen.push(absolute);
    }
    Ok(())
}

/// Writes a value as JSON.
///
/// # Errors
/// [`LabError::Write`].
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<(), LabError> {
    let mut text = serde_json::to_vec_pretty(value).expect("results have string keys only");
    text.push(b'\n');
    write_atomically(path, &text)?;
    say(format_args!("JSON    {}", path.display()));
    Ok(())
}
