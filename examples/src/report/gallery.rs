//! What a report shows of single networks: adversarial examples and first-layer weights, of the networks of
//! the first seed.

use super::pictures::Picture;
use crate::error::LabError;
use crate::study::data::Source;
use crate::study::{EPSILON, Row, Study};
use autograd::{Parameters, Tensor};
use nn::Sequential;
use nn::data::Dataset;
use nn::train::Evaluator;
use regularize::{AttackEvaluator, FastGradient, RegularizeError};

/// How many examples are shown.
const EXAMPLES: usize = 6;
/// How many hidden units are shown, and how many in a row.
const UNITS: usize = 64;
const UNITS_IN_A_ROW: usize = 16;
/// Pixels of the screen that a picture is about wide.
const PICTURE_WIDTH: usize = 72;
const UNIT_WIDTH: usize = 48;

/// A class and the probability that the network gives it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prediction {
    /// The class of the largest logit.
    pub class: u32,
    /// Its probability.
    pub probability: f64,
}

/// What an attack makes of an example.
#[derive(Debug)]
pub struct Attacked {
    /// The change of each pixel.
    pub perturbation: Picture,
    /// The example that the network is given.
    pub adversarial: Picture,
    /// What it says to the example as it was.
    pub before: Prediction,
    /// What it says to the adversarial one.
    pub after: Prediction,
}

/// One test example, attacked in each network by that network's own gradient.
#[derive(Debug)]
pub struct Shown {
    /// The right answer.
    pub label: u32,
    /// As it is.
    pub original: Picture,
    /// Plain and adversarially trained network.
    pub attacked: [Attacked; 2],
}

/// The weights into the hidden units of one network.
#[derive(Debug)]
pub struct Weights {
    /// The row of the study that it is of.
    pub row: usize,
    /// A tile for each unit.
    pub picture: Picture,
    /// The share of all its weights that are exactly 0.
    pub zeros: f64,
}

/// Examples that the plain network gets right and, attacked, wrong: one for each of the first classes that have
/// one.
///
/// # Errors
/// If a network cannot be run.
pub fn adversarial_examples(study: &Study, source: &Source) -> Result<Vec<Shown>, LabError> {
    let named = |name: &str| study.rows.iter().find(|row| row.technique.name() == name);
    let (Some(plain), Some(robust)) = (named("plain"), named("adversarial")) else { return Ok(Vec::new()) };
    let results = [plain, robust].map(|row| {
        attack(study, source, row).map_err(|error| LabError::Train {
            technique: row.technique.to_string(),
            seed: row.members[0].seed,
            error,
        })
    });
    let [plain, robust] = results;
    let networks = [plain?, robust?];
    let labels = source.test.labels().data();
    let fooled = |index: usize| {
        let attacked = &networks[0];
        attacked.before[index].class == labels[index] && attacked.after[index].class != labels[index]
    };
    let first = |class: u32| (0..labels.len()).find(|&i| labels[i] == class && fooled(i));
    let chosen = (0..source.classes() as u32).filter_map(first).take(EXAMPLES);
    let factor = PICTURE_WIDTH.div_ceil(source.picture[1]);
    Ok(chosen
        .map(|index| {
            let original = source.test.example(index);
            let of_network = |attacked: &AttackedSet| {
                let moved = &attacked.clipped.data()[index * original.len()..][..original.len()];
                let change: Vec<f32> = moved.iter().zip(original).map(|(m, x)| m - x).collect();
                Attacked {
                    perturbation: Picture::signed(source.picture, &change, EPSILON as f32).scaled(factor),
                    adversarial: Picture::ink(source.picture, moved).scaled(factor),
                    before: attacked.before[index],
                    after: attacked.after[index],
                }
            };
            Shown {
                label: labels[index],
                original: Picture::ink(source.picture, original).scaled(factor),
                attacked: networks.each_ref().map(of_network),
            }
        })
        .collect())
}

