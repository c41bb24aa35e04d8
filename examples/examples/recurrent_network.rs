//! A GRU reads the rows of a handwritten digit from the top, one at a time, and names the digit.
//!
//! `cargo run --release -p examples --example recurrent_network`
//!
//! Trains on two thirds of the 1797 embedded digits, [`Trainer`] as for any other network, and then looks at
//! what the state knows after each row: the output layer, trained on the last state alone, is asked early.

use autograd::{Feed, Graph, Parameters, interpret};
use nn::data::{Dataset, Standardise, digits};
use nn::recurrent::{Gru, Recurrent};
use nn::{Layer, Linear, Mode, Optimiser, Schedule, Sequential, Trainer, initialise};
use std::error::Error;

const ROWS: usize = 8;
const HIDDEN: usize = 64;
const EPOCHS: u64 = 30;

/// The recurrent layer and the output layer, which are also asked apart.
fn layers() -> (Recurrent<Gru>, Linear) {
    (Recurrent::new(Gru::new("gru", ROWS, HIDDEN)), Linear::new("output", HIDDEN, 10))
}

fn main() -> Result<(), Box<dyn Error>> {
    let [train, test] = digits::load()?.split([2.0 / 3.0, 1.0 / 3.0], 1)?;
    let scale = Standardise::fit(&train)?;
    let (train, test) = (scale.apply(&train)?, scale.apply(&test)?);
    println!(
        "A GRU of {HIDDEN} units reads {} digits row by row; {} are held out.\n",
        train.len(),
        test.len()
    );

    let (recurrent, output) = layers();
    let model = Sequential::<f32>::new().then(recurrent.last()).then(output);
    let mut parameters = initialise(&model, 1);
    let steps = EPOCHS * (train.len() as u64).div_ceil(32);
    let optimiser = Optimiser::adamw(Schedule::Cosine { initial: 0.005, last: 0.0, steps }, 0.01);
    let mut trainer = Trainer::new(&model, optimiser).epochs(EPOCHS).seed(1).progress("training");
    let curve = trainer.fit(&train, Some(&test), &mut parameters)?;
    for epoch in curve.epochs.iter().filter(|epoch| epoch.epoch % 5 == 4) {
        let held_out = epoch.validation.as_ref().expect("there is a validation set").error;
        println!(
            "after epoch {:>2}: {:>5.2} % of the training digits wrong, {:>5.2} % held out",
            epoch.epoch + 1,
            100.0 * epoch.train.error,
            100.0 * held_out
        );
    }

    println!("\nWhat the state knows after each row (held-out digits named right):\n");
    for (row, share) in right_after_each_row(&test, &parameters)?.iter().enumerate() {
        println!(
            "  row {}  {:>5.1} %  {}",
            row + 1,
            100.0 * share,
            "#".repeat((share * 50.0).round() as usize)
        );
    }
    let error = trainer.evaluate(&test, &parameters)?.error;
    println!("\n{:.2} % of the held-out digits are named right.", 100.0 * (1.0 - error));
    Ok(())
}

/// The share of digits that the output layer names right from the state after each row.
fn right_after_each_row(
    data: &Dataset<f32>,
    parameters: &Parameters<f32>,
) -> Result<Vec<f64>, Box<dyn Error>> {
    let (recurrent, output) = layers();
    let graph = Graph::new();
    let states = recurrent.unroll(graph.input("x", data.examples().shape())).sequence;
    let logits = output.forward(states, Mode::Evaluate);
    let logits = interpret(&[logits], &[("x", Feed::from(data.examples()))], Some(parameters))?.remove(0);
    let mut right = vec![0; ROWS];
    for (row, logits) in logits.data().chunks(10).enumerate() {
        let largest = (0..10).max_by(|&a, &b| logits[a].total_cmp(&logits[b])).expect("ten classes");
        right[row % ROWS] += usize::from(largest == data.labels().data()[row / ROWS] as usize);
    }
    Ok(right.into_iter().map(|right| right as f64 / data.len() as f64).collect())
}
