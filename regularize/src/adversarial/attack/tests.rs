use super::*;
use crate::adversarial::evaluator::classes_of;
use crate::adversarial::{
    Apgd, AttackEvaluator, AttackLoss, Attacked, CarliniWagner, DeepFool, FastGradient, Goal, Norm, Pgd,
    Square,
};
use crate::testing::{assert_close, numbers};
use autograd::{Graph, Parameters, Shape, Var, interpret};
use nn::data::Dataset;
use nn::{Activation, Layer, Mode, Sequential, initialise};

const NORMS: [Norm; 3] = [Norm::Infinity, Norm::Two, Norm::One];

fn threat(norm: Norm, epsilon: f64) -> Threat {
    Threat::new(norm, epsilon).unwrap().within(0.0, 1.0).unwrap()
}

type Boxed = Box<dyn Attack<f64>>;

fn all(epsilon: f64) -> Vec<Boxed> {
    all_of(epsilon)
}

/// Every attack in every norm it knows, with this budget.
fn all_of<T: Real>(epsilon: f64) -> Vec<Box<dyn Attack<T>>> {
    let mut all: Vec<Box<dyn Attack<T>>> = Vec::new();
    for norm in NORMS {
        let threat = threat(norm, epsilon);
        all.push(Box::new(FastGradient::of(threat)));
        all.push(Box::new(Pgd::new(threat, 10).unwrap()));
        all.push(Box::new(Pgd::new(threat, 10).unwrap().on(AttackLoss::Margin)));
        all.push(Box::new(Pgd::fast(threat).unwrap()));
        all.push(Box::new(Pgd::momentum(threat, 10).unwrap()));
        all.push(Box::new(Restarts::new(Pgd::new(threat, 5).unwrap().from_random(), 3).unwrap()));
        all.push(Box::new(Apgd::new(threat, 20).unwrap()));
        all.push(Box::new(Apgd::new(threat, 20).unwrap().on(AttackLoss::LogitRatio)));
    }
    all.push(Box::new(Apgd::new(threat(Norm::One, epsilon), 20).unwrap().from_larger_balls().unwrap()));
    all.push(Box::new(FastGradient::of(threat(Norm::p(3.0).unwrap(), epsilon))));
    all.push(Box::new(DeepFool::new(threat(Norm::Two, epsilon), 20).unwrap()));
    all.push(Box::new(DeepFool::new(threat(Norm::Infinity, epsilon), 20).unwrap()));
    all.push(Box::new(CarliniWagner::new(threat(Norm::Two, epsilon), 3, 40).unwrap()));
    all.push(Box::new(Restarts::new(DeepFool::new(threat(Norm::Two, epsilon), 20).unwrap(), 2).unwrap()));
    all.push(Box::new(Square::new(threat(Norm::Infinity, epsilon), 60).unwrap()));
    all.push(Box::new(Square::new(threat(Norm::Two, epsilon), 60).unwrap()));
    let two: Vec<Box<dyn Attack<T>>> = vec![
        Box::new(Square::new(threat(Norm::Infinity, epsilon), 20).unwrap()),
        Box::new(Pgd::new(threat(Norm::Infinity, epsilon), 5).unwrap()),
    ];
    all.push(Box::new(WorstOf::new(two).unwrap()));
    all
}

/// Eight examples of five numbers in [0, 1) in four classes: labelled as the network says, but for the last.
fn data() -> Dataset<f64> {
    let (model, parameters) = network();
    let x = numbers([8, 5], 0.0, 1.0, 5);
    let mut labels = classes_of(&Victim::new(&model, &parameters).logits(&x).unwrap());
    labels[7] = (labels[7] + 1) % 4;
    Dataset::new(x, Tensor::new([8], labels), 4).unwrap()
}

fn network() -> (Sequential<f64>, Parameters<f64>) {
    let model = Sequential::mlp(&[5, 12, 4], Activation::Tanh);
    let parameters = initialise(&model, 1);
    (model, parameters)
}

fn attacked(attack: impl Attack<f64>, batch: usize, data: &Dataset<f64>) -> Attacked<f64> {
    let (model, parameters) = network();
    AttackEvaluator::new(&model, attack, batch).seed(3).attack(data, &parameters).unwrap()
}

