//! Units left out at random.

use super::{Kind, Recipe, perceptron};
use regularize::Dropout;

/// Dropout and what came of it: section 7.12 of the book.
pub static KINDS: &[Kind] = &[Kind {
    name: "dropout",
    symbol: "p",
    chosen: 0.8,
    candidates: &[0.3, 0.5, 0.6, 0.7, 0.8, 0.85],
    description: "In each step every hidden unit is left out with probability p; all of them predict.",
    recipe: |p| {
        let dropout = Dropout::new(p)?;
        Ok(Recipe::of(move |widths| {
            perceptron(widths, |hidden| hidden.then_named("dropout", |name| dropout.named(name)))
        }))
    },
}];
