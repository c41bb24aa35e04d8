//! Every layer and loss: first and second derivatives against differences, and single against double
//! precision, over random shapes and values. Inputs are declared as parameters, so that values are given in
//! one place.

use autograd::check::{Build, Checker, Test};
use autograd::{Graph, Parameters, Real, Shape, Tensor, Var, Window, grad_or_zero, interpret};
use nn::loss::{Reduction, binary_cross_entropy, cross_entropy, soft_cross_entropy, squared_error};
use nn::{Activation, Convolution, Flatten, Layer, Linear, Mode, Pooling, Sequential};
use proptest::prelude::*;

/// A layer on an input `x` of some shape.
enum LayerCase {
    Linear(Linear, Shape),
    Convolution(Convolution, Shape),
    Pooling(Pooling, Shape),
    Activation(Activation, Shape),
    Flatten(Shape),
}

impl LayerCase {
    fn input(&self) -> Shape {
        match self {
            LayerCase::Linear(_, shape) | LayerCase::Convolution(_, shape) => *shape,
            LayerCase::Pooling(_, shape) | LayerCase::Activation(_, shape) => *shape,
            LayerCase::Flatten(shape) => *shape,
        }
    }
}

impl Build for LayerCase {
    fn build<'g, T: Real>(&self, graph: &'g Graph<T>) -> Var<'g, T> {
        let x = graph.parameter("x", self.input());
        match self {
            LayerCase::Linear(linear, _) => linear.forward(x, Mode::Train),
            LayerCase::Convolution(convolution, _) => convolution.forward(x, Mode::Train),
            LayerCase::Pooling(pooling, _) => pooling.forward(x, Mode::Train),
            LayerCase::Activation(activation, _) => activation.forward(x, Mode::Train),
            LayerCase::Flatten(_) => Flatten.forward(x, Mode::Train),
        }
    }
}

/// A loss of logits or predictions `x`.
enum LossCase {
    CrossEntropy([usize; 2], Reduction),
    SoftCrossEntropy([usize; 2], Reduction),
    BinaryCrossEntropy(Shape, Reduction),
    SquaredError(Shape, Reduction),
}

impl LossCase {
    fn input(&self) -> Shape {
        match self {
            LossCase::CrossEntropy(shape, _) | LossCase::SoftCrossEntropy(shape, _) => (*shape).into(),
            LossCase::BinaryCrossEntropy(shape, _) | LossCase::SquaredError(shape, _) => *shape,
        }
    }
}

impl Build for LossCase {
    fn build<'g, T: Real>(&self, graph: &'g Graph<T>) -> Var<'g, T> {
        let x = graph.parameter("x", self.input());
        match self {
            LossCase::CrossEntropy([n, classes], reduction) => {
                let labels = Tensor::from_fn([*n], |i| (i * 7 % classes) as u32);
                cross_entropy(x, graph.index_constant(labels), *reduction)
            }
            LossCase::SoftCrossEntropy(shape, reduction) => {
                // The loss is differentiable in the targets too.
                soft_cross_entropy(x, graph.parameter("target", *shape).softmax(), *reduction)
            }
            LossCase::BinaryCrossEntropy(shape, reduction) => {
                binary_cross_entropy(x, graph.parameter("target", *shape).sigmoid(), *reduction)
            }
            LossCase::SquaredError(shape, reduction) => {
                squared_error(x, graph.parameter("target", *shape), *reduction)
            }
        }
    }
}

/// What a case declares, with values.
fn point(case: &impl Build, values: &[f64]) -> Parameters<f64> {
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
/// differences decide; those others are held to at the fixed point of [`a_network_with_tied_layers`].
fn check(case: &impl Build, values: &[f64]) {
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
fn values() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(-1.5..1.5f64, 61)
}

/// Shapes of rank 1 to 3, with empty and single axes.
fn shapes() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(0usize..4, 1..4)
}

fn reductions() -> impl Strategy<Value = Reduction> {
    prop::sample::select(vec![Reduction::Mean, Reduction::Sum, Reduction::Each])
}

