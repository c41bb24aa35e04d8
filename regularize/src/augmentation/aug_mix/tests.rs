use super::*;
use crate::augmentation::beta::Beta;
use crate::augmentation::beta::tests::kolmogorov_smirnov;
use crate::augmentation::{Affine, LabelContract, Pipeline};
use crate::testing::{assert_close, check, numbers, value};
use autograd::{Graph, Tensor};
use nn::{Activation, Layer, Sequential};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(60) })]

    #[test]
    fn the_divergence_is_the_mean_of_divergences_from_the_mean(
        k in 1usize..4,
        (n, c) in (0usize..4, 1usize..5),
        seed: u64,
    ) {
        let logits: Vec<_> = (0..k).map(|i| numbers([n, c], -4.0, 4.0, seed ^ i as u64)).collect();
        let found = value(&logits, |z| jensen_shannon(z));
        for example in 0..n {
            let p: Vec<Vec<f64>> = logits.iter().map(|z| {
                let e: Vec<f64> = z.data()[example * c..][..c].iter().map(|z| z.exp()).collect();
                let sum: f64 = e.iter().sum();
                e.iter().map(|e| e / sum).collect()
            }).collect();
            // Entropy of the mean less the mean entropy: the same by another formula.
            let entropy = |p: &[f64]| -p.iter().map(|p| p * p.ln()).sum::<f64>();
            let mean: Vec<f64> = (0..c).map(|j| p.iter().map(|p| p[j]).sum::<f64>() / k as f64).collect();
            let expected = entropy(&mean) - p.iter().map(|p| entropy(p)).sum::<f64>() / k as f64;
            // Sums of numbers below 2.
            prop_assert!((found.data()[example] - expected).abs() < 1e-14);
            prop_assert!(found.data()[example] > -1e-15 && found.data()[example] < (k as f64).ln() + 1e-15);
        }
    }
}

#[test]
fn derivatives_of_the_divergence_are_right() {
    let logits: Vec<_> = (0..3).map(|i| numbers([2, 3], -2.0, 2.0, i)).collect();
    check("jensen_shannon", &logits, |z| jensen_shannon(z));
}

#[test]
fn like_distributions_do_not_diverge_and_extreme_ones_stay_finite() {
    let z = numbers([3, 4], -3.0, 3.0, 1);
    let same = value(&[z.clone(), z], |z| jensen_shannon(&[z[0], z[1], z[0]]));
    // Logarithms of size 10, rounded.
    assert!(same.data().iter().all(|x| x.abs() < 1e-14), "{same:?}");
    let far = [1e4, -1e4].map(|a| Tensor::new([1, 2], vec![a, -a]));
    let slope = value(&far, |z| autograd::grad(jensen_shannon(z).sum(), &[z[0]])[0]);
    assert_eq!(slope.first_non_finite(), None);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]

    #[test]
    fn chains_are_mixed_by_weight_and_share(
        (n, k) in (0usize..4, 1usize..5),
        (channels, height, width) in (1usize..4, 1usize..4, 1usize..4),
        seed: u64,
    ) {
        let pixels = channels * height * width;
        let image = |i: usize| numbers([n, channels, height, width], 0.0, 1.0, seed ^ i as u64);
        let images: Vec<_> = (0..=k).map(image).collect();
        let (weights, share) = (numbers([n, k], 0.0, 1.0, seed ^ 8), numbers([n], 0.0, 1.0, seed ^ 9));
        let all = [images.clone(), vec![weights.clone(), share.clone()]].concat();
        let found = value(&all, |x| mix_chains(x[0], &x[1..=k], x[k + 1], x[k + 2]));
        for i in 0..n * pixels {
            let (row, m) = (i / pixels, share.data()[i / pixels]);
            let chains: f64 = (0..k).map(|j| weights[[row, j]] * images[j + 1].data()[i]).sum();
            // Sums of five numbers of at most 1.
            assert_close(found.data()[i], m * images[0].data()[i] + (1.0 - m) * chains, 1e-14);
        }
    }
}

