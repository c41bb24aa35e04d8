use super::*;
use crate::testing::{assert_close, check, numbers, run, value, weight};
use autograd::{Draw, Parameters};
use nn::Optimiser;
use proptest::prelude::*;

/// Algorithm 1 on plain vectors; task `i` takes the others as `orders[i]` lists them.
fn naive(gradients: &[Vec<f64>], orders: &[Vec<usize>]) -> Vec<f64> {
    let dot = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
    let mut total = vec![0.0; gradients[0].len()];
    for (i, order) in orders.iter().enumerate() {
        let mut g = gradients[i].clone();
        for &j in order.iter().filter(|&&j| j != i) {
            let (product, square) = (dot(&g, &gradients[j]), dot(&gradients[j], &gradients[j]));
            if product < 0.0 {
                g.iter_mut().zip(&gradients[j]).for_each(|(g, other)| *g -= product / square * other);
            }
        }
        total.iter_mut().zip(&g).for_each(|(sum, g)| *sum += g);
    }
    total
}

/// The projected sum of vectors, each given in two parts.
fn projected(gradients: &[Tensor<f64>], priorities: &Tensor<f64>) -> Vec<f64> {
    let mut values = gradients.to_vec();
    values.push(priorities.clone());
    let found = value(&values, |x| {
        let (priorities, gradients) = x.split_last().unwrap();
        let parts: Vec<_> =
            (gradients.iter()).map(|g| vec![g.slice(0, 0, 1), g.slice(0, 1, g.shape()[0])]).collect();
        Var::concat(&project_conflicts(&parts, *priorities), 0)
    });
    found.into_data()
}

fn fixed(tasks: usize) -> Tensor<f64> {
    Tensor::from_fn([tasks, tasks], |i| (i % tasks) as f64)
}

fn vectors(tasks: usize, length: usize, seed: u64) -> Vec<Tensor<f64>> {
    (0..tasks as u64).map(|i| numbers([length], -1.0, 1.0, seed.wrapping_add(i))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(60) })]

    #[test]
    fn the_sum_is_that_of_the_algorithm(tasks in 1usize..5, length in 1usize..6, seed: u64) {
        let gradients = vectors(tasks, length, seed);
        let priorities = numbers([tasks, tasks], 0.0, 1.0, !seed);
        let orders: Vec<Vec<usize>> = (0..tasks)
            .map(|i| {
                let row = &priorities.data()[i * tasks..][..tasks];
                let mut order: Vec<usize> = (0..tasks).collect();
                order.sort_by(|&a, &b| row[a].total_cmp(&row[b]));
                order
            })
            .collect();
        let plain: Vec<_> = gradients.iter().map(|g| g.data().to_vec()).collect();
        // Where a short gradient is projected on, its inverse square enlarges the rounding.
        let shortest = plain.iter().map(|g| g.iter().map(|x| x * x).sum::<f64>()).fold(1.0, f64::min);
        prop_assume!(shortest > 1e-4);
        for (found, expected) in projected(&gradients, &priorities).iter().zip(naive(&plain, &orders)) {
            assert_close(*found, expected, 1e-14 / shortest.powi(2));
        }
    }

    /// The identity limit, bit for bit.
    #[test]
    fn without_conflicts_it_is_the_plain_sum(tasks in 1usize..5, seed: u64) {
        let gradients: Vec<_> =
            (0..tasks as u64).map(|i| numbers([4], 0.0, 1.0, seed.wrapping_add(i))).collect();
        let plain: Vec<f64> = (0..4).map(|at| {
            let mut parts = gradients.iter().map(|g| g.data()[at]);
            let first = parts.next().unwrap();
            parts.fold(first, |sum, g| sum + g)
        }).collect();
        prop_assert_eq!(projected(&gradients, &fixed(tasks)), plain);
    }

    /// Two tasks: the step is against neither, and each part is at right angles to the other's gradient.
    #[test]
    fn a_step_for_two_tasks_harms_none(length in 1usize..6, seed: u64) {
        let gradients = vectors(2, length, seed);
        let step = projected(&gradients, &fixed(2));
        for g in &gradients {
            let dot: f64 = g.data().iter().zip(&step).map(|(g, s)| g * s).sum();
            prop_assert!(dot >= -1e-14);
        }
        // Twice as long gradients, twice the step: exactly, for a power of two.
        let doubled: Vec<_> =
            gradients.iter().map(|g| Tensor::from_fn(g.shape(), |i| 2.0 * g.data()[i])).collect();
        let expected: Vec<f64> = step.iter().map(|s| 2.0 * s).collect();
        prop_assert_eq!(projected(&doubled, &fixed(2)), expected);
    }
}

/// All eight orders of three tasks, enumerated.
#[test]
fn every_order_of_three_tasks_is_taken_as_told() {
    // Each two of them conflict, and no two are at right angles.
    let plain = [vec![1.0, 0.0, 0.2], vec![-0.5, 1.0, 0.1], vec![-0.5, -0.4, 1.0]];
    let gradients = plain.clone().map(|g| Tensor::new([3], g));
    let mut different = Vec::new();
    for bits in 0..8usize {
        let swap = |i: usize| bits >> i & 1 == 1;
        let priority = |at: usize| {
            let (i, j) = (at / 3, at % 3);
            if swap(i) { -(j as f64) } else { j as f64 }
        };
        let found = projected(&gradients, &Tensor::from_fn([3, 3], priority));
        let orders: Vec<Vec<usize>> =
            (0..3).map(|i| if swap(i) { vec![2, 1, 0] } else { vec![0, 1, 2] }).collect();
        for (found, expected) in found.iter().zip(naive(&plain, &orders)) {
            // Ten roundings; the gradients are not short.
            assert_close(*found, expected, 1e-13);
        }
        if !different.contains(&found) {
            different.push(found);
        }
    }
    assert!(different.len() > 1, "the order made no difference");
}

