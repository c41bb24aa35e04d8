//! Hand-written reverse-mode automatic differentiation.

pub mod check;
pub mod display;
pub mod error;
pub mod eval;
pub mod feed;
pub mod grad;
pub mod graph;
pub mod kernel;
pub mod ops;
pub mod parameters;
pub mod plan;
pub mod real;
pub mod shape;
pub mod tensor;

pub use error::GraphError;
pub use eval::{Interpreter, NonFinite, Run, Value, interpret, interpret_indices};
pub use feed::{Feed, RunError};
pub use grad::{grad, grad_or_zero, hessian, hvp, jacobian, jvp, try_grad, try_jvp, try_vjp, vjp};
pub use graph::{Element, Graph, IndexVar, Node, NodeId, Var};
pub use ops::Op;
pub use ops::custom::Custom;
pub use ops::random::Draw;
pub use ops::window::Window;
pub use parameters::Parameters;
pub use plan::{Outputs, Plan, PlanBuilder, Simplify};
pub use real::Real;
pub use shape::{MAX_RANK, Shape};
pub use tensor::{ElementCountError, Tensor};
