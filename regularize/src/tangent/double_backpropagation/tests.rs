use super::*;
use crate::tangent::testing::{network, values};
use crate::testing::{assert_close, check, value};
use autograd::{Graph, Tensor};
use nn::{Activation, Layer, Mode, Sequential};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]

    /// For softmax regression the gradient is `W (p - e_y)`, by hand.
    #[test]
    fn softmax_regression_has_a_closed_form(n in 0usize..4, d in 1usize..4, c in 1usize..4, seed: u64) {
        let given = [crate::testing::numbers([n, d], -1.0, 1.0, seed), crate::testing::numbers([d, c], -1.0, 1.0, seed ^ 1)];
        let labels: Vec<u32> = (0..n).map(|i| ((seed >> i) % c as u64) as u32).collect();
        let found = value(&given, |x| {
            let labels = x[0].graph().index_constant(Tensor::new([n], labels.clone()));
            DoubleBackpropagation::new(1.0).unwrap().value(x[0].matmul(x[1]).cross_entropy_each(labels), x[0])
        });
        let mut naive = 0.0;
        for (i, &label) in labels.iter().enumerate() {
            let logit = |k: usize| (0..d).map(|j| given[0].data()[i * d + j] * given[1].data()[j * c + k]).sum::<f64>();
            let total: f64 = (0..c).map(|k| logit(k).exp()).sum();
            for j in 0..d {
                let slope = |k: usize| logit(k).exp() / total - f64::from(label as usize == k);
                naive += (0..c).map(|k| given[1].data()[j * c + k] * slope(k)).sum::<f64>().powi(2) / 2.0 / n as f64;
            }
        }
        assert_close(found.item(), naive, 1e-13);
    }
}

#[test]
fn derivatives_through_the_derivative_are_right() {
    for (n, seed) in [(1, 3), (2, 4)] {
        check("double backpropagation", &values(n, 2, 3, 2, seed), |x| {
            let each = network(x).logsumexp(&[1]);
            DoubleBackpropagation::new(1.0).unwrap().value(each, x[0])
        });
    }
}

#[test]
fn without_strength_the_objective_is_the_loss() {
    let (model, graph) = (Sequential::<f64>::mlp(&[3, 4, 2], Activation::Tanh), Graph::new());
    let specs = model.parameters();
    let (x, labels) = (graph.input("x", [2, 3]), graph.indices("y", [2]));
    let batch = Batch::new(x, labels, &model, &specs, Mode::Train);
    batch.cross_entropy();
    let before = graph.len();
    batch.cross_entropy();
    let plain = graph.len() - before;
    DoubleBackpropagation::new(0.0).unwrap().objective(&batch);
    assert_eq!(graph.len() - before, 2 * plain);
    DoubleBackpropagation::new(0.1).unwrap().objective(&batch);
    assert!(graph.len() - before > 4 * plain);
}

#[test]
fn bad_numbers_are_refused() {
    for bad in [-0.1, f64::NAN, f64::INFINITY] {
        assert!(DoubleBackpropagation::new(bad).is_err());
    }
}
