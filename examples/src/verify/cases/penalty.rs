//! Penalties and their proximal steps.

use super::{COLUMNS, Case, ROWS, function, technique};
use regularize::{
    ElasticNet, Gram, Penalty, ProximalPenalty, group_lasso_penalty, group_threshold, l1_penalty, l2_penalty,
    orthogonality_penalty, soft_threshold,
};

/// A case for each penalty.
pub fn cases() -> Vec<Case> {
    let matrix: &[usize] = &[ROWS, COLUMNS];
    let orthogonal = |name, equation, gram| {
        function(technique(name, equation), &[matrix, &[]], (-2.0, 2.0), move |x, _| {
            orthogonality_penalty(x[0], x[1], gram)
        })
    };
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
        function(
            technique("group lasso", "α Σ ‖w_g‖ over columns"),
            &[matrix, &[]],
            (-2.0, 2.0),
            |x, _| group_lasso_penalty(x[0], x[1], -1),
        ),
        function(
            technique("group threshold", "(1 - t/‖v_g‖)₊ v_g"),
            &[matrix, &[]],
            (-2.0, 2.0),
            |x, _| group_threshold(x[0], x[1].abs(), -1),
        ),
        orthogonal("orthogonality", "α ‖WᵀW - I‖²", Gram::Columns),
        orthogonal("orthogonal rows", "α ‖WWᵀ - I‖²", Gram::Rows),
        orthogonal("orthogonal, shorter", "α ‖WWᵀ - I‖², the smaller matrix", Gram::Shorter),
        orthogonal("orthogonal, both", "α ‖WᵀW - I‖² + α ‖WWᵀ - I‖²", Gram::Both),
        orthogonal("orthogonal directions", "α ‖WᵀW‖² off the diagonal", Gram::OffDiagonal),
        orthogonal("coherence", "α max |WᵀW - I|", Gram::Coherence),
    ]
}
