//! A window of training steps with the derivative of the validation loss through it, beside the steps alone.
//!
//! `cargo bench -p benches --bench hyper_gradient`
//!
//! Both windows are of the same steps, and end with the loss of a validation batch; the one records nothing more,
//! the other has the hyper-gradient of one decay coefficient, or of one for each layer.
//!
//! The derivative makes a window 2.4 times as long with one thread and 2.1 times with two, and one for each layer costs
//! no more than one (3.4, 8.2 and 7.7 ms with one thread; an AMD EPYC with AVX-512, a virtual machine).

use autograd::{Feed, Graph, Parameters, Plan, Tensor};
use benches::Threads;
use criterion::{Criterion, criterion_group, criterion_main};
use nn::train::Batch;
use nn::{Activation, LEARNING_RATE, Layer, Mode, Optimiser, Selection, Sequential, initialise};
use regularize::Penalties;
use regularize::hyper_gradient::{Hyperparameter, TunedL2, hyper_gradient, step_name, unroll};
use std::hint::black_box;

const BATCH: usize = 64;
const STEPS: usize = 5;
const WIDTHS: [usize; 3] = [784, 256, 10];

/// A compiled window and what it runs on.
struct Window {
    plan: Plan<f32>,
    parameters: Parameters<f32>,
    inputs: Tensor<f32>,
    labels: Tensor<u32>,
}

impl Window {
    /// A window with the hyper-gradients of so many decays: none, one for all layers, or one for each of two.
    fn new(decays: usize) -> Window {
        let model = Sequential::<f32>::mlp(&WIDTHS, Activation::Relu);
        let (graph, specs, mut parameters) = (Graph::new(), model.parameters(), initialise(&model, 1));
        let decay = |name: &str| Hyperparameter::positive(name, 1e-3).expect("a strength above 0");
        let (all, first, second) = (decay("decay"), decay("decay1"), decay("decay2"));
        let (tuned, penalties) = match decays {
            2 => {
                let each = Penalties::new()
                    .with(Selection::named("linear1.weight"), TunedL2(first.clone()))
                    .with(Selection::named("linear2.weight"), TunedL2(second.clone()));
                (vec![first, second], each)
            }
            _ => (vec![all.clone()], Penalties::new().with(Selection::weights(), TunedL2(all))),
        };
        let batch = |[x, labels]: [&str; 2], mode| {
            let (x, labels) = (graph.input(x, [BATCH, WIDTHS[0]]), graph.indices(labels, [BATCH]));
            Batch::new(x, labels, &model, &specs, mode)
        };
        let train = batch(["x", "labels"], Mode::Train);
        let objective = penalties.added_to(train.cross_entropy(), train.parameters);
        let step = Optimiser::momentum(0.01, 0.9).minimise(objective, &specs);
        step.initialise_state(&mut parameters);
        let unrolled = unroll(&step, &[objective], STEPS, &[LEARNING_RATE]);
        let validation = batch(["validation.x", "validation.labels"], Mode::Evaluate).cross_entropy();
        let mut builder = Plan::builder(&graph).output("validation", unrolled.at(&[validation])[0]);
        if decays > 0 {
            let raw: Vec<_> = tuned.iter().map(|decay| decay.raw(&graph)).collect();
            let slopes = hyper_gradient(validation, &unrolled, &raw).expect("every step uses the decays");
            for (decay, slope) in tuned.iter().zip(slopes) {
                builder = builder.output(decay.name(), slope);
            }
        }
        for &(parameter, value) in &unrolled.updates {
            builder = builder.update(parameter, value);
        }
        tuned.iter().for_each(|decay| drop(parameters.insert(decay.name(), decay.initial_value())));
        let inputs = Tensor::from_fn([BATCH, WIDTHS[0]], |i| (i * 7919 % 257) as f32 / 257.0);
        let labels = Tensor::from_fn([BATCH], |i| (i % WIDTHS[2]) as u32);
        Window { plan: builder.compile(), parameters, inputs, labels }
    }

    /// Runs the window and returns the validation loss.
    fn run(&mut self) -> f32 {
        let names: Vec<[String; 2]> =
            (0..STEPS).map(|i| ["x", "labels"].map(|name| step_name(name, i))).collect();
        let (x, labels) = (Feed::from(&self.inputs), Feed::from(&self.labels));
        let mut feeds =
            vec![("validation.x", x), ("validation.labels", labels), (LEARNING_RATE, Feed::from(0.001))];
        feeds.extend(
            names.iter().flat_map(|[inputs, targets]| [(inputs.as_str(), x), (targets.as_str(), labels)]),
        );
        self.plan.run(&mut self.parameters, &feeds).expect("the feeds fit").scalar("validation")
    }
}

fn hyper_gradients(criterion: &mut Criterion) {
    for threads in [1, 2] {
        let title = format!("{STEPS} steps of 784-256-10, batch {BATCH}, {threads} thread(s)");
        let mut group = criterion.benchmark_group(title);
        let pool = Threads::new(threads);
        for (name, decays) in [("the steps", 0), ("with one hyper-gradient", 1), ("with two", 2)] {
            let mut window = Window::new(decays);
            group.bench_function(name, |bencher| {
                bencher.iter_custom(|times| {
                    pool.time(times, || {
                        black_box(window.run());
                    })
                });
            });
        }
        group.finish();
    }
}

criterion_group!(benches, hyper_gradients);
criterion_main!(benches);
