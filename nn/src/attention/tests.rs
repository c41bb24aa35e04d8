//! Attention against loops, and what its masks promise.

use super::*;
use crate::layer::{Layer, Mode};
use crate::layers::{Activation, Linear};
use crate::parameter::ParameterSpec;
use autograd::{Feed, Graph, Parameters, Shape, Tensor, Var, grad, interpret};
use proptest::prelude::*;

/// Values that look random and are of size 1.
fn values(shape: impl Into<Shape>, seed: usize) -> Tensor<f64> {
    Tensor::from_fn(shape, |i| ((i * 7919 + seed * 104_729) % 1013) as f64 / 506.0 - 1.0)
}

fn parameters(specs: &[ParameterSpec]) -> Parameters<f64> {
    specs.iter().enumerate().map(|(i, spec)| (&*spec.name, values(spec.shape, i + 1))).collect()
}

/// Sums of some dozen terms of size 1, in another order; two products deep.
const TOLERANCE: f64 = 1e-12;

#[track_caller]
fn assert_close(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= TOLERANCE, "{found}, expected {expected}");
    }
}

/// Output `[n, time, width]` and weights `[n, heads, time, time]` for sequences of the given lengths.
fn attend(
    layer: &MultiHeadAttention,
    p: &Parameters<f64>,
    x: &Tensor<f64>,
    lengths: Option<&Tensor<u32>>,
) -> [Tensor<f64>; 2] {
    let graph = Graph::new();
    let input = graph.input("x", x.shape());
    let index = lengths.map(|lengths| graph.indices("lengths", lengths.shape()));
    let seen = layer.attend(input, index);
    let mut feeds = vec![("x", Feed::from(x))];
    feeds.extend(lengths.map(|lengths| ("lengths", Feed::from(lengths))));
    let found = interpret(&[seen.output, seen.weights], &feeds, Some(p)).unwrap();
    found.try_into().unwrap()
}

/// Attention of one sequence, number by number: `x [time][width]`, the first `length` steps of it visible.
fn by_hand(
    p: &Parameters<f64>,
    x: &[Vec<f64>],
    heads: usize,
    causal: bool,
) -> (Vec<Vec<f64>>, Vec<Vec<Vec<f64>>>) {
    let width = p["a.output_bias"].data().len();
    let d = width / heads;
    let project = |row: &[f64], column: usize| {
        let product: f64 = (0..width).map(|i| row[i] * p["a.input_weight"][[i, column]]).sum();
        product + p["a.input_bias"][[column]]
    };
    let mut joined = vec![vec![0.0; width]; x.len()];
    let mut weights = vec![vec![vec![0.0; x.len()]; x.len()]; heads];
    for (head, weights) in weights.iter_mut().enumerate() {
        for (t, weights) in weights.iter_mut().enumerate() {
            let visible = if causal { t + 1 } else { x.len() };
            let logit = |s: usize| {
                let product = |j| project(&x[t], head * d + j) * project(&x[s], width + head * d + j);
                (0..d).map(product).sum::<f64>() / (d as f64).sqrt()
            };
            let exponentials: Vec<f64> = (0..visible).map(|s| logit(s).exp()).collect();
            let total: f64 = exponentials.iter().sum();
            for (s, e) in exponentials.iter().enumerate() {
                weights[s] = e / total;
                for j in 0..d {
                    joined[t][head * d + j] += weights[s] * project(&x[s], 2 * width + head * d + j);
                }
            }
        }
    }
    let output = |row: &Vec<f64>| {
        let unit = |o| {
            (0..width).map(|i| row[i] * p["a.output_weight"][[i, o]]).sum::<f64>() + p["a.output_bias"][[o]]
        };
        (0..width).map(unit).collect()
    };
    (joined.iter().map(output).collect(), weights)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(24) })]

    /// Padded sequences in a batch against each alone; NaN in the padding.
    #[test]
    fn heads_are_their_loops(
        lengths in prop::collection::vec(1usize..6, 1..4), heads in 1usize..4, d in 1usize..4, causal: bool,
        masked: bool,
    ) {
        let (n, time, width) = (lengths.len(), 5, heads * d);
        let lengths: Vec<usize> = if masked { lengths } else { vec![time; n] };
        let layer = MultiHeadAttention::new("a", width, heads);
        let layer = if causal { layer.causal() } else { layer };
        let p = parameters(&Layer::<f64>::parameters(&layer));
        let clean = values([n, time, width], 9);
        let x = Tensor::from_fn([n, time, width], |i| {
            if i / width % time < lengths[i / width / time] { clean.data()[i] } else { f64::NAN }
        });
        let index = Tensor::new([n], lengths.iter().map(|&length| length as u32).collect());
        let [output, weights] = attend(&layer, &p, &x, masked.then_some(&index));
        for (example, &length) in lengths.iter().enumerate() {
            let rows: Vec<Vec<f64>> =
                (0..length).map(|t| (0..width).map(|i| x[[example, t, i]]).collect()).collect();
            let (expected, expected_weights) = by_hand(&p, &rows, heads, causal);
            for t in 0..length {
                let found: Vec<f64> = (0..width).map(|i| output[[example, t, i]]).collect();
                assert_close(&found, &expected[t]);
                for head in 0..heads {
                    let found: Vec<f64> = (0..time).map(|s| weights[[example, head, t, s]]).collect();
                    assert_close(&found[..length], &expected_weights[head][t]);
                    prop_assert!(found[length..].iter().all(|&w| w == 0.0), "the padding is seen");
                }
            }
        }
    }

    /// Without mask and positions, steps in another order give the same results in that order.
    #[test]
    fn without_a_mask_order_does_not_matter(order in Just(vec![0usize, 1, 2, 3, 4]).prop_shuffle()) {
        let layer = MultiHeadAttention::new("a", 6, 2);
        let p = parameters(&Layer::<f64>::parameters(&layer));
        let x = values([1, 5, 6], 2);
        let permuted = x.clone().reshape([5, 6]).rows(&order).reshape([1, 5, 6]);
        let [y, _] = attend(&layer, &p, &x, None);
        let [y_permuted, _] = attend(&layer, &p, &permuted, None);
        assert_close(y_permuted.data(), y.reshape([5, 6]).rows(&order).data());
        if order != [0, 1, 2, 3, 4] {
            let [y, _] = attend(&layer.clone().causal(), &p, &x, None);
            let [y_permuted, _] = attend(&layer.causal(), &p, &permuted, None);
            let reordered = y.reshape([5, 6]).rows(&order);
            prop_assert_ne!(y_permuted.data(), reordered.data(), "a causal mask knows the order");
        }
    }
}

