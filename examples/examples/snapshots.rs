//! Snapshot ensembles: several members from one training, beside one network trained for as long.
//!
//! ```text
//! cargo run --release -p examples --example snapshots
//! cargo run --release -p examples --example snapshots pick
//! ```
//!
//! (Huang et al., *Snapshot Ensembles: Train 1, Get M for Free*, ICLR 2017.) The learning rate falls along a cosine and
//! starts anew, six times in one training; the network is copied at the end of each cycle. Three ways to spend the same
//! number of steps:
//!
//! - the snapshots, their probabilities averaged;
//! - one network whose rate falls once along one long cosine;
//! - six networks from weights of their own, a cycle each, averaged.
//!
//! With true labels the first rate of each way is the best of six on other seeds (the second command). The snapshots are
//! nearly one network: their mean makes as many errors as the last of them, and no fewer than one network; only its
//! loss is lower. Six networks apart make the fewest.
//!
//! With every fifth label of the training part wrong, all ways have one rate, at which a network learns wrong labels by
//! heart. Now the mean of all snapshots makes fewer errors than the last, and than one network. But the first snapshot,
//! which has learned less by heart, makes fewer still, and so do six networks apart. The last table has all rates: at
//! small ones the long training learns less by heart, and the mean gains less.

use autograd::Parameters;
use nn::data::{Dataset, digits};
use nn::{Activation, Optimiser, Schedule, Sequential, Trainer, initialise};
use regularize::RegularizeError;
use regularize::ensemble::{Average, Committee, Snapshots};
use std::ops::Range;

#[path = "labels/mod.rs"]
mod labels;
#[path = "../src/mean.rs"]
mod mean;

use labels::with_wrong_labels;
use mean::Mean;

const CYCLES: usize = 6;
/// Epochs of a cycle.
const EPOCHS: u64 = 12;
const BATCH: usize = 32;
const TRAIN: f64 = 300.0;
const TEST: f64 = 1400.0;
const SEEDS: Range<u64> = 100..120;
const PICKING_SEEDS: Range<u64> = 0..12;
const RATES: [f64; 6] = [0.0125, 0.025, 0.05, 0.1, 0.2, 0.4];
/// The first rates of snapshots, of one network, and of networks for a cycle each, as picked.
type Rates = [f64; 3];

/// Which training labels are wrong, every so manieth, and the rates for that: picked, and one for all.
const TASKS: [(&str, Option<usize>, Rates); 2] =
    [("True labels", None, [0.2, 0.2, 0.4]), ("Every fifth label wrong", Some(5), [0.2, 0.2, 0.2])];

/// One seed's data and network.
struct Task {
    model: Sequential<f32>,
    train: Dataset,
    test: Dataset,
    seed: u64,
}

impl Task {
    fn new(wrong: Option<usize>, seed: u64) -> Result<Task, RegularizeError> {
        let parts = [TRAIN, TEST, 1797.0 - TRAIN - TEST].map(|part| part / 1797.0);
        let [mut train, test, _] = digits::load()?.flattened().split(parts, seed)?;
        if let Some(every) = wrong {
            train = with_wrong_labels(train, every)?;
        }
        Ok(Task { model: Sequential::mlp(&[64, 64, 10], Activation::Relu), train, test, seed })
    }

    fn steps(&self, epochs: u64) -> u64 {
        epochs * self.train.len().div_ceil(BATCH) as u64
    }

