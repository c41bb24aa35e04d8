//! Tying: one parameter in the place of several.

use crate::error::{RegularizeError, listed};
use autograd::{Real, Shape, Var, substitute};
use nn::layer::LayerShapeError;
use nn::{Layer, Mode, ParameterSpec};

/// `outputs` with the first of `copies` in the place of all of them.
///
/// The gradient of a tied loss is the sum of the untied loss's gradients, taken where all copies are equal (the
/// chain rule for `w_A = w`, `w_B = w`).
///
/// ```
/// use autograd::{Feed, Graph, grad, interpret};
/// use regularize::sharing::tie;
/// let graph = Graph::<f64>::new();
/// let (a, b) = (graph.scalar("a"), graph.scalar("b"));
/// let tied = tie(&[a * a * b], &[a, b])[0]; // a³
/// let slope = grad(tied, &[a])[0];
/// assert_eq!(interpret(&[slope], &[("a", Feed::Scalar(2.0))], None)?[0].item(), 12.0);
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
///
/// # Panics
/// If the copies are of different shapes or graphs.
#[track_caller]
pub fn tie<'g, T: Real>(outputs: &[Var<'g, T>], copies: &[Var<'g, T>]) -> Vec<Var<'g, T>> {
    let Some((&first, others)) = copies.split_first() else { return outputs.to_vec() };
    let replacements: Vec<_> = others.iter().map(|&copy| (copy, first)).collect();
    substitute(outputs, &replacements)
}

/// A layer some of whose parameters are those of other layers. See the [module documentation](super).
///
/// It declares the other's parameter and none of its own for what is tied, so that there is one value, one
/// gradient (the sum over all uses) and one step; a penalty counts it once.
///
/// ```
/// use autograd::{Graph, interpret};
/// use nn::{Layer, Linear, Mode, Sequential, initialise};
/// use regularize::Tied;
/// let first = Linear::new("first", 4, 4);
/// let again = Tied::new::<f64>(
///     Linear::new("again", 4, 4),
///     &[("again.weight", "first.weight"), ("again.bias", "first.bias")],
/// )?;
/// let model = Sequential::<f64>::new().then(first.clone()).then(again);
/// assert_eq!(model.parameters().len(), 2);
/// let graph = Graph::new();
/// let x = graph.fill([1, 4], 1.0);
/// let twice = first.forward(first.forward(x, Mode::Train), Mode::Train);
/// let found = interpret(&[model.forward(x, Mode::Train), twice], &[], Some(&initialise(&model, 1)))?;
/// assert_eq!(found[0], found[1]);
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Tied<L> {
    layer: L,
    /// Names of parameters of the layer, and of what they are tied to.
    ties: Vec<(String, String)>,
}

impl<L> Tied<L> {
    /// `layer` with, for each pair of names, the second parameter in the place of the first, which is one of the
    /// layer's. The second is another of the layer's or of some other layer; it is of the same shape.
    ///
    /// # Errors
    /// [`RegularizeError::MissingParameter`] if the layer has no parameter of a first name.
    pub fn new<T: Real>(layer: L, ties: &[(&str, &str)]) -> Result<Tied<L>, RegularizeError>
    where
        L: Layer<T>,
    {
        let specs = layer.parameters();
        for (copy, _) in ties {
            if !specs.iter().any(|spec| spec.name == *copy) {
                let known = listed(specs.iter().map(|spec| spec.name.as_str()));
                return Err(RegularizeError::MissingParameter { name: copy.to_string(), known });
            }
        }
        let ties = ties.iter().map(|(copy, original)| (copy.to_string(), original.to_string())).collect();
        Ok(Tied { layer, ties })
    }

    /// What the parameter of this name is tied to.
    fn original(&self, name: &str) -> Option<&String> {
        self.ties.iter().find(|(copy, _)| copy == name).map(|(_, original)| original)
    }
}

impl<T: Real, L: Layer<T>> Layer<T> for Tied<L> {
    fn forward<'g>(&self, x: Var<'g, T>, mode: Mode) -> Var<'g, T> {
        let y = self.layer.forward(x, mode);
        let tied = |spec: &ParameterSpec| {
            let original = ParameterSpec { name: self.original(&spec.name)?.clone(), ..spec.clone() };
            Some((spec.declare(x.graph()), original.declare(x.graph())))
        };
        let mut replacements: Vec<_> = self.layer.parameters().iter().filter_map(tied).collect();
        // What comes before the layer stays as it is.
        replacements.push((x, x));
        substitute(&[y], &replacements)[0]
    }

    fn parameters(&self) -> Vec<ParameterSpec> {
        let renamed = |spec: ParameterSpec| match self.original(&spec.name) {
            Some(original) => ParameterSpec { name: original.clone(), ..spec },
            None => spec,
        };
        nn::parameter::merge_parameters([self.layer.parameters().into_iter().map(renamed).collect()])
    }

    fn output_shape(&self, input: Shape) -> Result<Shape, LayerShapeError> {
        self.layer.output_shape(input)
    }
}
