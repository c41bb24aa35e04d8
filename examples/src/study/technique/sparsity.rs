//! Sparse activations.

use super::{Kind, Recipe, perceptron};
use regularize::sparsity::KWinners;

/// Sparse representations: section 7.10 of the book.
pub static KINDS: &[Kind] = &[Kind {
    name: "k winners",
    symbol: "k",
    chosen: 48.0,
    candidates: &[4.0, 8.0, 16.0, 32.0, 48.0],
    description: "Of every hidden layer the k most active units stay, the others are 0.",
    recipe: |k| {
        let winners = KWinners::new(k as usize)?;
        Ok(Recipe::of(move |widths| perceptron(widths, |hidden| hidden.then(winners))))
    },
}];
