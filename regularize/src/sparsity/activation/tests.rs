use super::*;
use crate::testing::{assert_close, check, numbers, value};
use autograd::{Graph, Shape, Tensor, grad};
use proptest::prelude::*;

fn all(alpha: f64) -> [Box<dyn ActivationPenalty<f64>>; 3] {
    let target = TargetRate::new(alpha, 0.1).unwrap();
    [
        Box::new(ActivationL1::new(alpha).unwrap()),
        Box::new(StudentT::new(alpha, 1.5).unwrap()),
        Box::new(target),
    ]
}

/// Shapes with an axis of examples.
fn shapes() -> impl Strategy<Value = Shape> {
    prop::collection::vec(0usize..4, 1..4).prop_map(|lengths| Shape::new(&lengths))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(60) })]

    #[test]
    fn values_are_those_of_the_definitions(shape in shapes(), alpha in 0.01..2.0, seed: u64) {
        let h = numbers(shape, 0.01, 0.99, seed);
        let (m, units) = (shape[0], shape.lengths()[1..].iter().product::<usize>());
        let found = all(alpha).map(|penalty| value(std::slice::from_ref(&h), |x| penalty.value(x[0])).item());
        let mut naive = [0.0f64; 3];
        for j in 0..units {
            let column: Vec<f64> = (0..m).map(|i| h.data()[i * units + j]).collect();
            for h in &column {
                naive[0] += alpha * h / m as f64;
                // The density of Student's distribution, but for its normaliser.
                naive[1] -= alpha * (1.0 + h * h / 1.5).powf(-1.25).ln() / m as f64;
            }
            if m > 0 {
                let mean = column.iter().sum::<f64>() / m as f64;
                naive[2] += alpha * (0.1 * (0.1 / mean).ln() + 0.9 * (0.9 / (1.0 - mean)).ln());
            }
        }
        for i in 0..3 {
            // At most 27 terms below 10.
            assert_close(found[i], naive[i], 1e-13);
        }
    }

    /// The sum over examples is one over their rows; the order of examples is nothing to any penalty.
    #[test]
    fn examples_count_alike(rows in 1usize..5, seed: u64) {
        let h = numbers([rows, 3], 0.01, 0.99, seed);
        for (number, penalty) in all(0.7).iter().enumerate() {
            let of = |h: Tensor<f64>| value(&[h], |x| penalty.value(x[0])).item();
            let whole = of(h.clone());
            let reversed = of(h.rows(&(0..rows).rev().collect::<Vec<_>>()));
            assert_close(reversed, whole, 1e-14);
            if number < 2 {
                let mean = (0..rows).map(|row| of(h.rows(&[row]))).sum::<f64>() / rows as f64;
                assert_close(mean, whole, 1e-14);
            }
        }
    }
}

#[test]
fn derivatives_are_right() {
    for (number, penalty) in all(0.7).iter().enumerate() {
        // Of both signs where the penalty takes them; away from 0, where the absolute value has its kink.
        let low = if number == 2 { 0.05 } else { -0.9 };
        for shape in [Shape::from([3, 2]), Shape::from([1, 4]), Shape::from([2, 1, 3])] {
            check("activation penalty", &[numbers(shape, low, 0.95, 3)], |x| {
                // A function of the penalty, so that its second derivatives are seen as well.
                penalty.value(x[0]).powi(2)
            });
        }
    }
}

#[test]
fn a_silent_unit_is_not_pulled() {
    let h = Tensor::new([1, 3], vec![0.0, 2.0, -0.0]);
    let slope = value(&[h], |x| grad(ActivationL1::new(0.5).unwrap().value(x[0]), &[x[0]])[0]);
    assert_eq!(slope.data(), [0.0, 0.5, 0.0]);
}

/// At the target the divergence and its derivative are 0; on both sides it grows.
#[test]
fn the_target_rate_is_the_minimum() {
    for rate in [0.05, 0.3, 0.9] {
        let penalty = TargetRate::new(2.0, rate).unwrap();
        let at = |mean: f64| value(&[Tensor::full([1, 1], mean)], |x| penalty.value(x[0])).item();
        assert_close(at(rate), 0.0, 1e-15);
        let slope = value(&[Tensor::full([1, 1], rate)], |x| grad(penalty.value(x[0]), &[x[0]])[0]);
        assert_close(slope.item(), 0.0, 1e-14);
        assert!(at(rate * 0.9) > 0.0 && at(rate + (1.0 - rate) * 0.1) > 0.0);
    }
}

