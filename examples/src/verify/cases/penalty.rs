//! Penalties and their proximal steps.

use super::{COLUMNS, Case, ROWS, function, technique};
use regularize::{ElasticNet, Penalty, ProximalPenalty, l1_penalty, l2_penalty, soft_threshold};

/// A case for each penalty.
pub fn cases() -> Vec<Case> {
    let matrix: &[usize] = &[ROWS, COLUMNS];
    let elastic = ElasticNet::new(0.3, 0.7).expect("coefficients above 0");
    vec![
        function(technique("L2 penalty", "α/2 ‖w‖²"), &[matrix, &[]], (-2.0, 2.0), |x, _| {
            l2_penalty(x[0], x[1])
        }),
        function(technique("L1 penalty", "α ‖w‖₁"), &[matrix, &[]], (-2.0, 2.0), |x, _| {
            l1_penalty(x[0], x[1])
        }),
        function(
            technique("elastic net", "α ‖w‖₁ + β/2 ‖w‖²"),
            &[matrix],
            (-2.0, 2.0),
            move |x, _| elastic.value(x[0]),
        ),
        function(
            technique("elastic net, proximal", "sign(v) max(|v| - tα, 0) / (1 + tβ)"),
            &[matrix, &[]],
            (0.5, 2.0),
            move |x, _| elastic.proximal(x[0], x[1]),
        ),
        function(
            technique("soft threshold", "sign(v) max(|v| - t, 0)"),
            &[matrix, &[]],
            (-2.0, 2.0),
            |x, _| soft_threshold(x[0], x[1].abs()),
        ),
    ]
}
