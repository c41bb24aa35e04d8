//! The same digits under every attack: what each one changes, and how many it breaks with which budget.
//!
//! ```text
//! cargo run --release -p examples --example adversarial_attacks [PICTURE.svg]
//! ```
//!
//! A small perceptron learns the embedded digits. The pictures show one test digit, what each attack adds to it
//! (`+` and `-`, larger changes `#` and `=`), and the digit that the network then sees. FGSM and PGD change every
//! pixel a little, the attack within an L1 budget a few pixels a lot, DeepFool and Carlini-Wagner as little as
//! they can. The tables give the share of test digits that are wrong, budget by budget. With a file name the pictures
//! are drawn there side by side: what the network sees above, the change below, blue where ink was taken away.

use autograd::Parameters;
use nn::data::{Dataset, digits};
use nn::{Activation, Optimiser, Sequential, Trainer, initialise};
use plotters::prelude::*;
use regularize::adversarial::{
    Apgd, Attack, AttackLoss, CarliniWagner, DeepFool, Norm, Pgd, Restarts, Square, WorstOf,
};
use regularize::{AttackEvaluator, FastGradient, RegularizeError, Threat};
use std::error::Error;

const SEED: u64 = 1;
const SIDE: usize = 8;
/// The digit that is shown.
const SHOWN: usize = 3;

fn main() -> Result<(), Box<dyn Error>> {
    let [train, test] = digits::load()?.flattened().split([0.8, 0.2], SEED)?;
    let model = Sequential::<f32>::mlp(&[64, 64, 10], Activation::Relu);
    let mut parameters = initialise(&model, SEED);
    Trainer::new(&model, Optimiser::adam(0.003)).epochs(20).seed(SEED).fit(&train, None, &mut parameters)?;

    let threat = |norm, epsilon| Threat::new(norm, epsilon)?.within(0.0, 1.0);
    let infinity = threat(Norm::Infinity, 0.15)?;
    let (two, one) = (threat(Norm::Two, 0.8)?, threat(Norm::One, 3.0)?);
    println!("One digit, its change and what the network sees, by attack\n");
    let mut shown = pictures(
        &model,
        &parameters,
        &test,
        vec![
            Box::new(FastGradient::of(infinity)),
            Box::new(Pgd::new(infinity, 20)?),
            Box::new(Square::new(infinity, 200)?),
        ],
    )?;
    shown.extend(pictures(
        &model,
        &parameters,
        &test,
        vec![
            Box::new(Apgd::new(one, 40)?),
            Box::new(DeepFool::new(two, 50)?),
            Box::new(CarliniWagner::new(two, 5, 100)?),
        ],
    )?);
    if let Some(file) = std::env::args().nth(1) {
        draw(&shown, &file)?;
        println!("written: {file}\n");
    }

    println!("Wrong test digits in %, by budget in the infinity norm\n");
    let all: Vec<Box<dyn Attack<f32>>> = vec![
        Box::new(FastGradient::of(infinity)),
        Box::new(Pgd::fast(infinity)?),
        Box::new(Pgd::momentum(infinity, 10)?),
        Box::new(Pgd::new(infinity, 20)?),
        Box::new(Restarts::new(Pgd::new(infinity, 20)?.from_random(), 3)?),
        Box::new(Apgd::new(infinity, 20)?),
        Box::new(Apgd::new(infinity, 20)?.on(AttackLoss::LogitRatio)),
        Box::new(DeepFool::new(infinity, 50)?),
        Box::new(Square::new(infinity, 200)?),
        Box::new(WorstOf::new(vec![
            Box::new(Apgd::new(infinity, 20)?),
            Box::new(Apgd::new(infinity, 20)?.on(AttackLoss::LogitRatio)),
            Box::new(Square::new(infinity, 200)?),
        ])?),
    ];
    table(&model, &parameters, &test, &[0.0, 0.02, 0.05, 0.1, 0.15, 0.3], all)?;

    println!("\nThe same in the Euclidean norm\n");
    let all: Vec<Box<dyn Attack<f32>>> = vec![
        Box::new(FastGradient::of(two)),
        Box::new(Pgd::new(two, 20)?),
        Box::new(Apgd::new(two, 20)?),
        Box::new(DeepFool::new(two, 50)?),
        Box::new(CarliniWagner::new(two, 5, 100)?),
        Box::new(Square::new(two, 200)?),
    ];
    table(&model, &parameters, &test, &[0.0, 0.1, 0.2, 0.4, 0.8, 1.6], all)?;

    println!("\nThe same in the norm of exponent 1, where single pixels are changed\n");
    let all: Vec<Box<dyn Attack<f32>>> =
        vec![Box::new(FastGradient::of(one)), Box::new(Pgd::new(one, 40)?), Box::new(Apgd::new(one, 40)?)];
    table(&model, &parameters, &test, &[0.0, 0.5, 1.0, 2.0, 3.0, 6.0], all)?;
    Ok(())
}

/// An attack's name and verdict, what the network sees, and the change.
struct Shown {
    title: [String; 2],
    seen: Vec<f32>,
    change: Vec<f32>,
}

