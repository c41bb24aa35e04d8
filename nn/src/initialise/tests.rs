use super::*;
use crate::{Activation, Linear, Mode, Sequential};
use autograd::ops::random::Draw;
use autograd::{Feed, Graph, Interpreter, interpret};
use proptest::prelude::*;

fn moments(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (mean, values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n)
}

#[test]
fn scales_are_the_stated_ones() {
    // 200 000 draws: the variance of a normal is estimated to √(2/n) = 0.32 %, five of which are 1.6 %.
    let (rows, columns) = (500, 400);
    let gain = 1.5;
    let cases = [
        (Initialiser::Xavier { gain }, gain * gain * 2.0 / 900.0),
        (Initialiser::XavierUniform { gain }, gain * gain * 2.0 / 900.0),
        (Initialiser::Kaiming { gain }, gain * gain / 500.0),
        (Initialiser::KaimingUniform { gain }, gain * gain / 500.0),
        (Initialiser::Normal { mean: 0.0, deviation: 3.0 }, 9.0),
        (Initialiser::Uniform { low: -1.0, high: 1.0 }, 1.0 / 3.0),
    ];
    for (initialiser, expected) in cases {
        let value = initial_value::<f64>(initialiser, 1, "w", [rows, columns].into());
        let (mean, variance) = moments(value.data());
        assert!((variance / expected - 1.0).abs() < 0.016, "{initialiser:?}: {variance}, not {expected}");
        assert!(mean.abs() < 5.0 * (expected / 200_000.0).sqrt(), "{initialiser:?}: mean {mean}");
    }
}

#[test]
fn uniform_values_stay_inside_their_bounds() {
    let value = initial_value::<f64>(Initialiser::Uniform { low: 2.0, high: 3.0 }, 1, "w", [10_000].into());
    assert!(value.data().iter().all(|v| (2.0..3.0).contains(v)));
    let bound = (3.0f64 / 100.0).sqrt();
    let value = initial_value::<f64>(Initialiser::KaimingUniform { gain: 1.0 }, 1, "w", [100, 100].into());
    assert!(value.data().iter().all(|v| v.abs() <= bound));
    assert!(value.data().iter().any(|v| v.abs() > 0.99 * bound));
}

#[test]
fn kernels_count_their_field() {
    assert_eq!(fans([3, 5, 5, 8].into()), (75.0, 200.0));
    assert_eq!(fans([784, 10].into()), (784.0, 10.0));
    assert_eq!(fans([10].into()), (1.0, 10.0));
    assert_eq!(fans([0, 10].into()), (1.0, 10.0));
}

/// Kaiming's scale with the gain of the activation keeps the second moment through a deep network.
#[test]
fn signals_keep_their_size_through_depth() {
    for activation in [Activation::Relu, Activation::Tanh, Activation::Gelu, Activation::Sigmoid] {
        let widths = [256; 11];
        let model = Sequential::<f64>::mlp(&widths, activation);
        let graph = Graph::new();
        let x = graph.normal("x", [64, 256]);
        let y = model.forward(x, Mode::Train);
        let values = interpret(&[y], &[], Some(&initialise(&model, 5))).unwrap();
        let (_, variance) = moments(values[0].data());
        // Ten layers of width 256: the second moment fluctuates by about √(10 · 5/256) = 0.44 in its logarithm
        // for a rectifier. Without the gain a rectifier would leave 2⁻⁹ of it. Sigmoid saturates less than
        // its second moment says once means build up; it stays within the same band.
        assert!((0.2..5.0).contains(&variance), "{activation:?}: {variance}");
    }
}

#[test]
fn precisions_start_from_the_same_point() {
    let linear = Linear::new("l", 40, 30);
    let (narrow, wide) = (initialise::<f32>(&linear, 9), initialise::<f64>(&linear, 9));
    assert_eq!(narrow, wide.cast());
    assert_ne!(wide, initialise(&linear, 10), "the seed matters");
}

#[test]
fn each_parameter_has_a_stream_of_its_own() {
    let kaiming = Initialiser::Kaiming { gain: 1.0 };
    let draw = |name| initial_value::<f64>(kaiming, 3, name, [4, 4].into());
    assert_eq!(draw("a"), draw("a"));
    assert_ne!(draw("a"), draw("b"));
    // Nor is it the stream of a random node of that name, such as a dropout mask's.
    let graph = Graph::<f64>::new();
    let node = graph.normal("a", [4, 4]);
    let empty = Parameters::new();
    let interpreter = Interpreter { parameters: &empty, draw: Draw { seed: 3, run: 0 } };
    let drawn = interpreter.run(&graph, &[node.id()], &[]).unwrap().get(node).clone();
    assert_ne!(drawn.data()[0], draw("a").data()[0] * 2.0, "deviation 1/2");
}

