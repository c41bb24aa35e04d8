//! Multi-head attention over sequences of 64 steps of 128 numbers, 4 heads, batches of 32: the output alone, and
//! with the gradients of all weights and of the input; with and without a causal mask. Beside it layer
//! normalisation of the same values.
//!
//! `cargo bench -p benches --bench attention`

use autograd::{Feed, Graph, Parameters, Plan, Tensor, grad};
use benches::Threads;
use criterion::{Criterion, criterion_group, criterion_main};
use nn::attention::MultiHeadAttention;
use nn::{Layer, LayerNorm, Mode, Selection, initialise};
use std::hint::black_box;

const SHAPE: [usize; 3] = [32, 64, 128];

/// A plan of the forward pass, or of both.
fn compiled(layer: &dyn Layer<f32>, backward: bool) -> (Plan<f32>, Parameters<f32>) {
    let graph = Graph::new();
    let x = graph.input("x", SHAPE);
    let y = layer.forward(x, Mode::Train);
    let mut plan = Plan::builder(&graph).output("y", y);
    let specs = layer.parameters();
    if backward {
        let mut targets = Selection::all().variables(&graph, &specs);
        targets.push(x);
        for (number, slope) in grad(y.norm_squared(), &targets).into_iter().enumerate() {
            plan = plan.output(&format!("gradient {number}"), slope);
        }
    }
    (plan.compile(), initialise(layer, 1))
}

fn attention(criterion: &mut Criterion) {
    let values = Tensor::from_fn(SHAPE, |i| (i * 7919 % 257) as f32 / 128.0 - 1.0);
    let plain = || MultiHeadAttention::new("attention", SHAPE[2], 4);
    for threads in [1, 2] {
        let pool = Threads::new(threads);
        let mut group =
            criterion.benchmark_group(format!("attention {SHAPE:?}, 4 heads, {threads} thread(s)"));
        let layers: [(&str, &dyn Layer<f32>); 3] = [
            ("all", &plain()),
            ("causal", &plain().causal()),
            ("layer normalisation", &LayerNorm::new("norm", SHAPE[2])),
        ];
        for (name, layer) in layers {
            for (pass, backward) in [("forward", false), ("forward and backward", true)] {
                let (mut plan, mut parameters) = compiled(layer, backward);
                group.bench_function(format!("{name}, {pass}"), |bencher| {
                    bencher.iter_custom(|times| {
                        pool.time(times, || {
                            let feeds = [("x", Feed::from(&values))];
                            black_box(plan.run(&mut parameters, &feeds).expect("the feeds fit"));
                        })
                    });
                });
            }
        }
        group.finish();
    }
}

criterion_group!(benches, attention);
criterion_main!(benches);