#[test]
fn nothing_reaches_back_in_time() {
    let layer = MultiHeadAttention::new("a", 4, 2).causal();
    let p = parameters(&Layer::<f64>::parameters(&layer));
    let graph = Graph::<f64>::new();
    let x = graph.input("x", [1, 4, 4]);
    let y = layer.forward(x, Mode::Train);
    let slopes: Vec<_> = (0..4).map(|t| grad(y.slice(1, t, t + 1).sum(), &[x])[0]).collect();
    let found = interpret(&slopes, &[("x", Feed::from(&values([1, 4, 4], 3)))], Some(&p)).unwrap();
    for (t, slope) in found.iter().enumerate() {
        assert!(
            slope.data()[..4 * (t + 1)].iter().all(|&g| g != 0.0),
            "step {t} sees the steps up to itself"
        );
        assert!(slope.data()[4 * (t + 1)..].iter().all(|&g| g == 0.0), "step {t} sees no later one");
    }
}

#[test]
fn a_query_that_sees_nothing_gets_zeros() {
    let graph = Graph::<f64>::new();
    let (q, k, v) = (graph.input("q", [2, 3]), graph.input("k", [4, 3]), graph.input("v", [4, 2]));
    let mask = graph.constant(Tensor::new([2, 4], vec![0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0]));
    let seen = scaled_dot_product(q, k, v, Some(mask));
    let slopes = grad(seen.output.powi(2).sum() + seen.output.sum(), &[q, k, v]);
    let (fed_q, fed_k, fed_v) = (values([2, 3], 1), values([4, 3], 2), values([4, 2], 3));
    let feeds = [("q", Feed::from(&fed_q)), ("k", Feed::from(&fed_k)), ("v", Feed::from(&fed_v))];
    let asked = [seen.output, seen.weights, slopes[0], slopes[1], slopes[2]];
    let found = interpret(&asked, &feeds, None).unwrap();
    assert!(found.iter().all(|value| value.first_non_finite().is_none()));
    assert_eq!(found[0].data()[..2], [0.0, 0.0]);
    assert_eq!(found[1].data()[..4], [0.0; 4]);
    assert_eq!((found[1].data()[5], found[1].data()[7]), (0.0, 0.0));
    assert_eq!(found[2].data()[..3], [0.0; 3], "no gradient of the query that sees nothing");
    assert_eq!(found[4].data()[2..4], [0.0; 2], "no gradient of a value that nobody sees");
}

#[test]
fn a_sequence_of_length_zero_is_no_trouble() {
    let layer = MultiHeadAttention::new("a", 4, 2);
    let p = parameters(&Layer::<f64>::parameters(&layer));
    let [output, weights] = attend(&layer, &p, &values([1, 3, 4], 1), Some(&Tensor::new([1], vec![0])));
    assert!(weights.data().iter().all(|&w| w == 0.0));
    assert_eq!(output.data(), p["a.output_bias"].data().repeat(3));
}

