//! Listings and drawings of a graph.
//!
//! `println!("{graph}")` prints one node a line: its place, name, shape, operation, inputs and the source
//! line that recorded it; [`Graph::to_dot`] writes the same for Graphviz.
//!
//! ```
//! use autograd::{Graph, grad};
//! let graph = Graph::<f32>::new();
//! let x = graph.input("x", [2]);
//! let loss = x.powi(2).sum();
//! grad(loss, &[x]);
//! let listing = graph.to_string();
//! assert!(listing.starts_with("graph f32, "));
//! assert!(listing.contains("\n  %1   [2]  powi(2) %0 "), "{listing}");
//! ```

use crate::graph::{Element, Graph, NodeId};
use crate::ops::Op;
use crate::real::Real;
use std::fmt::{self, Write};

/// The parts of one line of a listing.
struct Line {
    place: String,
    name: String,
    shape: String,
    call: String,
    origin: String,
}

impl<T: Real> Graph<T> {
    fn line(&self, id: NodeId) -> Line {
        let node = self.node(id);
        let call = match &node.op {
            Op::Input(_) | Op::IndexInput(_) | Op::Parameter(_) => node.op.name(),
            op => {
                let inputs: Vec<_> = node.inputs.iter().map(ToString::to_string).collect();
                format!("{} {}", op.name(), inputs.join(" ")).trim_end().to_string()
            }
        };
        let file = node.location.file();
        let file = file.rsplit(['/', '\\']).next().unwrap_or(file);
        Line {
            place: id.to_string(),
            name: self.name_of(id).map_or_else(String::new, |name| name.to_string()),
            shape: match node.element {
                Element::Real => node.shape.to_string(),
                Element::Index => format!("{} index", node.shape),
            },
            call,
            // A gradient's node belongs to the line of the operation it differentiates.
            origin: format!("{}{file}:{}", if node.derived { "∂ " } else { "" }, node.location.line()),
        }
    }

    /// The graph in Graphviz' language: ellipses for inputs, boxes for parameters, dashed for gradients.
    pub fn to_dot(&self) -> String {
        let mut dot = String::from("digraph {\n  rankdir=BT;\n  node [fontname=monospace];\n");
        for index in 0..self.len() {
            let id = NodeId(index as u32);
            let line = self.line(id);
            let node = self.node(id);
            let shape = match node.op {
                Op::Input(_) | Op::IndexInput(_) => "ellipse",
                Op::Parameter(_) => "box3d",
                _ => "box",
            };
            let style = if node.derived { "dashed" } else { "solid" };
            let title = [line.name.as_str(), &node.op.name()].join(" ").trim().replace('"', "'");
            let label = format!("{title}\\n{}\\n{}", line.shape, line.origin);
            let _ = writeln!(dot, "  n{index} [label=\"{label}\", shape={shape}, style={style}];");
            for input in &node.inputs {
                let _ = writeln!(dot, "  n{} -> n{index};", input.0);
            }
        }
        dot + "}\n"
    }
}

impl<T: Real> fmt::Display for Graph<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "graph {}, {} nodes", T::NAME, self.len())?;
        // Widths are those of a screenful: a long graph is written as it is walked, never held as text.
        const MEASURED: usize = 200;
        let measured: Vec<_> = (0..self.len().min(MEASURED)).map(|i| self.line(NodeId(i as u32))).collect();
        let width = |part: fn(&Line) -> &str| {
            measured.iter().map(|line| part(line).chars().count()).max().unwrap_or(0)
        };
        let (place, name) = (width(|l| &l.place), width(|l| &l.name));
        let (shape, call) = (width(|l| &l.shape), width(|l| &l.call));
        for index in 0..self.len() {
            let l = self.line(NodeId(index as u32));
            write!(
                f,
                "\n  {:place$} {:name$} {:shape$}  {:call$}  {}",
                l.place, l.name, l.shape, l.call, l.origin
            )?;
        }
        Ok(())
    }
}
