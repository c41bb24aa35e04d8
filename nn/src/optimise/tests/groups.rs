//! Different chains for different parameters, and clipping them.

use super::*;

#[test]
fn each_group_goes_its_own_way() {
    let optimiser = Optimiser::<f64>::groups(
        0.2,
        [(Selection::weights(), Optimiser::momentum(0.5, 0.9)), (Selection::biases(), Optimiser::sgd(0.25))],
    );
    let mut v = [0.0; 3];
    let expected = by_hand(|_, w| {
        let g = gradient(*w);
        for i in 0..2 {
            v[i] = 0.9 * v[i] - 0.1 * g[i];
            w[i] += v[i];
        }
        w[2] -= 0.05 * g[2];
    });
    assert_same(&three_steps(&optimiser), &expected);
}

#[test]
fn groups_of_groups_multiply_their_factors() {
    let inner = Optimiser::<f64>::groups(0.5, [(Selection::all(), Optimiser::sgd(0.4))]);
    let outer = Optimiser::<f64>::groups(0.5, [(Selection::all(), inner)]);
    assert_same(&three_steps(&outer), &three_steps(&Optimiser::<f64>::sgd(0.1)));
}

#[test]
fn one_group_of_all_is_no_group() {
    let schedule = || Schedule::Step { initial: 0.1, factor: 0.5, every: 1 };
    let grouped = Optimiser::<f32>::groups(schedule(), [(Selection::all(), Optimiser::adamw(1.0, 0.1))]);
    assert_eq!(three_steps(&grouped), three_steps(&Optimiser::<f32>::adamw(schedule(), 0.1)));
    // A norm of all groups together.
    let halves = [(Selection::weights(), Optimiser::sgd(1.0)), (Selection::biases(), Optimiser::sgd(1.0))];
    let clipped = Optimiser::<f64>::groups(0.1, halves).first(ClipGlobalNorm(0.5));
    assert_eq!(three_steps(&clipped), three_steps(&Optimiser::<f64>::sgd(0.1).first(ClipGlobalNorm(0.5))));
}

#[test]
#[should_panic(expected = "the parameter `b` is in no group of the optimiser: there are `weights`")]
fn a_parameter_in_no_group_is_refused() {
    three_steps(&Optimiser::<f64>::groups(0.1, [(Selection::weights(), Optimiser::sgd(1.0))]));
}

#[test]
#[should_panic(expected = "the parameter `b` is in two groups of the optimiser: `all` and `biases`")]
fn a_parameter_in_two_groups_is_refused() {
    let groups = [(Selection::all(), Optimiser::sgd(1.0)), (Selection::biases(), Optimiser::sgd(1.0))];
    three_steps(&Optimiser::<f64>::groups(0.1, groups));
}

#[test]
#[should_panic(
    expected = "the learning rate of the group `all` is a factor on the common schedule: it must be a \
                           number, not Step { initial: 1.0, factor: 0.5, every: 1 }"
)]
fn a_group_has_no_schedule() {
    let schedule = Schedule::Step { initial: 1.0, factor: 0.5, every: 1 };
    Optimiser::<f64>::groups(0.1, [(Selection::all(), Optimiser::sgd(schedule))]);
}

#[test]
fn senseless_numbers_in_a_group_are_found() {
    let optimiser = Optimiser::<f64>::groups(0.1, [(Selection::all(), Optimiser::momentum(1.0, 2.0))]);
    assert_eq!(optimiser.check().unwrap_err().to_string(), "the momentum is 2, it must be in [0, 1)");
}

#[test]
fn clipping_by_norm_is_each_parameters_own() {
    let expected = by_hand(|_, w| {
        let g = gradient(*w);
        let norm = (g[0] * g[0] + g[1] * g[1]).sqrt();
        (0..2).for_each(|i| w[i] -= 0.1 * g[i] * (0.5 / norm).min(1.0));
        w[2] -= 0.1 * g[2].clamp(-0.5, 0.5);
    });
    assert_same(&three_steps(&Optimiser::<f64>::sgd(0.1).first(ClipNorm(0.5))), &expected);
    assert!(Optimiser::<f64>::sgd(0.1).first(ClipNorm(0.0)).check().is_err());
}

/// What becomes of the gradients of `w` and `b` at a clipping transform.
fn clipped(clip: impl Transform<f32> + 'static, w: [f32; 2], b: f32) -> [f32; 3] {
    let graph = Graph::<f32>::new();
    let gradients = [graph.input("gw", [2]), graph.input("gb", [1])];
    let step = Optimiser::<f32>::new(1.0).then(clip).apply(&graph, &specs(), &gradients);
    let (gw, gb) = (Tensor::new([2], w.to_vec()), Tensor::new([1], vec![b]));
    let mut parameters: Parameters<f32> =
        [("w", Tensor::zeros([2])), ("b", Tensor::zeros([1]))].into_iter().collect();
    let mut plan = step.add_to(Plan::builder(&graph)).compile();
    plan.run(&mut parameters, &[("gw", Feed::from(&gw)), ("gb", Feed::from(&gb))]).unwrap();
    [-parameters["w"].data()[0], -parameters["w"].data()[1], -parameters["b"].data()[0]]
}

#[test]
fn a_norm_that_is_no_number_is_not_hidden() {
    let (nan, infinite) = (f32::NAN, f32::INFINITY);
    let all_nan = |values: [f32; 3]| values.iter().all(|v| v.is_nan());
    assert!(all_nan(clipped(ClipGlobalNorm(1.0), [1.0, nan], 1.0)));
    let by_infinity = clipped(ClipGlobalNorm(1.0), [1.0, infinite], 1.0);
    assert!(by_infinity[0] == 0.0 && by_infinity[1].is_nan() && by_infinity[2] == 0.0, "{by_infinity:?}");
    assert_eq!(clipped(ClipGlobalNorm(1.0), [3e19, 0.0], 1.0), [0.0; 3], "the square overflows");
    assert_eq!(clipped(ClipGlobalNorm(1.0), [0.0, 0.0], 0.0), [0.0; 3]);

    let own = clipped(ClipNorm(1.0), [1.0, nan], 0.5);
    assert!(own[0].is_nan() && own[1].is_nan() && own[2] == 0.5, "{own:?}");
    let values = clipped(ClipValue(1.0), [nan, -infinite], 3.0);
    assert!(values[0].is_nan() && values[1] == -1.0 && values[2] == 1.0, "{values:?}");
}
