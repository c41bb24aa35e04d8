//! Weights in a set: after each step the nearest point of it.

use super::{Kind, Recipe};
use nn::Selection;
use regularize::{Interval, L1Ball, L2Ball, MaxNorm, Projected, Projection, RegularizeError, SpectralBall};

/// Norm penalties as constrained optimisation: section 7.2 of the book.
pub static KINDS: &[Kind] = &[
    Kind {
        name: "L2 ball",
        symbol: "r",
        chosen: 5.0,
        candidates: &[2.0, 3.0, 5.0, 8.0, 12.0],
        description: "After each step every weight matrix whose norm is above r is shortened to r.",
        recipe: |radius| projected(L2Ball::new(radius)?),
    },
    Kind {
        name: "L1 ball",
        symbol: "r",
        chosen: 60.0,
        candidates: &[30.0, 60.0, 100.0, 200.0, 400.0],
        description: "After each step every weight matrix goes to the nearest one whose absolute values add up to \
                      at most r: all weights move towards 0 by the same and stop there.",
        recipe: |radius| projected(L1Ball::new(radius)?),
    },
    Kind {
        name: "max norm",
        symbol: "c",
        chosen: 0.7,
        candidates: &[0.3, 0.5, 0.7, 1.0, 1.5, 2.0],
        description: "After each step the weights of every unit that are longer than c are cut to c.",
        recipe: |bound| projected(MaxNorm::new(bound)?),
    },
    Kind {
        name: "interval",
        symbol: "c",
        chosen: 0.1,
        candidates: &[0.03, 0.05, 0.1, 0.2],
        description: "After each step every weight is cut to the interval from -c to c.",
        recipe: |bound| projected(Interval::new(-bound, bound)?),
    },
    Kind {
        name: "spectral ball",
        symbol: "c",
        chosen: 1.5,
        candidates: &[0.7, 1.0, 1.5, 2.0],
        description: "After each step the singular values of every weight matrix are cut to c.",
        recipe: |bound| projected(SpectralBall::new(bound)?),
    },
];

/// Plain training that projects all weights after each step.
fn projected(onto: impl Projection<f32> + 'static) -> Result<Recipe, RegularizeError> {
    Recipe::stepping(Projected::new(Selection::weights(), onto))
}
