//! What a wrongly built graph says: the operation, each operand with its name, shape and source line, a
//! caret under every axis at fault, and one line of help.
//!
//! Recording an operation wrongly is a mistake in the program, so the plain methods panic with this text
//! at the caller's line; methods named `try_..` return it as a [`GraphError`].

use crate::graph::{Graph, NodeId};
use crate::ops::Op;
use crate::real::Real;
use crate::shape::Shape;
use std::fmt;

/// A graph was built wrongly. `Display` gives the full text.
///
/// ```
/// use autograd::Graph;
/// let graph = Graph::<f32>::new();
/// let x = graph.input("x", [128, 784]);
/// let w = graph.parameter("w", [128, 256]);
/// let error = x.try_matmul(w).unwrap_err();
/// assert!(error.to_string().starts_with("matmul: inner lengths differ, 784 and 128\n   lhs  x  [128, 784]"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraphError {
    operation: String,
    problem: String,
    operands: Vec<Operand>,
    help: Option<String>,
}

impl std::error::Error for GraphError {}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Operand {
    role: String,
    name: String,
    shape: Shape,
    origin: String,
    /// Axes to underline.
    faulty: Vec<usize>,
}

impl GraphError {
    pub(crate) fn new(operation: impl Into<String>, problem: impl Into<String>) -> GraphError {
        GraphError { operation: operation.into(), problem: problem.into(), operands: Vec::new(), help: None }
    }

    /// Adds an operand without a fault in a particular axis.
    pub(crate) fn operand<T: Real>(self, role: &str, graph: &Graph<T>, id: NodeId) -> GraphError {
        self.operand_at(role, graph, id, &[])
    }

    /// Adds an operand with carets under `faulty` axes.
    pub(crate) fn operand_at<T: Real>(
        mut self,
        role: &str,
        graph: &Graph<T>,
        id: NodeId,
        faulty: &[usize],
    ) -> GraphError {
        let node = graph.node(id);
        let kind = match &node.op {
            Op::Input(_) | Op::IndexInput(_) => "input, ",
            Op::Parameter(_) => "parameter, ",
            Op::Constant(_) | Op::IndexConstant(_) | Op::Fill(_) => "constant, ",
            _ if node.derived => "derivative of ",
            _ => "",
        };
        self.operands.push(Operand {
            role: role.into(),
            name: graph.name_of(id).map_or_else(|| id.to_string(), |name| name.to_string()),
            shape: node.shape,
            origin: format!("{kind}{}:{}", node.location.file(), node.location.line()),
            faulty: faulty.to_vec(),
        });
        self
    }

    /// Sets the last line.
    pub(crate) fn help(mut self, help: impl Into<String>) -> GraphError {
        self.help = Some(help.into());
        self
    }

    /// The operation that was asked for.
    pub fn operation(&self) -> &str {
        &self.operation
    }
}

/// Ends a plain method whose `try_` form returns an error.
pub(crate) trait OrPanic<V> {
    /// The value, or a panic with the error's text at the line of the program that recorded wrongly.
    fn or_panic(self) -> V;
}

impl<V> OrPanic<V> for Result<V, GraphError> {
    // A `match`, not `unwrap_or_else`: a closure does not pass the caller's line on.
    #[track_caller]
    fn or_panic(self) -> V {
        match self {
            Ok(value) => value,
            Err(error) => panic!("{error}"),
        }
    }
}

impl fmt::Display for GraphError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.operation, self.problem)?;
        let width = |text: fn(&Operand) -> usize| self.operands.iter().map(text).max().unwrap_or(0);
        let (role, name) = (width(|o| o.role.len()), width(|o| o.name.len()));
        let shape = width(|o| o.shape.to_string().len());
        for o in &self.operands {
            let text = o.shape.to_string();
            write!(f, "\n   {:role$}  {:name$}  {text:shape$}  {}", o.role, o.name, o.origin)?;
            if !o.faulty.is_empty() {
                let carets = carets(&o.shape, &o.faulty);
                write!(f, "\n   {:role$}  {:name$}  {}", "", "", carets.trim_end())?;
            }
        }
        match &self.help {
            Some(help) => write!(f, "\n   help: {help}"),
            None => Ok(()),
        }
    }
}

/// A line with `^` under the digits of the faulty axes of `shape` as it is printed: `[128, 784]`.
fn carets(shape: &Shape, faulty: &[usize]) -> String {
    let mut line = String::from(" ");
    for (axis, length) in shape.lengths().iter().enumerate() {
        let mark = if faulty.contains(&axis) { "^" } else { " " };
        line.push_str(&mark.repeat(length.to_string().len()));
        line.push_str("  ");
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn carets_stand_under_the_digits() {
        assert_eq!(carets(&Shape::from([128, 7, 1024]), &[0, 2]), " ^^^     ^^^^  ");
        assert_eq!(carets(&Shape::SCALAR, &[]), " ");
    }

    #[test]
    fn the_text_is_as_documented() {
        let graph = Graph::<f32>::new();
        let x = graph.input("x", [128, 784]);
        let w = graph.parameter("hidden.weight", [128, 256]);
        let error = GraphError::new("matmul", "inner lengths differ, 784 and 128")
            .operand_at("lhs", &graph, x.id, &[1])
            .operand_at("rhs", &graph, w.id, &[0])
            .help("`hidden.weight` as [784, 256] would fit");
        let line = line!() - 6;
        assert_eq!(
            error.to_string(),
            format!(
                "matmul: inner lengths differ, 784 and 128
   lhs  x              [128, 784]  input, {file}:{line}
                             ^^^
   rhs  hidden.weight  [128, 256]  parameter, {file}:{next}
                        ^^^
   help: `hidden.weight` as [784, 256] would fit",
                file = file!(),
                next = line + 1
            )
        );
    }
}
