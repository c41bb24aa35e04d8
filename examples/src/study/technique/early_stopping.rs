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
        recipe: |patience| {
            Ok(Recipe { stopping: Some(EarlyStopping::new(patience as u64)), ..Recipe::plain() })
        },
    },
    Kind {
        name: "stop by GL",
        symbol: "α",
        chosen: 2.0,
        candidates: &[2.0, 5.0, 10.0, 20.0, 50.0],
        description: "Training ends when the validation loss is more than α per cent above its minimum, whose \
                      weights are kept.",
        recipe: |alpha| {
            let stopping = EarlyStopping::by(Criterion::GeneralisationLoss(alpha))?;
            Ok(Recipe { stopping: Some(stopping), ..Recipe::plain() })
        },
    },
];
