//! What is verified: every rule of the engine, every layer, loss and technique built on them.
//!
//! Each case is a graph of `f64` at points that the seed draws. The checker differentiates it with respect
//! to its inputs and parameters, forward and backward, in first and second order, and holds the results to
//! differences; see [`autograd::check`].

use crate::random::uniform;
use autograd::check::rules::Rule;
use autograd::check::{Checker, Report};
use autograd::{Feed, Graph, IndexVar, Shape, Tensor, Var, Window};
use nn::loss::{Reduction, binary_cross_entropy, cross_entropy, soft_cross_entropy, squared_error};
use nn::train::Batch;
use nn::{
    Activation, AdaptivePooling, BatchNorm, Convolution, Convolution1d, Flatten, GlobalPooling, GroupNorm,
    Layer, LayerNorm, Linear, Maxout, Mode, Parallel, Pooling, Residual, RmsNorm, Sequential,
    TransposedConvolution, initialise,
};
use regularize::{
    AdversarialTraining, Dropout, ElasticNet, FastGradient, Norm, Penalty, ProximalPenalty, l1_penalty,
    l2_penalty, soft_threshold,
};
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
    cases.extend(layers());
    cases.extend(losses());
    cases.extend(techniques());
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

fn layers() -> Vec<Case> {
    let matrix = [ROWS, COLUMNS];
    let (image, sequence) = ([2, 2, 3, 3], [2, 2, 5]);
    let window = Window { stride: [2, 1], padding: [1, 0], ..Window::new([2, 2]) };
    let linear = |name: &str, outputs: usize| Linear::new(name, COLUMNS, outputs);
    let mut cases = vec![
        layer("linear", "x W + b", Linear::new("linear", COLUMNS, 2), &matrix),
        layer("flatten", "the same numbers in a row", Flatten, &[ROWS, 2, 2]),
        layer("perceptron", "two linear maps, tanh between", perceptron(Activation::Tanh), &matrix),
        layer("maxout", "max over j of (x W + b)ⱼ", Maxout::new("maxout", COLUMNS, 2, 3), &matrix),
        layer("convolution", "Σ W x at its windows", Convolution::new("c", 2, 2, window), &image),
        layer(
            "depthwise",
            "the same, by channel",
            Convolution::new("c", 2, 4, window).with_groups(2),
            &image,
        ),
        layer("convolution 1d", "Σ W x along time", Convolution1d::new("c", 2, 3, 2), &sequence),
        layer("transposed", "the adjoint", TransposedConvolution::new("c", 2, 2, window), &image),
        layer("max pooling", "the largest of a window", Pooling::max([2, 2]).with_stride([1, 1]), &image),
        layer("mean pooling", "the mean of a window", Pooling::mean([2, 2]), &image),
        layer("adaptive pooling", "the mean of a share", AdaptivePooling::mean([2, 2]), &image),
        layer("global pooling", "the mean of a channel", GlobalPooling::mean(), &image),
        layer("batch norm", "γ (x - μ) / √(σ² + ε) + β", BatchNorm::new("norm", 2), &image),
        layer("group norm", "μ and σ of groups", GroupNorm::new("norm", 2, 2), &image),
        layer("layer norm", "μ and σ of rows", LayerNorm::new("norm", COLUMNS), &matrix),
        layer("RMS norm", "γ x / √(mean x² + ε)", RmsNorm::new("norm", COLUMNS), &matrix),
        layer("residual", "x + f(x)", Residual::new(perceptron(Activation::Tanh)), &matrix),
        layer(
            "parallel",
            "f(x) + g(x)",
            Parallel::summed().branch(linear("f", 2)).branch(linear("g", 2)),
            &matrix,
        ),
        layer(
            "tied decoder",
            "(x W + b) Wᵀ + c",
            Sequential::new().then(linear("f", 2)).then(linear("f", 2).transposed("g")),
            &matrix,
        ),
    ];
    for activation in Activation::ALL {
        let debug = format!("{activation:?}").to_lowercase();
        let name = debug.split([' ', '{']).next().unwrap_or_default();
        cases.push(layer(name, "see nn::Activation", activation, &matrix));
    }
    cases
}

fn perceptron(activation: Activation) -> Sequential<f64> {
    Sequential::mlp(&[COLUMNS, 5, COLUMNS], activation)
}

