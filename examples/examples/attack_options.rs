//! Options of attacks: a class to reach, no labels to start from, draws to average over, no gradients to follow.
//!
//! `cargo run --release -p examples --example attack_options`
//!
//! Four tables on the embedded digits, each over several splits, with standard errors. A targeted attack:
//! which digits can be made to look like which. Label leaking (Kurakin, Goodfellow, Bengio, *Adversarial
//! Machine Learning at Scale*, ICLR 2017): a network trained on single-step examples that were made with the
//! labels may read the label from the perturbation, so that it errs less under the attack than without; an
//! attacker who does not know the labels cannot tell them. On these digits that takes large steps and no
//! clean examples in the training. A network that keeps its dropout when it predicts, attacked by gradients
//! averaged over more and more draws (Athalye, Carlini, Wagner, ICML 2018) and judged by other draws, one at a time. And
//! the gradient estimated from values alone (Ilyas et al., ICML 2018), by its cosine to the true one.

use autograd::{Parameters, Tensor};
use nn::data::{Dataset, digits};
use nn::train::Evaluator;
use nn::{Activation, Mode, Optimiser, Sequential, Trainer, initialise};
use regularize::adversarial::{AttackLoss, Goal, Norm, Pgd, Targets, Victim};
use regularize::{AdversarialTraining, AttackEvaluator, Dropout, FastGradient, RegularizeError, Threat};
use std::ops::RangeInclusive;

#[path = "../src/mean.rs"]
mod mean;

use mean::Mean;

/// Each is a split of the digits, initial weights, an order of examples and the seed of all draws.
const SEEDS: RangeInclusive<u64> = 1..=6;
/// Of label leaking: its budgets were chosen on others.
const LEAK_SEEDS: RangeInclusive<u64> = 11..=15;
const CLASSES: usize = 10;

fn main() -> Result<(), RegularizeError> {
    targeted()?;
    label_leaking()?;
    draws()?;
    estimated()
}

fn budget(epsilon: f64) -> Result<Threat, RegularizeError> {
    Threat::new(Norm::Infinity, epsilon)?.within(0.0, 1.0)
}

/// A perceptron trained on a split, and the test part.
fn trained(seed: u64) -> Result<(Sequential<f32>, Parameters<f32>, Dataset), RegularizeError> {
    let [train, test] = digits::load()?.flattened().split([0.7, 0.3], seed)?;
    let model = Sequential::<f32>::mlp(&[64, 64, CLASSES], Activation::Relu);
    let mut parameters = initialise(&model, seed);
    Trainer::new(&model, Optimiser::adam(0.003)).epochs(20).seed(seed).fit(&train, None, &mut parameters)?;
    Ok((model, parameters, test))
}

