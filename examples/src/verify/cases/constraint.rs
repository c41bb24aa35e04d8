//! Projections onto norm balls and other sets.

use super::{COLUMNS, Case, ROWS, function, technique};
use regularize::{
    Interval, MaxNorm, Projection, project_onto_l1_ball, project_onto_l2_ball, project_onto_simplex,
    project_onto_spectral_ball,
};

/// A case for each projection.
pub fn cases() -> Vec<Case> {
    let matrix: &[usize] = &[ROWS, COLUMNS];
    let bound = MaxNorm::new(1.0).expect("a bound above 0");
    let interval = Interval::new(-0.7, 1.1).expect("bounds in order");
    let range = (-2.0, 2.0);
    vec![
        function(technique("L2 ball", "v r / max(‖v‖, r)"), &[matrix, &[]], range, |x, _| {
            project_onto_l2_ball(x[0], x[1].abs() + 0.5, &[0, 1])
        }),
        function(technique("L1 ball", "soft threshold that leaves r"), &[matrix, &[]], range, |x, _| {
            project_onto_l1_ball(x[0], x[1].abs() + 0.5)
        }),
        function(technique("simplex", "max(v - τ, 0), Σ = s"), &[matrix, &[]], range, |x, _| {
            project_onto_simplex(x[0], x[1].abs() + 0.5)
        }),
        function(technique("max norm", "v_u c / max(‖v_u‖, c)"), &[matrix], range, move |x, _| {
            bound.project(x[0])
        }),
        function(technique("spectral ball", "U min(Σ, c) Vᵀ"), &[matrix], range, |x, _| {
            project_onto_spectral_ball(x[0], 1.3)
        }),
        function(technique("interval", "min(max(v, low), high)"), &[matrix], range, move |x, _| {
            interval.project(x[0])
        }),
    ]
}