/// All of them side by side.
fn draw(shown: &[Shown], file: &str) -> Result<(), Box<dyn Error>> {
    const PIXEL: i32 = 18;
    const LEFT: i32 = 12;
    const WIDTH: i32 = SIDE as i32 * PIXEL + 2 * LEFT;
    let size = (WIDTH as u32 * shown.len() as u32, 2 * WIDTH as u32 + 40);
    let root = SVGBackend::new(file, size).into_drawing_area();
    root.fill(&WHITE)?;
    for (number, Shown { title, seen, change }) in shown.iter().enumerate() {
        let left = number as i32 * WIDTH + LEFT;
        for (line, text) in title.iter().enumerate() {
            root.draw(&Text::new(text.clone(), (left, 8 + 20 * line as i32), ("sans-serif", 15)))?;
        }
        let square = |k: usize, top: i32, colour: RGBColor| {
            let at = (left + (k % SIDE) as i32 * PIXEL, top + (k / SIDE) as i32 * PIXEL);
            root.draw(&Rectangle::new([at, (at.0 + PIXEL, at.1 + PIXEL)], colour.filled()))
        };
        let pale = |v: f32| (255.0 * (1.0 - v.abs().min(1.0))) as u8;
        for (k, (&seen, &change)) in seen.iter().zip(change).enumerate() {
            square(k, 50, RGBColor(pale(seen), pale(seen), pale(seen)))?;
            // Twice as strong, so that small changes are seen.
            let rest = pale(2.0 * change);
            let colour = if change > 0.0 { RGBColor(255, rest, rest) } else { RGBColor(rest, rest, 255) };
            square(k, 50 + WIDTH, colour)?;
        }
        for top in [50, 50 + WIDTH] {
            let frame = [(left, top), (left + SIDE as i32 * PIXEL, top + SIDE as i32 * PIXEL)];
            root.draw(&Rectangle::new(frame, BLACK.stroke_width(1)))?;
        }
    }
    root.present()?;
    Ok(())
}

/// A row of pictures for each attack: the digit, the change, the result.
fn pictures(
    model: &Sequential<f32>,
    parameters: &Parameters<f32>,
    test: &Dataset,
    attacks: Vec<Box<dyn Attack<f32>>>,
) -> Result<Vec<Shown>, RegularizeError> {
    let one = test.subset(&[SHOWN])?;
    let (x, label) = (one.example(0).to_vec(), one.labels().data()[0]);
    let mut lines = vec![String::new(); SIDE + 2];
    let mut shown = Vec::new();
    for attack in attacks {
        let name = attack.name();
        let found = AttackEvaluator::new(model, attack, 1).seed(SEED).attack(&one, parameters)?;
        let change: Vec<f32> = found.clipped.data().iter().zip(&x).map(|(m, x)| m - x).collect();
        let verdict = format!("{label} becomes {}", found.predicted.data()[0]);
        lines[0] += &format!("{name:<26}");
        lines[1] += &format!("{verdict:<26}");
        for row in 0..SIDE {
            let of = |values: &[f32], symbol: fn(f32) -> char| -> String {
                values[row * SIDE..(row + 1) * SIDE].iter().map(|v| symbol(*v)).collect()
            };
            let text = format!("{} {}", of(&change, signed), of(found.clipped.data(), ink));
            lines[row + 2] += &format!("{text:<26}");
        }
        shown.push(Shown { title: [name, verdict], seen: found.clipped.data().to_vec(), change });
    }
    lines.iter().for_each(|line| println!("{}", line.trim_end()));
    println!();
    Ok(shown)
}

fn ink(v: f32) -> char {
    [' ', '.', ':', 'o', 'O', '@'][((v * 6.0) as usize).min(5)]
}

fn signed(v: f32) -> char {
    match v {
        v if v > 0.25 => '#',
        v if v > 0.01 => '+',
        v if v < -0.25 => '=',
        v if v < -0.01 => '-',
        _ => '.',
    }
}

/// Errors by budget, and for the last budget what the attack asked and changed.
fn table(
    model: &Sequential<f32>,
    parameters: &Parameters<f32>,
    test: &Dataset,
    epsilons: &[f64],
    attacks: Vec<Box<dyn Attack<f32>>>,
) -> Result<(), RegularizeError> {
    print!("{:<22}", "budget");
    epsilons.iter().for_each(|epsilon| print!("{epsilon:>7}"));
    println!("  queries");
    for attack in attacks {
        let full = attack.name();
        let name = if full.starts_with("worst") { "worst of APGDs, Square" } else { &full };
        let curve = AttackEvaluator::new(model, attack, 128).seed(SEED).curve(test, parameters, epsilons)?;
        print!("{name:<22}");
        curve.iter().for_each(|found| print!("{:>7.1}", 100.0 * found.worst_error));
        let asked = curve.iter().map(|found| found.queries).max().unwrap_or(0);
        println!("{:>9.1}", asked as f64 / test.len() as f64);
    }
    Ok(())
}
