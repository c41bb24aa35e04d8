//! Every primitive: VJP = JVP = differences, in first and second order, over random shapes, broadcasts,
//! strides, ties and values; `f32` against `f64`; and no primitive without a case.

use autograd::check::rules::Rule;
use autograd::ops::pointwise::{Binary, Unary};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(600) })]

    #[test]
    fn every_rule_holds(
        rule in prop::sample::select(Rule::all()),
        seed in any::<u64>(),
        choices in prop::array::uniform8(0usize..4096),
    ) {
        let case = rule.case_of(seed, choices);
        let report = case.check();
        prop_assert!(!report.verdict().is_failure(), "{:?}\n{}", case, report);
    }
}

#[test]
fn every_rule_is_checked_completely_at_some_point() {
    for rule in Rule::all() {
        let seen = (0..40)
            .map(|seed| rule.case(seed).check())
            .filter(|report| report.is_success() && report.entries > 0 && report.checked_fraction() == 1.0);
        assert!(seen.count() >= 5, "{} is hardly checked", rule.name());
    }
}

#[test]
fn every_function_has_a_rule() {
    let rules = Rule::all();
    for unary in Unary::ALL {
        assert!(rules.contains(&Rule::Unary(unary)), "{unary}");
    }
    for binary in Binary::ALL {
        assert!(rules.contains(&Rule::Binary(binary)), "{}", binary.name());
    }
    let mut names: Vec<_> = rules.iter().map(|rule| rule.name()).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), rules.len(), "two rules share a name");
}
