//! What a layer is: a function that records itself on a graph, and the parameters it needs.
//!
//! A [`Layer`] holds no values and belongs to no graph. It knows its parameters' names, shapes, roles and
//! initial distributions ([`ParameterSpec`]), and [`forward`](Layer::forward) records it on the graph of its
//! input: the same layer is recorded on as many graphs as are wanted, in either precision. A parameter is
//! declared on the graph by name, and the same name is the same node; so a layer recorded twice on one
//! graph, or two layers of the same name, share their weights.
//!
//! ```
//! use autograd::{Graph, Real, Var};
//! use nn::{Layer, Mode};
//!
//! /// y = 2x while training, y = x otherwise.
//! #[derive(Debug)]
//! struct Twice;
//!
//! impl<T: Real> Layer<T> for Twice {
//!     fn forward<'g>(&self, x: Var<'g, T>, mode: Mode) -> Var<'g, T> {
//!         if mode == Mode::Train { x * 2.0 } else { x }
//!     }
//! }
//!
//! let graph = Graph::<f32>::new();
//! let x = graph.input("x", [32, 64]);
//! assert_eq!(Twice.forward(x, Mode::Evaluate).id(), x.id());
//! ```

use crate::parameter::ParameterSpec;
use autograd::{Real, Shape, Var};
use std::fmt::Debug;
use std::sync::Arc;

/// What a network is being run for. It says nothing about gradients: an attack differentiates a network in
/// [`Mode::Evaluate`], and Monte Carlo dropout runs one in [`Mode::Sample`] without differentiating it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Fitting parameters: stochastic layers draw, batch normalisation takes the statistics of the batch and
    /// proposes new running ones.
    Train,
    /// Predicting: deterministic.
    Evaluate,
    /// Predicting with stochastic layers drawing as in training: one sample of the model's distribution. An
    /// example's result still depends on no other example: batch normalisation is as in evaluation.
    Sample,
}

impl Mode {
    /// Whether stochastic layers draw: in [`Mode::Train`] and [`Mode::Sample`].
    pub fn is_stochastic(self) -> bool {
        self != Mode::Evaluate
    }
}

/// A function of one variable with parameters, that records itself on any graph.
pub trait Layer<T: Real>: Debug + Send + Sync {
    /// Records the layer on the graph of `x`, whose first axis counts the examples.
    ///
    /// Not `#[track_caller]`: a node's line in listings and messages is the one in the layer that recorded
    /// it, which says more than the line that ran the whole network.
    ///
    /// # Panics
    /// If the layer does not take `x`'s shape; [`Layer::output_shape`] tells beforehand.
    fn forward<'g>(&self, x: Var<'g, T>, mode: Mode) -> Var<'g, T>;

    /// The parameters that [`forward`](Layer::forward) declares. None, unless the layer says otherwise.
    fn parameters(&self) -> Vec<ParameterSpec> {
        Vec::new()
    }

    /// The shape of the result for an `input` with its axis of examples, found without a graph. The input's
    /// shape, unless the layer says otherwise.
    ///
    /// # Errors
    /// [`LayerShapeError`] if the layer does not take this shape.
    fn output_shape(&self, input: Shape) -> Result<Shape, LayerShapeError> {
        Ok(input)
    }
}

/// A layer was asked for its result on a shape that it does not take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{layer} takes {expected}, not {given}")]
pub struct LayerShapeError {
    /// The layer, with its name if it has one.
    pub layer: String,
    /// The shapes it takes, in words.
    pub expected: String,
    /// The shape it was given.
    pub given: Shape,
}

impl<T: Real, L: Layer<T> + ?Sized> Layer<T> for Box<L> {
    fn forward<'g>(&self, x: Var<'g, T>, mode: Mode) -> Var<'g, T> {
        (**self).forward(x, mode)
    }
    fn parameters(&self) -> Vec<ParameterSpec> {
        (**self).parameters()
    }
    fn output_shape(&self, input: Shape) -> Result<Shape, LayerShapeError> {
        (**self).output_shape(input)
    }
}

impl<T: Real, L: Layer<T> + ?Sized> Layer<T> for Arc<L> {
    fn forward<'g>(&self, x: Var<'g, T>, mode: Mode) -> Var<'g, T> {
        (**self).forward(x, mode)
    }
    fn parameters(&self) -> Vec<ParameterSpec> {
        (**self).parameters()
    }
    fn output_shape(&self, input: Shape) -> Result<Shape, LayerShapeError> {
        (**self).output_shape(input)
    }
}
