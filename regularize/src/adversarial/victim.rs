//! A network as an attack sees it: its answers and its gradients, asked for and counted.
//!
//! A [`Victim`] is a network with its parameters, in one mode. Attacks see nothing else of it. It counts what
//! they ask: an example looked at forward, or forward and backward, is a query. Plans are compiled when first
//! needed.
//!
//! # Stochastic networks
//!
//! A network that draws (dropout in [`Mode::Sample`], random inputs as a defence) has a gradient that is
//! itself random, and one draw of it misleads an attack. The way through is the *expectation over
//! transformation* (Athalye, Carlini, Wagner, ICML 2018): [`Victim::averaged_over`] gives losses and gradients
//! averaged over as many draws, always the same ones for one batch. What the network finally says of an
//! example is judged by other draws.

use super::loss::AttackLoss;
use crate::error::{RegularizeError, above_zero, at_least_one};
use crate::host::rows;
use autograd::{Feed, Graph, Outputs, Parameters, Plan, Real, Shape, Tensor, Var, grad};
use nn::train::check_examples;
use nn::{Layer, Mode};
use std::collections::HashMap;

/// Compiled plans by what they do and the shape of the batch.
pub(super) type Plans<T> = HashMap<(String, Shape), Plan<T>>;

/// A network under attack. See the [module documentation](self).
///
/// ```
/// use autograd::{Parameters, Tensor};
/// use nn::Sequential;
/// use regularize::adversarial::{AttackLoss, Targets, Victim};
/// let (model, parameters) = (Sequential::<f64>::new(), Parameters::new()); // the logits are the inputs
/// let mut victim = Victim::new(&model, &parameters);
/// let (x, labels) = (Tensor::new([1, 2], vec![0.625, 0.375]), Tensor::new([1], vec![0]));
/// let targets = Targets { x: &x, labels: &labels, targets: None, first: 0, seed: 1 };
/// assert_eq!(victim.logits(&x)?, x);
/// let slope = victim.slope(AttackLoss::Margin, &x, &targets)?;
/// assert_eq!((slope.losses[0], slope.gradient.data()), (-0.25, &[-1.0, 1.0][..]));
/// assert_eq!((slope.zero[0], slope.non_finite[0]), (false, false));
/// assert_eq!(victim.queries(), 2);
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
pub struct Victim<'m, T: Real> {
    model: &'m dyn Layer<T>,
    parameters: &'m Parameters<T>,
    mode: Mode,
    seed: u64,
    draws: usize,
    pub(super) batch: u64,
    queries: u64,
    pub(super) plans: Plans<T>,
}

/// Examples to attack.
#[derive(Debug, Clone, Copy)]
pub struct Targets<'b, T: Real> {
    /// The examples, `[n, ..]`.
    pub x: &'b Tensor<T>,
    /// Their labels, `[n]`.
    pub labels: &'b Tensor<u32>,
    /// The classes to reach, `[n]`; `None` if any but the label will do.
    pub targets: Option<&'b Tensor<u32>>,
    /// The number of the first of them in the data set: an example's draws depend on its own number, not on
    /// its place in a batch.
    pub first: usize,
    /// The seed of the attack's own draws.
    pub seed: u64,
}

/// Losses and gradients at some points.
#[derive(Debug, Clone, PartialEq)]
pub struct Slope<T: Real> {
    /// `∇ₓ` of each example's loss, of the examples' shape; 0 where it is not finite.
    pub gradient: Tensor<T>,
    /// The losses, `[n]`.
    pub losses: Vec<f64>,
    /// Which examples have a gradient that is 0 everywhere.
    pub zero: Vec<bool>,
    /// Which have a loss or a gradient with a NaN or an infinity.
    pub non_finite: Vec<bool>,
}

