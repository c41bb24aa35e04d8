//! What penalties on a critic's input gradient do: a distance that can be read off, and a game that ends.
//!
//! `cargo run --release -p examples --example gradient_penalty`
//!
//! **A distance.** A critic `D` of slope 1 at most tells two distributions apart by `E D(real) - E D(made)`, and
//! the best one by their Wasserstein distance `W` (Arjovsky, Chintala, Bottou 2017). Nothing holds a network to slope
//! 1; the penalty `λ (‖∇ₓ D‖ - 1)²` between the two does so softly (Gulrajani et al. 2017). Two pairs in the plane
//! have a known distance: a normal distribution and the same one moved by 3, and eight spots on a ring with its
//! middle, whose best critic is a cone.
//!
//! Without a penalty the gap grows as long as one trains. With it the gap stays, near what is expected, and that is
//! above `W`: a slope `s` earns `s W - λ (s - 1)²`, which is largest not at 1 but at `1 + W/2λ`. So the `λ = 10` of
//! the paper reads distances of 2 and 3 by 10 and 15 % too large.
//!
//! **A game.** In the smallest of all games of this kind (the Dirac-GAN of Mescheder, Geiger, Nowozin 2018) a generator
//! puts all it makes at `θ`, what is real lies at 0, and the discriminator is `D(x) = ψ x`. Gradient steps of both
//! circle around the end, `θ = ψ = 0`, and away from it. With the penalty R1, `γ/2 ‖∇ₓ D‖²` at real examples, they
//! arrive, as fast as the eigenvalues of the linearised step say: fastest for a `γ` in between. The penalty for slopes
//! other than 1 leaves them on a circle: it wants a slope where nothing is left to tell apart.

use autograd::{Feed, Graph, Parameters, Plan, RunError, Tensor, Var, grad, interpret};
use nn::{Activation, LEARNING_RATE, Layer, Mode, Optimiser, Schedule, Sequential, initialise};
use regularize::tangent::{GradientNorm, GradientPenalty, R1, input_gradients, interpolates};
use std::error::Error;
use std::f64::consts::PI;

#[path = "../src/mean.rs"]
mod mean;

use mean::Mean;

const SEEDS: u64 = 5;
const BATCH: usize = 128;
const STEPS: u64 = 1600;
/// Fresh points on which a critic is measured.
const POINTS: usize = 8192;
const SHIFT: f64 = 3.0;
const RADIUS: f64 = 2.0;
/// The deviation of a spot on the ring.
const SPOT: f64 = 0.1;
/// Learning rate of the game.
const RATE: f64 = 0.1;
const MOVES: usize = 1000;
/// Where both players begin. Near the end, so that the linearised move says what happens.
const START: f64 = 0.2;

