//! The checker on graphs: right rules pass, at kinks and beside them, to the second order; and a rule that
//! is wrong, planted as a custom operation, is reported.

use autograd::check::mutation::Mutation;
use autograd::check::{Build, Checker, Gap, Report, Test, Verdict, agrees};
use autograd::ops::pointwise::{Binary, Unary};
use autograd::{Custom, Feed, Graph, Parameters, Real, Shape, Tensor, Var, interpret, vjp};
use proptest::prelude::*;

/// Numbers in `[low, high)`, no two alike, the same in every run.
fn numbers(shape: impl Into<Shape>, low: f64, high: f64, seed: u64) -> Tensor<f64> {
    Tensor::from_fn(shape, |i| {
        let z = (i as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ seed.wrapping_mul(0xD6E8_FEB8_6659_FD93);
        let z = (z ^ (z >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        low + (high - low) * ((z ^ (z >> 32)) >> 11) as f64 * 2f64.powi(-53)
    })
}

fn check(name: &str, values: &[Tensor<f64>], f: impl for<'g> Fn(&[Var<'g, f64>]) -> Var<'g, f64>) -> Report {
    check_with(Checker::new(name), values, f)
}

fn check_with(
    checker: Checker,
    values: &[Tensor<f64>],
    f: impl for<'g> Fn(&[Var<'g, f64>]) -> Var<'g, f64>,
) -> Report {
    let graph = Graph::new();
    let names: Vec<String> = (0..values.len()).map(|i| format!("x{i}")).collect();
    let vars: Vec<_> = names.iter().zip(values).map(|(n, v)| graph.input(n, v.shape())).collect();
    let output = f(&vars);
    let feeds: Vec<_> = names.iter().zip(values).map(|(n, v)| (n.as_str(), Feed::from(v))).collect();
    checker.graph(output, &vars, &feeds, None).unwrap()
}

fn failures(report: &Report, test: Test) -> usize {
    report.tally(test)[4..].iter().sum()
}

#[test]
fn every_function_of_one_number_is_right_to_the_second_order() {
    for unary in Unary::ALL {
        let (low, high) = unary.rule::<f64>().domain;
        let x = numbers([2, 4], low, high, 1);
        let constant = matches!(unary, Unary::Sign | Unary::Powi(0));
        let checker = Checker::new(unary.to_string());
        let checker = if constant { checker.allow_zero_gradient() } else { checker };
        let report = check_with(checker, &[x], |x| {
            let x = x[0];
            match unary {
                Unary::Neg => -x,
                Unary::Exp => x.exp(),
                Unary::Ln => x.ln(),
                Unary::Sqrt => x.sqrt(),
                Unary::Sin => x.sin(),
                Unary::Cos => x.cos(),
                Unary::Tanh => x.tanh(),
                Unary::Sigmoid => x.sigmoid(),
                Unary::Softplus => x.softplus(),
                Unary::Relu => x.relu(),
                Unary::Abs => x.abs(),
                Unary::Sign => x.sign(),
                Unary::Erf => x.erf(),
                Unary::Powi(n) => x.powi(n),
            }
        });
        let report = report.assert();
        assert_eq!(report.checked_fraction(), 1.0, "{report}");
        assert!(matches!(report.verdict(), Verdict::Pass | Verdict::Excused), "{report}");
    }
}

#[test]
fn every_function_of_two_numbers_is_right_to_the_second_order() {
    for binary in Binary::ALL {
        let domain = binary.rule::<f64>().domain;
        let values: Vec<_> = (0..2).map(|i| numbers([5], domain[i].0, domain[i].1, 7 + i as u64)).collect();
        let checker = Checker::new(binary.name());
        // A guard passes its second argument on, whatever the first.
        let constant = binary.is_comparison() || binary == Binary::Guard;
        let checker = if constant { checker.allow_zero_gradient() } else { checker };
        let report = check_with(checker, &values, |x| x[0].try_binary(binary, x[1]).unwrap()).assert();
        assert_eq!(report.checked_fraction(), 1.0, "{report}");
    }
}