fn targeted() -> Result<(), RegularizeError> {
    const EPSILON: f64 = 0.15;
    println!("Targeted: test digits in % that PGD-20 within {EPSILON} turns into the target; mean");
    println!("of {} trainings\n", SEEDS.count());
    let networks = SEEDS.map(trained).collect::<Result<Vec<_>, RegularizeError>>()?;
    let pgd = Pgd::new(budget(EPSILON)?, 20)?;
    // Of each target, label and training.
    let mut shares = vec![vec![Vec::new(); CLASSES]; CLASSES];
    let (mut towards, mut away) = (vec![Vec::new(); CLASSES], Vec::new());
    for (seed, (model, parameters, test)) in SEEDS.zip(&networks) {
        let attacked =
            |goal| AttackEvaluator::new(model, pgd, 256).seed(seed).goal(goal).attack(test, parameters);
        let labels = test.labels().data();
        for target in 0..CLASSES {
            let success = attacked(Goal::Class(target as u32))?.success;
            let share = |counts: &dyn Fn(u32) -> bool| {
                let chosen = labels.iter().zip(&success).filter(|(label, _)| counts(**label));
                let of: Vec<bool> = chosen.map(|(_, success)| *success).collect();
                100.0 * of.iter().filter(|yes| **yes).count() as f64 / of.len() as f64
            };
            for label in (0..CLASSES).filter(|label| *label != target) {
                shares[label][target].push(share(&|of| of == label as u32));
            }
            towards[target].push(share(&|of| of != target as u32));
        }
        away.push(100.0 * attacked(Goal::AnyOther)?.robustness.error);
    }
    let columns = |text: &dyn Fn(usize) -> String| (0..CLASSES).map(text).collect::<String>();
    println!("  target {}", columns(&|target| format!("{target:>6}")));
    for (label, of_label) in shares.iter().enumerate() {
        let cell = |target: usize| match target == label {
            true => "     .".into(),
            false => format!("{:>6.0}", Mean::of(of_label[target].iter().copied()).mean),
        };
        println!("  from {label} {}", columns(&cell));
    }
    let all: Vec<Mean> = towards.iter().map(|all| Mean::of(all.iter().copied())).collect();
    println!("  any    {}", columns(&|target| format!("{:>6.0}", all[target].mean)));
    println!("       ± {}", columns(&|target| format!("{:>6.1}", all[target].standard_error.unwrap_or(0.0))));
    println!("\nTo any wrong class, the ordinary goal: {:.1} %. A given target is harder", Mean::of(away));
    println!("to reach, and it matters which: 0 and 6 are the hardest to imitate.\n");
    Ok(())
}

fn label_leaking() -> Result<(), RegularizeError> {
    println!("Label leaking: training on single-step examples, made with the labels, and a");
    println!("share of clean ones; {} trainings. Wrong test digits in % without attack,", LEAK_SEEDS.count());
    println!("after the same step away from the label, after one away from what the network");
    println!("predicts, and under PGD-20. No bounds of pixels here. Differences are paired.\n");
    println!("clean                   away from        more  away from     more than");
    println!("share   ε        clean  the label  than clean prediction from the label   PGD");
    for share in [0.0, 0.5] {
        for epsilon in [0.1, 0.3, 0.5, 0.7] {
            let mut found: [Vec<f64>; 4] = Default::default();
            for seed in LEAK_SEEDS {
                let errors = errors_after_single_steps(share, epsilon, seed)?;
                found.iter_mut().zip(errors).for_each(|(all, error)| all.push(100.0 * error));
            }
            let more = |a: usize, b: usize| {
                let mean = Mean::of(found[a].iter().zip(&found[b]).map(|(a, b)| a - b));
                format!("{mean:+.1}")
            };
            let of = |k: usize| Mean::of(found[k].iter().copied());
            println!(
                "{share:>5} {epsilon:>3} {:>12.1} {:>10.1} {:>11} {:>10.1} {:>14} {:>5.0}",
                of(0),
                of(1).mean,
                more(1, 0),
                of(2).mean,
                more(2, 1),
                of(3).mean,
            );
        }
    }
    println!("\nWithout clean examples and with steps of 0.5 or 0.7 the network errs less on");
    println!("steps away from the label than on clean digits, but not on steps made without");
    println!("labels: it reads the label from the step. PGD breaks it wholly. With half of");
    println!("clean examples, or smaller steps, no error is below the clean one.\n");
    Ok(())
}

