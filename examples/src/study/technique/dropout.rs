//! Units, or weights, left out at random.

use super::network::perceptron;
use super::{Kind, Recipe};
use nn::{Selection, Sequential};
use regularize::Dropout;
use regularize::dropout::{DropConnect, GaussianDropout};

/// Dropout and what came of it: section 7.12 of the book.
pub static KINDS: &[Kind] = &[
    Kind {
        name: "dropout",
        symbol: "p",
        chosen: 0.8,
        candidates: &[0.3, 0.5, 0.6, 0.7, 0.8, 0.85],
        description: "In each step every hidden unit is left out with probability p; all of them predict.",
        recipe: |p| {
            let dropout = Dropout::new(p)?;
            Ok(Recipe::of(move |sizes| {
                perceptron(sizes, |hidden| hidden.then_named("dropout", |name| dropout.named(name)))
            }))
        },
    },
    Kind {
        name: "Gaussian drop",
        symbol: "p",
        chosen: 0.7,
        candidates: &[0.3, 0.5, 0.6, 0.7, 0.8],
        description: "Every hidden unit is multiplied by normal noise of mean 1 and variance p/(1-p).",
        recipe: |p| {
            let dropout = GaussianDropout::new(p)?;
            Ok(Recipe::of(move |sizes| {
                perceptron(sizes, |hidden| hidden.then_named("dropout", |name| dropout.named(name)))
            }))
        },
    },
    Kind {
        name: "DropConnect",
        symbol: "p",
        chosen: 0.3,
        candidates: &[0.1, 0.3, 0.5, 0.6, 0.7],
        description: "In each step every weight is left out with probability p; all of them predict.",
        recipe: |p| {
            // Refused here, and not when a network is made.
            DropConnect::new((), Selection::weights(), p)?;
            Ok(Recipe::of(move |sizes| {
                let network = perceptron(sizes, |hidden| hidden);
                let masked = DropConnect::new(network, Selection::weights(), p);
                Sequential::new().then(masked.expect("the probability was checked"))
            }))
        },
    },
];
