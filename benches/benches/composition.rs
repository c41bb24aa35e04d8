//! Five techniques in one training step beside the network evaluations that it contains.
//!
//! `cargo bench -p benches --bench composition`
//!
//! The composed step augments the batch, attacks it (one pass forward, one back to the inputs), and trains with
//! dropout on both batches (two passes forward, two back to the weights), then projects the weights and averages
//! them. So its parts are two plain steps and one attack; what it takes beyond them is what the techniques cost: 17
//! per cent with one thread, 14 with two (14.1 ms beside 12.0, 7.9 beside 6.9; an AMD EPYC with AVX-512, a virtual
//! machine), most of it for reading the images between their pixels and for the average of the weights.

use benches::{Threads, TrainingStep};
use criterion::{Criterion, criterion_group, criterion_main};
use nn::{Activation, Mode, Optimiser, Selection, Sequential};
use regularize::augmentation::{Affine, Augment, LabelContract, Pipeline};
use regularize::{AdversarialTraining, Dropout, ExponentialAverage, FastGradient, MaxNorm, Projected};
use std::hint::black_box;

const BATCH: usize = 128;
const HIDDEN: usize = 512;

fn network(dropped: f64) -> Sequential<f32> {
    let dropout = Dropout::new(dropped).expect("a probability");
    Sequential::new()
        .linear(784, HIDDEN)
        .then(Activation::Relu)
        .then_named("dropout", |name| dropout.named(name))
        .linear(HIDDEN, HIDDEN)
        .then(Activation::Relu)
        .then_named("dropout", |name| dropout.named(name))
        .linear(HIDDEN, 10)
}

fn momentum() -> Optimiser<f32> {
    Optimiser::momentum(0.01, 0.9)
}

/// Clean and adversarial loss of a batch, with a share of the clean one.
fn adversarial(clean: f64) -> AdversarialTraining {
    let attack =
        FastGradient::new(0.1).and_then(|attack| attack.within(0.0, 1.0)).expect("a budget in a box");
    AdversarialTraining::new(attack, clean, Mode::Evaluate).expect("a share")
}

/// All five.
fn composed() -> TrainingStep {
    let warp = Affine::new().rotate(10.0).and_then(|warp| warp.translate(2.0)).expect("a warp");
    let augment: Augment<f32> = Pipeline::new([1, 28, 28])
        .then(warp)
        .for_labels(&LabelContract::digits())
        .expect("digits stay digits");
    let bound = Projected::new(Selection::weights(), MaxNorm::new(3.0).expect("a bound"));
    let average = ExponentialAverage::new(0.99).expect("a share");
    let optimiser = momentum().then(bound).then(average);
    let adversarial = adversarial(0.5);
    TrainingStep::minimising(&network(0.5), [BATCH, 784].into(), &optimiser, move |batch| {
        adversarial.objective(&augment.on(batch), |batch| batch.cross_entropy())
    })
}

fn composition(criterion: &mut Criterion) {
    for threads in [1, 2] {
        let title = format!("784-{HIDDEN}-{HIDDEN}-10, batch {BATCH}, {threads} thread(s)");
        let mut group = criterion.benchmark_group(title);
        let plain = TrainingStep::of(&network(0.0), [BATCH, 784].into(), &momentum());
        // On adversarial examples alone: one attack and one step.
        let attacked = adversarial(0.0);
        let attacked =
            TrainingStep::minimising(&network(0.0), [BATCH, 784].into(), &momentum(), move |batch| {
                attacked.objective(batch, |batch| batch.cross_entropy())
            });
        let pool = Threads::new(threads);
        let steps =
            [("plain step", plain), ("attack and plain step", attacked), ("composed step", composed())];
        for (name, mut step) in steps {
            group.bench_function(name, |bencher| {
                bencher.iter_custom(|times| {
                    pool.time(times, || {
                        black_box(step.run());
                    })
                });
            });
        }
        group.finish();
    }
}

criterion_group!(benches, composition);
criterion_main!(benches);
