//! Adversarial examples.
//!
//! | defect | found in | test |
//! |---|---|---|
//! | L1 budget spent along `g / ‖g‖₁` | Foolbox, ART before #2381 | [`a_perturbation_attains_the_dual_norm`] |
//! | an Lp budget spent along `g / ‖g‖_p`, or with `p` in the place of its dual | ART before #2382 | [`a_perturbation_attains_the_dual_norm_of_any_exponent`] |
//! | the same step from every pixel, whatever the gradient | ghost-flow C&W | [`a_perturbation_attains_the_dual_norm`] |
//! | a gradient of 0 is divided by its norm | torchattacks MI-FGSM, optax `normalize` | [`a_zero_gradient_moves_nothing`] |
//! | an example without gradient is moved, or is not counted | torchattacks MI-FGSM | [`a_zero_gradient_is_counted_and_leaves_its_example`] |
//! | gathered gradients are divided by a mean of 0 | torchattacks MI-FGSM | [`an_iterated_attack_survives_a_zero_gradient`] |
//! | `ε = 0` gives 0/0 | torchattacks PGDL2 | [`no_budget_is_the_identity`] |
//! | the L1 "projection" rescales | Foolbox L1 PGD | [`a_projection_is_the_nearest_point`] |
//! | ball first and box after, or the other way round | many | [`a_projection_is_the_nearest_point`] |
//! | a step of `1/‖∇‖` without the difference of logits | ghost-flow DeepFool | [`one_step_lands_on_the_boundary_of_an_affine_network`] |
//! | an optimised perturbation that ignores the gradient | ghost-flow C&W | [`a_smallest_perturbation_is_the_distance_to_the_boundary`] |
//! | a gradient estimate divided by 4 instead of 1, losses summed over the batch | Foolbox's evolution strategy | [`a_gradient_estimate_is_unbiased_and_each_example_its_own`] |
//! | one norm for the whole batch: examples leak into each other | Foolbox's gradient estimator | [`examples_do_not_leak_into_each_other`] |
//! | success is claimed before clipping | Foolbox #674 | [`success_is_what_the_network_says_of_the_clipped`] |
//! | the printed closed form of FGSM on logistic regression, right for `y = 1` only | Goodfellow et al. 2015 | [`the_closed_form_has_the_label_outside_the_norm`] |
//! | TRADES climbs the labels' cross-entropy instead of the divergence | ART | [`trades_climbs_the_divergence_and_knows_no_label`] |
//! | what is paid at that point is the labels' loss, or the divergence the other way round | ART | [`trades_pays_the_divergence_from_the_clean_answer`] |
//! | a certificate from uniform noise on one side, with radius `σ √(2p - 1)` | ghost-flow | [`a_certified_radius_is_the_distance_to_the_hyperplane`] |
//! | the attack's pass moves the running statistics of batch normalisation | attacks on a network in training mode | [`an_attack_leaves_no_statistics`] |

use crate::value;
use autograd::{Graph, Parameters, Tensor, Var, grad, interpret};
use nn::data::Dataset;
use nn::train::Batch;
use nn::{Activation, BatchNorm, Layer, Mode, Sequential, initialise};
use regularize::adversarial::smoothing::{Smoothing, statistics};
use regularize::adversarial::{AttackLoss, CarliniWagner, DeepFool, Targets, Trades, Victim};
use regularize::{AdversarialTraining, AttackEvaluator, FastGradient, Norm, Perturbation, Pgd, Threat};

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
    for norm in [Norm::Infinity, Norm::Two, Norm::One] {
        let attack = Pgd::new(Threat::new(norm, 0.0).unwrap(), 3).unwrap();
        assert!(holds(&|x| attack.examples(x, |x| x.powi(2).sum())), "{norm:?}");
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
    let found = AttackEvaluator::new(&model, attack, 2).attack(&data, &parameters).unwrap();
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

#[test]
fn a_perturbation_attains_the_dual_norm_of_any_exponent() {
    let holds = |p: f64, direction: Direction<'_>| {
        let norm = Norm::p(p).unwrap();
        let d = value(&Tensor::new([2, 3], GRADIENTS.to_vec()), direction);
        d.chunks(3).zip(GRADIENTS.chunks(3)).all(|(d, g)| {
            let product: f64 = d.iter().zip(g).map(|(d, g)| d * g).sum();
            norm.of(d) < 1.0 + 1e-14 && (product - norm.dual().of(g)).abs() < 1e-13
        })
    };
    for p in [1.25, 1.5, 3.0, 8.0] {
        assert!(holds(p, &|g| Norm::p(p).unwrap().steepest(g)), "{p}");
        // Along the gradient itself.
        assert!(!holds(p, &|g| g / g.abs().powf(p).sum_keep(&[1]).powf(1.0 / p)), "{p}");
        // The right form with p in the place of q.
        assert!(
            !holds(p, &|g| {
                let size = g.abs().powf(p).sum_keep(&[1]).powf((p - 1.0) / p);
                g.sign() * g.abs().powf(p - 1.0) / size
            }),
            "{p}"
        );
    }
}

