//! The elastic net beside L1 on correlated inputs: L1 takes some of a group, the elastic net lets all share.
//!
//! `cargo run --release -p examples --example elastic_net`
//!
//! Least squares with groups of four inputs that measure the same hidden quantity, each with a small error of its own
//! (Zou and Hastie, *J. R. Stat. Soc. B* 67, 2005). Two groups matter; the third and eight single inputs do not. What
//! is minimised is
//!
//! ```text
//! 1/(2n) ‖Xw - y‖² + α₁ ‖w‖₁ + α₂/2 ‖w‖²,
//! ```
//!
//! by proximal gradient descent, so that zeros are exact; `α₂ = 0` is L1 alone. Three tables: weights on three
//! samples, how often which input is chosen over many, and the error of prediction, which is known in closed form
//! here, with the coefficients that were best on other samples.
//!
//! Which inputs L1 takes changes with the sample, and the more they are correlated, the fewer it takes; with
//! enough L2 the elastic net takes all, with nearly equal weights. Its prediction is a little better, least where the inputs of a group
//! are nearly the same: then it hardly matters which is taken. At equal `α₁` it also takes a few more useless inputs.

use autograd::kernel::philox::{Stream, stream_of_name};
use autograd::{Feed, Graph, Parameters, Plan, Tensor};
use nn::{Initialiser, LEARNING_RATE, Optimiser, ParameterSpec, Role, Selection};
use regularize::{ElasticNet, ProximalStep, RegularizeError};
use std::ops::Range;

#[path = "../src/mean.rs"]
mod mean;

use mean::Mean;

/// What the hidden quantity of each group adds to what is to be predicted.
const EFFECTS: [f64; 3] = [2.0, -1.5, 0.0];
const SIZE: usize = 4;
const GROUPED: usize = EFFECTS.len() * SIZE;
/// The inputs of the groups that matter.
const USEFUL: usize = 2 * SIZE;
const INPUTS: usize = GROUPED + 8;
/// The deviation of an input from its group's quantity, in the first tables and in the last.
const SPREAD: f64 = 0.1;
const SPREADS: [f64; 4] = [1.0, 0.3, 0.1, 0.05];
const NOISE: f64 = 1.0;
const EXAMPLES: usize = 60;
/// The samples of the tables, and those that the coefficients of the last one are chosen on.
const SAMPLES: Range<u64> = 1000..1100;
const TUNING: Range<u64> = 0..10;
const L1_COEFFICIENTS: [f64; 5] = [0.02, 0.05, 0.1, 0.2, 0.4];
const L2_COEFFICIENTS: [f64; 4] = [0.01, 0.05, 0.2, 0.8];
const ROUNDS: usize = 200;
/// The coefficients of the first two tables: L1 alone, and with two strengths of L2.
const SHOWN: [(f64, f64); 3] = [(0.3, 0.0), (0.3, 0.3), (0.3, 1.0)];

/// Inputs `[n, inputs]`, and what to predict, `[n, 1]`.
fn sample(spread: f64, seed: u64) -> [Tensor<f64>; 2] {
    let normal = |name: &str, count: usize| {
        let mut numbers = vec![0.0; count];
        Stream::new(seed, stream_of_name(name), 0).fill_normal(0, &mut numbers);
        numbers
    };
    let groups = EFFECTS.len();
    let hidden = normal("hidden", EXAMPLES * groups);
    let (own, noise) = (normal("own", EXAMPLES * INPUTS), normal("noise", EXAMPLES));
    let input = |i: usize| match (i / INPUTS, i % INPUTS) {
        (row, input) if input < GROUPED => hidden[row * groups + input / SIZE] + spread * own[i],
        _ => own[i],
    };
    let target = |row: usize| {
        let of_groups = EFFECTS.iter().zip(&hidden[row * groups..]).map(|(effect, z)| effect * z);
        of_groups.sum::<f64>() + NOISE * noise[row]
    };
    [Tensor::from_fn([EXAMPLES, INPUTS], input), Tensor::from_fn([EXAMPLES, 1], target)]
}

/// What the mean squared error of a prediction has beyond the noise: the expectation over all inputs.
fn excess(w: &[f64], spread: f64) -> f64 {
    let squares = |w: &[f64]| w.iter().map(|w| w * w).sum::<f64>();
    let missed =
        EFFECTS.iter().zip(w.chunks(SIZE)).map(|(effect, w)| (effect - w.iter().sum::<f64>()).powi(2));
    missed.sum::<f64>() + spread * spread * squares(&w[..GROUPED]) + squares(&w[GROUPED..])
}

