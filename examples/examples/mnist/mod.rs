//! What the programs on MNIST share: how they read it, and how they end.

use nn::data::{Dataset, idx};
use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

/// Runs a program on the training and the test images of `directory`, `[n, rows, columns]` with values from 0 to 1, and
/// says on standard error what went wrong.
pub fn run(
    directory: &Path,
    program: impl FnOnce(Dataset, Dataset) -> Result<(), Box<dyn Error>>,
) -> ExitCode {
    let result = idx::load_directory(directory).map_err(Box::from);
    match result.and_then(|(train, test)| program(train, test)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