#[test]
fn a_block_is_its_parts_beside_shortcuts() {
    let attention = || MultiHeadAttention::new("a", 4, 2);
    let network = || Linear::new("network", 4, 4);
    // Any layers of that shape can stand where the normalisations stand.
    let norms = || (Linear::new("first", 4, 4), Activation::Tanh);
    let graph = Graph::<f64>::new();
    let x = graph.input("x", [2, 3, 4]);
    let run = |layer: &dyn Layer<f64>, x| layer.forward(x, Mode::Train);
    let (first, second) = norms();
    let h = x + run(&attention(), run(&first, x));
    let pre = h + run(&network(), run(&second, h));
    let h = run(&first, x + run(&attention(), x));
    let post = run(&second, h + run(&network(), h));
    let h = x + run(&attention(), x);
    let bare = h + run(&network(), h);
    let block = || TransformerBlock::new(attention(), network());
    let normalised = |place| block().normalised(place, norms().0, norms().1);
    let pairs = [(NormPlace::Pre, pre), (NormPlace::Post, post)].map(|(place, y)| (normalised(place), y));
    let mut asked = Vec::new();
    for (block, expected) in pairs.iter().map(|(b, y)| (b, *y)).chain([(&block(), bare)]) {
        asked.extend([run(block, x), expected]);
    }
    let p = parameters(&pairs[0].0.parameters());
    let found = interpret(&asked, &[("x", Feed::from(&values([2, 3, 4], 1)))], Some(&p)).unwrap();
    found.chunks(2).for_each(|pair| assert_eq!(pair[0], pair[1]));
    assert_ne!(found[0], found[2]);
    assert_eq!(pairs[0].0.parameters().len(), 4 + 2 + 2);
    let narrow = TransformerBlock::<f64>::new(attention(), Linear::new("network", 4, 3));
    assert_eq!(
        narrow.output_shape([2, 3, 4].into()).unwrap_err().to_string(),
        "the shortcut of a transformer block takes a network that gives [2, 3, 4], not [2, 3, 3]"
    );
}

#[test]
fn positions_are_added() {
    let graph = Graph::<f64>::new();
    let x = graph.input("x", [2, 3, 4]);
    let run = |layer: &dyn Layer<f64>, p: &Parameters<f64>| {
        let y = layer.forward(x, Mode::Train) - x;
        interpret(&[y], &[("x", Feed::from(&Tensor::<f64>::zeros([2, 3, 4])))], Some(p)).unwrap().remove(0)
    };
    let learned = LearnedPositions::new("p", 5, 4);
    let p = parameters(&Layer::<f64>::parameters(&learned));
    assert_eq!(run(&learned, &p).data(), p["p.position"].data()[..12].repeat(2));
    let code = run(&SinusoidalPositions, &p);
    assert_eq!(code.data(), sinusoidal_encoding::<f64>(3, 4).data().repeat(2));
    // Two pairs, with wave lengths 2π and 2π · 10000^(1/2).
    assert_eq!(code.data()[8..12], [2f64.sin(), 2f64.cos(), 0.02f64.sin(), 0.02f64.cos()]);
    // A width that is odd ends with a sine.
    assert_eq!(
        sinusoidal_encoding::<f64>(2, 3).data()[3..],
        [1f64.sin(), 1f64.cos(), (10000f64.powf(-2.0 / 3.0)).sin()]
    );
}

/// A shift by one step is one rotation, whatever the position.
#[test]
fn a_shift_is_a_linear_map_of_the_code() {
    let code = sinusoidal_encoding::<f64>(40, 6);
    for pair in 0..3 {
        let (sin, cos) = 10000f64.powf(-(pair as f64) / 3.0).sin_cos();
        for t in 0..39 {
            let (s, c) = (code[[t, 2 * pair]], code[[t, 2 * pair + 1]]);
            // Angles up to 40, each rounded: 40 units in the last place of 1.
            assert!((code[[t + 1, 2 * pair]] - (s * cos + c * sin)).abs() < 1e-14);
            assert!((code[[t + 1, 2 * pair + 1]] - (c * cos - s * sin)).abs() < 1e-14);
        }
    }
}

fn panic_text(work: impl FnOnce() + std::panic::UnwindSafe) -> String {
    *std::panic::catch_unwind(work).expect_err("it is refused").downcast::<String>().expect("a text")
}

#[test]
fn what_does_not_fit_is_refused() {
    assert_eq!(
        panic_text(|| _ = MultiHeadAttention::new("a", 10, 4)),
        "the attention `a`: 4 heads do not divide a width of 10"
    );
    let layer = || MultiHeadAttention::new("a", 4, 2);
    let text = "the attention `a` takes [n, time, 4], not [2, 3, 5]";
    assert_eq!(Layer::<f32>::output_shape(&layer(), [2, 3, 5].into()).unwrap_err().to_string(), text);
    assert_eq!(
        panic_text(|| {
            let graph = Graph::<f32>::new();
            layer().attend(graph.input("x", [2, 3, 5]), None);
        }),
        text
    );
    assert_eq!(
        panic_text(|| {
            let graph = Graph::<f32>::new();
            let x: Var<'_, f32> = graph.input("x", [2, 3]);
            scaled_dot_product(x, x, x, Some(graph.input("mask", [2, 3])));
        }),
        "scaled_dot_product: a mask of shape [2, 3] for weights of shape [2, 2]"
    );
    assert_eq!(
        panic_text(|| {
            let graph = Graph::<f32>::new();
            SinusoidalPositions.forward(graph.input("x", [2, 3]), Mode::Train);
        }),
        "the code of positions takes [n, time, width], not [2, 3]"
    );
}