#[test]
fn compositions_are_right_to_the_third_order() {
    let values = [numbers([3, 4], -1.0, 1.0, 1), numbers([4, 2], -1.0, 1.0, 2), numbers([2], -1.0, 1.0, 3)];
    let report = check_with(Checker::new("layer").order(3), &values, |x| {
        (x[0].matmul(x[1]) + x[2]).tanh().softmax().powi(2).sum()
    })
    .assert();
    assert_eq!((report.checked_fraction(), report.verdict()), (1.0, Verdict::Pass), "{report}");
    for test in [Test::DotProduct, Test::HigherOrder, Test::HessianSymmetry, Test::TaylorRate] {
        assert!(report.tally(test)[0] >= 2, "{test}\n{report}");
    }
}

#[test]
fn movement_and_reductions_are_right() {
    let x = numbers([2, 3, 4], -2.0, 2.0, 5);
    type Function = for<'g> fn(Var<'g, f64>) -> Var<'g, f64>;
    let functions: [(&str, Function); 14] = [
        ("sum_over", |x| x.sum_over(&[1]).powi(2)),
        ("mean_keep", |x| (x - x.mean_keep(&[0, 2])).powi(3)),
        ("max_over", |x| x.max_over(&[1]).powi(2)),
        ("max", |x| x.max()),
        ("logsumexp", |x| x.logsumexp(&[0, 2])),
        ("log_softmax", |x| x.log_softmax()),
        ("permute", |x| x.permute(&[2, 0, 1]).tanh()),
        ("slice", |x| x.slice(2, 1, 3).sin()),
        ("slice_step", |x| x.slice_step(2, 0, 4, 2).sin()),
        ("pad and flip", |x| x.pad(0, 1, 2).flip(&[1]).cos()),
        ("reshape", |x| x.reshape([6, 4]).transpose().exp()),
        ("concat", |x| Var::concat(&[x, x * 2.0], 1).sin()),
        ("variance", |x| x.variance(&[-1])),
        ("norm", |x| x.norm(&[0])),
    ];
    for (name, f) in functions {
        let report = check(name, std::slice::from_ref(&x), |x| f(x[0])).assert();
        assert_eq!(report.checked_fraction(), 1.0, "{report}");
    }
}

/// Distances to a kink, as in the black-box tests: with the graph to choose the step, nothing is left
/// unchecked that is farther away than a stencil of any use.
#[test]
fn the_margin_chooses_the_step() {
    type Function = for<'g> fn(Var<'g, f64>) -> Var<'g, f64>;
    let functions: [(&str, Function); 6] = [
        ("relu", |x| x.relu() + x * 0.5),
        ("abs", |x| x.abs() + x.sin() * 0.3),
        ("max", |x| x.maximum(x * x)),
        ("min", |x| x.minimum(x.sin() * 2.0)),
        // A bend in the derivative, invisible to a black box.
        ("huber", |x| x.abs().greater(0.0).select(x * x, x) + x),
        ("squared relu", |x| x.relu().powi(2) + x),
    ];
    for distance in [1e-6, 1e-5, 1e-4, 1e-3, 3e-3, 6e-3, 6e-2] {
        for sign in [-1.0, 1.0] {
            for (name, f) in functions {
                let x = Tensor::new([1], vec![sign * distance]);
                let checker = Checker::new(name).scale(1.0);
                let report = check_with(checker, &[x], |x| f(x[0]));
                assert!(report.is_success(), "{name} {distance:e}\n{report}");
                let first = report.tally(Test::VjpDifferences);
                assert_eq!(first[0], 2, "{name} at {:e}\n{report}", sign * distance);
                let branches = report.records.iter().filter(|r| r.test == Test::VjpDifferences);
                assert!(branches.clone().all(|record| record.same_branch == Some(true)), "{report}");
            }
        }
    }
}

