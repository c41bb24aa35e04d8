//! What is verified: every rule of the engine, every layer and loss, and every technique that is an expression.
//!
//! Each case is a graph of `f64` at points that the seed draws. The checker differentiates it with respect
//! to its inputs and parameters, forward and backward, in first and second order, and holds the results to
//! differences; see [`autograd::check`]. One case is of first order only: the implicit derivative, which holds
//! the solution of its linear system fixed. Layers, losses and each family of techniques list their cases in a
//! file of their own.
//!
//! # Without a case
//!
//! A case is an expression. These of `regularize` are none: they run plans, look at what came out, and decide
//! on the host. What stands in is a test of theirs, here `PART` for `regularize/src/PART/tests.rs`.
//!
//! | what | what it does instead | test that stands in |
//! |---|---|---|
//! | `ProjectedGradient` | solves a constrained problem; its projections have cases | `constraint/solver` |
//! | `LabelContract` | says yes or no, before anything is recorded | `augmentation/contract` |
//! | `SparseCoder` | fits a dictionary; its codes have cases | `sparsity/dictionary` |
//! | `Bagging` | trains networks on draws of the data | `ensemble/bagging` |
//! | `Snapshots` | keeps networks of one training | `ensemble/snapshots` |
//! | `SubNetworks` | runs every subnetwork | `dropout/ensemble` |
//! | `MonteCarlo` | runs a network many times | `dropout/monte_carlo` |
//! | `EarlyStopping` | sees each epoch | `early_stopping` |
//! | `Criterion` | looks at a curve of errors | `early_stopping/criterion` |
//! | `refit` | trains once more | `early_stopping/refit` |
//! | `Apgd` | halves its steps by what it finds | `adversarial/apgd` |
//! | `Square` | searches without gradients | `adversarial/square` |
//! | `DeepFool` | steps until the answer is another | `adversarial/deep_fool` |
//! | `CarliniWagner` | searches for a weight between steps | `adversarial/carlini_wagner` |
//! | `diagnose` | tries attacks on a network | `adversarial/diagnose` |
//! | `linearity` | measures logits along a direction | `adversarial/linearity` |
//! | `boundary` | looks for changes of the answer in a plane | `adversarial/boundary` |
//! | `AttackEvaluator` | runs an attack on a data set | `adversarial/evaluator` |
//! | `OverfittingMonitor` | sees each epoch | `adversarial/overfitting` |
//! | `SmoothedClassifier` | counts answers to noisy copies | `adversarial/smoothing` |
//! | `SemiSupervisedTrainer` | trains; its terms have cases | `semi_supervised/trainer` |
//! | `HyperTuner` | steps along the unrolled derivative, which has a case | `hyper_gradient/tuner` |
//! | `largest_curvature` | iterates until an eigenvalue rests | `flatness/curvature` |
//! | `tangent_distance`, `TangentNeighbour` | solve least squares on the host | `tangent/distance` |

mod adversarial;
mod augmentation;
mod averaging;
mod constraint;
mod dropout;
mod ensemble;
mod flatness;
mod hyper_gradient;
mod layers;
mod losses;
mod multi_task;
mod noise;
mod penalty;
mod reparameterisation;
mod semi_supervised;
mod sharing;
mod sparsity;
mod tangent;
#[cfg(test)]
mod tests;
mod update;

use crate::random::uniform;
use autograd::check::rules::Rule;
use autograd::check::{Checker, Report};
use autograd::{Feed, Graph, IndexVar, Shape, Tensor, Var};
use nn::train::Batch;
use nn::{Activation, Layer, Mode, Sequential, initialise};
use serde::Serialize;
use std::fmt;

/// What kind of thing a case checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// A primitive operation's derivative rule.
    Rule,
    /// A layer of a network.
    Layer,
    /// A loss.
    Loss,
    /// A regularization technique.
    Technique,
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Group::Rule => "rule",
            Group::Layer => "layer",
            Group::Loss => "loss",
            Group::Technique => "technique",
        })
    }
}

/// A named check at a point that a seed draws.
pub struct Case {
    /// What kind of thing is checked.
    pub group: Group,
    /// Its name.
    pub name: String,
    /// What it is, as mathematics.
    pub equation: String,
    check: Box<dyn Fn(u64) -> Report + Send + Sync>,
}

impl Case {
    /// Checks at the point that `seed` names.
    pub fn check(&self, seed: u64) -> Report {
        (self.check)(seed)
    }
}

/// Every case.
pub fn all() -> Vec<Case> {
    let rules = Rule::all().into_iter().map(|rule| Case {
        group: Group::Rule,
        name: rule.name(),
        equation: rule.equation().into(),
        check: Box::new(move |seed| rule.case(seed).check()),
    });
    let mut cases: Vec<Case> = rules.collect();
    let families = [
        layers::cases,
        losses::cases,
        penalty::cases,
        constraint::cases,
        reparameterisation::cases,
        sharing::cases,
        augmentation::cases,
        noise::cases,
        semi_supervised::cases,
        multi_task::cases,
        sparsity::cases,
        ensemble::cases,
        dropout::cases,
        adversarial::cases,
        hyper_gradient::cases,
        tangent::cases,
        flatness::cases,
        update::cases,
        averaging::cases,
    ];
    cases.extend(families.iter().flat_map(|family| family()));
    cases
}

