//! Every subnetwork of small networks with dropout, one by one, against the weight scaling rule.
//!
//! `cargo run --release -p examples --example dropout_enumeration [EXAMPLES]`
//!
//! What should predict is the mean of all subnetworks. The rule takes one pass with every unit, scaled: the
//! expression that was trained, rewritten by [`scale_units`] or [`scale_weights`], each mask replaced by its
//! mean. These networks that read digits are small enough to know the truth:
//!
//! ```text
//! softmax regression on images of 4 by 4, dropout of the 16 pixels      65,536 subnetworks
//! two hidden layers of  8 rectifiers, dropout of the 16 hidden units    65,536 subnetworks
//! two hidden layers of 10 rectifiers, dropout of the 20 hidden units  1,048,576 subnetworks
//! ```
//!
//! For the first the rule *is* the renormalised geometric mean of all subnetworks. For rectifiers it is an
//! approximation of it, held here to the geometric mean of fifty sampled subnetworks. Which is nearer depends
//! on how the network was trained. With weights that grow as they like the rule is nearer for about every
//! second digit; the smaller the norm that a unit's weights may have (max-norm, as dropout is practised) the
//! more often it is, up to nine digits in ten. Half of so few units is much to lose: at `p = 0.5` every third
//! digit is named wrong (at a learning rate of 0.01, which was tried before 0.003, more than every second).
//!
//! The rule stands for the geometric mean and not for the arithmetic one, to which ten samples are nearer:
//! who wants the ensemble's probabilities, samples.

use autograd::{Feed, Graph, Parameters, Plan, Tensor};
use nn::data::{Dataset, digits};
use nn::{Activation, Layer, Mode, Optimiser, Schedule, Selection, Sequential, Trainer, initialise};
use regularize::dropout::{EnsembleMeans, MonteCarlo, SubNetworks, divergence, scale_units, scale_weights};
use regularize::{Dropout, MaxNorm, Projected, RegularizeError};
use std::error::Error;
use std::time::Instant;

#[path = "../src/mean.rs"]
mod mean;

use mean::Mean;

const SEED: u64 = 1;
const EPOCHS: u64 = 100;
/// How many subnetworks are sampled for each of the averages.
const SAMPLES: [usize; 5] = [1, 5, 10, 50, 200];
/// Which of these numbers the table of settings compares the rule with.
const FIFTY: usize = 3;
const SETTING_SEEDS: u64 = 5;
const SETTING_EXAMPLES: usize = 20;

/// How a network is trained.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// The probability of a hidden unit to be dropped.
    pub rate: f64,
    /// The largest norm of a unit's incoming weights.
    pub max_norm: Option<f64>,
    /// Decoupled decay.
    pub decay: f64,
}

impl Setting {
    fn name(&self) -> String {
        let mut name = format!("p = {}", self.rate);
        if let Some(norm) = self.max_norm {
            name += &format!(", max-norm {norm}");
        }
        if self.decay > 0.0 {
            name += &format!(", decay {}", self.decay);
        }
        name
    }
}

const fn setting(rate: f64, max_norm: Option<f64>, decay: f64) -> Setting {
    Setting { rate, max_norm, decay }
}

const SETTINGS: [Setting; 10] = [
    setting(0.5, None, 0.0),
    setting(0.5, None, 0.3),
    setting(0.5, Some(2.0), 0.0),
    setting(0.5, Some(1.0), 0.0),
    setting(0.2, None, 0.0),
    setting(0.2, None, 0.3),
    setting(0.2, Some(3.0), 0.0),
    setting(0.2, Some(2.0), 0.0),
    CONSTRAINED,
    setting(0.2, Some(1.0), 0.0),
];

/// The setting that is looked at in detail.
pub const CONSTRAINED: Setting = setting(0.2, Some(1.5), 0.0);

/// What a network of one setting came to on held-out digits.
pub struct Found {
    /// The share that the rule names wrong, of all held-out digits.
    pub error: f64,
    /// For each enumerated digit the divergence of the geometric mean from the rule.
    pub rule: Vec<f64>,
    /// And from the geometric mean of so many sampled subnetworks.
    pub sampled: Vec<[f64; SAMPLES.len()]>,
    /// The rule's distribution of each: the training expression with its masks rewritten, on units and on weights.
    pub rewritten: Vec<[Vec<f64>; 2]>,
    /// All subnetworks of each.
    pub means: Vec<EnsembleMeans>,
    model: Sequential<f64>,
    parameters: Parameters<f64>,
    test: Dataset<f64>,
}

