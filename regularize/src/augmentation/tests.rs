use super::crop::Mirror;
use super::*;
use crate::testing::{check, numbers, value};
use autograd::check::Checker;
use autograd::{Draw, Feed, Graph, Interpreter, Parameters, Tensor, grad, interpret};
use nn::data::{Batches, Dataset, digits};
use nn::{Activation, Optimiser, Sequential, Trainer, initialise};

/// The pixel of a plane, 0 outside.
pub fn pixel(plane: &[f64], [height, width]: [usize; 2], row: f64, column: f64) -> f64 {
    let inside = row >= 0.0 && column >= 0.0 && row < height as f64 && column < width as f64;
    if inside { plane[row as usize * width + column as usize] } else { 0.0 }
}

/// Bilinear interpolation as two linear ones.
pub fn naive_bilinear(plane: &[f64], size: [usize; 2], row: f64, column: f64) -> f64 {
    let line = |row: f64| {
        let (left, share) = (column.floor(), column - column.floor());
        pixel(plane, size, row, left) * (1.0 - share) + pixel(plane, size, row, left + 1.0) * share
    };
    let (top, share) = (row.floor(), row - row.floor());
    line(top) * (1.0 - share) + line(top + 1.0) * share
}

/// Each of them, strong and as the identity.
fn augmentations() -> Vec<[Arc<dyn Augmentation<f64>>; 2]> {
    let image = [3, 5, 4];
    let affine = Affine::new().rotate(40.0).unwrap().shear(0.3).unwrap();
    let affine = affine.scale(1.3).unwrap().translate(1.0).unwrap();
    vec![
        [Arc::new(affine), Arc::new(Affine::new())],
        [Arc::new(Perspective::new(0.5).unwrap()), Arc::new(Perspective::new(0.0).unwrap())],
        [Arc::new(Elastic::new(0.8, 1.0).unwrap()), Arc::new(Elastic::new(0.0, 1.0).unwrap())],
        [Arc::new(Crop::new(1)), Arc::new(Crop::new(0))],
        [
            Arc::new(Flip::new(Mirror::LeftRight, 0.5).unwrap()),
            Arc::new(Flip::new(Mirror::Both, 0.0).unwrap()),
        ],
        [Arc::new(Brightness::new(0.4).unwrap()), Arc::new(Brightness::new(0.0).unwrap())],
        [Arc::new(Contrast::new(2.0).unwrap()), Arc::new(Contrast::new(1.0).unwrap())],
        [Arc::new(Saturation::new(0.9).unwrap()), Arc::new(Saturation::new(0.0).unwrap())],
        [Arc::new(Hue::new(0.5).unwrap()), Arc::new(Hue::new(0.0).unwrap())],
        [Arc::new(Blur::new(2.0).unwrap()), Arc::new(Blur::new(0.0).unwrap())],
        [Arc::new(GaussianNoise::new(0.3).unwrap()), Arc::new(GaussianNoise::new(0.0).unwrap())],
        [
            Arc::new(SaltAndPepper::new(0.3, [0.0, 1.0]).unwrap()),
            Arc::new(SaltAndPepper::new(0.0, [0.0, 1.0]).unwrap()),
        ],
        [Arc::new(Cutout::new(2)), Arc::new(Cutout::new(0))],
        [
            Arc::new(RandAugment::new(2, 1.0, image).unwrap()),
            Arc::new(RandAugment::new(2, 0.0, image).unwrap()),
        ],
        [Arc::new(AugMix::new(1.0, image).unwrap()), Arc::new(AugMix::new(0.0, image).unwrap())],
    ]
}

#[test]
fn strength_zero_is_the_very_same_variable() {
    let graph = Graph::<f64>::new();
    let images = graph.input("images", [2, 3, 5, 4]);
    for [_, identity] in augmentations() {
        let nodes = graph.len();
        assert_eq!(identity.apply(images, "s").id(), images.id(), "{identity:?}");
        assert_eq!(graph.len(), nodes, "{identity:?} recorded something");
        assert!(identity.changes([3, 5, 4]).is_empty(), "{identity:?}");
    }
}