#[test]
fn every_attack_stays_in_ball_and_box_and_leaves_its_input_alone() {
    let data = data();
    let before = data.clone();
    for attack in all(0.25) {
        let (name, norm) = (attack.name(), attack.threat().norm());
        let found = attacked(attack, 3, &data);
        assert_eq!(data, before);
        assert!(found.clipped.data().iter().all(|v| (0.0..=1.0).contains(v)), "{name}");
        for (example, (moved, x)) in
            found.clipped.data().chunks(5).zip(data.examples().data().chunks(5)).enumerate()
        {
            let d: Vec<f64> = moved.iter().zip(x).map(|(m, x)| m - x).collect();
            // x + d - x rounds each of five entries below 1.
            assert!(norm.of(&d) <= 0.25 + 2e-15, "{name}: {}", norm.of(&d));
            assert_close(found.norms[example], norm.of(&d), 1e-15);
        }
        assert!(found.robustness.largest_norm > 0.01, "{name} does nothing");
    }
}

/// The same in single precision: ball and box, the identity without a budget, and a verdict that a second look
/// finds again.
#[test]
fn the_invariants_hold_in_single_precision() {
    let model = Sequential::<f32>::mlp(&[5, 12, 4], Activation::Tanh);
    let parameters = initialise(&model, 1);
    let data = Dataset::new(data().examples().cast::<f32>(), data().labels().clone(), 4).unwrap();
    for (attack, none) in all_of::<f32>(0.25).into_iter().zip(all_of::<f32>(0.0)) {
        let (name, norm) = (attack.name(), attack.threat().norm());
        let unmoved = AttackEvaluator::new(&model, none, 8).attack(&data, &parameters).unwrap();
        assert_eq!((&unmoved.raw, &unmoved.clipped), (data.examples(), data.examples()), "{name}");
        let found = AttackEvaluator::new(&model, attack, 3).seed(3).attack(&data, &parameters).unwrap();
        assert!(found.clipped.data().iter().all(|v| (0.0..=1.0).contains(v)), "{name}");
        let pairs = found.clipped.data().chunks(5).zip(data.examples().data().chunks(5));
        for (moved, x) in pairs {
            let d: Vec<f64> = moved.iter().zip(x).map(|(m, x)| f64::from(m - x)).collect();
            // As in double precision, with 6e-8 for each of five roundings, of the step and of the sum.
            assert!(norm.of(&d) <= 0.25 + 6e-7, "{name}: {}", norm.of(&d));
        }
        assert!(found.robustness.largest_norm > 0.01, "{name} does nothing");
        let again = classes_of(&Victim::new(&model, &parameters).logits(&found.clipped).unwrap());
        assert_eq!(found.predicted.data(), again, "{name}");
    }
}

#[test]
fn no_budget_is_the_identity_for_every_attack() {
    let data = data();
    for attack in all(0.0) {
        let name = attack.name();
        let found = attacked(attack, 8, &data);
        assert_eq!((&found.raw, &found.clipped), (data.examples(), data.examples()), "{name}");
        assert_eq!(found.robustness.error, found.robustness.clean_error);
        assert_eq!(found.robustness.queries, 0);
    }
}

#[test]
fn success_is_what_the_network_says_of_the_clipped() {
    let (model, parameters) = network();
    let data = data();
    for attack in all(0.3) {
        let name = attack.name();
        let found = attacked(attack, 3, &data);
        let graph = Graph::new();
        let logits = model.forward(graph.constant(found.clipped.clone()), Mode::Evaluate);
        let logits = interpret(&[logits], &[], Some(&parameters)).unwrap().remove(0);
        for (example, row) in logits.data().chunks(4).enumerate() {
            let class = (0..4).fold(0, |best, k| if row[k] > row[best] { k } else { best }) as u32;
            assert_eq!(found.predicted.data()[example], class, "{name}");
            assert_eq!(found.success[example], class != data.labels().data()[example], "{name}");
        }
    }
}

/// Draws too: those of an example depend on its number, not on its place in a batch.
#[test]
fn a_batch_of_one_is_a_row_of_a_batch_for_every_attack() {
    let data = data();
    for (attack, again) in all(0.25).into_iter().zip(all(0.25)) {
        let name = attack.name();
        let (together, alone) = (attacked(attack, 8, &data), attacked(again, 1, &data));
        // Products of other sizes may add in another order, and iterated attacks carry that on.
        let pairs = alone.clipped.data().iter().zip(together.clipped.data());
        pairs.for_each(|(a, b)| assert!((a - b).abs() < 1e-9, "{name}: {a} and {b}"));
    }
}

