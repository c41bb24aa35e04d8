//! The techniques of a study: what each one changes of a training, and nothing else.
//!
//! A [`Technique`] is data: a name and a strength. Its [`Recipe`] is what a trainer needs, and differs from
//! that of plain training in one place only, which is the whole point of having every technique as an
//! operation on a graph.
//!
//! # The strengths
//!
//! [`Technique::DEFAULTS`] were chosen once, with `lab study --sweep`, by the smallest mean error on the
//! validation part (for adversarial training: under attack) over 20 seeds that no study uses. The test part
//! played no role: neither a sweep nor a training ever reads it. What the sweep of seed 1 found, in per cent:
//!
//! | technique | validation error at the strengths tried | chosen |
//! |---|---|---|
//! | plain | 15.6 ± 0.6 | |
//! | L2 | 14.1 at 0.003, 11.6 at 0.01, 10.5 at 0.015, **10.3** at 0.02, 10.9 at 0.03, 14.5 at 0.05 | 0.02 |
//! | L1 | 15.2 at 0.003, 15.0 at 0.007, **14.7** at 0.01, 15.2 at 0.015, 15.3 at 0.02 | 0.01 |
//! | dropout | 13.5 at 0.3, 12.8 at 0.5, 11.7 at 0.6, 10.7 at 0.7, **10.2** at 0.8, 14.0 at 0.85 | 0.8 |
//! | early stopping | 11.0 at 1, **10.8** at 3, 11.0 at 5, 11.1 at 10 and 30 | 3 |
//! | adversarial, under attack | 58.0 at 0.05, 42.0 at 0.1, 35.0 at 0.15, **31.3** at 0.2, 40.7 at 0.3 | 0.2 |

use autograd::Var;
use nn::train::Batch;
use nn::{Activation, Initialiser, Linear, Mode, Optimiser, Selection, Sequential};
use regularize::{
    AdversarialTraining, Dropout, EarlyStopping, FastGradient, L1, L2, Penalties, ProximalStep,
    RegularizeError,
};
use serde::Serialize;
use std::fmt;

/// The learning rate and momentum of every training: gradient descent rather than Adam, so that an L2 penalty
/// is weight decay. The plain network learns its training part by heart well before the last epoch.
///
/// Momentum adds up the last ten gradients or so, a penalty's among them, but not the proximal steps: an L1
/// coefficient weighs a tenth of what an L2 coefficient of the same size does.
const LEARNING_RATE: f64 = 0.05;
const MOMENTUM: f64 = 0.9;

/// A way of training, with its strength.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum Technique {
    /// Cross-entropy, and nothing against overfitting.
    Plain,
    /// `α/2 ‖W‖²` added to the loss.
    L2 {
        /// The coefficient.
        alpha: f64,
    },
    /// `α ‖W‖₁`, by its proximal step after each gradient step.
    L1 {
        /// The coefficient.
        alpha: f64,
    },
    /// Each hidden unit left out of a step with probability `p`.
    Dropout {
        /// The probability.
        p: f64,
    },
    /// The weights of the epoch with the smallest validation loss.
    EarlyStopping {
        /// For how many epochs without improvement training goes on.
        patience: u64,
    },
    /// Half of the loss on each batch, half on its fast-gradient-sign examples.
    Adversarial {
        /// The budget of each pixel, 1 being the way from blank to black.
        epsilon: f64,
    },
}

type Objective = dyn for<'g, 'b> Fn(&Batch<'g, 'b, f32>) -> Var<'g, f32> + Send + Sync;

/// What a trainer needs of a technique.
pub struct Recipe {
    /// What stands after each hidden layer, if anything does.
    dropout: Option<Dropout>,
    /// The update.
    pub optimiser: Optimiser<f32>,
    /// What is minimised.
    pub objective: Box<Objective>,
    /// What watches the validation loss, if anything does.
    pub stopping: Option<EarlyStopping<f32>>,
}

impl Technique {
    /// Plain training and each technique at the strength chosen for it.
    pub const DEFAULTS: [Technique; 6] = [
        Technique::Plain,
        Technique::L2 { alpha: 0.02 },
        Technique::L1 { alpha: 0.01 },
        Technique::Dropout { p: 0.8 },
        Technique::EarlyStopping { patience: 3 },
        Technique::Adversarial { epsilon: 0.2 },
    ];

    /// What a sweep tries.
    pub fn candidates() -> Vec<Technique> {
        let mut all = vec![Technique::Plain];
        all.extend([0.003, 0.01, 0.015, 0.02, 0.03, 0.05].map(|alpha| Technique::L2 { alpha }));
        all.extend([0.003, 0.005, 0.007, 0.01, 0.015, 0.02].map(|alpha| Technique::L1 { alpha }));
        all.extend([0.3, 0.5, 0.6, 0.7, 0.8, 0.85].map(|p| Technique::Dropout { p }));
        all.extend([1, 2, 3, 5, 10, 30].map(|patience| Technique::EarlyStopping { patience }));
        all.extend([0.05, 0.1, 0.15, 0.2, 0.25, 0.3].map(|epsilon| Technique::Adversarial { epsilon }));
        all
    }