    fn trainer(&self, schedule: Schedule, epochs: u64) -> Trainer<'_, f32> {
        Trainer::new(&self.model, Optimiser::momentum(schedule, 0.9)).batch_size(BATCH).epochs(epochs)
    }

    /// The copies at the ends of the cycles.
    fn snapshots(&self, rate: f64) -> Result<Vec<Parameters<f32>>, RegularizeError> {
        let schedule =
            Schedule::CosineRestarts { initial: rate, last: 0.0, steps: self.steps(EPOCHS), growth: 1 };
        let mut snapshots = Snapshots::of(&schedule);
        let mut parameters = initialise(&self.model, self.seed);
        self.trainer(schedule, CYCLES as u64 * EPOCHS).seed(self.seed).fit_observed(
            &self.train,
            None,
            &mut parameters,
            &mut snapshots,
        )?;
        Ok(snapshots.into_members())
    }

    /// One network whose rate falls once.
    fn network(&self, rate: f64, epochs: u64, seed: u64) -> Result<Parameters<f32>, RegularizeError> {
        let schedule = Schedule::Cosine { initial: rate, last: 0.0, steps: self.steps(epochs) };
        let mut parameters = initialise(&self.model, seed);
        self.trainer(schedule, epochs).seed(seed).fit(&self.train, None, &mut parameters)?;
        Ok(parameters)
    }

    /// Networks that have nothing in common but the data.
    fn apart(&self, rate: f64) -> Result<Vec<Parameters<f32>>, RegularizeError> {
        (0..CYCLES as u64).map(|k| self.network(rate, EPOCHS, 1000 * (k + 1) + self.seed)).collect()
    }

    /// Error in per cent and mean negative logarithm of the label's probability.
    fn measure(&self, members: &[Parameters<f32>]) -> Result<Measured, RegularizeError> {
        let committee = Committee::new(&self.model, members.to_vec())?;
        let error = committee.error(&self.test, Average::Arithmetic)?;
        let probabilities = committee.probabilities(&self.test, Average::Arithmetic)?;
        let rows = probabilities.data().chunks(self.test.classes()).zip(self.test.labels().data());
        let losses = rows.map(|(row, &label)| -f64::from(row[label as usize]).ln());
        Ok([100.0 * error, losses.sum::<f64>() / self.test.len() as f64])
    }

    /// On how many test digits in a hundred two members name another class, mean over all pairs.
    fn disagreement(&self, members: &[Parameters<f32>]) -> Result<f64, RegularizeError> {
        let mut classes = Vec::new();
        for member in members {
            let logits = Committee::new(&self.model, vec![member.clone()])?
                .probabilities(&self.test, Average::Arithmetic)?;
            let best = |row: &[f32]| (0..row.len()).max_by(|&i, &j| row[i].total_cmp(&row[j]));
            classes.push(logits.data().chunks(self.test.classes()).map(best).collect::<Vec<_>>());
        }
        let mut shares = Vec::new();
        for (i, a) in classes.iter().enumerate() {
            for b in &classes[..i] {
                let others = a.iter().zip(b).filter(|(a, b)| a != b).count();
                shares.push(100.0 * others as f64 / a.len() as f64);
            }
        }
        Ok(Mean::of(shares).mean)
    }
}

/// Error and loss.
type Measured = [f64; 2];
type Of = fn(&Found) -> Measured;

/// What is measured of one seed, by number of members.
struct Found {
    /// Snapshot `k`; the first `k`; the last `k`; `k` networks apart.
    by_number: [Vec<Measured>; 4],
    long: Measured,
    disagreement: [f64; 2],
}

fn find(wrong: Option<usize>, rates: Rates, seed: u64) -> Result<Found, RegularizeError> {
    let task = Task::new(wrong, seed)?;
    let (snapshots, apart) = (task.snapshots(rates[0])?, task.apart(rates[2])?);
    let long = task.network(rates[1], CYCLES as u64 * EPOCHS, seed)?;
    let each = |of: &dyn Fn(usize) -> Result<Measured, RegularizeError>| {
        (1..=CYCLES).map(of).collect::<Result<Vec<_>, _>>()
    };
    Ok(Found {
        by_number: [
            each(&|k| task.measure(&snapshots[k - 1..k]))?,
            each(&|k| task.measure(&snapshots[..k]))?,
            each(&|k| task.measure(&snapshots[CYCLES - k..]))?,
            each(&|k| task.measure(&apart[..k]))?,
        ],
        long: task.measure(&[long])?,
        disagreement: [task.disagreement(&snapshots)?, task.disagreement(&apart)?],
    })
}

