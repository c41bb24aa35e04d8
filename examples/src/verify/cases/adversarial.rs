//! Adversarial training, differentiated through its attacks.

use super::{COLUMNS, Case, Group, ROWS, perceptron};
use crate::random::uniform;
use autograd::check::Checker;
use autograd::{Feed, Graph, Tensor};
use nn::train::Batch;
use nn::{Activation, Layer, Mode, initialise};
use regularize::{AdversarialTraining, FastGradient, Norm};

/// A case for each way to train against an adversary.
pub fn cases() -> Vec<Case> {
    vec![
        adversarial("FGSM training", "α J(x) + (1-α) J(x + ε sign g)", Norm::Infinity),
        adversarial("gradient training, L2", "α J(x) + (1-α) J(x + ε g/‖g‖)", Norm::Two),
    ]
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
