//! Early stopping.
//!
//! | defect | found in | test |
//! |---|---|---|
//! | NaN in the first epoch becomes the best, or counts as improvement | Keras recipes, early-stopping-pytorch #28, #16 | [`nan_is_no_improvement`] |
//! | the best weights are lost when training ends by itself | Keras #10765, #11371, #12511, #20256 | [`the_best_comes_back_however_training_ends`] |
//! | a rise of the quotient stops while the training still gains, or 0/0 stops a training that stands still | criteria divided out | [`no_rise_is_no_reason`] |
//! | the snapshot is the live object | anywhere with references | [`a_snapshot_is_a_copy`] |

use autograd::{Parameters, Tensor};
use regularize::{Criterion, EarlyStopping};
use std::ops::ControlFlow;

#[test]
fn nan_is_no_improvement() {
    let values = [f64::NAN, 3.0, f64::NAN, 2.0, f64::NAN, f64::NAN, 1.0];
    // The epoch called best after all of them, and how many were seen with a patience of two.
    let holds = |best: Option<u64>, seen: usize| best == Some(3) && seen == 6;
    let mut ours = EarlyStopping::<f64>::new(2);
    let stops =
        |(epoch, &value): (usize, &f64)| ours.observe(epoch as u64, value, &Parameters::new()).is_break();
    let seen = values.iter().enumerate().position(stops).map_or(values.len(), |at| at + 1);
    assert!(holds(ours.finish().ok().map(|stopped| stopped.epoch), seen));

    // The two ways to get it wrong: whatever is not worse is better; the first is best, whatever it is.
    let wrong = |improves: &dyn Fn(f64, Option<f64>) -> bool| {
        let (mut best, mut waited) = (None, 0);
        for (epoch, &value) in values.iter().enumerate() {
            if improves(value, best.map(|(_, value)| value)) {
                (best, waited) = (Some((epoch as u64, value)), 0);
            } else {
                waited += 1;
            }
            if waited == 2 {
                return (best.map(|(epoch, _)| epoch), epoch + 1);
            }
        }
        (best.map(|(epoch, _)| epoch), values.len())
    };
    #[allow(clippy::neg_cmp_op_on_partial_ord, reason = "the defect as it was written")]
    let (best, seen) = wrong(&|value, best| best.is_none_or(|best| !(value >= best)));
    assert!(!holds(best, seen));
    let (best, seen) = wrong(&|value, best| best.is_none_or(|best| value < best));
    assert!(!holds(best, seen));
}

/// Epochs with the given values, the parameters changed in place from one to the next.
fn watched(patience: u64, values: &[f64]) -> (EarlyStopping<f64>, Parameters<f64>) {
    let (mut stopping, mut parameters) = (EarlyStopping::new(patience), Parameters::new());
    parameters.insert("w", Tensor::scalar(0.0));
    for (epoch, &value) in values.iter().enumerate() {
        parameters.get_mut("w").unwrap().data_mut()[0] = epoch as f64;
        if let ControlFlow::Break(()) = stopping.observe(epoch as u64, value, &parameters) {
            break;
        }
    }
    (stopping, parameters)
}

#[test]
fn the_best_comes_back_however_training_ends() {
    let values = [3.0, 1.0, 2.0, 2.5, 2.75];
    for patience in [1, 3, 100] {
        let (stopping, last) = watched(patience, &values);
        assert_eq!(stopping.finish().unwrap().parameters["w"].item(), 1.0);
        assert_ne!(last["w"].item(), 1.0);
    }
}

#[test]
fn a_snapshot_is_a_copy() {
    let (mut stopping, mut live) = watched(9, &[1.0]);
    live.get_mut("w").unwrap().data_mut()[0] = f64::NAN;
    let _ = stopping.observe(1, 2.0, &live);
    assert_eq!(stopping.finish().unwrap().parameters["w"].item(), 0.0);
}

#[test]
fn no_rise_is_no_reason() {
    // Rise over progress of a strip of two, for a validation loss and two training losses.
    let curves =
        [([1.0, 1.0], [0.5, 0.5], false), ([1.0, 1.1], [0.5, 0.5], true), ([1.0, 1.1], [0.9, 0.5], false)];
    let holds =
        |stops: &dyn Fn([f64; 2], [f64; 2]) -> bool| curves.iter().all(|&(v, t, then)| stops(v, t) == then);
    let ours = |validation: [f64; 2], training: [f64; 2]| {
        let criterion = Criterion::ProgressQuotient { alpha: 1.0, strip: 2 };
        let mut stopping = EarlyStopping::<f64>::by(criterion).unwrap();
        let mut show = |epoch: usize| {
            stopping
                .observe_both(epoch as u64, validation[epoch], training[epoch], &Parameters::new())
                .is_break()
        };
        show(0) || show(1)
    };
    assert!(holds(&ours));
    let parts = |v: [f64; 2], t: [f64; 2]| {
        (100.0 * (v[1] / v[0].min(v[1]) - 1.0), 1000.0 * ((t[0] + t[1]) / (2.0 * t[0].min(t[1])) - 1.0))
    };
    // 0/0 is NaN, which is not below the bound.
    #[allow(clippy::neg_cmp_op_on_partial_ord, reason = "the defect as it was written")]
    let divided = |v, t| !(parts(v, t).0 / parts(v, t).1 <= 1.0);
    assert!(!holds(&divided));
    assert!(!holds(&|v, t| parts(v, t).0 > 1.0));
}
