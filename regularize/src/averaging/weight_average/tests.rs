use super::*;
use crate::averaging::exponential_average::tests::path;
use crate::testing::{assert_close, numbers, weight};
use nn::Optimiser;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(60) })]

    /// The mean of the chosen steps, added up at the end.
    #[test]
    fn the_average_is_the_arithmetic_mean(
        n in 0usize..4, steps in 1usize..16, start in 1usize..6, period in 1usize..5, seed: u64,
    ) {
        let first = numbers([n], -1.0, 1.0, seed);
        let slopes: Vec<_> = (0..steps).map(|i| numbers([n], -1.0, 1.0, seed ^ (1 + i as u64))).collect();
        let average = WeightAverage::new(start as u64, period as u64).unwrap();
        let (path, parameters) = path(&Optimiser::sgd(0.1).then(average), &first, &slopes);
        let chosen: Vec<_> = path.iter().skip(start - 1).step_by(period).collect();
        prop_assert_eq!(average.count(&parameters), chosen.len() as u64);
        let found = average.averaged(&parameters, &[weight(n)]);
        if chosen.is_empty() {
            let expected = format!("nothing is averaged yet: the first parameters are taken after step {start}");
            prop_assert_eq!(found.unwrap_err().to_string(), expected);
        } else {
            let found = found.unwrap();
            for k in 0..n {
                let mean = chosen.iter().map(|w| w.data()[k]).sum::<f64>() / chosen.len() as f64;
                // Three roundings for each of the steps.
                assert_close(found["w"].data()[k], mean, 1e-14);
            }
        }
    }

    #[test]
    fn the_steps_do_not_change(n in 0usize..4, seed: u64) {
        let start = numbers([n], -1.0, 1.0, seed);
        let slopes: Vec<_> = (0..5).map(|i| numbers([n], -1.0, 1.0, seed ^ (1 + i as u64))).collect();
        let with = path(&Optimiser::adam(0.1).then(WeightAverage::new(2, 2).unwrap()), &start, &slopes).0;
        prop_assert_eq!(with, path(&Optimiser::adam(0.1), &start, &slopes).0);
    }
}

/// One set in the mean is that set, bit for bit, and stays it until the next is taken.
#[test]
fn a_mean_of_one_is_that_one() {
    let start = numbers([3], -1.0, 1.0, 1);
    let slopes: Vec<_> = (2..6).map(|seed| numbers([3], -1.0, 1.0, seed)).collect();
    let average = WeightAverage::new(2, 100).unwrap();
    let (path, parameters) = path(&Optimiser::sgd(0.1).then(average), &start, &slopes);
    assert_eq!(average.averaged(&parameters, &[weight(3)]).unwrap()["w"], path[1]);
}

/// On a quadratic with noisy gradients the mean of the path is nearer to the minimum than its end.
#[test]
fn the_mean_of_a_wandering_path_is_nearer_to_the_minimum() {
    let start = numbers([20], -1.0, 1.0, 1);
    // Slopes without a mean: the minimum is anywhere, the path a random walk about nothing; pulled back by
    // decay towards 0.
    let slopes: Vec<_> = (2..400).map(|seed| numbers([20], -1.0, 1.0, seed)).collect();
    let decay = nn::optimise::AddDecayedWeights { decay: 1.0, selection: nn::Selection::all() };
    let average = WeightAverage::new(100, 1).unwrap();
    let chain = Optimiser::new(0.1).then(decay).then(nn::optimise::ScaleByLearningRate).then(average);
    let (path, parameters) = path(&chain, &start, &slopes);
    let square = |w: &autograd::Tensor<f64>| w.data().iter().map(|w| w * w).sum::<f64>();
    let mean = &average.averaged(&parameters, &[weight(20)]).unwrap()["w"];
    assert!(square(mean) < 0.2 * square(path.last().unwrap()));
}

#[test]
fn what_makes_no_sense_is_refused() {
    assert_eq!(
        WeightAverage::new(0, 1).unwrap_err().to_string(),
        "the first step of the average is 0, it must be in 1 to 2^24"
    );
    assert!(WeightAverage::new(1, 0).is_err() && WeightAverage::new(1, 1 << 25).is_err());
    let none = Parameters::<f64>::new();
    assert!(WeightAverage::new(1, 1).unwrap().averaged(&none, &[weight(2)]).is_err());
}
