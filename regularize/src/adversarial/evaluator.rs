//! A data set under attack, with the evidence.
//!
//! The network is attacked in [`Mode::Evaluate`], unless told otherwise, on the *sum* of the examples' losses:
//! each example's gradient is its own and does not shrink with the batch. Success is what the network says
//! when the *clipped* example is given to it again, not what the attack hopes for.
//!
//! An example whose gradient is 0 everywhere is counted: many of them mean that gradients are masked, not
//! that the network is robust (Carlini et al., arXiv 1902.06705). One whose gradient has a NaN or an infinity
//! is left where it is and counted too. Neither is hidden.
//!
//! For several budgets in one call there are two curves: what each attack found by itself, and the running
//! worst case, for which an example counts as broken if any budget up to this one broke it. Only the second
//! must rise: a larger budget allows everything that a smaller one does, but an attack may miss it.
//!
//! ```
//! use nn::data::digits;
//! use nn::{Activation, Sequential, initialise};
//! use regularize::{AttackEvaluator, FastGradient};
//! # fn main() -> Result<(), regularize::RegularizeError> {
//! let data = digits::load()?.flattened().subset(&[0, 1, 2, 3])?;
//! let model = Sequential::<f32>::mlp(&[64, 10], Activation::Relu);
//! let parameters = initialise(&model, 1);
//! let mut evaluator = AttackEvaluator::new(&model, FastGradient::new(0.25)?.within(0.0, 1.0)?, 64);
//! for found in evaluator.curve(&data, &parameters, &[0.0, 0.1, 0.25])? {
//!     println!("ε = {}: error {:.0} %", found.epsilon, 100.0 * found.error);
//! }
//! let attacked = evaluator.attack(&data, &parameters)?;
//! assert_eq!(attacked.clipped.shape(), data.examples().shape());
//! # Ok(())
//! # }
//! ```

mod tally;

use self::tally::Tally;
use super::attack::{Attack, Moved};
use super::loss::Goal;
use super::victim::{Plans, Targets, Victim};
use crate::error::{RegularizeError, at_least_one, at_least_zero};
use crate::host::{first_largest, rows};
use autograd::{Parameters, Real, Tensor};
use nn::data::{Batches, Dataset};
use nn::train::Evaluator;
use nn::{Layer, Mode};

/// How a network does under one budget.
#[derive(Debug, Clone, PartialEq)]
pub struct Robustness {
    /// The budget.
    pub epsilon: f64,
    /// The share of examples that are wrong after the attack, those that were wrong before among them.
    pub error: f64,
    /// The share of examples that are wrong after the attack with this budget or a smaller one of the call:
    /// it never falls as the budget grows.
    pub worst_error: f64,
    /// The share of examples that are wrong without attack.
    pub clean_error: f64,
    /// The mean cross-entropy after the attack.
    pub loss: f64,
    /// The mean probability of the predicted class over the examples that are wrong after the attack; `None`
    /// if there are none.
    pub confidence_when_wrong: Option<f64>,
    /// How many examples have a gradient that is 0 everywhere, wherever the attack looked.
    pub zero_gradients: usize,
    /// How many examples have a gradient with a NaN or an infinity; they were not moved.
    pub non_finite_gradients: usize,
    /// The mean norm, that of the attack, of what was changed of an example.
    pub mean_norm: f64,
    /// The largest of these.
    pub largest_norm: f64,
    /// How many examples the network was asked about, forward or with a gradient, the final verdict not
    /// counted.
    pub queries: u64,
    /// What the attack made large, its mean over all examples, each time the attack looked.
    pub trace: Vec<f64>,
    /// How many examples there are.
    pub examples: usize,
}

/// The adversarial examples of a data set and what became of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Attacked<T: Real> {
    /// What the attack found, of the examples' shape.
    pub raw: Tensor<T>,
    /// The same clipped to the box, and shortened to the budget if the attack looks for the smallest
    /// perturbation: what the network is given.
    pub clipped: Tensor<T>,
    /// What the network predicts for each clipped example, `[n]`.
    pub predicted: Tensor<u32>,
    /// Whether that is what the attack wants: another class than the label's, or the target, `[n]`.
    pub success: Vec<bool>,
    /// The norm of what was changed of each example, `[n]`.
    pub norms: Vec<f64>,
    /// The summary.
    pub robustness: Robustness,
}

