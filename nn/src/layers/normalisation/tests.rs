//! Normalisation layers against their definitions in plain loops, and the memory of batch normalisation.

use super::*;
use crate::data::Dataset;
use crate::layer::{Layer, Mode};
use crate::train::Batch;
use crate::{Activation, Flatten, Optimiser, Pooling, Selection, Sequential, Trainer, initialise};
use autograd::{Feed, Graph, Parameters, Plan, Tensor, Window, grad, interpret};
use proptest::prelude::*;

/// Values that differ and have no symmetry.
fn values(shape: impl Into<Shape>, seed: usize) -> Tensor<f64> {
    Tensor::from_fn(shape, |i| ((i * 7919 + seed * 104_729) % 97) as f64 / 19.0 - 2.0)
}

/// A layer's result for `x`.
fn run(layer: &dyn Layer<f64>, mode: Mode, x: &Tensor<f64>, parameters: &Parameters<f64>) -> Tensor<f64> {
    let graph = Graph::new();
    let y = layer.forward(graph.input("x", x.shape()), mode);
    interpret(&[y], &[("x", Feed::from(x))], Some(parameters)).unwrap().remove(0)
}

/// Parameters of which none has its initial value; variances are positive.
fn parameters(layer: &dyn Layer<f64>) -> Parameters<f64> {
    let mut parameters = Parameters::new();
    for (seed, spec) in layer.parameters().iter().enumerate() {
        let mut value = values(spec.shape, seed + 5);
        if spec.name.ends_with("variance") {
            value.data_mut().iter_mut().for_each(|v| *v = v.abs() + 0.5);
        }
        parameters.insert(&spec.name, value);
    }
    parameters
}

/// A sum of `n` numbers of order one, its square and a quotient: some `n` roundings.
#[track_caller]
fn assert_close(a: f64, b: f64) {
    assert!((a - b).abs() <= 1e-13 * (1.0 + b.abs()), "{a} is not {b}");
}

/// Mean and biased variance of some numbers, in two passes.
fn moments(values: &[f64]) -> (f64, f64) {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    (mean, values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64)
}

/// The values of channel `c` of `[n, c, ..]`, in order.
fn channel(x: &Tensor<f64>, c: usize) -> Vec<f64> {
    let mut found = Vec::new();
    let mut next = x.data().iter();
    x.shape().for_each_index(|index| {
        let value = *next.next().unwrap();
        if index[1] == c {
            found.push(value);
        }
    });
    found
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(32) })]

    #[test]
    fn batch_norm_is_its_definition(
        n in 1usize..5, channels in 0usize..4, field in prop::collection::vec(0usize..4, 0..3), scaled: bool,
    ) {
        let layer = BatchNorm::new("b", channels).with_epsilon(1e-3);
        let layer = if scaled { layer } else { layer.without_scaling() };
        let x = values(Shape::new(&[&[n, channels], &field[..]].concat()), 1);
        prop_assume!(!x.data().is_empty());
        let parameters = parameters(&layer);
        let learned = |part: &str, c: usize, otherwise: f64| {
            parameters.get(&format!("b.{part}")).map_or(otherwise, |value| value[[c]])
        };
        for mode in [Mode::Train, Mode::Evaluate, Mode::Sample] {
            let y = run(&layer, mode, &x, &parameters);
            for c in 0..channels {
                let (mean, variance) = match mode {
                    Mode::Train => moments(&channel(&x, c)),
                    _ => (parameters["b.running_mean"][[c]], parameters["b.running_variance"][[c]]),
                };
                for (x, y) in channel(&x, c).into_iter().zip(channel(&y, c)) {
                    let standard = (x - mean) / (variance + 1e-3).sqrt();
                    assert_close(y, learned("scale", c, 1.0) * standard + learned("offset", c, 0.0));
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(32) })]

    #[test]
    fn layer_and_rms_norm_are_their_definitions(
        lead in prop::collection::vec(0usize..4, 0..3), features in 1usize..5, scaled: bool,
    ) {
        let layer = LayerNorm::new("l", features).with_epsilon(1e-3);
        let rms = RmsNorm::new("l", features).with_epsilon(1e-3);
        let (layer, rms) =
            if scaled { (layer, rms) } else { (layer.without_scaling(), rms.without_scaling()) };
        let x = values(Shape::new(&[&lead[..], &[features]].concat()), 1);
        let parameters = parameters(&layer);
        let learned = |part: &str, f: usize, otherwise: f64| {
            parameters.get(&format!("l.{part}")).map_or(otherwise, |value| value[[f]])
        };
        let (y, z) = (run(&layer, Mode::Train, &x, &parameters), run(&rms, Mode::Train, &x, &parameters));
        for (row, x) in x.data().chunks(features).enumerate() {
            let (mean, variance) = moments(x);
            for (f, &x) in x.iter().enumerate() {
                let (scale, offset) = (learned("scale", f, 1.0), learned("offset", f, 0.0));
                let at = row * features + f;
                assert_close(y.data()[at], scale * (x - mean) / (variance + 1e-3).sqrt() + offset);
                // E[x²] = σ² + μ².
                assert_close(z.data()[at], scale * x / (variance + mean * mean + 1e-3).sqrt());
            }
        }
    }

    #[test]
    fn group_norm_is_its_definition(
        n in 0usize..3, groups in 1usize..4, width in 1usize..3, field in prop::collection::vec(1usize..3, 0..3),
    ) {
        let channels = groups * width;
        let layer = GroupNorm::new("g", groups, channels).with_epsilon(1e-3);
        let x = values(Shape::new(&[&[n, channels], &field[..]].concat()), 1);
        let parameters = parameters(&layer);
        let y = run(&layer, Mode::Train, &x, &parameters);
        let area: usize = field.iter().product();
        for (i, (&x_i, &y_i)) in x.data().iter().zip(y.data()).enumerate() {
            let (example, c) = (i / (channels * area), i / area % channels);
            let of_group = |j: &usize| j / (channels * area) == example && j / area % channels / width == c / width;
            let group: Vec<f64> = (0..x.data().len()).filter(of_group).map(|j| x.data()[j]).collect();
            let (mean, variance) = moments(&group);
            let expected = parameters["g.scale"][[c]] * (x_i - mean) / (variance + 1e-3).sqrt();
            assert_close(y_i, expected + parameters["g.offset"][[c]]);
        }
    }
}

