use super::*;
use crate::augmentation::{Affine, Brightness, Contrast, LabelContract, Pipeline};
use crate::hyper_gradient::unroll;
use crate::testing::numbers;
use autograd::check::Checker;
use autograd::{Draw, Feed, Graph, Interpreter, Parameters, Tensor};
use nn::{Activation, Layer, Mode, Optimiser, Sequential, initialise};
use proptest::prelude::*;

/// Extents of turn, shear, scale, shift, brightness, contrast.
const EXTENTS: [f64; 6] = [20.0, 0.3, 0.4, 0.8, 0.3, 0.5];
const NAMES: [&str; 6] = ["turn", "shear", "scale", "shift", "bright", "contrast"];

fn hyperparameters(extents: [f64; 6]) -> [Hyperparameter; 6] {
    // Three of each kind.
    [0, 1, 2, 3, 4, 5].map(|i| match i % 2 {
        0 => Hyperparameter::bounded(NAMES[i], extents[i], 2.0 * extents[i]).unwrap(),
        _ => Hyperparameter::positive(NAMES[i], extents[i]).unwrap(),
    })
}

type Shared = Box<dyn Augmentation<f64>>;

/// Warp, brightness, contrast.
fn tuned([turn, shear, scale, shift, bright, contrast]: [Hyperparameter; 6]) -> [Shared; 3] {
    let warp = TunedAffine::new().rotate(turn).unwrap().shear(shear).scale(scale).translate(shift);
    [Box::new(warp), Box::new(TunedBrightness(bright)), Box::new(TunedContrast(contrast))]
}

fn fixed([turn, shear, scale, shift, bright, contrast]: [f64; 6]) -> [Shared; 3] {
    let warp = Affine::new().rotate(turn).unwrap().shear(shear).unwrap();
    let warp = warp.scale(1.0 + scale).unwrap().translate(shift).unwrap();
    [
        Box::new(warp),
        Box::new(Brightness::new(bright).unwrap()),
        Box::new(Contrast::new(1.0 + contrast).unwrap()),
    ]
}

fn values(hyperparameters: &[Hyperparameter]) -> Parameters<f64> {
    hyperparameters.iter().map(|h| (h.name(), h.initial_value())).collect()
}

fn applied(
    augmentation: &Shared,
    images: &Tensor<f64>,
    parameters: &Parameters<f64>,
    seed: u64,
) -> Tensor<f64> {
    let graph = Graph::new();
    let changed = augmentation.apply(graph.constant(images.clone()), "s");
    crate::testing::run(changed, parameters, Draw { seed, run: 0 })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(30) })]

    #[test]
    fn at_equal_extents_it_is_the_augmentation_of_the_same_name(
        (n, c, h, w) in (1usize..4, 1usize..3, 1usize..6, 1usize..6),
        shares in prop::array::uniform6(0.05..1.5f64),
        seed: u64,
    ) {
        let extents = [0, 1, 2, 3, 4, 5].map(|i| EXTENTS[i] * shares[i]);
        let images = numbers([n, c, h, w], 0.0, 1.0, seed);
        let own = hyperparameters(extents);
        let parameters = values(&own);
        for (tuned, fixed) in tuned(own).iter().zip(&fixed(extents)) {
            let [found, expected] = [tuned, fixed].map(|a| applied(a, &images, &parameters, seed));
            for (a, b) in found.data().iter().zip(expected.data()) {
                // The extent is rounded in its logarithm, the place of a pixel at some 1e-15; slopes are below 2.
                prop_assert!((a - b).abs() < 1e-13, "{fixed:?}: {a} and {b}");
            }
        }
    }
}

