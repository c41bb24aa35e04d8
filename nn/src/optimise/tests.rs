//! Each optimiser against the algorithm as its paper prints it, in plain scalar `f64` code.

mod adaptive;
mod groups;

use super::*;
use autograd::{Feed, Op, Plan, Tensor, ops};

/// The objective: `J(w, b) = w₀⁴/4 + w₀ w₁ + e^{w₁ b} + b²`, with weights `w` and a bias `b`.
fn objective<'g, T: Real>(w: Var<'g, T>, b: Var<'g, T>) -> Var<'g, T> {
    let (w0, w1) = (w.slice(0, 0, 1), w.slice(0, 1, 2));
    (w0.powi(4) * 0.25 + w0 * w1 + (w1 * b).exp() + b * b).sum()
}

/// Its gradient, by hand.
fn gradient([w0, w1, b]: [f64; 3]) -> [f64; 3] {
    let e = (w1 * b).exp();
    [w0.powi(3) + w1, w0 + b * e, w1 * e + 2.0 * b]
}

const START: [f64; 3] = [1.0, -0.5, 0.25];

fn specs() -> Vec<ParameterSpec> {
    let spec = |name: &str, length: usize, role| ParameterSpec {
        name: name.into(),
        shape: [length].into(),
        role,
        initialiser: Initialiser::Zeros,
    };
    vec![spec("w", 2, Role::Weight), spec("b", 1, Role::Bias)]
}

/// The parameters after each of three steps of a chain, recorded and run.
fn three_steps<T: Real>(optimiser: &Optimiser<T>) -> Vec<[f64; 3]> {
    let graph = Graph::<T>::new();
    let loss = objective(specs()[0].declare(&graph), specs()[1].declare(&graph));
    let step = optimiser.minimise(loss, &specs());
    let mut plan = step.add_to(Plan::builder(&graph).output("loss", loss)).compile();
    let mut parameters = Parameters::new();
    let tensor =
        |values: &[f64]| Tensor::new([values.len()], values.iter().map(|&v| T::from_f64(v)).collect());
    parameters.insert("w", tensor(&START[..2]));
    parameters.insert("b", tensor(&START[2..]));
    step.initialise_state(&mut parameters);
    let mut path = Vec::new();
    for k in 0..3 {
        let mut feeds = Vec::new();
        if step.learning_rate.is_some() {
            feeds.push((LEARNING_RATE, Feed::from(optimiser.learning_rate(k))));
        }
        plan.run(&mut parameters, &feeds).unwrap();
        let at = |name: &str, i: usize| parameters[name].data()[i].to_f64();
        path.push([at("w", 0), at("w", 1), at("b", 0)]);
    }
    path
}

/// The parameters after each of three steps of a hand-written rule on (step number from 1, parameters,
/// gradient function).
fn by_hand(mut rule: impl FnMut(u64, &mut [f64; 3])) -> Vec<[f64; 3]> {
    let mut parameters = START;
    let mut path = Vec::new();
    for t in 1..=3 {
        rule(t, &mut parameters);
        path.push(parameters);
    }
    path
}

#[track_caller]
fn assert_same(found: &[[f64; 3]], expected: &[[f64; 3]]) {
    for (t, (found, expected)) in found.iter().zip(expected).enumerate() {
        for (f, e) in found.iter().zip(expected) {
            // Some twenty roundings of numbers of order one at each step.
            assert!((f - e).abs() < 1e-14, "step {}: {found:?}, not {expected:?}", t + 1);
        }
    }
    assert!(expected[2] != START, "the rule does something");
}

#[test]
fn sgd_is_algorithm_8_1() {
    let expected = by_hand(|_, w| {
        let g = gradient(*w);
        (0..3).for_each(|i| w[i] -= 0.1 * g[i]);
    });
    assert_same(&three_steps(&Optimiser::<f64>::sgd(0.1)), &expected);
}

#[test]
fn momentum_is_algorithm_8_2() {
    let mut v = [0.0; 3];
    let expected = by_hand(|_, w| {
        let g = gradient(*w);
        for i in 0..3 {
            v[i] = 0.9 * v[i] - 0.1 * g[i];
            w[i] += v[i];
        }
    });
    assert_same(&three_steps(&Optimiser::<f64>::momentum(0.1, 0.9)), &expected);
}

/// Algorithm 8.3 with the gradient at the point ahead; our parameters are that point.
#[test]
fn nesterov_is_algorithm_8_3_seen_from_the_point_ahead() {
    let (mut v, mut behind) = ([0.0; 3], START);
    let expected = by_hand(|_, ahead| {
        let g = gradient(*ahead);
        for i in 0..3 {
            v[i] = 0.9 * v[i] - 0.05 * g[i];
            behind[i] += v[i];
            ahead[i] = behind[i] + 0.9 * v[i];
        }
    });
    assert_same(&three_steps(&Optimiser::<f64>::nesterov(0.05, 0.9)), &expected);
}