#[test]
fn an_iterated_attack_survives_a_zero_gradient() {
    let x = Tensor::new([2, 3], vec![0.1, 0.2, 0.3, 0.4, 0.5, 0.6]);
    let holds = |attack: Direction<'_>| value(&x, attack) == x.data();
    let threat = Threat::infinity(0.1).unwrap().within(0.0, 1.0).unwrap();
    assert!(holds(&|x| Pgd::momentum(threat, 3).unwrap().examples(x, |x| (x * 0.0).sum())));
    assert!(!holds(&|x| {
        let mut point = x;
        let mut velocity = x.like(0.0);
        for _ in 0..3 {
            let g = grad((point * 0.0).sum(), &[point])[0];
            velocity = velocity + g / g.abs().mean_keep(&[1]);
            point = threat.project(x, point + velocity.sign() * 0.05);
        }
        point
    }));
}

/// Nearer than 200 other points of ball and box, which are made by scaling towards `x`.
#[test]
fn a_projection_is_the_nearest_point() {
    let (x, far) = ([0.125, 0.5, 0.875], [1.25, 0.625, 1.5]);
    let epsilon = 0.875;
    let distance =
        |a: &[f64], b: &[f64]| Norm::Two.of(&a.iter().zip(b).map(|(a, b)| a - b).collect::<Vec<_>>());
    let holds = |norm: Norm, project: Direction<'_>| {
        let near = value(&Tensor::new([1, 3], far.to_vec()), project);
        let step: Vec<f64> = near.iter().zip(x).map(|(n, x)| n - x).collect();
        let inside = near.iter().all(|v| (0.0..=1.0).contains(v)) && norm.of(&step) < epsilon + 1e-14;
        let nearest = (0..200u32).all(|trial| {
            let entry = |k: u32| f64::from((trial * 7 + k * 31) * 2_654_435u32 % 1000) / 999.0;
            let step: Vec<f64> = (0..3).map(|k| entry(k) - x[k as usize]).collect();
            let shrink = (epsilon / norm.of(&step)).min(1.0);
            let other: Vec<f64> = x.iter().zip(&step).map(|(x, s)| x + shrink * s).collect();
            distance(&near, &far) <= distance(&other, &far) + 1e-12
        });
        // Every entry that the budget could still move outward has been moved: the budget is spent.
        inside && nearest && (norm.of(&step) > epsilon - 1e-12)
    };
    let centre = || Tensor::new([1, 3], x.to_vec());
    for norm in [Norm::Two, Norm::One] {
        let threat = Threat::new(norm, epsilon).unwrap().within(0.0, 1.0).unwrap();
        let ball = Threat::new(norm, epsilon).unwrap();
        assert!(holds(norm, &|far| threat.project(far.graph().constant(centre()), far)), "{norm:?}");
        // The ball, then the box: budget is left over.
        assert!(!holds(norm, &|far| ball.project(far.graph().constant(centre()), far).clamp(0.0, 1.0)));
    }
    // Rescaled onto the ball, as in the Euclidean norm, then clipped.
    assert!(!holds(Norm::One, &|far| {
        let x = far.graph().constant(centre());
        let d = far - x;
        (x + d * (epsilon / d.abs().sum_keep(&[1])).minimum(1.0)).clamp(0.0, 1.0)
    }));
}