/// A whole test part, before and after.
struct AttackedSet {
    clipped: Tensor<f32>,
    before: Vec<Prediction>,
    after: Vec<Prediction>,
}

fn attack(study: &Study, source: &Source, row: &Row) -> Result<AttackedSet, RegularizeError> {
    let network = study.settings.task(source).network(row.technique)?;
    let mut parameters = row.members[0].parameters.clone();
    let attack = FastGradient::new(EPSILON)?.within(0.0, 1.0)?;
    let clipped = AttackEvaluator::new(&network, attack, 256).attack(&source.test, &parameters)?.clipped;
    let moved = Dataset::new(clipped.clone(), source.test.labels().clone(), source.classes())?;
    let before = predictions(&network, &source.test, &mut parameters)?;
    let after = predictions(&network, &moved, &mut parameters)?;
    Ok(AttackedSet { clipped, before, after })
}

fn predictions(
    network: &Sequential<f32>,
    data: &Dataset,
    parameters: &mut Parameters<f32>,
) -> Result<Vec<Prediction>, RegularizeError> {
    let logits = Evaluator::new(network, 256).logits(data, parameters)?;
    let classes = logits.shape().last();
    Ok(logits.data().chunks(classes).map(prediction).collect())
}

/// The class of the largest logit, the first of equals, and its softmax.
fn prediction(logits: &[f32]) -> Prediction {
    let mut class = 0;
    for (candidate, logit) in logits.iter().enumerate() {
        if *logit > logits[class] {
            class = candidate;
        }
    }
    // Relative to the largest: no exponential overflows.
    let sum: f64 = logits.iter().map(|logit| f64::from(logit - logits[class]).exp()).sum();
    Prediction { class: class as u32, probability: sum.recip() }
}

/// The weights into the same hidden units of the plain, the L2 and the L1 network, in one scale of colours:
/// those with the largest weights in the plain one. Nothing if the study has not these networks.
pub fn first_layer_weights(study: &Study, source: &Source) -> Vec<Weights> {
    let rows = study.rows.iter().enumerate();
    let wanted: Vec<(usize, &Row)> =
        rows.filter(|(_, row)| ["plain", "L2", "L1"].contains(&row.technique.name())).collect();
    let columns = |row: &Row| {
        let weights = &row.members[0].parameters["linear1.weight"];
        let hidden = weights.shape().last();
        let unit = |unit: usize| weights.data().iter().skip(unit).step_by(hidden).copied().collect();
        (0..hidden).map(unit).collect::<Vec<Vec<f32>>>()
    };
    let plain = wanted.iter().find(|(_, row)| row.technique.name() == "plain");
    let Some(plain) = plain.map(|(_, row)| columns(row)) else { return Vec::new() };
    let size = |unit: &[f32]| unit.iter().map(|w| w * w).sum::<f32>();
    let mut order: Vec<usize> = (0..plain.len()).collect();
    order.sort_by(|&a, &b| size(&plain[b]).total_cmp(&size(&plain[a])));
    order.truncate(UNITS);
    // The largest weights of all would leave everything else pale.
    let mut sizes: Vec<f32> = order.iter().flat_map(|&unit| &plain[unit]).map(|w| w.abs()).collect();
    sizes.sort_by(f32::total_cmp);
    let scale = sizes[(sizes.len() - 1) * 99 / 100];

    let factor = UNIT_WIDTH.div_ceil(source.picture[1]);
    wanted
        .into_iter()
        .map(|(position, row)| {
            let units = columns(row);
            let tile = |&unit: &usize| Picture::signed(source.picture, &units[unit], scale).scaled(factor);
            let tiles: Vec<Picture> = order.iter().map(tile).collect();
            Weights {
                row: position,
                picture: Picture::mosaic(&tiles, UNITS_IN_A_ROW),
                zeros: row.members[0].zero_weights,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_are_those_of_the_softmax() {
        let p = prediction(&[0.0, 1000.0, 1000.0]);
        assert_eq!(p, Prediction { class: 1, probability: 0.5 });
    }
}
