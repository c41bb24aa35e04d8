use super::*;
use crate::adversarial::{AttackEvaluator, Norm, Pgd};
use crate::testing::{assert_close, numbers};
use nn::data::Dataset;
use nn::{Activation, Sequential, initialise};

#[test]
fn checkpoints_are_those_of_the_paper() {
    let attack = Apgd::new(Threat::infinity(0.1).unwrap(), 100).unwrap();
    // 0.22, 0.41, 0.57, 0.70, 0.80, 0.87, then steps of 0.06.
    assert_eq!(attack.checkpoints(), [22, 41, 57, 70, 80, 87, 93, 99]);
    assert!(Apgd::new(Threat::infinity(0.1).unwrap(), 0).is_err());
    assert!(Apgd::new(Threat::new(Norm::p(3.0).unwrap(), 0.1).unwrap(), 10).is_err());
}

/// The nearest point of the ball and, in the infinity norm, the box.
fn nearest(threat: Threat, x: &[f64], moved: &[f64], epsilon: f64) -> Vec<f64> {
    if threat.norm() == Norm::Infinity {
        let (low, high) = threat.bounds().unwrap();
        let entry = |(x, m): (&f64, &f64)| m.clamp(x - epsilon, x + epsilon).clamp(low, high);
        return x.iter().zip(moved).map(entry).collect();
    }
    let size = x.iter().zip(moved).map(|(x, m)| (m - x).powi(2)).sum::<f64>().sqrt();
    x.iter().zip(moved).map(|(x, m)| x + (m - x) * (epsilon / size.max(epsilon))).collect()
}

/// The algorithm of the paper for one example, with plain vectors; how often each rule halved the step.
fn by_hand(
    attack: &Apgd,
    victim: &mut Victim<'_, f64>,
    targets: &Targets<'_, f64>,
    epsilon: f64,
) -> (Vec<f64>, [usize; 2]) {
    let (x, shape, threat) = (targets.x.data(), targets.x.shape(), attack.threat);
    let mut point = random_start(threat, victim, targets, epsilon).unwrap().data().to_vec();
    let (mut previous, mut eta) = (point.clone(), 2.0 * epsilon);
    let mut best = (f64::NEG_INFINITY, point.clone(), vec![0.0; x.len()]);
    let (mut before, mut rises, mut since) = (f64::INFINITY, 0, 0);
    let (mut best_then, mut halved_then, mut halvings) = (f64::NEG_INFINITY, true, [0; 2]);
    for step in 0..=attack.steps {
        let slope = victim.slope(attack.loss, &Tensor::new(shape, point.clone()), targets).unwrap();
        let (loss, mut g) = (slope.losses[0], slope.gradient.data().to_vec());
        rises += usize::from(loss > before);
        before = loss;
        if loss > best.0 {
            best = (loss, point.clone(), g.clone());
        }
        if step == attack.steps {
            break;
        }
        if attack.checkpoints().contains(&step) {
            let few = 4 * rises < 3 * (step - since);
            let stuck = !halved_then && best.0 == best_then;
            halvings[0] += usize::from(few);
            halvings[1] += usize::from(stuck && !few);
            halved_then = few || stuck;
            if halved_then {
                eta /= 2.0;
                (before, point, g) = best.clone();
                previous = point.clone();
            }
            (best_then, rises, since) = (best.0, 0, step);
        }
        let norm = g.iter().map(|g| g * g).sum::<f64>().sqrt();
        let direction = |g: &f64| if threat.norm() == Norm::Two { g / norm } else { g.signum() };
        let moved: Vec<f64> = point.iter().zip(&g).map(|(p, g)| p + eta * direction(g)).collect();
        let z = nearest(threat, x, &moved, epsilon);
        let new = if step == 0 { 1.0 } else { 0.75 };
        let mixed: Vec<f64> = (0..x.len())
            .map(|k| point[k] + new * (z[k] - point[k]) + (1.0 - new) * (point[k] - previous[k]))
            .collect();
        previous = std::mem::replace(&mut point, nearest(threat, x, &mixed, epsilon));
    }
    (best.1, halvings)
}

