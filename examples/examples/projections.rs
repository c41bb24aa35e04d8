//! What each set of constraints does to weights: zeros, weights at a bound, shares of a mixture, a short reach.
//!
//! `cargo run --release -p examples --example projections`
//!
//! *Deep Learning*, section 7.2. Three small problems are solved by projected gradient descent, which also finds the
//! multipliers: how fast the loss would fall if the bound were raised. Logistic regression of the embedded digits 3
//! and 8 on an L1 ball, where weights become exactly 0, and with every weight in an interval, where they become
//! exactly the bound; then the shares of three fixed predictors in a mixture, on the simplex. Last, networks on all
//! digits whose every training step ends on a spectral ball: the largest singular value of each layer, and how far a
//! small change of a test digit can move the logits. Everything over several splits of the digits, with standard
//! errors; the programs of the other sets are `norm_constraint` (Euclidean balls, max-norm).

use autograd::{Feed, Graph, Parameters, Tensor, interpret};
use nn::data::{Dataset, digits};
use nn::train::Evaluator;
use nn::{
    Activation, Initialiser, Optimiser, ParameterSpec, Role, Selection, Sequential, Trainer, initialise,
};
use regularize::adversarial::Victim;
use regularize::{
    Interval, L1Ball, Projected, ProjectedGradient, Projection, RegularizeError, Simplex, SolverOutcome,
    SolverReport, SpectralBall,
};

#[path = "../src/mean.rs"]
mod mean;

use mean::Mean;

/// Splits of the digits; a split's number is also the seed of its trainings.
const SPLITS: std::ops::RangeInclusive<u64> = 11..=18;
/// Of the networks, which cost more.
const TRAININGS: std::ops::RangeInclusive<u64> = 11..=15;
const SIDE: usize = 8;
const SOLVER: ProjectedGradient = ProjectedGradient { rate: 1.0, steps: 20_000, tolerance: 1e-5 };

fn main() -> Result<(), RegularizeError> {
    weights_of_two_classes()?;
    mixture()?;
    spectral()
}

/// One constrained vector of weights.
fn vector(length: usize) -> ParameterSpec {
    let (name, shape) = ("w".into(), [length].into());
    ParameterSpec { name, shape, role: Role::Weight, initialiser: Initialiser::Zeros }
}

/// Examples, and a target for each.
type Part = (Tensor<f64>, Tensor<f64>);

/// Threes and eights with the targets -1 and 1: training part and test part.
fn threes_and_eights(seed: u64) -> Result<[Part; 2], RegularizeError> {
    let data = digits::load()?.flattened();
    let chosen: Vec<usize> = (0..data.len()).filter(|&i| [3, 8].contains(&data.labels().data()[i])).collect();
    let parts = data.subset(&chosen)?.split([0.7, 0.3], seed)?;
    let sign = |&label: &u32| if label == 8 { 1.0 } else { -1.0 };
    Ok(parts.map(|part| {
        let targets = part.labels().data().iter().map(sign).collect();
        (part.examples().cast(), Tensor::new([part.len()], targets))
    }))
}

/// Logistic regression without bias on a set: weights, what the solver says, and the test error in percent.
fn solve(
    set: &dyn Projection<f64>,
    seed: u64,
) -> Result<(Vec<f64>, SolverReport<f64>, f64), RegularizeError> {
    let [(x, y), (test_x, test_y)] = threes_and_eights(seed)?;
    let (graph, spec) = (Graph::new(), vector(SIDE * SIDE));
    let w = spec.declare(&graph);
    let (inputs, targets) = (graph.input("x", x.shape()), graph.input("y", y.shape()));
    let loss = (-(inputs.matmul(w.reshape([SIDE * SIDE, 1])).reshape(y.shape()) * targets)).softplus().mean();
    let mut values: Parameters<f64> = [("w", Tensor::zeros([SIDE * SIDE]))].into_iter().collect();
    let feeds = [("x", Feed::from(&x)), ("y", Feed::from(&y))];
    let report = SOLVER.minimise(loss, &[spec], &[(Selection::all(), set)], &mut values, &feeds)?;
    let w = values["w"].data().to_vec();
    let margin = |(x, y): (&[f64], &f64)| x.iter().zip(&w).map(|(x, w)| x * w).sum::<f64>() * y;
    let margins = test_x.data().chunks(SIDE * SIDE).zip(test_y.data()).map(margin);
    let wrong = margins.filter(|margin| *margin <= 0.0).count();
    Ok((w, report, 100.0 * wrong as f64 / test_y.data().len() as f64))
}

/// The weights of a solution as 8 lines: `.` is exactly 0, `#` and `=` are at a bound of an interval.
fn picture(w: &[f64], bound: f64) -> Vec<String> {
    let mark = |&w: &f64| match w {
        0.0 => '.',
        w if w == bound => '#',
        w if w == -bound => '=',
        w if w > 0.0 => '+',
        _ => '-',
    };
    w.chunks(SIDE).map(|row| row.iter().map(mark).collect()).collect()
}

