//! The gradient checker.
pub mod closure;
mod compare;
pub mod differences;
mod hints;
mod line;
pub mod mutation;
mod noise;
mod random;
pub mod report;
pub mod sum;
pub mod verdict;
pub use closure::{Checker, check_gradient};
pub use line::{Line, Sample};
pub use report::{Failure, Report};
pub use verdict::{Gap, Place, Record, Stage, Test, Trouble, Verdict};
