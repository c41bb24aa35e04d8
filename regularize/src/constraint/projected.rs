//! Projection as the last link of an optimiser's chain.

use super::Projection;
use autograd::{Real, Var};
use nn::Selection;
use nn::optimise::{Memory, Transform, Update};

/// Ends every step on the set: `w := P(w - u)` with the update `u` that the chain has made so far.
///
/// It stands *after* [`ScaleByLearningRate`](nn::optimise::ScaleByLearningRate), last of all. After plain gradient descent that
/// is projected gradient descent, whose fixed points are the constrained minima; after any other chain each
/// step still ends on the set. Parameters that start outside are on it after the first step.
///
/// A chain hands on updates, so the new weight is `w - (w - P(w - u))`: the projection, rounded once more. Where
/// the projection is 0 it is exactly 0; elsewhere a bound may be passed by one rounding of `w`.
///
/// ```
/// use autograd::{Feed, Graph, Parameters, Tensor, interpret};
/// use nn::{Initialiser, LEARNING_RATE, Optimiser, ParameterSpec, Role, Selection};
/// use regularize::{Interval, Projected};
/// let nonnegative = Projected::new(Selection::weights(), Interval::at_least(0.0)?);
/// let optimiser = Optimiser::<f64>::sgd(0.5).then(nonnegative);
///
/// let (name, shape) = ("w".to_string(), [2].into());
/// let spec = ParameterSpec { name, shape, role: Role::Weight, initialiser: Initialiser::Zeros };
/// let graph = Graph::new();
/// let step = optimiser.apply(&graph, &[spec], &[graph.fill([2], 2.0)]);
/// let values: Parameters<f64> = [("w", Tensor::new([2], vec![3.0, 0.25]))].into_iter().collect();
/// let (_, new) = step.updates[0];
/// let found = interpret(&[new], &[(LEARNING_RATE, Feed::from(0.5))], Some(&values))?;
/// assert_eq!(found[0].data(), [2.0, 0.0]);
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Projected<P> {
    selection: Selection,
    projection: P,
}

impl<P> Projected<P> {
    /// The constraint `projection` on each parameter of `selection`, each by itself.
    pub fn new(selection: Selection, projection: P) -> Projected<P> {
        Projected { selection, projection }
    }
}

impl<T: Real, P: Projection<T>> Transform<T> for Projected<P> {
    fn transform<'g>(&self, updates: &[Update<'g, '_, T>], _: &mut Memory<'g, T>) -> Vec<Var<'g, T>> {
        let one = |update: &Update<'g, '_, T>| {
            if self.projection.is_everything() || !self.selection.contains(update.spec) {
                return update.value;
            }
            update.parameter - self.projection.project(update.parameter - update.value)
        };
        updates.iter().map(one).collect()
    }
}
