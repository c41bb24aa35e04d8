//! Why adversarial examples exist: the linear view, and the plane around an example.
//!
//! ```text
//! cargo run --release -p examples --example linearity [PICTURE.svg]
//! ```
//!
//! First the argument of Goodfellow, Shlens and Szegedy (2015): a change that no input shows, `ε` in each of `n`
//! of them, moves a linear unit by an amount that grows with `n` if its signs are those of the weights, but only
//! with `√n` if they are random. Then a trained network along the sign of its gradient: logits nearly straight,
//! and another class over a long stretch. Last, the classes in the plane of that direction and a
//! random one: close and straight across the first, far along the second. With a file name the logits along the
//! gradient and the plane are drawn there.

use autograd::Tensor;
use nn::data::digits;
use nn::{Activation, Optimiser, Sequential, Trainer, initialise};
use plotters::prelude::*;
use regularize::Threat;
use regularize::adversarial::boundary::DecisionPlane;
use regularize::adversarial::linearity::{along, growth_exponent, share_of_corners, unit_moves};
use regularize::adversarial::{AttackLoss, Targets, Victim};
use std::error::Error;

const SEED: u64 = 1;
/// The test digit that is looked at.
const SHOWN: usize = 3;

fn main() -> Result<(), Box<dyn Error>> {
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
    if let Some(file) = std::env::args().nth(1) {
        draw(&fine, &line, label, &plane, &file)?;
        println!("\nwritten: {file}");
    }
    Ok(())
}

/// The logits over `ε` to the left, the right class black; the classes of the plane to the right.
fn draw(
    at: &[f64],
    logits: &Tensor<f32>,
    label: u32,
    plane: &DecisionPlane,
    file: &str,
) -> Result<(), Box<dyn Error>> {
    let colour = |class: u32| match class == label {
        true => RGBAColor(0, 0, 0, 1.0),
        false => Palette99::pick(class as usize).to_rgba(),
    };
    let root = SVGBackend::new(file, (1000, 460)).into_drawing_area();
    root.fill(&WHITE)?;
    let (left, right) = root.split_horizontally(560);
    let (low, high) = logits.data().iter().fold((0f32, 0f32), |(a, b), z| (a.min(*z), b.max(*z)));
    let mut chart = ChartBuilder::on(&left)
        .margin(10)
        .x_label_area_size(36)
        .y_label_area_size(44)
        .build_cartesian_2d(-0.5..0.5, f64::from(low)..f64::from(high))?;
    chart.configure_mesh().x_desc("ε along the sign of the gradient").y_desc("logit").draw()?;
    for class in 0..10u32 {
        let points =
            at.iter().zip(logits.data().chunks(10)).map(|(t, row)| (*t, f64::from(row[class as usize])));
        let width = if class == label { 3 } else { 1 };
        chart
            .draw_series(LineSeries::new(points, colour(class).stroke_width(width)))?
            .label(class.to_string())
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 14, y)], colour(class).stroke_width(2)));
    }
    chart.configure_series_labels().background_style(WHITE.mix(0.8)).draw()?;
    let mut chart = ChartBuilder::on(&right)
        .margin(10)
        .caption("classes in the plane", ("sans-serif", 18))
        .build_cartesian_2d(0..plane.side as i32, 0..plane.side as i32)?;
    chart.draw_series(plane.classes.iter().enumerate().map(|(k, &class)| {
        let (column, row) = ((k % plane.side) as i32, (plane.side - 1 - k / plane.side) as i32);
        let shade = if class == label { RGBAColor(235, 235, 235, 1.0) } else { colour(class) };
        Rectangle::new([(column, row), (column + 1, row + 1)], shade.filled())
    }))?;
    let middle = plane.side as i32 / 2;
    chart.draw_series([Circle::new((middle, middle), 4, BLACK.filled())])?;
    root.present()?;
    Ok(())
}
