//! Six ways to regularize one network on MNIST, compared: Srivastava et al., JMLR 15, 2014, Table 9.
//!
//! ```text
//! cargo run --release -p examples --example mnist_regularizers -- --data DIRECTORY
//!     [--images N] [--seeds N] [--epochs N] [--validate]
//! ```
//!
//! The paper trains 784-1024-1024-2048-10 rectifiers and prints test errors from 1.62 % with L2 to 1.05 % with
//! dropout and max-norm. The network here has a quarter of its width. The six share one objective and one
//! optimiser, `min J + α/2 ‖w‖² + λ ‖w‖₁ + β Σ KL(ρ ‖ ρ̂)` with `‖w_u‖ ≤ c` for each unit `u`: a row says which
//! strengths are not 0, and what has strength 0 is not on the graph. The L1 penalty joins in the last third of the
//! training, as the paper says "towards the end". For the divergence, a rectifier's rate `ρ̂` is the mean over the
//! batch of `tanh h`, which lies in [0, 1): of how it makes a rate from activations without bound the paper says
//! nothing.
//!
//! Of one seed, all six begin with the same weights and see the examples in the same order; differences are
//! paired. `--validate` trains each with several strengths on the training images without the last 10,000, and
//! prints the errors on these: so were the strengths below chosen, seed 0, on 10,000 images in 20 epochs. The
//! comparison uses other seeds, from 1 on. In validation the lowest error was 2.76 % (dropout and max-norm), 3.13 %
//! (dropout and L2), 3.17 % (max-norm), 3.32 % (L2), 3.36 % (with L1), 3.44 % (sparse activations); the full
//! comparison has not been run. `--images` takes so many of the training images, for a quick look.

#[path = "mnist/mod.rs"]
mod mnist;

use clap::Parser;
use nn::data::Dataset;
use nn::loss::{Reduction, cross_entropy};
use nn::train::Evaluation;
use nn::{Activation, Optimiser, Schedule, Selection, Sequential, Trainer, initialise};
use regularize::sparsity::{ActivationPenalty, TargetRate};
use regularize::{Dropout, L1, L2, MaxNorm, Penalties, Projected, RegularizeError};
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

const BATCH: usize = 100;
/// A quarter of the paper's 1024, 1024, 2048.
const HIDDEN: [usize; 3] = [256, 256, 512];
/// The target rate of hidden units.
const RATE: f64 = 0.05;
/// How many of the last training images are for validation.
const HELD_OUT: usize = 10_000;

#[derive(Parser)]
#[command(about = "Six ways to regularize a network on MNIST (Srivastava et al. 2014, Table 9)")]
struct Options {
    /// Where the four IDX files are.
    #[arg(long)]
    data: PathBuf,
    /// How many training images; all, if not given.
    #[arg(long)]
    images: Option<usize>,
    /// How many seeds; each trains all six.
    #[arg(long, default_value_t = 5)]
    seeds: u64,
    /// Epochs of each training.
    #[arg(long, default_value_t = 60)]
    epochs: u64,
    /// Compare the strengths of each on held-out training images instead.
    #[arg(long)]
    validate: bool,
}

/// What holds the network back. A strength of 0, and a norm without bound, is nothing.
#[derive(Debug, Clone, Copy)]
struct Strengths {
    l2: f64,
    l1_at_the_end: f64,
    sparsity: f64,
    max_norm: f64,
    /// The share of hidden units that is dropped; of the inputs, four tenths of that are: 20 % for 50 %.
    dropout: f64,
}

const NONE: Strengths =
    Strengths { l2: 0.0, l1_at_the_end: 0.0, sparsity: 0.0, max_norm: f64::INFINITY, dropout: 0.0 };
/// The decay of the rows that add something to it.
const DECAY: Strengths = Strengths { l2: 1e-4, ..NONE };

/// A row of the table: its name, the error that the paper prints, its strengths.
struct Technique {
    name: &'static str,
    published: f64,
    strengths: Strengths,
}