impl<'m, T: Real> Victim<'m, T> {
    /// A network in [`Mode::Evaluate`].
    pub fn new(model: &'m dyn Layer<T>, parameters: &'m Parameters<T>) -> Victim<'m, T> {
        let (mode, plans) = (Mode::Evaluate, HashMap::new());
        Victim { model, parameters, mode, seed: 0, draws: 1, batch: 0, queries: 0, plans }
    }

    /// The same in another mode, with the seed of its draws.
    ///
    /// ```
    /// use autograd::{Parameters, Tensor};
    /// use nn::{Mode, Sequential};
    /// use regularize::{Dropout, adversarial::Victim};
    /// let (model, parameters) = (Sequential::<f64>::new().then(Dropout::new(0.5)?), Parameters::new());
    /// let x = Tensor::full([1, 100], 1.0);
    /// assert_eq!(Victim::new(&model, &parameters).logits(&x)?, x);
    /// let sampled = |seed| Victim::new(&model, &parameters).in_mode(Mode::Sample, seed).logits(&x);
    /// assert!(sampled(1)?.data().iter().all(|z| *z == 0.0 || *z == 2.0));
    /// assert!(sampled(1)? == sampled(1)? && sampled(1)? != sampled(2)?);
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    pub fn in_mode(self, mode: Mode, seed: u64) -> Self {
        Victim { mode, seed, plans: HashMap::new(), ..self }
    }

    /// The same with losses and gradients averaged over so many draws.
    ///
    /// ```
    /// use autograd::{Parameters, Tensor};
    /// use nn::{Mode, Sequential};
    /// use regularize::{Dropout, adversarial::Victim};
    /// let (model, parameters) = (Sequential::<f64>::new().then(Dropout::new(0.5)?), Parameters::new());
    /// let victim = || Victim::new(&model, &parameters).in_mode(Mode::Sample, 1);
    /// // Equal logits, each kept with probability ½: the mean probability is ½.
    /// let logits = victim().averaged_over(1000)?.logits(&Tensor::full([1, 2], 1.0))?;
    /// assert!(logits.data().iter().all(|z| (z.exp() - 0.5).abs() < 0.035)); // four standard errors
    /// assert!(victim().averaged_over(0).is_err());
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    ///
    /// # Errors
    /// If there are no draws.
    pub fn averaged_over(self, draws: usize) -> Result<Self, RegularizeError> {
        at_least_one("number of draws", draws)?;
        Ok(Victim { draws, ..self })
    }

    /// How many examples were looked at so far, each forward look and each look with a gradient counted once
    /// for each draw.
    pub fn queries(&self) -> u64 {
        self.queries
    }

    /// The logits of `x`, `[n, classes]`; of several draws the logarithm of the mean probabilities.
    ///
    /// # Errors
    /// If `x` does not fit the network, or a parameter has no value.
    pub fn logits(&mut self, x: &Tensor<T>) -> Result<Tensor<T>, RegularizeError> {
        self.logits_of_draws(x, 0)
    }

    /// The logits by which the result of an attack is judged: of other draws than those it was made with.
    pub(super) fn verdict(&mut self, x: &Tensor<T>) -> Result<Tensor<T>, RegularizeError> {
        self.logits_of_draws(x, 1)
    }

    fn logits_of_draws(&mut self, x: &Tensor<T>, judged: u64) -> Result<Tensor<T>, RegularizeError> {
        let draws = self.draws;
        let mut sum: Option<Tensor<T>> = None;
        for draw in 0..draws {
            let build = |graph: &Graph<T>, model: &dyn Layer<T>, mode, shape| {
                let logits = model.forward(graph.input("x", shape), mode);
                let logits = if draws > 1 { logits.softmax() } else { logits };
                Plan::builder(graph).output("logits", logits).compile()
            };
            let run = self.run_number(draw, judged);
            let name = if draws > 1 { "probabilities" } else { "logits" };
            let found =
                self.run(name, x.shape(), run, build, &[("x", Feed::from(x))], |o| o.tensor("logits"))?;
            match &mut sum {
                Some(sum) => sum.data_mut().iter_mut().zip(found.data()).for_each(|(a, b)| *a += *b),
                None => sum = Some(found),
            }
        }
        let mut sum = sum.expect("there is a draw");
        if draws > 1 {
            let scale = T::from_f64(1.0 / draws as f64);
            sum.data_mut().iter_mut().for_each(|p| *p = T::from_f64((*p * scale).to_f64().ln()));
        }
        Ok(sum)
    }

    /// Each example's loss and its gradient at the points `x`, in the place of the examples of `targets`.
    ///
    /// # Errors
    /// [`RegularizeError::TooFewClasses`] if the loss compares more classes than there are (see
    /// [`AttackLoss::each`]), or as [`Victim::logits`].
    pub fn slope(
        &mut self,
        loss: AttackLoss,
        x: &Tensor<T>,
        targets: &Targets<'_, T>,
    ) -> Result<Slope<T>, RegularizeError> {
        self.check_classes(loss, x, targets)?;
        let examples = x.shape()[0];
        let mut gradient = vec![0.0f64; x.data().len()];
        let mut losses = vec![0.0f64; examples];
        for draw in 0..self.draws {
            let build = |graph: &Graph<T>, model: &dyn Layer<T>, mode, shape: Shape| {
                let x = graph.input("x", shape);
                let labels = graph.indices("labels", [shape[0]]);
                let reach = targets.targets.map(|_| graph.indices("targets", [shape[0]]));
                let each = loss.each(model.forward(x, mode), labels, reach);
                // The sum: an example's gradient is its own and does not shrink with the batch.
                let slope = grad(each.sum(), &[x])[0];
                Plan::builder(graph).output("each", each).output("gradient", slope).compile()
            };
            let name = format!("{loss:?}, {}", if targets.targets.is_some() { "towards" } else { "away" });
            let mut feeds = vec![("x", Feed::from(x)), ("labels", Feed::from(targets.labels))];
            if let Some(reach) = targets.targets {
                feeds.push(("targets", Feed::from(reach)));
            }
            let run = self.run_number(draw, 0);
            self.run(&name, x.shape(), run, build, &feeds, |outputs| {
                gradient.iter_mut().zip(outputs.values("gradient")).for_each(|(a, b)| *a += b.to_f64());
                losses.iter_mut().zip(outputs.values("each")).for_each(|(a, b)| *a += b.to_f64());
            })?;
        }
        let scale = 1.0 / self.draws as f64;
        losses.iter_mut().for_each(|loss| *loss *= scale);
        let width = rows(x.shape())[1].max(1);
        let (mut zero, mut non_finite) = (Vec::new(), Vec::new());
        for (row, loss) in gradient.chunks_mut(width).zip(&losses) {
            let bad = !loss.is_finite() || row.iter().any(|g| !g.is_finite());
            if bad {
                row.fill(0.0);
            }
            zero.push(!bad && row.iter().all(|g| *g == 0.0));
            non_finite.push(bad);
        }
        let gradient = Tensor::new(x.shape(), gradient.iter().map(|g| T::from_f64(g * scale)).collect());
        Ok(Slope { gradient, losses, zero, non_finite })
    }

    /// The gradient of each example's loss estimated from values alone, by `pairs` antithetic pairs of normal
    /// directions `u` (Salimans et al., 2017; Ilyas et al., ICML 2018):
    ///
    /// ```text
    /// g ≈ 1/(2 σ N) Σ (J(x + σ u) - J(x - σ u)) u       N pairs, E[u uᵀ] = 1
    /// ```
    ///
    /// On a linear loss its expectation is the gradient. Directions are drawn for each example by its number,
    /// and no example's loss enters another's estimate.
    ///
    /// ```
    /// use autograd::{Parameters, Tensor};
    /// use nn::Sequential;
    /// use regularize::adversarial::{AttackLoss, Targets, Victim};
    /// let (model, parameters) = (Sequential::<f64>::new(), Parameters::new()); // the logits are the inputs
    /// let mut victim = Victim::new(&model, &parameters);
    /// let (x, labels) = (Tensor::new([1, 2], vec![0.75, 0.25]), Tensor::new([1], vec![0]));
    /// let targets = Targets { x: &x, labels: &labels, targets: None, first: 0, seed: 1 };
    /// // The margin is z₁ - z₀; an entry of an estimate by one pair has the variance ‖g‖² + gₖ² = 3.
    /// let found = victim.estimated_gradient(AttackLoss::Margin, &targets, 0.01, 300)?;
    /// let limit = 3.0 * (3.0f64 / 300.0).sqrt(); // three standard errors
    /// assert!(found.data().iter().zip([-1.0, 1.0]).all(|(found, g)| (found - g).abs() < limit));
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    ///
    /// # Errors
    /// If `sigma` is not finite and above 0, there are no pairs, or as [`Victim::slope`].
    pub fn estimated_gradient(
        &mut self,
        loss: AttackLoss,
        targets: &Targets<'_, T>,
        sigma: f64,
        pairs: usize,
    ) -> Result<Tensor<T>, RegularizeError> {
        above_zero("width of the directions", sigma)?;
        at_least_one("number of pairs", pairs)?;
        let shape = targets.x.shape();
        let width = rows(shape)[1];
        let mut sum = vec![0.0f64; targets.x.data().len()];
        for pair in 0..pairs {
            let u = targets.normal(&format!("estimated.{pair}"), width);
            let mut at = |side: f64| {
                let moved = targets.x.data().iter().zip(&u);
                let moved = moved.map(|(x, u)| T::from_f64(x.to_f64() + side * sigma * u.to_f64()));
                self.losses(loss, &Tensor::new(shape, moved.collect()), targets)
            };
            let (up, down) = (at(1.0)?, at(-1.0)?);
            for (k, (sum, u)) in sum.iter_mut().zip(&u).enumerate() {
                let example = k / width;
                *sum += (up[example] - down[example]) * u.to_f64();
            }
        }
        let scale = 1.0 / (2.0 * sigma * pairs as f64);
        Ok(Tensor::new(shape, sum.iter().map(|g| T::from_f64(g * scale)).collect()))
    }

    /// The logits at `x`, `[n, classes]`, and the gradient of each of them, `[n, classes, entries]`, of the
    /// first draw.
    ///
    /// ```
    /// use autograd::{Parameters, Tensor};
    /// use nn::{Activation, Sequential};
    /// use regularize::adversarial::Victim;
    /// let (model, parameters) = (Sequential::<f64>::new().then(Activation::Relu), Parameters::new());
    /// let x = Tensor::new([1, 2], vec![2.0, -3.0]);
    /// let (logits, slopes) = Victim::new(&model, &parameters).jacobian(&x)?;
    /// assert_eq!(logits.data(), [2.0, 0.0]);
    /// assert_eq!(slopes.data(), [1.0, 0.0, 0.0, 0.0]);
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Victim::logits`].
    pub fn jacobian(&mut self, x: &Tensor<T>) -> Result<(Tensor<T>, Tensor<T>), RegularizeError> {
        let build = |graph: &Graph<T>, model: &dyn Layer<T>, mode, shape: Shape| {
            let x = graph.input("x", shape);
            let logits = model.forward(x, mode);
            let [examples, width] = [rows(shape)[0], rows(shape)[1]];
            let of_class = |class: usize| {
                let column = logits.slice(-1, class, class + 1).sum();
                grad(column, &[x])[0].reshape([examples, 1, width])
            };
            let all: Vec<Var<'_, T>> = (0..logits.shape().last()).map(of_class).collect();
            Plan::builder(graph).output("logits", logits).output("slopes", Var::concat(&all, 1)).compile()
        };
        let run = self.run_number(0, 0);
        self.run("jacobian", x.shape(), run, build, &[("x", Feed::from(x))], |outputs| {
            (outputs.tensor("logits"), outputs.tensor("slopes"))
        })
    }

    /// That the network has as many classes as the loss compares. A network that does not take the examples is
    /// left to whatever says so.
    fn check_classes(
        &self,
        loss: AttackLoss,
        x: &Tensor<T>,
        targets: &Targets<'_, T>,
    ) -> Result<(), RegularizeError> {
        match self.model.output_shape(x.shape()) {
            Ok(logits) if logits.rank() > 0 => loss.check(logits.last(), targets.targets.is_some()),
            _ => Ok(()),
        }
    }

    /// Each example's value of a loss, without gradients.
    pub(super) fn losses(
        &mut self,
        loss: AttackLoss,
        x: &Tensor<T>,
        targets: &Targets<'_, T>,
    ) -> Result<Vec<f64>, RegularizeError> {
        self.check_classes(loss, x, targets)?;
        let mut losses = vec![0.0f64; x.shape()[0]];
        for draw in 0..self.draws {
            let build = |graph: &Graph<T>, model: &dyn Layer<T>, mode, shape: Shape| {
                let labels = graph.indices("labels", [shape[0]]);
                let reach = targets.targets.map(|_| graph.indices("targets", [shape[0]]));
                let each = loss.each(model.forward(graph.input("x", shape), mode), labels, reach);
                Plan::builder(graph).output("each", each).compile()
            };
            let name =
                format!("value of {loss:?}, {}", if targets.targets.is_some() { "towards" } else { "away" });
            let mut feeds = vec![("x", Feed::from(x)), ("labels", Feed::from(targets.labels))];
            if let Some(reach) = targets.targets {
                feeds.push(("targets", Feed::from(reach)));
            }
            let run = self.run_number(draw, 0);
            self.run(&name, x.shape(), run, build, &feeds, |outputs| {
                losses.iter_mut().zip(outputs.values("each")).for_each(|(a, b)| *a += b.to_f64());
            })?;
        }
        losses.iter_mut().for_each(|loss| *loss /= self.draws as f64);
        Ok(losses)
    }

    /// The number of a draw of this batch; `judged` is 1 for those that attacks do not see.
    fn run_number(&self, draw: usize, judged: u64) -> u64 {
        2 * (self.batch * self.draws as u64 + draw as u64) + judged
    }

    /// Runs the plan of this name on examples of this shape, compiling it if need be.
    fn run<R>(
        &mut self,
        name: &str,
        shape: Shape,
        run: u64,
        build: impl FnOnce(&Graph<T>, &dyn Layer<T>, Mode, Shape) -> Plan<T>,
        feeds: &[(&str, Feed<'_, T>)],
        read: impl FnOnce(Outputs<'_, T>) -> R,
    ) -> Result<R, RegularizeError> {
        let key = (name.to_string(), shape);
        if !self.plans.contains_key(&key) {
            check_examples(self.model, shape)?;
        }
        let plan = self.plans.entry(key).or_insert_with(|| {
            let mut plan = build(&Graph::new(), self.model, self.mode, shape);
            plan.set_seed(self.seed);
            plan
        });
        plan.set_run(run);
        self.queries += shape[0] as u64;
        Ok(read(plan.evaluate(self.parameters, feeds)?))
    }

    /// Runs a plan of an attack's own arithmetic, which does not look at the network and is no query.
    pub(super) fn compute<R>(
        &mut self,
        name: &str,
        shape: Shape,
        build: impl FnOnce(&Graph<T>) -> Plan<T>,
        feeds: &[(&str, Feed<'_, T>)],
        read: impl FnOnce(Outputs<'_, T>) -> R,
    ) -> Result<R, RegularizeError> {
        let key = (name.to_string(), shape);
        let plan = self.plans.entry(key).or_insert_with(|| build(&Graph::new()));
        Ok(read(plan.evaluate(self.parameters, feeds)?))
    }
}

#[cfg(test)]
mod tests;
