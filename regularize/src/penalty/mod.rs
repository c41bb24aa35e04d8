//! Parameter norm penalties: a scalar `Ω(w)` added to what is minimised, or the proximal step that does
//! without its gradient (Goodfellow, Bengio, Courville, *Deep Learning*, section 7.1).
//!
//! | | penalty | proximal step |
//! |---|---|---|
//! | what is minimised | `J(w) + Ω(w)` by its gradient | `J` by its gradient, then `Ω` exactly |
//! | recorded by | [`Penalties::added_to`], in the objective | [`ProximalStep`], last in the optimiser's chain |
//! | step | `w - ε (∇J + ∇Ω)` | `argminᵤ ε Ω(u) + ½‖u - (w - ε ∇J)‖²` |
//! | zeros | near 0 an L1 penalty swings by up to `2 ε α` | exact |
//!
//! A [`Penalty`] is the mathematics; a [`Selection`] says which parameters it means. Biases are usually left
//! out: each sets one number only, needs little data to be fitted well, and shrinking it underfits (section
//! 7.1). Several entries give each layer a coefficient of its own.
//!
//! ```
//! use nn::train::Trainer;
//! use nn::{Activation, Layer, Optimiser, Selection, Sequential};
//! use regularize::{L1, L2, Penalties};
//! # fn main() -> Result<(), regularize::RegularizeError> {
//! let model = Sequential::<f32>::mlp(&[64, 16, 10], Activation::Relu);
//! let penalties = Penalties::new()
//!     .with(Selection::named("linear1.weight"), L1::new(1e-4)?)
//!     .with(Selection::named("linear2.weight"), L2::new(1e-3)?);
//! assert!(penalties.check(&model.parameters()).is_ok()); // each selection chooses something
//! let trainer = Trainer::new(&model, Optimiser::adam(0.01))
//!     .objective(move |batch| penalties.added_to(batch.cross_entropy(), batch.parameters));
//! # let _ = trainer;
//! # Ok(())
//! # }
//! ```

pub mod decoupled_decay;
pub mod elastic_net;
pub mod group_lasso;
pub mod l1;
pub mod l2;
pub mod orthogonality;

pub use decoupled_decay::DecoupledDecay;
pub use elastic_net::ElasticNet;
pub use group_lasso::{GroupLasso, group_lasso_penalty, group_threshold};
pub use l1::{L1, l1_penalty, smooth_l1_penalty, soft_threshold};
pub use l2::{L2, effective_parameters, l2_penalty, shrink};
pub use orthogonality::{Gram, Orthogonality, orthogonality_penalty};

use crate::error::RegularizeError;
use autograd::{Graph, Real, Var};
use nn::optimise::{Memory, Transform, Update};
use nn::{ParameterSpec, Selection};
use std::fmt::Debug;
use std::sync::Arc;

/// A scalar function of one parameter, to be kept small.
///
/// One of your own, `α (Σ w - 1)²`:
///
/// ```
/// use autograd::{Graph, Tensor, Var, interpret};
/// use regularize::Penalty;
/// #[derive(Debug)]
/// struct SumToOne(f64);
/// impl Penalty<f64> for SumToOne {
///     fn value<'g>(&self, w: Var<'g, f64>) -> Var<'g, f64> {
///         (w.sum() - 1.0).powi(2) * self.0
///     }
///     fn is_zero(&self) -> bool {
///         self.0 == 0.0
///     }
/// }
/// let graph = Graph::new();
/// let w = graph.constant(Tensor::new([2], vec![3.0, 1.0]));
/// assert_eq!(interpret(&[SumToOne(0.5).value(w)], &[], None)?[0].item(), 0.5 * 9.0);
/// # Ok::<(), autograd::RunError>(())
/// ```
pub trait Penalty<T: Real>: Debug + Send + Sync {
    /// `Ω(w)`, a scalar, its coefficient included.
    fn value<'g>(&self, w: Var<'g, T>) -> Var<'g, T>;

    /// Whether the coefficient is 0: then nothing is recorded, and the graph is the one without penalty.
    fn is_zero(&self) -> bool;
}