#[test]
fn many_steps_are_no_weaker_than_one_and_restarts_none_weaker_than_none() {
    let data = data();
    for norm in NORMS {
        for epsilon in [0.05, 0.1, 0.2, 0.4] {
            let threat = threat(norm, epsilon);
            let error = |attack: Boxed| attacked(attack, 8, &data).robustness.error;
            let one = error(Box::new(FastGradient::of(threat)));
            let pgd = Pgd::new(threat, 30).unwrap();
            let many = error(Box::new(pgd));
            assert!(many >= one, "{norm} {epsilon}: {many} below {one}");
            let random = Pgd::new(threat, 3).unwrap().from_random();
            let once = error(Box::new(random));
            let thrice = error(Box::new(Restarts::new(random, 3).unwrap()));
            assert!(thrice >= once, "{norm} {epsilon}: {thrice} below {once}");
            assert!(error(Box::new(Apgd::new(threat, 30).unwrap())) >= one);
        }
    }
}

#[test]
fn the_running_worst_case_never_falls_and_a_large_budget_breaks_everything() {
    let (model, parameters) = network();
    let epsilons = [0.0, 0.05, 0.1, 0.2, 0.5, 1.0];
    for attack in all(0.1) {
        let (name, norm) = (attack.name(), attack.threat().norm());
        let mut evaluator = AttackEvaluator::new(&model, attack, 8);
        let curve = evaluator.curve(&data(), &parameters, &epsilons).unwrap();
        for pair in curve.windows(2) {
            assert!(pair[1].worst_error >= pair[0].worst_error, "{name}");
        }
        assert!(curve.iter().all(|found| found.worst_error >= found.error), "{name}");
        assert!(norm != Norm::Infinity || curve[5].worst_error >= 0.75, "{name}: {}", curve[5].worst_error);
    }
}

#[test]
fn the_worst_case_is_no_better_than_any_of_its_attacks() {
    let data = data();
    for epsilon in [0.05, 0.15, 0.3] {
        let threat = threat(Norm::Infinity, epsilon);
        let attacks = || -> Vec<Boxed> {
            vec![
                Box::new(FastGradient::of(threat)),
                Box::new(Square::new(threat, 30).unwrap()),
                Box::new(Apgd::new(threat, 10).unwrap()),
            ]
        };
        let worst = attacked(WorstOf::new(attacks()).unwrap(), 8, &data);
        for attack in attacks() {
            let name = attack.name();
            let one = attacked(attack, 8, &data);
            for example in 0..8 {
                assert!(worst.success[example] || !one.success[example], "{name}");
            }
        }
    }
}

/// A target is reached with a large budget by every attack that takes one.
#[test]
fn targets_are_reached() {
    let (model, parameters) = network();
    let data = data();
    for attack in all(1.0) {
        let (name, norm) = (attack.name(), attack.threat().norm());
        let minimal = attack.is_minimal();
        let aimed = |goal, attack: Boxed| {
            let mut evaluator = AttackEvaluator::new(&model, attack, 8).goal(goal);
            evaluator.attack(&data, &parameters).unwrap()
        };
        let found = aimed(Goal::Shift(1), attack);
        for example in 0..8 {
            let target = (data.labels().data()[example] + 1) % 4;
            assert_eq!(found.success[example], found.predicted.data()[example] == target, "{name}");
        }
        let reached = found.success.iter().filter(|reached| **reached).count();
        let enough = if norm == Norm::Infinity && !minimal { 4 } else { 1 };
        assert!(reached >= enough, "{name}: {reached}");
    }
    let mut evaluator = AttackEvaluator::new(&model, FastGradient::new(0.1).unwrap(), 8).goal(Goal::Class(4));
    let error = evaluator.attack(&data, &parameters).unwrap_err();
    assert_eq!(error.to_string(), "the attack's target is class 4, there are 4");
}

/// A network that says NaN of examples whose first entry is below 0.3.
#[derive(Debug)]
struct Broken(Sequential<f64>);

impl Layer<f64> for Broken {
    fn forward<'g>(&self, x: Var<'g, f64>, mode: Mode) -> Var<'g, f64> {
        let first = x.slice(-1, 0, 1);
        let broken = first.less(0.3).select(first.like(f64::NAN), first.like(0.0));
        self.0.forward(x, mode) + broken
    }
    fn parameters(&self) -> Vec<nn::ParameterSpec> {
        self.0.parameters()
    }
    fn output_shape(&self, input: Shape) -> Result<Shape, nn::LayerShapeError> {
        self.0.output_shape(input)
    }
}

