use super::*;
use crate::testing::{check, numbers, value};
use autograd::{Feed, Graph, Parameters, Plan, Tensor, grad};
use proptest::prelude::*;

/// Each unit against each other: it wins if fewer than `k` are before it.
fn naive(row: &[f64], k: usize) -> Vec<f64> {
    let before = |i: usize, j: usize| row[j] > row[i] || (row[j] == row[i] && j < i);
    let ahead = |i: usize| (0..row.len()).filter(|&j| before(i, j)).count();
    (0..row.len()).map(|i| if ahead(i) < k { row[i] } else { 0.0 }).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(80) })]

    /// Integers, so that there are ties; a plan and the interpreter alike.
    #[test]
    fn the_k_largest_stay_and_the_first_of_equals(
        (rows, width) in (0usize..4, 0usize..6), k in 0usize..7, draws in prop::collection::vec(-3i32..3, 24),
    ) {
        let x = Tensor::from_fn([rows, width], |i| f64::from(draws[i]));
        let expected: Vec<f64> = match width {
            0 => Vec::new(),
            _ => x.data().chunks(width).flat_map(|row| naive(row, k)).collect(),
        };
        let found = value(std::slice::from_ref(&x), |x| k_winners(x[0], k));
        prop_assert_eq!(found.data(), &expected[..]);
        let graph = Graph::new();
        let mut plan =
            Plan::builder(&graph).output("y", k_winners(graph.input("x", [rows, width]), k)).compile();
        let planned = plan.evaluate(&Parameters::new(), &[("x", Feed::from(&x))]).unwrap().tensor("y");
        prop_assert_eq!(planned.data(), &expected[..]);
    }

    /// A row alone is that row of a batch.
    #[test]
    fn rows_do_not_see_each_other(k in 1usize..4, seed: u64) {
        let x = numbers([3, 4], -1.0, 1.0, seed);
        let whole = value(std::slice::from_ref(&x), |x| k_winners(x[0], k));
        for row in 0..3 {
            prop_assert_eq!(value(&[x.rows(&[row])], |x| k_winners(x[0], k)), whole.rows(&[row]));
        }
    }
}

#[test]
fn derivatives_go_straight_to_the_winners() {
    let x = Tensor::new([1, 4], vec![2.0, 5.0, 5.0, 1.0]);
    let slope = value(std::slice::from_ref(&x), |x| grad(k_winners(x[0], 2).sum(), &[x[0]])[0]);
    assert_eq!(slope.data(), [0.0, 1.0, 1.0, 0.0]);
    // At a tie, those of the branch taken.
    let slope = value(&[x], |x| grad(k_winners(x[0], 1).sum(), &[x[0]])[0]);
    assert_eq!(slope.data(), [0.0, 1.0, 0.0, 0.0]);
    for (shape, k) in [([2, 4], 2), ([1, 5], 1), ([3, 2], 1)] {
        // Losers have no influence: what is checked has a term of its own in every entry.
        check("k_winners", &[numbers(shape, -2.0, 2.0, 4)], |x| (k_winners(x[0], k) + x[0]).powi(3).sum());
    }
}

#[test]
fn enough_winners_are_the_variable_itself() {
    let graph = Graph::<f64>::new();
    let x = graph.input("x", [2, 3]);
    let before = graph.len();
    assert_eq!(k_winners(x, 3).id(), x.id());
    assert_eq!(KWinners::new(9).unwrap().forward(x, Mode::Train).id(), x.id());
    assert_eq!(graph.len(), before);
}

#[test]
fn nan_is_seen() {
    let x = Tensor::new([1, 3], vec![5.0, f64::NAN, 1.0]);
    let found = value(&[x], |x| winners(x[0], 1));
    assert_eq!(found.data(), [0.0, 1.0, 0.0]);
}

#[test]
fn no_winners_are_refused() {
    let error = KWinners::new(0).unwrap_err().to_string();
    assert_eq!(error, "the number of winners is 0, it must be at least 1");
}

#[test]
#[should_panic(expected = "k_winners: a scalar has no last axis")]
fn a_scalar_has_no_winners() {
    value(&[Tensor::scalar(1.0)], |x| k_winners(x[0], 1));
}