#[test]
fn every_augmentation_says_what_it_changes_and_changes_it() {
    let x = numbers([2, 3, 5, 4], 0.1, 0.9, 1);
    for [strong, _] in augmentations() {
        assert!(!strong.changes([3, 5, 4]).is_empty(), "{strong:?}");
        let changed = value(std::slice::from_ref(&x), |x| strong.apply(x[0], "s"));
        assert_eq!(changed.shape(), x.shape(), "{strong:?}");
        assert!(changed != x && changed.first_non_finite().is_none(), "{strong:?}");
    }
}

/// To the second order, with draws as they are in run 0.
#[test]
fn every_augmentation_is_differentiable_in_the_images() {
    for [strong, _] in augmentations() {
        // Two orders of a whole list in chains are a long check; its parts are in this list themselves.
        if ["rand_augment", "aug_mix"].contains(&strong.name()) {
            continue;
        }
        let x = numbers([1, 3, 3, 2], 0.1, 0.9, 2);
        check(strong.name(), &[x], |x| strong.apply(x[0], "s").powi(2));
    }
}

#[test]
fn images_without_pixels_or_examples_stay_empty() {
    for shape in [[0, 3, 4, 4], [2, 3, 0, 4], [2, 3, 4, 0], [2, 3, 0, 0]] {
        for [strong, _] in augmentations() {
            let found = value(&[Tensor::zeros(shape)], |x| strong.apply(x[0], "s"));
            assert_eq!(found.shape().lengths(), shape, "{strong:?}");
        }
    }
    // One pixel is an image.
    for [strong, _] in augmentations() {
        let found = value(&[numbers([1, 3, 1, 1], 0.1, 0.9, 1)], |x| strong.apply(x[0], "s"));
        assert_eq!(found.first_non_finite(), None, "{strong:?}");
    }
}

/// Draws are one row for each example, so the first examples of a larger batch are those of a smaller one.
#[test]
fn an_example_depends_on_no_other() {
    let x = numbers([3, 3, 5, 4], 0.1, 0.9, 3);
    for [strong, _] in augmentations() {
        let all = value(std::slice::from_ref(&x), |x| strong.apply(x[0], "s"));
        let first = value(&[x.rows(&[0])], |x| strong.apply(x[0], "s"));
        let error = all.data().iter().zip(first.data()).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        // Products of other heights may add in another order.
        assert!(error < 1e-14, "{strong:?}: {error:e}");
    }
}

#[test]
fn streams_are_named_by_kind_and_number() {
    let graph = Graph::<f64>::new();
    let x = graph.input("x", [2, 4]);
    let turn = Affine::new().rotate(5.0).unwrap();
    let streams = |pipeline: Pipeline<f64>| {
        let graph = Graph::<f64>::new();
        pipeline.forced().inputs(graph.input("x", [2, 4]), Mode::Train);
        let nodes = graph.nodes();
        let names = nodes.iter().map(|node| node.op.name());
        let uniform: Vec<String> = names.filter(|name| name.starts_with("uniform")).collect();
        uniform
    };
    let two = Pipeline::new([1, 2, 2]).then(turn).then(turn);
    let expected = ["uniform(\"augment.affine.angle\")", "uniform(\"augment.affine2.angle\")"];
    assert_eq!(streams(two), expected);
    // Another kind in between changes no stream of these.
    let three = Pipeline::new([1, 2, 2]).then(turn).then(Blur::new(0.3).unwrap()).then(turn);
    assert!(expected.iter().all(|name| streams(three.clone()).contains(&name.to_string())));
    let renamed = Pipeline::new([1, 2, 2]).then(turn).forced().named("second");
    renamed.inputs(x, Mode::Train);
    assert!(graph.nodes().iter().any(|node| node.op.name() == "uniform(\"second.affine.angle\")"));
}

