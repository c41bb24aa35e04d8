use super::*;
use crate::testing::{assert_close, numbers};
use autograd::{Draw, Interpreter};
use nn::{Activation, Sequential, initialise};

/// A linear network behind random signs: the gradient of one draw points anywhere, the expected one is `w`.
#[derive(Debug)]
struct Noisy;

impl Layer<f64> for Noisy {
    fn forward<'g>(&self, x: Var<'g, f64>, mode: Mode) -> Var<'g, f64> {
        let graph = x.graph();
        let w = graph.constant(Tensor::new([3, 2], vec![1.0, 0.0, -2.0, 0.0, 0.5, 0.0]));
        if !mode.is_stochastic() {
            return x.matmul(w);
        }
        let factor = 1.0 + graph.normal("noise", x.shape()) * 4.0;
        (x * factor).matmul(w)
    }
    fn output_shape(&self, input: Shape) -> Result<Shape, nn::LayerShapeError> {
        Ok(Shape::from([input[0], 2]))
    }
}

fn targets<'b>(x: &'b Tensor<f64>, labels: &'b Tensor<u32>) -> Targets<'b, f64> {
    Targets { x, labels, targets: None, first: 0, seed: 0 }
}

/// Wherever an attack looks, by gradients or by values alone.
#[test]
fn a_loss_that_compares_more_classes_than_there_are_is_refused() {
    use crate::adversarial::{Apgd, AttackEvaluator, Goal, Threat};
    let parameters = Parameters::<f64>::new();
    let model = Sequential::new();
    for (classes, reach, needed) in [(2, None, 3), (3, Some(Tensor::new([1], vec![1])), 4)] {
        let (x, labels) = (numbers([1, classes], 0.0, 1.0, 1), Tensor::new([1], vec![0]));
        let targets = Targets { targets: reach.as_ref(), ..targets(&x, &labels) };
        let mut victim = Victim::new(&model, &parameters);
        let text = format!("the attack's loss compares {needed} classes, there are {classes}");
        let loss = AttackLoss::LogitRatio;
        assert_eq!(victim.slope(loss, &x, &targets).unwrap_err().to_string(), text);
        assert_eq!(victim.losses(loss, &x, &targets).unwrap_err().to_string(), text);
        assert_eq!(victim.estimated_gradient(loss, &targets, 0.1, 1).unwrap_err().to_string(), text);
        let attack = Apgd::new(Threat::infinity(0.1).unwrap(), 5).unwrap().on(loss);
        let goal = if reach.is_some() { Goal::Shift(1) } else { Goal::AnyOther };
        let data = nn::data::Dataset::new(x, labels, classes).unwrap();
        let mut evaluator = AttackEvaluator::new(&model, attack, 1).goal(goal);
        assert_eq!(evaluator.attack(&data, &parameters).unwrap_err().to_string(), text);
    }
}

#[test]
fn an_averaged_gradient_is_the_mean_of_those_of_its_draws() {
    let (x, labels) = (numbers([2, 3], -1.0, 1.0, 1), Tensor::new([2], vec![1, 1]));
    let parameters = Parameters::new();
    let mut victim = Victim::new(&Noisy, &parameters).in_mode(Mode::Sample, 7).averaged_over(4).unwrap();
    let found = victim.slope(AttackLoss::Margin, &x, &targets(&x, &labels)).unwrap();
    assert_eq!(victim.queries(), 8);
    let graph = Graph::new();
    let v = graph.constant(x.clone());
    let class = graph.index_constant(labels.clone());
    let each = AttackLoss::Margin.each(Noisy.forward(v, Mode::Sample), class, None);
    let slope = grad(each.sum(), &[v])[0];
    let mut mean = [0.0; 6];
    for draw in 0..4 {
        let draw = Draw { seed: 7, run: 2 * draw };
        let run = Interpreter { parameters: &parameters, draw }.run(&graph, &[slope.id()], &[]).unwrap();
        mean.iter_mut().zip(run.get(slope).data()).for_each(|(m, g)| *m += g / 4.0);
    }
    found.gradient.data().iter().zip(mean).for_each(|(g, m)| assert_close(*g, m, 1e-14));
}

/// With many draws the gradient is nearly the expected one, `w`; with one it is far from it. The deviation of
/// a mean of 4096 is 4 · 2 / 64 = 0.125 at most: five of these are allowed.
#[test]
fn an_average_over_draws_finds_the_gradient_that_one_draw_hides() {
    let (x, labels) = (numbers([1, 3], -1.0, 1.0, 1), Tensor::new([1], vec![1]));
    let parameters = Parameters::new();
    let error = |draws| {
        let mut victim =
            Victim::new(&Noisy, &parameters).in_mode(Mode::Sample, 1).averaged_over(draws).unwrap();
        let slope = victim.slope(AttackLoss::Margin, &x, &targets(&x, &labels)).unwrap();
        let expected = [1.0, -2.0, 0.5];
        slope.gradient.data().iter().zip(expected).map(|(g, w)| (g - w).abs()).fold(0.0, f64::max)
    };
    assert!(error(4096) < 0.625, "{}", error(4096));
    assert!(error(1) > 1.0, "{}", error(1));
}

#[test]
fn judged_are_other_draws_than_those_an_attack_sees() {
    let x = numbers([2, 3], -1.0, 1.0, 1);
    let parameters = Parameters::new();
    let mut victim = Victim::new(&Noisy, &parameters).in_mode(Mode::Sample, 1);
    assert_eq!(victim.logits(&x).unwrap(), victim.logits(&x).unwrap());
    assert_ne!(victim.logits(&x).unwrap(), victim.verdict(&x).unwrap());
    let mut victim = Victim::new(&Noisy, &parameters);
    assert_eq!(victim.logits(&x).unwrap(), victim.verdict(&x).unwrap());
}

