//! The simple recurrent network.

use super::cell::{Cell, Gates};
use crate::layers::Activation;
use crate::parameter::ParameterSpec;
use autograd::{Real, Var};

/// `h' = φ(x W + h U + b)` with φ = tanh, or a rectifier (Elman, *Cognitive Science* 14, 1990; *Deep
/// Learning*, equations 10.8 and 10.9).
///
/// ```
/// use nn::recurrent::{Elman, Recurrent};
/// use nn::{Activation, Layer};
/// let layer = Recurrent::new(Elman::new("e", 8, 16).with_activation(Activation::Relu));
/// assert_eq!(Layer::<f32>::output_shape(&layer, [5, 12, 8].into()), Ok([5, 12, 16].into()));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Elman {
    gates: Gates,
    activation: Activation,
}

impl Elman {
    /// A cell with tanh.
    pub fn new(name: &str, features: usize, hidden: usize) -> Elman {
        Elman { gates: Gates::new(name, features, hidden, 1), activation: Activation::Tanh }
    }

    /// The same with another nonlinearity.
    pub fn with_activation(self, activation: Activation) -> Elman {
        Elman { activation, ..self }
    }
}

impl<T: Real> Cell<T> for Elman {
    fn name(&self) -> &str {
        &self.gates.name
    }
    fn features(&self) -> usize {
        self.gates.features
    }
    fn hidden(&self) -> usize {
        self.gates.hidden
    }
    fn states(&self) -> &'static [&'static str] {
        &["hidden"]
    }
    fn parameters(&self) -> Vec<ParameterSpec> {
        self.gates.parameters().into()
    }
    fn project<'g>(&self, x: Var<'g, T>) -> Var<'g, T> {
        self.gates.project(x)
    }
    fn step_seeing<'g>(&self, projected: Var<'g, T>, seen: Var<'g, T>, _: &[Var<'g, T>]) -> Vec<Var<'g, T>> {
        vec![self.activation.apply(projected + self.gates.recur(seen))]
    }
}