/// Class 1 where `w·x > 0.5`; the distance of an example is `|w·x - 0.5| / ‖w‖`.
fn affine() -> (Sequential<f64>, Parameters<f64>, Dataset<f64>) {
    let model = Sequential::<f64>::new().linear(2, 2);
    let mut parameters = initialise(&model, 4);
    parameters.insert("linear1.weight", Tensor::new([2, 2], vec![0.0, 3.0, 0.0, -4.0]));
    parameters.insert("linear1.bias", Tensor::new([2], vec![0.0, -0.5]));
    let x = Tensor::new([2, 2], vec![0.5, 0.5, 0.75, 0.25]);
    (model, parameters, Dataset::new(x, Tensor::new([2], vec![0, 1]), 2).unwrap())
}

fn distance_to_boundary(x: &[f64]) -> f64 {
    (3.0 * x[0] - 4.0 * x[1] - 0.5).abs() / 5.0
}

#[test]
fn one_step_lands_on_the_boundary_of_an_affine_network() {
    let (model, parameters, data) = affine();
    let holds = |moved: &[f64]| moved.chunks(2).all(|x| distance_to_boundary(x) < 1e-14);
    let attack = DeepFool::new(Threat::two(9.0).unwrap(), 1).unwrap().overshoot(0.0).unwrap();
    let found = AttackEvaluator::new(&model, attack, 2).attack(&data, &parameters).unwrap();
    assert!(holds(found.raw.data()));
    // The step without the difference of logits: `w / ‖w‖`.
    let defect: Vec<f64> = (data.examples().data().chunks(2).zip([1.0, -1.0]))
        .flat_map(|(x, side)| [x[0] + side * 3.0 / 5.0, x[1] - side * 4.0 / 5.0])
        .collect();
    assert!(!holds(&defect));
}

#[test]
fn a_smallest_perturbation_is_the_distance_to_the_boundary() {
    let (model, parameters, data) = affine();
    let holds = |moved: &[f64]| {
        moved.chunks(2).zip(data.examples().data().chunks(2)).all(|(moved, x)| {
            let size = Norm::Two.of(&[moved[0] - x[0], moved[1] - x[1]]);
            // The nearest of some hundred iterates beyond the boundary.
            (distance_to_boundary(x)..1.05 * distance_to_boundary(x) + 1e-3).contains(&size)
        })
    };
    let threat = Threat::two(9.0).unwrap().within(0.0, 1.0).unwrap();
    let attack = CarliniWagner::new(threat, 8, 200).unwrap();
    let found = AttackEvaluator::new(&model, attack, 2).attack(&data, &parameters).unwrap();
    assert_eq!(found.success, [true, true]);
    assert!(holds(found.raw.data()));
    // The same step in every entry until the class changes: here it never does, 3 - 4 being small.
    let defect: Vec<f64> = data.examples().data().iter().map(|x| x - 0.25).collect();
    assert!(!holds(&defect));
}

