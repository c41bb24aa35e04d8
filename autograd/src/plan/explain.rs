//! What compiling made of a graph, for reading: stages, steps, memory, work.

use super::Plan;
use super::memory::Layout;
use super::program::Program;
use super::run::Compiled;
use super::schedule::{Kind, Schedule, Step};
use crate::graph::Graph;
use crate::real::Real;
use std::fmt::{self, Write};

/// The figures and lines of [`Plan::explain`], gathered while everything is at hand.
#[derive(Debug)]
pub(super) struct Summary {
    recorded: usize,
    needed: usize,
    program: usize,
    views: usize,
    pointwise: usize,
    groups: usize,
    kernels: usize,
    joined: usize,
    operations: usize,
    arena_bytes: usize,
    without_reuse_bytes: usize,
    parameter_bytes: usize,
    in_place_updates: usize,
    updates: usize,
    lines: Vec<String>,
}

impl Summary {
    pub fn new<T: Real>(
        graph: &Graph<T>,
        program: &Program<T>,
        schedule: &Schedule,
        layout: &Layout,
        steps: &[Compiled<T>],
    ) -> Summary {
        let kind = |wanted: Kind| schedule.kinds.iter().filter(|&&kind| kind == wanted).count();
        let bytes = |elements: usize| elements * size_of::<T>();
        let parameters = layout.parameters.iter().map(|id| program.nodes[id.index()].shape.numel());
        let count = |wanted: fn(&Step) -> bool| schedule.steps.iter().filter(|step| wanted(step)).count();
        let lines = (schedule.steps.iter().zip(steps))
            .map(|(step, compiled)| {
                let last = step.nodes().last().expect("every step computes something");
                let node = &program.nodes[last.index()];
                let file = node.location.file();
                let file = file.rsplit(['/', '\\']).next().unwrap_or(file);
                let mark = if node.derived { "∂ " } else { "" };
                let mut line = format!("{}  {mark}{file}:{}", compiled.describe(), node.location.line());
                if let Step::Group { nodes, .. } | Step::Product { nodes, .. } = step {
                    let names: Vec<_> = nodes.iter().map(|id| program.nodes[id.index()].op.name()).collect();
                    let _ = write!(line, "\n         {}", shortened(&names));
                }
                line
            })
            .collect();
        Summary {
            recorded: graph.len(),
            needed: program.needed,
            program: program.nodes.len(),
            views: kind(Kind::View),
            pointwise: kind(Kind::Pointwise) + kind(Kind::Copy),
            groups: count(|step| !matches!(step, Step::Kernel(_))),
            kernels: count(|step| !matches!(step, Step::Group { .. })),
            joined: count(|step| matches!(step, Step::Product { .. })),
            operations: steps.iter().map(Compiled::operations).sum(),
            arena_bytes: bytes(layout.arena),
            without_reuse_bytes: bytes(layout.without_reuse),
            parameter_bytes: bytes(parameters.sum()),
            in_place_updates: program.updates.len() - layout.copied_updates.len(),
            updates: program.updates.len(),
            lines,
        }
    }
}

/// Operation names on one line of an 80-column terminal.
fn shortened(names: &[String]) -> String {
    const WIDTH: usize = 68;
    let mut line = String::new();
    for (position, name) in names.iter().enumerate() {
        if line.chars().count() + name.len() > WIDTH {
            let _ = write!(line, ".. {} more", names.len() - position);
            break;
        }
        line.push_str(name);
        line.push(' ');
    }
    line.trim_end().to_string()
}

/// A number of bytes in the unit that suits it.
struct Bytes(usize);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            n if n >= 10 << 20 => write!(f, "{:.1} MiB", n as f64 / (1 << 20) as f64),
            n if n >= 10 << 10 => write!(f, "{:.1} KiB", n as f64 / 1024.0),
            n => write!(f, "{n} bytes"),
        }
    }
}

impl<T: Real> Plan<T> {
    /// What became of the graph: nodes at each stage, steps, work and memory.
    ///
    /// ```
    /// use autograd::{Graph, Plan};
    /// let graph = Graph::<f32>::new();
    /// let x = graph.input("x", [100]);
    /// let plan = Plan::builder(&graph).output("y", (x * 2.0).exp() + 1.0).compile();
    /// let text = plan.explain();
    /// assert!(text.contains("3 pointwise nodes in 1 group"), "{text}");
    /// ```
    pub fn explain(&self) -> String {
        let s = &self.summary;
        let plural = |n: usize, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
        let mut text = format!(
            "plan {}\n  program   {} of {} recorded nodes are needed; {} remain\n",
            T::NAME,
            s.needed,
            s.recorded,
            s.program
        );
        let _ = writeln!(
            text,
            "  schedule  {} in {}, {} ({} of them into a group), {}",
            plural(s.pointwise, "pointwise node"),
            plural(s.groups, "group"),
            plural(s.kernels, "kernel"),
            s.joined,
            plural(s.views, "view")
        );
        let _ = writeln!(
            text,
            "  memory    {} arena, {} without reuse; {} of parameters",
            Bytes(s.arena_bytes),
            Bytes(s.without_reuse_bytes),
            Bytes(s.parameter_bytes)
        );
        let _ = writeln!(
            text,
            "  work      {:.3} Mflop in products; {} of {} in place",
            s.operations as f64 / 1e6,
            s.in_place_updates,
            plural(s.updates, "update")
        );
        for (number, line) in s.lines.iter().enumerate() {
            let _ = writeln!(text, "  {number:>4}  {line}");
        }
        text
    }
}