#[test]
fn at_a_kink_the_convention_is_tested_exactly() {
    let x = Tensor::new([4], vec![0.0, -0.5, 0.0, 1.0]);
    for (name, f) in [
        ("relu", (|x| x.relu()) as for<'g> fn(Var<'g, f64>) -> Var<'g, f64>),
        ("abs", |x| x.abs()),
        ("max", |x| x.maximum(0.0)),
        ("min", |x| x.minimum(x * 2.0)),
    ] {
        let report = check(name, std::slice::from_ref(&x), |x| f(x[0]));
        assert!(report.is_success(), "{report}");
        assert_eq!(failures(&report, Test::KinkConvention), 0, "{report}");
        assert!(report.tally(Test::KinkConvention)[0] >= 1, "{report}");
        assert_eq!(report.tally(Test::VjpDifferences)[Verdict::KinkOk.rank()], 4, "{report}");
    }
    // Ties of two, of three, of all.
    for row in [[1.0, 1.0, 0.0, -1.0], [2.0, 1.0, 2.0, 2.0], [3.0, 3.0, 3.0, 3.0]] {
        let x = Tensor::new([2, 4], [row, [0.1, 0.4, 0.2, 0.3]].concat());
        let report = check("max", &[x], |x| x[0].max_over(&[1]));
        assert!(report.is_success(), "{report}");
        assert_eq!((report.tally(Test::KinkConvention)[0], failures(&report, Test::KinkConvention)), (1, 0));
    }
}

/// Two kinks left at once: the conventions of the parts, one half and zero, add up to no subgradient of the
/// whole along a direction, and yet each is right.
#[test]
fn kinks_that_meet_are_looked_at_one_by_one() {
    let x = Tensor::new([2], vec![0.0, 0.0]);
    let values = std::slice::from_ref(&x);
    let report =
        check("meeting kinks", values, |x| x[0].slice(0, 0, 1).maximum(0.0) - x[0].slice(0, 1, 2).relu());
    assert!(report.is_success(), "{report}");
    assert_eq!(report.tally(Test::VjpDifferences)[Verdict::KinkOk.rank()], 4, "{report}");
    let unchecked = report.tally(Test::JvpDifferences)[Verdict::Unchecked(Gap::NearKink).rank()];
    assert_eq!(unchecked, 2, "{report}");
    // Along directions the check falls back on single entries by itself.
    let checker = Checker::new("meeting kinks").directions(4);
    let report =
        check_with(checker, values, |x| x[0].slice(0, 0, 1).maximum(0.0) - x[0].slice(0, 1, 2).relu());
    assert!(report.is_success() && report.checked_fraction() == 1.0, "{report}");
}

#[test]
fn a_jump_is_invalid_and_a_disconnected_target_unobservable() {
    let report = check("sign", &[Tensor::new([1], vec![0.0])], |x| x[0].sign() + x[0]);
    assert!(matches!(report.verdict(), Verdict::Invalid { .. }), "{report}");
    let values = [numbers([2], 0.5, 1.0, 1), numbers([3], 0.5, 1.0, 2)];
    let report = check("disconnected", &values, |x| x[0].exp());
    assert!(!report.is_success() && !report.verdict().is_failure(), "{report}");
    assert_eq!(report.tally(Test::VjpDifferences)[Verdict::Unchecked(Gap::Unobservable).rank()], 6);
}

#[test]
fn a_detached_value_is_constant_to_the_check() {
    let report = check("detach", &[numbers([3], 0.5, 2.0, 1)], |x| x[0] * x[0].detach()).assert();
    assert_eq!(report.checked_fraction(), 1.0);
}

#[test]
fn random_draws_are_held_fixed() {
    let graph = Graph::new();
    let x = graph.input("x", [4, 5]);
    let mask = graph.bernoulli("mask", 0.5, [4, 5]);
    let y = (x * mask * 2.0).tanh();
    let value = numbers([4, 5], -1.0, 1.0, 3);
    let report = Checker::new("dropout").graph(y, &[x], &[("x", Feed::from(&value))], None).unwrap();
    assert!(!report.verdict().is_failure(), "{report}");
    // Inner variables can be targets too.
    let report = Checker::new("inner").graph(y, &[mask], &[("x", Feed::from(&value))], None).unwrap();
    assert_eq!(report.assert().checked_fraction(), 1.0);
}

#[test]
fn many_entries_are_checked_along_directions() {
    let values = [numbers([40, 10], -1.0, 1.0, 1), numbers([10, 8], -1.0, 1.0, 2)];
    let report = check("wide", &values, |x| x[0].matmul(x[1]).relu().powi(2).mean()).assert();
    assert!(report.checked_fraction() > 0.9, "{report}");
}

