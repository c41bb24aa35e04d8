//! Sparse codes of digits: a few atoms make a picture.
//!
//! `cargo run --release -p examples --example sparse_codes [PICTURES.svg]`
//!
//! The embedded digits, 8 by 8 pixels, are coded by two dictionaries: the 64 orthonormal waves of the cosine
//! transform, which know nothing of digits, and 128 atoms that were learned from the training part, by
//! alternating sparse codes (FISTA, as a graph) with a gradient step on the atoms, in one plan. Then each test
//! digit is rebuilt from its best k atoms, found by orthogonal matching pursuit.
//!
//! It prints the error of what is rebuilt against k, a digit rebuilt from 1, 2, 4, 8 atoms by either dictionary,
//! and some of the learned atoms: strokes. The last table is of codes by an L1 penalty, with the duality gap
//! that proves them.

use autograd::{Feed, Graph, Parameters, Plan, Tensor};
use comfy_table::{CellAlignment, Table, presets};
use nn::data::{Batches, Dataset, digits};
use plotters::prelude::*;
use regularize::RegularizeError;
use regularize::sparsity::{Dictionary, MatchingPursuit, SparseCoder, fista, share_of_zeros};
use std::error::Error;

const SIDE: usize = 8;
const PIXELS: usize = SIDE * SIDE;
const ATOMS: usize = 128;
const BATCH: usize = 100;
const EPOCHS: u64 = 30;
/// The coefficient of the L1 penalty while atoms are learned.
const ALPHA: f64 = 0.15;

/// Atoms that code the examples of `train` sparsely: `D := D + ε hᵀ(x - h D)/m`, scaled to length 1.
fn learn(train: &Dataset<f32>) -> Result<Dictionary<f32>, RegularizeError> {
    let graph = Graph::new();
    let (x, atoms) = (graph.input("x", [BATCH, PIXELS]), graph.parameter("atoms", [ATOMS, PIXELS]));
    // The step that the largest curvature allows is fed: it changes with the atoms.
    let codes = fista(x, atoms, graph.fill([], ALPHA), graph.scalar("step"), 30).detach();
    let misfit = (x - codes.matmul(atoms)).norm_squared() * (0.5 / BATCH as f64);
    let moved = atoms - autograd::grad(misfit, &[atoms])[0] * 3.0;
    let scaled = moved / moved.powi(2).sum_keep(&[1]).sqrt().maximum(1e-6);
    let mut plan = Plan::builder(&graph).update(atoms, scaled).compile();

    // They begin as digits.
    let first = train.examples().rows(&(0..ATOMS).collect::<Vec<_>>());
    let mut dictionary = Dictionary::new(first)?;
    let mut batches = Batches::new(train.len() / BATCH * BATCH, BATCH, 1)?;
    for epoch in 0..EPOCHS {
        let mut parameters: Parameters<f32> = [("atoms", dictionary.atoms().clone())].into_iter().collect();
        let step = 1.0 / dictionary.curvature();
        for rows in batches.epoch(epoch) {
            let (examples, _) = train.gather(rows)?;
            plan.run(&mut parameters, &[("x", Feed::from(&examples)), ("step", Feed::from(0.7 * step))])?;
        }
        dictionary = Dictionary::new(parameters["atoms"].clone())?;
    }
    Ok(dictionary)
}

/// `‖x - x̂‖² / ‖x‖²` over all examples.
fn relative_error(x: &Tensor<f32>, rebuilt: &Tensor<f32>) -> f64 {
    let square = |v: f32| f64::from(v) * f64::from(v);
    let left: f64 = x.data().iter().zip(rebuilt.data()).map(|(a, b)| square(a - b)).sum();
    left / x.data().iter().map(|&v| square(v)).sum::<f64>()
}

/// Pictures side by side, each from its smallest value to its largest.
fn print(pictures: &[&[f32]]) {
    const SHADES: [char; 6] = [' ', '.', ':', 'o', '#', '@'];
    for row in 0..SIDE {
        let line: Vec<String> = (pictures.iter())
            .map(|picture| {
                let low = picture.iter().copied().fold(f32::INFINITY, f32::min);
                let high = picture.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let shade = |v: f32| SHADES[((v - low) / (high - low).max(1e-6) * 5.99) as usize];
                picture[row * SIDE..][..SIDE].iter().map(|&v| shade(v)).collect()
            })
            .collect();
        println!("  {}", line.join(" | "));
    }
}

