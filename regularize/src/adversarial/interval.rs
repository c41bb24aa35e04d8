//! Interval bounds: what a network can say at most, and at least, anywhere in a box around an example.
//!
//! Every value of the network is replaced by an interval that contains it, layer by layer (Gowal et al., *On the
//! Effectiveness of Interval Bound Propagation*, 2018):
//!
//! | operation | bounds of the result |
//! |---|---|
//! | affine, `y = x W + b` | `μ W + b ∓ r abs(W)` with `μ = (l + h)/2`, `r = (h - l)/2`: exact for one layer |
//! | increasing (relu, tanh, sigmoid, pooling by maxima, sums, movements) | `f(l)`, `f(h)` |
//! | decreasing (`-x`) | `f(h)`, `f(l)` |
//! | products, even powers, selections by a comparison | smallest and largest of what can occur |
//!
//! If every other logit stays below the right one, *no* perturbation in the box changes the prediction: a proof,
//! not the failure of an attack. [`margin_bounds`] bounds the margins `z_k - z_y`. Bounds of the logits, each by
//! itself, would do, but two logits are seldom at their worst together: where the network ends in an affine layer,
//! the difference of classes is merged with it (the paper's *elision of the last layer*),
//!
//! ```text
//! z_k - z_y ≤ μ (W_k - W_y) + r abs(W_k - W_y) + b_k - b_y
//! ```
//!
//! which is never looser, as `abs(W_k - W_y) ≤ abs(W_k) + abs(W_y)`, and exact for a network that is affine.
//!
//! The bounds are loose for a network that was not trained for them, and tight for one that was:
//! [`IntervalTraining`] minimises the loss of the worst case, `κ J(z) + (1 - κ) J(ẑ)`, where `ẑ` are these margins.
//!
//! The rules act on recorded expressions, not on layers, so they know no names of layers: linear maps,
//! convolutions, poolings, residual blocks, normalisation with running statistics. What has no rule is an
//! error: division by something that depends on the input (the statistics of a batch), products of two such
//! matrices (attention).
//!
//! Bounds are rounded as all arithmetic is: a certificate whose margin is a rounding error is none.
//!
//! ```
//! use autograd::{Graph, Tensor, interpret};
//! use regularize::adversarial::interval::{InputBox, interval_bounds};
//! let graph = Graph::<f64>::new();
//! let x = graph.constant(Tensor::new([1, 2], vec![1.0, 2.0]));
//! let w = graph.constant(Tensor::new([2, 1], vec![3.0, -1.0]));
//! let y = x.matmul(w).relu();
//! let range = interval_bounds(y, x, InputBox::new(0.25)?.around(x))?;
//! let found = interpret(&[range.low, range.high], &[], None)?;
//! assert_eq!([found[0].item(), found[1].item()], [0.0, 2.0]); // 1 ∓ 0.25 (3 + 1)
//! # Ok::<(), regularize::RegularizeError>(())
//! ```

mod margin;

use super::threat::Threat;
use crate::error::RegularizeError;
use autograd::ops::pointwise::{Binary, Unary};
use autograd::{Feed, Graph, NodeId, Op, Parameters, Plan, Real, Tensor, Var, substitute};
use margin::separate_margins;
use nn::data::{Batches, Dataset};
use nn::loss::{Reduction, cross_entropy, error_count};
use nn::optimise::HyperparameterError;
use nn::train::{Batch, check_model};
use nn::{Layer, Mode};
use std::collections::HashMap;

pub use margin::margin_bounds;

/// Lower and upper bounds of one shape.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::adversarial::{Interval, interval_bounds};
/// let graph = Graph::<f64>::new();
/// let x = graph.constant(Tensor::new([2], vec![0.0, 0.0]));
/// // A box of one's own: [-1, 2] and [-3, -2].
/// let [low, high] = [[-1.0, -3.0], [2.0, -2.0]].map(|row| graph.constant(Tensor::new([2], row.to_vec())));
/// let size = interval_bounds(x.abs(), x, Interval { low, high })?;
/// let found = interpret(&[size.low, size.high], &[], None)?;
/// assert_eq!((found[0].data(), found[1].data()), (&[0.0, 2.0][..], &[2.0, 3.0][..]));
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Interval<'g, T: Real> {
    /// The lower bounds.
    pub low: Var<'g, T>,
    /// The upper bounds.
    pub high: Var<'g, T>,
}

impl<'g, T: Real> Interval<'g, T> {
    /// One value.
    fn point(value: Var<'g, T>) -> Self {
        Interval { low: value, high: value }
    }