/// A constant has no deviation to divide by; `ε` inside the root keeps derivatives of both orders finite, where
/// a root of 0 has an infinite one.
#[test]
fn constant_inputs_have_finite_derivatives() {
    let layers: [&dyn Layer<f64>; 4] =
        [&BatchNorm::new("n", 4), &GroupNorm::new("n", 2, 4), &LayerNorm::new("n", 4), &RmsNorm::new("n", 4)];
    for (layer, constant) in layers.into_iter().flat_map(|layer| [(layer, 0.0), (layer, 3.0)]) {
        let graph = Graph::new();
        let x = graph.input("x", [3, 4]);
        let y = layer.forward(x, Mode::Train);
        let weights = graph.constant(values([3, 4], 1));
        let first = grad((y * weights).sum(), &[x])[0];
        let second = grad((first * weights).sum(), &[x])[0];
        let third = grad((second * weights).sum(), &[x])[0];
        let feed = Tensor::full([3, 4], constant);
        let parameters = initialise(layer, 1);
        for found in
            interpret(&[y, first, second, third], &[("x", Feed::from(&feed))], Some(&parameters)).unwrap()
        {
            assert_eq!(found.first_non_finite(), None, "{layer:?} at {constant}: {found:?}");
        }
    }
}

/// Once trained, the layer is `a x + b` with numbers of its own for each channel: nothing of a batch is in it.
#[test]
fn in_evaluation_batch_norm_is_an_affine_map() {
    let layer = BatchNorm::new("b", 3);
    let parameters = parameters(&layer);
    let at = |x: f64| run(&layer, Mode::Evaluate, &Tensor::full([1, 3], x), &parameters);
    let (zero, one) = (at(0.0), at(1.0));
    let x = values([4, 3, 2, 2], 3);
    let y = run(&layer, Mode::Evaluate, &x, &parameters);
    for c in 0..3 {
        let (a, b) = (one[[0, c]] - zero[[0, c]], zero[[0, c]]);
        channel(&x, c).into_iter().zip(channel(&y, c)).for_each(|(x, y)| assert_close(y, a * x + b));
    }
}

/// A plan of one step that records a layer on each of the inputs, in order.
fn step(layer: &BatchNorm, inputs: &[&str], shape: [usize; 2]) -> Plan<f64> {
    let graph = Graph::new();
    let mut loss = graph.fill([], 0.0);
    for name in inputs {
        loss = loss + layer.forward(graph.input(name, shape), Mode::Train).powi(3).sum();
    }
    let step = Optimiser::sgd(0.0).minimise(loss, &Layer::<f64>::parameters(layer));
    assert_eq!(graph.proposed_updates().len(), 2);
    step.add_to(Plan::builder(&graph).output("loss", loss)).compile()
}

