//! Single precision against double precision.
//!
//! A derivative in single precision is never checked by differences in single precision: those are good
//! to three or four digits. The same graph is built in both precisions instead, on inputs that are
//! exactly representable in both, and the results are compared in units of the last place. That is
//! between a hundred and a thousand times sharper.
//!
//! ```
//! use autograd::check::{Build, Checker};
//! use autograd::{Feed, Graph, Parameters, Real, Tensor, Var};
//!
//! struct Loss;
//! impl Build for Loss {
//!     fn build<'g, T: Real>(&self, graph: &'g Graph<T>) -> Var<'g, T> {
//!         let (x, w) = (graph.input("x", [4]), graph.parameter("w", [4]));
//!         (x * w).tanh().powi(2).mean()
//!     }
//! }
//!
//! let x = Tensor::new([4], vec![0.1, -0.4, 1.3, 0.7]);
//! let w = Parameters::from_iter([("w", Tensor::new([4], vec![1.0, 0.3, -0.2, 0.9]))]);
//! Checker::new("loss").precision(&Loss, &[("x", Feed::from(&x))], &w)?.assert();
//! # Ok::<(), autograd::RunError>(())
//! ```

use super::closure::Checker;
use super::magnitude::magnitudes;
use super::random::SplitMix64;
use super::report::Report;
use super::verdict::{Place, Record, Stage, Test, Trouble};
use crate::eval::Interpreter;
use crate::feed::{Feed, RunError};
use crate::grad::grad_or_zero;
use crate::graph::{Graph, NodeId, Var};
use crate::ops::Op;
use crate::parameters::Parameters;
use crate::real::Real;
use crate::shape::Shape;
use crate::tensor::Tensor;

/// A graph written once for both precisions. (A closure cannot be generic.)
pub trait Build {
    /// Records inputs, parameters and the output to be checked.
    fn build<'g, T: Real>(&self, graph: &'g Graph<T>) -> Var<'g, T>;
}

