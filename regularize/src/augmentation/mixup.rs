//! Mixup: training on averages of two examples and of their labels (Zhang, Cisse, Dauphin, Lopez-Paz, ICLR 2018).
//!
//! ```text
//! x̃ = λ x + (1 - λ) x',   t̃ = λ t + (1 - λ) t',   λ ~ Beta(α, α)
//! ```
//!
//! with one-hot targets `t`, and `(x', t')` the same batch in a random order. The network is asked to be linear
//! between examples. The cross-entropy of a mixed target is the mixture of cross-entropies,
//! `H(t̃, q) = λ H(t, q) + (1 - λ) H(t', q)`, exactly.
//!
//! Each pair has a share `λ` of its own. The partners are a permutation: every example is someone's partner once,
//! an odd batch is as good as an even one, and an example may be its own. Nothing is changed in place.
//!
//! A target that is mixed is a distribution, not a class: the loss is
//! [`soft_cross_entropy`].
//!
//! ```
//! use nn::data::digits;
//! use nn::{Activation, Optimiser, Sequential, Trainer, initialise};
//! use regularize::augmentation::Mixup;
//! # fn main() -> Result<(), regularize::RegularizeError> {
//! let data = digits::load()?.flattened().subset(&(0..200).collect::<Vec<_>>())?;
//! let mixup = Mixup::new(0.2)?;
//! let model = Sequential::<f32>::mlp(&[64, 16, 10], Activation::Relu);
//! let mut trainer = Trainer::new(&model, Optimiser::adam(0.01))
//!     .epochs(3)
//!     .objective(move |batch| mixup.objective(batch, 10));
//! let curve = trainer.fit(&data, None, &mut initialise(&model, 1))?;
//! assert!(curve.epochs[2].objective < curve.epochs[0].objective);
//! # Ok(())
//! # }
//! ```

use super::beta::Beta;
use super::drawn;
use crate::error::RegularizeError;
use autograd::{IndexVar, Real, Tensor, Var};
use nn::Mode;
use nn::loss::{Reduction, soft_cross_entropy};
use nn::train::Batch;

/// A batch of mixed examples.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use nn::{Mode, Sequential, train::Batch};
/// use regularize::augmentation::Mixed;
/// let (graph, model) = (Graph::<f64>::new(), Sequential::new()); // the logits are the inputs
/// let inputs = graph.constant(Tensor::new([1, 2], vec![1.0, 0.0]));
/// let targets = graph.constant(Tensor::new([1, 2], vec![0.75, 0.25]));
/// let mixed = Mixed { inputs, targets, lambda: graph.fill([1], 0.75) };
/// let label = graph.index_constant(Tensor::new([1], vec![0]));
/// let loss = mixed.cross_entropy(&Batch::new(inputs, label, &model, &[], Mode::Train));
/// let p = 1.0 / (1.0 + (-1.0f64).exp());
/// let expected = -0.75 * p.ln() - 0.25 * (1.0 - p).ln();
/// assert!((interpret(&[loss], &[], None)?[0].item() - expected).abs() < 1e-15);
/// # Ok::<(), autograd::RunError>(())
/// ```
#[derive(Clone, Copy)]
pub struct Mixed<'g, T: Real> {
    /// The examples, `[n, ..]`.
    pub inputs: Var<'g, T>,
    /// A distribution for each, `[n, classes]`.
    pub targets: Var<'g, T>,
    /// The share of the example itself, `[n]`; the rest is its partner's.
    pub lambda: Var<'g, T>,
}

impl<'g, T: Real> Mixed<'g, T> {
    /// The mean cross-entropy of the batch's model on mixed examples and targets.
    ///
    /// # Panics
    /// If there are not as many logits as classes.
    #[track_caller]
    pub fn cross_entropy(&self, batch: &Batch<'g, '_, T>) -> Var<'g, T> {
        soft_cross_entropy(batch.on(self.inputs).logits(), self.targets, Reduction::Mean)
    }
}

/// `λ a + (1 - λ) b`, with a share `λ`, `[n]`, for each row of `a` and `b`, both `[n, ..]`. Where `λ` is 1 that is
/// `a`, where it is 0 `b`, exactly, if the other is finite.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::augmentation::mixup::mix;
/// let graph = Graph::<f64>::new();
/// let (a, b) = (graph.fill([3, 1], 4.0), graph.fill([3, 1], 8.0));
/// let lambda = graph.constant(Tensor::new([3], vec![1.0, 0.75, 0.0]));
/// assert_eq!(interpret(&[mix(a, b, lambda)], &[], None)?[0].data(), [4.0, 5.0, 8.0]);
/// # Ok::<(), autograd::RunError>(())
/// ```
///
/// # Panics
/// If the shapes are not these.
#[track_caller]
pub fn mix<'g, T: Real>(a: Var<'g, T>, b: Var<'g, T>, lambda: Var<'g, T>) -> Var<'g, T> {
    let (shape, of_other, of_lambda) = (a.shape(), b.shape(), lambda.shape());
    let fits = shape == of_other && shape.rank() > 0 && of_lambda.lengths() == [shape[0]];
    assert!(fits, "mix: {shape} and {of_other} by {of_lambda}: the first two alike, a share for each row");
    let mut each = vec![1; shape.rank()];
    each[0] = shape[0];
    let lambda = lambda.reshape(each.as_slice());
    lambda * a + (1.0 - lambda) * b
}

