//! A variational autoencoder lays handwritten digits out on a plane.
//!
//! `cargo run --release -p examples --example variational_autoencoder`
//!
//! Encoder and decoder are small perceptrons, the code has two numbers, so that the whole of it can be shown:
//! the pictures that a grid of codes stands for, and where the held-out digits have theirs.

use autograd::{Feed, Graph, Parameters, Plan, Tensor, interpret};
use nn::data::{Batches, Dataset, LastBatch, digits};
use nn::probabilistic::{Likelihood, VariationalAutoencoder};
use nn::{Activation, LEARNING_RATE, Mode, Optimiser, Schedule, Sequential, initialise_parameters};
use std::error::Error;

mod text;

const PIXELS: usize = 64;
const HIDDEN: usize = 128;
const BATCH: usize = 50;
const EPOCHS: u64 = 200;

type Model = VariationalAutoencoder<f32>;

fn main() -> Result<(), Box<dyn Error>> {
    let [train, test] = digits::load()?.flattened().split([0.8, 0.2], 1)?;
    let network = |name: &str, inputs, outputs| {
        let hidden = Sequential::with_prefix(name).linear(inputs, HIDDEN).then(Activation::Relu);
        hidden.linear(HIDDEN, outputs)
    };
    let (encoder, decoder) = (network("encoder", PIXELS, 4), network("decoder", 2, PIXELS));
    let model = Model::new("digits", encoder, decoder, 2, Likelihood::Bernoulli);
    let mut parameters = initialise_parameters(&model.parameters(), 1);

    let graph = Graph::new();
    let loss = -model.lower_bound(graph.input("x", [BATCH, PIXELS]), Mode::Train).value().mean();
    let mut batches = Batches::new(train.len(), BATCH, 1)?.with_last(LastBatch::Drop)?;
    let steps = EPOCHS * batches.batches_per_epoch() as u64;
    let optimiser = Optimiser::adam(Schedule::Cosine { initial: 0.003, last: 0.0, steps });
    let step = optimiser.minimise(loss, &model.parameters());
    step.initialise_state(&mut parameters);
    let mut plan = step.add_to(Plan::builder(&graph).output("loss", loss)).compile();
    plan.set_seed(1);

    println!("The lower bound of the log-likelihood of {} held-out digits:\n", test.len());
    println!("                 bound  =  ln p(x | z)  -  divergence");
    let mut number = 0;
    for epoch in 0..EPOCHS {
        for indices in batches.epoch(epoch) {
            let (examples, _) = train.gather(indices)?;
            let rate = Feed::from(optimiser.learning_rate(number));
            plan.run(&mut parameters, &[("x", Feed::from(&examples)), (LEARNING_RATE, rate)])?;
            number += 1;
        }
        if (epoch + 1) % (EPOCHS / 5) == 0 {
            let [fit, divergence] = bound(&model, &test, &parameters)?;
            println!(
                "after epoch {:>3}  {:>6.2}  {fit:>13.2}  {divergence:>13.2}",
                epoch + 1,
                fit - divergence
            );
        }
    }

    println!("\nThe plane of codes, from -2 to 2 in both directions:\n");
    // Four pictures of sixteen characters side by side fit a terminal.
    let columns = 4;
    let place = |i: usize| 4.0 * i as f32 / (columns - 1) as f32 - 2.0;
    let codes = Tensor::from_fn([columns * columns, 2], |i| {
        let (row, column) = (i / 2 / columns, i / 2 % columns);
        if i % 2 == 0 { place(column) } else { -place(row) }
    });
    let graph = Graph::new();
    let images = model.decode(graph.input("z", codes.shape()), Mode::Evaluate);
    let images = interpret(&[images], &[("z", Feed::from(&codes))], Some(&parameters))?.remove(0);
    let tiles: Vec<&[f32]> = images.data().chunks(PIXELS).collect();
    print!("{}", text::pictures(&tiles, 8, columns));

    println!("Where the held-out digits have their codes, on the same plane:\n");
    print!("{}", map(&model, &test, &parameters)?);
    Ok(())
}

/// The two parts of the bound, in the mean over a data set, with one draw for each example.
fn bound(
    model: &Model,
    data: &Dataset<f32>,
    parameters: &Parameters<f32>,
) -> Result<[f32; 2], Box<dyn Error>> {
    let graph = Graph::new();
    let bound = model.lower_bound(graph.input("x", data.examples().shape()), Mode::Evaluate);
    let parts = [bound.log_likelihood.mean(), bound.divergence.mean()];
    let values = interpret(&parts, &[("x", Feed::from(data.examples()))], Some(parameters))?;
    Ok([values[0].item(), values[1].item()])
}

/// The plane as text, each digit at the mean of its code.
fn map(model: &Model, data: &Dataset<f32>, parameters: &Parameters<f32>) -> Result<String, Box<dyn Error>> {
    const SIZE: [usize; 2] = [28, 72];
    let graph = Graph::new();
    let means = model.encode(graph.input("x", data.examples().shape()), Mode::Evaluate).mean;
    let means = interpret(&[means], &[("x", Feed::from(data.examples()))], Some(parameters))?.remove(0);
    let mut plane = vec![vec![' '; SIZE[1]]; SIZE[0]];
    for (code, &label) in means.data().chunks(2).zip(data.labels().data()) {
        let share = |z: f32| f64::from((z + 2.0) / 4.0).clamp(0.0, 1.0);
        let row = ((1.0 - share(code[1])) * (SIZE[0] - 1) as f64).round() as usize;
        let column = (share(code[0]) * (SIZE[1] - 1) as f64).round() as usize;
        plane[row][column] = char::from_digit(label, 10).expect("a digit");
    }
    Ok(plane.iter().map(|row| row.iter().collect::<String>().trim_end().to_string() + "\n").collect())
}
