//! Layers against their definitions, by the plainest loops; what they declare and refuse.

use super::*;
use crate::layer::{Layer, Mode};
use autograd::{Feed, Graph, Parameters, Shape, Tensor, Var, Window, grad, interpret};
use proptest::prelude::*;

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

/// Several inputs at once: the result of recording, in `f64`.
fn record(
    build: impl for<'g> Fn(&'g Graph<f64>) -> Var<'g, f64>,
    feeds: &[(&str, Feed<'_, f64>)],
    parameters: &Parameters<f64>,
) -> Tensor<f64> {
    let graph = Graph::new();
    interpret(&[build(&graph)], feeds, Some(parameters)).unwrap().remove(0)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    #[test]
    fn bilinear_is_its_sum(
        (n, first, second, outputs) in (0usize..3, 0usize..4, 0usize..4, 0usize..3), bias: bool,
    ) {
        let layer = Bilinear::new("b", first, second, outputs);
        let layer = if bias { layer } else { layer.without_bias() };
        let parameters: Parameters<f64> = [
            ("b.weight", integers([first, second, outputs].into(), 1)),
            ("b.bias", integers([outputs].into(), 2)),
        ]
        .into_iter()
        .collect();
        let (x, z) = (integers([n, first].into(), 3), integers([n, second].into(), 4));
        let y = record(
            |graph| layer.forward(graph.input("x", [n, first]), graph.input("z", [n, second])),
            &[("x", Feed::from(&x)), ("z", Feed::from(&z))],
            &parameters,
        );
        prop_assert_eq!(Ok(y.shape()), layer.output_shape(x.shape(), z.shape()));
        y.shape().for_each_index(|index| {
            let [row, k] = [index[0], index[1]];
            let mut sum = if bias { parameters["b.bias"][[k]] } else { 0.0 };
            for i in 0..first {
                for j in 0..second {
                    sum += x[[row, i]] * parameters["b.weight"][[i, j, k]] * z[[row, j]];
                }
            }
            assert_eq!(y[[row, k]], sum);
        });
    }

    #[test]
    fn maxout_is_its_definition((n, inputs, outputs, pieces) in (0usize..3, 0usize..4, 0usize..3, 1usize..4)) {
        let layer = Maxout::new("m", inputs, outputs, pieces);
        let parameters: Parameters<f64> = [
            ("m.weight", integers([inputs, outputs * pieces].into(), 1)),
            ("m.bias", integers([outputs * pieces].into(), 2)),
        ]
        .into_iter()
        .collect();
        let x = integers([n, inputs].into(), 3);
        let y = run(&layer, &x, &parameters);
        y.shape().for_each_index(|index| {
            let [row, unit] = [index[0], index[1]];
            let piece = |at: usize| {
                let product = |i: usize| x[[row, i]] * parameters["m.weight"][[i, at]];
                (0..inputs).map(product).sum::<f64>() + parameters["m.bias"][[at]]
            };
            let largest = (0..pieces).map(|j| piece(unit * pieces + j)).fold(f64::NEG_INFINITY, f64::max);
            assert_eq!(y[[row, unit]], largest);
        });
    }

    #[test]
    fn embedding_takes_rows(
        index in prop::collection::vec(0u32..5, 0..7), width in 0usize..4, padding in prop::option::of(0usize..5),
    ) {
        let layer = Embedding::new("e", 5, width);
        let layer = padding.map_or(layer.clone(), |row| layer.with_padding(row));
        let table = integers([5, width].into(), 1);
        let parameters: Parameters<f64> = [("e.weight", table.clone())].into_iter().collect();
        let rows = Tensor::new([index.len()], index.clone());
        let feeds = [("index", Feed::from(&rows))];
        let y = record(|graph| layer.forward(graph.indices("index", [index.len()])), &feeds, &parameters);
        let slope = record(
            |graph| {
                let y = layer.forward(graph.indices("index", [index.len()]));
                grad(y.sum(), &[graph.find_parameter("e.weight").unwrap()])[0]
            },
            &feeds,
            &parameters,
        );
        let mut uses = [0.0; 5];
        for (place, &row) in index.iter().enumerate() {
            let learned = padding != Some(row as usize);
            uses[row as usize] += if learned { 1.0 } else { 0.0 };
            for column in 0..width {
                let expected = if learned { table[[row as usize, column]] } else { 0.0 };
                prop_assert_eq!(y[[place, column]], expected);
            }
        }
        slope.shape().for_each_index(|at| assert_eq!(slope[[at[0], at[1]]], uses[at[0]]));
    }
}

#[test]
fn what_several_inputs_and_tables_do_not_take_is_refused() {
    let layer = Bilinear::new("b", 2, 3, 4);
    let refusal = |first: &[usize], second: &[usize]| {
        layer.output_shape(Shape::new(first), Shape::new(second)).unwrap_err().to_string()
    };
    assert_eq!(refusal(&[5, 3], &[5, 3]), "the bilinear layer `b` takes [n, 2], not [5, 3]");
    assert_eq!(refusal(&[5, 2], &[5, 2]), "the bilinear layer `b` takes [n, 3], not [5, 2]");
    let apart = "the bilinear layer `b` takes as many examples of both, 5, not [1, 3]";
    assert_eq!(refusal(&[5, 2], &[1, 3]), apart);
    let maxout = Layer::<f32>::output_shape(&Maxout::new("m", 2, 3, 4), [5, 3].into()).unwrap_err();
    assert_eq!(maxout.to_string(), "the linear layer `m` takes [.., 2], not [5, 3]");
}

#[test]
#[should_panic(expected = "the embedding `e` has 5 rows: none to pad with at 5")]
fn a_padding_outside_the_table_is_refused() {
    let _ = Embedding::new("e", 5, 2).with_padding(5);
}

#[test]
#[should_panic(expected = "the maxout layer `m` has no pieces")]
fn a_maximum_of_nothing_is_refused() {
    let _ = Maxout::new("m", 5, 2, 0);
}
