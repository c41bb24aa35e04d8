use super::*;
use crate::early_stopping::EarlyStopping;
use autograd::Parameters;
use proptest::prelude::*;

/// The epoch, counted from 1, after which a criterion stops.
fn stops(criterion: Criterion, validation: &[f64], training: &[f64]) -> Option<usize> {
    let mut stopping = EarlyStopping::<f64>::by(criterion).unwrap();
    let mut stopped = None;
    for (t, &value) in validation.iter().enumerate() {
        let loss = training.get(t).copied().unwrap_or(f64::NAN);
        let found = stopping.observe_both(t as u64, value, loss, &Parameters::new());
        if found.is_break() {
            stopped.get_or_insert(t + 1);
        } else {
            assert!(stopped.is_none(), "a decision to stop is not taken back");
        }
    }
    stopped
}

/// The criteria as they are printed, from the whole curves: `t` is counted from 1.
fn printed(criterion: Criterion, va: &[f64], tr: &[f64]) -> Option<usize> {
    let value = |t: usize| va[t - 1];
    let gl = |t: usize| {
        let best = va[..t].iter().copied().fold(f64::INFINITY, f64::min);
        100.0 * (value(t) / best - 1.0)
    };
    let progress = |t: usize, k: usize| {
        let strip = &tr[t - k..t];
        let smallest = strip.iter().copied().fold(f64::INFINITY, f64::min);
        1000.0 * (strip.iter().sum::<f64>() / (k as f64 * smallest) - 1.0)
    };
    // UP_s stops after t if UP_(s-1) stops after t - k and the value has risen since.
    fn up(s: u64, t: usize, k: usize, value: &dyn Fn(usize) -> f64) -> bool {
        s == 0 || (t > k && value(t) > value(t - k) && up(s - 1, t - k, k, value))
    }
    (1..=va.len()).find(|&t| match criterion {
        Criterion::Patience(n) => {
            let first = |t: usize| {
                va[..t].iter().position(|v| *v == va[..t].iter().copied().fold(f64::INFINITY, f64::min))
            };
            t - 1 - first(t).unwrap() >= n.max(1) as usize
        }
        Criterion::GeneralisationLoss(alpha) => gl(t) > alpha,
        Criterion::ProgressQuotient { alpha, strip } => {
            let k = strip as usize;
            t % k == 0 && gl(t) / progress(t, k) > alpha
        }
        Criterion::Rising { times, strip } => {
            let k = strip as usize;
            t % k == 0 && up(times, t, k, &value)
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    /// Random curves that fall and then rise, with noise.
    #[test]
    fn each_criterion_is_the_printed_one(
        noise in prop::collection::vec(0.0..0.4f64, 1..40), bottom in 1usize..30,
        alpha in 0.0..40.0f64, strip in 1u64..6, times in 1u64..4, patience in 0u64..6,
    ) {
        let va: Vec<f64> = noise.iter().enumerate().map(|(t, n)| {
            1.0 + 0.01 * (t as f64 - bottom as f64).powi(2) / bottom as f64 + n
        }).collect();
        let tr: Vec<f64> = noise.iter().enumerate().map(|(t, n)| 0.1 + 1.0 / (t as f64 + 1.0 + 3.0 * n)).collect();
        for criterion in [
            Criterion::Patience(patience),
            Criterion::GeneralisationLoss(alpha),
            Criterion::ProgressQuotient { alpha: alpha / 10.0, strip },
            Criterion::Rising { times, strip },
        ] {
            prop_assert_eq!(stops(criterion, &va, &tr), printed(criterion, &va, &tr), "{:?}", criterion);
        }
    }

    /// A larger bound waits longer, for the same curve.
    #[test]
    fn slower_criteria_are_slower(va in prop::collection::vec(0.5..2.0f64, 1..40), alpha in 0.0..40.0f64) {
        let epoch = |criterion| stops(criterion, &va, &[]).unwrap_or(usize::MAX);
        prop_assert!(
            epoch(Criterion::GeneralisationLoss(alpha)) <= epoch(Criterion::GeneralisationLoss(alpha + 5.0))
        );
        for times in 1..4 {
            let rising = |times| epoch(Criterion::Rising { times, strip: 2 });
            prop_assert!(rising(times) <= rising(times + 1));
        }
    }
}

#[test]
fn a_bound_is_passed_not_met() {
    // 25 % above the minimum exactly.
    let curve = [1.0, 1.25, 1.0, 1.5];
    assert_eq!(stops(Criterion::GeneralisationLoss(25.0), &curve, &[]), Some(4));
    assert_eq!(stops(Criterion::GeneralisationLoss(24.9), &curve, &[]), Some(2));
    // A value as before is no rise.
    assert_eq!(stops(Criterion::Rising { times: 1, strip: 1 }, &[1.0, 1.0, 1.0], &[]), None);
}

#[test]
fn while_the_training_gains_much_a_rise_is_waited_for() {
    let validation = [1.0, 1.05, 1.05, 1.05, 1.05, 1.05];
    // In the first strip of two the training loss halves, in later ones it stands nearly still.
    let training = [1.0, 0.5, 0.5, 0.499, 0.499, 0.498];
    let quotient = Criterion::ProgressQuotient { alpha: 1.0, strip: 2 };
    // GL = 5; P = 500, then 1.
    assert_eq!(stops(quotient, &validation, &training), Some(4));
    assert_eq!(stops(Criterion::GeneralisationLoss(4.0), &validation, &training), Some(2));
    // Without a training loss there is no progress to wait for.
    assert_eq!(stops(quotient, &validation, &[]), Some(2));
    // Neither progress nor a rise is no reason.
    assert_eq!(stops(quotient, &[1.0; 6], &[1.0; 6]), None);
}

#[test]
fn what_is_not_finite_is_above_everything_and_never_first() {
    let nan = f64::NAN;
    for bad in [nan, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(stops(Criterion::GeneralisationLoss(1e9), &[bad, bad, 1.0, 1.0, bad], &[]), Some(5));
        let rising = Criterion::Rising { times: 2, strip: 1 };
        // 2 is a rise, the first NaN another; from it there is no rise.
        assert_eq!(stops(rising, &[bad, 1.0, 2.0, bad], &[]), Some(4));
        assert_eq!(stops(rising, &[1.0, bad, bad, bad], &[]), None);
    }
    // A minimum of 0 is passed by everything.
    assert_eq!(stops(Criterion::GeneralisationLoss(1e9), &[0.0, 0.0, 1e-9], &[]), Some(3));
}

#[test]
fn numbers_are_checked() {
    let text = |criterion| EarlyStopping::<f64>::by(criterion).unwrap_err().to_string();
    for alpha in [-1.0, f64::NAN, f64::INFINITY] {
        let expected = |name: &str| format!("the {name} is {alpha}, it must be finite and at least 0");
        assert_eq!(text(Criterion::GeneralisationLoss(alpha)), expected("generalisation loss"));
        assert_eq!(text(Criterion::ProgressQuotient { alpha, strip: 5 }), expected("progress quotient"));
    }
    let strip = "the length of a strip is 0, it must be at least 1";
    assert_eq!(text(Criterion::ProgressQuotient { alpha: 1.0, strip: 0 }), strip);
    assert_eq!(text(Criterion::Rising { times: 1, strip: 0 }), strip);
    assert_eq!(
        text(Criterion::Rising { times: 0, strip: 1 }),
        "the number of strips is 0, it must be at least 1"
    );
}

/// The smallest value so far is what a loss has risen from, also one that was no improvement of `min_delta`.
#[test]
fn a_rise_is_measured_from_the_smallest_value() {
    let by = EarlyStopping::<f64>::by(Criterion::GeneralisationLoss(10.0)).unwrap();
    let mut stopping = by.min_delta(0.5).unwrap();
    let mut stops = |epoch, value| stopping.observe(epoch, value, &Parameters::new()).is_break();
    // 0.7 is 17 % above 0.6, and below 1.
    assert_eq!([stops(0, 1.0), stops(1, 0.6), stops(2, 0.65), stops(3, 0.7)], [false, false, false, true]);
}

/// Losses may be negative, as log-densities and free energies are: a fall is no reason, a rise is one, and what
/// counts is its share of the minimum's size.
#[test]
fn negative_losses_are_judged_by_the_size_of_their_minimum() {
    let falling = [-1.0, -2.0, -3.0, -4.0];
    let quotient = Criterion::ProgressQuotient { alpha: 0.1, strip: 2 };
    assert_eq!(stops(quotient, &falling, &falling), None);
    assert_eq!(stops(Criterion::GeneralisationLoss(20.0), &falling, &falling), None);
    // From -4 to -3.3 is 17.5 % of 4, to -3.1 22.5 %.
    let rising = [-1.0, -4.0, -3.3, -3.1, 2.0];
    assert_eq!(stops(Criterion::GeneralisationLoss(20.0), &rising, &falling), Some(4));
    assert_eq!(stops(Criterion::GeneralisationLoss(100.0), &rising, &falling), Some(5));
    // In the strip of -3 and -4 the mean is an eighth above the minimum: 125 per mille.
    assert_eq!(stops(Criterion::ProgressQuotient { alpha: 0.17, strip: 2 }, &rising, &falling), Some(4));
    assert_eq!(stops(Criterion::ProgressQuotient { alpha: 0.19, strip: 2 }, &rising, &falling), None);
}
