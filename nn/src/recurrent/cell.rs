//! What a cell is: one step of a recurrence.

use crate::initialise::Initialiser;
use crate::parameter::{ParameterSpec, Role};
use autograd::{Real, Var};
use std::fmt::Debug;

/// One step of a recurrence: a new state from the old one and an input.
///
/// The step comes in two parts, so that a layer can compute the first for all steps at once:
/// [`project`](Cell::project), which sees the input alone, and [`step`](Cell::step), which sees the state.
///
/// ```
/// use autograd::Graph;
/// use nn::recurrent::{Cell, Lstm};
/// let cell = Lstm::new("l", 3, 5);
/// let graph = Graph::<f64>::new();
/// let (x, h, c) = (graph.input("x", [2, 3]), graph.input("h", [2, 5]), graph.input("c", [2, 5]));
/// let next = cell.step(cell.project(x), &[h, c]);
/// assert_eq!((next.len(), next[0].shape().lengths()), (2, &[2, 5][..]));
/// ```
pub trait Cell<T: Real>: Debug + Send + Sync {
    /// The name that its parameters' names begin with.
    fn name(&self) -> &str;

    /// The length of an input.
    fn features(&self) -> usize;

    /// The length of each part of the state.
    fn hidden(&self) -> usize;

    /// What the parts of the state are called. The first is the cell's output.
    fn states(&self) -> &'static [&'static str];

    /// The parameters.
    fn parameters(&self) -> Vec<ParameterSpec>;

    /// What the input adds to the gates: `[rows, features]` to `[rows, gates · hidden]`.
    fn project<'g>(&self, x: Var<'g, T>) -> Var<'g, T>;

    /// The new state, from a projected input `[n, gates · hidden]` and the state, each part `[n, hidden]`.
    fn step<'g>(&self, projected: Var<'g, T>, state: &[Var<'g, T>]) -> Vec<Var<'g, T>> {
        self.step_seeing(projected, state[0], state)
    }

    /// [`Cell::step`] where the product with the recurrent weight is `seen U` and not `h U`: what else becomes
    /// of the state `h` (a GRU carries part of it over) is not touched. Dropout of the recurrent state masks
    /// `seen` and leaves the memory alone.
    fn step_seeing<'g>(
        &self,
        projected: Var<'g, T>,
        seen: Var<'g, T>,
        state: &[Var<'g, T>],
    ) -> Vec<Var<'g, T>>;
}

/// The weights that all cells have: `x W + b` and `h U`, for several gates side by side.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Gates {
    pub name: String,
    pub features: usize,
    pub hidden: usize,
    pub count: usize,
}

impl Gates {
    pub fn new(name: &str, features: usize, hidden: usize, count: usize) -> Gates {
        Gates { name: name.into(), features, hidden, count }
    }

    /// A parameter `NAME.what`.
    pub fn spec(&self, what: &str, shape: &[usize], role: Role, initialiser: Initialiser) -> ParameterSpec {
        ParameterSpec { name: format!("{}.{what}", self.name), shape: shape.into(), role, initialiser }
    }

    /// `W`, `U` and `b`.
    pub fn parameters(&self) -> [ParameterSpec; 3] {
        let width = self.count * self.hidden;
        let orthogonal = Initialiser::OrthogonalBlocks { gain: 1.0, blocks: self.count };
        [
            // The variance of the inputs is kept; gates do not share their outputs, so only the fan in counts.
            self.spec(
                "input_weight",
                &[self.features, width],
                Role::Weight,
                Initialiser::KaimingUniform { gain: 1.0 },
            ),
            self.spec("recurrent_weight", &[self.hidden, width], Role::Weight, orthogonal),
            self.spec("bias", &[width], Role::Bias, Initialiser::Zeros),
        ]
    }

    /// `x W + b`.
    pub fn project<'g, T: Real>(&self, x: Var<'g, T>) -> Var<'g, T> {
        let [weight, _, bias] = self.parameters();
        x.matmul(weight.declare(x.graph())) + bias.declare(x.graph())
    }

    /// `h U`.
    pub fn recur<'g, T: Real>(&self, h: Var<'g, T>) -> Var<'g, T> {
        let [_, weight, _] = self.parameters();
        h.matmul(weight.declare(h.graph()))
    }

    /// The part of `[n, gates · hidden]` that belongs to one gate, `[n, hidden]`.
    pub fn gate<'g, T: Real>(&self, all: Var<'g, T>, number: usize) -> Var<'g, T> {
        all.slice(-1, number * self.hidden, (number + 1) * self.hidden)
    }
}

impl<T: Real, C: Cell<T> + ?Sized> Cell<T> for Box<C> {
    fn name(&self) -> &str {
        (**self).name()
    }
    fn features(&self) -> usize {
        (**self).features()
    }
    fn hidden(&self) -> usize {
        (**self).hidden()
    }
    fn states(&self) -> &'static [&'static str] {
        (**self).states()
    }
    fn parameters(&self) -> Vec<ParameterSpec> {
        (**self).parameters()
    }
    fn project<'g>(&self, x: Var<'g, T>) -> Var<'g, T> {
        (**self).project(x)
    }
    fn step_seeing<'g>(
        &self,
        projected: Var<'g, T>,
        seen: Var<'g, T>,
        state: &[Var<'g, T>],
    ) -> Vec<Var<'g, T>> {
        (**self).step_seeing(projected, seen, state)
    }
}
