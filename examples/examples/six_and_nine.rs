//! A half turn makes a 9 of a 6: what a label contract refuses, and what it costs to force it.
//!
//! `cargo run --release -p examples --example six_and_nine`
//!
//! The same network is trained on a third of the digits twice: as they are, and with every image turned by 180
//! degrees half of the time, labels unchanged. Everything else is the same (split, first weights, order of
//! examples), so that the difference is the augmentation's. Digits that look alike when turned (0, 1, 8) lose a
//! little, as the network has more to learn; 6 and 9 are now two names of one shape.

mod text;

use autograd::{Graph, Tensor, interpret};
use comfy_table::{CellAlignment, Table, presets};
use nn::data::{Dataset, digits};
use nn::train::Evaluator;
use nn::{Activation, Optimiser, Sequential, Trainer, initialise};
use regularize::augmentation::crop::{Mirror, flip};
use regularize::augmentation::{Affine, Augment, Flip, LabelContract, Pipeline};
use std::error::Error;
use text::pictures;

const SEEDS: u64 = 12;
const GROUPS: [(&str, &[u32]); 3] =
    [("6 and 9", &[6, 9]), ("0, 1, 8", &[0, 1, 8]), ("others", &[2, 3, 4, 5, 7])];

fn turned() -> Result<Pipeline<f32>, Box<dyn Error>> {
    Ok(Pipeline::new([1, 8, 8]).then(Flip::new(Mirror::Both, 0.5)?))
}

/// A 6, the same turned, and the 9 of the data set that is nearest to it.
fn look_alikes(data: &Dataset) -> Result<String, Box<dyn Error>> {
    let with = |label: u32| (0..data.len()).filter(move |&i| data.labels().data()[i] == label);
    let turned = |image: &[f32]| -> Result<Vec<f32>, Box<dyn Error>> {
        let graph = Graph::<f32>::new();
        let x = graph.constant(Tensor::new([1, 1, 8, 8], image.to_vec()));
        Ok(interpret(&[flip(x, graph.fill([1], 1.0), Mirror::Both)], &[], None)?.remove(0).into_data())
    };
    let distance = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f32>();
    let mut best: Option<(f32, usize, usize)> = None;
    for six in with(6) {
        let half = turned(data.example(six))?;
        for nine in with(9) {
            let found = distance(&half, data.example(nine));
            if best.is_none_or(|(least, ..)| found < least) {
                best = Some((found, six, nine));
            }
        }
    }
    let (_, six, nine) = best.ok_or("there are sixes and nines")?;
    let half = turned(data.example(six))?;
    Ok(format!(
        "A 6, the same 6 after a half turn, and the 9 nearest to that:\n{}",
        pictures(&[data.example(six), &half, data.example(nine)], 8, 3).trim_end()
    ))
}

/// The test error on each group.
fn errors(augment: Option<Augment<f32>>, seed: u64) -> Result<[f64; 3], Box<dyn Error>> {
    let [train, test] = digits::load()?.flattened().split([0.3, 0.7], seed)?;
    let model = Sequential::<f32>::mlp(&[64, 16, 10], Activation::Relu);
    let mut parameters = initialise(&model, seed);
    let trainer = Trainer::new(&model, Optimiser::adam(0.01)).epochs(25).seed(seed);
    let mut trainer = trainer.objective(move |batch| match &augment {
        Some(augment) => augment.on(batch).cross_entropy(),
        None => batch.cross_entropy(),
    });
    trainer.fit(&train, None, &mut parameters)?;
    let mut found = [0.0; 3];
    for (found, (_, classes)) in found.iter_mut().zip(GROUPS) {
        let labels = test.labels().data();
        let rows: Vec<usize> = (0..test.len()).filter(|&i| classes.contains(&labels[i])).collect();
        *found = 100.0 * Evaluator::new(&model, 256).evaluate(&test.subset(&rows)?, &parameters)?.error;
    }
    Ok(found)
}

/// Mean and standard error.
fn mean(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, (variance / n).sqrt())
}

fn main() -> Result<(), Box<dyn Error>> {
    println!("{}\n", look_alikes(&digits::load()?)?);
    let contract = LabelContract::digits();
    let refusals = [
        turned()?.for_labels(&contract).expect_err("a half turn is refused"),
        Pipeline::<f32>::new([1, 8, 8])
            .then(Affine::new().rotate(180.0)?)
            .for_labels(&contract)
            .expect_err("and so is any angle"),
    ];
    println!("The contract of the digits on a half turn, and on turns by any angle:");
    for refusal in refusals {
        println!("  {}", refusal.to_string().replace("digits: ", "digits:\n    "));
    }

    let (mut plain, mut forced) = (Vec::new(), Vec::new());
    for seed in 0..SEEDS {
        plain.push(errors(None, seed)?);
        forced.push(errors(Some(turned()?.forced()), seed)?);
    }
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN);
    table.set_header(["digits", "as they are", "half of them turned", "difference", "t"]);
    for (group, (name, _)) in GROUPS.iter().enumerate() {
        let column = |of: &[[f64; 3]]| of.iter().map(|errors| errors[group]).collect::<Vec<_>>();
        let differences: Vec<f64> = column(&forced).iter().zip(column(&plain)).map(|(a, b)| a - b).collect();
        let (difference, error) = mean(&differences);
        table.add_row([
            name.to_string(),
            format!("{:.1}", mean(&column(&plain)).0),
            format!("{:.1}", mean(&column(&forced)).0),
            format!("{difference:+.1} ± {error:.1}"),
            format!("{:.1}", difference / error),
        ]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    println!(
        "\nForced: test error in per cent, mean of {SEEDS} seeds; difference paired, ± standard error\n"
    );
    println!("{table}");
    println!("\nBy chance t is above 4.0 once in a thousand times (eleven degrees of freedom).");
    Ok(())
}
