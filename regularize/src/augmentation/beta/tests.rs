use super::*;
use crate::testing::value;
use autograd::{Draw, Graph, Interpreter, Parameters, Tensor};
use proptest::prelude::*;

/// `∫₀ˣ tᵅ⁻¹ (1-t)ᵅ⁻¹ dt / ∫₀¹` by the substitution `t = sin²φ`, under which the integrand is smooth for `α ≥ ½`,
/// and the midpoint rule.
fn integrated(x: f64, alpha: f64) -> f64 {
    let steps = 200_000;
    let integral = |end: f64| {
        let h = end / steps as f64;
        let f = |phi: f64| (phi.sin() * phi.cos()).powf(2.0 * alpha - 1.0);
        (0..steps).map(|i| f((i as f64 + 0.5) * h)).sum::<f64>() * h
    };
    integral(x.sqrt().asin()) / integral(std::f64::consts::FRAC_PI_2)
}

#[test]
fn probabilities_are_the_integral_of_the_density() {
    for alpha in [0.5, 1.0, 1.7, 4.0, 20.0] {
        let beta = Beta::symmetric(alpha).unwrap();
        for x in [0.01, 0.2, 0.5, 0.77, 0.999] {
            let (found, expected) = (beta.probability(x), integrated(x, alpha));
            // The midpoint rule's error is of the order of h² times the second derivative.
            assert!((found - expected).abs() < 1e-7, "α = {alpha}, x = {x}: {found} for {expected}");
        }
    }
}

/// `Beta(½, ½)` is the arcsine distribution, `Beta(1, 1)` uniform, `Beta(2, 2)` has a cubic.
#[test]
fn probabilities_have_these_closed_forms() {
    for i in 1..100 {
        let x = f64::from(i) / 100.0;
        let arcsine = std::f64::consts::FRAC_2_PI * x.sqrt().asin();
        for (alpha, expected) in [(0.5, arcsine), (1.0, x), (2.0, x * x * (3.0 - 2.0 * x))] {
            let found = Beta::symmetric(alpha).unwrap().probability(x);
            // Logarithms of size 10, rounded a few times.
            assert!((found - expected).abs() < 2e-14, "α = {alpha}, x = {x}: {found} for {expected}");
        }
    }
}

