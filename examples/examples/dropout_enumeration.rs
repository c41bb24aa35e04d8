//! Every subnetwork of small networks with dropout, one by one, against the weight scaling rule.
//!
//! `cargo run --release -p examples --example dropout_enumeration [EXAMPLES]`
//!
//! What should predict is the mean of all subnetworks. The rule takes one pass with every unit, scaled. Two
//! networks that read digits are small enough to know the truth:
//!
//! ```text
//! softmax regression on images of 4 by 4, dropout of the 16 pixels      65,536 subnetworks
//! two hidden layers of 10 rectifiers, dropout of the 20 hidden units  1,048,576 subnetworks
//! ```
//!
//! For the first the rule *is* the renormalised geometric mean of all subnetworks. For the second it is an
//! approximation of it; how good, is printed beside what averaging over sampled subnetworks achieves.

use autograd::{Parameters, Tensor};
use nn::data::{Dataset, digits};
use nn::{Activation, Layer, Optimiser, Schedule, Sequential, Trainer, initialise};
use regularize::Dropout;
use regularize::dropout::{EnsembleMeans, MonteCarlo, SubNetworks, divergence};
use std::error::Error;
use std::time::Instant;

#[path = "../src/random.rs"]
mod random;

const SEED: u64 = 1;
/// How many subnetworks are sampled for each of the averages.
const SAMPLES: [u64; 5] = [1, 5, 10, 50, 200];

fn main() -> Result<(), Box<dyn Error>> {
    let examples = std::env::args().nth(1).map_or(Ok(24), |text| text.parse())?;
    let digits = digits::load()?.flattened().cast::<f64>();

    println!("Softmax regression on 16 pixels, each dropped with probability 0.5\n");
    let [train, test] = coarse(&digits)?.split([0.8, 0.2], SEED)?;
    let model = Sequential::new().then(Dropout::new(0.5)?).linear(16, 10);
    let parameters = trained(&model, &train, 20)?;
    let mut all = SubNetworks::new(&model, [16])?;
    let (mut geometric, mut arithmetic) = (0f64, 0.0);
    for example in 0..20 {
        let means = all.means(test.example(example), &parameters)?;
        for (rule, mean) in means.rule.iter().zip(&means.geometric) {
            geometric = geometric.max((rule - mean).abs());
        }
        arithmetic += divergence(&means.arithmetic, &means.rule) / 20.0;
    }
    println!("  {} subnetworks, 20 held-out digits", all.count());
    println!("  largest difference between rule and geometric mean     {geometric:.0e}");
    println!("  mean divergence of the arithmetic mean from the rule   {arithmetic:.4} nats\n");

    println!("Rectifiers, 64-10-10-10, hidden units dropped with probability 0.5\n");
    let [train, test] = digits.split([0.8, 0.2], SEED)?;
    let half = Dropout::new(0.5)?;
    let hidden = |network: Sequential<f64>| {
        network.then(Activation::Relu).then_named("dropout", |name| half.named(name))
    };
    let model = hidden(hidden(Sequential::new().linear(64, 10)).linear(10, 10)).linear(10, 10);
    let parameters = trained(&model, &train, 60)?;
    let mut all = SubNetworks::new(&model, [64])?;
    let start = Instant::now();
    let means = (0..examples)
        .map(|example| all.means(test.example(example), &parameters))
        .collect::<Result<Vec<_>, _>>()?;
    println!(
        "  {} subnetworks, {examples} held-out digits, {:.2} s for each",
        all.count(),
        start.elapsed().as_secs_f64() / examples as f64
    );
    let wrong = |p: fn(&EnsembleMeans) -> &Vec<f64>| {
        let label = |example: usize| test.labels().data()[example] as usize;
        (0..examples).filter(|&example| largest(p(&means[example])) != label(example)).count()
    };
    println!(
        "  wrong: arithmetic mean {}, geometric mean {}, rule {}\n",
        wrong(|m| &m.arithmetic),
        wrong(|m| &m.geometric),
        wrong(|m| &m.rule)
    );

    let rule: Vec<f64> = means.iter().map(|m| divergence(&m.geometric, &m.rule)).collect();
    heading("geometric");
    print_row("weight scaling rule", &rule, None);
    let mut sampled = Vec::new();
    for (example, mean) in means.iter().enumerate() {
        let logs = sampled_logs(&mut all, test.example(example), &parameters, example as u64)?;
        sampled
            .push(SAMPLES.map(|count| divergence(&mean.geometric, &geometric_mean(&logs[..count as usize]))));
    }
    for (at, count) in SAMPLES.iter().enumerate() {
        let found: Vec<f64> = sampled.iter().map(|row| row[at]).collect();
        print_row(&format!("mean of {count} sampled"), &found, Some(&rule));
    }

    println!();
    let rule: Vec<f64> = means.iter().map(|m| divergence(&m.arithmetic, &m.rule)).collect();
    heading("arithmetic");
    print_row("weight scaling rule", &rule, None);
    let geometric: Vec<f64> = means.iter().map(|m| divergence(&m.arithmetic, &m.geometric)).collect();
    print_row("geometric mean", &geometric, Some(&rule));
    let subset = test.subset(&(0..examples).collect::<Vec<_>>())?;
    for samples in SAMPLES {
        let sampled = MonteCarlo::new(&model, samples)?.seed(SEED).predict(subset.examples(), &parameters)?;
        let rows = sampled.mean.data().chunks(10);
        let found: Vec<f64> = rows.zip(&means).map(|(row, m)| divergence(&m.arithmetic, row)).collect();
        print_row(&format!("mean of {samples} sampled"), &found, Some(&rule));
    }
    println!(
        "\nThe rule stands for the geometric mean, and better than many samples of it do. That\n\
         mean is surer of itself than the ensemble: who wants its probabilities, samples."
    );
    Ok(())
}

