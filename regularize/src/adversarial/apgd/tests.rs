use super::*;
use crate::adversarial::{AttackEvaluator, Norm, Pgd};
use crate::testing::{assert_close, numbers};
use nn::data::Dataset;
use nn::{Activation, Sequential, initialise};

#[test]
fn checkpoints_are_those_of_the_paper() {
    let attack = Apgd::new(Threat::infinity(0.1).unwrap(), 100).unwrap();
    // 0.22, 0.41, 0.57, 0.70, 0.80, 0.87, then steps of 0.06.
    assert_eq!(attack.checkpoints(), [22, 41, 57, 70, 80, 87, 93, 99]);
    assert!(Apgd::new(Threat::infinity(0.1).unwrap(), 0).is_err());
    assert!(Apgd::new(Threat::new(Norm::p(3.0).unwrap(), 0.1).unwrap(), 10).is_err());
}

/// On a linear margin of two classes the best point of a ball is known, and found to the precision that
/// halved steps leave; no step size was given.
#[test]
fn it_finds_the_best_point_of_a_linear_network_without_a_step_size() {
    let model = Sequential::<f64>::new().linear(4, 2);
    let mut parameters = initialise(&model, 1);
    let w = [0.5, -1.0, 2.0, 0.25];
    let columns: Vec<f64> = w.iter().flat_map(|w| [0.0, *w]).collect();
    parameters.insert("linear1.weight", Tensor::new([4, 2], columns));
    let data = Dataset::new(numbers([3, 4], 0.0, 1.0, 1), Tensor::full([3], 0), 2).unwrap();
    for norm in [Norm::Infinity, Norm::Two] {
        let attack = Apgd::new(Threat::new(norm, 0.3).unwrap(), 60).unwrap().on(AttackLoss::Margin);
        let found = AttackEvaluator::new(&model, attack, 3).attack(&data, &parameters).unwrap();
        for (moved, x) in found.raw.data().chunks(4).zip(data.examples().data().chunks(4)) {
            let gain: f64 = moved.iter().zip(x).zip(w).map(|((m, x), w)| (m - x) * w).sum();
            assert_close(gain, 0.3 * norm.dual().of(&w), 1e-9);
        }
    }
}

/// On a curved network with a budget in between it is no weaker than PGD with the usual steps.
#[test]
fn it_is_no_weaker_than_pgd_with_a_guessed_step() {
    let model = Sequential::<f64>::mlp(&[6, 24, 4], Activation::Relu);
    let parameters = initialise(&model, 3);
    let labels = Tensor::from_fn([30], |i| (i % 4) as u32);
    let data = Dataset::new(numbers([30, 6], 0.0, 1.0, 1), labels, 4).unwrap();
    let threat = Threat::infinity(0.2).unwrap().within(0.0, 1.0).unwrap();
    let loss = |attack: Box<dyn Attack<f64>>| {
        AttackEvaluator::new(&model, attack, 30).attack(&data, &parameters).unwrap().robustness.loss
    };
    let (adaptive, fixed) =
        (loss(Box::new(Apgd::new(threat, 40).unwrap())), loss(Box::new(Pgd::new(threat, 40).unwrap())));
    assert!(adaptive >= fixed - 1e-3, "{adaptive} below {fixed}");
}