#[test]
fn an_example_with_a_nan_is_counted_and_not_moved_by_any_attack() {
    let (model, parameters) = network();
    let model = Broken(model);
    let mut examples = data().examples().clone();
    examples.data_mut()[10] = 0.0;
    let data = Dataset::new(examples, data().labels().clone(), 4).unwrap();
    for attack in all(0.2) {
        let name = attack.name();
        let found = AttackEvaluator::new(&model, attack, 8).attack(&data, &parameters).unwrap();
        assert!(found.robustness.non_finite_gradients >= 1, "{name}");
        assert_eq!(found.raw.data()[10..15], *data.example(2), "{name}");
        assert!(found.raw.data().iter().all(|v| v.is_finite()), "{name}");
    }
}

#[test]
fn a_network_without_gradient_moves_no_gradient_attack_and_is_counted() {
    // Logits that ignore their input.
    let (model, mut parameters) = network();
    let zeros = Tensor::zeros(parameters["linear1.weight"].shape());
    parameters.insert("linear1.weight", zeros);
    let data = data();
    for norm in NORMS {
        let threat = threat(norm, 0.2);
        let attacks: [Boxed; 4] = [
            Box::new(FastGradient::of(threat)),
            Box::new(Pgd::new(threat, 4).unwrap()),
            Box::new(Pgd::momentum(threat, 4).unwrap()),
            Box::new(Apgd::new(threat, 4).unwrap()),
        ];
        for attack in attacks {
            let name = attack.name();
            let found = AttackEvaluator::new(&model, attack, 8).attack(&data, &parameters).unwrap();
            assert_eq!(found.robustness.zero_gradients, 8, "{name}");
            assert!(found.raw.data().iter().all(|v| v.is_finite()), "{name}");
        }
    }
}

/// A point that is as good as the best is not put in its place; a NaN never is.
#[test]
fn of_equally_good_points_the_first_is_kept() {
    let of = |v: f64| Tensor::<f64>::full([2, 3], v);
    let mut best = Best::new(&of(0.0));
    best.see(&of(1.0), &[0.5, f64::NAN]);
    best.see(&of(2.0), &[0.5, -1.0]);
    best.see(&of(3.0), &[0.4, -1.0]);
    assert_eq!(best.points.data(), [1.0, 1.0, 1.0, 2.0, 2.0, 2.0]);
    assert_eq!(best.values, [0.5, -1.0]);
}

/// Every run has a start of its own: what is returned is the better of them, for each example.
#[test]
fn restarts_start_elsewhere() {
    let (data, random) = (data(), Pgd::new(threat(Norm::Two, 0.3), 1).unwrap().from_random());
    let run = |count: usize| attacked(Restarts::new(random, count).unwrap(), 8, &data);
    let (once, many) = (run(1), run(6));
    assert_eq!(once.raw, attacked(random, 8, &data).raw);
    let moved = once.raw.data().chunks(5).zip(many.raw.data().chunks(5)).filter(|(a, b)| a != b).count();
    // Of six starts the first is the best of all for one example in six.
    assert!(moved >= 4, "{moved} of 8 examples have a better start");
}

#[test]
fn the_same_seed_is_the_same_attack() {
    let (model, parameters) = network();
    let (model, data) = (&model, data());
    let attack = Pgd::new(threat(Norm::Two, 0.2), 3).unwrap().from_random();
    let with =
        |seed| AttackEvaluator::new(model, attack, 4).seed(seed).attack(&data, &parameters).unwrap().raw;
    assert_eq!(with(1), with(1));
    assert_ne!(with(1), with(2));
}