/// All atoms as pictures.
fn picture(dictionaries: &[&Dictionary<f32>], file: &str) -> Result<(), Box<dyn Error>> {
    let root = SVGBackend::new(file, (1200, 620)).into_drawing_area();
    root.fill(&WHITE)?;
    for (half, dictionary) in root.split_evenly((1, 2)).iter().zip(dictionaries) {
        let atoms = dictionary.atoms();
        for (number, atom) in atoms.data().chunks(PIXELS).enumerate() {
            let largest = atom.iter().fold(0.0f32, |m, v| m.max(v.abs()));
            let (left, top) = ((number % 12) as i32 * 50, (number / 12) as i32 * 50);
            for (pixel, &v) in atom.iter().enumerate() {
                let (x, y) = (left + (pixel % SIDE) as i32 * 6, top + (pixel / SIDE) as i32 * 6);
                let grey = (127.5 * (1.0 + v / largest)) as u8;
                half.draw(&Rectangle::new([(x, y), (x + 6, y + 6)], RGBColor(grey, grey, grey).filled()))?;
            }
        }
    }
    root.present()?;
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let [train, test] = digits::load()?.flattened().split([0.8, 0.2], 1)?;
    let (cosines, learned) = (Dictionary::cosine(SIDE)?, learn(&train)?);
    let x = test.examples();
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN).set_header(["k", "cosines", "learned", ""]);
    let mut shown: [Vec<Tensor<f32>>; 2] = [Vec::new(), Vec::new()];
    for k in [1, 2, 3, 4, 6, 8, 12, 16] {
        let pursuit = MatchingPursuit::new(k)?;
        let mut errors = [0.0; 2];
        for (which, dictionary) in [&cosines, &learned].into_iter().enumerate() {
            let rebuilt = dictionary.decode(&pursuit.encode(dictionary, x)?)?;
            errors[which] = 100.0 * relative_error(x, &rebuilt);
            if k.is_power_of_two() && k <= 8 {
                shown[which].push(rebuilt.rows(&[1]));
            }
        }
        let bar = |error: f64, mark: &str| mark.repeat((error / 1.5).round() as usize);
        let both = format!("{}\n{}", bar(errors[0], "c"), bar(errors[1], "l"));
        table.add_row([k.to_string(), format!("{:.1} %", errors[0]), format!("{:.1} %", errors[1]), both]);
    }
    println!("What k atoms leave unexplained of the test digits\n\n{table}");
    for (name, pictures) in ["cosines", "learned atoms"].into_iter().zip(&shown) {
        println!("\nA digit, and what 1, 2, 4, 8 {name} make of it\n");
        let original = x.rows(&[1]);
        let all: Vec<&[f32]> = std::iter::once(&original).chain(pictures).map(Tensor::data).collect();
        print(&all);
    }
    println!("\nSix of the {ATOMS} learned atoms\n");
    let atoms: Vec<&[f32]> = learned.atoms().data().chunks(PIXELS).step_by(ATOMS / 6).take(6).collect();
    print(&atoms);

    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN);
    table.set_header(["α", "zeros", "unexplained", "steps", "gap at most"]);
    for alpha in [0.5, 0.2, 0.1, 0.05] {
        let found = SparseCoder::new(alpha)?.tolerance(1e-3)?.encode(&learned, x)?;
        table.add_row([
            format!("{alpha}"),
            format!("{:.1} %", 100.0 * share_of_zeros(&found.codes)),
            format!("{:.1} %", 100.0 * relative_error(x, &learned.decode(&found.codes)?)),
            format!("{}", found.iterations),
            format!("{:.1e}", found.gap),
        ]);
    }
    for column in table.column_iter_mut() {
        column.set_cell_alignment(CellAlignment::Right);
    }
    println!("\nCodes that minimise ½‖x - hD‖² + α‖h‖₁ by the learned atoms, found by FISTA\n\n{table}");
    if let Some(file) = std::env::args().nth(1) {
        picture(&[&cosines, &learned], &file)?;
        println!("\nAll atoms are drawn in {file}");
    }
    Ok(())
}
