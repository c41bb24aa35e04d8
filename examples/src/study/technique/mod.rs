//! The techniques of a study: what each one changes of a training, and nothing else.
//!
//! A [`Kind`] is data, one entry in the table of its family, which has a file; a [`Technique`] is a kind with a strength. Its
//! [`Recipe`] is what a trainer needs, and differs from that of plain training in one place only, which is the
//! whole point of having every technique as an operation on a graph.
//!
//! # The strengths
//!
//! Each [`Kind::chosen`] was chosen once, with `lab study --sweep`, by the smallest mean error on the
//! validation part (for adversarial training: under attack) over 20 seeds that no study uses. The test part
//! played no role: neither a sweep nor a training ever reads it. Some are the strongest that was tried, and a
//! still stronger one may be better (group lasso, RandAugment, mixup and CutMix, weight noise, label smoothing,
//! confidence penalty, intervals, SAM and ASAM, the moving average); k winners and gradient noise did not beat
//! plain training at any strength.

mod adversarial;
mod augmentation;
mod dropout;
mod early_stopping;
mod flatness;
mod noise;
mod penalty;
mod semi_supervised;
mod sparsity;
mod tangent;

use autograd::{Parameters, Var};
use nn::train::Batch;
use nn::{Activation, Initialiser, Linear, Optimiser, Sequential};
use regularize::{EarlyStopping, RegularizeError};
use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};
use std::fmt;

/// The learning rate and momentum of every training: gradient descent rather than Adam, so that an L2 penalty
/// is weight decay. The plain network learns its training part by heart well before the last epoch.
///
/// Momentum adds up the last ten gradients or so, a penalty's among them, but not the proximal steps: an L1
/// coefficient weighs a tenth of what an L2 coefficient of the same size does.
pub const LEARNING_RATE: f64 = 0.05;
const MOMENTUM: f64 = 0.9;

/// A way of training, up to its strength.
pub struct Kind {
    /// The name.
    pub name: &'static str,
    /// The strength's symbol, with which it is printed; empty if there is no strength to print.
    pub symbol: &'static str,
    /// The strength chosen by a sweep.
    pub chosen: f64,
    /// The strengths that a sweep tries.
    pub candidates: &'static [f64],
    /// What it does, in a sentence.
    pub description: &'static str,
    /// What it changes of a training at a given strength.
    pub recipe: fn(f64) -> Result<Recipe, RegularizeError>,
}

/// Cross-entropy, and nothing against overfitting.
static PLAIN: Kind = Kind {
    name: "plain",
    symbol: "",
    chosen: 0.0,
    candidates: &[0.0],
    description: "Cross-entropy alone: nothing holds the weights back.",
    recipe: |_| Ok(Recipe::plain()),
};

/// All families, in the order of the book.
static FAMILIES: &[&[Kind]] = &[
    penalty::KINDS,
    augmentation::KINDS,
    noise::KINDS,
    semi_supervised::KINDS,
    early_stopping::KINDS,
    sparsity::KINDS,
    dropout::KINDS,
    adversarial::KINDS,
    tangent::KINDS,
    flatness::KINDS,
];

/// A way of training, with its strength.
#[derive(Clone, Copy)]
pub struct Technique {
    kind: &'static Kind,
    strength: f64,
}

type Objective = dyn for<'g, 'b> Fn(&Batch<'g, 'b, f32>) -> Var<'g, f32> + Send + Sync;
type Network = dyn Fn(&[usize]) -> Sequential<f32> + Send + Sync;
type Kept = dyn Fn(&Parameters<f32>) -> Parameters<f32> + Send + Sync;

/// What a trainer needs of a technique.
pub struct Recipe {
    /// A network with layers of the given widths, inputs and classes included.
    pub network: Box<Network>,
    /// The update.
    pub optimiser: Optimiser<f32>,
    /// What is minimised.
    pub objective: Box<Objective>,
    /// What watches the validation loss, if anything does.
    pub stopping: Option<EarlyStopping<f32>>,
    /// What is measured and kept of the last parameters, if it is not these themselves: an average.
    pub kept: Option<Box<Kept>>,
}

impl Recipe {
    /// Plain training: what each technique changes one thing of.
    pub fn plain() -> Recipe {
        Recipe {
            network: Box::new(|widths| perceptron(widths, |hidden| hidden)),
            optimiser: Optimiser::momentum(LEARNING_RATE, MOMENTUM),
            objective: Box::new(|batch| batch.cross_entropy()),
            stopping: None,
            kept: None,
        }
    }

