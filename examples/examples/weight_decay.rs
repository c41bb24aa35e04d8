//! What L2 does to a minimum: it shrinks it along the eigenvectors of the Hessian.
//!
//! `cargo run --release -p examples --example weight_decay [PICTURE.svg]`
//!
//! ```text
//! J(w) = ½ (w - w*)ᵀ H (w - w*),     J̃(w) = J(w) + α/2 ‖w‖²
//! ```
//!
//! (*Deep Learning*, section 7.1.1 and figure 7.1.) Along an eigenvector of `H` with eigenvalue `λ` the minimum of
//! `J̃` is `λ / (λ + α)` of `w*`. A direction in which the loss is steep (`λ ≫ α`) hardly moves; one in which it is
//! flat (`λ ≪ α`) is decayed away. It prints the minima that gradient descent finds beside the formula, and
//! draws their path; the picture has the level lines and the eigenvectors too.

use autograd::{Feed, Graph, Parameters, Plan, Tensor, Var};
use nn::{Initialiser, LEARNING_RATE, Optimiser, ParameterSpec, Role};
use plotters::prelude::*;
use regularize::{L2, Penalty, effective_parameters};
use std::error::Error;

/// The Hessian: its eigenvectors are the axes turned by this angle.
const ANGLE: f64 = 0.35;
const EIGENVALUES: [f64; 2] = [0.15, 2.5];
/// The minimum of the loss alone.
const MINIMUM: [f64; 2] = [1.6, 1.5];
const ALPHAS: [f64; 7] = [0.0, 0.02, 0.1, 0.3, 1.0, 3.0, 20.0];
/// The coefficient whose level lines are drawn.
const SHOWN: f64 = 0.3;
/// The part of the plane that is drawn, and its size in characters.
const AREA: [(f64, f64); 2] = [(-0.4, 2.6), (-0.3, 2.1)];
const CHARACTERS: (usize, usize) = (66, 22);

/// The components of a vector along the eigenvectors.
fn along(w: [f64; 2]) -> [f64; 2] {
    let (sin, cos) = ANGLE.sin_cos();
    [cos * w[0] + sin * w[1], cos * w[1] - sin * w[0]]
}

/// The vector with these components along the eigenvectors.
fn from_along(c: [f64; 2]) -> [f64; 2] {
    let (sin, cos) = ANGLE.sin_cos();
    [cos * c[0] - sin * c[1], sin * c[0] + cos * c[1]]
}

/// The loss as a graph: `½ Σ λᵢ cᵢ²` with `c = Qᵀ(w - w*)`.
fn loss<'g>(w: Var<'g, f64>) -> Var<'g, f64> {
    let graph = w.graph();
    let constant = |values: [f64; 2]| graph.constant(Tensor::new([2], values.to_vec()));
    let (sin, cos) = ANGLE.sin_cos();
    let turn = graph.constant(Tensor::new([2, 2], vec![cos, -sin, sin, cos]));
    let components = (w - constant(MINIMUM)).reshape([1, 2]).matmul(turn);
    (components.powi(2) * constant(EIGENVALUES)).sum() * 0.5
}

/// Where gradient descent on the penalised loss ends.
fn minimum(alpha: f64) -> Result<[f64; 2], Box<dyn Error>> {
    let graph = Graph::new();
    let spec = ParameterSpec {
        name: "w".into(),
        shape: [2].into(),
        role: Role::Weight,
        initialiser: Initialiser::Zeros,
    };
    let w = spec.declare(&graph);
    let objective = loss(w) + L2::new(alpha)?.value(w);
    // 1 / (λ + α) of the steepest direction: stable for every α.
    let optimiser = Optimiser::sgd(1.0 / (EIGENVALUES[1] + alpha));
    let step = optimiser.minimise(objective, &[spec]);
    let mut plan = step.add_to(Plan::builder(&graph)).compile();
    let mut parameters: Parameters<f64> = [("w", Tensor::zeros([2]))].into_iter().collect();
    for k in 0..2000 {
        plan.run(&mut parameters, &[(LEARNING_RATE, Feed::from(optimiser.learning_rate(k)))])?;
    }
    let w = parameters["w"].data();
    Ok([w[0], w[1]])
}

/// The points of a level line of the loss, and of the penalty, through `at`.
fn level_lines(at: [f64; 2]) -> [Vec<[f64; 2]>; 2] {
    let from_minimum = along([at[0] - MINIMUM[0], at[1] - MINIMUM[1]]);
    let level: f64 = (0..2).map(|i| EIGENVALUES[i] * from_minimum[i].powi(2)).sum();
    let radius = at[0].hypot(at[1]);
    let turn = |i: usize| (i as f64 * std::f64::consts::TAU / 720.0).sin_cos();
    let ellipse = |i| {
        let (sin, cos) = turn(i);
        let [x, y] =
            from_along([(level / EIGENVALUES[0]).sqrt() * cos, (level / EIGENVALUES[1]).sqrt() * sin]);
        [x + MINIMUM[0], y + MINIMUM[1]]
    };
    let circle = |i| {
        let (sin, cos) = turn(i);
        [radius * cos, radius * sin]
    };
    [(0..=720).map(ellipse).collect(), (0..=720).map(circle).collect()]
}