fn losses() -> Vec<Case> {
    let matrix: &[usize] = &[ROWS, COLUMNS];
    let loss = |name, equation| (Group::Loss, name, equation);
    vec![
        function(loss("cross entropy", "-ln softmax(x)[label]"), &[matrix], (-2.0, 2.0), |x, labels| {
            cross_entropy(x[0], labels, Reduction::Mean)
        }),
        function(loss("soft cross entropy", "-Σ p ln softmax(x)"), &[matrix, matrix], (0.1, 0.9), |x, _| {
            soft_cross_entropy(x[0], x[1], Reduction::Sum)
        }),
        function(
            loss("binary cross entropy", "-t ln σ(x) - (1-t) ln (1-σ(x))"),
            &[matrix, matrix],
            (0.1, 0.9),
            |x, _| binary_cross_entropy(x[0], x[1], Reduction::Each),
        ),
        function(loss("squared error", "(x - t)²"), &[matrix, matrix], (-2.0, 2.0), |x, _| {
            squared_error(x[0], x[1], Reduction::Mean)
        }),
    ]
}

fn techniques() -> Vec<Case> {
    let matrix: &[usize] = &[ROWS, COLUMNS];
    let technique = |name, equation| (Group::Technique, name, equation);
    let elastic = ElasticNet::new(0.3, 0.7).expect("coefficients above 0");
    let dropout = Dropout::new(0.4).expect("a probability");
    vec![
        function(technique("L2 penalty", "α/2 ‖w‖²"), &[matrix, &[]], (-2.0, 2.0), |x, _| {
            l2_penalty(x[0], x[1])
        }),
        function(technique("L1 penalty", "α ‖w‖₁"), &[matrix, &[]], (-2.0, 2.0), |x, _| {
            l1_penalty(x[0], x[1])
        }),
        function(
            technique("elastic net", "α ‖w‖₁ + β/2 ‖w‖²"),
            &[matrix],
            (-2.0, 2.0),
            move |x, _| elastic.value(x[0]),
        ),
        function(
            technique("elastic net, proximal", "sign(v) max(|v| - tα, 0) / (1 + tβ)"),
            &[matrix, &[]],
            (0.5, 2.0),
            move |x, _| elastic.proximal(x[0], x[1]),
        ),
        function(
            technique("soft threshold", "sign(v) max(|v| - t, 0)"),
            &[matrix, &[]],
            (-2.0, 2.0),
            |x, _| soft_threshold(x[0], x[1].abs()),
        ),
        layer("dropout", "x μ / (1 - p), the draw μ frozen", dropout, matrix).of(Group::Technique),
        adversarial("FGSM training", "α J(x) + (1-α) J(x + ε sign g)", Norm::Infinity),
        adversarial("gradient training, L2", "α J(x) + (1-α) J(x + ε g/‖g‖)", Norm::Two),
    ]
}

impl Case {
    fn of(self, group: Group) -> Case {
        Case { group, ..self }
    }
}

/// The objective of adversarial training, differentiated through the perturbation: with respect to inputs
/// and parameters. Its gradient contains second derivatives of the network, and the check of its second order
/// third ones.
fn adversarial(name: &str, equation: &str, norm: Norm) -> Case {
    let attack = FastGradient::new(0.1).expect("a budget").in_norm(norm);
    let training = AdversarialTraining::new(attack, 0.5, Mode::Evaluate).expect("a share").differentiated();
    let model = perceptron(Activation::Tanh);
    let title = name.to_string();
    let check = move |seed: u64| {
        let graph = Graph::new();
        let x = graph.input("x", [ROWS, COLUMNS]);
        let labels = graph.indices("labels", [ROWS]);
        let specs = model.parameters();
        let batch = Batch::new(x, labels, &model, &specs, Mode::Train);
        let objective = training.objective(&batch, |batch| batch.cross_entropy());
        let mut targets = vec![x];
        targets.extend(specs.iter().map(|spec| spec.declare(&graph)));
        let value = Tensor::from_fn([ROWS, COLUMNS], |i| 2.0 * uniform(seed, i as u64) - 1.0);
        let label_values = Tensor::from_fn([ROWS], |i| ((seed as usize + 5 * i) % COLUMNS) as u32);
        let feeds = [("x", Feed::from(&value)), ("labels", Feed::from(&label_values))];
        let checker = Checker::new(&title).seed(seed).allow_zero_gradient();
        let report = checker.graph(objective, &targets, &feeds, Some(&initialise(&model, seed)));
        report.expect("the feeds are the case's own")
    };
    Case { group: Group::Technique, name: name.into(), equation: equation.into(), check: Box::new(check) }
}