fn main() -> Result<(), Box<dyn Error>> {
    println!("A critic tells two distributions in the plane apart; {SEEDS} seeds, ± standard error.");
    for pair in [Pair::Moved, Pair::Ring] {
        let distance = pair.distance();
        println!("\n{}: Wasserstein distance {distance:.2}\n", pair.name());
        println!(
            "{:<12} {:>14} {:>14} {:>10} {:>14} {:>9}",
            "penalty", "gap, half way", "gap, end", "expected", "slope between", "deviation"
        );
        for strength in [0.0, 1.0, 10.0, 100.0] {
            let critics: Vec<_> =
                (0..SEEDS).map(|seed| trained(pair, strength, seed)).collect::<Result<_, _>>()?;
            let over = |of: fn(&Trained) -> f64| Mean::of(critics.iter().map(of));
            let slope = 1.0 + distance / (2.0 * strength);
            let (name, expected, decimals) = match strength {
                0.0 => ("none".to_string(), "no end".to_string(), 0),
                _ => (format!("λ = {strength}"), format!("{:.2}", slope * distance), 2),
            };
            println!(
                "{name:<12} {:>14.decimals$} {:>14.decimals$} {expected:>10} {:>14.decimals$} {:>9.decimals$}",
                over(|c| c.half_way.gap),
                over(|c| c.end.gap),
                over(|c| c.end.slope),
                over(|c| c.end.deviation).mean,
            );
        }
    }
    let cone = trained(Pair::Ring, 10.0, 0)?;
    println!("\nThe ring's critic, λ = 10: how far it rises from the middle, in halves\n");
    print!("{}", map(&cone.parameters)?);

    println!("\nThe game at rate {RATE}: distance of (θ, ψ) from the end, its factor in a step\n");
    let headings = ["start", "100", "1000 steps", "factor", "expected"];
    println!(
        "{:<27} {:>6} {:>9} {:>11} {:>9} {:>9}",
        "", headings[0], headings[1], headings[2], headings[3], headings[4]
    );
    for game in GAMES {
        let path = game.play()?;
        let far = |at: usize| path[at][0].hypot(path[at][1]);
        let expected = game.expected_factor().map_or("-".to_string(), |factor| format!("{factor:.4}"));
        println!(
            "{:<27} {:>6.2} {:>9.1e} {:>11.1e} {:>9.4} {expected:>9}",
            game.name,
            far(0),
            far(100),
            far(MOVES),
            factor(&path)
        );
    }
    println!("\nThe first 400 moves, θ across, ψ upward\n");
    let [plain, damped] = [drawing(&GAMES[0].play()?), drawing(&GAMES[2].play()?)];
    println!("  {:<38}{}", GAMES[0].name, GAMES[2].name);
    for (left, right) in plain.iter().zip(&damped) {
        println!("  |{left}|  |{right}|");
    }
    Ok(())
}

/// Two distributions with a known distance.
#[derive(Clone, Copy)]
enum Pair {
    Moved,
    Ring,
}

impl Pair {
    fn name(self) -> &'static str {
        match self {
            Pair::Moved => "Two normal distributions, one moved",
            Pair::Ring => "Eight spots on a ring, and its middle",
        }
    }

    /// A move is the best way to move; to a point all must go by their own distance, `r + σ²/2r + O(σ⁴)` on average.
    fn distance(self) -> f64 {
        match self {
            Pair::Moved => SHIFT,
            Pair::Ring => RADIUS + SPOT * SPOT / (2.0 * RADIUS),
        }
    }

    /// Real and made points, `[count, 2]`, drawn in the graph.
    fn points<'g>(self, graph: &'g Graph<f32>, count: usize) -> [Var<'g, f32>; 2] {
        let normal = |stream| graph.normal(stream, [count, 2]);
        match self {
            Pair::Moved => {
                let shift = graph.constant(Tensor::new([1, 2], vec![SHIFT as f32, 0.0]));
                [normal("real") + shift, normal("made")]
            }
            Pair::Ring => {
                let u = graph.uniform("spot", [count, 1]);
                let number = (1..8).map(|k| u.greater(f64::from(k) / 8.0)).reduce(|a, b| a + b);
                let angle = number.expect("seven borders") * (PI / 4.0);
                let centre = Var::concat(&[angle.cos(), angle.sin()], 1) * RADIUS;
                [centre + normal("real") * SPOT, graph.fill([count, 2], 0.0)]
            }
        }
    }
}

/// What a critic says about fresh points.
struct Measured {
    /// `E D(real) - E D(made)`.
    gap: f64,
    /// The mean norm of the gradient between real and made points.
    slope: f64,
    /// Its deviation from place to place.
    deviation: f64,
}

struct Trained {
    parameters: Parameters<f32>,
    half_way: Measured,
    end: Measured,
}

fn critic() -> Sequential<f32> {
    Sequential::mlp(&[2, 32, 32, 1], Activation::LeakyRelu { slope: 0.2 })
}

