//! Losses.

use crate::check::{check, shapes, values};
use autograd::check::Build;
use autograd::{Graph, IndexVar, Real, Shape, Tensor, Var};
use nn::loss::*;
use proptest::prelude::*;

/// A loss of logits or predictions `x` and, where it is differentiable in them, targets.
#[derive(Debug, Clone, Copy)]
enum Loss {
    CrossEntropy,
    Smoothed(f64),
    Weighted,
    Soft,
    Focal(f64),
    Divergence,
    DivergenceOfLogs,
    CrammerSinger(Shortfall),
    WestonWatkins(Shortfall),
    Cosine,
    Binary,
    BinaryFocal(f64, Option<f64>),
    Hinge(Shortfall),
    Squared,
    Absolute,
    Huber(f64),
}

impl Loss {
    /// One value for each example, the last axis being that of classes or features.
    const OF_EXAMPLES: [Loss; 13] = [
        Loss::CrossEntropy,
        Loss::Smoothed(0.2),
        Loss::Weighted,
        Loss::Soft,
        Loss::Focal(0.5),
        Loss::Focal(2.0),
        Loss::Divergence,
        Loss::DivergenceOfLogs,
        Loss::CrammerSinger(Shortfall::Linear),
        Loss::CrammerSinger(Shortfall::Squared),
        Loss::WestonWatkins(Shortfall::Linear),
        Loss::WestonWatkins(Shortfall::Squared),
        Loss::Cosine,
    ];
    /// One value for each element.
    const OF_ELEMENTS: [Loss; 8] = [
        Loss::Binary,
        Loss::BinaryFocal(2.0, Some(0.25)),
        Loss::BinaryFocal(0.5, None),
        Loss::Hinge(Shortfall::Linear),
        Loss::Hinge(Shortfall::Squared),
        Loss::Squared,
        Loss::Absolute,
        Loss::Huber(0.8),
    ];
}

struct LossCase {
    loss: Loss,
    shape: Shape,
    reduction: Reduction,
}

impl Build for LossCase {
    fn build<'g, T: Real>(&self, graph: &'g Graph<T>) -> Var<'g, T> {
        let LossCase { loss, shape, reduction: r } = *self;
        let x = graph.parameter("x", shape);
        let other = || graph.parameter("target", shape);
        let labels = || -> IndexVar<'g, T> {
            let examples = Shape::new(&shape.lengths()[..shape.rank() - 1]);
            graph.index_constant(Tensor::from_fn(examples, |i| (i * 7 % shape.last()) as u32))
        };
        let weights: Vec<f64> = (0..shape.last()).map(|class| 0.5 * class as f64).collect();
        let signs = || graph.constant(Tensor::from_fn(shape, |i| T::from_f64([1.0, -1.0][i % 2])));
        match loss {
            Loss::CrossEntropy => cross_entropy(x, labels(), r),
            Loss::Smoothed(e) => smoothed_cross_entropy(x, labels(), e, r),
            Loss::Weighted => weighted_cross_entropy(x, labels(), &weights, r),
            Loss::Soft => soft_cross_entropy(x, other().softmax(), r),
            Loss::Focal(gamma) => focal(x, labels(), gamma, r),
            Loss::Divergence => kl_divergence(x.log_softmax(), other().softmax(), r),
            Loss::DivergenceOfLogs => kl_divergence_of_logs(x.log_softmax(), other().log_softmax(), r),
            Loss::CrammerSinger(shortfall) => crammer_singer(x, labels(), shortfall, r),
            Loss::WestonWatkins(shortfall) => weston_watkins(x, labels(), shortfall, r),
            Loss::Cosine => cosine_distance(x, other(), r),
            Loss::Binary => binary_cross_entropy(x, other().sigmoid(), r),
            Loss::BinaryFocal(gamma, alpha) => binary_focal(x, other().sigmoid(), gamma, alpha, r),
            Loss::Hinge(shortfall) => hinge(x, signs(), shortfall, r),
            Loss::Squared => squared_error(x, other(), r),
            Loss::Absolute => absolute_error(x, other(), r),
            Loss::Huber(delta) => huber(x, other(), delta, r),
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
    fn losses_of_examples(lead in shapes(), classes in 1usize..4, r in reductions(), values in values()) {
        let shape = Shape::new(&[&lead[..lead.len().min(2)], &[classes]].concat());
        let reduction = unless_empty(r, shape.numel());
        for loss in Loss::OF_EXAMPLES {
            check(&LossCase { loss, shape, reduction }, &values);
        }
    }

    #[test]
    fn losses_of_elements(shape in shapes(), r in reductions(), values in values()) {
        let shape = Shape::new(&shape);
        let reduction = unless_empty(r, shape.numel());
        for loss in Loss::OF_ELEMENTS {
            check(&LossCase { loss, shape, reduction }, &values);
        }
    }
}
