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
//! use nn::{Activation, Linear, Selection, Sequential};
//! use regularize::dropout::DropConnect;
//! let hidden = DropConnect::new(Linear::new("hidden", 64, 32), Selection::weights(), 0.5)?;
//! let model = Sequential::<f32>::new().then(hidden).then(Activation::Relu).linear(32, 10);
//! # let _ = model;
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
    #[track_caller]
    pub fn apply<'g, T: Real>(&self, weight: Var<'g, T>, mask: Var<'g, T>) -> Var<'g, T> {
        self.dropout.apply(weight, mask)
    }

    /// Mean and variance over all masks of the product `v W'` with the masked weight `W'`: `v` is `[.., in]`, `W`
    /// is `[in, out]`, both results are `[.., out]`.
    ///
    /// # Panics
    /// If there is no product `v W`.
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