/// A critic trained to make the gap large, under a penalty of some strength.
fn trained(pair: Pair, strength: f64, seed: u64) -> Result<Trained, Box<dyn Error>> {
    let (model, graph) = (critic(), Graph::new());
    let [real, made] = pair.points(&graph, BATCH);
    let score = |x| model.forward(x, Mode::Train);
    let between = interpolates(real, made, graph.uniform("share", [BATCH, 1]));
    let penalty = GradientPenalty::new(strength)?.value(score(between), between);
    let objective = score(made).mean() - score(real).mean() + penalty;

    let optimiser = Optimiser::adam(Schedule::Cosine { initial: 0.003, last: 0.0, steps: STEPS });
    let step = optimiser.minimise(objective, &model.parameters());
    let mut parameters = initialise(&model, seed);
    step.initialise_state(&mut parameters);
    let mut plan = step.add_to(Plan::builder(&graph)).compile();
    plan.set_seed(seed);
    let mut half_way = None;
    for number in 0..STEPS {
        if number == STEPS / 2 {
            half_way = Some(measured(pair, &parameters)?);
        }
        plan.run(&mut parameters, &[(LEARNING_RATE, Feed::from(optimiser.learning_rate(number)))])?;
    }
    let end = measured(pair, &parameters)?;
    Ok(Trained { parameters, half_way: half_way.expect("there are steps"), end })
}

fn measured(pair: Pair, parameters: &Parameters<f32>) -> Result<Measured, RunError> {
    let (model, graph) = (critic(), Graph::new());
    let [real, made] = pair.points(&graph, POINTS);
    let score = |x| model.forward(x, Mode::Evaluate);
    let between = interpolates(real, made, graph.uniform("share", [POINTS, 1]));
    let slopes = GradientNorm::Two.of(input_gradients(score(between), between));
    let found = [score(real).mean() - score(made).mean(), slopes.mean(), slopes.variance(&[0]).sqrt()];
    let values = interpret(&found, &[], Some(parameters))?;
    let [gap, slope, deviation] = [0, 1, 2].map(|i: usize| f64::from(values[i].item()));
    Ok(Measured { gap, slope, deviation })
}

/// The critic's scores over the plane, less that in the middle, in halves.
fn map(parameters: &Parameters<f32>) -> Result<String, RunError> {
    const SIZE: [usize; 2] = [61, 25];
    let place = |i: usize, of: usize| 2.4 * (2.0 * i as f32 / (of - 1) as f32 - 1.0);
    let points = Tensor::from_fn([SIZE[0] * SIZE[1], 2], |i| {
        let (row, column) = (i / 2 / SIZE[0], i / 2 % SIZE[0]);
        if i % 2 == 0 { place(column, SIZE[0]) } else { place(row, SIZE[1]) }
    });
    let graph = Graph::new();
    let scores = critic().forward(graph.constant(points), Mode::Evaluate);
    let scores = interpret(&[scores], &[], Some(parameters))?.remove(0).into_data();
    let middle = scores[scores.len() / 2];
    let digit = |score: &f32| {
        let halves = (2.0 * (score - middle)).floor();
        if halves < 0.0 { '-' } else { char::from_digit(halves as u32, 10).unwrap_or('+') }
    };
    Ok(scores
        .chunks(SIZE[0])
        .map(|row| format!("  {}\n", row.iter().map(digit).collect::<String>()))
        .collect())
}

/// The loss of both players: `L = f(D(made)) + f(-D(real))`, which the discriminator makes large and the generator
/// small.
#[derive(Clone, Copy)]
enum Loss {
    /// `f(t) = -ln(1 + e^-t)`: the first of all, Goodfellow et al. 2014.
    Logistic,
    /// `f(t) = t`.
    Wasserstein,
}

#[derive(Clone, Copy)]
enum Damping {
    None,
    /// R1 of strength `γ`.
    R1(f64),
    /// The penalty for slopes other than 1.
    Slope(f64),
}

struct Game {
    name: &'static str,
    loss: Loss,
    damping: Damping,
}

const GAMES: [Game; 7] = [
    Game { name: "logistic", loss: Loss::Logistic, damping: Damping::None },
    Game { name: "logistic, R1, γ = 0.1", loss: Loss::Logistic, damping: Damping::R1(0.1) },
    Game { name: "logistic, R1, γ = 0.5", loss: Loss::Logistic, damping: Damping::R1(0.5) },
    Game { name: "logistic, R1, γ = 2", loss: Loss::Logistic, damping: Damping::R1(2.0) },
    Game { name: "Wasserstein", loss: Loss::Wasserstein, damping: Damping::None },
    Game { name: "Wasserstein, slope 1, λ = 1", loss: Loss::Wasserstein, damping: Damping::Slope(1.0) },
    Game { name: "Wasserstein, R1, γ = 0.5", loss: Loss::Wasserstein, damping: Damping::R1(0.5) },
];

