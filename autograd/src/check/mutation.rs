//! Planted errors: what a checker must find, to be believed when it finds nothing.
//!
//! A checker can be broken like any program, and then everything passes. So each of these mutations,
//! plausible bugs of a differentiation rule, is applied to a correct gradient, and the check must report
//! it, unless it changes nothing (a transposed symmetric matrix).
//!
//! ```
//! use autograd::check::{Checker, mutation::Mutation};
//! let gradient = |x: &[f64]| vec![2.0 * x[0], 3.0 * x[1] * x[1]];
//! let wrong = |x: &[f64]| Mutation::SignFlip.apply(&gradient(x), &[2]);
//! let report = Checker::new("planted").gradient(|x| x[0] * x[0] + x[1].powi(3), wrong, &[1.0, 2.0]);
//! assert!(!report.is_success());
//! ```

/// A plausible bug of a gradient.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mutation {
    /// Half too large.
    Scale,
    /// Too large by one part in a million.
    TinyScale,
    /// The wrong sign.
    SignFlip,
    /// One entry too large by half.
    OneEntry,
    /// One entry missing: zero.
    DroppedEntry,
    /// No gradient at all.
    Zero,
    /// The last two axes exchanged.
    Transpose,
    /// Every entry in its neighbour's place.
    Shift,
    /// The sum over the last axis forgotten: every entry divided by its length plus one.
    ForgottenSum,
    /// Accumulated twice.
    Doubled,
    /// A NaN in one entry.
    NanEntry,
    /// An infinity in one entry.
    InfiniteEntry,
    /// One entry too few.
    Short,
    /// Rounded to single precision.
    SinglePrecision,
}

impl Mutation {
    /// All of them.
    pub const ALL: [Mutation; 14] = [
        Mutation::Scale,
        Mutation::TinyScale,
        Mutation::SignFlip,
        Mutation::OneEntry,
        Mutation::DroppedEntry,
        Mutation::Zero,
        Mutation::Transpose,
        Mutation::Shift,
        Mutation::ForgottenSum,
        Mutation::Doubled,
        Mutation::NanEntry,
        Mutation::InfiniteEntry,
        Mutation::Short,
        Mutation::SinglePrecision,
    ];

    /// The gradient with the bug; `lengths` are those of the argument's axes.
    pub fn apply(self, gradient: &[f64], lengths: &[usize]) -> Vec<f64> {
        let mut wrong = gradient.to_vec();
        let n = wrong.len();
        if n == 0 {
            return wrong;
        }
        // The largest entry: to spoil one that is zero would change nothing.
        let target = (0..n).max_by(|&i, &j| gradient[i].abs().total_cmp(&gradient[j].abs())).unwrap_or(0);
        match self {
            Mutation::Scale => wrong.iter_mut().for_each(|g| *g *= 1.5),
            Mutation::TinyScale => wrong.iter_mut().for_each(|g| *g *= 1.0 + 1e-6),
            Mutation::SignFlip => wrong.iter_mut().for_each(|g| *g = -*g),
            Mutation::OneEntry => wrong[target] *= 1.5,
            Mutation::DroppedEntry => wrong[target] = 0.0,
            Mutation::Zero => wrong.fill(0.0),
            Mutation::Transpose => {
                if let [.., rows, columns] = *lengths {
                    let turned = gradient.chunks(rows * columns).flat_map(|block| {
                        (0..columns).flat_map(move |c| (0..rows).map(move |r| block[r * columns + c]))
                    });
                    wrong = turned.collect();
                }
            }
            Mutation::Shift => wrong.rotate_right(1),
            Mutation::ForgottenSum => {
                let length = lengths.last().copied().unwrap_or(1) + 1;
                wrong.iter_mut().for_each(|g| *g /= length as f64);
            }
            Mutation::Doubled => wrong.iter_mut().for_each(|g| *g *= 2.0),
            Mutation::NanEntry => wrong[target] = f64::NAN,
            Mutation::InfiniteEntry => wrong[target] = f64::INFINITY,
            Mutation::Short => wrong.truncate(n - 1),
            Mutation::SinglePrecision => wrong.iter_mut().for_each(|g| *g = f64::from(*g as f32)),
        }
        wrong
    }

    /// Whether the bug changes nothing worth reporting here: the wrong gradient equals the right one to
    /// within `relative` of its largest entry.
    pub fn is_equivalent(self, gradient: &[f64], lengths: &[usize], relative: f64) -> bool {
        let wrong = self.apply(gradient, lengths);
        let size = gradient.iter().fold(0.0f64, |m, g| m.max(g.abs()));
        wrong.len() == gradient.len()
            && wrong.iter().zip(gradient).all(|(w, g)| (w - g).abs() <= relative * size)
    }
}