#[test]
fn running_statistics_after_some_steps_are_those_of_a_hand_computation() {
    let layer = BatchNorm::new("b", 2).with_update_rate(0.3);
    let mut parameters = initialise::<f64>(&layer, 0);
    let mut plan = step(&layer, &["x"], [5, 2]);
    let (mut mean, mut variance) = ([0.0; 2], [1.0; 2]);
    for number in 0..4 {
        let x = values([5, 2], number);
        plan.run(&mut parameters, &[("x", Feed::from(&x)), ("learning_rate", Feed::from(0.0))]).unwrap();
        for c in 0..2 {
            let (m, v) = moments(&channel(&x, c));
            mean[c] = 0.7 * mean[c] + 0.3 * m;
            // Five values have four degrees of freedom.
            variance[c] = 0.7 * variance[c] + 0.3 * v * 5.0 / 4.0;
            assert_close(parameters["b.running_mean"][[c]], mean[c]);
            assert_close(parameters["b.running_variance"][[c]], variance[c]);
        }
    }
    // A step that moves nothing else: the learning rate is 0.
    assert_eq!(parameters["b.scale"].data(), [1.0, 1.0]);
}

#[test]
fn two_passes_in_one_step_count_once_and_the_first_counts() {
    let layer = BatchNorm::new("b", 2);
    let (clean, attacked) = (values([5, 2], 1), values([5, 2], 2));
    let after = |inputs: &[&str], feeds: &[(&str, Feed<'_, f64>)]| {
        let mut parameters = initialise::<f64>(&layer, 0);
        let feeds = [feeds, &[("learning_rate", Feed::from(0.0))]].concat();
        step(&layer, inputs, [5, 2]).run(&mut parameters, &feeds).unwrap();
        parameters
    };
    let clean = ("clean", Feed::from(&clean));
    let attacked = ("attacked", Feed::from(&attacked));
    let once = after(&["clean"], &[clean]);
    assert_eq!(after(&["clean", "attacked"], &[clean, attacked]), once);
    assert_ne!(after(&["attacked", "clean"], &[clean, attacked]), once);
}

#[test]
fn only_training_proposes_updates() {
    let (graph, layer) = (Graph::<f64>::new(), BatchNorm::new("b", 2));
    for (mode, shape) in [(Mode::Evaluate, [5, 2]), (Mode::Sample, [5, 2]), (Mode::Train, [1, 2])] {
        layer.forward(graph.input(&format!("{mode:?}"), shape), mode);
        assert!(graph.proposed_updates().is_empty(), "{mode:?} on {shape:?}");
    }
}

/// One value per channel says nothing of a variance.
#[test]
fn a_single_example_gives_the_offset() {
    let layer = BatchNorm::new("b", 2);
    let parameters = parameters(&layer);
    let y = run(&layer, Mode::Train, &values([1, 2], 1), &parameters);
    assert_eq!(y.data(), parameters["b.offset"].data());
}

/// Whoever trains other parameters only leaves the statistics alone.
#[test]
fn statistics_move_only_with_the_parameters_that_are_given() {
    let (graph, layer) = (Graph::<f64>::new(), BatchNorm::new("b", 2));
    let loss = layer.forward(graph.input("x", [5, 2]), Mode::Train).powi(3).sum();
    let specs = Layer::<f64>::parameters(&layer);
    let updated = |specs: &[ParameterSpec]| {
        let step = Optimiser::new(0.1).minimise(loss, specs);
        step.updates.iter().map(|(p, _)| graph.name_of(p.id()).unwrap().to_string()).collect::<Vec<_>>()
    };
    assert_eq!(updated(&specs[..2]), ["b.scale", "b.offset"]);
    assert_eq!(updated(&specs), ["b.scale", "b.offset", "b.running_mean", "b.running_variance"]);
}

/// Two classes that differ by an offset far from 0.
fn data() -> Dataset<f64> {
    let x = Tensor::from_fn([23, 2], |i| 40.0 + (i / 2 % 2) as f64 + 0.1 * ((i * 7) % 5) as f64);
    let labels = Tensor::from_fn([23], |i| (i % 2) as u32);
    Dataset::new(x, labels, 2).unwrap()
}

fn network() -> Sequential<f64> {
    Sequential::new().then_named("batch_norm", |name| BatchNorm::new(name, 2)).linear(2, 2)
}

#[test]
fn the_trainer_carries_the_statistics() {
    let (data, model) = (data(), network());
    let mut parameters = initialise(&model, 1);
    let mut trainer = Trainer::new(&model, Optimiser::adam(0.05)).batch_size(8).epochs(30);
    trainer.fit(&data, None, &mut parameters).unwrap();
    let mean = &parameters["batch_norm1.running_mean"];
    let whole = moments(&channel(data.examples(), 0)).0;
    // A running mean over some ten batches of eight: their means vary by 0.5 / sqrt 8 around that of all.
    assert!((mean[[0]] - whole).abs() < 0.5, "{mean:?}, {whole}");
    let before = parameters.clone();
    assert_eq!(trainer.evaluate(&data, &parameters).unwrap().error, 0.0);
    assert_eq!(parameters, before, "evaluation changes nothing");
}

/// An objective that runs the network on clean and on shifted examples moves the statistics as the clean pass
/// alone does.
#[test]
fn an_objective_with_two_passes_moves_the_statistics_once() {
    fn shifted<'g>(batch: &Batch<'g, '_, f64>) -> Var<'g, f64> {
        let clean = batch.cross_entropy();
        let slope = grad(clean, &[batch.inputs])[0];
        clean + 0.0 * batch.on(batch.inputs + slope.sign().detach() * 10.0).cross_entropy()
    }
    let (data, model) = (data(), network());
    let train = |trainer: Trainer<'_, f64>| {
        let mut parameters = initialise(&model, 1);
        trainer.batch_size(8).epochs(2).fit(&data, None, &mut parameters).unwrap();
        parameters
    };
    let trainer = || Trainer::new(&model, Optimiser::sgd(0.05));
    let (once, twice) = (train(trainer()), train(trainer().objective(shifted)));
    for name in ["batch_norm1.running_mean", "batch_norm1.running_variance"] {
        assert_eq!(once[name], twice[name], "{name}");
    }
}

