use super::*;
use crate::testing::{assert_close, descend, numbers, value};
use autograd::check::Checker;
use autograd::{Feed, Graph, Tensor, interpret};
use nn::Optimiser;
use proptest::prelude::*;

fn smoothing(epsilon: f64, wrong: Wrong) -> LabelSmoothing {
    match wrong {
        Wrong::Others => LabelSmoothing::new(epsilon).unwrap(),
        Wrong::Uniform => LabelSmoothing::uniform(epsilon).unwrap(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(30) })]

    #[test]
    fn targets_and_loss_are_those_of_the_convention(
        epsilon in 0.0..0.49, n in 0usize..4, classes in 2usize..6, seed: u64,
    ) {
        let z = numbers([n, classes], -3.0, 3.0, seed);
        let labels = Tensor::from_fn([n], |i| ((seed as usize).wrapping_add(7 * i) % classes) as u32);
        let graph = Graph::new();
        let (logits, label) = (graph.constant(z.clone()), graph.index_constant(labels.clone()));
        for wrong in [Wrong::Others, Wrong::Uniform] {
            let k = classes as f64;
            let (right, others) = match wrong {
                Wrong::Others => (1.0 - epsilon, epsilon / (k - 1.0)),
                Wrong::Uniform => (1.0 - epsilon + epsilon / k, epsilon / k),
            };
            let smoothing = smoothing(epsilon, wrong);
            let outputs = [smoothing.targets(label, classes), smoothing.cross_entropy(logits, label)];
            let found = interpret(&outputs, &[], None).unwrap();
            for row in 0..n {
                let values = &z.data()[row * classes..][..classes];
                let total = values.iter().map(|z| z.exp()).sum::<f64>().ln();
                let mut loss = 0.0;
                for (class, z) in values.iter().enumerate() {
                    let target = if class == labels.data()[row] as usize { right } else { others };
                    assert_close(found[0][[row, class]], target, 1e-15);
                    loss += target * (total - z);
                }
                assert_close(found[1].data()[row], loss, 1e-14);
            }
        }
    }

    /// The same distribution under both conventions.
    #[test]
    fn one_convention_is_the_other_with_another_epsilon(epsilon in 0.0..0.6, seed: u64) {
        let z = numbers([2, 4], -3.0, 3.0, seed);
        let loss = |smoothing: LabelSmoothing| value(std::slice::from_ref(&z), |v| {
            smoothing.cross_entropy(v[0], v[0].graph().index_constant(Tensor::new([2], vec![1, 3]))).sum()
        });
        let (book, mixture) = (smoothing(epsilon * 3.0 / 4.0, Wrong::Others), smoothing(epsilon, Wrong::Uniform));
        assert_close(loss(book).item(), loss(mixture).item(), 1e-14);
    }
}

/// Logits found by descent: the gap between the label and the others at the optimum.
#[test]
fn the_optimum_has_the_gap_of_the_convention() {
    let (k, epsilon) = (5.0, 0.2);
    for (wrong, gap) in [
        (Wrong::Others, f64::ln((1.0 - epsilon) * (k - 1.0) / epsilon)),
        (Wrong::Uniform, f64::ln(((1.0 - epsilon) * k + epsilon) / epsilon)),
    ] {
        let smoothing = smoothing(epsilon, wrong);
        // The curvature across the gap is p₀ (1 - p₀) of about 0.15: 600 steps at 1 leave (0.85)^600.
        let z = descend(&[0.0; 5], 3000, &Optimiser::<f64>::sgd(1.0), |z| {
            let label = z.graph().index_constant(Tensor::new([1], vec![2]));
            smoothing.cross_entropy(z.reshape([1, 5]), label).sum()
        });
        for other in [0, 1, 3, 4] {
            assert_close(z[2] - z[other], gap, 1e-10);
        }
    }
}

#[test]
fn derivatives_are_right() {
    let graph = Graph::<f64>::new();
    let logits = graph.input("z", [3, 4]);
    let label = graph.index_constant(Tensor::new([3], vec![1, 3, 0]));
    let z = numbers([3, 4], -2.0, 2.0, 1);
    for wrong in [Wrong::Others, Wrong::Uniform] {
        let loss = smoothing(0.2, wrong).cross_entropy(logits, label).powi(2).sum();
        let checker = Checker::new("label smoothing").entries();
        let report = checker.graph(loss, &[logits], &[("z", Feed::from(&z))], None).unwrap().assert();
        assert_eq!(report.checked_fraction(), 1.0, "{report}");
    }
}

#[test]
fn no_smoothing_is_cross_entropy() {
    let (one, other) = (Graph::<f64>::new(), Graph::<f64>::new());
    let record = |graph: &Graph<f64>, smooth: bool| {
        let (z, y) = (graph.input("z", [2, 3]), graph.indices("y", [2]));
        if smooth {
            smoothing(0.0, Wrong::Others).cross_entropy(z, y)
        } else {
            z.cross_entropy_each(y)
        };
        graph.len()
    };
    assert_eq!(record(&one, true), record(&other, false));
    let y = one.index_constant(Tensor::new([2], vec![0, 2]));
    let targets = interpret(&[smoothing(0.0, Wrong::Uniform).targets(y, 3)], &[], None).unwrap();
    assert_eq!(targets[0].data(), [1.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
}

#[test]
fn smoothing_is_checked() {
    for epsilon in [1.0, -0.1, 1.5, f64::NAN] {
        let text = format!("the label smoothing is {epsilon}, it must be in [0, 1)");
        assert_eq!(LabelSmoothing::new(epsilon).unwrap_err().to_string(), text);
        assert_eq!(LabelSmoothing::uniform(epsilon).unwrap_err().to_string(), text);
    }
}

#[test]
#[should_panic(expected = "with ε = 0.7 the label is no longer the likeliest of 3 classes")]
fn the_label_stays_the_likeliest_class() {
    let graph = Graph::<f64>::new();
    smoothing(0.7, Wrong::Others).cross_entropy(graph.input("z", [2, 3]), graph.indices("y", [2]));
}

/// With a half of two classes there is no likeliest one any more.
#[test]
#[should_panic(expected = "with ε = 0.5 the label is no longer the likeliest of 2 classes")]
fn a_label_as_likely_as_another_is_refused() {
    let graph = Graph::<f64>::new();
    smoothing(0.5, Wrong::Others).targets(graph.indices("y", [2]), 2);
}
