//! Hand-written reverse-mode automatic differentiation, compiled to fused SIMD plans.
//!
//! # A tour
//!
//! **A graph is data.** Recording an operation appends a node to a [`Graph`] and computes nothing. A
//! [`Var`] is a `Copy` handle to a node; shapes are checked at once, and an error names both operands, the
//! axis at fault and the line.
//!
//! ```
//! use autograd::{Feed, Graph, Parameters, Plan, Tensor, grad, interpret};
//!
//! let graph = Graph::<f64>::new();
//! let x = graph.input("x", [2, 3]);
//! let labels = graph.indices("labels", [2]);
//! let w = graph.parameter("w", [3, 4]);
//! let loss = x.matmul(w).cross_entropy(labels).named("loss");
//! ```
//!
//! **Gradients are ordinary nodes.** [`grad()`] appends them to the same graph, with respect to anything,
//! inputs included. The adversarial example of Goodfellow et al. (2015) is one line, and so is a penalty on
//! the input gradient, which needs the gradient of a gradient:
//!
//! ```
//! # use autograd::{Feed, Graph, Parameters, Plan, Tensor, grad, interpret};
//! # let graph = Graph::<f64>::new();
//! # let x = graph.input("x", [2, 3]);
//! # let labels = graph.indices("labels", [2]);
//! # let w = graph.parameter("w", [3, 4]);
//! # let loss = x.matmul(w).cross_entropy(labels).named("loss");
//! let slope = grad(loss, &[x])[0];
//! let adversarial = x + 0.1 * slope.sign();
//! let penalised = loss + 0.01 * slope.norm_squared();
//! let gradient = grad(penalised, &[w])[0];
//! ```
//!
//! **Two evaluators over one graph.** [`interpret`] is the plain one, node after node. A [`Plan`] is the
//! compiled one: simplified, fused, laid out in one arena, with the parameters' updates inside. It gives the
//! interpreter's bits, for any number of threads, and allocates nothing from run to run.
//!
//! ```
//! # use autograd::{Feed, Graph, Parameters, Plan, Tensor, grad, interpret};
//! # let graph = Graph::<f64>::new();
//! # let x = graph.input("x", [2, 3]);
//! # let labels = graph.indices("labels", [2]);
//! # let w = graph.parameter("w", [3, 4]);
//! # let loss = x.matmul(w).cross_entropy(labels).named("loss");
//! # let gradient = grad(loss, &[w])[0];
//! let mut step = Plan::builder(&graph).output("loss", loss).update(w, w - 0.5 * gradient).compile();
//! println!("{}", step.explain());
//!
//! let mut parameters = Parameters::new();
//! parameters.insert("w", Tensor::zeros([3, 4]));
//! let images = Tensor::from_fn([2, 3], |i| i as f64);
//! let classes = Tensor::new([2], vec![1u32, 3]);
//! let feeds = [("x", Feed::from(&images)), ("labels", Feed::from(&classes))];
//! let first = step.run(&mut parameters, &feeds)?.scalar("loss");
//! let second = step.run(&mut parameters, &feeds)?.scalar("loss");
//! assert!(second < first);
//! # Ok::<(), autograd::RunError>(())
//! ```
//!
//! **Verified.** [`check`] compares derivatives with differences whose error bars are the tolerance, forward
//! with reverse sweep to rounding, and says what it could not check. Every primitive is held to it:
//! [`check::rules`].
//!
//! # Where to read on
//!
//! | module | what |
//! |---|---|
//! | [`notation`] | the symbols of all formulas |
//! | [`graph`], [`shape`], [`tensor`], [`parameters`] | the data |
//! | [`ops`] | every primitive with its rules; [`ops::pointwise`] is *the* table |
//! | [`grad`](mod@grad) | reverse and forward sweep, Hessian-vector products |
//! | [`substitute`](mod@substitute) | the same expression of other variables |
//! | [`eval`] | the interpreter |
//! | [`plan`] | the compiler, four stages, a file each |
//! | [`kernel`] | matrix products, tiles, reductions, elementary functions, random numbers |
//! | [`check`] | the gradient checker |
//! | [`error`], [`feed`], [`display`] | what errors, runs and listings say |
//!
//! # What is not there
//!
//! Loops within a graph (unroll them), shapes that change from run to run (one plan for each shape), complex
//! numbers, other devices than the processor, saving and loading of graphs.

pub mod check;
pub mod display;
pub mod error;
pub mod eval;
pub mod feed;
pub mod grad;
pub mod graph;
mod instances;
pub mod kernel;
pub mod notation;
pub mod ops;
pub mod parameters;
pub mod plan;
pub mod real;
pub mod shape;
pub mod substitute;
pub mod tensor;

pub use error::GraphError;
pub use eval::{Interpreter, NonFinite, Run, Value, interpret, interpret_indices};
pub use feed::{Feed, RunError};
pub use grad::{grad, grad_or_zero, hessian, hvp, jacobian, jvp, try_grad, try_jvp, try_vjp, vjp};
pub use graph::{Element, Graph, IndexVar, Node, NodeId, ProposedUpdate, Var};
pub use ops::Op;
pub use ops::custom::Custom;
pub use ops::random::Draw;
pub use ops::window::Window;
pub use parameters::Parameters;
pub use plan::{Outputs, Plan, PlanBuilder, Simplify};
pub use real::Real;
pub use shape::{MAX_RANK, Shape};
pub use substitute::{substitute, substitute_with_indices};
pub use tensor::{ElementCountError, Tensor};
