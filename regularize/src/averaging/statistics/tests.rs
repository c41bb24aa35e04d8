use super::*;
use crate::testing::{assert_close, numbers};
use autograd::{Tensor, interpret};
use nn::{Activation, BatchNorm, Sequential, initialise};
use proptest::prelude::*;

fn dataset(n: usize) -> Dataset<f64> {
    let labels = Tensor::new([n], (0..n as u32).map(|i| i % 2).collect());
    Dataset::new(numbers([n, 3], -1.0, 2.0, 7), labels, 2).unwrap()
}

fn model(rate: f64) -> Sequential<f64> {
    Sequential::new()
        .linear(3, 4)
        .then(BatchNorm::new("a", 4).with_update_rate(rate))
        .then(Activation::Tanh)
        .linear(4, 3)
        .then(BatchNorm::new("b", 3))
        .linear(3, 2)
}

/// Mean and variance of the columns of `[n, c]`.
fn moments(values: &Tensor<f64>) -> Vec<(f64, f64)> {
    let [n, c] = [values.shape()[0], values.shape()[1]];
    let column = |j: usize| (0..n).map(move |i| values.data()[i * c + j]);
    (0..c)
        .map(|j| {
            let mean = column(j).sum::<f64>() / n as f64;
            (mean, column(j).map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1) as f64)
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(20) })]

    /// The first layer's statistics are those of `x W + b`, batch by batch, whatever the rate and whatever the
    /// running estimates were.
    #[test]
    fn the_statistics_are_means_over_the_batches(n in 2usize..12, batch_size in 2usize..6, rate in 0.01..1.0) {
        let (model, data) = (model(rate), dataset(n));
        let mut parameters = initialise(&model, 3);
        parameters.insert("a.running_mean", numbers([4], -50.0, 50.0, 1));
        let before = parameters.clone();
        estimate_statistics(&model, &data, &mut parameters, batch_size).unwrap();
        let (mut means, mut total) = (vec![(0.0, 0.0); 4], 0.0);
        let indices: Vec<usize> = (0..n).collect();
        for batch in indices.chunks(batch_size).filter(|batch| batch.len() > 1) {
            let graph = Graph::new();
            let x = graph.constant(data.gather(batch).unwrap().0);
            let w = graph.parameter("linear1.weight", [3, 4]);
            let hidden = x.matmul(w) + graph.parameter("linear1.bias", [4]);
            let found = moments(&interpret(&[hidden], &[], Some(&parameters)).unwrap()[0]);
            for (sum, found) in means.iter_mut().zip(found) {
                sum.0 += found.0 * batch.len() as f64;
                sum.1 += found.1 * batch.len() as f64;
            }
            total += batch.len() as f64;
        }
        for (j, mean) in means.iter().enumerate() {
            // Divided by a rate of at least 0.01, which may cost two digits.
            assert_close(parameters["a.running_mean"].data()[j], mean.0 / total, 1e-13);
            assert_close(parameters["a.running_variance"].data()[j], mean.1 / total, 1e-12);
        }
        for (name, value) in before.iter().filter(|(name, _)| !name.contains("running")) {
            prop_assert_eq!(value, &parameters[name]);
        }
        prop_assert_ne!(&before["b.running_mean"], &parameters["b.running_mean"]);
    }
}

/// With the whole set as one batch, evaluation normalises as training did: means and variances agree, up to
/// the factor `n/(n - 1)` of the variance.
#[test]
fn after_one_whole_batch_evaluation_is_centred() {
    let (model, data) = (Sequential::<f64>::new().linear(3, 4).then(BatchNorm::new("a", 4)), dataset(9));
    let mut parameters = initialise(&model, 3);
    estimate_statistics(&model, &data, &mut parameters, 9).unwrap();
    let graph = Graph::new();
    let out = model.forward(graph.constant(data.examples().clone()), Mode::Evaluate);
    for (mean, variance) in moments(&interpret(&[out], &[], Some(&parameters)).unwrap()[0]) {
        assert!(mean.abs() < 1e-14);
        // The layer adds 1e-5 to the variance.
        assert!((variance - 1.0).abs() < 1e-3);
    }
}

#[test]
fn what_no_batch_speaks_of_stays() {
    let data = dataset(5);
    let mut parameters = initialise(&model(0.0), 3);
    parameters.insert("a.running_mean", numbers([4], -1.0, 1.0, 1));
    let before = parameters.clone();
    estimate_statistics(&model(0.0), &data, &mut parameters, 5).unwrap();
    assert_eq!(parameters["a.running_mean"], before["a.running_mean"]);
    estimate_statistics(&model(0.5), &data, &mut parameters, 1).unwrap();
    assert_eq!(parameters["a.running_mean"], before["a.running_mean"]);
    let plain = Sequential::<f64>::new().linear(3, 2);
    let mut parameters = initialise(&plain, 1);
    let before = parameters.clone();
    estimate_statistics(&plain, &data, &mut parameters, 2).unwrap();
    assert_eq!(parameters, before);
}

#[test]
fn what_does_not_fit_is_refused() {
    let (model, data) = (model(0.1), dataset(5));
    let mut parameters = initialise(&model, 3);
    assert!(estimate_statistics(&model, &data, &mut parameters, 0).is_err());
    assert!(estimate_statistics(&model, &data, &mut Parameters::new(), 2).is_err());
    let wider = Sequential::<f64>::new().linear(4, 2);
    let error = estimate_statistics(&wider, &data, &mut initialise(&wider, 1), 2).unwrap_err();
    assert!(error.to_string().starts_with("the model does not take examples of shape [3]"));
}

/// A layer that draws draws anew for each batch: two batches of the same examples are two draws.
#[test]
fn each_batch_has_draws_of_its_own() {
    let noise = crate::GaussianNoise::new(1.0).unwrap();
    let model = Sequential::<f64>::new().then(noise).then(BatchNorm::new("a", 3));
    let same = |n: usize| Dataset::new(Tensor::zeros([n, 3]), Tensor::full([n], 0), 2).unwrap();
    let mean = |n: usize| {
        let mut parameters = initialise(&model, 1);
        estimate_statistics(&model, &same(n), &mut parameters, 4).unwrap();
        parameters["a.running_mean"].data()[0]
    };
    assert_eq!(mean(4), mean(4));
    assert!((mean(4) - mean(8)).abs() > 1e-3, "{} and {}", mean(4), mean(8));
}
