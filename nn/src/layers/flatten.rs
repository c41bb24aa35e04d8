//! From images to vectors.

use crate::layer::{Layer, LayerShapeError, Mode};
use autograd::{Real, Shape, Var};

/// All axes but the first as one: `[n, c, h, w]` becomes `[n, c h w]`, and `[n]` becomes `[n, 1]`.
///
/// ```
/// use autograd::Graph;
/// use nn::{Flatten, Layer, Mode};
/// let graph = Graph::<f32>::new();
/// let images = graph.input("x", [32, 1, 8, 8]);
/// assert_eq!(Flatten.forward(images, Mode::Train).shape().lengths(), [32, 64]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flatten;

impl<T: Real> Layer<T> for Flatten {
    fn forward<'g>(&self, x: Var<'g, T>, _: Mode) -> Var<'g, T> {
        x.flatten(1)
    }

    fn output_shape(&self, input: Shape) -> Result<Shape, LayerShapeError> {
        match input.lengths() {
            [examples, rest @ ..] => Ok([*examples, rest.iter().product()].into()),
            [] => Err(LayerShapeError { layer: "flatten".into(), expected: "[n, ..]".into(), given: input }),
        }
    }
}