/// Algorithm 1 of Kingma and Ba on a gradient with `l2 · w` added for weights, and `decoupled · w` added
/// to the step of weights (algorithm 2 of Loshchilov and Hutter).
fn adam_by_hand(rate: f64, l2: f64, decoupled: f64) -> Vec<[f64; 3]> {
    let (beta1, beta2, epsilon) = (0.9f64, 0.999f64, 1e-8);
    let (mut m, mut v) = ([0.0; 3], [0.0; 3]);
    by_hand(|t, w| {
        let mut g = gradient(*w);
        (0..2).for_each(|i| g[i] += l2 * w[i]);
        for i in 0..3 {
            m[i] = beta1 * m[i] + (1.0 - beta1) * g[i];
            v[i] = beta2 * v[i] + (1.0 - beta2) * g[i] * g[i];
            let m_hat = m[i] / (1.0 - beta1.powi(t as i32));
            let v_hat = v[i] / (1.0 - beta2.powi(t as i32));
            let decay = if i < 2 { decoupled * w[i] } else { 0.0 };
            w[i] -= rate * (m_hat / (v_hat.sqrt() + epsilon) + decay);
        }
    })
}

/// For Adam: 1 - β₂ᵗ by hand has lost three digits, so the comparison is to 1e-12.
#[track_caller]
fn assert_close(found: &[[f64; 3]], expected: &[[f64; 3]], tolerance: f64) {
    for (found, expected) in found.iter().zip(expected) {
        assert!(
            found.iter().zip(expected).all(|(f, e)| (f - e).abs() < tolerance),
            "{found:?}, not {expected:?}"
        );
    }
}

#[test]
fn adam_is_algorithm_1() {
    assert_close(&three_steps(&Optimiser::<f64>::adam(0.1)), &adam_by_hand(0.1, 0.0, 0.0), 1e-12);
}

/// In `f32` too the bias correction is right: naively it would be off by 3e-5 in the first step, which is
/// 3e-6 here.
#[test]
fn adam_is_as_precise_as_its_type() {
    let found = three_steps(&Optimiser::<f32>::adam(0.1));
    // The step has length 0.1, the parameters are of order one: a few roundings of each.
    assert_close(&found, &adam_by_hand(0.1, 0.0, 0.0), 3e-7);
}

#[test]
fn decay_before_adam_is_l2_and_after_it_is_decoupled() {
    let decay = AddDecayedWeights { decay: 0.3, selection: Selection::weights() };
    let coupled = three_steps(&Optimiser::<f64>::adam(0.1).first(decay));
    let decoupled = three_steps(&Optimiser::<f64>::adamw(0.1, 0.3));
    assert_close(&coupled, &adam_by_hand(0.1, 0.3, 0.0), 1e-12);
    assert_close(&decoupled, &adam_by_hand(0.1, 0.0, 0.3), 1e-12);
    assert!((coupled[0][0] - decoupled[0][0]).abs() > 0.01, "they are two different things");
    // A first step of Adam is ±rate whatever the gradient's size: coupled decay changes nothing in it.
    assert!((coupled[0][0] - three_steps(&Optimiser::<f64>::adam(0.1))[0][0]).abs() < 1e-8);
}

/// For plain gradient descent there is no difference.
#[test]
fn the_order_of_decay_does_not_matter_to_sgd() {
    let decay = || AddDecayedWeights { decay: 0.3, selection: Selection::all() };
    let first = Optimiser::<f64>::sgd(0.1).first(decay());
    let penalty = by_hand(|_, w| {
        let g = gradient(*w);
        (0..3).for_each(|i| w[i] -= 0.1 * (g[i] + 0.3 * w[i]));
    });
    assert_same(&three_steps(&first), &penalty);
    let last = Optimiser::<f64>::new(0.1).then(decay()).then(ScaleByLearningRate);
    assert_eq!(three_steps(&last), three_steps(&first));
}

#[test]
fn no_decay_changes_no_bit() {
    assert_eq!(three_steps(&Optimiser::<f32>::adamw(0.1, 0.0)), three_steps(&Optimiser::<f32>::adam(0.1)));
}