#[test]
fn only_training_augments() {
    let graph = Graph::<f64>::new();
    let x = graph.input("x", [2, 4]);
    let augment = Pipeline::new([1, 2, 2]).then(Affine::new().rotate(5.0).unwrap()).forced();
    for mode in [Mode::Evaluate, Mode::Sample] {
        assert_eq!(augment.inputs(x, mode).id(), x.id());
    }
    let nothing = Pipeline::new([1, 2, 2]).then(Affine::new()).forced();
    assert_eq!(nothing.inputs(x, Mode::Train).id(), x.id());
    assert_ne!(augment.inputs(x, Mode::Train).id(), x.id());
    assert_eq!(augment.inputs(x, Mode::Train).shape(), x.shape());
}

#[test]
#[should_panic(expected = "augmentation: inputs of shape [2, 5] for images of 1 x 2 x 2")]
fn inputs_must_be_images() {
    let graph = Graph::<f64>::new();
    let augment = Pipeline::new([1, 2, 2]).then(Affine::new().rotate(5.0).unwrap()).forced();
    augment.inputs(graph.input("x", [2, 5]), Mode::Train);
}

/// What a trainer did to one example in one epoch, found again from its seed alone.
#[test]
fn seed_epoch_and_example_determine_the_draws() {
    let (seed, examples, batch_size, epoch, example) = (11, 10, 4, 2, 7);
    let augment = Pipeline::<f64>::new([1, 2, 2]).then(Affine::new().rotate(30.0).unwrap()).forced();
    let data = Dataset::new(
        numbers([examples, 4], 0.0, 1.0, 1).cast::<f32>(),
        Tensor::from_fn([examples], |i| (i % 2) as u32),
        2,
    )
    .unwrap()
    .cast::<f64>();

    let mut batches = Batches::new(examples, batch_size, seed).unwrap();
    let (step, place) = batches.find(epoch, example).unwrap();
    let of_epoch = step as usize % batches.batches_per_epoch();
    let size = batches.epoch(epoch).nth(of_epoch).unwrap().len();
    let draw = Draw { seed, run: step };
    // The angle that this predicts.
    let graph = Graph::<f64>::new();
    let angle = between(graph.uniform("augment.affine.angle", [size]), -30.0, 30.0);
    let parameters = Parameters::new();
    let run = Interpreter { parameters: &parameters, draw }.run(&graph, &[angle.id()], &[]).unwrap();
    let predicted = run.get(angle).data()[place];

    // The one that the trainer used: its objective is the rotated example's difference from the image turned by
    // hand, summed over rows whose original is this example. A wrong angle would leave a rest.
    let image = data.examples().rows(&[example]);
    let model = Sequential::<f64>::new().linear(4, 2);
    let found = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = found.clone();
    let turned = {
        let graph = Graph::<f64>::new();
        let x = graph.constant(image.clone().reshape([1, 1, 2, 2]));
        let angle = graph.fill([1], predicted.to_radians());
        interpret(&[affine::rotate(x, angle, Border::default())], &[], None).unwrap().remove(0)
    };
    let mut trainer =
        Trainer::new(&model, Optimiser::sgd(0.0)).seed(seed).batch_size(batch_size).epochs(3).objective(
            move |batch| {
                let constant = |value: &Tensor<f64>| batch.graph.constant(value.clone().reshape([1, 4]));
                let own = (batch.inputs - constant(&image)).abs().max_over(&[1]).equal(0.0);
                let rest = (augment.on(batch).inputs - constant(&turned)).abs().max_over(&[1]);
                (own * rest).sum() + batch.cross_entropy() * 0.0
            },
        );
    let mut observer = move |metrics: &nn::train::EpochMetrics, _: &Parameters<f64>| {
        seen.lock().unwrap().push(metrics.objective);
        std::ops::ControlFlow::Continue(())
    };
    trainer.fit_observed(&data, None, &mut initialise(&model, 1), &mut observer).unwrap();
    let rests = found.lock().unwrap().clone();
    assert!(rests[epoch as usize].abs() < 1e-12, "{rests:?}");
    assert!(rests[0] > 1e-3 && rests[1] > 1e-3, "other epochs turn by other angles: {rests:?}");
}

