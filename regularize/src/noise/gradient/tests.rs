use super::*;
use crate::testing::{assert_close, descend, numbers, weight};
use autograd::{Draw, Feed, Graph, Interpreter, Parameters, Plan};
use nn::{LEARNING_RATE, Optimiser};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]

    /// Three steps with the draws taken from the streams by hand.
    #[test]
    fn each_step_adds_less_noise_to_the_gradient(n in 0usize..5, eta in 0.01..2.0f64, seed: u64) {
        let noise = GradientNoise::new(eta).unwrap();
        let optimiser = Optimiser::<f64>::sgd(0.1).first(noise);
        let (graph, specs) = (Graph::new(), [weight(n)]);
        let w = specs[0].declare(&graph);
        let step = optimiser.minimise(w.powi(2).sum() * 0.5, &specs);
        let draw = graph.normal("w.gradient_noise", [n]);
        let mut plan = step.add_to(Plan::builder(&graph)).compile();
        plan.set_seed(5);
        let mut parameters: Parameters<f64> =
            [("w", numbers([n], -3.0, 3.0, seed))].into_iter().collect();
        step.initialise_state(&mut parameters);
        for t in 0..3u64 {
            let before = parameters.clone();
            plan.run(&mut parameters, &[(LEARNING_RATE, Feed::from(0.1))]).unwrap();
            let interpreter = Interpreter { parameters: &before, draw: Draw { seed: 5, run: t } };
            let drawn = interpreter.run(&graph, &[draw.id()], &[]).unwrap().get(draw).clone();
            let deviation = (eta / (1.0 + t as f64).powf(0.55)).sqrt();
            assert_close(noise.deviation(t), deviation, 1e-15);
            for i in 0..n {
                let w = before["w"].data()[i];
                let expected = w - 0.1 * (w + deviation * drawn.data()[i]);
                // A handful of roundings of numbers below ten.
                assert_close(parameters["w"].data()[i], expected, 1e-14);
            }
            assert_eq!(parameters["gradient_noise/step"].item(), t as f64 + 1.0);
        }
    }
}

#[test]
fn no_noise_is_the_optimiser_without_it() {
    let plain = descend(&[1.0, 2.0], 5, &Optimiser::<f64>::sgd(0.1), |w| w.powi(4).sum());
    let none = Optimiser::<f64>::sgd(0.1).first(GradientNoise::new(0.0).unwrap());
    assert_eq!(descend(&[1.0, 2.0], 5, &none, |w| w.powi(4).sum()), plain);
    assert!(none.memory(&[weight(2)]).is_empty());
    let some = Optimiser::<f64>::sgd(0.1).first(GradientNoise::new(0.1).unwrap());
    assert_ne!(descend(&[1.0, 2.0], 5, &some, |w| w.powi(4).sum()), plain);
    assert_eq!(
        descend(&[1.0, 2.0], 5, &some, |w| w.powi(4).sum()),
        descend(&[1.0, 2.0], 5, &some, |w| w.powi(4).sum())
    );
}

#[test]
fn two_in_one_chain_count_apart() {
    let noise = GradientNoise::new(0.1).unwrap();
    let optimiser = Optimiser::<f64>::sgd(0.1).first(noise).first(noise.with_decay(0.0).unwrap());
    let names: Vec<_> = optimiser.memory(&[weight(2)]).into_iter().map(|spec| spec.name).collect();
    assert_eq!(names, ["gradient_noise/step", "gradient_noise/step2"]);
    assert_eq!(noise.with_decay(0.0).unwrap().deviation(100), 0.1f64.sqrt());
}

#[test]
fn bad_input_is_refused() {
    for value in [-0.1, f64::NAN, f64::INFINITY] {
        assert!(GradientNoise::new(value).is_err());
        assert!(GradientNoise::new(0.1).unwrap().with_decay(value).is_err());
    }
}