/// On a linear margin the estimate's expectation is the gradient, `(3, -4)`. Its deviation for 4000 pairs is
/// about `√(2 · 25 / 4000)`, 0.11; five of them are allowed, and a quarter of the gradient is further off.
#[test]
fn a_gradient_estimate_is_unbiased_and_each_example_its_own() {
    let (model, parameters, data) = affine();
    let (pairs, sigma) = (4000, 0.01);
    let x = data.examples().clone();
    let labels = Tensor::new([2], vec![0, 0]);
    let estimate = |x: &Tensor<f64>, first: usize| {
        let labels = labels.rows(&(0..x.shape()[0]).collect::<Vec<_>>());
        let targets = Targets { x, labels: &labels, targets: None, first, seed: 3 };
        let mut victim = Victim::new(&model, &parameters);
        victim.estimated_gradient(AttackLoss::Margin, &targets, sigma, pairs).unwrap().into_data()
    };
    let unbiased = |g: &[f64]| g.chunks(2).all(|g| (g[0] - 3.0).abs() < 0.55 && (g[1] + 4.0).abs() < 0.55);
    let both = estimate(&x, 0);
    assert!(unbiased(&both));
    assert!(!unbiased(&both.iter().map(|g| g / 4.0).collect::<Vec<_>>()));
    let each = |estimate: &dyn Fn(&Tensor<f64>, usize) -> Vec<f64>| {
        let both = estimate(&x, 0);
        let alone = [estimate(&x.rows(&[0]), 0), estimate(&x.rows(&[1]), 1)].concat();
        both.iter().zip(alone).all(|(a, b)| (a - b).abs() < 1e-9)
    };
    assert!(each(&estimate));
    // Losses summed over the batch: every example's estimate holds the others' changes.
    let leaking = |x: &Tensor<f64>, first: usize| {
        let own = estimate(x, first);
        let all: f64 = own.iter().sum();
        own.iter().map(|g| g + 0.01 * (all - g)).collect()
    };
    assert!(!each(&leaking));
}

#[test]
fn a_zero_gradient_is_counted_and_leaves_its_example() {
    let (model, mut parameters, data) = affine();
    // Logits that ignore their input.
    parameters.insert("linear1.weight", Tensor::zeros([2, 2]));
    let x = data.examples();
    let holds = |moved: &[f64], counted: usize| moved == x.data() && counted == 2;
    for norm in [Norm::Infinity, Norm::Two, Norm::One] {
        let threat = Threat::new(norm, 0.1).unwrap().within(0.0, 1.0).unwrap();
        let attack = Pgd::momentum(threat, 3).unwrap();
        let found = AttackEvaluator::new(&model, attack, 2).attack(&data, &parameters).unwrap();
        assert!(holds(found.raw.data(), found.robustness.zero_gradients), "{norm:?}");
    }
    // Divided by the mean of no gradient; and left alone, but passed over in silence.
    let divided = value(x, |x| {
        let g = x * 0.0;
        x + g / g.abs().mean_keep(&[1]) * 0.1
    });
    assert!(!holds(&divided, 2));
    assert!(!holds(x.data(), 0));
}

#[test]
fn trades_pays_the_divergence_from_the_clean_answer() {
    let model = Sequential::<f64>::mlp(&[3, 5, 3], Activation::Tanh);
    let (specs, parameters) = (model.parameters(), initialise(&model, 2));
    let attack = Pgd::new(Threat::infinity(0.3).unwrap(), 3).unwrap();
    let term = Trades::new(attack, 1.0, Mode::Evaluate).unwrap();
    type Term<'t> = &'t dyn for<'g> Fn(&Batch<'g, '_, f64>) -> Var<'g, f64>;
    // `KL(p(x), p(x'))`, the mean over two examples, at the points of the attack.
    let holds = |own: Term<'_>| {
        let graph = Graph::new();
        let x = Tensor::new([2, 3], vec![0.1, -0.4, 0.3, 0.8, 0.2, -0.5]);
        let labels = graph.index_constant(Tensor::new([2], vec![0, 1]));
        let batch = Batch::new(graph.constant(x), labels, &model, &specs, Mode::Evaluate);
        let there = batch.on(term.examples(&batch)).logits().softmax();
        let found =
            interpret(&[own(&batch), batch.logits().softmax(), there], &[], Some(&parameters)).unwrap();
        let terms = found[1].data().iter().zip(found[2].data()).map(|(p, q)| p * (p / q).ln());
        (found[0].item() - terms.sum::<f64>() / 2.0).abs() < 1e-13
    };
    assert!(holds(&|batch| term.objective(batch) - batch.cross_entropy()));
    // The labels' loss there; the divergence the other way round.
    assert!(!holds(&|batch| batch.on(term.examples(batch)).cross_entropy()));
    assert!(!holds(&|batch| {
        let (p, q) = (batch.logits().log_softmax(), batch.on(term.examples(batch)).logits().log_softmax());
        (q.exp() * (q - p)).sum() * 0.5
    }));
}
