//! Layers.

use crate::check::{check, shapes, values};
use autograd::check::Build;
use autograd::{Graph, Real, Shape, Var, Window};
use nn::{Activation, AdaptivePooling, Convolution, Flatten, GlobalPooling, Layer, Linear, Mode, Pooling};
use proptest::prelude::*;

/// A layer on an input `x` of some shape.
enum LayerCase {
    Linear(Linear, Shape),
    Convolution(Convolution, Shape),
    Pooling(Pooling, Shape),
    AdaptivePooling(AdaptivePooling, Shape),
    GlobalPooling(GlobalPooling, Shape),
    Activation(Activation, Shape),
    Flatten(Shape),
}

impl LayerCase {
    fn input(&self) -> Shape {
        match self {
            LayerCase::Linear(_, shape) | LayerCase::Convolution(_, shape) => *shape,
            LayerCase::Pooling(_, shape) | LayerCase::Activation(_, shape) => *shape,
            LayerCase::AdaptivePooling(_, shape) | LayerCase::GlobalPooling(_, shape) => *shape,
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
            LayerCase::AdaptivePooling(pooling, _) => pooling.forward(x, Mode::Train),
            LayerCase::GlobalPooling(pooling, _) => pooling.forward(x, Mode::Train),
            LayerCase::Activation(activation, _) => activation.forward(x, Mode::Train),
            LayerCase::Flatten(_) => Flatten.forward(x, Mode::Train),
        }
    }
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
        let pooling = if max { Pooling::max([size, 2]) } else { Pooling::mean([size, 2]) };
        let input = Shape::from([n, channels, 3, 3]);
        check(&LayerCase::Pooling(pooling, input), &values);
        // Windows that overlap, so that a pixel has more than one gradient.
        check(&LayerCase::Pooling(pooling.with_stride([1, 1]), input), &values);
    }

    #[test]
    fn adaptive_pooling(n in 0usize..3, channels in 0usize..3, size in (1usize..4, 1usize..4), max: bool,
            values in values()) {
        let size = [size.0, size.1];
        let pooling = if max { AdaptivePooling::max(size) } else { AdaptivePooling::mean(size) };
        check(&LayerCase::AdaptivePooling(pooling, [n, channels, 3, 2].into()), &values);
        let pooling = if max { GlobalPooling::max() } else { GlobalPooling::mean() };
        check(&LayerCase::GlobalPooling(pooling, [n, channels, 3].into()), &values);
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
}
