//! The bug museum: defects found in published libraries, each planted again here and killed.
//!
//! A test states a property as a function of an implementation. Ours must have it; the defect, written out
//! as an implementation of its own, must not: a property that cannot tell the two apart proves nothing.
//!
//! | defect | found in | test |
//! |---|---|---|
//! | `signum(0.0)` is 1 in Rust: a zero weight feels the whole L1 penalty | tensorlogic, dfdx, scirs | [`a_zero_weight_feels_no_l1`] |
//! | biases decay too | PyTorch's default, many recipes | [`biases_are_not_penalised`] |
//! | the backward pass draws a mask of its own | optirs DropConnect | [`backward_has_the_mask_of_forward`] |
//! | "dropout" that masks gradients of parameters, and no activation | optirs | [`a_dropped_unit_contributes_nothing`] |
//! | scaled by `1 - p` where `1 / (1 - p)` is meant | burn's documentation | [`the_mean_over_masks_is_the_unit`] |
//! | `p = 1` and NaN accepted: `x · 0 · (1/0)` | burn | [`everything_dropped_is_refused`] |
//! | dropout is on exactly when gradients are recorded | burn | [`mode_has_nothing_to_do_with_gradients`] |
//! | NaN in the first epoch becomes the best, or counts as improvement | Keras recipes, early-stopping-pytorch #28, #16 | [`nan_is_no_improvement`] |
//! | the best weights are lost when training ends by itself | Keras #10765, #11371, #12511, #20256 | [`the_best_comes_back_however_training_ends`] |
//! | the snapshot is the live object | anywhere with references | [`a_snapshot_is_a_copy`] |
//! | L1 budget spent along `g / ‖g‖₁` | Foolbox, ART before #2381 | [`a_perturbation_attains_the_dual_norm`] |
//! | the same step from every pixel, whatever the gradient | ghost-flow C&W | [`a_perturbation_attains_the_dual_norm`] |
//! | a gradient of 0 is divided by its norm | torchattacks MI-FGSM, optax `normalize` | [`a_zero_gradient_moves_nothing`] |
//! | `ε = 0` gives 0/0 | torchattacks PGDL2 | [`no_budget_is_the_identity`] |
//! | one norm for the whole batch: examples leak into each other | Foolbox's gradient estimator | [`examples_do_not_leak_into_each_other`] |
//! | success is claimed before clipping | Foolbox #674 | [`success_is_what_the_network_says_of_the_clipped`] |
//! | the printed closed form of FGSM on logistic regression, right for `y = 1` only | Goodfellow et al. 2015 | [`the_closed_form_has_the_label_outside_the_norm`] |

use autograd::check::check_gradient;
use autograd::{Draw, Feed, Graph, Interpreter, Parameters, Tensor, Var, grad, interpret};
use nn::data::Dataset;
use nn::{Layer, Mode, Selection, Sequential, initialise};
use regularize::{
    AttackEvaluator, Dropout, EarlyStopping, FastGradient, L1, L2, Norm, Penalties, Penalty, Perturbation,
    RegularizeError,
};
use std::ops::ControlFlow;

/// The value of one expression of one fed input.
fn value(x: &Tensor<f64>, f: impl for<'g> Fn(Var<'g, f64>) -> Var<'g, f64>) -> Vec<f64> {
    let graph = Graph::new();
    let output = f(graph.input("x", x.shape()));
    interpret(&[output], &[("x", Feed::from(x))], None).unwrap().remove(0).into_data()
}

fn vector(values: &[f64]) -> Tensor<f64> {
    Tensor::new([values.len()], values.to_vec())
}

fn half() -> Dropout {
    Dropout::new(0.5).unwrap()
}

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
fn backward_has_the_mask_of_forward() {
    let x: Vec<f64> = (0..16).map(|i| 0.3 + 0.1 * f64::from(i)).collect();
    // The loss draws under one name, its gradient is taken under another: the same, or the defect.
    let holds = |forward: &'static str, backward: &'static str| {
        let loss = |name: &str, x: &[f64], slope: bool| {
            value(&vector(x), |x| {
                let loss = half().named(name).forward(x, Mode::Train).powi(2).sum();
                if slope { grad(loss, &[x])[0] } else { loss }
            })
        };
        let report = check_gradient(|x| loss(forward, x, false)[0], |x| loss(backward, x, true), &x);
        report.is_success()
    };
    assert!(holds("mask", "mask"));
    assert!(!holds("mask", "mask drawn again"));
}

/// Units and mask to what is left of them.
type Masking<'m> = &'m dyn for<'g> Fn(Var<'g, f64>, Var<'g, f64>) -> Var<'g, f64>;

