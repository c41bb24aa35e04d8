//! Stage two: the schedule. In which steps the program runs, and which pointwise nodes share one.
//!
//! Nodes are of five kinds. *Sources* have their value before the run. *Numbers* are one value repeated and
//! cost nothing. *Views* (broadcast, permute, slice, flip, reshape) only say where the elements of another
//! node lie; they are followed to that node, their *root*. *Pointwise* nodes (random draws among them) are
//! gathered into groups. *Kernels* are everything else, a step each.
//!
//! # Which nodes form a group
//!
//! Every node gets a level such that levels never fall along an edge, and rise strictly along each edge that
//! is not *direct*: from a pointwise node to a pointwise node of the same shape, without a view between. A
//! group consists of nodes of one level and one shape, connected by direct edges. It is convex: a path that
//! leaves the group takes an edge that is not direct, so it comes back at a higher level, never into the
//! same group. Steps run in the order of levels, within a level the groups before the kernels.
//!
//! # When a pointwise node runs
//!
//! As late as its consumers allow. A mask that only the backward pass uses is computed there, from what is
//! kept anyway, instead of being stored through the forward pass; updates of parameters come last of all.

use super::program::Program;
use crate::graph::{Inputs, NodeId};
use crate::kernel::tile::View;
use crate::ops::Op;
use crate::real::Real;
use crate::shape::{MAX_RANK, Shape};
use std::collections::HashMap;

/// The largest group: instructions and the loads of their operands fit the registers of a tile program.
const LARGEST_GROUP: usize = crate::kernel::tile::MAX_REGISTERS - 4;

/// How a node is computed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// Its value is there before the run.
    Source,
    /// One number, repeated.
    Number,
    /// Elements of another node, in other places.
    View,
    /// A view that some consumer needs laid out: its elements are copied.
    Copy,
    /// Element by element.
    Pointwise,
    /// A step of its own.
    Kernel,
}

/// One step.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// Pointwise nodes over one shape, in topological order.
    Group { nodes: Vec<NodeId>, shape: Shape },
    /// Any other node.
    Kernel(NodeId),
    /// A matrix product, and the group that consumes its elements.
    Product { product: NodeId, nodes: Vec<NodeId>, shape: Shape },
}

impl Step {
    /// Everything that the step computes, in topological order.
    pub fn nodes(&self) -> impl Iterator<Item = NodeId> + '_ {
        let (kernel, group): (Option<NodeId>, &[NodeId]) = match self {
            Step::Group { nodes, .. } => (None, nodes),
            Step::Kernel(id) => (Some(*id), &[]),
            Step::Product { product, nodes, .. } => (Some(*product), nodes),
        };
        kernel.into_iter().chain(group.iter().copied())
    }
}

/// The order of a program.
#[derive(Debug)]
pub(super) struct Schedule {
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// How each node is computed.
    pub kinds: Vec<Kind>,
    /// For each node, the node whose elements it shows and where they lie. A node that is no view shows
    /// itself.
    pub views: Vec<(NodeId, View)>,
    /// The step that computes each node, for pointwise nodes, copies and kernels.
    pub step_of: Vec<usize>,
    /// The shape of each node.
    shapes: Vec<Shape>,
}

impl Schedule {
    /// Orders a program. Without `fusion` every pointwise node is a group of its own, and no product is joined
    /// to one.
    pub fn new<T: Real>(program: &Program<T>, fusion: bool) -> Schedule {
        let count = program.nodes.len();
        let mut schedule = Schedule {
            steps: Vec::new(),
            kinds: Vec::with_capacity(count),
            views: Vec::with_capacity(count),
            step_of: vec![usize::MAX; count],
            shapes: program.nodes.iter().map(|node| node.shape).collect(),
        };
        schedule.classify(program);
        schedule.demand_copies(program);
        let levels = schedule.levels(program);
        schedule.form_steps(program, &levels, fusion);
        if fusion {
            schedule.join_products(program);
        }
        debug_assert!(schedule.is_in_order(program), "a step runs before what it needs");
        schedule
    }

    /// The node whose elements `id` shows when it is read.
    pub fn root(&self, id: NodeId) -> NodeId {
        match self.kinds[id.index()] {
            Kind::View => self.views[id.index()].0,
            _ => id,
        }
    }

