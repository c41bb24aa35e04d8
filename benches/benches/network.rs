//! A training step of a small convolutional network beside the bare matrix products that it contains.
//!
//! `cargo bench -p benches --bench network`

use autograd::kernel::gemm::Backend;
use benches::{Products, Threads, TrainingStep};
use criterion::{Criterion, criterion_group, criterion_main};
use nn::Optimiser;
use std::hint::black_box;

const BATCH: usize = 64;

fn network(criterion: &mut Criterion) {
    for threads in [1, 2] {
        let mut group = criterion.benchmark_group(format!("convolutional network, {threads} thread(s)"));
        let mut step = TrainingStep::convolutional(BATCH, &Optimiser::momentum(0.01, 0.9));
        let mut products = Products::convolutional(BATCH);
        let pool = Threads::new(threads);
        group.bench_function("step", |bencher| {
            bencher.iter_custom(|times| {
                pool.time(times, || {
                    black_box(step.run());
                })
            });
        });
        group.bench_function("products", |bencher| {
            bencher.iter_custom(|times| pool.time(times, || products.run(Backend::Blocked)));
        });
        group.finish();
    }
}

criterion_group!(benches, network);
criterion_main!(benches);