/// Twelve vectors so close to dependent (Hilbert's matrix, condition 1e16) that one pass would leave products of
/// order one between them.
#[test]
fn nearly_dependent_vectors_are_made_orthogonal_too() {
    let n = 12;
    let hilbert: Vec<f64> = (0..n * n).map(|i| 1.0 / (i / n + i % n + 1) as f64).collect();
    assert!(departure(&orthogonal::orthonormal(hilbert, n, n), n, n) < 100.0 * f64::EPSILON);
}

/// The largest entry of `QᵀQ - I` over columns, or of `QQᵀ - I` over rows if there are fewer.
fn departure(q: &[f64], rows: usize, columns: usize) -> f64 {
    let by_rows = rows < columns;
    let (count, length) = if by_rows { (rows, columns) } else { (columns, rows) };
    let at =
        |vector: usize, i: usize| if by_rows { q[vector * columns + i] } else { q[i * columns + vector] };
    let mut worst = 0.0f64;
    for a in 0..count {
        for b in 0..=a {
            let product: f64 = (0..length).map(|i| at(a, i) * at(b, i)).sum();
            worst = worst.max((product - (a == b) as u8 as f64).abs());
        }
    }
    worst
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(32) })]

    #[test]
    fn orthogonal_matrices_are_orthogonal(rows in 0usize..40, columns in 0usize..40, seed: u64) {
        let initialiser = Initialiser::Orthogonal { gain: 1.0 };
        let shape = Shape::from([rows, columns]);
        let wide = initial_value::<f64>(initialiser, seed, "w", shape);
        // Gram-Schmidt twice leaves a small multiple of the unit roundoff, 40 products add up to 40 of it.
        prop_assert!(departure(wide.data(), rows, columns) < 100.0 * f64::EPSILON);
        let narrow = initial_value::<f32>(initialiser, seed, "w", shape);
        let narrow: Vec<f64> = narrow.data().iter().map(|&v| v as f64).collect();
        // Rounding each entry of two unit vectors moves their product by at most twice half an ulp of 1.
        prop_assert!(departure(&narrow, rows, columns) <= f32::EPSILON as f64);
    }
}

#[test]
fn orthogonal_matrices_preserve_lengths_in_every_layer() {
    let initialiser = Initialiser::Orthogonal { gain: 2.0 };
    let model = Sequential::<f64>::new()
        .then(Linear::new("a", 20, 20).with_initialiser(initialiser))
        .then(Linear::new("b", 20, 20).with_initialiser(initialiser));
    let graph = Graph::new();
    let x = graph.input("x", [1, 20]);
    let y = model.forward(x, Mode::Train);
    let feed = Tensor::from_fn([1, 20], |i| i as f64);
    let y = interpret(&[y], &[("x", Feed::from(&feed))], Some(&initialise(&model, 2))).unwrap().remove(0);
    let length = |t: &Tensor<f64>| t.data().iter().map(|v| v * v).sum::<f64>().sqrt();
    assert!((length(&y) / length(&feed) - 4.0).abs() < 1e-13);
}

/// Uniform among orthogonal matrices: the first entry of a 2×2 rotation or reflection is cos of a uniform
/// angle, half of them are reflections. Without the positive diagonal of R neither would hold.
#[test]
fn orthogonal_matrices_are_uniform() {
    let draws = 4000;
    let (mut reflections, mut positive, mut steep) = (0, 0, 0);
    for seed in 0..draws {
        let q = initial_value::<f64>(Initialiser::Orthogonal { gain: 1.0 }, seed, "w", [2, 2].into());
        let q = q.data();
        reflections += (q[0] * q[3] - q[1] * q[2] < 0.0) as u32;
        positive += (q[0] > 0.0) as u32;
        steep += (q[0].abs() < 0.5) as u32;
    }
    // Five deviations of a binomial: 5 √(p (1 - p) / 4000), at most 0.04. P(|cos| < 1/2) = 1/3.
    let share = |count: u32| count as f64 / draws as f64;
    assert!((share(reflections) - 0.5).abs() < 0.04);
    assert!((share(positive) - 0.5).abs() < 0.04);
    assert!((share(steep) - 1.0 / 3.0).abs() < 0.04);
}
