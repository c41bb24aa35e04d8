use super::*;
use crate::adversarial::Threat;
use crate::testing::{assert_close, numbers};
use autograd::check::Checker;
use autograd::{Graph, Tensor, grad, interpret};
use nn::{Activation, BatchNorm, Layer, Sequential, initialise};
use proptest::prelude::*;

fn trades(epsilon: f64, steps: usize, beta: f64) -> Trades {
    Trades::new(Pgd::new(Threat::infinity(epsilon).unwrap(), steps).unwrap(), beta, Mode::Evaluate).unwrap()
}

fn softmax(logits: &[f64]) -> Vec<f64> {
    let total: f64 = logits.iter().map(|z| z.exp()).sum();
    logits.iter().map(|z| z.exp() / total).collect()
}

fn divergence(p: &[f64], q: &[f64]) -> f64 {
    p.iter().zip(q).map(|(p, q)| p * (p / q).ln()).sum()
}

/// With one step the point is `x + ε sign` of the divergence's own gradient, by hand: `W (q - p)` at the start.
#[test]
fn on_a_linear_softmax_point_value_and_gradient_are_the_closed_form() {
    let model = Sequential::<f64>::new().linear(3, 4);
    let (specs, parameters, graph) = (model.parameters(), initialise(&model, 3), Graph::new());
    let (xs, draw) = (numbers([2, 3], -1.0, 1.0, 1), numbers([2, 3], -1.0, 1.0, 2));
    let labels = graph.index_constant(Tensor::new([2], vec![1, 3]));
    let batch = Batch::new(graph.constant(xs.clone()), labels, &model, &specs, Mode::Train);
    // A step of 2.5 ε from the start ends in a corner of the ball.
    let term = trades(0.2, 1, 6.0);
    let moved = term.examples_from(&batch, graph.constant(draw.clone()));
    let w = parameters["linear1.weight"].data();
    let predict =
        |x: &[f64]| softmax(&(0..4).map(|c| (0..3).map(|i| x[i] * w[i * 4 + c]).sum()).collect::<Vec<_>>());
    let found = interpret(&[moved], &[], Some(&parameters)).unwrap().remove(0);
    for row in 0..2 {
        let x = &xs.data()[row * 3..][..3];
        let start: Vec<f64> = (0..3).map(|i| x[i] + 1e-3 * draw.data()[row * 3 + i]).collect();
        let (p, q) = (predict(x), predict(&start));
        for i in 0..3 {
            let slope: f64 = (0..4).map(|c| w[i * 4 + c] * (q[c] - p[c])).sum();
            assert_close(found.data()[row * 3 + i], x[i] + 0.2 * slope.signum(), 1e-14);
        }
    }
    // The value at that point, and the gradient of the value with the point held fixed.
    let fixed = graph.constant(found.clone());
    let held = batch.cross_entropy()
        + kl_divergence_of_logs(
            batch.on(fixed).logits().log_softmax(),
            batch.logits().log_softmax(),
            Reduction::Mean,
        ) * 6.0;
    let mut expected = 0.0;
    for (row, label) in [1, 3].into_iter().enumerate() {
        let (p, q) = (predict(&xs.data()[row * 3..][..3]), predict(&found.data()[row * 3..][..3]));
        expected += (-p[label].ln() + 6.0 * divergence(&p, &q)) / 2.0;
    }
    assert_close(interpret(&[held], &[], Some(&parameters)).unwrap()[0].item(), expected, 1e-13);
}

/// The outer objective is what its parts say, and its gradient is that with the point a constant.
#[test]
fn the_objective_and_its_gradient_hold_the_point_fixed() {
    let model = Sequential::<f64>::mlp(&[4, 6, 3], Activation::Tanh);
    let (specs, parameters, graph) = (model.parameters(), initialise(&model, 1), Graph::new());
    let x = graph.constant(numbers([3, 4], -1.0, 1.0, 1));
    let labels = graph.index_constant(Tensor::new([3], vec![0, 1, 2]));
    let batch = Batch::new(x, labels, &model, &specs, Mode::Train);
    let term = trades(0.1, 4, 2.0);
    let objective = term.objective(&batch);
    let run = |var| interpret(&[var], &[], Some(&parameters)).unwrap().remove(0);
    let point = graph.constant(run(term.examples(&batch)));
    let log_p = batch.logits().log_softmax();
    let by_hand = batch.cross_entropy()
        + kl_divergence_of_logs(batch.on(point).logits().log_softmax(), log_p, Reduction::Mean) * 2.0;
    assert_eq!(run(objective), run(by_hand));
    let weights: Vec<_> = graph.parameters().into_iter().map(|(_, var)| var).collect();
    for (a, b) in grad(objective, &weights).into_iter().zip(grad(by_hand, &weights)) {
        let (a, b) = (run(a), run(b));
        a.data().iter().zip(b.data()).for_each(|(a, b)| assert_close(*a, *b, 1e-14));
    }
    Checker::new("TRADES")
        .entries()
        .order(1)
        .graph(by_hand, &weights, &[], Some(&parameters))
        .unwrap()
        .assert();
}

