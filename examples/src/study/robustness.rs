//! How far networks of a study can be trusted against an adversary: the plain one and those trained against one,
//! under attacks and by certificates. The table is of one seed and has no standard errors: it shows what kinds of
//! looks say, not which training is best.
//!
//! An attack that finds nothing proves nothing: the error under it is a lower bound of the error under every attack
//! of its budget, the accuracy an upper bound. A certificate is the opposite: the error that it cannot exclude is an
//! upper bound. The truth lies between the two.

use super::data::Source;
use super::run::Task;
use super::technique::Technique;
use super::{EPSILON, Row};
use regularize::adversarial::{
    Apgd, Attack, AttackEvaluator, AttackLoss, DeepFool, InputBox, Pgd, SmoothedClassifier, Smoothing,
    Square, certified_accuracy, verify,
};
use regularize::{FastGradient, RegularizeError, Threat};
use serde::Serialize;

/// Whose networks are looked at: plain training and the family of adversarial training.
const SHOWN: [&str; 6] = ["plain", "adversarial", "fast adv.", "PGD", "TRADES", "intervals"];
/// So many of the first test examples, to keep it to seconds.
const EXAMPLES: usize = 200;
const ATTACK_BATCH: usize = 200;
const STEPS: usize = 20;
const QUERIES: usize = 200;
/// The noise of smoothing, and the radius that is asked about.
const SIGMA: f64 = 0.25;
const RADIUS: f64 = 0.25;
/// Copies to choose the class with, and to count.
const COPIES: [u64; 2] = [128, 512];
/// The budget of interval bounds: at that of the attacks they prove next to nothing of any network here.
const PROVEN_EPSILON: f64 = 0.02;

/// One network under attacks and by certificates. Errors are shares of 1.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Robust {
    /// What it was trained with.
    pub technique: Technique,
    /// The seed it was trained with, which is that of all draws here.
    pub seed: u64,
    /// Error as it is.
    pub clean_error: f64,
    /// Under the fast gradient sign method, budget [`EPSILON`].
    pub fgsm_error: f64,
    /// Under projected gradient ascent from a random point, the same budget.
    pub pgd_error: f64,
    /// Under APGD on the ratio of logits, the same budget.
    pub apgd_error: f64,
    /// Under Square, which sees no gradient, the same budget.
    pub square_error: f64,
    /// The median Euclidean distance at which DeepFool changes the class; 0 for what is wrong already. `None` if it
    /// fails on half of the examples.
    pub deep_fool_distance: Option<f64>,
    /// What smoothing does not certify within a Euclidean radius.
    pub smoothing_error: f64,
    /// What interval bounds do not prove.
    pub interval_error: f64,
}

/// The networks of the first seed, on the first test examples.
///
/// # Errors
/// If a network cannot be run, with its row.
pub fn measure<'r>(
    task: &Task<'_>,
    source: &Source,
    rows: &'r [Row],
) -> Result<Vec<Robust>, (&'r Row, RegularizeError)> {
    use rayon::prelude::*;
    let shown: Vec<&Row> = rows.iter().filter(|row| SHOWN.contains(&row.technique.name())).collect();
    shown.into_par_iter().map(|row| of_row(task, source, row).map_err(|error| (row, error))).collect()
}

fn of_row(task: &Task<'_>, source: &Source, row: &Row) -> Result<Robust, RegularizeError> {
    let (network, member) = (task.network(row.technique)?, &row.members[0]);
    let (parameters, seed) = (&member.parameters, member.seed);
    let data = source.test.subset(&(0..source.test.len().min(EXAMPLES)).collect::<Vec<_>>())?;
    let under = |attack: Box<dyn Attack<f32>>| {
        AttackEvaluator::new(&network, attack, ATTACK_BATCH).seed(seed).attack(&data, parameters)
    };
    let threat = Threat::infinity(EPSILON)?.within(0.0, 1.0)?;
    let fgsm = under(Box::new(FastGradient::of(threat)))?.robustness;
    let pgd = under(Box::new(Pgd::new(threat, STEPS)?.from_random()))?.robustness;
    let ratio = AttackLoss::LogitRatio;
    let apgd = under(Box::new(Apgd::new(threat, STEPS)?.on(ratio)))?.robustness;
    let square = under(Box::new(Square::new(threat, QUERIES)?))?.robustness;
    // No two points of the box are further apart.
    let anywhere = Threat::two((data.width() as f64).sqrt())?.within(0.0, 1.0)?;
    let nearest = under(Box::new(DeepFool::new(anywhere, 30)?))?;
    let reached = nearest.norms.iter().zip(&nearest.success);
    let distances = reached.map(|(norm, success)| if *success { *norm } else { f64::INFINITY });
    let smoothing = Smoothing::new(SIGMA)?.samples(COPIES[0], COPIES[1])?;
    let certificates = SmoothedClassifier::new(&network, smoothing, seed).certify_all(&data, parameters)?;
    let certified = certified_accuracy(&certificates, data.labels().data(), &[RADIUS])?[0];
    let proven = verify(&network, InputBox::new(PROVEN_EPSILON)?.within(0.0, 1.0)?, &data, parameters)?;
    Ok(Robust {
        technique: row.technique,
        seed,
        clean_error: fgsm.clean_error,
        fgsm_error: fgsm.error,
        pgd_error: pgd.error,
        apgd_error: apgd.error,
        square_error: square.error,
        deep_fool_distance: median(distances.collect()),
        smoothing_error: 1.0 - certified,
        interval_error: proven.verified_error,
    })
}

/// The lower median, if it is finite.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len().checked_sub(1)? / 2;
    Some(values[middle]).filter(|value| value.is_finite())
}

/// What the table shows.
pub fn how_to_read(test_examples: usize) -> String {
    format!(
        "Errors in per cent of {} test pictures, for the networks of the first seed. FGSM, PGD ({STEPS} steps from \
         a random point), APGD ({STEPS} steps on the ratio of logits) and Square ({QUERIES} queries, no gradients) \
         move every pixel by up to {EPSILON}. Each is an error that this one attack finds. Another may find more: \
         the accuracy that it leaves is an upper bound under the attack of that name. DeepFool: the median \
         Euclidean distance to a wrong answer, at most. Certificates bound the error from above: smooth is what \
         the network, smoothed with noise of deviation {SIGMA}, does not certify within a Euclidean distance of \
         {RADIUS} (each certificate with a probability of 99.9 %); bounds is what interval bounds do not prove for \
         {PROVEN_EPSILON} in every pixel.",
        test_examples.min(EXAMPLES),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_needs_half_of_the_values() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![1.0, 2.0, f64::INFINITY, f64::INFINITY]), Some(2.0));
        assert_eq!(median(vec![1.0, f64::INFINITY, f64::INFINITY]), None);
        assert_eq!(median(Vec::new()), None);
    }
}