/// The test errors on the digits 6 and 9, and on 0, 1 and 8, of a small network, trained with or without.
fn errors_of(augment: Option<Augment<f32>>, seed: u64) -> [f64; 2] {
    let [train, test] = digits::load().unwrap().flattened().split([0.3, 0.7], seed).unwrap();
    let model = Sequential::<f32>::mlp(&[64, 16, 10], Activation::Relu);
    let mut parameters = initialise(&model, seed);
    let mut trainer =
        Trainer::new(&model, Optimiser::adam(0.01)).epochs(25).seed(seed).objective(move |batch| {
            match &augment {
                Some(augment) => augment.on(batch).cross_entropy(),
                None => batch.cross_entropy(),
            }
        });
    trainer.fit(&train, None, &mut parameters).unwrap();
    [&[6, 9][..], &[0, 1, 8]].map(|classes| {
        let labels = test.labels().data();
        let rows: Vec<usize> = (0..test.len()).filter(|&i| classes.contains(&labels[i])).collect();
        trainer.evaluate(&test.subset(&rows).unwrap(), &parameters).unwrap().error
    })
}

/// The half turn of a 6 with the label 6 teaches that a 9 is a 6.
#[test]
fn a_half_turn_is_refused_for_digits_and_does_harm_when_forced() {
    let turned = || Pipeline::<f32>::new([1, 8, 8]).then(Flip::new(Mirror::Both, 0.5).unwrap());
    let refusal = turned().for_labels(&LabelContract::digits()).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "rotation by up to 180 degrees changes labels of handwritten digits: it confuses 6/9; \
         labels are declared invariant up to 45 degrees"
    );
    // Paired: the same split, weights and order of examples for both.
    let harm: Vec<[f64; 2]> = (0..8)
        .map(|seed| {
            let (with, without) = (errors_of(Some(turned().forced()), seed), errors_of(None, seed));
            [with[0] - without[0], with[1] - without[1]]
        })
        .collect();
    let n = harm.len() as f64;
    let [mean, others] = [0, 1].map(|k| harm.iter().map(|harm| harm[k]).sum::<f64>() / n);
    let variance = harm.iter().map(|harm| (harm[0] - mean).powi(2)).sum::<f64>() / (n - 1.0);
    // Student's t with seven degrees of freedom passes 4.79 by chance once in a thousand.
    assert!(mean > 0.08 && mean / (variance / n).sqrt() > 4.79, "{harm:?}");
    // Digits that a half turn leaves as they are suffer less.
    assert!(others < mean / 1.5, "{others} beside {mean}");
}

