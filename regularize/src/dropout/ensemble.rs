//! All subnetworks of a small network, one by one: the exact answer that the weight scaling rule and Monte
//! Carlo dropout approximate (Warde-Farley et al., *An empirical analysis of dropout in piecewise linear
//! networks*, ICLR 2014; *Deep Learning*, section 7.12).
//!
//! With `n` numbers in its masks a network is `2ⁿ` subnetworks `m` of probability `P(m)`. Two means of what they
//! predict, and the rule that costs one pass:
//!
//! | | |
//! |---|---|
//! | arithmetic | `Σ P(m) p(y given x, m)`: the ensemble itself |
//! | geometric | `Π p(y given x, m)^P(m)`, renormalised |
//! | weight scaling | `p(y given x)` of the network with [masks replaced by their means](super::scale_units) |
//!
//! For softmax regression, and for deep linear networks, rule and geometric mean are the same (equations 7.56 to
//! 7.66); how close they are for others is an empirical question, which [`SubNetworks`] answers exactly.
//!
//! Masks are found [in the graph](super::masks), so this works for every member of the family that draws zeros
//! and ones: units, channels, weights, residual blocks, recurrent masks.
//!
//! ```
//! use nn::{Activation, Sequential, initialise};
//! use regularize::Dropout;
//! use regularize::dropout::{SubNetworks, divergence};
//! let half = Dropout::new(0.5)?;
//! let model = Sequential::<f64>::new()
//!     .linear(4, 6)
//!     .then(Activation::Relu)
//!     .then_named("dropout", |name| half.named(name))
//!     .linear(6, 3);
//! let mut all = SubNetworks::new(&model, [4])?;
//! let means = all.means(&[1.0, -1.0, 0.5, 2.0], &initialise(&model, 1))?;
//! assert_eq!(means.subnetworks, 64);
//! assert!(divergence(&means.arithmetic, &means.rule) < 0.1);
//! # Ok::<(), regularize::RegularizeError>(())
//! ```

use super::masks::{bernoulli_masks, needed};
use super::weight_scaling::scale_units;
use crate::error::RegularizeError;
use autograd::{Feed, Graph, Op, Parameters, Plan, Real, Shape, Tensor, Var, substitute};
use nn::{Layer, Mode};

/// The most numbers in all masks together whose subnetworks are walked through: 2²⁴ are 17 million.
const MOST_BITS: usize = 24;
/// How many subnetworks are rows of one batch, where that can be.
const ROWS: usize = 512;

/// The subnetworks of a classifier, for one example at a time. See the [module documentation](self).
///
/// Where each example of a batch has masks of its own, many subnetworks run as the rows of one batch.
pub struct SubNetworks<T: Real> {
    plan: Plan<T>,
    rule: Plan<T>,
    masks: Vec<Mask<T>>,
    inputs: Tensor<T>,
    one: Tensor<T>,
    bits: usize,
    rows: usize,
    classes: usize,
}

/// A mask that is fed.
struct Mask<T: Real> {
    name: String,
    /// The probability of a one.
    keep: f64,
    /// How many numbers one subnetwork has of it.
    bits: usize,
    value: Tensor<T>,
}

/// What all subnetworks together predict for one example: probabilities of the classes.
#[derive(Debug, Clone, PartialEq)]
pub struct EnsembleMeans {
    /// How many there are.
    pub subnetworks: u64,
    /// The mean of their predictions.
    pub arithmetic: Vec<f64>,
    /// Their geometric mean, renormalised.
    pub geometric: Vec<f64>,
    /// What the weight scaling rule predicts.
    pub rule: Vec<f64>,
}

/// `D(p‖q) = Σ p ln(p/q)` in nats, of two lists of probabilities; `0 ln 0` is 0.
///
/// # Panics
/// If their lengths differ.
///
/// ```
/// use regularize::dropout::divergence;
/// assert_eq!(divergence(&[0.25, 0.75], &[0.25, 0.75]), 0.0);
/// assert_eq!(divergence(&[1.0, 0.0], &[0.5, 0.5]), 2f64.ln()); // a sure guess beside an even one: one bit
/// assert_eq!(divergence(&[0.5, 0.5], &[1.0, 0.0]), f64::INFINITY);
/// ```
#[track_caller]
pub fn divergence(p: &[f64], q: &[f64]) -> f64 {
    assert!(p.len() == q.len(), "a divergence of {} from {} probabilities", p.len(), q.len());
    let term = |(&p, &q): (&f64, &f64)| if p == 0.0 { 0.0 } else { p * (p / q).ln() };
    p.iter().zip(q).map(term).sum()
}