/// Attacks a network on data sets, in batches; plans are compiled when first needed and kept.
///
/// ```
/// use autograd::{Parameters, Tensor};
/// use nn::{Sequential, data::Dataset};
/// use regularize::{AttackEvaluator, FastGradient};
/// let model = Sequential::<f64>::new(); // the logits are the inputs
/// let data = Dataset::new(Tensor::new([1, 2], vec![0.625, 0.375]), Tensor::new([1], vec![0]), 2)?;
/// let attack = FastGradient::new(0.25)?.within(0.0, 1.0)?;
/// let mut evaluator = AttackEvaluator::new(&model, attack, 64);
/// let found = evaluator.attack(&data, &Parameters::new())?;
/// assert_eq!((found.clipped.data(), found.predicted.data()), (&[0.375, 0.625][..], &[1][..]));
/// let curve = evaluator.curve(&data, &Parameters::new(), &[0.0, 0.0625, 0.25])?;
/// assert_eq!(curve.iter().map(|found| found.error).collect::<Vec<_>>(), [0.0, 0.0, 1.0]);
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
pub struct AttackEvaluator<'m, T: Real> {
    model: &'m dyn Layer<T>,
    attack: Box<dyn Attack<T> + 'm>,
    batch_size: usize,
    mode: Mode,
    seed: u64,
    draws: usize,
    goal: Goal,
    from_predictions: bool,
    plans: Plans<T>,
}

impl<'m, T: Real> AttackEvaluator<'m, T> {
    /// Attacks `model` in [`Mode::Evaluate`].
    pub fn new(model: &'m dyn Layer<T>, attack: impl Attack<T> + 'm, batch_size: usize) -> Self {
        AttackEvaluator {
            model,
            attack: Box::new(attack),
            batch_size,
            mode: Mode::Evaluate,
            seed: 0,
            draws: 1,
            goal: Goal::AnyOther,
            from_predictions: false,
            plans: Plans::new(),
        }
    }

    /// The same on the network in another mode, with the seed of its draws and the attack's. The verdict on a
    /// batch is of other draws than those the attack saw.
    ///
    /// ```
    /// use autograd::{Parameters, Tensor};
    /// use nn::{Mode, Sequential, data::Dataset};
    /// use regularize::{AttackEvaluator, Dropout, FastGradient};
    /// // Logits of which dropout keeps each with probability ½.
    /// let model = Sequential::<f64>::new().then(Dropout::new(0.5)?);
    /// let x = Tensor::from_fn([400, 2], |i| [0.625, 0.375][i % 2]);
    /// let data = Dataset::new(x, Tensor::full([400], 0), 2)?;
    /// let error = |mode, seed| {
    ///     let evaluator = AttackEvaluator::new(&model, FastGradient::new(0.1)?, 400);
    ///     let found = evaluator.in_mode(mode, seed).curve(&data, &Parameters::new(), &[0.0])?;
    ///     Ok::<_, regularize::RegularizeError>(found[0].error)
    /// };
    /// assert_eq!(error(Mode::Evaluate, 1)?, 0.0);
    /// // Wrong where only the other class is kept: one in four, with a standard error of 0.022.
    /// let found = error(Mode::Sample, 1)?;
    /// assert!((found - 0.25).abs() < 0.07 && found == error(Mode::Sample, 1)?);
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    pub fn in_mode(self, mode: Mode, seed: u64) -> Self {
        AttackEvaluator { mode, seed, plans: Plans::new(), ..self }
    }