impl Found {
    /// For how many digits the rule is nearer to the geometric mean than fifty subnetworks.
    pub fn rule_is_nearer(&self) -> usize {
        self.rule.iter().zip(&self.sampled).filter(|(rule, sampled)| **rule < sampled[FIFTY]).count()
    }
}

/// Rectifiers, 64-width-width-10, both hidden layers dropped.
fn network(width: usize, rate: f64) -> Result<Sequential<f64>, RegularizeError> {
    let dropout = Dropout::new(rate)?;
    let hidden = |network: Sequential<f64>| {
        network.then(Activation::Relu).then_named("dropout", |name| dropout.named(name))
    };
    Ok(hidden(hidden(Sequential::new().linear(64, width)).linear(width, width)).linear(width, 10))
}

/// Trains a network and walks through its subnetworks for the first held-out digits.
pub fn found(width: usize, setting: Setting, seed: u64, examples: usize) -> Result<Found, Box<dyn Error>> {
    let [train, test] = digits::load()?.flattened().cast::<f64>().split([0.8, 0.2], seed)?;
    let model = network(width, setting.rate)?;
    let parameters = trained(&model, &train, EPOCHS, setting, seed)?;
    let mut all = SubNetworks::new(&model, [64])?;
    let means = (0..examples)
        .map(|example| all.means(test.example(example), &parameters))
        .collect::<Result<Vec<_>, _>>()?;
    let rewritten = rewritten(&model, &test, examples, &parameters)?;
    let rule = means.iter().zip(&rewritten).map(|(m, [units, _])| divergence(&m.geometric, units)).collect();
    let mut sampled = Vec::new();
    for (example, mean) in means.iter().enumerate() {
        let logs = sampled_logs(&model, test.example(example), &parameters, example as u64)?;
        sampled.push(SAMPLES.map(|count| divergence(&mean.geometric, &geometric_mean(&logs[..count]))));
    }
    let error = nn::train::Evaluator::new(&model, 256).evaluate(&test, &parameters)?.error;
    Ok(Found { error, rule, sampled, rewritten, means, model, parameters, test })
}

/// The weight scaling rule for the first examples: what is recorded for training, masks and all, becomes what
/// predicts, with the factors on units and on weights.
fn rewritten(
    model: &dyn Layer<f64>,
    data: &Dataset<f64>,
    examples: usize,
    parameters: &Parameters<f64>,
) -> Result<Vec<[Vec<f64>; 2]>, Box<dyn Error>> {
    let graph = Graph::new();
    let x = graph.input("x", [examples, data.example(0).len()]);
    let trained = model.forward(x, Mode::Train).log_softmax().exp();
    let (units, weights) = (scale_units(&[trained])[0], scale_weights(&[trained])[0]);
    let mut plan = Plan::builder(&graph).output("units", units).output("weights", weights).compile();
    let subset = data.subset(&(0..examples).collect::<Vec<_>>())?;
    let outputs = plan.evaluate(parameters, &[("x", Feed::from(subset.examples()))])?;
    let rows = |name| outputs.values(name).chunks(10).map(<[f64]>::to_vec);
    Ok(rows("units").zip(rows("weights")).map(|(units, weights)| [units, weights]).collect())
}

/// The largest difference of two distributions for one class.
fn apart(p: &[f64], q: &[f64]) -> f64 {
    p.iter().zip(q).fold(0.0, |largest, (p, q)| largest.max((p - q).abs()))
}

fn main() -> Result<(), Box<dyn Error>> {
    let examples = std::env::args().nth(1).map_or(Ok(24), |text| text.parse())?;
    regression()?;
    settings()?;
    in_detail(examples)
}

