//! Terms of unlabelled examples.

use super::{COLUMNS, Case, ROWS, function, technique};
use nn::Mode;
use regularize::Dropout;
use regularize::semi_supervised::{
    Consistency, Disagreement, PseudoLabels, entropy, propagate_labels, similarity, two_passes,
};

/// A case for each term. Targets that a training holds fixed are differentiated here too, so that differences
/// see what the derivative sees.
pub fn cases() -> Vec<Case> {
    let matrix: &[usize] = &[ROWS, COLUMNS];
    let square: &[usize] = &[COLUMNS, COLUMNS];
    let pseudo = PseudoLabels::new(0.4).expect("a threshold");
    let dropout = Dropout::new(0.4).expect("a probability");
    let [squared, divergence] =
        [Disagreement::SquaredError, Disagreement::KullbackLeibler].map(Consistency::new);
    vec![
        function(technique("entropy minimisation", "-Σ p ln p"), &[matrix], (-2.0, 2.0), |x, _| {
            entropy(x[0])
        }),
        function(
            technique("pseudo-labels", "[max p ≥ τ] (-ln p[ŷ])"),
            &[matrix],
            (-2.0, 2.0),
            move |x, _| pseudo.loss(x[0], x[0]).loss,
        ),
        function(
            technique("Π-model", "‖p(x; ξ) - p(x; ξ')‖² / nK"),
            &[matrix, matrix],
            (-2.0, 2.0),
            move |x, _| squared.loss(x[0], x[1]),
        ),
        function(
            technique("two passes", "‖p(xμW) - p(xμ'W)‖² / nK, draws of their own"),
            &[matrix, square],
            (-1.0, 1.0),
            move |x, _| {
                let [first, second] = two_passes(&dropout, x[0], Mode::Train);
                squared.loss(first.matmul(x[1]), second.matmul(x[1]))
            },
        ),
        function(
            technique("virtual adversarial", "D(p(x) ‖ p(x + r))"),
            &[matrix, matrix, square],
            (-1.0, 1.0),
            move |x, _| divergence.loss((x[0] + x[1] * 0.3).matmul(x[2]).tanh(), x[0].matmul(x[2]).tanh()),
        ),
        function(
            technique("label propagation", "F := α S F + (1-α) Y"),
            &[matrix, matrix],
            (-1.0, 1.0),
            |x, _| {
                let weights = similarity(x[0], 0.8).expect("a width");
                propagate_labels(weights, x[1], 0.6, 3).expect("a share")
            },
        ),
    ]
}
