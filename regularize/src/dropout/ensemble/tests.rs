use super::*;
use crate::dropout::{DropConnect, Dropout, GaussianDropout, SpatialDropout, StochasticDepth};
use crate::testing::{assert_close, numbers};
use nn::{Activation, Flatten, Linear, Selection, Sequential, initialise};
use proptest::prelude::*;

fn dropout(p: f64) -> Dropout {
    Dropout::new(p).unwrap()
}

/// Softmax regression on dropped inputs: rule and geometric mean are one.
fn regression(layer: Dropout) -> Sequential<f64> {
    Sequential::new().then(layer).linear(7, 4)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(10) })]

    #[test]
    fn the_rule_is_the_geometric_mean_of_softmax_regressions(p in 0.0..0.95, seed: u64) {
        for layer in [dropout(p), dropout(p).classic()] {
            let model = regression(layer);
            let mut all = SubNetworks::new(&model, [7]).unwrap();
            let means = all.means(numbers([7], -2.0, 2.0, seed).data(), &initialise(&model, seed)).unwrap();
            prop_assert_eq!(means.subnetworks, if p == 0.0 { 1 } else { 128 });
            for (rule, geometric) in means.rule.iter().zip(&means.geometric) {
                assert_one(*rule, *geometric);
            }
        }
    }

    /// And of any logits that are linear in each mask by itself: a deep linear network.
    #[test]
    fn the_rule_is_the_geometric_mean_of_deep_linear_networks(p in 0.1..0.9, seed: u64) {
        let model = Sequential::<f64>::new()
            .then_named("dropout", |name| dropout(p).named(name))
            .linear(3, 4)
            .then_named("dropout", |name| dropout(p).classic().named(name))
            .linear(4, 5)
            .then_named("dropout", |name| dropout(0.5).named(name))
            .linear(5, 3);
        let mut all = SubNetworks::new(&model, [3]).unwrap();
        let means = all.means(numbers([3], -1.0, 1.0, seed).data(), &initialise(&model, seed)).unwrap();
        prop_assert_eq!(means.subnetworks, 1 << 12);
        for (rule, geometric) in means.rule.iter().zip(&means.geometric) {
            assert_one(*rule, *geometric);
        }
    }

    /// Against masks walked through in another way, one subnetwork at a time.
    #[test]
    fn means_are_those_over_masks_set_by_hand(p in 0.1..0.9, seed: u64) {
        let model = Sequential::<f64>::new()
            .linear(3, 5).then(Activation::Relu).then(dropout(p)).linear(5, 3);
        let (parameters, x) = (initialise(&model, seed), numbers([3], -2.0, 2.0, seed));
        let means = SubNetworks::new(&model, [3]).unwrap().means(x.data(), &parameters).unwrap();
        let (w, v) = (&parameters["linear1.weight"], &parameters["linear2.weight"]);
        let hidden: Vec<f64> =
            (0..5).map(|j| (0..3).map(|i| x.data()[i] * w[[i, j]]).sum::<f64>().max(0.0)).collect();
        let (mut arithmetic, mut logs) = ([0.0; 3], [0.0; 3]);
        for (probability, mask) in dropout(p).masks::<f64>(5).unwrap() {
            let logits: Vec<f64> = (0..3)
                .map(|k| (0..5).map(|j| hidden[j] * mask.data()[j] / (1.0 - p) * v[[j, k]]).sum())
                .collect();
            let total = logits.iter().map(|z: &f64| z.exp()).sum::<f64>().ln();
            for k in 0..3 {
                arithmetic[k] += probability * (logits[k] - total).exp();
                logs[k] += probability * (logits[k] - total);
            }
        }
        let sum: f64 = logs.iter().map(|l| l.exp()).sum();
        for k in 0..3 {
            assert_close(means.arithmetic[k], arithmetic[k], 1e-13);
            assert_close(means.geometric[k], logs[k].exp() / sum, 1e-13);
        }
    }
}

#[test]
fn probabilities_of_all_subnetworks_add_up_to_one_and_each_comes_once() {
    let model = Sequential::<f64>::new()
        .then(dropout(0.3).named("a"))
        .linear(4, 6)
        .then(Activation::Relu)
        .then(dropout(0.6).named("b"))
        .linear(6, 2);
    let mut all = SubNetworks::new(&model, [4]).unwrap();
    assert_eq!((all.count(), all.rows), (1024, 512));
    let (mut total, mut predictions) = (0.0, Vec::new());
    all.for_each(&[1.0, 2.0, 3.0, 4.0], &initialise(&model, 1), |probability, logs, _| {
        total += probability;
        predictions.push(logs[0].to_bits());
    })
    .unwrap();
    assert_close(total, 1.0, 1e-13);
    assert_eq!(predictions.len(), 1024);
    predictions.sort_unstable();
    predictions.dedup();
    // Units that a rectifier has switched off make subnetworks alike; not all of them.
    assert!(predictions.len() > 16, "{}", predictions.len());
}

