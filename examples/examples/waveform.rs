//! Breiman's waveform: bagged trees against one tree.
//!
//! `cargo run --release -p examples --example waveform`
//!
//! Three classes of noisy signals of 21 points, each class a random mixture of two out of three triangles
//! (Breiman et al., *Classification and Regression Trees*, 1984). A tree is an unstable learner: other examples,
//! another tree. So 50 trees, each grown on a bootstrap of the 300 training examples, differ, and the vote of
//! all is better than any one of them (Breiman, *Bagging Predictors*, 1996, table 1: 29.0 % error alone,
//! 19.4 % bagged, a third less). The best possible error is about 14 %.
//!
//! The trees here are not pruned, Breiman's were. Every figure is a mean over training sets with their test sets.

#[path = "tree/mod.rs"]
mod tree;

use autograd::Tensor;
use autograd::kernel::philox::{Stream, stream_of_name};
use comfy_table::{CellAlignment, Table, presets};
use regularize::RegularizeError;
use regularize::ensemble::{Bagging, Ensemble};
use tree::Tree;

const CLASSES: usize = 3;
const POINTS: usize = 21;
/// The sizes of the training and of the test sets.
const SIZES: [usize; 2] = [300, 1800];
/// The numbers of trees that are reported.
const TREES: [usize; 6] = [1, 2, 5, 10, 25, 50];

/// Signals and their classes.
pub struct Waveforms {
    x: Vec<Vec<f64>>,
    labels: Vec<u32>,
}

impl Waveforms {
    /// So many examples; the same seed and part, the same examples.
    pub fn draw(examples: usize, seed: u64, part: u64) -> Waveforms {
        let mut uniform = vec![0.0f64; 2 * examples];
        let mut normal = vec![0.0f64; POINTS * examples];
        Stream::new(seed, stream_of_name("mixture"), part).fill_uniform(0, &mut uniform);
        Stream::new(seed, stream_of_name("noise"), part).fill_normal(0, &mut normal);
        let (mut x, mut labels) = (Vec::new(), Vec::new());
        for (draws, noise) in uniform.chunks(2).zip(normal.chunks(POINTS)) {
            let class = (draws[0] * CLASSES as f64) as usize;
            let triangle = |peak: i32, at: i32| f64::from((6 - (at - peak).abs()).max(0));
            let [a, b] = [[11, 15], [11, 7], [15, 7]][class];
            let at = |i: usize| {
                let m = i as i32 + 1;
                draws[1] * triangle(a, m) + (1.0 - draws[1]) * triangle(b, m) + noise[i]
            };
            x.push((0..POINTS).map(at).collect());
            labels.push(class as u32);
        }
        Waveforms { x, labels }
    }

    fn tree(&self, rows: &[usize]) -> Tree {
        Tree::fit(&self.x, &self.labels, rows, CLASSES)
    }
}

/// What one training set came to.
pub struct Outcome {
    /// The test error of a single tree grown on all examples.
    pub single: f64,
    /// The test error of the vote of the first trees, for each of `TREES`.
    pub bagged: Vec<f64>,
    /// The out-of-bag estimate for all trees.
    pub out_of_bag: f64,
}

/// The trees' votes: a one at the class of each.
fn votes(tree: &Tree, x: &[Vec<f64>], rows: &[usize]) -> Tensor<f64> {
    let mut votes = Tensor::zeros([rows.len(), CLASSES]);
    for (at, &row) in rows.iter().enumerate() {
        votes.data_mut()[at * CLASSES + tree.predict(&x[row]) as usize] = 1.0;
    }
    votes
}

/// The share of examples whose most frequent vote is wrong.
fn error(votes: &[&Tensor<f64>], labels: &[u32]) -> f64 {
    let wrong = labels.iter().enumerate().filter(|&(row, &label)| {
        let sum = |class: usize| votes.iter().map(|v| v.data()[row * CLASSES + class]).sum::<f64>();
        let best = (1..CLASSES).fold(0, |best, c| if sum(c) > sum(best) { c } else { best });
        best != label as usize
    });
    wrong.count() as f64 / labels.len() as f64
}

/// Trees alone and together, on a training set and a test set of this seed.
///
/// # Errors
/// None: the requests are in range.
pub fn outcome(seed: u64) -> Result<Outcome, RegularizeError> {
    let [train, test] = [0, 1].map(|part| Waveforms::draw(SIZES[part], seed, part as u64));
    let (all, asked): (Vec<usize>, Vec<usize>) = ((0..SIZES[0]).collect(), (0..SIZES[1]).collect());
    let single = error(&[&votes(&train.tree(&all), &test.x, &asked)], &test.labels);
    let bagging = Bagging::new(TREES[TREES.len() - 1])?.seed(seed);
    let ensemble: Ensemble<Tree> =
        bagging.fit(SIZES[0], |member| Ok::<_, RegularizeError>(train.tree(member.bootstrap.indices())))?;
    let of_each = ensemble.predictions(|tree| Ok::<_, RegularizeError>(votes(tree, &test.x, &asked)))?;
    let first = |k: usize| error(&of_each[..k].iter().collect::<Vec<_>>(), &test.labels);
    let left_out = ensemble.out_of_bag(|tree, rows| Ok::<_, RegularizeError>(votes(tree, &train.x, rows)))?;
    let out_of_bag = left_out.error(&Tensor::new([SIZES[0]], train.labels.clone()))?;
    let out_of_bag = out_of_bag.expect("fifty bootstraps leave examples out");
    Ok(Outcome { single, bagged: TREES.map(first).to_vec(), out_of_bag })
}

fn main() -> Result<(), RegularizeError> {
    const SEEDS: u64 = 20;
    let outcomes = (0..SEEDS).map(outcome).collect::<Result<Vec<_>, _>>()?;
    let row = |name: &str, of: &dyn Fn(&Outcome) -> f64| {
        let values: Vec<f64> = outcomes.iter().map(|outcome| 100.0 * of(outcome)).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let square = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
        let error = (square / (values.len() - 1) as f64 / values.len() as f64).sqrt();
        let bar = "#".repeat((mean * 1.2).round() as usize);
        (mean, [name.to_string(), format!("{mean:.1}"), format!("{error:.1}"), bar])
    };
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN).set_header(["", "error %", "±", ""]);
    let (single, cells) = row("one tree on all examples", &|outcome| outcome.single);
    table.add_row(cells);
    let mut bagged = single;
    for (at, trees) in TREES.into_iter().enumerate() {
        let cells;
        (bagged, cells) = row(&format!("{trees} bagged"), &|outcome| outcome.bagged[at]);
        table.add_row(cells);
    }
    table.add_row(row("out of bag, 50", &|outcome| outcome.out_of_bag).1);
    for column in [1, 2] {
        table.column_mut(column).expect("it is there").set_cell_alignment(CellAlignment::Right);
    }
    println!("Waveform, 300 training examples, mean of {SEEDS} training sets and its error\n\n{table}");
    println!(
        "\nFifty bagged trees make {:.0} % fewer errors than one. A bagged tree alone is\n\
         worse than a tree on all examples: it has seen 63 % of them. The estimate from\n\
         the examples that each tree left out needs no test set.",
        100.0 * (1.0 - bagged / single)
    );
    Ok(())
}
