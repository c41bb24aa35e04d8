//! One small network, node by node: the graph, the values that the interpreter finds, and what the compiler
//! makes of it.
//!
//! The network is a perceptron of 2 inputs, 3 rectifiers and 2 classes on two examples, small enough that
//! every number can be followed by hand: what each node computes, and, in the backward pass, the derivative of
//! the loss with respect to each.

use autograd::{Draw, Feed, Graph, Interpreter, NodeId, Plan, Tensor, Value, grad};
use nn::loss::{Reduction, cross_entropy};
use nn::{Activation, Layer, Mode, Sequential, initialise};
use serde::Serialize;
use std::fmt;

/// One node with its value.
#[derive(Debug, Serialize)]
pub struct TracedNode {
    /// Its place in the graph.
    pub place: usize,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// What it computes.
    pub operation: String,
    /// The places of its inputs.
    pub inputs: Vec<usize>,
    /// Its shape.
    pub shape: Vec<usize>,
    /// The source line that recorded it, or that it is the derivative of.
    pub origin: String,
    /// Its value, row-major. Labels are written as numbers too.
    pub value: Vec<f64>,
}

/// The network's nodes, forward and backward, and its compiled plan.
#[derive(Debug, Serialize)]
pub struct Trace {
    /// The nodes that compute the loss.
    pub forward: Vec<TracedNode>,
    /// The nodes that compute its gradient.
    pub backward: Vec<TracedNode>,
    /// The place of the loss.
    pub loss: usize,
    /// Each parameter with the place of its gradient.
    pub gradients: Vec<(String, usize)>,
    /// What the compiler made of all that.
    pub plan: String,
    /// The graph in Graphviz' language.
    #[serde(skip)]
    pub dot: String,
}

impl Trace {
    /// Records, differentiates and evaluates the network with weights drawn by `seed`.
    pub fn new(seed: u64) -> Trace {
        let model = Sequential::<f64>::mlp(&[2, 3, 2], Activation::Relu);
        let graph = Graph::new();
        let (x, labels) = (graph.input("x", [2, 2]), graph.indices("labels", [2]));
        let logits = model.forward(x, Mode::Train).named("logits");
        let loss = cross_entropy(logits, labels, Reduction::Mean).named("loss");
        let recorded = graph.len();
        let parameters = graph.parameters();
        let variables: Vec<_> = parameters.iter().map(|(_, variable)| *variable).collect();
        let slopes = grad(loss, &variables);
        let mut gradients = Vec::new();
        for ((name, _), slope) in parameters.iter().zip(&slopes) {
            slope.named(&format!("∂{name}"));
            gradients.push((name.to_string(), slope.id().index()));
        }

        let values = initialise(&model, seed);
        let x_value = Tensor::new([2, 2], vec![1.0, 0.5, -0.5, 2.0]);
        let label_values = Tensor::new([2], vec![0, 1]);
        let feeds = [("x", Feed::from(&x_value)), ("labels", Feed::from(&label_values))];
        let interpreter = Interpreter { parameters: &values, draw: Draw::default() };
        let wanted: Vec<NodeId> = [loss].iter().chain(&slopes).map(|variable| variable.id()).collect();
        let run = interpreter.run(&graph, &wanted, &feeds).expect("the feeds are the trace's own");

        let ids = graph.ids();
        let traced: Vec<TracedNode> = ids
            .filter_map(|id| {
                let value = match run.value(id)? {
                    Value::Real(value) => value.data().to_vec(),
                    Value::Index(value) => value.data().iter().map(|&label| f64::from(label)).collect(),
                };
                let node = graph.node(id);
                let file = node.location.file().rsplit(['/', '\\']).next().unwrap_or_default();
                Some(TracedNode {
                    place: id.index(),
                    name: graph.name_of(id).map(|name| name.to_string()),
                    operation: node.op.name(),
                    inputs: node.inputs.iter().map(|input| input.index()).collect(),
                    shape: node.shape.lengths().to_vec(),
                    origin: format!(
                        "{}{file}:{}",
                        if node.derived { "∂ " } else { "" },
                        node.location.line()
                    ),
                    value,
                })
            })
            .collect();
        let (forward, backward) = traced.into_iter().partition(|node| node.place < recorded);
        let mut plan = Plan::builder(&graph).output("loss", loss);
        for ((name, _), slope) in parameters.iter().zip(&slopes) {
            plan = plan.output(&format!("∂{name}"), *slope);
        }
        let plan = plan.compile().explain();
        Trace { forward, backward, loss: loss.id().index(), gradients, plan, dot: graph.to_dot() }
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Forward: each node is computed from earlier ones.\n")?;
        self.forward.iter().try_for_each(|node| writeln!(f, "{node}"))?;
        writeln!(f, "\nBackward: the derivative of the loss, by the rule of the node at the line")?;
        writeln!(f, "behind ∂. These are nodes of the same graph, and can be differentiated again.\n")?;
        self.backward.iter().try_for_each(|node| writeln!(f, "{node}"))?;
        writeln!(f, "\nCompiled: what remains of both, in steps that share one block of memory.\n")?;
        write!(f, "{}", self.plan.trim_end())
    }
}

impl fmt::Display for TracedNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inputs: Vec<String> = self.inputs.iter().map(|input| format!("%{input}")).collect();
        let call = format!("{} {}", self.operation, inputs.join(" "));
        let name = self.name.as_deref().unwrap_or_default();
        let place = format!("%{}", self.place);
        write!(f, "{place:>4}  {name:<16} {:<8} {:<28} {}", format!("{:?}", self.shape), call, self.origin)?;
        let columns = self.shape.last().copied().unwrap_or(1).max(1);
        for row in self.value.chunks(columns) {
            let numbers: Vec<String> = row.iter().map(|value| format!("{value:>10.4}")).collect();
            write!(f, "\n      {}", numbers.join(""))?;
        }
        Ok(())
    }
}
