use super::*;
use crate::adversarial::{Norm, Threat};
use crate::dropout::Dropout;
use crate::testing::{assert_close, numbers};
use autograd::check::Checker;
use autograd::{Draw, Feed, Graph, IndexVar, Interpreter, Tensor, grad, interpret};
use nn::data::digits;
use nn::{Activation, Layer, Optimiser, ParameterSpec, Sequential, Trainer, initialise};
use proptest::prelude::*;

fn fgsm_of(epsilon: f64) -> FastGradient {
    FastGradient::new(epsilon).unwrap()
}

/// A batch of three examples with the given model.
fn batch<'g, 'm>(
    graph: &'g Graph<f64>,
    model: &'m dyn Layer<f64>,
    specs: &'m [ParameterSpec],
    mode: Mode,
) -> Batch<'g, 'm, f64> {
    let labels: IndexVar<'g, f64> = graph.index_constant(Tensor::new([3], vec![0, 1, 1]));
    Batch::new(graph.input("x", [3, 4]), labels, model, specs, mode)
}

fn x() -> Tensor<f64> {
    numbers([3, 4], -1.0, 1.0, 1)
}

fn mlp() -> Sequential<f64> {
    Sequential::mlp(&[4, 5, 2], Activation::Tanh)
}

#[test]
fn the_objective_is_the_mixture() {
    let (model, graph) = (mlp(), Graph::new());
    let (specs, parameters) = (model.parameters(), initialise(&model, 1));
    let batch = batch(&graph, &model, &specs, Mode::Train);
    let mixed = |alpha| AdversarialTraining::new(fgsm_of(0.1), alpha, Mode::Evaluate).unwrap();
    let value = |alpha| mixed(alpha).objective(&batch, |batch| batch.cross_entropy());
    let outputs = [value(1.0), value(0.0), value(0.25)];
    let found = interpret(&outputs, &[("x", Feed::from(&x()))], Some(&parameters)).unwrap();
    let [clean, attacked, mixture] = [0, 1, 2].map(|i| found[i].item());
    assert!(attacked > clean);
    assert_eq!(mixture, clean * 0.25 + attacked * 0.75);
}

/// Mean cross-entropy of linear scores `x W + b`, `[n, k]`, and its gradient in `x`, by loops.
fn cross_entropy(x: &[f64], w: &Tensor<f64>, b: &[f64], labels: &[u32]) -> (f64, Vec<f64>) {
    let (d, k, n) = (w.shape()[0], w.shape()[1], labels.len() as f64);
    let (mut loss, mut slope) = (0.0, Vec::new());
    for (x, &label) in x.chunks(d).zip(labels) {
        let score = |j: usize| b[j] + (0..d).map(|i| x[i] * w[[i, j]]).sum::<f64>();
        let scores: Vec<f64> = (0..k).map(score).collect();
        let sum: f64 = scores.iter().map(|score| score.exp()).sum();
        loss += (sum.ln() - scores[label as usize]) / n;
        let excess = |j: usize| scores[j].exp() / sum - f64::from(u8::from(j == label as usize));
        slope.extend((0..d).map(|i| (0..k).map(|j| excess(j) * w[[i, j]]).sum::<f64>() / n));
    }
    (loss, slope)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]

    /// `α J(x) + (1 - α) J(x + ε sign ∇J)` by loops.
    #[test]
    fn on_a_linear_network_the_objective_is_that_of_plain_loops(
        (n, d, k) in (1usize..5, 1usize..6, 2usize..5),
        (epsilon, alpha) in (0.01..0.5, 0.0..1.0),
        seed: u64,
    ) {
        let model = Sequential::<f64>::new().linear(d, k);
        let (specs, graph) = (model.parameters(), Graph::new());
        let mut parameters = initialise(&model, seed);
        parameters.insert("linear1.bias", numbers([k], -1.0, 1.0, !seed));
        let labels: Vec<u32> = (0..n).map(|i| (seed >> (3 * i)) as u32 % k as u32).collect();
        let targets: IndexVar<'_, f64> = graph.index_constant(Tensor::new([n], labels.clone()));
        let batch = Batch::new(graph.input("x", [n, d]), targets, &model, &specs, Mode::Train);
        let training = AdversarialTraining::new(fgsm_of(epsilon), alpha, Mode::Train).unwrap();
        let objective = training.objective(&batch, |batch| batch.cross_entropy());
        let x = numbers([n, d], -1.0, 1.0, seed);
        let found = interpret(&[objective], &[("x", Feed::from(&x))], Some(&parameters)).unwrap()[0].item();
        let (w, b) = (&parameters["linear1.weight"], parameters["linear1.bias"].data());
        let (clean, slope) = cross_entropy(x.data(), w, b, &labels);
        // A gradient within rounding of 0 has a sign by chance.
        prop_assume!(slope.iter().all(|slope| slope.abs() > 1e-12));
        let moved: Vec<f64> = x.data().iter().zip(slope).map(|(x, s)| x + epsilon * s.signum()).collect();
        let (attacked, _) = cross_entropy(&moved, w, b, &labels);
        // Some dozen operations on numbers of order one.
        assert_close(found, alpha * clean + (1.0 - alpha) * attacked, 1e-13);
    }
}

