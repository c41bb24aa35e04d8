use super::*;
use crate::penalty::L2;
use crate::penalty::Penalty;
use crate::testing::{Quadratic, assert_close, descend};
use autograd::Tensor;
use nn::Optimiser;
use nn::train::Evaluation;

/// Shows a run of values, each with parameters that hold the number of its epoch, until it stops.
fn shown(mut stopping: EarlyStopping<f64>, values: &[f64]) -> Result<Stopped<f64>, RegularizeError> {
    // One object, changed in place: a snapshot that were no copy would change with it.
    let mut parameters = Parameters::new();
    for (epoch, &value) in values.iter().enumerate() {
        parameters.insert("epoch", Tensor::scalar(epoch as f64));
        if stopping.observe(epoch as u64, value, &parameters).is_break() {
            break;
        }
    }
    let stopped = stopping.finish()?;
    assert_eq!(stopped.parameters["epoch"].item(), stopped.epoch as f64);
    Ok(stopped)
}

/// (best epoch, epochs seen, reason)
fn outcome(patience: u64, values: &[f64]) -> (u64, u64, Reason) {
    let stopped = shown(EarlyStopping::new(patience), values).unwrap();
    assert_eq!(stopped.value, values[stopped.epoch as usize]);
    (stopped.epoch, stopped.epochs, stopped.reason)
}

const NAN: f64 = f64::NAN;

#[test]
fn it_waits_as_long_as_its_patience() {
    use Reason::{OutOfPatience, TrainingEnded};
    let values = [3.0, 2.0, 2.5, 2.4, 1.0, 1.1, 1.2, 1.3, 0.5];
    assert_eq!(outcome(1, &values), (1, 3, OutOfPatience));
    assert_eq!(outcome(2, &values), (1, 4, OutOfPatience));
    assert_eq!(outcome(3, &values), (4, 8, OutOfPatience));
    assert_eq!(outcome(4, &values), (8, 9, TrainingEnded));
    // Out of patience in the last epoch is out of patience.
    assert_eq!(outcome(3, &values[..8]), (4, 8, OutOfPatience));
    assert_eq!(outcome(u64::MAX, &values), (8, 9, TrainingEnded));
}

#[test]
fn patience_zero_is_patience_one() {
    for values in [&[3.0, 2.0, 2.5][..], &[1.0, 0.5, 0.25], &[1.0, 1.0], &[NAN, 1.0], &[2.0, NAN, 1.0]] {
        let both = [0, 1].map(|patience| shown(EarlyStopping::new(patience), values).ok());
        assert_eq!(both[0], both[1], "{values:?}");
    }
}

#[test]
fn a_tie_is_no_improvement_and_the_first_of_equals_is_kept() {
    assert_eq!(outcome(2, &[1.0, 1.0, 1.0, 0.5]), (0, 3, Reason::OutOfPatience));
}

#[test]
fn nan_is_never_best_and_counts_against_patience() {
    assert_eq!(outcome(3, &[NAN, 2.0, NAN, 1.0, NAN]), (3, 5, Reason::TrainingEnded));
    assert_eq!(outcome(2, &[2.0, NAN, NAN, 1.0]), (0, 3, Reason::OutOfPatience));
    assert_eq!(outcome(2, &[2.0, NAN, 3.0, 1.0]), (0, 3, Reason::OutOfPatience));
    let infinite = [f64::INFINITY, f64::NEG_INFINITY, 5.0];
    assert_eq!(outcome(5, &infinite), (2, 3, Reason::TrainingEnded));
    assert_eq!(shown(EarlyStopping::new(5), &infinite).unwrap().non_finite, 2);
}

#[test]
fn a_run_without_a_finite_value_is_an_error() {
    let error = shown(EarlyStopping::new(2), &[NAN, f64::INFINITY, NAN]).unwrap_err();
    let text = "none of 2 epochs had a finite validation loss: there are no best parameters";
    assert_eq!(error.to_string(), text);
    assert!(matches!(
        shown(EarlyStopping::new(2), &[]),
        Err(RegularizeError::NothingToKeep { epochs: 0, .. })
    ));
}

