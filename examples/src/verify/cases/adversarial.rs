//! Adversarial training, differentiated through its attacks where they can be; certificates.

use super::{COLUMNS, Case, Group, ROWS, function, perceptron, technique, trained};
use crate::random::uniform;
use autograd::check::Checker;
use autograd::{Feed, Graph, Tensor, Var};
use nn::train::Batch;
use nn::{Activation, Layer, Mode, initialise};
use regularize::adversarial::{
    AttackLoss, InputBox, IntervalTraining, Pgd, Trades, interval_bounds, margin_bounds,
};
use regularize::{AdversarialTraining, FastGradient, Norm, Threat};

/// A case for each way to train against an adversary, and for the parts of attacks.
pub fn cases() -> Vec<Case> {
    let mut cases = training();
    cases.extend(parts());
    cases
}

/// Directions, projections and losses of attacks.
fn parts() -> Vec<Case> {
    let matrix: &[usize] = &[ROWS, COLUMNS];
    let cubic = Norm::p(3.0).expect("at least 1");
    let threat = |norm| Threat::new(norm, 1.0).expect("a budget");
    let (two, one) = (threat(Norm::Two), threat(Norm::One));
    let wide = (-2.0, 2.0);
    vec![
        function(
            technique("steepest direction, L3", "sign(g) |g|^½ / ‖g‖^½"),
            &[matrix],
            (0.5, 2.0),
            move |x, _| cubic.steepest(x[0]),
        ),
        function(technique("projection, L2 ball", "x + t (v - x)"), &[matrix, matrix], wide, move |x, _| {
            two.project(x[0], x[1])
        }),
        function(
            technique("projection, L1 ball", "x + sign(d) max(|d| - θ, 0)"),
            &[matrix, matrix],
            wide,
            move |x, _| one.project(x[0], x[1]),
        ),
        function(
            technique("projection, L1 and box", "x + sign(d) min(max(|d| - θ, 0), c) + v"),
            &[matrix, matrix],
            (0.1, 0.9),
            move |x, _| {
                // Points up to 1.9 beyond the walls; x itself is inside. The point is added, as an entry that the
                // threshold takes away passes nothing on.
                let boxed = one.within(0.0, 1.0).expect("a box");
                boxed.project(x[0], x[1] * 6.0 - 2.5) + x[1]
            },
        ),
        function(technique("attack's margin", "max z - z[y]"), &[matrix], wide, |x, labels| {
            AttackLoss::Margin.each(x[0], labels, None)
        }),
        function(
            technique("ratio of logits", "(max z - z[y]) / (z₁ - z₃)"),
            &[matrix],
            wide,
            |x, labels| AttackLoss::LogitRatio.each(x[0], labels, None),
        ),
    ]
}

fn training() -> Vec<Case> {
    vec![
        adversarial("FGSM training", "α J(x) + (1-α) J(x + ε sign g)", Norm::Infinity),
        adversarial("gradient training, L2", "α J(x) + (1-α) J(x + ε g/‖g‖)", Norm::Two),
        trained("FGSM, random start", "J(P(x + ε u + 1.25 ε sign g))", |batch| {
            fast().objective(batch, |b| b.cross_entropy())
        }),
        trained("PGD training", "J(xₖ), xₖ₊₁ = P(xₖ + α sign g)", |batch| {
            iterated().objective(batch, |b| b.cross_entropy())
        }),
        trained("TRADES", "J(x) + β D(p(x) ‖ p(x'))", |batch| trades().objective(batch)),
        trained("interval training", "κ J(z) + (1-κ) J(ẑ)", |batch| {
            IntervalTraining::new(region(), 0.5).expect("a share").objective(batch)
        }),
        function(
            technique("merged margins", "μ (W_k - W_y) + r |W_k - W_y|"),
            &[&[ROWS, COLUMNS], &[COLUMNS, COLUMNS], &[COLUMNS]],
            (-1.0, 1.0),
            |x, labels| {
                let y = x[0].matmul(x[1]).tanh().matmul(x[1]) + x[2];
                let range = region().around(x[0]);
                margin_bounds(y, x[0], range, labels).expect("every operation has a rule")
            },
        ),
        function(
            technique("interval bounds", "μ W ∓ r |W|, f(l), f(h)"),
            &[&[ROWS, COLUMNS], &[COLUMNS, COLUMNS]],
            (-1.0, 1.0),
            |x, _| {
                let y = x[0].matmul(x[1]).tanh().matmul(x[1]);
                let found =
                    interval_bounds(y, x[0], region().around(x[0])).expect("every operation has a rule");
                Var::concat(&[found.low, found.high], 1)
            },
        ),
    ]
}

fn region() -> InputBox {
    InputBox::new(0.1).expect("a radius")
}

fn threat() -> Threat {
    Threat::infinity(0.1).expect("a budget")
}

fn fast() -> AdversarialTraining {
    AdversarialTraining::new(Pgd::fast(threat()).expect("a norm"), 0.0, Mode::Evaluate).expect("a share")
}

fn iterated() -> AdversarialTraining {
    let attack = Pgd::new(threat(), 4).expect("steps").from_random();
    AdversarialTraining::new(attack, 0.0, Mode::Evaluate).expect("a share")
}

fn trades() -> Trades {
    Trades::new(Pgd::new(threat(), 4).expect("steps"), 2.0, Mode::Evaluate).expect("a weight")
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