/// That of the Hessian `XᵀX/n` from below, by power iteration: steps below two over it converge.
fn largest_eigenvalue(x: &Tensor<f64>) -> f64 {
    let (mut v, mut eigenvalue) = (vec![1.0; INPUTS], 0.0);
    v[0] = 2.0;
    for _ in 0..100 {
        let mut next = vec![0.0; INPUTS];
        for row in x.data().chunks(INPUTS) {
            let along: f64 = row.iter().zip(&v).map(|(x, v)| x * v).sum();
            next.iter_mut().zip(row).for_each(|(next, x)| *next += along * x / EXAMPLES as f64);
        }
        eigenvalue = next.iter().map(|next| next * next).sum::<f64>().sqrt();
        v = next.into_iter().map(|next| next / eigenvalue).collect();
    }
    eigenvalue
}

/// The plan of one proximal step, for any sample.
struct Solver {
    plan: Plan<f64>,
    /// How many fits were not at rest in the end.
    unfinished: usize,
}

impl Solver {
    fn new(l1: f64, l2: f64) -> Result<Solver, RegularizeError> {
        let graph = Graph::new();
        let specs = [ParameterSpec {
            name: "w".into(),
            shape: [INPUTS, 1].into(),
            role: Role::Weight,
            initialiser: Initialiser::Zeros,
        }];
        let (x, y) = (graph.input("x", [EXAMPLES, INPUTS]), graph.input("y", [EXAMPLES, 1]));
        let loss = (x.matmul(specs[0].declare(&graph)) - y).norm_squared() * (0.5 / EXAMPLES as f64);
        let net = ProximalStep::new(Selection::weights(), ElasticNet::new(l1, l2)?);
        let step = Optimiser::sgd(0.0).then(net).minimise(loss, &specs);
        Ok(Solver { plan: step.add_to(Plan::builder(&graph)).compile(), unfinished: 0 })
    }

    fn solve(&mut self, [x, y]: &[Tensor<f64>; 2]) -> Result<Vec<f64>, RegularizeError> {
        let rate = 1.8 / largest_eigenvalue(x);
        let mut parameters: Parameters<f64> = [("w", Tensor::zeros([INPUTS, 1]))].into_iter().collect();
        for _ in 0..ROUNDS {
            let before = parameters["w"].clone();
            for _ in 0..100 {
                let feeds = [("x", Feed::from(x)), ("y", Feed::from(y)), (LEARNING_RATE, Feed::from(rate))];
                self.plan.run(&mut parameters, &feeds)?;
            }
            let mut pairs = before.data().iter().zip(parameters["w"].data());
            if pairs.all(|(before, after)| (before - after).abs() < 1e-6) {
                return Ok(parameters["w"].data().to_vec());
            }
        }
        self.unfinished += 1;
        Ok(parameters["w"].data().to_vec())
    }

    fn all(&mut self, spread: f64, samples: Range<u64>) -> Result<Vec<Vec<f64>>, RegularizeError> {
        samples.map(|seed| self.solve(&sample(spread, seed))).collect()
    }
}

fn name(l2: f64) -> String {
    if l2 == 0.0 { "L1".into() } else { format!("elastic net, {l2:.1}") }
}

/// Cells for the two useful groups, the third and the single inputs.
fn line(name: &str, cells: &[String]) -> String {
    let groups = cells.chunks(SIZE).map(|group| group.concat());
    format!("{name:<20}{}", groups.collect::<Vec<_>>().join("  "))
}

fn chosen(w: &[f64]) -> f64 {
    w.iter().filter(|&&w| w != 0.0).count() as f64
}

