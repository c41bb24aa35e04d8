//! The techniques of a study: what each one changes of a training, and nothing else.
//!
//! A [`Kind`] is data, one entry in the table of its family, which has a file; a [`Technique`] is a kind with a
//! strength. Its [`Recipe`] is what a study needs: network, update, objective, procedure. It differs from that of its
//! baseline in what the technique is about, mostly one of the four, which is the whole point of having every technique
//! as an operation on a graph.
//!
//! Kinds stand in groups, one for each baseline. Most are compared with a plain perceptron; what is made for other
//! activations, for maps or for sequences, with a plain network that has them.
//!
//! # Without a row
//!
//! A row is a technique that trains a classifier. These do not:
//!
//! | what of `regularize` | what it does instead | shown by |
//! |---|---|---|
//! | attacks but the fast one, smoothing, interval bounds | look at a trained network | the table of attacks; `adversarial_attacks`, `certificates` |
//! | `diagnose`, `linearity`, `boundary`, `OverfittingMonitor` | the same | `gradient_masking`, `linearity`, `catastrophic_overfitting` |
//! | `MonteCarlo`, `SubNetworks`, `scale_units`, `scale_weights` | predict with a network that dropout trained | `monte_carlo_dropout`, `dropout_enumeration` |
//! | `DropoutMachine` | a Boltzmann machine | `boltzmann_dropout` |
//! | `ProjectedGradient`, `Simplex` | solve a constrained problem; mixture weights | `norm_constraint`, `projections` |
//! | `matching_pursuit`, `ista`, `fista`, `SparseCoder` | code inputs | `sparse_codes` |
//! | `tangent_distance`, `TangentNeighbour`, `propagate_labels` | classify without a network | `tangent_distance`, `semi_supervised` |
//! | `GradientPenalty`, `R1` | penalise a critic, which knows no classes | `gradient_penalty` |
//! | `Tied`, `tied_dense` | are an identity: convolution and recurrence have rows | `parameter_sharing` |
//! | `Flip`, `Saturation`, `Hue` | change the class of a digit, or colours that it has not | `six_and_nine`, `augmentations` |
//! | other hyper-gradients than that of L2 | tune other numbers in the same way | `hyper_gradients`, `tuned_strengths`, `ridge_hyper_gradient` |
//! | `Decomposition`, `largest_curvature`, `effective_parameters` | measure | `bagging`, `sharpness`, `weight_decay` |
//! | `estimate_statistics` | running statistics for averaged weights, which perceptrons have not | `weight_averaging` |
//!
//! # The strengths
//!
//! Each [`Kind::chosen`] was chosen once, with `lab study --sweep`, by the smallest mean error on the
//! validation part (for adversarial training: under attack) over 20 seeds that no study uses. The test part
//! played no role: neither a sweep nor a training ever reads it.
//!
//! - The strongest that was tried, so that a still stronger one may be better: group lasso, tones, cutout,
//!   RandAugment, AugMix, mixup and CutMix, weight noise, label smoothing, confidence penalty, intervals, SAM and ASAM,
//!   the moving average, entropy minimisation, stochastic depth; and ten members in each ensemble.
//! - The weakest, so that a still weaker one may be better: perspective, blur, Langevin, ShakeDrop.
//!   Pseudo-labels have a threshold of 0, which takes every picture.
//! - No better than their baseline at any strength: the L1 ball, perspective, blur, Langevin, gradient noise,
//!   k winners, ShakeDrop; and uncertainty weights, which are worse by 14 ± 4 percentage points. What stochastic
//!   depth gains, 0.9 ± 0.7, may be chance.
//! - Not chosen by a sweep: both ways to refit, which train on the validation part. They have early stopping's.

mod activations;
mod adversarial;
mod augmentation;
mod constraint;
mod convolution;
mod dropout;
mod early_stopping;
mod ensemble;
mod flatness;
mod hyper_gradient;
mod multi_task;
mod network;
mod noise;
mod penalty;
pub mod recipe;
mod recurrent;
mod refit;
mod semi_supervised;
mod sharing;
mod sparsity;
mod tangent;
#[cfg(test)]
mod tests;
mod unlabelled;