fn regression() -> Result<(), Box<dyn Error>> {
    println!("Softmax regression on 16 pixels, each dropped with probability 0.5\n");
    let digits = digits::load()?.flattened().cast::<f64>();
    let [train, test] = coarse(&digits)?.split([0.8, 0.2], SEED)?;
    // The classic form multiplies by the mask alone, so that the rule has something to scale.
    let model = Sequential::new().then(Dropout::new(0.5)?.classic()).linear(16, 10);
    let parameters = trained(&model, &train, EPOCHS, setting(0.5, None, 0.3), SEED)?;
    let mut all = SubNetworks::new(&model, [16])?;
    let (mut geometric, mut arithmetic) = ([0f64; 2], 0.0);
    let rewritten = rewritten(&model, &test, 20, &parameters)?;
    for (example, rules) in rewritten.iter().enumerate() {
        let means = all.means(test.example(example), &parameters)?;
        for (largest, rule) in geometric.iter_mut().zip(rules) {
            *largest = largest.max(apart(rule, &means.geometric));
        }
        arithmetic += divergence(&means.arithmetic, &rules[0]) / rewritten.len() as f64;
    }
    println!(
        "  {} subnetworks, {} held-out digits. Trained is softmax((x μ) W + b);",
        all.count(),
        rewritten.len()
    );
    println!("  rewritten, the largest difference from the geometric mean of all μ is");
    println!("    scale_units     softmax((x 0.5) W + b)    {:.0e}", geometric[0]);
    println!("    scale_weights   softmax(x (0.5 W) + b)    {:.0e}", geometric[1]);
    println!("  The arithmetic mean's divergence from the rule is {arithmetic:.4} nats in the mean.\n");
    Ok(())
}

fn settings() -> Result<(), Box<dyn Error>> {
    println!(
        "Rectifiers, 64-8-8-10, 65,536 subnetworks; {SETTING_EXAMPLES} digits for each of {SETTING_SEEDS} seeds."
    );
    println!("Median divergence from the geometric mean, in nats\n");
    println!(
        "  {:<22} {:>8} {:>10} {:>12} {:>20}",
        "dropout", "wrong, %", "rule", "50 sampled", "rule is nearer for"
    );
    for setting in SETTINGS {
        let all = (0..SETTING_SEEDS)
            .map(|seed| found(8, setting, seed, SETTING_EXAMPLES))
            .collect::<Result<Vec<_>, _>>()?;
        let share = |f: &Found| 100.0 * f.rule_is_nearer() as f64 / f.rule.len() as f64;
        let rule: Vec<f64> = all.iter().flat_map(|f| f.rule.clone()).collect();
        let fifty: Vec<f64> = all.iter().flat_map(|f| f.sampled.iter().map(|row| row[FIFTY])).collect();
        println!(
            "  {:<22} {:>8.1} {:>10.5} {:>12.5} {:>18.0} %",
            setting.name(),
            Mean::of(all.iter().map(|f| 100.0 * f.error)).mean,
            median(&rule),
            median(&fifty),
            Mean::of(all.iter().map(share)),
        );
    }
    println!();
    Ok(())
}

fn in_detail(examples: usize) -> Result<(), Box<dyn Error>> {
    let setting = CONSTRAINED;
    println!("Rectifiers, 64-10-10-10, {}\n", setting.name());
    let start = Instant::now();
    let found = found(10, setting, SEED, examples)?;
    let means = &found.means;
    println!(
        "  {} subnetworks, {examples} held-out digits, {:.0} s",
        means[0].subnetworks,
        start.elapsed().as_secs_f64()
    );
    let wrong = |p: &dyn Fn(usize) -> Vec<f64>| {
        let label = |example: usize| found.test.labels().data()[example] as usize;
        (0..examples).filter(|&example| largest(&p(example)) != label(example)).count()
    };
    println!(
        "  wrong: arithmetic mean {}, geometric mean {}, rule {}",
        wrong(&|example| means[example].arithmetic.clone()),
        wrong(&|example| means[example].geometric.clone()),
        wrong(&|example| found.rewritten[example][0].clone())
    );
    let [units, weights] = [0, 1].map(|i: usize| {
        let pairs = found.rewritten.iter().zip(means);
        pairs.fold(0.0f64, |largest, (rules, m)| largest.max(apart(&rules[i], &m.rule)))
    });
    println!("  scale_units and scale_weights differ from a pass in evaluation by {units:.0e} and");
    println!("  {weights:.0e}: this form of dropout scales while training.\n");

    heading("geometric");
    print_row("weight scaling rule", &found.rule, None);
    for (at, count) in SAMPLES.iter().enumerate() {
        let sampled: Vec<f64> = found.sampled.iter().map(|row| row[at]).collect();
        print_row(&format!("mean of {count} sampled"), &sampled, Some(&found.rule));
    }

    println!();
    let pairs = means.iter().zip(&found.rewritten);
    let rule: Vec<f64> = pairs.map(|(m, [units, _])| divergence(&m.arithmetic, units)).collect();
    heading("arithmetic");
    print_row("weight scaling rule", &rule, None);
    let geometric: Vec<f64> = means.iter().map(|m| divergence(&m.arithmetic, &m.geometric)).collect();
    print_row("geometric mean", &geometric, Some(&rule));
    let subset = found.test.subset(&(0..examples).collect::<Vec<_>>())?;
    for count in SAMPLES {
        let mut sampled = MonteCarlo::new(&found.model, count as u64)?.seed(SEED);
        let sampled = sampled.predict(subset.examples(), &found.parameters)?;
        let rows = sampled.mean.data().chunks(10);
        let found: Vec<f64> = rows.zip(means).map(|(row, m)| divergence(&m.arithmetic, row)).collect();
        print_row(&format!("mean of {count} sampled"), &found, Some(&rule));
    }
    Ok(())
}

