use super::*;
use crate::adversarial::{AttackEvaluator, DeepFool};
use crate::testing::{assert_close, numbers};
use nn::data::Dataset;
use nn::{Sequential, initialise};

/// Two classes split by a hyperplane through the unit box: the smallest perturbation is known.
fn affine() -> (Sequential<f64>, autograd::Parameters<f64>, Dataset<f64>) {
    let model = Sequential::<f64>::new().linear(3, 2);
    let mut parameters = initialise(&model, 1);
    parameters.insert("linear1.weight", Tensor::new([3, 2], vec![0.0, 2.0, 0.0, -1.0, 0.0, 2.0]));
    parameters.insert("linear1.bias", Tensor::new([2], vec![0.0, -1.5]));
    let x = numbers([4, 3], 0.3, 0.7, 2);
    let labels = super::super::evaluator::classes_of(&Victim::new(&model, &parameters).logits(&x).unwrap());
    (model, parameters, Dataset::new(x, Tensor::new([4], labels), 2).unwrap())
}

fn threat() -> Threat {
    Threat::two(2.0).unwrap().within(0.0, 1.0).unwrap()
}

#[test]
fn on_an_affine_network_it_finds_the_distance_to_the_boundary() {
    let (model, parameters, data) = affine();
    let attack = CarliniWagner::new(threat(), 8, 300).unwrap().rate(0.02).unwrap();
    let found = AttackEvaluator::new(&model, attack, 4).attack(&data, &parameters).unwrap();
    assert_eq!(found.success, [true; 4]);
    for (example, x) in data.examples().data().chunks(3).enumerate() {
        let distance = (2.0 * x[0] - x[1] + 2.0 * x[2] - 1.5).abs() / 3.0;
        // The nearest of some hundred iterates on the far side.
        assert!(found.norms[example] >= distance - 1e-12);
        assert_close(found.norms[example], distance, 5e-3);
    }
}

/// A larger confidence goes further, and as far as it says.
#[test]
fn confidence_is_a_margin() {
    let (model, parameters, data) = affine();
    let attack = CarliniWagner::new(threat(), 6, 200).unwrap().confidence(0.3).unwrap();
    let found = AttackEvaluator::new(&model, attack, 4).attack(&data, &parameters).unwrap();
    for row in Victim::new(&model, &parameters).logits(&found.raw).unwrap().data().chunks(2) {
        assert!((row[0] - row[1]).abs() >= 0.3);
    }
}

#[test]
fn it_is_about_as_near_as_deep_fool_on_a_curved_network() {
    let model = Sequential::<f64>::mlp(&[5, 16, 4], nn::Activation::Tanh);
    let parameters = initialise(&model, 2);
    let x = numbers([6, 5], 0.2, 0.8, 1);
    let labels = super::super::evaluator::classes_of(&Victim::new(&model, &parameters).logits(&x).unwrap());
    let data = Dataset::new(x, Tensor::new([6], labels), 4).unwrap();
    let norms = |attack: Box<dyn Attack<f64>>| {
        let found = AttackEvaluator::new(&model, attack, 6).attack(&data, &parameters).unwrap();
        (found.success, found.norms)
    };
    let (broken, near) = norms(Box::new(CarliniWagner::new(threat(), 8, 200).unwrap()));
    let (fooled, deep) = norms(Box::new(DeepFool::new(threat(), 50).unwrap()));
    for example in (0..6).filter(|&i| fooled[i]) {
        assert!(broken[example]);
        assert!(near[example] <= 1.05 * deep[example], "{} and {}", near[example], deep[example]);
    }
}

#[test]
fn the_change_of_variables_is_its_own_inverse() {
    let attack = CarliniWagner::new(Threat::two(1.0).unwrap().within(-2.0, 3.0).unwrap(), 1, 1).unwrap();
    for x in [-2.0, -1.0, 0.5, 2.9, 3.0] {
        assert_close(attack.outward(attack.inward(x)).0, x, 3e-6);
    }
    let (w, h) = (0.3, 1e-6);
    let slope = (attack.outward(w + h).0 - attack.outward(w - h).0) / (2.0 * h);
    assert_close(attack.outward(w).1, slope, 1e-9);
}

#[test]
fn numbers_are_checked() {
    let error = CarliniWagner::new(Threat::two(1.0).unwrap(), 5, 5).unwrap_err().to_string();
    assert_eq!(error, "the attack of Carlini and Wagner needs a box and the Euclidean norm");
    assert!(CarliniWagner::new(threat(), 0, 5).is_err() && CarliniWagner::new(threat(), 5, 0).is_err());
    let attack = CarliniWagner::new(threat(), 1, 1).unwrap();
    for bad in [-1.0, f64::NAN, f64::INFINITY] {
        assert!(attack.rate(bad).is_err() && attack.confidence(bad).is_err());
    }
}

/// The weight grows tenfold until it is enough, and is then sought between the largest that failed and the smallest
/// that was enough.
#[test]
fn the_weight_is_sought_between_failure_and_success() {
    let first = Search { weight: 1.0, failed: 0.0, succeeded: f64::INFINITY, success: false };
    let after = |search: Search, success| Search { success, ..search }.next();
    let weights = [false, true, false, false, true].iter().scan(first, |search, &success| {
        *search = after(*search, success);
        Some(search.weight)
    });
    // 1 and 5.5 and 7.75 fail, 10 and 8.875 are enough.
    assert_eq!(weights.collect::<Vec<_>>(), [10.0, 5.5, 7.75, 8.875, 8.3125]);
}