/// A penalty whose proximal step has a closed form.
///
/// One of your own, decay towards 1 in the place of 0: `α/2 ‖w - 1‖²`, with the proximal step `(v + t α) / (1 +
/// t α)`.
///
/// ```
/// use autograd::{Graph, Tensor, Var, interpret};
/// use regularize::{Penalty, ProximalPenalty};
/// #[derive(Debug)]
/// struct NearOne(f64);
/// impl Penalty<f64> for NearOne {
///     fn value<'g>(&self, w: Var<'g, f64>) -> Var<'g, f64> {
///         (w - 1.0).norm_squared() * (self.0 / 2.0)
///     }
///     fn is_zero(&self) -> bool {
///         self.0 == 0.0
///     }
/// }
/// impl ProximalPenalty<f64> for NearOne {
///     fn proximal<'g>(&self, v: Var<'g, f64>, t: Var<'g, f64>) -> Var<'g, f64> {
///         (v + t * self.0) / (t * self.0 + 1.0)
///     }
/// }
/// let graph = Graph::new();
/// let v = graph.constant(Tensor::new([2], vec![1.0, 5.0]));
/// let nearer = NearOne(2.0).proximal(v, graph.fill([], 0.5));
/// assert_eq!(interpret(&[nearer], &[], None)?[0].data(), [1.0, 3.0]); // half the way, as t α = 1
/// # Ok::<(), autograd::RunError>(())
/// ```
pub trait ProximalPenalty<T: Real>: Penalty<T> {
    /// `argminᵤ t Ω(u) + ½‖u - v‖²`, of `v`'s shape; `t` is a scalar.
    fn proximal<'g>(&self, v: Var<'g, T>, t: Var<'g, T>) -> Var<'g, T>;
}

/// Penalties and the parameters that each is for.
///
/// ```
/// use autograd::{Graph, Parameters, Tensor, interpret};
/// use nn::{Layer, Linear, Selection, Sequential};
/// use regularize::{L1, L2, Penalties};
/// let model = Sequential::<f64>::new().then(Linear::new("map", 2, 1));
/// let penalties =
///     Penalties::new().with(Selection::weights(), L2::new(2.0)?).with(Selection::biases(), L1::new(0.5)?);
/// penalties.check(&model.parameters())?;
/// let graph = Graph::new();
/// let sum = penalties.value(&graph, &model.parameters()).expect("no coefficient is 0");
/// let weights = Tensor::new([2, 1], vec![3.0, 4.0]);
/// let values: Parameters<f64> =
///     [("map.weight", weights), ("map.bias", Tensor::full([1], -6.0))].into_iter().collect();
/// assert_eq!(interpret(&[sum], &[], Some(&values))?[0].item(), 25.0 + 3.0);
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Penalties<T: Real> {
    terms: Vec<(Selection, Arc<dyn Penalty<T>>)>,
}

impl<T: Real> Default for Penalties<T> {
    fn default() -> Self {
        Penalties::new()
    }
}

impl<T: Real> Penalties<T> {
    /// None yet.
    pub fn new() -> Penalties<T> {
        Penalties { terms: Vec::new() }
    }

    /// These and `penalty` on each parameter of `selection`.
    pub fn with(mut self, selection: Selection, penalty: impl Penalty<T> + 'static) -> Self {
        self.terms.push((selection, Arc::new(penalty)));
        self
    }

    /// Whether every selection chooses something.
    ///
    /// # Errors
    /// [`RegularizeError::SelectsNothing`] with the first that does not.
    pub fn check(&self, parameters: &[ParameterSpec]) -> Result<(), RegularizeError> {
        for (selection, _) in &self.terms {
            RegularizeError::unless_selected(selection, parameters)?;
        }
        Ok(())
    }

