//! Is a network robust, or are its gradients of no use to an attack?
//!
//! A defence may hide its gradients without being any harder to break: inputs rounded, logits so large that
//! cross-entropy is flat, random draws. Gradient attacks then fail, and the robustness they report is an
//! illusion: seven of nine defences of ICLR 2018 were (Athalye, Carlini, Wagner, ICML 2018). The signs are
//! known (Carlini et al., arXiv 1902.06705), and [`diagnose`] looks for each:
//!
//! | check | suspicious if |
//! |---|---|
//! | [`Check::Deterministic`] | two looks at the same examples differ |
//! | [`Check::ZeroGradients`] | more than one example in ten has no gradient at all |
//! | [`Check::NonFinite`] | an example has a gradient with a NaN or an infinity |
//! | [`Check::SingleBelowIterative`] | one step breaks more than many |
//! | [`Check::BlackBelowWhite`] | an attack without gradients breaks more than one with |
//! | [`Check::MonotoneInBudget`] | a larger budget breaks less |
//! | [`Check::LargeBudgetToChance`] | with half the box as budget the network still does better than chance |
//!
//! "More" and "less" are by more than a tolerance: attacks are heuristics and examples finite. An honest network
//! may fail a check by chance, and a masked one pass them all; a failed check is a reason to look.

use super::attack::Attack;
use super::evaluator::AttackEvaluator;
use super::fast_gradient::FastGradient;
use super::pgd::Pgd;
use super::square::Square;
use super::threat::Threat;
use super::victim::Victim;
use crate::error::RegularizeError;
use autograd::{Parameters, Real};
use nn::data::Dataset;
use nn::{Layer, Mode};
use std::fmt;

/// The largest difference of two error rates that still counts as none: two in a hundred.
pub const TOLERANCE: f64 = 0.02;
/// The share of zero gradients that is still unsuspicious: rectifiers that are all off, and losses that round
/// to 0 in single precision, make some.
pub const ZERO_SHARE: f64 = 0.1;

/// What is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Check {
    /// The same examples give the same logits twice.
    Deterministic,
    /// Gradients are there.
    ZeroGradients,
    /// Gradients are numbers.
    NonFinite,
    /// One step breaks no more than many.
    SingleBelowIterative,
    /// An attack without gradients breaks no more than one with.
    BlackBelowWhite,
    /// A larger budget breaks no less.
    MonotoneInBudget,
    /// A large budget breaks nearly everything.
    LargeBudgetToChance,
}

/// One check with what it saw.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// What was looked for.
    pub check: Check,
    /// Whether all is as it should be.
    pub passed: bool,
    /// What was seen, with its numbers.
    pub seen: String,
}

/// What [`diagnose`] found.
///
/// ```
/// use regularize::adversarial::{Check, Diagnosis, Finding};
/// let finding = |check, passed, seen: &str| Finding { check, passed, seen: seen.into() };
/// let found = Diagnosis {
///     findings: vec![
///         finding(Check::Deterministic, true, "two looks give the same logits"),
///         finding(Check::ZeroGradients, false, "80.0 % of examples have no gradient"),
///     ],
/// };
/// assert!(found.is_suspicious());
/// assert_eq!(found.failed(), [Check::ZeroGradients]);
/// assert_eq!(found.to_string().lines().last(), Some("SUSPICIOUS  80.0 % of examples have no gradient"));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Diagnosis {
    /// All checks, in the order of the table.
    pub findings: Vec<Finding>,
}

impl Diagnosis {
    /// Whether a check failed: the network's robustness against gradient attacks says little.
    pub fn is_suspicious(&self) -> bool {
        self.findings.iter().any(|finding| !finding.passed)
    }

    /// The checks that failed.
    pub fn failed(&self) -> Vec<Check> {
        self.findings.iter().filter(|finding| !finding.passed).map(|finding| finding.check).collect()
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            let verdict = if finding.passed { "ok" } else { "SUSPICIOUS" };
            writeln!(f, "{verdict:<10}  {}", finding.seen)?;
        }
        Ok(())
    }
}

/// How thoroughly to look.
///
/// ```
/// use regularize::adversarial::{Diagnostics, Threat};
/// let how = Diagnostics::new(Threat::infinity(0.1)?.within(0.0, 1.0)?)?;
/// let quicker = Diagnostics { steps: 10, queries: 50, ..how };
/// assert_eq!((how.steps, quicker.steps, quicker.batch_size), (40, 10, how.batch_size));
/// // Without a box there is no budget of half of it.
/// assert!(Diagnostics::new(Threat::infinity(0.1)?).is_err());
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Diagnostics {
    /// Norm infinity, the budget of interest, and the box.
    pub threat: Threat,
    /// Steps of the iterated attack.
    pub steps: usize,
    /// Queries of the attack without gradients.
    pub queries: usize,
    /// Examples in a batch.
    pub batch_size: usize,
    /// The mode of the network; [`Mode::Sample`] for one that draws when it predicts.
    pub mode: Mode,
    /// The seed of all draws.
    pub seed: u64,
}