    /// The same with the seed of the attack's draws.
    ///
    /// ```
    /// use autograd::{Parameters, Tensor};
    /// use nn::{Sequential, data::Dataset};
    /// use regularize::{AttackEvaluator, Pgd, Threat};
    /// let model = Sequential::<f64>::new(); // the logits are the inputs
    /// let data = Dataset::new(Tensor::new([1, 2], vec![0.625, 0.375]), Tensor::new([1], vec![0]), 2)?;
    /// let from_anywhere = Pgd::new(Threat::infinity(0.25)?, 1)?.step_size(0.01)?.from_random();
    /// let found = |seed| {
    ///     let mut evaluator = AttackEvaluator::new(&model, from_anywhere, 1).seed(seed);
    ///     Ok::<_, regularize::RegularizeError>(evaluator.attack(&data, &Parameters::new())?.clipped)
    /// };
    /// assert!(found(1)? == found(1)? && found(1)? != found(2)?);
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    pub fn seed(self, seed: u64) -> Self {
        AttackEvaluator { seed, plans: Plans::new(), ..self }
    }

    /// The same with losses and gradients of a stochastic network averaged over so many draws.
    ///
    /// ```
    /// use autograd::{Parameters, Tensor};
    /// use nn::{Mode, Sequential, data::Dataset};
    /// use regularize::{AttackEvaluator, Dropout, FastGradient};
    /// // Logits of which dropout keeps each with probability ½: a draw errs if it keeps the second alone.
    /// let model = Sequential::<f64>::new().then(Dropout::new(0.5)?);
    /// let x = Tensor::from_fn([100, 2], |i| [0.75, 0.25][i % 2]);
    /// let data = Dataset::new(x, Tensor::full([100], 0), 2)?;
    /// let error = |draws| {
    ///     let evaluator = AttackEvaluator::new(&model, FastGradient::new(0.1)?, 100).averaged_over(draws)?;
    ///     let mut sampled = evaluator.in_mode(Mode::Sample, 1);
    ///     let found = sampled.curve(&data, &Parameters::new(), &[0.0])?;
    ///     Ok::<_, regularize::RegularizeError>(found[0].error)
    /// };
    /// // The mean of many does not.
    /// assert!(error(1)? > 0.1 && error(100)? == 0.0);
    /// assert!(error(0).is_err());
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    ///
    /// # Errors
    /// If there are no draws.
    pub fn averaged_over(self, draws: usize) -> Result<Self, RegularizeError> {
        at_least_one("number of draws", draws)?;
        Ok(AttackEvaluator { draws, plans: Plans::new(), ..self })
    }

    /// The same with another goal than any wrong class.
    ///
    /// ```
    /// use autograd::{Parameters, Tensor};
    /// use nn::{Sequential, data::Dataset};
    /// use regularize::adversarial::{AttackEvaluator, FastGradient, Goal};
    /// let model = Sequential::<f64>::new(); // the logits are the inputs
    /// let data = Dataset::new(Tensor::new([1, 3], vec![0.5, 0.25, 0.375]), Tensor::new([1], vec![0]), 3)?;
    /// let predicted = |goal| {
    ///     let mut evaluator = AttackEvaluator::new(&model, FastGradient::new(0.25)?, 1).goal(goal);
    ///     let found = evaluator.attack(&data, &Parameters::new())?;
    ///     Ok::<_, regularize::RegularizeError>(found.predicted.data()[0])
    /// };
    /// assert_eq!(predicted(Goal::AnyOther)?, 2); // the nearest
    /// assert_eq!(predicted(Goal::Class(1))?, 1);
    /// assert_eq!(predicted(Goal::Shift(1))?, 1); // the one after the label
    /// assert!(predicted(Goal::Class(3)).is_err());
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    pub fn goal(self, goal: Goal) -> Self {
        AttackEvaluator { goal, ..self }
    }

