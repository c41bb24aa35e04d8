use super::*;
use autograd::Tensor;
use nn::data::digits;
use nn::{Activation, Optimiser, Sequential, Trainer, initialise};

fn restarts(steps: u64, growth: u64) -> Schedule {
    Schedule::CosineRestarts { initial: 0.1, last: 0.0, steps, growth }
}

/// The parameters after each step hold the number of the step.
fn observed(mut snapshots: Snapshots<f64>, steps: std::ops::Range<u64>) -> Snapshots<f64> {
    let mut parameters = Parameters::new();
    for step in steps {
        parameters.insert("w", Tensor::scalar(step as f64));
        snapshots.observe(&parameters);
    }
    snapshots
}

#[test]
fn a_copy_is_taken_before_each_restart() {
    let snapshots = observed(Snapshots::of(&restarts(5, 1)), 0..17);
    assert_eq!(snapshots.steps(), [4, 9, 14]);
    let values: Vec<f64> = snapshots.into_members().iter().map(|p| p["w"].item()).collect();
    assert_eq!(values, [4.0, 9.0, 14.0]);
    // Periods of 3, 6 and 12 steps.
    assert_eq!(observed(Snapshots::of(&restarts(3, 2)), 0..21).steps(), [2, 8, 20]);
    // A training that was taken up again.
    assert_eq!(observed(Snapshots::resumed(&restarts(5, 1), 7), 7..17).steps(), [9, 14]);
}

#[test]
fn a_rate_that_never_rises_has_no_cycles() {
    let falling = Schedule::Exponential { initial: 0.1, factor: 0.9 };
    for schedule in [Schedule::Constant(0.1), falling] {
        assert!(observed(Snapshots::of(&schedule), 0..30).steps().is_empty());
    }
}

/// Watching changes nothing, and each copy is what a training that stops there ends with.
#[test]
fn copies_are_the_parameters_of_shorter_trainings() {
    let data = digits::load().unwrap().flattened().subset(&(0..96).collect::<Vec<_>>()).unwrap();
    let model = Sequential::<f32>::mlp(&[64, 8, 10], Activation::Relu);
    let schedule = restarts(6, 1);
    let train = |epochs: u64| {
        let mut snapshots = Snapshots::of(&schedule);
        let mut parameters = initialise(&model, 1);
        Trainer::new(&model, Optimiser::sgd(schedule.clone()))
            .epochs(epochs)
            .fit_observed(&data, None, &mut parameters, &mut snapshots)
            .unwrap();
        (parameters, snapshots.into_members())
    };
    // Three steps make an epoch, two epochs a cycle.
    let (last, copies) = train(6);
    assert_eq!(copies.len(), 3);
    assert_eq!(copies[0], train(2).0);
    assert_eq!(copies[1], train(4).0);
    assert_eq!(copies[2], last);
}