/// The plane as characters.
fn drawing(path: &[[f64; 2]], shown: [f64; 2]) -> String {
    let (width, lines) = CHARACTERS;
    let mut canvas = vec![vec![' '; width]; lines];
    let mut put = |[a, b]: [f64; 2], mark: char| {
        let share = |value: f64, (low, high): (f64, f64)| (value - low) / (high - low);
        let (x, y) = (share(a, AREA[0]), 1.0 - share(b, AREA[1]));
        if (0.0..1.0).contains(&x) && (0.0..1.0).contains(&y) {
            canvas[(y * lines as f64) as usize][(x * width as f64) as usize] = mark;
        }
    };
    let [ellipse, circle] = level_lines(shown);
    ellipse.into_iter().for_each(|point| put(point, '.'));
    circle.into_iter().for_each(|point| put(point, ':'));
    path.iter().for_each(|&point| put(point, 'o'));
    put([0.0, 0.0], '0');
    put(MINIMUM, '*');
    put(shown, '@');
    canvas.into_iter().map(|line| format!("  |{}|\n", line.into_iter().collect::<String>())).collect()
}

fn picture(path: &[[f64; 2]], shown: [f64; 2], file: &str) -> Result<(), Box<dyn Error>> {
    let [(left, right), (bottom, top)] = AREA;
    let root = SVGBackend::new(file, (900, 720)).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root).margin(8).build_cartesian_2d(left..right, bottom..top)?;
    let pair = |[x, y]: [f64; 2]| (x, y);
    // Level lines of the loss (solid) and of the penalty (red) through minima of several coefficients.
    for &at in path {
        let [ellipse, circle] = level_lines(at);
        let strength = if at == shown { 0.9 } else { 0.15 };
        chart.draw_series(LineSeries::new(ellipse.into_iter().map(pair), BLUE.mix(strength)))?;
        chart.draw_series(LineSeries::new(circle.into_iter().map(pair), RED.mix(strength)))?;
    }
    // The eigenvectors at the minimum, in the length of the ellipses' axes.
    for (i, name) in ["λ = 0.15: flat", "λ = 2.5: steep"].iter().enumerate() {
        let mut unit = [0.0; 2];
        unit[i] = -0.35 / EIGENVALUES[i].sqrt();
        let [x, y] = from_along(unit);
        let end = (MINIMUM[0] + x, MINIMUM[1] + y);
        chart.draw_series(LineSeries::new([pair(MINIMUM), end], BLACK.stroke_width(2)))?;
        chart.draw_series([Text::new(*name, end, ("sans-serif", 16))])?;
    }
    chart.draw_series(LineSeries::new(path.iter().copied().map(pair), BLACK.mix(0.5)))?;
    chart.draw_series(path.iter().map(|&at| Circle::new(pair(at), 4, BLACK.filled())))?;
    chart.draw_series([Text::new("w*", pair(MINIMUM), ("sans-serif", 20))])?;
    chart.draw_series([Text::new("0", (0.0, 0.0), ("sans-serif", 20))])?;
    root.present()?;
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let whole = along(MINIMUM);
    let mut path = Vec::new();
    println!("Minima of J + α/2 ‖w‖², found by gradient descent, as shares of w* along the");
    println!("eigenvectors.\n");
    println!(
        "              minimum      flat: λ = {:<5}    steep: λ = {:<5}   effective",
        EIGENVALUES[0], EIGENVALUES[1]
    );
    println!("      α     w₁      w₂     found  λ/(λ+α)     found  λ/(λ+α)  parameters");
    for alpha in ALPHAS {
        let w = minimum(alpha)?;
        let found = along(w);
        let share = |i: usize| {
            format!("{:.4}   {:.4}", found[i] / whole[i], EIGENVALUES[i] / (EIGENVALUES[i] + alpha))
        };
        let effective = effective_parameters(&EIGENVALUES, alpha)?;
        println!("  {alpha:5}  {:6.3}  {:6.3}    {}    {}    {effective:.3}", w[0], w[1], share(0), share(1));
        path.push(w);
    }
    let shown = minimum(SHOWN)?;
    println!("\nTheir path (o) from w* (*) to 0, with the level lines of J (.) and of ‖w‖ (:)");
    println!("that touch at the minimum (@) for α = {SHOWN}. It leaves along the flat direction");
    println!("and turns to 0 late.\n");
    let fine: Vec<_> = (0..60).map(|i| minimum(1e-3 * 1.25f64.powi(i))).collect::<Result<_, _>>()?;
    print!("{}", drawing(&fine, shown));
    if let Some(file) = std::env::args().nth(1) {
        picture(&path, shown, &file)?;
        println!("\nwritten: {file}");
    }
    Ok(())
}