/// A batch for which a unit is silent, or saturated: finite, and no NaN.
#[test]
fn silent_and_saturated_units_stay_finite() {
    let h = Tensor::new([2, 2], vec![0.0, 1.0, 0.0, 1.0]);
    for alpha in [0.5, 3.0] {
        let penalty = TargetRate::new(alpha, 0.1).unwrap();
        let found = value(std::slice::from_ref(&h), |x| penalty.value(x[0])).item();
        let expected = alpha * (0.1 * (0.1f64 / 1e-12).ln() + 0.9 * 0.9f64.ln())
            + alpha * (0.1 * 0.1f64.ln() + 0.9 * (0.9f64 / 1e-12).ln());
        assert_close(found, expected, 1e-14);
        let slope = value(std::slice::from_ref(&h), |x| grad(penalty.value(x[0]), &[x[0]])[0]);
        assert!(slope.data().iter().all(|slope| slope.is_finite()), "{slope:?}");
    }
}

/// For many degrees of freedom Student's distribution is the normal one.
#[test]
fn with_much_freedom_students_penalty_is_half_the_square() {
    let h = numbers([4, 3], -2.0, 2.0, 5);
    let squares: f64 = h.data().iter().map(|h| h * h / 2.0 / 4.0).sum();
    let mut last = f64::INFINITY;
    for freedom in [1e2, 1e3, 1e4] {
        let penalty = StudentT::new(1.0, freedom).unwrap();
        let error = (value(std::slice::from_ref(&h), |x| penalty.value(x[0])).item() - squares).abs();
        // The first term left out is of order 1/ν.
        assert!(error < last / 9.0 && error < 20.0 / freedom, "{error} at {freedom}");
        last = error;
    }
    let one = StudentT::new(1.0, 1.0).unwrap();
    let naive: f64 = h.data().iter().map(|h| (1.0 + h * h).ln() / 4.0).sum();
    assert_close(value(&[h], |x| one.value(x[0])).item(), naive, 1e-14);
}

#[test]
fn layers_add_up() {
    let layers = [numbers([2, 3], 0.1, 0.9, 1), numbers([2, 4], 0.1, 0.9, 2), numbers([2, 1], 0.1, 0.9, 3)];
    for penalty in all(0.7) {
        let whole = value(&layers, |h| penalty.added_to(h[0].graph().fill([], 2.0), h)).item();
        let each = layers.iter().map(|h| value(std::slice::from_ref(h), |x| penalty.value(x[0])).item());
        assert_close(whole, 2.0 + each.sum::<f64>(), 1e-14);
    }
}

#[test]
fn strength_0_records_nothing() {
    let graph = Graph::<f64>::new();
    let (objective, h) = (graph.scalar("j"), graph.input("h", [2, 3]));
    let before = graph.len();
    for penalty in all(0.0) {
        assert_eq!(penalty.added_to(objective, &[h]).id(), objective.id());
    }
    for penalty in all(1.0) {
        assert_eq!(penalty.added_to(objective, &[]).id(), objective.id());
    }
    assert_eq!(graph.len(), before);
    assert_ne!(all(1.0)[0].added_to(objective, &[h]).id(), objective.id());
}

#[test]
fn bad_numbers_are_refused() {
    let message = |error: RegularizeError| error.to_string();
    for bad in [-1.0, f64::NAN, f64::INFINITY] {
        let found = message(ActivationL1::new(bad).unwrap_err());
        assert_eq!(
            found,
            format!("the L1 coefficient of activations is {bad}, it must be finite and at least 0")
        );
        let found = message(StudentT::new(bad, 1.0).unwrap_err());
        assert_eq!(
            found,
            format!("the coefficient of Student's penalty is {bad}, it must be finite and at least 0")
        );
        let found = message(StudentT::new(1.0, bad).unwrap_err());
        assert_eq!(found, format!("the degrees of freedom is {bad}, it must be finite and above 0"));
        let found = message(TargetRate::new(bad, 0.5).unwrap_err());
        assert_eq!(
            found,
            format!("the coefficient of the target rate is {bad}, it must be finite and at least 0")
        );
    }
    for bad in [0.0, 1.0, -0.5, f64::NAN] {
        let found = message(TargetRate::new(1.0, bad).unwrap_err());
        assert_eq!(found, format!("the target rate is {bad}, it must be between 0 and 1"));
    }
}

#[test]
#[should_panic(expected = "StudentT: activations have an axis of examples, a scalar has none")]
fn a_scalar_is_no_batch() {
    value(&[Tensor::scalar(1.0)], |x| StudentT::new(1.0, 1.0).unwrap().value(x[0]));
}