fn techniques() -> [Technique; 6] {
    let row = |name, published, strengths| Technique { name, published, strengths };
    [
        row("L2", 1.62, Strengths { l2: 3e-4, ..NONE }),
        row("L2, L1 at the end", 1.60, Strengths { l1_at_the_end: 1e-6, ..DECAY }),
        row("L2, sparse activations", 1.55, Strengths { sparsity: 1e-4, ..DECAY }),
        row("max-norm", 1.35, Strengths { max_norm: 1.5, ..NONE }),
        row("dropout, L2", 1.25, Strengths { l2: 1e-6, dropout: 0.25, ..NONE }),
        row("dropout, max-norm", 1.05, Strengths { max_norm: 1.0, dropout: 0.25, ..NONE }),
    ]
}

/// The strengths that validation compares, in the order of [`techniques`].
fn candidates() -> [Vec<Strengths>; 6] {
    let decays = |values: &[f64], of: Strengths| values.iter().map(|&l2| Strengths { l2, ..of }).collect();
    let norms = |of: Strengths| [1.0, 1.5, 2.0, 3.0].map(|max_norm| Strengths { max_norm, ..of });
    let [quarter, half] = [0.25, 0.5].map(|dropout| Strengths { dropout, ..NONE });
    let dropped = |l2: f64| [quarter, half].map(|of| Strengths { l2, ..of });
    [
        decays(&[0.0, 3e-5, 1e-4, 3e-4, 1e-3], NONE),
        [1e-6, 3e-6, 1e-5, 3e-5].map(|l1_at_the_end| Strengths { l1_at_the_end, ..DECAY }).into(),
        [1e-5, 1e-4, 1e-3, 1e-2].map(|sparsity| Strengths { sparsity, ..DECAY }).into(),
        norms(NONE).into(),
        [1e-6, 1e-5, 1e-4].into_iter().flat_map(dropped).collect(),
        [norms(quarter), norms(half)].concat(),
    ]
}

fn main() -> ExitCode {
    let options = Options::parse();
    mnist::run(&options.data, |train, test| {
        let (train, test) = (train.flattened(), test.flattened());
        match options.validate {
            true => validate(&options, &train),
            false => compare(&options, &train, &test),
        }
    })
}

/// The first `count` images.
fn first(data: &Dataset, count: usize) -> Result<Dataset, Box<dyn Error>> {
    Ok(data.subset(&(0..count.min(data.len())).collect::<Vec<_>>())?)
}

/// A network trained with these strengths, measured on `test`.
fn train(
    train: &Dataset,
    test: &Dataset,
    strengths: Strengths,
    epochs: u64,
    seed: u64,
) -> Result<Evaluation, RegularizeError> {
    let Strengths { l2, l1_at_the_end, sparsity, max_norm, dropout } = strengths;
    let drop = |model: Sequential<f32>, p: f64| -> Result<_, RegularizeError> {
        let dropout = Dropout::new(p)?;
        Ok(model.then_named("dropout", |name| dropout.named(name)))
    };
    let mut model = drop(Sequential::new(), 0.4 * dropout)?;
    let mut inputs = train.width();
    for units in HIDDEN {
        model = drop(model.linear(inputs, units).then(Activation::Relu), dropout)?;
        inputs = units;
    }
    let model = model.linear(inputs, train.classes());
    // After the first dropout, each block is a linear layer, its rectifier, dropout.
    let rectifiers = [0, 1, 2].map(|block| 3 * block + 2);

    let steps = epochs * train.len().div_ceil(BATCH) as u64;
    let schedule = Schedule::Cosine { initial: 0.1, last: 0.0, steps };
    let optimiser = Optimiser::momentum(schedule, 0.9)
        .then(Projected::new(Selection::weights(), MaxNorm::new(max_norm)?));
    let sparse = TargetRate::new(sparsity, RATE)?;
    let mut parameters = initialise(&model, seed);
    let turn = epochs - epochs / 3;
    let mut measured = None;
    for (begin, end, l1) in [(0, turn, 0.0), (turn, epochs, l1_at_the_end)] {
        let penalties = Penalties::new()
            .with(Selection::weights(), L2::new(l2)?)
            .with(Selection::weights(), L1::new(l1)?);
        let mut trainer = Trainer::new(&model, optimiser.clone())
            .batch_size(BATCH)
            .epochs(end - begin)
            .first_epoch(begin)
            .seed(seed)
            .objective(|batch| {
                let outputs = model.outputs(batch.inputs, batch.mode);
                let logits = *outputs.last().expect("there are layers");
                let loss = cross_entropy(logits, batch.labels, Reduction::Mean);
                let rates = rectifiers.map(|layer| outputs[layer].tanh());
                penalties.added_to(sparse.added_to(loss, &rates), batch.parameters)
            });
        trainer.fit(train, None, &mut parameters)?;
        measured = Some(trainer.evaluate(test, &parameters)?);
    }
    Ok(measured.expect("there are two phases"))
}