    /// Where the elements of `id` lie in its root's buffer.
    pub fn view(&self, id: NodeId) -> View {
        match self.kinds[id.index()] {
            Kind::View => self.views[id.index()].1,
            _ => View::dense(self.shapes[id.index()]),
        }
    }

    /// Whether a group computes the node.
    pub fn is_grouped(&self, id: NodeId) -> bool {
        matches!(self.kinds[id.index()], Kind::Pointwise | Kind::Copy)
    }

    /// The nodes that `id` reads when it is computed: for a copy, the root of its view.
    pub fn reads<T: Real>(&self, program: &Program<T>, id: NodeId) -> Inputs {
        match self.kinds[id.index()] {
            // A number that is laid out reads nothing.
            Kind::Copy if self.views[id.index()].0 == id => Inputs::new(),
            Kind::Copy => Inputs::from_slice(&[self.views[id.index()].0]),
            _ => program.nodes[id.index()].inputs.clone(),
        }
    }

    /// Whether a pointwise node reads `input` from a register of its own group, if they share one.
    pub fn is_direct<T: Real>(&self, program: &Program<T>, input: NodeId, node: NodeId) -> bool {
        let shape = |id: NodeId| program.nodes[id.index()].shape;
        self.kinds[input.index()] == Kind::Pointwise
            && self.kinds[node.index()] == Kind::Pointwise
            && shape(input) == shape(node)
    }

    fn classify<T: Real>(&mut self, program: &Program<T>) {
        for (index, node) in program.nodes.iter().enumerate() {
            let own = (NodeId(index as u32), View::dense(node.shape));
            let (kind, view) = match &node.op {
                Op::Input(_) | Op::IndexInput(_) | Op::Parameter(_) => (Kind::Source, own),
                Op::Constant(_) | Op::IndexConstant(_) => (Kind::Source, own),
                Op::Fill(_) => (Kind::Number, own),
                Op::Random(..) | Op::Unary(_) | Op::Binary(_) | Op::Select => (Kind::Pointwise, own),
                Op::Broadcast | Op::Permute(_) | Op::Slice(_) | Op::Flip(_) | Op::Reshape | Op::Detach => {
                    let input = node.inputs[0];
                    let root = self.root(input);
                    match composed(&node.op, &self.view(input), node.shape) {
                        _ if self.kinds[root.index()] == Kind::Number => (Kind::Number, own),
                        Some(view) => (Kind::View, (root, view)),
                        // Only a reshape of scattered elements: they are copied, in the order they are read.
                        None => (Kind::Copy, (root, self.view(input))),
                    }
                }
                _ => (Kind::Kernel, own),
            };
            self.kinds.push(kind);
            self.views.push(view);
        }
    }

    /// Turns views into copies where a consumer needs the elements laid out.
    fn demand_copies<T: Real>(&mut self, program: &Program<T>) {
        let lay_out = |schedule: &mut Schedule, id: NodeId| {
            let (root, view) = &schedule.views[id.index()];
            // A dense view may be shorter than its buffer: the first rows of a matrix.
            let whole = view.is_dense() && view.shape.numel() == schedule.shapes[root.index()].numel();
            match schedule.kinds[id.index()] {
                Kind::View if whole => {}
                Kind::View | Kind::Number => schedule.kinds[id.index()] = Kind::Copy,
                _ => {}
            }
        };
        for (index, node) in program.nodes.iter().enumerate() {
            if self.kinds[index] != Kind::Kernel {
                continue;
            }
            for (position, &input) in node.inputs.iter().enumerate() {
                let strided = matches!(node.op, Op::MatMul { .. })
                    && self.kinds[input.index()] == Kind::View
                    && is_matrix(&self.views[input.index()].1);
                let index_operand = program.nodes[input.index()].element == crate::Element::Index;
                debug_assert!(position < 2 || !index_operand);
                if !strided && !index_operand {
                    lay_out(self, input);
                }
            }
        }
        // A result must have a buffer of its own: not a source's, which belongs to someone else.
        for id in program.results() {
            if program.nodes[id.index()].element == crate::Element::Index {
                continue;
            }
            lay_out(self, id);
            let root = self.root(id);
            if self.kinds[root.index()] == Kind::Source && self.kinds[id.index()] == Kind::View {
                self.kinds[id.index()] = Kind::Copy;
            }
        }
    }