/// In the images and in the extents, to the second order, with the draws as they are in run 0.
#[test]
fn derivatives_in_images_and_extents_are_right() {
    let own = hyperparameters(EXTENTS);
    let parameters = values(&own);
    let images = numbers([2, 1, 3, 4], 0.1, 0.9, 3);
    let all = tuned(own.clone());
    for (augmentation, own) in all.iter().zip([&own[..4], &own[4..5], &own[5..]]) {
        let graph = Graph::new();
        let x = graph.input("x", images.shape());
        let output = augmentation.apply(x, "s").powi(2).sum();
        let arguments: Vec<_> = [x].into_iter().chain(own.iter().map(|h| h.raw(&graph))).collect();
        let feeds = [("x", Feed::from(&images))];
        let checker = Checker::new(augmentation.name()).entries();
        let report = checker.graph(output, &arguments, &feeds, Some(&parameters)).unwrap().assert();
        assert_eq!(report.checked_fraction(), 1.0, "{report}");
    }
}

/// The validation loss after some steps on augmented images, against its differences in each extent.
#[test]
fn hyper_gradients_through_steps_are_the_differences() {
    let own = hyperparameters(EXTENTS);
    let [warp, bright, contrast] = tuned(own.clone());
    let model = Sequential::<f64>::mlp(&[12, 3, 3], Activation::Tanh);
    for (name, optimiser) in
        [("gradient descent", Optimiser::sgd(0.5)), ("momentum", Optimiser::momentum(0.3, 0.9))]
    {
        let graph = Graph::new();
        let loss = |x: &str, y: &str, augmented: bool| {
            let mut images = graph.input(x, [3, 1, 3, 4]);
            if augmented {
                images = contrast.apply(bright.apply(warp.apply(images, "s"), "s"), "s");
            }
            model.forward(images.reshape([3, 12]), Mode::Train).cross_entropy(graph.indices(y, [3]))
        };
        let (training, validation) = (loss("x", "y", true), loss("vx", "vy", false));
        let step = optimiser.minimise(training, &model.parameters());
        let unrolled = unroll(&step, &[], 3, &["learning_rate", "x", "y"]);
        let raw: Vec<_> = own.iter().map(|h| h.raw(&graph)).collect();
        let mut parameters = initialise(&model, 5);
        own.iter().for_each(|h| drop(parameters.insert(h.name(), h.initial_value())));
        step.initialise_state(&mut parameters);
        let (x, vx) = (numbers([3, 1, 3, 4], 0.0, 1.0, 1), numbers([3, 1, 3, 4], 0.0, 1.0, 2));
        let labels = Tensor::new([3], vec![0u32, 1, 2]);
        let feeds = [
            ("x", Feed::from(&x)),
            ("y", Feed::from(&labels)),
            ("vx", Feed::from(&vx)),
            ("vy", Feed::from(&labels)),
            ("learning_rate", Feed::Scalar(optimiser.learning_rate(0))),
        ];
        let after = unrolled.at(&[validation])[0];
        let checker = Checker::new(name).entries().order(1);
        let report = checker.graph(after, &raw, &feeds, Some(&parameters)).unwrap().assert();
        assert_eq!(report.checked_fraction(), 1.0, "{report}");
        // None of them is 0 and says nothing.
        let slopes = autograd::grad(after, &raw);
        let ids: Vec<_> = slopes.iter().map(|slope| slope.id()).collect();
        let run = Interpreter { parameters: &parameters, draw: Draw::default() };
        let found = run.run(&graph, &ids, &feeds).unwrap();
        for (slope, name) in slopes.iter().zip(NAMES) {
            assert!(found.get(*slope).item().abs() > 1e-6, "{name}");
        }
    }
}

#[test]
fn without_parts_it_is_the_very_same_variable() {
    let graph = Graph::<f64>::new();
    let images = graph.input("images", [2, 1, 3, 4]);
    let before = graph.len();
    let nothing = TunedAffine::new().border(Border::Edge);
    assert_eq!(nothing.apply(images, "s").id(), images.id());
    assert_eq!(graph.len(), before);
    assert!(Augmentation::<f64>::changes(&nothing, [1, 3, 4]).is_empty());
}