#[test]
fn clipping_bounds_values_and_the_norm() {
    let by_value = by_hand(|_, w| {
        let g = gradient(*w);
        (0..3).for_each(|i| w[i] -= 0.1 * g[i].clamp(-0.4, 0.4));
    });
    assert_same(&three_steps(&Optimiser::<f64>::sgd(0.1).first(ClipValue(0.4))), &by_value);
    let by_norm = |limit: f64| {
        by_hand(move |_, w| {
            let g = gradient(*w);
            let norm = g.iter().map(|g| g * g).sum::<f64>().sqrt();
            (0..3).for_each(|i| w[i] -= 0.1 * g[i] * (limit / norm).min(1.0));
        })
    };
    assert_same(&three_steps(&Optimiser::<f64>::sgd(0.1).first(ClipGlobalNorm(0.5))), &by_norm(0.5));
    let loose = Optimiser::<f64>::sgd(0.1).first(ClipGlobalNorm(100.0));
    assert_eq!(
        three_steps(&loose),
        three_steps(&Optimiser::<f64>::sgd(0.1)),
        "below the limit nothing changes"
    );
}

#[test]
fn the_schedule_is_fed() {
    let schedule = Schedule::Step { initial: 0.4, factor: 0.5, every: 1 };
    let expected = by_hand(|t, w| {
        let g = gradient(*w);
        (0..3).for_each(|i| w[i] -= 0.4 * 0.5f64.powi(t as i32 - 1) * g[i]);
    });
    assert_same(&three_steps(&Optimiser::<f64>::sgd(schedule)), &expected);
}

#[test]
fn a_chain_without_learning_rate_takes_none() {
    let optimiser = Optimiser::<f64>::new(0.0).then(Scale(0.1));
    assert_eq!(three_steps(&optimiser), three_steps(&Optimiser::<f64>::sgd(0.1)));
}

#[test]
fn two_momenta_have_memories_of_their_own() {
    let graph = Graph::<f64>::new();
    let momentum = Momentum { momentum: 0.5, nesterov: false };
    let gradients = [graph.input("gw", [2]), graph.input("gb", [1])];
    let step = Optimiser::<f64>::new(1.0).then(momentum).then(momentum).apply(&graph, &specs(), &gradients);
    let names: Vec<_> = step.state.iter().map(|spec| spec.name.as_str()).collect();
    assert_eq!(names, ["w/velocity", "b/velocity", "w/velocity2", "b/velocity2"]);
}

#[test]
fn known_state_is_kept() {
    let graph = Graph::<f64>::new();
    let gradients = [graph.input("gw", [2]), graph.input("gb", [1])];
    let step = Optimiser::<f64>::momentum(0.1, 0.9).apply(&graph, &specs(), &gradients);
    let mut parameters = Parameters::new();
    parameters.insert("w/velocity", Tensor::new([2], vec![3.0, 4.0]));
    step.initialise_state(&mut parameters);
    assert_eq!(parameters["w/velocity"].data(), [3.0, 4.0]);
    assert_eq!(parameters["b/velocity"].data(), [0.0]);
}

/// What makes one pass over memory possible: between gradient and new value there are pointwise operations
/// and repeated scalars only.
#[test]
fn updates_are_pointwise() {
    let graph = Graph::<f32>::new();
    let gradients = [graph.input("gw", [2]), graph.input("gb", [1])];
    let optimiser = Optimiser::<f32>::adamw(0.1, 0.01)
        .first(ClipValue(1.0))
        .then(Momentum { momentum: 0.9, nesterov: true });
    optimiser.apply(&graph, &specs(), &gradients);
    for node in graph.nodes().iter() {
        let scalar = node.shape.numel() == 1;
        let pointwise =
            matches!(node.op, Op::Unary(_) | Op::Binary(_) | Op::Select | Op::Fill(_) | Op::Broadcast);
        let source = matches!(node.op, Op::Input(_) | Op::Parameter(_));
        assert!(pointwise || source || (scalar && matches!(node.op, Op::Reshape)), "{:?}", node.op);
        assert_ne!(node.op, Op::Unary(ops::pointwise::Unary::Erf));
    }
}

#[test]
fn senseless_numbers_are_refused() {
    let momentum = |momentum| Optimiser::<f32>::momentum(0.1, momentum).check();
    assert!(momentum(0.0).is_ok());
    assert_eq!(momentum(1.0).unwrap_err().to_string(), "the momentum is 1, it must be in [0, 1)");
    assert!(momentum(f64::NAN).is_err());
    assert!(Optimiser::<f32>::sgd(-0.1).check().is_err());
    assert!(Optimiser::<f32>::adamw(0.1, -1.0).check().is_err());
    let adam = |beta1, beta2, epsilon| {
        Optimiser::<f32>::new(0.1).then(AdamScaling { beta1, beta2, epsilon, amsgrad: false }).check()
    };
    assert!(adam(0.0, 0.0, 1e-8).is_ok());
    assert!(adam(1.0, 0.9, 1e-8).is_err() && adam(0.9, 1.0, 1e-8).is_err() && adam(0.9, 0.9, 0.0).is_err());
    for limit in [0.0, -1.0, f64::NAN] {
        assert!(Optimiser::<f32>::sgd(0.1).first(ClipValue(limit)).check().is_err());
        assert!(Optimiser::<f32>::sgd(0.1).first(ClipGlobalNorm(limit)).check().is_err());
    }
    assert!(Optimiser::<f32>::sgd(0.1).first(Scale(f64::INFINITY)).check().is_err());
}