fn weights_of_two_classes() -> Result<(), RegularizeError> {
    println!("Logistic regression, digits 3 and 8; mean of {} splits ± standard error.", SPLITS.count());
    println!("KKT: the largest residual of all; `!` if the solver ran out of steps.\n");
    println!("‖w‖₁ ≤ r: the slack is r - ‖w‖₁, largest of all\n");
    println!("     r   zeros of 64        loss     test error %   multiplier   slack     KKT");
    let mut pictures = Vec::new();
    for radius in [40.0, 20.0, 10.0, 5.0, 2.0] {
        let found = SPLITS
            .map(|seed| solve(&L1Ball::new(radius)?, seed))
            .collect::<Result<Vec<_>, RegularizeError>>()?;
        let zeros = |w: &[f64]| w.iter().filter(|w| **w == 0.0).count() as f64;
        let multiplier = Mean::of(found.iter().map(|(_, report, _)| report.constraints[0].multiplier.item()));
        let slack = found.iter().map(|(_, report, _)| report.constraints[0].slack.item()).fold(0.0, f64::max);
        println!(
            "{radius:6} {:>13.1} {:>15.4} {:>13.1} {:>12.4} {slack:>7.0e} {}",
            Mean::of(found.iter().map(|(w, ..)| zeros(w))),
            Mean::of(found.iter().map(|(_, report, _)| report.loss)),
            Mean::of(found.iter().map(|(.., error)| *error)),
            multiplier.mean,
            residual(found.iter().map(|(_, report, _)| report)),
        );
        pictures.push((format!("r = {radius}"), picture(&found[0].0, f64::NAN)));
    }
    show(&pictures);

    println!("-b ≤ wᵢ ≤ b: a multiplier for each weight, above 0 for those at a bound\n");
    println!("     b   at a bound          loss     test error %   multipliers above 0    KKT");
    pictures.clear();
    for bound in [1.0, 0.5, 0.3, 0.2, 0.1] {
        let set = Interval::new(-bound, bound)?;
        let found = SPLITS.map(|seed| solve(&set, seed)).collect::<Result<Vec<_>, RegularizeError>>()?;
        let at_bound = |w: &[f64]| w.iter().filter(|w| w.abs() == bound).count() as f64;
        // Inside, a multiplier is what is left of the gradient: as small as the residual.
        let above = |report: &SolverReport<f64>| {
            let of = report.constraints[0].multiplier.data().iter();
            of.filter(|l| **l > report.residual()).count() as f64
        };
        println!(
            "{bound:6} {:>12.1} {:>16.4} {:>13.1} {:>17.1}    {}",
            Mean::of(found.iter().map(|(w, ..)| at_bound(w))),
            Mean::of(found.iter().map(|(_, report, _)| report.loss)),
            Mean::of(found.iter().map(|(.., error)| *error)),
            Mean::of(found.iter().map(|(_, report, _)| above(report))),
            residual(found.iter().map(|(_, report, _)| report)),
        );
        pictures.push((format!("b = {bound}"), picture(&found[0].0, bound)));
    }
    show(&pictures);
    let mut blank = Vec::new();
    for seed in SPLITS {
        let [(x, _), _] = threes_and_eights(seed)?;
        let is_blank = |pixel: &usize| x.data().iter().skip(*pixel).step_by(SIDE * SIDE).all(|x| *x == 0.0);
        blank.push((0..SIDE * SIDE).filter(is_blank).count() as f64);
    }
    println!("Weights of the first split: `.` exactly 0, `+` and `-` by sign, `#` and `=`");
    println!("exactly at the bound. The smaller the L1 ball, the more are exactly 0; the");
    println!("smaller the interval, the more are at its ends. Pixels that never have ink in a");
    println!("training part, {:.1} of the 64, stay at 0 on either set.\n", Mean::of(blank));
    Ok(())
}

/// The largest residual, with a mark if a solver did not converge.
fn residual<'r>(reports: impl Iterator<Item = &'r SolverReport<f64>>) -> String {
    let (mut largest, mut mark) = (0.0f64, "");
    for report in reports {
        largest = largest.max(report.residual());
        if report.outcome != SolverOutcome::Converged {
            mark = "!";
        }
    }
    format!("{largest:>7.0e}{mark}")
}

fn show(pictures: &[(String, Vec<String>)]) {
    println!();
    let titles: Vec<String> = pictures.iter().map(|(title, _)| format!("{title:<12}")).collect();
    println!("   {}", titles.concat().trim_end());
    for row in 0..SIDE {
        let line: Vec<String> = pictures.iter().map(|(_, rows)| format!("{:<12}", rows[row])).collect();
        println!("   {}", line.concat().trim_end());
    }
    println!();
}