impl Diagnostics {
    /// 40 steps, 300 queries, batches of 128, [`Mode::Evaluate`].
    ///
    /// # Errors
    /// If the norm is not that of infinity, there is no box or the budget is 0.
    pub fn new(threat: Threat) -> Result<Diagnostics, RegularizeError> {
        if threat.norm() != super::Norm::Infinity || threat.bounds().is_none() || threat.epsilon() == 0.0 {
            let needs = "the infinity norm, a box and a budget above 0";
            return Err(RegularizeError::AttackNeeds { attack: "a diagnosis", needs });
        }
        Ok(Diagnostics { threat, steps: 40, queries: 300, batch_size: 128, mode: Mode::Evaluate, seed: 1 })
    }
}

/// Looks for signs of masked gradients in a network on some examples, a hundred or so.
///
/// ```
/// use nn::data::digits;
/// use nn::{Activation, Optimiser, Sequential, Trainer, initialise};
/// use regularize::adversarial::{Diagnostics, Threat, diagnose};
/// # fn main() -> Result<(), regularize::RegularizeError> {
/// let [train, test] = digits::load()?.flattened().split([0.9, 0.1], 1)?;
/// let model = Sequential::<f32>::mlp(&[64, 32, 10], Activation::Relu);
/// let mut parameters = initialise(&model, 1);
/// Trainer::new(&model, Optimiser::adam(0.005)).epochs(3).fit(&train, None, &mut parameters)?;
/// let how = Diagnostics::new(Threat::infinity(0.1)?.within(0.0, 1.0)?)?;
/// let found = diagnose(&model, &parameters, &test, &Diagnostics { steps: 10, queries: 50, ..how })?;
/// println!("{found}");
/// assert!(!found.is_suspicious());
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// If data, model and parameters do not fit, or an example lies outside the box.
pub fn diagnose<T: Real>(
    model: &dyn Layer<T>,
    parameters: &Parameters<T>,
    data: &Dataset<T>,
    how: &Diagnostics,
) -> Result<Diagnosis, RegularizeError> {
    let threat = how.threat;
    let epsilon = threat.epsilon();
    let (low, high) = threat.bounds().unwrap_or((0.0, 1.0));
    let large = 0.5 * (high - low);
    let curve = |attack: Box<dyn Attack<T>>, epsilons: &[f64]| {
        AttackEvaluator::new(model, attack, how.batch_size)
            .in_mode(how.mode, how.seed)
            .curve(data, parameters, epsilons)
    };
    let single = curve(Box::new(FastGradient::of(threat)), &[epsilon])?.remove(0);
    let budgets = [0.25 * epsilon, 0.5 * epsilon, epsilon, large.max(epsilon)];
    let white = curve(Box::new(Pgd::new(threat, how.steps)?), &budgets)?;
    let black = curve(Box::new(Square::new(threat, how.queries)?), &[epsilon])?.remove(0);
    let at_budget = &white[2];
    let mut findings = Vec::new();
    let mut add = |check, passed, seen: String| findings.push(Finding { check, passed, seen });

    let mut victim = Victim::new(model, parameters).in_mode(how.mode, how.seed);
    let probe: Vec<usize> = (0..data.len().min(how.batch_size)).collect();
    let (x, _) = data.gather(&probe)?;
    let same = victim.logits(&x)? == victim.verdict(&x)?;
    let seen = if same { "two looks give the same logits" } else { "two looks give different logits" };
    add(Check::Deterministic, same, seen.into());

    let share = single.zero_gradients as f64 / single.examples as f64;
    let seen = format!("{:.1} % of examples have no gradient", 100.0 * share);
    add(Check::ZeroGradients, share <= ZERO_SHARE, seen);

    let bad = single.non_finite_gradients.max(at_budget.non_finite_gradients);
    add(Check::NonFinite, bad == 0, format!("{bad} examples have a gradient that is not finite"));

    let percent = |error: f64| format!("{:.1} %", 100.0 * error);
    let seen = format!(
        "one step breaks {}, {} steps {}",
        percent(single.error),
        how.steps,
        percent(at_budget.error)
    );
    add(Check::SingleBelowIterative, single.error <= at_budget.error + TOLERANCE, seen);

    let seen = format!("without gradients {}, with them {}", percent(black.error), percent(at_budget.error));
    add(Check::BlackBelowWhite, black.error <= at_budget.error + TOLERANCE, seen);

    let rises = white.windows(2).all(|pair| pair[0].error <= pair[1].error + TOLERANCE);
    let errors: Vec<_> = white.iter().map(|found| percent(found.error)).collect();
    add(Check::MonotoneInBudget, rises, format!("growing budgets break {}", errors.join(", ")));

    let chance = 1.0 - 1.0 / data.classes() as f64;
    let seen = format!(
        "a budget of {} breaks {}, chance is {}",
        budgets[3],
        percent(white[3].error),
        percent(chance)
    );
    add(Check::LargeBudgetToChance, white[3].error >= chance - TOLERANCE, seen);
    Ok(Diagnosis { findings })
}

#[cfg(test)]
mod tests;
