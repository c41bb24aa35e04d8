//! The graph: an append-only arena of nodes, and the handles that build it.
//!
//! Recording an operation appends a [`Node`] and computes nothing. A node's inputs have smaller indices
//! than the node itself, so *index order is a topological order*: no traversal of a graph ever sorts,
//! recurses or overflows the stack, and dropping a graph of a million nodes drops one `Vec`. Gradients
//! are appended to the same arena ([`grad`](crate::grad())), which is why they can be differentiated
//! again.
//!
//! A [`Var`] is a `Copy` handle: a reference to its graph and an index. There is no `requires_grad`:
//! any variable can be differentiated with respect to, inputs included.
//!
//! ```
//! use autograd::Graph;
//! let graph = Graph::<f32>::new();
//! let x = graph.input("x", [32, 784]);
//! let w = graph.parameter("w", [784, 10]);
//! let b = graph.parameter("b", [10]);
//! let y = x.matmul(w) + b;
//! assert_eq!(y.shape().lengths(), [32, 10]);
//! println!("{graph}");
//! ```

mod proposals;

pub use proposals::ProposedUpdate;

use crate::error::GraphError;
use crate::ops::{Literal, Op, Shared};
use crate::real::Real;
use crate::shape::Shape;
use crate::tensor::Tensor;
use smallvec::SmallVec;
use std::cell::{Cell, Ref, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;

/// The position of a node in its graph.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub(crate) u32);

impl NodeId {
    /// The position as an index.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "%{}", self.0)
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a node's elements are.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Element {
    /// Real numbers, differentiable.
    Real,
    /// Unsigned integers: labels and indices, without arithmetic.
    Index,
}

/// The ids of a node's inputs.
pub type Inputs = SmallVec<[NodeId; 3]>;

/// One recorded operation.
///
/// Invariant: every id in `inputs` is smaller than the node's own.
#[derive(Clone, Debug)]
pub struct Node<T: Real> {
    /// What is computed.
    pub op: Op<T>,
    /// From which nodes.
    pub inputs: Inputs,
    /// The shape of the result.
    pub shape: Shape,
    /// The kind of its elements.
    pub element: Element,
    /// The source line that recorded the node; for a node of a gradient, the line of the operation that
    /// it is the derivative of.
    pub location: &'static Location<'static>,
    /// Whether the node was recorded by a differentiation sweep.
    pub derived: bool,
}

/// An append-only arena of nodes. See the [module documentation](self).
pub struct Graph<T: Real> {
    nodes: RefCell<Vec<Node<T>>>,
    /// Inputs and parameters by name: a name stands for one node.
    by_name: RefCell<HashMap<Arc<str>, NodeId>>,
    /// Names given to inner nodes, for listings.
    labels: RefCell<HashMap<NodeId, Arc<str>>>,
    /// Parameters with the expression that was proposed for each first.
    proposals: RefCell<Vec<(NodeId, NodeId)>>,
    /// While set, proposals are not heard.
    /// While a sweep differentiates a node, that node's location.
    deriving: Cell<Option<&'static Location<'static>>>,
}

/// A real-valued variable: a handle to one node of a graph.
pub struct Var<'g, T: Real> {
    pub(crate) graph: &'g Graph<T>,
    pub(crate) id: NodeId,
}

/// An integer variable (labels, indices): it has a shape, but no arithmetic and no derivative.
pub struct IndexVar<'g, T: Real> {
    pub(crate) graph: &'g Graph<T>,
    pub(crate) id: NodeId,
}

// `Copy` by hand: a derive would be the same, but says `T: Copy` where nothing of type `T` is held.
impl<T: Real> Clone for Var<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T: Real> Copy for Var<'_, T> {}
impl<T: Real> Clone for IndexVar<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T: Real> Copy for IndexVar<'_, T> {}

impl<T: Real> Default for Graph<T> {
    fn default() -> Self {
        Graph::new()
    }
}

impl<T: Real> Graph<T> {
    /// An empty graph.
    pub fn new() -> Graph<T> {
        Graph {
            nodes: RefCell::default(),
            by_name: RefCell::default(),
            labels: RefCell::default(),
            proposals: RefCell::default(),
            deriving: Cell::new(None),
        }
    }

    /// The number of nodes recorded so far.
    pub fn len(&self) -> usize {
        self.nodes.borrow().len()
    }