fn heading(mean: &str) {
    println!("  Divergence from the {mean} mean of all subnetworks, in nats\n");
    println!("  {:<22} {:>10} {:>10} {:>24}", "", "mean", "median", "worse than the rule for");
}

/// The log-probabilities of as many subnetworks as are asked for at most, picked among all: with probability
/// 0.5 each is as likely as any other.
fn sampled_logs(
    all: &mut SubNetworks<f64>,
    example: &[f64],
    parameters: &Parameters<f64>,
    seed: u64,
) -> Result<Vec<Vec<f64>>, Box<dyn Error>> {
    let count = SAMPLES[SAMPLES.len() - 1];
    let pick = |draw| (random::uniform(seed, draw) * all.count() as f64) as u64;
    let picks: Vec<u64> = (0..count).map(pick).collect();
    let mut logs = vec![Vec::new(); picks.len()];
    let mut number = 0;
    all.for_each(example, parameters, |_, log, _| {
        for (pick, place) in picks.iter().zip(&mut logs) {
            if *pick == number {
                *place = log.to_vec();
            }
        }
        number += 1;
    })?;
    Ok(logs)
}

/// The geometric mean of distributions, renormalised.
fn geometric_mean(logs: &[Vec<f64>]) -> Vec<f64> {
    let mean = |class: usize| logs.iter().map(|log| log[class]).sum::<f64>() / logs.len() as f64;
    let means: Vec<f64> = (0..logs[0].len()).map(mean).collect();
    let sum: f64 = means.iter().map(|mean| mean.exp()).sum();
    means.iter().map(|mean| mean.exp() / sum).collect()
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
) -> Result<Parameters<f64>, Box<dyn Error>> {
    let mut parameters = initialise(model, SEED);
    let steps = epochs * train.len().div_ceil(32) as u64;
    let optimiser = Optimiser::adamw(Schedule::Cosine { initial: 0.01, last: 0.0, steps }, 0.3);
    Trainer::new(model, optimiser).epochs(epochs).seed(SEED).fit(train, None, &mut parameters)?;
    Ok(parameters)
}

fn largest(p: &[f64]) -> usize {
    (0..p.len()).max_by(|&a, &b| p[a].total_cmp(&p[b])).expect("there are classes")
}

/// Mean and median of divergences, and for how many examples they are larger than those of the rule.
fn print_row(name: &str, divergences: &[f64], rule: Option<&[f64]>) {
    let mut sorted = divergences.to_vec();
    sorted.sort_by(f64::total_cmp);
    let mean = sorted.iter().sum::<f64>() / sorted.len() as f64;
    let worse = rule.map_or(String::new(), |rule| {
        let count = divergences.iter().zip(rule).filter(|(found, rule)| found > rule).count();
        format!("{count} of {}", divergences.len())
    });
    println!("  {name:<22} {mean:>10.4} {:>10.4} {worse:>24}", sorted[sorted.len() / 2]);
}
