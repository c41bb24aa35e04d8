//! An operation of the user's own.
//!
//! A [`Custom`] operation is a kernel together with either the same function as an expression in graph
//! variables, from which derivatives of every order follow, or products of the user's own. The first is
//! preferred: a fast forward, and nothing to derive. `check::agrees` holds the kernel to the expression.
//!
//! ```
//! use autograd::{Custom, Graph, Shape, Var, grad, interpret, Feed};
//!
//! /// y = x², evaluated by a kernel of its own.
//! #[derive(Debug)]
//! struct Square;
//! impl Custom<f64> for Square {
//!     fn name(&self) -> String {
//!         "square".into()
//!     }
//!     fn shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
//!         Ok(inputs[0])
//!     }
//!     fn forward(&self, inputs: &[(&[f64], Shape)], output: &mut [f64]) {
//!         output.iter_mut().zip(inputs[0].0).for_each(|(y, x)| *y = x * x);
//!     }
//!     fn expression<'g>(&self, inputs: &[Var<'g, f64>]) -> Option<Var<'g, f64>> {
//!         Some(inputs[0] * inputs[0])
//!     }
//! }
//!
//! let graph = Graph::new();
//! let x = graph.scalar("x");
//! let y = Var::custom(Square, &[x]);
//! let slope = grad(y, &[x])[0];
//! let values = interpret(&[slope], &[("x", Feed::Scalar(3.0))], None).unwrap();
//! assert_eq!(values[0].item(), 6.0);
//! ```

use super::{Call, Op, Shared};
use crate::error::GraphError;
use crate::grad;
use crate::graph::Var;
use crate::real::Real;
use crate::shape::Shape;
use std::fmt::Debug;
use std::sync::Arc;

/// A user's operation on real values. See the [module documentation](self).
pub trait Custom<T: Real>: Debug + Send + Sync {
    /// The name in listings and messages.
    fn name(&self) -> String;

    /// The shape of the result, or why these inputs do not fit.
    fn shape(&self, inputs: &[Shape]) -> Result<Shape, String>;

    /// The kernel: writes every element of `output`. It must be a pure function of its inputs.
    fn forward(&self, inputs: &[(&[T], Shape)], output: &mut [T]);

    /// The same function in graph variables, or `None`, the default, if the products are given instead.
    fn expression<'g>(&self, _inputs: &[Var<'g, T>]) -> Option<Var<'g, T>> {
        None
    }

    /// The cotangent of the input at `position`; `None` is zero. By default, that of the expression.
    ///
    /// # Panics
    /// By default, if there is no expression.
    fn vjp<'g>(
        &self,
        inputs: &[Var<'g, T>],
        _output: Var<'g, T>,
        position: usize,
        cotangent: Var<'g, T>,
    ) -> Option<Var<'g, T>> {
        let stand_ins = stand_ins(inputs);
        let expression = self.expression(&stand_ins).unwrap_or_else(|| self.missing("VJP"));
        grad::try_vjp(expression, cotangent, &[stand_ins[position]]).ok().map(|found| found[0])
    }

    /// The tangent of the result, given those of the inputs; `None` is zero. By default, that of the
    /// expression.
    ///
    /// # Panics
    /// By default, if there is no expression.
    fn jvp<'g>(
        &self,
        inputs: &[Var<'g, T>],
        _output: Var<'g, T>,
        tangents: &[Option<Var<'g, T>>],
    ) -> Option<Var<'g, T>> {
        let stand_ins = stand_ins(inputs);
        let expression = self.expression(&stand_ins).unwrap_or_else(|| self.missing("JVP"));
        let (wrt, along): (Vec<_>, Vec<_>) =
            stand_ins.iter().zip(tangents).filter_map(|(x, v)| v.map(|v| (*x, v))).unzip();
        grad::try_jvp(expression, &wrt, &along).ok()
    }

    /// Reports a missing rule.
    #[doc(hidden)]
    fn missing(&self, product: &str) -> ! {
        panic!("{}: a custom operation needs an expression or a {product} of its own", self.name())
    }
}

impl<'g, T: Real> Var<'g, T> {
    /// Records a user's operation.
    ///
    /// # Panics
    /// If the operation refuses the inputs' shapes, or there are none.
    #[track_caller]
    pub fn custom(operation: impl Custom<T> + 'static, inputs: &[Var<'g, T>]) -> Var<'g, T> {
        assert!(!inputs.is_empty(), "{}: a custom operation needs an input", operation.name());
        let graph = inputs[0].graph;
        inputs.iter().for_each(|input| input.same_graph(graph, "custom"));
        let shapes: Vec<_> = inputs.iter().map(|input| input.shape()).collect();
        let ids: Vec<_> = inputs.iter().map(|input| input.id).collect();
        match operation.shape(&shapes) {
            Ok(shape) => graph.record_real(Op::Custom(Shared(Arc::new(operation))), &ids, shape),
            Err(problem) => {
                let error = GraphError::new(operation.name(), problem);
                let error = ids.iter().enumerate().fold(error, |error, (position, &id)| {
                    error.operand(&format!("input {position}"), graph, id)
                });
                panic!("{error}")
            }
        }
    }
}

/// A node of its own for each input, equal in value: one variable may be given as several inputs, and the
/// derivative in one position must not count the others.
fn stand_ins<'g, T: Real>(inputs: &[Var<'g, T>]) -> Vec<Var<'g, T>> {
    inputs.iter().map(|x| x.graph.record_real(Op::Reshape, &[x.id], x.shape())).collect()
}

fn inputs<'g, T: Real>(call: &Call<'g, T>) -> Vec<Var<'g, T>> {
    (0..call.inputs.len()).map(|position| call.input(position)).collect()
}

pub(super) fn vjp<'g, T: Real>(
    call: &Call<'g, T>,
    custom: &dyn Custom<T>,
    position: usize,
    cotangent: Var<'g, T>,
) -> Option<Var<'g, T>> {
    let result = custom.vjp(&inputs(call), call.output(), position, cotangent)?;
    assert!(
        result.shape() == call.input_shape(position),
        "{}: the cotangent of input {position} has shape {}, the input {}",
        custom.name(),
        result.shape(),
        call.input_shape(position)
    );
    Some(result)
}

pub(super) fn jvp<'g, T: Real>(
    call: &Call<'g, T>,
    custom: &dyn Custom<T>,
    tangents: &[Option<Var<'g, T>>],
) -> Option<Var<'g, T>> {
    let result = custom.jvp(&inputs(call), call.output(), tangents)?;
    assert!(
        result.shape() == call.output().shape(),
        "{}: the tangent has shape {}, the result {}",
        custom.name(),
        result.shape(),
        call.output().shape()
    );
    Some(result)
}
