//! Optimisers that scale each element by its own history.

use super::*;

#[test]
fn adagrad_is_algorithm_8_4() {
    let mut r = [0.0; 3];
    let expected = by_hand(|_, w| {
        let g = gradient(*w);
        for i in 0..3 {
            r[i] += g[i] * g[i];
            w[i] -= 0.1 / (1e-7 + r[i].sqrt()) * g[i];
        }
    });
    assert_same(&three_steps(&Optimiser::<f64>::adagrad(0.1)), &expected);
}

#[test]
fn rmsprop_is_algorithm_8_5() {
    let mut r = [0.0; 3];
    let expected = by_hand(|_, w| {
        let g = gradient(*w);
        for i in 0..3 {
            r[i] = 0.9 * r[i] + (1.0 - 0.9) * g[i] * g[i];
            w[i] -= 0.01 / (1e-6 + r[i]).sqrt() * g[i];
        }
    });
    assert_same(&three_steps(&Optimiser::<f64>::rmsprop(0.01)), &expected);
}

/// Algorithm 8.6 without its look ahead; with a constant rate, velocities of scaled gradients are its
/// velocities divided by `-ε`.
#[test]
fn rmsprop_with_momentum() {
    let (mut r, mut v) = ([0.0; 3], [0.0; 3]);
    let expected = by_hand(|_, w| {
        let g = gradient(*w);
        for i in 0..3 {
            r[i] = 0.8 * r[i] + (1.0 - 0.8) * g[i] * g[i];
            v[i] = 0.5 * v[i] - 0.01 / (1e-4 + r[i]).sqrt() * g[i];
            w[i] += v[i];
        }
    });
    let optimiser = Optimiser::<f64>::new(0.01)
        .then(RmsScaling { rho: 0.8, epsilon: 1e-4, centred: false })
        .then(Momentum { momentum: 0.5, nesterov: false })
        .then(ScaleByLearningRate);
    assert_same(&three_steps(&optimiser), &expected);
}

/// Graves's equations 38 to 41: two running means and their difference.
#[test]
fn centred_rmsprop_is_gravess() {
    let (mut n, mut m, mut v) = ([0.0; 3], [0.0; 3], [0.0; 3]);
    let expected = by_hand(|_, w| {
        let g = gradient(*w);
        for i in 0..3 {
            n[i] = 0.95 * n[i] + 0.05 * g[i] * g[i];
            m[i] = 0.95 * m[i] + 0.05 * g[i];
            v[i] = 0.9 * v[i] - 0.01 * g[i] / (n[i] - m[i] * m[i] + 1e-4).sqrt();
            w[i] += v[i];
        }
    });
    let optimiser = Optimiser::<f64>::new(0.01)
        .then(RmsScaling { rho: 0.95, epsilon: 1e-4, centred: true })
        .then(Momentum { momentum: 0.9, nesterov: false })
        .then(ScaleByLearningRate);
    // By hand, n - m² cancels to some tenth of n.
    assert_close(&three_steps(&optimiser), &expected, 1e-13);
}

/// A gradient that is always the same has variance 0 in the end, never less: the difference of the running
/// means would round to below zero in single precision.
#[test]
fn a_variance_is_never_negative() {
    let graph = Graph::<f32>::new();
    let spec = &specs()[1];
    let w = spec.declare(&graph);
    let optimiser = Optimiser::<f32>::new(0.0).then(RmsScaling { centred: true, ..RmsScaling::default() });
    let step = optimiser.minimise((w * 0.7).sum(), std::slice::from_ref(spec));
    let mut parameters: Parameters<f32> = [("b", Tensor::zeros([1]))].into_iter().collect();
    step.initialise_state(&mut parameters);
    let mut plan = step.add_to(Plan::builder(&graph)).compile();
    for _ in 0..500 {
        plan.run(&mut parameters, &[]).unwrap();
        let variance = parameters["b/variance"].data()[0];
        assert!(variance >= 0.0 && parameters["b"].data()[0].is_finite(), "{variance}");
    }
    // The mean rests where a tenth of the deviation is less than half a unit in its last place: a deviation
    // of 3e-7, and 0.9 of its square.
    assert!(parameters["b/variance"].data()[0] < 1e-13);
}

