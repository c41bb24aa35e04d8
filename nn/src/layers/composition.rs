//! Layers made of layers: beside each other, around each other, several ends on one beginning.
//!
//! [`Sequential`](super::Sequential) puts layers one after another. Here are the other ways:
//!
//! | layer | `y` |
//! |---|---|
//! | [`Residual`] | `x + f(x)`, or `p(x) + f(x)` |
//! | [`Parallel`] | `Σ fᵢ(x)`, or `[f₁(x), f₂(x), ..]` along an axis |
//! | [`Heads`] | `hᵢ(f(x))`, several named results |

use crate::layer::{Layer, LayerShapeError, Mode};
use crate::parameter::{ParameterSpec, merge_parameters};
use autograd::{Real, Shape, Var};

/// `y = x + f(x)`, or `y = p(x) + f(x)` with a projection `p` where `f` changes the shape (He et al., CVPR 2016,
/// equations 1 and 2; the way past nonlinearities: Goodfellow, Bengio, Courville, *Deep Learning*, section 8.7.5).
///
/// Its derivative is that of `f` and one more: however small the former, gradients pass.
///
/// ```
/// use autograd::Graph;
/// use nn::{Activation, Layer, Mode, Residual, Sequential};
/// let block = Sequential::<f32>::with_prefix("block1").linear(64, 32).then(Activation::Relu).linear(32, 64);
/// let model = Sequential::new().then(Residual::new(block)).then(Activation::Relu);
/// let graph = Graph::new();
/// assert_eq!(model.forward(graph.input("x", [8, 64]), Mode::Train).shape().lengths(), [8, 64]);
/// ```
#[derive(Debug)]
pub struct Residual<T: Real> {
    body: Box<dyn Layer<T>>,
    projection: Option<Box<dyn Layer<T>>>,
}

impl<T: Real> Residual<T> {
    /// `x + f(x)`.
    pub fn new(body: impl Layer<T> + 'static) -> Residual<T> {
        Residual { body: Box::new(body), projection: None }
    }

    /// The same with `p(x)` in the place of `x`.
    pub fn with_projection(self, projection: impl Layer<T> + 'static) -> Residual<T> {
        Residual { projection: Some(Box::new(projection)), ..self }
    }
}

impl<T: Real> Layer<T> for Residual<T> {
    fn forward<'g>(&self, x: Var<'g, T>, mode: Mode) -> Var<'g, T> {
        if let Err(error) = self.output_shape(x.shape()) {
            panic!("{error}");
        }
        let past = self.projection.as_ref().map_or(x, |projection| projection.forward(x, mode));
        past + self.body.forward(x, mode)
    }

    fn parameters(&self) -> Vec<ParameterSpec> {
        let layers = [&self.body].into_iter().chain(&self.projection);
        merge_parameters(layers.map(|layer| layer.parameters()))
    }

    fn output_shape(&self, input: Shape) -> Result<Shape, LayerShapeError> {
        let body = self.body.output_shape(input)?;
        let past = self.projection.as_ref().map_or(Ok(input), |projection| projection.output_shape(input))?;
        // Not broadcast: a sum that stretches one of its terms is none of a residual block.
        if body == past {
            return Ok(body);
        }
        Err(LayerShapeError {
            layer: "the residual block".into(),
            expected: format!(
                "what both ways give one shape, and not {past} past the body and {body} through it"
            ),
            given: input,
        })
    }
}

/// What becomes of the results of branches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Join {
    Sum,
    Concatenation(usize),
}

/// Branches that all take `x`: `y = Σ fᵢ(x)`, or their results one after another along an axis (Szegedy et al.,
/// *Going Deeper with Convolutions*, CVPR 2015, section 4).
///
/// ```
/// use autograd::{Graph, Window};
/// use nn::{Convolution, Layer, Mode, Parallel};
/// let same = Window { padding: [1, 1], ..Window::new([3, 3]) };
/// let inception = Parallel::<f32>::concatenated(1)
///     .branch(Convolution::new("small", 8, 16, Window::new([1, 1])))
///     .branch(Convolution::new("large", 8, 4, same));
/// let graph = Graph::new();
/// let maps = inception.forward(graph.input("x", [2, 8, 5, 5]), Mode::Train);
/// assert_eq!(maps.shape().lengths(), [2, 20, 5, 5]);
/// ```
#[derive(Debug)]
pub struct Parallel<T: Real> {
    branches: Vec<Box<dyn Layer<T>>>,
    join: Join,
}

impl<T: Real> Parallel<T> {
    /// No branches yet; their results will be added up.
    pub fn summed() -> Parallel<T> {
        Parallel { branches: Vec::new(), join: Join::Sum }
    }

    /// No branches yet; their results will follow one another along `axis`, 1 for channels or features.
    pub fn concatenated(axis: usize) -> Parallel<T> {
        Parallel { branches: Vec::new(), join: Join::Concatenation(axis) }
    }

    /// Adds a branch.
    pub fn branch(mut self, layer: impl Layer<T> + 'static) -> Self {
        self.branches.push(Box::new(layer));
        self
    }

    fn error(&self, expected: &str, given: Shape) -> LayerShapeError {
        LayerShapeError { layer: "the parallel layer".into(), expected: expected.into(), given }
    }
}

