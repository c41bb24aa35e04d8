//! k-winners-take-all: of each example's units the `k` largest stay, the others are 0 (Makhzani and Frey,
//! *k-Sparse Autoencoders*, ICLR 2014).
//!
//! ```text
//! y = x m(x),    m = 1 for the k largest along the last axis, 0 for the others
//! ```
//!
//! | rule | |
//! |---|---|
//! | ties | the first of equals wins: there are exactly `k` winners in each row |
//! | derivative | that of `x m` with `m` a constant: straight through to the winners, 0 to the others |
//! | NaN | counts as larger than any number: it wins, and is seen |
//! | `k` of the row's length or more | the variable itself |
//!
//! At a tie between the last winner and the first loser the function jumps, and the derivative is that of the
//! branch taken. The layer does the same while training and while predicting; for the latter its authors
//! use a larger `k`, which is another layer.
//!
//! ```
//! use autograd::{Feed, Graph, Tensor, interpret};
//! use regularize::sparsity::k_winners;
//! let graph = Graph::<f64>::new();
//! let x = graph.input("x", [1, 5]);
//! let value = Tensor::new([1, 5], vec![3.0, -1.0, 7.0, 3.0, 0.0]);
//! let found = interpret(&[k_winners(x, 2)], &[("x", Feed::from(&value))], None)?;
//! assert_eq!(found[0].data(), [3.0, 0.0, 7.0, 0.0, 0.0]);
//! # Ok::<(), autograd::RunError>(())
//! ```

use crate::error::{RegularizeError, at_least_one};
use autograd::{Custom, Real, Shape, Var};
use nn::{Layer, Mode};
use std::cmp::Ordering;

/// The `k` largest along the last axis, the others 0. See the [module documentation](self).
///
/// # Panics
/// If `x` is a scalar.
///
/// ```
/// use autograd::{Graph, Tensor, grad, interpret};
/// use regularize::sparsity::k_winners;
/// let graph = Graph::<f64>::new();
/// let x = graph.constant(Tensor::new([3], vec![2.0, 5.0, 4.0]));
/// let slope = grad(k_winners(x, 2).powi(2).sum(), &[x])[0];
/// assert_eq!(interpret(&[slope], &[], None)?[0].data(), [0.0, 10.0, 8.0]); // the winners' alone
/// assert_eq!(k_winners(x, 3).id(), x.id());
/// # Ok::<(), autograd::RunError>(())
/// ```
#[track_caller]
pub fn k_winners<'g, T: Real>(x: Var<'g, T>, k: usize) -> Var<'g, T> {
    let shape = x.shape();
    assert!(shape.rank() > 0, "k_winners: a scalar has no last axis");
    if k >= shape.last() { x } else { x * winners(x, k) }
}

/// The mask `m(x)` of ones and zeros. Its derivative is 0.
///
/// # Panics
/// If `x` is a scalar.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::sparsity::winners;
/// let graph = Graph::<f64>::new();
/// let x = graph.constant(Tensor::new([2, 3], vec![2.0, 5.0, 4.0, 1.0, 1.0, 1.0]));
/// assert_eq!(interpret(&[winners(x, 2)], &[], None)?[0].data(), [0.0, 1.0, 1.0, 1.0, 1.0, 0.0]);
/// # Ok::<(), autograd::RunError>(())
/// ```
#[track_caller]
pub fn winners<'g, T: Real>(x: Var<'g, T>, k: usize) -> Var<'g, T> {
    let shape = x.shape();
    assert!(shape.rank() > 0, "k_winners: a scalar has no last axis");
    if k >= shape.last() { x.like(1.0) } else { Var::custom(Winners { k }, &[x.detach()]) }
}

/// The mask as an operation: a partial sort of each row.
#[derive(Debug)]
struct Winners {
    k: usize,
}

impl<T: Real> Custom<T> for Winners {
    fn name(&self) -> String {
        format!("winners {}", self.k)
    }

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        Ok(inputs[0])
    }

    fn forward(&self, inputs: &[(&[T], Shape)], output: &mut [T]) {
        output.fill(T::ZERO);
        let (x, shape) = inputs[0];
        let width = shape.last();
        if self.k == 0 || width == 0 {
            return;
        }
        let mut order: Vec<usize> = Vec::with_capacity(width);
        for (row, mask) in x.chunks_exact(width).zip(output.chunks_exact_mut(width)) {
            order.clear();
            order.extend(0..width);
            if self.k < width {
                order.select_nth_unstable_by(self.k - 1, |&a, &b| {
                    larger_first(row[a], row[b]).then(a.cmp(&b))
                });
            }
            order[..self.k.min(width)].iter().for_each(|&winner| mask[winner] = T::ONE);
        }
    }

    /// None: `x` comes detached, so that nobody asks for a derivative.
    fn vjp<'g>(&self, _: &[Var<'g, T>], _: Var<'g, T>, _: usize, _: Var<'g, T>) -> Option<Var<'g, T>> {
        None
    }
}

/// Descending, NaN before all numbers, 0 and -0 equal.
fn larger_first<T: Real>(a: T, b: T) -> Ordering {
    match (a.is_nan(), b.is_nan()) {
        (false, false) => b.partial_cmp(&a).expect("neither is NaN"),
        (a, b) => b.cmp(&a),
    }
}

/// [`k_winners`] as a layer.
///
/// ```
/// use autograd::{Graph, interpret};
/// use nn::{Layer, Mode, Sequential, initialise};
/// use regularize::sparsity::KWinners;
/// let sparse = Sequential::<f32>::new().linear(64, 256).then(KWinners::new(25)?);
/// let graph = Graph::new();
/// let h = sparse.forward(graph.fill([1, 64], 1.0), Mode::Train);
/// let found = interpret(&[h], &[], Some(&initialise(&sparse, 1)))?.remove(0);
/// assert_eq!(found.data().iter().filter(|&&h| h != 0.0).count(), 25);
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KWinners {
    k: usize,
}

impl KWinners {
    /// A layer with `k` winners.
    ///
    /// # Errors
    /// If there are none: nothing would come through.
    pub fn new(k: usize) -> Result<KWinners, RegularizeError> {
        at_least_one("number of winners", k)?;
        Ok(KWinners { k })
    }
}

impl<T: Real> Layer<T> for KWinners {
    fn forward<'g>(&self, x: Var<'g, T>, _: Mode) -> Var<'g, T> {
        k_winners(x, self.k)
    }
}

#[cfg(test)]
mod tests;
