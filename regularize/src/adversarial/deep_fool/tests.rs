use super::*;
use crate::adversarial::AttackEvaluator;
use crate::testing::{assert_close, numbers};
use nn::data::Dataset;
use nn::{Activation, Sequential, initialise};

/// An affine network of three classes on four inputs, and examples labelled as it predicts.
fn affine() -> (Sequential<f64>, autograd::Parameters<f64>, Dataset<f64>) {
    let model = Sequential::<f64>::new().linear(4, 3);
    let mut parameters = initialise(&model, 1);
    parameters.insert("linear1.weight", numbers([4, 3], -1.0, 1.0, 8));
    parameters.insert("linear1.bias", numbers([3], -0.5, 0.5, 9));
    let x = numbers([6, 4], -1.0, 1.0, 1);
    let labels = classes_of(&Victim::new(&model, &parameters).logits(&x).unwrap());
    (model, parameters, Dataset::new(x, Tensor::new([6], labels), 3).unwrap())
}

use autograd::Tensor;

/// The distance to the nearest boundary of an affine network, `min |z_k - z_p| / ‖w_k - w_p‖` in the dual norm.
fn distances(norm: Norm) -> Vec<f64> {
    let (model, parameters, data) = affine();
    let logits = Victim::new(&model, &parameters).logits(data.examples()).unwrap();
    let w = parameters["linear1.weight"].data();
    let of = |(z, p): (&[f64], &u32)| {
        let p = *p as usize;
        let others = (0..3).filter(|k| *k != p).map(|k| {
            let w: Vec<f64> = (0..4).map(|i| w[3 * i + k] - w[3 * i + p]).collect();
            (z[p] - z[k]) / norm.dual().of(&w)
        });
        others.fold(f64::INFINITY, f64::min)
    };
    logits.data().chunks(3).zip(data.labels().data()).map(of).collect()
}

#[test]
fn on_an_affine_network_one_step_lands_on_the_nearest_boundary() {
    let (model, parameters, data) = affine();
    for norm in [Norm::Two, Norm::Infinity] {
        let threat = Threat::new(norm, 100.0).unwrap();
        let attack = DeepFool::new(threat, 1).unwrap().overshoot(0.0).unwrap();
        let found = AttackEvaluator::new(&model, attack, 6).attack(&data, &parameters).unwrap();
        let logits = Victim::new(&model, &parameters).logits(&found.raw).unwrap();
        for (example, distance) in distances(norm).into_iter().enumerate() {
            assert_close(found.norms[example], distance, 1e-13);
            // On the boundary: the two largest logits are equal.
            let mut z = logits.data()[3 * example..3 * example + 3].to_vec();
            z.sort_by(|a, b| b.total_cmp(a));
            assert_close(z[0] - z[1], 0.0, 1e-13);
        }
        // With an overshoot, beyond it by that share, after the same single step.
        let attack = DeepFool::new(threat, 1).unwrap();
        let found = AttackEvaluator::new(&model, attack, 6).attack(&data, &parameters).unwrap();
        assert!(found.success.iter().all(|success| *success));
        for (example, distance) in distances(norm).into_iter().enumerate() {
            assert_close(found.norms[example], 1.02 * distance, 1e-13);
        }
        assert_eq!(found.robustness.queries, 6);
    }
}

/// Shortened to a budget, those nearer than it are broken and no others.
#[test]
fn budgets_judge_what_was_found() {
    let (model, parameters, data) = affine();
    let attack = DeepFool::new(Threat::two(1.0).unwrap(), 5).unwrap();
    let mut evaluator = AttackEvaluator::new(&model, attack, 4);
    let epsilons = [0.0, 0.05, 0.2, 0.5, 5.0];
    for found in evaluator.curve(&data, &parameters, &epsilons).unwrap() {
        let near = distances(Norm::Two).iter().filter(|d| 1.02 * **d <= found.epsilon).count();
        let reachable = distances(Norm::Two).iter().filter(|d| **d < found.epsilon).count();
        let wrong = (found.error * 6.0).round() as usize;
        assert!(near <= wrong && wrong <= reachable, "{}: {near} {wrong} {reachable}", found.epsilon);
    }
}

