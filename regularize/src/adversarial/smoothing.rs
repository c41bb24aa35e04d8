//! Randomised smoothing: a certificate for any classifier, by asking it about noisy copies.
//!
//! The smoothed classifier `g(x)` is the class that the network `f` gives most often under Gaussian noise. If
//! that class has probability at least `p > ½`, no perturbation shorter than
//!
//! ```text
//! R = σ Φ⁻¹(p),      p ≤ P(f(x + σ z) = c),  z ~ N(0, I)
//! ```
//!
//! in the Euclidean norm changes it (Cohen, Rosenfeld, Kolter, *Certified Adversarial Robustness via Randomized
//! Smoothing*, ICML 2019, theorem 1 with `p_B = 1 - p_A`). The probability is not known, only counted: `p` is
//! the exact lower confidence limit of Clopper and Pearson ([`statistics`]), so with probability `1 - α` over
//! the noise the radius is true. Which class it is comes from *other* copies, drawn first: chosen from the
//! same ones the limit would be too high.
//!
//! For a linear classifier the radius with the true `p` is the distance to its hyperplane, whatever `σ`.
//!
//! The network should know noise: train it on [`Smoothing::noisy`] inputs.
//!
//! ```
//! use autograd::Tensor;
//! use nn::{Sequential, initialise};
//! use regularize::adversarial::smoothing::{Smoothing, SmoothedClassifier};
//! # fn main() -> Result<(), regularize::RegularizeError> {
//! let model = Sequential::<f64>::new().linear(2, 2);
//! let mut parameters = initialise(&model, 1);
//! // Class 1 where the first input is above 0.
//! parameters.insert("linear1.weight", Tensor::new([2, 2], vec![-1.0, 1.0, 0.0, 0.0]));
//! let smoothing = Smoothing::new(0.5)?.samples(64, 1000)?.level(0.001)?;
//! let mut smoothed = SmoothedClassifier::new(&model, smoothing, 1);
//! let certified = smoothed.certify(&Tensor::new([2], vec![0.4, 3.0]), &parameters, 0)?.unwrap();
//! assert!(certified.class == 1 && certified.radius > 0.3 && certified.radius < 0.4);
//! # Ok(())
//! # }
//! ```

pub mod statistics;

use self::statistics::{binomial_two_sided, clopper_pearson_lower, normal_quantile};
use crate::error::{RegularizeError, above_zero, at_least_zero};
use crate::host::first_largest;
use autograd::{Feed, Graph, Parameters, Plan, Real, Shape, Tensor, Var};
use nn::data::Dataset;
use nn::optimise::HyperparameterError;
use nn::train::check_examples;
use nn::{Layer, Mode};

/// Noise level, numbers of copies, and the allowed probability of a wrong statement.
///
/// ```
/// use regularize::adversarial::Smoothing;
/// use regularize::adversarial::smoothing::statistics::{clopper_pearson_lower, normal_cdf};
/// let smoothing = Smoothing::new(0.5)?.samples(100, 2000)?.level(0.01)?;
/// // Φ⁻¹(Φ(1.5)) is 1.5.
/// assert!((smoothing.radius(normal_cdf(1.5)).unwrap() - 0.75).abs() < 1e-12);
/// assert_eq!(smoothing.radius(0.5), None);
/// let certified = smoothing.certificate(3, 1900)?.unwrap();
/// assert_eq!((certified.class, certified.probability), (3, clopper_pearson_lower(1900, 2000, 0.01)));
/// assert!(smoothing.certificate(3, 1000)?.is_none()); // half of 2000 says nothing
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Smoothing {
    sigma: f64,
    selection: u64,
    estimation: u64,
    alpha: f64,
}

/// A class and how far away it cannot be changed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Certified {
    /// The class.
    pub class: u32,
    /// No perturbation of a smaller Euclidean norm changes it.
    pub radius: f64,
    /// The lower limit of its probability under noise.
    pub probability: f64,
}

