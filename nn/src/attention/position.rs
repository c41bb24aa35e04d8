//! Where in a sequence a step stands.
//!
//! Attention sees a set: steps in another order give the same results in that order. A code for the position
//! is therefore added to each step.

use crate::initialise::Initialiser;
use crate::layer::{Layer, LayerShapeError, Mode};
use crate::parameter::{ParameterSpec, Role};
use autograd::{Real, Shape, Tensor, Var};

/// The fixed code `[time, width]` of waves of growing length:
///
/// ```text
/// code[t, 2i] = sin(t / 10000^(2i / width)),   code[t, 2i + 1] = cos(t / 10000^(2i / width))
/// ```
///
/// (Vaswani et al., NIPS 2017, section 3.5.) A shift by a fixed number of steps is a rotation of each pair, so
/// that it can be seen by a linear map.
///
/// ```
/// let code = nn::attention::sinusoidal_encoding::<f64>(3, 4);
/// assert_eq!(code.data()[..4], [0.0, 1.0, 0.0, 1.0]);
/// assert_eq!(code[[2, 0]], 2f64.sin());
/// ```
pub fn sinusoidal_encoding<T: Real>(time: usize, width: usize) -> Tensor<T> {
    Tensor::from_fn([time, width], |i| {
        let (t, column) = (i / width, i % width);
        let even = (column - column % 2) as f64;
        let angle = t as f64 / 10000f64.powf(even / width as f64);
        T::from_f64(if column % 2 == 0 { angle.sin() } else { angle.cos() })
    })
}

/// `y[n, t, :] = x[n, t, :] + code[t, :]` with the code of [`sinusoidal_encoding`]: no parameters, for
/// sequences of any length.
///
/// ```
/// use autograd::Graph;
/// use nn::attention::SinusoidalPositions;
/// use nn::{Layer, Mode};
/// let graph = Graph::<f32>::new();
/// let y = SinusoidalPositions.forward(graph.input("x", [5, 12, 16]), Mode::Train);
/// assert_eq!(y.shape().lengths(), [5, 12, 16]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SinusoidalPositions;

impl<T: Real> Layer<T> for SinusoidalPositions {
    fn forward<'g>(&self, x: Var<'g, T>, _: Mode) -> Var<'g, T> {
        if let Err(error) = Layer::<T>::output_shape(self, x.shape()) {
            panic!("{error}");
        }
        x + x.graph().constant(sinusoidal_encoding(x.shape()[1], x.shape()[2]))
    }

    fn output_shape(&self, input: Shape) -> Result<Shape, LayerShapeError> {
        let layer = || "the code of positions".to_string();
        check_sequence(input, layer, "[n, time, width]", |_, _| true)
    }
}

/// `y[n, t, :] = x[n, t, :] + p[t, :]` with a learned code `p`, the parameter `NAME.position [longest, width]`:
/// for sequences of up to `longest` steps. It starts normal with deviation 0.02, small beside steps of
/// variance 1.
///
/// ```
/// use nn::Layer;
/// use nn::attention::LearnedPositions;
/// let layer = LearnedPositions::new("p", 12, 16);
/// let refused = Layer::<f32>::output_shape(&layer, [5, 13, 16].into()).unwrap_err();
/// assert_eq!(refused.to_string(), "the code of positions `p` takes [n, time, 16] of up to 12 steps, not [5, 13, 16]");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct LearnedPositions {
    name: String,
    longest: usize,
    width: usize,
}

impl LearnedPositions {
    /// A code for up to `longest` steps of `width` numbers.
    pub fn new(name: &str, longest: usize, width: usize) -> LearnedPositions {
        LearnedPositions { name: name.into(), longest, width }
    }

    fn position(&self) -> ParameterSpec {
        ParameterSpec {
            name: format!("{}.position", self.name),
            shape: [self.longest, self.width].into(),
            role: Role::Weight,
            initialiser: Initialiser::Normal { mean: 0.0, deviation: 0.02 },
        }
    }
}

impl<T: Real> Layer<T> for LearnedPositions {
    fn forward<'g>(&self, x: Var<'g, T>, _: Mode) -> Var<'g, T> {
        if let Err(error) = Layer::<T>::output_shape(self, x.shape()) {
            panic!("{error}");
        }
        x + self.position().declare(x.graph()).slice(0, 0, x.shape()[1])
    }

    fn parameters(&self) -> Vec<ParameterSpec> {
        vec![self.position()]
    }

    fn output_shape(&self, input: Shape) -> Result<Shape, LayerShapeError> {
        let expected = format!("[n, time, {}] of up to {} steps", self.width, self.longest);
        let fits = |time, width| time <= self.longest && width == self.width;
        check_sequence(input, || format!("the code of positions `{}`", self.name), &expected, fits)
    }
}

/// The input's own shape if it is `[n, time, width]` with time and width that fit.
fn check_sequence(
    input: Shape,
    layer: impl FnOnce() -> String,
    expected: &str,
    fits: impl FnOnce(usize, usize) -> bool,
) -> Result<Shape, LayerShapeError> {
    match input.lengths() {
        [_, time, width] if fits(*time, *width) => Ok(input),
        _ => Err(LayerShapeError { layer: layer(), expected: expected.into(), given: input }),
    }
}