/// `Beta(a, 1)` has `xᵃ`, `Beta(1, b)` `1 - (1 - x)ᵇ`, `Beta(2, 3)` a polynomial; `Beta(½, 3/2)` an arcsine and a
/// semicircle.
#[test]
fn uneven_probabilities_have_these_closed_forms() {
    for i in 1..100 {
        let x = f64::from(i) / 100.0;
        let circle = std::f64::consts::FRAC_2_PI * (x.sqrt().asin() + (x * (1.0 - x)).sqrt());
        let forms = [
            (3.5, 1.0, x.powf(3.5)),
            (0.2, 1.0, x.powf(0.2)),
            (1.0, 6.0, 1.0 - (1.0 - x).powi(6)),
            (2.0, 3.0, x * x * (6.0 - 8.0 * x + 3.0 * x * x)),
            (0.5, 1.5, circle),
        ];
        for (a, b, expected) in forms {
            let found = Beta::new(a, b).unwrap().probability(x);
            // Logarithms of size 10, rounded a few times.
            assert!((found - expected).abs() < 2e-14, "Beta({a}, {b}), x = {x}: {found} for {expected}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn the_quantile_is_the_inverse(p in 0.0..0.5f64, log_alpha in -3.0..4.0f64) {
        let alpha = log_alpha.exp();
        let beta = Beta::symmetric(alpha).unwrap();
        let x = beta.quantile(p);
        prop_assert!((0.0..=0.5).contains(&x));
        // Where x underflows to 0 nothing is left to compare.
        prop_assume!(x > 1e-290);
        let back = beta.probability(x);
        // x is known to one rounding, which the slope of ln I over ln x, at most α and some, magnifies.
        prop_assert!((back - p).abs() <= 1e-13 * (1.0 + alpha) * p.max(1e-300), "{back} for {p}");
    }

    /// On both sides of the place where the mirrored distribution takes over.
    #[test]
    fn the_uneven_quantile_is_the_inverse(p in 0.0..1.0f64, log_a in -3.0..3.0f64, log_b in -3.0..3.0f64) {
        let beta = Beta::new(log_a.exp(), log_b.exp()).unwrap();
        let x = beta.quantile(p);
        // Beside 0 and beside 1 shares are as far apart as roundings of x: nothing is left to compare.
        prop_assume!(x > 1e-290 && 1.0 - x > 1e-8);
        let back = beta.probability(x);
        // One rounding of x, relative to the nearer end, which the slope of ln I over ln x magnifies.
        let bound = 1e-13 * (1.0 + beta.a + beta.b) + 1e-16 / (1.0 - x);
        prop_assert!((back - p).abs() <= bound, "{back} for {p}: x = {x}");
        // So near to 0 that 1 - x has forgotten most of it there is nothing to compare either.
        let mirrored = Beta::new(beta.b, beta.a).unwrap();
        prop_assert!(x < 0.01 || (mirrored.probability(1.0 - x) + back - 1.0).abs() <= bound);
        prop_assert!(beta.quantile(0.5 * p) <= x);
    }

    #[test]
    fn shares_are_symmetric_and_in_the_order_of_draws(p in 0.0..1.0f64, q in 0.0..1.0f64, log_alpha in -3.0..3.0f64) {
        let beta = Beta::symmetric(log_alpha.exp()).unwrap();
        let (low, high) = (p.min(q), p.max(q));
        prop_assert!(beta.quantile(low) <= beta.quantile(high));
        prop_assert!((beta.quantile(p) + beta.quantile(1.0 - p) - 1.0).abs() < 1e-12);
    }
}

#[test]
fn the_ends_are_the_ends() {
    for alpha in [0.01, 0.2, 1.0, 8.0] {
        let beta = Beta::symmetric(alpha).unwrap();
        assert_eq!([0.0, 0.5, 1.0].map(|p| beta.quantile(p)), [0.0, 0.5, 1.0]);
        assert_eq!([0.0, 1.0].map(|x| beta.probability(x)), [0.0, 1.0]);
    }
}

/// The largest distance between the empirical distribution of `n` shares and a Beta distribution, for the stream as
/// a training draws it. Kolmogorov: it passes `√(-ln(δ/2) / 2n)` by chance with probability at most `δ`.
pub fn kolmogorov_smirnov(mut shares: Vec<f64>, beta: Beta) -> f64 {
    shares.sort_by(f64::total_cmp);
    let n = shares.len() as f64;
    let distance = |(i, &x): (usize, &f64)| {
        let p = beta.probability(x);
        (p - i as f64 / n).abs().max(((i + 1) as f64 / n - p).abs())
    };
    shares.iter().enumerate().map(distance).fold(0.0, f64::max)
}

#[test]
fn shares_are_distributed_as_beta() {
    let n = 20_000;
    // A false alarm once in a million choices of the seed.
    let bound = (-(0.5e-6f64).ln() / (2.0 * n as f64)).sqrt();
    for alpha in [0.2, 0.4, 1.0, 3.0] {
        let beta = Beta::symmetric(alpha).unwrap();
        let drawn = |run: u64| {
            let graph = Graph::<f64>::new();
            let shares = beta.shares(graph.uniform("mixup.share", [n]));
            let parameters = Parameters::new();
            let interpreter = Interpreter { parameters: &parameters, draw: Draw { seed: 1, run } };
            interpreter.run(&graph, &[shares.id()], &[]).unwrap().get(shares).clone().into_data()
        };
        let found = drawn(0);
        let distance = kolmogorov_smirnov(found.clone(), beta);
        assert!(distance < bound, "α = {alpha}: {distance} of {bound}");
        assert_ne!(found, drawn(1));
        // The test has power: uniform shares are found out for every other α.
        let uniform: Vec<f64> = (0..n).map(|i| (i as f64 + 0.5) / n as f64).collect();
        assert!(alpha == 1.0 || kolmogorov_smirnov(uniform, beta) > 3.0 * bound);
    }
}

#[test]
fn single_precision_draws_give_shares_too() {
    let (graph, beta) = (Graph::<f32>::new(), Beta::symmetric(0.1).unwrap());
    let draws = graph.constant(Tensor::new([4], vec![0.0f32, 0.25, 0.5, 1.0 - f32::EPSILON / 2.0]));
    let found = autograd::interpret(&[beta.shares(draws)], &[], None).unwrap().remove(0);
    assert!(found.data().iter().all(|x| (0.0..=1.0).contains(x)), "{found:?}");
    let double = value(&[Tensor::new([1], vec![0.25])], |x| beta.shares(x[0]));
    assert_eq!(found.data()[1], double.data()[0] as f32);
}

#[test]
fn concentrations_are_finite_and_above_0() {
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let expected = format!("is {bad}, it must be finite and above 0");
        assert_eq!(
            Beta::new(bad, 1.0).unwrap_err().to_string(),
            format!("the Beta's concentration a {expected}")
        );
        assert_eq!(
            Beta::new(1.0, bad).unwrap_err().to_string(),
            format!("the Beta's concentration b {expected}")
        );
    }
    let graph = Graph::<f64>::new();
    let draws = graph.input("draws", [3]);
    assert_eq!(Beta::UNIFORM.shares(draws).id(), draws.id());
}