impl Smoothing {
    /// Noise of deviation `sigma` on each input: 100 copies to choose the class, 1000 to estimate its
    /// probability, `α = 0.001`.
    ///
    /// # Errors
    /// If `sigma` is not above 0 and finite.
    pub fn new(sigma: f64) -> Result<Smoothing, RegularizeError> {
        above_zero("noise deviation sigma", sigma)?;
        Ok(Smoothing { sigma, selection: 100, estimation: 1000, alpha: 0.001 })
    }

    /// The same with other numbers of copies to choose the class and to estimate its probability.
    ///
    /// # Errors
    /// If one of them is 0.
    pub fn samples(self, selection: u64, estimation: u64) -> Result<Smoothing, RegularizeError> {
        for (name, count) in
            [("number of copies to choose", selection), ("number of copies to count", estimation)]
        {
            HyperparameterError::unless(count > 0, name, count as f64, "at least 1")?;
        }
        Ok(Smoothing { selection, estimation, ..self })
    }

    /// The same with another probability `α` that a statement is wrong.
    ///
    /// # Errors
    /// If `alpha` is not above 0 and below 1.
    pub fn level(self, alpha: f64) -> Result<Smoothing, RegularizeError> {
        let fits = alpha > 0.0 && alpha < 1.0;
        HyperparameterError::unless(fits, "probability alpha of a wrong certificate", alpha, "in (0, 1)")?;
        Ok(Smoothing { alpha, ..self })
    }

    /// The noise deviation.
    pub fn sigma(&self) -> f64 {
        self.sigma
    }

    /// `x + σ z` with `z` standard normal from the named stream: what such a network is trained on.
    ///
    /// ```
    /// use autograd::{Graph, interpret};
    /// use regularize::adversarial::Smoothing;
    /// let graph = Graph::<f64>::new();
    /// let x = graph.fill([10_000], 3.0);
    /// let noisy = Smoothing::new(0.5)?.noisy(x, "noise");
    /// let found = interpret(&[noisy.mean(), (noisy - 3.0).powi(2).mean()], &[], None)?;
    /// // Standard errors: 0.005 of the mean, 0.0035 of the variance.
    /// assert!((found[0].item() - 3.0).abs() < 0.02 && (found[1].item() - 0.25).abs() < 0.014);
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    #[track_caller]
    pub fn noisy<'g, T: Real>(&self, x: Var<'g, T>, stream: &str) -> Var<'g, T> {
        x + x.graph().normal(stream, x.shape()) * self.sigma
    }

    /// `σ Φ⁻¹(p)` for a probability `p` of the class; `None` for `p ≤ ½`, which certifies nothing.
    pub fn radius(&self, probability: f64) -> Option<f64> {
        (probability > 0.5).then(|| self.sigma * normal_quantile(probability))
    }

    /// What `successes` of the copies that estimate say of a class: `None` to abstain.
    ///
    /// # Errors
    /// If there are more successes than copies.
    pub fn certificate(&self, class: u32, successes: u64) -> Result<Option<Certified>, RegularizeError> {
        let fits = successes <= self.estimation;
        let (value, range) = (successes as f64, "at most the number of copies");
        HyperparameterError::unless(fits, "number of successes", value, range)?;
        let probability = clopper_pearson_lower(successes, self.estimation, self.alpha);
        Ok(self.radius(probability).map(|radius| Certified { class, radius, probability }))
    }
}

/// How many copies a plan runs at once.
const COPIES: usize = 128;

