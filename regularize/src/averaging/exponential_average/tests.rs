use super::*;
use crate::testing::{assert_close, numbers, weight};
use autograd::{Feed, Graph, Plan, Tensor};
use nn::data::digits;
use nn::{Activation, LEARNING_RATE, Layer, Optimiser, Sequential, Trainer, initialise};
use proptest::prelude::*;

/// The parameter `w` after each of some steps along given slopes, and the average after the last.
pub fn path(
    optimiser: &Optimiser<f64>,
    start: &Tensor<f64>,
    slopes: &[Tensor<f64>],
) -> (Vec<Tensor<f64>>, Parameters<f64>) {
    let (graph, specs) = (Graph::new(), [weight(start.shape()[0])]);
    let slope = graph.input("slope", start.shape());
    let step = optimiser.minimise((specs[0].declare(&graph) * slope).sum(), &specs);
    let mut plan = step.add_to(Plan::builder(&graph)).compile();
    let mut parameters: Parameters<f64> = [("w", start.clone())].into_iter().collect();
    step.initialise_state(&mut parameters);
    let mut path = Vec::new();
    for slope in slopes {
        plan.run(&mut parameters, &[("slope", Feed::from(slope)), (LEARNING_RATE, Feed::from(0.1))]).unwrap();
        path.push(parameters["w"].clone());
    }
    (path, parameters)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]

    /// `(1 - b) Σ bᵗ⁻ⁱ wᵢ + bᵗ w₀`, summed up at the end.
    #[test]
    fn the_average_is_the_geometric_sum(n in 0usize..4, steps in 1usize..12, decay in 0.0..1.0, seed: u64) {
        let start = numbers([n], -1.0, 1.0, seed);
        let slopes: Vec<_> = (0..steps).map(|i| numbers([n], -1.0, 1.0, seed ^ (1 + i as u64))).collect();
        let average = ExponentialAverage::new(decay).unwrap();
        let (path, parameters) = path(&Optimiser::sgd(0.1).then(average), &start, &slopes);
        let averaged = average.averaged(&parameters, &[weight(n)]).unwrap();
        for k in 0..n {
            let sum: f64 = path.iter().enumerate()
                .map(|(i, w)| (1.0 - decay) * decay.powi((steps - 1 - i) as i32) * w.data()[k])
                .sum();
            // Three roundings for each of a dozen steps.
            assert_close(averaged["w"].data()[k], sum + decay.powi(steps as i32) * start.data()[k], 1e-14);
        }
    }

    /// The training itself is the one without the average, bit for bit.
    #[test]
    fn the_steps_do_not_change(n in 0usize..4, seed: u64) {
        let start = numbers([n], -1.0, 1.0, seed);
        let slopes: Vec<_> = (0..5).map(|i| numbers([n], -1.0, 1.0, seed ^ (1 + i as u64))).collect();
        let with = path(&Optimiser::adam(0.1).then(ExponentialAverage::new(0.9).unwrap()), &start, &slopes).0;
        prop_assert_eq!(with, path(&Optimiser::adam(0.1), &start, &slopes).0);
    }
}

#[test]
fn without_decay_the_average_is_the_parameters() {
    let (start, slopes) =
        (numbers([3], -1.0, 1.0, 1), [numbers([3], -1.0, 1.0, 2), numbers([3], -1.0, 1.0, 3)]);
    let average = ExponentialAverage::new(0.0).unwrap();
    let (path, parameters) = path(&Optimiser::sgd(0.1).then(average), &start, &slopes);
    assert_eq!(average.averaged(&parameters, &[weight(3)]).unwrap()["w"], path[1]);
}

/// Kept with the optimiser's memory, the average of a training that was interrupted is the one of a training
/// that was not.
#[test]
fn an_average_is_taken_up_where_it_was_left() {
    let data = digits::load().unwrap().flattened().subset(&(0..60).collect::<Vec<_>>()).unwrap();
    let model = Sequential::<f32>::mlp(&[64, 8, 10], Activation::Relu);
    let average = ExponentialAverage::new(0.8).unwrap();
    let train = |first: u64, epochs: u64, parameters: &mut Parameters<f32>| {
        let optimiser = Optimiser::adam(0.01).then(average);
        let mut trainer = Trainer::new(&model, optimiser).first_epoch(first).epochs(epochs);
        trainer.fit(&data, None, parameters).unwrap();
    };
    let (mut whole, mut parts) = (initialise(&model, 1), initialise(&model, 1));
    train(0, 3, &mut whole);
    train(0, 1, &mut parts);
    train(1, 2, &mut parts);
    let specs = model.parameters();
    let [whole, parts] = [whole, parts].map(|p| average.averaged(&p, &specs).unwrap());
    assert_eq!(whole, parts);
    assert_eq!(
        whole.iter().map(|(name, _)| name).collect::<Vec<_>>(),
        specs.iter().map(|s| &s.name).collect::<Vec<_>>()
    );
}

#[test]
fn what_makes_no_sense_is_refused() {
    for bad in [1.0, -0.1, f64::NAN, f64::INFINITY] {
        let expected = format!("the decay of the average is {bad}, it must be in [0, 1)");
        assert_eq!(ExponentialAverage::new(bad).unwrap_err().to_string(), expected);
    }
    let none = Parameters::<f64>::new();
    let error = ExponentialAverage::new(0.5).unwrap().averaged(&none, &[weight(2)]).unwrap_err();
    assert_eq!(error.to_string(), "there is no parameter `w/exponential_average(0.5)`; there are: none");
}

/// Several averages, of either kind, in one chain are each what they are alone.
#[test]
fn averages_beside_each_other_do_not_disturb_each_other() {
    use crate::WeightAverage;
    let (fast, slow) = (ExponentialAverage::new(0.5).unwrap(), ExponentialAverage::new(0.9).unwrap());
    let (early, late) = (WeightAverage::new(2, 1).unwrap(), WeightAverage::new(4, 2).unwrap());
    let trained = |optimiser: Optimiser<f64>| {
        let (graph, specs) = (Graph::<f64>::new(), [weight(2)]);
        let w = specs[0].declare(&graph);
        let loss = (w.powi(2) * graph.constant(Tensor::new([2], vec![1.0, 3.0]))).sum();
        let step = optimiser.minimise(loss, &specs);
        let mut plan = step.add_to(Plan::builder(&graph).output("loss", loss)).compile();
        let mut parameters = [("w", Tensor::new([2], vec![1.0, -2.0]))].into_iter().collect();
        step.initialise_state(&mut parameters);
        for _ in 0..9 {
            plan.run(&mut parameters, &[(LEARNING_RATE, Feed::from(0.1))]).unwrap();
        }
        parameters
    };
    let sgd = || Optimiser::<f64>::sgd(0.1);
    let (specs, all) = ([weight(2)], trained(sgd().then(fast).then(early).then(slow).then(late)));
    for average in [fast, slow] {
        let alone = trained(sgd().then(average));
        assert_eq!(average.averaged(&all, &specs).unwrap(), average.averaged(&alone, &specs).unwrap());
    }
    for average in [early, late] {
        let alone = trained(sgd().then(average));
        assert_eq!(average.averaged(&all, &specs).unwrap(), average.averaged(&alone, &specs).unwrap());
        assert_eq!(average.count(&all), average.count(&alone));
    }
    assert_ne!(fast.averaged(&all, &specs).unwrap(), slow.averaged(&all, &specs).unwrap());
    assert_eq!((early.count(&all), late.count(&all)), (8, 3));
}