/// Of several draws the mean of probabilities.
#[test]
fn answers_of_several_draws_are_mean_probabilities() {
    let x = numbers([2, 3], -1.0, 1.0, 1);
    let parameters = Parameters::new();
    let mut victim = Victim::new(&Noisy, &parameters).in_mode(Mode::Sample, 1).averaged_over(3).unwrap();
    let logits = victim.logits(&x).unwrap();
    for row in logits.data().chunks(2) {
        assert_close(row.iter().map(|z| z.exp()).sum(), 1.0, 1e-14);
    }
}

#[test]
fn a_jacobian_is_a_gradient_for_each_class() {
    let model = Sequential::<f64>::mlp(&[3, 5, 4], Activation::Tanh);
    let parameters = initialise(&model, 1);
    let x = numbers([2, 3], -1.0, 1.0, 1);
    let mut victim = Victim::new(&model, &parameters);
    let (logits, slopes) = victim.jacobian(&x).unwrap();
    assert_eq!((logits.shape().lengths(), slopes.shape().lengths()), (&[2, 4][..], &[2, 4, 3][..]));
    assert_eq!(logits, victim.logits(&x).unwrap());
    // By differences.
    for entry in 0..6 {
        let moved = |h: f64| {
            let mut moved = x.clone();
            moved.data_mut()[entry] += h;
            Victim::new(&model, &parameters).logits(&moved).unwrap()
        };
        let (up, down) = (moved(1e-5), moved(-1e-5));
        let row = entry / 3;
        for class in 0..4 {
            let slope = (up.data()[4 * row + class] - down.data()[4 * row + class]) / 2e-5;
            // The third derivative times 1e-10, and rounding over 1e-5.
            assert_close(slopes.data()[12 * row + 3 * class + entry % 3], slope, 1e-9);
        }
    }
}

/// On a linear margin with slope `w` each pair of looks gives `(uᵀ w) u`, whatever `σ`; their mean is the estimate.
#[test]
fn an_estimated_gradient_is_the_mean_over_pairs_of_looks() {
    let (x, labels) = (numbers([2, 3], -1.0, 1.0, 1), Tensor::new([2], vec![1, 1]));
    let (parameters, w) = (Parameters::new(), [1.0, -2.0, 0.5]);
    let targets = targets(&x, &labels);
    for (pairs, sigma) in [(1, 0.1), (5, 1e-3)] {
        let mut victim = Victim::new(&Noisy, &parameters);
        let found = victim.estimated_gradient(AttackLoss::Margin, &targets, sigma, pairs).unwrap();
        assert_eq!(victim.queries(), 4 * pairs as u64);
        let mut mean = [0.0; 6];
        for pair in 0..pairs {
            let u = targets.normal(&format!("estimated.{pair}"), 3);
            for (k, mean) in mean.iter_mut().enumerate() {
                let along: f64 = (0..3).map(|i| u[k / 3 * 3 + i] * w[i]).sum();
                *mean += along * u[k] / pairs as f64;
            }
        }
        // Differences of margins below 10, rounded, over 2 σ.
        found.data().iter().zip(mean).for_each(|(g, m)| assert_close(*g, m, 1e-11));
    }
}

#[test]
fn an_average_is_over_something() {
    let parameters = Parameters::<f64>::new();
    let error = Victim::new(&Noisy, &parameters).averaged_over(0).err().expect("no draws").to_string();
    assert_eq!(error, "the number of draws is 0, it must be at least 1");
}

#[test]
fn an_estimate_needs_a_width_and_pairs() {
    let (x, labels) = (numbers([2, 3], -1.0, 1.0, 1), Tensor::new([2], vec![1, 1]));
    let (parameters, targets) = (Parameters::new(), targets(&x, &labels));
    let error = |sigma, pairs| {
        let mut victim = Victim::new(&Noisy, &parameters);
        victim.estimated_gradient(AttackLoss::Margin, &targets, sigma, pairs).unwrap_err().to_string()
    };
    for bad in [0.0, -0.1, f64::NAN, f64::INFINITY] {
        let expected = format!("the width of the directions is {bad}, it must be finite and above 0");
        assert_eq!(error(bad, 1), expected);
    }
    assert_eq!(error(0.1, 0), "the number of pairs is 0, it must be at least 1");
}

#[test]
fn examples_that_the_network_does_not_take_are_an_error() {
    let model = nn::Sequential::<f64>::new().linear(3, 2);
    let parameters = nn::initialise(&model, 1);
    let (x, labels) = (Tensor::<f64>::zeros([2, 4]), Tensor::new([2], vec![0, 1]));
    let mut victim = Victim::new(&model, &parameters);
    let errors = [
        victim.logits(&x).map(drop).unwrap_err(),
        victim.slope(AttackLoss::Margin, &x, &targets(&x, &labels)).map(drop).unwrap_err(),
        victim.jacobian(&x).map(drop).unwrap_err(),
    ];
    for error in errors {
        assert!(error.to_string().starts_with("the model does not take examples of shape [4]"), "{error}");
    }
    // A map is no row of logits.
    let flat = nn::Sequential::<f64>::new().then(nn::Activation::Tanh);
    let error = Victim::new(&flat, &parameters).logits(&Tensor::zeros([2, 2, 2])).unwrap_err();
    assert!(error.to_string().contains("a classifier makes [2, classes]"), "{error}");
}
