//! What is fed to a run, and the errors of a run.
//!
//! Feeds come from outside, so everything about them is checked before anything is computed, and an error
//! is returned: a run either happens as a whole or changes nothing.

use crate::graph::{Element, NodeId};
use crate::ops::Op;
use crate::real::Real;
use crate::shape::Shape;
use crate::tensor::Tensor;
use crate::{Graph, Node};
use std::sync::Arc;

/// The value of one input for one run.
///
/// ```
/// use autograd::{Feed, Tensor};
/// let images = Tensor::<f32>::zeros([32, 64]);
/// let labels = Tensor::new([3], vec![0u32, 7, 2]);
/// let feeds = [("x", Feed::from(&images)), ("labels", Feed::from(&labels)), ("lr", Feed::from(0.1))];
/// # let _: [(&str, Feed<f32>); 3] = feeds;
/// ```
#[derive(Clone, Copy, Debug)]
pub enum Feed<'a, T: Real> {
    /// A real value.
    Real(&'a Tensor<T>),
    /// Labels or indices.
    Index(&'a Tensor<u32>),
    /// The value of an input without axes.
    Scalar(f64),
}

impl<'a, T: Real> From<&'a Tensor<T>> for Feed<'a, T> {
    fn from(value: &'a Tensor<T>) -> Self {
        Feed::Real(value)
    }
}

impl<'a, T: Real> From<&'a Tensor<u32>> for Feed<'a, T> {
    fn from(value: &'a Tensor<u32>) -> Self {
        Feed::Index(value)
    }
}

impl<T: Real> From<f64> for Feed<'_, T> {
    fn from(value: f64) -> Self {
        Feed::Scalar(value)
    }
}

impl<T: Real> Feed<'_, T> {
    /// The shape of the value.
    pub fn shape(&self) -> Shape {
        match self {
            Feed::Real(value) => value.shape(),
            Feed::Index(value) => value.shape(),
            Feed::Scalar(_) => Shape::SCALAR,
        }
    }
}

/// A run was refused: what it was given does not fit the graph. Nothing was computed or changed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// An input has no feed.
    #[error("the input `{name}` of shape {shape} is not fed (declared at {origin})")]
    MissingInput {
        /// The input.
        name: String,
        /// Its shape.
        shape: Shape,
        /// The line that declared it.
        origin: String,
    },
    /// A feed belongs to no input.
    #[error("there is no input `{name}`; the inputs are: {known}")]
    UnknownInput {
        /// The feed's name.
        name: String,
        /// The inputs' names.
        known: String,
    },
    /// A name is fed twice.
    #[error("the input `{name}` is fed twice")]
    FedTwice {
        /// The input.
        name: String,
    },
    /// A value has another shape than its input or parameter.
    #[error("`{name}` has shape {expected}, the value given has {given} (declared at {origin})")]
    WrongShape {
        /// The input or parameter.
        name: String,
        /// Its shape.
        expected: Shape,
        /// The value's shape.
        given: Shape,
        /// The line that declared it.
        origin: String,
    },
    /// Real numbers were fed to an integer input, or the other way round.
    #[error("the input `{name}` takes {expected}, {given} were given")]
    WrongKind {
        /// The input.
        name: String,
        /// What it takes.
        expected: &'static str,
        /// What was given.
        given: &'static str,
    },
    /// A parameter has no value.
    #[error("the parameter `{name}` of shape {shape} has no value (declared at {origin})")]
    MissingParameter {
        /// The parameter.
        name: String,
        /// Its shape.
        shape: Shape,
        /// The line that declared it.
        origin: String,
    },
    /// An index is out of range of the operation that uses it.
    #[error("`{name}` holds {value} at position {position}; {operation} at {origin} takes 0 to {last}",
        last = bound.saturating_sub(1))]
    IndexOutOfRange {
        /// The integer input.
        name: String,
        /// The position of the offending element.
        position: usize,
        /// Its value.
        value: u32,
        /// Values must be below this.
        bound: usize,
        /// The operation that sets the bound.
        operation: String,
        /// The line that recorded that operation.
        origin: String,
    },
    /// An operation has no rows that an index could pick.
    #[error("`{name}` must be empty: {operation} at {origin} has no row to pick")]
    NothingToPick {
        /// The integer input.
        name: String,
        /// The operation.
        operation: String,
        /// The line that recorded it.
        origin: String,
    },
}

/// The bound on an integer value that an operation sets: values must be below `bound`.
#[derive(Clone, Debug)]
pub(crate) struct IndexBound {
    pub bound: usize,
    pub operation: String,
    pub origin: String,
}

/// The bound that `node` sets on its integer input, if it has one: (position of the input, bound).
fn index_bound<T: Real>(graph: &Graph<T>, node: &Node<T>) -> Option<(usize, IndexBound)> {
    let (position, bound) = match &node.op {
        Op::OneHot => (0, node.shape.last()),
        Op::Gather => (1, graph.node(node.inputs[0]).shape[0]),
        Op::ScatterAdd => (1, node.shape[0]),
        _ => return None,
    };
    let origin = format!("{}:{}", node.location.file(), node.location.line());
    Some((position, IndexBound { bound, operation: node.op.name(), origin }))
}