#[test]
fn limits_record_the_plain_loss() {
    let (model, graph) = (mlp(), Graph::new());
    let specs = model.parameters();
    let batch = batch(&graph, &model, &specs, Mode::Train);
    let plain = batch.cross_entropy();
    // The loss is recorded again by each call; what it leads to is the same.
    let recorded = |training: AdversarialTraining| {
        let before = graph.len();
        training.objective(&batch, |batch| batch.cross_entropy());
        graph.len() - before
    };
    let before = graph.len();
    batch.cross_entropy();
    let once = graph.len() - before;
    let new = |epsilon, alpha| AdversarialTraining::new(fgsm_of(epsilon), alpha, Mode::Train).unwrap();
    assert_eq!(recorded(new(0.1, 1.0)), once);
    assert_eq!(recorded(new(0.0, 0.5)), once);
    assert!(recorded(new(0.1, 0.5)) > once);
    assert_eq!(plain.graph().len(), graph.len());
}

/// Whether the attack sees dropout is said, and in training mode it sees the mask that is trained.
#[test]
fn the_attack_sees_the_network_in_the_mode_it_is_given() {
    let half = Dropout::new(0.5).unwrap();
    let model = Sequential::<f64>::new().then(half).linear(4, 2);
    let (specs, parameters, graph) = (model.parameters(), initialise(&model, 2), Graph::new());
    let batch = batch(&graph, &model, &specs, Mode::Train);
    let examples = |mode| {
        let training = AdversarialTraining::new(fgsm_of(0.1), 0.5, mode).unwrap();
        training.examples(&batch, |batch| batch.cross_entropy())
    };
    let (in_training, in_evaluation) = (examples(Mode::Train), examples(Mode::Evaluate));
    let logits = batch.logits();
    let mask = grad(logits.sum(), &[batch.inputs])[0];
    let nodes = [in_training, in_evaluation, mask].map(|var| var.id());
    let feed = x();
    for run in 0..4 {
        let interpreter = Interpreter { parameters: &parameters, draw: Draw { seed: 1, run } };
        let run = interpreter.run(&graph, &nodes, &[("x", Feed::from(&feed))]).unwrap();
        for i in 0..12 {
            let moved = |var| run.get(var).data()[i] != feed.data()[i];
            // An input that is dropped has no gradient, so that a sign of 0 leaves it where it is.
            assert_eq!(moved(in_training), run.get(mask).data()[i] != 0.0);
            assert!(moved(in_evaluation));
        }
    }
}

