//! Convolutions against their definitions, by the plainest loops.

use super::super::tests::{integers, run};
use super::*;
use crate::layer::Layer;
use autograd::{Parameters, Shape, Tensor, Window};
use proptest::prelude::*;

/// Parameters of small integers, so that sums are exact in any order.
fn parameters(layer: &dyn Layer<f64>) -> Parameters<f64> {
    let mut parameters = Parameters::new();
    for spec in layer.parameters() {
        parameters.insert(&spec.name, integers(spec.shape, spec.name.len()));
    }
    parameters
}

/// A window of random geometry.
fn windows() -> impl Strategy<Value = Window> {
    let pair = |low: usize, high: usize| (low..high, low..high).prop_map(|(a, b)| [a, b]);
    (pair(1, 4), pair(1, 3), pair(0, 3), pair(1, 3)).prop_map(|(size, stride, padding, dilation)| Window {
        size,
        stride,
        padding,
        dilation,
    })
}

/// An element of an image, zero outside.
fn at(x: &Tensor<f64>, image: usize, c: usize, row: isize, column: isize) -> f64 {
    let inside = |axis: usize, i: isize| (0..x.shape()[axis] as isize).contains(&i);
    let is_inside = inside(2, row) && inside(3, column);
    if is_inside { x[[image, c, row as usize, column as usize]] } else { 0.0 }
}

/// Where element `p` of window `i` lies along `axis`.
fn place(window: &Window, axis: usize, i: usize, p: usize) -> isize {
    (i * window.stride[axis] + p * window.dilation[axis]) as isize - window.padding[axis] as isize
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(96) })]

    #[test]
    fn convolution_is_its_sum(
        n in 0usize..3,
        (groups, inputs, outputs) in (1usize..4, 0usize..3, 0usize..3),
        (height, width) in (3usize..6, 3usize..6),
        window in windows(),
        bias: bool,
    ) {
        prop_assume!(window.count([height, width]).is_some());
        let (inputs, outputs) = (groups * inputs, groups * outputs);
        let layer = Convolution::new("c", inputs, outputs, window).with_groups(groups);
        let layer = if bias { layer } else { layer.without_bias() };
        let parameters = parameters(&layer);
        let x = integers([n, inputs, height, width].into(), 1);
        let y = run(&layer, &x, &parameters);
        let w = &parameters["c.weight"];
        y.shape().for_each_index(|index| {
            let [image, o, i, j] = [index[0], index[1], index[2], index[3]];
            let mut sum = parameters.get("c.bias").map_or(0.0, |b| b[[o]]);
            let first = o / (outputs / groups) * (inputs / groups);
            for c in 0..inputs / groups {
                for p in 0..window.size[0] {
                    for q in 0..window.size[1] {
                        let (row, column) = (place(&window, 0, i, p), place(&window, 1, j, q));
                        sum += w[[c, p, q, o]] * at(&x, image, first + c, row, column);
                    }
                }
            }
            assert_eq!(y[[image, o, i, j]], sum);
        });
    }

    #[test]
    fn convolution_along_time_is_its_sum(
        n in 0usize..3,
        (groups, inputs, outputs) in (1usize..3, 1usize..3, 1usize..3),
        length in 1usize..8,
        (size, stride, padding, dilation) in (1usize..4, 1usize..3, 0usize..3, 1usize..3),
    ) {
        prop_assume!(length + 2 * padding > dilation * (size - 1));
        let (inputs, outputs) = (groups * inputs, groups * outputs);
        let layer = Convolution1d::new("c", inputs, outputs, size).with_groups(groups);
        let layer = layer.with_stride(stride).with_padding(padding).with_dilation(dilation);
        let parameters = parameters(&layer);
        let x = integers([n, inputs, length].into(), 1);
        let y = run(&layer, &x, &parameters);
        y.shape().for_each_index(|index| {
            let [example, o, i] = [index[0], index[1], index[2]];
            let mut sum = parameters["c.bias"][[o]];
            let first = o / (outputs / groups) * (inputs / groups);
            for c in 0..inputs / groups {
                for p in 0..size {
                    let place = (i * stride + p * dilation) as isize - padding as isize;
                    if (0..length as isize).contains(&place) {
                        sum += parameters["c.weight"][[c, p, o]] * x[[example, first + c, place as usize]];
                    }
                }
            }
            assert_eq!(y[[example, o, i]], sum);
        });
    }

    /// Every product goes where the definition says, and `⟨conv(y), x⟩ = ⟨y, transposed(x)⟩` with the convolution
    /// from `out` to `in` channels whose weights are the same with channels exchanged.
    #[test]
    fn transposed_convolution_is_its_sum_and_the_adjoint(
        n in 1usize..3,
        (groups, inputs, outputs) in (1usize..3, 1usize..3, 1usize..3),
        (rows, columns) in (1usize..4, 1usize..4),
        window in windows(),
        extra in (0usize..2, 0usize..2),
    ) {
        let extra = [extra.0.min(window.stride[0] - 1), extra.1.min(window.stride[1] - 1)];
        let (ins, outs) = (inputs, outputs);
        let (inputs, outputs) = (groups * inputs, groups * outputs);
        let layer =
            TransposedConvolution::new("t", inputs, outputs, window).with_extra(extra).with_groups(groups);
        let x = integers([n, inputs, rows, columns].into(), 1);
        prop_assume!(Layer::<f64>::output_shape(&layer, x.shape()).is_ok());
        let parameters = parameters(&layer);
        let (w, b) = (&parameters["t.weight"], &parameters["t.bias"]);
        let y = run(&layer, &x, &parameters);

        let expected = from_indices(y.shape(), |[image, o, row, column]| {
            let mut sum = b[[o]];
            w.shape().for_each_index(|index| {
                let [c, p, q] = [index[0], index[1], index[2]];
                for (i, j) in (0..rows).flat_map(|i| (0..columns).map(move |j| (i, j))) {
                    let at = (place(&window, 0, i, p), place(&window, 1, j, q));
                    if index[3] == o && at == (row as isize, column as isize) {
                        sum += w[[c, p, q, o]] * x[[image, o / outs * ins + c, i, j]];
                    }
                }
            });
            sum
        });
        prop_assert_eq!(&y, &expected);

        let convolution = Convolution::new("c", outputs, inputs, window).with_groups(groups).without_bias();
        let exchanged = from_indices([outs, window.size[0], window.size[1], inputs].into(), |[o, p, q, c]| {
            w[[c % ins, p, q, c / ins * outs + o]]
        });
        let exchanged: Parameters<f64> = [("c.weight", exchanged)].into_iter().collect();
        let dot = |a: &Tensor<f64>, b: &Tensor<f64>| -> f64 {
            a.data().iter().zip(b.data()).map(|(a, b)| a * b).sum()
        };
        let image = integers(y.shape(), 3);
        let unbiased = run(&layer.without_bias(), &x, &parameters);
        prop_assert_eq!(dot(&run(&convolution, &image, &exchanged), &x), dot(&image, &unbiased));
    }
}

