use super::*;
use crate::testing::{assert_close, check, numbers, value};
use autograd::Tensor;
use proptest::prelude::*;

const BOTH: [Multiplier; 2] = [Multiplier::Threshold, Multiplier::Scale];

/// What an entry becomes.
fn shrunk(kind: Multiplier, w: f64, c: f64, multiplier: f64) -> f64 {
    match kind {
        Multiplier::Threshold => (w - multiplier).max(0.0).min(c),
        Multiplier::Scale => (w * multiplier).min(c),
    }
}

/// The budget that is spent: the sum, or the root of the sum of squares.
fn spent(kind: Multiplier, sizes: &[f64], room: &[f64], multiplier: f64) -> f64 {
    let entries = sizes.iter().zip(room).map(|(w, c)| shrunk(kind, *w, *c, multiplier));
    match kind {
        Multiplier::Threshold => entries.sum(),
        Multiplier::Scale => entries.map(|d| d * d).sum::<f64>().sqrt(),
    }
}

/// By bisection, which knows nothing of sorted entries.
fn bisected(kind: Multiplier, sizes: &[f64], room: &[f64], epsilon: f64) -> f64 {
    let free = if kind == Multiplier::Threshold { 0.0 } else { 1.0 };
    if spent(kind, sizes, room, free) <= epsilon {
        return free;
    }
    let (mut loose, mut tight) = match kind {
        Multiplier::Threshold => (0.0, 10.0),
        Multiplier::Scale => (1.0, 0.0),
    };
    for _ in 0..200 {
        let middle = 0.5 * (loose + tight);
        if spent(kind, sizes, room, middle) > epsilon {
            loose = middle;
        } else {
            tight = middle;
        }
    }
    tight
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn the_multiplier_is_that_of_bisection(
        entries in 1usize..7,
        boxed in 0usize..3,
        epsilon in 0.01f64..4.0,
        whole: bool,
        seed: u64,
    ) {
        // Halves: ties, zeros, entries that have exactly their room.
        let tidy = |x: f64| if whole { (2.0 * x).round() / 2.0 } else { x };
        let sizes: Vec<f64> = numbers([entries], 0.0, 3.0, seed).data().iter().map(|x| tidy(*x)).collect();
        let room: Vec<f64> = match boxed {
            0 => vec![f64::INFINITY; entries],
            _ => numbers([entries], 0.0, boxed as f64, seed ^ 1).data().iter().map(|x| tidy(*x)).collect(),
        };
        for kind in BOTH {
            let found = kind.solve(&sizes, &room, epsilon);
            let expected = bisected(kind, &sizes, &room, epsilon);
            // The perturbation is what counts: where no entry is free the multiplier may be any of many.
            for (w, c) in sizes.iter().zip(&room) {
                assert_close(shrunk(kind, *w, *c, found), shrunk(kind, *w, *c, expected), 1e-13);
            }
            // Sizes below 3 less a threshold round to 5e-16 each.
            prop_assert!(spent(kind, &sizes, &room, found) <= epsilon * (1.0 + 1e-14) + 4e-15, "{:?}", kind);
        }
    }
}

#[test]
fn no_budget_leaves_nothing_and_a_nan_stays_one() {
    for kind in BOTH {
        for room in [[f64::INFINITY; 3], [0.5, 0.0, 4.0]] {
            let found = kind.solve(&[1.0, 2.0, 3.0], &room, 0.0);
            assert_eq!(spent(kind, &[1.0, 2.0, 3.0], &room, found), 0.0, "{kind:?}");
            assert!(kind.solve(&[1.0, f64::NAN, 3.0], &room, 1.0).is_nan());
        }
        assert!(kind.solve(&[], &[], 1.0).is_finite());
    }
}

/// First and second order, by differences: with free, capped and vanished entries, and an inactive row.
#[test]
fn derivatives_of_the_multiplier_are_right() {
    let sizes =
        Tensor::new([3, 4], vec![1.0, 2.0, 0.125, 3.0, 1.5, 1.0, 2.5, 0.75, 0.125, 0.0625, 0.25, 0.2]);
    let room = Tensor::new([3, 4], vec![5.0, 5.0, 5.0, 0.5, 0.25, 3.0, 3.0, 4.0, 1.0, 1.0, 1.0, 1.0]);
    let epsilon = Tensor::scalar(1.5);
    for kind in BOTH {
        let name = format!("{kind:?}");
        check(&name, &[sizes.clone(), room.clone(), epsilon.clone()], |v| {
            (kind.of(v[0], v[1], v[2]) * 1.5).sin().sum()
        });
    }
}

#[test]
fn empty_rows_have_a_multiplier() {
    for kind in BOTH {
        let found = value(&[Tensor::zeros([2, 0]), Tensor::zeros([2, 0]), Tensor::scalar(1.0)], |v| {
            kind.of(v[0], v[1], v[2])
        });
        assert_eq!(found.shape().lengths(), [2, 1]);
    }
}

#[test]
#[should_panic(expected = "budget scale: it takes sizes [n, m], room [n, m] and a budget []")]
fn shapes_must_agree() {
    value(&[numbers([2, 3], 0.0, 1.0, 1), numbers([3, 2], 0.0, 1.0, 2), Tensor::scalar(1.0)], |v| {
        Multiplier::Scale.of(v[0], v[1], v[2])
    });
}
