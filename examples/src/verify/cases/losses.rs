//! Losses.

use super::{COLUMNS, Case, Group, ROWS, function};
use nn::loss::{Reduction, binary_cross_entropy, cross_entropy, soft_cross_entropy, squared_error};

/// A case for each loss.
pub fn cases() -> Vec<Case> {
    let matrix: &[usize] = &[ROWS, COLUMNS];
    let loss = |name, equation| (Group::Loss, name, equation);
    vec![
        function(loss("cross entropy", "-ln softmax(x)[label]"), &[matrix], (-2.0, 2.0), |x, labels| {
            cross_entropy(x[0], labels, Reduction::Mean)
        }),
        function(loss("soft cross entropy", "-Σ p ln softmax(x)"), &[matrix, matrix], (0.1, 0.9), |x, _| {
            soft_cross_entropy(x[0], x[1], Reduction::Sum)
        }),
        function(
            loss("binary cross entropy", "-t ln σ(x) - (1-t) ln (1-σ(x))"),
            &[matrix, matrix],
            (0.1, 0.9),
            |x, _| binary_cross_entropy(x[0], x[1], Reduction::Each),
        ),
        function(loss("squared error", "(x - t)²"), &[matrix, matrix], (-2.0, 2.0), |x, _| {
            squared_error(x[0], x[1], Reduction::Mean)
        }),
    ]
}
