use super::*;
use crate::penalty::{L2, Penalty};
use crate::testing::{assert_close, descend, descend_from, numbers};
use autograd::Tensor;
use nn::Optimiser;
use nn::optimise::{AddDecayedWeights, ScaleByLearningRate};
use proptest::prelude::*;

fn decay(alpha: f64) -> DecoupledDecay {
    DecoupledDecay::new(alpha, Selection::weights()).unwrap()
}

fn added(decay: f64) -> AddDecayedWeights {
    AddDecayedWeights { decay, selection: Selection::weights() }
}

/// A loss with these slopes everywhere.
fn linear<'g>(w: Var<'g, f64>, slopes: &[f64]) -> Var<'g, f64> {
    (w * w.graph().constant(Tensor::new([slopes.len()], slopes.to_vec()))).sum()
}

fn quartic<'g>(w: Var<'g, f64>, scale: f64) -> Var<'g, f64> {
    ((w - 2.0).powi(4) + w).sum() * scale
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]

    /// On multiples of 1/64 and powers of two nothing is rounded: four ways to decay are one step.
    #[test]
    fn for_gradient_descent_every_order_is_the_same_step(
        pairs in prop::collection::vec((-512i32..512, -512i32..512), 1..6), a in 0i32..5, e in 1i32..5,
    ) {
        let (alpha, epsilon) = (2f64.powi(-a), 2f64.powi(-e));
        let (w, g): (Vec<f64>, Vec<f64>) =
            pairs.iter().map(|&(w, g)| (f64::from(w) / 64.0, f64::from(g) / 64.0)).unzip();
        let expected: Vec<f64> =
            w.iter().zip(&g).map(|(w, g)| (1.0 - epsilon * alpha) * w - epsilon * g).collect();
        let chains = [
            Optimiser::sgd(epsilon).first(added(alpha)),
            Optimiser::new(epsilon).then(added(alpha)).then(ScaleByLearningRate),
            Optimiser::sgd(epsilon).then(decay(alpha)),
        ];
        for optimiser in chains {
            prop_assert_eq!(&descend(&w, 1, &optimiser, |w| linear(w, &g)), &expected);
        }
        let penalised = descend(&w, 1, &Optimiser::sgd(epsilon), |w| {
            linear(w, &g) + L2::new(alpha).unwrap().value(w)
        });
        prop_assert_eq!(penalised, expected);
    }

    /// Under a gradient of 0 Adam's scaling makes 0 of it, and what is left is the decay.
    #[test]
    fn without_gradient_a_step_of_adamw_is_the_decay(
        w in prop::array::uniform4(-9.0..9.0), alpha in 0.0..1.0, epsilon in 1e-4..0.5,
    ) {
        // As the two chains round it: ε (α w) and (ε α) w.
        let whole = w.map(|w| w - epsilon * (alpha * w)).to_vec();
        let ours = w.map(|w| w - (epsilon * alpha) * w).to_vec();
        let adamw = descend(&w, 1, &Optimiser::adamw(epsilon, alpha), |w| linear(w, &[0.0; 4]));
        prop_assert_eq!(&adamw, &whole);
        let adam = Optimiser::adam(epsilon).then(decay(alpha));
        prop_assert_eq!(&descend(&w, 1, &adam, |w| linear(w, &[0.0; 4])), &ours);
        for (found, w) in adamw.iter().zip(w) {
            // (1 - ε α) w, up to three roundings.
            assert_close(*found, (1.0 - epsilon * alpha) * w, 1e-15);
        }
    }
}

/// The decay of a weight is what a step does beyond that of the same optimiser without decay.
fn decayed_by(with: &Optimiser<f64>, without: &Optimiser<f64>, scale: f64) -> f64 {
    let step = |optimiser| descend(&[3.0], 1, optimiser, |w| quartic(w, scale))[0];
    step(without) - step(with)
}

#[test]
fn under_adam_decoupled_decay_is_independent_of_the_size_of_the_gradient() {
    let adam = || Optimiser::<f64>::adam(0.1);
    for scale in [1e-3, 1.0, 1e3] {
        let decoupled = decayed_by(&adam().then(decay(0.2)), &adam(), scale);
        // A difference of numbers near 3, rounded a few times.
        assert_close(decoupled, 0.1 * 0.2 * 3.0, 1e-14);
        assert_close(decayed_by(&Optimiser::adamw(0.1, 0.2), &adam(), scale), 0.1 * 0.2 * 3.0, 1e-14);
        // In the gradient it is gone in the first step, which has the length of the rate whatever the gradient:
        // only Adam's constant 1e-8 beside a gradient of 5e-3 or more is left of a difference.
        let coupled = decayed_by(&adam().first(added(0.2)), &adam(), scale);
        assert!(coupled.abs() < 1e-6, "{coupled} at {scale}");
    }
}

