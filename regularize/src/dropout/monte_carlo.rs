//! Monte Carlo dropout: predictions of some subnetworks, and how much they differ (Gal and Ghahramani, *Dropout as
//! a Bayesian Approximation*, ICML 2016).
//!
//! A network is run `S` times in [`Mode::Sample`], with masks drawn as in training. From the probabilities
//! `p(s)` of each example:
//!
//! | | | |
//! |---|---|---|
//! | mean | `p̄ = Σ p(s) / S` | the prediction |
//! | variance | `Σ (p(s) - p̄)² / S` | of each class |
//! | entropy | `H(p̄)` | all uncertainty |
//! | expected entropy | `Σ H(p(s)) / S` | of the data: each subnetwork has it |
//! | mutual information | the difference of both, at least 0 | of the model: the subnetworks disagree |
//!
//! ```
//! use autograd::Tensor;
//! use nn::{Activation, Sequential, initialise};
//! use regularize::Dropout;
//! use regularize::dropout::MonteCarlo;
//! let half = Dropout::new(0.5)?;
//! let model = Sequential::<f32>::new().linear(4, 16).then(Activation::Relu).then(half).linear(16, 3);
//! let examples = Tensor::full([5, 4], 1.0);
//! let mut samples = MonteCarlo::new(&model, 50)?.seed(1).batch_size(2)?;
//! let found = samples.predict(&examples, &initialise(&model, 1))?;
//! assert_eq!(found.mean.shape().lengths(), [5, 3]);
//! assert!(found.mutual_information().iter().all(|&information| information > 0.0));
//! # Ok::<(), regularize::RegularizeError>(())
//! ```

use crate::error::{RegularizeError, at_least_one};
use autograd::{Feed, Graph, Parameters, Plan, Real, Shape, Tensor};
use nn::data::DataError;
use nn::optimise::HyperparameterError;
use nn::{Layer, Mode};

/// Samples the predictions of a stochastic classifier. See the [module documentation](self).
pub struct MonteCarlo<'m, T: Real> {
    model: &'m dyn Layer<T>,
    samples: u64,
    batch_size: usize,
    seed: u64,
    /// One plan for each shape of batch that has come.
    plans: Vec<(Shape, Plan<T>)>,
}

/// What the samples say of each of `n` examples.
///
/// Two samples that are sure of different classes: all of the uncertainty is the model's.
///
/// ```
/// use autograd::Tensor;
/// use regularize::dropout::Predictive;
/// let found = Predictive {
///     mean: Tensor::full([1, 2], 0.5),
///     variance: Tensor::full([1, 2], 0.25),
///     expected_entropy: vec![0.0],
/// };
/// assert_eq!(found.entropy(), [2f64.ln()]);
/// assert_eq!(found.mutual_information(), [2f64.ln()]);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Predictive {
    /// The mean probabilities, `[n, classes]`.
    pub mean: Tensor<f64>,
    /// The variance of the probabilities, `[n, classes]`: the mean squared deviation, not divided by one less.
    pub variance: Tensor<f64>,
    /// The mean of the samples' entropies, in nats, for each example.
    pub expected_entropy: Vec<f64>,
}

impl Predictive {
    /// The entropy of the mean, in nats, for each example.
    pub fn entropy(&self) -> Vec<f64> {
        let classes = self.mean.shape().last().max(1);
        let term = |&p: &f64| if p > 0.0 { -p * p.ln() } else { 0.0 };
        self.mean.data().chunks(classes).map(|row| row.iter().map(term).sum()).collect()
    }

    /// How much the subnetworks disagree, in nats, for each example: the entropy of the mean less the mean of the
    /// entropies, which is at least 0.
    pub fn mutual_information(&self) -> Vec<f64> {
        let difference = |(total, each): (f64, &f64)| (total - each).max(0.0);
        self.entropy().into_iter().zip(&self.expected_entropy).map(difference).collect()
    }
}

