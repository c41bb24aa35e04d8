//! DropConnect: weights are dropped, not units (Wan et al., ICML 2013).
//!
//! ```text
//! y = f(x; W μ / (1 - p)),   μ of W's shape
//! ```
//!
//! The layer records any other layer, and then [the same expression](autograd::substitute()) with each chosen
//! weight in the place of itself masked: linear maps, convolutions, whole networks. The mask is one node;
//! forward and backward pass share it, and where a weight is dropped its gradient is 0. All examples of a
//! batch share the mask, too. (The authors draw one for each example. Then `W μ` is a matrix for each, and the
//! product no longer one; for a linear map without a bias that is [`DropConnect::apply`] on `[n, in, out]`.)
//!
//! # Prediction
//!
//! In [`Mode::Evaluate`] the weights are the mean ones. The authors go one step further: for `v` the input of a
//! linear map, `v (W μ)` is close to normal with
//!
//! ```text
//! mean q v W,   variance p q v² W²        q = 1 - p, squares element by element
//! ```
//!
//! and they average the nonlinearity over samples of that. [`DropConnect::moments`] gives both.
//!
//! ```
//! use autograd::{Graph, interpret};
//! use nn::{Activation, Layer, Linear, Mode, Selection, Sequential, initialise};
//! use regularize::dropout::DropConnect;
//! let hidden = || DropConnect::new(Linear::new("hidden", 64, 32), Selection::weights(), 0.5);
//! let model = Sequential::<f32>::new().then(hidden()?).then(Activation::Relu).linear(32, 10);
//! // In the inverted form the mean weights are the weights.
//! let (graph, hidden) = (Graph::<f32>::new(), hidden()?);
//! let x = graph.fill([1, 64], 1.0);
//! let outputs = [hidden.forward(x, Mode::Evaluate), hidden.layer().forward(x, Mode::Train)];
//! let found = interpret(&outputs, &[], Some(&initialise(&model, 1)))?;
//! assert_eq!(found[0], found[1]);
//! # Ok::<(), regularize::RegularizeError>(())
//! ```

use super::bernoulli::{Dropout, Form};
use crate::error::RegularizeError;
use crate::reparameterisation::with_weights;
use autograd::{Real, Shape, Var};
use nn::{Layer, LayerShapeError, Mode, ParameterSpec, Selection};

/// A layer whose weights are dropped. See the [module documentation](self).
#[derive(Debug, Clone)]
pub struct DropConnect<L> {
    layer: L,
    selection: Selection,
    dropout: Dropout,
}

impl<L> DropConnect<L> {
    /// `layer` with each entry of the selected parameters dropped with probability `p`, in the inverted form.
    ///
    /// The masks' streams are `PARAMETER.drop_connect.mask`.
    ///
    /// # Errors
    /// If `p` is not in [0, 1).
    pub fn new(layer: L, selection: Selection, p: f64) -> Result<DropConnect<L>, RegularizeError> {
        Ok(DropConnect { layer, selection, dropout: Dropout::new(p)? })
    }

    /// The same in the classic form: `f(x; W μ)`, and `f(x; (1 - p) W)` in prediction.
    pub fn classic(self) -> DropConnect<L> {
        DropConnect { dropout: self.dropout.classic(), ..self }
    }

    /// The layer without masks.
    pub fn layer(&self) -> &L {
        &self.layer
    }

    /// `W μ`, in the inverted form `W μ / (1 - p)`. Differentiable in both.
    ///
    /// # Panics
    /// If the mask does not broadcast to the weight's shape.
    ///
    /// ```
    /// use autograd::{Graph, Tensor, interpret};
    /// use nn::{Linear, Selection};
    /// use regularize::dropout::DropConnect;
    /// let layer = DropConnect::new(Linear::new("map", 2, 1), Selection::weights(), 0.75)?;
    /// let graph = Graph::<f64>::new();
    /// let weight = graph.constant(Tensor::new([2, 1], vec![3.0, 5.0]));
    /// let mask = graph.constant(Tensor::new([2, 1], vec![1.0, 0.0]));
    /// assert_eq!(interpret(&[layer.apply(weight, mask)], &[], None)?[0].data(), [12.0, 0.0]);
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    #[track_caller]
    pub fn apply<'g, T: Real>(&self, weight: Var<'g, T>, mask: Var<'g, T>) -> Var<'g, T> {
        self.dropout.apply(weight, mask)
    }

    /// Mean and variance over all masks of the product `v W'` with the masked weight `W'`: `v` is `[.., in]`, `W`
    /// is `[in, out]`, both results are `[.., out]`.
    ///
    /// # Panics
    /// If there is no product `v W`.
    ///
    /// One input to one output: `v W μ / (1 - p)` is 12 or 0, each with probability ½.
    ///
    /// ```
    /// use autograd::{Graph, Tensor, interpret};
    /// use nn::{Linear, Selection};
    /// use regularize::dropout::DropConnect;
    /// let layer = DropConnect::new(Linear::new("map", 1, 1), Selection::weights(), 0.5)?;
    /// let graph = Graph::<f64>::new();
    /// let (v, weight) = (graph.fill([1, 1], 2.0), graph.fill([1, 1], 3.0));
    /// let (mean, variance) = layer.moments(v, weight);
    /// let (of_classic, variance_of_classic) = layer.classic().moments(v, weight); // 6 or 0
    /// let found = interpret(&[mean, variance, of_classic, variance_of_classic], &[], None)?;
    /// assert_eq!((found[0].item(), found[1].item()), (6.0, 36.0));
    /// assert_eq!((found[2].item(), found[3].item()), (3.0, 9.0));
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    #[track_caller]
    pub fn moments<'g, T: Real>(&self, v: Var<'g, T>, weight: Var<'g, T>) -> (Var<'g, T>, Var<'g, T>) {
        let (p, q) = (self.dropout.probability(), 1.0 - self.dropout.probability());
        let (mean, variance) = match self.dropout.form() {
            Form::Classic => (q, p * q),
            Form::Inverted => (1.0, p / q),
        };
        (v.matmul(weight) * mean, v.powi(2).matmul(weight.powi(2)) * variance)
    }
}

impl<T: Real, L: Layer<T>> Layer<T> for DropConnect<L> {
    /// Records nothing of its own for `p = 0`.
    fn forward<'g>(&self, x: Var<'g, T>, mode: Mode) -> Var<'g, T> {
        if self.dropout.probability() == 0.0 {
            return self.layer.forward(x, mode);
        }
        with_weights(&self.layer, x, mode, &self.selection, |spec, weight| {
            let named = self.dropout.named(&format!("{}.drop_connect", spec.name));
            named.in_mode(weight, weight.shape(), mode)
        })
    }

    fn parameters(&self) -> Vec<ParameterSpec> {
        self.layer.parameters()
    }

    fn output_shape(&self, input: Shape) -> Result<Shape, LayerShapeError> {
        self.layer.output_shape(input)
    }
}

#[cfg(test)]
mod tests;
