use super::*;
use crate::testing::{assert_close, check, numbers};
use autograd::Tensor;
use proptest::prelude::*;

const LOSSES: [AttackLoss; 3] = [AttackLoss::CrossEntropy, AttackLoss::Margin, AttackLoss::LogitRatio];

/// The table's formulas, with sorted logits.
fn naive(loss: AttackLoss, z: &[f64], label: usize, target: Option<usize>) -> f64 {
    let mut sorted = z.to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let other = |k: usize| (0..z.len()).filter(|&i| i != k).map(|i| z[i]).fold(f64::NEG_INFINITY, f64::max);
    let log_probability = |k: usize| z[k] - z.iter().map(|z| z.exp()).sum::<f64>().ln();
    match (loss, target) {
        (AttackLoss::CrossEntropy, None) => -log_probability(label),
        (AttackLoss::CrossEntropy, Some(t)) => log_probability(t),
        (AttackLoss::Margin, None) => other(label) - z[label],
        (AttackLoss::Margin, Some(t)) => z[t] - other(t),
        (AttackLoss::LogitRatio, None) => (other(label) - z[label]) / (sorted[0] - sorted[2]),
        (AttackLoss::LogitRatio, Some(t)) => (z[t] - z[label]) / (sorted[0] - 0.5 * (sorted[2] + sorted[3])),
    }
}

fn each(loss: AttackLoss, z: &Tensor<f64>, labels: &[u32], targets: Option<&[u32]>) -> Vec<f64> {
    let index = |values: &[u32]| Tensor::new([values.len()], values.to_vec());
    let of = |v: &[Var<'_, f64>]| -> Tensor<f64> {
        let graph = v[0].graph();
        let targets = targets.map(|targets| graph.index_constant(index(targets)));
        let out = loss.each(v[0], graph.index_constant(index(labels)), targets);
        autograd::interpret(&[out], &[("x0", autograd::Feed::from(z))], None).unwrap().remove(0)
    };
    let graph = autograd::Graph::new();
    of(&[graph.input("x0", z.shape())]).into_data()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(50) })]

    #[test]
    fn losses_are_those_of_the_table(rows in 0usize..4, classes in 4usize..7, seed in 0u64..10000) {
        let z = numbers([rows, classes], -3.0, 3.0, seed);
        let labels: Vec<u32> = (0..rows).map(|i| ((seed as usize + i) % classes) as u32).collect();
        let targets: Vec<u32> = labels.iter().map(|l| (l + 2) % classes as u32).collect();
        for loss in LOSSES {
            for reach in [None, Some(&targets[..])] {
                let found = each(loss, &z, &labels, reach);
                for (i, (row, found)) in z.data().chunks(classes).zip(&found).enumerate() {
                    let target = reach.map(|t| t[i] as usize);
                    // The ratio's denominator has 1e-12 added to it.
                    assert_close(*found, naive(loss, row, labels[i] as usize, target), 1e-9);
                }
            }
        }
    }
}

#[test]
fn derivatives_of_the_losses_are_right() {
    let z = numbers([3, 5], -3.0, 3.0, 1);
    for loss in LOSSES {
        for towards in [false, true] {
            check(&format!("{loss:?}"), std::slice::from_ref(&z), |v| {
                let graph = v[0].graph();
                let labels = graph.index_constant(Tensor::new([3], vec![0, 1, 4]));
                let targets = towards.then(|| graph.index_constant(Tensor::new([3], vec![2, 3, 0])));
                loss.each(v[0], labels, targets).sin().sum()
            });
        }
    }
}

/// Cross-entropy of logits that are far apart has no gradient in `f32`; their ratio has, and the same one at
/// any scale.
#[test]
fn the_ratio_does_not_see_the_scale_of_logits() {
    let slope = |loss: AttackLoss, scale: f64| {
        let graph = autograd::Graph::<f32>::new();
        let z = graph.constant(Tensor::new([1, 4], vec![3.0f32, 1.0, -1.0, 0.5]));
        let labels = graph.index_constant(Tensor::new([1], vec![0]));
        let gradient = autograd::grad(loss.each(z * scale, labels, None).sum(), &[z])[0];
        autograd::interpret(&[gradient], &[], None).unwrap().remove(0)
    };
    assert!(slope(AttackLoss::CrossEntropy, 1e3).data().iter().all(|g| *g == 0.0));
    for (a, b) in
        slope(AttackLoss::LogitRatio, 1.0).data().iter().zip(slope(AttackLoss::LogitRatio, 1e3).data())
    {
        assert_close(f64::from(*a), f64::from(*b), 1e-6);
    }
}

#[test]
fn equal_logits_have_a_finite_loss() {
    for loss in LOSSES {
        let found = each(loss, &Tensor::full([1, 4], 2.0), &[1], None);
        assert!(found[0].is_finite(), "{loss:?}: {found:?}");
    }
}

#[test]
fn too_few_classes_are_refused() {
    for (loss, towards, needed) in [
        (AttackLoss::Margin, false, 2),
        (AttackLoss::LogitRatio, false, 3),
        (AttackLoss::LogitRatio, true, 4),
    ] {
        assert!(loss.check(needed, towards).is_ok());
        let error = loss.check(needed - 1, towards).unwrap_err().to_string();
        assert_eq!(error, format!("the attack's loss compares {needed} classes, there are {}", needed - 1));
    }
}
