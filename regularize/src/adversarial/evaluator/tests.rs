use super::*;
use crate::adversarial::{FastGradient, Norm};
use crate::dropout::Dropout;
use crate::testing::{assert_close, numbers};
use autograd::{Graph, Shape, Var, interpret};
use nn::{Activation, Linear, Sequential, initialise};

/// Seven examples of four numbers in [0, 1) in three classes.
fn data() -> Dataset<f64> {
    let labels = Tensor::from_fn([7], |i| (i % 3) as u32);
    Dataset::new(numbers([7, 4], 0.0, 1.0, 5), labels, 3).unwrap()
}

fn mlp() -> Sequential<f64> {
    Sequential::mlp(&[4, 6, 3], Activation::Tanh)
}

fn fgsm_in_box(epsilon: f64) -> FastGradient {
    FastGradient::new(epsilon).unwrap().within(0.0, 1.0).unwrap()
}

/// The logits of some examples, by a run of their own.
fn logits(model: &dyn Layer<f64>, parameters: &Parameters<f64>, examples: &Tensor<f64>) -> Tensor<f64> {
    let graph = Graph::new();
    let logits = model.forward(graph.constant(examples.clone()), Mode::Evaluate);
    interpret(&[logits], &[], Some(parameters)).unwrap().remove(0)
}

fn largest(row: &[f64]) -> usize {
    (0..row.len()).fold(0, |best, k| if row[k] > row[best] { k } else { best })
}

#[test]
fn what_it_reports_is_what_a_second_look_finds() {
    let (model, data) = (mlp(), data());
    let parameters = initialise(&model, 1);
    for norm in [Norm::Infinity, Norm::Two, Norm::One] {
        let attack = fgsm_in_box(0.3).in_norm(norm);
        // Batches of 3, 3 and 1.
        let found = AttackEvaluator::new(&model, attack, 3).attack(&data, &parameters).unwrap();
        let (mut wrong, mut sure, mut loss, mut clean) = (0, 0.0, 0.0, 0);
        let (after, before) =
            (logits(&model, &parameters, &found.clipped), logits(&model, &parameters, data.examples()));
        for i in 0..7 {
            let (row, label) = (&after.data()[3 * i..3 * i + 3], data.labels().data()[i] as usize);
            let predicted = largest(row);
            assert_eq!(found.predicted.data()[i] as usize, predicted);
            assert_eq!(found.success[i], predicted != label);
            let sum: f64 = row.iter().map(|z| z.exp()).sum();
            loss -= (row[label].exp() / sum).ln() / 7.0;
            clean += usize::from(largest(&before.data()[3 * i..3 * i + 3]) != label);
            if predicted != label {
                wrong += 1;
                sure += row[predicted].exp() / sum;
            }
            let (raw, x) = (&found.raw.data()[4 * i..4 * i + 4], data.example(i));
            let moved: Vec<f64> = raw.iter().zip(x).map(|(r, x)| r - x).collect();
            // Adding the step to x and taking x away again rounds twice, for each of four numbers below 2.
            assert_close(norm.of(&moved), 0.3, 2e-15);
        }
        let clipped: Vec<f64> = found.raw.data().iter().map(|r| r.clamp(0.0, 1.0)).collect();
        assert_eq!(found.clipped.data(), clipped);
        let r = found.robustness;
        assert_eq!((r.error, r.clean_error), (wrong as f64 / 7.0, clean as f64 / 7.0));
        assert_close(r.loss, loss, 1e-14);
        assert_close(r.confidence_when_wrong.unwrap(), sure / wrong as f64, 1e-14);
        assert_eq!((r.zero_gradients, r.non_finite_gradients, r.examples, r.epsilon), (0, 0, 7, 0.3));
    }
}

#[test]
fn no_budget_leaves_every_example_as_it_is() {
    let (model, data) = (mlp(), data());
    let parameters = initialise(&model, 1);
    let before = parameters.clone();
    for norm in [Norm::Infinity, Norm::Two, Norm::One] {
        let attack = fgsm_in_box(0.0).in_norm(norm);
        let found = AttackEvaluator::new(&model, attack, 3).attack(&data, &parameters).unwrap();
        assert_eq!(found.raw, *data.examples());
        assert_eq!(found.clipped, *data.examples());
        assert_eq!(found.robustness.error, found.robustness.clean_error);
    }
    assert_eq!(parameters, before);
}

/// The result does not depend on how examples fall into batches: each has its own gradient.
#[test]
fn a_batch_of_one_is_a_row_of_a_batch() {
    let (model, data) = (mlp(), data());
    let parameters = initialise(&model, 2);
    for norm in [Norm::Infinity, Norm::Two, Norm::One] {
        let attacked = |batch| {
            let attack = fgsm_in_box(0.2).in_norm(norm);
            AttackEvaluator::new(&model, attack, batch).attack(&data, &parameters).unwrap()
        };
        let (ones, all) = (attacked(1), attacked(7));
        assert_eq!(ones.success, all.success);
        let pairs = ones.clipped.data().iter().zip(all.clipped.data());
        // Products of other sizes may add in another order.
        pairs.for_each(|(a, b)| assert_close(*a, *b, 1e-14));
    }
}

