//! A GRU over 28 steps of 28 numbers, 128 hidden units, batches of 64: forward, backward and Adam as one plan,
//! beside the bare matrix products that it contains.
//!
//! `cargo bench -p benches --bench recurrent`

use autograd::kernel::gemm::Backend;
use benches::{Products, Threads, recurrent_step};
use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;

fn steps(criterion: &mut Criterion) {
    for threads in [1, 2] {
        let mut group = criterion
            .benchmark_group(format!("GRU, 28 steps of 28, 128 hidden, batch 64, {threads} thread(s)"));
        let mut step = recurrent_step(64, 28, 28, 128);
        let mut products = Products::recurrent(64, 28, 28, 128, 3);
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

criterion_group!(benches, steps);
criterion_main!(benches);