    /// The hull of two values, whichever is the larger.
    fn hull(a: Var<'g, T>, b: Var<'g, T>) -> Self {
        Interval { low: a.minimum(b), high: a.maximum(b) }
    }
}

/// The box of inputs: all within `ε` of an example, in the maximum norm, and within the range of valid ones.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::adversarial::InputBox;
/// let graph = Graph::<f64>::new();
/// let x = graph.constant(Tensor::new([1, 2], vec![0.125, 0.5]));
/// let range = InputBox::new(0.25)?.within(0.0, 1.0)?.around(x);
/// let found = interpret(&[range.low, range.high], &[], None)?;
/// assert_eq!((found[0].data(), found[1].data()), (&[0.0, 0.25][..], &[0.375, 0.75][..]));
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InputBox {
    threat: Threat,
}

impl InputBox {
    /// All inputs within `epsilon`.
    ///
    /// # Errors
    /// If `epsilon` is negative or not finite.
    pub fn new(epsilon: f64) -> Result<InputBox, RegularizeError> {
        Ok(InputBox { threat: Threat::infinity(epsilon)? })
    }

    /// Those of them that lie in `[low, high]`.
    ///
    /// # Errors
    /// If the bounds are not finite or `low` is not below `high`.
    pub fn within(self, low: f64, high: f64) -> Result<InputBox, RegularizeError> {
        Ok(InputBox { threat: self.threat.within(low, high)? })
    }

    /// The radius.
    pub fn epsilon(&self) -> f64 {
        self.threat.epsilon()
    }

    /// The box around `x`; with `ε = 0` the variable `x` itself, twice. An `x` outside of the valid inputs is not in
    /// it: a data set is asked for that by [`Threat::check`].
    #[track_caller]
    pub fn around<'g, T: Real>(&self, x: Var<'g, T>) -> Interval<'g, T> {
        let epsilon = self.epsilon();
        if epsilon == 0.0 {
            return Interval::point(x);
        }
        Interval { low: self.threat.clip(x - epsilon), high: self.threat.clip(x + epsilon) }
    }
}

/// The bounds of `output` for all values of `input` in `range`. Other variables that the output depends on,
/// parameters and random draws, are as they are. If the range is `input` itself, so are both bounds
/// `output`: nothing is recorded.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::adversarial::{InputBox, interval_bounds};
/// let graph = Graph::<f64>::new();
/// let x = graph.constant(Tensor::new([1, 1], vec![0.25]));
/// let range = InputBox::new(0.5)?.around(x); // [-0.25, 0.75]
/// let square = interval_bounds(x.powi(2), x, range)?;
/// let found = interpret(&[square.low, square.high], &[], None)?;
/// assert_eq!((found[0].item(), found[1].item()), (0.0, 0.5625));
/// let refused = interval_bounds(1.0 / x, x, range).unwrap_err();
/// assert!(refused.to_string().contains("div"), "{refused}");
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
///
/// # Errors
/// [`RegularizeError::NoBounds`] with the first operation that has no rule.
///
/// # Panics
/// If the shapes of input and range differ.
#[track_caller]
pub fn interval_bounds<'g, T: Real>(
    output: Var<'g, T>,
    input: Var<'g, T>,
    range: Interval<'g, T>,
) -> Result<Interval<'g, T>, RegularizeError> {
    let (shape, low, high) = (input.shape(), range.low.shape(), range.high.shape());
    assert!(
        low == shape && high == shape,
        "interval_bounds: an input of {shape}, bounds of {low} and {high}"
    );
    if range.low.id() == input.id() && range.high.id() == input.id() {
        return Ok(Interval::point(output));
    }
    let graph = output.graph();
    let mut known = HashMap::from([(input.id(), range)]);
    for id in between(graph, input.id(), output.id()) {
        let (op, inputs) = {
            let node = graph.node(id);
            (node.op.clone(), node.inputs.clone())
        };
        if inputs.iter().any(|input| known.contains_key(input)) {
            let call = Call { result: graph.var(id), inputs: &inputs, known: &known };
            known.insert(id, call.bounds(&op)?);
        }
    }
    Ok(known.get(&output.id()).copied().unwrap_or(Interval::point(output)))
}

/// The nodes behind `from` that `to` needs, in order.
fn between<T: Real>(graph: &Graph<T>, from: NodeId, to: NodeId) -> Vec<NodeId> {
    let ids: Vec<NodeId> = graph.ids().collect();
    let mut needed = vec![false; ids.len()];
    needed[to.index()] = true;
    for index in (from.index() + 1..=to.index()).rev() {
        if needed[index] {
            graph.node(ids[index]).inputs.iter().for_each(|input| needed[input.index()] = true);
        }
    }
    (from.index() + 1..=to.index()).filter(|&index| needed[index]).map(|index| ids[index]).collect()
}

