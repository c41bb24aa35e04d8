//! A small transformer learns to sort, and shows what it looks at.
//!
//! `cargo run --release -p examples --example attention`
//!
//! Eight random digits go in, the same digits in order come out: step `t` of the output is the `t`-th smallest.
//! To know which that is a step has to compare all digits, and then to look at the one that it needs. Every
//! batch is new, so nothing can be learnt by heart; the test sequences are drawn apart.

use autograd::{Feed, Graph, Parameters, Plan, Tensor, interpret};
use nn::attention::{LearnedPositions, MultiHeadAttention, TransformerBlock};
use nn::loss::{Reduction, cross_entropy};
use nn::{
    Activation, LEARNING_RATE, Layer, Linear, Mode, Optimiser, ParameterSpec, Schedule, Sequential,
    initialise_parameters,
};
use std::error::Error;

#[path = "../src/random.rs"]
mod random;

const TIME: usize = 8;
const DIGITS: usize = 10;
const WIDTH: usize = 32;
const BATCH: usize = 64;
const STEPS: u64 = 3000;

/// The network in the parts that are looked at: what comes before the last block, that block, and what comes
/// after it.
struct Sorter {
    before: Sequential<f32>,
    block: TransformerBlock<f32>,
    after: Linear,
}

impl Sorter {
    fn new() -> Sorter {
        let block = |name: &str| {
            let network = Sequential::with_prefix(name).linear(WIDTH, 4 * WIDTH).then(Activation::Gelu);
            let attention = MultiHeadAttention::new(&format!("{name}.attention"), WIDTH, 2);
            TransformerBlock::new(attention, network.linear(4 * WIDTH, WIDTH))
        };
        let before = Sequential::new()
            .then(Linear::new("embedding", DIGITS, WIDTH))
            .then(LearnedPositions::new("positions", TIME, WIDTH))
            .then(block("first"));
        Sorter { before, block: block("second"), after: Linear::new("output", WIDTH, DIGITS) }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let sorter = Sorter::new();
    let specs: Vec<ParameterSpec> = [&sorter.before as &dyn Layer<f32>, &sorter.block, &sorter.after]
        .iter()
        .flat_map(|layer| layer.parameters())
        .collect();
    let mut parameters = initialise_parameters(&specs, 1);
    println!("A transformer of two blocks learns to sort {TIME} digits ({} weights).\n", parameters.numel());
    train(&sorter, &specs, &mut parameters)?;
    let right = accuracy(&sorter, &parameters)?;
    println!("\n{:.1} % of the steps of 500 new sequences are right.\n", 100.0 * right);
    show(&sorter, &parameters)
}

/// Sequence number `index` of a stream: its digits in the order drawn, and sorted.
fn sequence(stream: u64, index: u64) -> ([u32; TIME], [u32; TIME]) {
    let digit = |t: usize| (random::uniform(stream, index * TIME as u64 + t as u64) * DIGITS as f64) as u32;
    let drawn: [u32; TIME] = std::array::from_fn(digit);
    let mut sorted = drawn;
    sorted.sort_unstable();
    (drawn, sorted)
}

/// `count` sequences from number `first` on, as `[count, TIME]` digits drawn and sorted.
fn batch(stream: u64, first: u64, count: usize) -> (Tensor<u32>, Tensor<u32>) {
    let (drawn, sorted): (Vec<_>, Vec<_>) =
        (first..first + count as u64).map(|i| sequence(stream, i)).unzip();
    (Tensor::new([count, TIME], drawn.concat()), Tensor::new([count, TIME], sorted.concat()))
}

fn train(
    sorter: &Sorter,
    specs: &[ParameterSpec],
    parameters: &mut Parameters<f32>,
) -> Result<(), Box<dyn Error>> {
    let graph = Graph::new();
    let digits = graph.indices("digits", [BATCH, TIME]).one_hot(DIGITS);
    let hidden = sorter.block.forward(sorter.before.forward(digits, Mode::Train), Mode::Train);
    let logits = sorter.after.forward(hidden, Mode::Train);
    let loss = cross_entropy(logits, graph.indices("sorted", [BATCH, TIME]), Reduction::Mean);
    let optimiser = Optimiser::adam(Schedule::Cosine { initial: 0.003, last: 0.0, steps: STEPS });
    let step = optimiser.minimise(loss, specs);
    step.initialise_state(parameters);
    let mut plan = step.add_to(Plan::builder(&graph).output("loss", loss)).compile();
    for number in 0..STEPS {
        let (digits, sorted) = batch(1, number * BATCH as u64, BATCH);
        let feeds = [
            ("digits", Feed::from(&digits)),
            ("sorted", Feed::from(&sorted)),
            (LEARNING_RATE, Feed::from(optimiser.learning_rate(number))),
        ];
        let loss = plan.run(parameters, &feeds)?.scalar("loss");
        if (number + 1) % (STEPS / 6) == 0 {
            println!("after {:>4} steps the loss is {loss:.4}", number + 1);
        }
    }
    Ok(())
}

/// The share of steps that are right.
fn accuracy(sorter: &Sorter, parameters: &Parameters<f32>) -> Result<f64, Box<dyn Error>> {
    let (digits, sorted) = batch(2, 0, 500);
    let graph = Graph::new();
    let input = graph.indices("digits", digits.shape()).one_hot(DIGITS);
    let hidden = sorter.block.forward(sorter.before.forward(input, Mode::Evaluate), Mode::Evaluate);
    let found = sorter.after.forward(hidden, Mode::Evaluate).argmax().one_hot(DIGITS);
    let right = (found * graph.index_constant(sorted).one_hot(DIGITS)).sum_over(&[-1]).mean();
    let values = interpret(&[right], &[("digits", Feed::from(&digits))], Some(parameters))?;
    Ok(f64::from(values[0].item()))
}

/// What each step of the output looks at, in one sequence.
fn show(sorter: &Sorter, parameters: &Parameters<f32>) -> Result<(), Box<dyn Error>> {
    let (digits, _) = batch(2, 0, 1);
    let graph = Graph::new();
    let input = graph.indices("digits", digits.shape()).one_hot(DIGITS);
    let hidden = sorter.before.forward(input, Mode::Evaluate);
    let seen = sorter.block.attention().attend(sorter.block.attention_input(hidden, Mode::Evaluate), None);
    let logits = sorter.after.forward(sorter.block.forward(hidden, Mode::Evaluate), Mode::Evaluate);
    let heads = seen.weights.shape()[1];
    // The mean of the heads: where the block looks at all.
    let weights = seen.weights.mean_over(&[1]);
    let feeds = [("digits", Feed::from(&digits))];
    let values = interpret(&[weights, logits], &feeds, Some(parameters))?;

    println!("What the second block looks at, the mean of its {heads} heads, in percent of each row:\n");
    let header: String = digits.data().iter().map(|digit| format!("{digit:>5}")).collect();
    println!("  output | input{header}\n  -------+-----{}", "-----".repeat(TIME));
    for (t, row) in values[0].data().chunks(TIME).enumerate() {
        let logits = &values[1].data()[t * DIGITS..(t + 1) * DIGITS];
        let named = (0..DIGITS).max_by(|&a, &b| logits[a].total_cmp(&logits[b])).expect("ten digits");
        let cells: String = row.iter().map(|weight| format!("{:>5.0}", 100.0 * weight)).collect();
        println!("     {named}   |      {cells}");
    }
    Ok(())
}