#[test]
fn derivatives_of_mixed_chains_are_right() {
    let images = (0..3).map(|i| numbers([3, 1, 2, 2], 0.0, 1.0, i));
    let all: Vec<_> = images.chain([numbers([3, 2], 0.0, 1.0, 4), numbers([3], 0.0, 1.0, 5)]).collect();
    check("mix_chains", &all, |x| mix_chains(x[0], &[x[1], x[2]], x[3], x[4]).powi(2).sum());
}

#[test]
#[should_panic(
    expected = "mix_chains: 1 of [2, 1, 3, 3] by weights [2, 2] and [2]: alike, of [n, chains] and [n]"
)]
fn every_chain_has_a_weight() {
    let graph = Graph::<f64>::new();
    let images = graph.input("x", [2, 1, 3, 3]);
    mix_chains(images, &[images], graph.input("w", [2, 2]), graph.input("m", [2]));
}

/// Weights and shares sum to 1, so what every chain leaves as it is stays as it is.
#[test]
fn a_constant_image_under_warps_stays() {
    let warp = Affine::new().rotate(40.0).unwrap().border(crate::augmentation::Border::Edge);
    let mixed = AugMix::<f64>::of(3, 2, vec![Arc::new(warp)]).unwrap();
    let found = value(&[Tensor::full([4, 1, 3, 3], 0.7)], |x| mixed.apply(x[0], "s"));
    assert!(found.data().iter().all(|x| (x - 0.7).abs() < 1e-14), "{found:?}");
    let x = numbers([4, 1, 3, 3], 0.0, 1.0, 1);
    let changed = value(std::slice::from_ref(&x), |x| mixed.apply(x[0], "s"));
    // A mean of the image and of its turned copies is within the range of its pixels.
    assert!(changed != x && changed.data().iter().all(|x| (0.0..1.0).contains(x)));
}

/// Chains that paint the images 1 and 2 on images of 0: what is found is `(1 - m) (w₁ + 2 w₂)` and shows both draws.
#[test]
fn weights_and_share_have_the_concentrations_asked_for() {
    /// Adds its value, whatever the draws.
    #[derive(Debug)]
    struct Raise;
    impl Augmentation<f64> for Raise {
        fn name(&self) -> &'static str {
            "raise"
        }
        fn changes(&self, _: [usize; 3]) -> Vec<Change> {
            vec![Change::new(crate::augmentation::Kind::Brightness, 1.0)]
        }
        fn apply<'g>(&self, images: Var<'g, f64>, _: &str) -> Var<'g, f64> {
            images + 1.0
        }
    }
    let n = 20_000;
    let bound = (-(0.5e-6f64).ln() / (2.0 * n as f64)).sqrt();
    let mixed = || AugMix::<f64>::of(2, 1, vec![Arc::new(Raise)]).unwrap();
    // With many of one augmentation in the list the identity is hardly ever chosen: all chains are alike, and the
    // change is 1 - m.
    let always =
        AugMix::<f64> { choices: vec![Arc::new(Raise) as Arc<dyn Augmentation<f64>>; 200], ..mixed() };
    let black = Tensor::zeros([n, 1, 1, 1]);
    let run =
        |mixed: &AugMix<f64>| value(std::slice::from_ref(&black), |x| mixed.apply(x[0], "s")).into_data();
    for share in [0.3, 1.0, 4.0] {
        let found = run(&always.clone().concentrations(0.7, share).unwrap());
        let changed: Vec<f64> = found.into_iter().filter(|x| *x > 0.0).collect();
        let distance = kolmogorov_smirnov(changed, Beta::symmetric(share).unwrap());
        // One example in a hundred has a chain without a change.
        assert!(distance < bound + 0.02, "β = {share}: {distance}");
    }
    // With share 0 nearly surely, or 1: what is left are the weights of the chains that chose to rise, half of them.
    // The mean square of w₁ - w₂ is 1 / (2 α + 1).
    for alpha in [0.25, 1.0, 3.0] {
        let found = run(&mixed().concentrations(alpha, 1e-5).unwrap());
        let apart: Vec<f64> = found.iter().filter(|x| (1e-9..1.0 - 1e-9).contains(*x)).copied().collect();
        let mean = apart.iter().map(|x| (2.0 * x - 1.0).powi(2)).sum::<f64>() / apart.len() as f64;
        let expected = 1.0 / (2.0 * alpha + 1.0);
        assert!(apart.len() > 1000 && (mean - expected).abs() < 0.025, "α = {alpha}: {mean} for {expected}");
    }
    // Nothing more is recorded for the concentrations of the paper.
    let nodes = |mixed: AugMix<f64>| {
        let graph = Graph::<f64>::new();
        mixed.apply(graph.input("x", [2, 1, 1, 1]), "s");
        graph.len()
    };
    assert_eq!(nodes(mixed().concentrations(1.0, 1.0).unwrap()), nodes(mixed()));
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let of = |weights, share| mixed().concentrations(weights, share).unwrap_err().to_string();
        let text =
            |name: &str| format!("the concentration of the {name} is {bad}, it must be finite and above 0");
        assert_eq!([of(bad, 1.0), of(1.0, bad)], [text("weights"), text("share")]);
    }
}