impl Game {
    /// `(θ, ψ)` after each move of both, each by gradient descent on what it wants small.
    fn play(&self) -> Result<Vec<[f64; 2]>, Box<dyn Error>> {
        let graph = Graph::<f64>::new();
        let [theta, psi] = ["theta", "psi"].map(|name| graph.parameter(name, [1, 1]));
        let real = graph.fill([1, 1], 0.0);
        let score = |x| Var::matmul(x, psi);
        let value = match self.loss {
            Loss::Logistic => -((-score(theta)).softplus() + score(real).softplus()),
            Loss::Wasserstein => score(theta) - score(real),
        };
        let penalty = match self.damping {
            Damping::None => graph.fill([], 0.0),
            Damping::R1(gamma) => R1::new(gamma)?.value(score(real), real),
            Damping::Slope(lambda) => {
                let between = interpolates(real, theta, graph.uniform("share", [1]));
                GradientPenalty::new(lambda)?.value(score(between), between)
            }
        };
        let generator = grad(value.sum(), &[theta])[0];
        let discriminator = grad(penalty - value.sum(), &[psi])[0];
        let mut plan = Plan::builder(&graph)
            .update(theta, theta - generator * RATE)
            .update(psi, psi - discriminator * RATE)
            .compile();
        let start = Tensor::new([1, 1], vec![START]);
        let mut parameters: Parameters<f64> =
            [("theta", start.clone()), ("psi", start)].into_iter().collect();
        let mut path = vec![[START, START]];
        for _ in 0..MOVES {
            plan.run(&mut parameters, &[])?;
            path.push(["theta", "psi"].map(|name| parameters[name].item()));
        }
        Ok(path)
    }

    /// The largest absolute eigenvalue of a move near the end, `I + ε [[0, -f'(0)], [f'(0), -γ]]`; none for a
    /// penalty that has a kink there.
    fn expected_factor(&self) -> Option<f64> {
        let slope: f64 = match self.loss {
            Loss::Logistic => 0.5,
            Loss::Wasserstein => 1.0,
        };
        let gamma = match self.damping {
            Damping::None => 0.0,
            Damping::R1(gamma) => gamma,
            Damping::Slope(_) => return None,
        };
        let discriminant = gamma * gamma / 4.0 - slope * slope;
        let real = 1.0 - RATE * gamma / 2.0;
        let other = RATE * discriminant.abs().sqrt();
        Some(if discriminant < 0.0 { real.hypot(other) } else { real + other })
    }
}

/// By what the distance from the end is multiplied in a move: the slope of its logarithm over the second half.
fn factor(path: &[[f64; 2]]) -> f64 {
    let logs: Vec<f64> = path[path.len() / 2..].iter().map(|[a, b]| a.hypot(*b).ln()).collect();
    let middle = (logs.len() - 1) as f64 / 2.0;
    let moment =
        |of: &dyn Fn(usize) -> f64| (0..logs.len()).map(|i| (i as f64 - middle) * of(i)).sum::<f64>();
    (moment(&|i| logs[i]) / moment(&|i| i as f64 - middle)).exp()
}

/// The first moves as characters.
fn drawing(path: &[[f64; 2]]) -> Vec<String> {
    const SIZE: [usize; 2] = [33, 17];
    let mut lines = vec![vec![' '; SIZE[0]]; SIZE[1]];
    let mut put = |[theta, psi]: [f64; 2], mark: char| {
        let at = [theta, -psi].map(|x| x + 0.5);
        if at.iter().all(|share| (0.0..1.0).contains(share)) {
            lines[(at[1] * SIZE[1] as f64) as usize][(at[0] * SIZE[0] as f64) as usize] = mark;
        }
    };
    path.iter().take(401).for_each(|&point| put(point, 'o'));
    put(path[0], 'S');
    put([0.0, 0.0], '+');
    lines.into_iter().map(|line| line.into_iter().collect()).collect()
}
