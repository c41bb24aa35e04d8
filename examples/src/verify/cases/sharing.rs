//! Tying and sharing.

use super::{COLUMNS, Case, ROWS, function, technique};
use autograd::Window;
use regularize::sharing::{soft_sharing_penalty, tie, tied_dense};

/// A case for each way to share.
pub fn cases() -> Vec<Case> {
    let matrix: &[usize] = &[ROWS, COLUMNS];
    vec![
        function(
            technique("soft sharing", "β/2 ‖w_A - w_B‖²"),
            &[matrix, matrix, &[]],
            (-2.0, 2.0),
            |x, _| soft_sharing_penalty(x[0], x[1], x[2]),
        ),
        function(technique("tying", "f(w, w)"), &[matrix, matrix], (-2.0, 2.0), |x, _| {
            let untied = x[0].sin() * x[1].powi(2);
            tie(&[untied], &[x[0], x[1]])[0] + x[1]
        }),
        function(
            technique("convolution as a matrix", "x M(kernel)"),
            &[&[2, ROWS * COLUMNS], &[1, 2, 2, 2]],
            (-2.0, 2.0),
            |x, _| x[0].matmul(tied_dense(x[1], Window::new([2, 2]), [ROWS, COLUMNS])),
        ),
    ]
}