pub use recipe::{Recipe, Sizes};

use regularize::RegularizeError;
use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};
use std::fmt;

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

/// Kinds that are compared with one baseline.
pub struct Group {
    /// What they have in common, as a heading.
    pub title: &'static str,
    /// The same training without any of them: a row itself.
    baseline: &'static Kind,
    families: &'static [&'static [Kind]],
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

/// The heading of techniques that see more than the training part.
pub const WITH_OTHER_PICTURES: &str = "The perceptron, with other pictures too";

/// All groups; within one, families in the order of the book.
static GROUPS: &[Group] = &[
    Group {
        title: "A perceptron of rectifiers",
        baseline: &PLAIN,
        families: &[
            penalty::KINDS,
            constraint::KINDS,
            augmentation::KINDS,
            noise::KINDS,
            semi_supervised::KINDS,
            multi_task::KINDS,
            early_stopping::KINDS,
            sharing::KINDS,
            sparsity::KINDS,
            ensemble::KINDS,
            dropout::KINDS,
            adversarial::KINDS,
            tangent::KINDS,
            flatness::KINDS,
        ],
    },
    Group {
        title: WITH_OTHER_PICTURES,
        baseline: &PLAIN,
        families: &[unlabelled::KINDS, refit::KINDS, hyper_gradient::KINDS],
    },
    Group {
        title: "A perceptron of scaled exponential units",
        baseline: &activations::SELU,
        families: &[activations::OF_SELU],
    },
    Group {
        title: "A perceptron of sigmoids",
        baseline: &activations::SIGMOID,
        families: &[activations::OF_SIGMOID],
    },
    Group {
        title: "A convolutional network with two residual blocks",
        baseline: &convolution::PLAIN,
        families: &[convolution::KINDS],
    },
    Group {
        title: "A recurrent network that reads a picture row by row",
        baseline: &recurrent::PLAIN,
        families: &[recurrent::KINDS],
    },
];

/// A way of training, with its strength.
#[derive(Clone, Copy)]
pub struct Technique {
    group: &'static Group,
    kind: &'static Kind,
    strength: f64,
}

impl Technique {
    /// Plain training and every technique at the strength chosen for it.
    pub fn all() -> Vec<Technique> {
        let mut all: Vec<Technique> = Vec::new();
        for group in GROUPS {
            // A group may be compared with a row of an earlier one.
            let baseline = Technique::new(group, group.baseline);
            if all.iter().all(|technique| technique.name() != baseline.name()) {
                all.push(baseline);
            }
            all.extend(group.families.iter().copied().flatten().map(|kind| Technique::new(group, kind)));
        }
        all
    }

    /// At the strength built in.
    fn new(group: &'static Group, kind: &'static Kind) -> Technique {
        Technique { group, kind, strength: kind.chosen }
    }

    /// Those that the tour shows: the book's first, few enough for one figure.
    pub fn of_the_tour() -> Vec<Technique> {
        const SHOWN: [&str; 6] = ["plain", "L2", "L1", "dropout", "early stop", "adversarial"];
        Technique::all().into_iter().filter(|technique| SHOWN.contains(&technique.name())).collect()
    }

    /// What a sweep tries.
    pub fn candidates() -> Vec<Technique> {
        let of = |technique: Technique| {
            technique.kind.candidates.iter().map(move |&strength| Technique { strength, ..technique })
        };
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

    /// The heading that it stands under.
    pub fn title(self) -> &'static str {
        self.group.title
    }

    /// The name of what it is compared with; its own, if it is a baseline.
    pub fn baseline(self) -> &'static str {
        self.group.baseline.name
    }

    /// Whether it is what others are compared with.
    pub fn is_baseline(self) -> bool {
        self.name() == self.baseline()
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
        let mut fields = serializer.serialize_struct("Technique", 4)?;
        fields.serialize_field("name", self.kind.name)?;
        fields.serialize_field("symbol", self.kind.symbol)?;
        fields.serialize_field("strength", &self.strength)?;
        fields.serialize_field("baseline", self.baseline())?;
        fields.end()
    }
}
