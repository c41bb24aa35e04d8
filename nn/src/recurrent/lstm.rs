//! Long short-term memory.

use super::cell::{Cell, Gates};
use crate::parameter::ParameterSpec;
use autograd::{Real, Var};

/// ```text
/// [i f g o] = x W + h U + b
/// c' = σ(f + f₀) c + σ(i) tanh(g)
/// h' = σ(o) tanh(c')
/// ```
///
/// (Hochreiter and Schmidhuber, *Neural Computation* 9, 1997, with the forget gate of Gers, Schmidhuber and
/// Cummins, 2000; *Deep Learning*, section 10.10.1, where the candidate `g` has a sigmoid.) The constant `f₀`
/// is 1: the memory is kept for some steps before anything is learnt (Jozefowicz, Zaremba, Sutskever, ICML
/// 2015). It is an offset and no initial bias, so that weight decay does not pull it back to 0.
///
/// ```
/// use autograd::Graph;
/// use nn::recurrent::{Lstm, Recurrent};
/// use nn::{Layer, Mode};
/// let graph = Graph::<f32>::new();
/// let y = Recurrent::new(Lstm::new("l", 8, 16)).last().forward(graph.input("x", [5, 12, 8]), Mode::Train);
/// assert_eq!(y.shape().lengths(), [5, 16]);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Lstm {
    gates: Gates,
    forget_offset: f64,
}

impl Lstm {
    /// A cell whose forget gate has the offset 1.
    pub fn new(name: &str, features: usize, hidden: usize) -> Lstm {
        Lstm { gates: Gates::new(name, features, hidden, 4), forget_offset: 1.0 }
    }

    /// The same with another offset of the forget gate; 0 is the plain form.
    pub fn with_forget_offset(self, forget_offset: f64) -> Lstm {
        Lstm { forget_offset, ..self }
    }
}

impl<T: Real> Cell<T> for Lstm {
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
        &["hidden", "memory"]
    }
    fn parameters(&self) -> Vec<ParameterSpec> {
        self.gates.parameters().into()
    }
    fn project<'g>(&self, x: Var<'g, T>) -> Var<'g, T> {
        self.gates.project(x)
    }
    fn step_seeing<'g>(
        &self,
        projected: Var<'g, T>,
        seen: Var<'g, T>,
        state: &[Var<'g, T>],
    ) -> Vec<Var<'g, T>> {
        let recurrent = self.gates.recur(seen);
        let gate = |number| self.gates.gate(projected, number) + self.gates.gate(recurrent, number);
        let (input, forget, candidate, output) = (gate(0), gate(1), gate(2), gate(3));
        let kept = (forget + self.forget_offset).sigmoid() * state[1];
        let memory = kept + input.sigmoid() * candidate.tanh();
        vec![output.sigmoid() * memory.tanh(), memory]
    }
}