/// One operation some of whose inputs have bounds.
struct Call<'g, 'k, T: Real> {
    result: Var<'g, T>,
    inputs: &'k [NodeId],
    known: &'k HashMap<NodeId, Interval<'g, T>>,
}

impl<'g, T: Real> Call<'g, '_, T> {
    /// The operation on other values of those inputs that have bounds.
    fn at(&self, value: impl Fn(&Interval<'g, T>) -> Var<'g, T>) -> Var<'g, T> {
        let graph = self.result.graph();
        let bounded = self.inputs.iter().filter_map(|id| Some((graph.var(*id), value(self.known.get(id)?))));
        substitute(&[self.result], &bounded.collect::<Vec<_>>())[0]
    }

    /// The bounds of an input; one that does not depend on the box is a point.
    fn input(&self, position: usize) -> Interval<'g, T> {
        let id = self.inputs[position];
        self.known.get(&id).copied().unwrap_or_else(|| Interval::point(self.result.graph().var(id)))
    }

    fn is_bounded(&self, position: usize) -> bool {
        self.known.contains_key(&self.inputs[position])
    }

    fn increasing(&self) -> Interval<'g, T> {
        Interval { low: self.at(|x| x.low), high: self.at(|x| x.high) }
    }

    fn bounds(&self, op: &Op<T>) -> Result<Interval<'g, T>, RegularizeError> {
        Ok(match op {
            Op::Broadcast | Op::Sum | Op::Reshape | Op::Permute(_) | Op::Slice(_) | Op::Pad(_) => {
                self.increasing()
            }
            Op::Concat(_) | Op::Flip(_) | Op::Gather | Op::ScatterAdd => self.increasing(),
            Op::Unfold(_) | Op::Fold(_) | Op::Max | Op::LogSumExp | Op::Detach => self.increasing(),
            Op::Unary(unary) => self.unary(*unary)?,
            Op::Binary(binary) => self.binary(*binary)?,
            Op::Select => self.select(),
            Op::MatMul { .. } if self.is_bounded(0) != self.is_bounded(1) => self.product(),
            _ => return Err(self.refuse()),
        })
    }

    fn refuse(&self) -> RegularizeError {
        let node = self.result.graph().node(self.result.id());
        RegularizeError::NoBounds { operation: node.op.name(), place: node.location.to_string() }
    }

    fn unary(&self, unary: Unary) -> Result<Interval<'g, T>, RegularizeError> {
        Ok(match unary {
            Unary::Neg => Interval { low: self.at(|x| x.high), high: self.at(|x| x.low) },
            Unary::Exp | Unary::Ln | Unary::Sqrt | Unary::Tanh | Unary::Sigmoid | Unary::Softplus => {
                self.increasing()
            }
            Unary::Relu | Unary::Sign | Unary::Erf => self.increasing(),
            Unary::Powi(n) if n >= 0 && n % 2 == 1 => self.increasing(),
            Unary::Abs => self.even(),
            Unary::Powi(n) if n > 0 => self.even(),
            _ => return Err(self.refuse()),
        })
    }

    /// A function that falls to 0 at 0 and rises from there.
    fn even(&self) -> Interval<'g, T> {
        let x = self.input(0);
        let Interval { low, high } = Interval::hull(self.at(|x| x.low), self.at(|x| x.high));
        let spans = x.low.less_equal(0.0) * x.high.greater_equal(0.0);
        Interval { low: spans.select(low.like(0.0), low), high }
    }

    fn binary(&self, binary: Binary) -> Result<Interval<'g, T>, RegularizeError> {
        let (a, b) = (self.input(0), self.input(1));
        Ok(match binary {
            Binary::Add | Binary::Max | Binary::Min => self.increasing(),
            Binary::Sub => Interval { low: a.low - b.high, high: a.high - b.low },
            Binary::Mul if self.is_bounded(0) && self.is_bounded(1) => {
                let (first, second) = (
                    Interval::hull(a.low * b.low, a.low * b.high),
                    Interval::hull(a.high * b.low, a.high * b.high),
                );
                Interval { low: first.low.minimum(second.low), high: first.high.maximum(second.high) }
            }
            Binary::Mul => Interval::hull(a.low * b.low, a.high * b.high),
            Binary::Div if !self.is_bounded(1) => Interval::hull(a.low / b.low, a.high / b.low),
            Binary::Greater => Interval { low: a.low.greater(b.high), high: a.high.greater(b.low) },
            Binary::GreaterEqual => {
                Interval { low: a.low.greater_equal(b.high), high: a.high.greater_equal(b.low) }
            }
            Binary::Less => Interval { low: a.high.less(b.low), high: a.low.less(b.high) },
            Binary::LessEqual => Interval { low: a.high.less_equal(b.low), high: a.low.less_equal(b.high) },
            _ => return Err(self.refuse()),
        })
    }

    /// Where the mask is certain its side, elsewhere the hull of both.
    fn select(&self) -> Interval<'g, T> {
        let [mask, a, b] = [0, 1, 2].map(|position| self.input(position));
        let set = mask.low.greater(0.0).maximum(mask.high.less(0.0));
        let clear = mask.low.equal(0.0) * mask.high.equal(0.0);
        let one = |a: Var<'g, T>, b: Var<'g, T>, both| set.select(a, clear.select(b, both));
        Interval {
            low: one(a.low, b.low, a.low.minimum(b.low)),
            high: one(a.high, b.high, a.high.maximum(b.high)),
        }
    }

    /// `μ W ∓ r abs(W)`, on either side of the product.
    fn product(&self) -> Interval<'g, T> {
        let (bounded, other) = if self.is_bounded(0) { (0, 1) } else { (1, 0) };
        let (x, w) = (self.input(bounded), self.input(other).low);
        let centre = self.at(|x| (x.low + x.high) * 0.5);
        let variable = self.result.graph().var(self.inputs[bounded]);
        let radius = (x.high - x.low) * 0.5;
        let radius = substitute(&[self.result], &[(variable, radius), (w, w.abs())])[0];
        Interval { low: centre - radius, high: centre + radius }
    }
}