    /// Whether nothing was recorded yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// An input: a value fed at each run under `name`.
    ///
    /// # Panics
    /// If the graph already has an input or a parameter of that name.
    #[track_caller]
    pub fn input(&self, name: &str, shape: impl Into<Shape>) -> Var<'_, T> {
        let id = self.declare(name, Op::Input, shape.into(), Element::Real);
        Var { graph: self, id }
    }

    /// A fed scalar, a learning rate for instance: an input without axes.
    ///
    /// A number written as a literal is part of the graph for good; what changes from run to run must be
    /// fed.
    ///
    /// # Panics
    /// As [`Graph::input`].
    #[track_caller]
    pub fn scalar(&self, name: &str) -> Var<'_, T> {
        self.input(name, Shape::SCALAR)
    }

    /// An integer input: labels or indices fed at each run under `name`.
    ///
    /// # Panics
    /// As [`Graph::input`].
    #[track_caller]
    pub fn indices(&self, name: &str, shape: impl Into<Shape>) -> IndexVar<'_, T> {
        let id = self.declare(name, Op::IndexInput, shape.into(), Element::Index);
        IndexVar { graph: self, id }
    }

    /// A parameter: a value that lives in [`Parameters`](crate::Parameters) under `name` and that a plan
    /// may update.
    ///
    /// The same name gives the same node, so that a parameter used twice is tied by construction and its
    /// gradient is the sum over its uses.
    ///
    /// # Panics
    /// If the name belongs to an input, or to a parameter of another shape.
    #[track_caller]
    pub fn parameter(&self, name: &str, shape: impl Into<Shape>) -> Var<'_, T> {
        let shape = shape.into();
        if let Some(var) = self.find_parameter(name) {
            if var.shape() != shape {
                panic!(
                    "{}",
                    GraphError::new("parameter", format!("`{name}` declared again with another shape"))
                        .operand("first", var.graph, var.id)
                        .help(format!("it was declared {}, now {shape} is asked for", var.shape()))
                );
            }
            return var;
        }
        let id = self.declare(name, Op::Parameter, shape, Element::Real);
        Var { graph: self, id }
    }

    /// The parameter of that name, if one was declared.
    pub fn find_parameter(&self, name: &str) -> Option<Var<'_, T>> {
        let id = *self.by_name.borrow().get(name)?;
        matches!(self.node(id).op, Op::Parameter(_)).then_some(Var { graph: self, id })
    }

    /// All parameters, in the order in which they were declared, each with its name.
    pub fn parameters(&self) -> Vec<(Arc<str>, Var<'_, T>)> {
        let mut found: Vec<_> = (self.by_name.borrow().iter())
            .map(|(name, &id)| (name.clone(), Var { graph: self, id }))
            .filter(|(_, var)| matches!(self.node(var.id).op, Op::Parameter(_)))
            .collect();
        found.sort_by_key(|(_, var)| var.id);
        found
    }

    /// A value that never changes.
    #[track_caller]
    pub fn constant(&self, value: Tensor<T>) -> Var<'_, T> {
        let shape = value.shape();
        self.record_real(Op::Constant(Shared(Arc::new(value))), &[], shape)
    }

    /// An integer value that never changes.
    #[track_caller]
    pub fn index_constant(&self, value: Tensor<u32>) -> IndexVar<'_, T> {
        let shape = value.shape();
        let id = self.record(Op::IndexConstant(Shared(Arc::new(value))), &[], shape, Element::Index);
        IndexVar { graph: self, id }
    }

    /// One number, repeated over `shape`.
    #[track_caller]
    pub fn fill(&self, shape: impl Into<Shape>, value: f64) -> Var<'_, T> {
        self.record_real(Op::Fill(Literal(T::from_f64(value))), &[], shape.into())
    }

    /// A node's operation, inputs, shape and origin.
    ///
    /// # Panics
    /// If the graph has no such node.
    #[track_caller]
    pub fn node(&self, id: NodeId) -> Ref<'_, Node<T>> {
        Ref::map(self.nodes.borrow(), |nodes| &nodes[id.index()])
    }

    /// All nodes, in recording order.
    pub fn nodes(&self) -> Ref<'_, [Node<T>]> {
        Ref::map(self.nodes.borrow(), Vec::as_slice)
    }

    /// The places of all nodes recorded so far, in recording order.
    pub fn ids(&self) -> impl ExactSizeIterator<Item = NodeId> + use<T> {
        (0..self.len() as u32).map(NodeId)
    }

    /// The name of an input or parameter, or the label given by [`Var::named`].
    pub fn name_of(&self, id: NodeId) -> Option<Arc<str>> {
        match &self.nodes.borrow()[id.index()].op {
            Op::Input(name) | Op::IndexInput(name) | Op::Parameter(name) => Some(name.clone()),
            _ => self.labels.borrow().get(&id).cloned(),
        }
    }

    /// The real variable of a node.
    ///
    /// # Panics
    /// If the node is missing or holds integers.
    #[track_caller]
    pub fn var(&self, id: NodeId) -> Var<'_, T> {
        assert!(self.node(id).element == Element::Real, "node {id} holds integers");
        Var { graph: self, id }
    }

    /// The integer variable of a node.
    ///
    /// # Panics
    /// If the node is missing or holds real numbers.
    #[track_caller]
    pub fn index_var(&self, id: NodeId) -> IndexVar<'_, T> {
        assert!(self.node(id).element == Element::Index, "node {id} holds real numbers");
        IndexVar { graph: self, id }
    }

    #[track_caller]
    fn declare(&self, name: &str, op: fn(Arc<str>) -> Op<T>, shape: Shape, element: Element) -> NodeId {
        if let Some(&first) = self.by_name.borrow().get(name) {
            panic!(
                "{}",
                GraphError::new("declaration", format!("the name `{name}` is taken"))
                    .operand("first", self, first)
                    .help("each input and parameter has a name of its own")
            );
        }
        let name: Arc<str> = name.into();
        let id = self.record(op(name.clone()), &[], shape, element);
        self.by_name.borrow_mut().insert(name, id);
        id
    }

    /// Appends a node. Every operation ends here, with its shapes already checked.
    #[track_caller]
    pub(crate) fn record(&self, op: Op<T>, inputs: &[NodeId], shape: Shape, element: Element) -> NodeId {
        let mut nodes = self.nodes.borrow_mut();
        let id = u32::try_from(nodes.len()).expect("a graph holds at most 2^32 nodes");
        debug_assert!(inputs.iter().all(|input| input.0 < id));
        let deriving = self.deriving.get();
        nodes.push(Node {
            op,
            inputs: SmallVec::from_slice(inputs),
            shape,
            element,
            // Not `unwrap_or_else`: the caller of a closure is the standard library.
            location: match deriving {
                Some(location) => location,
                None => Location::caller(),
            },
            derived: deriving.is_some(),
        });
        NodeId(id)
    }

    /// [`Graph::record`] for a real result.
    #[track_caller]
    pub(crate) fn record_real(&self, op: Op<T>, inputs: &[NodeId], shape: Shape) -> Var<'_, T> {
        Var { graph: self, id: self.record(op, inputs, shape, Element::Real) }
    }

    /// Runs `rule` with every node that it records attributed to `location`.
    pub(crate) fn derive<R>(&self, location: &'static Location<'static>, rule: impl FnOnce() -> R) -> R {
        // Nested sweeps (a custom operation differentiates its own expression) restore the outer origin.
        let outer = self.deriving.replace(Some(location));
        let result = rule();
        self.deriving.set(outer);
        result
    }
}