#[test]
fn under_adam_the_order_matters() {
    let after = |optimiser: &Optimiser<f64>| descend(&[3.0, -1.0], 5, optimiser, |w| quartic(w, 1.0));
    let coupled = after(&Optimiser::adam(0.1).first(added(0.2)));
    let in_the_objective =
        descend(&[3.0, -1.0], 5, &Optimiser::adam(0.1), |w| quartic(w, 1.0) + L2::new(0.2).unwrap().value(w));
    let decoupled = after(&Optimiser::adam(0.1).then(decay(0.2)));
    let preset = after(&Optimiser::adamw(0.1, 0.2));
    for i in 0..2 {
        // The same expressions, added in another order.
        assert_close(coupled[i], in_the_objective[i], 1e-13);
        assert_close(decoupled[i], preset[i], 1e-13);
        assert!((coupled[i] - decoupled[i]).abs() > 1e-2, "{coupled:?} and {decoupled:?}");
    }
}

/// A loss of weights `[3, 4]` before a batch normalisation, which does not see how long those of a unit are.
fn normalised(w: Var<'_, f64>) -> Var<'_, f64> {
    use nn::{BatchNorm, Layer, Mode};
    let x = w.graph().constant(numbers([6, 3], -1.0, 1.0, 1));
    // So small an ε is lost beside any variance.
    let norm = BatchNorm::new("n", 4).with_epsilon(1e-300).without_scaling();
    let y = norm.forward(x.matmul(w), Mode::Train);
    (y * w.graph().constant(numbers([6, 4], -1.0, 1.0, 2))).tanh().sum()
}

/// A unit before batch normalisation computes the same for `w` and `c w`: its gradient is orthogonal to `w` and
/// falls as `1/c`. Decay so changes no function, but the length of `w`, and with it how far a step turns it.
#[test]
fn before_batch_normalisation_decay_changes_only_the_length_of_a_step() {
    use autograd::{Feed, Graph, grad, interpret};
    let graph = Graph::<f64>::new();
    let w = graph.input("w", [3, 4]);
    let loss = normalised(w);
    let slope = grad(loss, &[w])[0];
    let at = |scale: f64| {
        let value = Tensor::from_fn([3, 4], |i| scale * numbers([3, 4], -1.0, 1.0, 3).data()[i]);
        interpret(&[loss, slope, (slope * w).sum_over(&[0])], &[("w", Feed::from(&value))], None).unwrap()
    };
    let (one, three) = (at(1.0), at(3.0));
    // Sums of two dozen numbers of order one.
    assert_close(three[0].item(), one[0].item(), 1e-13);
    for (a, b) in one[1].data().iter().zip(three[1].data()) {
        assert_close(3.0 * b, *a, 1e-13);
    }
    // ⟨w, ∇J⟩ = 0 for each unit.
    assert!(one[2].data().iter().all(|along| along.abs() < 1e-14), "{:?}", one[2]);
    assert!(one[1].data().iter().any(|slope| slope.abs() > 0.1), "the gradient itself is not 0");
}

#[test]
fn no_decay_changes_no_bit_and_biases_are_left_alone() {
    let plain = descend(&[3.0, -1.0], 5, &Optimiser::adam(0.1), |w| quartic(w, 1.0));
    let none = Optimiser::adam(0.1).then(decay(0.0));
    assert_eq!(descend(&[3.0, -1.0], 5, &none, |w| quartic(w, 1.0)), plain);
    let of_biases = DecoupledDecay::new(0.5, Selection::biases()).unwrap();
    let optimiser = Optimiser::adam(0.1).then(of_biases);
    assert_eq!(descend(&[3.0, -1.0], 5, &optimiser, |w| quartic(w, 1.0)), plain);
}

#[test]
fn coefficients_are_checked() {
    for alpha in [-1e-9, f64::NAN, f64::INFINITY] {
        let error = DecoupledDecay::new(alpha, Selection::all()).unwrap_err().to_string();
        assert_eq!(error, format!("the decoupled decay is {alpha}, it must be finite and at least 0"));
    }
}

/// Steps with decay `α` at rate `ε` are, up to the length of the weights, steps without decay at the growing rates
/// `ε (1 - ε α)^(-2k - 1)`: before batch normalisation decay is a schedule, and nothing else.
#[test]
fn before_batch_normalisation_decay_is_a_growing_rate() {
    let (epsilon, alpha, steps) = (0.05, 0.5, 25);
    let start = numbers([3, 4], -1.0, 1.0, 3);
    let kept: f64 = 1.0 - epsilon * alpha;
    let decayed = descend_from(&start, steps, &Optimiser::sgd(epsilon).then(decay(alpha)), normalised);
    let growing = nn::Schedule::Exponential { initial: epsilon / kept, factor: kept.powi(-2) };
    let undecayed = descend_from(&start, steps, &Optimiser::sgd(growing), normalised);
    let plain = descend_from(&start, steps, &Optimiser::sgd(epsilon), normalised);
    let shrunk = kept.powi(steps as i32);
    for (a, b) in decayed.data().iter().zip(undecayed.data()) {
        // 25 steps of some thirty roundings of numbers of order one.
        assert_close(*a, shrunk * b, 1e-12);
    }
    let at = |w: &Tensor<f64>| crate::testing::value(std::slice::from_ref(w), |v| normalised(v[0])).item();
    assert_close(at(&decayed), at(&undecayed), 1e-12);
    assert!((at(&plain) - at(&decayed)).abs() > 1e-3, "without the growing rate it is another path");
}