/// The digits with the columns outside `seen` blank.
fn blinkered(data: &Dataset, seen: std::ops::Range<usize>) -> Result<Dataset, RegularizeError> {
    let x = data.examples();
    let pixel = |i: usize| if seen.contains(&(i % SIDE)) { x.data()[i] } else { 0.0 };
    Ok(Dataset::new(Tensor::from_fn(x.shape(), pixel), data.labels().clone(), data.classes())?)
}

/// Softmax of logits, row by row, and of it the probability of each example's label.
fn of_labels(logits: &Tensor<f32>, labels: &[u32]) -> Vec<f64> {
    let probability = |(row, &label): (&[f32], &u32)| {
        let sum: f64 = row.iter().map(|z| f64::from(*z).exp()).sum();
        f64::from(row[label as usize]).exp() / sum
    };
    logits.data().chunks(logits.shape().last()).zip(labels).map(probability).collect()
}

/// For each predictor the probability that it gives each example's label.
type Likelihoods = [Vec<f64>; 3];

/// Three predictors of a split: one sees the left half of each digit, one the right half, one a single column.
fn predictors(seed: u64) -> Result<[Likelihoods; 2], RegularizeError> {
    let [train, validation, test] = digits::load()?.flattened().split([0.5, 0.25, 0.25], seed)?;
    let model = Sequential::<f32>::mlp(&[SIDE * SIDE, 32, 10], Activation::Relu);
    let mut found = [Likelihoods::default(), Likelihoods::default()];
    for (k, columns) in [0..4, 4..8, 3..4].into_iter().enumerate() {
        let mut parameters = initialise(&model, seed);
        let mut trainer = Trainer::new(&model, Optimiser::adam(0.01)).epochs(20).seed(seed);
        trainer.fit(&blinkered(&train, columns.clone())?, None, &mut parameters)?;
        for (found, part) in found.iter_mut().zip([&validation, &test]) {
            let seen = blinkered(part, columns.clone())?;
            let logits = Evaluator::new(&model, 256).logits(&seen, &parameters)?;
            found[k] = of_labels(&logits, part.labels().data());
        }
    }
    Ok(found)
}

/// `-mean ln Σ wₖ pₖ` of a mixture.
fn mixture_loss(p: &Likelihoods, w: &[f64]) -> f64 {
    let examples = p[0].len();
    let log = |i: usize| p.iter().zip(w).map(|(p, w)| w * p[i]).sum::<f64>().ln();
    -(0..examples).map(log).sum::<f64>() / examples as f64
}

fn mixture() -> Result<(), RegularizeError> {
    println!("Shares of three fixed predictors in a mixture: of the left half of each digit,");
    println!("of the right half, of its fourth column. Minimum of -mean ln Σ wₖ pₖ on the");
    println!("simplex, on validation digits; then its loss on test digits.\n");
    println!("                  shares                            test loss of");
    println!("split    left   right  column  multiplier    KKT   mixture  equal  left  right");
    let (mut zeros, mut gains) = (0, Vec::new());
    for seed in SPLITS {
        let [validation, test] = predictors(seed)?;
        let (graph, spec) = (Graph::<f64>::new(), vector(3));
        let examples = validation[0].len();
        let p = graph.constant(Tensor::from_fn([examples, 3], |i| validation[i % 3][i / 3]));
        let w = spec.declare(&graph);
        let loss = -p.matmul(w.reshape([3, 1])).ln().mean();
        let third = 1.0 / 3.0;
        let mut values: Parameters<f64> = [("w", Tensor::full([3], third))].into_iter().collect();
        let solver = ProjectedGradient { tolerance: 1e-8, ..SOLVER };
        let simplex = Simplex::new(1.0)?;
        let report = solver.minimise(loss, &[spec], &[(Selection::all(), &simplex)], &mut values, &[])?;
        let w = values["w"].data();
        zeros += w.iter().filter(|w| **w == 0.0).count();
        let [found, equal, left, right] =
            [w, &[third; 3], &[1.0, 0.0, 0.0], &[0.0, 1.0, 0.0]].map(|w| mixture_loss(&test, w));
        gains.push(left.min(right) - found);
        let share = |w: f64| if w == 0.0 { "0".to_string() } else { format!("{w:.4}") };
        println!(
            "{seed:>5} {:>7} {:>7} {:>7} {:>11.6} {} {found:>8.3} {equal:>6.3} {left:>5.3} {right:>6.3}",
            share(w[0]),
            share(w[1]),
            share(w[2]),
            report.constraints[0].multiplier.item(),
            residual([&report].into_iter()),
        );
    }
    println!("\nA share written as 0 is exactly 0: {zeros} of {}. Below the better half by", 3 * gains.len());
    println!("{:.3} on test digits. The multiplier is 1 whatever the predictors", Mean::of(gains));
    println!("are: scaling all shares by 1 + h changes this loss by -h.\n");
    Ok(())
}

