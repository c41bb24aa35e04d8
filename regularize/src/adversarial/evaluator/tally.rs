//! What an evaluator adds up over batches, and the figures that it becomes.

use super::{Attacked, Robustness, classes_of, difference};
use crate::adversarial::attack::Moved;
use crate::adversarial::norm::Norm;
use crate::adversarial::victim::Targets;
use crate::host::rows;
use autograd::{Real, Tensor};
use nn::data::Dataset;

/// What is added up over batches.
pub(super) struct Tally<T: Real> {
    raw: Vec<T>,
    clipped: Vec<T>,
    predicted: Vec<u32>,
    success: Vec<bool>,
    pub(super) wrong: Vec<bool>,
    norms: Vec<f64>,
    loss: f64,
    confidence: f64,
    zero_gradients: usize,
    non_finite_gradients: usize,
    pub(super) queries: u64,
    /// Sums over examples, for each look; a look that a batch did not need counts as its last one.
    traces: Vec<(usize, Vec<f64>)>,
}

impl<T: Real> Default for Tally<T> {
    fn default() -> Self {
        Tally {
            raw: Vec::new(),
            clipped: Vec::new(),
            predicted: Vec::new(),
            success: Vec::new(),
            wrong: Vec::new(),
            norms: Vec::new(),
            loss: 0.0,
            confidence: 0.0,
            zero_gradients: 0,
            non_finite_gradients: 0,
            queries: 0,
            traces: Vec::new(),
        }
    }
}

impl<T: Real> Tally<T> {
    /// Takes in a batch: what the attack made of it, and what the network says of the result.
    pub(super) fn add(
        &mut self,
        norm: Norm,
        targets: &Targets<'_, T>,
        labels: &Tensor<u32>,
        moved: Moved<T>,
        clipped: Tensor<T>,
        logits: &Tensor<T>,
    ) {
        let predicted = classes_of(logits);
        for (example, row) in logits.data().chunks(logits.shape().last()).enumerate() {
            let (label, class) = (labels.data()[example], predicted[example]);
            let z: Vec<f64> = row.iter().map(|z| z.to_f64()).collect();
            let largest = z.iter().fold(f64::NEG_INFINITY, |a, b| a.max(*b));
            let total = z.iter().map(|z| (z - largest).exp()).sum::<f64>().ln() + largest;
            self.loss += total - z[label as usize];
            self.wrong.push(class != label);
            if class != label {
                self.confidence += (z[class as usize] - total).exp();
            }
            self.success.push(match targets.targets {
                Some(targets) => class == targets.data()[example],
                None => class != label,
            });
        }
        let width = rows(clipped.shape())[1].max(1);
        let pairs = clipped.data().chunks(width).zip(targets.x.data().chunks(width));
        self.norms.extend(pairs.map(|(moved, x)| norm.of(&difference(moved, x))));
        self.zero_gradients += moved.zero_gradient.iter().filter(|zero| **zero).count();
        self.non_finite_gradients += moved.non_finite.iter().filter(|bad| **bad).count();
        self.traces.push((predicted.len(), moved.trace));
        self.predicted.extend(predicted);
        self.raw.extend_from_slice(moved.points.data());
        self.clipped.extend_from_slice(clipped.data());
    }

    /// The sums as shares and means of the whole data set.
    pub(super) fn finish(
        self,
        data: &Dataset<T>,
        epsilon: f64,
        clean_error: f64,
        worst_error: f64,
    ) -> Attacked<T> {
        let (shape, examples) = (data.examples().shape(), data.len());
        let wrong = self.wrong.iter().filter(|wrong| **wrong).count();
        let looks = self.traces.iter().map(|(_, trace)| trace.len()).max().unwrap_or(0);
        let mean_of_look = |look: usize| {
            let of = |(count, trace): &(usize, Vec<f64>)| {
                let value = trace.get(look).or(trace.last()).copied().unwrap_or(0.0);
                *count as f64 * value
            };
            self.traces.iter().map(of).sum::<f64>() / examples as f64
        };
        let robustness = Robustness {
            epsilon,
            error: wrong as f64 / examples as f64,
            worst_error,
            clean_error,
            loss: self.loss / examples as f64,
            confidence_when_wrong: (wrong > 0).then(|| self.confidence / wrong as f64),
            zero_gradients: self.zero_gradients,
            non_finite_gradients: self.non_finite_gradients,
            mean_norm: self.norms.iter().sum::<f64>() / examples as f64,
            largest_norm: self.norms.iter().fold(0.0, |a: f64, b| a.max(*b)),
            queries: self.queries,
            trace: (0..looks).map(mean_of_look).collect(),
            examples,
        };
        Attacked {
            raw: Tensor::new(shape, self.raw),
            clipped: Tensor::new(shape, self.clipped),
            predicted: Tensor::new([examples], self.predicted),
            success: self.success,
            norms: self.norms,
            robustness,
        }
    }
}
