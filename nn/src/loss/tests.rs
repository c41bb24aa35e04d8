use super::*;
use autograd::{Feed, Graph, Tensor, grad, interpret};

/// A loss over logits `x` and targets `t` of one shape: its values, its sum's slope in `x`.
fn evaluate<T: Real>(
    loss: for<'g> fn(Var<'g, T>, Var<'g, T>, Reduction) -> Var<'g, T>,
    x: &[f64],
    t: &[f64],
) -> (Vec<f64>, Vec<f64>) {
    let graph = Graph::<T>::new();
    let shape = [x.len()];
    let (xs, ts) = (graph.input("x", shape), graph.input("t", shape));
    let each = loss(xs, ts, Reduction::Each);
    let slope = grad(loss(xs, ts, Reduction::Sum), &[xs])[0];
    let tensor = |v: &[f64]| Tensor::new(shape, v.iter().map(|&v| T::from_f64(v)).collect());
    let (x, t) = (tensor(x), tensor(t));
    let found = interpret(&[each, slope], &[("x", Feed::from(&x)), ("t", Feed::from(&t))], None).unwrap();
    let widen = |t: &Tensor<T>| t.data().iter().map(|v| v.to_f64()).collect();
    (widen(&found[0]), widen(&found[1]))
}

#[test]
fn binary_cross_entropy_is_stable_far_out() {
    let x = [-1e4, -30.0, -1.0, 0.0, 1.0, 30.0, 1e4];
    for t in [0.0, 0.3, 1.0] {
        let (values, slopes) = evaluate::<f32>(binary_cross_entropy, &x, &[t; 7]);
        for ((&x, value), slope) in x.iter().zip(values).zip(slopes) {
            // In f64, with the standard library: ζ(x) = max(x, 0) + ln1p(e^-|x|).
            let zeta = |x: f64| x.max(0.0) + (-x.abs()).exp().ln_1p();
            let t = t as f32 as f64;
            let expected = t * zeta(-x) + (1.0 - t) * zeta(x);
            // Roundings of two terms, each of the size of the larger of |x| and 1.
            let tolerance = 4.0 * f32::EPSILON as f64 * x.abs().max(1.0);
            assert!((value - expected).abs() <= tolerance, "x = {x}, t = {t}: {value}, not {expected}");
            let sigmoid = 1.0 / (1.0 + (-x).exp());
            assert!((slope - (sigmoid - t)).abs() <= 4.0 * f32::EPSILON as f64, "slope at {x}, {t}: {slope}");
        }
    }
}

#[test]
fn a_confident_right_answer_still_has_a_precise_gradient() {
    let (_, slopes) = evaluate::<f32>(binary_cross_entropy, &[20.0, -20.0], &[1.0, 0.0]);
    // σ(20) - 1 = -2.06e-9, which 1 - 1 in f32 would lose entirely.
    let expected = 1.0 / (1.0 + 20f64.exp());
    assert!((slopes[0] / -expected - 1.0).abs() < 1e-5, "{slopes:?}");
    assert!((slopes[1] / expected - 1.0).abs() < 1e-5, "{slopes:?}");
}

#[test]
fn squared_errors_and_reductions() {
    let (values, slopes) = evaluate::<f64>(squared_error, &[1.0, 2.0, -1.0], &[0.0, 4.0, -1.0]);
    assert_eq!(values, [1.0, 4.0, 0.0]);
    assert_eq!(slopes, [2.0, -4.0, 0.0]);
    let graph = Graph::<f64>::new();
    let each = graph.constant(Tensor::new([2, 2], vec![1.0, 2.0, 3.0, 6.0]));
    let reduced = [Reduction::Mean, Reduction::Sum].map(|r| r.of(each));
    let found = interpret(&reduced, &[], None).unwrap();
    assert_eq!(found.iter().map(Tensor::item).collect::<Vec<_>>(), [3.0, 12.0]);
    assert_eq!(Reduction::Each.of(each).id(), each.id());
}

/// Labels as one-hot distributions give the same loss; two classes with logits (0, x) are the binary loss.
#[test]
fn the_cross_entropies_agree_where_they_overlap() {
    let graph = Graph::<f64>::new();
    let logits = graph.constant(Tensor::new([3, 2], vec![0.0, 1.5, 0.0, -40.0, 0.0, 700.0]));
    let labels = graph.index_constant(Tensor::new([3], vec![1, 0, 0]));
    let x = graph.constant(Tensor::new([3], vec![1.5, -40.0, 700.0]));
    let t = graph.constant(Tensor::new([3], vec![1.0, 0.0, 0.0]));
    let each = [
        cross_entropy(logits, labels, Reduction::Each),
        soft_cross_entropy(logits, labels.one_hot(2), Reduction::Each),
        binary_cross_entropy(x, t, Reduction::Each),
    ];
    let found = interpret(&each, &[], None).unwrap();
    for other in &found[1..] {
        for (a, b) in found[0].data().iter().zip(other.data()) {
            // Three roundings of numbers up to 700.
            assert!((a - b).abs() <= 4.0 * f64::EPSILON * b.max(1.0), "{a} and {b}");
        }
    }
}

#[test]
fn errors_are_counted() {
    let graph = Graph::<f32>::new();
    let logits = graph.constant(Tensor::new([3, 2], vec![1.0, 2.0, 5.0, 1.0, 3.0, 3.0]));
    for (labels, expected) in [([1, 0, 0], 0.0), ([0, 0, 1], 2.0), ([0, 1, 1], 3.0)] {
        let labels = graph.index_constant(Tensor::new([3], labels.to_vec()));
        let count = error_count(logits, labels);
        assert_eq!(interpret(&[count], &[], None).unwrap()[0].item(), expected);
    }
}

#[test]
#[should_panic(
    expected = "squared_error: the prediction (`p`) of shape [3, 1] and the target (`t`) of shape [3] must have one shape"
)]
fn targets_are_not_stretched() {
    let graph = Graph::<f32>::new();
    squared_error(graph.input("p", [3, 1]), graph.input("t", [3]), Reduction::Mean);
}

#[test]
#[should_panic(expected = "error_count: logits of shape [3, 2] need labels of shape [3], not [2]")]
fn error_counts_need_one_label_each() {
    let graph = Graph::<f32>::new();
    error_count(graph.input("logits", [3, 2]), graph.indices("labels", [2]));
}
