//! The checker on plain functions: it must pass what is right, report what is wrong, and say so clearly.

use autograd::check::mutation::Mutation;
use autograd::check::{Checker, Gap, Place, Stage, Test, Trouble, Verdict, check_gradient};
use proptest::prelude::*;
use std::cell::Cell;

/// `sum_i w_i sin(x_i) + x_0 x_1 ..`: smooth, curved, no two entries alike.
fn smooth(x: &[f64]) -> f64 {
    let n = x.len();
    (0..n).map(|i| (1.0 + 0.3 * i as f64) * x[i].sin() + 0.5 * x[i] * x[(i + 1) % n]).sum()
}

fn smooth_gradient(x: &[f64]) -> Vec<f64> {
    let n = x.len();
    let cyclic = |i: usize| 0.5 * (x[(i + 1) % n] + x[(i + n - 1) % n]);
    (0..n).map(|i| (1.0 + 0.3 * i as f64) * x[i].cos() + cyclic(i)).collect()
}

fn point(n: usize) -> Vec<f64> {
    (0..n).map(|i| 0.2 + 0.37 * ((i * i + 3 * i) % 11) as f64 - 1.5 * (i % 3) as f64).collect()
}

#[test]
fn right_gradients_pass_entrywise_and_along_directions() {
    for n in [1, 2, 6, 50] {
        let report = check_gradient(smooth, smooth_gradient, &point(n)).assert();
        assert_eq!((report.checked_fraction(), report.verdict()), (1.0, Verdict::Pass), "{report}");
        assert!(report.smallest_detectable().unwrap() < 1e-6);
    }
    for n in [2, 50, 700] {
        let checker = Checker::new("many").directions(8);
        let report = checker.gradient(smooth, smooth_gradient, &point(n)).assert();
        assert_eq!((report.checked_fraction(), report.verdict()), (1.0, Verdict::Pass), "{report}");
    }
}

#[test]
fn an_empty_argument_has_nothing_to_check() {
    let report = check_gradient(|_| 3.0, |_| vec![], &[]).assert();
    assert_eq!(report.checked_fraction(), 1.0);
    let checker = Checker::new("empty").argument("w", [3, 0]).directions(2).argument("b", [2]);
    checker.gradient(|x| x[0] * x[1], |x| vec![x[1], x[0]], &[2.0, 3.0]).assert();
}

#[test]
fn every_planted_error_is_reported() {
    let x = point(12);
    let gradient = smooth_gradient(&x);
    for lengths in [&[12][..], &[3, 4], &[2, 3, 2]] {
        for checker in [Checker::new("entries").entries(), Checker::new("directions").directions(4)] {
            let checker = checker.argument("w", lengths);
            for mutation in Mutation::ALL {
                let wrong = |x: &[f64]| mutation.apply(&smooth_gradient(x), lengths);
                let report = checker.gradient(smooth, wrong, &x);
                let equivalent = mutation.is_equivalent(&gradient, lengths, 1e-9);
                assert_eq!(equivalent, lengths.len() == 1 && mutation == Mutation::Transpose);
                assert_eq!(report.is_success(), equivalent, "{mutation:?} {lengths:?}\n{report}");
            }
        }
    }
}

#[test]
fn a_single_wrong_entry_is_named_by_bisection() {
    let x = point(1000);
    let wrong = |x: &[f64]| {
        let mut gradient = smooth_gradient(x);
        gradient[617] += 1e-4;
        gradient
    };
    let report = Checker::new("large").argument("w", [10, 100]).gradient(smooth, wrong, &x);
    assert_eq!(report.verdict(), Verdict::Fail);
    let named = report.records.iter().any(|record| {
        record.verdict == Verdict::Fail
            && record.place == Place::Entry { argument: "w".into(), flat: 617, index: vec![6, 17] }
    });
    assert!(named, "{report}");
    assert!(report.hints.iter().any(|hint| hint == "bisection names w[6, 17] (flat 617)"), "{report}");
}

#[test]
fn an_error_of_1e_6_is_seen_unless_excused() {
    type Function = fn(f64) -> f64;
    let functions: [(Function, Function); 6] = [
        (f64::exp, f64::exp),
        (f64::sin, f64::cos),
        (f64::tanh, |x| 1.0 / x.cosh().powi(2)),
        (|x| x.powi(5), |x| 5.0 * x.powi(4)),
        (|x| (30.0 * x).sin(), |x| 30.0 * (30.0 * x).cos()),
        (|x| x * x - 1.0, |x| 2.0 * x),
    ];
    let (mut right, mut found, mut excused) = (0, 0, 0);
    for (f, slope) in functions {
        for i in 0..150 {
            let x = [-2.0 + 4.0 * (f64::from(i) + 0.37) / 150.0];
            let check =
                |factor: f64| check_gradient(|x| f(x[0]), |x| vec![factor * slope(x[0])], &x).verdict();
            let verdict = check(1.0);
            assert!(matches!(verdict, Verdict::Pass | Verdict::Excused), "{x:?} {verdict:?}");
            right += usize::from(verdict == Verdict::Pass);
            match check(1.0 + 1e-6) {
                Verdict::Fail => found += 1,
                Verdict::Excused => excused += 1,
                other => panic!("planted error at {x:?}: {other:?}"),
            }
        }
    }
    assert_eq!(found + excused, 900);
    assert!(excused <= 5 && right >= 895, "{right} {found} {excused}");
}

