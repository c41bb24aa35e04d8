//! A convolutional network, and what leaves out parts of one.
//!
//! ```text
//! 8 maps by 3 x 3, rectifier, largest of 2 x 2;  twice h := h + f(h);  rectifier, linear map
//! f = normalised convolution, rectifier, normalised convolution, all by 3 x 3
//! ```
//!
//! Normalised over the batch: without it a block that ShakeDrop multiplies grows without bound.

use super::network::Reshaped;
use super::recipe::MOMENTUM;
use super::{Kind, Recipe, Sizes};
use autograd::Window;
use nn::{
    Activation, BatchNorm, Flatten, Initialiser, Layer, Linear, Optimiser, Pooling, Residual, Sequential,
};
use regularize::RegularizeError;
use regularize::dropout::{DropBlock, ShakeDrop, SpatialDropout, StochasticDepth, stochastic_depth};

/// A fifth of the perceptron's.
const LEARNING_RATE: f64 = 0.01;
/// Maps of every layer.
const MAPS: usize = 8;
/// Residual blocks.
const BLOCKS: usize = 2;

/// The network without any of them.
pub static PLAIN: Kind = Kind {
    name: "plain conv",
    symbol: "",
    chosen: 0.0,
    candidates: &[0.0],
    description: "Convolution, which is parameter sharing (section 7.9): one small kernel at all places of the \
                  picture. Eight maps, two residual blocks; compare it with the plain perceptron.",
    recipe: |_| Ok(of(|sizes| network(sizes, |maps| maps, |_, body| Box::new(Residual::new(body))))),
};

/// Dropout of maps, of parts of maps, and of blocks: section 7.12 of the book, and what came of it.
pub static KINDS: &[Kind] = &[
    Kind {
        name: "spatial dropout",
        symbol: "p",
        chosen: 0.3,
        candidates: &[0.1, 0.2, 0.3, 0.5],
        description: "In each step every map is left out as a whole with probability p.",
        recipe: |p| {
            let dropout = SpatialDropout::new(p)?;
            Ok(dropping(move |maps| maps.then_named("dropout", |name| dropout.named(name))))
        },
    },
    Kind {
        name: "DropBlock",
        symbol: "p",
        chosen: 0.3,
        candidates: &[0.1, 0.2, 0.3, 0.5],
        description: "In each step squares of two by two places are left out of every map, a share p of it or \
                      somewhat less.",
        recipe: |p| {
            let dropout = DropBlock::new(p, 2)?;
            Ok(dropping(move |maps| maps.then_named("dropout", |name| dropout.named(name))))
        },
    },
    Kind {
        name: "stochastic depth",
        symbol: "p",
        chosen: 0.7,
        candidates: &[0.1, 0.3, 0.5, 0.7],
        description: "In each step the body of the last residual block is left out for each example with \
                      probability p, that of the first with p/2.",
        recipe: |p| {
            surviving(p, |body, stays, name| Ok(Box::new(StochasticDepth::new(body, stays)?.named(name))))
        },
    },
    Kind {
        name: "ShakeDrop",
        symbol: "p",
        chosen: 0.02,
        candidates: &[0.02, 0.05, 0.1, 0.2],
        description: "With the same probabilities the body of a block is multiplied by a random factor, another one \
                      forward than backward.",
        recipe: |p| surviving(p, |body, stays, name| Ok(Box::new(ShakeDrop::new(body, stays)?.named(name)))),
    },
];

/// A residual block of this body, which stays with this probability, under this name.
type Block = fn(Sequential<f32>, f64, &str) -> Result<Box<dyn Layer<f32>>, RegularizeError>;

/// The network with blocks whose probabilities to stay fall along them to `1 - p`.
fn surviving(p: f64, block: Block) -> Result<Recipe, RegularizeError> {
    let stay = |number| stochastic_depth::linear_survival(number, BLOCKS, 1.0 - p);
    let survival = (1..=BLOCKS).map(stay).collect::<Result<Vec<f64>, _>>()?;
    let block = move |number: usize, body| {
        block(body, survival[number - 1], &format!("block{number}")).expect("a survival is a probability")
    };
    Ok(of(move |sizes| network(sizes, |maps| maps, &block)))
}

/// The network with something after its first maps and after each block.
fn dropping(after_maps: impl Fn(Sequential<f32>) -> Sequential<f32> + Send + Sync + 'static) -> Recipe {
    of(move |sizes| network(sizes, &after_maps, |_, body| Box::new(Residual::new(body))))
}

/// Training of such a network, at a rate of its own.
fn of(network: impl Fn(&Sizes) -> Sequential<f32> + Send + Sync + 'static) -> Recipe {
    Recipe { optimiser: Optimiser::momentum(LEARNING_RATE, MOMENTUM), ..Recipe::of(network) }
}

/// The network, with what `after_maps` adds to maps, and blocks that `block` makes of their number and body.
fn network(
    sizes: &Sizes,
    after_maps: impl Fn(Sequential<f32>) -> Sequential<f32>,
    block: impl Fn(usize, Sequential<f32>) -> Box<dyn Layer<f32>>,
) -> Sequential<f32> {
    let same = Window { padding: [1, 1], ..Window::new([3, 3]) };
    let [rows, columns] = sizes.picture;
    let pooled = (rows / 2) * (columns / 2);
    let maps = Sequential::new()
        .then(Reshaped(vec![1, rows, columns]))
        .convolution(1, MAPS, same)
        .then(Activation::Relu)
        .then(Pooling::max([2, 2]));
    let maps = (1..=BLOCKS).fold(after_maps(maps), |maps, number| {
        let body = Sequential::with_prefix(&format!("block{number}"))
            .convolution(MAPS, MAPS, same)
            .then_named("normalisation", |name| BatchNorm::new(name, MAPS))
            .then(Activation::Relu)
            .convolution(MAPS, MAPS, same)
            .then_named("normalisation", |name| BatchNorm::new(name, MAPS));
        after_maps(maps.then(block(number, body)))
    });
    maps.then(Activation::Relu).then(Flatten).then_named("linear", |name| {
        Linear::new(name, MAPS * pooled, sizes.classes).with_initialiser(Initialiser::Kaiming { gain: 1.0 })
    })
}