/// Rows and columns of the inputs of the cases below: small, and different, so that no axis can stand in for
/// another.
const ROWS: usize = 3;
const COLUMNS: usize = 4;

/// A function to check: records a variable from real inputs and labels.
type Record = dyn for<'g> Fn(&[Var<'g, f64>], IndexVar<'g, f64>) -> Var<'g, f64> + Send + Sync;

/// A case of a function of some inputs, with values in `range`, and of `ROWS` labels below `COLUMNS`.
fn function(
    (group, name, equation): (Group, &str, &str),
    shapes: &[&[usize]],
    range: (f64, f64),
    record: impl for<'g> Fn(&[Var<'g, f64>], IndexVar<'g, f64>) -> Var<'g, f64> + Send + Sync + 'static,
) -> Case {
    let shapes: Vec<Shape> = shapes.iter().map(|&lengths| Shape::new(lengths)).collect();
    let record: Box<Record> = Box::new(record);
    let title = name.to_string();
    let check = move |seed: u64| {
        let graph = Graph::new();
        let names: Vec<String> = (0..shapes.len()).map(|i| format!("x{i}")).collect();
        let inputs: Vec<Var<'_, f64>> =
            names.iter().zip(&shapes).map(|(name, &shape)| graph.input(name, shape)).collect();
        let labels = graph.indices("labels", [ROWS]);
        let output = record(&inputs, labels);
        let values: Vec<Tensor<f64>> = (shapes.iter().enumerate())
            .map(|(i, &shape)| {
                let at = |k: usize| uniform(seed, (i * 1000 + k) as u64);
                Tensor::from_fn(shape, |k| range.0 + (range.1 - range.0) * at(k))
            })
            .collect();
        let label_values = Tensor::from_fn([ROWS], |i| ((seed as usize + 5 * i) % COLUMNS) as u32);
        let mut feeds: Vec<(&str, Feed<'_, f64>)> =
            names.iter().map(String::as_str).zip(values.iter().map(Feed::from)).collect();
        feeds.push(("labels", Feed::from(&label_values)));
        let checker = Checker::new(&title).seed(seed).allow_zero_gradient();
        checker.graph(output, &inputs, &feeds, None).expect("the feeds are the case's own")
    };
    Case { group, name: name.into(), equation: equation.into(), check: Box::new(check) }
}

/// A case of a layer: with respect to its input and all its parameters.
fn layer(name: &str, equation: &str, layer: impl Layer<f64> + 'static, input: &[usize]) -> Case {
    let input = Shape::new(input);
    let title = name.to_string();
    let check = move |seed: u64| {
        let graph = Graph::new();
        let x = graph.input("x", input);
        let output = layer.forward(x, Mode::Train);
        let mut targets = vec![x];
        targets.extend(layer.parameters().iter().map(|spec| spec.declare(&graph)));
        let value = Tensor::from_fn(input, |i| 2.0 * uniform(seed, i as u64) - 1.0);
        let parameters = initialise(&layer, seed);
        let checker = Checker::new(&title).seed(seed).allow_zero_gradient();
        let report = checker.graph(output, &targets, &[("x", Feed::from(&value))], Some(&parameters));
        report.expect("the feeds are the case's own")
    };
    Case { group: Group::Layer, name: name.into(), equation: equation.into(), check: Box::new(check) }
}

/// What a training of a perceptron minimises on one batch, with respect to the parameters. Attacked points are
/// constants to the gradient, and constant indeed near almost all parameters: steps are signs.
fn trained(
    name: &'static str,
    equation: &str,
    objective: impl for<'g, 'b> Fn(&Batch<'g, 'b, f64>) -> Var<'g, f64> + Send + Sync + 'static,
) -> Case {
    let model = perceptron(Activation::Tanh);
    let check = move |seed: u64| {
        let graph = Graph::new();
        let value = Tensor::from_fn([ROWS, COLUMNS], |i| 2.0 * uniform(seed, i as u64) - 1.0);
        let labels = Tensor::from_fn([ROWS], |i| ((seed as usize + 5 * i) % COLUMNS) as u32);
        let specs = model.parameters();
        let (x, labels) = (graph.constant(value), graph.index_constant(labels));
        let output = objective(&Batch::new(x, labels, &model, &specs, Mode::Train));
        let targets: Vec<_> = specs.iter().map(|spec| spec.declare(&graph)).collect();
        let checker = Checker::new(name).seed(seed).allow_zero_gradient();
        checker.graph(output, &targets, &[], Some(&initialise(&model, seed))).expect("there are no feeds")
    };
    Case { group: Group::Technique, name: name.into(), equation: equation.into(), check: Box::new(check) }
}

fn perceptron(activation: Activation) -> Sequential<f64> {
    Sequential::mlp(&[COLUMNS, 5, COLUMNS], activation)
}

impl Case {
    /// The same as a case of another group.
    fn of(self, group: Group) -> Case {
        Case { group, ..self }
    }
}

/// Name and equation of a technique, as [`function`] takes them.
fn technique(name: &'static str, equation: &'static str) -> (Group, &'static str, &'static str) {
    (Group::Technique, name, equation)
}