/// Distances from the kink at which each function is checked, to both sides.
const DISTANCES: [f64; 11] = [0.0, 1e-12, 1e-10, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 6e-3, 6e-2];

#[test]
fn kinks_give_no_false_failure_and_hide_nothing() {
    type Function = fn(f64) -> f64;
    let functions: [(&str, Function, Function); 5] = [
        ("relu", |x| x.max(0.0), |x| f64::from(x > 0.0)),
        ("abs", f64::abs, |x| if x == 0.0 { 0.0 } else { x.signum() }),
        ("leaky", |x| x.max(0.01 * x), |x| if x > 0.0 { 1.0 } else { 0.01 }),
        ("relu + sin", |x| x.max(0.0) + x.sin(), |x| f64::from(x > 0.0) + x.cos()),
        ("max(x, x^2)", |x| x.max(x * x), |x| if x > x * x { 1.0 } else { 2.0 * x }),
    ];
    for (name, f, slope) in functions {
        for distance in DISTANCES {
            for x in [distance, -distance] {
                // The scale of the argument is one, as for an entry among others of ordinary size.
                let checker = Checker::new(name).scale(1.0).allow_zero_gradient();
                let check =
                    |wrong: f64| checker.gradient(|x| f(x[0]), |x| vec![slope(x[0]) + wrong], &[x]).verdict();
                let verdict = check(0.0);
                assert!(!verdict.is_failure(), "{name} at {x:e}: {verdict}");
                if distance >= 1e-6 {
                    assert!(
                        matches!(verdict, Verdict::Pass | Verdict::Excused),
                        "{name} at {x:e}: {verdict}"
                    );
                    assert_eq!(check(1e-4), Verdict::Fail, "{name} at {x:e}");
                }
                // Even at the kink a value outside of all subgradients is seen.
                let outside = check(3.0);
                assert!(matches!(outside, Verdict::KinkBad | Verdict::Fail), "{name} at {x:e}: {outside}");
            }
        }
    }
}

#[test]
fn a_subgradient_at_a_kink_is_accepted_and_counted_apart() {
    let relu = |slope: f64| {
        let f = |x: &[f64]| x[0].max(0.0) + x[1] * x[1];
        check_gradient(f, move |x| vec![slope, 2.0 * x[1]], &[0.0, 1.0])
    };
    for (slope, expected) in [(0.0, 1), (0.5, 1), (1.0, 1), (-0.1, 0), (1.1, 0)] {
        let report = relu(slope);
        assert_eq!(report.tally(Test::VjpDifferences)[Verdict::KinkOk.rank()], expected, "{report}");
        assert_eq!(report.tally(Test::VjpDifferences)[Verdict::KinkBad.rank()], 1 - expected);
    }
}

#[test]
fn what_makes_no_sense_is_invalid() {
    let verdict = |report: autograd::check::Report| report.verdict();
    let invalid = |stage, reason| Verdict::Invalid { stage, reason };
    assert_eq!(
        verdict(check_gradient(|x| f64::from(x[0] >= 1.0) + x[0], |_| vec![1.0], &[1.0])),
        invalid(Stage::Stencil, Trouble::Discontinuous)
    );
    assert_eq!(
        verdict(check_gradient(|x| x[0].ln(), |x| vec![1.0 / x[0]], &[0.0])),
        invalid(Stage::Value, Trouble::NonFinite { first: 0 })
    );
    assert_eq!(
        verdict(check_gradient(|x| x[0].sqrt(), |x| vec![0.5 / x[0].sqrt()], &[0.0])),
        invalid(Stage::Vjp, Trouble::NonFinite { first: 0 })
    );
    let shape = Trouble::Shape { expected: 2, got: 1 };
    assert_eq!(
        verdict(check_gradient(|x| x[0] + x[1], |_| vec![1.0], &[1.0, 2.0])),
        invalid(Stage::Vjp, shape)
    );
    // A function with a memory; one that only its gradient disturbs.
    let count = Cell::new(0.0);
    let drifting = |x: &[f64]| {
        count.set(count.get() + 1e-9);
        x[0] + count.get()
    };
    let report = check_gradient(drifting, |_| vec![1.0], &[1.0]);
    assert!(matches!(report.verdict(), Verdict::Invalid { stage: Stage::Value, .. }), "{report}");
    let disturbed = Cell::new(0.0);
    let gradient = |_: &[f64]| {
        disturbed.set(1e-9);
        vec![1.0]
    };
    let report = check_gradient(|x| x[0] + disturbed.get(), gradient, &[1.0]);
    assert_eq!(report.verdict(), invalid(Stage::Value, Trouble::Impure { first: 0 }));
    let tick = Cell::new(1.0);
    let gradient = |_: &[f64]| {
        tick.set(tick.get() + 1e-15);
        vec![tick.get()]
    };
    let report = check_gradient(|x| x[0], gradient, &[1.0]);
    assert_eq!(report.verdict(), invalid(Stage::Vjp, Trouble::NonDeterministic { first: 0 }));
}

