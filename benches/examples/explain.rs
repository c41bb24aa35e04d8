//! Prints what the plan compiler made of the benchmarked training steps, and the shortest time of each
//! part: `cargo run --release -p benches --example explain [THREADS]`.

use benches::{Threads, TrainingStep};
use nn::Optimiser;

fn show(pool: &Threads, mut step: TrainingStep, runs: usize) {
    println!("{}", step.plan.explain());
    let times = pool.install(|| step.profile(runs));
    for (number, time) in times.iter().enumerate() {
        println!("  {number:>4}  {:>10.2} us", time.as_secs_f64() * 1e6);
    }
    let total: f64 = times.iter().map(|time| time.as_secs_f64()).sum();
    println!("  all   {:>10.2} us\n", total * 1e6);
}

fn main() {
    let threads = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(1);
    let pool = Threads::new(threads);
    show(&pool, TrainingStep::new(&[64, 128, 10], 32, &Optimiser::adam(0.001)), 2000);
    show(&pool, TrainingStep::new(&[784, 1024, 1024, 10], 128, &TrainingStep::momentum_with_decay()), 30);
    show(&pool, TrainingStep::convolutional(64, &Optimiser::momentum(0.01, 0.9)), 30);
}