/// Errors without attack, after a step with and one without labels, and under PGD, of a network trained so.
fn errors_after_single_steps(share: f64, epsilon: f64, seed: u64) -> Result<[f64; 4], RegularizeError> {
    let threat = Threat::infinity(epsilon)?;
    let fast = FastGradient::of(threat);
    let [train, test] = digits::load()?.flattened().split([0.7, 0.3], seed)?;
    let model = Sequential::<f32>::mlp(&[64, 128, 128, CLASSES], Activation::Relu);
    let adversarial = AdversarialTraining::new(fast, share, Mode::Evaluate)?;
    let mut trainer = Trainer::new(&model, Optimiser::adam(0.002))
        .epochs(40)
        .seed(seed)
        .objective(move |batch| adversarial.objective(batch, |batch| batch.cross_entropy()));
    let mut parameters = initialise(&model, seed);
    trainer.fit(&train, None, &mut parameters)?;
    let with = AttackEvaluator::new(&model, fast, 256).attack(&test, &parameters)?.robustness;
    let mut blind = AttackEvaluator::new(&model, fast, 256).without_labels();
    let without = blind.attack(&test, &parameters)?.robustness;
    let steps =
        AttackEvaluator::new(&model, Pgd::new(threat, 20)?, 256).attack(&test, &parameters)?.robustness;
    Ok([with.clean_error, with.error, without.error, steps.error])
}

/// The error in percent of single draws of a network on attacked examples, mean of a few draws no attack saw.
fn sampled_error(
    model: &Sequential<f32>,
    parameters: &Parameters<f32>,
    data: &Dataset,
    seed: u64,
) -> Result<f64, RegularizeError> {
    const JUDGES: u64 = 8;
    let mut sum = 0.0;
    for judge in 0..JUDGES {
        let mut evaluator = Evaluator::new(model, data.len()).in_mode(Mode::Sample, 1_000_000 * seed + judge);
        sum += evaluator.evaluate(data, parameters)?.error;
    }
    Ok(100.0 * sum / JUDGES as f64)
}

/// The same data with other examples.
fn with_examples(data: &Dataset, examples: Tensor<f32>) -> Result<Dataset, RegularizeError> {
    Ok(Dataset::new(examples, data.labels().clone(), data.classes())?)
}

fn draws() -> Result<(), RegularizeError> {
    const EPSILON: f64 = 0.1;
    const DRAWS: [usize; 6] = [1, 2, 4, 8, 16, 32];
    println!("Expectation over draws: PGD-10 within {EPSILON} on a network that keeps its dropout");
    println!("of ½ when it predicts; wrong of 250 test digits in %, judged by other draws,");
    println!("one at a time; mean of {} trainings\n", SEEDS.count());
    let mut errors = vec![Vec::new(); DRAWS.len() + 2];
    for seed in SEEDS {
        let [train, test] = digits::load()?.flattened().split([0.7, 0.3], seed)?;
        let test = test.subset(&(0..250).collect::<Vec<_>>())?;
        let half = Dropout::new(0.5)?;
        let hidden = |model: Sequential<f32>, inputs| {
            let wide = model.linear(inputs, 128).then(Activation::Relu);
            wide.then_named("dropout", |name| half.named(name))
        };
        let model = hidden(hidden(Sequential::new(), 64), 128).linear(128, CLASSES);
        let mut parameters = initialise(&model, seed);
        Trainer::new(&model, Optimiser::adam(0.003)).epochs(20).seed(seed).fit(
            &train,
            None,
            &mut parameters,
        )?;
        let pgd = Pgd::new(budget(EPSILON)?, 10)?;
        errors[0].push(sampled_error(&model, &parameters, &test, seed)?);
        for (errors, draws) in errors[1..].iter_mut().zip(DRAWS) {
            let evaluator = AttackEvaluator::new(&model, pgd, 250).averaged_over(draws)?;
            let found = evaluator.in_mode(Mode::Sample, seed).attack(&test, &parameters)?;
            errors.push(sampled_error(&model, &parameters, &with_examples(&test, found.clipped)?, seed)?);
        }
        let found = AttackEvaluator::new(&model, pgd, 250).attack(&test, &parameters)?;
        let last = errors.last_mut().expect("there are rows");
        last.push(sampled_error(&model, &parameters, &with_examples(&test, found.clipped)?, seed)?);
    }
    let names = std::iter::once("no attack".to_string())
        .chain(DRAWS.map(|draws| format!("{draws} draw{}", if draws == 1 { "" } else { "s" })))
        .chain(["without dropout".to_string()]);
    println!("  gradient of            error      more than of one draw");
    let one_draw = errors[1].clone();
    for (name, errors) in names.zip(&errors) {
        let more = Mean::of(errors.iter().zip(&one_draw).map(|(error, one)| error - one));
        let error = Mean::of(errors.iter().copied());
        let bar = "o".repeat((error.mean / 3.0).round() as usize);
        println!("  {name:<15} {error:>12.1} {:>14} {bar}", format!("{more:+.1}"));
    }
    println!("\nA gradient of one draw finds fewer errors than the mean of many; the network");
    println!("without dropout, one gradient a step, is no worse a guide than 32 draws.\n");
    Ok(())
}

