//! The engine for both element types, compiled here once.
//!
//! Generic code is compiled in the crate that first uses it with a type. Without this module that would be each
//! program, test and benchmark, again and again; at the low optimisation levels of development the compiler
//! shares what a dependency has already compiled.

use crate::{Graph, Parameters, Plan, Real, Tensor, grad, interpret};

/// A use of all that a program needs: recording, differentiating, interpreting, compiling, running.
fn engine<T: Real>() {
    let graph = Graph::<T>::new();
    let w = graph.parameter("w", [2, 2]);
    let loss = w.matmul(w).tanh().sum();
    let slope = grad(loss, &[w])[0];
    let mut parameters = Parameters::new();
    parameters.insert("w", Tensor::zeros([2, 2]));
    drop(interpret(&[loss, slope], &[], Some(&parameters)));
    let mut plan = Plan::builder(&graph).output("loss", loss).update(w, w - slope).compile();
    drop(plan.run(&mut parameters, &[]).map(|outputs| outputs.scalar("loss")));
    drop(plan.explain().to_string());
}

/// Keeps [`engine`], which nothing calls, in the crate.
#[used]
static ENGINES: [fn(); 2] = [engine::<f32>, engine::<f64>];