#[test]
fn the_steps_are_those_of_a_plain_loop() {
    let model = Sequential::<f64>::mlp(&[6, 16, 4], Activation::Tanh);
    let parameters = initialise(&model, 3);
    let labels = Tensor::from_fn([24], |i| (i % 4) as u32);
    let data = Dataset::new(numbers([24, 6], 0.0, 1.0, 1), labels, 4).unwrap();
    let mut halvings = [0; 2];
    for threat in [Threat::infinity(0.4).unwrap().within(0.0, 1.0).unwrap(), Threat::two(0.7).unwrap()] {
        // Of 18 steps the first four are looked at together: three rises of four are enough.
        for (steps, loss) in [(18, AttackLoss::CrossEntropy), (60, AttackLoss::Margin)] {
            let attack = Apgd::new(threat, steps).unwrap().on(loss);
            for example in 0..data.len() {
                let (x, labels) = data.gather(&[example]).unwrap();
                let targets = Targets { x: &x, labels: &labels, targets: None, first: example, seed: 7 };
                let mut victim = Victim::new(&model, &parameters);
                let found = attack.run(&mut victim, &targets, threat.epsilon()).unwrap();
                let (expected, rules) = by_hand(&attack, &mut victim, &targets, threat.epsilon());
                // At a smooth maximum points this near have the same loss but for rounding: either is the best.
                for (a, b) in found.points.data().iter().zip(&expected) {
                    assert_close(*a, *b, 1e-7);
                }
                halvings.iter_mut().zip(rules).for_each(|(sum, n)| *sum += n);
            }
        }
    }
    assert!(halvings.iter().all(|&n| n > 0), "both rules were at work: {halvings:?}");
}

/// On a linear margin of two classes the best point of a ball is known, and found to the precision that
/// halved steps leave; no step size was given.
#[test]
fn it_finds_the_best_point_of_a_linear_network_without_a_step_size() {
    let model = Sequential::<f64>::new().linear(4, 2);
    let mut parameters = initialise(&model, 1);
    let w = [0.5, -1.0, 2.0, 0.25];
    let columns: Vec<f64> = w.iter().flat_map(|w| [0.0, *w]).collect();
    parameters.insert("linear1.weight", Tensor::new([4, 2], columns));
    let data = Dataset::new(numbers([3, 4], 0.0, 1.0, 1), Tensor::full([3], 0), 2).unwrap();
    for norm in [Norm::Infinity, Norm::Two] {
        let attack = Apgd::new(Threat::new(norm, 0.3).unwrap(), 60).unwrap().on(AttackLoss::Margin);
        let found = AttackEvaluator::new(&model, attack, 3).attack(&data, &parameters).unwrap();
        for (moved, x) in found.raw.data().chunks(4).zip(data.examples().data().chunks(4)) {
            let gain: f64 = moved.iter().zip(x).zip(w).map(|((m, x), w)| (m - x) * w).sum();
            assert_close(gain, 0.3 * norm.dual().of(&w), 1e-9);
        }
    }
}

/// On a curved network with a budget in between it is no weaker than PGD with the usual steps.
#[test]
fn it_is_no_weaker_than_pgd_with_a_guessed_step() {
    let model = Sequential::<f64>::mlp(&[6, 24, 4], Activation::Relu);
    let parameters = initialise(&model, 3);
    let labels = Tensor::from_fn([30], |i| (i % 4) as u32);
    let data = Dataset::new(numbers([30, 6], 0.0, 1.0, 1), labels, 4).unwrap();
    let threat = Threat::infinity(0.2).unwrap().within(0.0, 1.0).unwrap();
    let loss = |attack: Box<dyn Attack<f64>>| {
        AttackEvaluator::new(&model, attack, 30).attack(&data, &parameters).unwrap().robustness.loss
    };
    let (adaptive, fixed) =
        (loss(Box::new(Apgd::new(threat, 40).unwrap())), loss(Box::new(Pgd::new(threat, 40).unwrap())));
    assert!(adaptive >= fixed - 1e-3, "{adaptive} below {fixed}");
}