#[test]
fn what_could_not_be_seen_is_not_a_pass() {
    // The sum of a softmax is constant: any gradient of size zero would do.
    let sum_of_softmax = |x: &[f64]| {
        let total: f64 = x.iter().map(|x| x.exp()).sum();
        x.iter().map(|x| x.exp() / total).sum::<f64>()
    };
    let report = check_gradient(sum_of_softmax, |x| vec![0.0; x.len()], &[0.1, 0.7, -0.4]);
    assert_eq!(report.verdict(), Verdict::Unchecked(Gap::Unobservable), "{report}");
    assert!(!report.is_success() && report.to_string().contains("NOT CHECKED"));
    // A function in single precision has too much noise for six digits, but gross errors still show.
    let rough = |x: &[f64]| f64::from((x[0] as f32).exp());
    let check = |factor: f64| check_gradient(rough, |x| vec![factor * x[0].exp()], &[0.3]).verdict();
    assert_eq!(check(1.0), Verdict::Unchecked(Gap::WideBar));
    assert_eq!(check(1.5), Verdict::Fail);
    // The edge of a domain.
    let edge = |x: &[f64]| if x[0] <= 1.0 { x[0] * x[0] } else { f64::NAN };
    let report = check_gradient(edge, |_| vec![2.0], &[1.0]);
    assert_eq!(report.verdict(), Verdict::Unchecked(Gap::DomainEdge));
    // A tiny gradient is excused, not passed.
    let report = check_gradient(|x| 1e-13 * x[0] * x[0], |x| vec![3e-13 * x[0]], &[1.0]);
    assert_eq!((report.verdict(), report.is_success()), (Verdict::Excused, false));
}

/// Row-wise softmax of a 2 x 3 matrix.
fn softmax(x: &[f64]) -> Vec<f64> {
    let row = |row: &[f64]| {
        let total: f64 = row.iter().map(|x| x.exp()).sum();
        row.iter().map(|x| x.exp() / total).collect::<Vec<f64>>()
    };
    x.chunks(3).flat_map(row).collect()
}

fn softmax_vjp(x: &[f64], c: &[f64]) -> Vec<f64> {
    let rows = softmax(x);
    let row = |(y, c): (&[f64], &[f64])| {
        let mean: f64 = y.iter().zip(c).map(|(y, c)| y * c).sum();
        y.iter().zip(c).map(|(y, c)| y * (c - mean)).collect::<Vec<f64>>()
    };
    rows.chunks(3).zip(c.chunks(3)).flat_map(row).collect()
}

