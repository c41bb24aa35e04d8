use super::*;
use crate::testing::{assert_close, check, numbers, value};
use autograd::{Graph, Tensor, grad, try_grad};
use proptest::prelude::*;

fn softmax(logits: &[f64]) -> Vec<f64> {
    let total: f64 = logits.iter().map(|z| z.exp()).sum();
    logits.iter().map(|z| z.exp() / total).collect()
}

fn labels(threshold: f64) -> PseudoLabels {
    PseudoLabels::new(threshold).unwrap()
}

/// The largest entry and where it is first.
fn largest(p: &[f64]) -> (usize, f64) {
    p.iter().copied().enumerate().fold((0, p[0]), |best, (k, p)| if p > best.1 { (k, p) } else { best })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    #[test]
    fn value_and_gradient_are_the_closed_forms(
        n in 1usize..5, k in 1usize..5, threshold in 0.0f64..1.0, seed: u64,
    ) {
        let logits = numbers([n, k], -2.0, 2.0, seed);
        let loss = value(std::slice::from_ref(&logits), |x| labels(threshold).loss(x[0], x[0]).loss).item();
        let used = value(std::slice::from_ref(&logits), |x| labels(threshold).loss(x[0], x[0]).used).item();
        let slope = value(std::slice::from_ref(&logits), |x| grad(labels(threshold).loss(x[0], x[0]).loss, &[x[0]])[0]);
        let (mut sum, mut sure) = (0.0, 0);
        for (row, slope) in logits.data().chunks(k).zip(slope.data().chunks(k)) {
            let p = softmax(row);
            let (label, confidence) = largest(&p);
            let counts = confidence >= threshold;
            sure += usize::from(counts);
            sum += if counts { -p[label].ln() } else { 0.0 };
            for (class, slope) in slope.iter().enumerate() {
                let expected = if counts { p[class] - f64::from(u8::from(class == label)) } else { 0.0 };
                assert_close(*slope, expected / n as f64, 1e-14);
            }
        }
        assert_close(loss, sum / n as f64, 1e-14);
        assert_close(used, sure as f64 / n as f64, 1e-15);
    }
}

#[test]
fn derivatives_are_right_and_none_goes_through_the_label() {
    check("pseudo-labels", &[numbers([3, 4], -2.0, 2.0, 1)], |x| labels(0.3).loss(x[0], x[0]).loss);
    let graph = Graph::<f64>::new();
    let (student, teacher) = (graph.input("student", [2, 3]), graph.input("teacher", [2, 3]));
    let found = labels(0.5).loss(student, teacher);
    let slope = autograd::grad_or_zero(found.loss, &[teacher])[0];
    assert!(try_grad(found.loss, &[student]).is_ok());
    let zero = Tensor::<f64>::full([2, 3], 0.5);
    let feeds = [("student", (&zero).into()), ("teacher", (&zero).into())];
    let slope = autograd::interpret(&[slope], &feeds, None).unwrap();
    assert!(slope[0].data().iter().all(|&g| g == 0.0));
}

#[test]
fn a_threshold_of_one_takes_only_certainty() {
    let logits = Tensor::new([2, 2], vec![0.0, 1e3, 5.0, 0.0]);
    assert_eq!(value(std::slice::from_ref(&logits), |x| labels(1.0).mask(x[0])).data(), [1.0, 0.0]);
    assert_eq!(value(&[logits], |x| labels(0.0).mask(x[0])).data(), [1.0, 1.0]);
}

#[test]
fn the_threshold_is_checked() {
    for bad in [-0.1, 1.1, f64::NAN] {
        assert!(PseudoLabels::new(bad).is_err());
    }
}

#[test]
#[should_panic(
    expected = "pseudo-labels: trained logits of shape [2, 3], labels from logits of shape [2, 4]"
)]
fn shapes_must_agree() {
    let graph = Graph::<f64>::new();
    labels(0.5).loss(graph.input("a", [2, 3]), graph.input("b", [2, 4]));
}
