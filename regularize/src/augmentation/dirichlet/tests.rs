use super::*;
use crate::augmentation::beta::tests::kolmogorov_smirnov;
use crate::testing::value;
use autograd::{Draw, Graph, Interpreter, Parameters, Tensor};

fn drawn(n: usize, k: usize, alpha: f64, run: u64) -> Tensor<f64> {
    let graph = Graph::<f64>::new();
    let found = weights(graph.uniform("weights", [n, k]), alpha);
    let interpreter = Interpreter { parameters: &Parameters::new(), draw: Draw { seed: 1, run } };
    interpreter.run(&graph, &[found.id()], &[]).unwrap().get(found).clone()
}

/// Every one of the weights, first or last, has the same Beta distribution; and any two of them the covariance
/// `-1 / (k² (k α + 1))`, which the others do not know.
#[test]
fn weights_are_distributed_as_dirichlet() {
    let n = 20_000;
    // A false alarm once in a million choices of the seed.
    let bound = (-(0.5e-6f64).ln() / (2.0 * n as f64)).sqrt();
    for (k, alpha) in [(2, 0.4), (3, 0.2), (3, 1.0), (3, 5.0), (4, 1.0), (5, 0.7)] {
        let found = drawn(n, k, alpha, 0);
        let column = |i: usize| -> Vec<f64> { found.data().chunks(k).map(|row| row[i]).collect() };
        for i in 0..k {
            let distance = kolmogorov_smirnov(column(i), Beta::new(alpha, (k - 1) as f64 * alpha).unwrap());
            assert!(distance < bound, "weight {i} of {k}, α = {alpha}: {distance} of {bound}");
        }
        let size = k as f64;
        let expected = -1.0 / (size * size * (size * alpha + 1.0));
        for (i, j) in (0..k).flat_map(|i| (0..i).map(move |j| (i, j))) {
            let products =
                column(i).into_iter().zip(column(j)).map(|(a, b)| (a - 1.0 / size) * (b - 1.0 / size));
            let covariance = products.sum::<f64>() / n as f64;
            // The products are at most ½ in size, so five standard errors are below 5 · ½ / √n.
            assert!((covariance - expected).abs() < 2.5 / (n as f64).sqrt(), "{covariance} for {expected}");
        }
        for row in found.data().chunks(k) {
            assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-15 * size && row.iter().all(|&w| w >= 0.0));
        }
        assert_ne!(found, drawn(n, k, alpha, 1));
    }
}

/// At the concentration 1 both ways lead to the same distribution: the short one is there for speed.
#[test]
fn a_single_weight_is_all_and_draws_at_the_ends_are_weights() {
    for alpha in [1.0, 0.3] {
        let one = value(&[Tensor::new([2, 1], vec![0.0, 0.7])], |x| weights(x[0], alpha));
        assert_eq!(one.data(), [1.0, 1.0]);
    }
    // The smallest and the largest draws there are, and concentrations of which most shares are 0 or 1.
    let last = 1.0 - f64::EPSILON / 2.0;
    let draws = Tensor::new([4, 3], vec![0.0, 0.0, 0.0, last, last, last, 0.0, last, 0.5, last, 0.0, 0.5]);
    for alpha in [1e-3, 0.1, 1e4] {
        let found = value(std::slice::from_ref(&draws), |x| weights(x[0], alpha));
        for row in found.data().chunks(3) {
            assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-15, "α = {alpha}: {row:?}");
            assert!(row.iter().all(|w| (0.0..=1.0).contains(w)), "α = {alpha}: {row:?}");
        }
    }
}

#[test]
#[should_panic(expected = "dirichlet: a concentration of 0")]
fn a_concentration_is_above_zero() {
    value(&[Tensor::zeros([1, 2])], |x| weights(x[0], 0.0));
}