/// A value for each index of four axes.
fn from_indices(shape: Shape, mut value: impl FnMut([usize; 4]) -> f64) -> Tensor<f64> {
    let mut data = Vec::new();
    shape.for_each_index(|i| data.push(value([i[0], i[1], i[2], i[3]])));
    Tensor::new(shape, data)
}

#[test]
fn a_transposed_convolution_gives_back_the_size() {
    // A stride of 3 makes 4 of 10, 11 and 12.
    let window = Window { stride: [3, 3], ..Window::new([1, 1]) };
    for extra in 0..3 {
        let size = 10 + extra;
        assert_eq!(window.count([size, size]), Some([4, 4]));
        let layer = TransposedConvolution::new("t", 1, 1, window).with_extra([extra, extra]);
        assert_eq!(Layer::<f32>::output_shape(&layer, [2, 1, 4, 4].into()), Ok([2, 1, size, size].into()));
    }
}

#[test]
fn other_sequences_and_maps_are_refused() {
    let refusal = |layer: &dyn Layer<f32>, shape: &[usize]| {
        layer.output_shape(Shape::new(shape)).unwrap_err().to_string()
    };
    assert_eq!(
        refusal(&Convolution1d::new("c", 2, 3, 5), &[8, 2, 4]),
        "the convolution `c` takes [n, 2, length] in which a window fits, not [8, 2, 4]"
    );
    // All that would come out of one place is cut off by the padding.
    let window = Window { padding: [1, 1], ..Window::new([2, 2]) };
    assert_eq!(
        refusal(&TransposedConvolution::new("t", 2, 3, window), &[8, 2, 1, 1]),
        "the transposed convolution `t` takes [n, 2, rows, columns] that are the windows of an image, not \
         [8, 2, 1, 1]"
    );
}

#[test]
#[should_panic(expected = "the convolution `c`: 6 input and 4 output channels do not divide into 3 groups")]
fn groups_of_unequal_size_are_refused() {
    let _ = Convolution::new("c", 6, 4, Window::new([3, 3])).with_groups(3);
}

#[test]
#[should_panic(
    expected = "the transposed convolution `t`: [1, 0] extra rows and columns are not below the stride [1, 1]"
)]
fn an_extra_window_is_refused() {
    let _ = TransposedConvolution::new("t", 1, 1, Window::new([3, 3])).with_extra([1, 0]);
}
