//! Losses.

use crate::check::{check, shapes, values};
use autograd::check::Build;
use autograd::{Graph, Real, Shape, Tensor, Var};
use nn::loss::{Reduction, binary_cross_entropy, cross_entropy, soft_cross_entropy, squared_error};
use proptest::prelude::*;

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
