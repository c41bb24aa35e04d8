use super::*;
use crate::Dropout;
use crate::testing::{numbers, run, shapes};
use autograd::check::Checker;
use autograd::{Draw, Feed, Graph, Parameters, Shape, Tensor, grad, interpret};
use proptest::prelude::*;

fn dropout(p: f64, temperature: f64) -> (ConcreteDropout, Parameters<f64>) {
    let rate = Hyperparameter::probability("rate", p).unwrap();
    let parameters = [("rate", rate.initial_value())].into_iter().collect();
    (ConcreteDropout::new(rate, temperature).unwrap(), parameters)
}

/// Holds derivatives to differences, which must see such a share of them.
fn check_derivatives(shape: Shape, p: f64, t: f64, seed: u64, seen: f64) {
    let (layer, parameters) = dropout(p, t);
    let graph = Graph::new();
    let (x, u) = (graph.input("x", shape), graph.input("u", shape));
    let output = layer.apply(x, layer.mask(u)).powi(2).sum() + layer.rate().value(&graph);
    let values = [numbers(shape, -1.0, 1.0, seed), numbers(shape, 0.05, 0.95, seed ^ 1)];
    let feeds = [("x", Feed::from(&values[0])), ("u", Feed::from(&values[1]))];
    let (raw, checker) = (layer.rate().raw(&graph), Checker::new("concrete").entries().threshold(seen));
    checker.graph(output, &[x, raw], &feeds, Some(&parameters)).unwrap().assert();
}

/// Every one of them; and a single value with a slope of 1e-4, which was drawn once.
#[test]
fn derivatives_are_right_for_all_of_some_values() {
    for seed in 0..5 {
        check_derivatives([3, 2].into(), 0.4, 0.8, seed, 1.0);
    }
    check_derivatives(Shape::SCALAR, 0.1, 0.3, 116700756076950860, 0.5);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(30) })]

    /// Written as the paper has it: `z = σ((ln p - ln(1-p) + ln u' - ln(1-u'))/t)` is dropped, `u' = 1 - u`.
    #[test]
    fn the_value_is_the_papers(shape in shapes(), p in 0.05..0.95, t in 0.05..2.0, seed: u64) {
        let (x, u) = (numbers(shape, -2.0, 2.0, seed), numbers(shape, 0.01, 0.99, seed ^ 5));
        let (layer, parameters) = dropout(p, t);
        let graph = Graph::new();
        let output = layer.apply(graph.constant(x.clone()), layer.mask(graph.constant(u.clone())));
        let found = run(output, &parameters, Draw::default());
        for ((found, x), u) in found.data().iter().zip(x.data()).zip(u.data()) {
            let other = 1.0 - u;
            let logit = p.ln() - (1.0 - p).ln() + other.ln() - (1.0 - other).ln();
            let dropped = 1.0 / (1.0 + (-logit / t).exp());
            let naive = x * (1.0 - dropped) / (1.0 - p);
            // A logit of size 8 over t = 0.05 is rounded to 4e-14, of which the sigmoid passes on a quarter,
            // and 1/(1 - p) is up to 20.
            prop_assert!((found - naive).abs() < 1e-12, "{found} and {naive}");
        }
    }

    /// In the log-odds and in the values, to the second order; the uniform draws are frozen as an input. A value whose
    /// mask is nearly 0 may have a slope too small for differences to see: half of the entries, of which there may be
    /// two, have one that they see.
    #[test]
    fn derivatives_are_right(shape in shapes(), p in 0.1..0.9, t in 0.3..1.5, seed: u64) {
        check_derivatives(shape, p, t, seed, 0.5);
    }

    /// At a low temperature it is dropout with the same draws.
    #[test]
    fn cold_it_is_dropout(p in 0.1..0.9, seed: u64) {
        let (x, u) = (numbers([50], -2.0, 2.0, seed), numbers([50], 0.0, 1.0, seed ^ 5));
        let (layer, parameters) = dropout(p, 1e-9);
        let graph = Graph::new();
        let (x, u) = (graph.constant(x), graph.constant(u));
        let hard = Dropout::new(p).unwrap();
        let found = run(layer.apply(x, layer.mask(u)), &parameters, Draw::default());
        let expected = run(hard.apply(x, hard.mask(u)), &parameters, Draw::default());
        for (a, b) in found.data().iter().zip(expected.data()) {
            // 1/(1 - p) is made in another way.
            prop_assert!((a - b).abs() < 1e-13, "{a} and {b}");
        }
    }
}

