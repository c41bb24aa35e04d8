use super::*;
use crate::testing::{assert_close, numbers, value};
use autograd::check::Checker;
use autograd::{Feed, Graph, Tensor, hessian, hvp, interpret};
use nn::{Activation, BatchNorm, Layer, Mode, Sequential, initialise};
use proptest::prelude::*;

fn vat(epsilon: f64) -> VirtualAdversarial {
    VirtualAdversarial::new(epsilon).unwrap()
}

fn softmax(logits: &[f64]) -> Vec<f64> {
    let total: f64 = logits.iter().map(|z| z.exp()).sum();
    logits.iter().map(|z| z.exp() / total).collect()
}

/// Eigenvalues and eigenvectors (as columns) of a symmetric matrix, by Jacobi's rotations.
fn eigen(mut a: Vec<Vec<f64>>) -> (Vec<f64>, Vec<Vec<f64>>) {
    let n = a.len();
    let mut v: Vec<Vec<f64>> =
        (0..n).map(|i| (0..n).map(|j| f64::from(u8::from(i == j))).collect()).collect();
    for _ in 0..60 {
        for p in 0..n {
            for q in p + 1..n {
                if a[p][q] == 0.0 {
                    continue;
                }
                let theta = (a[q][q] - a[p][p]) / (2.0 * a[p][q]);
                let t = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
                let c = 1.0 / (t * t + 1.0).sqrt();
                let s = t * c;
                let turned = |x: f64, y: f64| (c * x - s * y, s * x + c * y);
                for row in a.iter_mut().chain(v.iter_mut()) {
                    (row[p], row[q]) = turned(row[p], row[q]);
                }
                let columns = a[p].clone().into_iter().zip(a[q].clone()).enumerate();
                for (k, (x, y)) in columns {
                    (a[p][k], a[q][k]) = turned(x, y);
                }
            }
        }
    }
    ((0..n).map(|i| a[i][i]).collect(), v)
}

/// `W (diag p - p pᵀ) Wᵀ` at `x`, with `W` as `[inputs, classes]`.
fn closed_hessian(x: &[f64], w: &Tensor<f64>) -> Vec<Vec<f64>> {
    let (d, k) = (x.len(), w.shape()[1]);
    let entry = |i: usize, c: usize| w.data()[i * k + c];
    let logits: Vec<f64> = (0..k).map(|c| (0..d).map(|i| x[i] * entry(i, c)).sum()).collect();
    let p = softmax(&logits);
    let fisher = |a: usize, b: usize| if a == b { p[a] * (1.0 - p[a]) } else { -p[a] * p[b] };
    let element = |i: usize, j: usize| {
        (0..k)
            .flat_map(|a| (0..k).map(move |b| (a, b)))
            .map(|(a, b)| entry(i, a) * fisher(a, b) * entry(j, b))
            .sum()
    };
    (0..d).map(|i| (0..d).map(|j| element(i, j)).collect()).collect()
}

#[test]
fn the_hessian_of_the_divergence_is_the_closed_form() {
    let (x, w) = (numbers([1, 4], -1.0, 1.0, 1), numbers([4, 3], -2.0, 2.0, 2));
    let found = value(&[Tensor::zeros([1, 4])], |r| {
        let graph = r[0].graph();
        let (x, w) = (graph.constant(x.clone()), graph.constant(w.clone()));
        let target = x.matmul(w).log_softmax();
        let moved = (x + r[0]).matmul(w).log_softmax();
        hessian(kl_divergence_of_logs(moved, target, Reduction::Sum), r[0])
    });
    let closed = closed_hessian(x.data(), &w).concat();
    found.data().iter().zip(closed).for_each(|(a, b)| assert_close(*a, b, 1e-13));
}

