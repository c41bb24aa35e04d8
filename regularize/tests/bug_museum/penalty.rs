//! Penalties of parameters.
//!
//! | defect | found in | test |
//! |---|---|---|
//! | `signum(0.0)` is 1 in Rust: a zero weight feels the whole L1 penalty | tensorlogic, dfdx, scirs | [`a_zero_weight_feels_no_l1`] |
//! | biases decay too | PyTorch's default, many recipes | [`biases_are_not_penalised`] |

use crate::{value, vector};
use autograd::{Graph, grad};
use nn::Layer;
use nn::{Selection, Sequential};
use regularize::{L1, L2, Penalties, Penalty};

#[test]
fn a_zero_weight_feels_no_l1() {
    let holds = |slope: &dyn Fn(f64) -> f64| {
        [0.0, -0.0].iter().all(|&w| slope(w) == 0.0) && slope(2.0) == 0.5 && slope(-2.0) == -0.5
    };
    let ours = |w: f64| value(&vector(&[w]), |w| grad(Penalty::value(&L1::new(0.5).unwrap(), w), &[w])[0])[0];
    assert!(holds(&ours));
    assert!(!holds(&|w: f64| 0.5 * w.signum()));
}

#[test]
fn biases_are_not_penalised() {
    let (model, graph) = (Sequential::<f64>::new().linear(2, 3), Graph::<f64>::new());
    let decays = |selection: Selection| {
        let sum = Penalties::new().with(selection, L2::new(0.1).unwrap());
        let sum = sum.value(&graph, &model.parameters()).unwrap();
        let bias = graph.parameter("linear1.bias", [3]);
        autograd::try_grad(sum, &[bias]).is_ok()
    };
    assert!(!decays(Selection::weights()));
    assert!(decays(Selection::all()));
}
