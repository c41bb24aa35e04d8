//! Penalties of parameters.
//!
//! | defect | found in | test |
//! |---|---|---|
//! | `signum(0.0)` is 1 in Rust: a zero weight feels the whole L1 penalty | tensorlogic, dfdx, scirs | [`a_zero_weight_feels_no_l1`] |
//! | biases decay too | PyTorch's default, many recipes | [`biases_are_not_penalised`] |
//! | "weight decay" of Adam that is the gradient of L2 | PyTorch, Keras before AdamW | [`decay_is_decay_whatever_the_gradient`] |

use crate::{value, vector};
use autograd::{Feed, Graph, Parameters, Plan, Tensor, grad};
use nn::optimise::AddDecayedWeights;
use nn::{Initialiser, LEARNING_RATE, Layer, Optimiser, ParameterSpec, Role, Selection, Sequential};
use regularize::{DecoupledDecay, L1, L2, Penalties, Penalty};

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

#[test]
fn decay_is_decay_whatever_the_gradient() {
    let spec = ParameterSpec {
        name: "w".into(),
        shape: [1].into(),
        role: Role::Weight,
        initialiser: Initialiser::Zeros,
    };
    // A weight of 3 after a step on a loss of this slope.
    let stepped = |optimiser: &Optimiser<f64>, slope: f64| {
        let graph = Graph::new();
        let loss = spec.declare(&graph).sum() * slope;
        let step = optimiser.minimise(loss, std::slice::from_ref(&spec));
        let mut plan = step.add_to(Plan::builder(&graph)).compile();
        let mut parameters: Parameters<f64> = [("w", Tensor::full([1], 3.0))].into_iter().collect();
        step.initialise_state(&mut parameters);
        plan.run(&mut parameters, &[(LEARNING_RATE, Feed::from(0.1))]).unwrap();
        parameters["w"].data()[0]
    };
    // What decay adds to a step is ε α w, for a loss a thousand times as large too.
    let holds = |decayed: &Optimiser<f64>| {
        let by = |slope| stepped(&Optimiser::adam(0.1), slope) - stepped(decayed, slope);
        [1.0, 1000.0].iter().all(|&slope| (by(slope) - 0.1 * 0.01 * 3.0).abs() < 1e-12)
    };
    let decay = DecoupledDecay::new(0.01, Selection::weights()).unwrap();
    assert!(holds(&Optimiser::adam(0.1).then(decay)));
    assert!(holds(&Optimiser::adamw(0.1, 0.01)));
    let coupled = AddDecayedWeights { decay: 0.01, selection: Selection::weights() };
    assert!(!holds(&Optimiser::adam(0.1).first(coupled)));
}
