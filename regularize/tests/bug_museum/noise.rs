//! Noise on targets and outputs.
//!
//! | defect | found in | test |
//! |---|---|---|
//! | the entropy penalty's gradient has the wrong sign, and its unit test asserts it | optirs `entropy` | [`the_penalty_makes_outputs_less_sure`] |
//! | smoothing above 1 is accepted | optax `smooth_labels` | [`smoothing_above_one_is_refused`] |

use crate::{value, vector};
use autograd::check::check_gradient;
use autograd::grad;
use regularize::{ConfidencePenalty, LabelSmoothing};

#[test]
fn the_penalty_makes_outputs_less_sure() {
    let logits = [1.5, 0.2, -0.7];
    let penalty = ConfidencePenalty::new(0.5).unwrap();
    let loss = |z: &[f64]| value(&vector(z), |z| penalty.value(z.reshape([1, 3])))[0];
    let slope = |z: &[f64]| value(&vector(z), |z| grad(penalty.value(z.reshape([1, 3])), &[z])[0]);
    let holds = |slope: &dyn Fn(&[f64]) -> Vec<f64>| {
        let step: Vec<f64> = logits.iter().zip(slope(&logits)).map(|(z, s)| z - 0.1 * s).collect();
        // A step against the gradient lowers the penalty, which is the negative entropy.
        check_gradient(loss, slope, &logits).is_success() && loss(&step) < loss(&logits)
    };
    assert!(holds(&slope));
    // The penalty is -β H, and +β ∂H goes into the gradient.
    assert!(!holds(&|z| slope(z).into_iter().map(|s| -s).collect()));
}

#[test]
fn smoothing_above_one_is_refused() {
    let holds = |accepts: &dyn Fn(f64) -> bool| {
        accepts(0.0) && accepts(0.1) && ![1.5, 1.0, -0.1, f64::NAN].into_iter().any(accepts)
    };
    assert!(holds(&|epsilon| LabelSmoothing::new(epsilon).is_ok()));
    assert!(holds(&|epsilon| LabelSmoothing::uniform(epsilon).is_ok()));
    assert!(!holds(&|epsilon| epsilon >= 0.0));
}