#[test]
fn beta_zero_needs_no_correction() {
    // With β₁ = β₂ = 0 Adam is the sign of the gradient.
    let sign = Optimiser::<f64>::new(0.1)
        .then(AdamScaling { beta1: 0.0, beta2: 0.0, epsilon: 1e-30, amsgrad: false })
        .then(ScaleByLearningRate);
    let expected = by_hand(|_, w| {
        let g = gradient(*w);
        (0..3).for_each(|i| w[i] -= 0.1 * g[i].signum());
    });
    assert_same(&three_steps(&sign), &expected);
}

/// A gradient that is zero from the second step on: moments and velocity come to rest
/// above the subnormal numbers.
#[test]
fn a_decaying_mean_never_becomes_subnormal() {
    use autograd::{Feed, Graph, Parameters, Plan, Tensor};
    let centred = RmsScaling { centred: true, ..RmsScaling::default() };
    for optimiser in [
        Optimiser::<f32>::adam(0.0),
        Optimiser::momentum(0.0, 0.9),
        Optimiser::rmsprop(0.0),
        Optimiser::new(0.0).then(centred).then(ScaleByLearningRate),
        Optimiser::adadelta(0.0),
        Optimiser::lion(0.0, 0.0),
    ] {
        let graph = Graph::<f32>::new();
        let spec = ParameterSpec {
            name: "w".into(),
            shape: Shape::from([1]),
            role: Role::Weight,
            initialiser: Initialiser::Zeros,
        };
        let w = spec.declare(&graph);
        let s = graph.scalar("s");
        let step = optimiser.minimise((w * s).sum(), std::slice::from_ref(&spec));
        let mut parameters: Parameters<f32> = [("w", Tensor::zeros([1]))].into_iter().collect();
        step.initialise_state(&mut parameters);
        let mut plan = step.add_to(Plan::builder(&graph)).compile();
        for run in 0..80_000 {
            let slope = if run == 0 { 1.0 } else { 0.0 };
            let feeds = [("s", Feed::from(slope)), (LEARNING_RATE, Feed::from(0.0))];
            plan.run(&mut parameters, &feeds).unwrap();
            for (name, value) in parameters.iter() {
                assert!(!value.data()[0].is_subnormal(), "{name} is {:e} after {run}", value.data()[0]);
            }
        }
        for (name, value) in parameters.iter().filter(|(name, _)| *name != "w" && !name.contains("steps")) {
            // It rests where one unit of the rounding is more than what decays.
            assert!(value.data()[0].abs() < 1e-27, "{name} rests at {value:?}");
        }
    }
}

/// The gradient one step of length 0.1 further down: an extragradient method.
#[derive(Debug)]
struct Ahead(f64);

impl<T: Real> GradientRule<T> for Ahead {
    fn gradients<'g>(
        &self,
        loss: Var<'g, T>,
        parameters: &[(&ParameterSpec, Var<'g, T>)],
    ) -> Vec<Var<'g, T>> {
        let here: Vec<_> = parameters.iter().map(|&(_, w)| w).collect();
        let gradients = PlainGradient.gradients(loss, parameters);
        let moved: Vec<_> = here.iter().zip(&gradients).map(|(&w, &g)| (w, w - g * self.0)).collect();
        autograd::substitute(&gradients, &moved)
    }

    fn check(&self) -> Result<(), HyperparameterError> {
        HyperparameterError::unless(self.0 >= 0.0, "look ahead", self.0, "at least 0")
    }
}

#[test]
fn a_rule_of_gradients_is_what_the_chain_begins_with() {
    let found = three_steps::<f64>(&Optimiser::momentum(0.05, 0.5).with_gradients(Ahead(0.1)));
    let mut velocity = [0.0; 3];
    let expected = by_hand(|_, x| {
        let slope = gradient(*x);
        let there = gradient([0, 1, 2].map(|i| x[i] - 0.1 * slope[i]));
        for i in 0..3 {
            velocity[i] = 0.5 * velocity[i] + there[i];
            x[i] -= 0.05 * velocity[i];
        }
    });
    assert_same(&found, &expected);
    let refused = Optimiser::<f64>::sgd(0.1).with_gradients(Ahead(f64::NAN)).check().unwrap_err();
    assert_eq!(refused.to_string(), "the look ahead is NaN, it must be at least 0");
}