/// The oracle for the derivative: the mean loss of one dropped unit, `p f(0) + (1 - p) f(x/(1 - p))`, is a
/// sum of two terms. The mean derivative of the relaxed loss goes to that sum's derivative as `t` goes to 0.
#[test]
fn the_mean_derivative_is_that_of_the_exact_mean_as_it_cools() {
    let (p, x) = (0.3, 0.8);
    let f = |x: f64| (x - 0.5).powi(2);
    let exact = {
        let slope = 2.0 * (x / (1.0 - p) - 0.5);
        // d/dp, then times p (1 - p) for the log-odds.
        (f(0.0) - f(x / (1.0 - p)) + (1.0 - p) * slope * x / (1.0f64 - p).powi(2)) * p * (1.0 - p)
    };
    let points = 20_000;
    let error = |t: f64| {
        let (layer, parameters) = dropout(p, t);
        let graph = Graph::new();
        // All draws at once, by the midpoint rule.
        let u = Tensor::from_fn([points], |i| (i as f64 + 0.5) / points as f64);
        let y = layer.apply(graph.fill([points], x), layer.mask(graph.constant(u)));
        let slope = grad((y - 0.5).powi(2).mean(), &[layer.rate().raw(&graph)])[0];
        (interpret(&[slope], &[], Some(&parameters)).unwrap()[0].item() - exact).abs()
    };
    let errors = [0.4, 0.2, 0.1, 0.05].map(error);
    assert!(errors.windows(2).all(|pair| pair[1] < 0.6 * pair[0]), "{errors:?}");
    assert!(errors[3] < 0.02, "{errors:?}");
}

/// 0 is a draw, and its logarithm infinite: the unit is dropped, and the derivatives are finite.
#[test]
fn a_draw_of_zero_drops() {
    let (layer, parameters) = dropout(0.3, 0.1);
    let graph = Graph::new();
    let x = graph.parameter("x", [1]);
    let y = layer.apply(x, layer.mask(graph.fill([1], 0.0)));
    let slopes = grad(y.sum(), &[x, layer.rate().raw(&graph)]);
    let parameters = parameters.iter().map(|(n, v)| (n, v.clone())).chain([("x", Tensor::full([1], 2.0))]);
    let found = interpret(&[y, slopes[0], slopes[1]], &[], Some(&parameters.collect())).unwrap();
    assert!(found.iter().all(|v| v.data()[0] == 0.0), "{found:?}");
}

#[test]
fn evaluation_records_nothing() {
    let (layer, parameters) = dropout(0.3, 0.1);
    let graph = Graph::<f64>::new();
    let x = graph.fill([2, 400], 1.5);
    let before = graph.len();
    assert_eq!(layer.forward(x, Mode::Evaluate).id(), x.id());
    assert_eq!(graph.len(), before);
    let y = layer.forward(x, Mode::Train);
    let draws = graph.uniform("rate.mask", [2, 400]);
    let expected = layer.apply(x, layer.mask(draws));
    let draw = Draw { seed: 3, run: 7 };
    assert_eq!(run(y, &parameters, draw), run(expected, &parameters, draw));
    assert!(Layer::<f64>::parameters(&layer).is_empty());
}

#[test]
fn bad_input_is_refused() {
    let rate = Hyperparameter::probability("rate", 0.5).unwrap();
    for t in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let error = ConcreteDropout::new(rate.clone(), t).unwrap_err().to_string();
        assert_eq!(error, format!("the temperature is {t}, it must be finite and above 0"));
    }
    let error = ConcreteDropout::new(Hyperparameter::positive("rate", 0.5).unwrap(), 0.1).unwrap_err();
    assert_eq!(error.to_string(), "the rate of dropout is 0.5, it must be a probability");
}

#[test]
#[should_panic(expected = "concrete dropout: a mask of shape [3] for values of shape [2]")]
fn shapes_must_agree() {
    let graph = Graph::<f64>::new();
    let (layer, _) = dropout(0.5, 0.1);
    layer.apply(graph.fill([2], 1.0), graph.fill([3], 1.0));
}
