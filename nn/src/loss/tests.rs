//! Values and slopes against closed forms in `f64`, written with plain loops.

use super::*;
use autograd::{Feed, Graph, Tensor, grad, interpret};

/// A loss over logits `x` and targets `t` of one shape: its values, its sum's slope in `x`.
fn evaluate<T: Real>(
    loss: impl for<'g> Fn(Var<'g, T>, Var<'g, T>, Reduction) -> Var<'g, T>,
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

/// A loss of logits and labels: its values, its sum's slope in the logits.
fn of_classes<T: Real>(
    loss: impl for<'g> Fn(Var<'g, T>, IndexVar<'g, T>, Reduction) -> Var<'g, T>,
    rows: &[[f64; 3]],
    labels: &[u32],
) -> (Vec<f64>, Vec<f64>) {
    let graph = Graph::<T>::new();
    let z = rows.as_flattened();
    let z = graph.constant(Tensor::new([rows.len(), 3], z.iter().map(|&z| T::from_f64(z)).collect()));
    let labels = graph.index_constant(Tensor::new([labels.len()], labels.to_vec()));
    let slope = grad(loss(z, labels, Reduction::Sum), &[z])[0];
    let found = interpret(&[loss(z, labels, Reduction::Each), slope], &[], None).unwrap();
    let widen = |t: &Tensor<T>| t.data().iter().map(|v| v.to_f64()).collect();
    (widen(&found[0]), widen(&found[1]))
}

/// Logits near each other, far apart, and as far as single precision is asked to go.
const ROWS: [[f64; 3]; 6] = [
    [0.5, -1.0, 2.0],
    [0.25, 0.25, -3.0],
    [1e4, -1e4, 0.0],
    [-1e4, 1e4, 1e4],
    [1e4, 1e4, 1e4],
    [-1e4, -1e4, 3.0],
];
const LABELS: [u32; 6] = [2, 0, 0, 0, 1, 1];

/// The softmax, its logarithm and one minus it, the last without a difference.
fn probabilities(z: [f64; 3]) -> ([f64; 3], [f64; 3], [f64; 3]) {
    let top = z.iter().copied().fold(f64::MIN, f64::max);
    let terms = z.map(|z| (z - top).exp());
    let total: f64 = terms.iter().sum();
    let rest = [0, 1, 2].map(|k| (0..3).filter(|&j| j != k).map(|j| terms[j]).sum::<f64>() / total);
    (terms.map(|t| t / total), z.map(|z| z - top - total.ln()), rest)
}

/// Holds a loss in both precisions to a closed form: (logits, label) to value and slope.
#[track_caller]
fn assert_closed_form(
    double: impl for<'g> Fn(Var<'g, f64>, IndexVar<'g, f64>, Reduction) -> Var<'g, f64>,
    single: impl for<'g> Fn(Var<'g, f32>, IndexVar<'g, f32>, Reduction) -> Var<'g, f32>,
    closed: impl Fn([f64; 3], usize) -> (f64, [f64; 3]),
) {
    let found = [
        (f64::EPSILON, of_classes(double, &ROWS, &LABELS)),
        (f32::EPSILON.into(), of_classes(single, &ROWS, &LABELS)),
    ];
    for (epsilon, (values, slopes)) in found {
        for (i, (&z, &label)) in ROWS.iter().zip(&LABELS).enumerate() {
            let (value, slope) = closed(z, label as usize);
            // logsumexp is rounded to its own size, and its exponential inherits that as a relative error. A
            // squared loss has a factor of twice its root.
            let largest = z.iter().fold(value.sqrt().max(1.0), |m, z| m.max(z.abs()));
            let tolerance = 8.0 * epsilon * largest * value.sqrt().max(1.0);
            assert!((values[i] - value).abs() <= tolerance, "{z:?}: {}, not {value}", values[i]);
            for (found, slope) in slopes[3 * i..].iter().zip(slope) {
                let tolerance = 8.0 * epsilon * largest * slope.abs().max(1.0);
                assert!((found - slope).abs() <= tolerance, "{z:?}: slope {found}, not {slope}");
            }
        }
    }
}

#[test]
fn cross_entropies_have_their_closed_forms() {
    let hot = |label: usize, k: usize| f64::from(u8::from(k == label));
    let entropy = |z: [f64; 3], target: [f64; 3]| {
        let (p, ln_p, _) = probabilities(z);
        let value = -(0..3).map(|k| target[k] * ln_p[k]).sum::<f64>();
        (value, [0, 1, 2].map(|k| p[k] - target[k]))
    };
    assert_closed_form(cross_entropy, cross_entropy, |z, label| entropy(z, [0, 1, 2].map(|k| hot(label, k))));
    assert_closed_form(
        |z, l, r| smoothed_cross_entropy(z, l, 0.3, r),
        |z, l, r| smoothed_cross_entropy(z, l, 0.3, r),
        |z, label| entropy(z, [0, 1, 2].map(|k| 0.7 * hot(label, k) + 0.1)),
    );
    let weights = [2.0, 0.5, 0.0];
    assert_closed_form(
        |z, l, r| weighted_cross_entropy(z, l, &weights, r),
        |z, l, r| weighted_cross_entropy(z, l, &weights, r),
        |z, label| {
            let (value, slope) = entropy(z, [0, 1, 2].map(|k| hot(label, k)));
            (weights[label] * value, slope.map(|s| weights[label] * s))
        },
    );
}

#[test]
fn focal_is_the_papers_equation_4() {
    let closed = |gamma: i32| {
        move |z: [f64; 3], label: usize| {
            let (p, ln_p, rest) = probabilities(z);
            let (missing, log) = (rest[label], ln_p[label]);
            let value = missing.powi(gamma) * -log;
            // d/d(ln p), and d(ln p)/dz = one-hot - softmax.
            let inner =
                if gamma == 0 { 0.0 } else { f64::from(gamma) * missing.powi(gamma - 1) * p[label] * log };
            let by_log = inner - missing.powi(gamma);
            (value, [0, 1, 2].map(|k| by_log * if k == label { missing } else { -p[k] }))
        }
    };
    for gamma in [0, 1, 2] {
        let exponent = f64::from(gamma);
        assert_closed_form(
            |z, l, r| focal(z, l, exponent, r),
            |z, l, r| focal(z, l, exponent, r),
            closed(gamma),
        );
    }
    // A single class is always right.
    let graph = Graph::<f32>::new();
    let z = graph.constant(Tensor::new([1, 1], vec![3.0]));
    let loss = focal(z, graph.index_constant(Tensor::new([1], vec![0])), 2.0, Reduction::Sum);
    let found = interpret(&[loss, grad(loss, &[z])[0]], &[], None).unwrap();
    assert_eq!((found[0].item(), found[1].data()), (0.0, &[0.0f32][..]));
}

/// Powers that are no integers have infinite derivatives at 0; the loss has none.
#[test]
fn focal_is_smooth_where_the_answer_is_certain() {
    let (values, slopes) = of_classes::<f32>(|z, l, r| focal(z, l, 0.5, r), &ROWS, &LABELS);
    assert!(values.iter().chain(&slopes).all(|v| v.is_finite()), "{values:?} {slopes:?}");
    assert_eq!((values[2], &slopes[6..9]), (0.0, &[0.0; 3][..]));
}

#[test]
fn binary_focal_is_focal_of_two_classes() {
    let x = [-1e4, -3.0, 0.0, 0.5, 40.0, 1e4];
    for (t, alpha_t) in [(1.0, 0.25), (0.0, 0.75)] {
        let (values, slopes) = evaluate::<f32>(|x, t, r| binary_focal(x, t, 2.0, Some(0.25), r), &x, &[t; 6]);
        for (i, x) in x.into_iter().enumerate() {
            let against = if t == 1.0 { -x } else { x };
            let (p, wrong) = (1.0 / (1.0 + against.exp()), 1.0 / (1.0 + (-against).exp()));
            let log = -(against.max(0.0) + (-against.abs()).exp().ln_1p());
            let value = alpha_t * wrong * wrong * -log;
            let slope = alpha_t
                * wrong
                * (2.0 * wrong * p * -log + wrong * wrong)
                * if t == 1.0 { -1.0 } else { 1.0 };
            // One rounding each of factors of order |x|.
            let tolerance = 8.0 * f64::from(f32::EPSILON) * x.abs().max(1.0);
            assert!((values[i] - value).abs() <= tolerance, "{x}: {}, not {value}", values[i]);
            assert!((slopes[i] - slope).abs() <= tolerance, "{x}: slope {}, not {slope}", slopes[i]);
        }
    }
    let plain = evaluate::<f64>(binary_cross_entropy, &x, &[0.3; 6]);
    assert_eq!(evaluate::<f64>(|x, t, r| binary_focal(x, t, 0.0, None, r), &x, &[0.3; 6]), plain);
}

#[test]
fn multi_class_hinges_have_their_closed_forms() {
    let crammer = |z: [f64; 3], label: usize| {
        let others = [0, 1, 2].map(|k| if k == label { f64::MIN } else { z[k] });
        let top = others.iter().copied().fold(f64::MIN, f64::max);
        let ties = others.iter().filter(|&&o| o == top).count() as f64;
        let missing = 1.0 + top - z[label];
        let share = others.map(|o| if o == top { 1.0 / ties } else { 0.0 });
        let slope = [0, 1, 2].map(|k| if k == label { -1.0 } else { share[k] });
        if missing > 0.0 { (missing, slope) } else { (0.0, [0.0; 3]) }
    };
    assert_closed_form(
        |z, l, r| crammer_singer(z, l, Shortfall::Linear, r),
        |z, l, r| crammer_singer(z, l, Shortfall::Linear, r),
        crammer,
    );
    let squared = |z: [f64; 3], label: usize| {
        let (value, slope) = crammer(z, label);
        (value * value, slope.map(|s| 2.0 * value * s))
    };
    assert_closed_form(
        |z, l, r| crammer_singer(z, l, Shortfall::Squared, r),
        |z, l, r| crammer_singer(z, l, Shortfall::Squared, r),
        squared,
    );
    let weston = |square: bool| {
        move |z: [f64; 3], label: usize| {
            let (mut value, mut slope) = (0.0, [0.0; 3]);
            for k in (0..3).filter(|&k| k != label) {
                let missing = (1.0 + z[k] - z[label]).max(0.0);
                let by = if square { 2.0 * missing } else { f64::from(u8::from(missing > 0.0)) };
                value += if square { missing * missing } else { missing };
                slope[k] += by;
                slope[label] -= by;
            }
            (value, slope)
        }
    };
    for (shortfall, square) in [(Shortfall::Linear, false), (Shortfall::Squared, true)] {
        assert_closed_form(
            |z, l, r| weston_watkins(z, l, shortfall, r),
            |z, l, r| weston_watkins(z, l, shortfall, r),
            weston(square),
        );
    }
    let (values, slopes) = evaluate::<f32>(
        |x, t, r| hinge(x, t, Shortfall::Linear, r),
        &[-1e4, 0.5, 1.0, 0.5, 1e4],
        &[1.0, 1.0, 1.0, -1.0, 1.0],
    );
    assert_eq!(values, [10001.0, 0.5, 0.0, 1.5, 0.0]);
    assert_eq!(slopes, [-1.0, -1.0, 0.0, 1.0, 0.0], "at the kink, where x = t, the slope is 0");
}

#[test]
fn robust_losses_of_residuals() {
    let x = [-1e4, -2.0, -0.5, 0.0, 0.25, 2.0, 1e4];
    let (values, slopes) = evaluate::<f32>(absolute_error, &x, &[0.0; 7]);
    assert_eq!(values, x.map(f64::abs));
    assert_eq!(slopes, [-1.0, -1.0, -1.0, 0.0, 1.0, 1.0, 1.0]);
    let (values, slopes) = evaluate::<f32>(|p, t, r| huber(p, t, 2.0, r), &x, &[0.0; 7]);
    // r²/2 up to 2, also at 2 itself, then 2|r| - 2.
    assert_eq!(values, [19998.0, 2.0, 0.125, 0.0, 0.03125, 2.0, 19998.0]);
    assert_eq!(slopes, [-2.0, -2.0, -0.5, 0.0, 0.25, 2.0, 2.0]);
}

/// The second derivative at the minimum is 1, not the 0 that a form with `|r|` gives.
#[test]
fn huber_is_curved_at_its_minimum() {
    let graph = Graph::<f64>::new();
    let x = graph.input("x", [1]);
    let loss = huber(x, x.like(0.0), 1.0, Reduction::Sum);
    let curvature = grad(grad(loss, &[x])[0].sum(), &[x])[0];
    let at = Tensor::new([1], vec![0.0]);
    assert_eq!(interpret(&[curvature], &[("x", Feed::from(&at))], None).unwrap()[0].data(), [1.0]);
}

#[test]
fn divergences_are_zero_of_equals_and_never_nan() {
    let graph = Graph::<f64>::new();
    let row = |values: [f64; 3]| graph.constant(Tensor::new([1, 3], values.to_vec()));
    let p = [0.5, 0.5, 0.0];
    let q = [0.25, 0.75, 0.0];
    let (log_q, target) = (row(q.map(f64::ln)), row(p));
    let log_target = row(p.map(f64::ln));
    let expected = 0.5 * (0.5f64 / 0.25).ln() + 0.5 * (0.5f64 / 0.75).ln();
    let (by_p, by_log) = (
        kl_divergence(log_q, target, Reduction::Sum),
        kl_divergence_of_logs(log_q, log_target, Reduction::Sum),
    );
    let slopes = [grad(by_p, &[log_q, target]), grad(by_log, &[log_q, log_target])].concat();
    let found = interpret(&[&[by_p, by_log], &slopes[..]].concat(), &[], None).unwrap();
    for value in &found[..2] {
        assert!((value.item() - expected).abs() < 1e-15, "{value:?}, not {expected}");
    }
    // -p in ln q; ln p + 1 - ln q in p, and p times that in ln p; 0 where p is 0.
    let by_target = |k: usize| 1.0 + (p[k] / q[k]).ln();
    let expected = [
        [-0.5, -0.5, 0.0],
        [by_target(0), by_target(1), 0.0],
        [-0.5, -0.5, 0.0],
        [0.5 * by_target(0), 0.5 * by_target(1), 0.0],
    ];
    for (found, expected) in found[2..].iter().zip(expected) {
        for (f, e) in found.data().iter().zip(expected) {
            assert!((f - e).abs() < 1e-15, "{found:?}, not {expected:?}");
        }
    }
    let same = kl_divergence_of_logs(
        row([1e4, -1e4, 0.0]).log_softmax(),
        row([1e4, -1e4, 0.0]).log_softmax(),
        Reduction::Sum,
    );
    assert_eq!(interpret(&[same], &[], None).unwrap()[0].item(), 0.0);
}

/// Logits of ±10⁴ on the side of the student, its slope `softmax - p`.
#[test]
fn divergences_of_far_logits() {
    let target = [0.2, 0.3, 0.5];
    for z in ROWS {
        let graph = Graph::<f32>::new();
        let tensor = |v: [f64; 3]| graph.constant(Tensor::new([1, 3], v.map(|v| v as f32).to_vec()));
        let (logits, p) = (tensor(z), tensor(target));
        let loss = kl_divergence(logits.log_softmax(), p, Reduction::Sum);
        let found = interpret(&[loss, grad(loss, &[logits])[0]], &[], None).unwrap();
        let (q, ln_q, _) = probabilities(z);
        let value: f64 = (0..3).map(|k| target[k] * (target[k].ln() - ln_q[k])).sum();
        let largest = z.iter().fold(1.0f64, |m, z| m.max(z.abs()));
        // As in `assert_closed_form`.
        let tolerance = 8.0 * f64::from(f32::EPSILON) * largest;
        assert!(
            (f64::from(found[0].item()) - value).abs() <= tolerance,
            "{z:?}: {:?}, not {value}",
            found[0]
        );
        for k in 0..3 {
            let (found, expected) = (f64::from(found[1].data()[k]), q[k] - target[k]);
            assert!((found - expected).abs() <= tolerance, "{z:?}: slope {found}, not {expected}");
        }
    }
}

#[test]
fn cosines_of_vectors_of_any_size() {
    let a = [[3.0, 4.0], [1e-30, 2e-30], [1e30, -1e30], [0.0, 0.0], [1.0, 2.0], [0.0, 0.0]];
    let b = [[4.0, -3.0], [1e30, 2e30], [-1e-30, 1e-30], [1.0, 2.0], [0.0, 0.0], [0.0, 0.0]];
    let graph = Graph::<f32>::new();
    let tensor = |rows: [[f32; 2]; 6]| graph.constant(Tensor::new([6, 2], rows.as_flattened().to_vec()));
    let (a, b) = (tensor(a), tensor(b));
    let each = cosine_distance(a, b, Reduction::Each);
    let slopes = grad(each.sum(), &[a, b]);
    let curvature = grad(slopes[0].sum(), &[a, b]);
    let found = interpret(&[&[each], &slopes[..], &curvature[..]].concat(), &[], None).unwrap();
    for (value, expected) in found[0].data().iter().zip([1.0, 0.0, 2.0, 1.0, 1.0, 1.0]) {
        assert!((value - expected).abs() <= 2.0 * f32::EPSILON, "{:?}", found[0]);
    }
    // The first pair by hand: d(1 - cos)/da = -(b̂ - cos â)/‖a‖ with ‖a‖ = 5.
    for (slope, expected) in found[1].data()[..2].iter().zip([-0.8 / 5.0, 0.6 / 5.0]) {
        assert!((slope - expected).abs() <= f32::EPSILON, "{:?}", found[1]);
    }
    for slopes in &found[1..] {
        // Beyond the second and third pair, whose second derivatives are of the size 1e60.
        assert!(slopes.data()[..2].iter().chain(&slopes.data()[6..]).all(|s| s.is_finite()), "{slopes:?}");
        assert_eq!(slopes.data()[6..], [0.0; 6], "a zero vector has no slope");
    }
}

#[test]
fn the_weighted_mean_divides_by_the_weights() {
    let graph = Graph::<f64>::new();
    let logits = graph.constant(Tensor::new([3, 2], vec![1.0, 0.0, 0.0, 2.0, 3.0, 0.0]));
    let labels = graph.index_constant(Tensor::new([3], vec![0, 1, 1]));
    let of = |weights: &[f64]| weighted_cross_entropy(logits, labels, weights, Reduction::Mean);
    let ignored = of(&[0.0, 0.0]);
    let asked = [of(&[2.0, 3.0]), of(&[20.0, 30.0]), of(&[1.0, 1.0]), ignored, grad(ignored, &[logits])[0]];
    let found = interpret(&asked, &[], None).unwrap();
    let zeta = |x: f64| x.exp().ln_1p();
    let losses = [zeta(-1.0), zeta(-2.0), zeta(3.0)];
    let expected = (2.0 * losses[0] + 3.0 * losses[1] + 3.0 * losses[2]) / 8.0;
    // A few roundings of numbers of order one.
    assert!((found[0].item() - expected).abs() < 1e-15, "{}, not {expected}", found[0].item());
    assert!((found[1].item() - expected).abs() < 1e-15);
    assert!((found[2].item() - losses.iter().sum::<f64>() / 3.0).abs() < 1e-15);
    assert_eq!((found[3].item(), found[4].data()), (0.0, &[0.0; 6][..]), "nothing but ignored examples");
}

/// The message of the panic in `record`.
fn refusal(record: fn(&Graph<f32>)) -> String {
    let panic = std::panic::catch_unwind(|| record(&Graph::new())).expect_err("should be refused");
    panic
        .downcast_ref::<String>()
        .cloned()
        .unwrap_or_else(|| panic.downcast_ref::<&str>().unwrap().to_string())
}

#[test]
fn unfit_operands_are_refused() {
    use Reduction::Mean;
    fn logits(g: &Graph<f32>) -> Var<'_, f32> {
        g.parameter("z", [3, 2])
    }
    fn labels(g: &Graph<f32>) -> IndexVar<'_, f32> {
        g.indices("l", [3])
    }
    assert_eq!(
        refusal(|g| _ = focal(logits(g), g.indices("l", [2]), 2.0, Mean)),
        "focal: logits of shape [3, 2] need labels of shape [3], not [2]"
    );
    assert_eq!(
        refusal(|g| _ = crammer_singer(g.scalar("z"), g.indices("l", [2]), Shortfall::Linear, Mean)),
        "crammer_singer: the logits need a last axis of classes"
    );
    assert_eq!(
        refusal(|g| _ = focal(logits(g), labels(g), -1.0, Mean)),
        "focal: the exponent is -1, it must be finite and at least 0"
    );
    assert_eq!(
        refusal(|g| _ = binary_focal(logits(g), logits(g), 2.0, Some(1.5), Mean)),
        "binary_focal: the balance is 1.5, it must be in [0, 1]"
    );
    assert_eq!(
        refusal(|g| _ = smoothed_cross_entropy(logits(g), labels(g), 1.0, Mean)),
        "smoothed_cross_entropy: the smoothing is 1, it must be in [0, 1)"
    );
    assert_eq!(
        refusal(|g| _ = weighted_cross_entropy(logits(g), labels(g), &[1.0], Mean)),
        "weighted_cross_entropy: 2 classes need as many weights, not 1"
    );
    assert_eq!(
        refusal(|g| _ = weighted_cross_entropy(logits(g), labels(g), &[1.0, f64::NAN], Mean)),
        "weighted_cross_entropy: the weight of class 1 is NaN, it must be finite and at least 0"
    );
    assert_eq!(
        refusal(|g| _ = huber(logits(g), logits(g), 0.0, Mean)),
        "huber: delta is 0, it must be finite and above 0"
    );
    assert_eq!(
        refusal(|g| _ = kl_divergence(logits(g), g.input("t", [2]), Mean)),
        "kl_divergence: the log-probabilities (`z`) of shape [3, 2] and the targets (`t`) of shape [2] must \
         have one shape"
    );
}