    /// The name alone.
    pub fn name(self) -> &'static str {
        match self {
            Technique::Plain => "plain",
            Technique::L2 { .. } => "L2",
            Technique::L1 { .. } => "L1",
            Technique::Dropout { .. } => "dropout",
            Technique::EarlyStopping { .. } => "early stopping",
            Technique::Adversarial { .. } => "adversarial",
        }
    }

    /// What it does, in a sentence.
    pub fn description(self) -> &'static str {
        match self {
            Technique::Plain => "Cross-entropy alone: nothing holds the weights back.",
            Technique::L2 { .. } => {
                "α/2 ‖W‖² is added to the loss, so that every step also shrinks each weight by a constant factor."
            }
            Technique::L1 { .. } => {
                "After each gradient step every weight moves by εα towards 0 and stops there: \
                 the proximal step of α ‖W‖₁."
            }
            Technique::Dropout { .. } => {
                "In each step every hidden unit is left out with probability p; all of them predict."
            }
            Technique::EarlyStopping { .. } => {
                "The validation loss is watched after each epoch, and the weights of its minimum are kept."
            }
            Technique::Adversarial { .. } => {
                "Half of the loss is that on the batch moved by ε against the network, pixel by pixel: \
                 x + ε sign(∂J/∂x)."
            }
        }
    }

    /// What this technique changes of a training.
    ///
    /// # Errors
    /// If a strength makes no sense.
    pub fn recipe(self) -> Result<Recipe, RegularizeError> {
        let momentum = Optimiser::momentum(LEARNING_RATE, MOMENTUM);
        let plain = Recipe {
            dropout: None,
            optimiser: momentum.clone(),
            objective: Box::new(|batch| batch.cross_entropy()),
            stopping: None,
        };
        Ok(match self {
            Technique::Plain => plain,
            Technique::L2 { alpha } => {
                let penalties = Penalties::new().with(Selection::weights(), L2::new(alpha)?);
                Recipe {
                    objective: Box::new(move |batch| {
                        penalties.added_to(batch.cross_entropy(), batch.parameters)
                    }),
                    ..plain
                }
            }
            Technique::L1 { alpha } => {
                let step = ProximalStep::new(Selection::weights(), L1::new(alpha)?);
                Recipe { optimiser: momentum.then(step), ..plain }
            }
            Technique::Dropout { p } => Recipe { dropout: Some(Dropout::new(p)?), ..plain },
            Technique::EarlyStopping { patience } => {
                Recipe { stopping: Some(EarlyStopping::new(patience)), ..plain }
            }
            Technique::Adversarial { epsilon } => {
                let attack = FastGradient::new(epsilon)?.within(0.0, 1.0)?;
                let training = AdversarialTraining::new(attack, 0.5, Mode::Evaluate)?;
                Recipe {
                    objective: Box::new(move |batch| {
                        training.objective(batch, |batch| batch.cross_entropy())
                    }),
                    ..plain
                }
            }
        })
    }
}

impl Recipe {
    /// A perceptron with rectifiers between layers of these widths. Layers are named by kind, so dropout in
    /// between changes no initial weight: techniques start from the same network.
    pub fn network(&self, widths: &[usize]) -> Sequential<f32> {
        let mut network = Sequential::new();
        for (position, pair) in widths.windows(2).enumerate() {
            let last = position + 2 == widths.len();
            let gain = if last { 1.0 } else { Activation::Relu.gain() };
            network = network.then_named("linear", |name| {
                Linear::new(name, pair[0], pair[1]).with_initialiser(Initialiser::Kaiming { gain })
            });
            if !last {
                network = network.then(Activation::Relu);
            }
            if let (false, Some(dropout)) = (last, &self.dropout) {
                network = network.then_named("dropout", |name| dropout.named(name));
            }
        }
        network
    }
}

impl fmt::Display for Technique {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Technique::Plain => f.write_str("plain"),
            Technique::L2 { alpha } => write!(f, "L2 α={alpha}"),
            Technique::L1 { alpha } => write!(f, "L1 α={alpha}"),
            Technique::Dropout { p } => write!(f, "dropout p={p}"),
            Technique::EarlyStopping { patience } => write!(f, "early stop, {patience}"),
            Technique::Adversarial { epsilon } => write!(f, "adversarial ε={epsilon}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nn::{Layer, initialise};

    #[test]
    fn every_technique_starts_from_the_same_weights() {
        let first = |technique: Technique| {
            let network = technique.recipe().unwrap().network(&[64, 8, 10]);
            assert_eq!(network.parameters().len(), 4);
            initialise(&network, 7)
        };
        let plain = first(Technique::Plain);
        for technique in Technique::DEFAULTS {
            assert!(first(technique) == plain, "{technique}");
        }
    }
}
