use super::*;
use crate::testing::{assert_close, descend, numbers, weight};
use autograd::{Draw, Feed, Graph, Interpreter, Parameters, Plan};
use nn::{LEARNING_RATE, Optimiser};
use proptest::prelude::*;

fn langevin(temperature: f64) -> Langevin {
    Langevin::new(temperature).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]

    /// A step, with the draw taken from its stream by hand.
    #[test]
    fn a_step_has_noise_of_twice_the_rate_times_the_temperature(
        n in 0usize..5, temperature in 0.01..2.0f64, seed: u64,
    ) {
        let optimiser = Optimiser::<f64>::sgd(0.1).then(langevin(temperature));
        let (graph, specs) = (Graph::new(), [weight(n)]);
        let w = specs[0].declare(&graph);
        let step = optimiser.minimise(w.powi(2).sum() * 0.5, &specs);
        let draw = graph.normal("w.langevin", [n]);
        let mut plan = step.add_to(Plan::builder(&graph)).compile();
        plan.set_seed(5);
        let mut parameters: Parameters<f64> =
            [("w", numbers([n], -3.0, 3.0, seed))].into_iter().collect();
        for (t, rate) in [0.1, 0.01].into_iter().enumerate() {
            let before = parameters.clone();
            plan.run(&mut parameters, &[(LEARNING_RATE, Feed::from(rate))]).unwrap();
            let interpreter = Interpreter { parameters: &before, draw: Draw { seed: 5, run: t as u64 } };
            let drawn = interpreter.run(&graph, &[draw.id()], &[]).unwrap().get(draw).clone();
            for i in 0..n {
                let w = before["w"].data()[i];
                let expected = w - rate * w + (2.0 * rate * temperature).sqrt() * drawn.data()[i];
                // A handful of roundings of numbers below ten.
                assert_close(parameters["w"].data()[i], expected, 1e-14);
            }
        }
    }
}

/// On `λ/2 w²` the chain is an autoregression of variance `τ / (λ (1 - ελ/2))`: 2000 chains at once, after so
/// many steps that the start is forgotten.
#[test]
fn a_quadratic_is_sampled_with_the_variance_of_the_discrete_chain() {
    let (chains, rate, temperature) = (2000, 0.2, 0.5);
    for lambda in [1.0, 4.0] {
        let optimiser = Optimiser::<f64>::sgd(rate).then(langevin(temperature));
        let samples = descend(&vec![0.0; chains], 60, &optimiser, |w| w.powi(2).sum() * (lambda / 2.0));
        let mean = samples.iter().sum::<f64>() / chains as f64;
        let variance = samples.iter().map(|w| w * w).sum::<f64>() / chains as f64;
        let expected = temperature / (lambda * (1.0 - rate * lambda / 2.0));
        // (1 - 0.2)^120 of the variance is missing; the estimates have deviations √(v/n) and v √(2/n).
        assert!(mean.abs() < 5.0 * (expected / chains as f64).sqrt(), "{mean}");
        assert!(
            (variance / expected - 1.0).abs() < 5.0 * (2.0 / chains as f64).sqrt(),
            "{variance} {expected}"
        );
        // The wrong noise, of variance ε τ, would give half of it.
        assert!((variance / expected - 0.5).abs() > 0.3);
    }
}

#[test]
fn at_temperature_zero_it_is_gradient_descent() {
    let plain = descend(&[1.0, 2.0], 5, &Optimiser::<f64>::sgd(0.1), |w| w.powi(4).sum());
    let cold = Optimiser::<f64>::sgd(0.1).then(langevin(0.0));
    assert_eq!(descend(&[1.0, 2.0], 5, &cold, |w| w.powi(4).sum()), plain);
    let warm = Optimiser::<f64>::sgd(0.1).then(langevin(0.1));
    let run = || descend(&[1.0, 2.0], 5, &warm, |w| w.powi(2).sum());
    assert_eq!(run(), run());
    assert_ne!(run(), plain);
}

#[test]
fn temperatures_are_checked() {
    for value in [-0.1, f64::NAN, f64::INFINITY] {
        let error = Langevin::new(value).unwrap_err().to_string();
        assert_eq!(error, format!("the temperature is {value}, it must be finite and at least 0"));
    }
    assert_eq!(langevin(0.5).temperature(), 0.5);
}