#[test]
fn small_improvements_count_once_their_sum_is_large_enough() {
    let stopping = |patience| EarlyStopping::new(patience).min_delta(0.25).unwrap();
    // 1.0 → 0.875 → 0.75 is a tie with the threshold; 0.625 is beyond it.
    let falling = [1.0, 0.875, 0.75, 0.625, 0.5, 0.375];
    assert_eq!(shown(stopping(3), &falling).unwrap().reason, Reason::TrainingEnded);
    // Impatient, it stops; what comes back is the smallest value all the same.
    let stopped = shown(stopping(2), &falling).unwrap();
    assert_eq!((stopped.epoch, stopped.value, stopped.reason), (2, 0.75, Reason::OutOfPatience));
}

#[test]
fn min_delta_is_checked() {
    for bad in [-0.1, NAN, f64::INFINITY] {
        let error = EarlyStopping::<f64>::new(1).min_delta(bad).unwrap_err();
        assert_eq!(error.to_string(), format!("the min_delta is {bad}, it must be finite and at least 0"));
    }
}

fn metrics(epoch: u64, validation: Option<f64>) -> EpochMetrics {
    let evaluation = |loss| Evaluation { loss, error: loss / 2.0, examples: 1 };
    EpochMetrics {
        epoch,
        objective: 7.0,
        train: evaluation(5.0),
        validation: validation.map(evaluation),
        learning_rate: 0.1,
        seconds: 0.0,
    }
}

#[test]
fn a_measure_that_is_missing_is_an_error() {
    let mut stopping = EarlyStopping::<f64>::new(9);
    assert!(stopping.epoch_ended(&metrics(0, Some(1.0)), &Parameters::new()).is_continue());
    assert!(stopping.epoch_ended(&metrics(1, None), &Parameters::new()).is_break());
    let text = "early stopping watches the validation loss, which epoch 1 did not measure";
    assert_eq!(stopping.finish().unwrap_err().to_string(), text);
}

#[test]
fn each_measure_is_the_one_it_says() {
    use Measure::*;
    let found =
        [ValidationLoss, ValidationError, TrainingLoss, Objective].map(|m| m.of(&metrics(0, Some(3.0))));
    assert_eq!(found, [Some(3.0), Some(1.5), Some(5.0), Some(7.0)]);
    assert_eq!(ValidationError.of(&metrics(0, None)), None);
}

/// With a trainer: it stops where the rule says, and what comes back is bit for bit the training that was
/// stopped at the best epoch.
#[test]
fn a_trainer_stops_and_the_best_epoch_comes_back() {
    use nn::{Activation, Sequential, Trainer, data::digits, initialise};
    // 36 examples, a large step: the validation loss falls, and soon rises.
    let [train, validation, _] = digits::load().unwrap().flattened().split([0.02, 0.1, 0.88], 1).unwrap();
    let model = Sequential::<f32>::mlp(&[64, 16, 10], Activation::Relu);
    let trainer = || Trainer::new(&model, Optimiser::adam(0.05)).seed(1);
    let (mut parameters, mut stopping) = (initialise(&model, 1), EarlyStopping::new(3));
    let curve = trainer()
        .epochs(200)
        .fit_observed(&train, Some(&validation), &mut parameters, &mut stopping)
        .unwrap();
    let stopped = stopping.finish().unwrap();
    assert!(curve.stopped && stopped.reason == Reason::OutOfPatience, "{curve}");
    assert_eq!(curve.epochs.len() as u64, stopped.epochs);
    assert_eq!(curve.best().unwrap().epoch, stopped.epoch);
    assert_eq!(curve.best().unwrap().validation.unwrap().loss, stopped.value);
    assert_ne!(stopped.parameters, parameters);
    let mut again = initialise(&model, 1);
    trainer().epochs(stopped.epoch + 1).fit(&train, None, &mut again).unwrap();
    assert_eq!(again, stopped.parameters);
}

