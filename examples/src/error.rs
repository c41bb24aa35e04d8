//! Everything that can go wrong outside the program's own power, as one type whose text is a paragraph for
//! a reader who has never seen the code.

use nn::data::DataError;
use nn::files::WriteError;
use regularize::RegularizeError;
use std::path::PathBuf;

/// Why the program could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// Data cannot be read.
    #[error("cannot use the data: {0}")]
    Data(#[from] DataError),
    /// Results cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// Two results would go to one file.
    #[error("{}: two results cannot go to one file; choose another name for one of them", .0.display())]
    SameFile(PathBuf),
    /// More examples are asked for than there are.
    #[error(
        "a training part of {train} examples and a validation part of {validation} need {} examples; \
         {origin} offers {available} to train and choose with. Ask for fewer with --train",
        train + validation
    )]
    TooFewExamples {
        /// How many to train on.
        train: usize,
        /// How many to choose strengths and stop with.
        validation: usize,
        /// Where they should come from.
        origin: String,
        /// How many there are.
        available: usize,
    },
    /// Examples that are not pictures.
    #[error("examples of shape {0} are not pictures: rows and columns are needed")]
    NotPictures(autograd::Shape),
    /// A network could not be trained.
    #[error("training with {technique}, seed {seed}: {error}")]
    Train {
        /// Under which technique.
        technique: String,
        /// With which seed.
        seed: u64,
        /// What happened.
        error: RegularizeError,
    },
    /// Stopped too early.
    #[error("interrupted before every technique had trained one network: there is nothing to show")]
    Interrupted,
    /// The operating system refuses to report ctrl-C.
    #[error("cannot listen for ctrl-C: {0}")]
    Signal(#[from] ctrlc::Error),
    /// A name that fits no check.
    #[error("no check has a name that contains `{0}`; `lab verify` lists them all")]
    NoSuchCase(String),
    /// A name that fits no technique.
    #[error("no technique has a name that contains `{0}`; `lab study` without it trains all of them")]
    NoSuchTechnique(String),
    /// Threads cannot be started.
    #[error("cannot start {threads} threads: {error}")]
    Threads {
        /// How many were asked for.
        threads: u16,
        /// The reason.
        error: rayon::ThreadPoolBuildError,
    },
}