#[test]
fn wrong_feeds_are_an_error() {
    let graph = Graph::<f64>::new();
    let x = graph.input("x", [2]);
    assert!(Checker::new("unfed").graph(x.exp(), &[x], &[], None).is_err());
    let wrong = Tensor::<f64>::zeros([3]);
    assert!(Checker::new("shape").graph(x.exp(), &[x], &[("x", Feed::from(&wrong))], None).is_err());
}

/// `y = x sin x`, with rules of its own, right or wrong.
#[derive(Clone, Copy, Debug)]
struct Planted {
    vjp: Fault,
    jvp: Fault,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    Scale(f64),
    ForgottenTerm,
    Absent,
    Additive(f64),
}

impl Planted {
    fn slope<'g>(fault: Fault, x: Var<'g, f64>, v: Var<'g, f64>) -> Option<Var<'g, f64>> {
        let right = v * (x.sin() + x * x.cos());
        match fault {
            Fault::None => Some(right),
            Fault::Scale(factor) => Some(right * factor),
            Fault::ForgottenTerm => Some(v * x.sin()),
            Fault::Absent => None,
            Fault::Additive(constant) => Some(right + constant),
        }
    }
}

impl Custom<f64> for Planted {
    fn name(&self) -> String {
        "planted".into()
    }
    fn shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        Ok(inputs[0])
    }
    fn forward(&self, inputs: &[(&[f64], Shape)], output: &mut [f64]) {
        output.iter_mut().zip(inputs[0].0).for_each(|(y, x)| *y = x * x.sin());
    }
    fn vjp<'g>(
        &self,
        inputs: &[Var<'g, f64>],
        _: Var<'g, f64>,
        _: usize,
        cotangent: Var<'g, f64>,
    ) -> Option<Var<'g, f64>> {
        Planted::slope(self.vjp, inputs[0], cotangent)
    }
    fn jvp<'g>(
        &self,
        inputs: &[Var<'g, f64>],
        _: Var<'g, f64>,
        tangents: &[Option<Var<'g, f64>>],
    ) -> Option<Var<'g, f64>> {
        Planted::slope(self.jvp, inputs[0], tangents[0]?)
    }
}

#[test]
fn planted_faults_are_reported_by_the_right_oracles() {
    let x = numbers([3, 2], 0.3, 2.0, 9);
    let run =
        |vjp, jvp| check("planted", std::slice::from_ref(&x), |x| Var::custom(Planted { vjp, jvp }, &[x[0]]));
    let right = run(Fault::None, Fault::None).assert();
    assert_eq!(right.checked_fraction(), 1.0);
    let faults = [
        Fault::Scale(1.5),
        Fault::Scale(-1.0),
        Fault::Scale(1.0 + 1e-6),
        Fault::ForgottenTerm,
        Fault::Absent,
    ];
    for fault in faults {
        let report = run(fault, Fault::None);
        assert!(failures(&report, Test::VjpDifferences) > 0, "{fault:?}\n{report}");
        assert!(failures(&report, Test::DotProduct) > 0, "{fault:?}\n{report}");
        assert_eq!(failures(&report, Test::JvpDifferences), 0, "{fault:?}\n{report}");
        let report = run(Fault::None, fault);
        assert!(failures(&report, Test::JvpDifferences) > 0, "{fault:?}\n{report}");
        assert!(failures(&report, Test::DotProduct) > 0, "{fault:?}\n{report}");
        assert_eq!(failures(&report, Test::VjpDifferences), 0, "{fault:?}\n{report}");
        // The same mistake in both is seen by differences and by Taylor's remainder only.
        let report = run(fault, fault);
        assert!(failures(&report, Test::VjpDifferences) > 0, "{fault:?}\n{report}");
        assert_eq!(failures(&report, Test::DotProduct), 0, "{fault:?}\n{report}");
        assert!(failures(&report, Test::TaylorRate) > 0, "{fault:?}\n{report}");
    }
    // Far below what differences can see, the dot product still sees it.
    let report = run(Fault::Scale(1.0 + 1e-12), Fault::None);
    assert!(failures(&report, Test::DotProduct) > 0 && failures(&report, Test::VjpDifferences) == 0);
    let report = run(Fault::Additive(1e-12), Fault::None);
    assert!(failures(&report, Test::Linearity) > 0, "{report}");
}

