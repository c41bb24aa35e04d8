//! Adversarial examples.
//!
//! | defect | found in | test |
//! |---|---|---|
//! | L1 budget spent along `g / ‖g‖₁` | Foolbox, ART before #2381 | [`a_perturbation_attains_the_dual_norm`] |
//! | the same step from every pixel, whatever the gradient | ghost-flow C&W | [`a_perturbation_attains_the_dual_norm`] |
//! | a gradient of 0 is divided by its norm | torchattacks MI-FGSM, optax `normalize` | [`a_zero_gradient_moves_nothing`] |
//! | `ε = 0` gives 0/0 | torchattacks PGDL2 | [`no_budget_is_the_identity`] |
//! | one norm for the whole batch: examples leak into each other | Foolbox's gradient estimator | [`examples_do_not_leak_into_each_other`] |
//! | success is claimed before clipping | Foolbox #674 | [`success_is_what_the_network_says_of_the_clipped`] |
//! | the printed closed form of FGSM on logistic regression, right for `y = 1` only | Goodfellow et al. 2015 | [`the_closed_form_has_the_label_outside_the_norm`] |
//! | TRADES climbs the labels' cross-entropy instead of the divergence | ART | [`trades_climbs_the_divergence_and_knows_no_label`] |
//! | a certificate from uniform noise on one side, with radius `σ √(2p - 1)` | ghost-flow | [`a_certified_radius_is_the_distance_to_the_hyperplane`] |
//! | the attack's pass moves the running statistics of batch normalisation | attacks on a network in training mode | [`an_attack_leaves_no_statistics`] |

use crate::value;
use autograd::{Graph, Tensor, Var, interpret};
use nn::data::Dataset;
use nn::train::Batch;
use nn::{Activation, BatchNorm, Layer, Mode, Sequential, initialise};
use regularize::adversarial::smoothing::{Smoothing, statistics};
use regularize::adversarial::{Pgd, Threat, Trades};
use regularize::{AdversarialTraining, AttackEvaluator, FastGradient, Norm, Perturbation};

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

#[test]
fn trades_climbs_the_divergence_and_knows_no_label() {
    let model = Sequential::<f64>::mlp(&[3, 5, 3], Activation::Tanh);
    let (specs, parameters, steps) = (model.parameters(), initialise(&model, 2), 3);
    let attack = Pgd::new(Threat::infinity(0.3).unwrap(), steps).unwrap();
    let term = Trades::new(attack, 1.0, Mode::Evaluate).unwrap();
    // The points for two labellings of one batch must be the same, and differ from the examples.
    type Points<'p> = &'p dyn for<'g> Fn(&Batch<'g, '_, f64>) -> Var<'g, f64>;
    let holds = |points: Points<'_>| {
        let x = Tensor::new([2, 3], vec![0.1, -0.4, 0.3, 0.8, 0.2, -0.5]);
        let with = |labels: Vec<u32>| {
            let graph = Graph::new();
            let labels = graph.index_constant(Tensor::new([2], labels));
            let batch = Batch::new(graph.constant(x.clone()), labels, &model, &specs, Mode::Evaluate);
            interpret(&[points(&batch)], &[], Some(&parameters)).unwrap().remove(0)
        };
        let first = with(vec![0, 1]);
        first != x && first == with(vec![1, 2]) && first == with(vec![2, 0])
    };
    assert!(holds(&|batch| term.examples(batch)));
    assert!(!holds(&|batch| attack.examples(batch.inputs, |x| batch.on(x).cross_entropy())));
}

#[test]
fn a_certified_radius_is_the_distance_to_the_hyperplane() {
    // A linear classifier at distance `d`: of Gaussian copies the share Φ(d/σ) is on the right side, of copies
    // with noise uniform on [0, σ) all are, or the share 1 - d/σ if the noise points the other way.
    let holds = |radius: &dyn Fn(f64, f64) -> Option<f64>| {
        [0.25, 0.5, 1.0].iter().all(|&sigma| {
            [0.1, 0.3, 0.9].iter().all(|&distance| {
                radius(sigma, distance).is_some_and(|radius| (radius - distance).abs() < 1e-10)
            })
        })
    };
    assert!(holds(&|sigma, distance| {
        Smoothing::new(sigma).unwrap().radius(statistics::normal_cdf(distance / sigma))
    }));
    assert!(!holds(&|sigma, distance| {
        let p = (1.0f64 - distance / sigma).max(distance / sigma).min(1.0);
        Some(sigma * (2.0 * p - 1.0).sqrt())
    }));
    // The right noise with the wrong formula.
    assert!(!holds(&|sigma, distance| {
        Some(sigma * (2.0 * statistics::normal_cdf(distance / sigma) - 1.0).sqrt())
    }));
}

#[test]
fn an_attack_leaves_no_statistics() {
    let model = Sequential::<f64>::new().then(BatchNorm::new("norm", 2)).linear(2, 2);
    let specs = model.parameters();
    type Points<'p> = &'p dyn for<'g> Fn(&Batch<'g, '_, f64>) -> Var<'g, f64>;
    let holds = |points: Points<'_>| {
        let graph = Graph::new();
        let labels = graph.index_constant(Tensor::new([3], vec![0, 1, 1]));
        let batch = Batch::new(graph.input("x", [3, 2]), labels, &model, &specs, Mode::Train);
        points(&batch);
        graph.proposed_updates().is_empty()
    };
    let attack = FastGradient::new(0.1).unwrap();
    let training = AdversarialTraining::new(attack, 0.0, Mode::Train).unwrap();
    assert!(holds(&|batch| training.examples(batch, |batch| batch.cross_entropy())));
    let threat = Threat::infinity(0.1).unwrap();
    let trades = Trades::new(Pgd::new(threat, 2).unwrap(), 1.0, Mode::Train).unwrap();
    assert!(holds(&|batch| trades.examples(batch)));
    assert!(!holds(&|batch| {
        attack.examples(batch.cross_entropy(), batch.inputs, Perturbation::Constant)
    }));
}
