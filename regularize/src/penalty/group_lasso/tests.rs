use super::*;
use crate::penalty::ProximalStep;
use crate::testing::{assert_close, check, descend_from, numbers, value};
use autograd::{Graph, Shape, Tensor, grad};
use nn::{Optimiser, Selection};
use proptest::prelude::*;

/// The group that each element is in, and the length of each group, element by element.
fn naive_groups(w: &Tensor<f64>, axis: usize) -> (Vec<usize>, Vec<f64>) {
    let shape = w.shape();
    let after: usize = shape.lengths()[axis + 1..].iter().product();
    let groups: Vec<usize> = (0..w.data().len()).map(|i| i / after % shape[axis]).collect();
    let mut squares = vec![0.0; shape[axis]];
    groups.iter().zip(w.data()).for_each(|(&g, w)| squares[g] += w * w);
    (groups, squares.into_iter().map(f64::sqrt).collect())
}

/// Shapes of one to three axes of lengths 0 to 3, and one of the axes.
fn shapes() -> impl Strategy<Value = (Shape, usize)> {
    prop::collection::vec(0usize..4, 1..4)
        .prop_flat_map(|lengths| (Just(Shape::new(&lengths)), 0..lengths.len()))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]

    #[test]
    fn the_value_is_the_sum_of_lengths((shape, axis) in shapes(), alpha in 0.0..4.0, seed: u64) {
        let w = numbers(shape, -3.0, 3.0, seed);
        let (_, norms) = naive_groups(&w, axis);
        let naive = alpha * norms.iter().sum::<f64>();
        let size = (shape.numel() / shape[axis].max(1)) as f64;
        let lasso = GroupLasso::axis(alpha, axis as isize).unwrap();
        let found = |lasso: GroupLasso| value(std::slice::from_ref(&w), |x| lasso.value(x[0])).item();
        // At most 27 terms of order one.
        assert_close(found(lasso), naive, 1e-14);
        assert_close(found(lasso.weighted_by_size()), size.sqrt() * naive, 1e-14);
        let from_the_end = GroupLasso::axis(alpha, axis as isize - shape.rank() as isize).unwrap();
        prop_assert_eq!(found(from_the_end), found(lasso));
    }

    #[test]
    fn the_threshold_is_the_printed_one((shape, axis) in shapes(), t in 0.0..4.0, seed: u64) {
        let v = numbers(shape, -3.0, 3.0, seed);
        let (groups, norms) = naive_groups(&v, axis);
        let found = value(&[v.clone(), Tensor::scalar(t)], |x| group_threshold(x[0], x[1], axis as isize));
        for ((u, v), &g) in found.data().iter().zip(v.data()).zip(&groups) {
            let expected = if norms[g] > t { v - t * v / norms[g] } else { 0.0 };
            // Four roundings of numbers below 3.
            assert_close(*u, expected, 2e-15);
            prop_assert!(norms[g] > t || *u == 0.0);
        }
    }

    /// No other point has a smaller `t Σ ‖u_g‖ + ‖u - v‖²/2`.
    #[test]
    fn the_threshold_is_the_minimum(t in 0.0..3.0, seed: u64, size in 0.0..2.0) {
        let v = numbers([3, 2], -2.0, 2.0, seed);
        let other = numbers([3, 2], -1.0, 1.0, seed ^ 1);
        let u = value(&[v.clone(), Tensor::scalar(t)], |x| group_threshold(x[0], x[1], -1));
        let cost = |u: &[f64]| {
            let distance: f64 = u.iter().zip(v.data()).map(|(u, v)| (u - v).powi(2)).sum();
            let norms = naive_groups(&Tensor::new([3, 2], u.to_vec()), 1).1;
            t * norms.iter().sum::<f64>() + distance / 2.0
        };
        let beside: Vec<f64> = u.data().iter().zip(other.data()).map(|(u, o)| u + size * o).collect();
        // Beside the minimum costs differ by less than a rounding of numbers below 50.
        prop_assert!(cost(u.data()) <= cost(&beside) + 1e-14);
    }
}

#[test]
fn one_group_for_each_element_is_l1_and_one_group_of_all_is_the_norm() {
    let w = numbers([5], -2.0, 2.0, 3);
    let l1 = value(&[w.clone(), Tensor::scalar(0.7)], |x| crate::soft_threshold(x[0], x[1]));
    let found = value(&[w.clone(), Tensor::scalar(0.7)], |x| group_threshold(x[0], x[1], 0));
    l1.data().iter().zip(found.data()).for_each(|(a, b)| assert_close(*a, *b, 1e-15));
    let whole = value(&[w.clone().reshape([5, 1])], |x| GroupLasso::outputs(1.0).unwrap().value(x[0]));
    assert_close(whole.item(), w.data().iter().map(|w| w * w).sum::<f64>().sqrt(), 1e-15);
}