#[test]
fn power_iteration_ends_at_the_top_eigenvector() {
    let (x, w) = (numbers([3, 5], -1.0, 1.0, 3), numbers([5, 4], -2.0, 2.0, 4));
    let draw = numbers([3, 5], -1.0, 1.0, 5);
    let direction = |vat: VirtualAdversarial| {
        value(&[x.clone(), draw.clone(), w.clone()], |v| {
            let w = v[2];
            vat.perturbation(|x| x.matmul(w), v[0], v[1])
        })
    };
    let exact = direction(vat(1.0).iterations(400));
    let differences = direction(vat(1.0).iterations(400).by_difference(1e-5).unwrap());
    for ((x, found), close) in
        x.data().chunks(5).zip(exact.data().chunks(5)).zip(differences.data().chunks(5))
    {
        let (values, vectors) = eigen(closed_hessian(x, &w));
        let top = (0..5).max_by(|&i, &j| values[i].total_cmp(&values[j])).unwrap();
        let along = |d: &[f64]| (0..5).map(|i| d[i] * vectors[i][top]).sum::<f64>().abs();
        // Two unit vectors at an angle φ have the product 1 - φ²/2.
        assert_close(along(found), 1.0, 1e-12);
        let sign = found.iter().zip(0..5).map(|(d, i)| d * vectors[i][top]).sum::<f64>().signum();
        (0..5).for_each(|i| assert_close(found[i], sign * vectors[i][top], 1e-10));
        // The difference's error is of order ξ.
        assert!(along(close) > 1.0 - 1e-6, "{}", along(close));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(24) })]

    /// With a network of tanh units too the product without second derivatives is the whole Hessian's.
    #[test]
    fn the_exact_step_is_the_hessian_product(n in 1usize..4, d in 1usize..4, k in 1usize..4, seed: u64) {
        let values = [numbers([n, d], -1.0, 1.0, seed), numbers([n, d], -1.0, 1.0, seed ^ 1),
            numbers([d, k], -2.0, 2.0, seed ^ 2)];
        let found = value(&values, |v| {
            let w = v[2];
            vat(1.0).hessian_product(&|x| curved(x, w), curved(v[0], w), v[0], v[1])
        });
        let expected = value(&values, |v| {
            let w = v[2];
            let target = curved(v[0], w).log_softmax().detach();
            let moved = v[0] + v[0].like(0.0);
            let divergence = kl_divergence_of_logs(curved(moved, w).log_softmax(), target, Reduction::Sum);
            hvp(divergence, &[moved], &[v[1]])[0]
        });
        found.data().iter().zip(expected.data()).for_each(|(a, b)| assert_close(*a, *b, 1e-12));
    }

    /// The loss against a naive divergence at the perturbation that was found.
    #[test]
    fn the_loss_is_the_divergence_at_the_perturbation(n in 1usize..4, d in 1usize..4, k in 1usize..4, seed: u64) {
        let values = [numbers([n, d], -1.0, 1.0, seed), numbers([n, d], -1.0, 1.0, seed ^ 1),
            numbers([d, k], -2.0, 2.0, seed ^ 2)];
        let term = vat(0.3);
        let loss = value(&values, |v| { let w = v[2]; term.loss(|x| x.matmul(w), v[0], v[1]) }).item();
        let r = value(&values, |v| { let w = v[2]; term.perturbation(|x| x.matmul(w), v[0], v[1]) });
        let row = |x: &[f64]| softmax(&(0..k).map(|c| (0..d).map(|i| x[i] * values[2].data()[i * k + c]).sum()).collect::<Vec<_>>());
        let mut expected = 0.0;
        for (x, r) in values[0].data().chunks(d).zip(r.data().chunks(d)) {
            let length = r.iter().map(|r| r * r).sum::<f64>().sqrt();
            // One class cannot change, and is not moved.
            assert_close(length, if k == 1 { 0.0 } else { 0.3 }, 1e-12);
            let moved: Vec<f64> = x.iter().zip(r).map(|(x, r)| x + r).collect();
            expected += row(x).iter().zip(row(&moved)).map(|(p, q)| p * (p / q).ln()).sum::<f64>() / n as f64;
        }
        assert_close(loss, expected, 1e-13);
    }
}

/// A small network with a kink-free hidden layer.
fn curved<'g>(x: Var<'g, f64>, w: Var<'g, f64>) -> Var<'g, f64> {
    (x.matmul(w) * 1.5).tanh() + x.matmul(w).sin()
}