    /// The same by an attacker who does not know the labels, and moves away from what the network predicts. A
    /// network trained on attacks of a single step may read the label from the perturbation (Kurakin,
    /// Goodfellow, Bengio, 2017); without labels there is none to read.
    ///
    /// ```
    /// use autograd::{Parameters, Tensor};
    /// use nn::{Sequential, data::Dataset};
    /// use regularize::{AttackEvaluator, FastGradient};
    /// let model = Sequential::<f64>::new(); // the logits are the inputs
    /// // The network says 0; the label is 1.
    /// let data = Dataset::new(Tensor::new([1, 2], vec![0.625, 0.375]), Tensor::new([1], vec![1]), 2)?;
    /// let attack = FastGradient::new(0.25)?;
    /// let mut evaluator = AttackEvaluator::new(&model, attack, 1);
    /// let away_from_label = evaluator.attack(&data, &Parameters::new())?;
    /// assert_eq!(away_from_label.clipped.data(), [0.875, 0.125]);
    /// let away_from_prediction = evaluator.without_labels().attack(&data, &Parameters::new())?;
    /// assert_eq!(away_from_prediction.clipped.data(), [0.375, 0.625]);
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    pub fn without_labels(self) -> Self {
        AttackEvaluator { from_predictions: true, ..self }
    }

    /// The adversarial examples of `data` under the attack's own budget.
    ///
    /// # Errors
    /// If data, model and parameters do not fit, or an example lies outside the attack's box.
    pub fn attack(
        &mut self,
        data: &Dataset<T>,
        parameters: &Parameters<T>,
    ) -> Result<Attacked<T>, RegularizeError> {
        let epsilon = self.attack.threat().epsilon();
        Ok(self.attacks(data, parameters, &[epsilon])?.remove(0))
    }

    /// How the network does under each of several budgets, in the attack's norm and box.
    ///
    /// # Errors
    /// If a budget is negative or not finite, or as [`AttackEvaluator::attack`].
    pub fn curve(
        &mut self,
        data: &Dataset<T>,
        parameters: &Parameters<T>,
        epsilons: &[f64],
    ) -> Result<Vec<Robustness>, RegularizeError> {
        let all = self.attacks(data, parameters, epsilons)?;
        Ok(all.into_iter().map(|attacked| attacked.robustness).collect())
    }

