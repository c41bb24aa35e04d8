//! Pooling against its definition, by the plainest loops.

use super::super::tests::{integers, run};
use super::*;
use crate::layer::{Layer, Mode};
use autograd::{Feed, Graph, Parameters, Shape, Tensor, grad, interpret};
use proptest::prelude::*;

/// The mean may be a product with a rounded 1/area: one rounding more than the quotient.
fn assert_summary(found: f64, is_max: bool, window: impl Iterator<Item = f64>) {
    let window: Vec<f64> = window.collect();
    if is_max {
        assert_eq!(found, window.into_iter().fold(f64::NEG_INFINITY, f64::max));
    } else {
        let mean = window.iter().sum::<f64>() / window.len() as f64;
        assert!((found - mean).abs() <= 2.0 * f64::EPSILON * mean.abs(), "{found}, not {mean}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(96) })]

    #[test]
    fn pooling_is_its_definition(
        (n, channels) in (0usize..3, 0usize..3),
        (height, width) in (2usize..6, 3usize..6),
        size in (1usize..3, 1usize..4),
        stride in (1usize..3, 1usize..4),
        tiled: bool,
    ) {
        let size = [size.0, size.1];
        let stride = if tiled { size } else { [stride.0, stride.1] };
        let x = integers([n, channels, height, width].into(), 2);
        for (layer, is_max) in [(Pooling::max(size), true), (Pooling::mean(size), false)] {
            let y = run(&layer.with_stride(stride), &x, &Parameters::new());
            y.shape().for_each_index(|index| {
                let [image, c, i, j] = [index[0], index[1], index[2], index[3]];
                let window = (0..size[0]).flat_map(|p| (0..size[1]).map(move |q| (p, q)));
                let window = window.map(|(p, q)| x[[image, c, i * stride[0] + p, j * stride[1] + q]]);
                assert_summary(y[[image, c, i, j]], is_max, window);
            });
        }
    }

    #[test]
    fn pooling_along_time_is_its_definition(
        (n, channels, length) in (0usize..3, 0usize..3, 3usize..8),
        (size, stride) in (1usize..4, 1usize..4),
    ) {
        let x = integers([n, channels, length].into(), 2);
        for (layer, is_max) in [(Pooling1d::max(size), true), (Pooling1d::mean(size), false)] {
            let y = run(&layer.with_stride(stride), &x, &Parameters::new());
            y.shape().for_each_index(|index| {
                let [example, c, i] = [index[0], index[1], index[2]];
                let window = (0..size).map(|p| x[[example, c, i * stride + p]]);
                assert_summary(y[[example, c, i]], is_max, window);
            });
        }
    }

    #[test]
    fn adaptive_and_global_pooling_are_their_definitions(
        (n, channels) in (0usize..3, 0usize..3),
        (height, width) in (1usize..7, 1usize..7),
        size in (1usize..5, 1usize..5),
    ) {
        let size = [size.0, size.1];
        let x = integers([n, channels, height, width].into(), 2);
        // In real numbers, as the definition is written.
        let window = |axis: usize, i: usize, length: usize| {
            let share = length as f64 / size[axis] as f64;
            // A quotient that should be an integer may be off by a rounding.
            ((i as f64 * share + 1e-9).floor() as usize, ((i + 1) as f64 * share - 1e-9).ceil() as usize)
        };
        for (layer, is_max) in [(AdaptivePooling::max(size), true), (AdaptivePooling::mean(size), false)] {
            let y = run(&layer, &x, &Parameters::new());
            y.shape().for_each_index(|index| {
                let [image, c, i, j] = [index[0], index[1], index[2], index[3]];
                let ((top, bottom), (left, right)) = (window(0, i, height), window(1, j, width));
                let places = (top..bottom).flat_map(|row| (left..right).map(move |column| (row, column)));
                let values = places.map(|(row, column)| x[[image, c, row, column]]);
                assert_summary(y[[image, c, i, j]], is_max, values);
            });
        }
        for (global, adaptive) in [
            (GlobalPooling::max(), AdaptivePooling::max([1, 1])),
            (GlobalPooling::mean(), AdaptivePooling::mean([1, 1])),
        ] {
            let adaptive = run(&adaptive, &x, &Parameters::new()).reshape([n, channels]);
            prop_assert_eq!(run(&global, &x, &Parameters::new()), adaptive);
        }
    }
}

/// Three of four equal: a third each, in either form.
#[test]
fn equal_maxima_of_a_window_share_the_gradient() {
    let x = Tensor::new([1, 1, 2, 2], vec![5.0, 5.0, 1.0, 5.0]);
    let share = |layer: &dyn Layer<f64>| {
        let graph = Graph::new();
        let v = graph.input("x", [1, 1, 2, 2]);
        let slope = grad(layer.forward(v, Mode::Train).sum(), &[v])[0];
        interpret(&[slope], &[("x", Feed::from(&x))], None).unwrap().remove(0).into_data()
    };
    let third = 1.0 / 3.0;
    assert_eq!(share(&Pooling::max([2, 2])), [third, third, 0.0, third]);
    assert_eq!(share(&Pooling::max([2, 2]).with_stride([1, 1])), [third, third, 0.0, third]);
    assert_eq!(share(&AdaptivePooling::max([1, 1])), [third, third, 0.0, third]);
    assert_eq!(share(&GlobalPooling::max()), [third, third, 0.0, third]);
}

#[test]
fn what_has_no_windows_is_refused() {
    let refusal = |layer: &dyn Layer<f32>, shape: &[usize]| {
        layer.output_shape(Shape::new(shape)).unwrap_err().to_string()
    };
    assert_eq!(
        refusal(&Pooling1d::max(3), &[1, 1, 2]),
        "pooling takes [n, channels, length] in which a window of 3 fits, not [1, 1, 2]"
    );
    assert_eq!(
        refusal(&AdaptivePooling::max([2, 2]), &[1, 1, 0, 4]),
        "adaptive pooling to [2, 2] takes [n, channels, height, width] with at least one pixel, and gives at \
         least one, not [1, 1, 0, 4]"
    );
    assert_eq!(
        refusal(&GlobalPooling::mean(), &[3]),
        "global pooling takes [n, channels, ..] with at least one value of each channel, not [3]"
    );
}