/// An output that is the small difference of large numbers, beside a large one. (Found by the property
/// below: its noise is that of the large numbers.)
#[test]
fn a_small_output_beside_a_large_one_has_the_noise_of_the_large_one() {
    for (seed, columns) in [(247786555056194348, 2), (170836763548289112, 5)] {
        let mut x = numbers([1, columns], -60.0, 60.0, seed);
        x.data_mut()[0] = 30.0;
        let report = check_with(Checker::new("cancelling").seed(seed), &[x], |x| {
            x[0].max_keep(&[1]) * x[0].log_softmax() + x[0].softmax().powi(2)
        });
        assert!(!report.verdict().is_failure(), "{report}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    /// Shapes with empty and unit axes, values at and beside kinks: nothing that is right ever fails.
    #[test]
    fn no_false_failures(
        rows in prop::sample::select(vec![0usize, 1, 2, 3]),
        columns in prop::sample::select(vec![0usize, 1, 2, 5]),
        classes in prop::collection::vec(0usize..6, 15),
        function in 0usize..7,
        size in prop::sample::select(vec![1.0, 1e-3, 30.0]),
        seed in any::<u64>(),
    ) {
        let generic = numbers([rows, columns], -2.0, 2.0, seed);
        let x = Tensor::from_fn([rows, columns], |i| match classes[i % 15] {
            0 => 0.0,
            1 => 1e-9 * size,
            2 => -1e-5 * size,
            3 => size,
            _ => size * generic.data()[i],
        });
        let b = numbers([1, columns], -1.0, 1.0, seed ^ 1);
        let checker = Checker::new("random").seed(seed).allow_zero_gradient();
        let report = check_with(checker, &[x, b], |x| {
            let (x, b) = (x[0], x[1]);
            match function {
                0 => {
                    let h = (x + b).relu() + (x * 2.0).tanh();
                    h * h + x.abs() + x.maximum(b)
                }
                1 => (x - x.mean_keep(&[-1])) / (x.powi(2).mean_keep(&[-1]) + 0.1).sqrt() * b,
                2 => x.sigmoid() * x.minimum(b) + x.clamp(-0.5, 0.5),
                3 => x.matmul(b.transpose()).relu() + (x + size).norm(&[1]).reshape([x.shape()[0], 1]),
                4 => x.greater(b).select(x * x, b.exp() - x),
                5 if x.shape()[1] > 0 => x.max_keep(&[1]) * x.log_softmax() + x.softmax().powi(2),
                _ => x.softplus() + (x * b).sin(),
            }
        });
        prop_assert!(!report.verdict().is_failure(), "{}", report);
    }
}

/// The operation `Square` with a kernel of the user's making.
#[derive(Clone, Copy, Debug)]
struct Square(fn(&[f64], &mut [f64]));

impl Custom<f64> for Square {
    fn name(&self) -> String {
        "square".into()
    }
    fn shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        Ok(inputs[0])
    }
    fn forward(&self, inputs: &[(&[f64], Shape)], output: &mut [f64]) {
        (self.0)(inputs[0].0, output);
    }
    fn expression<'g>(&self, inputs: &[Var<'g, f64>]) -> Option<Var<'g, f64>> {
        Some(inputs[0] * inputs[0])
    }
}

#[test]
fn a_kernel_must_agree_with_its_expression_and_write_everything() {
    let x = numbers([7], -2.0, 2.0, 4);
    let right = |x: &[f64], y: &mut [f64]| y.iter_mut().zip(x).for_each(|(y, x)| *y = x * x);
    let report = agrees(Square(right), std::slice::from_ref(&x)).assert();
    assert_eq!((report.checked_fraction(), report.tally(Test::Agreement)[0]), (1.0, 2));
    let off = |x: &[f64], y: &mut [f64]| y.iter_mut().zip(x).for_each(|(y, x)| *y = x * x * (1.0 + 1e-11));
    let report = agrees(Square(off), std::slice::from_ref(&x));
    assert_eq!((failures(&report, Test::Agreement), failures(&report, Test::VjpDifferences)), (1, 0));
    let lazy = |x: &[f64], y: &mut [f64]| y.iter_mut().zip(x).skip(1).for_each(|(y, x)| *y = x * x);
    let report = agrees(Square(lazy), std::slice::from_ref(&x));
    assert_eq!(failures(&report, Test::Agreement), 2, "{report}");
}