#[test]
fn a_dropped_unit_contributes_nothing() {
    let mask = vector(&[1.0, 0.0, 1.0]);
    let holds = |layer: Masking<'_>| {
        let sum = |unit: f64| {
            value(&vector(&[1.0, unit, 2.0]), |x| layer(x, x.graph().constant(mask.clone())).sum())
        };
        sum(5.0) == sum(-7.0)
    };
    assert!(holds(&|x, mask| half().apply(x, mask)));
    // The activations pass; a mask on some gradient would come later.
    assert!(!holds(&|x, _| x));
}

#[test]
fn the_mean_over_masks_is_the_unit() {
    let layer = Dropout::new(0.25).unwrap();
    let holds = |transform: Masking<'_>| {
        let mut mean = 0.0;
        for (probability, mask) in layer.masks::<f64>(1) {
            let y = value(&vector(&[3.0]), |x| transform(x, x.graph().constant(mask.clone())));
            mean += probability * y[0];
        }
        (mean - 3.0f64).abs() < 1e-14
    };
    assert!(holds(&|x, mask| layer.apply(x, mask)));
    assert!(!holds(&|x, mask| x * mask * 0.75));
    assert!(!holds(&|x, mask| x * mask));
}

#[test]
fn everything_dropped_is_refused() {
    let holds = |accepts: &dyn Fn(f64) -> bool| {
        accepts(0.0) && accepts(0.9) && ![1.0, f64::NAN, -0.1, 1.1].into_iter().any(accepts)
    };
    assert!(holds(&|p| Dropout::new(p).is_ok()));
    // Refused below 0 and above 1: a NaN is neither, and 1 is not above.
    #[allow(clippy::manual_range_contains, reason = "the defect as it was written")]
    let defect = |p: f64| !(p < 0.0 || p > 1.0);
    assert!(!holds(&defect));
}

#[test]
fn mode_has_nothing_to_do_with_gradients() {
    let graph = Graph::<f64>::new();
    let x = graph.constant(Tensor::full([32], 1.0));
    let run = |y: Var<'_, f64>, run| {
        let parameters = Parameters::new();
        let interpreter = Interpreter { parameters: &parameters, draw: Draw { seed: 1, run } };
        interpreter.run(&graph, &[y.id()], &[]).unwrap().get(y).clone()
    };
    // Differentiated, and nothing is dropped: the input gradient that an attack needs.
    let slope = grad(half().forward(x, Mode::Evaluate).sum(), &[x])[0];
    assert_eq!(run(slope, 0), Tensor::full([32], 1.0));
    // Not differentiated, and units are dropped: Monte Carlo dropout.
    let sample = half().forward(x, Mode::Sample);
    assert!(run(sample, 0).data().contains(&0.0));
    assert_ne!(run(sample, 0), run(sample, 1));
}

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

/// Gradient to perturbation of norm 1, for a batch.
type Direction<'d> = &'d dyn for<'g> Fn(Var<'g, f64>) -> Var<'g, f64>;

/// Two examples, with a tie, a zero and no symmetry.
const GRADIENTS: [f64; 6] = [3.0, -1.0, 0.0, -2.0, 2.0, 0.5];

#[test]
fn a_perturbation_attains_the_dual_norm() {
    let holds = |norm: Norm, dual: Norm, direction: Direction<'_>| {
        let g = Tensor::new([2, 3], GRADIENTS.to_vec());
        let d = value(&g, direction);
        d.chunks(3).zip(GRADIENTS.chunks(3)).all(|(d, g)| {
            let product: f64 = d.iter().zip(g).map(|(d, g)| d * g).sum();
            norm.of(d) < 1.0 + 1e-15 && (product - dual.of(g)).abs() < 1e-14
        })
    };
    for (norm, dual) in [(Norm::Infinity, Norm::One), (Norm::Two, Norm::Two), (Norm::One, Norm::Infinity)] {
        assert!(holds(norm, dual, &|g| norm.steepest(g)), "{norm:?}");
        // The same step from every pixel.
        assert!(!holds(norm, dual, &|g| norm.steepest(g.like(1.0))), "{norm:?}");
    }
    assert!(!holds(Norm::One, Norm::Infinity, &|g| g / g.abs().sum_keep(&[1])));
}

#[test]
fn a_zero_gradient_moves_nothing() {
    let holds = |direction: Direction<'_>| value(&Tensor::zeros([2, 3]), direction).iter().all(|&d| d == 0.0);
    for norm in [Norm::Infinity, Norm::Two, Norm::One] {
        assert!(holds(&|g| norm.steepest(g)), "{norm:?}");
    }
    assert!(!holds(&|g| g / g.powi(2).sum_keep(&[1]).sqrt()));
    assert!(!holds(&|g| g / g.abs().mean_keep(&[1])));
}

