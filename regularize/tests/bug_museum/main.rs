//! The bug museum: defects found in published libraries, each planted again here and killed.
//!
//! A test states a property as a function of an implementation. Ours must have it; the defect, written out
//! as an implementation of its own, must not: a property that cannot tell the two apart proves nothing.
//!
//! A file for each family of techniques; each begins with the table of its defects.

mod adversarial;
mod augmentation;
mod constraint;
mod dropout;
mod early_stopping;
mod flatness;
mod hyper_gradient;
mod noise;
mod penalty;
mod reparameterisation;
mod sharing;
mod sparsity;

use autograd::{Feed, Graph, Tensor, Var, interpret};
use regularize::{Dropout, FastGradient, RegularizeError};

/// The value of one expression of one fed input.
fn value(x: &Tensor<f64>, f: impl for<'g> Fn(Var<'g, f64>) -> Var<'g, f64>) -> Vec<f64> {
    let graph = Graph::new();
    let output = f(graph.input("x", x.shape()));
    interpret(&[output], &[("x", Feed::from(x))], None).unwrap().remove(0).into_data()
}

fn vector(values: &[f64]) -> Tensor<f64> {
    Tensor::new([values.len()], values.to_vec())
}

/// Errors are values: none of the refusals above is a panic.
#[test]
fn refusals_are_typed() {
    assert!(matches!(Dropout::new(1.0), Err(RegularizeError::Hyperparameter(_))));
    assert!(matches!(FastGradient::new(0.1).unwrap().within(1.0, 0.0), Err(RegularizeError::Bounds { .. })));
}
