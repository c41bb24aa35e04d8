use super::*;
use crate::dropout::Dropout;
use crate::testing::{assert_close, numbers, run};
use autograd::check::Checker;
use autograd::{Draw, Feed, Graph, Parameters, Tensor, grad};
use nn::{Activation, Layer, Mode, Sequential, initialise};
use proptest::prelude::*;

fn network(p: f64, form: impl Fn(Dropout) -> Dropout) -> Sequential<f64> {
    let layer = form(Dropout::new(p).unwrap());
    Sequential::new()
        .then_named("dropout", |name| layer.named(name))
        .linear(3, 5)
        .then(Activation::Relu)
        .then_named("dropout", |name| layer.named(name))
        .linear(5, 4)
        .then(Activation::Tanh)
        .then_named("dropout", |name| layer.named(name))
        .linear(4, 2)
}

type Rewrite<'r> = &'r dyn for<'g> Fn(&[Var<'g, f64>]) -> Vec<Var<'g, f64>>;

/// What a rewrite of the training expression says, and what the network says in evaluation.
fn both(model: &Sequential<f64>, rewrite: Rewrite<'_>, seed: u64) -> [Tensor<f64>; 2] {
    let graph = Graph::new();
    let x = graph.constant(numbers([3, 3], -2.0, 2.0, seed));
    let trained = model.forward(x, Mode::Train);
    let (rewritten, expected) = (rewrite(&[trained])[0], model.forward(x, Mode::Evaluate));
    let parameters = initialise(model, seed);
    [rewritten, expected].map(|y| run(y, &parameters, Draw { seed, run: 3 }))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(20) })]

    #[test]
    fn the_training_expression_becomes_the_predicting_one(p in 0.0..0.9, seed: u64) {
        let (units, weights): (Rewrite<'_>, Rewrite<'_>) = (&|y| scale_units(y), &|y| scale_weights(y));
        // Classic: the same factors in the same places. Inverted: no factors.
        let exact =
            [(network(p, Dropout::classic), units), (network(p, |d| d), units), (network(p, |d| d), weights)];
        for (model, rewrite) in exact {
            let [found, expected] = both(&model, rewrite, seed);
            prop_assert_eq!(found, expected);
        }
        // On weights: another order of two roundings each.
        let [found, expected] = both(&network(p, Dropout::classic), weights, seed);
        for (a, b) in found.data().iter().zip(expected.data()) {
            assert_close(*a, *b, 1e-13);
        }
    }

    /// Single precision, where `q` is rounded before it is found again.
    #[test]
    fn of_the_inverted_form_nothing_is_left_in_single_precision_either(p in 0.0..0.95, seed: u64) {
        let (graph, x) = (Graph::<f32>::new(), numbers([3, 4], -2.0, 2.0, seed).cast::<f32>());
        let input = graph.constant(x.clone());
        let dropped = Dropout::new(p).unwrap().forward(input, Mode::Train);
        for rewritten in [scale_units(&[dropped])[0], scale_weights(&[dropped])[0]] {
            prop_assert_eq!(run(rewritten, &Parameters::new(), Draw::default()), x.clone());
        }
    }
}

#[test]
fn on_weights_no_unit_is_scaled() {
    let graph = Graph::<f64>::new();
    let x = graph.input("x", [2, 3]);
    let y = network(0.5, Dropout::classic).forward(x, Mode::Train);
    let rewritten = scale_weights(&[y])[0];
    let needed = needed(&[rewritten]);
    let nodes = graph.nodes();
    let mut scaled = 0;
    for id in graph.ids().filter(|id| needed.get(id.index()) == Some(&true)) {
        let node = &nodes[id.index()];
        assert!(!matches!(node.op, Op::Random(..)), "no mask is left");
        if matches!(node.op, Op::Binary(Binary::Mul)) {
            // Each product is one of a parameter.
            assert!(node.inputs.iter().any(|input| matches!(nodes[input.index()].op, Op::Parameter(_))));
            scaled += 1;
        }
    }
    assert_eq!(scaled, 3);
}

#[test]
fn a_masked_unit_with_other_uses_is_scaled_itself() {
    let graph = Graph::<f64>::new();
    let (x, w) =
        (graph.constant(numbers([2, 3], -1.0, 1.0, 1)), graph.constant(numbers([3, 3], -1.0, 1.0, 2)));
    let masked = Dropout::new(0.75).unwrap().classic().forward(x, Mode::Train);
    // Past the product as well, squared, and as the right-hand side.
    for y in [masked.matmul(w) + masked, masked.powi(2), w.matmul(masked.transpose()), masked] {
        let values = [scale_weights(&[y])[0], scale_units(&[y])[0]];
        let [a, b] = values.map(|y| run(y, &Parameters::new(), Draw::default()));
        assert_eq!(a, b);
    }
    // DropConnect masks the weights, which stand on the right; a matrix may stand on both sides.
    let weights = Dropout::new(0.75).unwrap().classic().named("weights").forward(w, Mode::Train);
    for y in [x.matmul(weights), weights.matmul(weights)] {
        let values = [scale_weights(&[y])[0], scale_units(&[y])[0]];
        let [a, b] = values.map(|y| run(y, &Parameters::new(), Draw::default()));
        assert_eq!(a, b);
    }
    let direct = run(masked.matmul(w) + masked, &Parameters::new(), Draw::default());
    let rule = run(scale_units(&[masked.matmul(w) + masked])[0], &Parameters::new(), Draw::default());
    assert_ne!(direct, rule);
}

#[test]
fn the_rewritten_expression_is_differentiated_like_any_other() {
    let model = network(0.4, Dropout::classic);
    let (graph, parameters) = (Graph::<f64>::new(), initialise(&model, 1));
    let x = graph.input("x", [2, 3]);
    let loss = model.forward(x, Mode::Train).powi(2).sum();
    let rewritten = scale_weights(&[loss])[0];
    let mut targets: Vec<_> = graph.parameters().into_iter().map(|(_, var)| var).collect();
    targets.push(x);
    let value = numbers([2, 3], -1.0, 1.0, 2);
    let feeds = [("x", Feed::from(&value))];
    let report = Checker::new("rule")
        .entries()
        .graph(rewritten, &targets, &feeds, Some(&parameters))
        .unwrap()
        .assert();
    assert_eq!(report.checked_fraction(), 1.0, "{report}");
    // A gradient of the training expression is rewritten too: what mean masks give the weights.
    let slope = scale_units(&grad(loss, &[x]))[0];
    let expected = grad(scale_units(&[loss])[0], &[x])[0];
    let run = autograd::interpret(&[slope, expected], &feeds, Some(&parameters)).unwrap();
    for (a, b) in run[0].data().iter().zip(run[1].data()) {
        assert_close(*a, *b, 1e-14);
    }
}

#[test]
fn what_has_no_masks_is_returned_as_it_is() {
    let graph = Graph::<f64>::new();
    let y = network(0.0, Dropout::classic).forward(graph.input("x", [2, 3]), Mode::Train);
    let length = graph.len();
    assert_eq!(scale_units(&[y])[0].id(), y.id());
    assert_eq!(scale_weights(&[y])[0].id(), y.id());
    assert_eq!(graph.len(), length);
    assert!(scale_units::<f64>(&[]).is_empty());
    // Other draws stay.
    let noisy = y + graph.normal("noise", [2, 2]);
    assert_eq!(scale_units(&[noisy])[0].id(), noisy.id());
}
