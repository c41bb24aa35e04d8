use super::*;
use crate::testing::{assert_close, check, numbers, value};
use autograd::Graph;
use proptest::prelude::*;

/// The solution of `A X = B` by elimination with pivots.
fn solve(mut a: Vec<Vec<f64>>, mut b: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
    let n = a.len();
    for column in 0..n {
        let pivot = (column..n).max_by(|&i, &j| a[i][column].abs().total_cmp(&a[j][column].abs())).unwrap();
        a.swap(column, pivot);
        b.swap(column, pivot);
        for row in 0..n {
            if row == column {
                continue;
            }
            let factor = a[row][column] / a[column][column];
            let (pivot, right) = (a[column].clone(), b[column].clone());
            a[row].iter_mut().zip(pivot).for_each(|(entry, pivot)| *entry -= factor * pivot);
            b[row].iter_mut().zip(right).for_each(|(entry, right)| *entry -= factor * right);
        }
    }
    (0..n).map(|i| b[i].iter().map(|v| v / a[i][i]).collect()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(24) })]

    #[test]
    fn it_converges_to_the_linear_solve(n in 1usize..7, classes in 1usize..4, alpha in 0.1f64..0.8, seed: u64) {
        let x = numbers([n, 2], -1.0, 1.0, seed);
        let y = Tensor::from_fn([n, classes], |i| f64::from(u8::from(i / classes < 3 && i % classes == i / classes % classes)));
        let w = value(std::slice::from_ref(&x), |x| similarity(x[0], 0.7).unwrap());
        // 0.8^300 is below 1e-29.
        let found = value(&[x.clone(), y.clone()], |v| {
            propagate_labels(similarity(v[0], 0.7).unwrap(), v[1], alpha, 300).unwrap()
        });
        let entry = |i: usize, j: usize| {
            let d: f64 = (0..2).map(|k| (x.data()[2 * i + k] - x.data()[2 * j + k]).powi(2)).sum();
            if i == j { 0.0 } else { (-d / (2.0 * 0.7 * 0.7)).exp() }
        };
        let degree: Vec<f64> = (0..n).map(|i| (0..n).map(|j| entry(i, j)).sum()).collect();
        let smooth = |i: usize, j: usize| if i == j { 0.0 } else { entry(i, j) / (degree[i] * degree[j]).sqrt() };
        let system = (0..n).map(|i| (0..n).map(|j| f64::from(u8::from(i == j)) - alpha * smooth(i, j)).collect()).collect();
        let right = y.data().chunks(classes).map(|row| row.iter().map(|y| (1.0 - alpha) * y).collect()).collect();
        let expected = solve(system, right).concat();
        w.data().iter().enumerate().for_each(|(at, w)| assert_close(*w, entry(at / n, at % n), 1e-14));
        found.data().iter().zip(expected).for_each(|(a, b)| assert_close(*a, b, 1e-12));
    }
}

#[test]
fn derivatives_are_right() {
    check("label propagation", &[numbers([4, 2], -1.0, 1.0, 1), numbers([4, 2], 0.0, 1.0, 2)], |v| {
        propagate_labels(similarity(v[0], 0.8).unwrap(), v[1], 0.6, 3).unwrap()
    });
}

#[test]
fn limits_are_exact_and_a_lonely_example_stays() {
    let graph = Graph::<f64>::new();
    let (w, y) = (graph.input("w", [3, 3]), graph.input("y", [3, 2]));
    let before = graph.len();
    assert_eq!(propagate_labels(w, y, 0.0, 5).unwrap().id(), y.id());
    assert_eq!(graph.len(), before);
    let found = value(&[Tensor::zeros([2, 2]), Tensor::new([2, 1], vec![1.0, 0.0])], |v| {
        propagate_labels(v[0], v[1], 0.5, 4).unwrap()
    });
    assert_eq!(found.data(), [0.5, 0.0]);
}

#[test]
fn the_order_of_the_examples_does_not_matter() {
    let (x, y) = (numbers([5, 3], -1.0, 1.0, 4), numbers([5, 2], 0.0, 1.0, 5));
    let run = |order: &[usize]| {
        value(&[x.rows(order), y.rows(order)], |v| {
            propagate_labels(similarity(v[0], 1.0).unwrap(), v[1], 0.5, 10).unwrap()
        })
    };
    let (plain, turned) = (run(&[0, 1, 2, 3, 4]), run(&[3, 1, 4, 0, 2]));
    let back = turned.rows(&[3, 1, 4, 0, 2]);
    plain.data().iter().zip(back.data()).for_each(|(a, b)| assert_close(*a, *b, 1e-14));
}

#[test]
fn numbers_and_shapes_are_checked() {
    let graph = Graph::<f64>::new();
    let x = graph.input("x", [3, 3]);
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(similarity(x, bad).is_err());
    }
    for bad in [-0.1, 1.0, f64::NAN] {
        assert!(propagate_labels(x, x, bad, 1).is_err());
    }
}

#[test]
#[should_panic(expected = "propagate_labels: weights of shape [3, 2] for labels of shape [3, 2]")]
fn weights_are_square() {
    let graph = Graph::<f64>::new();
    let x = graph.input("x", [3, 2]);
    let _ = propagate_labels(x, x, 0.5, 1);
}
