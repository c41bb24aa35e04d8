//! What layers declare and refuse.

use super::*;
use crate::layer::{Layer, Mode};
use autograd::{Feed, Graph, Parameters, Shape, Tensor, Window, interpret};

/// A layer's result for `x`, in `f64`.
pub(super) fn run(layer: &dyn Layer<f64>, x: &Tensor<f64>, parameters: &Parameters<f64>) -> Tensor<f64> {
    let graph = Graph::new();
    let y = layer.forward(graph.input("x", x.shape()), Mode::Train);
    let found = interpret(&[y], &[("x", Feed::from(x))], Some(parameters)).unwrap().remove(0);
    assert_eq!(Ok(found.shape()), layer.output_shape(x.shape()), "the promised shape");
    found
}

/// Values that are different and of both signs, small integers so that sums are exact in any order.
pub(super) fn integers(shape: Shape, seed: usize) -> Tensor<f64> {
    Tensor::from_fn(shape, |i| ((i * 7919 + seed * 104_729) % 17) as f64 - 8.0)
}

#[test]
fn layers_declare_weights_and_biases() {
    use crate::parameter::Role::{Bias, Weight};
    let declared = |layer: &dyn Layer<f32>| {
        let specs = layer.parameters().into_iter();
        specs.map(|spec| (spec.name, spec.shape, spec.role)).collect::<Vec<_>>()
    };
    let (weight, bias) = ("l.weight".to_string(), "l.bias".to_string());
    let linear = Linear::new("l", 3, 5);
    assert_eq!(
        declared(&linear),
        [(weight.clone(), [3, 5].into(), Weight), (bias.clone(), [5].into(), Bias)]
    );
    assert_eq!(declared(&linear.without_bias()), [(weight.clone(), [3, 5].into(), Weight)]);
    assert_eq!(
        declared(&Convolution::new("l", 3, 5, Window::new([2, 4]))),
        [(weight, [3, 2, 4, 5].into(), Weight), (bias, [5].into(), Bias)]
    );
    for layer in [&Flatten as &dyn Layer<f32>, &Pooling::max([2, 2]), &Activation::Relu] {
        assert!(declared(layer).is_empty());
    }
}

#[test]
fn images_that_do_not_fit_are_refused() {
    let layer = Convolution::new("c", 3, 8, Window::new([5, 5]));
    let refusal =
        |shape: &[usize]| Layer::<f32>::output_shape(&layer, Shape::new(shape)).unwrap_err().to_string();
    let text = |given: &str| {
        format!("the convolution `c` takes [n, 3, height, width] in which a window fits, not {given}")
    };
    assert_eq!(refusal(&[2, 1, 8, 8]), text("[2, 1, 8, 8]"));
    assert_eq!(refusal(&[2, 3, 4, 8]), text("[2, 3, 4, 8]"));
    assert_eq!(refusal(&[2, 3, 8]), text("[2, 3, 8]"));
    let pooling = Layer::<f32>::output_shape(&Pooling::max([3, 3]), [1, 1, 2, 9].into()).unwrap_err();
    assert_eq!(
        pooling.to_string(),
        "pooling takes [n, channels, height, width] in which a window of [3, 3] fits, not [1, 1, 2, 9]"
    );
}