fn validate(options: &Options, data: &Dataset) -> Result<(), Box<dyn Error>> {
    let kept = data.len().saturating_sub(HELD_OUT);
    let images = first(data, options.images.unwrap_or(kept).min(kept))?;
    let held_out = data.subset(&(kept..data.len()).collect::<Vec<_>>())?;
    println!("{} training images, {} epochs; error on {HELD_OUT} others\n", images.len(), options.epochs);
    println!("technique                    L2       L1   sparse   norm  dropout    error   s");
    for (technique, candidates) in techniques().iter().zip(candidates()) {
        for strengths in candidates {
            let Strengths { l2, l1_at_the_end: l1, sparsity, max_norm, dropout } = strengths;
            let start = Instant::now();
            let error = 100.0 * train(&images, &held_out, strengths, options.epochs, 0)?.error;
            println!(
                "{:<24}{l2:>7.0e}  {l1:>7.0e}  {sparsity:>7.0e}  {max_norm:>5}  {dropout:>7}  {error:>5.2} %  {:.0}",
                technique.name,
                start.elapsed().as_secs_f64()
            );
        }
    }
    Ok(())
}

fn compare(options: &Options, data: &Dataset, test: &Dataset) -> Result<(), Box<dyn Error>> {
    let images = first(data, options.images.unwrap_or(data.len()))?;
    let techniques = techniques();
    println!(
        "784-256-256-512-10 rectifiers, {} training and {} test images, {} epochs,\n\
         {} seeds; ± one standard error; difference to L2 seed by seed\n",
        images.len(),
        test.len(),
        options.epochs,
        options.seeds
    );
    println!("technique                 paper    test error      minus L2       s");
    let mut errors: Vec<Vec<f64>> = Vec::new();
    for technique in &techniques {
        let start = Instant::now();
        let run = |seed| train(&images, test, technique.strengths, options.epochs, seed);
        let found = (1..=options.seeds).map(run).collect::<Result<Vec<_>, _>>()?;
        errors.push(found.iter().map(|found| 100.0 * found.error).collect());
        let own = &errors[errors.len() - 1];
        println!(
            "{:<24}{:>7.2} {:>15} {:>15} {:>5.0}",
            technique.name,
            technique.published,
            mean(own.iter().copied()).text(),
            difference(own, &errors[0]).text(),
            start.elapsed().as_secs_f64() / options.seeds as f64
        );
    }
    let mut order: Vec<usize> = (0..techniques.len()).collect();
    let of = |technique: usize| mean(errors[technique].iter().copied()).mean;
    order.sort_by(|&a, &b| of(a).total_cmp(&of(b)));
    let name = |place: usize| techniques[order[place]].name;
    let last = order.len() - 1;
    println!("\nIn the paper the best is dropout with max-norm, the worst L2. Here:");
    for (what, one, other) in [("best", 0, 1), ("worst", last, last - 1)] {
        let apart = difference(&errors[order[one]], &errors[order[other]]);
        println!("{what:<6} {}, {} against {}", name(one), apart.text(), name(other));
    }
    Ok(())
}

/// A mean over seeds with its standard error, NaN for one seed.
struct Mean {
    mean: f64,
    error: f64,
}

impl Mean {
    fn text(&self) -> String {
        match self.error.is_nan() {
            true => format!("{:.2}", self.mean),
            false => format!("{:.2} ± {:.2}", self.mean, self.error),
        }
    }
}

fn mean(values: impl Iterator<Item = f64> + Clone) -> Mean {
    let n = values.clone().count() as f64;
    let mean = values.clone().sum::<f64>() / n;
    let variance = values.map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0);
    Mean { mean, error: (variance / n).sqrt() }
}

/// Of `a - b`, seed by seed.
fn difference(a: &[f64], b: &[f64]) -> Mean {
    mean(a.iter().zip(b).map(|(a, b)| a - b))
}
