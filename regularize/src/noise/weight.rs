//! Noise on weights: `f(x; W + σ ν)` (*Deep Learning*, section 7.5).
//!
//! For small `σ` and squared error it adds, on average over the noise,
//!
//! ```text
//! σ² ‖∇_W y(x)‖² + O(σ⁴)      where the residual is 0 or y is linear in W
//! ```
//!
//! to the loss (Bishop 1995; equation 7.31 of the book). It pushes the weights to where the output does not
//! depend on them much: to flat minima. For a linear map the term is `σ² ‖x‖²`, a constant in `W`: then the
//! noise changes nothing.
//!
//! The layer records any other one, and then [the same expression](autograd::substitute()) at noisy weights.
//! All examples of a batch see the same weights.
//!
//! ```
//! use autograd::{Graph, interpret};
//! use nn::{Activation, Layer, Mode, Selection, Sequential, initialise};
//! use regularize::noise::WeightNoise;
//! let model = Sequential::<f64>::mlp(&[4, 8, 3], Activation::Relu);
//! let parameters = initialise(&model, 1);
//! let noisy = WeightNoise::new(model, Selection::weights(), 0.05)?;
//!
//! let graph = Graph::new();
//! let x = graph.fill([1, 4], 1.0);
//! let plain = noisy.layer().forward(x, Mode::Train);
//! let both = [Mode::Train, Mode::Evaluate].map(|mode| noisy.forward(x, mode));
//! let found = interpret(&[plain, both[0], both[1]], &[], Some(&parameters))?;
//! assert_ne!(found[1], found[0]);
//! assert_eq!(found[2], found[0]); // no noise in evaluation
//! # Ok::<(), regularize::RegularizeError>(())
//! ```

use crate::error::{RegularizeError, at_least_zero};
use crate::reparameterisation::with_weights;
use autograd::{Real, Shape, Var};
use nn::{Layer, LayerShapeError, Mode, ParameterSpec, Selection};

/// A layer, or a whole network, at noisy weights. See the [module documentation](self).
#[derive(Debug, Clone)]
pub struct WeightNoise<L> {
    layer: L,
    selection: Selection,
    deviation: f64,
}

impl<L> WeightNoise<L> {
    /// `layer` with normal noise of a standard deviation on each entry of the selected parameters, from the
    /// streams `PARAMETER.weight_noise`.
    ///
    /// # Errors
    /// If the deviation is negative or not finite.
    pub fn new(layer: L, selection: Selection, deviation: f64) -> Result<WeightNoise<L>, RegularizeError> {
        let deviation = at_least_zero("deviation of the noise on weights", deviation)?;
        Ok(WeightNoise { layer, selection, deviation })
    }

    /// The layer without noise.
    pub fn layer(&self) -> &L {
        &self.layer
    }

    /// `w + σ ν`, for noise of any distribution. Differentiable in both.
    ///
    /// # Panics
    /// If the noise is not of the weight's shape.
    ///
    /// ```
    /// use autograd::{Graph, Tensor, interpret};
    /// use nn::{Linear, Selection};
    /// use regularize::noise::WeightNoise;
    /// let noisy = WeightNoise::new(Linear::new("map", 2, 1), Selection::weights(), 0.5)?;
    /// let graph = Graph::<f64>::new();
    /// let weight = graph.constant(Tensor::new([2, 1], vec![1.0, 2.0]));
    /// let noise = graph.constant(Tensor::new([2, 1], vec![2.0, -1.0]));
    /// assert_eq!(interpret(&[noisy.apply(weight, noise)], &[], None)?[0].data(), [2.0, 1.5]);
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    #[track_caller]
    pub fn apply<'g, T: Real>(&self, weight: Var<'g, T>, noise: Var<'g, T>) -> Var<'g, T> {
        let (shape, of_noise) = (weight.shape(), noise.shape());
        assert!(shape == of_noise, "weight noise: noise of shape {of_noise} for a weight of shape {shape}");
        weight + noise * self.deviation
    }
}

impl<T: Real, L: Layer<T>> Layer<T> for WeightNoise<L> {
    /// Records nothing of its own for `σ = 0`, and in [`Mode::Evaluate`].
    fn forward<'g>(&self, x: Var<'g, T>, mode: Mode) -> Var<'g, T> {
        if self.deviation == 0.0 || !mode.is_stochastic() {
            return self.layer.forward(x, mode);
        }
        with_weights(&self.layer, x, mode, &self.selection, |spec, weight| {
            let noise = weight.graph().normal(&format!("{}.weight_noise", spec.name), weight.shape());
            self.apply(weight, noise)
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
