//! Catastrophic overfitting: a network that withstands the attack it is trained with, and no other.
//!
//! Training with single steps is cheap and works, until it suddenly does not: within an epoch the network learns
//! to bend the loss so that one full step from the example finds nothing, while several small ones find
//! everything. The accuracy under the training attack *rises*; that under iterated attacks falls to 0 (Wong,
//! Rice, Kolter, ICLR 2020, section 5.4; Andriushchenko and Flammarion, NeurIPS 2020).
//!
//! [`OverfittingMonitor`] watches held-out examples after each epoch, under the single step and under projected
//! gradient steps of the same budget. It stops the training where the second accuracy falls below a share of
//! its best while the first does not, and gives back the parameters that were best under the second. A network
//! that has not yet withstood more than a guess would has nothing to lose, and is left alone.
//!
//! ```
//! use nn::data::digits;
//! use nn::{Activation, Mode, Optimiser, Sequential, Trainer, initialise};
//! use regularize::adversarial::{AdversarialTraining, OverfittingMonitor, Pgd, Threat};
//! # fn main() -> Result<(), regularize::RegularizeError> {
//! let [train, held_out] = digits::load()?.flattened().split([0.8, 0.2], 1)?;
//! let model = Sequential::<f32>::mlp(&[64, 16, 10], Activation::Relu);
//! let threat = Threat::infinity(0.1)?.within(0.0, 1.0)?;
//! let training = AdversarialTraining::new(Pgd::fast(threat)?, 0.0, Mode::Evaluate)?;
//! let mut trainer = Trainer::new(&model, Optimiser::adam(0.01))
//!     .epochs(3)
//!     .objective(move |batch| training.objective(batch, |batch| batch.cross_entropy()));
//! let mut monitor = OverfittingMonitor::new(&model, threat, 5, &held_out)?;
//! let mut parameters = initialise(&model, 1);
//! trainer.fit_observed(&train, None, &mut parameters, &mut monitor)?;
//! let found = monitor.finish()?;
//! assert_eq!((found.history.len(), found.caught), (3, None));
//! # Ok(())
//! # }
//! ```

use super::pgd::Pgd;
use super::threat::Threat;
use crate::error::RegularizeError;
use autograd::{Feed, Graph, Parameters, Plan, Real};
use nn::data::{Batches, Dataset};
use nn::loss::{Reduction, cross_entropy, error_count};
use nn::optimise::HyperparameterError;
use nn::train::{EpochMetrics, EpochObserver, check_model};
use nn::{Layer, Mode};
use std::ops::ControlFlow;

/// The accuracies of one epoch on the held-out examples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Withstood {
    /// The epoch, counted from 0.
    pub epoch: u64,
    /// Without attack.
    pub clean: f64,
    /// After one step of size `ε`.
    pub single_step: f64,
    /// After several steps.
    pub iterated: f64,
}

/// What a monitor hands back.
#[derive(Debug, Clone, PartialEq)]
pub struct Monitored<T: Real> {
    /// The parameters after the epoch that was best under the iterated attack.
    pub parameters: Parameters<T>,
    /// That epoch.
    pub best: Withstood,
    /// The epoch at which overfitting was caught, if it was.
    pub caught: Option<u64>,
    /// All epochs that were seen.
    pub history: Vec<Withstood>,
}

/// Watches a training for catastrophic overfitting. See the [module documentation](self).
///
/// ```
/// use autograd::{Parameters, Tensor};
/// use nn::{Sequential, data::Dataset};
/// use regularize::adversarial::{OverfittingMonitor, Threat, Withstood};
/// let model = Sequential::<f64>::new();
/// let held_out = Dataset::new(Tensor::zeros([100, 2]), Tensor::full([100], 0), 2)?;
/// let mut monitor = OverfittingMonitor::new(&model, Threat::infinity(0.1)?, 5, &held_out)?.alarm_at(0.5)?;
/// let mut epoch = |epoch, single_step, iterated| {
///     let found = Withstood { epoch, clean: 0.9, single_step, iterated };
///     monitor.observe(found, &Parameters::new()).is_continue()
/// };
/// assert!(epoch(0, 0.8, 0.75));
/// assert!(epoch(1, 0.4, 0.38), "both fell: a bad epoch");
/// assert!(!epoch(2, 0.9, 0.05), "only the second fell");
/// let found = monitor.finish()?;
/// assert_eq!((found.best.epoch, found.caught), (0, Some(2)));
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
pub struct OverfittingMonitor<'m, T: Real> {
    model: &'m dyn Layer<T>,
    held_out: &'m Dataset<T>,
    single: Pgd,
    iterated: Pgd,
    share: f64,
    plans: Vec<(usize, Plan<T>)>,
    best: Option<(Withstood, Parameters<T>)>,
    best_single: f64,
    caught: Option<u64>,
    history: Vec<Withstood>,
    failed: Option<RegularizeError>,
}

impl<'m, T: Real> OverfittingMonitor<'m, T> {
    /// Watches `model` on `held_out` examples, under one step of the whole budget and under `steps` steps from a
    /// random point. The alarm goes off at half of the best accuracy.
    ///
    /// # Errors
    /// If `steps` is less than 2, which would be no other attack, there is no projection in the norm, an example
    /// lies outside of the threat's box, or the network does not take the examples.
    pub fn new(
        model: &'m dyn Layer<T>,
        threat: Threat,
        steps: usize,
        held_out: &'m Dataset<T>,
    ) -> Result<Self, RegularizeError> {
        HyperparameterError::unless(
            steps >= 2,
            "iterated attack's number of steps",
            steps as f64,
            "at least 2",
        )?;
        threat.check(held_out)?;
        check_model(model, held_out)?;
        let single = Pgd::new(threat, 1)?;
        let single = if threat.epsilon() > 0.0 { single.step_size(threat.epsilon())? } else { single };
        Ok(OverfittingMonitor {
            model,
            held_out,
            single,
            iterated: Pgd::new(threat, steps)?.from_random(),
            share: 0.5,
            plans: Vec::new(),
            best: None,
            best_single: 0.0,
            caught: None,
            history: Vec::new(),
            failed: None,
        })
    }