    /// The sum of all penalties, a scalar: what a training reports beside the loss. `None` if every
    /// coefficient is 0.
    ///
    /// # Panics
    /// If a selection chooses nothing; [`Penalties::check`] tells beforehand.
    #[track_caller]
    pub fn value<'g>(&self, graph: &'g Graph<T>, parameters: &[ParameterSpec]) -> Option<Var<'g, T>> {
        if let Err(error) = self.check(parameters) {
            panic!("{error}");
        }
        let mut sum: Option<Var<'g, T>> = None;
        for (selection, penalty) in self.terms.iter().filter(|(_, penalty)| !penalty.is_zero()) {
            for w in selection.variables(graph, parameters) {
                let value = penalty.value(w);
                sum = Some(sum.map_or(value, |sum| sum + value));
            }
        }
        sum
    }

    /// `J + Σ Ω`, a scalar. If every coefficient is 0, the variable `objective` itself.
    ///
    /// # Panics
    /// As [`Penalties::value`].
    #[track_caller]
    pub fn added_to<'g>(&self, objective: Var<'g, T>, parameters: &[ParameterSpec]) -> Var<'g, T> {
        match self.value(objective.graph(), parameters) {
            Some(value) => objective + value,
            None => objective,
        }
    }
}

/// Proximal gradient descent: the step along the loss's gradient, then the penalty's minimum nearby.
///
/// `w := prox(w - u)` with the update `u` that the chain has made so far, and with the learning rate `ε` as
/// the step of the proximal operator. It stands *after*
/// [`ScaleByLearningRate`](nn::optimise::ScaleByLearningRate). After plain gradient descent that is
/// proximal gradient descent (Parikh and Boyd, *Proximal Algorithms*, 2014, section 4.2), whose fixed points
/// are the minima of `J + Ω`. Momentum `μ` makes the gradient's steps longer, and not the penalty's: it comes to rest
/// where `J/(1 - μ) + Ω` has its minimum, so that the coefficient is to be divided by `1 - μ`. After a chain that
/// scales each number by itself (Adam) the same step is decoupled, like decoupled weight decay, and no minimum of
/// `J + Ω` is promised.
///
/// Where the proximal step gives 0 the parameter becomes exactly 0: it is `w - (w - 0)`. Elsewhere one
/// rounding of `w` is added. Several in one chain act one after the other, which is the step of their sum for
/// L1 followed by L2, but not in general.
///
/// ```
/// use autograd::{Feed, Graph, Parameters, Tensor, interpret};
/// use nn::{Initialiser, LEARNING_RATE, Optimiser, ParameterSpec, Role, Selection};
/// use regularize::{L1, ProximalStep};
/// let lasso = ProximalStep::new(Selection::weights(), L1::new(1.0)?);
/// let optimiser = Optimiser::<f64>::sgd(0.25).then(lasso);
///
/// let (name, shape) = ("w".to_string(), [2].into());
/// let spec = ParameterSpec { name, shape, role: Role::Weight, initialiser: Initialiser::Zeros };
/// let graph = Graph::new();
/// let step = optimiser.apply(&graph, &[spec], &[graph.fill([2], 2.0)]);
/// let values: Parameters<f64> = [("w", Tensor::new([2], vec![3.0, 0.625]))].into_iter().collect();
/// let (_, new) = step.updates[0];
/// let found = interpret(&[new], &[(LEARNING_RATE, Feed::from(0.25))], Some(&values))?;
/// assert_eq!(found[0].data(), [3.0 - 0.5 - 0.25, 0.0]); // 0.125 is within ε α of 0
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone)]
pub struct ProximalStep<P> {
    selection: Selection,
    penalty: P,
}

impl<P> ProximalStep<P> {
    /// The proximal step of `penalty` on each parameter of `selection`.
    pub fn new(selection: Selection, penalty: P) -> ProximalStep<P> {
        ProximalStep { selection, penalty }
    }
}

impl<T: Real, P: ProximalPenalty<T>> Transform<T> for ProximalStep<P> {
    fn transform<'g>(&self, updates: &[Update<'g, '_, T>], memory: &mut Memory<'g, T>) -> Vec<Var<'g, T>> {
        let one = |update: &Update<'g, '_, T>| {
            if self.penalty.is_zero() || !self.selection.contains(update.spec) {
                return update.value;
            }
            let moved = update.parameter - update.value;
            update.parameter - self.penalty.proximal(moved, memory.learning_rate())
        };
        updates.iter().map(one).collect()
    }
}

/// The scalar `coefficient` on the graph of `w`.
#[track_caller]
pub(crate) fn check_coefficient<T: Real>(penalty: &str, coefficient: Var<'_, T>) {
    let shape = coefficient.shape();
    assert!(shape.rank() == 0, "{penalty}: the coefficient is a scalar, not {shape}");
}

#[cfg(test)]
mod tests;