    /// The level of every node; see the module documentation.
    fn levels<T: Real>(&self, program: &Program<T>) -> Vec<u32> {
        let count = program.nodes.len();
        // As early as possible: from the inputs up.
        let mut level = vec![0u32; count];
        for index in 0..count {
            let id = NodeId(index as u32);
            let kind = self.kinds[index];
            if matches!(kind, Kind::Source | Kind::Number | Kind::View) {
                continue;
            }
            for input in self.reads(program, id) {
                let root = self.root(input);
                let at = level[root.index()];
                let least = match (self.kinds[root.index()], kind) {
                    (Kind::Source | Kind::Number | Kind::View, _) => 0,
                    (Kind::Kernel, _) => at + 1,
                    (_, Kind::Kernel) => at,
                    _ if self.is_direct(program, input, id) => at,
                    _ => at + 1,
                };
                level[index] = level[index].max(least);
            }
        }
        // As late as possible, for what is grouped: from the results down. Kernels stay.
        let last = (0..count)
            .filter(|&index| self.kinds[index] == Kind::Kernel)
            .map(|index| level[index] + 1)
            .chain(level.iter().copied())
            .max()
            .unwrap_or(0);
        let mut latest = vec![last; count];
        for index in (0..count).rev() {
            let id = NodeId(index as u32);
            if self.is_grouped(id) {
                level[index] = latest[index];
            }
            if matches!(self.kinds[index], Kind::Source | Kind::Number | Kind::View) {
                continue;
            }
            for input in self.reads(program, id) {
                let root = self.root(input);
                let direct = self.is_direct(program, input, id) || self.kinds[index] == Kind::Kernel;
                let bound = if direct { level[index] } else { level[index].saturating_sub(1) };
                latest[root.index()] = latest[root.index()].min(bound);
            }
        }
        level
    }

    fn form_steps<T: Real>(&mut self, program: &Program<T>, levels: &[u32], fusion: bool) {
        let count = program.nodes.len();
        let mut component: Vec<u32> = (0..count as u32).collect();
        if fusion {
            for index in 0..count {
                let id = NodeId(index as u32);
                for &input in &program.nodes[index].inputs {
                    if levels[input.index()] == levels[index] && self.is_direct(program, input, id) {
                        let (a, b) = (find(&mut component, input.0), find(&mut component, id.0));
                        // The lower index leads: components are then numbered by their first node.
                        component[a.max(b) as usize] = a.min(b);
                    }
                }
            }
        }
        let mut groups: HashMap<u32, Vec<NodeId>> = HashMap::new();
        // (level, kernels after groups, first node): the order of steps.
        let mut order: Vec<(u32, bool, u32)> = Vec::new();
        for (index, &level) in levels.iter().enumerate() {
            let id = NodeId(index as u32);
            if self.is_grouped(id) {
                let leader = find(&mut component, id.0);
                let nodes = groups.entry(leader).or_default();
                if nodes.is_empty() {
                    order.push((level, false, leader));
                }
                nodes.push(id);
            } else if self.kinds[index] == Kind::Kernel {
                order.push((level, true, id.0));
            }
        }
        order.sort_unstable();
        for (_, is_kernel, first) in order {
            if is_kernel {
                self.step_of[first as usize] = self.steps.len();
                self.steps.push(Step::Kernel(NodeId(first)));
                continue;
            }
            let nodes = groups.remove(&first).expect("each group has one entry");
            for part in self.parts(program, nodes) {
                part.iter().for_each(|id| self.step_of[id.index()] = self.steps.len());
                let shape = match self.kinds[part[0].index()] {
                    Kind::Copy => self.views[part[0].index()].1.shape,
                    _ => program.nodes[part[0].index()].shape,
                };
                self.steps.push(Step::Group { nodes: part, shape });
            }
        }
    }