    /// The same with the alarm at another share of the best accuracy.
    ///
    /// # Errors
    /// If the share is not above 0 and below 1.
    pub fn alarm_at(self, share: f64) -> Result<Self, RegularizeError> {
        let fits = share > 0.0 && share < 1.0;
        HyperparameterError::unless(fits, "share of the best accuracy", share, "in (0, 1)")?;
        Ok(OverfittingMonitor { share, ..self })
    }

    /// Shows the accuracies after an epoch; `Break` says that the training has overfitted.
    pub fn observe(&mut self, found: Withstood, parameters: &Parameters<T>) -> ControlFlow<()> {
        self.history.push(found);
        self.best_single = self.best_single.max(found.single_step);
        let best = self.best.as_ref().map_or(f64::NEG_INFINITY, |(best, _)| best.iterated);
        if found.iterated > best {
            self.best = Some((found, parameters.clone()));
            return ControlFlow::Continue(());
        }
        let collapsed = best > self.guessing() && found.iterated < self.share * best;
        if collapsed && found.single_step >= self.share * self.best_single {
            self.caught = Some(found.epoch);
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    /// The accuracy of guesses among the classes, and three of its standard errors on this number of examples.
    fn guessing(&self) -> f64 {
        let chance = 1.0 / self.held_out.classes() as f64;
        chance + 3.0 * (chance * (1.0 - chance) / self.held_out.len() as f64).sqrt()
    }

    /// What was found.
    ///
    /// # Errors
    /// [`RegularizeError::NothingToKeep`] if no epoch was seen; what went wrong in an epoch, if something did.
    pub fn finish(self) -> Result<Monitored<T>, RegularizeError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let Some((best, parameters)) = self.best else {
            let epochs = self.history.len() as u64;
            return Err(RegularizeError::NothingToKeep { epochs, measure: "accuracy under attack" });
        };
        Ok(Monitored { parameters, best, caught: self.caught, history: self.history })
    }

    /// The accuracies of a network with these parameters.
    ///
    /// ```
    /// use autograd::{Parameters, Tensor};
    /// use nn::{Sequential, data::Dataset};
    /// use regularize::adversarial::{OverfittingMonitor, Threat};
    /// let model = Sequential::<f64>::new(); // the logits are the inputs
    /// let held_out = Dataset::new(Tensor::new([1, 2], vec![0.625, 0.375]), Tensor::new([1], vec![0]), 2)?;
    /// let mut monitor = OverfittingMonitor::new(&model, Threat::infinity(0.25)?, 5, &held_out)?;
    /// let found = monitor.measure(3, &Parameters::new())?;
    /// assert_eq!((found.epoch, found.clean), (3, 1.0));
    /// assert_eq!((found.single_step, found.iterated), (0.0, 0.0));
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    ///
    /// # Errors
    /// If data, model and parameters do not fit.
    pub fn measure(&mut self, epoch: u64, parameters: &Parameters<T>) -> Result<Withstood, RegularizeError> {
        let mut batches = Batches::in_order(self.held_out.len(), 256)?;
        let mut errors = [0.0; 3];
        for (number, indices) in batches.epoch(0).enumerate() {
            let (inputs, labels) = self.held_out.gather(indices)?;
            let plan = self.compiled(indices.len());
            // The same starts after every epoch: a difference is the network's.
            plan.set_run(number as u64);
            let feeds = [("inputs", Feed::from(&inputs)), ("labels", Feed::from(&labels))];
            let outputs = plan.evaluate(parameters, &feeds)?;
            for (sum, name) in errors.iter_mut().zip(["clean", "single", "iterated"]) {
                *sum += outputs.scalar(name).to_f64();
            }
        }
        let examples = self.held_out.len() as f64;
        let [clean, single_step, iterated] = errors.map(|errors| (examples - errors) / examples);
        Ok(Withstood { epoch, clean, single_step, iterated })
    }

    fn compiled(&mut self, size: usize) -> &mut Plan<T> {
        let at = self.plans.iter().position(|(known, _)| *known == size).unwrap_or_else(|| {
            let graph = Graph::new();
            let x = graph.input("inputs", self.held_out.examples().shape().with_axis(0, size));
            let labels = graph.indices("labels", [size]);
            let logits = |x| self.model.forward(x, Mode::Evaluate);
            let loss = |x| cross_entropy(logits(x), labels, Reduction::Sum);
            let errors = |x| error_count(logits(x), labels);
            let plan = Plan::builder(&graph)
                .output("clean", errors(x))
                .output("single", errors(self.single.examples(x, loss)))
                .output("iterated", errors(self.iterated.examples(x, loss)));
            self.plans.push((size, plan.compile()));
            self.plans.len() - 1
        });
        &mut self.plans[at].1
    }
}

impl<T: Real> EpochObserver<T> for OverfittingMonitor<'_, T> {
    fn epoch_ended(&mut self, metrics: &EpochMetrics, parameters: &Parameters<T>) -> ControlFlow<()> {
        match self.measure(metrics.epoch, parameters) {
            Ok(found) => self.observe(found, parameters),
            // The trainer takes no error from an observer: it is kept for `finish`.
            Err(error) => {
                self.failed = Some(error);
                ControlFlow::Break(())
            }
        }
    }
}

#[cfg(test)]
mod tests;