#[test]
fn equal_priorities_go_by_number() {
    let gradients = vectors(3, 3, 11);
    assert_eq!(projected(&gradients, &Tensor::zeros([3, 3])), projected(&gradients, &fixed(3)));
}

#[test]
fn a_task_without_gradient_conflicts_with_none() {
    let gradients = [vec![1.0, -2.0], vec![0.0, 0.0], vec![3.0, 1.0]].map(|g| Tensor::new([2], g));
    assert_eq!(projected(&gradients, &fixed(3)), [4.0, -1.0]);
}

#[test]
fn opposite_gradients_cancel() {
    let gradients = [vec![1.0, 2.0], vec![-2.0, -4.0]].map(|g| Tensor::new([2], g));
    assert_eq!(projected(&gradients, &fixed(2)), [0.0, 0.0]);
}

#[test]
fn derivatives_in_the_gradients_are_right() {
    for seed in [11, 12] {
        check("project_conflicts", &vectors(3, 3, seed), |x| {
            let priorities = x[0].graph().constant(fixed(3));
            let parts: Vec<_> = x.iter().map(|&g| vec![g]).collect();
            project_conflicts(&parts, priorities)[0].powi(2).sum()
        });
    }
}

/// Shared parameters are projected as one vector; the others have the gradient of the sum.
#[test]
fn gradients_go_into_an_optimiser() {
    let graph = Graph::<f64>::new();
    let named = |name: &str| ParameterSpec { name: name.into(), ..weight(2) };
    let specs = [named("trunk.a"), named("head"), named("trunk.b")];
    let [a, head, b] = [0, 1, 2].map(|i| specs[i].declare(&graph));
    let row = |values: [f64; 2]| graph.constant(Tensor::new([2], values.to_vec()));
    let losses = [
        (a * row([1.0, 0.0])).sum() + (b * row([0.0, 1.0])).sum(),
        (a * row([-2.0, 1.0])).sum() + (head * row([5.0, 6.0])).sum(),
    ];
    let shared = Selection::named("trunk.");
    let gradients = PcGrad::new(Order::Fixed).gradients(&losses, &specs, &shared);
    let none = Parameters::new();
    let found: Vec<_> = gradients.iter().flat_map(|&g| run(g, &none, Draw::default()).into_data()).collect();
    // g₁ = (1, 0 | 0, 1), g₂ = (-2, 1 | 0, 0): their product is -2.
    let plain = [vec![1.0, 0.0, 0.0, 1.0], vec![-2.0, 1.0, 0.0, 0.0]];
    let expected = naive(&plain, &[vec![0, 1], vec![0, 1]]);
    let expected = [expected[0], expected[1], 5.0, 6.0, expected[2], expected[3]];
    found.iter().zip(expected).for_each(|(found, expected)| assert_close(*found, expected, 1e-15));
    assert_eq!(Optimiser::sgd(0.1).apply(&graph, &specs, &gradients).updates.len(), 3);
}

#[test]
fn one_task_alone_has_its_gradient() {
    let graph = Graph::<f64>::new();
    let specs = [weight(2)];
    let loss = specs[0].declare(&graph).sum();
    let gradient = PcGrad::new(Order::Drawn).gradients(&[loss], &specs, &Selection::all())[0];
    assert_eq!(run(gradient, &Parameters::new(), Draw::default()), Tensor::full([2], 1.0));
    let alone = graph.input("g", [2]);
    let priorities = graph.input("p", [1, 1]);
    assert_eq!(project_conflicts(&[vec![alone]], priorities)[0].id(), alone.id());
}

#[test]
fn drawn_orders_are_replayed_and_vary() {
    let graph = Graph::<f64>::new();
    let of = |technique: &PcGrad, number| {
        let order = positions(technique.priorities(&graph, 4));
        run(order, &Parameters::new(), Draw { seed: 3, run: number }).into_data()
    };
    let drawn = PcGrad::new(Order::Drawn);
    assert_eq!(of(&drawn, 0), of(&drawn, 0));
    assert_ne!(of(&drawn, 0), of(&drawn, 1));
    assert_ne!(of(&drawn, 0), of(&drawn.named("other"), 0));
    for row in of(&drawn, 5).chunks(4) {
        let mut sorted = row.to_vec();
        sorted.sort_by(f64::total_cmp);
        assert_eq!(sorted, [0.0, 1.0, 2.0, 3.0]);
    }
    assert_eq!(of(&PcGrad::new(Order::Fixed), 0)[4..8], [0.0, 1.0, 2.0, 3.0]);
}

#[test]
#[should_panic(expected = "PCGrad: priorities of shape [2] for 2 tasks")]
fn priorities_are_a_matrix() {
    value(&[Tensor::zeros([2]), Tensor::zeros([2])], |x| {
        project_conflicts(&[vec![x[0]], vec![x[1]]], x[0])[0]
    });
}

#[test]
#[should_panic(expected = "PCGrad: the selection `named head` shares none of the parameters")]
fn something_must_be_shared() {
    let graph = Graph::<f64>::new();
    let loss = weight(2).declare(&graph).sum();
    PcGrad::new(Order::Fixed).gradients(&[loss, loss], &[weight(2)], &Selection::named("head"));
}