#[test]
fn examples_do_not_leak_into_each_other() {
    let holds = |direction: Direction<'_>| {
        let both = value(&Tensor::new([2, 3], GRADIENTS.to_vec()), direction);
        let each = GRADIENTS.chunks(3).flat_map(|g| value(&Tensor::new([1, 3], g.to_vec()), direction));
        both.iter().zip(each).all(|(both, each)| (both - each).abs() < 1e-15)
    };
    for norm in [Norm::Infinity, Norm::Two, Norm::One] {
        assert!(holds(&|g| norm.steepest(g)), "{norm:?}");
    }
    assert!(!holds(&|g| g / g.powi(2).sum().sqrt()));
}

#[test]
fn no_budget_is_the_identity() {
    let x = Tensor::new([2, 3], vec![0.1, 0.2, 0.3, 0.4, 0.5, 0.6]);
    let holds = |attack: Direction<'_>| value(&x, attack) == x.data();
    for norm in [Norm::Infinity, Norm::Two, Norm::One] {
        let attack = FastGradient::new(0.0).unwrap().in_norm(norm);
        assert!(holds(&|x| attack.examples(x.powi(2).sum(), x, Perturbation::Constant)), "{norm:?}");
    }
    // Projecting a perturbation of length 0 onto a ball of radius 0 by `d · min(1, ε / ‖d‖)`.
    assert!(!holds(&|x| {
        let d = x * 0.0;
        let norm = d.powi(2).sum_keep(&[1]).sqrt();
        x + d * (norm * 0.0 / norm).minimum(1.0)
    }));
}

#[test]
fn success_is_what_the_network_says_of_the_clipped() {
    // Class 1 where x₀ + x₁ > 0.7. The first example needs the step out of the box to cross; the others do
    // not cross, and cross within the box.
    let examples = Tensor::new([3, 2], vec![0.0, 0.9, 0.9, 0.9, 0.4, 0.4]);
    let data = Dataset::new(examples, Tensor::full([3], 1), 2).unwrap();
    let model = Sequential::<f64>::new().linear(2, 2);
    let mut parameters = initialise(&model, 4);
    parameters.insert("linear1.weight", Tensor::new([2, 2], vec![0.0, 1.0, 0.0, 1.0]));
    parameters.insert("linear1.bias", Tensor::new([2], vec![0.0, -0.7]));
    let attack = FastGradient::new(0.15).unwrap().within(0.0, 1.0).unwrap();
    let found = AttackEvaluator::new(&model, attack, 2).attack(&data, &mut parameters).unwrap();
    let wrong = |examples: &Tensor<f64>| {
        let graph = Graph::new();
        let logits = model.forward(graph.constant(examples.clone()), Mode::Evaluate);
        let logits = interpret(&[logits], &[], Some(&parameters)).unwrap().remove(0);
        let rows = logits.data().chunks(2).zip(data.labels().data());
        rows.map(|(z, &label)| (z[1] > z[0]) as u32 != label).collect::<Vec<_>>()
    };
    assert_eq!(found.success, [false, false, true]);
    assert_eq!(found.success, wrong(&found.clipped));
    assert_ne!(found.success, wrong(&found.raw));
}

#[test]
fn the_closed_form_has_the_label_outside_the_norm() {
    let (w, b, epsilon) = ([1.5, -0.5, 0.25], 0.3, 0.2);
    let softplus = |z: f64| (1.0 + z.exp()).ln();
    let holds = |closed: &dyn Fn(f64, f64, f64) -> f64| {
        [1.0, -1.0].iter().all(|&y| {
            let x = Tensor::new([1, 3], vec![0.4, -0.2, 0.7]);
            let z: f64 = x.data().iter().zip(w).map(|(x, w)| x * w).sum::<f64>() + b;
            let attacked = value(&x, |x| {
                let w = x.graph().constant(Tensor::new([3, 1], w.to_vec()));
                let attack = FastGradient::new(epsilon).unwrap();
                let loss = ((x.matmul(w) + b_of(x, b)) * -y).softplus().sum();
                let moved = attack.examples(loss, x, Perturbation::Constant);
                ((moved.matmul(w) + b_of(x, b)) * -y).softplus().sum()
            });
            let norm = w.iter().map(|w: &f64| w.abs()).sum::<f64>();
            (attacked[0] - closed(y, z, norm)).abs() < 1e-14
        })
    };
    assert!(holds(&|y, z, norm| softplus(epsilon * norm - y * z)));
    assert!(!holds(&|y, z, norm| softplus(y * (epsilon * norm - z))));
}

fn b_of<'g>(x: Var<'g, f64>, b: f64) -> Var<'g, f64> {
    x.graph().fill([], b)
}

/// Errors are values: none of the refusals above is a panic.
#[test]
fn refusals_are_typed() {
    assert!(matches!(Dropout::new(1.0), Err(RegularizeError::Hyperparameter(_))));
    assert!(matches!(FastGradient::new(0.1).unwrap().within(1.0, 0.0), Err(RegularizeError::Bounds { .. })));
}
