//! Sparse representations.
//!
//! | defect | found in | test |
//! |---|---|---|
//! | `signum(0.0)` is 1 in Rust: a silent unit is pushed by the whole L1 penalty | scirs, dfdx | [`a_silent_unit_feels_no_l1`] |

use crate::{value, vector};
use autograd::grad;
use regularize::sparsity::{ActivationL1, ActivationPenalty};

#[test]
fn a_silent_unit_feels_no_l1() {
    let holds = |slope: &dyn Fn(f64) -> f64| {
        [0.0, -0.0].iter().all(|&h| slope(h) == 0.0) && slope(2.0) == 0.5 && slope(-2.0) == -0.5
    };
    let penalty = ActivationL1::new(0.5).unwrap();
    let ours = |h: f64| value(&vector(&[h]), |h| grad(penalty.value(h), &[h])[0])[0];
    assert!(holds(&ours));
    assert!(!holds(&|h: f64| 0.5 * h.signum()));
}
