//! Maxout units.

use super::Linear;
use crate::initialise::Initialiser;
use crate::layer::{Layer, LayerShapeError, Mode};
use crate::parameter::ParameterSpec;
use autograd::{Real, Shape, Var};

/// `yᵢ = max over j of (x W + b)[i k + j]`, the largest of `k` affine maps for each of `out` units: `x` is
/// `[.., in]`, `W` is `[in, out k]`, `b` is `[out k]`, `y` is `[.., out]` (Goodfellow et al., *Maxout Networks*, ICML
/// 2013, section 3; Goodfellow, Bengio, Courville, *Deep Learning*, equation 6.37).
///
/// The unit learns its own nonlinearity, a convex function in `k` linear pieces; with two pieces of which one is
/// 0 it is a rectifier. Where pieces are equal they share the gradient equally.
///
/// The parameters are those of a [`Linear`] layer of the same name. Unless told otherwise the weight starts
/// normal with deviation `√(1 / in)`: the largest of two pieces has second moment 1 where one has.
///
/// ```
/// use autograd::Graph;
/// use nn::{Layer, Maxout, Mode};
/// let graph = Graph::<f32>::new();
/// let x = graph.input("x", [32, 784]);
/// assert_eq!(Maxout::new("hidden", 784, 240, 5).forward(x, Mode::Train).shape().lengths(), [32, 240]);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Maxout {
    affine: Linear,
    outputs: usize,
    pieces: usize,
}

impl Maxout {
    /// `outputs` units of `pieces` affine maps of `inputs` numbers.
    ///
    /// # Panics
    /// If there are no pieces.
    #[track_caller]
    pub fn new(name: &str, inputs: usize, outputs: usize, pieces: usize) -> Maxout {
        assert!(pieces > 0, "the maxout layer `{name}` has no pieces: there is no largest of none");
        let affine = Linear::new(name, inputs, outputs * pieces);
        Maxout { affine: affine.with_initialiser(Initialiser::Kaiming { gain: 1.0 }), outputs, pieces }
    }

    /// The same with another initial distribution of the weight.
    pub fn with_initialiser(self, initialiser: Initialiser) -> Maxout {
        Maxout { affine: self.affine.with_initialiser(initialiser), ..self }
    }
}

impl<T: Real> Layer<T> for Maxout {
    fn forward<'g>(&self, x: Var<'g, T>, mode: Mode) -> Var<'g, T> {
        let output = match Layer::<T>::output_shape(self, x.shape()) {
            Ok(shape) => shape,
            Err(error) => panic!("{error}"),
        };
        let pieces = [output.lengths(), &[self.pieces]].concat();
        self.affine.forward(x, mode).reshape(pieces.as_slice()).max_over(&[-1])
    }

    fn parameters(&self) -> Vec<ParameterSpec> {
        Layer::<T>::parameters(&self.affine)
    }

    fn output_shape(&self, input: Shape) -> Result<Shape, LayerShapeError> {
        let affine = Layer::<T>::output_shape(&self.affine, input)?;
        Ok(affine.with_axis(affine.rank() - 1, self.outputs))
    }
}