/// Small transforms by `±ε` and a network's output: what is asked for beyond the clean example is the tangent
/// penalty of *Deep Learning*, equation 7.67, and a rest of the next order.
#[test]
fn a_small_transform_is_a_tangent_penalty_to_second_order() {
    let image = numbers([1, 1, 5, 6], 0.0, 1.0, 1);
    let weight = numbers([30, 2], -0.6, 0.6, 2);
    // A generic point: bilinear sampling has kinks at whole places, and the Taylor series needs a smooth path.
    let graph = Graph::<f64>::new();
    let (x, w) = (graph.constant(image), graph.constant(weight));
    let angle = graph.input("angle", [1]);
    let grown = affine::scaling(graph.constant(Tensor::new([1, 2], vec![1.13, 0.91])));
    let moved = affine::translation(graph.constant(Tensor::new([1, 2], vec![0.37, 0.23])));
    let warp = affine::rotation(angle).matmul(grown).matmul(moved);
    let output = affine::warp(x, warp, Border::Fill(0.0)).reshape([1, 30]).matmul(w).tanh();
    let slope: Vec<Var<'_, f64>> =
        (0..2).map(|k| grad(output.slice(1, k, k + 1).sum(), &[angle])[0]).collect();
    let loss = (output - 0.3).powi(2).sum();
    let loss_slope = grad(loss, &[angle])[0].sum();
    let penalty = slope.iter().fold(graph.fill([], 0.0), |sum, s| sum + s.powi(2).sum());
    let base = 0.21;
    let run = |angle: f64| {
        let feed = Tensor::new([1], vec![angle]);
        interpret(&[output, loss, loss_slope, penalty], &[("angle", Feed::from(&feed))], None).unwrap()
    };
    let here = run(base);
    let (tangent, slope) = (here[3].item(), here[2].item());
    // Halved steps: rests of ε² in the loss itself, of ε⁴ in the consistency of both sides.
    let rests: Vec<(f64, f64)> = [4e-4, 2e-4, 1e-4]
        .iter()
        .map(|&epsilon| {
            let sides = [run(base + epsilon), run(base - epsilon)];
            let distance = |side: &[Tensor<f64>]| {
                let pairs = side[0].data().iter().zip(here[0].data());
                pairs.map(|(a, b)| (a - b).powi(2)).sum::<f64>()
            };
            let consistency = 0.5 * (distance(&sides[0]) + distance(&sides[1]));
            let first = sides[0][1].item() - here[1].item() - epsilon * slope;
            (first.abs(), (consistency - epsilon * epsilon * tangent).abs())
        })
        .collect();
    for pair in rests.windows(2) {
        let (first, second) = ((pair[0].0 / pair[1].0).log2(), (pair[0].1 / pair[1].1).log2());
        assert!((first - 2.0).abs() < 0.1, "order {first} of the loss");
        assert!((second - 4.0).abs() < 0.1, "order {second} of the consistency");
    }
}

#[test]
fn augmented_training_is_reproducible_and_changes_with_the_seed() {
    let trained = |seed: u64, draws: &'static str| {
        let data = digits::load().unwrap().flattened().subset(&(0..40).collect::<Vec<_>>()).unwrap();
        let model = Sequential::<f32>::new().linear(64, 10);
        let augment =
            Pipeline::new([1, 8, 8]).then(Affine::new().rotate(20.0).unwrap()).forced().named(draws);
        let mut parameters = initialise(&model, 1);
        let mut trainer = Trainer::new(&model, Optimiser::sgd(0.1))
            .epochs(2)
            .seed(seed)
            .objective(move |batch| augment.on(batch).cross_entropy());
        trainer.fit(&data, None, &mut parameters).unwrap();
        parameters["linear1.weight"].clone()
    };
    assert_eq!(trained(1, "augment"), trained(1, "augment"));
    assert_ne!(trained(1, "augment"), trained(2, "augment"));
    assert_ne!(trained(1, "augment"), trained(1, "other"));
}

/// The gradient of a network's loss in the parameters of a warp, through everything.
#[test]
fn a_loss_is_differentiable_in_the_parameters() {
    let graph = Graph::<f64>::new();
    let x = graph.constant(numbers([2, 1, 4, 4], 0.0, 1.0, 5));
    let angle = graph.input("angle", [2]);
    let shift = graph.input("shift", [2, 2]);
    let warp = affine::rotation(angle).matmul(affine::translation(shift));
    let w = graph.constant(numbers([16, 3], -1.0, 1.0, 6));
    let labels = graph.index_constant(Tensor::new([2], vec![2, 0]));
    let loss = affine::warp(x, warp, Border::Edge).reshape([2, 16]).matmul(w).cross_entropy(labels);
    let (a, s) = (numbers([2], -1.0, 1.0, 7), numbers([2, 2], -1.0, 1.0, 8));
    let feeds = [("angle", Feed::from(&a)), ("shift", Feed::from(&s))];
    let report = Checker::new("loss").entries().graph(loss, &[angle, shift], &feeds, None).unwrap().assert();
    assert_eq!(report.checked_fraction(), 1.0);
}