/// Logistic regression: `E ζ(ε ‖w‖₁ - y (wᵀx + b))`, value and gradient (Goodfellow et al. 2015, section 5;
/// as printed there it holds for y = 1 only).
#[test]
fn on_logistic_regression_it_is_the_closed_form() {
    let graph = Graph::<f64>::new();
    let (w, b) = (graph.input("w", [4, 1]), graph.input("b", [1]));
    let (x, y) = (graph.input("x", [6, 4]), graph.input("y", [6, 1]));
    // Names the lifetime that a closure's argument and result share.
    fn typed<'g, F: Fn(Var<'g, f64>) -> Var<'g, f64>>(f: F) -> F {
        f
    }
    let loss = typed(|x| (-(y * (x.matmul(w) + b))).softplus().mean());
    let attacked = loss(fgsm_of(0.25).examples(loss(x), x, Perturbation::Constant));
    let closed = (w.abs().sum() * 0.25 - y * (x.matmul(w) + b)).softplus().mean();
    let mut outputs = vec![attacked, closed];
    outputs.extend(grad(attacked, &[w, b]));
    outputs.extend(grad(closed, &[w, b]));
    let y_value = Tensor::from_fn([6, 1], |i| if i % 3 == 0 { 1.0 } else { -1.0 });
    let (w, b) = (numbers([4, 1], -2.0, 2.0, 1), numbers([1], -1.0, 1.0, 2));
    let x = numbers([6, 4], -1.0, 1.0, 3);
    let feeds =
        [("w", Feed::from(&w)), ("b", Feed::from(&b)), ("x", Feed::from(&x)), ("y", Feed::from(&y_value))];
    let found = interpret(&outputs, &feeds, None).unwrap();
    // A dozen operations on numbers of order one.
    let compare = |a: &Tensor<f64>, b: &Tensor<f64>| {
        a.data().iter().zip(b.data()).for_each(|(a, b)| assert_close(*a, *b, 1e-14));
    };
    compare(&found[0], &found[1]);
    compare(&found[2], &found[4]);
    compare(&found[3], &found[5]);
}

/// The gradient with respect to all parameters, the perturbation frozen and not, against differences.
#[test]
fn derivatives_of_the_objective_are_right() {
    let model = mlp();
    let (specs, parameters) = (model.parameters(), initialise(&model, 4));
    for norm in [Norm::Infinity, Norm::Two] {
        let training = AdversarialTraining::new(fgsm_of(0.1).in_norm(norm), 0.5, Mode::Evaluate).unwrap();
        for training in [training, training.differentiated()] {
            let graph = Graph::new();
            let batch = batch(&graph, &model, &specs, Mode::Train);
            let objective = training.objective(&batch, |batch| batch.cross_entropy());
            let weights: Vec<_> = graph.parameters().into_iter().map(|(_, var)| var).collect();
            let checker = Checker::new(format!("{training:?}")).entries().order(1);
            let feed = x();
            let report = checker
                .graph(objective, &weights, &[("x", Feed::from(&feed))], Some(&parameters))
                .unwrap()
                .assert();
            assert_eq!(report.checked_fraction(), 1.0, "{report}");
        }
    }
}

/// What it is for: on the digits, a network that saw attacks withstands more of them.
#[test]
fn trained_networks_withstand_more() {
    let [train, test] = digits::load().unwrap().flattened().split([0.7, 0.3], 3).unwrap();
    let model = Sequential::<f32>::mlp(&[64, 24, 10], Activation::Relu);
    let attack = fgsm_of(0.1).within(0.0, 1.0).unwrap();
    let error = |adversarial: bool| {
        let mut parameters = initialise(&model, 3);
        let training = AdversarialTraining::new(attack, 0.5, Mode::Evaluate).unwrap();
        let mut trainer = Trainer::new(&model, Optimiser::adam(0.01)).epochs(5).seed(3).objective(move |b| {
            if adversarial { training.objective(b, |b| b.cross_entropy()) } else { b.cross_entropy() }
        });
        trainer.fit(&train, None, &mut parameters).unwrap();
        let mut evaluator = crate::AttackEvaluator::new(&model, attack, 128);
        evaluator.curve(&test, &parameters, &[0.1]).unwrap().remove(0)
    };
    let (plain, adversarial) = (error(false), error(true));
    // One seed each, so the margin asked for is far below the one there is.
    assert!(adversarial.error < 0.8 * plain.error, "{plain:?} {adversarial:?}");
    assert!(plain.error > 2.0 * plain.clean_error, "{plain:?}");
}