#[test]
fn more_steps_find_more_divergence_within_the_ball() {
    let model = Sequential::<f64>::mlp(&[8, 10, 4], Activation::Relu);
    let (specs, parameters, graph) = (model.parameters(), initialise(&model, 1), Graph::new());
    let xs = numbers([16, 8], -1.0, 1.0, 1);
    let labels = graph.index_constant(Tensor::full([16], 0));
    let batch = Batch::new(graph.constant(xs.clone()), labels, &model, &specs, Mode::Train);
    let mut last = 0.0;
    for steps in [1, 3, 10] {
        let moved = trades(0.2, steps, 1.0).examples(&batch);
        let log_p = batch.logits().log_softmax();
        let found = kl_divergence_of_logs(batch.on(moved).logits().log_softmax(), log_p, Reduction::Mean);
        let values = interpret(&[moved, found], &[], Some(&parameters)).unwrap();
        assert!(values[0].data().iter().zip(xs.data()).all(|(a, b)| (a - b).abs() <= 0.2 + 1e-15));
        assert!(values[1].item() > last, "{steps} steps: {} after {last}", values[1].item());
        last = values[1].item();
    }
}

#[test]
fn limits_are_the_plain_loss_and_the_attack_leaves_no_statistics() {
    let model = Sequential::<f64>::new().then(BatchNorm::new("norm", 4)).linear(4, 3);
    let (specs, graph) = (model.parameters(), Graph::new());
    let x = graph.constant(numbers([5, 4], -1.0, 1.0, 1));
    let labels = graph.index_constant(Tensor::new([5], vec![0, 1, 2, 0, 1]));
    let batch = Batch::new(x, labels, &model, &specs, Mode::Train);
    let term = Trades::new(Pgd::new(Threat::infinity(0.1).unwrap(), 2).unwrap(), 1.0, Mode::Train).unwrap();
    term.examples(&batch);
    assert!(graph.proposed_updates().is_empty());
    term.objective(&batch);
    let parameters = initialise(&model, 1);
    let proposed = graph.proposed_updates();
    let found = interpret(&[proposed[0].1, x.mean_over(&[0]) * 0.1], &[], Some(&parameters)).unwrap();
    found[0].data().iter().zip(found[1].data()).for_each(|(a, b)| assert_close(*a, *b, 1e-14));
    // Neither weight nor budget: only the cross-entropy is recorded.
    for none in [trades(0.0, 3, 1.0), trades(0.1, 3, 0.0)] {
        let recorded = |objective: &dyn Fn(&Batch<'_, '_, f64>)| {
            let before = graph.len();
            objective(&batch.on(x));
            graph.len() - before
        };
        let plain = recorded(&|batch| {
            batch.cross_entropy();
        });
        assert_eq!(
            recorded(&|batch| {
                none.objective(batch);
            }),
            plain
        );
    }
    for bad in [-1.0, f64::NAN, f64::INFINITY] {
        assert!(Trades::new(Pgd::new(Threat::infinity(0.1).unwrap(), 1).unwrap(), bad, Mode::Train).is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(24) })]

    #[test]
    fn the_objective_is_the_naive_one(
        n in 1usize..4, d in 1usize..4, k in 2usize..5, beta in 0.1..8.0f64, seed in 0u64..1000,
    ) {
        let model = Sequential::<f64>::new().linear(d, k);
        let (specs, parameters, graph) = (model.parameters(), initialise(&model, seed), Graph::new());
        let xs = numbers([n, d], -1.0, 1.0, seed);
        let labels: Vec<u32> = (0..n).map(|i| (i % k) as u32).collect();
        let given = graph.index_constant(Tensor::new([n], labels.clone()));
        let batch = Batch::new(graph.constant(xs.clone()), given, &model, &specs, Mode::Train);
        let term = trades(0.2, 3, beta);
        // One stream, so one start for both.
        let outputs = [term.examples(&batch), term.objective(&batch)];
        let found = interpret(&outputs, &[], Some(&parameters)).unwrap();
        let (w, b) = (parameters["linear1.weight"].data(), parameters["linear1.bias"].data());
        let logit = |x: &[f64], c: usize| b[c] + (0..d).map(|i| x[i] * w[i * k + c]).sum::<f64>();
        let predict = |x: &[f64]| softmax(&(0..k).map(|c| logit(x, c)).collect::<Vec<_>>());
        let mut expected = 0.0;
        for row in 0..n {
            let (x, moved) = (&xs.data()[row * d..][..d], &found[0].data()[row * d..][..d]);
            assert!(x.iter().zip(moved).all(|(x, m)| (x - m).abs() <= 0.2 + 1e-15));
            let (p, q) = (predict(x), predict(moved));
            expected += (-p[labels[row] as usize].ln() + beta * divergence(&p, &q)) / n as f64;
        }
        assert_close(found[1].item(), expected, 1e-12);
    }
}