/// Training for bounds: `κ J(z) + (1 - κ) J(ẑ)`.
///
/// Let `ε` grow from training to training, and `κ` fall: bounds of a fresh network are too wide to learn from.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use nn::{Mode, Sequential, train::Batch};
/// use regularize::adversarial::{InputBox, IntervalTraining};
/// let (graph, model) = (Graph::<f64>::new(), Sequential::new()); // the logits are the inputs
/// let x = graph.constant(Tensor::new([1, 2], vec![0.625, 0.375]));
/// let label = graph.index_constant(Tensor::new([1], vec![0]));
/// let batch = Batch::new(x, label, &model, &[], Mode::Train);
/// let objective = IntervalTraining::new(InputBox::new(0.0625)?, 0.25)?.objective(&batch);
/// // The label leads by 0.25, and by 0.125 in the worst corner.
/// let loss = |lead: f64| (-lead).exp().ln_1p();
/// let expected = 0.25 * loss(0.25) + 0.75 * loss(0.125);
/// assert!((interpret(&[objective], &[], None)?[0].item() - expected).abs() < 1e-15);
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct IntervalTraining {
    region: InputBox,
    natural: f64,
}

impl IntervalTraining {
    /// The box and the share `κ` of the natural loss.
    ///
    /// # Errors
    /// If `natural` is not in [0, 1].
    pub fn new(region: InputBox, natural: f64) -> Result<IntervalTraining, RegularizeError> {
        let fits = (0.0..=1.0).contains(&natural);
        HyperparameterError::unless(fits, "share of the natural loss", natural, "in [0, 1]")?;
        Ok(IntervalTraining { region, natural })
    }

    /// The objective of a batch, a scalar. With `ε = 0` or `κ = 1` the natural loss itself.
    ///
    /// # Panics
    /// If the network has no bounds; [`IntervalTraining::try_objective`] tells why.
    #[track_caller]
    pub fn objective<'g, T: Real>(&self, batch: &Batch<'g, '_, T>) -> Var<'g, T> {
        match self.try_objective(batch) {
            Ok(objective) => objective,
            Err(error) => panic!("{error}"),
        }
    }