/// Gradients in the parameters with the perturbation frozen, against differences.
#[test]
fn derivatives_of_the_loss_are_right() {
    let graph = Graph::<f64>::new();
    let (x, r, w) = (graph.input("x", [2, 3]), graph.input("r", [2, 3]), graph.input("w", [3, 3]));
    let target = graph.constant(numbers([2, 3], -1.0, 1.0, 9)).log_softmax();
    let loss = kl_divergence_of_logs((x + r).matmul(w).tanh().log_softmax(), target, Reduction::Mean);
    let (xs, rs, ws) =
        (numbers([2, 3], -1.0, 1.0, 1), numbers([2, 3], -0.1, 0.1, 2), numbers([3, 3], -1.0, 1.0, 3));
    let feeds = [("x", Feed::from(&xs)), ("r", Feed::from(&rs)), ("w", Feed::from(&ws))];
    Checker::new("divergence").entries().graph(loss, &[w, x], &feeds, None).unwrap().assert();

    // And the term's own gradient is that one, at its target and its perturbation.
    let parameters = [("x", Feed::from(&xs)), ("r", Feed::from(&rs)), ("w", Feed::from(&ws))];
    let term = vat(0.2);
    fn network<'g>(w: Var<'g, f64>) -> impl Fn(Var<'g, f64>) -> Var<'g, f64> {
        move |x| x.matmul(w).tanh()
    }
    let f = network(w);
    let own = term.loss(&f, x, r);
    let moved = x + term.perturbation(&f, x, r);
    let by_hand = kl_divergence_of_logs(f(moved).log_softmax(), f(x).log_softmax().detach(), Reduction::Mean);
    let found = interpret(&[grad(own, &[w])[0], grad(by_hand, &[w])[0]], &parameters, None).unwrap();
    assert_eq!(found[0], found[1]);
}

#[test]
fn examples_do_not_leak_into_each_other() {
    let (x, draw, w) =
        (numbers([3, 4], -1.0, 1.0, 1), numbers([3, 4], -1.0, 1.0, 2), numbers([4, 3], -2.0, 2.0, 3));
    let r = |rows: &[usize]| {
        let values = [x.rows(rows), draw.rows(rows), w.clone()];
        value(&values, |v| {
            let w = v[2];
            vat(0.5).iterations(2).perturbation(|x| x.matmul(w), v[0], v[1])
        })
    };
    let all = r(&[0, 1, 2]);
    for row in 0..3 {
        let one = r(&[row]);
        one.data().iter().zip(&all.data()[row * 4..]).for_each(|(a, b)| assert_close(*a, *b, 1e-14));
    }
}

#[test]
fn no_budget_is_no_term_and_statistics_are_of_the_clean_batch() {
    let model = Sequential::<f64>::new().then(BatchNorm::new("norm", 2)).linear(2, 2);
    let (specs, graph) = (model.parameters(), Graph::new());
    let labels = graph.index_constant(Tensor::new([4], vec![0, 1, 0, 1]));
    let x = graph.constant(numbers([4, 2], 1.0, 2.0, 1));
    let batch = Batch::new(x, labels, &model, &specs, Mode::Train);
    let before = graph.len();
    let none = vat(0.0).on(&batch, x);
    assert!(graph.len() <= before + 2 && graph.proposed_updates().is_empty());
    assert_eq!(interpret(&[none], &[], None).unwrap()[0].item(), 0.0);
    vat(0.5).on(&batch, x);
    let proposed = graph.proposed_updates()[0].1;
    let parameters = initialise(&model, 1);
    let found = interpret(&[proposed, x.mean_over(&[0]) * 0.1], &[], Some(&parameters)).unwrap();
    found[0].data().iter().zip(found[1].data()).for_each(|(a, b)| assert_close(*a, *b, 1e-14));
}

/// On a network the power iteration finds worse directions than chance does.
#[test]
fn the_direction_is_worse_than_a_random_one() {
    let model = Sequential::<f64>::mlp(&[16, 12, 4], Activation::Relu);
    let (parameters, graph) = (initialise(&model, 1), Graph::new());
    let (x, draw) =
        (graph.constant(numbers([8, 16], 0.0, 1.0, 1)), graph.constant(numbers([8, 16], -1.0, 1.0, 2)));
    let loss =
        |iterations| vat(0.3).iterations(iterations).loss(|x| model.forward(x, Mode::Evaluate), x, draw);
    let found = interpret(&[loss(0), loss(1), loss(5)], &[], Some(&parameters)).unwrap();
    let [random, one, five] = [0, 1, 2].map(|i| found[i].item());
    assert!(one > 2.0 * random && five >= one, "{random} {one} {five}");
}

#[test]
fn numbers_are_checked() {
    for bad in [-0.1, f64::NAN, f64::INFINITY] {
        assert!(VirtualAdversarial::new(bad).is_err());
        assert!(vat(1.0).by_difference(bad).is_err());
    }
    assert!(vat(1.0).by_difference(0.0).is_err());
}