#[test]
fn examples_without_a_usable_gradient_are_counted_and_left_alone() {
    /// Gradient 0 in example 0, infinite in example 1.
    #[derive(Debug)]
    struct Masked(Linear);
    impl Layer<f64> for Masked {
        fn forward<'g>(&self, x: Var<'g, f64>, mode: Mode) -> Var<'g, f64> {
            let graph = x.graph();
            let (zero, one) = ([0.0, 1.0, 1.0, 1.0], [1.0, 0.0, 1.0, 1.0]);
            let column = |values: [f64; 4]| graph.constant(Tensor::new([4, 1], values.to_vec()));
            // √(x - x) = √0 in example 1, √1 elsewhere: the value is fine, its derivative is infinite.
            let root = (x - x.detach() + column(one)).sqrt() - column(one);
            self.0.forward(x * column(zero) + root * column(zero), mode)
        }
        fn parameters(&self) -> Vec<nn::ParameterSpec> {
            Layer::<f64>::parameters(&self.0)
        }
        fn output_shape(&self, input: Shape) -> Result<Shape, nn::LayerShapeError> {
            Layer::<f64>::output_shape(&self.0, input)
        }
    }
    let model = Masked(Linear::new("l", 4, 3));
    let data = data().subset(&[0, 1, 2, 3]).unwrap();
    let parameters = initialise(&model, 1);
    for norm in [Norm::Infinity, Norm::Two, Norm::One] {
        let attack = fgsm_in_box(0.25).in_norm(norm);
        let found = AttackEvaluator::new(&model, attack, 4).attack(&data, &parameters).unwrap();
        assert_eq!((found.robustness.zero_gradients, found.robustness.non_finite_gradients), (1, 1));
        for i in 0..4 {
            let moved = found.raw.data()[4 * i..4 * i + 4] != *data.example(i);
            assert_eq!(moved, i >= 2, "{norm:?}, example {i}");
        }
        assert!(found.robustness.loss.is_finite());
    }
}

/// In [`Mode::Evaluate`] dropout is off, and two attacks are the same; in [`Mode::Sample`] the seed decides.
#[test]
fn the_mode_of_the_network_is_chosen() {
    let half = Dropout::new(0.5).unwrap();
    let model = Sequential::<f64>::new().then(half).linear(4, 3);
    let (data, parameters) = (data(), initialise(&model, 1));
    let raw = |mode, seed| {
        let evaluator = AttackEvaluator::new(&model, fgsm_in_box(0.1), 7);
        evaluator.in_mode(mode, seed).attack(&data, &parameters).unwrap().raw
    };
    let unmoved =
        |raw: &Tensor<f64>| raw.data().iter().zip(data.examples().data()).filter(|(r, x)| r == x).count();
    let evaluated = raw(Mode::Evaluate, 1);
    assert_eq!(unmoved(&evaluated), 0);
    assert_eq!(evaluated, raw(Mode::Evaluate, 2));
    // Of 28 inputs about half are dropped, and have no gradient.
    assert!((4..24).contains(&unmoved(&raw(Mode::Sample, 1))));
    assert_ne!(raw(Mode::Sample, 1), raw(Mode::Sample, 2));
}

#[test]
fn a_curve_is_one_attack_after_the_other() {
    let (model, data) = (mlp(), data());
    let parameters = initialise(&model, 1);
    let epsilons = [0.0, 0.1, 0.5];
    let mut evaluator = AttackEvaluator::new(&model, fgsm_in_box(0.1), 4);
    let curve = evaluator.curve(&data, &parameters, &epsilons).unwrap();
    for (found, epsilon) in curve.iter().zip(epsilons) {
        let one = AttackEvaluator::new(&model, fgsm_in_box(epsilon), 4).attack(&data, &parameters);
        assert_eq!(*found, one.unwrap().robustness);
    }
    assert!(curve[1].loss > curve[0].loss);
    assert!(matches!(
        evaluator.curve(&data, &parameters, &[0.1, -0.1]),
        Err(RegularizeError::Hyperparameter(_))
    ));
}

#[test]
fn what_does_not_fit_is_an_error() {
    let (model, data) = (Sequential::<f64>::mlp(&[5, 3], Activation::Relu), data());
    let parameters = initialise(&model, 1);
    let error = AttackEvaluator::new(&model, fgsm_in_box(0.1), 4).attack(&data, &parameters).unwrap_err();
    assert!(matches!(error, RegularizeError::Train(_)), "{error}");
    let model = mlp();
    let error = AttackEvaluator::new(&model, fgsm_in_box(0.1), 0).attack(&data, &parameters).unwrap_err();
    assert!(matches!(error, RegularizeError::Train(_)), "{error}");
    let error = AttackEvaluator::new(&model, fgsm_in_box(0.1), 4).attack(&data, &Parameters::new());
    assert!(matches!(error.unwrap_err(), RegularizeError::Train(_)));
    let parameters = initialise(&model, 1);
    for bad in [-0.1, f64::NAN, f64::INFINITY] {
        let error = AttackEvaluator::new(&model, fgsm_in_box(0.1), 4).curve(&data, &parameters, &[0.1, bad]);
        assert!(matches!(error.unwrap_err(), RegularizeError::Hyperparameter(_)));
    }
}
