//! What the examples show holds: published results on generated data, over several seeds.

#[allow(dead_code, reason = "the example's own main function")]
#[path = "../examples/multi_task.rs"]
mod multi_task;
#[allow(dead_code, reason = "the example's own main function")]
#[path = "../examples/waveform.rs"]
mod waveform;

use multi_task::{Way, paired, test_error};

/// Breiman's figures are a third fewer errors; a fifth is asked for.
#[test]
fn fifty_bagged_trees_make_a_fifth_fewer_errors_than_one() {
    let outcomes: Vec<_> = (100..105).map(|seed| waveform::outcome(seed).unwrap()).collect();
    let mean = |of: &dyn Fn(&waveform::Outcome) -> f64| outcomes.iter().map(of).sum::<f64>() / 5.0;
    let (single, bagged) = (mean(&|o| o.single), mean(&|o| o.bagged[o.bagged.len() - 1]));
    assert!(bagged <= 0.8 * single, "one tree {single}, fifty {bagged}");
    // The estimate without a test set: 1500 examples in all, a deviation of 1 %.
    assert!((mean(&|o| o.out_of_bag) - bagged).abs() < 0.04);
}

/// Caruana's control, paired over eight data sets: t above 3.5 in size is beyond 1 % (two-sided, 7 degrees of
/// freedom).
#[test]
fn extra_tasks_help_and_shuffled_ones_do_not() {
    let errors = |way| (100..108).map(|seed| test_error(way, seed).unwrap()).collect::<Vec<_>>();
    let (alone, together, shuffled) = (errors(Way::Alone), errors(Way::Together), errors(Way::Shuffled));
    let [benefit, _, t] = paired(&together, &alone);
    assert!(benefit < 0.0 && t < -3.5, "true tasks: {benefit}, t = {t}");
    let [benefit, _, t] = paired(&shuffled, &alone);
    // 5 %, one-sided: 1.9.
    assert!(t > -1.9, "shuffled tasks: {benefit}, t = {t}");
}
