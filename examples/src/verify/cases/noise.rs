//! Noise on inputs, weights and targets, with frozen draws.

use super::{COLUMNS, Case, Group, ROWS, function, layer, technique};
use nn::{Linear, Selection};
use regularize::noise::WeightNoise;
use regularize::{ConfidencePenalty, GaussianNoise, LabelSmoothing};

/// A case for each technique that is a function of the graph.
pub fn cases() -> Vec<Case> {
    built().expect("strengths in their ranges")
}

fn built() -> Result<Vec<Case>, regularize::RegularizeError> {
    let matrix: &[usize] = &[ROWS, COLUMNS];
    let linear = Linear::new("linear", COLUMNS, 2);
    let (smoothing, uniform) = (LabelSmoothing::new(0.2)?, LabelSmoothing::uniform(0.2)?);
    let (penalty, below) = (ConfidencePenalty::new(0.3)?, ConfidencePenalty::new(0.3)?.below(10.0)?);
    Ok(vec![
        layer("Gaussian noise", "x + σ ν", GaussianNoise::new(0.3)?, matrix).of(Group::Technique),
        layer("weight noise", "f(x; W + σ ν)", WeightNoise::new(linear, Selection::all(), 0.3)?, matrix)
            .of(Group::Technique),
        function(
            technique("label smoothing", "ε/(K-1) to the others"),
            &[matrix],
            (-2.0, 2.0),
            move |x, labels| smoothing.cross_entropy(x[0], labels).mean(),
        ),
        function(technique("uniform smoothing", "ε/K to all"), &[matrix], (-2.0, 2.0), move |x, labels| {
            uniform.cross_entropy(x[0], labels).mean()
        }),
        function(technique("confidence penalty", "-β H(p)"), &[matrix], (-2.0, 2.0), move |x, _| {
            penalty.value(x[0])
        }),
        function(
            technique("entropy threshold", "β max(0, Γ - H(p))"),
            &[matrix],
            (-2.0, 2.0),
            move |x, _| below.value(x[0]),
        ),
    ])
}
