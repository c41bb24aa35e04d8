//! In steady state a run of a plan allocates nothing: not for values, not for threads, not for packing.

use autograd::{Feed, Graph, Parameters, Plan, Tensor, grad};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// A training step of a two-layer network with dropout and momentum.
fn step(batch: usize, width: usize) -> (Plan<f32>, Parameters<f32>, Tensor<f32>, Tensor<u32>) {
    let graph = Graph::<f32>::new();
    let x = graph.input("x", [batch, width]);
    let labels = graph.indices("labels", [batch]);
    let lr = graph.scalar("lr");
    let w1 = graph.parameter("w1", [width, width]);
    let b1 = graph.parameter("b1", [width]);
    let w2 = graph.parameter("w2", [width, 10]);
    let hidden = (x.matmul(w1) + b1).relu() * graph.bernoulli("dropout", 0.5, [batch, width]) * 2.0;
    let loss = hidden.matmul(w2).cross_entropy(labels) + (w1 * w1).sum() * 1e-4;
    let mut builder = Plan::builder(&graph).output("loss", loss);
    let mut parameters = Parameters::new();
    for (w, gradient) in [w1, b1, w2].into_iter().zip(grad(loss, &[w1, b1, w2])) {
        let name = graph.name_of(w.id()).unwrap();
        let momentum = graph.parameter(&format!("{name}/momentum"), w.shape());
        let velocity = momentum * 0.9 + gradient;
        builder = builder.update(momentum, velocity).update(w, w - velocity * lr);
        parameters.insert(&name, Tensor::from_fn(w.shape(), |i| ((i * 37 % 101) as f32 / 101.0 - 0.5) * 0.1));
        parameters.insert(&format!("{name}/momentum"), Tensor::zeros(w.shape()));
    }
    let images = Tensor::from_fn([batch, width], |i| (i * 13 % 17) as f32 / 17.0);
    let labels = Tensor::from_fn([batch], |i| (i % 10) as u32);
    (builder.compile(), parameters, images, labels)
}

/// Whether `run` comes to allocate nothing, ten times in a row. Every thread makes its scratch memory when it
/// first takes a piece of the work, and a busy machine may let it wait: what allocates in each run never
/// comes to rest.
fn comes_to_rest(mut run: impl FnMut()) -> bool {
    (0..50).any(|_| {
        let region = Region::new(ALLOCATOR);
        (0..10).for_each(|_| run());
        let change = region.change();
        change.allocations + change.reallocations == 0
    })
}

#[test]
fn a_run_allocates_nothing() {
    // A small step stays on its thread; a large one is split over the threads of its pool.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    for (batch, width) in [(8, 16), (256, 512)] {
        let (mut plan, mut parameters, images, labels) = step(batch, width);
        let feeds = [("x", Feed::from(&images)), ("labels", Feed::from(&labels)), ("lr", Feed::from(0.05))];
        let (mut first, mut last) = (None, 0.0);
        let rests = pool.install(|| {
            comes_to_rest(|| {
                last = plan.run(&mut parameters, &feeds).unwrap().scalar("loss");
                first.get_or_insert(last);
            })
        });
        assert!(rests, "batch {batch}, width {width}");
        let first = first.expect("it ran");
        assert!(last < first, "the step trains: loss {first} then {last}");
        let graph = Graph::<f32>::new();
        let logits = graph.input("x", [batch, width]).matmul(graph.parameter("w1", [width, width]));
        let mut plan = Plan::builder(&graph).output("logits", logits.relu()).compile();
        let evaluate = || _ = plan.evaluate(&parameters, &feeds[..1]).unwrap().values("logits")[0];
        assert!(pool.install(|| comes_to_rest(evaluate)), "evaluating, batch {batch}, width {width}");
    }
}