/// Masks without an axis of examples are walked through one by one; the other members of the family.
#[test]
fn every_mask_of_zeros_and_ones_is_enumerated() {
    let connect = DropConnect::new(Linear::new("c", 3, 2), Selection::weights(), 0.5).unwrap();
    let model = Sequential::<f64>::new().then(connect);
    let mut all = SubNetworks::new(&model, [3]).unwrap();
    assert_eq!((all.count(), all.rows), (64, 1));
    let means = all.means(&[1.0, -1.0, 0.5], &initialise(&model, 1)).unwrap();
    // Softmax of a product with masked weights: linear in each mask.
    for (rule, geometric) in means.rule.iter().zip(&means.geometric) {
        assert_one(*rule, *geometric);
    }
    let spatial = Sequential::<f64>::new().then(SpatialDropout::new(0.5).unwrap()).then(Flatten).linear(8, 2);
    assert_eq!(SubNetworks::new(&spatial, [2, 2, 2]).unwrap().count(), 4);
    let depth = |name: &str| StochasticDepth::new(Linear::new(name, 3, 3), 0.8).unwrap().named(name);
    let deep = Sequential::<f64>::new().then(depth("a")).then(depth("b")).then(depth("c").per_batch());
    let mut all = SubNetworks::new(&deep, [3]).unwrap();
    assert_eq!(all.count(), 8);
    let means = all.means(&[1.0, -1.0, 0.5], &initialise(&deep, 1)).unwrap();
    for (rule, geometric) in means.rule.iter().zip(&means.geometric) {
        assert_one(*rule, *geometric);
    }
}

#[test]
fn a_mask_recorded_twice_is_one() {
    // Two layers of one name and shape share their draws.
    let model = Sequential::<f64>::new().then(dropout(0.5)).then(dropout(0.5)).linear(3, 2);
    let mut all = SubNetworks::new(&model, [3]).unwrap();
    assert_eq!(all.count(), 8);
    let mut total = 0.0;
    all.for_each(&[1.0; 3], &initialise(&model, 1), |probability, _, _| total += probability).unwrap();
    assert_close(total, 1.0, 1e-15);
}

#[test]
fn what_cannot_be_enumerated_is_refused() {
    let refusal = |model: Sequential<f64>, example: &[usize]| {
        SubNetworks::new(&model, Shape::new(example)).err().unwrap().to_string()
    };
    let start = "the subnetworks cannot be enumerated: ";
    let wide = Sequential::new().then(dropout(0.5)).linear(30, 2);
    assert_eq!(refusal(wide, &[30]), format!("{start}there are 2^30 of them"));
    let noisy = Sequential::new().then(GaussianDropout::new(0.5).unwrap()).linear(3, 2);
    assert_eq!(refusal(noisy, &[3]), format!("{start}the normal draw `gaussian_dropout.noise` is no mask"));
    let twice = Sequential::new().then(dropout(0.5)).then(dropout(0.4)).linear(3, 2);
    assert_eq!(refusal(twice, &[3]), format!("{start}two different masks draw from `dropout.mask`"));
    let image = Sequential::new().then(dropout(0.5));
    assert_eq!(
        refusal(image, &[2, 2]),
        format!("{start}the model's result is [1, 2, 2], and not [n, classes]")
    );
}

#[test]
fn examples_are_of_the_models_shape() {
    let model = regression(dropout(0.5));
    let mut networks = SubNetworks::new(&model, [7]).unwrap();
    let error = networks.means(&[1.0, 2.0], &initialise(&model, 1)).unwrap_err().to_string();
    assert_eq!(error, "the numbers of an example have shape [2], not [7]");
}

#[test]
fn a_divergence_is_zero_for_equals_only() {
    assert_eq!(divergence(&[0.5, 0.5, 0.0], &[0.5, 0.5, 0.0]), 0.0);
    assert_close(divergence(&[1.0, 0.0], &[0.5, 0.5]), 2f64.ln(), 1e-16);
}

/// That they are the same: to 1e-12, and relatively, as probabilities may be small.
#[track_caller]
fn assert_one(rule: f64, geometric: f64) {
    assert!((rule - geometric).abs() < 1e-12, "{rule} and {geometric}");
    assert!((rule / geometric - 1.0).abs() < 1e-10, "{rule} and {geometric}");
}