/// The largest singular value of a weight: what is missing of a ball's bound.
fn largest_singular_value(w: &Tensor<f32>) -> Result<f64, RegularizeError> {
    let graph = Graph::<f32>::new();
    let slack = SpectralBall::new(1.0)?.slack(graph.constant(w.clone()));
    Ok(1.0 - f64::from(interpret(&[slack], &[], None)?[0].item()))
}

/// The largest singular value of a Jacobian, by power iteration on `J Jᵀ`.
fn stretch(jacobian: &[f32], inputs: usize) -> f64 {
    let rows: Vec<&[f32]> = jacobian.chunks(inputs).collect();
    let mut u = vec![1.0f64; rows.len()];
    // Not orthogonal to what is looked for, but by an unlikely chance.
    u.iter_mut().enumerate().for_each(|(k, u)| *u += 0.1 * k as f64);
    let mut size = 0.0;
    for _ in 0..100 {
        let norm = u.iter().map(|u| u * u).sum::<f64>().sqrt();
        let back = |i: usize| rows.iter().zip(&u).map(|(row, u)| f64::from(row[i]) * u).sum::<f64>() / norm;
        let v: Vec<f64> = (0..inputs).map(back).collect();
        size = v.iter().map(|v| v * v).sum::<f64>().sqrt();
        if size == 0.0 {
            break;
        }
        u = rows.iter().map(|row| row.iter().zip(&v).map(|(j, v)| f64::from(*j) * v).sum()).collect();
    }
    size
}

fn spectral() -> Result<(), RegularizeError> {
    let model = Sequential::<f32>::mlp(&[SIDE * SIDE, 32, 10], Activation::Relu);
    println!("σ₁(W) ≤ c for both layers of a 64-32-10 network, projected after each step;");
    println!(
        "{} trainings. Reach: how far a small change of a test digit moves the logits,",
        TRAININGS.count()
    );
    println!("as a multiple of its length, in the worst direction: mean over digits, and the");
    println!("largest of all; the largest product σ₁(W₁) σ₁(W₂) bounds it.\n");
    println!("                                             reach, mean            wrong test");
    println!("     c   σ₁(W₁)  σ₁(W₂)   slack   product      of digits  largest     digits %");
    for bound in [f64::INFINITY, 4.0, 2.0, 1.5, 1.0] {
        let (mut sigmas, mut reaches, mut errors) = ([Vec::new(), Vec::new()], Vec::new(), Vec::new());
        let (mut largest, mut product) = (0.0f64, 0.0f64);
        for seed in TRAININGS {
            let [train, test] = digits::load()?.flattened().split([0.7, 0.3], seed)?;
            let projected = Projected::new(Selection::weights(), SpectralBall::new(bound)?);
            let optimiser = Optimiser::momentum(0.1, 0.9).then(projected);
            let mut trainer = Trainer::new(&model, optimiser).epochs(30).batch_size(128).seed(seed);
            let mut parameters = initialise(&model, seed);
            trainer.fit(&train, None, &mut parameters)?;
            errors.push(100.0 * trainer.evaluate(&test, &parameters)?.error);
            let both = [
                largest_singular_value(&parameters["linear1.weight"])?,
                largest_singular_value(&parameters["linear2.weight"])?,
            ];
            product = product.max(both[0] * both[1]);
            sigmas.iter_mut().zip(both).for_each(|(all, one)| all.push(one));
            let (_, slopes) = Victim::new(&model, &parameters).jacobian(test.examples())?;
            let each: Vec<f64> =
                slopes.data().chunks(10 * SIDE * SIDE).map(|j| stretch(j, SIDE * SIDE)).collect();
            largest = each.iter().copied().fold(largest, f64::max);
            reaches.push(Mean::of(each).mean);
        }
        let over = sigmas.iter().flatten().copied().fold(0.0, f64::max);
        let slack = if bound.is_finite() { format!("{:.4}", (bound - over).max(0.0)) } else { "-".into() };
        let [first, second] = sigmas.map(|all| Mean::of(all).mean);
        let name = if bound.is_finite() { bound.to_string() } else { "none".into() };
        println!(
            "{name:>6} {first:>8.3} {second:>7.3} {slack:>7} {product:>9.2} {:>14.2} {largest:>8.2} {:>12.1}",
            Mean::of(reaches),
            Mean::of(errors),
        );
    }
    println!("\nThe slack is 0: the trainings press against the bound, and the reach of the");
    println!("mean digit comes near the product. From c = 2 down the bound costs errors.");
    Ok(())
}
