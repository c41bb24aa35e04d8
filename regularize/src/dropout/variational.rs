//! Variational dropout of recurrent networks: one mask for a whole sequence (Gal and Ghahramani, *A
//! Theoretically Grounded Application of Dropout in Recurrent Neural Networks*, NIPS 2016).
//!
//! ```text
//! h(t) = f(h(t-1) μₕ, x(t) μₓ),    μₕ [n, hidden], μₓ [n, 1, features]: the same for every t
//! ```
//!
//! A mask drawn anew for each step would erase the state: after `T` steps a unit has survived with probability
//! `(1 - p)^T`. With one mask for all steps the network is a smaller recurrent network, and what it remembers
//! it keeps.
//!
//! The masks act on what the products with the weights see: `(h μₕ) U` and `(x μₓ) W`. The memory of an
//! [`Lstm`](nn::recurrent::Lstm) and the part of its state that a [`Gru`](nn::recurrent::Gru) carries over pass
//! unmasked, and are not scaled up from step to step by the factor `1/(1 - p)` of the inverted form.
//!
//! With `p = 0` for the state, only inputs are dropped, and the recurrent path is free of noise (Zaremba,
//! Sutskever, Vinyals, 2014, though with a mask for each step, which is a plain [`Dropout`] before the layer).
//!
//! ```
//! use autograd::Graph;
//! use nn::recurrent::{Lstm, Recurrent};
//! use nn::{Layer, Mode, Sequential};
//! use regularize::dropout::{VariationalDropout, bernoulli_masks};
//! let layer = Recurrent::new(Lstm::new("lstm", 8, 16)).last();
//! let model = Sequential::<f32>::new().then(VariationalDropout::new(layer, 0.25, 0.25)?).linear(16, 10);
//! // Two masks for five steps: every step draws the same numbers.
//! let graph = Graph::new();
//! let y = model.forward(graph.input("x", [20, 5, 8]), Mode::Train);
//! let mut streams: Vec<_> = bernoulli_masks(&[y]).iter().map(|mask| mask.stream.to_string()).collect();
//! streams.dedup();
//! assert_eq!(streams, ["lstm.inputs.mask", "lstm.state.mask"]);
//! # Ok::<(), regularize::RegularizeError>(())
//! ```

use super::bernoulli::Dropout;
use crate::error::RegularizeError;
use autograd::{IndexVar, Real, Shape, Var};
use nn::recurrent::{Cell, Recurrent, Unrolled};
use nn::{Layer, LayerShapeError, Mode, ParameterSpec};

/// A recurrent layer with one mask for inputs and one for the state. See the [module documentation](self).
#[derive(Debug, Clone, PartialEq)]
pub struct VariationalDropout<C> {
    layer: Recurrent<C>,
    inputs: Dropout,
    state: Dropout,
}

impl<C> VariationalDropout<C> {
    /// Drops features of the inputs with probability `inputs` and units of the state with probability `state`,
    /// both in the inverted form. The streams are `CELL.inputs.mask` and `CELL.state.mask`.
    ///
    /// # Errors
    /// If a probability is not in [0, 1).
    pub fn new(
        layer: Recurrent<C>,
        inputs: f64,
        state: f64,
    ) -> Result<VariationalDropout<C>, RegularizeError> {
        Ok(VariationalDropout { layer, inputs: Dropout::new(inputs)?, state: Dropout::new(state)? })
    }

    /// The layer without masks.
    pub fn layer(&self) -> &Recurrent<C> {
        &self.layer
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
        let named = |dropout: &Dropout, what: &str| dropout.named(&format!("{}.{what}", cell.name()));
        let (inputs, state) = (named(&self.inputs, "inputs"), named(&self.state, "state"));
        // A shape that the layer does not take is its own to refuse.
        let x = match x.shape().lengths() {
            &[n, _, features] => inputs.in_mode(x, [n, 1, features], mode),
            _ => x,
        };
        self.layer.unroll_by(x, start, lengths, |_, projected, parts| {
            // The same stream and shape in every step: the same mask.
            let seen = state.in_mode(parts[0], parts[0].shape(), mode);
            cell.step_seeing(projected, seen, parts)
        })
    }
}

impl<T: Real, C: Cell<T>> Layer<T> for VariationalDropout<C> {
    /// Records nothing of its own where the probability is 0, and in [`Mode::Evaluate`].
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