#[test]
fn the_share_is_checked() {
    for bad in [-0.1, 1.1, f64::NAN] {
        let error = AdversarialTraining::new(fgsm_of(0.1), bad, Mode::Train).unwrap_err().to_string();
        assert_eq!(error, format!("the share of the clean loss is {bad}, it must be in [0, 1]"));
    }
}

/// Linear scores leave nothing to search for: one step from a random point, and many steps, end in the corner
/// of the ball that the fast gradient step goes to, and the objective is the closed form.
#[test]
fn on_linear_scores_all_attacks_are_one() {
    let model = Sequential::<f64>::new().linear(4, 2);
    let (specs, parameters, graph) = (model.parameters(), initialise(&model, 1), Graph::new());
    let batch = batch(&graph, &model, &specs, Mode::Train);
    let threat = Threat::infinity(0.2).unwrap();
    let attacks: [TrainingAttack; 3] = [
        fgsm_of(0.2).into(),
        Pgd::new(threat, 9).unwrap().into(),
        Pgd::fast(threat).unwrap().step_size(0.5).unwrap().into(),
    ];
    let mut outputs = Vec::new();
    for attack in attacks {
        assert_eq!(attack.epsilon(), 0.2);
        let training = AdversarialTraining::new(attack, 0.0, Mode::Evaluate).unwrap();
        outputs.push(training.objective(&batch, |batch| batch.cross_entropy()));
    }
    let feed = x();
    let draw = Draw { seed: 1, run: 3 };
    let nodes: Vec<_> = outputs.iter().map(|var| var.id()).collect();
    let run = Interpreter { parameters: &parameters, draw }.run(&graph, &nodes, &[("x", Feed::from(&feed))]);
    let run = run.unwrap();
    // ζ(ε ‖w‖₁ - margin), with w the difference of the two columns.
    let w = parameters["linear1.weight"].data();
    let w: Vec<f64> = (0..4).map(|i| w[2 * i + 1] - w[2 * i]).collect();
    let length: f64 = w.iter().map(|w| w.abs()).sum();
    let expected: f64 = [-1.0, 1.0, 1.0]
        .into_iter()
        .zip(feed.data().chunks(4))
        .map(|(y, x)| {
            (0.2 * length - y * x.iter().zip(&w).map(|(x, w)| x * w).sum::<f64>()).exp().ln_1p() / 3.0
        })
        .sum();
    for output in outputs {
        assert_close(run.get(output).item(), expected, 1e-13);
    }
}

/// Running statistics are of the examples that are trained on: of the clean ones, and with `α = 0` of the
/// adversarial ones; never of a pass of the attack.
#[test]
fn statistics_are_of_the_examples_that_are_trained_on() {
    let model = Sequential::<f64>::new().then(nn::BatchNorm::new("norm", 4)).linear(4, 2);
    let (specs, parameters) = (model.parameters(), initialise(&model, 1));
    let attack = Pgd::new(Threat::infinity(0.3).unwrap(), 3).unwrap();
    for alpha in [0.0, 0.5] {
        let graph = Graph::new();
        let batch = batch(&graph, &model, &specs, Mode::Train);
        let training = AdversarialTraining::new(attack, alpha, Mode::Train).unwrap();
        training.objective(&batch, |batch| batch.cross_entropy());
        let moved = training.examples(&batch, |batch| batch.cross_entropy());
        let trained = if alpha == 0.0 { moved } else { batch.inputs };
        let proposed = graph.proposed_updates();
        assert_eq!(proposed.len(), 2);
        let outputs = [proposed[0].1, trained.mean_over(&[0]) * 0.1, batch.inputs.mean_over(&[0]) * 0.1];
        let found = interpret(&outputs, &[("x", Feed::from(&x()))], Some(&parameters)).unwrap();
        found[0].data().iter().zip(found[1].data()).for_each(|(a, b)| assert_close(*a, *b, 1e-14));
        assert_eq!(found[1] == found[2], alpha != 0.0);
    }
}