fn heading(mean: &str) {
    println!("  Divergence from the {mean} mean of all subnetworks, in nats\n");
    println!("  {:<22} {:>10} {:>10} {:>24}", "", "mean", "median", "worse than the rule for");
}

/// The log-probabilities of the most subnetworks that are asked for, drawn as in training.
fn sampled_logs(
    model: &Sequential<f64>,
    example: &[f64],
    parameters: &Parameters<f64>,
    seed: u64,
) -> Result<Vec<Vec<f64>>, Box<dyn Error>> {
    let count = SAMPLES[SAMPLES.len() - 1];
    let graph = Graph::new();
    // Each row of a batch has masks of its own.
    let logs = model.forward(graph.input("x", [count, 64]), Mode::Sample).log_softmax();
    let mut plan = Plan::builder(&graph).output("logs", logs).compile();
    plan.set_seed(seed);
    let rows = Tensor::new([count, 64], example.repeat(count));
    let outputs = plan.evaluate(parameters, &[("x", Feed::from(&rows))])?;
    Ok(outputs.values("logs").chunks(10).map(<[f64]>::to_vec).collect())
}

/// The geometric mean of distributions, renormalised.
fn geometric_mean(logs: &[Vec<f64>]) -> Vec<f64> {
    let mean = |class: usize| logs.iter().map(|log| log[class]).sum::<f64>() / logs.len() as f64;
    let means: Vec<f64> = (0..logs[0].len()).map(mean).collect();
    let sum: f64 = means.iter().map(|mean| mean.exp()).sum();
    means.iter().map(|mean| mean.exp() / sum).collect()
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// Images of 4 by 4: the means of 2 by 2 pixels.
fn coarse(data: &Dataset<f64>) -> Result<Dataset<f64>, Box<dyn Error>> {
    let pixel = |i: usize| {
        let (example, row, column) = (i / 16, i / 4 % 4, i % 4);
        let image = data.example(example);
        (0..4).map(|k| image[(2 * row + k / 2) * 8 + 2 * column + k % 2]).sum::<f64>() / 4.0
    };
    Ok(Dataset::new(Tensor::from_fn([data.len(), 16], pixel), data.labels().clone(), 10)?)
}

fn trained(
    model: &dyn Layer<f64>,
    train: &Dataset<f64>,
    epochs: u64,
    setting: Setting,
    seed: u64,
) -> Result<Parameters<f64>, Box<dyn Error>> {
    let mut parameters = initialise(model, seed);
    let steps = epochs * train.len().div_ceil(32) as u64;
    let schedule = Schedule::Cosine { initial: 0.003, last: 0.0, steps };
    let mut optimiser = Optimiser::adamw(schedule, setting.decay);
    if let Some(norm) = setting.max_norm {
        optimiser = optimiser.then(Projected::new(Selection::weights(), MaxNorm::new(norm)?));
    }
    Trainer::new(model, optimiser).epochs(epochs).seed(seed).fit(train, None, &mut parameters)?;
    Ok(parameters)
}

fn largest(p: &[f64]) -> usize {
    (0..p.len()).max_by(|&a, &b| p[a].total_cmp(&p[b])).expect("there are classes")
}

/// Mean and median of divergences, and for how many examples they are larger than those of the rule.
fn print_row(name: &str, divergences: &[f64], rule: Option<&[f64]>) {
    let mean = Mean::of(divergences.iter().copied()).mean;
    let worse = rule.map_or(String::new(), |rule| {
        let count = divergences.iter().zip(rule).filter(|(found, rule)| found > rule).count();
        format!("{count} of {}", divergences.len())
    });
    println!("  {name:<22} {mean:>10.4} {:>10.4} {worse:>24}", median(divergences));
}
