//! Sparse representations.

use super::{COLUMNS, Case, ROWS, function, technique};
use regularize::sparsity::{
    ActivationL1, ActivationPenalty, StudentT, TargetRate, fista, ista, k_winners, matching_pursuit,
};

/// A case for each technique.
pub fn cases() -> Vec<Case> {
    let matrix: &[usize] = &[ROWS, COLUMNS];
    let l1 = ActivationL1::new(0.4).expect("a coefficient above 0");
    let student = StudentT::new(0.4, 1.5).expect("numbers above 0");
    let target = TargetRate::new(0.4, 0.1).expect("a rate between 0 and 1");
    vec![
        function(technique("activation L1", "α/m Σ |h|"), &[matrix], (-2.0, 2.0), move |x, _| {
            l1.value(x[0])
        }),
        function(
            technique("Student-t penalty", "α/m (ν + 1)/2 Σ ln(1 + h²/ν)"),
            &[matrix],
            (-2.0, 2.0),
            move |x, _| student.value(x[0]),
        ),
        function(
            technique("target rate", "α Σⱼ KL(ρ ‖ ρ̂ⱼ)"),
            &[matrix],
            (0.05, 0.95),
            move |x, _| target.value(x[0]),
        ),
        function(technique("k winners", "x m, m = 1 for the k largest"), &[matrix], (-2.0, 2.0), |x, _| {
            k_winners(x[0], 2)
        }),
        function(
            technique("matching pursuit", "argmin ‖x - hD‖², k atoms, chosen greedily"),
            &[matrix, &[5, COLUMNS]],
            (-1.0, 1.0),
            |x, _| matching_pursuit(x[0], x[1], 2),
        ),
        function(
            technique("ISTA", "h := S(h - ε (hD - x)Dᵀ, εα), 3 times"),
            &[matrix, &[5, COLUMNS]],
            (-1.0, 1.0),
            |x, _| ista(x[0], x[1], x[0].graph().fill([], 0.1), x[0].graph().fill([], 0.3), 3),
        ),
        function(
            technique("FISTA", "ISTA from h + (t' - 1)/t (h - h_before)"),
            &[matrix, &[5, COLUMNS]],
            (-1.0, 1.0),
            |x, _| fista(x[0], x[1], x[0].graph().fill([], 0.1), x[0].graph().fill([], 0.3), 3),
        ),
    ]
}