#[test]
fn no_consistency_is_the_loss_itself() {
    let network = Sequential::<f64>::mlp(&[9, 3], Activation::Tanh);
    let specs = network.parameters();
    let pipeline = || Pipeline::<f64>::new([1, 3, 3]).then(Affine::new().rotate(20.0).unwrap()).forced();
    let nodes = |strength: f64, mode: Mode| {
        let graph = Graph::<f64>::new();
        let (x, labels) = (graph.input("x", [2, 9]), graph.indices("labels", [2]));
        let batch = Batch::new(x, labels, &network, &specs, mode);
        Consistency::new(pipeline(), strength).unwrap().objective(&batch);
        graph.len()
    };
    let plain = {
        let graph = Graph::<f64>::new();
        let (x, labels) = (graph.input("x", [2, 9]), graph.indices("labels", [2]));
        Batch::new(x, labels, &network, &specs, Mode::Train).cross_entropy();
        graph.len()
    };
    assert_eq!((nodes(0.0, Mode::Train), nodes(12.0, Mode::Evaluate)), (plain, plain));
    assert!(nodes(12.0, Mode::Train) > plain);
    // The two looks have draws of their own.
    let graph = Graph::<f64>::new();
    let (x, labels) = (graph.input("x", [2, 9]), graph.indices("labels", [2]));
    let batch = Batch::new(x, labels, &network, &specs, Mode::Train);
    Consistency::new(pipeline(), 1.0).unwrap().objective(&batch);
    let drawn =
        |name: &str| graph.nodes().iter().any(|node| node.op.name() == format!("uniform(\"{name}\")"));
    assert!(drawn("first.affine.angle") && drawn("second.affine.angle"));
}

#[test]
fn sizes_and_strengths_are_checked() {
    assert!(AugMix::<f64>::of(0, 1, Vec::new()).is_err() && AugMix::<f64>::of(1, 0, Vec::new()).is_err());
    for bad in [-0.1, 1.1, f64::NAN] {
        assert!(AugMix::<f64>::new(bad, [1, 8, 8]).is_err());
    }
    let augment = Pipeline::<f64>::new([1, 8, 8]).then(AugMix::new(0.3, [1, 8, 8]).unwrap());
    let augment = augment.for_labels(&LabelContract::digits()).unwrap();
    for bad in [-0.1, f64::NAN, f64::INFINITY] {
        let error = Consistency::new(augment.clone(), bad).unwrap_err().to_string();
        assert_eq!(
            error,
            format!("the strength of the consistency is {bad}, it must be finite and at least 0")
        );
    }
}

#[test]
fn derivatives_in_the_images_are_right() {
    let tones: Vec<Arc<dyn Augmentation<f64>>> = vec![
        Arc::new(crate::augmentation::Brightness::new(0.4).unwrap()),
        Arc::new(crate::augmentation::Contrast::new(2.0).unwrap()),
    ];
    let some = AugMix::of(2, 2, tones).unwrap();
    check("aug_mix", &[numbers([3, 1, 2, 2], 0.1, 0.9, 1)], |x| some.apply(x[0], "s").powi(2));
}
