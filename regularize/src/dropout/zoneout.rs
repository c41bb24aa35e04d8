//! Zoneout: units of a recurrent network keep their old value at random (Krueger et al., ICLR 2017).
//!
//! ```text
//! h(t) = μ(t) h'(t) + (1 - μ(t)) h(t-1),   h' the cell's own step,  μ(t) = 0 with probability p
//! ```
//!
//! Where dropout sets a unit to 0, zoneout skips its update: nothing is forgotten, and gradients pass
//! unchanged through the steps that are skipped. A draw for each unit, example and step. In prediction the state
//! is the mean of both, `(1 - p) h' + p h`.
//!
//! The parts of a state have probabilities of their own: `h` of every cell, and the memory `c` of an
//! [`Lstm`](nn::recurrent::Lstm). As in the paper, the output `h'` of a step is made of the new memory, also
//! where the old one is kept for the next step.
//!
//! ```
//! use autograd::Graph;
//! use nn::recurrent::{Lstm, Recurrent};
//! use nn::{Layer, Mode, Sequential};
//! use regularize::dropout::{Zoneout, bernoulli_masks};
//! let layer = Recurrent::new(Lstm::new("lstm", 8, 16)); // its result is the output of every step
//! let model = Sequential::<f32>::new().then(Zoneout::new(layer, 0.05, 0.5)?);
//! // A mask for each step and part of the state. The memory after the last step is asked for by nobody.
//! let graph = Graph::new();
//! let y = model.forward(graph.input("x", [20, 5, 8]), Mode::Train);
//! assert_eq!(bernoulli_masks(&[y]).len(), 5 + 4);
//! # Ok::<(), regularize::RegularizeError>(())
//! ```

use super::drop_probability;
use crate::error::RegularizeError;
use autograd::{IndexVar, Real, Shape, Var};
use nn::recurrent::{Cell, Recurrent, Unrolled};
use nn::{Layer, LayerShapeError, Mode, ParameterSpec};

/// A recurrent layer whose units skip updates. See the [module documentation](self).
#[derive(Debug, Clone, PartialEq)]
pub struct Zoneout<C> {
    layer: Recurrent<C>,
    hidden: f64,
    memory: f64,
}

impl<C> Zoneout<C> {
    /// Keeps a unit of the output with probability `hidden`, and one of the memory, if there is one, with
    /// probability `memory`. The streams are `CELL.zoneout.PART.STEP`.
    ///
    /// # Errors
    /// If a probability is not in [0, 1).
    pub fn new(layer: Recurrent<C>, hidden: f64, memory: f64) -> Result<Zoneout<C>, RegularizeError> {
        let hidden = drop_probability("zoneout probability of the output", hidden)?;
        let memory = drop_probability("zoneout probability of the memory", memory)?;
        Ok(Zoneout { layer, hidden, memory })
    }

    /// The layer that skips nothing.
    pub fn layer(&self) -> &Recurrent<C> {
        &self.layer
    }

    /// `μ h' + (1 - μ) h`. Differentiable in all three.
    ///
    /// # Panics
    /// If the shapes differ.
    ///
    /// ```
    /// use autograd::{Graph, Tensor, interpret};
    /// use nn::recurrent::Elman;
    /// use regularize::dropout::Zoneout;
    /// let graph = Graph::<f64>::new();
    /// let [old, new] = [1.0, 5.0].map(|value| graph.fill([1, 3], value));
    /// // New, old, and their mean for p = ¼.
    /// let mask = graph.constant(Tensor::new([1, 3], vec![1.0, 0.0, 0.75]));
    /// let state = Zoneout::<Elman>::apply(old, new, mask);
    /// assert_eq!(interpret(&[state], &[], None)?[0].data(), [5.0, 1.0, 4.0]);
    /// # Ok::<(), autograd::RunError>(())
    /// ```
    #[track_caller]
    pub fn apply<'g, T: Real>(old: Var<'g, T>, new: Var<'g, T>, mask: Var<'g, T>) -> Var<'g, T> {
        let shapes = [old, new, mask].map(|value| value.shape());
        assert!(
            shapes[0] == shapes[1] && shapes[0] == shapes[2],
            "zoneout: a state of shape {}, a new one of shape {} and a mask of shape {}",
            shapes[0],
            shapes[1],
            shapes[2]
        );
        mask * new + (1.0 - mask) * old
    }

    /// Records every step in a mode; see [`Recurrent::unroll_from`].
    ///
    /// # Panics
    /// As there.
    #[track_caller]
    pub fn unroll_from<'g, T: Real>(
        &self,
        x: Var<'g, T>,
        start: &[Var<'g, T>],
        lengths: Option<IndexVar<'g, T>>,
        mode: Mode,
    ) -> Unrolled<'g, T>
    where
        C: Cell<T>,
    {
        let cell = self.layer.cell();
        self.layer.unroll_by(x, start, lengths, |t, projected, state| {
            let mut next = cell.step(projected, state);
            for (part, name) in cell.states().iter().enumerate() {
                let p = if part == 0 { self.hidden } else { self.memory };
                if p == 0.0 {
                    continue;
                }
                let (old, new) = (state[part], next[part]);
                let mask = if mode.is_stochastic() {
                    let stream = format!("{}.zoneout.{name}.{t}", cell.name());
                    x.graph().uniform(&stream, old.shape()).greater_equal(p)
                } else {
                    old.like(1.0 - p)
                };
                next[part] = Self::apply(old, new, mask);
            }
            next
        })
    }
}

impl<T: Real, C: Cell<T>> Layer<T> for Zoneout<C> {
    /// Records nothing of its own where the probability is 0.
    fn forward<'g>(&self, x: Var<'g, T>, mode: Mode) -> Var<'g, T> {
        self.layer.result(&self.unroll_from(x, &[], None, mode))
    }

    fn parameters(&self) -> Vec<ParameterSpec> {
        Layer::<T>::parameters(&self.layer)
    }

    fn output_shape(&self, input: Shape) -> Result<Shape, LayerShapeError> {
        Layer::<T>::output_shape(&self.layer, input)
    }
}

#[cfg(test)]
mod tests;
