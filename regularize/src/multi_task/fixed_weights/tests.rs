use super::*;
use crate::testing::{assert_close, check, numbers, value};
use autograd::{Graph, Tensor};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]

    #[test]
    fn the_objective_is_the_weighted_sum(tasks in 1usize..6, zero in 0usize..6, seed: u64) {
        let mut weights = numbers([tasks], 0.1, 3.0, seed).into_data();
        if tasks > 1 {
            weights[zero % tasks] = 0.0;
        }
        let losses: Vec<_> = (0..tasks as u64).map(|i| numbers([], -3.0, 3.0, seed ^ i)).collect();
        let naive: f64 = losses.iter().zip(&weights).map(|(loss, w)| loss.item() * w).sum();
        let found = value(&losses, |x| FixedWeights::new(&weights).unwrap().objective(x)).item();
        // Five products and sums of numbers below 9.
        assert_close(found, naive, 1e-13);
    }
}

#[test]
fn derivatives_are_right() {
    let losses = [numbers([], 0.0, 1.0, 1), numbers([], 0.0, 1.0, 2)];
    check("fixed weights", &losses, |x| {
        FixedWeights::new(&[0.5, 2.0]).unwrap().objective(&[x[0].powi(3), x[0] * x[1].powi(2)])
    });
}

#[test]
fn a_single_task_is_its_loss() {
    let graph = Graph::<f64>::new();
    let losses = [graph.scalar("a"), graph.scalar("b")];
    let before = graph.len();
    assert_eq!(FixedWeights::new(&[0.0, 1.0]).unwrap().objective(&losses).id(), losses[1].id());
    assert_eq!(FixedWeights::new(&[1.0]).unwrap().objective(&losses[..1]).id(), losses[0].id());
    assert_eq!(graph.len(), before);
}

#[test]
fn weights_are_checked() {
    for bad in [-0.1, f64::NAN, f64::INFINITY] {
        let error = FixedWeights::new(&[1.0, bad]).unwrap_err().to_string();
        assert_eq!(error, format!("the weight of a task is {bad}, it must be finite and at least 0"));
    }
    for none in [&[][..], &[0.0, 0.0]] {
        let error = FixedWeights::new(none).unwrap_err().to_string();
        assert_eq!(error, "the largest weight of a task is 0, it must be above 0");
    }
    assert_eq!(FixedWeights::new(&[0.0, 2.0]).unwrap().weights(), [0.0, 2.0]);
}

#[test]
#[should_panic(expected = "fixed weights: 1 losses for 2 tasks")]
fn every_weight_has_a_loss() {
    value(&[Tensor::scalar(1.0)], |x| FixedWeights::new(&[1.0, 1.0]).unwrap().objective(x));
}

#[test]
#[should_panic(expected = "fixed weights: a task's loss is a scalar, not [2]")]
fn a_loss_has_no_axes() {
    value(&[Tensor::zeros([2])], |x| FixedWeights::new(&[1.0]).unwrap().objective(x));
}