/// A random order of `0..n` from draws `[n]` uniform on [0, 1): the places of the draws, from the smallest to the
/// largest. Every order is equally likely; of equal draws the first comes first.
///
/// ```
/// use autograd::{Graph, Tensor, interpret_indices};
/// use regularize::augmentation::mixup::permutation;
/// let graph = Graph::<f64>::new();
/// let draws = graph.constant(Tensor::new([3], vec![0.7, 0.1, 0.4]));
/// let order = interpret_indices(permutation(draws), &[], None)?;
/// assert_eq!(order.data(), [1, 2, 0]); // the smallest is in place 1
/// # Ok::<(), autograd::RunError>(())
/// ```
///
/// # Panics
/// If the draws are not `[n]` with `n` above 0.
#[track_caller]
pub fn permutation<'g, T: Real>(draws: Var<'g, T>) -> IndexVar<'g, T> {
    let shape = draws.shape();
    assert!(shape.rank() == 1 && shape[0] > 0, "permutation: draws of shape {shape} are not [n]");
    let (n, graph) = (shape[0], draws.graph());
    let (own, others) = (draws.reshape([n, 1]), draws.reshape([1, n]));
    let earlier = graph.constant(Tensor::from_fn([n, n], |i| if i % n < i / n { T::ONE } else { T::ZERO }));
    // The rank of a draw is the number of draws that come before it.
    let rank = (others.less(own) + others.equal(own) * earlier).sum_over(&[1]);
    let places = graph.constant(Tensor::from_fn([n, 1], |i| T::from_f64(i as f64)));
    rank.reshape([1, n]).equal(places).argmax()
}

/// Mixup with shares from `Beta(α, α)` (streams `NAME.order`, `NAME.share`). See the [module documentation](self).
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::augmentation::Mixup;
/// let graph = Graph::<f64>::new();
/// let inputs = graph.constant(Tensor::new([3, 1], vec![0.0, 1.0, 2.0]));
/// let labels = graph.index_constant(Tensor::new([3], vec![0, 1, 2]));
/// let mixed = Mixup::new(1.0)?.named("pairs").of(inputs, labels, 3);
/// let found = interpret(&[mixed.inputs, mixed.targets], &[], None)?;
/// // An input is its label here, so a mixed one is the mean label of its target.
/// for (x, target) in found[0].data().iter().zip(found[1].data().chunks(3)) {
///     assert!((target.iter().sum::<f64>() - 1.0).abs() < 1e-15);
///     assert!((x - (target[1] + 2.0 * target[2])).abs() < 1e-15);
/// }
/// assert_eq!(Mixup::new(0.0)?.of(inputs, labels, 3).inputs.id(), inputs.id());
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Mixup {
    name: String,
    shares: Option<Beta>,
}

impl Mixup {
    /// Mixup with shares from `Beta(alpha, alpha)`, named `mixup`. With 0 nothing is mixed.
    ///
    /// # Errors
    /// If `alpha` is negative or not finite.
    pub fn new(alpha: f64) -> Result<Mixup, RegularizeError> {
        Ok(Mixup { name: "mixup".into(), shares: Beta::of_strength("mixup's alpha", alpha)? })
    }

    /// The same under another name, which is that of its streams.
    pub fn named(&self, name: &str) -> Mixup {
        Mixup { name: name.into(), ..self.clone() }
    }

    /// Inputs `[n, ..]` and labels `[n]` of `classes` mixed. With `α = 0` the very same inputs, and one-hot
    /// targets.
    ///
    /// # Panics
    /// If the batch is empty.
    #[track_caller]
    pub fn of<'g, T: Real>(
        &self,
        inputs: Var<'g, T>,
        labels: IndexVar<'g, T>,
        classes: usize,
    ) -> Mixed<'g, T> {
        let (graph, n, targets) = (inputs.graph(), inputs.shape()[0], labels.one_hot(classes));
        let Some(shares) = self.shares else {
            return Mixed { inputs, targets, lambda: graph.fill([n], 1.0) };
        };
        let partner = permutation(drawn(graph, &self.name, "order", &[n]));
        let lambda = shares.shares(drawn(graph, &self.name, "share", &[n]));
        let mixed = |all: Var<'g, T>| mix(all, all.gather(partner), lambda);
        Mixed { inputs: mixed(inputs).named(&self.name), targets: mixed(targets), lambda }
    }

    /// The mean cross-entropy on the mixed batch in [`Mode::Train`]; in other modes, and with `α = 0`, that of the
    /// batch itself.
    ///
    /// ```
    /// use autograd::{Graph, Tensor, interpret};
    /// use nn::{Mode, Sequential, train::Batch};
    /// use regularize::augmentation::Mixup;
    /// let (graph, model, mixup) = (Graph::<f64>::new(), Sequential::new(), Mixup::new(1.0)?);
    /// let inputs = graph.constant(Tensor::new([2, 2], vec![4.0, 0.0, 0.0, 4.0]));
    /// let labels = graph.index_constant(Tensor::new([2], vec![0, 1]));
    /// let [train, evaluate] = [Mode::Train, Mode::Evaluate].map(|mode| {
    ///     let batch = Batch::new(inputs, labels, &model, &[], mode);
    ///     (mixup.objective(&batch, 2), batch.cross_entropy())
    /// });
    /// let found = interpret(&[train.0, train.1, evaluate.0, evaluate.1], &[], None)?;
    /// assert!(found[0].item() >= found[1].item()); // a sure answer is wrong for a mixture
    /// assert_eq!(found[2], found[3]);
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    ///
    /// # Panics
    /// If the model does not make `classes` logits.
    #[track_caller]
    pub fn objective<'g, T: Real>(&self, batch: &Batch<'g, '_, T>, classes: usize) -> Var<'g, T> {
        if self.shares.is_none() || batch.mode != Mode::Train {
            return batch.cross_entropy();
        }
        self.of(batch.inputs, batch.labels, classes).cross_entropy(batch)
    }
}

#[cfg(test)]
mod tests;
