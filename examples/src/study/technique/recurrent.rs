//! A recurrent network that reads a picture as a sequence of rows, and what disturbs its state.

use super::network::Reshaped;
use super::{Kind, Recipe, Sizes};
use nn::recurrent::{Gru, Recurrent};
use nn::{Initialiser, Layer, Linear, Sequential};
use regularize::RegularizeError;
use regularize::dropout::{VariationalDropout, Zoneout};

/// The network without any of them.
pub static PLAIN: Kind = Kind {
    name: "plain GRU",
    symbol: "",
    chosen: 0.0,
    candidates: &[0.0],
    description: "Gated recurrent units, a quarter as many as the perceptron has hidden ones, read a picture row by \
                  row with the same weights; their last state is classified.",
    recipe: |_| reading(Ok),
};

/// Dropout of recurrent networks: section 7.12 of the book, and what came of it.
pub static KINDS: &[Kind] = &[
    Kind {
        name: "variational",
        symbol: "p",
        chosen: 0.5,
        candidates: &[0.1, 0.3, 0.5, 0.7],
        description: "Variational dropout: units of the state are left out with probability p for a whole picture.",
        recipe: |p| reading(move |layer| VariationalDropout::new(layer, 0.0, p)),
    },
    Kind {
        name: "zoneout",
        symbol: "p",
        chosen: 0.5,
        candidates: &[0.1, 0.3, 0.5, 0.7],
        description: "After each row every unit of the state keeps its old value with probability p.",
        recipe: |p| reading(move |layer| Zoneout::new(layer, p, 0.0)),
    },
];

/// Plain training of the network with what `wrap` makes of the recurrent layer.
fn reading<L: Layer<f32> + 'static>(
    wrap: impl Fn(Recurrent<Gru>) -> Result<L, RegularizeError> + Send + Sync + 'static,
) -> Result<Recipe, RegularizeError> {
    // Refused here, and not when a network is made.
    wrap(Recurrent::new(Gru::new("gru", 1, 1)))?;
    Ok(Recipe::of(move |sizes| network(sizes, |layer| wrap(layer).expect("the strength was looked at"))))
}

fn network<L: Layer<f32> + 'static>(sizes: &Sizes, wrap: impl Fn(Recurrent<Gru>) -> L) -> Sequential<f32> {
    let [rows, columns] = sizes.picture;
    let hidden = (sizes.hidden / 4).max(1);
    Sequential::new()
        .then(Reshaped(vec![rows, columns]))
        .then(wrap(Recurrent::new(Gru::new("gru", columns, hidden)).last()))
        .then_named("linear", |name| {
            Linear::new(name, hidden, sizes.classes).with_initialiser(Initialiser::Kaiming { gain: 1.0 })
        })
}