#[test]
fn scales_and_offsets_have_a_role_of_their_own() {
    let specs = network().parameters();
    assert_eq!(Selection::norms().names(&specs), ["batch_norm1.scale", "batch_norm1.offset"]);
    assert_eq!(Selection::weights().names(&specs), ["linear1.weight"]);
    assert_eq!(Selection::all().names(&specs).len(), 4);
}

#[test]
fn what_batch_norm_does_not_take_is_refused() {
    let refusal = |shape: &[usize]| {
        Layer::<f32>::output_shape(&BatchNorm::new("b", 3), Shape::new(shape)).unwrap_err().to_string()
    };
    assert_eq!(refusal(&[8, 2, 4, 4]), "the batch normalisation `b` takes [n, 3, ..], not [8, 2, 4, 4]");
    assert_eq!(refusal(&[3]), "the batch normalisation `b` takes [n, 3, ..], not [3]");
}

#[test]
fn what_the_other_norms_do_not_take_is_refused() {
    let refusal = |layer: &dyn Layer<f32>| layer.output_shape([8, 2].into()).unwrap_err().to_string();
    assert_eq!(refusal(&LayerNorm::new("l", 3)), "the layer normalisation `l` takes [.., 3], not [8, 2]");
    assert_eq!(refusal(&RmsNorm::new("r", 3)), "the RMS normalisation `r` takes [.., 3], not [8, 2]");
    assert_eq!(
        refusal(&GroupNorm::new("g", 3, 3)),
        "the group normalisation `g` takes [n, 3, ..], not [8, 2]"
    );
}

#[test]
#[should_panic(expected = "GroupNorm `g`: 6 channels do not divide into 4 groups")]
fn groups_of_unequal_size_are_refused() {
    GroupNorm::new("g", 4, 6);
}

#[test]
#[should_panic(expected = "BatchNorm: epsilon is 0, it must be above 0 and finite")]
fn an_epsilon_of_zero_is_refused() {
    BatchNorm::new("b", 3).with_epsilon(0.0);
}

#[test]
#[should_panic(expected = "BatchNorm: the update rate is 1.5, it must be in [0, 1]")]
fn an_update_rate_above_one_is_refused() {
    BatchNorm::new("b", 3).with_update_rate(1.5);
}

/// Convolution, statistics and pooling, forward and backward, large enough to be shared among threads.
#[test]
fn a_convolutional_network_trains_to_the_same_bits_for_any_number_of_threads() {
    let window = Window { padding: [1, 1], ..Window::new([3, 3]) };
    let model = Sequential::<f32>::new()
        .convolution(1, 8, window)
        .then(BatchNorm::new("norm", 8))
        .then(Activation::Relu)
        .then(Pooling::max([2, 2]))
        .then(GroupNorm::new("groups", 2, 8))
        .then(Flatten)
        .linear(512, 3);
    let x = Tensor::from_fn([100, 1, 16, 16], |i| ((i * 7919) % 251) as f32 / 251.0);
    let data = Dataset::new(x, Tensor::from_fn([100], |i| (i % 3) as u32), 3).unwrap();
    let trained = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut parameters = initialise(&model, 1);
            let mut trainer = Trainer::new(&model, Optimiser::adam(0.01)).batch_size(64).epochs(2);
            trainer.fit(&data, None, &mut parameters).unwrap();
            parameters
        })
    };
    let one = trained(1);
    assert!(one["norm.running_mean"].data().iter().all(|&mean| mean != 0.0));
    assert_eq!(trained(3), one);
}
