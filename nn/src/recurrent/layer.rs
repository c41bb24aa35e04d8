//! A cell applied to every step of a sequence.

use super::cell::Cell;
use crate::initialise::Initialiser;
use crate::layer::{Layer, LayerShapeError, Mode};
use crate::parameter::{ParameterSpec, Role};
use crate::sequence::padding_mask;
use autograd::{Graph, IndexVar, Real, Shape, Var};

/// A [`Cell`] over `[n, time, features]`.
///
/// As a [`Layer`] it gives the whole sequence `[n, time, hidden]`, or [the last state](Recurrent::last)
/// `[n, hidden]`. The state starts at zero unless it is [learned](Recurrent::with_learned_start) or
/// [given](Recurrent::unroll_from). Layers are stacked by [`Sequential`](crate::Sequential), or by hand where
/// lengths are passed on.
///
/// ```
/// use autograd::Graph;
/// use nn::recurrent::{Gru, Recurrent};
/// let graph = Graph::<f32>::new();
/// let (x, lengths) = (graph.input("x", [5, 12, 8]), graph.indices("lengths", [5]));
/// let first = Recurrent::new(Gru::new("first", 8, 16)).unroll_from(x, &[], Some(lengths));
/// let second = Recurrent::new(Gru::new("second", 16, 4)).unroll_from(first.sequence, &[], Some(lengths));
/// assert_eq!(second.last[0].shape().lengths(), [5, 4]);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Recurrent<C> {
    cell: C,
    last: bool,
    learned_start: bool,
    backward: bool,
    truncation: Option<usize>,
}

/// What an unrolled layer computes. What is not used costs nothing: a plan leaves it out.
#[derive(Debug, Clone)]
pub struct Unrolled<'g, T: Real> {
    /// The output of every step, `[n, time, hidden]`, in the order of the input; zeros in the padding.
    pub sequence: Var<'g, T>,
    /// The parts of the state after the last step that was read, each `[n, hidden]`; the first is the output.
    pub last: Vec<Var<'g, T>>,
}

impl<C> Recurrent<C> {
    /// The whole sequence of outputs, read from the beginning, from a state of zeros.
    pub fn new(cell: C) -> Recurrent<C> {
        Recurrent { cell, last: false, learned_start: false, backward: false, truncation: None }
    }

    /// The same with the last state alone as its result: `[n, hidden]`.
    pub fn last(self) -> Self {
        Recurrent { last: true, ..self }
    }

    /// The same read from the end: step `t` sees the inputs from `t` on, and the last state is the one after
    /// step 0.
    pub fn backward(self) -> Self {
        Recurrent { backward: true, ..self }
    }

    /// The same with a first state that is learned: parameters `NAME.initial_hidden [hidden]` (and
    /// `NAME.initial_memory`), the same for every sequence, at zero before training.
    pub fn with_learned_start(self) -> Self {
        Recurrent { learned_start: true, ..self }
    }

    /// The same with derivatives that do not reach further back than a boundary every `window` steps
    /// (truncated back-propagation through time). Values do not change.
    ///
    /// # Panics
    /// If the window is 0.
    #[track_caller]
    pub fn truncated(self, window: usize) -> Self {
        assert!(window > 0, "truncated back-propagation needs a window of at least one step");
        Recurrent { truncation: Some(window), ..self }
    }

    /// The cell.
    pub fn cell(&self) -> &C {
        &self.cell
    }