#[test]
fn it_breaks_a_curved_network_with_less_than_a_fast_gradient_needs() {
    let model = Sequential::<f64>::mlp(&[6, 16, 4], Activation::Tanh);
    let parameters = initialise(&model, 3);
    let x = numbers([10, 6], 0.0, 1.0, 1);
    let labels = classes_of(&Victim::new(&model, &parameters).logits(&x).unwrap());
    let data = Dataset::new(x, Tensor::new([10], labels), 4).unwrap();
    let attack = DeepFool::new(Threat::two(100.0).unwrap(), 50).unwrap();
    let found = AttackEvaluator::new(&model, attack, 10).attack(&data, &parameters).unwrap();
    assert_eq!(found.robustness.error, 1.0);
    let fast = crate::FastGradient::of(Threat::two(found.robustness.mean_norm).unwrap());
    let fast = AttackEvaluator::new(&model, fast, 10).attack(&data, &parameters).unwrap();
    assert!(fast.robustness.error < 1.0);
}

#[test]
fn numbers_are_checked() {
    assert!(DeepFool::new(Threat::two(1.0).unwrap(), 0).is_err());
    let error = DeepFool::new(Threat::one(1.0).unwrap(), 5).unwrap_err().to_string();
    assert_eq!(error, "DeepFool needs the Euclidean or the infinity norm");
    for bad in [f64::NAN, -0.1, f64::INFINITY] {
        assert!(DeepFool::new(Threat::two(1.0).unwrap(), 5).unwrap().overshoot(bad).is_err());
    }
}

/// A function of one number as two logits `[0, m(x)]`, piecewise linear with these slopes from these places on.
fn piecewise(start: f64, bends: &[(f64, f64)]) -> (Sequential<f64>, autograd::Parameters<f64>) {
    let k = bends.len();
    let model = Sequential::<f64>::mlp(&[1, k, 2], Activation::Relu);
    let mut parameters = initialise(&model, 1);
    let mut slope = 0.0;
    let steps = bends.iter().flat_map(|(_, to)| [0.0, to - std::mem::replace(&mut slope, *to)]).collect();
    parameters.insert("linear1.weight", Tensor::full([1, k], 1.0));
    parameters.insert("linear1.bias", Tensor::new([k], bends.iter().map(|(at, _)| -at).collect()));
    parameters.insert("linear2.weight", Tensor::new([k, 2], steps));
    parameters.insert("linear2.bias", Tensor::new([2], vec![0.0, start]));
    (model, parameters)
}

/// What the wall cuts off was not gone: the way back starts at the wall.
#[test]
fn the_way_back_starts_at_the_wall() {
    // At 0.9 the slope leads out of the box; at the wall it leads back, to below 0.72 where the class is another.
    let (model, parameters) = piecewise(1.0, &[(0.7, -40.0), (0.75, 0.0), (0.88, 2.0), (0.95, -3.5)]);
    let data = Dataset::new(Tensor::new([1, 1], vec![0.9]), Tensor::full([1], 0), 2).unwrap();
    for norm in [Norm::Two, Norm::Infinity] {
        let threat = Threat::new(norm, 1.0).unwrap().within(0.0, 1.0).unwrap();
        let attack = DeepFool::new(threat, 2).unwrap();
        let found = AttackEvaluator::new(&model, attack, 1).attack(&data, &parameters).unwrap();
        // m(0.9) = -0.96 and m(1) = -1.035: back by 1.02 (1.035/3.5 - 0.1/1.02) from 0.9.
        let expected = 0.9 - 1.02 * (1.035 / 3.5 - 0.1 / 1.02);
        assert_close(found.raw.data()[0], expected, 1e-12);
        assert!(found.success[0]);
    }
}

/// Entries that the wall holds go nowhere: the others have the whole way to go, and one step is enough.
#[test]
fn entries_at_a_wall_leave_the_way_to_the_others() {
    let model = Sequential::<f64>::new().linear(2, 2);
    let mut parameters = initialise(&model, 1);
    parameters.insert("linear1.weight", Tensor::new([2, 2], vec![0.0, 3.0, 0.0, 1.0]));
    parameters.insert("linear1.bias", Tensor::new([2], vec![0.0, -3.8]));
    let data = Dataset::new(Tensor::new([1, 2], vec![1.0, 0.5]), Tensor::full([1], 0), 2).unwrap();
    for norm in [Norm::Two, Norm::Infinity] {
        let threat = Threat::new(norm, 1.0).unwrap().within(0.0, 1.0).unwrap();
        let found = AttackEvaluator::new(&model, DeepFool::new(threat, 1).unwrap(), 1)
            .attack(&data, &parameters)
            .unwrap();
        assert!(found.success[0], "{norm}");
        assert_close(found.raw.data()[0], 1.0, 1e-15);
        assert_close(found.raw.data()[1], 0.5 + 1.02 * 0.3, 1e-14);
    }
}
