//! Ending in time.

use super::{Kind, Recipe};
use regularize::{Criterion, EarlyStopping};

/// Early stopping: section 7.8 of the book.
pub static KINDS: &[Kind] = &[
    Kind {
        name: "early stop",
        symbol: "k",
        chosen: 3.0,
        candidates: &[1.0, 3.0, 5.0, 10.0, 30.0],
        description: "The validation loss is watched after each epoch, and the weights of its minimum are \
                      kept; training ends after k epochs without a lower one.",
        recipe: |patience| Ok(Recipe::stopped(EarlyStopping::new(patience as u64))),
    },
    Kind {
        name: "stop by GL",
        symbol: "α",
        chosen: 2.0,
        candidates: &[2.0, 5.0, 10.0, 20.0, 50.0],
        description: "Training ends when the validation loss is more than α per cent above its minimum, whose \
                      weights are kept.",
        recipe: |alpha| Ok(Recipe::stopped(EarlyStopping::by(Criterion::GeneralisationLoss(alpha))?)),
    },
    Kind {
        name: "stop by PQ",
        symbol: "α",
        chosen: 0.1,
        candidates: &[0.03, 0.1, 0.3, 1.0, 3.0],
        description: "Training ends with a strip of five epochs in which the rise of the validation loss, in per \
                      cent, is more than α times what the training loss still gains, in per mille.",
        recipe: |alpha| {
            let criterion = Criterion::ProgressQuotient { alpha, strip: STRIP };
            Ok(Recipe::stopped(EarlyStopping::by(criterion)?))
        },
    },
    Kind {
        name: "stop by UP",
        symbol: "s",
        chosen: 1.0,
        candidates: &[1.0, 2.0, 3.0, 5.0],
        description: "Training ends when the validation loss has risen over s strips of five epochs in a row.",
        recipe: |times| {
            let criterion = Criterion::Rising { times: times as u64, strip: STRIP };
            Ok(Recipe::stopped(EarlyStopping::by(criterion)?))
        },
    },
];

/// Prechelt's length of a strip.
const STRIP: u64 = 5;