    /// What the layer gives of what was unrolled: the sequence, or the last state.
    pub fn result<'g, T: Real>(&self, unrolled: &Unrolled<'g, T>) -> Var<'g, T> {
        if self.last { unrolled.last[0] } else { unrolled.sequence }
    }

    /// The state as parameters of [`Role::State`], `NAME.carried_hidden [n, hidden]` (and
    /// `NAME.carried_memory`), for sequences that come in windows: a window starts from them and a plan sets
    /// them to its last state. Derivatives end at the window's beginning.
    ///
    /// ```
    /// use autograd::{Feed, Graph, Plan, Tensor};
    /// use nn::initialise_parameters;
    /// use nn::recurrent::{Cell, Gru, Recurrent};
    /// let layer = Recurrent::new(Gru::new("g", 3, 4));
    /// let carried = layer.carried_state::<f64>(2);
    /// let graph = Graph::new();
    /// let x = graph.input("x", [2, 5, 3]);
    /// let start: Vec<_> = carried.iter().map(|spec| spec.declare(&graph)).collect();
    /// let window = layer.unroll_from(x, &start, None);
    /// let plan = Plan::builder(&graph).output("y", window.sequence).update(start[0], window.last[0]);
    ///
    /// let specs = [Cell::<f64>::parameters(layer.cell()), carried].concat();
    /// let mut parameters = initialise_parameters(&specs, 1);
    /// let values = Tensor::full([2, 5, 3], 1.0);
    /// plan.compile().run(&mut parameters, &[("x", Feed::from(&values))])?;
    /// assert_ne!(parameters["g.carried_hidden"], Tensor::zeros([2, 4]));
    /// # Ok::<(), autograd::RunError>(())
    /// ```
    pub fn carried_state<T: Real>(&self, n: usize) -> Vec<ParameterSpec>
    where
        C: Cell<T>,
    {
        self.state_specs::<T>("carried", &[n, self.cell.hidden()], Role::State)
    }

    /// One parameter for each part of the state.
    fn state_specs<T: Real>(&self, kind: &str, shape: &[usize], role: Role) -> Vec<ParameterSpec>
    where
        C: Cell<T>,
    {
        let spec = |state: &&str| ParameterSpec {
            name: format!("{}.{kind}_{state}", self.cell.name()),
            shape: shape.into(),
            role,
            initialiser: Initialiser::Zeros,
        };
        self.cell.states().iter().map(spec).collect()
    }

    /// The state before the first step, unless it is given.
    fn start<'g, T: Real>(&self, graph: &'g Graph<T>, n: usize) -> Vec<Var<'g, T>>
    where
        C: Cell<T>,
    {
        let hidden = self.cell.hidden();
        if !self.learned_start {
            return vec![graph.fill([n, hidden], 0.0); self.cell.states().len()];
        }
        let specs = self.state_specs::<T>("initial", &[hidden], Role::Bias);
        specs.iter().map(|spec| spec.declare(graph).broadcast_to([n, hidden])).collect()
    }

    /// Records every step, from the layer's own first state.
    ///
    /// # Panics
    /// If `x` is not `[n, time, features]`.
    #[track_caller]
    pub fn unroll<'g, T: Real>(&self, x: Var<'g, T>) -> Unrolled<'g, T>
    where
        C: Cell<T>,
    {
        self.unroll_from(x, &[], None)
    }

    /// Records every step, from the state `start` (the layer's own if there are no parts), for sequences of
    /// the given `lengths` (all of them whole if `None`).
    ///
    /// # Panics
    /// If `x` is not `[n, time, features]`, a part of the state not `[n, hidden]`, their number another than
    /// the cell's, or the lengths not `[n]`.
    #[track_caller]
    pub fn unroll_from<'g, T: Real>(
        &self,
        x: Var<'g, T>,
        start: &[Var<'g, T>],
        lengths: Option<IndexVar<'g, T>>,
    ) -> Unrolled<'g, T>
    where
        C: Cell<T>,
    {
        self.unroll_by(x, start, lengths, |_, projected, state| self.cell.step(projected, state))
    }

    /// [`Recurrent::unroll_from`] with another step than the cell's own: `step` gets the number of the step in
    /// the input, the projected input and the state, and gives the new state. This is how a technique acts on
    /// the recurrence.
    ///
    /// ```
    /// use autograd::Graph;
    /// use nn::recurrent::{Cell, Elman, Recurrent};
    /// let layer = Recurrent::new(Elman::new("e", 3, 4));
    /// let graph = Graph::<f64>::new();
    /// // A network that forgets half of its state before each step.
    /// let unrolled = layer.unroll_by(graph.input("x", [2, 5, 3]), &[], None, |_, projected, state| {
    ///     layer.cell().step(projected, &[state[0] * 0.5])
    /// });
    /// assert_eq!(unrolled.sequence.shape().lengths(), [2, 5, 4]);
    /// ```
    ///
    /// # Panics
    /// As [`Recurrent::unroll_from`].
    #[track_caller]
    pub fn unroll_by<'g, T: Real>(
        &self,
        x: Var<'g, T>,
        start: &[Var<'g, T>],
        lengths: Option<IndexVar<'g, T>>,
        mut step: impl FnMut(usize, Var<'g, T>, &[Var<'g, T>]) -> Vec<Var<'g, T>>,
    ) -> Unrolled<'g, T>
    where
        C: Cell<T>,
    {
        if let Err(error) = self.check(x.shape()) {
            panic!("{error}");
        }
        let (n, time, hidden) = (x.shape()[0], x.shape()[1], self.cell.hidden());
        let mut state = if start.is_empty() { self.start(x.graph(), n) } else { start.to_vec() };
        self.check_state(&state, n);
        let mask = lengths.map(|lengths| padding_mask(x, lengths));
        // A NaN in the padding would else meet its cotangent, zero, in the product for the input weight.
        let x = mask.map_or(x, |mask| mask.reshape([n, time, 1]).select(x, x.like(0.0)));

        // Time first: a step is then a block of memory, and not a stride through all of it.
        let steps = x.permute(&[1, 0, 2]).reshape([time * n, x.shape()[2]]);
        let projected = self.cell.project(steps);
        let mut outputs = vec![None; time];
        for number in 0..time {
            let t = if self.backward { time - 1 - number } else { number };
            if self.truncation.is_some_and(|window| number > 0 && number % window == 0) {
                state.iter_mut().for_each(|part| *part = part.detach());
            }
            let next = step(t, projected.slice(0, t * n, (t + 1) * n), &state);
            let Some(mask) = mask else {
                outputs[t] = Some(next[0]);
                state = next;
                continue;
            };
            let reads = mask.slice(1, t, t + 1);
            outputs[t] = Some(reads.select(next[0], next[0].like(0.0)));
            state = next.iter().zip(&state).map(|(&new, &old)| reads.select(new, old)).collect();
        }
        let outputs: Vec<_> = outputs.into_iter().flatten().collect();
        let sequence = match outputs.len() {
            0 => x.graph().fill([n, 0, hidden], 0.0),
            _ => Var::stack(&outputs).permute(&[1, 0, 2]),
        };
        Unrolled { sequence, last: state }
    }

    #[track_caller]
    fn check_state<T: Real>(&self, state: &[Var<'_, T>], n: usize)
    where
        C: Cell<T>,
    {
        let (name, names, hidden) = (self.cell.name(), self.cell.states(), self.cell.hidden());
        let shapes: Vec<_> = state.iter().map(|part| part.shape().to_string()).collect();
        assert!(
            state.len() == names.len() && state.iter().all(|part| *part.shape().lengths() == [n, hidden]),
            "the recurrent layer `{name}` starts from {}, each [{n}, {hidden}], not from {}",
            names.join(" and "),
            shapes.join(" and ")
        );
    }

    fn check<T: Real>(&self, input: Shape) -> Result<(), LayerShapeError>
    where
        C: Cell<T>,
    {
        let features = self.cell.features();
        match input.lengths() {
            [_, _, last] if *last == features => Ok(()),
            _ => Err(LayerShapeError {
                layer: format!("the recurrent layer `{}`", self.cell.name()),
                expected: format!("[n, time, {features}]"),
                given: input,
            }),
        }
    }
}

impl<T: Real, C: Cell<T>> Layer<T> for Recurrent<C> {
    fn forward<'g>(&self, x: Var<'g, T>, _: Mode) -> Var<'g, T> {
        self.result(&self.unroll(x)).named(self.cell.name())
    }

    fn parameters(&self) -> Vec<ParameterSpec> {
        let mut specs = self.cell.parameters();
        if self.learned_start {
            specs.extend(self.state_specs::<T>("initial", &[self.cell.hidden()], Role::Bias));
        }
        specs
    }

    fn output_shape(&self, input: Shape) -> Result<Shape, LayerShapeError> {
        self.check::<T>(input)?;
        let hidden = self.cell.hidden();
        Ok(if self.last { [input[0], hidden].into() } else { input.with_axis(2, hidden) })
    }
}
