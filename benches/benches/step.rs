//! Whole training steps beside the bare matrix products that they contain.
//!
//! `cargo bench -p benches --bench step`

use autograd::kernel::gemm::Backend;
use benches::{Products, Threads, TrainingStep};
use criterion::{Criterion, criterion_group, criterion_main};
use nn::Optimiser;
use std::hint::black_box;

fn compare(
    criterion: &mut Criterion,
    name: &str,
    widths: &[usize],
    batch: usize,
    optimiser: Optimiser<f32>,
    threads: usize,
) {
    let mut group = criterion.benchmark_group(format!("{name}, {threads} thread(s)"));
    let mut step = TrainingStep::new(widths, batch, &optimiser);
    let mut products = Products::new(widths, batch);
    let pool = Threads::new(threads);
    group.bench_function("step", |bencher| {
        bencher.iter_custom(|times| {
            pool.time(times, || {
                black_box(step.run());
            })
        });
    });
    for (name, backend) in
        [("products", Backend::Blocked), ("products by matrixmultiply", Backend::MatrixMultiply)]
    {
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|times| pool.time(times, || products.run(backend)));
        });
    }
    group.finish();
}

fn steps(criterion: &mut Criterion) {
    for threads in [1, 2] {
        let large = TrainingStep::momentum_with_decay();
        compare(
            criterion,
            "784-1024-1024-10, batch 128, momentum",
            &[784, 1024, 1024, 10],
            128,
            large,
            threads,
        );
    }
    compare(criterion, "64-128-10, batch 32, Adam", &[64, 128, 10], 32, Optimiser::adam(0.001), 1);
}

criterion_group!(benches, steps);
criterion_main!(benches);