/// Equation 7.40: `τ` steps from 0 keep `1 - (1 - ε λ)^τ` of the minimum along each eigenvector.
#[test]
fn steps_are_a_spectral_filter() {
    let quadratic = Quadratic { angle: 0.6, eigenvalues: [1.5, 0.05], minimum: [1.2, -2.0] };
    let whole = quadratic.along_eigenvectors(&quadratic.minimum);
    for steps in [0, 1, 7, 60] {
        let w = descend(&[0.0, 0.0], steps, &Optimiser::sgd(0.1), |w| quadratic.loss(w));
        let found = quadratic.along_eigenvectors(&w);
        for i in 0..2 {
            let kept = 1.0 - (1.0 - 0.1 * quadratic.eigenvalues[i]).powi(steps as i32);
            // Each step rounds numbers of order one a few times, and contracts what was there.
            assert_close(found[i], kept * whole[i], 1e-14);
        }
    }
}

/// With one eigenvalue, stopping after `τ` steps is L2 with one coefficient exactly: `λ r / (1 - r)`.
#[test]
fn stopping_is_l2_exactly_for_one_eigenvalue() {
    let (lambda, epsilon, steps) = (0.8, 0.1, 12);
    let quadratic = Quadratic { angle: 0.6, eigenvalues: [lambda; 2], minimum: [1.2, -2.0] };
    let left = (1.0 - epsilon * lambda).powi(steps);
    let alpha = lambda * left / (1.0 - left);
    let stopped = descend(&[0.0; 2], steps as u64, &Optimiser::sgd(epsilon), |w| quadratic.loss(w));
    // At rate 0.5 the factor is below 1 - 0.5 · 0.8: 200 steps leave 1e-44.
    let penalised = descend(&[0.0; 2], 200, &Optimiser::sgd(0.5), |w| {
        quadratic.loss(w) + L2::new(alpha).unwrap().value(w)
    });
    for i in 0..2 {
        assert_close(stopped[i], penalised[i], 1e-14);
    }
}

/// Equation 7.45: `α ≈ 1/(ε τ)`, with a relative error of `ε λ (τ + 1)/2` to first order.
#[test]
fn stopping_is_l2_with_one_over_the_path_where_eigenvalues_are_small() {
    let (epsilon, steps) = (0.1f64, 20);
    let error = |lambda: f64| {
        let w = descend::<f64>(&[0.0], steps, &Optimiser::sgd(epsilon), |w| {
            ((w - 1.0).powi(2) * lambda).sum() * 0.5
        });
        // The coefficient with which L2 leaves this much of the minimum 1: w = λ/(λ + α).
        let alpha = lambda * (1.0 - w[0]) / w[0];
        1.0 - alpha * epsilon * steps as f64
    };
    for lambda in [1e-2, 1e-3, 1e-4] {
        let small = epsilon * lambda * (steps as f64 + 1.0) / 2.0;
        // The next order is a square of it; rounding of 1 - w at 1e-16 / w adds 1e-12.
        assert!((error(lambda) - small).abs() < small * small + 1e-11, "{} and {small}", error(lambda));
    }
}

/// With several eigenvalues, stopping is L2 with a coefficient for each eigenvector: `λᵢ rᵢ / (1 - rᵢ)` with
/// `rᵢ = (1 - ε λᵢ)^τ`.
#[test]
fn stopping_is_l2_with_a_coefficient_for_each_eigenvector() {
    let (epsilon, steps) = (0.1, 7);
    let quadratic = Quadratic { angle: 0.6, eigenvalues: [1.5, 0.3], minimum: [1.2, -2.0] };
    let alphas = quadratic.eigenvalues.map(|lambda: f64| {
        let left = (1.0 - epsilon * lambda).powi(steps);
        lambda * left / (1.0 - left)
    });
    // No single coefficient would do.
    assert!((alphas[0] - alphas[1]).abs() > 0.1, "{alphas:?}");
    let penalty = Quadratic { eigenvalues: alphas, minimum: [0.0; 2], ..quadratic };
    let stopped = descend(&[0.0; 2], steps as u64, &Optimiser::sgd(epsilon), |w| quadratic.loss(w));
    // At rate 0.4 both factors are within ±0.4: 200 steps leave 1e-79.
    let penalised = descend(&[0.0; 2], 200, &Optimiser::sgd(0.4), |w| quadratic.loss(w) + penalty.loss(w));
    for i in 0..2 {
        assert_close(stopped[i], penalised[i], 1e-13);
    }
}
