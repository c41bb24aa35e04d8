//! Summaries of neighbouring places: the largest or the mean value of each window, channel by channel
//! (Goodfellow, Bengio, Courville, *Deep Learning*, section 9.3).
//!
//! | layer | input | output | windows |
//! |---|---|---|---|
//! | [`Pooling`] | `[n, c, h, w]` | `[n, c, oh, ow]` | of one size, at equal distances |
//! | [`Pooling1d`] | `[n, c, length]` | `[n, c, olength]` | of one size, at equal distances |
//! | [`AdaptivePooling`] | `[n, c, h, w]` | `[n, c, oh, ow]`, as told | as large as it takes |
//! | [`GlobalPooling`] | `[n, c, ..]` | `[n, c]` | one, everything |
//!
//! Where several places of a window are the largest, they share the gradient equally.

mod adaptive;
mod windows;

pub use adaptive::{AdaptivePooling, GlobalPooling};
pub use windows::{Pooling, Pooling1d};

use autograd::{Real, Var};

/// What is kept of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Summary {
    Max,
    Mean,
}

impl Summary {
    /// The summary along `axes`, which disappear.
    fn over<'g, T: Real>(self, x: Var<'g, T>, axes: &[isize]) -> Var<'g, T> {
        match self {
            Summary::Max => x.max_over(axes),
            Summary::Mean => x.mean_over(axes),
        }
    }
}

#[cfg(test)]
mod tests;
