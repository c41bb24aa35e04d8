//! The same digits under every attack: what each one changes, and how many it breaks with which budget.
//!
//! ```text
//! cargo run --release -p examples --example adversarial_attacks
//! ```
//!
//! A small perceptron learns the embedded digits. The pictures show one test digit, what each attack adds to it
//! (`+` and `-`, larger changes `#` and `=`), and the digit that the network then sees. FGSM and PGD change every
//! pixel a little, the attack within an L1 budget a few pixels a lot, DeepFool and Carlini-Wagner as little as
//! they can. The tables give the share of test digits that are wrong, budget by budget.

use autograd::Parameters;
use nn::data::{Dataset, digits};
use nn::{Activation, Optimiser, Sequential, Trainer, initialise};
use regularize::adversarial::{
    Apgd, Attack, AttackLoss, CarliniWagner, DeepFool, Norm, Pgd, Restarts, Square, WorstOf,
};
use regularize::{AttackEvaluator, FastGradient, RegularizeError, Threat};

const SEED: u64 = 1;
const SIDE: usize = 8;
/// The digit that is shown.
const SHOWN: usize = 3;

fn main() -> Result<(), RegularizeError> {
    let [train, test] = digits::load()?.flattened().split([0.8, 0.2], SEED)?;
    let model = Sequential::<f32>::mlp(&[64, 64, 10], Activation::Relu);
    let mut parameters = initialise(&model, SEED);
    Trainer::new(&model, Optimiser::adam(0.003)).epochs(20).seed(SEED).fit(&train, None, &mut parameters)?;

    let threat = |norm, epsilon| Threat::new(norm, epsilon)?.within(0.0, 1.0);
    let infinity = threat(Norm::Infinity, 0.15)?;
    let (two, one) = (threat(Norm::Two, 0.8)?, threat(Norm::One, 3.0)?);
    println!("One digit, its change and what the network sees, by attack\n");
    pictures(
        &model,
        &parameters,
        &test,
        vec![
            Box::new(FastGradient::of(infinity)),
            Box::new(Pgd::new(infinity, 20)?),
            Box::new(Square::new(infinity, 200)?),
        ],
    )?;
    pictures(
        &model,
        &parameters,
        &test,
        vec![
            Box::new(Pgd::new(one, 40)?),
            Box::new(DeepFool::new(two, 50)?),
            Box::new(CarliniWagner::new(two, 5, 100)?),
        ],
    )?;

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
    ];
    table(&model, &parameters, &test, &[0.0, 0.1, 0.2, 0.4, 0.8, 1.6], all)?;

    println!("\nThe same in the norm of exponent 1, where single pixels are changed\n");
    let all: Vec<Box<dyn Attack<f32>>> =
        vec![Box::new(FastGradient::of(one)), Box::new(Pgd::new(one, 40)?), Box::new(Apgd::new(one, 40)?)];
    table(&model, &parameters, &test, &[0.0, 0.5, 1.0, 2.0, 3.0, 6.0], all)
}

/// A row of pictures for each attack: the digit, the change, the result.
fn pictures(
    model: &Sequential<f32>,
    parameters: &Parameters<f32>,
    test: &Dataset,
    attacks: Vec<Box<dyn Attack<f32>>>,
) -> Result<(), RegularizeError> {
    let one = test.subset(&[SHOWN])?;
    let (x, label) = (one.example(0).to_vec(), one.labels().data()[0]);
    let mut lines = vec![String::new(); SIDE + 2];
    for attack in attacks {
        let name = attack.name();
        let found = AttackEvaluator::new(model, attack, 1).seed(SEED).attack(&one, parameters)?;
        let change: Vec<f32> = found.clipped.data().iter().zip(&x).map(|(m, x)| m - x).collect();
        lines[0] += &format!("{name:<26}");
        lines[1] += &format!("{:<26}", format!("{label} becomes {}", found.predicted.data()[0]));
        for row in 0..SIDE {
            let of = |values: &[f32], symbol: fn(f32) -> char| -> String {
                values[row * SIDE..(row + 1) * SIDE].iter().map(|v| symbol(*v)).collect()
            };
            let text = format!("{} {}", of(&change, signed), of(found.clipped.data(), ink));
            lines[row + 2] += &format!("{text:<26}");
        }
    }
    lines.iter().for_each(|line| println!("{}", line.trim_end()));
    println!();
    Ok(())
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