#[test]
fn what_cannot_be_attacked_is_an_error() {
    let (model, parameters) = network();
    let outside = Dataset::new(numbers([2, 5], 0.0, 2.0, 1), Tensor::full([2], 0), 4).unwrap();
    let mut evaluator = AttackEvaluator::new(&model, FastGradient::of(threat(Norm::Two, 0.1)), 8);
    let error = evaluator.attack(&outside, &parameters).unwrap_err();
    assert!(matches!(error, RegularizeError::OutsideBox { .. }), "{error}");
    assert!(Restarts::new(Pgd::fast(threat(Norm::Two, 0.1)).unwrap(), 0).is_err());
    assert!(WorstOf::<f64>::new(Vec::new()).is_err());
    let mixed: Vec<Boxed> = vec![
        Box::new(FastGradient::of(threat(Norm::Two, 0.1))),
        Box::new(FastGradient::of(threat(Norm::One, 0.1))),
    ];
    let error = WorstOf::new(mixed).unwrap_err().to_string();
    let text = "`fast gradient L1` has not the norm and box of `fast gradient L2`, or no budget: \
                they have no worst case";
    assert_eq!(error, text);
}

/// Queries are examples looked at: one for the single step; for PGD one for each step and the last look.
#[test]
fn queries_and_losses_are_traced() {
    let data = data();
    let threat = threat(Norm::Infinity, 0.1);
    let once = attacked(FastGradient::of(threat), 3, &data).robustness;
    assert_eq!((once.queries, once.trace.len()), (8, 1));
    let many = attacked(Pgd::new(threat, 5).unwrap(), 3, &data).robustness;
    assert_eq!((many.queries, many.trace.len()), (48, 6));
    assert_close(once.trace[0], many.trace[0], 1e-14);
    assert!(many.trace[5] > many.trace[0]);
}

/// Finds the same class at another distance with every seed.
#[derive(Debug)]
struct Somewhere;

impl Attack<f64> for Somewhere {
    fn name(&self) -> String {
        "somewhere".into()
    }
    fn threat(&self) -> Threat {
        Threat::infinity(0.25).unwrap()
    }
    fn is_minimal(&self) -> bool {
        true
    }
    fn run(
        &self,
        _: &mut Victim<'_, f64>,
        targets: &Targets<'_, f64>,
        _: f64,
    ) -> Result<Moved<f64>, RegularizeError> {
        let mut points = targets.x.clone();
        let distances = targets.uniform("distance", 1);
        for (i, row) in points.data_mut().chunks_mut(2).enumerate() {
            row[0] = -distances[i];
        }
        let examples = distances.len();
        let (zero_gradient, non_finite) = (vec![false; examples], vec![false; examples]);
        Ok(Moved { points, zero_gradient, non_finite, trace: Vec::new() })
    }
}

/// A smallest perturbation stays one when it is looked for again and again: the nearest success counts, each budget
/// shortens it, and it has no worst case.
#[test]
fn restarts_of_a_smallest_perturbation_keep_the_nearest() {
    let model = Sequential::<f64>::new().linear(2, 2);
    let mut parameters = initialise(&model, 1);
    // The class is that of the first entry's sign; every example is at 0.001, every point beyond 0.
    parameters.insert("linear1.weight", Tensor::new([2, 2], vec![-1.0, 1.0, 0.0, 0.0]));
    let x = Tensor::from_fn([6, 2], |k| if k % 2 == 0 { 0.001 } else { k as f64 });
    let data = Dataset::new(x, Tensor::new([6], vec![1; 6]), 2).unwrap();
    let attacked = |attack: &dyn Fn() -> Boxed, seed| {
        AttackEvaluator::new(&model, attack(), 4).seed(seed).attack(&data, &parameters).unwrap()
    };
    let again: &dyn Fn() -> Boxed = &|| Box::new(Restarts::new(Somewhere, 5).unwrap());
    let found = attacked(again, 3);
    let runs: Vec<_> = (0..5u64)
        .map(|number| {
            attacked(&|| Box::new(Somewhere), 3u64.wrapping_add(number.wrapping_mul(0x9E37_79B9_7F4A_7C15)))
        })
        .collect();
    for example in 0..6 {
        let each = runs.iter().map(|run| run.raw.data()[2 * example]);
        assert_eq!(found.raw.data()[2 * example], each.fold(f64::NEG_INFINITY, f64::max));
    }
    let mut evaluator = AttackEvaluator::new(&model, again(), 4);
    for found in evaluator.curve(&data, &parameters, &[0.0005, 0.01, 0.5]).unwrap() {
        assert!(found.largest_norm <= found.epsilon + 1e-15, "{found:?}");
        // 0.0005 does not reach 0 from 0.001.
        assert!(found.epsilon > 0.001 || found.error == 0.0, "{found:?}");
    }
    assert!(WorstOf::new(vec![again()]).is_err());
}