#[test]
fn adadelta_is_algorithm_1() {
    let (mut r, mut s) = ([0.0; 3], [0.0; 3]);
    let expected = by_hand(|_, w| {
        let g = gradient(*w);
        for i in 0..3 {
            r[i] = 0.95 * r[i] + 0.05 * g[i] * g[i];
            let step = -(s[i] + 1e-6f64).sqrt() / (r[i] + 1e-6f64).sqrt() * g[i];
            s[i] = 0.95 * s[i] + 0.05 * step * step;
            w[i] += step;
        }
    });
    assert_same(&three_steps(&Optimiser::<f64>::adadelta(1.0)), &expected);
}

#[test]
fn lion_is_algorithm_2() {
    let mut m = [0.0; 3];
    let expected = by_hand(|_, w| {
        let g = gradient(*w);
        for i in 0..3 {
            let direction = (0.9 * m[i] + (1.0 - 0.9) * g[i]).signum();
            let decay = if i < 2 { 0.3 * w[i] } else { 0.0 };
            w[i] -= 0.1 * (direction + decay);
            m[i] = 0.99 * m[i] + (1.0 - 0.99) * g[i];
        }
    });
    assert_same(&three_steps(&Optimiser::<f64>::lion(0.1, 0.3)), &expected);
    // Momentum that is slower than the direction's: a first gradient of 1 outweighs a second of -0.05 for
    // the direction, 0.9 · 0.01 against 0.1 · 0.05, but not one of -1.
    let signs = |second: f64| {
        let mut values = [0.0; 2];
        let graph = Graph::<f64>::new();
        let slope = graph.scalar("slope");
        let spec = &specs()[1];
        let w = spec.declare(&graph);
        let optimiser = Optimiser::<f64>::new(0.0).then(LionDirection::default());
        let step = optimiser.minimise((w * slope).sum(), std::slice::from_ref(spec));
        let mut parameters: Parameters<f64> = [("b", Tensor::zeros([1]))].into_iter().collect();
        step.initialise_state(&mut parameters);
        let mut plan = step.add_to(Plan::builder(&graph)).compile();
        for (value, slope) in values.iter_mut().zip([1.0, second]) {
            plan.run(&mut parameters, &[("slope", Feed::from(slope))]).unwrap();
            *value = parameters["b"].data()[0];
        }
        values
    };
    assert_eq!(signs(-0.05), [-1.0, -2.0]);
    assert_eq!(signs(-1.0), [-1.0, 0.0]);
}