    /// Plain training of another objective.
    pub fn minimising(
        objective: impl for<'g, 'b> Fn(&Batch<'g, 'b, f32>) -> Var<'g, f32> + Send + Sync + 'static,
    ) -> Recipe {
        Recipe { objective: Box::new(objective), ..Recipe::plain() }
    }

    /// Plain training of another network.
    pub fn of(network: impl Fn(&[usize]) -> Sequential<f32> + Send + Sync + 'static) -> Recipe {
        Recipe { network: Box::new(network), ..Recipe::plain() }
    }
}

/// A perceptron with rectifiers between layers of these widths, each hidden layer followed by what
/// `after_hidden` adds. Layers are named by kind, so what is added changes no initial weight: techniques start
/// from the same network.
pub fn perceptron(
    widths: &[usize],
    after_hidden: impl Fn(Sequential<f32>) -> Sequential<f32>,
) -> Sequential<f32> {
    let mut network = Sequential::new();
    for (position, pair) in widths.windows(2).enumerate() {
        let last = position + 2 == widths.len();
        let gain = if last { 1.0 } else { Activation::Relu.gain() };
        network = network.then_named("linear", |name| {
            Linear::new(name, pair[0], pair[1]).with_initialiser(Initialiser::Kaiming { gain })
        });
        if !last {
            network = after_hidden(network.then(Activation::Relu));
        }
    }
    network
}

impl Technique {
    /// Plain training and every technique at the strength chosen for it.
    pub fn all() -> Vec<Technique> {
        let kinds = FAMILIES.iter().copied().flatten();
        std::iter::once(&PLAIN).chain(kinds).map(|kind| kind.at(kind.chosen)).collect()
    }

    /// Those that the tour shows: the book's first, few enough for one figure.
    pub fn of_the_tour() -> Vec<Technique> {
        const SHOWN: [&str; 6] = ["plain", "L2", "L1", "dropout", "early stop", "adversarial"];
        Technique::all().into_iter().filter(|technique| SHOWN.contains(&technique.name())).collect()
    }

    /// What a sweep tries.
    pub fn candidates() -> Vec<Technique> {
        let of = |technique: Technique| technique.kind.candidates.iter().map(move |&s| technique.kind.at(s));
        Technique::all().into_iter().flat_map(of).collect()
    }

    /// The name alone.
    pub fn name(self) -> &'static str {
        self.kind.name
    }

    /// What it does, in a sentence.
    pub fn description(self) -> &'static str {
        self.kind.description
    }

    /// Whether this is the strength built in.
    pub fn is_chosen(self) -> bool {
        self.strength == self.kind.chosen
    }

    /// What this technique changes of a training.
    ///
    /// # Errors
    /// If a strength makes no sense.
    pub fn recipe(self) -> Result<Recipe, RegularizeError> {
        (self.kind.recipe)(self.strength)
    }
}

impl Kind {
    /// The technique of this kind and strength.
    fn at(&'static self, strength: f64) -> Technique {
        Technique { kind: self, strength }
    }
}

impl fmt::Display for Technique {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Kind { name, symbol, .. } = self.kind;
        if symbol.is_empty() { f.write_str(name) } else { write!(f, "{name} {symbol}={}", self.strength) }
    }
}

impl fmt::Debug for Technique {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Technique {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Technique", 3)?;
        fields.serialize_field("name", self.kind.name)?;
        fields.serialize_field("symbol", self.kind.symbol)?;
        fields.serialize_field("strength", &self.strength)?;
        fields.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nn::{Layer, initialise};

    #[test]
    fn names_are_told_apart_and_chosen_strengths_are_among_those_tried() {
        let all = Technique::all();
        for (position, technique) in all.iter().enumerate() {
            assert!(all[..position].iter().all(|other| other.name() != technique.name()), "{technique}");
            assert!(technique.kind.candidates.contains(&technique.strength), "{technique}");
        }
        assert_eq!(Technique::of_the_tour().len(), 6);
    }

    #[test]
    fn every_technique_starts_from_the_same_weights() {
        let first = |technique: Technique| {
            let network = (technique.recipe().unwrap().network)(&[64, 8, 10]);
            let names = network.parameters().into_iter().map(|spec| spec.name);
            let parameters = initialise(&network, 7);
            names.map(|name| parameters.get(&name).cloned().map(|value| (name, value))).collect::<Vec<_>>()
        };
        let plain = first(PLAIN.at(PLAIN.chosen));
        for technique in Technique::all() {
            let found = first(technique);
            // A technique may add parameters of its own, but not change the network's.
            assert!(plain.iter().all(|entry| found.contains(entry)), "{technique}");
        }
    }
}
