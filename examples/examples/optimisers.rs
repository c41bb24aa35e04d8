//! The optimisers of `nn` on one problem, side by side: Rosenbrock's valley.
//!
//! `cargo run --release -p examples --example optimisers [PICTURE.svg]`
//!
//! ```text
//! J(a, b) = (1 - a)² + 100 (b - a²)²
//! ```
//!
//! The floor of the valley is the parabola `b = a²`, on which the loss falls slowly towards the minimum at (1,
//! 1); its walls are hundreds of times steeper. Gradient descent must take steps small enough for the walls
//! and creeps along the floor; momentum gathers speed along it; methods that scale each element by its history
//! take equal strides in both directions; L-BFGS learns the shape of the valley.
//!
//! It prints a table of the loss after 10, 100, ... steps of each optimiser, at the learning rate that is best
//! for it after 1000 steps, and draws some of their paths as text, or all as a picture into the file that is
//! named.

use autograd::{Feed, Graph, Parameters, Plan, RunError, Tensor, Var};
use comfy_table::{CellAlignment, Table, presets};
use nn::optimise::{LbfgsOutcome, LbfgsReport, RmsScaling, ScaleByLearningRate};
use nn::{Initialiser, LEARNING_RATE, Lbfgs, Optimiser, ParameterSpec, Role};
use plotters::prelude::*;
use std::error::Error;

/// Where every path begins: across the valley from the minimum, and at no round number, so that steps of one
/// length do not meet the minimum by chance.
const START: [f64; 2] = [-1.2247, 1.0123];
/// The learning rates that are tried.
const RATES: [f64; 13] = [1e-6, 3e-6, 1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0];
/// The steps after which the loss is reported; the last one ends a path.
const REPORTS: [usize; 4] = [10, 100, 1000, 10_000];
/// What is drawn: the part of the plane in which the valley lies.
const AREA: [(f64, f64); 2] = [(-1.6, 1.6), (-0.3, 2.2)];
/// The size of the drawing in text.
const CHARACTERS: (usize, usize) = (66, 18);

/// An optimiser of any learning rate.
type Make = fn(f64) -> Optimiser<f64>;

/// The points that an optimiser went through.
struct Path {
    name: &'static str,
    /// None for L-BFGS, which finds the length of each step itself.
    rate: Option<f64>,
    points: Vec<[f64; 2]>,
}

fn spec() -> ParameterSpec {
    ParameterSpec { name: "x".into(), shape: [2].into(), role: Role::Weight, initialiser: Initialiser::Zeros }
}

/// The loss as a graph.
fn valley<'g>(x: Var<'g, f64>) -> Var<'g, f64> {
    let (a, b) = (x.slice(0, 0, 1), x.slice(0, 1, 2));
    ((1.0 - a).powi(2) + 100.0 * (b - a * a).powi(2)).sum()
}

/// The loss as a number.
fn height([a, b]: [f64; 2]) -> f64 {
    (1.0 - a).powi(2) + 100.0 * (b - a * a).powi(2)
}

fn start() -> Parameters<f64> {
    [("x", Tensor::new([2], START.to_vec()))].into_iter().collect()
}

fn position(parameters: &Parameters<f64>) -> [f64; 2] {
    [parameters["x"][[0]], parameters["x"][[1]]]
}

/// One step is one plan: loss, gradient and update.
fn walk(name: &'static str, optimiser: &Optimiser<f64>) -> Result<Path, RunError> {
    let graph = Graph::new();
    let loss = valley(spec().declare(&graph));
    let step = optimiser.minimise(loss, &[spec()]);
    let mut plan = step.add_to(Plan::builder(&graph)).compile();
    let mut parameters = start();
    step.initialise_state(&mut parameters);
    let mut points = vec![START];
    for k in 0..REPORTS[REPORTS.len() - 1] {
        let rate = optimiser.learning_rate(k as u64);
        plan.run(&mut parameters, &[(LEARNING_RATE, Feed::from(rate))])?;
        points.push(position(&parameters));
    }
    Ok(Path { name, rate: Some(optimiser.learning_rate(0)), points })
}

/// The walk at the rate with the smallest loss after 1000 steps; where a rate is too large, that is NaN.
fn best_walk(name: &'static str, make: Make) -> Result<Path, RunError> {
    let walks = RATES.iter().map(|&rate| walk(name, &make(rate))).collect::<Result<Vec<_>, _>>()?;
    let loss = |path: &Path| height(path.points[REPORTS[2]]);
    let finite = walks.into_iter().filter(|path| loss(path).is_finite());
    Ok(finite.min_by(|a, b| loss(a).total_cmp(&loss(b))).expect("a rate of 1e-6 overflows nowhere"))
}

/// L-BFGS steps: each number of steps is asked for anew, which a problem of two numbers can afford.
fn walk_by_lbfgs() -> Result<(Path, LbfgsReport), RunError> {
    let mut points = Vec::new();
    for iterations in 0.. {
        let graph = Graph::new();
        let loss = valley(spec().declare(&graph));
        let mut parameters = start();
        let lbfgs = Lbfgs { iterations, ..Lbfgs::default() };
        let report = lbfgs.minimise(loss, &[spec()], &mut parameters, &[])?;
        points.push(position(&parameters));
        if report.outcome != LbfgsOutcome::OutOfSteps {
            return Ok((Path { name: "L-BFGS", rate: None, points }, report));
        }
    }
    unreachable!("it converges or fails")
}