/// A gradient of 10, then gradients of 0.1: Adam's divisor falls again, AMSGrad's stays.
#[test]
fn amsgrads_divisor_never_falls() {
    let slopes = [10.0, 0.1, 0.1, 0.1];
    let steps = |amsgrad: bool| -> Vec<f64> {
        let (mut m, mut v, mut largest, mut b) = (0.0, 0.0, 0.0f64, 0.0);
        let mut path = Vec::new();
        for (t, g) in slopes.into_iter().enumerate() {
            let t = t as i32 + 1;
            m = 0.9 * m + 0.1 * g;
            v = 0.5 * v + 0.5 * g * g;
            let corrected = v / (1.0 - 0.5f64.powi(t));
            largest = largest.max(corrected);
            let divisor = if amsgrad { largest } else { corrected }.sqrt() + 1e-8;
            b -= 0.1 * m / (1.0 - 0.9f64.powi(t)) / divisor;
            path.push(b);
        }
        path
    };
    for amsgrad in [false, true] {
        let graph = Graph::<f64>::new();
        let slope = graph.scalar("slope");
        let spec = &specs()[1];
        let w = spec.declare(&graph);
        let optimiser = Optimiser::<f64>::new(0.1)
            .then(AdamScaling { beta2: 0.5, amsgrad, ..AdamScaling::default() })
            .then(ScaleByLearningRate);
        let step = optimiser.minimise((w * slope).sum(), std::slice::from_ref(spec));
        let mut parameters: Parameters<f64> = [("b", Tensor::zeros([1]))].into_iter().collect();
        step.initialise_state(&mut parameters);
        let mut plan = step.add_to(Plan::builder(&graph)).compile();
        for (slope, expected) in slopes.into_iter().zip(steps(amsgrad)) {
            let feeds = [("slope", Feed::from(slope)), (LEARNING_RATE, Feed::from(0.1))];
            plan.run(&mut parameters, &feeds).unwrap();
            // 1 - βᵗ by hand has lost a digit.
            assert!((parameters["b"].data()[0] - expected).abs() < 1e-14);
        }
    }
    assert!(steps(true) != steps(false));
    // Algorithm 2 on the common problem, through the preset.
    let (mut m, mut v, mut largest) = ([0.0; 3], [0.0; 3], [0.0f64; 3]);
    let expected = by_hand(|t, w| {
        let g = gradient(*w);
        for i in 0..3 {
            m[i] = 0.9 * m[i] + (1.0 - 0.9) * g[i];
            v[i] = 0.999 * v[i] + (1.0 - 0.999) * g[i] * g[i];
            largest[i] = largest[i].max(v[i] / (1.0 - 0.999f64.powi(t as i32)));
            w[i] -= 0.1 * m[i] / (1.0 - 0.9f64.powi(t as i32)) / (largest[i].sqrt() + 1e-8);
        }
    });
    assert_close(&three_steps(&Optimiser::<f64>::amsgrad(0.1)), &expected, 1e-12);
}

#[test]
fn each_remembers_under_names_of_its_own() {
    let state = |optimiser: Optimiser<f64>| {
        let graph = Graph::<f64>::new();
        let gradients = [graph.input("gw", [2]), graph.input("gb", [1])];
        let step = optimiser.apply(&graph, &specs(), &gradients);
        step.state
            .iter()
            .map(|spec| spec.name.clone())
            .filter(|n| !n.starts_with("b/"))
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(state(Optimiser::adagrad(0.1)), "w/sum_of_squares");
    assert_eq!(state(Optimiser::rmsprop(0.1)), "w/mean_square");
    assert_eq!(state(Optimiser::adadelta(1.0)), "w/mean_square w/mean_square_step");
    assert_eq!(state(Optimiser::lion(0.1, 0.0)), "w/momentum");
    assert_eq!(state(Optimiser::adam(0.1)), "adam/steps w/first_moment w/second_moment");
    assert_eq!(
        state(Optimiser::amsgrad(0.1)),
        "adam/steps w/first_moment w/second_moment w/largest_second_moment"
    );
    let centred = RmsScaling { centred: true, ..RmsScaling::default() };
    assert_eq!(state(Optimiser::new(0.1).then(centred)), "w/mean w/variance");
}

#[test]
fn senseless_constants_are_refused() {
    let check = |transform: Box<dyn Transform<f32>>| transform.check().map_err(|error| error.to_string());
    let rms = RmsScaling::default();
    assert_eq!(
        check(Box::new(RmsScaling { rho: 1.0, ..rms })),
        Err("the rho is 1, it must be in [0, 1)".into())
    );
    assert_eq!(
        check(Box::new(AdaGradScaling { epsilon: 0.0 })),
        Err("the epsilon is 0, it must be finite and above 0".into())
    );
    assert!(check(Box::new(RmsScaling { epsilon: f64::NAN, ..rms })).is_err());
    assert!(check(Box::new(AdadeltaScaling { rho: -0.1, epsilon: 1e-6 })).is_err());
    assert!(check(Box::new(AdadeltaScaling { rho: 0.9, epsilon: 0.0 })).is_err());
    assert!(check(Box::new(LionDirection { beta1: 1.0, beta2: 0.9 })).is_err());
    assert!(check(Box::new(LionDirection { beta1: 0.9, beta2: f64::NAN })).is_err());
}