impl<T: Real> Clone for Graph<T> {
    /// An independent copy; handles stay with the graph that made them.
    fn clone(&self) -> Self {
        Graph {
            nodes: self.nodes.clone(),
            by_name: self.by_name.clone(),
            labels: self.labels.clone(),
            proposals: self.proposals.clone(),
            deriving: Cell::new(None),
        }
    }
}

impl<'g, T: Real> Var<'g, T> {
    /// The graph that this variable belongs to.
    pub fn graph(self) -> &'g Graph<T> {
        self.graph
    }

    /// The node that this variable stands for.
    pub fn id(self) -> NodeId {
        self.id
    }

    /// The shape of the value.
    pub fn shape(self) -> Shape {
        self.graph.node(self.id).shape
    }

    /// Gives the node a name in listings and error messages; the variable is returned unchanged.
    pub fn named(self, name: &str) -> Var<'g, T> {
        self.graph.labels.borrow_mut().insert(self.id, name.into());
        self
    }

    /// Asserts that another variable is of the same graph: mixing two is a mistake.
    #[track_caller]
    pub(crate) fn same_graph(self, other: &Graph<T>, operation: &str) {
        assert!(
            std::ptr::eq(self.graph, other),
            "{operation}: the operands belong to two different graphs; one was recorded at {}",
            self.graph.node(self.id).location
        );
    }
}

impl<'g, T: Real> IndexVar<'g, T> {
    /// The graph that this variable belongs to.
    pub fn graph(self) -> &'g Graph<T> {
        self.graph
    }

    /// The node that this variable stands for.
    pub fn id(self) -> NodeId {
        self.id
    }

    /// The shape of the value.
    pub fn shape(self) -> Shape {
        self.graph.node(self.id).shape
    }
}

impl<T: Real> fmt::Debug for Var<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}{}", self.id, T::NAME, self.shape())
    }
}

impl<T: Real> fmt::Debug for IndexVar<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: index{}", self.id, self.shape())
    }
}
