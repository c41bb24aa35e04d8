//! What each tolerance lets through: plausible bugs, and the share of entries in which each rule for
//! comparing notices them. The last column is this checker's; the others are the defaults of well-known
//! ones, applied to a derivative that is exact, so that only their tolerance speaks.
//!
//! `cargo test -p autograd --test check_sensitivity -- --nocapture` prints the table.

use autograd::check::{Verdict, check_gradient};
use autograd::kernel::Native;

type Function = fn(f64) -> f64;

/// Name, function, its right derivative, the wrong one, interval, and the share that this checker must see.
struct Bug {
    name: &'static str,
    function: Function,
    right: Function,
    wrong: Function,
    interval: (f64, f64),
    seen: f64,
}

fn gelu_with(x: f64, constant: f64) -> f64 {
    0.5 * x * (1.0 + ((2.0 / std::f64::consts::PI).sqrt() * (x + constant * x.powi(3))).tanh())
}

fn gelu_slope_with(x: f64, constant: f64) -> f64 {
    let root = (2.0 / std::f64::consts::PI).sqrt();
    let t = (root * (x + constant * x.powi(3))).tanh();
    0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * root * (1.0 + 3.0 * constant * x * x)
}

fn normal_density(x: f64) -> f64 {
    (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt()
}

fn gelu_erf_slope(x: f64) -> f64 {
    0.5 * (1.0 + Native::erf(x / std::f64::consts::SQRT_2)) + x * normal_density(x)
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// Rounded to the 11 bits of half precision.
fn half(x: f64) -> f64 {
    let unit = 2f64.powf(x.abs().log2().floor() - 10.0);
    (x / unit).round() * unit
}

/// The third entry, normalised over (x, 0.3, -0.8) with the variance widened by 1e-5.
fn normalised(x: f64, widening: f64) -> (f64, f64) {
    let values = [x, 0.3, -0.8];
    let mean = values.iter().sum::<f64>() / 3.0;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 3.0;
    let deviation = (variance + widening).sqrt();
    let centred = (x - mean) / deviation;
    // d centred / dx = (1 - 1/3 - centred^2 / 3) / deviation
    (centred, (2.0 / 3.0 - centred * centred / 3.0) / deviation)
}

const BUGS: [Bug; 9] = [
    Bug {
        name: "GELU constant 0.0447 for 0.044715",
        function: |x| gelu_with(x, 0.044715),
        right: |x| gelu_slope_with(x, 0.044715),
        wrong: |x| gelu_slope_with(x, 0.0447),
        interval: (-4.0, 4.0),
        seen: 0.97,
    },
    Bug {
        name: "normalisation forgets its 1e-5",
        function: |x| normalised(x, 1e-5).0,
        right: |x| normalised(x, 1e-5).1,
        wrong: |x| normalised(x, 0.0).1,
        interval: (-2.0, 2.0),
        seen: 0.99,
    },
    Bug {
        name: "tanh output kept in single precision",
        function: f64::tanh,
        right: |x| 1.0 - x.tanh().powi(2),
        wrong: |x| 1.0 - f64::from(x.tanh() as f32).powi(2),
        interval: (-3.0, 3.0),
        seen: 0.6,
    },
    Bug {
        name: "weight decay 1e-6 missing",
        function: |x| x.sin() + 0.5e-6 * x * x,
        right: |x| x.cos() + 1e-6 * x,
        wrong: f64::cos,
        interval: (-3.0, 3.0),
        seen: 0.97,
    },
    Bug {
        name: "ln(p + 1e-8), derivative 1/p",
        function: |x| (x + 1e-8).ln(),
        right: |x| 1.0 / (x + 1e-8),
        wrong: |x| 1.0 / x,
        interval: (0.001, 0.5),
        seen: 0.97,
    },
    Bug {
        name: "Huber with 1.0001 for 1",
        function: |x| if x.abs() <= 1.0 { 0.5 * x * x } else { x.abs() - 0.5 },
        right: |x| x.clamp(-1.0, 1.0),
        wrong: |x| x.clamp(-1.0001, 1.0001),
        interval: (-3.0, 3.0),
        seen: 0.66,
    },
    Bug {
        name: "GELU by erf, derivative by tanh",
        function: |x| 0.5 * x * (1.0 + Native::erf(x / std::f64::consts::SQRT_2)),
        right: gelu_erf_slope,
        wrong: |x| gelu_slope_with(x, 0.044715),
        interval: (-4.0, 4.0),
        seen: 0.99,
    },
    Bug {
        name: "sigmoid through half precision",
        function: sigmoid,
        right: |x| sigmoid(x) * sigmoid(-x),
        wrong: |x| half(sigmoid(x)) * (1.0 - half(sigmoid(x))),
        interval: (-6.0, 6.0),
        seen: 0.99,
    },
    Bug {
        name: "cube with 2 x^2",
        function: |x| x.powi(3),
        right: |x| 3.0 * x * x,
        wrong: |x| 2.0 * x * x,
        interval: (-2.0, 2.0),
        seen: 0.99,
    },
];

/// Rules for comparing two numbers: name, absolute and relative tolerance.
const TOLERANCES: [(&str, f64, f64); 4] = [
    ("1e-5+1e-3r", 1e-5, 1e-3), // PyTorch's gradcheck
    ("1e-5+1e-5r", 1e-5, 1e-5), // JAX, double precision
    ("1e-6+1e-6r", 1e-6, 1e-6), // HIPS autograd
    ("1e-9+1e-9r", 1e-9, 1e-9), // ChainRulesTestUtils
];

const POINTS: usize = 200;

#[test]
fn plausible_bugs_are_seen_that_usual_tolerances_let_through() {
    println!("{:<38}{}  this", "bug", TOLERANCES.map(|(name, ..)| format!("{name:>11}")).concat());
    for bug in BUGS {
        let (low, high) = bug.interval;
        let points = (0..POINTS).map(|i| low + (high - low) * (i as f64 + 0.31) / POINTS as f64);
        let (mut seen, mut by_tolerance) = (0, [0; TOLERANCES.len()]);
        for x in points {
            let check =
                |slope: Function| check_gradient(|x| (bug.function)(x[0]), |x| vec![slope(x[0])], &[x]);
            // First of all the right derivative is right.
            let right = check(bug.right);
            assert!(!right.verdict().is_failure(), "{} at {x}\n{right}", bug.name);
            seen += usize::from(check(bug.wrong).verdict() == Verdict::Fail);
            let (right, wrong) = ((bug.right)(x), (bug.wrong)(x));
            for (count, (_, absolute, relative)) in by_tolerance.iter_mut().zip(TOLERANCES) {
                *count += usize::from((right - wrong).abs() > absolute + relative * right.abs());
            }
        }
        let share = |count: usize| count as f64 / POINTS as f64;
        let others = by_tolerance.map(|count| format!("{:>9.0} %", 100.0 * share(count))).concat();
        println!("{:<38}{others}{:>6.0} %", bug.name, 100.0 * share(seen));
        assert!(share(seen) >= bug.seen, "{}: {}", bug.name, share(seen));
    }
}