#[test]
fn derivatives_in_weights_and_coefficient_are_right() {
    for (shape, axis) in [(vec![2, 3], -1), (vec![2, 3], 0), (vec![2, 1, 3, 2], 3), (vec![4], 0)] {
        let values = [numbers(Shape::new(&shape), -2.0, 2.0, 1), Tensor::scalar(0.7)];
        check("group_lasso_penalty", &values, |x| group_lasso_penalty(x[0], x[1], axis));
        check("group_threshold", &values, |x| group_threshold(x[0], x[1], axis).powi(3).sum());
    }
}

#[test]
fn a_group_of_zeros_feels_nothing_and_stays() {
    let w = Tensor::new([2, 2], vec![0.0, 3.0, 0.0, 4.0]);
    let slope =
        value(std::slice::from_ref(&w), |x| grad(GroupLasso::outputs(0.5).unwrap().value(x[0]), &[x[0]])[0]);
    assert_eq!([slope.data()[0], slope.data()[2]], [0.0, 0.0]);
    assert_close(slope.data()[1], 0.5 * 0.6, 1e-15);
    for t in [0.0, 1.0] {
        let slope = value(&[w.clone(), Tensor::scalar(t)], |x| {
            grad(group_threshold(x[0], x[1], -1).sum(), &[x[0]])[0]
        });
        assert!(slope.data().iter().all(|s| s.is_finite()), "{slope:?}");
    }
}

#[test]
fn a_threshold_of_zero_changes_no_bit() {
    let v = numbers([3, 4], -3.0, 3.0, 4);
    let same = value(&[v.clone(), Tensor::scalar(0.0)], |x| group_threshold(x[0], x[1], -1));
    assert_eq!(same, v);
}

/// With Hessian `h I` the minimum is `(1 - α / (h ‖w*‖))₊ w*` for each group: found by proximal descent, the
/// removed groups exactly 0.
#[test]
fn proximal_descent_finds_the_minimum_without_whole_groups() {
    let minimum: [f64; 6] = [1.0, 0.1, -0.4, 0.5, -0.2, 0.4];
    let (h, shape) = (1.7, Shape::new(&[2, 3]));
    for alpha in [0.05, 0.6, 1.5] {
        let step = ProximalStep::new(Selection::weights(), GroupLasso::outputs(alpha).unwrap());
        let start = Tensor::new(shape, vec![0.7; 6]);
        // The factor is 1 - 0.3 · 1.7: 200 steps leave 1e-62.
        let found = descend_from(&start, 200, &Optimiser::sgd(0.3).then(step), |w| {
            (w - w.graph().constant(Tensor::new(shape, minimum.to_vec()))).norm_squared() * (h / 2.0)
        });
        for group in 0..3 {
            let norm = minimum[group].hypot(minimum[group + 3]);
            let left = (1.0 - alpha / (h * norm)).max(0.0);
            for i in [group, group + 3] {
                assert_close(found.data()[i], left * minimum[i], 1e-14);
                assert_eq!(found.data()[i] == 0.0, left == 0.0, "group {group} at α = {alpha}");
            }
        }
    }
}

#[test]
fn coefficients_and_axes_are_checked() {
    for alpha in [-1e-9, f64::NAN, f64::INFINITY] {
        let error = GroupLasso::inputs(alpha).unwrap_err().to_string();
        assert_eq!(
            error,
            format!("the group lasso coefficient is {alpha}, it must be finite and at least 0")
        );
        assert!(GroupLasso::outputs(alpha).is_err() && GroupLasso::axis(alpha, 0).is_err());
    }
    assert!(Penalty::<f64>::is_zero(&GroupLasso::outputs(0.0).unwrap()));
}

#[test]
#[should_panic(expected = "group_lasso_penalty: [4] has no axis 1")]
fn an_axis_that_is_not_there_is_refused() {
    value(&[Tensor::zeros([4]), Tensor::scalar(1.0)], |x| group_lasso_penalty(x[0], x[1], 1));
}

/// Weights whose squares are 0 in single precision are as short as any: the group goes, and stays where nothing is
/// taken away; and near a group of zeros nothing moves.
#[test]
fn groups_too_short_for_their_squares_go_too() {
    let graph = Graph::<f32>::new();
    let short = Tensor::new([2, 2], vec![1e-30f32, -2e-30, 3.0, 4.0]);
    let v = graph.constant(short.clone());
    let thresholds = [0.5, 0.0].map(|t| group_threshold(v, graph.fill([], t), 0));
    let found = autograd::interpret(&thresholds, &[], None).unwrap();
    assert_eq!(found[0].data()[..2], [0.0, 0.0]);
    assert_eq!(found[1], short);
    let zeros = Tensor::new([2, 2], vec![0.0, 0.0, 3.0, 4.0]);
    let slope = value(&[zeros, Tensor::scalar(0.5)], |x| {
        grad(group_threshold(x[0], x[1], 0).slice(0, 0, 1).sum(), &[x[0]])[0]
    });
    assert_eq!(slope.data(), [0.0; 4]);
}