    /// Cuts a group, in topological order, into parts that fit the registers.
    fn parts<T: Real>(&self, program: &Program<T>, nodes: Vec<NodeId>) -> Vec<Vec<NodeId>> {
        let mut parts = vec![Vec::new()];
        let mut weight = 0;
        for id in nodes {
            let is_load = |input: &NodeId| {
                !self.is_direct(program, *input, id) && self.kinds[self.root(*input).index()] != Kind::Number
            };
            let loads = self.reads(program, id).iter().filter(|input| is_load(input)).count();
            if weight + 1 + loads > LARGEST_GROUP {
                parts.push(Vec::new());
                weight = 0;
            }
            weight += 1 + loads;
            parts.last_mut().expect("never empty").push(id);
        }
        parts
    }

    /// Whether every step only needs what earlier steps, or earlier nodes of the same group, compute.
    fn is_in_order<T: Real>(&self, program: &Program<T>) -> bool {
        (0..program.nodes.len()).filter(|&index| self.step_of[index] != usize::MAX).all(|index| {
            self.reads(program, NodeId(index as u32)).into_iter().all(|input| {
                let root = self.root(input);
                let step = self.step_of[root.index()];
                step == usize::MAX
                    || step < self.step_of[index]
                    || (step == self.step_of[index] && root.index() < index)
            })
        })
    }
}

/// The leader of a component, with the path to it shortened.
fn find(component: &mut [u32], mut node: u32) -> u32 {
    while component[node as usize] != node {
        let parent = component[node as usize];
        component[node as usize] = component[parent as usize];
        node = parent;
    }
    node
}

/// The view that a view operation makes of `from`, or `None` if the elements cannot be described so.
fn composed<T: Real>(op: &Op<T>, from: &View, shape: Shape) -> Option<View> {
    let mut view = View { shape, ..*from };
    match op {
        Op::Detach => {}
        Op::Broadcast => {
            for axis in (0..shape.rank()).filter(|&axis| from.shape[axis] != shape[axis]) {
                view.strides[axis] = 0;
            }
        }
        Op::Permute(order) => {
            for (stride, &axis) in view.strides.iter_mut().zip(order).take(shape.rank()) {
                *stride = from.strides[axis as usize];
            }
        }
        Op::Slice(strided) => {
            for axis in 0..shape.rank() {
                view.offset += strided.start[axis] as isize * from.strides[axis];
                view.strides[axis] = from.strides[axis] * strided.step[axis] as isize;
            }
        }
        Op::Flip(mask) => {
            for axis in (0..shape.rank()).filter(|axis| mask & (1 << axis) != 0) {
                view.offset += (from.shape[axis] as isize - 1) * from.strides[axis];
                view.strides[axis] = -from.strides[axis];
            }
        }
        Op::Reshape if from.is_dense() => view = View::dense(shape),
        Op::Reshape => view.strides = reshaped_strides(from, shape)?,
        other => unreachable!("{other:?} is no view"),
    }
    if shape.is_empty() {
        // Nothing is read, from wherever it is.
        return Some(View::dense(shape));
    }
    // Along an axis of length one nothing is walked; a flip may have left a negative distance there.
    for axis in (0..shape.rank()).filter(|&axis| shape[axis] <= 1) {
        view.strides[axis] = 0;
    }
    Some(view)
}

/// Strides of a view whose shape changes only by axes of length one.
fn reshaped_strides(from: &View, shape: Shape) -> Option<[isize; MAX_RANK]> {
    let long = |shape: Shape| (0..shape.rank()).filter(move |&axis| shape[axis] != 1);
    let same = long(from.shape).map(|axis| from.shape[axis]).eq(long(shape).map(|axis| shape[axis]));
    let mut strides = [0; MAX_RANK];
    long(shape).zip(long(from.shape)).for_each(|(to, axis)| strides[to] = from.strides[axis]);
    same.then_some(strides)
}

/// Whether a product can read a view where it lies.
fn is_matrix(view: &View) -> bool {
    view.strides.iter().all(|&stride| stride >= 0) && batch_stride(view).is_some()
}

/// The distance between the matrices of a batch, if the leading axes of a view can be walked as one.
pub(super) fn batch_stride(view: &View) -> Option<isize> {
    let leading = view.shape.rank().checked_sub(2)?;
    let mut stride = 0;
    let mut span = 1;
    for axis in (0..leading).rev().filter(|&axis| view.shape[axis] != 1) {
        if span == 1 {
            stride = view.strides[axis];
        } else if view.strides[axis] != stride * span {
            return None;
        }
        span *= view.shape[axis] as isize;
    }
    Some(stride)
}