/// A network seen through noise.
///
/// ```
/// use autograd::{Parameters, Tensor};
/// use nn::{Sequential, data::Dataset};
/// use regularize::adversarial::{SmoothedClassifier, Smoothing};
/// let (model, parameters) = (Sequential::<f64>::new(), Parameters::new()); // the logits are the inputs
/// let mut smoothed = SmoothedClassifier::new(&model, Smoothing::new(0.25)?, 1);
/// // On the boundary, and at a distance of 1/√2 from it.
/// let [tie, clear] = [[0.5, 0.5], [1.0, 0.0]].map(|x| Tensor::new([2], x.to_vec()));
/// let counts = smoothed.counts(&clear, &parameters, 500, 0)?;
/// assert!(counts[0] > 490 && counts.iter().sum::<u64>() == 500);
/// assert_eq!(smoothed.predict(&tie, &parameters, 0)?, None);
/// assert_eq!(smoothed.predict(&clear, &parameters, 1)?, Some(0));
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
pub struct SmoothedClassifier<'m, T: Real> {
    model: &'m dyn Layer<T>,
    smoothing: Smoothing,
    seed: u64,
    plan: Option<(Shape, Plan<T>)>,
}

impl<'m, T: Real> SmoothedClassifier<'m, T> {
    /// The network, in [`Mode::Evaluate`], with noise drawn from `seed`.
    pub fn new(model: &'m dyn Layer<T>, smoothing: Smoothing, seed: u64) -> Self {
        SmoothedClassifier { model, smoothing, seed, plan: None }
    }

    /// How often each class is predicted for noisy copies of one example. `round` tells apart the draws: the
    /// same round draws the same noise.
    ///
    /// # Errors
    /// If parameters and example do not fit the model.
    pub fn counts(
        &mut self,
        example: &Tensor<T>,
        parameters: &Parameters<T>,
        copies: u64,
        round: u64,
    ) -> Result<Vec<u64>, RegularizeError> {
        let shape = example.shape();
        if self.plan.as_ref().is_none_or(|(known, _)| *known != shape) {
            let lengths = [&[1], shape.lengths()].concat();
            check_examples(self.model, Shape::new(&lengths))?;
            self.plan = Some((shape, self.compile(shape)));
        }
        let (_, plan) = self.plan.as_mut().expect("just compiled");
        let (mut counts, mut left) = (Vec::new(), copies);
        for chunk in 0.. {
            if left == 0 {
                break;
            }
            // A round has room for 2³² chunks.
            plan.set_run((round << 32) | chunk);
            let outputs = plan.evaluate(parameters, &[("example", Feed::from(example))])?;
            counts.resize(outputs.shape("logits").last(), 0);
            let taken = left.min(COPIES as u64);
            for &class in &outputs.indices("predicted")[..taken as usize] {
                counts[class as usize] += 1;
            }
            left -= taken;
        }
        Ok(counts)
    }

    /// The class of the smoothed classifier, or `None` where the counts of the two most frequent ones do not
    /// tell them apart at the level `α` (Cohen et al. 2019, `PREDICT`). `number` tells examples apart: each
    /// has noise of its own.
    ///
    /// # Errors
    /// As [`SmoothedClassifier::counts`].
    pub fn predict(
        &mut self,
        example: &Tensor<T>,
        parameters: &Parameters<T>,
        number: u32,
    ) -> Result<Option<u32>, RegularizeError> {
        let counts =
            self.counts(example, parameters, self.smoothing.estimation, 2 * u64::from(number) + 1)?;
        let first = first_largest(&counts);
        let second = counts.iter().enumerate().filter(|&(class, _)| class != first).map(|(_, &c)| c).max();
        let together = counts[first] + second.unwrap_or(0);
        let sure = binomial_two_sided(counts[first], together) <= self.smoothing.alpha;
        Ok(sure.then_some(first as u32))
    }

    /// Class and radius of one example, or `None` to abstain (Cohen et al. 2019, `CERTIFY`).
    ///
    /// # Errors
    /// As [`SmoothedClassifier::counts`].
    pub fn certify(
        &mut self,
        example: &Tensor<T>,
        parameters: &Parameters<T>,
        number: u32,
    ) -> Result<Option<Certified>, RegularizeError> {
        let (smoothing, number) = (self.smoothing, 2 * u64::from(number));
        let class = first_largest(&self.counts(example, parameters, smoothing.selection, number)?);
        let counts = self.counts(example, parameters, smoothing.estimation, number + 1)?;
        smoothing.certificate(class as u32, counts[class])
    }

