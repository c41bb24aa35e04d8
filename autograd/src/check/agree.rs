//! A user's operation against its own expression.
//!
//! A [`Custom`] operation promises that its kernel and its expression are one function, since the
//! derivatives come from the expression. That promise is what this checks, and that the kernel writes
//! every element of its output, and that the derivatives are those of the kernel.
//!
//! ```
//! use autograd::check::Checker;
//! use autograd::{Custom, Shape, Tensor, Var};
//!
//! #[derive(Clone, Debug)]
//! struct Cube;
//! impl Custom<f64> for Cube {
//!     fn name(&self) -> String {
//!         "cube".into()
//!     }
//!     fn shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
//!         Ok(inputs[0])
//!     }
//!     fn forward(&self, inputs: &[(&[f64], Shape)], output: &mut [f64]) {
//!         output.iter_mut().zip(inputs[0].0).for_each(|(y, x)| *y = x * x * x);
//!     }
//!     fn expression<'g>(&self, inputs: &[Var<'g, f64>]) -> Option<Var<'g, f64>> {
//!         Some(inputs[0].powi(3))
//!     }
//! }
//!
//! let x = Tensor::new([3], vec![0.5, -1.2, 2.0]);
//! Checker::new("cube").agrees(Cube, &[x]).assert();
//! ```

use super::closure::Checker;
use super::report::Report;
use super::verdict::{Place, Record, Stage, Test, Trouble};
use crate::eval::interpret;
use crate::feed::Feed;
use crate::graph::{Graph, NodeId, Var};
use crate::ops::custom::Custom;
use crate::ops::{Op, Shared};
use crate::tensor::Tensor;
use std::sync::Arc;

/// [`Checker::agrees`] with the default options.
///
/// # Panics
/// If the operation refuses the shapes of `inputs`.
#[track_caller]
pub fn agrees(operation: impl Custom<f64> + 'static, inputs: &[Tensor<f64>]) -> Report {
    Checker::new(operation.name()).agrees(operation, inputs)
}

impl Checker {
    /// Checks a user's operation at `inputs`: kernel against expression where there is one, every element
    /// written, and its derivatives like those of any [graph](Checker::graph).
    ///
    /// # Panics
    /// If the operation refuses the shapes of `inputs`.
    #[track_caller]
    pub fn agrees(&self, operation: impl Custom<f64> + 'static, inputs: &[Tensor<f64>]) -> Report {
        let operation: Arc<dyn Custom<f64>> = Arc::new(operation);
        let graph = Graph::<f64>::new();
        let names: Vec<String> = (0..inputs.len()).map(|position| format!("input {position}")).collect();
        let vars: Vec<Var<'_, f64>> =
            names.iter().zip(inputs).map(|(name, value)| graph.input(name, value.shape())).collect();
        let feeds: Vec<(&str, Feed<'_, f64>)> =
            names.iter().zip(inputs).map(|(name, value)| (name.as_str(), Feed::from(value))).collect();
        let shapes: Vec<_> = inputs.iter().map(Tensor::shape).collect();
        let shape = match operation.shape(&shapes) {
            Ok(shape) => shape,
            Err(problem) => panic!("{}: {problem}", operation.name()),
        };
        let ids: Vec<NodeId> = vars.iter().map(|var| var.id()).collect();
        let kernel = graph.record_real(Op::Custom(Shared(operation.clone())), &ids, shape);

        let given: Vec<_> = inputs.iter().map(|value| (value.data(), value.shape())).collect();
        let mut early = vec![unwritten(&*operation, &given, shape.numel())];
        if let Some(expression) = operation.expression(&vars) {
            early.push(match expression.shape() == shape {
                true => compare(kernel, expression, &feeds),
                false => {
                    let reason = Trouble::Shape { expected: shape.numel(), got: expression.shape().numel() };
                    Record::invalid(Test::Agreement, Place::Whole, Stage::Value, reason)
                }
            });
        }
        let mut report = self.graph(kernel, &vars, &feeds, None).expect("every input is fed");
        report.records.extend(early);
        report
    }
}

/// The kernel on two buffers with different contents: what it does not write shows as a difference.
fn unwritten(operation: &dyn Custom<f64>, given: &[(&[f64], crate::shape::Shape)], length: usize) -> Record {
    let run = |initial: f64| {
        let mut output = vec![initial; length];
        operation.forward(given, &mut output);
        output
    };
    let (one, other) = (run(f64::NAN), run(1.0));
    match one.iter().zip(&other).position(|(a, b)| a.to_bits() != b.to_bits()) {
        Some(first) => {
            Record::invalid(Test::Agreement, Place::Whole, Stage::Value, Trouble::NonDeterministic { first })
        }
        None => Record::exact(Test::Agreement, Place::Whole, 0.0, 0.0, 0.0),
    }
}

/// The worst element of kernel against expression: both are sums of the same terms in another order at
/// most, so 1e-12 of the largest element is generous to rounding and merciless to anything else.
fn compare(kernel: Var<'_, f64>, expression: Var<'_, f64>, feeds: &[(&str, Feed<'_, f64>)]) -> Record {
    let values = interpret(&[kernel, expression], feeds, None).expect("every input is fed");
    let (got, expected) = (values[0].data(), values[1].data());
    let size = expected.iter().fold(0.0f64, |m, x| m.max(x.abs()));
    let records = (0..got.len()).map(|flat| {
        let place = Place::Entry { argument: "output".to_string(), flat, index: vec![flat] };
        Record::exact(Test::Agreement, place, expected[flat], got[flat], 1e-12 * size)
    });
    let worst = records.max_by(|a, b| a.ratio().total_cmp(&b.ratio()));
    worst.unwrap_or_else(|| Record::exact(Test::Agreement, Place::Whole, 0.0, 0.0, 0.0))
}
