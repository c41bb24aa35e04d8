//! Layer normalisation, and its form without a mean.

use super::{EPSILON, Scaling, check_epsilon, standardise};
use crate::layer::{Layer, LayerShapeError, Mode};
use crate::parameter::ParameterSpec;
use autograd::{Real, Shape, Var};

/// `y = γ (x - μ) / √(σ² + ε) + β`, with the mean `μ` and the variance `σ²` of the last axis, for each of its
/// rows by itself: `x` and `y` are `[.., features]`, `γ` and `β` are `[features]` (Ba, Kiros, Hinton, *Layer
/// Normalization*, arXiv 1607.06450, 2016, section 3).
///
/// No example depends on another, so that training and evaluation are the same function. For an image with one
/// mean over all its channels and pixels, take [`GroupNorm`](super::GroupNorm) with one group.
///
/// The parameters are `NAME.scale` (`γ`, starts at 1) and `NAME.offset` (`β`, 0), of role
/// [`Norm`](crate::Role::Norm).
///
/// ```
/// use autograd::Graph;
/// use nn::{Layer, LayerNorm, Mode};
/// let graph = Graph::<f32>::new();
/// let tokens = graph.input("x", [32, 10, 64]);
/// assert_eq!(LayerNorm::new("norm", 64).forward(tokens, Mode::Train).shape(), tokens.shape());
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct LayerNorm {
    name: String,
    features: usize,
    epsilon: f64,
    scaling: Scaling,
}

impl LayerNorm {
    /// A normalisation of rows of `features` numbers.
    pub fn new(name: &str, features: usize) -> LayerNorm {
        let scaling = Scaling::new(name, [features].into());
        LayerNorm { name: name.into(), features, epsilon: EPSILON, scaling }
    }

    /// The same with another `ε`, 1e-5 by default.
    ///
    /// # Panics
    /// If `epsilon` is not above 0 and finite.
    #[track_caller]
    pub fn with_epsilon(self, epsilon: f64) -> LayerNorm {
        LayerNorm { epsilon: check_epsilon("LayerNorm", epsilon), ..self }
    }

    /// The same without `γ` and `β`.
    pub fn without_scaling(self) -> LayerNorm {
        LayerNorm { scaling: Scaling::none(), ..self }
    }
}

impl<T: Real> Layer<T> for LayerNorm {
    fn forward<'g>(&self, x: Var<'g, T>, _: Mode) -> Var<'g, T> {
        check_rows("layer", &self.name, self.features, x.shape()).unwrap_or_else(|error| panic!("{error}"));
        let standardised = standardise(x, &[-1], self.epsilon).value;
        self.scaling.apply(standardised, [self.features].into()).named(&self.name)
    }

    fn parameters(&self) -> Vec<ParameterSpec> {
        self.scaling.parameters()
    }

    fn output_shape(&self, input: Shape) -> Result<Shape, LayerShapeError> {
        check_rows("layer", &self.name, self.features, input)
    }
}

/// `y = γ x / √(Σ x² / features + ε)` along the last axis, for each of its rows by itself: `x` and `y` are
/// `[.., features]`, `γ` is `[features]` (Zhang and Sennrich, NeurIPS 2019, equation 4).
///
/// [`LayerNorm`] without subtracting a mean and adding an offset: a row keeps its direction, and only its length
/// is lost. The parameter is `NAME.scale` (`γ`, starts at 1), of role [`Norm`](crate::Role::Norm).
///
/// ```
/// use autograd::Graph;
/// use nn::{Layer, Mode, RmsNorm};
/// let graph = Graph::<f32>::new();
/// let tokens = graph.input("x", [32, 10, 64]);
/// assert_eq!(RmsNorm::new("norm", 64).forward(tokens, Mode::Train).shape(), tokens.shape());
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct RmsNorm {
    name: String,
    features: usize,
    epsilon: f64,
    scaling: Scaling,
}

impl RmsNorm {
    /// A normalisation of rows of `features` numbers.
    pub fn new(name: &str, features: usize) -> RmsNorm {
        let scaling = Scaling::without_offset(name, [features].into());
        RmsNorm { name: name.into(), features, epsilon: EPSILON, scaling }
    }

    /// The same with another `ε`, 1e-5 by default.
    ///
    /// # Panics
    /// If `epsilon` is not above 0 and finite.
    #[track_caller]
    pub fn with_epsilon(self, epsilon: f64) -> RmsNorm {
        RmsNorm { epsilon: check_epsilon("RmsNorm", epsilon), ..self }
    }

    /// The same without `γ`.
    pub fn without_scaling(self) -> RmsNorm {
        RmsNorm { scaling: Scaling::none(), ..self }
    }
}

impl<T: Real> Layer<T> for RmsNorm {
    fn forward<'g>(&self, x: Var<'g, T>, _: Mode) -> Var<'g, T> {
        check_rows("RMS", &self.name, self.features, x.shape()).unwrap_or_else(|error| panic!("{error}"));
        let mean_square = x.powi(2).mean_keep(&[-1]);
        let y = x * (1.0 / (mean_square + self.epsilon).sqrt());
        self.scaling.apply(y, [self.features].into()).named(&self.name)
    }

    fn parameters(&self) -> Vec<ParameterSpec> {
        self.scaling.parameters()
    }

    fn output_shape(&self, input: Shape) -> Result<Shape, LayerShapeError> {
        check_rows("RMS", &self.name, self.features, input)
    }
}

/// The shape, if its last axis has so many features.
fn check_rows(kind: &str, name: &str, features: usize, input: Shape) -> Result<Shape, LayerShapeError> {
    match input.lengths() {
        [.., last] if *last == features => Ok(input),
        _ => Err(LayerShapeError {
            layer: format!("the {kind} normalisation `{name}`"),
            expected: format!("[.., {features}]"),
            given: input,
        }),
    }
}