/// `e^-1000` is 0: the limit of an extent that is tuned away.
#[test]
fn at_extent_zero_images_stay_as_they_are() {
    let images = numbers([2, 1, 4, 3], 0.0, 1.0, 4);
    let own = hyperparameters(EXTENTS);
    let off: Parameters<f64> = own.iter().map(|h| (h.name(), Tensor::scalar(-1000.0))).collect();
    let [warp, bright, contrast] = tuned(own);
    assert_eq!(applied(&warp, &images, &off, 1), images);
    assert_eq!(applied(&bright, &images, &off, 1), images);
    // m + (x - m) is rounded.
    let found = applied(&contrast, &images, &off, 1);
    assert!(found.data().iter().zip(images.data()).all(|(a, b)| (a - b).abs() < 1e-15));
}

#[test]
fn a_bound_holds_whatever_becomes_of_the_parameter() {
    let turn = Hyperparameter::bounded("turn", 5.0, 45.0).unwrap();
    let mut parameters = Parameters::<f64>::new();
    for raw in [-1e3, -3.0, 0.0, 7.0, 1e3] {
        parameters.insert("turn", Tensor::scalar(raw));
        let value = turn.value_in(&parameters).unwrap();
        assert!((0.0..=45.0).contains(&value), "{value}");
        let graph = Graph::new();
        let found = crate::testing::run(turn.value(&graph), &parameters, Draw::default()).item();
        assert!((0.0..=45.0).contains(&found), "{found}");
    }
}

#[test]
fn labels_are_asked_at_the_bounds() {
    let said = |warp: TunedAffine| {
        let pipeline = Pipeline::<f64>::new([1, 8, 10]).then(warp);
        pipeline.for_labels(&LabelContract::digits()).err().map(|error| error.to_string())
    };
    let bounded = |largest: f64| Hyperparameter::bounded("h", 0.5 * largest, largest).unwrap();
    let turned = |h| said(TunedAffine::new().rotate(h).unwrap());
    assert_eq!(turned(bounded(45.0)), None);
    assert_eq!(
        turned(bounded(90.0)).unwrap(),
        "rotation by up to 90 degrees changes labels of handwritten digits: it confuses 6/9; labels are \
         declared invariant up to 45 degrees"
    );
    // Only positive: it may grow to anything.
    assert_eq!(
        turned(Hyperparameter::positive("h", 1.0).unwrap()).unwrap(),
        "rotation by up to 180 degrees changes labels of handwritten digits: it confuses 6/9; labels are \
         declared invariant up to 45 degrees"
    );
    // In shares of the shorter side, 8.
    assert_eq!(said(TunedAffine::new().translate(bounded(2.0))), None);
    assert!(said(TunedAffine::new().translate(bounded(2.1))).unwrap().contains("translation"));
    assert_eq!(said(TunedAffine::new().scale(bounded(0.6)).shear(bounded(0.6))), None);
    assert!(said(TunedAffine::new().scale(bounded(0.7))).unwrap().contains("scaling"));
    assert!(said(TunedAffine::new().shear(bounded(0.7))).unwrap().contains("shear"));
    let tones = |limit: f64| {
        let pipeline = Pipeline::<f64>::new([1, 8, 8]);
        pipeline.then(TunedBrightness(bounded(limit))).then(TunedContrast(bounded(6.0 * limit)))
    };
    assert!(tones(0.5).for_labels(&LabelContract::digits()).is_ok());
    assert!(tones(0.6).for_labels(&LabelContract::digits()).is_err());
}

#[test]
fn more_than_half_a_turn_is_refused() {
    let said = |h: Hyperparameter| TunedAffine::new().rotate(h).unwrap_err().to_string();
    assert_eq!(
        said(Hyperparameter::bounded("h", 1.0, 181.0).unwrap()),
        "the rotation is 181, it must be in [0, 180]"
    );
    assert_eq!(
        said(Hyperparameter::positive("h", 200.0).unwrap()),
        "the rotation is 200, it must be in [0, 180]"
    );
}