impl<T: Real> SubNetworks<T> {
    /// The subnetworks of `model` for examples of a shape, without the axis of examples. The model gives logits
    /// `[n, classes]`; batch normalisation is as in evaluation.
    ///
    /// # Errors
    /// [`RegularizeError::NotEnumerable`] if the masks hold more than 24 numbers for one example, something
    /// else is random, or the model's result is no `[n, classes]`.
    pub fn new(model: &dyn Layer<T>, example: impl Into<Shape>) -> Result<SubNetworks<T>, RegularizeError> {
        let example = example.into();
        let one = Recorded::new(model, example, 1)?;
        let bits = one.bits();
        if bits > MOST_BITS {
            return refuse(format!("there are 2^{bits} of them"));
        }
        let rows = ROWS.min(1 << bits);
        let many = Recorded::new(model, example, rows)?;
        // Each example has its own masks, if for so many examples there are so many times the numbers.
        let own = one.masks.iter().zip(&many.masks);
        let own = own.clone().all(|(one, many)| {
            let (one, many) = (one.value.shape(), many.value.shape());
            many.rank() > 0 && many[0] == rows && many.numel() == one.numel() * rows
        });
        let (Recorded { plan, rule, masks, inputs, classes }, rows) =
            if own { (many, rows) } else { (one, 1) };
        let one = Tensor::zeros(inputs.shape().with_axis(0, 1));
        let masks = masks.into_iter().map(|mask| Mask { bits: mask.bits / rows, ..mask }).collect();
        Ok(SubNetworks { plan, rule, masks, inputs, one, bits, rows, classes })
    }

    /// How many subnetworks there are.
    pub fn count(&self) -> u64 {
        1 << self.bits
    }

    /// Hands the probability of each subnetwork, and the log-probabilities and probabilities of the classes that
    /// it predicts for an example, to `each`.
    ///
    /// # Errors
    /// If the parameters do not fit; if the example has not as many numbers as its shape.
    ///
    /// ```
    /// use nn::{Sequential, initialise};
    /// use regularize::Dropout;
    /// use regularize::dropout::SubNetworks;
    /// let model = Sequential::<f64>::new().then(Dropout::new(0.25)?).linear(3, 2);
    /// let mut all = SubNetworks::new(&model, [3])?;
    /// let (mut count, mut total) = (0, 0.0);
    /// all.for_each(&[1.0, 2.0, 3.0], &initialise(&model, 1), |probability, _, classes| {
    ///     assert!((classes.iter().sum::<f64>() - 1.0).abs() < 1e-15);
    ///     (count, total) = (count + 1, total + probability);
    /// })?;
    /// assert_eq!((count, total), (8, 1.0));
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    pub fn for_each(
        &mut self,
        example: &[T],
        parameters: &Parameters<T>,
        mut each: impl FnMut(f64, &[T], &[T]),
    ) -> Result<(), RegularizeError> {
        let width = self.one.data().len();
        if example.len() != width {
            let (expected, found) = (Shape::from([width]), Shape::from([example.len()]));
            return Err(RegularizeError::Shape { what: "numbers of an example", expected, found });
        }
        for row in self.inputs.data_mut().chunks_exact_mut(width.max(1)) {
            row.copy_from_slice(example);
        }
        let mut probabilities = vec![0.0; self.rows];
        for first in (0..self.count()).step_by(self.rows) {
            for (row, probability) in probabilities.iter_mut().enumerate() {
                *probability = self.masks_of(first + row as u64, row);
            }
            let mut feeds = vec![("inputs", Feed::from(&self.inputs))];
            feeds.extend(self.masks.iter().map(|mask| (&*mask.name, Feed::from(&mask.value))));
            let outputs = self.plan.evaluate(parameters, &feeds)?;
            let logs = outputs.values("logs").chunks_exact(self.classes);
            let values = outputs.values("probabilities").chunks_exact(self.classes);
            for ((probability, log), value) in probabilities.iter().zip(logs).zip(values) {
                each(*probability, log, value);
            }
        }
        Ok(())
    }

    /// Sets a row of all masks to those of subnetwork `number`, whose bits are the masks' numbers, and gives its
    /// probability.
    fn masks_of(&mut self, number: u64, row: usize) -> f64 {
        let (mut left, mut probability) = (number, 1.0);
        for mask in &mut self.masks {
            for unit in &mut mask.value.data_mut()[row * mask.bits..][..mask.bits] {
                let kept = left & 1 == 1;
                left >>= 1;
                *unit = if kept { T::ONE } else { T::ZERO };
                probability *= if kept { mask.keep } else { 1.0 - mask.keep };
            }
        }
        probability
    }

