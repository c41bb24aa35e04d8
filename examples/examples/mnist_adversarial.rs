//! A small convolutional network on MNIST, trained by single steps against attacks of 0.3.
//!
//! ```text
//! cargo run --release -p examples --example mnist_adversarial -- --data DIRECTORY [--epochs N] [--controls]
//! ```
//!
//! The network and settings of fast adversarial training (Wong, Rice, Kolter, ICLR 2020): two convolutions of 4
//! by 4 with stride 2 to 16 and 32 maps, 100 hidden units, batches of 100, Adam with a rate that rises to 5e-3 and
//! falls; one step of 0.375 from a random point of the ball of radius 0.3. Ten epochs, some minutes on two
//! cores; a monitor looks out for catastrophic overfitting after each. A training of two epochs stayed at chance:
//! the rate rises too fast for a budget this large. Measured at the end: the error on all
//! test images, and on the first 1,000 the worst of ten attacks of 50 steps of 0.01, each from a random
//! point.
//!
//! `--controls` trains three more networks, at a budget of 0.25, and attacks each by one step: trained on
//! attacked images, on images with every pixel moved by 0.25 at random, and on ones with uniform noise. The noise
//! is as large as the attack, and next to useless against it (Goodfellow, Shlens, Szegedy, ICLR 2015, section 7).
//!
//! The directory holds the four IDX files of MNIST, plain or compressed.

use autograd::{Feed, Graph, Parameters, Plan, Tensor, Window};
use nn::data::{Batches, Dataset, idx};
use nn::loss::{Reduction, cross_entropy};
use nn::train::Evaluator;
use nn::{Activation, Flatten, Layer, Mode, Optimiser, Schedule, Sequential, Trainer, initialise};
use regularize::adversarial::{AdversarialTraining, OverfittingMonitor, Pgd, Threat};
use regularize::{AttackEvaluator, FastGradient};
use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

const SEED: u64 = 1;
const EPSILON: f64 = 0.3;
const RESTARTS: u64 = 10;
const BATCH: usize = 100;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (mut data, mut epochs, mut controls) = (None, 10u64, false);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--data" => data = arguments.next().map(PathBuf::from),
            "--epochs" => epochs = arguments.next().ok_or("--epochs needs a number")?.parse()?,
            "--controls" => controls = true,
            other => return Err(format!("`{other}` is no option of this program").into()),
        }
    }
    let Some(directory) = data else {
        return Err("usage: mnist_adversarial --data DIRECTORY [--epochs N] [--controls]".into());
    };
    let (train, test) = idx::load_directory(directory)?;
    let (train, test) = (train.with_example_shape(&[1, 28, 28])?, test.with_example_shape(&[1, 28, 28])?);
    let first = test.subset(&(0..1000.min(test.len())).collect::<Vec<_>>())?;
    robust(&train, &test, &first, epochs)?;
    if controls {
        noise(&train, &first, epochs.min(3))?;
    }
    Ok(())
}

fn network() -> Sequential<f32> {
    let window = Window { stride: [2, 2], padding: [1, 1], ..Window::new([4, 4]) };
    Sequential::new()
        .convolution(1, 16, window)
        .then(Activation::Relu)
        .convolution(16, 32, window)
        .then(Activation::Relu)
        .then(Flatten)
        .linear(32 * 7 * 7, 100)
        .then(Activation::Relu)
        .linear(100, 10)
}

fn robust(train: &Dataset, test: &Dataset, first: &Dataset, epochs: u64) -> Result<(), Box<dyn Error>> {
    let threat = Threat::infinity(EPSILON)?.within(0.0, 1.0)?;
    let training = AdversarialTraining::new(Pgd::fast(threat)?, 0.0, Mode::Evaluate)?;
    let steps = epochs * train.len().div_ceil(BATCH) as u64;
    let schedule = Schedule::OneCycle { initial: 5e-4, peak: 5e-3, last: 0.0, rise: steps * 2 / 5, steps };
    let model = network();
    let mut trainer = Trainer::new(&model, Optimiser::adam(schedule))
        .batch_size(BATCH)
        .epochs(epochs)
        .seed(SEED)
        .progress("fast adversarial training")
        .objective(move |batch| training.objective(batch, |batch| batch.cross_entropy()));
    // The last 500 training images are seen in training too: a collapse shows on them all the same.
    let watched = train.subset(&(train.len() - 500.min(train.len())..train.len()).collect::<Vec<_>>())?;
    let mut monitor = OverfittingMonitor::new(&model, threat, 10, &watched)?;
    let mut parameters = initialise(&model, SEED);
    let start = Instant::now();
    trainer.fit_observed(train, None, &mut parameters, &mut monitor)?;
    let seconds = start.elapsed().as_secs_f64();
    let found = monitor.finish()?;
    println!("epoch   clean   one step   ten steps   (on {} images)", watched.len());
    for at in &found.history {
        let [clean, single, iterated] = [at.clean, at.single_step, at.iterated].map(|right| 100.0 * right);
        println!("{:5}  {clean:5.1} %    {single:5.1} %     {iterated:5.1} %", at.epoch);
    }
    let parameters = if found.caught.is_some() { found.parameters } else { parameters };
    println!("{seconds:.0} s; overfitting: {:?}\n", found.caught);

    let clean = Evaluator::new(&model, 256).evaluate(test, &parameters)?.accuracy();
    let start = Instant::now();
    let attack = Pgd::new(threat, 50)?.step_size(0.01)?.from_random();
    let withstood = worst_case(&model, attack, first, &parameters)?;
    println!("clean: {:.2} % of {} test images right", 100.0 * clean, test.len());
    println!(
        "worst of {RESTARTS} attacks of 50 steps: {:.1} % of {} right ({:.0} s)",
        100.0 * withstood,
        first.len(),
        start.elapsed().as_secs_f64()
    );
    Ok(())
}

