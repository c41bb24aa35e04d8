use super::*;
use crate::adversarial::{AttackEvaluator, Pgd};
use crate::testing::numbers;
use autograd::{Graph, Tensor, Var, interpret};
use nn::data::Dataset;
use nn::{Activation, Flatten, Layer, Mode, Sequential, initialise};

fn threat(epsilon: f64) -> Threat {
    Threat::infinity(epsilon).unwrap().within(0.0, 1.0).unwrap()
}

#[test]
fn shares_fall_as_queries_are_used_up() {
    let attack = Square::new(threat(0.1), 10_000).unwrap();
    let shares: Vec<f64> = [0, 11, 51, 201, 8001].map(|step| attack.share_at(step)).to_vec();
    assert_eq!(shares, [0.8, 0.4, 0.2, 0.1, 0.8 / 512.0]);
    // After the tenth, not at it.
    assert_eq!([9, 10, 50, 8000].map(|step| attack.share_at(step)), [0.8, 0.8, 0.4, 0.8 / 256.0]);
    assert!(Square::new(threat(0.1), 0).is_err());
    let error = Square::new(Threat::one(0.1).unwrap(), 9).unwrap_err().to_string();
    assert_eq!(error, "Square needs the Euclidean or the infinity norm");
    for bad in [0.0, 1.1, f64::NAN] {
        assert!(attack.first_share(bad).is_err());
    }
}

/// Images of two channels, stripes and squares: every entry is `x`, or `x ± ε` clipped to the box.
#[test]
fn every_entry_moves_by_the_whole_budget_or_not_at_all() {
    let model =
        Sequential::<f64>::new().then(Flatten).linear(2 * 4 * 5, 8).then(Activation::Tanh).linear(8, 3);
    let parameters = initialise(&model, 1);
    let labels = Tensor::from_fn([6], |i| (i % 3) as u32);
    let data = Dataset::new(numbers([6, 2, 4, 5], 0.0, 1.0, 1), labels, 3).unwrap();
    let attack = Square::new(threat(0.125), 80).unwrap();
    let found = AttackEvaluator::new(&model, attack, 6).attack(&data, &parameters).unwrap();
    for (moved, x) in found.raw.data().iter().zip(data.examples().data()) {
        let allowed = [*x, (x + 0.125).min(1.0), (x - 0.125).max(0.0)];
        assert!(allowed.iter().any(|a| (a - moved).abs() < 1e-15), "{x} to {moved}");
    }
    assert!(found.robustness.error >= found.robustness.clean_error);
    assert_eq!(found.robustness.zero_gradients, 0);
}

/// On a linear network in the Euclidean norm, without a box: the whole budget is spent, and most of the best
/// direction is found by trial alone.
#[test]
fn the_euclidean_form_climbs_a_linear_network_within_its_budget() {
    let model = Sequential::<f64>::new().then(Flatten).linear(2 * 4 * 5, 3);
    let parameters = initialise(&model, 1);
    let labels = Tensor::from_fn([6], |i| (i % 3) as u32);
    let data = Dataset::new(numbers([6, 2, 4, 5], 0.0, 1.0, 1), labels, 3).unwrap();
    let margin = |queries, epsilon| {
        let attack = Square::new(Threat::two(epsilon).unwrap(), queries).unwrap();
        let found = AttackEvaluator::new(&model, attack, 6).attack(&data, &parameters).unwrap();
        for (norm, success) in found.norms.iter().zip(&found.success) {
            assert!(*norm <= epsilon * (1.0 + 1e-13));
            assert!(*success || *norm >= epsilon * (1.0 - 1e-13) || *norm == 0.0);
        }
        found.robustness.error
    };
    assert!(margin(1, 0.1) <= margin(300, 0.1));
    assert_eq!(margin(300, 4.0), 1.0);
}

/// The network seen through rounded inputs: no gradient, but as easy to break.
#[derive(Debug)]
struct Rounded(Sequential<f64>);

impl Layer<f64> for Rounded {
    fn forward<'g>(&self, x: Var<'g, f64>, mode: Mode) -> Var<'g, f64> {
        // Two levels, with derivative 0.
        self.0.forward(x.greater(0.5) + x * 0.0, mode)
    }
    fn parameters(&self) -> Vec<nn::ParameterSpec> {
        self.0.parameters()
    }
    fn output_shape(&self, input: Shape) -> Result<Shape, nn::LayerShapeError> {
        self.0.output_shape(input)
    }
}

#[test]
fn masked_gradients_do_not_hinder_it() {
    let model = Rounded(Sequential::mlp(&[8, 16, 3], Activation::Tanh));
    let parameters = initialise(&model.0, 1);
    let x = numbers([12, 8], 0.3, 0.7, 1);
    let graph = Graph::new();
    let logits = model.forward(graph.constant(x.clone()), Mode::Evaluate);
    let logits = interpret(&[logits], &[], Some(&parameters)).unwrap().remove(0);
    let labels = super::super::evaluator::classes_of(&logits);
    let data = Dataset::new(x, Tensor::new([12], labels), 3).unwrap();
    let robustness = |attack: Box<dyn Attack<f64>>| {
        AttackEvaluator::new(&model, attack, 12).attack(&data, &parameters).unwrap().robustness
    };
    let white = robustness(Box::new(Pgd::new(threat(0.25), 20).unwrap()));
    let black = robustness(Box::new(Square::new(threat(0.25), 200).unwrap()));
    assert_eq!((white.error, white.zero_gradients), (0.0, 12));
    assert!(black.error >= 0.5, "{}", black.error);
}
