//! Prints what the plan compiler made of the benchmarked training steps, the shortest time of each part,
//! and that of the bare matrix products: `cargo run --release -p benches --example explain [THREADS]`.

use autograd::kernel::gemm::Backend;
use benches::{Products, Threads, TrainingStep, recurrent_step};
use nn::Optimiser;
use std::hint::black_box;

fn show(pool: &Threads, mut step: TrainingStep, mut products: Products, runs: usize) {
    println!("{}", step.plan.explain());
    let times = pool.install(|| step.profile(runs));
    for (number, time) in times.iter().enumerate() {
        println!("  {number:>4}  {:>10.2} us", time.as_secs_f64() * 1e6);
    }
    let total: f64 = times.iter().map(|time| time.as_secs_f64()).sum();
    // In turn, so that a machine that slows down slows both: the median of the ratios.
    let (mut alone, mut ratios) = (f64::INFINITY, Vec::with_capacity(runs));
    for _ in 0..runs {
        let whole = pool.time(1, || {
            black_box(step.run());
        });
        let bare = pool.time(1, || products.run(Backend::Blocked)).as_secs_f64();
        alone = alone.min(bare);
        ratios.push(whole.as_secs_f64() / bare);
    }
    ratios.sort_by(f64::total_cmp);
    println!(
        "  products alone {:.2} us: {:+.1} % between the shortest times, {:+.1} % (median) in turn\n",
        alone * 1e6,
        100.0 * (total / alone - 1.0),
        100.0 * (ratios[runs / 2] - 1.0)
    );
}

fn main() {
    let threads = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(1);
    let pool = Threads::new(threads);
    let dense = |widths: &[usize], batch, optimiser: &Optimiser<f32>, runs| {
        show(&pool, TrainingStep::new(widths, batch, optimiser), Products::new(widths, batch), runs);
    };
    dense(&[64, 128, 10], 32, &Optimiser::adam(0.001), 2000);
    dense(&[784, 1024, 1024, 10], 128, &TrainingStep::momentum_with_decay(), 60);
    show(&pool, recurrent_step(64, 28, 28, 128), Products::recurrent(64, 28, 28, 128, 3), 30);
    show(
        &pool,
        TrainingStep::convolutional(64, &Optimiser::momentum(0.01, 0.9)),
        Products::convolutional(64),
        30,
    );
}