impl<T: Real> Layer<T> for Parallel<T> {
    fn forward<'g>(&self, x: Var<'g, T>, mode: Mode) -> Var<'g, T> {
        if let Err(error) = self.output_shape(x.shape()) {
            panic!("{error}");
        }
        let mut results = self.branches.iter().map(|branch| branch.forward(x, mode));
        match self.join {
            Join::Sum => {
                let first = results.next().expect("there is a branch");
                results.fold(first, |sum, result| sum + result)
            }
            Join::Concatenation(axis) => Var::concat(&results.collect::<Vec<_>>(), axis as isize),
        }
    }

    fn parameters(&self) -> Vec<ParameterSpec> {
        merge_parameters(self.branches.iter().map(|branch| branch.parameters()))
    }

    fn output_shape(&self, input: Shape) -> Result<Shape, LayerShapeError> {
        let mut shapes = Vec::with_capacity(self.branches.len());
        for branch in &self.branches {
            shapes.push(branch.output_shape(input)?);
        }
        let Some(&first) = shapes.first() else {
            return Err(self.error("nothing, as long as it has no branches", input));
        };
        match self.join {
            Join::Sum if shapes.iter().all(|&shape| shape == first) => Ok(first),
            Join::Sum => Err(self.error("what all branches give one shape", input)),
            Join::Concatenation(axis) => {
                let fits = |shape: &Shape| {
                    shape.rank() == first.rank() && shape.with_axis(axis, 0) == first.with_axis(axis, 0)
                };
                if axis < first.rank() && shapes.iter().all(fits) {
                    return Ok(first.with_axis(axis, shapes.iter().map(|shape| shape[axis]).sum()));
                }
                let expected = format!("what all branches give one shape but for axis {axis}");
                Err(self.error(&expected, input))
            }
        }
    }
}

/// Several named results from one trunk: `yᵢ = hᵢ(f(x))` (Caruana, *Multitask Learning*, Machine Learning 28, 1997;
/// Goodfellow, Bengio, Courville, *Deep Learning*, section 7.7).
///
/// The trunk is recorded once and shared: its gradient is the sum over all tasks, which is what makes it learn
/// what they have in common. [`Heads::only`] is the network of a single task, a [`Layer`] as any other.
///
/// ```
/// use autograd::Graph;
/// use nn::{Activation, Heads, Linear, Mode, Sequential};
/// let trunk = Sequential::<f32>::with_prefix("trunk").linear(64, 32).then(Activation::Relu);
/// let model = Heads::new(trunk).head("digit", Linear::new("digit", 32, 10)).head("odd", Linear::new("odd", 32, 2));
/// let graph = Graph::new();
/// let results = model.forward(graph.input("x", [8, 64]), Mode::Train);
/// let [("digit", digit), ("odd", odd)] = results[..] else { unreachable!() };
/// assert_eq!((digit.shape().last(), odd.shape().last()), (10, 2));
/// ```
#[derive(Debug)]
pub struct Heads<T: Real> {
    trunk: Box<dyn Layer<T>>,
    heads: Vec<(String, Box<dyn Layer<T>>)>,
}

impl<T: Real> Heads<T> {
    /// A trunk without heads yet.
    pub fn new(trunk: impl Layer<T> + 'static) -> Heads<T> {
        Heads { trunk: Box::new(trunk), heads: Vec::new() }
    }

    /// Adds a head, the task `name`.
    ///
    /// # Panics
    /// If there is a head of that name.
    #[track_caller]
    pub fn head(mut self, name: &str, layer: impl Layer<T> + 'static) -> Self {
        assert!(self.heads.iter().all(|(known, _)| known != name), "there are two heads `{name}`");
        self.heads.push((name.into(), Box::new(layer)));
        self
    }

    /// Records trunk and heads; the results with their names, in the order of the heads.
    pub fn forward<'g>(&self, x: Var<'g, T>, mode: Mode) -> Vec<(&str, Var<'g, T>)> {
        let shared = self.trunk.forward(x, mode);
        self.heads.iter().map(|(name, head)| (&**name, head.forward(shared, mode))).collect()
    }

    /// The parameters of the trunk and of all heads.
    pub fn parameters(&self) -> Vec<ParameterSpec> {
        let heads = self.heads.iter().map(|(_, head)| head);
        merge_parameters([&self.trunk].into_iter().chain(heads).map(|layer| layer.parameters()))
    }

    /// The trunk and the head `name`: the network of one task.
    ///
    /// # Panics
    /// If there is no head of that name.
    #[track_caller]
    pub fn only(&self, name: &str) -> Head<'_, T> {
        match self.heads.iter().find(|(known, _)| known == name) {
            Some((_, head)) => Head { trunk: &*self.trunk, head: &**head },
            None => panic!("there is no head `{name}`"),
        }
    }
}

/// A trunk with one of its heads: made by [`Heads::only`], to train or evaluate one task.
#[derive(Debug, Clone, Copy)]
pub struct Head<'h, T: Real> {
    trunk: &'h dyn Layer<T>,
    head: &'h dyn Layer<T>,
}

impl<T: Real> Layer<T> for Head<'_, T> {
    fn forward<'g>(&self, x: Var<'g, T>, mode: Mode) -> Var<'g, T> {
        self.head.forward(self.trunk.forward(x, mode), mode)
    }

    fn parameters(&self) -> Vec<ParameterSpec> {
        merge_parameters([self.trunk.parameters(), self.head.parameters()])
    }

    fn output_shape(&self, input: Shape) -> Result<Shape, LayerShapeError> {
        self.head.output_shape(self.trunk.output_shape(input)?)
    }
}

#[cfg(test)]
mod tests;
