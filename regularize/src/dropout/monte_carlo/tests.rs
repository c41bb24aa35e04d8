use super::*;
use crate::dropout::{Dropout, SubNetworks};
use crate::testing::{assert_close, numbers};
use autograd::{Draw, Interpreter};
use nn::{Activation, Sequential, initialise};
use proptest::prelude::*;

fn model(p: f64) -> Sequential<f64> {
    Sequential::new().linear(3, 5).then(Activation::Relu).then(Dropout::new(p).unwrap()).linear(5, 4)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(10) })]

    /// Against samples taken one by one by the interpreter, with the textbook formulas.
    #[test]
    fn moments_are_those_of_the_samples(seed: u64, samples in 1u64..6, n in 1usize..4) {
        let (model, x) = (model(0.5), numbers([n, 3], -2.0, 2.0, seed));
        let parameters = initialise(&model, seed);
        let found = MonteCarlo::new(&model, samples).unwrap().seed(seed).predict(&x, &parameters).unwrap();
        let graph = Graph::new();
        let p = model.forward(graph.constant(x.clone()), Mode::Sample).softmax();
        let draws: Vec<Vec<f64>> = (0..samples)
            .map(|run| {
                let interpreter = Interpreter { parameters: &parameters, draw: Draw { seed, run } };
                interpreter.run(&graph, &[p.id()], &[]).unwrap().get(p).data().to_vec()
            })
            .collect();
        let count = samples as f64;
        for k in 0..4 * n {
            let mean = draws.iter().map(|draw| draw[k]).sum::<f64>() / count;
            let variance = draws.iter().map(|draw| (draw[k] - mean).powi(2)).sum::<f64>() / count;
            assert_close(found.mean.data()[k], mean, 1e-14);
            assert_close(found.variance.data()[k], variance, 1e-14);
        }
        let entropy = |p: &[f64]| -p.iter().map(|p| p * p.ln()).sum::<f64>();
        for (row, expected) in found.expected_entropy.iter().enumerate() {
            let of_row = draws.iter().map(|draw| entropy(&draw[4 * row..][..4])).sum::<f64>() / count;
            assert_close(*expected, of_row, 1e-13);
            assert_close(found.entropy()[row], entropy(&found.mean.data()[4 * row..][..4]), 1e-13);
        }
        // Jensen: disagreement is not negative, and one sample agrees with itself.
        let information = found.mutual_information();
        prop_assert!(information.iter().all(|&i| i >= 0.0 && (samples > 1 || i < 1e-14)));
    }
}

/// The error of the mean of many samples against the exact mean of all subnetworks.
#[test]
fn many_samples_come_to_the_mean_of_all_subnetworks() {
    let (model, x) = (model(0.5), numbers([1, 3], -2.0, 2.0, 1));
    let parameters = initialise(&model, 1);
    let exact = SubNetworks::new(&model, [3]).unwrap().means(x.data(), &parameters).unwrap().arithmetic;
    let samples = 4000;
    let found = MonteCarlo::new(&model, samples).unwrap().seed(2).predict(&x, &parameters).unwrap();
    for (k, exact) in exact.iter().enumerate() {
        // Five deviations of a mean.
        let deviation = (found.variance.data()[k] / samples as f64).sqrt();
        assert!((found.mean.data()[k] - exact).abs() < 5.0 * deviation, "class {k}");
    }
}

#[test]
fn samples_replay_and_batches_draw_apart() {
    let model = model(0.5);
    let parameters = initialise(&model, 1);
    let x = Tensor::from_fn([7, 3], |i| [1.0, -1.0, 0.5][i % 3]);
    let predict = |seed, batch| {
        let sampler = MonteCarlo::new(&model, 3).unwrap().seed(seed).batch_size(batch).unwrap();
        { sampler }.predict(&x, &parameters).unwrap()
    };
    assert_eq!(predict(1, 3), predict(1, 3));
    assert_ne!(predict(1, 3), predict(2, 3));
    let found = predict(1, 3);
    assert_eq!(found.mean.shape().lengths(), [7, 4]);
    // Equal examples in different batches see different masks.
    assert_ne!(found.mean.rows(&[0, 1, 2]), found.mean.rows(&[3, 4, 5]));
    for row in 0..7 {
        assert_close(found.mean.rows(&[row]).data().iter().sum::<f64>(), 1.0, 1e-14);
    }
    // One sampler asked twice is one that was asked once.
    let mut sampler = MonteCarlo::new(&model, 3).unwrap().seed(1);
    assert_eq!(sampler.predict(&x, &parameters).unwrap(), sampler.predict(&x, &parameters).unwrap());
}

#[test]
fn a_network_without_dropout_is_sure_of_its_prediction() {
    let model = model(0.0);
    let found =
        MonteCarlo::new(&model, 5).unwrap().predict(&numbers([2, 3], -1.0, 1.0, 1), &initialise(&model, 1));
    let found = found.unwrap();
    assert!(found.variance.data().iter().all(|&v| v < 1e-30));
    assert!(found.mutual_information().iter().all(|&i| i < 1e-14));
}

#[test]
fn bad_input_is_refused() {
    let model = model(0.5);
    assert!(MonteCarlo::new(&model, 0).is_err());
    assert!(MonteCarlo::new(&model, 1).unwrap().batch_size(0).is_err());
    let none = Tensor::<f64>::zeros([0, 3]);
    assert!(MonteCarlo::new(&model, 1).unwrap().predict(&none, &initialise(&model, 1)).is_err());
    assert!(MonteCarlo::new(&model, 1).unwrap().predict(&Tensor::zeros([2, 3]), &Parameters::new()).is_err());
}
