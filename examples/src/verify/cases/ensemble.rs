//! Means over an ensemble.

use super::{COLUMNS, Case, ROWS, function, technique};
use regularize::ensemble::Average;

/// A case for each mean.
pub fn cases() -> Vec<Case> {
    let matrix: &[usize] = &[ROWS, COLUMNS];
    let three = &[matrix, matrix, matrix];
    vec![
        function(technique("arithmetic mean", "ln 1/k Σᵢ pᵢ"), three, (-2.0, 2.0), |x, _| {
            Average::Arithmetic.log_probabilities(x)
        }),
        function(technique("geometric mean", "ln Πᵢ pᵢ^(1/k) / Z"), three, (-2.0, 2.0), |x, _| {
            Average::Geometric.log_probabilities(x)
        }),
    ]
}