/// Errors by first rate.
fn by_rate(wrong: Option<usize>, seeds: Range<u64>) -> Result<(), RegularizeError> {
    println!("  first rate   last snapshot   all snapshots     one network  networks apart");
    for rate in RATES {
        let mut errors = [const { Vec::new() }; 4];
        for seed in seeds.clone() {
            let task = Task::new(wrong, seed)?;
            let snapshots = task.snapshots(rate)?;
            errors[0].push(task.measure(&snapshots[CYCLES - 1..])?[0]);
            errors[1].push(task.measure(&snapshots)?[0]);
            errors[2].push(task.measure(&[task.network(rate, CYCLES as u64 * EPOCHS, seed)?])?[0]);
            errors[3].push(task.measure(&task.apart(rate)?)?[0]);
        }
        let cells = errors.map(|errors| format!("{:>16.2}", Mean::of(errors)));
        println!("  {rate:>10}{}", cells.concat());
    }
    Ok(())
}

fn pick() -> Result<(), RegularizeError> {
    println!("Test error in %, true labels, {} seeds\n", PICKING_SEEDS.count());
    by_rate(None, PICKING_SEEDS)
}

fn report(all: &[Found]) {
    let over = |of: &dyn Fn(&Found) -> f64| Mean::of(all.iter().map(of));
    println!("  k    snapshot k      first k snapshots   last k snapshots   k networks apart");
    for k in 0..CYCLES {
        let cells = [0, 1, 2, 3].map(|column: usize| {
            let error = over(&|found| found.by_number[column][k][0]);
            format!("{error:.2}")
        });
        println!("  {} {:>14} {:>18} {:>18} {:>18}", k + 1, cells[0], cells[1], cells[2], cells[3]);
    }
    println!("\n  {:<22}{:>14}{:>16}{:>16}", "", "error %", "less than one", "loss");
    let rows: [(&str, Of); 4] = [
        ("one network, as long", |found| found.long),
        ("the last snapshot", |found| found.by_number[0][CYCLES - 1]),
        ("all snapshots", |found| found.by_number[1][CYCLES - 1]),
        ("all networks apart", |found| found.by_number[3][CYCLES - 1]),
    ];
    for (number, (name, of)) in rows.into_iter().enumerate() {
        let [error, loss] = [0, 1].map(|column| over(&|found| of(found)[column]));
        let less = over(&|found| found.long[0] - of(found)[0]);
        let less = if number == 0 { String::new() } else { format!("{less:+.2}") };
        println!("  {name:<22}{error:>14.2}{less:>16}{loss:>16.3}");
    }
    println!(
        "\n  Two members differ: snapshots on {:.1} %, networks apart on {:.1} %.",
        over(&|found| found.disagreement[0]),
        over(&|found| found.disagreement[1])
    );
}

fn main() -> Result<(), RegularizeError> {
    if std::env::args().nth(1).as_deref() == Some("pick") {
        return pick();
    }
    println!(
        "{TRAIN} digits to learn from, {TEST} to test; {CYCLES} cycles of {EPOCHS} epochs. Test errors in %,"
    );
    println!("mean ± standard error of {} seeds; less than one: seed by seed.", SEEDS.count());
    for (name, wrong, rates) in TASKS {
        println!("\n{name}; first rates {}, one network {}, apart {}\n", rates[0], rates[1], rates[2]);
        report(&SEEDS.map(|seed| find(wrong, rates, seed)).collect::<Result<Vec<_>, _>>()?);
    }
    println!("\n{}; test error in % by first rate\n", TASKS[1].0);
    by_rate(TASKS[1].1, SEEDS)
}