/// The same in every norm: `E ζ(ε ‖w‖_q - y (wᵀx + b))` with the dual exponent `q`, value and gradient in `w` and `b`,
/// the perturbation held fixed (as by Danskin) and differentiated.
#[test]
fn on_logistic_regression_every_norm_has_its_closed_form() {
    // Names the lifetime that a closure's argument and result share.
    fn typed<'g, F: Fn(Var<'g, f64>) -> Var<'g, f64>>(f: F) -> F {
        f
    }
    let (w_value, b_value) = (numbers([4, 1], -2.0, 2.0, 1), numbers([1], -1.0, 1.0, 2));
    let x_value = numbers([6, 4], -1.0, 1.0, 3);
    let y_value = Tensor::from_fn([6, 1], |i| if i % 3 == 0 { 1.0 } else { -1.0 });
    let (epsilon, w, b) = (0.25, w_value.data(), b_value.data()[0]);
    for p in [1.0, 1.25, 2.0, 3.0, 10.0, f64::INFINITY] {
        let norm = Norm::p(p).unwrap();
        let length = norm.dual().of(w);
        // The derivative of the dual norm, by hand; 1/(p - 1) is q - 1.
        let of_entry = |w: &f64| {
            let size = if p == 1.0 {
                f64::from(u8::from(w.abs() == length))
            } else if p.is_infinite() {
                1.0
            } else {
                (w.abs() / length).powf(1.0 / (p - 1.0))
            };
            w.signum() * size
        };
        let slope: Vec<f64> = w.iter().map(of_entry).collect();
        let (mut value, mut in_w, mut in_b) = (0.0, [0.0; 4], 0.0);
        for (x, y) in x_value.data().chunks(4).zip(y_value.data()) {
            let score: f64 = x.iter().zip(w).map(|(x, w)| x * w).sum::<f64>() + b;
            let m = epsilon * length - y * score;
            let share = 1.0 / (1.0 + (-m).exp()) / 6.0;
            value += m.exp().ln_1p() / 6.0;
            in_b -= share * y;
            (0..4).for_each(|i| in_w[i] += share * (epsilon * slope[i] - y * x[i]));
        }
        for perturbation in [Perturbation::Constant, Perturbation::Differentiated] {
            let graph = Graph::<f64>::new();
            let (w, b) = (graph.input("w", [4, 1]), graph.input("b", [1]));
            let (x, y) = (graph.input("x", [6, 4]), graph.input("y", [6, 1]));
            let loss = typed(|x| (-(y * (x.matmul(w) + b))).softplus().mean());
            let attacked = loss(fgsm_of(epsilon).in_norm(norm).examples(loss(x), x, perturbation));
            let slopes = grad(attacked, &[w, b]);
            let feeds = [
                ("w", Feed::from(&w_value)),
                ("b", Feed::from(&b_value)),
                ("x", Feed::from(&x_value)),
                ("y", Feed::from(&y_value)),
            ];
            let found = interpret(&[attacked, slopes[0], slopes[1]], &feeds, None).unwrap();
            // Some dozen operations on numbers of order one, and powers for a general exponent.
            assert_close(found[0].item(), value, 1e-12);
            found[1].data().iter().zip(in_w).for_each(|(a, b)| assert_close(*a, b, 1e-12));
            assert_close(found[2].data()[0], in_b, 1e-12);
        }
    }
}

/// In the infinity norm the point is locally constant, so differences see what the gradient says.
#[test]
fn derivatives_under_projected_steps_are_right() {
    let model = mlp();
    let (specs, parameters, graph) = (model.parameters(), initialise(&model, 4), Graph::new());
    let batch = batch(&graph, &model, &specs, Mode::Train);
    let attack = Pgd::new(Threat::infinity(0.1).unwrap(), 3).unwrap();
    let training = AdversarialTraining::new(attack, 0.5, Mode::Evaluate).unwrap();
    let objective = training.objective(&batch, |batch| batch.cross_entropy());
    let weights: Vec<_> = graph.parameters().into_iter().map(|(_, var)| var).collect();
    let feed = x();
    let checker = Checker::new("adversarial training by PGD").entries().order(1);
    let report = checker.graph(objective, &weights, &[("x", Feed::from(&feed))], Some(&parameters));
    assert_eq!(report.unwrap().assert().checked_fraction(), 1.0);
}