/// The mean cosine of two gradients over examples that have both.
fn cosine(a: &Tensor<f32>, b: &Tensor<f32>) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    let width = a.shape().last();
    let pairs = a.data().chunks(width).zip(b.data().chunks(width));
    let each = pairs.map(|(a, b)| (dot(a, b), (dot(a, a) * dot(b, b)).sqrt()));
    Mean::of(each.filter(|(_, lengths)| *lengths > 0.0).map(|(dot, lengths)| dot / lengths)).mean
}

fn estimated() -> Result<(), RegularizeError> {
    const EPSILON: f64 = 0.1;
    const SIGMA: f64 = 0.01;
    const PAIRS: [usize; 6] = [1, 4, 16, 64, 256, 1024];
    println!("Gradients from values alone: the margin's, estimated by N pairs of directions");
    println!("of width {SIGMA}, on 200 test digits of 64 pixels; mean of {} trainings. The", SEEDS.count());
    println!("error is that after one step by {EPSILON} along the signs of the estimate.\n");
    println!("  pairs  cosine to the gradient  √(N/(N+65))     wrong digits %");
    let mut found = vec![[Vec::new(), Vec::new()]; PAIRS.len() + 1];
    for seed in SEEDS {
        let (model, parameters, test) = trained(seed)?;
        let test = test.subset(&(0..200).collect::<Vec<_>>())?;
        let mut victim = Victim::new(&model, &parameters);
        let (x, labels) = (test.examples(), test.labels());
        let targets = Targets { x, labels, targets: None, first: 0, seed };
        let gradient = victim.slope(AttackLoss::Margin, x, &targets)?.gradient;
        let mut estimates = Vec::new();
        for pairs in PAIRS {
            estimates.push(victim.estimated_gradient(AttackLoss::Margin, &targets, SIGMA, pairs)?);
        }
        estimates.push(gradient.clone());
        for (found, estimate) in found.iter_mut().zip(&estimates) {
            found[0].push(cosine(estimate, &gradient));
            let step = |i: usize| {
                let sign = if estimate.data()[i] == 0.0 { 0.0 } else { estimate.data()[i].signum() };
                (x.data()[i] + EPSILON as f32 * sign).clamp(0.0, 1.0)
            };
            let moved = with_examples(&test, Tensor::from_fn(x.shape(), step))?;
            found[1].push(100.0 * Evaluator::new(&model, 200).evaluate(&moved, &parameters)?.error);
        }
    }
    for (number, [cosines, errors]) in found.into_iter().enumerate() {
        let (cosine, error) = (Mean::of(cosines), Mean::of(errors));
        match PAIRS.get(number) {
            Some(&pairs) => {
                let expected = (pairs as f64 / (pairs as f64 + 65.0)).sqrt();
                println!("{pairs:>7}  {cosine:>22.3} {expected:>12.3} {error:>18.1}");
            }
            None => println!("   true  {cosine:>22.3} {:>12} {error:>18.1}", ""),
        }
    }
    println!("\nThe square root is what a linear loss would give for many pixels. A step along");
    println!("an estimate by 1024 pairs breaks nearly as many digits as the gradient's.");
    Ok(())
}
