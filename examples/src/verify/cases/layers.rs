//! Layers of networks, with respect to input and parameters.

use super::{COLUMNS, Case, ROWS, layer, perceptron};
use autograd::Window;
use nn::{
    Activation, AdaptivePooling, BatchNorm, Convolution, Convolution1d, Flatten, GlobalPooling, GroupNorm,
    LayerNorm, Linear, Maxout, Parallel, Pooling, Residual, RmsNorm, Sequential, TransposedConvolution,
};

/// A case for each layer.
pub fn cases() -> Vec<Case> {
    let matrix = [ROWS, COLUMNS];
    let (image, sequence) = ([2, 2, 3, 3], [2, 2, 5]);
    let window = Window { stride: [2, 1], padding: [1, 0], ..Window::new([2, 2]) };
    let linear = |name: &str, outputs: usize| Linear::new(name, COLUMNS, outputs);
    let mut cases = vec![
        layer("linear", "x W + b", Linear::new("linear", COLUMNS, 2), &matrix),
        layer("flatten", "the same numbers in a row", Flatten, &[ROWS, 2, 2]),
        layer("perceptron", "two linear maps, tanh between", perceptron(Activation::Tanh), &matrix),
        layer("maxout", "max over j of (x W + b)ⱼ", Maxout::new("maxout", COLUMNS, 2, 3), &matrix),
        layer("convolution", "Σ W x at its windows", Convolution::new("c", 2, 2, window), &image),
        layer(
            "depthwise",
            "the same, by channel",
            Convolution::new("c", 2, 4, window).with_groups(2),
            &image,
        ),
        layer("convolution 1d", "Σ W x along time", Convolution1d::new("c", 2, 3, 2), &sequence),
        layer("transposed", "the adjoint", TransposedConvolution::new("c", 2, 2, window), &image),
        layer("max pooling", "the largest of a window", Pooling::max([2, 2]).with_stride([1, 1]), &image),
        layer("mean pooling", "the mean of a window", Pooling::mean([2, 2]), &image),
        layer("adaptive pooling", "the mean of a share", AdaptivePooling::mean([2, 2]), &image),
        layer("global pooling", "the mean of a channel", GlobalPooling::mean(), &image),
        layer("batch norm", "γ (x - μ) / √(σ² + ε) + β", BatchNorm::new("norm", 2), &image),
        layer("group norm", "μ and σ of groups", GroupNorm::new("norm", 2, 2), &image),
        layer("layer norm", "μ and σ of rows", LayerNorm::new("norm", COLUMNS), &matrix),
        layer("RMS norm", "γ x / √(mean x² + ε)", RmsNorm::new("norm", COLUMNS), &matrix),
        layer("residual", "x + f(x)", Residual::new(perceptron(Activation::Tanh)), &matrix),
        layer(
            "parallel",
            "f(x) + g(x)",
            Parallel::summed().branch(linear("f", 2)).branch(linear("g", 2)),
            &matrix,
        ),
        layer(
            "tied decoder",
            "(x W + b) Wᵀ + c",
            Sequential::new().then(linear("f", 2)).then(linear("f", 2).transposed("g")),
            &matrix,
        ),
    ];
    for activation in Activation::ALL {
        let debug = format!("{activation:?}").to_lowercase();
        let name = debug.split([' ', '{']).next().unwrap_or_default();
        cases.push(layer(name, "see nn::Activation", activation, &matrix));
    }
    cases
}