struct Network {
    /// Added in single precision only: a kernel that is wrong in one of the two.
    fault: f64,
}

impl Build for Network {
    fn build<'g, T: Real>(&self, graph: &'g Graph<T>) -> Var<'g, T> {
        let x = graph.input("x", [5, 6]);
        let labels = graph.indices("labels", [5]);
        let h = x.matmul(graph.parameter("w", [6, 4])) + graph.parameter("b", [4]);
        let fault = if T::NAME == "f32" { 1.0 + self.fault } else { 1.0 };
        (h.tanh() * fault).cross_entropy(labels)
    }
}

#[test]
fn single_precision_is_held_to_double_precision() {
    let x = numbers([5, 6], -1.0, 1.0, 1);
    let labels = Tensor::new([5], vec![0u32, 3, 1, 2, 3]);
    let parameters =
        Parameters::from_iter([("w", numbers([6, 4], -1.0, 1.0, 2)), ("b", numbers([4], -1.0, 1.0, 3))]);
    let feeds = [("x", Feed::from(&x)), ("labels", Feed::from(&labels))];
    let run = |fault| Checker::new("network").ulps(32.0).precision(&Network { fault }, &feeds, &parameters);
    let report = run(0.0).unwrap().assert();
    assert_eq!((report.entries, report.checked_fraction()), (58, 1.0));
    let report = run(1e-5).unwrap();
    assert!(!report.is_success() && report.to_string().contains("f32 ~ f64"), "{report}");
}

