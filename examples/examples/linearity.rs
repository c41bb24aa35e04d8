//! Why adversarial examples exist: the linear view, and the plane around an example.
//!
//! ```text
//! cargo run --release -p examples --example linearity
//! ```
//!
//! First the argument of Goodfellow, Shlens and Szegedy (2015): a change that no input shows, `ε` in each of `n`
//! of them, moves a linear unit by an amount that grows with `n` if its signs are those of the weights, but only
//! with `√n` if they are random. Then a trained network along the sign of its gradient: logits nearly straight,
//! and another class over a long stretch. Last, the classes in the plane of that direction and a
//! random one: close and straight across the first, far along the second.

use autograd::Tensor;
use nn::data::digits;
use nn::{Activation, Optimiser, Sequential, Trainer, initialise};
use regularize::adversarial::boundary::DecisionPlane;
use regularize::adversarial::linearity::{along, growth_exponent, share_of_corners, unit_moves};
use regularize::adversarial::{AttackLoss, Targets, Victim};
use regularize::{RegularizeError, Threat};

const SEED: u64 = 1;
/// The test digit that is looked at.
const SHOWN: usize = 3;

fn main() -> Result<(), RegularizeError> {
    println!("A linear unit of n normal weights, ε = 0.1 in each input");
    println!("{:>7}{:>12}{:>12}{:>10}", "n", "attack", "noise", "ratio");
    let moves: Vec<_> = (4..=14).map(|k| unit_moves(1 << k, 0.1, 64, SEED)).collect();
    for m in &moves {
        println!("{:>7}{:>12.2}{:>12.3}{:>10.1}", m.inputs, m.attack, m.noise, m.attack / m.noise);
    }
    let attack: Vec<_> = moves.iter().map(|m| (m.inputs as f64, m.attack)).collect();
    let noise: Vec<_> = moves.iter().map(|m| (m.inputs as f64, m.noise)).collect();
    println!(
        "growth: attack n^{:.3}, noise n^{:.3}; in theory 1 and 0.5\n",
        growth_exponent(&attack),
        growth_exponent(&noise)
    );

    let [train, test] = digits::load()?.flattened().split([0.8, 0.2], SEED)?;
    let model = Sequential::<f32>::mlp(&[64, 64, 10], Activation::Relu);
    let mut parameters = initialise(&model, SEED);
    Trainer::new(&model, Optimiser::adam(0.003)).epochs(20).seed(SEED).fit(&train, None, &mut parameters)?;
    let (x, labels) = test.gather(&[SHOWN])?;
    let label = labels.data()[0];
    let mut victim = Victim::new(&model, &parameters);
    let targets = Targets { x: &x, labels: &labels, targets: None, first: 0, seed: SEED };
    let slope = victim.slope(AttackLoss::CrossEntropy, &x, &targets)?.gradient;
    let sign = Tensor::from_fn(x.shape(), |i| {
        let g = slope.data()[i];
        if g == 0.0 { 0.0 } else { g.signum() }
    });
    let at: Vec<f64> = (-10..=10).map(|i| f64::from(i) / 20.0).collect();
    let logits = along(&mut victim, &x, &sign, &at)?;
    println!("Logits of a {label} at x + ε sign(gradient); the largest in brackets");
    print!("{:>6}", "ε");
    (0..10).for_each(|class| print!("{class:>7}"));
    println!();
    for (t, row) in at.iter().zip(logits.data().chunks(10)) {
        let largest = row.iter().fold(f32::NEG_INFINITY, |a, b| a.max(*b));
        print!("{t:>6.2}");
        for z in row {
            if *z == largest { print!("{:>7}", format!("[{z:.1}]")) } else { print!("{z:>6.1} ") }
        }
        println!();
    }
    let wrong = |rows: &[f32]| {
        let of = |row: &[f32]| (0..10).fold(0, |best, k| if row[k] > row[best] { k } else { best }) as u32;
        rows.chunks(10).filter(|row| of(row) != label).count()
    };
    println!(
        "wrong at {} of 10 points to the left, {} of 10 to the right",
        wrong(&logits.data()[..100]),
        wrong(&logits.data()[110..])
    );
    let fine: Vec<f64> = (-1000..=1000).map(|i| f64::from(i) / 2000.0).collect();
    let line = along(&mut victim, &x, &sign, &fine)?;
    let own: Vec<f64> = line.data().chunks(10).map(|row| f64::from(row[label as usize])).collect();
    println!(
        "corners of the {label}'s logit: at {:.1} % of 2001 points; else it is straight\n",
        100.0 * share_of_corners(&own, 1e-5)
    );

    let plane = DecisionPlane::around(&mut victim, &x, label, Threat::infinity(0.5)?, 25, SEED)?;
    println!("Classes around it: right along the gradient's sign to ε = 0.5, down a random way");
    print!("{}", plane.drawing(|class| if class == label { '.' } else { char::from(b'0' + class as u8) }));
    println!("`.` is {label}, {:.0} % of the plane", 100.0 * plane.share_of_centre());
    Ok(())
}
