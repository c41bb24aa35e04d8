//! Weights as functions of what is learned.

use super::{COLUMNS, Case, Group, ROWS, function, layer, technique};
use nn::Linear;
use regularize::WeightNorm;
use regularize::reparameterisation::{power_iteration, spectrally_normalised};

/// A case for each reparameterisation.
pub fn cases() -> Vec<Case> {
    let linear = Linear::new("linear", COLUMNS, 2);
    vec![
        layer("weight normalisation", "x (g v/‖v‖) + b", WeightNorm::new(linear), &[ROWS, COLUMNS])
            .of(Group::Technique),
        // Two columns and a start beside no singular vector: a hundred rounds are converged, and the vectors are
        // then where their own derivative does not matter to the first order. One entry alone: linear, so the
        // second order is the estimate's own.
        function(
            technique("spectral normalisation", "W/σ at given vectors"),
            &[&[ROWS, COLUMNS], &[COLUMNS]],
            (0.2, 2.0),
            |x, _| {
                // The vectors of another matrix: constants, as the estimate is to differentiation.
                let found = power_iteration(x[0].like(1.0), x[1].like(1.0), 1);
                let sigma = (found.left.reshape([1, ROWS]).matmul(x[0])
                    * found.right.reshape([1, COLUMNS]))
                .sum();
                spectrally_normalised(x[0], sigma) * x[1]
            },
        ),
    ]
}
