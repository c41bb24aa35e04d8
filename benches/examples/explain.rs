//! Prints what the plan compiler made of the benchmarked training steps, the shortest time of each part, and
//! that of the bare matrix products where a step is little else:
//! `cargo run --release -p benches --example explain [THREADS]`.

use autograd::kernel::gemm::Backend;
use benches::{Products, Threads, TrainingStep, recurrent_step};
use nn::Optimiser;
use std::time::Instant;

fn show(pool: &Threads, mut step: TrainingStep, runs: usize) -> f64 {
    println!("{}", step.plan.explain());
    let times = pool.install(|| step.profile(runs));
    for (number, time) in times.iter().enumerate() {
        println!("  {number:>4}  {:>10.2} us", time.as_secs_f64() * 1e6);
    }
    let total: f64 = times.iter().map(|time| time.as_secs_f64()).sum();
    println!("  all   {:>10.2} us\n", total * 1e6);
    total
}

fn show_layers(pool: &Threads, widths: &[usize], batch: usize, optimiser: &Optimiser<f32>, runs: usize) {
    let total = show(pool, TrainingStep::new(widths, batch, optimiser), runs);
    let mut products = Products::new(widths, batch);
    let alone = pool.install(|| {
        let times = (0..runs).map(|_| {
            let start = Instant::now();
            products.run(Backend::Blocked);
            start.elapsed().as_secs_f64()
        });
        times.fold(f64::INFINITY, f64::min)
    });
    println!("  products alone {:.2} us: {:+.1} %\n", alone * 1e6, 100.0 * (total / alone - 1.0));
}

fn main() {
    let threads = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(1);
    let pool = Threads::new(threads);
    show_layers(&pool, &[64, 128, 10], 32, &Optimiser::adam(0.001), 2000);
    show_layers(&pool, &[784, 1024, 1024, 10], 128, &TrainingStep::momentum_with_decay(), 60);
    show(&pool, recurrent_step(64, 28, 28, 128), 30);
    show(&pool, TrainingStep::convolutional(64, &Optimiser::momentum(0.01, 0.9)), 30);
}