/// A mean over nothing is 0/0, not a value to be checked.
fn unless_empty(reduction: Reduction, count: usize) -> Reduction {
    if count == 0 { Reduction::Sum } else { reduction }
}

proptest! {
    // A case costs some thousand evaluations.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(12) })]

    #[test]
    fn linear(lead in shapes(), inputs in 0usize..4, outputs in 0usize..4, bias: bool, values in values()) {
        let shape = Shape::new(&[&lead[..lead.len().min(2)], &[inputs]].concat());
        let layer = Linear::new("l", inputs, outputs);
        let layer = if bias { layer } else { layer.without_bias() };
        check(&LayerCase::Linear(layer, shape), &values);
    }

    #[test]
    fn convolution(n in 0usize..3, channels in (0usize..3, 0usize..3), size in 1usize..3, stride in 1usize..3,
            padding in 0usize..2, values in values()) {
        let window = Window { stride: [stride, 1], padding: [padding, 1], ..Window::new([size, 2]) };
        let layer = Convolution::new("c", channels.0, channels.1, window);
        check(&LayerCase::Convolution(layer, [n, channels.0, 3, 2].into()), &values);
    }

    #[test]
    fn pooling(n in 0usize..3, channels in 0usize..3, size in 1usize..3, max: bool, values in values()) {
        // Windows that overlap, so that a pixel has more than one gradient.
        let pooling = if max { Pooling::max([size, 2]) } else { Pooling::mean([size, 2]) };
        check(&LayerCase::Pooling(pooling.with_stride([1, 1]), [n, channels, 3, 3].into()), &values);
    }

    #[test]
    fn activations(which in 0..Activation::ALL.len(), shape in shapes(), values in values()) {
        let activation = Activation::ALL[which];
        // The softmax of nothing sums to nothing: there is no such distribution.
        prop_assume!(activation != Activation::Softmax || shape.last() != Some(&0));
        check(&LayerCase::Activation(activation, Shape::new(&shape)), &values);
    }

    #[test]
    fn flatten(shape in shapes(), values in values()) {
        check(&LayerCase::Flatten(Shape::new(&shape)), &values);
    }

    #[test]
    fn cross_entropies(n in 0usize..4, classes in 1usize..4, r in reductions(), values in values()) {
        let r = unless_empty(r, n);
        check(&LossCase::CrossEntropy([n, classes], r), &values);
        check(&LossCase::SoftCrossEntropy([n, classes], r), &values);
    }

    #[test]
    fn elementwise_losses(shape in shapes(), r in reductions(), values in values()) {
        let shape = Shape::new(&shape);
        let r = unless_empty(r, shape.numel());
        check(&LossCase::BinaryCrossEntropy(shape, r), &values);
        check(&LossCase::SquaredError(shape, r), &values);
    }
}

/// A whole network with tied layers, as one function of its input and all its parameters.
#[test]
fn a_network_with_tied_layers() {
    struct Tied;
    impl Build for Tied {
        fn build<'g, T: Real>(&self, graph: &'g Graph<T>) -> Var<'g, T> {
            let tied = || Linear::new("tied", 3, 3);
            let network = Sequential::<T>::new()
                .then(Flatten)
                .then(tied())
                .then(Activation::Gelu)
                .then(tied())
                .then(Activation::Elu { alpha: 1.0 })
                .linear(3, 2);
            let x = graph.parameter("x", [4, 3, 1]);
            let labels = graph.index_constant(Tensor::new([4], vec![0, 1, 1, 0]));
            cross_entropy(network.forward(x, Mode::Train), labels, Reduction::Mean)
        }
    }
    let values: Vec<f64> = (0..61).map(|i| (i as f64 * 0.7).sin() * 1.3).collect();
    check(&Tied, &values);
    let graph = Graph::new();
    let loss = Tied.build(&graph);
    let targets: Vec<_> = graph.parameters().iter().map(|(_, var)| *var).collect();
    let point = point(&Tied, &values);
    let report = Checker::new("network").graph(loss, &targets, &[], Some(&point)).unwrap().assert();
    assert_eq!(report.checked_fraction(), 1.0);
}
