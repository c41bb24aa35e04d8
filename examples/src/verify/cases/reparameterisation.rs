//! Weights as functions of what is learned.

use super::{COLUMNS, Case, Group, ROWS, function, layer, technique};
use nn::Linear;
use regularize::WeightNorm;
use regularize::reparameterisation::spectrally_normalised;

/// A case for each reparameterisation.
pub fn cases() -> Vec<Case> {
    let linear = Linear::new("linear", COLUMNS, 2);
    vec![
        layer("weight normalisation", "x (g v/‖v‖) + b", WeightNorm::new(linear), &[ROWS, COLUMNS])
            .of(Group::Technique),
        // The vectors of the power iteration are constants to differentiation: here those of a matrix of ones.
        function(
            technique("spectral normalisation", "W / uᵀW v at constant u, v"),
            &[&[ROWS, COLUMNS]],
            (0.2, 2.0),
            |x, _| {
                let sigma = x[0].sum() / ((ROWS * COLUMNS) as f64).sqrt();
                spectrally_normalised(x[0], sigma)
            },
        ),
    ]
}