impl Checker {
    /// Compares output and gradients of a graph in single precision with those in double precision. The
    /// values are rounded to single precision first, so both start from the same numbers.
    ///
    /// An entry may differ by [`Checker::ulps`] units in the last place of the largest number that the entries
    /// of its tensor were added up from: what cancels to a small entry carries the rounding errors of large
    /// ones. An element within rounding
    /// of a kink may take another branch in single precision; keep such points out.
    ///
    /// # Errors
    /// If the feeds or parameters do not fit the graph.
    pub fn precision(
        &self,
        builder: &impl Build,
        feeds: &[(&str, Feed<'_, f64>)],
        parameters: &Parameters<f64>,
    ) -> Result<Report, RunError> {
        let single = self.run_in::<f32>(builder, feeds, parameters)?;
        let double = self.run_in::<f64>(builder, feeds, parameters)?;
        let entries: usize = double[1..].iter().map(|result| result.value.data().len()).sum();
        let mut report = self.blank_report(0);
        report.arguments = double[1..].iter().map(|r| (r.name.clone(), r.value.shape())).collect();
        report.entries = entries;
        for (expected, got) in double.iter().zip(&single) {
            let (covered, record) = self.compare_precision(expected, &got.value.cast());
            // The output is not an argument; its entries do not count as derivatives.
            report.covered += if report.records.is_empty() { 0 } else { covered };
            report.records.push(record);
        }
        Ok(report)
    }

    /// Output first, then the gradient of each parameter and real input, by name, all from values rounded
    /// to single precision.
    fn run_in<T: Real>(
        &self,
        builder: &impl Build,
        feeds: &[(&str, Feed<'_, f64>)],
        parameters: &Parameters<f64>,
    ) -> Result<Vec<Computed<T>>, RunError> {
        let graph = Graph::<T>::new();
        let output = builder.build(&graph);
        let mut random = SplitMix64::new(self.seed, 6);
        let weights = random.cotangent(output.shape().numel()).into_iter();
        let weights = Tensor::new(output.shape(), weights.map(|c| f64::from(c as f32)).collect());
        let scalar = (output * graph.constant(weights.cast::<T>())).sum();
        let targets: Vec<(String, Var<'_, T>)> = (0..graph.len())
            .filter_map(|index| {
                let id = NodeId(index as u32);
                match &graph.node(id).op {
                    Op::Input(name) | Op::Parameter(name) => Some((name.to_string(), id)),
                    _ => None,
                }
            })
            .map(|(name, id)| (name, graph.var(id)))
            .collect();
        let vars: Vec<Var<'_, T>> = targets.iter().map(|(_, var)| *var).collect();
        let gradients = grad_or_zero(scalar, &vars);

        let rounded: Vec<Option<Tensor<T>>> = feeds
            .iter()
            .map(|(_, feed)| match feed {
                Feed::Real(value) => Some(value.cast::<f32>().cast::<T>()),
                Feed::Scalar(value) => Some(Tensor::scalar(T::from_f64(f64::from(*value as f32)))),
                Feed::Index(_) => None,
            })
            .collect();
        let given: Vec<(&str, Feed<'_, T>)> = feeds
            .iter()
            .zip(&rounded)
            .map(|((name, feed), rounded)| match (feed, rounded) {
                (Feed::Index(value), _) => (*name, Feed::Index(value)),
                (Feed::Scalar(value), _) => (*name, Feed::Scalar(f64::from(*value as f32))),
                (Feed::Real(_), value) => (*name, Feed::Real(value.as_ref().expect("rounded above"))),
            })
            .collect();
        let parameters = parameters.cast::<f32>().cast::<T>();
        let results: Vec<Var<'_, T>> = [output].into_iter().chain(gradients).collect();
        let magnitudes = magnitudes(&graph, &results);
        let ids: Vec<NodeId> = results.iter().chain(&magnitudes).map(|var| var.id()).collect();
        let run = Interpreter { parameters: &parameters, draw: self.draw }.run(&graph, &ids, &given)?;
        let names = ["output".to_string()].into_iter().chain(targets.into_iter().map(|(name, _)| name));
        let computed = names.zip(results.iter().zip(&magnitudes)).map(|(name, (result, magnitude))| {
            let terms = run.get(*magnitude).data().iter().map(|x| x.to_f64());
            Computed { name, value: run.get(*result).clone(), size: terms.fold(0.0, f64::max) }
        });
        Ok(computed.collect())
    }

    /// The worst entry of a tensor, and how many are within the bound.
    fn compare_precision(&self, expected: &Computed<f64>, got: &Tensor<f64>) -> (usize, Record) {
        let Computed { name, value: expected, size } = expected;
        if let Some(first) = got.first_non_finite() {
            let reason = Trouble::NonFinite { first };
            return (
                0,
                Record::invalid(Test::Precision, entry(name, got.shape(), first), Stage::Vjp, reason),
            );
        }
        let tolerance = self.ulps * f64::from(f32::EPSILON) * size;
        let records: Vec<Record> = (0..expected.data().len())
            .map(|i| {
                let (expected_entry, got_entry) = (expected.data()[i], got.data()[i]);
                let place = entry(name, expected.shape(), i);
                Record::exact(Test::Precision, place, expected_entry, got_entry, tolerance)
            })
            .collect();
        let covered = records.iter().filter(|record| record.verdict.is_checked()).count();
        let worst = records.into_iter().max_by(|a, b| a.ratio().total_cmp(&b.ratio()));
        (covered, worst.unwrap_or_else(|| Record::exact(Test::Precision, Place::Whole, 0.0, 0.0, 0.0)))
    }
}

/// One result in one precision.
struct Computed<T: Real> {
    name: String,
    value: Tensor<T>,
    /// The largest number that its entries were added up from.
    size: f64,
}

fn entry(name: &str, shape: Shape, flat: usize) -> Place {
    let strides = shape.strides();
    let index = (0..shape.rank()).map(|axis| flat / strides[axis] % shape[axis]).collect();
    Place::Entry { argument: name.to_string(), flat, index }
}