/// What each operation is checked with, as a function of two matrices of shape [2, 3] and [3, 2].
type Operation = (&'static str, for<'g> fn(Var<'g, f64>, Var<'g, f64>) -> Var<'g, f64>);
const OPERATIONS: [Operation; 12] = [
    ("matmul", |a, b| a.matmul(b)),
    ("add", |a, b| a + b.transpose()),
    ("mul", |a, b| a * b.transpose()),
    ("div", |a, b| a / (b.transpose() + 3.0)),
    ("maximum", |a, b| a.maximum(b.transpose())),
    ("softmax", |a, b| a.softmax() * b.transpose().softmax()),
    ("logsumexp", |a, b| (a * b.transpose()).logsumexp(&[1])),
    ("max_over", |a, b| a.max_over(&[1]) * b.max_over(&[0])),
    ("broadcast", |a, b| a + b.slice(0, 0, 1).reshape([2, 1])),
    ("concat", |a, b| Var::concat(&[a, b.transpose()], 0).powi(2)),
    ("select", |a, b| a.greater(b.transpose()).select(a.exp(), b.transpose().sin())),
    ("sum", |a, b| a.sum_over(&[0]) * b.sum_over(&[1])),
];

/// The matrix of operations and planted bugs: each pair is reported, or changes nothing.
#[test]
fn every_bug_in_every_operation_is_reported() {
    let values = [numbers([2, 3], -1.0, 1.0, 21), numbers([3, 2], -1.0, 1.0, 22)];
    let point = [values[0].data(), values[1].data()].concat();
    let (mut reported, mut equivalent) = (0, Vec::new());
    for (name, f) in OPERATIONS {
        let graph = Graph::new();
        let (a, b) = (graph.input("a", [2, 3]), graph.input("b", [3, 2]));
        let y = f(a, b);
        let c = graph.input("c", y.shape());
        let gradients = vjp(y, c, &[a, b]);
        let run = |x: &[f64], cotangent: Option<&[f64]>| -> Vec<f64> {
            let (a, b) = (Tensor::new([2, 3], x[..6].to_vec()), Tensor::new([3, 2], x[6..].to_vec()));
            let c = cotangent.map(|c| Tensor::new(y.shape(), c.to_vec()));
            let mut feeds = vec![("a", Feed::from(&a)), ("b", Feed::from(&b))];
            feeds.extend(c.as_ref().map(|c| ("c", Feed::from(c))));
            let outputs = if c.is_some() { gradients.clone() } else { vec![y] };
            let values = interpret(&outputs, &feeds, None).unwrap();
            values.iter().flat_map(|value| value.data().to_vec()).collect()
        };
        let checker = Checker::new(name).argument("a", [2, 3]).argument("b", [3, 2]).threshold(0.5);
        let check = |bug: Option<(Mutation, usize)>| {
            let vjp = |x: &[f64], c: &[f64]| {
                let right = run(x, Some(c));
                let (mut a, mut b) = (right[..6].to_vec(), right[6..].to_vec());
                match bug {
                    Some((mutation, 0)) => a = mutation.apply(&a, &[2, 3]),
                    Some((mutation, _)) => b = mutation.apply(&b, &[3, 2]),
                    None => {}
                }
                [a, b].concat()
            };
            checker.vjp(|x| run(x, None), vjp, &point)
        };
        check(None).assert();
        let right = run(&point, Some(&vec![1.0; y.shape().numel()]));
        for mutation in Mutation::ALL {
            for (position, lengths) in [(0, [2, 3]), (1, [3, 2])] {
                let part = if position == 0 { &right[..6] } else { &right[6..] };
                let report = check(Some((mutation, position)));
                if report.is_success() {
                    // Equivalent for every cotangent, so in particular for ones.
                    assert!(mutation.is_equivalent(part, &lengths, 1e-7), "{name} {mutation:?}\n{report}");
                    equivalent.push((name, mutation, position));
                } else {
                    reported += 1;
                }
            }
        }
    }
    // The only entries that are not zero, at [0, 0] and [1, 2], stay in place when transposed.
    assert_eq!((reported, equivalent), (12 * 14 * 2 - 1, vec![("max_over", Mutation::Transpose, 0)]));
}

#[test]
fn linear_and_bilinear_operations_are_exact_on_integers() {
    let graph = Graph::<f64>::new();
    let (a, b) = (graph.input("a", [2, 3]), graph.input("b", [3, 2]));
    let a_value = Tensor::from_fn([2, 3], |i| (i * i % 7) as f64 - 3.0);
    let b_value = Tensor::from_fn([3, 2], |i| 5.0 - (3 * i % 8) as f64);
    let feeds = [("a", Feed::from(&a_value)), ("b", Feed::from(&b_value))];
    let functions = [
        a.matmul(b),
        a.matmul_transposed(b, true, true),
        a + b.transpose(),
        a * b.transpose() - a.sum_keep(&[1]),
        Var::concat(&[a, b.transpose()], 0).permute(&[1, 0]).pad(0, 1, 1),
        a.flip(&[0]).slice_step(1, 0, 3, 2) * b.slice(0, 1, 3),
        (a * a).broadcast_to([4, 2, 3]).sum_over(&[0]) + b.reshape([2, 3]),
    ];
    for output in functions {
        let report = Checker::new("exact").graph_on_integers(output, &[a, b], &feeds, None).unwrap().assert();
        assert_eq!((report.checked_fraction(), report.smallest_detectable()), (1.0, Some(0.0)), "{report}");
    }
    // A function of higher degree is not exact, and is refused.
    let report = Checker::new("cubic").graph_on_integers(a.powi(3), &[a], &feeds[..1], None).unwrap();
    assert!(!report.is_success());
}

/// A maximum whose axis disappears, and the position of the largest: both switch between branches.
#[test]
fn reductions_that_switch_are_checked() {
    let x = numbers([3, 4], -2.0, 2.0, 8);
    let report =
        check("max over an axis", std::slice::from_ref(&x), |x| x[0].max_over(&[1]).powi(2)).assert();
    assert_eq!(report.checked_fraction(), 1.0, "{report}");
    let report = check("argmax", &[x], |x| x[0].argmax().one_hot(4) * x[0]).assert();
    assert_eq!(report.checked_fraction(), 1.0, "{report}");
}
