//! Flat minima.
//!
//! | defect | found in | test |
//! |---|---|---|
//! | running statistics are updated by both passes of a step | SAM implementations with batch normalisation | [`statistics_are_those_of_one_pass`] |
//! | averaged weights are evaluated with the statistics of the last ones | recipes of weight averaging | [`statistics_belong_to_their_weights`] |

use autograd::{Feed, Graph, Parameters, Plan, Tensor};
use nn::data::Dataset;
use nn::optimise::Scale;
use nn::{BatchNorm, LEARNING_RATE, Layer, Mode, Optimiser, Sequential, initialise};
use regularize::{SharpnessAware, estimate_statistics};

fn model() -> Sequential<f64> {
    Sequential::new().linear(2, 3).then(BatchNorm::new("norm", 3)).linear(3, 2)
}

fn data() -> Dataset<f64> {
    let examples = Tensor::from_fn([6, 2], |i| (1.7 * i as f64).sin());
    Dataset::new(examples, Tensor::new([6], vec![0, 1, 0, 0, 1, 1]), 2).unwrap()
}

/// One step of an optimiser.
fn step(optimiser: Optimiser<f64>, parameters: &mut Parameters<f64>) {
    let (model, data, graph) = (model(), data(), Graph::new());
    let labels = graph.index_constant(data.labels().clone());
    let loss = model.forward(graph.constant(data.examples().clone()), Mode::Train).cross_entropy(labels);
    let step = optimiser.minimise(loss, &model.parameters());
    let mut plan = step.add_to(Plan::builder(&graph)).compile();
    plan.run(parameters, &[(LEARNING_RATE, Feed::from(0.1))]).unwrap();
}

#[test]
fn statistics_are_those_of_one_pass() {
    let holds = |train: &dyn Fn(&mut Parameters<f64>)| {
        let (mut found, mut once) = (initialise(&model(), 1), initialise(&model(), 1));
        train(&mut found);
        step(Optimiser::sgd(0.1), &mut once);
        ["norm.running_mean", "norm.running_variance"].iter().all(|name| found[name] == once[name])
    };
    let rule = SharpnessAware::new(0.5).unwrap();
    assert!(holds(&|parameters| step(Optimiser::sgd(0.1).with_gradients(rule), parameters)));
    // Up to the neighbour by one pass in training mode, down from it by a second.
    assert!(!holds(&|parameters| {
        step(Optimiser::sgd(0.5).then(Scale(-1.0)), parameters);
        step(Optimiser::sgd(0.1), parameters);
    }));
}

#[test]
fn statistics_belong_to_their_weights() {
    // After one pass over everything, what the normalised layer says is centred.
    let holds = |put_right: &dyn Fn(&mut Parameters<f64>)| {
        let mut parameters = initialise(&model(), 1);
        for _ in 0..50 {
            step(Optimiser::sgd(0.1), &mut parameters);
        }
        // Other weights: as far from the last ones as an average may be.
        parameters.get_mut("linear1.weight").unwrap().data_mut().iter_mut().for_each(|w| *w *= -0.5);
        parameters.get_mut("linear1.bias").unwrap().data_mut().iter_mut().for_each(|b| *b += 1.0);
        put_right(&mut parameters);
        let hidden = Sequential::<f64>::new().linear(2, 3).then(BatchNorm::new("norm", 3).without_scaling());
        let graph = Graph::new();
        let out = hidden.forward(graph.constant(data().examples().clone()), Mode::Evaluate);
        let means = autograd::interpret(&[out.mean_over(&[0])], &[], Some(&parameters)).unwrap();
        means[0].data().iter().all(|mean| mean.abs() < 1e-12)
    };
    assert!(holds(&|parameters| estimate_statistics(&model(), &data(), parameters, 6).unwrap()));
    assert!(!holds(&|_| ()));
}