fn main() -> Result<(), RegularizeError> {
    let fits: Vec<Vec<Vec<f64>>> = SHOWN
        .iter()
        .map(|&(l1, l2)| Solver::new(l1, l2)?.all(SPREAD, SAMPLES))
        .collect::<Result<_, RegularizeError>>()?;
    let correlation = 1.0 / (1.0 + SPREAD * SPREAD);
    println!(
        "Two groups of {SIZE} inputs that matter, with effects {} and {}; correlation",
        EFFECTS[0], EFFECTS[1]
    );
    println!(
        "within a group {correlation:.2}; {} inputs that do not matter; {EXAMPLES} examples.",
        INPUTS - USEFUL
    );
    println!("α₁ = {}; L1 has α₂ = 0, the elastic net the α₂ of its row.\n", SHOWN[0].0);

    println!("Weights of the useful inputs on three samples (. is exactly 0)\n");
    for ((_, l2), fits) in SHOWN.iter().zip(&fits) {
        for (number, w) in fits.iter().take(3).enumerate() {
            let cell = |&w: &f64| if w == 0.0 { "      .".into() } else { format!("{w:7.2}") };
            let name = if number == 0 { name(*l2) } else { String::new() };
            println!("{}", line(&name, &w[..USEFUL].iter().map(cell).collect::<Vec<_>>()));
        }
    }

    println!(
        "\nHow often each is chosen, in per cent of {} samples; the mean number chosen of",
        fits[0].len()
    );
    println!("a useful group; the share of useful inputs chosen in one sample and not in");
    println!("the next\n");
    println!("{:<20}{:>28}  {:>28}", "", "first group", "second group");
    for ((_, l2), fits) in SHOWN.iter().zip(&fits) {
        let often = |input: usize| fits.iter().filter(|w| w[input] != 0.0).count() as f64 / fits.len() as f64;
        let cells: Vec<_> = (0..USEFUL).map(|input| format!("{:7.0}", 100.0 * often(input))).collect();
        println!("{}", line(&name(*l2), &cells));
    }
    println!("\n{:<20}{:>16}{:>20}{:>20}", "", "of a group", "changed, %", "useless, of 12");
    for ((_, l2), fits) in SHOWN.iter().zip(&fits) {
        let number = Mean::of(fits.iter().map(|w| chosen(&w[..USEFUL]) / 2.0));
        let differs = |pair: &[Vec<f64>]| {
            let changed = (0..USEFUL).filter(|&i| (pair[0][i] != 0.0) != (pair[1][i] != 0.0)).count();
            100.0 * changed as f64 / USEFUL as f64
        };
        // Pairs that share no sample are independent.
        let changed = Mean::of(fits.chunks_exact(2).map(differs));
        let useless = Mean::of(fits.iter().map(|w| chosen(&w[USEFUL..])));
        println!("{:<20}{number:>16.2}{changed:>20.0}{useless:>20.2}", name(*l2));
    }

    errors()
}

/// The pair of coefficients of least error on the samples for tuning.
fn tuned(spread: f64, l2: &[f64]) -> Result<(f64, f64), RegularizeError> {
    let mut best = (f64::INFINITY, (0.0, 0.0));
    for &l2 in l2 {
        for l1 in L1_COEFFICIENTS {
            let fits = Solver::new(l1, l2)?.all(spread, TUNING)?;
            let error = Mean::of(fits.iter().map(|w| excess(w, spread))).mean;
            if error < best.0 {
                best = (error, (l1, l2));
            }
        }
    }
    Ok(best.1)
}

/// The table of prediction errors by correlation.
fn errors() -> Result<(), RegularizeError> {
    println!("\nSquared error beyond the noise, each with the coefficients of least error on {}", TUNING.end);
    println!("other samples; what is chosen, of the {SIZE} of a useful group and of 12 useless ones\n");
    println!(
        "{:<12}{:<13}{:>5}{:>6}{:>16}{:>17}{:>6}{:>5}",
        "correlation", "", "α₁", "α₂", "error", "less than L1", "of 4", "12"
    );
    let mut unfinished = 0;
    for spread in SPREADS {
        let mut of_l1 = Vec::new();
        for (name, l2) in [("L1", &[0.0][..]), ("elastic net", &L2_COEFFICIENTS)] {
            let (l1, l2) = tuned(spread, l2)?;
            let mut solver = Solver::new(l1, l2)?;
            let fits = solver.all(spread, SAMPLES)?;
            unfinished += solver.unfinished;
            let errors: Vec<f64> = fits.iter().map(|w| excess(w, spread)).collect();
            let (mut correlation, mut less) = (String::new(), String::new());
            if of_l1.is_empty() {
                correlation = format!("{:.3}", 1.0 / (1.0 + spread * spread));
                of_l1.clone_from(&errors);
            } else {
                less = format!("{:+.3}", Mean::of(of_l1.iter().zip(&errors).map(|(l1, net)| l1 - net)));
            }
            let number = Mean::of(fits.iter().map(|w| chosen(&w[..USEFUL]) / 2.0)).mean;
            let useless = Mean::of(fits.iter().map(|w| chosen(&w[USEFUL..]))).mean;
            let error = Mean::of(errors);
            println!(
                "{correlation:<12}{name:<13}{l1:>5}{l2:>6}{error:>16.3}{less:>17}{number:>6.1}{useless:>5.1}"
            );
        }
    }
    println!("\nThe nearer the inputs of a group are to the same, the fewer of them L1 takes,");
    println!("and the less the elastic net gains.");
    println!("\n{unfinished} of these fits were not at rest after {} steps.", 100 * ROUNDS);
    Ok(())
}