    /// The adversarial examples of `data` under each of several budgets.
    ///
    /// ```
    /// use autograd::{Parameters, Tensor};
    /// use nn::{Sequential, data::Dataset};
    /// use regularize::{AttackEvaluator, FastGradient};
    /// let model = Sequential::<f64>::new(); // the logits are the inputs
    /// let data = Dataset::new(Tensor::new([1, 2], vec![0.625, 0.375]), Tensor::new([1], vec![0]), 2)?;
    /// let mut evaluator = AttackEvaluator::new(&model, FastGradient::new(0.25)?, 1);
    /// let found = evaluator.attacks(&data, &Parameters::new(), &[0.0625, 0.25])?;
    /// assert_eq!(found[0].clipped.data(), [0.5625, 0.4375]);
    /// assert_eq!(found[1].clipped.data(), [0.375, 0.625]);
    /// assert_eq!((found[0].success[0], found[1].success[0]), (false, true));
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    ///
    /// # Errors
    /// As [`AttackEvaluator::curve`].
    pub fn attacks(
        &mut self,
        data: &Dataset<T>,
        parameters: &Parameters<T>,
        epsilons: &[f64],
    ) -> Result<Vec<Attacked<T>>, RegularizeError> {
        for &epsilon in epsilons {
            at_least_zero("attack's budget epsilon", epsilon)?;
        }
        // Also checks that model and data fit.
        let mut evaluator = Evaluator::new(self.model, self.batch_size).in_mode(self.mode, self.seed);
        let clean_error = evaluator.evaluate(data, parameters)?.error;
        self.attack.threat().check(data)?;
        let reach = self.goal.targets(data.labels().data(), data.classes())?;
        let mut tallies: Vec<Tally<T>> = epsilons.iter().map(|_| Tally::default()).collect();
        let mut victim =
            Victim::new(self.model, parameters).in_mode(self.mode, self.seed).averaged_over(self.draws)?;
        victim.plans = std::mem::take(&mut self.plans);
        let mut batches = Batches::in_order(data.len(), self.batch_size)?;
        for (number, indices) in batches.epoch(0).enumerate() {
            victim.batch = number as u64;
            let (x, labels) = data.gather(indices)?;
            let away = match self.from_predictions {
                true => classes_of(&victim.logits(&x)?),
                false => labels.data().to_vec(),
            };
            let away = Tensor::new([indices.len()], away);
            let reach = reach.as_ref().map(|all| Tensor::from_fn([indices.len()], |i| all[indices[i]]));
            let (first, seed) = (indices[0], self.seed);
            let targets = Targets { x: &x, labels: &away, targets: reach.as_ref(), first, seed };
            let mut smallest: Option<Moved<T>> = None;
            for (&epsilon, tally) in epsilons.iter().zip(&mut tallies) {
                let before = victim.queries();
                let moved = match (&smallest, epsilon == 0.0) {
                    (_, true) => Moved {
                        points: x.clone(),
                        zero_gradient: vec![false; indices.len()],
                        non_finite: vec![false; indices.len()],
                        trace: Vec::new(),
                    },
                    (Some(found), _) => found.clone(),
                    (None, _) => self.attack.run(&mut victim, &targets, epsilon)?,
                };
                if self.attack.is_minimal() && epsilon > 0.0 && smallest.is_none() {
                    smallest = Some(moved.clone());
                }
                tally.queries += victim.queries() - before;
                let clipped = self.clipped(&x, &moved.points, epsilon);
                let logits = victim.verdict(&clipped)?;
                tally.add(self.attack.threat().norm(), &targets, &labels, moved, clipped, &logits);
            }
        }
        self.plans = std::mem::take(&mut victim.plans);
        // For each budget, what it and the smaller ones of the call broke.
        let broken = |epsilon: f64, example: usize| {
            (epsilons.iter().zip(&tallies)).any(|(e, tally)| *e <= epsilon && tally.wrong[example])
        };
        let worst: Vec<f64> = epsilons
            .iter()
            .map(|&epsilon| share((0..data.len()).map(|example| broken(epsilon, example))))
            .collect();
        let all = epsilons.iter().zip(tallies).zip(worst);
        Ok(all.map(|((&epsilon, tally), worst)| tally.finish(data, epsilon, clean_error, worst)).collect())
    }

    /// What the network is given: in the box, and for a smallest perturbation within the budget.
    fn clipped(&self, x: &Tensor<T>, points: &Tensor<T>, epsilon: f64) -> Tensor<T> {
        let threat = self.attack.threat();
        let mut clipped = points.clone();
        let width = rows(x.shape())[1].max(1);
        if self.attack.is_minimal() {
            for (point, x) in clipped.data_mut().chunks_mut(width).zip(x.data().chunks(width)) {
                let size = threat.norm().of(&difference(point, x));
                if size > epsilon {
                    // Backwards along the way it came: no other class need be nearer.
                    let scale = epsilon / size;
                    let shorten = |(p, x): (&mut T, &T)| {
                        *p = T::from_f64(x.to_f64() + scale * (p.to_f64() - x.to_f64()))
                    };
                    point.iter_mut().zip(x).for_each(shorten);
                }
            }
        }
        if let Some((low, high)) = threat.bounds() {
            let (low, high) = (T::from_f64(low), T::from_f64(high));
            for v in clipped.data_mut() {
                *v = if *v < low {
                    low
                } else if *v > high {
                    high
                } else {
                    *v
                };
            }
        }
        clipped
    }
}

/// The class of the largest logit of each row, the first of equals.
pub(super) fn classes_of<T: Real>(logits: &Tensor<T>) -> Vec<u32> {
    logits.data().chunks(logits.shape().last()).map(|row| first_largest(row) as u32).collect()
}

/// `a - b` in double precision.
pub(super) fn difference<T: Real>(a: &[T], b: &[T]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a.to_f64() - b.to_f64()).collect()
}

fn share(which: impl ExactSizeIterator<Item = bool>) -> f64 {
    let all = which.len().max(1);
    which.filter(|yes| *yes).count() as f64 / all as f64
}

#[cfg(test)]
mod tests;
