//! The gated recurrent unit.

use super::cell::{Cell, Gates};
use crate::initialise::Initialiser;
use crate::parameter::{ParameterSpec, Role};
use autograd::{Real, Var};

/// ```text
/// [r z n] = x W + b,   [u v w] = h U
/// r' = σ(r + u),   z' = σ(z + v)
/// n' = tanh(n + r' (w + d))
/// h' = (1 - z') n' + z' h
/// ```
///
/// (Cho et al., EMNLP 2014; *Deep Learning*, section 10.10.2.) Of the two forms in use this is the one whose
/// reset gate acts *after* the product with `U`. In the other, `(r' h) U` instead of `r' (h U)`, the product
/// has to wait for the gate: two products for each step, one after another, where this form has one, three
/// times as wide. Neither learns better by a margin that anyone has shown. Because the reset gate also acts on a bias
/// here, there is one more, `d`, named `NAME.candidate_bias`; for the other gates it would be the same as `b`.
///
/// ```
/// use autograd::Graph;
/// use nn::recurrent::{Gru, Recurrent};
/// use nn::{Layer, Mode};
/// let graph = Graph::<f32>::new();
/// let y = Recurrent::new(Gru::new("g", 8, 16)).forward(graph.input("x", [5, 12, 8]), Mode::Train);
/// assert_eq!(y.shape().lengths(), [5, 12, 16]);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Gru {
    gates: Gates,
}

impl Gru {
    /// A cell.
    pub fn new(name: &str, features: usize, hidden: usize) -> Gru {
        Gru { gates: Gates::new(name, features, hidden, 3) }
    }

    fn candidate_bias(&self) -> ParameterSpec {
        self.gates.spec("candidate_bias", &[self.gates.hidden], Role::Bias, Initialiser::Zeros)
    }
}

impl<T: Real> Cell<T> for Gru {
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
        let mut specs = self.gates.parameters().to_vec();
        specs.push(self.candidate_bias());
        specs
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
        let hidden = state[0];
        let recurrent = self.gates.recur(seen);
        let gate = |number| self.gates.gate(projected, number) + self.gates.gate(recurrent, number);
        let (reset, update) = (gate(0).sigmoid(), gate(1).sigmoid());
        let bias = self.candidate_bias().declare(hidden.graph());
        let candidate =
            (self.gates.gate(projected, 2) + reset * (self.gates.gate(recurrent, 2) + bias)).tanh();
        // n + z (h - n): one product less than the two weights apart.
        vec![candidate + update * (hidden - candidate)]
    }
}
