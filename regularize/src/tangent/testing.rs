//! A small network as an expression, for the tests of this folder.

use crate::testing::numbers;
use autograd::{Tensor, Var};

/// `tanh(x U) V` for `[x, U, V]`.
pub fn network<'g>(x: &[Var<'g, f64>]) -> Var<'g, f64> {
    x[0].matmul(x[1]).tanh().matmul(x[2])
}

/// `x: [n, d]`, `U: [d, h]`, `V: [h, c]`.
pub fn values(n: usize, d: usize, h: usize, c: usize, seed: u64) -> Vec<Tensor<f64>> {
    [[n, d], [d, h], [h, c]].into_iter().zip(0..).map(|(s, i)| numbers(s, -1.0, 1.0, seed ^ i)).collect()
}

/// The Jacobian `[c][d]` of the network at example `i`, by hand: `Vᵀ diag(1 - tanh²) Uᵀ`.
pub fn jacobian(values: &[Tensor<f64>], i: usize) -> Vec<Vec<f64>> {
    let (d, h, c) = (values[1].shape()[0], values[1].shape()[1], values[2].shape()[1]);
    let at = |k: usize, row: usize, column: usize| values[k].data()[row * values[k].shape()[1] + column];
    let hidden = |j: usize| (0..d).map(|k| at(0, i, k) * at(1, k, j)).sum::<f64>().tanh();
    let slopes: Vec<f64> = (0..h).map(|j| 1.0 - hidden(j).powi(2)).collect();
    let entry = |r: usize, k: usize| (0..h).map(|j| at(2, j, r) * slopes[j] * at(1, k, j)).sum();
    (0..c).map(|r| (0..d).map(|k| entry(r, k)).collect()).collect()
}
