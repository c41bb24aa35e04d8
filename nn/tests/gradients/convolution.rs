//! Convolutions with groups, along time, and transposed.

use crate::check::{check, values};
use autograd::check::Build;
use autograd::{Graph, Real, Shape, Var, Window};
use nn::{Convolution, Convolution1d, Layer, Mode, TransposedConvolution};
use proptest::prelude::*;

/// A convolution of an input `x`.
enum Kind {
    Grouped(Convolution),
    AlongTime(Convolution1d),
    Transposed(TransposedConvolution),
}

struct ConvolutionCase {
    kind: Kind,
    input: Shape,
}

impl Build for ConvolutionCase {
    fn build<'g, T: Real>(&self, graph: &'g Graph<T>) -> Var<'g, T> {
        let x = graph.parameter("x", self.input);
        match &self.kind {
            Kind::Grouped(layer) => layer.forward(x, Mode::Train),
            Kind::AlongTime(layer) => layer.forward(x, Mode::Train),
            Kind::Transposed(layer) => layer.forward(x, Mode::Train),
        }
    }
}

proptest! {
    // A case costs some thousand evaluations.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(12) })]

    #[test]
    fn grouped(n in 1usize..3, groups in 1usize..3, outputs in 1usize..3, size in 1usize..3, stride in 1usize..3,
            padding in 0usize..2, values in values()) {
        let window = Window { stride: [stride, 1], padding: [padding, 0], ..Window::new([size, 1]) };
        let layer = Convolution::new("c", 2, 2 * outputs, window).with_groups(groups);
        check(&ConvolutionCase { kind: Kind::Grouped(layer), input: [n, 2, 3, 2].into() }, &values);
    }

    #[test]
    fn along_time(n in 1usize..3, channels in (1usize..3, 1usize..3), stride in 1usize..3, dilation in 1usize..3,
            values in values()) {
        let layer = Convolution1d::new("c", channels.0, channels.1, 2);
        let layer = layer.with_stride(stride).with_dilation(dilation).with_padding(1);
        check(&ConvolutionCase { kind: Kind::AlongTime(layer), input: [n, channels.0, 4].into() }, &values);
    }

    #[test]
    fn transposed(n in 1usize..3, groups in 1usize..3, stride in 1usize..3, padding in 0usize..2,
            values in values()) {
        let window = Window { stride: [stride, 1], padding: [padding, 0], ..Window::new([3, 2]) };
        let layer = TransposedConvolution::new("t", 2, 2, window).with_groups(groups);
        check(&ConvolutionCase { kind: Kind::Transposed(layer), input: [n, 2, 2, 2].into() }, &values);
    }
}