    /// The certificates of all examples, in order.
    ///
    /// ```
    /// use autograd::{Parameters, Tensor};
    /// use nn::{Sequential, data::Dataset};
    /// use regularize::adversarial::{SmoothedClassifier, Smoothing, certified_accuracy};
    /// let model = Sequential::<f64>::new(); // the logits are the inputs
    /// let x = Tensor::new([2, 2], vec![0.5, 0.5, 1.0, 0.0]);
    /// let data = Dataset::new(x, Tensor::new([2], vec![0, 0]), 2)?;
    /// let mut smoothed = SmoothedClassifier::new(&model, Smoothing::new(0.25)?, 1);
    /// let found = smoothed.certify_all(&data, &Parameters::new())?;
    /// // Nothing on the boundary; less than the distance 1/√2 beside it.
    /// assert!(found[0].is_none());
    /// assert!(found[1].is_some_and(|one| one.radius > 0.4 && one.radius < 0.5f64.sqrt()));
    /// assert_eq!(certified_accuracy(&found, data.labels().data(), &[0.4, 0.8])?, [0.5, 0.0]);
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    ///
    /// # Errors
    /// As [`SmoothedClassifier::counts`].
    pub fn certify_all(
        &mut self,
        data: &Dataset<T>,
        parameters: &Parameters<T>,
    ) -> Result<Vec<Option<Certified>>, RegularizeError> {
        let shape = data.example_shape();
        let one = |i: usize| Tensor::new(shape, data.example(i).to_vec());
        (0..data.len()).map(|i| self.certify(&one(i), parameters, i as u32)).collect()
    }

    fn compile(&self, shape: Shape) -> Plan<T> {
        let lengths: Vec<usize> = [COPIES].iter().chain(shape.lengths()).copied().collect();
        let graph = Graph::new();
        let copies = graph.input("example", shape).broadcast_to(Shape::new(&lengths));
        let noisy = self.smoothing.noisy(copies, "smoothing");
        let logits = self.model.forward(noisy, Mode::Evaluate);
        let mut plan = Plan::builder(&graph)
            .output("logits", logits)
            .index_output("predicted", logits.argmax())
            .compile();
        plan.set_seed(self.seed);
        plan
    }
}

/// The share of examples that are right and certified at each radius: the certified accuracy.
///
/// ```
/// use regularize::adversarial::{Certified, certified_accuracy};
/// let certified = |class, radius| Some(Certified { class, radius, probability: 0.9 });
/// let found = [certified(0, 0.3), certified(1, 0.1), certified(2, 0.5), None];
/// // The third is certified, and wrong.
/// assert_eq!(certified_accuracy(&found, &[0, 1, 0, 1], &[0.0, 0.2, 0.4])?, [0.5, 0.25, 0.0]);
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
///
/// # Errors
/// If a radius is negative or not finite, or there are not as many labels as certificates.
pub fn certified_accuracy(
    certificates: &[Option<Certified>],
    labels: &[u32],
    radii: &[f64],
) -> Result<Vec<f64>, RegularizeError> {
    let fits = labels.len() == certificates.len();
    HyperparameterError::unless(fits, "number of labels", labels.len() as f64, "that of the certificates")?;
    let mut shares = Vec::with_capacity(radii.len());
    for &radius in radii {
        at_least_zero("radius", radius)?;
        let holds = |(found, label): &(&Option<Certified>, &u32)| {
            found.is_some_and(|found| found.class == **label && found.radius >= radius)
        };
        let count = certificates.iter().zip(labels).filter(holds).count();
        shares.push(count as f64 / certificates.len().max(1) as f64);
    }
    Ok(shares)
}

#[cfg(test)]
mod tests;