impl<'m, T: Real> MonteCarlo<'m, T> {
    /// Samples `samples` subnetworks of a model that gives logits `[n, classes]`: batches of 256, seed 0.
    ///
    /// # Errors
    /// If there are no samples.
    pub fn new(model: &'m dyn Layer<T>, samples: u64) -> Result<MonteCarlo<'m, T>, RegularizeError> {
        HyperparameterError::unless(samples > 0, "number of samples", samples as f64, "at least 1")?;
        Ok(MonteCarlo { model, samples, batch_size: 256, seed: 0, plans: Vec::new() })
    }

    /// The number of examples that run together.
    ///
    /// # Errors
    /// If it is 0.
    pub fn batch_size(self, batch_size: usize) -> Result<Self, RegularizeError> {
        at_least_one("batch size", batch_size)?;
        Ok(MonteCarlo { batch_size, ..self })
    }

    /// The seed of all draws.
    pub fn seed(self, seed: u64) -> Self {
        MonteCarlo { seed, plans: Vec::new(), ..self }
    }

    /// Samples the predictions for examples `[n, ..]`. The same seed gives the same samples.
    ///
    /// # Errors
    /// If there are no examples, or the parameters do not fit.
    ///
    /// # Panics
    /// If the model does not take the examples, or its result is not `[n, classes]`.
    pub fn predict(
        &mut self,
        examples: &Tensor<T>,
        parameters: &Parameters<T>,
    ) -> Result<Predictive, RegularizeError> {
        let shape = examples.shape();
        if shape.rank() == 0 || shape[0] == 0 {
            return Err(DataError::Empty { shape }.into());
        }
        let (mut mean, mut squares, mut entropies) = (Vec::new(), Vec::new(), Vec::new());
        let batches = shape[0].div_ceil(self.batch_size) as u64;
        let mut classes = 0;
        for batch in 0..batches {
            let first = batch as usize * self.batch_size;
            let rows: Vec<usize> = (first..shape[0].min(first + self.batch_size)).collect();
            let values = examples.rows(&rows);
            let (samples, seed) = (self.samples, self.seed);
            let plan = self.compiled(values.shape());
            plan.set_seed(seed);
            for sample in 0..samples {
                plan.set_run(sample * batches + batch);
                let outputs = plan.evaluate(parameters, &[("inputs", Feed::from(&values))])?;
                let probabilities = outputs.values("probabilities");
                classes = probabilities.len() / rows.len();
                mean.resize(first * classes + probabilities.len(), 0.0);
                squares.resize(mean.len(), 0.0);
                entropies.resize(first + rows.len(), 0.0);
                // Welford's recurrence: no difference of large sums.
                for (k, p) in probabilities.iter().enumerate() {
                    let (k, p) = (first * classes + k, p.to_f64());
                    let deviation: f64 = p - mean[k];
                    mean[k] += deviation / (sample + 1) as f64;
                    squares[k] += deviation * (p - mean[k]);
                }
                for (k, entropy) in outputs.values("entropies").iter().enumerate() {
                    entropies[first + k] += entropy.to_f64() / samples as f64;
                }
            }
        }
        let of = |values: Vec<f64>| Tensor::new([shape[0], classes], values);
        let variance = squares.into_iter().map(|sum| sum / self.samples as f64).collect();
        Ok(Predictive { mean: of(mean), variance: of(variance), expected_entropy: entropies })
    }

    /// The plan for a batch of this shape.
    fn compiled(&mut self, shape: Shape) -> &mut Plan<T> {
        let found = self.plans.iter().position(|(known, _)| *known == shape);
        let position = found.unwrap_or_else(|| {
            let graph = Graph::new();
            let logits = self.model.forward(graph.input("inputs", shape), Mode::Sample);
            assert!(
                logits.shape().rank() == 2 && logits.shape()[0] == shape[0],
                "Monte Carlo dropout: logits [n, classes] are needed, not {}",
                logits.shape()
            );
            let logs = logits.log_softmax();
            let probabilities = logs.exp();
            let plan = Plan::builder(&graph)
                .output("probabilities", probabilities)
                .output("entropies", -(probabilities * logs).sum_over(&[-1]))
                .compile();
            self.plans.push((shape, plan));
            self.plans.len() - 1
        });
        &mut self.plans[position].1
    }
}

#[cfg(test)]
mod tests;
