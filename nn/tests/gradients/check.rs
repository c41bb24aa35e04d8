//! What every case is put through.

use autograd::check::{Build, Checker, Test};
use autograd::{Graph, Parameters, Real, Shape, Tensor, Var, grad_or_zero, interpret};
use proptest::prelude::*;

/// What a case declares, with values.
pub fn point(case: &impl Build, values: &[f64]) -> Parameters<f64> {
    let graph = Graph::<f64>::new();
    case.build(&graph);
    let mut values = values.iter().cycle();
    let mut draw = |shape: Shape| Tensor::from_fn(shape, |_| *values.next().expect("endless"));
    graph.parameters().iter().map(|(name, var)| (&**name, draw(var.shape()))).collect()
}

/// Checks a case in `x` and everything else it declares: its derivative against differences, the derivative of
/// its derivative likewise, and both precisions beside each other.
///
/// Some comparisons of the checker are relative to a product of the derivative with one vector: forward with
/// reverse sweep, linearity, symmetry of the Hessian, Taylor's rates. At a random point that product may nearly
/// vanish (two logits shifted together), and only rounding is left to compare, which is no fault of a loss. Here
/// differences decide; those others are held to at the fixed point of [`network`](super::network).
pub fn check(case: &impl Build, values: &[f64]) {
    let graph = Graph::<f64>::new();
    let output = case.build(&graph);
    let targets: Vec<Var<'_, f64>> = graph.parameters().iter().map(|(_, var)| *var).collect();
    let point = point(case, values);
    // A relu that is off everywhere, a loss at its minimum: gradients of zero occur.
    let checker = Checker::new("case").allow_zero_gradient();
    let report = checker.graph(output, &targets, &[], Some(&point)).unwrap();
    let relative = [Test::DotProduct, Test::Linearity, Test::HessianSymmetry, Test::TaylorRate];
    let failed = report.records.iter().any(|r| r.verdict.is_failure() && !relative.contains(&r.test));
    assert!(!failed && report.checked_fraction() >= report.threshold, "{report}");
    compare_precisions(case, &point);
}

/// Value and gradients of a case, in one precision, at a point that both can represent.
fn evaluate<T: Real>(case: &impl Build, point: &Parameters<f64>) -> Vec<Tensor<f64>> {
    let graph = Graph::<T>::new();
    let output = case.build(&graph);
    let targets: Vec<Var<'_, T>> = graph.parameters().iter().map(|(_, var)| *var).collect();
    let mut asked = vec![output];
    asked.extend(grad_or_zero(output.sum(), &targets));
    let point = point.cast::<f32>().cast::<T>();
    interpret(&asked, &[], Some(&point)).unwrap().iter().map(Tensor::cast).collect()
}

/// Single precision is within 16 units in the last place of the largest number that went into a result. Inputs
/// are below 1.5 and the longest sum has some 60 terms, so that number is at least 1 and nearly the result's
/// own size; a gradient that cancels to less is not held to its own size.
fn compare_precisions(case: &impl Build, point: &Parameters<f64>) {
    let (single, double) = (evaluate::<f32>(case, point), evaluate::<f64>(case, point));
    for (single, double) in single.iter().zip(&double) {
        let largest = double.data().iter().fold(1.0f64, |m, x| m.max(x.abs()));
        for (s, d) in single.data().iter().zip(double.data()) {
            assert!((s - d).abs() <= 16.0 * f64::from(f32::EPSILON) * largest, "{s} in f32, {d} in f64");
        }
    }
}

/// Enough different values for the largest shape here; those beyond come again.
pub fn values() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(-1.5..1.5f64, 61)
}

/// Shapes of rank 1 to 3, with empty and single axes.
pub fn shapes() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(0usize..4, 1..4)
}