    /// [`IntervalTraining::objective`], with an error where it would panic.
    ///
    /// ```
    /// use autograd::{Graph, Tensor};
    /// use nn::{BatchNorm, Mode, Sequential, train::Batch};
    /// use regularize::adversarial::{InputBox, IntervalTraining};
    /// let (graph, model) = (Graph::<f64>::new(), Sequential::new().then(BatchNorm::new("norm", 2)));
    /// let x = graph.constant(Tensor::new([2, 2], vec![0.5, 0.25, 0.75, 1.0]));
    /// let labels = graph.index_constant(Tensor::new([2], vec![0, 1]));
    /// let worst = IntervalTraining::new(InputBox::new(0.1)?, 0.5)?;
    /// let of_mode = |mode| worst.try_objective(&Batch::new(x, labels, &model, &[], mode));
    /// assert!(of_mode(Mode::Evaluate).is_ok());
    /// // In training what is divided by depends on the inputs.
    /// assert!(of_mode(Mode::Train).is_err());
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    ///
    /// # Errors
    /// [`RegularizeError::NoBounds`] if the network, in the batch's mode, has an operation without a rule.
    pub fn try_objective<'g, T: Real>(
        &self,
        batch: &Batch<'g, '_, T>,
    ) -> Result<Var<'g, T>, RegularizeError> {
        let natural = batch.cross_entropy();
        if self.natural == 1.0 || self.region.epsilon() == 0.0 {
            return Ok(natural);
        }
        let (x, labels) = (batch.inputs, batch.labels);
        let margins = margin_bounds(batch.logits(), x, self.region.around(x), labels)?;
        let worst = cross_entropy(margins, labels, Reduction::Mean);
        Ok(natural * self.natural + worst * (1.0 - self.natural))
    }
}

/// What bounds prove about a network on a data set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verified {
    /// The radius of the box.
    pub epsilon: f64,
    /// The share of examples that are wrong.
    pub clean_error: f64,
    /// The share that is wrong or not proven right in the whole box: no attack does worse than this.
    pub verified_error: f64,
    /// The same from bounds of each logit by itself, without merging the last layer with the differences of
    /// classes: never less.
    pub separate_error: f64,
}

/// Proves what can be proven about each example, in [`Mode::Evaluate`].
///
/// ```
/// use autograd::{Parameters, Tensor};
/// use nn::{Linear, data::Dataset};
/// use regularize::adversarial::{InputBox, verify};
/// // Logits 3x and 2x: class 0 leads by x.
/// let model = Linear::new("l", 1, 2).without_bias();
/// let parameters: Parameters<f64> =
///     [("l.weight", Tensor::new([1, 2], vec![3.0, 2.0]))].into_iter().collect();
/// let data = Dataset::new(Tensor::new([2, 1], vec![1.0, 0.25]), Tensor::new([2], vec![0, 0]), 2)?;
/// let found = verify(&model, InputBox::new(0.5)?, &data, &parameters)?;
/// assert_eq!(found.clean_error, 0.0);
/// assert_eq!(found.verified_error, 0.5); // the second reaches -0.25
/// assert_eq!(found.separate_error, 1.0); // 3 - 1.5 is below 2 + 1
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
///
/// # Errors
/// [`RegularizeError::NoBounds`] if the network has an operation without a rule, [`RegularizeError::OutsideBox`] if
/// an example is no valid input; others if data, model and parameters do not fit.
///
/// # Panics
/// If the network does not make `[n, classes]`.
pub fn verify<T: Real>(
    model: &dyn Layer<T>,
    region: InputBox,
    data: &Dataset<T>,
    parameters: &Parameters<T>,
) -> Result<Verified, RegularizeError> {
    region.threat.check(data)?;
    check_model(model, data)?;
    let mut batches = Batches::in_order(data.len(), 256)?;
    let mut plans: Vec<(usize, Plan<T>)> = Vec::new();
    let [mut wrong, mut unproven, mut separate] = [0.0; 3];
    for indices in batches.epoch(0) {
        let size = indices.len();
        if plans.iter().all(|(known, _)| *known != size) {
            let graph = Graph::new();
            let x = graph.input("inputs", data.examples().shape().with_axis(0, size));
            let labels = graph.indices("labels", [size]);
            let logits = model.forward(x, Mode::Evaluate);
            let margins = margin_bounds(logits, x, region.around(x), labels)?;
            let separate = separate_margins(interval_bounds(logits, x, region.around(x))?, labels);
            let plan = Plan::builder(&graph)
                .output("wrong", error_count(logits, labels))
                .output("unproven", error_count(margins, labels))
                .output("separate", error_count(separate, labels))
                .compile();
            plans.push((size, plan));
        }
        let (inputs, labels): (Tensor<T>, Tensor<u32>) = data.gather(indices)?;
        let (_, plan) = plans.iter_mut().find(|(known, _)| *known == size).expect("just compiled");
        let outputs =
            plan.evaluate(parameters, &[("inputs", Feed::from(&inputs)), ("labels", Feed::from(&labels))])?;
        wrong += outputs.scalar("wrong").to_f64();
        unproven += outputs.scalar("unproven").to_f64();
        separate += outputs.scalar("separate").to_f64();
    }
    let share = |count: f64| count / data.len() as f64;
    Ok(Verified {
        epsilon: region.epsilon(),
        clean_error: share(wrong),
        verified_error: share(unproven),
        separate_error: share(separate),
    })
}

#[cfg(test)]
mod tests;