/// Checks integers against a bound.
pub(crate) fn check_index(name: &str, values: &[u32], bound: &IndexBound) -> Result<(), RunError> {
    // A branch-free pass first: the position is looked for only when something is wrong.
    let Some(&largest) = values.iter().max() else { return Ok(()) };
    if (largest as usize) < bound.bound {
        return Ok(());
    }
    let (name, operation, origin) = (name.to_string(), bound.operation.clone(), bound.origin.clone());
    if bound.bound == 0 {
        return Err(RunError::NothingToPick { name, operation, origin });
    }
    let position = values.iter().position(|&v| v as usize >= bound.bound).expect("the largest is too large");
    let value = values[position];
    Err(RunError::IndexOutOfRange { name, position, value, bound: bound.bound, operation, origin })
}

/// An input of a graph, as runs see it.
#[derive(Clone, Debug)]
pub(crate) struct InputSlot {
    pub id: NodeId,
    pub name: Arc<str>,
    pub shape: Shape,
    pub element: Element,
    pub origin: &'static std::panic::Location<'static>,
    /// What the operations that use an integer input accept.
    pub bounds: Vec<IndexBound>,
    /// Whether the results depend on it. An input that they do not need may be fed or not, so that one
    /// list of feeds serves several plans of a graph.
    pub needed: bool,
}

impl InputSlot {
    /// Every input of a graph, with the bounds that needed nodes set on it.
    pub fn all<T: Real>(graph: &Graph<T>, needed: &[bool]) -> Vec<InputSlot> {
        let nodes = graph.nodes();
        let is_needed = |index: usize| needed.get(index) == Some(&true);
        let slot = |(index, node): (usize, &Node<T>)| {
            let (Op::Input(name) | Op::IndexInput(name)) = &node.op else { return None };
            Some(InputSlot {
                id: NodeId(index as u32),
                name: name.clone(),
                shape: node.shape,
                element: node.element,
                origin: node.location,
                bounds: Vec::new(),
                needed: is_needed(index),
            })
        };
        let mut slots: Vec<InputSlot> = nodes.iter().enumerate().filter_map(slot).collect();
        for (_, node) in nodes.iter().enumerate().filter(|(index, _)| is_needed(*index)) {
            let Some((position, bound)) = index_bound(graph, node) else { continue };
            let id = node.inputs[position];
            if let Some(slot) = slots.iter_mut().find(|slot| slot.id == id) {
                // The smallest bound implies the others.
                let tighter = slot.bounds.first().is_none_or(|known| bound.bound < known.bound);
                if tighter {
                    slot.bounds = vec![bound];
                }
            }
        }
        slots
    }

    /// Checks one feed for this input.
    pub fn check<T: Real>(&self, feed: &Feed<'_, T>) -> Result<(), RunError> {
        const KINDS: [&str; 2] = ["real numbers", "integers"];
        let given = matches!(feed, Feed::Index(_)) as usize;
        let expected = (self.element == Element::Index) as usize;
        if given != expected {
            let name = self.name.to_string();
            return Err(RunError::WrongKind { name, expected: KINDS[expected], given: KINDS[given] });
        }
        if feed.shape() != self.shape {
            return Err(RunError::WrongShape {
                name: self.name.to_string(),
                expected: self.shape,
                given: feed.shape(),
                origin: format!("{}:{}", self.origin.file(), self.origin.line()),
            });
        }
        if let Feed::Index(values) = feed {
            self.bounds.iter().try_for_each(|bound| check_index(&self.name, values.data(), bound))?;
        }
        Ok(())
    }
}

/// Checks that every needed input has exactly one fitting feed and hands each over, in the order of `slots`.
pub(crate) fn check_feeds<'f, 'a, T: Real>(
    slots: &[InputSlot],
    feeds: &'f [(&str, Feed<'a, T>)],
    mut each: impl FnMut(usize, &'f Feed<'a, T>),
) -> Result<(), RunError> {
    for (position, (name, _)) in feeds.iter().enumerate() {
        if feeds[..position].iter().any(|(earlier, _)| earlier == name) {
            return Err(RunError::FedTwice { name: name.to_string() });
        }
        if !slots.iter().any(|slot| *slot.name == **name) {
            let mut known: Vec<_> = slots.iter().map(|slot| format!("`{}`", slot.name)).collect();
            known.sort();
            let known = if known.is_empty() { "none".into() } else { known.join(", ") };
            return Err(RunError::UnknownInput { name: name.to_string(), known });
        }
    }
    for slot in slots {
        match feeds.iter().find(|(name, _)| **name == *slot.name) {
            Some((_, feed)) => slot.check(feed)?,
            None if !slot.needed => {}
            None => {
                return Err(RunError::MissingInput {
                    name: slot.name.to_string(),
                    shape: slot.shape,
                    origin: format!("{}:{}", slot.origin.file(), slot.origin.line()),
                });
            }
        }
    }
    for (position, slot) in slots.iter().enumerate().filter(|(_, slot)| slot.needed) {
        let (_, feed) = feeds.iter().find(|(name, _)| **name == *slot.name).expect("checked above");
        each(position, feed);
    }
    Ok(())
}