fn table(paths: &[Path]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN);
    let steps = REPORTS.map(|step| format!("{step}"));
    let headings = ["optimiser", "rate"].map(String::from);
    table.set_header([&headings[..], &steps[..], &["end".to_string()]].concat());
    for path in paths {
        let after = |step: usize| path.points[step.min(path.points.len() - 1)];
        let [a, b] = after(usize::MAX);
        let rate = path.rate.map_or("-".to_string(), |rate| format!("{rate:.0e}"));
        let mut row = vec![path.name.to_string(), rate];
        row.extend(REPORTS.map(|step| format!("{:.1e}", height(after(step)))));
        row.push(format!("({a:.3}, {b:.3})"));
        table.add_row(row);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// A path in the plane as characters: dots on the floor of the valley, a letter at each of the first steps.
fn drawing(path: &Path) -> String {
    let (width, lines) = CHARACTERS;
    let mut canvas = vec![vec![' '; width]; lines];
    let mut put = |[a, b]: [f64; 2], mark: char| {
        let share = |value: f64, (low, high): (f64, f64)| (value - low) / (high - low);
        let (x, y) = (share(a, AREA[0]), 1.0 - share(b, AREA[1]));
        if (0.0..1.0).contains(&x) && (0.0..1.0).contains(&y) {
            canvas[(y * lines as f64) as usize][(x * width as f64) as usize] = mark;
        }
    };
    for i in 0..4 * width {
        let a = AREA[0].0 + (AREA[0].1 - AREA[0].0) * i as f64 / (4 * width) as f64;
        put([a, a * a], '.');
    }
    for &point in path.points.iter().take(1000) {
        put(point, 'o');
    }
    put(START, 'S');
    put([1.0, 1.0], 'M');
    canvas.into_iter().map(|line| format!("  |{}|\n", line.into_iter().collect::<String>())).collect()
}

/// All paths in one picture, over level lines of the loss.
fn picture(paths: &[Path], file: &str) -> Result<(), Box<dyn Error>> {
    let [(left, right), (bottom, top)] = AREA;
    let root = SVGBackend::new(file, (900, 640)).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root).margin(8).build_cartesian_2d(left..right, bottom..top)?;
    // A level c of the loss is b = a² ± √((c - (1 - a)²) / 100).
    for level in [0.1, 1.0, 4.0, 16.0, 64.0] {
        for sign in [-1.0, 1.0] {
            let points = (0..=800).map(|i| left + (right - left) * i as f64 / 800.0).filter_map(|a| {
                let rest = level - (1.0 - a).powi(2);
                (rest >= 0.0).then(|| (a, a * a + sign * (rest / 100.0).sqrt()))
            });
            chart.draw_series(LineSeries::new(points, BLACK.mix(0.15)))?;
        }
    }
    for (number, path) in paths.iter().enumerate() {
        let colour = Palette99::pick(number).to_rgba();
        let points = path.points.iter().take(1000).map(|&[a, b]| (a, b));
        chart.draw_series(LineSeries::new(points, colour))?;
        let y = top - 0.1 * (number + 1) as f64;
        let text = Text::new(path.name, (left + 0.05, y), ("sans-serif", 16).into_font().color(&colour));
        chart.draw_series([text])?;
    }
    root.present()?;
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let centred = |rate: f64| {
        let scaling = RmsScaling { centred: true, ..RmsScaling::default() };
        Optimiser::new(rate).then(scaling).then(ScaleByLearningRate)
    };
    let optimisers: [(&str, Make); 10] = [
        ("gradient descent", |rate| Optimiser::sgd(rate)),
        ("momentum", |rate| Optimiser::momentum(rate, 0.9)),
        ("Nesterov", |rate| Optimiser::nesterov(rate, 0.9)),
        ("AdaGrad", |rate| Optimiser::adagrad(rate)),
        ("RMSProp", |rate| Optimiser::rmsprop(rate)),
        ("RMSProp, centred", centred),
        ("Adadelta", |rate| Optimiser::adadelta(rate)),
        ("Adam", |rate| Optimiser::adam(rate)),
        ("AMSGrad", |rate| Optimiser::amsgrad(rate)),
        ("Lion", |rate| Optimiser::lion(rate, 0.0)),
    ];
    let mut paths = Vec::new();
    for (name, make) in optimisers {
        paths.push(best_walk(name, make)?);
    }
    let (path, report) = walk_by_lbfgs()?;
    paths.push(path);
    println!(
        "Loss in Rosenbrock's valley after so many steps, {:.1} at the start\n\n{}",
        height(START),
        table(&paths)
    );
    println!("\nL-BFGS {report}");
    if let Some(file) = std::env::args().nth(1) {
        picture(&paths, &file)?;
        println!("\nThe paths are drawn in {file}");
        return Ok(());
    }
    println!("\nThe first 1000 steps, from S to the minimum M; dots are the floor of the valley");
    for name in ["gradient descent", "momentum", "Adam", "L-BFGS"] {
        let path = paths.iter().find(|path| path.name == name).expect("it is one of them");
        println!("\n  {name}\n{}", drawing(path));
    }
    Ok(())
}