#[test]
fn vjp_and_jvp_are_checked_against_differences_and_each_other() {
    let x = [0.3, -1.2, 0.8, 2.0, 0.1, -0.5];
    let checker = Checker::new("softmax").argument("logits", [2, 3]);
    // The Jacobian of softmax is symmetric, so its JVP is its VJP.
    let report = checker.vjp_and_jvp(softmax, softmax_vjp, softmax_vjp, &x).assert();
    assert_eq!(report.tally(Test::DotProduct)[0], 4);
    assert_eq!(report.tally(Test::JvpDifferences)[0], 12);
    assert_eq!(report.tally(Test::VjpDifferences)[0], 12);

    let failing =
        |report: &autograd::check::Report, test: Test| report.tally(test)[4..].iter().sum::<usize>();
    let slightly =
        |x: &[f64], v: &[f64]| softmax_vjp(x, v).into_iter().map(|g| g * (1.0 + 1e-12)).collect::<Vec<f64>>();
    let report = checker.vjp_and_jvp(softmax, softmax_vjp, slightly, &x);
    assert_eq!(
        (failing(&report, Test::DotProduct), failing(&report, Test::JvpDifferences)),
        (4, 0),
        "{report}"
    );

    let constant =
        |x: &[f64], c: &[f64]| softmax_vjp(x, c).into_iter().map(|g| g + 1e-12).collect::<Vec<f64>>();
    let report = checker.vjp(softmax, constant, &x);
    assert!(failing(&report, Test::Linearity) >= 1 && failing(&report, Test::VjpDifferences) == 0);
    assert!(report.to_string().contains("vjp(0) is not zero"), "{report}");

    // Not linear, yet zero for a zero cotangent and too small for differences and sums to notice.
    let square = |x: &[f64], c: &[f64]| {
        softmax_vjp(x, c).into_iter().map(|g| g + 1e-13 * c[0] * c[0]).collect::<Vec<f64>>()
    };
    let report = checker.vjp(softmax, square, &x);
    assert_eq!(
        (failing(&report, Test::Linearity), failing(&report, Test::VjpDifferences)),
        (1, 0),
        "{report}"
    );

    for mutation in Mutation::ALL {
        let wrong = |x: &[f64], c: &[f64]| mutation.apply(&softmax_vjp(x, c), &[2, 3]);
        assert!(!checker.vjp(softmax, wrong, &x).is_success(), "vjp {mutation:?}");
        let report = checker.vjp_and_jvp(softmax, softmax_vjp, wrong, &x);
        assert!(!report.is_success(), "jvp {mutation:?}\n{report}");
    }
}

#[test]
fn a_batch_of_kinks_is_split_until_each_is_resolved() {
    // 600 entries, some at a kink or very near one: a direction through all of them crosses many.
    let x: Vec<f64> = (0..600).map(|i| if i % 150 == 0 { 0.0 } else { 1.0 - (i as f64) / 300.0 }).collect();
    let f = |x: &[f64]| x.iter().enumerate().map(|(i, x)| (1.0 + 0.01 * i as f64) * x.max(0.0)).sum();
    let gradient = |x: &[f64]| {
        let entry = |(i, x): (usize, &f64)| if *x > 0.0 { 1.0 + 0.01 * i as f64 } else { 0.0 };
        x.iter().enumerate().map(entry).collect::<Vec<f64>>()
    };
    let report = Checker::new("kinks").gradient(f, gradient, &x).assert();
    assert!(report.checked_fraction() > 0.9, "{report}");
}

#[test]
fn the_report_reads_well() {
    let f = |x: &[f64]| x[0] * x[0] * x[1] + x[2].sin() + x[3].abs();
    let gradient = |x: &[f64]| vec![2.0 * x[0] * x[1], 1.5 * x[0] * x[0], x[2].cos(), -2.0];
    let checker = Checker::new("loss").argument("weight", [1, 3]).argument("bias", [1]);
    let report = checker.gradient(f, gradient, &[1.5, -2.0, 0.5, 0.0]);
    let text = report.to_string();
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    let expected = include_str!("golden/check_report.txt");
    assert_eq!(text, expected, "\n{text}");
}

#[test]
#[should_panic(expected = "check of gradient: FAILED")]
fn assert_panics_with_the_report() {
    check_gradient(|x| x[0], |_| vec![2.0], &[1.0]).assert();
}

#[test]
fn the_same_seed_gives_the_same_report() {
    let check =
        |seed| Checker::new("r").directions(3).seed(seed).gradient(smooth, smooth_gradient, &point(30));
    assert_eq!(check(7), check(7));
    assert_ne!(check(7).records[0].expected, check(8).records[0].expected);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    /// Over many orders of magnitude of arguments and values, right is never called wrong and a factor of
    /// 1.001 never right.
    #[test]
    fn verdicts_do_not_depend_on_units(
        exponents in (-8i32..8, -8i32..8),
        n in 1usize..9,
        seed in any::<u64>(),
    ) {
        let (inner, outer) = (10f64.powi(exponents.0), 10f64.powi(exponents.1));
        let x: Vec<f64> = point(n).iter().map(|x| x * inner).collect();
        let unscaled = |x: &[f64]| x.iter().map(|x| x / inner).collect::<Vec<f64>>();
        let f = |x: &[f64]| outer * smooth(&unscaled(x));
        let gradient = |factor: f64| move |x: &[f64]| {
            let x: Vec<f64> = x.iter().map(|x| x / inner).collect();
            smooth_gradient(&x).iter().map(|g| factor * g * outer / inner).collect::<Vec<f64>>()
        };
        let checker = Checker::new("units").seed(seed).absolute(1e-10 * outer / inner);
        let right = checker.gradient(f, gradient(1.0), &x);
        prop_assert!(right.is_success(), "{}", right);
        prop_assert!(!checker.gradient(f, gradient(1.001), &x).is_success());
    }
}
