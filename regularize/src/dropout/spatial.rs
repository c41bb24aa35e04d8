//! Spatial dropout: whole channels are dropped (Tompson et al., *Efficient Object Localization Using
//! Convolutional Networks*, CVPR 2015, section 3.2).
//!
//! Neighbouring places of a feature map say nearly the same, so that a unit that is dropped alone is read off
//! its neighbours and dropout only adds noise to the gradient. One draw for each channel of each example,
//! `μ [n, channels, 1, ..]`, takes the map away as a whole.
//!
//! ```
//! use autograd::Graph;
//! use nn::{Layer, Mode};
//! use regularize::dropout::SpatialDropout;
//! let graph = Graph::<f32>::new();
//! let maps = graph.input("x", [8, 16, 7, 7]);
//! let layer = SpatialDropout::new(0.2)?;
//! assert_eq!(layer.sample(&graph, maps.shape()).shape().lengths(), [8, 16, 1, 1]);
//! let y = layer.forward(maps, Mode::Train);
//! assert_eq!(y.shape(), maps.shape());
//! # Ok::<(), regularize::RegularizeError>(())
//! ```

use super::bernoulli::Dropout;
use crate::error::RegularizeError;
use autograd::{Graph, Real, Shape, Var};
use nn::{Layer, LayerShapeError, Mode};

/// [`Dropout`] with one draw for each channel of `[n, channels, ..]`. See the [module documentation](self).
#[derive(Debug, Clone, PartialEq)]
pub struct SpatialDropout(Dropout);

impl SpatialDropout {
    /// Drops a channel with probability `p`, in the inverted form, named `spatial_dropout`.
    ///
    /// # Errors
    /// If `p` is not in [0, 1).
    pub fn new(p: f64) -> Result<SpatialDropout, RegularizeError> {
        Ok(SpatialDropout(Dropout::new(p)?.named("spatial_dropout")))
    }

    /// The same in the classic form.
    pub fn classic(self) -> SpatialDropout {
        SpatialDropout(self.0.classic())
    }

    /// The same under another name, which is the name of its stream of draws.
    pub fn named(&self, name: &str) -> SpatialDropout {
        SpatialDropout(self.0.named(name))
    }

    /// The probability of dropping a channel.
    pub fn probability(&self) -> f64 {
        self.0.probability()
    }

    /// The mask for values of `shape`, `[n, channels, 1, ..]`, from the stream `NAME.mask`.
    ///
    /// # Panics
    /// If there is no axis of channels.
    #[track_caller]
    pub fn sample<'g, T: Real>(&self, graph: &'g Graph<T>, shape: Shape) -> Var<'g, T> {
        self.0.sample(graph, channels(shape))
    }

    /// As [`Dropout::apply`], with a mask that broadcasts over the places of a channel.
    ///
    /// # Panics
    /// If the mask does not broadcast to `x`'s shape.
    ///
    /// ```
    /// use autograd::{Graph, Tensor, interpret};
    /// use regularize::dropout::SpatialDropout;
    /// let graph = Graph::<f64>::new();
    /// let maps = graph.constant(Tensor::new([1, 2, 2], vec![1.0, 2.0, 3.0, 4.0])); // two channels
    /// let mask = graph.constant(Tensor::new([1, 2, 1], vec![0.0, 1.0]));
    /// let y = SpatialDropout::new(0.5)?.apply(maps, mask);
    /// assert_eq!(interpret(&[y], &[], None)?[0].data(), [0.0, 0.0, 6.0, 8.0]);
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    #[track_caller]
    pub fn apply<'g, T: Real>(&self, x: Var<'g, T>, mask: Var<'g, T>) -> Var<'g, T> {
        self.0.apply(x, mask)
    }
}

/// `[n, channels, 1, ..]`.
#[track_caller]
fn channels(shape: Shape) -> Shape {
    assert!(shape.rank() >= 2, "spatial dropout takes [n, channels, ..], not {shape}");
    (2..shape.rank()).fold(shape, |shape, axis| shape.with_axis(axis, 1))
}

impl<T: Real> Layer<T> for SpatialDropout {
    /// Records nothing for `p = 0`.
    fn forward<'g>(&self, x: Var<'g, T>, mode: Mode) -> Var<'g, T> {
        self.0.in_mode(x, channels(x.shape()), mode)
    }

    fn output_shape(&self, input: Shape) -> Result<Shape, LayerShapeError> {
        if input.rank() >= 2 {
            return Ok(input);
        }
        Err(LayerShapeError {
            layer: "spatial dropout".into(),
            expected: "[n, channels, ..]".into(),
            given: input,
        })
    }
}

#[cfg(test)]
mod tests;