/// The share of examples that withstand every one of the restarts.
fn worst_case(
    model: &Sequential<f32>,
    attack: Pgd,
    data: &Dataset,
    parameters: &Parameters<f32>,
) -> Result<f64, Box<dyn Error>> {
    let mut plans: Vec<(usize, Plan<f32>)> = Vec::new();
    let (mut batches, mut right) = (Batches::in_order(data.len(), 125)?, 0);
    for indices in batches.epoch(0) {
        let size = indices.len();
        if plans.iter().all(|(known, _)| *known != size) {
            let graph = Graph::new();
            let x = graph.input("x", data.examples().shape().with_axis(0, size));
            let labels = graph.indices("labels", [size]);
            let moved = attack
                .examples(x, |x| cross_entropy(model.forward(x, Mode::Evaluate), labels, Reduction::Sum));
            let predicted = model.forward(moved, Mode::Evaluate).argmax();
            plans.push((size, Plan::builder(&graph).index_output("predicted", predicted).compile()));
        }
        let (inputs, labels): (Tensor<f32>, Tensor<u32>) = data.gather(indices)?;
        let (_, plan) = plans.iter_mut().find(|(known, _)| *known == size).expect("just compiled");
        let mut withstands = vec![true; size];
        for restart in 0..RESTARTS {
            // The number of the run is what the start is drawn from.
            plan.set_run(indices[0] as u64 * RESTARTS + restart);
            let feeds = [("x", Feed::from(&inputs)), ("labels", Feed::from(&labels))];
            let outputs = plan.evaluate(parameters, &feeds)?;
            for (i, predicted) in outputs.indices("predicted").iter().enumerate() {
                withstands[i] &= *predicted == labels.data()[i];
            }
        }
        right += withstands.iter().filter(|&&withstands| withstands).count();
    }
    Ok(right as f64 / data.len() as f64)
}

/// Training with noise as large as an attack, against training with the attack.
fn noise(train: &Dataset, first: &Dataset, epochs: u64) -> Result<(), Box<dyn Error>> {
    const BUDGET: f64 = 0.25;
    let attack = FastGradient::new(BUDGET)?;
    let training = AdversarialTraining::new(attack, 0.5, Mode::Evaluate)?;
    println!("\nNoise controls at {BUDGET}, {epochs} epochs; one step against each, without a box:");
    for name in ["attacked images", "±0.25 at random", "uniform noise"] {
        let model = network();
        let mut trainer = Trainer::new(&model, Optimiser::adam(2e-3))
            .batch_size(BATCH)
            .epochs(epochs)
            .seed(SEED)
            .progress(name);
        trainer = trainer.objective(move |batch| {
            let draw = batch.graph.uniform("noise", batch.inputs.shape()) - 0.5;
            match name {
                "attacked images" => training.objective(batch, |batch| batch.cross_entropy()),
                "uniform noise" => batch.on(batch.inputs + draw * (2.0 * BUDGET)).cross_entropy(),
                _ => batch.on(batch.inputs + draw.sign() * BUDGET).cross_entropy(),
            }
        });
        let mut parameters = initialise(&model, SEED);
        trainer.fit(train, None, &mut parameters)?;
        let found = &AttackEvaluator::new(&model, attack, 250).curve(first, &parameters, &[BUDGET])?[0];
        println!(
            "trained on {name:16} clean error {:4.1} %   under attack {:5.1} %",
            100.0 * found.clean_error,
            100.0 * found.error
        );
    }
    Ok(())
}
