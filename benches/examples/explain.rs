//! Prints what the plan compiler made of the two benchmarked training steps, and the time of each part.

use benches::TrainingStep;
use nn::Optimiser;

fn show(mut step: TrainingStep, runs: usize) {
    println!("{}", step.plan.explain());
    let times = step.profile(runs);
    for (number, time) in times.iter().enumerate() {
        println!("  {number:>4}  {:>10.2} us", time.as_secs_f64() * 1e6);
    }
    let total: f64 = times.iter().map(|time| time.as_secs_f64()).sum();
    println!("  all   {:>10.2} us\n", total * 1e6);
}

fn main() {
    show(TrainingStep::new(&[64, 128, 10], 32, &Optimiser::adam(0.001)), 2000);
    show(TrainingStep::new(&[784, 1024, 1024, 10], 128, &TrainingStep::momentum_with_decay()), 30);
}
