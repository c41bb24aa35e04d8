use super::*;
use autograd::{Feed, grad};

fn values<T: Real>(activation: Activation, x: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let graph = Graph::<T>::new();
    let v = graph.input("x", [x.len()]);
    let y = activation.apply(v);
    let slope = grad(y.sum(), &[v])[0];
    let feed = Tensor::new([x.len()], x.iter().map(|&x| T::from_f64(x)).collect());
    let found = interpret(&[y, slope], &[("x", Feed::from(&feed))], None).unwrap();
    let widen = |t: &Tensor<T>| t.data().iter().map(|v| v.to_f64()).collect();
    (widen(&found[0]), widen(&found[1]))
}

/// The definitions, by the standard library.
fn definition(activation: Activation, x: f64) -> f64 {
    let sigmoid = 1.0 / (1.0 + (-x).exp());
    match activation {
        Activation::Relu => x.max(0.0),
        Activation::LeakyRelu { slope } => {
            if x > 0.0 {
                x
            } else {
                slope * x
            }
        }
        Activation::Elu { alpha } => {
            if x > 0.0 {
                x
            } else {
                alpha * x.exp_m1()
            }
        }
        Activation::Selu => {
            let branch = if x > 0.0 { x } else { 1.673_263_242_354_377_2 * x.exp_m1() };
            1.050_700_987_355_480_5 * branch
        }
        Activation::GeluTanh => {
            let inner = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x * x * x);
            0.5 * x * (1.0 + inner.tanh())
        }
        Activation::Silu => x * sigmoid,
        Activation::Tanh => x.tanh(),
        Activation::Sigmoid => sigmoid,
        Activation::Softplus => x.max(0.0) + (-x.abs()).exp().ln_1p(),
        other => panic!("{other:?} has no elementary definition"),
    }
}

#[test]
fn values_are_those_of_the_definitions() {
    let x: Vec<f64> = (-80..=80).map(|i| i as f64 * 0.25 + 0.01).chain([1e-9, -1e-9, 1e-3, -1e-3]).collect();
    for activation in Activation::ALL {
        if matches!(activation, Activation::Gelu | Activation::Softmax) {
            continue;
        }
        let (y, _) = values::<f64>(activation, &x);
        for (&x, y) in x.iter().zip(y) {
            let expected = definition(activation, x);
            // A few roundings of results of order one. ELU must be right to relative precision near 0, which
            // is why it is not written eˣ - 1.
            let scale = if matches!(activation, Activation::Elu { .. } | Activation::Selu) {
                expected.abs()
            } else {
                1.0f64.max(x.abs())
            };
            assert!(
                (y - expected).abs() <= 8.0 * f64::EPSILON * scale,
                "{activation:?}({x}) = {y}, not {expected}"
            );
        }
    }
}

#[test]
fn gelu_has_its_known_values() {
    // x Φ(x) with Φ(1) and Φ(2) from tables of the normal distribution.
    let (y, _) = values::<f64>(Activation::Gelu, &[0.0, 1.0, -1.0, 2.0]);
    let phi = [0.841_344_746_068_542_9, 0.977_249_868_051_820_8];
    let expected = [0.0, phi[0], phi[0] - 1.0, 2.0 * phi[1]];
    for (y, expected) in y.iter().zip(expected) {
        assert!((y - expected).abs() < 1e-15, "{y} is not {expected}");
    }
}

/// Within 5e-4 everywhere, and not the same function.
#[test]
fn the_tanh_form_of_gelu_is_close_to_the_exact_one() {
    let x: Vec<f64> = (-600..=600).map(|i| i as f64 * 0.01).collect();
    let (exact, close) = (values::<f64>(Activation::Gelu, &x).0, values::<f64>(Activation::GeluTanh, &x).0);
    let apart = exact.iter().zip(&close).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!((1e-4..5e-4).contains(&apart), "{apart}");
}

/// What makes the two constants what they are: for standard normal `z`, `selu(z)` has mean 0 and second moment 1.
#[test]
fn selu_keeps_mean_and_variance() {
    // The trapezoidal rule, with the kink on the grid: its error is of the order of the step's square.
    let z: Vec<f64> = (-12_000..=12_000).map(|i| i as f64 * 1e-3).collect();
    let y = values::<f64>(Activation::Selu, &z).0;
    let density = |z: f64| 1e-3 * (-0.5 * z * z).exp() / std::f64::consts::TAU.sqrt();
    let mean: f64 = z.iter().zip(&y).map(|(&z, y)| y * density(z)).sum();
    let square: f64 = z.iter().zip(&y).map(|(&z, y)| y * y * density(z)).sum();
    assert!(mean.abs() < 1e-6 && (square - 1.0).abs() < 1e-6, "{mean}, {square}");
}

#[test]
fn slopes_at_zero_are_the_documented_ones() {
    let at_zero = |activation| values::<f64>(activation, &[0.0]).1[0];
    assert_eq!(at_zero(Activation::Relu), 0.0);
    assert_eq!(at_zero(Activation::LeakyRelu { slope: 0.1 }), 0.1);
    assert_eq!(at_zero(Activation::Elu { alpha: 0.5 }), 0.5);
    assert_eq!(at_zero(Activation::Gelu), 0.5);
    assert_eq!(at_zero(Activation::GeluTanh), 0.5);
    assert!((at_zero(Activation::Selu) - 1.758_099_340_847_376_6).abs() < 1e-15);
    assert_eq!(at_zero(Activation::Silu), 0.5);
    assert_eq!(at_zero(Activation::Softplus), 0.5);
}

#[test]
fn nothing_overflows_far_out() {
    for activation in Activation::ALL {
        let (y, slope) = values::<f32>(activation, &[-1e4, -100.0, 100.0, 1e4]);
        assert!(y.iter().chain(&slope).all(|v| v.is_finite()), "{activation:?}: {y:?}, {slope:?}");
    }
}

#[test]
fn gains_are_those_of_the_literature() {
    let close = |a: f64, b: f64, tolerance: f64| assert!((a - b).abs() < tolerance, "{a} is not {b}");
    close(Activation::Relu.gain(), 2f64.sqrt(), 1e-11);
    close(Activation::LeakyRelu { slope: 0.2 }.gain(), (2.0 / 1.04f64).sqrt(), 1e-11);
    // E[tanh²] = 0.394294..., E[σ²] = 0.293379..., to the digits given.
    close(Activation::Tanh.gain(), 1.592_537, 1e-6);
    close(Activation::Sigmoid.gain(), 1.846_228, 1e-5);
    assert_eq!(Activation::Softmax.gain(), 1.0);
}