    /// Both means and the rule for an example.
    ///
    /// # Errors
    /// As [`SubNetworks::for_each`].
    ///
    #[track_caller]
    pub fn means(
        &mut self,
        example: &[T],
        parameters: &Parameters<T>,
    ) -> Result<EnsembleMeans, RegularizeError> {
        let mut arithmetic = vec![0.0; self.classes];
        let mut logs = vec![0.0; self.classes];
        self.for_each(example, parameters, |probability, log, value| {
            for class in 0..log.len() {
                arithmetic[class] += probability * value[class].to_f64();
                logs[class] += probability * log[class].to_f64();
            }
        })?;
        self.one.data_mut().copy_from_slice(example);
        let rule = self.rule.evaluate(parameters, &[("inputs", Feed::from(&self.one))])?;
        let rule = rule.values("probabilities").iter().map(|p| p.to_f64()).collect();
        // Divided by the largest first: a mean of logarithms may be far below what an exponential can say.
        let largest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = logs.iter().map(|log| (log - largest).exp()).sum();
        let geometric = logs.iter().map(|log| (log - largest).exp() / sum).collect();
        Ok(EnsembleMeans { subnetworks: self.count(), arithmetic, geometric, rule })
    }
}

/// A network recorded for so many rows, with its masks as inputs.
struct Recorded<T: Real> {
    plan: Plan<T>,
    rule: Plan<T>,
    masks: Vec<Mask<T>>,
    inputs: Tensor<T>,
    classes: usize,
}

impl<T: Real> Recorded<T> {
    fn new(model: &dyn Layer<T>, example: Shape, rows: usize) -> Result<Recorded<T>, RegularizeError> {
        let graph = Graph::new();
        let shape = |rows: usize| Shape::new(&[&[rows], example.lengths()].concat());
        let inputs = graph.input("inputs", shape(rows));
        let logits = model.forward(inputs, Mode::Sample);
        let &[n, classes] = logits.shape().lengths() else {
            return refuse(format!("the model's result is {}, and not [n, classes]", logits.shape()));
        };
        if n != rows || classes == 0 {
            return refuse(format!("the model's result is {} for {rows} examples", logits.shape()));
        }
        let (masks, fed) = feed_masks(logits)?;
        let logs = fed.log_softmax();
        let plan = Plan::builder(&graph).output("logs", logs).output("probabilities", logs.exp()).compile();
        let rule = {
            let graph = Graph::new();
            let logits = model.forward(graph.input("inputs", shape(1)), Mode::Sample);
            let scaled = scale_units(&[logits])[0].softmax();
            Plan::builder(&graph).output("probabilities", scaled).compile()
        };
        Ok(Recorded { plan, rule, masks, inputs: Tensor::zeros(shape(rows)), classes })
    }

    fn bits(&self) -> usize {
        self.masks.iter().map(|mask| mask.bits).sum()
    }
}

/// The expression with an input in the place of each mask.
fn feed_masks<T: Real>(logits: Var<'_, T>) -> Result<(Vec<Mask<T>>, Var<'_, T>), RegularizeError> {
    let graph = logits.graph();
    let (mut masks, mut inputs) = (Vec::<Mask<T>>::new(), Vec::<Var<'_, T>>::new());
    let (mut streams, mut replacements) = (Vec::new(), Vec::new());
    for found in bernoulli_masks(&[logits]) {
        let shape = found.mask.shape();
        let known = streams.iter().position(|stream| *stream == found.stream);
        let at = known.unwrap_or(masks.len());
        if known.is_none() {
            let name = format!("mask{at}");
            inputs.push(graph.input(&name, shape));
            masks.push(Mask { name, keep: found.keep, bits: shape.numel(), value: Tensor::zeros(shape) });
            streams.push(found.stream);
        }
        // The same draw recorded again is the same mask.
        if masks[at].keep != found.keep || masks[at].value.shape() != shape {
            return refuse(format!("two different masks draw from `{}`", streams[at]));
        }
        replacements.push((found.mask, inputs[at]));
    }
    let fed = substitute(&[logits], &replacements)[0];
    let needed = needed(&[fed]);
    let nodes = graph.nodes();
    for id in graph.ids().take(needed.len()).filter(|id| needed[id.index()]) {
        if let Op::Random(distribution, stream) = &nodes[id.index()].op {
            return refuse(format!("the {distribution} draw `{stream}` is no mask"));
        }
    }
    Ok((masks, fed))
}

fn refuse<V>(reason: String) -> Result<V, RegularizeError> {
    Err(RegularizeError::NotEnumerable { reason })
}

#[cfg(test)]
mod tests;
